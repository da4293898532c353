"""What stands at a place that a user names: one export, or a folder that holds several."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from troth.errors import SourceError
from troth.sources.export import Export
from troth.sources.folders import MAILDIR_SIDES
from troth.sources.formats import EML, MAILDIR, MBOX, Format, recognise_plain
from troth.sources.mapped import OwnSource, open_export
from troth.sources.readers import find_reader
from troth.sources.turns import Rejected

_DEEPEST: Final = 32  # folders within folders that are looked into
_MAILS: Final = frozenset({EML.name, MBOX.name})


class Listed(NamedTuple):
    """One export: where it lies, what it is, and its bytes."""

    path: Path
    format: Format
    size: int


class Listing(NamedTuple):
    """The exports at a place in the order of their names, and what is none, with the reason."""

    exports: tuple[Listed, ...]
    unknown: tuple[Rejected, ...]


def list_exports(path: str | Path, own: Sequence[OwnSource] = ()) -> Listing:
    """The exports at `path`: itself, or those in a folder that holds several.

    A folder is one export where a reader takes it whole, where it is a maildir, and where all that can be read in it
    is mail. Else each entry is an export of its own, or a folder to look into; links are not followed.

    Args:
        path: of a file or folder, or the name of one of `own` that reads a database.
        own: sources that the user mapped.

    Raises: SourceError when there is nothing, nothing readable, or nothing that troth reads.
    """
    place = Path(path)
    found = list(_look(place, place, 0, own))
    exports = tuple(each for each in found if isinstance(each, Listed))
    unknown = tuple(each for each in found if isinstance(each, Rejected))
    if exports:
        return Listing(exports, unknown)
    export = Export(place)
    try:
        recognise_plain(export)  # which says what is wrong with it
    finally:
        export.close()
    raise SourceError(str(place), "is a folder without exports", "Name the export itself.")


def _look(place: Path, root: Path, depth: int, own: Sequence[OwnSource]) -> Sequence[Listed | Rejected]:
    """What is at one place; `root` is the folder that was named."""
    if depth > _DEEPEST:
        return [Rejected(position=os.path.relpath(place, root), reason="a folder too deep to look into")]
    try:
        export = open_export(place, own if depth == 0 else ())
    except SourceError as error:
        if depth == 0:
            raise
        return [Rejected(position=os.path.relpath(place, root), reason=error.problem)]
    try:
        reader = find_reader(export, own)
        if reader is not None:
            return [Listed(place, reader.format, export.size)]
        if export.kind == "folder":
            return _look_into(place, root, depth, export.size, own)
        return [Listed(place, recognise_plain(export), export.size)]
    except SourceError as error:
        return [Rejected(position=os.path.relpath(place, root), reason=error.problem)]
    finally:
        export.close()


def _look_into(place: Path, root: Path, depth: int, size: int, own: Sequence[OwnSource]) -> Sequence[Listed | Rejected]:
    if all((place / side).is_dir() for side in MAILDIR_SIDES):
        return [Listed(place, MAILDIR, size)]
    found: list[Listed | Rejected] = []
    for entry in _entries(place):
        if isinstance(entry, Path):
            found += _look(entry, root, depth + 1, own)
        else:
            found.append(Rejected(position=os.path.relpath(place / entry.position, root), reason=entry.reason))
    kinds = {each.format.name for each in found if isinstance(each, Listed)}
    if kinds and kinds <= _MAILS:
        return [Listed(place, EML, size)]
    if kinds == {MAILDIR.name}:
        return [Listed(place, MAILDIR, size)]
    return found


def _entries(place: Path) -> Iterator[Path | Rejected]:
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError as error:
        yield Rejected(position="", reason=f"cannot be opened: {error.strerror}")
        return
    for entry in entries:
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            yield Rejected(position=entry.name, reason="a link or device: not followed")
        else:
            yield Path(entry.path)
