"""What we told a customer that can be held against something else: prices, quantities, dates, scope, names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import re2

from troth.touch.amounts import Amount, read_amounts
from troth.touch.guards import BEHIND, REPORTED, UNFIRM
from troth.touch.subjects import Subject, read_subject, read_thread

KINDS: Final = ("price", "quantity", "date", "scope", "name")

ReadDay = Callable[[str, dt.datetime], "Day | None"]
"""The firm time that a sentence said at a moment names ahead; None where it names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A time named in a sentence: the days it may mean, and where its words stand."""

    first: dt.date
    last: dt.date
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that one of us told one customer."""

    row: int  # of the turn in the table of turns
    start: int  # of the sentence in the body
    end: int
    text: str
    kind: str  # of KINDS
    subject: Subject
    amount: Amount | None = None  # price, quantity
    day: Day | None = None  # date
    is_included: bool | None = None  # scope
    name: tuple[str, ...] = ()  # name: its words in lower case


_DAYLIKE: Final = (
    r"(?i)\b(mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(today|tonight|tomorrow|heute|morgen|übermorgen|noon|midnight"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag"
    r"|((next|coming|within|end of|by|bis|ende)\b.{0,24}|in( \w+)? )\b(hours?|days?|weeks?|months?|quarter|year|tagen?"
    r"|wochen?|monate?n?))\b"
    r"|\b(jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\b|\d\s?(st|nd|rd|th)\b"
    r"|\d[./-]\d|\b(christmas|easter|weihnachten|ostern)\b"
)
_SCOPED: Final = (
    r"(?i)\b(included|includes|including|inclusive|inkl|inklusive|enthalten|part of the (price|offer|fee|package"
    r"|contract)"
    r"|free of charge|at no (extra |additional )?(cost|charge)|for free|kostenlos|not included|excluded|optional"
    r"|as an option|charged (extra|separately)|(is|are|at|costs?) extra|extra (cost|charge)|on top|nicht enthalten)\b"
)
_ROLE: Final = (
    r"(contact person|contact|account manager|project manager|project lead|site manager|service manager|architect"
    r"|technician|adviser|advisor|consultant|engineer|coordinator|case handler|case manager|ansprechpartner(?:in)?)"
)
_SCOPE: Final = re2.compile(_SCOPED)
_NAMED: Final = rf"(?:your|the|our|ihre?) (?:new |neue[rs]? )?(?i:{_ROLE})\b"
_NAME: Final = re2.compile(
    rf"(?i:\b(?:your|the|our|ihre?) (?:new |neue[rs]? )?{_ROLE})\b([^.!?:;]*?)"
    r" (?:is|will be|remains|ist|wird|bleibt) "
    r"((?:(?:Mr|Ms|Mrs|Dr|Herr|Frau)\.? )?\p{Lu}[\p{L}'’-]+(?: \p{Lu}[\p{L}'’-]+)?)"
)
_HOLDS: Final = MappingProxyType({"amount": r"\d", "day": _DAYLIKE, "scope": _SCOPED, "name": _NAMED, "behind": BEHIND})
_TITLES: Final = frozenset({"mr", "ms", "mrs", "dr", "herr", "frau"})
_EXTRA: Final = re2.compile(
    r"(?i)\b(not (be )?(included|part of)|excluded|optional|as an option|charged (extra|separately)|(is|are|at"
    r"|costs?) extra"
    r"|extra (cost|charge)s?|on top|nicht enthalten|we charge)\b"
)
_FREE: Final = re2.compile(r"(?i)\b(at no (extra |additional )?(cost|charge)|no (extra|additional) (cost|charge))")
_QUALIFIER: Final = re2.compile(r"(?i)\b(including|inclusive of|incl\.?|inkl\.?|with|plus|mit|inklusive)\b")
_INCLUDED: Final = re2.compile(r"(?i)\b(included|enthalten|inbegriffen)\b")
_CUT: Final = re2.compile(r"[;()–—]|[,:](?:\s|$)|\s(?:and|but|while|whereas|und|aber|or|oder)\s")
_AMOUNT: Final = "\u00a4"
_LONGEST: Final = 400  # characters; a longer "sentence" is a pasted table
_MOST: Final = 6  # amounts in one sentence; more are a list, and what belongs to what cannot be told
_SCOPE_WORDS: Final = frozenset(
    "included includ inclus free cost charg price option extra optional enthalt packag contract everyth".split()
)


def find_facts(turns: pa.Table, sentences: pa.Table, *, read_day: ReadDay) -> list[Fact]:
    """Every statement in these turns that names a price, a quantity, a day, what is included, or who is in charge.

    Questions, conditions, estimates, alternatives, what others said and what lies behind are left out.

    Args:
        turns: rows of TURNS, all of our side to customers.
        sentences: SENTENCES; those of other turns are passed over.
        read_day: reads a time out of a sentence.

    Cost: filters over the table, then linear in the sentences that hold a digit, a day, a role or a word of scope.
    """
    row_of = pc.index_in(sentences["turn_id"], turns["turn_id"].combine_chunks())
    short = pc.less_equal(pc.utf8_length(sentences["text"]), _LONGEST)
    near = sentences.filter(pc.and_(pc.is_valid(row_of), short))
    texts = near["text"]
    is_firm = pc.invert(pc.or_(pc.match_substring_regex(texts, UNFIRM), pc.match_substring_regex(texts, REPORTED)))
    holds = {name: pc.match_substring_regex(texts, pattern) for name, pattern in _HOLDS.items()}
    is_telling = pc.or_(pc.or_(holds["amount"], holds["day"]), pc.or_(holds["scope"], holds["name"]))
    keep = pc.and_(is_firm, is_telling)
    rows = row_of.filter(pc.and_(pc.is_valid(row_of), short)).filter(keep).to_pylist()
    chosen = near.filter(keep).select(["start", "end", "text"])
    flags = zip(*(column.filter(keep).to_pylist() for column in holds.values()), strict=True)
    lines, moments = turns["subject"].to_pylist(), turns["sent_at"].to_pylist()
    threads: dict[str | None, frozenset[str]] = {}
    facts: list[Fact] = []
    for row, sentence, held in zip(rows, chosen.to_pylist(), flags, strict=True):
        line = lines[row]
        if line not in threads:
            threads[line] = read_thread(line)
        place, has = {"row": row, **sentence}, dict(zip(holds, held, strict=True))
        amounts = read_amounts(sentence["text"]) if has["amount"] and not has["behind"] else []
        day = read_day(sentence["text"], moments[row]) if has["day"] and moments[row] is not None else None
        if len(amounts) <= _MOST:
            facts += _place_amounts(place, threads[line], amounts, day)
        facts += _read_date(place, threads[line], amounts, day)
        if has["scope"]:
            facts += _read_scope(place, threads[line])
        if has["name"]:
            facts += _read_name(place, threads[line])
    return facts


def _place_amounts(
    place: Mapping[str, Any], thread: frozenset[str], amounts: list[Amount], day: Day | None
) -> Iterator[Fact]:
    """Each amount with the words around it: the whole sentence, or its own clause where others of its sort stand by.

    The words of a day tell when and not what; they are blanked.
    """
    text = place["text"]
    if day is not None and not any(one.start < day.end and day.start < one.end for one in amounts):
        text = text[: day.start] + " " * (day.end - day.start) + text[day.end :]
    for amount in amounts:
        rivals = [one for one in amounts if one is not amount and one.kind == amount.kind]
        low, high = _bounds(text, amount) if rivals else (0, len(text))
        if any(low <= one.start < high for one in rivals):
            continue  # two of a sort in one clause: which belongs to what cannot be told
        words = f"{text[low : amount.start]} {_AMOUNT} {text[amount.end : high]}"
        subject = read_subject(_strip_scope(words), thread, sentence=f"{text[: amount.start]} , {text[amount.end :]}")
        if subject.own or not rivals:
            yield Fact(**place, kind=amount.kind, subject=subject, amount=amount)


def _bounds(text: str, amount: Amount) -> tuple[int, int]:
    """The clause that holds an amount."""
    cuts = [match.span() for match in _CUT.finditer(text)]
    low = max((end for _, end in cuts if end <= amount.start), default=0)
    high = min((start for start, _ in cuts if start >= amount.end), default=len(text))
    return low, high


def _read_date(
    place: Mapping[str, Any], thread: frozenset[str], amounts: list[Amount], day: Day | None
) -> Iterator[Fact]:
    """The day that a sentence names ahead, unless its words belong to an amount: "within 24 hours" of a warranty."""
    if day is None or any(one.start < day.end and day.start < one.end for one in amounts):
        return
    text = place["text"]
    rest = f"{text[: day.start]} {_AMOUNT} {text[day.end :]}"
    yield Fact(**place, kind="date", subject=read_subject(_strip_scope(rest), thread, sentence=rest), day=day)


def _strip_scope(words: str) -> str:
    """Words without those that say what is included: they tell of the scope, and not of what it is the scope of.

    `_AMOUNT` stands where the amount stood; the list that follows "included" or "with" ends where it stands.
    """
    kept: list[str] = []
    is_list = False
    for part in _CUT.split(words):
        if not part:
            continue
        is_list = is_list and _AMOUNT not in part
        match = _QUALIFIER.search(part)
        if not is_list and not _INCLUDED.search(part):
            kept.append(part[: match.start()] if match else part)
        is_list = is_list or match is not None or _INCLUDED.search(part) is not None
    return " , ".join(kept)


def _read_scope(place: Mapping[str, Any], thread: frozenset[str]) -> Iterator[Fact]:
    """One fact for each thing that is said to be included, or to cost extra."""
    text = place["text"]
    is_extra = _EXTRA.search(text) is not None and _FREE.search(text) is None
    parts = [part for part in _CUT.split(text) if part and part.strip()]
    told = [number for number, part in enumerate(parts) if _SCOPE.search(part)]
    seen: set[frozenset[str]] = set()
    for number, part in enumerate(parts):
        near = any(abs(number - other) <= 2 for other in told) if not is_extra else number in told
        if not near or (read_amounts(part) and not is_extra):
            continue
        subject = read_subject(part, thread, sentence=text, without=_SCOPE_WORDS)
        if subject.own and len(subject.own) <= 4 and subject.own not in seen:
            seen.add(subject.own)
            yield Fact(**place, kind="scope", subject=subject, is_included=not is_extra)


def _read_name(place: Mapping[str, Any], thread: frozenset[str]) -> Iterator[Fact]:
    match = _NAME.search(place["text"])
    if match is None:
        return
    role, about, name = match.groups()
    words = tuple(word for word in name.lower().replace(".", "").split() if word not in _TITLES)
    subject = read_subject(f"{role} {about}", thread, sentence="")
    if words and subject.own:
        yield Fact(**place, kind="name", subject=subject, name=words)
