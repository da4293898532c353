"""Frozen scores, against the filter run on the earlier readings alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from numpy.testing import assert_allclose

from troth.lenses import find_score
from troth.schema import READINGS, TRUST, empty
from troth.trust import Model, close_states, follow, score_pillar
from troth.trust.model import dynamics
from troth.worth.frozen import DAY_US, Fading, ScorePaths

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PILLAR = find_score("held")
MODEL = Model(means={"HC": 0.4})


def reading(home: str, day: float, facet: str, value: float) -> dict[str, Any]:
    return {
        "relationship": home, "facet": facet, "at": START + dt.timedelta(days=day), "signal": "asked", "lo": value,
        "hi": value, "v": 1.0, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False, "turn_id": None,
        "start": None, "end": None,
    }  # fmt: skip


def fading(model: Model) -> Fading:
    made = dynamics(model, "HELD")
    size = made.facets
    prior = made.prior[:size, :size] + made.prior[size:, size:]
    weights = np.array([PILLAR.weights.get(code, 0.0) for code in ("HC", "HR", "HI", "HS")])
    return Fading(
        slow_rate=made.slow_rate,
        fast_rate=made.fast_rate,
        means=model.means,
        spread=float(weights @ prior @ weights) ** 0.5,
    )


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    rng = np.random.default_rng(2)
    said = [
        reading(home, float(rng.integers(0, 300)), str(rng.choice(["HC", "HR", "HI", "HS"])), float(rng.normal()))
        for home in ("a", "b", "c")
        for _ in range(40)
    ]
    return pa.Table.from_pylist(said, schema=READINGS)


@pytest.mark.parametrize("lag", [0.0, 7.0, 28.0])
def test_frozen_is_what_the_filter_says_of_earlier_readings_carried_forward(rows: pa.Table, lag: float):
    paths = ScorePaths(follow(rows, MODEL), PILLAR, fading(MODEL))
    moments = [START + dt.timedelta(days=day, hours=1) for day in (0, 3, 50, 120, 299, 500)]
    asked = [(home, moment) for home in ("a", "b", "c", "nobody") for moment in moments]
    at = np.array([int((moment - START) / dt.timedelta(microseconds=1)) for _, moment in asked])
    at += int(START.timestamp()) * 1_000_000
    found = paths.freeze([home for home, _ in asked], at, days_before=lag)
    for (home, moment), value, known in zip(asked, found.value, found.known, strict=True):
        until = moment - dt.timedelta(days=lag)
        earlier = rows.filter(pc.less(rows["at"], pa.scalar(until, rows["at"].type)))
        standing = close_states(earlier, moment, MODEL).get(home, {}).get("HELD") if earlier.num_rows else None
        assert known == (standing is not None)
        wanted = (
            score_pillar(standing, PILLAR, MODEL).mean
            if standing is not None
            else 0.4 * PILLAR.weights["HC"] / fading(MODEL).spread
        )
        assert_allclose(value, wanted, atol=1e-9)


def test_what_came_later_changes_nothing(rows: pa.Table):
    moment = np.array([int(START.timestamp()) * 1_000_000 + 100 * DAY_US])
    later = reading("a", 95.0, "HC", 9.0)
    more = pa.concat_tables([rows, pa.Table.from_pylist([later], schema=READINGS)])
    before, after = (
        ScorePaths(follow(table, MODEL), PILLAR, fading(MODEL)).freeze(["a"], moment, days_before=7.0).value
        for table in (rows, more)
    )
    assert_allclose(before, after)
    seen = ScorePaths(follow(more, MODEL), PILLAR, fading(MODEL)).freeze(["a"], moment, days_before=0.0).value
    assert seen[0] > after[0] + 0.1


def test_nothing_known_of_anybody_is_typical():
    paths = ScorePaths(empty(TRUST), PILLAR, fading(Model()))
    found = paths.freeze(["a"], np.array([0]), days_before=0)
    assert (found.value.tolist(), found.known.tolist()) == ([0.0], [False])
