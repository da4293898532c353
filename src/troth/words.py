"""What a text is about: its content words, cut to their stems, so that two texts can be laid beside each other."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_EMPTY: Final = frozenset(
    """
about above actually after again all already also always and any anybody anyone anything are been before being both but
can cannot could dear did does doing done else ever every everybody everyone everything exactly for from further get
give given going good got had has have having hear hello her here him his how however into its itself just keep kind
know let like look made make many may maybe might more most much must need never new not now off okay once one only
other our ours out over own per please possible quite rather really regards said same say see shall she should since
some somebody someone something soon still such sure take tell than thank thanks that the their theirs them then there
these they thing things think this those though through too under until upon use very via want was way well were what
when where whether which while who whom whose why will with within without would yes yet you your yours yourself
bitte das dass dem den der des die doch ein eine einem einen einer etwas für haben hat hätte ich ihnen ihr ihre ist kann
können mal man mich mir mit noch oder schon sein sich sie sind über uns und unser vom von vor war wäre was wenn wer
werden wie wir wird wann warum woher wieder zum zur nicht auch auf aus bei eigentlich
""".split()
)

# Linear by construction: two disjoint runs of a single class.
_WORD: Final = re.compile(r"[0-9]+|[^\W\d_]+")
_LONGEST: Final = 4_000  # characters of a text that are looked at

_ENDINGS: Final = (
    "ations", "ation", "ments", "ment", "ingly", "ances", "ance", "ings", "ing", "ions", "ion", "ies", "ied", "als",
    "al", "ers", "ed", "es", "er", "en", "s", "y", "e",
)  # fmt: skip

_IRREGULAR: Final = MappingProxyType(
    {
        form: base
        for base, forms in {
            "send": "sent", "pay": "paid", "leave": "left", "buy": "bought", "sell": "sold", "bring": "brought",
            "come": "came", "hold": "held", "lose": "lost", "choose": "chose chosen", "write": "wrote written",
            "speak": "spoke spoken", "break": "broke broken", "rise": "rose risen", "begin": "began begun",
            "build": "built", "drive": "drove driven", "fall": "fell fallen", "grow": "grew grown", "mean": "meant",
            "meet": "met", "read": "read", "run": "ran", "spend": "spent", "win": "won", "understand": "understood",
            "decid": "decision decisions", "cost": "costs", "price": "pricing", "call": "phone phoned rang ring",
            "deliv": "delivery deliveries deliver delivered delivering", "sign": "signature signatures",
            "sure": "certain certainty",
        }.items()
        for form in forms.split()
    }
)  # fmt: skip


def is_empty(word: str) -> bool:
    """Whether a lower-case word carries no content of its own, such as "please" or "which"."""
    return word in _EMPTY


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A lower-case word without its common English ending; at least four letters stay."""
    word = _IRREGULAR.get(word, word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def content_stems(text: str) -> frozenset[str]:
    """Stems of the words that carry content: at least three letters, or a number.

    >>> sorted(content_stems("When will you send the 14 drawings?"))
    ['14', 'draw', 'send']

    Cost: linear in the text, of which the first 4,000 characters are looked at.
    """
    return frozenset(
        stem(word)
        for word in _WORD.findall(text[:_LONGEST].lower())
        if word not in _EMPTY and (len(word) > 2 or word.isdigit())
    )
