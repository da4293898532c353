"""A team's way in, one's own sessions, and the log of who looked at what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from troth.desk import clock
from troth.web.pages.settings import MAY, give, take_back
from troth.web.sessions import BACK, name_cookie
from troth.web.tokens import OWN_DAYS, list_tokens
from troth.web.visit import Manage, Nothing, Own, Refused, Visit

if TYPE_CHECKING:
    from troth.web.audit import Audit
    from troth.web.oidc import SignIn

router = APIRouter()
_MOST: Final = 50
_Number = Annotated[int | None, Query(ge=1, lt=2**31)]


@router.get("/in/begin")
def begin(visit: Nothing) -> Response:
    """Send somebody to the identity provider."""
    if visit.visitor is not None:
        return RedirectResponse("/", status_code=303)
    attempt = _sign_in(visit).begin()
    answer = RedirectResponse(attempt.address, status_code=303)
    # Lax: the provider sends the browser back from its own site, and this alone must come along.
    answer.set_cookie(
        _attempt_cookie(visit), attempt.cookie, max_age=600, httponly=True, samesite="lax",
        secure=visit.serving.is_https, path="/",
    )  # fmt: skip
    return answer


@router.get(BACK)
def finish(visit: Nothing) -> Response:
    """Let somebody in whom the identity provider sent back.

    The page leads on by itself: what began at the provider's site may not bring the cookie of a session along, and the
    next step, which begins here, may.
    """
    cookie = _attempt_cookie(visit)
    try:
        visitor = _sign_in(visit).finish(dict(visit.request.query_params), visit.request.cookies.get(cookie))
    except Refused as error:
        if error.status == 403 and visit.serving.audit is not None:
            visit.serving.audit.note("sign in", who=None, role=None, outcome="refused")
        raise
    if visit.serving.audit is not None:
        visit.serving.audit.note("sign in", who=visitor.person, role=visitor.role)
    answer = visit.show("in.html", whom=visitor.name)
    answer.delete_cookie(cookie, path="/", secure=visit.serving.is_https, httponly=True, samesite="lax")
    answer.set_cookie(
        visit.serving.cookie, visit.serving.sessions.begin(visitor), httponly=True, samesite="strict",
        secure=visit.serving.is_https, path="/",
    )  # fmt: skip
    return answer


@router.post("/out/everywhere")
def go_out_everywhere(visit: Own) -> Response:
    """End all of one's sessions.

    Raises: Refused with 403 where a token asks: it was given to read, and its owner sits in a browser.
    """
    if visit.session is None:
        raise Refused(403, "whoever is signed in signs out; a token is taken back instead")
    visit.serving.sessions.end_all(visit.who)
    answer = visit.show("out.html")
    answer.delete_cookie(visit.serving.cookie, path="/", secure=visit.serving.is_https, httponly=True)
    return answer


@router.get("/account")
def show_account(visit: Own, before: _Number = None) -> Response:
    """Who one is here, where one is signed in, one's tokens, and what is noted of it."""
    return _show(visit, before=before)


@router.post("/account/tokens")
def give_token(
    visit: Own, name: Annotated[str, Form()], days: Annotated[int, Form(ge=1, le=OWN_DAYS)] = 90,
    may: Annotated[tuple[str, ...], Form()] = (),
) -> Response:  # fmt: skip
    """Make a token of one's own, which sees what one sees; it is shown this once."""
    return _show(visit, token=give(visit, name=name, days=days, may=may))


@router.post("/account/tokens/revoke")
def take_token(visit: Own, token_id: Annotated[str, Form(min_length=1)]) -> Response:
    """Take a token of one's own back."""
    take_back(visit, token_id, of=visit.who)
    return visit.go("/account#tokens")


@router.get("/log")
def show_log(visit: Manage, before: _Number = None) -> Response:
    """Who looked at what, the latest first, and whether the log is whole."""
    audit = _audit(visit)
    leaf = audit.leaf(before=before, most=_MOST)
    looked = audit.look_through() if before is None else None
    return visit.show("log.html", entries=leaf.rows, before=leaf.before, is_first=before is None, looked=looked)


def _show(visit: Visit, *, before: int | None = None, token: str | None = None) -> Response:
    audit, person = visit.serving.audit, visit.who.person
    leaf = None if audit is None or person is None else audit.leaf(before=before, who=person, most=_MOST)
    return visit.show(
        "account.html", sessions=visit.serving.sessions.count(visit.who), token=token, may=MAY,
        entries=leaf.rows if leaf else [], before=leaf.before if leaf else None,
        tokens=[] if person is None else list_tokens(visit.keeper.store, of=visit.who), now=clock(),
        givable=[need for need in MAY if visit.who.may(need)], longest=OWN_DAYS,
    )  # fmt: skip


def _sign_in(visit: Visit) -> SignIn:
    if visit.serving.sign_in is None:
        raise HTTPException(404)
    return visit.serving.sign_in


def _audit(visit: Visit) -> Audit:
    if visit.serving.audit is None:
        raise HTTPException(404)
    return visit.serving.audit


def _attempt_cookie(visit: Visit) -> str:
    return name_cookie(is_https=visit.serving.is_https, name="troth_attempt")
