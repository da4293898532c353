"""From raw outputs to probabilities and values, fitted on dev alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.data import OWN
from training.sets import ACTS, GRADED, Row
from troth.encoder.card import Head

ENOUGH: Final = 10
"""Positives in real mail from which a head is calibrated on real mail alone; below, own turns are added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one head said about rows whose label is known."""

    raw: NDArray[np.float64]
    label: NDArray[np.float64]
    group: NDArray[np.str_]
    text: NDArray[np.object_]

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            raw=np.concatenate([self.raw, other.raw]),
            label=np.concatenate([self.label, other.label]),
            group=np.concatenate([self.group, other.group]),
            text=np.concatenate([self.text, other.text]),
        )


def pick(rows: Sequence[Row], raw: NDArray[np.float32], column: str, head: int) -> Judged:
    """The rows that say something about `column`, with what the head gave them."""
    said = [at for at, row in enumerate(rows) if column in row.targets]
    return Judged(
        raw=raw[said, head].astype(np.float64),
        label=np.array([rows[at].targets[column] for at in said], dtype=np.float64),
        group=np.array([rows[at].group for at in said], dtype=np.str_),
        text=np.array([rows[at].text for at in said], dtype=object),
    )


def calibrate(rows: Mapping[str, Sequence[Row]], raw: Mapping[str, NDArray[np.float32]]) -> tuple[Head, ...]:
    """A calibrated head for every signal, from the dev rows of each set and the raw outputs for them."""
    order = (*ACTS, *GRADED)
    heads = [calibrate_act(act, pool_acts(rows, raw, act, order.index(act))) for act in ACTS]
    for name in GRADED:
        column = order.index(name)
        parts = [
            pick(part, raw[source], full, column)
            for source, part in rows.items()
            for full in sorted({key for row in part for key in row.targets if key.split("@")[0] == name})
        ]
        heads.append(calibrate_graded(name, sum(parts[1:], parts[0])))
    return tuple(heads)


def pool_acts(rows: Mapping[str, Sequence[Row]], raw: Mapping[str, NDArray[np.float32]], act: str, head: int) -> Judged:
    """The dev rows on which an act is calibrated: real mail, and own turns where that has too few of it."""
    mail = pick(rows["business_acts"], raw["business_acts"], act, head)
    return mail if mail.label.sum() >= ENOUGH else mail + pick(rows[OWN], raw[OWN], act, head)


def calibrate_act(act: str, judged: Judged) -> Head:
    """Platt scaling with Platt's smoothed targets, and a scale that stays near 1 where there is little to learn from.

    Source: Platt 1999, Probabilistic outputs for support vector machines, section 2.2.
    """
    positives = judged.label.sum()
    negatives = len(judged.label) - positives
    wanted = np.where(judged.label > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def surprise(parameters: NDArray[np.float64]) -> float:
        log_scale, offset = parameters
        z = np.exp(log_scale) * judged.raw + offset
        return float(np.sum(np.logaddexp(0, z) - wanted * z) + 2.0 * log_scale**2)

    log_scale, offset = minimize(surprise, np.zeros(2), method="Nelder-Mead").x
    return Head(signal=act, kind="binary", scale=round(float(np.exp(log_scale)), 4), offset=round(float(offset), 4))


def calibrate_graded(name: str, judged: Judged) -> Head:
    """The straight line that predicts the score best, and how far true scores scatter around it."""
    scale, offset = np.polyfit(judged.raw, judged.label, 1)
    residual = judged.label - (scale * judged.raw + offset)
    return Head(
        signal=name,
        kind="graded",
        scale=round(float(scale), 4),
        offset=round(float(offset), 4),
        median=round(float(np.median(judged.label)), 4),
        spread=round(float(residual.std()), 4),
    )
