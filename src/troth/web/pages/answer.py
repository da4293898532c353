"""The form that a survey's link opens: for whoever has the link, without signing in, without a cookie or a script."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from troth.desk import clock
from troth.inviting import Invitation, find_invitation, find_marked
from troth.surveys import LANGUAGES
from troth.told import Told
from troth.web.rendering import Look
from troth.web.visit import Nothing, Refused, Visit

router = APIRouter()

_MOST_FIELDS = 60
_LONGEST_BODY = 16_384


async def read_marks(request: Request) -> dict[str, str]:
    """The fields of the form.

    Raises: HTTPException for more than a form of ours sends.
    """
    if int(request.headers.get("content-length") or _LONGEST_BODY + 1) > _LONGEST_BODY:
        raise HTTPException(413, "this is more than the form sends")
    form = await request.form(max_fields=_MOST_FIELDS, max_files=0)
    return {name: value for name, value in form.items() if isinstance(value, str)}


@router.get("/s/{secret}")
def show_form(visit: Nothing, secret: str, language: str = "", done: bool = False) -> Response:
    """The questions, with what was marked before; or that the link is over."""
    found = _find(visit, secret)
    if not found.is_open(clock()):
        return _page(visit, found, language, status=410, marked={}, is_over=True)
    marked = find_marked(visit.keeper.store, found)
    return _page(visit, found, language, marked=marked, is_done=done and bool(marked))


@router.post("/s/{secret}")
def take_answers(
    visit: Nothing, secret: str, fields: Annotated[dict[str, str], Depends(read_marks)], language: str = ""
) -> Response:
    """Take what was marked, in place of what the link brought before."""
    found = _find(visit, secret)
    if not found.is_open(clock()):
        return _page(visit, found, language, status=410, marked={}, is_over=True)
    if (wait := visit.serving.sheets.wait_s(found.invitation_id)) > 0:
        raise Refused(429, Told("too often at once. Send it again in {wait:.0f} seconds", wait=wait))
    asked = {item.id: fields.get(item.id, "") for item in found.asked.items}
    points = {str(point): point for point in found.asked.scale.points}
    marked = {item: points[value] for item, value in asked.items() if value in points}
    if not marked:
        return _page(visit, found, language, status=422, marked={}, is_empty=True)
    visit.keeper.change(lambda book: book.invitations.answer(secret, marked, now=clock()), patience_s=0.0)
    chosen = f"&language={language}" if language in LANGUAGES else ""
    return RedirectResponse(f"/s/{secret}?done=1{chosen}", status_code=303)


def _find(visit: Visit, secret: str) -> Invitation:
    """The invitation that a link opens.

    Raises: HTTPException 404 where there is none.
    """
    found = find_invitation(visit.keeper.store, secret)
    if found is None:
        raise HTTPException(404, "this link opens nothing. Perhaps a part of it is missing")
    return found


def _page(
    visit: Visit, found: Invitation, language: str, *, marked: dict[str, int], status: int = 200, is_done: bool = False,
    is_over: bool = False, is_empty: bool = False,
) -> Response:  # fmt: skip
    chosen = language if language in LANGUAGES else found.language
    text = visit.serving.pages.render(
        "answer.html", look=Look(language=chosen, theme="auto"), invitation=found, asked=found.asked, marked=marked,
        is_done=is_done, is_over=is_over, is_empty=is_empty, address=visit.request.url.path,
        tick=dt.timedelta(seconds=1),
    )  # fmt: skip
    return HTMLResponse(text, status_code=status, headers={"X-Robots-Tag": "noindex"})
