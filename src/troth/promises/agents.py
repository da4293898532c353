"""What an AI agent said that it did or would do, against the tool calls that it made.

A call acts where its name holds a verb of doing ("cancel_reservation"); one that only looks things up does not count.
A sentence claims where the agent's side reports such a deed as done, and pledges where it says that it will be done.
Which call belongs to a sentence is decided by the kind of deed, in its conversation and its time; the object is not
compared, so two cancellations count as told by one sentence each, whichever it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa

from troth.promises.tokens import Tokens, tokenise
from troth.schema import CALLS, conform

_READ: Final = pa.schema([CALLS.field(name) for name in ("conversation_id", "turn_id", "is_before", "tool", "failed")])
"""What is read of CALLS."""

AGENT_CHECKS: Final = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),  # said and done, said and not done, done and not said
        pa.field("kind", pa.string(), nullable=False),  # of deed
        pa.field("turn_id", pa.string()),  # of the sentence; null where nothing was said
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("text", pa.string()),
        pa.field("is_pledge", pa.bool_()),  # said to be ahead, not done
        pa.field("tool", pa.string()),  # the call; null where there was none
        pa.field("call", pa.int64()),  # its row in the calls handed in
    ]
)

_WORDS: Final = {
    "book": "book books booked booking reserve reserved order ordered purchase purchased create created",
    "cancel": "cancel cancels cancelled canceled cancelling canceling cancellation terminate terminated",
    "change": """update updates updated updating change changed changing modify modified upgrade upgraded downgrade
        downgraded add added adding switch switched reschedule rescheduled exchange exchanged edit edited set""",
    "send": "send sends sent sending issue issued forward forwarded mail mailed email emailed",
    "transfer": "transfer transfers transferred transferring escalate escalated connect connected",
    "pay": "refund refunded pay paid charge charged credit credited",
    "delete": "delete deleted remove removed close closed",
}
_KIND: Final = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_LOOKS_UP: Final = frozenset(
    "get search list find lookup read check fetch query calculate think view show retrieve verify".split()
)
_REPORTS: Final = frozenset("have has ve successfully now just".split())
"""Before a participle: a report of what was done here, where "was booked in May" only tells of the past."""
_WAITS: Final = frozenset("please once if confirm whether".split())
"""A pledge beside one of these waits for the other side."""
_NOT: Final = frozenset("not cannot unable never no t if once when would could should can may might to or".split())
_BACK: Final = 5  # tokens looked at before the verb

Verdict = Literal["said and done", "said and not done", "done and not said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    kind: str
    is_pledge: bool
    sentence: Mapping[str, Any]
    place: int  # of its turn in the conversation


def check_agent(turns: pa.Table, sentences: pa.Table, calls: pa.Table) -> pa.Table:
    """Check what an agent said against what it called.

    Args:
        turns: TURNS; the agent is side "us".
        sentences: SENTENCES of these turns.
        calls: CALLS, in order; what names a call need not be there. Deeds that no tool in this table can do are not
            checked.

    Returns: AGENT_CHECKS. A claim is done where a call of its kind that did not fail was made before its turn, a
        pledge where one was made at any time; each call answers for the first sentence that tells of it, later
        sentences of the same kind repeat it. A call behind the agent's last turn could not be told any more.
    Cost: linear.
    """
    made: list[dict[str, Any]] = [{**call, "row": row} for row, call in enumerate(conform(calls, _READ).to_pylist())]
    offered = {kind for call in made if (kind := deed_of_tool(call["tool"])) is not None}
    by_talk: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in made:
        by_talk[call["conversation_id"]].append(call)
    lines: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in sentences.sort_by([("turn_id", "ascending"), ("sentence", "ascending")]).to_pylist():
        lines[line["turn_id"]].append(line)
    columns = ["conversation_id", "turn_id", "position", "side"]
    talks: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in (
        turns.select(columns).sort_by([("conversation_id", "ascending"), ("position", "ascending")]).to_pylist()
    ):
        talks[turn["conversation_id"]].append(turn)
    rows = [
        row
        for talk, members in talks.items()
        for row in _check_talk(talk, members, lines, by_talk.get(talk, []), offered)
    ]
    return pa.Table.from_pylist(rows, schema=AGENT_CHECKS)


def deed_of_tool(tool: str) -> str | None:
    """The kind of deed a tool does by its name, or None where it only looks things up or its name tells nothing."""
    words = tokenise(tool.replace("-", " ").replace("_", " ")).low
    if not words or words[0] in _LOOKS_UP:
        return None
    return next((_KIND[word] for word in words if word in _KIND), None)


def _check_talk(
    talk: str,
    members: Sequence[Mapping[str, Any]],
    lines: Mapping[str, list[dict[str, Any]]],
    calls: Sequence[Mapping[str, Any]],
    offered: set[str],
) -> Iterator[dict[str, Any]]:
    places = {turn["turn_id"]: place for place, turn in enumerate(members)}
    deeds = [
        (kind, places.get(call["turn_id"], -1) - (0.5 if call["is_before"] else 0.0), call)
        for call in calls
        if not call["failed"] and (kind := deed_of_tool(call["tool"])) is not None
    ]
    claims = [
        _Claim(kind=kind, is_pledge=is_pledge, sentence=line, place=places[turn["turn_id"]])
        for turn in members
        if turn["side"] == "us"
        for line in lines.get(turn["turn_id"], ())
        for kind, is_pledge in sorted(_read_claims(tokenise(line["text"][:1200])))
        if kind in offered
    ]
    told: set[int] = set()
    for claim in claims:
        fitting = [
            number for number, (kind, after, _) in enumerate(deeds)
            if kind == claim.kind and (claim.is_pledge or after < claim.place)
        ]  # fmt: skip
        fresh = next((number for number in fitting if number not in told), None)
        if not claim.is_pledge:
            told.update(number for number in fitting)
        chosen = fresh if fresh is not None else next(iter(fitting), None)
        line = claim.sentence
        yield {
            "conversation_id": talk, "verdict": "said and not done" if chosen is None else "said and done",
            "kind": claim.kind, "turn_id": line["turn_id"], "start": line["start"], "end": line["end"],
            "text": line["text"], "is_pledge": claim.is_pledge,
            **_name_call(None if chosen is None else deeds[chosen][2]),
        }  # fmt: skip
        if chosen is not None:
            told.add(chosen)
    last = max((place for place, turn in enumerate(members) if turn["side"] == "us"), default=-1)
    for number, (kind, after, call) in enumerate(deeds):
        if number not in told and after < last:
            yield {"conversation_id": talk, "verdict": "done and not said", "kind": kind, **_name_call(call)}


def _name_call(call: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if call is None else {"tool": call["tool"], "call": call["row"]}


def _read_claims(tokens: Tokens) -> set[tuple[str, bool]]:
    """Kinds of deed that a sentence reports as done (False) or says to be ahead (True); none in a question."""
    if "?" in tokens.low[-2:]:
        return set()
    found: set[tuple[str, bool]] = set()
    for at, word in enumerate(tokens.low):
        kind = _KIND.get(word)
        if kind is None:
            continue
        before = tokens.low[max(0, at - _BACK) : at]
        if set(before) & _NOT:
            continue
        if {"will", "ll", "shall"} & set(before):
            if not _WAITS & set(tokens.low):
                found.add((kind, True))
        elif _is_past(word) and (set(before[-3:]) & _REPORTS or before[-1:] in (("i",), ("we",))):
            found.add((kind, False))
    return found


def _is_past(word: str) -> bool:
    return word.endswith("ed") or word in {"sent", "paid", "set"}
