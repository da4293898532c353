"""Torn files, flipped bits and full disks: the book is whole, or refused with the way out, never silently wrong."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from troth.book import open_store
from troth.errors import BookDamaged, BookError

ROWS = 300


def turns(
    first: int, count: int, body: str = "Good morning, this is a body of some length."
) -> list[dict[str, object]]:
    return [
        {
            "turn_id": f"t{n}", "conversation_id": "c", "position": n, "speaker": "a@b.c", "channel": "mail",
            "body": f"{body} {n}", "automatic": False, "source": "s", "recipients": ["x", str(n)],
        }
        for n in range(first, first + count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("closed") / "firm.duckdb"
    with open_store(path) as store:
        store.upsert("turns", turns(0, ROWS))
    return path


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book as a kill leaves it: three committed batches are only in its log."""
    path = tmp_path_factory.mktemp("logged") / "firm.duckdb"
    with open_store(path) as store:
        for batch in range(3):
            store.upsert("turns", turns(batch * 100, 100))
        kept = path.with_name("kept.duckdb")
        shutil.copy(path, kept)
        shutil.copy(f"{path}.wal", f"{kept}.wal")
    return kept


def is_whole_or_refused(path: Path, *, counts: set[int]) -> bool:
    """Whether it opened; then its rows are whole batches, each as it was written."""
    try:
        with open_store(path) as store:
            rows = store.table("turns").to_pylist()
    except BookDamaged as error:
        refused = str(error)
    else:
        assert len(rows) in counts
        wanted = {row["turn_id"]: (row["body"], row["recipients"]) for row in turns(0, ROWS)}
        assert all(wanted[row["turn_id"]] == (row["body"], row["recipients"]) for row in rows)
        return True
    assert str(path) in refused
    assert "Restore a backup, or name another file with --book" in refused
    assert "\n" not in refused
    return False


def test_a_truncated_book_is_refused(closed: Path, tmp_path: Path) -> None:
    whole = closed.read_bytes()
    chance = random.Random(1)
    for size in [
        1,
        100,
        4096,
        12288,
        len(whole) // 2,
        len(whole) - 1,
        *(chance.randrange(len(whole)) for _ in range(20)),
    ]:
        torn = tmp_path / "torn.duckdb"
        torn.write_bytes(whole[: max(1, size)])
        assert not is_whole_or_refused(torn, counts=set())
        assert torn.read_bytes() == whole[: max(1, size)], "what is left is not touched"


def test_a_flipped_byte_is_refused_or_does_not_matter(closed: Path, tmp_path: Path) -> None:
    whole = closed.read_bytes()
    chance = random.Random(2)
    flipped = tmp_path / "flipped.duckdb"
    opened = 0
    for place in [0, 8, 9, 12, 4096, 4100, 8192, 8200, *(chance.randrange(len(whole)) for _ in range(40))]:
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        flipped.write_bytes(damaged)
        opened += is_whole_or_refused(flipped, counts={ROWS})
    assert opened < 48


def test_a_log_cut_anywhere_gives_whole_batches(logged: Path, tmp_path: Path) -> None:
    log = Path(f"{logged}.wal").read_bytes()
    chance = random.Random(3)
    for size in [0, 1, len(log) - 1, len(log), *(chance.randrange(len(log)) for _ in range(15))]:
        book = tmp_path / f"cut {size}.duckdb"
        shutil.copy(logged, book)
        Path(f"{book}.wal").write_bytes(log[:size])
        is_whole_or_refused(book, counts={0, 100, 200, 300})
        if size == len(log):
            with open_store(book) as store:
                assert store.table("turns").num_rows == ROWS


def test_a_log_with_a_flipped_byte_is_whole_or_refused(logged: Path, tmp_path: Path) -> None:
    log = Path(f"{logged}.wal").read_bytes()
    chance = random.Random(4)
    for place in [0, 20, *(chance.randrange(len(log)) for _ in range(15))]:
        book = tmp_path / f"flip {place}.duckdb"
        shutil.copy(logged, book)
        damaged = bytearray(log)
        damaged[place] ^= 0xFF
        Path(f"{book}.wal").write_bytes(damaged)
        is_whole_or_refused(book, counts={0, 100, 200, 300})


@pytest.mark.parametrize(
    "content", [b"From anna@firm.com Mon\n\nhello\n" * 50, b"PK\x03\x04" + bytes(500), bytes(9000)]
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mail.mbox"
    path.write_bytes(content)
    with pytest.raises(BookDamaged, match="cannot be opened as a book"):
        open_store(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["mail.mbox"]


def test_a_log_without_its_book_is_not_thrown_away(tmp_path: Path) -> None:
    log = tmp_path / "firm.duckdb.wal"
    log.write_bytes(b"committed turns")
    with pytest.raises(BookDamaged, match=r"its log firm\.duckdb\.wal is there, but the book itself is gone"):
        open_store(tmp_path / "firm.duckdb")
    assert log.read_bytes() == b"committed turns"


FULL_DISK = """
import resource, signal, sys
sys.path[:0] = [sys.argv[2]]
from test_book_faults import turns
from troth.book import open_store
from troth.errors import BookError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
held = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
with open_store(sys.argv[1]) as store:
    store.upsert("turns", turns(0, 50))
    for attempt in range(20):
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000 + 40_000 * attempt, held))
        before = store.table("turns", columns=["turn_id"]).num_rows
        batch = turns(50 + attempt * 2000, 2000, body="long " * 200)
        try:
            store.upsert("turns", batch)
            refused = False
        except BookError as error:
            assert "Make room on the disk" in str(error), error
            refused = True
        after = store.table("turns", columns=["turn_id"]).num_rows
        assert after == before + (0 if refused else 2000), (before, after, refused)
        resource.setrlimit(resource.RLIMIT_FSIZE, (held, held))
        assert store.upsert("turns", batch) == (2000 if refused else 0)
        print("refused" if refused else "written")
"""


def test_a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writes beyond it fail as they do there."""
    path = tmp_path / "firm.duckdb"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(Path(__file__).parent)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "refused" in done.stdout
    with open_store(path) as store:
        assert store.table("turns", columns=["turn_id"]).num_rows == 50 + 20 * 2000


def test_damage_found_while_reading_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "firm.duckdb"
    with open_store(path) as store:
        store.upsert("turns", turns(0, 3000, body="long " * 300))
    content = bytearray(path.read_bytes())
    for place in range(300_000, len(content) - 300_000, 4096):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(BookError) as refused, open_store(path) as store:
        store.table("turns")
    assert isinstance(refused.value, BookDamaged), refused.value
