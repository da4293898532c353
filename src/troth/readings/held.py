"""What the counterpart's words say of the trust they hold: ordinal readings, one per turn and facet of HELD.

Each facet has ordered categories ("chases" below nothing below "delegates"), read as `ordinal` says.
Source: MEASUREMENT.md sections 2 and 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.ordinal import ActRule, Law, between, count_kinds, lay_out_readings, make_law, make_scale
from troth.readings.reference import Reference
from troth.readings.scene import Bools, Scene
from troth.schema import READINGS, empty
from troth.signals import HELD

TURN_VAR: Final = 9.0
"""Of one turn around the level, in variances between relationships. A tenth of the spread between turns then lies
between relationships, the start value that the facets of SHOWN have too; there .05 to .14 were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRule(ActRule):
    """The categories of one facet, and the turns that had the occasion."""

    occasion: Callable[[Scene], Bools]


def _after_ours(*signals: str) -> Callable[[Scene], Bools]:
    """Turns that answer a turn of ours holding one of these."""
    return lambda scene: scene.in_answered(scene.in_turn(scene.found(*signals)))


_CLOSE: Final = ("disclosure", "gratitude", "fun", "admission")


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
            category=between(("chases",), ("accepts",)),
            signals={"chases": ("chases",), "accepts": ("accepts",)},
        ),
        "HI": HeldRule(
            categories=("none", "one", "several"),
            plain="none",
            occasion=_any_turn,
            category=count_kinds(_CLOSE, most=2),
            signals={"one": _CLOSE, "several": _CLOSE},
        ),
        "HS": HeldRule(
            categories=("doubts_motive", "none", "good_faith"),
            plain="none",
            occasion=_after_ours("request", "offer", "rejects", "bad_news", "apology"),
            category=between(("doubts_motive",), ("good_faith",)),
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


def _read_facet(
    scene: Scene, facet: str, rows: npt.NDArray[np.int64], category: npt.NDArray[np.int64], reference: Reference
) -> pa.Table:
    rule, scale = RULES[facet], make_scale(find_law(facet, reference), v=TURN_VAR)
    leading = _leading_sentences(scene, rule, rows, category)
    named = pa.array(leading < 0)
    more = {
        "signal": pa.array(np.array(rule.categories, object)[category], pa.string()),
        "start": _masked(scene.sentences["start"], leading, named),
        "end": _masked(scene.sentences["end"], leading, named),
    }
    which = np.zeros(len(rows), np.int64)
    return lay_out_readings(scene, facet, rows, category, scales=[scale], which=which, more=more)


def find_law(facet: str, reference: Reference) -> Law:
    """How what is found of a facet of HELD depends on what is there."""
    measured = reference.sensitivity.get(facet, {}), reference.specificity.get(facet, {})
    return make_law(RULES[facet], reference.rates[facet], *measured)


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
