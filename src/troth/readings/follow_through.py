"""What was done: promises kept, late or broken, and the time until a question was answered, as readings of FT.

Source: MEASUREMENT.md sections 2, 4.2, 4.7 and 5.
"""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.held import cut_points
from troth.readings.reference import Reference
from troth.readings.scene import Scene
from troth.schema import READINGS, conform, empty

_OUTCOMES: Final = ("broken", "late", "kept")
_RATES: Final = np.array([0.05, 0.05, 0.90])  # until a firm's own are learned; section 4.7 shows what they imply
_PROMISE_VAR: Final = 1.0
_MISREAD: Final = MappingProxyType({"kept": 0.10, "late": 0.20, "suspected": 0.30, "broken": 0.30})
"""Share of machine-made states that are wrong; a person's word counts as certain."""

_WAIT_SHARE: Final = 0.25  # of the variance of log waiting time that lies between relationships
_NEEDED_NO_ANSWER: Final = 0.3  # share of questions still open that never called for an answer
_LONGEST_WAIT: Final = dt.timedelta(days=30)  # an open question tells what it tells by then
_SHORTEST_WAIT_H: Final = 0.05


def read_promises(promises: pa.Table, now: dt.datetime) -> pa.Table:
    """One ordinal reading for each promise of ours whose outcome is known; unknown is never counted as broken."""
    settled = promises.filter(
        pc.and_(
            pc.and_(pc.equal(promises["side"], "us"), pc.is_in(promises["state"], pa.array(list(_MISREAD)))),
            pc.and_(pc.is_valid(promises["relationship"]), pc.is_valid(promises["state_at"])),
        )
    )
    settled = settled.filter(pc.less_equal(settled["state_at"], pa.scalar(now, settled["state_at"].type)))
    if not settled.num_rows:
        return empty(READINGS)
    states = settled["state"].to_pylist()
    by_person = [decided == "person" for decided in settled["decided_by"].to_pylist()]
    category = np.array([_OUTCOMES.index("broken" if state == "suspected" else state) for state in states])
    wrong = np.array([0.0 if sure else _MISREAD[state] for state, sure in zip(states, by_person, strict=True)])
    cuts = cut_points(_RATES, _PROMISE_VAR)
    columns: dict[str, Any] = {
        "relationship": settled["relationship"],
        "facet": pa.repeat("FT", len(states)),
        "at": settled["state_at"],
        "signal": pa.repeat("promise_outcome", len(states)),
        "lo": cuts[category],
        "hi": cuts[category + 1],
        "v": np.full(len(states), _PROMISE_VAR),
        "slope": np.ones(len(states)),
        "alpha": wrong / len(_OUTCOMES),
        "beta": 1.0 - wrong,
        "slow_only": np.zeros(len(states), bool),
        "turn_id": settled["turn_id"],
        "start": settled["start"],
        "end": settled["end"],
    }
    return conform(pa.table(columns), READINGS)


def read_waits(scene: Scene, reference: Reference, now: dt.datetime) -> pa.Table:
    """One reading for each turn of theirs that expects an answer: how long it waited, against what is usual.

    Answered: exact, -(log hours - mean) / sd. Still open: known only to be longer than until now, so y* lies below
    the value that an answer at this moment would give; the reading is replaced when the answer comes.
    """
    asks = scene.in_turn(scene.found("question", "request")) & ~scene.is_us
    rows = np.flatnonzero(asks)
    if not len(rows):
        return empty(READINGS)
    sent = scene.turns["sent_at"].to_numpy().astype("datetime64[us]")
    end = np.datetime64(now.astimezone(dt.UTC).replace(tzinfo=None), "us")
    is_answered = scene.answer[rows] >= 0
    until = np.where(is_answered, sent[scene.answer[rows]], np.minimum(end, sent[rows] + np.timedelta64(_LONGEST_WAIT)))
    hours = np.maximum((until - sent[rows]) / np.timedelta64(1, "h"), _SHORTEST_WAIT_H)
    z = -(np.log(hours) - reference.wait_mean) / reference.wait_sd
    chosen = scene.turns.select(["relationship", "turn_id"]).take(rows)
    sentence = np.full(len(scene.is_us), -1, np.int64)
    marked = np.flatnonzero(scene.found("question", "request"))[::-1]
    sentence[scene.of_turn[marked]] = marked  # the first such sentence of each turn
    columns: dict[str, Any] = {
        "relationship": chosen["relationship"],
        "facet": pa.repeat("FT", len(rows)),
        "at": pa.array(until, pa.timestamp("us")),
        "signal": pa.repeat("answer_time", len(rows)),
        "lo": np.where(is_answered, z, -np.inf),
        "hi": z,
        "v": np.full(len(rows), 1.0 - _WAIT_SHARE),
        "slope": np.full(len(rows), np.sqrt(_WAIT_SHARE)),
        "alpha": np.where(is_answered, 0.0, _NEEDED_NO_ANSWER / 2.0),
        "beta": np.where(is_answered, 1.0, 1.0 - _NEEDED_NO_ANSWER),
        "slow_only": np.zeros(len(rows), bool),
        "turn_id": chosen["turn_id"],
        "start": scene.sentences["start"].take(sentence[rows]),
        "end": scene.sentences["end"].take(sentence[rows]),
    }
    return conform(pa.table(columns), READINGS)
