"""A book leaves and comes back: every row of every table that is kept, in every shape, whatever stands in it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import troth
from troth.book import Store, open_store
from troth.cli.options import Format
from troth.cli.output import write_rows
from troth.errors import InputError, SourceError
from troth.intake import add_to, read_into
from troth.leaving import leave_book, write_corpus
from troth.plain import guard_formula, unguard_formula
from troth.schema import TABLES, TURNS, conform
from troth.sources import read_source
from troth.sources.ours import KEPT, MANIFEST
from troth.sources.shapes import SHAPES, Shape, read_table, write_table

FUZZ = int(os.environ.get("TROTH_FUZZ", "2000"))
WORKED_OUT = {"sentences", "findings", "evidence", "questions", "readings", "trust", "scores"}

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "",
        "'",
        "''=1",
        "=1+1",
        "'tis",
        " =x",
        '"',
        'a","b',
        "a\nb\r\nc\rd",
        "@me",
        "\t-1",
        "null",
        "NA",
        "1",
        "true",
        "[]",
    ]
)
moments = st.integers(0, 2**52).map(lambda tick: dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=tick))


def values(field: pa.Field) -> st.SearchStrategy[Any]:
    """What a column may hold."""
    kind = field.type
    if pa.types.is_list(kind):
        made: st.SearchStrategy[Any] = st.lists(values(pa.field("one", kind.value_type, nullable=False)), max_size=3)
    elif pa.types.is_timestamp(kind):
        made = moments
    elif pa.types.is_string(kind):
        made = words
    elif pa.types.is_boolean(kind):
        made = st.booleans()
    elif pa.types.is_integer(kind):
        made = st.integers(-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)
    else:
        made = st.floats(allow_nan=False, allow_infinity=False, width=kind.bit_width)
    return st.none() | made if field.nullable else made


KINDS = pa.schema(
    [
        pa.field(f"{name} {nullable}", kind, nullable=nullable)
        for nullable in (True, False)
        for name, kind in {field.type: field.type for schema in TABLES.values() for field in schema}.items()
    ]
)
"""A column of each type that any table has, with and without gaps."""


def rows_of(schema: pa.Schema) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({field.name: values(field) for field in schema}), max_size=4)


def test_every_table_is_kept_or_worked_out_anew() -> None:
    """A new table of the book needs a word on which of the two it is."""
    assert set(KEPT) | WORKED_OUT == set(TABLES)
    assert not set(KEPT) & WORKED_OUT


@given(rows_of(KINDS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_any_row_comes_back_as_it_was(rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=KINDS)
    for shape in SHAPES:
        file = io.BytesIO()
        write_table(table, file, shape)
        file.seek(0)
        assert list(read_table(file, KINDS, shape, where="")) == table.to_pylist()


@given(st.lists(st.tuples(words, words, st.none() | words, st.none() | st.lists(words, max_size=2)), max_size=5))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_table_on_the_command_line_comes_back(
    tmp_path: Path, said: list[tuple[str, str, str | None, list[str] | None]]
) -> None:
    """`troth export turns` as JSON lines is lossless; its CSV holds an empty text as not known, as spreadsheets do."""
    base = make_row(TURNS, 1, random.Random(1))
    rows = [
        {**base, "turn_id": f"id{n}", "speaker": speaker, "body": body, "subject": subject, "cc": cc}
        for n, (speaker, body, subject, cc) in enumerate(said)
    ]
    path = tmp_path / "table"
    for shape in (Format.jsonl, Format.csv) if rows else ():
        with path.open("w", encoding="utf-8", newline="") as file:
            write_rows(rows, shape, columns=TURNS.names, to=file)
        reading = read_source(path)
        back = [row for batch in reading for row in batch.to_pylist()]
        assert reading.format.name == "troth"
        assert back == (rows if shape is Format.jsonl else [_without_empty(row, TURNS) for row in rows])


def _without_empty(row: Mapping[str, Any], schema: pa.Schema) -> dict[str, Any]:
    return {field.name: None if row[field.name] == "" and field.nullable else row[field.name] for field in schema}


@given(words)
def test_a_guarded_cell_is_no_formula_and_gives_its_text_back(text: str) -> None:
    cell = guard_formula(text)
    assert unguard_formula(cell) == text
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not cell.startswith(("\t", "\r"))


@pytest.fixture(scope="module")
def full(sample_mbox: Path) -> Iterator[Store]:
    """A book with rows in every kept table."""
    chance = random.Random(5)
    with open_store() as store:
        read_into(store, sample_mbox)
        turns = store.table("turns").slice(0, 5)
        corrected = turns.set_column(TURNS.get_field_index("body"), TURNS.field("body"), pa.array(["=SUM(1)"] * 5))
        add_to(store, conform(corrected, TURNS))
        for name in KEPT:
            if name not in {"turns", "turn_versions"}:
                rows = [make_row(TABLES[name], n, chance) for n in range(20)]
                store.upsert(name, pa.Table.from_pylist(rows, schema=TABLES[name]))
        store.set_setting("us", ["anna@brimholt.example"])
        yield store


def make_row(schema: pa.Schema, number: int, chance: random.Random) -> dict[str, Any]:
    return {field.name: make_value(field, number, chance) for field in schema}


def make_value(field: pa.Field, number: int, chance: random.Random) -> Any:
    kind = field.type
    if field.nullable and chance.random() < 0.3:
        return None
    if pa.types.is_list(kind):
        return [0.25, 0.75] if pa.types.is_floating(kind.value_type) else ["a@b.example", "=c"]
    if pa.types.is_timestamp(kind):
        return dt.datetime(2026, 11, 1, tzinfo=dt.UTC) + dt.timedelta(days=number, microseconds=number)
    if pa.types.is_string(kind):
        return f"{field.name} {number}"
    if pa.types.is_boolean(kind):
        return bool(number % 2)
    return number if pa.types.is_integer(kind) else number / 8


def sorted_rows(store: Store, name: str) -> list[str]:
    return sorted(map(repr, store.table(name).to_pylist()))


def take_out(store: Store, folder: Path, shape: Shape) -> Path:
    leave_book(store, store.table, folder, shape=shape, bare=True, progress=None)
    return folder


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_zip", [False, True])
def test_a_whole_book_comes_back_in_an_empty_one(full: Store, tmp_path: Path, shape: Shape, is_zip: bool) -> None:
    folder = take_out(full, tmp_path / "left", shape)
    if is_zip:
        folder = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "left"))
    with open_store() as empty:
        report = read_into(empty, folder)
        assert (report.format, report.rejected) == ("troth", ())
        for name in KEPT:
            assert sorted_rows(empty, name) == sorted_rows(full, name), name
            assert full.table(name).num_rows, name
        assert empty.settings("us") == ["anna@brimholt.example"]
        again = read_into(empty, folder)
        assert (again.added, again.changed, sum(again.beside_added.values())) == (0, 0, 0)
        for name in KEPT:
            assert sorted_rows(empty, name) == sorted_rows(full, name), name


def test_a_book_with_days_closed_keeps_its_own_seals_and_decisions(full: Store, tmp_path: Path) -> None:
    folder = take_out(full, tmp_path / "left", "parquet")
    with open_store() as other:
        closing = full.table("closings").slice(0, 1)
        other.upsert("closings", closing)
        promise = full.table("promises").slice(3, 1)
        own = promise.set_column(promise.schema.get_field_index("state"), "state", pa.array(["broken"]))
        other.upsert("promises", own)
        other.set_setting("us", ["bob@other.example"])
        read_into(other, folder)
        assert other.table("closings").num_rows == 1
        assert other.table("forecasts").num_rows == 0
        kept = other.table("promises", where={"promise_id": promise["promise_id"].to_pylist()})
        assert kept["state"].to_pylist() == ["broken"]
        assert other.table("promises").num_rows == 20
        assert other.settings("us") == ["bob@other.example"]


def test_a_folder_that_holds_something_is_left_alone(full: Store, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", "utf-8")
    with pytest.raises(InputError, match="is there already"):
        take_out(full, tmp_path, "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_export_that_fails_leaves_nothing_behind(full: Store, tmp_path: Path) -> None:
    def fail(name: str) -> pa.Table:
        if name == "calls":
            raise OSError(28, "No space left on device")
        return full.table(name)

    class Failing:
        table = staticmethod(fail)
        settings = staticmethod(full.settings)

    with pytest.raises(InputError, match="No space left"):
        leave_book(Failing(), fail, tmp_path / "left", shape="jsonl", bare=True, progress=None)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_of_an_export_is_named(full: Store, tmp_path: Path) -> None:
    folder = take_out(full, tmp_path / "left", "jsonl")
    (folder / "calls.jsonl").unlink()
    lines = (folder / "contacts.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "contacts.jsonl").write_bytes(b"".join([*lines[:10], b'{"contact_id": 7}\n', lines[12][:30]]))
    with open_store() as empty:
        found = {one.position: one.reason for one in read_into(empty, folder).rejected}
    assert found["calls.jsonl"] == "is listed, and is not there"
    assert found["contacts.jsonl, line 11"].startswith("contact_id: no text")
    assert found["contacts.jsonl, line 12"].startswith("no JSON")
    assert found["contacts.jsonl"] == "holds 10 of the 20 rows that were written"


def test_an_export_of_a_newer_troth_is_refused(full: Store, tmp_path: Path) -> None:
    folder = take_out(full, tmp_path / "left", "jsonl")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**manifest, "version": 2}), "utf-8")
    with pytest.raises(SourceError, match="Upgrade troth"):
        list(read_source(folder))


@pytest.mark.parametrize("shape", SHAPES)
def test_bytes_changed_at_random_are_read_or_refused(full: Store, tmp_path: Path, shape: Shape) -> None:
    """Nothing but SourceError comes out, and every row that was met is counted."""
    chance = random.Random(len(shape))
    whole = {name: full.table(name).slice(0, 12) for name in ("turns", "contacts", "decisions")}
    originals: dict[str, bytes] = {}
    for name, table in whole.items():
        file = io.BytesIO()
        write_table(table, file, shape)
        originals[name] = file.getvalue()
    path = tmp_path / "torn"
    for _ in range(FUZZ // len(SHAPES)):
        data = bytearray(originals[chance.choice(list(originals))])
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[place] = chance.randrange(256)
                case 1:
                    del data[place : place + chance.randrange(40)]
                case 2:
                    data[place:place] = data[: chance.randrange(40)]
                case _:
                    data[place:place] = chance.choice([b'"', b"\0", b"\xff", b"\\ud800", b"9" * 30, b"[" * 50, b"\n"])
        path.write_bytes(data)
        try:
            reading = read_source(path)
            turns = sum(batch.num_rows for batch in reading)
        except SourceError:
            continue
        assert turns == reading.turns
        assert reading.seen == turns + reading.beside.total() + reading.duplicates + len(reading.rejected)


def test_a_corpus_says_what_the_turns_say(full: Store, tmp_path: Path) -> None:
    """Read back by hand from the published form, with nothing of ours."""
    turns = full.table("turns")
    write_corpus(turns, tmp_path / "corpus")
    lines = (tmp_path / "corpus" / "utterances.jsonl").read_text("utf-8").splitlines()
    utterances = {one["id"]: one for one in map(json.loads, lines)}
    assert len(lines) == len(utterances) == turns.num_rows
    for row in turns.to_pylist():
        said = utterances[row["turn_id"]]
        assert (said["text"], said["speaker"], said["conversation_id"]) == (
            row["body"], row["speaker"], row["conversation_id"],
        )  # fmt: skip
        assert dt.datetime.fromtimestamp(said["timestamp"], dt.UTC) == row["sent_at"]
        parent = said["reply-to"]
        assert parent is None or utterances[parent]["conversation_id"] == row["conversation_id"]
        assert said["meta"]["channel"] == row["channel"]
    index = json.loads((tmp_path / "corpus" / "index.json").read_text("utf-8"))
    assert set(index["utterances-index"]) == set(next(iter(utterances.values()))["meta"])
    speakers = json.loads((tmp_path / "corpus" / "speakers.json").read_text("utf-8"))
    assert set(speakers) == set(turns["speaker"].to_pylist())
    talks = json.loads((tmp_path / "corpus" / "conversations.json").read_text("utf-8"))
    assert set(talks) == set(turns["conversation_id"].to_pylist())


def test_the_book_writes_what_it_worked_out_beside_what_it_keeps(sample_book: troth.Book, tmp_path: Path) -> None:
    written = sample_book.leave(tmp_path / "left")
    found = sorted(path.name for path in (tmp_path / "left" / "found").iterdir())
    assert "relationships.parquet" in found
    assert (
        parquet.read_table(tmp_path / "left" / "found" / "promises.parquet").num_rows == written.rows["found/promises"]
    )
    assert parquet.read_table(tmp_path / "left" / "turns.parquet").num_rows == sample_book.turns().num_rows
    with troth.open() as again:
        assert again.read(tmp_path / "left").added == sample_book.turns().num_rows


def test_csv_of_a_whole_book_is_safe_in_a_spreadsheet(full: Store, tmp_path: Path) -> None:
    folder = take_out(full, tmp_path / "left", "csv")
    with (folder / "turns.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == full.table("turns").num_rows
    assert sum(row["body"] == "'=SUM(1)" for row in rows) == 5
    for row in rows:
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in row.values())
