"""A logit whose strata may each have a level of their own, which drops out.

    P(y in stratum | how many y are 1) = exp(sum of y_t x_t'b) / sum over all ways to place as many ones of the same

The sum over placements is the elementary symmetric function of exp(x_t'b), made by its recursion (Gail, Lubin &
Rubinstein 1981, Biometrika 68:703) together with its first two derivatives, so nothing is approximated. Strata in which
all outcomes are alike say nothing and are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm
from scipy.stats import t as student

from troth.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_STEPS: Final = 60
_SETTLED: Final = 1e-10
_CELLS: Final = 1 << 14  # strata times rows of one batch: what fits into a processor's cache


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalFit:
    """Log odds ratios within strata, and how sure they are.

    Attributes:
        coefficients: shape (columns,), log odds per unit of each column.
        covariance: shape (columns, columns), the inverse of the information; clustered where clusters were given.
        log_likelihood: conditional, without the prior.
        rows, strata: that had outcomes of both kinds.
        clusters: among these; 0 where none were given.
        residuals: shape (rows given,): outcome less its chance given the stratum's sum; 0 where the stratum is silent.
    """

    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    rows: int
    strata: int
    clusters: int
    residuals: Floats

    @property
    def errors(self) -> Floats:
        """Standard errors, shape (columns,)."""
        return np.sqrt(np.diag(self.covariance))

    def interval(self, column: int, *, level: float = 0.95) -> tuple[float, float]:
        """Of one coefficient: normal, or Student's t with one degree of freedom fewer than clusters."""
        reach = (1 + level) / 2
        width = float(student.ppf(reach, max(self.clusters - 1, 1))) if self.clusters else float(norm.ppf(reach))
        centre, error = float(self.coefficients[column]), float(self.errors[column])
        return centre - width * error, centre + width * error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Strata of like size, filled up with rows that weigh nothing."""

    rows: Ints  # (strata, longest), row given; -1 where filled up
    ones: Ints  # (strata,)


def fit_conditional(
    design: Floats, outcome: Bools, stratum: Ints, *, prior_sd: Floats, cluster: Ints | None = None
) -> ConditionalFit:
    """Fit by Newton's method.

    Args:
        design: shape (rows, columns); no intercept, each stratum has its own.
        outcome: shape (rows,).
        stratum: shape (rows,), any whole numbers.
        prior_sd: shape (columns,): of each coefficient before the data; inf for none.
        cluster: shape (rows,): whose rows they are, for errors that allow for strata of one cluster being alike.

    Raises: InputError when shapes do not fit, a value is not finite, or without a prior the data put no bound on it.
    Cost: rows x ones of their stratum x columns², some ten times.
    """
    _check(design, outcome, stratum, prior_sd)
    batches = _gather_batches(outcome, stratum)
    columns = design.shape[1]
    weight = 1.0 / np.square(prior_sd)
    theta = np.zeros(columns)
    value, slope, information = _measure(design, outcome, batches, theta)
    for _ in range(_STEPS):
        try:
            step = np.linalg.solve(information + np.diag(weight), slope - weight * theta)
        except np.linalg.LinAlgError as error:
            raise InputError(_UNBOUND) from error
        reached, share = value - 0.5 * float(weight @ theta**2), 1.0
        while True:
            tried = theta + share * step
            new, new_slope, new_information = _measure(design, outcome, batches, tried)
            if new - 0.5 * float(weight @ tried**2) >= reached - 1e-9 * abs(reached) or share < 1e-6:
                break
            share /= 2  # concave, so a short enough step always climbs
        moved = float(np.max(np.abs(tried - theta), initial=0.0))
        theta, value, slope, information = tried, new, new_slope, new_information
        if moved < _SETTLED:
            break
    try:
        plain = np.linalg.inv(information + np.diag(weight))
    except np.linalg.LinAlgError as error:
        raise InputError(_UNBOUND) from error
    residuals = _find_residuals(design, outcome, batches, theta)
    told = np.concatenate([batch.rows[batch.rows >= 0] for batch in batches]) if batches else np.zeros(0, np.int64)
    clusters = 0
    if cluster is not None:
        present, whose = np.unique(cluster[told], return_inverse=True)
        clusters = len(present)
        pulls = np.column_stack(
            [np.bincount(whose, residuals[told] * design[told, at], minlength=clusters) for at in range(columns)]
        )
        plain = clusters / max(clusters - 1, 1) * plain @ (pulls.T @ pulls) @ plain
    return ConditionalFit(
        coefficients=theta,
        covariance=np.asarray(plain, np.float64),
        log_likelihood=value,
        rows=len(told),
        strata=sum(len(batch.ones) for batch in batches),
        clusters=clusters,
        residuals=residuals,
    )


_UNBOUND: Final = "the strata put no bound on a coefficient: give each a finite prior_sd, or more data."


def _gather_batches(outcome: Bools, stratum: Ints) -> list[_Batch]:
    """Strata with outcomes of both kinds, sorted by size and cut so that a batch fits into memory."""
    order = np.argsort(stratum, kind="stable")
    names, starts, sizes = np.unique(stratum[order], return_index=True, return_counts=True)
    ones = np.add.reduceat(outcome[order].astype(np.int64), starts) if len(names) else np.zeros(0, np.int64)
    telling = np.flatnonzero((ones > 0) & (ones < sizes))
    telling = telling[np.lexsort((ones[telling], sizes[telling]))]
    batches: list[_Batch] = []
    at = 0
    while at < len(telling):
        longest = int(sizes[telling[at]])
        # A batch holds sizes up to one and a half times its smallest: little is spent on rows that weigh nothing.
        end = int(np.searchsorted(sizes[telling], max(longest * 1.5, longest + 2), side="right"))
        widest = int(sizes[telling[end - 1]])
        end = min(end, at + max(1, _CELLS // widest))
        chosen = telling[at:end]
        widest = int(sizes[chosen].max())
        steps = np.arange(widest)
        rows = np.where(
            steps < sizes[chosen][:, None], order[np.minimum(starts[chosen][:, None] + steps, len(order) - 1)], -1
        )
        batches.append(_Batch(rows=rows, ones=ones[chosen]))
        at = end
    return batches


def _measure(design: Floats, outcome: Bools, batches: list[_Batch], theta: Floats) -> tuple[float, Floats, Floats]:
    """Conditional log likelihood, its slope and the information."""
    columns = design.shape[1]
    total, slope, information = 0.0, np.zeros(columns), np.zeros((columns, columns))
    for batch in batches:
        x, given = _lay_out(design, batch)
        eta = _centre(x, given, batch.ones, theta)
        came = np.where(given, outcome[batch.rows], False)
        log_sum, first, second = _sum_placements(x, given, eta, batch.ones)
        total += float((eta * came).sum() - log_sum.sum())
        slope += (x * came[..., None]).sum(axis=(0, 1)) - first.sum(axis=0)
        information += (second - first[:, :, None] * first[:, None, :]).sum(axis=0)
    return total, slope, information


def _lay_out(design: Floats, batch: _Batch) -> tuple[Floats, Bools]:
    given = batch.rows >= 0
    return np.where(given[..., None], design[batch.rows], 0.0), given


def _centre(x: Floats, given: Bools, ones: Ints, theta: Floats) -> Floats:
    """Log odds of each row, moved within its stratum so that about as many ones are expected as there are.

    The move cancels in the likelihood, and keeps the recursion near the middle of its numbers.
    """
    sizes = given.sum(axis=1)
    eta = x @ theta
    mean = np.where(given, eta, 0.0).sum(axis=1) / sizes
    offset = np.log(ones / (sizes - ones)) - mean
    return eta + offset[:, None]


def _sum_placements(x: Floats, given: Bools, eta: Floats, ones: Ints) -> tuple[Floats, Floats, Floats]:
    """Log of the sum over placements, and the mean and second moments of a placement's x.

    Args:
        x: shape (strata, longest, columns).
        given: shape (strata, longest), False where filled up.
        eta: shape (strata, longest).
        ones: shape (strata,).

    Returns: shapes (strata,), (strata, columns), (strata, columns, columns).

    Each step is weighed by 1/(1 + odds), so what is carried is a distribution and neither over- nor underflows.
    """
    strata, longest, columns = x.shape
    most = int(ones.max())
    chance = _weigh(given, eta)
    # One flat array for each moment: few and long operations, which is several times faster than small matrices.
    pairs = [(one, other) for one in range(columns) for other in range(one, columns)]
    e0 = np.zeros((strata, most + 1))
    e0[:, 0] = 1.0
    e1 = [np.zeros_like(e0) for _ in range(columns)]
    e2 = [np.zeros_like(e0) for _ in pairs]
    for at in range(longest):
        p = chance[:, at, None]
        q = 1.0 - p
        row = [x[:, at, column, None] for column in range(columns)]
        for place, (one, other) in enumerate(pairs):
            grown = e2[place] + row[one] * e1[other] + row[other] * (e1[one] + row[one] * e0)
            e2[place] = _step(e2[place], grown, p, q)
        e1 = [_step(e1[column], e1[column] + row[column] * e0, p, q) for column in range(columns)]
        e0 = _step(e0, e0, p, q)
    each = np.arange(strata)
    whole = e0[each, ones]
    first = np.column_stack([moment[each, ones] / whole for moment in e1])
    second = np.empty((strata, columns, columns))
    for moment, (one, other) in zip(e2, pairs, strict=True):
        second[:, one, other] = second[:, other, one] = moment[each, ones] / whole
    return np.log(whole) + np.where(given, np.logaddexp(0.0, eta), 0.0).sum(axis=1), first, second


def _weigh(given: Bools, eta: Floats) -> Floats:
    """Log odds to chances; 0 where filled up."""
    return np.where(given, expit(eta), 0.0)


def _step(stays: Floats, grown: Floats, p: Floats, q: Floats) -> Floats:
    """One row more: placed elsewhere, or here, one step along the number of ones."""
    made = q * stays
    made[:, 1:] += p * grown[:, :-1]
    return made


def _find_residuals(design: Floats, outcome: Bools, batches: list[_Batch], theta: Floats) -> Floats:
    """Outcome less its chance given the stratum's sum: chance by taking each row out of the recursion's product."""
    residuals = np.zeros(len(design))
    for batch in batches:
        x, given = _lay_out(design, batch)
        expected = _expect_rows(_weigh(given, _centre(x, given, batch.ones, theta)), batch.ones)
        residuals[batch.rows[given]] = (outcome[batch.rows] - expected)[given]
    return residuals


def _expect_rows(chance: Floats, ones: Ints) -> Floats:
    """P(row is 1 | as many ones as there are), shape (strata, longest), from the rows before and after it."""
    strata, longest = chance.shape
    most = int(ones.max())
    ahead = np.zeros((longest + 1, strata, most + 1))
    ahead[0, :, 0] = 1.0
    for at in range(longest):
        ahead[at + 1] = _step(ahead[at], ahead[at], chance[:, at, None], 1.0 - chance[:, at, None])
    behind = ahead[0]
    each = np.arange(strata)
    # What is still needed from the rows before, for every number that the rows behind may bring.
    need = ones[:, None] - 1 - np.arange(most + 1)
    expected = np.zeros((strata, longest))
    for at in reversed(range(longest)):
        before = np.where(need >= 0, np.take_along_axis(ahead[at], np.maximum(need, 0), axis=1), 0.0)
        expected[:, at] = chance[:, at] * (before * behind).sum(axis=1)
        behind = _step(behind, behind, chance[:, at, None], 1.0 - chance[:, at, None])
    return expected / ahead[longest][each, ones][:, None]


def _check(design: Floats, outcome: Bools, stratum: Ints, prior_sd: Floats) -> None:
    if design.ndim != 2 or len(outcome) != len(design) or len(stratum) != len(design):
        raise InputError("the pairs do not make one table: give one outcome and one stratum for each row.")
    if len(prior_sd) != design.shape[1] or not (prior_sd > 0).all():
        raise InputError("each column of the design needs a prior standard deviation above zero.")
    if not np.isfinite(design).all():
        raise InputError("the design holds a value that is not finite.")
