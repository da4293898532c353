"""A column of words as numbers, so that a page asks a long table in a few passes over small integers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Marks = NDArray[np.bool_]


class Codes:
    """A column of words: each different word once, and which one each row has.

    Cost: one pass over the words when it is made; a question then takes one over four bytes a row, and `like` one over
    the different words.
    """

    def __init__(self, column: pa.ChunkedArray | pa.Array) -> None:
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        coded = pc.dictionary_encode(whole)
        self.words: list[str] = coded.dictionary.to_pylist()
        self._dictionary = coded.dictionary
        self._codes = pc.fill_null(coded.indices, len(self.words)).to_numpy(zero_copy_only=False)
        self._place = {word: place for place, word in enumerate(self.words)}

    def equal(self, word: str) -> Marks:
        """Which rows have this word."""
        return self._codes == self._place.get(word, -1)

    def like(self, part: str) -> Marks:
        """Which rows have a word with this part in it, in any case."""
        hits = pc.match_substring(self._dictionary, part, ignore_case=True).to_numpy(zero_copy_only=False)
        return np.append(hits.astype(np.bool_), False)[self._codes]

    def count(self, marks: Marks) -> dict[str, int]:
        """How often each word stands in these rows; words that stand in none are left out."""
        counted = np.bincount(self._codes[marks], minlength=len(self.words))
        return {word: int(counted[place]) for place, word in enumerate(self.words) if counted[place]}
