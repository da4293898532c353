"""A score as it was known some days before a moment, carried forward to it without anything that came in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.lenses import Pillar
from troth.schema import TRUST, conform
from troth.worth.timeline import Timeline

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_US: Final = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fading:
    """How levels fade towards what is typical when nothing new is read (MEASUREMENT.md 4.1).

    Attributes:
        slow_rate, fast_rate: per day.
        means: what is typical of each facet, by code; 0 where it is not named.
        spread: prior standard deviation of the score's weighted sum: figures are in units of it.
        fast_share: share of the prior variance that is fast.
    """

    slow_rate: float
    fast_rate: float
    means: Mapping[str, float]
    spread: float
    fast_share: float = 0.5

    def keep(self, days: float) -> float:
        """How closely a level goes with itself so many days later."""
        slow, fast = np.exp(-self.slow_rate * days), np.exp(-self.fast_rate * days)
        return float((1 - self.fast_share) * slow + self.fast_share * fast)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The score at each moment asked for; shape (moments,).

    Attributes:
        value: in prior standard deviations; 0 where nothing was known by then.
        known: whether anything was.
    """

    value: Floats
    known: NDArray[np.bool_]


class ScorePaths:
    """Every relationship's score over time, ready to be asked for many moments at once.

    Args:
        trust: TRUST as `troth.follow` gives it: filtered, so that each row rests on what came before it alone.
        pillar: the score: weights of facets of one gauge.
        fading: of the model that made `trust`.
    """

    def __init__(self, trust: object, pillar: Pillar, fading: Fading) -> None:
        table = conform(trust, TRUST)
        table = table.filter(pc.is_in(table["facet"], pa.array(list(pillar.weights))))
        facets, facet = _number_values(table["facet"])
        weight = np.array([pillar.weights[code] for code in facets], dtype=np.float64)[facet]
        typical = np.array([fading.means.get(code, 0.0) for code in facets], dtype=np.float64)[facet]
        at = table["at"].cast(pa.int64()).to_numpy()
        names, code = _number_values(table["relationship"])
        self._names = pa.array(names, pa.string())
        # One row for each relationship and time: the weighted sum of its facets, each as it stood then.
        order = np.lexsort((at, code))
        code, at = code[order], at[order]
        starts = np.ones(len(order), dtype=np.bool_)
        starts[1:] = (code[1:] != code[:-1]) | (at[1:] != at[:-1])
        row = np.cumsum(starts) - 1
        self._line = Timeline(code[starts], at[starts])
        slow, fast = (table[name].to_numpy() for name in ("slow", "fast"))
        self._slow = np.bincount(row, (weight * (slow - typical))[order])
        self._fast = np.bincount(row, (weight * fast)[order])
        self._typical = sum(share * fading.means.get(code, 0.0) for code, share in pillar.weights.items())
        self.fading = fading

    def freeze(
        self, relationships: Sequence[str], moments: Ints, *, days_before: float, whose: Ints | None = None
    ) -> Frozen:
        """The score from evidence more than `days_before` days before each moment, faded to the moment itself.

        Args:
            relationships: one for each moment, or those that `whose` points at.
            moments: microseconds since 1970.
            days_before: L of MEASUREMENT.md section 6; negative looks ahead, for negative controls alone.
            whose: for each moment the place of its relationship in `relationships`.

        Cost: two binary searches for each moment.
        """
        asked = pa.array(list(relationships), pa.string())
        code = pc.fill_null(pc.index_in(asked, self._names), -1).to_numpy().astype(np.int64)
        code = code if whose is None else code[whose]
        last = self._line.find_last(code, moments - int(days_before * DAY_US))
        known = last >= 0
        value = np.full(len(moments), self._typical)
        rows = last[known]
        days = np.maximum(moments[known] - self._line.at[rows], 0) / DAY_US
        value[known] += self._slow[rows] * np.exp(-self.fading.slow_rate * days)
        value[known] += self._fast[rows] * np.exp(-self.fading.fast_rate * days)
        return Frozen(value=value / self.fading.spread, known=known)


def _number_values(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """The different values of a column, and for each row which it is."""
    coded = pa.concat_arrays(column.chunks).dictionary_encode() if column.num_chunks else pa.array([], column.type)
    if not len(coded):
        return [], np.zeros(0, dtype=np.int64)
    return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)
