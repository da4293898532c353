"""The result of a trial by intention to treat: a difference adjusted for the start, tested by the lot itself.

    outcome = level + effect x practice + c' start        least squares, each account with its weight

The lot is dealt anew within the blocks, and everything else is held fast: outcomes, weights and what was known at the
start. So where the practice does nothing to anybody, a p below .05 comes in at most one of twenty trials whatever the
outcomes are distributed like. The interval holds the effects that, taken off again, leave nothing to be found.

Source: Rosenbaum 2002, Observational Studies, sections 2.5 and 2.6; Phipson & Smyth 2010 for the count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.trial.blocks import deal_anew

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DEALS: Final = 4999
LEVEL: Final = 0.95
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What a trial's accounts came to, in any order; N accounts.

    Attributes:
        outcome: shape (N,); anything where the weight is 0.
        weight: shape (N,), at least 0: how much the outcome tells; 0 where there is none.
        start: shape (N, K): what was known of each at the start.
        block: shape (N,), numbers from 0 on.
    """

    outcome: Floats
    weight: Floats
    start: Floats
    block: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the practice goes with, against the usual.

    Attributes:
        value: the difference; NaN where there is nothing to compare.
        low, high: 95 %; infinite where the lot cannot exclude anything.
        p: of dealing the lot anew, two-sided.
        error: standard error of the difference where there is no effect: its standard deviation over the lots that
            could have been drawn, made larger by what the adjustment took off the outcome.
        accounts: with an outcome.
    """

    value: float
    low: float
    high: float
    p: float
    error: float
    accounts: int


def measure_effect(accounts: Accounts, treated: Bools, rng: np.random.Generator, *, deals: int = DEALS) -> Effect:
    """Compare the arms.

    Args:
        accounts: all that were drawn, by the arm they were drawn into, whatever they did.
        treated: shape (N,).
        deals: lots drawn anew.

    Cost: deals x N x (K + 1).
    """
    kept = accounts.weight > 0
    told = int(kept.sum())
    root = np.sqrt(np.where(kept, accounts.weight, 0.0))
    design = np.column_stack([np.ones(len(root)), accounts.start]) * root[:, None]
    basis = _span(design)
    pulled = np.where(kept, accounts.outcome, 0.0) * root
    pulled = pulled - basis @ (basis.T @ pulled)
    whole = np.vstack([treated[None, :], deal_anew(treated, accounts.block, rng, deals=deals)]) * root
    whole = whole - (whole @ basis) @ basis.T
    sizes = np.einsum("ij,ij->i", whole, whole)
    # A lot by which the arms cannot be told apart among those with an outcome shows no difference.
    sizes_or_one = np.where(sizes > _NOTHING, sizes, 1.0)
    found = np.where(sizes > _NOTHING, (whole @ pulled) / sizes_or_one, 0.0)
    overlap = np.where(sizes > _NOTHING, (whole @ whole[0]) / sizes_or_one, 0.0)
    if sizes[0] <= _NOTHING or told <= basis.shape[1] + 1:
        return Effect(value=math.nan, low=-math.inf, high=math.inf, p=math.nan, error=math.nan, accounts=told)
    value = float(found[0])
    edge = 1e-9 * max(float(np.abs(found).max()), _NOTHING)
    p = (1 + int((np.abs(found[1:]) >= abs(value) - edge).sum())) / (deals + 1)
    low, high = _turn_round(found, overlap, deals)
    error = float(found[1:].std()) * math.sqrt((told - 1) / (told - basis.shape[1]))
    return Effect(value=value, low=low, high=high, p=p, error=error, accounts=told)


def _span(design: Floats) -> Floats:
    """An orthonormal basis of the columns; columns that follow from the others are left out."""
    left, size, _ = np.linalg.svd(design, full_matrices=False)
    return left[:, size > 1e-10 * max(float(size[0]), _NOTHING)]


def _turn_round(found: Floats, overlap: Floats, deals: int) -> tuple[float, float]:
    """The effects that the test does not reject at 1 - LEVEL.

    With an effect d taken off, a lot shows found - d overlap, and the drawn one found[0] - d. A lot with |overlap|
    below 1 shows at least as much for d between two roots with found[0] in their middle; the others always do, which
    can only widen the interval.
    """
    value, rest, share = found[0], found[1:], overlap[1:]
    is_own = np.abs(share) >= 1 - 1e-9
    safe = np.where(is_own, 0.0, share)
    roots = np.stack([(value - rest) / (1 - safe), (value + rest) / (1 + safe)])
    lows = np.sort(np.where(is_own, -math.inf, roots.min(axis=0)))
    highs = np.sort(np.where(is_own, math.inf, roots.max(axis=0)))[::-1]
    # Kept while (1 + count) / (deals + 1) > 1 - LEVEL.
    need = math.floor((1 - LEVEL) * (deals + 1) + 1e-9)
    if need < 1:
        return -math.inf, math.inf
    return float(lows[need - 1]), float(highs[need - 1])
