"""Single cells of a survey export: an answer, a piece of wording."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from troth.markup import html_to_text
from troth.surveys.sets import NAMES, Item, Scale, all_items, load_scale, load_set

_LONGEST = 2000  # characters of a heading that can be a question of ours
_NO_ANSWER: Final = frozenset(
    {"", "99", "na", "n a", "none", "no answer", "not applicable", "don t know", "keine angabe", "weiß nicht"}
)
_BEFORE_WORDS: Final = ("-", "–", "—", "=", "(", ":")  # between a number and the words for it


def squeeze(text: str) -> str:
    """Wording made comparable: markup, punctuation, case and width out, words apart by one space.

    >>> squeeze("1. I  believe what <b>this team</b> tells me!")
    '1 i believe what this team tells me'
    """
    plain = html_to_text(text) if "<" in text or "&" in text else text
    folded = unicodedata.normalize("NFKC", plain).casefold()
    return " ".join("".join(char if char.isalnum() else " " for char in folded).split())


def find_item(heading: str) -> Item | None:
    """The item of ours that a column's heading names, by id or by wording in either language.

    Tools number questions ("3. …") and put the stem of a grid before its row ("How much … - I believe …").
    """
    if len(heading) > _LONGEST:
        return None
    named = all_items().get(heading.strip().casefold())
    if named is not None:
        return named
    for part in (heading, heading.rpartition(" - ")[2], heading.rpartition(" [")[2]):
        words = squeeze(part)
        number, _, rest = words.partition(" ")
        item = _wordings().get(words) or (_wordings().get(rest) if number.isdigit() else None)
        if item is not None:
            return item
    return None


@cache
def _wordings() -> dict[str, Item]:
    return {squeeze(words): item for name in NAMES for item in load_set(name).items for words in item.text.values()}


@cache
def _labels() -> dict[str, int]:
    scale = load_scale()
    return {
        squeeze(label): value
        for labels in scale.labels.values()
        for value, label in zip(scale.points, labels, strict=True)
    }


def read_value(cell: str, scale: Scale) -> int | None:
    """The answer in a cell: "7", "7.0", "7 - strongly agree", "Strongly agree"; None where there is none.

    Raises: ValueError, saying what is wrong, when it is no point of the scale.
    """
    words = squeeze(cell)
    if words in _NO_ANSWER:
        return None
    if words in _labels():
        return _labels()[words]
    digits, rest = _split_number(cell.strip())
    if not digits or (rest and squeeze(rest) not in _labels() and not rest.lstrip().startswith(_BEFORE_WORDS)):
        raise ValueError("is no answer of this scale")
    value = float(digits)
    named = _labels().get(squeeze(rest))
    if named is not None and named != value:
        raise ValueError(f"gives a number and the words for {named}")
    if value != int(value) or int(value) not in scale.points:
        raise ValueError(f"lies outside {scale.lowest} to {scale.highest}")
    return int(value)


def _split_number(text: str) -> tuple[str, str]:
    """A leading decimal number, and what follows it."""
    sign = text[:1] if text[:1] in {"-", "+"} else ""
    end = len(sign)
    while end < len(text) and end < 12 and text[end] in "0123456789.,":
        end += 1
    digits = text[len(sign) : end].replace(",", ".").rstrip(".")
    is_number = digits.count(".") <= 1 and digits.replace(".", "").isdigit()
    return (sign + digits if is_number else "", text[end:])
