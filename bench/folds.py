"""How well an outcome is foretold out of sample, and what more columns add: folds by cluster, intervals by cluster.

Nothing is tuned: penalties, folds and repeats are fixed here. A binary outcome is foretold by a logistic regression and
judged by AUC, any other by a ridge regression on its ranks and judged by R2. Only rows of one fold are compared in an
AUC: their forecasts come from one model, and a model that knows nothing gets .5 rather than less.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS, REPEATS = 5, 5
LOGIT_C, RIDGE = 1.0, 10.0  # of standardised columns
WORDS_C, WORDS_RIDGE = 1.0, 1.0  # of TF-IDF

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """Out-of-sample forecasts of one set of columns: shape (repeats, rows)."""

    forecasts: Floats
    typical: Floats  # the mean of the other folds, which knows no column


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One outcome: 0 and 1, or ranks from 0 to 1; rows of one cluster are never on both sides."""

    outcome: Floats
    is_binary: bool
    cluster: Ints
    fold: Ints  # (repeats, rows)


def set_up(outcome: Floats, clusters: Sequence[str], rng: np.random.Generator) -> Trial:
    """Deal clusters to folds, so that each fold has about the same outcomes."""
    is_binary = set(np.unique(outcome)) <= {0.0, 1.0}
    told = outcome if is_binary else (rankdata(outcome) - 0.5) / len(outcome)
    cluster = np.unique(np.array(clusters, dtype=str), return_inverse=True)[1].astype(np.int64)
    means = np.bincount(cluster, told) / np.bincount(cluster)
    fold = np.empty((REPEATS, len(told)), dtype=np.int64)
    for repeat in range(REPEATS):
        shuffled = rng.permutation(len(means))
        order = shuffled[np.argsort(means[shuffled], kind="stable")]
        place = np.empty(len(means), dtype=np.int64)
        # Each next FOLDS clusters in order of outcome go to the folds in an order drawn anew.
        blocks = [rng.permutation(FOLDS) for _ in range(-(-len(order) // FOLDS))]
        place[order] = np.concatenate(blocks)[: len(order)]
        fold[repeat] = place[cluster]
    return Trial(outcome=told, is_binary=is_binary, cluster=cluster, fold=fold)


def foretell(trial: Trial, columns: Floats) -> Foretold:
    """Forecasts from columns of shape (rows, columns)."""
    make: Any = (
        (lambda: LogisticRegression(C=LOGIT_C, max_iter=2000)) if trial.is_binary else (lambda: Ridge(alpha=RIDGE))
    )
    return _fold_by_fold(trial, columns, lambda: make_pipeline(StandardScaler(), make()))


def foretell_by_words(trial: Trial, texts: Sequence[str]) -> Foretold:
    """Forecasts from the words and pairs of words themselves."""
    model: Any = (
        (lambda: LogisticRegression(C=WORDS_C, max_iter=2000))
        if trial.is_binary
        else (lambda: Ridge(alpha=WORDS_RIDGE))
    )

    def make() -> Any:
        words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=20_000)
        return make_pipeline(words, model())

    return _fold_by_fold(trial, np.array(texts, dtype=object), make)


def _fold_by_fold(trial: Trial, given: Any, make: Any) -> Foretold:
    forecasts = np.empty(trial.fold.shape)
    typical = np.empty(trial.fold.shape)
    for repeat in range(REPEATS):
        for fold in range(FOLDS):
            here = trial.fold[repeat] == fold
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                fitted = make().fit(given[~here], trial.outcome[~here])
            told = fitted.decision_function(given[here]) if trial.is_binary else fitted.predict(given[here])
            forecasts[repeat, here] = told
            typical[repeat, here] = trial.outcome[~here].mean()
    return Foretold(forecasts=forecasts, typical=typical)


def score_draws(trial: Trial, made: Foretold, weights: Floats) -> Floats:
    """AUC, or R2 on ranks, with each row counted so often; weights of shape (draws, rows)."""
    if not trial.is_binary:
        lost = ((trial.outcome - made.forecasts) ** 2).mean(axis=0)
        whole = ((trial.outcome - made.typical) ** 2).mean(axis=0)
        return 1.0 - (weights @ lost) / (weights @ whole)
    good, bad = np.flatnonzero(trial.outcome == 1), np.flatnonzero(trial.outcome == 0)
    right, pairs = np.zeros((len(good), len(bad))), np.zeros((len(good), len(bad)))
    for forecast, fold in zip(made.forecasts, trial.fold, strict=True):
        together = fold[good][:, None] == fold[bad]
        gap = forecast[good][:, None] - forecast[bad]
        right += together * ((gap > 0) + 0.5 * (gap == 0))
        pairs += together
    over, of = ((weights[:, good] @ one * weights[:, bad]).sum(axis=1) for one in (right, pairs))
    return over / of


def draw_weights(trial: Trial, draws: int, rng: np.random.Generator) -> Floats:
    """How often each row counts: first as it is, then `draws` times with whole clusters drawn with replacement."""
    clusters = int(trial.cluster.max()) + 1
    counts = rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), draws).astype(np.float64)
    return np.vstack([np.ones((1, clusters)), counts])[:, trial.cluster]


def compare(
    trial: Trial, made: Mapping[str, Foretold], base: str, *, draws: int, rng: np.random.Generator
) -> dict[str, dict[str, list[float]]]:
    """Each score and its lead over the base: value and ends of the 95 % interval, on the same draws for all."""
    weights = draw_weights(trial, draws, rng)
    scores = {name: score_draws(trial, one, weights) for name, one in made.items()}
    return {
        "score": {name: _sum_up(one) for name, one in scores.items()},
        "lead": {name: _sum_up(one - scores[base]) for name, one in scores.items() if name != base},
    }


def _sum_up(values: Floats) -> list[float]:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return [round(float(one), 4) for one in (values[0], low, high)]
