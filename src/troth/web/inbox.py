"""What was sent to be read: a private folder beside the book, from which every file goes as soon as it was read."""

from __future__ import annotations

import shutil
import tempfile
import threading
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from troth.web.sessions import make_secret

_LONGEST: Final = 100  # characters of a name
_PLAIN: Final = frozenset("-_. ()+@=,")


class Inbox:
    """The folder `.<book>.inbox`; for a book in memory one of the system's, which goes with the process.

    Args:
        path: of the book.
    """

    def __init__(self, path: str) -> None:
        self._is_kept = path != ":memory:" and "://" not in path
        self._place = Path(path).with_name(f".{Path(path).name}.inbox") if self._is_kept else None
        self._lock = threading.Lock()

    def make(self) -> str:
        """A new folder, which nobody else may look into; its name."""
        name = make_secret()[:22].lstrip("-")
        folder = self._open() / name
        folder.mkdir(mode=0o700)
        return name

    def folder(self, name: str) -> Path:
        """The folder of this name, which need not be there any more."""
        return self._open() / Path(name).name

    def drop(self, name: str) -> None:
        """Delete a folder with all that is in it."""
        if name and self._place is not None:
            shutil.rmtree(self._place / Path(name).name, ignore_errors=True)

    def sweep(self, kept: Iterable[str] = ()) -> None:
        """Delete every folder but these, and the inbox where none is left."""
        names = set(kept)
        if self._place is None or not self._place.is_dir():
            return
        for each in self._place.iterdir():
            if each.name not in names:
                shutil.rmtree(each, ignore_errors=True)
        if not any(self._place.iterdir()):
            self._place.rmdir()

    def close(self, kept: Iterable[str] = ()) -> None:
        """Leave behind only what unfinished jobs need; of a book in memory, nothing."""
        self.sweep(kept if self._is_kept else ())

    def _open(self) -> Path:
        with self._lock:
            if self._place is None:
                self._place = Path(tempfile.mkdtemp(prefix="troth-inbox-"))
            self._place.mkdir(mode=0o700, exist_ok=True)
            return self._place


def name_file(given: str, taken: Iterable[str] = ()) -> str:
    """What a file that somebody sent is called on disk: their name, without anything that a path could mean.

    The name stays because some exports are told by it, and turns carry it as their source: the same file read by a
    command is then the same.

    Args:
        given: as the browser says it.
        taken: names that other files of the folder have.
    """
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    plain = "".join(one if one.isalnum() or one in _PLAIN else "_" for one in last).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = plain, "", ""
    name = base = f"{_cut(stem)}{dot}{ending}" or "file"
    others, number = {one.casefold() for one in taken}, 1
    while name.casefold() in others:
        number += 1
        name = f"{number} {base}"
    return name


def _cut(stem: str) -> str:
    """At most so many bytes as every file system takes, never half a letter."""
    return stem.encode()[: 2 * _LONGEST].decode(errors="ignore")[:_LONGEST]
