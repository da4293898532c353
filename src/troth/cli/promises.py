"""troth promises: the list of the morning, a person's word on one promise, and its story."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.options import (
    BookOption,
    Format,
    FormatOption,
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

_STATES = ("open", "kept", "late", "suspected", "broken", "withdrawn", "unknown", "contested")
_FIRST = ("id", "section", "due", "overdue_days", "age_days", "relationship", "person", "text", "act", "state")

IdArgument = Annotated[str, typer.Argument(help="The promise: its id, or a beginning that no other has.", metavar="ID")]
NoteOption = Annotated[str | None, typer.Option(help="Why; kept with the decision.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so. Default: the book's owner.")]
DayOption = Annotated[
    str | None,
    typer.Option(help="As of this day's evening, as 2026-11-20. Default: today; the last day with a turn if older."),
]


@stoppable
def promises(
    context: typer.Context,
    state: Annotated[
        list[str] | None, typer.Option(help=f"Only these states: {', '.join(_STATES)}. Default: open, late, suspected.")
    ] = None,
    side: Annotated[str | None, typer.Option(help="Only 'us' or 'them'.")] = None,
    due: Annotated[str | None, typer.Option(help="Only what is due: overdue, today, tomorrow, week.")] = None,
    relationship: Annotated[str | None, typer.Option(help="Only this relationship, or enough of its name.")] = None,
    day: DayOption = None,
    ics: Annotated[
        Path | None, typer.Option("--ics", help="Write what has a due time as a calendar file, settled ones included.")
    ] = None,
    zone: ZoneOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Promises of a morning: overdue, due today, tomorrow, this week, theirs to you, suspected, without a time.

    Example: troth promises --due week --relationship acme --ics promises.ics
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    from troth.cli.show_promises import draw_promises, say_lost

    wanted = _check(state, side, due)
    if ics is not None and (state or due):
        raise InputError("--ics writes every promise with a due time. Leave out --state and --due, or leave out --ics.")
    if ics is not None and (ics.is_dir() or not ics.parent.is_dir()):
        raise InputError(f"{ics}: cannot be written: it is a folder, or its folder is not there. Name another file.")
    with _open(book, settings, zone, sample) as opened:
        chosen = _day(opened, day, sample)
        name = None if relationship is None else opened.find_relationship(relationship)
        rows = opened.list_promises(chosen).to_pylist()
        rows = [row for row in rows if name in {None, row["relationship"]}]
        rows = [row for row in rows if side in {None, row["side"]}]
        if ics is not None:
            _write_calendar(ics, opened.promise_calendar(chosen, rows=rows))
    say_lost(rows)
    shown = choose_rows(rows, state=wanted if state else None, due=due)
    if shape is Format.table:
        draw_promises(shown, day=chosen, is_filtered=bool(state or due or side or relationship))
    else:
        _write(shown, shape)


def choose_rows(
    rows: Sequence[Mapping[str, Any]], *, state: set[str] | None, due: str | None
) -> list[Mapping[str, Any]]:
    """Rows of LISTED in these states and due then; without a state, what is neither settled nor long late."""
    from troth.promises.listing import is_due

    if state is None:
        rows = [row for row in rows if row["section"] != "settled"]
    else:
        rows = [row for row in rows if row["state"] in state]
    return [row for row in rows if due is None or is_due(row, due)]


@stoppable
def confirm(
    promise: IdArgument,
    kept: Annotated[bool, typer.Option("--kept", help="It was kept by its time.")] = False,
    late: Annotated[bool, typer.Option("--late", help="It was kept, after its time.")] = False,
    broken: Annotated[bool, typer.Option("--broken", help="It was not kept.")] = False,
    note: NoteOption = None,
    by: ByOption = None,
    day: DayOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Say what became of a promise; without an option, yes to what the machine says (suspected becomes broken).

    Example: troth promises confirm 3fa9 --late --note "arrived on Monday"
    """
    said = [name for name, is_said in (("kept", kept), ("late", late), ("broken", broken)) if is_said]
    if len(said) > 1:
        raise InputError(f"a promise cannot be both {said[0]} and {said[1]}. Say one of --kept, --late, --broken.")
    state = said[0] if said else None
    _decide(promise, state, note=note, by=by, day=day, sample=sample, book=book, settings=settings)


@stoppable
def contest(
    promise: IdArgument,
    note: NoteOption = None,
    by: ByOption = None,
    day: DayOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Say that this is no promise, or read wrongly: it counts nowhere until somebody confirms, withdraws or undoes.

    Example: troth promises contest 3fa9 --note "a joke"
    """
    _decide(promise, "contested", note=note, by=by, day=day, sample=sample, book=book, settings=settings)


@stoppable
def withdraw(
    promise: IdArgument,
    note: NoteOption = None,
    by: ByOption = None,
    day: DayOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Say that both sides let go of this promise: it is neither kept nor broken.

    Example: troth promises withdraw 3fa9 --note "they chose another date on the phone"
    """
    _decide(promise, "withdrawn", note=note, by=by, day=day, sample=sample, book=book, settings=settings)


@stoppable
def undo(
    promise: IdArgument,
    note: NoteOption = None,
    by: ByOption = None,
    day: DayOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take back what was said of a promise, so that the machine's reading counts again.

    Example: troth promises undo 3fa9
    """
    from troth.cli.talk import say

    with _open(book, settings, None, sample) as opened:
        row = opened.undo_promise(promise, note=note, by=by, day=_day(opened, day, sample))
        if row is None:
            say("Undone. The machine finds no promise under this id, so it is listed no longer.")
        else:
            _say_state(opened, row, "Undone", day=day, sample=sample)


@stoppable
def why(
    promise: IdArgument,
    day: DayOption = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """The story of one promise: its sentence in context, how its time was read, the evidence, and what it went through.

    Example: troth promises why 3fa9
    """
    from troth.cli.output import write_rows
    from troth.cli.show_promises import draw_story, list_story

    with _open(book, settings, None, sample) as opened:
        story = opened.explain_promise(promise, day=_day(opened, day, sample))
        if shape is Format.table:
            draw_story(story, zone=opened.zone)
        else:
            rows = list_story(story)
            write_rows(rows, shape, columns=list(rows[0]))


def _decide(
    promise: str,
    state: str | None,
    *,
    note: str | None,
    by: str | None,
    day: str | None,
    sample: bool,
    book: Path | None,
    settings: Path | None,
) -> None:
    with _open(book, settings, None, sample) as opened:
        row = opened.decide_promise(promise, state, note=note, by=by, day=_day(opened, day, sample))
        _say_state(opened, row, "Noted", day=day, sample=sample)


def _say_state(opened: Book, row: Mapping[str, Any], verb: str, *, day: str | None, sample: bool) -> None:
    from troth.cli.talk import say
    from troth.plain import quote_promise
    from troth.promises.names import shorten_ids

    short = shorten_ids(opened.list_promises(_day(opened, day, sample))["promise_id"].to_pylist())
    say(f"{verb}: {short[row['promise_id']]} is {row['state']}. {quote_promise(row['text'], row['act'])}")
    if sample:
        say("The sample forgets this at once; in a book it stays.")


def _open(book: Path | None, settings: Path | None, zone: str | None, sample: bool) -> AbstractContextManager[Book]:
    return open_book(book, choose_settings(settings, zone=zone), sample=sample)


def _day(opened: Book, day: str | None, sample: bool) -> dt.date:
    """The day asked for; the sample's own last day, whatever the clock says."""
    from troth.sample import SAMPLE_DAY

    return SAMPLE_DAY if sample and day is None else opened.choose_day(day)


def _check(state: list[str] | None, side: str | None, due: str | None) -> set[str]:
    from troth.promises.listing import DUE

    wanted = set(state or ())
    if unknown := wanted - set(_STATES):
        raise InputError(f"there is no state {sorted(unknown)[0]!r}; there are {', '.join(_STATES)}.")
    if side not in {None, "us", "them"}:
        raise InputError(f"there is no side {side!r}; there are us and them.")
    if due not in {None, *DUE}:
        raise InputError(f"--due cannot be {due!r}; it can be {', '.join(DUE)}.")
    return wanted


def _refuse_options(context: typer.Context) -> None:
    """Options before a command's name would be passed over in silence."""
    stated = [
        name for name in context.params
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    ]  # fmt: skip
    if stated:
        raise InputError(f"options stand behind the name: troth promises {context.invoked_subcommand} ID --option.")


def _write_calendar(path: Path, content: bytes) -> None:
    from troth.cli.talk import say

    new = path.with_name(f".{path.name}.new")
    try:
        new.touch(mode=0o600)  # strangers' words are in it
        if path.exists():
            new.chmod(path.stat().st_mode)  # whoever was let in before stays so
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror}. Name another file with --ics.") from error
    say(f"Calendar written to {path}.")


def _write(rows: Sequence[Mapping[str, Any]], shape: Format) -> None:
    from troth.cli.output import write_rows
    from troth.promises.listing import LISTED

    columns = [*_FIRST, *(name for name in LISTED.names if name not in _FIRST)]
    write_rows(rows, shape, columns=columns)


def register(app: typer.Typer) -> None:
    """Add the command and its own commands."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(promises)
    commands: tuple[Callable[..., None], ...] = (confirm, contest, withdraw, undo, why)
    for command in commands:
        group.command()(command)
    app.add_typer(group, name="promises")
