"""Talk to the person at the terminal, on standard error: progress, what was read, what was left out and why."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from troth.plain import clean_line

if TYPE_CHECKING:
    from troth.library import ReadReport
    from troth.pipeline import Progress

_PATIENCE_S = 1.0  # a job shorter than this shows no bar
_LISTED = 5
BESIDE = {
    "calls": "tool calls",
    "contacts": "contacts",
    "outcomes": "deals, invoices and tickets",
    "outcome_steps": "steps of these",
}


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
    if report.parts:
        _report_unknown(report)
        return
    parts = [f"{report.turns} turns, {report.added} new"]
    if report.changed:
        parts.append(f"{report.changed} in a later version")
    if report.duplicates:
        parts.append(f"{report.duplicates} standing twice")
    for name, seen in report.beside.items():
        parts.append(f"{seen} {BESIDE.get(name, name.replace('_', ' '))}, {report.beside_added.get(name, 0)} new")
    if report.rejected:
        parts.append(f"{len(report.rejected) + report.unlisted} not readable")
    say(f"{report.source}: {report.format}, {', '.join(parts)}.")
    for reason, count in Counter(rejected.reason for rejected in report.rejected).most_common(_LISTED):
        first = next(rejected.position for rejected in report.rejected if rejected.reason == reason)
        say(f"  {count} not readable: {reason} (first at {first})")
    for note, count in Counter(report.notes).most_common(_LISTED):
        say(f"  {count} noted: {note}")


def _report_unknown(report: ReadReport) -> None:
    """What of a folder is no export that troth reads, by reason."""
    for reason, count in Counter(each.reason for each in report.unknown).most_common():
        names = [each.position for each in report.unknown if each.reason == reason]
        more = f" and {count - _LISTED} more" if count > _LISTED else ""
        say(f"{report.source}: left out: {', '.join(names[:_LISTED])}{more}: {reason}.")


def say(line: str) -> None:
    """One line to standard error, made safe for a terminal."""
    sys.stderr.write(clean_line(line) + "\n")
