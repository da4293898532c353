"""Rows of a database that the user names: an SQLite or DuckDB file, or a PostgreSQL server. Nothing is ever written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from troth.errors import SourceError
from troth.sources.export import Export, Kind, Member
from troth.sources.turns import Rejected

_SQLITE: Final = b"SQLite format 3\0"
_DUCKDB: Final = b"DUCK"  # behind eight bytes of checksum
_BATCH: Final = 1_000  # rows
_ADVICE: Final = "Check its query in troth.toml."


class Connection(Export):
    """A source that is asked by its name: there is no file of that name."""

    def _open(self) -> tuple[Kind, tuple[Member, ...]]:
        return "file", ()


def is_database(export: Export) -> bool:
    """Whether a file is a database of SQLite or DuckDB."""
    head = export.look("", 16)
    return head.startswith(_SQLITE) or head[8:12] == _DUCKDB


def query_database(
    path: Path, connection: str | None, query: str
) -> Iterator[tuple[str, Mapping[str, Any]] | Rejected]:
    """The rows that a query gives, each with its place.

    Args:
        path: of the database's file, where there is no connection.
        connection: postgresql://…
        query: one statement that selects.

    Raises: SourceError when the database is not there, or refuses.
    """
    if connection is not None:
        rows = _ask_postgresql(connection, query)
    else:
        try:
            with path.open("rb") as file:
                is_sqlite = file.read(16).startswith(_SQLITE)
        except OSError as error:
            raise SourceError(
                str(path), f"cannot be opened ({error.strerror})", "Check database in troth.toml."
            ) from error
        rows = _ask_sqlite(path, query) if is_sqlite else _ask_duckdb(path, query)
    for number, row in enumerate(rows, start=1):
        yield f"row {number}", row


def _ask_sqlite(path: Path, query: str) -> Iterator[Mapping[str, Any]]:
    try:
        database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
        try:
            database.execute("PRAGMA query_only = ON")
            database.text_factory = _decode
            cursor = database.execute(query)
            names = [column[0] for column in cursor.description or ()]
            while rows := cursor.fetchmany(_BATCH):
                yield from (dict(zip(names, row, strict=True)) for row in rows)
        finally:
            database.close()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise SourceError(str(path), f"does not answer: {error}", _ADVICE) from error


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _ask_duckdb(path: Path, query: str) -> Iterator[Mapping[str, Any]]:
    import duckdb  # noqa: PLC0415 - loaded by few

    try:
        # The query may read what is in this file and nothing else.
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": False}) as database:
            asked = database.execute(query)
            names = [str(column[0]) for column in asked.description or ()]
            while rows := asked.fetchmany(_BATCH):
                yield from (dict(zip(names, row, strict=True)) for row in rows)
    except duckdb.Error as error:
        raise SourceError(str(path), f"does not answer: {str(error).splitlines()[0]}", _ADVICE) from error


def _ask_postgresql(connection: str, query: str) -> Iterator[Mapping[str, Any]]:
    place = connection.rpartition("@")[2]  # a password stands before it
    try:
        from adbc_driver_manager import Error  # noqa: PLC0415
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    except ImportError as error:
        advice = "Install it: pip install adbc-driver-postgresql."
        raise SourceError(place, "needs a driver that is not installed", advice) from error
    try:
        with dbapi.connect(connection) as database, database.cursor() as cursor:  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            cursor.execute("SET default_transaction_read_only = on")  # pyright: ignore[reportUnknownMemberType]
            cursor.execute(query)  # pyright: ignore[reportUnknownMemberType]
            for batch in cursor.fetch_record_batch():  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
                yield from batch.to_pylist()  # pyright: ignore[reportUnknownMemberType]
    except Error as error:
        raise SourceError(place, f"does not answer: {str(error).splitlines()[0]}", _ADVICE) from error
