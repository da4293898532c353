"""troth read"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from troth.cli.options import BookOption, MeOption, SettingsOption, choose_settings, open_book, read_sources, stoppable


@stoppable
def read(
    sources: Annotated[list[Path], typer.Argument(help="Mailboxes, folders of mails, JSON lines of turns.")],
    book: BookOption = None,
    me: MeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take exports into a book; reading one again adds nothing.

    Example: troth read Takeout/Mail.mbox --me anna@firm.com
    """
    with open_book(book, choose_settings(settings)) as opened:
        read_sources(opened, sources, me=me)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(read)
