"""Rows by key without a copy of the table: the same rows as a filter gives, in whatever pieces the table lies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from troth.web.index import Index, Picker

words = st.sampled_from(["", "a", "ä", "b", "b\x00", "é", "zz", "\U0001f600"])
tables = st.lists(st.lists(st.one_of(st.none(), words), max_size=9), max_size=6)


def lay(pieces: list[list[str | None]]) -> pa.Table:
    keys = pa.chunked_array([pa.array(piece, pa.string()) for piece in pieces], pa.string())
    return pa.table({"key": keys, "row": np.arange(len(keys))})


@given(tables, st.randoms(use_true_random=False))
def test_rows_of_a_key_are_those_of_a_filter(pieces: list[list[str | None]], random: object) -> None:
    table = lay(pieces)
    order = np.random.default_rng(random.randrange(99)).permutation(table.num_rows)  # type: ignore[attr-defined]
    plain, ordered = Index(table, "key"), Index(table, "key", order=order)
    whole = table.to_pylist()
    known = {row["key"] for row in whole} - {None}
    assert plain.keys() == ordered.keys() == sorted(known)
    for key in [*known, "never", None]:
        assert plain.rows(key).to_pylist() == [row for row in whole if row["key"] == key and key is not None]
        assert ordered.rows(key).to_pylist() == [whole[n] for n in order if whole[n]["key"] == key and key is not None]
        if key is not None:
            assert (key in plain) == (key in known)


@given(tables, st.lists(st.integers(0, 53), max_size=20))
def test_rows_are_taken_in_the_order_asked(pieces: list[list[str | None]], places: list[int]) -> None:
    table = lay(pieces)
    asked = np.array([place for place in places if place < table.num_rows], np.int64)
    assert Picker(table).take(asked).to_pylist() == table.take(pa.array(asked)).to_pylist()


@given(tables, st.sets(words, max_size=3))
def test_a_mended_index_is_the_one_of_the_other_table(pieces: list[list[str | None]], keys: set[str]) -> None:
    before = lay(pieces)
    is_kept = pc.invert(pc.is_in(before["key"], pa.array(sorted(keys), pa.string())))
    fresh = pa.table({"key": pa.array(sorted(keys), pa.string()), "row": np.arange(len(keys)) + 1000})
    after = pa.concat_tables([before.filter(is_kept), fresh])
    mended, anew = Index(before, "key").mended(after, keys), Index(after, "key")
    names = anew.keys()
    assert sorted(mended.keys()) == names
    for key in names:
        assert mended.rows(key).to_pylist() == anew.rows(key).to_pylist()


def test_the_many_rows_of_a_few_keys_are_taken_once() -> None:
    table = pa.table({"key": ["a", "b", "c", "d", "e"] * 2_000, "row": np.arange(10_000)})
    index = Index(table, "key")
    first = index.rows("a")
    assert first["row"].to_pylist() == list(range(0, 10_000, 5))
    assert index.rows("a") is first
    for key in "bcde":
        assert index.rows(key).num_rows == 2_000
    again = index.rows("a")
    assert again is not first  # four others were asked for since
    assert again.equals(first)
    mended = index.mended(table.filter(pc.less(table["row"], 100)), {"a"})
    assert mended.rows("a").num_rows == 20
    assert mended.rows("b").equals(index.rows("b"))
