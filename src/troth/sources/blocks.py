"""A file as blocks of whole lines, so that nothing larger than two blocks is ever held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Final

BLOCK: Final = 1 << 20  # bytes
_BOM: Final = b"\xef\xbb\xbf"

Progress = Callable[[int, int], None]


class Meter:
    """Counts bytes read and tells them on, at most once a block, never more than the total, never backwards."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._done = self._told = 0

    def advance(self, count: int) -> None:
        """`count` more bytes were read."""
        self._done = min(self._done + count, self._total)
        if self._progress and self._done - self._told >= BLOCK:
            self._told = self._done
            self._progress(self._done, self._total)

    def finish(self) -> None:
        """Everything was read, whatever became of the file's size meanwhile."""
        if self._progress:
            self._progress(self._total, self._total)


def read_blocks(file: IO[bytes], meter: Meter) -> Iterator[bytes]:
    """Blocks that end where a line ends, line ends made LF, a byte order mark left out.

    A line longer than a block comes in pieces without a line end.
    """
    tail = b""
    start = True
    while chunk := file.read(BLOCK):
        meter.advance(len(chunk))
        if start:
            chunk, start = chunk.removeprefix(_BOM), False
        block = tail + chunk
        cut = block.rfind(b"\n") + 1
        if not cut and len(block) >= BLOCK:
            cut = len(block) - block.endswith(b"\r")
        tail = block[cut:]
        if cut:
            yield _with_plain_ends(block[:cut])
    if tail:
        yield _with_plain_ends(tail)


def _with_plain_ends(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data
