"""The store over any ADBC connection: stage with Arrow, write with SQL, fetch as Arrow."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import _sql
from troth.book._forms import FORMS, Form, form_of
from troth.book._link import Link
from troth.book.store import REWRITE_DUE, Mark, Progress, Upserted
from troth.errors import BookError, InputError
from troth.schema import TABLES, conform

_TIME = pa.timestamp("us", tz="UTC")
_REVISIONS = "revisions"


class AdbcStore:
    """A `Store` whose tables have been migrated. One thread at a time is let in; the others wait."""

    def __init__(
        self,
        link: Link,
        *,
        path: str,
        on_close: Callable[[], None],
        write_anew: Callable[[Progress | None], None] | None = None,
    ) -> None:
        self._link = link
        self._path = path
        self._on_close = on_close
        self._write_anew = write_anew  # None: there is no file
        self._turn = threading.RLock()
        self._in_transaction = False
        self._changed: set[str] = set()  # tables that this transaction wrote to
        self._is_open = True

    @property
    def path(self) -> str:
        """Where the book lies, for people to read."""
        return self._path

    def upsert(self, name: str, table: object) -> Upserted:
        """Add rows and overwrite those whose key is there with other content; see `Store`."""
        form = form_of(name)
        if not form.key:
            raise InputError(f"rows of {name} have no key of their own. Use replace, by relationship or turn_id.")
        rows = _keep_last(conform(table, form.schema), form.key)
        with self.transaction():
            return self._write(form, rows)

    def replace(self, name: str, table: object, *, keys_column: str, keys: Iterable[Any]) -> None:
        """Make the rows whose `keys_column` is among `keys` exactly those of `table`; see `Store`."""
        form = form_of(name)
        listed = _values(form, keys_column, keys)
        rows = _keep_last(conform(table, form.schema), form.key)
        strays = pc.unique(rows.column(keys_column).filter(pc.invert(pc.is_in(rows.column(keys_column), listed))))
        if len(strays):
            raise InputError(f"{name} has rows with {keys_column} {strays[0]}, which is not among the keys to replace.")
        with self.transaction():
            if self._link.execute(_sql.delete_keys(form, keys_column), [_as_list(listed)]):
                self._changed.add(name)
            self._write(form, rows)

    def table(
        self,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pa.Table:
        """Fetch a table, in no promised order; see `Store`."""
        form = form_of(name)
        fields = [form.column(column) for column in (form.schema.names if columns is None else columns)]
        conditions: list[str] = []
        parameters: list[pa.Array] = []
        for column, wanted in (where or {}).items():
            conditions.append(_condition(form, column, wanted, parameters))
        for comparison, bound in ((">=", since), ("<", until)):
            if bound is not None:
                parameters.append(_time(bound))
                conditions.append(_sql.at_time(_dated(form), comparison, len(parameters)))
        query = _sql.select(form, [field.name for field in fields], conditions)
        with self._alone():
            fetched = self._link.fetch(query, parameters)
        return conform(fetched, pa.schema(fields))

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """Commit all writes of the block at once, or none of them; a block within a block is part of the outer one."""
        with self._alone():
            if self._in_transaction:
                yield
                return
            self._link.execute(_sql.BEGIN)
            self._in_transaction = True
            try:
                yield
                self._mark_changed()
                self._link.execute(_sql.COMMIT)
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._in_transaction = False
                self._changed.clear()

    def revisions(self) -> dict[str, str]:
        """What names the present content of each table; see `Store`."""
        return dict(self.settings(_REVISIONS) or {})

    def mark(self, source_key: str) -> Mark | None:
        """How far this source has been read; None when never."""
        rows = self.table("marks", where={"source_key": source_key}).to_pylist()
        return Mark(content=rows[0]["content"], size=rows[0]["size"], position=rows[0]["position"]) if rows else None

    def set_mark(self, source_key: str, mark: Mark) -> None:
        """Note how far this source has been read."""
        row = {"source_key": source_key, "content": mark.content, "size": mark.size, "position": mark.position}
        self.upsert("marks", pa.Table.from_pylist([row], schema=FORMS["marks"].schema))

    def settings(self, name: str) -> Any:
        """The JSON value kept under this name; None when there is none."""
        rows = self.table("settings", where={"name": name}).to_pylist()
        return json.loads(rows[0]["value"]) if rows else None

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a JSON value under this name.

        Raises: InputError when it is not JSON.
        """
        try:
            text = json.dumps(value, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise InputError(f"setting {name!r} cannot be kept as JSON: {error}.") from error
        self.upsert("settings", pa.Table.from_pylist([{"name": name, "value": text}], schema=FORMS["settings"].schema))

    def rewrite(self, *, progress: Progress | None = None) -> None:
        """Write the book anew, without what was taken out of the tables; see `Store`."""
        with self._alone():
            if self._in_transaction:
                raise InputError("a book is not written anew within a transaction. End that first.")
            if self._write_anew is None:
                self.replace("settings", FORMS["settings"].schema.empty_table(), keys_column="name", keys=[REWRITE_DUE])
                return
            self._link.execute(_sql.CHECKPOINT)  # all of the log into the file
            self._link.hang_up()
            try:
                self._write_anew(progress)
            finally:
                self._link.mend()

    def close(self) -> None:
        """Hand the book back. Closing twice is fine."""
        with self._turn:
            if self._is_open:
                self._is_open = False
                try:
                    self._link.close()
                finally:
                    self._on_close()

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @contextmanager
    def _alone(self) -> Generator[None, None, None]:
        with self._turn:
            if not self._is_open:
                raise BookError(f"{self._path} has been closed. Open it again.")
            if not self._in_transaction:
                self._link.mend()
            yield

    def _write(self, form: Form, rows: pa.Table) -> Upserted:
        if not rows.num_rows:
            return Upserted(added=0, changed=0)
        self._link.stage(_sql.STAGE, rows)
        changed = self._link.execute(_sql.overwrite_changed(form)) if form.key else 0
        added = self._link.execute(_sql.insert_new(form))
        self._link.execute(_sql.DROP_STAGE)
        if added or changed:
            self._changed.add(form.name)
        return Upserted(added=added, changed=changed)

    def _mark_changed(self) -> None:
        """Give the tables that were written to another revision, in the transaction that wrote to them."""
        tables = self._changed & TABLES.keys()
        if tables:
            # Random, not counted on: a book restored from a copy must never come to a name that it had before.
            self.set_setting(_REVISIONS, self.revisions() | {table: secrets.token_hex(8) for table in tables})

    def _roll_back(self) -> None:
        try:
            self._link.execute(_sql.ROLLBACK)
        except BookError:
            return  # a commit that fails has rolled back already, and a lost connection took its transaction with it


def _keep_last(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """Of rows with one key the last; the order stays."""
    if not key or rows.group_by(list(key)).aggregate([]).num_rows == rows.num_rows:
        return rows
    numbered = rows.select(list(key)).append_column("_row", pa.array(range(rows.num_rows), pa.int64()))
    last = numbered.group_by(list(key)).aggregate([("_row", "max")]).column("_row_max")
    return rows.take(last.take(pc.sort_indices(last)))


def _values(form: Form, column: str, values: Iterable[Any]) -> pa.Array:
    kind, listed = form.column(column).type, list(values)
    try:
        return pa.array(listed, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"{form.name}.{column} holds {kind}: {str(error).splitlines()[0]}.") from error


def _as_list(values: pa.Array) -> pa.Array:
    """The values as one parameter: an array of one list."""
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)


def _condition(form: Form, column: str, wanted: Any, parameters: list[pa.Array]) -> str:
    many = wanted if isinstance(wanted, (list, tuple, set, frozenset, pa.Array, pa.ChunkedArray)) else [wanted]
    listed = _values(form, column, (v.as_py() if isinstance(v, pa.Scalar) else v for v in many))
    parameters.append(_as_list(listed.drop_null()))
    known = _sql.among(form, column, len(parameters))
    return f"({known} OR {_sql.quote(column)} IS NULL)" if listed.null_count else known


def _dated(form: Form) -> Form:
    if form.time is None and "turn_id" not in form.schema.names:
        raise InputError(f"rows of {form.name} have no time, so since and until say nothing of them.")
    return form


def _time(bound: datetime) -> pa.Array:
    return pa.array([bound], pa.timestamp("us") if bound.tzinfo is None else _TIME).cast(_TIME)
