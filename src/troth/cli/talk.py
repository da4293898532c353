"""Talk to the person at the terminal, on standard error: progress, what was read, what was left out and why."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from troth.plain import clean_line

if TYPE_CHECKING:
    from troth.library import ReadReport
    from troth.pipeline import Progress
    from troth.sources import Rejected

_PATIENCE_S = 1.0  # a job shorter than this shows no bar
_LISTED = 5
_BESIDE: Final = {
    "turns": ("turn", "turns"),
    "answers": ("answer", "answers"),
    "calls": ("tool call", "tool calls"),
    "contacts": ("contact", "contacts"),
    "outcomes": ("deal, invoice or ticket", "deals, invoices or tickets"),
    "outcome_steps": ("step of these", "steps of these"),
}


def count_rows(count: int, table: str) -> str:
    """So many rows of a table, in plain words.

    >>> count_rows(1, "turns"), count_rows(20, "outcomes")
    ('1 turn', '20 deals, invoices or tickets')
    """
    one, many = _BESIDE.get(table, (f"row of {table.replace('_', ' ')}", f"rows of {table.replace('_', ' ')}"))
    return f"{count} {one if count == 1 else many}"


@contextmanager
def show_progress(what: str, *, unit: str) -> Generator[Progress]:
    """A callback that draws a bar once the job has taken a second; nothing is drawn where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    began, task = time.monotonic(), bar.add_task(clean_line(what), total=None, start=True)

    def step(done: int, total: int) -> None:
        if bar.console.is_terminal and not bar.live.is_started and time.monotonic() - began > _PATIENCE_S:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield step
    finally:
        if bar.live.is_started:
            bar.stop()


def report_read(report: ReadReport) -> None:
    """One line of what was read, for each export of a folder, and the reasons for what was not."""
    for each in report.parts:
        report_read(each)
    if report.parts or report.surveys:
        report_left_out(report.source, report.unknown)
        return
    parts = [f"{count_rows(report.turns, 'turns')}, {report.added} new"]
    if report.changed:
        parts.append(f"{report.changed} in a later version")
    if report.duplicates:
        parts.append(f"{report.duplicates} standing twice")
    for name, seen in report.beside.items():
        parts.append(f"{count_rows(seen, name)}, {report.beside_added.get(name, 0)} new")
    if report.rejected:
        parts.append(f"{len(report.rejected) + report.unlisted} not readable")
    say(f"{report.source}: {report.format}, {', '.join(parts)}.")
    for reason, count in Counter(rejected.reason for rejected in report.rejected).most_common(_LISTED):
        first = next(rejected.position for rejected in report.rejected if rejected.reason == reason)
        say(f"  {count} not readable: {reason} (first at {first})")
    for note, count in Counter(report.notes).most_common(_LISTED):
        say(f"  {count} noted: {note}")


def report_left_out(source: str, unknown: Sequence[Rejected]) -> None:
    """What of a folder is no export that troth reads, by reason."""
    for line in tell_left_out(source, unknown):
        say(line)


def tell_left_out(source: str, unknown: Sequence[Rejected]) -> Iterator[str]:
    """A line for each reason why something of a folder is left out."""
    for reason, count in Counter(each.reason for each in unknown).most_common():
        names = [each.position for each in unknown if each.reason == reason]
        more = f" and {count - _LISTED} more" if count > _LISTED else ""
        yield f"{source}: left out: {', '.join(names[:_LISTED])}{more}: {reason}."


def say(line: str) -> None:
    """One line to standard error, made safe for a terminal; spaces before it stay."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    sys.stderr.write(f"{indent}{clean_line(line)}\n")
