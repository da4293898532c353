"""Arrow streams of strangers: no larger in memory than they were on the way, or refused."""

from __future__ import annotations

import struct
from typing import Final

import pyarrow as pa

from troth.errors import InputError
from troth.plain import clean_line

_PLAIN: Final = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_boolean,
    pa.types.is_integer, pa.types.is_floating, pa.types.is_timestamp, pa.types.is_date, pa.types.is_null,
)  # fmt: skip
"""Kinds whose values each take room of their own, so that one of them cannot stand for many; nothing takes none."""


def read_streams(body: bytes, count: int) -> list[pa.Table]:
    """So many Arrow streams, one behind the other, each as large as it was sent.

    Raises: InputError where it is something else, is compressed, or has columns or rows that take no room on the way.
    """
    source, found = pa.BufferReader(body), list[pa.Table]()
    try:
        for _ in range(count):
            start = source.tell()
            table = _read_plain(source, body)
            if table.num_rows > source.tell() - start:  # as many rows as bytes is more than any table of ours
                raise InputError("the Arrow stream has more rows than bytes.")
            found.append(table)
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:  # also names that are no UTF-8
        if isinstance(error, InputError):
            raise
        raise InputError(f"the rows are no Arrow stream: {clean_line(str(error).splitlines()[0])[:200]}.") from error
    return found


def _read_plain(source: pa.BufferReader, body: bytes) -> pa.Table:
    refuse_compressed(pa.py_buffer(body).slice(source.tell()))
    reader = pa.ipc.open_stream(source)
    for field in reader.schema:
        kind = field.type.value_type if pa.types.is_list(field.type) else field.type
        if not any(test(kind) for test in _PLAIN):
            named = clean_line(field.name), clean_line(str(field.type))[:80]
            raise InputError(f"column {named[0]}: is {named[1]}, which no table holds.")
    table = reader.read_all()
    table.validate(full=True)  # offsets and UTF-8: what is not right here would be read beyond its end
    return table


def refuse_compressed(data: bytes) -> None:
    """Refuse batches with compressed buffers, which unfold to any size.

    Source: the flatbuffers `Message` and `RecordBatch` of the Arrow columnar format; a table begins with the distance
    to its vtable, in which field n stands at 4 + 2n, absent where 0 or beyond the vtable's end.
    """
    for message in pa.ipc.MessageReader.open_stream(data):
        metadata = message.metadata.to_pybytes()
        root = struct.unpack_from("<I", metadata, 0)[0]
        header = _follow(metadata, root, 2)
        if message.type == "dictionary" and header is not None:
            header = _follow(metadata, header, 1)
        if message.type in {"record batch", "dictionary"} and header and _follow(metadata, header, 3) is not None:
            raise ValueError("its buffers are compressed; send them as they are")


def _follow(metadata: bytes, table: int, number: int) -> int | None:
    """Where the table in field `number` of the flatbuffer table at an offset stands."""
    vtable = table - struct.unpack_from("<i", metadata, table)[0]
    size = struct.unpack_from("<H", metadata, vtable)[0]
    if 4 + 2 * number + 2 > size:
        return None
    offset = struct.unpack_from("<H", metadata, vtable + 4 + 2 * number)[0]
    if not offset:
        return None
    place = table + offset
    return place + struct.unpack_from("<I", metadata, place)[0]
