"""A DuckDB book written anew: its file then holds what the book holds, and nothing of what was taken out.

DuckDB leaves deleted rows in free blocks of the file, after VACUUM and CHECKPOINT too. So the tables are copied into a
new file, in a folder of its own beside the book, which takes the place of the old one in one step when it is whole:
whatever happens on the way, the one or the other is there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import adbc_driver_duckdb

from troth.book import _sql
from troth.book._link import Link
from troth.book.store import REWRITE_DUE, Progress
from troth.errors import BookDamaged, BookError


def write_anew(book: Path, *, explain: Callable[[Exception], BookError], progress: Progress | None = None) -> None:
    """Copy a closed book into a new file and put that in its place. The caller owns the book and has no link to it.

    Raises: BookError when it cannot be written; the book is then as it was, and nothing is left beside it.
    """
    log, folder = book.with_name(book.name + ".wal"), folder_beside(book)
    clear_beside(book)
    try:
        if log.exists() and log.stat().st_size:
            raise BookDamaged(str(book), f"its log {log.name} was not taken in")
        log.unlink(missing_ok=True)  # or the new file would be taken for the one that it belongs to
        folder.mkdir(mode=0o700)
        new = folder / book.name
        _copy(book, new, explain=explain, progress=progress)
        _take_rights(new, book)
        sync(new)
        new.replace(book)
        sync(book.parent)
    except OSError as error:
        raise BookError(
            f"{book} cannot be written anew: {error.strerror or error}. Make room on the disk, then do it again."
        ) from error
    finally:
        clear_beside(book)


def folder_beside(book: Path) -> Path:
    """Where the new file is made."""
    return book.with_name(f".{book.name}.anew")


def clear_beside(book: Path) -> None:
    """Take away what a writing that was killed left behind, and what DuckDB did of a large query."""
    shutil.rmtree(folder_beside(book), ignore_errors=True)
    shutil.rmtree(book.with_name(book.name + ".tmp"), ignore_errors=True)


def sync(place: Path) -> None:
    """Have the disk take in a file, or which files a folder holds."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(book: Path, new: Path, *, explain: Callable[[Exception], BookError], progress: Progress | None) -> None:
    # A database of its own: that of the store may open no second file.
    link = Link(
        driver=adbc_driver_duckdb.driver_path(), entrypoint="duckdb_adbc_init", options={"path": ":memory:"},
        explain=explain,
    )  # fmt: skip
    try:
        for statement in _sql.begin_copy(str(book), str(new)):
            link.execute(statement)
        tables = link.fetch(_sql.OLD_TABLES).to_pylist()
        done, whole = 0, sum(row["rows"] for row in tables)
        for row in tables:
            if progress is not None:
                progress(done, whole)
            link.execute(_sql.copy_table(row["name"], without=REWRITE_DUE if row["name"] == "settings" else None))
            done += row["rows"]
        for statement in _sql.END_COPY:
            link.execute(statement)
        if progress is not None:
            progress(whole, whole)
    finally:
        link.close()


def _take_rights(new: Path, book: Path) -> None:
    """Whoever could read the book can read the new file, and nobody else."""
    stated = book.stat()
    new.chmod(stated.st_mode & 0o777)
    with suppress(PermissionError):  # only root may give a file away
        os.chown(new, stated.st_uid, stated.st_gid)
