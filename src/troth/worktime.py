"""Working hours between two moments: nights, weekends and closed days do not count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]
_HOUR_US: Final = 3_600e6


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OpenHours:
    """Open hours counted from some beginning: a broken line that rises while people work and is level while not."""

    at: npt.NDArray[np.int64]  # shape (n,), rising, microseconds since 1970 UTC
    hours: _Floats  # shape (n,), never falling

    def between(self, begin: npt.ArrayLike, end: npt.ArrayLike) -> _Floats:
        """Open hours from each `begin` to each `end`, shape (n,), at least 0.

        Args:
            begin, end: numpy times, UTC; outside the days that were laid out nobody works.
        """
        counted = [np.interp(_as_us(moment), self.at, self.hours) for moment in (begin, end)]
        return np.maximum(counted[1] - counted[0], 0.0)


ALL_HOURS: Final = OpenHours(at=np.array([-(2**58), 2**58]), hours=np.array([-(2**58), 2**58]) / _HOUR_US)
"""Every hour of every day counts."""


def lay_out_hours(
    first: dt.date,
    last: dt.date,
    *,
    is_open: Callable[[dt.date], bool],
    to_utc: Callable[[dt.datetime], dt.datetime],
    starts: dt.time,
    ends: dt.time,
) -> OpenHours:
    """Lay out the working days from `first` to `last`, both included.

    Args:
        is_open: whether people work on a day.
        to_utc: a clock reading where they work, as UTC; changes of the clock are its matter.
        starts, ends: of the working day by that clock. One that ends before it starts has no hours.
    """
    spans = [
        [to_utc(dt.datetime.combine(day, clock)) for clock in (starts, ends)]
        for day in (first + dt.timedelta(days=ahead) for ahead in range((last - first).days + 1))
        if is_open(day)
    ]
    moments = np.array([moment.replace(tzinfo=None) for span in spans for moment in span], "datetime64[us]")
    at = moments.astype(np.int64)
    if not len(at) or starts >= ends:
        return OpenHours(at=np.array([0, 1]), hours=np.zeros(2))
    steps = np.diff(at) / _HOUR_US
    steps[1::2] = 0.0  # from one day's end to the next one's start
    return OpenHours(at=at, hours=np.concatenate([[0.0], np.cumsum(steps)]))


def _as_us(moments: npt.ArrayLike) -> npt.NDArray[np.int64]:
    return np.asarray(moments, "datetime64[us]").astype(np.int64)
