"""How well each head works: figures with intervals, beside what length alone and TF-IDF reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_union

_DRAWS: Final = 400
_THRESHOLD: Final = 0.5

Metric = Callable[[NDArray[np.float64], NDArray[np.float64]], float]
"""(labels, scores) to one figure; NaN where it is not defined."""


def area_under_curve(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """The chance that a positive scores above a negative; ties count half."""
    positives = int(label.sum())
    negatives = len(label) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[label > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def f1(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """F1 of the positive class at a probability of .5."""
    said = score >= _THRESHOLD
    both = float((said & (label > 0)).sum())
    total = float(said.sum() + label.sum())
    return 2 * both / total if total else float("nan")


def f1_above(cut: float) -> Metric:
    """F1 of the positive class from another probability up."""
    return lambda label, score: f1(label, score + (_THRESHOLD - cut))


def find_cut(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """The probability from which saying yes gives the best F1: halfway between two neighbouring scores.

    For labels on which one may choose, never for those of a test.
    """
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(label[order])
    reached = 2 * right / (np.arange(1, len(order) + 1) + label.sum())
    ranked = score[order]
    at = int(np.argmax(np.where(np.append(ranked[:-1] > ranked[1:], True), reached, -1.0)))
    return float(ranked[at] if at + 1 == len(ranked) else (ranked[at] + ranked[at + 1]) / 2)


def sensitivity(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Share of the positives found at a probability of .5."""
    return float((score[label > 0] >= _THRESHOLD).mean()) if (label > 0).any() else float("nan")


def specificity(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Share of the negatives left alone at a probability of .5."""
    return float((score[label == 0] < _THRESHOLD).mean()) if (label == 0).any() else float("nan")


def accuracy(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Share of right answers at .5."""
    return float(((score >= _THRESHOLD) == (label > 0)).mean())


def calibration_error(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Expected calibration error over ten equally wide bins of probability."""
    bins = np.minimum((score * 10).astype(int), 9)
    gaps = [abs(label[bins == at].sum() - score[bins == at].sum()) for at in np.unique(bins)]
    return float(sum(gaps) / len(label))


def correlation(label: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Pearson's r."""
    if label.std() == 0 or score.std() == 0:
        return float("nan")
    return float(np.corrcoef(label, score)[0, 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with the 2.5th and 97.5th percentile of resampling whole conversations."""

    value: float
    low: float
    high: float


def bootstrap(
    metric: Metric, label: NDArray[np.float64], score: NDArray[np.float64], group: NDArray[np.str_], *, seed: int = 0
) -> Interval:
    """The metric with a 95 % interval by resampling groups, each with all its rows."""
    rng = np.random.default_rng(seed)
    _, number = np.unique(group, return_inverse=True)
    order = np.argsort(number, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(number))[:-1])
    values = []
    for _ in range(_DRAWS):
        rows = np.concatenate([members[at] for at in rng.integers(0, len(members), len(members))])
        values.append(metric(label[rows], score[rows]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Interval(value=metric(label, score), low=float(low), high=float(high))


def count_words(texts: Sequence[str]) -> NDArray[np.float64]:
    """Logarithm of one more than the number of words: what length alone can say."""
    return np.log1p(np.array([len(text.split()) for text in texts], dtype=np.float64))


class LengthOnly:
    """Predicts from the number of words alone, in the direction that the training rows show."""

    def __init__(self, texts: Sequence[str], label: NDArray[np.float64]) -> None:
        self._sign = 1.0 if correlation(label, count_words(texts)) >= 0 else -1.0

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Ranks only: not a probability."""
        return self._sign * count_words(texts)


class WordsOnly:
    """TF-IDF of words (1-2) and characters (2-4) with balanced logistic regression, or ridge for scores.

    The views of the texts are made once and shared by every column that is learned from them.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._views = make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=3, max_features=60_000),
        )
        self._seen = self._views.fit_transform(texts)

    def see(self, texts: Sequence[str]) -> Any:
        """The sparse views of other texts, one row each."""
        return self._views.transform(texts)

    def learn(self, label: NDArray[np.float64], *, graded: bool) -> Predictor:
        """Fit one column; NaN marks texts of which it says nothing."""
        said = ~np.isnan(label)
        model: Any = Ridge(alpha=3.0) if graded else LogisticRegression(class_weight="balanced", max_iter=300)
        model.fit(self._seen[said], label[said])
        if graded:
            return lambda texts: np.asarray(model.predict(self._views.transform(texts)))
        return lambda texts: np.asarray(model.predict_proba(self._views.transform(texts))[:, 1])


Predictor = Callable[[Sequence[str]], NDArray[np.float64]]
"""Texts to a value, or to the probability of the positive class."""
