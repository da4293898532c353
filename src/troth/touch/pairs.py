"""Statements on one matter that a customer heard twice, with the verdict, and who of us a turn of theirs went to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.touch.compare import Comparison, Pair, Said
from troth.touch.facts import ReadDay, find_facts
from troth.touch.telling import find_told


def judge_pairs(
    turns: pa.Table,
    sentences: pa.Table,
    row: np.ndarray[Any, np.dtype[np.int64]],
    *,
    said: Sequence[Said],
    ours: np.ndarray[Any, np.dtype[np.bool_]],
    read_day: ReadDay,
) -> list[tuple[Pair, str]]:
    """Statements on one matter that a customer heard twice: same, changed (and told so), or suspected.

    Args:
        turns: TURNS of both sides.
        sentences: SENTENCES of these turns; `row` is the row of each one's turn.
        said: of every turn.
        ours: shape (n_turns,), those that a person of ours said.
        read_day: reads a time out of a sentence.
    """
    around = turns, sentences
    return Statements().judge(turns, sentences, row, said=said, ours=ours, read_day=read_day, around=around) or []


class Statements:
    """What customers were told so far; more turns may come, each later than those of its customer."""

    def __init__(self) -> None:
        self._voices: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._comparison = Comparison()
        self._said: list[Said] = []
        self._rows: dict[str, int] = {}  # by turn

    def judge(
        self,
        turns: pa.Table,
        sentences: pa.Table,
        row: np.ndarray[Any, np.dtype[np.int64]],
        *,
        said: Sequence[Said],
        ours: np.ndarray[Any, np.dtype[np.bool_]],
        read_day: ReadDay,
        around: tuple[pa.Table, pa.Table],
    ) -> list[tuple[Pair, str]] | None:
        """As `judge_pairs`, of the pairs of which one of these turns holds the later statement.

        `around` are TURNS and SENTENCES that hold the conversations of all so far. Rows of what is returned are counted
        through all turns so far. None where a customer met a second voice only now, so that what the first one said has
        not been read.
        """
        base, met = len(self._said), {home: len(voices) for home, voices in self._voices.items()}
        for place in np.flatnonzero(ours).tolist():
            self._voices[said[place].relationship].add((said[place].speaker, said[place].channel))
        if any(count == 1 and len(self._voices[home]) > 1 for home, count in met.items()):
            return None
        self._said += said
        self._rows |= {name: base + place for place, name in enumerate(turns["turn_id"].to_pylist())}
        # One voice over one channel cannot say otherwise than another; a mailbox of one person costs nothing here.
        ours = ours & np.array([len(self._voices.get(one.relationship, ())) > 1 for one in said], bool)
        rows = np.flatnonzero(ours)
        facts = find_facts(turns.take(rows), sentences.filter(pa.array(ours[row])), read_day=read_day)
        pairs = self._comparison.add([replace(fact, row=base + int(rows[fact.row])) for fact in facts], self._said)
        told = iter(self._find_told([pair for pair in pairs if not pair.agrees], *around))
        return [(pair, "same" if pair.agrees else "changed" if next(told) else "suspected") for pair in pairs]

    def _find_told(self, pairs: Sequence[Pair], turns: pa.Table, sentences: pa.Table) -> list[bool]:
        """`find_told`, with the rows of these turns."""
        talks = {self._said[fact.row].conversation for pair in pairs for fact in (pair.earlier, pair.later)}
        near = turns.filter(pc.is_in(turns["conversation_id"], pa.array(sorted(talks), pa.string())))
        near = near.filter(pc.is_in(near["turn_id"], pa.array(self._rows, pa.string()))) if pairs else near
        rows = [self._rows[name] for name in near["turn_id"].to_pylist()]
        place = {row: number for number, row in enumerate(rows)}
        placed = [
            replace(
                pair,
                earlier=replace(pair.earlier, row=place[pair.earlier.row]),
                later=replace(pair.later, row=place[pair.later.row]),
            )
            for pair in pairs
        ]
        return find_told(placed, near, sentences, [self._said[row] for row in rows])


def list_hearers(
    turns: pa.Table, said: Sequence[Said], is_us: Sequence[bool], *, us: Collection[str]
) -> list[frozenset[str]]:
    """Who of `us` each turn went to: its recipients; without any of us, who of us spoke next, or else before."""
    to, cc = turns["recipients"].to_pylist(), turns["cc"].to_pylist()
    heard = [
        frozenset(who for who in (*(one or ()), *(more or ())) if who in us) for one, more in zip(to, cc, strict=True)
    ]
    for rows in (range(len(heard) - 1, -1, -1), range(len(heard))):
        near: tuple[str, str] | None = None
        for row in rows:
            one = said[row]
            if is_us[row]:
                near = one.conversation, one.speaker
            elif not heard[row] and near is not None and near[0] == one.conversation:
                heard[row] = frozenset({near[1]})
    return heard


class Hearers:
    """Who of us heard what they said, from what was known when each turn was said; more may come, each later."""

    def __init__(self) -> None:
        self._spoke: set[tuple[str, str]] = set()
        self._latest: dict[str, str] = {}

    def add(self, turns: pa.Table, said: Sequence[Said], is_us: Sequence[bool]) -> list[frozenset[str]]:
        """Per turn, recipients who spoke to them for us before, or who of us spoke last in the conversation."""
        to, cc = turns["recipients"].to_pylist(), turns["cc"].to_pylist()
        heard: list[frozenset[str]] = [frozenset()] * len(said)
        for row in sorted(range(len(said)), key=lambda row: said[row].order):
            one = said[row]
            if is_us[row]:
                self._spoke.add((one.relationship, one.speaker))
                self._latest[one.conversation] = one.speaker
                continue
            people = (*(to[row] or ()), *(cc[row] or ()))
            known = frozenset(who for who in people if (one.relationship, who) in self._spoke)
            last = self._latest.get(one.conversation)
            heard[row] = known or (frozenset() if last is None else frozenset({last}))
        return heard
