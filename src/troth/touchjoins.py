"""What does not join up between touch points: what customers heard twice, had to say twice, and got word for word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.promises import Calendar
from troth.ruled import make_day_reader
from troth.touch import Fact, Line, Pair, Repeat, Said, find_repeats, judge_pairs, list_hearers
from troth.touch.tables import HEARD, REPEATED
from troth.touchscene import Scene, code_names

Placed = TypeVar("Placed", Fact, Line)
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ENOUGH_WORDS: Final = 5  # of a sentence that can be a template's
_PART: Final = 50_000  # turns that are laid beside one another


def find_pairs(scene: Scene, calendar: Calendar) -> list[tuple[Pair, str]]:
    """Statements on one matter that a customer heard twice, with the verdict."""
    found: list[tuple[Pair, str]] = []
    for part in _cut_parts(scene):
        pairs = judge_pairs(
            part.turns, part.sentences, part.row, said=part.said, ours=part.is_us & ~part.is_automatic,
            read_day=make_day_reader(calendar),
        )  # fmt: skip
        found += [
            (replace(pair, earlier=part.place(pair.earlier), later=part.place(pair.later)), verdict)
            for pair, verdict in pairs
        ]
    return found


def find_repeated(scene: Scene, questions: pa.Table) -> list[Repeat]:
    """Sentences of theirs that repeat an earlier one; those that ask are the ones the book knows as questions."""
    asked = set(zip(questions["turn_id"].to_pylist(), questions["start"].to_pylist(), strict=True))
    names = [f"{channel} {stage}" for channel, stage in scene.points]
    us = frozenset(pc.unique(scene.turns["speaker"].filter(pa.array(scene.is_us))).to_pylist())
    found: list[Repeat] = []
    for part in _cut_parts(scene):
        theirs = ~part.is_us
        columns = part.sentences.select(["start", "end", "text", "turn_id"]).filter(pa.array(theirs[part.row]))
        lines = [
            Line(
                row=row,
                start=sentence["start"],
                end=sentence["end"],
                text=sentence["text"],
                is_question=(sentence["turn_id"], sentence["start"]) in asked,
            )
            for row, sentence in zip(part.row[theirs[part.row]].tolist(), columns.to_pylist(), strict=True)
        ]
        repeats = find_repeats(
            lines,
            part.said,
            touchpoint=[names[code] for code in scene.point[part.rows].tolist()],
            heard_by=list_hearers(part.turns, part.said, part.is_us.tolist(), us=us),
        )
        found += [
            replace(repeat, line=part.place(repeat.line), before=repeat.before and part.place(repeat.before))
            for repeat in repeats
        ]
    return found


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Part:
    """Some relationships of a scene, whole and with whoever shares a conversation with them."""

    rows: Ints  # of the scene
    turns: pa.Table
    sentences: pa.Table
    row: Ints  # of each sentence's turn, among these
    said: list[Said]
    is_us: Bools
    is_automatic: Bools

    def place(self, one: Placed) -> Placed:
        """The same with its row of the scene."""
        return replace(one, row=int(self.rows[one.row]))


def _cut_parts(scene: Scene) -> Iterator[_Part]:
    """The scene, some relationships at a time: what is remembered of one is of no use to another."""
    group = _group(
        *(code_names([getattr(one, name) for one in scene.said]) for name in ("relationship", "conversation"))
    )
    number = (np.cumsum(np.bincount(group)) // _PART)[group]
    for wanted in np.unique(number).tolist():
        rows = np.flatnonzero(number == wanted)
        place = np.full(len(group), -1)
        place[rows] = np.arange(len(rows))
        row = place[scene.row]
        yield _Part(
            rows=rows,
            turns=scene.turns.take(rows),
            sentences=scene.sentences.filter(pa.array(row >= 0)),
            row=row[row >= 0],
            said=[scene.said[one] for one in rows.tolist()],
            is_us=scene.is_us[rows],
            is_automatic=scene.is_automatic[rows],
        )


def _group(home: Ints, talk: Ints) -> Ints:
    """One number for whatever hangs together by relationships and conversations; shape (N,) each, codes from 0."""
    group = home
    while True:
        before = group
        for code in (talk, home):
            least = np.full(int(code.max(initial=-1)) + 1, len(group))
            np.minimum.at(least, code, group)
            group = least[code]
        if (group == before).all():
            return group


def share_same_words(scene: Scene, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[int, float]:
    """By touch point: which share of our words stands in sentences that another customer got word for word.

    Sentences of five words and more count; with one customer nothing can be said.
    """
    rows = scene.row
    text = scene.sentences["text"]
    words = pc.add(pc.count_substring(text, " "), 1).to_numpy()
    ours = (scene.is_us & ~scene.is_automatic)[rows] & (words >= _ENOUGH_WORDS)
    home = code_names([one.relationship for one in scene.said])
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


def tabulate_heard(scene: Scene, facts: Sequence[tuple[Pair, str]]) -> pa.Table:
    """HEARD: suspected ones first, then the latest."""
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


def tabulate_repeated(scene: Scene, repeats: Sequence[Repeat]) -> pa.Table:
    """REPEATED."""
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


def _tell_place(scene: Scene, name: str, said: Fact | Line) -> dict[str, Any]:
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
