"""CSV as people save it: comma, semicolon, tab or bar; any line ends; quoted line breaks; read row by row.

A file is never held whole. A quote that is never closed costs its own line alone: the lines behind it are read anew.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from troth.sources.blocks import Meter, read_blocks
from troth.sources.charsets import clean, decode_bytes
from troth.sources.export import LOOK, Export
from troth.sources.jsonl import read_lines
from troth.sources.turns import Rejected
from troth.times import DateOrder, find_date_order

NOT_UTF8: Final = "line that is no UTF-8: read as Windows-1252"
ROW_LIMIT: Final = 8 << 20  # characters of one row, line breaks within quotes included
MOST_COLUMNS: Final = 2_000
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_MARKS: Final = (",", ";", "\t", "|")
_END: Final = "\0"  # stands for no further line: decoding leaves no NUL in a line
_RULE: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # what Excel writes before the header
_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")


class Row(NamedTuple):
    """One row of a table: its number, the header being row 1, where it stands, and its cells by plain column name."""

    number: int
    where: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What the beginning of a CSV file shows.

    Attributes:
        name: the member of the export.
        header: the columns as written.
        columns: the same as plain names (`plain_name`); of two alike the later has a number behind it.
        mark: what stands between two cells.
        order: how its dates with slashes are written, where that shows.
        skip: lines before the header.
    """

    name: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    mark: str
    order: DateOrder | None
    skip: int

    @property
    def has_commas(self) -> bool:
        """Whether numbers are written with a decimal comma: where the comma is free to be one."""
        return self.mark == ";"


def plain_name(column: str) -> str:
    """A column's name without case, spaces, underlines and the "property" that warehouses put before it.

    >>> plain_name("property_hs_email_subject"), plain_name("Close Date"), plain_name("CreatedDate")
    ('hsemailsubject', 'closedate', 'createddate')
    """
    return _NOT_WORD.sub("", column.strip().lower().removeprefix("property_").removeprefix("properties."))


def look_at_sheet(export: Export, name: str = "") -> Sheet | None:
    """The header of a CSV file, told from its first bytes; None where it is no table of at least two columns."""
    head = export.look(name)
    if not head or head.startswith(UTF16) or b"\0" in head:
        return None
    text = decode_bytes(head.removeprefix(b"\xef\xbb\xbf"), None).text.replace("\r\n", "\n")
    if text.lstrip()[:1] in {"{", "[", "<", ""}:
        return None
    lines = text.split("\n")
    if len(head) == LOOK and len(lines) > 1:
        lines.pop()  # cut short
    skip = 0
    ruled: str | None = None
    for line in lines:
        rule = _RULE.fullmatch(line.strip(" \r"))
        if line.strip() and rule is None:
            break
        ruled = ruled if rule is None else rule[1]
        skip += 1
    if skip == len(lines):
        return None
    mark = ruled if ruled in _MARKS else max(_MARKS, key=lambda sign: _count(lines[skip], sign))
    rows = _split_rows(iter(lines[skip:]), mark)
    header = next((row for _, row in rows if row is not None), None)
    if header is None or not 2 <= len(header) <= MOST_COLUMNS:
        return None
    cells = (cell for _, row in rows for cell in row or ())
    return Sheet(
        name=name,
        header=tuple(header),
        columns=tuple(_tell_apart(header)),
        mark=mark,
        order=find_date_order(cells),
        skip=skip,
    )


def read_rows(
    export: Export, sheet: Sheet, *, meter: Meter | None = None, notes: Counter[str] | None = None
) -> Iterator[Row | Rejected]:
    """The rows below a table's header; empty lines are none, and a row with more cells than columns is rejected.

    A row with fewer cells than columns has empty ones at its end, as spreadsheets leave them out.

    Raises: OSError when the file stops being readable.
    """
    place = f"{sheet.name}, " if sheet.name else ""
    with export.open(sheet.name) as file:
        blocks = read_blocks(file, meter or Meter(0, None))
        lines = _decode(read_lines(blocks), notes)
        for _ in range(sheet.skip):
            next(lines, None)
        first = True
        for at, row in _split_rows(lines, sheet.mark):
            number = at + sheet.skip
            if first:
                first = False
                continue
            where = f"{place}line {number}"
            if row is None:
                yield Rejected(position=where, reason="longer than 8 MiB, or a quote that is never closed")
            elif not any(cell.strip() for cell in row):
                continue
            elif len(row) > len(sheet.columns) and any(cell.strip() for cell in row[len(sheet.columns) :]):
                reason = f"{len(row)} cells where the header has {len(sheet.columns)}"
                yield Rejected(position=where, reason=reason)
            else:
                cells = dict(zip(sheet.columns, row, strict=False))
                yield Row(number, where, cells)


def _count(line: str, mark: str) -> int:
    """How often a sign stands outside of quotes."""
    return sum(part.count(mark) for part in line.split('"')[::2])


def _tell_apart(header: list[str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for column in header:
        name = plain_name(column)
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name} {seen[name]}"


def _decode(lines: Iterator[bytes | None], notes: Counter[str] | None) -> Iterator[str | None]:
    for line in lines:
        if line is None:
            yield None
            continue
        try:
            yield clean(line.decode())
        except UnicodeDecodeError:
            if notes is not None:
                notes[NOT_UTF8] += 1
            yield decode_bytes(line, None).text


def _split_rows(lines: Iterator[str | None], mark: str) -> Iterator[tuple[int, list[str] | None]]:
    """Rows with the number of their first line, from 1; None for one too long or never closed.

    Lines behind a quote that is never closed are read anew. So that this stays linear in the file, each such search
    goes half as far as the one before, until rows over several lines are found again.
    """
    waiting: deque[str | None] = deque()
    number, reach = 0, ROW_LIMIT
    while (line := waiting.popleft() if waiting else next(lines, _END)) != _END:
        number += 1
        if line is None or '"' not in line:
            yield number, None if line is None else line.split(mark)
            continue
        row = _RowSplitter(mark)
        taken: list[str | None] = []
        size = 0
        done = row.feed(line)
        while not done and size < reach:
            following = waiting.popleft() if waiting else next(lines, _END)
            if following == _END:
                break
            taken.append(following)
            if following is None:
                break
            size += len(following) + 1
            done = row.feed(following)
        if done:
            yield number, row.cells
            number += len(taken)
            reach = min(max(reach, 2 * size), ROW_LIMIT)
        else:
            yield number, None
            waiting.extendleft(reversed(taken))
            reach = min(reach, size) // 2


class _RowSplitter:
    """Cuts one row into cells, line by line; a quote counts where a cell begins with it, as RFC 4180 has it."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self.cells: list[str] = []
        self._open: list[str] | None = None  # what stands in the quotes so far

    def feed(self, line: str) -> bool:
        """Take one more line, without its end; whether the row is complete."""
        at = 0
        if self._open is not None:
            self._open.append("\n")
            at = self._take_quoted(line, 0)
        while at >= 0:
            if line.startswith('"', at):
                self._open = []
                at = self._take_quoted(line, at + 1)
                continue
            end = line.find(self._mark, at)
            self.cells.append(line[at:] if end < 0 else line[at:end])
            if end < 0:
                return True
            at = end + 1
        return self._open is None

    def _take_quoted(self, line: str, at: int) -> int:
        """The rest of a quoted cell; where the next cell begins, -1 at the end of the line."""
        held = self._open if self._open is not None else []
        while True:
            quote = line.find('"', at)
            if quote < 0:
                held.append(line[at:])
                return -1
            held.append(line[at:quote])
            if not line.startswith('""', quote):
                break
            held.append('"')
            at = quote + 2
        end = line.find(self._mark, quote + 1)
        held.append(line[quote + 1 :] if end < 0 else line[quote + 1 : end])
        self.cells.append("".join(held))
        self._open = None
        return -1 if end < 0 else end + 1
