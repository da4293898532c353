"""Whether signals read people alike: the pairs, the arithmetic against the long way round, and what is told of it."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from troth.cli import app
from troth.encoder import card, count_unread, load_encoder
from troth.fairness import AXES, TOGETHER, list_comparable, load_verdicts, warn_of_comparing
from troth.signals import CATALOGUE
from troth.text import find_sentences, split_sentences

pytestmark = pytest.mark.repository

ROOT = Path(__file__).parents[1]
if not (ROOT / "training").is_dir():
    pytest.skip("training is not part of the package", allow_module_level=True)
sys.path.insert(0, str(ROOT))
fairness = __import__("training.fairness", fromlist=["fairness"])

PAIRS = fairness.read_pairs()
SHIPPED = json.loads(files("troth").joinpath("checks/fairness.json").read_text("utf-8"))


def of_axis(axis: str) -> list[Any]:
    return [pair for pair in PAIRS if pair.axis == axis]


def test_every_axis_has_three_hundred_different_pairs():
    assert set(Counter(pair.axis for pair in PAIRS)) == set(AXES) == set(fairness.AXES)
    for axis in AXES:
        assert len({(pair.left, pair.right) for pair in of_axis(axis)}) == len(of_axis(axis)) >= 300
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)
    assert len({(pair.left, pair.right) for pair in PAIRS}) == len(PAIRS)


def test_every_pair_is_well_formed():
    for pair in PAIRS:
        assert pair.act in CATALOGUE, pair.id
        assert pair.channel in {"mail", "chat", "ticket", "call"}, pair.id
        assert pair.id.startswith(pair.frame), pair.id
        assert pair.left != pair.right, pair.id
        for side in (pair.left, pair.right):
            assert side == " ".join(side.split()), pair.id
            assert list(find_sentences(side, 0, len(side))) == [(0, len(side))], side


def test_pairs_of_a_frame_do_one_thing():
    for _, some in itertools.groupby(PAIRS, key=lambda pair: pair.frame):
        mates = list(some)
        assert len({(mate.axis, mate.act, mate.channel, fairness.half_of(mate.frame)) for mate in mates}) == 1
        if mates[0].axis != "names":
            assert len({mate.left for mate in mates}) == 1


@pytest.mark.parametrize("axis", AXES)
def test_each_half_is_large_enough_and_every_variety_is_in_both(axis: str):
    halves = {
        half: [pair for pair in of_axis(axis) if fairness.half_of(pair.frame) == half] for half in ("choose", "report")
    }
    assert min(map(len, halves.values())) >= 120
    assert len({frozenset(pair.variety for pair in some) for some in halves.values()}) == 1
    acts = [{pair.act for pair in some} for some in halves.values()]
    assert len(acts[0] & acts[1]) >= 10


def test_names_are_balanced_and_all_that_a_pair_of_them_differs_in():
    with (fairness.PAIRS.parent / "names.tsv").open(encoding="utf-8") as lines:
        listed = list(csv.DictReader(lines, delimiter="\t"))
    known = {row["name"]: row for row in listed}
    assert len(known) == len(listed) >= 60
    assert len(set(Counter((row["origin"], row["gender"]) for row in listed).values())) == 1
    used: Counter[str] = Counter()
    for pair in of_axis("names"):
        one, other = (pair.left.split(), pair.right.split())
        [(first, second)] = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
        first, second = (known[name.strip(".,!?")] for name in (first, second))
        used.update([first["name"], second["name"]])
        if pair.variety == "woman against man":
            assert (first["gender"], second["gender"], first["origin"]) == ("m", "f", second["origin"])
        else:
            assert first["gender"] == second["gender"]
            assert pair.variety == f"{second['origin']} against {first['origin']}"
    assert set(used) == set(known)


differences = st.lists(st.tuples(st.integers(0, 5), st.floats(-1, 1)), min_size=1, max_size=30)


@settings(max_examples=25, deadline=None)
@given(differences)
def test_a_shift_is_the_mean_and_its_interval_that_of_resampled_frames(rows: list[tuple[int, float]]):
    """By the long way: each draw lays the pairs of the drawn frames side by side."""
    frames, values = [str(frame) for frame, _ in rows], np.array([value for _, value in rows])
    found = fairness.find_shift(values, frames)
    names = sorted(set(frames))
    drawn = np.random.default_rng(20261122).multinomial(len(names), [1 / len(names)] * len(names), size=2000)
    by_hand: list[float] = []
    for times in drawn:
        laid: list[float] = []
        for name, count in zip(names, times, strict=True):
            laid += [value for frame, value in zip(frames, values, strict=True) if frame == name] * int(count)
        by_hand.append(sum(laid) / len(laid))
    assert found.mean == pytest.approx(sum(values) / len(values), abs=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(by_hand, [0.025, 0.975])), abs=1e-9)


def test_the_interval_is_that_of_theory_where_pairs_are_independent():
    values = np.random.default_rng(1).normal(0.3, 2.0, 400)
    found = fairness.find_shift(values, [str(at) for at in range(400)])
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.08)


def test_frames_that_hang_together_widen_the_interval():
    values = np.repeat(np.random.default_rng(2).normal(size=40), 5)
    apart = fairness.find_shift(values, [str(at) for at in range(200)])
    together = fairness.find_shift(values, [str(at // 5) for at in range(200)])
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


@pytest.mark.parametrize(
    ("sd", "probability", "verdict"),
    [
        ((0.05, -0.05, 0.15), (0.01, -0.01, 0.03), "passes"),
        ((0.05, -0.05, 0.15), None, "passes"),
        ((0.05, -0.05, 0.21), (0.01, -0.01, 0.03), "not enough"),  # it might be .2
        ((0.12, -0.01, 0.19), (0.01, -0.01, 0.03), "not enough"),  # large, or nothing
        ((0.12, 0.01, 0.19), (0.01, -0.01, 0.03), "fails"),
        ((-0.12, -0.19, -0.01), None, "fails"),
        ((0.05, 0.01, 0.15), (0.06, 0.01, 0.09), "fails"),
        ((0.05, -0.05, 0.15), (0.02, -0.01, 0.06), "not enough"),
        ((0.05, 0.01, 0.09), (0.03, 0.01, 0.04), "passes"),  # surely there, and surely small
    ],
)
def test_the_margins_decide(sd: tuple[float, ...], probability: tuple[float, ...] | None, verdict: str):
    shifts = [
        None if each is None else fairness.Shift(mean=each[0], low=each[1], high=each[2]) for each in (sd, probability)
    ]
    assert fairness.judge(*shifts) == verdict


def test_a_row_adds_up():
    """Against plain arithmetic over six pairs in three frames."""
    left = np.array([0.1, 0.1, 0.6, 0.6, 0.9, 0.3])
    right = np.array([0.2, 0.6, 0.4, 0.7, 0.9, 0.5])
    base = PAIRS[0]
    pairs = [
        replace(base, id=str(at), frame=str(frame), left=f"left {frame}", variety="a" if at < 3 else "b")
        for at, frame in enumerate([0, 0, 1, 1, 2, 3])
    ]
    row = fairness.check_signal("claim", "binary", pairs, left, right)
    logits = np.log(left / (1 - left)), np.log(right / (1 - right))
    spread = np.std([logits[0][at] for at in (0, 2, 4, 5)], ddof=1)
    moved = (logits[1] - logits[0]) / spread
    assert row["value"] == pytest.approx((right - left).mean(), abs=1e-4)
    assert row["sd"] == pytest.approx(moved.mean(), abs=1e-4)
    assert row["log_odds"] == pytest.approx((logits[1] - logits[0]).mean(), abs=1e-4)
    assert (row["gained"], row["lost"]) == (round(2 / 6, 4), round(1 / 6, 4))
    assert row["rows"] == 6
    farthest = max(("a", moved[:3].mean()), ("b", moved[3:].mean()), key=lambda each: abs(each[1]))
    assert (row["farthest"], row["farthest_sd"]) == (farthest[0], round(farthest[1], 4))


def test_the_shipped_verdicts_are_those_of_the_shipped_encoder():
    """Measured again here; another processor may differ in the last digits."""
    rows = fairness.check_pairs([pair for pair in PAIRS if fairness.half_of(pair.frame) == "report"], load_encoder())
    assert [(row["signal"], row["axis"]) for row in rows] == [(row["signal"], row["axis"]) for row in SHIPPED]
    for mine, shipped in zip(rows, SHIPPED, strict=True):
        assert mine["value"] == pytest.approx(shipped["value"], abs=0.03), (shipped["signal"], shipped["axis"])
        assert mine.get("sd", 0) == pytest.approx(shipped.get("sd", 0), abs=0.05)
    assert fairness.lay_out(SHIPPED) == files("troth").joinpath("checks/fairness.json").read_text("utf-8")


def test_every_signal_of_the_encoder_has_a_verdict_on_every_axis_and_validity_tells_it():
    verdicts = {signal: by_axis for signal, by_axis in load_verdicts().items() if signal != TOGETHER}
    assert {signal: set(by_axis) for signal, by_axis in verdicts.items()} == {
        signal: set(AXES) for signal in card().signals
    }
    told = CliRunner().invoke(app, ["validity", "--format", "jsonl"])
    metrics = {(row["signal"], row["metric"]) for row in map(json.loads, told.stdout.splitlines())}
    for signal, by_axis in verdicts.items():
        for axis, verdict in by_axis.items():
            assert (signal, f"shift, {axis}: {verdict}") in metrics


def test_only_what_passed_may_compare_people():
    """And no act where acts together are found less often on one side."""
    for axis in AXES:
        passed = {row["signal"] for row in SHIPPED if row["axis"] == axis and row["verdict"] == "passes"} & set(
            CATALOGUE
        )
        [found] = [row for row in SHIPPED if row["axis"] == axis and "act itself" in row["metric"]]
        if found["verdict"] == "fails":
            passed = {signal for signal in passed if CATALOGUE[signal].kind == "graded"}
        assert set(list_comparable(axis)) == passed
    assert set(list_comparable()) == set.intersection(*(set(list_comparable(axis)) for axis in AXES))
    assert f"{len(card().signals) - len(list_comparable())} of {len(card().signals)}" in warn_of_comparing()


def test_no_dialect_or_second_language_is_taken_for_another_language():
    """Else whole turns of these writers would go unread."""
    sides = [side for pair in PAIRS for side in (pair.left, pair.right)]
    together = [" ".join(sides[at : at + 6 : 2]) for at in range(0, len(sides), 6)]
    for texts in (sides, together):
        turns = pa.table(
            {"turn_id": list(map(str, range(len(texts)))), "body": texts, "automatic": [False] * len(texts)}
        )
        assert count_unread(split_sentences(turns)) == 0


def test_the_page_shows_the_verdicts():
    page = (ROOT / "docs" / "fairness.md").read_text("utf-8")
    assert fairness.tabulate(SHIPPED) in page
    fit = list_comparable()
    assert f"{len(card().signals) - len(fit)} of {len(card().signals)}" in page
