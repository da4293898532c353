"""The objects of a JSON document of any size, one at a time.

A document is cut at its brackets and strings first and each piece is parsed alone: memory is bounded by the largest
object (`LINE_LIMIT`), and one that is broken is handed back with its place while those after it are still read.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, cast

from troth.sources.blocks import Meter, read_blocks
from troth.sources.export import Export
from troth.sources.jsonl import LINE_LIMIT, Row, parse_row
from troth.sources.turns import Rejected

# Possessive, so that nothing is tried twice: a string, a bracket, or a quote whose string has not ended yet; what lies
# before the next bracket that counts.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|"', re.DOTALL)
_INSIDE: Final = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"|\[\]|\{\})*+', re.DOTALL)
_OPENING: Final = re.compile(rb"[{\[]*+")
_CLOSING: Final = re.compile(rb"[}\]]*+")
_STRING_END: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+(")?', re.DOTALL)
_OPEN: Final = b"{["


def read_items(
    export: Export, name: str, meter: Meter, *, under: str | None = None
) -> Iterator[tuple[str, Row] | Rejected]:
    """The objects of one member of an export, each with its place.

    Args:
        export: open.
        name: of the member.
        meter: told of what was read.
        under: the field of the outermost object whose list holds the objects; None: the document is a list of
            objects, one object, or several one after another.

    Returns: place and object; what is no object, is broken or larger than `LINE_LIMIT` is handed back as `Rejected`,
        and so is the rest of a member that stops being readable.
    """
    number = 0
    within = f"{name}, " if name else ""
    try:
        with export.open(name) as file:
            if export.size_of(name) <= LINE_LIMIT:
                data = b"".join(read_blocks(file, meter))
                found = _parse_whole(data, under) or split_items([data], under=under)
            else:
                found = split_items(read_blocks(file, meter), under=under)
            for piece in found:
                number += 1
                where = f"{within}item {number}"
                row = _as_row(piece)
                yield Rejected(position=where, reason=row) if isinstance(row, str) else (where, row)
    except OSError as error:
        yield Rejected(position=f"{within}after item {number}", reason=f"cannot be read: {error.strerror or error}")


def _parse_whole(data: bytes, under: str | None) -> list[object] | None:
    """The objects of a small document at once, five times as fast as in pieces; None where it is torn or another."""
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if under is not None:
        value = cast("Row", value).get(under) if isinstance(value, dict) else None
        return cast("list[object]", value) if isinstance(value, list) else None
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _as_row(piece: object) -> Row | str:
    """One piece, parsed or still to be, as its object, or the reason why it is none."""
    if piece is None:
        return f"longer than {LINE_LIMIT >> 20} MiB"
    if isinstance(piece, bytes):
        return parse_row(piece)
    return cast("Row", piece) if isinstance(piece, dict) else "no JSON object"


def read_lists(
    export: Export, name: str, meter: Meter, *, under: frozenset[str]
) -> Iterator[tuple[str, str, Row] | Rejected]:
    """The objects in several lists of the outermost objects of one member: the list's field, the place, the object.

    Places count within each list. Otherwise as `read_items`.
    """
    numbers: Counter[str] = Counter()
    within = f"{name}, " if name else ""
    try:
        with export.open(name) as file:
            for label, piece in split_lists(read_blocks(file, meter), under=under):
                numbers[label] += 1
                where = f"{within}{label or 'item'} {numbers[label]}"
                row = parse_row(piece) if piece is not None else f"longer than {LINE_LIMIT >> 20} MiB"
                yield Rejected(position=where, reason=row) if isinstance(row, str) else (label, where, row)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        yield Rejected(position=f"{within}after item {numbers.total()}", reason=reason)


def split_items(blocks: Iterable[bytes], *, under: str | None = None) -> Iterator[bytes | None]:
    """Cut a document into the texts of its objects; None for one longer than `LINE_LIMIT`.

    A document that ends too early gives the torn piece, or an empty one where it is torn between two objects.
    """
    for _, piece in split_lists(blocks, under=None if under is None else frozenset((under,))):
        yield piece


def split_lists(blocks: Iterable[bytes], *, under: frozenset[str] | None) -> Iterator[tuple[str, bytes | None]]:
    """As `split_items`, for the lists of several fields of the outermost objects, each piece behind its field."""
    cutter = _Cutter(under)
    for block in blocks:
        for piece in cutter.cut(block):
            yield cutter.field, piece
    for piece in cutter.rest():
        yield cutter.field, piece


class _Cutter:
    """Where the scanner stands: how deep, and where the piece in hand began."""

    def __init__(self, under: frozenset[str] | None) -> None:
        self._under = frozenset(b'"%s"' % name.encode() for name in under or ())
        self._level = 2 if under is not None else -1  # how many brackets stand around an item; -1: not known yet
        self._depth = 0
        self._inside = under is None  # of the list that holds the items
        self._label = b""  # the last string around the list
        self._held = b""  # from the beginning of the item, or of an unfinished string, on
        self._at = 0  # how much of it was scanned
        self._start = -1  # of the item within it
        self._too_long = False
        self._in_string = False  # of one that is too long to be held

    @property
    def field(self) -> str:
        """The field whose list holds the item in hand; "" where none was asked for."""
        return self._label[1:-1].decode(errors="replace") if self._label in self._under else ""

    def cut(self, block: bytes) -> Iterator[bytes | None]:
        data = self._held + block
        place = self._leave_string(data) if self._in_string else self._at
        while found := _TOKEN.search(data, self._pass_inside(data, place)):
            token, place = found.group(), found.end()
            if token == b'"':
                place = found.start()
                break
            if token[:1] == b'"':
                yield from self._string(token)
            elif token in _OPEN:
                self._open(token, found.start())
                place = self._dive(data, place)
            elif piece := self._close(data, place):
                yield from piece
            else:
                place = self._surface(data, place)
        else:
            place = len(data)
        self._keep(data, place)

    def _pass_inside(self, data: bytes, place: int) -> int:
        """Where the next bracket of the item in hand stands: its strings need no look."""
        found = _INSIDE.match(data, place) if self._start >= 0 else None
        return found.end() if found else place

    def _dive(self, data: bytes, place: int) -> int:
        """Past the brackets that open right here within an item, all at once: lists within lists cost no more."""
        found = _OPENING.match(data, place) if self._start >= 0 else None
        if found is None:
            return place
        self._depth += found.end() - place
        return found.end()

    def _surface(self, data: bytes, place: int) -> int:
        """Past the brackets that close right here and not yet the item itself."""
        found = _CLOSING.match(data, place) if self._start >= 0 else None
        if found is None:
            return place
        passed = min(found.end() - place, self._depth - self._level - 1)
        self._depth -= passed
        return place + passed

    def _leave_string(self, data: bytes) -> int:
        found = _STRING_END.match(data)
        if found is None:
            return 0
        self._in_string = found.group(1) is None
        return found.end()

    def _string(self, token: bytes) -> Iterator[bytes]:
        if self._depth == 1 and self._level == 2:
            self._label = token
        elif self._start < 0 and self._inside and not self._too_long and self._depth == max(self._level, 0):
            yield token  # a bare string where an object should be

    def _open(self, token: bytes, at: int) -> None:
        if self._level < 0:
            self._level = 1 if token == b"[" else 0
        elif self._level == 2 and self._depth == 1 and token == b"[" and self._label in self._under:
            self._inside = True
        if self._inside and self._depth == self._level and not self._too_long and self._start < 0:
            self._start = at
        self._depth += 1

    def _close(self, data: bytes, end: int) -> list[bytes | None]:
        self._depth = max(self._depth - 1, 0)
        if self._depth == self._level and (self._start >= 0 or self._too_long):
            piece = None if self._too_long else data[self._start : end]
            self._start, self._too_long = -1, False
            return [piece if piece is None or len(piece) <= LINE_LIMIT else None]
        if self._level == 2 and self._depth == 1:
            self._inside = False
        return []

    def _keep(self, data: bytes, place: int) -> None:
        """Hold what the next block may complete; of an item that is too long only the string in hand, if that."""
        begin = self._start if self._start >= 0 else place
        if len(data) - begin > LINE_LIMIT + 1:
            self._too_long = self._too_long or self._start >= 0
            self._in_string = self._in_string or len(data) - place > LINE_LIMIT
            begin = len(data) - _ends_escaping(data) if self._in_string else place
            place, self._start = max(begin, place), -1
        elif self._start >= 0:
            self._start = 0
        self._held, self._at = data[begin:], place - begin

    def rest(self) -> Iterator[bytes | None]:
        if self._too_long:
            yield None
        elif self._start >= 0:
            yield self._held[self._start :]
        elif self._depth or self._held.strip():
            yield b""  # torn between two objects, or something that is no JSON


def _ends_escaping(data: bytes) -> bool:
    """Whether the last byte is a backslash that escapes what comes next."""
    return (len(data) - len(data.rstrip(b"\\"))) % 2 == 1
