"""A served book as a store: whatever is written and read through it is as if the file were at hand."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from served import SETTINGS, listen, serve_copy

import troth
from troth.book import Mark, open_store
from troth.book.remote import Address, RemoteStore, card_of, find_server, write_card
from troth.errors import BookBusy, BookError, InputError
from troth.schema import DECISIONS, TABLES, TURNS, conform, empty
from troth.web.app import Serving
from troth.web.transactions import Transactions

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def turn(name: str, body: str = "Hello.") -> dict[str, object]:
    return {
        "turn_id": name, "conversation_id": "c", "position": 1, "speaker": "anna@brimholt.example", "channel": "mail",
        "recipients": ["bo@acme.example"], "body": body, "automatic": False, "source": "test", "sent_at": NOW,
    }  # fmt: skip


def turns(*names: str, body: str = "Hello.") -> pa.Table:
    return conform([turn(name, body) for name in names], TURNS)


@pytest.fixture(scope="module")
def served(sample_file: Path) -> Iterator[tuple[Serving, RemoteStore]]:
    with (
        serve_copy(sample_file) as serving,
        listen(serving) as url,
        RemoteStore(Address(url=url, token=serving.own_token)) as store,
    ):
        yield serving, store


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_comes_over_as_it_is(served: tuple[Serving, RemoteStore], name: str) -> None:
    serving, store = served
    assert store.table(name).equals(serving.keeper.store.table(name))


def test_a_part_of_a_table_is_the_same_part(served: tuple[Serving, RemoteStore]) -> None:
    serving, store = served
    here = serving.keeper.store
    some = here.table("turns", columns=["turn_id"])["turn_id"].to_pylist()[:5]
    for chosen in (
        {"where": {"turn_id": some}, "columns": ["turn_id", "body"]},
        {"where": {"channel": "mail"}, "since": NOW - dt.timedelta(days=30), "until": NOW},
        {"where": {"parent_id": None}},
    ):
        far, near = store.table("turns", **chosen), here.table("turns", **chosen)
        assert far.num_rows == near.num_rows > 0
        assert far.sort_by("turn_id").equals(near.sort_by("turn_id"))


def test_writes_settings_and_marks_arrive(served: tuple[Serving, RemoteStore]) -> None:
    serving, store = served
    here = serving.keeper.store
    assert (store.upsert("turns", turns("r1", "r2")).added, store.upsert("turns", turns("r1"))) == (2, 0)
    assert store.upsert("turns", turns("r1", body="Changed.")).changed == 1
    assert here.table("turns", where={"turn_id": "r1"})["body"].to_pylist() == ["Changed."]
    assert store.revisions() == here.revisions()
    store.replace("turns", empty(TURNS), keys_column="turn_id", keys=["r1", "r2"])
    assert here.table("turns", where={"turn_id": ["r1", "r2"]}).num_rows == 0
    store.set_setting("test", {"a": [1, None, "ü"]})
    assert here.settings("test") == store.settings("test") == {"a": [1, None, "ü"]}
    assert store.settings("nothing") is None
    assert store.mark("nowhere") is None
    store.set_mark("file:ä.mbox", Mark(content="x", size=3, position=2))
    assert here.mark("file:ä.mbox") == store.mark("file:ä.mbox") == Mark(content="x", size=3, position=2)


def test_a_transaction_is_kept_whole_or_not_at_all(served: tuple[Serving, RemoteStore]) -> None:
    serving, store = served
    here = serving.keeper.store
    with store.transaction(), store.transaction():
        store.upsert("turns", turns("x1"))
        assert store.table("turns", where={"turn_id": "x1"}).num_rows == 1
    assert here.table("turns", where={"turn_id": "x1"}).num_rows == 1
    with pytest.raises(InputError, match="no key"):
        _write_and_fail(store)
    assert here.table("turns", where={"turn_id": "x2"}).num_rows == 0
    store.replace("turns", empty(TURNS), keys_column="turn_id", keys=["x1"])


def _write_and_fail(store: RemoteStore) -> None:
    with store.transaction():
        store.upsert("turns", turns("x2"))
        store.upsert("readings", empty(TABLES["readings"]))


def test_a_transaction_that_nobody_ends_is_taken_back(tmp_path: Path) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        transactions = Transactions(store, idle_s=0.2)
        name = transactions.begin()
        transactions.do(name, lambda: store.upsert("turns", turns("lost")))
        free = threading.Event()
        threading.Thread(target=lambda: (store.table("turns"), free.set())).start()
        assert free.wait(timeout=20)
        assert store.table("turns").num_rows == 0
        with pytest.raises(BookError, match="given up"):
            transactions.commit(name)


def test_errors_come_back_as_ours(served: tuple[Serving, RemoteStore]) -> None:
    serving, store = served
    with pytest.raises(InputError, match="no column"):
        store.table("turns", columns=["nothing"])
    with pytest.raises(InputError, match="cannot be sent"):
        store.set_setting("x", {1, 2})
    address = Address(url=store.path, token="wrong")
    with RemoteStore(address) as stranger, pytest.raises(InputError, match="TROTH_TOKEN"):
        stranger.table("turns")
    with pytest.raises(InputError, match="https only"):
        RemoteStore(Address(url="http://troth.example", token=serving.own_token))
    gone = RemoteStore(Address(url="http://127.0.0.1:9", token="x"))
    with pytest.raises(BookError, match="does not answer"):
        gone.table("turns")


def test_a_book_through_it_says_the_same(served: tuple[Serving, RemoteStore]) -> None:
    serving, store = served
    far = troth.Book(store, SETTINGS)
    near = serving.keeper.ask(lambda book: (book.relationships(), book.list_promises("2026-11-20")))
    assert far.relationships().equals(near[0])
    assert far.list_promises("2026-11-20").equals(near[1])
    promise = near[1].filter(pa.compute.equal(near[1]["state"], "open"))["promise_id"][0].as_py()
    assert far.decide_promise(promise, "kept", note="seen")["state"] == "kept"
    assert serving.keeper.store.table("decisions").schema.equals(DECISIONS)
    assert promise in serving.keeper.store.table("decisions")["promise_id"].to_pylist()


def test_the_card_beside_the_book_is_the_owners_alone(tmp_path: Path) -> None:
    book = tmp_path / "book.duckdb"
    assert find_server(book) is None
    write_card(book, Address(url="http://127.0.0.1:1", token="secret"))
    assert card_of(book).stat().st_mode & 0o077 == 0
    assert find_server(book) == Address(url="http://127.0.0.1:1", token="secret")
    card_of(book).write_text("{")
    assert find_server(book) is None


def test_a_command_works_through_the_process_that_serves_the_book(sample_file: Path) -> None:
    with serve_copy(sample_file) as serving, listen(serving) as url:
        book = Path(serving.keeper.store.path)
        with pytest.raises(BookBusy):
            open_store(book)
        write_card(book, Address(url=url, token=serving.own_token))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "troth.cli", "relationships", "--book", str(book), "--format", "jsonl"],
                capture_output=True, text=True, check=False, env=os.environ | {"PYTHONWARNINGS": "ignore"},
                cwd=book.parent,
            )  # fmt: skip
        finally:
            card_of(book).unlink()
    assert done.returncode == 0, done.stderr
    assert '"relationship": "maribelle.example"' in done.stdout
