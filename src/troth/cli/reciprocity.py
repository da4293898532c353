"""troth reciprocity"""

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
    from troth.begetting import Reciprocity


@stoppable
def reciprocity(
    circle: Annotated[
        str, typer.Option(help="Whose checks the picture shows: customer, friend or a firm.")
    ] = "customer",
    picture: Annotated[
        Path | None, typer.Option(help="Also write a forest plot (.svg, .png, .html; .csv: its figures).")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Does an open act of one side go with one in the other's next turn, both ways, beside every check.

    Open acts are disclosures, admissions, apologies and feelings. What goes together need not bring one another about.

    Example: troth reciprocity --picture forest.svg
    """
    from troth.begetting import COLUMNS
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        found = opened.reciprocity()
    if shape is Format.table:
        _draw(found)
    else:
        write_rows(found.list_rows(), shape, columns=COLUMNS)
    if picture is not None:
        from troth.charts import save_chart
        from troth.cli.talk import say

        save_chart(lambda theme: found.chart(circle, theme=theme), picture)
        say(f"Picture written to {picture}.")


def _draw(found: Reciprocity) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from troth.begetting import say_answering
    from troth.plain import clean_line

    console = Console()
    for scope, both in [*found.circles.items(), *found.firms.items()]:
        console.print(Text(clean_line(scope), "bold cyan"))
        for one in both:
            console.print(Padding(Text(clean_line(say_answering(one, scope))), (0, 0, 0, 2)))
            if one.verdict == "not enough to say":
                continue
            console.print(Text(f"    {'':37}{'odds':>6}{'95 %':>15}{'p':>7}{'blocks':>8}", "dim"))
            for ratio in one.ratios:
                console.print(Text("    " + _tell(ratio), "" if ratio.check == "main" else "dim"))
        console.print()
    if not found.circles:
        console.print(Text(found.say()[0]))
    console.print(Text("Colleagues first", "bold cyan"))
    console.print(Padding(Text(found.inside.say()), (0, 0, 0, 2)))
    for one in found.inside.lagged:
        when = f"{abs(one.lag)} weeks {'before (must be 0)' if one.is_placebo else 'later'}"
        line = f"{when:26} {one.slope:+.3f} ({one.low:+.3f} to {one.high:+.3f}), p {one.p:.3f}"
        console.print(Text("    " + line, "dim"))
    console.print(
        Text("\nWhat goes together need not bring one another about; a randomised trial can show that.", "dim")
    )


def _tell(ratio: Any) -> str:
    """One check on one line of at most 77 characters."""
    from math import isfinite

    from troth.reciprocity.measure import PLAIN

    if not ratio.enough:
        return f"{PLAIN[ratio.check]:37}{'–':>6}"
    band = f"{ratio.low:.2f}–{ratio.high:.2f}" if isfinite(ratio.low) else ""
    p = f"{ratio.p:.3f}".lstrip("0") if isfinite(ratio.p) else ""
    return f"{PLAIN[ratio.check]:37}{ratio.ratio:6.2f}{band:>15}{p:>7}{ratio.blocks or '':>8}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reciprocity)
