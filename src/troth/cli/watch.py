"""troth watch"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from troth.cli.options import BookOption, MeOption, SettingsOption, choose_settings, open_book, stoppable, tell_read
from troth.cli.talk import say
from troth.errors import BookError

if TYPE_CHECKING:
    from troth.settings import Settings
    from troth.watching import Watch

_SETTLE_S: Final = 2.0  # between the two looks at an export that must find it unchanged


@stoppable
def watch(
    folder: Annotated[Path, typer.Argument(help="Where exports come in: files, zips, and folders that are one.")],
    once: Annotated[bool, typer.Option("--once", help="Take what is there and stop, as cron wants it.")] = False,
    every: Annotated[float, typer.Option("--every", min=1, help="Seconds between two looks at the folder.")] = 60.0,
    book: BookOption = None,
    me: MeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take new and changed exports of a folder as they come, each once it has stopped growing.

    The book is held only while something is taken. Stopped in whatever way, it goes on where it was.

    Example: troth watch ~/exports --me firm.com --every 300
    """
    from troth.watching import Watch

    chosen, watched = choose_settings(settings, me=me), Watch(folder)
    while True:
        try:
            _look(watched, chosen, book=book, me=me, is_last=once)
        except BookError as error:
            if once:
                raise
            say(f"{error} It is tried again in {every:.0f} seconds.")
        if once:
            return
        time.sleep(every)


def _look(watched: Watch, settings: Settings, *, book: Path | None, me: list[str] | None, is_last: bool) -> None:
    """Take what has settled."""
    watched.find_settled()
    if not watched.is_waiting:
        return
    time.sleep(_SETTLE_S)
    settled = watched.find_settled()
    if settled:
        with open_book(book, settings) as opened:
            for name in settled:
                taken = opened.take(watched, name, us=me)
                if taken is not None and taken.report is not None:
                    tell_read(taken.report)
                elif taken is not None:
                    say(f"{name}: {taken.problem}")
    if is_last and watched.is_waiting:
        say("What still grows was left for the next time.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)
