"""What goes with one standard deviation more trust: the odds of winning and of losing a week, over every lag."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.errors import InputError
from troth.worth.baseline import Baseline, place_knots
from troth.worth.frozen import ScorePaths
from troth.worth.hazards import LOST, OPEN, WON, HazardFit, find_coefficients, fit_hazards, shift_intercepts
from troth.worth.periods import Deals, Periods, cut_weeks, thin_weeks
from troth.worth.survivors import Unseen, gauge_unseen, lean, see_through, sum_hazards, widen

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LAGS: Final = (0.0, 7.0, 14.0, 28.0, 56.0)
"""Days before the week at which trust is frozen; the whole curve is always shown."""
MAIN_LAG: Final = 28.0
"""The one lag that figures rest on, chosen before any data: in simulated deals without any effect, customers who warm
up ten days before signing made a ratio of 1.57, 1.07, 1.01, 1.00 of lags 0, 7, 14, 28 (MEASUREMENT.md section 6)."""

LEAST_ENDS: Final = 10
"""Deals that ended so, from which a ratio is told; below, there is not enough to say."""
LEAST_ACCOUNTS: Final = 8
"""Accounts among which trust may differ, from which clustered errors mean anything."""

_BASELINE_SD: Final = 10.0
_TRUST_SD: Final = 2.5  # log odds per standard deviation: says next to nothing, but keeps few deals finite
_ROUGHLY: Final = 0.02  # a step after which trust is moved again before the fit is made to the end
_ROUNDS: Final = 2  # of moving trust to what it is among the deals still open; each leaves a twentieth of the error
_FACT_SD: Final = 1.0  # of standardised facts

NAMES: Final = {"won": WON, "lost": LOST}

Facts = Callable[[Periods, float], Mapping[str, Floats]]
"""Adjustment: facts known before each week, and as far as trust could move them before it was frozen so many days
earlier, by name; each of shape (rows,)."""

NOT_KNOWN: Final = "nothing known of the account"
"""The fact that nothing had been read of an account by then; there only where it sets weeks apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorthFit:
    """The hazards of one firm's deals given trust frozen `lag` days before.

    Attributes:
        fit: of deals whose trust is what it is.
        thinned: shape (2, columns): the coefficients as they were fitted to the weeks taken.
        columns: of the design: the baseline's, then trust, then the facts.
        trust: shape (rows,), in prior standard deviations.
        known: whether anything was known of the account by then; where nothing was, trust is typical.
        unseen: how much of trust was not known.
        centres, scales: of the facts, as they were standardised.
    """

    lag: float
    fit: HazardFit
    thinned: Floats
    baseline: Baseline
    columns: tuple[str, ...]
    ends: tuple[int, int]  # won and lost where something was known of the account: the others say nothing of trust
    periods: Periods
    trust: Floats
    known: NDArray[np.bool_]
    unseen: Unseen
    centres: Floats
    scales: Floats

    @property
    def at(self) -> int:
        """The column of trust."""
        return self.baseline.columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How many times the odds of an end in a week go with one standard deviation more trust.

    A standard deviation is that between relationships as the filter holds them to differ; what was read shows less.
    `ends` and `accounts` are those of which something was known by then.
    `enough` says whether there were ends and accounts enough to say so at all; where not, the figures are the prior's.
    """

    end: str
    lag: float
    ratio: float
    low: float  # 95 %
    high: float
    ends: int
    accounts: int
    enough: bool


def fit_worth(
    deals: Deals,
    relationships: Sequence[str],
    paths: ScorePaths,
    *,
    lag: float = MAIN_LAG,
    facts: Facts | None = None,
    start: WorthFit | None = None,
    periods: Periods | None = None,
) -> WorthFit:
    """Fit both hazards with trust frozen `lag` days before each week.

    Args:
        relationships: of each deal.
        paths: trust held over time.
        facts: adjustment, declared before anything is fitted; only what was known before the week.
        start: a fit of the same deals at another lag, from which the way is shorter.
        periods: weeks of these deals where they are cut already.

    Raises: InputError when there is no week to fit.
    """
    periods = thin_weeks(cut_weeks(deals)) if periods is None else periods
    if not len(periods):
        raise InputError("no deal was open for a week: there is nothing to learn from.")
    frozen = paths.freeze(relationships, periods.start, days_before=lag, whose=periods.deal)
    named = {} if facts is None else dict(facts(periods, lag))
    if frozen.known.any() and not frozen.known.all():
        named[NOT_KNOWN] = (~frozen.known).astype(np.float64)
    raw = np.column_stack([*named.values()]) if named else np.zeros((len(periods), 0))
    centres, scales = raw.mean(axis=0), raw.std(axis=0)
    scales[scales == 0] = 1.0
    baseline = place_knots(periods.week[periods.event != OPEN].astype(np.float64))
    design = np.column_stack([baseline.expand(periods.week.astype(np.float64)), frozen.value, (raw - centres) / scales])
    prior = np.array([_BASELINE_SD] * baseline.columns + [_TRUST_SD] + [_FACT_SD] * len(named))
    columns = (*(f"age {at}" for at in range(baseline.columns)), "trust", *named)
    won, lost = (int((frozen.known & (periods.event == end)).sum()) for end in NAMES.values())
    guess = start.thinned if start is not None and start.columns == columns else None
    unseen = gauge_unseen(paths, relationships, periods, frozen, lag=lag)
    fitted = _fit_survivors(design, periods, baseline, unseen=unseen, prior=prior, guess=guess)
    return WorthFit(
        lag=lag,
        fit=see_through(shift_intercepts(fitted, periods.open_share), baseline.columns, unseen),
        thinned=fitted.coefficients,
        baseline=baseline,
        columns=columns,
        ends=(won, lost),
        periods=periods,
        trust=frozen.value,
        known=frozen.known,
        unseen=unseen,
        centres=centres,
        scales=scales,
    )


def _fit_survivors(
    design: Floats, periods: Periods, baseline: Baseline, *, unseen: Unseen, prior: Floats, guess: Floats | None
) -> HazardFit:
    """The hazards with trust as it is among the deals that are still open; see `survivors`. Changes its design."""
    at = baseline.columns
    known = design[:, at].copy()
    found = guess
    for _ in range(_ROUNDS if unseen.var > 0 else 0):
        # A guess comes from another lag, where trust leans nearly as far.
        if found is None or found is not guess:
            found = find_coefficients(design, periods.event, prior_sd=prior, start=found, settled=_ROUGHLY)
        design[:, at] = known + lean(_sum_gone(design, periods, baseline, found, unseen.keep), found, at, unseen)
        found = found.copy()
    fitted = fit_hazards(design, periods.event, periods.account, prior_sd=prior, start=found, leave_out=True)
    if unseen.var == 0:
        return fitted
    return widen(fitted, design, _sum_gone(design, periods, baseline, fitted.coefficients, unseen.keep), at, unseen)


def _sum_gone(design: Floats, periods: Periods, baseline: Baseline, coefficients: Floats, keep: float) -> Floats:
    """Summed hazards of every row; of all weeks, though only a share of the quiet ones may have been fitted."""
    whole = coefficients.copy()
    whole[:, 0] += math.log(periods.open_share)
    return sum_hazards(design, periods.week, baseline, whole, keep=keep)


def tell_ratio(fitted: WorthFit, end: str) -> Ratio:
    """The ratio of one end, "won" or "lost"."""
    low, high = fitted.fit.interval(NAMES[end], fitted.at)
    ends = fitted.ends[NAMES[end] - 1]
    accounts = int(np.count_nonzero(np.bincount(fitted.periods.account[fitted.known])))
    return Ratio(
        end=end,
        lag=fitted.lag,
        ratio=math.exp(fitted.fit.coefficients[NAMES[end] - 1, fitted.at]),
        low=math.exp(low),
        high=math.exp(high),
        ends=ends,
        accounts=accounts,
        enough=ends >= LEAST_ENDS and accounts >= LEAST_ACCOUNTS,
    )


def trace_curve(
    deals: Deals,
    relationships: Sequence[str],
    paths: ScorePaths,
    *,
    lags: Sequence[float] = LAGS,
    facts: Facts | None = None,
) -> list[Ratio]:
    """The ratio of each end at every lag, each fit from where the one before ended: the freeze curve."""
    fitted, periods, curve = None, thin_weeks(cut_weeks(deals)), list[Ratio]()
    for lag in lags:
        fitted = fit_worth(deals, relationships, paths, lag=lag, facts=facts, start=fitted, periods=periods)
        curve += [tell_ratio(fitted, end) for end in NAMES]
    return curve


def e_value(ratio: float) -> float:
    """How strongly something unmeasured would have to go with both trust and the end to explain a ratio away.

    Source: VanderWeele & Ding 2017, Annals of Internal Medicine 167:268, for risk ratios: odds of one week are rare
    enough to be read so.
    """
    above = max(ratio, 1.0 / ratio)
    return above + math.sqrt(above * (above - 1.0))


def e_value_of_interval(ratio: Ratio) -> float:
    """The same for the end of the interval nearer to 1; 1 where the interval holds 1."""
    if ratio.low <= 1.0 <= ratio.high:
        return 1.0
    return e_value(ratio.low if ratio.low > 1.0 else ratio.high)


def swap_accounts(relationships: Sequence[str], rng: np.random.Generator) -> list[str]:
    """A negative control: each account is given another one's trust, which can have nothing to do with its deals.

    With a single account there is no other: it keeps its own.
    """
    names = rng.permutation(sorted(set(relationships))).tolist()
    other = dict(zip(names, [*names[1:], *names[:1]], strict=True))  # a ring: nobody meets itself
    return [other[name] for name in relationships]
