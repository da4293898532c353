"""What comes next, beside what was shown before it: the sums that a regression of the one on the other needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import log_ndtr

from troth.trust import _engine
from troth.trust._arrays import Evidence, Stack, Trace
from troth.trust.margins import make_dynamics
from troth.trust.model import Floats, Ints, Model

_LEAST_VAR: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Targets:
    """Readings of one facet that are to be foretold from the K levels before them, as sums by fold."""

    facet: int  # of the readings' own gauge
    sums: Floats  # (folds, K + 2, K + 2): of products of 1, the levels and what came
    counts: Ints  # (folds,)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Levels:
    """Every facet of SHOWN after each reading, followed from its own readings alone."""

    places: dict[str, tuple[int, int]]  # relationship to its first reading and the one after its last
    at: Ints  # (N,) microseconds
    slow: Floats  # (N, K)
    fast: Floats  # (N, K)
    rates: tuple[float, float]  # per day, slow and fast

    @classmethod
    def follow(cls, evidence: Evidence, facets: int, model: Model) -> Levels:
        """Follow N readings over K facets that know nothing of each other."""
        dyn, count = make_dynamics(np.eye(facets), model), len(evidence.at)
        trace = Trace.blank(count, count, facets, keep_cov=False, keep_record=False)
        _engine.forward(evidence, dyn, Stack.fresh(evidence, dyn), np.arange(count), trace)
        ends = zip(evidence.start[:-1].tolist(), evidence.start[1:].tolist(), strict=True)
        return cls(
            places=dict(zip(evidence.names.to_pylist(), ends, strict=True)),
            at=evidence.at,
            slow=trace.mean[:, :facets],
            fast=trace.mean[:, facets:],
            rates=(dyn.slow_rate, dyn.fast_rate),
        )

    def before(self, relationship: str, at: Ints) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Levels as known just before moments of one relationship, (n, K), and whether anything was known by then."""
        first, end = self.places.get(relationship, (0, 0))
        last = first + np.searchsorted(self.at[first:end], at, side="left") - 1
        is_known = last >= first
        last = np.where(is_known, last, 0)
        days = (at - self.at[last]) / 86_400e6
        slow, fast = (np.exp(-rate * days)[:, None] for rate in self.rates)
        return slow * self.slow[last] + fast * self.fast[last], is_known


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Foretellable:
    """All targets of one kind."""

    targets: tuple[Targets, ...]  # by facet
    count: int
    relationships: int


def gather_targets(evidence: Evidence, levels: Levels, *, folds: int, rng: np.random.Generator) -> Foretellable:
    """Every reading with something shown before it; relationships are dealt to the folds at random."""
    fold_of = rng.permutation(np.arange(len(evidence.names)) % folds)
    came, width = centre_readings(evidence), levels.slow.shape[1] + 2
    rows: list[Floats] = [np.empty((0, width))]
    facets, fold, homes = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for number, name in enumerate(evidence.names.to_pylist()):
        part = slice(int(evidence.start[number]), int(evidence.start[number + 1]))
        known, is_known = levels.before(name, evidence.at[part])
        rows.append(np.column_stack([np.ones(len(known)), known, came[part]])[is_known])
        facets.append(evidence.facet[part][is_known].astype(np.int64))
        fold.append(np.full(int(is_known.sum()), fold_of[number]))
        homes += bool(is_known.any())
    table, facet, part_of = np.concatenate(rows), np.concatenate(facets), np.concatenate(fold)
    return Foretellable(
        targets=tuple(
            Targets(
                facet=int(code),
                sums=np.stack([_products(table[(facet == code) & (part_of == f)]) for f in range(folds)]),
                counts=np.bincount(part_of[facet == code], minlength=folds),
            )
            for code in np.unique(facet)
        ),
        count=len(table),
        relationships=homes,
    )


def centre_readings(evidence: Evidence) -> Floats:
    """Where each reading puts the level: y* / slope, for an interval the mean of y* within it.

    Before anything is known y* ~ N(0, slope^2 + v), so that with a = lo / s and b = hi / s
    E = s (phi(a) - phi(b)) / (Phi(b) - Phi(a)).

    Returns: shape (N,).
    """
    spread = np.sqrt(evidence.slope**2 + np.maximum(evidence.v, _LEAST_VAR))
    a, b = evidence.lo / spread, evidence.hi / spread
    is_exact = evidence.lo == evidence.hi
    flip = a + b > 0  # the nearer end to the left, where differences of Phi do not cancel
    a, b = np.where(flip, -b, a), np.where(flip, -a, b)
    a, b = np.where(is_exact, -1.0, a), np.where(is_exact, 1.0, b)
    log_mass = log_ndtr(b) + np.log1p(-np.exp(np.minimum(log_ndtr(a) - log_ndtr(b), -1e-12)))
    inside = (_over_mass(a, log_mass) - _over_mass(b, log_mass)) * np.where(flip, -1.0, 1.0)
    return np.where(is_exact, evidence.lo, spread * inside) / evidence.slope


def _over_mass(end: Floats, log_mass: Floats) -> Floats:
    return np.exp(-0.5 * end**2 - 0.5 * np.log(2 * np.pi) - log_mass)


def _products(rows: Floats) -> Floats:
    return rows.T @ rows
