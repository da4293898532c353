"""What was asked of a language model and what it answered, call by call, to the turns of conversations.

A log of such calls repeats itself: each request carries all that was said before. What stands in an earlier call is
told once, and a request that begins with all of an earlier exchange goes on with its conversation.

Messages come in the dialects of several interfaces; here all are made plain: a role, a content, calls of tools.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from troth.sources.charsets import clean
from troth.sources.chats import ROLES
from troth.sources.jsonl import RowReader
from troth.sources.turns import Piece, Rejected

Row = Mapping[str, Any]

_ROLES: Final = {**{role: role for role in ROLES}, "human": "user", "ai": "assistant", "model": "assistant"}
_TEXTS: Final = frozenset({"text", "input_text", "output_text"})
_CALLS: Final = frozenset({"tool_use", "tool_call", "function_call", "custom_tool_call", "mcp_call"})
_RESULTS: Final = frozenset({"tool_result", "tool_call_response", "function_call_output", "custom_tool_call_output"})
_SILENT: Final = frozenset({"reasoning", "thinking", "redacted_thinking"})  # not said to anybody


class Exchange(NamedTuple):
    """One call of a model.

    Attributes:
        conversation: its id as the log states it, else None.
        fallback: its id where nothing says which conversation it belongs to.
        asked: all messages of the request, plain.
        answered: those of the answer, plain.
        asked_at, answered_at: a time as `RowReader` reads it, for messages that have none.
        where: its place in the source.
    """

    conversation: str | None
    fallback: str
    asked: Sequence[Row]
    answered: Sequence[Row]
    asked_at: object
    answered_at: object
    where: str


class Conversations:
    """Takes exchanges in order; what an earlier one said is left out."""

    def __init__(self, source: str) -> None:
        self._reader = RowReader(clean(source))
        self._known: dict[bytes, str] = {}  # everything said up to some point, as a digest: the conversation
        self._position = 0

    def tell(self, exchange: Exchange) -> Iterator[Piece]:
        """The turns and calls of tools that are new in this exchange."""
        messages = [*exchange.asked, *exchange.answered]
        if not messages:
            yield Rejected(position=exchange.where, reason="a call of a model without messages")
            return
        digests = _chain(exchange.conversation or "", messages)
        known = next((n for n in range(len(messages), -1, -1) if digests[n] in self._known), 0)
        name = self._known.get(digests[known]) or exchange.conversation or exchange.fallback
        for number in range(known, len(messages)):
            at = exchange.asked_at if number < len(exchange.asked) else exchange.answered_at
            message = {"created_at": at, **messages[number], "conversation_id": clean(name)}
            spot = f"{exchange.where}, message {number + 1}"
            for piece in self._reader.pieces(message, position=self._position, where=spot):
                self._position += 1
                yield piece
        self._known[digests[-1]] = name

    def rest(self) -> Iterator[Piece]:
        """At the end: calls of tools whose result never came."""
        yield from self._reader.rest()


def _chain(start: str, messages: Sequence[Row]) -> list[bytes]:
    """A digest of the first 0, 1, 2, ... messages."""
    digests = [hashlib.sha256(start.encode("utf-8", "replace")).digest()]
    for message in messages:
        said = (message.get("role"), _words(message.get("content")), message.get("tool_call_id"), _called(message))
        text = json.dumps(said, sort_keys=True, default=str)
        digests.append(hashlib.sha256(digests[-1] + text.encode("utf-8", "replace")).digest())
    return digests


def _words(content: object) -> str:
    if isinstance(content, list):
        parts = cast("list[Any]", content)
        return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content.strip() if isinstance(content, str) else ""


def _called(message: Row) -> object:
    calls = message.get("tool_calls")
    return (
        [call.get("id") for call in cast("list[Any]", calls) if isinstance(call, dict)]
        if isinstance(calls, list)
        else []
    )


def make_plain(message: object) -> Iterator[Row]:
    """A message in any of the dialects (OpenAI chat and responses, Anthropic, OpenTelemetry) as plain ones.

    What is no message is handed on as it is, to be rejected where it stands.
    """
    if not isinstance(message, dict):
        yield {"role": None, "content": message}
        return
    item = cast("Row", message)
    kind, role = item.get("type"), _ROLES.get(str(item.get("role")))
    if kind in _SILENT:
        return
    if role is None and kind in _CALLS:
        yield {"role": "assistant", "content": None, "tool_calls": [_call(item)]}
    elif role is None and kind in _RESULTS:
        yield _result(item)
    else:
        yield from _split(item, role)


def _split(item: Row, role: str | None) -> Iterator[Row]:
    """A message whose parts are words, calls and results, as one with words and calls, and one for each result."""
    parts = item.get("parts", item.get("content"))
    if not isinstance(parts, list):
        yield item if role is None or "parts" not in item else {**item, "role": role, "content": parts}
        return
    said: list[Row] = []
    calls = [*cast("list[Any]", item.get("tool_calls") or [])] if isinstance(item.get("tool_calls"), list) else []
    results = 0
    for part in cast("list[Any]", parts):
        kind = cast("Row", part).get("type") if isinstance(part, dict) else "text"
        if kind in _CALLS:
            calls.append(_call(part))
        elif kind in _RESULTS:
            results += 1
            yield _result(part)
        elif kind in _TEXTS:
            words = part.get("text", part.get("content")) if isinstance(part, dict) else part
            said.append({"type": "text", "text": words})
        elif kind not in _SILENT:
            said.append(part)
    if said or calls or not results:
        others = {name: value for name, value in item.items() if name not in {"parts", "content", "tool_calls"}}
        yield {**others, "role": role, "content": said or None, **({"tool_calls": calls} if calls else {})}


def _call(part: Row) -> Row:
    """A call of a tool as OpenAI's chat interface writes it."""
    arguments = next((part[name] for name in ("arguments", "input") if part.get(name) is not None), None)
    return {"id": part.get("call_id") or part.get("id"), "name": part.get("name"), "arguments": arguments}


def _result(part: Row) -> Row:
    """What a tool gave back, as OpenAI's chat interface writes it."""
    names = ("content", "output", "response", "result")
    given = next((part[name] for name in names if part.get(name) is not None), None)
    content = given if given is None or isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    name = next((part[field] for field in ("tool_use_id", "call_id", "id") if part.get(field)), None)
    return {"role": "tool", "tool_call_id": name, "content": content, "is_error": part.get("is_error") is True}


def list_plain(messages: object) -> list[Row]:
    """All messages of a list, made plain; a bare text is what the user said."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if not isinstance(messages, list):
        return []
    return [plain for message in cast("list[Any]", messages) for plain in make_plain(message)]
