"""What a customer heard twice, and what they had to say twice, over people and channels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.wording import rank_turns, read_flags
from troth.touch import SAYS_SO, Hearers, Line, Recall, Said, Statements
from troth.touch.facts import ReadDay

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_OLDEST: Final = dt.timedelta(days=120)  # an earlier turn of theirs that makes a new place another one
_IN_PASSING: Final = r"(?i)\bas (i|we)( have)? (said|wrote|written|told|explained|mentioned|reported|described)\b"
"""Of words that say they were said before, those that are often a mere turn of phrase."""
_LINK: Final = r"^\W*(https?://|www\.)\S+\W*$"


class Between:
    """What customers heard and said so far; more turns may come, each later than those of its customer."""

    def __init__(self, read_day: ReadDay) -> None:
        self._read_day, self._count = read_day, 0
        self._statements, self._hearers, self._recall = Statements(), Hearers(), Recall()
        self._latest: dict[str, tuple[Said, frozenset[str]]] = {}  # their last turn, and who of us heard it
        self._moved: set[str] = set()  # customers who came to another place once: all their words are laid side by side

    def find(
        self, turns: pa.Table, sentences: pa.Table, is_us: Bools, *, around: tuple[pa.Table, pa.Table]
    ) -> dict[str, Ints] | None:
        """By signal, the sentences in which it is found.

        Args:
            turns: TURNS of people to and from customers.
            sentences: SENTENCES; those of other turns are passed over.
            is_us: shape (n_turns,), those that we said.
            around: TURNS and SENTENCES of these customers, these and earlier ones.

        Returns: rows of `sentences`; None where a customer met a second of us, or another channel, only now, so that
            earlier turns of theirs have to be looked at too.
        """
        place = pc.index_in(sentences["turn_id"], turns["turn_id"].combine_chunks())
        here = pc.is_valid(place)
        near = sentences.filter(here)
        row = place.filter(here).to_numpy().astype(np.int64)
        said = _list_said(turns, first=self._count)
        pairs = self._statements.judge(turns, near, row, said=said, ours=is_us, read_day=self._read_day, around=around)
        again = None if pairs is None else self._find_again(turns, near, row, said, is_us)
        if pairs is None or again is None:
            return None
        found: dict[str, set[tuple[int, int]]] = {"contradiction": set(), "facts_agree": set(), **again}
        for pair, verdict in pairs:
            if verdict != "changed":
                name = "contradiction" if verdict == "suspected" else "facts_agree"
                found[name].add((pair.later.row - self._count, pair.later.start))
        self._count += len(said)
        starts = near["start"].to_numpy().astype(np.int64)
        at = {key: number for number, key in enumerate(zip(row.tolist(), starts.tolist(), strict=True))}
        rows = pc.indices_nonzero(here).to_numpy().astype(np.int64)
        return {signal: rows[np.array(sorted(at[key] for key in keys), np.int64)] for signal, keys in found.items()}

    def _find_again(
        self, turns: pa.Table, sentences: pa.Table, row: Ints, said: Sequence[Said], is_us: Bools
    ) -> dict[str, set[tuple[int, int]]] | None:
        """Where they come to another place, and where they say or ask again there; a row and a start each."""
        heard = self._hearers.add(turns, said, is_us.tolist())
        known = set(self._latest)
        moved = self._list_moved(said, heard, is_us)
        homes = {said[place].relationship for place in np.flatnonzero(moved).tolist()} - self._moved
        if homes & known:
            return None
        self._moved |= homes
        says_so = _matches(sentences["text"], SAYS_SO) & ~is_us[row]
        says_so &= moved[row] | ~_matches(sentences["text"], _IN_PASSING)
        asked = _matches(sentences["text"], r"\?\W*$")
        near = np.array([one.relationship in self._moved for one in said], bool)[row] | says_so
        near &= ~is_us[row] & ~_matches(sentences["text"], _LINK)
        chosen = sentences.select(["start", "end", "text"]).filter(pa.array(near)).to_pylist()
        lines = [
            Line(row=self._count + place, start=one["start"], end=one["end"], text=one["text"], is_question=is_question)
            for place, one, is_question in zip(row[near].tolist(), chosen, asked[near].tolist(), strict=True)
        ]
        repeats = self._recall.add(
            lines, dict(enumerate(said, self._count)),
            touchpoint=dict(enumerate((one.channel for one in said), self._count)),
            heard_by=dict(enumerate(heard, self._count)),
        )  # fmt: skip
        told = set(zip(row[says_so].tolist(), sentences["start"].to_numpy()[says_so].tolist(), strict=True))
        again: dict[int, int] = {}
        for repeat in repeats:
            place, start = repeat.line.row - self._count, repeat.line.start
            if repeat.before is not None or (place, start) in told:
                again[place] = min(start, again.get(place, start))
        first: dict[int, int] = {}
        starts: list[int] = sentences["start"].to_numpy().tolist()
        for place, start in zip(row.tolist(), starts, strict=True):
            first[place] = min(start, first.get(place, start))
        came = {(place, first[place]) for place in np.flatnonzero(moved).tolist() if place in first}
        return {"told_again": set(again.items()), "elsewhere": came}

    def _list_moved(self, said: Sequence[Said], heard: Sequence[frozenset[str]], is_us: Bools) -> Bools:
        """Turns of theirs over another channel, or to another of us, than the one before, if that was in the last 120
        days. Shape (n_turns,). Where they stay once they have moved, there is no new occasion to say things again.
        """
        moved = np.zeros(len(said), bool)
        for place in sorted(range(len(said)), key=lambda place: said[place].order):
            one, here = said[place], heard[place]
            if is_us[place]:
                continue
            before, there = self._latest.get(one.relationship, (None, frozenset[str]()))
            if before is not None and not one.at_days - before.at_days > _OLDEST.days:
                is_other = bool(there) and bool(here) and not there & here
                moved[place] = is_other or before.channel != one.channel
            self._latest[one.relationship] = one, here
        return moved


def _list_said(turns: pa.Table, *, first: int) -> list[Said]:
    """Who said these turns, where and when; `first` is the place of the earliest of them."""
    place = rank_turns(turns) + first
    days = [float("nan") if at is None else at.timestamp() / 86_400 for at in turns["sent_at"].to_pylist()]
    columns = (turns[name].to_pylist() for name in ("relationship", "conversation_id", "speaker", "channel"))
    return [
        Said(relationship=home, conversation=talk, speaker=who, channel=channel, at_days=at, order=number)
        for home, talk, who, channel, at, number in zip(*columns, days, place.tolist(), strict=True)
    ]


def _matches(texts: pa.ChunkedArray, pattern: str) -> Bools:
    return read_flags(pc.match_substring_regex(texts, pattern))
