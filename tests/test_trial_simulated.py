"""In made-up worlds whose truth is known: how often a trial finds what is not there, what it covers, its power."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import binom

from troth.trial.blocks import draw_lot, pair_accounts
from troth.trial.effect import Accounts, Effect, measure_effect
from troth.trial.power import find_chance
from troth.trial.worlds import START, TrialRules, TrialWorld, make_trial_world
from troth.trialoutcomes import measure_held, score_held
from troth.trust import DEFAULT_MODEL

pytestmark = pytest.mark.simulated

RUNS = 400
EACH = 20  # accounts of a trial
DEALS = 199
UNIT = math.sqrt((1 + 3 * 0.5) / 4)  # of HELD as a whole, in standard deviations of a facet
SPAN = dt.timedelta(weeks=13)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """Every trial of a world, and the truth; `shown` is the same read by HELD as the book shows it."""

    effects: list[Effect]
    shown: list[Effect]
    truth: float

    def share_found(self) -> float:
        return float(np.mean([one.p <= 0.05 for one in self.effects]))

    def covered(self) -> float:
        return float(np.mean([one.low <= self.truth <= one.high for one in self.effects]))

    def mean(self) -> float:
        return float(np.mean([one.value for one in self.effects]))


def before(readings: pa.Table, at: dt.datetime) -> pa.Table:
    return readings.filter(pc.less_equal(readings["at"], pa.scalar(at, readings["at"].type)))


def know_start(world: TrialWorld, at: dt.datetime) -> np.ndarray:
    """Level and size of every account at a moment; shape (accounts, 2)."""
    held = score_held(before(world.read(), at), at, model=DEFAULT_MODEL, segments={})
    moment = int(at.timestamp() * 1_000_000)
    recent = (world.at <= moment) & (world.at > moment - 90 * 86_400_000_000)
    size = np.bincount(world.account[recent], minlength=len(world.homes))
    return np.column_stack([[held.get(home, 0.0) for home in world.homes], np.log1p(size)])


def run_trials(
    rules: TrialRules, *, effect: float = 0.0, share: float = 1.0, seed: int = 0, is_history: bool = False
) -> Ran:
    """RUNS trials side by side, each with accounts of its own; the filter runs once over all of them.

    `is_history` reads the time before instead, in which there was no practice.
    """
    rng = np.random.default_rng(seed)
    world = make_trial_world(rng, rules)
    start = START - SPAN if is_history else START
    known = know_start(world, start)
    parts = [slice(run * EACH, (run + 1) * EACH) for run in range(RUNS)]
    blocks = [pair_accounts(known[part, 0], known[part, 1]) for part in parts]
    treated = np.concatenate([draw_lot(block, rng) for block in blocks])
    readings = world.read() if is_history else world.read(treated, effect=effect, share=share)
    until = start + SPAN
    held = measure_held(world.homes, readings, since=start, until=until, model=DEFAULT_MODEL, segments={})
    now = score_held(before(readings, until), until, model=DEFAULT_MODEL, segments={})
    shown = np.array([now.get(home, 0.0) for home in world.homes])
    found: list[list[Effect]] = [[], []]
    for part, block in zip(parts, blocks, strict=True):
        for which, outcome, weight in ((0, held.outcome, held.weight), (1, shown, np.ones(len(shown)))):
            accounts = Accounts(outcome=outcome[part], weight=weight[part], start=known[part], block=block)
            found[which].append(measure_effect(accounts, treated[part], rng, deals=DEALS))
    return Ran(effects=found[0], shown=found[1], truth=effect / UNIT)


def bounds(share: float) -> tuple[float, float]:
    """Within which a share lies in 999 of 1,000 such tests, where it is right."""
    return float(binom.ppf(0.0005, RUNS, share)) / RUNS, float(binom.ppf(0.9995, RUNS, share)) / RUNS


def test_a_practice_without_effect_is_found_in_one_of_twenty():
    """Each reading says no more than yes or no, as most that customers write does."""
    ran = run_trials(TrialRules(accounts=RUNS * EACH, before=26, cut=-0.8), seed=1)
    low, high = bounds(0.05)
    assert low <= ran.share_found() <= high
    assert np.mean([one.p <= 0.05 for one in ran.shown]) <= high
    assert bounds(0.95)[0] <= ran.covered()
    assert abs(ran.mean()) < 4 * np.std([one.value for one in ran.effects]) / math.sqrt(RUNS)


def test_an_effect_is_told_in_its_size_and_found_as_often_as_was_said_beforehand():
    """The power is reckoned as a book does: from lots among the same accounts in the time before."""
    rules = TrialRules(accounts=RUNS * EACH, before=30)
    past, ran = run_trials(rules, seed=2, is_history=True), run_trials(rules, effect=0.7, seed=2)
    error = float(np.std([one.value for one in ran.effects])) / math.sqrt(RUNS)
    assert ran.mean() == pytest.approx(ran.truth, abs=4 * error)
    low, high = bounds(0.95)
    assert low <= ran.covered() <= high
    said = np.mean([find_chance(ran.truth, one.error, accounts=EACH) for one in past.effects])
    assert ran.share_found() == pytest.approx(said, abs=0.07)  # .025 is the error of a share of 400
    # HELD as the book shows it is drawn towards what is typical: about half of the effect is left, and told beside.
    assert np.mean([one.value for one in ran.shown]) < 0.7 * ran.truth


def test_who_is_only_made_to_write_more_is_not_taken_to_trust_more():
    """The level that the filter holds to be typical is set wrong, and the others write a third: nothing is moved."""
    ran = run_trials(TrialRules(accounts=RUNS * EACH, before=20, typical=0.7), share=0.3, seed=3)
    error = float(np.std([one.value for one in ran.effects])) / math.sqrt(RUNS)
    assert abs(ran.mean()) < 4 * error
    assert np.mean([one.value for one in ran.shown]) > 0.05  # as the book shows it, it seems so


def test_the_same_seed_makes_the_same_world():
    rules = TrialRules(accounts=5, before=20)
    one, same, other = (make_trial_world(np.random.default_rng(seed), rules).read() for seed in (4, 4, 5))
    assert one.equals(same)
    assert not one.equals(other)
