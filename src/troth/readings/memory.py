"""What was said to others on earlier days, kept small: so that a new turn is laid beside a whole book at its own cost.

Words and runs of words are kept as hashes with the day on which a relationship first had them. Only days count, never
the hour: turns of one day that come in one after the other change nothing for each other across relationships.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_FAR: Final = np.int64(1 << 40)
_DAY_BITS: Final = np.uint64(16)  # 1970 to 2149
_LAST_DAY: Final = (1 << 16) - 1
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def hash_word(word: str) -> int:
    """A number of 64 bits that is the same in every process.

    >>> hash_word("pump") == hash_word("pump"), hash_word("pump") == hash_word("pumps")
    (True, False)
    """
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def mix(one: Hashes, other: Hashes) -> Hashes:
    """One hash of two; their order counts."""
    with np.errstate(over="ignore"):
        mixed = (one + _MIX) * (other | np.uint64(1)) ^ (other >> np.uint64(31))
    return mixed ^ (mixed >> np.uint64(29))


def pack(key: Hashes, day: Ints) -> Hashes:
    """Key and day in one number that sorts by both; the lowest 16 bits of the key are given up."""
    whole = np.clip(day, 0, _LAST_DAY).astype(np.uint64)
    return (key >> _DAY_BITS << _DAY_BITS) | whole


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Layer:
    """Hashes of the words of some turns. Arrays are sorted, but for those that go with `run`."""

    run: Hashes  # different runs of words of ours
    run_day: Ints  # the first day of each
    run_home: Hashes  # a relationship that got it on that day
    run_other_day: Ints  # the first day on which another than that one got it
    tail: Hashes  # `pack` of run and speaker, and day: one for each turn that ends with it
    spoken: Hashes  # `pack` of speaker and day: one for each turn
    word: Hashes  # `pack` of word and the first day: one for each relationship
    pair: Hashes  # word and relationship
    home: Hashes  # relationships
    home_day: Ints  # the first day of each, sorted by itself


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Memory:
    """Everything said so far, in layers: the book as it was first read, and what came since."""

    layers: tuple[Layer, ...] = field(default=())

    def with_layer(self, layer: Layer) -> Memory:
        """This and one more, which holds only what is new (`only_new`)."""
        return Memory(layers=(*self.layers, layer))

    def holds_pair(self, pair: Hashes) -> Bools:
        """Whether a relationship had a word, shape of `pair`."""
        return self._holds("pair", pair)

    def holds_home(self, home: Hashes) -> Bools:
        """Whether anything was said in these relationships."""
        return self._holds("home", home)

    def _holds(self, name: str, keys: Hashes) -> Bools:
        found = np.zeros(len(keys), bool)
        for layer in self.layers:
            held: Hashes = getattr(layer, name)
            if len(held):
                found |= held[np.minimum(np.searchsorted(held, keys), len(held) - 1)] == keys
        return found

    def is_seen_elsewhere(self, run: Hashes, home: Hashes, day: Ints) -> Bools:
        """Whether another relationship got these words on an earlier day, shape (n,)."""
        earliest = np.full(len(run), _FAR)
        for layer in self.layers:
            if len(layer.run):
                at = np.minimum(np.searchsorted(layer.run, run), len(layer.run) - 1)
                elsewhere = np.where(layer.run_home[at] != home, layer.run_day[at], layer.run_other_day[at])
                earliest = np.minimum(earliest, np.where(layer.run[at] == run, elsewhere, _FAR))
        return earliest < day

    def count_tails(self, tail: Hashes, day: Ints) -> Ints:
        """How many turns of earlier days ended so, by the same speaker, shape (n,)."""
        return self._count("tail", tail, day)

    def count_spoken(self, speaker: Hashes, day: Ints) -> Ints:
        """How many turns the speaker had on earlier days, shape (n,)."""
        return self._count("spoken", speaker, day)

    def count_homes_with(self, word: Hashes, day: Ints) -> Ints:
        """How many relationships had a word on earlier days, shape (n,)."""
        return self._count("word", word, day)

    def count_homes(self, day: Ints) -> Ints:
        """How many relationships there were on earlier days, shape (n,)."""
        return sum((np.searchsorted(layer.home_day, day) for layer in self.layers), np.zeros(len(day), np.int64))

    def _count(self, name: str, keys: Hashes, day: Ints) -> Ints:
        total = np.zeros(len(keys), np.int64)
        for layer in self.layers:
            held: Hashes = getattr(layer, name)
            total += np.searchsorted(held, pack(keys, day)) - np.searchsorted(held, pack(keys, np.zeros_like(day)))
        return total


def lay_down(
    *,
    runs: tuple[Hashes, Hashes, Ints],
    tails: Hashes,
    spoken: Hashes,
    words: tuple[Hashes, Hashes, Ints],
    homes: tuple[Hashes, Ints],
    before: Memory,
) -> Layer:
    """A layer of what some turns said, without the words that their relationships had `before`.

    Args:
        runs: run, relationship and day of each run of words of ours.
        tails, spoken: packed, one for each turn.
        words: word, relationship and day of each word.
        homes: relationship and day of each turn.
    """
    run, home, day = runs
    order = np.lexsort((day, run))
    run, home, day = run[order], home[order], day[order]
    starts = np.flatnonzero(_begins(run))
    group = np.cumsum(_begins(run)) - 1
    elsewhere = np.where(home != home[starts][group], day, _FAR) if len(run) else day
    word, whose, said = words
    pair = mix(word, whose)
    keys, first = _first_days(pair, said)
    fresh = ~before.holds_pair(keys)
    home_keys, home_first = _first_days(*homes)
    new_home = ~before.holds_home(home_keys)
    return Layer(
        run=run[starts],
        run_day=day[starts],
        run_home=home[starts],
        run_other_day=np.minimum.reduceat(elsewhere, starts) if len(starts) else elsewhere,
        tail=np.sort(tails),
        spoken=np.sort(spoken),
        word=np.sort(pack(word[first], said[first])[fresh]),
        pair=keys[fresh],
        home=home_keys[new_home],
        home_day=np.sort(homes[1][home_first][new_home]),
    )


def _begins(keys: Hashes) -> Bools:
    """Where a sorted key differs from the one before."""
    begins = np.ones(len(keys), bool)
    begins[1:] = keys[1:] != keys[:-1]
    return begins


def _first_days(key: Hashes, day: Ints) -> tuple[Hashes, Ints]:
    """Different keys, rising, and the row on which each has its first day."""
    order = np.lexsort((day, key))
    starts = order[_begins(key[order])]
    return key[starts], starts.astype(np.int64)
