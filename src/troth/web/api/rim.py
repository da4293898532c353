"""What every resource of the API shares: a strict rim, errors as problem+json, and tags that save a transfer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pyarrow as pa
from fastapi import APIRouter, Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from troth.errors import InputError
from troth.web.access import Need
from troth.web.visit import Permit

if TYPE_CHECKING:
    from troth.web.app import Serving

BASE: Final = "/api/v1"
PROBLEM: Final = "application/problem+json"


class Row(BaseModel):
    """A row of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class Sent(BaseModel):
    """What a caller sends: nothing beside what is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(BaseModel):
    """One thing that was wrong with a request."""

    where: list[str]
    problem: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(examples=["urn:troth:problem:InputError"])
    title: str = Field(examples=["This cannot be used"])
    status: int = Field(examples=[422])
    detail: str = Field(description="What was wrong and what to do, in one line.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[Place] = Field(default=[], description="Each thing that was wrong, where there are several.")


M = TypeVar("M", bound=BaseModel)


def to_rows(kind: type[M], table: pa.Table) -> list[M]:
    """The rows of a table as models; columns that the model lacks are left out."""
    names = [name for name in kind.model_fields if name in table.column_names]
    return [kind.model_validate(row) for row in table.select(names).to_pylist()]


def problems(**more: str) -> dict[int | str, dict[str, Any]]:
    """The errors that every route may answer with, and those of one route by number, as `_404="There is no such"`."""
    told = {
        401: "No session and no token that is good.",
        403: "The role or the token does not allow it, or a form token is missing.",
        422: "Something in the request cannot be used.",
        429: "Too many requests; Retry-After says when to go on.",
        503: "Not possible at the moment.",
        **{int(name.removeprefix("_")): words for name, words in more.items()},
    }
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": words, "content": content} for status, words in sorted(told.items())}


class ApiRoute(APIRoute):
    """A route that refuses parameters it does not name, and answers 304 to who has the answer already."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI with both around it."""
        known = frozenset(_parameters(self.dependant))
        shows_view = any(isinstance(inner.call, Permit) and inner.call.need is not Need.nothing
                         for inner in self.dependant.dependencies)  # fmt: skip
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            tag = _tag_of(request) if shows_view else None
            response = await handle(request)  # first: who may not ask is told that, and nothing else
            if tag is None or response.status_code != 200 or "etag" in response.headers:
                return response
            if tag in _tags_asked(request):
                return Response(status_code=304, headers={"ETag": tag})
            response.headers["ETag"] = tag
            response.headers["Vary"] = "Accept, Authorization, Cookie"
            return response

        async def guarded(request: Request) -> Response:
            unknown = sorted(set(request.query_params) - known)
            if unknown:
                raise InputError(f"{unknown[0]}: there is no such parameter. There are: {', '.join(sorted(known))}.")
            return await answer(request)

        return guarded


def make_router(tag: str) -> APIRouter:
    """A router for one resource."""
    return APIRouter(prefix=BASE, tags=[tag], route_class=ApiRoute, responses=problems())


def _parameters(dependant: Dependant) -> Iterable[str]:
    for field in dependant.query_params:
        yield field.alias
    for inner in dependant.dependencies:
        yield from _parameters(inner)


def _tag_of(request: Request) -> str | None:
    """A tag of the view as it stands before it is read: newer figures may go out under it, older ones never."""
    serving: Serving = request.app.state.serving
    if request.method != "GET" or not serving.keeper.is_ready:
        return None
    whose = [request.headers.get(name, "") for name in ("authorization", "cookie", "accept")]
    view = serving.keeper.view()
    proof = "" if view.close is None else view.close.proof  # comes a while after the view
    parts = [view.made_at.isoformat(), proof, str(request.url.path), request.url.query, *whose]
    return f'W/"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def _tags_asked(request: Request) -> set[str]:
    return {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
