"""How well the items of a scale hang together: alpha, omega, item-total correlations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import fdtri

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def find_alpha(values: Floats) -> Interval:
    """Cronbach's alpha with Feldt's interval.

    alpha = k / (k - 1) (1 - sum of item variances / variance of the sum). With n people and k items,
    (1 - true) / (1 - alpha) is F distributed with n - 1 and (n - 1)(k - 1) degrees of freedom.

    Args:
        values: shape (people, items), no holes, reversed items turned round; at least 2 people and 2 items, and the
            sums not all the same.

    Source: Cronbach 1951; Feldt, Woodruff & Salih 1987.
    """
    people, items = values.shape
    total = values.sum(axis=1).var(ddof=1)
    alpha = items / (items - 1) * (1.0 - values.var(axis=0, ddof=1).sum() / total)
    above, below = people - 1, (people - 1) * (items - 1)
    low, high = (1.0 - (1.0 - alpha) * fdtri(above, below, share) for share in (0.975, 0.025))
    return Interval(value=float(alpha), low=float(low), high=float(high))


def find_omega(values: Floats) -> float:
    """McDonald's omega of one factor: (sum of loads)^2 / ((sum of loads)^2 + sum of unique variances).

    Loads come from least squares on the covariances off the diagonal (minres), so that no distribution is assumed.

    Args:
        values: shape (people, items), no holes; at least 3 items, with 2 the factor is not determined.

    Source: McDonald 1999, chapter 6; Harman & Jones 1966 for minres.
    """
    covariance = np.cov(values, rowvar=False)
    loads = fit_loads(covariance)
    common = loads.sum() ** 2
    unique = np.maximum(np.diag(covariance) - loads**2, 0.0).sum()
    return float(common / (common + unique))


def fit_loads(covariance: Floats) -> Floats:
    """Loads on one factor, shape (items,), that come nearest to the covariances off the diagonal.

    No load exceeds the standard deviation of its item. The sum of the loads is not negative.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415 - slow to load, and needed by few books

    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    rows, columns = np.triu_indices(len(sd), 1)
    vectors: Any = np.linalg.eigh(correlation)[1]
    start = np.clip(
        vectors[:, -1] * np.sqrt(max(float(correlation[rows, columns].mean()), 0.05) * len(sd)), -0.95, 0.95
    )

    def miss(loads: Floats) -> Floats:
        return loads[rows] * loads[columns] - correlation[rows, columns]

    loads = np.asarray(least_squares(miss, start, bounds=(-1.0, 1.0), xtol=1e-12, ftol=1e-12, gtol=1e-12).x)
    return loads * sd * (1.0 if loads.sum() >= 0 else -1.0)


def correlate_with_rest(values: Floats) -> Floats:
    """Correlation of each item with the sum of the others, shape (items,); NaN where either never varies."""
    rest = values.sum(axis=1, keepdims=True) - values
    centred, others = values - values.mean(axis=0), rest - rest.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0) * (others**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (centred * others).sum(axis=0) / spread, np.nan)
