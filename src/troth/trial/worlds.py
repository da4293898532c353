"""Made-up accounts whose trust moves as the filter holds it to move, and a practice whose effect is known.

They prove that a practice without an effect is found in one of twenty trials, that intervals hold the truth, and that
the power stated beforehand is the power there is.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from troth.schema import READINGS
from troth.signals import HELD

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

START: Final = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
"""When the trials of every made-up world start."""

_WEEK_US: Final = 7 * 86_400 * 1_000_000
_HALO: Final = 0.5
_HALF_LIVES: Final = (720.0, 30.0)  # days, of the slow and the fast part: those of `troth.trust.Model`


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRules:
    """How a made-up world works.

    Attributes:
        accounts: how many.
        before, weeks: of history, and of the trial.
        rate: readings a week of a typical account; busier and quieter ones differ by `uneven`, in logs.
        noise: variance of one reading around the level.
        cut: readings say only whether they lie above it; None for exact ones.
        typical: what the population's level is, which the filter holds to be 0.
    """

    accounts: int = 24
    before: int = 39
    weeks: int = 13
    rate: float = 0.6
    uneven: float = 0.5
    noise: float = 1.0
    cut: float | None = None
    typical: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialWorld:
    """What was written in a world, before anybody is drawn.

    Attributes:
        homes: the accounts.
        account, facet: shape (readings,), numbers; at: microseconds since 1970.
        heard: shape (readings,), the level with the noise of the reading.
        kept: shape (readings,), a number from 0 to 1 for each: a practice that makes people write less keeps the low.
    """

    rules: TrialRules
    homes: tuple[str, ...]
    account: Ints
    facet: Ints
    at: Ints
    heard: Floats
    kept: Floats

    @property
    def until(self) -> dt.datetime:
        """The day of reading."""
        return START + dt.timedelta(weeks=self.rules.weeks)

    def read(self, treated: Bools | None = None, *, effect: float = 0.0, share: float = 1.0) -> pa.Table:
        """READINGS of a trial.

        Args:
            treated: shape (accounts,); nobody if not given.
            effect: by which the practice lifts every facet from the start on, standard deviations of a facet.
            share: of their turns that the others still write after the start, while the treated write them all.
        """
        is_treated = np.zeros(len(self.homes), bool) if treated is None else treated
        after = self.at > int(START.timestamp()) * 1_000_000
        there = ~after | is_treated[self.account] | (self.kept < share)
        value = (self.heard + effect * (after & is_treated[self.account]))[there]
        low, high = value, value
        if self.rules.cut is not None:
            low = np.where(value > self.rules.cut, self.rules.cut, -math.inf)
            high = np.where(value > self.rules.cut, math.inf, self.rules.cut)
        count = len(value)
        return pa.table(
            {
                "relationship": pa.array(self.homes).take(pa.array(self.account[there])),
                "facet": pa.array(list(HELD)).take(pa.array(self.facet[there])),
                "at": pa.array(self.at[there]).cast(pa.timestamp("us", tz="UTC")),
                "signal": ["turn"] * count,
                "lo": low,
                "hi": high,
                "v": np.full(count, self.rules.noise),
                "slope": np.ones(count),
                "alpha": np.zeros(count),
                "beta": np.ones(count),
                "slow_only": np.zeros(count, dtype=np.bool_),
                "turn_id": pa.nulls(count, pa.string()),
                "start": pa.nulls(count, pa.int32()),
                "end": pa.nulls(count, pa.int32()),
            }
        ).cast(READINGS)


def make_trial_world(rng: np.random.Generator, rules: TrialRules | None = None) -> TrialWorld:
    """Let accounts write: each facet a slow and a fast part, facets correlated, readings at random times."""
    rules = rules or TrialRules()
    weeks = rules.before + rules.weeks
    shape = (rules.accounts, len(HELD))
    parts = [math.sqrt(0.5) * _draw_facets(rng, shape) for _ in _HALF_LIVES]
    keep = [0.5 ** (7.0 / days) for days in _HALF_LIVES]
    levels = np.empty((weeks, *shape))
    for week in range(weeks):
        levels[week] = rules.typical + parts[0] + parts[1]
        parts = [
            share * part + math.sqrt(0.5 * (1 - share**2)) * _draw_facets(rng, shape)
            for share, part in zip(keep, parts, strict=True)
        ]
    rate = rules.rate * np.exp(rules.uneven * rng.standard_normal(rules.accounts))
    account = np.repeat(np.arange(rules.accounts), rng.poisson(rate * weeks))
    at = rng.integers(0, weeks * _WEEK_US, len(account))
    facet = rng.integers(0, len(HELD), len(account))
    heard = levels[at // _WEEK_US, account, facet] + math.sqrt(rules.noise) * rng.standard_normal(len(account))
    return TrialWorld(
        rules=rules,
        homes=tuple(f"account{number:06}.example" for number in range(rules.accounts)),
        account=account,
        facet=facet,
        at=int(START.timestamp()) * 1_000_000 - rules.before * _WEEK_US + at + 1,
        heard=heard,
        kept=rng.random(len(account)),
    )


def _draw_facets(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    common, own = rng.standard_normal((shape[0], 1)), rng.standard_normal(shape)
    return math.sqrt(_HALO) * common + math.sqrt(1 - _HALO) * own
