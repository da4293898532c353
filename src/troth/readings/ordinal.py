"""Ordered categories as readings: where their cuts lie, and how far what is found can be trusted.

How common a category is in the reference population sets the cut-points, so that silence on a rare act is hardly
evidence. What the detectors see is not what is there: their sensitivity and specificity enter each reading, and
correct how common an act is taken to be (Rogan and Gladen 1978). Source: MEASUREMENT.md sections 2 and 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from troth.readings.scene import Floats, Ints, Scene
from troth.schema import READINGS, conform

_SENSITIVITY: Final = 0.5  # where labelled real mail holds too few of an act to measure it: a start value
_MISREAD: Final = 0.5  # of detections of such an act, the share that is wrong: a start value
_MOST_UNMEASURED: Final = 1 / 3  # of the occasions hold such an act at most, so that finding it doubles its odds
_LEAST_RATE: Final = 1e-3
_LEAST_BETA: Final = 0.05
_MOST_RATE: Final = 0.9  # where more is found than the sensitivity allows for, more of it is seen than was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRule:
    """Categories of one facet from lowest to highest; `plain` is the one in which nothing was found."""

    categories: tuple[str, ...]
    plain: str
    category: Callable[[Scene], Ints]  # of every turn
    signals: Mapping[str, tuple[str, ...]]  # category to the signals that put a turn there


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Law:
    """How what is found of a facet depends on what is there; shape (n,) each, one for each category."""

    rates: Floats  # how common it truly is, at its occasion
    alpha: Floats  # P(found) = alpha + beta P(there)
    beta: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scale:
    """What each category says of the level: lo and hi are neighbouring cuts, shape (n + 1,)."""

    cuts: Floats
    v: float
    slope: float
    law: Law


def between(low: Sequence[str], high: Sequence[str]) -> Callable[[Scene], Ints]:
    """0 where a lowering signal was found, 2 where only a raising one, else 1; per turn."""

    def categorise(scene: Scene) -> Ints:
        lowers, raises = scene.in_turn(scene.found(*low)), scene.in_turn(scene.found(*high))
        return np.where(lowers, 0, np.where(raises, 2, 1))

    return categorise


def count_kinds(signals: Sequence[str], *, most: int) -> Callable[[Scene], Ints]:
    """How many different ones of these signals a turn holds, `most` at most."""

    def categorise(scene: Scene) -> Ints:
        kinds = sum((scene.in_turn(scene.found(name)).astype(np.int64) for name in signals), np.int64(0))
        return np.minimum(kinds, most)

    return categorise


def cut_points(rates: Floats, noise_var: float, slope: float = 1.0) -> Floats:
    """Cuts between ordered categories that give these shares over the reference population.

    Args:
        rates: shape (n,), share of each category, lowest first, all above 0.
        noise_var: v of the readings; the level has variance 1.
        slope: of the readings.

    Returns: shape (n + 1,), from -inf to inf, in units of y*.
    """
    inner = ndtri(np.cumsum(rates / rates.sum())[:-1]) * np.sqrt(slope**2 + noise_var)
    return np.concatenate([[-np.inf], inner, [np.inf]])


def make_law(
    rule: ActRule, shares: Mapping[str, float], sensitivity: Mapping[str, float], specificity: Mapping[str, float]
) -> Law:
    """The categories' true rates and their alpha and beta (MEASUREMENT 4.2), from what was found in the reference.

    An act found has alpha = 1 - Sp and beta = Se + Sp - 1, its true rate is (found rate - alpha) / beta. Where Se and
    Sp were not measured, half of the acts are taken to be missed and half of the detections to be wrong; where so many
    are found that a third of the occasions would hold one, fewer are taken to be missed. Where so much
    is found that the acts would pass 90 % of the occasions, beta grows till they do not: long turns miss less than
    was measured.
    Nothing found has alpha = the mean 1 - Se over the acts, weighed by how common they are, and
    beta = 1 - alpha - sum of 1 - Sp: exact for one act, and near for two, whose intervals lie on either side.

    Args:
        shares: category to its found share of the occasions.
        sensitivity, specificity: category to what was measured of its detection, where it was.
    """
    plain = rule.categories.index(rule.plain)
    is_act = np.arange(len(rule.categories)) != plain
    found, alpha, beta = (np.zeros(len(rule.categories)) for _ in range(3))
    for number in np.flatnonzero(is_act).tolist():
        name = rule.categories[number]
        found[number] = share = max(shares.get(name, 0.0), _LEAST_RATE)
        if name in sensitivity and name in specificity:
            seen, false_share = sensitivity[name], min(1.0 - specificity[name], share)
        else:
            right = (1.0 - _MISREAD) * share
            seen = min(max(_SENSITIVITY, right / _MOST_UNMEASURED), 1.0)
            false_share = _MISREAD * share / (1.0 - right / seen)
        alpha[number], beta[number] = false_share, max(min(seen, 1.0) - false_share, _LEAST_BETA)
    excess = float(((found - alpha)[is_act] / beta[is_act]).sum()) / _MOST_RATE
    beta[is_act] = np.clip(beta * max(excess, 1.0), _LEAST_BETA, 1.0 - alpha)[is_act]
    rates = np.zeros(len(rule.categories))
    rates[is_act] = np.maximum((found - alpha)[is_act] / beta[is_act], _LEAST_RATE)
    acts = float(rates.sum())
    missed = float((1.0 - alpha - beta)[is_act] @ rates[is_act]) / acts
    alpha[plain] = min(missed, shares.get(rule.plain, 1.0))
    beta[plain] = max(1.0 - alpha[plain] - float(alpha[is_act].sum()), _LEAST_BETA)
    rates[plain] = max(1.0 - acts, _LEAST_RATE)
    return Law(rates=rates, alpha=alpha, beta=beta)


def make_scale(law: Law, *, v: float, slope: float = 1.0) -> Scale:
    """The law's cuts for readings of this noise and slope."""
    return Scale(cuts=cut_points(law.rates, v, slope), v=v, slope=slope, law=law)


def lay_out_readings(
    scene: Scene,
    facet: str,
    rows: Ints,
    category: Ints,
    *,
    scales: Sequence[Scale],
    which: Ints,
    more: Mapping[str, Any],
) -> pa.Table:
    """READINGS of n turns.

    Args:
        rows: shape (n,), places of the turns in the scene.
        category: shape (n,).
        scales: as many as `which` tells of.
        which: shape (n,), the scale of each turn.
        more: the columns signal, start and end.
    """
    chosen = scene.turns.select(["relationship", "sent_at", "turn_id"]).take(rows)
    cuts = np.stack([scale.cuts for scale in scales])
    alpha, beta = (np.stack([getattr(scale.law, name) for scale in scales]) for name in ("alpha", "beta"))
    columns: dict[str, Any] = {
        "relationship": chosen["relationship"],
        "facet": pa.repeat(facet, len(rows)),
        "at": chosen["sent_at"],
        "lo": cuts[which, category],
        "hi": cuts[which, category + 1],
        "v": np.array([scale.v for scale in scales])[which],
        "slope": np.array([scale.slope for scale in scales])[which],
        "alpha": alpha[which, category],
        "beta": beta[which, category],
        "slow_only": np.zeros(len(rows), bool),
        "turn_id": chosen["turn_id"],
        **more,
    }
    return conform(pa.table(columns), READINGS)
