"""troth worth"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.options import (
    BookOption,
    Format,
    FormatOption,
    Language,
    SampleOption,
    SettingsOption,
    choose_settings,
    open_book,
    stoppable,
)

if TYPE_CHECKING:
    from troth.worthtold import Worth

_LISTED = 5
_ENDS = ("won", "lost")
_LEVELS = ("all", "low", "typical", "high")
_TOO_FEW = "not enough to say"


class Kind(StrEnum):
    """What is measured."""

    deal = "deal"
    renewal = "renewal"


class Picture(StrEnum):
    """What is drawn."""

    incidence = "incidence"
    freeze = "freeze"
    forest = "forest"


@stoppable
def worth(
    kind: Annotated[Kind, typer.Option(help="Deals, or renewals, of which a lost one is churn.")] = Kind.deal,
    picture: Annotated[
        Path | None, typer.Option(help="Also write a picture (.svg, .png, .html; .csv: its figures).")
    ] = None,
    of: Annotated[
        Picture, typer.Option(help="What the picture shows: chances by trust, ratios by lag, or all ratios.")
    ] = Picture.incidence,
    report: Annotated[
        Path | None, typer.Option(help="Also write two pages for a management meeting (.html or .pdf).")
    ] = None,
    language: Annotated[Language, typer.Option(help="What these two pages are written in.")] = Language.en,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """What goes with trust: how likely deals are won, how soon, and money; never that trust brought it.

    Trust is frozen some days before each week of a deal, so that a customer who warms up before signing explains
    nothing. Where deals or accounts are too few, it says so instead of a figure.

    Example: troth worth --picture chances.svg
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress

    if report is not None:
        from troth.worthreport import name_form

        name_form(report)  # before the work, not after it
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        found, whose = opened.worth(kind.value), opened.whose
    if picture is not None:
        _write_picture(found, picture, of)
    if report is not None:
        _write_report(found, report, whose, language)
    if shape is Format.table:
        _draw(found)
    else:
        from troth.worthtold import COLUMNS

        write_rows(found.list_rows(), shape, columns=COLUMNS)


def _write_picture(found: Worth, path: Path, of: Picture) -> None:
    from troth.charts import save_chart
    from troth.cli.talk import say

    save_chart(lambda theme: found.chart(of.value, theme=theme), path)
    say(f"Picture written to {path}.")


def _write_report(found: Worth, path: Path, whose: str, language: Language) -> None:
    from troth.cli.output import name_makers
    from troth.cli.talk import say
    from troth.worthreport import write_report

    write_report(found, path, whose=whose, made_with=name_makers(), language=language.value)
    say(f"Report written to {path}.")


def _draw(found: Worth) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    things = "deals" if found.kind == "deal" else "renewals"
    console.print(Text(f"What goes with trust ({things})", "bold"))
    console.print(Text(found.say()))
    _draw_basis(console, found, things)
    if any(one.enough for one in found.curve):
        _draw_ratios(console, found)
    if any(one.enough for one in found.chances):
        _draw_chances(console, found)
    if found.doubly is not None and found.doubly.contrast.enough:
        console.print(Text("\nBy another road", "bold cyan"))
        console.print(Text(found.doubly.say()))
    console.print(Text("\nMoney that came in", "bold cyan"))
    console.print(Text(found.revenue.say()))
    console.print(Text("\nMoney in open deals", "bold cyan"))
    console.print(Text(found.say_money()))
    _draw_money(console, found)
    for note in found.notes:
        console.print(Text(f"· {note}", "dim"))
    console.print(Text("A link is no cause: adjusted for " + ", ".join(found.adjustment) + ".", "dim"))


def _draw_basis(console: Any, found: Worth, things: str) -> None:
    from rich.text import Text

    from troth.plain import clean_line

    console.print(Text("\nWhat it stands on", "bold cyan"))
    open_ = len(found.book.ids) - found.won - found.lost
    console.print(
        Text(
            f"{len(found.book.ids)} of {found.book.seen} {things} ({found.share:.0%}), {found.accounts} accounts, "
            f"{found.weeks} weeks watched: {found.won} won, {found.lost} lost, {open_} open. "
            f"Something was known of the account in {found.known}."
        )
    )
    for reason, count in found.reasons.most_common():
        named = [one.outcome_id for one in found.left_out if one.reason == reason]
        more = f" and {count - _LISTED} more" if count > _LISTED else ""
        console.print(Text(f"left out, {count}: {reason}", "yellow"))
        console.print(Text(f"    {clean_line(', '.join(named[:_LISTED]))}{more}", "dim"))


def _draw_ratios(console: Any, found: Worth) -> None:
    from rich.text import Text

    from troth.worth.ratios import MAIN_LAG, e_value, e_value_of_interval

    console.print(Text("\nOdds of an end in a week, for one standard deviation more trust", "bold cyan"))
    console.print(Text(f"{'trust frozen':27}" + "".join(f"{end + ' (95 %)':>26}" for end in _ENDS), "dim"))
    for lag in dict.fromkeys(one.lag for one in found.curve):
        cells = [_tell_ratio(found.ratio(end, lag)) for end in _ENDS]
        line = f"{lag:.0f} days before" + (" (told)" if lag == MAIN_LAG else "")
        console.print(Text(f"{line:27}" + "".join(f"{cell:>26}" for cell in cells)))
    inside = {one.end: one for one in found.within}
    console.print(Text(f"{'within accounts':27}" + "".join(f"{_tell_ratio(inside.get(end)):>26}" for end in _ENDS)))
    console.print(Text("    each account against its own usual trust, 28 days before", "dim"))
    for name in dict.fromkeys(one.name for one in found.controls):
        mine = {one.ratio.end: one for one in found.controls if one.name == name}
        console.print(Text(f"{name:27}" + "".join(f"{_tell_ratio(mine[end].ratio):>26}" for end in _ENDS), "dim"))
        console.print(Text(f"    {mine['won'].says}", "dim"))
    main = found.ratio("won")
    if main is not None and main.enough:
        console.print(
            Text(
                f"E-value {e_value(main.ratio):.2f} (of the interval {e_value_of_interval(main):.2f}): so strongly "
                "would something unseen have to go with both trust and winning to explain this away.",
                "dim",
            )
        )


def _tell_ratio(one: Any) -> str:
    return f"{one.ratio:.2f} ({one.low:.2f}–{one.high:.2f})" if one is not None and one.enough else _TOO_FEW


def _draw_chances(console: Any, found: Worth) -> None:
    """How likely within so many days, by trust."""
    from rich.text import Text

    for end in _ENDS:
        mine = {(one.trust, one.days): one for one in found.chances if one.end == end}
        if not any(one.enough for one in mine.values()):
            continue
        days = list(dict.fromkeys(at for _, at in mine))
        console.print(Text(f"\nChance of being {end} within days of opening (80 % band)", "bold cyan"))
        console.print(Text(f"{'trust':12}" + "".join(f"{f'{at} days':>17}" for at in days), "dim"))
        for level in _LEVELS:
            cells = [_tell_chance(mine.get((level, at))) for at in days]
            console.print(Text(f"{level:12}" + "".join(f"{cell:>17}" for cell in cells)))
    times = {one.trust: one for one in found.times if one.enough}
    if times:
        told = [f"{level} {one.mean:.0f} ({one.low:.0f}–{one.high:.0f})" for level, one in times.items()]
        console.print(Text(f"Mean days to win, at most {found.times[0].days}: {', '.join(told)}"))
    console.print(
        Text("low, typical, high: trust that 10, 50 and 90 % of these weeks were below; –: too few to say", "dim")
    )


def _tell_chance(one: Any) -> str:
    return "–" if one is None or not one.enough else f"{one.chance:.0%} ({one.low:.0%}–{one.high:.0%})"


def _draw_money(console: Any, found: Worth) -> None:
    from rich.text import Text

    from troth.plain import clean_line

    if not found.tells_money or found.money is None:
        return
    told = [pair for pair in zip(found.money.ids, found.money.deals, strict=True) if pair[1].is_told]
    told.sort(key=lambda pair: -abs(pair[1].median))
    for name, one in told[:_LISTED]:
        band = f"{one.low80:+,.0f} to {one.high80:+,.0f}"
        console.print(Text(f"  {clean_line(name)[:34]:34} {one.median:>+12,.0f} {found.money.currency} ({band})"))
    if len(told) > _LISTED:
        console.print(Text(f"  and {len(told) - _LISTED} more; --format csv lists them", "dim"))
    if found.money.unpriced:
        console.print(Text(f"  {found.money.unpriced} open without an amount in that currency", "dim"))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(worth)
