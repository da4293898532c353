"""Turns: what people wrote, read from the book and brought into it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Depends, Header, Query
from pydantic import AwareDatetime, Field

from troth.desk import clock
from troth.errors import InputError
from troth.forgotten import read_forgotten
from troth.intake import take_batch
from troth.web.api.bringing import ARROW, MOST_BYTES, NDJSON, Body, read_body, read_turns
from troth.web.api.idempotency import Kept, find_kept, keep_answer
from troth.web.api.paging import Cursor, Limit, Page, read_cursor, write_cursor
from troth.web.api.rim import Row, make_router, problems, to_rows
from troth.web.listing import Listing
from troth.web.visit import Bring, Own, Refused

router = make_router("turns")

_MOST_LISTED: Final = 100
_NONE: Final = problems(_404="There is no such turn, or it was neither written by you nor sent to you.")


class Turn(Row):
    """What one person wrote or said at one time."""

    turn_id: str
    conversation_id: str
    parent_id: str | None
    position: int
    sent_at: dt.datetime | None
    speaker: str = Field(description="Address in lower case, or the handle or name that the source gives.")
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


class Rejection(Row):
    """A row that became no turn."""

    position: str = Field(description="Where it stood in what was sent.", examples=["row 3"])
    reason: str


class Brought(Row):
    """What came of a request that brought turns."""

    added: int = Field(description="Were not in the book.")
    changed: int = Field(description="Were in it with other content; the later version won, the earlier one is kept.")
    unchanged: int = Field(description="Were in it as they are, or stood in the request more than once.")
    rejected: int = Field(description="Became no turn.")
    rejections: list[Rejection] = Field(description=f"The first {_MOST_LISTED} of these, with the reason.")


_EXAMPLE: Final = [
    {
        "turn_id": "ticket-81-4", "conversation_id": "ticket-81", "sent_at": "2026-11-20T09:30:00Z",
        "speaker": "ines@acme.com", "recipients": ["support@nord.example"], "channel": "ticket",
        "text": "Could you tell us by Friday when the export will work again?",
    }
]  # fmt: skip
_ROW: Final = {"$ref": "#/components/schemas/TurnSent"}
_REQUEST: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": f"Turns, at most {MOST_BYTES >> 20} MiB.",
        "content": {
            "application/json": {"schema": {"type": "array", "items": _ROW}, "example": _EXAMPLE},
            NDJSON: {"schema": {"type": "string"}, "description": "One object a line."},
            ARROW: {"schema": {"type": "string", "format": "binary"}, "description": "The same columns."},
        },
    }
}


@router.get("/turns")
def list_turns(
    visit: Own,
    limit: Limit = 50,
    cursor: Cursor = None,
    relationship: Annotated[str | None, Query(max_length=500, description="Only in this relationship.")] = None,
    conversation: Annotated[str | None, Query(max_length=2000, description="Only of this conversation.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Only from this time on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Only before this time.")] = None,
) -> Page[Turn]:
    """Turns, oldest first; those without a time come last."""
    view = visit.view
    asked = {"of": "turns", "relationship": relationship, "conversation": conversation, "since": since, "until": until}
    if conversation is not None:
        rows = view.turns_in.rows(conversation)
        if relationship is not None:
            rows = rows.filter(pc.fill_null(pc.equal(rows["relationship"], relationship), False))
        listing = _list(rows)
    else:
        listing = view.turns_listed if relationship is None else _list(view.turns_of.rows(relationship))
    part = listing.page(limit=limit, after=read_cursor(cursor, asked, listing), since=since, until=until)
    return Page(items=to_rows(Turn, part.rows), next=write_cursor(part.last, asked))


@router.get("/turns/{turn_id:whole}", responses=_NONE)
def show_turn(visit: Own, turn_id: str) -> Turn:
    """One turn."""
    rows = to_rows(Turn, visit.view.turn.rows(turn_id))
    if not rows:
        raise Refused(404, "there is no such turn, or it was neither written by you nor sent to you")
    return rows[0]


@router.post(
    "/turns",
    openapi_extra=_REQUEST,
    responses=problems(_413=f"More than {MOST_BYTES >> 20} MiB.", _415="None of the three forms."),
)
def bring_turns(
    visit: Bring,
    body: Annotated[Body, Depends(read_body)],
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="The same key within a day gives the same answer, and nothing is taken twice.",
        ),
    ] = None,
) -> Brought:
    """Take turns into the book: a JSON array, JSON lines, or an Arrow stream.

    Sending the same turns again adds nothing. A turn without a `turn_id` gets one from its content. Rows that cannot be
    used are named and stop no other; where none can be used, the answer is 422. Figures follow in the background.
    """
    kept = (
        None
        if idempotency_key is None
        else Kept.of(f"{visit.who.person or ''}\0{visit.who.name}", idempotency_key, body)
    )
    if kept is not None and (answer := find_kept(visit.keeper.store, kept)) is not None:
        return Brought.model_validate(answer)
    turns, rejected = read_turns(body)
    forgotten = read_forgotten(visit.keeper.store)
    if forgotten is not None:
        turns, again, _ = forgotten.screen(turns)
        rejected = [*rejected, *again]
    if rejected and not turns.num_rows:
        raise InputError(f"no row can be used. {rejected[0].position}: {rejected[0].reason}")
    store = visit.keeper.store

    def take() -> Brought:
        with store.transaction():
            written = take_batch(store, turns)
            answer = Brought(
                added=written.added,
                changed=written.changed,
                unchanged=turns.num_rows - int(written),
                rejected=len(rejected),
                rejections=[Rejection(position=one.position, reason=one.reason) for one in rejected[:_MOST_LISTED]],
            )
            if kept is not None:
                keep_answer(store, kept, answer.model_dump(), now=clock())
        return answer

    return visit.keeper.change(lambda _: take(), added=turns["turn_id"].to_pylist())


def _list(turns: pa.Table) -> Listing:
    return Listing(turns, key=("turn_id",), time="sent_at")
