"""Which structure of the facets the data bear out: held-out likelihood, correlations between pillars, general share.

Each candidate is fitted to some relationships and has to foretell the readings of others. Source: MEASUREMENT 7,
"Mapping not arbitrary".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from troth.trust._arrays import Evidence, take_evidence
from troth.trust.halo_fit import Fit, fit_structure
from troth.trust.likelihood import weigh
from troth.trust.margins import (
    fit_margins,
    make_dynamics,
    standardise,
    take_facets,
    take_relationships,
)
from troth.trust.model import GAUGES, Floats, Ints, Model
from troth.trust.structures import TESTED_LENSES, Structure, candidate_structures

LEAST_RELATIONSHIPS: Final = 40
"""Relationships with two readings in each of two facets below which nothing is fitted: a start value. In simulated
worlds of 60 to 150 relationships the comparison told clear structures apart (tests/test_structure.py)."""

LEAST_WITH_FACET: Final = 20  # relationships with two readings of a facet, for it to take part
_DRAWS: Final = 2000
_TAILS: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def ends(self) -> tuple[float, float]:
        """Low and high."""
        return self.low, self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """By how much one structure foretold better than another. Natural logs, mean over relationships."""

    mean: float
    error: float  # standard error, by relationship

    @property
    def is_sure(self) -> bool:
        """Above 0 by more than two standard errors."""
        return self.mean > 2 * self.error and self.mean > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    """How much of what facets share is one thing, from the general factor with groups beside it."""

    of_common: Interval  # ECV: of the variance that facets share with others, the general factor's part
    lens: str  # whose pillars the groups are: the lens that foretold best
    omega: Interval  # omega-hierarchical: of the variance of the plain sum of all facets
    explained: float  # of the squared correlations between facets, what one factor accounts for
    together: float  # root mean square of the correlations that the general factor makes between facets


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparison:
    """What one gauge's readings say about how its facets go together."""

    gauge: str
    telling: int  # relationships with two readings in each of two facets
    facets: tuple[str, ...]  # that took part
    absent: tuple[str, ...]  # too few readings
    relationships: int = 0  # that were used
    readings: int = 0
    structures: tuple[Structure, ...] = ()  # empty where there is too little to compare
    scores: Floats = field(default_factory=lambda: np.empty((0, 0)))  # (relationships, structures), held out
    pillars: Mapping[tuple[str, str, str], Interval] = field(default_factory=dict)  # lens, pillar, pillar: correlation
    pairs: Mapping[tuple[str, str], Interval] = field(default_factory=dict)  # facet, facet: the same, from free R
    general: General | None = None

    @property
    def best(self) -> Structure:
        """The structure that foretold best."""
        return self.structures[int(self.scores.mean(axis=0).argmax())]

    def lead(self, one: Structure, other: Structure) -> Lead:
        """How much better one structure foretold than another."""
        each = self.scores[:, self.structures.index(one)] - self.scores[:, self.structures.index(other)]
        return Lead(mean=float(each.mean()), error=float(each.std(ddof=1) / np.sqrt(len(each))))


def count_fits(folds: int) -> int:
    """Fits that `compare_structures` makes at most for both gauges, for a bar of progress."""
    return (folds + 1) * (6 + 2) + 1


def compare_structures(
    readings: object,
    gauge: str,
    model: Model,
    *,
    folds: int,
    most_readings: int,
    rng: np.random.Generator,
    progress: Callable[[], None] | None = None,
) -> Comparison:
    """Compare the candidate structures of one gauge on relationships that were held out.

    Args:
        readings: READINGS.
        gauge: SHOWN or HELD.
        model: half-lives and shares, which stay as they are. Means and spreads are learned from the readings.
        folds: parts that the relationships are cut into; each is foretold from the others.
        most_readings: relationships are drawn at random until they hold about so many.
        rng: draws them, cuts the folds and makes the intervals.
        progress: called after each fit.

    Raises: as `follow`.
    """
    evidence = take_evidence(readings, yardsticks=model.yardsticks)[1].get(gauge)
    codes = GAUGES[gauge]
    counts = np.zeros((0, len(codes))) if evidence is None else _count_readings(evidence, len(codes))
    enough = (counts >= 2).sum(axis=0) >= LEAST_WITH_FACET
    telling = np.flatnonzero((counts[:, enough] >= 2).sum(axis=1) >= 2)
    facets = tuple(code for code, is_in in zip(codes, enough, strict=True) if is_in)
    absent = tuple(code for code in codes if code not in facets)
    if evidence is None or len(facets) < 2 or len(telling) < LEAST_RELATIONSHIPS:
        return Comparison(gauge=gauge, telling=len(telling), facets=facets, absent=absent)
    evidence = take_relationships(evidence, _draw_some(telling, counts[:, enough].sum(axis=1), most_readings, rng))
    evidence = take_facets(evidence, np.flatnonzero(enough).tolist())
    structures = candidate_structures(facets, gauge=gauge)
    scores = _score_held_out(evidence, structures, model, folds=folds, rng=rng, progress=progress)
    whole = standardise(evidence, fit_margins(evidence, len(facets), model))
    fits: dict[str, Fit] = {}
    for one in structures:
        fits[one.name] = fit_structure(whole, one, model)
        if progress is not None:
            progress()
    return Comparison(
        gauge=gauge,
        telling=len(telling),
        facets=facets,
        absent=absent,
        relationships=len(evidence.names),
        readings=len(evidence.at),
        structures=structures,
        scores=scores,
        pillars=_relate_pillars(fits, rng),
        pairs=_relate_facets(fits["free"], rng) if "free" in fits else {},
        general=_share_general(whole, fits, scores, model, rng),
    )


def _count_readings(evidence: Evidence, facets: int) -> Ints:
    """Readings of each facet in each relationship: shape (G, K)."""
    group = np.repeat(np.arange(len(evidence.names)), np.diff(evidence.start))
    flat = np.bincount(group * facets + evidence.facet, minlength=len(evidence.names) * facets)
    return flat.reshape(-1, facets)


def _draw_some(telling: Ints, size: Ints, most: int, rng: np.random.Generator) -> Ints:
    """Relationships in random order until they hold so many readings, and enough of them whatever they hold."""
    mixed = rng.permutation(telling)
    count = max(int(np.searchsorted(np.cumsum(size[mixed]), most)), LEAST_RELATIONSHIPS)
    return np.sort(mixed[:count])


def _score_held_out(
    evidence: Evidence,
    structures: Sequence[Structure],
    model: Model,
    *,
    folds: int,
    rng: np.random.Generator,
    progress: Callable[[], None] | None,
) -> Floats:
    """log P(readings of a relationship | structure fitted to the others): shape (G, structures)."""
    count = len(evidence.names)
    fold = rng.permutation(np.arange(count) % folds)
    scores = np.empty((count, len(structures)))
    for number in range(folds):
        is_out = fold == number
        known = take_relationships(evidence, np.flatnonzero(~is_out))
        margins = fit_margins(known, len(structures[0].facets), model)
        known = standardise(known, margins)
        unknown = standardise(take_relationships(evidence, np.flatnonzero(is_out)), margins)
        for column, structure in enumerate(structures):
            dyn = make_dynamics(fit_structure(known, structure, model).correlation, model)
            scores[is_out, column] = weigh(unknown, lambda _, dyn=dyn: dyn)
            if progress is not None:
                progress()
    return scores


def _relate_pillars(fits: Mapping[str, Fit], rng: np.random.Generator) -> dict[tuple[str, str, str], Interval]:
    """Correlations between the pillars of each lens that was fitted, noise and facets' own parts taken out."""
    found: dict[tuple[str, str, str], Interval] = {}
    for lens in TESTED_LENSES:
        if lens not in fits:
            continue
        fit = fits[lens]
        names = fit.structure.names
        at, draws = fit.structure.factors(fit.theta), fit.draw(fit.structure.factors, _DRAWS, rng)
        for i in range(len(names)):
            for j in range(i):
                if names[i] not in fit.structure.facets or names[j] not in fit.structure.facets:
                    found[lens, names[j], names[i]] = _interval(float(at[i, j]), draws[:, i, j])
    return found


def _relate_facets(fit: Fit, rng: np.random.Generator) -> dict[tuple[str, str], Interval]:
    at, draws = fit.correlation, fit.draw(fit.structure.correlation, _DRAWS, rng)
    codes = fit.structure.facets
    return {
        (codes[j], codes[i]): _interval(float(at[i, j]), draws[:, i, j]) for i in range(len(codes)) for j in range(i)
    }


def _share_general(
    evidence: Evidence, fits: Mapping[str, Fit], scores: Floats, model: Model, rng: np.random.Generator
) -> General | None:
    """The general factor's share beside the groups of the lens that foretold best; None where no lens has a group."""
    structures = [fit.structure for fit in fits.values()]
    lenses = [i for i, one in enumerate(structures) if one.name in TESTED_LENSES and one.has_groups]
    if not lenses:
        return None
    best = structures[max(lenses, key=lambda i: scores[:, i].mean())]
    structure = replace(best, has_general=True)
    fit = fit_structure(evidence, structure, model)

    def shares(theta: Floats) -> Floats:
        general, shared = structure.split(theta)
        in_groups = 0.0
        for group, share in zip(structure.shared, shared, strict=True):
            in_groups += float(share * (1 - general[list(group)] ** 2).sum())
        squares = float(general @ general)
        omega = float(general.sum()) ** 2 / float(structure.correlation(theta).sum())
        made = np.outer(general, general)[np.tril_indices(len(general), -1)]
        return np.array([squares / (squares + in_groups), omega, np.sqrt(np.mean(made**2))])

    at, draws = shares(fit.theta), fit.draw(shares, _DRAWS, rng)
    return General(
        lens=best.name,
        of_common=_interval(float(at[0]), draws[:, 0]),
        explained=_explain(fits["one"].correlation, fits[structures[-1].name].correlation),
        omega=_interval(float(at[1]), draws[:, 1]),
        together=float(at[2]),
    )


def _explain(fitted: Floats, free: Floats) -> float:
    """Of the squared correlations between facets, the share that a fitted R accounts for."""
    pairs = np.tril_indices(len(free), -1)
    return 1.0 - float(np.square(free - fitted)[pairs].sum() / np.square(free)[pairs].sum())


def _interval(value: float, draws: Floats) -> Interval:
    low, high = np.quantile(draws, _TAILS)
    return Interval(value=value, low=float(low), high=float(high))
