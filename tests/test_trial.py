"""Trials by hand: practices, pairs and the lot, the test by the lot, its interval, power, and links of facets."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm

from troth.errors import InputError
from troth.schema import READINGS
from troth.signals import CATALOGUE, HELD, SHOWN
from troth.trial.blocks import LEAST_ACCOUNTS, deal_anew, draw_lot, pair_accounts
from troth.trial.effect import Accounts, measure_effect
from troth.trial.links import judge_link, link_within
from troth.trial.power import error_of_share, find_chance, find_least
from troth.trial.practices import DATED, PRACTICES, choose_practice, practices_of
from troth.trial.told import PEEKING, Member, Reading, Trial, say_alarm
from troth.trialoutcomes import Measured, measure_held
from troth.trust import DEFAULT_MODEL, Model

sizes = st.integers(LEAST_ACCOUNTS, 61)
seeds = st.integers(0, 2**31 - 1)


def test_every_facet_of_shown_has_a_practice_and_one_that_is_seen_is_found_by_the_encoder():
    assert {facet for facet in SHOWN if practices_of(facet)} == set(SHOWN)
    for practice in PRACTICES.values():
        if practice.seen_by not in {None, DATED}:
            signal = CATALOGUE[str(practice.seen_by)]
            assert (signal.found_by, signal.shown, signal.sign) == ("encoder", practice.facet, 1)


@pytest.mark.parametrize(
    ("name", "words", "seen_by", "complaint"),
    [
        ("be-nice", None, None, "there is no practice"),
        ("date-every-promise", "Other words.", None, "already"),
        ("be nice!", "Be nice.", None, "cannot name"),
        ("be-nice", "  ", None, "--words"),
        ("be-nice", "Be nice.", "niceness", "no signal"),
        ("be-nice", "Be nice.", "chases", "no signal"),  # theirs, not ours
    ],
)
def test_a_practice_that_cannot_be_is_refused(name: str, words: str | None, seen_by: str | None, complaint: str):
    with pytest.raises(InputError, match=complaint):
        choose_practice(name, words=words, seen_by=seen_by)


def test_a_practice_of_ones_own_takes_the_facet_of_its_signal():
    own = choose_practice("be-nice", words=" Be  nice. ", seen_by="gratitude")
    assert (own.words, own.facet) == ("Be nice.", "RG")
    assert choose_practice("on-time", words="Name a day.", seen_by=DATED).facet == "FT"


@given(count=sizes, seed=seeds)
def test_blocks_are_pairs_and_the_lot_takes_one_of_each(count: int, seed: int):
    rng = np.random.default_rng(seed)
    block = pair_accounts(rng.standard_normal(count), rng.standard_normal(count))
    counts = np.bincount(block)
    assert sorted(counts.tolist()) == [2] * (count // 2 - count % 2) + [3] * (count % 2)
    treated = draw_lot(block, rng)
    chosen = np.bincount(block, treated)
    assert (chosen[counts == 2] == 1).all()
    assert set(chosen[counts == 3].tolist()) <= {1.0, 2.0}
    anew = deal_anew(treated, block, rng, deals=20)
    assert all((np.bincount(block, one) == chosen).all() for one in anew)


def test_the_same_seed_draws_the_same_lot_and_another_another():
    block = np.repeat(np.arange(20), 2)
    drawn = [draw_lot(block, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_pairs_are_nearer_than_any_two_and_arms_balance():
    rng = np.random.default_rng(3)
    level, size = rng.standard_normal(80), rng.standard_normal(80)
    block = pair_accounts(level, size)
    apart = [np.ptp(level[block == one]) for one in range(40)]
    assert np.mean(apart) < 0.35 * np.mean(np.abs(level[:, None] - level))
    gaps = []
    for seed in range(300):
        treated = draw_lot(block, np.random.default_rng(seed))
        gaps.append([values[treated].mean() - values[~treated].mean() for values in (level, size)])
    # Halves drawn without pairs would differ by a standard deviation of 2 / sqrt(80) = .22.
    assert np.std(gaps, axis=0).max() < 0.1
    assert np.abs(np.mean(gaps, axis=0)).max() < 0.02


def test_every_lot_is_drawn_equally_often():
    block = np.array([0, 0, 0, 1, 1])
    first = np.array([True, False, False, True, False])
    anew = deal_anew(first, block, np.random.default_rng(1), deals=12_000)
    lots, counts = np.unique(anew, axis=0, return_counts=True)
    assert len(lots) == 6
    assert np.abs(counts - 2000).max() < 5 * math.sqrt(2000)


def test_too_few_accounts_are_refused():
    with pytest.raises(InputError, match="too few"):
        pair_accounts(np.zeros(11), np.zeros(11))


def lay_out(seed: int, pairs: int = 6, effect: float = 0.7) -> tuple[Accounts, np.ndarray]:
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(pairs), 2)
    start = rng.standard_normal((2 * pairs, 2))
    treated = draw_lot(block, rng)
    outcome = start[:, 0] + effect * treated + rng.standard_normal(2 * pairs)
    return Accounts(outcome=outcome, weight=rng.uniform(0.2, 1.0, 2 * pairs), start=start, block=block), treated


def fit_by_hand(accounts: Accounts, outcome: np.ndarray, treated: np.ndarray) -> float:
    """Weighted least squares by the normal equations."""
    design = np.column_stack([treated.astype(float), np.ones(len(outcome)), accounts.start])
    weight = accounts.weight[:, None]
    return float(np.linalg.solve(design.T @ (weight * design), design.T @ (accounts.weight * outcome))[0])


def every_lot(pairs: int) -> list[np.ndarray]:
    return [
        np.array([chosen == place for chosen in lot for place in (0, 1)])
        for lot in itertools.product((0, 1), repeat=pairs)
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_difference_and_its_p_are_those_of_every_lot_there_is(seed: int):
    """By another road: all 64 lots of six pairs, each fitted by hand."""
    accounts, treated = lay_out(seed)
    found = measure_effect(accounts, treated, np.random.default_rng(1), deals=20_000)
    value = fit_by_hand(accounts, accounts.outcome, treated)
    assert found.value == pytest.approx(value, abs=1e-9)
    all_lots = np.array([fit_by_hand(accounts, accounts.outcome, lot) for lot in every_lot(6)])
    assert found.p == pytest.approx((np.abs(all_lots) >= abs(value) - 1e-9).mean(), abs=0.012)
    assert found.error == pytest.approx(all_lots.std() * math.sqrt(11 / 9), rel=0.02)


@pytest.mark.parametrize("seed", [1, 4])
def test_the_interval_holds_the_effects_that_the_test_leaves(seed: int):
    """By another road: each end taken off by hand, and what lies inside and outside of it."""
    accounts, treated = lay_out(seed, pairs=8)
    found = measure_effect(accounts, treated, np.random.default_rng(1), deals=20_000)
    lots = every_lot(8)

    def p_of(effect: float) -> float:
        left = accounts.outcome - effect * treated
        shown = abs(fit_by_hand(accounts, left, treated))
        return float(np.mean([abs(fit_by_hand(accounts, left, lot)) >= shown - 1e-9 for lot in lots]))

    width = found.high - found.low
    assert found.low < found.value < found.high
    for inside in (found.low + 0.06 * width, found.value, found.high - 0.06 * width):
        assert p_of(inside) > 0.05
    for outside in (found.low - 0.06 * width, found.high + 0.06 * width):
        assert p_of(outside) < 0.055


def test_moving_all_outcomes_of_an_arm_moves_value_and_interval_with_it():
    accounts, treated = lay_out(5)
    moved = Accounts(
        outcome=accounts.outcome + 3.0 * treated, weight=accounts.weight, start=accounts.start, block=accounts.block
    )
    one, other = (measure_effect(some, treated, np.random.default_rng(1), deals=499) for some in (accounts, moved))
    assert_allclose([other.value, other.low, other.high], np.array([one.value, one.low, one.high]) + 3.0, atol=1e-9)


def test_an_account_without_an_outcome_counts_for_nothing():
    accounts, treated = lay_out(6)
    weight = accounts.weight.copy()
    weight[3] = 0.0
    outcomes = []
    for anything in (0.0, 1e9):
        outcome = accounts.outcome.copy()
        outcome[3] = anything
        some = Accounts(outcome=outcome, weight=weight, start=accounts.start, block=accounts.block)
        outcomes.append(measure_effect(some, treated, np.random.default_rng(1), deals=199))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].accounts == 11


def test_without_anybody_to_compare_nothing_is_said():
    accounts, treated = lay_out(7)
    none = Accounts(
        outcome=accounts.outcome, weight=np.where(treated, 1.0, 0.0), start=accounts.start, block=accounts.block
    )
    found = measure_effect(none, treated, np.random.default_rng(1), deals=99)
    assert math.isnan(found.value)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_power_is_what_many_draws_show():
    """By another road: a million normal differences, with their errors from chi-square."""
    error, accounts = 0.3, 24
    least = find_least(error, accounts=accounts, basis="")
    assert find_chance(least.least, error, accounts=accounts) == pytest.approx(0.8, abs=0.01)
    rng = np.random.default_rng(1)
    free = accounts // 2 - 1
    drawn = (least.least + error * rng.standard_normal(400_000)) / (
        error * np.sqrt(rng.chisquare(free, 400_000) / free)
    )
    edge = 2.200985  # Student's t, 11 degrees of freedom, two-sided .05
    assert (np.abs(drawn) > edge).mean() == pytest.approx(find_chance(least.least, error, accounts=accounts), abs=0.004)
    assert find_chance(0.0, error, accounts=accounts) == pytest.approx(0.05, abs=1e-6)
    assert error_of_share(0.5, 100) == pytest.approx(0.1)


def test_the_alarm_of_looking_often_is_what_many_looks_show():
    """By another road: looks at a sum of normals at even distances; Armitage, McPherson & Rowe 1969."""
    rng = np.random.default_rng(2)
    for looks, share in PEEKING[:6]:
        paths = rng.standard_normal((60_000, looks)).cumsum(axis=1) / np.sqrt(np.arange(1, looks + 1))
        assert (np.abs(paths) > norm.ppf(0.975)).any(axis=1).mean() == pytest.approx(share, abs=0.004)
    assert say_alarm(4) == "13 %"


def test_a_link_within_stretches_is_what_dummies_find():
    """By another road: least squares with a column for every stretch."""
    rng = np.random.default_rng(1)
    home = np.repeat(np.arange(15), 12)
    stretch = home * 2 + np.tile(np.arange(12), 15) // 6
    level = rng.standard_normal(30)[stretch]
    x, other = level + rng.standard_normal(180), rng.standard_normal(180)
    y = 2 * level + 0.4 * x + 0.3 * other + rng.standard_normal(180)
    found = link_within(x, y, other[:, None], stretch=stretch, home=home)
    dummies = (stretch[:, None] == np.arange(30)).astype(float)
    fitted = np.linalg.lstsq(np.column_stack([x, other, dummies]), y, rcond=None)[0]
    rest = x - np.column_stack([other, dummies]) @ np.linalg.lstsq(np.column_stack([other, dummies]), x, rcond=None)[0]
    assert found.slope / rest.std() == pytest.approx(fitted[0], abs=1e-9)
    low, high = found.interval()
    assert low < 0.4 * rest.std() < high
    assert found.enough


def test_too_little_to_link_is_said():
    found = link_within(
        np.zeros(4), np.zeros(4), np.zeros((4, 1)), stretch=np.array([0, 0, 1, 1]), home=np.zeros(4, int)
    )
    assert math.isnan(found.slope)
    assert not found.enough
    assert judge_link(0.1, 0.3, 0.01, enough=False, placebo=0.0, placebo_p=0.5) == "not enough to say"
    assert judge_link(0.1, 0.3, 0.01, enough=True, placebo=0.0, placebo_p=0.5) == "goes with"
    assert judge_link(-0.3, -0.1, 0.01, enough=True, placebo=0.0, placebo_p=0.5) == "goes against"
    assert judge_link(0.1, 0.3, 0.01, enough=True, placebo=0.2, placebo_p=0.01) == "doubtful"
    assert judge_link(0.1, 0.3, 0.01, enough=True, placebo=-0.2, placebo_p=0.01) == "goes with"
    assert judge_link(0.1, 0.3, 0.2, enough=True, placebo=0.0, placebo_p=0.5) == "nothing found"


def test_what_is_read_early_has_no_verdict():
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    trial = Trial(
        trial_id="a", practice="x", words="Do x.", facet=None, seen_by=None, circle="customer", outcome="won",
        stated_at=start, started_at=start, until=start + dt.timedelta(days=91), seed=1, power=None, analysis="",
        by="me", stopped_at=None, note=None,
        members=(Member(relationship=None, arm="usual", block=0, level=0.0, size=1),),
    )  # fmt: skip
    accounts, treated = lay_out(1, pairs=12, effect=5.0)
    effect = measure_effect(accounts, treated, np.random.default_rng(1), deals=499)
    shared: dict[str, Any] = {
        "trial": trial, "effect": effect, "beside": None, "drawn": {"practice": 6, "usual": 6},
        "told": {"practice": 6, "usual": 6}, "levels": {"practice": 0.5, "usual": 0.1}, "doing": (), "crossed": None,
        "read_at": start, "notes": (),
    }  # fmt: skip
    early, late = Reading(**shared, is_early=True, looks=5), Reading(**shared, is_early=False, looks=5)
    assert (early.verdict, late.verdict) == ("too early", "more")
    assert "14 % of trials" in early.say()
    assert "points" in late.say()
    assert [row["name"] for row in trial.list_rows() if row["part"] == "account"] == ["(erased)"]


def reading(home: str, facet: str, lo: float, hi: float, **more: float) -> dict[str, Any]:
    return {
        "relationship": home, "facet": facet, "at": SINCE + dt.timedelta(days=1), "signal": "turn", "lo": lo, "hi": hi,
        "v": 2.0, "slope": 1.5, "alpha": 0.0, "beta": 1.0, "slow_only": False, **more,
    }  # fmt: skip


def held_of(rows: list[dict[str, Any]], homes: list[str | None], model: Model = DEFAULT_MODEL) -> Measured:
    table = pa.Table.from_pylist(rows, schema=READINGS)
    return measure_held(homes, table, since=SINCE, until=SINCE + dt.timedelta(days=2), model=model, segments={})


SINCE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
UNIT = math.sqrt((1 + 3 * 0.5) / 4)  # of HELD as a whole, in standard deviations of a facet


def test_exact_readings_give_their_mean_by_what_they_tell():
    """By another road: level = reading / slope, each by slope^2 / (slope^2 + v)."""
    rows = [reading("a", "HC", 3.0, 3.0), reading("a", "HI", -1.0, -1.0, v=1.0, slope=1.0)]
    found = held_of(rows, ["a", "b", None])
    tells = np.array([1.5**2 / (1.5**2 + 2.0), 1.0 / 2.0])
    assert found.outcome[0] == pytest.approx(tells @ [3.0 / 1.5, -1.0] / tells.sum() / UNIT)
    assert found.weight[0] == pytest.approx(tells.sum() / (tells.sum() + 1 / UNIT**2))
    assert found.weight[1:].tolist() == [0.0, 0.0]


@given(cut=st.floats(-2.5, 2.5), miss=st.floats(0.0, 0.3), mean=st.floats(-1, 1))
@settings(max_examples=20)
def test_a_reading_on_one_side_of_a_cut_is_unbiased_near_what_is_typical(cut: float, miss: float, mean: float):
    """By another road: a step of the level moves the mean outcome by as much, the chances worked out by hand."""
    model = Model(means=dict.fromkeys(HELD, mean))
    sides = [
        reading("a", "HC", cut if side else -math.inf, math.inf if side else cut, alpha=miss, beta=1 - 2 * miss)
        for side in (False, True)
    ]
    low, high = (float(held_of([one], ["a"], model).outcome[0]) for one in sides)
    wide = math.sqrt(1.5**2 + 2.0)

    def expect(level: float) -> float:
        up = miss + (1 - 2 * miss) * float(norm.sf((cut - 1.5 * level) / wide))
        return up * high + (1 - up) * low

    assert expect(mean) == pytest.approx(mean / UNIT, abs=1e-6)
    step = 1e-4
    assert (expect(mean + step) - expect(mean - step)) / (2 * step) == pytest.approx(1 / UNIT, rel=1e-4)
    assert high > low


def test_only_what_came_after_the_start_and_of_trust_held_counts():
    rows = [
        reading("a", "HC", 3.0, 3.0),
        reading("a", "RS", 9.0, 9.0),
        reading("a", "HC", 9.0, 9.0) | {"at": SINCE},
        reading("a", "HC", 9.0, 9.0) | {"at": SINCE + dt.timedelta(days=3)},
    ]
    assert held_of(rows, ["a"]).outcome.tolist() == held_of(rows[:1], ["a"]).outcome.tolist()
