"""Tool calls of AI agents as logs write them down: beside a message, behind one, or in a list."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from troth.sources.charsets import clean
from troth.sources.turns import Call, Rejected

_FIELDS: Final = ("tool_calls", "agent_actions", "function_call")  # the last: one call, as OpenAI once wrote it
_FAILED: Final = ("error", "errored", "failed", "failure")  # values of a result's "status"

Row = Mapping[str, object]


def holds_calls(row: Row) -> bool:
    """Whether a row has a field for tool calls that is not empty."""
    return any(row.get(name) for name in _FIELDS)


def is_call(row: Row) -> bool:
    """Whether a row is itself a call, as our own export writes it."""
    return isinstance(row.get("call_id"), str) and isinstance(row.get("tool"), str)


class CallReader:
    """Takes the calls of one file to rows of CALLS; one whose result stands further on waits for it."""

    def __init__(self) -> None:
        self._made = 0
        self._waiting: dict[tuple[str, str], Call] = {}
        self._named: dict[str, list[int]] = {}  # id: what was called by it so far; logs of runs use one twice

    def read_export(self, row: Row) -> Call | None:
        """A row of our own export; None where it lacks its conversation."""
        conversation, position = row.get("conversation_id"), row.get("position")
        if not isinstance(conversation, str):
            return None
        self._made += 1
        return Call(
            call_id=clean(str(row["call_id"])),
            conversation_id=clean(conversation),
            turn_id=_text(row.get("turn_id")),
            is_before=row.get("is_before") is True,
            position=position if isinstance(position, int) and 0 <= position < 2**63 else self._made - 1,
            tool=clean(str(row["tool"])),
            arguments=_text(row.get("arguments")),
            failed=row.get("failed") is True,
        )

    def read(
        self,
        row: Row,
        *,
        conversation: str | None,
        turn_id: str | None,
        speaks: bool,
        where: str,
        place: int = 0,
        waits: bool = False,
    ) -> Iterator[Call | Rejected]:
        """The calls of one row or message.

        Args:
            row: with one of the fields for tool calls, or none.
            conversation: whose calls they are; None: not stated.
            turn_id: the turn they stand with; a call that names the turn behind which it was made stands with that.
            speaks: whether that turn is the row's own, so that a call whose result stands in the row came before it.
            where: the row's place in the source, for what is rejected.
            place: number of the message in its conversation, for calls without an id of their own.
            waits: results stand in messages of their own, for which `answer` or `rest` gives out the call.
        """
        for number, item in enumerate(_items(row), start=1):
            spot = f"{where}, call {number}" + (f" with turn {turn_id}" if turn_id else "")
            if not isinstance(item, dict):
                yield Rejected(position=spot, reason="a tool call that is no object")
                continue
            entry = cast("Row", item)
            tool = _name(entry)
            if tool is None:
                yield Rejected(position=spot, reason="a tool call without the name of a tool")
            elif conversation is None:
                yield Rejected(position=spot, reason="a tool call without a conversation")
            else:
                call = self._call(entry, tool, conversation, turn_id, speaks=speaks, place=f"{place}/{number}")
                if waits and "result" not in entry:
                    self._waiting[conversation, _text(entry.get("id")) or tool] = call
                else:
                    yield call

    def _call(self, entry: Row, tool: str, conversation: str, turn_id: str | None, *, speaks: bool, place: str) -> Call:
        after, given = _text(entry.get("after")), _text(entry.get("id"))
        if after is not None:
            turn_id = f"{conversation}/{after}" if after.isdigit() else after
        arguments = _arguments(entry)
        if given is None:
            parts = (conversation, turn_id or "", tool, arguments or "", place)
            given = "sha256:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()
        self._made += 1
        return Call(
            call_id=self._tell_apart(f"{conversation}/{given}", tool, arguments),
            conversation_id=conversation,
            turn_id=turn_id,
            is_before=speaks and after is None and "result" in entry,
            position=self._made - 1,
            tool=tool,
            arguments=arguments,
            failed=_is_failure(entry),
        )

    def _tell_apart(self, call_id: str, tool: str, arguments: str | None) -> str:
        """The id, with a number where the log gave it to another call before."""
        called = self._named.setdefault(call_id, [])
        what = hash((tool, arguments))
        if what not in called:
            called.append(what)
        number = called.index(what)
        return f"{call_id}/{number + 1}" if number else call_id

    def answer(self, row: Row, *, conversation: str, where: str) -> Call | Rejected:
        """The call that a tool's own message answers."""
        name = _text(row.get("tool_call_id")) or _text(row.get("name")) or ""
        call = self._waiting.pop((conversation, name), None)
        if call is None:
            return Rejected(position=where, reason="the result of a tool call that is not there")
        return call._replace(failed=_is_failure({**row, "result": row.get("content")}))

    def rest(self) -> Iterator[Call]:
        """At the end: the calls whose result never came."""
        yield from self._waiting.values()
        self._waiting.clear()


def _items(row: Row) -> Sequence[object]:
    """The entries of the first field for calls; what is no list is one entry."""
    value = next((row[name] for name in _FIELDS if row.get(name)), [])
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _name(entry: Row) -> str | None:
    """The tool's name: of a call as OpenAI writes it, or of a plain one."""
    function = entry.get("function")
    inner = cast("Row", function) if isinstance(function, dict) else entry
    return next((name for field in ("tool", "name") if (name := _text(inner.get(field)))), None)


def _arguments(entry: Row) -> str | None:
    function = entry.get("function")
    inner = cast("Row", function) if isinstance(function, dict) else entry
    value = next((inner[field] for field in ("arguments", "args", "input") if inner.get(field) is not None), None)
    return clean(value) if isinstance(value, str) else None if value is None else _json(value)


def _is_failure(entry: Row) -> bool:
    """Whether a call says of itself, or its result shows, that it came to nothing."""
    for name in ("failed", "is_error", "error"):
        if entry.get(name):
            return True
    result = entry.get("result")
    if isinstance(result, str):
        start = result.lstrip()[:200].lower()
        if start.startswith("error"):
            return True
        result = _parse(result) if start.startswith("{") else None
    if not isinstance(result, dict):
        return False
    said = cast("Row", result)
    return bool(said.get("error")) or said.get("success") is False or str(said.get("status")).lower() in _FAILED


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # cut short, or no JSON after all
        return None


def _json(value: object) -> str:
    return clean(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return clean(value).strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
