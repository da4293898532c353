"""The contract of a store: what goes in comes out, once, whatever is repeated."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from troth.book import Mark, Store, Upserted, open_store
from troth.book._forms import FORMS
from troth.book._sql import quote, type_name
from troth.errors import BookBusy, BookDamaged, BookError, InputError, MissingColumns
from troth.schema import TABLES, TURNS, conform

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "firm.duckdb") as opened:
        yield opened


@pytest.fixture(scope="module")
def shared() -> Iterator[Store]:
    """One book for tests that leave nothing for each other to trip over."""
    with open_store() as opened:
        yield opened


def turn(turn_id: str, **other: Any) -> dict[str, Any]:
    plain = {
        "conversation_id": "c1",
        "position": 0,
        "sent_at": NOON,
        "speaker": "anna@firm.com",
        "channel": "mail",
        "body": "Good morning.",
        "automatic": False,
        "source": "mail.mbox",
    }
    return {"turn_id": turn_id, **plain, **other}


def by_id(store: Store, name: str = "turns", key: str = "turn_id") -> dict[Any, dict[str, Any]]:
    rows = store.table(name).to_pylist()
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows), "a key is there twice"
    return found


def sample_value(kind: pa.DataType, number: int) -> Any:
    if pa.types.is_string(kind):
        return f"word {number}"
    if pa.types.is_boolean(kind):
        return bool(number % 2)
    if pa.types.is_timestamp(kind):
        return NOON + timedelta(microseconds=number)
    if pa.types.is_list(kind):
        return [number / 3, 0.5] if pa.types.is_floating(kind.value_type) else [f"a{number}", f"b{number}"]
    return number


@pytest.mark.parametrize("name", list(TABLES))
@pytest.mark.parametrize("full", [True, False], ids=["full", "nulls"])
def test_every_table_comes_back_as_it_went_in(shared: Store, name: str, full: bool) -> None:
    schema = TABLES[name]
    rows = [{f.name: sample_value(f.type, n) if full or not f.nullable else None for f in schema} for n in range(3)]
    table = pa.Table.from_pylist(rows, schema=schema)
    first = schema.names[0]
    for _ in range(2):
        shared.replace(name, table, keys_column=first, keys=table.column(first).to_pylist())
    back = shared.table(name, where={first: table.column(first)})
    assert back.schema.equals(schema)
    assert back.sort_by(first).to_pylist() == table.sort_by(first).to_pylist()
    if FORMS[name].key:
        assert shared.upsert(name, table) == 0


def test_the_same_turns_twice_change_nothing(store: Store) -> None:
    turns = [turn("a", recipients=["x", "y"]), turn("b", sent_at=None, references=[])]
    assert store.upsert("turns", turns) == 2
    again = store.upsert("turns", turns)
    assert (again, again.added, again.changed) == (0, 0, 0)
    assert store.table("turns").num_rows == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"body": "old"}, {"body": "new"}),
        ({"subject": None}, {"subject": "now known"}),
        ({"subject": "known"}, {"subject": None}),
        ({"recipients": ["x"]}, {"recipients": ["x", "y"]}),
        ({"recipients": ["x", "y"]}, {"recipients": ["y", "x"]}),
        ({"recipients": None}, {"recipients": []}),
        ({"recipients": [None]}, {"recipients": ["x"]}),
        ({"sent_at": None}, {"sent_at": NOON}),
    ],
)
def test_the_later_version_of_a_turn_wins_and_is_counted(
    shared: Store, before: dict[str, Any], after: dict[str, Any]
) -> None:
    store = shared
    store.replace("turns", TURNS.empty_table(), keys_column="turn_id", keys=["a", "b", "c"])
    store.upsert("turns", [turn("a", **before), turn("b")])
    done = store.upsert("turns", [turn("a", **after), turn("b"), turn("c")])
    assert (int(done), done.added, done.changed) == (2, 1, 1)
    assert by_id(store)["a"] == conform([turn("a", **after)], TURNS).to_pylist()[0]


def test_of_two_rows_with_one_key_in_a_batch_the_later_wins(store: Store) -> None:
    assert store.upsert("turns", [turn("a", body="1"), turn("b"), turn("a", body="2")]) == 2
    assert by_id(store)["a"]["body"] == "2"


@pytest.mark.parametrize(
    "body", ["nul \0 inside", "\u202eright to left", "𝔘𝔫𝔦 👍🏽", "a\r\nb\u2028c", "'; DROP TABLE turns; --", ""]
)
def test_text_of_strangers_comes_back_to_the_letter(shared: Store, body: str) -> None:
    shared.upsert("turns", [turn(f"id {body}", body=body)])
    assert shared.table("turns", where={"turn_id": f"id {body}"}).column("body").to_pylist() == [body]


def test_any_sequence_of_upserts_equals_a_dictionary(store: Store) -> None:
    """Against a dict of rows by key: content, and the counts of rows added and changed."""
    rows = st.fixed_dictionaries(
        {
            "turn_id": st.sampled_from(["a", "b", "c", "d"]),
            "body": st.sampled_from(["", "x", "y"]),
            "subject": st.sampled_from([None, "s"]),
            "cc": st.sampled_from([None, [], ["p"], ["p", None], ["q", "p"]]),
            "sent_at": st.sampled_from([None, NOON, NOON + timedelta(microseconds=1)]),
        }
    )
    fresh = itertools.count()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.lists(rows, max_size=5), max_size=5))
    def check(batches: list[list[dict[str, Any]]]) -> None:
        example = next(fresh)
        model: dict[str, dict[str, Any]] = {}
        for batch in batches:
            named = [
                turn(f"{example} {row['turn_id']}", source=str(example))
                | row
                | {"turn_id": f"{example} {row['turn_id']}"}
                for row in batch
            ]
            latest = {row["turn_id"]: row for row in conform(named, TURNS).to_pylist()} if named else {}
            added = sum(key not in model for key in latest)
            changed = sum(key in model and model[key] != row for key, row in latest.items())
            done = store.upsert("turns", named) if named else Upserted(added=0, changed=0)
            model |= latest
            assert (done.added, done.changed) == (added, changed)
        kept = store.table("turns", where={"source": str(example)}).to_pylist()
        assert sorted(kept, key=lambda row: row["turn_id"]) == [model[key] for key in sorted(model)]

    check()


def test_replace_leaves_exactly_the_rows_given_and_no_others_touched(store: Store) -> None:
    def finding(turn_id: str, sentence: int, probability: float) -> dict[str, Any]:
        place = {"turn_id": turn_id, "sentence": sentence, "start": 0, "end": 4}
        return {**place, "signal": "reason", "probability": probability}

    store.upsert("findings", [finding("a", 0, 0.5), finding("a", 1, 0.5), finding("b", 0, 0.5)])
    store.replace("findings", [finding("a", 1, 0.75), finding("a", 2, 0.25)], keys_column="turn_id", keys=["a", "z"])
    found = {(row["turn_id"], row["sentence"]): row["probability"] for row in store.table("findings").to_pylist()}
    assert found == {("a", 1): 0.75, ("a", 2): 0.25, ("b", 0): 0.5}
    store.replace("findings", TABLES["findings"].empty_table(), keys_column="turn_id", keys=["a"])
    assert store.table("findings").column("turn_id").to_pylist() == ["b"]


def test_replace_refuses_rows_outside_its_keys(store: Store) -> None:
    store.upsert("turns", [turn("a")])
    with pytest.raises(InputError, match="turn_id b, which is not among the keys"):
        store.replace("turns", [turn("a", body="new"), turn("b")], keys_column="turn_id", keys=["a"])
    assert by_id(store)["a"]["body"] == "Good morning."


def test_filters_pick_rows_by_value_list_null_and_time(store: Store) -> None:
    store.upsert(
        "turns",
        [
            turn(str(n), position=n, sent_at=NOON + timedelta(hours=n), subject=None if n % 2 else f"s{n}")
            for n in range(6)
        ]
        + [turn("undated", position=9, sent_at=None)],
    )

    def ids(**how: Any) -> list[str]:
        return sorted(store.table("turns", columns=["turn_id"], **how).column("turn_id").to_pylist())

    assert ids(where={"turn_id": "3"}) == ["3"]
    assert ids(where={"position": [1, 2, 77]}) == ["1", "2"]
    assert ids(where={"position": {1, 2}, "subject": None}) == ["1"]
    assert ids(where={"subject": [None, "s4"]}) == ["1", "3", "4", "5", "undated"]
    assert ids(where={"turn_id": []}) == []
    assert ids(where={"turn_id": pa.chunked_array([["1"], ["2"]])}) == ["1", "2"]
    assert ids(since=NOON + timedelta(hours=4)) == ["4", "5"]
    assert ids(until=NOON + timedelta(hours=1)) == ["0"]
    naive = {"since": datetime(2026, 11, 20, 13), "until": datetime(2026, 11, 20, 14)}  # noqa: DTZ001 - it is UTC
    assert ids(**naive) == ["1"]
    assert ids(since=datetime(2026, 11, 20, 9, tzinfo=timezone(timedelta(hours=-8)))) == ["5"]


def test_sentences_take_the_time_of_their_turn(store: Store) -> None:
    store.upsert("turns", [turn("early"), turn("late", sent_at=NOON + timedelta(days=1))])
    store.upsert(
        "sentences", [{"turn_id": t, "sentence": 0, "start": 0, "end": 1, "text": "x"} for t in ("early", "late")]
    )
    assert store.table("sentences", since=NOON + timedelta(hours=1)).column("turn_id").to_pylist() == ["late"]


def test_a_transaction_keeps_all_of_a_source_or_nothing(store: Store) -> None:
    def break_off() -> None:
        with store.transaction():
            store.upsert("turns", [turn("a")])
            store.set_mark("mail.mbox", Mark(content="hash", size=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert store.table("turns").num_rows == 0
    assert store.mark("mail.mbox") is None
    with store.transaction():
        store.upsert("turns", [turn("a")])
        with store.transaction():
            store.set_mark("mail.mbox", Mark(content="hash", size=1, position=7))
    assert store.table("turns").num_rows == 1
    assert store.mark("mail.mbox") == Mark(content="hash", size=1, position=7)


def test_bad_input_inside_a_transaction_leaves_the_rest_of_it_whole(store: Store) -> None:
    with store.transaction():
        store.upsert("turns", [turn("a")])
        with pytest.raises(MissingColumns):
            store.upsert("turns", [{"turn_id": "b"}])
    assert list(by_id(store)) == ["a"]


def test_threads_take_turns(store: Store) -> None:
    def write(worker: int) -> None:
        for batch in range(5):
            with store.transaction():
                store.upsert("turns", [turn(f"{worker} {batch}"), turn("shared", body=f"{worker}")])
                assert by_id(store)["shared"]["body"] == f"{worker}"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(by_id(store)) == 4 * 5 + 1


def test_settings_keep_json(store: Store) -> None:
    assert store.settings("us") is None
    for value in ({"domains": ["firm.com"], "n": 1.5}, [], "é", None, False):
        store.set_setting("us", value)
        assert store.settings("us") == value
    with pytest.raises(InputError, match="cannot be kept as JSON"):
        store.set_setting("us", {1, 2})


def test_a_book_opened_again_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "deeper" / "firm.duckdb"
    for round_number in range(3):
        with open_store(path) as store:
            assert store.table("turns").num_rows == round_number
            store.upsert("turns", [turn(str(round_number))])
    assert sorted(p.name for p in path.parent.iterdir()) == ["firm.duckdb"]
    assert path.stat().st_mode & 0o077 == 0


def test_books_in_memory_are_apart() -> None:
    with open_store() as one, open_store(":memory:") as two:
        one.upsert("turns", [turn("a")])
        assert two.table("turns").num_rows == 0


def test_a_closed_book_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(BookError, match="has been closed"):
        store.table("turns")


def test_names_that_do_not_exist_are_answered_with_those_that_do(store: Store) -> None:
    with pytest.raises(InputError, match=r"no table 'turn'\. The tables are turns, "):
        store.table("turn")
    with pytest.raises(InputError, match=r"turns has no column 'sender'\. It has turn_id, "):
        store.table("turns", columns=["sender"])
    with pytest.raises(InputError, match="turns has no column"):
        store.table("turns", where={'body" = body OR "x': "x"})
    with pytest.raises(InputError, match=r"turns\.position holds int64"):
        store.table("turns", where={"position": "first"})
    with pytest.raises(InputError, match="no key of their own"):
        store.upsert("readings", TABLES["readings"].empty_table())
    with pytest.raises(InputError, match="have no time"):
        store.table("marks", since=NOON)


def test_the_database_reaches_no_file_and_takes_no_setting(store: Store) -> None:
    link = store._link  # type: ignore[attr-defined]
    for statement in ("SELECT * FROM '/etc/passwd'", "COPY turns TO '/tmp/x.csv'", "SET enable_external_access=true"):
        with pytest.raises(BookError):
            link.execute(statement)
    assert store.table("turns").num_rows == 0


def test_a_second_store_in_this_process_is_refused(tmp_path: Path) -> None:
    """Two database objects in one process would not see each other's lock on the file."""
    path = tmp_path / "firm.duckdb"
    with open_store(path), pytest.raises(BookBusy, match=r"in use by process \d+ \(.*python.*\)\. Wait"):
        open_store(path)
    open_store(path).close()


HOLD = """
import sys
from troth.book import open_store
store = open_store(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_book(tmp_path: Path) -> None:
    path = tmp_path / "firm.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BookBusy) as refused:
            open_store(path)
        assert f"process {holder.pid} (" in str(refused.value)
        assert str(path) in refused.value.owner, "the owner's command line"
        assert pickle.loads(pickle.dumps(refused.value)).owner == refused.value.owner
        holder.kill()
        holder.wait()
        open_store(path).close()  # a killed owner's lock does not block


def test_a_book_held_by_another_program_names_its_process(tmp_path: Path) -> None:
    """DuckDB's own lock, without ours: as when its command line has the file open."""
    path = tmp_path / "firm.duckdb"
    open_store(path).close()
    code = "import duckdb, sys\nc = duckdb.connect(sys.argv[1])\nprint('held', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BookBusy, match=f"process {holder.pid} \\(.*duckdb.connect"):
            open_store(path)
        holder.kill()


def test_a_place_where_no_book_can_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder\. Name a file"):
        open_store(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        open_store(tmp_path / "file" / "deeper" / "book")
    with pytest.raises(InputError, match="PostgreSQL"):
        open_store("postgresql://localhost/firm")


def test_an_empty_file_becomes_a_book(tmp_path: Path) -> None:
    path = tmp_path / "made by mktemp"
    path.touch()
    with open_store(path) as store:
        assert store.upsert("turns", [turn("a")]) == 1


def test_a_name_that_looks_like_an_address_stays_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("md:firm").close()
    assert (tmp_path / "md:firm").is_file()


def test_the_count_of_an_upsert_survives_pickling() -> None:
    done = pickle.loads(pickle.dumps(Upserted(added=2, changed=1)))
    assert (done, done.added, done.changed, repr(done)) == (3, 2, 1, "Upserted(added=2, changed=1)")


def test_the_migrations_give_exactly_the_tables_of_the_schema(store: Store) -> None:
    """Where this fails, a table has changed: write the next numbered file with the ALTERs or the CREATE shown."""
    link = store._link  # type: ignore[attr-defined]
    rows = link.fetch(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_name <> 'migrations' ORDER BY table_name, column_name"
    ).to_pylist()
    found = {(row["table_name"], row["column_name"], row["data_type"], row["is_nullable"] == "YES") for row in rows}
    in_duckdb = {
        "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
        "REAL": "FLOAT",
        "DOUBLE PRECISION": "DOUBLE",
        "DOUBLE PRECISION[]": "DOUBLE[]",
    }
    wanted = {
        (form.name, field.name, in_duckdb.get(type_name(field.type), type_name(field.type)), field.nullable)
        for form in FORMS.values()
        for field in form.schema
    }
    assert found == wanted, "\n".join(create_table(name) for name in FORMS)


def create_table(name: str) -> str:
    columns = (
        f"    {quote(f.name)} {type_name(f.type)}{'' if f.nullable else ' NOT NULL'}" for f in FORMS[name].schema
    )
    return f"CREATE TABLE {name} (\n" + ",\n".join(columns) + "\n);\n"


def test_every_key_and_time_is_a_column_and_no_key_may_be_null() -> None:
    for form in FORMS.values():
        assert not any(form.schema.field(name).nullable for name in form.key)
        assert form.time is None or pa.types.is_timestamp(form.schema.field(form.time).type)
    assert [name for name in FORMS if not FORMS[name].key] == ["readings"]


def test_a_book_of_a_newer_troth_or_of_an_altered_step_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "firm.duckdb"
    for change, words in (
        ("INSERT INTO migrations VALUES (9999, 'later', 'x')", "made by a newer troth"),
        ("UPDATE migrations SET checksum = 'x' WHERE number = 1", "another step 1"),
    ):
        path.unlink(missing_ok=True)
        with open_store(path) as store:
            store._link.execute(change)  # type: ignore[attr-defined]
        with pytest.raises(BookError, match=words):
            open_store(path)


def test_a_database_that_is_no_book_is_left_alone(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE stock (a INTEGER)")
    with pytest.raises(BookDamaged, match=r"not a book \(it has tables stock"):
        open_store(path)
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("stock",)]
