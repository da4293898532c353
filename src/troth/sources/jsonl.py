"""Turns as JSON Lines: our own export (the columns of TURNS), and rows with text, sender, time and conversation.

Tool calls of an AI agent stand beside the text of a row, or in a row without one; chats with a language model are read
in the form of `chats`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from troth.sources.calls import CallReader, holds_calls, is_call
from troth.sources.charsets import clean
from troth.sources.chats import (
    as_turn_row,
    conversation_of,
    is_chat,
    is_message,
    is_result,
    list_messages,
    name_chat,
)
from troth.sources.headers import read_addresses, read_date
from troth.sources.turns import Call, Rejected, Turn
from troth.times import YEARS

LINE_LIMIT: Final = 8 << 20  # bytes of one row
TOO_DEEP: Final = "JSON nested too deeply"

Row = Mapping[str, object]

_TEXT: Final = ("body", "text")
_ID: Final = ("turn_id", "message_id", "id")
_SPEAKER: Final = ("speaker", "sender", "from")
_NAME: Final = ("speaker_name", "sender_name")
_TIME: Final = ("sent_at", "date", "timestamp")
_SIDES: Final = {"company": "us", "us": "us", "staff": "us", "agent": "us", "customer": "them", "them": "them"}
_CIRCLES: Final = frozenset({"customer", "colleague", "friend"})
_CHANNELS: Final = {
    **{name: name for name in ("mail", "chat", "call", "ticket", "meeting", "social", "shop", "letter")},
    **dict.fromkeys(("email", "e-mail", "mailing list", "newsletter"), "mail"),
    **dict.fromkeys(("sms", "slack", "teams", "whatsapp", "messenger", "im"), "chat"),
    **dict.fromkeys(("phone", "voice", "telephone"), "call"),
}


def read_lines(blocks: Iterator[bytes]) -> Iterator[bytes | None]:
    """The lines of a file; None for one longer than `LINE_LIMIT`, which is not kept."""
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        lines = block.split(b"\n")
        for number, line in enumerate(lines):
            if number:
                yield b"".join(pieces) if size <= LINE_LIMIT else None
                pieces, size = [], 0
            size += len(line)
            if size <= LINE_LIMIT:
                pieces.append(line)
            else:
                pieces.clear()
    if size:
        yield b"".join(pieces) if size <= LINE_LIMIT else None


def parse_row(line: bytes) -> Row | str:
    """One line to its object, or to the reason why it is none."""
    try:
        value: object = json.loads(line)
    except RecursionError:
        return TOO_DEEP
    except ValueError as error:  # JSONDecodeError, bad UTF-8, a number of too many digits
        return f"no JSON: {str(error)[:100]}"
    return cast("Row", value) if isinstance(value, dict) else "no JSON object"


def is_row(row: Row) -> bool:
    """Whether a row has a text, tool calls, or a chat with a model."""
    return _pick(row, _TEXT) is not None or holds_calls(row) or is_call(row) or is_message(row) or is_chat(row)


class RowReader:
    """Takes the rows of one file to turns; rows without an id get one from their content."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._repeats: dict[bytes, int] = {}
        self._calls = CallReader()
        self._latest: dict[str, tuple[str | None, int]] = {}  # conversation: its last turn, and messages so far
        self._unnamed: str | None = None  # the conversation of messages that name none

    def pieces(self, row: Row, *, position: int, where: str) -> Iterator[Turn | Call | Rejected]:
        """Everything in one row: its turn and its tool calls, or those of all messages of a chat."""
        try:
            yield from self._pieces(row, position, where)
        except RecursionError:  # arguments that could just be read and cannot be written again
            yield Rejected(position=where, reason=TOO_DEEP)

    def _pieces(self, row: Row, position: int, where: str) -> Iterator[Turn | Call | Rejected]:
        if _pick(row, _TEXT) is not None:
            yield from self._spoken(row, position, where)
        elif is_chat(row):
            conversation = clean(name_chat(row))
            for number, message in enumerate(list_messages(row), start=1):
                spot = f"{where}, message {number}"
                if isinstance(message, dict) and is_message(cast("Row", message)):
                    yield from self._message(cast("Row", message), conversation, position, spot)
                else:
                    yield Rejected(position=spot, reason="no message: it needs a 'role' and a 'content'")
            self._latest.pop(conversation, None)
        elif is_message(row):
            conversation = conversation_of(row) or self._unnamed
            if conversation is None:
                digest = hashlib.sha256(f"{clean(self._source)}\0{json.dumps(row, sort_keys=True)}".encode())
                conversation = self._unnamed = f"sha256:{digest.hexdigest()}"
            yield from self._message(row, clean(conversation), position, where)
        elif is_call(row):
            call = self._calls.read_export(row)
            yield call or Rejected(position=where, reason="a tool call without a conversation")
        elif holds_calls(row) or "agent_actions" in row:
            conversation = _plain(row.get("conversation_id"))
            latest, _ = self._latest.get(conversation or "", (None, 0))
            yield from self._calls.read(row, conversation=conversation, turn_id=latest, speaks=False, where=where)
        else:
            yield Rejected(position=where, reason="no text: a row needs 'text' or 'body'")

    def rest(self) -> Iterator[Call]:
        """At the end of the file: calls whose result never came."""
        return self._calls.rest()

    def _spoken(self, row: Row, position: int, where: str) -> Iterator[Turn | Call | Rejected]:
        turn = self.read(row, position=position)
        if isinstance(turn, str):
            yield Rejected(position=where, reason=turn)
            return
        yield turn
        if holds_calls(row):
            yield from self._calls.read(
                row, conversation=turn.conversation_id, turn_id=turn.turn_id, speaks=True, where=where
            )
        if "conversation_id" in row:
            self._latest[turn.conversation_id] = (turn.turn_id, 0)

    def _message(self, message: Row, conversation: str, position: int, where: str) -> Iterator[Turn | Call | Rejected]:
        """A message of a chat; calls beside its words come behind them, and wait for the messages of their tools."""
        latest, number = self._latest.get(conversation, (None, 0))
        if is_result(message):
            yield self._calls.answer(message, conversation=conversation, where=where)
            return
        said = as_turn_row(message, conversation)
        if said is not None:
            turn = self.read(said, position=position + number)
            if isinstance(turn, str):
                yield Rejected(position=where, reason=turn)
            else:
                latest = turn.turn_id
                yield turn
        elif not holds_calls(message):
            yield Rejected(position=where, reason="a message without words")
        self._latest[conversation] = (latest, number + 1)
        yield from self._calls.read(
            message, conversation=conversation, turn_id=latest, speaks=False, where=where, place=number, waits=True
        )

    def read(self, row: Row, *, position: int) -> Turn | str:
        """One row to a turn, or to the reason why it is none."""
        body = _pick(row, _TEXT)
        if body is None:
            return "no text: a row needs 'text' or 'body'"
        body = body.replace("\r\n", "\n")
        speaker, name = _speaker(row)
        conversation = _plain(row.get("conversation_id"))
        given = _pick(row, _ID) or _number(row, _ID)
        turn_id = _scoped(given, conversation) if given else self._content_id(row, speaker, conversation, body)
        parent = _plain(row.get("parent_id")) or _plain(row.get("in_reply_to"))
        references = _names(row.get("references"))
        own_position = row.get("position") if "turn_id" in row else None
        subject = _plain(row.get("subject"))
        channel = _CHANNELS.get((_plain(row.get("channel")) or "").lower())
        return Turn(
            turn_id=turn_id,
            conversation_id=conversation or (references[0] if references else turn_id),
            parent_id=_scoped(parent, conversation) if parent else None,
            position=own_position if isinstance(own_position, int) and 0 <= own_position < 2**63 else position,
            sent_at=_time(row),
            speaker=speaker,
            speaker_name=_pick(row, _NAME) or name,
            recipients=_people(row.get("recipients", row.get("to"))),
            cc=_people(row.get("cc")),
            references=references,
            channel=channel or ("mail" if "@" in speaker or subject else "chat"),
            stage=_plain(row.get("stage")),
            subject=subject,
            body=body,
            attachments=_names(row.get("attachments")),
            automatic=row.get("automatic") is True,
            source=_plain(row.get("source")) or self._source,
            side=_SIDES.get((_plain(row.get("side")) or _plain(row.get("sender_side")) or "").lower()),
            circle=_circle(row),
            relationship=_plain(row.get("relationship")),
        )

    def _content_id(self, row: Row, speaker: str, conversation: str | None, body: str) -> str:
        """A hash of what the row says; the second "ok" of the same person is another turn than the first."""
        parts = (conversation or "", speaker, str(row.get("sent_at", "")), _plain(row.get("subject")) or "", body)
        digest = hashlib.sha256("\0".join(map(clean, parts)).encode())
        repeat = self._repeats.get(digest.digest()[:8], 0)
        self._repeats[digest.digest()[:8]] = repeat + 1
        return f"sha256:{digest.hexdigest()}" + (f":{repeat}" if repeat else "")


def _pick(row: Row, names: tuple[str, ...]) -> str | None:
    """The first of these fields that holds text."""
    return next((clean(value) for name in names if isinstance(value := row.get(name), str)), None)


def _number(row: Row, names: tuple[str, ...]) -> str | None:
    values = (row.get(name) for name in names)
    return next((str(value) for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _plain(value: object) -> str | None:
    if isinstance(value, str):
        return clean(value).strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _scoped(name: str, conversation: str | None) -> str:
    """An id that is a bare number counts within its conversation: 3 of one chat is not 3 of the next."""
    return f"{conversation}/{name}" if conversation and name.isdigit() else name


def _speaker(row: Row) -> tuple[str, str | None]:
    """The speaker and, where the field has both, the name; an address in lower case, a name as it stands."""
    text = (_pick(row, _SPEAKER) or "").strip()
    if "@" not in text or ("<" not in text and " " in text):
        return text or "unknown", None
    found = read_addresses([text.encode()])
    if not found or "@" not in found[0].address:
        return text, None
    return found[0].address, found[0].name or None


def _people(value: object) -> list[str] | None:
    names = _names(value)
    if names is None:
        return None
    people = (read_addresses([name.encode()]) if "@" in name else [] for name in names)
    return [found[0].address if found and found[0].address else name for name, found in zip(names, people, strict=True)]


def _names(value: object) -> list[str] | None:
    if isinstance(value, str):
        return [clean(value)] if value else None
    if not isinstance(value, list):
        return None
    return [name for name in map(_plain, cast("list[Any]", value)) if name]


def _circle(row: Row) -> str | None:
    circle = _plain(row.get("circle")) or _plain(row.get("audience")) or ""
    return circle if circle in _CIRCLES else None


def _time(row: Row) -> datetime | None:
    """ISO 8601, seconds since 1970, or a mail's date; without a zone it is UTC; None where there is none in YEARS."""
    moment = _moment(next((row[name] for name in _TIME if row.get(name) is not None), None))
    return moment if moment is not None and moment.year in YEARS else None


def _moment(value: object) -> datetime | None:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if not isinstance(value, str):
            return None
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return read_date(value) if isinstance(value, str) else None
