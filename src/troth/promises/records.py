"""Promises whose act shows in a system of record: a ticket closed, an invoice paid, a deal signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import re2

_KINDS: Final = {
    "mend": ("ticket",), "end": ("ticket",), "pay": ("invoice",), "sign": ("deal", "renewal"),
}  # fmt: skip
_NAMED: Final = 0.95
_ONLY_ONE: Final = 0.7
"""Probabilities that the record is the one that was meant: named by its id, or the only open one of its kind.
Start values without a measurement."""

_WORD: Final = re2.compile(r"[\pL\pN]+(?:[-_./][\pL\pN]+)*")

Records = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of OUTCOMES by relationship."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFound:
    """The record that a promise is about."""

    probability: float
    closed_at: datetime | None  # None while it is open
    text: str  # what it says, in words


def read_records(outcomes: pa.Table | None) -> Records:
    """OUTCOMES by relationship."""
    records: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in outcomes.to_pylist() if outcomes is not None else ():
        records[row["relationship"]].append(row)
    return records


def find_record(
    row: Mapping[str, Any], deeds: frozenset[str], records: Records, *, now: datetime
) -> RecordFound | None:
    """The one record of the right kind that was open when the promise was given; None where none or several were."""
    said: datetime | None = row["said_at"]
    kinds = {kind for deed in deeds for kind in _KINDS.get(deed, ())}
    if said is None or not kinds:
        return None
    fitting = [
        record
        for record in records.get(row["relationship"] or "", ())
        if record["kind"] in kinds and record["opened_at"] <= said and not _closed_by(record, said)
    ]
    words = frozenset(_WORD.findall(row["text"]))
    named = [record for record in fitting if _short_id(record) in words]
    chosen = named or fitting
    if len(chosen) != 1:
        return None
    record = chosen[0]
    closed_at = record["closed_at"] if _closed_by(record, now) else None
    if record["state"] == "lost" and (closed_at is not None or record["closed_at"] is None):
        return None  # what is lost later was still open at `now`
    return RecordFound(
        probability=_NAMED if named else _ONLY_ONE,
        closed_at=closed_at,
        text=f"{record['kind']} {_short_id(record)} {'is open' if closed_at is None else 'was closed'}",
    )


def _short_id(record: Mapping[str, Any]) -> str:
    """The id as people write it: 4711 of zendesk:4711."""
    return str(record["outcome_id"]).rpartition(":")[2]


def _closed_by(record: Mapping[str, Any], moment: datetime) -> bool:
    return record["closed_at"] is not None and record["closed_at"] <= moment
