"""Errors of coefficients where the rows of one account are no independent witnesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HEAVY: Final = 2000
"""An account that holds less than this part of the rows cannot move the coefficients by itself."""


def add_slopes(slopes: Floats, cluster: Ints, summed: Floats) -> None:
    """Add slopes of the likelihood in each row, shape (rows, parameters), to those of the clusters they belong to.

    Quick where the rows of a cluster mostly follow each other.
    """
    if len(cluster):
        begins = np.flatnonzero(np.concatenate([[True], cluster[1:] != cluster[:-1]]))
        np.add.at(summed, cluster[begins], np.add.reduceat(slopes, begins, axis=0))


def sandwich(plain: Floats, slopes: Floats, present: int) -> Floats:
    """Clustered covariance as it is mostly taken (CR1): too small where accounts are few or of very unequal weight.

    Args:
        plain: shape (parameters, parameters), the inverse of the information.
        slopes: shape (clusters, parameters).
        present: clusters that have rows.

    Source: Liang & Zeger 1986, Biometrika 73:13.
    """
    return present / max(present - 1, 1) * plain @ (slopes.T @ slopes) @ plain


def find_heavy(cluster: Ints, clusters: int) -> Ints:
    """The clusters that weigh enough to move coefficients by themselves; at most 2,000."""
    return np.flatnonzero(np.bincount(cluster, minlength=clusters) * _HEAVY >= max(len(cluster), 1))


def jackknife(total: Floats, slopes: Floats, present: int, *, heavy: Ints, inform: Callable[[int], Floats]) -> Floats:
    """Clustered covariance by leaving out each account in turn, in one step of Newton's method each (CR3).

    Args:
        total: shape (parameters, parameters): the information of all, with the prior.
        slopes: shape (clusters, parameters).
        present: clusters that have rows.
        heavy: clusters that are really left out; for the others, leaving out changes nothing that could be seen.
        inform: the information of one cluster, without a prior.

    Source: Bell & McCaffrey 2002, Survey Methodology 28:169; MacKinnon, Nielsen & Webb 2023, Journal of Applied
    Econometrics 38:671, who show that it errs on the wide side where clusters are few.
    """
    moved = np.linalg.solve(total, slopes.T).T
    for one in heavy.tolist():
        moved[one] = np.linalg.lstsq(total - inform(one), slopes[one])[0]
    return (present - 1) / max(present, 1) * (moved.T @ moved)
