"""A folder into which exports come: each is taken once it has stopped growing, and never again until it changes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from troth.book import Mark, Store
from troth.errors import SourceError
from troth.intake import ReadReport
from troth.sources.folders import list_files
from troth.sources.turns import Rejected

_UNFINISHED: Final = (".part", ".partial", ".crdownload", ".download", ".tmp", ".filepart", "~")
"""How programs name what they have not finished writing."""
_BLOCK: Final = 1 << 20


class Shape(NamedTuple):
    """What can be told of an export without reading it; the same as long as nothing is written to it."""

    size: int  # bytes of all its files
    digest: str  # of the names, sizes and times of its files


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One export taken from the folder, or the reason why it was not."""

    name: str
    report: ReadReport | None
    problem: str = ""


def look(folder: Path) -> dict[str, Shape]:
    """The exports in a folder, by name: its files, and each of its folders as one. Hidden and unfinished ones are not.

    Raises: SourceError when there is no such folder.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise SourceError(str(folder), f"cannot be looked into ({error.strerror})", "Name a folder.") from error
    found: dict[str, Shape] = {}
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED) or entry.is_symlink():
            continue
        shape = _shape(Path(entry.path))
        if shape is not None and shape.size:
            found[entry.name] = shape
    return found


class Watch:
    """What was seen of a folder so far. `find_settled` first, then `take` with a book where something has settled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: dict[str, Shape] = {}
        self._known: dict[str, Shape] = {}  # taken, or found in the book as taken

    def find_settled(self) -> list[str]:
        """The exports that stand as they stood at the last look, and that are not known to be taken.

        Call it twice, with a moment in between: what still grows is different at the second look.
        """
        now = look(self._folder)
        same = [name for name, shape in now.items() if self._last.get(name) == shape]
        self._last = now
        return [name for name in same if self._known.get(name) != now[name]]

    @property
    def is_waiting(self) -> bool:
        """Whether something was there at the last look that is not known to be taken: it may settle soon."""
        return any(self._known.get(name) != shape for name, shape in self._last.items())

    def take(self, name: str, store: Store, read: Callable[[Path], ReadReport]) -> Take | None:
        """Take one export, unless the book says that this very content was taken; None then.

        The mark is set when everything is in the book. A kill before that means that it is read again, which adds
        nothing. What grew while it was read is taken again when it has settled.

        Raises: BookError when the store cannot serve.
        """
        path, shape = self._folder / name, self._last[name]
        key = f"watch:{path.resolve()}"
        mark = store.mark(key)
        if mark is not None and mark.content.startswith(f"{shape.digest} "):
            self._known[name] = shape
            return None
        taken: Take | None = None
        try:
            content = _hash(path)
        except OSError as error:
            return Take(name=name, report=None, problem=f"cannot be read ({error.strerror}); it is tried again")
        if mark is None or not mark.content.endswith(f" {content}"):
            try:
                taken = Take(name=name, report=read(path))
            except SourceError as error:
                taken = Take(name=name, report=None, problem=f"{error.problem}. {error.advice}")
                content = "refused"  # a later troth may know it: a new time on the file has it tried again
        if _shape(path) == shape:
            store.set_mark(key, Mark(content=f"{shape.digest} {content}", size=shape.size, position=shape.size))
            self._known[name] = shape
        return taken


def _shape(path: Path) -> Shape | None:
    """The shape of a file or folder; None where it is gone or no file of ours to read."""
    digest, size = hashlib.sha256(), 0
    for name, status in _statuses(path):
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\n".encode("utf-8", "replace"))
        size += status.st_size
    return Shape(size, digest.hexdigest()[:32]) if size else None


def _statuses(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    try:
        whole = path.lstat()
        if stat.S_ISREG(whole.st_mode):
            yield path.name, whole
        elif stat.S_ISDIR(whole.st_mode):
            for found in list_files(path):
                if not isinstance(found, Rejected):
                    yield str(found.path.relative_to(path)), found.path.lstat()
    except FileNotFoundError:
        return  # moved away while we looked


def _hash(path: Path) -> str:
    """SHA-256 over the names and bytes of all files of an export."""
    digest = hashlib.sha256()
    for name, _ in _statuses(path):
        digest.update(f"{name}\0".encode("utf-8", "replace"))
        with (path / name if path.is_dir() else path).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
