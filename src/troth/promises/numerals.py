"""Counted time: "in two weeks", "within 48 hours", "2-3 business days", "a week from Friday"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from troth.promises.tokens import Tokens
from troth.promises.vocabulary import NUMBERS, UNITS
from troth.promises.windows import Match, Speech, Window, add_months, span_days

_LARGEST: Final = 1000  # of any unit but years; more is a figure of speech
_LEADS: Final = (
    ("within",), ("inside",), ("in", "less", "than"), ("in", "under"), ("in", "at", "most"), ("in",), ("over",),
    ("innerhalb", "von"), ("innerhalb",), ("binnen",),
)  # fmt: skip
_MIXED: Final = {
    ("couple", "of"): (2, 3),
    ("couple",): (2, 3),
    ("few",): (3, 5),
    ("several",): (3, 5),
    ("paar",): (3, 5),
}


@dataclass(frozen=True, slots=True)
class Count:
    """How many of a unit, at least and at most, read up to token `end`."""

    end: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time, at least and at most, read up to token `end`."""

    end: int
    unit: str  # minute, hour, day, open (business day), week, month, quarter, year
    least: int
    most: int


def read_number(tokens: Tokens, index: int) -> int | None:
    """A number in digits or words; None where none stands or it is too large to count time with."""
    word = tokens.at(index)
    if word.isascii() and word.isdigit() and len(word) <= 4:
        return int(word) if int(word) <= _LARGEST else None
    return NUMBERS.get(word)


def read_count(tokens: Tokens, index: int) -> Count | None:
    """One number, a range ("2-3", "two or three") or a loose count ("a couple of")."""
    at = index + 1 if tokens.at(index) in {"a", "ein"} else index
    for words, (least, most) in _MIXED.items():
        if tokens.has(at, words):
            return Count(at + len(words), least, most)
    first = read_number(tokens, index)
    if first is None:
        return None
    joined = tokens.at(index + 1)
    if joined in {"-", "–", "to", "or", "bis", "oder"}:
        second = read_number(tokens, index + 2)
        if second is not None and second > first:
            return Count(index + 3, first, second)
    return Count(index + 1, first, first)


def read_length(tokens: Tokens, index: int) -> Length | None:  # noqa: PLR0911  # one return per wording
    """A count and a unit: "3 business days", "half an hour", "an hour and a half"."""
    if tokens.at(index) in {"half", "halben"}:
        at = index + 2 if tokens.at(index + 1) in {"a", "an"} else index + 1
        return Length(at + 1, "minute", 30, 30) if UNITS.get(tokens.at(at)) == "hour" else None
    if tokens.has(index, ("three", "quarters", "of", "an", "hour")):
        return Length(index + 5, "minute", 45, 45)
    if tokens.has(index, ("the", "hour")):
        return Length(index + 2, "hour", 1, 1)
    count = read_count(tokens, index)
    if count is None:
        return None
    at = count.end
    open_days = tokens.at(at) in {"business", "working", "work"}
    at += 1 if open_days else 0
    unit = UNITS.get(tokens.at(at))
    if tokens.at(at) == "h" and tokens.glued(at - 1):  # "48h"
        unit = "hour"
    if unit is None:
        return None
    if open_days:
        return Length(at + 1, "open", count.least, count.most) if unit == "day" else None
    if unit == "hour" and tokens.has(at + 1, ("and", "a", "half")):
        return Length(at + 4, "minute", count.least * 60 + 30, count.most * 60 + 30)
    if unit == "fortnight":
        return Length(at + 1, "week", count.least * 2, count.most * 2)
    return Length(at + 1, unit, count.least, count.most)


def shift_day(speech: Speech, day: date, unit: str, count: int) -> date:
    """The day that lies `count` units after this one; business days skip closed ones."""
    if unit == "open":
        return speech.calendar.add_open_days(day, count)
    if unit in {"month", "quarter", "year"}:
        return add_months(day, count * {"month": 1, "quarter": 3, "year": 12}[unit])
    return day + timedelta(days=count * {"day": 1, "week": 7}[unit])


def window_after(speech: Speech, length: Length, day: date) -> Window:
    """The window that a length of time opens after a day, or after now for hours and minutes."""
    if length.unit in {"minute", "hour"}:
        step = timedelta(minutes=1) if length.unit == "minute" else timedelta(hours=1)
        elapsed = (length.least * step, length.most * step)
        now = speech.now
        return Window(lo=now + elapsed[0], hi=now + elapsed[1], rule="relative", named=True, elapsed=elapsed)
    first = shift_day(speech, day, length.unit, length.least)
    return span_days(first, shift_day(speech, day, length.unit, length.most), "relative")


def read_counted(speech: Speech, index: int) -> Match | None:
    """ "in two weeks' time", "within the next few days", "three days from now"."""
    tokens = speech.tokens
    today = speech.now.date()
    for lead in _LEADS:
        if not tokens.has(index, lead):
            continue
        at = index + len(lead)
        if tokens.at(at) in {"the", "about", "approximately", "around", "roughly", "max", "den"} and not tokens.has(
            at, ("the", "hour")
        ):
            at += 1
        ahead = tokens.at(at) in {"next", "coming", "following", "nächsten", "kommenden"}
        at += 1 if ahead else 0
        if lead == ("over",) and not ahead:
            continue
        if ahead and UNITS.get(tokens.at(at)) in {"day", "week", "month"} and tokens.at(at).endswith(("s", "n")):
            return _read_coming(speech, at)
        if ahead and tokens.at(at) in {"hour", "day", "week", "month"}:
            return Match(at + 1, window_after(speech, Length(at + 1, tokens.at(at), 1, 1), today))
        length = read_length(tokens, at)
        if length is None:
            continue
        end = _skip_tail(tokens, length.end)
        return Match(end, window_after(speech, length, today))
    length = read_length(tokens, index)
    if (
        length is not None
        and tokens.at(length.end) in {"from", "after"}
        and tokens.at(length.end + 1) in {"now", "today"}
    ):
        return Match(length.end + 2, window_after(speech, length, today))
    if length is not None and tokens.at(index - 2) == "give" and tokens.at(index - 1) in {"me", "us"}:
        return Match(length.end, window_after(speech, length, today))
    return None


def _read_coming(speech: Speech, at: int) -> Match:
    """ "in the coming days": as many as a few."""
    length = Length(at + 1, UNITS[speech.tokens.at(at)], 3, 5)
    return Match(at + 1, window_after(speech, length, speech.now.date()))


def _skip_tail(tokens: Tokens, end: int) -> int:
    """Past "' time" and "from now"."""
    if tokens.at(end) == "'" and tokens.at(end + 1) in {"time", "s"}:
        end += 3 if tokens.at(end + 2) == "time" and tokens.at(end + 1) == "s" else 2
    elif tokens.at(end) == "time":
        end += 1
    return end + 2 if tokens.has(end, ("from", "now")) else end
