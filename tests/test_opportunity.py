"""How well occasions are found: the arithmetic by hand, and that the rules checked are those the readings use."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from troth.readings import evidence, held
from troth.readings.scene import Scene
from troth.signals import HELD, SHOWN

pytestmark = pytest.mark.repository

if not (Path(__file__).parents[1] / "training").is_dir():
    pytest.skip("training is not part of the package", allow_module_level=True)
sys.path.insert(0, str(Path(__file__).parents[1]))
opportunity = __import__("training.opportunity", fromlist=["opportunity"])


class Everything:
    """A scene that remembers which signals it was asked for; one sentence in one turn."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.words = np.array([9])
        self.of_turn = np.array([0])

    def found(self, *signals: str, least: float = 0.5) -> NDArray[np.bool_]:
        assert least in {0.5, evidence.VOICED}
        self.asked.update(signals)
        return np.ones(1, bool)

    def in_turn(self, hits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return hits

    in_answered = in_turn


def test_the_signals_checked_are_those_that_the_readings_ask_for():
    rules = {"reasoning": evidence.find_claims, "attunement": evidence.answers_a_feeling}
    rules |= {HELD[facet]: held.RULES[facet].occasion for facet in ("HC", "HR", "HS")}
    checked = {name.split(",")[0]: set(signals) for name, signals in opportunity.OCCASIONS.items()}
    assert set(checked) <= {*SHOWN.values(), *HELD.values()}
    for facet, rule in rules.items():
        scene = Everything()
        rule(cast("Scene", scene))
        assert scene.asked == checked[facet], facet


def test_shares_are_counted_by_sentence_and_by_turn():
    def make(turn: str, labels: str, disputed: str = "") -> Any:
        gave, one_gave = frozenset(labels.split()), frozenset(disputed.split())
        return opportunity.Sentence(turn=turn, conversation=turn[0], text="", labels=gave, disputed=one_gave)

    some = [make("a1", "claim"), make("a1", ""), make("b1", "", "claim"), make("b2", "claim fun"), make("c1", "fun")]
    found = np.array([True, True, True, False, False])
    for name, expected in (("x, a sentence that", [(2, 0.5), (2, 0.5)]), ("x, a turn that", [(2, 0.5), (1, 1.0)])):
        rows = opportunity.check_occasion(name, ("claim",), some, found)
        assert [(row["rows"], row["value"]) for row in rows] == expected


def test_the_shipped_rows_are_those_of_every_occasion():
    rows = json.loads(files("troth").joinpath("checks/opportunity.json").read_text("utf-8"))
    assert len(rows) == 2 * len(opportunity.OCCASIONS)
    for row, name in zip(rows[::2], opportunity.OCCASIONS, strict=True):
        assert name in row["metric"]
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
