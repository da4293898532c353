"""The hand-written training turns: offsets, labels, ids and phrasing are in order."""

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.repository  # the material is not part of the package

OWN = Path(__file__).parents[1] / "training" / "own"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("own_material_check", OWN / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_have_no_faults(check: ModuleType) -> None:
    assert list(check.find_faults(check.read_rows(OWN))) == []


def test_every_act_has_at_least_sixty_sentences(check: ModuleType) -> None:
    rows = check.read_rows(OWN)
    counts = Counter(label for row in rows for sentence in row["sentences"] for label in sentence["labels"])
    assert {label: counts[label] for label in check.LABELS if counts[label] < 60} == {}


def test_check_sees_a_wrong_offset_an_unknown_label_and_a_copied_phrase(check: ModuleType) -> None:
    def make_row(name: str, start: int, labels: list[str]) -> dict[str, object]:
        text = "we will gladly carry the piano up all the stairs"
        sentence = {"n": 0, "start": start, "end": len(text), "labels": labels}
        return {
            "id": name,
            "text": text,
            "meta": {"channel": "mail", "side": "us", "conversation_id": name},
            "sentences": [sentence],
        }

    faults = list(check.find_faults([make_row("a", 3, ["claim"]), make_row("b", 0, ["praise"]), make_row("c", 0, [])]))
    assert any("belong to no sentence" in fault for fault in faults)
    assert any("unknown or doubled label" in fault for fault in faults)
    assert any(fault.startswith("c: shares") for fault in faults)
