"""Long jobs: each is done once, stops when told, goes on after a stop, and is leased to one worker at a time."""

from __future__ import annotations

import datetime as dt
import os
import random
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import troth
from troth.book import Store, open_store
from troth.errors import InputError
from troth.settings import Settings
from troth.web.inbox import Inbox, name_file
from troth.web.jobs import (
    Course,
    Job,
    Run,
    Worker,
    end_leases,
    enqueue,
    finish,
    keep_lease,
    put_back,
    take,
)

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as opened:
        yield opened


def clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def wait_for(is_so: Callable[[], bool], *, seconds: float = 20.0, every_s: float = 0.01) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "this did not come to be"
        time.sleep(every_s)


def state_of(worker: Worker, job_id: str) -> Job:
    found = worker.find(job_id)
    assert found is not None
    return found


def ask(store: Store, key: str, *, now: dt.datetime = NOON) -> str:
    return enqueue(store, "count", key, {"key": key}, by="anna", now=now)


def test_what_is_asked_for_twice_is_done_once(store: Store) -> None:
    """Four workers at a time, while the keys come in twice each in any order; nightly 300 of them."""
    count = 300 if "TROTH_FUZZ" in os.environ else 30
    keys = [f"k{n % count}" for n in range(2 * count)]
    random.Random(random.getrandbits(32)).shuffle(keys)
    done: Counter[str] = Counter()
    run: Run = lambda asked, _: done.update([asked["key"]]) or {}  # noqa: E731
    workers = [Worker(store, clock, {"count": run}) for _ in range(4)]
    for number, key in enumerate(keys):
        workers[number % 4].add("count", key, {"key": key}, by="anna")
    wait_for(lambda: not workers[0].is_busy, seconds=60, every_s=0.2)
    for worker in workers:
        worker.close()
    assert done == Counter({f"k{n}": 1 for n in range(count)})


def test_a_lease_that_ended_is_taken_up_again_and_its_first_holder_has_no_say_any_more(store: Store) -> None:
    job_id = ask(store, "a")
    row = take(store, "first", now=NOON)
    assert row is not None
    assert take(store, "second", now=NOON + MINUTE / 2) is None
    assert keep_lease(store, job_id, "first", now=NOON + MINUTE / 2)
    assert take(store, "second", now=NOON + MINUTE) is None  # it was kept
    again = take(store, "second", now=NOON + 2 * MINUTE)
    assert again is not None
    assert again["tries"] == 2
    assert not keep_lease(store, job_id, "first", now=NOON + 2 * MINUTE)
    assert not finish(store, job_id, "first", "done", now=NOON + 2 * MINUTE)
    assert finish(store, job_id, "second", "done", now=NOON + 3 * MINUTE, told={"n": 1})
    assert take(store, "third", now=NOON + 60 * MINUTE) is None


def test_what_ends_the_process_each_time_is_given_up(store: Store) -> None:
    job_id = ask(store, "a")
    for _ in range(3):
        assert take(store, "w", now=NOON) is not None
        end_leases(store)
    assert take(store, "w", now=NOON) is None
    row = store.table("jobs", where={"job_id": job_id}).to_pylist()[0]
    assert (row["state"], row["tries"]) == ("failed", 3)
    assert "3 times" in row["problem"]


def test_a_job_that_was_put_back_for_the_end_of_the_page_counts_no_try(store: Store) -> None:
    job_id = ask(store, "a")
    for _ in range(5):
        assert take(store, "w", now=NOON) is not None
        assert put_back(store, job_id, "w")
    assert store.table("jobs")["tries"].to_pylist() == [0]


def test_jobs_are_taken_in_the_order_in_which_they_were_asked(store: Store) -> None:
    ids = [ask(store, f"k{n}", now=NOON + n * MINUTE) for n in (3, 1, 2)]
    taken = [row["job_id"] for _ in range(3) if (row := take(store, "w", now=NOON)) is not None]
    assert taken == [ids[1], ids[2], ids[0]]


def slow(reached: list[int]) -> Run:
    def run(_asked: Mapping[str, Any], course: Course) -> Mapping[str, Any]:
        go_on = course.begin("reading")
        for step in range(reached[-1] if reached else 0, 1000):
            reached.append(step)
            go_on(step, 1000)
            time.sleep(0.005)
        return {"steps": 1000}

    return run


def test_a_job_stops_when_told_and_goes_on_from_where_it_was(store: Store) -> None:
    reached: list[int] = []
    worker = Worker(store, clock, {"slow": slow(reached)})
    job_id = worker.add("slow", "a", {}, by="anna")
    wait_for(lambda: len(reached) > 3)
    seen = state_of(worker, job_id)
    assert (seen.state, seen.stage, seen.whole) == ("running", "reading", 1000)
    worker.stop(job_id)
    wait_for(lambda: state_of(worker, job_id).state == "stopped")
    stopped_at = reached[-1]
    worker.go_on(job_id)
    wait_for(lambda: reached[-1] > stopped_at + 3)
    worker.close()
    assert reached == sorted(reached)  # never from the beginning
    assert state_of(worker, job_id).state == "waiting"  # and the next start goes on with it
    second = Worker(store, clock, {"slow": slow(reached)})
    second.begin()
    wait_for(lambda: state_of(second, job_id).state == "running")
    second.close()


def test_a_job_that_waits_is_stopped_at_once_and_one_that_runs_cannot_be_thrown_away(store: Store) -> None:
    reached: list[int] = []
    tidied: list[Any] = []
    worker = Worker(store, clock, {"slow": slow(reached)}, tidy=lambda asked, _: tidied.append(asked))
    first, second = (worker.add("slow", key, {"key": key}, by="anna") for key in "ab")
    wait_for(lambda: bool(reached))
    worker.stop(second)
    assert state_of(worker, second).state == "stopped"
    worker.drop(first)
    assert state_of(worker, first).state == "running"
    worker.drop(second)
    assert worker.find(second) is None
    assert tidied == [{"key": "b"}]
    worker.close()


def fail_plainly(_asked: Mapping[str, Any], _course: Course) -> Mapping[str, Any]:
    raise InputError("mail.mbox: is no export.\x1b[31m Name another.")


def fail_by_mistake(_asked: Mapping[str, Any], _course: Course) -> Mapping[str, Any]:
    raise KeyError("Dear Anna, the secret words of a mail")


def test_a_failure_keeps_one_plain_line_and_the_worker_goes_on(store: Store) -> None:
    worker = Worker(store, clock, {"plain": fail_plainly, "mistake": fail_by_mistake})
    plain, mistake = (worker.add(kind, "k", {}, by="anna") for kind in ("plain", "mistake"))
    wait_for(lambda: not worker.is_busy)
    worker.close()
    assert state_of(worker, plain).problem == "mail.mbox: is no export.[31m Name another."  # the escape is gone
    assert state_of(worker, mistake).problem == "troth made a mistake (KeyError)"
    assert "secret" not in repr(store.table("jobs").to_pylist())


def test_a_job_that_says_nothing_for_long_keeps_its_lease(store: Store) -> None:
    release = threading.Event()
    lease = dt.timedelta(seconds=0.3)
    run: Run = lambda _asked, _course: {"ok": release.wait(20)}  # noqa: E731
    worker = Worker(store, clock, {"long": run}, lease=lease)
    job_id = worker.add("long", "a", {}, by="anna")
    wait_for(lambda: state_of(worker, job_id).state == "running")
    first = store.table("jobs")["lease_until"].to_pylist()[0]
    wait_for(lambda: store.table("jobs")["lease_until"].to_pylist()[0] > first + 2 * lease)
    assert take(store, "another", now=clock()) is None
    release.set()
    wait_for(lambda: state_of(worker, job_id).state == "done")
    worker.close()


def test_old_jobs_make_room(store: Store) -> None:
    """After a month what is over goes; what was stopped waits for whoever stopped it."""
    for key in "abc":
        ask(store, key)
    for state in ("done", "stopped"):
        row = take(store, "w", now=NOON)
        assert row is not None
        finish(store, row["job_id"], "w", state, now=NOON)
    ask(store, "d", now=NOON + dt.timedelta(days=29))
    assert store.table("jobs").num_rows == 4
    ask(store, "e", now=NOON + dt.timedelta(days=31))
    assert sorted(store.table("jobs")["state"].to_pylist()) == ["stopped", "waiting", "waiting", "waiting"]


def test_erasing_forgets_what_came_of_jobs_and_no_export_holds_them(tmp_path: Path) -> None:
    with troth.open(settings=Settings()) as book:
        book.add([{"turn_id": "a", "text": "Hello.", "speaker": "jo@a.example"}])
        for key in ("a", "b"):
            ask(book.store, key)
        row = take(book.store, "w", now=NOON)
        assert row is not None
        finish(book.store, row["job_id"], "w", "done", now=NOON, told={"name": "mails of jo.mbox"})
        book.leave(tmp_path / "out", bare=True)
        assert not [path for path in (tmp_path / "out").rglob("*") if "jobs" in path.name]
        assert book.drop_turns(["a"])["jobs"] == 1
        assert book.store.table("jobs")["state"].to_pylist() == ["waiting"]


def test_an_inbox_is_private_and_leaves_nothing_behind(tmp_path: Path) -> None:
    inbox = Inbox(str(tmp_path / "book.duckdb"))
    kept, other = inbox.make(), inbox.make()
    (inbox.folder(kept) / "mail.mbox").write_text("x")
    assert stat.S_IMODE(inbox.folder(kept).stat().st_mode) == 0o700
    assert stat.S_IMODE(inbox.folder(kept).parent.stat().st_mode) == 0o700
    inbox.close([kept])
    assert inbox.folder(kept).is_dir()
    assert not inbox.folder(other).exists()
    inbox.close()
    assert list(tmp_path.iterdir()) == []
    in_memory = Inbox(":memory:")
    place = in_memory.folder(in_memory.make()).parent
    in_memory.close(["whatever"])
    assert not place.exists()


@given(st.text(max_size=300), st.lists(st.text(max_size=5), max_size=3))
def test_a_name_that_was_sent_is_one_name_in_one_folder(given_name: str, taken: list[str]) -> None:
    name = name_file(given_name, taken)
    assert Path(name).name == name
    assert name not in {"", ".", ".."}
    assert not name.startswith(".")
    assert len(name.encode()) <= 255
    assert name.isprintable()
    assert name.casefold() not in {one.casefold() for one in taken}


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\mails\\in.mbox", "in.mbox"), (".htaccess", "htaccess"), ("..", "file"),
        ("a\0b\n.zip", "a_b_.zip"), ("Grüße von Jo.mbox", "Grüße von Jo.mbox"), ("\u202efdp.exe", "_fdp.exe"),
    ],
)  # fmt: skip
def test_names_that_mean_a_path_mean_none(given_name: str, name: str) -> None:
    assert name_file(given_name) == name
