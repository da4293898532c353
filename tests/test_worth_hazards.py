"""Weeks of deals to hazards and chances, against other software and against counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from troth.errors import InputError
from troth.worth.baseline import place_knots
from troth.worth.hazards import LOST, OPEN, WON, HazardFit, fit_hazards, hazards
from troth.worth.incidence import follow_course
from troth.worth.periods import WEEK_US, Deals, cut_weeks

NO_PRIOR = np.full(3, np.inf)


def made_up(rows: int, *, accounts: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(rows), rng.standard_normal(rows), rng.integers(0, 2, rows)]).astype(np.float64)
    truth = np.array([[-2.0, 0.5, -0.3], [-2.5, -0.4, 0.8]])
    chance = hazards(design, truth).cumsum(axis=-1)
    event = (rng.random((rows, 1)) > chance).sum(axis=-1)
    return design, event.astype(np.int64), rng.integers(0, accounts, rows)


@pytest.fixture(scope="module")
def fitted() -> HazardFit:
    design, event, account = made_up(3000, accounts=60, seed=1)
    return fit_hazards(design, event, account, prior_sd=NO_PRIOR)


def test_coefficients_likelihood_and_errors_agree_with_statsmodels(fitted: HazardFit):
    statsmodels = pytest.importorskip("statsmodels.api", reason="pip install statsmodels")
    design, event, account = made_up(3000, accounts=60, seed=1)
    theirs = statsmodels.MNLogit(event, design).fit(disp=0, method="newton", tol=1e-12)
    assert_allclose(fitted.coefficients, theirs.params.T, atol=1e-6)
    assert fitted.log_likelihood == pytest.approx(theirs.llf, abs=1e-6)
    assert_allclose(np.sqrt(np.diag(fitted.plain)).reshape(2, 3), theirs.bse.T, atol=1e-6)
    # Clustered errors by their own road: slopes of each row from statsmodels, summed by account.
    chance = theirs.predict(design)
    slopes = np.concatenate([((event == end) - chance[:, end])[:, None] * design for end in (WON, LOST)], axis=1)
    by_account = np.stack([slopes[account == one].sum(axis=0) for one in np.unique(account)])
    bread = np.linalg.inv(-theirs.model.hessian(theirs.params))
    middle = by_account.T @ by_account * 60 / 59
    assert_allclose(fitted.covariance, bread @ middle @ bread, atol=1e-6)


def test_a_prior_pulls_towards_none_and_keeps_a_column_that_separates_finite():
    design = np.column_stack([np.ones(40), np.repeat([0.0, 1.0], 20)])
    event = np.repeat([OPEN, WON], 20).astype(np.int64)
    wide = fit_hazards(design, event, np.arange(40), prior_sd=np.array([10.0, 2.0]))
    narrow = fit_hazards(design, event, np.arange(40), prior_sd=np.array([10.0, 0.5]))
    assert 0 < narrow.coefficients[0, 1] < wide.coefficients[0, 1] < 20
    assert np.isfinite(wide.covariance).all()


def test_draws_have_the_covariance_of_the_fit(fitted: HazardFit):
    draws = fitted.draw(40_000, np.random.default_rng(3)).reshape(-1, 6)
    assert_allclose(draws.mean(axis=0), fitted.coefficients.ravel(), atol=0.01)
    assert_allclose(np.cov(draws.T), fitted.covariance, atol=0.001)


@pytest.mark.parametrize(
    "broken",
    [
        {"event": np.full(4, 3)},
        {"prior_sd": np.array([1.0, 0.0])},
        {"design": np.full((4, 2), np.nan)},
        {"cluster": np.zeros(3, dtype=np.int64)},
    ],
)
def test_what_is_no_table_of_weeks_is_refused(broken: dict[str, np.ndarray]):
    fine = {
        "design": np.ones((4, 2)),
        "event": np.zeros(4, dtype=np.int64),
        "cluster": np.zeros(4, dtype=np.int64),
        "prior_sd": np.ones(2),
    }
    with pytest.raises(InputError):
        fit_hazards(**(fine | broken))  # type: ignore[arg-type]


DAY_US = WEEK_US // 7
deals = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 200), st.integers(0, 2), st.integers(-50, 250)), max_size=12
)


@given(deals)
def test_weeks_are_those_that_were_open_and_watched(rows: list[tuple[int, int, int, int]]):
    opened, lasted, end, late = (np.array([row[at] for row in rows], dtype=np.int64) for at in range(4))
    made = Deals(
        opened=opened * DAY_US,
        ended=(opened + lasted) * DAY_US,
        end=end,
        account=np.arange(len(rows)),
        entered=(opened + late) * DAY_US,
    )
    periods = cut_weeks(made)
    wanted = []
    for deal, (_, days, how, watched) in enumerate(rows):
        for week in range(days // 7 + 1):
            is_last = week == days // 7
            if week * 7 < watched or (is_last and not how):
                continue
            wanted.append((deal, week, how if is_last else OPEN))
    assert list(zip(periods.deal, periods.week, periods.event, strict=True)) == wanted
    assert_allclose(periods.start, made.opened[periods.deal] + periods.week * WEEK_US)


def test_a_course_is_what_counting_many_deals_gives():
    rng = np.random.default_rng(5)
    design = np.column_stack([np.ones(12), np.linspace(0, 1, 12)])
    coefficients = np.array([[-2.0, 0.7], [-2.5, 0.2]])
    course = follow_course(design, coefficients)
    chance = hazards(design, coefficients)
    left, ended, total = 200_000, np.zeros(3), 200_000
    for week in range(12):
        ended[1:] += rng.multinomial(left, chance[week])[1:]
        left = total - int(ended.sum())
        assert course.open[week + 1] == pytest.approx(left / total, abs=0.005)
        assert course.won_by(7.0 * (week + 1)) == pytest.approx(ended[WON] / total, abs=0.005)
        assert course.lost_by(7.0 * (week + 1)) == pytest.approx(ended[LOST] / total, abs=0.005)
    assert_allclose(course.open + course.won + course.lost, 1.0)
    assert course.open_days(84) == pytest.approx(7 * (course.open[:-1] + course.open[1:]).sum() / 2)
    assert course.open_days(10) == pytest.approx(
        np.trapezoid(np.interp(np.linspace(0, 10, 10_001), np.arange(13) * 7, course.open), np.linspace(0, 10, 10_001)),
        abs=1e-6,
    )


def test_the_spline_is_straight_outside_its_knots_and_smooth_inside():
    baseline = place_knots(np.random.default_rng(0).integers(0, 60, 300).astype(np.float64))
    assert baseline.columns == 4
    age = np.linspace(0, 8, 4001)
    bent = baseline.expand(np.expm1(age))[:, 2:]
    second = np.diff(bent, n=2, axis=0)
    outside = (age[1:-1] < baseline.knots[0]) | (age[1:-1] > baseline.knots[-1] + 0.01)
    assert_allclose(second[outside], 0.0, atol=1e-9)
    assert np.abs(np.diff(second, axis=0)).max() < 1e-6
    assert place_knots(np.zeros(3)).expand(np.array([0.0, 3.0])).shape == (2, 2)
