"""What `troth read --explain` says; loaded when it is asked for, for it looks into exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import typer

from troth.answering import part_surveys
from troth.cli.options import Format
from troth.cli.output import write_rows
from troth.cli.talk import count_rows, tell_left_out
from troth.plain import clean_line
from troth.settings import Settings
from troth.sources import Explained, Local, Rejected, explain_source, refuse

_COLUMNS: Final = (
    "source", "format", "description", "takes", "turns", "speakers", "beside", "rejected", "first", "last", "whole",
    "notes", "reason",
)  # fmt: skip


class _Rest(NamedTuple):
    """What lies at a place beside its exports."""

    source: str
    surveys: tuple[Path, ...]
    unknown: tuple[Rejected, ...]


def explain_sources(sources: Sequence[Path], settings: Settings, shape: Format) -> None:
    """Write what each export at these places is, and what else lies there.

    Raises: SourceError where there is nothing that troth reads.
    """
    local = Local(zone=settings.zone, dates=settings.dates, own=settings.source)
    found = (each for source in sources for each in _look_at(source, local))
    if shape is not Format.table:
        write_rows((row for each in found for row in _rows(each)), shape, columns=_COLUMNS)
        return
    for each in found:
        for line in _lines(each):
            typer.echo(clean_line(line))


def _look_at(source: Path, local: Local) -> Iterator[Explained | _Rest]:
    """Each export at a place, then what else lies there, the surveys apart."""
    explained = list(explain_source(source, local=local))
    surveys, unknown = part_surveys(source, [each for each in explained if isinstance(each, Rejected)])
    exports = [each for each in explained if isinstance(each, Explained)]
    if not exports and not surveys:
        refuse(source, unknown)
    yield from exports
    yield _Rest(str(source), surveys, unknown)


def _rows(each: Explained | _Rest) -> Iterator[dict[str, Any]]:
    if isinstance(each, _Rest):
        yield from ({"source": str(path), "format": "survey", "takes": "answers"} for path in each.surveys)
        yield from ({"source": left.position, "reason": left.reason} for left in each.unknown)
        return
    names = ("turns", "speakers", "beside", "rejected", "first", "last", "whole", "notes")
    yield {
        "source": str(each.path),
        "format": each.format.name,
        "description": each.format.description,
        "takes": each.format.takes,
        **{name: getattr(each, name) for name in names},
    }


def _lines(each: Explained | _Rest) -> Iterator[str]:
    """For people: what it is, what is taken, and what of that was met."""
    if isinstance(each, _Rest):
        yield from (f"{path}: a survey with questions of ours. Takes answers." for path in each.surveys)
        yield from tell_left_out(each.source, each.unknown)
        return
    yield f"{each.path}: {each.format.description}. Takes {each.format.takes}. {', '.join(_met(each))}."


def _met(each: Explained) -> Iterator[str]:
    first, last = each.first, each.last
    yield f"{'All of it' if each.whole else 'Its first part'}: {count_rows(each.turns, 'turns')}"
    if first is not None and last is not None:
        yield f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" if first.date() != last.date() else f"{first:%Y-%m-%d}"
    elif each.turns:
        yield "without times"
    if each.turns:
        yield "1 speaker" if each.speakers == 1 else f"{each.speakers} speakers"
    for name, count in each.beside.items():
        yield count_rows(count, name)
    if each.rejected:
        yield f"{each.rejected} not readable"
