"""Whatever a stranger's mail looks like, reading it ends, stays small, and accounts for everything."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from troth.errors import SourceError
from troth.schema import TURNS
from troth.sources import assign_threads, read_source, recognise
from troth.sources.mbox import split_mbox

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _load_makers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hostile_mail", Path(__file__).with_name("hostile_mail.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hostile = _load_makers()
SEPARATOR = b"From x@y.example Fri Nov 20 10:00:00 2026\n"


def read_bytes(data: bytes, folder: Path) -> tuple[list[dict[str, object]], object]:
    path = folder / "source"
    path.write_bytes(data)
    reading = read_source(path, now=NOW)
    rows: list[dict[str, object]] = []
    for batch in reading:
        assert batch.schema.equals(TURNS)
        rows += batch.to_pylist()
    assert reading.turns == len(rows)
    assert reading.seen == len(rows) + reading.duplicates + len(reading.rejected) + reading.unlisted
    return rows, reading


@pytest.mark.parametrize("name", sorted(hostile.SMALL))
@pytest.mark.parametrize("as_mbox", [False, True], ids=["eml", "mbox"])
def test_each_collected_malformed_mail_becomes_one_turn(name: str, as_mbox: bool, tmp_path: Path) -> None:
    maker, must_say = hostile.SMALL[name]
    rows, _ = read_bytes(SEPARATOR * as_mbox + maker(), tmp_path)
    assert len(rows) == 1
    assert rows[0]["speaker"] == "anna@firm.example"
    assert "\0" not in str(rows[0]["body"])
    assert not must_say or hostile.SAID in str(rows[0]["body"])
    assert rows == read_bytes(SEPARATOR * as_mbox + maker(), tmp_path)[0]


def test_utf7_is_not_decoded(tmp_path: Path) -> None:
    rows, reading = read_bytes(hostile.utf7(), tmp_path)
    assert "<script>" not in str(rows[0]["body"])
    assert any("charset" in note for note in reading.notes)  # type: ignore[attr-defined]


def test_an_attached_mail_lends_no_words_to_the_body(tmp_path: Path) -> None:
    rows, _ = read_bytes(hostile.attached_mail(), tmp_path)
    assert "NOT MINE" not in str(rows[0]["body"])
    assert rows[0]["attachments"] == ["message/rfc822"]


def test_undeclared_latin_bytes_are_read_as_the_sender_meant_them(tmp_path: Path) -> None:
    rows, _ = read_bytes(hostile.latin_bytes(), tmp_path)
    assert rows[0]["subject"] == "Größe"
    assert str(rows[0]["body"]).startswith("Grüße – ")


@pytest.mark.parametrize(
    "value",
    [
        b"Thu, 01 Jan 1970 00:00:00 +0000",
        b"Sun, 22 Nov 2099 10:00:00 +0000",
        b"Mon, 99 Foo 2026 25:61:61 +9999",
        b"",
        b"yesterday",
        b"Fri, 20 Nov 1601 10:00:00 +0000",
        b"Fri, 20 Nov 2026 10:00:00 +99999999999",
        b"9" * 5000,
    ],
)
def test_an_impossible_date_is_left_empty_and_counted(value: bytes, tmp_path: Path) -> None:
    rows, reading = read_bytes(hostile.date(value), tmp_path)
    assert rows[0]["sent_at"] is None
    assert any("date" in note for note in reading.notes)  # type: ignore[attr-defined]


def test_a_date_a_day_after_its_arrival_is_not_believed(tmp_path: Path) -> None:
    assert read_bytes(hostile.later_than_received(), tmp_path)[0][0]["sent_at"] is None


@pytest.mark.timed
@pytest.mark.parametrize("name", sorted(hostile.LARGE))
def test_reading_time_grows_in_line_with_what_is_large(name: str, tmp_path: Path) -> None:
    """Four times as much may take at most about four times as long; a quadratic reader would take sixteen."""
    maker = hostile.LARGE[name]

    def seconds(count: int) -> float:
        data = SEPARATOR + maker(count)
        best = 9.0
        for _ in range(2):
            start = time.process_time()
            rows, _ = read_bytes(data, tmp_path)
            best = min(best, time.process_time() - start)
            assert len(rows) == 1
            assert assign_threads(pa.Table.from_pylist(rows, schema=TURNS)).num_rows == 1
        return best

    small, large = seconds(4_000), seconds(16_000)
    assert large < 8 * small + 0.05


@pytest.mark.timed
def test_ten_thousand_levels_and_a_hundred_thousand_people_are_set_aside_quickly(tmp_path: Path) -> None:
    mails = [hostile.nested(10_000), hostile.many_people(100_000), hostile.long_line(20_000_000)]
    start = time.process_time()
    rows, reading = read_bytes(b"".join(SEPARATOR + mail + b"\n" for mail in mails), tmp_path)
    assert time.process_time() - start < 5
    assert len(rows) == 3
    assert {row["turn_id"] for row in rows} == {f"{name}@firm.example" for name in ("nested", "people", "line")}
    assert all(len(str(row["body"])) <= 1_000_000 for row in rows)
    assert len(reading.notes) >= 2  # type: ignore[attr-defined]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_mailbox_with_a_large_attachment_is_read_in_little_memory(tmp_path: Path) -> None:
    """60 MB with one attachment of 50 MB, twice as many small mails around it, in a process of its own."""
    path = tmp_path / "large.mbox"
    with path.open("wb") as file:
        for number in range(2_000):
            file.write(SEPARATOR + hostile.mail(f"before{number}", b"", b"words and more words\n" * 120) + b"\n")
        file.writelines(hostile.write_attachment_mail(50))
        for number in range(2_000):
            file.write(SEPARATOR + hostile.mail(f"after{number}", b"", b"words and more words\n" * 120) + b"\n")
    code = (
        "import json, sys\n"
        "from troth.sources import read_source\n"
        "reading = read_source(sys.argv[1])\n"
        "large = [row for batch in reading for row in batch.to_pylist() if row['turn_id'].startswith('large')]\n"
        # Not getrusage: its peak begins with that of the process that forked this one.
        "peak = int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
        "print(json.dumps([peak, reading.turns, large[0]['body'], large[0]['attachments']]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    peak_kb, turns, body, attachments = json.loads(done.stdout)
    assert path.stat().st_size > 58_000_000
    assert peak_kb < 300_000
    assert turns == 4_001
    assert body == f"{hostile.SAID}\n\nKind regards"
    assert attachments == ["big.zip"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=12)), max_size=12), which=st.data())
def test_random_damage_never_raises_and_counts_reconcile(
    noise: list[tuple[int, bytes]], which: st.DataObject, tmp_path: Path
) -> None:
    names = which.draw(st.lists(st.sampled_from(sorted(hostile.SMALL)), min_size=1, max_size=4))
    data = bytearray(b"".join(SEPARATOR + hostile.SMALL[name][0]() + b"\n" for name in names))
    for place, piece in noise:
        start = len(SEPARATOR) * 2 + place % len(data)
        data[start : start + len(piece)] = piece
    cut = which.draw(st.integers(len(SEPARATOR) * 2, len(data)))
    rows, reading = read_bytes(bytes(data[:cut]), tmp_path)
    begun = sum(begins for begins, _ in split_mbox(iter([bytes(data[:cut]).replace(b"\r\n", b"\n")])))
    assert reading.seen == begun  # type: ignore[attr-defined]
    assert assign_threads(pa.Table.from_pylist(rows, schema=TURNS)).num_rows == len(rows)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=30), blank=st.booleans())
def test_an_mbox_splits_alike_however_its_blocks_fall(data: bytes, sizes: list[int], blank: bool) -> None:
    """Blocks are cut at line ends in other places: the messages are the same."""
    text = b"".join(
        SEPARATOR + b"A: b\n\n" + data + b"\n" * (1 + blank) + SEPARATOR * blank + b"C: d\n\nFrom me\n\n" for _ in sizes
    )
    lines = text.split(b"\n")

    def blocks() -> Iterator[bytes]:
        rest, turn = [line + b"\n" for line in lines[:-1]], 0
        while rest:
            take = sizes[turn % len(sizes)]
            yield b"".join(rest[:take])
            rest, turn = rest[take:], turn + 1

    assert _joined(split_mbox(blocks())) == _joined(split_mbox(iter([text])))


def _joined(pieces: Iterator[tuple[bool, bytes]]) -> list[bytes]:
    messages: list[bytes] = []
    for begins, piece in pieces:
        if begins or not messages:
            messages.append(piece)
        else:
            messages[-1] += piece
    return messages


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"", "empty"),
        (b"\n \n", "blank"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1", "Outlook"),
        (b"\x7fELF\x02\x01\0\0", "binary"),
        (b"Dear all,\nthis is a letter.\n", "no mail, chat"),
        (b'[1, "a"]', "array"),
        (b'{"a": 1}\n{"a": 2}\n', "without a text"),
        (b'{"text": \n', "nothing that troth knows"),
        (b"\xff\xfeF\0r\0o\0m\0", "UTF-16"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_plain_line(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mail.mbox"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=says) as refused:
        recognise(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)
    with pytest.raises(SourceError):
        read_source(path)


def test_nothing_a_pipe_and_a_folder_without_mails_are_refused(tmp_path: Path) -> None:
    for path, says in [(tmp_path / "none", "exist"), (Path("/dev/null"), "neither"), (tmp_path, "without files")]:
        with pytest.raises(SourceError, match=says):
            recognise(path)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(SourceError, match="without mails"):
        recognise(tmp_path)


def test_rows_that_are_no_turns_are_named_by_line(tmp_path: Path) -> None:
    lines = [
        '{"text": "fine", "speaker": "a"}',
        "{torn",
        "[" * 100_000,
        '{"speaker": "a"}',
        '{"text": "lone \\ud800 half, nul \\u0000", "sent_at": "no day", "message_id": "x"}',
        "7",
        '{"text": 5}',
        '{"text": "n", "id": ' + "9" * 5_000 + "}",
    ]
    rows, reading = read_bytes("\n".join(lines).encode(), tmp_path)
    assert [rejected.position for rejected in reading.rejected] == [f"line {n}" for n in (2, 3, 4, 6, 7, 8)]  # type: ignore[attr-defined]
    assert rows[1]["body"] == "lone \ufffd half, nul "
    assert rows[1]["speaker"] == "unknown"
    assert rows[1]["sent_at"] is None
