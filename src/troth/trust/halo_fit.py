"""The most probable R of one structure, from readings: Fisher scoring on the filter's own likelihood."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from troth.trust._arrays import Evidence
from troth.trust.likelihood import weigh
from troth.trust.margins import make_dynamics
from troth.trust.model import Floats, Model
from troth.trust.structures import Structure

_PRIOR_SD: Final = 2.0  # of an unconstrained parameter: nearly flat, yet keeps a loading off 1 where little was read
_STEP: Final = 1e-4  # of the numeric derivative
_MOST_STEPS: Final = 30
_LONGEST: Final = 1.0  # that one parameter moves in one step
_NEAR: Final = 0.05  # stop where the next step promises less log likelihood than that


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """A structure with its most probable parameters."""

    structure: Structure
    theta: Floats  # (p,) unconstrained
    cov: Floats  # (p, p) of theta, from the outer product of the relationships' scores

    @property
    def correlation(self) -> Floats:
        """R: shape (K, K)."""
        return self.structure.correlation(self.theta)

    def draw(self, figure: Callable[[Floats], Floats], draws: int, rng: np.random.Generator) -> Floats:
        """A figure of theta at draws from its normal approximation: shape (draws, ...)."""
        values, vectors = np.linalg.eigh(self.cov)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        thetas = self.theta + rng.standard_normal((draws, len(self.theta))) @ root.T
        return np.stack([figure(theta) for theta in thetas])


def fit_structure(evidence: Evidence, structure: Structure, model: Model) -> Fit:
    """Climb sum log Z over the structure's free numbers (MEASUREMENT 4.5), margins already standardised.

    Args:
        evidence: N readings of G relationships over the structure's K facets.
        structure: p free numbers.
        model: half-lives and shares, which stay as they are.

    Raises: nothing; stops after 30 steps at the latest.
    Cost: 10 to 20 (p + 1) runs of the filter, spread over the cores.
    Source: Berndt, Hall, Hall and Hausman 1974 for the outer product of scores in place of the Hessian.
    """

    def score(theta: Floats) -> Floats:
        dyn = make_dynamics(structure.correlation(theta), model)
        return weigh(evidence, lambda _: dyn)

    def penalty(theta: Floats) -> float:
        return 0.5 * float(theta @ theta) / _PRIOR_SD**2

    theta = structure.start()
    size, here = len(theta), score(theta)
    information = np.eye(size) / _PRIOR_SD**2
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in range(_MOST_STEPS):
            moved = list(pool.map(score, theta + _STEP * np.eye(size)))
            scores = (np.stack(moved, axis=1) - here[:, None]) / _STEP
            information = scores.T @ scores + np.eye(size) / _PRIOR_SD**2
            gradient = scores.sum(axis=0) - theta / _PRIOR_SD**2
            step = np.linalg.solve(information, gradient)
            promised = 0.5 * float(gradient @ step)
            if promised < _NEAR:
                break
            step *= min(1.0, _LONGEST / float(np.abs(step).max()))
            before = float(here.sum()) - penalty(theta)
            for _ in range(8):
                there = score(theta + step)
                gained = float(there.sum()) - penalty(theta + step) - before
                if gained > 0:
                    break
                step /= 2
            else:
                break
            theta, here = theta + step, there
            if gained < _NEAR:
                break
    return Fit(structure=structure, theta=theta, cov=np.asarray(np.linalg.inv(information), np.float64))
