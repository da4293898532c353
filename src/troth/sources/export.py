"""One export, whatever it came as: a file, a folder or a zip archive, seen as named members.

An archive is never unpacked to disk, and one that could harm whoever reads it is refused before its first member is.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal, NamedTuple

from troth.errors import SourceError
from troth.sources.blocks import Meter
from troth.sources.folders import list_files
from troth.sources.turns import Rejected

LOOK: Final = 65_536  # bytes of a member that are looked at to tell what it is
MOST_MEMBERS: Final = 50_000  # of an archive: the largest Slack export has a file for each day of each channel
_MOST_UNPACKED: Final = 8 << 30  # bytes
_MOST_SQUEEZED: Final = 200  # times its packed size; text packs ten times, a bomb a thousand times
_SMALL: Final = 1 << 20  # bytes below which a member may be squeezed as much as it likes
_END: Final = b"PK\x05\x06"
_END_MOST: Final = 65_557  # bytes from the end within which an archive's end record lies

Kind = Literal["file", "folder", "zip"]


class Member(NamedTuple):
    """One file of an export: its name, with forward slashes, and its size in bytes; a lone file has the name ""."""

    name: str
    size: int


class Export:
    """A file, folder or zip archive, open for reading.

    Attributes:
        path: where it lies.
        kind: file, folder or zip.
        members: its files, in the order of their names.
        unread: what cannot be read of it, with the reason: links, unreadable files.

    Raises: SourceError when nothing is there, it may not be read, or it is an archive that is refused.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.unread: list[Rejected] = []
        self._zip: zipfile.ZipFile | None = None
        self.kind, self.members = self._open()
        self._sizes = dict(self.members)

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(self._sizes.values())

    @property
    def names(self) -> list[str]:
        """The members' names, in order."""
        return list(self._sizes)

    def holds(self, name: str) -> bool:
        """Whether there is a member of this name."""
        return name in self._sizes

    def look(self, name: str = "", size: int = LOOK) -> bytes:
        """The first bytes of a member; empty where there is no such member or it cannot be read."""
        if not self.holds(name):
            return b""
        try:
            with self._raw(name) as file:
                return file.read(size)
        except (OSError, RuntimeError, EOFError, NotImplementedError, zipfile.BadZipFile):
            return b""

    @contextmanager
    def open(self, name: str = "", *, meter: Meter | None = None) -> Generator[IO[bytes]]:
        """A member as a stream of bytes; `meter`, where given, is told how much of it was read at the end.

        Raises: OSError when it cannot be read, or a part of an archive is torn.
        """
        try:
            with self._raw(name) as file:
                yield file
        except (zipfile.BadZipFile, RuntimeError, EOFError, NotImplementedError) as error:
            raise OSError(0, f"damaged archive: {error}") from error
        if meter is not None:
            meter.advance(self._sizes[name])

    def close(self) -> None:
        """Let go of the file. Closing twice is fine."""
        if self._zip is not None:
            self._zip.close()

    def _raw(self, name: str) -> IO[bytes]:
        if self._zip is not None:
            return self._zip.open(name)
        return (self.path / name if name else self.path).open("rb")

    def _open(self) -> tuple[Kind, tuple[Member, ...]]:
        path = self.path
        if "\0" in str(path):
            raise SourceError(repr(str(path)), "is no file name", "Check the name.")
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                return "folder", tuple(self._folder())
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(str(path), "is neither a file nor a folder", "Save the export to a file and name it.")
            with path.open("rb") as file:
                magic = file.read(4)
            if magic.startswith((b"PK\x03\x04", _END)):
                self._zip = _open_zip(path, status.st_size)
                return "zip", tuple(_list_zip(self._zip, str(path)))
        except FileNotFoundError as error:
            raise SourceError(str(path), "does not exist", "Check the name.") from error
        except OSError as error:
            problem = f"cannot be opened ({error.strerror or error})"
            raise SourceError(str(path), problem, "Check that you may read it.") from error
        return "file", (Member("", status.st_size),)

    def _folder(self) -> Iterator[Member]:
        for found in list_files(self.path):
            if isinstance(found, Rejected):
                self.unread.append(found)
            else:
                yield Member(found.path.relative_to(self.path).as_posix(), found.size)


def _open_zip(path: Path, size: int) -> zipfile.ZipFile:
    with path.open("rb") as file:
        file.seek(max(0, size - _END_MOST))
        tail = file.read()
    at = tail.rfind(_END)
    # Counted before the directory is read: Python would make an object for each of a hundred million entries.
    if at >= 0 and int.from_bytes(tail[at + 12 : at + 16], "little") > MOST_MEMBERS * 300:
        raise SourceError(str(path), "is a zip archive with too many members", "Unpack it and name what is inside.")
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise SourceError(str(path), f"is a damaged zip archive ({error})", "Download it again.") from error


def _list_zip(archive: zipfile.ZipFile, path: str) -> list[Member]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    unpacked = sum(info.file_size for info in infos)
    if not infos:
        raise SourceError(path, "is an empty zip archive", "Export it again, or name another file.")
    if len(infos) > MOST_MEMBERS:
        raise SourceError(path, f"is a zip archive with {len(infos)} members", "Unpack it and name what is inside.")
    if unpacked > _MOST_UNPACKED:
        raise SourceError(path, f"is a zip archive of {unpacked >> 30} GiB", "Unpack it and name what is inside.")
    for info in infos:
        if not _stays_inside(info.filename):
            raise SourceError(path, "is a zip archive whose names lead out of it", "Do not trust where it came from.")
        if info.flag_bits & 0x1:
            raise SourceError(path, "is an encrypted zip archive", "Unpack it with its password first.")
        if info.file_size > max(_SMALL, _MOST_SQUEEZED * info.compress_size):
            raise SourceError(path, "is a zip archive squeezed beyond belief", "Do not trust where it came from.")
    return sorted(Member(info.filename, info.file_size) for info in infos)


def _stays_inside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and ":" not in parts[0]
