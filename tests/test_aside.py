"""Large tables laid aside: the same rows, in no memory of ours and under no name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from troth import aside
from troth.aside import give_back, lay_aside


def make_table(rows: int) -> pa.Table:
    table = pa.table(
        {
            "word": pa.array([f"word {n % 997}" * (n % 7) for n in range(rows)]),
            "list": pa.array([None, ["a"], []] * (rows // 3), pa.list_(pa.string())),
            "number": np.arange(rows),
        }
    )
    return pa.concat_tables([table.slice(start, 1000) for start in range(0, rows, 1000)])


def test_rows_are_the_same_in_few_pieces_and_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(30_000)
    monkeypatch.setattr(aside, "_LARGE_BYTES", table.nbytes)
    before = pa.total_allocated_bytes()
    laid = lay_aside(table, str(tmp_path / "b.duckdb"))
    assert pa.total_allocated_bytes() - before < table.nbytes / 100
    assert laid.equals(table)
    assert laid["word"].num_chunks == 1
    assert not list(tmp_path.iterdir())
    give_back()
    assert laid.equals(table)


def test_what_is_small_or_has_no_place_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(3_000)
    assert lay_aside(table, str(tmp_path / "b.duckdb")) is table
    monkeypatch.setattr(aside, "_LARGE_BYTES", 0)
    assert lay_aside(table, ":memory:") is table
    assert lay_aside(table, "https://troth.example") is table
    assert lay_aside(table, str(tmp_path / "gone" / "b.duckdb")) is table
