"""What one later turn may tell of a promise: a delivery, a report, a receipt, a complaint, a new date, a release.

The patterns open a gate and no more: whether a sentence speaks of this promise is for `match` to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.content import content_stems
from troth.promises.deeds import deed_kinds
from troth.promises.tokens import tokenise

Kind = Literal["delivery", "done", "past", "says", "receipt", "reply", "held", "against", "moved", "released"]

FULFILLING: Final = frozenset({"delivery", "done", "past", "says", "receipt", "reply", "held"})

_DONE: Final = (
    r"(?i)\b(attached|enclosed|please find|find below|see (the )?(file|below|attached)|as promised|as requested|"
    r"as agreed|hereby|here (is|are|you go|it is)|"
    r"(have|has|ve|been|is|are|was|were|got|now|just|already) (now |all |back |already |just |been |fully )*"
    r"(sent|shared|fixed|done|updated|uploaded|shipped|delivered|submitted|booked|finished|completed|forwarded|posted|"
    r"paid|refunded|issued|cancelled|canceled|called|spoken|signed|resolved|checked|reviewed|changed|corrected|added|"
    r"ordered|replaced|arranged|set up|asked|talked|written|made|transferred|credited|returned|repaired|installed|"
    r"published|migrated|swapped|picked up|collected|reserved|extended|restored|found|live|online|up|running|ready|"
    r"in place|complete|gone|here|there|over|closed)\b|"
    r"went out|went back|left (our|my|the)|arrived|landed|came (in|on|through|back)|works (now|fine|again)|"
    r"^(done|sent|fixed|paid|signed|transferred|credited|booked|ordered|refunded|shipped|delivered|finished|cancelled|"
    r"replaced|uploaded|confirmed|solved|resolved)\b|"
    r"(i|we) (sent|fixed|shipped|paid|delivered|finished|replaced|refunded|called|shared|forwarded|uploaded|spoke|"
    r"booked|ordered|signed|put|asked|talked|checked|read|wrote|met)\b|anbei|im anhang|erledigt|angekommen)"
)
_PAST: Final = (
    r"(?i)\b([a-z]{2,}ed|sent|took|came|went|left|got|gave|made|wrote|spoke|met|paid|found|put|brought|read|told|saw|"
    r"heard|stands|comes? to|agrees|is fine|welcome|thank(s| you)|meet|let's)\b"
)
_RECEIPT: Final = (
    r"(?i)(\bgot (it|the|your|a)\b|\breceived\b|\barrived\b|\blanded\b|thank(s| you)( very much| so much| a lot|"
    r" both)?,? (for|to)\b|works (now|fine|again)|\ball good\b|came through|\berhalten\b|angekommen|"
    r"\b(see|saw) (it|them|the|that)\b|picked up|\bis (in|here|back|there)\b|can see)"
)
_NOT: Final = (
    r"(?i)(\b(not|never|nobody|nothing|none|cannot|refused?|failed|unable|rejected|forgot|forgotten|overlooked|"
    r"noch nicht|kein|keine)\b|n['’]t\b)"
)
_AGAINST: Final = (
    r"(?i)(\b(no|without|wait(ed|ing)?|still|missing|overdue|forgot|reminder)\b|\?\s*$|"
    r"\bany (news|update|thoughts|progress|word)\b|follow(ing)? up|^(where|when|did you|have you|how did)\b|"
    r"\byou (said|promised|told|wanted|were going|meant)\b|\b(was|were) (to be|to have|supposed|due|promised)\b|"
    r"come and gone|came and went|has passed|\bi (owed|owe) you\b|\b(week|days?|month) late\b)"
)
_MOVED: Final = (
    r"(?i)(\b(postpone|reschedul|push(ed)? (\w+ ){0,7}(back|to|out)\b|mov(e|ed|es|ing) (\w+ ){0,4}to\b|"
    r"has to (move|wait)|need (a bit |a little |another |us )?(more|until|till|another|two|three)|"
    r"(will|['’]ll) be (late|later|monday|tuesday|wednesday|thursday|friday|next week)|running late|"
    r"won['’]t (make|manage|be able)|can(no|['’])t make|not be able to|slips?\b|delay|take(s)? (\w+ ){0,2}longer|"
    r"give me until|verschieb|verspät|(can|could|may|shall) (we|i) (do|move|make|send|say|split)\b|"
    r"would \w+( at \d+)? work|instead( of (monday|tuesday|wednesday|thursday|friday))?\b|"
    r"you get (it|them) (tonight|tomorrow|on)|more like|another (\w+ ){0,2}(days?|weeks?)|"
    r"could not be (made|done)|we try again|so you will hear|tomorrow (morning )?then))"
)
_RELEASED: Final = (
    r"(?i)(\bno need (to|for)\b|\bneed(n['’]t| not)\b|\b(do not|don['’]t) (have to|need to|bother)\b|"
    r"\bplease (do not|don['’]t|stop|cancel|forget)\b|\b(no longer|not|n['’]t) (need|want|require)(ed)?\b|"
    r"\bdecided against\b|\bnever mind\b|\bnot (necessary|needed|required)\b|\bcalled off\b|"
    r"(nicht mehr nötig|brauch\w* \w+ nicht mehr|hat sich erledigt))"
)
_AHEAD: Final = (
    r"(?i)(\b(will|['’]ll|shall|going to|look(ing)? forward|about to|once|if|please|would|should|werden?)\b|\?\s*$)"
)
_LEAST: Final = 0.5
_PLAIN_REPLY: Final = 25  # characters of own words above which a later turn may answer something
_SHORT: Final = 15  # content words of a turn that is about one thing
_VOICE: Final = frozenset({"call", "meeting"})

_DONE_BIT, _PAST_BIT, _RECEIPT_BIT, _NOT_BIT, _AGAINST_BIT, _MOVED_BIT, _AHEAD_BIT, _RELEASED_BIT = (
    1 << at for at in range(8)
)
_PATTERNS: Final = (
    (_DONE, _DONE_BIT), (_PAST, _PAST_BIT), (_RECEIPT, _RECEIPT_BIT), (_NOT, _NOT_BIT), (_AGAINST, _AGAINST_BIT),
    (_MOVED, _MOVED_BIT), (_AHEAD, _AHEAD_BIT), (_RELEASED, _RELEASED_BIT),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One turn in its conversation."""

    turn_id: str
    talk: str  # the conversation
    order: int  # within it
    sent_at: datetime | None  # None where it is missing or cannot be true
    speaker: str
    side: str | None
    people: frozenset[str]  # speaker and recipients; empty outside the circle of colleagues
    subject: frozenset[str]  # stems


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One sentence, attachment or call that may settle a promise of its relationship."""

    spot: Spot
    kind: Kind
    stems: frozenset[str]  # of the sentence
    documents: frozenset[str]  # of the names of what is attached to the turn
    deeds: frozenset[str]
    attached: bool
    sure: float  # what the encoder's head for this kind says, 0 where it is silent
    denied: float  # 1 where the sentence holds words of lack
    start: int | None
    end: int | None
    text: str | None
    whole: frozenset[str]  # stems of all own words of the turn


def mark_lines(texts: pa.ChunkedArray) -> pa.Array:
    """Which patterns match each text, as bits. RE2, linear in the characters."""
    marks = pa.repeat(pa.scalar(0, pa.int32()), len(texts))
    for pattern, bit in _PATTERNS:
        hit = pc.match_substring_regex(texts, pattern)
        marks = pc.add(marks, pc.multiply(pc.cast(hit, pa.int32()), bit))
    return marks.combine_chunks() if isinstance(marks, pa.ChunkedArray) else marks


def head_signals(findings: pa.Table, turn_ids: pa.Array) -> dict[tuple[str, int], dict[str, float]]:
    """Probabilities of the heads that count as evidence, by turn and start of the sentence."""
    wanted = pa.array(["done", "not_done", "chases", "gratitude"])
    found = findings.filter(
        pc.and_(pc.is_in(findings.column("signal"), wanted), pc.greater_equal(findings.column("probability"), 0.3))
    )
    found = found.filter(pc.is_in(found.column("turn_id"), turn_ids))
    signals: dict[tuple[str, int], dict[str, float]] = {}
    columns = (found.column(name).to_pylist() for name in ("turn_id", "start", "signal", "probability"))
    for turn_id, start, signal, probability in zip(*columns, strict=True):
        signals.setdefault((turn_id, start), {})[signal] = probability
    return signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence with its marks."""

    start: int
    end: int
    text: str
    marks: int
    heads: Mapping[str, float]


def pieces_in(
    spot: Spot, lines: Sequence[Line], attachments: Sequence[str], *, channel: str, opens_talk: bool
) -> Iterator[Piece]:
    """What one turn offers, sentence by sentence."""
    documents = _document_stems(attachments)
    stems = [content_stems(line.text) for line in lines]
    whole = frozenset[str]().union(*stems)
    common: dict[str, Any] = {"spot": spot, "documents": documents, "attached": bool(attachments), "whole": whole}
    for line, words in zip(lines, stems, strict=True):
        for kind, sure in _kinds(line):
            yield Piece(
                kind="delivery" if kind == "done" and attachments else kind,
                stems=words, deeds=deed_kinds(tokenise(line.text).low), sure=sure, denied=_is_denied(line, kind),
                start=line.start, end=line.end, text=line.text, **common,
            )  # fmt: skip
    size = sum(len(line.text) for line in lines)
    first = lines[0] if lines else None
    if attachments:
        yield _plain_piece("delivery", first, whole if len(whole) <= _SHORT else frozenset(), common)
    if channel in _VOICE and opens_talk:
        yield _plain_piece("held", first, whole if len(whole) <= _SHORT else frozenset(), common)
    if size >= _PLAIN_REPLY and not any(line.marks & _MOVED_BIT for line in lines):
        yield _plain_piece("reply", max(lines, key=lambda line: len(line.text)), whole, common)


def _plain_piece(kind: Kind, line: Line | None, stems: frozenset[str], common: Mapping[str, Any]) -> Piece:
    """A turn that counts for what it is, shown by one of its lines."""
    return Piece(
        kind=kind, stems=stems, deeds=frozenset({"call", "meet", "tell"} if kind == "held" else {"send", "tell"}),
        sure=0.0, denied=0.0, start=line.start if line else None, end=line.end if line else None,
        text=line.text if line else None, **common,
    )  # fmt: skip


def _is_denied(line: Line, kind: Kind) -> float:
    """Whether words of lack stand in the sentence; a plain negation already closes the gate of a report."""
    return float(line.marks & (_AGAINST_BIT if kind in FULFILLING else _NOT_BIT) > 0)


def _kinds(line: Line) -> Iterator[tuple[Kind, float]]:
    """The kinds of evidence that one sentence may be; its speaker decides later which of them count."""
    marks, heads = line.marks, line.heads
    against = max(heads.get("not_done", 0.0), heads.get("chases", 0.0))
    if marks & _MOVED_BIT:
        yield "moved", 0.0
    if marks & (_NOT_BIT | _AGAINST_BIT) or against >= _LEAST:
        yield "against", against
    if marks & _RELEASED_BIT:
        yield "released", 0.0
    if not marks & (_NOT_BIT | _AHEAD_BIT | _MOVED_BIT | _RELEASED_BIT):
        sure = heads.get("done", 0.0)
        if marks & _RECEIPT_BIT or (heads.get("gratitude", 0.0) >= _LEAST and " for " in line.text):
            yield "receipt", sure
        if marks & _DONE_BIT or sure >= _LEAST:
            yield "done", sure
        else:
            yield "past" if marks & _PAST_BIT else "says", sure


def _document_stems(attachments: Sequence[str]) -> frozenset[str]:
    """Stems of the names of files, without what comes after the last point."""
    return content_stems(" ".join(name.rpartition(".")[0] or name for name in attachments))
