"""A team's way in, one's own sessions, and the log of who looked at what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from troth.web.sessions import BACK, name_cookie
from troth.web.visit import Manage, Nothing, Own, Refused, Visit

if TYPE_CHECKING:
    from troth.web.audit import Audit
    from troth.web.oidc import SignIn

router = APIRouter()
_MOST: Final = 50


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
    """End all of one's sessions."""
    visit.serving.sessions.end_all(visit.who)
    answer = visit.show("out.html")
    answer.delete_cookie(visit.serving.cookie, path="/", secure=visit.serving.is_https, httponly=True)
    return answer


@router.get("/account")
def show_account(visit: Own) -> Response:
    """Who one is here, where one is signed in, and what is noted of it."""
    audit, person = visit.serving.audit, visit.who.person
    own = [] if audit is None or person is None else audit.list(who=person, most=_MOST)
    return visit.show("account.html", sessions=visit.serving.sessions.count(visit.who), entries=own)


@router.get("/log")
def show_log(visit: Manage, before: int | None = None) -> Response:
    """Who looked at what, the latest first, and whether the log is whole."""
    audit = _audit(visit)
    entries = audit.list(before=before, most=_MOST)
    after = entries[-1]["number"] if len(entries) == _MOST else None
    return visit.show("log.html", entries=entries, after=after, checked=audit.check() if before is None else None)


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
