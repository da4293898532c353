"""The one thing to do tomorrow, chosen by rules that can be read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

_STALE: Final = dt.timedelta(days=21)  # what has lain longer is no longer the one thing for tomorrow
_CIRCLE_WEIGHT: Final = MappingProxyType({"customer": 3.0, "colleague": 1.5, "friend": 1.0})
_ASKS: Final = MappingProxyType(
    {
        "HC": "asks whether they can believe it",
        "HR": "asks whether they can depend on you",
        "HI": "asks whether you understand",
        "HS": "asks whether it is fair",
        "direct": "waits for an answer",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One thing to do, to whom, and the sentence that calls for it. `relationship` is None where nothing does."""

    text: str
    relationship: str | None = None
    quote: str | None = None
    turn_id: str | None = None


def suggest(day: dt.date, *, zone: str, promises: pa.Table, questions: pa.Table, circles: Sequence[str]) -> Suggestion:
    """Choose what matters most on the morning after `day`.

    A promise of ours gone past its time weighs most, then one that falls due, then a trust question left open, then
    any question; a customer more than a colleague, a colleague more than a friend, and the fresh more than the old.
    """
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    options = [*_from_promises(promises, end, ZoneInfo(zone)), *_from_questions(questions, end, ZoneInfo(zone))]
    options = [(weight * _CIRCLE_WEIGHT[circle], found) for weight, circle, found in options if circle in circles]
    if not options:
        return Suggestion(text="Nothing waits for you.")
    return max(options, key=lambda option: (option[0], option[1].turn_id or ""))[1]


def _from_promises(promises: pa.Table, end: dt.datetime, zone: ZoneInfo) -> Iterator[tuple[float, str, Suggestion]]:
    for row in promises.to_pylist():
        due: dt.datetime | None = row["due_latest"]
        if row["side"] != "us" or due is None or end - due > _STALE or row["circle"] is None:
            continue
        overdue = row["state"] == "suspected" or (row["state"] == "open" and due < end)
        if not overdue and not (row["state"] == "open" and due < end + dt.timedelta(days=3)):
            continue
        when = due.astimezone(zone).strftime("%A %-d %B")
        text = f"Write to {row['relationship']}: " + (
            f"your promise was due {when}, and nothing here shows that it was kept."
            if overdue
            else f"your promise falls due {when}."
        )
        weight = 4.0 * _freshness(end - due) if overdue else 3.0
        yield weight * row["probability"], row["circle"], _suggestion(text, row)


def _from_questions(questions: pa.Table, end: dt.datetime, zone: ZoneInfo) -> Iterator[tuple[float, str, Suggestion]]:
    for row in questions.to_pylist():
        asked: dt.datetime | None = row["asked_at"]
        if row["state"] != "open" or asked is None or end - asked > _STALE or row["circle"] is None:
            continue
        when = asked.astimezone(zone).strftime("%A %-d %B")
        text = f"Answer {row['relationship']}, who {_ASKS[row['kind']]} since {when}."
        weight = (1.0 if row["kind"] == "direct" else 2.5) * _freshness(end - asked)
        yield weight * row["probability"], row["circle"], _suggestion(text, row)


def _freshness(age: dt.timedelta) -> float:
    """1 today, one half after a week."""
    return 1.0 / (1.0 + max(age, dt.timedelta()) / dt.timedelta(days=7))


def _suggestion(text: str, row: Mapping[str, Any]) -> Suggestion:
    return Suggestion(text=text, relationship=row["relationship"], quote=row["text"], turn_id=row["turn_id"])
