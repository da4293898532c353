"""One relationship as people ask about it: its path, and what moved it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from troth.errors import InputError
from troth.review import day_bounds
from troth.schema import TRUST, empty
from troth.trust import DEFAULT_MODEL, Model, follow, ledger


@dataclass(frozen=True, slots=True)
class RelationshipTrust:
    """The path of one relationship, and what moved it."""

    relationship: str
    readings: pa.Table
    now: dt.datetime
    model: Model = DEFAULT_MODEL  # as it holds for the relationship's segment

    def path(self) -> pa.Table:
        """TRUST: one row per facet and day with a reading."""
        return follow(self.readings, self.model) if self.readings.num_rows else empty(TRUST)

    def explain(self, facet: str, day: str | dt.date | None = None, *, zone: str = "UTC") -> pa.Table:
        """The ledger: every reading's exact share in a facet's level at the end of a day, own, borrowed and prior."""
        at = self.now if day is None else day_bounds(parse_day(day), zone)[1]
        return ledger(self.readings, facet, at, self.model)


def parse_day(day: str | dt.date) -> dt.date:
    """A day as people write it; a date stays as it is.

    Raises: InputError when it is no date.
    """
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(day)
    except ValueError as error:
        raise InputError(f"{day!r} is not a date. Write it like 2026-11-20.") from error
