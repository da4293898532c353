"""Relationships: who trusts us how much, and how one relationship came to stand where it stands."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import pyarrow.compute as pc
from fastapi import Query
from pydantic import Field

from troth.errors import InputError
from troth.lenses import WHOLE, Lens
from troth.pipeline import score_relationships
from troth.web.api.paging import Cursor, Limit, Page, read_cursor, write_cursor
from troth.web.api.rim import Row, make_router, problems, to_rows
from troth.web.listing import Listing
from troth.web.view import View
from troth.web.visit import Own, Refused

router = make_router("relationships")

_GAUGES: Final = tuple(Lens(name=name, plain=pillar.plain, pillars=(pillar,)) for name, pillar in WHOLE.items())
_NONE: Final = problems(_404="There is no such relationship, or you took no part in it.")
Circle = Literal["customer", "colleague", "friend"]


class Relationship(Row):
    """One counterpart: both gauges as percentiles of the reference population with 80 % bands, and what is open."""

    relationship: str = Field(examples=["acme.com"])
    circle: str | None = Field(examples=["customer"])
    turns: int
    last_contact: dt.datetime | None
    shown_percentile: float | None = Field(description="Null where too little was read for a number.")
    shown_low: float | None
    shown_high: float | None
    held_percentile: float | None = Field(description="Null where too little was read for a number.")
    held_low: float | None
    held_high: float | None
    shown_rose: float | None = Field(description="Probability that it rose over the days that a trend looks back.")
    shown_change: float | None = Field(description="Standard deviations between relationships.")
    held_rose: float | None
    held_change: float | None
    warning: str | None = Field(description="Where what is shown rose and what is held did not.")
    promises_of_ours: int
    promises_of_theirs: int
    questions_open: int


class Score(Row):
    """One pillar of a lens, as a percentile of the reference population with its 80 % band."""

    lens: str
    pillar: str
    gauge: str = Field(examples=["SHOWN"])
    percentile: float | None = Field(description="Null where the reliability is under one half.")
    low: float
    high: float
    reliability: float
    readings: int


class Trust(Row):
    """How trust stands in one relationship."""

    relationship: str
    at: dt.datetime = Field(description="The evening as of which it is said.")
    gauges: list[Score] = Field(description="SHOWN and HELD, all facets alike.")
    scores: list[Score] = Field(description="The pillars of the lens that was asked for.")


class Level(Row):
    """One facet after the readings of one day."""

    at: dt.datetime
    facet: str
    mean: float = Field(description="Standard deviations between relationships; 0 is typical.")
    var: float
    slow: float
    fast: float
    reliability: float
    readings: int


def find_row(view: View, relationship: str) -> Relationship:
    """The relationship of this name in a view.

    Raises: Refused with 404 when it is not there.
    """
    if relationship not in view.by_name:
        raise Refused(404, "there is no such relationship, or you took no part in it")
    return Relationship.model_validate(view.by_name[relationship])


@router.get("/relationships")
def list_relationships(
    visit: Own,
    limit: Limit = 50,
    cursor: Cursor = None,
    circle: Annotated[Circle | None, Query(description="Only this circle.")] = None,
) -> Page[Relationship]:
    """Relationships in the order of their names."""
    table = visit.view.relationships
    if circle is not None:
        table = table.filter(pc.equal(table["circle"], circle))
    listing = Listing(table, key=("relationship",))
    asked = {"of": "relationships", "circle": circle}
    part = listing.page(limit=limit, after=read_cursor(cursor, asked, listing))
    return Page(items=to_rows(Relationship, part.rows), next=write_cursor(part.last, asked))


@router.get("/relationships/{relationship:whole}/trust", responses=_NONE)
def show_trust(
    visit: Own,
    relationship: str,
    lens: Annotated[str, Query(max_length=100, description="Name of a lens.", examples=["triangle"])] = "equation",
) -> Trust:
    """How trust stands: both gauges, and the pillars of one lens."""
    view = visit.view
    find_row(view, relationship)
    if lens not in view.lenses:
        raise InputError(f"lens: there is none of this name. There are: {', '.join(view.lenses)}.")
    now = view.standing.now
    scores = score_relationships(
        view.readings_of.rows(relationship), now, lenses=(*_GAUGES, view.lenses[lens]), model=view.model,
        segments=view.segments,
    )  # fmt: skip
    rows = to_rows(Score, scores)
    return Trust(
        relationship=relationship,
        at=now,
        gauges=[row for row in rows if row.lens in WHOLE],
        scores=[row for row in rows if row.lens == lens],
    )


@router.get("/relationships/{relationship:whole}/path", responses=_NONE)
def show_path(visit: Own, relationship: str, limit: Limit = 50, cursor: Cursor = None) -> Page[Level]:
    """How each facet came to stand where it stands: a row for each facet and day with a reading, oldest first."""
    view = visit.view
    find_row(view, relationship)
    listing = Listing(view.trust(relationship).path(), key=("facet",), time="at")
    asked = {"of": "path", "relationship": relationship}
    part = listing.page(limit=limit, after=read_cursor(cursor, asked, listing))
    return Page(items=to_rows(Level, part.rows), next=write_cursor(part.last, asked))


@router.get("/relationships/{relationship:whole}", responses=_NONE)
def show_relationship(visit: Own, relationship: str) -> Relationship:
    """One relationship."""
    return find_row(visit.view, relationship)
