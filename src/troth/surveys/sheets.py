"""ANSWERS laid out as sheets: one row for each time somebody answered a set, one column for each of its items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.schema import ANSWERS, conform
from troth.surveys.sets import NAMES, QuestionSet, load_set


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sheets:
    """The answers to one set."""

    asked: QuestionSet
    given: npt.NDArray[np.int64]  # (sheets, items), as marked; -1 where there is none
    relationships: int

    @property
    def turned(self) -> npt.NDArray[np.int64]:
        """Shape (sheets, items), 0 to points - 1, reversed items turned round so that up is trust; -1 for none."""
        lowest, highest = self.asked.scale.lowest, self.asked.scale.highest
        is_reversed = np.array([item.is_reversed for item in self.asked.items])
        value = np.where(is_reversed, highest - self.given, self.given - lowest)
        return np.where(self.given < 0, -1, value)


def lay_out(answers: object) -> dict[str, Sheets]:
    """Sheets of every set that ANSWERS hold something of, by the name of the set.

    Items of none of our sets, and values outside our scale, are left out.
    """
    table = conform(answers, ANSWERS)
    return {name: sheets for name in NAMES if (sheets := _lay_out_set(table, load_set(name))) is not None}


def name_sheets(table: pa.Table) -> list[str]:
    """The sheet each answer stands on: its response, or who answered when where the id does not say."""
    columns = (table[name].to_pylist() for name in ("answer_id", "item", "relationship", "person", "answered_at"))
    return [
        answer_id.removesuffix(f"/{item}") if answer_id.endswith(f"/{item}") else f"{home}|{person}|{at.isoformat()}"
        for answer_id, item, home, person, at in zip(*columns, strict=True)
    ]


def _lay_out_set(table: pa.Table, asked: QuestionSet) -> Sheets | None:
    scale, ids = asked.scale, pa.array([item.id for item in asked.items])
    fits = pc.and_(pc.equal(table["lowest"], scale.lowest), pc.equal(table["highest"], scale.highest))
    within = pc.and_(pc.greater_equal(table["value"], scale.lowest), pc.less_equal(table["value"], scale.highest))
    chosen = table.filter(pc.and_(pc.is_in(table["item"], ids), pc.and_(fits, within)))
    if not chosen.num_rows:
        return None
    names, row = np.unique(np.array(name_sheets(chosen), object), return_inverse=True)
    given = np.full((len(names), len(asked.items)), -1, np.int64)
    given[row, pc.index_in(chosen["item"], ids).to_numpy()] = chosen["value"].to_numpy()
    return Sheets(asked=asked, given=given, relationships=pc.count_distinct(chosen["relationship"]).as_py())
