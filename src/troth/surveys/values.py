"""Single cells of a survey export: an answer, a time, a piece of wording."""

from __future__ import annotations

import datetime as dt
import unicodedata
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from troth.markup import html_to_text
from troth.surveys.sets import NAMES, Item, Scale, all_items, load_scale, load_set

DateOrder = Literal["dmy", "mdy"]

_LONGEST = 2000  # characters of a heading that can be a question of ours
_NO_ANSWER: Final = frozenset(
    {"", "99", "na", "n a", "none", "no answer", "not applicable", "don t know", "keine angabe", "weiß nicht"}
)
_CLOCKS: Final = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAYS: Final = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}
_BEFORE_WORDS: Final = ("-", "–", "—", "=", "(", ":")  # between a number and the words for it
_NOON: Final = dt.timedelta(hours=12)
_YEARS: Final = range(1990, 2101)


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


def read_time(cell: str, *, zone: str, order: DateOrder) -> dt.datetime | None:
    """The moment in a cell, in UTC; None when it is no date between 1990 and 2100. A day without a clock is its noon.

    Args:
        cell: ISO 8601, or a date with slashes or points and perhaps a clock.
        zone: of times that do not say theirs.
        order: how 3/4 is read; dates with points are always day first.
    """
    text = " ".join(cell.split())
    moment = _parse_time(text, order) if len(text) < 60 else None
    if moment is None or moment.year not in _YEARS:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(dt.UTC)


def _parse_time(text: str, order: DateOrder) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return moment + _NOON if len(text) <= 10 else moment
    day = _DAYS[order] if "/" in text else "%d.%m.%Y" if "." in text else "%Y-%m-%d"
    for clock in _CLOCKS:
        try:
            moment = dt.datetime.strptime(text, day + clock)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
        return moment if clock else moment + _NOON
    return None
