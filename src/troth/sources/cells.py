"""Single values of exports: an amount, a yes or no, a piece of text, as tables and JSON write them."""

from __future__ import annotations

import math
from typing import Final

from troth.sources.charsets import clean

_LONGEST: Final = 60  # characters of an amount
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
