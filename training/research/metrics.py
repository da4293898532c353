"""Figures of merit that need NumPy alone, so that training can choose between epochs wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.research.tasks import Task

_LEAST_POSITIVES: Final = 4  # of a label in dev, from which it counts in the choice between epochs

Numbers = NDArray[np.float64]


def macro_f1(label: Numbers, said: Numbers, classes: Sequence[float]) -> float:
    """Mean over the classes of F1; a class that is neither there nor said counts as 0, as scikit-learn has it."""
    return float(np.mean([f1_of(label == name, said == name) for name in classes]))


def f1_of(label: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    """F1 of yes."""
    total = label.sum() + said.sum()
    return float(2 * (label & said).sum() / total) if total else 0.0


def correlate(label: Numbers, score: Numbers) -> float:
    """Pearson's r; NaN where either does not vary."""
    if len(label) < 2 or label.std() == 0 or score.std() == 0:
        return float("nan")
    return float(np.corrcoef(label, score)[0, 1])


def average_precision(label: NDArray[np.bool_], score: Numbers) -> float:
    """The mean over the positives of the precision down to each."""
    order = np.argsort(-score, kind="stable")
    hit = label[order]
    return float((np.cumsum(hit) / np.arange(1, len(hit) + 1))[hit].mean())


def judge(task: Task, label: Numbers, said: Numbers, pairs: NDArray[np.int32]) -> float:
    """One figure for a task on dev: macro-F1, mean average precision, mean of Pearson's r, or share of pairs right.

    Args:
        label: shape (rows, 1) of class numbers, or (rows, outputs); NaN where nothing is said. Unused for pairs.
        said: raw outputs, shape (rows, outputs).
    """
    if task.kind == "pair":
        return float((said[pairs[:, 0], 0] > said[pairs[:, 1], 0]).mean())
    if task.kind == "class":
        known = ~np.isnan(label[:, 0])
        classes = [float(at) for at in range(len(task.outputs))]
        return macro_f1(label[known, 0], said[known].argmax(1).astype(np.float64), classes)
    figures: list[float] = []
    for column in range(len(task.outputs)):
        known = ~np.isnan(label[:, column])
        true, raw = label[known, column], said[known, column]
        if task.kind == "score":
            figures.append(correlate(true, raw))
        elif true.sum() >= _LEAST_POSITIVES:
            figures.append(average_precision(true > 0, raw))
    return float(np.nanmean(figures)) if np.isfinite(figures).any() else float("nan")
