"""Folders that appear whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from troth.errors import InputError
from troth.leaving.tables import save_table
from troth.sources.ours import KIND, MANIFEST, VERSION
from troth.sources.shapes import Shape

FOUND: Final = "found"
"""The folder within an exported book of what troth worked out: for other programs, never read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written where: rows by table, those worked out as found/NAME."""

    folder: Path
    rows: Mapping[str, int]


def write_book(
    folder: Path,
    kept: Sequence[str],
    found: Sequence[str] = (),
    *,
    fetch: Callable[[str], pa.Table],
    work_out: Callable[[str], pa.Table],
    shape: Shape,
    settings: Mapping[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a book's tables into a new folder, with the list of them that lets it be read back.

    Args:
        folder: must be absent or empty; it appears when it is whole.
        kept: names of the tables that are read back.
        found: names of those that are worked out.
        fetch: gives a kept table.
        work_out: gives one of the others.
        shape: of every table.
        settings: what is kept beside the tables.
        progress: called with tables done and tables in all.

    Raises: InputError when the folder is not empty or cannot be written.
    """
    rows: dict[str, int] = {}
    tables: dict[str, dict[str, object]] = {}
    makers = [*((name, name, fetch) for name in kept), *((f"{FOUND}/{name}", name, work_out) for name in found)]
    with new_folder(folder) as place:
        if found:
            (place / FOUND).mkdir()
        for number, (where, name, make) in enumerate(makers):
            table = make(name)
            rows[where] = table.num_rows
            save_table(table, place / f"{where}.{shape}", shape)
            if make is fetch:
                tables[name] = {"file": f"{name}.{shape}", "rows": table.num_rows}
            if progress is not None:
                progress(number + 1, len(makers))
        manifest = {
            "kind": KIND, "version": VERSION, "shape": shape, "tables": tables, "settings": dict(settings),
        }  # fmt: skip
        (place / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return Written(folder=folder, rows=rows)


@contextmanager
def new_folder(folder: Path) -> Generator[Path]:
    """A folder to fill beside the one wanted; it takes its place when the block ends well, and else is gone.

    Only its owner may look into it: it holds people's words.

    Raises: InputError when there is something at the place already, or it cannot be written.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} is there already. Name a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            yield place
            place.rename(folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}. Name another folder.") from error
