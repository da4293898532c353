"""What goes with trust in money that came in: invoices of an account and month, over accounts and within each.

The sum of a month is compared with trust as it was known some days before the month began. Over accounts, those that
trust more may also be larger; within accounts, each is compared with itself alone. Months from the second on after an
account's first sum count: the first is what made it a customer. Source: MEASUREMENT.md section 6; `counts`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.errors import InputError
from troth.schema import OUTCOMES, conform
from troth.worth.counts import fit_counts
from troth.worth.frozen import ScorePaths
from troth.worth.ratios import LEAST_ACCOUNTS, MAIN_LAG

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_SUMS: Final = 30
"""Months with a sum, from which a ratio is told."""
WAYS: Final = ("over accounts", "within accounts")

_PRIOR_SD: Final = 2.5
_FACT_SD: Final = 1.0
_BASE_SD: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """One row for each month of each account; every array has shape (rows,).

    Attributes:
        account: number of the account, in the order of `relationships`.
        start: when the month begins, microseconds since 1970, UTC.
        age: full months since the account's first sum, from 1 on.
        amount: what was invoiced in the month, in `currency`; 0 where nothing was.
        source: "invoice", or "renewal" where a book holds no invoices.
        left_out: how many sums could not be counted on or are in another currency.
    """

    relationships: Sequence[str]
    account: Ints
    start: Ints
    age: Ints
    amount: Floats
    currency: str | None
    source: str
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueRatio:
    """How many times as much came in, in a month, with one standard deviation more trust before it; 95 % interval.

    `enough` says whether there were months and accounts enough to say so; where not, the figures mean nothing.
    """

    way: str
    lag: float
    ratio: float
    low: float
    high: float
    months: int  # with a sum
    accounts: int
    enough: bool


def gather_months(outcomes: object, *, as_of: dt.datetime) -> Months:
    """Invoices by account and calendar month up to the last month that is over; renewals won where there are none.

    An invoice counts in the month in which it was issued, unless it was lost (refunded or written off); a renewal in
    the month in which it was won. Amounts below zero, and in another currency than most, are left out and counted.

    Raises: MissingColumns, BadColumn when it is no table of outcomes.
    """
    table = conform(outcomes, OUTCOMES)
    rows = table.filter(pc.is_in(table["kind"], pa.array(["invoice", "renewal"]))).to_pylist()
    invoices = [row for row in rows if row["kind"] == "invoice" and row["opened_at"] < as_of and row["state"] != "lost"]
    renewals = [row for row in rows if row["kind"] == "renewal" and row["state"] == "won"]
    source, sums = ("invoice", invoices) if invoices else ("renewal", renewals)
    when = "opened_at" if invoices else "closed_at"
    stated = [row for row in sums if row["amount"] is not None and row[when] is not None and row["relationship"]]
    currencies = [row["currency"] for row in stated if row["currency"]]
    currency = max(sorted(set(currencies)), key=currencies.count, default=None)
    good = [row for row in stated if row["currency"] == currency and row["amount"] >= 0 and row[when] < as_of]
    number = {name: at for at, name in enumerate(dict.fromkeys(row["relationship"] for row in good))}
    account = np.array([number[row["relationship"]] for row in good], dtype=np.int64)
    month = np.array([12 * row[when].year + row[when].month - 1 for row in good], dtype=np.int64)
    end = 12 * as_of.year + as_of.month - 1  # the month that is not over
    first = np.full(len(number), end)
    np.minimum.at(first, account, month)
    many = np.maximum(end - first - 1, 0)
    home = np.repeat(np.arange(len(number)), many)
    begins = np.cumsum(many) - many
    age = np.arange(len(home)) - begins[home] + 1
    amount = np.zeros(len(home))
    later = (month > first[account]) & (month < end)
    at = begins[account[later]] + month[later] - first[account[later]] - 1
    np.add.at(amount, at, np.array([row["amount"] for row in good], dtype=np.float64)[later])
    return Months(
        relationships=list(number),
        account=home,
        start=_month_starts(first[home] + age),
        age=age,
        amount=amount,
        currency=currency,
        source=source,
        left_out=len(sums) - len(good),
    )


def compare_revenue(
    months: Months,
    paths: ScorePaths,
    *,
    lag: float = MAIN_LAG,
    turns_before: Callable[[Ints, Ints], Floats] | None = None,
) -> tuple[RevenueRatio, ...]:
    """The ratio in each of WAYS, with trust frozen `lag` days before each month; nothing where there is no month.

    Months before which nothing was known of the account are left out. Adjusted for the age of the account, the time
    that passes, season and `turns_before`: turns by account and moment in the weeks before trust was frozen.

    Cost: linear in the months.
    """
    frozen = paths.freeze(months.relationships, months.start, days_before=lag, whose=months.account)
    rows = frozen.known
    if not rows.any():
        return ()
    start, account = months.start[rows], months.account[rows]
    years = start / (365.25 * 86_400e6)
    facts = [np.log(months.age[rows]), years, np.sin(2 * math.pi * years), np.cos(2 * math.pi * years)]
    if turns_before is not None:
        facts.append(np.log1p(turns_before(account, start)))
    raw = np.column_stack(facts)
    scales = raw.std(axis=0)
    raw = (raw - raw.mean(axis=0)) / np.where(scales > 0, scales, 1.0)
    y = months.amount[rows]
    if y.any():
        y = y / (np.square(y).sum() / y.sum())  # in units of its own spread, so that priors mean something
    trust = frozen.value[rows][:, None]
    told = np.bincount(account, y > 0, minlength=len(months.relationships))
    made: list[RevenueRatio] = []
    for way in WAYS:
        inside = way == "within accounts"
        design = np.column_stack([trust, raw] if inside else [np.ones(len(y)), trust, raw])
        prior = np.array([_PRIOR_SD] + [_FACT_SD] * raw.shape[1])
        try:
            fit = fit_counts(
                design, y, account, prior_sd=prior if inside else np.append(_BASE_SD, prior), within=inside,
                leave_out=True,
            )  # fmt: skip
        except InputError:  # no sum at all, or no account with two months: said as not enough
            made.append(_tell_nothing(way, lag))
            continue
        column = 0 if inside else 1
        low, high = fit.interval(column)
        made.append(
            RevenueRatio(
                way=way, lag=lag, ratio=math.exp(fit.coefficients[column]), low=_exp(low), high=_exp(high),
                months=int(told.sum()), accounts=fit.clusters,
                enough=bool(told.sum() >= LEAST_SUMS and fit.clusters >= LEAST_ACCOUNTS),
            )
        )  # fmt: skip
    return tuple(made)


def _tell_nothing(way: str, lag: float) -> RevenueRatio:
    return RevenueRatio(way=way, lag=lag, ratio=1.0, low=0.0, high=math.inf, months=0, accounts=0, enough=False)


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _month_starts(month: Ints) -> Ints:
    """Months counted from the year 0 to microseconds since 1970."""
    return (month - 12 * 1970).astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
