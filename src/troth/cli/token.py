"""troth token make | list | revoke"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

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
    from troth.web.access import Need
    from troth.web.tokens import Token

_COLUMNS = ("token_id", "name", "may", "state", "expires_at", "used_at", "whose")


@stoppable
def make(
    name: Annotated[str, typer.Argument(help="What it is for, to tell it from others.")],
    may: Annotated[
        list[str] | None,
        typer.Option(help="own (read), decide, bring (take turns in), team, manage, store (the whole book)."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it is good.")] = 90,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Make a token for a program that asks `troth serve`; it is printed once and kept as a hash.

    Example: troth token make "nightly import" --may bring --days 30
    """
    from troth.cli.talk import say
    from troth.desk import clock
    from troth.web.access import Role, Visitor
    from troth.web.tokens import make_token

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        secret, token = make_token(
            opened.store, name=name, needs=_read_needs(may or ["own"]), lasts=dt.timedelta(days=days),
            for_whom=Visitor(name=opened.whose, role=Role.sole), now=clock(),
        )  # fmt: skip
    typer.echo(secret)
    say(f"Good until {token.expires_at:%Y-%m-%d}, for: {', '.join(sorted(token.needs))}. It is not shown again.")
    say(f"To take it back: troth token revoke {token.token_id}")


@stoppable
def list_(
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Every token: what it may do, until when, and when it was last used; never the token itself.

    Example: troth token list
    """
    from troth.cli.output import write_rows
    from troth.desk import clock
    from troth.web.tokens import list_tokens

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        tokens = list_tokens(opened.store)
    write_rows([_row(token, clock()) for token in tokens], shape, columns=_COLUMNS)


@stoppable
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as in `troth token list`, or the beginning of it.")],
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take a token back, now and for good.

    Example: troth token revoke 3fa81c
    """
    from troth.cli.talk import say
    from troth.desk import clock
    from troth.web.tokens import revoke_token

    with open_book(book, choose_settings(settings)) as opened:
        revoked = revoke_token(opened.store, token, now=clock())
    say(f"{revoked.name}: revoked.")


def _read_needs(words: list[str]) -> list[Need]:
    from troth.web.access import Need

    known = [need.value for need in Need if need is not Need.nothing]
    strange = [word for word in words if word not in known]
    if strange:
        raise InputError(f"--may {strange[0]}: there is no such thing. There are: {', '.join(known)}.")
    return [Need(word) for word in words]


def _row(token: Token, now: dt.datetime) -> dict[str, Any]:
    return {
        "token_id": token.token_id, "name": token.name, "may": ", ".join(sorted(token.needs)),
        "state": token.state(now), "expires_at": token.expires_at, "used_at": token.used_at, "whose": token.person,
    }  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Tokens for programs that ask `troth serve`.", no_args_is_help=True, rich_markup_mode=None)
    group.command("make")(make)
    group.command("list")(list_)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token")
