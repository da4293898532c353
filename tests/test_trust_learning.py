"""What is learned is what was true, chance alone moves nothing, and nothing is kept that foretells worse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm

from troth.errors import InputError, SettingsError
from troth.schema import READINGS, conform
from troth.trust import (
    DEFAULT_MODEL,
    Model,
    Provenance,
    VersionedModel,
    Yardstick,
    advance,
    close_states,
    follow,
    log_likelihood,
    log_likelihoods,
    name_version,
    read_model,
    rescale,
    write_model,
)
from troth.trust.climb import climb, pool, sift
from troth.trust.halo_pairs import make_definite
from troth.trust.learning import Learned, learn_model, split_relationships
from troth.trust.model import GAUGES, dynamics

pytestmark = pytest.mark.simulated

START = datetime(2024, 1, 1, tzinfo=UTC)
PROMISE_CUTS = np.array([-2.3, -1.8])  # as readings bring them
TRUE_CUTS = np.array([-1.5, -1.2])
ACT_CUTS = np.array([-1.5, 1.5])
TRUTH = Model(
    slow_half_life_days=400.0,
    fast_half_life_days=15.0,
    fast_share=0.35,
    halo=0.7,
    means={"RS": 0.3},
    segment_means={"friend": {"RG": 0.6, "HI": 0.5}, "customer": {"RG": -0.2}},
)
NOISE = {"RS": 0.4, "CL": 2.5}  # true noise of a turn, in terms of what readings say


def make_world(
    model: Model,
    *,
    people: int,
    turns: int,
    seed: int,
    noise: Mapping[str, float] = NOISE,
    cuts: np.ndarray = TRUE_CUTS,
) -> tuple[pa.Table, dict[str, str]]:
    """READINGS of SHOWN (turns and promises) and HELD (acts) as `model` makes them, and each one's segment."""
    rng, names = np.random.default_rng(seed), [f"r{i:04}" for i in range(people)]
    segments = {name: "customer" if i % 2 else "friend" for i, name in enumerate(names)}
    tables, everybody = [], np.arange(people)
    for gauge, codes in GAUGES.items():
        dyn, size = dynamics(model, gauge), len(codes)
        root = np.linalg.cholesky(dyn.prior + 1e-12 * np.eye(2 * size))
        mean = np.array([[model.within(segments[name]).means.get(code, 0.0) for code in codes] for name in names])
        state, days = rng.standard_normal((people, 2 * size)) @ root.T, np.zeros(people)
        for _ in range(turns):
            gap = rng.exponential(6.0, people)
            days = days + gap
            g = np.exp(-np.outer(gap, np.repeat([dyn.slow_rate, dyn.fast_rate], size)))
            state = g * state + np.sqrt(1 - g**2) * (rng.standard_normal((people, 2 * size)) @ root.T)
            facet = rng.integers(0, size, people)
            level = (state[:, :size] + state[:, size:] + mean)[everybody, facet]
            code = np.array(codes)[facet]
            is_promise = (code == "FT") & (rng.random(people) < 0.5)
            is_act = gauge == "HELD"
            v = np.where(is_promise, 1.0, 2.0)
            factor = np.array([noise.get(one, 1.0) for one in code]) if not is_act else np.ones(people)
            seen = level + rng.standard_normal(people) * np.sqrt(v * np.where(is_promise, 1.0, factor))
            given_, real = (ACT_CUTS, ACT_CUTS) if is_act else (PROMISE_CUTS, cuts)
            grade, ends = np.searchsorted(real, seen), np.array([-np.inf, *given_, np.inf])
            is_graded = is_promise | is_act
            signal = np.where(is_promise, "promise_outcome", "turn")
            columns = {"relationship": names, "facet": code, "lo": np.where(is_graded, ends[grade], seen), "v": v}
            columns |= {"hi": np.where(is_graded, ends[grade + 1], seen), "slope": np.ones(people)}
            columns |= {"signal": np.array(["low", "none", "high"])[grade] if is_act else signal}
            columns |= {"at": np.datetime64("2024-01-01", "us") + (days * 86_400e6).astype("timedelta64[us]")}
            columns |= {"alpha": np.zeros(people), "beta": np.ones(people), "slow_only": np.zeros(people, bool)}
            tables.append(conform(pa.table(columns), READINGS))
    return pa.concat_tables(tables), segments


@pytest.fixture(scope="module")
def world() -> tuple[pa.Table, dict[str, str]]:
    return make_world(TRUTH, people=300, turns=60, seed=3)


@pytest.fixture(scope="module")
def learned(world: tuple[pa.Table, dict[str, str]]) -> Learned:
    return learn_model(world[0], rng=np.random.default_rng(1), segments=world[1])


def test_what_was_true_is_found_within_its_errors(learned: Learned):
    found = {constant.name: constant for constant in learned.report.constants}
    wanted = {
        "fast_half_life_days": 15.0,
        "fast_share": 0.35,
        "halo SHOWN": 0.7,
        "halo HELD": 0.7,
        "noise RS turn": 0.4,
        "noise CL turn": 2.5,
        "noise OP turn": 1.0,
        "slope HC high/low/none": 1.0,
        "shift FT promise_outcome": TRUE_CUTS.mean() - PROMISE_CUTS.mean(),
        "mean RS of customer": 0.3,
        "mean RG of friend": 0.6,
        "mean RG of customer": -0.2,
        "mean HI of friend": 0.5,
        "mean CA of customer": 0.0,
    }
    for name, true in wanted.items():
        constant = found[name]
        assert constant.learned is not None
        assert constant.error is not None
        assert abs(constant.learned - true) < 3.5 * constant.error, (name, constant)
        assert constant.error < 0.25 * max(1.0, true), name
    slow = found["slow_half_life_days"]  # hardly to be told from a year of data: the prior brings much of it
    assert slow.prior_share is not None
    assert slow.prior_share > 0.2
    assert slow.learned is not None
    assert 280 < slow.learned < 720


def test_learned_constants_foretell_a_world_never_seen(learned: Learned):
    """By another road than the report's own split: a fresh world of the same truth."""
    report = learned.report
    assert report.is_kept
    assert report.gain is not None
    assert report.gain_error is not None
    assert report.gain > 3 * report.gain_error
    assert report.relationships + report.held_relationships == 300
    assert report.readings + report.held_readings == 36_000
    fresh, segments = make_world(TRUTH, people=200, turns=40, seed=77)
    before, after = (log_likelihood(fresh, one, segments=segments) for one in (DEFAULT_MODEL, learned.model))
    assert (after - before) / len(fresh) == pytest.approx(report.gain, abs=4 * report.gain_error)


def test_where_the_start_values_are_true_chance_moves_hardly_anything():
    world, segments = make_world(DEFAULT_MODEL, people=150, turns=40, seed=8, noise={}, cuts=PROMISE_CUTS)
    result = learn_model(world, rng=np.random.default_rng(2), segments=segments)
    for constant in result.report.constants:
        if constant.learned is None or constant.name == "slow_half_life_days":
            continue
        room = 0.1 if constant.name.startswith(("noise", "slope", "gap")) else 0.35
        assert constant.learned == pytest.approx(constant.start, abs=10 if "days" in constant.name else room), constant
    fresh, segments = make_world(DEFAULT_MODEL, people=150, turns=40, seed=9, noise={}, cuts=PROMISE_CUTS)
    lost = log_likelihood(fresh, DEFAULT_MODEL) - log_likelihood(fresh, result.model, segments=segments)
    assert lost / len(fresh) < 0.001


@pytest.mark.parametrize(("people", "turns"), [(0, 1), (300, 1), (40, 40), (61, 6)])
def test_too_little_leaves_the_start_values_and_says_so(people: int, turns: int):
    world, _ = make_world(TRUTH, people=max(people, 1), turns=turns, seed=1)
    one_each = world if turns > 1 else world.filter(pc.is_in(world["facet"], pa.array(GAUGES["HELD"])))
    result = learn_model(one_each.slice(0, 0) if not people else one_each, rng=np.random.default_rng(1))
    assert result.model is DEFAULT_MODEL
    assert not result.report.is_kept
    assert "too few" in result.report.reason
    assert result.report.gain is None
    assert not result.report.constants


def test_what_foretells_worse_is_not_kept(world: tuple[pa.Table, dict[str, str]]):
    """Relationships that teach are made quiet, those that decide are made loud."""
    table, segments = world
    held = split_relationships(table, np.random.default_rng(4), 200_000)[1]
    is_held = pc.is_in(table["relationship"], pa.array(held)).to_numpy()
    is_exact = pc.equal(table["lo"], table["hi"]).to_numpy()
    factor = np.where(is_exact, np.where(is_held, 2.0, 0.3), 1.0)
    for name in ("lo", "hi"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, READINGS.field(name), pa.array(table[name].to_numpy() * factor))
    result = learn_model(table, rng=np.random.default_rng(4), segments=segments)
    assert result.model is DEFAULT_MODEL
    assert not result.report.is_kept
    assert "worse" in result.report.reason
    assert result.report.gain is not None
    assert result.report.gain < 0
    assert result.report.constants  # what was found is told all the same


def test_the_order_of_rows_does_not_matter_and_a_seed_learns_the_same(world: tuple[pa.Table, dict[str, str]]):
    table, segments = world
    few = table.filter(pc.less(table["relationship"], "r0066"))
    mixed = few.take(pa.array(np.random.default_rng(0).permutation(len(few))))
    first, second = (learn_model(one, rng=np.random.default_rng(5), segments=segments) for one in (few, mixed))
    assert first == second
    assert first.report.constants != learn_model(few, rng=np.random.default_rng(6), segments=segments).report.constants


def test_learning_shows_how_far_it_is_and_can_be_stopped(world: tuple[pa.Table, dict[str, str]]):
    table = world[0].filter(pc.less(world[0]["relationship"], "r0070"))
    steps: list[tuple[int, int]] = []

    def watch(done: int, total: int) -> None:
        steps.append((done, total))
        if len(steps) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_model(table, rng=np.random.default_rng(1), progress=watch)
    assert [done for done, _ in steps] == list(range(1, 10))
    assert len({total for _, total in steps}) == 1
    learn_model(table, rng=np.random.default_rng(1), progress=lambda *step: steps.append(step))
    assert steps[-1][0] == steps[-1][1]


def test_a_sample_is_drawn_by_whole_relationships(world: tuple[pa.Table, dict[str, str]]):
    report = learn_model(world[0], rng=np.random.default_rng(1), most_readings=12_000).report
    assert report.readings + report.held_readings == 12_000  # 100 relationships of 120 readings
    assert (report.relationships, report.held_relationships) == (75, 25)


def test_settled_signals_are_not_measured_anew(world: tuple[pa.Table, dict[str, str]]):
    few = world[0].filter(pc.less(world[0]["relationship"], "r0066"))
    settled = learn_model(few, rng=np.random.default_rng(1), settled={"promise_outcome"})
    told = {constant.name: constant for constant in settled.report.constants}
    assert told["scale FT promise_outcome"].note == "learned elsewhere"
    assert told["scale FT promise_outcome"].learned is None
    assert not any("promise_outcome" in stick.signals for stick in settled.model.yardsticks)
    with pytest.raises(InputError, match="yardsticks"):
        learn_model(
            few,
            replace(DEFAULT_MODEL, yardsticks=(Yardstick(facet="RS", signals=("turn",)),)),
            rng=np.random.default_rng(1),
        )


def test_readings_at_one_moment_leave_the_half_lives_to_the_prior(world: tuple[pa.Table, dict[str, str]]):
    table = world[0].filter(pc.less(world[0]["relationship"], "r0066"))
    now = pa.array([START] * len(table), READINGS.field("at").type)
    result = learn_model(table.set_column(2, READINGS.field("at"), now), rng=np.random.default_rng(1))
    slow, fast, share = result.report.constants[:3]
    for constant in (slow, fast, share):
        assert constant.learned == pytest.approx(constant.start, rel=1e-6)
        assert constant.prior_share == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("column", "value"), [("v", np.nan), ("lo", np.inf), ("slope", 0.0), ("facet", "XX"), ("at", 2**62)]
)
def test_a_row_that_cannot_be_a_reading_is_named(world: tuple[pa.Table, dict[str, str]], column: str, value: Any):
    table = world[0].slice(0, 5)
    values = table[column].cast(pa.int64()).to_pylist() if column == "at" else table[column].to_pylist()
    values[3] = value
    kind = READINGS.field(column)
    column_ = pa.array(values, pa.int64()).cast(kind.type) if column == "at" else pa.array(values, kind.type)
    with pytest.raises(InputError, match=r"reading 3 \(relationship 'r0003'"):
        learn_model(table.set_column(table.schema.get_field_index(column), kind, column_), rng=np.random.default_rng(1))


# Segments and yardsticks in the filter.


def one(days: float, facet: str, lo: float, hi: float | None = None, **more: object) -> dict[str, Any]:
    row = {"relationship": "acme", "facet": facet, "at": START + timedelta(days=days), "signal": "turn", "lo": lo}
    row |= {"hi": lo if hi is None else hi, "v": 0.8, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False}
    return row | more


def test_each_segment_is_followed_with_its_own_means_bit_for_bit(world: tuple[pa.Table, dict[str, str]]):
    table, segments = (
        world[0].filter(pc.less(world[0]["relationship"], "r0006")),
        {"r0001": "customer", "r0004": "friend"},
    )
    whole = follow(table, TRUTH, segments=segments)
    evening = START + timedelta(days=2000)
    closed = close_states(table, evening, TRUTH, segments=segments)
    for name in sorted(set(table["relationship"].to_pylist())):
        own = table.filter(pc.equal(table["relationship"], name))
        alone = TRUTH.within(segments.get(name, ""))
        assert whole.filter(pc.equal(whole["relationship"], name)).equals(follow(own, alone))
        standing = close_states(own, evening, alone)[name]["SHOWN"]
        assert closed[name]["SHOWN"].mean.tolist() == standing.mean.tolist()
    both = log_likelihoods(table, TRUTH, segments=segments)
    assert both["r0004"] == log_likelihood(
        table.filter(pc.equal(table["relationship"], "r0004")), TRUTH.within("friend")
    )


def test_streaming_with_segments_gives_the_bits_of_a_batch(world: tuple[pa.Table, dict[str, str]]):
    table, segments = world[0].filter(pc.less(world[0]["relationship"], "r0030")), world[1]
    model = replace(TRUTH, yardsticks=(Yardstick(facet="RS", signals=("turn",), noise=0.5, slope=1.2),))
    whole, states = advance(table, model, segments=segments), {}
    cut = pa.scalar(START + timedelta(days=90), READINGS.field("at").type)
    for part in (table.filter(pc.less(table["at"], cut)), table.filter(pc.greater_equal(table["at"], cut))):
        states = advance(part, model, state=states, segments=segments).state
    assert {name: state.pack(exact=True) for name, state in states.items()} == {
        name: state.pack(exact=True) for name, state in whole.state.items()
    }


@given(
    ends=st.lists(st.floats(-5, 5), min_size=2, max_size=2, unique=True),
    cuts=st.lists(st.integers(-30, 30), min_size=1, max_size=5, unique=True),
    gaps=st.lists(st.floats(0.01, 2), min_size=5, max_size=5),
)
def test_a_yardstick_keeps_the_order_of_ends(ends: list[float], cuts: list[int], gaps: list[float]):
    rising = tuple(cut / 10 for cut in sorted(cuts))
    moved = tuple((np.cumsum(gaps[: len(cuts)]) - 2).tolist())
    stick = Yardstick(facet="HC", signals=("x",), cuts=rising, moved=moved)
    low, high = stick.move(np.array(sorted(ends)))
    assert low < high or max(ends) - min(ends) < 1e-12
    assert_allclose(stick.move(np.array(rising)), moved, atol=1e-12)
    assert stick.move(np.array([-np.inf, np.inf])).tolist() == [-np.inf, np.inf]


def test_rescaled_readings_are_those_that_somebody_would_write_down():
    sticks = (
        Yardstick(facet="HR", signals=("chases", "none"), slope=1.5, cuts=(-2.0, 1.0), moved=(-1.0, 1.5)),
        Yardstick(facet="RS", signals=("turn",), noise=0.5),
    )
    rows = [
        one(0, "HR", -np.inf, -2.0, signal="chases"),
        one(1, "HR", 1.0, np.inf, signal="accepts"),  # not seen when this was learned, and of the same scale
        one(2, "HR", 0.3, 0.9, signal="survey_answer"),  # of another scale
        one(3, "RS", 0.7),
        one(4, "CL", 0.7),
    ]
    by_hand = [
        one(0, "HR", -np.inf, -1.0, signal="chases", slope=1.5),
        one(1, "HR", 1.5, np.inf, signal="accepts", slope=1.5),
        rows[2],
        one(3, "RS", 0.7, v=0.4),
        rows[4],
    ]
    given_, wanted = (pa.Table.from_pylist(some, schema=READINGS) for some in (rows, by_hand))
    assert rescale(given_, sticks).equals(wanted)
    assert rescale(given_, ()).equals(given_)
    assert follow(given_, Model(yardsticks=sticks)).equals(follow(wanted))


@pytest.mark.parametrize(
    "wrong",
    [
        {"facet": "XX"},
        {"signals": ()},
        {"noise": 0.0},
        {"noise": np.nan},
        {"slope": 1000.0},
        {"cuts": (0.0,)},
        {"cuts": (0.0, 1.0), "moved": (1.0, 1.0)},
        {"cuts": (0.0,), "moved": (np.inf,)},
    ],
)
def test_a_yardstick_that_cannot_be_is_refused(wrong: dict[str, Any]):
    right: dict[str, Any] = {"facet": "RS", "signals": ("turn",)}
    with pytest.raises(SettingsError):
        Yardstick(**(right | wrong))
    stick = Yardstick(facet="RS", signals=("turn",))
    with pytest.raises(SettingsError, match="two yardsticks"):
        Model(yardsticks=(stick, stick))


# A model as a file.

ORIGIN = Provenance(learned_on=date(2026, 11, 20), readings=100, relationships=10, held_out=3, gain=0.01)


def test_a_model_comes_back_from_its_json_form(learned: Learned):
    kept = json.loads(json.dumps(write_model(VersionedModel(model=learned.model, provenance=ORIGIN))))
    back = read_model(kept)
    assert back.model == learned.model
    assert back.provenance == ORIGIN
    assert back.version == kept["version"] == name_version(learned.model)
    assert back.version != name_version(DEFAULT_MODEL)
    assert name_version(Model(halo=0.5)) == name_version(DEFAULT_MODEL)
    assert name_version(Model(halo=np.nextafter(0.5, 1))) != name_version(DEFAULT_MODEL)


def alter(*path: str, to: Any) -> dict[str, Any]:
    kept = json.loads(json.dumps(write_model(VersionedModel(model=DEFAULT_MODEL, provenance=ORIGIN))))
    place = kept
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return kept


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (None, "no learned constants"),
        ([], "no learned constants"),
        ({"form": 1}, "no learned constants"),
        (alter("form", to=2), "form 2"),
        (alter("version", to="0" * 16), "altered"),
        (alter("constants", "halo", to=0.4), "altered"),
        (alter("constants", "halo", to=1.5), "positive definite"),
        (alter("constants", "halo", to="much"), "cannot be read"),
        (alter("constants", "fast_half_life_days", to=-1.0), "half-lives"),
        (alter("constants", "means", to={"XX": 0.0}), "XX"),
        (alter("constants", "yardsticks", to=[{"facet": "RS", "signals": ["turn"], "noise": 0.0}]), "noise"),
        (alter("constants", "yardsticks", to=[{"facet": "RS"}]), "cannot be read"),
        (alter("constants", "more", to=1), "more"),
        (alter("origin", "learned_on", to="yesterday"), "cannot be read"),
        (alter("origin", "more", to=1), "cannot be read"),
    ],
)
def test_what_was_altered_or_cannot_be_is_refused_with_the_way_out(kept: Any, says: str):
    with pytest.raises(SettingsError, match=says) as caught:
        read_model(kept)
    assert "troth learn --forget" in str(caught.value)
    assert "\n" not in str(caught.value)


# The arithmetic of estimates, against numeric integration and known answers.


def test_climbing_finds_the_known_top_of_a_normal_world():
    """Means of a known sum of squares under a normal prior: the textbook's posterior mean and error."""
    rng, sd = np.random.default_rng(1), np.array([0.5, 2.0])
    seen = np.array([1.0, -2.0]) + rng.standard_normal((400, 2))
    peak = climb(lambda theta: -0.5 * ((seen - theta) ** 2).sum(axis=1), centre=np.zeros(2), sd=sd)
    wanted = seen.sum(axis=0) / (400 + 1 / sd**2)
    assert_allclose(peak.at, wanted, atol=2e-3)
    assert_allclose(peak.error, (400 + 1 / sd**2) ** -0.5, rtol=0.1)  # scores' outer product: right on average
    estimate, error = peak.without_prior(np.zeros(2), sd)
    assert_allclose(estimate, seen.mean(axis=0), atol=5e-3)
    assert_allclose(error, 0.05, rtol=0.1)
    flat = climb(lambda _: np.zeros(5), centre=np.array([0.3]), sd=np.array([0.7]))
    assert (flat.at[0], flat.error[0], flat.prior_share[0]) == pytest.approx((0.3, 0.7, 1.0))


@given(
    values=st.lists(st.floats(-1, 1), min_size=0, max_size=3),
    errors=st.lists(st.floats(0.05, 0.6), min_size=3, max_size=3),
)
@example(values=[0.0, 1.0], errors=[0.125, 0.5, 0.5])
@settings(max_examples=15, deadline=None)
def test_pooled_estimates_agree_with_numeric_integration(values: list[float], errors: list[float]):
    seen, sd = np.array(values), np.array(errors[: len(values)])
    got = pool(seen, sd, centre=0.2, centre_sd=0.4, spread_sd=0.3)
    c, t = np.meshgrid(np.linspace(-2.2, 2.6, 1201), np.linspace(0, 1.2, 161), indexing="ij")
    weight = norm.pdf(c, 0.2, 0.4) * np.exp(-0.5 * (t / 0.3) ** 2)
    weight[:, [0, -1]] /= 2
    for value, error in zip(seen, sd, strict=True):
        weight = weight * norm.pdf(value, c, np.sqrt(t**2 + error**2))
    assert got.centre == pytest.approx(np.average(c, weights=weight), abs=2e-3)
    assert got.centre_error == pytest.approx(np.sqrt(np.average((c - got.centre) ** 2, weights=weight)), abs=2e-3)
    for i, (value, error) in enumerate(zip(seen, sd, strict=True)):
        own = t**2 / (t**2 + error**2)
        assert got.values[i] == pytest.approx(np.average(own * value + (1 - own) * c, weights=weight), abs=2e-3)


def test_sifting_keeps_what_moved_and_sends_chance_home():
    rng = np.random.default_rng(2)
    errors = np.full(40, 0.08)
    values = rng.standard_normal(40) * errors
    values[:2] = -0.9, 0.6
    got = sift(values, errors, wide=0.7)
    assert_allclose(got.values[:2], [-0.9, 0.6], atol=0.06)
    assert (got.moved[:2] > 0.99).all()
    assert np.abs(got.values[2:]).max() < 0.5 * np.abs(values[2:]).max()
    everywhere = sift(values - 0.8, errors, wide=0.7)  # where all have moved, none is sent home
    assert_allclose(everywhere.values[2:], values[2:] - 0.8, atol=0.05)
    nothing = sift(np.array([0.3]), np.array([20.0]), wide=0.7)  # readings that say nothing
    assert abs(nothing.values[0]) < 1e-3


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_correlations_from_pairs_are_made_a_correlation_matrix(seed: int):
    rng = np.random.default_rng(seed)
    matrix = np.tanh(rng.normal(0.5, 0.8, (10, 10)))
    matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T + np.eye(10)
    made = make_definite(matrix)
    assert np.linalg.eigvalsh(made)[0] >= 0.05 - 1e-9
    Model(correlations={"SHOWN": tuple(map(tuple, made.tolist()))})  # and one that the filter takes
    gentle = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    assert make_definite(gentle) is gentle
