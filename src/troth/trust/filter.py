"""READINGS to TRUST: the filter, forward in time, and the smoother, looking back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import InputError
from troth.schema import READINGS, TRUST, conform
from troth.trust import _engine
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence, time_us
from troth.trust.model import (
    DEFAULT_MODEL,
    GAUGES,
    Block,
    Dynamics,
    Floats,
    Ints,
    Model,
    Standing,
    State,
    dynamics,
)

_DAY_US = 86_400_000_000
PIECE_READINGS, PIECE_GROUPS = 50_000, 2_000  # one thread's piece: states stay within a few megabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What `advance` returns: the days that had a reading, and the states to go on from."""

    trust: pa.Table  # TRUST
    state: dict[str, State]


def follow(
    readings: object,
    model: Model | None = None,
    *,
    state: Mapping[str, State] | None = None,
    segments: Mapping[str, str] | None = None,
) -> pa.Table:
    """Take READINGS to TRUST: how trust stood after each day that had a reading.

    Args:
        readings: READINGS in any order; rows of one relationship and time are taken in a fixed order.
        model: constants; `DEFAULT_MODEL` when not given.
        state: where to go on from, by relationship (`follow_states`); relationships not in it start at the prior.
        segments: relationship to the segment whose means the model may hold; those absent take the population's.

    Returns:
        TRUST: one row per relationship, UTC day with a reading in the gauge, and facet of that gauge. `at` is the time
        of the day's last reading. Sorted by gauge (SHOWN first), segment where stated, relationship, time, facet in
        catalogue order.

    Raises: InputError that names the row which cannot be a reading, or which is older than the state it should follow.
    Cost: O(K^2) a reading. Going on from a state whose last time lies before the new readings gives, bit for bit, what
    all readings together give.
    """
    return _advance(readings, model or DEFAULT_MODEL, state or {}, segments, keep_states=False).trust


def follow_states(
    readings: object,
    model: Model | None = None,
    *,
    state: Mapping[str, State] | None = None,
    segments: Mapping[str, str] | None = None,
) -> dict[str, State]:
    """The states after all readings, by relationship; those in `state` without a new reading come back unchanged."""
    return _advance(readings, model or DEFAULT_MODEL, state or {}, segments, keep_trust=False).state


def advance(
    readings: object,
    model: Model | None = None,
    *,
    state: Mapping[str, State] | None = None,
    segments: Mapping[str, str] | None = None,
) -> Followed:
    """`follow` and `follow_states` in one pass: TRUST of the new days, and the states to keep for the next call."""
    return _advance(readings, model or DEFAULT_MODEL, state or {}, segments)


def stand(
    states: Mapping[str, State],
    at: datetime,
    model: Model | None = None,
    *,
    segments: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Standing]]:
    """Levels of every facet at one time, by relationship and gauge: states carried on from their last reading.

    Raises: InputError when a state is younger than `at`; BadColumn when `at` has no time zone.
    """
    at_us, dyns, own = time_us(at), _Dynamics(model or DEFAULT_MODEL), segments or {}
    found: dict[str, dict[str, Standing]] = {}
    for name, state in states.items():
        segment = own.get(name, "")
        found[name] = {
            gauge: _stand(name, block, gauge, dyns.of(gauge, segment), at_us) for gauge, block in state.blocks.items()
        }
    return found


def close_states(
    readings: object, at: datetime, model: Model | None = None, *, segments: Mapping[str, str] | None = None
) -> dict[str, dict[str, Standing]]:
    """Levels of every facet at time `at`, by relationship and gauge, from the readings up to and including `at`.

    A relationship or gauge without a reading by then is absent: nothing is known of it but the prior.

    Raises: InputError that names the row which cannot be a reading; BadColumn when `at` has no time zone.
    """
    return stand(follow_states(until(readings, at), model, segments=segments), at, model, segments=segments)


def smooth(readings: object, model: Model | None = None, *, segments: Mapping[str, str] | None = None) -> pa.Table:
    """Look back: how trust stood on each day, given all readings, later ones too (MEASUREMENT 4.4).

    For explanation and for learning, never for outcome models. Same rows and columns as `follow`; `readings` still
    counts those up to the day, and reliability compares the smoothed variance with the prior's.

    Raises: as `follow`. Memory: about 190 bytes a reading and 3 kB a day of a relationship, a piece at a time.
    """
    model = model or DEFAULT_MODEL
    dyns = _Dynamics(model)
    batches: list[pa.RecordBatch] = []
    for evidence in take_evidence(readings, yardsticks=model.yardsticks, segments=segments)[1].values():
        for part in evidence.parts(readings=PIECE_READINGS, groups=PIECE_GROUPS):
            dyn = dyns.of(part.gauge, part.segment_name)
            emit, last = closing_rows(part)
            trace = Trace.blank(len(last), len(part.at), dyn.facets, keep_cov=True, keep_record=True)
            _engine.forward(part, dyn, Stack.fresh(part, dyn), emit, trace)
            _engine.smooth(part, dyn, emit, trace)
            batches.append(_trust_rows(part, dyn, last, trace))
    return pa.Table.from_batches(batches, schema=TRUST)


def until(readings: object, at: datetime) -> pa.Table:
    """The readings up to and including `at`."""
    table = conform(readings, READINGS)
    latest = pa.scalar(time_us(at), pa.int64()).cast(READINGS.field("at").type)
    return table.filter(pc.less_equal(table.column("at"), latest))


def closing_rows(evidence: Evidence) -> tuple[Ints, Ints]:
    """Which readings close a UTC day of their relationship.

    Returns: emit, shape (N,), the number of the closing row or -1; last, shape (E,), the closing readings.
    """
    day = evidence.at // _DAY_US
    closes = np.empty(len(day), dtype=np.bool_)
    closes[:-1] = day[1:] != day[:-1]
    closes[evidence.start[1:] - 1] = True
    last = np.flatnonzero(closes).astype(np.int64)
    emit = np.full(len(day), -1, dtype=np.int64)
    emit[last] = np.arange(len(last))
    return emit, last


class _Dynamics:
    """The dynamics of each gauge and segment of one model, made once."""

    def __init__(self, model: Model) -> None:
        self._model, self._made = model, dict[tuple[str, str], Dynamics]()

    def of(self, gauge: str, segment: str) -> Dynamics:
        key = (gauge, segment if segment in self._model.segment_means else "")
        if key not in self._made:
            self._made[key] = dynamics(self._model.within(segment), gauge)
        return self._made[key]


def _advance(
    readings: object,
    model: Model,
    state: Mapping[str, State],
    segments: Mapping[str, str] | None,
    *,
    keep_trust: bool = True,
    keep_states: bool = True,
) -> Followed:
    table, found = take_evidence(readings, yardsticks=model.yardsticks, segments=segments)
    dyns = _Dynamics(model)
    batches: list[pa.RecordBatch] = []
    after: dict[str, dict[str, Block]] = {name: dict(old.blocks) for name, old in state.items()} if keep_states else {}
    for gauge, evidence in found.items():
        pieces = evidence.parts(readings=PIECE_READINGS, groups=PIECE_GROUPS)
        for batch, blocks in _run(pieces, dyns, state, table, keep_trust=keep_trust, keep_states=keep_states):
            batches.append(batch)
            for name, block in blocks.items():
                after.setdefault(name, {})[gauge] = block
    return Followed(
        trust=pa.Table.from_batches(batches, schema=TRUST),
        state={name: State(blocks) for name, blocks in after.items()},
    )


def _run(
    pieces: Iterator[Evidence],
    dyns: _Dynamics,
    state: Mapping[str, State],
    table: pa.Table,
    *,
    keep_trust: bool,
    keep_states: bool,
) -> Iterator[tuple[pa.RecordBatch, dict[str, Block]]]:
    """Filter piece by piece, on every core where there is more than one piece. Order and bits do not depend on that."""

    def work(part: Evidence) -> tuple[pa.RecordBatch, dict[str, Block]]:
        dyn = dyns.of(part.gauge, part.segment_name)
        stack = Stack.fresh(part, dyn)
        if state:
            _resume(stack, part, state, table)
        emit, last = closing_rows(part) if keep_trust else (np.full(len(part.at), -1), np.empty(0, np.int64))
        trace = Trace.blank(len(last), len(part.at), dyn.facets, keep_cov=False, keep_record=False)
        _engine.forward(part, dyn, stack, emit, trace)
        return _trust_rows(part, dyn, last, trace), _blocks(part, stack) if keep_states else {}

    waiting = list(pieces)
    threads = min(os.cpu_count() or 1, len(waiting))
    if threads < 2:
        yield from map(work, waiting)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, waiting)


def _blocks(part: Evidence, stack: Stack) -> dict[str, Block]:
    """The stack's states one by one, copied so that no state keeps a whole piece alive."""
    return {
        name: Block(
            at_us=int(stack.at[i]),
            mean=stack.mean[i].copy(),
            cov=stack.cov[i].copy(),
            readings=stack.count[i].copy(),
        )
        for i, name in enumerate(part.names.to_pylist())
    }


def _resume(stack: Stack, part: Evidence, state: Mapping[str, State], table: pa.Table) -> None:
    for i, name in enumerate(part.names.to_pylist()):
        block = state[name].blocks.get(part.gauge) if name in state else None
        if block is None:
            continue
        first = int(part.start[i])
        if part.at[first] < block.at_us:
            row = int(part.row[first])
            raise InputError(
                f"reading {row} (relationship {name!r}) at {table.column('at')[row].as_py()} is older than "
                "the state it should follow. Follow this relationship's readings from the start."
            )
        stack.at[i], stack.mean[i], stack.cov[i], stack.count[i] = block.at_us, block.mean, block.cov, block.readings


def _trust_rows(part: Evidence, dyn: Dynamics, last: Ints, trace: Trace) -> pa.RecordBatch:
    k, days = dyn.facets, len(last)
    group = np.searchsorted(part.start, last, side="right") - 1
    prior_var = _level_var(dyn.prior, k)
    slow, fast = trace.mean[:, :k], trace.mean[:, k:]
    columns = {
        "relationship": part.names.take(pa.array(np.repeat(group, k))),
        "facet": pa.array(GAUGES[part.gauge]).take(pa.array(np.tile(np.arange(k), days))),
        "at": pa.array(np.repeat(part.at[last], k)).cast(TRUST.field("at").type),
        "mean": pa.array((slow + fast).ravel()),
        "var": pa.array(trace.var.ravel()),
        "slow": pa.array(slow.ravel()),
        "fast": pa.array(fast.ravel()),
        "reliability": pa.array(np.clip(1.0 - trace.var / prior_var, 0.0, 1.0).ravel()),
        "readings": pa.array(trace.count.ravel()),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=TRUST)


def _level_var(cov: Floats, k: int) -> Floats:
    return np.diag(cov)[:k] + 2 * np.diag(cov, k)[:k] + np.diag(cov)[k:]


def _stand(name: str, block: Block, gauge: str, dyn: Dynamics, at_us: int) -> Standing:
    if at_us < block.at_us:
        raise InputError(
            f"the state of {name!r} already holds readings after that time; follow the earlier ones alone."
        )
    k, g = dyn.facets, dyn.decay(at_us - block.at_us)
    mean = dyn.mean + g * (block.mean - dyn.mean)
    cov = np.outer(g, g) * (block.cov - dyn.prior) + dyn.prior
    return Standing(
        gauge=gauge,
        at_us=at_us,
        facets=GAUGES[gauge],
        mean=mean[:k] + mean[k:],
        cov=cov[:k, :k] + cov[:k, k:] + cov[k:, :k] + cov[k:, k:],
        prior_cov=dyn.prior[:k, :k] + dyn.prior[k:, k:],
        readings=block.readings,
    )
