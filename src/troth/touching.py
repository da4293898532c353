"""The touch-point map: where customers meet us, what each place shows, and where it does not join up.

A touch point is a channel in a stage of the relationship, such as mail in service. Only turns between us and customers
count. Everything here is found anew from the book; nothing is kept.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, ndtri

from troth.pipeline import Standing, Understood, find_open_hours
from troth.settings import Settings
from troth.signals import HELD, SHOWN
from troth.told import Told
from troth.touch import (
    UNKNOWN,
    Evidence,
    Pair,
    Repeat,
    Spread,
    Typical,
    Waits,
    find_first_answers,
    find_hand_overs,
    find_typical,
    pool_levels,
)
from troth.touch.tables import FLAT, SHOWN_THERE, TOUCHPOINTS
from troth.touchjoins import find_pairs, find_repeated, share_same_words, tabulate_heard, tabulate_repeated
from troth.touchscene import Scene, code_names, read_flags, set_scene
from troth.trust import DEFAULT_MODEL, Model, rescale
from troth.worktime import OpenHours

if TYPE_CHECKING:
    from troth.charts import Chart, Theme


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchMap:
    """The touch points of a book or of one customer, and what does not join up between them."""

    points: pa.Table  # TOUCHPOINTS
    shown: pa.Table  # SHOWN_THERE
    heard: pa.Table  # HEARD
    repeated: pa.Table  # REPEATED
    notes: tuple[Told, ...]  # what cannot be said, and why
    customer: str | None = None  # the one that is looked at

    @property
    def suspected(self) -> pa.Table:
        """HEARD that is suspected of contradicting."""
        return self.heard.filter(pc.equal(self.heard["verdict"], "suspected"))

    def list_rows(self) -> list[dict[str, Any]]:
        """Everything as flat rows; `part` says what a row is of, and each row has the columns of its part alone."""
        parts = {"touch point": self.points, "shown": self.shown, "heard": self.heard, "repeated": self.repeated}
        rows = [{"part": part} | row for part, table in parts.items() for row in table.to_pylist()]
        return [*rows, *({"part": "note", "note": note} for note in self.notes)]

    def to_table(self) -> pa.Table:
        """`list_rows` as one table, null where a column is not of the row's part."""
        return pa.Table.from_pylist(self.list_rows(), schema=FLAT)

    def chart(self, *, theme: Theme = "light", say: Callable[[str], str] = str) -> Chart:
        """What each touch point shows: one panel a facet, with 80 % bands.

        Raises: InputError when the charts extra is not installed, or nothing was read at a touch point yet.
        """
        from troth.charts import draw_touchpoints  # noqa: PLC0415  # heavy, and an extra

        return draw_touchpoints(self.shown, title=self._name(say), theme=theme, say=say)

    def _name(self, say: Callable[[str], str]) -> str:
        if self.customer is None:
            return say("What touch points show")
        return say("What touch points show {customer}").format(customer=self.customer)


def map_touchpoints(
    known: Understood,
    standing: Standing,
    model: Model = DEFAULT_MODEL,
    *,
    settings: Settings,
    outcomes: pa.Table | None = None,
    relationship: str | None = None,
    spread: Spread | None = None,
) -> TouchMap:
    """The touch points of a book, or of one relationship.

    Args:
        known: turns, placed, and their sentences.
        standing: questions and readings as of its time; later turns are left out.
        model: constants of the trust filter.
        settings: whose rules say which touch point is which stage, and when we work.
        outcomes: OUTCOMES; deals tell sales from onboarding.
        relationship: only this one.
        spread: how far levels lie apart; start values if not given.

    Cost: linear in the turns and sentences.
    """
    scene = set_scene(known, standing, settings, outcomes)
    facts = find_pairs(scene, settings.calendar())
    repeats = find_repeated(scene, standing.questions)
    chosen = np.ones(len(scene.said), bool)
    if relationship is not None:
        chosen = np.array([one.relationship == relationship for one in scene.said], bool)
        facts = [(pair, verdict) for pair, verdict in facts if chosen[pair.later.row]]
        repeats = [repeat for repeat in repeats if chosen[repeat.line.row]]
    hours = find_open_hours(scene.turns, settings.calendar(), standing.now)
    points = _tabulate_points(scene, chosen, facts, repeats, _measure_waits(scene, standing, hours, chosen))
    readings = standing.readings
    if relationship is not None:
        readings = readings.filter(pc.equal(readings["relationship"], relationship))
    spread = spread or Spread()
    shown = _pool_readings(scene, readings, model, spread if relationship is None else spread.within_one())
    return TouchMap(
        points=points,
        shown=shown,
        heard=tabulate_heard(scene, facts),
        repeated=tabulate_repeated(scene, repeats),
        notes=tuple(_list_notes(scene, chosen, points, shown)),
        customer=relationship,
    )


def _measure_waits(
    scene: Scene, standing: Standing, hours: OpenHours, chosen: np.ndarray[Any, np.dtype[np.bool_]]
) -> dict[str, list[Typical]]:
    """First answers and hand-overs of each touch point, in working hours.

    A turn that opened a conversation, asked nothing and was never answered waited for nothing, and does not count.
    """
    people = np.flatnonzero(~scene.is_automatic)
    talk = code_names([scene.said[row].conversation for row in people.tolist()])
    speaker = code_names([scene.said[row].speaker for row in people.tolist()])
    spoken = standing.questions.filter(standing.questions["spoken"])
    asks = read_flags(pc.is_in(scene.turns["turn_id"], pc.unique(spoken["turn_id"])))
    found = {
        "first_answer": find_first_answers(talk, scene.is_us[people], asks[people]),
        "hand_over": find_hand_overs(talk, scene.is_us[people], speaker),
    }
    home = code_names([one.relationship for one in scene.said])
    sent = scene.turns["sent_at"].to_numpy().astype("datetime64[us]")
    end = np.datetime64(standing.now.astimezone(dt.UTC).replace(tzinfo=None), "us")
    elsewhere = _answered_elsewhere(spoken)
    ids = scene.turns["turn_id"].to_pylist()
    typical: dict[str, list[Typical]] = {}
    for name, waits in found.items():
        turn, since, until = _locate(waits, people)
        at, is_ended = sent[since], until >= 0
        waits_for_it = np.ones(len(turn), bool)
        ended = np.where(is_ended, sent[until], end)
        if name == "first_answer":
            other = np.array([elsewhere.get(ids[row], "NaT") for row in since.tolist()], "datetime64[us]")
            sooner = ~np.isnat(other) & (other < ended)
            ended = np.where(sooner, other, ended)
            is_ended |= sooner
            waits_for_it = is_ended | asks[since]
        good = chosen[turn] & ~np.isnat(at) & ~np.isnat(ended) & waits_for_it
        lasted = np.zeros(len(turn))
        lasted[good] = hours.between(at[good], ended[good])
        typical[name] = [
            find_typical(lasted[mine], is_ended[mine], home[turn[mine]])
            for code in range(len(scene.points))
            for mine in [np.flatnonzero(good & (scene.point[turn] == code))]
        ]
    return typical


def _locate(waits: Waits, people: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[Any, Any, Any]:
    """Rows of the scene instead of rows among the turns by people."""
    return people[waits.turn], people[waits.since], np.where(waits.until >= 0, people[waits.until], -1)


def _answered_elsewhere(questions: pa.Table) -> dict[str, np.datetime64]:
    """When the questions of a turn were all answered, wherever that was."""
    answered: dict[str, np.datetime64] = {}
    is_open: set[str] = set()
    columns = (questions[name].to_pylist() for name in ("turn_id", "state", "answered_at"))
    for turn_id, state, at in zip(*columns, strict=True):
        if state != "answered" or at is None:
            is_open.add(turn_id)
        else:
            moment = np.datetime64(at.astimezone(dt.UTC).replace(tzinfo=None), "us")
            answered[turn_id] = max(moment, answered.get(turn_id, moment))
    return {turn_id: at for turn_id, at in answered.items() if turn_id not in is_open}


def _tabulate_points(
    scene: Scene,
    chosen: np.ndarray[Any, np.dtype[np.bool_]],
    facts: Sequence[tuple[Pair, str]],
    repeats: Sequence[Repeat],
    typical: Mapping[str, Sequence[Typical]],
) -> pa.Table:
    verdicts = Counter((int(scene.point[pair.later.row]), verdict) for pair, verdict in facts)
    repeated = Counter(int(scene.point[repeat.line.row]) for repeat in repeats)
    same_words = share_same_words(scene, chosen)
    sent = scene.turns["sent_at"].to_pylist()
    rows: list[dict[str, Any]] = []
    for code, (channel, stage) in enumerate(scene.points):
        here = np.flatnonzero((scene.point == code) & chosen)
        if not len(here):
            continue
        us, automatic = scene.is_us[here], scene.is_automatic[here]
        times = [sent[row] for row in here.tolist() if sent[row] is not None]
        counts = {verdict: verdicts[code, verdict] for verdict in ("same", "changed", "suspected")}
        rows.append(
            {
                "channel": channel,
                "stage": stage,
                "turns_us": int((us & ~automatic).sum()),
                "turns_them": int((~us).sum()),
                "automatic": int((us & automatic).sum()),
                "customers": len({scene.said[row].relationship for row in here.tolist()}),
                "speakers": len({scene.said[row].speaker for row in here[us & ~automatic].tolist()}),
                "first_turn": min(times, default=None),
                "last_turn": max(times, default=None),
                **_tell_typical("first_answer", typical["first_answer"][code]),
                **_tell_typical("hand_over", typical["hand_over"][code]),
                "said_twice": sum(counts.values()),
                "agree": counts["same"],
                "changed": counts["changed"],
                "suspected": counts["suspected"],
                "repeats": repeated[code],
                "same_words": same_words.get(code),
            }
        )
    return pa.Table.from_pylist(rows, schema=TOUCHPOINTS)


def _tell_typical(name: str, typical: Typical) -> dict[str, Any]:
    parts = ("median", "median_low", "median_high", "most", "most_low", "most_high")
    told = {f"{name}_{part}_h": getattr(typical, part) for part in parts}
    return {f"{name}s": typical.waits, f"{name}s_open": typical.waits - typical.ended, **told}


def _pool_readings(scene: Scene, readings: pa.Table, model: Model, spread: Spread) -> pa.Table:
    """SHOWN_THERE: what was read of each customer at each touch point, pooled over customers, each facet by itself."""
    place = pc.index_in(readings["turn_id"], scene.turns["turn_id"].combine_chunks())
    known = pc.is_valid(place)
    readings, rows = rescale(readings.filter(known), model.yardsticks), place.filter(known).to_numpy().astype(np.int64)
    if not readings.num_rows:
        return SHOWN_THERE.empty_table()
    home, point = code_names(readings["relationship"].to_pylist()), scene.point[rows]
    numbers = {name: readings[name].to_numpy() for name in ("lo", "hi", "v", "slope", "alpha", "beta")}
    half = float(ndtri(0.5 + model.band / 2))
    table: list[dict[str, Any]] = []
    for facet in (*SHOWN, *HELD):
        here = np.flatnonzero(read_flags(pc.equal(readings["facet"], facet)))
        if not len(here):
            continue
        evidence = Evidence(
            **{name: values[here] for name, values in numbers.items()}, customer=home[here], touchpoint=point[here]
        )
        pooled = pool_levels(evidence, touchpoints=len(scene.points), spread=spread)
        count = np.bincount(point[here], minlength=len(scene.points))
        met = np.bincount(np.unique(home[here] * len(scene.points) + point[here]) % len(scene.points))
        for code in np.flatnonzero(count).tolist():
            mean, wide = float(pooled.mean[code]), half * float(np.sqrt(pooled.var[code]))
            reliability = float(pooled.reliability[code])
            table.append(
                {
                    "channel": scene.points[code][0],
                    "stage": scene.points[code][1],
                    "gauge": "SHOWN" if facet in SHOWN else "HELD",
                    "facet": facet,
                    "percentile": 100.0 * float(ndtr(mean)) if reliability >= model.withhold_below else None,
                    "low": 100.0 * float(ndtr(mean - wide)),
                    "high": 100.0 * float(ndtr(mean + wide)),
                    "reliability": reliability,
                    "readings": int(count[code]),
                    "customers": int(met[code]),
                }
            )
    return pa.Table.from_pylist(table, schema=SHOWN_THERE)


def _list_notes(
    scene: Scene, chosen: np.ndarray[Any, np.dtype[np.bool_]], points: pa.Table, shown: pa.Table
) -> list[Told]:
    """What the map cannot say, and why."""
    if not chosen.any():
        return [Told("No turn with a customer is in the book, so there is no touch point. Read an export first.")]
    notes: list[Told] = []
    channels = sorted(set(points["channel"].to_pylist()))
    customers = {scene.said[row].relationship for row in np.flatnonzero(chosen).tolist()}
    speakers = {scene.said[row].speaker for row in np.flatnonzero(chosen & scene.is_us & ~scene.is_automatic).tolist()}
    if len(channels) == 1:
        notes.append(
            Told(
                "One channel only ({channel}): nothing can be said of whether channels agree, nor of what was said on "
                "others. Read chats, calls and tickets too.",
                channel=channels[0],
            )
        )
    if len(speakers) < 2 and len(channels) == 1:
        notes.append(
            Told("One of us speaks, over one channel: the same customer cannot hear something else from another.")
        )
    stages = [scene.staged.stage[row] for row in np.flatnonzero(chosen).tolist()]
    unknown = stages.count(UNKNOWN)
    if unknown:
        notes.append(
            Told(
                "The stage of {unknown} of {turns} turns is unknown: neither a source, a rule of [[touchpoints]] in "
                "troth.toml nor their words tell it.",
                unknown=unknown,
                turns=len(stages),
            )
        )
    if len(customers) == 1:
        notes.append(
            Told("One customer: what a touch point shows cannot be told from what this customer is shown everywhere.")
        )
    withheld = shown.filter(pc.is_null(shown["percentile"])).num_rows
    if shown.num_rows == 0:
        notes.append(Told("Nothing was read of any facet at these touch points yet."))
    elif withheld:
        notes.append(
            Told(
                "Not enough evidence for a number in {withheld} of {cells} cells; their bands are given.",
                withheld=withheld,
                cells=shown.num_rows,
            )
        )
    if bool(scene.is_automatic[chosen].any()):
        notes.append(Told("Mail that a program wrote is counted, and not read for what it says."))
    return notes
