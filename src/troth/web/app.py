"""The application: pages, JSON API and assets over one book."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from troth.errors import TrothError
from troth.web.access import Need, Visitor
from troth.web.failing import answer_error
from troth.web.guard import Guard
from troth.web.keeper import Keeper
from troth.web.pages import ROUTERS
from troth.web.rendering import Pages
from troth.web.sessions import DoorKeys, Sessions, name_cookie
from troth.web.visit import Permit

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The parts that routes share.

    Attributes:
        keeper: the open book.
        pages: the templates.
        sessions, keys: who is signed in, and the one-time tokens that sign in.
        find_token: who an API token belongs to; None where it is not known or over.
        hosts: names by which browsers call us.
        is_https: whether browsers reach us over TLS.
    """

    keeper: Keeper
    pages: Pages
    sessions: Sessions
    keys: DoorKeys
    find_token: Callable[[str], Visitor | None] = lambda _: None
    hosts: tuple[str, ...] = LOOPBACK
    is_https: bool = False

    @property
    def cookie(self) -> str:
        """The name of the cookie of a session."""
        return name_cookie(is_https=self.is_https)


def make_app(serving: Serving, *, routers: Iterable[APIRouter] = ROUTERS) -> FastAPI:
    """The application over these parts.

    Raises: RuntimeError when a route does not say what it needs.
    """
    app = FastAPI(title="troth", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.serving = serving
    for router in routers:
        for route in router.routes:
            need_of(route)
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("troth.web").joinpath("static"))))
    for kind in (TrothError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(Guard, hosts=serving.hosts, is_https=serving.is_https)
    return app


def need_of(route: object) -> Need:
    """What a route needs of its visitor.

    Raises: RuntimeError when it does not say so exactly once.
    """
    needs = list(_needs(route.dependant)) if isinstance(route, APIRoute) else []
    if len(needs) != 1:
        raise RuntimeError(
            f"{getattr(route, 'path', route)} must say once what it needs, and says it {len(needs)} times"
        )
    return needs[0]


def _needs(dependant: Dependant) -> Iterable[Need]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Permit):
            yield inner.call.need
        yield from _needs(inner)


async def _answer(request: Request, error: Exception) -> Response:
    return answer_error(request, error)
