"""What else was known of a deal before each week, so that trust is not credited with it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.schema import OUTCOME_STEPS, conform
from troth.worth.deals import DealBook
from troth.worth.frozen import DAY_US
from troth.worth.hazards import WON
from troth.worth.periods import Periods
from troth.worth.timeline import Timeline

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ADJUSTMENT: Final = (
    "log amount",
    "amount not known",
    "turns before",
    "deals won before",
    "time known",
    "season, sine",
    "season, cosine",
)
"""What every ratio is adjusted for, declared here before anything is fitted.

The stage of a deal is not in it: trust may well be what moves a deal on, and what it moves must not be held fast.
"""

_VOLUME_DAYS: Final = 28
_YEAR_DAYS: Final = 365.25


class AccountFacts:
    """The adjustment of one firm's deals, ready to be asked for many weeks at once.

    Args:
        book: the deals; relationships are its accounts.
        turns: columns relationship and sent_at, of turns that people wrote.
        steps: OUTCOME_STEPS; an amount counts from the step on that states it. An amount without a step may have been
            written down when the deal closed, so it counts as not known.
    """

    def __init__(self, book: DealBook, *, turns: pa.Table, steps: object) -> None:
        deals = book.deals
        self._account = deals.account
        number = dict(zip(book.relationships, deals.account.tolist(), strict=True))  # in the order of first deals
        homes = pa.array(list(number), pa.string())
        written = turns.filter(pc.and_(pc.is_valid(turns["sent_at"]), pc.is_in(turns["relationship"], homes)))
        home = np.array(list(number.values()), dtype=np.int64)[_place(written["relationship"], homes)]
        sent = _times(written, "sent_at")
        self._turns = Timeline(home, sent)
        self._since = np.full(max(number.values(), default=-1) + 1, np.iinfo(np.int64).max)
        np.minimum.at(self._since, home, sent)
        np.minimum.at(self._since, deals.account, deals.opened)
        won = deals.end == WON
        self._wins = Timeline(deals.account[won], deals.ended[won])
        self._amounts, self._amount = _list_amounts(book, steps)

    def of_weeks(self, periods: Periods, lag: float) -> dict[str, Floats]:
        """The facts before each week; `lag` as in `look_up`."""
        return self.look_up(periods.deal, periods.start, lag)

    def look_up(self, deal: Ints, moments: Ints, lag: float) -> dict[str, Floats]:
        """The facts of deals before moments, by the names in ADJUSTMENT.

        What trust itself can bring about (turns, deals won) is counted up to `lag` days before, when trust is frozen.
        """
        account, frozen = self._account[deal], moments - int(max(lag, 0.0) * DAY_US)
        step = self._amounts.find_last(deal, moments + 1)
        amount = np.where(step >= 0, self._amount[step], 0.0) if len(self._amount) else np.zeros(len(deal))
        turns = self._turns.count(account, frozen - _VOLUME_DAYS * DAY_US, frozen)
        wins = self._wins.count_before(account, frozen)
        angle = moments / DAY_US / _YEAR_DAYS * 2 * math.pi
        values = (
            np.log1p(amount),
            (step < 0).astype(np.float64),
            np.log1p(turns),
            np.log1p(wins),
            np.log1p(np.maximum(frozen - self._since[account], 0) / DAY_US),
            np.sin(angle),
            np.cos(angle),
        )
        return dict(zip(ADJUSTMENT, values, strict=True))


def _list_amounts(book: DealBook, steps: object) -> tuple[Timeline, Floats]:
    """Amounts by deal and time, in the order of the timeline; those in another currency are not known."""
    priced = np.flatnonzero(~np.isnan(book.amounts))
    names = pa.array([book.ids[at] for at in priced.tolist()], pa.string())
    table = conform(steps, OUTCOME_STEPS)
    stated = table.filter(
        pc.and_(
            pc.is_in(table["outcome_id"], names),
            pc.fill_null(pc.greater_equal(table["amount"], 0.0), fill_value=False),
        )
    )
    line = Timeline(priced[_place(stated["outcome_id"], names)], _times(stated, "at"))
    return line, stated["amount"].to_numpy()[line.order]


def _place(column: pa.ChunkedArray, values: pa.Array) -> Ints:
    """Where each cell, all of which are among the values, stands among them."""
    return pc.index_in(column, values).to_numpy().astype(np.int64)


def _times(table: pa.Table, name: str) -> Ints:
    return table[name].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
