"""Promises: what was promised, whether it was kept, and a person's word on it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Query
from pydantic import Field

from troth.web.api.paging import Cursor, Limit, Page, read_cursor, write_cursor
from troth.web.api.rim import Row, Sent, make_router, problems, to_rows
from troth.web.listing import Listing
from troth.web.narrow import hide_elsewhere
from troth.web.view import View
from troth.web.visit import Decide, Own, Refused

if TYPE_CHECKING:
    from troth.library import Book

router = make_router("promises")

State = Literal["open", "kept", "late", "suspected", "broken", "withdrawn", "unknown", "contested"]
Section = Literal[
    "overdue", "suspected", "today", "tomorrow", "week", "later", "no_time", "theirs", "late", "settled"
]  # fmt: skip
_NONE: Final = problems(_404="There is no such promise, or you took no part in its conversation.")


class Pledge(Row):
    """One promise as of an evening."""

    promise_id: str
    turn_id: str
    start: int = Field(description="Offset into the turn's body in code points, inclusive.")
    end: int = Field(description="Exclusive.")
    text: str
    act: str | None = Field(description="What is to be done, where other words than `text` say that.")
    probability: float
    relationship: str | None
    circle: str | None
    side: str | None = Field(description="Whose promise: us, them.")
    actor: str
    addressee: str | None
    said_at: dt.datetime | None
    due_words: str | None
    due_rule: str
    due_earliest: dt.datetime | None
    due_latest: dt.datetime | None
    state: str = Field(examples=["open"])
    state_at: dt.datetime | None
    decided_by: str = Field(description="machine, person.")
    evidence_turn_id: str | None
    evidence_text: str | None
    evidence_probability: float | None
    replaced_by: str | None


class Promise(Pledge):
    """One promise as the list of the morning has it."""

    section: str = Field(description="The part of the list that it stands in.", examples=["today"])
    person: str | None = Field(description="Who holds our promise, or made theirs.")
    due: str = Field(description="When it is due, in the words of that morning.")
    overdue_days: int | None


class Decision(Sent):
    """What a person says of a promise."""

    state: Literal["kept", "late", "broken", "withdrawn", "contested", "undone"] | None = Field(
        default=None, description="Null says yes to what the machine said; undone takes the last word back."
    )
    note: str | None = Field(default=None, max_length=2000, description="Why.")


@router.get("/promises")
def list_promises(
    visit: Own,
    limit: Limit = 50,
    cursor: Cursor = None,
    relationship: Annotated[str | None, Query(max_length=500, description="Only in this relationship.")] = None,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    side: Annotated[Literal["us", "them"] | None, Query(description="Only of this side.")] = None,
    section: Annotated[Section | None, Query(description="Only this part of the list.")] = None,
) -> Page[Promise]:
    """Promises in the order in which they were made."""
    view = visit.view
    wanted = {"state": state, "side": side, "section": section}
    asked = {"of": "promises", "relationship": relationship, **wanted}
    if relationship is None:
        listing = view.promises_listed
    else:
        listing = Listing(view.promises_of.rows(relationship), key=("promise_id",), time="said_at")

    def keep(rows: pa.Table) -> pa.Table:
        for column, value in wanted.items():
            if value is not None:
                rows = rows.filter(pc.equal(rows[column], value))
        return rows

    part = listing.page(limit=limit, after=read_cursor(cursor, asked, listing), keep=keep)
    return Page(items=to_rows(Promise, part.rows), next=write_cursor(part.last, asked))


@router.get("/promises/{promise_id:whole}", responses=_NONE)
def show_promise(visit: Own, promise_id: str) -> Promise:
    """One promise, by its whole id."""
    return _find(visit.view, promise_id)


@router.post("/promises/{promise_id:whole}/decisions", responses=_NONE | problems(_400="The body is no JSON."))
def decide_promise(visit: Decide, promise_id: str, decision: Decision) -> Pledge:
    """Say what is true of a promise. It counts more than the machine, now and after every new reading.

    Answers the promise as decided; the lists show it as soon as newer figures are there.
    """
    found = _find(visit.view, promise_id)
    by, note = visit.who.name or None, decision.note

    def act(book: Book) -> dict[str, Any] | None:
        if decision.state == "undone":
            return book.undo_promise(promise_id, note=note, by=by)
        return book.decide_promise(promise_id, decision.state, note=note, by=by)

    row = visit.keeper.change(act)
    return found if row is None else Pledge.model_validate(hide_elsewhere(row, visit.view))


def _find(view: View, promise_id: str) -> Promise:
    """The promise of this id in a view.

    Raises: Refused with 404 when it is not there.
    """
    rows = to_rows(Promise, view.promise.rows(promise_id))
    if not rows:
        raise Refused(404, "there is no such promise, or you took no part in its conversation")
    return rows[0]
