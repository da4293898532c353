"""Money that goes with trust: against counting made-up deals, and silent where it cannot be told."""

from __future__ import annotations

import numpy as np
import pytest

from troth.worth.baseline import Baseline
from troth.worth.hazards import HazardFit, hazards
from troth.worth.money import Money, OpenDeals, price_deals
from troth.worth.periods import Deals, cut_weeks
from troth.worth.ratios import WorthFit
from troth.worth.survivors import Unseen

NONE = np.zeros(0, dtype=np.int64)
PERIODS = cut_weeks(Deals(opened=NONE, ended=NONE, end=NONE, account=NONE, entered=NONE))


def fitted(effect: float, *, error: float) -> WorthFit:
    """A fit that is sure of everything but the effect of trust on winning."""
    coefficients = np.array([[-3.0, 0.0, effect, 0.2], [-3.5, 0.0, 0.0, 0.0]])
    covariance = np.zeros((8, 8))
    covariance[2, 2] = error**2
    return WorthFit(
        lag=28.0,
        fit=HazardFit(
            coefficients=coefficients, covariance=covariance, plain=covariance, log_likelihood=0.0, rows=1, clusters=9,
            events=(20, 20),
        ),
        baseline=Baseline(knots=()),
        columns=("age 0", "age 1", "trust", "size"),
        ends=(20, 20),
        periods=PERIODS,
        trust=np.zeros(0),
        known=np.zeros(0, dtype=np.bool_),
        unseen=Unseen(var=0.0, keep=0.0),
        thinned=coefficients,
        centres=np.array([2.0]),
        scales=np.array([4.0]),
    )  # fmt: skip


def open_deals(count: int, *, sd: float = 0.0) -> OpenDeals:
    return OpenDeals(
        weeks=np.arange(count),
        trust=np.linspace(-1, 1, count),
        trust_sd=np.full(count, sd),
        facts=np.full((count, 1), 6.0),
        amounts=np.full(count, 1000.0),
    )


def test_a_sure_effect_is_worth_what_counting_deals_gives():
    fit, deals = fitted(0.8, error=0.0), open_deals(2)
    prices = price_deals(fit, deals, np.random.default_rng(0), draws=4, horizon_days=70)
    rng = np.random.default_rng(1)
    for deal, money in enumerate(prices.deals):
        won: list[float] = []
        for more in (0.0, 0.5):
            row = np.array([1.0, 0.0, deals.trust[deal] + more, 1.0])
            chance = hazards(row, fit.fit.coefficients)
            ends = rng.choice(3, p=chance, size=(200_000, 10))
            first = np.argmax(ends > 0, axis=1)
            won.append(float((ends[np.arange(len(ends)), first] == 1).mean()))
        assert money.median == pytest.approx(1000 * (won[1] - won[0]), abs=6)
        assert money.low95 == pytest.approx(money.high95)
    assert prices.total.median == pytest.approx(sum(money.median for money in prices.deals))


def test_an_effect_that_may_be_none_is_not_told_in_money():
    sure = price_deals(fitted(0.8, error=0.1), open_deals(5, sd=0.3), np.random.default_rng(0), draws=400).total
    open_ = price_deals(fitted(0.1, error=0.4), open_deals(5, sd=0.3), np.random.default_rng(0), draws=400).total
    assert sure.is_told
    assert sure.chance == 1.0
    assert sure.low95 < sure.low80 < sure.median < sure.high80 < sure.high95
    assert not open_.is_told
    assert open_.low80 < 0 < open_.high80
    assert Money(median=-2.0, low80=-3.0, high80=-1.0, low95=-4.0, high95=0.5, chance=0.03).is_told


def test_unsure_trust_widens_the_interval():
    widths = [
        (
            total := price_deals(
                fitted(0.8, error=0.0), open_deals(1, sd=sd), np.random.default_rng(0), draws=400
            ).total
        ).high80
        - total.low80
        for sd in (0.0, 1.0)
    ]
    assert widths[0] == pytest.approx(0.0)
    assert widths[1] > 1.0
