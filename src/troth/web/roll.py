"""Relationships sorted and sifted without touching a row: orders and marks are worked out once for each view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]

SORTS: Final = MappingProxyType(
    {
        "turns": ("turns", "turns"),
        "name": ("relationship", "relationship"),
        "circle": ("circle", "circle"),
        "shown": ("shown_high", "shown_low"),
        "shown_change": ("shown_rose", "shown_rose"),
        "held": ("held_high", "held_low"),
        "held_change": ("held_rose", "held_rose"),
        "ours": ("promises_of_ours", "promises_of_ours"),
        "theirs": ("promises_of_theirs", "promises_of_theirs"),
        "asked": ("questions_open", "questions_open"),
        "last": ("last_contact", "last_contact"),
    }
)
"""What can be sorted by: the column that counts when it rises, and when it falls.

A gauge is a band, so what comes first is what is surest: the lowest upper ends first, or the highest lower ends.
"""

FALLING: Final = frozenset({"turns", "shown", "held", "ours", "theirs", "asked", "last"})
"""What is sorted from the most to the least where nobody says otherwise."""

PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which relationships are wanted, and in which order.

    Attributes:
        search: part of a name, in any case; empty for every name.
        circle: customer, colleague or friend; empty for all.
        show: one of `Roll.marks`; empty for all.
        sort: one of SORTS; `down` says from the most to the least.
        after: the relationship that the page before ended with.
    """

    search: str = ""
    circle: str = ""
    show: str = ""
    sort: str = "turns"
    down: bool = True
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page of relationships.

    Attributes:
        places: rows of the table, in order.
        first, total: the first one's place among all that are wanted, from 1, and how many these are.
        after: what the next page is asked after; None on the last one.
        before: what the page before is asked after, empty for the first page; None on the first one.
    """

    places: list[int]
    first: int
    total: int
    after: str | None
    before: str | None


class Roll:
    """A table of `Book.relationships`, ready to be sorted and sifted.

    Args:
        table: rows as `overview.tabulate_relationships` gives them.
        name_from: the probability from which a direction is named.

    Cost: two sorts for each of SORTS when it is made, half a second for fifty thousand rows; a page of these then takes
    0.1 ms, and 3 ms where a part of a name is looked for.
    """

    def __init__(self, table: pa.Table, *, name_from: float) -> None:
        self.names: list[str] = table["relationship"].to_pylist()
        self.marks: Mapping[str, Marks] = _mark(table, name_from)
        self._place = {name: place for place, name in enumerate(self.names)}
        self._folded = pc.utf8_lower(table["relationship"].combine_chunks())
        self._circles = {name: _is(table["circle"], name) for name in ("customer", "colleague", "friend")}
        self._orders: dict[tuple[str, bool], Ints] = {}
        self._ranks: dict[tuple[str, bool], Ints] = {}
        for sort, (rising, falling) in SORTS.items():
            for down, column in ((False, rising), (True, falling)):
                order = _order(table[column], down=down)
                rank = np.empty_like(order)
                rank[order] = np.arange(len(order))
                self._orders[sort, down], self._ranks[sort, down] = order, rank

    def find(self, asked: Asked) -> Ints:
        """Rows of the table that are wanted, in the order that is wanted."""
        order = self._orders[asked.sort, asked.down]
        wanted = np.ones(len(order), np.bool_)
        if asked.circle:
            wanted &= self._circles[asked.circle]
        if asked.show:
            wanted &= self.marks[asked.show]
        if asked.search:
            hits = pc.match_substring(self._folded, asked.search.lower())
            wanted &= hits.to_numpy(zero_copy_only=False).astype(np.bool_)
        return order[wanted[order]]

    def page(self, asked: Asked, *, size: int = PAGE) -> Sheet:
        """The page after the relationship `asked.after`; the first one where there is no such relationship any more."""
        found = self.find(asked)
        last = self._place.get(asked.after)
        rank = self._ranks[asked.sort, asked.down]
        start = 0 if last is None else int(np.searchsorted(rank[found], rank[last], side="right"))
        places: list[int] = found[start : start + size].tolist()
        end = start + len(places)
        earlier = start - size - 1
        return Sheet(
            places=places,
            first=start + 1,
            total=len(found),
            after=self.names[places[-1]] if places and end < len(found) else None,
            before=None if start == 0 else self.names[int(found[earlier])] if earlier >= 0 else "",
        )


def _order(column: pa.ChunkedArray, *, down: bool) -> Ints:
    """Rows sorted by a column; what is not known comes last either way, and of equals the order stays."""
    if pa.types.is_string(column.type):
        keys = pc.rank(pc.utf8_lower(column), tiebreaker="dense").to_numpy().astype(float)
        keys[pc.is_null(column).to_numpy()] = np.nan
    else:
        plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        keys = pc.cast(plain, pa.float64(), safe=False).to_numpy()
    return np.argsort(-keys if down else keys, kind="stable")


def _is(column: pa.ChunkedArray, value: str) -> Marks:
    return pc.fill_null(pc.equal(column, value), False).to_numpy().astype(np.bool_)


def _mark(table: pa.Table, name_from: float) -> dict[str, Marks]:
    """Rows with open promises, open questions, falling trust, a warning, or too little evidence for any number."""

    def numbers(name: str) -> NDArray[np.float64]:
        return pc.cast(table[name], pa.float64()).to_numpy()

    def is_known(name: str) -> Any:
        return pc.is_valid(table[name]).to_numpy()

    return {
        "promises": (numbers("promises_of_ours") + numbers("promises_of_theirs")) > 0,
        "questions": numbers("questions_open") > 0,
        "falling": (numbers("shown_rose") <= 1.0 - name_from) | (numbers("held_rose") <= 1.0 - name_from),
        "warning": is_known("warning"),
        "unsure": ~(is_known("shown_percentile") | is_known("held_percentile")),
    }
