"""All SQL of the book, as text, in the dialect that DuckDB and PostgreSQL share.

Rows are written with UPDATE and INSERT from a staged table, over columns named one by one. `INSERT ... ON CONFLICT`
would need a primary key, and DuckDB pays dearly for it where a row with a list changes: overwriting 133,000 turns
took 107 to 121 s against 0.6 s this way (DuckDB 2.0.0, two cores), and DuckDB 1.5.6 then refused some of them as
duplicates. One process owns the book and every write goes through here, so a key stays unique without an index.
"""

# ruff: noqa: S608 - what is put into the text are names of `_forms`, checked there; values travel as parameters
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from troth.book._forms import Form

BEGIN: Final = "BEGIN TRANSACTION"
COMMIT: Final = "COMMIT"
ROLLBACK: Final = "ROLLBACK"
CHECKPOINT: Final = "CHECKPOINT"
STAGE: Final = "troth_stage"
DROP_STAGE: Final = f"DROP TABLE {STAGE}"

# Another book's file is opened, and then no further one: what stands in a table may name none.
_CLOSE_DOORS: Final = ("SET enable_external_access = false", "SET lock_configuration = true")
OLD_TABLES: Final = (
    "SELECT table_name AS name, estimated_size AS rows FROM duckdb_tables() WHERE database_name = 'old' ORDER BY name"
)
END_COPY: Final = ("CHECKPOINT new", "DETACH new", "DETACH old")

TABLE_NAMES: Final = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN ('information_schema', 'pg_catalog')"
)
CREATE_MIGRATIONS: Final = (
    "CREATE TABLE migrations (number INTEGER NOT NULL, name VARCHAR NOT NULL, checksum VARCHAR NOT NULL)"
)
MIGRATIONS: Final = "SELECT number, name, checksum FROM migrations ORDER BY number"
ADD_MIGRATION: Final = "INSERT INTO migrations (number, name, checksum) VALUES ($1, $2, $3)"

_TYPES: Final = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "REAL",
    pa.float64(): "DOUBLE PRECISION",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
    pa.list_(pa.string()): "VARCHAR[]",
    pa.list_(pa.float64()): "DOUBLE PRECISION[]",
}


def type_name(kind: pa.DataType) -> str:
    """What SQL calls this Arrow type."""
    return _TYPES[kind]


def quote(name: str) -> str:
    """A name of ours as an identifier: some of them (end, references) are words of SQL."""
    return f'"{name}"'


def _list(names: Sequence[str], *, of: str = "") -> str:
    return ", ".join(of + quote(name) for name in names)


def _same_key(form: Form) -> str:
    return " AND ".join(f"kept.{quote(name)} = staged.{quote(name)}" for name in form.key)


def overwrite_changed(form: Form) -> str:
    """Overwrite the rows whose key is staged with other content; nulls compare as equal."""
    rest = [name for name in form.schema.names if name not in form.key]
    setting = ", ".join(f"{quote(name)} = staged.{quote(name)}" for name in rest)
    differs = " OR ".join(f"kept.{quote(name)} IS DISTINCT FROM staged.{quote(name)}" for name in rest)
    return f"UPDATE {form.name} AS kept SET {setting} FROM {STAGE} AS staged WHERE {_same_key(form)} AND ({differs})"


def insert_new(form: Form) -> str:
    """Add the staged rows whose key is not there; all of them where rows have no key."""
    names = form.schema.names
    insert = f"INSERT INTO {form.name} ({_list(names)}) SELECT {_list(names, of='staged.')} FROM {STAGE} AS staged"
    if not form.key:
        return insert
    return f"{insert} WHERE NOT EXISTS (SELECT 1 FROM {form.name} AS kept WHERE {_same_key(form)})"


def delete_keys(form: Form, column: str) -> str:
    """Take out the rows whose `column` is in the list handed over as $1."""
    return f"DELETE FROM {form.name} WHERE {among(form, column, 1)}"


def among(form: Form, column: str, number: int) -> str:
    """The condition that `column` is one of the list handed over as parameter `number`."""
    kind = type_name(form.column(column).type)
    return f"{quote(column)} IN (SELECT unnest(${number}::{kind}[]))"


def begin_copy(old: str, new: str) -> tuple[str, ...]:
    """Open two files as `old` and `new`, and make the tables of the one in the other, empty."""
    return (
        f"ATTACH {_text(old)} AS old (READ_ONLY)",
        f"ATTACH {_text(new)} AS new",
        *_CLOSE_DOORS,
        "COPY FROM DATABASE old TO new (SCHEMA)",
    )


def copy_table(name: str, *, without: str | None) -> str:
    """Copy the rows of a table of `old` into `new`, all but the setting of this name."""
    table = f"main.{quote(name)}"
    query = f"INSERT INTO new.{table} SELECT * FROM old.{table}"
    return query if without is None else f"{query} WHERE name <> {_text(without)}"


def _text(value: str) -> str:
    """A text as a literal."""
    return "'" + value.replace("'", "''") + "'"


def select(form: Form, columns: Sequence[str], conditions: Sequence[str]) -> str:
    """Fetch columns of the rows that meet every condition."""
    query = f"SELECT {_list(columns)} FROM {form.name}"
    return f"{query} WHERE {' AND '.join(conditions)}" if conditions else query


def at_time(form: Form, comparison: str, number: int) -> str:
    """The condition that a row's time compares so with parameter `number`; `>=` or `<`."""
    if form.time is not None:
        return f"{quote(form.time)} {comparison} ${number}"
    return f"turn_id IN (SELECT turn_id FROM turns WHERE sent_at {comparison} ${number})"
