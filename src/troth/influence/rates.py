"""Rates with honest intervals: Wilson where asks are many, drawn together where customers have few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln
from scipy.stats import norm

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SHARES: Final = np.linspace(0.01, 0.99, 50)
_WEIGHTS: Final = np.exp(np.linspace(np.log(0.5), np.log(50.0), 25))
"""Grids of the customers' mean rate and of how alike they are (asks that their likeness is worth). Beyond 50 they are
taken to differ by as little as that: few customers cannot show that they are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share with its 95 % interval; of `asks`, so many were taken up."""

    asks: int
    taken: int
    rate: float
    low: float
    high: float


def wilson(taken: float, asks: float, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share (Wilson 1927, JASA 22:209); counts may be effective ones, no asks gives 0 to 1."""
    if asks <= 0:
        return 0.0, 1.0
    z, share = float(norm.ppf((1 + level) / 2)), taken / asks
    centre = (share + z * z / (2 * asks)) / (1 + z * z / asks)
    reach = z / (1 + z * z / asks) * float(np.sqrt(share * (1 - share) / asks + z * z / (4 * asks * asks)))
    return max(float(centre - reach), 0.0), min(float(centre + reach), 1.0)


def rate_clustered(taken: Ints, asks: Ints) -> Rate:
    """The share over customers, of whom each is more like itself than like others.

    Args:
        taken, asks: shape (customers,).

    Wilson with as many asks as they are worth: all of them over the design effect, which is never taken below 1
    (Korn & Graubard 1998, Survey Methodology 24:193; Dean & Pagano 2015, J. Survey Stat. Methodol. 3:484).
    """
    kept = asks > 0
    taken, asks = taken[kept], asks[kept]
    total, count = int(asks.sum()), len(asks)
    if not total:
        return Rate(asks=0, taken=0, rate=float("nan"), low=0.0, high=1.0)
    share = float(taken.sum() / total)
    effect = 1.0
    if count > 1 and 0 < share < 1:
        spread = count / (count - 1) * float(((taken - share * asks) ** 2).sum()) / total**2
        effect = max(spread / (share * (1 - share) / total), 1.0)
    low, high = wilson(taken.sum() / effect, total / effect)
    return Rate(asks=total, taken=int(taken.sum()), rate=share, low=low, high=high)


def rate_together(taken: Ints, asks: Ints) -> list[Rate]:
    """Each customer's share drawn towards the others' by as much as few asks deserve.

    A beta-binomial whose mean and likeness are averaged over a grid by their marginal likelihood, so that what is not
    known of the customers as a whole widens each interval too. Cost: customers x some 10,000.

    Args:
        taken, asks: shape (customers,); a customer without asks gets what is known of the others.
    """
    share, weight = np.meshgrid(_SHARES, _WEIGHTS, indexing="ij")
    a, b = (share * weight).ravel(), ((1 - share) * weight).ravel()
    fit = np.zeros(len(a))
    for one, of in zip(taken, asks, strict=True):
        fit += betaln(a + one, b + of - one) - betaln(a, b)
    worth = np.exp(fit - fit.max())
    worth /= worth.sum()
    heavy = np.argsort(worth)[::-1]
    heavy = heavy[: int(np.searchsorted(np.cumsum(worth[heavy]), 0.995)) + 1]
    a, b, worth = a[heavy], b[heavy], worth[heavy] / worth[heavy].sum()
    rates: list[Rate] = []
    for one, of in zip(taken, asks, strict=True):
        low, high = (_find_quantile(a + one, b + of - one, worth, level) for level in (0.025, 0.975))
        mean = float(worth @ ((a + one) / (a + b + of)))
        rates.append(Rate(asks=int(of), taken=int(one), rate=mean, low=low, high=high))
    return rates


def _find_quantile(a: Floats, b: Floats, worth: Floats, level: float) -> float:
    """A quantile of a mixture of beta distributions, by halving."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if float(worth @ betainc(a, b, middle)) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def count_by(groups: Sequence[str], taken: Sequence[bool]) -> tuple[list[str], Ints, Ints]:
    """Names in order of the alphabet, and for each how many were taken up and how many there are."""
    names, code = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    return (
        names.tolist(),
        np.bincount(code, taken, len(names)).astype(np.int64),
        np.bincount(code, minlength=len(names)),
    )
