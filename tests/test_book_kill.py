"""Kill -9 at 50 random points while turns are read into a book: nothing committed is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from troth.book import open_store

KILLS_WHILE_READING = 42
KILLS_WHILE_MAKING = 8
ENDLESS = 100_000  # batches: a reader that is killed never comes to the end
SIZE = 20

# A process that has everything imported and forks one reader per line of its input: a kill then costs no start-up.
READERS = """
import os, sys
import pyarrow as pa
import troth.book.duckdb
from troth.book import Mark, open_store

pa.array([0])  # the first list makes pyarrow look for pandas, for a second


def turn(batch, number):
    return {
        "turn_id": f"{batch}-{number}", "conversation_id": str(batch), "position": number, "speaker": "a@b.c",
        "channel": "mail", "body": f"body {batch} {number}", "automatic": False, "source": "s",
        "cc": ["x", str(number)],
    }


def read(path, batches, size):
    with open_store(path) as store:
        print("open", flush=True)
        mark = store.mark("s")
        for batch in range(mark.position if mark else 0, batches):
            with store.transaction():
                store.upsert("turns", [turn(batch, number) for number in range(size)])
                # A row of an earlier batch comes again in another version, as in an overlapping export.
                store.upsert("turns", [turn(max(0, batch - 1), 0) | {"subject": f"seen {batch}"}])
                store.set_mark("s", Mark(content="x", size=batches, position=batch + 1))
            print(batch, flush=True)


for line in sys.stdin:
    path, batches, size = line.rstrip("\\n").split("\\t")
    pid = os.fork()
    if pid == 0:
        print("pid", os.getpid(), flush=True)
        try:
            read(path, int(batches), int(size))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    print("gone", flush=True)
"""


class Readers:
    """Starts readers one after the other and hears what they say."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, path: Path, batches: int = ENDLESS) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path}\t{batches}\t{SIZE}\n")
        self._process.stdin.flush()
        word, pid = self.hear().split()
        assert word == "pid"
        return int(pid)

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def hear_the_rest(self) -> int:
        """The number of batches it acknowledged; 0 when none."""
        acknowledged = 0
        while (said := self.hear()) != "gone":
            acknowledged = int(said) + 1 if said.isdigit() else acknowledged
        return acknowledged


@pytest.fixture
def readers() -> Iterator[Readers]:
    with subprocess.Popen(
        [sys.executable, "-c", READERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Readers(process)


def check(path: Path, acknowledged: int) -> int:
    """Whole batches up to the mark, none missing, none doubled, the mark not behind what was acknowledged."""
    with open_store(path) as store:
        mark = store.mark("s")
        done = mark.position if mark else 0
        ids = store.table("turns", columns=["turn_id"]).column("turn_id").to_pylist()
    assert done >= acknowledged
    assert len(ids) == len(set(ids)) == done * SIZE
    assert set(ids) == {f"{batch}-{number}" for batch in range(done) for number in range(SIZE)}
    return done


def test_a_book_killed_at_random_points_loses_and_doubles_nothing(tmp_path: Path, readers: Readers) -> None:
    path = tmp_path / "firm.duckdb"
    chance = random.Random(20261122)
    done = 0
    for kill in range(KILLS_WHILE_READING):
        pid = readers.start(path)
        if kill % 4:  # three in four while turns are written; the others from the start, while the log is replayed
            assert readers.hear() == "open"
        time.sleep(chance.uniform(0.0, 0.12))
        os.kill(pid, signal.SIGKILL)
        acknowledged = readers.hear_the_rest()
        # Every third time the next reader, not this check, is the first to meet what the kill left.
        done = check(path, max(acknowledged, done)) if kill % 3 else max(acknowledged, done)
    assert done, "the kills fell while turns were being written"
    whole = done + 10
    readers.start(path, whole)
    assert readers.hear_the_rest() == whole
    assert check(path, whole) == whole
    with open_store(path) as store:
        again = store.table("turns", columns=["subject"], where={"turn_id": f"{whole - 2}-0"})
    assert again.column("subject").to_pylist() == [f"seen {whole - 1}"]


def test_a_book_killed_while_it_is_made_opens_afterwards(tmp_path: Path, readers: Readers) -> None:
    chance = random.Random(7)
    for kill in range(KILLS_WHILE_MAKING):
        path = tmp_path / f"{kill}.duckdb"
        pid = readers.start(path)
        time.sleep(chance.uniform(0.0, 0.2))
        os.kill(pid, signal.SIGKILL)
        check(path, readers.hear_the_rest())
