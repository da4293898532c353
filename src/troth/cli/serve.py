"""troth serve"""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

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
    from troth.web.app import Serving

_PORT = 8321


@stoppable
def serve(
    sample: SampleOption = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = _PORT,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    book: BookOption = None,
    me: MeOption = None,
    zone: ZoneOption = None,
    settings: SettingsOption = None,
) -> None:
    """The page: the day's close, relationships, promises, questions; also a JSON API. Ctrl-C ends it.

    Only this machine can reach it, by the address that is printed; the address opens the page once.

    Example: troth serve --sample
    """
    from troth.cli.talk import say

    chosen = choose_settings(settings, zone=zone, me=me)
    with open_book(book, chosen, sample=sample) as opened, closing(_listen(port)) as listening:
        serving = _serve(opened)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/in?token={serving.keys.make()}"
        say(f"The page is at {address}")
        say("The address opens it once. Ctrl-C ends it.")
        if browser:
            import webbrowser

            webbrowser.open(address)
        try:
            _run(serving, listening)
        finally:
            serving.keeper.close()


def _serve(opened: Book) -> Serving:
    try:
        from troth.web.start import make_serving
    except ImportError as error:
        raise InputError(f'the page needs an extra: install it with  pip install "troth[serve]". ({error})') from error
    return make_serving(opened.store, opened.settings)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise InputError(
            f"port {port} is taken: {error.strerror}. Name another with --port, or 0 for a free one."
        ) from error
    return listening


def _run(serving: Serving, listening: socket.socket) -> None:
    import uvicorn

    from troth.web.app import make_app

    server = uvicorn.Server(uvicorn.Config(make_app(serving), log_level="warning", server_header=False))
    server.run(sockets=[listening])  # ends with the signal that ended it


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)
