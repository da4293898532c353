"""Touch points: where customers meet us, what each place shows, and where it does not join up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from troth.signals import HELD, SHOWN
from troth.web.charting import offer_chart
from troth.web.downloading import offer_csv
from troth.web.later import DOWNLOAD_S, PAGE_S, find_later
from troth.web.meant import find_meant
from troth.web.talks import find_talk
from troth.web.visit import Own, Visit

if TYPE_CHECKING:
    from troth.touching import TouchMap
    from troth.web.view import View

router = APIRouter()

FACETS: Final[Mapping[str, str]] = {**SHOWN, **HELD}
_FEW: Final = 5  # waits under which no median is given, as on a terminal
_LISTED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long it takes at a touch point, in working hours.

    Attributes:
        waits: how many were counted.
        hours, low, high: with an 80 % interval; None where it cannot be said.
        is_few: too few to say.
    """

    waits: int
    hours: float | None
    low: float | None
    high: float | None
    is_few: bool


@router.get("/touchpoints")
def show_touchpoints(visit: Own, customer: str = "", facet: str = "", every: bool = False) -> Response:
    """The map, of all customers or of one."""
    view, wanted = visit.view, customer.strip()
    name, like = find_meant(view, wanted)
    found = find_map(visit, name) if name or not wanted else None
    if wanted and name is None:
        return visit.show("touchpoints.html", found=None, customer=wanted, like=like, is_unknown=True)
    if found is None:
        return visit.show("touchpoints.html", found=None, customer=name or "", like=(), is_unknown=False)
    points, shown = found.points.to_pylist(), found.shown
    facets = _facets(shown)
    chosen = facet if facet in facets else next(iter(facets), "")
    heard = found.heard if every else found.suspected
    return visit.show(
        "touchpoints.html", found=found, customer=name or "", like=(), is_unknown=False, points=points,
        waits=[row for row in points if row["first_answers"] or row["hand_overs"]], wait=read_wait,
        facets=facets, facet=chosen, rows=_of_facet(shown, chosen).to_pylist(),
        heard=[_tell(view, row) for row in heard.slice(0, _LISTED).to_pylist()], every=every,
        heard_in_all=heard.num_rows,
        agreeing=found.heard.num_rows - found.suspected.num_rows, held=HELD,
        repeated=[_tell(view, row) for row in found.repeated.slice(0, _LISTED).to_pylist()], asked_for=_ask(name),
    )  # fmt: skip


@router.get("/touchpoints/map.csv")
def save_touchpoints(visit: Own, customer: str = "") -> Response:
    """Everything on the map, as one table."""
    from troth.touch.tables import FLAT  # noqa: PLC0415  # grammars that nothing else here needs

    return offer_csv(_map_or_none(visit, customer).list_rows(), columns=FLAT.names, name="touchpoints.csv")


@router.get("/touchpoints/chart.{ending}")
def draw_touchpoints(
    visit: Own, ending: Literal["json", "svg", "png", "csv"], customer: str = "", facet: str = "", theme: str = "light",
    width: int = 720,
) -> Response:  # fmt: skip
    """What touch points show of one facet, or of all."""
    found = _map_or_none(visit, customer)
    shown = _of_facet(found.shown, facet) if facet in FACETS else found.shown
    return offer_chart(
        lambda chosen: replace(found, shown=shown).chart(theme=chosen, say=visit.say),
        ending, name="touchpoints", theme=theme, width=width,
    )  # fmt: skip


def find_map(visit: Visit, customer: str | None, *, patience_s: float = PAGE_S) -> TouchMap | None:
    """The map as of the visitor's view; None while it is being worked out."""
    view = visit.view

    def work() -> TouchMap:
        from troth.touching import map_touchpoints  # noqa: PLC0415  # grammars that nothing else here needs

        return map_touchpoints(
            view.known, view.standing, view.model, settings=view.settings, outcomes=view.outcomes,
            relationship=customer,
        )  # fmt: skip

    return find_later(view, ("touch map", customer), lambda: visit.keeper.work_later(work), patience_s=patience_s)


def read_wait(row: Mapping[str, Any], name: str, part: str) -> Wait:
    """One wait of a row of TOUCHPOINTS. `name`: first_answer or hand_over; `part`: median or most."""
    waits, hours = row[f"{name}s"], row[f"{name}_{part}_h"]
    is_few = row[f"{name}_median_h"] is None and waits - row[f"{name}s_open"] < _FEW
    low, high = (row[f"{name}_{part}_{end}_h"] for end in ("low", "high"))
    return Wait(waits=waits, hours=hours, low=low, high=high, is_few=is_few)


def _map_or_none(visit: Visit, customer: str) -> TouchMap:
    """The map of a customer's exact name, or of all.

    Raises: HTTPException 404 where there is no such customer, 503 while it is being worked out.
    """
    if customer and customer not in visit.view.by_name:
        raise HTTPException(404, "there is no such relationship here")
    found = find_map(visit, customer or None, patience_s=DOWNLOAD_S)
    if found is None:
        raise HTTPException(503, "the map is being worked out. Ask again in a moment", headers={"Retry-After": "2"})
    return found


def _facets(shown: pa.Table) -> dict[str, str]:
    """The facets that were read anywhere, those with most readings first."""
    counted = shown.group_by("facet", use_threads=False).aggregate([("readings", "sum")])
    rows = sorted(counted.to_pylist(), key=lambda row: (-row["readings_sum"], row["facet"]))
    return {row["facet"]: FACETS[row["facet"]] for row in rows}


def _of_facet(shown: pa.Table, facet: str) -> pa.Table:
    return shown.filter(pc.equal(shown["facet"], facet))


def _tell(view: View, row: dict[str, Any]) -> dict[str, Any]:
    """A finding with where its two sentences stand."""
    return {**row, **{f"{part}_talk": find_talk(view, row[f"{part}_turn_id"]) for part in ("earlier", "later")}}


def _ask(customer: str | None) -> dict[str, str]:
    return {"customer": customer} if customer else {}
