"""An interval of the speaker's own clock in which a due moment lies, and how to make one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from troth.promises.calendar import Calendar
from troth.promises.tokens import Tokens

Rule = Literal["explicit", "relative", "recurring", "conditional", "vague"]

_LAST: Final = time(23, 59, 59)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The due moment lies in [lo, hi] of the speaker's clock, without zone."""

    lo: datetime
    hi: datetime
    rule: Rule
    days: bool = False  # made of whole days: may take a clock time, may be rolled past closed days
    named: bool = False  # a weekend day or a clock time was named: never rolled
    clock_only: bool = False  # a time of day without a day; today or, once that has passed, tomorrow
    elapsed: tuple[timedelta, timedelta] | None = None  # counted in real time from the moment of speaking
    period: bool = False  # a week, month or longer: "before" it means the day before it begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """What the grammar reads from: the tokens, when they were said, and whose calendar holds."""

    tokens: Tokens
    now: datetime  # the speaker's clock
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Match:
    """A window read from the tokens up to, not including, `end`."""

    end: int
    window: Window


Parser = Callable[[Speech, int], Match | None]


def start_of(day: date) -> datetime:
    """The first second of a day."""
    return datetime.combine(day, time())


def end_of(day: date) -> datetime:
    """The last second of a day."""
    return datetime.combine(day, _LAST)


def span_days(first: date, last: date, rule: Rule, *, named: bool = False, period: bool = False) -> Window:
    """Whole days, from the start of one to the end of another."""
    return Window(lo=start_of(first), hi=end_of(last), rule=rule, days=True, named=named, period=period)


def span_hours(day: date, first: int, last: int, rule: Rule, *, clock_only: bool = False) -> Window:
    """From one hour of a day to another; 24 is its last second."""
    hi = end_of(day) if last == 24 else datetime.combine(day, time(last))
    return Window(lo=datetime.combine(day, time(first)), hi=hi, rule=rule, named=True, clock_only=clock_only)


def instant(moment: datetime, rule: Rule, *, clock_only: bool = False) -> Window:
    """One moment."""
    return Window(lo=moment, hi=moment, rule=rule, named=True, clock_only=clock_only)


def add_months(day: date, months: int) -> date:
    """The same day some months on, or the last day of that month where it is shorter."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, month_length(year, month0 + 1)))


def month_length(year: int, month: int) -> int:
    """Number of days in a month."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day
