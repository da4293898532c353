"""troth proof"""

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
    ZoneOption,
    choose_settings,
    open_book,
    stoppable,
)

if TYPE_CHECKING:
    from troth.library import Book
    from troth.proving import Proof

_COLUMNS = (
    "day", "rival", "readings", "log_score", "rival_log_score", "brier", "rival_brier", "factor", "log_wealth",
    "log_product", "closed_at", "seal",
)  # fmt: skip
_CELLS = 20


@stoppable
def proof(
    html: Annotated[Path | None, typer.Option(help="Also write it as one HTML page with its diagrams.")] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    zone: ZoneOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """The daily proof: each evening's forecast of the next day's readings, scored against rivals, flattering or not.

    Closes every day that is over: what was stated is sealed, and never written again.

    Example: troth proof --html proof.html
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress

    with open_book(book, choose_settings(settings, zone=zone), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        with show_progress("closing days", unit="days") as progress:
            found = opened.proof(progress=progress)
        if html is not None:
            _write_page(html, found, opened)
    if shape is Format.table:
        _draw(found)
    else:
        write_rows(list_days(found), shape, columns=_COLUMNS)


def list_days(found: Proof) -> list[dict[str, Any]]:
    """One row for each rival and day, with the day's closing."""
    closed = {row["day"]: row for row in found.closings.to_pylist()}
    names = ("closed_at", "seal")
    return [row | {name: closed[row["day"]][name] for name in names} for row in found.daily.to_pylist()]


def _write_page(path: Path, found: Proof, opened: Book) -> None:
    from troth.cli.output import name_makers, write_page
    from troth.proofpage import render_proof

    write_page(path, render_proof(found, whose=opened.whose, made_with=name_makers()))


def _draw(found: Proof) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.proofpage import list_remarks

    console = Console()
    console.print(Text("The daily proof", "bold"))
    for is_alarm, line in list_remarks(found):
        console.print(Text(line, "red" if is_alarm else "dim"))
    if not found.rivals:
        return
    _draw_rivals(console, found)
    _draw_reliability(console, found)


def _draw_rivals(console: Any, found: Proof) -> None:
    from rich.table import Table
    from rich.text import Text

    from troth.proofpage import SHORT_NAMES
    from troth.proving import write_wealth

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)  # 80 columns hold it
    for heading in ("against", "gain", "±", "Brier", "theirs", "W", "lowest", "highest", "product"):
        table.add_column(heading, justify="left" if heading == "against" else "right", no_wrap=True)
    for one in found.rivals:
        error = "" if one.gain_error is None else f"{one.gain_error:.3f}"
        wealths = (one.log_wealth, one.log_lowest, one.log_highest, one.log_product)
        cells = [SHORT_NAMES[one.rival], f"{one.gain:+.3f}", error, f"{one.brier:.3f}", f"{one.rival_brier:.3f}"]
        table.add_row(*(Text(cell) for cell in (*cells, *map(write_wealth, wealths))))
    console.print()
    console.print(table)
    console.print()
    console.print(
        Text(
            "gain: log score over the rival's, nats a reading, ± standard error by relationship. "
            "Brier: 0 is best, 2 worst. W bets the day's mean: if the rival were right, it would ever reach 20 with "
            "probability at most 5 %. Product: all readings multiplied, which is a fair bet on independent ones only.",
            "dim",
        )
    )


def _draw_reliability(console: Any, found: Proof) -> None:
    from rich.text import Text

    console.print(Text("\nReliability: what was stated ○, how often it came ●, 95 % ━", "bold cyan"))
    for one in found.reliability:
        low, high = (round(end * _CELLS) for end in (one.share_low, one.share_high))
        cells = ["━" if low <= cell <= high else "·" for cell in range(_CELLS + 1)]
        cells[round(one.stated * _CELLS)] = "○"
        cells[round(one.share * _CELLS)] = "●"
        label = f"{one.low:4.0%}–{one.high:4.0%}  "
        figures = f"  stated {one.stated:4.0%}, came {one.share:4.0%} of {one.count}"
        console.print(Text(label + "".join(cells) + figures + ("  off" if one.is_off else "")))
    if found.pit is not None:
        console.print(
            Text(
                f"\nExact readings in their forecasts (PIT): {found.pit.readings}, farthest from even "
                f"{found.pit.distance:.3f}; right forecasts of independent readings stay under {found.pit.limit:.3f}.",
                "dim",
            )
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(proof)
