"""What goes with trust, in made-up worlds whose truth is known."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest

from troth.errors import InputError
from troth.lenses import find_score
from troth.schema import TRUST
from troth.worth.frozen import DAY_US, Fading, ScorePaths
from troth.worth.hazards import hazards
from troth.worth.periods import WEEK_US, Deals
from troth.worth.ratios import (
    Ratio,
    e_value,
    e_value_of_interval,
    fit_worth,
    swap_accounts,
    tell_ratio,
    trace_curve,
)

FADING = Fading(slow_rate=0.0, fast_rate=0.0, means={}, spread=1.0)
PILLAR = find_score("HC")
SINCE = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def make_world(effect: float, *, accounts: int = 200, seed: int) -> tuple[Deals, list[str], ScorePaths]:
    """Two deals an account, trust that stays as it is, and odds of winning that rise with it by `effect` a unit."""
    rng = np.random.default_rng(seed)
    level = rng.standard_normal(accounts)
    rows = [
        {
            "relationship": f"a{number}", "facet": "HC", "at": SINCE, "mean": value, "var": 0.1, "slow": value,
            "fast": 0.0, "reliability": 0.9, "readings": 9,
        }
        for number, value in enumerate(level)
    ]  # fmt: skip
    start = int(SINCE.timestamp()) * 1_000_000
    account = np.repeat(np.arange(accounts), 2)
    opened = start + rng.integers(60, 400, len(account)) * DAY_US
    ended, end = np.zeros_like(opened), np.zeros_like(opened)
    for at, number in enumerate(account):
        chance = hazards(np.array([1.0, level[number]]), np.array([[-2.5, effect], [-2.8, 0.0]]))
        for week in range(40):
            how = int(rng.choice(3, p=chance))
            if how or week == 39:
                ended[at], end[at] = opened[at] + week * WEEK_US + int(rng.integers(0, WEEK_US)), how
                break
    deals = Deals(opened=opened, ended=ended, end=end, account=account, entered=opened)
    return deals, [f"a{number}" for number in account], ScorePaths(pa.Table.from_pylist(rows, TRUST), PILLAR, FADING)


@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_the_ratio_is_found_and_its_interval_covers(effect: float):
    ratios = [tell_ratio(fit_worth(*make_world(effect, seed=seed)), "won") for seed in range(12)]
    logs = [math.log(one.ratio) for one in ratios]
    assert np.mean(logs) == pytest.approx(effect, abs=0.1)
    assert sum(math.log(one.low) < effect < math.log(one.high) for one in ratios) >= 10
    assert all(one.enough for one in ratios)


def test_another_accounts_trust_goes_with_nothing():
    deals, names, paths = make_world(0.8, seed=1)
    swapped = swap_accounts(names, np.random.default_rng(0))
    assert all(own != other for own, other in zip(names, swapped, strict=True))
    assert tell_ratio(fit_worth(deals, names, paths), "won").low > 1.0
    control = tell_ratio(fit_worth(deals, swapped, paths), "won")
    assert control.low < 1.0 < control.high


def test_the_curve_has_every_lag_for_both_ends():
    curve = trace_curve(*make_world(0.5, accounts=30, seed=2), lags=(0.0, 28.0))
    assert [(one.end, one.lag) for one in curve] == [("won", 0.0), ("lost", 0.0), ("won", 28.0), ("lost", 28.0)]


def test_facts_that_explain_the_ends_take_the_ratio_away():
    deals, names, paths = make_world(0.8, seed=3)
    level = paths.freeze(names, deals.opened, days_before=0.0).value
    plain = tell_ratio(fit_worth(deals, names, paths), "won")
    other = make_world(0.0, seed=4)[2]  # trust of another world: nothing to do with these deals
    told = tell_ratio(fit_worth(deals, names, other, facts=lambda weeks, _: {"level": level[weeks.deal]}), "won")
    assert plain.ratio > 1.5
    assert told.low < 1.0 < told.high


def test_few_ends_or_accounts_are_not_enough_to_say():
    assert not tell_ratio(fit_worth(*make_world(0.5, accounts=5, seed=5)), "won").enough
    empty = make_world(0.5, accounts=5, seed=5)[0].take(np.zeros(10, dtype=np.bool_))
    with pytest.raises(InputError):
        fit_worth(empty, [], make_world(0.5, accounts=5, seed=5)[2])


def test_e_values_are_those_of_the_paper():
    # VanderWeele & Ding 2017: an observed risk ratio of 3.9 (1.8 to 8.7) has the E-values 7.26 and 3.0.
    found = Ratio(end="won", lag=28.0, ratio=3.9, low=1.8, high=8.7, ends=99, accounts=99, enough=True)
    assert e_value(found.ratio) == pytest.approx(7.26, abs=0.005)
    assert e_value_of_interval(found) == pytest.approx(3.0, abs=0.005)
    assert e_value(1 / 3.9) == pytest.approx(e_value(3.9))
    assert (
        e_value_of_interval(Ratio(end="won", lag=0.0, ratio=2.0, low=0.9, high=4.0, ends=9, accounts=9, enough=False))
        == 1.0
    )
