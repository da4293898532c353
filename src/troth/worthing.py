"""A book's trust and its deals together: how long, how likely and how much goes with trust, and how sure that is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.errors import InputError
from troth.lenses import WHOLE, Pillar
from troth.schema import OUTCOME_STEPS, OUTCOMES, conform
from troth.trust import DEFAULT_MODEL, Model, close_states, follow, score_pillar
from troth.trust.model import dynamics
from troth.worth.deals import DealBook, take_deals
from troth.worth.facts import ADJUSTMENT, AccountFacts
from troth.worth.frozen import Fading, ScorePaths
from troth.worth.incidence import HORIZONS, Course, count_course, follow_course
from troth.worth.money import OpenDeals, price_deals
from troth.worth.periods import WEEK_US, Periods, cut_weeks
from troth.worth.ratios import (
    LEAST_ENDS,
    MAIN_LAG,
    NAMES,
    NOT_KNOWN,
    Ratio,
    WorthFit,
    fit_lags,
    fit_worth,
    move_weeks,
    swap_accounts,
    tell_ratio,
)
from troth.worthtold import LEVELS, Chance, Control, Kind, OpenWorth, TimeToWin, Worth

Floats = NDArray[np.float64]
Picture = Literal["incidence", "freeze", "forest"]

LEAST_OPEN: Final = 10
"""Deals still watched at an age, from which a chance by that age is told."""
PLACEBO_DAYS: Final = 182.0
_SEED: Final = 8
_DRAWS: Final = 400
_LIKE: Final = 200  # deals over whose facts a chance is averaged
_MICRO: Final = pa.timestamp("us", tz="UTC")
_TOLD_EARLY: Final = dt.timedelta(days=1)  # systems date a first step to midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What worth is measured on.

    Attributes:
        outcomes: OUTCOMES.
        steps: OUTCOME_STEPS.
        turns: columns relationship and sent_at.
        trust: TRUST, filtered.
        standing: how each relationship's score stands at `as_of`: mean and variance in prior standard deviations.
        fading: of the model that made `trust`.
        score: what is meant by trust.
        as_of: until when everything was watched.
    """

    outcomes: pa.Table
    steps: pa.Table
    turns: pa.Table
    trust: pa.Table
    standing: Mapping[str, tuple[float, float]]
    fading: Fading
    score: Pillar
    as_of: dt.datetime


def gather_evidence(
    *,
    outcomes: object,
    steps: object,
    turns: pa.Table,
    readings: pa.Table,
    as_of: dt.datetime,
    model: Model = DEFAULT_MODEL,
    segments: Mapping[str, str] | None = None,
    score: Pillar = WHOLE["held"],
) -> Evidence:
    """What worth is measured on, from a book's tables; `segments` as in `follow`.

    Args:
        turns: TURNS, placed; automatic ones do not count as something said.
    """
    written = turns.filter(pc.invert(turns["automatic"])) if "automatic" in turns.column_names else turns
    taken = conform(outcomes, OUTCOMES)
    homes = taken["relationship"].unique()
    mine = readings.filter(pc.is_in(readings["relationship"], homes))
    standings = close_states(mine, as_of, model, segments=segments)
    told = {home: score_pillar(of[score.gauge], score, model) for home, of in standings.items() if score.gauge in of}
    return Evidence(
        outcomes=taken,
        steps=conform(steps, OUTCOME_STEPS),
        turns=written.select(["relationship", "sent_at"]),
        trust=follow(mine, model, segments=segments),
        standing={home: (one.mean, one.var) for home, one in told.items()},
        fading=find_fading(model.within("customer"), score),
        score=score,
        as_of=as_of,
    )


def find_fading(model: Model, score: Pillar) -> Fading:
    """How a score fades under a model, and the prior standard deviation that is its unit."""
    made = dynamics(model, score.gauge)
    size = made.facets
    prior = made.prior[:size, :size] + made.prior[size:, size:]
    codes = [*WHOLE[score.gauge.lower()].weights]
    weights = np.array([score.weights.get(code, 0.0) for code in codes])
    return Fading(
        slow_rate=made.slow_rate,
        fast_rate=made.fast_rate,
        means=model.means,
        spread=float(weights @ prior @ weights) ** 0.5,
        fast_share=model.fast_share,
    )


def measure_worth(evidence: Evidence, *, kind: Kind = "deal", draws: int = _DRAWS, seed: int = _SEED) -> Worth:
    """Measure what goes with trust: ratios at every lag, controls, chances, time and money.

    Args:
        evidence: see `gather_evidence`.
        kind: deals or renewals.
        draws: behind bands and sums.
        seed: of the draws and of who gets another account's trust.

    Raises: InputError when there is no such kind.
    Cost: eight fits, each linear in the weeks of all deals.
    """
    if kind not in ("deal", "renewal"):
        raise InputError(f"there is no kind {kind!r} to measure; there are deal and renewal.")
    rng = np.random.default_rng(seed)
    book = take_deals(evidence.outcomes, as_of=evidence.as_of, kinds=(kind,), doubted=_doubt_stories(evidence, kind))
    periods = cut_weeks(book.deals)
    counted = {"won": int((book.deals.end == 1).sum()), "lost": int((book.deals.end == 2).sum())}
    notes = [*_note_basis(book, evidence)]
    curve: list[Ratio] = []
    controls: tuple[Control, ...] = ()
    chances: list[Chance] = []
    times: list[TimeToWin] = []
    money, known = None, 0
    if len(periods):
        facts = AccountFacts(book, turns=evidence.turns, steps=evidence.steps)
        paths = ScorePaths(evidence.trust, evidence.score, evidence.fading)
        fits = {one.lag: one for one in fit_lags(book.deals, book.relationships, paths, facts=facts.of_weeks)}
        curve = [tell_ratio(one, end) for one in fits.values() for end in NAMES]
        main = fits[MAIN_LAG]
        known = len(np.unique(main.periods.deal[main.known]))
        controls = _check(book, paths, facts, main, rng)
        chances, times = _tell_course(book, main, periods, facts, rng=rng, draws=draws)
        money = _price(book, main, facts, evidence, rng=rng, draws=draws)
    return Worth(
        kind=kind, score=evidence.score.name, as_of=evidence.as_of, book=book, weeks=len(periods), won=counted["won"],
        lost=counted["lost"], known=known, accounts=len(set(book.relationships)), adjustment=ADJUSTMENT,
        curve=tuple(curve), controls=controls, chances=tuple(chances), times=tuple(times), money=money,
        notes=tuple(notes),
    )  # fmt: skip


def _doubt_stories(evidence: Evidence, kind: Kind) -> dict[str, str]:
    """Outcomes whose steps contradict each other, or with whose account nobody wrote; with the reason."""
    mine = evidence.outcomes.filter(pc.equal(evidence.outcomes["kind"], kind)).select(
        ["outcome_id", "relationship", "opened_at"]
    )
    written = set(evidence.turns["relationship"].unique().to_pylist())
    rows = mine.to_pylist()
    doubts = {
        row["outcome_id"]: "no turn with its account was read" for row in rows if row["relationship"] not in written
    }
    opened = {row["outcome_id"]: row["opened_at"] for row in rows}
    upto = pa.scalar(evidence.as_of, _MICRO)
    steps = evidence.steps.filter(
        pc.and_(pc.is_in(evidence.steps["outcome_id"], mine["outcome_id"]), pc.less_equal(evidence.steps["at"], upto))
    ).sort_by([("outcome_id", "ascending"), ("at", "ascending")])
    ended: dict[str, str] = {}
    for name, at, state in zip(*(steps[part].to_pylist() for part in ("outcome_id", "at", "state")), strict=True):
        if at < opened[name] - _TOLD_EARLY:
            doubts[name] = "a stage dated before it was opened"
        if name in ended and state != ended[name]:
            doubts[name] = "won or lost, and later something else: its stages are out of order"
        if state != "open":
            ended.setdefault(name, state)
    return doubts


def _note_basis(book: DealBook, evidence: Evidence) -> Iterator[str]:
    if book.foreign:
        yield f"{book.foreign} amounts are in other currencies than {book.currency} and count as not known."
    stated = evidence.steps.filter(pc.is_valid(evidence.steps["amount"]))
    first = stated.group_by("outcome_id").aggregate([("at", "min")])
    since = dict(zip(first["outcome_id"].to_pylist(), first["at_min"].cast(pa.int64()).to_pylist(), strict=True))
    never = np.iinfo(np.int64).max
    at = np.array([since.get(name, never) for name in book.ids], dtype=np.int64)
    undated = int((~np.isnan(book.amounts) & (at >= book.deals.ended)).sum())
    if undated:
        yield (
            f"{undated} amounts have no date before the end of their deal: they may have been written down at the "
            "close, and no ratio is adjusted for them."
        )


def _check(
    book: DealBook, paths: ScorePaths, facts: AccountFacts, main: WorthFit, rng: np.random.Generator
) -> tuple[Control, ...]:
    """What must show nothing, and what shows how much else is at work."""
    deals, names = book.deals, book.relationships
    swapped = fit_worth(deals, swap_accounts(names, rng), paths, facts=facts.of_weeks, start=main, periods=main.periods)
    future = fit_worth(deals, names, paths, lag=-MAIN_LAG, facts=facts.of_weeks, start=main, periods=main.periods)
    back = move_weeks(deals, -PLACEBO_DAYS)
    ahead = round(PLACEBO_DAYS / 7) * WEEK_US
    earlier = fit_worth(
        back,
        names,
        paths,
        facts=lambda periods, lag: facts.look_up(periods.deal, periods.start + ahead, lag),
        start=main,
    )
    told = (
        ("another account's trust", swapped, "must hold 1; if not, something else is at work"),
        ("trust 28 days later", future, "how far a close itself moves trust: not to be read as an effect"),
        ("trust half a year before", earlier, "as large as the ratio itself: lasting differences between accounts"),
    )
    return tuple(Control(name=name, ratio=tell_ratio(fit, end), says=says) for name, fit, says in told for end in NAMES)


def _tell_course(
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
        design = _lay_out(book, main, facts, weeks)
        drawn = main.fit.draw(draws, rng)
        for name, level in levels.items():
            design[..., main.at] = level
            best = _average(design, main.fit.coefficients)
            bands = [_average(design, one) for one in drawn]
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


def _lay_out(book: DealBook, main: WorthFit, facts: AccountFacts, weeks: int) -> Floats:
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


def _average(design: Floats, coefficients: Floats) -> Course:
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


def _price(
    book: DealBook, main: WorthFit, facts: AccountFacts, evidence: Evidence, *, rng: np.random.Generator, draws: int
) -> OpenWorth | None:
    """The open deals priced; None where none states an amount."""
    is_open = book.deals.end == 0
    chosen = np.flatnonzero(is_open & ~np.isnan(book.amounts))
    if not len(chosen) or book.currency is None:
        return None
    now = _micros(evidence.as_of)
    named = facts.look_up(chosen, np.full(len(chosen), now), main.lag)
    homes = [book.relationships[at] for at in chosen.tolist()]
    typical = sum(share * evidence.fading.means.get(code, 0.0) for code, share in evidence.score.weights.items())
    stands = [evidence.standing.get(home, (typical / evidence.fading.spread, 1.0)) for home in homes]
    named[NOT_KNOWN] = np.array([home not in evidence.standing for home in homes], dtype=np.float64)
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


def _micros(moment: dt.datetime) -> int:
    return int(pa.scalar(moment, _MICRO).cast(pa.int64()).as_py())
