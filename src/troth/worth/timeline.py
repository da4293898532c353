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
        self._first, last = (int(at.min()), int(at.max())) if len(at) else (0, 0)
        self._width = last - self._first + 2
        self._ranks: Ints | None = None
        if self._width * (int(owner.max(initial=0)) + 2) > np.iinfo(np.int64).max:  # too many owners over too long
            self._ranks = np.unique(at)
            self._width = len(self._ranks) + 1
        keys = self._seek(owner, at)
        self.order = np.argsort(keys, kind="stable")
        self._keys = keys[self.order]
        self.owner, self.at = owner[self.order], at[self.order]

    def find_last(self, owner: Ints, moments: Ints) -> Ints:
        """The place of each owner's last event before the moment; -1 where there was none. One binary search each."""
        found = np.searchsorted(self._keys, self._seek(owner, moments), side="left") - 1
        is_own = (found >= 0) & (owner >= 0)
        is_own[is_own] &= self.owner[found[is_own]] == owner[is_own]
        return np.where(is_own, found, -1)

    def count(self, owner: Ints, since: Ints, until: Ints) -> Ints:
        """How many events each owner had from `since` on and before `until`."""
        ends = (np.searchsorted(self._keys, self._seek(owner, moment), side="left") for moment in (until, since))
        return np.maximum(np.subtract(*ends), 0)

    def count_before(self, owner: Ints, until: Ints) -> Ints:
        """How many events each owner had before `until`; owners 0, 1, 2, ..."""
        begins = np.searchsorted(self.owner, np.arange(int(owner.max(initial=0)) + 1))
        return np.searchsorted(self._keys, self._seek(owner, until), side="left") - begins[owner]

    def _seek(self, owner: Ints, moments: Ints) -> Ints:
        """Keys that rise with owners and then with times; a moment before or after all of them stays its owner's."""
        if self._ranks is not None:
            return owner * self._width + np.searchsorted(self._ranks, moments)
        # Compared before anything is subtracted: a moment may be as early as an integer can say.
        inside = np.clip(moments, self._first, self._first + self._width - 1) - self._first
        return owner * self._width + inside
