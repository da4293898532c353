"""From TURNS, SENTENCES and FINDINGS to PROMISES, all open."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises import asks
from troth.promises.acts import PREFILTER, Act, read_act
from troth.promises.agreed import Agreed, Line, agree
from troth.promises.bare import could_be_bare, read_bare
from troth.promises.calendar import Calendar
from troth.promises.content import content_stems
from troth.promises.people import Named, People, last_named, read_named
from troth.promises.resolve import FIRM, Due, due
from troth.promises.tokens import tokenise
from troth.schema import PROMISES

LEAST: Final = 0.5
_BARRED_WEIGHT: Final = 0.4  # what is left of the encoder's probability where a rule says that it is no promise
_SIGNALS: Final = ("commitment", "request", "offer", "accepts")
_POINTING: Final = 10  # most tokens of a promise whose "it" is taken for what the other turn asked
_SPOKEN: Final = ("call", "meeting")
_OTHERS: Final = r"(?i)\b(he|she)( will|['’`]ll)\b"
_NO_MARKS: Final[Mapping[str, float]] = {}

Marks = Mapping[tuple[str, int], Mapping[str, float]]
"""Probabilities of the signals of promising by turn and start of the sentence."""


def find_promises(turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, calendar: Calendar) -> pa.Table:
    """Find what people said they would do, by themselves or with a yes, in all turns that people wrote.

    Args:
        turns: TURNS; side, circle and relationship are taken over.
        sentences: SENTENCES of these turns.
        findings: FINDINGS; the signals "commitment", "request", "offer" and "accepts" are read.
        calendar: the speakers' zone and working days.

    Returns: PROMISES, state "open", in the order of `sentences`: one row per sentence that promises, one per request
        said yes to and per offer accepted. `actor` is whoever is to act: the speaker, or somebody of the speaker's
        side whom the sentence names. `probability` is the larger of the encoder's and the rules'; where a rule bars
        the sentence (a question, a habit, an offer, quoted words) the encoder's counts .4 of what it was. Only .5 and
        above is kept. A promise to refrain ("I won't tell anyone") is one; a refusal is none.
    Cost: one pass; the rules run only on sentences that hold a word of promising, asking or agreeing, or that the
        encoder marked.
    """
    marks = _marks(findings)
    chosen = _candidates(turns, sentences, marks)
    if chosen.num_rows == 0:
        return PROMISES.empty_table()
    context = _Context(turns, sentences, findings, marks=marks, calendar=calendar)
    by_turn = _order_turns(turns)
    rows = chosen.to_pylist()
    found: dict[int, list[dict[str, Any]]] = {}
    lines: list[tuple[int, int, int, Line]] = []
    for number, sentence in enumerate(rows):
        turn = by_turn[sentence["turn_id"]]
        promise = _state(context, turn, sentence) if sentence["promises"] else None
        if promise is not None:
            found[number] = [promise]
        if sentence["asks"] or promise is not None:
            marked = context.marked(sentence)
            line = Line(
                turn=turn, sentence=sentence, place=sentence["sentence"], stretch=turn["stretch"],
                request=marked.get("request", 0.0), offer=marked.get("offer", 0.0), accepts=marked.get("accepts", 0.0),
            )  # fmt: skip
            lines.append((turn["order"], sentence["sentence"], number, line))
    lines.sort(key=lambda entry: entry[:3])
    _add_agreed(found, lines, calendar)
    return pa.Table.from_pylist([row for number in sorted(found) for row in found[number]], schema=PROMISES)


def _marks(findings: pa.Table) -> Marks:
    """Probabilities of the signals that are read, by turn and start of the sentence."""
    wanted = pc.is_in(findings.column("signal"), pa.array(_SIGNALS))
    kept = findings.filter(wanted)
    marks: dict[tuple[str, int], dict[str, float]] = {}
    columns = (kept.column(name).to_pylist() for name in ("turn_id", "start", "signal", "probability"))
    for turn_id, start, signal, probability in zip(*columns, strict=True):
        marks.setdefault((turn_id, start), {})[signal] = probability
    return marks


def _candidates(turns: pa.Table, sentences: pa.Table, marks: Marks) -> pa.Table:
    """The sentences by people that could promise ("promises") or ask or agree ("asks")."""
    human = turns.filter(pc.invert(turns.column("automatic"))).column("turn_id")
    text = sentences.column("text")
    likely = {turn for (turn, _), signals in marks.items() if max(signals.values()) >= LEAST}
    marked = pc.is_in(sentences.column("turn_id"), pa.array(likely, pa.string()))
    promises = pc.or_(pc.match_substring_regex(text, PREFILTER), marked)
    asks_or_agrees = pc.or_(pc.match_substring_regex(text, asks.PREFILTER), marked)
    by_person = pc.is_in(sentences.column("turn_id"), human.combine_chunks())
    table = sentences.append_column("promises", promises).append_column("asks", asks_or_agrees)
    return table.filter(pc.and_(by_person, pc.or_(promises, asks_or_agrees)))


def _order_turns(turns: pa.Table) -> dict[str, dict[str, Any]]:
    """Every turn with its order in the book, its stretch of one speaker, and who else spoke last before it."""
    columns = [
        "turn_id", "conversation_id", "parent_id", "position", "sent_at", "speaker", "recipients", "side", "circle",
        "relationship",
    ]  # fmt: skip
    table = turns.select(columns).sort_by([("conversation_id", "ascending"), ("position", "ascending")])
    ordered: dict[str, dict[str, Any]] = {}
    conversation: str | None = None
    speaker = other = None
    stretch = 0
    for order, row in enumerate(table.to_pylist()):
        if row["conversation_id"] != conversation:
            conversation, speaker, other = row["conversation_id"], row["speaker"], None
            stretch += 1
        elif row["speaker"] != speaker:
            other, speaker = speaker, row["speaker"]
            stretch += 1
        ordered[row["turn_id"]] = {**row, "order": order, "stretch": stretch, "other": other}
    return ordered


class _Context:
    """What the reading of one sentence needs to know of all of them."""

    def __init__(
        self, turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, marks: Marks, calendar: Calendar
    ) -> None:
        self.calendar, self.people = calendar, People(turns)
        self._marks = marks
        spoken = turns.filter(pc.is_in(turns.column("channel"), pa.array(_SPOKEN))).column("turn_id").combine_chunks()
        read = findings.filter(pc.is_in(findings.column("turn_id"), spoken))
        self._read = set(zip(read.column("turn_id").to_pylist(), read.column("start").to_pylist(), strict=True))
        speaks_of = pc.unique(
            sentences.filter(pc.match_substring_regex(sentences.column("text"), _OTHERS)).column("turn_id")
        )
        around = sentences.filter(pc.is_in(sentences.column("turn_id"), speaks_of))
        self._around: dict[str, list[tuple[int, str]]] = {}
        for turn_id, start, text in zip(
            *(around.column(n).to_pylist() for n in ("turn_id", "start", "text")), strict=True
        ):
            self._around.setdefault(turn_id, []).append((start, text))

    def marked(self, sentence: Mapping[str, Any]) -> Mapping[str, float]:
        """What the encoder found in a sentence."""
        return self._marks.get((sentence["turn_id"], sentence["start"]), _NO_MARKS)

    def is_narrated(self, sentence: Mapping[str, Any], when: Due | None) -> bool:
        """Whether the encoder saw no commitment at all in a spoken sentence without a firm time.

        Speakers narrate with "we'll" and "going to": on the dev part of mrda 7 of 62 such sentences were commitments
        of those that the rules marked and the encoder did not.
        """
        key = (sentence["turn_id"], sentence["start"])
        return key in self._read and "commitment" not in self.marked(sentence) and not _is_firm(when)

    def earlier(self, turn: Mapping[str, Any], start: int) -> str | None:
        """Whom of the speaker's side the turn named last before this sentence."""
        before = sorted(entry for entry in self._around.get(turn["turn_id"], ()) if entry[0] < start)
        for _, text in reversed(before):
            if (actor := last_named(tokenise(text[:1200]), turn, self.people)) is not None:
                return actor
        return None


def score_sentence(text: str, *, marked: float = 0.0, firm: bool = False) -> float:
    """The probability that a sentence promises something by itself, from its words and the encoder's probability.

    Args:
        marked: the encoder's probability of "commitment".
        firm: whether the sentence names a firm time ahead.
    """
    return _judge(read_act(text), text, marked=marked, firm=firm)[0]


def _judge(act: Act, text: str, *, marked: float, firm: bool) -> tuple[float, int]:
    """Probability of a promise of the speaker's own, and where its verb stands."""
    by_encoder = marked * (_BARRED_WEIGHT if act.barred else 1.0)
    bare, verb = (0.0, -1) if act.barred or act.probability or not firm else read_bare(tokenise(text[:1200]))
    return max(by_encoder, act.probability, bare), verb


def _state(context: _Context, turn: Mapping[str, Any], sentence: Mapping[str, Any]) -> dict[str, Any] | None:
    """One row of PROMISES, or None where the sentence by itself is not likely enough to promise."""
    text = sentence["text"]
    act = read_act(text)
    marked = context.marked(sentence).get("commitment", 0.0)
    named = _somebody(context, turn, sentence, act)
    tokens = tokenise(text[:1200])
    if not (act.probability or marked or named) and (act.barred or not could_be_bare(tokens)):
        return None
    said_at: datetime | None = turn["sent_at"]
    when = _due_beside(act, text, said_at, context.calendar) if said_at is not None else None
    probability, _ = _judge(act, text, marked=marked, firm=_is_firm(when))
    if named is not None:
        probability = max(probability, named.probability)
    if probability < LEAST or context.is_narrated(sentence, when):
        return None
    return _row(
        turn, sentence, act,
        probability=probability, when=when, said_at=said_at,
        actor=named.actor if named is not None and named.actor is not None and not act.probability else turn["speaker"],
    )  # fmt: skip


def _due_beside(act: Act, text: str, said_at: datetime, calendar: Calendar) -> Due | None:
    """The time in the clause of the act, else in the whole: "It is due in June, I'll send two dates tomorrow"."""
    clause = max(text.rfind(mark, 0, act.offset) for mark in (", ", "; ", ": ", ". ", " - ", " – "))
    if clause > 0 and not text[:clause].lower().startswith(("if ", "once ", "when ", "as soon ", "after ")):
        beside = due(text[clause + 1 :], said_at, calendar=calendar)
        if _is_firm(beside):
            return beside
    return due(text, said_at, calendar=calendar)


def _is_firm(when: Due | None) -> bool:
    return when is not None and when.rule in FIRM


def _somebody(context: _Context, turn: Mapping[str, Any], sentence: Mapping[str, Any], act: Act) -> Named | None:
    """Somebody else of the speaker's side whom the sentence says to act."""
    if act.barred:
        return None
    earlier = context.earlier(turn, sentence["start"])
    return read_named(tokenise(sentence["text"][:1200]), turn, context.people, earlier)


def _row(
    turn: Mapping[str, Any],
    sentence: Mapping[str, Any],
    act: Act,
    *,
    probability: float,
    when: Due | None,
    said_at: datetime | None,
    actor: str,
) -> dict[str, Any]:
    text = sentence["text"]
    return {
        "promise_id": _identify(turn["turn_id"], sentence["start"]),
        "turn_id": turn["turn_id"],
        "start": sentence["start"],
        "end": sentence["end"],
        "text": text,
        "act": text,
        "origin": "stated",
        "probability": probability,
        "relationship": turn["relationship"],
        "circle": turn["circle"],
        "side": turn["side"],
        "actor": actor,
        "addressee": _addressee(turn),
        "said_at": said_at,
        "condition": act.condition,
        "specific": is_specific(text, act, when),
        **_due_columns(when),
        "observability": act.observability,
        "state": "open",
        "decided_by": "machine",
    }


def _add_agreed(
    found: dict[int, list[dict[str, Any]]], lines: Sequence[tuple[int, int, int, Line]], calendar: Calendar
) -> None:
    """Put the promises that two turns make to those of single sentences, or turn one into the other."""
    numbers = {id(line): number for _, _, number, line in lines}
    stated = {(row["turn_id"], row["start"]): _object_of(row) for rows in found.values() for row in rows}
    uses = Counter[int]()
    for agreed in agree([line for *_, line in lines], stated, calendar=calendar):
        number = numbers[id(agreed.promiser)]
        uses[number] += 1
        own = found.get(number)
        if own and own[0]["origin"] == "stated":
            own[0].update(_origin_columns(agreed, own[0]))
        else:
            found.setdefault(number, []).append(_agreed_row(agreed, first=uses[number] == 1))


def _object_of(row: Mapping[str, Any]) -> frozenset[str]:
    """What a promise is about by its own words; nothing where it points at what was said: "I'll take care of it."."""
    tokens = tokenise(row["text"][:1200])
    points = bool({"it", "that", "this", "them", "so"} & set(tokens.low)) and len(tokens) <= _POINTING
    return frozenset() if points else content_stems(row["text"].replace(row["due_words"] or "\0", " "))


def _origin_columns(agreed: Agreed, stated: Mapping[str, Any]) -> dict[str, Any]:
    """What a promise in one sentence takes over from the request it answers."""
    columns: dict[str, Any] = {"origin": agreed.origin, "origin_turn_id": agreed.other.turn["turn_id"]}
    if agreed.origin == "request accepted" and not _object_of(stated):
        act = read_act(agreed.act)
        columns |= {
            "act": agreed.act,
            "observability": act.observability,
            "condition": stated["condition"] or act.condition,
        }
    if stated["due_rule"] not in FIRM and agreed.due is not None:
        columns |= _due_columns(agreed.due)
    columns["specific"] = stated["specific"] or is_specific(agreed.act, read_act(agreed.act), agreed.due)
    return columns


def _agreed_row(agreed: Agreed, *, first: bool) -> dict[str, Any]:
    turn, sentence = agreed.promiser.turn, agreed.promiser.sentence
    act = read_act(agreed.act)
    row = _row(
        turn, sentence, act,
        probability=agreed.probability, when=agreed.due, said_at=agreed.said_at, actor=turn["speaker"],
    )  # fmt: skip
    addressee = agreed.other.turn["speaker"]
    row |= {"act": agreed.act, "origin": agreed.origin, "origin_turn_id": agreed.other.turn["turn_id"]}
    row |= {"addressee": addressee, "specific": is_specific(agreed.act, act, agreed.due)}
    if not first:
        row["promise_id"] = _identify(f"{turn['turn_id']}\0{agreed.salt}", sentence["start"])
    return row


def _identify(turn_id: str, start: int) -> str:
    """The same sentence of the same turn has the same id, so that finding again adds nothing."""
    return "p-" + hashlib.blake2b(f"{turn_id}\0{start}".encode(), digest_size=10).hexdigest()


def _addressee(turn: Mapping[str, Any]) -> str | None:
    """The first recipient, else whoever spoke before."""
    others = [address for address in turn["recipients"] or () if address and address != turn["speaker"]]
    return others[0] if others else turn["other"]


def is_specific(text: str, act: Act, when: Due | None) -> bool:
    """Whether the act or its time could be checked later: a firm time, a number, or a trace in a channel or system.

    The number was added on the dev parts of pledge_specificity and campaign_acts, whose specific pledges hold one in 61
    and 58 of 100 cases.
    """
    if _is_firm(when) or any(letter.isdigit() for letter in text):
        return True
    return act.observability != "O3" and len(content_stems(text)) > 0


def _due_columns(when: Due | None) -> dict[str, Any]:
    if when is None:
        return {"due_words": None, "due_rule": "none", "due_earliest": None, "due_latest": None}
    return {
        "due_words": when.words,
        "due_rule": when.rule,
        "due_earliest": None if when.earliest is None else when.earliest.astimezone(UTC),
        "due_latest": None if when.latest is None else when.latest.astimezone(UTC),
    }
