"""Times of day: "3pm", "15:00", "noon", "EOD", "first thing", "in the morning"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from troth.promises.tokens import Tokens
from troth.promises.vocabulary import PARTS, ZONES
from troth.promises.windows import Rule, Speech, Window, end_of, instant, span_hours

_CLOSES: Final = (
    ("close", "of", "business"), ("close", "of", "play"), ("close", "of", "the", "day"), ("end", "of", "business"),
    ("end", "of", "the", "business", "day"), ("end", "of", "the", "working", "day"), ("end", "of", "business", "day"),
    ("end", "of", "working", "day"), ("end", "of", "the", "day"), ("end", "of", "day"), ("end", "of", "play"),
    ("the", "end", "of", "the", "day"), ("the", "close", "of", "business"), ("the", "end", "of", "business"),
    ("the", "end", "of", "day"), ("eod",), ("eob",), ("cob",), ("cop",), ("dienstschluss",), ("feierabend",),
    ("geschäftsschluss",), ("büroschluss",),
)  # fmt: skip
_FIRST: Final = (("first", "thing", "in", "the", "morning"), ("first", "thing"))
_NOON: Final = frozenset({"noon", "midday", "lunch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTime:
    """A stretch of a day, read up to token `end`. Hours and minutes since midnight; 24:00 is its last second."""

    end: int
    first: tuple[int, int]
    last: tuple[int, int]
    zone_hours: float | None = None  # hours ahead of UTC, where the words named a zone

    def on(self, speech: Speech, day: date, rule: Rule, *, clock_only: bool = False) -> Window:
        """This stretch on that day, in the speaker's clock."""
        return Window(
            lo=self._moment(speech, day, self.first),
            hi=self._moment(speech, day, self.last),
            rule=rule,
            named=True,
            clock_only=clock_only,
        )

    def _moment(self, speech: Speech, day: date, clock: tuple[int, int]) -> datetime:
        if clock == (24, 0):
            return end_of(day)
        moment = datetime.combine(day, time(*clock))
        if self.zone_hours is None:
            return moment
        return speech.calendar.local((moment - timedelta(hours=self.zone_hours)).replace(tzinfo=UTC))


def read_clock(tokens: Tokens, index: int, *, beside_day: bool) -> DayTime | None:
    """A clock time: "3pm", "9.30 am", "15:00", "3 o'clock", "noon"; beside a day also a bare hour after "at"."""
    word = tokens.at(index)
    if word in _NOON or word == "midnight":
        clock = (24, 0) if word == "midnight" else (12, 0)
        return DayTime(end=index + 1, first=clock, last=clock)
    if not (word.isascii() and word.isdigit() and len(word) <= 2):
        return None
    hour, minute, end = int(word), 0, index + 1
    stated = False
    if tokens.at(end) in {":", ".", "h"} and tokens.glued(index) and len(tokens.at(end + 1)) == 2:
        digits = tokens.at(end + 1)
        if digits.isascii() and digits.isdigit() and tokens.glued(end):
            minute, stated, end = int(digits), tokens.at(end) != ".", end + 2
    half, after = _read_half(tokens, end)
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour, end, stated = hour % 12 + half, after, True
    elif tokens.has(end, ("o", "'", "clock")) or tokens.at(end) in {"uhr", "oclock"}:
        is_german = tokens.at(end) == "uhr"
        end += 1 if tokens.at(end) in {"uhr", "oclock"} else 3
        hour, stated = hour if is_german else _office_hour(hour), True
    elif not stated:
        if not beside_day or minute or not 1 <= hour <= 12 or _counts_things(tokens, end):
            return None
        hour = _office_hour(hour)
    if hour > 23 or minute > 59:
        return None
    zone = ZONES.get(tokens.at(end)) if tokens.raw(end).isupper() else None
    end += 1 if zone is not None else 0
    return DayTime(end=end, first=(hour, minute), last=(hour, minute), zone_hours=zone)


def _read_half(tokens: Tokens, end: int) -> tuple[int | None, int]:
    """Hours to add for am or pm, and where it ends."""
    word = tokens.at(end)
    if word in {"am", "pm"}:
        return (12 if word == "pm" else 0), end + 1
    if word in {"a", "p"} and tokens.at(end + 1) == "." and tokens.at(end + 2) == "m":
        return (12 if word == "p" else 0), end + (4 if tokens.at(end + 3) == "." else 3)
    return None, end


def _office_hour(hour: int) -> int:
    """A bare hour in business: 1 to 6 are in the afternoon."""
    return hour + 12 if 1 <= hour <= 6 else hour


def _counts_things(tokens: Tokens, end: int) -> bool:
    """Whether a bare number counts what follows it ("at 3 sites")."""
    following = tokens.at(end)
    return following in {"%", "€", "$", "-", "/", ":"} or (
        following.isalpha()
        and following not in {"and", "or", "on", "to", "if", "so", "for", "in", "but", "with", "works", "sharp"}
    )


def read_close(tokens: Tokens, index: int) -> int | None:
    """Where a phrase for the end of the working day ends: "EOD", "close of business"."""
    return next((index + len(words) for words in _CLOSES if tokens.has(index, words)), None)


def read_first_thing(tokens: Tokens, index: int) -> int | None:
    """Where "first thing" ends."""
    return next((index + len(words) for words in _FIRST if tokens.has(index, words)), None)


def close_on(speech: Speech, day: date, rule: Rule) -> Window:
    """The end of the working day; once that has passed, the end of the day itself."""
    moment = datetime.combine(day, speech.calendar.ends)
    return instant(moment if moment > speech.now else end_of(day), rule)


def first_thing_on(speech: Speech, day: date, rule: Rule) -> Window:
    """The first hour of the working day."""
    moment = datetime.combine(day, speech.calendar.starts)
    return Window(lo=moment, hi=moment + timedelta(hours=1), rule=rule, named=True)


def read_part(tokens: Tokens, index: int) -> DayTime | None:
    """A part of the day: "morning", "in the afternoon", "evening"."""
    at = index
    if tokens.has(at, ("in", "the")) or tokens.has(at, ("am",)):
        at += 2 if tokens.at(at) == "in" else 1
    hours = PARTS.get(tokens.at(at))
    return DayTime(end=at + 1, first=(hours[0], 0), last=(hours[1], 0)) if hours else None


def part_of(day: date, hours: tuple[int, int], rule: Rule) -> Window:
    """A part of one day."""
    return span_hours(day, *hours, rule)
