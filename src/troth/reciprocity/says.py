"""TURNS, SENTENCES and FINDINGS to says: what one side said before the other spoke again, and which acts it held.

In a chat three lines in a row are one say, as one mail is. An act is there where one sentence makes it more likely than
not: probabilities are calibrated, .5 is the cut troth uses everywhere, and odds are of a yes or a no. It was chosen
before any result was seen. What the encoder misses or imagines draws a ratio towards 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.schema import FINDINGS, SENTENCES, TURNS, conform

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

OPEN_ACTS: Final = ("disclosure", "admission", "apology", "feeling")
"""Signals by which somebody makes themselves vulnerable: the openness facet, and the occasions that speak of it."""
CUT: Final = 0.5
NEUTRAL: Final = r"[0-9]"
"""The neutral act: a sentence that names a figure. It takes words and time, and nobody opens up by it. A question would
be no neutral act: it asks for an answer, which may well be a disclosure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """Says in order of relationship, then time; every array has shape (says,).

    Attributes:
        names: of the relationships.
        relationship: place in `names`.
        conversation: number of the conversation.
        is_us: who spoke.
        is_open: whether it held an open act.
        is_neutral: whether it held a neutral act.
        words: log(1 + words).
    """

    names: tuple[str, ...]
    relationship: Ints
    conversation: Ints
    is_us: Bools
    is_open: Bools
    is_neutral: Bools
    words: Floats

    def __len__(self) -> int:
        """How many there are."""
        return len(self.relationship)

    def take(self, rows: Ints) -> Says:
        """Some of them, or the same in another order."""
        arrays = {name: getattr(self, name)[rows] for name in self.__slots__ if name != "names"}
        return Says(names=self.names, **arrays)

    def turn_back(self) -> Says:
        """The same with time running backwards."""
        return self.take(np.arange(len(self))[::-1])


def gather_says(turns: object, sentences: object, findings: object) -> Says:
    """Join each side's turns in a row; automatic turns and those that nobody placed are left out.

    Args:
        turns: TURNS, placed; only those that count.
        sentences: SENTENCES of them.
        findings: FINDINGS of them.

    Cost: one sort and a few passes.
    """
    table = conform(turns, TURNS)
    said = pc.and_(pc.is_valid(table["side"]), pc.is_valid(table["relationship"]))
    table = table.filter(pc.and_(said, pc.invert(table["automatic"]))).sort_by(
        [(name, "ascending") for name in ("relationship", "conversation_id", "sent_at", "position", "turn_id")]
    )
    words, is_open, is_neutral = _mark_turns(table, conform(sentences, SENTENCES), conform(findings, FINDINGS))
    table = table.filter(pa.array(words > 0))  # a turn without words of its own says nothing
    is_open, is_neutral, words = is_open[words > 0], is_neutral[words > 0], words[words > 0]
    names, relationship = _number(table["relationship"])
    _, conversation = _number(table["conversation_id"])
    is_us = np.asarray(pc.equal(table["side"], "us").to_numpy(zero_copy_only=False), bool)
    moved = (np.diff(relationship) != 0) | (np.diff(conversation) != 0) | (is_us[1:] != is_us[:-1])
    say = np.concatenate([[0], np.cumsum(moved)]) if len(is_us) else np.zeros(0, np.int64)
    first = np.flatnonzero(np.concatenate([[True], moved])) if len(is_us) else np.zeros(0, np.int64)
    count = len(first)
    says = Says(
        names=tuple(names),
        relationship=relationship[first],
        conversation=conversation[first],
        is_us=is_us[first],
        is_open=np.bincount(say, is_open, count) > 0,
        is_neutral=np.bincount(say, is_neutral, count) > 0,
        words=np.log1p(np.bincount(say, words, count)),
    )
    at = pc.fill_null(table["sent_at"].cast(pa.int64()), np.iinfo(np.int64).max).to_numpy()[first]
    return says.take(np.lexsort((np.arange(count), at, says.relationship)))


def _number(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _mark_turns(turns: pa.Table, sentences: pa.Table, findings: pa.Table) -> tuple[Ints, Bools, Bools]:
    """Per turn: its words, and whether it holds an open and a neutral act."""
    ids, count = turns["turn_id"].combine_chunks(), turns.num_rows
    row = pc.index_in(sentences["turn_id"], ids)
    sentences, rows = sentences.filter(pc.is_valid(row)), row.drop_null().to_numpy().astype(np.int64)
    each = pc.add(pc.count_substring(sentences["text"], " "), 1).to_numpy()
    words = np.bincount(rows, each, count).astype(np.int64)
    figures = pc.match_substring_regex(sentences["text"], NEUTRAL).to_numpy()
    found = pc.and_(pc.is_in(findings["signal"], pa.array(OPEN_ACTS)), pc.greater_equal(findings["probability"], CUT))
    opened = pc.index_in(findings.filter(found)["turn_id"], ids).drop_null().to_numpy().astype(np.int64)
    return words, np.bincount(opened, minlength=count) > 0, np.bincount(rows, figures, count) > 0
