"""Influence in this book: how often what we ask, offer or recommend is taken up, and what that goes with.

    log P(taken up) / P(neither) and log P(turned down) / P(neither) = a + b trust held L days before + c months

by the same fit that deals are read with (`troth.worth.hazards`), with errors clustered by customer.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.influence.asks import OUTCOMES, find_asks
from troth.influence.rates import Rate, count_by, rate_clustered, rate_together
from troth.lenses import WHOLE
from troth.trust import DEFAULT_MODEL, Model, follow
from troth.worth.frozen import DAY_US, ScorePaths
from troth.worth.hazards import LOST, OPEN, WON, fit_hazards
from troth.worth.ratios import LAGS, LEAST_ACCOUNTS, LEAST_ENDS, MAIN_LAG
from troth.worthing import find_fading

if TYPE_CHECKING:
    from troth.charts import Chart, Theme
    from troth.pipeline import Understood

LEAST_ASKS: Final = 10
"""Asks that are over, from which a rate of the whole or of a month is told."""
COLUMNS: Final = (
    "part", "name", "lag_days", "value", "low", "high", "level", "enough", "asks", "accepted", "rejected", "answered",
    "silent", "open", "note",
)  # fmt: skip
"""Of `Influence.list_rows`. Rates are shares of asks that are over; ratios are odds against neither yes nor no."""

_MONTH_DAYS: Final = 30.4375
_PRIOR_SD: Final = 1.0
_INTERCEPT_SD: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptake:
    """One rate with its name.

    Attributes:
        name: of the whole, a kind of ask, a customer or a month such as 2026-11.
        rate: drawn towards the others' where it is a customer's.
        counts: asks by outcome, those still open too.
        enough: whether the rate is told.
    """

    name: str
    rate: Rate
    counts: Mapping[str, int]
    enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How many times the odds of a yes (or a no) go with one standard deviation, or one month, more.

    Attributes:
        what: "trust held" or "a month later".
        end: "accepted" or "rejected".
        lag: days before the ask at which trust was frozen.
        ends: asks that ended so.
        customers: of whom something was known by then.
    """

    what: str
    end: str
    lag: float
    ratio: float
    low: float
    high: float
    ends: int
    customers: int
    enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """How often what we ask of customers is taken up.

    Attributes:
        asks: ASKS.
        whole: over all customers.
        kinds, customers, months: the same by kind, customer and month.
        links: what taking up goes with; trust at every lag, then time.
    """

    asks: pa.Table
    whole: Uptake
    kinds: tuple[Uptake, ...]
    customers: tuple[Uptake, ...]
    months: tuple[Uptake, ...]
    links: tuple[Link, ...]

    def say(self) -> list[str]:
        """The findings, a sentence each."""
        if not self.whole.enough:
            return [f"Not enough to say: {self.whole.rate.asks} asks of ours are over, and {LEAST_ASKS} are needed."]
        rate = self.whole.rate
        whole = (
            f"Of {rate.asks} requests, offers and recommendations of ours, {rate.taken} were taken up: "
            f"{rate.rate:.0%} (95 % {rate.low:.0%} to {rate.high:.0%})."
        )
        return [whole, *(self._say_link(what, MAIN_LAG) for what in ("trust held", "a month later"))]

    def _say_link(self, what: str, lag: float) -> str:
        link = next((one for one in self.links if (one.what, one.end, one.lag) == (what, "accepted", lag)), None)
        of = f"trust held {lag:.0f} days before" if what == "trust held" else "time"
        if link is None or not link.enough:
            has = "" if link is None else f" ({link.ends} taken up, {link.customers} customers known by then)"
            return f"Whether being taken up goes with {of}: not enough to say{has}."
        step = "one standard deviation more" if what == "trust held" else "each month"
        figures = f"{link.ratio:.2f} times the odds for {step}, 95 % {link.low:.2f} to {link.high:.2f}"
        found = "goes" if not link.low <= 1.0 <= link.high else "does not measurably go"
        return f"Being taken up {found} with {of} ({figures})."

    def list_rows(self) -> list[dict[str, Any]]:
        """Everything as rows with COLUMNS, for tables, CSV and JSON lines."""
        parts = (("whole", (self.whole,)), ("kind", self.kinds), ("customer", self.customers), ("month", self.months))
        rows = [_tell_uptake(part, one) for part, some in parts for one in some]
        rows += [_tell_link(one) for one in self.links]
        rows += [{"part": "note", "note": line} for line in self.say()]
        return [dict.fromkeys(COLUMNS) | row for row in rows]

    def chart(self, *, theme: Theme = "light") -> Chart:
        """The rate of the whole, of each kind, customer and month, with bands.

        Raises: InputError when there is nothing to draw, or the charts extra is not installed.
        """
        from troth.charts import draw_influence  # noqa: PLC0415 - needs an extra

        return draw_influence(self.list_rows(), theme=theme)


def measure_influence(
    known: Understood,
    readings: pa.Table,
    promises: pa.Table,
    *,
    now: dt.datetime,
    model: Model = DEFAULT_MODEL,
    segments: Mapping[str, str] | None = None,
) -> Influence:
    """Find what we asked of customers, what became of it, and what that goes with.

    Args:
        known: placed turns with their sentences and findings.
        readings: READINGS of the same book, for trust held.
        promises: PROMISES of the same book.
        now: asks whose time is not over by then are left out of every rate.
        model, segments: of the trust filter.
    """
    turns = known.turns.filter(pc.equal(known.turns["circle"], "customer"))
    turns = turns.filter(pc.less_equal(turns["sent_at"], pa.scalar(now, turns["sent_at"].type)))
    asks = find_asks(turns, known.sentences, known.findings, promises, now=now)
    rows = asks.to_pylist()
    return Influence(
        asks=asks,
        whole=_sum_up("all", rows),
        kinds=tuple(_sum_up(kind, mine) for kind, mine in _split(rows, lambda row: row["kind"])),
        customers=_compare_customers(rows),
        months=tuple(_sum_up(month, mine) for month, mine in _split(rows, lambda row: row["at"].strftime("%Y-%m"))),
        links=_link(asks.filter(pc.not_equal(asks["outcome"], "open")), readings, model=model, segments=segments),
    )


def _split(rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], str]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return sorted(groups.items())


def _count(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in OUTCOMES}


def _over(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["outcome"] != "open"]


def _sum_up(name: str, rows: list[dict[str, Any]]) -> Uptake:
    over = _over(rows)
    _, taken, asks = count_by([row["relationship"] for row in over], [row["outcome"] == "accepted" for row in over])
    rate = rate_clustered(taken, asks)
    return Uptake(name=name, rate=rate, counts=_count(rows), enough=rate.asks >= LEAST_ASKS)


def _compare_customers(rows: list[dict[str, Any]]) -> tuple[Uptake, ...]:
    """Told from two customers on: what one of them alone does is the whole."""
    over = _over(rows)
    names, taken, asks = count_by([row["relationship"] for row in over], [row["outcome"] == "accepted" for row in over])
    enough = len(over) >= LEAST_ASKS and len(names) > 1
    rates = rate_together(taken, asks) if len(names) else []
    theirs = dict(_split(rows, lambda row: row["relationship"]))
    made = [
        Uptake(name=name, rate=rate, counts=_count(theirs[name]), enough=enough)
        for name, rate in zip(names, rates, strict=True)
    ]
    return tuple(sorted(made, key=lambda one: (-one.rate.asks, one.name)))


def _link(asks: pa.Table, readings: pa.Table, *, model: Model, segments: Mapping[str, str] | None) -> tuple[Link, ...]:
    """Ratios of both ends at every lag, and of a month at the main one."""
    if not asks.num_rows:
        return ()
    outcome = np.array(asks["outcome"].to_pylist(), object)
    event = np.select([outcome == "accepted", outcome == "rejected"], [WON, LOST], OPEN)
    homes = asks["relationship"].to_pylist()
    _, cluster = np.unique(np.array(homes, object).astype(str), return_inverse=True)
    at = asks["at"].cast(pa.int64()).to_numpy()
    months = (at - at.min()) / (DAY_US * _MONTH_DAYS)
    held = readings.filter(pc.is_in(readings["facet"], pa.array(list(WHOLE["held"].weights))))
    trust = follow(held, model, segments=segments)
    paths = ScorePaths(trust, WHOLE["held"], find_fading(model.within("customer"), WHOLE["held"]))
    links: list[Link] = []
    for lag in LAGS:
        frozen = paths.freeze(homes, at, days_before=lag)
        design = np.column_stack([np.ones(len(at)), frozen.value, months - months.mean()])
        fitted = fit_hazards(design, event, cluster, prior_sd=np.array([_INTERCEPT_SD, _PRIOR_SD, _PRIOR_SD]))
        customers = len(np.unique(cluster[frozen.known]))
        named = (("trust held", 1), ("a month later", 2)) if lag == MAIN_LAG else (("trust held", 1),)
        for what, column in named:
            known = customers if what == "trust held" else fitted.clusters
            for end, name in ((WON, "accepted"), (LOST, "rejected")):
                low, high = fitted.interval(end, column)
                ends = fitted.events[end - 1]
                links.append(
                    Link(
                        what=what,
                        end=name,
                        lag=lag,
                        ratio=math.exp(fitted.coefficients[end - 1, column]),
                        low=math.exp(low),
                        high=math.exp(high),
                        ends=ends,
                        customers=known,
                        enough=ends >= LEAST_ENDS and known >= LEAST_ACCOUNTS,
                    )
                )
    return tuple(links)


def _tell_uptake(part: str, one: Uptake) -> dict[str, Any]:
    return {
        "part": part, "name": one.name, "level": 0.95, "enough": one.enough, "asks": one.rate.asks,
        "value": one.rate.rate if one.enough else None,
        "low": one.rate.low if one.enough else None,
        "high": one.rate.high if one.enough else None,
        **one.counts,
    }  # fmt: skip


def _tell_link(one: Link) -> dict[str, Any]:
    return {
        "part": "ratio", "name": f"{one.what}: {one.end}", "lag_days": one.lag, "level": 0.95, "enough": one.enough,
        "value": one.ratio if one.enough else None,
        "low": one.low if one.enough else None,
        "high": one.high if one.enough else None,
        "asks": one.ends,
    }  # fmt: skip
