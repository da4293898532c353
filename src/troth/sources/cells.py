"""Single values of exports: a time, an amount, a yes or no, a piece of text, as tables and JSON write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from troth.sources.charsets import clean

DateOrder = Literal["dmy", "mdy"]

_LONGEST: Final = 60  # characters of a time or an amount
_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)
_YEARS: Final = range(1990, 2101)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Digits of a count since 1970: ten of seconds, thirteen of milliseconds, sixteen of microseconds.
_TICKS: Final = {**dict.fromkeys((9, 10), 1_000_000), **dict.fromkeys((12, 13), 1_000), **dict.fromkeys((15, 16), 1)}
_NUMERIC: Final = re.compile(
    r"(\d{1,4})([./-])(\d{1,2})\2(\d{2,4})"
    r"(?:(?:,? +|T)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)?)?(?: ?(?:UTC|GMT|Z))?"
)
_SAYS_UTC: Final = re.compile(r".*(?:UTC|GMT|Z)")
_SIGNS: Final = {"€": "EUR", "£": "GBP"}  # other signs stand for several currencies
_TRUE: Final = frozenset({"true", "t", "1", "yes", "y", "ja", "wahr", "x"})
_FALSE: Final = frozenset({"false", "f", "0", "no", "n", "nein", "falsch", ""})

# ISO 4217, the codes of money in use (funds, metals and test codes left out).
CURRENCIES: Final = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
    SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS
    VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
    """.split()
)


def read_text(value: object) -> str | None:
    """Text without spaces around it; a whole number as its digits; None where there is nothing."""
    if isinstance(value, str):
        return clean(value).strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def read_flag(value: object) -> bool | None:
    """A yes or no; None where it is neither, an empty cell is no."""
    if isinstance(value, bool) or value is None:
        return bool(value)
    word = str(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def read_time(value: object, *, zone: str, order: DateOrder = "dmy", late: bool = False) -> datetime | None:
    """The moment meant, in UTC; None where it is none between 1990 and 2100.

    Args:
        value: ISO 8601; a date with points, slashes or dashes and perhaps a clock; seconds, milliseconds or
            microseconds since 1970.
        zone: of times that do not say theirs.
        order: how 3/4 is read; dates with points are always day first.
        late: a day without a clock is its end, not its beginning.
    """
    try:
        moment, is_day = _parse(value, order)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        if is_day and late:
            moment = (moment.replace(tzinfo=None) + _DAY).replace(tzinfo=moment.tzinfo)
        found = moment.astimezone(UTC) - (_TICK if is_day and late else timedelta())
    except (ValueError, OverflowError):
        return None
    return found if found.year in _YEARS else None


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


def read_amount(value: object, *, comma: bool = False) -> tuple[float | None, str | None]:
    """An amount of money, and its currency where a sign or code beside it says so; (None, None) for an empty cell.

    Args:
        value: a number, or as people write it: "1.234,50 €", "(1,200.00)", "USD 12".
        comma: how a lone comma or point before three digits is read: as a decimal comma and a point between
            thousands, or the other way about.

    Raises: ValueError when it is no amount.
    """
    if value is None or isinstance(value, bool):
        return None, None
    if isinstance(value, (int, float)):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError("is no amount")
        return number, None
    text = "".join(str(value).split())
    if not text:
        return None, None
    if len(text) > _LONGEST:
        raise ValueError("is no amount")
    is_negative = text.startswith("(") and text.endswith(")")
    text = text.strip("()")
    currency = next((code for sign, code in _SIGNS.items() if sign in text), None)
    letters = "".join(char for char in text if char.isalpha()).upper()
    if letters in CURRENCIES:
        currency = letters
    elif letters and not (letters == "E" and text[:1].isdigit()):
        raise ValueError("is no amount")
    digits = "".join(char for char in text if char in "0123456789.,-+eE'") if letters == "E" else "".join(
        char for char in text if char in "0123456789.,-+'"
    )  # fmt: skip
    try:
        number = float(_plain_number(digits.replace("'", ""), comma=comma))
    except ValueError as error:
        raise ValueError("is no amount") from error
    if not math.isfinite(number):
        raise ValueError("is no amount")
    return (-number if is_negative else number), currency


def _plain_number(digits: str, *, comma: bool) -> str:
    """Digits with points and commas as Python writes the number."""
    point, other = digits.rfind("."), digits.rfind(",")
    if point >= 0 and other >= 0:
        thousands = "," if point > other else "."
        return digits.replace(thousands, "").replace(",", ".")
    sign = "," if other >= 0 else "."
    if digits.count(sign) > 1:
        return digits.replace(sign, "")
    whole, _, rest = digits.partition(sign)
    is_thousands = len(rest) == 3 and whole.lstrip("+-") not in {"", "0"} and comma == (sign == ".")
    return whole + rest if is_thousands else digits.replace(",", ".")
