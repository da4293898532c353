"""What it does that trust is known only in part, while the deals that are still open were sorted by all of it.

Where more trust goes with sooner winning, deals that are still open after some weeks are those of customers who trust
less than was read. So the odds that go with trust come out too near to 1, the more so the stronger they are (in
made-up firms by 4 to 6 % of a log ratio of .59). Here trust as it was known is moved to what it is among the deals that
are still open, and the fit is made again: risk-set regression calibration.

    E[ x(t) | known, still open ] = x - v (b_won S_won + b_lost S_lost),    S_c(k) = sum over j < k of r^(k-j) h_c(j)

v is the variance of trust around what was known, r what is kept of such an error from week to week, h the hazards.
Source: Prentice 1982, Biometrika 69:331; Xie, Wang & Prentice 2001, Journal of the Royal Statistical Society B 63:855.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.worth.baseline import Baseline
from troth.worth.frozen import DAY_US, Frozen, ScorePaths
from troth.worth.hazards import HazardFit, chances_of_ends
from troth.worth.periods import Periods

Floats = NDArray[np.float64]

_WEEK_DAYS: Final = 7
_ASKED: Final = 20_000  # weeks by which the unseen part is gauged
_CHUNK: Final = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """The part of trust that was not known when it was frozen.

    Attributes:
        var: its variance, in prior variances: 0 to 1.
        keep: what is kept of it from one week to the next, 0 to 1.
    """

    var: float
    keep: float


def gauge_unseen(
    paths: ScorePaths, relationships: Sequence[str], periods: Periods, frozen: Frozen, *, lag: float
) -> Unseen:
    """How much of trust was unseen: the prior variance less that of what was known, which a filter keeps apart.

    From one week to the next a share of it fades, and as much as new readings moved what was known is unseen no more.
    """
    rows = np.flatnonzero(frozen.known)
    if len(rows) < 2:
        return Unseen(var=0.0, keep=0.0)
    rows = rows[:: max(len(rows) // _ASKED, 1)]
    value = frozen.value[rows]
    var = float(np.clip(1.0 - value.var(), 0.0, 1.0))
    before = paths.freeze(
        relationships, periods.start[rows] - _WEEK_DAYS * DAY_US, days_before=lag, whose=periods.deal[rows]
    )
    fading = paths.fading.keep(_WEEK_DAYS)
    news = (value - fading * before.value)[before.known]
    moved = float(np.square(news).mean()) if len(news) else 0.0
    keep = fading - moved / (fading * var) if var > 0 else 0.0
    return Unseen(var=var, keep=float(np.clip(keep, 0.0, 1.0)))


def sum_hazards(
    design: Floats, weeks: NDArray[np.int64], baseline: Baseline, coefficients: Floats, *, keep: float
) -> Floats:
    """S_c of each row for winning and losing, shape (rows, 2), as if the facts of a week had held from the opening on.

    Args:
        design: shape (rows, columns), the baseline's columns first.
        weeks: shape (rows,), full weeks since the deal began.
        coefficients: shape (2, columns).
        keep: r of the module's formula.

    Cost: linear in the rows.
    """
    ages = np.arange(int(weeks.max(initial=0)) + 1)
    course = baseline.expand(ages.astype(np.float64)) @ coefficients[:, : baseline.columns].T
    falls = np.exp(np.clip(course[:-1] - course[1:], -20.0, 20.0))
    sums = np.zeros((len(ages), 2))  # in hazards of that age
    for age in ages[1:]:
        sums[age] = keep * (sums[age - 1] + 1.0) * falls[age - 1]
    made = np.empty((len(design), 2))
    for start in range(0, len(design), _CHUNK):
        rows = slice(start, start + _CHUNK)
        made[rows] = chances_of_ends(design[rows], coefficients).T
    made *= sums[weeks]
    return np.minimum(made, weeks[:, None], out=made)


def lean(summed: Floats, coefficients: Floats, at: int, unseen: Unseen) -> Floats:
    """How far trust lies from what was known of it among deals still open, shape (rows,).

    Args:
        summed: as `sum_hazards` gives it.
        coefficients: shape (2, columns).
        at: the column of trust.
    """
    return -unseen.var * summed @ coefficients[:, at]


def widen(fitted: HazardFit, design: Floats, summed: Floats, at: int, unseen: Unseen) -> HazardFit:
    """The fit with errors that hold the leaning unsure as well, since it was made by the coefficients themselves."""
    columns, theta = design.shape[1], fitted.coefficients
    extra = np.zeros((2 * columns, 2 * columns))
    pulls = theta[:, at]
    for start in range(0, len(design), _CHUNK):
        rows = slice(start, start + _CHUNK)
        part, gone = design[rows], summed[rows]
        chance = chances_of_ends(part, theta)
        felt = chance * (pulls[:, None] - pulls @ chance)  # of the slopes, for one unit more trust
        left = np.concatenate([felt[0][:, None] * part, felt[1][:, None] * part], axis=1)
        right = np.concatenate([gone[:, :1] * pulls[0] * part, gone[:, 1:] * pulls[1] * part], axis=1)
        right[:, at] += gone[:, 0]
        right[:, columns + at] += gone[:, 1]
        extra -= unseen.var * left.T @ right
    total = np.linalg.inv(fitted.plain)
    turn = np.linalg.solve(total + extra, total)
    return replace(fitted, covariance=turn @ fitted.covariance @ turn.T)


def see_through(fitted: HazardFit, at: int, unseen: Unseen) -> HazardFit:
    """The hazards of deals whose trust is what it is, and not what was known: intercepts without the unseen part.

    E[exp(b e)] = exp(b² v / 2) for a normal error e; the first column is the intercept.
    """
    coefficients = fitted.coefficients.copy()
    coefficients[:, 0] -= 0.5 * unseen.var * np.square(coefficients[:, at])
    return replace(fitted, coefficients=coefficients)
