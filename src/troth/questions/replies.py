"""Whether the sentences of a reply answer a question: by what they speak of, and by the form that an answer has.

Nothing here knows of turns or times: a question is a sentence, a reply a list of sentences. The same function serves
a mail that was sent and a draft that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import pyarrow as pa

from troth.questions.forms import QUESTION_BITS, REPLY_BITS, question_forms
from troth.words import content_stems

Verdict = Literal["answered", "partly", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question as the matching sees it."""

    text: str
    stems: frozenset[str]
    forms: int  # of `_OF_QUESTION`
    label: int | None = None  # its number, where the turn numbers its points
    follows: bool = False  # "Is that acceptable?": it asks about the question or wish right before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence of a reply."""

    start: int
    end: int
    text: str
    stems: frozenset[str]
    words: int
    forms: int  # of `_OF_REPLY`
    label: int | None = None
    quoted: str = ""  # what stands quoted right above it, white space made single


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a reply does to one question, and the sentence that does it."""

    verdict: Verdict
    line: Line | None = None


def read_lines(rows: Sequence[tuple[int, int, str]], body: str | None, forms: Sequence[int]) -> list[Line]:
    """The sentences of one turn as the matching sees them.

    Args:
        rows: start, end and text of each sentence, in order.
        body: of the turn; where it is not given, quotations and list marks before a sentence are not seen.
        forms: of each sentence, from `reply_forms`.
    """
    labels = read_labels(rows, body)
    quoted = _read_quotes(rows, body) if body and ">" in body else [""] * len(rows)
    return [
        Line(
            start=start,
            end=end,
            text=text,
            stems=content_stems(text),
            words=len(text.split()),
            forms=form,
            label=label,
            quoted=quote,
        )
        for (start, end, text), form, label, quote in zip(rows, forms, labels, quoted, strict=True)
    ]


def read_labels(rows: Sequence[tuple[int, int, str]], body: str | None) -> list[int | None]:
    """The number that each sentence carries, "2) ..."; a sentence before number 2 has number 1."""
    labels: list[int | None] = []
    for start, _, text in rows:
        own = _leading_number(text)
        labels.append(own if own is not None or body is None else _leading_number(body[max(0, start - 5) : start]))
    for spot in range(len(labels) - 1):
        if labels[spot] is None and labels[spot + 1] == 2:
            labels[spot] = 1
    return labels


def _leading_number(text: str) -> int | None:
    head = text.lstrip(" \t\n(>*-")[:4]
    digits = head[: len(head) - len(head.lstrip("0123456789"))]
    return int(digits) if 0 < len(digits) <= 2 and head[len(digits) : len(digits) + 1] in {")", "."} else None


def _read_quotes(rows: Sequence[tuple[int, int, str]], body: str) -> list[str]:
    """For each sentence the quotation right above it; nothing where there is but one, since that quotes it all."""
    quotes: list[str] = []
    last, current, blocks = 0, "", 0
    for start, end, _ in rows:
        above = [line.lstrip("> ") for line in body[last:start].splitlines() if line.startswith(">")]
        if above:
            current, blocks = " ".join(" ".join(above).split()), blocks + 1
        quotes.append(current)
        last = end
    return quotes if blocks > 1 else [""] * len(rows)


def read_asked(texts: Sequence[str]) -> list[Asked]:
    """Questions from plain sentences."""
    forms = question_forms(pa.array(texts, pa.string()))
    return [
        Asked(text=text, stems=content_stems(text), forms=form, follows=is_follow_up(form))
        for text, form in zip(texts, forms, strict=True)
    ]


def is_follow_up(forms: int) -> bool:
    """Whether a question of these forms asks about what was said right before it."""
    return bool(forms & QUESTION_BITS["follows"])


# Points for what speaks for an answer, set by hand on the development part of tests/questions_pairs.tsv.
_OVERLAP: Final = 1.3  # for all content words of the question coming back; in proportion
_FITS: Final = MappingProxyType({
    ("polar", "yes"): 1.0, ("polar", "echo"): 1.0, ("polar", "anaphor"): 0.7, ("polar", "first"): 0.6,
    ("request", "yes"): 1.0, ("request", "gives"): 0.9, ("request", "first"): 0.6, ("request", "echo"): 0.7,
    ("when", "time"): 0.9, ("count", "number"): 0.9, ("who", "name"): 0.8, ("where", "place"): 0.6,
    ("why", "cause"): 0.9, ("why", "owns"): 0.6, ("wh", "anaphor"): 0.6, ("wh", "elliptic"): 0.7,
    ("polar", "accepts"): 0.8, ("request", "accepts"): 0.9, ("request", "elliptic"): 0.4, ("bond", "first"): 0.6,
    ("who", "first"): 0.5, ("wh", "number"): 0.3, ("polar", "time"): 0.3,
    ("polar", "elliptic"): 0.6, ("how", "first"): 0.6, ("how", "elliptic"): 0.6,
    ("proof", "gives"): 0.7, ("bond", "owns"): 1.0, ("bond", "yes"): 0.7, ("wh", "first"): 0.3,
})  # fmt: skip
_FRAGMENT: Final = 0.45  # a sentence of four words or fewer can only be an answer
_EVADES: Final = -1.2
_ASKS: Final = -0.7
_ENOUGH: Final = 0.6
"""Points from which a sentence answers the only question that its reply faces."""
_ENOUGH_OF_SEVERAL: Final = 0.6
_SPREAD: Final = 0.6  # for content words that come back in other sentences of the reply
_ELSEWHERE: Final = 0.5  # share of the question's content words that must come back in a reply to something else
_FITS_BITS: Final = tuple((QUESTION_BITS[asked], REPLY_BITS[form], points) for (asked, form), points in _FITS.items())
_PARTS: Final = tuple((QUESTION_BITS[asked], REPLY_BITS[form]) for asked, form in (
    ("when", "time"), ("count", "number"), ("who", "name"), ("where", "place"), ("why", "cause"),
))  # fmt: skip


def match_reply(asked: Sequence[Asked], lines: Sequence[Line]) -> list[Match]:
    """What a reply does to each of the questions that it faces, in their order.

    Each sentence answers the question that it fits best; where several questions wait, one sentence answers a second
    one only by speaking of it. Sentences under a quoted line answer what is quoted, numbered ones the same number.

    Cost: questions times sentences.
    """
    if not lines and len(asked) == 1:
        return [Match(verdict="answered")]  # a number, a picture or a file is all that came back
    said = [line for line in lines if not line.forms & REPLY_BITS["empty"]]
    points = [[_support(question, line) for line in said] for question in asked]
    paired = _pair(asked, said)
    taken = _allot(asked, said, points, paired)
    puts_off = bool(said) and _puts_off(said[0])  # the first sentence sets the tone
    matches: list[Match] = []
    for number, question in enumerate(asked):
        enough = _ENOUGH if len(asked) == 1 or paired[number] else _ENOUGH_OF_SEVERAL
        best = max(taken[number], key=lambda spot: points[number][spot], default=None)
        if best is not None and points[number][best] + _spread(question, said, taken[number], best) >= enough:
            whole = _is_whole(question, [said[spot] for spot in taken[number]])
            speaks = 2 * len(question.stems & said[best].stems) >= max(len(question.stems), 1)
            is_answer = whole and (speaks or not puts_off)
            matches.append(Match(verdict="answered" if is_answer else "partly", line=said[best]))
        else:
            matches.append(_match_deferral(question, said, several=len(asked) > 1, paired=paired[number]))
    for number in range(1, len(asked)):
        if asked[number].follows:
            _join(matches, number - 1, number)
    return matches


def _join(matches: list[Match], first: int, second: int) -> None:
    """What answers one of two questions that belong together answers both."""
    if matches[first].verdict == "none":
        matches[first] = matches[second]
    elif matches[second].verdict == "none":
        matches[second] = matches[first]


def match_elsewhere(question: Asked, lines: Sequence[Line]) -> Match:
    """What a turn that faces something else does to a question: only speaking of it counts, or "you asked ..."."""
    best: Line | None = None
    for line in lines:
        shared = len(question.stems & line.stems)
        if not shared or line.forms & (REPLY_BITS["asks"] | REPLY_BITS["empty"] | REPLY_BITS["evades"]):
            continue
        recalls = bool(line.forms & REPLY_BITS["recalls"])
        if (shared >= 2 or recalls) and shared >= (0.3 if recalls else _ELSEWHERE) * len(question.stems):
            best = line
            break
    if best is None:
        return Match(verdict="none")
    return Match(verdict="partly" if best.forms & REPLY_BITS["defers"] else "answered", line=best)


def _support(question: Asked, line: Line) -> float:
    """Points that speak for this sentence answering this question, without regard to the others."""
    points = _OVERLAP * len(question.stems & line.stems) / len(question.stems) if question.stems else 0.0
    fit = 0.0
    for wanted, given, worth in _FITS_BITS:
        if question.forms & wanted and line.forms & given:
            fit = max(fit, worth)
    points += fit
    if line.words <= 4:
        points += _FRAGMENT
    if line.forms & REPLY_BITS["evades"]:
        points += _EVADES
    if line.forms & REPLY_BITS["asks"] and not line.forms & REPLY_BITS["accepts"]:
        points += _ASKS
    if _puts_off(line):
        points = min(points, 0.0)
    return points


def _puts_off(line: Line) -> bool:
    """Whether a sentence says that the answer will come, and no yes or no with it."""
    return bool(line.forms & REPLY_BITS["defers"]) and not line.forms & REPLY_BITS["yes"]


def _spread(question: Asked, lines: Sequence[Line], spots: Sequence[int], best: int) -> float:
    """Points for content words that come back beside the best sentence: an answer may take two."""
    beside: set[str] = set()
    for spot in spots:
        if not lines[spot].forms & REPLY_BITS["evades"]:
            beside |= lines[spot].stems & question.stems
    return _SPREAD * _OVERLAP * len(beside - lines[best].stems) / max(len(question.stems), 1)


def _pair(asked: Sequence[Asked], lines: Sequence[Line]) -> list[list[int]]:
    """For each question the sentences that stand under its quotation or carry its number."""
    pairs: list[list[int]] = []
    for question in asked:
        words = " ".join(question.text.split())
        under = [spot for spot, line in enumerate(lines) if words in line.quoted]
        numbered = [spot for spot, line in enumerate(lines) if line.label is not None and line.label == question.label]
        pairs.append(under or numbered)
    return pairs


def _allot(
    asked: Sequence[Asked], lines: Sequence[Line], points: Sequence[Sequence[float]], paired: Sequence[Sequence[int]]
) -> list[list[int]]:
    """For each question the sentences that count for it."""
    if len(asked) == 1:
        return [list(range(len(lines)))]
    taken: list[list[int]] = [list(spots) for spots in paired]
    used = {spot for spots in paired for spot in spots}
    several = REPLY_BITS["ordinal"]
    order = sorted(
        (-points[number][spot], abs(number - spot), number, spot)
        for number in range(len(asked))
        for spot in range(len(lines))
        if not paired[number] and spot not in used and points[number][spot] >= _ENOUGH_OF_SEVERAL
    )
    for _, _, number, spot in order:
        shares = bool(asked[number].stems & lines[spot].stems)
        if spot not in used or lines[spot].forms & several or shares:
            if taken[number] and not shares:
                continue  # a second sentence must speak of the question, so that others keep theirs
            taken[number].append(spot)
            used.add(spot)
    return taken


def _match_deferral(question: Asked, lines: Sequence[Line], *, several: bool, paired: Sequence[int]) -> Match:
    """Partly where the reply says that it will find out, and does not plainly speak of another question."""
    for spot, line in enumerate(lines):
        if not line.forms & REPLY_BITS["defers"]:
            continue
        if not several or spot in paired or question.stems & line.stems or len(lines) == 1:
            return Match(verdict="partly", line=line)
    return Match(verdict="none")


def _is_whole(question: Asked, lines: Sequence[Line]) -> bool:
    """False where a question asks two things and the sentences hold the form of one answer alone."""
    if not question.forms & QUESTION_BITS["inner"]:
        return True
    wanted = [given for form, given in _PARTS if question.forms & form]
    if len(wanted) < 2:
        return True
    forms = 0
    for line in lines:
        forms |= line.forms
    return all(forms & given for given in wanted)
