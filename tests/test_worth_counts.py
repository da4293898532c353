"""Poisson's likelihood over and within accounts, against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from troth.errors import InputError
from troth.worth.counts import fit_counts

NONE = np.full(3, np.inf)


def made_up(seed: int, *, accounts: int = 40, rows: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns and sums; what lasts in an account goes with its first column."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(accounts), rows)
    lasting = rng.standard_normal(accounts)[account]
    x = np.column_stack([0.7 * lasting + rng.standard_normal(len(account)), rng.standard_normal(len(account))])
    y = rng.poisson(np.exp(0.3 + 0.4 * x[:, 0] - 0.2 * x[:, 1] + lasting)) * rng.gamma(2.0, 0.5, len(account))
    return x, y, account


def test_over_accounts_it_is_gee_of_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api", reason="pip install statsmodels")
    x, y, account = made_up(1)
    design = np.column_stack([np.ones(len(y)), x])
    ours = fit_counts(design, y, account, prior_sd=NONE)
    family = statsmodels.families.Poisson()
    theirs = statsmodels.GEE(y, design, groups=account, family=family).fit(ctol=1e-12, maxiter=200)
    assert_allclose(ours.coefficients, theirs.params, atol=1e-6)
    fair = 40 / 39  # GEE counts clusters as they are
    assert_allclose(ours.covariance, theirs.cov_robust * fair, atol=1e-6)


def test_within_accounts_it_is_a_model_of_statsmodels_with_a_level_for_each_account():
    statsmodels = pytest.importorskip("statsmodels.api", reason="pip install statsmodels")
    x, y, account = made_up(2)
    y[account == 3] = 0.0  # says nothing within itself
    ours = fit_counts(x, y, account, prior_sd=NONE[:2], within=True)
    left = account != 3
    levels = (account[left, None] == np.delete(np.arange(40), 3)).astype(float)
    model = statsmodels.GLM(y[left], np.column_stack([x[left], levels]), family=statsmodels.families.Poisson())
    kwds = {"groups": account[left], "use_correction": False}
    theirs = model.fit(tol=1e-14, maxiter=200, cov_type="cluster", cov_kwds=kwds)
    assert_allclose(ours.coefficients, theirs.params[:2], atol=1e-6)
    assert_allclose(ours.covariance, theirs.cov_params()[:2, :2] * 39 / 38, atol=1e-6)
    assert ours.clusters == 39


def test_what_lasts_in_an_account_fools_the_one_and_not_the_other():
    x, y, account = made_up(3, accounts=200)
    over = fit_counts(np.column_stack([np.ones(len(y)), x]), y, account, prior_sd=NONE)
    inside = fit_counts(x, y, account, prior_sd=NONE[:2], within=True)
    assert over.interval(1)[0] > 0.5
    low, high = inside.interval(0)
    assert low < 0.4 < high


def test_leaving_out_each_account_is_what_fitting_without_it_gives():
    x, y, account = made_up(4, accounts=20)
    for within in (True, False):
        design = x if within else np.column_stack([np.ones(len(y)), x])
        prior = NONE[: design.shape[1]]
        fitted = fit_counts(design, y, account, prior_sd=prior, within=within, leave_out=True)
        without = np.stack(
            [
                fit_counts(
                    design[account != one], y[account != one], account[account != one], prior_sd=prior, within=within
                ).coefficients
                for one in range(20)
            ]
        )
        away = without - fitted.coefficients
        errors = np.sqrt(np.diag(fitted.covariance))
        assert_allclose(errors, np.sqrt(19 / 20 * (away**2).sum(axis=0)), rtol=0.2)


def test_sums_that_are_none_are_refused():
    x, y, account = made_up(5)
    for bad in (-y, y * np.nan, y * 0):
        with pytest.raises(InputError):
            fit_counts(x, bad, account, prior_sd=NONE[:2])
    with pytest.raises(InputError, match="within"):
        fit_counts(x, y, np.arange(len(y)), prior_sd=NONE[:2], within=True)
