"""Does trust beget trust in this book: open acts that meet open acts, and warmth inside before trust outside.

Everything is told of the book as a whole, of a circle, or of a customer that is a firm; never of an employee.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.lenses import WHOLE
from troth.readings import weigh_findings
from troth.reciprocity.measure import PLAIN, SHUFFLES, Answering, Ratio, measure_both, tells_enough
from troth.reciprocity.says import Says, gather_says
from troth.reciprocity.team import Lagged, TeamSize, judge_weeks, link_weeks
from troth.trust import DEFAULT_MODEL, Model, follow
from troth.worth.frozen import DAY_US, ScorePaths
from troth.worthing import find_fading

if TYPE_CHECKING:
    from troth.charts import Chart, Theme
    from troth.pipeline import Understood

Floats = NDArray[np.float64]

CIRCLES: Final = ("customer", "friend")
"""Circles looked at as a whole. Inside the firm a relationship may be one colleague, so none is."""
COLUMNS: Final = (
    "scope", "first", "check", "ratio", "slope", "low", "high", "p", "enough", "pairs", "blocks", "relationships",
    "opened", "answered", "verdict", "note",
)  # fmt: skip
"""Of `Reciprocity.list_rows`: `opened` and `answered` count pairs; ratio (the team: slope), low (95 %), high, p are
null where there is not enough to say."""

_SEED: Final = 83
_WEEK_US: Final = 7 * DAY_US
_MONDAY_US: Final = 4 * DAY_US  # 5 January 1970
_TEAM_FACETS: Final = ("OP", "RG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Colleagues first: what was found of the team as a whole, or why it was not looked at."""

    size: TeamSize
    refusal: str | None
    lagged: tuple[Lagged, ...]

    def say(self) -> str:
        """One sentence."""
        return self.refusal or judge_weeks(list(self.lagged))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reciprocity:
    """What goes with open acts in one book.

    Attributes:
        circles: of each circle with pairs, both directions.
        firms: of each customer that is a firm and tells enough on its own.
        inside: the team.
    """

    circles: Mapping[str, tuple[Answering, Answering]]
    firms: Mapping[str, tuple[Answering, Answering]]
    inside: Inside

    def say(self) -> list[str]:
        """One sentence for each circle and direction, then one for the team."""
        lines = [say_answering(one, circle) for circle, both in self.circles.items() for one in both]
        return [*(lines or ["No pair of turns to look at: nobody answered anybody yet."]), self.inside.say()]

    def list_rows(self) -> list[dict[str, Any]]:
        """Everything as rows with COLUMNS, for tables, CSV and JSON lines."""
        rows = [
            _tell_ratio(ratio, one, scope)
            for scope, both in [*self.circles.items(), *self.firms.items()]
            for one in both
            for ratio in one.ratios
        ]
        rows += [_tell_lag(one) for one in self.inside.lagged]
        rows.append({"scope": "team", "verdict": self.inside.say(), "relationships": self.inside.size.relationships})
        return [dict.fromkeys(COLUMNS) | row for row in rows]

    def chart(self, circle: str = "customer", *, theme: Theme = "light") -> Chart:
        """A forest plot of one circle: the ratio of each direction and every check.

        Raises: InputError when there is nothing to draw, or the charts extra is not installed.
        """
        from troth.charts import draw_reciprocity  # noqa: PLC0415 - needs an extra

        rows = [row | {"plain": PLAIN[row["check"]]} for row in self.list_rows() if row["scope"] == circle]
        return draw_reciprocity(rows, theme=theme)


def measure_reciprocity(
    known: Understood,
    readings: pa.Table,
    *,
    main: Callable[[str], str],
    model: Model = DEFAULT_MODEL,
    segments: Mapping[str, str] | None = None,
    until: dt.datetime | None = None,
    shuffles: int = SHUFFLES,
    seed: int = _SEED,
) -> Reciprocity:
    """Measure both directions in each circle and firm, and the team.

    Args:
        known: placed turns with their sentences and findings.
        readings: READINGS of the same book, for trust held.
        main: the one name of a person who writes under several.
        model, segments: of the trust filter.
        until: turns after it are not there yet; those without a time are.
        shuffles, seed: of the permutations; the same book gets the same figures.
    """
    rng = np.random.default_rng(seed)
    if until is not None:
        in_time = pc.less_equal(known.turns["sent_at"], pa.scalar(until, known.turns["sent_at"].type))
        known = replace(known, turns=known.turns.filter(pc.fill_null(in_time, True)))
    circles: dict[str, tuple[Answering, Answering]] = {}
    firms: dict[str, tuple[Answering, Answering]] = {}
    for circle in CIRCLES:
        says = gather_says(known.turns.filter(pc.equal(known.turns["circle"], circle)), known.sentences, known.findings)
        both = measure_both(says, rng, shuffles=shuffles)
        if any(one.pairs for one in both):
            circles[circle] = both
        if circle == "customer":
            firms = {name: measure_both(alone, rng, shuffles=shuffles) for name, alone in _split_firms(says)}
    inside = _measure_inside(known, readings, main=main, model=model, segments=segments, rng=rng, shuffles=shuffles)
    return Reciprocity(circles=circles, firms=firms, inside=inside)


def _split_firms(says: Says) -> Iterator[tuple[str, Says]]:
    """Each customer that tells enough on its own. A private address is a person's: nothing is told of a person."""
    ends = np.searchsorted(says.relationship, np.arange(len(says.names) + 1))
    for number, name in enumerate(says.names):
        alone = says.take(np.arange(ends[number], ends[number + 1]))
        if "@" not in name and tells_enough(alone):
            yield name, alone


def say_answering(one: Answering, scope: str) -> str:
    """The finding of one direction in one sentence.

    What is found "goes with"; that one act brings the other is never said.
    """
    them = {"customer": "customers", "friend": "friends"}.get(scope, scope)
    act = "An open act of ours" if one.first == "us" else f"An open act of {them}"
    answer = f"one in {them}' next turn" if one.first == "us" else "one in our next turn"
    main = one.find("main")
    if one.verdict == "not enough to say":
        counts = f"{one.pairs} pairs, {one.opened} open first, {one.both} of these answered openly"
        return f"{act} and {answer}: not enough to say ({counts}; {'; '.join(one.reasons)})."
    figures = f"{main.ratio:.2f} times the odds, 95 % {main.low:.2f} to {main.high:.2f}, p {_say_p(main.p)}"
    if one.verdict == "nothing found":
        return f"{act} goes measurably neither with nor against {answer} ({figures})."
    if one.verdict == "goes against":
        return f"{act} goes with fewer odds of {answer} ({figures})."
    if one.verdict == "doubtful":
        return f"{act} and {answer}: doubtful ({figures}): {'; '.join(one.reasons)}."
    back = one.find("time reversed")
    order = ""
    if back.raised and back.ratio > math.sqrt(main.ratio):
        order = " Turned back in time it holds too: which of the two comes first cannot be told."
    return f"{act} goes with {answer} ({figures}).{order}"


def _say_p(p: float) -> str:
    return f"{p:.3f}".lstrip("0") if p >= 0.001 else "under .001"


def _tell_ratio(ratio: Ratio, one: Answering, scope: str) -> dict[str, Any]:
    return {
        "scope": scope, "first": one.first, "check": ratio.check,
        **{name: _told(getattr(ratio, name), enough=ratio.enough) for name in ("ratio", "low", "high", "p")},
        "enough": ratio.enough, "pairs": ratio.pairs, "blocks": ratio.blocks, "relationships": ratio.relationships,
        "opened": one.opened, "answered": one.answered,
        "verdict": one.verdict if ratio.check == "main" else None,
        "note": "; ".join(one.reasons) or None if ratio.check == "main" else None,
    }  # fmt: skip


def _tell_lag(one: Lagged) -> dict[str, Any]:
    weeks = f"{abs(one.lag)} weeks {'before' if one.is_placebo else 'after'}"
    return {
        "scope": "team", "first": "us", "check": f"customers' trust {weeks}",
        **{name: _told(getattr(one, name), enough=True) for name in ("slope", "low", "high", "p")},
        "pairs": one.weeks, "note": "slope: standard deviations; pairs: weeks",
    }  # fmt: skip


def _told(value: float, *, enough: bool) -> float | None:
    return value if enough and math.isfinite(value) else None


def _measure_inside(
    known: Understood,
    readings: pa.Table,
    *,
    main: Callable[[str], str],
    model: Model,
    segments: Mapping[str, str] | None,
    rng: np.random.Generator,
    shuffles: int,
) -> Inside:
    """The whole team's weeks beside customers' news; refused for a team too small before anything is fitted."""
    turns = known.turns
    inner = turns.filter(
        pc.and_(
            pc.and_(pc.equal(turns["circle"], "colleague"), pc.invert(turns["automatic"])),
            pc.is_valid(turns["sent_at"]),
        )
    )
    # Inside the firm everybody is us: the owner's own view of colleagues as "them" is no matter here.
    side = inner.schema.get_field_index("side")
    inner = inner.set_column(side, inner.schema.field("side"), pa.repeat(pa.scalar("us"), inner.num_rows))
    evidence = weigh_findings(inner, known.sentences, known.findings)
    evidence = evidence.filter(pc.is_in(evidence["facet"], pa.array(_TEAM_FACETS)))
    who = dict(zip(inner["turn_id"].to_pylist(), inner["speaker"].to_pylist(), strict=True))
    homes = {home for home, segment in (segments or {}).items() if segment == "customer"}
    held = readings.filter(
        pc.and_(
            pc.is_in(readings["facet"], pa.array(list(WHOLE["held"].weights))),
            pc.is_in(readings["relationship"], pa.array(sorted(homes), pa.string())),
        )
    )
    first, weeks = _span_weeks(inner, held)
    inside = _follow_inside(evidence, inner, first, weeks)
    customers = sorted(set(held["relationship"].to_pylist()))
    news = _follow_news(held, customers, first, weeks, model=model, segments=segments)
    size = TeamSize(
        people=len({main(speaker) for speaker in who.values()}),
        with_evidence=len({main(who[turn]) for turn in set(evidence["turn_id"].to_pylist())}),
        relationships=len(customers),
        weeks=int((np.isfinite(inside) & np.isfinite(news)).sum()),
    )
    refusal = size.refuse()
    lagged = () if refusal else tuple(link_weeks(inside, news, rng, shuffles=shuffles))
    return Inside(size=size, refusal=refusal, lagged=lagged)


def _span_weeks(inner: pa.Table, held: pa.Table) -> tuple[int, int]:
    """When the first week begins, microseconds since 1970, and how many there are."""
    times = [*_times(inner["sent_at"]), *_times(held["at"])]
    if not times:
        return 0, 0
    first = (min(times) - _MONDAY_US) // _WEEK_US * _WEEK_US + _MONDAY_US
    return first, (max(times) - first) // _WEEK_US + 1


def _times(column: pa.ChunkedArray) -> list[int]:
    return [
        at
        for at in (pc.min(column.cast(pa.int64())).as_py(), pc.max(column.cast(pa.int64())).as_py())
        if at is not None
    ]


def _follow_inside(evidence: pa.Table, inner: pa.Table, first: int, weeks: int) -> Floats:
    """The team's openness and regard, week by week, each in standard deviations of its weeks; NaN without a turn.

    A turn counts once for each facet, however long it is.
    """
    at = dict(zip(inner["turn_id"].to_pylist(), inner["sent_at"].cast(pa.int64()).to_pylist(), strict=True))
    by_turn = evidence.group_by(["facet", "turn_id"], use_threads=False).aggregate([("raw", "mean")]).to_pylist()
    levels: list[Floats] = []
    for facet in _TEAM_FACETS:
        mine = [row for row in by_turn if row["facet"] == facet]
        week = np.array([(at[row["turn_id"]] - first) // _WEEK_US for row in mine], np.int64)
        raw = np.array([row["raw_mean"] for row in mine], np.float64)
        count = np.bincount(week, minlength=weeks).astype(np.float64)
        level = np.full(weeks, np.nan)
        level[count > 0] = np.bincount(week, raw, weeks)[count > 0] / count[count > 0]
        spread = float(np.nanstd(level)) if np.isfinite(level).any() else 0.0
        flat = np.where(np.isfinite(level), 0.0, np.nan)
        levels.append(np.asarray((level - np.nanmean(level)) / spread if spread > 0 else flat, np.float64))
    return np.asarray(np.mean(levels, axis=0), np.float64)


def _follow_news(
    held: pa.Table,
    customers: list[str],
    first: int,
    weeks: int,
    *,
    model: Model,
    segments: Mapping[str, str] | None,
) -> Floats:
    """What each week's evidence moved trust held by, averaged over the customers it moved; NaN where it moved none."""
    news = np.full(weeks, np.nan)
    if not customers:
        return news
    paths = ScorePaths(follow(held, model, segments=segments), WHOLE["held"], find_fading(model, WHOLE["held"]))
    for week in range(weeks):
        ends = np.full(len(customers), first + (week + 1) * _WEEK_US, np.int64)
        now = paths.freeze(customers, ends, days_before=0.0)
        # The week before, faded to the same moment: what is left is what came in between.
        before = paths.freeze(customers, ends, days_before=7.0)
        moved = now.value - before.value
        touched = now.known & (np.abs(moved) > 1e-12)
        if touched.any():
            news[week] = float(moved[touched].mean())
    return news
