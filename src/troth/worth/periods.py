"""Deals cut into weeks: one row for each week that a deal was open and watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEEK_US: Final = 7 * 24 * 3600 * 1_000_000

MOST_OPEN: Final = 1 << 17
"""Weeks in which nothing ended, from which on some of them are enough."""

_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Deals:
    """Deals as arrays, all of shape (deals,); times in microseconds since 1970, UTC.

    Attributes:
        opened: when each began.
        ended: when it was won or lost; for open ones, until when it was watched.
        end: 0 still open, 1 won, 2 lost.
        account: number of the account, 0, 1, 2, ...
        entered: from when on it was watched; a week before that says nothing, since a deal that had ended in it
            would not be here (delayed entry).
    """

    opened: Ints
    ended: Ints
    end: Ints
    account: Ints
    entered: Ints

    def __post_init__(self) -> None:
        sizes = {len(of) for of in (self.opened, self.ended, self.end, self.account, self.entered)}
        if len(sizes) != 1:
            raise InputError("the columns of the deals differ in length.")
        if (self.ended < self.opened).any():
            raise InputError("a deal ends before it begins; such deals are to be listed and left out before.")

    def __len__(self) -> int:
        """How many deals there are."""
        return len(self.opened)

    def take(self, chosen: NDArray[np.bool_] | Ints) -> Deals:
        """Some of the deals."""
        return Deals(
            opened=self.opened[chosen],
            ended=self.ended[chosen],
            end=self.end[chosen],
            account=self.account[chosen],
            entered=self.entered[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Person-period rows, in the order of deals and then of weeks; every array has shape (rows,).

    Attributes:
        deal: which deal.
        week: full weeks since it began, 0 for its first.
        start: when the week begins, microseconds since 1970.
        event: how the week ends: 0 open, 1 won, 2 lost.
        account: of the deal.
        open_share: share of the weeks in which nothing ended that are here; those that brought an end all are.
    """

    deal: Ints
    week: Ints
    start: Ints
    event: Ints
    account: Ints
    open_share: float = 1.0

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.deal)


def cut_weeks(deals: Deals) -> Periods:
    """Every week in which a deal was open and watched from beginning to end, and the one in which it ended.

    A week that is not over when the watching ends is left out: it could still bring the end. Linear in the rows made.
    """
    last = (deals.ended - deals.opened) // WEEK_US  # the week in which it ended, or was last seen
    last = last - (deals.end == 0)  # the last week of an open deal is not over
    late = np.maximum(deals.entered - deals.opened, 0)
    first = -(-late // WEEK_US)  # the first that was watched whole
    # A deal that ended in the very week in which watching began was not at risk for the whole of it.
    weeks = np.maximum(last - first + 1, 0)
    deal = np.repeat(np.arange(len(deals)), weeks)
    begins = np.concatenate([[0], np.cumsum(weeks)[:-1]]) if len(deals) else np.zeros(0, dtype=np.int64)
    week = np.arange(int(weeks.sum())) - np.repeat(begins, weeks) + np.repeat(first, weeks)
    is_last = week == last[deal]
    return Periods(
        deal=deal,
        week=week,
        start=deals.opened[deal] + week * WEEK_US,
        event=np.where(is_last, deals.end[deal], 0),
        account=deals.account[deal],
    )


def thin_weeks(periods: Periods, *, most_open: int = MOST_OPEN) -> Periods:
    """Every week that brought an end, and of the others as many as carry what there is to learn, evenly spread.

    At least two for each end, so that little is lost; all where they are few. Taking fewer of them moves the
    intercepts of the hazards by the log of their share and nothing else (Prentice & Pyke 1979, Biometrika 66:403).
    """
    quiet = periods.event == 0
    count = int(quiet.sum())
    wanted = max(most_open, 2 * (len(periods) - count))
    if count <= wanted:
        return periods
    share = wanted / count
    kept = ~quiet | ((np.cumsum(quiet) * _GOLDEN) % 1.0 < share)
    return Periods(
        deal=periods.deal[kept],
        week=periods.week[kept],
        start=periods.start[kept],
        event=periods.event[kept],
        account=periods.account[kept],
        open_share=share,
    )
