"""What a touch point shows on a facet, pooled over the customers met there, with the doubt that remains.

Levels differ between firms, touch points and customers, and between one customer's touch points:

    level of customer i at touch point t = firm + touch point t + customer i + rest

The parts are normal with the variances of `Spread`, start values without a measurement, which together make the
variance of 1 that levels have between relationships. Readings are those of the trust filter (MEASUREMENT 4.2), here
without time. The posterior is Laplace's: the mode, found by Newton steps, and the curvature there. A touch point of
which little is known is drawn towards the firm's level, and its band stays wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Variances of the parts of a level; start values."""

    firm: float = 0.3
    touchpoint: float = 0.15
    customer: float = 0.4
    rest: float = 0.15

    def within_one(self) -> Spread:
        """As they hold where one customer alone is looked at: who it is belongs to the level then."""
        return Spread(firm=self.firm + self.customer, touchpoint=self.touchpoint + self.rest, customer=0.0, rest=0.0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evidence:
    """The n readings of one facet, arrays of shape (n,); the columns of READINGS, and whose and where."""

    lo: Floats
    hi: Floats
    v: Floats
    slope: Floats
    alpha: Floats
    beta: Floats
    customer: Ints
    touchpoint: Ints


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pooled:
    """Levels of all touch points on one facet, arrays of shape (n_touchpoints,)."""

    mean: Floats
    var: Floats
    prior_var: float

    @property
    def reliability(self) -> Floats:
        """1 - posterior variance / prior variance, within 0 and 1."""
        return np.clip(1.0 - self.var / self.prior_var, 0.0, 1.0)


_STEPS: Final = 60
_CLOSE: Final = 1e-4  # of a level, standard deviations, at which the steps end
_LEAST: Final = 1e-12  # of a probability
_MOST_PLACES: Final = 2_000_000  # customers times touch points held at a time


def pool_levels(evidence: Evidence, *, touchpoints: int, spread: Spread | None = None) -> Pooled:
    """Firm + touch point for each touch point: the level that a typical customer meets there.

    Args:
        evidence: readings of one facet.
        touchpoints: how many there are.
        spread: variances of the parts; start values if not given.

    Cost: for each of at most 60 steps linear in the readings, and the cube of the touch points. Customers and rests
    are eliminated one by one. A cell (customer and touch point) whose readings have curvature W and pull P leaves
    w = W / (1 + rest W) and p = P / (1 + rest W); a customer with cells w, p leaves on the touch points the information
    diag(w) - w w' / (1 / customer + sum w).
    """
    spread = spread or Spread()
    cell, place = np.unique(evidence.customer * touchpoints + evidence.touchpoint, return_inverse=True)
    owner = np.unique(cell // touchpoints, return_inverse=True)[1].astype(np.int64)
    point = cell % touchpoints
    cells = _Grid(owner=owner, point=point, touchpoints=touchpoints)
    level = np.zeros(len(cell))
    prior = spread.firm + spread.touchpoint * np.eye(touchpoints)
    mean: Floats = np.zeros(touchpoints)
    posterior: Floats = prior
    for step in range(_STEPS):
        first, second = _derive(evidence, level[place])
        curvature = np.bincount(place, weights=second, minlength=len(cell))
        pull = np.bincount(place, weights=first, minlength=len(cell)) + curvature * level
        kept = 1.0 / (1.0 + spread.rest * curvature)
        information, score = _eliminate(curvature * kept, pull * kept, cells, customer_var=spread.customer)
        # (information + prior^-1)^-1 without an inverse of the prior, which is singular where places do not differ.
        posterior = np.asarray(np.linalg.solve(np.eye(touchpoints) + prior @ information, prior), np.float64)
        mean = posterior @ score
        apart = np.bincount(owner, weights=(pull - curvature * mean[point]) * kept)
        total = np.bincount(owner, weights=curvature * kept)
        customer = spread.customer * apart / (1.0 + spread.customer * total)
        fresh = (mean[point] + customer[owner] + spread.rest * pull) * kept
        moved = float(np.abs(fresh - level).max(initial=0.0))
        level += (fresh - level) * (1.0 if step < _STEPS // 4 else 0.5)
        if moved < _CLOSE:
            break
    var: Floats = np.diagonal(posterior).astype(np.float64)
    return Pooled(mean=mean, var=var, prior_var=spread.firm + spread.touchpoint)


def _derive(evidence: Evidence, level: Floats) -> tuple[Floats, Floats]:
    """First derivative of each reading's log-probability by its level, and the negative second, at least 0."""
    spread = np.sqrt(evidence.v)
    eta = evidence.slope * level
    low, high = (evidence.lo - eta) / spread, (evidence.hi - eta) / spread
    is_exact = evidence.lo == evidence.hi
    # Between two cuts on the right side the difference of the upper tails keeps its digits.
    inside = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    likely = np.maximum(evidence.alpha + evidence.beta * inside, _LEAST)
    at_low, at_high = _density(low), _density(high)
    first = evidence.beta * (at_low - at_high) / (spread * likely)
    bend = _times(low, at_low) - _times(high, at_high)
    second = evidence.beta * bend / (evidence.v * likely) - first**2
    first = np.where(is_exact, low / spread, first)
    second = np.where(is_exact, -1.0 / evidence.v, second)
    return evidence.slope * first, np.maximum(-second, 0.0) * evidence.slope**2


def _density(x: Floats) -> Floats:
    return np.exp(-0.5 * np.minimum(x**2, 1400.0)) / np.sqrt(2.0 * np.pi)


def _times(x: Floats, density: Floats) -> Floats:
    """x times its density, 0 where x is infinite."""
    return np.where(np.isfinite(x), np.where(np.isfinite(x), x, 0.0) * density, 0.0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Grid:
    """Whose each cell is and where, arrays of shape (n_cells,), ordered by customer."""

    owner: Ints
    point: Ints
    touchpoints: int


def _eliminate(weight: Floats, pull: Floats, cells: _Grid, *, customer_var: float) -> tuple[Floats, Floats]:
    """What all cells say of the touch points once customers are integrated out: information and score."""
    owner, point, touchpoints = cells.owner, cells.point, cells.touchpoints
    information, score = np.zeros((touchpoints, touchpoints)), np.zeros(touchpoints)
    step = max(1, _MOST_PLACES // max(touchpoints, 1))
    edges = np.searchsorted(owner, np.arange(0, int(owner.max(initial=-1)) + 1 + step, step))
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        rows = slice(low, high)
        here = owner[rows] - (owner[low] if high > low else 0)
        grid, pulls = (np.zeros((int(here.max(initial=-1)) + 1, touchpoints)) for _ in range(2))
        grid[here, point[rows]], pulls[here, point[rows]] = weight[rows], pull[rows]
        share = customer_var / (1.0 + customer_var * grid.sum(axis=1))  # 1 / (1 / customer + sum), also where it is 0
        information += np.diag(grid.sum(axis=0)) - (grid * share[:, None]).T @ grid
        score += pulls.sum(axis=0) - grid.T @ (share * pulls.sum(axis=1))
    return information, score
