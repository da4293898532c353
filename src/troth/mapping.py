"""Does the mapping of facets to lenses earn its place in this company's readings? The verdict, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from troth.errors import InputError
from troth.trust import DEFAULT_MODEL, Model
from troth.trust.shuffles import Shuffled, shuffle_lenses
from troth.trust.structure import (
    LEAST_RELATIONSHIPS,
    LEAST_WITH_FACET,
    Comparison,
    compare_structures,
    count_fits,
)
from troth.trust.structures import TESTED_LENSES, Structure

NOT_SEPARABLE: Final = "not separable in this data"

_MOST_GENERAL: Final = 0.8  # of what facets share: above it one number says it all
_LEAST_TOGETHER: Final = 0.15  # correlation below which facets have hardly anything to share
_ONE_AND_THE_SAME: Final = 0.85  # correlation from which two things are taken to be one

MAPPING: Final = pa.schema(
    [
        pa.field("gauge", pa.string(), nullable=False),
        pa.field("part", pa.string(), nullable=False),  # verdict, structure, general, pillars, facets, shuffles
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("low", pa.float64()),  # ends of the 95 % interval; of two standard errors for part "structure"
        pa.field("high", pa.float64()),
        pa.field("note", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be made of the facets of one gauge."""

    gauge: str
    words: str  # one plain sentence or two
    is_separable: bool | None  # None where there is too little to say
    lenses: tuple[str, ...] = ()  # that stand: told apart from one factor, and no other structure clearly better


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """The whole answer of `troth structure`."""

    verdicts: tuple[Verdict, ...]
    comparisons: tuple[Comparison, ...]
    shuffled: tuple[Shuffled, ...]

    def to_table(self) -> pa.Table:
        """MAPPING: the verdicts first, then every figure they rest on."""
        rows = [row for verdict in self.verdicts for row in _list_verdict(verdict)]
        for comparison in self.comparisons:
            rows += _list_comparison(comparison)
        rows += [_list_shuffled(one) for one in self.shuffled]
        return pa.Table.from_pylist(rows, schema=MAPPING)


def judge_mapping(
    readings: pa.Table,
    model: Model = DEFAULT_MODEL,
    *,
    folds: int = 5,
    shuffles: int = 1000,
    most_readings: int = 20_000,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Mapping:
    """Compare structures of the facets of both gauges on held-out relationships, and lenses with shuffled ones.

    Args:
        readings: READINGS.
        model: half-lives and shares. Means and spreads of the facets are learned from the readings.
        folds: parts the relationships are cut into; each is foretold from the others.
        shuffles: of each lens's mapping.
        most_readings: relationships are drawn at random until they hold about so many.
        seed: draws them, cuts the folds, deals the shuffles.
        progress: called with fits done and fits in all.

    Raises: InputError when folds, shuffles or most_readings cannot be; as `follow` for the readings.
    Cost: about a minute a core for 20,000 readings of nine facets.
    """
    if folds < 2 or shuffles < 20 or most_readings < 1:
        raise InputError(
            f"folds must be 2 or more, shuffles 20 or more and readings 1 or more, got {folds}, {shuffles} and "
            f"{most_readings}."
        )
    rng, done, total = np.random.default_rng(seed), 0, count_fits(folds) + len(TESTED_LENSES)

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(min(done, total), total)

    comparisons = tuple(
        compare_structures(
            readings, gauge, model, folds=folds, most_readings=most_readings, rng=rng, progress=step
        )
        for gauge in ("SHOWN", "HELD")
    )  # fmt: skip
    shuffled = shuffle_lenses(readings, model, shuffles=shuffles, rng=rng, progress=step)
    if progress is not None:
        progress(total, total)
    return Mapping(
        verdicts=tuple(judge_comparison(one, shuffled) for one in comparisons),
        comparisons=comparisons,
        shuffled=shuffled,
    )


def judge_comparison(comparison: Comparison, shuffled: tuple[Shuffled, ...] = ()) -> Verdict:
    """The verdict that the figures of one gauge carry (MEASUREMENT 7).

    Not separable: the general factor carries more than 80 % of what the facets share and describes how they go
    together, or no structure foretold better than one factor by more than two standard errors.
    """
    gauge, general = comparison.gauge, comparison.general
    if not comparison.structures:
        return Verdict(gauge=gauge, words=_say_too_little(comparison), is_separable=None)
    one = comparison.structures[0]
    if not comparison.lead(comparison.best, one).is_sure:
        if general is not None and general.together < _LEAST_TOGETHER:
            words = (
                f"The facets hardly go together: they correlate by {general.together:.2f}, so there is little for any "
                "pillar to gather. Read the facets one by one."
            )
        else:
            words = (
                f"{_upper(NOT_SEPARABLE)}: no structure foretold relationships held out better than one number by more "
                "than two standard errors. Show one number."
            )
        return Verdict(gauge=gauge, words=words, is_separable=False)
    if general is not None and min(general.of_common.value, general.explained) > _MOST_GENERAL:
        words = (
            f"{_upper(NOT_SEPARABLE)}: the general factor carries {general.of_common.value:.0%} of what the facets "
            "share. Show one number."
        )
        return Verdict(gauge=gauge, words=words, is_separable=False)
    if gauge == "HELD":
        return Verdict(gauge=gauge, words="The four questions are told apart in this data.", is_separable=True)
    standing = tuple(lens.name for lens in comparison.structures if _stands(lens, comparison))
    return Verdict(gauge=gauge, words=_say_lenses(standing, comparison, shuffled), is_separable=True, lenses=standing)


def _stands(lens: Structure, comparison: Comparison) -> bool:
    """Surely better than one factor, and no other way of grouping surely better than it.

    A general factor beside the same groups is no other way of grouping, only a thriftier one.
    """
    if lens.name not in TESTED_LENSES or not comparison.lead(lens, comparison.structures[0]).is_sure:
        return False
    return not any(
        comparison.lead(other, lens).is_sure for other in comparison.structures if other.groups != lens.groups
    )


def _say_too_little(comparison: Comparison) -> str:
    facets = len(comparison.facets)
    words = (
        f"Too little to say: {comparison.telling} relationships have two readings in each of two facets, and "
        f"{LEAST_RELATIONSHIPS} are needed."
    )
    if facets < 2:
        words = (
            f"Too little to say: {facets or 'no'} facet was read twice in each of {LEAST_WITH_FACET} relationships, "
            f"and two facets are needed in {LEAST_RELATIONSHIPS}."
        )  # fmt: skip
    return f"{words} Until then the pillars are a way of reading, not a finding."


def _say_lenses(standing: tuple[str, ...], comparison: Comparison, shuffled: tuple[Shuffled, ...]) -> str:
    if not standing:
        return (
            "The facets are told apart in this data, but no lens groups them as they go together: best foretold "
            f"{comparison.best.plain}. Read the facets one by one."
        )
    said = [f"The facets are told apart in this data. Structures that stand: {', '.join(standing)}."]
    tested = {one.lens: one for one in shuffled}
    for lens in standing:
        if lens in tested and not tested[lens].passes:
            said.append(
                f"But {lens} foretold better than only {tested[lens].beaten:.0%} of its shuffles, and 95 % are needed."
            )
    return " ".join(said)


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]


def _list_verdict(verdict: Verdict) -> list[dict[str, Any]]:
    return [{"gauge": verdict.gauge, "part": "verdict", "name": "", "note": verdict.words}]


def _list_comparison(comparison: Comparison) -> list[dict[str, Any]]:
    """The figures of one gauge as flat rows."""
    rows: list[dict[str, Any]] = []

    def add(part: str, name: str, value: float, note: str, ends: tuple[float, float] | None = None) -> None:
        low, high = ends or (None, None)
        row = {"part": part, "name": name, "value": value, "low": low, "high": high, "note": note}
        rows.append({"gauge": comparison.gauge, **row})

    for one in comparison.structures:
        gain, behind = comparison.lead(one, comparison.structures[0]), comparison.lead(comparison.best, one)
        place = "foretold best" if one is comparison.best else f"{behind.mean:.2f} ± {behind.error:.2f} behind the best"
        ends = (gain.mean - 2 * gain.error, gain.mean + 2 * gain.error)
        add("structure", one.name, gain.mean, f"{one.plain}; {one.size} free numbers; {place}", ends)
    if comparison.structures:
        note = f"{comparison.readings} readings of {comparison.relationships} relationships"
        if comparison.absent:
            note += f"; too little of {', '.join(comparison.absent)}"
        add("data", "facets", float(len(comparison.facets)), note)
    if comparison.general is not None:
        general = comparison.general
        note = f"of what facets share, the general factor's part, beside the groups of {general.lens}"
        add("general", "share", general.of_common.value, note, general.of_common.ends)
        add("general", "explained", general.explained, "of the squared correlations between facets, by one factor")
        note = "omega-hierarchical: of the sum of all facets, the general factor's part"
        add("general", "omega", general.omega.value, note, general.omega.ends)
    for (lens, one, other), found in comparison.pillars.items():
        note = "two things" if found.high < _ONE_AND_THE_SAME else "may be one: not surely below .85"
        add("pillars", f"{lens}: {one} ~ {other}", found.value, note, found.ends)
    for (one, other), found in comparison.pairs.items():
        if found.value > _ONE_AND_THE_SAME:
            add("facets", f"{one} ~ {other}", found.value, "above .85: one and the same here", found.ends)
    return rows


def _list_shuffled(one: Shuffled) -> dict[str, Any]:
    held = "passes" if one.passes else "does not pass: 95 % are needed"
    note = (
        f"of {one.shuffles} shuffles foretold worse; {held}. Foretold: {one.foretold}, {one.targets} of them in "
        f"{one.relationships} relationships; {one.gain:+.4f} each over the mean shuffle"
    )
    return {"gauge": "SHOWN", "part": "shuffles", "name": one.lens, "value": one.beaten, "note": note}
