"""Why a score is what it is on a day, or moved between two: every reading's exact share, with its sentence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from troth.lenses import Pillar
from troth.schema import TURNS, conform
from troth.trust import LEDGER, Model, ledger

EXPLAINED: Final = pa.schema(
    [
        *LEDGER,
        pa.field("before", pa.float64()),  # its share on the earlier day; null where one day alone is explained
        pa.field("moved", pa.float64()),  # share now less share then; all rows sum to what the score moved
        pa.field("text", pa.string()),  # the sentence that weighs most in the reading
    ]
)
"""One row per reading of the score's gauge, and one for the prior. A reading that has been replaced since the earlier
day (an open question, by its answer) stands there with what it says now."""


def explain_score(readings: pa.Table, score: Pillar, at: dt.datetime, model: Model, *, turns: pa.Table) -> pa.Table:
    """EXPLAINED of one relationship's score at one time; `readings` as of that time, `turns` hold the sentences."""
    rows = ledger(readings, score, at, model).to_pylist()
    return _tell([row | {"before": None, "moved": None} for row in rows], turns)


def explain_move(
    then: tuple[pa.Table, dt.datetime],
    now: tuple[pa.Table, dt.datetime],
    score: Pillar,
    model: Model,
    *,
    turns: pa.Table,
) -> pa.Table:
    """EXPLAINED of what moved a score between two times; each is given with the readings as of that time.

    The difference of two ledgers: a reading that came in since adds its share, one from before adds what its share
    gained or lost, by fading or because later evidence took over. Both scores are what was known at their time.
    """
    earlier: dict[tuple[Any, ...], float] = {}
    for row in ledger(then[0], score, then[1], model).to_pylist():
        earlier[_key(row)] = earlier.get(_key(row), 0.0) + row["contribution"]
    rows: list[dict[str, Any]] = []
    for row in ledger(now[0], score, now[1], model).to_pylist():
        before = earlier.pop(_key(row), 0.0)
        rows.append(row | {"before": before, "moved": row["contribution"] - before})
    for key, before in earlier.items():  # read then, and neither read nor replaced now
        gone = dict(zip(("kind", "facet", "signal", "turn_id", "start", "end", "at"), key, strict=True))
        rows.append(gone | {"contribution": 0.0, "before": before, "moved": -before})
    return _tell(rows, turns)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes a reading the same on two days: an answer has the place of the question that waited for it."""
    time = row["at"] if row["turn_id"] is None else None
    return row["kind"], row["facet"], row["signal"], row["turn_id"], row["start"], row["end"], time


def _tell(rows: list[dict[str, Any]], turns: pa.Table) -> pa.Table:
    bodies = conform(turns, TURNS).select(["turn_id", "body"]).to_pylist()
    words = {row["turn_id"]: row["body"] for row in bodies}
    for row in rows:
        body = words.get(row["turn_id"])
        is_quoted = body is not None and row.get("start") is not None and row.get("end") is not None
        row["text"] = " ".join(body[row["start"] : row["end"]].split()) if is_quoted and body is not None else None
    return pa.Table.from_pylist(rows, schema=EXPLAINED)
