"""The daily proof: each closed day sealed, tomorrow's readings foretold from it, and the forecast scored.

A day is closed once it is over. What was stated on its evening is written to CLOSINGS and FORECASTS and never written
again; when the book later tells another story of that day, the proof says so beside what was kept.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.asof import History, Sources, recall
from troth.book import Store
from troth.pipeline import Progress
from troth.review import ScoredForecast
from troth.schema import CLOSINGS, FORECASTS
from troth.sealing import check_seals, seal_closing, seal_forecasts, seal_levels, seal_readings
from troth.targets import Targets, list_targets
from troth.told import Told
from troth.trust import DEFAULT_MODEL, Model, State
from troth.trust.calibration import Bin, Pit, measure_pit, measure_reliability
from troth.trust.forecasts import Levels, Versions, carry_states, chance_outcomes, chance_waiting, place_exact
from troth.trust.rivals import LEARNED, RIVALS, Memory
from troth.trust.versions import name_version
from troth.trust.wealth import ENOUGH, RivalScore, score_days, score_rivals

_MOST_SHOWN: Final = 1e6
_BATCH_FORECASTS: Final = 2000  # written at once, whole days only


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """The filter's constants, and the moment from which they may be used: they were learned from what came before."""

    model: Model
    since: dt.datetime | None  # None: from the beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What is written down with a closed day beside the day itself."""

    zone: str  # whose midnight closes the books
    encoder: str  # that made the findings
    clock: Callable[[], dt.datetime]  # the time of the machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A closed day of which the book now tells another story."""

    day: str
    why: str  # readings, levels (only because earlier days changed), constants (another encoder or model), gone, new
    closed_at: dt.datetime | None  # None: not closed, though days after it are
    readings: int  # in the books when it was closed
    would_be: int  # now

    @property
    def text(self) -> str:
        """In one line."""
        if self.closed_at is None:
            return f"{self.day}: never closed; its {self.would_be} readings came in after later days were closed."
        head = f"{self.day}: closed on {self.closed_at:%Y-%m-%d} with {self.readings} readings in the books"
        if self.why == "gone":
            return f"{head}; nothing of that day is left."
        if self.why == "levels":
            return f"{head}; the levels would now be others, since earlier days changed."
        return f"{head}, would now be {self.would_be}{' others' if self.would_be == self.readings else ''}."


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Proof:
    """All that was foretold and what came of it."""

    forecasts: pa.Table  # FORECASTS, in order
    closings: pa.Table  # CLOSINGS, in order
    daily: pa.Table  # DAILY of `troth.trust.wealth`
    rivals: tuple[RivalScore, ...]
    reliability: tuple[Bin, ...]
    pit: Pit | None
    ahead: int  # forecasts whose books were sealed before what they speak of happened
    on_time: int  # days closed before the next day was over
    broken: tuple[str, ...]  # what is wrong with the seals, in words
    resealed: int  # days whose forecasts were sealed once more, without the name of somebody who was forgotten
    changes: tuple[Change, ...]
    remade: int  # days that were closed with another encoder or other constants, and cannot be compared

    def say(self, day: dt.date) -> Told:
        """How the last forecast up to a day did against the base rate, in one line; empty where there was none."""
        return say_forecast(self.daily, day)

    def find(self, day: dt.date) -> ScoredForecast | None:
        """The same in parts; None where there was none."""
        return find_scored(self.daily, day)


def say_forecast(daily: pa.Table, day: dt.date) -> Told:
    """How the last forecast up to a day did against the base rate, from DAILY; empty where there was none."""
    return say_scored(find_scored(daily, day), day)


def find_scored(daily: pa.Table, day: dt.date) -> ScoredForecast | None:
    """How the last forecast up to a day did, from DAILY; None where there was none."""
    rows = [row for row in daily.to_pylist() if row["rival"] == RIVALS[0] and row["day"] <= day.isoformat()]
    if not rows:
        return None
    last = rows[-1]
    is_refuted = max(row["log_wealth"] for row in rows) >= np.log(ENOUGH)
    return ScoredForecast(
        day=dt.date.fromisoformat(last["day"]),
        since=dt.date.fromisoformat(rows[0]["day"]),
        readings=last["readings"],
        gain=last["log_score"] - last["rival_log_score"],
        wealth=write_wealth(last["log_wealth"]),
        has_won=is_refuted and last["log_product"] > 0,  # the sign of the gain over all readings
    )


def say_scored(scored: ScoredForecast | None, day: dt.date) -> Told:
    """A scored forecast in one line, as told at the close of a day; empty where there is none."""
    if scored is None:
        return Told("")
    before = Told("The last forecast scored, for {day:%Y-%m-%d}", day=scored.day)
    better = Told("{gain:.2f} nats a reading better than the base rate", gain=abs(scored.gain))
    worse = Told("{gain:.2f} nats a reading worse than the base rate", gain=abs(scored.gain))
    return Told(
        "{when}: {readings}, {gain}. Since {since:%Y-%m-%d} W = {wealth}: {found}.",
        when=Told("Yesterday's forecast") if scored.day == day else before,
        readings=Told("1 reading") if scored.readings == 1 else Told("{n} readings", n=scored.readings),
        gain=better if scored.gain > 0 else worse,
        since=scored.since,
        wealth=scored.wealth,
        found=Told("better than the base rate") if scored.has_won else Told("not better than the base rate so far"),
    )


def write_wealth(log_wealth: float) -> Told:
    """Wealth as people read it; capped on both sides, which the figure behind it is not."""
    if log_wealth > np.log(_MOST_SHOWN):
        return Told(">10⁶")
    if log_wealth < -np.log(_MOST_SHOWN):
        return Told("<10⁻⁶")
    wealth = float(np.exp(log_wealth))
    return Told("{n:.0f}" if wealth >= 100 else "{n:.1f}" if wealth >= 0.95 else "{n:.2g}", n=wealth)


def read_scored(store: Store, day: dt.date) -> ScoredForecast | None:
    """`Proof.find` of the days that are closed already, without the rest of the proof."""
    columns = ["day", "number", "outcome", "model", RIVALS[0]]
    return find_scored(score_days(store.table("forecasts", columns=columns), rivals=RIVALS[:1]), day)


@dataclass(slots=True)
class _Kept:
    """What the book holds of closed days."""

    closings: dict[str, dict[str, Any]]
    scored: dict[str, list[dict[str, Any]]]
    resealed: dict[str, str]

    @classmethod
    def read(cls, store: Store) -> _Kept:
        scored: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in store.table("forecasts").sort_by([("day", "ascending"), ("number", "ascending")]).to_pylist():
            scored[row["day"]].append(row)
        closings = {row["day"]: row for row in store.table("closings").sort_by("day").to_pylist()}
        resealed = {row["day"]: row["scored"] for row in store.table("resealed").to_pylist()}
        return cls(closings, dict(scored), resealed)


@dataclass(slots=True)
class _Closed:
    """Days as the walk comes to them, and those among them that are new."""

    changes: list[Change] = field(default_factory=list[Change])
    remade: int = 0


def prove(
    store: Store,
    sources: Sources,
    *,
    constants: Constants,
    segments: Mapping[str, str],
    how: How,
    progress: Progress | None = None,
) -> Proof:
    """Close every day that is over and not closed yet, and score all forecasts there are.

    Args:
        store: where closed days are kept.
        sources: what the readings are made of.
        constants, segments: of the filter.
        how: what else is written down with a closed day.
        progress: called with days done and days in all.

    Cost: one pass over the days. Stopped midway, whole days stay closed, and the next call goes on with the rest.
    """
    history = recall(sources, last=how.clock())
    targets = list_targets(sources, history)
    return prove_history(store, history, targets, constants=constants, segments=segments, how=how, progress=progress)


def close_days(
    store: Store,
    sources: Sources,
    *,
    since: str,
    last: dt.datetime,
    constants: Constants,
    segments: Mapping[str, str],
    how: How,
    progress: Progress | None = None,
) -> int:
    """Close the days that are over and not closed yet, and nothing else: closed days are not compared with the book.

    What is closed is what `prove` would close, to the last bit.

    Args:
        since: where no day is closed, the chain begins after this one, as 2026-11-20.
        last: days that end after this moment are not closed.
        the others: as for `prove`.

    Returns: how many days were closed.
    Cost: the books as they stood on the last closed evening, of the relationships in which something happened since,
        and then these days alone.
    """
    closings = store.table("closings").sort_by("day").to_pylist()
    previous = closings[-1] if closings else None
    since = previous["day"] if previous else since
    history = recall(sources, last=min(last, how.clock()), since=since)
    if len(history.days) == history.start:
        return 0
    kept = _Kept({row["day"]: row for row in closings[-1:]}, {}, {})
    memory = Memory.of(store.table("forecasts", columns=list(LEARNED)))
    targets, moving = list_targets(sources, history), find_moving(history)
    stages = _stages(history, constants, segments, only=moving)
    walk = _walk(history, targets, stages, kept, _Closed(), memory=memory, how=how, progress=progress)
    return sum(_write(store, *batch) for batch in walk)


def find_moving(history: History) -> list[str]:
    """Relationships of which something came or went on the days that are the matter."""
    versions, start = history.versions, history.start
    came, went = versions.first >= start, (versions.last >= start) & (versions.last < len(history.days))
    moves = pc.unique(versions.readings["relationship"].filter(pa.array(came | went)))
    return sorted(moves.to_pylist())


def _write(store: Store, closings: list[dict[str, Any]], forecasts: list[dict[str, Any]]) -> int:
    """Whole days in one transaction; how many."""
    with store.transaction():
        store.upsert("forecasts", pa.Table.from_pylist(forecasts, schema=FORECASTS))
        store.upsert("closings", pa.Table.from_pylist(closings, schema=CLOSINGS))
    return len(closings)


def prove_history(
    store: Store,
    history: History,
    targets: Targets,
    *,
    constants: Constants,
    segments: Mapping[str, str],
    how: How,
    progress: Progress | None = None,
) -> Proof:
    """As `prove`, from readings that are laid out by evening already, and what each could have been."""
    kept, closed = _Kept.read(store), _Closed()
    stages = _stages(history, constants, segments)
    walk = _walk(history, targets, stages, kept, closed, memory=Memory(), how=how, progress=progress)
    for batch in walk:
        _write(store, *batch)
    return _sum_up(_Kept.read(store), closed)


def _walk(
    history: History,
    targets: Targets,
    stages: Iterator[_Stage],
    kept: _Kept,
    closed: _Closed,
    *,
    memory: Memory,
    how: How,
    progress: Progress | None,
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Go through the days; batches of whole new days as rows of CLOSINGS and FORECASTS."""
    names = [day.isoformat() for day in history.days]
    previous = max(kept.closings, default="")
    seal = kept.closings[previous]["seal"] if previous else ""
    if not history.start:
        closed.changes += _find_strays(names, kept, history)
    closings: list[dict[str, Any]] = []
    forecasts: list[dict[str, Any]] = []
    for day, stage in enumerate(stages):
        if day < history.start:
            continue
        name = names[day]
        is_kept, is_new = name in kept.closings, name > previous
        if is_kept:
            rows = kept.scored.get(name, [])
        elif is_new:
            rows = _foretell(name, targets, targets.of_day(day), stage, memory)
        else:
            continue
        for row in sorted(rows, key=lambda row: (row["at"], row["number"])):
            memory.learn(row["kind"], row["relationship"], row["previous"], row["outcome"], len(row["model"]))
        closing = _close(history, day, stage, zone=how.zone, made_with=f"{how.encoder} {stage.version}")
        if is_kept:
            _compare(kept.closings[name], closing, closed)
        else:
            closing |= {
                "forecasts": len(rows),
                "scored": seal_forecasts(rows),
                "previous": seal,
                "closed_at": how.clock(),
            }
            seal = seal_closing(closing)
            closings.append(closing | {"seal": seal})
            forecasts += rows
            if len(forecasts) >= _BATCH_FORECASTS:
                yield closings, forecasts
                closings, forecasts = [], []
        if progress is not None:
            progress(day + 1 - history.start, len(names) - history.start)
    if closings:
        yield closings, forecasts


@dataclass(slots=True)
class _Stage:
    """The evening before a day, and the day's own evening."""

    before: Mapping[str, State]
    levels: Levels
    after: Mapping[str, State]
    touched: Sequence[str]
    version: str


def _stages(
    history: History, constants: Constants, segments: Mapping[str, str], *, only: Sequence[str] | None = None
) -> Iterator[_Stage]:
    """One for each day. Constants that were learned later are not used: such days stand on the start values.

    `only` names the relationships to follow, where the others are not asked for.
    """
    versions = history.versions
    if only is not None:
        mask = np.asarray(pc.is_in(versions.readings["relationship"], pa.array(only, pa.string())), bool)
        versions = Versions(
            readings=versions.readings.filter(pa.array(mask)), first=versions.first[mask], last=versions.last[mask]
        )
    switch = len(history.days)
    if constants.since is None:
        switch = 0
    elif len(history.days):
        since = int(pa.scalar(constants.since, pa.timestamp("us", tz="UTC")).value)
        switch = int(np.searchsorted(history.evenings, since))
    for model, first, end in ((DEFAULT_MODEL, 0, switch), (constants.model, switch, len(history.days))):
        if first == end:
            continue
        version, levels = name_version(model), Levels(model, segments)
        before: dict[str, State] = {}
        for carried in carry_states(versions, end, model, segments=segments):
            if carried.day >= first:
                yield _Stage(before, levels, carried.states, carried.touched, version)
            before |= {home: carried.states[home] for home in carried.touched if home in carried.states}
            for home in carried.touched:
                if home not in carried.states:
                    before.pop(home, None)


def _foretell(
    name: str, targets: Targets, bounds: tuple[int, int], stage: _Stage, memory: Memory
) -> list[dict[str, Any]]:
    """Rows of FORECASTS for the readings of one day, from the evening before."""
    low, high = bounds
    if low == high:
        return []
    rows = targets.rows.slice(low, high - low)
    homes, facets, times = rows["relationship"].to_pylist(), rows["facet"].to_pylist(), rows["at"].to_pylist()
    at = rows["at"].cast(pa.int64()).to_pylist()
    slow = rows["slow_only"].to_pylist()
    levels = np.array(
        [
            stage.levels.foretell(stage.before, *where[:3], slow_only=where[3])
            for where in zip(homes, facets, at, slow, strict=True)
        ]
    )
    typical = np.array([stage.levels.typical(*where) for where in zip(homes, facets, strict=True)])
    ours, start = _chance(targets, low, high, levels), _chance(targets, low, high, typical)
    pit, density = place_exact(levels[:, 0], levels[:, 1], rows)
    bounds_of = targets.start[low : high + 1] - targets.start[low]
    found: list[dict[str, Any]] = []
    for number in range(high - low):
        row, span = low + number, slice(bounds_of[number], bounds_of[number + 1])
        kind, is_exact = targets.kind[row], bool(targets.is_exact[row])
        previous = memory.previous(kind, homes[number])
        rivals = memory.foretell(kind, previous, start[span])
        found.append(
            {
                "day": name,
                "number": number,
                "relationship": homes[number],
                "facet": facets[number],
                "kind": kind,
                "at": times[number],
                "turn_id": rows["turn_id"][number].as_py(),
                "previous": previous,
                "outcome": int(targets.outcome[row]),
                "model": ours[span].tolist(),
                **{rival: rivals[rival].tolist() for rival in RIVALS},
                "pit": float(pit[number]) if is_exact else None,
                "log_density": float(density[number]) if is_exact else None,
            }
        )
    return found


def _chance(targets: Targets, low: int, high: int, levels: Any) -> Any:
    """Chances of every outcome of the readings low..high-1, whose levels have these means and variances."""
    start = targets.start[low : high + 1]
    outcomes = targets.outcomes.slice(int(start[0]), int(start[-1] - start[0]))
    chances = chance_outcomes(levels[:, 0], levels[:, 1], outcomes, start - start[0])
    waits = np.flatnonzero(targets.is_wait[low:high])
    if len(waits):
        rows = targets.rows.slice(low, high - low).take(pa.array(waits))
        still = chance_waiting(levels[waits, 0], levels[waits, 1], rows, targets.before[low:high][waits])
        first = (start - start[0])[waits]
        chances[first], chances[first + 1] = still, 1.0 - still
    return chances


def _close(history: History, day: int, stage: _Stage, *, zone: str, made_with: str) -> dict[str, Any]:
    """A row of CLOSINGS as the books stand now, without what ties it to the chain."""
    versions: Versions = history.versions
    alive = (versions.first <= day) & (day < versions.last)
    came, went = versions.first == day, versions.last == day
    table = versions.readings
    return {
        "day": history.days[day].isoformat(),
        "zone": zone,
        "evening": dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(history.evenings[day])),
        "readings": int(alive.sum()),
        "came": int(came.sum()),
        "went": int(went.sum()),
        "relationships": pc.count_distinct(table["relationship"].filter(pa.array(alive))).as_py(),
        "made_with": made_with,
        "news": seal_readings(table.filter(pa.array(came)), table.filter(pa.array(went))),
        "levels": seal_levels(stage.after, stage.touched),
    }


def _compare(then: Mapping[str, Any], now: Mapping[str, Any], closed: _Closed) -> None:
    """Note where the book tells another story of a closed day."""
    if then["made_with"] != now["made_with"]:
        closed.remade += 1
        return
    why = "readings" if then["news"] != now["news"] else "levels" if then["levels"] != now["levels"] else None
    if why is not None:
        change = Change(
            day=then["day"], why=why, closed_at=then["closed_at"], readings=then["readings"], would_be=now["readings"]
        )
        closed.changes.append(change)


def _find_strays(names: Sequence[str], kept: _Kept, history: History) -> Iterator[Change]:
    """Closed days of which nothing is left, and days before the last closed one that came in too late."""
    first, last = min(kept.closings, default=""), max(kept.closings, default="")
    for name in sorted(set(kept.closings) - set(names)):
        row = kept.closings[name]
        yield Change(day=name, why="gone", closed_at=row["closed_at"], readings=row["readings"], would_be=0)
    for day, name in enumerate(names):
        if first < name < last and name not in kept.closings:
            stands = int(history.versions.alive(day).num_rows)
            yield Change(day=name, why="new", closed_at=None, readings=0, would_be=stands)


def _sum_up(kept: _Kept, closed: _Closed) -> Proof:
    days = sorted(kept.closings)
    closings = [kept.closings[day] for day in days]
    rows = [row for day in days for row in kept.scored.get(day, [])]
    forecasts = pa.Table.from_pylist(rows, schema=FORECASTS)
    daily = score_days(forecasts)
    return Proof(
        forecasts=forecasts,
        closings=pa.Table.from_pylist(closings, schema=CLOSINGS),
        daily=daily,
        rivals=score_rivals(forecasts, daily),
        reliability=measure_reliability(forecasts),
        pit=measure_pit(forecasts),
        ahead=_count_ahead(closings, rows),
        on_time=sum(row["closed_at"] - row["evening"] <= dt.timedelta(days=1) for row in closings),
        broken=tuple(check_seals(closings, kept.scored, kept.resealed)),
        resealed=len(kept.resealed),
        changes=tuple(sorted(closed.changes, key=lambda change: change.day)),
        remade=closed.remade,
    )


def _count_ahead(closings: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> int:
    """Forecasts whose books were sealed before what they speak of happened, by this machine's clock."""
    before = {later["day"]: earlier["closed_at"] for earlier, later in pairwise(closings)}
    return sum(row["day"] in before and before[row["day"]] < row["at"] for row in rows)
