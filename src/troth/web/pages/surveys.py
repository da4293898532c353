"""Surveys: ask by a link or a file, what came back, how well it was foretold, and how good the scales are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Form
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from troth.desk import clock
from troth.errors import InputError
from troth.foretold import Foresight, forecast_answers, sum_up
from troth.relationship import parse_day
from troth.schema import ANSWERS
from troth.surveys import ENOUGH, NAMES, ScaleQuality, load_set, make_survey, rate_scales
from troth.surveys.make import FormatName
from troth.surveys.sets import Language, all_items
from troth.teaming import LOOPBACK
from troth.told import Told
from troth.web.access import Need
from troth.web.downloading import offer_csv, offer_file
from troth.web.later import DOWNLOAD_S, PAGE_S, find_later
from troth.web.meant import find_meant
from troth.web.paging import cut_page
from troth.web.view import View
from troth.web.visit import Bring, Own, Visit

router = APIRouter()

_DAYS: Final = 14  # that a link is good if nobody says
_SUGGESTED: Final = 200  # relationships that the field proposes
_LINKS: Final = 50
_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "html": ("html", "text/html; charset=utf-8"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "qualtrics": ("txt", "text/plain; charset=utf-8"),
    "typeform": ("json", "application/json"),
}
_FORETOLD: Final = ("chance", "base_chance", "expected")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forecasts:
    """What was foretold of every answer, and how well each set was."""

    table: pa.Table
    foresight: dict[str, Foresight]


@router.get("/surveys")
def show_surveys(visit: Own, name: str = "", after: str = "") -> Response:
    """What was asked and answered, and the means to ask."""
    return _show(visit, name=name, after=after)


@router.post("/surveys")
def make_link(
    visit: Bring,
    relationship: Annotated[str, Form()],
    asked: Annotated[str, Form()],
    language: Annotated[str, Form()],
    asked_by: Annotated[str, Form()],
    until: Annotated[str, Form()],
    person: Annotated[str, Form()] = "",
) -> Response:
    """Make a link, which this answer shows and nobody can show again."""
    meant, like = find_meant(visit.view, relationship.strip())
    if meant is None:
        none = Told(" Read a mailbox first, or look at the relationships.")
        names = Told(" It could be {names}.", names=tuple(like)) if like else none
        raise InputError(
            Told(
                "there is no single relationship {about!r}.{names}",
                about=relationship.strip(),
                names=names,
            )
        )
    secret, made = visit.keeper.change(
        lambda book: book.invitations.invite(
            meant, asked=asked, language=language, asked_by=asked_by, until=parse_day(until), now=clock(), person=person
        )
    )
    return _show(visit, made=made, link=f"{_address(visit)}/s/{secret}")


@router.post("/surveys/links/{invitation_id}/close")
def close_link(visit: Bring, invitation_id: str) -> Response:
    """Take no more answers by a link."""
    visit.keeper.change(lambda book: book.invitations.close(invitation_id, now=clock()))
    return visit.go("/surveys#links")


@router.get("/surveys/form")
def save_form(
    visit: Own, asked: str, shape: FormatName = "html", language: str = "en", relationship: str = ""
) -> Response:
    """A question set as a file: a form that needs no network, or for a survey tool."""
    ending, kind = _FILES[shape]
    whose = find_meant(visit.view, relationship.strip())[0] if shape == "html" else None
    made = make_survey(load_set(asked), language=_language(language), shape=shape, relationship=whose)
    return offer_file(made.encode(), name=f"{asked}-{_language(language)}.{ending}", kind=kind)


@router.get("/surveys.csv")
def save_answers(visit: Own) -> Response:
    """Every answer with the forecast made of it before it counted."""
    view = visit.view
    if _forecasts(visit, patience_s=DOWNLOAD_S) is None:
        raise HTTPException(503, "the forecasts are being worked out. Ask again in a moment", {"Retry-After": "5"})
    told = _foretell(visit, view.answers)
    rows = [row | told.get(row["answer_id"], {}) for row in view.answers_newest.to_pylist()]
    columns = [*ANSWERS.names, *_FORETOLD]
    return offer_csv(rows, columns=columns, name="answers.csv")


def _show(visit: Visit, *, name: str = "", after: str = "", **made: Any) -> Response:
    view, now = visit.view, clock()
    answers = _of_set(view.answers_newest, name) if name in NAMES else view.answers_newest
    last = pc.index(answers["answer_id"], after).as_py() if after else -1
    sheet = cut_page(
        np.arange(answers.num_rows), key=lambda place: place, after=None if last < 0 else last,
        mark=lambda place: answers["answer_id"][place].as_py(),
    )  # fmt: skip
    shown = answers.slice(sheet.first - 1, len(sheet.places))
    told = _foretell(visit, shown)
    rows = [row | told.get(row["answer_id"], {}) for row in shown.to_pylist()]
    return visit.show(
        "surveys.html", sets=[load_set(one) for one in NAMES], sets_named=_titles(visit),
        names=[row["relationship"] for row in view.rows[:_SUGGESTED]], asked_by=view.whose,
        until=(now.astimezone(ZoneInfo(view.zone)) + dt.timedelta(days=_DAYS)).date(), today=now,
        may_ask=visit.who.may(Need.bring), is_own=visit.who.person is not None, is_local=_is_local(visit),
        links=_links(view, now), rated=_rate(visit), foresight=_foresee(visit), reasons=list_reasons,
        items=all_items(), sheet=sheet, rows=rows, name=name if name in NAMES else "", made=made.get("made"),
        link=made.get("link"), tick=dt.timedelta(seconds=1),
    )  # fmt: skip


def _links(view: View, now: dt.datetime) -> list[dict[str, Any]]:
    """The links made last, with how each stands."""
    rows = view.invitations.sort_by([("made_at", "descending")]).slice(0, _LINKS).to_pylist()
    for row in rows:
        over = row["closed_at"] is not None or now > row["until"]
        row["state"] = "answered" if row["answered_at"] else "closed" if over else "waiting"
        row["is_open"] = not over
    return rows


def list_reasons(scale: ScaleQuality) -> list[tuple[str, dict[str, object]]]:
    """What is not said of a scale and why, as a sentence and its parts."""
    waits = "{figure} waits for {least} complete sheets; there are {sheets}"
    few = {
        f"{figure} waits for {least} complete sheets; there are {scale.complete}": (figure, least)
        for figure, least in ENOUGH.items()
    }
    return [
        (waits, {"figure": few[reason][0], "least": few[reason][1], "sheets": scale.complete}) if reason in few
        else (reason, {})
        for reason in scale.withheld
    ]  # fmt: skip


def _rate(visit: Visit) -> dict[str, ScaleQuality] | None:
    """How good the scales are; None while it is being worked out."""
    view = visit.view
    return find_later(view, "scales", lambda: visit.keeper.work_later(lambda: rate_scales(view.answers)))


def _forecasts(visit: Visit, *, patience_s: float = PAGE_S) -> _Forecasts | None:
    view = visit.view

    def work() -> _Forecasts:
        told = forecast_answers(view.answers, view.standing.readings, view.model, segments=view.segments)
        summed = {name: sum_up(_of_set(told, name)) for name in NAMES}
        return _Forecasts(
            table=told.select(["answer_id", "log_score", "base_log_score", "chances"]),
            foresight={name: one for name, one in summed.items() if one is not None},
        )

    return find_later(view, "forecasts", lambda: visit.keeper.work_later(work), patience_s=patience_s)


def _foresee(visit: Visit) -> dict[str, Foresight] | None:
    """How well each set was foretold; None while it is being worked out."""
    told = _forecasts(visit)
    return None if told is None else told.foresight


def _foretell(visit: Visit, answers: pa.Table) -> dict[str, dict[str, float]]:
    """Each answer to what was foretold of it: the chance given to what was marked, knowing the relationship and not,
    and the mean that was expected. Empty while it is being worked out.
    """
    told = _forecasts(visit)
    if told is None:
        return {}
    table = told.table.filter(pc.is_in(told.table["answer_id"], answers["answer_id"].combine_chunks()))
    return {
        row["answer_id"]: {
            "chance": float(np.exp(row["log_score"])),
            "base_chance": float(np.exp(row["base_log_score"])),
            "expected": sum(point * chance for point, chance in enumerate(row["chances"], start=1)),
        }
        for row in table.to_pylist()
    }


def _of_set(table: pa.Table, name: str) -> pa.Table:
    return table.filter(pc.is_in(table["item"], pa.array([item.id for item in load_set(name).items])))


def _titles(visit: Visit) -> dict[str, str]:
    return {name: load_set(name).title[_language(visit.look.language)] for name in NAMES}


def _language(asked: str) -> Language:
    return "de" if asked == "de" else "en"


def _address(visit: Visit) -> str:
    return (visit.serving.address or str(visit.request.base_url)).rstrip("/")


def _is_local(visit: Visit) -> bool:
    """Whether only this machine can open what we serve."""
    return urlsplit(_address(visit)).hostname in LOOPBACK
