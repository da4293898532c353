"""Who answers whom, and what was found where: the arrays that every rule of opportunity reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.signals import CATALOGUE

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Turns in the order of their conversations, and their sentences.

    Turn arrays have shape (n_turns,), sentence arrays (n_sentences,); `probability` maps a signal to a sentence array
    that is 0 where it was not found.
    """

    turns: pa.Table  # columns of TURNS, in this order
    is_us: Bools
    answered: Ints  # row of the other side's turn that this one answers; -1 where there is none
    answer: Ints  # row of the first turn of the other side after this one; -1 where there is none
    is_reply: Bools  # something was said before in this conversation
    sentences: pa.Table  # columns of SENTENCES, ordered by turn row, then sentence
    of_turn: Ints  # turn row of each sentence
    words: Ints  # words in each sentence
    probability: dict[str, Floats]

    def found(self, *signals: str, least: float = 0.5) -> Bools:
        """Per sentence: whether any of these is there with this probability: more likely than not, if not told."""
        hits = np.zeros(len(self.of_turn), bool)
        for signal in signals:
            hits |= self.probability[signal] >= least
        return hits

    def in_turn(self, sentences: Bools) -> Bools:
        """Per turn: whether any of its sentences is marked."""
        return np.bincount(self.of_turn, weights=sentences, minlength=len(self.is_us)) > 0

    def in_answered(self, turns: Bools) -> Bools:
        """Per turn: whether the turn it answers is marked."""
        return (self.answered >= 0) & turns[self.answered]


def set_scene(turns: pa.Table, sentences: pa.Table, findings: pa.Table) -> Scene:
    """Order the turns, link answers, and spread the findings over the sentences.

    Turns without a side (nobody placed them) and automatic ones are left out. Undated turns keep the order of their
    source. Cost: one sort and one pass; memory 8 bytes for each sentence and signal of the catalogue.
    """
    said = pc.and_(pc.is_valid(turns["side"]), pc.invert(turns["automatic"]))
    turns = turns.filter(said).sort_by(
        [
            ("conversation_id", "ascending"),
            ("sent_at", "ascending"),
            ("position", "ascending"),
            ("turn_id", "ascending"),
        ]
    )
    is_us = np.asarray(pc.equal(turns["side"], "us").to_numpy(zero_copy_only=False), bool)
    answered, answer, is_reply = _link_answers(turns, is_us)
    row_of_turn = pc.index_in(sentences["turn_id"], turns["turn_id"].combine_chunks())
    known = pc.is_valid(row_of_turn)
    sentences, rows = sentences.filter(known), row_of_turn.filter(known).to_numpy().astype(np.int64)
    order = np.lexsort((sentences["sentence"].to_numpy(), rows))
    sentences, rows = sentences.take(order), rows[order]
    words = pc.add(pc.count_substring(sentences["text"], " "), 1).to_numpy().astype(np.int64)
    return Scene(
        turns=turns,
        is_us=is_us,
        answered=answered,
        answer=answer,
        is_reply=is_reply,
        sentences=sentences,
        of_turn=rows,
        words=words,
        probability=_spread(findings, sentences),
    )


def _link_answers(turns: pa.Table, is_us: Bools) -> tuple[Ints, Ints, Bools]:
    """Per turn: the other side's latest turn before it, the other side's first after it, and whether any came before.

    A stated parent of the other side goes before the latest turn.
    """
    ids, conversations, parents = (turns[name].to_pylist() for name in ("turn_id", "conversation_id", "parent_id"))
    row_of = {turn_id: row for row, turn_id in enumerate(ids)}
    answered, answer = np.full(len(ids), -1, np.int64), np.full(len(ids), -1, np.int64)
    is_reply = np.zeros(len(ids), bool)
    latest = {True: -1, False: -1}
    waiting: dict[bool, list[int]] = {True: [], False: []}
    for row, conversation in enumerate(conversations):
        is_reply[row] = row > 0 and conversations[row - 1] == conversation
        if not is_reply[row]:
            latest, waiting = {True: -1, False: -1}, {True: [], False: []}
        mine = bool(is_us[row])
        stated = row_of.get(parents[row] or "", -1)
        answered[row] = stated if 0 <= stated < row and is_us[stated] != mine else latest[not mine]
        answer[waiting[not mine]] = row
        waiting[not mine].clear()
        waiting[mine].append(row)
        latest[mine] = row
    return answered, answer, is_reply


def _spread(findings: pa.Table, sentences: pa.Table) -> dict[str, Floats]:
    """One array over all sentences for each signal of the catalogue."""
    spread = {signal: np.zeros(sentences.num_rows) for signal in CATALOGUE}
    if not findings.num_rows:
        return spread
    numbered = sentences.select(["turn_id", "sentence"]).append_column("row", pa.array(np.arange(sentences.num_rows)))
    joined = findings.select(["turn_id", "sentence", "signal", "probability"]).join(
        numbered, keys=["turn_id", "sentence"], join_type="inner"
    )
    rows, probability = joined["row"].to_numpy(), joined["probability"].to_numpy()
    codes = joined["signal"].combine_chunks().dictionary_encode()
    numbers = codes.indices.to_numpy()
    for number, signal in enumerate(codes.dictionary.to_pylist()):
        if signal in spread:
            chosen = numbers == number
            spread[signal][rows[chosen]] = probability[chosen]
    return spread
