"""The day's close: six checkpoints per circle, what is open, and one thing to do; of the last day or an earlier one."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from troth.errors import InputError
from troth.relationship import parse_day
from troth.review import day_bounds
from troth.review.close import name_state
from troth.told import Told
from troth.web.past import find_close
from troth.web.talks import find_talk
from troth.web.visit import Own

if TYPE_CHECKING:
    from troth.web.view import View

router = APIRouter()
_LISTED: Final = 6  # promises and questions each; the others are a link away


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The days beside a day on which somebody wrote; None where there is none. First and last of all of them."""

    before: dt.date | None
    after: dt.date | None
    first: dt.date
    last: dt.date


@router.get("/")
def show_today(visit: Own, day: Annotated[str, Query(max_length=10)] = "") -> Response:
    """The close of a day; of the last one with a turn where none is named."""
    if not visit.keeper.is_ready and visit.opens("/bring") and visit.serving.worker.is_busy:
        return visit.go("/bring")  # the first figures wait for a job that a new start goes on with
    view = visit.view
    if view.is_empty and visit.opens("/welcome"):
        return visit.go("/welcome")
    if view.day is None or view.close is None or not view.days:
        return visit.show("today.html", close=None, chosen=None)
    chosen = _choose(view, day)
    close = find_close(visit.keeper, view, visit.who.person, chosen)
    what: dict[str, Any] = {"chosen": chosen, "close": close, "steps": _find_steps(view.days, chosen)}
    if close is None:
        return visit.show("today.html", part="body", **what)
    evening = day_bounds(chosen, view.zone)[1]
    return visit.show(
        "today.html", part="body", listed=_LISTED, talk=lambda turn_id: find_talk(view, turn_id),
        state=lambda promise: name_state(promise, evening), **what,
    )  # fmt: skip


def _choose(view: View, day: str) -> dt.date:
    """The day that an address names.

    Raises: InputError when it is no day of this book.
    """
    last = max(view.days[-1], view.day or view.days[-1])
    chosen = parse_day(day) if day else view.day or last
    if not view.days[0] <= chosen <= last:
        raise InputError(
            Told(
                "{chosen} is not among the days of this book, {first} to {last}",
                chosen=chosen,
                first=view.days[0],
                last=last,
            )
        )
    return chosen


def _find_steps(days: list[dt.date], chosen: dt.date) -> Steps:
    before, after = bisect_left(days, chosen) - 1, bisect_right(days, chosen)
    return Steps(
        before=days[before] if before >= 0 else None,
        after=days[after] if after < len(days) else None,
        first=days[0],
        last=days[-1],
    )
