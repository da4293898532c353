"""Working with promises: the morning's list, a person's word on one of them, and the story of one.

What a person says is written to DECISIONS, which only grows; the promise as decided lies in the book's PROMISES and is
laid over every new reading. The states that the machine came to are noted in PROMISE_HISTORY.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import Store
from troth.errors import InputError
from troth.pipeline import Standing, Understood
from troth.promises import Calendar, find_promises
from troth.promises.decided import confirm_state, decide_row, match_decided
from troth.promises.history import count_revisions, history_of, note_changes
from troth.promises.listing import join_listed, list_promises
from troth.promises.names import find_id
from troth.review import find_last_day
from troth.schema import DECISIONS, PROMISES
from troth.told import Told

_IN_USE: Final = dt.timedelta(days=7)  # a book whose last turn is older is read as of that turn, not as of today
_AHEAD: Final = dt.timedelta(hours=26)  # an evening further ahead of the clock is a question, not a day that was
_TICK: Final = dt.timedelta(microseconds=1)
_LONGEST_NOTE: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a promise."""

    at: dt.datetime | None
    kind: str  # said, due, state (as the machine noted it), decision (what a person said)
    state: str | None
    by: str
    text: str | None = None  # the evidence, or a person's note
    noted_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything known of one promise."""

    promise: Mapping[str, Any]  # a row of LISTED
    before: str | None  # the sentence before it, and the one after
    after: str | None
    act: str | None  # what is to be done, where other words than the promise's own say that: a request said yes to
    subject: str | None
    channel: str | None  # None where the turn is no longer in the book
    evidence_by: str | None
    evidence_at: dt.datetime | None
    events: tuple[Event, ...]  # in order of time


def choose_day(turns: pa.Table, zone: str, *, clock: dt.datetime) -> dt.date:
    """The day that a list is of: today while the book is in use, else the last day with a turn."""
    today, last = clock.astimezone(ZoneInfo(zone)).date(), find_last_day(turns, zone, clock=clock)
    return today if last is None or last > today or today - last <= _IN_USE else last


def list_morning(store: Store, known: Understood, stock: Standing, day: dt.date, *, calendar: Calendar) -> pa.Table:
    """LISTED as of an evening."""
    return list_promises(
        stock.promises,
        day=day,
        zone=calendar.zone,
        names=_names(known.turns),
        lost=find_lost(known, store.table("promises", where={"decided_by": "person"}), calendar=calendar),
    )


def relist(
    before: pa.Table,
    store: Store,
    known: Understood,
    stock: Standing,
    day: dt.date,
    *,
    touched: Collection[str],
    calendar: Calendar,
) -> pa.Table:
    """LISTED after promises of some relationships came, changed or went ("" for none), from LISTED before that."""
    homes = pa.array(sorted(touched), pa.string())
    was_near, is_near = (pc.is_in(pc.fill_null(table["relationship"], ""), homes) for table in (before, stock.promises))
    near, names = stock.promises.filter(is_near), _names(known.turns)
    decided = store.table("promises", where={"decided_by": "person"})
    mine = decided.filter(pc.is_in(decided["promise_id"], near["promise_id"].combine_chunks()))
    listed = list_promises(
        near, day=day, zone=calendar.zone, names=names, lost=find_lost(known, mine, calendar=calendar)
    )
    return join_listed(before, listed, is_out=was_near, names=names)


def find_lost(known: Understood, decided: pa.Table, *, calendar: Calendar) -> frozenset[str]:
    """Decided promises whose turn is gone, or whose sentence is no longer read as a promise."""
    if not decided.num_rows:
        return frozenset()
    theirs = pc.is_in(known.turns["turn_id"], decided["turn_id"].combine_chunks())
    conversations = known.turns.filter(theirs)["conversation_id"].combine_chunks()
    turns = known.turns.filter(pc.is_in(known.turns["conversation_id"], conversations))
    ids = turns["turn_id"].combine_chunks()
    found = find_promises(
        turns,
        known.sentences.filter(pc.is_in(known.sentences["turn_id"], ids)),
        known.findings.filter(pc.is_in(known.findings["turn_id"], ids)),
        calendar=calendar,
    )
    return frozenset(decided["promise_id"].to_pylist()) - match_decided(found, decided).keys()


def _names(turns: pa.Table) -> dict[str, str]:
    """Each speaker's address to the name given last."""
    turns = turns.select(["speaker", "speaker_name", "position"])
    named = turns.filter(pc.is_valid(turns["speaker_name"])).group_by(["speaker", "speaker_name"], use_threads=False)
    pairs = named.aggregate([("position", "max")]).sort_by(
        [("position_max", "ascending"), ("speaker_name", "ascending")]
    )
    return dict(zip(pairs["speaker"].to_pylist(), pairs["speaker_name"].to_pylist(), strict=True))


def find_promise(promises: pa.Table, typed: str) -> dict[str, Any]:
    """The row of PROMISES meant by an id or the beginning of one.

    Raises: InputError naming the candidates when none or several are meant.
    """
    words = dict(zip(promises["promise_id"].to_pylist(), promises["text"].to_pylist(), strict=True))
    meant = find_id(typed, words)
    return promises.filter(pc.equal(promises["promise_id"], meant)).to_pylist()[0]


def decide(
    store: Store,
    stock: Standing,
    typed: str,
    state: str | None,
    *,
    by: str,
    note: str | None,
    clock: dt.datetime,
    evening: dt.datetime,
) -> dict[str, Any]:
    """Write a person's word on a promise into the book.

    Args:
        store: the book.
        stock: the standing that the person looked at.
        typed: the promise's id, or the beginning of it.
        state: kept, late, broken, withdrawn, contested; None says yes to what the machine said.
        by, note: who says so, and why.
        clock: when it is said.
        evening: up to when the book reaches; what is decided came about by then.

    Returns: the row of PROMISES as decided.
    Raises: InputError when no single promise is meant, or the state cannot be given.
    """
    row = find_promise(stock.promises, typed)
    chosen = confirm_state(row, state)
    decided = decide_row(row, chosen, evening=min(evening, stock.now))
    with store.transaction():
        _write_decision(store, row, chosen, by=by, note=note, clock=clock)
        store.upsert("promises", pa.Table.from_pylist([decided], schema=PROMISES))
    return decided


def undo(store: Store, stock: Standing, typed: str, *, by: str, note: str | None, clock: dt.datetime) -> dict[str, Any]:
    """Take a person's word back, so that the machine's reading counts again; both stay in DECISIONS.

    Returns: the row of PROMISES as it was decided.
    Raises: InputError when no single promise is meant, or nobody decided it.
    """
    row = find_promise(stock.promises, typed)
    if row["decided_by"] != "person":
        raise InputError(Told("nobody decided the promise {text!r}; there is nothing to undo.", text=row["text"]))
    with store.transaction():
        _write_decision(store, row, "undone", by=by, note=note, clock=clock)
        ids = [row["promise_id"]]
        store.replace("promises", PROMISES.empty_table(), keys_column="promise_id", keys=ids)
    return row


def _write_decision(
    store: Store, row: Mapping[str, Any], state: str, *, by: str, note: str | None, clock: dt.datetime
) -> None:
    if note is not None and len(note) > _LONGEST_NOTE:
        raise InputError(
            Told(
                "the note has {n} characters; at most {most} are kept.",
                n=len(note),
                most=_LONGEST_NOTE,
            )
        )
    earlier = decisions_of(store, row["promise_id"])
    last = earlier[-1] if earlier else None
    decision = {
        "promise_id": row["promise_id"],
        "at": clock if last is None else max(clock, last["at"] + _TICK),
        "state": state,
        "by": by,
        "note": note,
        **_machine_said(row, last),
        "turn_id": row["turn_id"],
        "text": row["text"],
        "probability": row["probability"],
    }
    store.upsert("decisions", pa.Table.from_pylist([decision], schema=DECISIONS))


def _machine_said(row: Mapping[str, Any], last: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the machine says, or said before a person spoke for the first time."""
    if row["decided_by"] == "person" and last is not None:
        return {name: last[name] for name in ("machine_state", "machine_evidence_turn_id")}
    return {"machine_state": row["state"], "machine_evidence_turn_id": row["evidence_turn_id"]}


def decisions_of(store: Store, promise_id: str) -> list[dict[str, Any]]:
    """What people said of one promise, the oldest first."""
    rows = store.table("decisions", where={"promise_id": promise_id}).to_pylist()
    return sorted(rows, key=lambda row: row["at"])


def note_states(store: Store, stock: Standing, *, clock: dt.datetime) -> int:
    """Append to the history what changed since it was last noted; the number of rows.

    An evening that lies ahead is not noted: it has not been.
    """
    if stock.now - clock > _AHEAD:
        return 0
    changes = note_changes(stock.promises, store.table("promise_history"), as_of=stock.now, noted_at=clock)
    return int(store.upsert("promise_history", changes)) if changes.num_rows else 0


def revisions(store: Store) -> dict[str, tuple[int, dt.datetime]]:
    """How often each promise changed since it was first noted, and when it last did."""
    return count_revisions(store.table("promise_history", columns=["promise_id", "noted_at"]))


def tell_story(store: Store, known: Understood, listed: pa.Table, typed: str, *, evening: dt.datetime) -> Story:
    """Everything known of one promise: its sentence in context, its due time, the evidence, and what it went through.

    What later evenings than `evening`, that of the list, showed of it is left out.

    Raises: InputError when no single promise is meant.
    """
    row = find_promise(listed, typed)
    turns = known.turns.filter(pc.is_in(known.turns["turn_id"], pa.array([row["turn_id"], row["evidence_turn_id"]])))
    return compose_story(
        row,
        turns={turn["turn_id"]: turn for turn in turns.to_pylist()},
        sentences=known.sentences.filter(pc.equal(known.sentences["turn_id"], row["turn_id"])),
        history=store.table("promise_history", where={"promise_id": row["promise_id"]}),
        decisions=decisions_of(store, row["promise_id"]),
        evening=evening,
    )


def compose_story(
    row: Mapping[str, Any],
    *,
    turns: Mapping[str, Mapping[str, Any]],
    sentences: pa.Table,
    history: pa.Table,
    decisions: Sequence[Mapping[str, Any]],
    evening: dt.datetime,
) -> Story:
    """The same, of a promise whose parts are at hand.

    Args:
        row: of LISTED.
        turns: the promise's own and the one with the evidence, by id, where they are in the book.
        sentences: SENTENCES of its turn.
        history, decisions: PROMISE_HISTORY and rows of DECISIONS of this promise, decisions oldest first.
        evening: that of the list.
    """
    turn, shows = turns.get(row["turn_id"]), turns.get(row["evidence_turn_id"])
    before, after = _around(sentences, row)
    return Story(
        promise=row,
        before=before,
        after=after,
        act=None if row["act"] == row["text"] else row["act"],
        subject=None if turn is None else turn["subject"],
        channel=None if turn is None else turn["channel"],
        evidence_by=None if shows is None else shows["speaker_name"] or shows["speaker"],
        evidence_at=None if shows is None else shows["sent_at"],
        events=tuple(_events(row, history, decisions, evening)),
    )


def _around(sentences: pa.Table, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The neighbours of a promise in its turn."""
    own = sentences.sort_by("start").to_pylist()
    before = [one["text"] for one in own if one["end"] <= row["start"]]
    after = [one["text"] for one in own if one["start"] >= row["end"]]
    return before[-1] if before else None, after[0] if after else None


def _events(
    row: Mapping[str, Any], history: pa.Table, decisions: Sequence[Mapping[str, Any]], evening: dt.datetime
) -> list[Event]:
    events = [Event(at=row["said_at"], kind="said", state=None, by=row["actor"], text=row["text"])]
    if row["due_latest"] is not None:
        events.append(Event(at=row["due_latest"], kind="due", state=None, by="machine", text=row["due_words"]))
    for place, noted in enumerate(history_of(history, row["promise_id"])):
        if noted["decided_by"] == "person" or (place == 0 and noted["state"] == "open") or noted["as_of"] > evening:
            continue  # told by the decision, by the saying, or not there yet
        is_now = row["decided_by"] == "machine" and noted["state"] == row["state"]
        events.append(
            Event(
                at=noted["state_at"] or noted["noted_at"],
                kind="state",
                state=noted["state"],
                by="machine",
                text=row["evidence_text"] if is_now else None,
                noted_at=noted["noted_at"],
            )
        )
    for said in decisions:
        events.append(Event(at=said["at"], kind="decision", state=said["state"], by=said["by"], text=said["note"]))
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    return sorted(events, key=lambda event: event.at or never)
