"""Item curves: the graded response model in its normal form, so that slopes and cuts go straight into the filter.

P(answer <= c | level x) = Phi(cut_c - slope x), x standard normal over the people asked. Slopes times 1.7 are those of
the logistic form. Source: Samejima 1969; Bock & Aitkin 1981 for the marginal likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NODES, _MASS = np.polynomial.hermite_e.hermegauss(31)
_LOG_MASS: Final = np.log(_MASS / _MASS.sum())
_SLOPE_MEAN, _SLOPE_SD = 1.0, 1.0  # weak prior: keeps three items from a slope without bound
_SPREAD_ANSWERS: Final = 1.0  # as if so many answers were spread evenly over the points: a cut stays finite
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curves:
    """Fitted items. Shapes: I items, K points of the scale."""

    slopes: Floats  # (I,)
    slope_errors: Floats  # (I,) standard errors
    cuts: Floats  # (I, K - 1), rising along each row, in units of y* = slope x + N(0, 1)
    cut_errors: Floats  # (I, K - 1)
    log_likelihood: float
    converged: bool


class _Patterns(NamedTuple):
    """Distinct rows of answers."""

    values: Ints  # (P, I), -1 where there is none
    counts: Floats  # (P,)
    points: int


def fit_curves(values: Ints, *, points: int) -> Curves:
    """Fit slopes and cuts by marginal maximum likelihood, 31 Gauss-Hermite nodes, under weak priors.

    Args:
        values: shape (people, items), 0 to points - 1, -1 where an answer is missing (taken as missing at random);
            reversed items turned round.
        points: of the scale.

    Returns: slopes, cuts and standard errors from the observed information.
    Cost: about a second for 1,000 people and 8 items; memory people x 31 numbers.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to load, and needed by few books

    rows, counts = np.unique(values, axis=0, return_counts=True)
    patterns = _Patterns(values=rows, counts=counts.astype(float), points=points)
    start = _start(patterns)
    free = np.concatenate([start[:, :1], start[:, 1:2], np.log(np.diff(start[:, 1:], axis=1))], axis=1)

    def lose(flat: Floats) -> tuple[float, Floats]:
        guess = flat.reshape(free.shape)
        height, slope_of = _climb(_bind(guess), patterns)
        return -height, -_chain(slope_of, guess).ravel()

    done: Any = minimize(lose, free.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-11})
    fitted = _bind(np.asarray(done.x).reshape(free.shape))
    if fitted[:, 0].sum() < 0:  # the level's sign is free: up is what most items agree on
        fitted[:, 0] *= -1.0
    errors = _errors(fitted, patterns)
    height, _ = _climb(fitted, patterns)
    return Curves(
        slopes=fitted[:, 0],
        slope_errors=errors[:, 0],
        cuts=fitted[:, 1:],
        cut_errors=errors[:, 1:],
        log_likelihood=height - _prior(fitted, points)[0],
        converged=bool(done.success),
    )


def category_chances(slope: float, cuts: Floats, levels: Floats) -> Floats:
    """P(answer = c | level) under one item, shape (points, levels)."""
    return np.exp(_log_chances(slope, cuts, levels))


def _start(patterns: _Patterns) -> Floats:
    """Slope 1 and the cuts that give each item its shares, shape (I, K)."""
    found: list[Floats] = []
    for column in patterns.values.T:
        given = column >= 0
        shares = np.bincount(column[given], weights=patterns.counts[given], minlength=patterns.points) + 0.5
        found.append(np.concatenate([[1.0], ndtri(np.cumsum(shares / shares.sum())[:-1]) * np.sqrt(2.0)]))
    return np.array(found)


def _bind(free: Floats) -> Floats:
    """Slope, first cut, logs of the gaps -> slope and rising cuts."""
    return np.concatenate([free[:, :1], np.cumsum(np.concatenate([free[:, 1:2], np.exp(free[:, 2:])], axis=1), 1)], 1)


def _chain(gradient: Floats, free: Floats) -> Floats:
    """The gradient by slope and cuts, taken to the free parameters."""
    behind = np.cumsum(gradient[:, :0:-1], axis=1)[:, ::-1]  # each gap moves every cut from its own on
    return np.concatenate([gradient[:, :1], behind[:, :1], behind[:, 1:] * np.exp(free[:, 2:])], axis=1)


def _log_chances(slope: float, cuts: Floats, levels: Floats) -> Floats:
    upper = np.concatenate([cuts, [np.inf]])[:, None] - slope * levels
    lower = np.concatenate([[-np.inf], cuts])[:, None] - slope * levels
    right = lower > 0  # mirrored there, so that two numbers near 1 are never subtracted
    high, low = np.where(right, -lower, upper), np.where(right, -upper, lower)
    ahead = log_ndtr(high)
    with np.errstate(divide="ignore"):
        return np.maximum(ahead + np.log1p(-np.exp(np.minimum(log_ndtr(low) - ahead, 0.0))), np.log(_TINY))


def _density(x: Floats) -> Floats:
    return np.exp(-0.5 * np.square(x)) / np.sqrt(2.0 * np.pi)


def _climb(parameters: Floats, patterns: _Patterns) -> tuple[float, Floats]:
    """Log posterior and its gradient by slope and cuts, shape (I, K)."""
    chances = [_log_chances(row[0], row[1:], _NODES) for row in parameters]
    none = np.zeros((1, len(_NODES)))
    joint: Floats = np.tile(_LOG_MASS, (len(patterns.counts), 1))
    for log, marked in zip(chances, patterns.values.T, strict=True):
        joint += np.concatenate([log, none])[marked]  # -1, no answer, takes the last row: no information
    marginal = np.asarray(logsumexp(joint, axis=1), float)
    belief = np.exp(joint - marginal[:, None]) * patterns.counts[:, None]
    gradient = np.empty_like(parameters)
    for number, (row, log) in enumerate(zip(parameters, chances, strict=True)):
        expected = np.array(
            [belief[patterns.values[:, number] == point].sum(axis=0) for point in range(patterns.points)]
        )
        gradient[number] = _item_gradient(row, expected / np.exp(log))
    height, pull = _prior(parameters, patterns.points)
    return float(patterns.counts @ marginal) + height, gradient + pull


def _item_gradient(row: Floats, weight: Floats) -> Floats:
    """Gradient of one item; `weight` is expected answers over their chance, shape (points, nodes)."""
    at_cut = _density(row[1:, None] - row[0] * _NODES)
    difference = weight[:-1] - weight[1:]
    return np.concatenate([[-(difference * at_cut * _NODES).sum()], (difference * at_cut).sum(axis=1)])


def _prior(parameters: Floats, points: int) -> tuple[float, Floats]:
    """Log prior of all items and its gradient: slopes near 1, and one answer spread evenly over the points."""
    height, gradient = 0.0, np.zeros_like(parameters)
    each = _SPREAD_ANSWERS / points
    for number, row in enumerate(parameters):
        slope, cuts = float(row[0]), row[1:]
        spread = np.sqrt(1.0 + slope * slope)
        share = np.maximum(np.diff(np.concatenate([[0.0], ndtr(cuts / spread), [1.0]])), _TINY)
        height += each * float(np.log(share).sum()) - 0.5 * ((slope - _SLOPE_MEAN) / _SLOPE_SD) ** 2
        by_cut = each * (1.0 / share[:-1] - 1.0 / share[1:]) * _density(cuts / spread)
        gradient[number, 1:] = by_cut / spread
        gradient[number, 0] = -(by_cut * cuts).sum() * slope / spread**3 - (slope - _SLOPE_MEAN) / _SLOPE_SD**2
    return height, gradient


def _errors(parameters: Floats, patterns: _Patterns) -> Floats:
    """Standard errors, from the curvature by central differences of the gradient; NaN where it is not curved."""
    flat, step = parameters.ravel(), 1e-4
    curvature = np.empty((len(flat), len(flat)))
    for number in range(len(flat)):
        ahead, behind = flat.copy(), flat.copy()
        ahead[number] += step
        behind[number] -= step
        above, below = (_climb(point.reshape(parameters.shape), patterns)[1].ravel() for point in (ahead, behind))
        curvature[number] = (below - above) / (2.0 * step)
    variance = np.diag(np.linalg.pinv((curvature + curvature.T) / 2.0))
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.where(variance > 0, variance, np.nan)).reshape(parameters.shape)
