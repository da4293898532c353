"""Which heads may ship, decided on dev; and the report on test, on sets trained on and on sets far from them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from training.afar import FAR_SETS
from training.calibrate import Judged, pick
from training.data import OWN
from training.judge import (
    LengthOnly,
    Metric,
    Predictor,
    WordsOnly,
    accuracy,
    area_under_curve,
    bootstrap,
    calibration_error,
    correlation,
    f1,
    f1_above,
    find_cut,
    sensitivity,
    specificity,
)
from training.sets import ACTS, GRADED, INTENT, SETS, Row
from troth.encoder.runtime import OpenVinoEncoder

_LEAST_POSITIVES: Final = 8
_LEAST_AREA: Final = 0.75  # lower end of the interval
_LEAST_PRECISION: Final = 0.3  # average precision over real mail and own turns together
_SOME_MAIL: Final = 5  # examples in real mail from which that alone must show something too
_LEAST_MAIL_PRECISION: Final = 0.15
_LEAST_SPECIFICITY: Final = 0.95  # on real mail, for all but the acts that fill it
_OFTEN: Final = 20  # positives on test from which an act counts in the mean over acts
_REPORTED_POSITIVES: Final = 5  # fewer on test are no figure

_OWN_NOTE: Final = (
    "written for this project by a language model, labels that both it and a second one gave; not real mail"
)
_ACTS_NOTE: Final = "labels both of two language-model readers gave; what only one gave is left out"

Scored = Mapping[str, tuple[Sequence[Row], NDArray[np.float32]]]
"""Set name to its rows and their calibrated scores."""


def find_unproved(dev: Scored, signals: Sequence[str]) -> dict[str, str]:
    """The acts whose heads cannot be shown to work on dev, each with the reason in plain words."""
    reasons = {
        act: _doubt(act, *(pick(*dev[name], act, signals.index(act)) for name in ("business_acts", OWN)))
        for act in ACTS
    }
    return {act: reason for act, reason in reasons.items() if reason is not None}


def _doubt(act: str, mail: Judged, own: Judged) -> str | None:
    """Why an act's head is not shipped; None when it is."""
    both = mail + own
    positives, in_mail = int(both.label.sum()), int(mail.label.sum())
    if positives < _LEAST_POSITIVES:
        return f"only {positives} examples to choose on"
    area = bootstrap(area_under_curve, both.label, both.raw, both.group)
    if area.low < _LEAST_AREA:
        return f"area under the curve {area.value:.2f} on dev, perhaps as low as {area.low:.2f}"
    precision = average_precision_score(both.label, both.raw)
    if precision < _LEAST_PRECISION:
        return f"average precision {precision:.2f} on dev ({positives} examples)"
    if in_mail >= _SOME_MAIL and (precision := average_precision_score(mail.label, mail.raw)) < _LEAST_MAIL_PRECISION:
        return f"average precision {precision:.2f} on the real mail of dev ({in_mail} examples)"
    if (left_alone := specificity(mail.label, mail.raw)) < _LEAST_SPECIFICITY and act not in {
        "claim",
        "request",
        "question",
    }:
        return f"seen in {1 - left_alone:.0%} of the sentences of real mail that do not carry it"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a head is judged."""

    signal: str
    set_name: str
    split: str
    judged: Judged
    licence_class: str
    note: str | None
    published: tuple[float, str, str] | None = None  # figure, metric, source
    agreement: float | None = None  # F1 of one annotator against the other


class Reporter:
    """Turns what heads said on test into the rows of the card; fits each baseline once."""

    def __init__(self, train: Mapping[str, Sequence[Row]]) -> None:
        self._train = {name: _cap(rows) for name, rows in train.items()}
        self._views: dict[tuple[str, ...], WordsOnly] = {}
        self._learned: dict[tuple[str, ...], tuple[Predictor, LengthOnly]] = {}

    def report(
        self, place: _Place, metrics: Sequence[tuple[str, Metric]], *, learned: Sequence[tuple[str, str]]
    ) -> list[dict[str, Any]]:
        """One row for each metric.

        Args:
            learned: (set, column) pairs whose training rows the baselines learn from.
        """
        judged = place.judged
        words, length = self._learn(tuple(learned), graded=place.signal in GRADED)
        by_words, by_length = words(list(judged.text)), length.score(judged.text)
        rows = []
        for name, metric in metrics:
            interval = bootstrap(metric, judged.label, judged.raw, judged.group)
            published = place.published if place.published and place.published[1] == name else None
            ranks_only = name in {"AUC", "Pearson r"}
            rows.append(
                {
                    "signal": place.signal,
                    "set": place.set_name,
                    "split": place.split,
                    "rows": len(judged.label),
                    "metric": name,
                    "value": _round(interval.value),
                    "low": _round(interval.low),
                    "high": _round(interval.high),
                    "length_baseline": _round(metric(judged.label, by_length)) if ranks_only else None,
                    "tfidf_baseline": _round(metric(judged.label, by_words)) if name != "calibration error" else None,
                    "published": published[0] if published else None,
                    "published_source": published[2] if published else None,
                    "agreement": place.agreement if name == "F1" else None,
                    "licence_class": place.licence_class,
                    "note": place.note,
                }
            )
        return rows

    def report_cut(
        self, place: _Place, chosen_on: Judged, *, learned: Sequence[tuple[str, str]]
    ) -> tuple[dict[str, Any], tuple[float, float]]:
        """F1 where yes is said from the probability that is best on dev, for the head and for TF-IDF alike.

        Returns: the row, and the two probabilities.
        """
        words, _ = self._learn(tuple(learned), graded=False)
        cut = find_cut(chosen_on.label, chosen_on.raw)
        words_cut = find_cut(chosen_on.label, words(list(chosen_on.text)))
        judged = place.judged
        (row,) = self.report(place, (("F1, cut from dev", f1_above(cut)),), learned=learned)
        row["tfidf_baseline"] = _round(f1_above(words_cut)(judged.label, words(list(judged.text))))
        return row, (cut, words_cut)

    def say(self, learned: Sequence[tuple[str, str]], texts: Sequence[str]) -> NDArray[np.float64]:
        """What TF-IDF says of these texts."""
        return self._learn(tuple(learned), graded=False)[0](texts)

    def _learn(self, learned: tuple[tuple[str, str], ...], *, graded: bool) -> tuple[Predictor, LengthOnly]:
        key = tuple(f"{name}:{column}" for name, column in learned)
        if key not in self._learned:
            sets = tuple(name for name, _ in learned)
            rows = [(row, row.targets.get(column, np.nan)) for name, column in learned for row in self._train[name]]
            texts = [row.text for row, _ in rows]
            if sets not in self._views:
                self._views[sets] = WordsOnly(texts)
            label = np.array([value for _, value in rows], dtype=np.float64)
            said = np.flatnonzero(~np.isnan(label))
            length = LengthOnly([texts[at] for at in said], label[said])
            self._learned[key] = self._views[sets].learn(label, graded=graded), length
        return self._learned[key]


def _cap(rows: Sequence[Row], most: int = 12_000) -> Sequence[Row]:
    """About as many rows as the encoder saw of the largest set."""
    return rows if len(rows) <= most else random.Random(0).sample(list(rows), most)


_AREA: Final = (("AUC", area_under_curve),)
_YES_OR_NO: Final = (
    ("F1", f1),
    ("AUC", area_under_curve),
    ("sensitivity", sensitivity),
    ("specificity", specificity),
    ("calibration error", calibration_error),
)
_SPECIFICITY: Final = (("specificity", specificity),)
_CORRELATION: Final = (("Pearson r", correlation),)

# Sets that say something about a signal under a column of their own: set, column.
_MAPPED: Final = (
    ("goemotions", "gratitude@goemotions"),
    ("goemotions", "fun@goemotions"),
    ("goemotions", "feeling@goemotions"),
    ("goemotions", "discourtesy@goemotions"),
    ("offmychest", "reaction@offmychest"),
    ("offmychest", "disclosure@offmychest"),
    ("casino", "their_interest@casino"),
    ("casino", "exploration@casino"),
    ("persuasion_for_good", "question@persuasion_for_good"),
    ("persuasion_for_good", "gratitude@persuasion_for_good"),
    ("certainty_science", "hedge@certainty_science"),
)
_SCORES: Final = (
    ("stanford_politeness_wiki", "politeness@wiki"),
    ("stanford_politeness_se", "politeness@se"),
    ("certainty_science", "certainty"),
    ("intimacy_questions", "intimacy"),
)
_LEARNED_FOR_SCORES: Final = {
    "politeness": [("stanford_politeness_wiki", "politeness@wiki"), ("stanford_politeness_se", "politeness@se")],
    "certainty": [("certainty_science", "certainty")],
    "intimacy": [("intimacy_questions", "intimacy")],
}


def report_all(
    encoder: OpenVinoEncoder,
    *,
    train: Mapping[str, Sequence[Row]],
    dev: Scored,
    test: Mapping[str, Sequence[Row]],
    data: Path,
    own: Path,
) -> list[dict[str, Any]]:
    """Every check of the card, on test splits, with the encoder as it ships.

    Args:
        dev: rows on which cuts are chosen, with the scores of the same heads in the same order.
    """
    signals = [head.signal for head in encoder.heads]
    reporter = Reporter(train)
    sources = {source.name: source for source in SETS}
    scored = {name: (rows, encoder.score([row.text for row in rows])) for name, rows in test.items()}
    agreement = {
        "business_acts": read_agreement(data / "business_acts" / "README.md", _ACTS_TABLE),
        OWN: read_agreement(own / "README.md", _OWN_TABLE),
    }
    checks: list[dict[str, Any]] = []
    cuts: dict[str, tuple[float, float]] = {}

    for act in (act for act in ACTS if act in signals):
        learned = [("business_acts", act), (OWN, act)]
        for name, note, licence in (("business_acts", _ACTS_NOTE, "open"), (OWN, _OWN_NOTE, "own")):
            judged = pick(*scored[name], act, signals.index(act))
            place = _Place(
                signal=act,
                set_name=name,
                split="test",
                judged=judged,
                licence_class=licence,
                note=note,
                agreement=agreement[name].get(act),
            )
            enough = judged.label.sum() >= _REPORTED_POSITIVES
            checks += reporter.report(place, _YES_OR_NO if enough else _SPECIFICITY, learned=learned)
            chosen_on = pick(*dev[name], act, signals.index(act))
            if enough and chosen_on.label.sum() >= _LEAST_POSITIVES:
                row, both = reporter.report_cut(place, chosen_on, learned=learned)
                checks.append(row)
                if name == "business_acts":
                    cuts[act] = both
    checks.append(_report_macro(reporter, *scored["business_acts"], signals, cuts))
    for name, column in (*_MAPPED, *_SCORES):
        signal = column.partition("@")[0]
        if signal not in signals:
            continue
        place = _Place(
            signal=signal,
            set_name=name,
            split="test",
            judged=pick(*scored[name], column, signals.index(signal)),
            licence_class="open",
            note=None if signal in GRADED else "another idea of the word than the codebook's",
            published=(sources[name].published or {}).get(signal),
        )
        checks += reporter.report(place, _CORRELATION if signal in GRADED else _AREA, learned=[(name, column)])
    checks += _report_intent(reporter, *scored["email_intent"], signals)
    checks += _report_afar(reporter, encoder, data, signals)
    return checks


def _report_macro(
    reporter: Reporter,
    rows: Sequence[Row],
    scores: NDArray[np.float32],
    signals: Sequence[str],
    cuts: Mapping[str, tuple[float, float]],
) -> dict[str, Any]:
    """Macro-F1 over the acts that real mail shows often enough, each with its cut from dev.

    What asks in the form of a question is right as a request and as a question: readers differ there, and either
    answers what was wanted.
    """
    texts = [row.text for row in rows]
    labels = {act: np.array([row.targets.get(act, np.nan) for row in rows]) for act in cuts}
    often = [act for act in cuts if np.nansum(labels[act]) >= _OFTEN]
    ours = {act: (scores[:, signals.index(act)] >= cuts[act][0]).astype(np.float64) for act in often}
    words = {
        act: (reporter.say([("business_acts", act), (OWN, act)], texts) >= cuts[act][1]).astype(np.float64)
        for act in often
    }
    asks = np.array([text.rstrip().endswith("?") for text in texts])
    for said in (ours, words):
        _accept_either(said, labels, asks)
    group = np.array([row.group for row in rows], dtype=np.str_)

    def macro(said: Mapping[str, NDArray[np.float64]]) -> Metric:
        def measure(at: NDArray[np.float64], _: NDArray[np.float64]) -> float:
            chosen = at.astype(np.int64)
            figures = []
            for act in often:
                known = chosen[~np.isnan(labels[act][chosen])]
                figures.append(f1(labels[act][known], said[act][known]))
            return float(np.mean(figures))

        return measure

    numbers = np.arange(len(rows), dtype=np.float64)
    interval = bootstrap(macro(ours), numbers, numbers, group)
    return {
        "signal": "acts together",
        "set": "business_acts",
        "split": "test",
        "rows": len(rows),
        "metric": "macro-F1, cuts from dev",
        "value": _round(interval.value),
        "low": _round(interval.low),
        "high": _round(interval.high),
        "length_baseline": None,
        "tfidf_baseline": _round(macro(words)(numbers, numbers)),
        "published": None,
        "published_source": None,
        "agreement": None,
        "licence_class": "open",
        "note": f"acts with {_OFTEN} test rows or more: {', '.join(often)}; an ask in question form is right as either",
    }


def _accept_either(
    said: Mapping[str, NDArray[np.float64]], labels: Mapping[str, NDArray[np.float64]], asks: NDArray[np.bool_]
) -> None:
    """Make what is said of an ask in question form right where either act was said and either is its label."""
    if not {"request", "question"} <= said.keys():
        return
    meant = asks & ((labels["request"] == 1) | (labels["question"] == 1))
    found = meant & ((said["request"] == 1) | (said["question"] == 1))
    for act in ("request", "question"):
        said[act][found] = np.nan_to_num(labels[act][found])


def _report_intent(
    reporter: Reporter, rows: Sequence[Row], scores: NDArray[np.float32], signals: Sequence[str]
) -> list[dict[str, Any]]:
    """The set that joins request, commitment and offer in one label: the chance that any of them is there."""
    places = [signals.index(act) for act in INTENT if act in signals]
    joined = 1.0 - np.prod(1.0 - scores[:, places], axis=1, keepdims=True)
    place = _Place(
        signal="request",
        set_name="email_intent",
        split="test",
        judged=pick(rows, joined, "intent@email_intent", 0),
        licence_class="open",
        note="the label joins request, offer and commitment: judged is the chance of any",
        published=(0.7903, "accuracy", "SVM, README of gauravshegokar/enron-dataset-intent-detection"),
    )
    metrics = (("accuracy", accuracy), ("F1", f1), *_AREA)
    return reporter.report(place, metrics, learned=[("email_intent", "intent@email_intent")])


def _report_afar(
    reporter: Reporter, encoder: OpenVinoEncoder, data: Path, signals: Sequence[str]
) -> list[dict[str, Any]]:
    checks: list[dict[str, Any]] = []
    for far in FAR_SETS:
        rows = list(far.read(data / far.file))
        scores = encoder.score([row.text for row in rows])
        for signal in sorted({name for row in rows for name in row.targets if name in signals}):
            place = _Place(
                signal=signal,
                set_name=far.name,
                split="test",
                judged=pick(rows, scores, signal, signals.index(signal)),
                licence_class=far.licence_class,
                note=f"not trained on: {far.domain}",
            )
            learned = _LEARNED_FOR_SCORES.get(signal, [("business_acts", signal), (OWN, signal)])
            checks += reporter.report(place, _CORRELATION if signal in GRADED else _AREA, learned=learned)
    return checks


# Label, counts, F1, ...: the tables of agreement in the READMEs of the two sets.
_ACTS_TABLE: Final = re.compile(r"^\| (\w+) \| \d+ \| \d+ \| ([\d.]+) \| ", re.MULTILINE)
_OWN_TABLE: Final = re.compile(r"^\| (\w+) \| \d+ \| \d+ \| \d+ \| ([\d.]+) \| ", re.MULTILINE)


def read_agreement(readme: Path, table: re.Pattern[str]) -> dict[str, float]:
    """F1 of one annotator against the other for each act, from the set's README."""
    return {act: float(figure) for act, figure in table.findall(readme.read_text(encoding="utf-8"))}


def _round(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)
