"""troth check"""

from __future__ import annotations

import sys
from collections.abc import Mapping
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
from troth.errors import InputError

if TYPE_CHECKING:
    from troth.review import DraftCheck

_PROMISED = ("text", "act", "due_words", "due_latest", "state", "probability")
_COLUMNS = ("kind", "effect", "signal", "facet", *_PROMISED, "why")


@stoppable
def check(
    draft: Annotated[
        Path | None, typer.Argument(help="The draft as text; '-' or nothing reads standard input.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="The relationship it goes to, as in `troth relationships`.")] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Check a draft before it is sent: what each sentence does, what it promises, what it leaves open.

    Example: echo "We will have it fixed by Friday." | troth check --to acme
    """
    from troth.api import check as check_text
    from troth.cli.output import write_rows

    text = _read_draft(draft)
    if to is None:
        found = check_text(text)
    else:
        with open_book(book, choose_settings(settings), sample=sample) as opened:
            found = opened.check(text, to=to)
    if shape is Format.table:
        _draw(found)
    else:
        write_rows(_list_check(found), shape, columns=_COLUMNS)


def _read_draft(path: Path | None) -> str:
    if path is None or str(path) == "-":
        return _read_standard_input()
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text. Save the draft as plain text.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}.") from error


def _read_standard_input() -> str:
    """What was typed or piped in; bytes that are no text of this terminal's encoding are the user's to mend."""
    try:
        text = sys.stdin.read()
        text.encode("utf-8")  # some locales let strange bytes through as lone surrogates
    except UnicodeError as error:
        raise InputError("standard input: is not UTF-8 text. Save the draft as plain text.") from error
    return text


def _list_check(found: DraftCheck) -> list[dict[str, Any]]:
    marks: list[dict[str, Any]] = [
        {
            "kind": "sentence",
            "effect": mark.effect,
            "signal": mark.signal,
            "facet": mark.facet,
            "probability": mark.probability,
            "text": mark.text,
            "why": mark.question,
        }
        for mark in found.marks
    ]
    for kind, rows in (("promise", found.promises), ("still open with you", found.open_promises)):
        marks.extend({"kind": kind} | {name: row[name] for name in _PROMISED} for row in rows)
    marks.extend(
        {"kind": "unanswered", "text": row["text"], "state": row["state"], "why": row["kind"]}
        for row in found.unanswered
    )
    marks.extend({"kind": "warning", "text": warning} for warning in found.warnings)
    return marks


def _draw(found: DraftCheck) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.plain import clean_line, quote_promise

    console = Console()
    signs = {1: ("▲", "green"), -1: ("▼", "red"), 0: ("·", "dim")}
    if not found.marks:
        console.print(f"No act of trust found in {'the English of ' if found.unread else ''}this draft.")
    for mark in found.marks:
        sign, style = signs[mark.effect]
        about = f"{mark.signal.replace('_', ' ')}" + (f", {mark.facet}" if mark.facet else "")
        line = Text(f"{sign} ", style).append(f"{about} ({mark.probability:.0%})", "bold")
        console.print(line.append(f"  “{clean_line(mark.text)}”", "not bold"))
    sections = (
        ("It promises", [f"“{clean_line(row['text'])}” {_due(row)}" for row in found.promises]),
        ("Mind", [clean_line(warning) for warning in found.warnings]),
        ("Asked and left open here", [f"“{clean_line(row['text'])}”" for row in found.unanswered]),
        (
            "Promised before and not done yet",
            [f"{quote_promise(row['text'], row['act'])} {_due(row)}" for row in found.open_promises],
        ),
    )
    for heading, lines in sections:
        if lines:
            console.print(Text(f"\n{heading}", "bold cyan"))
            for line in lines:
                console.print(Text(f"  {line}"))


def _due(row: Mapping[str, Any]) -> str:
    latest = row["due_latest"]
    return f"→ by {latest:%a %-d %b %Y %H:%M} UTC" if latest is not None else "→ no time named"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)
