"""The readings as each evening's books held them: what had come by then, and what has been replaced since.

A forecast may use only what was in the books when it was made, and the reading set is not a pile that only grows:

- a question still open is read anew every evening, as "longer than until now", and no more once it is answered;
- a promise suspected to be broken may turn out late, or turn up in another conversation;
- what a person decides counts from the evening of the decision, whatever day it speaks of;
- a survey item is read by what the answers before it showed, and read anew when a tenth more answers have come.

So every reading here carries the day from which the books held it and the day from which they no longer did. Words
and acts (SHOWN, and HELD by text) never change: both look only back. A test compares each evening with the pipeline
run on that evening's turns alone.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.pipeline import Understood
from troth.promises import Calendar, find_promises, settle_promises
from troth.promises.decided import match_decided
from troth.questions import find_questions
from troth.readings import Reference, gather_readings, read_survey
from troth.readings.follow_through import read_promises
from troth.readings.scene import Scene, set_scene
from troth.readings.waits import read_waits
from troth.review import day_bounds
from troth.schema import PROMISES, READINGS, empty
from troth.surveys import learn_items
from troth.trust.forecasts import Versions
from troth.worktime import ALL_HOURS, OpenHours

Ints = npt.NDArray[np.int64]

_RELEARN_AT: Final = 1.1  # items are learned anew when there are a tenth more answers
_TELLING: Final = ("kept", "late", "suspected", "broken")  # states of a promise that are readings
_NEVER: Final = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
_TICK: Final = dt.timedelta(microseconds=1)
_YEARS: Final = (1900, 9000)  # a clock that says anything else cannot be true, and days have no bounds there


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the readings are made of."""

    known: Understood
    answers: pa.Table  # ANSWERS
    decided: pa.Table  # PROMISES whose state a person settled
    decisions: pa.Table  # DECISIONS: when that was
    reference: Reference
    calendar: Calendar
    hours: OpenHours = ALL_HOURS
    outcomes: pa.Table | None = None  # OUTCOMES


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class History:
    """D days on which something could be read, and the readings as each evening held them."""

    days: tuple[dt.date, ...]  # rising
    evenings: Ints  # (D,) last microsecond of each, since 1970
    versions: Versions
    promises: pa.Table  # PROMISES as settled for the versions that are `is_promise`, in their order
    is_promise: npt.NDArray[np.bool_]  # (N,)
    # Questions as they would stand in the evening if nobody had answered that day, READINGS; W rows in all.
    waits: pa.Table
    wait_day: Ints  # (W,) place of that evening in `days`
    wait_before: npt.NDArray[np.float64]  # (W,) `hi` the evening before; NaN where it was asked on that very day
    wait_asked: Ints  # (W,) microseconds since 1970
    is_answered: npt.NDArray[np.bool_]  # (W,) whether the answer came that day


def recall(sources: Sources, *, last: dt.datetime) -> History:
    """Lay out the readings by the evenings on which the books held them.

    Args:
        sources: turns and everything found in them, answers, what people decided.
        last: days that end after this moment are left out.

    Cost: one pass over turns and sentences for the words and acts; for each day one over its open questions, and one
        over the conversations with a promise of ours in which something was said.
    """
    zone = sources.calendar.zone
    promises = find_promises(
        sources.known.turns, sources.known.sentences, sources.known.findings, calendar=sources.calendar
    )
    silence = _find_silence(promises, sources)
    days = _find_days(sources, silence, zone, last)
    evenings = np.array([_us(day_bounds(day, zone)[1] - _TICK) for day in days], np.int64)
    parts = [
        _read_words(sources, evenings),
        _read_answers(sources, evenings),
    ]
    settled, promise_rows = _follow_promises(sources, promises, silence, evenings)
    waits = _Waits.of(sources, evenings)
    tables = [*(part.readings for part in parts), waits.kept.readings, settled.readings]
    versions = Versions(
        readings=pa.concat_tables(tables),
        first=np.concatenate([*(part.first for part in parts), waits.kept.first, settled.first]),
        last=np.concatenate([*(part.last for part in parts), waits.kept.last, settled.last]),
    )
    is_promise = np.zeros(versions.readings.num_rows, bool)
    is_promise[len(is_promise) - settled.readings.num_rows :] = True
    return History(
        days=tuple(days),
        evenings=evenings,
        versions=versions,
        promises=promise_rows,
        is_promise=is_promise,
        waits=waits.tonight,
        wait_day=waits.day,
        wait_before=waits.before,
        wait_asked=waits.asked,
        is_answered=waits.is_answered,
    )


def _us(moment: dt.datetime) -> int:
    return int(pa.scalar(moment, pa.timestamp("us", tz="UTC")).value)


def _moment(us: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)


def _find_days(sources: Sources, silence: Sequence[dt.datetime | None], zone: str, last: dt.datetime) -> list[dt.date]:
    """Days on which somebody wrote or answered, a decision was made, or a promise's time ran out."""
    here, turns = ZoneInfo(zone), sources.known.turns
    moments = [
        *turns.filter(pc.invert(turns["automatic"]))["sent_at"].drop_null().to_pylist(),
        *sources.answers["answered_at"].to_pylist(),
        *sources.decisions["at"].to_pylist(),
        *(moment for moment in silence if moment is not None),
    ]
    found = {moment.astimezone(here).date() for moment in moments if _YEARS[0] <= moment.year < _YEARS[1]}
    return sorted(day for day in found if day_bounds(day, zone)[1] <= last)


def _read_words(sources: Sources, evenings: Ints) -> Versions:
    """Words and acts of all turns: in the books from their own day on."""
    if not len(evenings):
        return Versions.none()
    known, last = sources.known, _moment(int(evenings[-1]))
    readings = gather_readings(
        known.turns, known.sentences, known.findings, empty(PROMISES),
        reference=sources.reference, now=last, hours=sources.hours,
        questions=find_questions(known.turns, known.sentences, known.findings, now=last),
    )  # fmt: skip
    readings = readings.filter(pc.not_equal(readings["signal"], "answer_time"))
    first = np.searchsorted(evenings, readings["at"].cast(pa.int64()).to_numpy()).astype(np.int64)
    return Versions(readings=readings, first=first, last=np.full(len(first), len(evenings), np.int64))


def _read_answers(sources: Sources, evenings: Ints) -> Versions:
    """Survey answers, read by items learned from the answers of the days before; read anew with a tenth more."""
    answers = sources.answers.sort_by("answered_at")
    came = np.searchsorted(evenings, answers["answered_at"].cast(pa.int64()).to_numpy())
    within = came < len(evenings)
    answers, came = answers.filter(pa.array(within)), came[within].astype(np.int64)
    tables, first, last = [empty(READINGS)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    starts = _find_lessons(came)
    for place, start in enumerate(starts):
        end = starts[place + 1] if place + 1 < len(starts) else len(evenings)
        items = learn_items(answers.filter(pa.array(came < start)))
        for day in [start, *sorted({int(day) for day in came if start < day < end})]:
            new = (came <= day) if day == start else (came == day)
            readings = read_survey(answers.filter(pa.array(new)), items)
            tables.append(readings)
            first.append(np.full(readings.num_rows, day, np.int64))
            last.append(np.full(readings.num_rows, end, np.int64))
    return Versions(readings=pa.concat_tables(tables), first=np.concatenate(first), last=np.concatenate(last))


def _find_lessons(came: Ints) -> list[int]:
    """Days from which answers are read by items learned anew, from those of the days before."""
    starts: list[int] = []
    learned = -1.0
    for day in sorted(set(came.tolist())):
        before = int((came < day).sum())
        if learned < 0 or before >= max(learned * _RELEARN_AT, learned + 1):
            starts.append(day)
            learned = before
    return starts


def items_before(sources: Sources, history: History, day: int) -> pa.Table:
    """ITEMS as they were read on a day: learned from answers of earlier days alone."""
    at = sources.answers["answered_at"].cast(pa.int64()).to_numpy()
    came = np.sort(np.searchsorted(history.evenings, at)).astype(np.int64)
    start = max((start for start in _find_lessons(came[came < len(history.evenings)]) if start <= day), default=day)
    floor = history.evenings[start - 1] if start else np.iinfo(np.int64).min
    return learn_items(sources.answers.filter(pa.array(at <= floor)))


def _find_silence(promises: pa.Table, sources: Sources) -> list[dt.datetime | None]:
    """When each promise would be given up if nothing at all were said after it; None where never."""
    if not promises.num_rows:
        return []
    turns = sources.known.turns
    turns = turns.filter(pc.is_in(turns["turn_id"], pc.unique(promises["turn_id"])))
    alone = turns
    for name in ("conversation_id", "relationship"):  # each in a world of its own: a neighbour must not settle it
        alone = alone.set_column(alone.schema.get_field_index(name), alone.schema.field(name), turns["turn_id"])
    silent = settle_promises(
        promises, alone, sources.known.sentences.slice(0, 0), sources.known.findings.slice(0, 0),
        now=_NEVER, calendar=sources.calendar,
    )  # fmt: skip
    return silent["state_at"].to_pylist()


def _follow_promises(
    sources: Sources, promises: pa.Table, silence: Sequence[dt.datetime | None], evenings: Ints
) -> tuple[Versions, pa.Table]:
    """Settle the promises of a relationship again on every day on which that could change something.

    That is: something was said there, or a promise's time ran out. Returns the readings of our own promises, and the
    rows of PROMISES that they were made of.
    """
    rows = promises.to_pylist()
    surroundings = _Surroundings(sources.known, rows)
    due = surroundings.find_days(silence, evenings)
    decided = _find_decided(sources, promises, evenings)
    spoken_for: set[int] = set()
    held: dict[int, tuple[int, dict[str, Any]]] = {}
    told: list[tuple[int, int, dict[str, Any]]] = []
    for day, evening in enumerate(evenings.tolist()):
        fixed = decided.get(day, {})
        spoken_for |= fixed.keys()
        chosen, near = surroundings.gather(due.get(day, set()))
        settled = dict(fixed)
        if chosen:
            table = settle_promises(
                promises.take(pa.array(chosen)), near.turns, near.sentences, near.findings,
                now=_moment(evening), calendar=sources.calendar, outcomes=sources.outcomes,
            )  # fmt: skip
            found = zip(chosen, table.to_pylist(), strict=True)
            settled |= {one: row for one, row in found if one not in spoken_for}
        for one, row in settled.items():
            if (
                row["side"] != "us"
                or row["relationship"] is None
                or (one in held and _says_the_same(held[one][1], row))
            ):
                continue
            if one in held:
                told.append((held[one][0], day, held.pop(one)[1]))
            if row["state"] in _TELLING and row["state_at"] is not None:
                held[one] = (day, row)
    told += [(first, len(evenings), row) for first, row in held.values()]
    table = pa.Table.from_pylist([row for _, _, row in told], schema=PROMISES)
    readings = read_promises(table, _NEVER)
    first, last = (np.array([one[place] for one in told], np.int64) for place in (0, 1))
    return Versions(readings=readings, first=first, last=last), table


def _says_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("state", "state_at", "decided_by"))


class _Surroundings:
    """What can bear on a promise: all that was said in its relationship and in its conversation."""

    def __init__(self, known: Understood, promises: Sequence[Mapping[str, Any]]) -> None:
        self._known = known
        turns = known.turns
        columns = (turns[name].to_pylist() for name in ("turn_id", "conversation_id", "relationship"))
        self._at: list[tuple[str, str | None]] = []  # conversation and relationship of each turn
        places: dict[str, int] = {}
        self._of_conversation, self._of_home = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        for place, (turn_id, conversation, home) in enumerate(zip(*columns, strict=True)):
            places[turn_id] = place
            self._at.append((conversation, home))
            self._of_conversation[conversation].append(place)
            if home is not None:
                self._of_home[home].append(place)
        self._promises = defaultdict[int, list[int]](list)
        for one, row in enumerate(promises):
            self._promises[places[row["turn_id"]]].append(one)
        self._sentences = _rows_of(known.sentences, turns)
        self._findings = _rows_of(known.findings, turns)

    def find_days(self, silence: Sequence[dt.datetime | None], evenings: Ints) -> dict[int, set[int]]:
        """Day to the turns that make it worth looking again: those said then, and those of promises run out then."""
        days: defaultdict[int, set[int]] = defaultdict(set)
        at = self._known.turns["sent_at"].cast(pa.int64()).to_pylist()
        for place, us in enumerate(at):
            if us is not None:
                days[int(np.searchsorted(evenings, us))].add(place)
        for place, several in self._promises.items():
            for moment in (silence[one] for one in several):
                if moment is not None:  # given up only after that moment
                    days[int(np.searchsorted(evenings, _us(moment), side="right"))].add(place)
        return days

    def gather(self, turns: set[int]) -> tuple[list[int], Understood]:
        """The promises near these turns, and what can bear on them, in the order of the tables."""
        found: set[int] = set()
        for conversation, home in {self._at[place] for place in turns}:
            found.update(self._of_conversation[conversation])
            if home is not None:
                found.update(self._of_home[home])
        chosen = sorted(one for place in found for one in self._promises.get(place, ()))
        rows = np.array(sorted(found) if chosen else [], np.int64)
        near = Understood(
            turns=self._known.turns.take(pa.array(rows)),
            sentences=self._known.sentences.take(pa.array(_pick(self._sentences, rows))),
            findings=self._known.findings.take(pa.array(_pick(self._findings, rows))),
        )
        return chosen, near


def _rows_of(table: pa.Table, turns: pa.Table) -> tuple[Ints, Ints]:
    """Rows of a table by the place of their turn, and where those of each turn begin, shape (turns + 1,)."""
    place = pc.fill_null(pc.index_in(table["turn_id"], turns["turn_id"].combine_chunks()), turns.num_rows)
    of_turn = np.asarray(place.to_numpy(), np.int64)
    order = np.argsort(of_turn, kind="stable").astype(np.int64)
    return order, np.searchsorted(of_turn[order], np.arange(turns.num_rows + 1)).astype(np.int64)


def _pick(rows: tuple[Ints, Ints], turns: Ints) -> Ints:
    order, start = rows
    parts = [order[start[turn] : start[turn + 1]] for turn in turns.tolist()]
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64)


def _find_decided(sources: Sources, promises: pa.Table, evenings: Ints) -> dict[int, dict[int, dict[str, Any]]]:
    """Day of a person's last word to the promises and that word; the machine's states count before that day."""
    if not sources.decided.num_rows:
        return {}
    place = {promise_id: one for one, promise_id in enumerate(promises["promise_id"].to_pylist())}
    matches = match_decided(promises, sources.decided)
    spoken: dict[str, dt.datetime] = {}
    for row in sources.decisions.sort_by("at").to_pylist():
        spoken[row["promise_id"]] = row["at"]  # the latest stays
    found: defaultdict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in sources.decided.to_pylist():
        one = place.get(matches.get(row["promise_id"], ""))
        if one is not None and row["promise_id"] in spoken:
            found[int(np.searchsorted(evenings, _us(spoken[row["promise_id"]])))][one] = row
    return found


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Waits:
    """Questions, evening by evening."""

    kept: Versions
    tonight: pa.Table
    day: Ints
    before: npt.NDArray[np.float64]
    asked: Ints
    is_answered: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, sources: Sources, evenings: Ints) -> _Waits:
        known = sources.known
        turns = known.turns
        if len(evenings):
            latest = pa.scalar(_moment(int(evenings[-1])), turns["sent_at"].type)
            turns = turns.filter(pc.fill_null(pc.less_equal(turns["sent_at"], latest), False))
        scene = set_scene(turns, known.sentences, known.findings)
        asked_at = dict(
            zip(scene.turns["turn_id"].to_pylist(), scene.turns["sent_at"].cast(pa.int64()).to_pylist(), strict=True)
        )
        sent = np.array(list(asked_at.values()), np.int64)
        answered = np.where(scene.answer >= 0, sent[scene.answer], np.iinfo(np.int64).max) if len(sent) else sent
        final = dict(zip(asked_at, answered.tolist(), strict=True))
        tables, first, last = [empty(READINGS)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        tonight, day_of = [empty(READINGS)], [np.zeros(0, np.int64)]
        before, given_up = [np.zeros(0)], set[str]()
        open_before: dict[str, float] = {}
        for day, evening in enumerate(evenings.tolist()):
            earlier = int(evenings[day - 1]) if day else np.iinfo(np.int64).min
            undecided = _read_open(scene, sources, sent, answered, unanswered_at=earlier, now=evening)
            tonight.append(undecided)
            day_of.append(np.full(undecided.num_rows, day, np.int64))
            before.append(np.array([open_before.get(one, np.nan) for one in undecided["turn_id"].to_pylist()]))
            standing = _read_open(scene, sources, sent, answered, unanswered_at=evening, now=evening)
            standing = standing.filter(pc.invert(pc.is_in(standing["turn_id"], pa.array(list(given_up), pa.string()))))
            open_before |= zip(standing["turn_id"].to_pylist(), standing["hi"].to_pylist(), strict=True)
            is_last = standing["at"].cast(pa.int64()).to_numpy() < evening  # has waited so long that it says no more
            names = standing["turn_id"].to_pylist()
            given_up |= {name for name, is_long in zip(names, is_last.tolist(), strict=True) if is_long}
            comes = np.searchsorted(evenings, np.array([final[name] for name in names], np.int64))
            tables.append(standing)
            first.append(np.full(len(names), day, np.int64))
            last.append(np.where(is_last, comes, day + 1).astype(np.int64))
        if len(evenings):
            done = read_waits(scene, sources.reference, _moment(int(evenings[-1])), hours=sources.hours)
            exact = done.filter(pc.equal(done["lo"], done["hi"]))
            tables.append(exact)
            first.append(np.searchsorted(evenings, exact["at"].cast(pa.int64()).to_numpy()).astype(np.int64))
            last.append(np.full(exact.num_rows, len(evenings), np.int64))
        rows = pa.concat_tables(tonight)
        names = rows["turn_id"].to_pylist()
        days = np.concatenate(day_of)
        return cls(
            kept=Versions(readings=pa.concat_tables(tables), first=np.concatenate(first), last=np.concatenate(last)),
            tonight=rows,
            day=days,
            before=np.concatenate(before),
            asked=np.array([asked_at[name] for name in names], np.int64),
            is_answered=np.array([final[name] for name in names], np.int64) <= evenings[days]
            if len(names)
            else np.zeros(0, bool),
        )


def _read_open(scene: Scene, sources: Sources, sent: Ints, answered: Ints, *, unanswered_at: int, now: int) -> pa.Table:
    """Questions asked by `now` and unanswered at a moment, read at `now` as if still unanswered."""
    masked = replace(scene, answer=np.where(answered <= unanswered_at, scene.answer, -1))
    readings = read_waits(masked, sources.reference, _moment(now), hours=sources.hours)
    row = pc.index_in(readings["turn_id"], scene.turns["turn_id"].combine_chunks()).to_numpy().astype(np.int64)
    return readings.filter(pa.array((sent[row] <= now) & (answered[row] > unanswered_at)))
