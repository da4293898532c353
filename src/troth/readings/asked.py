"""Trust put in question, in words or by an act, as readings of HELD: one per turn and facet.

The heads of the encoder know three acts (asks_proof, chases, doubts_motive), read in `held`. Here enter the questions
that were found beyond them: those that the wording alone tells, and those that only an act tells. Where a turn gives
one, it stands for the facet in place of "nothing found", or of a milder act; an act that a head found stays.
Source: MEASUREMENT.md sections 2 and 4.2.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from troth.readings.held import TURN_VAR
from troth.schema import READINGS, conform, empty

SIGNALS: Final = MappingProxyType({True: "trust_asked", False: "trust_hinted"})
"""What the reading is called: asked in words, or hinted at by an act."""

_SENSITIVITY = 0.5  # half of them are taken to be missed: a start value, as in `held`
_MISREAD: Final = MappingProxyType({True: 0.5, False: 0.7})
"""Share of detections that mean something else; of acts more than of words: start values, no labelled data has them."""

_FOUND: Final = MappingProxyType({("HC", True): 0.0035, ("HR", True): 0.0027, ("HR", False): 0.0037})
"""Share of the counterpart's turns in which one was found, by facet and whether it is in the words.

Of 5,184 turns of the four corpora of the reference (business mail, a mailing list, help-desk calls, an agent's chats).
"""
_RARE: Final = 0.0005  # for those found in fewer than five of these turns
_HEADS: Final = frozenset({"asks_proof", "chases", "doubts_motive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLaw:
    """How finding one depends on its being there: P(found) = alpha + beta P(y* <= cut)."""

    cut: float
    alpha: float
    beta: float


def find_asked_law(facet: str, *, spoken: bool) -> AskedLaw:
    """The law of one kind of question: the fewer there are and the better they are told, the more one says.

    With found share f and misread share m: specificity 1 - m f / (1 - r), true share r = (1 - m) f / sensitivity.
    """
    found = _FOUND.get((facet, spoken), _RARE)
    true = (1.0 - _MISREAD[spoken]) * found / _SENSITIVITY
    alpha = _MISREAD[spoken] * found / (1.0 - true)
    return AskedLaw(cut=float(ndtri(true)) * (1.0 + TURN_VAR) ** 0.5, alpha=alpha, beta=_SENSITIVITY - alpha)


def join_questions(held: pa.Table, questions: pa.Table, *, now: dt.datetime) -> pa.Table:
    """READINGS of HELD with those of the questions laid over them.

    Args:
        held: READINGS that the heads gave.
        questions: QUESTIONS of the counterpart; direct ones and those without a time say nothing.
        now: aware; what was asked after it does not count.

    Returns: READINGS, in no particular order.
    """
    asked = _read_questions(questions, now)
    if not asked.num_rows:
        return held
    by_head = held.filter(pc.is_in(held["signal"], pa.array(sorted(_HEADS))))
    fresh = asked.filter(pc.invert(pc.is_in(_places(asked), _places(by_head).combine_chunks())))
    kept = held.filter(pc.invert(pc.is_in(_places(held), _places(fresh).combine_chunks())))
    return pa.concat_tables([kept, fresh])


def _places(readings: pa.Table) -> pa.ChunkedArray:
    """Turn and facet in one word."""
    return pc.binary_join_element_wise(pc.fill_null(readings["turn_id"], ""), readings["facet"], "\n")


def _read_questions(questions: pa.Table, now: dt.datetime) -> pa.Table:
    """One reading for each turn and facet with a trust question: of the one that asks most openly."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    trust = questions.filter(
        pc.and_(pc.not_equal(questions["kind"], "direct"), pc.fill_null(pc.equal(questions["side"], "them"), False))
    )
    for row in trust.to_pylist():
        if row["asked_at"] is None or row["asked_at"] > now or row["relationship"] is None:
            continue
        place = (row["turn_id"], row["kind"])
        held = best.get(place)
        if held is None or (row["spoken"], row["strength"], -row["start"]) > (
            held["spoken"],
            held["strength"],
            -held["start"],
        ):
            best[place] = row
    return conform([_reading(row) for row in best.values()], READINGS) if best else empty(READINGS)


def _reading(row: dict[str, Any]) -> dict[str, Any]:
    law = find_asked_law(row["kind"], spoken=row["spoken"])
    return {
        "relationship": row["relationship"],
        "facet": row["kind"],
        "at": row["asked_at"],
        "signal": SIGNALS[row["spoken"]],
        "lo": float("-inf"),
        "hi": law.cut,
        "v": TURN_VAR,
        "slope": 1.0,
        "alpha": law.alpha,
        "beta": law.beta,
        "slow_only": False,
        "turn_id": row["turn_id"],
        "start": row["start"],
        "end": row["end"],
    }
