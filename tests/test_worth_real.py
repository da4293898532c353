"""The figures in docs/worth-real.md are those the bench left, and its arithmetic agrees with scikit-learn's."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import r2_score, roc_auc_score

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.repository  # the benches are no part of the wheel


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def folds() -> ModuleType:
    return load("folds")


@pytest.fixture(scope="module")
def real() -> ModuleType:
    pytest.importorskip("vaderSentiment", reason="the bench extra is not installed")
    return load("worth_real")


def test_the_page_shows_what_was_measured(real: ModuleType):
    page = real.PAGE.read_text("utf-8")
    kept = json.loads(real.RESULTS.read_text("utf-8"))
    assert {row["corpus"] for row in kept["rows"]} == set(real.CORPORA)
    assert real.fill_whole_page(page, kept) == page
    low, high = (f"{value:.3f}".lstrip("0") for value in kept["deals"]["facts"]["AUC"][1:])
    assert f"({low} to {high})" in page
    assert f"{kept['deals']['counted']:,} are counted on" in page


def test_a_fold_never_parts_what_goes_together(folds: ModuleType):
    rng = np.random.default_rng(1)
    names = [str(number // 3) for number in range(90)]
    trial = folds.set_up(rng.integers(0, 2, 90).astype(float), names, rng)
    for fold in trial.fold:
        assert all(len({fold[at] for at in range(90) if names[at] == name}) == 1 for name in set(names))
        assert set(fold) == set(range(folds.FOLDS))


def test_an_auc_is_that_of_each_fold_weighted_by_its_pairs(folds: ModuleType):
    rng = np.random.default_rng(2)
    trial = folds.set_up(rng.integers(0, 2, 60).astype(float), [str(at) for at in range(60)], rng)
    made = folds.foretell(trial, rng.standard_normal((60, 2)) + trial.outcome[:, None])
    over, of = 0.0, 0.0
    for forecast, fold in zip(made.forecasts, trial.fold, strict=True):
        for number in range(folds.FOLDS):
            here = fold == number
            good = trial.outcome[here].sum()
            pairs = good * (here.sum() - good)
            if pairs:
                over += pairs * roc_auc_score(trial.outcome[here], forecast[here])
                of += pairs
    found = folds.score_draws(trial, made, np.ones((1, 60)))
    assert_allclose(found, over / of)
    doubled = np.ones(60) * 2.0  # everything counted twice changes nothing
    assert_allclose(folds.score_draws(trial, made, doubled[None]), found)


def test_an_r2_is_one_less_the_share_that_is_left(folds: ModuleType):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((400, 1))
    trial = folds.set_up((x[:, 0] + rng.standard_normal(400)), [str(at) for at in range(400)], rng)
    made = folds.foretell(trial, x)
    [found] = folds.score_draws(trial, made, np.ones((1, 400)))
    assert found == pytest.approx(np.mean([r2_score(trial.outcome, one) for one in made.forecasts]), abs=0.01)
    assert 0.35 < found < 0.55  # half of the variance, on ranks


def test_columns_that_say_nothing_add_nothing(folds: ModuleType):
    rng = np.random.default_rng(4)
    outcome = (rng.random(600) < 0.4).astype(float)
    trial = folds.set_up(outcome, [str(at) for at in range(600)], rng)
    base, noise = rng.standard_normal((600, 3)), rng.standard_normal((600, 2))
    telling = outcome[:, None] + rng.standard_normal((600, 1))
    made = {
        "plain": folds.foretell(trial, base),
        "noise": folds.foretell(trial, np.hstack([base, noise])),
        "telling": folds.foretell(trial, np.hstack([base, telling])),
    }
    found = folds.compare(trial, made, "plain", draws=200, rng=rng)
    value, low, high = found["lead"]["noise"]
    assert low - 0.03 < 0 < high + 0.03
    assert abs(value) < 0.05
    assert found["lead"]["telling"][1] > 0.1
    assert abs(found["score"]["plain"][0] - 0.5) < 0.06


def test_words_are_read_fold_by_fold(folds: ModuleType):
    """A word that tells the outcome is found, and one that stands in a single text cannot be."""
    rng = np.random.default_rng(5)
    outcome = rng.integers(0, 2, 120).astype(float)
    trial = folds.set_up(outcome, [str(at) for at in range(120)], rng)
    texts = [f"{'yes' if good else 'no'} only{at}" for at, good in enumerate(outcome)]
    ones = np.ones((1, 120))
    assert folds.score_draws(trial, folds.foretell_by_words(trial, texts), ones)[0] == 1.0
    alone = [f"same only{at}" for at in range(120)]
    assert folds.score_draws(trial, folds.foretell_by_words(trial, alone), ones)[0] == pytest.approx(0.5)


def test_talks_come_as_their_pages_say(real: ModuleType, shared: Path):
    data = shared / "data"
    bargains = list(real.CORPORA["CraigslistBargain"](data))
    assert len(bargains) == 1_299
    assert sum(talk.outcomes["agreed"] for talk in bargains) == 932
    assert len(list(real.CORPORA["loans asked for"](data))) == 1_700
    assert len(list(real.CORPORA["pizzas asked for"](data))) == 800
    gifts = list(real.CORPORA["PersuasionForGood"](data))
    assert len(gifts) == 769
    assert all(one[0] is not other[0] for talk in gifts for one, other in zip(talk.turns, talk.turns[1:], strict=False))
    talk = bargains[0]
    assert real.cut_talk(talk, "first half") == talk.turns[: len(talk.turns) // 2]
