"""The log of who looked at what: nothing acknowledged is lost, and nothing of it can be changed unseen."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from troth.book import Store, open_store
from troth.book.erase import drop_turns, forget_names
from troth.cli import app as command_line
from troth.errors import BookError
from troth.schema import AUDIT, TURNS, conform
from troth.web.audit import END, JOURNAL, Audit, check_book, check_log, read_log

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
ANNA, BOB = "anna@firm.example", "bob@firm.example"


class Clock:
    """Goes on by a minute and a second at every look."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> dt.datetime:
        self.now += dt.timedelta(seconds=61)
        return self.now


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as opened:
        yield opened


def look(audit: Audit, number: int, *, who: str = ANNA) -> None:
    audit.note("GET /relationships/{name}", who=who, role="member", about=f"home{number}.example")


def filled(store: Store, entries: int = 6) -> list[dict[str, Any]]:
    audit = Audit(store, clock=Clock())
    for number in range(entries):
        look(audit, number, who=ANNA if number % 2 else BOB)
    audit.close()
    return read_log(store)


def test_who_what_and_when_is_kept_in_order(store: Store) -> None:
    rows = filled(store)
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["who"] for row in rows] == [BOB, ANNA] * 3
    assert rows[0]["object"] == "home0.example"
    assert all(one["at"] < other["at"] for one, other in pairwise(rows))
    checked = check_book(store)
    assert (checked.entries, checked.wrong, checked.erased) == (6, (), 0)
    assert checked.end == f"6:{rows[-1]['seal']}" == store.settings(END)


CHANGED = [name for name in AUDIT.names if name not in {"who_salt", "object_salt"}]


@hypothesis_settings(max_examples=120)
@given(st.data())
def test_whatever_is_done_to_a_log_is_seen(data: st.DataObject) -> None:
    """Any altered field, any entry taken out, doubled or moved, any end cut off; even with seals made anew."""
    rows = SOUND
    kind = data.draw(st.sampled_from(["alter", "drop", "swap", "cut", "double", "salt"]))
    place = data.draw(st.integers(0, len(rows) - 1))
    forged = [dict(row) for row in rows]
    if kind == "alter":
        name = data.draw(st.sampled_from(CHANGED))
        old = forged[place][name]
        forged[place][name] = (
            old + 1 if isinstance(old, int) else old + dt.timedelta(seconds=1) if isinstance(old, dt.datetime)
            else f"{old}x"
        )  # fmt: skip
    elif kind == "salt":
        forged[place]["who_salt"] = "0" * 32
    elif kind == "drop":
        del forged[place]
    elif kind == "double":
        forged.insert(place, dict(forged[place]))
    elif kind == "swap":
        other = data.draw(st.integers(0, len(rows) - 1).filter(lambda n: n != place))
        forged[place], forged[other] = forged[other], forged[place]
    else:
        forged = forged[:place]
    assert check_log(rows, end=SEAL).wrong == ()
    assert check_log(forged, end=SEAL).wrong


def test_an_end_that_was_noted_elsewhere_betrays_a_log_that_was_made_anew(store: Store) -> None:
    """Whoever can write the book can forge all of it, its own note of the end included; but not what lies elsewhere."""
    rows = filled(store)
    noted = check_book(store).end
    store.replace("audit", conform(rows[:3], AUDIT), keys_column="number", keys=[row["number"] for row in rows])
    assert check_book(store).wrong
    store.set_setting(END, f"3:{rows[2]['seal']}")
    assert check_book(store).wrong == ()
    assert check_book(store, end=noted).wrong


def test_the_same_look_within_a_minute_is_one(store: Store) -> None:
    now = [NOON]
    audit = Audit(store, clock=lambda: now[0])
    for seconds in (0, 30, 59, 61):
        now[0] = NOON + dt.timedelta(seconds=seconds)
        look(audit, 1)
    look(audit, 1, who=BOB)
    audit.note("GET /relationships/{name}", who=ANNA, role="member", about="home1.example", outcome="refused")
    audit.close()
    assert [row["outcome"] for row in read_log(store)] == ["allowed", "allowed", "allowed", "refused"]


KILLED = """
import datetime as dt, sys
from troth.book import open_store
from troth.web.audit import Audit
audit = Audit(open_store(sys.argv[1]), clock=lambda: dt.datetime.now(dt.UTC))
number = int(sys.argv[2])
while True:
    audit.note("GET /", who="anna@firm.example", role="member", about=str(number))
    print(number, flush=True)
    number += 1
"""


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    """Killed at two moments, with the journal being taken into the book all the while."""
    book, told = tmp_path / "book.duckdb", 0
    for lines in (1500, 40):
        command = [sys.executable, "-c", KILLED, str(book), str(told)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            for _ in range(lines):
                told = int(running.stdout.readline()) + 1
            os.kill(running.pid, signal.SIGKILL)
            rest = running.stdout.read().split("\n")
            told = max([told, *(int(line) + 1 for line in rest[:-1])])
        with open_store(book) as store:
            kept = {int(row["object"]) for row in read_log(store)}
            assert set(range(told)) <= kept
            assert check_book(store).wrong == ()
        told = max(kept) + 1
    with open_store(book) as store:
        Audit(store, clock=lambda: NOON).close()
        assert store.table("audit").num_rows == told
        assert (tmp_path / f"book.duckdb{JOURNAL}").read_bytes() == b""


def test_a_line_that_was_cut_in_the_journal_was_never_acknowledged(tmp_path: Path) -> None:
    book = tmp_path / "book.duckdb"
    with open_store(book) as store:
        filled(store, 3)
    journal = tmp_path / f"book.duckdb{JOURNAL}"
    assert journal.stat().st_mode & 0o077 == 0
    journal.write_bytes(b'{"number": 4, "at": "2026-11-')
    with open_store(book) as store:
        assert len(filled(store, 2)) == 5
        assert check_book(store).wrong == ()
    journal.write_bytes(b"{torn}\n")
    with open_store(book) as store, pytest.raises(BookError, match="cannot be read"):
        Audit(store, clock=Clock())


def test_what_cannot_be_logged_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        audit = Audit(store, clock=Clock())
        look(audit, 1)
        with monkeypatch.context() as full:
            full.setattr(os, "write", lambda *_: 0)
            with pytest.raises(BookError, match="not logged is not shown"):
                look(audit, 2)
        look(audit, 3)
        audit.close()
        assert [row["object"] for row in read_log(store)] == ["home1.example", "home3.example"]
        assert check_book(store).wrong == ()


def test_what_could_not_be_logged_is_not_shown_a_moment_later_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        audit = Audit(store, clock=lambda: NOON)
        with monkeypatch.context() as full:
            full.setattr(os, "write", lambda *_: 0)
            for _ in range(2):
                with pytest.raises(BookError, match="not logged is not shown"):
                    look(audit, 1)
        look(audit, 1)
        audit.close()
        assert [row["object"] for row in read_log(store)] == ["home1.example"]


def test_many_at_once_make_one_chain(store: Store) -> None:
    audit = Audit(store, clock=Clock())
    threads = [
        threading.Thread(target=lambda n=n: [look(audit, 100 * n + each) for each in range(50)]) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    audit.fold()
    for thread in threads:
        thread.join()
    audit.close()
    assert (check_book(store).entries, check_book(store).wrong) == (200, ())


def test_erasing_somebody_leaves_the_chain_whole_and_no_trace_of_the_name(store: Store) -> None:
    filled(store)
    assert forget_names(store, [BOB, "home1.example"])["audit"] == 4
    checked = check_book(store)
    assert (checked.wrong, checked.erased) == ((), 4)
    assert BOB not in repr(read_log(store))
    assert "home1.example" not in repr(read_log(store))
    assert ANNA in repr(read_log(store))


def test_what_was_looked_at_of_somebody_goes_with_their_last_turn(store: Store) -> None:
    turns = [
        {"turn_id": f"t{n}", "conversation_id": "c", "position": n, "speaker": f"kim@home{n}.example",
         "channel": "mail", "body": "x", "automatic": False, "source": "s"} for n in range(3)
    ]  # fmt: skip
    store.upsert("turns", conform(turns, TURNS))
    filled(store, 3)
    assert drop_turns(store, ["t1"])["audit"] == 1
    assert [row["object"] for row in read_log(store)] == ["home0.example", None, "home2.example"]
    assert check_book(store).wrong == ()


def test_the_command_line_tells_a_sound_log_from_a_forged_one(tmp_path: Path) -> None:
    book = tmp_path / "book.duckdb"
    with open_store(book) as store:
        rows = filled(store)
    run = CliRunner().invoke
    done = run(command_line, ["audit", "verify", "--book", str(book)])
    assert (done.exit_code, done.stdout.strip()) == (0, f"6:{rows[-1]['seal']}")
    shown = run(command_line, ["audit", "show", "--who", "Bob@firm.example", "--format", "jsonl", "--book", str(book)])
    assert [json.loads(line)["object"] for line in shown.stdout.splitlines()] == [f"home{n}.example" for n in (0, 2, 4)]
    with open_store(book) as store:
        store.upsert("audit", conform([rows[2] | {"action": "GET /nothing"}], AUDIT))
    done = run(command_line, ["audit", "verify", "--book", str(book)])
    assert "does not hold together" in str(done.exception)
    assert "entry 3: was altered" in done.stderr


with open_store() as _opened:
    SOUND = filled(_opened, 5)
    SEAL = check_book(_opened).end
assert pa.Table.from_pylist(SOUND, schema=AUDIT).num_rows == 5
