"""Coming in by the one-time address, going out, and how pages look."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from troth.told import LANGUAGES
from troth.web.access import Role, Visitor
from troth.web.rendering import LOOK_COOKIE, THEMES
from troth.web.visit import Nothing, Own, Refused

router = APIRouter()
_YEAR_S: Final = 365 * 24 * 3600


@router.get("/in")
def come_in(visit: Nothing, token: str = "") -> Response:
    """Take the one-time token of the address for a session; the address is then of no use to anybody."""
    if visit.visitor is not None:
        return RedirectResponse("/", status_code=303)
    if visit.serving.sign_in is not None:
        return visit.show("in.html", whom="")
    if not visit.serving.keys.use(token):
        raise Refused(401, "this address was used before, or is not whole. `troth serve` in a terminal gives a new one")
    secret = visit.serving.sessions.begin(Visitor(name=visit.keeper.settings.us[0] if visit.keeper.settings.us else "",
                                                  role=Role.sole))  # fmt: skip
    answer = RedirectResponse("/", status_code=303)
    answer.set_cookie(
        visit.serving.cookie, secret, httponly=True, samesite="strict", secure=visit.serving.is_https, path="/"
    )
    return answer


@router.post("/out")
def go_out(visit: Own) -> Response:
    """Sign out."""
    if visit.session is not None:
        visit.serving.sessions.end(visit.session)
    answer = visit.show("out.html")
    answer.delete_cookie(visit.serving.cookie, path="/", secure=visit.serving.is_https, httponly=True)
    return answer


@router.post("/look")
def choose_look(_: Own, language: Annotated[str, Form()], theme: Annotated[str, Form()]) -> Response:
    """Choose the language and the theme of pages."""
    if language not in LANGUAGES or theme not in THEMES:
        raise Refused(403, "there is no such language or theme")
    answer = RedirectResponse("/settings", status_code=303)
    answer.set_cookie(LOOK_COOKIE, f"{language}.{theme}", max_age=_YEAR_S, httponly=True, samesite="strict", path="/")
    return answer
