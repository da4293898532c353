"""From hazards to what people ask: how likely won by day 90, and how many days until then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.worth.hazards import LOST, OPEN, WON, hazards
from troth.worth.periods import Periods

Floats = NDArray[np.float64]

HORIZONS: Final = (30, 60, 90, 180)
"""Days after opening for which chances are told."""

_WEEK_DAYS: Final = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What becomes of deals of one kind, week by week; every array has shape (..., weeks + 1), from week 0 on.

    Attributes:
        open: share still open at the start of each week.
        won, lost: share that ended so before it: the cumulative incidence.
    """

    open: Floats
    won: Floats
    lost: Floats

    def won_by(self, days: float) -> Floats:
        """The chance of being won within so many days, straight between the weeks."""
        return _at(self.won, days)

    def lost_by(self, days: float) -> Floats:
        """The chance of being lost within so many days."""
        return _at(self.lost, days)

    def open_days(self, horizon: float) -> Floats:
        """Mean days until the deal ends either way, those beyond `horizon` counted as `horizon`."""
        return _area(self.open, horizon)

    def days_to_win(self, horizon: float) -> Floats:
        """Restricted mean time to win: mean days not won, those never won within `horizon` counted as `horizon`."""
        return _area(1.0 - self.won, horizon)


def follow_course(design: Floats, coefficients: Floats) -> Course:
    """The course of deals whose weeks look like `design`.

    Args:
        design: shape (..., weeks, columns): the columns of the hazards in each week after opening.
        coefficients: shape (2, columns).

    Source: Tutz & Schmid 2016, section 8.1: S(t) = prod (1 - all hazards), F_c(t) = sum h_c(s) S(s - 1).
    """
    return _follow(hazards(design, coefficients))


def count_course(periods: Periods, weights: Floats | None = None) -> Course:
    """The course by counting alone: Aalen and Johansen's estimate on the grid of weeks, with nothing assumed.

    Args:
        periods: weeks of deals.
        weights: shape (draws, accounts): how often each account counts, for bootstraps; each once if not given.

    Returns: shape (draws, weeks + 1); (weeks + 1,) without weights. After the last week watched nothing changes.
    Source: Aalen & Johansen 1978, Scandinavian Journal of Statistics 5:141; Tutz & Schmid 2016, section 8.1.
    """
    weeks = int(periods.week.max()) + 1
    accounts = int(periods.account.max()) + 1
    cell = (periods.account * weeks + periods.week) * 3 + periods.event
    counts = np.bincount(cell, minlength=accounts * weeks * 3).reshape(accounts, weeks * 3).astype(np.float64)
    summed = (counts.sum(axis=0) if weights is None else weights @ counts).reshape(-1, weeks, 3)
    at_risk = np.maximum(summed.sum(axis=-1, keepdims=True), 1e-300)
    course = _follow(np.where(at_risk > 1e-300, summed / at_risk, np.array([1.0, 0.0, 0.0])))
    if weights is not None:
        return course
    return Course(open=course.open[0], won=course.won[0], lost=course.lost[0])


def _follow(chance: Floats) -> Course:
    shape = (*chance.shape[:-2], chance.shape[-2] + 1)
    still = np.ones(shape)
    np.cumprod(chance[..., OPEN], axis=-1, out=still[..., 1:])
    won, lost = np.zeros(shape), np.zeros(shape)
    for ended, end in ((won, WON), (lost, LOST)):
        np.cumsum(chance[..., end] * still[..., :-1], axis=-1, out=ended[..., 1:])
    return Course(open=still, won=won, lost=lost)


def _at(values: Floats, days: float) -> Floats:
    weeks = min(days / _WEEK_DAYS, values.shape[-1] - 1)
    whole = min(int(weeks), values.shape[-1] - 2)
    share = weeks - whole
    return values[..., whole] * (1 - share) + values[..., whole + 1] * share


def _area(values: Floats, horizon: float) -> Floats:
    weeks = min(horizon / _WEEK_DAYS, values.shape[-1] - 1)
    whole = int(weeks)
    area = ((values[..., :whole] + values[..., 1 : whole + 1]) / 2).sum(axis=-1)
    if weeks > whole:
        end = _at(values, weeks * _WEEK_DAYS)
        area = area + (values[..., whole] + end) / 2 * (weeks - whole)
    return area * _WEEK_DAYS
