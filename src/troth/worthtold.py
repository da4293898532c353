"""What goes with trust in deals, as it is told: in words, rows and pictures, or that there is not enough to say."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from troth.errors import InputError
from troth.told import Told
from troth.worth.beside import Doubly, Revenue
from troth.worth.deals import DealBook, LeftOut
from troth.worth.money import HORIZON_DAYS, STEP, Money
from troth.worth.ratios import (
    LEAST_ACCOUNTS,
    LEAST_ENDS,
    MAIN_LAG,
    Ratio,
    e_value,
    e_value_of_interval,
)

if TYPE_CHECKING:
    from troth.charts import Chart, Theme

Floats = NDArray[np.float64]
Kind = Literal["deal", "renewal"]
Picture = Literal["incidence", "freeze", "forest"]

LEVELS: Final = {"low": 0.1, "typical": 0.5, "high": 0.9}
"""Quantiles of the trust that was met in these weeks: nothing is said of levels that nobody had."""
COLUMNS: Final = (
    "part", "name", "end", "lag_days", "trust", "days", "value", "low", "high", "level", "enough", "ends", "accounts",
    "at_risk", "e_value", "e_value_of_interval", "currency", "note",
)  # fmt: skip
"""Of `Worth.list_rows`. `level` is the share of an interval; a value is null where there is not enough to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A ratio that says something of the others, not of trust."""

    name: str
    ratio: Ratio
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """How likely deals end so within some days of opening.

    Attributes:
        trust: "all" counts the deals as they are; "low", "typical", "high" hold trust at that level (LEVELS).
        low, high: ends of the 80 % band.
        at_risk: deals that were still open and watched at the end of that time.
    """

    end: str
    trust: str
    days: int
    chance: float
    low: float
    high: float
    at_risk: int
    enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeToWin:
    """Restricted mean time to win: mean days not won, deals not won within `days` counted as `days`; 80 % band."""

    trust: str
    days: int
    mean: float
    low: float
    high: float
    at_risk: int
    enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWorth:
    """Money that goes with half a standard deviation more trust, over the open deals that state an amount.

    Attributes:
        ids, relationships, deals: of each open deal.
        total: of all of them.
        unpriced: open deals without an amount in `currency`.
    """

    currency: str
    ids: tuple[str, ...]
    relationships: tuple[str, ...]
    deals: tuple[Money, ...]
    total: Money
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What goes with trust in one book, for deals or for renewals (of which a lost one is churn).

    Attributes:
        book: the deals it stands on, and what was left out.
        weeks: weeks of deals that were watched.
        won, lost: deals that ended so within them.
        known: deals of whose account something had been read by some week.
        accounts: accounts with a deal.
        adjustment: facts that every ratio is adjusted for.
        curve: ratios at every lag, for won and lost.
        within: the same at the one lag that is told, with each account against its own usual trust.
        chances, times, money: None where nothing can be said.
        doubly: above against below the median of trust by two more models; None where no deal was watched.
        revenue: money that came in, by month.
        notes: what else a reader should know.
    """

    kind: Kind
    score: str
    as_of: dt.datetime
    book: DealBook
    weeks: int
    won: int
    lost: int
    known: int
    accounts: int
    adjustment: tuple[str, ...]
    curve: tuple[Ratio, ...]
    within: tuple[Ratio, ...]
    controls: tuple[Control, ...]
    chances: tuple[Chance, ...]
    times: tuple[TimeToWin, ...]
    money: OpenWorth | None
    doubly: Doubly | None
    revenue: Revenue
    notes: tuple[str, ...]

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Outcomes that no figure rests on, each with its reason."""
        return self.book.left_out

    @property
    def share(self) -> float:
        """Share of the outcomes seen on which figures rest."""
        return self.book.share

    @property
    def reasons(self) -> Counter[str]:
        """How many were left out for each reason."""
        return Counter(one.reason for one in self.left_out)

    def ratio(self, end: str, lag: float = MAIN_LAG) -> Ratio | None:
        """The ratio of one end at one lag."""
        return next((one for one in self.curve if one.end == end and one.lag == lag), None)

    @property
    def is_sound(self) -> bool:
        """Whether another account's trust goes with nothing here, as it must."""
        swapped = [one.ratio for one in self.controls if one.name == "another account's trust"]
        return all(one.low <= 1.0 <= one.high for one in swapped)

    @property
    def tells_money(self) -> bool:
        """Whether a sum may be printed: enough deals were won, the 80 % interval leaves zero out, the control holds."""
        won = self.ratio("won")
        return self.money is not None and won is not None and won.enough and self.is_sound and self.money.total.is_told

    def say(self) -> Told:
        """The main finding in one sentence."""
        is_deal = self.kind == "deal"
        won = self.ratio("won")
        if won is None or not won.enough:
            ends, accounts = (0, 0) if won is None else (won.ends, won.accounts)
            return Told(
                "Not enough to say what goes with trust. {things} won where something was known of the account "
                "{days:.0f} days before: {ends}, and {least_ends} are needed; such accounts: {accounts}, and "
                "{least_accounts} are needed.",
                things=Told("Deals" if is_deal else "Renewals"), days=MAIN_LAG, ends=ends, least_ends=LEAST_ENDS,
                accounts=accounts, least_accounts=LEAST_ACCOUNTS,
            )  # fmt: skip
        found: Mapping[str, object] = {
            "one": Told("one of the deals") if is_deal else Told("one of the renewals"),
            "ratio": won.ratio, "low": won.low, "high": won.high, "days": won.lag,
        }  # fmt: skip
        if won.low <= 1.0 <= won.high:
            return Told(
                "No link can be told: the odds that {one} is won in a week are {ratio:.2f} times as high where trust "
                "was one standard deviation higher {days:.0f} days before, and the 95 % interval ({low:.2f} to "
                "{high:.2f}) holds 1.",
                **found,
            )
        if won.ratio > 1:
            return Told(
                "Higher trust {days:.0f} days before goes with higher odds that {one} is won in a week: {ratio:.2f} "
                "times ({low:.2f} to {high:.2f}, 95 %) for one standard deviation.",
                **found,
            )
        return Told(
            "Higher trust {days:.0f} days before goes with lower odds that {one} is won in a week: {ratio:.2f} times "
            "({low:.2f} to {high:.2f}, 95 %) for one standard deviation.",
            **found,
        )

    def say_within(self) -> Told:
        """What each account against itself says."""
        won = next((one for one in self.within if one.end == "won"), None)
        if won is None or not won.enough:
            return Told("Not enough to say of accounts against themselves.")
        if won.low <= 1.0 <= won.high:
            return Told(
                "Each account against its own usual trust: {ratio:.2f} times ({low:.2f} to {high:.2f}, 95 %), which "
                "tells no link.",
                ratio=won.ratio,
                low=won.low,
                high=won.high,
            )
        return Told(
            "Each account against its own usual trust: {ratio:.2f} times ({low:.2f} to {high:.2f}, 95 %).",
            ratio=won.ratio,
            low=won.low,
            high=won.high,
        )

    def say_money(self) -> Told:
        """What goes with more trust in money, and under which assumption; or why no sum is told."""
        if self.money is None:
            return Told("No sum of money: no open deal with an amount, or nothing to learn from.")
        if not self.tells_money:
            won = self.ratio("won")
            if won is None or not won.enough:
                return Told("No sum of money is told: there is not enough to say.")
            if not self.is_sound:
                return Told(
                    "No sum of money is told: another account's trust goes with winning too, which shows that "
                    "something else is at work."
                )
            return Told("No sum of money is told: the 80 % interval holds zero.")
        total = self.money.total
        low, high = sorted((abs(total.low80), abs(total.high80)))
        more = Told("{sum:,.0f} {currency} more", sum=abs(total.median), currency=self.money.currency)
        less = Told("{sum:,.0f} {currency} less", sum=abs(total.median), currency=self.money.currency)
        return Told(
            "Among the open deals, half a standard deviation more trust goes with about {sum} won within {days} days "
            "(80 % interval {low:,.0f} to {high:,.0f}; above zero with probability {chance:.2f}). This assumes that "
            "deals of more and less trusting customers differ in nothing else that matters but the facts adjusted for. "
            "It is no promise that raising a score brings it: only a trial can show that.",
            sum=more if total.median > 0 else less, days=HORIZON_DAYS, low=low, high=high, chance=total.chance,
        )  # fmt: skip

    def list_rows(self) -> list[dict[str, Any]]:
        """Everything as rows with COLUMNS, for tables, CSV and JSON lines."""
        made: list[dict[str, Any]] = [*self._list_basis(), *self._list_ratios(), *self._list_chances()]
        made += self._list_money()
        made += [] if self.doubly is None else self.doubly.list_rows()
        made += self.revenue.list_rows()
        also = [self.say_within(), *([] if self.doubly is None else [self.doubly.say()]), self.revenue.say()]
        made += [{"part": "note", "note": note} for note in (self.say(), self.say_money(), *also, *self.notes)]
        return [dict.fromkeys(COLUMNS) | row for row in made]

    def chart(
        self, picture: Picture = "incidence", *, theme: Theme = "light", say: Callable[[str], str] = str
    ) -> Chart:
        """One picture: "incidence" by trust with bands, the "freeze" curve, or the "forest" of ratios and controls.

        Raises: InputError when there is nothing to draw, or the charts extra is not installed.
        """
        from troth.charts import draw_forest, draw_freeze, draw_incidence  # noqa: PLC0415 - needs an extra

        made: Mapping[str, Callable[..., Chart]] = {
            "incidence": draw_incidence,
            "freeze": draw_freeze,
            "forest": draw_forest,
        }
        if picture not in made:
            raise InputError(f"there is no picture {picture!r}; there are {', '.join(made)}.")
        return made[picture](self.list_rows(), theme=theme, say=say)

    def _list_basis(self) -> Iterator[dict[str, Any]]:
        counts = {
            "outcomes seen": self.book.seen,
            "counted on": len(self.book.ids),
            "share counted on": self.share,
            "accounts": self.accounts,
            "won": self.won,
            "lost": self.lost,
            "open": len(self.book.ids) - self.won - self.lost,
            "weeks watched": self.weeks,
            "with trust known": self.known,
        }
        for name, value in counts.items():
            yield {"part": "basis", "name": name, "value": float(value)}
        for one in self.left_out:
            yield {"part": "left out", "name": one.outcome_id, "note": one.reason}
        for name in self.adjustment:
            yield {"part": "adjusted for", "name": name}

    def _list_ratios(self) -> Iterator[dict[str, Any]]:
        named = [("frozen trust", one, "") for one in self.curve]
        named += [("within accounts", one, "each account against its own usual trust") for one in self.within]
        named += [(one.name, one.ratio, one.says) for one in self.controls]
        parts = {"frozen trust": "ratio", "within accounts": "within"}
        for name, one, says in named:
            is_main = name == "frozen trust"
            yield {
                "part": parts.get(name, "control"),
                "name": name, "end": one.end, "lag_days": one.lag,
                "value": one.ratio if one.enough else None,
                "low": one.low if one.enough else None,
                "high": one.high if one.enough else None,
                "level": 0.95, "enough": one.enough, "ends": one.ends, "accounts": one.accounts,
                "e_value": e_value(one.ratio) if is_main and one.enough else None,
                "e_value_of_interval": e_value_of_interval(one) if is_main and one.enough else None,
                "note": says or None,
            }  # fmt: skip

    def _list_chances(self) -> Iterator[dict[str, Any]]:
        for one in self.chances:
            told = (one.chance, one.low, one.high) if one.enough else (None, None, None)
            yield {"part": "chance", "name": f"{one.end} by day {one.days}", "end": one.end, "trust": one.trust,
                   "days": one.days, "value": told[0], "low": told[1], "high": told[2], "level": 0.8,
                   "enough": one.enough, "at_risk": one.at_risk}  # fmt: skip
        for one in self.times:
            told = (one.mean, one.low, one.high) if one.enough else (None, None, None)
            yield {"part": "days to win", "name": f"mean days to win, at most {one.days}", "end": "won",
                   "trust": one.trust, "days": one.days, "value": told[0], "low": told[1], "high": told[2],
                   "level": 0.8, "enough": one.enough, "at_risk": one.at_risk}  # fmt: skip

    def _list_money(self) -> Iterator[dict[str, Any]]:
        if self.money is None or not self.tells_money:
            return
        named = [("all open deals", self.money.total), *zip(self.money.ids, self.money.deals, strict=True)]
        for name, one in named:
            if one.is_told:
                yield {"part": "money", "name": name, "days": HORIZON_DAYS, "value": one.median, "low": one.low80,
                       "high": one.high80, "level": 0.8, "enough": True, "currency": self.money.currency,
                       "note": f"goes with {STEP} standard deviations more trust"}  # fmt: skip
