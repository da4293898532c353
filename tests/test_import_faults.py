"""A mixed import under kill -9, on a full disk, and of files that grow or shrink while they are read.

TROTH_KILLS says at how many random points it is killed: 10 here, 100 in `make nightly`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from troth.book import Store, open_store
from troth.errors import SourceError
from troth.intake import read_into
from troth.leaving import leave_book
from troth.sources.ours import KEPT

KILLS = int(os.environ.get("TROTH_KILLS", "10"))
MAILS = 253
COPIES = 5


def write_mixed(folder: Path, mails: bytes) -> Path:
    """Mailboxes, a Slack zip, turns with tool calls, an earlier and a corrected export, a book that left elsewhere."""
    folder.mkdir()
    (folder / "a.mbox").write_bytes(mails.replace(b"Message-ID: <", b"Message-ID: <first."))
    write_slack(folder / "b.zip", days=4)
    write_rows(folder / "c.jsonl", [agent_row(n) for n in range(600)])
    with open_store() as other:
        other.upsert("contacts", [{"contact_id": f"x:{n}", "source": "x", "kind": "person"} for n in range(700)])
        read_into(other, folder / "b.zip")
        leave_book(other, other.table, folder / "d", shape="parquet", bare=True, progress=None)
    write_rows(folder / "e.jsonl", [agent_row(n, words="said before it was corrected") for n in range(0, 600, 7)])
    write_rows(folder / "f.jsonl", [agent_row(n) for n in range(0, 600, 7)])
    (folder / "g.mbox").write_bytes(mails)
    return folder


def agent_row(number: int, words: str = "I have sent the invoice") -> dict[str, object]:
    call = {"name": "send_invoice", "id": f"call-{number}", "arguments": {"number": number}}
    return {
        "id": f"m{number}", "conversation_id": f"talk {number % 40}", "role": "assistant", "speaker": "bot",
        "timestamp": 1_763_000_000 + number, "text": f"{words} {number}.", "tool_calls": [call],
    }  # fmt: skip


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def write_slack(path: Path, *, days: int) -> Path:
    people = [{"id": f"U{n}", "name": f"p{n}", "profile": {"email": f"p{n}@firm.example"}} for n in range(5)]
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("users.json", json.dumps(people))
        packed.writestr("channels.json", json.dumps([{"id": "C1", "name": "general", "members": ["U0", "U1"]}]))
        for day in range(days):
            said = [
                {
                    "type": "message",
                    "user": f"U{n % 5}",
                    "text": f"line {day} {n}",
                    "ts": f"{1_763_000_000 + day * 86_400 + n}.000100",
                }
                for n in range(150)
            ]
            packed.writestr(f"general/2026-11-{day + 10}.json", json.dumps(said))
    return path


def rows_of(store: Store) -> dict[str, list[str]]:
    """Every row that is kept, but for the history, which says when something happened."""
    return {name: sorted(map(repr, store.table(name).to_pylist())) for name in KEPT if name != "turn_versions"}


@pytest.fixture(scope="module")
def mixed(sample_mbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mixed(tmp_path_factory.mktemp("mixed") / "exports", sample_mbox.read_bytes())


@pytest.fixture(scope="module")
def whole(mixed: Path) -> dict[str, list[str]]:
    """What one reading that nothing disturbs gives."""
    with open_store() as store:
        report = read_into(store, mixed)
        assert not report.rejected
        assert {"mbox", "slack", "jsonl", "troth"} <= {part.format for part in report.parts}
        assert store.table("turn_versions").num_rows
        return rows_of(store)


def read_in_child(folder: str, book: str) -> None:
    with open_store(book) as store:
        read_into(store, Path(folder))


def test_kills_at_random_points_lose_and_double_nothing(
    mixed: Path, whole: dict[str, list[str]], tmp_path: Path
) -> None:
    chance = random.Random(random.getrandbits(32))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["troth.api", "troth.book.duckdb", "troth.sources", "troth.intake"])
    kills, took = 0, 2.0
    while kills < KILLS:
        book = tmp_path / f"{kills}.duckdb"
        while kills < KILLS:
            child = context.Process(target=read_in_child, args=(str(mixed), str(book)))
            began = time.monotonic()
            child.start()
            child.join(chance.uniform(0, took))
            if child.exitcode is not None:
                assert child.exitcode == 0
                took = time.monotonic() - began
                break
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            child.join()
            kills += 1
        with open_store(book) as store:
            read_into(store, mixed)
            assert rows_of(store) == whole
            versions = store.table("turn_versions").to_pylist()
            assert {row["turn_id"] for row in versions} == {f"m{n}" for n in range(0, 600, 7)}
            assert len({(row["turn_id"], row["body"]) for row in versions}) == len(versions)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from troth.book import open_store
from troth.errors import BookError
from troth.intake import read_into

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
held = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
refused = 0
with open_store(sys.argv[2]) as store:
    for room in (700_000, 1_100_000, held):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, held))
        try:
            read_into(store, Path(sys.argv[1]))
        except BookError as error:
            assert "Make room on the disk" in str(error), error
            refused += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (held, held))
        ids = store.table("turns", columns=["turn_id"])["turn_id"].to_pylist()
        assert len(ids) == len(set(ids))
print(refused)
"""


def test_on_a_full_disk_it_says_so_and_goes_on_when_there_is_room(
    mixed: Path, whole: dict[str, list[str]], tmp_path: Path
) -> None:
    """A limit on the size of files stands for the full disk: writes beyond it fail as they do there."""
    book = tmp_path / "firm.duckdb"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(mixed), str(book)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
    with open_store(book) as store:
        assert rows_of(store) == whole


def disturb(path: Path, change: Callable[[Path], None]) -> Callable[[int, int], None]:
    """A progress callback that changes the file once, the first time that it is called."""
    done: list[int] = []

    def step(_: int, __: int) -> None:
        if not done:
            done.append(1)
            change(path)

    return step


def big_mbox(path: Path, mails: bytes, copies: int = COPIES) -> Path:
    """Over a megabyte, so that progress is told while it is read."""
    with path.open("wb") as file:
        for number in range(copies):
            file.write(mails.replace(b"Message-ID: <", b"Message-ID: <%d." % number))
    return path


def test_a_mailbox_that_grows_while_it_is_read(sample_mbox: Path, tmp_path: Path) -> None:
    """The end comes in the middle of a mail; the next reading has that mail whole, and the history its torn form."""
    mails = sample_mbox.read_bytes()
    late = mails.replace(b"Message-ID: <", b"Message-ID: <late.")
    cut = late.rfind(b"\n", 0, len(late) * 2 // 3)

    def grow(path: Path) -> None:
        with path.open("ab") as file:
            file.write(late[:cut])

    path = big_mbox(tmp_path / "mail.mbox", mails)
    with open_store() as store:
        read_into(store, path, progress=disturb(path, grow))
        first = store.table("turns").num_rows
        assert COPIES * MAILS <= first < (COPIES + 1) * MAILS
        with path.open("ab") as file:
            file.write(late[cut:])
        report = read_into(store, path)
        assert store.table("turns").num_rows == (COPIES + 1) * MAILS == first + report.added
        assert report.changed == store.table("turn_versions").num_rows <= 1
        torn = store.table("turn_versions").to_pylist()
        now = {row["turn_id"]: row["body"] for row in store.table("turns").to_pylist()}
        assert all(now[row["turn_id"]].startswith(row["body"].rstrip()) for row in torn)


def test_a_mailbox_that_shrinks_while_it_is_read(sample_mbox: Path, tmp_path: Path) -> None:
    def shrink(path: Path) -> None:
        os.truncate(path, path.stat().st_size * 3 // 5)

    mails = sample_mbox.read_bytes()
    path = big_mbox(tmp_path / "mail.mbox", mails)
    with open_store() as store:
        read_into(store, path, progress=disturb(path, shrink))
        kept = store.table("turns").num_rows
        assert 0 < kept < COPIES * MAILS
        big_mbox(path, mails)
        report = read_into(store, path)
        assert store.table("turns").num_rows == COPIES * MAILS == kept + report.added
        assert report.changed <= 1


def test_rows_cut_while_they_are_read_are_named_and_come_later(tmp_path: Path) -> None:
    rows = [agent_row(n, words="x" * 300) for n in range(3_500)]
    path = write_rows(tmp_path / "rows.jsonl", rows)

    def shrink(found: Path) -> None:
        os.truncate(found, found.stat().st_size - 401)

    with open_store() as store:
        report = read_into(store, path, progress=disturb(path, shrink))
        assert len(report.rejected) == 1
        assert report.rejected[0].reason.startswith("no JSON")
        assert store.table("turns").num_rows == report.turns < 3_500
        write_rows(path, rows)
        assert read_into(store, path).rejected == ()
        assert store.table("turns").num_rows == store.table("calls").num_rows == 3_500


def test_an_archive_cut_while_it_is_read_is_said_and_read_later(tmp_path: Path) -> None:
    path = write_slack(tmp_path / "slack.zip", days=30)
    content = path.read_bytes()

    class Cutting:
        """A store that, at its first batch, finds the archive cut."""

        def __init__(self, store: Store) -> None:
            self._store, self._is_cut = store, False

        def __getattr__(self, name: str) -> object:
            if name == "upsert" and not self._is_cut:
                self._is_cut = True
                os.truncate(path, 40_000)
            return getattr(self._store, name)

    with open_store() as store:
        with suppress(SourceError):  # or what could not be read is among the rejected
            assert read_into(Cutting(store), path).rejected  # type: ignore[arg-type]
        kept = store.table("turns").num_rows
        assert kept < 30 * 150
        with pytest.raises(SourceError):
            read_into(store, path)
        assert store.table("turns").num_rows == kept
        path.write_bytes(content)
        assert read_into(store, path).rejected == ()
        assert store.table("turns").num_rows == 30 * 150
