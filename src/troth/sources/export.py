"""One export, whatever it came as: a file, a folder or a zip archive, seen as named members.

An archive is never unpacked to disk, and one that could harm whoever reads it is refused before its first member is.
"""

from __future__ import annotations

import errno
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Literal, NamedTuple

from troth.errors import SourceError
from troth.sources.blocks import Meter
from troth.sources.folders import list_files
from troth.sources.turns import Rejected
from troth.told import Told

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LOOK: Final = 65_536  # bytes of a member that are looked at to tell what it is
MOST_MEMBERS: Final = 50_000  # of an archive: the largest Slack export has a file for each day of each channel
_MOST_UNPACKED: Final = 8 << 30  # bytes
_MOST_SQUEEZED: Final = 200  # times its packed size; text packs ten times, a bomb a thousand times
_SMALL: Final = 1 << 20  # bytes below which a member may be squeezed as much as it likes
_SMALL_IN_ALL: Final = 64 << 20
_ENTRY_MOST: Final = 300  # bytes of a member's entry in the directory, on average
# The end of a zip archive: APPNOTE.TXT of PKWARE, 4.3.14 to 4.3.16.
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_END_MOST: Final = 65_557  # bytes from the end within which an archive's end record lies
_LOCATOR: Final = b"PK\x06\x07"
_LOCATOR_SIZE: Final = 20
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000  # flag bits: the member, strongly, the directory
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # LZMA may ask for 4 GiB at once
_TORN: Final = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError, ValueError, struct.error)

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

    def size_of(self, name: str) -> int:
        """Bytes of one member; 0 where there is none of this name."""
        return self._sizes.get(name, 0)

    def holds(self, name: str) -> bool:
        """Whether there is a member of this name."""
        return name in self._sizes

    def look(self, name: str = "", size: int = LOOK) -> bytes:
        """The first bytes of a member; empty where there is no such member or it cannot be read."""
        if not self.holds(name):
            return b""
        try:
            with self.open(name) as file:
                return file.read(size)
        except OSError:
            return b""

    @contextmanager
    def open(self, name: str = "", *, meter: Meter | None = None) -> Generator[BinaryIO]:
        """A member as a stream of bytes; `meter`, where given, is told how much of it was read at the end.

        Raises: OSError when it cannot be read, or this part of an archive is torn, here or while it is read.
        """
        with self._raw(name) as file:
            yield file
        if meter is not None:
            meter.advance(self._sizes[name])

    def close(self) -> None:
        """Let go of the file. Closing twice is fine."""
        if self._zip is not None:
            self._zip.close()

    def _raw(self, name: str) -> BinaryIO:
        if self._zip is None:
            return (self.path / name if name else self.path).open("rb")
        try:
            return io.BufferedReader(_Unpacked(self._zip.open(name)))
        except _TORN as error:
            raise _torn(error) from error

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
                try:
                    return "zip", tuple(self._list_zip(self._zip, status.st_size))
                except SourceError:
                    self.close()
                    raise
        except FileNotFoundError as error:
            raise SourceError(str(path), "does not exist", "Check the name.") from error
        except OSError as error:
            problem = Told("cannot be opened ({problem})", problem=error.strerror or error)
            raise SourceError(str(path), problem, "Check that you may read it.") from error
        return "file", (Member("", status.st_size),)

    def _folder(self) -> Iterator[Member]:
        for found in list_files(self.path):
            if isinstance(found, Rejected):
                self.unread.append(found)
            else:
                yield Member(found.path.relative_to(self.path).as_posix(), found.size)

    def _list_zip(self, archive: zipfile.ZipFile, size: int) -> list[Member]:
        infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
        _refuse_harm(infos, str(self.path), size)
        found: dict[str, Member] = {}
        for info in infos:
            mode = info.external_attr >> 16
            if not PurePosixPath(info.filename).parts:
                self.unread.append(Rejected(position="a member", reason="without a name"))
            elif stat.S_IFMT(mode) and not stat.S_ISREG(mode):
                self.unread.append(Rejected(position=info.filename, reason="a link or device: not followed"))
            elif info.compress_type not in _METHODS:
                self.unread.append(Rejected(position=info.filename, reason="packed by a method that is not read"))
            else:
                if info.filename in found:
                    self.unread.append(Rejected(position=info.filename, reason="twice in the archive: the last counts"))
                found[info.filename] = Member(info.filename, info.file_size)
        return sorted(found.values())


class _Unpacked(io.RawIOBase):
    """A member of an archive, whose every kind of damage is an OSError."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__()
        self._packed = packed

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Unpack as much as fits."""
        room = memoryview(buffer).cast("B")
        try:
            data = self._packed.read(len(room))
        except _TORN as error:
            raise _torn(error) from error
        room[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the archive."""
        self._packed.close()
        super().close()


def _torn(error: Exception) -> OSError:
    return OSError(errno.EIO, f"damaged archive: {error}")


def _open_zip(path: Path, size: int) -> zipfile.ZipFile:
    # Looked at before the directory is read: Python would make an object for each of a hundred million entries.
    with path.open("rb") as file:
        if _directory_size(file, size) > MOST_MEMBERS * _ENTRY_MOST:
            raise SourceError(str(path), "is a zip archive with too many members", "Unpack it and name what is inside.")
    try:
        return zipfile.ZipFile(path)
    except (*_TORN, LookupError, OverflowError) as error:
        raise SourceError(
            str(path), Told("is a damaged zip archive ({error})", error=error), "Download it again."
        ) from error


def _directory_size(file: BinaryIO, size: int) -> int:
    """Bytes of an archive's directory as Python will believe them; 0 where there is no end record."""
    file.seek(max(0, size - _END_MOST))
    tail = file.read(_END_MOST)
    at = len(tail) - _END_SIZE
    if not (tail.startswith(_END, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    if at < 0:
        return 0
    located = tail[max(0, at - _LOCATOR_SIZE) : at]
    if not located.startswith(_LOCATOR):
        return int.from_bytes(tail[at + 12 : at + 16], "little")
    # The large form: its record says so in eight bytes, and stands before the locator.
    file.seek(max(0, size - len(tail) + at - _LOCATOR_SIZE - 56))
    return int.from_bytes(file.read(48)[40:], "little")


def _refuse_harm(infos: list[zipfile.ZipInfo], path: str, size: int) -> None:
    unpack, doubt = "Unpack it and name what is inside.", "Do not trust where it came from."
    unpacked = sum(info.file_size for info in infos)
    if not infos:
        raise SourceError(path, "is an empty zip archive", "Export it again, or name another file.")
    if len(infos) > MOST_MEMBERS:
        raise SourceError(path, Told("is a zip archive with {infos} members", infos=len(infos)), unpack)
    for info in infos:
        if not _stays_inside(info.filename):
            raise SourceError(path, "is a zip archive whose names lead out of it", doubt)
        if info.flag_bits & _ENCRYPTED:
            raise SourceError(path, "is an encrypted zip archive", "Unpack it with its password first.")
        if info.file_size > max(_SMALL, _MOST_SQUEEZED * info.compress_size):
            raise SourceError(path, "is a zip archive squeezed beyond belief", doubt)
    if unpacked > max(_SMALL_IN_ALL, _MOST_SQUEEZED * size):
        raise SourceError(path, "is a zip archive squeezed beyond belief", doubt)
    if sum(info.compress_size for info in infos) > size:
        raise SourceError(path, "is a zip archive whose members claim more bytes than it has", doubt)
    if unpacked > _MOST_UNPACKED:
        raise SourceError(path, Told("is a zip archive of {size} GiB", size=unpacked >> 30), unpack)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.is_absolute() and ".." not in path.parts and path.as_posix()[1:2] != ":"
