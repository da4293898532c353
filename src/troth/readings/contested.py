"""What people contested, and the readings that are out because of it.

An objection is to one reading: of a turn on a facet, by a signal. A turn gives one reading for each facet, so while
an objection stands, all that the turn says of this facet is out: without the contested sentence it would be read as an
occasion passed unused, which nobody has said either. Follow-through alone may have several readings in one turn, told
apart by signal and place. Source: MEASUREMENT.md section 8, 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.schema import OBJECTIONS

STANDING: Final = frozenset({"contested", "upheld"})
"""States of an objection in which its reading is out; rejected and undone let it count again."""

_SEVERAL: Final = "FT"


def latest_objections(objections: pa.Table) -> pa.Table:
    """The last word on each objection, in the order in which they were first made."""
    latest: dict[str, dict[str, Any]] = {}
    for row in objections.sort_by([("at", "ascending"), ("objection_id", "ascending")]).to_pylist():
        latest[row["objection_id"]] = row
    return pa.Table.from_pylist(list(latest.values()), schema=OBJECTIONS)


def is_out(table: pa.Table, objections: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows of READINGS or EVIDENCE an objection stands against, shape (n,).

    Args:
        table: with turn_id, facet, signal and start.
        objections: OBJECTIONS, all of them; the latest of each counts.
    """
    latest = latest_objections(objections)
    standing = latest.filter(pc.is_in(latest["state"], pa.array(sorted(STANDING))))
    found = np.zeros(table.num_rows, bool)
    if standing.num_rows:
        keys = {key_of(row) for row in standing.to_pylist()}
        rows, places = _near(table, standing)
        found[rows] = [key in keys for key in places]
    return found


def times_out(table: pa.Table, objections: pa.Table) -> dict[int, list[tuple[int, int | None]]]:
    """When objections stood against rows of READINGS: row to stretches of microseconds since 1970, None for no end.

    Stretches of several objections to one reading are joined; each list rises.
    """
    spans: dict[tuple[Any, ...], list[tuple[int, int | None]]] = {}
    ordered = objections.sort_by([("objection_id", "ascending"), ("at", "ascending")])
    rows: list[dict[str, Any]] = ordered.to_pylist()
    times: list[int] = ordered["at"].cast(pa.int64()).to_pylist()
    for place, row in enumerate(rows):
        if row["state"] in STANDING:
            is_last = place + 1 == len(rows) or rows[place + 1]["objection_id"] != row["objection_id"]
            spans.setdefault(key_of(row), []).append((times[place], None if is_last else times[place + 1]))
    if not spans:
        return {}
    where, places = _near(table, objections)
    return {int(at): _join(spans[key]) for at, key in zip(where, places, strict=True) if key in spans}


def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is out together."""
    if row["facet"] == _SEVERAL:
        return row["turn_id"], row["facet"], row["signal"], row["start"]
    return row["turn_id"], row["facet"]


def _near(table: pa.Table, objections: pa.Table) -> tuple[npt.NDArray[np.int64], list[tuple[Any, ...]]]:
    """Rows of the turns that an objection names, and what each is out with."""
    named = pc.is_in(table["turn_id"], objections["turn_id"].combine_chunks().unique())
    rows = np.flatnonzero(pc.fill_null(named, False).to_numpy(zero_copy_only=False))
    chosen = table.select(["turn_id", "facet", "signal", "start"]).take(pa.array(rows))
    return rows, [key_of(row) for row in chosen.to_pylist()]


def _join(spans: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    joined: list[tuple[int, int | None]] = []
    for start, end in sorted(spans, key=lambda span: span[0]):
        if joined and (joined[-1][1] is None or start <= joined[-1][1]):
            last = joined[-1][1]
            joined[-1] = (joined[-1][0], None if last is None or end is None else max(last, end))
        else:
            joined.append((start, end))
    return joined
