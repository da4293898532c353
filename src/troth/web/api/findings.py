"""Findings: which act of trust was found in which sentence, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Query
from pydantic import Field

from troth.errors import InputError
from troth.signals import CATALOGUE
from troth.web.api.paging import Cursor, Limit, Page, read_cursor, write_cursor
from troth.web.api.rim import Row, make_router, to_rows
from troth.web.listing import Key, Listing, Part, take_rows
from troth.web.view import View
from troth.web.visit import Own

router = make_router("findings")

_AT_ONCE: Final = 500  # turns whose findings are looked at together


class Finding(Row):
    """One signal in one sentence of a turn."""

    turn_id: str
    sentence: int = Field(description="0, 1, 2, ... within the turn.")
    start: int = Field(description="Offset into the turn's body in code points, inclusive.")
    end: int = Field(description="Exclusive.")
    signal: str = Field(examples=["gratitude"])
    probability: float = Field(description="Calibrated; for graded signals: of lying above the reference median.")
    value: float | None = Field(description="Graded signals only: standard deviations from the reference mean.")


@router.get("/findings")
def list_findings(
    visit: Own,
    limit: Limit = 50,
    cursor: Cursor = None,
    relationship: Annotated[str | None, Query(max_length=500, description="Only in this relationship.")] = None,
    turn: Annotated[str | None, Query(max_length=2000, description="Only in this turn.")] = None,
    signal: Annotated[str | None, Query(max_length=100, description="Only this signal.")] = None,
    least: Annotated[float, Query(ge=0, le=1, description="Only from this probability on.")] = 0.0,
) -> Page[Finding]:
    """Findings in the order of their turns' ids."""
    if signal is not None and signal not in CATALOGUE:
        raise InputError(f"signal: there is none of this name. There are: {', '.join(CATALOGUE)}.")
    view = visit.view
    asked = {"of": "findings", "relationship": relationship, "turn": turn, "signal": signal, "least": least}

    def keep(rows: pa.Table) -> pa.Table:
        wanted = pc.greater_equal(rows["probability"], pa.scalar(least, pa.float32()))
        return rows.filter(wanted if signal is None else pc.and_(wanted, pc.equal(rows["signal"], signal)))

    listing = view.findings_listed if turn is None else _list(view.findings_of.rows(turn))
    after = read_cursor(cursor, asked, listing)
    if relationship is None:
        part = listing.page(limit=limit, after=after, keep=keep)
    else:
        turns = _turns_of(view, relationship, turn, after)
        found = take_rows(_blocks(view, turns, after), limit=limit + 1, keep=keep)
        part = _cut(listing, view.known.findings.slice(0, 0) if found is None else found, limit)
    return Page(items=to_rows(Finding, part.rows), next=write_cursor(part.last, asked))


def _list(findings: pa.Table) -> Listing:
    return Listing(findings, key=("turn_id", "sentence", "signal"))


def _turns_of(view: View, relationship: str, turn: str | None, after: Key | None) -> list[str]:
    """The ids of a relationship's turns from that of the key on, sorted."""
    ids: list[str] = view.turns_of.rows(relationship)["turn_id"].to_pylist()
    return sorted(one for one in ids if (after is None or one >= str(after[0])) and turn in {None, one})


def _blocks(view: View, turns: list[str], after: Key | None) -> Iterator[pa.Table]:
    """The findings of these turns in the order of the listing, behind a key."""
    for start in range(0, len(turns), _AT_ONCE):
        rows = pa.concat_tables([view.findings_of.rows(turn) for turn in turns[start : start + _AT_ONCE]])
        listing = _list(rows)
        yield listing.page(limit=max(rows.num_rows, 1), after=after).rows


def _cut(listing: Listing, found: pa.Table, limit: int) -> Part:
    rows = found.slice(0, limit)
    return Part(rows=rows, last=listing.key_of(rows, limit - 1) if found.num_rows > limit else None)
