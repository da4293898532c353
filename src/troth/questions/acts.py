"""Rows of QUESTIONS for what was asked by an act alone: a boss copied in, a silence after a price."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.hints import Silence, find_new_faces, find_silences
from troth.questions.settle import ANSWER_COLUMNS, Spoken, Waiting
from troth.questions.threads import Turn

LEAST: Final = 0.5
COPIES: Final = 0.55  # probability that a new face in copy of a pressing turn is meant as one: a start value
COPIES_BY_NAME: Final = 0.75  # where the words say who it is, "my director is in copy"
COPIES_STRENGTH: Final = 0.5
SILENT: Final = 0.5  # probability that a silence after a price asks whether it is fair: a start value
SILENT_STRENGTH: Final = 0.3

_PRICED: Final = (
    r"(?i)([€$£]\s?\d|\d\s?(€|£|eur\b|euros?\b|usd\b|dollars?\b|chf\b|gbp\b|dkk\b|sek\b)|\b(eur|usd|chf|gbp|dkk)\s?\d"
    r"|\b(our|the|revised|new|final|attached|enclosed) (\w+ )?(quote|quotation|proposal|offer|price|prices|estimate)\b"
    r"|\b(angebot|kostenvoranschlag)\b)"
)
_RANK: Final = (
    r"(?i)(\b(my|our|the) (boss|manager|director|managing director|head of|ceo|cfo|coo|chief|supervisor|superior|"
    r"lawyer|board|management)\b|\b(mein|unser)(e|en|em)? (chef|chefin|geschäftsführer(in)?|vorgesetzte\w*|anwalt|anwältin)\b"
    r"|\b(in|on) (copy|cc)\b|\b(copying|copied|looping)\b)"
)


def list_copies(
    turns: Sequence[Turn], waiting: Mapping[str, Sequence[Waiting]], spoken: Spoken
) -> Iterator[dict[str, Any]]:
    """A row for each turn of theirs that presses and puts a new face of their side in copy.

    A turn presses where it asks a question of trust, or comes while one of theirs is still without an answer. The row
    is answered by whatever answered the turn's strongest question, else it stays as open as the conversation.

    Args:
        turns: of all relationships, oldest first.
        waiting: the questions that each turn asks, settled.
        spoken: the sentences of the conversations that hold questions.
    """
    suspicious = {turn_id for turn_id, ones in waiting.items() if any(one.row["kind"] != "direct" for one in ones)}
    for turn, person in find_new_faces(turns, suspicious=suspicious):
        ones = [one for one in waiting[turn.turn_id] if one.row["kind"] != "direct"]
        lead = max(ones, key=lambda one: (one.row["strength"], -one.row["start"])).row
        named = _names_rank(spoken, turn.turn_id)
        yield {
            **lead,
            "question_id": identify(turn.turn_id, f"copies {person}"),
            "kind": "HR",
            "act": "copies_boss",
            "spoken": False,
            "strength": COPIES_STRENGTH,
            "probability": COPIES_BY_NAME if named else COPIES,
        }


def _names_rank(spoken: Spoken, turn_id: str) -> bool:
    texts = pa.array([text for _, _, text in spoken.rows(turn_id)], pa.string())
    return bool(pc.any(pc.match_substring_regex(texts, _RANK)).as_py())


def list_silences(
    turns: Sequence[Turn], known: pa.Table, sentences: pa.Table, findings: pa.Table, *, now: datetime
) -> Iterator[dict[str, Any]]:
    """A row for each price of ours to a customer that met with an unusual silence; they end it by writing again.

    The row's turn and sentence are ours, the ones that named the price; it was asked when the silence became unusual.

    Args:
        turns: of all relationships, oldest first.
        known: TURNS of these.
        sentences, findings: of these turns; read is the signal offer of .5 and above.
        now: aware.
    """
    ours = known.filter(
        pc.and_(
            pc.fill_null(pc.equal(known.column("side"), "us"), False),
            pc.fill_null(pc.equal(known.column("circle"), "customer"), False),
        )
    ).column("turn_id")
    said = sentences.filter(pc.is_in(sentences.column("turn_id"), ours.combine_chunks()))
    named = said.filter(pc.match_substring_regex(said.column("text"), _PRICED))
    lead: dict[str, dict[str, Any]] = {}
    for row in named.select(["turn_id", "start", "end", "text"]).to_pylist():
        lead.setdefault(row["turn_id"], row)
    offered = _offers(findings)
    priced = {
        turn_id for turn_id, row in lead.items() if any(char.isdigit() for char in row["text"]) or turn_id in offered
    }
    for silence in find_silences(turns, priced=priced, now=now):
        yield _silence_row(silence, lead[silence.turn.turn_id])


def _offers(findings: pa.Table) -> Collection[str]:
    found = findings.filter(
        pc.and_(pc.equal(findings.column("signal"), "offer"), pc.greater_equal(findings.column("probability"), LEAST))
    )
    return set(found.column("turn_id").to_pylist())


def _silence_row(silence: Silence, sentence: Mapping[str, Any]) -> dict[str, Any]:
    turn, ended = silence.turn, silence.ended
    return {
        "question_id": identify(turn.turn_id, "silence"),
        **sentence,
        "kind": "HS",
        "act": "goes_silent",
        "spoken": False,
        "strength": SILENT_STRENGTH,
        "probability": SILENT,
        "relationship": turn.relationship,
        "circle": turn.circle,
        "side": "them",
        "asked_at": silence.since,
        "state": "open" if ended is None else "answered",
        **dict.fromkeys(ANSWER_COLUMNS),
        "answer_turn_id": None if ended is None else ended.turn_id,
        "answered_at": None if ended is None else ended.sent_at,
    }


def identify(turn_id: str, what: object) -> str:
    """The same sentence or act of the same turn has the same id, so that finding again adds nothing."""
    return "q-" + hashlib.blake2b(f"{turn_id}\0{what}".encode(), digest_size=10).hexdigest()
