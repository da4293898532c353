"""What an export is and what would be taken from it, told from its first part, without a book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc

from troth.sources.formats import Format
from troth.sources.listing import look_through
from troth.sources.reading import Local, read_source
from troth.sources.turns import Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One export, looked into.

    Attributes:
        path: where it lies.
        format: what it is.
        turns, speakers, rejected: met so far.
        beside: rows met so far of each table beside TURNS.
        first, last: the times of the earliest and latest turn met, in UTC; None where no turn has one.
        whole: whether all of it was looked into; else only its first part of about 500 turns.
        notes: what was mended, and how often.
    """

    path: Path
    format: Format
    turns: int
    speakers: int
    rejected: int
    beside: Mapping[str, int]
    first: datetime | None
    last: datetime | None
    whole: bool
    notes: Mapping[str, int]


def explain_source(
    path: str | Path, *, local: Local | None = None, now: datetime | None = None
) -> Iterator[Explained | Rejected]:
    """Look into an export, or into each export of a folder; what there is none is handed back with its reason.

    Raises: SourceError when there is nothing, or nothing readable, or an export stops being so in its first part.
    """
    listing = look_through(path, () if local is None else local.own)
    for each in listing.exports:
        yield _look_into(each.path, local, now or datetime.now(UTC))
    yield from listing.unknown


def _look_into(path: Path, local: Local | None, now: datetime) -> Explained:
    reading = read_source(path, now=now, local=local)
    batch = next(reading, None)
    seen = reading.turns, dict(reading.beside), len(reading.rejected) + reading.unlisted
    whole = batch is None or next(reading, None) is None
    if whole:  # what stands behind the last turn belongs to it
        seen = reading.turns, dict(reading.beside), len(reading.rejected) + reading.unlisted
    span = None if batch is None else pc.min_max(batch["sent_at"]).as_py()
    return Explained(
        path=path,
        format=reading.format,
        turns=seen[0],
        speakers=0 if batch is None else pc.count_distinct(batch["speaker"]).as_py(),
        rejected=seen[2],
        beside=seen[1],
        first=span and span["min"],
        last=span and span["max"],
        whole=whole,
        notes=dict(reading.notes),
    )
