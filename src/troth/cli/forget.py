"""troth forget"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

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
    from troth.forgetting import Meant, Weighed
    from troth.library import Book

_LISTED = ("id", "at", "names", "turns", "conversations", "before")


@stoppable
def forget(
    who: Annotated[
        str | None, typer.Argument(help="Address, handle or phone in full, or a name that only one person has.")
    ] = None,
    conversation: Annotated[str | None, typer.Option(help="Forget one conversation instead, by its id.")] = None,
    before: Annotated[
        str | None, typer.Option(help="Forget every turn before this day instead, written 2025-01-31.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    lift: Annotated[
        str | None,
        typer.Option(help="Let this person, conversation or erasure come back with the next reading."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List when something was forgotten, without names.")] = False,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Take a person out of the book and its file for good: what they wrote, what was written to them alone, their name.

    Says first what goes, by table. Reading an export that still holds it brings nothing back. Words in which others
    speak of them stay.

    Example: troth forget kim@acme.example --dry-run
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import say, show_progress
    from troth.desk import clock
    from troth.forgetting import weigh

    asked = {"WHO": who, "--conversation": conversation, "--before": before, "--lift": lift, "--list": listed or None}
    given = [name for name, value in asked.items() if value is not None]
    if len(given) != 1:
        raise InputError(f"say one of {', '.join(asked)}" + (f", not {' and '.join(given)}." if given else "."))
    is_asked = not (yes or dry_run or listed or lift is not None)
    if is_asked and not sys.stdin.isatty():
        raise InputError("nobody is here to be asked. Give --yes, or --dry-run to see what would go.")
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        if listed or lift is not None:
            _tell_forgotten(opened, lift, shape)
            return
        meant = _choose(opened, who, conversation, before)
        weighed = weigh(opened.store, meant)
        rows = [{"table": name, "rows": count} for name, count in _order(weighed)]
        write_rows(rows, shape, columns=("table", "rows"))
        for line in _tell(meant, weighed):
            say(line)
        if dry_run:
            say("Nothing was changed.")
            return
        if is_asked and not typer.confirm("Forget this for good?", err=True):
            say("Nothing was changed.")
            raise typer.Exit(1)
        from troth.forgetting import forget as forget_meant

        with show_progress("writing the book anew", unit="rows") as progress:
            forget_meant(opened.store, meant, now=clock(), progress=progress)
    say("Forgotten. The book's file was written anew, and reading an export brings nothing of it back.")
    say("Copies elsewhere are yours to delete: exports, backups, mails sent, troth.toml, this shell's history.")


def _choose(opened: Book, who: str | None, conversation: str | None, before: str | None) -> Meant:
    from troth.forgetting import choose_before, choose_conversation, choose_person
    from troth.relationship import parse_day

    if conversation is not None:
        return choose_conversation(opened.store, conversation)
    if before is not None:
        return choose_before(opened.store, parse_day(before), zone=opened.zone)
    return choose_person(opened, who or "")


def _order(weighed: Weighed) -> list[tuple[str, int]]:
    """Tables with most rows first, turns before all."""
    return sorted(weighed.gone.items(), key=lambda entry: (entry[0] != "turns", -entry[1], entry[0]))


def _tell(meant: Meant, weighed: Weighed) -> list[str]:
    lines: list[str] = []
    if meant.names:
        lines.append(f"Meant are all names of one person: {', '.join(meant.names)}.")
    if weighed.gone.get("recipients"):
        lines.append("Recipients: turns of others that stay, and name them no more as one to whom they were written.")
    if weighed.mentioned:
        lines.append(
            f"{weighed.mentioned} turns of others stay that name them in their words. Those words belong to the others."
        )
    return lines


def _tell_forgotten(opened: Book, lift: str | None, shape: Format) -> None:
    from troth.cli.output import write_rows
    from troth.cli.talk import say
    from troth.forgotten import lift as lift_what
    from troth.forgotten import list_forgotten

    if lift is None:
        rows = list_forgotten(opened.store)
        if not rows and shape is Format.table:
            say("Nothing was forgotten yet.")
            return
        write_rows(rows, shape, columns=_LISTED)
        return
    lift_what(opened.store, lift)
    opened.store.rewrite()
    say("Lifted: the next reading of an export that holds it brings it back.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(forget)
