"""Sentences to findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.encoder.card import Head
from troth.encoder.phrases import find_phrases, find_thanks, load_rules
from troth.schema import FINDINGS, SENTENCES, conform

FLOOR: Final = 0.2
"""Least probability of a binary signal that is written down: below it, the signal counts as absent.

Low enough that a threshold above it can be chosen later without running the encoder again.
"""

LANGUAGES: Final = ("en",)
"""What the heads were checked on. No score without proof: sentences known to be in another language get none."""

_WORD: Final = r"(?:^|\PL)\p{Latin}{2,45}(?:\PL|$)"  # no head was checked on letters that make no such word
_OPENING: Final = 2  # sentences at the start of a turn: a greeting, and the one after it
_FEW_WORDS: Final = 4  # of a sentence that says something after a thanks; a name or a farewell has fewer
_CHUNK: Final = 65_536  # sentences scored at a time, so memory does not grow with the table


class Encoder(Protocol):
    """Whatever gives sentences scores, one for each of its heads."""

    @property
    def heads(self) -> Sequence[Head]:
        """What its columns mean, in order."""
        ...

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), len(heads)): the probability for binary heads, the value for graded ones."""
        ...


def find_signals(sentences: pa.Table, encoder: Encoder) -> pa.Table:
    """Take SENTENCES to FINDINGS.

    One row for each sentence and binary signal with a probability of at least `FLOOR`; for each graded signal always
    one row; and one for each act that a rule finds in its words (`phrases`), where the encoder has no head for it.
    Sentences in another language than English give none, nor do those whose letters make no word; an unknown language
    (the turn was too short to say) is taken for English. Rows stay in the order of the sentences. Equal sentences are
    scored once.

    Raises: MissingColumns or BadColumn when `sentences` is not a SENTENCES table.
    """
    table = conform(sentences, SENTENCES)
    table = table.append_column("opens", pa.array(_find_openings(table)))
    language = table.column("language")
    known = pc.or_(pc.is_null(language), pc.is_in(language, value_set=pa.array(LANGUAGES)))
    table = table.filter(known)
    text = table.column("text")
    letters_alone = pc.and_not(pc.match_substring_regex(text, r"\pL"), pc.match_substring_regex(text, _WORD))
    table = table.filter(pc.invert(letters_alone))
    chunks = [_find(table.slice(start, _CHUNK), encoder) for start in range(0, table.num_rows, _CHUNK)]
    return pa.concat_tables(chunks) if chunks else FINDINGS.empty_table()


def count_unread(sentences: pa.Table) -> int:
    """How many SENTENCES get no score because they are in a language in which no head was checked."""
    language = sentences["language"]
    elsewhere = pc.invert(pc.is_in(language, value_set=pa.array(LANGUAGES)))
    return int(pc.sum(pc.and_(pc.is_valid(language), elsewhere)).as_py() or 0)


def _find(table: pa.Table, encoder: Encoder) -> pa.Table:
    texts = pc.dictionary_encode(table.column("text").combine_chunks())
    heads, scores = _score(texts.dictionary.to_pylist(), encoder)
    scores = _raise_thanks(table, heads, scores[texts.indices.to_numpy()])

    graded = np.array([head.kind == "graded" for head in heads], dtype=bool)
    row, column = np.nonzero(graded | (scores >= FLOOR))
    value = scores[row, column]
    is_graded = graded[column]
    probability = np.where(is_graded, _above_median(value, heads, column), value)

    found = table.select(["turn_id", "sentence", "start", "end"]).take(pa.array(row))
    names = pa.DictionaryArray.from_arrays(pa.array(column.astype(np.int32)), pa.array([h.signal for h in heads]))
    return pa.table(
        [
            *found.columns,
            names.cast(pa.string()),
            pa.array(probability, type=pa.float32()),
            pa.array(value, type=pa.float32(), mask=~is_graded),
        ],
        schema=FINDINGS,
    )


def _find_openings(table: pa.Table) -> NDArray[np.bool_]:
    """Sentences among the first of their turn, shape (n_sentences,), where one of some words comes later in it."""
    turn = pc.dictionary_encode(table["turn_id"].combine_chunks()).indices.to_numpy()
    place = table["sentence"].to_numpy()
    has_words = pc.greater_equal(pc.count_substring(table["text"], " "), _FEW_WORDS - 1).to_numpy(zero_copy_only=False)
    last = np.full(len(turn) and int(turn.max()) + 1, -1)
    np.maximum.at(last, turn[has_words], place[has_words])
    return (place < _OPENING) & (place < last[turn])


def _raise_thanks(table: pa.Table, heads: Sequence[Head], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same scores, with gratitude as a bare thanks says it where it opens its turn."""
    column = next((at for at, head in enumerate(heads) if head.signal == "gratitude" and head.kind == "binary"), None)
    rows = np.flatnonzero(table["opens"].to_numpy(zero_copy_only=False))
    if column is not None and len(rows):
        said = find_thanks(table["text"].take(pa.array(rows)).to_pylist())
        scores[rows, column] = np.maximum(scores[rows, column], said)
    return scores


def _score(texts: Sequence[str], encoder: Encoder) -> tuple[list[Head], NDArray[np.float32]]:
    """The encoder's heads and scores, with one more of each for every act that a rule finds and no head does."""
    scores = encoder.score(texts)
    known = {head.signal for head in encoder.heads}
    said = {act: found for act, found in find_phrases(texts).items() if act not in known}
    columns = [found * np.float32(load_rules()[act].precision) for act, found in said.items()]
    return [*encoder.heads, *(Head(signal=act, kind="binary") for act in said)], np.column_stack([scores, *columns])


def _above_median(value: NDArray[np.float32], heads: Sequence[Head], column: NDArray[np.intp]) -> NDArray[np.float64]:
    """The chance that the true value lies above the reference median, given one that scatters normally."""
    from scipy.special import ndtr  # noqa: PLC0415  # a tenth of a second that the card's readers need not pay

    median = np.array([head.median for head in heads])[column]
    spread = np.array([head.spread for head in heads])[column]
    return ndtr((value - median) / spread)
