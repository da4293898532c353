"""From TURNS, SENTENCES and FINDINGS to QUESTIONS."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.formulas import FORMULA, INTERROGATIVE, POLITE
from troth.schema import QUESTIONS

LEAST: Final = 0.5
BY_MARK: Final = 0.6
"""Probability of a direct question that has a question mark and no finding: a setting, not learned."""

KINDS: Final = {"asks_proof": "HC", "chases": "HR", "doubts_motive": "HS", "question": "direct", "request": "direct"}
"""Signal to the trust question that it voices: by whose authority, can I depend on you, is this fair to both."""

_RANK: Final = {"HS": 0, "HC": 1, "HR": 2, "direct": 3}


def find_questions(turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, now: datetime) -> pa.Table:
    """List what the counterpart asked up to `now`, and which of our turns answered it.

    A sentence is listed once, as the trust question it voices if it voices one, else as direct. Courtesies such as
    "How are you?" are left out. A question is answered by the first later turn of ours, in the same conversation,
    that a person wrote; a reply to a later turn of theirs counts too, since it had the question before it.

    Args:
        turns: TURNS with `side` filled. Only turns of side "them", by people, up to `now` are read for questions.
        sentences: SENTENCES of these turns.
        findings: FINDINGS; read are asks_proof, chases, doubts_motive, question and request of .5 and above.
        now: aware; what was sent after it does not count.

    Returns: QUESTIONS in the order of `sentences`. Where a turn has no time, order is by position in the source.
    Cost: filters over the tables, then linear in the turns of the conversations that hold questions.
    """
    known = _up_to(turns, now)
    theirs = known.filter(pc.fill_null(pc.equal(known.column("side"), "them"), False))
    marks = _marks(findings, theirs.column("turn_id"))
    asked = _asked(sentences, theirs, marks)
    if not asked:
        return QUESTIONS.empty_table()
    askers = pa.array({row["turn_id"] for row in asked}, pa.string())
    conversations = pc.unique(known.filter(pc.is_in(known.column("turn_id"), askers)).column("conversation_id"))
    spots = _spots(known.filter(pc.is_in(known.column("conversation_id"), conversations)))
    rows = [_question(sentence, marks, spots[sentence["turn_id"]]) for sentence in asked]
    return pa.Table.from_pylist(rows, schema=QUESTIONS)


def _up_to(turns: pa.Table, now: datetime) -> pa.Table:
    """Turns by people that were sent by `now`, or whose time is not known."""
    sent_at = turns.column("sent_at")
    known = pc.or_kleene(pc.is_null(sent_at), pc.less_equal(sent_at, pa.scalar(now)))
    return turns.filter(pc.and_(known, pc.invert(turns.column("automatic"))))


def _marks(findings: pa.Table, turn_ids: pa.ChunkedArray) -> dict[tuple[str, int], tuple[str, float]]:
    """Kind and probability by turn and start of the sentence; the trust question wins over the direct one."""
    wanted = pc.and_(
        pc.is_in(findings.column("signal"), pa.array(list(KINDS))),
        pc.greater_equal(findings.column("probability"), LEAST),
    )
    found = findings.filter(wanted)
    found = found.filter(pc.is_in(found.column("turn_id"), turn_ids.combine_chunks()))
    marks: dict[tuple[str, int], tuple[str, float]] = {}
    columns = [found.column(name).to_pylist() for name in ("turn_id", "start", "signal", "probability")]
    for turn_id, start, signal, probability in zip(*columns, strict=True):
        kind = KINDS[signal]
        held = marks.get((turn_id, start))
        if held is None or (_RANK[kind], -probability) < (_RANK[held[0]], -held[1]):
            marks[turn_id, start] = (kind, probability)
    return marks


def _asked(
    sentences: pa.Table, theirs: pa.Table, marks: Mapping[tuple[str, int], tuple[str, float]]
) -> list[dict[str, Any]]:
    """The counterpart's sentences that ask, courtesies left out."""
    spoken = sentences.filter(pc.is_in(sentences.column("turn_id"), theirs.column("turn_id").combine_chunks()))
    text = spoken.column("text")
    formula = pc.or_(pc.match_substring_regex(text, FORMULA), pc.match_substring_regex(text, POLITE))
    spoken = spoken.append_column("mark", pc.match_substring_regex(text, INTERROGATIVE)).filter(pc.invert(formula))
    marked = pc.is_in(spoken.column("turn_id"), pa.array({turn for turn, _ in marks}, pa.string()))
    rows = spoken.filter(pc.or_(spoken.column("mark"), marked)).to_pylist()
    return [row for row in rows if row["mark"] or (row["turn_id"], row["start"]) in marks]


def _spots(turns: pa.Table) -> dict[str, dict[str, Any]]:
    """Each turn by id, with the first later turn of ours in its conversation as "answer"."""
    columns = ["turn_id", "conversation_id", "position", "sent_at", "side", "circle", "relationship"]
    by_conversation: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in turns.select(columns).to_pylist():
        by_conversation[row["conversation_id"]].append(row)
    spots: dict[str, dict[str, Any]] = {}
    for rows in by_conversation.values():
        answer: Mapping[str, Any] | None = None
        for row in reversed(_in_order(rows)):
            spots[row["turn_id"]] = {**row, "answer": answer}
            if row["side"] == "us":
                answer = row
    return spots


def _in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By time, and by position alone where any time is missing."""
    if any(row["sent_at"] is None for row in rows):
        return sorted(rows, key=lambda row: row["position"])
    return sorted(rows, key=lambda row: (row["sent_at"], row["position"]))


def _question(
    sentence: Mapping[str, Any], marks: Mapping[tuple[str, int], tuple[str, float]], spot: Mapping[str, Any]
) -> dict[str, Any]:
    kind, probability = marks.get((sentence["turn_id"], sentence["start"]), ("direct", BY_MARK))
    answer = spot["answer"] if _can_answer(spot, spot["answer"]) else None
    return {
        "question_id": _identify(sentence["turn_id"], sentence["start"]),
        "turn_id": sentence["turn_id"],
        "start": sentence["start"],
        "end": sentence["end"],
        "text": sentence["text"],
        "kind": kind,
        "probability": probability,
        "relationship": spot["relationship"],
        "circle": spot["circle"],
        "asked_at": spot["sent_at"],
        "state": "open" if answer is None else "answered",
        "answer_turn_id": None if answer is None else answer["turn_id"],
        "answered_at": None if answer is None else answer["sent_at"],
    }


def _can_answer(spot: Mapping[str, Any], answer: Mapping[str, Any] | None) -> bool:
    """A turn whose clock says that it was sent before the question is no answer to it."""
    asked_at: datetime | None = spot["sent_at"]
    return answer is not None and (asked_at is None or answer["sent_at"] is None or answer["sent_at"] >= asked_at)


def _identify(turn_id: str, start: int) -> str:
    """The same sentence of the same turn has the same id, so that finding again adds nothing."""
    return "q-" + hashlib.blake2b(f"{turn_id}\0{start}".encode(), digest_size=10).hexdigest()
