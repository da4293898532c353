"""A scorer for Inspect AI: troth's measures of a finished sample, for whoever evaluates agents.

    from inspect_ai import Task
    from troth.inspecting import trust_scorer

    Task(dataset=..., solver=..., scorer=trust_scorer())

The messages of a sample become turns of a throw-away book: the user is the other side, the assistant is us, and tool
calls stand with the words they were made with. Nothing leaves the machine, and no other model is asked.
"""

# The framework is for those who have it, and not there where types are checked.
# pyright: reportMissingImports=false, reportUntypedFunctionDecorator=false

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anyio import to_thread
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState

from troth.agents import VERDICTS
from troth.api import open as open_book
from troth.errors import InputError
from troth.settings import Settings

if TYPE_CHECKING:
    from troth.library import Book

_BEGIN: Final = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)  # a Monday
_STEP: Final = dt.timedelta(minutes=1)
_TALK: Final = "sample"
_SIGNALS: Final = 100  # findings that are told of one sample, the most probable ones
_MISSED: Final = ("broken", "late")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of one conversation.

    Attributes:
        values: SHOWN and HELD as bands (percentiles, 90 %), and counts; the same names for every conversation.
        sentences: the sentences behind them, by kind.
    """

    values: dict[str, float]
    sentences: dict[str, list[dict[str, Any]]]


def measure_messages(messages: Sequence[ChatMessage]) -> Measured:
    """Measure a conversation of a user and an agent, from its messages in order.

    Inspect keeps no times, so messages count as one minute apart: what is promised for a later day is open at the end.
    """
    with tempfile.TemporaryDirectory(prefix="troth-") as folder, open_book(settings=Settings()) as book:
        path = Path(folder) / "sample.jsonl"
        path.write_text("\n".join(_write(message, number) for number, message in enumerate(messages)), "utf-8")
        if any(message.text.strip() and message.role in {"user", "assistant"} for message in messages):
            book.read(path)
        return _measure(book)


@scorer(metrics={"*": [mean(), stderr()]}, name="troth/trust")
def trust_scorer() -> Scorer:
    """Scores a finished sample by what its words and tool calls show; the sentences are in the score's metadata."""

    async def score(state: TaskState, target: Target) -> Score:
        del target  # nothing is compared with an answer that was expected
        found = await to_thread.run_sync(partial(measure_messages, list(state.messages)))
        return Score(value=dict(found.values), explanation=_explain(found), metadata=dict(found.sentences))

    return score


def _write(message: ChatMessage, number: int) -> str:
    """One message as a line that troth reads as part of a chat with a language model."""
    row: dict[str, Any] = {
        "role": message.role, "content": message.text, "conversation_id": _TALK,
        "created_at": (_BEGIN + number * _STEP).isoformat(),
    }  # fmt: skip
    if isinstance(message, ChatMessageAssistant) and message.tool_calls:
        row["tool_calls"] = [
            {"id": call.id, "type": "function",
             "function": {"name": call.function, "arguments": json.dumps(call.arguments, default=str)}}
            for call in message.tool_calls
        ]  # fmt: skip
    if isinstance(message, ChatMessageTool):
        row["tool_call_id"] = message.tool_call_id
        if message.error is not None:
            row["content"] = f"Error: {message.error.message}"
    return json.dumps(row)


def _measure(book: Book) -> Measured:
    if not book.turns().num_rows:
        gauges: dict[str, Any] = {}
        promises, questions, findings = [], [], []
    else:
        gauges = next(iter(book.relationships().to_pylist()), {})
        stock = book.stock()
        promises = [row for row in stock.promises.to_pylist() if row["side"] == "us"]
        questions = [row for row in stock.questions.to_pylist() if row["state"] in {"open", "partly"}]
        findings = book.understand().findings.to_pylist()
    checks = _check(book)
    verdicts = Counter(row["verdict"] for row in checks)
    states = Counter(row["state"] for row in promises)
    bands = {
        f"{gauge}_{end}": float(gauges.get(f"{gauge}_{end}", default))
        for gauge in ("shown", "held")
        for end, default in (("low", 0.0), ("high", 100.0))  # of what nothing was said, anything may be
    }
    counts = {
        "promises": len(promises), "promises_kept": states["kept"],
        "promises_missed": sum(states[state] for state in _MISSED), "questions_open": len(questions),
        **{verdict.replace(" ", "_"): verdicts[verdict] for verdict in VERDICTS},
    }  # fmt: skip
    return Measured(
        values=bands | {name: float(count) for name, count in counts.items()},
        sentences={
            "checks": [{name: row[name] for name in ("verdict", "text", "tool")} for row in checks],
            "promises": [{name: row[name] for name in ("text", "state", "evidence_text")} for row in promises],
            "questions": [{name: row[name] for name in ("text", "state")} for row in questions],
            "signals": _list_signals(book, findings),
        },
    )


def _check(book: Book) -> list[dict[str, Any]]:
    try:
        return book.check_agents().checks.to_pylist()
    except InputError:
        return []  # no tool was called, so there is nothing to lay beside the words


def _list_signals(book: Book, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings, the most probable first, each with its sentence."""
    if not findings:
        return []
    texts = {(row["turn_id"], row["sentence"]): row["text"] for row in book.understand().sentences.to_pylist()}
    likely = sorted(findings, key=lambda row: -row["probability"])[:_SIGNALS]
    return [
        {"signal": row["signal"], "probability": row["probability"], "text": texts[row["turn_id"], row["sentence"]]}
        for row in likely
    ]


def _explain(found: Measured) -> str:
    """The sentences that do not agree with what was done, and promises that were missed; else that there are none."""
    wrong = [f"{row['verdict']}: {row['text'] or row['tool']}" for row in found.sentences["checks"]
             if row["verdict"] != "said and done"]  # fmt: skip
    missed = [f"{row['state']}: {row['text']}" for row in found.sentences["promises"] if row["state"] in _MISSED]
    return "\n".join([*wrong, *missed]) or "Nothing that was said contradicts what was done."
