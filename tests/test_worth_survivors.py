"""Trust that is known in part: what is left among open deals, and how sure coefficients are with few accounts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from troth.worth.baseline import Baseline
from troth.worth.hazards import OPEN, find_coefficients, fit_hazards, hazards
from troth.worth.survivors import Unseen, lean, see_through, sum_hazards, widen

COURSE = Baseline(knots=())


def play(seed: int, *, count: int, effect: float, unseen: float, weeks: int = 15) -> dict[str, np.ndarray]:
    """Weeks of deals, one an account, whose trust is known with a lasting error of variance `unseen`."""
    rng = np.random.default_rng(seed)
    known = np.sqrt(1 - unseen) * rng.standard_normal(count)
    trust = known + np.sqrt(unseen) * rng.standard_normal(count)
    rows: list[tuple[np.ndarray, ...]] = []
    at = np.arange(count)
    for week in range(weeks):
        row = np.column_stack([np.ones(len(at)), trust[at]])
        chance = hazards(row, np.array([[-2.6, effect], [-3.2, 0.0]])).cumsum(axis=-1)
        how = (rng.random((len(at), 1)) > chance).sum(axis=-1)
        rows.append((at, np.full(len(at), week), how, known[at], trust[at]))
        at = at[how == OPEN]
    names = ("deal", "week", "event", "known", "trust")
    return {name: np.concatenate(of) for name, of in zip(names, zip(*rows, strict=True), strict=True)}


def test_trust_among_open_deals_is_where_the_formula_says():
    effect, unseen = 0.7, Unseen(var=0.5, keep=1.0)
    made = play(1, count=60_000, effect=effect, unseen=unseen.var)
    truth = np.array([[-2.6, 0.0, effect], [-3.2, 0.0, 0.0]])
    design = np.column_stack([COURSE.expand(made["week"].astype(float)), made["known"]])
    leaning = lean(sum_hazards(design, made["week"], COURSE, truth, keep=1.0), truth, 2, unseen)
    for week in (2, 5, 8):
        here = made["week"] == week
        really = (made["trust"] - made["known"])[here].mean()
        assert really < -0.05
        assert leaning[here].mean() == pytest.approx(really, rel=0.25)  # to the first order in the hazards


def test_hazards_of_a_week_are_summed_as_a_loop_sums_them():
    rng = np.random.default_rng(2)
    coefficients = np.array([[-2.0, 0.3, 0.5], [-2.5, -0.2, -0.4]])
    week, x = np.array([0, 1, 4, 7]), rng.standard_normal(4)
    design = np.column_stack([COURSE.expand(week.astype(float)), x])
    summed = sum_hazards(design, week, COURSE, coefficients, keep=0.8)
    odds = [
        [
            sum(
                0.8 ** (age - past)
                * np.exp((COURSE.expand(np.array([float(past)])) - COURSE.expand(np.array([float(age)])))[0] @ part[:2])
                for past in range(age)
            )
            * hazards(row, coefficients)[end]
            for end, part in ((1, coefficients[0]), (2, coefficients[1]))
        ]
        for age, row in zip(week.tolist(), design, strict=True)
    ]
    assert_allclose(summed, np.minimum(odds, week[:, None]), rtol=1e-12)


def test_errors_hold_that_the_leaning_was_made_by_the_coefficients():
    """The matrix that widens is the slope of the whole equation: against moving each coefficient a little."""
    made, unseen = play(3, count=400, effect=0.8, unseen=0.5), Unseen(var=0.5, keep=0.9)
    ages, prior = made["week"], np.array([10.0, 10.0, 2.5])
    base = COURSE.expand(ages.astype(float))
    theta = np.array([[-2.6, 0.0, 0.8], [-3.2, 0.0, 0.2]])

    def lay_out(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        plain = np.column_stack([base, made["known"]])
        summed = np.zeros((len(plain), 2))
        for _ in range(6):
            summed = sum_hazards(plain, ages, COURSE, at, keep=unseen.keep)
            plain[:, 2] = made["known"] + lean(summed, at, 2, unseen)
        return plain, summed

    design, summed = lay_out(theta)
    fitted = fit_hazards(design, made["event"], made["deal"], prior_sd=prior, start=theta)
    turned = widen(fitted, design, summed, 2, unseen)
    assert turned.errors[0, 2] > fitted.errors[0, 2]
    ratio = turned.errors[0, 2] / fitted.errors[0, 2]
    # By another road: how far the answer moves when the known trust of everybody is what a slightly other effect leans.
    moves: list[float] = []
    for less in (-0.05, 0.05):
        leant, _ = lay_out(theta + np.array([[0, 0, less], [0, 0, 0]]))
        found = find_coefficients(leant, made["event"], prior_sd=prior, start=theta)
        moves.append(found[0, 2])
    slope = (moves[1] - moves[0]) / 0.1
    assert ratio == pytest.approx(1 / (1 - slope), rel=0.06)


def test_what_is_unseen_is_taken_out_of_the_intercept():
    made = play(4, count=300, effect=0.5, unseen=0.3)
    design = np.column_stack([np.ones(len(made["deal"])), made["known"]])
    fitted = fit_hazards(design, made["event"], made["deal"], prior_sd=np.array([10.0, 2.5]))
    seen = see_through(fitted, 1, Unseen(var=0.3, keep=1.0))
    assert_allclose(fitted.coefficients[:, 0] - seen.coefficients[:, 0], 0.15 * fitted.coefficients[:, 1] ** 2)
    assert_allclose(seen.coefficients[:, 1], fitted.coefficients[:, 1])


def test_leaving_out_each_account_is_what_fitting_without_it_gives():
    made = play(5, count=200, effect=0.5, unseen=0.0)
    account = made["deal"] % 25
    design, prior = np.column_stack([np.ones(len(account)), made["known"]]), np.array([10.0, 2.5])
    fitted = fit_hazards(design, made["event"], account, prior_sd=prior, leave_out=True)
    plain = fit_hazards(design, made["event"], account, prior_sd=prior)
    without = np.stack(
        [
            find_coefficients(design[account != one], made["event"][account != one], prior_sd=prior).ravel()
            for one in range(25)
        ]
    )
    away = without - fitted.coefficients.ravel()
    assert_allclose(fitted.errors.ravel(), np.sqrt(24 / 25 * (away**2).sum(axis=0)), rtol=0.05)
    assert (fitted.errors > plain.errors).all()
