"""Readings as they should not be: out of order, at one moment, in the far future, one alone, a million of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from scipy.signal import lfilter

from troth.errors import InputError
from troth.schema import READINGS
from troth.trust import Model, close_states, follow, follow_states, ledger, log_likelihood, smooth

START = datetime(2020, 1, 1, tzinfo=UTC)


def reading(hours: float = 0.0, lo: float = 0.5, **more: object) -> dict[str, Any]:
    row = {"relationship": "acme", "facet": "RS", "at": START + timedelta(hours=hours), "signal": "turn", "lo": lo}
    return row | {"hi": lo, "v": 1.0, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False} | more


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=READINGS)


def test_one_reading_alone_is_the_textbook_update():
    """Prior variance 1, noise v: mean y / (1 + v), variance v / (1 + v)."""
    block = follow_states(table(reading(lo=1.2, v=3.0)))["acme"].blocks["SHOWN"]
    assert block.mean[0] + block.mean[10] == pytest.approx(1.2 / 4)
    cov = block.cov
    assert cov[0, 0] + 2 * cov[0, 10] + cov[10, 10] == pytest.approx(3 / 4)


def test_a_million_readings_of_one_relationship_reach_the_steady_state():
    """A single level read every minute: the discrete Riccati equation gives the gain, a linear recursion the level."""
    n, v = 1_000_000, 2.0
    rng, model = np.random.default_rng(1), Model(halo=0.0, fast_share=0.0, slow_half_life_days=30.0)
    y = 0.7 + rng.standard_normal(n)
    at = np.datetime64("2020-01-01", "us") + (np.arange(n) * 60).astype("timedelta64[s]")
    same = {"facet": ["RS"] * n, "signal": ["turn"] * n, "v": np.full(n, v), "slope": np.ones(n)}
    same |= {"alpha": np.zeros(n), "beta": np.ones(n), "slow_only": np.zeros(n, bool), "relationship": ["acme"] * n}
    block = follow_states(pa.table({"at": at, "lo": y, "hi": y, **same}), model)["acme"].blocks["SHOWN"]
    g = 0.5 ** (1 / 1440 / 30)
    b = v * (1 - g**2) - (1 - g**2)  # P = g^2 P v / (P + v) + 1 - g^2, for the variance before each reading
    ahead = (-b + np.sqrt(b**2 + 4 * v * (1 - g**2))) / 2
    gain = ahead / (ahead + v)
    level = lfilter([gain], [1.0, -g * (1 - gain)], y)[-1]
    assert block.readings[0] == n
    assert block.mean[0] == pytest.approx(level, abs=1e-9)
    assert block.cov[0, 0] == pytest.approx(ahead * (1 - gain), rel=1e-9)


def test_a_thousand_readings_at_one_moment_are_one_reading_of_their_mean():
    rng = np.random.default_rng(3)
    y = rng.standard_normal(1000)
    many = close_states(table(*(reading(lo=float(one)) for one in y)), START)["acme"]["SHOWN"]
    one = close_states(table(reading(lo=float(y.mean()), v=0.001)), START)["acme"]["SHOWN"]
    assert_allclose(many.mean, one.mean, atol=1e-9)
    assert_allclose(many.cov, one.cov, atol=1e-9)


def test_out_of_order_is_put_in_order_and_counts_once():
    rows = [reading(hours, lo=hours / 100) for hours in (0, 30, 300)]
    forward, backward = follow(table(*rows)), follow(table(*reversed(rows)))
    assert forward.equals(backward)
    assert forward["readings"].to_pylist()[::10] == [1, 2, 3]


def test_the_last_moment_there_is_is_followed_and_the_year_after_refused():
    last = reading(at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), lo=1.0)
    for rows in (table(last), table(reading(), last)):
        standing = close_states(rows, last["at"])["acme"]["SHOWN"]
        assert standing.mean[0] == pytest.approx(0.5)  # whatever was read 8,000 years earlier is forgotten
        assert sum(ledger(rows, "RS", last["at"])["contribution"].to_pylist()) == pytest.approx(0.5)
        assert np.isfinite(log_likelihood(rows))
        assert np.isfinite(smooth(rows)["var"].to_numpy()).all()
    year_10000 = pa.array([253_402_300_800_000_000], pa.int64()).cast(READINGS.field("at").type)
    with pytest.raises(InputError, match=r"reading 0 .* years 1 to 9999"):
        log_likelihood(table(reading()).set_column(2, READINGS.field("at"), year_10000))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["lo", "hi", "v", "slope", "alpha", "beta"])
def test_no_infinite_or_missing_number_gets_through(column: str, value: float):
    """lo may be minus infinity and hi infinity, and only they; then something is still said."""
    wrong: dict[str, Any] = {"relationship": "bolt", "lo": 0.2, "hi": 0.9, column: value}
    rows = table(reading(), reading(**wrong))
    if (column, value) in {("lo", -np.inf), ("hi", np.inf)}:
        assert np.isfinite(follow(rows)["mean"].to_numpy()).all()
        return
    for step in (follow, smooth, log_likelihood):
        with pytest.raises(InputError, match=r"reading 1 \(relationship 'bolt'"):
            step(rows)
