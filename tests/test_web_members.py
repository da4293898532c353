"""What members may do by themselves, and what they cannot find out: tokens, the log, figures that are frozen."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from served import Door

from troth.book import Store, open_store
from troth.book.remote import write_stream
from troth.errors import BookError, InputError
from troth.mcp import tools
from troth.promises.listing import LISTED
from troth.schema import AUDIT
from troth.web.arrow import read_streams
from troth.web.audit import END, Audit, check_book
from troth.web.narrow import narrow

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
ANNA, BOB = "anna@firm.example", "bob@firm.example"
STREAM = "application/vnd.apache.arrow.stream"


# Bodies that unpack to more than was sent.


def write(table: pa.Table, codec: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def bombs() -> dict[str, bytes]:
    zeros = pa.table({"name": pa.array(np.zeros(1 << 24, np.int64))})
    word = pa.array(["w" * (1 << 20)])
    many = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1 << 16, np.int8)), word)
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([1 << 30], pa.int32()), word)
    views = pa.array(["w" * 100] * 10, pa.string_view())
    return {
        "zstd": write(zeros, "zstd"), "lz4": write(zeros, "lz4"), "dictionary": write(pa.table({"name": many})),
        "runs": write(pa.table({"name": runs})), "views": write(pa.table({"name": views})),
        "nothing": write(pa.table({"name": pa.Array.from_buffers(pa.null(), 1 << 30, [None])})),
    }  # fmt: skip


@pytest.mark.parametrize("kind", list(BOMBS := bombs()))
def test_what_unpacks_to_more_than_was_sent_is_refused(kind: str, door: Door) -> None:
    body = BOMBS[kind]
    assert len(body) < 1 << 22
    before = pa.total_allocated_bytes()
    with pytest.raises(InputError, match=r"compressed|no table holds|more rows than bytes"):
        read_streams(body, 1)
    assert pa.total_allocated_bytes() - before < 1 << 22
    headers = {"x-form-token": door.form_token, "content-type": STREAM}
    told = door.client.post("/api/v1/store/tables/settings/rows", content=body, headers=headers)
    assert told.status_code == 422


def test_streams_of_ours_come_through_one_behind_the_other() -> None:
    tables = [pa.table({"name": pa.array([], pa.string())}), pa.table({"names": [["a"], None], "at": [NOON, None]})]
    assert read_streams(b"".join(map(write_stream, tables)), 2) == tables
    for wrong in (b"", b"x" * 100, write_stream(tables[1])[:-60]):
        with pytest.raises(InputError, match="no Arrow stream"):
            read_streams(wrong, 1)


# A long log.


@pytest.fixture(scope="module")
def long_log() -> Any:
    """A log of many looks of two people, and who reads how many rows of it."""
    with open_store() as store:
        audit = Audit(store, clock=lambda: NOON)
        for number in range(1, 1201):
            audit.note(f"GET /{number}", who=ANNA if number % 3 else BOB, role="member", about=f"home{number}")
        audit.fold()
        counted = Counting(store)
        audit._store = counted  # type: ignore[assignment]  # the same, and counts
        yield audit, counted
        audit.close()


class Counting:
    """A store that counts the rows of the log that are read from it."""

    def __init__(self, store: Store) -> None:
        self.inner, self.rows = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def table(self, name: str, **how: Any) -> pa.Table:
        found = self.inner.table(name, **how)
        self.rows += found.num_rows
        return found


def test_a_page_of_a_long_log_reads_its_own_rows_alone(long_log: tuple[Audit, Counting]) -> None:
    audit, counted = long_log
    for who in (None, ANNA, BOB, "nobody@firm.example"):
        numbers: list[int] = []
        before: int | None = None
        while True:
            counted.rows = 0
            leaf = audit.leaf(who=who, before=before)
            assert counted.rows == len(leaf.rows) <= 50
            numbers += [row["number"] for row in leaf.rows]
            before = leaf.before
            if before is None:
                break
        whole = [n for n in range(1200, 0, -1) if who is None or who == (ANNA if n % 3 else BOB)]
        assert numbers == whole
    assert audit.leaf(before=1).rows == []
    assert audit.leaf(before=10**9).rows[0]["number"] == 1200


def test_the_whole_log_is_looked_through_beside_the_page_and_not_at_each_look(long_log: tuple[Audit, Counting]) -> None:
    audit, counted = long_log
    found = None
    while found is None:
        found = audit.look_through()
    assert (found[0], found[1].entries, found[1].wrong) == (NOON, 1200, ())
    counted.rows = 0
    assert audit.look_through() == found
    assert counted.rows == 0
    store = counted.inner
    with pytest.raises(BookError, match="closed"):
        check_book(store, go_on=lambda: False)
    row = store.table("audit", where={"number": 700}).to_pylist()[0]
    store.upsert("audit", pa.Table.from_pylist([row | {"action": "GET /nothing"}], schema=AUDIT))
    assert check_book(store).wrong == ("entry 700: was altered.",)
    store.upsert("audit", pa.Table.from_pylist([row], schema=AUDIT))


def test_a_log_that_is_opened_again_knows_whose_entries_are_whose(tmp_path: Any) -> None:
    for times in (1, 2):
        with open_store(tmp_path / "book.duckdb") as store:
            audit = Audit(store, clock=lambda: NOON)
            audit.note("GET /", who=ANNA, role="member")
            audit.note("sign in", who=None, role=None, outcome="refused")
            assert [row["number"] for row in audit.leaf(who=ANNA).rows] == [1, 3][:times][::-1]
            audit.close()
            assert store.settings(END).startswith(f"{2 * times}:")
            assert check_book(store).wrong == ()


# What an assistant asks.


def test_an_assistant_is_told_what_is_due_without_going_through_every_promise(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = door.serving.keeper.view()
    assert "us" in whole.listed["side"].to_pylist()
    converted: list[int] = []
    rows = vars(tools)["_rows"]

    def count(table: pa.Table, columns: Any) -> Any:
        converted.append(table.num_rows)
        return rows(table, columns)

    monkeypatch.setattr(tools, "_rows", count)
    for view in (whole, narrow(whole, "casper@brimholt.example")):
        order = {section: place for place, section in enumerate(("suspected", *tools.DUE))}
        due = [row for row in view.listed.to_pylist() if row["section"] in order and row["side"] == "us"]
        due.sort(key=lambda row: order[row["section"]])
        assert [row["id"] for row in tools.list_due(view)] == [row["id"] for row in due[:50]]
        for home in {row["relationship"] for row in due[:3]}:
            told = tools.list_open(view, home)
            listed = [row for row in view.listed.to_pylist() if row["relationship"] == home]
            waits = {row["id"] for row in listed if row["state"] in {"open", "suspected"}}
            assert {one.id for one in (*told.promises_of_ours, *told.promises_of_theirs)} == waits
    assert max(converted) <= 50
    assert set(LISTED.names) >= {"section", "side"}
