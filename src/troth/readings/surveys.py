"""What people answered when asked: ordinal readings of HELD, by the graded response model.

An answer c is read as y* = slope level + noise lying between two neighbouring cuts. What one person marks at one
sitting shares more than the level (a mood, a way of using the scale), so that two items on one facet tell less than
twice what one does. Source: MEASUREMENT.md sections 2 and 4.2; Samejima 1969.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import ndtr

from troth.errors import InputError
from troth.schema import ANSWERS, ITEMS, READINGS, conform, empty

Floats = npt.NDArray[np.float64]

SIGNAL: Final = "survey_answer"
_CARELESS: Final = 0.05  # share of answers marked without reading, spread evenly over the points: an assumption
_SHARED: Final = 0.5  # of an answer's noise that the others of its sitting have too: an assumption


def read_survey(answers: object, items: object) -> pa.Table:
    """One ordinal reading for each answer to an item that is known, on as many points as it has; others give none.

    Args:
        answers: ANSWERS, as marked.
        items: ITEMS: slope, cuts and direction of each.

    Raises: InputError when an item's cuts do not rise.
    """
    table, known = conform(answers, ANSWERS), _know(items)
    kept = [row for row in table.to_pylist() if _point(row, known) is not None]
    if not kept:
        return empty(READINGS)
    together = _count_together(kept)
    columns: dict[str, Any] = {name: [] for name in ("lo", "hi", "v", "slope", "alpha", "beta")}
    for row, alike in zip(kept, together, strict=True):
        item = known[row["item"]]
        point, points = _point(row, known), len(item["cuts"]) + 1
        assert point is not None  # noqa: S101 -- kept for that
        v = 1.0 + _SHARED * (alike - 1)
        cuts = _bounds(item["cuts"], float(item["slope"]), v)
        parts = (cuts[point], cuts[point + 1], v, item["slope"], _CARELESS / points, 1.0 - _CARELESS)
        for name, part in zip(columns, parts, strict=True):
            columns[name].append(float(part))
    return conform(
        pa.table(
            {
                "relationship": [row["relationship"] for row in kept],
                "facet": [row["facet"] for row in kept],
                "at": pa.array([row["answered_at"] for row in kept], pa.timestamp("us", tz="UTC")),
                "signal": pa.repeat(SIGNAL, len(kept)),
                **columns,
                "slow_only": np.zeros(len(kept), bool),
            }
        ),
        READINGS,
    )


def forecast_answer(
    mean: float, var: float, *, slope: float, cuts: Sequence[float], is_reversed: bool = False
) -> Floats:
    """The chance of each point of an item before it is answered, lowest mark first; they add up to 1.

    P(c) = alpha + beta [Phi((cut_c+1 - slope mean) / s) - Phi((cut_c - slope mean) / s)], s^2 = slope^2 var + 1:
    the same law by which the answer is used afterwards.

    Args:
        mean, var: of the level of the item's facet, before the answer.
        slope, cuts, is_reversed: of the item.

    Returns: shape (points,).
    """
    ends = np.concatenate([[-np.inf], np.asarray(cuts, float), [np.inf]])
    below = ndtr((ends - slope * mean) / np.sqrt(slope * slope * var + 1.0))
    chances = _CARELESS / (len(ends) - 1) + (1.0 - _CARELESS) * np.diff(below)
    return chances[::-1] if is_reversed else chances


def _know(items: object) -> dict[str, dict[str, Any]]:
    known = {row["item"]: row for row in conform(items, ITEMS).to_pylist()}
    for name, item in known.items():
        if len(item["cuts"]) < 1 or not (np.diff(item["cuts"]) > 0).all() or not np.isfinite(item["cuts"]).all():
            raise InputError(f"item {name}: its cuts must be finite and rise, and are {item['cuts']}.")
    return known


def _point(row: dict[str, Any], known: dict[str, dict[str, Any]]) -> int | None:
    """The point marked, from 0, with reversed items turned round; None where the item or scale is another."""
    item = known.get(row["item"])
    if item is None or row["highest"] - row["lowest"] != len(item["cuts"]):
        return None
    if not row["lowest"] <= row["value"] <= row["highest"]:
        return None
    return int(row["highest"] - row["value"] if item["is_reversed"] else row["value"] - row["lowest"])


def _bounds(cuts: Sequence[float], slope: float, v: float) -> Floats:
    """Cuts for noise of variance v that leave each point the share it has with variance 1."""
    widened = np.asarray(cuts, float) * np.sqrt((slope * slope + v) / (slope * slope + 1.0))
    return np.concatenate([[-np.inf], widened, [np.inf]])


def _count_together(rows: Sequence[dict[str, Any]]) -> list[int]:
    """How many answers of each row's sitting speak of its facet, itself included."""
    sittings = [
        (row["answer_id"].removesuffix(f"/{row['item']}") if row["answer_id"].endswith(f"/{row['item']}") else "",
         row["relationship"], row["person"], row["answered_at"], row["facet"])
        for row in rows
    ]  # fmt: skip
    counts: dict[Any, int] = {}
    for sitting in sittings:
        counts[sitting] = counts.get(sitting, 0) + 1
    return [counts[sitting] for sitting in sittings]
