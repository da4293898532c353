"""JSON cut into its objects gives what parsing it whole gives, wherever the blocks end and whatever is torn."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from read_whole import write_files

from troth.sources.blocks import Meter
from troth.sources.export import Export
from troth.sources.json_items import read_items, split_items, split_lists
from troth.sources.jsonl import LINE_LIMIT
from troth.sources.turns import Rejected

_leaf = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=8)
_hard = st.sampled_from(['"', "\\", '\\"', '"value":[', "}{", "][", "é", "🙂", "\\\\", "a\nb"])
_values = st.recursive(
    _leaf | _hard,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_hard | st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_objects = st.lists(st.dictionaries(st.text(max_size=4), _values, max_size=3), max_size=5)


def blocks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@settings(max_examples=60)
@given(_objects, st.integers(1, 40), st.booleans())
def test_a_list_or_lines_in_blocks_of_any_size(objects: list[Any], size: int, pretty: bool):
    whole = json.dumps(objects, indent=1 if pretty else None).encode()
    lines = "\n".join(map(json.dumps, objects)).encode()
    for data in (whole, lines):
        assert [json.loads(piece or b"") for piece in split_items(blocks(data, size))] == objects


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.booleans())
def test_lists_within_lists_are_passed_at_once_and_end_where_they_end(deep: int, wide: int, size: int, alone: bool):
    nested = [[["[" * deep + "]" * deep] * 2, json.loads("[" * deep + "]" * deep)] for _ in range(wide)]
    objects = [{"a": nested, "b": {"c": [{}, [], [{}]]}}, {}, {"d": [[]]}]
    data = b"\n".join(json.dumps(one).encode() for one in objects) if alone else json.dumps(objects).encode()
    assert [json.loads(piece or b"") for piece in split_items(blocks(data, size))] == objects


@settings(max_examples=60)
@given(_objects, _objects, _values, st.integers(1, 40))
def test_the_lists_of_the_fields_that_are_asked_for(first: list[Any], second: list[Any], other: Any, size: int):
    data = json.dumps({"x": other, "a": first, "deep": {"a": [{"no": 1}]}, "b": second, "y": "a"}).encode()
    found = [
        (label, json.loads(piece or b"")) for label, piece in split_lists(blocks(data, size), under=frozenset("ab"))
    ]
    assert found == [("a", one) for one in first] + [("b", one) for one in second]


@settings(max_examples=60)
@given(_objects.filter(bool), st.data())
def test_a_torn_document_gives_what_is_whole_and_says_that_it_is_torn(objects: list[Any], data: st.DataObject):
    whole = json.dumps(objects).encode()
    cut = data.draw(st.integers(1, len(whole) - 1))
    pieces = list(split_items(blocks(whole[:cut], 7)))
    torn = pieces.pop() or b""
    assert [json.loads(piece or b"") for piece in pieces] == objects[: len(pieces)]
    try:
        json.loads(torn)
    except ValueError:
        return
    raise AssertionError("the torn end passed for an object")


def test_an_object_too_long_is_passed_over_wherever_it_ends():
    long = [{"t": "x" * LINE_LIMIT}, {"n": ["y" * 100] * (LINE_LIMIT // 90)}, {"q": '\\"' * (LINE_LIMIT // 2)}]
    rows: list[Any] = [{"a": 1}, long[0], {"b": 2}, long[1], {"c": 3}, long[2], {"d": 4}]
    data = json.dumps(rows).encode()
    pieces = list(split_items(blocks(data, (1 << 20) + 1)))
    read = [None if piece is None else json.loads(piece) for piece in pieces]
    assert read == [None if row in long else row for row in rows]


def test_one_broken_object_does_not_hide_the_others(tmp_path: Path):
    write_files(tmp_path, {"m.json": '{"value": [{"a": 1}, {"a": }, 7, "b", {"a": 2}], "value2": 1}'})
    export = Export(tmp_path / "m.json")
    found = list(read_items(export, "", Meter(0, None), under="value"))
    export.close()
    kinds = Counter(type(one).__name__ for one in found)
    assert [one for one in found if not isinstance(one, Rejected)] == [("item 1", {"a": 1}), ("item 4", {"a": 2})]
    assert kinds["Rejected"] == 2
