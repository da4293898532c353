"""Rows of QUESTIONS for what was asked by an act alone: a boss copied in, a silence after a price."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.hints import Silence, find_new_faces, find_silences
from troth.questions.matching import hold
from troth.questions.settle import ANSWER_COLUMNS, Waiting
from troth.questions.threads import Turn

COPIES: Final = 0.55  # probability that a new face in copy of a pressing turn is meant as one: a start value
COPIES_BY_NAME: Final = 0.75  # where the words say who it is, "my director is in copy"
COPIES_STRENGTH: Final = 0.5
SILENT: Final = 0.5  # probability that a silence after a price asks whether it is fair: a start value
SILENT_STRENGTH: Final = 0.3

_AMOUNT: Final = (
    r"(?i)([€$£]\s?\d|\d\s?(€|£|eur\b|euros?\b|usd\b|dollars?\b|chf\b|gbp\b|dkk\b|sek\b)|\b(eur|usd|chf|gbp|dkk)\s?\d)"
)
_OFFERED: Final = (
    r"(?i)\b(you|your|our|we|price|cost|costs|offer|quote|total|fee|rate|included|including|vat|discount"
    r"|per (unit|month|year|piece|user|hour))\b"
)
_PROPOSAL: Final = (
    r"(?i)\b(our|my|attached|enclosed|revised) (\w+ )?(quote|quotation|proposal|offer|prices?|estimate)\b"
    r"|\b(unser|mein)(en?)? (angebot|kostenvoranschlag)\b"
)
_RANK: Final = (
    r"(?i)(\b(my|our|the) (boss|manager|director|managing director|head of|ceo|cfo|coo|chief|supervisor|superior"
    r"|lawyer|board|management)\b"
    r"|\b(mein|unser)(e|en|em)? (chef|chefin|geschäftsführer(in)?|vorgesetzte\w*|anwalt|anwältin)\b)"
)
_COPIED: Final = r"(?i)\b((in|on) (copy|cc)|copying|copied|looping|in kopie)\b"
_WAITED: Final = timedelta(days=60)  # a question left open for longer presses no more
_LAST_ASKED: Final = 50  # questions before a turn that are looked at


def list_copies(
    turns: Sequence[Turn], waiting: Mapping[str, Sequence[Waiting]], sentences: pa.Table, *, ours: Collection[str]
) -> Iterator[dict[str, Any]]:
    """A row for each turn of theirs that presses and puts a new face of their side in copy.

    A turn presses where it asks a question of trust, names a superior, or comes while a question of theirs is open.
    The row has the turn's strongest question of trust and its state; where there is none, the sentence that names the
    superior or the copy, else the first one, and the first later turn of ours in the conversation answers it.

    Args:
        turns: of all relationships, oldest first.
        waiting: the questions that each turn asks, settled.
        sentences: SENTENCES of these turns.
        ours: everybody who speaks for us.
    """
    faces = {turn.turn_id: (turn, person) for turn, person in find_new_faces(turns, ours)}
    if not faces:
        return
    said = sentences.filter(pc.is_in(sentences.column("turn_id"), pa.array(list(faces), pa.string())))
    lead = _first_lines(said.filter(pc.greater(pc.count_substring(said.column("text"), " "), 1)))
    copied = _first_lines(said.filter(hold(said.column("text"), _COPIED)))
    superior = _first_lines(said.filter(hold(said.column("text"), _RANK)))
    asked, answers = _by_relationship(waiting), _next_turns(turns)
    for turn_id, (turn, person) in faces.items():
        trust = [one.row for one in waiting.get(turn_id, ()) if one.row["kind"] != "direct"]
        if not trust and turn_id not in superior and not _was_waiting(turn, asked):
            continue
        if trust:
            row = max(trust, key=lambda row: (row["strength"], -row["start"]))
        elif turn_id in lead:
            row = _copy_row(turn, superior.get(turn_id) or copied.get(turn_id) or lead[turn_id], answers.get(turn_id))
        else:
            continue
        yield {
            **row,
            "question_id": identify(turn_id, f"copies {person}"),
            "kind": "HR",
            "act": "copies_boss",
            "spoken": False,
            "strength": COPIES_STRENGTH,
            "probability": COPIES_BY_NAME if turn_id in superior else COPIES,
        }


def _first_lines(said: pa.Table) -> dict[str, dict[str, Any]]:
    """The first of these sentences in each turn."""
    lines: dict[str, dict[str, Any]] = {}
    ordered = said.select(["turn_id", "start", "end", "text"]).sort_by(
        [("turn_id", "ascending"), ("start", "ascending")]
    )
    for row in ordered.to_pylist():
        lines.setdefault(row["turn_id"], row)
    return lines


def _by_relationship(waiting: Mapping[str, Sequence[Waiting]]) -> Mapping[str | None, list[Mapping[str, Any]]]:
    """The dated questions of each relationship, oldest first."""
    asked: defaultdict[str | None, list[Mapping[str, Any]]] = defaultdict(list)
    for ones in waiting.values():
        for one in ones:
            if one.row["asked_at"] is not None:
                asked[one.row["relationship"]].append(one.row)
    for rows in asked.values():
        rows.sort(key=_asked_at)
    return asked


def _asked_at(row: Mapping[str, Any]) -> datetime:
    return row["asked_at"]


def _was_waiting(turn: Turn, asked: Mapping[str | None, list[Mapping[str, Any]]]) -> bool:
    """Whether a question of an earlier turn of theirs had no answer when this one was sent."""
    moment, rows = turn.sent_at, asked.get(turn.relationship, [])
    if moment is None:
        return False
    last = bisect_left(rows, moment, key=_asked_at)
    return any(
        moment - row["asked_at"] <= _WAITED
        and (row["state"] != "answered" or (row["answered_at"] is not None and row["answered_at"] > moment))
        for row in rows[max(0, last - _LAST_ASKED) : last]
    )


def _next_turns(turns: Sequence[Turn]) -> dict[str, Turn]:
    """For each turn of theirs our first later one in its conversation."""
    coming: dict[str, Turn] = {}
    answers: dict[str, Turn] = {}
    for turn in reversed(turns):
        if turn.side == "us":
            coming[turn.conversation_id] = turn
        elif turn.conversation_id in coming:
            answers[turn.turn_id] = coming[turn.conversation_id]
    return answers


def _copy_row(turn: Turn, sentence: Mapping[str, Any], answer: Turn | None) -> dict[str, Any]:
    return {
        **sentence,
        "relationship": turn.relationship,
        "circle": turn.circle,
        "side": "them",
        "asked_at": turn.sent_at,
        "state": "open" if answer is None else "answered",
        **dict.fromkeys(ANSWER_COLUMNS),
        "answer_turn_id": None if answer is None else answer.turn_id,
        "answered_at": None if answer is None else answer.sent_at,
    }


def list_silences(
    turns: Sequence[Turn], known: pa.Table, sentences: pa.Table, *, now: datetime
) -> Iterator[dict[str, Any]]:
    """A row for each price of ours to a customer that met with an unusual silence; they end it by writing again.

    The row's turn and sentence are ours, the ones that named the price; it was asked when the silence became unusual.

    Args:
        turns: of all relationships, oldest first.
        known: TURNS of these.
        sentences: of these turns.
        now: aware.
    """
    ours = known.filter(
        pc.and_(
            pc.fill_null(pc.equal(known.column("side"), "us"), False),
            pc.fill_null(pc.equal(known.column("circle"), "customer"), False),
        )
    ).column("turn_id")
    said = sentences.filter(pc.is_in(sentences.column("turn_id"), ours.combine_chunks()))
    text = said.column("text")
    amount = pc.and_(hold(text, _AMOUNT), hold(text, _OFFERED))
    named = said.filter(pc.or_(amount, hold(text, _PROPOSAL)))
    lead: dict[str, dict[str, Any]] = {}
    for row in (
        named.select(["turn_id", "start", "end", "text"])
        .sort_by([("turn_id", "ascending"), ("start", "ascending")])
        .to_pylist()
    ):
        lead.setdefault(row["turn_id"], row)
    for silence in find_silences(turns, priced=lead.keys(), now=now):
        yield _silence_row(silence, lead[silence.turn.turn_id])


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
