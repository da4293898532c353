"""troth read"""

from __future__ import annotations

from collections.abc import Iterator
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
from troth.cli.passwords import ask_password, is_mailbox, read_mails
from troth.errors import InputError

if TYPE_CHECKING:
    from troth.settings import Settings
    from troth.sources import Explained, Rejected


@stoppable
def read(
    sources: Annotated[
        list[str],
        typer.Argument(help="Exports: files, zips, folders that hold several, or imaps://you@firm.com@host/INBOX."),
    ],
    explain: Annotated[
        bool, typer.Option("--explain", help="Only say what each is and what would be taken; no book is touched.")
    ] = False,
    book: BookOption = None,
    me: MeOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Take exports into a book; reading one again adds nothing.

    Example: troth read Takeout/Mail.mbox --me anna@firm.com; or troth read --explain exports/
    """
    chosen = choose_settings(settings, me=me)
    if explain:
        if book is not None:
            raise InputError("--explain touches no book: leave out --book.")
        _explain([Path(source) for source in sources], chosen, shape)
        return
    if shape is not Format.table:
        raise InputError("--format is the shape of what --explain prints: add --explain, or leave it out.")
    passwords = {source: ask_password(source) for source in sources if is_mailbox(source)}
    with open_book(book, chosen) as opened:
        for source in sources:
            if source in passwords:
                read_mails(opened, source, passwords[source])
            else:
                read_sources(opened, [Path(source)], me=me)


def _explain(sources: list[Path], settings: Settings, shape: Format) -> None:
    from troth.cli.output import write_rows
    from troth.plain import clean_line
    from troth.sources import Local, explain_source

    local = Local(zone=settings.zone, dates=settings.dates, own=settings.source)
    found = (each for source in sources for each in explain_source(source, local=local))
    if shape is Format.table:
        for each in found:
            typer.echo(clean_line(_line(each)))
        return
    write_rows(map(_row, found), shape, columns=_COLUMNS)


_COLUMNS = (
    "source", "format", "description", "takes", "turns", "speakers", "beside", "rejected", "first", "last", "whole",
    "notes", "reason",
)  # fmt: skip


def _row(each: Explained | Rejected) -> dict[str, Any]:
    from troth.sources import Rejected

    if isinstance(each, Rejected):
        return {"source": each.position, "reason": each.reason}
    names = ("turns", "speakers", "beside", "rejected", "first", "last", "whole", "notes")
    return {
        "source": str(each.path),
        "format": each.format.name,
        "description": each.format.description,
        "takes": each.format.takes,
        **{name: getattr(each, name) for name in names},
    }


def _line(each: Explained | Rejected) -> str:
    """One line for people: what it is, what is taken, and what of that was met."""
    from troth.sources import Rejected

    if isinstance(each, Rejected):
        return f"{each.position}: left out: {each.reason}"
    return f"{each.path}: {each.format.description}. Takes {each.format.takes}. {', '.join(_met(each))}."


def _met(each: Explained) -> Iterator[str]:
    from troth.cli.talk import BESIDE

    first, last = each.first, each.last
    yield f"{'All of it' if each.whole else 'Its first part'}: {each.turns} turns"
    if first is not None and last is not None:
        yield f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    elif each.turns:
        yield "without times"
    if each.turns:
        yield f"{each.speakers} who speak"
    for name, count in each.beside.items():
        yield f"{count} {BESIDE.get(name, name.replace('_', ' '))}"
    if each.rejected:
        yield f"{each.rejected} not readable"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(read)
