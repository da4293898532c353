"""In made-up firms whose truth is known: what looks at the end to explain it is fooled, and what troth does is not."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from troth.testing import DealRules, make_deal_world
from troth.worthing import gather_evidence, measure_worth
from troth.worthtold import Worth

RUNS = 16  # `python bench/worth.py --runs 200` is the proof; this sees to it that it stays true
pytestmark = [pytest.mark.simulated, pytest.mark.repository]  # the naive ways are the bench's


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
    try:
        return importlib.import_module("worth")
    finally:
        sys.path.pop(0)


def measure(seed: int, rules: DealRules) -> Worth:
    world = make_deal_world(np.random.default_rng(seed), rules)
    return measure_worth(
        gather_evidence(
            outcomes=world.outcomes, steps=world.steps, turns=world.turns, readings=world.readings, as_of=world.as_of
        ),
        draws=100,
    )


def test_who_looks_at_the_end_is_fooled_and_who_freezes_trust_is_not(bench: ModuleType) -> None:
    trials = [bench.try_world(seed, DealRules()) for seed in range(RUNS)]
    ratio = {name: math.exp(np.mean([one.logs[name] for one in trials])) for name in trials[0].logs}
    assert ratio["whole-deal average against won/lost"] > 1.15
    assert ratio["score on the closing day"] > 1.8
    assert ratio["count of warm turns over the deal"] < 0.6
    assert ratio["score at the end of the same week"] > 1.8
    assert ratio["frozen 0 days before"] > 1.6
    # 16 runs leave an error of about .03 around the .995 of 200 runs.
    assert 0.9 < ratio["frozen 28 days before"] < 1.1
    assert sum(one.covers for one in trials) >= RUNS - 4


@pytest.mark.parametrize("ratio", [1.35, 1.8])
def test_intervals_hold_an_effect_that_is_there(bench: ModuleType, ratio: float) -> None:
    """`python bench/worth.py --runs 400 --main` is the proof: 96.0 and 95.5 %."""
    rules = DealRules(effect=math.log(ratio))
    trials = [bench.try_world(seed, rules, naive=False) for seed in range(1, RUNS + 1)]
    logs = [one.logs["frozen 28 days before"] for one in trials]
    assert np.mean(logs) == pytest.approx(math.log(ratio), abs=0.08)  # 16 runs leave an error of .03
    assert sum(one.covers for one in trials) >= RUNS - 3


def test_an_effect_that_is_there_is_found() -> None:
    found = measure(3, DealRules(accounts=300, effect=0.6))
    won = found.ratio("won")
    assert won is not None
    assert won.low > 1.0
    assert won.low < math.exp(0.6) < won.high
    chances = {(one.end, one.trust, one.days): one for one in found.chances}
    for days in (30, 60, 90):
        low, typical, high = (chances["won", level, days].chance for level in ("low", "typical", "high"))
        assert low < typical < high
        # Averaged over the deals, the fit says what counting says.
        assert chances["won", "all", days].low - 0.05 < typical < chances["won", "all", days].high + 0.05
    times = {one.trust: one.mean for one in found.times}
    assert times["high"] < times["low"] < 180


def test_a_control_that_must_show_nothing_shows_nothing_and_the_close_moves_trust() -> None:
    found = measure(4, DealRules(effect=0.0))
    ratios = {(one.name, one.ratio.end): one.ratio for one in found.controls}
    assert found.is_sound
    assert ratios["trust 28 days later", "won"].low > 1.0
    assert not found.tells_money
    assert "No sum of money is told" in found.say_money()


def test_money_is_told_where_it_is_sure_and_in_plain_words(bench: ModuleType) -> None:
    found = measure(7, DealRules(accounts=300, effect=0.8, deals=4.0))
    assert found.money is not None
    assert found.tells_money
    assert (
        found.money.total.low80
        < bench.expect_money(make_deal_world(np.random.default_rng(7), DealRules(accounts=300, effect=0.8, deals=4.0)))
        < found.money.total.high80 * 1.5
    )
    told = found.say_money()
    assert "EUR" in told
    assert "goes with" in told
    assert "no promise" in told


def test_the_same_seed_makes_the_same_world() -> None:
    first, second = (make_deal_world(np.random.default_rng(6), DealRules(accounts=20)) for _ in range(2))
    assert first.outcomes.equals(second.outcomes)
    assert first.readings.equals(second.readings)
    assert first.is_warm.any()


def test_levels_vary_as_the_filter_holds_them_to_vary() -> None:
    world = make_deal_world(np.random.default_rng(7), DealRules(accounts=2000, weeks=30))
    assert float(world.level.var()) == pytest.approx(1.0, abs=0.06)
