"""What half a standard deviation more trust goes with in money, for deals that are open now.

g-computation: every open deal's chance of being won within the horizon, at its trust as it is and at half a standard
deviation more, times its amount; over draws of coefficients and of where trust really stands. It says what goes with
trust under the model's assumptions, never what a higher score would bring (MEASUREMENT.md section 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.worth.ratios import WorthFit

Floats = NDArray[np.float64]

STEP: Final = 0.5
"""Standard deviations of trust that the two worlds differ by."""
HORIZON_DAYS: Final = 180
DRAWS: Final = 1000

_WEEK_DAYS: Final = 7
_MOST_ODDS: Final = 300.0  # in logs: what could not be told from sure
_MOST_DRAWN: Final = 200_000  # draws of single deals: with very many deals a sum settles in fewer draws
_LEAST_DRAWS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDeals:
    """Deals that are open now; every array has shape (deals,) but `facts`.

    Attributes:
        weeks: full weeks since each was opened.
        trust, trust_sd: of its account as known now, in prior standard deviations, and how sure that is.
        facts: shape (deals, facts): the adjustment of today, in the order of the fit's columns, not standardised.
        amounts: in the book's currency.
    """

    weeks: NDArray[np.int64]
    trust: Floats
    trust_sd: Floats
    facts: Floats
    amounts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A sum of money that goes with more trust, with its uncertainty.

    Attributes:
        median: of the draws.
        low80, high80, low95, high95: ends of the intervals.
        chance: share of the draws above zero.
    """

    median: float
    low80: float
    high80: float
    low95: float
    high95: float
    chance: float

    @property
    def is_told(self) -> bool:
        """Whether a figure may be printed: the 80 % interval leaves zero out."""
        return self.low80 > 0.0 or self.high80 < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """For each open deal and for all of them together."""

    deals: tuple[Money, ...]
    total: Money


def price_deals(
    fitted: WorthFit,
    deals: OpenDeals,
    rng: np.random.Generator,
    *,
    step: float = STEP,
    horizon_days: int = HORIZON_DAYS,
    draws: int = DRAWS,
) -> Prices:
    """What `step` standard deviations more trust go with over the horizon, per deal and in sum.

    Cost: draws x deals x weeks of the horizon.
    """
    weeks = -(-horizon_days // _WEEK_DAYS)
    draws = int(np.clip(_MOST_DRAWN // max(len(deals.weeks), 1), min(_LEAST_DRAWS, draws), draws))
    share = np.ones(weeks)
    share[-1] -= weeks - horizon_days / _WEEK_DAYS  # of the last week, what lies within the horizon
    ages = deals.weeks[:, None] + np.arange(weeks)
    facts = (deals.facts - fitted.centres) / fitted.scales
    every = np.arange(int(ages.max(initial=0)) + 1)
    aged = fitted.baseline.expand(every.astype(np.float64))
    at = fitted.at
    gains = np.zeros((draws, len(deals.weeks)))
    for drawn, coefficients in enumerate(fitted.fit.draw(draws, rng)):
        trust = deals.trust + deals.trust_sd * rng.standard_normal(len(deals.trust))
        # Odds are products of what age, facts and trust make them: only these are raised to powers.
        by_age = np.exp(np.clip(aged @ coefficients[:, :at].T, -_MOST_ODDS, _MOST_ODDS))[ages]
        lasting = facts @ coefficients[:, at + 1 :].T
        chances: list[Floats] = []
        for more in (0.0, step):
            odds = np.exp(np.clip(lasting + (trust + more)[:, None] * coefficients[:, at], -_MOST_ODDS, _MOST_ODDS))
            won, lost = by_age[..., 0] * odds[:, :1], by_age[..., 1] * odds[:, 1:]
            stays = 1.0 / (1.0 + won + lost)
            won *= stays
            still = np.cumprod(stays, axis=1)
            chances.append(won[:, 0] * share[0] + (won[:, 1:] * still[:, :-1]) @ share[1:])
        gains[drawn] = (chances[1] - chances[0]) * deals.amounts
    total = _sum_up(gains.sum(axis=1, keepdims=True))[0]
    return Prices(deals=_sum_up(gains), total=total)


def _sum_up(gains: Floats) -> tuple[Money, ...]:
    """Draws of sums, shape (draws, sums), as intervals."""
    ends = np.quantile(gains, [0.5, 0.1, 0.9, 0.025, 0.975], axis=0)
    names = ("median", "low80", "high80", "low95", "high95")
    return tuple(
        Money(**dict(zip(names, of.tolist(), strict=True)), chance=float(chance))
        for of, chance in zip(ends.T, (gains > 0).mean(axis=0), strict=True)
    )
