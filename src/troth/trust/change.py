"""What changed between two times, and how sure that is: the joint posterior of a level then and now.

Both levels are judged by everything read up to the later time: what came in between also says how things stood at the
earlier one. The level at the earlier time is carried along the filter as one more coordinate that stands still, which
gives its smoothed mean and variance and its covariance with the later level exactly; where readings are exact, that is
the Gaussian-process posterior of the two together (MEASUREMENT 4.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from troth.errors import InputError
from troth.lenses import Pillar
from troth.schema import READINGS
from troth.trust import _engine
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence, time_us
from troth.trust.filter import PIECE_GROUPS, PIECE_READINGS, until
from troth.trust.model import DEFAULT_MODEL, GAUGES, Dynamics, Floats, Model, dynamics
from troth.trust.scores import pillar_weights

_TIME: Final = READINGS.field("at").type

CHANGES: Final = pa.schema(
    [
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("pillar", pa.string(), nullable=False),
        pa.field("gauge", pa.string(), nullable=False),
        pa.field("since", _TIME, nullable=False),
        pa.field("until", _TIME, nullable=False),
        pa.field(
            "rose", pa.float64(), nullable=False
        ),  # P(level at `until` > level at `since` | all readings to `until`)
        pa.field("change", pa.float64(), nullable=False),  # standard deviations between relationships
        pa.field("low", pa.float64(), nullable=False),  # ends of the band
        pa.field("high", pa.float64(), nullable=False),
        pa.field("percentiles", pa.float64(), nullable=False),  # median change in percentiles of the population
        pa.field("percentiles_low", pa.float64(), nullable=False),
        pa.field("percentiles_high", pa.float64(), nullable=False),
        pa.field("readings", pa.int64(), nullable=False),  # of the gauge, after `since` and up to `until`
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """SHOWN rose in a relationship while HELD did not."""

    relationship: str
    shown_rose: float  # probabilities
    held_rose: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pair:
    """The joint posterior of S scores of one relationship at an earlier and a later time. Shape (S,) each."""

    before: Floats  # mean then, smoothed
    before_var: Floats
    after: Floats  # mean now
    after_var: Floats
    covariance: Floats
    readings: int  # between the two times


def measure_changes(
    readings: object,
    since: datetime,
    at: datetime,
    scores: Sequence[Pillar],
    model: Model | None = None,
    *,
    rng: np.random.Generator,
    segments: Mapping[str, str] | None = None,
) -> pa.Table:
    """How each score changed from `since` to `at` in each relationship, given all readings up to `at`.

    Args:
        readings: READINGS; those after `at` are left out.
        since, at: datetimes with their time zone.
        scores: pillars, of either gauge.
        model: constants; `DEFAULT_MODEL` when not given.
        rng: for the bands in percentiles, which have no closed form.
        segments: as in `follow`.

    Returns: CHANGES, by gauge, relationship, and pillar in the order given. A relationship or gauge without a reading
        by `at` is absent.

    Raises: InputError when `at` is not after `since`, or a row is no reading; BadColumn for a time without zone.
    Cost: the filter, and about ten microseconds for each reading after `since`.
    """
    model = model or DEFAULT_MODEL
    start_us, end_us = time_us(since), time_us(at)
    if end_us <= start_us:
        raise InputError(f"a change needs two times, and {at} is not after {since}.")
    draws = rng.standard_normal((2, model.draws, 1))
    rows: list[dict[str, object]] = []
    found = take_evidence(until(readings, at), yardsticks=model.yardsticks, segments=segments)[1]
    for gauge, evidence in found.items():
        chosen = [pillar for pillar in scores if pillar.gauge == gauge]
        for part in evidence.parts(readings=PIECE_READINGS, groups=PIECE_GROUPS) if chosen else ():
            dyn = dynamics(model.within(part.segment_name), gauge)
            for name, pair in pair_levels(part, dyn, start_us, end_us, chosen):
                rows += _rows(pair, chosen, draws, model.band, name=name, gauge=gauge, since=since, until=at)
    return pa.Table.from_pylist(rows, schema=CHANGES)


def find_gaps(changes: pa.Table, *, shown_rose_from: float, held_rose_below: float) -> list[Gap]:
    """Where SHOWN rose and HELD did not: measured signals are being gamed, or the work is not noticed yet.

    Args:
        changes: CHANGES with one score of each gauge.
        shown_rose_from, held_rose_below: P(rose) of SHOWN at least this, of HELD under that. Conventions, not
            measurements.

    A gauge without a reading between the two times says nothing of a change, and gives no gap.
    """
    rose: dict[str, dict[str, float]] = {}
    for row in changes.to_pylist():
        if row["readings"]:
            rose.setdefault(row["relationship"], {})[row["gauge"]] = row["rose"]
    return [
        Gap(relationship=name, shown_rose=of["SHOWN"], held_rose=of["HELD"])
        for name, of in sorted(rose.items())
        if of.keys() == {"SHOWN", "HELD"} and of["SHOWN"] >= shown_rose_from and of["HELD"] < held_rose_below
    ]


def pair_levels(
    part: Evidence, dyn: Dynamics, start_us: int, end_us: int, scores: Sequence[Pillar]
) -> Iterator[tuple[str, Pair]]:
    """The joint posterior of the scores at two times, relationship by relationship.

    Args:
        part: readings of one gauge and segment, none after `end_us`.
        dyn: rates and prior of that gauge and segment.
        start_us, end_us: microseconds since 1970.
        scores: S pillars of that gauge.

    With u the weights of a score, z its level at `start_us` and C = Cov(b, z): C begins as P u, moves with the state
    (C <- F C), and each reading takes (g = h'C) mean z += g d1, var z += g^2 d2, C += c g d2.
    Source: Jazwinski 1970, section 7.4 (fixed-point smoothing by an augmented state).
    """
    k = dyn.facets
    weights = np.stack(
        [np.tile(pillar_weights(p, GAUGES[part.gauge], dyn.prior[:k, :k] + dyn.prior[k:, k:]), 2) for p in scores],
        axis=1,
    )
    groups = len(part.start) - 1
    later = np.array([np.searchsorted(part.at[a:b], start_us, side="right") + a for a, b in _bounds(part)], np.int64)
    emit = np.full(len(part.at), -1, np.int64)
    has_past = later > part.start[:-1]
    emit[later[has_past] - 1] = np.flatnonzero(has_past)
    stack = Stack.fresh(part, dyn)
    trace = Trace.blank(groups, len(part.at), k, keep_cov=True, keep_record=True)
    _engine.forward(part, dyn, stack, emit, trace)
    for group, name in enumerate(part.names.to_pylist()):
        mean, cov, first = dyn.mean, dyn.prior, int(later[group])
        if has_past[group]:
            mean, cov = _carry(dyn, trace.mean[group], trace.cov[group], start_us - int(part.at[first - 1]))
        across, before = cov @ weights, weights.T @ mean
        before_var = np.einsum("is,is->s", weights, across)
        now_us = start_us
        for i in range(first, int(part.start[group + 1])):
            if part.at[i] > now_us:
                across = dyn.decay(int(part.at[i]) - now_us)[:, None] * across
                now_us = int(part.at[i])
            facet, loads = int(part.facet[i]), float(part.slope[i])
            seen = loads * (across[facet] if part.slow_only[i] else across[facet] + across[facet + k])
            c, d1, d2 = trace.record[i, : 2 * k], *(float(x) for x in trace.record[i, 2 * k : 2 * k + 2])
            before = before + seen * d1
            before_var = before_var + seen**2 * d2
            across = across + np.outer(c, seen) * d2
        across = dyn.decay(end_us - now_us)[:, None] * across
        mean, cov = _carry(dyn, stack.mean[group], stack.cov[group], end_us - int(stack.at[group]))
        yield (
            name,
            Pair(
                before=before,
                before_var=np.maximum(before_var, 0.0),
                after=weights.T @ mean,
                after_var=np.maximum(np.einsum("is,ij,js->s", weights, cov, weights), 0.0),
                covariance=np.einsum("is,is->s", weights, across),
                readings=int(part.start[group + 1]) - first,
            ),
        )


def _bounds(part: Evidence) -> list[tuple[int, int]]:
    return list(zip(part.start[:-1].tolist(), part.start[1:].tolist(), strict=True))


def _carry(dyn: Dynamics, mean: Floats, cov: Floats, gap_us: int) -> tuple[Floats, Floats]:
    g = dyn.decay(max(gap_us, 0))
    return dyn.mean + g * (mean - dyn.mean), np.outer(g, g) * (cov - dyn.prior) + dyn.prior


def _rows(
    pair: Pair,
    scores: Sequence[Pillar],
    draws: Floats,
    band: float,
    *,
    name: str,
    gauge: str,
    since: datetime,
    until: datetime,
) -> list[dict[str, object]]:
    """One row for each score. `draws` are two standard normals, shape (2, draws, 1)."""
    change = pair.after - pair.before
    spread = np.sqrt(np.maximum(pair.before_var + pair.after_var - 2.0 * pair.covariance, 1e-15))
    half = float(ndtri(0.5 + band / 2)) * spread
    after_sd = np.sqrt(np.maximum(pair.after_var, 1e-15))
    slope = pair.covariance / after_sd**2
    after = pair.after + after_sd * draws[0]
    left = np.sqrt(np.maximum(pair.before_var - slope * pair.covariance, 0.0))
    before = pair.before + slope * (after - pair.after) + left * draws[1]
    moved = 100.0 * (ndtr(after) - ndtr(before))
    low, middle, high = np.quantile(moved, [0.5 - band / 2, 0.5, 0.5 + band / 2], axis=0)
    rose = ndtr(change / spread)
    return [
        {
            "relationship": name,
            "pillar": pillar.name,
            "gauge": gauge,
            "since": since,
            "until": until,
            "rose": float(rose[s]),
            "change": float(change[s]),
            "low": float(change[s] - half[s]),
            "high": float(change[s] + half[s]),
            "percentiles": float(middle[s]),
            "percentiles_low": float(low[s]),
            "percentiles_high": float(high[s]),
            "readings": pair.readings,
        }
        for s, pillar in enumerate(scores)
    ]
