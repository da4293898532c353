"""troth audit: who looked at what in a team's book, and whether the log is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from troth.cli.options import (
    BookOption,
    Format,
    FormatOption,
    SettingsOption,
    choose_settings,
    open_book,
    stoppable,
)
from troth.errors import InputError, TrothError

_COLUMNS = ("number", "at", "who", "role", "action", "object", "outcome")


class LogDamaged(TrothError):
    """The log of who looked at what does not hold together."""


@stoppable
def verify(
    end: Annotated[
        str | None, typer.Option(help="Number and seal of an entry that must be there, as noted earlier.")
    ] = None,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Look through the log: entries altered, taken out, moved, or cut off at the end. Exit code 1 where it is damaged.

    Example: troth audit verify
    """
    from troth.cli.talk import say
    from troth.web.audit import check_book

    if end is not None and not end.partition(":")[0].isdecimal():
        raise InputError(f"--end {end} is no number and seal; troth audit verify prints it as 12:ab34...")
    with open_book(book, choose_settings(settings)) as opened:
        found = check_book(opened.store, end=end)
    if found.wrong:
        for line in found.wrong:
            say(line)
        raise LogDamaged(
            f"the log of {found.entries} entries does not hold together. Keep a copy of the book as it is."
        )
    if not found.entries:
        say("Nothing was logged yet: only troth serve for a team logs who looked at what.")
        return
    erased = f", names erased in {found.erased}" if found.erased else ""
    say(f"The log is whole: {found.entries} entries{erased}. It ends with the line below; note it elsewhere.")
    typer.echo(found.end)


@stoppable
def show(
    who: Annotated[str | None, typer.Option(help="Only what this person looked at, by address.")] = None,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """The log: who looked at what and when, the earliest first; never a content.

    Example: troth audit show --who anna@firm.com --format csv
    """
    from troth.cli.output import write_rows
    from troth.web.audit import read_log

    with open_book(book, choose_settings(settings)) as opened:
        rows = [row for row in read_log(opened.store) if who is None or row["who"] == who.lower()]
    write_rows([{name: row[name] for name in _COLUMNS} for row in rows], shape, columns=_COLUMNS)


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Who looked at what in a team's book.")
    group.command()(verify)
    group.command()(show)
    app.add_typer(group, name="audit")
