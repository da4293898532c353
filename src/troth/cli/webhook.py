"""troth webhook add | list | drop"""

from __future__ import annotations

from typing import Annotated

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

_COLUMNS = ("hook_id", "address", "told", "made_at", "waiting", "sent", "given_up")

_STATES = ("waiting", "sent", "given up")


@stoppable
def add(
    address: Annotated[str, typer.Argument(help="https://…, or http:// on this machine.")],
    on: Annotated[
        list[str] | None, typer.Option("--on", help="promise.due, question.waits, trust.fell; all if not given.")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Tell an address, while `troth serve` runs, when a promise is due, a question waits, or trust fell.

    Told are ids, the relationship and a link; nothing that anybody wrote. The secret is printed once: messages are
    signed with it.

    Example: troth webhook add https://hooks.example.com/troth --on promise.due
    """
    from troth.cli.talk import say
    from troth.desk import clock
    from troth.web.webhooks import add_hook, check_alone

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        check_alone(opened.settings)
        hook = add_hook(opened.store, address=address, kinds=on or (), now=clock())
    typer.echo(hook.secret)
    say(f"{hook.address} is told from now on: {', '.join(hook.kinds)}. Above stands the secret that signs it.")
    say(f"To end it: troth webhook drop {hook.hook_id}")


@stoppable
def list_(
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Every address that is told something, and how many messages wait, were sent or were given up.

    Example: troth webhook list
    """
    from troth.cli.output import write_rows
    from troth.web.webhooks import count_events, list_hooks

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        hooks, counts = list_hooks(opened.store), count_events(opened.store)
    rows = [
        {
            "hook_id": hook.hook_id, "address": hook.address, "told": ", ".join(hook.kinds), "made_at": hook.made_at,
            **{state.replace(" ", "_"): counts.get((hook.hook_id, state), 0) for state in _STATES},
        }
        for hook in hooks
    ]  # fmt: skip
    write_rows(rows, shape, columns=_COLUMNS)


@stoppable
def drop(
    hook: Annotated[str, typer.Argument(help="Its id, as in `troth webhook list`.")],
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Tell an address nothing more.

    Example: troth webhook drop hQk3x9A_1
    """
    from troth.cli.talk import say
    from troth.web.webhooks import drop_hook

    with open_book(book, choose_settings(settings)) as opened:
        dropped = drop_hook(opened.store, hook)
    say(f"{dropped.address} is told nothing more.")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        help="Addresses that `troth serve` tells what happened.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("add")(add)
    group.command("list")(list_)
    group.command("drop")(drop)
    app.add_typer(group, name="webhook")
