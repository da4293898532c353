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
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.reference import Reference
from troth.readings.scene import Bools, Floats, Ints, Scene
from troth.schema import READINGS, TURNS, conform, empty
from troth.worktime import ALL_HOURS, OpenHours

ASKING: Final = ("question", "request")
"""Signals of a sentence that expects an answer."""

SIGNAL: Final = "answer_time"

_LEVEL_SHARE: Final = 0.25  # of the variance of log waits around their norm that follows the level: a start value
_SPREAD_ANSWERS: Final = 8.0  # answers that the reference's spread weighs as much as: a start value
_NEEDED_NO_ANSWER: Final = 0.3  # share of questions still open that never called for an answer: a start value
_OF_TURN: Final = (
    "turn_id", "conversation_id", "sent_at", "position", "relationship", "circle", "channel",
)  # fmt: skip
WAITS: Final = pa.schema(
    [
        *(TURNS.field(name) for name in _OF_TURN),
        pa.field("answered_at", TURNS.field("sent_at").type),  # null while it is open
        *(READINGS.field(name) for name in ("start", "end")),  # of the sentence that asks
    ]
)
"""Turns of theirs that expect an answer."""
_LONGEST_WAIT: Final = dt.timedelta(days=30)  # an open question tells what it tells by then
_SHORTEST_WAIT_H: Final = 0.25  # nobody minds a quarter of an hour
_FARTHEST: Final = 3.0  # spreads from the norm beyond which a wait is taken to lie there


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Norms:
    """What is usual for each of n questions, in log working hours."""

    mean: Floats  # (n,)
    spread: Floats  # (n,) predictive standard deviation of the next wait, the norm's own uncertainty included
    answers: Ints  # (n,) of this relationship on this channel that the norm rests on


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asked:
    """The n turns of theirs that expect an answer, in the order of the scene."""

    turns: pa.Table  # relationship and turn_id
    start: pa.ChunkedArray  # of the sentence that asks
    end: pa.ChunkedArray
    at: Any  # shape (n,), numpy times
    answered_at: Any  # (n,), numpy times; NaT where there is no answer
    norms: Norms
    hours: OpenHours

    @property
    def is_answered(self) -> Bools:
        """Which have an answer, shape (n,)."""
        return ~np.isnat(self.answered_at)

    @property
    def given_up_at(self) -> Any:
        """When each tells no more by being open, shape (n,), numpy times."""
        return self.at + np.timedelta64(_LONGEST_WAIT)

    def place(self, which: Ints, until: Any) -> Floats:
        """z of these waits if they ended at `until`: -(log hours - norm) / spread, drawn in to 3; shape of `which`."""
        wait = log_wait(self.at[which], until, self.hours)
        return np.clip(-(wait - self.norms.mean[which]) / self.norms.spread[which], -_FARTHEST, _FARTHEST)

    def read(self, which: Ints, until: Any, *, is_answered: Bools) -> pa.Table:
        """READINGS of these waits as they stood at `until`, all three of one shape."""
        z, chosen = self.place(which, until), self.turns.take(which)
        columns: dict[str, Any] = {
            "relationship": chosen["relationship"],
            "facet": pa.repeat("FT", len(which)),
            "at": pa.array(until, pa.timestamp("us")),
            "signal": pa.repeat(SIGNAL, len(which)),
            "lo": np.where(is_answered, z, -np.inf),
            "hi": z,
            "v": np.full(len(which), 1.0 - _LEVEL_SHARE),
            "slope": np.full(len(which), np.sqrt(_LEVEL_SHARE)),
            "alpha": np.where(is_answered, 0.0, _NEEDED_NO_ANSWER / 2.0),
            "beta": np.where(is_answered, 1.0, 1.0 - _NEEDED_NO_ANSWER),
            "slow_only": np.zeros(len(which), bool),
            "turn_id": chosen["turn_id"],
            "start": self.start.take(which),
            "end": self.end.take(which),
        }
        return conform(pa.table(columns), READINGS)


def read_waits(scene: Scene, reference: Reference, now: dt.datetime, *, hours: OpenHours = ALL_HOURS) -> pa.Table:
    """One reading for each turn of theirs that expects an answer: how long it waited, against what is usual.

    Answered: exact, z = -(log hours - norm) / spread. Still open: known only to be longer than until now, so y* lies
    below the z that an answer at this moment would give; the reading is replaced when the answer comes.
    """
    asked = list_asked(scene, reference, hours=hours)
    return empty(READINGS) if asked is None else _read_asked(asked, now)


def list_asked(scene: Scene, reference: Reference, *, hours: OpenHours = ALL_HOURS) -> Asked | None:
    """Turns of theirs that expect an answer, and what is usual for each; None where there is none."""
    waits = list_waits(scene)
    return lay_out_asked(waits, reference, hours=hours) if waits.num_rows else None


def list_waits(scene: Scene) -> pa.Table:
    """WAITS of the turns of theirs that expect an answer, in the order of the scene."""
    rows = np.flatnonzero(scene.in_turn(scene.found(*ASKING)) & ~scene.is_us)
    answer, sentence = scene.answer[rows], _first_asking(scene)[rows]
    waits = {name: scene.turns[name].take(rows) for name in _OF_TURN}
    waits["answered_at"] = scene.turns["sent_at"].take(pa.array(answer, mask=answer < 0))
    waits |= {name: scene.sentences[name].take(sentence) for name in ("start", "end")}
    return pa.table(waits, schema=WAITS)


def recall_waits(readings: pa.Table, turns: pa.Table) -> pa.Table:
    """WAITS as they were when these READINGS of waits were made of them, in no particular order."""
    place = pc.index_in(readings["turn_id"], turns["turn_id"].combine_chunks()).combine_chunks()
    waits = {name: turns[name].take(place) for name in _OF_TURN}
    is_answered = pc.is_finite(readings["lo"])
    waits["answered_at"] = pc.if_else(is_answered, readings["at"], pa.scalar(None, readings["at"].type))
    waits |= {name: readings[name] for name in ("start", "end")}
    return pa.table(waits, schema=WAITS)


def read_all_waits(
    waits: pa.Table, reference: Reference, now: dt.datetime, *, hours: OpenHours = ALL_HOURS
) -> pa.Table:
    """READINGS of WAITS, whatever their order: as `read_waits` gives them of the scene that they are from."""
    if not waits.num_rows:
        return empty(READINGS)
    ordered = waits.sort_by([(name, "ascending") for name in ("conversation_id", "sent_at", "position", "turn_id")])
    return _read_asked(lay_out_asked(ordered, reference, hours=hours), now)


def _read_asked(asked: Asked, now: dt.datetime) -> pa.Table:
    end = np.datetime64(now.astimezone(dt.UTC).replace(tzinfo=None), "us")
    until = np.where(asked.is_answered, asked.answered_at, np.minimum(end, asked.given_up_at))
    return asked.read(np.arange(len(until)), until, is_answered=asked.is_answered)


def lay_out_asked(waits: pa.Table, reference: Reference, *, hours: OpenHours) -> Asked:
    """WAITS, with what is usual for each."""
    asked, answered_at = (waits[name].to_numpy().astype("datetime64[us]") for name in ("sent_at", "answered_at"))
    is_answered = ~np.isnat(answered_at)
    home, circle, channel = (_codes(waits[name]) for name in ("relationship", "circle", "channel"))
    until = np.where(is_answered, answered_at, asked)
    norms = find_norms(
        asked,
        until,
        log_wait(asked, until, hours),
        is_answered=is_answered,
        home=_pair(home, channel),
        circle=_pair(circle, channel),
        reference=reference,
    )
    return Asked(
        turns=waits.select(["relationship", "turn_id"]),
        start=waits["start"],
        end=waits["end"],
        at=asked,
        answered_at=answered_at,
        norms=norms,
        hours=hours,
    )


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
    running = known[:, order]
    ends = np.flatnonzero(np.append(np.diff(codes[order]) != 0, True)) + 1
    for low, high in pairwise([0, *ends.tolist()]):  # each code by itself: others must not lend it their rounding
        np.cumsum(running[:, low:high], axis=1, out=running[:, low:high])
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
    marked = np.flatnonzero(scene.found(*ASKING))[::-1]
    first[scene.of_turn[marked]] = marked  # the last write, the first sentence, stays
    return first
