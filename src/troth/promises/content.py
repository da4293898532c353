"""What a sentence is about: its content words, cut to their stems, for matching an act with a later turn."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from troth.promises.vocabulary import MONTHS, NUMBERS, PARTS, PERIODS, UNITS, WEEKDAYS

_EMPTY: Final = frozenset("""
about above after again ahead all also always and any anything are attached back been before being below best both but
call can cannot check come could dear details did does doing done due each either ever every everything fine first for
from get getting give given going good got great had has have having hear hello help her here him his hope how into its
itself just keep kind know last later latest let like little look looking made make making many matter may maybe might
more morning most much must need needed never new next nice not now off okay once one only other our out over own please
possible promise promised quite ready really regards right said same say see send sending sent share shall she short
shortly should since some someone something soon still such sure take tell than thank thanks that the their them then
there these they thing things think this those through time today together tomorrow tonight too touch try two under
until update upon use used very via want was way well were what when where whether which while who will wish with within
without word work would write yes yesterday yet you your yours
ich wir sie ihnen ihr das die der den dem ein eine und oder aber nicht noch mit auf für von vom zum zur ist sind war
werde werden schicke senden sende melde morgen heute bis
""".split()) | {*WEEKDAYS, *MONTHS, *NUMBERS, *UNITS, *PERIODS, *PARTS}  # fmt: skip
# Linear by construction: two disjoint runs of a single class.
_WORD: Final = re.compile(r"[0-9]+|[^\W\d_]+")
_ENDINGS: Final = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ingly",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "ed",
    "es",
    "er",
    "s",
    "y",
    "e",
)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A word without its common English ending; at least four letters stay."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def content_stems(text: str, *, without: Iterable[str] = ()) -> frozenset[str]:
    """Stems of the words that carry content: at least three letters, or a number; `without` are names to leave out."""
    left_out = frozenset(name.lower() for name in without)
    return frozenset(
        stem(word)
        for word in _WORD.findall(text[:4000].lower())
        if word not in _EMPTY and word not in left_out and (len(word) > 2 or (word.isdigit() and len(word) > 1))
    )
