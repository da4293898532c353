"""The sender's own words to sentences, each with its place in the stored body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
from sentencex import segment  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

from troth.schema import SENTENCES, TURNS, conform
from troth.text._language import tell_language, tell_sentence
from troth.text._phrases import GREETINGS
from troth.text._tails import closing_kind
from troth.text.parts import find_parts

LONGEST: Final = 2_000  # characters; a longer sentence is cut at white space

_NARROWEST_WRAP: Final = 40  # nobody's program breaks lines narrower than this
_WIDEST_WRAP: Final = 100  # a longer line shows that the program does not break lines
_SLACK: Final = 12  # wrapped lines end up to this much before the width
_BATCH: Final = 4_096
_NEEDED: Final = ("turn_id", "body", "automatic")

# sentencex 1.0.32 panics at U+0085 beside a stop, so odd white space and controls become plain spaces, one for one.
_ODD: Final = re.compile(r"[^\S ]|[\x00-\x1f\x7f-\x9f]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MARKER: Final = re.compile(r"[-*•·◦▪‣–—+o]\s{1,8}|[*•·◦▪‣](?=\w)|\(?[0-9]{1,3}[.)]\s{1,8}|\(?[a-zA-Z]\)\s{1,8}")
_STOP: Final = re.compile(r"[^\w\s,;:'\"()<>@/&%+=*#_$-]")

Span = tuple[int, int]


def split_sentences(turns: pa.Table) -> pa.Table:
    """Take TURNS to SENTENCES: the sender's own words only, nothing for turns written by a program.

    Needs the columns turn_id, body and automatic. Sentences without any letter are left out.

    Raises: MissingColumns, BadColumn.
    Cost: linear in the text.
    """
    needed = conform(turns, pa.schema([TURNS.field(name) for name in _NEEDED]))
    return pa.Table.from_batches(map(_split_batch, needed.to_batches(max_chunksize=_BATCH)), schema=SENTENCES)


def _split_batch(turns: pa.RecordBatch) -> pa.RecordBatch:
    rows = [row for turn in zip(*(turns[name].to_pylist() for name in _NEEDED), strict=True) for row in _rows(*turn)]
    columns = zip(*rows, strict=True) if rows else ((),) * len(SENTENCES)
    arrays = [pa.array(values, field.type) for field, values in zip(SENTENCES, columns, strict=True)]
    return pa.record_batch(arrays, schema=SENTENCES)


def _rows(turn_id: str, body: str, automatic: bool) -> Iterator[tuple[str, int, int, int, str, str | None]]:
    """The rows of one turn, in the order of the columns of SENTENCES."""
    if automatic:
        return
    own = [(part.start, part.end) for part in find_parts(body) if part.kind == "own"]
    language = tell_language(" ".join(body[start:end] for start, end in own).strip()) if own else None
    spans = (span for part in own for span in find_sentences(body, *part, language=language))
    for number, (start, end) in enumerate(spans):
        text = " ".join(body[start:end].split())
        yield turn_id, number, start, end, text, tell_sentence(text, language)


def find_sentences(body: str, start: int, end: int, *, language: str | None = None) -> Iterator[Span]:
    """Where the sentences of `body[start:end]` begin and end, in order, without the white space around them."""
    for first, last in _units(body, start, end):
        for begin, stop in _split_unit(body, first, last, language or "en"):
            if any(map(str.isalpha, body[begin:stop])):
                yield begin, stop


def _units(body: str, start: int, end: int) -> Iterator[Span]:
    """Stretches that no sentence crosses: paragraphs, list items, greetings; lines that a program broke are joined."""
    raw = body[start:end].splitlines(keepends=True)
    lines = [line.strip() for line in raw]
    widest = max(map(len, lines), default=0)
    begin = at = start
    for number, line in enumerate(lines):
        at += len(raw[number])
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if not line:
            begin = at
            continue
        if not following or _ends_unit(line, following, widest):
            yield begin, at
            begin = at


def _ends_unit(line: str, following: str, widest: int) -> bool:
    if _MARKER.match(following) or line[-1] == ":" or _is_greeting(line):
        return True
    if len(line) <= 30 and closing_kind(line):
        return True
    if widest < _NARROWEST_WRAP:
        return True  # chat: each line stands alone
    next_word = following.find(" ")
    reach = len(line) + 1 + (next_word if next_word > 0 else len(following))
    if widest > _WIDEST_WRAP:
        return not (len(line) >= _NARROWEST_WRAP and len(line) <= _WIDEST_WRAP and following[0].islower())
    if reach > widest - _SLACK:
        return False
    return not (len(line) >= _NARROWEST_WRAP - 5 and following[0].islower() and line[-1] not in ".?!")


def _is_greeting(line: str) -> bool:
    if len(line) > 60 or (line[-1] not in ",!:;-–." and len(line) > 30):
        return False
    words = line.split()
    return len(words) <= 6 and words[0].strip(",!.").lower() in GREETINGS and line[-1] not in ".?"


def _split_unit(body: str, start: int, end: int, language: str) -> Iterator[Span]:
    start, end = _trim(body, start, end)
    marker = _MARKER.match(body, start, end)
    if marker:
        start = marker.end()
    unit = _ODD.sub(" ", body[start:end])
    stop = _STOP.search(unit)
    if stop is None or stop.start() >= len(unit) - 1:
        yield from _shorten(body, start, end)
        return
    at = start
    pieces: list[str] = segment(language, _SURROGATE.sub("\ufffd", unit))
    for piece in pieces:
        yield from _shorten(body, *_trim(body, at, at + len(piece)))
        at += len(piece)


def _trim(body: str, start: int, end: int) -> Span:
    while start < end and body[start].isspace():
        start += 1
    while end > start and body[end - 1].isspace():
        end -= 1
    return start, end


def _shorten(body: str, start: int, end: int) -> Iterator[Span]:
    """Cut what is longer than `LONGEST` at the last white space before it, or anywhere if there is none."""
    while end - start > LONGEST:
        cut = max(body.rfind(" ", start, start + LONGEST), body.rfind("\n", start, start + LONGEST))
        if cut <= start:
            cut = start + LONGEST
        yield _trim(body, start, cut)
        start, _ = _trim(body, cut, end)
    if start < end:
        yield start, end
