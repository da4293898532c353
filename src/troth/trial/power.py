"""What a trial could find, said before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from scipy.stats import nct
from scipy.stats import t as student

POWER: Final = 0.8
_ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The least effect that a trial would find four times of five.

    Attributes:
        least: in units of the outcome.
        error: standard error of the difference that is reckoned with.
        basis: what it rests on, in words.
    """

    least: float
    error: float
    basis: str


def find_least(error: float, *, accounts: int, basis: str) -> Power:
    """The least effect found with probability POWER at .05, two-sided.

    Args:
        error: standard error of the difference.
        accounts: in both arms.

    Source: Bloom 1995, Evaluation Review 19:547: multipliers of the standard error from Student's t.
    """
    free = _free(accounts)
    reach = float(student.ppf(1 - _ALPHA / 2, free) + student.ppf(POWER, free))
    return Power(least=reach * error, error=error, basis=basis)


def find_chance(effect: float, error: float, *, accounts: int) -> float:
    """The probability that an effect of this size is found at .05, two-sided."""
    free = _free(accounts)
    edge, shift = float(student.ppf(1 - _ALPHA / 2, free)), effect / error
    return float(nct.sf(edge, free, shift) + nct.cdf(-edge, free, shift))


def _free(accounts: int) -> int:
    """Degrees of freedom: a lot within pairs has as many independent parts as there are pairs."""
    return max(accounts // 2 - 1, 1)


def error_of_share(share: float, accounts: int) -> float:
    """Standard error of the difference between two shares, each of half of the accounts."""
    return 2.0 * math.sqrt(max(share * (1 - share), 0.0) / max(accounts, 1))
