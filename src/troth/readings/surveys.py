"""What people answered when asked: ordinal readings of HELD, by the graded response model.

An answer c is read as y* = slope level + noise lying between two neighbouring cuts. What one person marks at one
sitting shares more than the level (a mood, a way of using the scale), so that two items on one facet tell less than
twice what one does. Source: MEASUREMENT.md sections 2 and 4.2; Samejima 1969.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
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
    names = pa.array([item.name for item in known], pa.string())
    table = table.filter(pc.is_in(table["item"], names))
    which = pc.index_in(table["item"], names).to_numpy().astype(np.int64)
    lowest, highest, value = (table[name].to_numpy().astype(np.int64) for name in ("lowest", "highest", "value"))
    points = np.array([len(item.cuts) + 1 for item in known], np.int64)[which]
    fits = (highest - lowest + 1 == points) & (lowest <= value) & (value <= highest)
    if not fits.any():
        return empty(READINGS)
    table, which, points = table.filter(pa.array(fits)), which[fits], points[fits]
    is_reversed = np.array([item.is_reversed for item in known])[which]
    point = np.where(is_reversed, highest[fits] - value[fits], value[fits] - lowest[fits])
    slope = np.array([item.slope for item in known])[which]
    v = 1.0 + _SHARED * (_count_together(table) - 1)
    # Cuts for noise of variance v that leave each point the share it has with variance 1.
    widening = np.sqrt((slope * slope + v) / (slope * slope + 1.0))
    ends = _lay_out_ends(known)
    columns: dict[str, Any] = {
        "relationship": table["relationship"],
        "facet": table["facet"],
        "at": table["answered_at"],
        "signal": pa.repeat(SIGNAL, table.num_rows),
        "lo": ends[which, point] * widening,
        "hi": ends[which, point + 1] * widening,
        "v": v,
        "slope": slope,
        "alpha": _CARELESS / points,
        "beta": np.full(table.num_rows, 1.0 - _CARELESS),
        "slow_only": np.zeros(table.num_rows, bool),
    }
    return conform(pa.table(columns), READINGS)


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


class _Item(NamedTuple):
    name: str
    is_reversed: bool
    slope: float
    cuts: Floats


def _know(items: object) -> list[_Item]:
    known: list[_Item] = []
    for row in conform(items, ITEMS).to_pylist():
        cuts = np.asarray(row["cuts"], float)
        if not len(cuts) or not np.isfinite(cuts).all() or not (np.diff(cuts) > 0).all():
            raise InputError(f"item {row['item']}: its cuts must be finite and rise, and are {row['cuts']}.")
        known.append(_Item(row["item"], row["is_reversed"], row["slope"], cuts))
    return known


def _lay_out_ends(known: Sequence[_Item]) -> Floats:
    """Shape (items, most points + 1): each item's cuts with an infinite end on both sides; what lies beyond is inf."""
    ends = np.full((len(known), max(len(item.cuts) for item in known) + 2), np.inf)
    for row, item in zip(ends, known, strict=True):
        row[0], row[1 : len(item.cuts) + 1] = -np.inf, item.cuts
    return ends


def _count_together(table: pa.Table) -> npt.NDArray[np.int64]:
    """How many answers of each row's sitting speak of its facet, itself included; shape (rows,)."""
    columns = (table[name].to_pylist() for name in ("answer_id", "item", "relationship", "person", "facet"))
    at = table["answered_at"].cast(pa.int64()).to_pylist()
    sittings = [
        (answer_id.removesuffix(f"/{item}") if answer_id.endswith(f"/{item}") else "", *rest)
        for answer_id, item, *rest in zip(*columns, at, strict=True)
    ]
    counts = Counter(sittings)
    return np.array([counts[sitting] for sitting in sittings], np.int64)
