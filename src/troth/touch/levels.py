"""What a touch point shows on a facet, pooled over the customers met there, with the doubt that remains.

Readings of one customer at one touch point become one level with its variance. These are pooled by a linear model in
which levels differ between firms, touch points and customers, and between the same customer's touch points:

    level of customer i at touch point t = firm + touch point t + customer i + rest

The spreads below are start values without a measurement; together they make the variance of 1 that levels have between
relationships. Touch points about which little is known are drawn towards the firm's level, and their bands stay wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

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


START: Final = Spread()
_MOST_CELLS: Final = 2_000_000  # of a piece: customers times touch points held at a time


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


def pool_levels(
    mean: Floats, var: Floats, *, customer: Ints, touchpoint: Ints, touchpoints: int, spread: Spread = START
) -> Pooled:
    """Pool what was read of each customer at each touch point.

    Args:
        mean, var: shape (n,), what was read there alone: an unbiased level and its variance, above 0.
        customer, touchpoint: shape (n,), whose and where; each pair once.
        touchpoints: how many there are.
        spread: variances of the parts.

    Returns: firm + touch point for each touch point, as a normal: the level that a typical customer meets there.
    Cost: linear in the readings, and the cube of the touch points. Customers are eliminated one by one:
    with weights w_t = 1 / (var + rest), the information on touch points is sum diag(w) - w w' / (1 / customer + sum w).
    """
    weights = 1.0 / (var + spread.rest)
    information = np.zeros((touchpoints, touchpoints))
    pull = np.zeros(touchpoints)
    order = np.argsort(customer, kind="stable")
    names, first = np.unique(customer[order], return_index=True)
    step = max(1, _MOST_CELLS // max(touchpoints, 1))
    for low in range(0, len(names), step):
        high = min(low + step, len(names))
        rows = order[first[low] : first[high] if high < len(names) else len(order)]
        place = np.searchsorted(names[low:high], customer[rows])
        grid = np.zeros((high - low, touchpoints))
        value = np.zeros((high - low, touchpoints))
        grid[place, touchpoint[rows]] = weights[rows]
        value[place, touchpoint[rows]] = weights[rows] * mean[rows]
        total = grid.sum(axis=1)
        share = spread.customer / (1.0 + spread.customer * total)  # 1 / (1 / customer + total), also where it is 0
        information += np.diag(grid.sum(axis=0)) - (grid * share[:, None]).T @ grid
        pull += value.sum(axis=0) - grid.T @ (share * value.sum(axis=1))
    prior = spread.firm + spread.touchpoint * np.eye(touchpoints)
    # (information + prior^-1)^-1 without an inverse of the prior, which is singular where touch points do not differ.
    posterior: Floats = np.linalg.solve(np.eye(touchpoints) + prior @ information, prior)
    return Pooled(mean=posterior @ pull, var=np.diag(posterior).copy(), prior_var=spread.firm + spread.touchpoint)
