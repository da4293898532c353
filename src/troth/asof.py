"""The readings as each evening's books held them: what had come by then, and what has been replaced since.

A forecast may use only what was in the books when it was made, and the reading set is not a pile that only grows:

- a question still open is read anew every evening, as "longer than until now", and no more once it is answered;
- a promise suspected to be broken may turn out late, or turn up in another conversation;
- what a person decides counts from the evening of the decision, whatever day it speaks of;
- what a person contests is out from the evening of the objection, and back from that of its being rejected;
- a survey item is read by what the answers before it showed, and read anew when a tenth more answers have come.

So every reading here carries the day from which the books held it and the day from which they no longer did. Words
and acts (SHOWN, and HELD by text) never change: both look only back. A test compares each evening with the pipeline
run on that evening's turns alone.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.pipeline import Standing, Understood
from troth.promises import Calendar, find_versions
from troth.promises.decided import match_decided
from troth.promises.evenings import scopes_of, settle_evenings
from troth.promises.scope import scope_keys
from troth.promises.settle import WAIT, limit_of, silent_at, true_due
from troth.questions import find_questions
from troth.readings import Reference, gather_readings, read_survey
from troth.readings.contested import times_out
from troth.readings.follow_through import read_promises
from troth.readings.scene import set_scene
from troth.readings.surveys import SIGNAL as SURVEY
from troth.readings.waits import ASKING, Asked, list_asked
from troth.review import day_bounds
from troth.schema import OBJECTIONS, PROMISES, READINGS, empty
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
    found: pa.Table | None = None  # FOUND as `find_versions` finds it, where that was done already
    standing: Standing | None = None  # the books as of the last evening or a later one, where that was done already
    objections: pa.Table = field(default_factory=lambda: empty(OBJECTIONS))  # when readings were contested


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
    lessons: Ints  # (D,) survey items are read by the answers up to this moment, microseconds since 1970
    start: int = 0  # days before this one are not the matter: they say where the books stood


def recall(sources: Sources, *, last: dt.datetime, since: str = "") -> History:
    """Lay out the readings by the evenings on which the books held them.

    Args:
        sources: turns and everything found in them, answers, what people decided.
        last: days that end after this moment are left out.
        since: days up to this one, as 2026-11-20, are left out but for the last of them, which comes first in the
            history and holds all that the books held on its evening.

    Cost: one pass over turns and sentences for the words and acts; for each day its open questions, its new turns and
        the promises of the relationships in which something was said. With `since`, promises are settled for the days
        after it alone where `sources.standing` tells of the rest.
    """
    zone = sources.calendar.zone
    known = sources.known
    promises = sources.found
    if promises is None:
        promises = find_versions(known.turns, known.sentences, known.findings, calendar=sources.calendar)
    silence = _find_silence(promises, sources.calendar)
    days = _find_days(sources, silence, zone, last)
    evenings = np.array([_us(day_bounds(day, zone)[1] - _TICK) for day in days], np.int64)
    base = bisect_right([day.isoformat() for day in days], since) - 1
    start, base = int(base >= 0), max(base, 0)
    is_usable = sources.standing is not None and len(evenings) and _us(sources.standing.now) >= evenings[-1]
    standing = sources.standing if is_usable else None
    parts = [_read_words(sources, standing, evenings), _read_answers(sources, evenings, base)]
    settled, promise_rows = _follow_promises(
        sources, promises, silence, evenings, base=base if start else -1, standing=standing
    )
    waits = _Waits.of(sources, evenings, base)
    tables = [*(part.readings for part in parts), waits.kept.readings, settled.readings]
    lives = [*parts, waits.kept, settled]
    versions = Versions(
        readings=pa.concat_tables(tables),
        first=np.maximum(np.concatenate([part.first for part in lives]) - base, 0),
        last=np.concatenate([part.last for part in lives]) - base,
    )
    is_promise = np.zeros(versions.readings.num_rows, bool)
    is_promise[len(is_promise) - settled.readings.num_rows :] = True
    versions = _leave_out(versions, sources.objections, evenings[base:])
    is_promise = np.pad(is_promise, (0, versions.readings.num_rows - len(is_promise)))
    return History(
        days=tuple(days[base:]),
        evenings=evenings[base:],
        versions=versions,
        promises=promise_rows,
        is_promise=is_promise,
        waits=waits.tonight,
        wait_day=waits.day - base,
        wait_before=waits.before,
        wait_asked=waits.asked,
        is_answered=waits.is_answered,
        lessons=_list_lessons(sources, evenings)[base:],
        start=start,
    )


def _leave_out(versions: Versions, objections: pa.Table, evenings: Ints) -> Versions:
    """Contested readings end on the evening of the objection; those that count again come once more, behind all."""
    out = times_out(versions.readings, objections) if objections.num_rows else {}
    last = versions.last.copy()
    again: list[tuple[int, int, int]] = []
    for row, stretches in out.items():
        begins, ends = int(versions.first[row]), int(versions.last[row])
        days = [
            (int(np.searchsorted(evenings, since)), ends if until is None else int(np.searchsorted(evenings, until)))
            for since, until in stretches
        ]
        last[row] = min(ends, max(begins, days[0][0]))
        for (_, back), (away, _) in pairwise([*days, (ends, ends)]):
            if max(back, begins) < min(away, ends):
                again.append((row, max(back, begins), min(away, ends)))
    rows = np.array([row for row, *_ in again], np.int64)
    return Versions(
        readings=pa.concat_tables([versions.readings, versions.readings.take(pa.array(rows))]),
        first=np.concatenate([versions.first, np.array([first for _, first, _ in again], np.int64)]),
        last=np.concatenate([last, np.array([end for *_, end in again], np.int64)]),
    )


def _us(moment: dt.datetime) -> int:
    return int(pa.scalar(moment, pa.timestamp("us", tz="UTC")).value)


def _moment(us: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)


def _find_days(sources: Sources, silence: Sequence[dt.datetime | None], zone: str, last: dt.datetime) -> list[dt.date]:
    """Days on which somebody wrote or answered, a decision was made, a promise ran out or a record was closed."""
    here, turns = ZoneInfo(zone), sources.known.turns
    moments = [
        *turns["sent_at"].filter(pc.invert(turns["automatic"])).drop_null().to_pylist(),
        *sources.answers["answered_at"].to_pylist(),
        *sources.decisions["at"].to_pylist(),
        *sources.objections["at"].to_pylist(),
        *(moment for moment in silence if moment is not None),
        *(() if sources.outcomes is None else sources.outcomes["closed_at"].drop_null().to_pylist()),
    ]
    found = {moment.astimezone(here).date() for moment in moments if _can_be_true(moment)}
    return sorted(day for day in found if day_bounds(day, zone)[1] <= last)


def _read_words(sources: Sources, standing: Standing | None, evenings: Ints) -> Versions:
    """Words and acts of all turns: in the books from their own day on."""
    if not len(evenings):
        return Versions.none()
    known, last = sources.known, _moment(int(evenings[-1]))
    if standing is not None:
        readings = standing.all_readings
        others = pa.array(["answer_time", "promise_outcome", SURVEY])
        mine = pc.invert(pc.is_in(readings["signal"], others))
        readings = readings.filter(pc.and_(mine, pc.less_equal(readings["at"], pa.scalar(last, readings["at"].type))))
    else:
        readings = gather_readings(
            known.turns, known.sentences, known.findings, empty(PROMISES),
            reference=sources.reference, now=last, hours=sources.hours,
            questions=find_questions(known.turns, known.sentences, known.findings, now=last),
        )  # fmt: skip
        readings = readings.filter(pc.not_equal(readings["signal"], "answer_time"))
    first = np.searchsorted(evenings, readings["at"].cast(pa.int64()).to_numpy()).astype(np.int64)
    return Versions(readings=readings, first=first, last=np.full(len(first), len(evenings), np.int64))


def _read_answers(sources: Sources, evenings: Ints, base: int) -> Versions:
    """Survey answers, read by items learned from the answers of the days before; read anew with a tenth more."""
    answers = sources.answers.sort_by("answered_at")
    came = np.searchsorted(evenings, answers["answered_at"].cast(pa.int64()).to_numpy())
    within = came < len(evenings)
    answers, came = answers.filter(pa.array(within)), came[within].astype(np.int64)
    tables, first, last = [empty(READINGS)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    starts = _find_lessons(came)
    for start, end in pairwise([*starts, len(evenings)]):
        if end <= base:
            continue  # read anew since
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


def _list_lessons(sources: Sources, evenings: Ints) -> Ints:
    """Per day: the moment up to which answers say how items are read, shape (D,)."""
    came = np.sort(np.searchsorted(evenings, sources.answers["answered_at"].cast(pa.int64()).to_numpy()))
    starts = np.array(_find_lessons(came[came < len(evenings)].astype(np.int64)), np.int64)
    days = np.arange(len(evenings))
    place = np.searchsorted(starts, days, side="right") - 1
    start = np.where(place >= 0, starts[place], days) if len(starts) else days
    return np.where(start > 0, evenings[start - 1], np.iinfo(np.int64).min) if len(evenings) else evenings


def items_before(sources: Sources, history: History, day: int) -> pa.Table:
    """ITEMS as they were read on a day: learned from answers of earlier days alone."""
    at = sources.answers["answered_at"].cast(pa.int64()).to_numpy()
    return learn_items(sources.answers.filter(pa.array(at <= history.lessons[day])))


def _find_silence(promises: pa.Table, calendar: Calendar) -> list[dt.datetime | None]:
    """When each promise would be given up if nothing at all were said after it; None where never."""
    rows = promises.select(["said_at", "due_rule", "due_latest"]).to_pylist()
    return [
        silent_at(row, row["said_at"], limit_of(true_due(row), calendar)) if _can_be_true(row["said_at"]) else None
        for row in rows
    ]


def _can_be_true(moment: dt.datetime | None) -> bool:
    return moment is not None and _YEARS[0] <= moment.year < _YEARS[1]


def _follow_promises(
    sources: Sources,
    promises: pa.Table,
    silence: Sequence[dt.datetime | None],
    evenings: Ints,
    *,
    base: int,
    standing: Standing | None,
) -> tuple[Versions, pa.Table]:
    """Settle the promises of a relationship again on every day on which that could change something.

    That is: something was said there, a yes changed a promise, its time ran out, or a record was closed. With a `base`
    of 0 or more, all are settled as of its evening, and then those of the days after it. Returns the readings of our
    own promises, and the rows of PROMISES that they were made of.
    """
    if not promises.num_rows or not len(evenings):
        return Versions.none(), empty(PROMISES)
    known = sources.known
    homes = scopes_of(promises, known.turns)
    moments = _find_moments(sources, silence, homes)
    moments += [
        (home, _us(since), False)
        for home, since in zip(homes, promises["since"].to_pylist(), strict=True)
        if since is not None and _can_be_true(since)
    ]
    still = set[str]()
    if base >= 0 and standing is not None:
        after, until = int(evenings[base]), _us(standing.now)
        still = _find_still(moments, promises, sources.decided, homes, after=after, until=until)
    due: defaultdict[str, set[int]] = defaultdict(set)
    when, is_after = (np.array(column) for column in zip(*((us, after) for _, us, after in moments), strict=True))
    days = np.where(is_after, np.searchsorted(evenings, when, side="right"), np.searchsorted(evenings, when))
    for (scope, *_), day in zip(moments, days.tolist(), strict=True):
        if day < len(evenings) and scope not in still:
            due[scope].add(max(day, base))
    place: dict[str, int] = {}
    for one, promise_id in enumerate(promises["promise_id"].to_pylist()):
        place.setdefault(promise_id, one)
    home = {promise_id: homes[one] for promise_id, one in place.items()}
    fixed = _find_decided(sources, promises, evenings, home=home, base=base)
    told: list[tuple[int, int, int, dict[str, Any]]] = []
    for scope, nights in _settle_nights(sources, promises, evenings, due):
        told += _trace(nights, fixed.pop(scope, {}), place, end=len(evenings))
    states = {} if standing is None else _take_states(home, still, standing)
    for scope in states.keys() | fixed.keys():
        nights = {base: states[scope]} if scope in states else {}
        told += _trace(nights, fixed.get(scope, {}), place, end=len(evenings))
    told.sort(key=lambda one: one[:2])
    table = pa.Table.from_pylist([row for *_, row in told], schema=PROMISES)
    readings = read_promises(table, _NEVER)
    first, last = (np.array([one[column] for one in told], np.int64) for column in (1, 2))
    return Versions(readings=readings, first=first, last=last), table


_Rows = Mapping[str, dict[str, Any]]  # PROMISES by their id


def _settle_nights(
    sources: Sources, promises: pa.Table, evenings: Ints, due: Mapping[str, set[int]]
) -> Iterator[tuple[str, dict[int, _Rows]]]:
    """Our promises of each relationship as the evenings of the days on which it is due find them."""
    known, day_of = sources.known, {_moment(int(us)): day for day, us in enumerate(evenings)}
    nights = {scope: [_moment(int(evenings[day])) for day in sorted(days)] for scope, days in due.items()}
    settled = settle_evenings(
        promises, known.turns, known.sentences, known.findings,
        due=nights, calendar=sources.calendar, outcomes=sources.outcomes,
    )  # fmt: skip
    for scope, evening in groupby(settled, key=itemgetter(0)):
        yield scope, {day_of[now]: {row["promise_id"]: row for row in rows} for _, now, rows in evening}


def _trace(
    nights: Mapping[int, _Rows], fixed: Mapping[int, _Rows], place: Mapping[str, int], *, end: int
) -> list[tuple[int, int, int, dict[str, Any]]]:
    """Follow the promises of one relationship from day to day, by what was settled and what people decided.

    Returns: place of the promise, first day on which the books told this of it, first day on which they did no longer,
        and the row.
    """
    spoken_for: set[str] = set()
    held: dict[str, tuple[int, dict[str, Any]]] = {}
    told: list[tuple[int, int, int, dict[str, Any]]] = []
    for day in sorted({*nights, *fixed}):
        said = fixed.get(day, {})
        spoken_for |= said.keys()
        settled = {one: row for one, row in nights.get(day, {}).items() if one not in spoken_for}
        for one, row in (*settled.items(), *said.items()):
            if (
                row["side"] != "us"
                or row["relationship"] is None
                or (one in held and _says_the_same(held[one][1], row))
            ):
                continue
            if one in held:
                told.append((place[one], held[one][0], day, held.pop(one)[1]))
            if row["state"] in _TELLING and row["state_at"] is not None:
                held[one] = (day, row)
    return told + [(place[one], first, end, row) for one, (first, row) in held.items()]


def _says_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("state", "state_at", "decided_by", "evidence_probability"))


def _find_moments(
    sources: Sources, silence: Sequence[dt.datetime | None], scopes: Sequence[str]
) -> list[tuple[str, int, bool]]:
    """When it is worth looking at a relationship again: scope, microseconds since 1970, and whether only after that."""
    turns = sources.known.turns
    said = zip(scope_keys(turns).to_pylist(), turns["sent_at"].cast(pa.int64()).to_pylist(), strict=True)
    theirs = set(scopes)
    found = [(scope, us, False) for scope, us in said if us is not None and scope in theirs]
    for scope, moment in zip(scopes, silence, strict=True):
        if moment is not None:  # a complaint counts once grace has passed, and silence once the time to wait has
            found += [(scope, _us(moment - WAIT), True), (scope, _us(moment), True)]
    records = () if sources.outcomes is None else sources.outcomes.select(["relationship", "closed_at"]).to_pylist()
    found += [
        (row["relationship"], _us(row["closed_at"]), False)
        for row in records
        if row["closed_at"] is not None and row["relationship"] in theirs
    ]
    return found


def _find_still(
    moments: Sequence[tuple[str, int, bool]],
    promises: pa.Table,
    decided: pa.Table,
    scopes: Sequence[str],
    *,
    after: int,
    until: int,
) -> set[str]:
    """Relationships in which nothing that bears on a promise happens between two moments: they stay as they stand."""
    moving = {scope for scope, us, _ in moments if after <= us <= until}
    spoken_of = set(match_decided(promises, decided).values()) if decided.num_rows else set[str]()
    told = zip(promises["promise_id"].to_pylist(), scopes, strict=True)
    return set(scopes) - moving - {scope for promise_id, scope in told if promise_id in spoken_of}


def _take_states(home: Mapping[str, str], still: set[str], standing: Standing) -> dict[str, dict[str, dict[str, Any]]]:
    """Our promises of these relationships as they stand, by relationship and id."""
    rows = standing.promises.filter(pc.is_in(standing.promises["state"], pa.array(_TELLING)))
    states: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows.to_pylist():
        if home.get(row["promise_id"]) in still:
            states[home[row["promise_id"]]][row["promise_id"]] = row
    return states


def _find_decided(
    sources: Sources, promises: pa.Table, evenings: Ints, *, home: Mapping[str, str], base: int
) -> dict[str, dict[int, dict[str, dict[str, Any]]]]:
    """People's last words by relationship, day and promise; the machine's states count before that day."""
    found: dict[str, dict[int, dict[str, dict[str, Any]]]] = {}
    if not sources.decided.num_rows:
        return found
    matches = match_decided(promises, sources.decided)
    spoken: dict[str, dt.datetime] = {}
    for row in sources.decisions.sort_by("at").to_pylist():
        spoken[row["promise_id"]] = row["at"]  # the latest stays
    rows = [row for row in sources.decided.to_pylist() if row["promise_id"] in matches.keys() & spoken.keys()]
    for row in sorted(rows, key=lambda row: spoken[row["promise_id"]]):
        one = matches[row["promise_id"]]
        day = int(np.searchsorted(evenings, _us(spoken[row["promise_id"]])))
        if day < len(evenings):
            found.setdefault(home[one], {}).setdefault(max(day, base), {})[one] = row
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
    def of(cls, sources: Sources, evenings: Ints, base: int) -> _Waits:
        """From the evening of day `base` on; days keep their places.

        A question is open on the evenings from that of its asking up to the one before its answer. Given up, it is
        read a last time, and that reading stays until the answer.
        """
        known = sources.known
        latest = evenings[-1] if len(evenings) else np.iinfo(np.int64).min
        in_time = pc.less_equal(known.turns["sent_at"].cast(pa.int64()), int(latest))
        asking = known.findings.filter(pc.is_in(known.findings["signal"], pa.array(ASKING)))
        scene = set_scene(known.turns.filter(pc.fill_null(in_time, False)), known.sentences, asking)
        asked = list_asked(scene, sources.reference, hours=sources.hours)
        if asked is None:
            nothing, zero = empty(READINGS), np.zeros(0, np.int64)
            return cls(
                kept=Versions.none(), tonight=nothing, day=zero, before=np.zeros(0), asked=zero,
                is_answered=np.zeros(0, bool),
            )  # fmt: skip
        at, given_up = asked.at.astype(np.int64), asked.given_up_at.astype(np.int64)
        never = np.iinfo(np.int64).max
        answered = np.where(asked.is_answered, asked.answered_at.astype(np.int64), never)
        begins, ends = np.searchsorted(evenings, at), np.searchsorted(evenings, answered)
        tells_last = np.searchsorted(evenings, given_up, side="right")
        which, day = _count_up(np.maximum(begins, np.minimum(base, tells_last)), np.minimum(ends, tells_last + 1))
        alive = ends[which] > base
        which, day = which[alive], day[alive]
        open_last = np.where(day == tells_last[which], ends[which], day + 1)
        still = _read_open(asked, which, evenings[day], given_up)
        done = np.flatnonzero(asked.is_answered)
        exact = asked.read(done, asked.answered_at[done], is_answered=np.ones(len(done), bool))
        tonight, nights = _count_up(
            np.maximum(begins, base), np.minimum(np.minimum(ends, tells_last), len(evenings) - 1) + 1
        )
        earlier = np.maximum(nights - 1, 0)
        before = asked.place(tonight, np.minimum(evenings[earlier], given_up[tonight]).astype("datetime64[us]"))
        return cls(
            kept=Versions(
                readings=pa.concat_tables([still, exact]),
                first=np.concatenate([day, ends[done]]).astype(np.int64),
                last=np.concatenate([open_last, np.full(len(done), len(evenings))]).astype(np.int64),
            ),
            tonight=_read_open(asked, tonight, evenings[nights], given_up),
            day=nights,
            before=np.where(nights > begins[tonight], before, np.nan),
            asked=at[tonight],
            is_answered=nights == ends[tonight],
        )


def _count_up(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Every number from `start` to before `end`, and the row it belongs to; ordered by number, then row."""
    count = np.maximum(end - start, 0)
    which = np.repeat(np.arange(len(start)), count)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + start[which]
    order = np.lexsort((which, number))
    return which[order].astype(np.int64), number[order].astype(np.int64)


def _read_open(asked: Asked, which: Ints, now: Ints, given_up: Ints) -> pa.Table:
    """These questions at these moments, as if still unanswered."""
    until = np.minimum(now, given_up[which]).astype("datetime64[us]")
    return asked.read(which, until, is_answered=np.zeros(len(which), bool))
