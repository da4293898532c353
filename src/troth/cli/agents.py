"""troth agents"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.options import (
    BookOption,
    Format,
    FormatOption,
    MeOption,
    SettingsOption,
    choose_settings,
    open_book,
    read_sources,
    stoppable,
)
from troth.errors import InputError

if TYPE_CHECKING:
    from troth.agents import AgentReport

_STYLES = {"said and not done": "red", "done and not said": "yellow", "said and done": "green"}
_LONGEST = 160  # characters of a call's arguments that are shown


@stoppable
def agents(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(help="Logs with tool calls, read into a throw-away book; the book itself if absent."),
    ] = None,
    verdict: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(_STYLES)}. Default: all.")] = None,
    counts: Annotated[bool, typer.Option("--counts", help="One line a conversation, with its counts.")] = False,
    relationship: Annotated[str | None, typer.Option(help="Only this relationship, or enough of its name.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Only the conversation of this id.")] = None,
    me: MeOption = None,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """What an AI agent said it did or would do, against the tool calls it made: said, done, or only one of the two.

    Example: troth agents chats.jsonl --verdict "said and not done" --format csv
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import say

    if unknown := set(verdict or ()) - _STYLES.keys():
        raise InputError(f"there is no verdict {sorted(unknown)[0]!r}; there are {', '.join(_STYLES)}.")
    if sources and book is not None:
        raise InputError(
            "files are checked in a throw-away book. Take them into yours with `troth read`, or drop --book."
        )
    with open_book(book, choose_settings(settings, me=me), fresh=bool(sources)) as opened:
        read_sources(opened, sources or (), me=me)
        report = opened.check_agents(relationship=relationship, conversation=conversation)
    if report.unplaced:
        say(f"{report.unplaced} tool calls belong to conversations in which no turn of yours is in the book.")
    if not report.agents:
        say("No tool call of an agent of yours is in the book. Read a log that holds its messages and its calls.")
    table = report.conversations if counts else report.checks
    rows = [row for row in table.to_pylist() if counts or not verdict or row["verdict"] in verdict]
    if shape is not Format.table or counts:
        write_rows(rows, shape, columns=table.column_names)
    else:
        _draw(report, rows)


def _draw(report: AgentReport, rows: Sequence[Mapping[str, Any]]) -> None:
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from troth.plain import clean_line

    console = Console()
    console.print(Text(_sum_up(report.conversations.to_pylist()), "bold"))
    counted = {row["conversation_id"]: row for row in report.conversations.to_pylist()}
    for talk, group in groupby(rows, key=lambda row: row["conversation_id"]):
        console.print()
        who = [counted[talk]["relationship"]] if counted[talk]["relationship"] not in {None, talk} else []
        told = "  ".join(map(clean_line, [*who, _count(counted[talk])]))
        console.print(Text(clean_line(talk), "bold cyan").append(f"  {told}", "dim not bold"))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
        table.add_column(width=17)
        table.add_column(ratio=1, overflow="fold")
        for row in group:
            words = Text("") if row["text"] is None else Text(f"“{clean_line(row['text'])}”")
            if row["tool"] is not None:
                words.append("\n" if words else "").append(f"→ {_name_call(row)}", "dim")
            table.add_row(Text(row["verdict"], _STYLES[row["verdict"]]), words)
        console.print(table)


def _sum_up(counted: Sequence[Mapping[str, Any]]) -> str:
    total = {name: sum(row[name] for row in counted) for name in _columns()}
    of = f"{len(counted)} conversation{'' if len(counted) == 1 else 's'}"
    return f"{of}: {_count(total)}"


def _count(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in _columns())


def _columns() -> list[str]:
    return [name.replace(" ", "_") for name in _STYLES]


def _name_call(row: Mapping[str, Any]) -> str:
    from troth.plain import clean_line

    arguments = clean_line(row["arguments"] or "")
    shown = arguments if len(arguments) <= _LONGEST else arguments[: _LONGEST - 1] + "…"
    return f"{clean_line(row['tool'])} {shown}".rstrip()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(agents)
