"""troth validity"""

from __future__ import annotations

import typer

from troth.cli.options import Format, FormatOption, stoppable

_LEFT_OUT = {"licence_class", "note", "rivals", "published_source", "base", "seeds"}  # of a terminal's table


@stoppable
def validity(shape: FormatOption = Format.table) -> None:
    """How well each signal was found to work, on which data, beside length alone, TF-IDF and published figures.

    Where a goal was set, what ships (open) and what one may build from sets that must not ship (research) stand side by
    side, whether they reached it or not.

    Example: troth validity --format jsonl
    """
    from troth.cli.output import write_rows
    from troth.validity import COLUMNS, list_validity

    columns = [column for column in COLUMNS if column not in _LEFT_OUT]
    write_rows(list_validity(), shape, columns=columns if shape is Format.table else COLUMNS)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(validity)
