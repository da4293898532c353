"""The words of all sentences as numbers, so that every turn can be laid beside every earlier one in a few sorts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.memory import Hashes, hash_word
from troth.schema import TURNS

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_LONG_AGO: Final = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
_DAY_US: Final = 86_400_000_000
_LONGEST: Final = 2_000  # characters of a sentence that are looked at
_JOINED: Final = (
    (r"(\d)[.,]00\b", r"\1"),  # 18.00 is 18
    (r"(\d)[.,'’](\d)", r"\1\2"),  # 18,000 and 18.000 are one number, however they are written
    (r"(\d)[.,'’](\d)", r"\1\2"),
    (r"\b(\p{L}{1,5})-(\d)", r"\1\2"),  # E-417
    (r"[^\p{L}\p{N}]+", " "),
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Words:
    """Every word of all sentences, turn by turn in the order of time; shape (n,) each.

    Turns have a rank by time. Who must not be told apart (a team's own people) share a scope; see `lay_out_words`.
    """

    vocabulary: list[str]  # as written, by code
    code: Ints
    sentence: Ints  # row of the table of sentences
    place: Ints  # of the word in its sentence, from 0
    rank: Ints  # of its turn
    row: Ints  # of its turn in the table of turns
    rank_of: Ints  # shape (n_turns,), of each row of the table of turns
    day_of: Ints  # shape (n_turns,), since 1970; 0 where not known

    def map(self, make: Callable[[str], object], kind: type[np.generic]) -> npt.NDArray[np.generic]:
        """Something told of each word by its spelling, shape (n,); made once for each different word."""
        return np.array([make(word) for word in self.vocabulary] or [make("")], kind)[self.code]


def lay_out_words(turns: pa.Table, sentences: pa.Table) -> Words:
    """The words of these turns.

    Args:
        turns: rows of TURNS; ranked by time, undated ones first in the order of their conversations.
        sentences: SENTENCES; those of other turns are passed over.

    Cost: a few passes over the characters and one sort of the turns.
    """
    rank = rank_turns(turns)
    row_of = pc.index_in(sentences["turn_id"], turns["turn_id"].combine_chunks())
    known = np.flatnonzero(np.asarray(pc.is_valid(row_of).to_numpy(zero_copy_only=False), bool))
    rows = pc.fill_null(row_of, 0).to_numpy().astype(np.int64)[known]
    order = np.lexsort((sentences["sentence"].to_numpy()[known], rank[rows]))
    known, rows = known[order], rows[order]
    texts = pc.utf8_slice_codeunits(sentences["text"].take(pa.array(known)).combine_chunks(), 0, _LONGEST)
    for pattern, becomes in _JOINED:
        texts = pc.replace_substring_regex(texts, pattern, becomes)
    split = pc.split_pattern(pc.utf8_trim(texts, " "), " ")
    count = pc.list_value_length(split).to_numpy(zero_copy_only=False).astype(np.int64)
    coded = pc.list_flatten(split).dictionary_encode()
    at = np.repeat(np.arange(len(known)), count)
    start = np.repeat(np.cumsum(count) - count, count)
    return Words(
        vocabulary=coded.dictionary.to_pylist(),
        code=coded.indices.to_numpy().astype(np.int64),
        sentence=known[at],
        place=np.arange(int(count.sum())) - start,
        rank=rank[rows][at],
        row=rows[at],
        rank_of=rank,
        day_of=np.maximum(pc.fill_null(turns["sent_at"].cast(pa.int64()), 0).to_numpy().astype(np.int64) // _DAY_US, 0),
    )


def rank_turns(turns: pa.Table) -> Ints:
    """The place of each turn in time, shape (n,): no two alike, and a later turn never moves an earlier one."""
    long_ago = pa.scalar(_LONG_AGO, pa.timestamp("us", tz="UTC"))
    keyed = turns.select(["conversation_id", "position", "turn_id"]).append_column(
        "sent_at", pc.fill_null(turns["sent_at"].cast(long_ago.type), long_ago)
    )
    names = ("sent_at", "conversation_id", "position", "turn_id")
    order = pc.sort_indices(keyed, sort_keys=[(name, "ascending") for name in names]).to_numpy()
    rank = np.empty(turns.num_rows, np.int64)
    rank[order] = np.arange(turns.num_rows)
    return rank


def hash_values(values: pa.ChunkedArray) -> Hashes:
    """Names as hashes of 64 bits, shape (n,)."""
    codes = pc.fill_null(values, "").combine_chunks().dictionary_encode()
    known = np.array([hash_word(name) for name in codes.dictionary.to_pylist()] or [0], np.uint64)
    return known[codes.indices.to_numpy()]


def code_values(values: pa.ChunkedArray) -> Ints:
    """Names as numbers from 1, 0 for none, shape (n,)."""
    codes = values.combine_chunks().dictionary_encode()
    return pc.add(pc.fill_null(codes.indices.cast(pa.int64()), -1), 1).to_numpy().astype(np.int64)


def read_flags(column: pa.ChunkedArray) -> Bools:
    """A column of truths as an array; null is no."""
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), bool)


assert {"sent_at", "conversation_id", "position", "turn_id"} <= set(TURNS.names)  # noqa: S101 -- what a rank rests on
