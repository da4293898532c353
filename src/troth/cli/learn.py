"""troth learn"""

from __future__ import annotations

import sys
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
    from troth.tuning import Tuning

_SHOWN = ("constant", "start", "learned", "error", "readings", "note")
_COLUMNS = ("constant", "start", "learned", "error", "prior_share", "readings", "relationships", "note")


@stoppable
def learn(
    forget: Annotated[bool, typer.Option("--forget", help="Go back to the start values.")] = False,
    seed: Annotated[int, typer.Option(help="Of the draw of relationships that teach and that decide.", min=0)] = 0,
    sample: SampleOption = False,
    book: BookOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """Learn the constants of the trust filter from this book; kept only where they foretell better, or as well.

    Example: troth learn --format csv
    """
    from troth.cli.output import write_rows
    from troth.cli.talk import say, show_progress

    if forget and sample:
        raise InputError("the sample has nothing to forget: it is made anew each time. Leave out --forget or --sample.")
    with open_book(book, choose_settings(settings), sample=sample) as opened:
        if forget:
            was_there = opened.forget_learned()
            say("the start values hold again." if was_there else "nothing had been learned; the start values hold.")
            return
        with show_progress("finding signals", unit="turns") as progress:
            opened.understand(progress=progress)
        with show_progress("learning", unit="steps") as progress:
            tuning = opened.learn(seed=seed, progress=progress)
    rows = list_constants(tuning)
    if shape is not Format.table:
        for line in _tell(tuning):
            say(line)
        write_rows(rows, shape, columns=_COLUMNS)
        return
    sys.stdout.writelines(f"{line}\n" for line in _tell(tuning))
    if rows:
        write_rows(_sum_up(rows), shape, columns=_SHOWN)


def list_constants(tuning: Tuning) -> list[dict[str, Any]]:
    """One row for each constant: where it started, where it came to, how sure that is, or why it was left."""
    return [
        {
            "constant": constant.name,
            "start": constant.start,
            "learned": constant.learned,
            "error": constant.error,
            "prior_share": constant.prior_share,
            "readings": constant.readings,
            "relationships": constant.relationships,
            "note": constant.note,
        }
        for constant in tuning.report.constants
    ]


def _tell(tuning: Tuning) -> list[str]:
    report, gain = tuning.report, tuning.report.gain
    lines = [report.reason]
    if gain is not None and report.gain_error is not None:
        lines += [
            (
                f"log likelihood per held-out reading: {report.before:.4f} before, {report.after:.4f} after, "
                f"gain {gain:+.4f} (standard error {report.gain_error:.4f}, by relationship)."
            ),
            (
                f"learned from {report.readings} readings of {report.relationships} relationships, decided on "
                f"{report.held_readings} readings of {report.held_relationships} others."
            ),
        ]
    if tuning.version is not None:
        lines.append(f"version {tuning.version}; `troth learn --forget` goes back to the start values.")
    return lines


def _sum_up(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For people: correlations of single pairs are many and alike, so that the common halo stands for them."""
    return [row for row in rows if not (row["constant"].startswith("halo ") and "-" in row["constant"])]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(learn)
