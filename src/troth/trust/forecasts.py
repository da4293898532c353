"""Tomorrow's readings foretold from the books as they closed: the level carried evening by evening, and the chances.

The state after each evening is that of the filter over exactly the readings which the books held then. It is carried
on, not fitted anew: readings that nothing later replaces are folded into a base state as soon as no earlier one is
still in doubt, and only those behind that point are gone through again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr

from troth.schema import READINGS
from troth.trust.filter import advance
from troth.trust.model import DEFAULT_MODEL, GAUGES, Block, Dynamics, Floats, Ints, Model, State, dynamics, gauge_of

NEVER_SURE: Final = 0.01
"""Share of every forecast that is spread evenly over the outcomes: no machine's reading of words is beyond doubt.
An assumption, the same for all kinds of readings."""

_NODES, _WEIGHTS = np.polynomial.hermite.hermgauss(31)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Versions:
    """N readings, each with the days on whose evenings the books held it; days are places 0, 1, 2, ..."""

    readings: pa.Table  # READINGS
    first: Ints  # (N,) the first such day
    last: Ints  # (N,) the first day on whose evening it was there no more; the number of days where that never came

    @classmethod
    def none(cls) -> Self:
        """No readings at all."""
        return cls(readings=READINGS.empty_table(), first=np.zeros(0, np.int64), last=np.zeros(0, np.int64))

    def alive(self, day: int) -> pa.Table:
        """READINGS as the books held them on the evening of this day."""
        return self.readings.filter(pa.array((self.first <= day) & (day < self.last)))


@dataclass(slots=True)
class Carried:
    """Where every relationship stands on one evening; overwritten as the evenings go by."""

    day: int
    touched: list[str]  # relationships of which something came or went that day
    states: dict[str, State] = field(default_factory=dict[str, State])


def carry_states(
    versions: Versions, days: int, model: Model = DEFAULT_MODEL, *, segments: Mapping[str, str] | None = None
) -> Iterator[Carried]:
    """The states of every evening, in order; the same as following the readings of that evening from the start.

    Args:
        versions: the readings, and when the books held them.
        days: how many evenings.
        model, segments: as for `advance`.

    Cost: each reading is folded in once; readings behind one in doubt are gone through again on every day on which
        something of their relationship came or went.
    """
    table = versions.readings
    homes = np.array(table["relationship"].to_pylist(), object)
    folds = find_folds(versions, days)
    coming, going, folding = (_by_day(column, days) for column in (versions.first, versions.last, folds))
    pending: defaultdict[str, set[int]] = defaultdict(set)
    base: dict[str, State] = {}
    carried = Carried(-1, [])
    for day in range(days):
        touched = sorted({str(homes[row]) for row in (*coming[day], *going[day])})
        for row in coming[day]:
            pending[homes[row]].add(row)
        for row in (*going[day], *folding[day]):
            pending[homes[row]].discard(row)
        old = {home: base[home] for home in touched if home in base}
        if folding[day]:
            old = advance(table.take(pa.array(sorted(folding[day]))), model, state=old, segments=segments).state
            base.update(old)
        behind = sorted(row for home in touched for row in pending[home])
        now = advance(table.take(pa.array(behind)), model, state=old, segments=segments).state if behind else old
        for home in touched:
            if home in now:
                carried.states[home] = now[home]
            else:
                carried.states.pop(home, None)
        carried.day, carried.touched = day, touched
        yield carried


def find_folds(versions: Versions, days: int) -> Ints:
    """The day from which each reading and all before it, in its relationship and gauge, are final; shape (N,).

    `days` where a reading goes again, or where that day never comes. Readings at one time are folded together.
    """
    table = versions.readings
    count = table.num_rows
    if not count:
        return np.zeros(0, np.int64)
    at = table["at"].cast(pa.int64()).to_numpy()
    home = table["relationship"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    is_shown = np.asarray(pc.is_in(table["facet"], pa.array(GAUGES["SHOWN"])).to_numpy(zero_copy_only=False), bool)
    group = home * 2 + is_shown
    is_final = versions.last >= days
    doubt = np.where(is_final, versions.first, versions.last)
    order = np.lexsort((at, group))
    begins = np.concatenate([[True], group[order][1:] != group[order][:-1]])
    # The running maximum within each group: groups are lifted apart so that one pass serves them all.
    lift = np.cumsum(begins) * (days + 1)
    running = np.maximum.accumulate(doubt[order] + lift) - lift
    ends = np.concatenate([begins[1:] | (at[order][1:] != at[order][:-1]), [True]])
    last_of_tie = np.flatnonzero(ends)[np.cumsum(np.concatenate([[False], ends[:-1]]))]
    folds = np.empty(count, np.int64)
    folds[order] = running[last_of_tie]
    return np.where(is_final, folds, days)


def _by_day(column: Ints, days: int) -> list[list[int]]:
    """Rows of each day."""
    order = np.argsort(column, kind="stable")
    bounds = np.searchsorted(column[order], np.arange(days + 1))
    return [order[low:high].tolist() for low, high in pairwise(bounds.tolist())]


class Levels:
    """Mean and variance of one facet's level at a time after the close, from the carried states."""

    def __init__(self, model: Model, segments: Mapping[str, str] | None = None) -> None:
        self._model, self._segments = model, segments or {}
        self._made: dict[tuple[str, str], Dynamics] = {}

    def foretell(
        self, states: Mapping[str, State], home: str, facet: str, at_us: int, *, slow_only: bool = False
    ) -> tuple[float, float]:
        """Mean and variance, standard deviations between relationships; the prior's where nothing was read.

        Args:
            states: as of the close.
            home, facet: whose level.
            at_us: when; a time before the state's own counts as that.
            slow_only: of the slow part alone.
        """
        gauge = gauge_of(facet)
        dyn, k = self._dynamics(gauge, self._segments.get(home, "")), GAUGES[gauge].index(facet)
        state = states.get(home)
        block = None if state is None else state.blocks.get(gauge)
        if block is None:
            mean, cov = dyn.mean, dyn.prior
        else:
            mean, cov = _carry_on(block, dyn, at_us)
        fast = k + dyn.facets
        if slow_only:
            return float(mean[k]), float(cov[k, k])
        return float(mean[k] + mean[fast]), float(cov[k, k] + 2 * cov[k, fast] + cov[fast, fast])

    def typical(self, home: str, facet: str) -> tuple[float, float]:
        """The same of a relationship of which nothing is known."""
        return self.foretell({}, home, facet, 0)

    def _dynamics(self, gauge: str, segment: str) -> Dynamics:
        if (gauge, segment) not in self._made:
            self._made[gauge, segment] = dynamics(self._model.within(segment), gauge)
        return self._made[gauge, segment]


def _carry_on(block: Block, dyn: Dynamics, at_us: int) -> tuple[Floats, Floats]:
    g = dyn.decay(max(at_us - block.at_us, 0))
    return dyn.mean + g * (block.mean - dyn.mean), np.outer(g, g) * (block.cov - dyn.prior) + dyn.prior


def chance_outcomes(mean: Floats, var: Floats, outcomes: pa.Table, start: Ints) -> Floats:
    """The chance of every outcome of T readings before they are made.

    P(c) is proportional to alpha_c + beta_c [Phi((hi_c - e) / S) - Phi((lo_c - e) / S)], e = slope mean,
    S^2 = slope^2 var + v (MEASUREMENT 4.2): the law by which the reading is used afterwards, over all that it could
    have been, made to sum to 1, and mixed with `NEVER_SURE` of an even spread.

    Args:
        mean, var: shape (T,), of the level.
        outcomes: READINGS, one row for each outcome of each reading, M in all; those of one reading lie together.
        start: shape (T + 1,), where those of each begin.

    Returns: shape (M,), summing to 1 within each reading.
    """
    count = np.diff(start)
    which = np.repeat(np.arange(len(count)), count)
    lo, hi, v, slope, alpha, beta = (
        outcomes[name].to_numpy().astype(float) for name in ("lo", "hi", "v", "slope", "alpha", "beta")
    )
    eta, spread = slope * mean[which], np.sqrt(slope**2 * var[which] + v)
    raw = alpha + beta * (ndtr((hi - eta) / spread) - ndtr((lo - eta) / spread))
    return _never_sure(raw / np.add.reduceat(raw, start[:-1])[which] if len(count) else raw, count)


def chance_waiting(mean: Floats, var: Floats, waits: pa.Table, before: Floats) -> Floats:
    """The chance that a question is still open in the evening, given that it was the evening before; shape (T,).

    E[S(z tonight | x) / S(z before | x)] over the level x, with S(z | x) = alpha + beta Phi((z - slope x) / sqrt v):
    the readings that the filter takes in on both evenings. The level's distribution holds the question's own wait up
    to the evening before, hence the quotient inside. By Gauss-Hermite nodes.

    Args:
        mean, var: shape (T,), of the level.
        waits: READINGS as of tonight, (-inf, z], T rows.
        before: shape (T,), z of the evening before; NaN where it was not asked yet, S = 1.
    """
    hi, v, slope, alpha, beta = (
        waits[name].to_numpy().astype(float)[:, None] for name in ("hi", "v", "slope", "alpha", "beta")
    )
    level = mean[:, None] + np.sqrt(2.0 * var)[:, None] * _NODES
    tonight = alpha + beta * ndtr((hi - slope * level) / np.sqrt(v))
    then = np.where(np.isnan(before)[:, None], 1.0, alpha + beta * ndtr((before[:, None] - slope * level) / np.sqrt(v)))
    still = np.clip((tonight / then) @ _WEIGHTS / np.sqrt(np.pi), 0.0, 1.0)
    return (1.0 - NEVER_SURE) * still + NEVER_SURE / 2.0


def place_exact(mean: Floats, var: Floats, readings: pa.Table) -> tuple[Floats, Floats]:
    """Where exact readings lie in their forecast N(slope mean, slope^2 var + v).

    Returns: the share of the forecast below each (PIT), and the log of its density there; shape (T,) each.
    """
    y, v, slope = (readings[name].to_numpy().astype(float) for name in ("lo", "v", "slope"))
    spread = slope**2 * var + v
    z = (y - slope * mean) / np.sqrt(spread)
    return ndtr(z), -0.5 * (z**2 + np.log(2 * np.pi * spread))


def _never_sure(chances: Floats, count: Ints) -> Floats:
    return (1.0 - NEVER_SURE) * chances + NEVER_SURE / np.repeat(count, count)
