"""troth contest: a person's word against a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
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

_COLUMNS = ("objection_id", "state", "facet", "signal", "text", "by", "note", "at", "turn_id")
_NAMED = 5

IdArgument = Annotated[str, typer.Argument(help="The objection: its id, or a beginning of it.", metavar="ID")]
NoteOption = Annotated[str | None, typer.Option(help="Why; kept with what is said.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so. Default: the book's owner.")]


@stoppable
def contest(
    context: typer.Context,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """What was contested, and what became of it. A contested reading counts nowhere until it is decided.

    Example: troth contest add acme "sign today" --of pressure --note "a joke between us"
    """
    if context.invoked_subcommand is not None:
        return
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        rows = opened.objections().to_pylist()
    _write(rows, shape)


@stoppable
def add(
    relationship: Annotated[str, typer.Argument(help="The relationship, or enough of its name.")],
    words: Annotated[str, typer.Argument(help="Words of the sentence, as it was written.")],
    of: Annotated[
        str | None, typer.Option("--of", help="The signal (pressure, chases, ...) or the facet (RS, OR, HR, ...).")
    ] = None,
    note: NoteOption = None,
    by: ByOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Say that a sentence was read wrongly: what its message says of that facet is out until it is decided.

    Example: troth contest add acme "sign today" --of pressure --note "a joke between us"
    """
    from troth.contesting import find_targets

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        name = opened.find_relationship(relationship)
        meant = _choose(find_targets(opened.understand(), name, words, of), words)
        row = opened.contest_finding(meant["turn_id"], meant["signal"], start=meant["start"], note=note, by=by)
    _write([row], shape)


@stoppable
def uphold(
    objection: IdArgument,
    note: NoteOption = None,
    by: ByOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Say that the reading was wrong: it stays out, and is kept to learn from.

    Example: troth contest uphold o-3fa9
    """
    _decide(objection, "upheld", note=note, by=by, sample=sample, book=book, settings=settings)


@stoppable
def reject(
    objection: IdArgument,
    note: NoteOption = None,
    by: ByOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Say that the reading was right: it counts again.

    Example: troth contest reject o-3fa9
    """
    _decide(objection, "rejected", note=note, by=by, sample=sample, book=book, settings=settings)


@stoppable
def undo(
    objection: IdArgument,
    note: NoteOption = None,
    by: ByOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take an objection back, as if it had never been made; all that was said is kept.

    Example: troth contest undo o-3fa9
    """
    _decide(objection, "undone", note=note, by=by, sample=sample, book=book, settings=settings)


def _decide(
    objection: str, state: str, *, note: str | None, by: str | None, sample: bool, book: Path | None,
    settings: Path | None,
) -> None:  # fmt: skip
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        row = opened.decide_finding(objection, state, note=note, by=by)
    _write([row], Format.table)


def _choose(found: Sequence[dict[str, Any]], words: str) -> dict[str, Any]:
    """The one thing meant.

    Raises: InputError when there is nothing, or more than one.
    """
    from troth.plain import clean_line

    if not found:
        raise InputError(f"nothing that moves a score was found in a sentence with {clean_line(words)!r}.")
    if len(found) > 1:
        listed = "; ".join(f"{one['signal']} in “{clean_line(one['text'])[:60]}”" for one in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise InputError(f"this could be {listed}{more}. Write more of the sentence, or name one with --of.")
    return found[0]


def _write(rows: Sequence[Mapping[str, Any]], shape: Format) -> None:
    from troth.cli.output import write_rows
    from troth.cli.talk import say

    if not rows and shape is Format.table:
        say("Nothing is contested.")
        return
    write_rows(rows, shape, columns=_COLUMNS)


def register(app: typer.Typer) -> None:
    """Add the command and its own commands."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(contest)
    for command in (add, uphold, reject, undo):
        group.command()(command)
    app.add_typer(group, name="contest")
