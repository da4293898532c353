"""Times of day: "3pm", "15:00", "noon", "EOD", "first thing", "in the morning"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from troth.promises.tokens import Tokens
from troth.promises.vocabulary import NUMBERS, PARTS, PLACED_PARTS, WEEKDAYS, ZONES
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
_HOURS: Final = {word: hour for word, hour in NUMBERS.items() if hour <= 12 and word not in {"a", "an"}}
_JOINS: Final = frozenset({"and", "to", "-", "–", "bis", "und"})
_GOES_ON: Final = frozenset({
    "and", "or", "on", "to", "if", "so", "for", "in", "but", "with", "works", "sharp", "today", "tomorrow", "tmrw",
    "at", "latest", "then", "please", "i", "we", "you", *WEEKDAYS,
})  # fmt: skip
"""What may follow a bare hour; any other word would be what the number counts."""


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


def read_clock(  # noqa: PLR0911  # one return per wording
    tokens: Tokens, index: int, *, beside_day: bool
) -> DayTime | None:
    """A clock time: "3pm", "9.30 am", "15:00", "3 o'clock", "noon"; beside a day also a bare hour after "at"."""
    word = tokens.at(index)
    if word == "12" and tokens.at(index + 1) in {"noon", "midday"}:
        index, word = index + 1, "noon"
    if word in _NOON or word == "midnight":
        clock = (24, 0) if word == "midnight" else (12, 0)
        return DayTime(end=index + 1, first=clock, last=clock)
    spoken = _read_spoken(tokens, index, beside_day=beside_day)
    if spoken is not None:
        return spoken
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
        dotted = minute and not (tokens.at(end) in WEEKDAYS or tokens.at(end) in {"today", "tomorrow", "on"})
        if not beside_day or dotted or not 1 <= hour <= 12 or _counts_things(tokens, end):
            return None
        hour = _office_hour(hour)
    if hour > 23 or minute > 59:
        return None
    zone = ZONES.get(tokens.at(end)) if tokens.raw(end).isupper() else None
    end += 1 if zone is not None else 0
    end += 1 if tokens.at(end) == "sharp" else 0
    return DayTime(end=end, first=(hour, minute), last=(hour, minute), zone_hours=zone)


def _read_spoken(tokens: Tokens, index: int, *, beside_day: bool) -> DayTime | None:
    """ "half past two", "a quarter to five", and beside a day or after "by" a bare "ten"."""
    at = index + 1 if tokens.has(index, ("a", "quarter")) else index
    word, joined, hour = tokens.at(at), tokens.at(at + 1), _HOURS.get(tokens.at(at + 2))
    if hour is None and tokens.at(at + 2).isascii() and tokens.at(at + 2).isdigit() and len(tokens.at(at + 2)) <= 2:
        hour = int(tokens.at(at + 2)) or None
    if word in {"half", "quarter"} and joined in {"past", "to"} and hour is not None and hour <= 12:
        if word == "half" and joined == "to":
            return None
        minutes = _office_hour(hour) * 60 + {"half": 30, "quarter": 15}[word] * (1 if joined == "past" else -1)
        clock = divmod(minutes % (24 * 60), 60)
        return DayTime(end=at + 3, first=clock, last=clock)
    if not beside_day or word not in _HOURS or at != index or _counts_things(tokens, index + 1):
        return None
    hour = _office_hour(_HOURS[word])
    return DayTime(end=index + 1, first=(hour, 0), last=(hour, 0))


def read_clock_range(tokens: Tokens, index: int) -> DayTime | None:
    """ "between 2 and 4pm", "from 9 to 11", "9-11": both ends are clock times of one day."""
    led = tokens.at(index) in {"between", "from", "zwischen", "von"}
    at = index + 1 if led else index
    bare = tokens.at(at) if tokens.at(at + 1) in _JOINS else ""
    if bare.isascii() and bare.isdigit() and len(bare) <= 2 and int(bare) <= 23:
        first = DayTime(end=at + 1, first=(int(bare), 0), last=(int(bare), 0))
    else:
        found = read_clock(tokens, at, beside_day=led)
        if found is None or tokens.at(found.end) not in _JOINS:
            return None
        bare, first = "", found
    last = read_clock(tokens, first.end + 1, beside_day=True)
    if last is None:
        return None
    if bare:
        hour = int(bare)
        pm = (
            last.first[0] >= 12
            and hour < 12
            and hour + 12 <= last.first[0]
            and (_read_half(tokens, first.end + 2)[0] == 12 or hour < 7)
        )
        first = replace(first, first=(hour + 12 if pm else hour, 0))
    if last.first <= first.first:
        return None
    return replace(last, first=first.first)


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
    return following in {"%", "€", "$", "-", "/", ":"} or (following.isalpha() and following not in _GOES_ON)


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
    if tokens.at(at) in {"early", "mid", "late"}:
        part = at + 2 if tokens.at(at + 1) == "-" else at + 1
        placed = PLACED_PARTS.get((tokens.at(at), tokens.at(part)))
        return DayTime(end=part + 1, first=(placed[0], 0), last=(placed[1], 0)) if placed else None
    hours = PARTS.get(tokens.at(at))
    return DayTime(end=at + 1, first=(hours[0], 0), last=(hours[1], 0)) if hours else None


def part_of(day: date, hours: tuple[int, int], rule: Rule) -> Window:
    """A part of one day."""
    return span_hours(day, *hours, rule)
