"""The whole book over HTTP, table by table, for the command line and for `troth.open("https://…")`.

Not part of the API that is described to others: it speaks Arrow, and needs a token for the whole book,
which nobody of a team has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import pyarrow as pa
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool

from troth.book import Mark
from troth.book.remote import ARROW, TRANSACTION, write_stream
from troth.errors import InputError
from troth.forgetting import write_anew
from troth.keeping import clear_shelf
from troth.web.arrow import read_streams
from troth.web.visit import StoreWide, Visit

router = APIRouter(prefix="/api/v1/store", include_in_schema=False)
T = TypeVar("T")
_MOST_BYTES: Final = 512 * 1024 * 1024
_OF_TURNS: Final = frozenset({"turns", "sentences", "findings"})
_BESIDE: Final = frozenset({"promise_history", "closings", "forecasts", "turn_versions", "digests"})
"""Tables that nothing is worked out from."""
_QUIET: Final = frozenset({"marks", "settings"})  # tables that no page shows


class Asked(BaseModel):
    """What is wanted of a table."""

    model_config = ConfigDict(extra="forbid")

    columns: list[str] | None = None
    where: dict[str, list[Any]] = {}
    since: datetime | None = None
    until: datetime | None = None


async def read_asked(request: Request) -> Asked:
    """What is asked of a table; read only once it is known who asks, since many keys are much.

    Raises: InputError where it is not that.
    """
    try:
        return Asked.model_validate_json(await _read(request))
    except ValidationError as error:
        raise InputError(f"what is asked of the table cannot be read: {error.errors()[0]['msg']}.") from error


class MarkSent(BaseModel):
    """How far a source was read."""

    model_config = ConfigDict(extra="forbid")

    content: str
    size: int
    position: int


@router.post("/tables/{name}")
def fetch(visit: StoreWide, name: str, asked: Annotated[Asked, Depends(read_asked)]) -> Response:
    """Rows of a table as an Arrow stream."""
    store = visit.keeper.store
    table = _do(
        visit,
        lambda: store.table(name, columns=asked.columns, where=asked.where, since=asked.since, until=asked.until),
    )
    return Response(write_stream(table), media_type=ARROW)


@router.post("/tables/{name}/rows")
async def upsert(visit: StoreWide, name: str) -> Response:
    """Add rows, and overwrite those whose key is there."""
    (rows,) = read_streams(await _read(visit.request), 1)
    written = await run_in_threadpool(_do, visit, lambda: visit.keeper.store.upsert(name, rows))
    if written:
        _tell(visit, name, added=_name_added(visit, name, rows))
    return JSONResponse({"added": written.added, "changed": written.changed})


@router.put("/tables/{name}/rows")
async def replace(visit: StoreWide, name: str) -> Response:
    """Make the rows of these keys exactly those sent."""
    keys, rows = read_streams(await _read(visit.request), 2)
    column = keys.column_names[0]

    def write() -> None:
        visit.keeper.store.replace(name, rows, keys_column=column, keys=keys[column].to_pylist())

    await run_in_threadpool(_do, visit, write)
    if name == "turns":  # whoever erases from afar cannot reach what lies beside the book
        await run_in_threadpool(clear_shelf, visit.keeper.store.path)
    _tell(visit, name)
    return JSONResponse({})


@router.post("/transactions")
def begin(visit: StoreWide) -> Response:
    """Begin a transaction; its name goes into a header of what belongs to it."""
    return JSONResponse({"transaction": visit.serving.transactions.begin()})


@router.post("/transactions/commit")
def commit(visit: StoreWide) -> Response:
    """Keep what was written."""
    notes = visit.serving.transactions.commit(_name_of(visit))
    visit.serving.forget_tokens()  # who works from afar may have revoked one, or erased somebody
    for added in notes:
        visit.keeper.renew_soon(added=added)
    return JSONResponse({})


@router.post("/transactions/rollback")
def roll_back(visit: StoreWide) -> Response:
    """Take back what was written."""
    visit.serving.transactions.roll_back(_name_of(visit))
    return JSONResponse({})


@router.post("/rewrite")
def rewrite(visit: StoreWide) -> Response:
    """Write the book anew without what was taken out, once nobody works any more on what was there before."""
    keeper = visit.keeper
    keeper.renew(fresh=True).result()
    keeper.change(lambda book: write_anew(book.store), patience_s=0)
    return JSONResponse({})


@router.get("/revisions")
def tell_revisions(visit: StoreWide) -> Response:
    """What names the content of each table."""
    return JSONResponse(dict(_do(visit, visit.keeper.store.revisions)))


@router.get("/marks")
def tell_mark(visit: StoreWide, source_key: str) -> Response:
    """How far a source was read."""
    mark = _do(visit, lambda: visit.keeper.store.mark(source_key))
    stated = None if mark is None else {"content": mark.content, "size": mark.size, "position": mark.position}
    return JSONResponse(stated)


@router.put("/marks")
def set_mark(visit: StoreWide, source_key: str, sent: MarkSent) -> Response:
    """Note how far a source was read."""
    mark = Mark(content=sent.content, size=sent.size, position=sent.position)
    _do(visit, lambda: visit.keeper.store.set_mark(source_key, mark))
    return JSONResponse({})


@router.get("/settings/{name}")
def tell_setting(visit: StoreWide, name: str) -> Response:
    """The JSON value kept under a name."""
    return JSONResponse(_do(visit, lambda: visit.keeper.store.settings(name)))


@router.put("/settings/{name}")
async def set_setting(visit: StoreWide, name: str) -> Response:
    """Keep a JSON value under a name."""
    try:
        value = json.loads(await _read(visit.request))
    except ValueError as error:
        raise InputError(f"setting {name!r} is not JSON: {error}.") from error
    await run_in_threadpool(_do, visit, lambda: visit.keeper.store.set_setting(name, value))
    return JSONResponse({})


@router.post("/door")
def open_door(visit: StoreWide) -> Response:
    """A new one-time address of the page."""
    return JSONResponse({"address": f"{visit.serving.address}/in?token={visit.serving.keys.make()}"})


def _do(visit: Visit, act: Callable[[], T]) -> T:
    """Do something with the store, within the transaction that the request names."""
    name = visit.request.headers.get(TRANSACTION)
    return act() if name is None else visit.serving.transactions.do(name, act)


def _name_of(visit: Visit) -> str:
    name = visit.request.headers.get(TRANSACTION)
    if name is None:
        raise InputError(f"the header {TRANSACTION} must name the transaction.")
    return name


def _tell(visit: Visit, table: str, *, added: Collection[str] | None = None) -> None:
    """Have the pages made anew; within a transaction its commit does so. `added`: see `Keeper.renew_soon`."""
    if table == "tokens":
        visit.serving.forget_tokens()
    if table in _QUIET:
        return
    transaction = visit.request.headers.get(TRANSACTION)
    if transaction is None:
        visit.keeper.renew_soon(added=added)
    else:
        visit.serving.transactions.note(transaction, added)


def _name_added(visit: Visit, table: str, rows: pa.Table) -> Collection[str] | None:
    """The turns that rows of a table tell of, where nothing else follows from them; None where anything may."""
    if table in _BESIDE:
        return ()
    if table not in _OF_TURNS or "turn_id" not in rows.column_names:
        return None
    ids = set(rows["turn_id"].to_pylist())
    is_new = table == "turns" or not visit.keeper.is_ready or not any(one in visit.view.turn for one in ids)
    return ids if is_new else None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise InputError("that is too much in one piece. Send fewer rows at a time.")
    return bytes(body)
