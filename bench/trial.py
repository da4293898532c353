"""Trials in made-up worlds whose truth is known: python bench/trial.py [RUNS]

Each world holds RUNS trials side by side, with accounts of their own: the filter runs once over all of them, and each
trial is drawn, read and tested as a book's is.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.trial.blocks import draw_lot, pair_accounts
from troth.trial.effect import Accounts, Effect, measure_effect
from troth.trial.power import find_chance
from troth.trial.worlds import START, TrialRules, TrialWorld, make_trial_world
from troth.trialoutcomes import measure_held, score_held
from troth.trust import DEFAULT_MODEL

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
    rules: TrialRules, *, each: int, effect: float = 0.0, share: float = 1.0, seed: int = 0, is_history: bool = False
) -> Ran:
    """Trials of `each` accounts, as many as there are accounts for.

    `is_history` reads the time before instead, in which there was no practice.
    """
    rng = np.random.default_rng(seed)
    world = make_trial_world(rng, rules)
    start = START - SPAN if is_history else START
    known = know_start(world, start)
    parts = [slice(first, first + each) for first in range(0, rules.accounts, each)]
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


def main(runs: int) -> None:
    print(
        "accounts, readings, truth | mean | found | 95 % holds it | said beforehand | as the book shows it: mean, found"
    )
    cases = (
        (24, {}, 0.0, 1.0), (24, {"cut": -0.8}, 0.0, 1.0), (60, {}, 0.0, 1.0), (12, {}, 0.0, 1.0),
        (24, {"typical": 0.7}, 0.0, 0.3), (24, {}, 0.5, 1.0), (24, {"cut": -0.8}, 0.5, 1.0), (60, {}, 0.5, 1.0),
        (60, {"cut": -0.8}, 0.5, 1.0), (25, {}, 0.8, 1.0), (12, {}, 0.8, 1.0),
    )  # fmt: skip
    for each, more, effect, share in cases:
        rules = TrialRules(accounts=runs * each, **more)
        ran = run_trials(rules, each=each, effect=effect, share=share, seed=each)
        said = math.nan
        if effect:
            past = run_trials(rules, each=each, seed=each, is_history=True)
            said = float(np.mean([find_chance(ran.truth, one.error, accounts=each) for one in past.effects]))
        print(
            f"{each}, {more}, write {share:.0%}, {ran.truth:.2f} | {ran.mean():.3f} | {ran.share_found():.3f} | "
            f"{ran.covered():.3f} | {said:.3f} | {np.mean([one.value for one in ran.shown]):.3f}, "
            f"{np.mean([one.p <= 0.05 for one in ran.shown]):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
