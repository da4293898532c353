"""The day's close: six checkpoints per circle, what is open, and one thing to do."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from troth.web.visit import Own

router = APIRouter()


@router.get("/")
def show_today(visit: Own) -> Response:
    """The close of the last day with a turn."""
    return visit.show("today.html", close=visit.view.close)
