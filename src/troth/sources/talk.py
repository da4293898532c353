"""What exports of chats have in common: messages as turns, and which of them form one conversation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from troth.sources.charsets import clean
from troth.sources.jsonl import Row
from troth.sources.mail import NO_DATE, TEXT_LIMIT
from troth.sources.mime import TEXT_CUT
from troth.sources.turns import Turn

DIRECT_GAP: Final = timedelta(hours=24)
"""Between few people an answer in the morning belongs to the question of the evening; a day's silence ends it."""
CHANNEL_GAP: Final = timedelta(hours=12)
"""Where many talk of many things the night ends it: longer than a working day, shorter than the time between two."""
NOTICE: Final = "notices of the chat program (joined, left, topic changed and the like): no turns"
EDITED: Final = "edited after they were sent: the words as they stand now"
LISTENERS: Final = 20  # members up to whom a message in a channel counts as said to each of them

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=366)


class Runs:
    """Names the conversation of each message that answers no other: its run, up to a gap, in its chat.

    Messages come in the order of time or against it. The name is the id of the run's first message; an export that
    begins elsewhere names a run otherwise, and a book keeps the name it had.
    """

    def __init__(self) -> None:
        self._latest: dict[str, tuple[datetime, datetime, str]] = {}  # of each chat: its run from, to, name

    def place(self, chat: str, turn_id: str, sent_at: datetime | None, *, gap: timedelta) -> str:
        """The conversation of the next message of this chat."""
        held = self._latest.get(chat)
        if sent_at is None:
            return held[2] if held else turn_id
        if held is None or not held[0] - gap <= sent_at <= held[1] + gap:
            held = (sent_at, sent_at, turn_id)
        self._latest[chat] = (min(held[0], sent_at), max(held[1], sent_at), held[2])
        return held[2]


def possible(moment: datetime | None, *, now: datetime, notes: Counter[str]) -> datetime | None:
    """A time that can be; else None, counted."""
    if moment is not None and _EARLIEST <= moment <= now + _AHEAD:
        return moment
    notes[NO_DATE] += 1
    return None


def read_epoch(text: str) -> datetime | None:
    """Seconds since 1970 with an optional fraction, as "1479810000.000200", to the microsecond."""
    seconds, _, fraction = text.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 11):
        return None
    micros = fraction[:6].ljust(6, "0")
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros) if micros.isdecimal() else 0)


def take_text(value: object) -> str:
    """Text without white space around it; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""


def take_words(value: object) -> str:
    """Text as it stands; empty for anything else."""
    return value if isinstance(value, str) else ""


def take_object(value: object) -> Row:
    """An object; an empty one for anything else."""
    return cast("Row", value) if isinstance(value, dict) else {}


def take_objects(value: object) -> list[Row]:
    """The objects of a list; none for anything else."""
    entries = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Row", entry) for entry in entries if isinstance(entry, dict)]


def make_turn(
    turn_id: str,
    body: str,
    *,
    conversation: str,
    parent: str | None,
    position: int,
    sent_at: datetime | None,
    speaker: str,
    name: str | None,
    recipients: Sequence[str],
    attachments: Sequence[str],
    automatic: bool,
    source: str,
    notes: Counter[str],
) -> Turn:
    """A message of a chat as a turn; words beyond `TEXT_LIMIT` are cut, counted."""
    if len(body) > TEXT_LIMIT:
        notes[TEXT_CUT] += 1
    return Turn(
        turn_id=clean(turn_id),
        conversation_id=clean(conversation),
        parent_id=clean(parent) if parent else None,
        position=position,
        sent_at=sent_at,
        speaker=clean(speaker),
        speaker_name=clean(name) if name else None,
        recipients=list(map(clean, recipients)) or None,
        cc=None,
        references=None,
        channel="chat",
        stage=None,
        subject=None,
        body=clean(body[:TEXT_LIMIT]),
        attachments=list(map(clean, attachments)) or None,
        automatic=automatic,
        source=source,
        side=None,
        circle=None,
        relationship=None,
    )
