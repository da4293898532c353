"""Weeks, months, quarters and years: "next week", "the end of Q2", "mid-April", "later this month"."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from troth.promises.days import read_day
from troth.promises.tokens import Tokens
from troth.promises.vocabulary import MONTHS, PERIODS
from troth.promises.windows import Match, Rule, Speech, Window, add_months, month_length, span_days

_PLACES: Final = {
    "early": "early", "beginning": "early", "start": "early", "anfang": "early",
    "mid": "mid", "middle": "mid", "mitte": "mid", "late": "late", "end": "end", "ende": "end", "close": "end",
    "later": "later",
}  # fmt: skip
_LETTERS: Final = {
    "eow": "week", "eom": "month", "eoq": "quarter", "eoy": "year", "monatsende": "month", "quartalsende": "quarter",
    "jahresende": "year",
}  # fmt: skip
_WEEK_OF: Final = (
    ("w", "/", "c"), ("week", "commencing"), ("week", "beginning"), ("week", "of"), ("wc",),
)  # fmt: skip
_NEXT: Final = frozenset(
    {"next", "nächste", "nächsten", "nächster", "nächstes", "coming", "following", "kommende", "kommenden"}
)
_THIS: Final = frozenset({"this", "diese", "dieser", "diesen", "dieses"})
_NEEDS_LEAD: Final = frozenset({"in", "by", "before", "until", "till", "during", "of", "im", "bis", "vor", "for"})


def read_period(speech: Speech, index: int) -> Match | None:
    """A place in a period, or the period itself."""
    tokens = speech.tokens
    if tokens.at(index) in _LETTERS:
        unit = _LETTERS[tokens.at(index)]
        return Match(index + 1, _place_in(speech, "end", unit, _bounds(speech, unit, 0), "relative"))
    if tokens.at(index) in {"week", "month", "quarter", "year"}:
        unit = tokens.at(index)
        end = index + 3 if tokens.has(index + 1, ("'", "s")) else index + 1
        if tokens.at(end) == "end" and (unit != "week" or end > index + 1):
            return Match(end + 1, _place_in(speech, "end", unit, _bounds(speech, unit, 0), "relative"))
    week = _read_week(speech, index)
    if week is not None:
        return week
    if tokens.has(index, ("the", "day", "is", "out")):
        return Match(index + 4, span_days(speech.now.date(), speech.now.date(), "relative", named=True))
    at = index + 1 if tokens.at(index) == "the" else index
    if tokens.at(at) in PERIODS and tokens.at(at + 1) == "is" and tokens.at(at + 2) in {"out", "over", "up", "through"}:
        unit = PERIODS[tokens.at(at)]  # "before the month is out"
        return Match(at + 3, _place_in(speech, "end", unit, _bounds(speech, unit, 0), "relative"))
    place = _PLACES.get(tokens.at(at), "")
    if tokens.at(at) in {"first", "second"} and tokens.has(at + 1, ("half", "of")):
        place = f"{tokens.at(at)} half"
        at += 2
    if place:
        at += 1
        at += 1 if tokens.at(at) in {"-", "of", "in", "der", "des", "von"} else 0
    return _read_whole(speech, at, place, led=tokens.at(index - 1) in _NEEDS_LEAD)


def _read_week(speech: Speech, index: int) -> Match | None:
    """ "w/c 4 May", "the week of 4 May", "KW 20": Monday to Friday of a week named by a day in it or its ISO number."""
    tokens, today = speech.tokens, speech.now.date()
    for words in _WEEK_OF:
        if tokens.has(index, words):
            day = read_day(speech, index + len(words))
            if day is None or not day.window.days:
                return None
            monday = day.window.lo.date() - timedelta(days=day.window.lo.weekday())
            return Match(day.end, span_days(monday, monday + timedelta(days=4), "explicit"))
    at = index + 1 if tokens.at(index) == "calendar" else index
    number = tokens.at(at + 1)
    if tokens.at(at) not in {"kw", "cw", "week"} or not (number.isascii() and number.isdigit() and len(number) <= 2):
        return None
    if (tokens.at(at) == "week" and at == index) or not 1 <= int(number) <= 53:
        return None
    for year in (today.year, today.year + 1):
        try:
            monday = date.fromisocalendar(year, int(number), 1)
        except ValueError:  # a year without a week 53
            continue
        if monday + timedelta(days=4) >= today:
            return Match(at + 2, span_days(monday, monday + timedelta(days=4), "explicit"))
    return None


def _read_whole(speech: Speech, at: int, place: str, *, led: bool) -> Match | None:
    tokens = speech.tokens
    first = at
    ahead = tokens.at(at) in _NEXT
    now = tokens.at(at) in _THIS
    at += 1 if ahead or now or (place and tokens.at(at) in {"the", "der", "des", "dem"}) else 0
    at += 1 if place and tokens.at(at) in {"current", "laufenden"} else 0
    unit = PERIODS.get(tokens.at(at))
    if unit is not None:
        if not (ahead or now or place) or tokens.at(at + 1) == "'" or tokens.at(at + 1) in {"after", "long"}:
            return None
        if place and not (ahead or now) and tokens.at(first) not in {"the", "der", "des", "dem", unit, tokens.at(at)}:
            return None
        bounds = _bounds(speech, unit, 1 if ahead else 0)
        return Match(at + 1, _place_in(speech, place, unit, bounds, "relative"))
    if not (place or led or ahead or now):
        return None
    return _read_named(speech, at, place, this=now, following=ahead)


def _read_named(speech: Speech, at: int, place: str, *, this: bool, following: bool) -> Match | None:
    """A named month, quarter or year."""
    tokens, today = speech.tokens, speech.now.date()
    word = tokens.at(at)
    if word in MONTHS and tokens.raw(at)[0].isupper() and tokens.at(at + 1) not in {"'", "-"}:
        end, year = _read_year(tokens, at + 1)
        first = _next_month(today, MONTHS[word], year)
        bounds = (first, first.replace(day=month_length(first.year, first.month)))
        return Match(end, _place_in(speech, place, "month", bounds, "explicit")) if bounds[1] >= today else None
    if word == "q" and tokens.glued(at) and tokens.at(at + 1) in {"1", "2", "3", "4"}:
        end, year = _read_year(tokens, at + 2)
        quarter = int(tokens.at(at + 1))
        first = date(year if year is not None else today.year, quarter * 3 - 2, 1)
        if year is None and add_months(first, 3) <= today:
            first = first.replace(year=first.year + 1)
        bounds = (first, add_months(first, 3) - timedelta(days=1))
        return Match(end, _place_in(speech, place, "quarter", bounds, "explicit")) if bounds[1] >= today else None
    if word == "h" and tokens.glued(at) and tokens.at(at + 1) in {"1", "2"}:
        end, year = _read_year(tokens, at + 2)
        first = date(year if year is not None else today.year, int(tokens.at(at + 1)) * 6 - 5, 1)
        if year is None and add_months(first, 6) <= today:
            first = first.replace(year=first.year + 1)
        bounds = (first, add_months(first, 6) - timedelta(days=1))
        return Match(end, _place_in(speech, place, "half", bounds, "explicit")) if bounds[1] >= today else None
    if this or following:
        return None
    end, year = _read_year(tokens, at)
    if year is not None and year >= today.year and (place or year > today.year):
        return Match(end, _place_in(speech, place, "year", (date(year, 1, 1), date(year, 12, 31)), "explicit"))
    return None


def _read_year(tokens: Tokens, index: int) -> tuple[int, int | None]:
    word = tokens.at(index)
    if len(word) == 4 and word.isascii() and word.isdigit() and 1971 <= int(word) <= 2098:
        return index + 1, int(word)
    return index, None


def _next_month(today: date, month: int, year: int | None) -> date:
    if year is not None:
        return date(year, month, 1)
    return date(today.year if month >= today.month else today.year + 1, month, 1)


def _bounds(speech: Speech, unit: str, ahead: int) -> tuple[date, date]:
    """First and last day of this period or of one ahead. A week runs to Friday, or to Sunday once that has passed."""
    today = speech.now.date()
    if unit == "week":
        monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * ahead)
        return monday, monday + timedelta(days=6 if ahead == 0 and today.weekday() > 4 else 4)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = today.replace(day=1, month=today.month - (today.month - 1) % months)
    first = add_months(first, months * ahead)
    return first, add_months(first, months) - timedelta(days=1)


def _place_in(speech: Speech, place: str, unit: str, bounds: tuple[date, date], rule: Rule) -> Window:
    """The days of a period that a word such as "early" or "end" means."""
    first, last = bounds
    if place == "later":
        first = min(last, max(first, speech.now.date() + timedelta(days=1)))
    elif place == "end":
        first = last if unit == "week" else min(last, speech.calendar.last_open(last))
    elif place.endswith("half"):
        middle = first + timedelta(days=((last - first).days + 1) // 2)
        first, last = (first, middle - timedelta(days=1)) if place == "first half" else (middle, last)
    elif place:
        first, last = _third(unit, first, last, place)
    return span_days(first, last, rule, named=place == "end", period=not place)


def _third(unit: str, first: date, last: date, place: str) -> tuple[date, date]:
    """Early, mid and late: Monday to Tuesday, Tuesday to Thursday, Thursday to Friday; or thirds of the period."""
    if unit == "week":
        head, tail = {"early": (0, 1), "mid": (1, 3), "late": (3, 4)}[place]
        return first + timedelta(days=head), first + timedelta(days=tail)
    third = round(((last - first).days + 1) / 3)
    cuts = {"early": (0, third - 1), "mid": (third, 2 * third - 1), "late": (2 * third, (last - first).days)}
    head, tail = cuts[place]
    return first + timedelta(days=head), first + timedelta(days=tail)
