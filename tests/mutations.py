"""Exports with something broken in them: bytes flipped, cut, doubled, swapped; the same ones for the same seed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from troth.errors import SourceError
from troth.sources import read_source

SPOTS = b'{}[]",:;\n\r\t\\/0-9aTrueNull\xff\xfe\x00\xef\xbb\xbf=+@<>&'


def how_many(usual: int) -> int:
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


def read_mutated(files: Mapping[str, bytes], folder: Path, *, count: int, seed: int) -> Iterator[int]:
    """Read many broken versions of an export; pieces seen in each that was taken.

    What is wrong fails here: any error but SourceError, and counts that do not add up.
    """
    rng = random.Random(seed)
    names = sorted(files)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    for _ in range(count):
        name = rng.choice(names)
        (folder / name).write_bytes(mutate(files[name], rng))
        try:
            reading = read_source(folder if len(files) > 1 else folder / name)
            handed_out = beside = 0
            for batch in reading:
                handed_out += batch.num_rows
                beside += sum(table.num_rows for table in reading.take_side().values())
        except SourceError:
            continue
        finally:
            (folder / name).write_bytes(files[name])
        assert handed_out == reading.turns
        assert beside == reading.beside.total()
        left_out = reading.duplicates + len(reading.rejected) + reading.unlisted
        assert reading.seen == handed_out + beside + left_out
        assert all(piece.position and piece.reason for piece in reading.rejected)
        yield reading.seen
