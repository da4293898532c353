"""The constants of the model, learned from a company's own readings (MEASUREMENT 4.5).

Each constant is learned from the readings that tell of it: noise, slope, cuts and means from one facet alone, a
correlation from the two facets it joins, the half-lives from everything. All have priors around their start values, and
too few readings leave them there. Whether the result is kept, relationships decide that had no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import InputError
from troth.trust._arrays import take_evidence
from troth.trust.lesson import Constant, Progress, learn_constants
from troth.trust.likelihood import log_likelihoods
from troth.trust.model import DEFAULT_MODEL, Model

LEAST_RELATIONSHIPS: Final = 60  # with two readings or more, below which nothing is learned
LEAST_READINGS: Final = 2000  # to learn from: in simulated worlds with less, chance moved more than it gained
_HELD_SHARE: Final = 4  # every fourth relationship decides and does not teach
_FORETOLD_WELL: Final = "the learned constants foretell held-out relationships at least as well as the start values."
_FORETOLD_WORSE: Final = "the learned constants foretell held-out relationships worse, so the start values stay."


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningReport:
    """What was learned from what, and whether it holds."""

    is_kept: bool  # the learned constants, or else the start values stay
    reason: str
    readings: int  # that were learned from
    relationships: int
    held_readings: int  # of relationships that had no part in it
    held_relationships: int
    before: float | None = None  # log likelihood per held-out reading, start values
    after: float | None = None  # learned
    gain_error: float | None = None  # standard error of the difference, by relationship
    constants: tuple[Constant, ...] = ()  # as learned, also where the start values stay after all

    @property
    def gain(self) -> float | None:
        """Log likelihood per held-out reading over the start values."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The model to use from now on, and the report that goes with it."""

    model: Model
    report: LearningReport


def learn_model(
    readings: object,
    start: Model = DEFAULT_MODEL,
    *,
    rng: np.random.Generator,
    segments: Mapping[str, str] | None = None,
    settled: Set[str] = frozenset(),
    most_readings: int = 200_000,
    progress: Progress | None = None,
) -> Learned:
    """Learn the constants from READINGS, and keep them if they foretell other relationships at least as well.

    Args:
        readings: READINGS of many relationships, in any order.
        start: the model on which priors centre, without yardsticks.
        rng: draws the relationships to learn from and those that decide.
        segments: relationship to its segment; a segment with enough relationships gets means of its own.
        settled: signals that are not measured anew, because their cuts and slopes are learned elsewhere.
        most_readings: that are used at most; whole relationships are drawn until there are as many.
        progress: called with what is done and what there is to do; may raise, for instance KeyboardInterrupt, and then
            nothing has happened.

    Returns: the learned model, or `start` itself with a report that says why.
    Raises: InputError that names the row which cannot be a reading, or when `start` holds yardsticks.
    """
    if start.yardsticks:
        raise InputError("learning begins from a model without yardsticks: readings must not be measured twice.")
    table = take_evidence(readings)[0]  # every row is checked before any is chosen
    taught, held = split_relationships(table, rng, most_readings)
    teaching, deciding = _readings_of(table, taught), _readings_of(table, held)
    report = LearningReport(
        is_kept=False,
        reason="",
        readings=len(teaching),
        relationships=len(taught),
        held_readings=len(deciding),
        held_relationships=len(held),
    )
    if len(taught) + len(held) < LEAST_RELATIONSHIPS or len(teaching) < LEAST_READINGS:
        reason = (
            f"too few to learn from, so the start values stay: {len(taught) + len(held)} relationships with two "
            f"readings or more, where {LEAST_RELATIONSHIPS} are needed, and {len(teaching)} readings to learn from, "
            f"where {LEAST_READINGS} are needed."
        )
        return Learned(model=start, report=replace(report, reason=reason))
    model, constants = learn_constants(
        teaching, start, segments=segments or {}, settled=settled, progress=progress or _say_nothing
    )
    first, second = (log_likelihoods(deciding, one, segments=segments) for one in (start, model))
    gains = np.array([second[name] - first[name] for name in first])
    is_kept = float(gains.sum()) >= 0.0
    report = replace(
        report,
        is_kept=is_kept,
        reason=_FORETOLD_WELL if is_kept else _FORETOLD_WORSE,
        before=sum(first.values()) / len(deciding),
        after=sum(second.values()) / len(deciding),
        gain_error=float(gains.std(ddof=1) * np.sqrt(len(gains)) / len(deciding)),
        constants=constants,
    )
    return Learned(model=model if is_kept else start, report=report)


def _say_nothing(done: int, total: int) -> None:
    del done, total


def split_relationships(table: pa.Table, rng: np.random.Generator, most_readings: int) -> tuple[list[str], list[str]]:
    """Names of the relationships that teach and of those that decide; of one reading nothing can be learned."""
    counted = table["relationship"].value_counts()
    sizes = {pair["values"]: pair["counts"] for pair in counted.to_pylist() if pair["counts"] > 1}
    names = [sorted(sizes)[i] for i in rng.permutation(len(sizes))]
    total = np.cumsum([sizes[name] for name in names])
    names = names[: int(np.searchsorted(total, most_readings, side="right"))] or names[:1]
    held = names[::_HELD_SHARE]
    return sorted(set(names) - set(held)), sorted(held)


def _readings_of(table: pa.Table, names: list[str]) -> pa.Table:
    return table.filter(pc.is_in(table["relationship"], pa.array(names, pa.string())))
