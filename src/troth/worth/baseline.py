"""The course of the hazards over a deal's age, as columns of a design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PLACES: Final = (0.05, 0.35, 0.65, 0.95)
"""Of the ages at which deals ended, where the knots lie; Harrell 2015, Regression Modeling Strategies, table 2.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A restricted cubic spline of log(1 + weeks): straight before the first and after the last knot."""

    knots: tuple[float, ...]  # rising, in log(1 + weeks)

    @property
    def columns(self) -> int:
        """How many columns it makes, the intercept among them."""
        return max(len(self.knots), 2)

    def expand(self, weeks: Floats) -> Floats:
        """Age in weeks, shape (rows,), to columns of a design, shape (rows, columns)."""
        age = np.log1p(np.asarray(weeks, dtype=np.float64))
        made = [np.ones_like(age), age]
        if len(self.knots) > 2:
            first, (before, last) = self.knots[0], self.knots[-2:]
            wide = (last - first) ** 2
            for knot in self.knots[:-2]:
                bend = _cube(age - knot) - _cube(age - before) * (last - knot) / (last - before)
                made.append((bend + _cube(age - last) * (before - knot) / (last - before)) / wide)
        return np.stack(made, axis=-1)


def place_knots(ages: Floats) -> Baseline:
    """The spline for deals that ended at these ages, in weeks; fewer knots where the ages are few.

    Args:
        ages: shape (ends,), of deals that were won or lost.
    """
    if not len(ages):
        return Baseline(knots=())
    knots = np.unique(np.quantile(np.log1p(ages), _PLACES))
    return Baseline(knots=tuple(float(knot) for knot in knots) if len(knots) > 2 else ())


def _cube(values: Floats) -> Floats:
    return np.maximum(values, 0.0) ** 3
