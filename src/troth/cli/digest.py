"""troth digest"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.options import (
    BookOption,
    Language,
    MeOption,
    SampleOption,
    SettingsOption,
    ZoneOption,
    choose_settings,
    open_book,
    stoppable,
)
from troth.errors import InputError, TrothError

if TYPE_CHECKING:
    from troth.library import Book
    from troth.settings import Settings
    from troth.teaming import Digest
    from troth.web.view import View

_PASSWORD = "TROTH_SMTP_PASSWORD"  # noqa: S105 - the name of a variable


class DigestsWaiting(TrothError):
    """Some closes could not be handed to the mail server yet."""


@stoppable
def digest(
    to: Annotated[
        list[str] | None, typer.Option(help="Whom to send their own close; may be given several times.")
    ] = None,
    smtp: Annotated[
        str | None,
        typer.Option(help="The mail server, as smtps://user@mail.firm.com. Default: [digest] in troth.toml."),
    ] = None,
    sender: Annotated[
        str | None, typer.Option(help="The address it comes from. Default: [digest], or the user.")
    ] = None,
    day: Annotated[str | None, typer.Option(help="The day, as 2026-11-20. Default: the last one with a turn.")] = None,
    language: Annotated[
        Language | None, typer.Option(help="What it is written in. Default: [digest] in troth.toml, or English.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the words of the mail, and send nothing.")] = False,
    sample: SampleOption = False,
    book: BookOption = None,
    me: MeOption = None,
    zone: ZoneOption = None,
    settings: SettingsOption = None,
) -> None:
    """The day's close by mail, to its own person alone: once for each day, again where it could not be sent before.

    The password comes from TROTH_SMTP_PASSWORD, or from the keyring. Exit code 1 where something still waits.

    Example: troth digest --to anna@firm.com --smtp smtps://anna@mail.firm.com
    """
    chosen = choose_settings(settings, zone=zone, me=me)
    people = [who.strip().lower() for who in to or (chosen.digest.to if chosen.digest else ())]
    if not people:
        raise InputError(
            "say whom to send their close: --to anna@firm.com, or to = [...] under [digest] in troth.toml."
        )
    from troth.web.digest import check_reader, look_at

    with open_book(book, chosen, sample=sample) as opened:
        if show:
            _show(opened, people, day, chosen.digest, language)
            return
        how = _choose(chosen, smtp, sender, language)
        for who in people:
            check_reader(opened, who)
        view = look_at(opened)
        waiting = [who for who in people if not _send(opened, view, who, day, how)]
    if waiting:
        raise DigestsWaiting(f"still to be sent: {', '.join(waiting)}. Run the same command again later.")


def _show(opened: Book, people: list[str], day: str | None, digest: Digest | None, language: Language | None) -> None:
    from troth.web.digest import find_closes, look_at, write_text

    view = look_at(opened)
    for who in people:
        spoken = language.value if language else digest.language_of(who) if digest else "en"
        for close in find_closes(opened, view, who, _days(day)):
            typer.echo(write_text(close, language=spoken))


def _choose(settings: Settings, smtp: str | None, sender: str | None, language: Language | None) -> Digest:
    from pydantic import ValidationError

    from troth.teaming import Digest

    stated: dict[str, Any] = settings.digest.model_dump() if settings.digest else {}
    server = smtp or stated.get("smtp")
    if server is None:
        raise InputError("say which mail server: --smtp smtps://user@mail.firm.com, or [digest] in troth.toml.")
    user = server.partition("//")[2].rpartition("@")[0].replace("%40", "@")
    wanted: dict[str, Any] = {**stated, "smtp": server, "sender": sender or stated.get("sender") or user}
    if language is not None:
        wanted |= {"language": language.value, "languages": {}}
    try:
        return Digest(**wanted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = str(first.get("ctx", {}).get("error", first["msg"])).rstrip(".")
        raise InputError(f"--{first['loc'][0]}: {reason}.") from error


def _send(opened: Book, view: View | None, who: str, day: str | None, how: Digest) -> bool:
    """Send what waits for a person and the day asked for; whether nothing waits any more."""
    from troth.cli.passwords import find_secret
    from troth.cli.talk import say
    from troth.desk import clock
    from troth.web.digest import enqueue, find_closes, is_empty, list_waiting, read_server, send, write_mail

    server = read_server(how)
    password = find_secret(server.account, _PASSWORD) if server.user else ""
    if password is None:
        raise InputError(
            f"there is no password for {server.account}. Set {_PASSWORD}, or keep it in the keyring as troth."
        )
    closes = {close.day: close for close in find_closes(opened, view, who, _days(day))}
    late = [each for each in list_waiting(opened.store, who) if each not in closes]
    if late:
        closes |= {close.day: close for close in find_closes(opened, view, who, late)}
    for each, close in sorted(closes.items()):
        if is_empty(close):
            say(f"{each}: nothing to say to {who}.")
            continue
        row = enqueue(opened.store, who, each, sender=how.sender, now=clock())
        if row["state"] == "waiting":
            mail = write_mail(close, row, sender=how.sender, language=how.language_of(who))
            row = send(opened.store, server, password, mail, row, clock=clock)
            problem = {"sent": "", "refused": f" for good: {row['problem']}"}.get(row["state"], f": {row['problem']}")
            say(f"{each}: {row['state']}, to {who}{problem}")
        else:
            say(f"{each}: {row['state']} before, to {who}")
    return not list_waiting(opened.store, who)


def _days(day: str | None) -> list[dt.date]:
    from troth.relationship import parse_day

    return [] if day is None else [parse_day(day)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(digest)
