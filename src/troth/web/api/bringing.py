"""Turns as programs send them: JSON, JSON lines or an Arrow stream, each row checked for itself."""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Request
from pydantic import AwareDatetime, Field, StringConstraints, ValidationError, model_validator

from troth.errors import InputError
from troth.plain import clean_line
from troth.sources import Rejected
from troth.sources.jsonl import RowReader, parse_row
from troth.sources.turns import Turn, tabulate
from troth.web.api.rim import Sent
from troth.web.arrow import refuse_compressed
from troth.web.visit import Refused

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
ARROW: Final = "application/vnd.apache.arrow.stream"
MOST_BYTES: Final = 32 << 20
MOST_ROWS: Final = 50_000

_SOURCE: Final = "api"
_NO_TIME: Final = "sent_at: no time between 1990 and 2100"
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - as Arrow counts
_FIRST_TIME: Final = (dt.datetime(1, 1, 1) - _EPOCH) // dt.timedelta(microseconds=1)  # noqa: DTZ001
_LAST_TIME: Final = (dt.datetime(9999, 12, 31) - _EPOCH) // dt.timedelta(microseconds=1)  # noqa: DTZ001

Id = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Names = Annotated[list[Name], Field(max_length=1000)]
Words = Annotated[str, StringConstraints(max_length=1_000_000)]


class TurnSent(Sent):
    """One turn as it is sent. `text` or `body` must be there; `conversation_id` keeps turns together."""

    turn_id: Id | None = Field(
        default=None, description="Its own id; a bare number counts within its conversation. Absent: from the content."
    )
    conversation_id: Id | None = None
    parent_id: Id | None = Field(default=None, description="turn_id of the turn that it answers.")
    position: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(
        default=None, description="Order where times are equal or missing; with a turn_id alone."
    )
    sent_at: AwareDatetime | None = Field(default=None, description="With its offset from UTC.")
    speaker: Name | None = Field(default=None, description="Address, or the handle that the source gives.")
    speaker_name: Name | None = None
    recipients: Names | None = None
    cc: Names | None = None
    references: Annotated[list[Id], Field(max_length=1000)] | None = None
    channel: Literal["mail", "chat", "call", "ticket", "meeting", "social", "shop", "letter"] | None = None
    stage: Name | None = None
    subject: Annotated[str, StringConstraints(max_length=2000)] | None = None
    text: Words | None = Field(default=None, description="The words as received, quotes and signature included.")
    body: Words | None = Field(default=None, description="Another name for `text`.")
    attachments: Names | None = None
    automatic: bool | None = Field(default=None, description="Written by a program to nobody in particular.")
    source: Name | None = None
    side: Literal["us", "them"] | None = None
    circle: Literal["customer", "colleague", "friend"] | None = None
    relationship: Name | None = None

    @model_validator(mode="after")
    def _has_words(self) -> TurnSent:
        if (self.text is None) == (self.body is None):
            raise ValueError("it needs a text, under one of the names text and body")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries."""

    kind: str
    data: bytes


async def read_body(request: Request) -> Body:
    """Take the body of a request in, up to the limit.

    Raises: Refused with 413 when it is larger, with 415 when it is in none of the three forms.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {JSON, NDJSON, ARROW}:
        raise Refused(415, f"send turns as {JSON}, {NDJSON} or {ARROW}")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise Refused(413, f"a request may carry {MOST_BYTES >> 20} MiB. Send the turns in several")
        parts.append(part)
    return Body(kind=kind, data=b"".join(parts))


def read_turns(body: Body) -> tuple[pa.Table, list[Rejected]]:
    """TURNS of a body, and the rows that became none.

    Raises: InputError when the body as a whole cannot be read, or has too many rows.
    """
    reader, turns, rejected = RowReader(_SOURCE), list[Turn](), list[Rejected]()
    for number, (where, row) in enumerate(_ROWS[body.kind](body.data)):
        if number >= MOST_ROWS:
            raise InputError(f"a request may carry {MOST_ROWS} rows. Send the turns in several.")
        turn = _read_row(row, reader, number)
        if isinstance(turn, str):
            rejected.append(Rejected(position=where, reason=turn))
        else:
            turns.append(turn)
    return tabulate(turns), rejected


def _read_row(row: object, reader: RowReader, number: int) -> Turn | str:
    if isinstance(row, str):
        return row
    try:
        sent = TurnSent.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = clean_line(".".join(str(part) for part in first["loc"]))[:100]
        return f"{where}: {first['msg']}" if where else first["msg"]
    try:
        turn = reader.read(sent.model_dump(mode="json", exclude_none=True), position=number)
    except OverflowError:
        return _NO_TIME
    if isinstance(turn, Turn) and turn.sent_at is None and sent.sent_at is not None:
        return _NO_TIME
    return turn


def _read_json(data: bytes) -> Iterator[tuple[str, object]]:
    try:
        rows: object = json.loads(data)
    except RecursionError:
        raise InputError("the body is JSON nested too deeply.") from None
    except ValueError as error:  # no JSON, no UTF-8, a number of too many digits
        raise InputError(f"the body is no JSON: {clean_line(str(error))[:100]}.") from None
    if not isinstance(rows, list):
        raise InputError("the body is no JSON array. One turn is sent as an array of one.")
    for number, row in enumerate(cast("list[object]", rows), start=1):
        yield f"row {number}", row if isinstance(row, dict) else "no JSON object"


def _read_ndjson(data: bytes) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield f"line {number}", parse_row(line)


def _read_arrow(data: bytes) -> Iterator[tuple[str, object]]:
    try:
        table = _open_arrow(data)
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:  # also names that are no UTF-8
        raise InputError(f"the body is no Arrow stream: {clean_line(str(error))[:200]}.") from None
    number = 0
    for batch in table.to_batches(max_chunksize=1000):
        for row in batch.to_pylist():
            number += 1
            yield f"row {number}", {name: value for name, value in row.items() if value is not None}


def _open_arrow(data: bytes) -> pa.Table:
    """The table of a stream, with columns that are safe to look into."""
    refuse_compressed(data)
    table = pa.ipc.open_stream(data).read_all()
    table.validate(full=True)  # offsets and UTF-8: what is not right here would be read beyond its end
    if table.num_rows > MOST_ROWS:
        raise InputError(f"a request may carry {MOST_ROWS} rows. Send the turns in several.")
    return pa.table({field.name: _plain_column(table[field.name], field) for field in _unique(table.schema)})


def _unique(schema: pa.Schema) -> pa.Schema:
    if len(set(schema.names)) < len(schema.names):
        raise InputError("the Arrow stream has two columns of one name.")
    return schema


def _plain_column(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """A column whose values together are no larger than what was sent; others could be small to send and huge here.

    Raises: InputError for another kind of column.
    """
    kind = field.type
    if pa.types.is_string_view(kind):
        # Views of 16 bytes each, the length first; many may show the same bytes.
        size = sum(int(np.frombuffer(chunk.buffers()[1], np.int32)[::4].sum(dtype=np.int64))
                   for chunk in column.chunks if len(chunk))  # fmt: skip
        if size > MOST_BYTES:
            raise InputError(f"column {clean_line(field.name)}: holds more than {MOST_BYTES >> 20} MiB of text.")
        return column.cast(pa.large_string())
    if pa.types.is_timestamp(kind):
        return _plain_times(column, field.name)
    is_names = (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_plain(kind.value_type)
    if not is_names and not _is_plain(kind):
        raise InputError(
            f"column {clean_line(field.name)}: is {clean_line(str(kind))[:80]}. "
            "Send text, times, whole numbers, true or false, or lists of text."
        )
    return column


def _plain_times(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Times in microseconds, UTC where they have a zone: its name is a stranger's, and says nothing of the moment.

    Raises: InputError for times that Python's calendar does not have.
    """
    zone = None if column.type.tz is None else "UTC"
    options = pc.CastOptions(pa.timestamp("us", tz=zone), allow_time_truncate=True)
    try:
        times = pc.cast(column, options=options)
    except pa.ArrowInvalid:
        times = None
    if times is not None:
        ends = pc.min_max(times.cast(pa.int64())).as_py()
        if ends["min"] is None or (ends["min"] >= _FIRST_TIME and ends["max"] <= _LAST_TIME):
            return times
    raise InputError(f"column {clean_line(name)}: holds a time beyond the years 1 and 9999.")


def _is_plain(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_boolean, pa.types.is_null)
    return any(test(kind) for test in tests)


_ROWS: Final[dict[str, Any]] = {JSON: _read_json, NDJSON: _read_ndjson, ARROW: _read_arrow}
