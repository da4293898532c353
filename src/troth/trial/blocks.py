"""Accounts to pairs alike in trust held and size, and the lot that draws one of each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_ACCOUNTS: Final = 12
"""Six pairs: with fewer the smallest chance that the lot can show, 2 of 2^pairs, is above .05."""


def pair_accounts(level: Floats, size: Floats) -> Ints:
    """Accounts in pairs of neighbours: bands of size, and within each by level, up one band and down the next.

    Args:
        level: shape (accounts,), trust held.
        size: shape (accounts,), in any unit.

    Returns: shape (accounts,): the number of each one's block. An odd one out makes the last block one of three.
    Raises: InputError with fewer than LEAST_ACCOUNTS.
    """
    count = len(level)
    if count < LEAST_ACCOUNTS:
        raise InputError(
            f"too few accounts: {count} can take part, and {LEAST_ACCOUNTS} are needed. With fewer no difference "
            "could be told from chance."
        )
    by_size = np.lexsort((level, size))
    bands = np.array_split(by_size, max(round(np.sqrt(count / 4)), 1))
    walk = np.concatenate(
        [
            band[np.lexsort((size[band], level[band] if number % 2 == 0 else -level[band]))]
            for number, band in enumerate(bands)
        ]
    )
    block = np.empty(count, np.int64)
    block[walk] = np.minimum(np.arange(count) // 2, count // 2 - 1)
    return block


def draw_lot(block: Ints, rng: np.random.Generator) -> Bools:
    """Half of each block; one or two of three, by lot as well.

    Args:
        block: shape (accounts,), numbers from 0 on.

    Returns: shape (accounts,): whether it gets the practice.
    """
    counts = np.bincount(block)
    chosen = counts // 2 + (counts % 2) * rng.integers(0, 2, len(counts))
    return _deal(block, chosen, rng.random((1, len(block))))[0]


def deal_anew(treated: Bools, block: Ints, rng: np.random.Generator, *, deals: int) -> Bools:
    """Other lots that could have been drawn: within each block as many as there were.

    Returns: shape (deals, accounts).
    """
    return _deal(block, np.bincount(block, treated).astype(np.int64), rng.random((deals, len(block))))


def _deal(block: Ints, chosen: Ints, chance: Floats) -> Bools:
    order = np.argsort(block + chance, axis=1, kind="stable")  # every row has the blocks one after another
    counts = np.bincount(block)
    place = np.arange(len(block)) - np.repeat(np.cumsum(counts) - counts, counts)
    drawn = place < np.repeat(chosen, counts)
    dealt = np.empty(chance.shape, bool)
    np.put_along_axis(dealt, order, np.broadcast_to(drawn, chance.shape), axis=1)
    return dealt
