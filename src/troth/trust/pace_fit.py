"""How fast levels move: both half-lives and the share of the fast part, from all facets of both gauges together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import expit, logit

from troth.trust._arrays import Evidence
from troth.trust.climb import Peak, climb
from troth.trust.likelihood import weigh
from troth.trust.model import Floats, Model, dynamics

NAMES: Final = ("slow_half_life_days", "fast_half_life_days", "fast_share")
SLOW_SD: Final = 0.35  # prior of the log of the slow half-life: under two years of data hardly tell it
FAST_SD: Final = 0.7  # of the log of the fast half-life
SHARE_SD: Final = 0.8  # of the logit of the fast share


def fit_pace(evidence: Sequence[Evidence], model: Model, start: Model) -> tuple[Model, Peak]:
    """The model with its most probable half-lives and share; the peak is on the scale of log, log and logit.

    Args:
        evidence: of each gauge, on the model's yardsticks.
        model: halo and means, and where the climb begins.
        start: the model on whose half-lives and share the priors centre.

    Cost: some thirty runs of the whole filter.
    """

    def score(theta: Floats) -> Floats:
        return np.concatenate([_weigh_gauge(part, put_pace(model, theta)) for part in evidence])

    peak = climb(score, centre=_read_pace(start), sd=np.array([SLOW_SD, FAST_SD, SHARE_SD]), start=_read_pace(model))
    return put_pace(model, peak.at), peak


def put_pace(model: Model, theta: Floats) -> Model:
    """The model with these three in it."""
    return replace(
        model,
        slow_half_life_days=float(np.exp(theta[0])),
        fast_half_life_days=float(np.exp(theta[1])),
        fast_share=float(expit(theta[2])),
    )


def _read_pace(model: Model) -> Floats:
    return np.array([np.log(model.slow_half_life_days), np.log(model.fast_half_life_days), logit(model.fast_share)])


def _weigh_gauge(evidence: Evidence, model: Model) -> Floats:
    made = {segment: dynamics(model.within(segment), evidence.gauge) for segment in evidence.segments}
    return weigh(evidence, made.__getitem__)
