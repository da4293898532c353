"""Dates and times as people write them into headers and file names, to UTC; what is not surely one is None."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import re2

from troth.sources.headers import read_date

ONLY_DAY: Final = "only the day is stated: put at noon"
_FIRST_YEAR: Final = 1970
_LONGEST: Final = 80  # characters of a date
_MONTHS: Final = (
    "jan january januar janvier enero gennaio januari janeiro styczen",
    "feb february februar fevrier février febrero febbraio februari fevereiro luty",
    "mar mär mrz march märz marts mars marzo maart março",
    "apr april avril abril aprile",
    "may mai maj mayo maggio mei maio",
    "jun june juni juin junio giugno junho",
    "jul july juli juillet julio luglio julho",
    "aug august août aout agosto augustus augusti",
    "sep sept september septembre septiembre settembre setembro",
    "oct okt october oktober octobre octubre ottobre outubro",
    "nov november novembre noviembre novembro",
    "dec dez december dezember décembre diciembre dicembre dezembro",
)
_MONTH: Final = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_DAY: Final = re2.compile(
    r"^(?:\pL+\.?,?\s+)?(?:"
    r"(?P<y1>\d{4})[-./](?P<m1>\d{1,2})[-./](?P<d1>\d{1,2})"
    r"|(?P<a>\d{1,2})(?P<mark>[-./])\s?(?P<b>\d{1,2})[-./]\s?(?P<y2>\d{4})"
    r"|(?P<d3>\d{1,2})(?:st|nd|rd|th|er|\.)?\s+(?:of\s+|de\s+)?(?P<m3>\pL+)\.?,?\s+(?:de\s+)?(?P<y3>\d{4})"
    r"|(?P<m4>\pL+)\.?\s+(?P<d4>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y4>\d{4})"
    r")"
)
_TIME: Final = re2.compile(
    r"(?i)^(?:t|,?\s+(?:at|um|kl\.?|à|o'clock)?\s*)(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?(?:[.,]\d{1,9})?"
    r"\s*(am|pm|a\.m\.|p\.m\.|uhr)?\s*(z|utc|gmt|[+-]\d{2}:?\d{2})?$"
)
_IN_NAME: Final = re2.compile(
    r"(?:^|[^0-9])(?P<gmt>GMT)?(?P<y>(?:19|20)\d{2})(?P<mark>[-_.]?)(?P<m>[01]\d)[-_.]?(?P<d>[0-3]\d)"
    r"(?:(?:[-_ T]|, | at |, at )(?P<H>[0-2]\d)[-_.:h]?(?P<M>[0-5]\d)(?:[-_.:]?(?P<S>[0-5]\d))?(?P<Z>Z|UTC)?)?"
    r"(?:[^0-9]|$)"
)


class Moment(NamedTuple):
    """A time in UTC; `exact` is False where only its day is stated, which then stands for noon there."""

    at: datetime
    exact: bool


def read_moment(text: str, *, zone: str, dates: Literal["dmy", "mdy"], now: datetime) -> Moment | None:
    """A date with or without a time, as 2026-10-07T11:00Z, 7.10.2026, 27 August 2026 14:30 or in a mail's form.

    Args:
        text: all of it must be the date.
        zone: in which it is meant where it does not say.
        dates: how 3/4/2026 is read.
        now: a date more than a year after it is none.
    """
    text = text.strip()
    found = _DAY.match(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    day = _numbers(found.groupdict(), dates)
    if found.end() == len(text):
        return _moment(day, (12, 0, 0), zone, exact=False, now=now)
    time = _TIME.match(text[found.end() :])
    if time is None:
        return _mail_moment(text, now)
    hour, minute, second, half, offset = time.groups()
    clock = (_hours(int(hour), half), int(minute), int(second or 0))
    return _moment(day, clock, zone, exact=True, now=now, offset=None if offset is None else _offset(offset))


def find_in_name(name: str, *, zone: str, now: datetime) -> tuple[Moment, str] | None:
    """The one date in a file's name, and the name's words before it; None where there is none or there are several.

    Year first, as Teams and Zoom write it: "Weekly-20261007_110000.vtt", "GMT20260929-080000_Recording.vtt".
    """
    stem = name.replace("\\", "/").rpartition("/")[2][:255]
    found = list(_IN_NAME.finditer(stem))
    if len(found) != 1:
        return None
    part = found[0].groupdict()
    clock = (int(part["H"] or 12), int(part["M"] or 0), int(part["S"] or 0))
    is_utc = bool(part["gmt"] or part["Z"])
    moment = _moment(
        (int(part["y"]), int(part["m"]), int(part["d"])), clock, zone, exact=part["H"] is not None, now=now,
        offset=timedelta() if is_utc else None,
    )  # fmt: skip
    return moment and (moment, stem[: found[0].start()].strip(" -_."))


def local_time(moment: datetime, zone: str) -> datetime:
    """A time without a zone, meant in this one, as UTC.

    Raises: OverflowError where that is before the first or after the last year there is.
    """
    return moment.replace(tzinfo=_zone(zone)).astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _numbers(part: dict[str, str | None], dates: str) -> tuple[int, int, int]:
    """Year, month, day; month 0 where its name is unknown."""
    for year, month, day in (("y1", "m1", "d1"), ("y3", "m3", "d3"), ("y4", "m4", "d4")):
        if part[year] is not None:
            name = part[month] or ""
            return (
                int(part[year] or 0),
                _MONTH.get(name.lower(), 0) if name.isalpha() else int(name),
                int(part[day] or 0),
            )
    first, second = int(part["a"] or 0), int(part["b"] or 0)
    month_first = part["mark"] != "." and (second > 12 or (first <= 12 and dates == "mdy"))
    day, month = (second, first) if month_first else (first, second)
    return int(part["y2"] or 0), month, day


def _hours(hour: int, half: str | None) -> int:
    """The hour of 24; one that cannot be where it is no hour of a half day."""
    if half is None or half[0] not in "aApP":
        return hour
    return hour % 12 + (12 if half[0] in "pP" else 0) if 1 <= hour <= 12 else 99


def _mail_moment(text: str, now: datetime) -> Moment | None:
    """A date as in a mail's header, where it says its zone."""
    tail = text.rpartition(" ")[2]
    if tail not in {"GMT", "UTC"} and not (tail[:1] in {"+", "-"} and tail[1:].isdigit()):
        return None
    found = read_date(text)
    return None if found is None or not _is_possible(found.year, now) else Moment(found, True)


def _offset(text: str) -> timedelta:
    if text[0] not in "+-":
        return timedelta()
    size = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return -size if text[0] == "-" else size


def _is_possible(year: int, now: datetime) -> bool:
    return _FIRST_YEAR <= year <= now.year + 1


def _moment(
    day: tuple[int, int, int], clock: tuple[int, int, int], zone: str, *, exact: bool, now: datetime,
    offset: timedelta | None = None,
) -> Moment | None:  # fmt: skip
    if not _is_possible(day[0], now):
        return None
    try:
        at = datetime(*day, *clock)  # noqa: DTZ001 -- the zone is laid on below
    except ValueError:
        return None
    return Moment(local_time(at, zone) if offset is None else at.replace(tzinfo=UTC) - offset, exact)
