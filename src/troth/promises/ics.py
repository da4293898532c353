"""Due promises as a calendar that phones and desks can subscribe to.

Source: RFC 5545; a later export of the same promise keeps its UID and raises its SEQUENCE (section 3.8.7.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event

from troth.plain import clean_line, quote_promise
from troth.promises.listing import is_whole_day

_WAITING: Final = frozenset({"open", "suspected"})
_STATUS: Final = {"withdrawn": "CANCELLED", "contested": "CANCELLED"}
_DONE: Final = {"kept": "Kept: ", "late": "Kept late: ", "broken": "Broken: "}
_REMINDS_AT: Final = time(8)
_LONGEST_SUMMARY: Final = 120
_PAST: Final = timedelta(days=28)  # what was due longer ago is left out


def make_calendar(
    listed: Sequence[Mapping[str, Any]], *, day: date, zone: str, revisions: Mapping[str, tuple[int, datetime]]
) -> bytes:
    """Write the promises with a due time as an iCalendar file.

    Args:
        listed: rows of LISTED. Those without a firm due time ("soon" is none), or due over four weeks before `day`,
            are left out.
        day: the day of the list.
        zone: whose clock makes a due day, and whose 8:00 reminds on the day before.
        revisions: how often each promise changed, and when last; the same promises give the same bytes.

    Returns: UTF-8. A day is a whole-day event, an hour one in UTC. What waits has a reminder; what is settled has
        none; what was withdrawn or contested is cancelled, so that a calendar that holds it lets it go.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//troth//promises//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", "Promises")
    here = ZoneInfo(zone)
    dated = [row for row in listed if row["due_latest"] is not None and row["due_rule"] != "vague"]
    for row in sorted(dated, key=lambda row: (row["due_latest"], row["promise_id"])):
        local = row["due_latest"].astimezone(here)
        if day - local.date() <= _PAST:
            calendar.add_component(_event(row, local, *revisions.get(row["promise_id"], (0, row["due_latest"]))))
    return calendar.to_ical()


def _event(row: Mapping[str, Any], local: datetime, sequence: int, revised_at: datetime) -> Event:
    event = Event()
    event.add("uid", row["promise_id"])
    event.add("sequence", sequence)
    event.add("dtstamp", revised_at.astimezone(UTC))
    event.add("dtstart", local.date() if is_whole_day(local) else local.astimezone(UTC))
    event.add("summary", _summarise(row))
    event.add("description", _describe(row))
    event.add("status", _STATUS.get(row["state"], "CONFIRMED"))
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")
    if row["state"] in _WAITING:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", _summarise(row))
        morning = datetime.combine(local.date() - timedelta(days=1), _REMINDS_AT, local.tzinfo)
        alarm.add("trigger", morning.astimezone(UTC), parameters={"VALUE": "DATE-TIME"})
        event.add_component(alarm)
    return event


def _summarise(row: Mapping[str, Any]) -> str:
    who, words = clean_line(row["person"] or row["relationship"] or "somebody"), clean_line(row["act"] or row["text"])
    whole = f"{who} promised: {words}" if row["side"] == "them" else f"Promised to {who}: {words}"
    short = whole if len(whole) <= _LONGEST_SUMMARY else whole[: _LONGEST_SUMMARY - 1] + "…"
    return _DONE.get(row["state"], "") + short


def _describe(row: Mapping[str, Any]) -> str:
    said = "" if row["said_at"] is None else f"Said on {row['said_at']:%Y-%m-%d} by {clean_line(row['actor'])}. "
    shown = f" Shown by: “{clean_line(row['evidence_text'])}”" if row["evidence_text"] else ""
    words = quote_promise(row["text"], row["act"])
    return f"{said}{words} State: {row['state']}.{shown} troth promises why {row['id']}"
