"""Exports with something broken in them: bytes flipped, cut, doubled, swapped; the same ones for the same seed."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from troth.errors import SourceError
from troth.sources import read_source
from troth.sources.blocks import Meter
from troth.sources.export import Export, Member
from troth.sources.reader import Context, Reader
from troth.sources.reading import Reading
from troth.sources.turns import Rejected

SPOTS = b'{}[]",:;\n\r\t\\/0-9aTrueNull\xff\xfe\x00\xef\xbb\xbf=+@<>&'
Rows = dict[str, list[dict[str, Any]]]


def read_whole(path: Path, **how: Any) -> tuple[Reading, Rows]:
    """Read an export to its end: what was counted, and the rows of every table; the counts must add up."""
    reading = read_source(path, **how)
    rows: Rows = {"turns": []}
    for batch in reading:
        rows["turns"] += batch.to_pylist()
        for name, table in reading.take_side().items():
            rows.setdefault(name, []).extend(table.to_pylist())
    beside = sum(len(found) for name, found in rows.items() if name != "turns")
    left_out = reading.duplicates + len(reading.rejected) + reading.unlisted
    assert reading.turns == len(rows["turns"])
    assert reading.seen == len(rows["turns"]) + beside + left_out
    assert all(piece.position and piece.reason for piece in reading.rejected)
    return reading, rows


def how_many(usual: int = 2_000) -> int:
    """Mutated inputs per test: the environment's TROTH_FUZZ, else the usual number."""
    return int(os.environ.get("TROTH_FUZZ", usual))


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to four changes, anywhere."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(changed) + 1), rng.choice((1, 1, 2, 8, 64))
        match rng.randrange(6):
            case 0:
                changed[at : at + 1] = bytes((rng.choice(SPOTS),))
            case 1:
                del changed[at : at + size]
            case 2:
                changed[at:at] = changed[at : at + size]
            case 3:
                changed[at:at] = bytes(rng.choice(SPOTS) for _ in range(size))
            case 4:
                other = rng.randrange(len(changed) + 1)
                changed[at : at + size] = changed[other : other + size]
            case _:
                changed = changed[:at] if rng.random() < 0.1 else changed
    return bytes(changed)


class Held(Export):
    """An export in memory: opening thousands of files costs more than reading them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.path, self.unread, self._zip = Path("held"), [], None
        self.kind = "folder" if len(files) > 1 else "file"
        self.members = tuple(Member(name, len(data)) for name, data in files.items())
        self._sizes, self._files = dict(self.members), files

    def _raw(self, name: str) -> BinaryIO:
        return io.BytesIO(self._files[name])


def read_broken(
    reader: Reader, files: Mapping[str, bytes], folder: Path, *, seed: int, share: float = 1
) -> Iterator[int]:
    """Read many broken versions of an export; how many pieces came of each that the reader takes.

    What is wrong fails here: any error but SourceError, and, of every fiftieth, counts that do not add up. A file that
    stands alone has the name ""; `share` is the part of a family's inputs that this test reads.
    """
    rng, names = random.Random(seed), sorted(files)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    for number in range(int(how_many() * share)):
        name = rng.choice(names)
        broken = {**files, name: mutate(files[name], rng)}
        export = Held(broken)
        if not reader.is_it(export):
            continue
        try:
            pieces = list(reader.read(export, Context(source="held", now=now, meter=Meter(export.size, None))))
        except SourceError:
            continue
        assert all(piece.position and piece.reason for piece in pieces if isinstance(piece, Rejected))
        for piece in pieces:
            repr(piece).encode()  # every text can be stored as UTF-8
        if number % 50 == 0:
            for place, data in broken.items():
                (folder / (place or "alone")).write_bytes(data)
            read_whole(folder if len(files) > 1 else folder / "alone", now=now)
        yield len(pieces)
