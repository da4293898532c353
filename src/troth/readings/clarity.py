"""How plain a sentence is: the one signal of clarity, found by rule.

Long sentences and long words are what readability formulas have measured since Flesch (1948); both are counted here
without a word list, so the rule is the same for every trade. The score is 0 for a sentence of 16 words with 4.6
letters each, about the middle of business mail, and rises as a text gets plainer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TYPICAL_WORDS, _TYPICAL_LETTERS = 16.0, 4.6


def rate_clarity(texts: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.float64]:
    """Rate each text, shape (n,): about -2 (dense) to 1 (plain). Cost: one pass over the characters.

    Source: Flesch, A new readability yardstick, Journal of Applied Psychology 32 (1948); letters stand in for his
    syllables.
    """
    words = np.maximum(1, np.asarray(pc.add(pc.count_substring(texts, " "), 1), float))
    letters = np.asarray(pc.count_substring_regex(texts, r"\p{L}"), float)
    length = np.log(words / _TYPICAL_WORDS)
    weight = (letters / words - _TYPICAL_LETTERS) / 2.0
    return np.clip(-0.5 * np.maximum(length, -0.5) - 0.5 * weight, -2.0, 1.0)
