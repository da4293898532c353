"""A book's trust and its deals together: how long, how likely and how much goes with trust, and how sure that is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.errors import InputError
from troth.lenses import WHOLE, Pillar
from troth.schema import OUTCOME_STEPS, OUTCOMES, conform
from troth.told import Told
from troth.trust import DEFAULT_MODEL, Model, close_states, follow, score_pillar
from troth.trust.model import dynamics
from troth.worth.beside import Doubly
from troth.worth.deals import DealBook, take_deals
from troth.worth.facts import ADJUSTMENT, AccountFacts
from troth.worth.frozen import DAY_US, Fading, ScorePaths
from troth.worth.hazards import LOST, WON
from troth.worth.periods import WEEK_US, Periods, cut_weeks, thin_weeks
from troth.worth.ratios import (
    LAGS,
    MAIN_LAG,
    NAMES,
    Ratio,
    WorthFit,
    fit_worth,
    swap_accounts,
    tell_ratio,
)
from troth.worthbeside import fit_within, tell_doubly, tell_revenue
from troth.worthcourse import price_open, tell_course
from troth.worthtold import Chance, Control, Kind, OpenWorth, TimeToWin, Worth

Floats = NDArray[np.float64]

PLACEBO_DAYS: Final = 182.0
_SEED: Final = 8
_DRAWS: Final = 400
_THREADS: Final = 2  # arrays are worked on outside of the interpreter's lock
_MICRO: Final = pa.timestamp("us", tz="UTC")
_TOLD_EARLY_US: Final = DAY_US  # systems date a first step to midnight


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
    Cost: nine fits, each linear in the weeks of all deals, on two threads.
    """
    if kind not in ("deal", "renewal"):
        raise InputError(f"there is no kind {kind!r} to measure; there are deal and renewal.")
    book = take_deals(evidence.outcomes, as_of=evidence.as_of, kinds=(kind,), doubted=_doubt_stories(evidence, kind))
    periods = cut_weeks(book.deals)
    paths = ScorePaths(evidence.trust, evidence.score, evidence.fading)
    made = _Measured()
    if len(periods):
        made = _measure(book, periods, evidence, paths, draws=draws, seed=seed)
    return Worth(
        kind=kind, score=evidence.score.name, as_of=evidence.as_of, book=book, weeks=len(periods),
        won=int((book.deals.end == WON).sum()), lost=int((book.deals.end == LOST).sum()), known=made.known,
        accounts=len(set(book.relationships)), adjustment=ADJUSTMENT, curve=made.curve, within=made.within,
        controls=made.controls, chances=made.chances, times=made.times, money=made.money, doubly=made.doubly,
        revenue=tell_revenue(evidence.outcomes, evidence.turns, paths, as_of=evidence.as_of),
        notes=tuple(_note_basis(book, evidence)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What there is to tell of deals that were watched for a week at least."""

    known: int = 0
    curve: tuple[Ratio, ...] = ()
    within: tuple[Ratio, ...] = ()
    controls: tuple[Control, ...] = ()
    chances: tuple[Chance, ...] = ()
    times: tuple[TimeToWin, ...] = ()
    money: OpenWorth | None = None
    doubly: Doubly | None = None


def _measure(
    book: DealBook, periods: Periods, evidence: Evidence, paths: ScorePaths, *, draws: int, seed: int
) -> _Measured:
    """Fit at the one lag that is told, and then everything that starts from there, on two threads."""
    courses, prices, swaps, folds = np.random.default_rng(seed).spawn(4)
    facts = AccountFacts(book, turns=evidence.turns, steps=evidence.steps)
    main = fit_worth(book.deals, book.relationships, paths, facts=facts.of_weeks, periods=thin_weeks(periods))
    again = partial(
        fit_worth, book.deals, book.relationships, paths, facts=facts.of_weeks, start=main, periods=main.periods
    )
    checks = _list_checks(book, paths, facts, main, swaps)
    fading, score = evidence.fading, evidence.score
    typical = sum(share * fading.means.get(code, 0.0) for code, share in score.weights.items()) / fading.spread
    with ThreadPoolExecutor(_THREADS) as hands:
        priced = hands.submit(
            price_open, book, main, facts, evidence.standing, now=_micros(evidence.as_of), typical=typical,
            rng=prices, draws=draws,
        )  # fmt: skip
        course = hands.submit(tell_course, book, main, periods, facts, rng=courses, draws=draws)
        lags = {lag: hands.submit(again, lag=lag) for lag in LAGS if lag != MAIN_LAG}
        checked = {named: hands.submit(fit) for named, fit in checks.items()}
        inside = hands.submit(fit_within, book, main, paths, facts)
        doubly = hands.submit(tell_doubly, book, main, paths, facts, now=_micros(evidence.as_of), rng=folds)
        fits = {lag: main if lag == MAIN_LAG else lags[lag].result() for lag in LAGS}
        controls = [
            Control(name=name, ratio=tell_ratio(fit.result(), end), says=says)
            for (name, says), fit in checked.items()
            for end in NAMES
        ]
        chances, times = course.result()
        return _Measured(
            known=len(np.unique(main.periods.deal[main.known])),
            curve=tuple(tell_ratio(one, end) for one in fits.values() for end in NAMES),
            within=tuple(tell_ratio(inside.result(), end) for end in NAMES),
            controls=tuple(controls),
            chances=tuple(chances),
            times=tuple(times),
            money=priced.result(),
            doubly=doubly.result(),
        )


def _doubt_stories(evidence: Evidence, kind: Kind) -> dict[str, str]:
    """Outcomes whose steps contradict each other, or with whose account nobody wrote; with the reason."""
    mine = evidence.outcomes.filter(pc.equal(evidence.outcomes["kind"], kind)).select(
        ["outcome_id", "relationship", "opened_at"]
    )
    ids = mine["outcome_id"].combine_chunks()
    unread = pc.invert(pc.is_in(mine["relationship"], evidence.turns["relationship"].unique()))
    doubts = dict.fromkeys(mine["outcome_id"].filter(unread).to_pylist(), "no turn with its account was read")
    upto = pa.scalar(evidence.as_of, _MICRO)
    steps = evidence.steps.filter(
        pc.and_(pc.is_in(evidence.steps["outcome_id"], mine["outcome_id"]), pc.less_equal(evidence.steps["at"], upto))
    ).sort_by([("at", "ascending")])
    whose = pc.index_in(steps["outcome_id"], ids).to_numpy()
    at, opened = (column.cast(pa.int64()).to_numpy() for column in (steps["at"], mine["opened_at"]))
    for one in np.unique(whose[at < opened[whose] - _TOLD_EARLY_US]).tolist():
        doubts[ids[one].as_py()] = "a stage dated before it was opened"
    coded = pc.index_in(steps["state"], pa.array(["open", "won", "lost"])).to_numpy(zero_copy_only=False)
    closing = np.flatnonzero(coded != 0)
    first = np.full(len(ids), len(coded))
    np.minimum.at(first, whose[closing], closing)
    since = first[whose]
    over = np.flatnonzero(since < np.arange(len(coded)))
    for one in np.unique(whose[over[coded[over] != coded[since[over]]]]).tolist():
        doubts[ids[one].as_py()] = "won or lost, and later something else: its stages are out of order"
    return doubts


def _note_basis(book: DealBook, evidence: Evidence) -> Iterator[str]:
    if book.foreign:
        yield Told(
            "{n} amounts are in other currencies than {currency} and count as not known.",
            n=book.foreign,
            currency=book.currency,
        )
    stated = evidence.steps.filter(pc.is_valid(evidence.steps["amount"]))
    first = stated.group_by("outcome_id").aggregate([("at", "min")])
    place = pc.index_in(pa.array(book.ids, pa.string()), first["outcome_id"].combine_chunks())
    since = pc.take(first["at_min"].combine_chunks().cast(pa.int64()), place)
    at = pc.fill_null(since, np.iinfo(np.int64).max).to_numpy(zero_copy_only=False)
    undated = int((~np.isnan(book.amounts) & (at >= book.deals.ended)).sum())
    if undated:
        yield Told(
            "{n} amounts have no date before the end of their deal: they may have been written down at the close, and "
            "no ratio is adjusted for them.",
            n=undated,
        )


def _list_checks(
    book: DealBook, paths: ScorePaths, facts: AccountFacts, main: WorthFit, rng: np.random.Generator
) -> dict[tuple[str, str], Callable[[], WorthFit]]:
    """What must show nothing, and what shows how much else is at work: fits by name, with what each says."""
    deals, names = book.deals, book.relationships
    ahead = round(PLACEBO_DAYS / 7) * WEEK_US
    back = replace(main.periods, start=main.periods.start - ahead)
    swapped = swap_accounts(names, rng)

    def look_ahead(periods: Periods, lag: float) -> Mapping[str, Floats]:
        return facts.look_up(periods.deal, periods.start + ahead, lag)

    again = partial(fit_worth, start=main, periods=main.periods, facts=facts.of_weeks)
    return {
        ("another account's trust", "must hold 1; if not, something else is at work"): partial(
            again, deals, swapped, paths
        ),
        ("trust 28 days later", "how far a close itself moves trust: not to be read as an effect"): partial(
            again, deals, names, paths, lag=-MAIN_LAG
        ),
        ("trust half a year before", "as large as the ratio itself: lasting differences between accounts"): partial(
            fit_worth, deals, names, paths, facts=look_ahead, start=main, periods=back
        ),
    }


def _micros(moment: dt.datetime) -> int:
    return int(pa.scalar(moment, _MICRO).cast(pa.int64()).as_py())
