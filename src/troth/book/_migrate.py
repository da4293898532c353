"""The shape of a book, step by step: numbered SQL files, each run once, in one transaction, and remembered by hash.

Generated ALTERs are what DuckDB refuses, so a step is written by hand and never changed once it is released.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import pyarrow as pa

from troth.book import _sql
from troth.book._link import Link
from troth.errors import BookDamaged, BookError


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One migration."""

    number: int
    name: str
    statements: tuple[str, ...]
    checksum: str  # SHA-256 of the file


def read_steps() -> list[Step]:
    """The migrations of this version of troth, in order."""
    found = [entry for entry in files("troth.book").joinpath("migrations").iterdir() if entry.name.endswith(".sql")]
    return [_step(entry.name, entry.read_text(encoding="utf-8")) for entry in sorted(found, key=lambda e: e.name)]


def _step(file_name: str, text: str) -> Step:
    number, _, name = file_name.removesuffix(".sql").partition("_")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    statements = (statement.strip() for statement in "\n".join(lines).split(";"))
    return Step(
        number=int(number),
        name=name,
        statements=tuple(statement for statement in statements if statement),
        checksum=hashlib.sha256(text.encode()).hexdigest(),
    )


def migrate(link: Link, *, path: str, steps: list[Step]) -> None:
    """Run the steps that this book has not seen.

    Raises: BookDamaged when the database is no book; BookError when the book is newer than this troth, or made
        by a step of another content.
    """
    seen = _seen(link, path)
    known = {step.number: step for step in steps}
    for number, name, checksum in seen:
        if number not in known:
            raise BookError(f"{path} was made by a newer troth (step {number}, {name}). Upgrade troth to open it.")
        if checksum != known[number].checksum:
            raise BookError(f"{path} was made by another step {number} than this troth's. Use the troth that made it.")
    todo = [step for step in steps if step.number not in {number for number, _, _ in seen}]
    for step in todo:
        _run(link, step)
    if todo:
        link.execute(_sql.CHECKPOINT)  # a reader of an older version must not meet new DDL in the log


def _seen(link: Link, path: str) -> list[tuple[int, str, str]]:
    tables = link.fetch(_sql.TABLE_NAMES).column(0).to_pylist()
    if "migrations" in tables:
        return [(row["number"], row["name"], row["checksum"]) for row in link.fetch(_sql.MIGRATIONS).to_pylist()]
    if tables:
        raise BookDamaged(path, f"it is a database, but not a book (it has tables {', '.join(sorted(tables)[:5])})")
    link.execute(_sql.CREATE_MIGRATIONS)
    return []


def _run(link: Link, step: Step) -> None:
    link.execute(_sql.BEGIN)
    for statement in step.statements:
        link.execute(statement)
    link.execute(
        _sql.ADD_MIGRATION,
        [pa.array([step.number], pa.int32()), pa.array([step.name]), pa.array([step.checksum])],
    )
    link.execute(_sql.COMMIT)
