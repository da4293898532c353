"""Which facet's weeks go with trust in the weeks after: a regression within stretches of each relationship.

    HELD's news[n + 1] = level[relationship, stretch] + b SHOWN's news[n] + g1 HELD's news[n] + g2 log turns[n]

News is what a period's evidence moved a score by, so that a lasting difference between relationships is in neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_ROWS: Final = 60
LEAST_HOMES: Final = 10
"""Relationships from which errors clustered by them mean anything."""

Verdict = Literal["goes with", "goes against", "nothing found", "doubtful", "not enough to say"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One slope within stretches.

    Attributes:
        slope: of the outcome per standard deviation of the exposure within stretches; NaN where there is none.
        error: clustered by relationship.
        free: degrees of freedom: relationships less one.
        rows, homes: periods and relationships that tell anything.
        pull: shape (rows,): what is left of the outcome without the exposure.
        exposure: shape (rows,), within stretches.
        stretch: shape (rows,).
    """

    slope: float
    error: float
    free: int
    rows: int
    homes: int
    pull: Floats
    exposure: Floats
    stretch: Ints

    @property
    def enough(self) -> bool:
        """Whether there is enough to say anything."""
        return self.rows >= LEAST_ROWS and self.homes >= LEAST_HOMES and bool(np.isfinite(self.error))

    def interval(self) -> tuple[float, float]:
        """95 %."""
        reach = float(student.ppf(0.975, max(self.free, 1))) * self.error
        return self.slope - reach, self.slope + reach


def link_within(exposure: Floats, outcome: Floats, others: Floats, *, stretch: Ints, home: Ints) -> Link:
    """Fit the slope.

    Args:
        exposure, outcome: shape (rows,).
        others: shape (rows, K), what else is held fast.
        stretch: shape (rows,), of one relationship each.
        home: shape (rows,), the relationship.

    Source: Cameron & Miller 2015, J. Human Resources 50:317, section II for the clustered error with its correction.
    """
    _, stretch = np.unique(stretch, return_inverse=True)
    kept = np.bincount(stretch)[stretch] > 1 if len(stretch) else np.zeros(0, bool)
    exposure, outcome, others, home = exposure[kept], outcome[kept], others[kept], home[kept]
    _, stretch = np.unique(stretch[kept], return_inverse=True)
    x, y = _take_off_level(exposure, stretch), _take_off_level(outcome, stretch)
    rest = np.column_stack([_take_off_level(column, stretch) for column in others.T]) if others.size else others
    if len(x) and rest.shape[1]:
        x, y = (values - rest @ np.linalg.lstsq(rest, values, rcond=None)[0] for values in (x, y))
    sizes = float(x @ x)
    _, home = np.unique(home, return_inverse=True)
    homes = int(home.max()) + 1 if len(home) else 0
    empty = Link(
        slope=np.nan, error=np.nan, free=homes - 1, rows=len(x), homes=homes, pull=y, exposure=x, stretch=stretch
    )
    free = len(x) - (int(stretch.max()) + 1 if len(x) else 0) - rest.shape[1] - 1
    if sizes <= 1e-12 or homes < 2 or free < 1:
        return empty
    x = x / np.sqrt(sizes / len(x))
    slope = float(x @ y / len(x))
    scores = np.bincount(home, x * (y - slope * x))
    error = float(np.sqrt((scores**2).sum() * homes / (homes - 1) * (len(x) - 1) / free)) / len(x)
    return Link(slope=slope, error=error, free=homes - 1, rows=len(x), homes=homes, pull=y, exposure=x, stretch=stretch)


def judge_link(low: float, high: float, p: float, *, enough: bool, placebo: float, placebo_p: float) -> Verdict:
    """What may be said of a facet: its interval drawn together with the others', and its checks.

    A placebo that goes the other way cannot be what made the link.
    """
    if not enough:
        return "not enough to say"
    if p >= 0.05 or low <= 0 <= high:
        return "nothing found"
    if placebo_p < 0.05 and placebo * low > 0:
        return "doubtful"
    return "goes with" if low > 0 else "goes against"


def _take_off_level(values: Floats, stretch: Ints) -> Floats:
    counts = np.bincount(stretch)
    return values - (np.bincount(stretch, values, len(counts)) / counts)[stretch] if len(values) else values
