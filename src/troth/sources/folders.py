"""The files of a folder of mails, in one order, links not followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from troth.sources.turns import Rejected

MAILDIR_SIDES: Final = ("cur", "new")  # a maildir's tmp holds what is still being delivered


class Found(NamedTuple):
    """One regular file of a folder."""

    path: Path
    size: int


def list_files(root: Path) -> Iterator[Found | Rejected]:
    """Every file under `root`, sorted by name within each folder; what cannot be read is named with the reason."""
    unreadable: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=unreadable.append):
        folders.sort()
        for error in unreadable:
            yield Rejected(position=_inside(root, str(error.filename)), reason=f"cannot be opened: {error.strerror}")
        unreadable.clear()
        for name in sorted(names):
            path = Path(folder, name)
            try:
                status = path.lstat()
            except OSError as error:
                yield Rejected(position=_inside(root, str(path)), reason=f"cannot be opened: {error.strerror}")
                continue
            if stat.S_ISREG(status.st_mode):
                yield Found(path, status.st_size)
            else:
                yield Rejected(position=_inside(root, str(path)), reason="a link or device: not followed")


def list_maildir(root: Path) -> Iterator[Found | Rejected]:
    """The mails of a maildir and of the maildirs in it."""
    for found in list_files(root):
        if isinstance(found, Rejected) or found.path.parent.name in MAILDIR_SIDES:
            yield found


def is_draft(path: Path) -> bool:
    """Whether a maildir file's flags (after ":2,") say that it was never sent."""
    return "D" in path.name.rpartition(":2,")[2] and ":2," in path.name


def _inside(root: Path, path: str) -> str:
    return os.path.relpath(path, root)
