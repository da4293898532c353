"""troth export"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from troth.cli.options import BookOption, Format, SampleOption, SettingsOption, choose_settings, open_book, stoppable
from troth.cli.talk import say, show_progress
from troth.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from troth.library import Book

_WHOLE = "all"


class ExportFormat(StrEnum):
    """Shape of what leaves the book."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    convokit = "convokit"


@stoppable
def export(
    table: Annotated[
        str,
        typer.Argument(
            help="A table (turns, turn_versions, sentences, findings, promises, decisions, questions, answers, "
            "contacts, outcomes, outcome_steps, calls, readings, trust, scores, relationships), or all."
        ),
    ],
    shape: Annotated[ExportFormat, typer.Option("--format", help="Shape of what is written.")] = ExportFormat.jsonl,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; standard output if absent.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="New folder, for all and for ConvoKit.")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="With all: leave out what can be worked out anew.")] = False,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Any table out of the book, or the whole book: JSON lines, formula-safe CSV, Parquet, or a ConvoKit corpus.

    `troth read` takes the folder, or a table of it, back without loss.

    Example: troth export all --to leaving --format parquet
    """
    if shape is ExportFormat.convokit or table == _WHOLE:
        if to is None:
            raise InputError("This writes a folder: name a new one with --to.")
    elif to is not None:
        raise InputError(f"One table goes to a file: name it with --output, or say `{_WHOLE}` for the whole book.")
    elif shape is ExportFormat.parquet and output is None:
        raise InputError("Parquet is not for a terminal: name a file with --output.")
    if output is not None and to is not None:
        raise InputError("--output is for a file, --to for a folder: give one of them.")
    if shape is ExportFormat.convokit and table not in {"turns", _WHOLE}:
        raise InputError("A ConvoKit corpus holds turns: say `troth export turns --format convokit --to FOLDER`.")
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        if to is not None:
            _write_folder(opened, to, shape, bare=bare)
            return
        found = opened.table(table)
    _write_table(found, output, shape)


def _write_folder(opened: Book, folder: Path, shape: ExportFormat, *, bare: bool) -> None:
    if shape is ExportFormat.convokit:
        from troth.leaving import write_corpus

        turns = opened.turns()
        write_corpus(turns, folder)
        say(f"{turns.num_rows} turns written to {folder}, a ConvoKit corpus.")
        return
    with show_progress("writing", unit="tables") as progress:
        written = opened.leave(folder, shape=shape.value, bare=bare, progress=progress)
    say(f"{sum(written.rows.values())} rows of {len(written.rows)} tables written to {folder}.")
    say(f"To have the book back: troth read {folder} --book NEW")


def _write_table(found: pa.Table, output: Path | None, shape: ExportFormat) -> None:
    if shape is ExportFormat.parquet and output is not None:
        from troth.leaving import save_table

        save_table(found, output, "parquet")
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
