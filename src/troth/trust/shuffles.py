"""Is a lens better than chance? Its mapping against the same mapping with the facets shuffled.

What comes next is foretold from what the pillars show before it, once as the lens has them and then with the facets
dealt out anew, pillars of the same sizes. A mapping that earns its place does better than nearly all shuffles.
Each facet is followed from its own readings alone, so that no mapping is helped by evidence borrowed between facets.
Source: MEASUREMENT 7, "random-mapping null".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow.compute as pc

from troth.trust._arrays import Evidence, take_evidence
from troth.trust.margins import keep_readings, take_facets
from troth.trust.model import GAUGES, Floats, Ints, Model
from troth.trust.structures import TESTED_LENSES, Groups, gather_pillars, group_facets
from troth.trust.targets import Foretellable, Levels, Targets, gather_targets

_SURVEY: Final = "survey_answer"
_LEAST_RELATIONSHIPS: Final = 30  # with something to foretell, below which nothing is said: start values
_LEAST_TARGETS: Final = 100
_FOLDS: Final = 5
_RIDGE: Final = 1e-6  # for each target, so that a pillar that never moves is no trap
_BATCH: Final = 100  # mappings weighed at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffled:
    """How one lens did against its shuffles."""

    lens: str
    foretold: str  # what, in words
    targets: int
    relationships: int
    shuffles: int
    beaten: float  # share of the shuffles that foretold worse than the lens
    gain: float  # log score for each target, over the shuffles' mean

    @property
    def passes(self) -> bool:
        """Better than 95 % of the shuffles."""
        return self.beaten >= 0.95


def shuffle_lenses(
    readings: object,
    model: Model,
    *,
    shuffles: int,
    rng: np.random.Generator,
    progress: Callable[[], None] | None = None,
) -> tuple[Shuffled, ...]:
    """Set each tested lens against its shuffles; empty where there is too little to foretell.

    Survey answers are foretold where there are enough of them, from the pillars of SHOWN before them; else what the
    counterpart's words say of trust HELD; else each reading of SHOWN, from the other facets of its own pillar.

    Args:
        readings: READINGS.
        model: half-lives and shares.
        shuffles: how many.
        rng: deals the facets, and the relationships to folds.
        progress: called after each lens.

    Raises: as `follow`. Cost: one run of the filter, then about a millisecond a shuffle.
    """
    table, found = take_evidence(readings, yardsticks=model.yardsticks)
    if "SHOWN" not in found:
        return ()
    present = np.unique(found["SHOWN"].facet).tolist()
    facets = tuple(GAUGES["SHOWN"][k] for k in present)
    shown = take_facets(found["SHOWN"], present)
    levels = Levels.follow(shown, len(facets), model)
    known = _choose_targets(shown, found.get("HELD"), pc.equal(table["signal"], _SURVEY).to_numpy(), levels, rng)
    if known is None:
        return ()
    words, foretellable = known
    judged: list[Shuffled] = []
    for lens in TESTED_LENSES:
        groups, names = group_facets(facets, gather_pillars(lens))
        if words != _NEXT:
            groups = tuple(group for group, name in zip(groups, names, strict=True) if name in gather_pillars(lens))
        dealt = [np.arange(len(facets)), *(rng.permutation(len(facets)) for _ in range(shuffles))]
        scores = _score_mappings(foretellable, groups, dealt, by_mates=words == _NEXT)
        judged.append(
            Shuffled(
                lens=lens,
                foretold=words,
                targets=foretellable.count,
                relationships=foretellable.relationships,
                shuffles=shuffles,
                beaten=float((scores[1:] < scores[0] - 1e-9 * abs(scores[0])).mean()),
                gain=float(scores[0] - scores[1:].mean()) / foretellable.count,
            )
        )
        if progress is not None:
            progress()
    return tuple(judged)


_NEXT: Final = "the next reading of each facet"


def _choose_targets(
    shown: Evidence,
    held: Evidence | None,
    is_answer: np.ndarray[tuple[int], np.dtype[np.bool_]],
    levels: Levels,
    rng: np.random.Generator,
) -> tuple[str, Foretellable] | None:
    """The hardest evidence there is enough of."""
    options: list[tuple[str, Evidence]] = []
    if held is not None:
        answered = is_answer[held.row]
        options.append(("survey answers", keep_readings(held, answered)))
        options.append(("their words and acts of trust held", keep_readings(held, ~answered)))
    options.append((_NEXT, shown))
    for words, evidence in options:
        foretellable = gather_targets(evidence, levels, folds=_FOLDS, rng=rng)
        if foretellable.count >= _LEAST_TARGETS and foretellable.relationships >= _LEAST_RELATIONSHIPS:
            return words, foretellable
    return None


def _weigh_pillars(groups: Groups, dealt: Ints) -> Floats:
    """Each pillar as the mean of its facets: shape (K, pillars)."""
    weights = np.zeros((len(dealt), len(groups)))
    for column, group in enumerate(groups):
        weights[dealt[list(group)], column] = 1.0 / len(group)
    return weights


def _weigh_mates(groups: Groups, dealt: Ints, facet: int) -> Floats:
    """The mean of the other facets in a facet's pillar: shape (K, 1); nothing for a facet that is alone."""
    weights = np.zeros((len(dealt), 1))
    mates = next(dealt[list(group)] for group in groups if facet in dealt[list(group)])
    mates = mates[mates != facet]
    weights[mates, 0] = 1.0 / max(len(mates), 1)
    return weights


def _score_mappings(
    foretellable: Foretellable,
    groups: Groups,
    dealt: Sequence[Ints],
    *,
    by_mates: bool,
) -> Floats:
    """Out-of-fold log score of each mapping over all targets: shape (mappings,)."""
    scores = np.zeros(len(dealt))
    for first in range(0, len(dealt), _BATCH):
        batch = dealt[first : first + _BATCH]
        for target in foretellable.targets:
            weights = np.stack(
                [_weigh_mates(groups, one, target.facet) if by_mates else _weigh_pillars(groups, one) for one in batch]
            )
            scores[first : first + _BATCH] += score_target(target, weights)
    return scores


def score_target(target: Targets, weights: Floats) -> Floats:
    """Foretell each fold by the normal regression fitted to the others; log scores summed over the folds.

    Args:
        target: sums over K levels.
        weights: shape (S, K, m), the m predictors of each of S mappings.

    Returns: shape (S,).
    """
    mappings, count, predictors = weights.shape
    basis = np.zeros((mappings, count + 2, predictors + 2))
    basis[:, 0, 0] = basis[:, -1, -1] = 1.0
    basis[:, 1:-1, 1:-1] = weights
    total = np.zeros(mappings)
    folded = np.einsum("ski,fkl,slj->fsij", basis, target.sums, basis, optimize=True)
    for fold, counted in enumerate(target.counts.tolist()):
        known = int(target.counts.sum()) - counted
        if not counted or known <= predictors + 2:
            continue
        rest, here = folded.sum(axis=0) - folded[fold], folded[fold]
        left, right = rest[:, :-1, :-1], rest[:, :-1, -1:]
        slopes = np.linalg.solve(left + _RIDGE * known * np.eye(predictors + 1), right)
        miss = np.concatenate([-slopes, np.ones((mappings, 1, 1))], axis=1)
        var = np.maximum((miss.swapaxes(1, 2) @ rest @ miss)[:, 0, 0] / known, _RIDGE)
        squares = (miss.swapaxes(1, 2) @ here @ miss)[:, 0, 0]
        total -= 0.5 * (counted * np.log(2 * np.pi * var) + squares / var)
    return total
