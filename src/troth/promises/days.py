"""Named days: "Friday", "next Friday", "tomorrow", "15 March", "3/4", "the 15th", "Christmas", "this weekend"."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from troth.promises.numerals import read_length, shift_day
from troth.promises.tokens import Tokens
from troth.promises.vocabulary import MONTHS, ORDINALS, SHORT_WEEKDAYS, WEEKDAYS
from troth.promises.windows import Match, Rule, Speech, Window, add_months, month_length, span_days

_FEASTS: Final = {
    ("christmas", "eve"): (12, 24), ("xmas",): (12, 25), ("christmas", "day"): (12, 25), ("christmas",): (12, 25),
    ("new", "year", "'", "s", "eve"): (12, 31), ("new", "year", "'", "s", "day"): (1, 1),
    ("new", "year", "'", "s"): (1, 1), ("weihnachten",): (12, 25), ("silvester",): (12, 31),
    ("new", "year"): (1, 1), ("halloween",): (10, 31), ("valentine", "'", "s", "day"): (2, 14),
}  # fmt: skip
_JOINS: Final = frozenset({"or", "/", "and", "oder", "und", "to", "-", "–", "through", "bis"})
_AFTER_NTH: Final = frozenset({
    "", ".", ",", ";", "!", "?", ")", ":", "of", "at", "by", "and", "so", "or", "if", "when", "to", "for", "in", "via",
    "latest", "the", "with", "we", "i", "you", "but", "because", "morning", "afternoon", "evening", "as", "-", "–",
})  # fmt: skip
_AHEAD: Final = frozenset({"next", "nächsten", "nächste", "nächster", "kommenden", "coming", "following"})


def read_day(speech: Speech, index: int) -> Match | None:
    """The first reading that fits here, dates before weekdays, so that "Friday, 20 March" is one day."""
    for parser in (
        _read_placed_day,
        _read_weekday,
        _read_date,
        _read_near,
        _read_feast,
        _read_weekend,
        _read_next_open,
    ):
        found = parser(speech, index)
        if found is not None:
            return found
    return None


def _one_day(day: date, rule: Rule, *, named: bool = False) -> Window:
    return span_days(day, day, rule, named=named)


# Weekdays


def _weekday_at(tokens: Tokens, index: int) -> int | None:
    """The weekday named here; short forms that are also words must be capitalised and not open a sentence alone."""
    word = tokens.at(index)
    if word not in WEEKDAYS:
        return None
    if word in SHORT_WEEKDAYS:
        led = tokens.at(index - 1) in {"on", "by", "next", "this", "until", "till", "before", "cob", "eod", "or", "and"}
        dated = tokens.at(index + 1) in {".", ","} and tokens.at(index + 2).isdigit()
        dated = dated or tokens.at(index + 1).isdigit() or tokens.at(index + 1) in {"morning", "afternoon", "evening"}
        if not tokens.raw(index)[0].isupper() or not (led or dated or word in {"mon", "wed"}):
            return None
    return WEEKDAYS[word]


def _coming(today: date, weekday: int, *, today_counts: bool) -> date:
    ahead = (weekday - today.weekday()) % 7
    return today + timedelta(days=ahead if ahead or today_counts else 7)


def _in_next_week(today: date, weekday: int) -> date:
    return today + timedelta(days=7 - today.weekday() + weekday)


def _read_weekday(speech: Speech, index: int) -> Match | None:  # noqa: PLR0911  # one return per wording
    """ "Friday", "this Friday", "next Friday", "Friday week", "Friday next week", "next week Friday", "Thu/Fri"."""
    tokens, today = speech.tokens, speech.now.date()
    at, how = index, ""
    if tokens.at(at) in _AHEAD and tokens.at(at + 1) in {"week", "woche"}:
        at, how = at + 2, "in next week"
        at += 1 if tokens.at(at) in {"on", "am", ","} else 0
    elif tokens.at(at) in _AHEAD:
        at, how = at + 1, "coming" if tokens.at(at) in {"coming", "kommenden", "following"} else "next"
    elif tokens.at(at) in {"this", "diesen"}:
        at, how = at + 1, "this"
    weekday = _weekday_at(tokens, at)
    if weekday is None:
        return None
    end = at + 1
    dated = _read_date(speech, _skip_comma(tokens, end))
    if dated is not None:
        return Match(dated.end, _named(dated.window))
    if tokens.has(end, ("the", "13", "th")):
        end += 3
    if tokens.at(end) in {"week"} and not how:
        return Match(end + 1, _one_day(_coming(today, weekday, today_counts=False) + timedelta(days=7), "explicit"))
    at = end + 1 if tokens.at(end) in {"of", "in"} else end
    if tokens.at(at) in _AHEAD and tokens.at(at + 1) in {"week", "woche"}:
        return Match(at + 2, _one_day(_in_next_week(today, weekday), "explicit"))
    first = _resolve(today, weekday, how)
    if tokens.at(end) == "'" and tokens.at(end + 1) == "s":
        return None if tokens.at(index - 1) not in {"by", "before", "until", "for"} else Match(end + 2, first)
    other = end + 1
    if tokens.at(end) == "or" and tokens.at(other) == "on":
        other += 1
    if tokens.at(end) in _JOINS and (weekday2 := _weekday_at(tokens, other)) is not None:
        base = first.lo.date()
        last = base + timedelta(days=(weekday2 - base.weekday()) % 7)
        return Match(other + 1, span_days(base, last, "explicit"))
    return Match(end, first)


def _resolve(today: date, weekday: int, how: str) -> Window:
    named = weekday >= 5
    if how == "in next week":
        return _one_day(_in_next_week(today, weekday), "explicit", named=named)
    first = _coming(today, weekday, today_counts=how == "this")
    if how != "next":
        return _one_day(first, "explicit", named=named)
    # "next Friday" is this coming one to some and the one of next week to others: both are kept.
    return span_days(first, max(first, _in_next_week(today, weekday)), "explicit", named=named)


def _named(window: Window) -> Window:
    weekend = window.lo.weekday() >= 5
    return span_days(window.lo.date(), window.hi.date(), window.rule, named=weekend)


def _skip_comma(tokens: Tokens, index: int) -> int:
    index += 1 if tokens.at(index) in {",", "."} else 0
    return index + 1 if tokens.at(index) in {"the", "den", "dem"} else index


def _read_placed_day(speech: Speech, index: int) -> Match | None:
    """ "the last Friday in May", "the first working day of next month"."""
    tokens, today = speech.tokens, speech.now.date()
    at = index + 1 if tokens.at(index) == "the" else index
    place = -1 if tokens.at(at) == "last" else ORDINALS.get(tokens.at(at), 0)
    if place == 0 or place > 5:
        return None
    weekday = WEEKDAYS.get(tokens.at(at + 1))
    end = at + 2
    if weekday is None:
        if tokens.at(at + 1) not in {"working", "business"} or tokens.at(at + 2) != "day":
            return None
        end += 1
    if tokens.at(end) not in {"of", "in"}:
        return None
    end += 1
    lead = tokens.at(end)
    end += 1 if lead in {"the", "this", "next"} else 0
    month = _month_at(tokens, end)
    if month is None and (tokens.at(end) != "month" or lead not in {"the", "this", "next"}):
        return None
    year, after = _year_after(tokens, end + 1)
    rule: Rule = "relative" if month is None else "explicit"
    first = today.replace(day=1) if month is None else date(year if year is not None else today.year, month, 1)
    for ahead in (0, 1) if month is None else (0, 12):
        opening = add_months(first, ahead + (1 if month is None and lead == "next" else 0))
        days = [opening + timedelta(days=k) for k in range(month_length(opening.year, opening.month))]
        fitting = [
            day for day in days if (speech.calendar.is_open(day) if weekday is None else day.weekday() == weekday)
        ]
        found = fitting[place if place < 0 else place - 1] if len(fitting) >= abs(place) else None
        if found is not None and (found >= today or year is not None):
            return Match(after, _one_day(found, rule, named=True))
    return None


# Dates


def _read_date(speech: Speech, index: int) -> Match | None:
    tokens = speech.tokens
    for parser in (_read_iso, _read_days_of_month, _read_numeric, _read_day_month, _read_month_day, _read_nth):
        found = parser(tokens, index, speech)
        if found is not None:
            return found
    return None


def _digits(tokens: Tokens, index: int, most: int = 2) -> int | None:
    word = tokens.at(index)
    return int(word) if word.isascii() and word.isdigit() and len(word) <= most else None


def _read_year(tokens: Tokens, index: int) -> int | None:
    word = tokens.at(index)
    return int(word) if len(word) == 4 and word.isascii() and word.isdigit() and 1900 <= int(word) <= 2200 else None


def _make(year: int, month: int, day: int) -> date | None:
    if not 1 <= month <= 12 or not 1 <= day <= month_length(year, month):
        return None
    return date(year, month, day)


def _dated(speech: Speech, end: int, year: int | None, month: int, day: int) -> Match | None:
    """A date; without a year the next such day, looking as far as the next leap day."""
    today = speech.now.date()
    years = [year] if year is not None else range(today.year, today.year + 9)
    for candidate in years:
        found = _make(candidate, month, day)
        if found is not None and (year is not None or found >= today):
            return Match(end, _one_day(found, "explicit"))
    return None


def _read_iso(tokens: Tokens, index: int, speech: Speech) -> Match | None:
    """2026-03-15, also with slashes, also followed by a T and a time."""
    year = _read_year(tokens, index)
    mark = tokens.at(index + 1)
    if year is None or mark not in {"-", "/"} or tokens.at(index + 3) != mark or not tokens.glued(index):
        return None
    month, day = _digits(tokens, index + 2), _digits(tokens, index + 4)
    if month is None or day is None:
        return None
    end = index + 6 if tokens.at(index + 5) == "t" and tokens.glued(index + 4) else index + 5
    return _dated(speech, end, year, month, day)


def _read_days_of_month(tokens: Tokens, index: int, speech: Speech) -> Match | None:
    """ "16-18 April", "16 and 17 April", "April 16 to 18": the first day up to the last."""
    month, at = _month_at(tokens, index), index
    at += 1 if month is not None else 0
    first, joined = _digits(tokens, at), _skip_suffix(tokens, at + 1)
    if first is None or tokens.at(joined) not in _JOINS:
        return None
    last, end = _digits(tokens, joined + 1), _skip_suffix(tokens, joined + 2)
    if month is None:
        end += 1 if tokens.at(end) in {".", "of"} else 0
        month = _month_at(tokens, end)
        end += 1
    if last is None or month is None or last <= first or tokens.at(end) in {":", "%"}:
        return None
    year, end = _year_after(tokens, end)
    closing = _dated(speech, end, year, month, last)
    opening = None if closing is None else _make(closing.window.lo.year, month, first)
    if closing is None or opening is None:
        return None
    return Match(end, span_days(opening, closing.window.lo.date(), "explicit"))


def _read_numeric(tokens: Tokens, index: int, speech: Speech) -> Match | None:
    """15/03/2026, 3/15, 15.03.2026, 15.3. — without a year only after a preposition."""
    first, mark, second = _digits(tokens, index), tokens.at(index + 1), _digits(tokens, index + 2)
    if first is None or second is None or mark not in {"/", ".", "-"} or not tokens.glued(index):
        return None
    if not tokens.glued(index + 1) or (tokens.at(index - 1) in {"/", ".", "-", "$", "€"} and tokens.glued(index - 1)):
        return None
    end = index + 3
    year = None
    if tokens.at(end) == mark and tokens.glued(index + 2):
        year = _read_year(tokens, end + 1)
        short = _digits(tokens, end + 1)
        if year is None and mark == "/" and short is not None and len(tokens.at(end + 1)) == 2:
            year = 2000 + short
        if year is None and not (mark == "." and not tokens.at(end + 1).isdigit()):
            return None
        end += 2 if year is not None else 1
    elif mark != "/":
        return None
    led = tokens.at(index - 1) in {"by", "on", "before", "until", "till", "due", "from", "am", "bis", "zum", "vor", ","}
    if year is None and (not led or tokens.at(end) in {"of", "th", "%"} or (first, second) in {(24, 7), (50, 50)}):
        return None
    dmy = mark == "." or speech.calendar.order == "dmy"
    if (first > 12) != (second > 12):
        dmy = first > 12
    day, month = (first, second) if dmy else (second, first)
    return _dated(speech, end, year, month, day)


def _month_at(tokens: Tokens, index: int) -> int | None:
    """The month named here, in a capital: "may" and "march" are also plain words."""
    month = MONTHS.get(tokens.at(index))
    return month if month is not None and tokens.raw(index)[0].isupper() else None


def _skip_suffix(tokens: Tokens, index: int) -> int:
    suffix = tokens.at(index) in {"st", "nd", "rd", "th"} and tokens.glued(index - 1)
    return index + 1 if suffix else index


def _year_after(tokens: Tokens, index: int) -> tuple[int | None, int]:
    at = index + 1 if tokens.at(index) == "," else index
    year = _read_year(tokens, at)
    return (year, at + 1) if year is not None else (None, index)


def _read_day_month(tokens: Tokens, index: int, speech: Speech) -> Match | None:
    """15 March, 15th of March 2026, 15. März."""
    day = _digits(tokens, index)
    day = day if day is not None else ORDINALS.get(tokens.at(index))
    if day is None:
        return None
    at = _skip_suffix(tokens, index + 1)
    at += 1 if tokens.at(at) in {".", "-", "/"} and tokens.glued(at - 1) else 0
    at += 1 if tokens.at(at) == "of" else 0
    month = _month_at(tokens, at)
    if month is None:
        return None
    end = at + 1
    end += 1 if tokens.at(end) in {".", "-", "/"} and _read_year(tokens, end + 1) is not None else 0
    year, end = _year_after(tokens, end)
    return _dated(speech, end, year, month, day)


def _read_month_day(tokens: Tokens, index: int, speech: Speech) -> Match | None:
    """March 15, March the 15th, Mar. 15, 2026."""
    month = _month_at(tokens, index)
    if month is None:
        return None
    at = index + 1
    at += 1 if tokens.at(at) == "." and tokens.glued(index) else 0
    at += 1 if tokens.at(at) == "the" else 0
    day = _digits(tokens, at)
    if day is None:
        return None
    end = _skip_suffix(tokens, at + 1)
    if tokens.at(end) in {"%", ":", "€"}:
        return None
    year, end = _year_after(tokens, end)
    return _dated(speech, end, year, month, day)


def _read_nth(tokens: Tokens, index: int, speech: Speech) -> Match | None:
    """ "the 15th", when nothing follows that it could number; the next month that has such a day."""
    if tokens.at(index - 1) not in {"the", "by", "on", "before", "until", ","}:
        return None
    day = _digits(tokens, index)
    end = index + 1
    if day is not None:
        end = _skip_suffix(tokens, end)
        if end == index + 1:
            return None
    if day is None or not 1 <= day <= 31 or tokens.at(end) not in _AFTER_NTH:
        return None
    whose = tokens.words(end, min(end + 3, len(tokens))).lower() if tokens.at(end) == "of" else ""
    if whose and whose not in {"of this month", "of the month", "of next month"}:
        return None
    today = speech.now.date()
    start = today.replace(day=1)
    for ahead in range(1 if whose == "of next month" else 0, 13):
        year, month0 = divmod(start.year * 12 + start.month - 1 + ahead, 12)
        found = _make(year, month0 + 1, day)
        if found is not None and found >= today:
            return Match(end + (3 if whose else 0), _one_day(found, "explicit"))
    return None


# Days that are counted from today, feasts, weekends


def _read_near(speech: Speech, index: int) -> Match | None:  # noqa: PLR0911  # one return per wording
    """today, tomorrow, the day after tomorrow, a week from Friday, a week on Friday."""
    tokens, today = speech.tokens, speech.now.date()
    if tokens.at(index) in {"today", "heute"}:
        end = index + 2 if tokens.at(index + 1) == "noch" else index + 1
        return None if tokens.at(index + 1) == "'" else Match(end, _one_day(today, "relative", named=True))
    if tokens.at(index) == "tomorrow" and tokens.at(index + 1) == "week":
        return Match(index + 2, _one_day(today + timedelta(days=8), "relative"))
    if tokens.at(index) in {"tomorrow", "tmrw", "tmr"} or _is_german_tomorrow(tokens, index):
        day = today + timedelta(days=1)
        other = _weekday_at(tokens, index + 2) if tokens.at(index + 1) in {"or", "oder", "/"} else None
        if other is not None:
            return Match(index + 3, span_days(day, day + timedelta(days=(other - day.weekday()) % 7), "relative"))
        return Match(index + 1, _one_day(day, "relative"))
    start = index + 1 if tokens.at(index) == "the" else index
    if tokens.has(start, ("day", "after", "tomorrow")):
        return Match(start + 3, _one_day(today + timedelta(days=2), "relative"))
    if tokens.at(index) == "übermorgen":
        return Match(index + 1, _one_day(today + timedelta(days=2), "relative"))
    length = read_length(tokens, index)
    if length is None or length.unit not in {"day", "week", "month", "open"}:
        return None
    if length.unit == "week" and tokens.at(length.end) in {"today", "tomorrow"}:
        start_day = today + timedelta(days=1 if tokens.at(length.end) == "tomorrow" else 0)
        ends = [shift_day(speech, start_day, length.unit, count) for count in (length.least, length.most)]
        return Match(length.end + 1, span_days(ends[0], ends[1], "relative"))
    if tokens.at(length.end) not in {"from", "on", "after"}:
        return None
    base = _read_near(speech, length.end + 1) if tokens.at(length.end + 1) == "tomorrow" else None
    base = base if base is not None else _read_weekday(speech, length.end + 1)
    if base is None:
        return None
    day = base.window.lo.date()
    first, last = (shift_day(speech, day, length.unit, count) for count in (length.least, length.most))
    return Match(base.end, span_days(first, last, base.window.rule))


def _is_german_tomorrow(tokens: Tokens, index: int) -> bool:
    """ "morgen" but not "Guten Morgen", "am Morgen"; the noun is capitalised."""
    return tokens.at(index) == "morgen" and (tokens.raw(index) == "morgen" or index == 0)


def _read_feast(speech: Speech, index: int) -> Match | None:
    tokens = speech.tokens
    for words, (month, day) in _FEASTS.items():
        if tokens.has(index, words):
            if words == ("new", "year") and tokens.at(index - 1) not in {"and", "by", "before", "until"}:
                return None
            return (
                None
                if _names_a_thing(tokens, index + len(words))
                else _dated(speech, index + len(words), None, month, day)
            )
    if (tokens.has(index, ("good", "friday")) and tokens.raw(index) == "Good") or tokens.at(index) == "karfreitag":
        eves = (easter(year) - timedelta(days=2) for year in (speech.now.year, speech.now.year + 1))
        day = next(eve for eve in eves if eve >= speech.now.date())
        return Match(index + (1 if tokens.at(index) == "karfreitag" else 2), _one_day(day, "explicit", named=True))
    if tokens.at(index) in {"easter", "ostern"}:
        end = index + 2 if tokens.at(index + 1) in {"sunday", "monday"} else index + 1
        if _names_a_thing(tokens, end):
            return None
        later = timedelta(days=1 if tokens.at(index + 1) == "monday" else 0)
        today = speech.now.date()
        day = next(d for d in (easter(today.year) + later, easter(today.year + 1) + later) if d >= today)
        return Match(end, _one_day(day, "explicit", named=True))
    return None


def _names_a_thing(tokens: Tokens, end: int) -> bool:
    """Whether a capital word follows that the feast belongs to: "the Easter Bunny"."""
    return tokens.raw(end)[:1].isupper() and tokens.at(end) != "i" and tokens.at(end) not in MONTHS


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar.

    Source: the anonymous Gregorian computus, as in Meeus, Astronomical Algorithms, 2nd ed., chapter 8.
    """
    golden, (century, rest) = year % 19, divmod(year, 100)
    leap, left = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - moon + 15) % 30
    short, extra = divmod(rest, 4)
    weekday = (32 + 2 * left + 2 * short - epact - extra) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day0 = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day0 + 1)


def _read_weekend(speech: Speech, index: int) -> Match | None:
    """ "this weekend", "over the weekend": the coming Saturday and Sunday, or what is left of this one."""
    tokens, today = speech.tokens, speech.now.date()
    at = index + 1 if tokens.at(index) in {"the", "this", "next", "coming"} else index
    if tokens.at(at) not in {"weekend", "wochenende"} or tokens.at(at + 1) == "'":
        return None
    if at == index and tokens.at(index - 1) not in {"am", "by", "before", "übers", "zum", "after"}:
        return None
    saturday = today + timedelta(days=5 - today.weekday())
    first = saturday if saturday >= today else today
    last = saturday + timedelta(days=1)
    if tokens.at(index) == "next":
        last += timedelta(days=7)
    return Match(at + 1, span_days(first, last, "relative", named=True, period=True))


def _read_next_open(speech: Speech, index: int) -> Match | None:
    """ "the next working day"."""
    tokens = speech.tokens
    if (
        tokens.at(index) != "next"
        or tokens.at(index + 1) not in {"business", "working"}
        or tokens.at(index + 2) != "day"
    ):
        return None
    return Match(index + 3, _one_day(speech.calendar.add_open_days(speech.now.date(), 1), "relative"))
