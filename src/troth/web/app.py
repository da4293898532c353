"""The application: pages, JSON API and assets over one book."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Protocol

from anyio import to_thread
from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from troth.errors import TrothError
from troth.teaming import LOOPBACK
from troth.web.access import Need, Role, Visitor
from troth.web.failing import Calm, answer_error
from troth.web.guard import Guard
from troth.web.inbox import Inbox
from troth.web.jobs import Worker
from troth.web.keeper import Keeper
from troth.web.limits import Buckets, Limits, Rates
from troth.web.pages import ROUTERS
from troth.web.rendering import Pages
from troth.web.sessions import DoorKeys, Sessions, hash_secret, make_secret, name_cookie
from troth.web.transactions import Transactions
from troth.web.visit import Permit

if TYPE_CHECKING:
    from troth.web.audit import Audit
    from troth.web.oidc import SignIn

_AT_ONCE: Final = 8
"""Requests that are worked on at once; the others wait their turn. They share one interpreter, and where forty of them
ask for it in turn each one takes as long as all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The parts that routes share.

    Attributes:
        keeper: the open book.
        pages: the templates.
        sessions, keys: who is signed in, and the one-time tokens that sign in.
        transactions: those of callers that work on the whole book over HTTP.
        worker: does long jobs beside the requests.
        inbox: where files lie that were sent to be read.
        find_token: who an API token belongs to; None where it is not known or over.
        forget_tokens: called with ids of tokens that were made or revoked, or with none where any may have been
            erased, so that it holds at once.
        own_token: the one that the command line on this machine finds beside the book; it ends with this process.
        address: where browsers reach us, as http://127.0.0.1:8321.
        hosts: names by which browsers call us.
        is_https: whether browsers reach us over TLS.
        sign_in: how a team comes in; None for the one user, who has the address.
        audit: where it is noted who looked at what; None for the one user.
        rates: how often somebody may ask; None for as often as they like.
        sheets: how often answers are taken by one link of a survey; a start value, without a measurement.
        on_close: what is to end before the book is handed back.
    """

    keeper: Keeper
    pages: Pages
    sessions: Sessions
    keys: DoorKeys
    transactions: Transactions
    worker: Worker
    inbox: Inbox
    own_token: str = field(default_factory=make_secret)
    address: str = ""
    find_token: Callable[[str], Visitor | None] = lambda _: None
    forget_tokens: Callable[..., None] = lambda *_: None
    hosts: tuple[str, ...] = LOOPBACK
    is_https: bool = False
    sign_in: SignIn | None = None
    audit: Audit | None = None
    rates: Rates | None = field(default_factory=Rates)
    sheets: Buckets = field(default_factory=lambda: Buckets(per_s=1 / 60, size=10.0, clock=time.monotonic))
    on_close: tuple[Callable[[], None], ...] = ()

    def identify(self, token: str) -> Visitor | None:
        """Who a token belongs to."""
        if hmac.compare_digest(hash_secret(token), hash_secret(self.own_token)):
            return Visitor(name="the command line", role=Role.sole)
        return self.find_token(token)

    @property
    def cookie(self) -> str:
        """The name of the cookie of a session."""
        return name_cookie(is_https=self.is_https)

    def note(self, request: Request, visitor: Visitor, *, outcome: str) -> None:
        """Note that somebody looked at something, where that is noted.

        Raises: BookError when it cannot be.
        """
        if self.audit is not None:
            path = getattr(request.scope.get("route"), "path", request.url.path)
            about = "\n".join(map(str, request.path_params.values())) or None
            who = visitor.person or visitor.name
            self.audit.note(f"{request.method} {path}", who=who, role=visitor.role, about=about, outcome=outcome)

    def close(self) -> None:
        """Hand everything back."""
        try:
            for close in self.on_close:
                close()
            if self.audit is not None:
                self.audit.close()
        finally:
            self.keeper.close()


class Beside(Protocol):
    """An application of its own that answers beside the pages, under a path; it looks itself at who asks."""

    path: str

    def run(self, app: FastAPI, /) -> AbstractAsyncContextManager[None]:
        """What must go on as long as the application runs."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None:
        """Answer a request."""
        ...


def make_app(serving: Serving, *, routers: Iterable[APIRouter] = ROUTERS, beside: Beside | None = None) -> FastAPI:
    """The application over these parts.

    Raises: RuntimeError when a route does not say what it needs.
    """

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncGenerator[None]:
        to_thread.current_default_thread_limiter().total_tokens = _AT_ONCE
        async with nullcontext() if beside is None else beside.run(app):
            yield

    app = FastAPI(title="troth", docs_url=None, redoc_url=None, openapi_url=None, lifespan=live)
    app.state.serving = serving
    needs = app.state.needs = dict[str, Need]()  # of pages, by path
    for router in routers:
        for route in router.routes:
            need = need_of(route)
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
                needs[route.path] = need
        app.include_router(router)
    if beside is not None:
        app.mount(beside.path, beside)
    app.mount("/static", StaticFiles(directory=str(files("troth.web").joinpath("static"))))
    for kind in (TrothError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _answer)
    if serving.rates is not None:
        app.add_middleware(Limits, rates=serving.rates, cookie=serving.cookie, own_token=serving.own_token)
    app.add_middleware(Calm)
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
