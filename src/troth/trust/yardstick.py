"""How the readings of some signals are to be taken, where a company's own readings have shown that.

Readings come with start values for their noise, their slope and the cuts between their categories. A yardstick says
what these are in this company; `rescale` lays it on READINGS before the filter sees them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import SettingsError
from troth.schema import READINGS, conform
from troth.signals import HELD, SHOWN

_Floats = npt.NDArray[np.float64]

_FARTHEST_FACTOR = 100.0  # a noise or slope farther from its start value is a mistake, not a finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """Noise, slope and cuts of the readings of some signals on one facet."""

    facet: str
    signals: tuple[str, ...]
    noise: float = 1.0  # factor on v
    slope: float = 1.0  # factor on slope
    cuts: tuple[float, ...] = ()  # finite ends as readings bring them, rising
    moved: tuple[float, ...] = ()  # where each of these lies instead, rising; between them lines, beyond them a shift

    def __post_init__(self) -> None:
        if (self.facet not in SHOWN and self.facet not in HELD) or not self.signals:
            raise SettingsError(f"a yardstick needs a facet and its signals, got {self.facet!r} and {self.signals}.")
        factors = (self.noise, self.slope)
        if not all(math.isfinite(x) and 1 / _FARTHEST_FACTOR <= x <= _FARTHEST_FACTOR for x in factors):
            raise SettingsError(
                f"noise and slope of {self.facet} {self.signals} must lie within .01 and 100: {factors}."
            )
        if len(self.cuts) != len(self.moved) or not all(_rises(ends) for ends in (self.cuts, self.moved)):
            raise SettingsError(
                f"the cuts of {self.facet} {self.signals} must be finite, rise, and be as many as before."
            )

    def move(self, ends: _Floats) -> _Floats:
        """Where ends lie on this yardstick; infinite ones stay. Rising, so that lo < hi stays true."""
        if not self.cuts:
            return ends
        low, high = self.moved[0] - self.cuts[0], self.moved[-1] - self.cuts[-1]
        inside = np.interp(ends, self.cuts, self.moved)
        return np.where(ends < self.cuts[0], ends + low, np.where(ends > self.cuts[-1], ends + high, inside))


def _rises(ends: Sequence[float]) -> bool:
    return all(math.isfinite(end) for end in ends) and all(a < b for a, b in pairwise(ends))


def rescale(readings: object, yardsticks: Sequence[Yardstick]) -> pa.Table:
    """READINGS as these yardsticks take them; rows without one stay as they came.

    A yardstick takes the readings of its signals, and those of signals unseen when it was learned whose ends are all
    among its cuts: they are other categories of the same scale.
    """
    table = conform(readings, READINGS)
    if not yardsticks:
        return table
    numbers = {name: table[name].to_numpy().copy() for name in ("lo", "hi", "v", "slope")}
    lo, hi, is_free = table["lo"].to_numpy(), table["hi"].to_numpy(), np.ones(len(table), np.bool_)
    for yardstick in yardsticks:
        ends = (-np.inf, *yardstick.cuts, np.inf)
        is_category = np.isin(lo, ends) & np.isin(hi, ends) & (lo < hi) & (np.isfinite(lo) | np.isfinite(hi))
        is_named = pc.is_in(table["signal"], pa.array(yardstick.signals, pa.string())).to_numpy()
        chosen = pc.equal(table["facet"], yardstick.facet).to_numpy() & (is_named | is_category) & is_free
        is_free &= ~chosen
        numbers["v"][chosen] *= yardstick.noise
        numbers["slope"][chosen] *= yardstick.slope
        for name in ("lo", "hi"):
            numbers[name][chosen] = yardstick.move(numbers[name][chosen])
    for name, column in numbers.items():
        table = table.set_column(table.schema.get_field_index(name), READINGS.field(name), pa.array(column))
    return table
