"""How probable a model makes readings: what learning climbs, and what decides whether it has learned anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from troth.trust import _engine
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence
from troth.trust.filter import PIECE_GROUPS, PIECE_READINGS
from troth.trust.model import DEFAULT_MODEL, Dynamics, Floats, Model, dynamics


def log_likelihood(readings: object, model: Model | None = None, *, segments: Mapping[str, str] | None = None) -> float:
    """log P(all readings | model), the sum of log Z of MEASUREMENT 4.5.

    Exact readings count as densities, all others as probabilities. Raises: as `follow`.
    """
    return sum(log_likelihoods(readings, model, segments=segments).values())


def log_likelihoods(
    readings: object, model: Model | None = None, *, segments: Mapping[str, str] | None = None
) -> dict[str, float]:
    """log P(readings of a relationship | model), by relationship; both gauges together. Raises: as `follow`."""
    model, total = model or DEFAULT_MODEL, dict[str, float]()
    for gauge, evidence in take_evidence(readings, yardsticks=model.yardsticks, segments=segments)[1].items():
        dyns = {segment: dynamics(model.within(segment), gauge) for segment in evidence.segments}
        for name, value in zip(evidence.names.to_pylist(), weigh(evidence, dyns.__getitem__), strict=True):
            total[name] = total.get(name, 0.0) + float(value)
    return total


def weigh(evidence: Evidence, dynamics_of: Callable[[str], Dynamics]) -> Floats:
    """Sum of log Z for each relationship, shape (G,).

    Args:
        evidence: of one gauge, or of some of its facets.
        dynamics_of: segment to the dynamics of exactly these facets.
    """
    parts: list[Floats] = [np.empty(0)]
    for part in evidence.parts(readings=PIECE_READINGS, groups=PIECE_GROUPS):
        dyn = dynamics_of(part.segment_name)
        stack = Stack.fresh(part, dyn)
        trace = Trace.blank(0, len(part.at), dyn.facets, keep_cov=False, keep_record=False)
        _engine.forward(part, dyn, stack, np.full(len(part.at), -1), trace)
        parts.append(stack.loglik)
    return np.concatenate(parts)
