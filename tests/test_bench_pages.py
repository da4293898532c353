"""The figures in docs/sequences.md are those the benches left, and the benches' own arithmetic is right."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, spearmanr

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.repository  # the benches are no part of the wheel


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def sequences() -> ModuleType:
    return load("sequences")


@pytest.fixture(scope="module")
def outcomes() -> ModuleType:
    pytest.importorskip("vaderSentiment", reason="the bench extra is not installed")
    return load("outcomes")


@pytest.fixture
def page() -> str:
    return (ROOT / "docs" / "sequences.md").read_text("utf-8")


def test_the_page_shows_what_the_sequences_gave(sequences: ModuleType, page: str) -> None:
    results = json.loads(sequences.RESULTS.read_text("utf-8"))
    assert [one["task"] for one in results] == [task.name for task in sequences.TASKS]
    assert sequences.fill_page(page, "one step ahead", sequences.draw_table(results)) == page


def test_the_page_shows_what_the_outcomes_gave(outcomes: ModuleType, page: str) -> None:
    kept = json.loads(outcomes.RESULTS.read_text("utf-8"))
    assert {row["corpus"] for row in kept["rows"]} == set(outcomes.CORPORA)
    assert outcomes.fill_page(page, "outcomes", outcomes.draw_table(kept["rows"])) == page


def test_every_method_gives_chances_that_add_up_to_one(sequences: ModuleType) -> None:
    """For each rival: the chances of all continuations of a conversation sum to the chance of what went before."""
    rng = np.random.default_rng(1)
    known = sequences.Sequences.pad([(str(i), rng.integers(0, 3, 12).tolist()) for i in range(20)])
    before = [0, 2, 1, 1]
    rows = [("a", [*before, label]) for label in range(3)]
    for make in sequences.METHODS:
        method = make(known, 3)
        whole = method.score(method.start, sequences.Sequences.pad(rows))
        part = method.score(method.start, sequences.Sequences.pad([("a", before)]))
        assert_allclose(np.exp(whole).sum(), np.exp(part[0]), rtol=1e-3, err_msg=method.name)


def test_the_filter_foretells_as_the_equations_say(sequences: ModuleType) -> None:
    """The first label of a conversation, by hand: P = eps / n + (1 - eps) [Phi(hi / s) - Phi(lo / s)], s^2 = 1 + v."""
    known = sequences.Sequences.pad([("a", [0, 1, 2, 1, 1])])
    method = sequences.troth_filter(known, 3)
    theta = method.start
    cuts, v, misread = sequences.place_cuts(theta[5:]), np.exp(theta[3]), 1 / (1 + np.exp(-theta[4]))
    inside = np.diff(norm.cdf(cuts / np.sqrt(1 + v)))[2]
    found = method.score(theta, sequences.Sequences.pad([("a", [2])]))
    assert_allclose(np.exp(found), misread / 3 + (1 - misread) * inside, rtol=1e-9)


def test_markov_counts_what_followed_what(sequences: ModuleType) -> None:
    known = sequences.Sequences.pad([("a", [0, 0, 1, 0]), ("b", [1, 1])])
    method = sequences.markov(known, 2)
    base = sequences.count_labels(known, 2)  # (3.5, 3.5) / 7
    found = method.score(method.start, sequences.Sequences.pad([("a", [0, 1]), ("b", [0])]))
    assert_allclose(np.exp(found[0] - found[1]), (1 + base[1]) / (2 + 1))


def test_a_lead_has_its_error_by_conversation(sequences: ModuleType) -> None:
    """Equal lengths: the error is that of a mean of conversation means."""
    labels = sequences.Sequences.pad([(str(i), [0, 1, 0, 1]) for i in range(30)])
    rng = np.random.default_rng(3)
    own, other = rng.standard_normal(30), rng.standard_normal(30)
    found = sequences.compare(own, other, labels)
    assert_allclose(found.lead, (own - other).mean() / 4)
    assert_allclose(found.error, (own - other).std(ddof=1) / np.sqrt(30) / 4)


def test_labels_come_in_their_order(sequences: ModuleType, shared: Path) -> None:
    rows = sequences.read_diplomacy(shared / "data" / "diplomacy", "test", "receiver_perceived_truthful")
    assert sum(len(row) for _, row in rows) == 2475  # 165 and 2,310 as the set's page says
    assert sum(sum(row) for _, row in rows) == 2310
    rated = sequences.read_satisfaction(shared / "data" / "uss_mwoz", "dev")
    assert len(rated) == 100
    assert {mark for _, row in rated for mark in row} == {0, 1, 2}


def test_correlation_beyond_nothing_is_spearmans(outcomes: ModuleType) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 60))
    assert_allclose(outcomes.correlate(x, y), float(np.asarray(spearmanr(x, y))[0]))


def test_what_is_gone_beyond_no_longer_counts(outcomes: ModuleType) -> None:
    """Two things that only a third joins are unrelated beyond it."""
    rng = np.random.default_rng(4)
    third = rng.standard_normal(4000)
    x, y = third + rng.standard_normal((2, 4000))
    assert outcomes.correlate(x, y) > 0.4
    assert abs(outcomes.correlate(x, y, [third])) < 0.08


def test_an_interval_knows_that_twins_tell_nothing_new(outcomes: ModuleType) -> None:
    """Every row doubled: drawn by cluster, the interval is as wide as that of the rows alone."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal(40)
    twice = np.repeat(x, 2)
    names = [str(i) for i in range(40)]
    alone = outcomes.bootstrap(lambda at: float(x[at].mean()), names, np.random.default_rng(6), 400)
    doubled = outcomes.bootstrap(
        lambda at: float(twice[at].mean()), [name for name in names for _ in range(2)], np.random.default_rng(6), 400
    )
    assert_allclose(np.subtract(*doubled), np.subtract(*alone), rtol=0.1)
