"""The day's close: six checkpoints per circle with the sentences that say so, what is open, and one thing to do.

Everything here is chosen from tables; nothing is computed anew. A number with a reliability under one half is
withheld and its band is shown instead (MEASUREMENT.md section 4.6).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from troth.lenses import CHECKPOINTS, Pillar
from troth.review.asking import ACTS_ALONE, WAITING, Asking, tell_asking
from troth.review.tomorrow import Suggestion, suggest
from troth.signals import CATALOGUE, SHOWN
from troth.told import Told

CIRCLES: Final = ("customer", "colleague", "friend")
DAY_SCOPE: Final = "day:"
"""Scores of one circle on one day carry this prefix and the circle as their scope."""

_PASSED_OVER: Final = MappingProxyType(
    {
        "RS": Told("a claim that stands without a reason"),
        "CL": Told("the densest sentence"),
        "AT": Told("a worry was voiced, and this answers past it"),
    }
)
"""Facets whose unused occasion is worth showing, and how. Not admitting or disclosing anything is no shortfall."""

_STATES: Final = MappingProxyType(
    {
        "open": Told("due"),
        "kept": Told("kept"),
        "late": Told("kept late"),
        "suspected": Told("overdue, nothing shows it was done"),
        "broken": Told("broken"),
        "withdrawn": Told("withdrawn"),
        "unknown": Told("unknown"),
    }
)

_NO_PROOF: Final = Told("")
_LONGEST_QUOTE: Final = 240
_CLOCKS_DIFFER: Final = dt.timedelta(hours=26)  # the day can be another one around the world
_APART: Final = dt.timedelta(days=60)
_FRESH: Final = dt.timedelta(days=28)  # a question open for longer is counted, not listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One sentence as evidence."""

    text: str
    why: Told
    relationship: str
    turn_id: str
    start: int
    end: int
    signal: str | None
    probability: float | None
    facet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A score as shown: percentiles of the reference population, 80 % band; `percentile` None where withheld."""

    percentile: float | None
    low: float
    high: float
    reliability: float
    readings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One of the six questions at the end of the day; `gauge` is None where the day held no occasion for it."""

    name: str
    plain: str
    gauge: Gauge | None
    best: Quote | None
    worst: Quote | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircleClose:
    """One circle on one day."""

    circle: str
    written: int  # turns of ours
    received: int  # turns of theirs
    relationships: int
    checkpoints: tuple[Checkpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredForecast:
    """How the last forecast did against the base rate, and all of them so far."""

    day: dt.date
    since: dt.date  # of the first forecast
    readings: int  # of that day
    gain: float  # nats a reading by which it beat the base rate
    wealth: Told  # of a bet against the base rate over all days, as people read it
    has_won: bool  # over all days


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The books of one day."""

    day: dt.date
    zone: str
    circles: tuple[CircleClose, ...]
    promises: tuple[Mapping[str, Any], ...]  # rows of PROMISES that are due, late or suspected, ours first
    questions: tuple[Mapping[str, Any], ...]  # rows of QUESTIONS still open and asked within the last four weeks
    questions_older: int  # open for longer
    tomorrow: Suggestion
    gaps: tuple[Mapping[str, Any], ...] = ()  # relationship, shown_rose, held_rose, text: SHOWN rose, HELD did not
    proof: Told = _NO_PROOF  # how the last forecast did, in one line
    forecast: ScoredForecast | None = None  # the same in parts
    asking: tuple[Asking, ...] = ()  # open questions of trust of the last four weeks, a line for each circle


def name_state(promise: Mapping[str, Any], evening: dt.datetime) -> Told:
    """How the state of a promise reads to a person on that evening."""
    if promise["state"] == "open" and promise["due_latest"] is not None and promise["due_latest"] < evening:
        return Told("was due")
    return _STATES[promise["state"]]


def find_last_day(turns: pa.Table, zone: str, *, clock: dt.datetime | None = None) -> dt.date | None:
    """The local day of the latest turn that somebody wrote; None where no turn has a time.

    Turns that lie ahead of `clock`, and weeks behind all that do not, carry a wrong date (forged, or of a machine whose
    clock was never set) and say nothing of the day that it is.
    """
    said = turns["sent_at"].filter(pc.invert(turns["automatic"])).drop_null()
    latest: dt.datetime | None = pc.max(said).as_py()
    if latest is None:
        return None
    if clock is not None and latest > clock + _CLOCKS_DIFFER:
        is_ahead = pc.greater(said, pa.scalar(clock + _CLOCKS_DIFFER, said.type))
        before: dt.datetime | None = pc.max(said.filter(pc.invert(is_ahead))).as_py()
        if before is not None and pc.min(said.filter(is_ahead)).as_py() - before > _APART:
            latest = before
    return latest.astimezone(ZoneInfo(zone)).date()


def day_bounds(day: dt.date, zone: str) -> tuple[dt.datetime, dt.datetime]:
    """Local midnight to local midnight, in UTC; 23 or 25 hours apart where clocks change."""
    here = ZoneInfo(zone)
    start = dt.datetime.combine(day, dt.time(), here)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), here)
    return start.astimezone(dt.UTC), end.astimezone(dt.UTC)


def in_day(table: pa.Table, column: str, bounds: tuple[dt.datetime, dt.datetime]) -> pa.Table:
    """The rows whose time lies in [start, end)."""
    start, end = (pa.scalar(bound, table[column].type) for bound in bounds)
    inside = pc.and_(pc.greater_equal(table[column], start), pc.less(table[column], end))
    return table.filter(pc.fill_null(inside, False))


def close_day(
    day: dt.date,
    *,
    zone: str,
    turns: pa.Table,
    sentences: pa.Table,
    evidence: pa.Table,
    promises: pa.Table,
    questions: pa.Table,
    scores: pa.Table,
    circles: Sequence[str] = CIRCLES,
    gaps: Sequence[Mapping[str, Any]] = (),
    falls: Mapping[str, float] = MappingProxyType({}),
) -> Close:
    """Close the books of a day.

    Args:
        day: the local day.
        zone: IANA name of the zone whose midnight closes the books.
        turns: TURNS, placed; sentences, evidence: of these turns; promises, questions: as of the evening.
        scores: SCORES with scopes "day:customer", "day:colleague", "day:friend" of this day, lens "triangle".
        circles: which to close.
        gaps: where SHOWN rose lately and HELD did not, with the sentence that says so.
        falls: by how much the last weeks lowered trust held, standard deviations, by relationship.
    """
    bounds = day_bounds(day, zone)
    today = in_day(turns, "sent_at", bounds).filter(pc.invert(in_day(turns, "sent_at", bounds)["automatic"]))
    quotes = _Quotes(today, sentences, evidence)
    fresh = bounds[1] - _FRESH
    unanswered, older = _find_open(questions, circles, since=fresh)
    return Close(
        day=day,
        zone=zone,
        circles=tuple(_close_circle(circle, today, quotes, scores) for circle in circles),
        promises=tuple(_find_pressing(promises, bounds, circles)),
        questions=tuple(unanswered),
        questions_older=older,
        tomorrow=suggest(day, zone=zone, promises=promises, questions=questions, circles=circles, falls=falls),
        gaps=tuple(gaps),
        asking=tuple(tell_asking(questions, circles, since=fresh, until=bounds[1])),
    )


def _close_circle(circle: str, today: pa.Table, quotes: _Quotes, scores: pa.Table) -> CircleClose:
    own = today.filter(pc.equal(today["circle"], circle))
    gauges = {
        row["pillar"]: Gauge(
            percentile=row["percentile"],
            low=row["low"],
            high=row["high"],
            reliability=row["reliability"],
            readings=row["readings"],
        )
        for row in scores.filter(pc.equal(scores["scope"], DAY_SCOPE + circle)).to_pylist()
        if row["readings"]
    }
    return CircleClose(
        circle=circle,
        written=pc.sum(pc.equal(own["side"], "us")).as_py() or 0,
        received=pc.sum(pc.equal(own["side"], "them")).as_py() or 0,
        relationships=len(own["relationship"].unique()),
        checkpoints=tuple(
            Checkpoint(
                name=pillar.name,
                plain=pillar.plain,
                gauge=gauges.get(pillar.name),
                best=quotes.best(circle, pillar),
                worst=quotes.worst(circle, pillar),
            )
            for pillar in CHECKPOINTS
        ),
    )


class _Quotes:
    """The evidence of one day with its sentences at hand."""

    def __init__(self, today: pa.Table, sentences: pa.Table, evidence: pa.Table) -> None:
        whose = today.select(["turn_id", "relationship", "circle"])
        chosen = evidence.filter(pc.is_in(evidence["turn_id"], whose["turn_id"].combine_chunks()))
        texts = sentences.filter(pc.is_in(sentences["turn_id"], whose["turn_id"].combine_chunks()))
        joined = chosen.join(whose, "turn_id", join_type="inner").join(
            texts.select(["turn_id", "sentence", "text"]), ["turn_id", "sentence"], join_type="inner"
        )
        self._rows: list[dict[str, Any]] = sorted(joined.to_pylist(), key=lambda row: (row["turn_id"], row["sentence"]))

    def _of(self, circle: str, pillar: Pillar) -> list[dict[str, Any]]:
        return [row for row in self._rows if row["circle"] == circle and row["facet"] in pillar.weights]

    def best(self, circle: str, pillar: Pillar) -> Quote | None:
        """The sentence that speaks most for us."""
        rows = [row for row in self._of(circle, pillar) if row["raw"] > 0 and row["signal"]]
        return _quote(max(rows, key=lambda row: row["raw"])) if rows else None

    def worst(self, circle: str, pillar: Pillar) -> Quote | None:
        """The sentence that speaks most against us: a harmful act, or an occasion passed over where that matters."""
        rows = self._of(circle, pillar)
        harmful = [row for row in rows if row["raw"] < 0 and row["signal"]]
        if harmful:
            return _quote(min(harmful, key=lambda row: row["raw"]))
        missed = [row for row in rows if row["signal"] is None and row["facet"] in _PASSED_OVER]
        # Of many equals the longest says most; of a tie in raw evidence it is also the most exposed.
        return _quote(min(missed, key=lambda row: (round(row["raw"], 1), -len(row["text"])))) if missed else None


def _quote(row: Mapping[str, Any]) -> Quote:
    signal, text = row["signal"], row["text"]
    if signal is None or (signal == "clarity" and row["raw"] < 0):
        why = _PASSED_OVER[row["facet"]]
    elif signal == "clarity":
        why = Told("the plainest sentence")
    else:
        pattern = "{signal}: counts for {facet}" if CATALOGUE[signal].sign > 0 else "{signal}: counts against {facet}"
        why = Told(pattern, signal=Told(signal.replace("_", " ")), facet=Told(SHOWN[row["facet"]]))
    return Quote(
        text=text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…",
        why=why,
        relationship=row["relationship"],
        turn_id=row["turn_id"],
        start=row["start"],
        end=row["end"],
        signal=signal,
        probability=row["probability"],
        facet=row["facet"],
    )


def _find_pressing(
    promises: pa.Table, bounds: tuple[dt.datetime, dt.datetime], circles: Sequence[str]
) -> list[dict[str, Any]]:
    """Promises due today or within two days, overdue, suspected, kept or late today, or broken within four weeks.

    Ours come first, then the earliest due. What a person contested or withdrew is none of these.
    """
    soon = bounds[1] + dt.timedelta(days=2)
    settled, due = promises["state_at"], promises["due_latest"]
    is_new = pc.greater_equal(settled, pa.scalar(bounds[1] - _FRESH, settled.type))
    is_due = pc.and_(pc.equal(promises["state"], "open"), pc.less(due, pa.scalar(soon, due.type)))
    may_press = pc.or_kleene(pc.equal(promises["state"], "suspected"), pc.or_kleene(is_new, is_due))
    mine = pc.and_(pc.is_in(promises["circle"], pa.array(list(circles))), pc.fill_null(may_press, False))
    rows = [
        row
        for row in promises.filter(mine).to_pylist()
        if row["state"] == "suspected"
        or (row["state"] == "broken" and row["state_at"] is not None and row["state_at"] >= bounds[1] - _FRESH)
        or (row["state"] == "open" and row["due_latest"] is not None and row["due_latest"] < soon)
        or (row["state"] in {"late", "kept"} and row["state_at"] is not None and row["state_at"] >= bounds[0])
    ]
    return sorted(rows, key=lambda row: (row["side"] != "us", row["due_latest"] or soon, row["promise_id"]))


def _find_open(questions: pa.Table, circles: Sequence[str], *, since: dt.datetime) -> tuple[list[dict[str, Any]], int]:
    """Questions asked since then and still open, trust questions first, then the newest; and how many are older."""
    waits = pc.and_(
        pc.is_in(questions["state"], pa.array(sorted(WAITING))),
        pc.invert(pc.is_in(questions["act"], pa.array(sorted(ACTS_ALONE)))),
    )
    mine = questions.filter(pc.and_(waits, pc.is_in(questions["circle"], pa.array(list(circles)))))
    asked = mine["asked_at"]
    fresh = mine.filter(pc.fill_null(pc.greater_equal(asked, pa.scalar(since, asked.type)), False))
    rows = sorted(fresh.to_pylist(), key=lambda row: row["asked_at"], reverse=True)
    return sorted(rows, key=lambda row: row["kind"] == "direct"), mine.num_rows - fresh.num_rows
