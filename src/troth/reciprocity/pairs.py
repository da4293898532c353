"""Says to pairs: what one side said, and what the other said next in the same conversation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from troth.reciprocity.says import Says

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Direction = Literal["us", "them"]
"""Who spoke first in the pair."""
DIRECTIONS: Final[tuple[Direction, ...]] = ("us", "them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of one direction in order of relationship, then time; every array has shape (pairs,).

    Attributes:
        relationship, conversation: whose, and where.
        opened: the first say held an open act.
        answered: the second did; what is to be explained.
        own_before: the answering side's say before the pair did, in this relationship; False where there is none.
        neutral: the first say held a neutral act.
        words: of the first say, log(1 + words).
        later: the first side's say after its next one held an open act.
        has_later: whether there is one.
    """

    relationship: Ints
    conversation: Ints
    opened: Bools
    answered: Bools
    own_before: Bools
    neutral: Bools
    words: Floats
    later: Bools
    has_later: Bools

    def __len__(self) -> int:
        """How many there are."""
        return len(self.answered)

    def take(self, rows: Ints | Bools) -> Pairs:
        """Some of them."""
        return Pairs(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def find_pairs(says: Says, first: Direction) -> Pairs:
    """Every say of one side that the other side's next one in the conversation answers. Linear in the says."""
    is_first = says.is_us == (first == "us")
    order = np.lexsort((np.arange(len(says)), says.conversation, says.relationship))
    before, after = order[:-1], order[1:]
    joined = (says.conversation[before] == says.conversation[after]) & (
        says.relationship[before] == says.relationship[after]
    )
    joined &= is_first[before] & ~is_first[after]
    stimulus, reply = before[joined], after[joined]
    turned = np.argsort(reply, kind="stable")
    stimulus, reply = stimulus[turned], reply[turned]
    own = _look(says, ~is_first, stimulus, steps=-1)
    later = _look(says, is_first, reply, steps=2)
    return Pairs(
        relationship=says.relationship[reply],
        conversation=says.conversation[reply],
        opened=says.is_open[stimulus],
        answered=says.is_open[reply],
        own_before=(own >= 0) & says.is_open[own],
        neutral=says.is_neutral[stimulus],
        words=says.words[stimulus],
        later=(later >= 0) & says.is_open[later],
        has_later=later >= 0,
    )


def _look(says: Says, chosen: Bools, rows: Ints, *, steps: int) -> Ints:
    """The row of a side's so-many-th say after (or before) each of these in its relationship; -1 for none."""
    side = np.flatnonzero(chosen)
    if not len(side):
        return np.full(len(rows), -1, np.int64)
    place = np.searchsorted(side, rows, side="left") if steps < 0 else np.searchsorted(side, rows, side="right") - 1
    place = place + steps
    there = (place >= 0) & (place < len(side))
    found = np.where(there, side[np.clip(place, 0, len(side) - 1)], -1)
    return np.where(there & (says.relationship[found] == says.relationship[rows]), found, -1)


def cut_blocks(pairs: Pairs, width: int | None, *, within_conversation: bool = False) -> Ints:
    """The stratum of each pair: so many pairs in a row of one relationship, or all of them where width is None."""
    count = len(pairs)
    if not count:
        return np.zeros(0, np.int64)
    order = np.arange(count)
    home = pairs.relationship * (int(pairs.conversation.max()) + 1) + pairs.conversation
    home = home if within_conversation else pairs.relationship
    order = np.argsort(home, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(home[order]) != 0]))
    sizes = np.diff(np.append(starts, count))
    within = np.arange(count) - np.repeat(starts, sizes)
    block = within // (width or count)
    group = np.cumsum(np.concatenate([[True], (np.diff(home[order]) != 0) | (np.diff(block) != 0)])) - 1
    strata = np.empty(count, np.int64)
    strata[order] = group
    return strata
