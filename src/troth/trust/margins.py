"""Each facet by itself: its mean and spread in this company, so that what is left to explain is how facets go together.

A company that differs from the reference population would otherwise look like a halo: levels that are all off by the
same mean go together without any structure. Means and spreads come first, facet by facet; R after them (inference
functions for margins; Joe and Xu 1996).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize

from troth.trust._arrays import Evidence
from troth.trust.likelihood import weigh
from troth.trust.model import Dynamics, Floats, Ints, Model

_LEAST_LOG, _MOST_LOG = float(np.log(0.05)), float(np.log(10.0))  # of a spread, in standard deviations of the reference
_MEAN_SD: Final = 3.0  # weak priors, so that a facet with hardly a reading stays near the reference
_LOG_SD: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Margins:
    """Mean and spread of each facet between relationships, in standard deviations of the reference; shape (K,)."""

    mean: Floats
    spread: Floats


def make_dynamics(correlation: Floats, model: Model) -> Dynamics:
    """A model's rates with another R, of any number of facets; mean 0."""
    size = len(correlation)
    prior = np.zeros((2 * size, 2 * size))
    prior[:size, :size] = (1.0 - model.fast_share) * correlation
    prior[size:, size:] = model.fast_share * correlation
    return Dynamics(
        facets=size,
        slow_rate=math.log(2.0) / model.slow_half_life_days,
        fast_rate=math.log(2.0) / model.fast_half_life_days,
        mean=np.zeros(2 * size),
        prior=prior,
    )


def fit_margins(evidence: Evidence, facets: int, model: Model) -> Margins:
    """The most probable mean and spread of each of K facets, each followed alone.

    Cost: some forty runs of a one-facet filter.
    """
    alone = make_dynamics(np.ones((1, 1)), model)
    fitted = np.array([_fit_one(take_facets(evidence, [k]), alone) for k in range(facets)]).reshape(-1, 2)
    return Margins(mean=fitted[:, 0], spread=np.exp(fitted[:, 1]))


def standardise(evidence: Evidence, margins: Margins) -> Evidence:
    """The same readings of levels with mean 0 and spread 1: y* = slope (mean + spread x) + noise."""
    shift = evidence.slope * margins.mean[evidence.facet]
    return replace(
        evidence,
        lo=evidence.lo - shift,
        hi=np.where(evidence.lo == evidence.hi, evidence.lo - shift, evidence.hi - shift),
        slope=evidence.slope * margins.spread[evidence.facet],
    )


def take_facets(evidence: Evidence, facets: list[int]) -> Evidence:
    """The readings of these facets, renumbered 0, 1, ... in the order given; relationships without one drop out."""
    number = np.full(int(evidence.facet.max(initial=0)) + max(facets) + 1, -1, np.int32)
    number[facets] = np.arange(len(facets))
    kept = keep_readings(evidence, number[evidence.facet] >= 0)
    return replace(kept, facet=number[kept.facet])


def take_relationships(evidence: Evidence, groups: Ints) -> Evidence:
    """The readings of these relationships, by number, in their old order."""
    is_wanted = np.zeros(len(evidence.start) - 1, np.bool_)
    is_wanted[groups] = True
    return keep_readings(evidence, np.repeat(is_wanted, np.diff(evidence.start)))


def keep_readings(evidence: Evidence, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Evidence:
    """The readings marked, shape (N,); relationships without one drop out."""
    group = np.repeat(np.arange(len(evidence.start) - 1), np.diff(evidence.start))[keep]
    present, counts = np.unique(group, return_counts=True)
    return Evidence(
        gauge=evidence.gauge,
        names=evidence.names.take(pa.array(present)),
        segments=evidence.segments,
        segment=evidence.segment[present],
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        **{
            name: np.ascontiguousarray(getattr(evidence, name)[keep])
            for name in ("facet", "at", "lo", "hi", "v", "slope", "alpha", "beta", "slow_only", "row")
        },
    )


def _fit_one(evidence: Evidence, dyn: Dynamics) -> tuple[float, float]:
    """Mean and log spread of one facet; the reference's own where there is no reading."""
    if not len(evidence.at):
        return 0.0, 0.0

    def miss(at: Floats) -> float:
        margins = Margins(mean=at[:1], spread=np.exp(at[1:]))
        found = float(weigh(standardise(evidence, margins), lambda _: dyn).sum())
        return 0.5 * float((at[0] / _MEAN_SD) ** 2 + (at[1] / _LOG_SD) ** 2) - found

    best = minimize(miss, [0.0, 0.0], method="L-BFGS-B", bounds=[(-5, 5), (_LEAST_LOG, _MOST_LOG)]).x
    return float(best[0]), float(best[1])
