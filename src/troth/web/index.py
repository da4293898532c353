"""Rows of a table by key, found without looking at the others and without a copy of the table."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from typing import Final, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.web.kept import Kept

Places = NDArray[np.int32]
_MANY: Final = 2_000  # rows of a key from which they are kept for whoever asks next
_IN_USE: Final = 4


class Picker:
    """Takes rows of a table by their numbers.

    Arrow's own `take` lays all pieces of a long table together first; this one asks only the pieces that are meant.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._batches = table.to_batches()
        self._ends = np.cumsum([batch.num_rows for batch in self._batches], dtype=np.int64)

    def take(self, places: NDArray[np.integer]) -> pa.Table:
        """These rows, in this order."""
        if len(places) == 0:
            return self.table.slice(0, 0)
        first, last = int(places[0]), int(places[-1])
        if last - first == len(places) - 1 and bool((np.diff(places) == 1).all()):
            return self.table.slice(first, len(places))
        piece = np.searchsorted(self._ends, places, side="right")
        order = np.argsort(piece, kind="stable")
        found: list[pa.RecordBatch] = []
        for number in np.unique(piece).tolist():
            batch = self._batches[number]
            inside = places[order[piece[order] == number]] - (self._ends[number] - batch.num_rows)
            found.append(batch.take(pa.array(inside)))
        taken = pa.Table.from_batches(found).combine_chunks()
        if len(found) == 1:
            return taken
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return taken.take(pa.array(back))


class Index:
    """The rows of each key.

    Args:
        table: stays as it is; the index holds four bytes a row where rows of one key lie apart, else nothing.
        column: of strings; a row without one is in no key.
        order: numbers of the rows in the order in which those of a key are given; that of the table, if not given.

    Cost: one sort when it is made; a look-up is a search by halving among the keys, and the rows of a few keys that
        have thousands of them are kept.
    """

    def __init__(self, table: pa.Table, column: str, *, order: NDArray[np.integer] | None = None) -> None:
        self._picker, self._column, self._many = Picker(table), column, Kept[pa.Table](_IN_USE)
        self._apart = dict[str, pa.Table]()  # rows of a table that this one was made to follow
        codes, names = _encode(table[column])
        self._names = _Words(names)
        codes = codes if order is None else codes[order]
        by_key = np.argsort(codes, kind="stable").astype(np.int32)
        self._ends: NDArray[np.int64] = np.searchsorted(codes[by_key], np.arange(len(names) + 1))
        by_key = by_key if order is None else order[by_key].astype(np.int32)
        self._order: Places | None = None if bool((by_key == np.arange(len(by_key))).all()) else by_key

    def rows(self, key: str | None) -> pa.Table:
        """The rows of one key; none for a key that is not there."""
        if key in self._apart:
            return self._apart[key]
        place = self._find(key)
        if place is None:
            return self._picker.table.slice(0, 0)
        start, end = int(self._ends[place]), int(self._ends[place + 1])
        if self._order is None:
            return self._picker.table.slice(start, end - start)
        chosen = self._order[start:end]
        if len(chosen) < _MANY:
            return self._picker.take(chosen)
        return self._many.find(key, lambda: self._picker.take(chosen))

    def mended(self, table: pa.Table, keys: Collection[str]) -> Index:
        """The index of another table, in which the rows of these keys alone differ."""
        other = copy.copy(self)
        near = table.filter(pc.is_in(table[self._column], pa.array(sorted(keys), pa.string())))
        other._apart = {**self._apart, **{key: near.filter(pc.equal(near[self._column], key)) for key in keys}}
        return other

    def __contains__(self, key: str) -> bool:
        """Whether there is a row of this key."""
        return self._apart[key].num_rows > 0 if key in self._apart else self._find(key) is not None

    def keys(self) -> list[str]:
        """Every key."""
        return [key for key in dict.fromkeys([*self._names, *self._apart]) if key in self]

    def _find(self, key: str | None) -> int | None:
        if key is None:
            return None
        place = bisect_left(self._names, key)
        return place if place < len(self._names) and self._names[place] == key else None


class _Words(Sequence[str]):
    """Sorted words as Arrow keeps them: a Python string for each of a million keys would take more than the rest."""

    def __init__(self, words: pa.StringArray) -> None:
        self._words = words

    def __len__(self) -> int:
        return len(self._words)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        return self._words[place].as_py() if isinstance(place, int) else self._words[place].to_pylist()

    def __iter__(self) -> Iterator[str]:
        return iter(self._words.to_pylist())


def _encode(column: pa.ChunkedArray) -> tuple[Places, pa.StringArray]:
    """The place of each row's word among the sorted ones, -1 for none; and these words. Shape (N,), any number."""
    coded = pc.dictionary_encode(column)
    if not coded.num_chunks:
        return np.empty(0, np.int32), pa.array([], pa.string())
    words = coded.chunk(coded.num_chunks - 1).dictionary  # the last piece has the words of all
    order = pc.sort_indices(words)
    rank = np.empty(len(words) + 1, np.int32)
    rank[order.to_numpy()] = np.arange(len(words), dtype=np.int32)
    rank[-1] = -1
    pieces = [pc.fill_null(piece.indices, len(words)).to_numpy(zero_copy_only=False) for piece in coded.chunks]
    return rank[np.concatenate(pieces)], words.take(order)
