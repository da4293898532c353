"""The one way into the tables: what is taken, how it is cast, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import BadColumn, InputError, MissingColumns
from troth.schema import OUTCOMES, SENTENCES, TABLES, TURNS, arrow_table, conform, empty

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

TURN: dict[str, Any] = {
    "turn_id": "t1",
    "conversation_id": "c1",
    "position": 3,
    "sent_at": NOON,
    "speaker": "anna@firm.com",
    "recipients": ["bo@client.com", "cy@client.com"],
    "channel": "mail",
    "body": "Grüße 👍",
    "automatic": False,
    "source": "mail.mbox",
}


def as_duckdb(rows: list[dict[str, Any]]) -> object:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Tokyo'")
    connection.register("handed_in", pa.Table.from_pylist(rows))
    return connection.sql("SELECT * FROM handed_in")


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(lambda rows: rows, id="list of mappings"),
        pytest.param(iter, id="iterator of mappings"),
        pytest.param(pa.Table.from_pylist, id="pyarrow table"),
        pytest.param(pa.RecordBatch.from_pylist, id="pyarrow batch"),
        pytest.param(lambda rows: pa.Table.from_pylist(rows).to_reader(), id="pyarrow stream"),
        pytest.param(pd.DataFrame, id="pandas"),
        pytest.param(pl.DataFrame, id="polars"),
        pytest.param(as_duckdb, id="duckdb in another time zone"),
    ],
)
def test_any_frame_gives_the_same_table(frame: Any) -> None:
    table = conform(frame([TURN, TURN | {"turn_id": "t2"}]), TURNS)
    assert table.schema.equals(TURNS)
    assert table.to_pylist() == [dict.fromkeys(TURNS.names) | TURN | {"turn_id": turn_id} for turn_id in ("t1", "t2")]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Etc/UTC", "+05:30"])
def test_a_time_in_another_zone_is_the_same_instant_in_utc(zone: str) -> None:
    """DuckDB hands times back in the zone its connection is set to."""
    column = pa.array([NOON], pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us", tz=zone))
    table = pa.Table.from_pylist([TURN]).drop_columns("sent_at").append_column("sent_at", column)
    back = conform(table, TURNS)["sent_at"]
    assert back.type == pa.timestamp("us", tz="UTC")
    assert back[0].as_py() == NOON


def test_a_naive_time_is_utc() -> None:
    assert conform([TURN | {"sent_at": NOON.replace(tzinfo=None)}], TURNS)["sent_at"][0].as_py() == NOON


def test_a_time_with_an_offset_keeps_its_instant() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    assert conform([TURN | {"sent_at": east}], TURNS)["sent_at"][0].as_py() == NOON


def test_columns_are_picked_ordered_and_filled() -> None:
    rows = [{"favourite": "tea", "text": "a", "end": 1, "start": 0, "sentence": 0, "turn_id": "t"}]
    table = conform(rows, SENTENCES)
    assert table.column_names == SENTENCES.names
    assert table["language"].to_pylist() == [None]


def test_numbers_and_words_are_cast_where_nothing_is_lost() -> None:
    kinds = pa.table(
        {
            "turn_id": pa.array(["t"], pa.large_string()),
            "sentence": pa.array([7], pa.uint8()),
            "start": pa.array([0.0], pa.float64()),
            "end": pa.array([4], pa.int64()),
            "text": pa.array(["text"]).dictionary_encode(),
        }
    )
    assert conform(kinds, SENTENCES).to_pylist() == [
        {"turn_id": "t", "sentence": 7, "start": 0, "end": 4, "text": "text", "language": None}
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [("position", "third"), ("position", 1.5), ("sent_at", "yesterday"), ("recipients", 5), ("automatic", "perhaps")],
)
def test_a_column_that_cannot_be_cast_is_named_with_the_reason(column: str, value: object) -> None:
    with pytest.raises(BadColumn, match=f"column '{column}': cannot be read as") as refused:
        conform([TURN | {column: value}], TURNS)
    assert refused.value.column == column
    assert "\n" not in str(refused.value)


def test_a_number_too_large_for_its_column_is_refused() -> None:
    with pytest.raises(BadColumn, match="column 'sentence'"):
        conform([{"turn_id": "t", "sentence": 2**31, "start": 0, "end": 1, "text": ""}], SENTENCES)


def test_missing_columns_are_listed_with_those_that_are_there() -> None:
    with pytest.raises(MissingColumns) as refused:
        conform([{"turn_id": "t", "text": "hello"}], TURNS)
    assert refused.value.missing == [f.name for f in TURNS if not f.nullable and f.name != "turn_id"]
    assert refused.value.present == ["turn_id", "text"]


def test_holes_where_none_may_be_are_counted() -> None:
    rows = [TURN, TURN | {"body": None}, TURN | {"body": None}]
    with pytest.raises(BadColumn, match=r"column 'body': 2 of 3 rows are empty, and none may be\."):
        conform(rows, TURNS)


def test_a_nan_of_pandas_in_a_nullable_number_is_not_measured() -> None:
    rows = [
        {"outcome_id": str(n), "relationship": "r", "kind": "deal", "state": "won", "opened_at": NOON, "amount": amount}
        for n, amount in enumerate([1.5, float("nan")])
    ]
    assert conform(pd.DataFrame(rows), OUTCOMES)["amount"].to_pylist() == [1.5, None]


@pytest.mark.parametrize("data", ["text", b"bytes", 5, None, {"body": "x"}, object()])
def test_what_is_no_table_is_refused_with_what_would_be(data: object) -> None:
    with pytest.raises(InputError, match="Give a pyarrow, pandas, Polars or DuckDB table, or a list of mappings"):
        arrow_table(data)


def test_a_column_that_only_later_rows_have_is_kept() -> None:
    table = arrow_table([{"text": "a"}, {"text": "b", "subject": "s", "cc": ["x@y.example"]}])
    assert table.to_pylist() == [
        {"text": "a", "subject": None, "cc": None},
        {"text": "b", "subject": "s", "cc": ["x@y.example"]},
    ]


@pytest.mark.parametrize("rows", [[{"text": "a"}, {"text": 1}], [{1: "a"}], [{"n": 2**70}]])
def test_rows_that_make_no_table_are_refused(rows: list[dict[Any, Any]]) -> None:
    with pytest.raises(InputError):
        arrow_table(rows)


def test_rows_that_are_no_mappings_are_refused_by_number() -> None:
    with pytest.raises(InputError, match="row 1 is a str"):
        conform([TURN, "hello"], TURNS)
    with pytest.raises(InputError, match="the rows do not make one table"):
        conform([{"body": "x"}, {"body": ["x"]}], TURNS)


@pytest.mark.parametrize("name", list(TABLES))
def test_an_empty_table_conforms_and_names_are_unique(name: str) -> None:
    schema = TABLES[name]
    assert conform(empty(schema), schema).schema.equals(schema)
    assert len(set(schema.names)) == len(schema.names)


@given(st.lists(st.tuples(st.text(), st.integers(0, 2**31 - 1), st.none() | st.text(max_size=3)), max_size=6))
def test_a_table_that_conforms_is_left_as_it_is(rows: list[tuple[str, int, str | None]]) -> None:
    """conform(conform(x)) is conform(x), chunks or not."""
    listed = [
        {"turn_id": text, "sentence": n, "start": 0, "end": n, "text": text, "language": language}
        for text, n, language in rows
    ]
    once = conform(pa.Table.from_pylist(listed, schema=SENTENCES), SENTENCES)
    assert once.to_pylist() == listed
    assert conform(once, SENTENCES).equals(once)
    assert conform(pa.concat_tables([once, once]), SENTENCES).to_pylist() == listed * 2
