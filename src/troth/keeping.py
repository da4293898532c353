"""What was worked out of a book, kept beside it, so that opening a large one does not mean working it out again.

A folder `.<book>.kept` holds Arrow files that a stamp ties to the content of the tables, the settings and the version
they were made from. Whatever is missing, torn or of another stamp is worked out anew; the folder can be deleted at any
time. It is as private as the book, and goes when something is erased.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from troth.book import Store
from troth.pipeline import Standing

FOUND_IN: Final = ("turns", "sentences", "findings", "contacts", "person_decisions")
"""Tables of the store that promises are found in."""

STANDS_ON: Final = (*FOUND_IN, "answers", "outcomes", "promises")
"""Tables of the store that standings are worked out from."""

_LARGE: Final = 5_000  # turns from which keeping is quicker than working out
_TABLES: Final = ("promises", "questions", "readings")
_KEPT_EVENINGS: Final = 3
_STAMP: Final = b"troth_stamp"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder beside one book. The stamps say of which content FOUND and standings must be; see `stamp_of`."""

    folder: Path | None  # None: nothing is kept
    found_stamp: str
    stamp: str

    def found(self) -> pa.Table | None:
        """FOUND as it was kept."""
        return self._read("found", self.found_stamp)

    def keep_found(self, found: pa.Table) -> None:
        """Keep FOUND."""
        self._write({"found": found}, self.found_stamp)

    def ruled(self) -> pa.Table | None:
        """FINDINGS of rules as they were kept."""
        return self._read("ruled", self.found_stamp)

    def keep_ruled(self, ruled: pa.Table) -> None:
        """Keep FINDINGS of rules."""
        self._write({"ruled": ruled}, self.found_stamp)

    def standing(self, now: dt.datetime) -> Standing | None:
        """The standing of an evening as it was kept."""
        promises, questions, readings = (self._read(f"{table}-{_name(now)}", self.stamp) for table in _TABLES)
        if promises is None or questions is None or readings is None:
            return None
        return Standing(now=now, promises=promises, questions=questions, readings=readings)

    def keep_standing(self, standing: Standing) -> None:
        """Keep the standing of an evening; of older ones the latest few stay."""
        evening = _name(standing.now)
        self._write({f"{table}-{evening}": getattr(standing, table) for table in _TABLES}, self.stamp)
        self._sweep()

    def _read(self, name: str, stamp: str) -> pa.Table | None:
        if self.folder is None:
            return None
        try:
            with pa.OSFile(str(self.folder / f"{name}.arrow")) as file, pa.ipc.open_file(file) as reader:
                if (reader.schema.metadata or {}).get(_STAMP) != stamp.encode():
                    return None
                table = reader.read_all()
        except (OSError, pa.ArrowException):
            return None
        return table.replace_schema_metadata(
            {key: value for key, value in (table.schema.metadata or {}).items() if key != _STAMP} or None
        )

    def _write(self, tables: Mapping[str, pa.Table], stamp: str) -> None:
        if self.folder is None:
            return
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            for name, table in tables.items():
                _write_file(self.folder / f"{name}.arrow", table, stamp=stamp)
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)  # a full disk has better use for the room

    def _sweep(self) -> None:
        if self.folder is None:
            return
        evenings = sorted(self.folder.glob("readings-*.arrow"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in [path for path in evenings if not self._is_of_now(path)] + evenings[_KEPT_EVENINGS:]:
            evening = old.stem.removeprefix("readings-")
            for table in _TABLES:
                (self.folder / f"{table}-{evening}.arrow").unlink(missing_ok=True)

    def _is_of_now(self, path: Path) -> bool:
        """Whether a file is of this stamp; another one is read by nobody, and may hold what was erased since."""
        return self._read(path.stem, self.stamp) is not None


def open_shelf(
    store: Store, *, turns: int, made_with: Mapping[str, str], read_at: Mapping[str, str | None] = MappingProxyType({})
) -> Shelf:
    """The shelf of a book as it is now.

    Args:
        store: the book.
        turns: how many it holds; a small one keeps nothing, since working it out is as quick.
        made_with: what else standings depend on, such as settings and encoder.
        read_at: revisions of tables at the moment when they were read, where that was before now.
    """
    if turns < _LARGE:
        clear_shelf(store.path)  # of when it was larger
    folder = folder_of(store.path) if turns >= _LARGE else None
    if folder is None:
        return Shelf(None, "", "")
    revisions = {**store.revisions(), **read_at}
    return Shelf(folder, stamp_of(revisions, FOUND_IN, made_with), stamp_of(revisions, STANDS_ON, made_with))


def stamp_of(revisions: Mapping[str, str | None], tables: Sequence[str], made_with: Mapping[str, str]) -> str:
    """What names everything that something is worked out from: tables by their revision, this code, and the rest."""
    basis = {
        "tables": {name: revisions.get(name) for name in tables}, "made_with": dict(made_with), "code": code_id(),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


@cache
def code_id() -> str:
    """A hash of this package's code: a version's number says too little of what lies between two releases."""
    root = Path(__file__).parent
    whole = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def folder_of(path: str) -> Path | None:
    """Where a book's shelf is; None for one that is no file."""
    if path == ":memory:" or "://" in path:
        return None
    book = Path(path)
    return book.with_name(f".{book.name}.kept")


def clear_shelf(path: str) -> None:
    """Throw away what was kept of a book."""
    folder = folder_of(path)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _write_file(path: Path, table: pa.Table, *, stamp: str) -> None:
    """Write a table under another name and move it into place: no reader sees half of it."""
    marked = table.replace_schema_metadata({**(table.schema.metadata or {}), _STAMP: stamp.encode()})
    new = path.with_suffix(".new")
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(new), "wb") as file, pa.ipc.new_file(file, marked.schema, options=options) as writer:
        writer.write_table(marked)
    new.chmod(0o600)
    new.replace(path)


def _name(evening: dt.datetime) -> str:
    return evening.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S")
