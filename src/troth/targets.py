"""What each day's readings could have been, and what they were: the outcome spaces that forecasts are scored on.

A score is proper only if the forecast speaks of every outcome and its chances sum to one. So each reading is scored as
one of a fixed, ordered list of outcomes, known before it is made:

- words of ours, an exact reading: the fifth of the reference population into which it falls, so that it can be laid
  beside the others. The density and the place in it (PIT) are kept beside it.
- words of ours in which acts are rare: the categories of the facet, on the scale of the turn's channel and length;
- acts of theirs, and facts told twice or again: the categories of the facet;
- a promise of ours that is settled: not seen kept, late, kept;
- a survey answer: the points of its scale;
- a question of theirs: still open tonight, or answered. Asked every evening anew, given that it is open till then, so
  that the chances of all its days multiply to that of the wait as a whole. An evening before which nobody worked is
  left out: by the measure of waiting nothing could have happened.

What a person decides is used, and is no forecast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from troth.asof import History, Sources, items_before
from troth.readings import read_survey
from troth.readings.connected import FACET as JOINED
from troth.readings.connected import RULES as JOINS
from troth.readings.connected import find_join_law
from troth.readings.evidence import weigh_scene
from troth.readings.follow_through import read_promises
from troth.readings.held import RULES, find_law
from troth.readings.ordinal import Law, cut_points
from troth.readings.scene import Scene, set_scene
from troth.readings.shown import ACTS, Sorted, choose_scales, sort_turns
from troth.readings.shown import SIGNAL as TURN
from troth.readings.surveys import SIGNAL as SURVEY
from troth.schema import ANSWERS, PROMISES, READINGS
from troth.signals import HELD

Ints = npt.NDArray[np.int64]

_FIFTHS: Final = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
_PROMISE: Final = ("suspected", "late", "kept")  # from the worst outcome to the best
_NEVER: Final = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Targets:
    """T readings to foretell, by day and then by time, with all that each could have been."""

    day: Ints  # (T,) place of the day
    rows: pa.Table  # READINGS, T rows: what came, or for a question its state tonight if still open
    kind: list[str]  # readings of one kind have the same outcomes
    outcome: Ints  # (T,)
    outcomes: pa.Table  # READINGS, M rows: those of each reading one after the other
    start: Ints  # (T + 1,)
    is_wait: npt.NDArray[np.bool_]  # (T,)
    before: npt.NDArray[np.float64]  # (T,) of a question: z of the evening before, NaN where it was asked that day
    is_exact: npt.NDArray[np.bool_]  # (T,)

    def of_day(self, day: int) -> tuple[int, int]:
        """First and last row, exclusive, of a day."""
        low, high = np.searchsorted(self.day, [day, day + 1])
        return int(low), int(high)


@dataclass(slots=True)
class _Part:
    """Targets of one type, not in order yet."""

    rows: pa.Table
    day: Ints
    kind: list[str]
    outcome: Ints
    outcomes: pa.Table  # in the order of rows
    count: Ints
    before: npt.NDArray[np.float64] | None = None
    is_exact: bool = False


def list_targets(sources: Sources, history: History) -> Targets:
    """Every reading that came on each day from the history's start on, with all that it could have been."""
    scene = _set_scene_of(sources, history)
    ours = sort_turns(weigh_scene(scene), scene)
    parts = [
        _list_words(history),
        *(_list_our_acts(history, facet, ours[facet], scene, sources) for facet in sources.reference.acts),
        *(
            _list_acts(history, facet, RULES[facet].categories, find_law(facet, sources.reference))
            for facet in HELD
            if facet in sources.reference.rates
        ),
        *(
            _list_acts(history, JOINED, JOINS[side].categories, find_join_law(side, sources.reference), of=f" {side}")
            for side in sources.reference.joins
        ),
        _list_promises(history),
        _list_answers(sources, history),
        _list_waits(history),
    ]
    return _join([part for part in parts if part.rows.num_rows])


def _set_scene_of(sources: Sources, history: History) -> Scene:
    """The conversations in which turns of these days stand, and the turns they answer."""
    known, turns = sources.known, sources.known.turns
    rows, _ = _choose(history, pc.equal(history.versions.readings["signal"], TURN))
    here = turns.filter(pc.is_in(turns["turn_id"], pc.unique(rows["turn_id"])))
    is_near = pc.is_in(turns["conversation_id"], pc.unique(here["conversation_id"]))
    is_parent = pc.is_in(turns["turn_id"], pc.unique(here["parent_id"].drop_null()))  # may stand in another one
    near = turns.filter(pc.or_(is_near, is_parent))
    said = near["turn_id"].combine_chunks()
    findings = known.findings.filter(pc.is_in(known.findings["turn_id"], said))
    return set_scene(near, known.sentences.filter(pc.is_in(known.sentences["turn_id"], said)), findings)


def _join(parts: list[_Part]) -> Targets:
    if not parts:
        nothing, zero = READINGS.empty_table(), np.zeros(0, np.int64)
        return Targets(
            day=zero, rows=nothing, kind=[], outcome=zero, outcomes=nothing, start=np.zeros(1, np.int64),
            is_wait=np.zeros(0, bool), before=np.zeros(0), is_exact=np.zeros(0, bool),
        )  # fmt: skip
    rows = pa.concat_tables([part.rows for part in parts])
    day, outcome, count = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("day", "outcome", "count")
    )
    kind = np.array([name for part in parts for name in part.kind], object)
    before = np.concatenate([np.full(len(p.day), np.nan) if p.before is None else p.before for p in parts])
    is_wait = np.concatenate([np.full(len(p.day), p.before is not None) for p in parts])
    is_exact = np.concatenate([np.full(len(p.day), p.is_exact) for p in parts])
    keys = rows.select(["at", "relationship", "facet", "turn_id", "start"])
    for name, column in {"day": day, "kind": pa.array(kind, pa.string()), "row": np.arange(len(day))}.items():
        keys = keys.append_column(name, column if isinstance(column, pa.Array) else pa.array(column))
    names = ("day", "at", "relationship", "facet", "kind", "turn_id", "start", "row")
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in names]).to_numpy().astype(np.int64)
    start = [0, *np.cumsum(count).tolist()]
    picked = np.array([place for one in order for place in range(start[one], start[one + 1])], np.int64)
    return Targets(
        day=day[order],
        rows=rows.take(pa.array(order)),
        kind=kind[order].tolist(),
        outcome=outcome[order],
        outcomes=pa.concat_tables([part.outcomes for part in parts]).take(pa.array(picked)),
        start=np.concatenate([[0], np.cumsum(count[order])]).astype(np.int64),
        is_wait=is_wait[order],
        before=before[order],
        is_exact=is_exact[order],
    )


def _choose(history: History, wanted: npt.ArrayLike) -> tuple[pa.Table, Ints]:
    """Rows of the versions that came from the start on, and the days on which they came."""
    mask = np.asarray(wanted, bool) & (history.versions.first >= history.start)
    return history.versions.readings.filter(pa.array(mask)), history.versions.first[mask]


def _spread(rows: pa.Table, count: int, columns: dict[str, Any]) -> pa.Table:
    """Each row as many times as it has outcomes, with these columns laid over; shape (rows, count) each."""
    table = rows.take(pa.array(np.repeat(np.arange(rows.num_rows), count)))
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        flat = pa.array(np.asarray(values).reshape(-1), READINGS.field(name).type)
        table = table.set_column(place, READINGS.field(name), flat)
    return table


def _list_words(history: History) -> _Part:
    readings = history.versions.readings
    is_measured = pc.and_(pc.equal(readings["signal"], TURN), pc.equal(readings["lo"], readings["hi"]))
    rows, day = _choose(history, is_measured)
    y, v, slope = (rows[name].to_numpy().astype(float) for name in ("lo", "v", "slope"))
    ends = np.sqrt(slope**2 + v)[:, None] * ndtri(_FIFTHS)
    outcome = (y[:, None] > ends[:, 1:-1]).sum(axis=1).astype(np.int64)
    columns = {"lo": ends[:, :-1], "hi": ends[:, 1:]}
    return _Part(
        rows=rows,
        day=day,
        kind=[f"words {facet}" for facet in rows["facet"].to_pylist()],
        outcome=outcome,
        outcomes=_spread(rows, len(_FIFTHS) - 1, columns),
        count=np.full(len(day), len(_FIFTHS) - 1, np.int64),
        is_exact=True,
    )


def _list_our_acts(history: History, facet: str, turns: Sorted, scene: Scene, sources: Sources) -> _Part:
    """Each on the scale of its turn: what is usual in this channel for so many sentences."""
    readings, k = history.versions.readings, len(ACTS[facet].categories)
    of_facet = pc.and_(pc.equal(readings["facet"], facet), pc.equal(readings["signal"], TURN))
    rows, day = _choose(history, pc.and_(of_facet, pc.less(readings["lo"], readings["hi"])))
    ids, n = scene.turns["turn_id"].take(pa.array(turns.rows)).combine_chunks(), rows.num_rows
    place = pc.index_in(rows["turn_id"], ids).to_numpy().astype(np.int64)
    scales, which = choose_scales(scene, facet, turns, sources.reference)
    mine = [scales[one] for one in which[place].tolist()]
    columns: dict[str, Any] = {
        "lo": np.array([scale.cuts[:-1] for scale in mine]).reshape(n, k),
        "hi": np.array([scale.cuts[1:] for scale in mine]).reshape(n, k),
        "alpha": np.array([scale.law.alpha for scale in mine]).reshape(n, k),
        "beta": np.array([scale.law.beta for scale in mine]).reshape(n, k),
    }
    return _Part(
        rows=rows,
        day=day,
        kind=[f"words {facet}"] * n,
        outcome=turns.category[place],
        outcomes=_spread(rows, k, columns),
        count=np.full(n, k, np.int64),
    )


def _list_acts(history: History, facet: str, names: Sequence[str], law: Law, *, of: str = "") -> _Part:
    readings, categories = history.versions.readings, list(names)
    of_acts = pc.and_(pc.equal(readings["facet"], facet), pc.is_in(readings["signal"], pa.array(categories)))
    rows, day = _choose(history, of_acts)
    n, k = rows.num_rows, len(categories)
    v = rows["v"].to_numpy().astype(float)
    ends = (
        np.stack([cut_points(law.rates, one) for one in np.unique(v)])[np.unique(v, return_inverse=True)[1]]
        if n
        else np.zeros((0, k + 1))
    )
    columns: dict[str, Any] = {
        "lo": ends[:, :-1],
        "hi": ends[:, 1:],
        "alpha": np.tile(law.alpha, (n, 1)),
        "beta": np.tile(law.beta, (n, 1)),
        "signal": np.tile(np.array(categories, object), (n, 1)),
    }
    return _Part(
        rows=rows,
        day=day,
        kind=[f"act {facet}{of}"] * n,
        outcome=pc.index_in(rows["signal"], pa.array(categories)).to_numpy().astype(np.int64),
        outcomes=_spread(rows, k, columns),
        count=np.full(n, k, np.int64),
    )


def _list_promises(history: History) -> _Part:
    by_machine = np.zeros(history.versions.readings.num_rows, bool)
    decided = history.promises["decided_by"].to_pylist()
    by_machine[history.is_promise] = [one == "machine" for one in decided]
    rows, day = _choose(history, by_machine)
    is_new = history.versions.first[history.is_promise] >= history.start
    promises = history.promises.filter(pa.array(by_machine[history.is_promise] & is_new, pa.bool_()))
    k = len(_PROMISE)
    expanded = promises.take(pa.array(np.repeat(np.arange(promises.num_rows), k)))
    states = pa.array(list(_PROMISE) * promises.num_rows, pa.string())
    expanded = expanded.set_column(PROMISES.get_field_index("state"), PROMISES.field("state"), states)
    sure = PROMISES.get_field_index("evidence_probability")  # known with the outcome, so no forecast may use it
    expanded = expanded.set_column(sure, PROMISES.field(sure), pa.nulls(expanded.num_rows, PROMISES.field(sure).type))
    return _Part(
        rows=rows,
        day=day,
        kind=["promise"] * rows.num_rows,
        outcome=np.array([_PROMISE.index(state) for state in promises["state"].to_pylist()], np.int64),
        outcomes=read_promises(expanded, _NEVER),
        count=np.full(rows.num_rows, k, np.int64),
    )


def _list_answers(sources: Sources, history: History) -> _Part:
    answers = sources.answers.sort_by([("answered_at", "ascending"), ("answer_id", "ascending")])
    came = np.searchsorted(history.evenings, answers["answered_at"].cast(pa.int64()).to_numpy()).astype(np.int64)
    rows, outcomes = [READINGS.empty_table()], [READINGS.empty_table()]
    days: list[int] = []
    kinds: list[str] = []
    marks: list[int] = []
    counts: list[int] = []
    for day in sorted({int(one) for one in came if history.start <= one < len(history.days)}):
        items = items_before(sources, history, day)
        for answer in answers.filter(pa.array(came == day)).to_pylist():
            points = range(answer["lowest"], answer["highest"] + 1)
            # Each point as the answer of somebody else: answers of one sitting are read with wider noise.
            every = [answer | {"answer_id": str(point), "person": str(point), "value": point} for point in points]
            could = read_survey(pa.Table.from_pylist(every, schema=ANSWERS), items)
            if could.num_rows != len(every):
                continue  # an item or a scale that is not ours: no reading either
            days.append(day)
            kinds.append(f"{SURVEY} {answer['item']} of {len(every)}")
            marks.append(answer["value"] - answer["lowest"])
            counts.append(len(every))
            rows.append(could.slice(marks[-1], 1))
            outcomes.append(could)
    return _Part(
        rows=pa.concat_tables(rows),
        day=np.array(days, np.int64),
        kind=kinds,
        outcome=np.array(marks, np.int64),
        outcomes=pa.concat_tables(outcomes),
        count=np.array(counts, np.int64),
    )


def _list_waits(history: History) -> _Part:
    hi = history.waits["hi"].to_numpy().astype(float)
    moves = (history.wait_day >= history.start) & (np.isnan(history.wait_before) | (hi < history.wait_before))
    rows, day = history.waits.filter(pa.array(moves)), history.wait_day[moves]
    before, asked, z = history.wait_before[moves], history.wait_asked[moves], hi[moves]
    n = len(day)
    waited = history.evenings[day] - asked if n else np.zeros(0, np.int64)
    columns = {
        "lo": np.stack([np.full(n, -np.inf), z], axis=1),
        "hi": np.stack([z, np.full(n, np.inf)], axis=1),
    }
    return _Part(
        rows=rows,
        day=day,
        kind=[_name_wait(int(us), bool(new)) for us, new in zip(waited, np.isnan(before), strict=True)],
        outcome=history.is_answered[moves].astype(np.int64),
        outcomes=_spread(rows, 2, columns),
        count=np.full(n, 2, np.int64),
        before=before,
    )


def _name_wait(waited_us: int, is_new: bool) -> str:
    """Rivals know the clock too, if only roughly: a question asked late is seldom answered on the same day."""
    if is_new:
        left = waited_us / _HOUR_US
        return "answer today, " + (
            "under 6 h left" if left < 6 else "6 to 12 h left" if left < 12 else "over 12 h left"
        )
    days = waited_us / _DAY_US
    return "answer, " + (
        "day 2" if days < 2 else "days 3 to 4" if days < 4 else "days 5 to 10" if days < 10 else "later than day 10"
    )
