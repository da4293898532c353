"""Due promises as a calendar, read back by another library and by the letter of RFC 5545."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.promises.ics import make_calendar
from troth.promises.listing import list_promises
from troth.schema import PROMISES

vobject = pytest.importorskip("vobject", reason="the independent reader of calendars is not installed")

DAY, ZONE = dt.date(2026, 3, 20), "Europe/Berlin"
NOTED = dt.datetime(2026, 3, 20, 6, 30, tzinfo=dt.UTC)
END_OF_MONDAY = dt.datetime(2026, 3, 23, 22, 59, 59, tzinfo=dt.UTC)


def promise(number: int, **columns: Any) -> dict[str, Any]:
    return {
        "promise_id": f"p-{number:020x}", "turn_id": f"t{number}", "start": 0, "end": 10, "text": "We send it.",
        "probability": 0.9, "relationship": "acme.example", "circle": "customer", "side": "us",
        "actor": "anna@firm.example", "addressee": "bo@acme.example", "specific": True, "due_rule": "explicit",
        "said_at": dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC), "due_latest": END_OF_MONDAY, "observability": "O1",
        "state": "open", "decided_by": "machine",
    } | columns  # fmt: skip


def calendar_of(
    *rows: dict[str, Any], zone: str = ZONE, revised: dict[str, tuple[int, dt.datetime]] | None = None
) -> bytes:
    table = pa.Table.from_pylist(list(rows), schema=PROMISES)
    listed = list_promises(table, day=DAY, zone=zone, names={"bo@acme.example": "Bo; Acme"}).to_pylist()
    noted = {row["promise_id"]: (0, NOTED) for row in rows} | (revised or {})
    return make_calendar(listed, day=DAY, zone=zone, revisions=noted)


def events_of(content: bytes) -> dict[str, Any]:
    """The events as vobject reads them, by UID."""
    calendar = vobject.readOne(content.decode("utf-8"))
    assert (calendar.version.value, calendar.calscale.value) == ("2.0", "GREGORIAN")
    return {event.uid.value: event for event in calendar.contents.get("vevent", [])}


def test_a_day_is_a_whole_day_event_and_an_hour_a_timed_one_in_utc():
    timed = dt.datetime(2026, 3, 23, 16, 0, tzinfo=dt.UTC)
    content = calendar_of(promise(1), promise(2, due_latest=timed))
    found = events_of(content)
    assert found[f"p-{1:020x}"].dtstart.value == dt.date(2026, 3, 23)
    assert b"DTSTART;VALUE=DATE:20260323\r\n" in content
    assert b"DTSTART:20260323T160000Z\r\n" in content
    assert found[f"p-{2:020x}"].dtstart.value == timed


def test_it_reminds_at_eight_on_the_morning_before_even_where_clocks_change():
    after_the_change = dt.datetime(2026, 3, 29, 21, 59, 59, tzinfo=dt.UTC)  # Sunday: Berlin's clocks went on that night
    found = events_of(calendar_of(promise(1), promise(2, due_latest=after_the_change)))
    alarms = {uid: event.valarm.trigger.value for uid, event in found.items()}
    assert alarms[f"p-{1:020x}"] == dt.datetime(2026, 3, 22, 7, 0, tzinfo=dt.UTC)
    assert alarms[f"p-{2:020x}"] == dt.datetime(2026, 3, 28, 7, 0, tzinfo=dt.UTC)
    # An alarm at a moment has to say that it is one, else it is read as a duration (RFC 5545, 3.8.6.3).
    assert b"TRIGGER;VALUE=DATE-TIME:20260322T070000Z\r\n" in calendar_of(promise(1))


@pytest.mark.parametrize(
    ("state", "status", "is_reminded"),
    [("open", "CONFIRMED", True), ("suspected", "CONFIRMED", True), ("kept", "CONFIRMED", False),
     ("broken", "CONFIRMED", False), ("withdrawn", "CANCELLED", False), ("contested", "CANCELLED", False)],
)  # fmt: skip
def test_what_is_settled_reminds_nobody_and_what_is_void_is_cancelled(state: str, status: str, is_reminded: bool):
    event = next(iter(events_of(calendar_of(promise(1, state=state))).values()))
    assert event.status.value == status
    assert ("valarm" in event.contents) is is_reminded


def test_a_later_export_updates_the_same_event_and_an_equal_one_changes_no_byte():
    first = calendar_of(promise(1))
    assert calendar_of(promise(1)) == first
    later = calendar_of(promise(1, state="kept"), revised={f"p-{1:020x}": (1, NOTED + dt.timedelta(days=3))})
    old, new = events_of(first), events_of(later)
    assert old.keys() == new.keys()
    uid = next(iter(old))
    assert (old[uid].sequence.value, new[uid].sequence.value) == ("0", "1")
    assert new[uid].dtstamp.value - old[uid].dtstamp.value == dt.timedelta(days=3)
    assert new[uid].summary.value == "Kept: Promised to Bo; Acme: We send it."


def test_what_has_no_firm_time_or_lies_long_behind_is_left_out():
    content = calendar_of(
        promise(1, due_latest=None, due_rule="none"),
        promise(2, due_rule="vague"),
        promise(3, due_latest=END_OF_MONDAY - dt.timedelta(days=60)),
    )
    assert events_of(content) == {}


words = st.text(max_size=200) | st.sampled_from(
    ["a;b,c\\n", "END:VEVENT\r\nBEGIN:VEVENT", "\x1b[2J", "é" * 120, "🐝" * 60, "line\nline", 'say "x"', "\ud800"]
)


@settings(max_examples=40, deadline=None)
@given(words)
def test_words_of_strangers_stay_words(text: str):
    """No line is over 75 octets, none begins a component of its own, and another reader finds the words again."""
    content = calendar_of(promise(1, text=text.encode("utf-8", "replace").decode("utf-8")))
    lines = content.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 75 and b"\r" not in line and b"\n" not in line for line in lines)
    assert lines.count(b"BEGIN:VEVENT") == lines.count(b"END:VEVENT") == 1
    event = next(iter(events_of(content).values()))
    kept = "".join(text.encode("utf-8", "replace").decode("utf-8").split())
    readable = "".join(char for char in kept if char.isalnum())
    assert readable in "".join(char for char in event.description.value if char.isalnum()) or not readable


def test_zone_decides_which_day_it_is():
    found = events_of(calendar_of(promise(1), zone="Asia/Tokyo"))
    assert found[f"p-{1:020x}"].dtstart.value == END_OF_MONDAY  # no end of a day there, so the moment itself
