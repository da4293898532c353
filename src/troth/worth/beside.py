"""What is told beside the ratios: the doubly robust contrast, and money that came in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from troth.told import Told
from troth.worth.ratios import LEAST_ACCOUNTS, LEAST_ENDS
from troth.worth.revenue import LEAST_SUMS, RevenueRatio
from troth.worth.robust import Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubly:
    """How much likelier deals are won within `days` where trust before they opened was above the median.

    Attributes:
        contrast: doubly robust, from models of winning and of trusting.
        modelled: the same by the hazards, at the mean trust above and below the median; 95 % interval.
    """

    days: int
    contrast: Contrast
    modelled: float
    modelled_low: float
    modelled_high: float

    @property
    def agrees(self) -> bool:
        """Whether what the hazards say lies in the doubly robust interval."""
        return self.contrast.low <= self.modelled <= self.contrast.high

    def say(self) -> Told:
        """Both, and whether they agree, in plain words."""
        one = self.contrast
        if not one.enough:
            return Told(
                "No doubly robust contrast: above and below the median of trust, {least} deals won within {days} days "
                "and {least} not, of {accounts} accounts, are needed each.",
                least=LEAST_ENDS,
                days=self.days,
                accounts=LEAST_ACCOUNTS,
            )
        more = Told("{points:.1f} points more often", points=100 * one.difference)
        less = Told("{points:.1f} points less often", points=-100 * one.difference)
        disagree = Told("the two disagree. One of the models is wrong here, and neither figure should be relied on.")
        told = Told(
            "Doubly robust: of {deals} deals, those with trust above the median were won within {days} days "
            "{difference} ({low:.1f} to {high:.1f}, 95 %). The hazards say {model:.1f} ({model_low:.1f} to "
            "{model_high:.1f}): {verdict}",
            deals=one.deals,
            days=self.days,
            difference=more if one.difference >= 0 else less,
            low=100 * one.low,
            high=100 * one.high,
            model=100 * self.modelled,
            model_low=100 * self.modelled_low,
            model_high=100 * self.modelled_high,
            verdict=Told("the two agree.") if self.agrees else disagree,
        )
        if one.clipped <= 0.1:
            return told
        clipped = Told(
            "Of {share:.0%} it was nearly sure on which side they would be: there is little to compare.",
            share=one.clipped,
        )
        return Told("{first} {more}", first=told, more=clipped)

    def list_rows(self) -> Iterator[dict[str, Any]]:
        """As rows of `Worth.list_rows`: differences of chances, 0 for none."""
        one = self.contrast
        shared = {"part": "doubly robust", "end": "won", "days": self.days, "level": 0.95, "enough": one.enough,
                  "at_risk": one.deals, "accounts": one.accounts}  # fmt: skip
        figures = (
            ("above against below the median, doubly robust", one.difference, one.low, one.high),
            ("above against below the median, by the hazards", self.modelled, self.modelled_low, self.modelled_high),
        )
        for name, value, low, high in figures:
            told = (value, low, high) if one.enough else (None, None, None)
            note = ("agree" if self.agrees else "disagree") if one.enough else None
            yield {**shared, "name": name, "value": told[0], "low": told[1], "high": told[2], "note": note}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """How many times as much came in, in a month, with one standard deviation more trust before it.

    Attributes:
        ratios: over accounts and within accounts; none where nothing came in.
        source: "invoice" or "renewal".
        months, accounts: that were looked at.
        left_out: sums that could not be counted on.
    """

    ratios: tuple[RevenueRatio, ...]
    source: str
    months: int
    accounts: int
    currency: str | None
    left_out: int

    def ratio(self, way: str) -> RevenueRatio | None:
        """The ratio of one way, "over accounts" or "within accounts"."""
        return next((one for one in self.ratios if one.way == way), None)

    def say(self) -> Told:
        """Both ways in plain words, or what is missing."""
        inside, over = self.ratio("within accounts"), self.ratio("over accounts")
        if inside is None or over is None or not over.enough:
            return Told(
                "Not enough to say of money that came in: months with a sum after an account's first: {months}, and "
                "{least_sums} are needed; accounts: {accounts}, and {least_accounts} are needed.",
                months=0 if over is None else over.months,
                least_sums=LEAST_SUMS,
                accounts=0 if over is None else over.accounts,
                least_accounts=LEAST_ACCOUNTS,
            )
        told = Told(
            "Money by month ({sums}, {months} months with a sum, {accounts} accounts): over accounts, {ratio:.2f} "
            "({low:.2f} to {high:.2f}, 95 %) times as much for one standard deviation more trust before it, which may "
            "be that larger accounts trust more.",
            sums=Told(f"{self.source}s"), months=over.months, accounts=over.accounts,
            ratio=over.ratio, low=over.low, high=over.high,
        )  # fmt: skip
        return Told("{first} {more}", first=told, more=_tell_inside(inside))

    def list_rows(self) -> Iterator[dict[str, Any]]:
        """As rows of `Worth.list_rows`; `ends` are months with a sum."""
        for one in self.ratios:
            told = (one.ratio, one.low, one.high) if one.enough else (None, None, None)
            yield {"part": "revenue", "name": one.way, "lag_days": one.lag, "value": told[0], "low": told[1],
                   "high": told[2], "level": 0.95, "enough": one.enough, "ends": one.months, "accounts": one.accounts,
                   "currency": self.currency, "note": f"{self.source}s by month"}  # fmt: skip


def _tell_inside(one: RevenueRatio) -> Told:
    figures = {"ratio": one.ratio, "low": one.low, "high": one.high}
    if not one.enough:
        return Told("Within accounts there is not enough to say.")
    if one.low <= 1.0 <= one.high:
        return Told(
            "Each account against itself: {ratio:.2f} ({low:.2f} to {high:.2f}, 95 %), so no link can be told. This "
            "way leans to 1, since trust is known in part.",
            **figures,
        )
    return Told(
        "Each account against itself: {ratio:.2f} ({low:.2f} to {high:.2f}, 95 %). This way leans to 1, since trust "
        "is known in part.",
        **figures,
    )
