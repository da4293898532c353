"""Promises: the list of the morning, the story of one, and a person's word on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Form
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from troth.deciding import Story, compose_story
from troth.promises.decided import DECIDABLE
from troth.promises.history import count_revisions
from troth.promises.listing import DUE, LISTED, SECTIONS, is_whole_day, mark_due, order_row
from troth.review import day_bounds
from troth.saying import say, write_day
from troth.web.access import Need
from troth.web.codes import Marks
from troth.web.downloading import offer_csv, offer_file
from troth.web.narrow import hide_elsewhere
from troth.web.paging import Places, cut_page
from troth.web.talks import find_talk
from troth.web.view import View
from troth.web.visit import Decide, Own, Visit, path_to

router = APIRouter()

_CIRCLES: Final = ("customer", "colleague", "friend")
_SIDES: Final = ("us", "them")
_KEYS: Final = ("section", "due_latest", "age_days", "promise_id")
_SURE: Final = frozenset({"kept", "late", "withdrawn", "suspected"})  # what the machine says that one can say yes to
_BACK: Final = "/promises"
_COLUMNS: Final = ("id", "section", "due", "overdue_days", "age_days", "relationship", "person", "text", "act", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which promises are asked for; what is empty asks for all, and for those not settled where no part is named."""

    section: str = ""
    side: str = ""
    due: str = ""
    circle: str = ""
    who: str = ""

    def query(self, **other: str) -> dict[str, str]:
        """What an address asks with, so that it shows the same, or the same but for `other`."""
        stated = {name: getattr(self, name) for name in self.__slots__} | other
        return {name: value for name, value in stated.items() if value}


def read_wanted(section: str = "", side: str = "", due: str = "", circle: str = "", who: str = "") -> Wanted:
    """What was asked for, with what is none of the choices left out."""
    return Wanted(
        section=section if section in SECTIONS else "",
        side=side if side in _SIDES else "",
        due=due if due in DUE else "",
        circle=circle if circle in _CIRCLES else "",
        who=who.strip()[:200],
    )


def mark_wanted(view: View, wanted: Wanted) -> Marks:
    """Which rows of LISTED are asked for, whatever part of the list they stand in."""
    marks = np.ones(view.listed.num_rows, np.bool_)
    if wanted.side:
        marks &= view.coded["side"].equal(wanted.side)
    if wanted.circle:
        marks &= view.coded["circle"].equal(wanted.circle)
    if wanted.due:
        marks &= mark_due(view.listed, wanted.due).to_numpy()
    if wanted.who:
        marks &= view.coded["relationship"].like(wanted.who) | view.coded["person"].like(wanted.who)
    return marks


def find_wanted(view: View, wanted: Wanted) -> Places:
    """The rows of LISTED that are asked for, in the order of the list."""
    part = view.coded["section"].equal(wanted.section or "settled")
    return np.flatnonzero(mark_wanted(view, wanted) & (part if wanted.section else ~part))


@router.get("/promises")
def show_promises(
    visit: Own, section: str = "", side: str = "", due: str = "", circle: str = "", who: str = "", after: str = ""
) -> Response:
    """The list of the morning."""
    wanted, view = read_wanted(section, side, due, circle, who), visit.view
    listed = view.listed

    def key(place: int) -> tuple[int, float, float, str]:
        return order_row(listed.select(_KEYS).slice(place, 1).to_pylist()[0])

    sheet = cut_page(
        find_wanted(view, wanted), key=key, after=_read_key(after),
        mark=lambda place: "~".join(map(str, key(place))),
    )  # fmt: skip
    rows = listed.take(pa.array(sheet.places, pa.int64())).to_pylist()
    return visit.show(
        "promises.html", part="list", wanted=wanted, sheet=sheet, headings=SECTIONS, dues=DUE, circles=_CIRCLES,
        counts=view.coded["section"].count(mark_wanted(view, wanted)), morning=view.morning,
        parts=[(name, list(group)) for name, group in groupby(rows, key=lambda row: row["section"])],
        **_tools(visit),
    )  # fmt: skip


@router.get("/promises.csv")
def save_promises(
    visit: Own, section: str = "", side: str = "", due: str = "", circle: str = "", who: str = ""
) -> Response:
    """The same rows, all pages of them, as CSV."""
    listed = visit.view.listed
    found = find_wanted(visit.view, read_wanted(section, side, due, circle, who))
    columns = [*_COLUMNS, *(name for name in LISTED.names if name not in _COLUMNS)]
    return offer_csv(listed.take(pa.array(found)).to_pylist(), columns=columns, name="promises.csv")


@router.get("/promises.ics")
def save_calendar(visit: Own, side: str = "", circle: str = "", who: str = "") -> Response:
    """What has a due time as a calendar, also what is settled: a calendar that holds it lets it go."""
    from troth.promises.ics import make_calendar  # noqa: PLC0415  # a quarter of a second that few need

    view = visit.view
    wanted = mark_wanted(view, read_wanted("", side, "", circle, who))
    dated = pc.and_(pa.array(wanted), pc.is_valid(view.listed["due_latest"]).combine_chunks())
    content = make_calendar(
        view.listed.filter(dated).to_pylist(), day=view.morning, zone=view.zone,
        revisions=count_revisions(view.history.select(["promise_id", "noted_at"])),
    )  # fmt: skip
    return offer_file(content, name="promises.ics", kind="text/calendar; charset=utf-8")


@router.get("/promises/{promise_id:whole}")
def show_promise(visit: Own, promise_id: str) -> Response:
    """The story of one promise."""
    row = find_row(visit.view, promise_id)
    story = tell(visit.view, row)
    return visit.show(
        "promise.html", row=row, story=story, talk=find_talk(visit.view, row["turn_id"]),
        shown=find_talk(visit.view, row["evidence_turn_id"]), back=path_to("promises", promise_id), **_tools(visit),
    )  # fmt: skip


@router.post("/promises/{promise_id:whole}")
def decide_promise(
    visit: Decide,
    promise_id: str,
    state: Annotated[str, Form()],
    note: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = _BACK,
) -> Response:
    """Take a person's word on a promise: one of DECIDABLE, "yes" to what the machine says, or "undo"."""
    if state not in {*DECIDABLE, "yes", "undo"}:
        raise HTTPException(422, "there is nothing of this name to say of a promise")
    view = visit.view
    row, why, by, day = find_row(view, promise_id), note.strip() or None, visit.who.name or None, view.morning
    if state == "undo":
        decided = visit.keeper.change(lambda book: book.undo_promise(promise_id, note=why, by=by, day=day))
    else:
        chosen = None if state == "yes" else state
        decided = visit.keeper.change(
            lambda book: book.decide_promise(promise_id, chosen, note=why, by=by, day=day)
        )  # fmt: skip
    if not visit.is_part or back != _BACK:
        return visit.go(lead_back(back, promise_id))
    shown = None if decided is None else row | hide_elsewhere(decided, view)
    return visit.show("promise_row.html", row=shown, said=state, morning=day, **_tools(visit))


def find_row(view: View, promise_id: str) -> dict[str, Any]:
    """A row of LISTED.

    Raises: HTTPException 404 when this visitor has no such promise.
    """
    rows = view.promise.rows(promise_id).to_pylist()
    if not rows:
        raise HTTPException(404, "there is no such promise here")
    return rows[0]


def tell(view: View, row: Mapping[str, Any]) -> Story:
    """Everything that a view knows of a promise."""
    said = view.decisions_of.rows(row["promise_id"]).to_pylist()
    ids = {row["turn_id"], row["evidence_turn_id"]} - {None}
    return compose_story(
        row,
        turns={turn_id: turns[0] for turn_id in ids if (turns := view.turn.rows(turn_id).to_pylist())},
        sentences=view.sentences_of.rows(row["turn_id"]),
        history=view.history_of.rows(row["promise_id"]),
        decisions=sorted(said, key=lambda one: one["at"]),
        evening=day_bounds(view.morning, view.zone)[1],
    )


def say_due(row: Mapping[str, Any], *, day: dt.date, zone: str, language: str) -> str:
    """When a promise is due, as somebody would say it on that day; `listing.name_due` in the language of the page."""
    latest: dt.datetime | None = row["due_latest"]
    if latest is None:
        said = row["condition"] or row["due_words"]
        return say(language, "“{words}”", words=said) if said else say(language, "no time")
    local = latest.astimezone(ZoneInfo(zone))
    nearby = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((local.date() - day).days)
    form = "E d MMM" if local.year == day.year else "E d MMM y"
    name = say(language, nearby) if nearby else write_day(language, local.date(), form)
    if row["due_rule"] == "vague":
        return say(language, "“{words}”, about {day}", words=row["due_words"], day=name)
    return name if is_whole_day(local) else f"{name} {local:%H:%M}"


def lead_back(back: str, promise_id: str) -> str:
    """Where to go on: the list or the story, and nowhere else."""
    is_ours = back == _BACK or back.startswith((f"{_BACK}?", f"{_BACK}/"))
    return f"{back}#{promise_id}" if is_ours and "#" not in back and "\\" not in back else _BACK


def _tools(visit: Visit) -> dict[str, Any]:
    """What rows are told with."""
    view, language = visit.view, visit.look.language
    return {
        "due": lambda row: say_due(row, day=view.morning, zone=view.zone, language=language),
        "sure": _SURE,
        "may_decide": visit.who.may(Need.decide),
    }


def _read_key(after: str) -> tuple[int, float, float, str] | None:
    """The place behind which a page begins; the first page where it is none of ours."""
    parts = after.split("~", 3)
    try:
        return int(parts[0]), float(parts[1]), float(parts[2]), parts[3]
    except (ValueError, IndexError):
        return None
