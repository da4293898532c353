"""troth promises"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from troth.cli.options import (
    BookOption,
    Format,
    FormatOption,
    SampleOption,
    SettingsOption,
    choose_settings,
    open_book,
    stoppable,
)
from troth.errors import InputError

_STATES = ("open", "kept", "late", "suspected", "broken", "withdrawn", "unknown")


@stoppable
def promises(
    state: Annotated[
        list[str] | None, typer.Option(help=f"Only these states: {', '.join(_STATES)}. Default: open, late, suspected.")
    ] = None,
    side: Annotated[str | None, typer.Option(help="Only 'us' or 'them'.")] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Promises open, late and missed, theirs and ours; the earliest due first.

    Example: troth promises --side us --state suspected --format csv
    """
    from troth.cli.output import write_rows

    wanted = set(state or ("open", "late", "suspected"))
    if unknown := wanted - set(_STATES):
        raise InputError(f"there is no state {sorted(unknown)[0]!r}; there are {', '.join(_STATES)}.")
    if side not in {None, "us", "them"}:
        raise InputError(f"there is no side {side!r}; there are us and them.")
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        table = opened.promises()
    rows = [row for row in table.to_pylist() if row["state"] in wanted and side in {None, row["side"]}]
    never = dt.datetime.max.replace(tzinfo=dt.UTC)
    rows.sort(key=lambda row: (row["due_latest"] or never, row["promise_id"]))
    columns = ["due_latest", "state", "side", "relationship", "text"] if shape is Format.table else table.column_names
    write_rows(rows, shape, columns=columns)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(promises)
