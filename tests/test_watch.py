"""A watched folder: what has stopped growing is taken once, whatever stops the watching."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import troth
from troth.book import Store, open_store
from troth.errors import SourceError
from troth.intake import ReadReport, read_into
from troth.settings import Settings
from troth.watching import Take, Watch, look


def write_turns(path: Path, first: int, count: int, *, mode: str = "w") -> Path:
    with path.open(mode, encoding="utf-8") as file:
        for n in range(first, first + count):
            row = {
                "turn_id": f"t{n}",
                "conversation_id": "c",
                "speaker": "a@b.example",
                "text": f"words {n}",
                "timestamp": 1_760_000_000 + n,
            }
            file.write(json.dumps(row) + "\n")
    return path


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as opened:
        yield opened


@pytest.fixture
def reads() -> list[str]:
    """The names of what was read, in order."""
    return []


def take_all(watch: Watch, store: Store, reads: list[str]) -> list[Take]:
    def read(path: Path) -> ReadReport:
        reads.append(path.name)
        return read_into(store, path)

    return [taken for name in watch.find_settled() if (taken := watch.take(name, store, read)) is not None]


def test_what_still_grows_waits(tmp_path: Path, store: Store, reads: list[str]) -> None:
    watch = Watch(tmp_path)
    path = write_turns(tmp_path / "a.jsonl", 0, 3)
    assert take_all(watch, store, reads) == []
    assert watch.is_waiting
    write_turns(path, 3, 3, mode="a")
    assert take_all(watch, store, reads) == []
    (taken,) = take_all(watch, store, reads)
    assert taken.report is not None
    assert taken.report.added == 6
    assert not watch.is_waiting
    assert take_all(watch, store, reads) == []
    assert reads == ["a.jsonl"]


def test_nothing_is_read_twice_by_another_watch(tmp_path: Path, store: Store, reads: list[str]) -> None:
    """Not after a restart, not when only the time on the file changed; but when its content did."""
    path = write_turns(tmp_path / "a.jsonl", 0, 3)
    for _ in range(2):
        watch = Watch(tmp_path)
        assert [take_all(watch, store, reads) for _ in range(3)].count([]) >= 2
    os.utime(path, (1, 1))
    watch = Watch(tmp_path)
    assert [take_all(watch, store, reads) for _ in range(3)] == [[], [], []]
    assert reads == ["a.jsonl"]
    write_turns(path, 3, 1, mode="a")
    (taken,) = [one for _ in range(3) for one in take_all(watch, store, reads)]
    assert taken.report is not None
    assert (taken.report.turns, taken.report.added) == (4, 1)


def test_what_grows_while_it_is_read_is_taken_again(tmp_path: Path, store: Store) -> None:
    watch = Watch(tmp_path)
    path = write_turns(tmp_path / "a.jsonl", 0, 3)
    watch.find_settled()

    def read(found: Path) -> ReadReport:
        report = read_into(store, found)
        if store.table("turns").num_rows == 3:
            write_turns(path, 3, 2, mode="a")
        return report

    added = []
    for _ in range(5):
        for name in watch.find_settled():
            taken = watch.take(name, store, read)
            added.append(taken and taken.report and taken.report.added)
    assert added == [3, 2]


def test_what_is_no_export_is_said_once_and_tried_again_when_touched(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7 nothing for us")
    for expected in (["report.pdf: is a PDF"], [], ["report.pdf: is a PDF"]):
        watch = Watch(tmp_path)
        found = [one for _ in range(3) for one in take_all(watch, store, [])]
        assert [f"{one.name}: {one.problem}"[:20] for one in found] == expected
        if not expected:
            os.utime(path, (1, 1))


def test_hidden_and_unfinished_files_are_left_alone(tmp_path: Path) -> None:
    for name in (".hidden", "a.zip.part", "b.crdownload", "c.tmp", "empty.jsonl"):
        (tmp_path / name).write_text("" if name == "empty.jsonl" else "x", "utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "c.tmp")
    write_turns(tmp_path / "good.jsonl", 0, 1)
    (tmp_path / "folder").mkdir()
    write_turns(tmp_path / "folder" / "more.jsonl", 1, 1)
    assert set(look(tmp_path)) == {"good.jsonl", "folder"}
    with pytest.raises(SourceError, match="cannot be looked into"):
        look(tmp_path / "nowhere")


def test_a_folder_is_one_export(tmp_path: Path, store: Store, sample_mbox: Path) -> None:
    place = tmp_path / "drop" / "maildir"
    for side in ("cur", "new", "tmp"):
        (place / side).mkdir(parents=True)
    mails = sample_mbox.read_bytes().split(b"\nFrom ")[:4]
    for number, content in enumerate(mails):
        (place / "new" / f"{number}.x").write_bytes(content.partition(b"\n")[2])
    watch, reads = Watch(tmp_path / "drop"), []
    (taken,) = [one for _ in range(3) for one in take_all(watch, store, reads)]
    assert taken.report is not None
    assert (taken.report.format, taken.report.turns) == ("maildir", 4)


WATCH = """
import sys, time
from troth.watching import Watch
import troth
from pathlib import Path
from troth.settings import Settings

watch = Watch(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    settled = watch.find_settled()
    if settled:
        with troth.open(sys.argv[2], settings=Settings()) as book:
            for name in settled:
                if book.take(watch, name) is not None:
                    print(name, flush=True)
    time.sleep(0.01)
"""


def test_kills_while_files_come_lose_and_double_nothing(tmp_path: Path) -> None:
    """Files are written piece by piece while the watching is killed again and again at random moments."""
    folder, book = tmp_path / "drop", tmp_path / "firm.duckdb"
    folder.mkdir()
    chance = random.Random(random.getrandbits(32))
    stop = threading.Event()

    def write() -> None:
        for number in range(30):
            path = folder / f"{number}.jsonl"
            for piece in range(3):
                write_turns(path, number * 30 + piece * 10, 10, mode="a")
                if stop.wait(0.02):
                    return

    writer = threading.Thread(target=write)
    writer.start()
    taken: list[str] = []
    try:
        for kill in range(5):
            with subprocess.Popen(
                [sys.executable, "-c", WATCH, str(folder), str(book)], stdout=subprocess.PIPE, text=True
            ) as child:
                assert child.stdout is not None
                assert child.stdout.readline() == "ready\n"
                if kill == 4:
                    writer.join()
                    wait_until_taken(folder, book, child)
                else:
                    time.sleep(chance.uniform(0.05, 0.6))
                child.send_signal(signal.SIGKILL)
                taken += child.stdout.read().split()
    finally:
        stop.set()
        writer.join()
    with troth.open(book, settings=Settings()) as opened:
        ids = opened.turns()["turn_id"].to_pylist()
        assert sorted(ids) == sorted(f"t{n}" for n in range(900))
        watch = Watch(folder)
        watch.find_settled()
        assert [opened.take(watch, name) for name in watch.find_settled()] == [None] * 30
    assert taken


def wait_until_taken(folder: Path, book: Path, child: subprocess.Popen[str]) -> None:
    """Until the log and the file of the book stand still for a while."""
    last, quiet = -1.0, 0
    for _ in range(600):
        files = [path for path in (book, book.with_name(book.name + ".wal")) if path.exists()]
        newest = max((path.stat().st_mtime for path in files), default=0.0)
        quiet, last = (quiet + 1 if newest == last and newest else 0), newest
        if quiet > 15:
            return
        assert child.poll() is None
        time.sleep(0.1)


def test_the_command_takes_what_is_there_and_stops(tmp_path: Path) -> None:
    folder, book = tmp_path / "drop", tmp_path / "firm.duckdb"
    folder.mkdir()
    write_turns(folder / "a.jsonl", 0, 5)
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "troth.cli", "watch", folder, "--once", "--book", book, "--me", "b.example"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said.append(done.stderr.splitlines())
    assert len(said[0]) == 1
    assert "5 turns, 5 new" in said[0][0]
    assert said[1] == []
