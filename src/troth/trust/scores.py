"""Levels to the figures people read: pillars and lenses, the trust equation, the wobble (MEASUREMENT 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from troth.errors import InputError
from troth.lenses import LENSES, Lens, Pillar
from troth.trust.model import Floats, Model, Standing

_EQUATION: Final = ("credibility", "reliability", "intimacy", "self_orientation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Where one pillar stands among relationships."""

    percentile: float  # 0..100 of the reference population
    low: float  # ends of the band, percentiles
    high: float
    reliability: float  # 1 - posterior variance / prior variance, within 0 and 1
    withheld: bool  # reliability too low for a number: show the band alone
    mean: float  # of L, standard deviations between relationships
    var: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """The trust equation's value, (credibility + reliability + intimacy) / self-orientation; each part from 1 to 5."""

    median: float
    low: float  # ends of the band
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wobble:
    """Which pillar of a lens is lowest, and how sure that is."""

    pillar: str | None  # named only where the probability suffices
    lowest: str  # the most probable one all the same
    probability: float
    chances: Mapping[str, float]  # pillar to the probability of being the lowest


def pillar_weights(pillar: Pillar, facets: tuple[str, ...], prior_cov: Floats) -> Floats:
    """w / sqrt(w'Rw): weights on facets, shape (K,), that give L a prior variance of 1.

    Raises: InputError when the pillar belongs to the other gauge.
    """
    strangers = [code for code in pillar.weights if code not in facets]
    if strangers:
        raise InputError(f"pillar {pillar.name!r} is made of {strangers}, and this standing holds {list(facets)}.")
    weights = np.array([pillar.weights.get(code, 0.0) for code in facets])
    spread = float(weights @ prior_cov @ weights)
    if spread <= 0:
        raise InputError(f"the weights of pillar {pillar.name!r} are all 0.")
    return weights / np.sqrt(spread)


def score_pillar(standing: Standing, pillar: Pillar, model: Model) -> Score:
    """L = w'x / sqrt(w'Rw) with variance w'Px w / w'Rw, as a percentile of the reference population with its band.

    Raises: InputError when the pillar belongs to the other gauge.
    """
    weights = pillar_weights(pillar, standing.facets, standing.prior_cov)
    mean, var = float(weights @ standing.mean), max(float(weights @ standing.cov @ weights), 0.0)
    half = float(ndtri(0.5 + model.band / 2)) * np.sqrt(var)
    reliability = min(max(1.0 - var, 0.0), 1.0)
    return Score(
        percentile=100.0 * float(ndtr(mean)),
        low=100.0 * float(ndtr(mean - half)),
        high=100.0 * float(ndtr(mean + half)),
        reliability=reliability,
        withheld=reliability < model.withhold_below,
        mean=mean,
        var=var,
    )


def score_lens(standing: Standing, lens: Lens, model: Model) -> dict[str, Score]:
    """Every pillar of a lens, by name, in the lens's order."""
    return {pillar.name: score_pillar(standing, pillar, model) for pillar in lens.pillars}


def trust_equation(standing: Standing, lens: Lens, model: Model, rng: np.random.Generator) -> Ratio:
    """(q_C + q_R + q_I) / q_S with q = 1 + 4 Phi(L), from draws of the standing.

    The lens's self-orientation pillar is orientation reversed, so its q is the 6 - q(orientation) of MEASUREMENT 4.6.

    Raises: InputError when the lens is no trust equation or belongs to the other gauge.
    """
    if tuple(pillar.name for pillar in lens.pillars) != _EQUATION:
        raise InputError(f"lens {lens.name!r} is no trust equation: its pillars must be {', '.join(_EQUATION)}.")
    credibility, reliability, intimacy, self_orientation = 1.0 + 4.0 * ndtr(_draw(standing, lens, model, rng)).T
    ratio = (credibility + reliability + intimacy) / self_orientation
    low, median, high = np.quantile(ratio, [0.5 - model.band / 2, 0.5, 0.5 + model.band / 2])
    return Ratio(median=float(median), low=float(low), high=float(high))


def find_wobble(
    standing: Standing, model: Model, rng: np.random.Generator, *, lens: Lens = LENSES["triangle"]
) -> Wobble:
    """P(this pillar is the lowest) from draws of the standing; the pillar is named only from .8 up.

    Raises: InputError when the lens belongs to the other gauge.
    """
    levels = _draw(standing, lens, model, rng)
    shares = np.bincount(levels.argmin(axis=1), minlength=levels.shape[1]) / len(levels)
    names = [pillar.name for pillar in lens.pillars]
    lowest = int(shares.argmax())
    probability = float(shares[lowest])
    return Wobble(
        pillar=names[lowest] if probability >= model.name_wobble_from else None,
        lowest=names[lowest],
        probability=probability,
        chances=dict(zip(names, shares.tolist(), strict=True)),
    )


def _draw(standing: Standing, lens: Lens, model: Model, rng: np.random.Generator) -> Floats:
    """Draws of L for each pillar: shape (draws, pillars)."""
    weights = np.stack([pillar_weights(p, standing.facets, standing.prior_cov) for p in lens.pillars])
    values, vectors = np.linalg.eigh(weights @ standing.cov @ weights.T)  # pillars may share facets: rank may be short
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return weights @ standing.mean + rng.standard_normal((model.draws, len(weights))) @ root.T
