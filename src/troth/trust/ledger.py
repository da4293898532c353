"""A score taken apart into its evidence: every reading's share, own and borrowed, and the prior's (MEASUREMENT 4.4)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import InputError
from troth.lenses import Pillar
from troth.schema import READINGS
from troth.trust import _engine
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence, time_us
from troth.trust.filter import until
from troth.trust.model import DEFAULT_MODEL, GAUGES, Dynamics, Floats, Model, dynamics, gauge_of
from troth.trust.scores import pillar_weights

LEDGER: Final = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # own, borrowed, prior
        pa.field("contribution", pa.float64(), nullable=False),  # standard deviations; all rows sum to the score
        pa.field("weight", pa.float64()),  # change of the score per unit of the reading
        pa.field("faded", pa.float64()),  # share of its first weight that time alone has taken since, 0 to 1
        pa.field("facet", pa.string()),
        pa.field("signal", pa.string()),
        pa.field("at", READINGS.field("at").type),
        pa.field("turn_id", pa.string()),
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
    ]
)
"""One row per reading of the score's gauge, oldest first, then one row for the prior."""


def ledger(readings: object, score: Pillar | str, at: datetime, model: Model | None = None) -> pa.Table:
    """Take one relationship's score at time `at` apart into what each reading contributes.

    Args:
        readings: READINGS of one relationship; those after `at` are left out.
        score: a pillar, or a facet's code.
        at: a datetime with its time zone.
        model: constants; `DEFAULT_MODEL` when not given.

    Returns: LEDGER. "own" is evidence on the score's own facets, "borrowed" came in through the halo R. The
        contributions sum to the `mean` that `score_pillar` gives, up to rounding.

    Raises: InputError when there is more than one relationship, an unknown facet, or a row that is no reading.
    """
    model = model or DEFAULT_MODEL
    pillar = score if isinstance(score, Pillar) else Pillar(name=score, plain=score, weights={score: 1.0})
    table, found = take_evidence(until(readings, at), yardsticks=model.yardsticks)
    if len(table) and pc.count_distinct(table.column("relationship")).as_py() > 1:
        raise InputError("a ledger is of one relationship, and these readings are of several; filter them first.")
    gauge = gauge_of(next(iter(pillar.weights)))
    dyn = dynamics(model, gauge)
    k = dyn.facets
    q = np.tile(pillar_weights(pillar, GAUGES[gauge], dyn.prior[:k, :k] + dyn.prior[k:, k:]), 2)
    if gauge not in found:
        return _rows(table.slice(0, 0), pillar, float(q @ dyn.mean), np.empty((0, 3)))
    evidence, end_us = found[gauge], time_us(at)
    trace = Trace.blank(0, len(evidence.at), k, keep_cov=False, keep_record=True)
    _engine.forward(evidence, dyn, Stack.fresh(evidence, dyn), np.full(len(evidence.at), -1), trace)
    faded = _faded(evidence, dyn, end_us, q, trace.record)
    prior_part, weight, share = _engine.ledger(evidence, dyn, end_us, trace.record, q)
    return _rows(table.take(pa.array(evidence.row)), pillar, prior_part, np.column_stack([share, weight, faded]))


def _faded(evidence: Evidence, dyn: Dynamics, end_us: int, q: Floats, record: Floats) -> Floats:
    """1 - |q'F K| / |q'K| over the time from each reading to the score, shape (N,); 0 where it never had weight."""
    k = dyn.facets
    days = (end_us - evidence.at) / 86_400e6
    slow, fast = record[:, :k] @ q[:k], record[:, k : 2 * k] @ q[k:]
    now = np.abs(np.exp(-dyn.slow_rate * days) * slow + np.exp(-dyn.fast_rate * days) * fast)
    first = np.abs(slow + fast)
    kept = np.divide(now, first, out=np.ones(len(days)), where=first > 0)
    return np.clip(1.0 - kept, 0.0, 1.0)


def _rows(evidence: pa.Table, pillar: Pillar, prior_part: float, figures: Floats) -> pa.Table:
    own = pc.is_in(evidence.column("facet"), value_set=pa.array(list(pillar.weights)))
    rows = pa.table(
        [
            pc.if_else(own, "own", "borrowed"),
            *(pa.array(figures[:, i]) for i in range(3)),
            *(evidence.column(name) for name in ("facet", "signal", "at", "turn_id", "start", "end")),
        ],
        schema=LEDGER,
    )
    prior = pa.Table.from_pylist([{"kind": "prior", "contribution": prior_part}], schema=LEDGER)
    return pa.concat_tables([rows, prior])
