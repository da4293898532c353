"""Readings a second of the coupled filter, side by side with what a user would pick instead.

    python bench/trust.py [--readings N]

All rates come from one run on one machine, so the ratios mean more than the rates. "Kernel" is the filter alone on
arrays that are ready; "follow" is Arrow in, Arrow out, with sorting, checking and the TRUST table of ten facets a day.
statsmodels gets the same exact readings as one state-space model of the same 20 states with its matrices ready made,
and has to arrive at the same state.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from statsmodels.tsa.statespace.kalman_filter import KalmanFilter

from troth.trust import DEFAULT_MODEL, _engine, _reference, follow, kernel_name
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence
from troth.trust.model import GAUGES, Floats, dynamics

SHOWN = GAUGES["SHOWN"]
DYN = dynamics(DEFAULT_MODEL, "SHOWN")


def make_readings(n: int, *, relationships: int, exact: bool, seed: int) -> pa.Table:
    """READINGS of n single-facet turns, each at its own time within about three years."""
    rng = np.random.default_rng(seed)
    y, kind = rng.standard_normal(n), np.zeros(n, dtype=int) if exact else rng.integers(1, 3, n)
    at = np.datetime64("2022-01-01", "us") + rng.integers(0, 1000 * 86_400_000_000, n).astype("timedelta64[us]")
    alpha = np.zeros(n) if exact else rng.choice([0.0, 0.05], n)
    columns = {
        "relationship": pa.array([f"r{i:07}" for i in range(relationships)]).take(
            pa.array(np.sort(rng.integers(0, relationships, n)))
        ),
        "facet": pa.array(SHOWN).take(pa.array(rng.integers(0, 10, n))),
        "at": at,
        "signal": ["turn"] * n,
        "lo": np.where(kind == 1, -np.inf, y),
        "hi": np.where(kind == 2, np.inf, y),
        "v": rng.uniform(0.5, 2.0, n),
        "slope": np.ones(n),
        "alpha": alpha,
        "beta": 1.0 - 2 * alpha,
        "slow_only": np.zeros(n, dtype=bool),
    }
    return pa.table(columns).sort_by([("relationship", "ascending"), ("at", "ascending")])


def run_kernel(kernels: object, part: Evidence) -> Floats:
    """Filter one piece; the final means."""
    stack = Stack.fresh(part, DYN)
    trace = Trace.blank(0, len(part.at), DYN.facets, keep_cov=False, keep_record=False)
    kernels.forward(part, DYN, stack, np.full(len(part.at), -1), trace)
    return stack.mean


def run_pieces(evidence: Evidence, threads: int) -> None:
    parts = list(evidence.parts(readings=50_000, groups=2_000))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: run_kernel(_engine, part), parts))


def make_statsmodels(evidence: Evidence) -> KalmanFilter:
    """The same model with its matrices laid out for every reading of one relationship."""
    n, size = len(evidence.at), 2 * DYN.facets
    design = np.zeros((1, size, n))
    design[0, evidence.facet, np.arange(n)] = design[0, evidence.facet + DYN.facets, np.arange(n)] = evidence.slope
    days = np.append(np.diff(evidence.at), 0) / 86_400e6
    g = np.exp(-np.outer(np.repeat([DYN.slow_rate, DYN.fast_rate], DYN.facets), days))
    transition, noise = np.zeros((size, size, n)), np.empty((size, size, n))
    transition[np.arange(size), np.arange(size)] = g
    for i in range(n):
        noise[:, :, i] = DYN.prior - np.outer(g[:, i], g[:, i]) * DYN.prior
    model = KalmanFilter(k_endog=1, k_states=size)
    model.bind(evidence.lo[:, None].copy())
    model["design"], model["transition"], model["state_cov"] = design, transition, noise
    model["obs_cov"], model["selection"] = evidence.v[None, None, :].copy(), np.eye(size)
    model.initialize_known(DYN.mean, DYN.prior)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Readings a second by the wall clock, and by processor time of all threads: the second holds on a busy machine."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:>12,.0f} readings/s {self.cpu:>12,.0f} per processor second"


def clock(work: Callable[[], object], n: int, *, repeats: int) -> Rate:
    """The best of several runs over n readings, on each clock."""
    wall, cpu = [], []
    for _ in range(repeats):
        begun, spent = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - spent)
    return Rate(wall=n / min(wall), cpu=n / min(cpu))


def compare_one(n: int) -> None:
    """The kernel, its reference and statsmodels on the same exact readings of one relationship."""
    few = take_evidence(make_readings(n, relationships=1, exact=True, seed=1))[1]["SHOWN"]
    model = make_statsmodels(few)
    theirs, ours = model.filter().filtered_state[:, -1], run_kernel(_engine, few)[0]
    print(f"one relationship, {n:,} exact readings; largest difference {np.abs(theirs - ours).max():.1e}")
    often = 50  # so that every contestant is timed over a tenth of a second or so

    def run_often() -> None:
        for _ in range(often):
            run_kernel(_engine, few)

    base = clock(run_often, n * often, repeats=5)
    print(f"  {'kernel, one thread':<34}{base}")
    for name, work in (
        ("NumPy reference", lambda: run_kernel(_reference, few)),
        ("statsmodels KalmanFilter.filter", model.filter),
        ("statsmodels KalmanFilter.loglike", model.loglike),
    ):
        rate = clock(work, n, repeats=5)
        print(f"  {name:<34}{rate}   the kernel is {base.cpu / rate.cpu:,.0f} times as fast")


def measure_many(n: int, *, exact: bool) -> None:
    """Many relationships of about 100 readings: the kernel on one and two threads, and everything around it."""
    table = make_readings(n, relationships=max(n // 100, 1), exact=exact, seed=2)
    evidence = take_evidence(table)[1]["SHOWN"]
    print(f"{max(n // 100, 1):,} relationships, {n:,} {'exact' if exact else 'interval'} readings")
    for threads in (1, 2):
        rate = clock(lambda: run_pieces(evidence, threads), n, repeats=4)  # noqa: B023  # run at once
        print(f"  {f'kernel, {threads} thread(s)':<34}{rate}")
    rows = follow(table).num_rows
    rate = clock(lambda: follow(table), n, repeats=2)
    print(f"  {'follow, Arrow to Arrow':<34}{rate}   with {rows:,} TRUST rows written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=1_000_000)
    n = parser.parse_args().readings
    print(f"10 coupled facets, 20 states; kernel: {kernel_name()}")
    compare_one(5_000)
    measure_many(n, exact=True)
    measure_many(n, exact=False)


if __name__ == "__main__":
    main()
