"""Time to answer: working hours, norms of their own, and nothing known before its time."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from troth.promises import Calendar
from troth.readings import Reference, gather_readings
from troth.readings.waits import find_norms
from troth.schema import FINDINGS, PROMISES, SENTENCES, TURNS, conform, empty
from troth.worktime import ALL_HOURS, OpenHours, lay_out_hours

FRIDAY = dt.datetime(2026, 11, 20, 16, tzinfo=dt.UTC)
REFERENCE = Reference(
    encoder="test",
    corpora="none",
    facets={},
    rates={},
    sensitivity={},
    specificity={},
    wait_mean=np.log(4.0),
    wait_between_var=0.5,
    wait_within_var=1.0,
)


def lay_out(zone: str = "UTC", first: dt.date = dt.date(2026, 1, 1), **more: Any) -> OpenHours:
    calendar = Calendar(zone=zone, **more)
    return lay_out_hours(
        first,
        first + dt.timedelta(days=500),
        is_open=calendar.is_open,
        to_utc=calendar.to_utc,
        starts=calendar.starts,
        ends=calendar.ends,
    )


def hours_between(hours: OpenHours, begin: dt.datetime, end: dt.datetime) -> float:
    plain = [np.array([moment.astimezone(dt.UTC).replace(tzinfo=None)], "datetime64[us]") for moment in (begin, end)]
    return float(hours.between(*plain)[0])


def count_by_minutes(calendar: Calendar, begin: dt.datetime, end: dt.datetime) -> float:
    """The same, minute by minute, by the clock on the wall."""
    minutes, now = 0, begin
    while now < end:
        local = calendar.local(now)
        minutes += calendar.is_open(local.date()) and calendar.starts <= local.time() < calendar.ends
        now += dt.timedelta(minutes=1)
    return minutes / 60


def test_nights_and_weekends_do_not_count():
    hours = lay_out()
    assert hours_between(hours, FRIDAY, FRIDAY + dt.timedelta(days=2, hours=17)) == pytest.approx(1.5)  # Monday 09:00
    assert hours_between(hours, FRIDAY, FRIDAY + dt.timedelta(days=3)) == pytest.approx(1.5 + 7.0)
    assert hours_between(hours, FRIDAY + dt.timedelta(hours=5), FRIDAY + dt.timedelta(days=2)) == 0.0


@given(
    begin=st.integers(0, 60 * 24 * 60),
    length=st.integers(0, 8 * 24 * 60),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
)
@settings(max_examples=20, deadline=None)
def test_open_hours_are_those_counted_minute_by_minute(begin: int, length: int, zone: str):
    """Over the change of clocks on 25 October 2026 too, and over a closing day."""
    closed = frozenset({dt.date(2026, 10, 21)})
    start = dt.datetime(2026, 9, 20, tzinfo=dt.UTC) + dt.timedelta(minutes=begin)
    end = start + dt.timedelta(minutes=length)
    hours = lay_out(zone, dt.date(2026, 9, 1), closing_days=closed)
    counted = count_by_minutes(Calendar(zone=zone, closing_days=closed), start, end)
    assert hours_between(hours, start, end) == pytest.approx(counted, abs=1e-9)


def test_a_firm_that_is_never_open_has_no_hours():
    nothing = lay_out_hours(
        dt.date(2026, 1, 1), dt.date(2026, 2, 1), is_open=lambda _: False, to_utc=lambda at: at,
        starts=dt.time(9), ends=dt.time(17),
    )  # fmt: skip
    assert hours_between(nothing, FRIDAY, FRIDAY + dt.timedelta(days=9)) == 0.0


def norms_by_hand(
    asked: Any, until: Any, wait: Any, *, answered: Any, home: Any, circle: Any
) -> list[tuple[float, float]]:
    """The same sums, one question at a time."""
    k = REFERENCE.wait_within_var / REFERENCE.wait_between_var
    found = []
    for at, where, ring in zip(asked, home, circle, strict=True):
        known = answered & (until < at)
        own = wait[known & (home == where)]
        others = wait[known & (circle == ring) & (home != where)]
        around = (others.sum() + k * REFERENCE.wait_mean) / (len(others) + k)
        mean = (own.sum() + k * around) / (len(own) + k)
        scatter = ((own - own.mean()) ** 2).sum() if len(own) else 0.0
        within = (scatter + 8.0 * REFERENCE.wait_within_var) / (max(len(own) - 1, 0) + 8.0)
        found.append((mean, np.sqrt(within * (1 + 1 / (len(own) + k)))))
    return found


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_norms_agree_with_counting_one_question_at_a_time(data: st.DataObject):
    n = data.draw(st.integers(1, 12))
    asked = np.datetime64("2026-01-01", "us") + np.array(
        data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))
    ).astype("timedelta64[D]")
    until = asked + np.array(data.draw(st.lists(st.integers(0, 10), min_size=n, max_size=n))).astype("timedelta64[D]")
    wait = np.array(data.draw(st.lists(st.floats(-1, 5), min_size=n, max_size=n)))
    answered = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    home = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    circle = home // 2  # a relationship lies in one circle
    got = find_norms(asked, until, wait, is_answered=answered, home=home, circle=circle, reference=REFERENCE)
    wanted = np.array(norms_by_hand(asked, until, wait, answered=answered, home=home, circle=circle))
    assert_allclose(np.stack([got.mean, got.spread], axis=1), wanted, atol=1e-9)


def exchange(*waits_h: float | None, relationship: str = "acme", every_h: float = 200.0) -> list[dict[str, Any]]:
    """Questions of theirs, each answered after so many hours, or not at all; one conversation each."""
    start, rows = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), []
    for number, wait in enumerate(waits_h):
        asked = start + dt.timedelta(hours=number * every_h)
        says = [("them", asked)] + ([("us", asked + dt.timedelta(hours=wait))] if wait is not None else [])
        for side, sent in says:
            rows.append(
                {"turn_id": f"{relationship}{number}{side}", "conversation_id": f"{relationship}{number}",
                 "position": len(rows), "speaker": side, "channel": "mail", "sent_at": sent, "body": "When is it here?",
                 "automatic": False, "source": "test", "side": side, "circle": "customer",
                 "relationship": relationship}
            )  # fmt: skip
    return rows


def read(rows: list[dict[str, Any]], *, now: dt.datetime, hours: OpenHours = ALL_HOURS) -> dict[str, dict[str, Any]]:
    """The answer_time readings, by turn."""
    turns = conform(rows, TURNS)
    where = [{"turn_id": row["turn_id"], "sentence": 0, "start": 0, "end": 16} for row in rows]
    sentences = conform([one | {"text": "When is it here?", "language": "en"} for one in where], SENTENCES)
    asking = [one | {"signal": "question", "probability": 0.9} for one in where if one["turn_id"].endswith("them")]
    found = gather_readings(
        turns, sentences, conform(asking, FINDINGS), empty(PROMISES), reference=REFERENCE, now=now, hours=hours
    )
    return {row["turn_id"]: row for row in found.to_pylist() if row["signal"] == "answer_time"}


LATER = dt.datetime(2026, 12, 31, tzinfo=dt.UTC)


def test_a_slow_partner_is_held_to_their_own_norm():
    """Two days are slow where an hour is usual, and usual where two days are."""
    quick = read(exchange(*[1.0] * 12, 48.0), now=LATER)["acme12them"]
    slow = read(exchange(*[48.0] * 21), now=LATER)["acme20them"]
    first = read(exchange(48.0), now=LATER)["acme0them"]
    assert quick["lo"] < -2.0
    assert quick["lo"] < first["lo"] < slow["lo"]
    assert abs(slow["lo"]) < 0.5


def test_a_new_partner_is_held_to_what_is_usual_in_the_circle():
    others = [row for name in "bcd" for row in exchange(*[48.0] * 10, relationship=name)]
    late = exchange(None, None, None, None, None, None, None, None, None, None, 48.0)[-2:]
    alone, among = (read(rows, now=LATER)["acme10them"] for rows in (late, [*others, *late]))
    assert alone["lo"] < among["lo"] < 0.0


def test_an_open_question_is_a_bound_until_the_answer_replaces_it():
    rows = exchange(30.0)
    asked = rows[0]["sent_at"]
    waiting = read(rows, now=asked + dt.timedelta(hours=20))
    answered = read(rows, now=asked + dt.timedelta(hours=40))
    assert len(waiting) == len(answered) == 1
    assert waiting["acme0them"]["lo"] == -np.inf
    assert waiting["acme0them"]["at"] == asked + dt.timedelta(hours=20)
    assert answered["acme0them"]["lo"] == answered["acme0them"]["hi"] < waiting["acme0them"]["hi"]
    assert answered["acme0them"]["at"] == asked + dt.timedelta(hours=30)


def test_later_answers_change_no_earlier_reading():
    rows = exchange(*[5.0] * 4, *[100.0] * 6)
    now = rows[7]["sent_at"] + dt.timedelta(minutes=1)
    before, after = read(rows, now=now), read(rows, now=LATER)
    assert len(before) == 4
    assert before == {turn: after[turn] for turn in before}


def test_an_answer_on_monday_to_a_question_of_friday_evening_is_quick():
    rows = exchange(64.0)  # Monday 9:00 to Thursday 1:00
    rows[0]["sent_at"], rows[1]["sent_at"] = FRIDAY + dt.timedelta(hours=4), FRIDAY + dt.timedelta(hours=66)
    by_clock, by_work = (read(rows, now=LATER, hours=hours)["acme0them"]["lo"] for hours in (ALL_HOURS, lay_out()))
    assert by_clock < 0 < by_work


@given(
    earlier=st.lists(st.floats(0.0, 190.0), max_size=6),
    sooner=st.floats(0.0, 600.0),
    later=st.floats(0.0, 600.0),
    works=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_answering_sooner_never_lowers_the_reading(earlier: list[float], sooner: float, later: float, works: bool):
    sooner, later = sorted((sooner, later))
    hours = lay_out() if works else ALL_HOURS
    soon, late = (
        read(exchange(*earlier, wait), now=LATER, hours=hours)[f"acme{len(earlier)}them"] for wait in (sooner, later)
    )
    assert soon["lo"] >= late["lo"] - 1e-12


def test_a_turn_that_expects_no_answer_gives_no_reading():
    rows = exchange(3.0)
    turns, where = conform(rows, TURNS), {"turn_id": "acme0them", "sentence": 0, "start": 0, "end": 16}
    sentences = conform([where | {"text": "Thanks, all good.", "language": "en"}], SENTENCES)
    found = gather_readings(
        turns, sentences, empty(FINDINGS), empty(PROMISES), reference=REFERENCE, now=LATER, hours=ALL_HOURS
    )
    assert "answer_time" not in found["signal"].to_pylist()


def test_a_wait_without_circle_is_read_all_the_same():
    rows = [row | {"circle": None} for row in exchange(3.0)]
    assert isinstance(read(rows, now=LATER)["acme0them"]["lo"], float)
    assert pa.types.is_string(conform(rows, TURNS)["circle"].type)
