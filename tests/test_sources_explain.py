"""A folder of several exports is read export by export, and what is none is named; `--explain` says what is there."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

import troth
from troth.cli import app
from troth.errors import SourceError
from troth.settings import Settings
from troth.sources import Explained, Rejected, explain_source, list_exports, read_source

MAIL = b"From: a@x.example\nTo: b@y.example\nMessage-ID: <%d@x>\nSubject: s\n\nhello\n"
CALL = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Ada Lund>Good morning.</v>\n"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """A folder with mails in a folder, a mailbox, a call, rows, and three things that are none of these."""
    (tmp_path / "mails").mkdir()
    for number in range(3):
        (tmp_path / "mails" / f"{number}.eml").write_bytes(MAIL % number)
    (tmp_path / "box.mbox").write_bytes(b"From x Fri Nov 20 10:00:00 2026\n" + MAIL % 9)
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "call-20261007_110000.vtt").write_text(CALL)
    (tmp_path / "calls" / "notes.bin").write_bytes(b"\0\1\2")
    (tmp_path / "rows.jsonl").write_text(
        '{"id": "r1", "text": "hi", "conversation_id": "c", "speaker": "a@x.example"}\n'
    )
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "box.mbox")
    return tmp_path


def test_each_export_of_a_folder_is_listed_and_what_is_none_has_its_reason(exports: Path) -> None:
    listing = list_exports(exports)
    assert [(each.path.relative_to(exports).as_posix(), each.format.name) for each in listing.exports] == [
        ("box.mbox", "mbox"),
        ("calls/call-20261007_110000.vtt", "webvtt"),
        ("mails", "eml"),
        ("rows.jsonl", "jsonl"),
    ]
    assert {each.position: each.reason.partition(". ")[0] for each in listing.unknown} == {
        "calls/notes.bin": "is a binary file",
        "empty": "is empty",
        "link": "a link or device: not followed",
    }
    assert all(each.size > 0 for each in listing.exports)


def test_a_folder_of_exports_gives_what_its_exports_give_one_by_one(exports: Path) -> None:
    steps: list[tuple[int, int]] = []
    with troth.open(settings=Settings(us=("x.example",))) as whole, troth.open() as parts:
        report = whole.read(exports, progress=lambda done, total: steps.append((done, total)))
        alone = [parts.read(each.path) for each in list_exports(exports).exports]
        assert whole.table("turns")["turn_id"].to_pylist() == parts.table("turns")["turn_id"].to_pylist()
        assert (report.turns, report.added) == (6, 6) == (sum(r.turns for r in alone), sum(r.added for r in alone))
        assert [(part.source, part.format, part.turns) for part in report.parts] == [
            (one.source, one.format, one.turns) for one in alone
        ]
        assert [each.position for each in report.unknown] == ["calls/notes.bin", "empty", "link"]
        assert whole.read(exports).added == 0
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_mails_beside_other_files_stay_one_folder_of_mails(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(MAIL % 1)
    (tmp_path / "box").write_bytes(b"From x Fri Nov 20 10:00:00 2026\n" + MAIL % 2)
    (tmp_path / "notes.txt").write_text("buy milk")
    assert [(each.path, each.format.name) for each in list_exports(tmp_path).exports] == [(tmp_path, "eml")]


def test_a_maildir_beside_another_export_does_not_swallow_it(tmp_path: Path) -> None:
    for side in ("cur", "new", "tmp"):
        (tmp_path / "Mail" / side).mkdir(parents=True)
    (tmp_path / "Mail" / "cur" / "1:2,S").write_bytes(MAIL % 1)
    assert [each.format.name for each in list_exports(tmp_path).exports] == ["maildir"]
    (tmp_path / "call.vtt").write_text(CALL)
    found = [(each.path.name, each.format.name) for each in list_exports(tmp_path).exports]
    assert found == [("Mail", "maildir"), ("call.vtt", "webvtt")]


def test_an_export_that_tears_while_a_folder_is_read_does_not_stop_the_others(exports: Path) -> None:
    torn = exports / "calls.zip"
    with zipfile.ZipFile(torn, "w") as archive:
        archive.writestr(
            "call.vtt", CALL + "".join(f"\n00:{n}:59.000 --> 00:59:59.000\nwords\n" for n in range(10, 59)) * 9
        )
    data = torn.read_bytes()
    torn.write_bytes(data.replace(b"00:58:59.000", b"00:58:58.000"))  # its checksum is now wrong
    with troth.open() as book:
        with pytest.raises(SourceError, match="stopped being readable"):
            book.read(torn)
        report = book.read(exports)
        assert report.turns == 6
        assert [(each.position, each.reason.split("(")[0]) for each in report.rejected[3:]] == [
            ("calls.zip, the rest", "stopped being readable ")
        ]


def test_a_folder_of_nothing_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folder without files"):
        list_exports(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"\0")
    with pytest.raises(SourceError, match=r"folder without exports.*a binary file"):
        list_exports(tmp_path)
    with pytest.raises(SourceError, match="does not exist"):
        list_exports(tmp_path / "nowhere")


# ------------------------------------------------------------------------------------------------------------- explain


def test_explain_says_what_each_export_is_and_counts_what_a_full_reading_counts(exports: Path) -> None:
    found = list(explain_source(exports))
    explained = [each for each in found if isinstance(each, Explained)]
    for each in explained:
        reading = read_source(each.path)
        rows = [row for batch in reading for row in batch.to_pylist()]
        assert (each.format, each.turns, each.beside) == (reading.format, len(rows), dict(reading.beside))
        assert each.speakers == len({row["speaker"] for row in rows})
        times = [row["sent_at"] for row in rows if row["sent_at"]]
        assert (each.first, each.last) == ((min(times), max(times)) if times else (None, None))
        assert each.whole
    assert [each.position for each in found if isinstance(each, Rejected)] == ["calls/notes.bin", "empty", "link"]


def test_explain_of_a_large_export_looks_into_its_first_part_alone(tmp_path: Path) -> None:
    path = tmp_path / "box"
    path.write_bytes(b"".join(b"From x Fri Nov 20 10:00:00 2026\n" + MAIL % n + b"\n" for n in range(1_200)))
    (found,) = explain_source(path)
    assert isinstance(found, Explained)
    assert (found.turns, found.whole) == (500, False)


def test_the_command_explains_in_a_line_or_a_row_each_and_touches_no_book(
    exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(exports / "data"))
    plain = CliRunner().invoke(app, ["read", "--explain", str(exports)])
    assert plain.exit_code == 0
    assert len(plain.stdout.splitlines()) == 7
    assert "1 turn," in plain.stdout
    assert "1 turns" not in plain.stdout
    assert "call-20261007_110000.vtt: the transcript of a call as WebVTT" in plain.stdout
    assert "left out: link: a link or device: not followed." in plain.stdout
    rows = CliRunner().invoke(app, ["read", "--explain", str(exports), "--format", "jsonl"])
    assert [json.loads(line).get("turns") for line in rows.stdout.splitlines()] == [1, 1, 3, 1, None, None, None]
    table = CliRunner().invoke(app, ["read", "--explain", str(exports), "--format", "csv"])
    assert [row["format"] for row in csv.DictReader(io.StringIO(table.stdout))][:2] == ["mbox", "webvtt"]
    assert not (exports / "data").exists()


def test_the_command_reads_a_folder_of_exports_with_a_line_each(
    exports: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    book = tmp_path_factory.mktemp("book") / "b.duckdb"
    done = CliRunner().invoke(app, ["read", str(exports), "--book", str(book), "--me", "x.example"])
    assert done.exit_code == 0
    lines = [line for line in done.stderr.splitlines() if " new" in line]
    assert [line.rpartition("/")[2].partition(",")[0] for line in lines] == [
        "box.mbox: mbox",
        "call-20261007_110000.vtt: webvtt",
        "mails: eml",
        "rows.jsonl: jsonl",
    ]
    assert "left out: empty: is empty. Export it again, or name another file." in done.stderr
