"""READINGS to TRUST: a state-space filter over coupled facets, with its smoother, ledger and scores.

Source of every equation: MEASUREMENT.md section 4. The two gauges, SHOWN and HELD, are separate and never mixed.
"""

from troth.trust._engine import kernel_name
from troth.trust.change import CHANGES, Gap, find_gaps, measure_changes
from troth.trust.filter import Followed, advance, close_states, follow, follow_states, smooth, stand
from troth.trust.ledger import LEDGER, ledger
from troth.trust.likelihood import log_likelihood, log_likelihoods
from troth.trust.model import DEFAULT_MODEL, START_HALO, Block, Model, Standing, State
from troth.trust.path import PATH, trace_scores
from troth.trust.scores import (
    Ratio,
    Score,
    Wobble,
    find_wobble,
    score_lens,
    score_pillar,
    trust_equation,
)
from troth.trust.versions import Provenance, VersionedModel, name_version, read_model, write_model
from troth.trust.yardstick import Yardstick, rescale

__all__ = [
    "CHANGES",
    "DEFAULT_MODEL",
    "LEDGER",
    "PATH",
    "START_HALO",
    "Block",
    "Followed",
    "Gap",
    "Model",
    "Provenance",
    "Ratio",
    "Score",
    "Standing",
    "State",
    "VersionedModel",
    "Wobble",
    "Yardstick",
    "advance",
    "close_states",
    "find_gaps",
    "find_wobble",
    "follow",
    "follow_states",
    "kernel_name",
    "ledger",
    "log_likelihood",
    "log_likelihoods",
    "measure_changes",
    "name_version",
    "read_model",
    "rescale",
    "score_lens",
    "score_pillar",
    "smooth",
    "stand",
    "trace_scores",
    "trust_equation",
    "write_model",
]
