"""Doubly robust: is a deal won more often where trust before it opened was above the median?

Two models, of who trusts and of who wins, each from what was known before: the answer is right where either is (AIPW).
Both are fitted on other accounts than those they are asked about. Source: Robins, Rotnitzky & Zhao 1994, Journal of the
American Statistical Association 89:846; Chernozhukov et al. 2018, The Econometrics Journal 21:C1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import t as student

from troth.worth.hazards import OPEN, WON, find_coefficients
from troth.worth.ratios import LEAST_ACCOUNTS, LEAST_ENDS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FOLDS: Final = 5
_LEAST_CHANCE: Final = 0.025
"""Of trusting above or below the median: a chance below it is taken to be it, so that no single deal decides."""
_BASE_SD: Final = 10.0
_FACT_SD: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """How much likelier deals are won where trust was above the median, in shares of deals; 95 % interval.

    Attributes:
        clipped: share of deals of which it was nearly sure on which side they would be: where large, there is little
            to compare.
        deals, above: deals asked about, and those of them above the median.
        enough: whether there were ends and accounts enough on both sides; where not, the figures mean nothing.
    """

    difference: float
    low: float
    high: float
    deals: int
    above: int
    accounts: int
    clipped: float
    enough: bool


def contrast_doubly(above: Bools, won: Bools, facts: Floats, account: Ints, rng: np.random.Generator) -> Contrast:
    """The difference in the chance of `won` between the sides, adjusted for `facts` in two ways at once.

    Args:
        above: shape (deals,): whether trust was above the median.
        won: shape (deals,): whether the deal was won within the time asked about.
        facts: shape (deals, facts): known before; not standardised.
        account: shape (deals,): 0, 1, 2, ...; accounts are kept whole in every fold.
        rng: deals accounts to folds.

    Cost: linear in the deals.
    """
    accounts = len(np.unique(account))
    sides = [above, ~above]
    enough = all(
        (won & side).sum() >= LEAST_ENDS
        and (~won & side).sum() >= LEAST_ENDS
        and len(np.unique(account[side])) >= LEAST_ACCOUNTS
        for side in sides
    )
    if not enough:
        return Contrast(
            difference=0.0, low=-1.0, high=1.0, deals=len(won), above=int(above.sum()), accounts=accounts, clipped=0.0,
            enough=False,
        )  # fmt: skip
    scales = facts.std(axis=0)
    design = np.column_stack([np.ones(len(won)), (facts - facts.mean(axis=0)) / np.where(scales > 0, scales, 1.0)])
    fold = rng.permutation(np.arange(int(account.max()) + 1) % FOLDS)[account]
    trusts, if_above, if_below = np.empty(len(won)), np.empty(len(won)), np.empty(len(won))
    for one in range(FOLDS):
        asked, others = fold == one, fold != one
        trusts[asked] = _foretell(design, above, others, asked)
        if_above[asked] = _foretell(design, won, others & above, asked)
        if_below[asked] = _foretell(design, won, others & ~above, asked)
    sure = (trusts < _LEAST_CHANCE) | (trusts > 1 - _LEAST_CHANCE)
    trusts = np.clip(trusts, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    share = if_above - if_below + above * (won - if_above) / trusts - ~above * (won - if_below) / (1 - trusts)
    mean = float(share.mean())
    away = np.bincount(account, share - mean)
    error = math.sqrt(float(away @ away) * accounts / (accounts - 1)) / len(share)
    reach = float(student.ppf(0.975, accounts - 1)) * error
    return Contrast(
        difference=mean, low=mean - reach, high=mean + reach, deals=len(won), above=int(above.sum()),
        accounts=accounts, clipped=float(sure.mean()), enough=True,
    )  # fmt: skip


def _foretell(design: Floats, is_so: Bools, learned: Bools, asked: Bools) -> Floats:
    """The chance that something is so, by a logistic regression on the rows learned from."""
    prior = np.full(design.shape[1], _FACT_SD)
    prior[0] = _BASE_SD
    event = np.where(is_so[learned], WON, OPEN)
    odds = design[asked] @ find_coefficients(design[learned], event, prior_sd=prior)[0]
    return expit(odds)
