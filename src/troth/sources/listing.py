"""What stands at a place that a user names: one export, or a folder that holds several."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from troth.errors import SourceError
from troth.sources.folders import MAILDIR_SIDES
from troth.sources.formats import EML, MAILDIR, MBOX, Format, recognise_plain
from troth.sources.mapped import OwnSource, open_export
from troth.sources.readers import find_reader
from troth.sources.turns import Rejected
from troth.told import Told

_DEEPEST: Final = 32  # folders within folders that are looked into
_REASONS: Final = 3  # named of a folder that holds no export
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
    listing = look_through(path, own)
    if not listing.exports:
        refuse(Path(path), listing.unknown)
    return listing


def look_through(path: str | Path, own: Sequence[OwnSource] = ()) -> Listing:
    """As `list_exports`, where there may be no export either.

    Raises: SourceError when there is nothing, or nothing readable.
    """
    place = Path(path)
    found = list(_look(place, place, 0, own))
    exports = tuple(each for each in found if isinstance(each, Listed))
    return Listing(exports, tuple(each for each in found if isinstance(each, Rejected)))


def refuse(place: Path, unknown: Sequence[Rejected]) -> NoReturn:
    """Say what stands at a place without exports, as `look_through` found it.

    Raises: SourceError, always.
    """
    if not unknown:
        raise SourceError(str(place), "is a folder without files", "Name the export itself.")
    if not place.is_dir():
        problem, _, advice = unknown[0].reason.partition(". ")
        raise SourceError(str(place), problem, f"{advice}.")
    counted = Counter(each.reason for each in unknown).most_common(_REASONS)
    told = "; ".join(
        _tell(reason, [each.position for each in unknown if each.reason == reason]) for reason, _ in counted
    )
    raise SourceError(
        str(place), Told("is a folder without exports. {told}", told=told), "docs/sources.md lists what troth reads."
    )


def _tell(reason: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}: {reason.partition('. ')[0]}"


def _look(place: Path, root: Path, depth: int, own: Sequence[OwnSource]) -> Sequence[Listed | Rejected]:
    """What is at one place; `root` is the folder that was named."""
    if depth > _DEEPEST:
        return [Rejected(position=os.path.relpath(place, root), reason="a folder too deep to look into")]
    try:
        export = open_export(place, own if depth == 0 else ())
    except SourceError as error:
        if depth == 0:
            raise
        return [_leave_out(place, root, error)]
    try:
        reader = find_reader(export, own)
        if reader is not None:
            return [Listed(place, reader.format, export.size)]
        if export.kind == "folder":
            return _look_into(place, root, depth, export.size, own)
        return [Listed(place, recognise_plain(export), export.size)]
    except SourceError as error:
        return [_leave_out(place, root, error)]
    finally:
        export.close()


def _leave_out(place: Path, root: Path, error: SourceError) -> Rejected:
    return Rejected(position=os.path.relpath(place, root), reason=f"{error.problem}. {error.advice}".removesuffix("."))


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
