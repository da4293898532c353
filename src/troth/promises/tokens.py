"""A sentence as tokens with their offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# Linear by construction: three alternatives over disjoint sets of characters, each one run of a single class.
_TOKEN: Final = re.compile(r"[0-9]+|[^\W\d_]+|\S")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one sentence; reading past either end gives the empty string."""

    text: str
    low: tuple[str, ...]  # lower case
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.low)

    def at(self, index: int) -> str:
        """The token in lower case."""
        return self.low[index] if 0 <= index < len(self.low) else ""

    def raw(self, index: int) -> str:
        """The token as written."""
        return self.text[self.starts[index] : self.ends[index]] if 0 <= index < len(self.low) else ""

    def glued(self, index: int) -> bool:
        """Whether no space stands between this token and the next one."""
        return 0 <= index < len(self.low) - 1 and self.ends[index] == self.starts[index + 1]

    def has(self, index: int, words: tuple[str, ...]) -> bool:
        """Whether these words stand here, one after the other."""
        low = self.low
        # The first word alone settles nearly every call, without a slice.
        return 0 <= index < len(low) and low[index] == words[0] and low[index : index + len(words)] == words

    def words(self, first: int, last: int) -> str:
        """The text from token `first` up to, not including, token `last`."""
        return self.text[self.starts[first] : self.ends[last - 1]] if last > first else ""


@lru_cache(maxsize=64)  # one sentence is read by several rules in a row
def tokenise(text: str) -> Tokens:
    """Split into runs of letters, runs of digits and single other marks; curly apostrophes are made straight."""
    found = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    return Tokens(
        text=text,
        low=tuple("'" if word in "’ʼ`´" else word.lower() for word, _, _ in found),
        starts=tuple(start for _, start, _ in found),
        ends=tuple(end for _, _, end in found),
    )
