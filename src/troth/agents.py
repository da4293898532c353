"""AI agents in a book: what they said that they did or would do, beside the tool calls in their logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import InputError
from troth.promises import check_agent
from troth.promises.agents import AGENT_CHECKS
from troth.schema import CALLS, TURNS
from troth.text import split_sentences

VERDICTS: Final = ("said and not done", "done and not said", "said and done")

CHECKED: Final = pa.schema(
    [
        AGENT_CHECKS.field("conversation_id"),
        TURNS.field("relationship"),
        *(AGENT_CHECKS.field(name) for name in ("verdict", "kind", "is_pledge", "text", "tool")),
        CALLS.field("arguments"),
        *(AGENT_CHECKS.field(name) for name in ("turn_id", "start", "end")),
        pa.field("call_id", pa.string()),
        pa.field("call_turn_id", pa.string()),  # the turn that the call stands with
    ]
)
"""What an agent said beside what it did: a row for each sentence that tells of a deed, and for each deed untold."""

COUNTED: Final = pa.schema(
    [
        TURNS.field("conversation_id"),
        TURNS.field("relationship"),
        pa.field("turns", pa.int64(), nullable=False),
        pa.field("calls", pa.int64(), nullable=False),
        pa.field("failed", pa.int64(), nullable=False),  # of these calls
        *(pa.field(verdict.replace(" ", "_"), pa.int64(), nullable=False) for verdict in VERDICTS),
    ]
)
"""The conversations of agents, a row each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """What agents said beside what they did, the conversations with the most that does not agree first."""

    checks: pa.Table  # CHECKED
    conversations: pa.Table  # COUNTED
    agents: tuple[str, ...]  # speakers taken for agents
    unplaced: int  # calls in the book whose conversation is not there, or in which nobody of ours speaks


def check_book(
    turns: pa.Table, calls: pa.Table, *, relationship: str | None = None, conversation: str | None = None
) -> AgentReport:
    """Check what agents said against what they called.

    An agent is whoever of ours speaks in a conversation with tool calls. Checked are the conversations with calls, and
    those of the same sources in which an agent speaks and calls nothing.

    Args:
        turns: TURNS, placed.
        calls: CALLS of the whole book: a deed that no tool in it can do is not checked.
        relationship, conversation: only this one.

    Raises: InputError when no agent speaks there.
    """
    calls = _follow_threads(calls.sort_by("position"), turns)
    with_calls = pc.is_in(turns["conversation_id"], calls["conversation_id"].combine_chunks())
    ours = pc.fill_null(pc.equal(turns["side"], "us"), False)
    by_agent = turns.filter(pc.and_(with_calls, ours))
    agents = pc.unique(by_agent["speaker"])
    is_agent = pc.and_(ours, pc.is_in(turns["speaker"], agents))
    logged = pc.is_in(turns["source"], pc.unique(by_agent["source"]))
    talks = pc.unique(turns.filter(pc.and_(is_agent, logged))["conversation_id"])
    here = pc.is_in(turns["conversation_id"], talks)
    unplaced = pc.sum(pc.invert(pc.is_in(calls["conversation_id"], talks))).as_py() or 0
    chosen = turns.filter(here)
    sentences = split_sentences(turns.filter(pc.and_(here, is_agent)))
    wanted = _narrow(chosen, relationship, conversation)
    homes = _homes(chosen)
    checks = [
        {**row, "relationship": homes[row["conversation_id"]], **_describe(calls, row.pop("call"))}
        for row in check_agent(chosen, sentences, calls).to_pylist()
        if row["conversation_id"] in wanted
    ]
    counted = _count(chosen, calls, checks, homes, wanted)
    order = {row["conversation_id"]: place for place, row in enumerate(counted)}
    checks.sort(key=lambda row: order[row["conversation_id"]])
    return AgentReport(
        checks=pa.Table.from_pylist(checks, CHECKED),
        conversations=pa.Table.from_pylist(counted, COUNTED),
        agents=tuple(sorted(agents.to_pylist())),
        unplaced=unplaced,
    )


def _follow_threads(calls: pa.Table, turns: pa.Table) -> pa.Table:
    """CALLS in the conversation of their turn: the book may have joined two that the log kept apart."""
    where = pc.index_in(calls["turn_id"], turns["turn_id"].combine_chunks())
    found = pc.take(turns["conversation_id"].combine_chunks(), where.combine_chunks())
    talks = pc.coalesce(found, calls["conversation_id"].combine_chunks())
    return calls.set_column(calls.schema.get_field_index("conversation_id"), CALLS.field("conversation_id"), talks)


def _narrow(turns: pa.Table, relationship: str | None, conversation: str | None) -> set[str]:
    """The conversations asked for.

    Raises: InputError when there is none.
    """
    chosen = turns
    if relationship is not None:
        chosen = chosen.filter(pc.fill_null(pc.equal(chosen["relationship"], relationship), False))
    if conversation is not None:
        chosen = chosen.filter(pc.equal(chosen["conversation_id"], conversation))
    if not chosen.num_rows and (relationship is not None or conversation is not None):
        asked = " ".join(filter(None, (relationship, conversation)))
        raise InputError(
            f"no agent whose tool calls are in the book speaks in {asked!r}. "
            "`troth agents --counts` lists where one does."
        )
    return set(chosen["conversation_id"].to_pylist())


def _homes(turns: pa.Table) -> dict[str, str | None]:
    """The relationship of each conversation: that of its last turn that has one."""
    pairs = zip(turns["conversation_id"].to_pylist(), turns["relationship"].to_pylist(), strict=True)
    homes: dict[str, str | None] = {}
    for talk, home in pairs:
        homes[talk] = home or homes.get(talk)
    return homes


def _describe(calls: pa.Table, row: int | None) -> dict[str, Any]:
    """The call of a check, by its row."""
    if row is None:
        return {}
    call = calls.slice(row, 1).to_pylist()[0]
    return {"arguments": call["arguments"], "call_id": call["call_id"], "call_turn_id": call["turn_id"]}


def _count(
    turns: pa.Table,
    calls: pa.Table,
    checks: list[dict[str, Any]],
    homes: dict[str, str | None],
    wanted: set[str],
) -> list[dict[str, Any]]:
    """Rows of COUNTED, those with the most that does not agree first."""
    empty: dict[str, Any] = {name: 0 for name in COUNTED.names if name not in {"conversation_id", "relationship"}}
    counts: dict[str, dict[str, Any]] = {
        talk: {"conversation_id": talk, "relationship": homes[talk], **empty} for talk in sorted(wanted)
    }
    for talk in turns["conversation_id"].to_pylist():
        if talk in counts:
            counts[talk]["turns"] += 1
    for talk, failed in zip(calls["conversation_id"].to_pylist(), calls["failed"].to_pylist(), strict=True):
        if talk in counts:
            counts[talk]["calls"] += 1
            counts[talk]["failed"] += failed
    for row in checks:
        counts[row["conversation_id"]][row["verdict"].replace(" ", "_")] += 1
    return sorted(
        counts.values(),
        key=lambda row: (-row["said_and_not_done"] - row["done_and_not_said"], row["conversation_id"]),
    )
