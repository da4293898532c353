"""The second reading of the hand-written turns joins the first, and the README shows the agreement as computed."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytestmark = pytest.mark.repository  # the material is not part of the package

OWN = Path(__file__).parents[1] / "training" / "own"


@pytest.fixture(scope="module")
def agreement() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(OWN))  # as when it is run: its neighbour check.py is imported by name
        spec = importlib.util.spec_from_file_location("own_agreement", OWN / "agreement.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # dataclasses look their module up by name
        patch.setitem(sys.modules, "own_agreement", module)
        spec.loader.exec_module(module)
        yield module


def test_second_reading_joins_the_first_sentence_by_sentence(agreement: ModuleType) -> None:
    first = {row["id"]: [sentence["n"] for sentence in row["sentences"]] for row in agreement.read_rows(OWN)}
    second = agreement.read_second()
    assert len({row["id"] for row in second}) == len(second)
    assert [row["id"] for row in second if first.get(row["id"]) != [s["n"] for s in row["sentences"]]] == []


def test_second_reading_uses_each_known_label_once_in_codebook_order(agreement: ModuleType) -> None:
    order = list(agreement.LABELS)
    given = {tuple(sentence["labels"]) for row in agreement.read_second() for sentence in row["sentences"]}
    assert [labels for labels in given if list(labels) != [label for label in order if label in labels]] == []


def test_readme_shows_the_report_that_the_script_prints(agreement: ModuleType) -> None:
    report = agreement.format_report(agreement.read_rows(OWN), agreement.read_second())
    assert report in (OWN / "README.md").read_text(encoding="utf-8"), "run agreement.py and renew the README's table"


def test_measures_match_published_and_hand_computed_values(agreement: ModuleType) -> None:
    # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section A: Meg and Owen, ten articles, 0.095;
    # kappa and F1 by hand: observed 6/10, expected (2*4 + 8*6)/100; 2*1/(2 + 4)
    counts = np.array([[1, 1, 3, 5]])
    assert agreement.take_alpha(counts)[0] == pytest.approx(1 - 19 * 4 / (14 * 6))
    assert round(float(agreement.take_alpha(counts)[0]), 3) == 0.095
    assert agreement.take_kappa(counts)[0] == pytest.approx((0.6 - 0.56) / (1 - 0.56))
    assert agreement.take_f1(counts)[0] == pytest.approx(1 / 3)


def test_a_label_nobody_gave_has_no_agreement(agreement: ModuleType) -> None:
    counts = np.array([[0, 0, 0, 9]])
    measures = (agreement.take_f1, agreement.take_kappa, agreement.take_alpha)
    assert all(np.isnan(measure(counts)[0]) for measure in measures)


def test_interval_of_kappa_holds_kappa_and_narrows_with_more_conversations(agreement: ModuleType) -> None:
    few = np.tile(np.array([[[3, 1, 0, 6]], [[2, 0, 1, 9]], [[0, 2, 1, 5]]]), (5, 1, 1))
    many = np.tile(few, (20, 1, 1))
    (low, high), kappa = agreement.resample_kappa(few, resamples=200)[:, 0], agreement.take_kappa(few.sum(axis=0))[0]
    narrow_low, narrow_high = agreement.resample_kappa(many, resamples=200)[:, 0]
    assert low < kappa < high
    assert low < narrow_low < kappa < narrow_high < high
