"""What `troth export` wrote: a whole book as a folder or zip of tables, or one table as a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from troth.errors import SourceError
from troth.schema import TABLES
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.jsonl import parse_row
from troth.sources.reader import Context, Reader
from troth.sources.shapes import SHAPES, Row, Shape, list_columns, read_table
from troth.sources.turns import SIDE_TABLES, Kept, Piece, Rejected, Turn

MANIFEST: Final = "troth.json"
"""The file of an exported book that lists its tables."""
KIND: Final = "troth book"
VERSION: Final = 1
KEPT: Final = (
    *("turns", "turn_versions", "calls", "contacts", "outcomes", "outcome_steps", "answers", "promises", "decisions"),
    *("promise_history", "objections", "person_decisions", "forecasts", "closings", "trials", "trial_accounts"),
    *("trial_looks", "resealed", "forgotten"),
    *("audit", "team_figures", "worth_figures", "digests"),
)
"""The tables that cannot be worked out anew, in the order in which they are read back."""

_MANIFEST_LIMIT: Final = 4 << 20  # bytes; the constants learned from a book are in it
_PARQUET: Final = b"PAR1"
_KINDS: Final = {"turns": Turn, **{name: kind for kind, name in SIDE_TABLES.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an exported book says of itself.

    Attributes:
        home: the folder within a zip in which it stands, with its slash; else empty.
        shape: of every table.
        tables: name to file and rows.
        settings: what the book keeps beside its tables: who we are, and the constants learned.
        is_newer: a later troth wrote it, in a form that this one does not know.
    """

    home: str
    shape: Shape
    tables: Mapping[str, tuple[str, int]]
    settings: Mapping[str, Any]
    is_newer: bool


def read_settings(path: str | Path) -> Mapping[str, Any]:
    """The settings that an exported book holds; none where `path` is something else."""
    export = Export(path)
    try:
        manifest = _read_manifest(export)
        return {} if manifest is None else manifest.settings
    finally:
        export.close()


def _is_ours(export: Export) -> bool:
    return _read_manifest(export) is not None if export.kind != "file" else _find_table(export) is not None


def _read(export: Export, context: Context) -> Iterator[Piece]:
    if export.kind == "file":
        table, shape = cast("tuple[str, Shape]", _find_table(export))
        yield from _pieces(export, "", table, shape, context)
        return
    manifest = _read_manifest(export)
    if manifest is None:  # it was there a moment ago
        raise SourceError(str(export.path), f"has lost its {MANIFEST}", "Export the book again.")
    if manifest.is_newer:
        raise SourceError(str(export.path), "was exported by a newer troth", "Upgrade troth to read it.")
    for table in KEPT:
        if table not in manifest.tables:
            continue
        file, stated = manifest.tables[table]
        name = manifest.home + file
        if not export.holds(name):
            yield Rejected(position=name, reason="is listed, and is not there")
            continue
        rows = 0
        for piece in _pieces(export, name, table, manifest.shape, context):
            rows += not isinstance(piece, Rejected)
            yield piece
        if rows < stated:
            yield Rejected(position=name, reason=f"holds {rows} of the {stated} rows that were written")


def _pieces(export: Export, name: str, table: str, shape: Shape, context: Context) -> Iterator[Piece]:
    with export.open(name, meter=context.meter) as file:
        for row in read_table(file, TABLES[table], shape, where=name):
            yield row if isinstance(row, Rejected) else _piece(table, row)


def _piece(table: str, row: Row) -> Piece:
    kind = _KINDS.get(table)
    if kind is not None:
        return kind(**row)
    return Kept(table, hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest(), row)


def _find_table(export: Export) -> tuple[str, Shape] | None:
    """The table that a lone file holds: its columns are those of the table, all of them and no other."""
    head = export.look()
    first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    if head.startswith(_PARQUET):
        with export.open() as file:
            return _name_table(list_columns(file), "parquet")
    if first.startswith(b"{"):
        row = parse_row(first)
        return None if isinstance(row, str) else _name_table(list(row), "jsonl")
    cells = first.decode("utf-8", "replace").strip().split(",")
    return _name_table([cell.strip('"') for cell in cells], "csv")


def _name_table(columns: list[str], shape: Shape) -> tuple[str, Shape] | None:
    return next(((name, shape) for name in KEPT if TABLES[name].names == columns), None)


def _read_manifest(export: Export) -> Manifest | None:
    if export.kind == "file":
        return None
    # A zip of the folder holds it as its only folder; a folder that holds an exported book among others is not one.
    first = export.names[0] if export.names else ""
    home = first[: first.find("/") + 1] if export.kind == "zip" and not export.holds(MANIFEST) else ""
    if not export.holds(home + MANIFEST) or not all(name.startswith(home) for name in export.names):
        return None
    try:
        content: object = json.loads(export.look(home + MANIFEST, _MANIFEST_LIMIT))
    except (ValueError, RecursionError):
        return None
    return _check_manifest(content, home=home)


def _check_manifest(content: object, *, home: str) -> Manifest | None:
    if not isinstance(content, dict):
        return None
    stated = cast("dict[str, Any]", content)
    shape, tables, settings = stated.get("shape"), stated.get("tables"), stated.get("settings")
    if stated.get("kind") != KIND or shape not in SHAPES or not isinstance(tables, dict):
        return None
    listed: dict[str, tuple[str, int]] = {}
    for name, entry in cast("dict[str, Any]", tables).items():
        if isinstance(entry, dict) and isinstance(entry.get("file"), str) and isinstance(entry.get("rows"), int):
            listed[name] = (entry["file"], entry["rows"])
    kept = cast("dict[str, Any]", settings) if isinstance(settings, dict) else {}
    version = stated.get("version")
    newer = not isinstance(version, int) or version > VERSION
    return Manifest(home=home, shape=shape, tables=listed, settings=kept, is_newer=newer)


OURS: Final = Reader(
    format=Format(
        name="troth",
        description="a book, or a table of one, as `troth export` wrote it (Parquet, JSON Lines or CSV)",
        takes="everything that was read into it or said by people",
    ),
    is_it=_is_ours,
    read=_read,
)
