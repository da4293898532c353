"""Readings a second of the coupled filter, side by side with what a user would pick instead.

    python bench/trust.py [--readings N] [--relationships N]

All rates come from one run on one machine, so the ratios mean more than the rates. "Kernel" is the filter alone on
arrays that are ready; "follow" is Arrow in, Arrow out, with sorting, checking and the TRUST table of ten facets a day.
statsmodels and pykalman get the same exact readings as one state-space model of the same 20 states with its matrices
ready made, and have to arrive at the same state. The bytes of readings that the filter consumes are set beside
what this machine copies in memory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pykalman import KalmanFilter as PyKalmanFilter
from statsmodels.tsa.statespace.kalman_filter import KalmanFilter

from troth.trust import DEFAULT_MODEL, _engine, _reference, follow, follow_states, kernel_name
from troth.trust._arrays import Evidence, Stack, Trace, take_evidence
from troth.trust.model import GAUGES, Floats, dynamics

SHOWN = GAUGES["SHOWN"]
DYN = dynamics(DEFAULT_MODEL, "SHOWN")


def make_readings(n: int, *, relationships: int, exact: bool, seed: int) -> pa.Table:
    """READINGS of n single-facet turns, each at its own time within about three years."""
    rng = np.random.default_rng(seed)
    y, kind = rng.standard_normal(n), np.zeros(n, dtype=int) if exact else rng.integers(1, 3, n)
    alpha = np.zeros(n) if exact else rng.choice([0.0, 0.05], n)
    who, moment = np.sort(rng.integers(0, relationships, n)), rng.integers(0, 1000 * 86_400_000_000, n)
    moment = moment[np.lexsort((moment, who))]
    columns = {
        "relationship": pa.array([f"r{i:07}" for i in range(relationships)]).take(pa.array(who)),
        "facet": pa.array(SHOWN).take(pa.array(rng.integers(0, 10, n))),
        "at": np.datetime64("2022-01-01", "us") + moment.astype("timedelta64[us]"),
        "signal": pa.repeat("turn", n),
        "lo": np.where(kind == 1, -np.inf, y),
        "hi": np.where(kind == 2, np.inf, y),
        "v": rng.uniform(0.5, 2.0, n),
        "slope": np.ones(n),
        "alpha": alpha,
        "beta": 1.0 - 2 * alpha,
        "slow_only": np.zeros(n, dtype=bool),
    }
    return pa.table(columns)


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


def make_pykalman(evidence: Evidence) -> PyKalmanFilter:
    """The same again; one noise for all readings would be its own way, and several are taken too."""
    n, size = len(evidence.at), 2 * DYN.facets
    g = np.exp(-np.outer(np.diff(evidence.at) / 86_400e6, np.repeat([DYN.slow_rate, DYN.fast_rate], DYN.facets)))
    design = np.zeros((n, 1, size))
    design[np.arange(n), 0, evidence.facet] = design[np.arange(n), 0, evidence.facet + DYN.facets] = evidence.slope
    return PyKalmanFilter(
        transition_matrices=np.stack([np.diag(row) for row in g]),
        transition_covariance=np.stack([DYN.prior - np.outer(row, row) * DYN.prior for row in g]),
        observation_matrices=design,
        observation_covariance=evidence.v[:, None, None],
        initial_state_mean=DYN.mean,
        initial_state_covariance=DYN.prior,
    )


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
    other = make_pykalman(few)
    theirs, ours = model.filter().filtered_state[:, -1], run_kernel(_engine, few)[0]
    off, far = np.abs(theirs - ours).max(), np.abs(other.filter(few.lo[:, None])[0][-1] - ours).max()
    print(f"one relationship, {n:,} exact readings; largest difference to statsmodels {off:.1e}, to pykalman {far:.1e}")
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
        ("pykalman KalmanFilter.filter", lambda: other.filter(few.lo[:, None])),
    ):
        rate = clock(work, n, repeats=3)
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


EACH, CHUNK = 100, 20_000  # readings of a relationship; relationships made and followed at a time


def measure_million(relationships: int) -> None:
    """So many relationships of 100 readings each, in chunks so that memory stays bounded: Arrow in, states out."""
    wall = cpu = 0.0
    done = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while done < relationships:
        count = min(CHUNK, relationships - done)
        table = make_readings(count * EACH, relationships=count, exact=done // CHUNK % 2 == 0, seed=done)
        begun, spent = time.perf_counter(), time.process_time()
        follow_states(table)
        wall += time.perf_counter() - begun
        cpu += time.process_time() - spent
        done += count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{done:,} relationships of {EACH} readings, every second {CHUNK:,} intervals; making them is not counted")
    print(f"  follow_states: {wall:,.0f} s by the clock, {cpu:,.0f} s of processor")
    print(f"  most memory at any time {peak / 2**20:.1f} GiB, {(peak - before) / 2**20:.1f} GiB of it for this")


def compare_bandwidth(n: int) -> None:
    """Bytes of readings that the kernel takes in a second, beside what a plain copy in memory moves in one."""
    evidence = take_evidence(make_readings(n, relationships=max(n // 100, 1), exact=True, seed=2))[1]["SHOWN"]
    names = ("facet", "at", "lo", "hi", "v", "slope", "alpha", "beta", "slow_only")
    taken = sum(getattr(evidence, name).nbytes for name in names) / n
    source = np.ones(64 * 2**20)
    target = np.empty_like(source)
    copied = clock(lambda: np.copyto(target, source), source.nbytes, repeats=5)
    rate = clock(lambda: run_pieces(evidence, 1), n, repeats=4)
    print(f"memory: a copy reads {copied.cpu / 1e9:.1f} GB per processor second (one thread, 512 MiB)")
    share = rate.cpu * taken / copied.cpu
    print(
        f"  the kernel reads {rate.cpu * taken / 1e9:.3f} GB of readings ({taken:.0f} bytes each): {share:.2%} of that;"
    )
    print("  it works on 3.4 kB of state for each of them, so that arithmetic and not memory is its bound")


FIRST_CALL = """
import datetime as dt, pyarrow as pa
from troth.trust import follow
at = dt.datetime(2025, 1, 1, tzinfo=dt.timezone.utc)
row = {"relationship": "a", "facet": "RS", "at": at, "signal": "turn", "lo": 0.1, "hi": 0.1, "v": 1.0, "slope": 1.0}
follow(pa.Table.from_pylist([row | {"alpha": 0.0, "beta": 1.0, "slow_only": False}]))
"""


def measure_first_call() -> None:
    """From a fresh process to the first TRUST table, imports included; the best of three, on each clock."""
    walls, cpus = [], []
    for _ in range(3):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-c", FIRST_CALL], check=True)
        walls.append(time.perf_counter() - begun)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"first call from a fresh process: {min(walls):.2f} s by the clock, {min(cpus):.2f} s of processor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--relationships", type=int, default=1_000_000)
    arguments = parser.parse_args()
    n = arguments.readings
    print(f"10 coupled facets, 20 states; kernel: {kernel_name()}")
    compare_one(5_000)
    measure_many(n, exact=True)
    measure_many(n, exact=False)
    compare_bandwidth(n)
    measure_first_call()
    measure_million(arguments.relationships)


if __name__ == "__main__":
    main()
