"""The top of a log likelihood with normal priors, and estimates of several groups drawn together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from troth.trust.model import Floats

_STEP: Final = 1e-3  # of the numeric derivative, in prior standard deviations
_MOST_STEPS: Final = 20
_LONGEST: Final = 1.0  # that one constant moves in one step, in prior standard deviations
_FARTHEST: Final = 5.0  # from the centre of its prior
_NEAR: Final = 0.01  # stop where a step gains less log likelihood than that
_LEAST_KNOWN: Final = 1e-3  # by readings, in terms of what a prior knows
_GRID: Final = 81
_CHANCE: Final = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])  # that a constant has moved at all
_HARDLY: Final = np.array([0.0, 0.02, 0.05, 0.1])  # how far one that has not may lie from its start all the same


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Peak:
    """The most probable values, shape (p,), and their rough standard errors."""

    at: Floats
    error: Floats
    prior_share: Floats  # of what is known of each, the part that the prior brought: 1 where readings say nothing
    slopes: Floats  # (G, p) derivatives of each relationship's log likelihood

    def without_prior(self, centre: Floats, sd: Floats) -> tuple[Floats, Floats]:
        """What the readings alone say of each: estimates and errors, shape (p,). Very wide where they say nothing."""
        known = np.maximum(1.0 / self.error**2 - 1.0 / sd**2, _LEAST_KNOWN / sd**2)
        return (self.at / self.error**2 - centre / sd**2) / known, known**-0.5


def climb(score: Callable[[Floats], Floats], *, centre: Floats, sd: Floats, start: Floats | None = None) -> Peak:
    """Climb sum(score(theta)) + log N(theta; centre, sd^2) by Fisher scoring with step halving.

    Args:
        score: theta, shape (p,), to the log likelihood of each relationship, shape (G,). Relationships are taken to
            be independent; the outer product of their derivatives stands for the information.
        centre, sd: of the priors, shape (p,).
        start: where to begin; the centre if not given.

    Returns: errors include the prior and treat all constants outside theta as known.
    Raises: nothing; stops after 20 steps at the latest, and never below where it began.
    Cost: about 5 (p + 2) calls of `score`.
    Source: Berndt, Hall, Hall and Hausman 1974.
    """
    size = len(centre)
    moves = np.zeros(size) if start is None else (start - centre) / sd  # in prior standard deviations
    here = score(centre + sd * moves)
    information, slopes = np.eye(size), np.zeros((len(here), size))
    for _ in range(_MOST_STEPS):
        ahead = [score(centre + sd * (moves + _STEP * axis)) for axis in np.eye(size)]
        slopes = (np.stack(ahead, axis=1) - here[:, None]) / _STEP if size else slopes
        information = slopes.T @ slopes + np.eye(size)
        step = np.linalg.solve(information, slopes.sum(axis=0) - moves)
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max(initial=0.0)), 1e-300))
        value = float(here.sum()) - 0.5 * float(moves @ moves)
        for _ in range(6):
            new = np.clip(moves + step, -_FARTHEST, _FARTHEST)
            there = score(centre + sd * new)
            gained = float(there.sum()) - 0.5 * float(new @ new) - value
            if gained > 0:
                break
            step /= 2
        else:
            break
        moves, here = new, there
        if gained < _NEAR:
            break
    spread = np.diag(np.linalg.inv(information)).astype(np.float64)
    return Peak(at=centre + sd * moves, error=sd * np.sqrt(spread), prior_share=spread, slopes=slopes / sd)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pooled:
    """Estimates drawn together as far as they agree."""

    centre: float
    centre_error: float
    values: Floats
    errors: Floats


def pool(values: Floats, errors: Floats, *, centre: float, centre_sd: float, spread_sd: float) -> Pooled:
    """Empirical Bayes for groups: value_i ~ N(true_i, error_i^2), true_i ~ N(c, t^2).

    Args:
        values, errors: shape (n,); none at all gives the prior back.
        centre, centre_sd: of the normal prior on c.
        spread_sd: of the half-normal prior on t, over which is integrated.

    Source: Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.4, with c in closed form and t on a grid.
    """
    spread = np.linspace(0.0, 4.0 * spread_sd, _GRID)[:, None]
    weight = 1.0 / (spread**2 + errors**2)
    known = 1.0 / centre_sd**2 + weight.sum(axis=1)
    middle = (centre / centre_sd**2 + weight @ values) / known
    fit = (weight * values**2).sum(axis=1) + centre**2 / centre_sd**2 - known * middle**2
    log_share = 0.5 * (np.log(weight).sum(axis=1) - np.log(known) - fit) - 0.5 * (spread[:, 0] / spread_sd) ** 2
    share = np.exp(log_share - log_share.max())
    share[[0, -1]] /= 2.0  # the trapezoid rule: most of the weight may lie at the grid's end, no spread at all
    share /= share.sum()
    own = spread**2 * weight  # the part of each that is its own value; the rest is c
    mean = own * values + (1.0 - own) * middle[:, None]
    var = own * errors**2 + (1.0 - own) ** 2 / known[:, None]
    pooled = share @ mean
    c = float(share @ middle)
    return Pooled(
        centre=c,
        centre_error=float(np.sqrt(share @ (1.0 / known + (middle - c) ** 2))),
        values=pooled,
        errors=np.sqrt(share @ (var + (mean - pooled) ** 2)),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sifted:
    """Estimates of constants that mostly stay where they start."""

    values: Floats
    errors: Floats
    moved: Floats  # probability of each of having moved at all


def sift(values: Floats, errors: Floats, *, wide: float) -> Sifted:
    """Empirical Bayes for many constants of which a few have moved.

    value_i ~ N(true_i, error_i^2); true_i ~ N(0, wide^2) with probability w, else N(0, hardly^2). What the share w is
    and what counts as hardly, all of them say together: where nearly all stay, a little noise moves none.

    Args:
        values, errors: shape (n,), differences to the start value.
        wide: standard deviation of those that move.

    Source: Johnstone and Silverman 2004, with normal tails.
    """
    share, narrow = (axis.ravel()[:, None] for axis in np.meshgrid(_CHANCE, _HARDLY))
    var = np.stack([np.broadcast_to(wide**2, narrow.shape), narrow**2])  # (2, grid, 1): moved, stayed
    total = var + errors**2  # (2, grid, n)
    log_part = np.log(np.stack([share, 1.0 - share])) - 0.5 * (np.log(total) + values**2 / total)
    top = log_part.max(axis=0)
    log_both = top + np.log(np.exp(log_part - top).sum(axis=0))
    log_grid = log_both.sum(axis=1)
    grid = np.exp(log_grid - log_grid.max())
    grid /= grid.sum()
    chance = np.exp(log_part - log_both) * grid[:, None]  # (2, grid, n), sums to 1 over the first two axes
    mean = var / total * values
    spread = var * errors**2 / total
    pooled = (chance * mean).sum(axis=(0, 1))
    return Sifted(
        values=pooled,
        errors=np.sqrt((chance * (spread + (mean - pooled) ** 2)).sum(axis=(0, 1))),
        moved=chance[0].sum(axis=0),
    )
