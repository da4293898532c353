"""Doubly robust contrasts, in made-up deals whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from troth.worth.robust import contrast_doubly


def made_up(seed: int, *, effect: float, accounts: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Large accounts trust more and win less; the third answer is the fact that says so."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(accounts), 4)
    size = rng.standard_normal(accounts)[account] + 0.3 * rng.standard_normal(len(account))
    above = rng.random(len(account)) < 1 / (1 + np.exp(-size))
    won = rng.random(len(account)) < 0.4 - 0.12 * np.tanh(size) + effect * above
    return above, won, size[:, None], account


@pytest.mark.simulated
def test_the_truth_is_held_though_who_trusts_is_not_who_is_drawn():
    for effect in (0.0, 0.15):
        found = [contrast_doubly(*made_up(seed, effect=effect), np.random.default_rng(seed)) for seed in range(30)]
        naive = [
            won[above].mean() - won[~above].mean() for above, won, *_ in (made_up(s, effect=effect) for s in range(30))
        ]
        assert np.mean([one.difference for one in found]) == pytest.approx(effect, abs=0.02)
        assert np.mean(naive) < effect - 0.05
        assert sum(one.low <= effect <= one.high for one in found) >= 25  # 95 % of 30 is 28.5; below 25 once in 300


def test_without_adjustment_it_is_the_difference_of_the_shares():
    above, won, size, account = made_up(1, effect=0.1)
    found = contrast_doubly(above, won, np.zeros_like(size), account, np.random.default_rng(0))
    assert found.difference == pytest.approx(won[above].mean() - won[~above].mean(), abs=0.01)
    assert (found.deals, found.above) == (len(won), above.sum())


def test_few_deals_are_not_enough():
    above, won, size, account = made_up(2, effect=0.1, accounts=6)
    assert not contrast_doubly(above, won, size, account, np.random.default_rng(0)).enough
    above, won, size, account = made_up(2, effect=0.1)
    assert not contrast_doubly(above, won & ~above, size, account, np.random.default_rng(0)).enough
