"""troth influence"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from troth.swaying import Influence

_NAME = 28  # characters of a name


@stoppable
def influence(
    every: Annotated[bool, typer.Option("--all", help="List every ask with what became of it.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Also write the rates as a picture (.svg, .png, .html; .csv: its figures).")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """How often requests, offers and recommendations of ours are taken up by customers, and what that goes with.

    An ask counts once the time in which nine of ten of their answers come is over.

    Example: troth influence --format csv
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress
    from troth.influence.asks import ASKS
    from troth.swaying import COLUMNS

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        found = opened.influence()
    if shape is Format.table:
        _draw(found, every=every)
    elif every:
        write_rows(found.asks.to_pylist(), shape, columns=ASKS.names)
    else:
        write_rows(found.list_rows(), shape, columns=COLUMNS)
    if picture is not None:
        from troth.charts import save_chart
        from troth.cli.talk import say

        save_chart(lambda theme: found.chart(theme=theme), picture)
        say(f"Picture written to {picture}.")


def _draw(found: Influence, *, every: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.plain import clean_line

    console = Console()
    for line in found.say():
        console.print(Text(clean_line(line)))
    rows = [row for row in found.list_rows() if row["part"] in {"kind", "customer", "month"}]
    if rows:
        heads = f"{'asks':>5}{'yes':>5}{'no':>4}{'other':>6}{'silent':>7}{'open':>5}"
        console.print(Text(f"\n{'':{_NAME}}{heads}{'taken up':>19}", "dim"))
    part = ""
    for row in rows:
        if row["part"] != part:
            part = row["part"]
            console.print(Text(f"by {part}", "bold cyan"))
        console.print(Text(_tell(row)))
    if rows:
        console.print(
            Text(
                "taken up: with 95 % interval, of asks whose time is over; – too few to say; customers are drawn "
                "towards each other. What was done without a word is not seen.",
                "dim",
            )
        )
    if every:
        for ask in found.asks.to_pylist():
            head = f"{ask['at']:%-d %b %y}, {clean_line(ask['relationship'])}, {ask['kind']}, {ask['outcome']}: "
            console.print(Text(head, "dim").append(f"“{clean_line(ask['text'])}”", "not dim"))


def _tell(row: Mapping[str, Any]) -> str:
    from troth.plain import clean_line

    told = "–" if row["value"] is None else f"{row['value']:.0%} ({row['low']:.0%}–{row['high']:.0%})"
    widths = {"asks": 5, "accepted": 5, "rejected": 4, "answered": 6, "silent": 7, "open": 5}
    counts = "".join(f"{row[name]:>{width}}" for name, width in widths.items())
    return f"{clean_line(row['name'])[: _NAME - 1]:{_NAME}}{counts}{told:>19}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(influence)
