"""How long they waited: until our first answer, and until the next one of us took over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LEAST_WAITS: Final = 5
"""Fewer waits give no median: a convention."""
_DRAWS: Final = 400
_INTERVAL: Final = (0.1, 0.9)  # of the draws: an 80 % interval, as every other band


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Waits:
    """Waits of one kind, in no particular order; arrays of shape (n,)."""

    turn: Ints  # row of the turn that waited (first answers) or took over (hand-overs): its touch point counts
    since: Ints  # row of the turn from which the wait runs
    until: Ints  # row of the turn that ended it; -1 where nothing has


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """The median and the 90 % point of waits, each with an 80 % interval; None where too little is known."""

    waits: int
    ended: int
    median: float | None = None
    median_low: float | None = None
    median_high: float | None = None
    most: float | None = None
    most_low: float | None = None
    most_high: float | None = None


def find_first_answers(talk: Ints, is_us: Bools, is_asking: Bools) -> Waits:
    """From each turn of theirs that opened a conversation or asked, to our next turn in that conversation.

    Where several such turns wait for the same answer, the first counts alone.

    Args:
        talk: shape (n,), a number for each conversation, its turns one after the other in the order they were said.
        is_us: shape (n,), our side.
        is_asking: shape (n,), turns that ask something.
    """
    since: list[int] = []
    until: list[int] = []
    waiting = -1
    for row in range(len(talk)):
        is_first = row == 0 or talk[row] != talk[row - 1]
        if is_first:
            waiting = -1
        if is_us[row]:
            if waiting >= 0:
                until[waiting] = row
            waiting = -1
        elif waiting < 0 and (is_first or is_asking[row]):
            waiting = len(since)
            since.append(row)
            until.append(-1)
    rows = np.array(since, np.int64)
    return Waits(turn=rows, since=rows, until=np.array(until, np.int64))


def find_hand_overs(talk: Ints, is_us: Bools, speaker: Ints) -> Waits:
    """Each change of the speaker on our side within a conversation, from when the next one was waited for.

    That is the first turn of theirs after the one before had the last word; where there is none, that last word.
    """
    turn: list[int] = []
    since: list[int] = []
    last = waiting = -1
    for row in range(len(talk)):
        if row == 0 or talk[row] != talk[row - 1]:
            last = waiting = -1
        if not is_us[row]:
            waiting = row if waiting < 0 else waiting
            continue
        if last >= 0 and speaker[row] != speaker[last]:
            turn.append(row)
            since.append(waiting if waiting >= 0 else last)
        last, waiting = row, -1
    rows = np.array(turn, np.int64)
    return Waits(turn=rows, since=np.array(since, np.int64), until=rows)


def find_typical(hours: Floats, is_ended: Bools, home: Ints, *, seed: int = 0) -> Typical:
    """The median and 90 % point of waits of which some have not ended, by Kaplan and Meier.

    Args:
        hours: shape (n,), how long each lasted, or has lasted so far.
        is_ended: shape (n,).
        home: shape (n,), a number for each relationship: intervals are drawn by relationship, since the waits of one
            are alike. With one relationship there is no interval.
        seed: of the draws.

    Source: Kaplan and Meier (1958); bootstrap by cluster, 400 draws, 80 % percentile interval.
    Cost: one sort, and 400 passes over the waits.
    """
    counted = Typical(waits=len(hours), ended=int(is_ended.sum()))
    if counted.ended < LEAST_WAITS:
        return counted
    order = np.lexsort((~is_ended, hours))
    hours, is_ended = hours[order], is_ended[order]
    homes, place = np.unique(home[order], return_inverse=True)
    point = [_quantile(hours, is_ended, np.ones(len(hours)), share) for share in (0.5, 0.9)]
    low: list[float | None] = [None, None]
    high: list[float | None] = [None, None]
    if len(homes) > 1:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(len(homes), np.full(len(homes), 1.0 / len(homes)), size=_DRAWS)
        values = np.array(
            [[_quantile(hours, is_ended, weights[place], share) for share in (0.5, 0.9)] for weights in drawn]
        )
        ends = np.quantile(values, _INTERVAL, axis=0, method="inverted_cdf")
        low, high = ([_finite(value) for value in line] for line in ends.tolist())
    return Typical(
        waits=counted.waits, ended=counted.ended, median=_finite(point[0]), median_low=low[0], median_high=high[0],
        most=_finite(point[1]), most_low=low[1], most_high=high[1],
    )  # fmt: skip


def _finite(value: float) -> float | None:
    """None where the waits that have not ended are too many to say."""
    return value if np.isfinite(value) else None


def _quantile(hours: Floats, is_ended: Bools, weights: npt.NDArray[np.float64 | np.int64], share: float) -> float:
    """The time by which this share has ended; infinite where that is not known. `hours` rise, ended before open."""
    at_risk = np.cumsum(weights[::-1])[::-1]
    step = np.where(is_ended & (at_risk > 0), 1.0 - weights / np.maximum(at_risk, 1e-12), 1.0)
    left = np.cumprod(step)
    hit = np.flatnonzero(left <= 1.0 - share + 1e-12)
    return float(hours[hit[0]]) if len(hit) else float("inf")
