"""troth questions"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

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
from troth.errors import InputError

_STATES = ("open", "partly", "answered", "stale")
_KINDS = {"credence": "HC", "dependence": "HR", "closeness": "HI", "fairness": "HS", "direct": "direct"}
_CIRCLES = ("customer", "colleague", "friend")


@stoppable
def questions(
    kind: Annotated[
        list[str] | None,
        typer.Option(help=f"Only these kinds: {', '.join(_KINDS)} (or HC, HR, HI, HS). Default: all, trust first."),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help=f"Only these states: {', '.join(_STATES)}. Default: open, partly.")
    ] = None,
    relationship: Annotated[str | None, typer.Option(help="Only this relationship, or enough of its name.")] = None,
    circle: Annotated[str | None, typer.Option(help="Only customer, colleague or friend.")] = None,
    side: Annotated[str, typer.Option(help="Who asks: them, or us for what we asked and still wait for.")] = "them",
    day: Annotated[
        str | None, typer.Option(help="As of this day's evening, as 2026-11-20. Default: the last day with a turn.")
    ] = None,
    zone: ZoneOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Questions still without an answer: those that ask for trust first, the most open and the oldest on top.

    Example: troth questions --kind dependence --circle customer --format csv
    """
    from troth.cli.output import write_rows
    from troth.relationship import parse_day
    from troth.review import day_bounds

    kinds = {_read_kind(name) for name in kind or _KINDS.values()}
    states = _check("state", state, _STATES) or {"open", "partly"}
    circles = _check("circle", [circle] if circle else None, _CIRCLES)
    _check("side", [side], ("them", "us"))
    with open_book(book, choose_settings(settings, zone=zone), sample=sample) as opened:
        now = None if day is None else day_bounds(parse_day(day), opened.zone)[1]
        name = None if relationship is None else opened.find_relationship(relationship)
        table = opened.questions(now=now, side=side)
    rows = [
        row
        for row in table.to_pylist()
        if row["kind"] in kinds
        and row["state"] in states
        and (not circles or row["circle"] in circles)
        and name in {None, row["relationship"]}
    ]
    rows.sort(key=_by_urgency)
    if shape is Format.table:
        _draw(rows)
    else:
        write_rows(rows, shape, columns=table.column_names)


def _by_urgency(row: Mapping[str, Any]) -> tuple[bool, float, dt.datetime, str]:
    """Trust before the rest, the strongest first, then the oldest."""
    never = dt.datetime.max.replace(tzinfo=dt.UTC)
    return (row["kind"] == "direct", -round(row["strength"], 3), row["asked_at"] or never, row["question_id"])


def _draw(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from troth.plain import clean_line

    console = Console()
    if not rows:
        console.print(Text("Nothing asked here waits for an answer.", "dim"))
        return
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column(width=28, overflow="fold")
    table.add_column(width=10)
    table.add_column(ratio=1, overflow="fold")
    for row in rows:
        words = Text(f"“{clean_line(row['text'])}”  ").append(_describe(row), "yellow")
        if row["answer_text"]:
            words.append(f"\n→ “{clean_line(row['answer_text'])}”", "dim")
        asked = f"{row['asked_at']:%Y-%m-%d}" if row["asked_at"] else "no time"
        table.add_row(Text(clean_line(row["relationship"] or "")), Text(asked, "dim"), words)
    console.print(table)


def _describe(row: Mapping[str, Any]) -> str:
    """What it asks for, how it was asked where not in words, and its state where it is not simply open."""
    about = next(name for name, code in _KINDS.items() if code == row["kind"])
    how = "" if row["act"] == "asks" else row["act"].replace("_", " ")
    state = "" if row["state"] == "open" else row["state"]
    return ", ".join(filter(None, (about, how, state)))


def _read_kind(name: str) -> str:
    """A kind by its code or its name.

    Raises: InputError when it is neither.
    """
    if name in _KINDS.values():
        return name
    if name.lower() not in _KINDS:
        raise InputError(f"there is no kind {name!r}; there are {', '.join(_KINDS)}.")
    return _KINDS[name.lower()]


def _check(what: str, chosen: list[str] | None, known: tuple[str, ...]) -> set[str]:
    """What was chosen, as a set.

    Raises: InputError naming those that exist when one does not.
    """
    if unknown := set(chosen or ()) - set(known):
        raise InputError(f"there is no {what} {sorted(unknown)[0]!r}; there are {', '.join(known)}.")
    return set(chosen or ())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(questions)
