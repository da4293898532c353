"""Made-up worlds whose truth is known: relationships that talk, open up or not, and answer each other or not.

They show what a careless analysis finds where nobody answers anybody, and whether ours finds what is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from troth.reciprocity.says import Says


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How a world works. Log odds throughout.

    Attributes:
        relationships: how many.
        says: of each, both sides taken together, in turn.
        base: of an open act in a typical say.
        spread: standard deviation between relationships, shared by both sides.
        drift: standard deviation of what moves both sides of a relationship together over time.
        pace: says over which the drift forgets half of where it was.
        to_them: what our open act adds to their next say.
        to_us: what theirs adds to ours.
        unlike: standard deviation of these two between relationships.
    """

    relationships: int = 60
    says: int = 60
    base: float = -1.2
    spread: float = 0.0
    drift: float = 0.0
    pace: float = 40.0
    to_them: float = 0.0
    to_us: float = 0.0
    unlike: float = 0.0


UNLIKE_PAIRS: Final = World(spread=1.0)
"""Nobody answers anybody; relationships differ."""
DRIFTING_PAIRS: Final = World(relationships=30, says=200, spread=0.9, drift=1.7, pace=80.0)
"""Nobody answers anybody; relationships differ and drift, both sides together."""


def make_world(world: World, rng: np.random.Generator) -> Says:
    """Draw the says of a world."""
    count, length = world.relationships, world.says
    level = world.base + world.spread * rng.standard_normal(count)
    keeps = 0.5 ** (1.0 / world.pace)
    drift = world.drift * rng.standard_normal(count)
    effects = np.array([[world.to_us], [world.to_them]]) + world.unlike * rng.standard_normal((2, count))
    starts = rng.random(count) < 0.5
    opened = np.zeros((count, length), bool)
    is_us = (np.arange(length)[None, :] + starts[:, None]) % 2 == 0
    for at in range(length):
        effect = np.where(is_us[:, at], effects[0], effects[1])
        before = opened[:, at - 1] if at else np.zeros(count, bool)
        opened[:, at] = rng.random(count) < expit(level + drift + effect * before)
        drift = keeps * drift + world.drift * np.sqrt(1 - keeps**2) * rng.standard_normal(count)
    relationship = np.repeat(np.arange(count), length)
    return Says(
        names=tuple(f"r{number}" for number in range(count)),
        relationship=relationship,
        conversation=relationship,
        is_us=is_us.ravel(),
        is_open=opened.ravel(),
        is_neutral=rng.random(count * length) < 0.3,
        words=np.log1p(rng.integers(5, 80, count * length).astype(np.float64)),
    )
