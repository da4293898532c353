"""How likely each end of a deal is in each week that it is still open.

    log( h_c(t) / h_0(t) ) = a_c(t) + b_c' x,   c in {won, lost}

where h_0 is the chance that the week ends with the deal still open: a multinomial logit over person-periods, which is
the discrete-time form of cause-specific hazards with competing ends. Source: MEASUREMENT.md section 6; Allison 1982,
"Discrete-time methods for the analysis of event histories"; Tutz & Schmid 2016, chapter 8.

Coefficients carry a normal prior, so that a firm with few deals gets wide intervals and no infinities; errors are
clustered, since the weeks of one account are no independent witnesses (Liang & Zeger 1986).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from troth.errors import InputError
from troth.worth.clustered import add_slopes, find_heavy, jackknife, sandwich

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OPEN: Final = 0
WON: Final = 1
LOST: Final = 2

_CHUNK: Final = 1 << 12  # rows worked on at once: what a processor's cache holds
_STEPS: Final = 60
_THIN: Final = 1 << 17  # rows from which a first guess is made of every sixteenth
_SETTLED: Final = 1e-4
"""Of the largest move of a coefficient, in prior standard deviations: the error after a step goes with its square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardFit:
    """Coefficients of both ends, and how sure they are.

    Attributes:
        coefficients: shape (2, columns): won, lost; log odds against staying open, per unit of each column.
        covariance: shape (2 * columns, 2 * columns), clustered; rows in the order of `coefficients.ravel()`.
        plain: the same without clusters, the inverse of the information.
        log_likelihood: without the prior.
        rows, clusters: what it rests on.
        events: how many weeks ended won, and lost.
    """

    coefficients: Floats
    covariance: Floats
    plain: Floats
    log_likelihood: float
    rows: int
    clusters: int
    events: tuple[int, int]

    @property
    def errors(self) -> Floats:
        """Clustered standard errors, shape (2, columns)."""
        return np.sqrt(np.diag(self.covariance)).reshape(self.coefficients.shape)

    def interval(self, end: int, column: int, *, level: float = 0.95) -> tuple[float, float]:
        """The interval of one coefficient, by Student's t with one degree of freedom fewer than clusters."""
        reach = float(student.ppf((1 + level) / 2, max(self.clusters - 1, 1)))
        centre, error = self.coefficients[end - 1, column], self.errors[end - 1, column]
        return float(centre - reach * error), float(centre + reach * error)

    def draw(self, draws: int, rng: np.random.Generator) -> Floats:
        """Coefficients as they may be, shape (draws, 2, columns)."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        standard = rng.standard_normal((draws, len(values)))
        return self.coefficients[None] + (standard @ root.T).reshape(draws, *self.coefficients.shape)


def fit_hazards(
    design: Floats,
    event: Ints,
    cluster: Ints,
    *,
    prior_sd: Floats,
    start: Floats | None = None,
    leave_out: bool = False,
) -> HazardFit:
    """Fit both hazards at once by Newton's method.

    Args:
        design: shape (rows, columns), one row a week of one deal; an intercept where one is wanted.
        event: shape (rows,): OPEN, WON or LOST at the end of the week.
        cluster: shape (rows,): whose weeks they are, as 0, 1, 2, ...
        prior_sd: shape (columns,): standard deviation of each column's coefficient before the data; inf for none.
        start: shape (2, columns): where to begin; the answer is the same from everywhere.
        leave_out: errors by leaving out each cluster in turn, and not from the sandwich alone (see `clustered`).

    Raises: InputError when a value is not finite, or the shapes do not fit.

    Cost: linear in the rows; about columns² multiplications for each in each of some five steps.
    """
    _check(design, event, cluster, prior_sd)
    rows, columns = design.shape
    theta = find_coefficients(design, event, prior_sd=prior_sd, start=start).ravel()
    clusters = int(cluster.max()) + 1
    reached, _, information, slopes = _measure(design, event, theta, cluster=cluster, clusters=clusters)
    total = information + np.diag(np.tile(1.0 / np.square(prior_sd), 2))
    plain = np.linalg.inv(total).astype(np.float64)
    present = int(np.count_nonzero(np.bincount(cluster)))
    if leave_out:
        parts = _Parts(design, event, cluster, theta, find_heavy(cluster, clusters))
        covariance = jackknife(total, slopes, present, heavy=parts.heavy, inform=parts.inform)
    else:
        covariance = sandwich(plain, slopes, present)
    return HazardFit(
        coefficients=theta.reshape(2, columns),
        covariance=covariance,
        plain=plain,
        log_likelihood=reached,
        rows=rows,
        clusters=present,
        events=(int((event == WON).sum()), int((event == LOST).sum())),
    )


def find_coefficients(
    design: Floats, event: Ints, *, prior_sd: Floats, start: Floats | None = None, settled: float = _SETTLED
) -> Floats:
    """The coefficients alone, shape (2, columns); arguments as in `fit_hazards`.

    Args:
        settled: the last step is shorter than this, in prior standard deviations.
    """
    columns = design.shape[1]
    theta = np.zeros(2 * columns) if start is None else start.ravel().copy()
    if len(design) > _THIN and start is None:
        theta = _climb(design[::16], event[::16], prior_sd, theta, settled=0.01)
    return _climb(design, event, prior_sd, theta, settled=settled).reshape(2, columns)


class _Parts:
    """The information that each heavy cluster brings."""

    def __init__(self, design: Floats, event: Ints, cluster: Ints, theta: Floats, heavy: Ints) -> None:
        self.heavy, self._theta = heavy, theta
        rows = np.flatnonzero(np.isin(cluster, heavy))
        rows = rows[np.argsort(cluster[rows], kind="stable")]
        self._design, self._event = design[rows], event[rows]
        self._begins = np.searchsorted(cluster[rows], np.arange(int(cluster.max()) + 2))

    def inform(self, cluster: int) -> Floats:
        mine = slice(self._begins[cluster], self._begins[cluster + 1])
        return _measure(self._design[mine], self._event[mine], self._theta).information


class _Measured(NamedTuple):
    """At some coefficients: the log likelihood, its slope, the information, and the slope of each cluster if asked."""

    reached: float
    slope: Floats
    information: Floats
    by_cluster: Floats


def _climb(design: Floats, event: Ints, prior_sd: Floats, theta: Floats, *, settled: float) -> Floats:
    """The coefficients where the likelihood with its prior is highest.

    The log of likelihood times prior is concave, so there is one such place.
    """
    weight = np.tile(1.0 / np.square(prior_sd), 2)
    scale = np.tile(np.where(np.isfinite(prior_sd), prior_sd, 1.0), 2)
    last = np.inf
    here = _measure(design, event, theta)
    for _ in range(_STEPS):
        reached = here.reached - 0.5 * float(weight @ theta**2)
        step = np.linalg.solve(here.information + np.diag(weight), here.slope - weight * theta)
        share = 1.0
        moved = float(np.max(np.abs(step) / scale))
        if moved < settled and moved <= last:
            return theta + step
        while True:
            tried = theta + share * step
            there = _measure(design, event, tried)
            value = there.reached - 0.5 * float(weight @ tried**2)
            if value >= reached - 1e-9 * abs(reached) or share < 1e-6:
                break
            share /= 2  # the likelihood is concave, so a short enough step always climbs
        theta, here, last = tried, there, moved * share
    return theta


def shift_intercepts(fitted: HazardFit, open_share: float) -> HazardFit:
    """The fit as it is where only a share of the weeks without an end was fitted; the first column is the intercept."""
    coefficients = fitted.coefficients.copy()
    coefficients[:, 0] += math.log(open_share)
    return replace(fitted, coefficients=coefficients)


def hazards(design: Floats, coefficients: Floats) -> Floats:
    """The chance that a week ends open, won or lost.

    Args:
        design: shape (..., columns).
        coefficients: shape (2, columns).

    Returns: shape (..., 3).
    """
    won, lost = design @ coefficients[0], design @ coefficients[1]
    top = np.maximum(np.maximum(won, lost), 0.0)
    chance = np.stack([np.exp(-top), np.exp(won - top), np.exp(lost - top)], axis=-1)
    chance /= (chance[..., OPEN] + chance[..., WON] + chance[..., LOST])[..., None]
    return chance


def chances_of_ends(design: Floats, coefficients: Floats) -> Floats:
    """The chances of winning and of losing alone, shape (2, rows), of a design of shape (rows, columns)."""
    odds = coefficients @ design.T
    top = np.maximum(odds.max(axis=0), 0.0)
    odds -= top
    np.exp(odds, out=odds)
    odds /= np.exp(-top) + odds[0] + odds[1]
    return odds


def _measure(
    design: Floats, event: Ints, theta: Floats, *, cluster: Ints | None = None, clusters: int = 0
) -> _Measured:
    columns = design.shape[1]
    coefficients = theta.reshape(2, columns)
    total, slope, information = 0.0, np.zeros((2, columns)), np.zeros((2 * columns, 2 * columns))
    by_cluster = np.zeros((clusters, 2 * columns))
    first, second = slice(0, columns), slice(columns, 2 * columns)
    for start in range(0, len(design), _CHUNK):
        rows = slice(start, start + _CHUNK)
        part, came = design[rows], event[rows]
        odds = coefficients @ part.T
        top = np.maximum(odds.max(axis=0), 0.0)
        odds -= top
        won, lost = np.exp(odds)
        sum_ = np.exp(-top) + won + lost
        is_won, is_lost = came == WON, came == LOST
        total += float(odds[0] @ is_won + odds[1] @ is_lost - top @ (came == OPEN) - np.log(sum_).sum())
        won /= sum_
        lost /= sum_
        missed_won, missed_lost = is_won - won, is_lost - lost
        slope[0] += missed_won @ part
        slope[1] += missed_lost @ part
        for block, pull in (
            ((first, first), won * (1 - won)),
            ((second, second), lost * (1 - lost)),
            ((first, second), -won * lost),
        ):
            information[block] += (part * pull[:, None]).T @ part
        if cluster is not None:
            missed = np.concatenate([missed_won[:, None] * part, missed_lost[:, None] * part], axis=1)
            add_slopes(missed, cluster[rows], by_cluster)
    information[second, first] = information[first, second].T
    return _Measured(total, slope.ravel(), information, by_cluster)


def _check(design: Floats, event: Ints, cluster: Ints, prior_sd: Floats) -> None:
    if design.ndim != 2 or not len(design) or len(event) != len(design) or len(cluster) != len(design):
        raise InputError("the weeks of the deals do not make one table: give one event and one cluster for each row.")
    if len(prior_sd) != design.shape[1] or not (prior_sd > 0).all():
        raise InputError("each column of the design needs a prior standard deviation above zero.")
    if not np.isfinite(design).all():
        raise InputError("the design holds a value that is not finite.")
    if event.min() < OPEN or event.max() > LOST:
        raise InputError("an event is 0 (open), 1 (won) or 2 (lost).")
