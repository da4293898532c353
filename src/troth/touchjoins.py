"""What does not join up between touch points: what customers heard twice, had to say twice, and got word for word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.promises import Calendar
from troth.ruled import make_day_reader
from troth.touch import Fact, Line, Pair, Repeat, find_repeats, judge_pairs, list_hearers
from troth.touch.tables import HEARD, REPEATED
from troth.touchscene import Scene, code_names

_ENOUGH_WORDS: Final = 5  # of a sentence that can be a template's


def find_pairs(scene: Scene, calendar: Calendar) -> list[tuple[Pair, str]]:
    """Statements on one matter that a customer heard twice, with the verdict."""
    return judge_pairs(
        scene.turns,
        scene.sentences,
        scene.row,
        said=scene.said,
        ours=scene.is_us & ~scene.is_automatic,
        read_day=make_day_reader(calendar),
    )


def find_repeated(scene: Scene, questions: pa.Table) -> list[Repeat]:
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
        lines,
        scene.said,
        touchpoint=[names[code] for code in scene.point.tolist()],
        heard_by=list_hearers(scene.turns, scene.said, scene.is_us.tolist()),
    )


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
