"""From TURNS, SENTENCES and FINDINGS to PROMISES, all open."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises import asks
from troth.promises.acts import PREFILTER, Act, read_act
from troth.promises.agreed import Agreed, Line, Talk, agree
from troth.promises.bare import could_be_bare, read_bare
from troth.promises.calendar import FIRST_YEAR, LAST_YEAR, Calendar
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

_TURN_COLUMNS: Final = (
    "turn_id", "conversation_id", "parent_id", "position", "sent_at", "speaker", "recipients", "side", "circle",
    "relationship",
)  # fmt: skip
ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
"""The moment of a turn without a time before which no turn of its conversation has one."""
FOUND: Final = pa.schema(
    [*PROMISES, pa.field("since", pa.timestamp("us", tz="UTC")), pa.field("until", pa.timestamp("us", tz="UTC"))]
)
"""PROMISES as found, each row from a moment on until another."""

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
    finder = Finder(calendar)
    finder.add(turns, sentences, findings)
    return pa.Table.from_pylist([row for rows in finder.rows.values() for row in rows], schema=PROMISES)


def find_versions(
    turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, calendar: Calendar, people: People | None = None
) -> pa.Table:
    """As `find_promises`, with what was read at first where a later yes changed it: FOUND, for `found_by`.

    `people` are those met in all turns, where these here are whole conversations of more.
    """
    finder = Finder(calendar, people)
    finder.add(turns, sentences, findings)
    return finder.versions()


def meet_people(turns: pa.Table) -> People:
    """Everybody who speaks or is written to in these turns, which are whole conversations.

    Cost: a pass over the columns; of conversations alone that hold a turn without a time each row is looked at.
    """
    people, sent_at = People(), turns.column("sent_at")
    is_undated = pc.fill_null(pc.less(pc.year(sent_at), FIRST_YEAR), True)
    undated = pc.unique(turns.column("conversation_id").filter(is_undated))
    is_among = pc.is_in(turns.column("conversation_id"), undated)
    people.meet_dated(turns.filter(pc.invert(is_among)))
    people.meet(among := turns.filter(is_among), date_turns(among))
    return people


def date_turns(turns: pa.Table) -> list[datetime]:
    """The moment of each of these turns, which are whole conversations."""
    keyed = _by_time(turns, {name: _Thread() for name in _talks_of(turns)})
    moments = {row["turn_id"]: key[0] for _, key, row in keyed}
    return [moments[turn_id] for turn_id in turns.column("turn_id").to_pylist()]


def found_by(versions: pa.Table, now: datetime) -> pa.Table:
    """The PROMISES of FOUND as the turns up to a moment gave them; a turn without a time came with the one before."""
    at = pa.scalar(now, pa.timestamp("us", tz="UTC"))
    begun = pc.fill_null(pc.less_equal(versions.column("since"), at), True)
    ended = pc.fill_null(pc.less_equal(versions.column("until"), at), False)
    said = pc.fill_null(pc.less_equal(versions.column("said_at"), at), True)
    return versions.filter(pc.and_(pc.and_(begun, pc.invert(ended)), said)).select(PROMISES.names)


@dataclass(slots=True)
class _Thread:
    """How far one conversation has been read."""

    latest: datetime = ALWAYS
    speaker: str | None = None
    other: str | None = None
    stretch: int = 0
    order: int = 0


class Finder:
    """The promises found so far; more turns may come, each after those of its conversation.

    Giving all turns at once, or one after the other in the order of time, finds the same.
    """

    def __init__(self, calendar: Calendar, people: People | None = None) -> None:
        self.rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
        """Rows of PROMISES by turn and start of the sentence."""
        self._calendar, self._people = calendar, people or People()
        self._threads: dict[str, _Thread] = {}
        self._talks: dict[str, Talk] = {}
        self._uses = Counter[tuple[str, int]]()
        self._since: dict[str, datetime] = {}
        self._replaced: list[tuple[dict[str, Any], datetime]] = []  # what a later yes changed, and when

    def add(self, turns: pa.Table, sentences: pa.Table, findings: pa.Table) -> set[tuple[str, int]]:
        """Read more turns.

        Returns: turn and start of the sentences whose rows are new or changed.
        """
        by_turn = self._order_turns(turns)
        moments = [by_turn[turn_id]["moment"] for turn_id in turns.column("turn_id").to_pylist()]
        self._people.meet(turns, moments)
        marks = _marks(findings)
        chosen = _candidates(turns, sentences, marks)
        if chosen.num_rows == 0:
            return set()
        context = _Context(turns, sentences, findings, marks=marks, calendar=self._calendar, people=self._people)
        changed: set[tuple[str, int]] = set()
        lines: list[tuple[str, int, int, Line]] = []
        places = dict[tuple[str, int], int]()
        for number, sentence in enumerate(chosen.to_pylist()):
            turn, key = by_turn[sentence["turn_id"]], (sentence["turn_id"], sentence["start"])
            places[key] = number
            promise = _state(context, turn, sentence) if sentence["promises"] else None
            if promise is not None:
                self.rows[key] = [promise]
                self._since[promise["promise_id"]] = turn["moment"]
                changed.add(key)
            if sentence["asks"] or promise is not None:
                marked = context.marked(sentence)
                line = Line(
                    turn=turn, sentence=sentence, place=sentence["sentence"], stretch=turn["stretch"],
                    request=marked.get("request", 0.0), offer=marked.get("offer", 0.0),
                    accepts=marked.get("accepts", 0.0),
                )  # fmt: skip
                lines.append((turn["conversation_id"], turn["order"], sentence["sentence"], line))
        lines.sort(key=lambda entry: entry[:3])
        stated = {(row["turn_id"], row["start"]): _object_of(row) for key in changed for row in self.rows[key]}
        for agreed in agree(self._talks, [line for *_, line in lines], stated, calendar=self._calendar):
            changed.add(self._agree(agreed))
        for key in sorted(changed & places.keys(), key=places.__getitem__):
            self.rows[key] = self.rows.pop(key)
        return changed

    def versions(self) -> pa.Table:
        """FOUND: every row, and every row that a later yes changed; without a `since` it was always there."""
        told = [(row, None) for rows in self.rows.values() for row in rows] + self._replaced
        begins = [self._began(row) for row, _ in told]
        table = pa.Table.from_pylist([row for row, _ in told], schema=PROMISES)
        moments = FOUND.field("since").type
        table = table.append_column("since", pa.array([None if at == ALWAYS else at for at in begins], moments))
        return table.append_column("until", pa.array([until for _, until in told], moments))

    def _began(self, row: dict[str, Any]) -> datetime:
        return row.get("since") or self._since[row["promise_id"]]

    def _agree(self, agreed: Agreed) -> tuple[str, int]:
        """Put a promise that two turns make to those of single sentences, or turn one into the other."""
        sentence = agreed.promiser.sentence
        key = (sentence["turn_id"], sentence["start"])
        at = max(agreed.promiser.turn["moment"], agreed.other.turn["moment"])
        self._uses[key] += 1
        own = self.rows.get(key)
        if own and own[0]["origin"] == "stated":
            old = own[0]
            own[0] = {**old, **_origin_columns(agreed, old)}
            begun = self._since[old["promise_id"]]
            if begun < at:
                self._replaced.append(({**old, "since": begun}, at))
                self._since[old["promise_id"]] = at
        else:
            row = _agreed_row(agreed, first=self._uses[key] == 1)
            self.rows.setdefault(key, []).append(row)
            self._since[row["promise_id"]] = at
        return key

    def _order_turns(self, turns: pa.Table) -> dict[str, dict[str, Any]]:
        """Every turn with its order in its conversation, its stretch of one speaker, and who else spoke before it."""
        for name in _talks_of(turns):
            self._threads.setdefault(name, _Thread())
        ordered: dict[str, dict[str, Any]] = {}
        for name, key, row in _by_time(turns, self._threads):
            thread = self._threads[name]
            if row["speaker"] != thread.speaker:
                thread.other, thread.speaker = thread.speaker, row["speaker"]
                thread.stretch += 1
            thread.order += 1
            ordered[row["turn_id"]] = {
                **row, "order": thread.order, "stretch": thread.stretch, "other": thread.other, "moment": key[0],
            }  # fmt: skip
        return ordered


def _talks_of(turns: pa.Table) -> set[str]:
    return set(pc.unique(turns.column("conversation_id")).to_pylist())


def _by_time(
    turns: pa.Table, threads: Mapping[str, _Thread]
) -> list[tuple[str, tuple[datetime, int, str], dict[str, Any]]]:
    """Conversation, what the turn is sorted by, and turn, in order.

    A turn whose time is missing or cannot be true came with the latest of those before it in the source.
    """
    table = turns.select(_TURN_COLUMNS).sort_by([("conversation_id", "ascending"), ("position", "ascending")])
    keyed: list[tuple[str, tuple[datetime, int, str], dict[str, Any]]] = []
    for row in table.to_pylist():
        thread, moment = threads[row["conversation_id"]], row["sent_at"]
        if moment is None or moment.year < FIRST_YEAR:
            moment = thread.latest
        elif moment.year <= LAST_YEAR:
            thread.latest = max(thread.latest, moment)
        keyed.append((row["conversation_id"], (moment, row["position"], row["turn_id"]), row))
    keyed.sort(key=lambda entry: entry[:2])
    return keyed


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


class _Context:
    """What the reading of one sentence needs to know of all of them."""

    def __init__(
        self,
        turns: pa.Table,
        sentences: pa.Table,
        findings: pa.Table,
        *,
        marks: Marks,
        calendar: Calendar,
        people: People,
    ) -> None:
        self.calendar, self.people = calendar, people
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
