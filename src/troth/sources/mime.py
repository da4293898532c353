"""One message, in pieces, to its parts: one pass, bounded memory, whatever stands in it.

Only what can become the body is kept: text/plain and text/html, up to `KEPT_LIMIT` bytes a part and
`MESSAGE_LIMIT` a message. Everything else is passed over where it stands, so a message of gigabytes costs the time
to read it and no memory. The standard parser holds all of it, and raises RecursionError on 1,200 nested multiparts.
Standard: RFC 2046, section 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from troth.sources.headers import read_parameters, split_header

KEPT_LIMIT: Final = 2_000_000  # bytes of one part, still encoded
MESSAGE_LIMIT: Final = 4_000_000  # bytes of all parts of one message
HEADER_LIMIT: Final = 262_144  # bytes of one header block
DEPTH_LIMIT: Final = 32  # multiparts inside each other
PART_LIMIT: Final = 1_000
_BOUNDARY_LIMIT: Final = 256  # RFC 2046 allows 70 characters

HEADER_CUT: Final = "header longer than 256 KiB: the rest left out"
TEXT_CUT: Final = "text longer than 1,000,000 characters: the rest left out"
TOO_DEEP: Final = "multiparts nested deeper than 32: the inner ones left out"
TOO_MANY: Final = "more than 1,000 parts: the rest left out"

_NOWHERE: Final = (-1, 0, False, 0)
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
        # The boundary is looked for first: the blank line after it may be far, and each part would look for it again.
        cut, level, closing, line_end = self._find_boundary(data, place, len(data)) if self._open else _NOWHERE
        limit = cut if cut >= 0 else len(data)
        if data.startswith(b"\n", place) and self._starts_line(data, place):
            blank = place
        else:
            blank = data.find(b"\n\n", place, limit) + 1 or -1
        self._add_header(data[place : blank if blank >= 0 else limit])
        if blank >= 0:
            self._end_header()
            return blank + 1
        if cut >= 0:
            self._end_header()
            self._cross(level, closing=closing)
            return line_end
        return len(data)

    def _add_header(self, piece: bytes) -> None:
        header = self._header
        if header is None:
            return
        room = HEADER_LIMIT - len(header)
        if len(piece) > room:
            self.notes.add(HEADER_CUT)
        header += piece[: max(room, 0)]

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
        start, level, closing, line_end = self._find_boundary(data, place, len(data))
        if start < 0:
            self._keep(data, place, len(data))
            return len(data)
        self._keep(data, place, start)
        self._cross(level, closing=closing)
        return line_end

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

    def _find_boundary(self, data: bytes, place: int, limit: int) -> tuple[int, int, bool, int]:
        """The next boundary line in data[place:limit]: where it starts, its level, closing or not, where it ends."""
        start = place if self._starts_line(data, place) else data.find(b"\n--", place, limit) + 1 or -1
        while 0 <= start < limit:
            if data.startswith(b"--", start):
                stop = data.find(b"\n", start, start + _BOUNDARY_LIMIT)
                line = data[start + 2 : stop if stop >= 0 else start + _BOUNDARY_LIMIT].rstrip()
                after = stop + 1 if stop >= 0 else min(start + _BOUNDARY_LIMIT, len(data))
                if line in self._levels:
                    return start, self._levels[line], False, after
                if line.endswith(b"--") and line[:-2] in self._levels:
                    return start, self._levels[line[:-2]], True, after
            start = data.find(b"\n--", start, limit) + 1 or -1
        return _NOWHERE

    def _cross(self, level: int, *, closing: bool) -> None:
        """Leave everything deeper than the multipart of this boundary, and begin its next part unless it closes."""
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
