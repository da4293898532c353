"""What our words show where acts are rare: ordinal readings, one per turn and facet of SHOWN.

Most turns hold no reason, hedge, disclosure or pressure at all, and some hold one. Such a turn says which of a few
ordered categories it fell into: against, the occasion passed unused, for, strongly for. How common these are depends
on the channel and on how many sentences had the occasion; both are held against the reference population, so that a
long mail is not better for having more room. Source: MEASUREMENT.md sections 2 and 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.evidence import answers_a_feeling, find_claims, take_beside
from troth.readings.ordinal import ActRule, Scale, between, count_kinds, lay_out_readings, make_law, make_scale
from troth.readings.reference import ActReference, Reference
from troth.readings.scene import Ints, Scene
from troth.schema import READINGS, empty
from troth.signals import CATALOGUE

SIGNAL: Final = "turn"
"""What these readings are called: all signals of a turn in one."""

LENGTHS: Final = ("1", "2 to 3", "4 to 8", "9 or more")
"""Classes of turns by how many of their sentences had the occasion."""

_LONGER: Final = np.array([1, 3, 8])  # the largest number in each class but the last


def _name_signals(facet: str, sign: int) -> tuple[str, ...]:
    return tuple(
        signal.name
        for signal in CATALOGUE.values()
        if signal.shown == facet and signal.sign == sign and signal.is_finding
    )


def _count_backed(scene: Scene) -> Ints:
    """0 where no claim of a turn has a reason beside it, 2 where half of its claims or more have, else 1."""
    claims = find_claims(scene)
    reasons = scene.found(*_name_signals("RS", 1)).astype(float)
    count = np.bincount(scene.of_turn, weights=claims, minlength=len(scene.is_us))
    backed = np.bincount(scene.of_turn, weights=claims & (take_beside(scene, reasons) > 0), minlength=len(scene.is_us))
    return np.where(backed == 0, 0, np.where(2 * backed >= count, 2, 1))


def _weigh_own_words(scene: Scene) -> Ints:
    """0 for a template, 2 for what is particular to this reader, 1 for neither and for a form filled in with it."""
    copied, own = (scene.in_turn(scene.found(*_name_signals("PE", sign))).astype(np.int64) for sign in (-1, 1))
    return 1 - copied + own


def _rule_out(facet: str, low: str, high: str) -> ActRule:
    lowers, raises = _name_signals(facet, -1), _name_signals(facet, 1)
    return ActRule(
        categories=(low, "none", high),
        plain="none",
        category=between(lowers, raises),
        signals={low: lowers, high: raises},
    )


def _rule_in(facet: str, *higher: str) -> ActRule:
    raises = _name_signals(facet, 1)
    return ActRule(
        categories=("none", *higher),
        plain="none",
        category=count_kinds(raises, most=len(higher)),
        signals=dict.fromkeys(higher, raises),
    )


ACTS: Final[Mapping[str, ActRule]] = MappingProxyType(
    {
        "RS": ActRule(
            categories=("none", "some", "most"),
            plain="none",
            category=_count_backed,
            signals=dict.fromkeys(("some", "most"), _name_signals("RS", 1)),
        ),
        "CA": _rule_out("CA", "hype", "hedged"),
        "AT": _rule_in("AT", "one", "several"),
        "OP": _rule_in("OP", "opens"),
        "OR": _rule_out("OR", "pressure", "theirs"),
        "PE": ActRule(
            categories=("template", "none", "personal"),
            plain="none",
            category=_weigh_own_words,
            signals={"template": _name_signals("PE", -1), "personal": _name_signals("PE", 1)},
        ),
    }
)
"""The rule of each facet whose acts are rare. Clarity and regard are measured on every sentence, see `gather`."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sorted:
    """Our turns with an occasion for one facet; shape (n,) each."""

    rows: Ints  # places of the turns in the scene
    category: Ints
    length: Ints  # place in LENGTHS
    leading: Ints  # row of EVIDENCE that weighs most


def sort_turns(evidence: pa.Table, scene: Scene) -> dict[str, Sorted]:
    """Sort our turns into the categories of each facet.

    Empathy nobody asked for is shown to the reader of the evidence, but is no reading: had it been missing, there
    would have been no occasion, and what can only ever be found and never missed says nothing of how usual it is.
    """
    found: dict[str, Sorted] = {}
    ids = scene.turns["turn_id"].combine_chunks()
    felt = answers_a_feeling(scene)
    for facet, rule in ACTS.items():
        mine = np.flatnonzero(np.asarray(pc.equal(evidence["facet"], facet).to_numpy(zero_copy_only=False), bool))
        turn = pc.index_in(evidence["turn_id"].take(pa.array(mine)), ids).to_numpy().astype(np.int64)
        if facet == "AT":
            mine, turn = mine[felt[turn]], turn[felt[turn]]
        rows, group, count = np.unique(turn, return_inverse=True, return_counts=True)
        category = rule.category(scene)[rows]
        toward = np.sign(category - rule.categories.index(rule.plain))[group]
        raw = evidence["raw"].to_numpy().astype(float)[mine]
        weight = np.where(toward == 0, -np.abs(raw), toward * raw)
        order = np.lexsort((mine, -weight, group))
        first = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
        length = np.searchsorted(_LONGER, count)
        found[facet] = Sorted(rows=rows, category=category, length=length, leading=mine[first])
    return found


def make_scales(facet: str, part: ActReference, reference: Reference) -> dict[tuple[str, str], Scale]:
    """The scale of turns of each channel and length: slope^2 / (slope^2 + 1) is the share between relationships."""
    slope = float(np.sqrt(part.share_between / (1.0 - part.share_between)))
    measured = reference.sensitivity.get(facet, {}), reference.specificity.get(facet, {})
    return {
        (channel, length): make_scale(make_law(ACTS[facet], shares, *measured), v=1.0, slope=slope)
        for channel, by_length in part.rates.items()
        for length, shares in by_length.items()
    }


def choose_scales(scene: Scene, facet: str, turns: Sorted, reference: Reference) -> tuple[list[Scale], Ints]:
    """All scales of a facet, and which of them each of these turns is read on."""
    scales = make_scales(facet, reference.acts[facet], reference)
    place = {key: number for number, key in enumerate(scales)}
    channels = scene.turns["channel"].take(pa.array(turns.rows)).to_pylist()
    known = reference.acts[facet].rates
    which = [
        place[channel if channel in known else "mail", LENGTHS[length]]
        for channel, length in zip(channels, turns.length.tolist(), strict=True)
    ]
    return list(scales.values()), np.array(which, np.int64)


def read_acts(evidence: pa.Table, scene: Scene, reference: Reference) -> pa.Table:
    """One ordinal reading for each of our turns and facet of `ACTS` with an occasion."""
    tables: list[pa.Table] = [empty(READINGS)]
    for facet, turns in sort_turns(evidence, scene).items():
        if facet not in reference.acts or not len(turns.rows):
            continue
        scales, which = choose_scales(scene, facet, turns, reference)
        more = {
            "signal": pa.repeat(SIGNAL, len(turns.rows)),
            **{name: evidence[name].take(pa.array(turns.leading)) for name in ("start", "end")},
        }
        tables.append(lay_out_readings(scene, facet, turns.rows, turns.category, scales=scales, which=which, more=more))
    return pa.concat_tables(tables)
