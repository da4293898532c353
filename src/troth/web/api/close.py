"""The books of a day, closed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
from fastapi import Query
from pydantic import Field

from troth.errors import InputError
from troth.web.api.promises import Pledge
from troth.web.api.questions import Question
from troth.web.api.rim import Row, make_router, problems
from troth.web.past import find_close
from troth.web.visit import Own, Refused

router = make_router("close")

_LOOKS: Final = 30  # of a third of a second each


class Gauge(Row):
    """A score with its 80 % band, percentiles of the reference population."""

    percentile: float | None = Field(description="Null where the reliability is under one half.")
    low: float
    high: float
    reliability: float
    readings: int


class Quote(Row):
    """One sentence as evidence."""

    text: str
    why: str
    relationship: str
    turn_id: str
    start: int
    end: int
    signal: str | None
    probability: float | None


class Checkpoint(Row):
    """One of the six questions at the end of the day."""

    name: str
    plain: str
    gauge: Gauge | None = Field(description="Null where the day held no occasion for it.")
    best: Quote | None
    worst: Quote | None


class CircleClosed(Row):
    """One circle on one day."""

    circle: str
    written: int = Field(description="Turns of ours.")
    received: int
    relationships: int
    checkpoints: list[Checkpoint]


class Suggestion(Row):
    """One thing to do."""

    text: str
    relationship: str | None
    quote: str | None


class Gap(Row):
    """Where what is shown rose and what is held did not."""

    relationship: str
    shown_rose: float
    held_rose: float
    text: str


class Asking(Row):
    """Open questions of trust of one circle, in one line."""

    circle: str
    text: str


class Closed(Row):
    """The books of one day."""

    day: dt.date
    zone: str = Field(description="Whose midnight closed it.")
    circles: list[CircleClosed]
    promises: list[Pledge] = Field(description="Due, late or suspected, ours first.")
    questions: list[Question] = Field(description="Open, and asked within the last four weeks.")
    questions_older: int = Field(description="Open for longer.")
    tomorrow: Suggestion
    gaps: list[Gap]
    asking: list[Asking]
    proof: str = Field(description="How the last forecast did, in one line; empty for earlier days.")


@router.get("/close", responses=problems(_404="No turn has a date yet."))
def show_close(
    visit: Own,
    day: Annotated[
        dt.date | None, Query(description="A local day with turns before or after it. Absent: the last.")
    ] = None,
) -> Closed:
    """The close of a day. Earlier days are worked out when they are asked for, which may answer 503 at first."""
    view = visit.view
    first = pc.min(view.known.turns["sent_at"]).as_py()
    if view.day is None or first is None:
        raise Refused(404, "no turn has a date yet")
    chosen, begun = day or view.day, first.astimezone(ZoneInfo(view.zone)).date()
    if not begun <= chosen <= view.day:
        raise InputError(f"day: the book holds days from {begun} to {view.day}.")
    for _ in range(_LOOKS):
        close = find_close(visit.keeper, view, visit.who.person, chosen)
        if close is not None:
            return Closed.model_validate(close)
    raise Refused(503, f"the close of {chosen} is being worked out. Ask again in a moment")
