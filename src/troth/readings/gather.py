"""EVIDENCE and what was done to READINGS: what the filter takes in.

A turn gives one reading per facet, not one per sentence: long turns must not outvote short ones.
Source: MEASUREMENT.md sections 2 and 4.2.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.asked import join_questions
from troth.readings.connected import read_connected
from troth.readings.evidence import weigh_scene
from troth.readings.follow_through import read_promises
from troth.readings.held import read_held
from troth.readings.reference import PLACES, FacetReference, Reference, count_effective
from troth.readings.scene import Scene, set_scene
from troth.readings.shown import SIGNAL, read_acts
from troth.readings.waits import read_waits
from troth.schema import READINGS, conform, empty
from troth.worktime import ALL_HOURS, OpenHours


def gather_readings(
    turns: pa.Table,
    sentences: pa.Table,
    findings: pa.Table,
    promises: pa.Table,
    *,
    reference: Reference,
    now: dt.datetime,
    hours: OpenHours = ALL_HOURS,
    questions: pa.Table | None = None,
) -> pa.Table:
    """Take everything found to READINGS, in no particular order.

    Args:
        turns: TURNS, placed.
        sentences, findings: of these turns.
        promises: PROMISES, settled as of `now`.
        reference: what is usual.
        now: the evening; later turns are left out, and a question still open has waited until then.
        hours: when our side works; the other side's waiting is counted in these.
        questions: QUESTIONS of the counterpart; those of trust are readings of HELD.

    Returns: READINGS. Turns without a time give none: the filter would not know when.
    """
    turns = turns.filter(pc.fill_null(pc.less_equal(turns["sent_at"], pa.scalar(now, turns["sent_at"].type)), False))
    scene = set_scene(turns, sentences, findings)
    words = read_words(scene, reference, now=now, questions=questions)
    return pa.concat_tables([words, read_waits(scene, reference, now, hours=hours), read_promises(promises, now)])


def read_words(scene: Scene, reference: Reference, *, now: dt.datetime, questions: pa.Table | None = None) -> pa.Table:
    """READINGS of what is said: of these conversations alone, whatever happens in others."""
    evidence, held = weigh_scene(scene), read_held(scene, reference)
    return pa.concat_tables(
        [
            read_measured(evidence, scene, reference),
            read_acts(evidence, scene, reference),
            read_connected(scene, reference),
            held if questions is None else join_questions(held, questions, now=now),
        ]
    )


def read_measured(evidence: pa.Table, scene: Scene, reference: Reference) -> pa.Table:
    """One exact reading for each turn and facet that every sentence tells of: their mean, in reference units.

    With n sentences, v = (tau^2 + sigma^2 / n_eff) / variance between relationships, where n_eff counts sentences that
    follow each other for less than as many that do not (`count_effective`). z is the place of the turn among the
    reference's turns on its channel, as a normal score times sqrt(1 + v): so that z spreads over the reference as the
    filter takes it to, N(0, 1 + v), and no turn lies farther out than the reference has turns to tell.
    The sentence that weighs most rides along as the evidence.
    """
    evidence = evidence.filter(pc.is_in(evidence["facet"], pa.array(list(reference.facets), pa.string())))
    if not evidence.num_rows:
        return empty(READINGS)
    usual = {facet: number for number, facet in enumerate(reference.facets)}
    parts = list(reference.facets.values())
    between, turn_var, sentence_var, neighbour = (
        np.array([getattr(part, name) for part in parts])
        for name in ("between_var", "turn_var", "sentence_var", "neighbour")
    )
    codes = evidence["facet"].combine_chunks().dictionary_encode()
    facet = np.array([usual[name] for name in codes.dictionary.to_pylist()])[codes.indices.to_numpy()]
    turn = pc.index_in(evidence["turn_id"], scene.turns["turn_id"].combine_chunks()).to_numpy().astype(np.int64)
    raw = evidence["raw"].to_numpy().astype(float)
    key, group = np.unique(turn * len(parts) + facet, return_inverse=True)
    turn, facet_of = key // len(parts), key % len(parts)
    count = np.bincount(group).astype(float)
    channel, names = _codes(scene.turns["channel"])
    usual = _by_channel(parts, names)[channel[turn], facet_of]
    told = count_effective(count, neighbour[facet_of])
    v = (turn_var[facet_of] + sentence_var[facet_of] / told) / between[facet_of]
    apart = (np.bincount(group, weights=raw) / count - usual) / np.sqrt((1.0 + v) * between[facet_of])
    z = np.sqrt(1.0 + v) * _place(apart, parts, names, facet=facet_of, channel=channel[turn])
    leading = _find_leading(np.abs(raw - usual[group]), group)
    chosen = scene.turns.select(["relationship", "sent_at", "turn_id"]).take(turn)
    columns: dict[str, Any] = {
        "relationship": chosen["relationship"],
        "facet": pa.array(np.array(list(reference.facets), object)[facet_of], pa.string()),
        "at": chosen["sent_at"],
        "signal": pa.repeat(SIGNAL, len(key)),
        "lo": z,
        "hi": z,
        "v": v,
        "slope": np.ones(len(key)),
        "alpha": np.zeros(len(key)),
        "beta": np.ones(len(key)),
        "slow_only": np.zeros(len(key), bool),
        "turn_id": chosen["turn_id"],
        "start": evidence["start"].take(leading),
        "end": evidence["end"].take(leading),
    }
    return conform(pa.table(columns), READINGS)


def _codes(column: pa.ChunkedArray) -> tuple[Any, list[str]]:
    codes = column.combine_chunks().dictionary_encode()
    return codes.indices.to_numpy(), codes.dictionary.to_pylist()


def _by_channel(parts: Sequence[FacetReference], channels: Sequence[str]) -> Any:
    """What is usual, shape (n_channels, n_facets)."""
    return np.array([[part.means.get(channel, part.means["mail"]) for part in parts] for channel in channels])


def _place(apart: Any, parts: Sequence[FacetReference], channels: Sequence[str], *, facet: Any, channel: Any) -> Any:
    """Normal scores of the places among the reference's turns, shape (n,).

    Args:
        apart: shape (n,), standard deviations from the usual level.
        parts: facets.
        channels: names.
        facet, channel: shape (n,), places in these.
    """
    scores = np.clip(apart, PLACES[0], PLACES[-1])
    for number, part in enumerate(parts):
        for code, name in enumerate(channels):
            ends = part.spread.get(name, part.spread.get("mail"))
            if ends is not None:
                mine = (facet == number) & (channel == code)
                scores[mine] = np.interp(apart[mine], ends, PLACES)
    return scores


def _find_leading(weight: Any, group: Any) -> Any:
    """Row of the largest weight in each group; the first of equals."""
    order = np.lexsort((np.arange(len(weight)), -weight, group))
    first = np.ones(len(order), bool)
    first[1:] = group[order][1:] != group[order][:-1]
    return order[first]
