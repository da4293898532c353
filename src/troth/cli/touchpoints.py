"""troth touchpoints"""

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
    from collections.abc import Mapping, Sequence

    from troth.touching import TouchMap

_LISTED = 5
_FEW = 5  # waits under which no median is given


@stoppable
def touchpoints(
    customer: Annotated[str | None, typer.Option(help="Only this customer, or enough of its name.")] = None,
    every: Annotated[bool, typer.Option("--all", help="List every finding, agreements too.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="Also write what each touch point shows as a picture (.svg, .png, .html; .csv: its figures)."
        ),
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Where customers meet us (channel and stage), what each place shows, and where it does not join up.

    Waits are in working hours. A suspected contradiction is two sentences for a person to judge, and moves no score.

    Example: troth touchpoints --customer acme --picture map.svg
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress
    from troth.touch.tables import FLAT

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        found = opened.touchpoints(customer)
    if picture is not None:
        _write_picture(found, picture)
    if shape is Format.table:
        _draw(found, every=every)
    else:
        write_rows(found.list_rows(), shape, columns=FLAT.names)


def _write_picture(found: TouchMap, path: Path) -> None:
    from troth.charts import save_chart
    from troth.cli.talk import say

    save_chart(lambda theme: found.chart(theme=theme), path)
    say(f"Picture written to {path}.")


def _draw(found: TouchMap, *, every: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.cli.output import write_rows
    from troth.cli.talk import say

    console = Console()
    points = found.points.to_pylist()
    if points:
        lines = [_tell_point(row) for row in points]
        write_rows(lines, Format.table, columns=list(lines[0]))
        say("us: with automatic turns; same words: of ours, to another customer too; differ: suspected of said twice.")
        waits = [_tell_waits(row) for row in points if row["first_answers"] or row["hand_overs"]]
        if waits:
            console.print(Text("How long they wait, in working hours (80 % interval)", "bold cyan"))
            console.print(Text(f"{'':18}" + "".join(f"{heading:>15}" for heading in list(waits[0])[1:]), "dim"))
            for row in waits:
                name, *cells = row.values()
                console.print(Text(f"{name[:18]:18}" + "".join(f"{cell:>15}" for cell in cells)))
            console.print(Text("(4): so many, too few to say; not yet: too many have not ended\n", "dim"))
    shown = found.shown.to_pylist()
    if shown:
        _draw_shown(console, shown)
    heard = [row for row in found.heard.to_pylist() if every or row["verdict"] == "suspected"]
    _draw_heard(console, heard if every else heard[:_LISTED], hidden=0 if every else max(len(heard) - _LISTED, 0))
    repeated = found.repeated.to_pylist()
    _draw_repeated(console, repeated if every else repeated[:_LISTED], hidden=max(len(repeated) - _LISTED, 0))
    for note in found.notes:
        console.print(Text(f"· {note}", "dim"))


def _tell_point(row: Mapping[str, Any]) -> dict[str, Any]:
    same = row["same_words"]
    return {
        "touch point": _name(row["channel"], row["stage"]),
        "us": row["turns_us"] + row["automatic"],
        "them": row["turns_them"],
        "customers": row["customers"],
        "same words": "–" if same is None else f"{same:.0%}",
        "differ": f"{row['suspected']} of {row['said_twice']}" if row["said_twice"] else "–",
        "repeats": row["repeats"] or "–",
    }


def _name(channel: str, stage: str) -> str:
    return f"{channel}, {stage}" if stage != "unknown" else f"{channel}, ?"


def _tell_waits(row: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"touch point": _name(row["channel"], row["stage"])}
    for name, heading, short in (("first_answer", "first answer", "within"), ("hand_over", "hand-over", "by")):
        told[heading] = _tell_wait(row, name, "median")
        told[f"9 of 10 {short}"] = _tell_wait(row, name, "most")
    return told


def _tell_wait(row: Mapping[str, Any], name: str, part: str) -> str:
    """Hours with their interval; the count alone where it is too small for any."""
    waits, value = row[f"{name}s"], row[f"{name}_{part}_h"]
    if not waits:
        return "–"
    if row[f"{name}_median_h"] is None and waits - row[f"{name}s_open"] < _FEW:
        return f"({waits})"
    if value is None:
        return "not yet"
    ends = [row[f"{name}_{part}_{end}_h"] for end in ("low", "high")]
    if ends == [None, None]:
        return _tell_hours(value)
    told = ["?" if end is None else _tell_hours(end) for end in ends]
    return f"{_tell_hours(value)} ({'–'.join(told)})"


def _tell_hours(hours: float) -> str:
    """Two digits: 71, 3.4, .27; a few seconds are <.01."""
    if hours >= 9.95 or hours == 0:
        return f"{hours:.0f}"
    if hours >= 0.995:
        return f"{hours:.1f}"
    return f"{hours:.2f}".lstrip("0") if hours >= 0.005 else "<.01"


def _draw_shown(console: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """The facets as columns, a number where the evidence is enough for one."""
    from rich.text import Text

    from troth.signals import HELD, SHOWN

    for gauge, facets in (("SHOWN", SHOWN), ("HELD", HELD)):
        mine = [row for row in rows if row["gauge"] == gauge]
        if not mine:
            continue
        codes = [code for code in facets if any(row["facet"] == code for row in mine)]
        told = "50 is typical; a band where the evidence is too thin for a number"
        console.print(Text(f"{gauge} ({told})", "bold cyan"))
        console.print(Text(f"{'':18}" + "".join(f"{code:>6}" for code in codes), "dim"))
        for name in dict.fromkeys(_name(row["channel"], row["stage"]) for row in mine):
            cells = {row["facet"]: row for row in mine if _name(row["channel"], row["stage"]) == name}
            line = Text(f"{name[:18]:18}")
            for code in codes:
                line.append(*_tell_cell(cells.get(code)))
            console.print(line)
        console.print(Text(", ".join(f"{code} {facets[code]}" for code in codes) + "\n", "dim"))


def _tell_cell(row: Mapping[str, Any] | None) -> tuple[str, str]:
    """Six characters, and how they look."""
    if row is None:
        return f"{'':6}", ""
    if row["percentile"] is not None:
        return f"{row['percentile']:6.0f}", "bold"
    band = f"{row['low']:.0f}–{min(row['high'], 99):.0f}"
    return f"{band:>6}", "dim"


def _draw_heard(console: Any, rows: Sequence[Mapping[str, Any]], *, hidden: int) -> None:
    from rich.text import Text

    if not rows:
        return
    console.print(Text("The same customer hears something else", "bold cyan"))
    for row in rows:
        style = "red" if row["verdict"] == "suspected" else "dim"
        console.print(Text(f"  {row['verdict']} · {row['kind']} · {row['relationship']}", style))
        for part in ("earlier", "later"):
            console.print(_quote(row, part))
    if hidden:
        console.print(Text(f"  and {hidden} more; --all lists them", "dim"))
    console.print()


def _draw_repeated(console: Any, rows: Sequence[Mapping[str, Any]], *, hidden: int) -> None:
    from rich.text import Text

    if not rows:
        return
    console.print(Text("They must repeat themselves", "bold cyan"))
    for row in rows:
        another = f", on {row['another']}" if row["another"].startswith("another touch") else ""
        another = another or (f", to {row['another']}" if row["another"] else "")
        console.print(Text(f"  {row['kind']}{another} · {row['relationship']}", "yellow"))
        for part in ("earlier", "later"):
            if row[f"{part}_text"] is not None:
                console.print(_quote(row, part))
    if hidden and len(rows) <= _LISTED:
        console.print(Text(f"  and {hidden} more; --all lists them", "dim"))
    console.print()


def _quote(row: Mapping[str, Any], part: str) -> Any:
    from rich.padding import Padding
    from rich.text import Text

    from troth.plain import clean_line

    when = row[f"{part}_at"].strftime("%-d %b %y") if row[f"{part}_at"] else "no date"
    where = _name(row[f"{part}_channel"], row[f"{part}_stage"])
    head = Text(f"{when}, {clean_line(row[f'{part}_speaker'])}, {where}: ", "dim")
    return Padding(head.append(f"“{clean_line(row[f'{part}_text'])}”", "not dim"), (0, 0, 0, 4))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(touchpoints)
