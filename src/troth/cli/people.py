"""troth people: who is who over all channels, and what was decided of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

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

WhoArgument = Annotated[str, typer.Argument(help="Address, handle, phone or name, or enough of it.")]
NoteOption = Annotated[str | None, typer.Option(help="Why; kept with the decision.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so. Default: the book's owner.")]

_SIDES = ("us", "them")
_FORGETS = "The sample forgets this at once; in a book it stays."


@stoppable
def people(
    context: typer.Context,
    circle: Annotated[str | None, typer.Option(help="Only customer, colleague or friend.")] = None,
    side: Annotated[str | None, typer.Option(help="Only 'us' or 'them'.")] = None,
    several: Annotated[bool, typer.Option("--several", help="Only persons with more than one name.")] = False,
    accounts: Annotated[bool, typer.Option("--accounts", help="One line a customer account instead.")] = False,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Who is who: everybody's addresses, handles and phones, account, circle and turns.

    Example: troth people --several --format csv
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    from troth.cli.talk import say

    if side not in {None, *_SIDES}:
        raise InputError(f"there is no side {side!r}; there are us and them.")
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        table = opened.accounts() if accounts else opened.people()
    rows = table.to_pylist()
    if not accounts:
        rows = [row for row in rows if circle in {None, row["circle"]} and side in {None, row["side"]}]
        rows = [row for row in rows if not several or len(row["addresses"]) + len(row["handles"]) > 1]
    if shape is Format.table and not accounts:
        _draw(rows)
        return
    if not rows:
        say("Nobody is listed. Read an export first: troth read mail.mbox")
    columns = [name for name in table.column_names if not (shape is Format.table and name == "people")]
    _write(rows, shape, columns=columns)


def _draw(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from troth.cli.talk import say
    from troth.plain import clean_line

    console = Console()
    for row in rows:
        place = ", ".join([row["relationship"] or "no relationship", row["circle"] or "no circle"])
        turns = "1 turn" if row["turns"] == 1 else f"{row['turns']} turns"
        name = clean_line(row["name"] or "nameless")
        console.print(Text(name, "bold").append("  ").append(clean_line(f"{place}, {turns}"), "not bold"))
        console.print(Padding(Text(clean_line(_list_names(row)), "dim"), (0, 0, 0, 2)))
    some = sum(bool(row["why"]) for row in rows)
    say(f"{len(rows)} persons, {some} with several names. `troth people suggest` looks for more; csv says why.")


def _list_names(row: Mapping[str, Any]) -> str:
    """Addresses and handles as people know them; the numbers that other tools give are only counted."""
    given = [handle for handle in row["handles"] if ":" in handle]
    known = [*row["addresses"], *(one for one in row["handles"] if one not in given and one != row["name"])]
    if given:
        known.append(f"{len(given)} number{'s' if len(given) > 1 else ''} of other tools")
    return " · ".join(known) or "known by the name alone"


@stoppable
def suggest(
    least: Annotated[float, typer.Option(min=0.0, max=1.0, help="Probability from which a pair is named.")] = 0.5,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Pairs that may be one person, with probability and reasons. Nothing is joined: you decide, with merge or split.

    A pair that you split once is suggested no more.

    Example: troth people suggest --least 0.8
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import say

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        table = opened.suggest_people(least=least)
    rows = table.to_pylist()
    if shape is not Format.table:
        _write(rows, shape, columns=table.column_names)
        return
    if not rows:
        say(f"No two persons are one with a probability of {least:.2f} or more.")
        return
    write_rows(rows, shape, columns=["first", "second", "probability", "why"])
    say("In brackets: bits of evidence, for and against. To join two: troth people merge FIRST SECOND")


@stoppable
def merge(
    first: WhoArgument,
    second: WhoArgument,
    note: NoteOption = None,
    by: ByOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Two are one person: their turns are placed as one's from now on, and all that rests on it follows.

    Example: troth people merge bo@acme.example "Bo Berg" --note "his phone"
    """
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        row = opened.merge_people(first, second, note=note, by=by)
    _say_decision(row, f"one person: {_list(row['left'])}, and {_list(row['right'])}", sample=sample)


@stoppable
def split(
    who: Annotated[str, typer.Argument(help="Address, handle or phone of the one who is somebody else.")],
    beside: Annotated[list[str] | None, typer.Argument(help="Further names that leave with it.")] = None,
    note: NoteOption = None,
    by: ByOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """A name is not the same person's as the others; what exports say of the name stays with it.

    Example: troth people split bo.berg@gmail.com --note "his father"
    """
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        row = opened.split_person(who, *(beside or ()), note=note, by=by)
    _say_decision(row, f"two persons: {_list(row['left'])}, and {_list(row['right'])}", sample=sample)


@stoppable
def undo(
    decision: Annotated[
        str | None, typer.Argument(help="Id of the decision, or its beginning. Default: the latest.")
    ] = None,
    note: NoteOption = None,
    by: ByOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take a decision back, as if it had never been made; again for the one before.

    Example: troth people undo
    """
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        row = opened.undo_person(decision, note=note, by=by)
    _say_decision(row, f"undone: {row['kind']} of {_list(row['left'])}, and {_list(row['right'])}", sample=sample)


@stoppable
def history(
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Every decision of who is who, in order of time, those undone included.

    Example: troth people history --format jsonl
    """

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        table = opened.person_decisions()
    rows = table.to_pylist()
    if shape is Format.table:
        rows = [{**row, "left": _list(row["left"]), "right": _list(row["right"])} for row in rows]
    _write(rows, shape, columns=table.column_names)


def _write(rows: Sequence[Mapping[str, Any]], shape: Format, *, columns: Sequence[str]) -> None:
    """Names are strangers' words: in CSV too, what a terminal would obey is out. JSON lines keep them, for programs."""
    from troth.cli.output import write_rows
    from troth.plain import clean_line

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(one) for one in value]
        return clean_line(value) if isinstance(value, str) else value

    if shape is Format.csv:
        rows = [{name: clean(value) for name, value in row.items()} for row in rows]
    write_rows(rows, shape, columns=columns)


def _list(names: Sequence[str]) -> str:
    return " = ".join(names)


def _say_decision(row: Mapping[str, Any], what: str, *, sample: bool) -> None:
    from troth.cli.talk import say

    say(f"{row['decision_id']}: {what}.")
    if sample:
        say(_FORGETS)


def _refuse_options(context: typer.Context) -> None:
    """Options before a command's name would be passed over in silence."""
    stated = [
        name for name in context.params
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    ]  # fmt: skip
    if stated:
        raise InputError(f"options stand behind the name: troth people {context.invoked_subcommand} --option.")


def register(app: typer.Typer) -> None:
    """Add the command and its own commands."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(people)
    commands: tuple[Callable[..., None], ...] = (suggest, merge, split, undo, history)
    for command in commands:
        group.command()(command)
    app.add_typer(group, name="people")
