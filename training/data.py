"""Which rows train, choose and judge; and the batches that training draws from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.sets import ACTS, GRADED, SETS, Row, SourceSet, read_own
from troth.encoder.tokenise import Tokeniser, pad

Split = Literal["train", "dev", "test"]

OWN: Final = "own"
LONGEST_TRAINED: Final = 64  # word pieces; ninety-eight of a hundred rows are shorter, and cost grows with the longest

BROAD: Final = {
    "business_acts": 1818,
    "email_intent": 3276,
    "goemotions": 7000,
    "offmychest": 4500,
    "stanford_politeness_wiki": 3473,
    "stanford_politeness_se": 3000,
    "certainty_science": 1571,
    "intimacy_questions": 1797,
    "casino": 2600,
    "persuasion_for_good": 4000,
    "vira_trust": 800,
}
"""Rows drawn from each set in one epoch of the first stage: large sets are sampled anew each time."""

NEAR: Final = {
    OWN: 20_000,  # all there is, twice at most
    "business_acts": 3636,
    "email_intent": 1200,
    "goemotions": 800,
    "offmychest": 800,
    "stanford_politeness_wiki": 1300,
    "stanford_politeness_se": 1000,
    "certainty_science": 900,
    "intimacy_questions": 1200,
    "casino": 300,
    "persuasion_for_good": 600,
}
"""The same in the second stage: what is nearest to business mail counts most."""


def read_split(data: Path, own: Path, split: Split) -> dict[str, list[Row]]:
    """The rows of one split, by set.

    A set without a dev part of its own gives the tenth of its training part that a hash of the group picks.
    """
    rows = {source.name: list(_read(data, source, split)) for source in SETS}
    rows[OWN] = [row for row in read_own(own) if own_split(row.group) == split]
    return rows


def _read(data: Path, source: SourceSet, split: Split) -> Iterator[Row]:
    if split in source.files and "dev" in source.files:
        yield from source.read(data / source.files[split])
    elif split == "test":
        yield from source.read(data / source.files["test"])
    else:
        for row in source.read(data / source.files["train"]):
            if falls_to_dev(row.group) == (split == "dev"):
                yield row


def own_split(group: str) -> Split:
    """Where one of our own conversations belongs: a tenth each to dev and test."""
    tenth = _tenth(group)
    return "dev" if tenth == 0 else "test" if tenth == 1 else "train"


def falls_to_dev(group: str) -> bool:
    """Whether a training row belongs to dev, in a set that has no dev part of its own."""
    return _tenth(group) == 0


def _tenth(group: str) -> int:
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Every column that any set speaks of, and the head behind it."""

    names: tuple[str, ...]
    heads: tuple[str, ...]  # the signals first, in the order in which they ship, then the heads of one set each
    head_of: Mapping[str, int]

    @property
    def shipped(self) -> tuple[str, ...]:
        """The heads that may ship."""
        return (*ACTS, *GRADED)

    def is_graded(self, name: str) -> bool:
        """Whether the column is a score and not yes or no."""
        return name.split("@", maxsplit=1)[0] in GRADED


def find_columns(rows: Mapping[str, Sequence[Row]]) -> Columns:
    """The columns and heads that these rows need."""
    names = sorted({name for part in rows.values() for row in part for name in row.targets})
    shipped = (*ACTS, *GRADED)
    extra = sorted({name for name in names if "@" not in name and name not in shipped})
    heads = (*shipped, *extra)
    place = {head: at for at, head in enumerate(heads)}
    head_of = {name: place[name.split("@")[0]] for name in names if name.split("@")[0] != "intent"}
    return Columns(names=tuple(names), heads=heads, head_of=head_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Rows ready for the network: word pieces, and targets with NaN where a set says nothing."""

    pieces: list[list[int]]
    targets: NDArray[np.float32]  # shape (rows, columns)


def encode_rows(rows: Sequence[Row], columns: Columns, tokeniser: Tokeniser) -> Encoded:
    """Tokenise, and lay the targets out by column."""
    at = {name: number for number, name in enumerate(columns.names)}
    targets = np.full((len(rows), len(columns.names)), np.nan, dtype=np.float32)
    for number, row in enumerate(rows):
        for name, value in row.targets.items():
            targets[number, at[name]] = value
    pieces = [tokeniser.tokenise(row.text) for row in rows]
    return Encoded(pieces=[_shorten(row) for row in pieces], targets=targets)


def _shorten(row: list[int]) -> list[int]:
    return row if len(row) <= LONGEST_TRAINED else [*row[: LONGEST_TRAINED - 1], row[-1]]


def draw_epoch(
    parts: Mapping[str, Encoded], *, drawn: Mapping[str, int], rng: np.random.Generator, batch_rows: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of one epoch: (pieces, targets), rows of like length together, batches in random order."""
    rows = [
        (parts[name].pieces[at], parts[name].targets[at])
        for name, wanted in drawn.items()
        for at in _draw(len(parts[name].pieces), wanted, rng)
    ]
    order = rng.permutation(len(rows))
    batches: list[list[int]] = []
    pool_rows = batch_rows * 50  # sorted by length inside a pool, so that batches differ between epochs
    for start in range(0, len(order), pool_rows):
        pool = sorted(order[start : start + pool_rows], key=lambda at: len(rows[at][0]))
        batches += [pool[at : at + batch_rows] for at in range(0, len(pool), batch_rows)]
    for number in rng.permutation(len(batches)):
        chosen = [rows[at] for at in batches[number]]
        width = max(len(pieces) for pieces, _ in chosen)
        pieces = pad([pieces for pieces, _ in chosen], width=width, padding=0)
        yield torch.from_numpy(pieces), torch.from_numpy(np.stack([targets for _, targets in chosen]))


def _draw(available: int, wanted: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Numbers below `available`: each as often as any other, give or take one; at most twice over."""
    whole, rest = divmod(min(wanted, 2 * available), available)
    return np.concatenate([np.arange(available)] * whole + [rng.permutation(available)[:rest]])
