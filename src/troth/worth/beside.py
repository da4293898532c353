"""What is told beside the ratios: the doubly robust contrast, and money that came in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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

    def say(self) -> str:
        """Both, and whether they agree, in plain words."""
        one = self.contrast
        if not one.enough:
            return (
                f"No doubly robust contrast: above and below the median of trust, {LEAST_ENDS} deals won within "
                f"{self.days} days and {LEAST_ENDS} not, of {LEAST_ACCOUNTS} accounts, are needed each."
            )
        told = (
            f"Doubly robust: of {one.deals} deals, those with trust above the median were won within {self.days} days "
            f"{_points(one.difference)} often ({_share(one.low)} to {_share(one.high)}, 95 %). The hazards say "
            f"{_share(self.modelled)} ({_share(self.modelled_low)} to {_share(self.modelled_high)}): "
        )
        told += (
            "the two agree."
            if self.agrees
            else "the two disagree. One of the models is wrong here, and neither figure should be relied on."
        )
        if one.clipped > 0.1:
            told += f" Of {one.clipped:.0%} it was nearly sure on which side they would be: there is little to compare."
        return told

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

    def say(self) -> str:
        """Both ways in plain words, or what is missing."""
        inside, over = self.ratio("within accounts"), self.ratio("over accounts")
        if inside is None or over is None or not over.enough:
            months = 0 if over is None else over.months
            accounts = 0 if over is None else over.accounts
            return (
                f"Not enough to say of money that came in: months with a sum after an account's first: {months}, and "
                f"{LEAST_SUMS} are needed; accounts: {accounts}, and {LEAST_ACCOUNTS} are needed."
            )
        told = (
            f"Money by month ({self.source}s, {over.months} months with a sum, {over.accounts} accounts): over "
            f"accounts, {_ratio(over)} times as much for one standard deviation more trust before it, which may be "
            "that larger accounts trust more. "
        )
        if not inside.enough:
            return told + "Within accounts there is not enough to say."
        told += f"Each account against itself: {_ratio(inside)}"
        if inside.low <= 1.0 <= inside.high:
            return told + ", so no link can be told. This way leans to 1, since trust is known in part."
        return told + ". This way leans to 1, since trust is known in part."

    def list_rows(self) -> Iterator[dict[str, Any]]:
        """As rows of `Worth.list_rows`; `ends` are months with a sum."""
        for one in self.ratios:
            told = (one.ratio, one.low, one.high) if one.enough else (None, None, None)
            yield {"part": "revenue", "name": one.way, "lag_days": one.lag, "value": told[0], "low": told[1],
                   "high": told[2], "level": 0.95, "enough": one.enough, "ends": one.months, "accounts": one.accounts,
                   "currency": self.currency, "note": f"{self.source}s by month"}  # fmt: skip


def _points(value: float) -> str:
    return f"{_share(abs(value))} points {'more' if value >= 0 else 'less'}"


def _share(value: float) -> str:
    return f"{100 * value:.1f}"


def _ratio(one: RevenueRatio) -> str:
    return f"{one.ratio:.2f} ({one.low:.2f} to {one.high:.2f}, 95 %)"
