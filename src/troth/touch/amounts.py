"""Amounts as people write them: money with its currency and basis, counted things, lengths of time.

Every pattern is RE2 and so linear in the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import re2

_NUMBER: Final = r"\d{1,3}(?:[.,'’\x{a0}\x{202f} ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_TIMES: Final = MappingProxyType(
    {
        "k": 1e3, "tsd": 1e3, "thousand": 1e3, "tausend": 1e3,
        "m": 1e6, "mio": 1e6, "mn": 1e6, "million": 1e6, "millionen": 1e6, "bn": 1e9, "billion": 1e9,
    }
)  # fmt: skip
_CURRENCIES: Final = MappingProxyType(
    {
        "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "gbp": "GBP", "pounds": "GBP",
        "pound": "GBP", "$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "chf": "CHF",
        "franc": "CHF", "francs": "CHF", "franken": "CHF", "dkk": "DKK", "sek": "SEK", "nok": "NOK", "kr": "DKK",
        "kroner": "DKK", "jpy": "JPY", "¥": "JPY", "yen": "JPY", "inr": "INR", "₹": "INR", "pln": "PLN",
    }
)  # fmt: skip
_SIGN: Final = r"us\$|[€£$¥₹]|eur\b|gbp\b|usd\b|chf\b|dkk\b|sek\b|nok\b|inr\b|jpy\b|pln\b"
_NAME: Final = (
    r"us\$|[€£$¥₹]|(?:eur|euros?|gbp|pounds?|usd|dollars?|chf|francs?|franken|dkk|sek|nok|kr|kroner|jpy|yen|inr"
    r"|pln)\b"
)
_SCALE: Final = r"(?:\s?(k|tsd|thousand|tausend|mn|mio|millionen|million|bn|billion|m)\b\.?)?"
_MONEY: Final = re2.compile(
    rf"(?i)(?:^|[^\w.,])(?:({_SIGN})\s?({_NUMBER}){_SCALE}"
    rf"|({_NUMBER}){_SCALE}(?:,[-–])?\s?({_NAME}))"
)
_BARE: Final = re2.compile(
    r"(?:^|[^\w.,/-])(\d{1,3}(?:[.,'’\x{a0}\x{202f}]\d{3})+(?:[.,]\d{2})?)(?:$|[^\w.,/-]|[.,](?:\s|$))"
)
_PRICED: Final = re2.compile(r"(?i)\b(costs?|price[ds]?|pay|offer|quote|fee|kostet|kosten|preis)\b")
_BASIS: Final = re2.compile(
    r"(?i)^\s?(?:,[-–])?(?:net|gross|netto|brutto)?\s?(?:per|a|an|/|each|every|pro|im|je)\s?"
    r"(user|seat|month|year|week|day|hour|night|person|head|piece|unit|item|visit|jahr|monat|woche|tag|stunde"
    r"|stück|kopf)\b"
    r"(?:\s?(?:per|a|an|/|each|every|pro|im|je|and)\s?(user|seat|month|year|week|day|hour|night|person|piece"
    r"|unit)\b)?"
)
_BASIS_NAMES: Final = MappingProxyType(
    {"jahr": "year", "monat": "month", "woche": "week", "tag": "day", "stunde": "hour", "stück": "piece",
     "unit": "piece", "item": "piece", "head": "person", "kopf": "person", "seat": "user"}
)  # fmt: skip
_GROSS: Final = re2.compile(
    r"(?i)\b(gross|brutto|(incl?(uding|\.)?|inkl\.?|with) (\d+ ?% )?(vat|tax|taxes|mwst|ust))\b"
)
_NET: Final = re2.compile(
    r"(?i)\b(net|netto|(excl?(uding|\.)?|plus|without|exkl\.?|zzgl\.?|before|\+) (\d+ ?% )?(vat|tax|taxes|mwst"
    r"|ust))\b"
)

_HOURS: Final = MappingProxyType(
    {
        "hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.0, "year": 8760.0,
        "stunde": 1.0, "tag": 24.0, "woche": 168.0, "monat": 730.0, "jahr": 8760.0,
    }
)  # fmt: skip
_WORDS: Final = MappingProxyType(
    {word: float(value) for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split())}
    | {"a": 1.0, "an": 1.0, "eine": 1.0, "einen": 1.0, "einem": 1.0, "zwei": 2.0, "drei": 3.0, "vier": 4.0,
       "fünf": 5.0, "sechs": 6.0, "acht": 8.0, "zehn": 10.0, "zwölf": 12.0}
)  # fmt: skip
_LENGTH: Final = re2.compile(
    rf"(?i)(?:^|[^\w.,])({_NUMBER}|{'|'.join(_WORDS)})[\s-](working |business )?"
    r"(hour|day|week|month|year|stunde|tag|woche|monat|jahr)(?:s|e|en|n)?\b"
)
_TERM: Final = re2.compile(
    r"(?i)\b(warrant(y|ies)|guarantees?|garantie|gewährleistung|notice|kündigungsfrist|trial|lead time|delivery time"
    r"|lieferzeit|terms?|period|lasts?|valid for|respon(se|ds?)|answers?|reacts?|contract|retention|minimum"
    r"|laufzeit)\b"
)
_COUNTED: Final = re2.compile(rf"(?:^|(\w*)[^\w.,/:€£$#-])({_NUMBER})\s(\p{{Ll}}+)\b(\s\p{{Ll}}+)?")
_PERCENT: Final = re2.compile(rf"(?i)(?:^|[^\w.,])({_NUMBER})\s?(?:%|percent\b|per cent\b|prozent\b)")
_RATED: Final = re2.compile(r"(?i)\b(discounts?|rebate|rabatt|skonto|interest|commission|uptime|availability)\b")
_NO_THING: Final = frozenset(
    """
    hours hour days day weeks week months month years year minutes minute seconds second times percent degrees grad
    euros euro dollars pounds francs kroner and but the for from with per this that are was were has have its his
    others always perhaps across towards plus minus less more than until bis uhr tage tagen wochen monate jahre stunden
    millions million thousand thousands points steps options ways reasons things pages lines people of
    """.split()
)
NUMBERED: Final = frozenset(
    """
    room offer order invoice container store unit page line step version phase floor gate hall building item section
    chapter bill ticket case number no nr quotation quote contract model relay cabinet door site system machine device
    server area zone block plot apartment flat house position lot batch licence license package plan tier level class
    grade type series option lane truck pallet sensor account policy claim booking flight raum angebot rechnung auftrag
    seite vertrag halle
    """.split()
)
"""Words whose number is a name: "room 3"."""
_IN_PART: Final = frozenset({"out", "from", "more", "left", "remaining"})
_LONGEST_NOUN: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """One amount in a sentence."""

    kind: str  # price, quantity
    value: float  # money; things; hours for a length of time; percent
    unit: str  # currency and basis, as EUR/month; "length"; "%"; a counted noun as written
    start: int
    end: int
    tax: str = ""  # net, gross


def read_amounts(text: str) -> list[Amount]:
    """Every amount of money, length of time in a term, and count of things, in order, none inside another.

    >>> [(one.value, one.unit) for one in read_amounts("It is 1.200,50 euro a month; the warranty is 2 years.")]
    [(1200.5, 'EUR/month'), (17520.0, 'length')]

    Cost: linear in the text.
    """
    found = _read_money(text)
    for more in (_read_lengths(text), _read_percents(text), _read_counts(text)):
        found += [one for one in more if not any(one.start < other.end and other.start < one.end for other in found)]
    return sorted(found, key=lambda one: one.start)


def read_number(written: str) -> float:
    """A number with either mark for thousands.

    >>> [read_number(text) for text in ("1.200,00", "1,200.00", "743,20", "12'400", "38,400", "2.5")]
    [1200.0, 1200.0, 743.2, 12400.0, 38400.0, 2.5]
    """
    digits = "".join("," if char in "’' \u00a0\u202f" else char for char in written)
    last = max(digits.rfind(","), digits.rfind("."))
    if last < 0 or len(digits) - last - 1 == 3:  # three digits behind the last mark: thousands
        return float(digits.replace(",", "").replace(".", ""))
    whole = digits[:last].replace(",", "").replace(".", "")
    return float(f"{whole}.{digits[last + 1 :]}")


def _read_money(text: str) -> list[Amount]:
    found: list[Amount] = []
    tax = "gross" if _GROSS.search(text) else "net" if _NET.search(text) else ""
    for match in _matches(_MONEY, text):
        sign, after, scale_after, before, scale_before, name = match.groups()
        is_sign_first = after is not None
        scale = (scale_after if is_sign_first else scale_before) or ""
        value = read_number(after if is_sign_first else before) * _TIMES.get(scale.lower(), 1.0)
        start = match.start(1 if is_sign_first else 4)
        basis, length = _read_basis(text[match.end() :])
        unit = _CURRENCIES[(sign if is_sign_first else name).lower()] + basis
        found.append(Amount(kind="price", value=value, unit=unit, start=start, end=match.end() + length, tax=tax))
    if not found and _PRICED.search(text):
        found += [
            Amount(
                kind="price",
                value=read_number(match.group(1)),
                unit="",
                start=match.start(1),
                end=match.end(1),
                tax=tax,
            )
            for match in _matches(_BARE, text)
        ]
    return found


def _read_basis(rest: str) -> tuple[str, int]:
    """What a price is for, as in "a month", and how many characters say so."""
    match = _BASIS.search(rest)
    if match is None:
        return "", 0
    names = sorted(_BASIS_NAMES.get(name.lower(), name.lower()) for name in match.groups() if name)
    return "".join(f"/{name}" for name in names), match.end()


def _read_lengths(text: str) -> list[Amount]:
    if not _TERM.search(text):
        return []
    found: list[Amount] = []
    for match in _matches(_LENGTH, text):
        number, is_open, unit = match.group(1).lower(), match.group(2), match.group(3).lower()
        value = _WORDS[number] if number in _WORDS else read_number(number)
        kind = "open length" if is_open else "length"
        found.append(_span(match, value=value * _HOURS[unit], unit=kind))
    return found


def _read_percents(text: str) -> list[Amount]:
    if not _RATED.search(text):
        return []
    return [_span(match, value=read_number(match.group(1)), unit="%") for match in _matches(_PERCENT, text)]


def _read_counts(text: str) -> list[Amount]:
    """ "24 chairs": a number and the plural behind it. "8 of the windows" tells of a part, and is none."""
    found: list[Amount] = []
    for match in _matches(_COUNTED, text):
        before, number, noun, following = (group or "" for group in match.groups())
        is_thing = 3 <= len(noun) <= _LONGEST_NOUN and noun.endswith(("s", "en")) and noun not in _NO_THING
        if is_thing and before.lower() not in NUMBERED and following.strip() not in _IN_PART:
            end = match.end(3)
            found.append(Amount(kind="quantity", value=read_number(number), unit=noun, start=match.start(2), end=end))
    return found


def _matches(pattern: Any, text: str) -> Iterator[Any]:
    """Matches from left to right; RE2 tells nobody their type."""
    return pattern.finditer(text)


def _span(match: Any, *, value: float, unit: str) -> Amount:
    return Amount(kind="quantity", value=value, unit=unit, start=match.start(1), end=match.end())


def is_same(one: Amount, other: Amount) -> bool:
    """Whether two amounts of one unit say the same: money to half a percent, lengths to a tenth (a month, 4 weeks)."""
    tolerance = 0.1 if one.unit.endswith("length") else 0.005
    return abs(one.value - other.value) <= tolerance * max(abs(one.value), abs(other.value))


_VAT: Final = (1.05, 1.06, 1.07, 1.077, 1.081, 1.1, 1.17, 1.18, 1.19, 1.2, 1.21, 1.22, 1.23, 1.24, 1.25, 1.255, 1.27)


def may_be_tax(one: Amount, other: Amount) -> bool:
    """Whether two prices may differ by the tax alone: one is called net, the other not, and is larger by a rate."""
    if one.tax == other.tax:
        return False
    if {one.tax, other.tax} == {"net", "gross"}:
        return True
    net, gross = (one, other) if one.tax == "net" or other.tax == "gross" else (other, one)
    return net.value > 0 and any(abs(gross.value / net.value - rate) < 0.002 for rate in _VAT)


UNIT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"length": "time", "open length": "working time", "%": "percent"}
)
