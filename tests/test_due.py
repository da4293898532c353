"""The due-time grammar against phrases with their exact interval, and plain sentences that name no time ahead."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import SettingsError
from troth.promises import Calendar, Due, due
from troth.promises.days import easter
from troth.settings import Settings, parse_settings

HERE = Path(__file__).parent
BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = Calendar(zone="Europe/Berlin")
SAID = datetime(2026, 3, 11, 10, tzinfo=BERLIN)


class Phrase(NamedTuple):
    said: datetime
    rule: str
    interval: str
    text: str


def read_phrases() -> list[Phrase]:
    found: list[Phrase] = []
    for line in (HERE / "test_due_phrases.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            said, rule, interval, text = line.split("\t")[:4]
            moment = datetime.fromisoformat(said).replace(tzinfo=BERLIN) if said else SAID
            found.append(Phrase(moment, rule, interval, text))
    return found


def read_plain() -> list[str]:
    return (HERE / "test_due_plain.txt").read_text(encoding="utf-8").splitlines()


def edge(words: str, *, is_first: bool) -> datetime:
    moment = datetime.fromisoformat(words)
    return moment if "T" in words or is_first else moment.replace(hour=23, minute=59, second=59)


def expected(phrase: Phrase) -> tuple[datetime, datetime]:
    """The interval as aware times; it never begins before the sentence was said."""
    first, _, last = phrase.interval.partition("..")
    lo = edge(first, is_first=True).replace(tzinfo=BERLIN)
    hi = edge(last or first, is_first=False).replace(tzinfo=BERLIN)
    return max(lo.astimezone(UTC), phrase.said.astimezone(UTC)), hi.astimezone(UTC)


@pytest.mark.parametrize("phrase", [pytest.param(p, id=p.text) for p in read_phrases()])
def test_a_phrase_gives_its_exact_interval_and_rule(phrase: Phrase) -> None:
    found = due(phrase.text, phrase.said, calendar=CALENDAR)
    assert found is not None
    assert found.rule == phrase.rule
    assert phrase.text[found.start : found.end] == found.words
    if phrase.interval == "-":
        assert (found.earliest, found.latest) == (None, None)
    elif phrase.interval != "~":
        assert (found.earliest, found.latest) == expected(phrase)


@pytest.mark.parametrize("text", read_plain())
def test_a_plain_sentence_gives_no_time(text: str) -> None:
    assert due(text, SAID, calendar=CALENDAR) is None


def test_the_lists_are_as_long_as_they_are_said_to_be() -> None:
    phrases, plain = read_phrases(), read_plain()
    assert len({phrase.text for phrase in phrases}) >= 300
    assert len(set(plain)) >= 300


def latest(text: str, said: datetime = SAID, **settings: object) -> datetime | None:
    found = due(text, said, calendar=Calendar(**settings))  # type: ignore[arg-type]
    assert found is not None
    return found.latest


@pytest.mark.parametrize(
    ("text", "words"),
    [("We meet on Monday, or rather on Tuesday.", "on Tuesday"),
     ("You get it next week, on Thursday to be precise.", "on Thursday"),
     ("You get it on Thursday, to be precise at 3 pm.", "on Thursday, to be precise at 3 pm"),
     ("You get it by Monday, more precisely the draft by Tuesday.", "by Monday")],
)  # fmt: skip
def test_a_time_that_is_put_right_counts_as_it_was_put_right(text: str, words: str) -> None:
    found = due(text, SAID, calendar=CALENDAR)
    assert found is not None
    assert found.words == words


def test_what_somebody_is_known_to_have_wished_is_no_time_unless_something_will_be() -> None:
    assert due("I remember that they needed the file by Monday.", SAID, calendar=CALENDAR) is None
    found = due("I know you wanted it by Friday, so I will send it by then or by Monday.", SAID, calendar=CALENDAR)
    assert found is not None
    assert found.words == "by Friday"
    assert due("You wanted it by Friday.", SAID, calendar=CALENDAR) is not None


def test_a_slash_date_follows_the_order_of_the_locale() -> None:
    assert latest("I'll pay by 3/4.", order="dmy") == datetime(2026, 4, 3, 23, 59, 59, tzinfo=UTC)
    assert latest("I'll pay by 5/4.", order="mdy") == datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
    assert latest("I'll pay by 20/4.", order="mdy") == datetime(2026, 4, 20, 23, 59, 59, tzinfo=UTC)


def test_a_due_day_rolls_past_public_holidays_where_the_country_is_given() -> None:
    # Good Friday 2026 is 3 April, Easter Monday 6 April; both are public holidays in Germany.
    said = datetime(2026, 4, 1, 9, tzinfo=UTC)
    assert latest("I'll send it by Friday.", said) == datetime(2026, 4, 3, 23, 59, 59, tzinfo=UTC)
    assert latest("I'll send it by Friday.", said, country="DE") == datetime(2026, 4, 7, 23, 59, 59, tzinfo=UTC)
    assert latest("I'll send it in 2 business days.", said) == datetime(2026, 4, 3, 23, 59, 59, tzinfo=UTC)
    assert latest("I'll send it in 2 business days.", said, country="DE") == datetime(
        2026, 4, 7, 23, 59, 59, tzinfo=UTC
    )


def test_the_firms_own_closing_days_count_as_closed() -> None:
    shut = frozenset({date(2026, 3, 13), date(2026, 3, 16)})
    assert latest("I'll send it by Friday.", closing_days=shut) == datetime(2026, 3, 17, 23, 59, 59, tzinfo=UTC)


def test_closing_days_are_read_from_the_settings() -> None:
    shut = Settings(closed=("2026-03-13", "03-16..03-17")).calendar()
    assert not shut.is_open(date(2026, 3, 13))
    assert shut.is_open(date(2025, 3, 13))
    assert [shut.is_open(date(year, 3, 16)) for year in (2026, 2028)] == [False, False]
    found = due("I'll send it by Friday.", SAID, calendar=shut)
    assert found is not None
    assert found.latest == datetime(2026, 3, 18, 23, 59, 59, tzinfo=UTC)
    assert Settings().calendar() == Calendar()
    assert not Settings(closed=("02-29",)).calendar().is_open(date(2028, 2, 29))


@pytest.mark.parametrize(
    "entry", ["Christmas", "2026-13-01", "24.12.", "12-31..12-27", "2026-12-24..12-26", "", "02-30"]
)
def test_a_closing_day_that_is_none_is_refused_in_one_line(entry: str) -> None:
    with pytest.raises(SettingsError, match="clos") as caught:
        parse_settings({"closed": [entry]}, "troth.toml")
    assert "\n" not in str(caught.value)


def test_a_weekend_day_that_was_named_is_meant() -> None:
    assert latest("I'll send it on Saturday.", country="DE") == datetime(2026, 3, 14, 23, 59, 59, tzinfo=UTC)


def test_the_end_of_the_working_day_is_the_calendars() -> None:
    assert latest("By COB Friday.", day_ends="16:00") == datetime(2026, 3, 13, 16, tzinfo=UTC)


def test_zone_and_country_may_be_given_without_a_calendar() -> None:
    found = due("I'll send it by Friday.", SAID, "America/New_York", "US")
    assert isinstance(found, Due)
    assert found.latest == datetime(2026, 3, 14, 3, 59, 59, tzinfo=UTC)


def test_a_naive_time_is_utc() -> None:
    naive = datetime(2026, 3, 11, 10)  # noqa: DTZ001
    assert due("Within 2 hours.", naive) == due("Within 2 hours.", naive.replace(tzinfo=UTC))


@pytest.mark.parametrize("year", [1970, 2099, 9999, 1])
def test_a_clock_that_cannot_be_true_gives_no_due_time(year: int) -> None:
    assert due("I'll send it by Friday.", datetime(year, 6, 15, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "settings",
    [{"zone": "Mars/Olympus"}, {"country": "Nowhere"}, {"day_ends": "late"}, {"order": "ymd"}, {"soon_days": -1}],
)
def test_settings_that_cannot_be_are_refused_in_one_line(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as caught:
        Calendar(**settings)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("year", "month", "day"), [(2000, 4, 23), (2024, 3, 31), (2026, 4, 5), (2038, 4, 25), (2285, 3, 22)]
)
def test_easter_falls_on_its_published_days(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
)
TEXTS = st.sampled_from([phrase.text for phrase in read_phrases()])


@given(said=MOMENTS, zone=ZONES, text=TEXTS)
def test_a_due_time_lies_ahead_and_its_ends_are_in_order(said: datetime, zone: str, text: str) -> None:
    found = due(text, said, zone, "DE")
    if found is not None and found.latest is not None and found.earliest is not None:
        assert said <= found.earliest
        assert found.earliest <= found.latest
        assert found.latest.utcoffset() == UTC.utcoffset(None)


@given(said=MOMENTS, zone=ZONES, hours=st.integers(1, 96))
def test_hours_are_counted_in_real_time_whatever_the_clocks_do(said: datetime, zone: str, hours: int) -> None:
    found = due(f"You will have it within {hours} hours.", said, zone)
    assert found is not None
    assert found.latest is not None
    assert (found.latest - said).total_seconds() == hours * 3600


@given(said=MOMENTS, zone=ZONES)
def test_tomorrow_ends_at_the_speakers_midnight(said: datetime, zone: str) -> None:
    found = due("I'll do it tomorrow.", said, zone)
    assert found is not None
    assert found.latest is not None
    there = found.latest.astimezone(ZoneInfo(zone))
    assert (there.hour, there.minute, there.second) == (23, 59, 59)
    assert (there.date() - said.astimezone(ZoneInfo(zone)).date()).days == 1


@given(text=st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    due(text, SAID, calendar=CALENDAR)


@given(
    words=st.lists(
        st.sampled_from("by in on the next 3 15 march friday once a week end of / . : pm".split()), max_size=30
    )
)
def test_any_heap_of_time_words_is_read_without_an_error(words: list[str]) -> None:
    due(" ".join(words), SAID, calendar=CALENDAR)


@pytest.mark.timed
@pytest.mark.parametrize("unit", ["by Friday ", "in 2-3 ", "the end of the ", "once you ", "was will ", "( ", "3/4/"])
def test_time_to_read_grows_no_faster_than_the_text(unit: str) -> None:
    """Up to the length that is looked at; beyond it the text costs nothing more."""

    def cost(size: int) -> float:
        text = unit * (size // len(unit))
        best = float("inf")
        for _ in range(3):
            begin = time.perf_counter()
            due(text, SAID, calendar=CALENDAR)
            best = min(best, time.perf_counter() - begin)
        return best

    cost(100)
    assert cost(4000) < 8 * cost(1000) + 0.01
    assert cost(400_000) < 3 * cost(4000) + 0.02
