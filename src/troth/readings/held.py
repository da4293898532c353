"""What the counterpart's words say of the trust they hold: ordinal readings, one per turn and facet of HELD.

Each facet has ordered categories ("chases" below nothing below "delegates"). How common a category is in the
reference population sets the cut-points, so that silence on a rare act is hardly evidence. What the detectors see is
not what is there: their sensitivity and specificity enter each reading, and correct how common an act is taken to be
(Rogan and Gladen 1978). Source: MEASUREMENT.md sections 2 and 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from troth.readings.reference import Reference
from troth.readings.scene import Bools, Scene
from troth.schema import READINGS, conform, empty
from troth.signals import HELD

_TURN_VAR = 2.0  # of one turn around the level, in variances between relationships: one turn says little
_SENSITIVITY = 0.5  # where labelled real mail holds too few of an act to measure it: a start value
_MISREAD = 0.5  # of detections of such an act, the share that is wrong: a start value
_LEAST_RATE = 1e-3
_LEAST_BETA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRule:
    """Categories of one facet from lowest to highest; `plain` is the one in which nothing was found."""

    categories: tuple[str, ...]
    plain: str
    occasion: Callable[[Scene], Bools]
    category: Callable[[Scene], npt.NDArray[np.int64]]
    signals: Mapping[str, tuple[str, ...]]  # category to the signals that put a turn there


def _after_ours(*signals: str) -> Callable[[Scene], Bools]:
    """Turns that answer a turn of ours holding one of these."""
    return lambda scene: scene.in_answered(scene.in_turn(scene.found(*signals)))


def _between(low: tuple[str, ...], high: tuple[str, ...]) -> Callable[[Scene], npt.NDArray[np.int64]]:
    """0 where a lowering signal was found, 2 where only a raising one, else 1."""

    def categorise(scene: Scene) -> npt.NDArray[np.int64]:
        lowers, raises = scene.in_turn(scene.found(*low)), scene.in_turn(scene.found(*high))
        return np.where(lowers, 0, np.where(raises, 2, 1))

    return categorise


_CLOSE: Final = ("disclosure", "gratitude", "fun", "admission")


def _count_closeness(scene: Scene) -> npt.NDArray[np.int64]:
    kinds = sum(scene.in_turn(scene.found(signal)).astype(np.int64) for signal in _CLOSE)
    return np.minimum(kinds, 2)


def _any_turn(scene: Scene) -> Bools:
    return scene.in_turn(scene.words >= 4)


RULES: Final[Mapping[str, HeldRule]] = MappingProxyType(
    {
        "HC": HeldRule(
            categories=("asks_proof", "none"),
            plain="none",
            occasion=_after_ours("claim"),
            category=lambda scene: np.where(scene.in_turn(scene.found("asks_proof")), 0, 1),
            signals={"asks_proof": ("asks_proof",)},
        ),
        "HR": HeldRule(
            categories=("chases", "none", "accepts"),
            plain="none",
            occasion=_after_ours("request", "offer", "commitment", "claim"),
            category=_between(("chases",), ("accepts",)),
            signals={"chases": ("chases",), "accepts": ("accepts",)},
        ),
        "HI": HeldRule(
            categories=("none", "one", "several"),
            plain="none",
            occasion=_any_turn,
            category=_count_closeness,
            signals={"one": _CLOSE, "several": _CLOSE},
        ),
        "HS": HeldRule(
            categories=("doubts_motive", "none", "good_faith"),
            plain="none",
            occasion=_after_ours("request", "offer", "rejects", "bad_news", "apology"),
            category=_between(("doubts_motive",), ("good_faith",)),
            signals={"doubts_motive": ("doubts_motive",), "good_faith": ("good_faith",)},
        ),
    }
)
"""The rule of each facet of HELD. An act that is found is its own occasion."""

assert set(RULES) == set(HELD)  # noqa: S101 -- a misspelt facet must not go unseen


def categorise_turns(scene: Scene) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """For each facet of HELD: rows of the counterpart's turns that had the occasion, and the category of each."""
    found: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = {}
    spoken = scene.in_turn(np.ones(len(scene.of_turn), bool))
    for facet, rule in RULES.items():
        category = rule.category(scene)
        has_act = category != rule.categories.index(rule.plain)
        rows = np.flatnonzero(~scene.is_us & spoken & (rule.occasion(scene) | has_act))
        found[facet] = (rows, category[rows])
    return found


def read_held(scene: Scene, reference: Reference) -> pa.Table:
    """One ordinal reading for each of the counterpart's turns and facet of HELD with an occasion."""
    tables = [
        _read_facet(scene, facet, rows, category, reference)
        for facet, (rows, category) in categorise_turns(scene).items()
        if facet in reference.rates and len(rows)
    ]
    return pa.concat_tables(tables) if tables else empty(READINGS)


def cut_points(rates: npt.NDArray[np.float64], noise_var: float) -> npt.NDArray[np.float64]:
    """Cuts between ordered categories that give these shares over the reference population.

    Args:
        rates: shape (n,), share of each category, lowest first, all above 0.
        noise_var: v of the readings; the level has variance 1.

    Returns: shape (n + 1,), from -inf to inf, in units of the level.
    """
    inner = ndtri(np.cumsum(rates / rates.sum())[:-1]) * np.sqrt(1.0 + noise_var)
    return np.concatenate([[-np.inf], inner, [np.inf]])


def _read_facet(
    scene: Scene, facet: str, rows: npt.NDArray[np.int64], category: npt.NDArray[np.int64], reference: Reference
) -> pa.Table:
    rule, law = RULES[facet], find_law(facet, reference)
    cuts = cut_points(law.rates, _TURN_VAR)
    leading = _leading_sentences(scene, rule, rows, category)
    chosen = scene.turns.select(["relationship", "sent_at", "turn_id"]).take(rows)
    named = pa.array(leading < 0)
    columns: dict[str, Any] = {
        "relationship": chosen["relationship"],
        "facet": pa.repeat(facet, len(rows)),
        "at": chosen["sent_at"],
        "signal": pa.array(np.array(rule.categories, object)[category], pa.string()),
        "lo": cuts[category],
        "hi": cuts[category + 1],
        "v": np.full(len(rows), _TURN_VAR),
        "slope": np.ones(len(rows)),
        "alpha": law.alpha[category],
        "beta": law.beta[category],
        "slow_only": np.zeros(len(rows), bool),
        "turn_id": chosen["turn_id"],
        "start": _masked(scene.sentences["start"], leading, named),
        "end": _masked(scene.sentences["end"], leading, named),
    }
    return conform(pa.table(columns), READINGS)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Law:
    """How what is found of a facet depends on what is there; shape (n,) each, one for each category."""

    rates: npt.NDArray[np.float64]  # how common it truly is, at its occasion
    alpha: npt.NDArray[np.float64]  # P(found) = alpha + beta P(there)
    beta: npt.NDArray[np.float64]


def find_law(facet: str, reference: Reference) -> Law:
    """The categories' true rates and their alpha and beta (MEASUREMENT 4.2), from what was found in the reference.

    An act found has alpha = 1 - Sp and beta = Se + Sp - 1, its true rate is (found rate - alpha) / beta. Where Se and
    Sp were not measured, half of the acts are taken to be missed and half of the detections to be wrong.
    Nothing found has alpha = the mean 1 - Se over the acts, weighed by how common they are, and
    beta = 1 - alpha - sum of 1 - Sp: exact for one act, and near for two, whose intervals lie on either side.
    """
    rule, shares = RULES[facet], reference.rates[facet]
    plain = rule.categories.index(rule.plain)
    measured = reference.sensitivity.get(facet, {}), reference.specificity.get(facet, {})
    rates, alpha, beta, missed = (np.zeros(len(rule.categories)) for _ in range(4))
    for number, name in enumerate(rule.categories):
        if number == plain:
            continue
        found = max(shares.get(name, 0.0), _LEAST_RATE)
        if name in measured[0] and name in measured[1]:
            sensitivity, false_share = measured[0][name], 1.0 - measured[1][name]
        else:
            right = (1.0 - _MISREAD) * found
            sensitivity, false_share = _SENSITIVITY, _MISREAD * found / (1.0 - min(right / _SENSITIVITY, 0.5))
        alpha[number], beta[number] = false_share, max(sensitivity - false_share, _LEAST_BETA)
        rates[number] = max((found - false_share) / beta[number], _LEAST_RATE)
        missed[number] = 1.0 - sensitivity
    acts = float(rates.sum())
    alpha[plain] = float(missed @ rates) / acts
    beta[plain] = max(1.0 - alpha[plain] - float(alpha.sum() - alpha[plain]), _LEAST_BETA)
    rates[plain] = max(1.0 - acts, _LEAST_RATE)
    return Law(rates=rates, alpha=alpha, beta=beta)


def _leading_sentences(
    scene: Scene, rule: HeldRule, rows: npt.NDArray[np.int64], category: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Row of the sentence that put each turn in its category; -1 where nothing was found."""
    strength = np.zeros(len(scene.of_turn))
    for signals in rule.signals.values():
        for signal in signals:
            strength = np.maximum(strength, scene.probability[signal])
    best = np.full(len(scene.is_us), -1, np.int64)
    order = np.argsort(strength, kind="stable")
    best[scene.of_turn[order]] = order  # the last write, the strongest sentence, stays
    leading = best[rows]
    leading[category == rule.categories.index(rule.plain)] = -1
    return leading


def _masked(values: pa.ChunkedArray, rows: npt.NDArray[np.int64], is_absent: pa.Array) -> pa.Array:
    taken = (
        values.take(pa.array(np.maximum(rows, 0))).combine_chunks() if len(values) else pa.nulls(len(rows), pa.int32())
    )
    return pc.if_else(is_absent, pa.scalar(None, pa.int32()), taken)
