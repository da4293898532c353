"""The touch-point map: where customers meet us, what each place shows, and where it does not join up.

A touch point is a channel in a stage of the relationship, such as mail in service. Only turns between us and customers
count. Everything here is found anew from the book; nothing is kept.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, ndtri

from troth.pipeline import Standing, Understood, find_open_hours
from troth.promises import Calendar, due
from troth.settings import Settings
from troth.signals import HELD, SHOWN
from troth.touch import (
    UNKNOWN,
    Day,
    Evidence,
    Fact,
    Line,
    Pair,
    Repeat,
    Said,
    Spread,
    Staged,
    StageRule,
    Typical,
    Waits,
    compare_facts,
    find_facts,
    find_first_answers,
    find_hand_overs,
    find_repeats,
    find_told,
    find_typical,
    pool_levels,
    tell_stages,
)
from troth.trust import DEFAULT_MODEL, Model, rescale
from troth.worktime import OpenHours

if TYPE_CHECKING:
    from troth.charts import Chart, Theme

_TIME: Final = pa.timestamp("us", tz="UTC")


def _typical_fields(name: str) -> list[pa.Field]:
    """Counts of waits, and in working hours their median and 90 % point with 80 % intervals."""
    parts = ("median", "median_low", "median_high", "most", "most_low", "most_high")
    return [
        pa.field(f"{name}s", pa.int64(), nullable=False),
        pa.field(f"{name}s_open", pa.int64(), nullable=False),  # have not ended
        *(pa.field(f"{name}_{part}_h", pa.float64()) for part in parts),
    ]


TOUCHPOINTS: Final = pa.schema(
    [
        pa.field("channel", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),  # of `touch.STAGES`, or unknown
        pa.field("turns_us", pa.int64(), nullable=False),  # by people
        pa.field("turns_them", pa.int64(), nullable=False),
        pa.field("automatic", pa.int64(), nullable=False),  # of ours, written by a program
        pa.field("customers", pa.int64(), nullable=False),
        pa.field("speakers", pa.int64(), nullable=False),  # of us
        pa.field("first_turn", _TIME),
        pa.field("last_turn", _TIME),
        *_typical_fields("first_answer"),
        *_typical_fields("hand_over"),
        pa.field(
            "said_twice", pa.int64(), nullable=False
        ),  # statements here on what another of us or channel told them
        pa.field("agree", pa.int64(), nullable=False),  # of these
        pa.field("changed", pa.int64(), nullable=False),  # differ, and the change was told or asked for
        pa.field("suspected", pa.int64(), nullable=False),  # differ, and nothing tells why
        pa.field("repeats", pa.int64(), nullable=False),  # sentences of theirs here that say or ask again
        pa.field("same_words", pa.float64()),  # share of our words here that went to another customer word for word
    ]
)
"""The touch points, those with most turns first."""

SHOWN_THERE: Final = pa.schema(
    [
        pa.field("channel", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("gauge", pa.string(), nullable=False),
        pa.field("facet", pa.string(), nullable=False),
        pa.field("percentile", pa.float64()),  # null where withheld: not enough evidence
        pa.field("low", pa.float64(), nullable=False),  # ends of the 80 % band, percentiles of relationships
        pa.field("high", pa.float64(), nullable=False),
        pa.field("reliability", pa.float64(), nullable=False),
        pa.field("readings", pa.int64(), nullable=False),
        pa.field("customers", pa.int64(), nullable=False),
    ]
)
"""What a typical customer meets at a touch point, facet by facet; rows with at least one reading."""


def _place_fields(name: str, *, nullable: bool = False) -> list[pa.Field]:
    parts: tuple[tuple[str, pa.DataType], ...] = (
        ("at", _TIME), ("speaker", pa.string()), ("channel", pa.string()), ("stage", pa.string()),
        ("text", pa.string()), ("turn_id", pa.string()), ("start", pa.int32()), ("end", pa.int32()),
    )  # fmt: skip
    return [pa.field(f"{name}_{part}", kind, nullable=nullable or part == "at") for part, kind in parts]


HEARD: Final = pa.schema(
    [
        pa.field("verdict", pa.string(), nullable=False),  # suspected, changed, same
        pa.field("kind", pa.string(), nullable=False),  # price, quantity, date, scope, name
        pa.field("relationship", pa.string(), nullable=False),
        *_place_fields("earlier"),
        *_place_fields("later"),
    ]
)
"""Two statements of ours to one customer on one matter, by two of us or over two channels; suspected ones first."""

REPEATED: Final = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # asked again, told again, says so
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("another", pa.string(), nullable=False),  # touch point, of us, both; empty where not known
        *_place_fields("later"),
        *_place_fields("earlier", nullable=True),  # null where they only say that they said it before
    ]
)
"""Sentences of theirs that say or ask again what they said or asked elsewhere."""

FLAT: Final = pa.schema(
    [
        pa.field("part", pa.string()),  # touch point, shown, heard, repeated, note
        *{
            field.name: pa.field(field.name, field.type)
            for part in (TOUCHPOINTS, SHOWN_THERE, HEARD, REPEATED)
            for field in part
        }.values(),
        pa.field("note", pa.string()),
    ]
)
"""Everything about the touch points in one table."""

_ENOUGH_WORDS: Final = 5  # of a sentence that can be a template's


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchMap:
    """The touch points of a book or of one customer, and what does not join up between them."""

    points: pa.Table  # TOUCHPOINTS
    shown: pa.Table  # SHOWN_THERE
    heard: pa.Table  # HEARD
    repeated: pa.Table  # REPEATED
    notes: tuple[str, ...]  # what cannot be said, and why
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

    def chart(self, *, theme: Theme = "light") -> Chart:
        """What each touch point shows: one panel a facet, with 80 % bands.

        Raises: InputError when the charts extra is not installed, or nothing was read at a touch point yet.
        """
        from troth.charts import draw_touchpoints  # noqa: PLC0415  # heavy, and an extra

        return draw_touchpoints(self.shown, title=f"What touch points show{_of(self.customer)}", theme=theme)


def _of(customer: str | None) -> str:
    return "" if customer is None else f" {customer}"


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
    scene = _set_scene(known, standing, settings, outcomes)
    facts = _find_pairs(scene, settings.calendar())
    repeats = _find_repeats(scene, standing.questions)
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
        heard=_tabulate_heard(scene, facts),
        repeated=_tabulate_repeated(scene, repeats),
        notes=tuple(_list_notes(scene, chosen, points, shown)),
        customer=relationship,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Scene:
    """The turns with customers, each conversation in order, and what the rules need of them."""

    turns: pa.Table
    sentences: pa.Table  # of these turns
    row: np.ndarray[Any, np.dtype[np.int64]]  # of each sentence's turn
    is_us: np.ndarray[Any, np.dtype[np.bool_]]
    is_automatic: np.ndarray[Any, np.dtype[np.bool_]]
    staged: Staged
    points: list[tuple[str, str]]  # channel and stage, by code
    point: np.ndarray[Any, np.dtype[np.int64]]  # code of each turn
    said: list[Said]


def _set_scene(known: Understood, standing: Standing, settings: Settings, outcomes: pa.Table | None) -> _Scene:
    turns = known.turns
    ours = pc.fill_null(pc.equal(turns["side"], "us"), False)
    keep = pc.fill_null(pc.equal(turns["circle"], "customer"), False)
    keep = pc.and_(keep, pc.and_(pc.is_valid(turns["relationship"]), pc.or_(ours, pc.invert(turns["automatic"]))))
    in_time = pc.fill_null(pc.less_equal(turns["sent_at"], pa.scalar(standing.now, _TIME)), True)
    turns = turns.filter(pc.and_(keep, in_time)).sort_by(
        [
            ("conversation_id", "ascending"),
            ("sent_at", "ascending"),
            ("position", "ascending"),
            ("turn_id", "ascending"),
        ]
    )
    place = pc.index_in(known.sentences["turn_id"], turns["turn_id"].combine_chunks())
    here = pc.is_valid(place)
    sentences, row = known.sentences.filter(here), place.filter(here).to_numpy().astype(np.int64)
    words: list[list[str]] = [[] for _ in range(turns.num_rows)]
    for number, text in zip(row.tolist(), sentences["text"].to_pylist(), strict=True):
        words[number].append(text)
    rules = [StageRule(**rule.model_dump()) for rule in settings.touchpoints]
    staged = tell_stages(turns, [" ".join(some) for some in words], rules=rules, outcomes=outcomes)
    pairs = list(zip(turns["channel"].to_pylist(), staged.stage, strict=True))
    points = [pair for pair, _ in sorted(Counter(pairs).items(), key=lambda item: (-item[1], item[0]))]
    code = {pair: number for number, pair in enumerate(points)}
    return _Scene(
        turns=turns,
        sentences=sentences,
        row=row,
        is_us=_flags(pc.equal(turns["side"], "us")),
        is_automatic=_flags(turns["automatic"]),
        staged=staged,
        points=points,
        point=np.array([code[pair] for pair in pairs], np.int64),
        said=_list_said(turns),
    )


def _flags(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), bool)


def _list_said(turns: pa.Table) -> list[Said]:
    days = [float("nan") if at is None else at.timestamp() / 86_400 for at in turns["sent_at"].to_pylist()]
    order = np.lexsort((np.arange(len(days)), np.nan_to_num(np.array(days, float), nan=-np.inf)))
    place = np.empty(len(days), np.int64)
    place[order] = np.arange(len(days))
    names = ("relationship", "conversation_id", "speaker", "channel")
    return [
        Said(relationship=home, conversation=talk, speaker=who, channel=channel, at_days=at, order=number)
        for home, talk, who, channel, at, number in zip(
            *(turns[name].to_pylist() for name in names), days, place.tolist(), strict=True
        )
    ]


def _find_pairs(scene: _Scene, calendar: Calendar) -> list[tuple[Pair, str]]:
    """Statements on one matter that a customer heard twice, with the verdict."""

    def read_day(text: str, said_at: dt.datetime) -> Day | None:
        found = due(text, said_at, calendar=calendar)
        if (
            found is None
            or found.rule not in {"explicit", "relative"}
            or found.latest is None
            or found.earliest is None
        ):
            return None
        first, last, today = (calendar.local(moment).date() for moment in (found.earliest, found.latest, said_at))
        return Day(first=last if first <= today else first, last=last, start=found.start, end=found.end)

    voices: dict[str, set[tuple[str, str]]] = {}
    ours = scene.is_us & ~scene.is_automatic
    for row in np.flatnonzero(ours).tolist():
        voices.setdefault(scene.said[row].relationship, set()).add((scene.said[row].speaker, scene.said[row].channel))
    # One voice over one channel cannot say otherwise than another; a mailbox of one person costs nothing here.
    ours &= np.array([len(voices.get(one.relationship, ())) > 1 for one in scene.said], bool)
    rows = np.flatnonzero(ours)
    facts = find_facts(scene.turns.take(rows), scene.sentences.filter(pa.array(ours[scene.row])), read_day=read_day)
    placed = [replace(fact, row=int(rows[fact.row])) for fact in facts]
    pairs = compare_facts(placed, scene.said)
    told = iter(find_told([pair for pair in pairs if not pair.agrees], scene.turns, scene.sentences, scene.said))
    return [(pair, "same" if pair.agrees else "changed" if next(told) else "suspected") for pair in pairs]


def _find_repeats(scene: _Scene, questions: pa.Table) -> list[Repeat]:
    """Sentences of theirs that repeat an earlier one; those that ask are the ones the book knows as questions."""
    theirs = ~scene.is_us
    columns = scene.sentences.select(["start", "end", "text", "turn_id"]).filter(pa.array(theirs[scene.row]))
    asked = set(zip(questions["turn_id"].to_pylist(), questions["start"].to_pylist(), strict=True))
    lines = [
        Line(
            row=row,
            start=sentence["start"],
            end=sentence["end"],
            text=sentence["text"],
            is_question=(sentence["turn_id"], sentence["start"]) in asked,
        )
        for row, sentence in zip(scene.row[theirs[scene.row]].tolist(), columns.to_pylist(), strict=True)
    ]
    names = [f"{channel} {stage}" for channel, stage in scene.points]
    return find_repeats(
        lines, scene.said, touchpoint=[names[code] for code in scene.point.tolist()], heard_by=_list_hearers(scene)
    )


def _list_hearers(scene: _Scene) -> list[frozenset[str]]:
    """Who of us each turn went to: the recipients that are ours; without any, who of us spoke next, or else before."""
    ours = {one.speaker for one, is_us in zip(scene.said, scene.is_us.tolist(), strict=True) if is_us}
    to, cc = scene.turns["recipients"].to_pylist(), scene.turns["cc"].to_pylist()
    heard = [
        frozenset(who for who in (*(one or ()), *(more or ())) if who in ours) for one, more in zip(to, cc, strict=True)
    ]
    for rows in (range(len(heard) - 1, -1, -1), range(len(heard))):
        near: tuple[str, str] | None = None
        for row in rows:
            said = scene.said[row]
            if scene.is_us[row]:
                near = said.conversation, said.speaker
            elif not heard[row] and near is not None and near[0] == said.conversation:
                heard[row] = frozenset({near[1]})
    return heard


def _measure_waits(
    scene: _Scene, standing: Standing, hours: OpenHours, chosen: np.ndarray[Any, np.dtype[np.bool_]]
) -> dict[str, list[Typical]]:
    """First answers and hand-overs of each touch point, in working hours.

    A turn that opened a conversation, asked nothing and was never answered waited for nothing, and does not count.
    """
    people = np.flatnonzero(~scene.is_automatic)
    talk = _codes([scene.said[row].conversation for row in people.tolist()])
    speaker = _codes([scene.said[row].speaker for row in people.tolist()])
    spoken = standing.questions.filter(standing.questions["spoken"])
    asks = _flags(pc.is_in(scene.turns["turn_id"], pc.unique(spoken["turn_id"])))
    found = {
        "first_answer": find_first_answers(talk, scene.is_us[people], asks[people]),
        "hand_over": find_hand_overs(talk, scene.is_us[people], speaker),
    }
    home = _codes([one.relationship for one in scene.said])
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


def _codes(names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    codes = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([codes[name] for name in names], np.int64)


def _tabulate_points(
    scene: _Scene,
    chosen: np.ndarray[Any, np.dtype[np.bool_]],
    facts: Sequence[tuple[Pair, str]],
    repeats: Sequence[Repeat],
    typical: Mapping[str, Sequence[Typical]],
) -> pa.Table:
    verdicts = Counter((int(scene.point[pair.later.row]), verdict) for pair, verdict in facts)
    repeated = Counter(int(scene.point[repeat.line.row]) for repeat in repeats)
    same_words = _share_same_words(scene, chosen)
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


def _share_same_words(scene: _Scene, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[int, float]:
    """By touch point: which share of our words stands in sentences that another customer got word for word.

    Sentences of five words and more count; with one customer nothing can be said.
    """
    rows = scene.row
    text = scene.sentences["text"]
    words = pc.add(pc.count_substring(text, " "), 1).to_numpy()
    ours = (scene.is_us & ~scene.is_automatic)[rows] & (words >= _ENOUGH_WORDS)
    home = _codes([one.relationship for one in scene.said])
    if len(np.unique(home)) < 2 or not ours.any():
        return {}
    said = pa.table({"text": pc.utf8_lower(text).filter(pa.array(ours)), "home": home[rows[ours]]})
    known_to = said.group_by("text", use_threads=False).aggregate([("home", "count_distinct")])
    place = pc.index_in(said["text"], known_to["text"].combine_chunks()).to_numpy()
    is_shared = known_to["home_count_distinct"].to_numpy()[place] > 1
    mine = chosen[rows[ours]]
    point, weight = scene.point[rows[ours]][mine], words[ours][mine].astype(float)
    total = np.bincount(point, weights=weight, minlength=len(scene.points))
    shared = np.bincount(point, weights=weight * is_shared[mine], minlength=len(scene.points))
    return {code: float(shared[code] / total[code]) for code in np.flatnonzero(total).tolist()}


def _pool_readings(scene: _Scene, readings: pa.Table, model: Model, spread: Spread) -> pa.Table:
    """SHOWN_THERE: what was read of each customer at each touch point, pooled over customers, each facet by itself."""
    place = pc.index_in(readings["turn_id"], scene.turns["turn_id"].combine_chunks())
    known = pc.is_valid(place)
    readings, rows = rescale(readings.filter(known), model.yardsticks), place.filter(known).to_numpy().astype(np.int64)
    if not readings.num_rows:
        return SHOWN_THERE.empty_table()
    home, point = _codes(readings["relationship"].to_pylist()), scene.point[rows]
    numbers = {name: readings[name].to_numpy() for name in ("lo", "hi", "v", "slope", "alpha", "beta")}
    half = float(ndtri(0.5 + model.band / 2))
    table: list[dict[str, Any]] = []
    for facet in (*SHOWN, *HELD):
        here = np.flatnonzero(_flags(pc.equal(readings["facet"], facet)))
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


def _tabulate_heard(scene: _Scene, facts: Sequence[tuple[Pair, str]]) -> pa.Table:
    rank = {"suspected": 0, "changed": 1, "same": 2}
    ordered = sorted(facts, key=lambda item: (rank[item[1]], -scene.said[item[0].later.row].order))
    rows = [
        {
            "verdict": verdict,
            "kind": pair.earlier.kind if pair.earlier.kind == pair.later.kind else "scope",
            "relationship": scene.said[pair.later.row].relationship,
            **_tell_place(scene, "earlier", pair.earlier),
            **_tell_place(scene, "later", pair.later),
        }
        for pair, verdict in ordered
    ]
    return pa.Table.from_pylist(rows, schema=HEARD)


def _tabulate_repeated(scene: _Scene, repeats: Sequence[Repeat]) -> pa.Table:
    rows = [
        {
            "kind": repeat.kind,
            "relationship": scene.said[repeat.line.row].relationship,
            "another": repeat.where,
            **_tell_place(scene, "later", repeat.line),
            **({} if repeat.before is None else _tell_place(scene, "earlier", repeat.before)),
        }
        for repeat in sorted(repeats, key=lambda repeat: -scene.said[repeat.line.row].order)
    ]
    return pa.Table.from_pylist(rows, schema=REPEATED)


def _tell_place(scene: _Scene, name: str, said: Fact | Line) -> dict[str, Any]:
    row = said.row
    told = {
        "at": scene.turns["sent_at"][row].as_py(),
        "speaker": scene.said[row].speaker,
        "channel": scene.said[row].channel,
        "stage": scene.staged.stage[row],
        "text": said.text,
        "turn_id": scene.turns["turn_id"][row].as_py(),
        "start": said.start,
        "end": said.end,
    }
    return {f"{name}_{part}": value for part, value in told.items()}


def _list_notes(
    scene: _Scene, chosen: np.ndarray[Any, np.dtype[np.bool_]], points: pa.Table, shown: pa.Table
) -> list[str]:
    """What the map cannot say, and why."""
    if not chosen.any():
        return ["No turn with a customer is in the book, so there is no touch point. Read an export first."]
    notes: list[str] = []
    channels = sorted(set(points["channel"].to_pylist()))
    customers = {scene.said[row].relationship for row in np.flatnonzero(chosen).tolist()}
    speakers = {scene.said[row].speaker for row in np.flatnonzero(chosen & scene.is_us & ~scene.is_automatic).tolist()}
    if len(channels) == 1:
        notes.append(
            f"One channel only ({channels[0]}): nothing can be said of whether channels agree, nor of what was said on "
            "others. Read chats, calls and tickets too."
        )
    if len(speakers) < 2 and len(channels) == 1:
        notes.append("One of us speaks, over one channel: the same customer cannot hear something else from another.")
    stages = [scene.staged.stage[row] for row in np.flatnonzero(chosen).tolist()]
    unknown = stages.count(UNKNOWN)
    if unknown:
        notes.append(
            f"The stage of {unknown} of {len(stages)} turns is unknown: neither a source, a rule of [[touchpoints]] in "
            "troth.toml nor their words tell it."
        )
    if len(customers) == 1:
        notes.append(
            "One customer: what a touch point shows cannot be told from what this customer is shown everywhere."
        )
    withheld = shown.filter(pc.is_null(shown["percentile"])).num_rows
    if shown.num_rows == 0:
        notes.append("Nothing was read of any facet at these touch points yet.")
    elif withheld:
        notes.append(
            f"Not enough evidence for a number in {withheld} of {shown.num_rows} cells; their bands are given."
        )
    if bool(scene.is_automatic[chosen].any()):
        notes.append("Mail that a program wrote is counted, and not read for what it says.")
    return notes
