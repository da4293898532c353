"""Finds the compiled kernels and calls them; without them, the NumPy reference.

Why C compiled ahead and not numba: numba brings 189 MB of dependencies and takes one to three seconds at the first
call; this is one small file that the system's compiler builds with the wheel. ctypes lets go of the interpreter lock
during a call, so relationships run on several threads.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.trust import _reference
from troth.trust._arrays import Evidence, Stack, Trace
from troth.trust.model import Dynamics, Floats, Ints

_P, _I, _L, _D = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_double


@cache
def _library() -> ctypes.CDLL | None:
    """The compiled kernels beside this file, or None where no compiler was there when the wheel was built."""
    for name in ("_kernel.so", "_kernel.dylib"):
        path = Path(__file__).with_name(name)
        if path.exists():
            return declare(ctypes.CDLL(str(path)))
    return None


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Tell ctypes what the kernels take, in the order of their C signatures."""
    library.troth_forward.argtypes = [_I, _L, *[_P] * 10, _D, _D, *[_P] * 13]
    library.troth_forward.restype = None
    library.troth_ledger.argtypes = [_I, _L, *[_P] * 4, _D, _D, _P, _L, *[_P] * 4]
    library.troth_ledger.restype = _D
    library.troth_smooth.argtypes = [_I, _L, *[_P] * 5, _D, _D, *[_P] * 5]
    library.troth_smooth.restype = None
    return library


def kernel_name() -> str:
    """ "c" where the compiled kernels run, "numpy" where their slow reference does."""
    return "numpy" if _library() is None else "c"


def _at(array: NDArray[Any]) -> int | None:
    """Where the numbers lie; null for an array left empty because it was not asked for."""
    if not array.flags.c_contiguous:
        raise ValueError("a kernel takes contiguous arrays only")
    return array.ctypes.data if array.size else None


def forward(evidence: Evidence, dyn: Dynamics, stack: Stack, emit: Ints, trace: Trace) -> None:
    """Run the filter over every relationship of `evidence` (MEASUREMENT 4.1 to 4.3).

    Args:
        evidence: N readings of G relationships, sorted.
        dyn: rates and prior.
        stack: G states, in and out.
        emit: shape (N,), the row of `trace` to write after each reading, or -1.
        trace: out.

    Raises: nothing. Cost: O(K^2) a reading, nothing allocated.
    """
    library = _library()
    if library is None:
        return _reference.forward(evidence, dyn, stack, emit, trace)
    ev = evidence
    inputs = (ev.start, ev.facet, ev.at, ev.lo, ev.hi, ev.v, ev.slope, ev.alpha, ev.beta, ev.slow_only)
    outputs = (dyn.mean, dyn.prior, stack.at, stack.mean, stack.cov, stack.count, stack.loglik, emit)
    written = (trace.mean, trace.var, trace.count, trace.cov, trace.record)
    library.troth_forward(
        dyn.facets,
        len(ev.start) - 1,
        *map(_at, inputs),
        dyn.slow_rate,
        dyn.fast_rate,
        *map(_at, (*outputs, *written)),
    )
    return None


def ledger(evidence: Evidence, dyn: Dynamics, end_us: int, record: Floats, q: Floats) -> tuple[float, Floats, Floats]:
    """Trace a score back to its readings (MEASUREMENT 4.4).

    Args:
        evidence: N readings of one relationship.
        dyn: rates and prior.
        end_us: time of the score, not before the last reading.
        record: shape (N, 2K + 3), from `forward`.
        q: shape (2K,), weights of the score on the state at `end_us`; overwritten.

    Returns: the prior's part, and shape (N,) each: weights w_i and shares w_i z~_i. Parts and shares sum to the score.
    """
    library = _library()
    if library is None:
        return _reference.ledger(evidence, dyn, end_us, record, q)
    ev, weight, share = evidence, np.empty(len(record)), np.empty(len(record))
    prior_part = library.troth_ledger(
        dyn.facets,
        len(record),
        *map(_at, (ev.facet, ev.at, ev.slope, ev.slow_only)),
        dyn.slow_rate,
        dyn.fast_rate,
        _at(dyn.mean),
        end_us,
        *map(_at, (record, q, weight, share)),
    )
    return float(prior_part), weight, share


def smooth(evidence: Evidence, dyn: Dynamics, emit: Ints, trace: Trace) -> None:
    """Turn the filtered `trace.mean` and `trace.var` of `forward` into smoothed ones (MEASUREMENT 4.4).

    `trace` must hold cov and record. Cost: O(K^2) a reading, O(K^3) an emitted row; no matrix is inverted.
    """
    library = _library()
    if library is None:
        return _reference.smooth(evidence, dyn, emit, trace)
    ev = evidence
    library.troth_smooth(
        dyn.facets,
        len(ev.start) - 1,
        *map(_at, (ev.start, ev.facet, ev.at, ev.slope, ev.slow_only)),
        dyn.slow_rate,
        dyn.fast_rate,
        *map(_at, (trace.record, emit, trace.cov, trace.mean, trace.var)),
    )
    return None
