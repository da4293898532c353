"""One message, in pieces, to its parts: one pass, bounded memory, whatever stands in it.

Only what can become the body is kept: text/plain and text/html, up to `KEPT_LIMIT` bytes a part and
`MESSAGE_LIMIT` a message. Everything else is passed over where it stands, so a message of gigabytes costs the time
to read it and no memory. The standard parser holds all of it, and raises RecursionError on 1,200 nested multiparts.
Standard: RFC 2046, section 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from troth.sources.headers import read_parameters, split_header

KEPT_LIMIT: Final = 2_000_000  # bytes of one part, still encoded
MESSAGE_LIMIT: Final = 4_000_000  # bytes of all parts of one message
HEADER_LIMIT: Final = 262_144  # bytes of one header block
DEPTH_LIMIT: Final = 32  # multiparts inside each other
PART_LIMIT: Final = 1_000
_CUT_LINE: Final = 1_000  # bytes kept of a field's first line past the limit
_BOUNDARY_LIMIT: Final = 256  # RFC 2046 allows 70 characters

HEADER_CUT: Final = "header longer than 256 KiB: the rest left out"
TEXT_CUT: Final = "text longer than 1,000,000 characters: the rest left out"
TOO_DEEP: Final = "multiparts nested deeper than 32: the inner ones left out"
TOO_MANY: Final = "more than 1,000 parts: the rest left out"

_PART_FIELDS: Final = frozenset({b"content-type", b"content-disposition", b"content-transfer-encoding"})


@dataclass(slots=True, kw_only=True)
class Part:
    """One part: what its header says, its children if it is a multipart, else what was kept of its content."""

    kind: str = "text/plain"
    charset: str | None = None
    encoding: str = ""
    attached: bool = False
    name: str = ""
    report: str = ""
    content: list[bytes] = field(default_factory=list[bytes])
    children: list[Part] = field(default_factory=list["Part"])

    @property
    def is_text(self) -> bool:
        """Whether the content may belong to the body."""
        return self.kind in ("text/plain", "text/html") and not self.attached


class _Crossing(NamedTuple):
    """A boundary line: data[start:end], the level of its multipart, and whether it closes that."""

    start: int
    end: int
    level: int
    closing: bool


class MessageScanner:
    """Takes the bytes of one message piece by piece (line ends made LF) and builds its tree of parts."""

    def __init__(self, wanted: frozenset[bytes]) -> None:
        self.fields: dict[bytes, list[bytes]] = {}
        self.notes: set[str] = set()
        self.root = Part()
        self.size = 0
        self._wanted = wanted | _PART_FIELDS
        self._header: bytearray | None = bytearray()
        self._current: Part | None = self.root
        self._open: list[tuple[bytes, Part]] = []  # boundaries that may come next, outermost first
        self._levels: dict[bytes, int] = {}
        self._room = 0
        self._message_room = MESSAGE_LIMIT
        self._parts = 1
        self._at_line_start = True

    def feed(self, data: bytes) -> None:
        """Take the next piece; cut anywhere between lines, or inside a line longer than a block."""
        self.size += len(data)
        self._walk(data)

    def close(self) -> None:
        """The message ends here: a header still open is one without a body."""
        if self._header is not None:
            self._end_header()

    def _walk(self, data: bytes) -> None:
        place = 0
        while place < len(data):
            place = self._read_header(data, place) if self._header is not None else self._read_body(data, place)
        if data:
            self._at_line_start = data.endswith(b"\n")

    def _read_header(self, data: bytes, place: int) -> int:
        blank, crossing = self._find_header_end(data, place)
        limit = crossing.start if crossing else len(data)
        self._add_header(data[place : blank if blank >= 0 else limit], fresh=self._starts_line(data, place))
        if blank >= 0:
            self._end_header()
            return blank + 1
        if crossing:
            self._end_header()
            self._cross(crossing)
            return crossing.end
        return len(data)

    def _find_header_end(self, data: bytes, place: int) -> tuple[int, _Crossing | None]:
        """Where the blank line after a header stands, or -1; a boundary line that comes first, or None."""
        fresh = self._starts_line(data, place)
        if not self._open:
            if fresh and data.startswith(b"\n", place):
                return place, None
            return data.find(b"\n\n", place) + 1 or -1, None
        # Line by line: searching the rest for one and for the other would look at it again for every part.
        line = place if fresh else data.find(b"\n", place) + 1 or len(data)
        while line < len(data):
            if data.startswith(b"\n", line):
                return line, None
            if data.startswith(b"--", line) and (crossing := self._match_boundary(data, line)):
                return -1, crossing
            line = data.find(b"\n", line) + 1 or len(data)
        return -1, None

    def _add_header(self, piece: bytes, *, fresh: bool) -> None:
        """Take more of a header; past the limit only the first lines of fields, or one huge field hides the others."""
        header = self._header
        if header is None:
            return
        room = max(HEADER_LIMIT - len(header), 0)
        header += piece[:room]
        if len(piece) <= room:
            return
        self.notes.add(HEADER_CUT)
        lines = piece[room:].split(b"\n")
        for line in lines if fresh and not room else lines[1:]:
            if line and not line.startswith((b" ", b"\t")) and len(header) < 2 * HEADER_LIMIT:
                header += b"\n" + line[:_CUT_LINE]

    def _end_header(self) -> None:
        block = bytes(self._header or b"")
        self._header = None
        at_root = self._current is self.root
        header = split_header(block, self._wanted if at_root else _PART_FIELDS)
        if at_root:
            self.fields = header.fields
        part = self._current
        if part is not None:
            self._describe(part, header.fields)
        if header.body_at >= 0:
            line_start, self._at_line_start = self._at_line_start, True
            self._walk(block[header.body_at :] + b"\n")
            self._at_line_start = line_start

    def _describe(self, part: Part, fields: dict[bytes, list[bytes]]) -> None:
        boundary = ""
        if values := fields.get(b"content-type"):
            value, named = read_parameters(values[0])
            if value.count("/") == 1:
                part.kind = value
            part.charset, part.name = named.get("charset"), named.get("name", "")
            part.report = named.get("report-type", "").lower()
            boundary = named.get("boundary", "").rstrip()
        if values := fields.get(b"content-disposition"):
            value, named = read_parameters(values[0])
            part.attached = value == "attachment"
            part.name = named.get("filename", "") or part.name
        if values := fields.get(b"content-transfer-encoding"):
            part.encoding = values[0].strip().lower().decode("ascii", "replace")
        if part.kind.startswith("multipart/"):
            self._open_multipart(part, boundary.encode("utf-8", "replace"))
        else:
            self._room = min(KEPT_LIMIT, self._message_room) if part.is_text else 0

    def _open_multipart(self, part: Part, boundary: bytes) -> None:
        if not boundary or len(boundary) > _BOUNDARY_LIMIT - 4:
            part.kind = "text/plain"  # as the standard library: without a boundary it is one part
            self._room = min(KEPT_LIMIT, self._message_room)
            return
        self._current = None
        if len(self._open) >= DEPTH_LIMIT:
            self.notes.add(TOO_DEEP)
        elif boundary not in self._levels:
            self._levels[boundary] = len(self._open)
            self._open.append((boundary, part))

    def _read_body(self, data: bytes, place: int) -> int:
        if not self._open:
            self._keep(data, place, len(data))
            return len(data)
        crossing = self._find_boundary(data, place)
        if crossing is None:
            self._keep(data, place, len(data))
            return len(data)
        self._keep(data, place, crossing.start)
        self._cross(crossing)
        return crossing.end

    def _keep(self, data: bytes, start: int, end: int) -> None:
        part = self._current
        if part is None or not part.is_text or end <= start:
            return
        if end - start > self._room:
            self.notes.add(TEXT_CUT)
            end = start + self._room
        if end > start:
            part.content.append(data[start:end])
            self._room -= end - start
            self._message_room -= end - start

    def _find_boundary(self, data: bytes, place: int) -> _Crossing | None:
        start = place if self._starts_line(data, place) else data.find(b"\n--", place) + 1 or -1
        while start >= 0:
            if data.startswith(b"--", start) and (crossing := self._match_boundary(data, start)):
                return crossing
            start = data.find(b"\n--", start) + 1 or -1
        return None

    def _match_boundary(self, data: bytes, start: int) -> _Crossing | None:
        """The boundary line at `start`, if the line there is one that may come now."""
        stop = data.find(b"\n", start, start + _BOUNDARY_LIMIT)
        end = stop + 1 if stop >= 0 else min(start + _BOUNDARY_LIMIT, len(data))
        line = data[start + 2 : end].rstrip()
        if line in self._levels:
            return _Crossing(start, end, self._levels[line], closing=False)
        if line.endswith(b"--") and line[:-2] in self._levels:
            return _Crossing(start, end, self._levels[line[:-2]], closing=True)
        return None

    def _cross(self, crossing: _Crossing) -> None:
        """Leave everything deeper than the multipart of this boundary, and begin its next part unless it closes."""
        level, closing = crossing.level, crossing.closing
        _, multipart = self._open[level]
        for boundary, _ in self._open[level + (not closing) :]:
            del self._levels[boundary]
        del self._open[level + (not closing) :]
        self._current = None
        if closing:
            return
        if self._parts >= PART_LIMIT:
            self.notes.add(TOO_MANY)
            return
        self._parts += 1
        part = Part(kind="message/rfc822" if multipart.kind == "multipart/digest" else "text/plain")
        multipart.children.append(part)
        self._current, self._header = part, bytearray()

    def _starts_line(self, data: bytes, place: int) -> bool:
        return data.startswith(b"\n", place - 1) if place else self._at_line_start
