"""Large tables laid in a file and mapped, so that the system may give their memory to others and read it back.

The file has no name: nobody else can open it, and it is gone with the process, however that ends.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pyarrow as pa

_LARGE_BYTES: Final = 64 << 20  # below this a table stays where it is
_ROWS: Final = 1 << 18  # of one piece: a piece is laid together in memory before it is written


def lay_aside(table: pa.Table, beside: str) -> pa.Table:
    """The same table, in few pieces, and out of this process's own memory where it is large.

    Args:
        table: any.
        beside: path of the book whose folder takes the file; of a book that is no file nothing is laid aside.

    Returns: the same rows. Where the disk is full they stay in memory.
    Cost: one pass over the bytes, and as much room on the disk until the table is let go.
    """
    folder = None if beside == ":memory:" or "://" in beside else Path(beside).absolute().parent
    if folder is None or table.nbytes < _LARGE_BYTES:
        return table
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            with os.fdopen(os.dup(file.fileno()), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                for start in range(0, table.num_rows, _ROWS):
                    writer.write_table(table.slice(start, _ROWS).combine_chunks())
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError:
        return table
    return pa.ipc.open_file(pa.py_buffer(mapped)).read_all()


def give_back() -> None:
    """Hand memory that was let go to the system; the allocators would keep several gigabytes of it for later.

    For moments after much was worked out. Cost: some tens of milliseconds a gigabyte.
    """
    pa.default_memory_pool().release_unused()
    trim = _find_trim()
    if trim is not None:
        trim(0)


@cache
def _find_trim() -> Callable[[int], int] | None:
    """The C library's own way, where it has one: glibc does."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim
