"""From TURNS, SENTENCES and FINDINGS to QUESTIONS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.acts import identify, list_copies, list_silences
from troth.questions.asked import Sentence, find_asked
from troth.questions.forms import question_forms
from troth.questions.hints import Wish, find_repeats, order_all
from troth.questions.replies import Asked, is_follow_up, read_labels
from troth.questions.settle import ANSWER_COLUMNS, Spoken, Waiting, by_age, look_elsewhere, settle_conversation
from troth.questions.threads import Turn, known_turns, read_turns, thread_turns
from troth.schema import QUESTIONS
from troth.words import content_stems

PATIENCE: Final = timedelta(days=60)
"""After which a question that found no answer is stale rather than open: a setting, not learned."""

_AGAIN: Final = 0.2  # what asking again adds to the strength, and ...
_AGAIN_LEAST: Final = 0.6  # ... the least it then has: start values
_AGAIN_PROBABILITY: Final = 0.7


def find_questions(
    turns: pa.Table,
    sentences: pa.Table,
    findings: pa.Table,
    *,
    now: datetime,
    side: str = "them",
    ours: Collection[str] | None = None,
) -> pa.Table:
    """List what one side asked up to `now`, in words or by an act, and which turn of the other side answered it.

    A sentence is listed once, as the trust question it voices if it voices one, else as direct. Courtesies, rhetorical
    questions and quoted ones are left out. A question is answered by a later turn of the other side, written by a
    person, whose sentences answer it by what they speak of or by their form; a reply that answers another question
    leaves it open; one that says it will find out answers it partly. One that waits longer than `PATIENCE`, or whose
    asker ended the matter, is stale. Trust is told for the counterpart's questions alone; ours are all direct.

    Args:
        turns: TURNS with `side` filled, in any order. A turn whose time is missing or cannot be true counts by its
            place in the source.
        sentences: SENTENCES of these turns.
        findings: FINDINGS; read are asks_proof, chases, doubts_motive, question and request of .5 and above.
        now: aware; what was sent after it does not count.
        side: whose questions, "them" or "us".
        ours: everybody who speaks for us, where these turns are only a part of all (`list_ours`): whole conversations
            and whole relationships.

    Returns: QUESTIONS, oldest first. `strength` and the probabilities of wordings are start values (see `wording`).
    Cost: filters over the tables, then linear in the turns of the conversations that hold questions.
    """
    known = known_turns(turns, now)
    askers = known.filter(pc.fill_null(pc.equal(known.column("side"), side), False))
    asked = find_asked(sentences, askers, findings, trust=side == "them")
    threads = thread_turns(read_turns(known))
    everyone = order_all(threads)
    by_id = {turn.turn_id: turn for turn in everyone}
    holding = {by_id[one.turn_id].conversation_id for one in asked}
    spoken = Spoken()
    spoken.add(known, sentences, [turn for name in sorted(holding) for turn in threads[name]])
    waiting = await_answers(asked, by_id, spoken, side)
    for name in sorted(holding):
        settle_conversation(threads[name], waiting, spoken, side=side)
    everything = [one for ones in waiting.values() for one in ones]
    replies = [turn for turn in everyone if turn.side not in {None, side}]
    look_elsewhere(everything, known, replies, sentences)
    rows = [one.row for one in everything]
    if side == "them":
        _mark_repeats(everything)
        rows += list_copies(everyone, waiting, sentences, ours=list_ours(turns, now) if ours is None else ours)
        rows += list_silences(everyone, known, sentences, now=now)
    for one in everything:
        if one.closed:
            one.row["state"] = "stale"
    for row in rows:
        if has_waited(row, now):
            row["state"] = "stale"
    return pa.Table.from_pylist(sorted(rows, key=by_age), schema=QUESTIONS)


def list_ours(turns: pa.Table, now: datetime) -> frozenset[str]:
    """Everybody who spoke for us by `now`."""
    turns = known_turns(turns.select(["speaker", "side", "sent_at", "automatic"]), now)
    ours = turns.filter(pc.fill_null(pc.equal(turns.column("side"), "us"), False))
    return frozenset(pc.unique(ours.column("speaker")).to_pylist())


def has_waited(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether a question has waited for longer than `PATIENCE`."""
    return row["state"] in {"open", "partly"} and row["asked_at"] is not None and now - row["asked_at"] > PATIENCE


def await_answers(
    asked: Sequence[Sentence], by_id: Mapping[str, Turn], spoken: Spoken, side: str
) -> dict[str, list[Waiting]]:
    """What each turn asks, in the order of its sentences, all open."""
    forms = question_forms(pa.array([one.text for one in asked], pa.string()))
    waiting: defaultdict[str, list[Waiting]] = defaultdict(list)
    for one, form in zip(asked, forms, strict=True):
        turn = by_id[one.turn_id]
        wish = Asked(text=one.text, stems=_stems(one), forms=form, follows=is_follow_up(form))
        waiting[one.turn_id].append(Waiting(row=_row(one, turn, side), turn=turn, asked=wish))
    for turn_id, ones in waiting.items():
        ones.sort(key=lambda one: one.row["start"])
        if len(ones) > 1:
            _number(ones, spoken, turn_id)
    return dict(waiting)


def _stems(one: Sentence) -> frozenset[str]:
    """What a question is about; "Is it?" is about what was said before it."""
    return content_stems(one.text) or content_stems(one.before)


def _number(ones: Sequence[Waiting], spoken: Spoken, turn_id: str) -> None:
    """Give each question the number that its sentence carries."""
    rows = spoken.rows(turn_id)
    labels = {start: label for (start, _, _), label in zip(rows, read_labels(rows, spoken.body(turn_id)), strict=True)}
    for one in ones:
        one.asked = replace(one.asked, label=labels.get(one.row["start"]))


def _row(one: Sentence, turn: Turn, side: str) -> dict[str, Any]:
    return {
        "question_id": identify(one.turn_id, one.start),
        "turn_id": one.turn_id,
        "start": one.start,
        "end": one.end,
        "text": one.text,
        "kind": one.kind,
        "probability": one.probability,
        "relationship": turn.relationship,
        "circle": turn.circle,
        "asked_at": turn.sent_at,
        "state": "open",
        **dict.fromkeys(ANSWER_COLUMNS),
        "side": side,
        "spoken": one.spoken,
        "act": one.act,
        "strength": one.strength,
    }


def _mark_repeats(waiting: Sequence[Waiting]) -> None:
    """What is asked a second time asks whether they can depend on us, whatever it is about."""
    oldest = sorted(waiting, key=lambda one: by_age(one.row))
    again = find_repeats(wish_of(one) for one in oldest)
    for one in oldest:
        if one.row["question_id"] in again:
            mark_again(one.row)


def wish_of(one: Waiting) -> Wish:
    """A question as `find_repeats` sees it."""
    return Wish(
        key=one.row["question_id"],
        turn_id=one.row["turn_id"],
        relationship=one.row["relationship"],
        stems=one.asked.stems,
        answered_at=one.row["answered_at"],
        asked_at=one.row["asked_at"],
        is_answered=one.row["state"] == "answered",
        text=one.row["text"],
    )


def mark_again(row: dict[str, Any]) -> None:
    """Make a row of QUESTIONS that of something asked again."""
    if row["kind"] == "direct":
        row.update(kind="HR", act="asks_again", spoken=False, probability=_AGAIN_PROBABILITY)
    row["strength"] = min(1.0, max(row["strength"] + _AGAIN, _AGAIN_LEAST))
