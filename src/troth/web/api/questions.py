"""Questions that customers, colleagues and friends asked, and whether they were answered."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Query
from pydantic import Field

from troth.web.api.paging import Cursor, Limit, Page, read_cursor, write_cursor
from troth.web.api.rim import Row, make_router, to_rows
from troth.web.listing import Listing
from troth.web.visit import Own

router = make_router("questions")


class Question(Row):
    """One question as of the last evening."""

    question_id: str
    turn_id: str
    start: int = Field(description="Offset into the turn's body in code points, inclusive.")
    end: int = Field(description="Exclusive.")
    text: str
    kind: str = Field(description="HC, HR, HI or HS for a question of trust; direct for any other.")
    probability: float
    relationship: str | None
    circle: str | None
    asked_at: dt.datetime | None
    state: str = Field(description="open, partly, answered or stale.", examples=["open"])
    answer_turn_id: str | None
    answered_at: dt.datetime | None
    answer_text: str | None
    side: str | None
    spoken: bool = Field(description="In the words; else in what was done.")
    act: str
    strength: float = Field(description="From 0 to 1: how openly trust is put in question.")


@router.get("/questions")
def list_questions(
    visit: Own,
    limit: Limit = 50,
    cursor: Cursor = None,
    relationship: Annotated[str | None, Query(max_length=500, description="Only in this relationship.")] = None,
    state: Annotated[
        Literal["open", "partly", "answered", "stale"] | None, Query(description="Only in this state.")
    ] = None,
) -> Page[Question]:
    """Questions in the order in which they were asked."""
    view = visit.view
    asked = {"of": "questions", "relationship": relationship, "state": state}
    if relationship is None:
        listing = view.questions_listed
    else:
        listing = Listing(view.questions_of.rows(relationship), key=("question_id",), time="asked_at")

    def keep(rows: pa.Table) -> pa.Table:
        return rows if state is None else rows.filter(pc.equal(rows["state"], state))

    part = listing.page(limit=limit, after=read_cursor(cursor, asked, listing), keep=keep)
    return Page(items=to_rows(Question, part.rows), next=write_cursor(part.last, asked))
