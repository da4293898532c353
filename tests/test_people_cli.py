"""troth people: the lists in every shape, decisions and their undoing, and names that mean harm."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import troth
from troth.book import open_store
from troth.cli import main
from troth.cli.options import Format
from troth.settings import Settings

ME = "anna@firm.com"
HOSTILE = "=HYPERLINK(1)\x1b[2J\u202egro.live"
SHOWN = "=HYPERLINK(1)[2Jgro.live"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book with a customer under two names, and a stranger with a hostile one."""
    book = tmp_path_factory.mktemp("people") / "book.duckdb"
    said = [
        ("bo.berg@acme.example", "Bo Berg"),
        ("b.berg@acme.example", "B. Berg"),
        (HOSTILE, HOSTILE),
        ("+4917000", "\x1b]0;owned\x07"),
        *((f"somebody{n}@x{n}.example", f"Some{chr(97 + n)} Body{chr(97 + n)}") for n in range(9)),
    ]
    with troth.open(book, settings=Settings(us=(ME,))) as opened:
        rows = [
            {"turn_id": str(n), "speaker": who, "speaker_name": name, "recipients": [ME], "body": "Hello."}
            for n, (who, name) in enumerate(said)
        ]
        opened.add(rows)
    return book


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command line in this process: exit code, answer, talk."""
    settings = tmp_path / "troth.toml"
    settings.write_text(f'us = ["{ME}"]\nzone = "Europe/Berlin"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["troth", "people", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return call


def test_the_list_in_three_shapes(path: Path, run: Run):
    code, out, err = run("--book", path)
    assert code == 0
    assert "Bo Berg" in out
    assert "13 persons, 0 with several names" in err
    lines = [json.loads(line) for line in run("--book", path, "--format", "jsonl")[1].splitlines()]
    table = list(csv.DictReader(io.StringIO(run("--book", path, "--format", "csv")[1])))
    assert len(lines) == len(table) == 13
    assert {row["person"] for row in lines} >= {"bo.berg@acme.example", HOSTILE}
    assert [row["turns"] for row in table] == [str(row["turns"]) for row in lines]


@pytest.mark.parametrize("command", [(), ("suggest", "--least", "0"), ("history",)])
@pytest.mark.parametrize("shape", [Format.table, Format.csv])
def test_hostile_names_do_nothing(path: Path, run: Run, command: tuple[str, ...], shape: Format):
    """No escape reaches the terminal, no text turns round, and no cell is a formula."""
    code, out, err = run(*command, "--book", path, "--format", shape.value)
    assert code == 0
    assert not {"\x1b", "\x07", "\u202e"} & {*out, *err}
    if shape is Format.csv:
        cells = [cell for row in csv.reader(io.StringIO(out)) for cell in row]
        numbers = {cell for cell in cells if cell.lstrip("-").replace(".", "").isdigit()}
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t")) and cell not in numbers]
        assert command or "'" + SHOWN in cells


def test_suggest_merge_split_undo_and_history(path: Path, run: Run):
    found = [json.loads(line) for line in run("suggest", "--book", path, "--format", "jsonl")[1].splitlines()]
    assert [{row["first"], row["second"]} for row in found] == [{"b.berg@acme.example", "bo.berg@acme.example"}]
    code, out, err = run("merge", "bo.berg@acme.example", "b.berg@acme.example", "--note", "both his", "--book", path)
    assert (code, out) == (0, "")
    assert "one person: bo.berg@acme.example, and b.berg@acme.example" in err
    listed = [json.loads(line) for line in run("--several", "--book", path, "--format", "jsonl")[1].splitlines()]
    assert [row["addresses"] for row in listed] == [["b.berg@acme.example", "bo.berg@acme.example"]]
    assert listed[0]["why"].startswith(f"said by {ME} on ")
    assert listed[0]["turns"] == 2
    assert "No two persons are one" in run("suggest", "--book", path)[2]

    parted = run("split", "b.berg@acme.example", "--book", path)[2]
    assert "two persons: b.berg@acme.example, and bo.berg@acme.example" in parted
    assert "No two persons are one" in run("suggest", "--book", path)[2]  # what was split is suggested no more
    assert "undone: part of" in run("undo", "--book", path)[2]
    assert "undone: join of" in run("undo", "--book", path)[2]
    code, _, err = run("undo", "--book", path)
    assert code == 2
    assert "there is no decision to undo" in err
    table = list(csv.DictReader(io.StringIO(run("history", "--book", path, "--format", "csv")[1])))
    assert [row["kind"] for row in table[-4:]] == ["join", "part", "undo", "undo"]
    assert table[-4]["note"] == "both his"


def test_what_a_table_shows_of_a_name_can_be_typed(path: Path, run: Run):
    assert "one person" in run("merge", SHOWN, "Bo Berg", "--book", path)[2]
    assert "undone" in run("undo", "--book", path)[2]


def test_accounts_and_filters(path: Path, run: Run):
    rows = [json.loads(line) for line in run("--accounts", "--book", path, "--format", "jsonl")[1].splitlines()]
    acme = next(row for row in rows if row["relationship"] == "acme.example")
    assert acme["people"] == ["b.berg@acme.example", "bo.berg@acme.example"]
    assert run("--accounts", "--book", path)[0] == 0
    assert not run("--side", "us", "--book", path, "--format", "jsonl")[1]
    assert not run("--circle", "friend", "--book", path, "--format", "jsonl")[1]


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        (("--side", "me"), "there is no side 'me'"),
        (("merge", "nobody at all", "Bo Berg"), "nobody called 'nobody at all'"),
        (("split", "bo.berg@acme.example"), "only name"),
        (("split", "bo.berg@acme.example", "Cy"), "nobody called 'Cy'"),
        (("undo", "zz"), "no decision"),
        (("--side", "us", "suggest"), "options stand behind the name"),
    ],
)
def test_what_cannot_be_is_one_plain_line(path: Path, run: Run, typed: tuple[str, ...], wrong: str):
    place = () if typed[-1] == "suggest" else ("--book", path)
    code, out, err = run(*typed, *place)
    assert (code, out) == (2, "")
    assert wrong in err
    assert err.count("\n") == 1


def test_nothing_is_written_by_looking(path: Path, run: Run):
    with open_store(path) as store:
        before = store.table("person_decisions").num_rows
    run("suggest", "--book", path)
    run("--book", path)
    with open_store(path) as store:
        assert store.table("person_decisions").num_rows == before
