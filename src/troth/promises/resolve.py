"""When is it due? The public door of the due-time grammar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from troth.promises.calendar import FIRST_YEAR, LAST_YEAR, Calendar
from troth.promises.conditions import Condition, find_conditions
from troth.promises.grammar import Candidate, find_times
from troth.promises.tense import is_behind, looks_ahead
from troth.promises.tokens import Tokens, tokenise
from troth.promises.windows import Rule, Speech, Window, end_of

FIRM: Final = ("explicit", "relative", "recurring")
_FAR: Final = timedelta(days=300)  # a date without a year that far ahead is most often one that has just passed
_LONGEST: Final = 4000  # characters of one sentence that are looked at; a longer "sentence" is a pasted table
_GERMAN: Final = frozenset({"sobald", "nachdem", "bevor"})  # its present tense may speak of the future
_EXACT: Final = (
    ("to", "be", "exact"), ("to", "be", "precise"), ("to", "be", "specific"), ("to", "be", "more", "exact"),
    ("to", "be", "more", "precise"),
)  # fmt: skip
_RATHER: Final = (("or", "rather"), ("more", "precisely"), ("more", "exactly"), ("i", "mean"), ("make", "that"))
_MAKES_CONDITIONAL: Final = frozenset({"of", "after", "from", "following", "nach"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When something is due: the moment lies in [earliest, latest], and only `latest` counts against anybody.

    Both are aware UTC datetimes. Both are None for a conditional due time, whose clock has not started.
    """

    earliest: datetime | None
    latest: datetime | None
    words: str  # the words that say when, as written
    start: int  # their offsets into the text
    end: int
    rule: Rule  # explicit: a named day, date or hour; relative: counted from now; recurring: the next time of many;
    # conditional; vague


def due(
    text: str,
    said_at: datetime,
    zone: str = "UTC",
    country: str | None = None,
    *,
    calendar: Calendar | None = None,
) -> Due | None:
    """Read from one sentence when what it speaks of is due; None where it names no time that lies ahead.

    Args:
        text: one sentence, in English or simple German.
        said_at: when it was said; a naive time is UTC.
        zone: the speaker's time zone, IANA name. Ignored when `calendar` is given.
        country: ISO 3166 code whose public holidays the speaker keeps. Ignored when `calendar` is given.
        calendar: zone, country, closing days, hours and date order in one.

    Raises: SettingsError for an unknown zone or country.
    Cost: linear in the length of the text, at most its first 4,000 characters.

    >>> from datetime import UTC, datetime
    >>> found = due("I will send it by Friday.", datetime(2026, 3, 11, 10, tzinfo=UTC))
    >>> found.words, found.rule, found.latest.isoformat()
    ('by Friday', 'explicit', '2026-03-13T23:59:59+00:00')
    """
    chosen = calendar if calendar is not None else Calendar(zone=zone, country=country)
    if not FIRST_YEAR <= said_at.year <= LAST_YEAR:
        return None
    tokens = tokenise(text[:_LONGEST])
    speech = Speech(tokens=tokens, now=chosen.local(said_at), calendar=chosen)
    times = [found for found in find_times(speech) if not _is_gone(speech, found)]
    conditions = find_conditions(tokens)
    times, conditional = _start_of_clock(tokens, times)
    conditions = [c for c in conditions if not _is_a_time(c, times)]
    return _choose(speech, said_at, times, conditions, conditional)


def _is_gone(speech: Speech, found: Candidate) -> bool:
    """Whether a time belongs to the past: by its verb, or as a date without a year that has just gone by."""
    tokens = speech.tokens
    if is_behind(tokens, found.first, found.end):
        return True
    far = found.window.rule == "explicit" and found.window.lo - speech.now > _FAR
    yearless = not any(len(tokens.at(k)) == 4 and tokens.at(k).isdigit() for k in range(found.first, found.end))
    return far and yearless and not looks_ahead(tokens, found.first, found.end)


def _choose(
    speech: Speech,
    said_at: datetime,
    times: list[Candidate],
    conditions: list[Condition],
    conditional: Candidate | None,
) -> Due | None:
    """A firm time outside every condition, else the condition itself, else a vague word."""
    tokens = speech.tokens
    outside = [found for found in times if not any(c.first <= found.first < c.end for c in conditions)]
    firm = _join_clock(speech, [found for found in outside if found.window.rule in FIRM])
    if firm is not None:
        return _as_due(speech, said_at, firm)
    waiting = next((c for c in conditions if c.starts_clock), None)
    if waiting is not None:
        inside = [t for t in times if waiting.first <= t.first < waiting.end and t.window.rule in FIRM]
        if waiting.own and inside:
            return _as_due(speech, said_at, inside[0])
        if tokens.at(waiting.first) in _GERMAN or looks_ahead(tokens, waiting.first, waiting.end):
            return _conditional(tokens, waiting.first, waiting.end)
    if conditional is not None:
        return _conditional(tokens, conditional.first, conditional.end)
    vague = next((found for found in outside if found.window.rule == "vague"), None)
    return _as_due(speech, said_at, vague) if vague is not None else None


def _start_of_clock(tokens: Tokens, times: list[Candidate]) -> tuple[list[Candidate], Candidate | None]:
    """Set apart "within 5 days of receiving the parcel", whose clock starts with the receipt."""
    for found in times:
        counted = found.window.rule == "relative" and tokens.at(found.end - 1)[-1:].isalpha()
        after = tokens.at(found.end + 1)
        if counted and tokens.at(found.end) in _MAKES_CONDITIONAL and after not in {"now", "today", ""}:
            end = min(len(tokens), found.end + 6)
            return [other for other in times if other is not found], Candidate(found.first, end, found.window)
    return times, None


def _is_a_time(condition: Condition, times: list[Candidate]) -> bool:
    """Whether what looks like a condition is a time: "after the weekend", "before the end of June"."""
    return any(found.first <= condition.first < found.end for found in times)


def _corrects(speech: Speech, found: Candidate) -> bool:
    """Whether a time is said to be more exact than the one before it: "by mid April, on the 15th to be exact"."""
    if not found.window.days:
        return False
    tokens = speech.tokens
    behind = found.end + 1 if tokens.at(found.end) == "," else found.end
    before = found.first - 1 if tokens.at(found.first - 1) == "," else found.first
    return any(tokens.has(behind, words) for words in _EXACT) or any(
        tokens.has(before - len(words), words) for words in (*_EXACT, *_RATHER) if before >= len(words)
    )


def _join_clock(speech: Speech, firm: list[Candidate]) -> Candidate | None:
    """The first firm time, or the one that puts it right; a clock time apart from its day is put onto it."""
    if not firm:
        return None
    firm = next((firm[place:] for place in range(1, len(firm)) if _corrects(speech, firm[place])), firm)
    clock = next((found for found in firm if found.window.clock_only), None)
    day = next((found for found in firm if found.window.days), None)
    if clock is None or day is None or day.window.lo.date() != day.window.hi.date():
        return firm[0]
    date = day.window.lo.date()
    lo = datetime.combine(date, clock.window.lo.time())
    window = Window(lo=lo, hi=datetime.combine(date, clock.window.hi.time()), rule=day.window.rule, named=True)
    return Candidate(min(clock.first, day.first), max(clock.end, day.end), window)


def _conditional(tokens: Tokens, first: int, end: int) -> Due:
    start, stop = tokens.starts[first], tokens.ends[end - 1]
    return Due(earliest=None, latest=None, words=tokens.text[start:stop], start=start, end=stop, rule="conditional")


def _as_due(speech: Speech, said_at: datetime, found: Candidate) -> Due | None:
    """A window of the speaker's clock as UTC, rolled past closed days where the speaker keeps a calendar."""
    tokens, calendar, window = speech.tokens, speech.calendar, found.window
    earliest, latest = _moments(speech, said_at, window)
    if latest < calendar.to_utc(speech.now):
        return None
    start, stop = tokens.starts[found.first], tokens.ends[found.end - 1]
    words = tokens.text[start:stop]
    return Due(
        earliest=max(earliest, calendar.to_utc(speech.now)),
        latest=latest, words=words, start=start, end=stop, rule=window.rule,
    )  # fmt: skip


def _moments(speech: Speech, said_at: datetime, window: Window) -> tuple[datetime, datetime]:
    calendar = speech.calendar
    if window.elapsed is not None:
        now = calendar.to_utc(calendar.local(said_at))
        return now + window.elapsed[0], now + window.elapsed[1]
    hi = window.hi
    if calendar.rolls and window.days and not window.named and not window.period:
        hi = end_of(calendar.next_open(hi.date()))
    return calendar.to_utc(window.lo), calendar.to_utc(hi)
