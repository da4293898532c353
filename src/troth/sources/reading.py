"""Reading one source from end to end: batches of turns out, everything else counted and named."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import chain, count
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa

from troth.errors import SourceError
from troth.sources.blocks import Meter, Progress, read_blocks
from troth.sources.folders import is_draft, list_files, list_maildir
from troth.sources.formats import JSONL, MAILDIR, Format, recognise_plain
from troth.sources.jsonl import RowReader, parse_row, read_lines
from troth.sources.mail import NO_DATE, WANTED, read_mail
from troth.sources.mapped import OwnSource, open_export
from troth.sources.mbox import split_mbox
from troth.sources.mime import MessageScanner
from troth.sources.reader import Context
from troth.sources.readers import find_reader
from troth.sources.turns import (
    Beside,
    Call,
    Kept,
    Piece,
    Rejected,
    Step,
    Turn,
    table_of,
    tabulate,
    tabulate_side,
)
from troth.told import Told

BATCH_TURNS: Final = 500
BATCH_CHARACTERS: Final = 8_000_000
BATCH_BESIDE: Final = 5_000
LISTED: Final = 10_000  # rejected pieces named one by one; further ones are counted in `Reading.unlisted`


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What a source may leave open: zone of its times, order of its dates, and who we are."""

    zone: str = "UTC"
    dates: Literal["dmy", "mdy"] = "dmy"
    us: frozenset[str] = frozenset()
    own: tuple[OwnSource, ...] = ()  # sources that the user mapped


class Reading:
    """One pass over one source. Iterate for TURNS tables; the counts grow while that goes on.

    What else is met on the way (tool calls, contacts, outcomes) waits until `take_side`, so a batch may hold no turn.
    `seen` is always turns + beside + duplicates + rejected: nothing is left out silently.

    Attributes:
        format: what the source was recognised as.
        turns: rows handed out so far.
        beside: rows met so far of each table beside TURNS, by its name.
        duplicates: pieces whose id came before in this source, left out.
        rejected: pieces that are no turn, with place and reason; at most `LISTED`.
        unlisted: how many more were rejected.
        notes: what was mended, and in how many turns.
    """

    def __init__(self, path: str | Path, *, progress: Progress | None, now: datetime, local: Local) -> None:
        self._export = open_export(path, local.own)
        self._reader = find_reader(self._export, local.own)
        self.format: Format = recognise_plain(self._export) if self._reader is None else self._reader.format
        self.turns = self.duplicates = self.unlisted = 0
        self.beside: Counter[str] = Counter()
        self._waiting: dict[str, list[Beside]] = {}
        self.rejected: list[Rejected] = []
        self.notes: Counter[str] = Counter()
        self._path, self._progress, self._now, self._local = Path(path), progress, now, local
        self._batches = self._read()

    @property
    def seen(self) -> int:
        """Pieces met so far, whatever became of them."""
        return self.turns + self.beside.total() + self.duplicates + len(self.rejected) + self.unlisted

    def take_side(self) -> dict[str, pa.Table]:
        """What was met since this was last asked for tables beside TURNS, by table."""
        taken = {name: tabulate_side(name, rows) for name, rows in self._waiting.items()}
        self._waiting = {}
        return taken

    def __iter__(self) -> Iterator[pa.Table]:
        return self

    def __next__(self) -> pa.Table:
        return next(self._batches)

    def _read(self) -> Iterator[pa.Table]:
        ids = _Seen()
        batch: list[Turn] = []
        characters = beside = 0
        try:
            for found in self._pieces():
                if isinstance(found, Rejected):
                    self._reject(found)
                elif not ids.add(_name(found)):
                    self.duplicates += 1
                elif isinstance(found, Turn):
                    batch.append(found)
                    self.turns += 1
                    characters += len(found.body)
                else:
                    table = table_of(found)
                    self._waiting.setdefault(table, []).append(found)
                    self.beside[table] += 1
                    beside += 1
                if len(batch) == BATCH_TURNS or characters >= BATCH_CHARACTERS or beside == BATCH_BESIDE:
                    yield tabulate(batch)
                    batch, characters, beside = [], 0, 0
        except OSError as error:
            raise SourceError(
                str(self._path),
                Told("stopped being readable ({strerror})", strerror=error.strerror or error),
                "Read it again.",
            ) from error
        finally:
            self._export.close()
        if batch or beside:
            yield tabulate(batch)

    def _reject(self, found: Rejected) -> None:
        if len(self.rejected) < LISTED:
            self.rejected.append(found)
        else:
            self.unlisted += 1

    def _pieces(self) -> Iterator[Piece]:
        if self._reader is not None:
            meter = Meter(self._export.size, self._progress)
            yield from self._export.unread
            yield from self._reader.read(self._export, self._context(meter))
            meter.finish()
            return
        if self._export.kind == "folder":
            yield from self._folder()
            return
        meter = Meter(self._export.size, self._progress)
        with self._path.open("rb") as file:
            blocks = read_blocks(file, meter)
            yield from self._rows(blocks) if self.format == JSONL else self._mails(blocks, count(), "")
        meter.finish()

    def _context(self, meter: Meter) -> Context:
        local = self._local
        return Context(
            source=self._name(), now=self._now, meter=meter, zone=local.zone, dates=local.dates, us=local.us,
            notes=self.notes,
        )  # fmt: skip

    def _name(self) -> str:
        return self._path.name or str(self._path.resolve().name)

    def _mails(self, blocks: Iterator[bytes], positions: Iterator[int], file: str) -> Iterator[Turn | Rejected]:
        """The mails of one file: many where it opens with a separator, else one. `file` is named in a folder only."""
        opening = next(blocks, b"").lstrip(b"\n")
        blocks = chain((opening,), blocks)
        if opening.startswith(b"From "):
            yield from self._mbox(blocks, positions, f"{file}, " if file else "")
            return
        message = MessageScanner(WANTED)
        for block in blocks:
            message.feed(block)
        yield self._mail(message, next(positions), file or "the mail")

    def _mbox(self, blocks: Iterator[bytes], positions: Iterator[int], within: str) -> Iterator[Turn | Rejected]:
        number = 0
        message: MessageScanner | None = None
        for begins, piece in split_mbox(blocks):
            if begins or message is None:
                if message is not None:
                    yield self._mail(message, next(positions), f"{within}message {number}", quoted_from=True)
                number += 1
                message = MessageScanner(WANTED)
            message.feed(piece[piece.find(b"\n") + 1 :] if begins else piece)
        if message is not None:
            yield self._mail(message, next(positions), f"{within}message {number}", quoted_from=True)

    def _mail(
        self, message: MessageScanner, position: int, where: str, *, quoted_from: bool = False
    ) -> Turn | Rejected:
        message.close()
        found = read_mail(
            message,
            position=position,
            where=where,
            source=self._name(),
            now=self._now,
            quoted_from=quoted_from,
        )
        self.notes.update(message.notes)
        return found

    def _rows(self, blocks: Iterator[bytes]) -> Iterator[Turn | Call | Rejected]:
        reader = RowReader(self._path.name)
        for number, line in enumerate(read_lines(blocks), start=1):
            where = f"line {number}"
            if line is None:
                yield Rejected(position=where, reason="longer than 8 MiB")
            elif line.strip():
                row = parse_row(line)
                if isinstance(row, str):
                    yield Rejected(position=where, reason=row)
                    continue
                for piece in reader.pieces(row, position=number - 1, where=where):
                    if isinstance(piece, Turn) and piece.sent_at is None:
                        self.notes[NO_DATE] += 1
                    yield piece
        yield from reader.rest()

    def _folder(self) -> Iterator[Turn | Rejected]:
        listing = list_maildir if self.format == MAILDIR else list_files
        meter = Meter(
            sum(found.size for found in listing(self._path) if not isinstance(found, Rejected)), self._progress
        )
        positions = count()
        for found in listing(self._path):
            if isinstance(found, Rejected):
                yield found
                continue
            where = str(found.path.relative_to(self._path))
            if self.format == MAILDIR and is_draft(found.path):
                meter.advance(found.size)
                yield Rejected(position=where, reason="a draft, never sent")
                continue
            try:
                with found.path.open("rb") as file:
                    yield from self._mails(read_blocks(file, meter), positions, where)
            except OSError as error:
                yield Rejected(position=where, reason=f"cannot be read: {error.strerror}")
        meter.finish()


class _Seen:
    """A set of ids in 16 bytes each: open addressing over 64-bit digests, at most two thirds full.

    Two of a million different ids share a digest with a chance of 3 in 10^8.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * 1024))
        self._count = 0

    def add(self, name: str) -> bool:
        """Put an id in; False when it was there."""
        digest = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") or 1  # 0 marks a free slot
        if not self._place(self._slots, digest):
            return False
        self._count += 1
        if self._count * 3 > len(self._slots) * 2:
            grown = array("Q", bytes(16 * len(self._slots)))
            for held in self._slots:
                if held:
                    self._place(grown, held)
            self._slots = grown
        return True

    @staticmethod
    def _place(slots: array[int], digest: int) -> bool:
        place = digest % len(slots)
        while slots[place]:
            if slots[place] == digest:
                return False
            place = (place + 1) % len(slots)
        slots[place] = digest
        return True


def _name(found: Turn | Beside) -> str:
    """What no two different pieces of a source share."""
    match found:
        case Turn():
            return found.turn_id
        case Step():
            return f"step {found.outcome_id} {found.at.isoformat()} {found.stage} {found.amount}"
        case Kept():
            return f"{found.table} {found.name}"
        case _:
            return f"{table_of(found)} {found[0]}"


def read_source(
    path: str | Path,
    progress: Progress | None = None,
    *,
    now: datetime | None = None,
    local: Local | None = None,
) -> Reading:
    """Open a source for one pass: an iterator of TURNS tables of at most 500 turns or about 8 MB of text.

    Args:
        path: a file or folder in one of the formats that `recognise` knows.
        progress: called with bytes read and bytes in all, about once a megabyte and at the end.
        now: dates more than a year after it are taken as impossible; the present moment unless given.
        local: how times and dates are meant where the source leaves it open.

    Raises: SourceError, here when the source is not readable, in the iteration when it stops being so.
    """
    return Reading(path, progress=progress, now=now or datetime.now(UTC), local=local or Local())
