"""What an answer is worth: slope and cuts of every item, from a start that is stated to what a firm's answers show."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import ndtri

from troth.schema import ITEMS, conform
from troth.surveys.curves import fit_curves
from troth.surveys.quality import ENOUGH
from troth.surveys.sets import NAMES, load_set
from troth.surveys.sheets import lay_out

START_SHARES: Final = (0.03, 0.05, 0.06, 0.06, 0.19, 0.27, 0.34)
"""How people mark a seven-point scale of liking where nothing else is known, lowest first.

From 1,800 marks that partners gave each other in the training part of CaSiNo (Chawla et al. 2021), on five points,
stretched to seven.
"""
START_SLOPE: Final = 1.0
"""An assumption: half of an answer's variance is the level's, half is the answer's own."""
_MOST_SHEETS: Final = 2000  # that curves are fitted to, evenly chosen; more would hardly narrow the errors
_START_WORTH: Final = 30.0  # answers that the start weighs as much as


def learn_items(answers: object | None = None) -> pa.Table:
    """ITEMS: one row for every item of every set.

    Cuts are those that give each point its share: the start's, mixed with the answers there are. From as many complete
    sheets as `ENOUGH` asks of item curves, slopes and cuts are the fitted ones.

    Args:
        answers: ANSWERS up to the moment the items are used at; None for the start values.
    """
    found = {} if answers is None else lay_out(answers)
    rows: list[dict[str, Any]] = []
    for name in NAMES:
        asked = load_set(name)
        sheets = found.get(name)
        turned = np.full((0, len(asked.items)), -1, np.int64) if sheets is None else sheets.turned
        slopes, cuts = _fit(turned, len(asked.scale.points))
        rows += [
            {
                "item": item.id,
                "facet": item.facet,
                "is_reversed": item.is_reversed,
                "slope": float(slopes[number]),
                "cuts": cuts[number].tolist(),
                "answers": int((turned[:, number] >= 0).sum()),
            }
            for number, item in enumerate(asked.items)
        ]
    return conform(rows, ITEMS)


def _fit(turned: npt.NDArray[np.int64], points: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Slopes, shape (items,), and cuts, shape (items, points - 1)."""
    if (turned >= 0).all(axis=1).sum() >= ENOUGH["curves"]:
        kept = np.unique(np.linspace(0, len(turned) - 1, _MOST_SHEETS).astype(np.int64))
        curves = fit_curves(turned[kept], points=points)
        if curves.converged and (curves.slopes > 0).all():
            return curves.slopes, curves.cuts
    counts = np.array([np.bincount(column[column >= 0], minlength=points) for column in turned.T])
    shares = counts + _START_WORTH * np.array(START_SHARES)
    below = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    return np.full(len(counts), START_SLOPE), ndtri(below) * np.sqrt(1.0 + START_SLOPE**2)
