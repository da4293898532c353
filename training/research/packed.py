"""Rows as word pieces and numbers, in one file: all that training needs, so that it can run where nothing else is.

Every split of every set lies under "split/set/what"; what is said of a task under "split/set/said/task".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "dev", "test"]
Pieces = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """One split of one set.

    Attributes:
        texts: word pieces of each text.
        before: word pieces of the turn before each; None where no text has one.
        group: shape (rows,), equal numbers for one conversation or author.
        said: task to shape (rows, outputs) or, for classes, (rows, 1); NaN where nothing is said.
        pairs: shape (pairs, 2), numbers of rows, the more convincing first.
    """

    texts: list[Pieces]
    before: list[Pieces] | None
    group: NDArray[np.int32]
    said: Mapping[str, NDArray[np.float32]]
    pairs: NDArray[np.int32]

    def take(self, rows: NDArray[np.intp]) -> Packed:
        """Some of the rows, in this order, without pairs."""
        return Packed(
            texts=[self.texts[at] for at in rows],
            before=None if self.before is None else [self.before[at] for at in rows],
            group=self.group[rows],
            said={task: values[rows] for task, values in self.said.items()},
            pairs=np.empty((0, 2), dtype=np.int32),
        )

    def join(self, other: Packed) -> Packed:
        """The rows of both, of what both say; for parts without turns before and without pairs."""
        return Packed(
            texts=[*self.texts, *other.texts],
            before=None,
            group=np.concatenate([self.group, other.group + self.group.max() + 1]),
            said={task: np.concatenate([said, other.said[task]]) for task, said in self.said.items()},
            pairs=self.pairs,
        )


Sets = Mapping[str, Packed]


def write_packed(path: Path, sets: Mapping[Split, Sets]) -> None:
    """Everything into one file."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for split, parts in sets.items():
        for name, part in parts.items():
            under = f"{split}/{name}"
            arrays |= {f"{under}/{key}": value for key, value in _flatten("texts", part.texts).items()}
            if part.before is not None:
                arrays |= {f"{under}/{key}": value for key, value in _flatten("before", part.before).items()}
            arrays[f"{under}/group"], arrays[f"{under}/pairs"] = part.group, part.pairs
            arrays |= {f"{under}/said/{task}": values for task, values in part.said.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]


def read_packed(path: Path) -> dict[Split, dict[str, Packed]]:
    """What `write_packed` wrote."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    sets: dict[Split, dict[str, Packed]] = {"train": {}, "dev": {}, "test": {}}
    for key, group in arrays.items():
        split, name, what = key.split("/", maxsplit=2)
        if what == "group":
            under = f"{split}/{name}/"
            said = {
                key.removeprefix(f"{under}said/"): values
                for key, values in arrays.items()
                if key.startswith(f"{under}said/")
            }
            sets[split][name] = Packed(  # pyright: ignore[reportArgumentType]
                texts=_part(arrays[f"{under}texts"], arrays[f"{under}texts_end"]),
                before=_part(arrays[f"{under}before"], arrays[f"{under}before_end"])
                if f"{under}before" in arrays
                else None,
                group=group,
                said=said,
                pairs=arrays[f"{under}pairs"],
            )
    return sets


def _flatten(name: str, rows: Sequence[Pieces]) -> dict[str, NDArray[np.generic]]:
    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    return {name: np.concatenate(rows), f"{name}_end": ends}


def _part(flat: Pieces, ends: NDArray[np.int64]) -> list[Pieces]:
    return np.split(flat, ends[:-1])
