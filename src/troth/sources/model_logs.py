"""Logs of language models as JSON documents: chats in an array, requests with their answers, runs of agents.

Told by their first object: messages with roles, under "messages" or "traj" or in an array by themselves; answers of
OpenAI's chat and responses interfaces, alone, beside their request or in a batch; an array of the rows that JSON Lines
may hold. Logs with one whole chat or row a line are `jsonl`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, cast

from troth.sources.chats import conversation_of, is_chat, is_message, name_chat
from troth.sources.exchanges import Conversations, Exchange, Row, list_plain
from troth.sources.export import LOOK, Export
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part, pick
from troth.sources.json_items import read_items, split_items
from troth.sources.jsonl import LINE_LIMIT, TOO_DEEP, RowReader, is_row, parse_row
from troth.sources.reader import Context, Reader
from troth.sources.turns import Piece, Rejected

_TIMES: Final = ("created", "created_at", "timestamp", "time", "sent_at")


def _is_it(export: Export) -> bool:
    return export.kind != "folder" and all(_is_log(export, name) for name in export.names)


def _is_log(export: Export, name: str) -> bool:
    head = export.look(name).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] not in {b"[", b"{"}:
        return False
    piece = _first(head)
    if piece is None and len(head) >= LOOK // 2:
        piece = _first(export.look(name, LINE_LIMIT).removeprefix(b"\xef\xbb\xbf"))
    row = parse_row(piece) if piece else ""
    if isinstance(row, str):
        return False
    return _is_exchange(row) or (is_row(row) and (head[:1] == b"[" or b"\n" in (piece or b"").strip()))


def _first(head: bytes) -> bytes | None:
    """The first object of a document, if all of it is here."""
    pieces = list(islice(split_items([head]), 2))
    return pieces[0] if pieces and pieces[0] and pieces[0].rstrip().endswith(b"}") else None


def _is_exchange(row: Row) -> bool:
    """Whether a row is an answer of a model, a request with its answer, or the run of an agent."""
    if "traj" in row:
        return is_chat({"messages": row["traj"]})
    answer = _answer(row)
    if answer is None:
        return False
    return bool(items(answer.get("choices")) or items(answer.get("output"))) or answer.get("object") == "response"


def _answer(row: Row) -> Mapping[str, Any] | None:
    """The answer of a model in a row: the row itself, or what stands under "response"."""
    response = row.get("response")
    if isinstance(response, dict):
        found = cast("Row", response)
        return cast("Row", found["body"]) if isinstance(found.get("body"), dict) else found
    is_answer = row.get("object") in {"chat.completion", "response"} or (
        any("message" in each for each in items(row.get("choices")))
    )
    return row if is_answer else None


def read_exchange(row: Row, where: str) -> Exchange:
    """A row of a log as what was asked and answered."""
    answer = _answer(row) or {}
    request = part(row, "request") or part(row, "body") or row
    asked = list_plain(request.get("messages", row.get("traj", request.get("input"))))
    if isinstance(instructions := request.get("instructions", request.get("system")), str) and instructions.strip():
        asked = [{"role": "system", "content": instructions}, *asked]
    choice = next(iter(items(answer.get("choices"))), {})
    answered = list_plain([choice["message"]] if "message" in choice else answer.get("output"))
    at = next((found[name] for found in (answer, row) for name in _TIMES if found.get(name) is not None), None)
    stated = conversation_of(row) or conversation_of(part(row, "metadata")) or pick(part(answer, "conversation"), "id")
    fallback = name_chat({"id": pick(answer, "id") if answer else row.get("id"), "messages": [*asked, *answered]})
    return Exchange(stated, fallback, asked, answered, at, at, where)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    for name in export.names:
        conversations, rows = Conversations(context.source), RowReader(context.source)
        for number, found in enumerate(read_items(export, name, context.meter)):
            if isinstance(found, Rejected):
                yield found
                continue
            where, row = found
            if not _is_exchange(row) and (is_message(row) or not is_chat(row)):
                yield from rows.pieces(row, position=number, where=where)
                continue
            try:
                yield from conversations.tell(read_exchange(row, where))
            except RecursionError:
                yield Rejected(position=where, reason=TOO_DEEP)
        yield from conversations.rest()
        yield from rows.rest()


MODEL_LOGS: Final = Reader(
    format=Format(
        name="model log",
        description="chats, a list of turns, or the answers and runs of a language model, as JSON",
        takes="turns, tool calls of AI agents",
    ),
    is_it=_is_it,
    read=_read,
)
