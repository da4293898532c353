"""From TURNS, SENTENCES and FINDINGS to PROMISES, all open."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.acts import PREFILTER, Act, read_act
from troth.promises.calendar import Calendar
from troth.promises.content import content_stems
from troth.promises.resolve import Due, due
from troth.schema import PROMISES

LEAST: Final = 0.5
_BARRED_WEIGHT: Final = 0.4  # what is left of the encoder's probability where a rule says that it is no promise


def find_promises(turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, calendar: Calendar) -> pa.Table:
    """Find the commissive sentences of all turns that people wrote.

    Args:
        turns: TURNS; side, circle and relationship are taken over.
        sentences: SENTENCES of these turns.
        findings: FINDINGS; only the signal "commitment" is read.
        calendar: the speakers' zone and working days.

    Returns: PROMISES, one row per sentence that promises, state "open", in the order of `sentences`.
        `probability` is the larger of the encoder's and the rules'; where a rule bars the sentence (a question, a
        habit, an offer, quoted words) the encoder's counts .4 of what it was. Only .5 and above is kept.
    Cost: one pass; the rules run only on sentences that hold a word of promising or that the encoder marked.
    """
    marked = _marks(findings)
    chosen = _candidates(turns, sentences, marked)
    if chosen.num_rows == 0:
        return PROMISES.empty_table()
    speakers = _turns_by_id(turns, chosen.column("turn_id"))
    rows: list[dict[str, Any]] = []
    for sentence in chosen.to_pylist():
        turn = speakers[sentence["turn_id"]]
        row = _promise(turn, sentence, marked.get((sentence["turn_id"], sentence["start"])), calendar)
        if row is not None:
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=PROMISES)


def _marks(findings: pa.Table) -> dict[tuple[str, int], float]:
    """Probability of a commitment by turn and start of the sentence."""
    wanted = pc.and_(
        pc.equal(findings.column("signal"), "commitment"), pc.greater_equal(findings.column("probability"), LEAST)
    )
    found = findings.filter(wanted)
    keys = zip(found.column("turn_id").to_pylist(), found.column("start").to_pylist(), strict=True)
    return dict(zip(keys, found.column("probability").to_pylist(), strict=True))


def _candidates(turns: pa.Table, sentences: pa.Table, marked: Mapping[tuple[str, int], float]) -> pa.Table:
    """The sentences by people that the encoder marked or that hold a word of promising."""
    human = turns.filter(pc.invert(turns.column("automatic"))).column("turn_id")
    by_words = pc.match_substring_regex(sentences.column("text"), PREFILTER)
    by_encoder = pc.is_in(sentences.column("turn_id"), pa.array({turn for turn, _ in marked}, pa.string()))
    by_person = pc.is_in(sentences.column("turn_id"), human.combine_chunks())
    return sentences.filter(pc.and_(by_person, pc.or_(by_words, by_encoder)))


def _turns_by_id(turns: pa.Table, wanted: pa.ChunkedArray) -> dict[str, dict[str, Any]]:
    """The turns named, and in each as "other" who spoke last before it in the conversation from elsewhere."""
    columns = [
        "turn_id",
        "conversation_id",
        "position",
        "sent_at",
        "speaker",
        "recipients",
        "side",
        "circle",
        "relationship",
    ]
    table = turns.select(columns)
    ids = pc.unique(wanted)
    conversations = pc.unique(table.filter(pc.is_in(table.column("turn_id"), ids)).column("conversation_id"))
    table = table.filter(pc.is_in(table.column("conversation_id"), conversations)).sort_by(
        [("conversation_id", "ascending"), ("position", "ascending")]
    )
    kept: dict[str, dict[str, Any]] = {}
    needed = np.asarray(pc.is_in(table.column("turn_id"), ids))
    last: tuple[str, str] | None = None  # conversation, speaker of the turn before
    other: str | None = None  # the last speaker of this conversation who is not the present one
    for row, is_needed in zip(table.to_pylist(), needed, strict=True):
        conversation, speaker = row["conversation_id"], row["speaker"]
        if last is None or last[0] != conversation:
            other = None
        elif last[1] != speaker:
            other = last[1]
        last = (conversation, speaker)
        if is_needed:
            row["other"] = other
            kept[row["turn_id"]] = row
    return kept


def _promise(
    turn: Mapping[str, Any], sentence: Mapping[str, Any], marked: float | None, calendar: Calendar
) -> dict[str, Any] | None:
    """One row of PROMISES, or None where the sentence is not likely enough to promise."""
    text = sentence["text"]
    act = read_act(text)
    by_encoder = (marked or 0.0) * (_BARRED_WEIGHT if act.barred else 1.0)
    probability = max(by_encoder, act.probability)
    if probability < LEAST:
        return None
    said_at: datetime | None = turn["sent_at"]
    when = due(text, said_at, calendar=calendar) if said_at is not None else None
    return {
        "promise_id": _identify(turn["turn_id"], sentence["start"]),
        "turn_id": turn["turn_id"],
        "start": sentence["start"],
        "end": sentence["end"],
        "text": text,
        "probability": probability,
        "relationship": turn["relationship"],
        "circle": turn["circle"],
        "side": turn["side"],
        "actor": turn["speaker"],
        "addressee": _addressee(turn),
        "said_at": said_at,
        "condition": act.condition,
        "specific": _is_specific(text, act, when),
        **_due_columns(when),
        "observability": act.observability,
        "state": "open",
        "decided_by": "machine",
    }


def _identify(turn_id: str, start: int) -> str:
    """The same sentence of the same turn has the same id, so that finding again adds nothing."""
    return "p-" + hashlib.blake2b(f"{turn_id}\0{start}".encode(), digest_size=10).hexdigest()


def _addressee(turn: Mapping[str, Any]) -> str | None:
    """The first recipient, else whoever spoke before."""
    others = [address for address in turn["recipients"] or () if address and address != turn["speaker"]]
    return others[0] if others else turn["other"]


def _is_specific(text: str, act: Act, when: Due | None) -> bool:
    """Whether the act or its time could be checked later: a firm time, or an act that leaves a trace with an object."""
    if when is not None and when.rule in ("explicit", "relative"):
        return True
    return act.observability != "O3" and len(content_stems(text)) > 0


def _due_columns(when: Due | None) -> dict[str, Any]:
    if when is None:
        return {"due_words": None, "due_rule": "none", "due_earliest": None, "due_latest": None}
    return {
        "due_words": when.words,
        "due_rule": when.rule,
        "due_earliest": None if when.earliest is None else when.earliest.astimezone(UTC),
        "due_latest": None if when.latest is None else when.latest.astimezone(UTC),
    }
