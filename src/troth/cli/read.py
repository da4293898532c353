"""troth read"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
        from troth.cli.explain import explain_sources

        explain_sources([Path(source) for source in sources], chosen, shape)
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


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(read)
