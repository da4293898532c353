"""What changed between two times, and how sure that is: the joint posterior of a level then and now.

Both levels are judged by everything read up to the later time: what came in between also says how things stood at the
earlier one. The level at the earlier time is carried along the filter as one more coordinate that stands still, which
gives its smoothed mean and variance and its covariance with the later level exactly; where readings are exact, that is
the Gaussian-process posterior of the two together (MEASUREMENT 4.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, ndtri

from troth.errors import InputError
from troth.lenses import Pillar
from troth.schema import READINGS
from troth.trust import _engine
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence, time_us
from troth.trust.filter import PIECE_GROUPS, PIECE_READINGS, until
from troth.trust.model import DEFAULT_MODEL, GAUGES, Dynamics, Floats, Ints, Model, dynamics
from troth.trust.scores import pillar_weights

_TIME: Final = READINGS.field("at").type
_DAY_US: Final = 86_400e6
_TOGETHER: Final = 256  # scores that are drawn at once: a few megabytes each time

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
class Pairs:
    """The joint posteriors of S scores of G relationships at an earlier and a later time. Shape (G, S) each."""

    names: list[str]  # of the relationships
    before: Floats  # mean then, smoothed
    before_var: Floats
    after: Floats  # mean now
    after_var: Floats
    covariance: Floats
    readings: Ints  # between the two times, shape (G,)


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
    Cost: the filter, and for each score of a relationship the draws, about a tenth of a millisecond.
    """
    model = model or DEFAULT_MODEL
    start_us, end_us = time_us(since), time_us(at)
    if end_us <= start_us:
        raise InputError(f"a change needs two times, and {at} is not after {since}.")
    draws = rng.standard_normal((2, model.draws))
    tables = [CHANGES.empty_table()]
    found = take_evidence(until(readings, at), yardsticks=model.yardsticks, segments=segments)[1]
    for gauge, evidence in found.items():
        chosen = [pillar for pillar in scores if pillar.gauge == gauge]
        for part in evidence.parts(readings=PIECE_READINGS, groups=PIECE_GROUPS) if chosen else ():
            dyn = dynamics(model.within(part.segment_name), gauge)
            pairs = pair_levels(part, dyn, start_us, end_us, chosen)
            tables.append(_tabulate(pairs, chosen, draws, model.band, gauge=gauge, since=since, until=at))
    return pa.concat_tables(tables).combine_chunks()


def find_gaps(changes: pa.Table, *, shown_rose_from: float, held_rose_below: float) -> list[Gap]:
    """Where SHOWN rose and HELD did not: measured signals are being gamed, or the work is not noticed yet.

    Args:
        changes: CHANGES with one score of each gauge.
        shown_rose_from, held_rose_below: P(rose) of SHOWN at least this, of HELD under that. Conventions, not
            measurements.

    A gauge without a reading between the two times says nothing of a change, and gives no gap.
    """
    rose: dict[str, dict[str, float]] = {}
    rows = changes.select(["relationship", "gauge", "rose", "readings"])
    is_shown = pc.and_(pc.equal(rows["gauge"], "SHOWN"), pc.greater_equal(rows["rose"], shown_rose_from))
    risen = pc.unique(rows["relationship"].filter(pc.fill_null(is_shown, False)))
    for row in rows.filter(pc.is_in(rows["relationship"], risen)).to_pylist():
        if row["readings"]:
            rose.setdefault(row["relationship"], {})[row["gauge"]] = row["rose"]
    return [
        Gap(relationship=name, shown_rose=of["SHOWN"], held_rose=of["HELD"])
        for name, of in sorted(rose.items())
        if of.keys() == {"SHOWN", "HELD"} and of["SHOWN"] >= shown_rose_from and of["HELD"] < held_rose_below
    ]


def pair_levels(part: Evidence, dyn: Dynamics, start_us: int, end_us: int, scores: Sequence[Pillar]) -> Pairs:
    """The joint posteriors of the scores at two times, all relationships side by side.

    Args:
        part: readings of one gauge and segment, none after `end_us`.
        dyn: rates and prior of that gauge and segment.
        start_us, end_us: microseconds since 1970.
        scores: S pillars of that gauge.

    With u the weights of a score, z its level at `start_us` and C = Cov(b, z): C begins as P u, moves with the state
    (C <- F C), and each reading takes (g = h'C) mean z += g d1, var z += g^2 d2, C += c g d2.
    Source: Jazwinski 1970, section 7.4 (fixed-point smoothing by an augmented state).
    """
    k, groups = dyn.facets, len(part.start) - 1
    weights = np.stack(
        [np.tile(pillar_weights(p, GAUGES[part.gauge], dyn.prior[:k, :k] + dyn.prior[k:, k:]), 2) for p in scores],
        axis=1,
    )
    later = np.array([np.searchsorted(part.at[a:b], start_us, side="right") + a for a, b in _bounds(part)], np.int64)
    has_past = later > part.start[:-1]
    emit = np.full(len(part.at), -1, np.int64)
    emit[later[has_past] - 1] = np.flatnonzero(has_past)
    stack = Stack.fresh(part, dyn)
    trace = Trace.blank(groups, len(part.at), k, keep_cov=True, keep_record=True)
    _engine.forward(part, dyn, stack, emit, trace)

    mean, cov = np.tile(dyn.mean, (groups, 1)), np.tile(dyn.prior, (groups, 1, 1))
    gap_us = start_us - part.at[later[has_past] - 1]
    mean[has_past], cov[has_past] = _carry(dyn, trace.mean[has_past], trace.cov[has_past], gap_us)
    across, before = cov @ weights, mean @ weights
    before_var = np.einsum("is,gis->gs", weights, across)
    now_us, left = np.full(groups, start_us), part.start[1:] - later
    longest_first = np.argsort(-left, kind="stable")
    for step in range(int(left.max(initial=0))):  # the next reading of each relationship that has one
        g = longest_first[: np.searchsorted(-left[longest_first], -step)]
        i = later[g] + step
        moved = _decay(dyn, np.maximum(part.at[i] - now_us[g], 0))[:, :, None] * across[g]
        facet, row = part.facet[i], np.arange(len(g))
        both = moved[row, facet] + np.where(part.slow_only[i].astype(np.bool_)[:, None], 0.0, moved[row, facet + k])
        seen, (d1, d2) = part.slope[i][:, None] * both, trace.record[i, 2 * k : 2 * k + 2].T[:, :, None]
        before[g] += seen * d1
        before_var[g] += seen**2 * d2
        across[g] = moved + trace.record[i, : 2 * k][:, :, None] * (seen * d2)[:, None, :]
        now_us[g] = np.maximum(now_us[g], part.at[i])
    across *= _decay(dyn, end_us - now_us)[:, :, None]
    mean, cov = _carry(dyn, stack.mean, stack.cov, end_us - stack.at)
    return Pairs(
        names=part.names.to_pylist(),
        before=before,
        before_var=np.maximum(before_var, 0.0),
        after=mean @ weights,
        after_var=np.maximum(np.einsum("is,gis->gs", weights, cov @ weights), 0.0),
        covariance=np.einsum("is,gis->gs", weights, across),
        readings=left,
    )


def _bounds(part: Evidence) -> list[tuple[int, int]]:
    return list(zip(part.start[:-1].tolist(), part.start[1:].tolist(), strict=True))


def _decay(dyn: Dynamics, gap_us: Ints) -> Floats:
    """`Dynamics.decay` for many gaps: shape (G, 2K)."""
    rates = np.repeat([dyn.slow_rate, dyn.fast_rate], dyn.facets)
    return np.exp(-rates * (gap_us / _DAY_US)[:, None])


def _carry(dyn: Dynamics, mean: Floats, cov: Floats, gap_us: Ints) -> tuple[Floats, Floats]:
    g = _decay(dyn, np.maximum(gap_us, 0))
    return dyn.mean + g * (mean - dyn.mean), g[:, :, None] * g[:, None, :] * (cov - dyn.prior) + dyn.prior


def _tabulate(
    pairs: Pairs, scores: Sequence[Pillar], draws: Floats, band: float, *, gauge: str, since: datetime, until: datetime
) -> pa.Table:
    """CHANGES, a row for each relationship and score. `draws` are two standard normals, shape (2, draws)."""
    groups, count = pairs.before.shape
    flat = {name: getattr(pairs, name).ravel() for name in ("before", "before_var", "after", "after_var", "covariance")}
    change = flat["after"] - flat["before"]
    spread = np.sqrt(np.maximum(flat["before_var"] + flat["after_var"] - 2.0 * flat["covariance"], 1e-15))
    half = float(ndtri(0.5 + band / 2)) * spread
    moved = np.empty((3, groups * count))
    for start in range(0, groups * count, _TOGETHER):
        some = slice(start, start + _TOGETHER)
        moved[:, some] = _draw_moves({name: values[some] for name, values in flat.items()}, draws, band)
    return pa.table(
        {
            "relationship": np.repeat(np.array(pairs.names, dtype=object), count),
            "pillar": np.tile(np.array([pillar.name for pillar in scores], dtype=object), groups),
            "gauge": pa.array([gauge] * (groups * count), pa.string()),
            "since": pa.array([since] * (groups * count), _TIME),
            "until": pa.array([until] * (groups * count), _TIME),
            "rose": ndtr(change / spread),
            "change": change,
            "low": change - half,
            "high": change + half,
            "percentiles": moved[1],
            "percentiles_low": moved[0],
            "percentiles_high": moved[2],
            "readings": np.repeat(pairs.readings, count),
        },
        schema=CHANGES,
    )


def _draw_moves(flat: Mapping[str, Floats], draws: Floats, band: float) -> Floats:
    """Low end, median and high end of the change in percentiles, of scores of shape (B,): shape (3, B)."""
    after_sd = np.sqrt(np.maximum(flat["after_var"], 1e-15))
    slope = flat["covariance"] / after_sd**2
    left = np.sqrt(np.maximum(flat["before_var"] - slope * flat["covariance"], 0.0))
    after = flat["after"][:, None] + after_sd[:, None] * draws[0]
    before = flat["before"][:, None] + slope[:, None] * (after - flat["after"][:, None]) + left[:, None] * draws[1]
    moved = 100.0 * (ndtr(after) - ndtr(before))
    return np.quantile(moved, [0.5 - band / 2, 0.5, 0.5 + band / 2], axis=1, overwrite_input=True)
