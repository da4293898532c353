"""Every time that a sentence names, left to right: days with their clock times, counted time, periods, vague words.

Each parser looks at a bounded number of tokens and the scan goes on behind what it read, so the whole is linear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from troth.promises.clock import (
    DayTime,
    close_on,
    first_thing_on,
    read_clock,
    read_clock_range,
    read_close,
    read_first_thing,
    read_part,
)
from troth.promises.days import read_day
from troth.promises.numerals import read_counted, read_length, shift_day
from troth.promises.periods import read_period
from troth.promises.tense import promises_ahead
from troth.promises.tokens import Tokens
from troth.promises.vocabulary import (
    AFTER,
    BEFORE,
    BEFORE_PAST,
    GERMAN_PARTS_OF_DAYS,
    LEADS,
    MONTHS,
    NUMBERS,
    ORDINALS,
    PARTS,
    PLACED_PARTS,
    UNITS,
    VAGUE,
    WEEKDAYS,
)
from troth.promises.windows import Match, Speech, Window, end_of, span_days, span_hours, start_of

_MOST_TIMES: Final = 32  # in one sentence; a longer list of dates is a table, not a promise
_CLOCK_LEADS: Final = frozenset(
    {"at", "by", "before", "until", "till", "from", "around", "about", "after", "um", "bis", "@"}
)
_MEASURES: Final = frozenset({
    "up", "down", "divide", "multiply", "cut", "grew", "grow", "fell", "fall", "rose", "rise", "raise", "reduce",
    "increase", "drop", "split", "short", "over", "under", "off", "went", "go", "win", "won", "lost", "lose",
})  # fmt: skip
_ENDS: Final = frozenset(
    {
        "monatsende",
        "quartalsende",
        "jahresende",
        "end",
        "eow",
        "eom",
        "eoq",
        "eoy",
        "close",
        "eod",
        "cob",
        "eob",
        "ende",
    }
)
_EACH: Final = frozenset({"every", "each", "jeden", "jede", "jedes"})
_PARTS_OF_TIME: Final = frozenset({
    "end", "beginning", "start", "middle", "half", "week", "morning", "afternoon", "evening", "night", "day", "as",
    "close", "part",
})  # fmt: skip
_DAY_PARTS: Final = frozenset({"early", "mid", "late"})
_WORDS_BEFORE: Final = (LEADS | AFTER | {"no", "not", "later", "than"}) - {"or", "and"}
_AFTER_LATER: Final = frozenset(
    {"", ".", ",", "!", "?", ";", "and", "but", "on", "with", "to", "via", "by", ":", ")", "-", "–", "about"}
)
_VAGUE_BY_FIRST: Final = {
    first: tuple((words, pace) for words, pace in VAGUE.items() if words[0] == first) for first, *_ in VAGUE
}
_STARTERS: Final = frozenset({
    *WEEKDAYS, *MONTHS, *NUMBERS, *ORDINALS, *_VAGUE_BY_FIRST, *_ENDS, "next", "nächsten", "nächste", "nächster",
    "nächstes", "kommenden", "kommende", "coming", "following", "this", "diesen", "diese", "dieser", "dieses", "the",
    "today", "heute", "tomorrow", "tmrw", "tmr", "übermorgen", "morgen", "tonight", "overnight", "noon", "midday",
    "lunch", "midnight", "first", "half", "halben", "couple", "few", "several", "paar", "in", "within", "inside",
    "over", "innerhalb", "binnen", "christmas", "xmas", "new", "weihnachten", "silvester", "halloween", "valentine",
    "easter", "ostern", "good", "karfreitag", "weekend", "wochenende", "early", "beginning", "start", "anfang", "mid",
    "middle", "mitte", "late", "later", "year", "month", "week", "w", "wc", "kw", "cw", "calendar", "q", "h", "last",
    "quarter", "close",
    "between", "from", "zwischen", "monatsende", "quartalsende", "jahresende", "dienstschluss", "feierabend",
    "geschäftsschluss", "büroschluss", "cop", *PARTS, *GERMAN_PARTS_OF_DAYS,
})  # fmt: skip
"""Only digits and these words open a time: the parsers are asked nowhere else."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A time named in the tokens from `first` up to, not including, `end`."""

    first: int
    end: int
    window: Window


def find_times(speech: Speech) -> list[Candidate]:
    """Every time that the sentence names, in order; which of them is a due time is for others to say."""
    found: list[Candidate] = []
    index = 0
    while index < len(speech.tokens) and len(found) < _MOST_TIMES:
        candidate = _read_at(speech, index)
        if candidate is None:
            index += 1
        else:
            found.append(candidate)
            index = candidate.end
    return found


def _read_at(speech: Speech, index: int) -> Candidate | None:
    tokens = speech.tokens
    if tokens.at(index) not in _STARTERS and not tokens.at(index).isdigit():
        return None
    if tokens.at(index - 1) in _EACH and promises_ahead(tokens):
        return _read_recurring(speech, index)
    if tokens.at(index - 1) in BEFORE_PAST or _is_attribute(tokens, index):
        return None
    match = _read_time(speech, index)
    if match is None or tokens.at(match.end) == "ago" or tokens.at(match.end) in UNITS:
        return None
    if tokens.at(match.end) == "vor" or (tokens.at(match.end) == "-" and tokens.at(match.end + 1).isalpha()):
        return None
    window = _apply_preposition(speech, tokens.at(index - 1), tokens, index, match.window)
    first = index
    while first > 0 and index - first < 4 and tokens.at(first - 1) in _WORDS_BEFORE:
        first -= 1
    return Candidate(first, match.end, window)


def _is_attribute(tokens: Tokens, index: int) -> bool:
    """Whether a day only describes a thing: "the Friday team", "the minutes of Tuesday"."""
    before, further = tokens.at(index - 1), tokens.at(index - 2)
    if before == "of":
        return further not in _PARTS_OF_TIME
    if before == "once" and tokens.has(index, ("in", "a")):
        return True
    after = tokens.at(index + 1)
    if before == "the" and tokens.at(index) in WEEKDAYS and further not in LEADS | BEFORE | AFTER:
        return after.isalpha() and after not in {"after", "before", "week", "morning", "afternoon", "evening"}
    return False


def _read_recurring(speech: Speech, index: int) -> Candidate | None:
    """ "every Monday before ten": the next occurrence; that it comes again is said by the rule."""
    tokens = speech.tokens
    found = _read_day_and_clock(speech, index)
    if found is None and tokens.at(index) in PARTS:
        day = speech.now.date() + timedelta(days=1)
        found = Match(index + 1, span_hours(day, *PARTS[tokens.at(index)], "relative"))
    if found is None:
        length = read_length(tokens, index) if tokens.at(index).isdigit() or tokens.at(index) in NUMBERS else None
        unit = UNITS.get(tokens.at(index), "") if length is None else length.unit
        if unit not in {"day", "week", "month", "quarter", "year"}:
            return None
        count, end = (1, index + 1) if length is None else (length.most, length.end)
        last = shift_day(speech, speech.now.date(), unit, count)
        found = Match(end, span_days(last, last, "relative"))
    window = replace(found.window, rule="recurring")
    return Candidate(index - 1, found.end, window)


def _read_time(speech: Speech, index: int) -> Match | None:
    for parser in (_read_close_of_day, _read_first_hour, _read_hours_then_day, _read_clock_first, _read_this_part,
                   _read_german_part, _read_placed_part, _read_between, _read_day_and_clock,
                   read_counted, read_period, _read_vague):  # fmt: skip
        match = parser(speech, index)
        if match is not None:
            return match
    return None


def _day_after_words(speech: Speech, end: int) -> Match | None:
    """A day that follows, with or without "on", "of" or a comma before it."""
    at = end + 1 if speech.tokens.at(end) in {"on", "of", ",", "this", "am"} else end
    found = read_day(speech, at)
    return found if found is not None else read_day(speech, end)


def _read_close_of_day(speech: Speech, index: int) -> Match | None:
    """ "EOD", "COB Friday", "close of business on 15 March"."""
    end = read_close(speech.tokens, index)
    if end is None and speech.tokens.at(index) == "close" and speech.tokens.at(index - 1) in {"by", "before", "at"}:
        end = index + 1 if _day_after_words(speech, index + 1) is not None else None
    if end is None or (index <= 2 and speech.tokens.has(0, ("at", "the", "end", "of", "the", "day"))):
        return None
    day = _day_after_words(speech, end)
    if day is not None:
        return Match(day.end, close_on(speech, day.window.hi.date(), day.window.rule))
    return Match(end, close_on(speech, speech.now.date(), "relative"))


def _read_first_hour(speech: Speech, index: int) -> Match | None:
    """ "first thing Monday", "first thing in the morning"."""
    end = read_first_thing(speech.tokens, index)
    if end is None:
        return None
    day = _day_after_words(speech, end)
    if day is not None:
        part = read_part(speech.tokens, day.end)
        return Match(part.end if part else day.end, first_thing_on(speech, day.window.lo.date(), day.window.rule))
    if speech.tokens.at(end - 1) != "morning":
        return None
    return Match(end, first_thing_on(speech, speech.now.date() + timedelta(days=1), "relative"))


def _read_clock_first(speech: Speech, index: int) -> Match | None:
    """ "3pm on Friday", "noon tomorrow", and a clock time alone after "at" or "by"."""
    tokens = speech.tokens
    clock = read_clock(tokens, index, beside_day=tokens.at(index - 1) in _CLOCK_LEADS)
    if clock is None:
        return None
    day = _day_after_words(speech, clock.end)
    if day is None:
        # A bare hour needs its day, or a "by" that does not say by how much.
        clock = read_clock(tokens, index, beside_day=_is_deadline(tokens, index))
        if clock is None:
            return None
    else:
        return Match(day.end, clock.on(speech, day.window.lo.date(), day.window.rule))
    if tokens.at(index - 1) not in _CLOCK_LEADS:
        return None
    named = tokens.at(index) not in {"noon", "midday", "midnight", "lunch"}
    today = speech.now.date()
    if tokens.at(index) == "lunch" and tokens.at(index - 1) == "after":
        return Match(clock.end, span_hours(today, 13, 15, "relative", clock_only=True))
    window = clock.on(speech, today, "explicit" if named else "relative", clock_only=True)
    if window.hi <= speech.now:
        window = clock.on(speech, today + timedelta(days=1), window.rule, clock_only=True)
    return Match(clock.end, window)


def _is_deadline(tokens: Tokens, index: int) -> bool:
    """Whether "by three" names an hour: not "up by three", "divide by three", "one by one"."""
    before = tokens.at(index - 2)
    measures = before in _MEASURES or before.endswith("ed") or before in NUMBERS or before.isdigit()
    return tokens.at(index - 1) == "by" and not measures


def _read_hours_then_day(speech: Speech, index: int) -> Match | None:
    """ "between 2 and 4pm on Thursday", "by lunchtime tomorrow"."""
    tokens = speech.tokens
    hours = read_clock_range(tokens, index)
    if hours is None and tokens.at(index - 1) in _CLOCK_LEADS | {"in", "over", "the"}:
        hours = read_part(tokens, index)
    if hours is None:
        return None
    day = _day_after_words(speech, hours.end)
    if day is None or not day.window.days:
        return None
    return Match(day.end, hours.on(speech, day.window.lo.date(), day.window.rule))


def _is_hour(tokens: Tokens, index: int) -> bool:
    return tokens.at(index).isdigit() or tokens.at(index) in NUMBERS or tokens.at(index) in {"am", "clock"}


def _read_german_part(speech: Speech, index: int) -> Match | None:
    """ "Montagmittag"."""
    named = GERMAN_PARTS_OF_DAYS.get(speech.tokens.at(index))
    if named is None:
        return None
    weekday, hours = named
    today = speech.now.date()
    day = today + timedelta(days=(weekday - today.weekday()) % 7 or 7)
    return Match(index + 1, span_hours(day, *hours, "explicit"))


def _read_placed_part(speech: Speech, index: int) -> Match | None:
    """ "by mid-afternoon", "early this evening", "late tomorrow afternoon"."""
    tokens = speech.tokens
    place = tokens.at(index)
    if place not in _DAY_PARTS:
        return None
    alone = read_part(tokens, index)
    if alone is not None:
        if tokens.at(index - 1) not in _CLOCK_LEADS | {"this", "in", "the"}:
            return None
        window = alone.on(speech, speech.now.date(), "relative", clock_only=True)
        if window.hi <= speech.now:
            window = alone.on(speech, speech.now.date() + timedelta(days=1), "relative", clock_only=True)
        return Match(alone.end, window)
    at = index + 2 if tokens.at(index + 1) == "on" else index + 1
    if tokens.at(at) in {"this", "yesterday"}:
        day, end = span_days(speech.now.date(), speech.now.date(), "relative"), at + 1
    else:
        found = read_day(speech, at)
        if found is None:
            return None
        day, end = found.window, found.end
    hours = PLACED_PARTS.get((place, tokens.at(end)))
    return None if hours is None else Match(end + 1, span_hours(day.lo.date(), *hours, day.rule))


def _read_between(speech: Speech, index: int) -> Match | None:
    """ "between Christmas and New Year"."""
    if speech.tokens.at(index) != "between":
        return None
    first = read_day(speech, index + 1)
    if first is None or speech.tokens.at(first.end) != "and":
        return None
    second = read_day(speech, first.end + 1)
    if second is None or second.window.hi < first.window.lo:
        return None
    return Match(second.end, span_days(first.window.lo.date(), second.window.hi.date(), first.window.rule, named=True))


def _read_this_part(speech: Speech, index: int) -> Match | None:
    """ "this afternoon", "tonight", "overnight"."""
    tokens, today = speech.tokens, speech.now.date()
    if tokens.at(index) == "tonight":
        return Match(index + 1, span_hours(today, 18, 24, "relative"))
    if tokens.at(index) == "overnight":
        following = today + timedelta(days=1)
        return Match(
            index + 1,
            Window(
                lo=end_of(today), hi=datetime.combine(following, speech.calendar.starts), rule="relative", named=True
            ),
        )
    if tokens.has(index, ("in", "the", "morning")) and not _is_hour(tokens, index - 1):
        return Match(index + 3, span_hours(today + timedelta(days=1), *PARTS["morning"], "relative"))
    if tokens.at(index) in {"this", "heute"} and tokens.at(index + 1) in PARTS:
        head, tail = PARTS[tokens.at(index + 1)]
        return Match(index + 2, span_hours(today, head, tail, "relative"))
    return None


def _read_day_and_clock(speech: Speech, index: int) -> Match | None:
    """ "Friday", "Friday at 3", "tomorrow morning", "Monday EOD", "Friday morning at 9"."""
    tokens = speech.tokens
    day = read_day(speech, index)
    if day is None:
        if tokens.at(index) == "later" and tokens.at(index + 1) == "today":
            day = read_day(speech, index + 1)
        if day is None:
            return None
    date = day.window.lo.date()
    rule = day.window.rule
    at = day.end + 1 if tokens.at(day.end) in {"by", ",", "at"} else day.end
    close = read_close(tokens, at)
    if close is not None:
        return Match(close, close_on(speech, day.window.hi.date(), rule))
    first_thing = read_first_thing(tokens, at)
    if first_thing is not None:
        return Match(first_thing, first_thing_on(speech, date, rule))
    clock = _read_clock_after(tokens, day.end)
    part = read_part(tokens, day.end)
    if part is not None:
        clock = _read_clock_after(tokens, part.end) or part
        if clock is not part and part.first[0] >= 12 and clock.first[0] < 12:
            later = (clock.first[0] + 12, clock.first[1])
            clock = replace(clock, first=later, last=later)
    if clock is None:
        return day
    first, last = clock.on(speech, date, rule), clock.on(speech, day.window.hi.date(), rule)
    return Match(clock.end, replace(first, hi=last.hi))


def _read_clock_after(tokens: Tokens, index: int) -> DayTime | None:
    """A clock time behind a day: " at 3", ", 10am", " by noon"."""
    at = index
    at += 1 if tokens.at(at) == "," and tokens.at(at + 1) in {"at", "by", "um"} else 0
    hours = read_clock_range(tokens, at)
    if hours is not None:
        return hours
    if tokens.at(at) in {"at", "by", "around", "before", "um", "@", "about", "until"}:
        return read_clock(tokens, at + 1, beside_day=tokens.at(at) not in {"until", "about"})
    at += 1 if tokens.at(at) == "," else 0
    return read_clock(tokens, at, beside_day=False)


def _read_vague(speech: Speech, index: int) -> Match | None:
    """ "soon", "asap", "later"; the window runs over the business days that the calendar allows for it."""
    tokens = speech.tokens
    for words, pace in _VAGUE_BY_FIRST.get(tokens.at(index), ()):
        if not tokens.has(index, words):
            continue
        end = index + len(words)
        if len(words) == 1 and not _is_vague_alone(tokens, index):
            return None
        calendar = speech.calendar
        days = calendar.soon_days if pace == "soon" else calendar.urgent_days
        last = calendar.add_open_days(speech.now.date(), days)
        return Match(end, Window(lo=speech.now, hi=end_of(last), rule="vague", named=True))
    return None


def _is_vague_alone(tokens: Tokens, index: int) -> bool:
    """Whether "soon", "later" or the like stands for a time here."""
    word, before, after = tokens.at(index), tokens.at(index - 1), tokens.at(index + 1)
    if before in {"too", "as", "how", "so", "very", "or", "than", "no", "not", "sooner", "see"} and word != "asap":
        return before in {"very", "so"} and word == "soon"
    if word in {"soon", "shortly", "immediately", "promptly"} and after in {"after", "before", "afterwards", "as"}:
        return False
    if word in {"later", "gleich", "später"}:
        return index > 1 and after in _AFTER_LATER and tokens.at(0) != "see" and before not in UNITS
    return True


def _apply_preposition(  # noqa: PLR0911  # one return per reading
    speech: Speech, lead: str, tokens: Tokens, index: int, window: Window
) -> Window:
    """What "before" and "after" make of a window."""
    core = tokens.at(index + 1) if tokens.at(index) == "the" else tokens.at(index)
    lead = tokens.at(index - 2) if lead == "the" else lead
    if lead in BEFORE:
        is_end = (
            core in _ENDS
            or "end" in (tokens.at(index + 1), tokens.at(index + 3))
            or "is" in (tokens.at(index + 1), tokens.at(index + 2))
        )
        if is_end or window.elapsed is not None or window.rule == "vague":
            return window
        if not window.days:
            return replace(window, hi=window.lo)
        eve = window.lo.date() - timedelta(days=1)
        return span_days(eve, eve, window.rule, named=True)
    if lead in AFTER:
        if not window.days:
            same_day = core == "lunch" or window.elapsed is not None
            return window if same_day else replace(window, hi=end_of(window.hi.date()))
        following = window.hi.date() + timedelta(days=1)
        if core in {"weekend", "wochenende"}:
            return span_days(following, following, "relative")
        last = speech.calendar.add_open_days(following, speech.calendar.soon_days)
        return Window(lo=start_of(following), hi=end_of(last), rule="vague", named=True)
    return window
