"""Text of ours that others got before: sent to many, it is not personal.

Words are taken in runs of five; a run that went to another relationship on an earlier day is seen. A turn is a template
where half of its words lie in long stretches of such runs. What stands under every mail of a speaker, and what this
reader got before, is left out on both sides of the share: a footer is no template, and neither is sending something
again. Numbers are all alike, so that a filled-in form stays the form. Everything looks back only.
Runs of words as marks of copied text: Broder, On the resemblance and containment of documents (1997); they are all
kept here, since sorting them costs less than drawing a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from troth.readings.memory import Hashes, Memory, hash_word, mix, pack
from troth.readings.wording import Bools, Ints, Words

_RUN: Final = 5  # words
_STRETCH: Final = 12  # words in a row that were all seen: longer than formulas of courtesy are
_LEAST_WORDS: Final = 18  # seen ones in a turn
_SHARE: Final = 0.5
_TAIL: Final = 60  # words at the end of a turn in which a footer may stand
_FOOTER_TURNS: Final = 3  # turns on earlier days of a speaker that a footer stands under, at least
_FOOTER_SHARE: Final = 0.5  # and of all earlier turns of that speaker
_OWN_WORDS: Final = 4  # beside its footer a turn says so many words at least
_BASE: Final = np.uint64(1_099_511_628_211)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Runs:
    """The words of our turns that may be templates, in the order of time, and the runs of five that begin at them."""

    rank: Ints  # (n,) of the turn of each word
    sentence: Ints  # (n,)
    first: Ints  # (m,) the word at which each run begins
    mark: Hashes  # (m,)
    home: Hashes  # (m,) relationship, and so on for each run
    speaker: Hashes
    day: Ints
    in_tail: Bools  # (m,) it stands at the end of its turn


def list_runs(words: Words, *, speaker: Hashes, home: Hashes, chosen: Bools) -> Runs:
    """The runs of words of some turns.

    Args:
        words: of all turns.
        speaker, home: shape (n_turns,).
        chosen: shape (n_turns,), turns of ours that are looked at and remembered.
    """
    hashed = words.map(lambda word: 0 if _has_digit(word) else hash_word(word.lower()), np.uint64)
    mine = np.flatnonzero(chosen[words.row])
    rank, row = words.rank[mine], words.row[mine]
    mark, is_whole = _mark_runs(hashed[mine].astype(np.uint64), rank)
    first = np.flatnonzero(is_whole)
    last = np.searchsorted(rank, rank[first], side="right")
    return Runs(
        rank=rank, sentence=words.sentence[mine], first=first, mark=mark[first], home=home[row[first]],
        speaker=speaker[row[first]], day=words.day_of[row[first]], in_tail=last - first <= _TAIL,
    )  # fmt: skip


def pack_tails(runs: Runs) -> Hashes:
    """What turns end with, by speaker and day: one for each turn, for `Memory`."""
    tail = np.flatnonzero(runs.in_tail)
    key = pack(mix(runs.mark[tail], runs.speaker[tail]), runs.day[tail])
    each = np.unique(np.stack([key, runs.rank[runs.first[tail]].astype(np.uint64)]), axis=1)
    return each[0]


def find_templates(runs: Runs, memory: Memory) -> Ints:
    """Rows of the sentences, one for each turn that is a template: the one with most words that others got.

    Args:
        runs: of our turns; of a relationship all, or none.
        memory: of everything said on earlier days, and perhaps later.

    Cost: a few sorts of these runs, and looking each up.
    """
    if not len(runs.first):
        return np.zeros(0, np.int64)
    seen = memory.is_seen_elsewhere(runs.mark, runs.home, runs.day)
    again = _seen_before(mix(runs.mark, runs.home), runs.rank[runs.first])
    tails = memory.count_tails(mix(runs.mark, runs.speaker), runs.day)
    spoken = memory.count_spoken(runs.speaker, runs.day)
    footer = runs.in_tail & (tails >= _FOOTER_TURNS) & (tails >= _FOOTER_SHARE * spoken)
    covered, known, below = (_spread(runs.first[which], len(runs.rank)) for which in (seen, again, footer))
    return _choose(covered, known, below, runs.rank, runs.sentence)


def _has_digit(word: str) -> bool:
    return not word.isalpha() and any(char.isdigit() for char in word)


def _mark_runs(code: Hashes, rank: Ints) -> tuple[Hashes, Bools]:
    """A number for the five words that begin at each word, and whether all five stand in one turn."""
    mark = np.zeros(len(code), np.uint64)
    whole = np.zeros(len(code), bool)
    end = max(len(code) - _RUN + 1, 0)
    with np.errstate(over="ignore"):  # a hash: it runs over on purpose
        for step in range(_RUN):
            mark[:end] = (mark[:end] + code[step : end + step] + np.uint64(1)) * _BASE
            mark[:end] ^= mark[:end] >> np.uint64(29)
    if end:
        whole[:end] = rank[:end] == rank[_RUN - 1 :]
    return mark, whole


def _seen_before(key: Hashes, rank: Ints) -> Bools:
    """Whether an earlier turn had this key, shape (n,); keys are in the order of time."""
    first, group = np.unique(key, return_index=True, return_inverse=True)[1:]
    return rank > rank[first][group.ravel()]


def _spread(first: Ints, words: int) -> Bools:
    """The words of these runs."""
    change = np.zeros(words + 1, np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, np.minimum(first + _RUN, words), -1)
    return np.cumsum(change)[:words] > 0


def _choose(covered: Bools, known: Bools, below: Bools, rank: Ints, sentence: Ints) -> Ints:
    """The sentence of each template in which most words were seen."""
    turn = np.unique(rank, return_inverse=True)[1].ravel()
    total = np.bincount(turn)
    # Where little is left beside what stands under every mail, that is no footer but the mail itself.
    is_footed = (total - np.bincount(turn, weights=below) >= _OWN_WORDS)[turn]
    left_out = known | (below & is_footed)
    covered = _keep_long(covered & ~left_out, turn)
    count = np.bincount(turn, weights=covered)
    share = count / np.maximum(total - np.bincount(turn, weights=left_out), 1.0)
    is_template = (share >= _SHARE) & (count >= _LEAST_WORDS)
    hits = covered & is_template[turn]
    rows, group = np.unique(sentence[hits], return_inverse=True)
    if not len(rows):
        return rows
    weight = np.bincount(group.ravel())
    home = turn[hits][np.unique(group.ravel(), return_index=True)[1]]
    order = np.lexsort((rows, -weight, home))
    return np.sort(rows[order[np.flatnonzero(np.diff(home[order], prepend=-1))]])


def _keep_long(marked: Bools, turn: Ints) -> Bools:
    """Marked words that stand in stretches of twelve and more within their turn."""
    begins = np.diff(turn, prepend=-1) != 0
    begins |= np.diff(marked, prepend=False)
    stretch = np.cumsum(begins) - 1
    length = np.bincount(stretch)
    return marked & (length[stretch] >= _STRETCH)
