"""A book's trust and its deals together: how long, how likely and how much goes with trust, and how sure that is."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.errors import InputError
from troth.lenses import WHOLE, Pillar
from troth.schema import OUTCOME_STEPS, OUTCOMES, conform
from troth.trust import DEFAULT_MODEL, Model, close_states, follow, score_pillar
from troth.trust.model import dynamics
from troth.worth.deals import DealBook, LeftOut, take_deals
from troth.worth.facts import ADJUSTMENT, AccountFacts
from troth.worth.frozen import Fading, ScorePaths
from troth.worth.incidence import HORIZONS, Course, count_course, follow_course
from troth.worth.money import HORIZON_DAYS, STEP, Money, OpenDeals, price_deals
from troth.worth.periods import WEEK_US, Periods, cut_weeks
from troth.worth.ratios import (
    LEAST_ACCOUNTS,
    LEAST_ENDS,
    MAIN_LAG,
    NAMES,
    NOT_KNOWN,
    Ratio,
    WorthFit,
    e_value,
    e_value_of_interval,
    fit_lags,
    fit_worth,
    move_weeks,
    swap_accounts,
    tell_ratio,
)

if TYPE_CHECKING:
    from troth.charts import Chart, Theme

Floats = NDArray[np.float64]
Kind = Literal["deal", "renewal"]
Picture = Literal["incidence", "freeze", "forest"]

LEVELS: Final = {"low": 0.1, "typical": 0.5, "high": 0.9}
"""Quantiles of the trust that was met in these weeks: nothing is said of levels that nobody had."""
LEAST_OPEN: Final = 10
"""Deals still watched at an age, from which a chance by that age is told."""
PLACEBO_DAYS: Final = 182.0
COLUMNS: Final = (
    "part", "name", "end", "lag_days", "trust", "days", "value", "low", "high", "level", "enough", "ends", "accounts",
    "at_risk", "e_value", "e_value_of_interval", "currency", "note",
)  # fmt: skip
"""Of `Worth.list_rows`. `level` is the share of an interval; a value is null where there is not enough to say."""

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
        chances, times, money: None where nothing can be said.
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
    controls: tuple[Control, ...]
    chances: tuple[Chance, ...]
    times: tuple[TimeToWin, ...]
    money: OpenWorth | None
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

    def say(self) -> str:
        """The main finding in one sentence."""
        thing = "deals" if self.kind == "deal" else "renewals"
        won = self.ratio("won")
        if won is None or not won.enough:
            ends, accounts = (0, 0) if won is None else (won.ends, won.accounts)
            return (
                f"Not enough to say what goes with trust. {thing.capitalize()} won where something was known of the "
                f"account {MAIN_LAG:.0f} days before: {ends}, and {LEAST_ENDS} are needed; such accounts: {accounts}, "
                f"and {LEAST_ACCOUNTS} are needed."
            )
        if won.low <= 1.0 <= won.high:
            return (
                f"No link can be told: the odds that one of the {thing} is won in a week are {won.ratio:.2f} times as "
                f"high where trust was one standard deviation higher {won.lag:.0f} days before, and the 95 % interval "
                f"({won.low:.2f} to {won.high:.2f}) holds 1."
            )
        way = "higher" if won.ratio > 1 else "lower"
        return (
            f"Higher trust {won.lag:.0f} days before goes with {way} odds that one of the {thing} is won in a week: "
            f"{won.ratio:.2f} times ({won.low:.2f} to {won.high:.2f}, 95 %) for one standard deviation."
        )

    def say_money(self) -> str:
        """What goes with more trust in money, and under which assumption; or why no sum is told."""
        if self.money is None:
            return "No sum of money: no open deal with an amount, or nothing to learn from."
        if not self.tells_money:
            won = self.ratio("won")
            why = "the 80 % interval holds zero"
            if won is None or not won.enough:
                why = "there is not enough to say"
            elif not self.is_sound:
                why = "another account's trust goes with winning too, which shows that something else is at work"
            return f"No sum of money is told: {why}."
        total, way = self.money.total, "more" if self.money.total.median > 0 else "less"
        ends = sorted((abs(total.low80), abs(total.high80)))
        return (
            f"Among the open deals, half a standard deviation more trust goes with about {abs(total.median):,.0f} "
            f"{self.money.currency} {way} won within {HORIZON_DAYS} days (80 % interval {ends[0]:,.0f} to "
            f"{ends[1]:,.0f}; above zero with probability {total.chance:.2f}). This assumes that deals of more and "
            "less trusting customers differ in nothing else that matters but the facts adjusted for. It is no promise "
            "that raising a score brings it: only a trial can show that."
        )

    def list_rows(self) -> list[dict[str, Any]]:
        """Everything as rows with COLUMNS, for tables, CSV and JSON lines."""
        made: list[dict[str, Any]] = [*self._list_basis(), *self._list_ratios(), *self._list_chances()]
        made += self._list_money()
        made += [{"part": "note", "note": note} for note in (self.say(), self.say_money(), *self.notes)]
        return [dict.fromkeys(COLUMNS) | row for row in made]

    def chart(self, picture: Picture = "incidence", *, theme: Theme = "light") -> Chart:
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
        return made[picture](self.list_rows(), theme=theme)

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
        named += [(one.name, one.ratio, one.says) for one in self.controls]
        for name, one, says in named:
            is_main = name == "frozen trust"
            yield {
                "part": "ratio" if is_main else "control",
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
