"""In which turn of a relationship each word, and each run of words of ours, was said first.

What a new turn takes up of earlier ones is told by where its words were said first: beside these turns alone it reads
as it does beside all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from troth.readings.memory import Hashes, hash_word, mix
from troth.readings.particulars import Telling
from troth.readings.templates import Runs
from troth.readings.wording import Bools, Ints

_NAME, _SMALL, _PAIR, _RUN = (np.uint64(hash_word(what)) for what in ("as a name", "small", "pair", "run"))
_ANY: Final = np.uint64(0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Said:
    """What some turns say, in the order of time; shape (n,) each."""

    key: Hashes  # what it is looked up by
    form: Hashes  # one of several of one key, each of which has a first turn
    turn: Ints  # row in the table of turns


def list_said(telling: Telling, runs: Runs, *, is_us: Bools, chosen: Bools) -> Said:
    """What turns say.

    Args:
        telling, runs: of these turns, and perhaps of others.
        is_us: shape (n_turns,).
        chosen: shape (n_turns,), which turns.
    """
    words, meant = telling.words, telling.meant
    is_upper = words.map(lambda word: word[:1].isupper(), np.bool_).astype(bool)
    low = words.map(lambda word: hash_word(word.lower()), np.uint64).astype(np.uint64)
    theirs = ~is_us[words.row]
    named, small = np.flatnonzero(theirs & is_upper & (words.place > 0)), np.flatnonzero(theirs & ~is_upper)
    row_of_rank = np.argsort(words.rank_of)
    key = np.concatenate(
        [meant, meant[named] ^ _NAME, meant[small] ^ _SMALL, telling.pair ^ _PAIR, runs.mark ^ _RUN]
    )  # fmt: skip
    turn = np.concatenate(
        [words.row, words.row[named], words.row[small], words.row[telling.pair_at], row_of_rank[runs.rank[runs.first]]]
    ).astype(np.int64)
    form = np.full(len(key), _ANY)
    form[len(meant) : len(meant) + len(named)] = low[named]
    of_turn = chosen[turn]
    return Said(key=key[of_turn], form=form[of_turn], turn=turn[of_turn])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Firsts:
    """The turns in which things were said first; shape (n,) each."""

    whole: Hashes  # key and form in one, rising
    key: Hashes  # rising by itself
    turn: Ints  # of each key, in `ids`
    ids: tuple[str, ...] = ()

    @classmethod
    def none(cls) -> Firsts:
        """Nothing was said."""
        return cls(whole=np.zeros(0, np.uint64), key=np.zeros(0, np.uint64), turn=np.zeros(0, np.int64))

    def find(self, said: Said) -> pa.Array:
        """Ids of the turns in which something of this was said first."""
        keys = np.unique(said.key)
        begin, end = (np.searchsorted(self.key, keys, side=side) for side in ("left", "right"))
        rows = {
            row for low, high in zip(begin.tolist(), end.tolist(), strict=True) for row in self.turn[low:high].tolist()
        }
        return pa.array([self.ids[row] for row in sorted(rows)], pa.string())

    def having(self, said: Said, turns: pa.ChunkedArray) -> Firsts:
        """With what later turns say; `turns` are the ids of the rows that `said` speaks of."""
        whole, first = np.unique(mix(said.key, said.form), return_index=True)
        at = np.minimum(np.searchsorted(self.whole, whole), max(len(self.whole) - 1, 0))
        is_new = self.whole[at] != whole if len(self.whole) else np.ones(len(whole), bool)
        whole, first = whole[is_new], first[is_new]
        rows, turn = np.unique(said.turn[first], return_inverse=True)
        order = np.argsort(said.key[first], kind="stable")
        key, turn = said.key[first][order], turn.ravel()[order].astype(np.int64) + len(self.ids)
        place = np.searchsorted(self.key, key)
        return replace(
            self,
            whole=np.insert(self.whole, np.searchsorted(self.whole, whole), whole),
            key=np.insert(self.key, place, key),
            turn=np.insert(self.turn, place, turn),
            ids=(*self.ids, *turns.take(pa.array(rows)).to_pylist()),
        )
