"""Sums that grow by a factor: Poisson's likelihood for money and counts, over all accounts or within each.

    E[ y ] = exp( b'x )                over accounts
    E[ y ] = exp( a[account] + b'x )   within accounts: a[account] takes up whatever lasts

Both are right about b whatever the spread of y, as long as the mean is right; errors are clustered by account and know
of no Poisson spread. Source: Gourieroux, Monfort & Trognon 1984, Econometrica 52:701; Hausman, Hall & Griliches 1984,
Econometrica 52:909; Wooldridge 1999, Journal of Econometrics 90:77.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from troth.errors import InputError
from troth.worth.clustered import find_heavy, jackknife, sandwich

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEPS: Final = 60
_SETTLED: Final = 1e-9
_LONGEST: Final = 3.0  # of one step of a coefficient: the first steps from nowhere may be wild


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFit:
    """Coefficients in logs, shape (columns,), their clustered covariance, and how many clusters they rest on."""

    coefficients: Floats
    covariance: Floats
    clusters: int

    def interval(self, column: int, *, level: float = 0.95) -> tuple[float, float]:
        """The interval of one coefficient, by Student's t with one degree of freedom fewer than clusters."""
        reach = float(student.ppf((1 + level) / 2, max(self.clusters - 1, 1)))
        error = float(np.sqrt(self.covariance[column, column]))
        return float(self.coefficients[column] - reach * error), float(self.coefficients[column] + reach * error)


def fit_counts(
    design: Floats, y: Floats, cluster: Ints, *, prior_sd: Floats, within: bool = False, leave_out: bool = False
) -> CountFit:
    """Fit by Newton's method.

    Args:
        design: shape (rows, columns); over accounts an intercept among them, within accounts none.
        y: shape (rows,), at least 0, in units of about its own spread, since the prior counts in them.
        cluster: shape (rows,): the account of each row, as 0, 1, 2, ...
        prior_sd: shape (columns,): of the coefficients before the data; inf for none.
        within: give each account its own level, which only what changes within it can pass. Accounts without any y,
            and those with a single row, say nothing and count in no error.
        leave_out: errors by leaving out each cluster in turn (see `clustered`).

    Raises: InputError when y is negative, not finite, or all zero.
    Cost: linear in the rows.
    """
    if not len(y) or not np.isfinite(design).all() or not np.isfinite(y).all() or (y < 0).any() or not y.any():
        raise InputError("sums to be explained must be finite and at least 0, and not all 0.")
    clusters = int(cluster.max()) + 1
    total = np.bincount(cluster, y, minlength=clusters).astype(np.float64)
    many = np.bincount(cluster, minlength=clusters)
    if within:
        telling = ((total > 0) & (many > 1))[cluster]
        design, y, cluster = design[telling], y[telling], cluster[telling]
        if not len(y):
            raise InputError("no account has two rows and a sum: nothing can be compared within accounts.")
    weight = np.diag(1.0 / np.square(prior_sd))
    theta = np.zeros(design.shape[1])
    if not within:
        theta[0] = np.log(y.mean())  # the intercept comes first
    for _ in range(_STEPS):
        mean, centred = _expect(design, theta, cluster, total, within=within)
        step = np.linalg.solve((centred * mean[:, None]).T @ centred + weight, centred.T @ (y - mean) - weight @ theta)
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        theta = theta + step
        if np.abs(step).max() < _SETTLED:
            break
    mean, centred = _expect(design, theta, cluster, total, within=within)
    information = (centred * mean[:, None]).T @ centred + weight
    slopes = np.zeros((clusters, design.shape[1]))
    np.add.at(slopes, cluster, centred * (y - mean)[:, None])
    present = int(np.count_nonzero(np.bincount(cluster)))
    if leave_out:
        order = np.argsort(cluster, kind="stable")
        begins = np.searchsorted(cluster[order], np.arange(clusters + 1))

        def inform(one: int) -> Floats:
            rows = order[begins[one] : begins[one + 1]]
            return (centred[rows] * mean[rows, None]).T @ centred[rows]

        heavy = find_heavy(cluster, clusters)
        covariance = jackknife(information, slopes, present, heavy=heavy, inform=inform)
    else:
        covariance = sandwich(np.linalg.inv(information).astype(np.float64), slopes, present)
    return CountFit(coefficients=theta, covariance=covariance, clusters=present)


def _expect(design: Floats, theta: Floats, cluster: Ints, total: Floats, *, within: bool) -> tuple[Floats, Floats]:
    """The mean of each row, and its columns less their mean in the account where that has a level of its own."""
    odds = design @ theta
    if not within:
        return np.exp(np.minimum(odds, 500.0)), design
    top = np.full(len(total), -np.inf)
    np.maximum.at(top, cluster, odds)
    raw = np.exp(odds - top[cluster])
    share = raw / np.bincount(cluster, raw, minlength=len(total))[cluster]
    middle = np.stack([np.bincount(cluster, share * of, minlength=len(total)) for of in design.T], axis=1)
    return share * total[cluster], design - middle[cluster]
