"""The trust constants of one book: learned from its own readings, kept with their version, forgotten on demand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from troth.readings.surveys import SIGNAL as SURVEY_ANSWER
from troth.trust.learning import LearningReport, learn_model
from troth.trust.lesson import Progress
from troth.trust.versions import Provenance, VersionedModel, write_model

_SETTLED: Final = frozenset({SURVEY_ANSWER})
"""Answers to surveys have curves of their own, learned sheet by sheet: they are not measured a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What a book is to keep of one learning, and what there is to say of it."""

    kept: dict[str, Any] | None  # the JSON form of the learned model; None where the start values stay
    version: str | None  # its id
    report: LearningReport


def tune(
    readings: pa.Table,
    segments: Mapping[str, str],
    *,
    day: dt.date,
    seed: int = 0,
    most_readings: int = 200_000,
    progress: Progress | None = None,
) -> Tuning:
    """Learn the constants from a book's READINGS, always from the start values on, so that no error is learned twice.

    Args:
        readings: of all relationships.
        segments: relationship to segment.
        day: on which this was learned.
        seed: of the draw of relationships that teach and that decide; the same seed learns the same.
        most_readings: that are used at most.
        progress: called after every block of constants.
    """
    rng = np.random.default_rng(seed)
    learned = learn_model(
        readings, rng=rng, segments=segments, settled=_SETTLED, most_readings=most_readings, progress=progress
    )
    report, gain = learned.report, learned.report.gain
    if not report.is_kept or gain is None:
        return Tuning(kept=None, version=None, report=report)
    origin = Provenance(
        learned_on=day,
        readings=report.readings,
        relationships=report.relationships,
        held_out=report.held_relationships,
        gain=gain,
    )
    versioned = VersionedModel(model=learned.model, provenance=origin)
    return Tuning(kept=write_model(versioned), version=versioned.version, report=report)
