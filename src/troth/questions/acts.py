"""Rows of QUESTIONS for what was asked by an act alone: a boss copied in, a silence after a price."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.hints import Silence, find_new_faces, find_silences
from troth.questions.matching import hold
from troth.questions.settle import ANSWER_COLUMNS, Waiting, by_age
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
WAITED: Final = timedelta(days=60)  # a question left open for longer presses no more
LAST_ASKED: Final = 50  # questions before a turn that are looked at


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
    leads = read_leads(said)
    asked, answers = _by_relationship(waiting), _next_turns(turns)
    for turn_id, (turn, person) in faces.items():
        before: Sequence[Mapping[str, Any]] = ()
        if turn.sent_at is not None:
            rows = asked.get(turn.relationship, [])
            last = bisect_left(rows, turn.sent_at, key=_asked_at)
            before = rows[max(0, last - LAST_ASKED) : last]
        own = [one.row for one in waiting.get(turn_id, ())]
        row = copy_row(turn, person, own, before, leads=leads, answer=answers.get(turn_id))
        if row is not None:
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads:
    """By turn, the first sentence that names a superior, that says who is in copy, and of more than two words."""

    superior: Mapping[str, Mapping[str, Any]]
    copied: Mapping[str, Mapping[str, Any]]
    first: Mapping[str, Mapping[str, Any]]


def read_leads(said: pa.Table) -> Leads:
    """From SENTENCES of turns that take somebody into copy."""
    text = said.column("text")
    return Leads(
        superior=_first_lines(said.filter(hold(text, _RANK))),
        copied=_first_lines(said.filter(hold(text, _COPIED))),
        first=_first_lines(said.filter(pc.greater(pc.count_substring(text, " "), 1))),
    )


def copy_row(
    turn: Turn,
    person: str,
    own: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    *,
    leads: Leads,
    answer: Turn | None,
) -> dict[str, Any] | None:
    """The row of a turn of theirs with a new face in copy; None where the turn does not press.

    Args:
        turn, person: which turn takes in whom.
        own: the turn's own questions, settled.
        before: the last `LAST_ASKED` dated questions before it in its relationship, settled.
        leads: of this turn.
        answer: our next turn in its conversation.
    """
    trust = [row for row in own if row["kind"] != "direct"]
    superior = leads.superior.get(turn.turn_id)
    if trust:
        row = max(trust, key=lambda row: (row["strength"], -row["start"]))
    elif turn.turn_id in leads.first and (superior is not None or _was_waiting(turn.sent_at, before)):
        sentence = superior or leads.copied.get(turn.turn_id) or leads.first[turn.turn_id]
        row = _lead_row(turn, sentence, answer)
    else:
        return None
    return {
        **row,
        "question_id": identify(turn.turn_id, f"copies {person}"),
        "kind": "HR",
        "act": "copies_boss",
        "spoken": False,
        "strength": COPIES_STRENGTH,
        "probability": COPIES if superior is None else COPIES_BY_NAME,
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
        rows.sort(key=by_age)
    return asked


def _asked_at(row: Mapping[str, Any]) -> datetime:
    return row["asked_at"]


def _was_waiting(moment: datetime | None, before: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a question of an earlier turn of theirs had no answer at this moment."""
    return moment is not None and any(
        moment - row["asked_at"] <= WAITED
        and (row["state"] != "answered" or (row["answered_at"] is not None and row["answered_at"] > moment))
        for row in before
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


def _lead_row(turn: Turn, sentence: Mapping[str, Any], answer: Turn | None) -> dict[str, Any]:
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
    lead = read_prices(known, sentences)
    for silence in find_silences(turns, priced=lead.keys(), now=now):
        yield silence_row(silence, lead[silence.turn.turn_id])


def read_prices(known: pa.Table, sentences: pa.Table) -> dict[str, dict[str, Any]]:
    """By turn of ours to a customer, the first sentence that names a price or makes a proposal."""
    ours = known.filter(
        pc.and_(
            pc.fill_null(pc.equal(known.column("side"), "us"), False),
            pc.fill_null(pc.equal(known.column("circle"), "customer"), False),
        )
    ).column("turn_id")
    said = sentences.filter(pc.is_in(sentences.column("turn_id"), ours.combine_chunks()))
    text = said.column("text")
    amount = pc.and_(hold(text, _AMOUNT), hold(text, _OFFERED))
    return _first_lines(said.filter(pc.or_(amount, hold(text, _PROPOSAL))))


def silence_row(silence: Silence, sentence: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a silence; `sentence` is the one that named the price."""
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
