"""The compiled kernels again, in NumPy and by the book: what the tests compare with, and what runs without a compiler.

Each function takes and fills the same arrays as its namesake in ``_kernel.c``; the equations are those of
MEASUREMENT 4.1 to 4.4. About 20 microseconds a reading.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from troth.trust._arrays import Evidence, Stack, Trace
from troth.trust.model import Dynamics, Floats, Ints

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


class Truncated(NamedTuple):
    """A standard normal known to lie in (a, b]: its mean, its variance, and the log of P(a < x <= b)."""

    mean: float
    var: float
    log_mass: float


def mills_excess(x: float) -> float:
    """phi(x) / Q(x) - x for x of 5 and more, by Laplace's continued fraction 1 / (x + 2 / (x + 3 / (x + ...)))."""
    tail = x
    for i in range(40, 1, -1):
        tail = x + i / tail
    return 1.0 / tail


def truncate_normal(a: float, b: float, width: float) -> Truncated:
    """Moments of a standard normal within (a, b], without cancellation however far out or narrow.

    Args:
        a: lower end, may be -inf.
        b: upper end, may be inf.
        width: b - a, handed in because the difference may be lost at large a; above 0.

    Raises: nothing. Accuracy: about 1e-12 absolute in mean and variance for |a| below 1e4.
    """
    if a + b < 0:  # mirrored: keep the end nearer to zero on the left
        flipped = truncate_normal(-b, -a, width)
        return Truncated(-flipped.mean, flipped.var, flipped.log_mass)
    log_root = 0.5 * math.log(2 * math.pi)
    if math.isinf(a):
        return Truncated(0.0, 1.0, 0.0)
    if a <= 5 and width >= 0.1:
        root = math.sqrt(0.5)
        at_a, at_b = math.exp(-0.5 * a * a - log_root), 0.0 if math.isinf(b) else math.exp(-0.5 * b * b - log_root)
        inner = math.erf(b * root) + math.erf(-a * root) if a < 0 else math.erfc(a * root) - math.erfc(b * root)
        mass = 0.5 * inner
        mean = (at_a - at_b) / mass
        var = 1 + (a * at_a - (0.0 if math.isinf(b) else b * at_b)) / mass - mean * mean
        return Truncated(mean, min(max(var, 0.0), 1.0), math.log(mass))
    if math.isinf(b) or 0.5 * width * (a + b) > 40:
        excess = mills_excess(a)
        rate = a + excess
        var = 1 - rate * excess
        return Truncated(rate, min(max(var, 0.0), 1.0), -0.5 * a * a - log_root - math.log(rate))
    inside = 0.5 * width * (1 + _NODES)
    density = 0.5 * width * _WEIGHTS * np.exp(-a * inside - 0.5 * inside**2)
    mass = float(density.sum())
    first = float(density @ inside) / mass
    var = float(density @ (inside - first) ** 2) / mass
    return Truncated(a + first, min(max(var, 0.0), 1.0), math.log(mass) - 0.5 * a * a - log_root)


def weigh(e: float, spread: float, *, lo: float, hi: float, alpha: float, beta: float) -> tuple[float, float, float]:
    """d1, d2 and log Z of one reading (MEASUREMENT 4.3), `spread` being S = h'Ph + v."""
    if lo == hi:
        miss = lo - e
        return miss / spread, -1 / spread, -0.5 * (miss * miss / spread + math.log(2 * math.pi * spread))
    root = math.sqrt(spread)
    cut = truncate_normal((lo - e) / root, (hi - e) / root, (hi - lo) / root)
    if alpha > 0:
        mass = beta * math.exp(cut.log_mass)
        right, loglik = mass / (alpha + mass), math.log(alpha + mass)
    else:
        right, loglik = 1.0, math.log(beta) + cut.log_mass
    mixed = right * (1 - right) * cut.mean * cut.mean if right < 1 else 0.0
    return right * cut.mean / root, (right * (cut.var - 1) + mixed) / spread, loglik


def _loads(evidence: Evidence, i: int, facets: int) -> Floats:
    h = np.zeros(2 * facets)
    h[evidence.facet[i]] = evidence.slope[i]
    if not evidence.slow_only[i]:
        h[evidence.facet[i] + facets] = evidence.slope[i]
    return h


def forward(evidence: Evidence, dyn: Dynamics, stack: Stack, emit: Ints, trace: Trace) -> None:
    """Run the filter over every group: `stack` in and out, `trace` out. See `troth_forward`."""
    k = dyn.facets
    for group in range(len(evidence.start) - 1):
        m, p = stack.mean[group], stack.cov[group]
        for i in range(int(evidence.start[group]), int(evidence.start[group + 1])):
            gap = int(evidence.at[i]) - int(stack.at[group])
            if gap > 0:
                g = dyn.decay(gap)
                m[:] = dyn.mean + g * (m - dyn.mean)
                p[:] = np.outer(g, g) * (p - dyn.prior) + dyn.prior
                stack.at[group] = evidence.at[i]
            h = _loads(evidence, i, k)
            c, e = p @ h, float(h @ m)
            spread = max(float(h @ c), 0.0) + float(evidence.v[i])
            cut = {name: float(getattr(evidence, name)[i]) for name in ("lo", "hi", "alpha", "beta")}
            d1, d2, loglik = weigh(e, spread, **cut)
            m += c * d1
            p += np.outer(c, c) * d2
            stack.loglik[group] += loglik
            stack.count[group, evidence.facet[i]] += 1
            if len(trace.record):
                trace.record[i] = [*c, d1, d2, e]
            row = int(emit[i])
            if row >= 0:
                trace.mean[row], trace.count[row] = m, stack.count[group]
                slow, fast, both = np.diag(p)[:k], np.diag(p)[k:], np.diag(p, k)[:k]
                trace.var[row] = np.maximum(slow + 2 * both + fast, 0.0)
                if len(trace.cov):
                    trace.cov[row] = p


def ledger(evidence: Evidence, dyn: Dynamics, end_us: int, record: Floats, q: Floats) -> tuple[float, Floats, Floats]:
    """The part of a score that comes from the prior, each reading's weight, and its share. See `troth_ledger`."""
    n, k = 2 * dyn.facets, dyn.facets
    weight, share, prior_part = np.zeros(len(record)), np.zeros(len(record)), 0.0
    for i in range(len(record) - 1, -1, -1):
        gap = end_us - int(evidence.at[i])
        if gap > 0:
            g = dyn.decay(gap)
            prior_part += float(q @ ((1 - g) * dyn.mean))
            q *= g
            end_us = int(evidence.at[i])
        c, d1, d2, e = record[i, :n], *(float(x) for x in record[i, n:])
        pull = float(q @ c)
        weight[i], share[i] = -d2 * pull, pull * (d1 - d2 * e)
        q += d2 * pull * _loads(evidence, i, k)
    return prior_part + float(q @ dyn.mean), weight, share


def smooth(evidence: Evidence, dyn: Dynamics, emit: Ints, trace: Trace) -> None:
    """Turn the filtered moments in `trace` into smoothed ones, by the adjoint of the filter. See `troth_smooth`."""
    k, n = dyn.facets, 2 * dyn.facets
    pick = np.hstack([np.eye(k), np.eye(k)])  # levels from states
    for group in range(len(evidence.start) - 1):
        first = int(evidence.start[group])
        r, info = np.zeros(n), np.zeros((n, n))
        for i in range(int(evidence.start[group + 1]) - 1, first - 1, -1):
            row = int(emit[i])
            if row >= 0:
                p = trace.cov[row]
                trace.mean[row] += p @ r
                trace.var[row] = np.maximum(np.diag(pick @ (p - p @ info @ p) @ pick.T), 0.0)
            h, c = _loads(evidence, i, k), trace.record[i, :n]
            d1, d2 = trace.record[i, n], trace.record[i, n + 1]
            back = np.eye(n) + d2 * np.outer(h, c)
            r = back @ r + h * d1
            info = back @ info @ back.T - d2 * np.outer(h, h)
            gap = int(evidence.at[i]) - int(evidence.at[i - 1]) if i > first else 0
            if gap > 0:
                g = dyn.decay(gap)
                r *= g
                info *= np.outer(g, g)
