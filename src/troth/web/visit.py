"""One request: who asks, what they may do, what they see, and how it is shown.

A route says what it needs by the type of its first argument, and gets the visit:

    @router.get("/promises")
    def show_promises(visit: Own) -> Response:
        return visit.show("promises.html", promises=visit.view.listed.to_pylist())
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.convertors import register_url_convertor

from troth.errors import TrothError
from troth.saying import say
from troth.told import Told, as_told
from troth.web.access import Need, Visitor
from troth.web.narrow import narrow
from troth.web.paths import Whole
from troth.web.rendering import Look, choose_look
from troth.web.sessions import is_form_token, make_form_token

if TYPE_CHECKING:
    from troth.web.app import Serving
    from troth.web.keeper import Keeper
    from troth.web.view import View

register_url_convertor("whole", Whole())
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KNOWN: Final = "troth.known"
"""Where a request's scope holds the secret, of a session or token, by which its sender was found to be somebody."""
_PATIENCE_S: Final = 20.0  # that a page waits for the first view


class Refused(TrothError):
    """The visitor may not do this. `status`: 401 where signing in would help, 403 where it would not."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(status, problem)
        self.status, self.problem = status, problem

    @property
    def told(self) -> Told:
        """What it says."""
        return as_told(self.problem)

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of somebody who may make it.

    Attributes:
        request: as it came.
        visitor: who asks; None only where a route needs nothing.
        session: the secret of the session; None with a token.
        serving: the application's parts.
    """

    request: Request
    visitor: Visitor | None
    session: str | None
    serving: Serving

    @property
    def who(self) -> Visitor:
        """The visitor of a route that needs one."""
        if self.visitor is None:
            raise Refused(401, "sign in first")
        return self.visitor

    @property
    def keeper(self) -> Keeper:
        """Where changes go."""
        return self.serving.keeper

    @property
    def view(self) -> View:
        """What this visitor may see of the book, as of now.

        Raises: BookError where the first view is not there yet.
        """
        return narrow(self.keeper.view(patience_s=_PATIENCE_S), self.who.person)

    @property
    def look(self) -> Look:
        """Language and theme."""
        return choose_look(self.request)

    def say(self, text: str) -> str:
        """A sentence of ours in the visitor's language."""
        return say(self.look.language, text)

    def opens(self, path: str) -> bool:
        """Whether a page is there for this visitor."""
        need = self.request.app.state.needs.get(path)
        return need is not None and self.who.may(need)

    @property
    def form_token(self) -> str:
        """What a form must bring back."""
        return make_form_token(self.session) if self.session else ""

    @property
    def is_part(self) -> bool:
        """Whether htmx asks, for a part of a page."""
        return self.request.headers.get("hx-request") == "true" and not self.request.headers.get("hx-boosted")

    def show(self, template: str, *, part: str | None = None, status: int = 200, **what: Any) -> HTMLResponse:
        """A page, or the block `part` of it where htmx asks for a part."""
        chosen = part if self.is_part else None
        text = self.serving.pages.render(template, visit=self, look=self.look, part=chosen, **what)
        return HTMLResponse(text, status_code=status)

    def go(self, path: str) -> Response:
        """After a form: on to a page of ours, as a full page or by htmx."""
        onward = RedirectResponse(path, status_code=303)  # it quotes what no header can hold
        if self.is_part:
            return Response(status_code=200, headers={"HX-Redirect": onward.headers["location"]})
        return onward


@dataclass(frozen=True, slots=True)
class Permit:
    """Lets a request through that may do what the route needs.

    Attributes:
        need: what that is.
        streams: whether the route takes the form in by itself, and looks at its token before anything else.
    """

    need: Need
    streams: bool = False

    async def __call__(self, request: Request) -> Visit:
        """Find out who asks; refuse, or hand out the visit.

        Raises: Refused.
        """
        serving: Serving = request.app.state.serving
        secret = request.cookies.get(serving.cookie)
        visitor = serving.sessions.find(secret) if secret else None
        visit = Visit(request=request, visitor=visitor, session=secret if visitor else None, serving=serving)
        if visitor is None and (bearer := read_bearer(request)) is not None:
            visit = replace(visit, visitor=await run_in_threadpool(serving.identify, bearer), session=None)
        if visit.visitor is not None:
            request.scope[KNOWN] = visit.session or read_bearer(request)
        if self.need is Need.nothing:
            return visit
        if visit.visitor is None:
            raise Refused(401, "sign in first")
        is_allowed = visit.visitor.may(self.need)
        serving.note(request, visit.visitor, outcome="allowed" if is_allowed else "refused")
        if not is_allowed:
            raise Refused(403, "you may not do this")
        if request.method in _UNSAFE and visit.session is not None and not self.streams:
            await check_form(request, visit.session)
        return visit


async def check_form(request: Request, session: str) -> None:
    """Refuse what another site made a signed-in browser send.

    Raises: Refused.
    """
    token = request.headers.get("x-form-token")
    if token is None and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        form = await request.form()
        given = form.get("form_token")
        token = given if isinstance(given, str) else None
    if token is None or not is_form_token(token, session):
        raise Refused(403, "this form is too old, or came from another site. Load the page anew and send it again")


def read_bearer(request: Request) -> str | None:
    """The API token that a request carries."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def path_to(*parts: str) -> str:
    """The path of a page about something; strangers' names are quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


Checked = Callable[[Request], Awaitable[Visit]]

Nothing = Annotated[Visit, Depends(Permit(Need.nothing))]
Own = Annotated[Visit, Depends(Permit(Need.own))]
Decide = Annotated[Visit, Depends(Permit(Need.decide))]
Bring = Annotated[Visit, Depends(Permit(Need.bring))]
BringFiles = Annotated[Visit, Depends(Permit(Need.bring, streams=True))]
Team = Annotated[Visit, Depends(Permit(Need.team))]
Manage = Annotated[Visit, Depends(Permit(Need.manage))]
StoreWide = Annotated[Visit, Depends(Permit(Need.store))]
