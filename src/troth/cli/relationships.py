"""troth relationships"""

from __future__ import annotations

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
    import pyarrow as pa

    from troth.settings import Watch

_WIDE = 95  # columns of a terminal that hold the circle and the count of turns too


@stoppable
def relationships(
    circle: Annotated[str | None, typer.Option(help="Only customer, colleague or friend.")] = None,
    over: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days that the trend looks back. Default: 28, or troth.toml.")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Who trusts us how much: SHOWN and HELD with 80 % bands, how each moved, and what is open.

    An arrow stands only where the direction has a probability of .8 and something was read; a dash says neither.

    Example: troth relationships --circle customer --over 90 --format csv
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress

    chosen = choose_settings(settings)
    with open_book(book, chosen, sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            sentences = opened.understand(progress=progress).sentences
        table = opened.relationships(over=over)
    rows = [row for row in table.to_pylist() if circle in {None, row["circle"]}]
    if shape is Format.table:
        _draw(rows, chosen.trend, over or chosen.trend.days)
        _say_limits(sentences)
    else:
        write_rows(rows, shape, columns=table.column_names)


def _draw(rows: list[dict[str, Any]], watch: Watch, days: int) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.cli.output import write_rows
    from troth.cli.talk import say
    from troth.plain import clean_line

    lines = [
        {
            "relationship": row["relationship"],
            "circle": row["circle"],
            "turns": row["turns"],
            "last": row["last_contact"].strftime("%-d %b %y") if row["last_contact"] else None,
            "shown": show_gauge(row, "shown", watch),
            "held": show_gauge(row, "held", watch),
            "we owe": row["promises_of_ours"],
            "they owe": row["promises_of_theirs"],
            "asked": row["questions_open"],
        }
        for row in rows
    ]
    console = Console()
    columns = list(lines[0]) if lines else ["relationship"]
    if console.width < _WIDE:
        columns = [name for name in columns if name not in {"circle", "turns"}]
    write_rows(lines, Format.table, columns=columns)
    for row in rows:
        if row["warning"]:
            console.print(Text(f"! {clean_line(row['warning'])}.", "yellow"))
    say(f"↑ ↓: moved within {days} days, with a probability of {watch.name_from:.0%} or more; –: neither is so likely.")


def _say_limits(sentences: pa.Table) -> None:
    """What the table does not allow, and what is not in it."""
    from troth.cli.talk import say
    from troth.encoder import count_unread
    from troth.fairness import warn_of_comparing

    say(warn_of_comparing())
    if unread := count_unread(sentences):
        say(f"{unread:,} of {sentences.num_rows:,} sentences are not in English and give no signals.")


def show_gauge(row: dict[str, Any], gauge: str, watch: Watch) -> str:
    """A gauge on one line: number where it is not withheld, band and trend; or that there is nothing to go on."""
    if row[f"{gauge}_low"] is None:
        return "no evidence"
    band = f"{row[f'{gauge}_low']:.0f}–{row[f'{gauge}_high']:.0f}"
    number = row[f"{gauge}_percentile"]
    shown = f"({band})" if number is None else f"{number:.0f} ({band})"
    return f"{shown} {show_trend(row, gauge, watch)}"


def show_trend(row: dict[str, Any], gauge: str, watch: Watch) -> str:
    """An arrow where a gauge's direction is likely enough, else a dash."""
    from troth.trend import name_trend

    rose = row[f"{gauge}_rose"]
    return name_trend(rose, 0 if rose is None else 1, watch=watch)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(relationships)
