"""Whether stated uncertainty is right: simulation-based calibration and coverage of facets, lenses, ratio, changes.

Worlds are drawn from the model's own prior, read with exact and ordinal readings, some of them misread, and followed.
If the posterior is right, the true value's rank among draws from it is uniform (Talts et al. 2018). A wrong halo must
be caught. MEASUREMENT section 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.special import ndtr
from scipy.stats import chisquare

from troth.lenses import LENSES, Pillar
from troth.schema import READINGS, conform
from troth.trust import DEFAULT_MODEL, Model, close_states, measure_changes, score_lens
from troth.trust._arrays import take_evidence
from troth.trust.change import pair_levels
from troth.trust.model import GAUGES, dynamics
from troth.trust.scores import pillar_weights

pytestmark = pytest.mark.simulated

SHOWN = GAUGES["SHOWN"]
START = datetime(2024, 1, 1, tzinfo=UTC)
THEN, NOW = 120.0, 150.0  # days after START
PEOPLE, READ = 10_000, 24  # a share of 50 % has a standard error of .005, and .015 is three of them
TRACED = 6000  # of which changes are followed, one by one: .0065
WIDTHS = np.array([0.5, 0.8, 0.95])
BINS, DRAWS = 20, 99
RATIO, CHANGED = LENSES["equation"], LENSES["abi"].pillars[1]
WHOLE = Pillar(name="shown", plain="all of SHOWN", weights=dict.fromkeys(SHOWN, 1.0))
COMPOSITES = (CHANGED, LENSES["triangle"].pillars[3], WHOLE)


@dataclass(frozen=True)
class World:
    readings: pa.Table
    then: np.ndarray  # (people, 10) true levels 30 days before the end
    now: np.ndarray  # (people, 10) at the end


def make_world(model: Model, *, people: int, seed: int) -> World:
    """Paths at each person's own times, exact where the coin says so, else one of three grades, 6 % of them misread."""
    rng, dyn = np.random.default_rng(seed), dynamics(model, "SHOWN")
    root, cuts = np.linalg.cholesky(dyn.prior), np.array([-np.inf, -0.9, 0.4, np.inf])
    days = np.concatenate([rng.uniform(0, NOW, (people, READ)), np.tile([THEN, NOW], (people, 1))], axis=1)
    order = np.argsort(days, axis=1)
    days = np.take_along_axis(days, order, axis=1)
    state, levels, columns = rng.standard_normal((people, 20)) @ root.T, np.zeros((2, people, 10)), []
    everybody, rates = np.arange(people), np.repeat([dyn.slow_rate, dyn.fast_rate], 10)
    for step in range(READ + 2):
        g = np.exp(-np.outer(days[:, step] - (days[:, step - 1] if step else 0.0), rates))
        state = g * state + np.sqrt(1 - g**2) * (rng.standard_normal((people, 20)) @ root.T)
        level, kind = state[:, :10] + state[:, 10:], order[:, step]
        for place in (0, 1):
            levels[place, kind == READ + place] = level[kind == READ + place]
        facet, v = rng.integers(0, 10, people), rng.choice([1.0, 2.0], people)
        seen = level[everybody, facet] + rng.standard_normal(people) * np.sqrt(v)
        grade = np.where(rng.random(people) < 0.06, rng.integers(0, 3, people), np.searchsorted(cuts[1:3], seen))
        is_exact, keep = rng.random(people) < 0.5, kind < READ
        lo, hi = np.where(is_exact, seen, cuts[grade]), np.where(is_exact, seen, cuts[grade + 1])
        alpha, beta = np.where(is_exact, 0.0, 0.02), np.where(is_exact, 1.0, 0.94)
        columns.append([column[keep] for column in (everybody, facet, days[:, step], lo, hi, v, alpha, beta)])
    who, facet, day, lo, hi, v, alpha, beta = (np.concatenate(column) for column in zip(*columns, strict=True))
    rows = {"relationship": np.char.mod("r%05d", who), "facet": np.array(SHOWN)[facet], "signal": ["turn"] * len(who)}
    rows |= {"at": np.datetime64("2024-01-01", "us") + (day * 86_400e6).astype("timedelta64[us]"), "lo": lo, "hi": hi}
    rows |= {"v": v, "alpha": alpha, "beta": beta, "slope": np.ones(len(who)), "slow_only": np.zeros(len(who), bool)}
    return World(conform(pa.table(rows), READINGS), levels[0], levels[1])


@dataclass(frozen=True)
class Posterior:
    facets: tuple[np.ndarray, np.ndarray]  # mean (people, 10), covariance (people, 10, 10), at the end
    changes: tuple[np.ndarray, np.ndarray]  # mean and variance (people, scores) over the last 30 days


def find_posterior(world: World, model: Model, changed: tuple[Pillar, ...] = ()) -> Posterior:
    end = START + timedelta(days=NOW)
    standings = close_states(world.readings, end, model)
    shown = [standings[name]["SHOWN"] for name in sorted(standings)]
    evidence, dyn = take_evidence(world.readings)[1]["SHOWN"], dynamics(model, "SHOWN")
    then, now = [int((START + timedelta(days=days)).timestamp() * 1e6) for days in (THEN, NOW)]
    few = evidence.part(0, min(TRACED, len(shown)))
    facets = np.stack([one.mean for one in shown]), np.stack([one.cov for one in shown])
    if not changed:
        return Posterior(facets, (np.empty(0), np.empty(0)))
    pairs = pair_levels(few, dyn, then, now, changed)
    return Posterior(facets, (pairs.after - pairs.before, pairs.after_var + pairs.before_var - 2 * pairs.covariance))


def weights_of(pillar: Pillar, model: Model) -> np.ndarray:
    return pillar_weights(pillar, SHOWN, model.correlation("SHOWN"))


def ranks(mean: np.ndarray, var: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Among how many of 99 draws from the posterior the truth is the larger: shape (people,)."""
    draws = mean[:, None] + np.sqrt(var)[:, None] * rng.standard_normal((len(mean), DRAWS))
    return (draws < truth[:, None]).sum(axis=1)


def chance_of_uniform(rank: np.ndarray) -> float:
    return float(chisquare(np.bincount(rank * BINS // (DRAWS + 1), minlength=BINS)).pvalue)


def cover(mean: np.ndarray, var: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Shares of 50, 80 and 95 % intervals that hold the truth."""
    inside = np.abs(2 * ndtr((truth - mean) / np.sqrt(var)) - 1)
    return (inside[..., None] < WIDTHS).reshape(-1, 3).mean(axis=0)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(DEFAULT_MODEL, people=PEOPLE, seed=41)


@pytest.fixture(scope="module")
def posterior(world: World) -> Posterior:
    return find_posterior(world, DEFAULT_MODEL, COMPOSITES)


@pytest.fixture(scope="module")
def without_halo(world: World) -> Posterior:
    return find_posterior(world, Model(halo=0.0))


def test_ranks_of_facets_are_uniform(world: World, posterior: Posterior):
    mean, cov = posterior.facets
    for k in (0, 4, 9):
        rank = ranks(mean[:, k], cov[:, k, k], world.now[:, k], np.random.default_rng(k))
        assert chance_of_uniform(rank) > 0.001, SHOWN[k]


@pytest.mark.parametrize("pillar", COMPOSITES, ids=lambda pillar: pillar.name)
def test_ranks_of_composites_are_uniform_and_a_wrong_halo_is_caught(
    world: World, posterior: Posterior, without_halo: Posterior, pillar: Pillar
):
    """Independence assumed where .5 is true makes every composite too sure of itself."""
    weights = weights_of(pillar, DEFAULT_MODEL)  # the same sum of facets, whatever halo is assumed
    for mean, cov in (posterior.facets, without_halo.facets):
        var = np.einsum("i,nij,j->n", weights, cov, weights)
        rank = ranks(mean @ weights, var, world.now @ weights, np.random.default_rng(7))
        is_right = mean is posterior.facets[0]
        assert chance_of_uniform(rank) > 0.001 if is_right else chance_of_uniform(rank) < 1e-9


@pytest.mark.parametrize("number", range(len(COMPOSITES)), ids=lambda number: COMPOSITES[number].name)
def test_ranks_of_changes_are_uniform(world: World, posterior: Posterior, number: int):
    weights, (mean, var) = weights_of(COMPOSITES[number], DEFAULT_MODEL), posterior.changes
    truth = (world.now - world.then)[:TRACED] @ weights
    rank = ranks(mean[:, number], var[:, number], truth, np.random.default_rng(3))
    assert chance_of_uniform(rank) > 0.001


def test_ranks_of_changes_are_not_uniform_under_a_wrong_half_life():
    """What a change is judged by is how fast levels move: a fast part of a year instead of a month must be caught."""
    few = make_world(DEFAULT_MODEL, people=2000, seed=5)
    mean, var = find_posterior(few, Model(fast_half_life_days=365.0), (WHOLE,)).changes
    truth = (few.now - few.then) @ weights_of(WHOLE, DEFAULT_MODEL)
    assert chance_of_uniform(ranks(mean[:, 0], var[:, 0], truth, np.random.default_rng(3))) < 1e-6


def test_intervals_of_facets_lenses_and_changes_cover_what_they_say(world: World, posterior: Posterior):
    mean, cov = posterior.facets
    assert cover(mean, np.diagonal(cov, axis1=1, axis2=2), world.now) == pytest.approx(WIDTHS, abs=0.015)
    for lens in ("triangle", "equation", "abi"):
        for pillar in LENSES[lens].pillars:
            weights = weights_of(pillar, DEFAULT_MODEL)
            covered = cover(mean @ weights, np.einsum("i,nij,j->n", weights, cov, weights), world.now @ weights)
            assert covered == pytest.approx(WIDTHS, abs=0.015), pillar.name
    for number, pillar in enumerate(COMPOSITES):
        change, var = (moment[:, number] for moment in posterior.changes)
        covered = cover(change, var, (world.now - world.then)[:TRACED] @ weights_of(pillar, DEFAULT_MODEL))
        assert covered == pytest.approx(WIDTHS, abs=0.015), pillar.name


def test_the_ratio_covers_what_it_says(world: World, posterior: Posterior):
    """Skewed, so from 199 draws each, as `trust_equation` does it; its own band agrees with such draws elsewhere."""
    mean, cov = posterior.facets
    weights, rng = np.stack([weights_of(pillar, DEFAULT_MODEL) for pillar in RATIO.pillars]), np.random.default_rng(11)
    root = np.linalg.cholesky(weights @ cov @ weights.T + 1e-12 * np.eye(4))
    normals = rng.standard_normal((PEOPLE, 4, 199))
    drawn = (mean @ weights.T)[..., None] + root @ normals
    ratio = equate(np.moveaxis(drawn, 1, 0))
    below = (ratio < equate((world.now @ weights.T).T)[:, None]).mean(axis=1)
    covered = [(np.abs(2 * below - 1) < width).mean() for width in WIDTHS]
    assert covered == pytest.approx(WIDTHS, abs=0.015)


def equate(levels: np.ndarray) -> np.ndarray:
    c, r, i, s = 1 + 4 * ndtr(levels)
    return (c + r + i) / s


@pytest.mark.parametrize("width", WIDTHS)
def test_bands_cover_what_they_say_as_people_read_them(world: World, width: float):
    """Bands of a change and of a pillar: 800 relationships, a standard error of .018 at 50 %, .008 at 95 %."""
    model, people = Model(band=width), 800
    names, since, end = [f"r{i:05}" for i in range(people)], START + timedelta(days=THEN), START + timedelta(days=NOW)
    chosen = world.readings.filter(pc.is_in(world.readings["relationship"], pa.array(names)))
    changes = measure_changes(chosen, since, end, [CHANGED], model, rng=np.random.default_rng(1))
    moved, weights = (world.now - world.then)[:people], weights_of(CHANGED, model)
    inside = (changes["low"].to_numpy() <= moved @ weights) & (moved @ weights <= changes["high"].to_numpy())
    assert inside.mean() == pytest.approx(width, abs={0.5: 0.05, 0.8: 0.04, 0.95: 0.025}[float(width)])
    standings = close_states(chosen, end, model)
    scores = [score_lens(standings[name]["SHOWN"], LENSES["abi"], model)[CHANGED.name] for name in names]
    level = 100 * ndtr(world.now[:people] @ weights)
    held = [score.low <= true <= score.high for score, true in zip(scores, level, strict=True)]
    assert np.mean(held) == pytest.approx(width, abs={0.5: 0.05, 0.8: 0.04, 0.95: 0.025}[float(width)])
