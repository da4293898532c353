"""What to try: for each facet of SHOWN what goes with it here, in trust held and in deals, and a practice for it.

What goes with a facet need not follow from it: it says where a trial is worth its while, and a trial says the rest.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import norm

from troth.lenses import WHOLE, find_score
from troth.reciprocity.measure import shuffle_blocks
from troth.signals import HELD, SHOWN
from troth.trial.links import LEAST_HOMES, LEAST_ROWS, Link, Verdict, judge_link, link_within
from troth.trial.practices import Practice, practices_of
from troth.trust import DEFAULT_MODEL, Model, follow
from troth.trust.climb import pool
from troth.worth.facts import AccountFacts
from troth.worth.frozen import DAY_US, ScorePaths
from troth.worth.periods import cut_weeks, thin_weeks
from troth.worth.ratios import LEAST_ENDS, MAIN_LAG, NAMES, Ratio, fit_worth, tell_ratio
from troth.worthing import find_fading

if TYPE_CHECKING:
    from troth.charts import Chart, Theme
    from troth.worth.deals import DealBook

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERIOD_DAYS: Final = 28
STRETCH: Final = 6
"""Periods in a stretch of a relationship, with a level of its own: about half a year."""
SHUFFLES: Final = 999
COLUMNS: Final = (
    "facet", "name", "what", "value", "low", "high", "level", "p", "p_before", "raw", "enough", "periods",
    "relationships", "verdict", "practice", "words", "note",
)  # fmt: skip
"""Of `Suggestions.list_rows`: `what` is "trust held" (standard deviations) or "odds of won" (a ratio)."""

_SEED: Final = 86
_SLOPE_SD: Final = 0.1  # standard deviations of HELD for one of a facet's weeks: start value, not measured
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One facet: what goes with it, and what could be tried.

    Attributes:
        slope, low, high: change of HELD in the four weeks after, for one standard deviation more of the facet's news;
            drawn together with the other facets', 95 %.
        raw: the slope before it was drawn together.
        p, placebo_p: of shuffling within stretches; the second for HELD in the four weeks before.
        won: ratio of the odds of winning a week, trust in the facet frozen 28 days; None without deals.
    """

    facet: str
    link: Link
    slope: float
    low: float
    high: float
    p: float
    placebo_p: float
    verdict: Verdict
    won: Ratio | None
    practices: tuple[Practice, ...]

    @property
    def name(self) -> str:
        """The facet in words."""
        return SHOWN[self.facet]

    def say(self) -> str:
        """One sentence."""
        rest = f"({self.link.rows} periods of {self.link.homes} relationships)"
        if self.verdict == "not enough to say":
            return f"{self.name}: not enough to say {rest}."
        figures = f"{self.slope:+.3f} standard deviations, 95 % {self.low:+.3f} to {self.high:+.3f}"
        if self.verdict == "nothing found":
            return (
                f"{self.name}: trust held in the weeks after goes measurably neither with nor against it ({figures})."
            )
        if self.verdict == "doubtful":
            return f"{self.name}: doubtful ({figures}): trust held in the weeks before goes with it as well."
        way = "more" if self.verdict == "goes with" else "less"
        return f"{self.name}: weeks with more of it go with {way} trust held in the four weeks after ({figures})."


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """All facets, those first that trust goes with most surely."""

    circle: str
    facets: tuple[Suggestion, ...]

    def say(self) -> list[str]:
        """What stands out, and what it does not mean."""
        found = [one for one in self.facets if one.verdict in ("goes with", "goes against", "doubtful")]
        enough = [one for one in self.facets if one.link.enough]
        if not enough:
            head = (
                f"Not enough to say which facet trust goes with: {LEAST_ROWS} periods of four weeks with something to "
                f"read before and after, in {LEAST_HOMES} relationships, are needed for a facet."
            )
            return [head, "A trial needs no such past: choose the practice that you believe in, and let the lot judge."]
        lines = [one.say() for one in found]
        if not found:
            lines = [f"No facet stands out of {len(enough)} looked at."]
        return [*lines, "What goes together need not bring one another about: `troth trial start` lets the lot decide."]

    def list_rows(self) -> list[dict[str, Any]]:
        """Everything as rows with COLUMNS: one for each facet, one for its deals, one for each further practice."""
        rows: list[dict[str, Any]] = []
        for one in self.facets:
            told, head = one.link.enough, {"facet": one.facet, "name": one.name}
            rows.append(
                head
                | {
                    "what": "trust held", "level": 0.95, "enough": told, "periods": one.link.rows,
                    "relationships": one.link.homes, "verdict": one.verdict, "note": one.say(),
                    **{name: _told(value, enough=told) for name, value in (
                        ("value", one.slope), ("low", one.low), ("high", one.high), ("p", one.p),
                        ("p_before", one.placebo_p), ("raw", one.link.slope),
                    )},
                }
            )  # fmt: skip
            if one.won is not None:
                won = one.won
                rows.append(
                    head
                    | {
                        "what": "odds of won", "level": 0.95, "enough": won.enough, "relationships": won.accounts,
                        **{name: _told(value, enough=won.enough) for name, value in (
                            ("value", won.ratio), ("low", won.low), ("high", won.high),
                        )},
                        "note": f"for one standard deviation more, frozen {won.lag:.0f} days; {won.ends} won",
                    }
                )  # fmt: skip
            rows += [
                head | {"what": "practice", "practice": practice.name, "words": practice.words}
                for practice in one.practices
            ]
        return [dict.fromkeys(COLUMNS) | row for row in rows]

    def chart(self, *, theme: Theme = "light") -> Chart:
        """A forest plot of the facets.

        Raises: InputError when there is nothing to draw, or the charts extra is not installed.
        """
        from troth.charts import draw_suggestions  # noqa: PLC0415 - needs an extra

        return draw_suggestions(self.list_rows(), theme=theme)


def suggest_practices(
    *,
    readings: pa.Table,
    turns: pa.Table,
    as_of: dt.datetime,
    deals: DealBook,
    steps: pa.Table,
    circle: str = "customer",
    model: Model = DEFAULT_MODEL,
    segments: Mapping[str, str] | None = None,
    shuffles: int = SHUFFLES,
    seed: int = _SEED,
) -> Suggestions:
    """Measure what goes with each facet.

    Args:
        readings: READINGS as of `as_of`.
        turns: TURNS, placed.
        deals: those that can be counted on (`worth.deals.take_deals`); steps: OUTCOME_STEPS.
        circle: whose relationships.
        model, segments: of the trust filter.
        shuffles, seed: of the permutations; the same book gets the same figures.

    Cost: eleven passes of the filter, and ten fits of the deals where there are enough.
    """
    rng = np.random.default_rng(seed)
    written = turns.filter(pc.and_(pc.equal(turns["circle"], circle), pc.invert(turns["automatic"])))
    homes = sorted(set(written["relationship"].drop_null().to_pylist()))
    mine = readings.filter(pc.is_in(readings["relationship"], pa.array(homes, pa.string())))
    scale = model.within(circle)
    ends = _list_ends(mine, as_of)
    trusted = follow(mine.filter(pc.is_in(mine["facet"], pa.array(list(HELD)))), model, segments=segments)
    held = _News(ScorePaths(trusted, WHOLE["held"], find_fading(scale, WHOLE["held"])), homes, ends)
    volume = _count_turns(written, homes, ends)
    fitted: list[tuple[str, Link, Link]] = []
    paths: dict[str, ScorePaths] = {}
    for code in SHOWN:
        pillar = find_score(code)
        # From its own readings alone: nothing is borrowed from the facets that it is to be told apart from.
        alone = follow(mine.filter(pc.equal(mine["facet"], code)), model, segments=segments)
        paths[code] = ScorePaths(alone, pillar, find_fading(scale, pillar))
        shown = _News(paths[code], homes, ends)
        fitted.append((code, _link(shown, held, volume, ahead=1), _link(shown, held, volume, ahead=-1)))
    ratios = _find_ratios(paths, deals, steps, written) if homes else {}
    return Suggestions(circle=circle, facets=tuple(sorted(_tell(fitted, ratios, rng, shuffles), key=_rank)))


class _News:
    """What each period's evidence moved a score by; shape (relationships, periods)."""

    def __init__(self, paths: ScorePaths, homes: list[str], ends: Ints) -> None:
        whose = np.repeat(np.arange(len(homes)), len(ends))
        moments = np.tile(ends, len(homes))
        now = paths.freeze(homes, moments, days_before=0.0, whose=whose)
        before = paths.freeze(homes, moments, days_before=float(PERIOD_DAYS), whose=whose)
        moved = now.value - before.value
        shape = (len(homes), len(ends))
        self.moved = moved.reshape(shape)
        self.is_read = (now.known & (np.abs(moved) > _NOTHING)).reshape(shape)


def _list_ends(readings: pa.Table, as_of: dt.datetime) -> Ints:
    """When periods end, microseconds since 1970, counted back from the last."""
    last = int(as_of.timestamp() * 1_000_000)
    first = pc.min(readings["at"].cast(pa.int64())).as_py()
    count = 0 if first is None else max((last - first) // (PERIOD_DAYS * DAY_US), 0)
    return last - np.arange(count, -1, -1, dtype=np.int64) * PERIOD_DAYS * DAY_US


def _count_turns(turns: pa.Table, homes: list[str], ends: Ints) -> Floats:
    """log(1 + turns) in each period; shape (relationships, periods)."""
    dated = turns.filter(pc.and_(pc.is_valid(turns["sent_at"]), pc.is_valid(turns["relationship"])))
    home = pc.index_in(dated["relationship"], pa.array(homes, pa.string())).to_numpy().astype(np.int64)
    place = np.searchsorted(ends, dated["sent_at"].cast(pa.int64()).to_numpy())
    inside = place < len(ends)
    counts = np.bincount(home[inside] * len(ends) + place[inside], minlength=len(homes) * len(ends))
    return np.log1p(counts.astype(np.float64)).reshape(len(homes), len(ends))


def _link(shown: _News, held: _News, volume: Floats, *, ahead: int) -> Link:
    """The facet's news against HELD's, so many periods ahead."""
    periods = shown.moved.shape[1]
    home, period = np.nonzero(shown.is_read)
    later = period + ahead
    kept = (later >= 0) & (later < periods)
    home, period, later = home[kept], period[kept], later[kept]
    answered = held.is_read[home, later]
    home, period, later = home[answered], period[answered], later[answered]
    others = np.column_stack([np.where(held.is_read, held.moved, 0.0)[home, period], volume[home, period]])
    stretch = home * (periods // STRETCH + 1) + period // STRETCH
    return link_within(shown.moved[home, period], held.moved[home, later], others, stretch=stretch, home=home)


def _find_ratios(
    paths: Mapping[str, ScorePaths], deals: DealBook, steps: pa.Table, turns: pa.Table
) -> dict[str, Ratio]:
    """The odds of winning a week, by facet, read as `troth worth` reads them; none where too few were won."""
    if int((deals.deals.end == NAMES["won"]).sum()) < LEAST_ENDS:
        return {}
    periods = thin_weeks(cut_weeks(deals.deals))
    if not len(periods):
        return {}
    facts = AccountFacts(deals, turns=turns.select(["relationship", "sent_at"]), steps=steps)
    found: dict[str, Ratio] = {}
    start = None
    for code, path in paths.items():
        start = fit_worth(
            deals.deals, deals.relationships, path, lag=MAIN_LAG, facts=facts.of_weeks, start=start, periods=periods
        )
        found[code] = tell_ratio(start, "won")
    return found


def _tell(
    fitted: list[tuple[str, Link, Link]], ratios: Mapping[str, Ratio], rng: np.random.Generator, shuffles: int
) -> list[Suggestion]:
    enough = [link for _, link, _ in fitted if link.enough]
    drawn = pool(
        np.array([link.slope for link in enough]), np.array([link.error for link in enough]), centre=0.0,
        centre_sd=_SLOPE_SD, spread_sd=_SLOPE_SD,
    )  # fmt: skip
    told = iter(zip(drawn.values.tolist(), drawn.errors.tolist(), strict=True))
    reach = float(norm.ppf(0.975))
    listed: list[Suggestion] = []
    for code, link, before in fitted:
        slope, error = next(told) if link.enough else (math.nan, math.nan)
        p, placebo_p = (
            shuffle_blocks(one.pull, one.exposure, one.stretch, rng, shuffles=shuffles) if link.enough else math.nan
            for one in (link, before)
        )
        low, high = slope - reach * error, slope + reach * error
        listed.append(
            Suggestion(
                facet=code, link=link, slope=slope, low=low, high=high, p=p, placebo_p=placebo_p,
                verdict=judge_link(low, high, p, enough=link.enough, placebo=before.slope, placebo_p=placebo_p),
                won=ratios.get(code), practices=practices_of(code),
            )
        )  # fmt: skip
    return listed


_ORDER: Final = ("goes with", "doubtful", "nothing found", "goes against", "not enough to say")


def _rank(one: Suggestion) -> tuple[int, float, int]:
    return _ORDER.index(one.verdict), -one.slope if one.link.enough else 0.0, list(SHOWN).index(one.facet)


def _told(value: float, *, enough: bool) -> float | None:
    return value if enough and math.isfinite(value) else None
