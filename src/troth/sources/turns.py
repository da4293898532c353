"""Rows of the TURNS table while they are read, and what is handed back for those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from troth.schema import TABLES, TURNS, conform, empty


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


class Contact(NamedTuple):
    """One row of CONTACTS, its fields in the order of the schema."""

    contact_id: str
    source: str
    kind: str
    handle: str | None = None
    name: str | None = None
    address: str | None = None
    phone: str | None = None
    account: str | None = None
    account_id: str | None = None
    domain: str | None = None
    owner: str | None = None
    segment: str | None = None
    side: str | None = None


class Outcome(NamedTuple):
    """One row of OUTCOMES, its fields in the order of the schema."""

    outcome_id: str
    relationship: str
    kind: str
    stage: str | None
    state: str
    amount: float | None
    currency: str | None
    opened_at: datetime
    closed_at: datetime | None


class Step(NamedTuple):
    """One row of OUTCOME_STEPS, its fields in the order of the schema."""

    outcome_id: str
    at: datetime
    stage: str | None
    state: str
    amount: float | None
    source: str


class Kept(NamedTuple):
    """One row of any other table that a book keeps, as an export of a book holds it."""

    table: str
    name: str  # what no other row of the table has
    row: Mapping[str, Any]


Beside = Call | Contact | Outcome | Step | Kept
"""What stands beside TURNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A piece of a source that became no turn: where it stands and why."""

    position: str
    reason: str


Piece = Turn | Beside | Rejected
"""What a reader hands back, one after another."""

SIDE_TABLES: Final[Mapping[type[Call | Contact | Outcome | Step], str]] = {
    Call: "calls",
    Contact: "contacts",
    Outcome: "outcomes",
    Step: "outcome_steps",
}
"""The tables beside TURNS that sources fill, by the kind of piece."""


def tabulate(turns: Sequence[Turn]) -> pa.Table:
    """Rows to a TURNS table."""
    if not turns:
        return empty(TURNS)
    columns = zip(*turns, strict=True)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, TURNS, strict=True)]
    return conform(pa.table(arrays, names=TURNS.names), TURNS)


def table_of(piece: Beside) -> str:
    """The name of the table that a piece is a row of."""
    return piece.table if isinstance(piece, Kept) else SIDE_TABLES[type(piece)]


def tabulate_side(name: str, rows: Sequence[Beside]) -> pa.Table:
    """Rows to the table of this name, one of those that `table_of` gives."""
    schema = TABLES[name]
    if not rows:
        return empty(schema)
    listed = [row.row if isinstance(row, Kept) else row._asdict() for row in rows]
    return conform(pa.Table.from_pylist(listed, schema=schema), schema)
