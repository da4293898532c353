"""What becomes of deals by trust: chances, days to win, and money among the open ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.worth.deals import DealBook
from troth.worth.facts import AccountFacts
from troth.worth.incidence import HORIZONS, Course, count_course, follow_course
from troth.worth.money import OpenDeals, price_deals
from troth.worth.periods import WEEK_US, Periods
from troth.worth.ratios import LEAST_ENDS, NAMES, NOT_KNOWN, WorthFit, tell_ratio
from troth.worthtold import LEVELS, Chance, OpenWorth, TimeToWin

Floats = NDArray[np.float64]

LEAST_OPEN: Final = 10
"""Deals still watched at an age, from which a chance by that age is told."""
_LIKE: Final = 200  # deals over whose facts a chance is averaged


def tell_course(
    book: DealBook,
    main: WorthFit,
    periods: Periods,
    facts: AccountFacts,
    *,
    rng: np.random.Generator,
    draws: int,
) -> tuple[list[Chance], list[TimeToWin]]:
    """Chances and mean time to win: of all deals by counting, and at three levels of trust by the fit."""
    weeks = -(-max(HORIZONS) // 7)
    at_risk = np.bincount(periods.week, minlength=weeks)
    still = {days: int(at_risk[-(-days // 7) - 1]) for days in HORIZONS}
    counted = {end: int((periods.event == code).sum()) >= LEAST_ENDS for end, code in NAMES.items()}
    enough = {end: tell_ratio(main, end).enough for end in NAMES}
    accounts = int(periods.account.max()) + 1
    # A bootstrap over accounts: each counts as often as chance has it.
    weights = rng.poisson(1.0, (draws, accounts)).astype(np.float64)
    courses: dict[str, tuple[Course, Course, dict[str, bool]]] = {
        "all": (count_course(periods), count_course(periods, weights), counted)
    }
    if any(enough.values()):
        met = main.trust[main.known]
        levels = {name: float(np.quantile(met, part)) for name, part in LEVELS.items()}
        design = lay_out(book, main, facts, weeks)
        drawn = main.fit.draw(draws, rng)
        for name, level in levels.items():
            design[..., main.at] = level
            best = average_course(design, main.fit.coefficients)
            bands = [average_course(design, one) for one in drawn]
            courses[name] = (best, _stack(bands), enough)
    chances = [
        Chance(
            end=end, trust=name, days=days, chance=float(_share(best, end, days)), at_risk=still[days],
            **_band(_share(bands, end, days)), enough=is_told[end] and still[days] >= LEAST_OPEN,
        )
        for end in NAMES
        for name, (best, bands, is_told) in courses.items()
        for days in HORIZONS
    ]  # fmt: skip
    horizon = max(HORIZONS)
    times = [
        TimeToWin(
            trust=name, days=horizon, mean=float(best.days_to_win(horizon)), **_band(bands.days_to_win(horizon)),
            at_risk=still[horizon], enough=is_told["won"] and still[horizon] >= LEAST_OPEN,
        )
        for name, (best, bands, is_told) in courses.items()
    ]  # fmt: skip
    return chances, times


def lay_out(book: DealBook, main: WorthFit, facts: AccountFacts, weeks: int) -> Floats:
    """The design of deals like those seen, over their first weeks: their facts at opening, trust left at 0."""
    chosen = np.unique(np.linspace(0, len(book.ids) - 1, _LIKE).round().astype(np.int64))
    named = facts.look_up(chosen, book.deals.opened[chosen], main.lag)
    return _design(main, np.zeros(len(chosen), dtype=np.int64), named, weeks)


def _design(main: WorthFit, age: NDArray[np.int64], named: Mapping[str, Floats], weeks: int) -> Floats:
    """Columns of the fit in each of the next weeks of deals of some age in weeks; shape (deals, weeks, columns)."""
    ages = age[:, None] + np.arange(weeks)
    raw = _column_facts(main, named, len(age))
    given = (raw - main.centres) / main.scales
    return np.concatenate(
        [
            main.baseline.expand(ages.astype(np.float64)),
            np.zeros((*ages.shape, 1)),
            np.broadcast_to(given[:, None, :], (*ages.shape, given.shape[1])),
        ],
        axis=-1,
    )


def _column_facts(main: WorthFit, named: Mapping[str, Floats], count: int) -> Floats:
    """Facts in the order of the fit's columns; that nothing is known of an account holds only where it is said."""
    names = main.columns[main.at + 1 :]
    return np.column_stack([named.get(name, np.zeros(count)) for name in names])


def average_course(design: Floats, coefficients: Floats) -> Course:
    """The course averaged over deals."""
    each = follow_course(design, coefficients)
    return Course(open=each.open.mean(axis=0), won=each.won.mean(axis=0), lost=each.lost.mean(axis=0))


def _stack(courses: Sequence[Course]) -> Course:
    return Course(
        open=np.stack([one.open for one in courses]),
        won=np.stack([one.won for one in courses]),
        lost=np.stack([one.lost for one in courses]),
    )


def _share(course: Course, end: str, days: float) -> Floats:
    return course.won_by(days) if end == "won" else course.lost_by(days)


def _band(values: Floats) -> dict[str, float]:
    low, high = np.quantile(values, [0.1, 0.9])
    return {"low": float(low), "high": float(high)}


def price_open(
    book: DealBook,
    main: WorthFit,
    facts: AccountFacts,
    standing: Mapping[str, tuple[float, float]],
    *,
    now: int,
    typical: float,
    rng: np.random.Generator,
    draws: int,
) -> OpenWorth | None:
    """The open deals priced; None where none states an amount.

    Args:
        standing: mean and variance of each relationship's score now, in prior standard deviations.
        now: microseconds since 1970.
        typical: the score where nothing is known, in prior standard deviations.
    """
    is_open = book.deals.end == 0
    chosen = np.flatnonzero(is_open & ~np.isnan(book.amounts))
    if not len(chosen) or book.currency is None:
        return None
    named = facts.look_up(chosen, np.full(len(chosen), now), main.lag)
    homes = [book.relationships[at] for at in chosen.tolist()]
    stands = [standing.get(home, (typical, 1.0)) for home in homes]
    named[NOT_KNOWN] = np.array([home not in standing for home in homes], dtype=np.float64)
    prices = price_deals(
        main,
        OpenDeals(
            weeks=(now - book.deals.opened[chosen]) // WEEK_US,
            trust=np.array([mean for mean, _ in stands]),
            trust_sd=np.sqrt([var for _, var in stands]),
            facts=_column_facts(main, named, len(chosen)),
            amounts=book.amounts[chosen],
        ),
        rng,
        draws=draws,
    )
    return OpenWorth(
        currency=book.currency,
        ids=tuple(book.ids[at] for at in chosen.tolist()),
        relationships=tuple(homes),
        deals=prices.deals,
        total=prices.total,
        unpriced=int(is_open.sum()) - len(chosen),
    )
