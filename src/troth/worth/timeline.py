"""Things that happened to many, asked what had happened to one of them before a moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Timeline:
    """Events of owners 0, 1, 2, ..., in the order of owners and then of times.

    Args:
        owner: shape (events,).
        at: shape (events,), microseconds since 1970.

    `order` puts values that came with the events into the order of the timeline.
    """

    def __init__(self, owner: Ints, at: Ints) -> None:
        self._times, place = np.unique(at, return_inverse=True)
        self._width = len(self._times) + 1
        keys = owner * self._width + place.ravel()
        self.order = np.argsort(keys, kind="stable")
        self._keys = keys[self.order]
        self.owner, self.at = owner[self.order], at[self.order]

    def find_last(self, owner: Ints, moments: Ints) -> Ints:
        """The place of each owner's last event before the moment; -1 where there was none. Two binary searches each."""
        found = np.searchsorted(self._keys, self._seek(owner, moments), side="left") - 1
        is_own = (found >= 0) & (owner >= 0)
        is_own[is_own] &= self.owner[found[is_own]] == owner[is_own]
        return np.where(is_own, found, -1)

    def count(self, owner: Ints, since: Ints, until: Ints) -> Ints:
        """How many events each owner had from `since` on and before `until`."""
        ends = (np.searchsorted(self._keys, self._seek(owner, moment), side="left") for moment in (until, since))
        return np.maximum(np.subtract(*ends), 0)

    def _seek(self, owner: Ints, moments: Ints) -> Ints:
        return owner * self._width + np.searchsorted(self._times, moments)
