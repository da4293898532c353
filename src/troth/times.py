"""Times as tables and JSON write them, to UTC."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DateOrder = Literal["dmy", "mdy"]
DayTime = Literal["begins", "noon", "ends"]

_LONGEST: Final = 60  # characters of a time
_INTO: Final[Mapping[str, timedelta]] = {"begins": timedelta(), "noon": timedelta(hours=12), "ends": timedelta(days=1)}
_TICK: Final = timedelta(microseconds=1)
YEARS: Final = range(1990, 2101)
"""In which something can have been said: business mail is hardly older, and days at a calendar's end have no next."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER_S: Final = 900
_QUARTER_US: Final = _QUARTER_S * 1_000_000
# Digits of a count since 1970: ten of seconds, thirteen of milliseconds, sixteen of microseconds.
_TICKS: Final = {**dict.fromkeys((9, 10), 1_000_000), **dict.fromkeys((12, 13), 1_000), **dict.fromkeys((15, 16), 1)}
_NUMERIC: Final = re.compile(
    r"(\d{1,4})([./-])(\d{1,2})\2(\d{2,4})"
    r"(?:(?:,? +|T)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)?)?(?: ?(?:UTC|GMT|Z))?"
)
_SAYS_UTC: Final = re.compile(r".*(?:UTC|GMT|Z)")


def find_days(times: pa.ChunkedArray, zone: str) -> pa.Array:
    """Local days since 1970-01-01, null for null: int32. No zone is off from UTC by less than a quarter of an hour."""
    here, micros = ZoneInfo(zone), pc.fill_null(times.cast(pa.int64()), 0).to_numpy()
    quarters, place = np.unique(micros // _QUARTER_US, return_inverse=True)
    days = [(datetime.fromtimestamp(each * _QUARTER_S, here).date() - _EPOCH.date()).days for each in quarters.tolist()]
    is_null = pc.is_null(times).to_numpy()
    return pa.array(np.array(days, np.int32)[place], mask=is_null)


def read_time(value: object, *, zone: str, order: DateOrder = "dmy", day: DayTime = "begins") -> datetime | None:
    """The moment meant, in UTC; None where it is none between 1990 and 2100.

    Args:
        value: ISO 8601; a date with points, slashes or dashes and perhaps a clock; seconds, milliseconds or
            microseconds since 1970.
        zone: of times that do not say theirs.
        order: how 3/4 is read; dates with points are always day first.
        day: what of a day without a clock is meant: where it begins, its noon, or its last microsecond.
    """
    try:
        moment, is_day = _parse(value, order)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        if is_day:
            moment = (moment.replace(tzinfo=None) + _INTO[day]).replace(tzinfo=moment.tzinfo)
        found = moment.astimezone(UTC) - (_TICK if is_day and day == "ends" else timedelta())
    except (ValueError, OverflowError):
        return None
    return found if found.year in YEARS else None


def _parse(value: object, order: DateOrder) -> tuple[datetime, bool]:
    """A moment, and whether it is a whole day. Raises: ValueError, OverflowError."""
    if isinstance(value, bool) or value is None:
        raise ValueError("no time")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("no time")
        return _EPOCH + timedelta(microseconds=round(value * 1_000_000)), False
    text = str(value).strip() if not isinstance(value, int) or abs(value) < 10**18 else ""
    if len(text) > _LONGEST:
        raise ValueError("too long for a time")
    if text.isascii() and text.isdigit() and len(text) in _TICKS:
        return _EPOCH + timedelta(microseconds=int(text) * _TICKS[len(text)]), False
    if text.isdigit():
        raise ValueError("a number that is no time")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _parse_numeric(text, order)
    return found, len(text) <= 10


def _parse_numeric(text: str, order: DateOrder) -> tuple[datetime, bool]:
    match = _NUMERIC.fullmatch(text)
    if match is None:
        raise ValueError("no time")
    first, sign, middle, last, hour, minute, second, fraction, half = match.groups()
    if len(first) > 2:
        year, month, day = int(first), int(middle), int(last)
    else:
        day, month = (int(first), int(middle)) if sign == "." or order == "dmy" else (int(middle), int(first))
        year = int(last) + (2000 if len(last) == 2 else 0)
    clock = int(hour or 0)
    if half is not None:
        if not 1 <= clock <= 12:
            raise ValueError("no hour of half a day")
        clock = clock % 12 + (12 if half in "pP" else 0)
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    zone = UTC if hour is not None and _SAYS_UTC.fullmatch(text) else None
    return datetime(year, month, day, clock, int(minute or 0), int(second or 0), micros, tzinfo=zone), hour is None


def find_date_order(cells: Iterable[str]) -> DateOrder | None:
    """How dates with slashes are written, told from those that can be read in one way only; None where none is."""
    seen = {
        "dmy" if int(match[1]) > 12 else "mdy"
        for cell in cells
        if "/" in cell
        and (match := _NUMERIC.fullmatch(cell.strip()[:_LONGEST])) is not None
        and len(match[1]) <= 2
        and (int(match[1]) > 12) != (int(match[3]) > 12)
    }
    if len(seen) != 1:
        return None
    return "dmy" if seen == {"dmy"} else "mdy"
