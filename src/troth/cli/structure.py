"""troth structure"""

from __future__ import annotations

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


@stoppable
def structure(
    shuffles: Annotated[int, typer.Option(min=20, help="Shuffled mappings that each lens is set against.")] = 1000,
    folds: Annotated[int, typer.Option(min=2, help="Parts of the relationships; each is foretold from the rest.")] = 5,
    readings: Annotated[
        int, typer.Option(min=1, help="Most readings that are compared; relationships are drawn at random.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the draws; the same seed gives the same answer.")] = 1,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Does the mapping of facets to lenses earn its place in your data? Says so when the pillars are not separable.

    Example: troth structure --format csv
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        with show_progress("comparing structures", unit="fits") as progress:
            found = opened.structure(
                folds=folds, shuffles=shuffles, most_readings=readings, seed=seed, progress=progress
            )
    table = found.to_table()
    rows = table.to_pylist()
    if shape is not Format.table:
        write_rows(rows, shape, columns=table.column_names)
        return
    for verdict in found.verdicts:
        typer.echo(f"{verdict.gauge}: {verdict.words}")
    figures = [row for row in rows if row["part"] != "verdict"]
    if figures:
        write_rows(figures, shape, columns=[name for name in table.column_names if name != "gauge"])


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(structure)
