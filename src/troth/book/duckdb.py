"""The book as one DuckDB file.

Through ADBC, whose driver is inside the duckdb package: the same statements, staging and fetching then serve
PostgreSQL, and neither duckdb's Python layer nor pandas is loaded. One trap comes with it: two database objects in
one process do not see each other's lock on the file, so `Owner` keeps the second one out.

A new book is made under another name and moved into place when it is whole: a process killed while making it leaves
no torn file behind. External access is off and the configuration is locked.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import adbc_driver_duckdb

from troth.book._adbc import AdbcStore
from troth.book._anew import clear_beside, sync, write_anew
from troth.book._link import Link
from troth.book._migrate import migrate, read_steps
from troth.book._owner import Owner, command_of, describe_process
from troth.book.store import REWRITE_DUE
from troth.errors import BookBusy, BookDamaged, BookError, InputError

_SAFE = {"enable_external_access": "false", "lock_configuration": "true"}
_HOLDER = re.compile(r"\(PID (\d{1,10})\)")
_TORN = ("not a valid DuckDB database", "orrupt", "Could not read enough bytes", "WAL file", "Serialization Error")
_FULL = ("No space left", "File too large", "Disk quota exceeded", "Could not write", "out of disk")


def open_duckdb(path: Path | None) -> AdbcStore:
    """Open a DuckDB book; see `open_store`."""
    if path is None:
        link = _link(":memory:", shown="the book in memory")
        migrate(link, path="the book in memory", steps=read_steps())
        return AdbcStore(link, path=":memory:", on_close=_nothing)
    book = _place(path)
    owner = Owner(book)
    try:
        _make_if_absent(book)
        clear_beside(book)
        link = _link(str(book), shown=str(book))
        try:
            migrate(link, path=str(book), steps=read_steps())
        except BaseException:
            link.close()
            raise
    except BaseException:
        owner.release()
        raise
    store = AdbcStore(
        link,
        path=str(book),
        on_close=owner.release,
        write_anew=lambda progress: write_anew(
            book, explain=lambda error: _explain(error, str(book)), progress=progress
        ),
    )
    if store.settings(REWRITE_DUE):  # whoever erased did not come to it
        with suppress(BookError):  # no room now: the book can be used, and is written anew some other time
            store.rewrite()
    return store


def _nothing() -> None:
    """A book in memory has no owner to release."""


def _place(path: Path) -> Path:
    """Where the book lies, in full: a name such as `md:x` or `s3://x` must stay a file's name. Makes its folder."""
    book = path.expanduser().resolve()
    if book.is_dir():
        raise InputError(f"{book} is a folder. Name a file for the book, such as {book / 'troth.duckdb'}.")
    try:
        book.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(f"{book.parent} cannot be made: {error.strerror}. Name another file for the book.") from error
    return book


def _make_if_absent(book: Path) -> None:
    log = book.with_name(book.name + ".wal")
    if book.exists() and book.stat().st_size:
        return
    if log.exists():
        raise BookDamaged(str(book), f"its log {log.name} is there, but the book itself is gone")
    new = book.with_name(f".{book.name}.new")
    for leftover in (new, new.with_name(new.name + ".wal")):
        leftover.unlink(missing_ok=True)
    link = _link(str(new), shown=str(book))
    try:
        migrate(link, path=str(book), steps=read_steps())
    finally:
        link.close()
    new.chmod(0o600)
    new.replace(book)
    sync(book.parent)


def _link(path: str, *, shown: str) -> Link:
    def explain(error: Exception) -> BookError:
        return _explain(error, shown)

    driver = adbc_driver_duckdb.driver_path()
    return Link(driver=driver, entrypoint="duckdb_adbc_init", options={"path": path, **_SAFE}, explain=explain)


def _explain(error: Exception, path: str) -> BookError:
    """The driver's error as one of ours: DuckDB's classes are lost on the way through ADBC, its words are not."""
    text = str(error).partition("\n")[0].strip()
    if "Could not set lock" in text:
        holder = _HOLDER.search(text)
        pid = int(holder[1]) if holder else 0
        return BookBusy(path, describe_process(pid, command_of(pid)) if pid else "another process")
    if any(words in text for words in _FULL):
        return BookError(f"{path} cannot be written: {text}. Make room on the disk, then do it again.")
    if any(words in text for words in _TORN):
        return BookDamaged(path, text.rstrip("."))
    return BookError(f"{path}: {text}")
