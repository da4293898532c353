"""How scores stood at a row of times, each from what was read by then: the line of a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from troth.lenses import Pillar
from troth.schema import READINGS
from troth.trust import _engine
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence, time_us
from troth.trust.filter import PIECE_GROUPS, PIECE_READINGS
from troth.trust.model import DEFAULT_MODEL, GAUGES, Dynamics, Floats, Ints, Model, dynamics
from troth.trust.scores import pillar_weights

PATH: Final = pa.schema(
    [
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("pillar", pa.string(), nullable=False),
        pa.field("gauge", pa.string(), nullable=False),
        pa.field("at", READINGS.field("at").type, nullable=False),
        pa.field("percentile", pa.float64(), nullable=False),  # of the median; `reliability` says what it is worth
        pa.field("low", pa.float64(), nullable=False),  # ends of the band, percentiles
        pa.field("high", pa.float64(), nullable=False),
        pa.field("mean", pa.float64(), nullable=False),  # standard deviations between relationships
        pa.field("var", pa.float64(), nullable=False),
        pa.field("reliability", pa.float64(), nullable=False),
    ]
)


def trace_scores(
    readings: object,
    scores: Sequence[Pillar],
    times: Sequence[datetime],
    model: Model | None = None,
    *,
    segments: Mapping[str, str] | None = None,
) -> pa.Table:
    """Each score of each relationship at each time, from the readings up to and including that time.

    Args:
        readings: READINGS.
        scores: pillars, of either gauge.
        times: rising, with their time zone.
        model, segments: as in `follow`.

    Returns: PATH by gauge, relationship, pillar, time. Before the first reading: the prior.

    Raises: as `follow`. Cost: one pass of the filter, and O(K^2) for each time and relationship.
    """
    model = model or DEFAULT_MODEL
    moments = np.array([time_us(moment) for moment in times], np.int64)
    half = float(ndtri(0.5 + model.band / 2))
    batches: list[pa.Table] = []
    for gauge, evidence in take_evidence(readings, yardsticks=model.yardsticks, segments=segments)[1].items():
        chosen = [pillar for pillar in scores if pillar.gauge == gauge]
        for part in evidence.parts(readings=PIECE_READINGS, groups=PIECE_GROUPS) if chosen else ():
            dyn = dynamics(model.within(part.segment_name), gauge)
            for name, mean, var in _stand_at(part, dyn, moments, chosen):
                band = half * np.sqrt(var)
                rows, columns = len(moments) * len(chosen), (mean, mean - band, mean + band)
                batches.append(
                    pa.table(
                        [
                            pa.repeat(name, rows),
                            pa.array([pillar.name for pillar in chosen for _ in times]),
                            pa.repeat(gauge, rows),
                            pa.array(np.tile(moments, len(chosen))).cast(PATH.field("at").type),
                            *(pa.array(100.0 * ndtr(column).ravel()) for column in columns),
                            pa.array(mean.ravel()),
                            pa.array(var.ravel()),
                            pa.array(np.clip(1.0 - var, 0.0, 1.0).ravel()),
                        ],
                        schema=PATH,
                    )
                )
    return pa.concat_tables([PATH.empty_table(), *batches])


def _stand_at(
    part: Evidence, dyn: Dynamics, moments: Ints, scores: Sequence[Pillar]
) -> list[tuple[str, Floats, Floats]]:
    """Name, and mean and variance of each score at each time, shape (scores, times), of each relationship."""
    k, groups = dyn.facets, len(part.start) - 1
    prior = dyn.prior[:k, :k] + dyn.prior[k:, k:]
    weights = np.stack([np.tile(pillar_weights(pillar, GAUGES[part.gauge], prior), 2) for pillar in scores])
    last = np.stack(
        [
            low + np.searchsorted(part.at[low:high], moments, side="right") - 1
            for low, high in zip(part.start[:-1], part.start[1:], strict=True)
        ]
    )
    known = last >= part.start[:-1, None]
    wanted, row = np.unique(last[known], return_inverse=True)
    emit = np.full(len(part.at), -1, np.int64)
    emit[wanted] = np.arange(len(wanted))
    trace = Trace.blank(len(wanted), len(part.at), k, keep_cov=True, keep_record=False)
    _engine.forward(part, dyn, Stack.fresh(part, dyn), emit, trace)
    means = np.tile(dyn.mean, (groups, len(moments), 1))
    covs = np.tile(dyn.prior, (groups, len(moments), 1, 1))
    gap_us = np.where(known, moments - part.at[np.maximum(last, 0)], 0)
    for at, (group, time) in enumerate(np.argwhere(known)):
        g = dyn.decay(int(gap_us[group, time]))
        means[group, time] = dyn.mean + g * (trace.mean[row[at]] - dyn.mean)
        covs[group, time] = np.outer(g, g) * (trace.cov[row[at]] - dyn.prior) + dyn.prior
    mean = np.einsum("si,gti->gst", weights, means)
    var = np.maximum(np.einsum("si,gtij,sj->gst", weights, covs, weights), 0.0)
    return [(name, mean[group], var[group]) for group, name in enumerate(part.names.to_pylist())]
