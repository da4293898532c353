"""Whoever is forgotten stands in no table of the book any more."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import resource
import shutil
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

import troth
from troth.book import REWRITE_DUE, Mark, Store, open_store
from troth.book.store import Progress
from troth.cli import main
from troth.errors import BookError, InputError
from troth.forgetting import choose_before, choose_conversation, forget, forget_person, weigh
from troth.forgotten import lift, list_forgotten, read_forgotten
from troth.intake import take_batch
from troth.schema import ANSWERS, CLOSINGS, CONTACTS, TABLES, TURNS, conform
from troth.sealing import check_seals, seal_closing, seal_forecasts
from troth.settings import Settings
from troth.web.audit import Audit, check_book

Run = Callable[..., tuple[int, str, str]]

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
KIM, LEE, ANNA = "kim@acme.example", "lee@acme.example", "anna@firm.example"


def turn(name: str, speaker: str, to: list[str], body: str, cc: list[str] | None = None) -> dict[str, object]:
    return {
        "turn_id": name, "conversation_id": name[0], "position": 1, "speaker": speaker, "recipients": to,
        "cc": cc or [], "channel": "mail", "body": body, "automatic": False, "source": "test", "sent_at": NOW,
    }  # fmt: skip


def test_a_person_leaves_every_table_also_earlier_versions() -> None:
    with open_store() as store:
        said = [
            turn("a1", KIM, [ANNA], "We will pay by Friday."), turn("a2", ANNA, [KIM], "Thank you."),
            turn("b1", ANNA, [KIM, LEE], "We will send it on Monday."), turn("c1", LEE, [ANNA], "Fine.", [KIM]),
        ]  # fmt: skip
        take_batch(store, conform(said, TURNS))
        take_batch(store, conform([turn("b1", ANNA, [KIM, LEE], "We will send it on Tuesday.")], TURNS))
        take_batch(store, conform([turn("c1", LEE, [ANNA], "Fine with me.")], TURNS))
        assert store.table("turn_versions").num_rows == 2
        store.upsert(
            "contacts", conform([{"contact_id": "1", "source": "crm", "kind": "person", "address": KIM}], CONTACTS)
        )
        answer = {
            "answer_id": "x", "relationship": "acme.example", "person": KIM, "item": "HC1", "facet": "HC", "value": 3,
            "lowest": 1, "highest": 5, "answered_at": NOW,
        }  # fmt: skip
        store.upsert("answers", conform([answer], ANSWERS))
        audit = Audit(store, clock=lambda: NOW)
        audit.note("GET /relationships/{name}", who=ANNA, role="member", about=KIM)
        audit.close()
        book = troth.Book(store, Settings(us=("firm.example",)))
        book.review()
        promises = book.promises()
        made = promises.filter(pc.equal(promises["turn_id"], "b1"))["promise_id"][0].as_py()
        book.decide_promise(made, "kept", by=ANNA)
        gone = forget_person(book, KIM)
        assert gone["turn_versions"] == 2
        for name in TABLES:
            if name in store.revisions():
                assert KIM not in json.dumps(store.table(name).to_pylist(), default=str), name
        assert sorted(store.table("turns")["turn_id"].to_pylist()) == ["b1", "c1"]
        assert check_book(store).wrong == ()
        gone = forget_person(troth.Book(store, Settings(us=("firm.example",))), ANNA)
        assert gone["turns"] == 2  # what was written to nobody but her goes as well
        for name in sorted(set(TABLES) & set(store.revisions())):
            assert ANNA not in json.dumps(store.table(name).to_pylist(), default=str), name


# What is looked for is random, so that DuckDB writes it as it is, and no other word of the book holds it.
PAT, FREE = "pat.okonkwo@freemail.example", "pat.okonkwo"
SAID = [f"zq{number}vx we shall pay {number * 7919} crowns on the day" for number in range(12)]
OTHERS = "kk77 the cranes are flying over Malmo again"


def fill(path: Path) -> None:
    """A book in which a person who is a relationship of her own stands in every table that can name her."""
    with troth.open(path, settings=Settings(us=("firm.example",))) as book:
        store = book.store
        rows = [turn(f"p{n}", PAT, [ANNA], words) for n, words in enumerate(SAID)]
        rows += [
            turn("k1", ANNA, [PAT, LEE], OTHERS), turn("k2", LEE, [ANNA], "Fine.", [PAT.upper()]),
            turn("p90", ANNA, [PAT], "zq90vx to you alone"),
            turn("k3", LEE, [ANNA], f"Yesterday in the park I saw {PAT}."),
        ]  # fmt: skip
        take_batch(store, conform(rows, TURNS))
        take_batch(store, conform([turn("p0", PAT, [ANNA], SAID[0] + " zq91vx corrected")], TURNS))
        store.upsert("sentences", [{"turn_id": f"p{n}", "sentence": 0, "start": 0, "end": 9, "text": words}
                                   for n, words in enumerate(SAID)])  # fmt: skip
        store.upsert("contacts", [
            {"contact_id": "1", "source": "crm", "kind": "person", "address": PAT, "name": "zq92vx Okonkwo"},
            {"contact_id": "2", "source": "crm", "kind": "account", "owner": PAT, "name": "Kept"},
        ])  # fmt: skip
        store.upsert("answers", [
            {"answer_id": "a", "relationship": PAT, "item": "HC1", "facet": "HC", "value": 3, "lowest": 1, "highest": 5,
             "answered_at": NOW},
        ])  # fmt: skip
        store.upsert("outcomes", [
            {"outcome_id": "zq93vx", "relationship": PAT, "kind": "deal", "state": "won", "opened_at": NOW},
        ])  # fmt: skip
        store.upsert("outcome_steps", [{"outcome_id": "zq93vx", "at": NOW, "state": "won", "source": "crm"}])
        store.upsert("calls", [
            {"call_id": "1", "conversation_id": "p", "position": 0, "tool": "pay", "arguments": "zq94vx",
             "failed": False},
        ])  # fmt: skip
        store.set_mark(f"imap:{PAT}@imap.example:INBOX", Mark(content="1", size=1, position=1))
        store.upsert("jobs", [
            {"job_id": state, "kind": "read", "asked": json.dumps({"folder": state, "files": [{"shown": "zq95vx"}]}),
             "by": "", "state": state, "made_at": NOW, "tries": 1} for state in ("done", "stopped")
        ])  # fmt: skip
        previous = ""
        for day in ("2026-11-18", "2026-11-19"):
            told = [
                {**FORECAST, "day": day, "number": n, "relationship": who} for n, who in enumerate((PAT, "x.example"))
            ]
            row = dict.fromkeys(CLOSINGS.names, 1) | {
                "day": day, "zone": "UTC", "evening": NOW, "closed_at": NOW, "made_with": "x", "news": "", "levels": "",
                "scored": seal_forecasts(told), "previous": previous, "seal": "",
            }  # fmt: skip
            row["seal"] = previous = seal_closing(row)
            store.upsert("forecasts", told)
            store.upsert("closings", [row])
    for place in (f".{path.name}.inbox/stopped", f".{path.name}.kept"):
        folder = path.with_name(place.partition("/")[0]) / place.partition("/")[2]
        folder.mkdir(parents=True)
        (folder / "x").write_text(SAID[1], "utf-8")


FORECAST = {
    "facet": "HC", "kind": "k", "at": NOW, "turn_id": "p1", "outcome": 0, "model": [1.0], "base": [1.0], "last": [1.0],
    "markov": [1.0], "typical": [1.0], "previous": None, "pit": None, "log_density": None,
}  # fmt: skip


def find_needles(folder: Path) -> list[str]:
    """Files below a folder that hold anything of hers, and what, looked for byte by byte."""
    return [
        f"{path.name}: {found}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for found in re.findall(rb"(?i)zq\d+vx|pat\.okonkwo", path.read_bytes())
    ]


def check_proof(store: Store) -> list[str]:
    scored: dict[str, list[dict[str, Any]]] = {}
    for row in store.table("forecasts").to_pylist():
        scored.setdefault(row["day"], []).append(row)
    again = {row["day"]: row["scored"] for row in store.table("resealed").to_pylist()}
    return check_seals(store.table("closings").sort_by("day").to_pylist(), scored, again)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "book.duckdb"
    fill(path)
    return path.parent


@pytest.fixture
def firm(filled: Path, tmp_path: Path) -> Path:
    """A copy of that book, with all that lies beside it."""
    shutil.copytree(filled, tmp_path / "firm")
    return tmp_path / "firm" / "book.duckdb"


def test_no_byte_of_who_was_forgotten_is_left_in_any_file(firm: Path) -> None:
    before = find_needles(firm.parent)
    assert {line.partition(":")[0] for line in before} >= {"book.duckdb", "x"}, "the search finds what is there"
    with troth.open(firm, settings=Settings(us=("firm.example",))) as book:
        book.store.upsert("turns", [turn("k9", LEE, [ANNA], "Now in the log.")])
        assert not check_proof(book.store)
        gone = forget_person(book, PAT)
        assert (gone["turns"], gone["turn_versions"], gone["recipients"]) == (13, 1, 2)
        assert (gone["forecasts"], gone["contacts"], gone["jobs"]) == (4, 2, 2)
        # k3 says so in somebody else's words; nothing else does, in no file, the log of DuckDB included.
        assert {line.lower() for line in find_needles(firm.parent)} == {"book.duckdb: b'pat.okonkwo'"}
        assert len(find_needles(firm.parent)) == 1
        assert OTHERS.encode() in firm.read_bytes(), "the search finds what stays"
        assert not check_proof(book.store), "the chain of closings still holds"
        assert {row["turn_id"] for row in book.store.table("turns").to_pylist()} == {"k1", "k2", "k3", "k9"}
        assert book.store.table("forecasts").num_rows == 4
        told = book.store.table("forecasts", where={"day": "2026-11-19"}).to_pylist()
        book.store.upsert("forecasts", [{**row, "outcome": 1} for row in told])
        assert any("altered" in line for line in check_proof(book.store)), "a seal made anew is a seal"
    assert len(find_needles(firm.parent)) == 1
    assert stat.S_IMODE(firm.stat().st_mode) == 0o600
    assert sorted(path.name for path in firm.parent.iterdir()) == [".book.duckdb.inbox", "book.duckdb"]


def test_reading_again_brings_nobody_back_until_it_is_lifted(firm: Path, tmp_path: Path) -> None:
    export = tmp_path / "book"
    settings = Settings(us=("firm.example",))
    with troth.open(firm, settings=settings) as book:
        book.leave(export, bare=True)
        before = {row["turn_id"]: row for row in book.store.table("turns").to_pylist()}
        forget_person(book, PAT)
    with troth.open(firm, settings=settings) as book:
        report = book.read(export)
        today = dt.datetime.now(dt.UTC).date()
        reasons = Counter(re.sub(r"\d{4}-\d\d-\d\d", "DAY", each.reason) for each in report.rejected)
        assert reasons == {
            "of a person who was forgotten on DAY": 12, "was itself forgotten on DAY": 1,
        }  # fmt: skip
        assert str(today) in report.rejected[0].reason or str(today - dt.timedelta(days=1)) in report.rejected[0].reason
        assert (report.turns, report.added, report.changed) == (3, 0, 0)
        assert report.notes["left a forgotten person out of the recipients"] == 2
        assert book.add([{"text": "zq81vx to you", "speaker": ANNA, "recipients": [PAT]}]) == 0
        assert book.add([{"text": "zq80vx again", "speaker": PAT.title(), "recipients": [ANNA]}]) == 0
        book.read_survey(write_survey(tmp_path, PAT, LEE), relationship="acme.example")
        assert book.answers()["person"].to_pylist() == [LEE]
        assert len(find_needles(firm.parent)) == 1, "and what an exported book brought beside its turns is out again"
        rows = book.store.table("forgotten").to_pylist()
        assert not [row for row in rows if "pat" in json.dumps(row, default=str)]
        assert {row["kind"] for row in rows} == {"key", "name", "turn", "conversation", "outcome"}
        with pytest.raises(InputError, match="nobody called 'pat' was forgotten"):
            lift(book.store, "pat")
        assert lift(book.store, PAT.upper())["name"] == 1
        assert book.store.table("forgotten").num_rows == 0
        book.read(export)
        after = {row["turn_id"]: row for row in book.store.table("turns").to_pylist()}
        assert after == before


def write_survey(folder: Path, *people: str) -> Path:
    path = folder / "survey.csv"
    lines = ["email,date,questions_hc1", *(f"{who},2026-11-20,3" for who in people)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_conversations_and_what_is_old_stay_out_as_well() -> None:
    old = NOW - dt.timedelta(days=400)
    said = [
        turn("a1", KIM, [ANNA], "One."), turn("a2", ANNA, [KIM, LEE], "Two."), turn("b1", LEE, [ANNA], "Three."),
        turn("c1", LEE, [ANNA], "Four.") | {"sent_at": old},
    ]  # fmt: skip
    with open_store() as store:
        store.upsert("turns", conform(said, TURNS))
        meant = choose_conversation(store, "a")
        weighed = weigh(store, meant)
        assert weighed.gone["turns"] == 2
        assert store.table("turns").num_rows == 4, "weighing changes nothing"
        assert not store.table("forgotten").num_rows
        assert forget(store, meant, now=NOW) == weighed.gone
        with pytest.raises(InputError, match="no turn before 2020-01-01"):
            choose_before(store, dt.date(2020, 1, 1), zone="UTC")
        assert forget(store, choose_before(store, dt.date(2026, 1, 1), zone="UTC"), now=NOW)["turns"] == 1
        forgotten = read_forgotten(store)
        assert forgotten is not None
        screened = forgotten.screen(conform([*said, turn("a3", LEE, [ANNA], "Later.")], TURNS))
        assert screened.turns["turn_id"].to_pylist() == ["b1", "a3"]
        assert [each.reason for each in screened.rejected] == [
            "was itself forgotten on 2026-11-20", "was itself forgotten on 2026-11-20",
            "from before 2026-01-01, of which all was forgotten",
        ]  # fmt: skip
        listed = list_forgotten(store)
        assert [(row["names"], row["turns"], row["conversations"]) for row in listed] in (
            [(0, 2, 1), (0, 0, 1)], [(0, 0, 1), (0, 2, 1)],
        )  # fmt: skip
        lift(store, next(row["id"] for row in listed if row["before"]))
        forgotten = read_forgotten(store)
        assert forgotten is not None
        assert forgotten.before is None


KILLED = """
import datetime as dt, os, signal, sys
import troth
from troth.forgetting import choose_person, forget
from troth.settings import Settings

folder, who = sys.argv[1:3]
for number in range(int(sys.argv[3])):
    if os.fork() == 0:
        left = number * 10
        def step(done, whole):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        book = troth.open(f"{folder}/{number}/book.duckdb", settings=Settings(us=("firm.example",)))
        forget(book.store, choose_person(book, who), now=dt.datetime.now(dt.UTC), progress=step)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


def test_killed_while_the_book_is_written_anew_it_is_whole_and_free_of_them_when_opened_next(
    filled: Path, tmp_path: Path
) -> None:
    points = 4
    for number in range(points):
        shutil.copytree(filled, tmp_path / str(number))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), PAT, str(points)], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == {"-9"}, done.stderr
    for number in range(points):
        path = tmp_path / str(number) / "book.duckdb"
        assert path.with_name(".book.duckdb.anew").is_dir(), "it was being written"
        with open_store(path) as store:
            assert store.table("turns").num_rows == 3
            assert not store.settings(REWRITE_DUE)
            assert not check_proof(store)
        assert len([line for line in find_needles(path.parent) if line.startswith("book.duckdb:")]) == 1
        assert not path.with_name(".book.duckdb.anew").exists()


def test_a_full_disk_leaves_the_book_as_it_was_and_the_next_opening_writes_it_anew(
    firm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for the full disk, from when the tables are free of them."""
    held = resource.getrlimit(resource.RLIMIT_FSIZE)
    with troth.open(firm, settings=Settings(us=("firm.example",))) as book:
        rewrite = book.store.rewrite

        def fill_disk(*, progress: Progress | None = None) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, held[1]))
            try:
                rewrite(progress=progress)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, held)

        monkeypatch.setattr(book.store, "rewrite", fill_disk)
        with pytest.raises(BookError, match=r"out of every table, but .* written anew when the book is opened next"):
            forget_person(book, PAT)
        assert book.store.table("turns").num_rows == 3, "the book can be used on"
        assert not firm.with_name(".book.duckdb.anew").exists()
        assert len(find_needles(firm.parent)) > 1
    with open_store(firm) as store:
        assert store.table("turns").num_rows == 3
    assert len(find_needles(firm.parent)) == 1


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command line in this process: exit code, answer, talk."""
    (tmp_path / "troth.toml").write_text('us = ["firm.example"]\nzone = "UTC"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["troth", "forget", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return call


def test_the_command_says_first_what_goes_and_asks(firm: Path, run: Run) -> None:
    def count() -> int:
        with open_store(firm) as store:
            return store.table("turns").num_rows

    code, out, talk = run(PAT, "--book", firm, "--dry-run", "--format", "jsonl")
    counts = {row["table"]: row["rows"] for row in map(json.loads, out.splitlines())}
    assert code == 0
    assert next(iter(counts.items())) == ("turns", 13)
    assert "1 turns of others stay that name them" in talk
    assert count() == 16
    code, out, talk = run(PAT, "--book", firm)
    assert (code, out) == (2, "")
    assert "Give --yes" in talk
    for wrong, said in (
        (("nobody@x.example", "--yes"), "nobody called 'nobody@x.example'"), (("example", "--yes"), "could be"),
        (("--conversation", "x", "--yes"), "no conversation 'x'"), ((), "say one of WHO"),
        ((PAT, "--list"), "not WHO and"),
        (("--before", "2001-01-01", "--yes"), "no turn before"), (("--lift", PAT), "was forgotten"),
    ):  # fmt: skip
        code, out, talk = run(*wrong, "--book", firm)
        assert (code, out, talk.count("\n")) == (2, "", 1), talk
        assert said in talk
    assert count() == 16
    code, out, talk = run(PAT, "--book", firm, "--yes", "--format", "csv")
    assert (code, out.splitlines()[:2]) == (0, ["table,rows", "turns,13"])
    assert {row["table"]: int(row["rows"]) for row in csv.DictReader(io.StringIO(out))} == counts
    assert count() == 3
    assert len(find_needles(firm.parent)) == 1
    code, out, talk = run("--list", "--book", firm, "--format", "jsonl")
    assert json.loads(out)["turns"] == 13
    assert run("--lift", PAT, "--book", firm)[0] == 0
    assert run("--list", "--book", firm)[1:] == ("", "Nothing was forgotten yet.\n")
