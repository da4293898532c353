"""Figures of groups, for analysts: what can be given, and why the rest is withheld."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Literal

import pyarrow.compute as pc
from fastapi import APIRouter, Form
from fastapi.responses import Response

from troth.desk import clock
from troth.web.jobs import UNFINISHED
from troth.web.team import LEAST_EVIDENCED, LEAST_PEOPLE, LEAST_RELATIONSHIPS, REASONS, check_period, list_periods
from troth.web.visit import Team, Visit

router = APIRouter()


@router.get("/team")
def show_team(visit: Team) -> Response:
    """Published figures, the latest period first, and the periods that may be published."""
    figures = visit.view.figures.sort_by([("period", "descending"), ("team", "ascending")])
    rows = sorted(figures.to_pylist(), key=lambda row: row["team"] != "all")
    periods = [
        (period, list(of_period))
        for period, of_period in groupby(sorted(rows, key=lambda row: row["period"], reverse=True), _period_of)
    ]
    given = set(figures.filter(pc.is_null(figures["withheld"]))["period"].to_pylist())
    over = [period for period in list_periods(clock(), _kind(visit), visit.view.zone) if period not in given]
    return visit.show(
        "team.html", periods=periods, over=over, reasons=REASONS,
        jobs=[job for job in visit.serving.worker.jobs(kind="publish") if job.state in {*UNFINISHED, "failed"}],
        unfinished=UNFINISHED, least=(LEAST_PEOPLE, LEAST_EVIDENCED, LEAST_RELATIONSHIPS),
    )  # fmt: skip


@router.post("/team/publish")
def publish_figures(visit: Team, period: Annotated[str, Form()]) -> Response:
    """Have a period that is over worked out beside the requests, and published, once."""
    check_period(visit.keeper.open_book(), period, now=clock())
    visit.serving.worker.add_anew("publish", period, {"period": period}, by=visit.who.person or visit.who.name)
    return visit.go("/team")


def _kind(visit: Visit) -> Literal["month", "week"]:
    team = visit.view.settings.team
    return "month" if team is None else team.period


def _period_of(row: dict[str, object]) -> object:
    return row["period"]
