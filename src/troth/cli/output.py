"""Tables to standard output, in the one shape asked for."""

from __future__ import annotations

import csv
import datetime as dt
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from troth.cli.options import Format
from troth.cli.talk import say
from troth.errors import InputError
from troth.plain import clean_line, guard_formula

_SHORT = 12  # characters of a cell that is never broken


def write_rows(
    rows: Iterable[Mapping[str, Any]], shape: Format, *, columns: Sequence[str], to: TextIO | None = None
) -> None:
    """Write rows as a table for people, JSON lines, or CSV that no spreadsheet takes for a formula."""
    out = to or sys.stdout
    if shape is Format.jsonl:
        for row in rows:
            out.write(json.dumps(row, default=plain_value, ensure_ascii=False) + "\n")
    elif shape is Format.csv:
        # With "\n" to end a row, Python 3.11 leaves a lone "\r" in a cell unquoted, and readers end the row there.
        writer = csv.writer(_PlainEnds(out), lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows([safe_cell(row.get(column)) for column in columns] for row in rows)
    else:
        _draw_table(rows, columns)


class _PlainEnds:
    """Rows that a CSV writer ends with CRLF, ended with LF."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, row: str) -> int:
        return self._out.write(row.removesuffix("\r\n") + "\n")


def write_page(path: Path, page: str) -> None:
    """Write an HTML page where --html says, and say so.

    Raises: InputError when it cannot be written there.
    """
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}. Name another file with --html.") from error
    say(f"Page written to {path}.")


def name_makers() -> str:
    """What a page was made with: this version and this encoder."""
    from troth import __version__
    from troth.encoder import encoder_id

    return f"troth {__version__}, encoder {encoder_id()}"


def plain_value(value: object) -> object:
    """JSON form of what JSON has no word for."""
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def safe_cell(value: object) -> object:
    """A cell for CSV: text that a spreadsheet would run gets a quote before it; lists are JSON."""
    if value is None:
        return ""
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        return json.dumps(value, default=plain_value, ensure_ascii=False)
    return guard_formula(value) if isinstance(value, str) else value


def _draw_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    for number, column in enumerate(columns):
        heading = column.replace("_", " ")
        # Dates, bands and counts stay whole; names and sentences take the narrowness of the terminal.
        is_short = max([len(heading), *(len(line[number]) for line in cells)]) <= _SHORT
        table.add_column(heading, overflow="fold", no_wrap=is_short)
    for line in cells:
        table.add_row(*map(Text, line))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return clean_line(str(value))
