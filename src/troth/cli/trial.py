"""troth trial: what to try, who is drawn for it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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

if TYPE_CHECKING:
    from troth.trial.told import Reading, Trial
    from troth.trialsuggesting import Suggestion, Suggestions

TrialArgument = Annotated[
    str | None, typer.Argument(help="Id of the trial, or its beginning, or its practice. Default: the latest.")
]
CircleOption = Annotated[str, typer.Option(help="Whose relationships: customer or friend.")]

_SAMPLE = "The sample forgets this at once; in a book it stays."


@stoppable
def suggest(
    circle: CircleOption = "customer",
    picture: Annotated[
        Path | None, typer.Option(help="Also write the facets as a picture (.svg, .png, .html; .csv: its figures).")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """What goes with each facet of what we show, in trust held and in deals, and a practice to try for each.

    Example: troth trial suggest --sample
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress
    from troth.trialsuggesting import COLUMNS

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        found = opened.trials.suggest(circle)
    if shape is Format.table:
        _draw_suggestions(found)
    else:
        write_rows(found.list_rows(), shape, columns=COLUMNS)
    if picture is not None:
        from troth.charts import save_chart
        from troth.cli.talk import say

        save_chart(lambda theme: found.chart(theme=theme), picture)
        say(f"Picture written to {picture}.")


@stoppable
def start(
    practice: Annotated[str, typer.Argument(help="Name of a practice from `troth trial suggest`, or your own.")],
    until: Annotated[str | None, typer.Option(help="Last day that counts, like 2027-03-31. Default: 91 days.")] = None,
    circle: CircleOption = "customer",
    outcome: Annotated[str, typer.Option(help="What it is read by: held, answers, won or renewed.")] = "held",
    seed: Annotated[int | None, typer.Option(help="Of the lot; drawn and kept if not given.")] = None,
    words: Annotated[str | None, typer.Option(help="Of a practice of your own: what is to be done.")] = None,
    seen_by: Annotated[
        str | None, typer.Option("--seen-by", help="Of your own: the signal that shows how often it was done.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what it could find; draw nothing.")] = False,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Draw half of the accounts for a practice, and state beforehand what it is read by, when, and what it could find.

    No score knows who was drawn. Accounts are paired by trust held and size, and of each pair the lot takes one.

    Example: troth trial start date-every-promise --until 2027-03-31
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import say
    from troth.trial.told import COLUMNS

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        trial = opened.trials.start(
            practice, until=until, circle=circle, outcome=outcome, seed=seed, words=words, seen_by=seen_by,
            keep=not plan,
        )  # fmt: skip
    rows = trial.list_rows()
    if plan:
        rows = [row for row in rows if row["part"] == "stated"]
    if shape is not Format.table:
        write_rows(rows, shape, columns=COLUMNS)
    else:
        _draw_stated(trial)
        if not plan:
            _draw_arms(trial, only="practice")
    if plan:
        say(f"Nothing was drawn. {len(trial.members)} accounts can take part.")
    elif sample:
        say(_SAMPLE)


@stoppable
def list_trials(
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Every trial of the book, in order of its start.

    Example: troth trial list --format csv
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import say

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        found = opened.trials.list()
    rows = [
        {
            "trial": one.trial_id, "practice": one.practice, "outcome": one.outcome, "circle": one.circle,
            "from": one.first_day, "until": one.last_day, "accounts": len(one.members), "early": one.looks,
            "stopped": one.stopped_at is not None, "by": one.by,
        }
        for one in found
    ]  # fmt: skip
    if not rows:
        say("There is no trial yet: troth trial start PRACTICE")
    if rows or shape is not Format.table:
        columns = ("trial", "practice", "outcome", "from", "until", "accounts", "early", "stopped")
        write_rows(rows, shape, columns=(*columns, "circle", "by") if shape is not Format.table else columns)


@stoppable
def show(
    trial: TrialArgument = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """What was stated of a trial, and which accounts were drawn for what.

    Example: troth trial show date-every-promise
    """
    from troth.cli.output import write_rows
    from troth.trial.told import COLUMNS

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        found = opened.trials.find(trial)
    if shape is not Format.table:
        write_rows(found.list_rows(), shape, columns=COLUMNS)
        return
    _draw_stated(found)
    for arm in ("practice", "usual"):
        _draw_arms(found, only=arm)


@stoppable
def read(
    trial: TrialArgument = None,
    early: Annotated[bool, typer.Option("--early", help="Read before the day; no verdict is given then.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Also write the result as a picture (.svg, .png, .html; .csv: its figures).")
    ] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """The result on its day: every account counts as it was drawn, whatever was done.

    Before the day it is refused; --early reads all the same, keeps that in the book, and says what looking early does.

    Example: troth trial read date-every-promise
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import show_progress
    from troth.trial.told import COLUMNS

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        chosen = opened.trials.find(trial)
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        found = opened.trials.read(chosen.trial_id, early=early)
    if shape is Format.table:
        _draw_reading(found)
    else:
        write_rows(found.list_rows(), shape, columns=COLUMNS)
    if picture is not None:
        from troth.charts import draw_trial, save_chart
        from troth.cli.talk import say

        save_chart(lambda theme: draw_trial(found.list_rows(), outcome=found.trial.outcome, theme=theme), picture)
        say(f"Picture written to {picture}.")


@stoppable
def stop(
    trial: TrialArgument = None,
    note: Annotated[str | None, typer.Option(help="Why; kept with the trial.")] = None,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Ask for the practice no more. The result is still read on its day, and every account still counts.

    Example: troth trial stop date-every-promise --note "the season is over"
    """
    from troth.cli.talk import say

    with open_book(book, choose_settings(settings), sample=sample) as opened:
        found = opened.trials.stop(trial, note=note)
    say(f"{found.trial_id}: {found.practice} was stopped. Its day of reading stays.")


def _draw_suggestions(found: Suggestions) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for line in found.say():
        console.print(Text(line))
    console.print(Text(f"\n{'facet':18}{'trust held, four weeks later':34}{'odds of a deal won':>24}", "dim"))
    for one in found.facets:
        console.print(Text(_tell_facet(one)))
        for practice in one.practices:
            console.print(Text(f"    {practice.name}: ", "bold").append(practice.words, "not bold"))
    console.print(
        Text(
            "trust held: standard deviations for one more of the facet's news within half a year of a relationship, "
            "95 %, facets drawn together; –: too few to say. To try one: troth trial start PRACTICE",
            "dim",
        )
    )


def _tell_facet(one: Suggestion) -> str:
    told = f"{one.slope:+.3f} ({one.low:+.3f} to {one.high:+.3f})" if one.link.enough else "–"
    won = one.won
    odds = f"{won.ratio:.2f} ({won.low:.2f}–{won.high:.2f})" if won is not None and won.enough else "–"
    return f"{one.name:18}{told:34}{odds:>24}"


def _draw_stated(trial: Trial) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.plain import clean_line

    console = Console()
    head = f"Trial {trial.trial_id}, {trial.practice}, seed {trial.seed}, {len(trial.members)} accounts"
    console.print(Text(clean_line(head), "bold"))
    for line in trial.say():
        console.print(Text(clean_line(line)))


def _draw_arms(trial: Trial, *, only: str) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.plain import clean_line

    console = Console()
    mine = trial.of_arm(only)
    title = "Do it with these" if only == "practice" else "As usual with these"
    console.print(Text(f"\n{title} ({len(mine)})", "bold cyan"))
    for member in mine:
        name = clean_line(member.relationship or "(erased)")
        console.print(Text(f"  {name[:50]:52}").append(f"held {member.level:+.2f}, {member.size} turns", "dim"))


def _draw_reading(found: Reading) -> None:
    from rich.console import Console
    from rich.text import Text

    from troth.plain import clean_line
    from troth.trial.told import say_effect

    console = Console()
    _draw_stated(found.trial)
    console.print(Text("\nResult", "bold cyan"))
    console.print(Text(found.say()))
    if found.beside is not None:
        shown = say_effect(found.beside, found.trial.outcome)
        console.print(Text(f"As the book shows it, everybody counted: {shown}.", "dim"))
    for arm in ("practice", "usual"):
        console.print(Text(f"  {arm:10}{found.told[arm]} of {found.drawn[arm]} accounts with an outcome"))
    for one in found.doing:
        told = f"{one.before:.0%} of occasions before, {one.after:.0%} after" if one.accounts else "no occasion after"
        console.print(Text(f"  {one.arm:10}did it: {told} ({one.occasions} in {one.accounts} accounts)", "dim"))
    if found.doing:
        console.print(Text("  How often it was done describes; the result counts every account as drawn.", "dim"))
    for line in found.notes:
        console.print(Text(f"· {clean_line(line)}", "dim"))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="What to try, drawn by lot among accounts, and what came of it. Example: troth trial suggest --sample",
    )
    commands: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("suggest", suggest), ("start", start), ("list", list_trials), ("show", show), ("read", read), ("stop", stop),
    )  # fmt: skip
    for name, command in commands:
        group.command(name)(command)
    app.add_typer(group, name="trial")
