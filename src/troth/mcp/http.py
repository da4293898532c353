"""Assistants over HTTP at /mcp: whoever shows a token sees through it what the token's owner sees on the page."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request
from mcp.server.transport_security import TransportSecuritySettings
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from troth.mcp.tools import make_server
from troth.web.access import Need
from troth.web.failing import answer_error
from troth.web.narrow import narrow
from troth.web.visit import KNOWN, Refused, read_bearer

if TYPE_CHECKING:
    from troth.web.access import Visitor
    from troth.web.app import Serving
    from troth.web.view import View

_PATIENCE_S: Final = 20.0  # that an assistant waits for the first view


class Assistant:
    """The MCP server as an application of its own. It keeps no session: every request shows its token."""

    path = "/mcp"

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._view: ContextVar[View] = ContextVar("view")
        self._server = make_server(self._view.get)
        # The guard around all of this troth has looked at host and origin already.
        unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._app: ASGIApp = self._server.streamable_http_app(
            streamable_http_path="/", json_response=True, stateless_http=True, transport_security=unguarded
        )

    @asynccontextmanager
    async def run(self, _: FastAPI) -> AsyncGenerator[None]:
        """Answer while the application runs."""
        async with self._server.session_manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, from the view of whoever the token belongs to."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        bearer = read_bearer(request)
        visitor = None if bearer is None else await run_in_threadpool(self._serving.identify, bearer)
        if visitor is not None:
            scope[KNOWN] = bearer
        if visitor is None or not visitor.may(Need.own):
            if visitor is not None:
                await run_in_threadpool(self._serving.note, request, visitor, outcome="refused")
            refusal = Refused(
                401 if visitor is None else 403, "an assistant shows a token that `troth token make` gave"
            )
            await answer_error(request, refusal)(scope, receive, send)
            return
        view = await run_in_threadpool(self._look, request, visitor)
        self._view.set(view)
        await self._app(scope, receive, send)

    def _look(self, request: Request, visitor: Visitor) -> View:
        """What the visitor may see; noted before it is seen."""
        self._serving.note(request, visitor, outcome="allowed")
        return narrow(self._serving.keeper.view(patience_s=_PATIENCE_S), visitor.person)
