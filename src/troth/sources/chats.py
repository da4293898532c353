"""Logs of chats with a language model in the form of its messages: a role, a content, the calls of tools.

A line is one message, or a whole conversation under "messages". What the user says is theirs, what the assistant says
ours; instructions to the model are kept as written by a program, and a tool's own message says what became of a call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

Row = Mapping[str, object]

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_SIDES: Final = {"user": "them", "assistant": "us"}
_CONVERSATION: Final = ("conversation_id", "thread_id", "session_id", "custom_id")
_TIMES: Final = ("sent_at", "timestamp", "created_at", "created", "date")
_SAYS: Final = frozenset({"content", "tool_calls", "function_call"})
_TEXTS: Final = ("text", "input_text", "output_text")


def is_message(row: Row) -> bool:
    """Whether a row is a message with a role."""
    return row.get("role") in ROLES and bool(_SAYS & row.keys())


def is_chat(row: Row) -> bool:
    """Whether a row is a whole conversation."""
    messages = row.get("messages")
    return isinstance(messages, list) and any(isinstance(one, dict) and is_message(one) for one in messages)


def list_messages(row: Row) -> Iterator[object]:
    """The messages of a whole conversation."""
    yield from cast("list[Any]", row["messages"])


def name_chat(row: Row) -> str:
    """A conversation's id: its own, else a hash of what is said in it."""
    for name in (*_CONVERSATION, "id"):
        if isinstance(value := row.get(name), str) and value.strip():
            return value.strip()
    return "sha256:" + hashlib.sha256(json.dumps(row["messages"], sort_keys=True).encode()).hexdigest()


def conversation_of(message: Row) -> str | None:
    """The conversation that a message names."""
    return next(
        (value.strip() for name in _CONVERSATION if isinstance(value := message.get(name), str) and value.strip()), None
    )


def is_result(message: Row) -> bool:
    """Whether a message is what a tool gave back."""
    return message["role"] in {"tool", "function"}


def as_turn_row(message: Row, conversation: str) -> Row | None:
    """A message as a row with a text; None where nothing is said in it, as where the model only calls a tool."""
    role, parts = str(message["role"]), message.get("content")
    words, others = ([parts] if isinstance(parts, str) else []), list[str]()
    for part in cast("list[Any]", parts) if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("type") in _TEXTS and isinstance(part.get("text"), str):
            words.append(part["text"])
        elif isinstance(part, dict):
            others.append(str(part.get("type")))
    text = "\n".join(words)
    if not text.strip() and not others:
        return None
    return {
        "text": text,
        "id": message.get("id"),
        "speaker": message["name"] if isinstance(message.get("name"), str) else role,
        "side": _SIDES.get(role),
        "conversation_id": conversation,
        "channel": "chat",
        "sent_at": next((message[name] for name in _TIMES if message.get(name) is not None), None),
        "automatic": role not in _SIDES,
        "attachments": others,
    }
