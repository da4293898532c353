"""The same export twice, overlapping, corrected: nothing lost or doubled, the later wins and the history says so."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.book import Store, open_store
from troth.book.erase import drop_turns
from troth.intake import add_to, read_into
from troth.schema import TURNS, conform
from troth.sources import read_source

DAY = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as opened:
        yield opened


def row(turn_id: str, body: str, *, position: int = 0, source: str = "a.jsonl", **more: Any) -> dict[str, Any]:
    return {
        "turn_id": turn_id, "conversation_id": "talk", "position": position, "speaker": "anna@firm.example",
        "sent_at": DAY + dt.timedelta(minutes=position), "channel": "chat", "body": body, "automatic": False,
        "source": source, **more,
    }  # fmt: skip


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one, default=str) + "\n" for one in rows), "utf-8")
    return path


def bodies(store: Store) -> dict[str, str]:
    turns = store.table("turns").to_pylist()
    assert len(turns) == len({one["turn_id"] for one in turns})
    return {one["turn_id"]: one["body"] for one in turns}


def test_the_same_export_twice_changes_nothing(store: Store, sample_mbox: Path) -> None:
    first = read_into(store, sample_mbox)
    before = store.table("turns").sort_by("turn_id")
    again = read_into(store, sample_mbox)
    assert (first.added > 200, first.changed) == (True, 0)
    assert (again.turns, again.added, again.changed) == (first.turns, 0, 0)
    assert store.table("turns").sort_by("turn_id").equals(before)
    assert store.table("turn_versions").num_rows == 0


def test_overlapping_exports_lose_and_double_nothing(store: Store, tmp_path: Path) -> None:
    """Where a turn stands in its export differs between the two, and that makes no version of it."""
    early = write_rows(tmp_path / "early.jsonl", [row(f"t{n}", f"words {n}", position=n) for n in range(30)])
    late = [row(f"t{n}", f"words {n}", position=n - 20, source="late.jsonl") for n in range(20, 50)]
    for one, n in zip(late, range(20, 50), strict=True):
        one["sent_at"] = DAY + dt.timedelta(minutes=n)
    assert read_into(store, early).added == 30
    report = read_into(store, write_rows(tmp_path / "late.jsonl", late))
    assert (report.turns, report.added, report.changed) == (30, 20, 0)
    assert bodies(store) == {f"t{n}": f"words {n}" for n in range(50)}
    assert store.table("turn_versions").num_rows == 0


def test_a_corrected_export_wins_and_the_history_says_so(store: Store, tmp_path: Path) -> None:
    read_into(store, write_rows(tmp_path / "first.jsonl", [row("t1", "We ship on Monday."), row("t2", "Thanks!")]))
    corrected = [row("t1", "We ship on Friday.", cc=["bob@their.example"], source="b.jsonl"), row("t2", "Thanks!")]
    report = read_into(store, write_rows(tmp_path / "second.jsonl", corrected))
    assert (report.added, report.changed) == (0, 1)
    assert bodies(store) == {"t1": "We ship on Friday.", "t2": "Thanks!"}
    (version,) = store.table("turn_versions").to_pylist()
    assert (version["turn_id"], version["body"], version["source"], version["replaced_by"]) == (
        "t1", "We ship on Monday.", "a.jsonl", "b.jsonl",
    )  # fmt: skip
    assert version["cc"] is None
    assert abs(version["replaced_at"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_two_exports_that_disagree_every_night_leave_one_row_a_wording(store: Store) -> None:
    for night in range(6):
        written = add_to(
            store, conform([row("t", "one" if night % 2 else "two")], TURNS), now=DAY.replace(day=1 + night)
        )
        assert (written.added, written.changed) == ((1, 0) if not night else (0, 1))
    assert bodies(store) == {"t": "one"}
    versions = store.table("turn_versions").sort_by("replaced_at").to_pylist()
    assert [(one["body"], one["replaced_at"].day) for one in versions] == [("two", 2), ("one", 3)]


def test_erasing_a_turn_takes_its_earlier_versions(store: Store) -> None:
    for body in ("a secret", "another", "the last"):
        add_to(store, conform([row("t", body), row("kept", body)], TURNS))
    gone = drop_turns(store, ["t"])
    assert gone == {"turns": 1, "turn_versions": 2}
    assert set(store.table("turn_versions")["turn_id"].to_pylist()) == {"kept"}


@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), min_size=1, max_size=6), max_size=5)
)
@settings(max_examples=12)
def test_the_book_agrees_with_a_plain_list_of_what_was_said(exports: list[list[tuple[str, str]]]) -> None:
    """By another road: a dict keeps the last word of each turn, a set every earlier one."""
    last: dict[str, str] = {}
    earlier: set[tuple[str, str]] = set()
    with open_store() as store:
        for number, export in enumerate(exports):
            add_to(store, conform([row(*said) for said in export], TURNS), now=DAY + dt.timedelta(days=number))
            said_last = dict(export)
            earlier |= {(turn, last[turn]) for turn, body in said_last.items() if last.get(turn, body) != body}
            last |= said_last
        assert bodies(store) == last
        versions = store.table("turn_versions").to_pylist()
    assert len(versions) == len(earlier)
    assert {(one["turn_id"], one["body"]) for one in versions} == earlier


def test_a_kill_before_the_threading_is_made_up_for(store: Store, tmp_path: Path) -> None:
    """Two mails that answer each other, the answer first: the book stops before it is threaded, and is read again."""
    mails = (
        "From a Sat Nov 21 09:00:00 2026\nFrom: b@x.example\nTo: a@y.example\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n"
        "Subject: Re: order\nMessage-ID: <2@x>\n\nFine.\n\n"
        "From a Sat Nov 21 09:00:00 2026\nFrom: a@y.example\nTo: b@x.example\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n"
        "Subject: order\nMessage-ID: <1@x>\n\nWhen?\n"
    )
    path = tmp_path / "mail.mbox"
    path.write_text(mails, "utf-8")

    read_into(store, path)
    whole = store.table("turns").sort_by("turn_id")
    assert whole["parent_id"].to_pylist() == [None, "1@x"]
    with open_store() as other:
        # What a kill leaves: the turns of every batch, no threads yet, and the note that they are due.
        with other.transaction():
            for batch in read_source(path):
                add_to(other, batch)
            other.set_setting("threads_due", True)
        assert other.table("turns")["parent_id"].null_count == 2
        assert read_into(other, path).added == 0
        assert other.table("turns").sort_by("turn_id").equals(whole)
