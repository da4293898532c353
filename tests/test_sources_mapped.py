"""Sources mapped in troth.toml: files by name or columns, databases by query, and what settings cannot say."""

from __future__ import annotations

import csv
import io
import json
import random
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import Held, how_many, mutate
from pyarrow import parquet
from read_whole import NOW, write_files

import troth
from troth.errors import SettingsError, SourceError
from troth.settings import Settings, load_settings, parse_settings
from troth.sources import Local, OwnSource, explain_source, list_exports, read_source
from troth.sources.blocks import Meter
from troth.sources.reader import Context

TURNS_OF = {
    "id": "Msg No",
    "conversation": "Case",
    "sent_at": "When",
    "speaker": "Who",
    "side": "Dir",
    "body": "Text",
    "recipients": "To",
}
SHOP = OwnSource(
    name="shop",
    kind="turns",
    columns=TURNS_OF,
    constants={"channel": "shop"},
    values={"side": {"in": "them", "out": "us"}},
    zone="Europe/Berlin",
)
ROWS: list[dict[str, Any]] = [
    {
        "Msg No": "7",
        "Case": "A1",
        "When": "2.3.2026 10:30",
        "Who": "Bo@cust.example",
        "Dir": "in",
        "Text": "Where is it?",
        "To": "shop@firm.example; ada@firm.example",
    },
    {
        "Msg No": "8",
        "Case": "A1",
        "When": "2.3.2026 11:00",
        "Who": "ada@firm.example",
        "Dir": "out",
        "Text": "On its way.",
        "To": "",
    },
    {"Msg No": "9", "Case": "A1", "When": "", "Who": "ada@firm.example", "Dir": "out", "Text": " ", "To": ""},
]
INVOICES = OwnSource(
    name="books",
    kind="outcomes",
    match="invoices*",
    columns={
        "id": "no",
        "account": "customer",
        "opened_at": "issued",
        "closed_at": "paid",
        "state": "status",
        "amount": "total",
    },
    constants={"kind": "invoice", "currency": "EUR"},
    values={"state": {"4 - done": "won"}},
)
BILLS = [
    {
        "no": 1,
        "customer": "cust.example",
        "issued": "2026-01-05",
        "paid": "2026-02-01",
        "status": "4 - done",
        "total": "1200.50",
    },
    {"no": 2, "customer": "cust.example", "issued": "2026-03-05", "paid": None, "status": "open", "total": "80"},
]
Tables = dict[str, list[dict[str, Any]]]


def sheet(rows: list[dict[str, Any]], mark: str = ",") -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=mark)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def read(path: Path | str, *own: OwnSource) -> tuple[Tables, list[str]]:
    reading = read_source(path, now=NOW, local=Local(own=own))
    tables: Tables = {"turns": []}
    for batch in reading:
        tables["turns"] += batch.to_pylist()
        for name, table in reading.take_side().items():
            tables.setdefault(name, []).extend(table.to_pylist())
    return tables, [each.reason for each in reading.rejected]


def write_sqlite(path: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE {name} ({', '.join(f'[{column}]' for column in rows[0])})")
        database.executemany(
            f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", [tuple(row.values()) for row in rows]
        )
    database.close()
    return path


@pytest.mark.parametrize("shape", ["csv", "semicolons", "jsonl", "json", "parquet", "sqlite", "duckdb"])
def test_the_same_rows_give_the_same_turns_in_every_shape(shape: str, tmp_path: Path):
    path, own = tmp_path / f"export.{shape}", SHOP
    match shape:
        case "csv" | "semicolons":
            path.write_text(sheet(ROWS, "," if shape == "csv" else ";"))
        case "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        case "json":
            path.write_text(json.dumps(ROWS, indent=1))
        case "parquet":
            parquet.write_table(pa.Table.from_pylist(ROWS), path)
        case "sqlite":
            write_sqlite(path, "messages", ROWS)
            own = replace(SHOP, match="*.sqlite", query="SELECT * FROM messages")
        case _:
            table = pa.Table.from_pylist(ROWS)
            with duckdb.connect(str(path)) as database:
                database.register("given", table)
                database.execute("CREATE TABLE messages AS SELECT * FROM given")
            own = replace(SHOP, match="*.duckdb", query="SELECT * FROM messages")
    tables, reasons = read(path, own)
    assert [
        (turn["turn_id"], turn["conversation_id"], turn["speaker"], turn["side"], turn["body"])
        for turn in tables["turns"]
    ] == [
        ("shop:7", "shop:A1", "bo@cust.example", "them", "Where is it?"),
        ("shop:8", "shop:A1", "ada@firm.example", "us", "On its way."),
    ]
    assert [turn["sent_at"] for turn in tables["turns"]] == [
        datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        datetime(2026, 3, 2, 10, 0, tzinfo=UTC),
    ]
    assert tables["turns"][0]["recipients"] == ["shop@firm.example", "ada@firm.example"]
    assert {turn["channel"] for turn in tables["turns"]} == {"shop"}
    assert reasons == ["no words"]


@pytest.mark.parametrize("shape", ["csv", "parquet"])
def test_invoices_become_outcomes(shape: str, tmp_path: Path):
    path = tmp_path / f"Invoices-2026.{shape}"
    if shape == "csv":
        path.write_text(sheet(BILLS))
    else:
        moments = {"issued", "paid"}
        typed = [
            {
                name: datetime.fromisoformat(str(value)) if name in moments and value else value
                for name, value in row.items()
            }
            for row in BILLS
        ]
        parquet.write_table(pa.Table.from_pylist(typed), path)
    tables, reasons = read(path, INVOICES)
    assert reasons == []
    assert [
        (row["outcome_id"], row["relationship"], row["kind"], row["state"], row["amount"], row["currency"])
        for row in tables["outcomes"]
    ] == [
        ("books:1", "cust.example", "invoice", "won", 1200.5, "EUR"),
        ("books:2", "cust.example", "invoice", "open", 80.0, "EUR"),
    ]
    assert tables["outcomes"][0]["opened_at"].date().isoformat() == "2026-01-05"
    assert tables["outcomes"][0]["closed_at"].date().isoformat() == "2026-02-01"


def test_contacts_are_people_and_firms(tmp_path: Path):
    own = OwnSource(
        name="crm",
        kind="contacts",
        columns={
            "id": "person.id",
            "name": "person.name",
            "address": "mail",
            "phone": "tel",
            "owner": "by",
            "side": "side",
        },
    )
    rows = [
        {
            "person": {"id": 5, "name": "Bo Øst"},
            "mail": "Bo@Cust.example",
            "tel": "+45 12 34 56",
            "by": "ada",
            "side": "them",
        },
        {"person": {}, "mail": "", "tel": "", "by": "", "side": ""},
    ]
    path = write_files(tmp_path, {"people.json": rows}) / "people.json"
    tables, reasons = read(path, own)
    (who,) = tables["contacts"]
    assert {name: value for name, value in who.items() if value is not None} == {
        "contact_id": "crm:5",
        "source": "people.json",
        "kind": "person",
        "name": "Bo Øst",
        "address": "bo@cust.example",
        "phone": "+45123456",
        "owner": "ada",
        "side": "them",
    }
    assert reasons == ["nobody named"]


def test_a_file_is_taken_by_its_name_or_by_all_its_columns(tmp_path: Path):
    write_files(tmp_path, {"a.csv": sheet(ROWS), "invoices.csv": sheet(BILLS), "b.csv": "Msg No,Text\n1,x\n"})
    listing = list_exports(tmp_path, (INVOICES, SHOP))
    assert [(each.path.name, each.format.name) for each in listing.exports] == [
        ("a.csv", "shop"),
        ("invoices.csv", "books"),
    ]
    assert [each.position for each in listing.unknown] == ["b.csv"]
    with pytest.raises(SourceError, match="is a table that troth does not know"):
        read(tmp_path / "a.csv")


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path):
    path = (
        write_files(tmp_path, {"invoices.csv": sheet([{"no": 1, "customer": "x", "issued": "2026-01-01"}])})
        / "invoices.csv"
    )
    with pytest.raises(SourceError, match=r"no column 'paid', which source 'books'.*It has: customer, issued, no"):
        read(path, INVOICES)


def test_a_database_is_read_by_the_name_of_its_source_and_never_written(tmp_path: Path):
    path = write_sqlite(tmp_path / "crm.sqlite", "messages", ROWS)
    before = path.read_bytes()
    own = replace(SHOP, database=path, query="SELECT * FROM messages WHERE [Msg No] < '9'")
    assert [turn["turn_id"] for turn in read("shop", own)[0]["turns"]] == ["shop:7", "shop:8"]
    for query in ("DELETE FROM messages", "DROP TABLE messages", "SELECT * FROM nowhere", "no SQL"):
        with pytest.raises(SourceError, match="does not answer"):
            read("shop", replace(own, query=query))
    assert path.read_bytes() == before
    with pytest.raises(SourceError, match="cannot be opened"):
        read("shop", replace(own, database=tmp_path / "gone.sqlite"))


def test_a_query_on_duckdb_reads_its_own_file_alone(tmp_path: Path):
    path, other = tmp_path / "a.duckdb", tmp_path / "secret.csv"
    other.write_text("x\n1\n")
    duckdb.connect(str(path)).close()
    own = replace(SHOP, database=path, query=f"SELECT * FROM '{other}'")
    with pytest.raises(SourceError, match="does not answer"):
        read("shop", own)


def test_settings_say_it_and_the_book_takes_it(tmp_path: Path):
    (tmp_path / "troth.toml").write_text("""
us = ["firm.example"]
[[source]]
name = "shop"
kind = "turns"
match = "orders*.csv"
zone = "Europe/Berlin"
constants = { channel = "shop" }
values = { side = { in = "them", out = "us" } }
[source.columns]
id = "Msg No"
conversation = "Case"
sent_at = "When"
speaker = "Who"
side = "Dir"
body = "Text"
""")
    path = write_files(tmp_path, {"orders-3.csv": sheet(ROWS)}) / "orders-3.csv"
    chosen = load_settings(tmp_path / "troth.toml")
    assert chosen.having(zone="UTC").source == chosen.source
    with troth.open(settings=chosen) as book:
        report = book.read(path)
        assert (report.format, report.turns, report.added) == ("shop", 2, 2)
        assert book.read(path).added == 0
        assert set(book.table("turns")["channel"].to_pylist()) == {"shop"}
    (found,) = explain_source(path, local=Local(own=chosen.source))
    assert found.format.description == "the source 'shop' of your troth.toml"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "songs"}, "source.0.kind"),
        ({"columns": {"body": "Text", "wrong": "x", "speaker": "y"}}, "no field 'wrong' in turns"),
        ({"columns": {"body": "Text"}}, "speaker must be in columns or constants"),
        ({"columns": {"speaker": "x"}}, "body or html must be"),
        ({"name": "a/b"}, "a name is made of letters"),
        ({"zone": "Mars/North"}, "no time zone 'Mars/North'"),
        ({"query": "SELECT 1"}, "a query needs database"),
        ({"database": "x.db"}, "a database needs a query"),
        ({"connection": "mysql://x", "query": "SELECT 1"}, "begins with postgresql://"),
        ({"connection": "postgresql://x", "database": "x.db", "query": "SELECT 1"}, "not both"),
        ({"colums": {}}, "source.0.colums"),
    ],
)
def test_what_cannot_be_is_refused_with_the_source_and_the_reason(changed: dict[str, Any], words: str):
    source = {"name": "shop", "kind": "turns", "columns": {"body": "Text", "speaker": "Who"}} | changed
    with pytest.raises(SettingsError) as refused:
        parse_settings({"source": [source]}, "troth.toml")
    assert words in str(refused.value)
    assert str(refused.value).startswith("troth.toml: ")
    assert Settings().source == ()


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=15
)
MADE = st.lists(
    st.tuples(CELLS, st.integers(800_000_000, 1_790_000_000), st.sampled_from(["in", "out"]), CELLS),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=MADE)
def test_made_up_rows_come_back_from_every_kind_of_file(made: list[tuple[str, int, str, str]], tmp_path: Path):
    rows = [
        {
            "Msg No": str(n),
            "Case": case,
            "When": datetime.fromtimestamp(at, UTC).isoformat(),
            "Who": "x@y.example",
            "Dir": side,
            "Text": text,
            "To": "",
        }
        for n, (case, at, side, text) in enumerate(made)
    ]
    (tmp_path / "a.csv").write_text(sheet(rows))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
    for name in ("a.csv", "b.jsonl", "c.parquet"):
        tables, reasons = read(tmp_path / name, SHOP)
        assert reasons == []
        assert [
            (turn["conversation_id"], int(turn["sent_at"].timestamp()), turn["side"], turn["body"])
            for turn in tables["turns"]
        ] == [(f"shop:{case}", at, {"in": "them", "out": "us"}[side], text) for case, at, side, text in made]


@pytest.mark.parametrize("shape", ["csv", "jsonl", "parquet", "outcomes"])
def test_no_broken_table_stops_the_reading(shape: str, tmp_path: Path):
    own, data = SHOP, sheet(ROWS).encode()
    if shape == "jsonl":
        data = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    elif shape == "parquet":
        file = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(ROWS), file)
        data = file.getvalue()
    elif shape == "outcomes":
        own, data = replace(INVOICES, match=None), sheet(BILLS).encode()
    rng, reader, found = random.Random(11), own.reader(), 0
    for number in range(how_many() // 4):
        export = Held({"": mutate(data, rng)})
        if not reader.is_it(export):
            continue
        try:
            found += sum(1 for _ in reader.read(export, Context(source="x", now=NOW, meter=Meter(export.size, None))))
        except SourceError:
            continue
        if number % 50 == 0:
            (tmp_path / "x").write_bytes(export.look())
            reading = read_source(tmp_path / "x", now=NOW, local=Local(own=(own,)))
            rows = sum(batch.num_rows for batch in reading)
            left_out = reading.duplicates + len(reading.rejected)
            assert (reading.turns, reading.seen) == (rows, rows + reading.beside.total() + left_out)
    assert found > 0
