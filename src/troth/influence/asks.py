"""Turns of ours that ask for a yes, and what became of each.

A request or an offer is what the encoder found; a recommendation is found by its words. It is taken up where a later
turn of theirs in the conversation agrees, or where a promise came of it; turned down where one declines; and all this
within the time in which nine of ten of their answers come. Before that time is over a silence says nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.schema import FINDINGS, PROMISES, SENTENCES, TURNS, conform

CUT: Final = 0.5
"""Probability from which a sentence asks, agrees or declines: the cut used everywhere in troth."""
RECOMMENDS: Final = (
    r"(?i)\b(i|we)('d| would| do)? (strongly )?(recommend|suggest|propose|advise)\b|"
    r"\b(my|our) (recommendation|proposal|suggestion|advice)\b|"
    r"\b(ich|wir) (empfehlen?|raten?|schlagen? .{1,60} vor)\b|\b(meine|unsere) empfehlung\b"
)
USUAL_SHARE: Final = 0.9
LEAST_WAITS: Final = 20
START_WINDOW: Final = dt.timedelta(days=14)
"""Where fewer than LEAST_WAITS answers tell what is usual."""
SHORTEST_WINDOW: Final = dt.timedelta(days=2)
LONGEST_WINDOW: Final = dt.timedelta(days=30)

OUTCOMES: Final = ("accepted", "rejected", "answered", "silent", "open")

ASKS: Final = pa.schema(
    [
        pa.field("turn_id", pa.string(), nullable=False),
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # request, offer, recommendation
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),  # accepted, rejected, answered, silent; open: too early
        pa.field("answer_turn_id", pa.string()),
        pa.field("answered_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""One row for each turn of ours that asks; the sentence that asks most clearly stands for it."""


def find_asks(turns: object, sentences: object, findings: object, promises: object, *, now: dt.datetime) -> pa.Table:
    """TURNS (placed; those that count), SENTENCES, FINDINGS and PROMISES to ASKS, in order of time.

    Linear but for a sort of the turns.
    """
    table = conform(turns, TURNS)
    said = pc.and_(
        pc.is_valid(table["side"]), pc.and_(pc.is_valid(table["relationship"]), pc.is_valid(table["sent_at"]))
    )
    table = table.filter(pc.and_(said, pc.invert(table["automatic"]))).sort_by(
        [("conversation_id", "ascending"), ("sent_at", "ascending"), ("position", "ascending")]
    )
    rows = table.select(["turn_id", "conversation_id", "relationship", "sent_at", "side"]).to_pylist()
    found = conform(findings, FINDINGS)
    asking = _find_asking(conform(sentences, SENTENCES), found)
    told = {name: _strongest(found, name) for name in ("accepts", "rejects")}
    promised = _find_promised(conform(promises, PROMISES))
    window = find_window(rows)
    conversations: dict[str, list[int]] = {}
    for row, turn in enumerate(rows):
        conversations.setdefault(turn["conversation_id"], []).append(row)
    asks: list[dict[str, Any]] = []
    for members in conversations.values():
        theirs: list[Mapping[str, Any]] = []
        for row in reversed(members):
            turn = rows[row]
            if turn["side"] == "them":
                theirs.append(turn)
            elif turn["turn_id"] in asking:
                asks.append(
                    _settle(turn, asking[turn["turn_id"]], theirs[::-1], told, promised, window=window, now=now)
                )
    return conform(asks, ASKS).sort_by([("at", "ascending"), ("turn_id", "ascending")]) if asks else ASKS.empty_table()


def find_window(rows: Sequence[Mapping[str, Any]]) -> dt.timedelta:
    """The time within which nine of ten of their answers to turns of ours came; START_WINDOW where few tell.

    Args:
        rows: conversation_id, sent_at and side, in order of conversation and time.
    """
    waits = [
        (after["sent_at"] - before["sent_at"]).total_seconds()
        for before, after in pairwise(rows)
        if before["conversation_id"] == after["conversation_id"] and (before["side"], after["side"]) == ("us", "them")
    ]
    if len(waits) < LEAST_WAITS:
        return START_WINDOW
    usual = dt.timedelta(seconds=float(np.quantile(waits, USUAL_SHARE)))
    return min(max(usual, SHORTEST_WINDOW), LONGEST_WINDOW)


def _find_asking(sentences: pa.Table, findings: pa.Table) -> dict[str, dict[str, Any]]:
    """Turn to the sentence in it that asks most clearly: kind, start, end, text."""
    chosen = pc.and_(
        pc.is_in(findings["signal"], pa.array(["request", "offer"])), pc.greater_equal(findings["probability"], CUT)
    )
    strength: dict[tuple[str, int], tuple[float, str]] = {}
    for row in findings.filter(chosen).select(["turn_id", "sentence", "signal", "probability"]).to_pylist():
        key = (row["turn_id"], row["sentence"])
        strength[key] = max(strength.get(key, (0.0, "")), (row["probability"], row["signal"]))
    recommends = pc.match_substring_regex(sentences["text"], RECOMMENDS)
    keys = sentences.filter(recommends).select(["turn_id", "sentence"]).to_pylist()
    # Plain words of recommending leave little doubt, and say what kind of ask it is.
    strength |= {(row["turn_id"], row["sentence"]): (1.0, "recommendation") for row in keys}
    best: dict[str, tuple[float, int, str]] = {}
    for (turn, sentence), (probability, kind) in strength.items():
        if turn not in best or (probability, -sentence) > (best[turn][0], -best[turn][1]):
            best[turn] = (probability, sentence, kind)
    asked = sentences.filter(pc.is_in(sentences["turn_id"], pa.array(sorted(best), pa.string())))
    return {
        row["turn_id"]: {"kind": best[row["turn_id"]][2], **{name: row[name] for name in ("start", "end", "text")}}
        for row in asked.to_pylist()
        if row["sentence"] == best[row["turn_id"]][1]
    }


def _strongest(findings: pa.Table, signal: str) -> dict[str, float]:
    """Turn to the highest probability of a signal in it, from CUT up."""
    chosen = findings.filter(
        pc.and_(pc.equal(findings["signal"], signal), pc.greater_equal(findings["probability"], CUT))
    )
    rows = chosen.group_by("turn_id", use_threads=False).aggregate([("probability", "max")])
    return dict(zip(rows["turn_id"].to_pylist(), rows["probability_max"].to_pylist(), strict=True))


def _find_promised(promises: pa.Table) -> dict[str, str]:
    """Turn of ours to the turn of theirs that said yes, where a promise came of it."""
    found: dict[str, str] = {}
    for row in promises.filter(pc.is_valid(promises["origin_turn_id"])).to_pylist():
        if row["side"] == "us" and row["origin"] == "offer accepted":
            found[row["turn_id"]] = row["origin_turn_id"]
        elif row["side"] == "them" and row["origin"] == "request accepted":
            found[row["origin_turn_id"]] = row["turn_id"]
    return found


def _settle(
    turn: Mapping[str, Any],
    asked: Mapping[str, Any],
    theirs: Sequence[Mapping[str, Any]],
    told: Mapping[str, Mapping[str, float]],
    promised: Mapping[str, str],
    *,
    window: dt.timedelta,
    now: dt.datetime,
) -> dict[str, Any]:
    """One row of ASKS. The first of their turns that agrees or declines decides; in one that does both, the clearer."""
    until = turn["sent_at"] + window
    in_time = [one for one in theirs if one["sent_at"] <= until]
    outcome, answer = "open" if now < until else "answered" if in_time else "silent", None
    for one in in_time:
        yes, no = (told[name].get(one["turn_id"], 0.0) for name in ("accepts", "rejects"))
        if promised.get(turn["turn_id"]) == one["turn_id"]:
            yes = 1.0
        if yes or no:
            outcome, answer = "accepted" if yes >= no else "rejected", one
            break
    if answer is None and outcome == "answered":
        answer = in_time[0]
    return {
        "turn_id": turn["turn_id"], "relationship": turn["relationship"], "at": turn["sent_at"], **asked,
        "outcome": outcome,
        "answer_turn_id": answer and answer["turn_id"], "answered_at": answer and answer["sent_at"],
    }  # fmt: skip
