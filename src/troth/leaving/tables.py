"""One table to one file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from troth.errors import InputError
from troth.sources.shapes import Shape, write_table


def save_table(table: pa.Table, path: Path, shape: Shape) -> None:
    """Write a table to a file.

    Raises: InputError when it cannot be written there.
    """
    try:
        with path.open("wb") as file:
            write_table(table, file, shape)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}. Name another file.") from error
