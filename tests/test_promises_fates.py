"""Settling on written threads with a known fate: the part that the rules were mended on keeps its figures."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.repository


@pytest.fixture(scope="module")
def bench() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[1] / "bench" / "fates.py"))


@pytest.fixture(scope="module")
def threads(bench: dict[str, Any]) -> Sequence[Any]:
    return list(bench["read_threads"]())


def test_the_parts_are_alike_and_share_no_words(threads: Sequence[Any]) -> None:
    parts = {part: [thread for thread in threads if thread.part == part] for part in ("dev", "held")}
    fates = [sorted(thread.fate for thread in part) for part in parts.values()]
    assert fates[0] == fates[1]
    assert len(fates[0]) >= 30
    said = [
        {turn["body"] for thread in part for turn in thread.turns if turn["turn_id"] in (thread.promise, thread.proof)}
        for part in parts.values()
    ]
    assert not said[0] & said[1]
    assert {thread.channel for thread in threads} == {"mail", "chat", "ticket", "call"}
    for thread in threads:
        ids = [turn["turn_id"] for turn in thread.turns]
        assert thread.proof is None or ids.index(thread.promise) < ids.index(thread.proof)
        assert (thread.proof is None) == (thread.fate == "unknown")


def test_the_fate_of_the_threads_that_the_rules_were_mended_on(bench: dict[str, Any], threads: Sequence[Any]) -> None:
    """30 of 32 with the encoder of the day; nobody is accused of what was not broken."""
    told = bench["settle"]([thread for thread in threads if thread.part == "dev"])
    assert sum(one.is_right for one in told) >= 28
    assert [one.thread.name for one in told if one.state == "suspected" and one.thread.fate != "broken"] == []
    assert all(one.evidence == one.thread.proof for one in told if one.is_right and one.evidence is not None)


def test_an_interval_of_a_share_is_wilsons(bench: dict[str, Any]) -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 gives .2553 to .3662; 0 of 20 gives 0 to .1611."""
    assert bench["wilson"](81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert bench["wilson"](0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
