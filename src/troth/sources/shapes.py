"""A table as Parquet, JSON Lines or CSV, written so that every row comes back as it was.

CSV tells an empty text, which stands in quotes, from one that is not known, which does not; and no cell of it is taken
for a formula by a spreadsheet.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, BinaryIO, Final, Literal, cast, get_args

import pyarrow as pa

from troth.errors import InputError
from troth.plain import guard_formula, unguard_formula
from troth.schema import conform
from troth.sources.blocks import Meter, read_blocks
from troth.sources.jsonl import parse_row, read_lines
from troth.sources.turns import Rejected

Shape = Literal["parquet", "jsonl", "csv"]
SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)

_BATCH: Final = 1_000  # rows
_CSV_BLOCK: Final = 32 << 20  # bytes; a row must fit into one
_IN_MEMORY: Final = 16 << 20  # bytes of a file that must be read from its end before it is kept on disk
_TORN: Final = (pa.ArrowException, OSError, ValueError, OverflowError)  # the last: times beyond the year 9999

Row = dict[str, Any]


def write_table(table: pa.Table, file: BinaryIO, shape: Shape) -> None:
    """Write a table.

    Raises: OSError when it cannot be written.
    """
    if shape == "parquet":
        from pyarrow import parquet  # noqa: PLC0415 - a tenth of a second that the other shapes save

        parquet.write_table(table, file, compression="zstd")
    elif shape == "jsonl":
        for row in _rows(table):
            file.write(json.dumps(row, default=_plain, ensure_ascii=False).encode() + b"\n")
    else:
        _write_csv(table, file)


def read_table(file: BinaryIO, schema: pa.Schema, shape: Shape, *, where: str) -> Iterator[Row | Rejected]:
    """The rows of a table, each with every column of `schema` and good for it.

    Args:
        file: open for reading; need not seek.
        schema: what a row must have; columns beside it are passed over.
        shape: as it was written.
        where: the file's name, for the position of what is rejected.
    """
    match shape:
        case "parquet":
            yield from _read_parquet(file, schema, where)
        case "jsonl":
            yield from _read_jsonl(file, schema, where)
        case "csv":
            yield from _read_csv(file, schema, where)


def list_columns(file: BinaryIO) -> list[str]:
    """The names of a Parquet file's columns; none where it cannot be told."""
    from pyarrow import parquet  # noqa: PLC0415

    try:
        return parquet.ParquetFile(file).schema_arrow.names
    except _TORN:
        return []


def _rows(table: pa.Table) -> Iterator[Row]:
    for batch in table.to_batches(max_chunksize=_BATCH):
        yield from batch.to_pylist()


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _write_csv(table: pa.Table, file: BinaryIO) -> None:
    from pyarrow import csv  # noqa: PLC0415

    schema = pa.schema([pa.field(name, pa.string()) for name in table.column_names])
    with csv.CSVWriter(file, schema) as writer:
        for batch in table.to_batches(max_chunksize=_BATCH):
            columns = [pa.array(map(_cell, column.to_pylist()), pa.string()) for column in batch.columns]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _cell(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return guard_formula(value)
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def _read_parquet(file: BinaryIO, schema: pa.Schema, where: str) -> Iterator[Row | Rejected]:
    from pyarrow import parquet  # noqa: PLC0415

    first = 0
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as seekable:
        shutil.copyfileobj(file, seekable)
        try:
            for batch in parquet.ParquetFile(seekable).iter_batches(batch_size=_BATCH):
                batch.validate(full=True)  # bytes that are no UTF-8
                yield from conform(batch, schema).to_pylist()
                first += batch.num_rows
        except _TORN as error:
            yield Rejected(position=f"{where}, rows from {first + 1}", reason=_first_line(error))


def _read_jsonl(file: BinaryIO, schema: pa.Schema, where: str) -> Iterator[Row | Rejected]:
    for number, line in enumerate(read_lines(read_blocks(file, Meter(0, None))), start=1):
        position = f"{where}, line {number}" if where else f"line {number}"
        if line is None:
            yield Rejected(position=position, reason="longer than 8 MiB")
        elif line.strip():
            row = parse_row(line)
            yield _typed(row, schema, position) if not isinstance(row, str) else Rejected(position=position, reason=row)


def _read_csv(file: BinaryIO, schema: pa.Schema, where: str) -> Iterator[Row | Rejected]:
    from pyarrow import csv  # noqa: PLC0415

    kinds = {name: pa.string() for name in schema.names}
    number = 1
    try:
        reader = csv.open_csv(
            file,
            read_options=csv.ReadOptions(block_size=_CSV_BLOCK),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=kinds, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )
        for batch in reader:
            for cells in batch.to_pylist():
                number += 1
                row = {name: _value(cells.get(name), schema.field(name)) for name in schema.names}
                yield _typed(row, schema, f"{where}, row {number}" if where else f"row {number}")
    except _TORN as error:
        yield Rejected(position=f"{where}, after row {number}", reason=_first_line(error))


def _value(cell: object, field: pa.Field) -> object:
    """What a cell stands for; a cell that is no text of its kind comes back as it is, and is refused later."""
    if not isinstance(cell, str):
        return "" if cell is None and not field.nullable and field.type == pa.string() else cell
    if pa.types.is_string(field.type):
        return unguard_formula(cell)
    if pa.types.is_timestamp(field.type):
        return cell
    try:
        return json.loads(cell.lower() if pa.types.is_boolean(field.type) else cell)
    except (ValueError, RecursionError):
        return cell


def _typed(row: Mapping[str, object], schema: pa.Schema, position: str) -> Row | Rejected:
    typed: Row = {}
    for field in schema:
        try:
            typed[field.name] = _take(row.get(field.name), field)
        except ValueError as error:
            return Rejected(position=position, reason=f"{field.name}: {error}")
    return typed


def _take(value: object, field: pa.Field) -> object:
    """A value as its column holds it. Raises ValueError saying why it cannot be."""
    if value is None:
        if not field.nullable:
            raise ValueError("empty, and must not be")
        return None
    kind = field.type
    if pa.types.is_list(kind):
        if not isinstance(value, list):
            raise ValueError("no list")
        return [_take(one, kind.value_field) for one in cast("Sequence[object]", value)]
    if pa.types.is_timestamp(kind):
        return _moment(value)
    if pa.types.is_string(kind):
        return _text(value)
    return _count(value, kind)


def _count(value: object, kind: pa.DataType) -> object:
    """A truth or a number as its column holds it."""
    if pa.types.is_boolean(kind) != isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"no {kind}")
    if isinstance(value, bool):
        return value
    if not pa.types.is_integer(kind):
        return _real(value)
    most = 1 << (kind.bit_width - 1)
    if not isinstance(value, int) or not -most <= value < most:
        raise ValueError("no whole number that fits")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    value.encode()  # half of a surrogate pair is a ValueError
    return value


def _real(value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number beyond all bounds") from error


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("no time")
    moment = datetime.fromisoformat(value)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no time that can be") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] if not isinstance(error, InputError) else str(error)
