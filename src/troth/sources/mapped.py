"""Sources of one's own, mapped in troth.toml: a CSV, JSON or Parquet file, or what a query on a database gives.

    [[source]]
    name = "shop"
    kind = "outcomes"
    match = "orders*.csv"
    constants = { kind = "invoice", currency = "EUR" }
    [source.columns]
    id = "Order No"
    account = "Customer"
    opened_at = "Placed"

A file belongs to the first source whose `match` fits its name, or that has no `match` and finds all its columns. A
database is read only where the user names it, and never written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from troth.errors import SettingsError, SourceError
from troth.sources import outcomes
from troth.sources.cells import read_text
from troth.sources.databases import Connection, is_database, query_database
from troth.sources.documents import find_keys
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import read_address, read_body, read_phone
from troth.sources.json_items import read_items
from troth.sources.jsonl import RowReader
from troth.sources.mail import NO_DATE
from troth.sources.reader import Context, Reader
from troth.sources.shapes import list_columns
from troth.sources.tables import look_at_sheet, plain_name, read_rows
from troth.sources.turns import Contact, Piece, Rejected
from troth.times import DateOrder, read_time

Kind = Literal["turns", "outcomes", "contacts"]

FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "turns": (
        *("id", "conversation", "parent", "sent_at", "speaker", "speaker_name", "recipients", "cc", "channel", "stage"),
        *("subject", "body", "html", "attachments", "side", "circle", "relationship"),
    ),
    "outcomes": outcomes.FIELDS,
    "contacts": (
        *("id", "kind", "handle", "name", "address", "phone", "account", "account_id", "domain", "owner", "segment"),
        "side",
    ),
}
"""What a column can stand for, by the kind of a source."""

_NEEDED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "turns": ("body|html", "speaker"),
    "outcomes": ("id", "account", "opened_at|stage_at"),
    "contacts": ("id|address|handle|name",),
}
_SIDES: Final = frozenset({"us", "them"})
_PARQUET: Final = b"PAR1"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSource:
    """One `[[source]]` of troth.toml.

    Attributes:
        name: of the source; ids of what it gives begin with it.
        kind: what its rows are.
        columns: what a row says, by the names in `FIELDS`, to the column that says it; "a.b" looks into JSON objects.
        match: pattern of file names, as in "orders*.csv".
        database: an SQLite or DuckDB file that is read where the user names this source.
        connection: a PostgreSQL server, as postgresql://user@host/name, read in the same way.
        query: what to ask the database.
        constants: what all rows say where their column is empty or there is none.
        values: for a field, what its cells mean: { state = { "4 - done" = "won" } }.
        zone, dates: how times are meant; those of the book where they are not given.

    Raises: SettingsError when it cannot be.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    kind: Kind
    columns: dict[str, str]
    match: str | None = None
    database: Path | None = None
    connection: str | None = None
    query: str | None = None
    constants: dict[str, str] = field(default_factory=dict[str, str])
    values: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    zone: str | None = None
    dates: Literal["dmy", "mdy"] | None = None

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").replace("_", "").replace(" ", "").isalnum():
            raise SettingsError(f"source {self.name!r}: a name is made of letters, digits, spaces and dashes.")
        fields = FIELDS[self.kind]
        wrong = [name for name in (*self.columns, *self.constants, *self.values) if name not in fields]
        if wrong:
            raise SettingsError(
                f"source {self.name!r}: no field {wrong[0]!r} in {self.kind}; there is {', '.join(fields)}."
            )
        given = self.columns.keys() | self.constants.keys()
        for needed in _NEEDED[self.kind]:
            if given.isdisjoint(needed.split("|")):
                raise SettingsError(
                    f"source {self.name!r}: {needed.replace('|', ' or ')} must be in columns or constants."
                )
        if (self.database or self.connection) and not self.query:
            raise SettingsError(f"source {self.name!r}: a database needs a query.")
        if self.database and self.connection:
            raise SettingsError(f"source {self.name!r}: name database or connection, not both.")
        if self.connection and not self.connection.startswith(("postgresql://", "postgres://")):
            raise SettingsError(
                f"source {self.name!r}: a connection begins with postgresql://; files go into database."
            )
        if self.query and not (self.database or self.connection or self.match):
            raise SettingsError(
                f"source {self.name!r}: a query needs database, connection, or match for database files."
            )
        _check_zone(self.name, self.zone)

    @property
    def is_named(self) -> bool:
        """Whether it is read by its name, not by a file."""
        return self.database is not None or self.connection is not None

    def reader(self) -> Reader:
        """How it is read."""
        takes = {"turns": "turns", "outcomes": "deals, invoices and tickets", "contacts": "people and firms"}[self.kind]
        form = Format(name=self.name, description=f"the source {self.name!r} of your troth.toml", takes=takes)
        return Reader(format=form, is_it=self.takes, read=self.read)

    def takes(self, export: Export) -> bool:
        """Whether an export is this source."""
        if isinstance(export, Connection):
            return self.is_named and export.path.name == self.name
        if self.is_named or export.kind != "file":
            return False
        if self.match is not None:
            return fnmatchcase(export.path.name.lower(), self.match.lower()) and is_database(export) == bool(self.query)
        return bool(self.columns) and {_lead(column) for column in self.columns.values()} <= _columns_of(export)

    def read(self, export: Export, context: Context) -> Iterator[Piece]:
        """Its pieces.

        Raises: SourceError when a mapped column is not there, or the database refuses the query.
        """
        context = replace(context, zone=self.zone or context.zone, dates=self.dates or context.dates)
        rows, order, comma = self._rows(export, context)
        match self.kind:
            case "turns":
                yield from _tell_turns(self, rows, context, order)
            case "contacts":
                yield from _tell_contacts(self, rows, context)
            case "outcomes":
                yield from _tell_outcomes(self, rows, context, order, comma=comma)

    def _rows(self, export: Export, context: Context) -> tuple[Iterator[tuple[str, Row] | Rejected], DateOrder, bool]:
        """Rows with their place, the order of their dates, and whether numbers have a decimal comma."""
        order = context.dates
        if self.query is not None:
            return query_database(self.database or export.path, self.connection, self.query), order, False
        if export.look("", 4) == _PARQUET:
            self._check(_columns_of(export), export)
            return _read_parquet(export, context), order, False
        sheet = look_at_sheet(export)
        if sheet is None:
            return read_items(export, "", context.meter), order, False
        self._check(set(sheet.columns), export)
        rows = read_rows(export, sheet, meter=context.meter, notes=context.notes)
        found = (row if isinstance(row, Rejected) else (row.where, cast("Row", row.cells)) for row in rows)
        return found, self.dates or sheet.order or order, sheet.has_commas

    def _check(self, found: set[str] | frozenset[str], export: Export) -> None:
        missing = [column for column in self.columns.values() if plain_name(column) not in found]
        if missing:
            problem = f"has no column {missing[0]!r}, which source {self.name!r} of troth.toml names"
            raise SourceError(str(export.path), problem, f"It has: {', '.join(sorted(found)[:20])}.")

    def take(self, row: Row) -> dict[str, Any]:
        """What a row says, by the names in `FIELDS`."""
        plain = {plain_name(str(name)): value for name, value in row.items()}
        said: dict[str, Any] = dict(self.constants)
        for name, column in self.columns.items():
            value = _find(row, plain, column)
            meant = self.values.get(name, {}).get(read_text(value) or "")
            if meant is not None or read_text(value) is not None or (value is not None and not isinstance(value, str)):
                said[name] = value if meant is None else meant
        return said


def open_export(path: str | Path, sources: Sequence[OwnSource] = ()) -> Export:
    """An export, or the database of the source that is named and is no file.

    Raises: as `Export`.
    """
    is_source = any(source.is_named and source.name == str(path) for source in sources)
    return Connection(path) if is_source and not Path(path).exists() else Export(path)


def _check_zone(name: str, zone: str | None) -> None:
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(f"source {name!r}: there is no time zone {zone!r}.") from error


def _columns_of(export: Export) -> set[str]:
    """The columns of a file, as plain names; none where it is no table."""
    if export.look("", 4) == _PARQUET:
        with export.open("") as file:
            return {plain_name(name) for name in list_columns(file)}
    sheet = look_at_sheet(export)
    return set(sheet.columns) if sheet is not None else {plain_name(key) for key in find_keys(export)}


def _lead(column: str) -> str:
    """The plain name of a column, of the outermost object where it looks into several."""
    return plain_name(column.partition(".")[0])


def _find(row: Row, plain: Row, column: str) -> Any:
    if column in row:
        return row[column]
    if (name := plain_name(column)) in plain:
        return plain[name]
    found: Any = row
    for step in column.split("."):
        found = cast("Row", found).get(step) if isinstance(found, dict) else None
    return found


def _read_parquet(export: Export, context: Context) -> Iterator[tuple[str, Row] | Rejected]:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    number = 0
    try:
        with export.open("", meter=context.meter) as file, parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=1_000):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        yield Rejected(position=f"after row {number}", reason=f"torn Parquet: {str(error)[:100]}")


def _tell_turns(
    source: OwnSource, rows: Iterator[tuple[str, Row] | Rejected], context: Context, order: DateOrder
) -> Iterator[Piece]:
    reader = RowReader(context.source)
    for position, found in enumerate(rows):
        if isinstance(found, Rejected):
            yield found
            continue
        where, row = found
        said = source.take(row)
        own, talk, parent = (read_text(said.get(name)) for name in ("id", "conversation", "parent"))
        sent_at = _time(said.get("sent_at"), context.zone, order)
        if sent_at is None:
            context.notes[NO_DATE] += 1
        body = read_body(said.get("body"), said.get("html"))
        if not body.strip():
            yield Rejected(position=where, reason="no words")
            continue
        turn = reader.read(
            {
                "body": body,
                "id": own and f"{source.name}:{own}",
                "conversation_id": talk and f"{source.name}:{talk}",
                "parent_id": parent and f"{source.name}:{parent}",
                "sent_at": sent_at and sent_at.isoformat(),
                "recipients": _people(said.get("recipients")),
                "cc": _people(said.get("cc")),
                "attachments": _people(said.get("attachments")),
                **{name: read_text(said.get(name)) for name in _PLAIN},
            },
            position=position,
        )
        yield Rejected(position=where, reason=turn) if isinstance(turn, str) else turn


_PLAIN: Final = ("speaker", "speaker_name", "channel", "stage", "subject", "side", "circle", "relationship")


def _people(value: object) -> list[str] | None:
    """Names in one cell, a semicolon or else a comma between two; or a list of them."""
    if isinstance(value, list):
        return [text for each in cast("list[Any]", value) if (text := read_text(each))]
    text = read_text(value)
    return None if text is None else [one for part in text.split(";" if ";" in text else ",") if (one := part.strip())]


def _time(value: object, zone: str, order: DateOrder) -> datetime | None:
    """A cell's time; Parquet and databases give times as such."""
    return read_time(value.isoformat() if hasattr(value, "isoformat") else value, zone=zone, order=order)  # type: ignore[attr-defined]


def _tell_contacts(source: OwnSource, rows: Iterator[tuple[str, Row] | Rejected], context: Context) -> Iterator[Piece]:
    for found in rows:
        if isinstance(found, Rejected):
            yield found
            continue
        where, row = found
        said = source.take(row)
        text = {name: read_text(said.get(name)) for name in FIELDS["contacts"]}
        address, side = read_address(said.get("address")), (text["side"] or "").lower()
        own = text["id"] or address or text["handle"] or text["name"]
        kind = (text["kind"] or "person").lower()
        if own is None or kind not in {"person", "account"}:
            yield Rejected(position=where, reason="nobody named" if own is None else "neither a person nor an account")
            continue
        yield Contact(
            contact_id=f"{source.name}:{own}",
            source=context.source,
            kind=kind,
            handle=text["handle"],
            name=text["name"],
            address=address,
            phone=read_phone(said.get("phone")),
            account=text["account"],
            account_id=text["account_id"] and f"{source.name}:{text['account_id']}",
            domain=(text["domain"] or "").lower() or None,
            owner=text["owner"],
            segment=text["segment"],
            side=side if side in _SIDES else None,
        )


def _tell_outcomes(
    source: OwnSource, rows: Iterator[tuple[str, Row] | Rejected], context: Context, order: DateOrder, *, comma: bool
) -> Iterator[Piece]:
    ledger = outcomes.Ledger(context.source, context.now)
    for found in rows:
        if isinstance(found, Rejected):
            yield found
            continue
        where, row = found
        said = source.take(row)
        times = {name: _iso(said[name]) for name in ("opened_at", "closed_at", "stage_at") if name in said}
        record = outcomes.read_record(
            {**said, **times}, where=where, system=source.name, zone=context.zone, order=order, comma=comma
        )
        if isinstance(record, Rejected):
            yield record
        else:
            yield from ledger.add(record)
    yield from ledger.pieces()


def _iso(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else value  # type: ignore[attr-defined]
