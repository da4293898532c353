"""Rows of the TURNS table while they are read, and what is handed back for those that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from troth.schema import CALLS, TURNS, conform, empty


class Turn(NamedTuple):
    """One row of TURNS, its fields in the order of the schema."""

    turn_id: str
    conversation_id: str
    parent_id: str | None
    position: int
    sent_at: datetime | None
    speaker: str
    speaker_name: str | None
    recipients: list[str] | None
    cc: list[str] | None
    references: list[str] | None
    channel: str
    stage: str | None
    subject: str | None
    body: str
    attachments: list[str] | None
    automatic: bool
    source: str
    side: str | None
    circle: str | None
    relationship: str | None


class Call(NamedTuple):
    """One row of CALLS, its fields in the order of the schema."""

    call_id: str
    conversation_id: str
    turn_id: str | None
    is_before: bool
    position: int
    tool: str
    arguments: str | None
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A piece of a source that became no turn: where it stands and why."""

    position: str
    reason: str


def tabulate(turns: Sequence[Turn]) -> pa.Table:
    """Rows to a TURNS table."""
    if not turns:
        return empty(TURNS)
    columns = zip(*turns, strict=True)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, TURNS, strict=True)]
    return conform(pa.table(arrays, names=TURNS.names), TURNS)


def tabulate_calls(calls: Sequence[Call]) -> pa.Table:
    """Rows to a CALLS table."""
    return conform([call._asdict() for call in calls], CALLS) if calls else empty(CALLS)
