"""Where one message of an mbox ends and the next begins.

A message begins at a line "From somebody date" that follows a blank line (or opens the file) and is itself followed
by a header field. The standard library cuts at any line that starts with "From ", and so inside messages whose
writer did not quote it. Forms met: `From a@b Thu Nov  1 11:19:12 2001` (Unix), `From 17@xxx Sat Nov 22 03:09:00
+0000 2026` (Gmail Takeout), `From - Sat Nov 22 ...` (Thunderbird), `From a at b  Thu ...` (pipermail).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Final

import re2

_LINE_LIMIT: Final = 1_000  # bytes in which a separator, and the name of the field after it, must fit
_DAY: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2})?"
_SEPARATOR: Final = re2.compile(
    (
        rf"^From .*\b{_DAY},? +(?:{_MONTH} +\d{{1,2}} +{_CLOCK}(?: +\S{{1,10}}){{0,2}} +\d{{4}}"
        rf"|\d{{1,2}} +{_MONTH} +\d{{4}} +{_CLOCK})"
    ).encode()
)
_FIELD: Final = re2.compile(rb"^(?:>?From |[\x21-\x39\x3b-\x7e]{1,100}[ \t]*:)")
_QUOTED_FROM: Final = re2.compile(rb"(?m)^>(>*From )")


def is_field(line: bytes) -> bool:
    """Whether a line looks like the first of a header field."""
    return _FIELD.search(line[:_LINE_LIMIT]) is not None


def unquote_from(text: bytes) -> bytes:
    """Take back the ">" that mbox writers put before "From " at the start of a line."""
    return _QUOTED_FROM.sub(rb"\1", text) if b">From " in text else text


def split_mbox(blocks: Iterator[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Cut blocks of whole lines where messages begin.

    Yields (True, the first piece of a message, its separator line included), then (False, more of it) as needed.
    What stands before the first separator comes as (False, ...).
    """
    held = b""
    before = b"\n\n"  # the two bytes before `data`: the opening of a file counts as following a blank line
    dateless: int | None = None  # words of a first separator without a date, as some programs write them all
    opening = True
    for block in chain(blocks, (b"",)):
        data = held + block
        held = b""
        starts: list[int] = []
        for start in _candidates(data, before):
            verdict = _judge(data, start, last=not block, dateless=dateless, opening=opening)
            if verdict is None:
                held, data = data[start:], data[:start]
                break
            if verdict:
                if opening and not _SEPARATOR.search(data[start : data.find(b"\n", start)]):
                    dateless = len(data[start : data.find(b"\n", start)].split())
                opening = False
                starts.append(start)
        lead = starts[0] if starts else len(data)
        if lead:
            yield False, data[:lead]
        for start, end in pairwise([*starts, len(data)]):
            yield True, data[start:end]
        before = (before + data)[-2:]


def _candidates(data: bytes, before: bytes) -> Iterator[int]:
    if before == b"\n\n" and data.startswith(b"From "):
        yield 0
    if before.endswith(b"\n") and data.startswith(b"\nFrom "):
        yield 1
    found = data.find(b"\n\nFrom ")
    while found >= 0:
        yield found + 2
        found = data.find(b"\n\nFrom ", found + 2)


def _judge(data: bytes, start: int, *, last: bool, dateless: int | None, opening: bool) -> bool | None:
    """Whether a message begins at `start`; None when the answer lies in the next block."""
    end = data.find(b"\n", start, start + _LINE_LIMIT)
    if end < 0:
        return None if len(data) - start < _LINE_LIMIT and not last else False
    line = data[start:end]
    if not opening and not _SEPARATOR.search(line) and len(line.split()) != dateless:
        return False
    following = data[end + 1 : end + 1 + _LINE_LIMIT]
    if b"\n" not in following and len(following) < _LINE_LIMIT and not last:
        return None
    return not following or is_field(following)
