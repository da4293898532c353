"""Changes between two times, against the joint Gaussian worked out whole, and by simulation with known truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import ndtr
from scipy.stats import norm

from troth.errors import InputError
from troth.lenses import LENSES, Pillar
from troth.schema import READINGS
from troth.trust import DEFAULT_MODEL, Model, close_states, measure_changes, score_pillar, smooth
from troth.trust._arrays import take_evidence
from troth.trust.change import pair_levels
from troth.trust.model import GAUGES, dynamics

START = datetime(2025, 3, 1, 9, tzinfo=UTC)
HELD = GAUGES["HELD"]
SHIFTED = Model(means={"HC": 0.4, "HS": -0.7}, halo=0.3, fast_share=0.35)
PILLARS = (
    Pillar(name="all", plain="all", weights=dict.fromkeys(HELD, 1.0)),
    Pillar(name="HC", plain="HC", weights={"HC": 1.0}),
    Pillar(name="mixed", plain="mixed", weights={"HR": 0.5, "HS": -1.0}),
)


def reading(days: float, facet: str, lo: float, hi: float | None = None, **more: object) -> dict:
    row = {"relationship": "acme", "facet": facet, "at": START + timedelta(days=days), "signal": "turn", "lo": lo}
    row |= {"hi": lo if hi is None else hi, "v": 0.8, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False}
    return row | more


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=READINGS)


def gap_kernel(gap: np.ndarray, fast: np.ndarray | float, model: Model) -> np.ndarray:
    """Covariance of a level with itself over a gap in days; `fast` is 0 where only slow parts meet."""
    slow = (1 - model.fast_share) * 0.5 ** (gap / model.slow_half_life_days)
    return slow + fast * model.fast_share * 0.5 ** (gap / model.fast_half_life_days)


def dense_pair(rows: list[dict], since: float, at: float, weights: np.ndarray, model: Model) -> np.ndarray:
    """Mean then, mean now, variance then, variance now, covariance: one big Gaussian conditioned on all readings."""
    days = np.array([(row["at"] - START) / timedelta(days=1) for row in rows])
    code = np.array([HELD.index(row["facet"]) for row in rows])
    slope = np.array([row["slope"] for row in rows])
    fast = 1.0 - np.array([float(row["slow_only"]) for row in rows])
    corr, mu = model.correlation("HELD"), np.array([model.means.get(facet, 0.0) for facet in HELD])
    seen = gap_kernel(np.abs(days[:, None] - days), fast[:, None] * fast, model)
    seen = seen * corr[np.ix_(code, code)] * slope[:, None] * slope + np.diag([row["v"] for row in rows])
    across = np.stack(
        [gap_kernel(np.abs(days - moment), fast, model) * (weights @ corr)[code] * slope for moment in (since, at)]
    )
    scale = weights @ corr @ weights
    prior = scale * np.array([[1.0, gap_kernel(np.array(at - since), 1.0, model)], [0.0, 1.0]])
    gain = np.linalg.solve(seen, across.T).T
    mean = weights @ mu + gain @ (np.array([row["lo"] for row in rows]) - slope * mu[code])
    cov = prior - gain @ across.T
    return np.array([mean[0], mean[1], cov[0, 0], cov[1, 1], cov[0, 1]])


@given(
    days=st.lists(st.integers(0, 120), min_size=1, max_size=12),
    since=st.integers(-5, 100),
    span=st.integers(1, 60),
    model=st.sampled_from([DEFAULT_MODEL, SHIFTED]),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_the_two_levels_agree_with_one_big_gaussian(days, since, span, model, data):
    """Exact readings before, between and at the two times; those after the later one are left out."""
    rows = [
        reading(day, data.draw(st.sampled_from(HELD)), data.draw(st.floats(-3, 3)), v=data.draw(st.floats(0.1, 3)),
                slope=data.draw(st.sampled_from([1.0, -0.7])), slow_only=data.draw(st.booleans()))
        for day in days if day <= since + span
    ]  # fmt: skip
    if not rows:
        return
    evidence = take_evidence(table(rows))[1]["HELD"]
    times = [int((START + timedelta(days=day)).timestamp() * 1e6) for day in (since, since + span)]
    pair = pair_levels(evidence, dynamics(model, "HELD"), *times, PILLARS)
    assert pair.names == ["acme"]
    for s, pillar in enumerate(PILLARS):
        weights = np.array([pillar.weights.get(facet, 0.0) for facet in HELD])
        weights /= np.sqrt(weights @ model.correlation("HELD") @ weights)
        got = [pair.before[0, s], pair.after[0, s], pair.before_var[0, s], pair.after_var[0, s], pair.covariance[0, s]]
        assert_allclose(got, dense_pair(rows, since, since + span, weights, model), atol=1e-9)


def measure(rows: list[dict], since: float, at: float, **more: object) -> list[dict]:
    times = [START + timedelta(days=day) for day in (since, at)]
    return measure_changes(table(rows), *times, PILLARS, rng=np.random.default_rng(1), **more).to_pylist()


def test_the_ends_are_the_smoothed_and_the_filtered_score_also_with_intervals():
    """Ordinal readings: then equals the smoother's level of that day, now the score of that day."""
    rows = [reading(day, "HC", -np.inf if day % 3 else 0.4, 0.2 if day % 3 else np.inf) for day in range(0, 60, 5)]
    (row,) = [row for row in measure(rows, 30, 55) if row["pillar"] == "HC"]
    then = smooth(table(rows)).to_pylist()
    level = next(r for r in then if r["facet"] == "HC" and r["at"] == START + timedelta(days=30))
    standing = close_states(table(rows), START + timedelta(days=55))["acme"]["HELD"]
    now = score_pillar(standing, PILLARS[1], DEFAULT_MODEL)
    assert row["change"] == pytest.approx(now.mean - level["mean"], abs=1e-9)
    assert row["readings"] == 5


def test_the_figures_of_a_change_hang_together():
    rows = [reading(day, "HC", 1.5 if day > 30 else -1.0) for day in range(0, 60, 4)]
    for row in measure(rows, 28, 59):
        assert row["low"] < row["change"] < row["high"]
        assert row["percentiles_low"] < row["percentiles"] < row["percentiles_high"]
        spread = (row["high"] - row["low"]) / 2 / 1.2815515655446004
        assert row["rose"] == pytest.approx(float(ndtr(row["change"] / spread)))
    rose = {row["pillar"]: row["rose"] for row in measure(rows, 28, 59)}
    assert rose["HC"] > 0.9
    assert {row["pillar"]: row["rose"] for row in measure([row | {"lo": -row["lo"], "hi": -row["hi"]} for row in rows],
                                                          28, 59)} == pytest.approx(
        {name: 1 - value for name, value in rose.items()})  # fmt: skip


def test_without_a_reading_nothing_is_said_and_the_future_is_not_read():
    rows = [reading(day, "HC", 1.0) for day in (0, 10, 20)]
    assert measure(rows, -30, -1) == []
    assert measure(rows, 5, 15) == measure([*rows, reading(16, "HC", -9.0)], 5, 15)
    with pytest.raises(InputError, match="not after"):
        measure(rows, 5, 5)


def test_both_gauges_and_several_relationships_are_kept_apart():
    rows = [reading(day, "HC", 1.0, relationship=name) for day in (0, 20) for name in ("acme", "bolt")]
    rows += [reading(day, "RS", 2.0, relationship="bolt") for day in (0, 20)]
    times = [START + timedelta(days=day) for day in (5, 25)]
    scores = [PILLARS[1], LENSES["triangle"].pillars[0]]
    found = measure_changes(table(rows), *times, scores, rng=np.random.default_rng(1)).to_pylist()
    assert [(row["gauge"], row["relationship"], row["pillar"]) for row in found] == [
        ("SHOWN", "bolt", "logic_quality"), ("HELD", "acme", "HC"), ("HELD", "bolt", "HC"),
    ]  # fmt: skip
    assert found[1]["change"] == found[2]["change"]


def test_bands_of_changes_hold_the_truth_as_often_as_they_say():
    """2,000 made-up relationships with ordinal readings every four days; 50, 80 and 95 % bands of the change.

    With 2,000 the share's standard error is at most .011; the tolerance is twice that.
    """
    rng, homes = np.random.default_rng(5), 2_000
    days = np.arange(0, 60, 4)
    gaps = np.abs(days[:, None] - days)
    slow = np.linalg.cholesky(0.5 * 0.5 ** (gaps / 720) + 1e-12 * np.eye(len(days)))
    fast = np.linalg.cholesky(0.5 * 0.5 ** (gaps / 30) + 1e-12 * np.eye(len(days)))
    level = slow @ rng.standard_normal((len(days), homes)) + fast @ rng.standard_normal((len(days), homes))
    category = np.digitize(level + rng.normal(0, 1, level.shape), [-1.0, 0.5])
    ends = np.array([-np.inf, -1.0, 0.5, np.inf])
    rows = {
        "relationship": np.tile([f"r{n}" for n in range(homes)], len(days)), "facet": ["HC"] * level.size,
        "at": np.repeat(np.datetime64("2025-03-01", "us") + days.astype("timedelta64[D]"), homes),
        "signal": ["x"] * level.size, "lo": ends[category].ravel(), "hi": ends[category + 1].ravel(),
        "v": np.ones(level.size), "slope": np.ones(level.size), "alpha": np.zeros(level.size),
        "beta": np.ones(level.size), "slow_only": np.zeros(level.size, bool),
    }  # fmt: skip
    times = [datetime(2025, 3, 1, tzinfo=UTC) + timedelta(days=int(day)) for day in (days[7], days[-1])]
    truth = dict(zip(rows["relationship"][:homes], level[-1] - level[7], strict=True))
    found = measure_changes(pa.table(rows), *times, PILLARS[1:2], Model(draws=100), rng=rng).to_pylist()
    miss = np.array([abs(truth[row["relationship"]] - row["change"]) for row in found])
    spread = np.array([row["high"] - row["change"] for row in found]) / norm.ppf(0.9)
    for band in (0.5, 0.8, 0.95):
        assert (miss <= spread * norm.ppf(0.5 + band / 2)).mean() == pytest.approx(band, abs=0.022)
    rose = np.array([row["rose"] for row in found])
    did = np.array([truth[row["relationship"]] > 0 for row in found])
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        inside = (rose >= low) & (rose < high)
        assert did[inside].mean() == pytest.approx(rose[inside].mean(), abs=0.05)
