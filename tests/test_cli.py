"""The command line: answers, talk, exit codes; as a process where that matters: the sample, Ctrl-C, pipes, locks."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from commands import TERMINAL, run

import troth
from troth.signals import CATALOGUE

ENVIRONMENT = {**os.environ, **TERMINAL, "TZ": "Europe/Berlin"}


def run_alone(*arguments: str | Path, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "troth.cli", *map(str, arguments)],
        input=typed, capture_output=True, text=True, env=ENVIRONMENT, timeout=300, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def book(sample_mbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book on disk with the sample in it."""
    path = tmp_path_factory.mktemp("cli") / "firm.duckdb"
    done = run("read", sample_mbox, "--book", path, "--me", "anna@brimholt.example")
    assert done.returncode == 0, done.stderr
    return path


def test_help_names_every_command_and_every_command_has_an_example():
    listed = run("--help").stdout
    for name in ("review", "read", "check", "relationships", "show", "promises", "validity", "export"):
        assert name in listed
        assert "Example: " in run(name, "--help").stdout


def test_the_sample_is_reviewed_in_the_terminal():
    done = run_alone("review", "--sample")
    assert done.returncode == 0, done.stderr
    assert "Friday 20 November 2026" in done.stdout
    assert "One thing to do tomorrow" in done.stdout


def test_a_mailbox_is_reviewed_without_a_book(sample_mbox: Path, tmp_path: Path):
    page = tmp_path / "close.html"
    done = run("review", sample_mbox, "--html", page, "--format", "jsonl", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["kind"] for row in rows} == {"checkpoint", "promise", "question", "asking", "tomorrow"}
    assert sum(row["kind"] == "checkpoint" for row in rows) == 18
    assert "Taking you for anna@brimholt.example" in done.stderr
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [page]


def test_since_closes_every_day_with_a_turn(book: Path):
    done = run("review", "--book", book, "--since", "2026-11-17", "--format", "jsonl", "--circle", "customer")
    days = {json.loads(line)["day"] for line in done.stdout.splitlines()}
    assert days == {"2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"}


def test_reading_again_adds_nothing(book: Path, sample_mbox: Path):
    done = run("read", sample_mbox, "--book", book)
    assert "0 new" in done.stderr
    assert "later version" not in done.stderr


def test_export_turns_can_be_read_back(book: Path, tmp_path: Path):
    out = tmp_path / "turns.jsonl"
    assert run("export", "turns", "--book", book, "--output", out).returncode == 0
    again = run("read", out, "--book", tmp_path / "other.duckdb")
    assert again.returncode == 0, again.stderr
    first = run("export", "turns", "--book", book).stdout.splitlines()
    second = run("export", "turns", "--book", tmp_path / "other.duckdb").stdout.splitlines()
    kept = ("turn_id", "conversation_id", "sent_at", "speaker", "body", "subject", "attachments")
    trimmed = [
        sorted(json.dumps([json.loads(line)[name] for name in kept]) for line in lines) for lines in (first, second)
    ]
    assert trimmed[0] == trimmed[1]


@pytest.mark.parametrize("name", ["sentences", "findings", "promises", "questions", "readings", "trust", "scores"])
def test_every_table_can_be_exported(book: Path, tmp_path: Path, name: str):
    out = tmp_path / f"{name}.parquet"
    done = run("export", name, "--book", book, "--format", "parquet", "--output", out)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 500


def test_csv_holds_no_formula(tmp_path: Path):
    turns = tmp_path / "turns.jsonl"
    rows = [
        {"text": text, "turn_id": str(n)} for n, text in enumerate(("=1+1", "+x", "-x", "@x", "\t=x", " =x", "plain"))
    ]
    turns.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert run("read", turns, "--book", tmp_path / "b.duckdb").returncode == 0
    done = run("export", "turns", "--book", tmp_path / "b.duckdb", "--format", "csv")
    bodies = [row["body"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert len(bodies) == 7
    assert not [body for body in bodies if body.lstrip()[:1] in set("=+-@")]


def test_relationships_in_three_shapes(book: Path):
    table = run("relationships", "--book", book)
    assert "maribelle.example" in table.stdout
    rows = [json.loads(line) for line in run("relationships", "--book", book, "--format", "jsonl").stdout.splitlines()]
    customers = [row for row in rows if row["circle"] == "customer"]
    assert {"shown_low", "held_high", "promises_of_ours"} <= set(customers[0])
    assert run("relationships", "--book", book, "--format", "csv").stdout.startswith("relationship,circle,turns")


def test_the_ledger_of_a_facet_adds_up_to_its_level(book: Path):
    done = run("show", "maribelle", "--facet", "CL", "--book", book, "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    ledger = [row for row in rows if row["kind"] == "ledger"]
    assert any(row["text"] for row in ledger)
    with troth.open(book) as opened:
        path = opened.trust("maribelle").path().to_pylist()
    level = [row for row in path if row["facet"] == "CL"][-1]["mean"]
    # The ledger is as of the evening, the path as of the last reading: the level fades a little in between.
    assert sum(row["contribution"] for row in ledger) == pytest.approx(level, abs=0.15)


def test_promises_are_listed_by_state_and_side(book: Path):
    done = run("promises", "--book", book, "--side", "us", "--state", "open", "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows
    assert {(row["side"], row["state"]) for row in rows} == {("us", "open")}


def test_a_draft_is_checked_from_standard_input(book: Path):
    done = run_alone("check", "--to", "maribelle", "--book", book, typed="We will have it fixed by Friday.")
    assert done.returncode == 0, done.stderr
    assert "It promises" in done.stdout
    rows = run("check", "-", "--format", "jsonl", typed="We will have it fixed by Friday.").stdout.splitlines()
    assert {"promise"} <= {json.loads(row)["kind"] for row in rows}


def test_validity_lists_every_signal_and_says_what_is_not_found_yet():
    rows = [json.loads(line) for line in run("validity", "--format", "jsonl").stdout.splitlines()]
    assert {row["signal"] for row in rows} >= {*CATALOGUE, "acts together"}
    assert any(row["found_by"] == "not yet" for row in rows)


def make_wrong(kind: str, folder: Path) -> Path:
    path = folder / "mail.mbox"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", "b")
    elif kind == "binary":
        path.write_bytes(bytes(range(256)) * 50)
    elif kind == "folder":
        path.mkdir()
    elif kind == "json":
        path.write_text('{"no": "turns"}\n', "utf-8")
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "zip", "binary", "folder", "json"])
def test_a_wrong_file_gives_one_plain_line_and_leaves_the_book_as_it_was(kind: str, tmp_path: Path, book: Path):
    before = run("export", "turns", "--book", book).stdout
    done = run("read", make_wrong(kind, tmp_path), "--book", book)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "mail.mbox" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("export", "turns", "--book", book).stdout == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["review", "--book", "BOOK", "--day", "tomorrow"], "not a date"),
        (["review", "--book", "BOOK", "--circle", "enemy"], "circle"),
        (["review", "--sample", "--zone", "Mars/Olympus"], "time zone"),
        (["review", "--sample", "--me", "anna@firm.com"], "leave out --me"),
        (["review", "nowhere.mbox", "--me", "anna"], "neither a mail address nor a domain"),
        (["review", "--sample", "--day", "2026-11-20", "--since", "2026-11-01"], "either --day or --since"),
        (["show", "nobody", "--book", "BOOK"], "there is no relationship 'nobody'"),
        (["show", "maribelle", "--book", "BOOK", "--facet", "XX"], "XX"),
        (["export", "secrets", "--book", "BOOK"], "there is no table 'secrets'"),
        (["export", "turns", "--sample", "--format", "parquet"], "--output"),
        (["promises", "--book", "BOOK", "--state", "lost"], "there is no state"),
        (["relationships", "--settings", "nowhere.toml"], "cannot be read"),
        (["check", "nowhere.txt"], "cannot be read"),
    ],
)
def test_what_the_caller_can_fix_is_one_line_and_exit_code_2(arguments: list[str], complaint: str, book: Path):
    done = run(*(book if argument == "BOOK" else argument for argument in arguments))
    assert done.returncode == 2, done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_words_of_strangers_do_nothing_to_the_terminal(tmp_path: Path):
    turns = tmp_path / "turns.jsonl"
    row = {
        "text": "Are you \x1b[2J sure \u202e about this \x07 price? Who decided that?",
        "speaker": "bo\x1b[31m@acme.example",
        "sender_side": "customer",
        "sent_at": "2026-11-20T09:00:00Z",
    }
    turns.write_text(json.dumps(row) + "\n", "utf-8")
    done = run("review", turns, "--me", "anna@firm.example")
    assert done.returncode == 0, done.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)


def test_a_second_process_is_told_who_has_the_book(book: Path):
    with troth.open(book):
        done = run_alone("relationships", "--book", book)
    assert done.returncode == 1
    assert str(os.getpid()) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_file_that_is_no_book_is_refused_with_the_way_out(tmp_path: Path):
    path = tmp_path / "firm.duckdb"
    path.write_bytes(b"not a book " * 1000)
    done = run("relationships", "--book", path)
    assert done.returncode == 1
    assert "Restore a backup" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_with_130_and_a_sound_book(sample_mbox: Path, tmp_path: Path):
    big, path = tmp_path / "big.mbox", tmp_path / "firm.duckdb"
    mails = sample_mbox.read_bytes()
    with big.open("wb") as file:
        for number in range(60):
            file.write(mails.replace(b"Message-ID: <", b"Message-ID: <%d." % number))
    process = subprocess.Popen(
        [sys.executable, "-m", "troth.cli", "read", str(big), "--book", str(path)],
        stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    while not path.exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=60)
    assert process.returncode == 130, talk
    assert "stopped" in talk
    assert "Traceback" not in talk
    done = run("read", big, "--book", path)
    assert done.returncode == 0, done.stderr
    lines = run("export", "turns", "--book", path).stdout.splitlines()
    assert len(lines) == len({json.loads(line)["turn_id"] for line in lines}) == 60 * 253


def test_a_closed_pipe_is_no_failure(book: Path):
    command = f"{sys.executable} -m troth.cli export findings --book {book} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.stderr == ""
    assert json.loads(done.stdout)["turn_id"]
