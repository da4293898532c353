"""The halo R, pair by pair: each correlation from the readings of its two facets, then all drawn together.

A matrix of 45 correlations is more than the readings of one company bear at once. Each pair has a likelihood of its
own that a two-facet filter gives exactly; their estimates are pooled towards one common halo, and that towards the
start value. Source: Varin, Reid and Firth 2011, composite likelihood from pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np

from troth.trust._arrays import Evidence
from troth.trust.climb import climb, pool
from troth.trust.likelihood import weigh
from troth.trust.margins import make_dynamics, take_facets, take_relationships
from troth.trust.model import GAUGES, Floats, Model

COMMON_SD: Final = 0.4  # prior of the common halo, on Fisher's z: .5 within .15 and .75
PAIRS_SD: Final = 0.25  # half-normal, of how far pairs differ, on Fisher's z
_WIDE_SD: Final = 1.0  # of one pair before it is pooled
LEAST_RELATIONSHIPS: Final = 20
_FLATTEST: Final = 0.05  # least eigenvalue of R that is let through


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HaloFit:
    """R of one gauge, and how it came about. Pairs are those with enough relationships."""

    correlation: Floats  # (K, K)
    common: float
    common_error: float
    pairs: list[tuple[int, int]]
    errors: Floats  # of the pooled correlations, shape (pairs,)
    relationships: list[int]  # read on both facets, per pair


def fit_halo(evidence: Evidence, model: Model, start: Model) -> HaloFit | None:
    """Learn R of one gauge; None where no pair has enough relationships with readings on both facets.

    Args:
        evidence: of one gauge, on the model's yardsticks.
        model: rates and means.
        start: the model whose halo the common halo is drawn to.
    """
    gauge, facets = evidence.gauge, GAUGES[evidence.gauge]
    counts = count_readings(evidence, len(facets))
    pairs: list[tuple[int, int]] = []
    found: list[tuple[float, float]] = []
    relationships: list[int] = []
    slopes = np.zeros(len(counts))  # of each relationship, all pairs together
    first = float(np.arctanh(_mean_correlation(start.correlation(gauge))))
    for j, k in combinations(range(len(facets)), 2):
        both = np.flatnonzero((counts[:, j] > 0) & (counts[:, k] > 0))
        if len(both) < LEAST_RELATIONSHIPS:
            continue
        pair = take_facets(take_relationships(evidence, both), [j, k])
        means = {
            segment: np.array([model.within(segment).means.get(facets[i], 0.0) for i in (j, k)] + [0.0, 0.0])
            for segment in pair.segments
        }

        def score(theta: Floats, pair: Evidence = pair, means: dict[str, Floats] = means) -> Floats:
            r = float(np.tanh(theta[0]))
            dyn = make_dynamics(np.array([[1.0, r], [r, 1.0]]), model)
            made = {segment: replace(dyn, mean=mean) for segment, mean in means.items()}
            return weigh(pair, made.__getitem__)

        peak = climb(score, centre=np.array([first]), sd=np.array([_WIDE_SD]))
        # The wide prior is taken out again, so that it does not count a second time when all are pooled.
        value, error = peak.without_prior(np.array([first]), np.array([_WIDE_SD]))
        pairs.append((j, k))
        relationships.append(len(both))
        found.append((float(np.clip(value[0], -2.0, 2.0)), float(error[0])))
        slopes[both] += peak.slopes[:, 0]
    if not pairs:
        return None
    values, errors = np.array(found).T
    pooled = pool(values, errors, centre=first, centre_sd=COMMON_SD, spread_sd=PAIRS_SD)
    common = float(np.tanh(pooled.centre))
    # Pairs share relationships and facets, so the error of what they have in common goes by relationship (Godambe).
    sandwich = float(np.sqrt((slopes**2).sum()) / (1.0 / errors**2).sum())
    matrix = np.full((len(facets), len(facets)), common)
    np.fill_diagonal(matrix, 1.0)
    for (j, k), z in zip(pairs, pooled.values, strict=True):
        matrix[j, k] = matrix[k, j] = np.tanh(z)
    return HaloFit(
        correlation=make_definite(matrix),
        common=common,
        common_error=max(sandwich, pooled.centre_error) * (1.0 - common**2),
        pairs=pairs,
        errors=pooled.errors * (1.0 - np.tanh(pooled.values) ** 2),
        relationships=relationships,
    )


def count_readings(evidence: Evidence, facets: int) -> Floats:
    """Readings of each relationship on each facet: shape (G, facets)."""
    group = np.repeat(np.arange(len(evidence.start) - 1), np.diff(evidence.start))
    flat = np.bincount(group * facets + evidence.facet, minlength=(len(evidence.start) - 1) * facets)
    return flat.reshape(-1, facets).astype(np.float64)


def make_definite(matrix: Floats) -> Floats:
    """The correlation matrix, drawn towards independence just as far as its least eigenvalue needs."""
    least = float(np.linalg.eigvalsh(matrix)[0])
    if least >= _FLATTEST:
        return matrix
    kept = (1.0 - _FLATTEST) / (1.0 - least)  # eigenvalues of kept R + (1 - kept) I
    drawn = kept * matrix
    np.fill_diagonal(drawn, 1.0)
    return drawn


def _mean_correlation(matrix: Floats) -> float:
    size = len(matrix)
    return float((matrix.sum() - size) / (size * (size - 1)))
