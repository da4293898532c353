"""The cut from which a head says yes, against trying every one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.repository
ROOT = Path(__file__).parents[1]
if not (ROOT / "training").is_dir():
    pytest.skip("training is not part of the package", allow_module_level=True)
sys.path.insert(0, str(ROOT))
judge = __import__("training.judge", fromlist=["judge"])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=40))
def test_no_other_cut_has_a_better_f1(rows: list[tuple[bool, int]]):
    label = np.array([float(yes) for yes, _ in rows])
    score = np.array([value / 12 for _, value in rows])
    if not label.any():
        return
    best = max(judge.f1_above(cut)(label, score) for cut in np.arange(0, 13) / 12)
    assert judge.f1_above(judge.find_cut(label, score))(label, score) == pytest.approx(best)
    assert judge.f1_above(0.5)(label, score) == pytest.approx(judge.f1(label, score), nan_ok=True)
