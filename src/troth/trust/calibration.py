"""Whether chances mean what they say: reliability by stated chance, and where exact readings fall in their forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.trust.model import Floats, Ints
from troth.trust.wealth import cluster_error, lay_out

_BINS: Final = 10
_Z: Final = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bar or dot of a diagram. The interval is the wider of Wilson's and the one by relationship, 95 %."""

    low: float  # of the bin, within 0 and 1
    high: float
    count: int
    stated: float  # mean stated chance; for PIT the share expected
    share: float  # that came
    share_low: float
    share_high: float

    @property
    def is_off(self) -> bool:
        """Whether what was stated lies outside the interval."""
        return not self.share_low <= self.stated <= self.share_high


@dataclass(frozen=True, slots=True, kw_only=True)
class Pit:
    """Exact readings in their forecasts; all bars alike where the forecasts are right."""

    bins: tuple[Bin, ...]
    readings: int
    distance: float  # Kolmogorov's: the largest gap between the shares below and the shares that should be below
    limit: float  # what one in twenty sets of so many independent readings of right forecasts exceeds


def measure_reliability(forecasts: pa.Table) -> tuple[Bin, ...]:
    """Every stated chance of every outcome, in ten bins, against how often it came; empty bins are left out."""
    if not forecasts.num_rows:
        return ()
    chances, homes = lay_out(forecasts, "model"), _homes(forecasts)
    place = np.minimum((chances.values * _BINS).astype(np.int64), _BINS - 1)
    found: list[Bin] = []
    for number in np.unique(place).tolist():
        inside = place == number
        came = chances.happened[inside].astype(float)
        stated = float(chances.values[inside].mean())
        found.append(_bin(number, int(inside.sum()), came, homes[chances.which[inside]], stated))
    return tuple(found)


def measure_pit(forecasts: pa.Table) -> Pit | None:
    """The histogram of the probability integral transform; None where there is no exact reading.

    Source: Dawid 1984; Diebold, Gunther and Tay 1998.
    """
    exact = forecasts.filter(pc.is_valid(forecasts["pit"]))
    if not exact.num_rows:
        return None
    pit, homes = exact["pit"].to_numpy().astype(float), _homes(exact)
    place = np.minimum((pit * _BINS).astype(np.int64), _BINS - 1)
    rising, n = np.sort(pit), len(pit)
    steps = np.arange(n)
    distance = max(float((rising - steps / n).max()), float(((steps + 1) / n - rising).max()))
    within = [place == number for number in range(_BINS)]
    bins = tuple(
        _bin(number, int(inside.sum()), inside.astype(float), homes, 1.0 / _BINS)
        for number, inside in enumerate(within)
    )
    return Pit(bins=bins, readings=n, distance=distance, limit=1.358 / np.sqrt(n))


def _homes(forecasts: pa.Table) -> Ints:
    return np.unique(np.array(forecasts["relationship"].to_pylist(), object), return_inverse=True)[1]


def _bin(number: int, count: int, came: Floats, homes: Ints, stated: float) -> Bin:
    share, n = float(came.mean()), len(came)
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    together = _Z * (cluster_error(came, homes) or 0.0)
    return Bin(
        low=number / _BINS,
        high=(number + 1) / _BINS,
        count=count,
        stated=stated,
        share=share,
        share_low=max(0.0, min(float(middle - half), share - together)),
        share_high=min(1.0, max(float(middle + half), share + together)),
    )
