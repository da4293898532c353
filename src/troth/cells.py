"""Rows as CSV that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from troth.plain import guard_formula


def write_csv(rows: Iterable[Mapping[str, Any]], out: TextIO, *, columns: Sequence[str]) -> None:
    """Write rows under a line of headings."""
    # With "\n" to end a row, Python 3.11 leaves a lone "\r" in a cell unquoted, and readers end the row there.
    writer = csv.writer(_PlainEnds(out), lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe_cell(row.get(column)) for column in columns] for row in rows)


class _PlainEnds:
    """Rows that a CSV writer ends with CRLF, ended with LF."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, row: str) -> int:
        return self._out.write(row.removesuffix("\r\n") + "\n")


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
