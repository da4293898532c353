"""Scores, states and what the trust room does with input that cannot be right."""

from __future__ import annotations

import pickle
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import ndtr

from troth.errors import BadColumn, InputError, MissingColumns, SettingsError
from troth.lenses import CHECKPOINTS, LENSES, Pillar
from troth.schema import READINGS
from troth.trust import (
    DEFAULT_MODEL,
    Model,
    Standing,
    State,
    close_states,
    find_wobble,
    follow,
    follow_states,
    ledger,
    score_lens,
    score_pillar,
    smooth,
    stand,
    trust_equation,
)
from troth.trust.model import GAUGES

START = datetime(2025, 6, 2, 8, tzinfo=UTC)


def reading(**more: object) -> dict:
    row = {"relationship": "acme", "facet": "RS", "at": START, "signal": "turn", "lo": 0.5, "hi": 0.5, "v": 1.0}
    return row | {"slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False} | more


def table(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=READINGS)


def standing(mean: list[float], sd: float = 0.5, gauge: str = "SHOWN") -> Standing:
    size = len(GAUGES[gauge])
    return Standing(
        gauge=gauge,
        at_us=0,
        facets=GAUGES[gauge],
        mean=np.array(mean),
        cov=np.eye(size) * sd**2,
        prior_cov=DEFAULT_MODEL.correlation(gauge),
        readings=np.ones(size, dtype=np.int64),
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"facet": "XX"}, "'XX' is no facet"),
        ({"v": 0.0}, "v must be"),
        ({"v": -1.0}, "v must be"),
        ({"v": np.nan}, "v must be"),
        ({"v": np.inf}, "v must be"),
        ({"v": 1e-12}, "v must be at least"),
        ({"lo": np.nan}, "lo and hi must be"),
        ({"hi": np.nan}, "lo and hi must be"),
        ({"lo": 1.0, "hi": 0.0}, "lo at most hi"),
        ({"lo": np.inf, "hi": np.inf}, "one infinite value"),
        ({"lo": -1e300}, "million"),
        ({"lo": 0.5, "hi": np.nextafter(0.5, 1)}, "1e-9 wide"),
        ({"slope": 0.0}, "slope"),
        ({"slope": np.nan}, "slope"),
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"alpha": 0.5, "beta": 0.6}, "alpha \\+ beta"),
        ({"beta": 0.0}, "beta"),
    ],
)
def test_a_row_that_cannot_be_a_reading_is_named(wrong, says):
    rows = table(reading(), reading(relationship="bolt", **wrong), reading())
    for step in (follow, follow_states, smooth):
        with pytest.raises(InputError, match=f"reading 1 \\(relationship 'bolt'.*{says}"):
            step(rows)


def test_missing_columns_and_times_are_refused():
    with pytest.raises(MissingColumns, match="slope"):
        follow(table(reading()).drop_columns("slope"))
    with pytest.raises(BadColumn, match="at"):
        follow(table(reading()).set_column(2, "at", pa.nulls(1, READINGS.field("at").type)))
    for step in (close_states, lambda rows, at: ledger(rows, "RS", at)):
        with pytest.raises(BadColumn, match="time zone"):
            step(table(reading()), START.replace(tzinfo=None))


def test_times_from_year_1_to_9999_are_followed_and_beyond_them_refused():
    far = [
        reading(at=datetime(1, 1, 1, tzinfo=UTC)),
        reading(at=datetime(9999, 12, 31, 23, tzinfo=UTC), lo=1.0, hi=1.0),
    ]
    trust = follow(table(*far))
    assert trust.column("mean")[10].as_py() == pytest.approx(0.5)  # 10,000 years later the first reading is forgotten
    late = pa.array([2**62], pa.int64()).cast(READINGS.field("at").type)
    with pytest.raises(InputError, match=r"reading 0 .* years 1 to 9999"):
        follow(table(reading()).set_column(2, "at", late))


def test_no_readings_give_an_empty_table():
    assert follow(table()).num_rows == smooth(table()).num_rows == 0
    assert follow_states(table()) == close_states(table(), START) == {}


def test_a_late_reading_is_refused_rather_than_taken_out_of_order():
    state = follow_states(table(reading(at=START)))
    with pytest.raises(InputError, match=r"reading 1 .*'acme'.* older"):
        follow(table(reading(relationship="bolt"), reading(at=START - timedelta(seconds=1))), state=state)
    again = follow_states(table(reading(at=START)), state=state)  # the same time is fine
    assert again["acme"].blocks["SHOWN"].readings[0] == 2


def test_a_state_can_only_be_carried_forward():
    with pytest.raises(InputError, match="after that time"):
        stand(follow_states(table(reading())), START - timedelta(days=1))


def test_readings_after_the_close_do_not_count():
    rows = table(reading(), reading(at=START + timedelta(days=3), lo=-2.0, hi=-2.0))
    early = close_states(rows, START + timedelta(days=1))["acme"]["SHOWN"]
    assert early.readings[0] == 1
    assert_allclose(early.mean, close_states(rows.slice(0, 1), START + timedelta(days=1))["acme"]["SHOWN"].mean)
    assert len(ledger(rows, "RS", START + timedelta(days=1))) == 2


def test_a_ledger_of_two_relationships_is_refused():
    with pytest.raises(InputError, match="one relationship"):
        ledger(table(reading(), reading(relationship="bolt")), "RS", START)
    with pytest.raises(SettingsError, match="XX"):
        ledger(table(reading()), "XX", START)


@pytest.mark.parametrize(
    "wrong",
    [
        {"halo": 1.0},
        {"halo": -0.5},
        {"slow_half_life_days": 0.0},
        {"fast_half_life_days": np.inf},
        {"fast_share": 1.5},
        {"band": 1.0},
        {"draws": 1},
        {"means": {"XX": 0.0}},
        {"means": {"RS": np.nan}},
        {"correlations": {"HELD": ((1.0, 0.2), (0.2, 1.0))}},
        {"correlations": {"BOTH": ()}},
    ],
)
def test_a_model_that_cannot_be_is_refused(wrong):
    with pytest.raises(SettingsError):
        Model(**wrong)


@given(data=st.data())
def test_packed_states_come_back(data):
    facets = [code for gauge in GAUGES.values() for code in gauge]
    rows = [
        reading(facet=data.draw(st.sampled_from(facets)), at=START + timedelta(days=i), lo=y, hi=y)
        for i, y in enumerate(data.draw(st.lists(st.floats(-3, 3), min_size=1, max_size=12)))
    ]
    state = follow_states(table(*rows))["acme"]
    assert len(state.pack()) < 1024
    exact, short = State.unpack(state.pack(exact=True)), State.unpack(state.pack())
    assert exact.pack(exact=True) == state.pack(exact=True)
    assert pickle.loads(pickle.dumps(state)).pack(exact=True) == state.pack(exact=True)
    assert short.blocks.keys() == state.blocks.keys()
    for gauge, block in state.blocks.items():
        assert short.blocks[gauge].at_us == block.at_us
        assert_allclose(short.blocks[gauge].mean, block.mean, atol=1e-6)
        assert_allclose(short.blocks[gauge].cov, block.cov, atol=1e-6)
        assert short.blocks[gauge].readings.tolist() == block.readings.tolist()


@given(junk=st.binary(max_size=40), cut=st.integers(0, 400))
def test_bytes_that_are_no_state_are_refused(junk, cut):
    good = follow_states(table(reading(facet="HC")))["acme"].pack()
    for packed in (junk, good[:-1][:cut], good + b"x", good[:3] + b"\xff" * (len(good) - 3)):
        with pytest.raises(InputError):
            State.unpack(packed)


def test_a_pillar_of_one_facet_is_that_facet():
    score = score_pillar(standing([1.0, *[0.0] * 9]), LENSES["triangle"].pillars[0], DEFAULT_MODEL)
    assert (score.mean, score.var, score.reliability) == pytest.approx((1.0, 0.25, 0.75))
    assert score.percentile == pytest.approx(84.134, abs=1e-3)
    assert (score.low, score.high) == pytest.approx(tuple(100 * ndtr([1 - 0.6408, 1 + 0.6408])), abs=1e-2)
    assert not score.withheld


def test_a_number_is_withheld_when_reliability_is_below_one_half():
    assert score_pillar(standing([0.0] * 10, sd=0.72), CHECKPOINTS[0], DEFAULT_MODEL).withheld
    assert not score_pillar(standing([0.0] * 10, sd=0.70), CHECKPOINTS[0], DEFAULT_MODEL).withheld


def test_a_composite_without_evidence_is_the_reference_population():
    """The prior variance of every pillar is 1, whatever it is made of: percentile 50, and no number shown."""
    bare = standing([0.0] * 10)
    prior = Standing(**{name: getattr(bare, name) for name in bare.__slots__} | {"cov": bare.prior_cov})
    for lens in ("triangle", "abi", "experience", "equation"):
        for score in score_lens(prior, LENSES[lens], DEFAULT_MODEL).values():
            assert (score.percentile, score.var, score.reliability) == pytest.approx((50.0, 1.0, 0.0))
            assert (score.low, score.high) == pytest.approx((10.0, 90.0))
            assert score.withheld


def test_the_trust_equation_of_known_levels_is_its_formula():
    levels = dict(zip(GAUGES["HELD"], [0.3, -0.4, 1.1, 0.8], strict=True))
    got = trust_equation(
        standing(list(levels.values()), 1e-9, "HELD"), LENSES["equation_held"], DEFAULT_MODEL, np.random.default_rng(1)
    )
    q = {code: 1 + 4 * ndtr(level) for code, level in levels.items()}
    wanted = (q["HC"] + q["HR"] + q["HI"]) / (6 - q["HS"])
    assert (got.low, got.median, got.high) == pytest.approx((wanted,) * 3)


def test_the_band_of_the_trust_equation_agrees_with_a_fine_sample():
    wide, lens = standing([0.2] * 10, 0.6), LENSES["equation"]
    few = trust_equation(wide, lens, DEFAULT_MODEL, np.random.default_rng(1))
    many = trust_equation(wide, lens, Model(draws=200_000), np.random.default_rng(2))
    assert (few.low, few.median, few.high) == pytest.approx((many.low, many.median, many.high), rel=0.04)
    assert many.high - many.median > many.median - many.low  # skewed to the right


def test_the_wobble_is_named_only_when_it_is_clear():
    clear = find_wobble(standing([0, -2.5, *[0.0] * 8], 0.4), DEFAULT_MODEL, np.random.default_rng(1))
    assert clear.pillar == clear.lowest == "logic_communication"
    assert clear.probability > 0.8
    open_ = find_wobble(standing([0.0] * 10), DEFAULT_MODEL, np.random.default_rng(1))
    assert open_.pillar is None
    assert sum(open_.chances.values()) == pytest.approx(1.0)
    assert list(open_.chances) == [pillar.name for pillar in CHECKPOINTS]


def test_gauges_are_never_mixed():
    with pytest.raises(InputError, match="HC"):
        score_pillar(standing([0.0] * 10), LENSES["equation_held"].pillars[0], DEFAULT_MODEL)
    with pytest.raises(InputError, match="trust equation"):
        trust_equation(standing([0.0] * 10), LENSES["abi"], DEFAULT_MODEL, np.random.default_rng(1))
    with pytest.raises(InputError, match="all 0"):
        score_pillar(standing([0.0] * 10), Pillar(name="x", plain="x", weights={"RS": 0.0}), DEFAULT_MODEL)


@pytest.mark.timed
@pytest.mark.parametrize("relationships", [1, 60_000])
def test_one_relationship_with_many_readings_and_many_with_one_are_fine(relationships):
    """60,000 readings either way; the clock only catches growth that is not linear."""
    n, begun = 60_000, time.perf_counter()
    names = np.char.add("r", (np.arange(n) % relationships).astype(str))
    at = np.datetime64("2024-01-01", "us") + (np.arange(n) * 3600).astype("timedelta64[s]")
    constant = {"signal": ["turn"] * n, "facet": ["FT"] * n, "slow_only": np.zeros(n, dtype=bool), "slope": np.ones(n)}
    numbers = {"lo": np.full(n, 0.3), "hi": np.full(n, np.inf), "v": np.ones(n), "alpha": np.zeros(n)}
    trust = follow(pa.table({"relationship": names, "at": at, "beta": np.ones(n), **constant, **numbers}))
    assert trust.num_rows == 10 * (2500 if relationships == 1 else n)
    assert np.isfinite(trust.column("mean").to_numpy()).all()
    assert time.perf_counter() - begun < 20
