"""Agreement with others: pykalman on exact readings, TrueSkill Through Time where both are one model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

from troth.schema import READINGS
from troth.trust import Block, Model, State, follow_states, log_likelihood, smooth
from troth.trust._arrays import take_evidence
from troth.trust.model import GAUGES, dynamics

pytestmark = pytest.mark.simulated

START = datetime(2025, 1, 1, tzinfo=UTC)
SHOWN = GAUGES["SHOWN"]


def reading(days: float, facet: str, lo: float, hi: float, **more: object) -> dict[str, Any]:
    row = {"relationship": "acme", "facet": facet, "at": START + timedelta(days=days), "signal": "turn", "lo": lo}
    return row | {"hi": hi, "v": 1.0, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False} | more


@pytest.mark.parametrize("model", [Model(), Model(halo=0.3, fast_share=0.35, means={"RS": 0.4, "FT": -0.7})])
def test_pykalman_filters_smooths_and_weighs_the_same(model: Model):
    """The same 20 states with matrices laid out for every reading: means, variances, smoother and log likelihood.

    One noise for all readings: version 0.11.2 computes no likelihood where it changes.
    """
    kalman = pytest.importorskip("pykalman", reason="needs pykalman, of the extra 'test'").KalmanFilter
    rng, n, dyn = np.random.default_rng(6), 60, dynamics(model, "SHOWN")
    days = np.sort(rng.uniform(0, 300, n))
    rows = [reading(day, str(rng.choice(SHOWN)), *[rng.standard_normal()] * 2, v=0.8) for day in days]
    table = pa.Table.from_pylist(rows, schema=READINGS)
    evidence = take_evidence(table)[1]["SHOWN"]
    g = np.exp(-np.outer(np.diff(evidence.at) / 86_400e6, np.repeat([dyn.slow_rate, dyn.fast_rate], 10)))
    design = np.zeros((n, 1, 20))
    design[np.arange(n), 0, evidence.facet] = design[np.arange(n), 0, evidence.facet + 10] = 1.0
    peer = kalman(
        transition_matrices=np.stack([np.diag(row) for row in g]),
        transition_offsets=(1 - g) * dyn.mean,
        transition_covariance=np.stack([dyn.prior - np.outer(row, row) * dyn.prior for row in g]),
        observation_matrices=design,
        observation_covariance=np.array([[0.8]]),
        initial_state_mean=dyn.mean,
        initial_state_covariance=dyn.prior,
    )
    mean, cov = peer.filter(evidence.lo[:, None])
    block = follow_states(table, model)["acme"].blocks["SHOWN"]
    assert_allclose(block.mean, mean[-1], atol=1e-9)
    assert_allclose(block.cov, cov[-1], atol=1e-9)
    assert log_likelihood(table, model) == pytest.approx(peer.loglikelihood(evidence.lo[:, None]), abs=1e-8)
    smoothed = smooth(table, model)
    late = np.flatnonzero(np.append(np.diff(evidence.at // 86_400_000_000) > 0, True))
    assert_allclose(
        smoothed["slow"].to_numpy().reshape(-1, 10), peer.smooth(evidence.lo[:, None])[0][late, :10], atol=1e-9
    )


def win_or_lose(rng: np.random.Generator) -> list[tuple[float, float, bool]]:
    """Thirty games: the day, the opponent's known skill, and who won."""
    days = np.cumsum(rng.integers(0, 40, 30)).astype(float)
    return [(day, rng.normal(0.3, 1.0), bool(rng.random() < 0.6)) for day in days]


def follow_games(games: list[tuple[float, float, bool]], *, start_sd: float, drift: float, unit: float) -> np.ndarray:
    """Mean and standard deviation of a skill after all games, by our filter.

    A level whose stationary standard deviation is `unit` skills and that forgets at rate drift^2 / (2 unit^2) a day
    drifts by drift^2 a day. The larger the unit, the less pulls it back: at infinity it is a random walk.
    """
    half_life = np.log(2) * 2 * unit**2 / max(drift, 1e-9) ** 2
    model = Model(halo=0.0, fast_share=0.0, slow_half_life_days=half_life)
    cov = np.zeros((20, 20))
    cov[0, 0] = (start_sd / unit) ** 2
    block = Block(at_us=int(START.timestamp() * 1e6), mean=np.zeros(20), cov=cov, readings=np.zeros(10, np.int64))
    rows = [
        reading(day, "RS", *((skill, np.inf) if won else (-np.inf, skill)), slope=unit) for day, skill, won in games
    ]
    for minute, row in enumerate(rows):  # two games of a day keep their order
        row["at"] += timedelta(microseconds=minute)
    states = follow_states(pa.Table.from_pylist(rows, schema=READINGS), model, state={"acme": State({"SHOWN": block})})
    after = states["acme"].blocks["SHOWN"]
    return unit * np.array([after.mean[0], np.sqrt(after.cov[0, 0])])


def play_games(games: list[tuple[float, float, bool]], *, start_sd: float, drift: float) -> np.ndarray:
    """The same by TrueSkill Through Time, game after game against opponents of known skill."""
    ttt = pytest.importorskip("trueskillthroughtime", reason="needs trueskillthroughtime, of the extra 'test'")
    skill, last = ttt.Gaussian(0.0, start_sd), 0.0
    for day, other, won in games:
        me = ttt.Player(skill.forget(drift, day - last), beta=1.0, gamma=0.0)
        rival = ttt.Player(ttt.Gaussian(other, 1e-9), beta=0.0, gamma=0.0)
        last = day
        skill = ttt.Game([[me], [rival]], [1, 0] if won else [0, 1]).posteriors()[0][0]
    return np.array([skill.mu, skill.sigma])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_skill_that_stands_still_is_followed_as_trueskill_does(seed: int):
    """No drift: equal as far as its normal distribution goes, which is good to 1.2e-7 (a rational erfc)."""
    games = win_or_lose(np.random.default_rng(seed))
    ours = follow_games(games, start_sd=1.5, drift=0.0, unit=1.5)
    assert_allclose(ours, play_games(games, start_sd=1.5, drift=0.0), atol=5e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_random_walk_of_trueskill_is_the_limit_of_weak_return(seed: int):
    """With the same drift a day, the difference falls with the square of the unit, down to the other's rounding."""
    games = win_or_lose(np.random.default_rng(seed))
    theirs = play_games(games, start_sd=1.0, drift=0.08)
    off = [np.abs(follow_games(games, start_sd=1.0, drift=0.08, unit=unit) - theirs).max() for unit in (3, 30, 3000)]
    assert off[0] > 1e-3  # a return to the mean is what makes us another model
    assert off[1] < off[0] / 50
    assert off[2] < 5e-6
