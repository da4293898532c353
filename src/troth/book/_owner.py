"""One owner per book: a lock file beside it that says who holds it.

DuckDB locks its file too, but not against a second database object in the same process, and its message names the
program alone. The kernel drops a lock with its process, so a killed owner leaves nothing that blocks.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
from pathlib import Path

from troth.errors import BookBusy, BookError

_LONGEST_COMMAND = 300  # characters


class Owner:
    """This process as the owner of one book, until released."""

    def __init__(self, book: Path) -> None:
        """Take the lock.

        Raises: BookBusy naming process and command that hold it; BookError where no lock can be taken.
        """
        self._path = book.with_name(book.name + ".lock")
        self._file = self._take(book)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, _this_process().encode(errors="replace"), 0)

    def release(self) -> None:
        """Let the next one in."""
        if self._file >= 0:
            self._path.unlink(missing_ok=True)  # before the lock goes: whoever waits for this file looks again
            os.close(self._file)
            self._file = -1

    def _take(self, book: Path) -> int:
        while True:
            try:
                file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise BookError(f"{book} cannot be opened: {error.strerror}. Name another file with --book.") from error
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_still_there(file):
                    return file
            except BlockingIOError as error:
                holder = os.pread(file, 4096, 0).decode(errors="replace")
                os.close(file)
                raise BookBusy(str(book), holder or "another process") from error
            except OSError as error:
                os.close(file)
                raise BookError(f"{book} cannot be locked: {error.strerror}. Keep the book on a local disk.") from error
            os.close(file)

    def _is_still_there(self, file: int) -> bool:
        """Whether the locked file is the one that others will find, and not one its last owner took away."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False


def _this_process() -> str:
    return describe_process(os.getpid(), shlex.join(sys.orig_argv))


def describe_process(pid: int, command: str) -> str:
    """A process as a message names it, in one line."""
    command = " ".join(command.split())
    shown = command if len(command) <= _LONGEST_COMMAND else command[:_LONGEST_COMMAND] + "..."
    return f"process {pid} ({shown})" if shown else f"process {pid}"


def command_of(pid: int) -> str:
    """The command line of a running process; empty where the system does not say."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return shlex.join(word.decode(errors="replace") for word in words if word)
