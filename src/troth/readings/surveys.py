"""What people answered when asked: ordinal readings of HELD, by the graded response model.

An answer c is read as y* = slope level + noise lying between two neighbouring cuts. What one person marks at one
sitting shares more than the level (a mood, a way of using the scale), so that eight answers tell much less than eight
times what one does. The filter takes noise to be independent; each of m answers of a sitting therefore gets the
variance 1 + (m - 1) s, with s the share in common, and softer cuts that still point to the same level. Simulated with
s = .5, 80 % bands of the mean of all facets then cover 82 to 94 %, and 57 to 68 % when only answers on one facet are
taken to have a mood in common.
Source: MEASUREMENT.md sections 2 and 4.2; Samejima 1969; Kish 1965 for the design effect.
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
_SHARED: Final = 0.5  # s: of an answer's noise that the others of its sitting have too: an assumption
_MOST_TOGETHER: Final = 8  # answers of a sitting that are counted: with more noise no cuts point to the same level
_SOFTEST: Final = 0.05  # that cuts are drawn together at most


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
    v = 1.0 + _SHARED * (np.minimum(_count_together(table), _MOST_TOGETHER) - 1)
    lo, hi = _find_ends(known, which, point, v)
    columns: dict[str, Any] = {
        "relationship": table["relationship"],
        "facet": table["facet"],
        "at": table["answered_at"],
        "signal": pa.repeat(SIGNAL, table.num_rows),
        "lo": lo,
        "hi": hi,
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
    ends = _between_ends(np.asarray(cuts, float))
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


def _find_ends(
    known: Sequence[_Item], which: npt.NDArray[np.int64], point: npt.NDArray[np.int64], v: Floats
) -> tuple[Floats, Floats]:
    """The cuts below and above each answer; all shapes (rows,)."""
    lo, hi = np.empty(len(which)), np.empty(len(which))
    for number, variance in set(zip(which.tolist(), v.tolist(), strict=True)):
        item, rows = known[number], (which == number) & (v == variance)
        ends = _between_ends(soften_cuts(item.cuts, slope=item.slope, v=variance))
        lo[rows], hi[rows] = ends[point[rows]], ends[point[rows] + 1]
    return lo, hi


def soften_cuts(cuts: Floats, *, slope: float, v: float) -> Floats:
    """Cuts for noise of variance v that point to the level at which noise of variance 1 would have put the answers.

    With wider noise and the same cuts an answer at the end of the scale would claim a level farther out. Softer cuts
    are scale cuts + shift, with scale and shift such that at the levels -1 and 1 the expected pull is none:
    sum over c of P(c | level, cuts, 1) d/dlevel log P(c | level, softer cuts, v) = 0.

    Args:
        cuts: rising, shape (points - 1,).
        slope: of the item.
        v: at least 1.

    Returns: the same shape, rising. Where no scale and shift reach that, those that come nearest.
    """
    if v == 1.0:
        return cuts
    from scipy.optimize import least_squares  # noqa: PLC0415 - slow to load, and needed by few books

    aim = slope * np.array([-1.0, 1.0])
    given = np.diff(ndtr(_between_ends(cuts)[:, None] - aim), axis=0)

    def pull(affine: Floats) -> Floats:
        standard = (_between_ends(affine[0] * cuts + affine[1])[:, None] - aim) / np.sqrt(v)
        density = np.exp(-0.5 * np.square(standard))
        return (given * np.diff(density, axis=0) / np.maximum(np.diff(ndtr(standard), axis=0), 1e-300)).sum(axis=0)

    scale, shift = least_squares(pull, [0.5, 0.0], bounds=([_SOFTEST, -np.inf], [1.0, np.inf])).x
    return scale * cuts + shift


def _between_ends(cuts: Floats) -> Floats:
    return np.concatenate([[-np.inf], cuts, [np.inf]])


def _count_together(table: pa.Table) -> npt.NDArray[np.int64]:
    """How many answers each row's sitting has, itself included; shape (rows,)."""
    columns = (table[name].to_pylist() for name in ("answer_id", "item", "relationship", "person"))
    at = table["answered_at"].cast(pa.int64()).to_pylist()
    sittings = [
        (answer_id.removesuffix(f"/{item}") if answer_id.endswith(f"/{item}") else "", *rest)
        for answer_id, item, *rest in zip(*columns, at, strict=True)
    ]
    counts = Counter(sittings)
    return np.array([counts[sitting] for sitting in sittings], np.int64)
