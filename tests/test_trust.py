"""The filter, smoother and ledger against the same answers worked out by another road (MEASUREMENT section 7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from troth.lenses import LENSES, Pillar
from troth.schema import READINGS, TRUST, conform
from troth.trust import (
    DEFAULT_MODEL,
    Model,
    State,
    _engine,
    _reference,
    advance,
    close_states,
    follow,
    follow_states,
    kernel_name,
    ledger,
    log_likelihood,
    score_pillar,
    smooth,
    stand,
    trust_equation,
)
from troth.trust._arrays import Stack, Trace, take_evidence
from troth.trust.model import GAUGES, dynamics

START = datetime(2024, 3, 1, 9, tzinfo=UTC)
SHOWN, HELD = GAUGES["SHOWN"], GAUGES["HELD"]
COMPOSITE = LENSES["abi"].pillars[1]
SHIFTED = Model(means={"RS": 0.4, "FT": -0.7, "HC": 0.2}, halo=0.3, fast_share=0.35)


def reading(hours: float = 0.0, facet: str = "RS", lo: float = 0.0, hi: float | None = None, **more: object) -> dict:
    """One READINGS row, `hours` after START; exact unless `hi` is given."""
    row = {"relationship": "acme", "facet": facet, "at": START + timedelta(hours=hours), "signal": "turn", "lo": lo}
    row |= {"hi": lo if hi is None else hi, "v": 0.8, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False}
    return row | more


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=READINGS)


def levels(trust: pa.Table, column: str, facets: int) -> np.ndarray:
    return trust.column(column).to_numpy().reshape(-1, facets)


@st.composite
def readings(draw: st.DrawFn, *, exact: bool = False, facets: tuple[str, ...] = SHOWN, most: int = 14) -> list[dict]:
    rows = []
    for _ in range(draw(st.integers(1, most))):
        lo, hi = draw(st.floats(-3, 3)), None
        if not exact and draw(st.booleans()):
            lo, hi = draw(st.sampled_from([(-np.inf, lo), (lo, np.inf), (lo, lo + 0.5), (lo, lo + 2.0)]))
        alpha = draw(st.sampled_from([0.0, 0.1])) if hi is not None else 0.0
        rows.append(
            reading(
                draw(st.integers(0, 400 * 24)) * draw(st.sampled_from([0.0, 0.01, 1.0])),
                draw(st.sampled_from(facets)),
                lo,
                hi,
                v=draw(st.floats(0.05, 4)),
                slope=draw(st.sampled_from([1.0, 0.5, -1.3])),
                alpha=alpha,
                beta=1.0 - 2 * alpha,
                slow_only=draw(st.booleans()),
            )
        )
    return rows


def two_speeds(gap: np.ndarray, fast: np.ndarray, model: Model) -> np.ndarray:
    """Covariance over a gap in days between two levels, apart from R; `fast` is 0 where only slow parts meet."""
    slow = (1 - model.fast_share) * 0.5 ** (gap / model.slow_half_life_days)
    return slow + fast * model.fast_share * 0.5 ** (gap / model.fast_half_life_days)


def spell_out(rows: list[dict], gauge: str) -> tuple[np.ndarray, ...]:
    """Day, facet number, slope and whether the fast part is seen, of each row."""
    days = np.array([(row["at"] - START) / timedelta(days=1) for row in rows])
    code = np.array([GAUGES[gauge].index(row["facet"]) for row in rows])
    slope, slow = (np.array([float(row[name]) for row in rows]) for name in ("slope", "slow_only"))
    return days, code, slope, 1.0 - slow


def dense_joint(rows: list[dict], model: Model, gauge: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What exact readings said, and the mean and covariance of what they could have said, all at once."""
    days, code, slope, fast = spell_out(rows, gauge)
    mu = np.array([model.means.get(facet, 0.0) for facet in GAUGES[gauge]])
    cov = two_speeds(np.abs(days[:, None] - days), fast[:, None] * fast, model)
    cov = cov * model.correlation(gauge)[np.ix_(code, code)] * slope[:, None] * slope
    return np.array([row["lo"] for row in rows]), slope * mu[code], cov + np.diag([row["v"] for row in rows])


def dense_posterior(rows: list[dict], at: datetime, model: Model, gauge: str) -> tuple[np.ndarray, np.ndarray]:
    """Levels at `at` by conditioning one big Gaussian on all exact readings, with no filter anywhere."""
    days, code, slope, fast = spell_out(rows, gauge)
    seen, mean, cov = dense_joint(rows, model, gauge)
    corr, gap = model.correlation(gauge), np.abs(days - (at - START) / timedelta(days=1))
    across = two_speeds(gap, fast, model) * corr[:, code] * slope
    gain = np.linalg.solve(cov, across.T).T
    mu = np.array([model.means.get(facet, 0.0) for facet in GAUGES[gauge]])
    return mu + gain @ (seen - mean), corr - gain @ across.T


@pytest.mark.parametrize(("gauge", "facets"), [("SHOWN", SHOWN), ("HELD", HELD)])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_filter_and_close_agree_with_dense_gaussian_process_regression(gauge, facets, data):
    rows = data.draw(readings(exact=True, facets=facets))
    model = data.draw(st.sampled_from([DEFAULT_MODEL, SHIFTED]))
    trust, last = follow(table(rows), model), max(row["at"] for row in rows)
    mean, cov = dense_posterior(rows, last, model, gauge)
    assert_allclose(levels(trust, "mean", len(facets))[-1], mean, atol=1e-10)
    assert_allclose(levels(trust, "var", len(facets))[-1], np.diag(cov), atol=1e-10)
    later = last + timedelta(days=45, hours=5)
    standing = close_states(table(rows), later, model)["acme"][gauge]
    mean, cov = dense_posterior(rows, later, model, gauge)
    assert_allclose(standing.mean, mean, atol=1e-10)
    assert_allclose(standing.cov, cov, atol=1e-10)


@given(rows=readings(exact=True), model=st.sampled_from([DEFAULT_MODEL, SHIFTED]))
@settings(max_examples=25, deadline=None)
def test_log_likelihood_agrees_with_the_joint_density_of_all_readings(rows, model):
    seen, mean, cov = dense_joint(rows, model, "SHOWN")
    assert log_likelihood(table(rows), model) == pytest.approx(multivariate_normal.logpdf(seen, mean, cov), abs=1e-8)


def test_log_likelihood_of_one_interval_is_its_probability():
    row = reading(0, "RS", -0.3, 1.1, alpha=0.04, beta=0.9)
    wanted = 0.04 + 0.9 * (ndtr(1.1 / np.sqrt(1.8)) - ndtr(-0.3 / np.sqrt(1.8)))
    assert log_likelihood(table([row])) == pytest.approx(np.log(wanted), abs=1e-12)


@given(rows=readings(exact=True), model=st.sampled_from([DEFAULT_MODEL, SHIFTED]))
@settings(max_examples=25, deadline=None)
def test_smoother_agrees_with_dense_gaussian_process_regression(rows, model):
    smoothed = smooth(table(rows), model)
    for i, at in enumerate(smoothed.column("at").to_pylist()[::10]):
        mean, cov = dense_posterior(rows, at, model, "SHOWN")
        assert_allclose(levels(smoothed, "mean", 10)[i], mean, atol=1e-9)
        assert_allclose(levels(smoothed, "var", 10)[i], np.diag(cov), atol=1e-9)


@given(rows=readings())
@settings(max_examples=25, deadline=None)
def test_smoother_is_rauch_tung_striebel_on_interval_readings_too(rows):
    """The adjoint recursion gives the moments of MEASUREMENT 4.4's G, on a state kept after every reading."""
    evidence = take_evidence(table(rows))[1]["SHOWN"]
    dyn, n = dynamics(DEFAULT_MODEL, "SHOWN"), len(evidence.at)
    trace = Trace.blank(n, n, 10, keep_cov=True, keep_record=True)
    _engine.forward(evidence, dyn, Stack.fresh(evidence, dyn), np.arange(n), trace)
    mean, cov, want = trace.mean[-1], trace.cov[-1], {int(evidence.at[-1]): trace.mean[-1]}
    for i in range(n - 2, -1, -1):
        g = dyn.decay(int(evidence.at[i + 1] - evidence.at[i]))
        if evidence.at[i] == evidence.at[i + 1]:
            continue
        ahead = np.outer(g, g) * (trace.cov[i] - dyn.prior) + dyn.prior
        back = np.linalg.solve(ahead, (trace.cov[i] * g).T).T
        mean = trace.mean[i] + back @ (mean - g * trace.mean[i])
        cov = trace.cov[i] + back @ (cov - ahead) @ back.T
        want[int(evidence.at[i])] = mean
    smoothed = smooth(table(rows))
    got = levels(smoothed, "slow", 10), levels(smoothed, "fast", 10)
    times = smoothed.column("at").cast(pa.int64()).to_pylist()[::10]
    for i, at in enumerate(times):
        assert_allclose(np.concatenate([got[0][i], got[1][i]]), want[at], atol=1e-8)


@given(
    cut=st.floats(-4, 4),
    width=st.sampled_from([0.01, 0.3, 2.0, np.inf]),
    v=st.floats(0.05, 4),
    alpha=st.sampled_from([0.0, 0.04, 0.3]),
    slope=st.sampled_from([1.0, 0.6, -1.0]),
    mirrored=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_one_interval_reading_agrees_with_bayes_on_a_grid(*, cut, width, v, alpha, slope, mirrored):
    lo, hi = (-np.inf if np.isinf(width) else cut - width, cut) if mirrored else (cut, cut + width)
    trust = follow(table([reading(0, "RS", lo, hi, v=v, alpha=alpha, beta=1 - 2 * alpha, slope=slope)]))
    x = np.linspace(-14, 14, 40_001)
    a, b = ((lo - slope * x) / np.sqrt(v), (hi - slope * x) / np.sqrt(v))
    mass = np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))
    weight = np.exp(-0.5 * x**2) * (alpha + (1 - 2 * alpha) * mass)
    mean = np.average(x, weights=weight)
    assert trust.column("mean")[0].as_py() == pytest.approx(mean, abs=1e-7)
    assert trust.column("var")[0].as_py() == pytest.approx(np.average((x - mean) ** 2, weights=weight), abs=1e-7)


def test_many_interval_readings_stay_close_to_bayes_on_a_grid():
    """Keeping two moments is the only approximation: .002 to .024 SD in the mean (MEASUREMENT 4.8)."""
    rng, x, misses = np.random.default_rng(4), np.linspace(-8, 8, 4001), []
    for _ in range(100):
        truth, cuts = rng.standard_normal(), rng.uniform(-1.5, 1.5, 12)
        above = truth + rng.standard_normal(12) > cuts
        rows = [
            reading(0, "RS", *((c, np.inf) if up else (-np.inf, c)), v=1.0) for c, up in zip(cuts, above, strict=True)
        ]
        weight = np.exp(-0.5 * x**2) * np.prod(ndtr(np.where(above, 1, -1)[:, None] * (x - cuts[:, None])), axis=0)
        misses.append(follow(table(rows)).column("mean")[0].as_py() - np.average(x, weights=weight))
    assert np.abs(misses).mean() < 0.024


@given(
    a=st.one_of(st.floats(-40, 60), st.sampled_from([1e3, 1e4])),
    width=st.sampled_from([1e-7, 1e-3, 0.05, 0.5, 3.0, 50.0, np.inf]),
)
@settings(max_examples=80, deadline=None)
def test_truncated_moments_hold_far_out_and_in_narrow_intervals(a, width):
    """Against adaptive quadrature of the density relative to its highest point, in units of the interval's own size."""
    peak = min(max(0.0, a), a + width)
    size = 1 / max(1.0, abs(peak))
    low, high = (max(a - peak, -40 * size) / size, min(a + width - peak, 40 * size) / size)

    def moment(power: int, about: float) -> float:
        def integrand(u: float) -> float:
            return (u - about) ** power * np.exp(-0.5 * (u * size) ** 2 - u * size * peak)

        ends = np.unique(np.clip([low, -4.0, 0.0, 4.0, high], low, high))
        return sum(quad(integrand, p, q, epsrel=1e-11, limit=200)[0] for p, q in pairwise(ends))

    if high - low < 1e-4:  # flat to 1e-4: the uniform's own mean and variance
        mean, var, mass = 0.5 * (low + high), (high - low) ** 2 / 12, high - low
        mass *= np.exp(-mean * size * peak)
    else:
        mass = moment(0, 0.0)
        mean = moment(1, 0.0) / mass
        var = moment(2, mean) / mass
    got = _reference.truncate_normal(a, a + width, width)
    assert got.mean - peak == pytest.approx(mean * size, rel=1e-4, abs=1e-9 * size + 4e-16 * abs(a))
    assert got.var == pytest.approx(var * size**2, rel=1e-3, abs=1e-11)
    assert got.log_mass == pytest.approx(np.log(mass * size / np.sqrt(2 * np.pi)) - 0.5 * peak**2, rel=1e-8, abs=1e-8)


@pytest.mark.skipif(kernel_name() == "numpy", reason="no compiled kernel here: build the package with a C compiler")
@pytest.mark.parametrize("gauge", ["SHOWN", "HELD"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_compiled_kernels_agree_with_the_numpy_reference(gauge, data):
    rows = data.draw(readings(facets=GAUGES[gauge]))
    for i, row in enumerate(rows):
        row["relationship"] = f"r{i % 3}"
    far = st.sampled_from([(40.0, np.inf), (-np.inf, -80.0), (30.0, 30.001), (-np.inf, np.inf)])
    lo, hi = data.draw(far)
    rows.append(reading(5000, GAUGES[gauge][1], lo, hi, alpha=data.draw(st.sampled_from([0.0, 0.02])), beta=0.9))
    evidence, dyn = take_evidence(table(rows))[1][gauge], dynamics(SHIFTED, gauge)
    results = []
    for kernels in (_engine, _reference):
        n, stack = len(evidence.at), Stack.fresh(evidence, dyn)
        trace = Trace.blank(n, n, dyn.facets, keep_cov=True, keep_record=True)
        kernels.forward(evidence, dyn, stack, np.arange(n), trace)
        kept = [stack.mean, stack.cov, stack.loglik, stack.count, trace.var, trace.count, trace.cov, trace.record]
        kept.append(trace.mean.copy())
        kernels.smooth(evidence, dyn, np.arange(n), trace)
        q, one = np.ones(2 * dyn.facets), evidence.part(0, 1)
        first = trace.record[: len(one.at)].copy()
        results.append([*kept, trace.mean, kernels.ledger(one, dyn, int(one.at[-1]) + 10**12, first, q), q])
    for ours, theirs in zip(*results, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@given(rows=readings(most=30), data=st.data())
@settings(max_examples=25, deadline=None)
def test_streaming_gives_the_bits_of_a_batch(rows, data):
    """Cut anywhere between two times: rows and states are equal bit for bit."""
    for row in rows:
        row["relationship"] = data.draw(st.sampled_from(["acme", "bolt"]))
        row["facet"] = data.draw(st.sampled_from([*SHOWN[:4], *HELD]))
    whole = advance(table(rows))
    times = sorted({row["at"].date() for row in rows})
    cuts = sorted(data.draw(st.sets(st.sampled_from(times), max_size=3)))
    states: dict[str, State] = {}
    pieces = []
    for low, high in zip([times[0], *cuts], [*cuts, times[-1] + timedelta(days=1)], strict=True):
        step = advance(table([row for row in rows if low <= row["at"].date() < high]), state=states)
        states = step.state
        pieces.append(step.trust)
    keys = [(name, "ascending") for name in ("relationship", "at", "facet")]
    assert pa.concat_tables(pieces).sort_by(keys).equals(whole.trust.sort_by(keys))
    assert states.keys() == whole.state.keys()
    for name, state in states.items():
        assert state.pack(exact=True) == whole.state[name].pack(exact=True)


@given(rows=readings(), data=st.data())
@settings(max_examples=20, deadline=None)
def test_the_order_in_which_rows_come_never_matters(rows, data):
    rows = rows + [dict(row, lo=row["lo"] - 1, hi=row["hi"]) for row in rows[:3] if row["lo"] < row["hi"]]
    assert follow(table(rows)).equals(follow(table(data.draw(st.permutations(rows)))))


@given(rows=readings(), hours=st.integers(0, 9000))
@settings(max_examples=20, deadline=None)
def test_what_is_unknown_changes_nothing(rows, hours):
    """Neither the other gauge, nor another relationship, nor a reading that says "anything is possible"."""
    plain = close_states(table(rows), START + timedelta(days=500))["acme"]["SHOWN"]
    others = [reading(hours, "HC", 2.0), reading(hours, "RS", -2.0, relationship="bolt")]
    beside = close_states(table(rows + others), START + timedelta(days=500))["acme"]["SHOWN"]
    assert_array_equal(beside.mean, plain.mean)
    assert_array_equal(beside.cov, plain.cov)
    empty = reading(hours, "CL", -np.inf, np.inf)
    said = close_states(table([*rows, empty]), START + timedelta(days=500))["acme"]["SHOWN"]
    assert_allclose(said.mean, plain.mean, atol=1e-12)
    assert_allclose(said.cov, plain.cov, atol=1e-12)


@given(
    rows=readings(most=30), model=st.sampled_from([DEFAULT_MODEL, SHIFTED]), score=st.sampled_from([COMPOSITE, "FT"])
)
@settings(max_examples=25, deadline=None)
def test_ledger_sums_to_the_score(rows, model, score):
    at = START + timedelta(days=300)
    rows.append(reading(1, "FT", 0.3))
    taken = ledger(table(rows), score, at, model)
    pillar = score if isinstance(score, Pillar) else Pillar(name=score, plain=score, weights={score: 1.0})
    mean = score_pillar(close_states(table(rows), at, model)["acme"]["SHOWN"], pillar, model).mean
    assert sum(taken.column("contribution").to_pylist()) == pytest.approx(mean, abs=1e-12)
    assert len(taken) == sum(row["at"] <= at for row in rows) + 1
    for row in taken.to_pylist()[:-1]:
        assert row["kind"] == ("own" if row["facet"] in pillar.weights else "borrowed")
        assert 0 <= row["faded"] <= 1


def test_ledger_of_exact_readings_is_the_weight_times_the_reading():
    rows = [reading(0, "RS", 1.5), reading(500, "CL", -2.0)]
    taken = ledger(table(rows), "RS", START + timedelta(days=60)).to_pylist()
    assert [row["kind"] for row in taken] == ["own", "borrowed", "prior"]
    for row, given_ in zip(taken, rows, strict=False):
        assert row["contribution"] == pytest.approx(row["weight"] * given_["lo"])
    assert taken[0]["faded"] == pytest.approx(1 - (0.5 * 0.5 ** (60 / 720) + 0.5 * 0.5**2), abs=1e-12)


def test_ledger_of_nobody_is_the_prior_alone():
    taken = ledger(table([]), "RS", START, Model(means={"RS": 0.25})).to_pylist()
    assert [(row["kind"], row["contribution"]) for row in taken] == [("prior", 0.25)]


@given(
    rows=readings(), cut=st.floats(-30, 30), v=st.floats(0.05, 4), alpha=st.sampled_from([0.0, 0.1]), best=st.booleans()
)
@settings(max_examples=40, deadline=None)
def test_the_best_outcome_never_lowers_and_the_worst_never_raises_its_own_facet(rows, cut, v, alpha, best):
    at = START + timedelta(days=401)
    ends = (cut, np.inf) if best else (-np.inf, cut)
    last = reading(401 * 24, "RS", *ends, v=v, alpha=alpha, beta=1 - 2 * alpha)
    before = close_states(table(rows), at)["acme"]["SHOWN"].mean[0]
    after = close_states(table([*rows, last]), at)["acme"]["SHOWN"].mean[0]
    assert after >= before - 1e-12 if best else after <= before + 1e-12


@given(rows=readings(most=30))
@settings(max_examples=25, deadline=None)
def test_the_covariance_stays_positive_semidefinite_and_symmetric(rows):
    sharp = [dict(row, v=1e-9 * max(1.0, row["slope"] ** 2)) for row in rows]
    for some in (rows, sharp):
        cov = follow_states(table(some))["acme"].blocks["SHOWN"].cov
        assert_array_equal(cov, cov.T)
        assert np.linalg.eigvalsh(cov)[0] > -1e-10


@pytest.mark.parametrize(("noise", "wanted"), [(1.0, (0.57, 0.63, 0.74, 0.87)), (3.0, (0.35, 0.44, 0.60, 0.79))])
def test_reliability_by_rhythm_of_contact(noise, wanted):
    """MEASUREMENT 4.6: one facet alone, a reading a quarter, month, week, day, after ten years of it."""
    for gap_days, reliability in zip((365.25 / 4, 365.25 / 12, 7, 1), wanted, strict=True):
        rows = [reading(24 * gap_days * i, v=noise) for i in range(int(3650 / gap_days))]
        got = levels(follow(table(rows), Model(halo=0)), "reliability", 10)[-1, 0]
        assert round(got, 2) == reliability


def simulate(rng: np.random.Generator, model: Model, people: int, turns: int) -> tuple[pa.Table, np.ndarray]:
    """READINGS from the model itself, every reading ordinal with three outcomes; and the true levels at the end."""
    dyn = dynamics(model, "SHOWN")
    root, cuts = np.linalg.cholesky(dyn.prior), np.array([-np.inf, -0.6, 0.5, np.inf])
    state, days, columns = rng.standard_normal((people, 20)) @ root.T, np.zeros(people), []
    for _ in range(turns):
        gap = rng.exponential(6.0, people)
        days += gap
        g = np.exp(-np.outer(gap, np.repeat([dyn.slow_rate, dyn.fast_rate], 10)))
        state = g * state + np.sqrt(1 - g**2) * (rng.standard_normal((people, 20)) @ root.T)
        facet = rng.integers(0, 10, people)
        level = state[np.arange(people), facet] + state[np.arange(people), facet + 10]
        outcome = np.searchsorted(cuts[1:3], level + rng.standard_normal(people))
        at = np.datetime64("2024-01-01", "us") + (days * 86_400e6).astype("timedelta64[us]")
        columns.append((at, facet, cuts[outcome], cuts[outcome + 1]))
    at, facet, lo, hi = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    n = people * turns
    rows = {"relationship": np.tile([f"r{i:05}" for i in range(people)], turns), "facet": np.array(SHOWN)[facet]}
    rows |= {"at": at, "signal": ["turn"] * n, "lo": lo, "hi": hi, "v": np.ones(n), "slope": np.ones(n)}
    rows |= {"alpha": np.zeros(n), "beta": np.ones(n), "slow_only": np.zeros(n, dtype=bool)}
    return conform(pa.table(rows), READINGS), state[:, :10] + state[:, 10:]


def cover(readings: pa.Table, truth: np.ndarray, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Shares of 50, 80 and 95 % intervals that hold the truth: of single facets, and of the mean of all ten."""
    states = follow_states(readings, model)
    mean = np.stack([states[name].blocks["SHOWN"].mean for name in sorted(states)])
    cov = np.stack([states[name].blocks["SHOWN"].cov for name in sorted(states)])
    levels_ = mean[:, :10] + mean[:, 10:]
    spread = cov[:, :10, :10] + cov[:, :10, 10:] + cov[:, 10:, :10] + cov[:, 10:, 10:]
    single = np.abs(levels_ - truth) / np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
    both = np.abs((levels_ - truth).mean(axis=1)) / np.sqrt(spread.mean(axis=(1, 2)))
    widths = np.array([0.6745, 1.2816, 1.96])
    return (single[..., None] < widths).mean(axis=(0, 1)), (both[:, None] < widths).mean(axis=0)


def test_intervals_cover_what_they_say_and_a_wrong_halo_is_caught():
    """Ordinal, coupled, 2,000 simulated relationships: a composite's share has a standard error of .011 at 50 % and
    .005 at 95 %, hence .03; facets have ten times the cases, hence .015. Independence assumed must fail."""
    rng = np.random.default_rng(20)
    evidence, truth = simulate(rng, DEFAULT_MODEL, people=2000, turns=25)
    facet, composite = cover(evidence, truth, DEFAULT_MODEL)
    assert_allclose(facet, [0.5, 0.8, 0.95], atol=0.015)
    assert_allclose(composite, [0.5, 0.8, 0.95], atol=0.03)
    _, composite = cover(evidence, truth, Model(halo=0.0))
    assert composite[2] < 0.85


def test_the_band_of_the_trust_equation_covers_what_it_says():
    """600 relationships at 80 %: a standard error of .016, hence .04."""
    evidence, truth = simulate(np.random.default_rng(31), DEFAULT_MODEL, people=600, turns=25)
    lens, model, rng, inside = LENSES["equation"], Model(draws=1000), np.random.default_rng(32), 0
    corr = model.correlation("SHOWN")
    for name, state in follow_states(evidence, model).items():
        at = datetime.fromtimestamp(state.blocks["SHOWN"].at_us / 1e6, UTC) + timedelta(milliseconds=1)
        ratio = trust_equation(stand({name: state}, at, model)[name]["SHOWN"], lens, model, rng)
        weights = np.array([[pillar.weights.get(code, 0.0) for code in SHOWN] for pillar in lens.pillars])
        levels_ = weights @ truth[int(name[1:])] / np.sqrt(np.diag(weights @ corr @ weights.T))
        c, r, i, s = 1 + 4 * ndtr(levels_)
        inside += ratio.low <= (c + r + i) / s <= ratio.high
    assert inside / 600 == pytest.approx(0.8, abs=0.04)


def test_trust_is_a_trust_table_with_every_facet_of_a_gauge_once_a_day():
    trust = follow(
        table([reading(0, "RS", 1.0), reading(2, "CL", 1.0), reading(30, "RS", 1.0), reading(1, "HI", -1.0)])
    )
    assert trust.schema.equals(TRUST)
    rows = trust.to_pylist()
    assert [row["facet"] for row in rows] == [*SHOWN, *SHOWN, *HELD]
    assert [row["at"] for row in rows[::10]] == [START + timedelta(hours=h) for h in (2, 30, 1)]
    assert [row["readings"] for row in rows[:10]] == [1, 1, *[0] * 8]
    assert rows[0]["mean"] == pytest.approx(rows[0]["slow"] + rows[0]["fast"])
    assert rows[2]["mean"] > 0  # candour: borrowed through the halo
    assert smooth(table([reading()])).schema.equals(TRUST)
