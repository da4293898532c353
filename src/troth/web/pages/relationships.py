"""Who trusts us how much: all relationships, sorted and sifted, fifty a page, and as a file."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from troth.errors import InputError
from troth.fairness import count_unfit
from troth.told import Told
from troth.web.downloading import offer_csv
from troth.web.roll import FALLING, SORTS, Asked
from troth.web.sparks import choose_times, find_sparks
from troth.web.visit import Own

router = APIRouter()

SHOWS: Final = MappingProxyType(
    {
        "": "all",
        "promises": "with open promises",
        "questions": "with open questions",
        "falling": "with falling trust",
        "warning": "with a warning",
        "unsure": "not enough evidence for a number",
    }
)
CIRCLES: Final = MappingProxyType(
    {"": "all circles", "customer": "customers", "colleague": "colleagues", "friend": "friends"}
)
NAMES: Final = MappingProxyType(
    {
        "turns": "number of messages",
        "last": "last contact",
        "name": "name",
        "circle": "circle",
        "shown": "trustworthiness shown",
        "shown_change": "change of what is shown",
        "held": "trust held",
        "held_change": "change of trust held",
        "ours": "promises of ours",
        "theirs": "promises of theirs",
        "asked": "open questions",
    }
)
"""What can be sorted by, in the words of the page."""

_Words = Annotated[str, Query(max_length=200)]


@router.get("/relationships")
def list_relationships(
    visit: Own, q: _Words = "", circle: _Words = "", show: _Words = "", sort: _Words = "", after: _Words = ""
) -> Response:
    """A page of relationships."""
    view, asked = visit.view, _read(q, circle, show, sort, after)
    sheet = view.roll.page(asked)
    rows = [view.rows[place] for place in sheet.places]
    sparks = find_sparks(view, [row["relationship"] for row in rows])
    unfit, checked = _count_unfit()
    weeks = round((view.standing.now - choose_times(view)[0]).days / 7)
    return visit.show(
        "relationships.html", part="list", asked=asked, sheet=sheet, rows=rows, sparks=sparks, shows=SHOWS,
        circles=CIRCLES, names=NAMES, watch=view.settings.trend, unfit=unfit, checked=checked, weeks=weeks,
        sort_of=write_sort, turn=_turn, at=_at, unread=view.unread, everything=len(view.rows),
    )  # fmt: skip


@router.get("/relationships.csv")
def save_relationships(
    visit: Own, q: _Words = "", circle: _Words = "", show: _Words = "", sort: _Words = ""
) -> Response:
    """The same relationships as a file, all of them, with every column of `troth relationships --format csv`."""
    view = visit.view
    found: list[int] = view.roll.find(_read(q, circle, show, sort)).tolist()
    rows = (view.rows[place] for place in found)
    return offer_csv(rows, columns=view.relationships.column_names, name="relationships.csv")


def _read(q: str, circle: str, show: str, sort: str, after: str = "") -> Asked:
    """What an address asks for; a sort that ends with "-" goes down.

    Raises: InputError for what cannot be asked for.
    """
    by, down = sort.removesuffix("-"), sort.endswith("-")
    by, down = (by, down) if by else ("turns", True)
    for given, known in ((circle, CIRCLES), (show, SHOWS), (by, SORTS)):
        if given not in known:
            raise InputError(
                Told("{given!r} is none of {known}", given=given, known=", ".join(name for name in known if name))
            )
    return Asked(search=q.strip(), circle=circle, show=show, sort=by, down=down, after=after)


def write_sort(by: str, *, down: bool) -> str:
    """A sort as addresses write it."""
    return f"{by}-" if down else by


def _turn(asked: Asked, by: str) -> Asked:
    """What a column's heading asks for: to sort by it, or the other way round where that is so already."""
    return replace(asked, sort=by, down=not asked.down if asked.sort == by else by in FALLING, after="")


def _at(asked: Asked, after: str) -> Asked:
    return replace(asked, after=after)


@cache
def _count_unfit() -> tuple[int, int]:
    return count_unfit()
