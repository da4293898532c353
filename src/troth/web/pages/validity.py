"""Validity: how well each signal was found to work, first in plain words, then check by check."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from troth.fairness import AXES, list_comparable
from troth.validity import COLUMNS, GRADES, Validity, checks_together, list_validity, sum_up
from troth.web.downloading import offer_csv
from troth.web.records import tell_metric, tell_note, tell_rivals
from troth.web.visit import Own

router = APIRouter()
_Words = Annotated[str, Query(max_length=100)]

WHAT_TO_DO: Final = MappingProxyType(
    {
        "well": "Rely on these: on texts that others wrote, they were found well.",
        "part": "Take these with care: many are missed, or they were checked on texts made for it alone.",
        "hardly": "Do not rely on these: most of them are missed.",
        "unknown": "Nothing can be said of these: there were too few examples.",
        "unchecked": "These come from rules, times and answers, and were not checked on public data.",
        "not yet": "These are not found at all yet, so their absence says nothing.",
    }
)
"""What a reader does with signals of each grade."""


@router.get("/validity")
def show_validity(visit: Own, signal: _Words = "", grade: _Words = "") -> Response:
    """All signals, those of one grade, or one signal with every check of it."""
    signals = sum_up()
    chosen = signals.get(signal)
    if signal and chosen is None:
        raise HTTPException(404, "there is no such signal")
    wanted = grade if grade in GRADES else ""
    return visit.show(
        "validity.html", signals=signals, chosen=chosen, grades=GRADES, advice=WHAT_TO_DO, axes=AXES,
        groups=_group(), grade=wanted, shown=[one for one in signals.values() if not wanted or one.grade == wanted],
        comparable=list_comparable(), together=checks_together(),
        told={"metric": tell_metric, "note": tell_note, "rivals": tell_rivals},
    )  # fmt: skip


@router.get("/validity.csv")
def save_validity(visit: Own, signal: _Words = "") -> Response:  # noqa: ARG001 - who asks decides whether one may
    """Every check of every signal, or of one, as CSV."""
    rows = [row for row in list_validity() if not signal or row["signal"] == signal]
    return offer_csv([dict.fromkeys(COLUMNS) | row for row in rows], columns=COLUMNS, name="validity.csv")


def _group() -> dict[str, list[Validity]]:
    made: dict[str, list[Validity]] = {name: [] for name in GRADES}
    for one in sum_up().values():
        made[one.grade].append(one)
    return {name: found for name, found in made.items() if found}
