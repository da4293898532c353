"""troth mcp"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from troth.cli.options import (
    BookOption,
    MeOption,
    SampleOption,
    SettingsOption,
    ZoneOption,
    choose_settings,
    open_book,
    stoppable,
)
from troth.errors import InputError

if TYPE_CHECKING:
    from troth.library import Book
    from troth.web.view import View


@stoppable
def mcp(
    sample: SampleOption = False,
    book: BookOption = None,
    me: MeOption = None,
    zone: ZoneOption = None,
    settings: SettingsOption = None,
) -> None:
    """Answer an AI assistant over the Model Context Protocol, on standard input and output. It changes nothing.

    An assistant starts this by itself, once its settings name the command. What it reads it may send to whoever runs
    it: connect only an assistant that you trust with your mail.

    Example of such settings: {"mcpServers": {"troth": {"command": "troth", "args": ["mcp"]}}}
    """
    try:
        from troth.mcp import make_server
    except ImportError as error:
        raise InputError(f'this needs an extra: install it with  pip install "troth[serve]". ({error})') from error
    if sys.stdin.isatty():
        from troth.cli.talk import say

        say("An assistant talks to this command; a person will not get far. Ctrl-C ends it.")
    chosen = choose_settings(settings, zone=zone, me=me)
    with open_book(book, chosen, sample=sample) as opened:
        make_server(follow_book(opened)).run("stdio")


def follow_book(book: Book) -> Callable[[], View]:
    """The view of a book, made anew once somebody else has changed it."""
    from troth.library import Book as AnyBook
    from troth.web.view import make_view

    revisions, view = book.store.revisions(), make_view(book, book.settings)

    def see() -> View:
        nonlocal revisions, view
        now = book.store.revisions()
        if now != revisions:
            revisions, view = now, make_view(AnyBook(book.store, book.settings), book.settings)
        return view

    return see


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)
