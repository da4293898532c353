"""Whether what we say joins up over people and channels, as readings of consistency: one per turn.

Two occasions give one. Our turn on a matter that another of us, or another channel, told this customer of before: the
two say the same, or they seem to contradict each other; a change that was told as one is neither. And their turn over
another channel, or to another of us, than the last one: they have to say something again, or they need not.
Every suspicion is the machine's, and it is read as error-prone as it was measured to be: see MEASUREMENT.md sections 2
and 4.2. What is found is found in `troth.ruled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.ordinal import ActRule, Law, lay_out_readings, make_law, make_scale
from troth.readings.reference import Reference
from troth.readings.scene import Bools, Ints, Scene
from troth.schema import READINGS, empty
from troth.signals import SHOWN

FACET: Final = "CO"
TURN_VAR: Final = 9.0
"""Of one turn around the level, in variances between relationships: the start value of acts, as in `held`."""


def _contradicts(scene: Scene) -> Ints:
    return np.where(scene.in_turn(scene.found("contradiction")), 0, 1)


def _has_to_repeat(scene: Scene) -> Ints:
    return np.where(scene.in_turn(scene.found("told_again")), 0, 1)


RULES: Final[Mapping[str, ActRule]] = MappingProxyType(
    {
        "us": ActRule(
            categories=("contradiction", "facts_agree"),
            plain="facts_agree",
            category=_contradicts,
            signals={"contradiction": ("contradiction",), "facts_agree": ("facts_agree",)},
        ),
        "them": ActRule(
            categories=("told_again", "none"),
            plain="none",
            category=_has_to_repeat,
            signals={"told_again": ("told_again",)},
        ),
    }
)
"""Whose turn it is to the categories it may fall into; each is the `signal` of its readings."""

_OCCASIONS: Final = MappingProxyType({"us": ("contradiction", "facts_agree"), "them": ("elsewhere", "told_again")})

assert FACET in SHOWN  # noqa: S101 -- a misspelt facet must not go unseen


def sort_joins(scene: Scene, side: str) -> tuple[Ints, Ints]:
    """Rows of this side's turns that had the occasion, and the category of each."""
    mine = scene.is_us if side == "us" else ~scene.is_us
    rows = np.flatnonzero(mine & scene.in_turn(scene.found(*_OCCASIONS[side])))
    return rows, RULES[side].category(scene)[rows]


def find_join_law(side: str, reference: Reference) -> Law:
    """How what is found depends on what is there."""
    measured = reference.sensitivity.get(FACET, {}), reference.specificity.get(FACET, {})
    return make_law(RULES[side], reference.joins[side], *measured)


def read_connected(scene: Scene, reference: Reference) -> pa.Table:
    """One reading of consistency for each turn with an occasion; it points to the sentence that was found."""
    tables = [
        _read_side(scene, side, reference)
        for side in RULES
        if side in reference.joins and sort_joins(scene, side)[0].size
    ]
    return pa.concat_tables(tables) if tables else empty(READINGS)


def _read_side(scene: Scene, side: str, reference: Reference) -> pa.Table:
    rule = RULES[side]
    rows, category = sort_joins(scene, side)
    marked = np.zeros(len(scene.of_turn), bool)
    for number, name in enumerate(rule.categories):
        of_category = np.zeros(len(scene.is_us), bool)
        of_category[rows[category == number]] = True
        marked |= scene.found(*rule.signals.get(name, ())) & of_category[scene.of_turn]
    first = _first_marked(scene, marked)[rows]
    absent = pa.array(first < 0)
    more = {
        "signal": pa.array(np.array(rule.categories, object)[category], pa.string()),
        **{
            name: pc.if_else(
                absent, pa.scalar(None, pa.int32()), scene.sentences[name].take(pa.array(np.maximum(first, 0)))
            )
            for name in ("start", "end")
        },
    }
    scale = make_scale(find_join_law(side, reference), v=TURN_VAR)
    which = np.zeros(len(rows), np.int64)
    return lay_out_readings(scene, FACET, rows, category, scales=[scale], which=which, more=more)


def _first_marked(scene: Scene, marked: Bools) -> Ints:
    """Row of the first marked sentence of each turn; -1 where there is none."""
    first = np.full(len(scene.is_us), -1, np.int64)
    at = np.flatnonzero(marked)[::-1]
    first[scene.of_turn[at]] = at  # the last write, the first sentence, stays
    return first
