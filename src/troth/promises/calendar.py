"""When a speaker works: zone, public holidays, the firm's own closing days, hours of the day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from troth.errors import SettingsError

FIRST_YEAR: Final = 1971
LAST_YEAR: Final = 2098
_LEAP_YEAR: Final = 2028  # has every day of a year
"""A message said to be older or newer than this has a broken clock: no due time is built on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The speaker's time zone and working days.

    Weekends count as closed for "business days" always; a due day is rolled past closed days only when `country`
    or `closing_days` says that the speaker keeps a business calendar.
    """

    zone: str = "UTC"
    country: str | None = None  # ISO 3166 code, as in the `holidays` package; "DE-BY" names a subdivision
    closing_days: frozenset[date] = field(default_factory=frozenset[date])
    closing_yearly: frozenset[tuple[int, int]] = field(default_factory=frozenset[tuple[int, int]])  # month and day
    day_starts: str = "09:00"  # "first thing"
    day_ends: str = "17:30"  # "EOD", "close of business"
    order: Literal["dmy", "mdy"] = "dmy"  # how 3/4 is read where both readings are dates
    soon_days: int = 5  # business days that "soon" allows, until the company's own 75th percentile is known
    urgent_days: int = 2  # the same for "as soon as possible"

    def __post_init__(self) -> None:
        _zone(self.zone)
        for hour in (self.day_starts, self.day_ends):
            _clock(hour)
        if self.order not in ("dmy", "mdy"):
            raise SettingsError(f"calendar order must be 'dmy' or 'mdy', got {self.order!r}.")
        if self.soon_days < 0 or self.urgent_days < 0:
            raise SettingsError("calendar soon_days and urgent_days must be at least 0.")
        if self.country is not None:
            _public_holidays(self.country, 2026)

    @property
    def rolls(self) -> bool:
        """Whether a due day that falls on a closed day moves to the next open one."""
        return self.country is not None or bool(self.closing_days) or bool(self.closing_yearly)

    @property
    def starts(self) -> time:
        """The clock time at which the working day starts."""
        return _clock(self.day_starts)

    @property
    def ends(self) -> time:
        """The clock time at which the working day ends."""
        return _clock(self.day_ends)

    def is_open(self, day: date) -> bool:
        """Whether people work on this day."""
        if day.weekday() >= 5 or day in self.closing_days or (day.month, day.day) in self.closing_yearly:
            return False
        return self.country is None or day not in _public_holidays(self.country, day.year)

    def next_open(self, day: date) -> date:
        """This day, or the first open day after it; a year of closed days ends the search."""
        for ahead in range(366):
            candidate = day + timedelta(days=ahead)
            if self.is_open(candidate):
                return candidate
        return day

    def last_open(self, day: date) -> date:
        """This day, or the last open day before it."""
        for back in range(366):
            candidate = day - timedelta(days=back)
            if self.is_open(candidate):
                return candidate
        return day

    def add_open_days(self, day: date, count: int) -> date:
        """The open day that lies `count` open days after this one."""
        for _ in range(count):
            day = self.next_open(day + timedelta(days=1))
        return day

    def local(self, moment: datetime) -> datetime:
        """A moment as the speaker's clock shows it, without zone; a naive moment is UTC."""
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return aware.astimezone(_zone(self.zone)).replace(tzinfo=None)

    def to_utc(self, local: datetime) -> datetime:
        """A clock reading of the speaker's as UTC; one that occurs twice means the later of the two."""
        return local.replace(tzinfo=_zone(self.zone), fold=1).astimezone(UTC)


def read_closed(entries: Iterable[str]) -> tuple[frozenset[date], frozenset[tuple[int, int]]]:
    """A firm's own closing days: those of one year, and those of every year.

    An entry is a day (2026-12-24), a day of every year (12-31), or a stretch of either (2026-12-24..2027-01-02,
    12-27..12-31) with both ends closed.

    Raises: SettingsError for anything else, naming it.
    """
    days: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    for entry in entries:
        first, _, last = entry.partition("..")
        try:
            dated = len(first.strip()) > len("12-31")
            start = date.fromisoformat(first.strip() if dated else f"{_LEAP_YEAR}-{first.strip()}")
            end = date.fromisoformat((last or first).strip() if dated else f"{_LEAP_YEAR}-{(last or first).strip()}")
        except ValueError as error:
            raise SettingsError(
                f"a closing day looks like 2026-12-24, 12-31 or 12-24..12-31, got {entry!r}."
            ) from error
        if not timedelta() <= end - start < timedelta(days=366):
            raise SettingsError(f"closing days {entry!r} must run forward, and for less than a year.")
        stretch = [start + timedelta(days=k) for k in range((end - start).days + 1)]
        if dated:
            days.update(stretch)
        else:
            yearly.update((day.month, day.day) for day in stretch)
    return frozenset(days), frozenset(yearly)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise SettingsError(f"unknown time zone {name!r}. Use a name such as Europe/Berlin or UTC.") from error


@lru_cache(maxsize=64)
def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"a time of day must look like 17:30, got {text!r}.") from error


@lru_cache(maxsize=256)
def _public_holidays(country: str, year: int) -> Mapping[date, str]:
    import holidays  # noqa: PLC0415  # costs .1 to .4 s, and only those who name a country need it

    code, _, part = country.partition("-")
    try:
        return holidays.country_holidays(code, subdiv=part or None, years=year)
    except NotImplementedError as error:
        raise SettingsError(
            f"no public holidays are known for country {country!r}. Use a code such as DE or GB."
        ) from error
