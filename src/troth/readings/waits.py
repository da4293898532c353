"""How long the other side waits for an answer of ours, against what is usual between us, as readings of FT.

Waiting is counted in our working hours. What is usual is the norm of this relationship on this channel: mean and
spread of the log of its waits, drawn toward those of its circle, and these toward the reference population's, by as
much as few answers deserve (empirical Bayes; Efron and Morris 1973). The norm of a question is made of answers that
had arrived before it was asked: nothing is compared with the future, and an answer that comes sooner is never read as
worse. Source: MEASUREMENT.md sections 2 and 4.2.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.reference import Reference
from troth.readings.scene import Bools, Floats, Ints, Scene
from troth.schema import READINGS, conform, empty
from troth.worktime import ALL_HOURS, OpenHours

_LEVEL_SHARE: Final = 0.25  # of the variance of log waits around their norm that follows the level: a start value
_SPREAD_ANSWERS: Final = 8.0  # answers that the reference's spread weighs as much as: a start value
_NEEDED_NO_ANSWER: Final = 0.3  # share of questions still open that never called for an answer: a start value
_LONGEST_WAIT: Final = dt.timedelta(days=30)  # an open question tells what it tells by then
_SHORTEST_WAIT_H: Final = 0.25  # nobody minds a quarter of an hour
_FARTHEST: Final = 3.0  # spreads from the norm beyond which a wait is taken to lie there


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Norms:
    """What is usual for each of n questions, in log working hours."""

    mean: Floats  # (n,)
    spread: Floats  # (n,) predictive standard deviation of the next wait, the norm's own uncertainty included
    answers: Ints  # (n,) of this relationship on this channel that the norm rests on


def read_waits(scene: Scene, reference: Reference, now: dt.datetime, *, hours: OpenHours = ALL_HOURS) -> pa.Table:
    """One reading for each turn of theirs that expects an answer: how long it waited, against what is usual.

    Answered: exact, z = -(log hours - norm) / spread. Still open: known only to be longer than until now, so y* lies
    below the z that an answer at this moment would give; the reading is replaced when the answer comes.
    """
    rows = np.flatnonzero(scene.in_turn(scene.found("question", "request")) & ~scene.is_us)
    if not len(rows):
        return empty(READINGS)
    sent = scene.turns["sent_at"].to_numpy().astype("datetime64[us]")
    asked, is_answered = sent[rows], scene.answer[rows] >= 0
    end = np.datetime64(now.astimezone(dt.UTC).replace(tzinfo=None), "us")
    until = np.where(is_answered, sent[scene.answer[rows]], np.minimum(end, asked + np.timedelta64(_LONGEST_WAIT)))
    wait = log_wait(asked, until, hours)
    home, circle, channel = (_codes(scene.turns[name])[rows] for name in ("relationship", "circle", "channel"))
    norms = find_norms(
        asked,
        until,
        wait,
        is_answered=is_answered,
        home=_pair(home, channel),
        circle=_pair(circle, channel),
        reference=reference,
    )
    z = np.clip(-(wait - norms.mean) / norms.spread, -_FARTHEST, _FARTHEST)
    chosen = scene.turns.select(["relationship", "turn_id"]).take(rows)
    sentence = _first_asking(scene)[rows]
    columns: dict[str, Any] = {
        "relationship": chosen["relationship"],
        "facet": pa.repeat("FT", len(rows)),
        "at": pa.array(until, pa.timestamp("us")),
        "signal": pa.repeat("answer_time", len(rows)),
        "lo": np.where(is_answered, z, -np.inf),
        "hi": z,
        "v": np.full(len(rows), 1.0 - _LEVEL_SHARE),
        "slope": np.full(len(rows), np.sqrt(_LEVEL_SHARE)),
        "alpha": np.where(is_answered, 0.0, _NEEDED_NO_ANSWER / 2.0),
        "beta": np.where(is_answered, 1.0, 1.0 - _NEEDED_NO_ANSWER),
        "slow_only": np.zeros(len(rows), bool),
        "turn_id": chosen["turn_id"],
        "start": scene.sentences["start"].take(sentence),
        "end": scene.sentences["end"].take(sentence),
    }
    return conform(pa.table(columns), READINGS)


def log_wait(asked: Any, until: Any, hours: OpenHours) -> Floats:
    """Log of the working hours from each question to its answer, shape (n,); a quarter of an hour at least."""
    return np.log(np.maximum(hours.between(asked, until), _SHORTEST_WAIT_H))


def find_norms(
    asked: Any, until: Any, wait: Floats, *, is_answered: Bools, home: Ints, circle: Ints, reference: Reference
) -> Norms:
    """The norm of each question, from the answers that had arrived before it was asked.

    Args:
        asked, until: shape (n,), numpy times; `until` is when the answer arrived.
        wait: shape (n,), log working hours; read only where answered.
        home, circle: shape (n,), codes of relationship and channel, and of circle and channel.
        reference: mean of the log waits, and their variance between and within relationships.

    With k = within / between: circle mean = (sum of the circle's other waits + k reference mean) / (their number + k);
    norm = (sum of own waits + k circle mean) / (their number + k). The spread is that of own waits around their mean,
    joined with the reference's, times 1 + 1 / (own number + k) for the norm's own uncertainty.
    Cost: two sorts of the questions and answers.
    """
    k = reference.wait_within_var / reference.wait_between_var
    own = _count_before(asked, until, wait, is_answered=is_answered, code=home)
    around = _count_before(asked, until, wait, is_answered=is_answered, code=circle) - own
    circle_mean = (around[1] + k * reference.wait_mean) / (around[0] + k)
    count, total, squares = own
    mean = (total + k * circle_mean) / (count + k)
    scatter = np.maximum(squares - total**2 / np.maximum(count, 1.0), 0.0)
    within = (scatter + _SPREAD_ANSWERS * reference.wait_within_var) / (np.maximum(count - 1.0, 0.0) + _SPREAD_ANSWERS)
    return Norms(mean=mean, spread=np.sqrt(within * (1.0 + 1.0 / (count + k))), answers=np.rint(count).astype(np.int64))


def _count_before(asked: Any, until: Any, wait: Floats, *, is_answered: Bools, code: Ints) -> Floats:
    """Number, sum and sum of squares of the waits with the same code that ended before each question: shape (3, n)."""
    n, answers = len(asked), np.flatnonzero(is_answered)
    codes = np.concatenate([code, code[answers]])
    order = np.lexsort((np.arange(n + len(answers)) >= n, np.concatenate([asked, until[answers]]), codes))
    known = np.zeros((3, n + len(answers)))
    known[:, n:] = np.stack([np.ones(len(answers)), wait[answers], wait[answers] ** 2])
    running = np.cumsum(known[:, order], axis=1)
    first = np.flatnonzero(np.concatenate([[True], np.diff(codes[order]) != 0]))
    before = np.where(first > 0, running[:, first - 1], 0.0)
    running -= np.repeat(before, np.diff(np.append(first, len(order))), axis=1)
    found = np.empty_like(running)
    found[:, order] = running
    return found[:, :n]


def _codes(column: pa.ChunkedArray) -> Ints:
    """A number for each name, one of its own for null."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int64) + 1


def _pair(one: Ints, other: Ints) -> Ints:
    """A number for each pair of codes."""
    return one * (int(other.max(initial=0)) + 1) + other


def _first_asking(scene: Scene) -> Ints:
    """Row of the first sentence of each turn that asks; -1 where none does."""
    first = np.full(len(scene.is_us), -1, np.int64)
    marked = np.flatnonzero(scene.found("question", "request"))[::-1]
    first[scene.of_turn[marked]] = marked  # the last write, the first sentence, stays
    return first
