"""Other roads to the same question: within accounts, doubly robust, and money that came in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.worth.beside import Doubly, Revenue
from troth.worth.deals import DealBook
from troth.worth.facts import AccountFacts
from troth.worth.frozen import DAY_US, ScorePaths
from troth.worth.hazards import WON
from troth.worth.periods import Periods
from troth.worth.ratios import MAIN_LAG, WorthFit, fit_worth
from troth.worth.revenue import compare_revenue, gather_months
from troth.worth.robust import contrast_doubly
from troth.worth.timeline import Timeline
from troth.worthcourse import average_course, lay_out

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DOUBLY_DAYS: Final = 90
"""Days after opening within which a deal is won or not, for the doubly robust contrast."""
USUAL: Final = "usual trust of the account"

_VOLUME_DAYS: Final = 28
_DRAWN: Final = 100


def fit_within(book: DealBook, main: WorthFit, paths: ScorePaths, facts: AccountFacts) -> WorthFit:
    """The hazards with each account compared with itself: its usual trust is held fast (Mundlak 1978).

    Usual is what trust was on average when its deals so far were opened, this one too: later deals say nothing of it,
    since what was won before moves what is written after. Source: Mundlak 1978, Econometrica 46:69.
    """
    deals = book.deals
    trust = paths.freeze(book.relationships, deals.opened, days_before=main.lag).value
    order = np.lexsort((deals.opened, deals.account))
    whose = deals.account[order]
    begins = np.flatnonzero(np.concatenate([[True], whose[1:] != whose[:-1]])) if len(whose) else np.zeros(0, np.int64)
    many = np.diff(np.append(begins, len(whose)))
    summed = np.cumsum(trust[order])
    before = np.repeat(np.concatenate([[0.0], summed])[begins], many)
    nth = np.arange(len(whose)) - np.repeat(begins, many) + 1
    usual = np.empty(len(whose))
    usual[order] = (summed - before) / nth

    def with_usual(periods: Periods, lag: float) -> Mapping[str, Floats]:
        return {**facts.of_weeks(periods, lag), USUAL: usual[periods.deal]}

    return fit_worth(deals, book.relationships, paths, lag=main.lag, facts=with_usual, periods=main.periods)


def tell_doubly(
    book: DealBook, main: WorthFit, paths: ScorePaths, facts: AccountFacts, *, now: int, rng: np.random.Generator
) -> Doubly:
    """Deals won within DOUBLY_DAYS by whether trust was above the median, doubly robust and by the hazards.

    Deals that were opened that long ago, watched from their beginning, and of whose account something was known.
    """
    deals = book.deals
    frozen = paths.freeze(book.relationships, deals.opened, days_before=main.lag)
    asked = np.flatnonzero(
        frozen.known & (deals.opened + DOUBLY_DAYS * DAY_US <= now) & (deals.entered <= deals.opened)
    )
    trust = frozen.value[asked]
    above = trust > np.median(trust) if len(asked) else np.zeros(0, dtype=np.bool_)
    won = (deals.end[asked] == WON) & (deals.ended[asked] - deals.opened[asked] < DOUBLY_DAYS * DAY_US)
    named = facts.look_up(asked, deals.opened[asked], main.lag)
    _, account = np.unique(deals.account[asked], return_inverse=True)
    found = contrast_doubly(above, won, np.column_stack([*named.values()]), account.ravel(), rng)
    modelled, band = 0.0, (0.0, 0.0)
    if found.enough:
        drawn = main.fit.draw(_DRAWN, rng)
        design = lay_out(book, main, facts, -(-DOUBLY_DAYS // 7))
        sides = (float(trust[above].mean()), float(trust[~above].mean()))
        each = [_differ(design, main.at, sides, one) for one in (main.fit.coefficients, *drawn)]
        modelled, band = each[0], tuple(np.quantile(each[1:], [0.025, 0.975]).tolist())
    return Doubly(days=DOUBLY_DAYS, contrast=found, modelled=modelled, modelled_low=band[0], modelled_high=band[1])


def _differ(design: Floats, at: int, sides: tuple[float, float], coefficients: Floats) -> float:
    """The chance of being won by DOUBLY_DAYS at the one level of trust, less that at the other."""
    chances: list[float] = []
    for level in sides:
        design[..., at] = level
        chances.append(float(average_course(design, coefficients).won_by(float(DOUBLY_DAYS))))
    return chances[0] - chances[1]


def tell_revenue(
    outcomes: pa.Table, turns: pa.Table, paths: ScorePaths, *, as_of: dt.datetime, lag: float = MAIN_LAG
) -> Revenue:
    """What came in by month beside trust frozen `lag` days before it."""
    months = gather_months(outcomes, as_of=as_of)
    homes = pa.array(list(months.relationships), pa.string())
    written = turns.filter(pc.and_(pc.is_valid(turns["sent_at"]), pc.is_in(turns["relationship"], homes)))
    line = Timeline(
        pc.index_in(written["relationship"], homes).to_numpy().astype(np.int64),
        written["sent_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(),
    )

    def count_turns(account: Ints, start: Ints) -> Floats:
        frozen = start - int(lag * DAY_US)
        return line.count(account, frozen - _VOLUME_DAYS * DAY_US, frozen).astype(np.float64)

    return Revenue(
        ratios=compare_revenue(months, paths, lag=lag, turns_before=count_turns),
        source=months.source, months=len(months.account), accounts=len(months.relationships),
        currency=months.currency, left_out=months.left_out,
    )  # fmt: skip
