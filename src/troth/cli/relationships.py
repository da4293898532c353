"""troth relationships"""

from __future__ import annotations

from typing import Annotated, Any

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


@stoppable
def relationships(
    circle: Annotated[str | None, typer.Option(help="Only customer, colleague or friend.")] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Who trusts us how much: SHOWN and HELD with 80 % bands, and what is open.

    Example: troth relationships --circle customer --format csv
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        table = opened.relationships()
    rows = [row for row in table.to_pylist() if circle in {None, row["circle"]}]
    if shape is Format.table:
        _draw(rows)
    else:
        write_rows(rows, shape, columns=table.column_names)


def _draw(rows: list[dict[str, Any]]) -> None:
    from troth.cli.output import write_rows

    lines = [
        {
            "relationship": row["relationship"],
            "circle": row["circle"],
            "turns": row["turns"],
            "last": row["last_contact"].date() if row["last_contact"] else None,
            "shown": show_band(row, "shown"),
            "held": show_band(row, "held"),
            "our_promises": row["promises_of_ours"],
            "theirs": row["promises_of_theirs"],
            "unanswered": row["questions_open"],
        }
        for row in rows
    ]
    write_rows(lines, Format.table, columns=list(lines[0]) if lines else ["relationship"])


def show_band(row: dict[str, Any], gauge: str) -> str:
    """A gauge on one line: number and band, the band alone where the number is withheld, or nothing to go on."""
    if row[f"{gauge}_low"] is None:
        return "no evidence"
    band = f"{row[f'{gauge}_low']:.0f}–{row[f'{gauge}_high']:.0f}"
    number = row[f"{gauge}_percentile"]
    return f"({band})" if number is None else f"{number:.0f} ({band})"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(relationships)
