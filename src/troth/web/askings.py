"""Questions sorted and sifted without touching a row: orders and marks are worked out once for each view."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.questions import STATES
from troth.signals import HELD
from troth.web.codes import Codes, Marks
from troth.web.paging import Places, cut_page
from troth.web.roll import Sheet

KINDS: Final = (*HELD, "direct")
"""The trust questions by facet, and every other one."""
SORTS: Final = MappingProxyType(
    {
        "strength": (("is_direct", "ascending"), ("openness", "descending"), ("asked", "ascending")),
        "oldest": (("asked", "ascending"),),
        "newest": (("asked_down", "ascending"),),
    }
)
"""What can be sorted by: as `troth questions` does, the strongest trust questions first; or by age."""

_NEVER: Final = np.iinfo(np.int64).max  # what has no time comes last, whichever way


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which questions are asked for; what is empty asks for all.

    Attributes:
        kind: one of KINDS, or "trust" for the first four.
        state: one of STATES, or "waiting" for what is open in whole or in part.
        circle: customer, colleague or friend.
        who: part of a relationship's name, in any case.
        sort: one of SORTS.
    """

    kind: str = ""
    state: str = "waiting"
    circle: str = ""
    who: str = ""
    sort: str = "strength"

    def query(self, **other: str) -> dict[str, str]:
        """What an address asks with, so that it shows the same, or the same but for `other`."""
        stated = {name: getattr(self, name) for name in self.__slots__} | other
        usual = {"state": "waiting", "sort": "strength"}
        return {name: value for name, value in stated.items() if value != usual.get(name, "")}


def read_wanted(kind: str, state: str, circle: str, who: str, sort: str) -> Wanted:
    """What was asked for, with what is none of the choices left out."""
    return Wanted(
        kind=kind if kind in {*KINDS, "trust"} else "",
        state=state if state in {*STATES, "waiting", "all"} else "waiting",
        circle=circle if circle in {"customer", "colleague", "friend"} else "",
        who=who.strip()[:200],
        sort=sort if sort in SORTS else "strength",
    )


class Askings:
    """QUESTIONS, ready to be sorted and sifted.

    Cost: three sorts when it is made; a page then takes a few passes over as many bytes.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table.combine_chunks()
        self._codes = {name: Codes(table[name]) for name in ("kind", "state", "circle", "relationship")}
        asked = pc.fill_null(table["asked_at"].cast(pa.int64()), int(_NEVER)).to_numpy()
        keys = pa.table(
            {
                "is_direct": pc.equal(table["kind"], "direct").cast(pa.int8()),
                "openness": pc.round(table["strength"].cast(pa.float64()), 3),
                "asked": asked,
                "asked_down": np.where(asked == _NEVER, _NEVER, -asked),
                "id": table["question_id"],
            }
        )
        self._orders: dict[str, Places] = {}
        self._ranks: dict[str, Places] = {}
        for sort, columns in SORTS.items():
            order = pc.sort_indices(keys, sort_keys=[*columns, ("id", "ascending")]).to_numpy().astype(np.int64)
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order))
            self._orders[sort], self._ranks[sort] = order, rank

    def mark(self, wanted: Wanted) -> Marks:
        """Which rows are wanted, of whatever kind."""
        marks = np.ones(self.table.num_rows, np.bool_)
        if wanted.state == "waiting":
            marks &= self._is("state", "open") | self._is("state", "partly")
        elif wanted.state != "all":
            marks &= self._is("state", wanted.state)
        if wanted.circle:
            marks &= self._is("circle", wanted.circle)
        if wanted.who:
            marks &= self._codes["relationship"].like(wanted.who)
        return marks

    def find(self, wanted: Wanted) -> Places:
        """The rows that are wanted, in the order that is wanted."""
        marks = self.mark(wanted)
        if wanted.kind == "trust":
            marks &= ~self._is("kind", "direct")
        elif wanted.kind:
            marks &= self._is("kind", wanted.kind)
        order = self._orders[wanted.sort]
        return order[marks[order]]

    def page(self, wanted: Wanted, after: str) -> Sheet:
        """The page after the question of this id; the first one where there is no such question any more."""
        rank, ids = self._ranks[wanted.sort], self.table["question_id"]
        last = pc.index(ids, after).as_py() if after else -1
        return cut_page(
            self.find(wanted),
            key=lambda place: rank[place],
            after=None if last < 0 else rank[last],
            mark=lambda place: ids[place].as_py(),
        )

    def count_kinds(self, wanted: Wanted) -> dict[str, int]:
        """How many there are of each kind, whatever kind is wanted."""
        return self._codes["kind"].count(self.mark(wanted))

    def _is(self, column: str, value: str) -> Marks:
        return self._codes[column].equal(value)
