"""troth serve"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
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
)
from troth.errors import InputError

if TYPE_CHECKING:
    from troth.library import Book
    from troth.settings import Settings
    from troth.teaming import Team
    from troth.web.app import Serving

_PORT = 8321
_PATIENCE_S = 0.3
_GRACE_S = 1  # that requests under way may take at the end
_TURN_S = 0.0005  # that one thread computes before another may
_TERMINATED = 143
_STOPPED = 130
_SECRET = "TROTH_OIDC_SECRET"  # noqa: S105 - the name of a variable


def serve(
    sample: SampleOption = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = _PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Another than this machine's own needs [team] in troth.toml.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    book: BookOption = None,
    me: MeOption = None,
    zone: ZoneOption = None,
    settings: SettingsOption = None,
) -> None:
    """The page: the day's close, relationships, promises, questions; also a JSON API. Ctrl-C ends it.

    Only this machine can reach it, by the address that is printed; the address opens the page once. A team whose
    troth.toml says [team] signs in at its identity provider instead, and may reach it from elsewhere.

    Example: troth serve --sample
    """
    from troth.cli.talk import say

    chosen = choose_settings(settings, zone=zone, me=me)
    _check_host(host, chosen)
    with _ending(), open_book(book, chosen, sample=sample) as opened:
        running = _find_running(opened)
        if running is not None:
            say("This book is served already. Here is a new address of the same page, which opens it once:")
            _show(running, browser=browser)
            return
        with closing(_listen(host, port)) as listening:
            serving = _serve(opened, f"http://127.0.0.1:{listening.getsockname()[1]}")
            with _card(opened, serving):
                if chosen.team is not None:
                    say(f"The team signs in at {chosen.team.address}. Ctrl-C ends it.")
                else:
                    say("The page is here. The address opens it once; Ctrl-C ends it.")
                    _show(f"{serving.address}/in?token={serving.keys.make()}", browser=browser)
                try:
                    _run(serving, listening, chosen.team)
                finally:
                    is_busy = serving.worker.is_busy
                    serving.transactions.close()
                    serving.close()
                    if is_busy:
                        say("A job was under way. It goes on where it was when you serve this book again.")


class _Terminated(KeyboardInterrupt):
    """Ends the page as Ctrl-C does."""


@contextmanager
def _ending() -> Generator[None]:
    """Ctrl-C, and the signal that service managers end processes with, close the page, and say so once."""
    running = set(threading.enumerate())
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _terminate) if is_main else None
    try:
        yield
    except KeyboardInterrupt as ended:
        from troth.cli.talk import say

        say("The page is closed.")
        _leave(_TERMINATED if isinstance(ended, _Terminated) else _STOPPED, running)
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _leave(code: int, running: set[threading.Thread]) -> None:
    """Leave with a code; also where a thread is in the midst of what cannot be stopped, for the book is closed by now.

    Raises: typer.Exit.
    """
    for thread in set(threading.enumerate()) - running:
        if not thread.daemon:
            thread.join(timeout=_PATIENCE_S)
            if thread.is_alive():
                sys.stderr.flush()
                os._exit(code)
    raise typer.Exit(code)


def _check_host(host: str, settings: Settings) -> None:
    from troth.teaming import LOOPBACK

    if host not in LOOPBACK and settings.team is None:
        raise InputError(
            f"--host {host} would let others in, and nobody would be asked who they are. Say in troth.toml under "
            "[team] how your team signs in; docs/teams.md shows it."
        )


def _find_running(opened: Book) -> str | None:
    """A new address of the page, where another process serves this book."""
    from troth.book.remote import RemoteStore

    return opened.store.make_door_key() if isinstance(opened.store, RemoteStore) else None


def _show(address: str, *, browser: bool) -> None:
    from troth.cli.talk import say

    say(address)
    if browser:
        import webbrowser

        webbrowser.open(address)


@contextmanager
def _card(opened: Book, serving: Serving) -> Generator[None]:
    """Say beside the book where it is served, so that other commands work through this process."""
    from troth.book.remote import Address, card_of, write_card

    if opened.store.path == ":memory:":
        yield
        return
    book = Path(opened.store.path)
    write_card(book, Address(url=serving.address, token=serving.own_token))
    try:
        yield
    finally:
        card_of(book).unlink(missing_ok=True)


def _serve(opened: Book, address: str) -> Serving:
    try:
        from troth.web.start import make_serving
    except ImportError as error:
        raise InputError(f'the page needs an extra: install it with  pip install "troth[serve]". ({error})') from error
    return make_serving(opened.store, opened.settings, address=address, secret=_find_secret(opened.settings))


def _find_secret(settings: Settings) -> str | None:
    """What the identity provider gave a team's troth.

    Raises: InputError where it is nowhere.
    """
    from troth.cli.passwords import find_secret

    if settings.team is None:
        return None
    secret = find_secret(settings.team.client_id, _SECRET)
    if not secret:
        raise InputError(
            f"the secret that {settings.team.issuer} gave this troth is missing. Set {_SECRET}, or keep it in the "
            f"keyring under troth and {settings.team.client_id}."
        )
    return secret


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends each part of an answer at once; else the end of a page lies there for 40 ms
    # until the browser has confirmed its head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # whoever opens the address before the page is there waits for it, and is not refused
    except OSError as error:
        listening.close()
        raise InputError(
            f"{host}, port {port}, cannot be taken: {error.strerror}. Name another with --port, or 0 for a free one."
        ) from error
    return listening


def _run(serving: Serving, listening: socket.socket, team: Team | None) -> None:
    import uvicorn

    from troth.mcp import Assistant
    from troth.web.app import make_app

    config = uvicorn.Config(
        make_app(serving, beside=Assistant(serving)), log_level="warning", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=None if team is None else team.certificate, ssl_keyfile=None if team is None else team.key,
    )  # fmt: skip
    server = uvicorn.Server(config)
    # A page asks for the interpreter dozens of times, and would wait 5 ms each time for what is worked out beside it.
    sys.setswitchinterval(_TURN_S)
    server.run(sockets=[listening])  # ends with the signal that ended it


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)
