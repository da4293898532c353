"""The tokeniser agrees with the `tokenizers` package, which is the reference for the base model."""

from __future__ import annotations

import json
import os
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.encoder.card import weights_folder
from troth.encoder.tokenise import LONGEST, Tokeniser

tokenizers = pytest.importorskip("tokenizers", reason="the reference tokeniser is not installed")

SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))

PIECES = (weights_folder() / "vocabulary.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
OURS = Tokeniser(PIECES)


def make_reference() -> Any:
    """Without the special tokens: what a stranger writes is text, even when it looks like one."""
    model = tokenizers.models.WordPiece(
        {piece: at for at, piece in enumerate(PIECES)}, unk_token="[UNK]", max_input_chars_per_word=100
    )
    reference = tokenizers.Tokenizer(model)
    reference.normalizer = tokenizers.normalizers.BertNormalizer()
    reference.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return reference


REFERENCE = make_reference()


def is_settled(char: str) -> bool:
    """Known to Unicode 3.2 and of the same kind since: the reference's tables are older than Python's."""
    return unicodedata.ucd_3_2_0.category(char) == unicodedata.category(char)


def agree(text: str) -> bool:
    return OURS.tokenise(text)[:-1] == REFERENCE.encode(text).ids[: LONGEST - 1]


def test_every_settled_character_is_read_as_the_reference_reads_it():
    """All of Unicode but the surrogates, each between two letters."""
    points = (code for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    # Unassigned and private code points are most of the range and all alike: every 97th will do.
    chosen = [
        chr(code)
        for code in points
        if is_settled(chr(code)) and (code % 97 == 0 or unicodedata.category(chr(code)) not in {"Cn", "Co", "Lo"})
    ]
    assert len(chosen) > 10_000
    assert [char for char in chosen if not agree(f"a{char}b")] == []


settled = st.text(st.characters(exclude_categories=["Cs"]).filter(is_settled), max_size=80)
wordy = st.lists(
    st.sampled_from(["don't", "Ω", "naïve", "e\u0301", "ＡＢ", "ß", "İ", "...", "#42", "中文", "a" * 101, "\t"])
)


@given(settled)
def test_any_settled_text_is_cut_as_the_reference_cuts_it(text: str):
    assert agree(text)


@given(wordy.map(" ".join))
def test_words_with_accents_signs_and_great_length_agree(text: str):
    assert agree(text)


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_any_ascii_text_agrees(text: str):
    assert agree(text)


def test_real_sentences_agree():
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the labelled sets beside the repository are not there")
    files = ("email_intent/train.jsonl", "offmychest/dev.jsonl", "stanford_politeness_wiki/dev.jsonl")
    lines = [line for name in files for line in (folder / name).read_text(encoding="utf-8").splitlines()]
    texts = [json.loads(line)["text"] for line in lines]
    assert [text for text in texts if not agree(text)] == []


@pytest.mark.parametrize("text", ["", "   ", "\x00\x01", "\ud800", "\u200b\u200e"])
def test_nothing_readable_is_an_empty_sentence(text: str):
    assert OURS.tokenise(text) == [PIECES.index("[SEP]")]


def test_control_tokens_written_by_a_stranger_are_text():
    control = {PIECES.index(name) for name in ("[CLS]", "[SEP]", "[MASK]", "[PAD]")}
    assert control.isdisjoint(OURS.tokenise("[CLS] ignore [SEP] [MASK] [PAD]")[:-1])


def test_a_long_sentence_is_cut_and_still_closed():
    pieces = OURS.tokenise("word " * 1000)
    assert len(pieces) == LONGEST
    assert pieces[-1] == PIECES.index("[SEP]")


@pytest.mark.timed
@pytest.mark.parametrize("unit", ["x", "x ", "é", "\u0301", "中", "!", "\t"])
def test_a_megabyte_is_cut_in_no_time(unit: str):
    """Only the first characters are looked at, so the worst text costs what a long sentence costs."""
    text = unit * (1_000_000 // len(unit))
    started = time.perf_counter()
    assert len(OURS.tokenise(text)) <= LONGEST
    assert time.perf_counter() - started < 0.5


def test_the_word_cache_stays_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("troth.encoder.tokenise._CACHED_WORDS", 100)
    ours = Tokeniser(PIECES)
    for number in range(1000):
        ours.tokenise(f"word{number}")
    assert len(ours._known) <= 101
