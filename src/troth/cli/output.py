"""Tables to standard output, in the one shape asked for."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from troth.cells import plain_value, write_csv
from troth.cli.options import Format
from troth.cli.talk import say
from troth.errors import InputError
from troth.plain import clean_line, escape_hidden

_SHORT = 12  # characters of a cell that is never broken


def write_rows(
    rows: Iterable[Mapping[str, Any]], shape: Format, *, columns: Sequence[str], to: TextIO | None = None
) -> None:
    """Write rows as a table for people, JSON lines, or CSV that no spreadsheet takes for a formula."""
    out = to or sys.stdout
    if shape is Format.jsonl:
        for row in rows:
            out.write(escape_hidden(json.dumps(row, default=plain_value, ensure_ascii=False)) + "\n")
    elif shape is Format.csv:
        write_csv(rows, out, columns=columns)
    else:
        _draw_table(rows, columns)


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
