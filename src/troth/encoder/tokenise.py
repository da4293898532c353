"""Text to word pieces, as BERT's uncased vocabulary wants them.

Our own, because the usual package brings a hub client along and nothing in troth may reach out.
Source of the rules: the BasicTokenizer and WordpieceTokenizer of google-research/bert, as the `tokenizers` package
(the reference in our tests) applies them: drop control characters, fold accents and case, cut at white space and
punctuation, then take the longest known piece from the left. Unlike that package, "[SEP]" written by a stranger is
four ordinary pieces and never a control token.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

LONGEST: Final = 128
"""Pieces kept of one sentence, the opening and closing marks included."""

_LONGEST_TEXT: Final = 4096  # characters looked at: 126 pieces of ordinary text end long before
_LONGEST_WORD: Final = 100  # characters; a longer word is unknown, as in the reference
_CACHED_WORDS: Final = 200_000  # the cache starts anew beyond this, so memory stays bounded

# CJK blocks that BERT reads character by character. Source: BasicTokenizer._is_chinese_char.
_IDEOGRAPHS: Final = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class _Clean(dict[int, str]):
    """For `str.translate`: what one character becomes before accents are taken apart."""

    def __missing__(self, code: int) -> str:
        self[code] = clean = _clean(code)
        return clean


class _Fold(dict[int, str]):
    """For `str.translate`: what one character becomes after accents were taken apart."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


def _clean(code: int) -> str:
    char = chr(code)
    if char in "\t\n\r" or unicodedata.category(char) in {"Zs", "Zl", "Zp"}:
        return " "
    if code == 0xFFFD or unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs"}:
        return ""
    if any(low <= code <= high for low, high in _IDEOGRAPHS):
        return f" {char} "
    return char


def _fold(char: str) -> str:
    if unicodedata.category(char) == "Mn":
        return ""
    if _is_punctuation(char):
        return f" {char} "
    return char.lower()


def _is_punctuation(char: str) -> bool:
    # BERT counts every ASCII sign that is neither letter, digit nor space, though Unicode calls "$" or "+" a symbol.
    return ("!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char).startswith("P")


_CLEAN: Final = _Clean()
_FOLD: Final = _Fold()


def split_words(text: str) -> list[str]:
    """The folded words and punctuation marks of `text`, in order; linear in its length."""
    if not text.isascii():
        # A composed letter falls apart into letter and accent; the accent is then dropped.
        text = unicodedata.normalize("NFD", text.translate(_CLEAN)).translate(_FOLD)
    else:
        text = text.translate(_CLEAN).translate(_FOLD)
    return text.split(" ")


class Tokeniser:
    """Turns sentences into rows of word-piece numbers; remembers the words it has met.

    Args:
        pieces: the vocabulary in order; a piece's place is its number.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self._number = {piece: number for number, piece in enumerate(pieces)}
        self._unknown = self._number["[UNK]"]
        self._close = self._number["[SEP]"]
        self.padding = self._number["[PAD]"]
        self._known: dict[str, tuple[int, ...]] = {"": ()}

    def tokenise(self, text: str) -> list[int]:
        """The piece numbers of one sentence, closed by a mark, at most `LONGEST` of them.

        There is no opening mark, unlike in BERT: the network does without, and has one piece in seventeen fewer to do.
        """
        known = self._known
        numbers: list[int] = []
        for word in split_words(text[:_LONGEST_TEXT]):
            pieces = known.get(word)
            if pieces is None:
                pieces = self._remember(word)
            numbers += pieces
        del numbers[LONGEST - 1 :]
        numbers.append(self._close)
        return numbers

    def _remember(self, word: str) -> tuple[int, ...]:
        if len(self._known) >= _CACHED_WORDS:
            self._known.clear()
            self._known[""] = ()
        self._known[word] = pieces = self._cut(word)
        return pieces

    def _cut(self, word: str) -> tuple[int, ...]:
        """The longest known piece from the left, again and again; all unknown when one place has none."""
        if len(word) > _LONGEST_WORD:
            return (self._unknown,)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[start:end] if start == 0 else f"##{word[start:end]}"
                if (number := self._number.get(piece)) is not None:
                    break
            else:
                return (self._unknown,)
            pieces.append(number)
            start = end
        return tuple(pieces)


def pad(rows: Sequence[Sequence[int]], *, width: int, padding: int, height: int | None = None) -> NDArray[np.int64]:
    """Rows of unequal length to one array, shape (height, width); `height` is the number of rows if not given."""
    filled = np.full((len(rows) if height is None else height, width), padding, dtype=np.int64)
    for at, row in enumerate(rows):
        filled[at, : len(row)] = row
    return filled
