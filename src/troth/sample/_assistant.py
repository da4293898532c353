"""Lay the chats with the assistant of the customer portal into the log of a language model: one conversation a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from troth.sample._source import Person
from troth.sample._talks import Talk


def build_assistant(talks: Sequence[Talk], people: Mapping[str, Person]) -> bytes:
    """JSON Lines, a conversation with its messages and tool calls a line."""
    rows = (
        {"conversation_id": talk.name, "messages": list(_messages(talk, people))} for talk in talks
    )  # fmt: skip
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _messages(talk: Talk, people: Mapping[str, Person]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": talk.fields["system"]}]
    made = 0
    for said in talk.said:
        asks = people[said.who].circle != "automatic"
        message = {"role": "user" if asks else "assistant", "content": said.words}
        if asks:
            message["name"] = people[said.who].address
        message["created_at"] = f"{said.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        messages.append(message)
        for act in talk.acts:
            if act.after == said.label:
                made += 1
                name = f"call_{talk.name}_{made}"
                function = {"name": act.tool, "arguments": act.arguments}
                call = {"id": name, "type": "function", "function": function}
                messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
                messages.append({"role": "tool", "tool_call_id": name, "content": act.result})
    return messages
