"""Statements on one matter that a customer heard twice, with the verdict, and who of us a turn of theirs went to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from troth.touch.compare import Pair, Said, compare_facts
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
    voices: dict[str, set[tuple[str, str]]] = {}
    for place in np.flatnonzero(ours).tolist():
        voices.setdefault(said[place].relationship, set()).add((said[place].speaker, said[place].channel))
    # One voice over one channel cannot say otherwise than another; a mailbox of one person costs nothing here.
    ours = ours & np.array([len(voices.get(one.relationship, ())) > 1 for one in said], bool)
    rows = np.flatnonzero(ours)
    facts = find_facts(turns.take(rows), sentences.filter(pa.array(ours[row])), read_day=read_day)
    placed = [replace(fact, row=int(rows[fact.row])) for fact in facts]
    pairs = compare_facts(placed, said)
    told = iter(find_told([pair for pair in pairs if not pair.agrees], turns, sentences, said))
    return [(pair, "same" if pair.agrees else "changed" if next(told) else "suspected") for pair in pairs]


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


def list_hearers_then(turns: pa.Table, said: Sequence[Said], is_us: Sequence[bool]) -> list[frozenset[str]]:
    """As `list_hearers`, from what was known when each turn was said: recipients who had spoken to them for us
    before, or who of us had spoken last in the conversation."""
    to, cc = turns["recipients"].to_pylist(), turns["cc"].to_pylist()
    spoke: set[tuple[str, str]] = set()
    latest: dict[str, str] = {}
    heard: list[frozenset[str]] = [frozenset()] * len(said)
    for row in sorted(range(len(said)), key=lambda row: said[row].order):
        one = said[row]
        if is_us[row]:
            spoke.add((one.relationship, one.speaker))
            latest[one.conversation] = one.speaker
            continue
        known = frozenset(who for who in (*(to[row] or ()), *(cc[row] or ())) if (one.relationship, who) in spoke)
        last = latest.get(one.conversation)
        heard[row] = known or (frozenset() if last is None else frozenset({last}))
    return heard
