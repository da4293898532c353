"""What a store can do, and the one way to open one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import pyarrow as pa

from troth.errors import BookBusy, InputError

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""

REWRITE_DUE: Final = "rewrite_due"
"""The setting of a book that says that rows were erased whose words still lie in its file; see `Store.rewrite`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a source has been read: enough to know that there is nothing new in it."""

    content: str  # hash of what was read
    size: int  # bytes
    position: int = 0  # bytes, or messages, after which reading goes on


class Upserted(int):
    """How many rows an upsert wrote: an int that also says how many were new and how many held something else."""

    added: int
    changed: int

    def __new__(cls, *, added: int, changed: int) -> Self:
        """Add the two up."""
        self = super().__new__(cls, added + changed)
        self.added, self.changed = added, changed
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, int]]:
        """Let it cross process borders."""
        return (), {"added": self.added, "changed": self.changed}

    def __repr__(self) -> str:
        return f"Upserted(added={self.added}, changed={self.changed})"


class Store(Protocol):
    """A book. Tables go in and come out conformed to `troth.schema.TABLES`; every write is idempotent.

    A write is one transaction of its own, or a part of the `transaction` around it. Every method raises
    BookError when the store cannot serve (BookDamaged when what it reads is torn) and InputError when the
    table, a column or a filter cannot be used; the book is then as it was.
    """

    @property
    def path(self) -> str:
        """Where the book lies, for people to read."""
        ...

    def upsert(self, name: str, table: object) -> Upserted:
        """Add rows and overwrite those whose key is there with other content; of two with one key the later wins."""
        ...

    def replace(self, name: str, table: object, *, keys_column: str, keys: Iterable[Any]) -> None:
        """Make the rows whose `keys_column` is among `keys` exactly those of `table`."""
        ...

    def table(
        self,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pa.Table:
        """Fetch a table, in no promised order.

        Args:
            name: a name in `troth.schema.TABLES`.
            columns: those to fetch; all when None.
            where: column to the value it must have, or to a list, set or tuple of values of which it must have one.
                None stands for "not known".
            since: the earliest time, inclusive; naive times are UTC. Rows without a time fall out.
            until: the latest time, exclusive. Sentences and findings take the time of their turn.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all writes of the block at once, or none of them."""
        ...

    def revisions(self) -> Mapping[str, str]:
        """Table to a name of its present content: another one after each transaction that changed a row of it.

        A table that never held a row is left out.
        """
        ...

    def mark(self, source_key: str) -> Mark | None:
        """How far this source has been read; None when never."""
        ...

    def set_mark(self, source_key: str, mark: Mark) -> None:
        """Note how far this source has been read."""
        ...

    def settings(self, name: str) -> Any:
        """The JSON value kept under this name; None when there is none."""
        ...

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a JSON value under this name."""
        ...

    def rewrite(self, *, progress: Progress | None = None) -> None:
        """Write the book anew, so that its file holds nothing of what was taken out of the tables.

        Whoever reads or writes meanwhile waits. Whatever ends it midway leaves the book as it was.

        Args:
            progress: called with rows written and rows in all.

        Raises: BookError when there is no room; InputError within a transaction.
        """
        ...

    def close(self) -> None:
        """Hand the book back. Closing twice is fine."""
        ...

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...


def open_store(path: str | Path | None = None) -> Store:
    """Open the book at `path`, made if absent with its parent folders; None or ":memory:" is a throw-away book.

    A book that `troth serve` holds is opened through it; an https address opens one on another machine, with the token
    in the variable TROTH_TOKEN.

    Raises: BookBusy, naming the owner, when another process or another open store holds it and does not serve it;
        BookDamaged when the file is torn or no book; InputError when no book can be at this path.
    """
    from troth.book.duckdb import open_duckdb  # noqa: PLC0415 - the driver is loaded when a book is opened, not before
    from troth.book.remote import TOKEN_VARIABLE, Address, RemoteStore, find_server  # noqa: PLC0415

    if path is None or str(path) == ":memory:":
        return open_duckdb(None)
    if str(path).startswith(("https://", "http://")):
        return RemoteStore(Address(url=str(path), token=os.environ.get(TOKEN_VARIABLE, "")))
    if str(path).startswith(("postgres:", "postgresql:")):
        raise InputError(f"{path}: books in PostgreSQL cannot be opened yet. Name a file instead.")
    try:
        return open_duckdb(Path(path))
    except BookBusy:
        address = find_server(Path(path).expanduser().resolve())
        if address is None:
            raise
        return RemoteStore(address)
