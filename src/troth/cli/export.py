"""troth export"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from troth.cli.options import BookOption, Format, SampleOption, SettingsOption, choose_settings, open_book, stoppable
from troth.errors import InputError


class ExportFormat(StrEnum):
    """Shape of what leaves the book."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


@stoppable
def export(
    table: Annotated[
        str,
        typer.Argument(
            help="turns, sentences, findings, promises, questions, answers, calls, readings, trust, scores or "
            "relationships."
        ),
    ],
    shape: Annotated[ExportFormat, typer.Option("--format", help="Shape of what is written.")] = ExportFormat.jsonl,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; standard output if absent.")] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Any table out of the book, as JSON lines, formula-safe CSV, or Parquet.

    Example: troth export turns --format jsonl > turns.jsonl
    """
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        found = opened.table(table)
    if shape is ExportFormat.parquet:
        if output is None:
            raise InputError("Parquet is not for a terminal: name a file with --output.")
        from pyarrow import parquet

        parquet.write_table(found, output)
        return
    from troth.cli.output import write_rows

    rows = (row for batch in found.to_batches(max_chunksize=4096) for row in batch.to_pylist())
    if output is None:
        write_rows(rows, Format(shape.value), columns=found.column_names)
        return
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            write_rows(rows, Format(shape.value), columns=found.column_names, to=file)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}. Name another file.") from error


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)
