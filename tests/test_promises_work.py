"""Working with promises: the list of the morning, a person's word, states that keep their history, the calendar."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import mailbox
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import troth
from troth.book import Store, open_store
from troth.cli import main
from troth.deciding import choose_day
from troth.errors import BookBusy, InputError
from troth.promises.decided import lay_decisions
from troth.promises.history import note_changes
from troth.promises.listing import LISTED, SECTIONS, is_due, list_promises, name_due
from troth.promises.names import find_id, shorten_ids
from troth.schema import PROMISE_HISTORY, PROMISES, TURNS
from troth.settings import Settings

US, BO, CY = "anna@firm.example", "bo@acme.example", "cy@beta.example"
DAY = "2026-03-20"  # a Friday
SETTINGS = Settings(us=(US,), zone="Europe/Berlin")


def at(day: int, hour: int = 9) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, tzinfo=dt.UTC)


def turn(name: str, who: str, to: str, when: dt.datetime, text: str, *, of: str | None = None) -> dict[str, Any]:
    return {
        "turn_id": f"{name}@mail", "conversation_id": of or name, "speaker": who, "recipients": [to],
        "sent_at": when, "body": text, "subject": name,
    }  # fmt: skip


TURNS_OF_MARCH = [
    turn("contract", US, BO, at(2), "Thanks for the talk. I will send you the contract by Friday 6 March. Regards."),
    turn("report", US, CY, at(18), "I will send you the report by Monday 23 March."),
    turn("order", CY, US, at(19), "I will send you the signed order by tomorrow."),
    turn("photos", US, CY, at(20), "I will send you the photos tomorrow."),
    turn("drawings", US, CY, at(20, 10), "We will send you the drawings today."),
    turn("prices", US, BO, at(17), "I will send you the price list by 19 March, 17:00."),
    turn("samples", US, CY, at(16), "I'll send you the samples soon."),
    turn("invoice", US, BO, at(3), "I will send you the invoice by 10 March."),
    turn("invoiced", US, BO, at(9), "The invoice is attached.", of="invoice"),
    turn("manual", US, BO, at(3, 11), "I will send you the manual by 5 March."),
    turn("manualled", US, BO, at(12), "The manual is attached.", of="manual"),
]


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book on disk in which everything has been understood; copied before anybody writes to it."""
    path = tmp_path_factory.mktemp("firm") / "firm.duckdb"
    with troth.open(path, settings=SETTINGS) as book:
        book.add(TURNS_OF_MARCH)
        book.understand()
    return path


@pytest.fixture(scope="module")
def noted(firm: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A book in which the states of the day are noted, for reading alone; and the id of an open promise in it."""
    path = Path(shutil.copy(firm, tmp_path_factory.mktemp("noted") / "firm.duckdb"))
    with troth.open(path, settings=SETTINGS) as book:
        return path, named(book, "photos")["id"]


@pytest.fixture
def path(firm: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(firm, tmp_path / "firm.duckdb"))


@pytest.fixture
def book(path: Path) -> Iterator[troth.Book]:
    with troth.open(path, settings=SETTINGS) as opened:
        yield opened


def named(book: troth.Book, turn_name: str, day: str = DAY) -> dict[str, Any]:
    """The row of the list that a turn made."""
    rows = [row for row in book.list_promises(day).to_pylist() if row["turn_id"] == f"{turn_name}@mail"]
    assert len(rows) == 1
    return rows[0]


def readings_of_promises(book: troth.Book) -> dict[str, dict[str, Any]]:
    rows = [row for row in book.readings().to_pylist() if row["signal"] == "promise_outcome"]
    return {row["turn_id"].removesuffix("@mail"): row for row in rows}


def reading_of(book: troth.Book, turn_name: str) -> dict[str, Any]:
    return readings_of_promises(book)[turn_name]


def outcomes(book: troth.Book) -> dict[str, float]:
    """The readings of promises, by turn: below 0 where one was missed."""
    return {name: row["hi"] for name, row in readings_of_promises(book).items()}


# --- the list ---


def test_each_promise_stands_in_its_part_of_the_list_with_local_words(book: troth.Book):
    rows = {row["turn_id"].removesuffix("@mail"): row for row in book.list_promises(DAY).to_pylist()}
    assert {name: row["section"] for name, row in rows.items()} == {
        "prices": "overdue", "contract": "suspected", "drawings": "today", "photos": "tomorrow", "report": "week",
        "samples": "week", "order": "theirs", "manual": "late", "invoice": "settled",
    }  # fmt: skip
    assert rows["prices"]["due"] == "yesterday 17:00"
    assert rows["report"]["due"] == "Mon 23 Mar"
    assert rows["samples"]["due"].startswith("“soon”, about")
    assert (rows["contract"]["age_days"], rows["contract"]["overdue_days"]) == (18, 14)
    assert (rows["order"]["person"], rows["contract"]["person"]) == (CY, BO)
    assert "manual is attached" in rows["manual"]["evidence_text"]
    order = [row["section"] for row in book.list_promises(DAY).to_pylist()]
    assert order == sorted(order, key=list(SECTIONS).index)


@pytest.mark.parametrize(
    ("last", "clock", "expected"),
    [
        (at(20), at(20, 15), dt.date(2026, 3, 20)),
        (at(20), at(23), dt.date(2026, 3, 23)),  # a weekend without mail: Monday's list is Monday's
        (at(20), at(27), dt.date(2026, 3, 27)),
        (at(20), at(28), dt.date(2026, 3, 20)),  # an export that nobody adds to
        (dt.datetime(2099, 1, 1, tzinfo=dt.UTC), at(23), dt.date(2026, 3, 23)),  # a false date moves nothing
        (None, at(23, 23), dt.date(2026, 3, 24)),  # in Berlin it is already the next day
    ],
)
def test_the_list_is_of_today_while_the_book_is_in_use(last: dt.datetime | None, clock: dt.datetime, expected: dt.date):
    rows = [{"sent_at": last, "automatic": False}] if last else []
    turns = pa.Table.from_pylist(rows, schema=pa.schema([TURNS.field("sent_at"), TURNS.field("automatic")]))
    assert choose_day(turns, "Europe/Berlin", clock=clock) == expected


def promise(number: int, **columns: Any) -> dict[str, Any]:
    return {
        "promise_id": f"p-{number:020x}", "turn_id": f"t{number}", "start": 0, "end": 10, "text": f"words {number}",
        "probability": 0.9, "relationship": "acme.example", "circle": "customer", "side": "us", "actor": US,
        "addressee": BO, "said_at": at(1), "specific": True, "due_rule": "explicit", "observability": "O1",
        "state": "open", "decided_by": "machine",
    } | columns  # fmt: skip


moments = st.integers(-28 * 24 * 60, 14 * 24 * 60).map(lambda minutes: at(28) + dt.timedelta(minutes=minutes))


@settings(max_examples=60, deadline=None)
@given(due=st.none() | moments, zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]))
def test_the_part_of_the_list_agrees_with_counting_days(due: dt.datetime | None, zone: str):
    """By another road: the local calendar days one after the other, over the change of clocks too."""
    row = promise(1, due_latest=due)
    day = dt.date(2026, 3, 28)  # Berlin's clocks change on the 29th
    listed = list_promises(pa.Table.from_pylist([row], schema=PROMISES), day=day, zone=zone, names={}).to_pylist()[0]
    if due is None:
        assert listed["section"] == "no_time"
        assert not any(is_due(listed, wanted) for wanted in ("overdue", "today", "tomorrow", "week"))
        return
    local = due.astimezone(ZoneInfo(zone)).date()
    ahead = [day + dt.timedelta(days=n) for n in range(7)]
    if local in ahead:
        assert listed["section"] == ("today", "tomorrow", "week")[min(ahead.index(local), 2)]
    else:
        assert listed["section"] == ("overdue" if local < day else "later")
    assert is_due(listed, "week") == (local in ahead)
    assert is_due(listed, "overdue") == (local < day)


@pytest.mark.parametrize(
    ("condition", "words", "told"),
    [("once Eva agrees", None, "“once Eva agrees”"), (None, "some day", "“some day”"), (None, None, "no time")],
)
def test_a_due_time_without_a_day_is_told_by_its_own_words(condition: str | None, words: str | None, told: str):
    row = {"due_latest": None, "condition": condition, "due_words": words}
    assert name_due(row, day=dt.date(2026, 3, 20), zone="UTC") == told


@settings(max_examples=40, deadline=None)
@given(st.sets(st.text(string.hexdigits.lower(), min_size=20, max_size=20), min_size=1, max_size=60))
def test_a_short_id_means_one_promise_and_a_shorter_one_means_several(bare: set[str]):
    words = {f"p-{one}": f"words {one}" for one in bare}
    for whole, short in shorten_ids(words).items():
        assert find_id(short, words) == find_id(whole, words) == whole
        assert len(short) >= 4
        if len(short) > 4:
            with pytest.raises(InputError, match=r"could be .*Write more"):
                find_id(short[:-1], words)


# --- a person's word ---


def test_broken_only_after_a_person_said_so_and_it_counts_for_more(book: troth.Book):
    row = named(book, "contract")
    assert row["state"] == "suspected"
    before = reading_of(book, "contract")
    shown = book.scores(of="acme").to_pylist()
    decided = book.decide_promise(row["id"], note="Bo told me on the phone", by="anna", day=DAY)
    assert (decided["state"], decided["decided_by"]) == ("broken", "person")
    after = reading_of(book, "contract")
    assert before["beta"] < after["beta"] == 1.0  # no share of it is misread any more
    assert (before["lo"], before["hi"], before["at"]) == (after["lo"], after["hi"], after["at"])
    assert [one["low"] for one in book.scores(of="acme").to_pylist()] != [one["low"] for one in shown]
    kept = book.decisions().to_pylist()
    assert [(one["state"], one["by"], one["note"], one["machine_state"]) for one in kept] == [
        ("broken", "anna", "Bo told me on the phone", "suspected")
    ]
    assert "contract" in kept[0]["text"]


@pytest.mark.parametrize(("state", "is_read"), [("kept", True), ("late", True), ("withdrawn", False)])
def test_each_word_gives_the_reading_that_it_should(book: troth.Book, state: str, is_read: bool):
    missed = outcomes(book)["contract"]
    book.decide_promise(named(book, "contract")["id"], state, day=DAY)
    assert ("contract" in outcomes(book)) is is_read
    if is_read:
        assert outcomes(book)["contract"] > missed


def test_a_contested_promise_counts_nowhere_until_decided(book: troth.Book):
    row = named(book, "contract")
    assert "contract" in outcomes(book)
    book.decide_promise(row["id"], "contested", day=DAY)
    assert "contract" not in outcomes(book)
    assert "contract@mail" not in {one["turn_id"] for one in book.review(DAY).promises}
    assert named(book, "contract", "2026-03-10")["state"] == "contested"  # it never was one
    with pytest.raises(InputError, match="Say --kept"):
        book.decide_promise(row["id"], day=DAY)
    book.decide_promise(row["id"], "kept", day=DAY)
    assert outcomes(book)["contract"] == float("inf")


def test_the_review_shows_what_a_person_decided(book: troth.Book):
    book.decide_promise(named(book, "contract")["id"], "broken", day=DAY)
    states = {one["turn_id"]: one["state"] for one in book.review(DAY).promises}
    assert states["contract@mail"] == "broken"
    assert states["order@mail"] == "open"  # theirs stand in it too


def test_before_a_decided_state_came_about_the_promise_is_open(book: troth.Book):
    book.decide_promise(named(book, "contract")["id"], "broken", day=DAY)
    assert named(book, "contract", "2026-03-05")["state"] == "open"
    assert named(book, "contract", DAY)["state"] == "broken"


def test_a_decision_stays_through_reading_and_settling_anew(book: troth.Book):
    row = named(book, "contract")
    book.decide_promise(row["id"], "kept", day=DAY)
    book.add(TURNS_OF_MARCH)
    book.add([turn("chase", BO, US, at(23), "We are still waiting for the contract.", of="contract")])
    again = named(book, "contract", "2026-03-24")
    assert (again["state"], again["decided_by"], again["is_found"]) == ("kept", "person", True)


def test_undone_is_as_if_never_decided_but_both_are_remembered(book: troth.Book):
    before = book.list_promises(DAY)
    for state in ("broken", "contested", "late"):
        book.decide_promise(named(book, "contract")["id"], state, day=DAY)
    book.undo_promise(named(book, "contract")["id"], day=DAY)
    assert book.list_promises(DAY).equals(before)
    kept = sorted(book.decisions().to_pylist(), key=lambda one: one["at"])
    assert [one["state"] for one in kept] == ["broken", "contested", "late", "undone"]
    assert {one["machine_state"] for one in kept} == {"suspected"}
    with pytest.raises(InputError, match="nothing to undo"):
        book.undo_promise(named(book, "contract")["id"], day=DAY)


def test_a_decision_follows_its_sentence_and_outlives_it():
    """Another reading may cut the sentence differently, or not take it for a promise any more."""
    decided = pa.Table.from_pylist(
        [promise(1, state="kept", state_at=at(9), decided_by="person", turn_id="t", start=5, end=40)], schema=PROMISES
    )
    for start, end, is_same in ((0, 40, True), (30, 60, True), (40, 60, False)):
        found = pa.Table.from_pylist([promise(2, turn_id="t", start=start, end=end)], schema=PROMISES)
        rows = lay_decisions(found, decided, now=at(20)).to_pylist()
        assert [row["state"] for row in rows] == (["kept"] if is_same else ["open", "kept"])
        assert rows[-1]["promise_id"] == decided["promise_id"][0].as_py()
    assert lay_decisions(PROMISES.empty_table(), decided, now=at(20)).to_pylist() == decided.to_pylist()


def test_a_decided_promise_whose_words_are_gone_is_kept_and_named(path: Path, run: Run):
    with troth.open(path, settings=SETTINGS) as book:
        row = named(book, "contract")
        book.decide_promise(row["id"], "broken", day=DAY)
        book.add([turn("contract", US, BO, at(2), "Thanks for the talk.")])
        again = named(book, "contract")
        assert (again["state"], again["is_found"]) == ("broken", False)
    code, out, err = run("promises", "--book", path, "--state", "broken", "--day", DAY)
    assert code == 0
    assert "no longer" in err
    assert "contract by Friday" in " ".join(out.split())


# --- history ---


def test_a_state_is_noted_when_it_changes_between_evenings_and_never_else(book: troth.Book):
    for day in ("2026-03-13", "2026-03-13", "2026-03-20", "2026-03-14", "2026-03-20"):
        book.review(day)
    contract = [one for one in book.promise_history().to_pylist() if one["turn_id"] == "contract@mail"]
    contract.sort(key=lambda one: one["noted_at"])
    assert [one["state"] for one in contract] == ["open", "suspected"]
    rows = book.promise_history().num_rows
    book.add(TURNS_OF_MARCH)
    book.list_promises(DAY)
    assert book.promise_history().num_rows == rows
    events = [event.state for event in book.explain_promise(contract[0]["promise_id"], day=DAY).events]
    assert events == [None, None, "suspected"]  # said, due, and what came of it


def test_an_evening_that_has_not_been_is_not_noted(book: troth.Book):
    book.list_promises("2199-01-01")
    assert book.promise_history().num_rows == 0


states = st.sampled_from(["open", "kept", "late", "suspected", "unknown"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), states, st.integers(-3, 3)), max_size=12))
def test_the_history_tells_each_change_once_whatever_the_clock_does(evenings: list[tuple[int, str, int]]):
    """By another road: walk the evenings, skip those before the last noted, keep what differs from the last kept."""
    history = PROMISE_HISTORY.empty_table()
    expected: list[tuple[dt.datetime, str]] = []
    for day, state, drift in evenings:
        as_of = at(10 + day)
        table = pa.Table.from_pylist([promise(1, state=state)], schema=PROMISES)
        noted = at(20) + dt.timedelta(seconds=drift)
        history = pa.concat_tables([history, note_changes(table, history, as_of=as_of, noted_at=noted)])
        if not expected or (as_of >= expected[-1][0] and state != expected[-1][1]):
            expected.append((as_of, state))
    rows = sorted(history.to_pylist(), key=lambda row: row["noted_at"])
    assert [(row["as_of"], row["state"]) for row in rows] == expected
    assert len({row["noted_at"] for row in rows}) == len(rows)


# --- erasing ---


def everything(store: Store) -> str:
    names = ("turns", "sentences", "findings", "evidence", "promises", "decisions", "promise_history", "questions")
    return json.dumps({name: store.table(name).to_pylist() for name in names}, default=str)


def test_dropping_a_turn_drops_what_rested_on_it(path: Path):
    with troth.open(path, settings=SETTINGS) as book:
        book.decide_promise(named(book, "contract")["id"], "broken", note="by phone", day=DAY)
        gone = book.drop_turns(["contract@mail", "never@mail"])
        assert gone == {"turns": 1, "sentences": 3, "findings": gone["findings"], "promises": 1, "decisions": 1,
                        "promise_history": 2}  # fmt: skip
        assert "contract@mail" not in {row["turn_id"] for row in book.list_promises(DAY).to_pylist()}
        assert "contract" not in outcomes(book)
    with open_store(path) as store:
        assert "contract" not in everything(store)


def test_dropping_the_evidence_reopens_what_it_had_shown(path: Path):
    with troth.open(path, settings=SETTINGS) as book:
        assert named(book, "invoice")["state"] == "kept"
        book.decide_promise(named(book, "manual")["id"], day=DAY)
        book.drop_turns(["invoiced@mail", "manualled@mail"])
        assert named(book, "invoice")["state"] == "suspected"
        assert named(book, "manual")["state"] == "late"  # a person said so
    with open_store(path) as store:
        left = everything(store)
        assert "attached" not in left
        assert "manualled@mail" not in left


# --- the command line ---

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command line in this process: exit code, answer, talk."""
    settings = tmp_path / "troth.toml"
    settings.write_text(f'us = ["{US}"]\nzone = "Europe/Berlin"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "130")

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["troth", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return call


def rows_of(run: Run, *arguments: str | Path) -> list[dict[str, Any]]:
    code, out, err = run("promises", *arguments, "--format", "jsonl")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_the_morning_in_three_shapes(path: Path, run: Run):
    code, out, _ = run("promises", "--book", path)
    assert code == 0
    assert "Promises on Friday 20 March 2026" in out
    headings = [out.index(SECTIONS[name]) for name in ("overdue", "suspected", "today", "tomorrow", "week", "theirs")]
    assert headings == sorted(headings)
    assert "→ “The manual is attached.”" in out
    rows = rows_of(run, "--book", path)
    assert "settled" not in {row["section"] for row in rows}
    assert {"promise_id", "due_latest", "state", "side", "id", "section", "person"} <= set(rows[0])
    listed = list(csv.DictReader(io.StringIO(run("promises", "--book", path, "--format", "csv")[1])))
    assert [row["id"] for row in listed] == [row["id"] for row in rows]
    assert set(listed[0]) == set(LISTED.names)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--due", "overdue"], {"prices", "contract"}),
        (["--due", "today"], {"drawings", "order"}),
        (["--due", "week", "--side", "us"], {"drawings", "photos", "report", "samples"}),
        (["--relationship", "acme"], {"prices", "contract", "manual"}),
        (["--state", "kept"], {"invoice"}),
        (["--state", "kept", "--state", "late", "--relationship", "acme"], {"invoice", "manual"}),
        (["--side", "them", "--state", "open"], {"order"}),
        (["--day", "2026-03-19", "--due", "today"], {"prices"}),  # an evening before the last noted notes nothing
    ],
)
def test_the_list_can_be_narrowed(noted: tuple[Path, str], run: Run, options: list[str], expected: set[str]):
    rows = rows_of(run, "--book", noted[0], *options)
    assert {row["turn_id"].removesuffix("@mail") for row in rows} == expected


def test_confirm_contest_withdraw_undo_and_why(path: Path, run: Run):
    short = {row["turn_id"]: row["id"] for row in rows_of(run, "--book", path)}
    contract, prices = short["contract@mail"], short["prices@mail"]
    for arguments, state in (
        (("confirm", contract, "--note", "Bo\x1b[2J rang", "--by", "anna"), "broken"),
        (("confirm", prices, "--late"), "late"),
        (("withdraw", prices), "withdrawn"),
        (("contest", prices), "contested"),
    ):
        code, out, err = run("promises", *arguments, "--book", path)
        assert (code, out) == (0, ""), err
        assert f"is {state}" in err
    assert {row["turn_id"] for row in rows_of(run, "--book", path, "--state", "broken")} == {"contract@mail"}
    code, told, _ = run("promises", "why", contract, "--book", path)
    assert code == 0
    for words in ("Thanks for the talk.", "contract by Friday", "Regards.", "by Friday 6 March", "Fri 6 Mar",
                  "anna said that it was broken: “Bo[2J rang”", "suspected, as the machine reads it"):  # fmt: skip
        assert words in told
    assert "\x1b" not in told
    code, told, _ = run("promises", "why", prices, "--book", path, "--format", "jsonl")
    kinds = [json.loads(line)["kind"] for line in told.splitlines()]
    assert kinds == ["promise", "said", "due", "decision", "decision", "decision"]
    assert "is open" in run("promises", "undo", prices, "--book", path)[2]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["confirm", "zzzz"], "there is no promise 'zzzz'"),
        (["why", ""], "there is no promise ''"),
        (["withdraw", "p-"], "there is no promise 'p-'"),
        (["contest", "\x1b[2Jx"], "there is no promise '[2Jx'"),
        (["confirm", "OPEN"], "nothing to say yes to"),
        (["confirm", "OPEN", "--kept", "--broken"], "both kept and broken"),
        (["confirm", "OPEN", "--kept", "--note", "x" * 3000], "the note has 3000 characters"),
        (["undo", "OPEN"], "nothing to undo"),
        (["confirm", "OPEN", "--kept", "--day", "soon"], "not a date"),
        (["--due", "never"], "--due cannot be 'never'"),
        (["--state", "lost"], "there is no state"),
        (["--side", "both"], "there is no side"),
        (["--relationship", "nobody"], "there is no relationship"),
        (["--ics", "nowhere/x.ics"], "cannot be written"),
        (["--ics", "x.ics", "--due", "week"], "leave out --ics"),
        (["--side", "us", "undo", "OPEN"], "options stand behind the name"),
    ],
)
def test_what_cannot_be_is_one_line_and_the_book_stays(
    noted: tuple[Path, str], run: Run, arguments: list[str], complaint: str, tmp_path: Path
):
    path, open_id = noted
    before = path.read_bytes()
    code, out, err = run("promises", *(open_id if one == "OPEN" else one for one in arguments), "--book", path)
    assert (code, out) == (2, "")
    assert complaint in err
    assert len(err.strip().splitlines()) == 1
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.ics"))


def test_an_id_that_could_be_several_names_them(path: Path, run: Run):
    ids = [row["id"] for row in rows_of(run, "--book", path, "--state", "open", "--state", "suspected")]
    first = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    code, _, err = run("promises", "confirm", first, "--kept", "--book", path)
    assert code == 2
    assert all(f"{one} (“" in err for one in ids if one.startswith(first))


def test_a_second_process_is_told_who_has_the_book(path: Path, tmp_path: Path):
    with troth.open(path, settings=SETTINGS) as book:
        short = named(book, "photos")["id"]
        done = subprocess.run(
            [sys.executable, "-m", "troth.cli", "promises", "confirm", short, "--kept", "--book", str(path)],
            capture_output=True, text=True, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "is in use by" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        with pytest.raises(BookBusy):
            troth.open(path, settings=SETTINGS)
        assert not book.decisions().num_rows


@pytest.mark.usefixtures("sample_at_hand")
def test_the_sample_has_a_morning_and_a_calendar(tmp_path: Path, run: Run):
    code, out, err = run("promises", "--sample", "--format", "jsonl", "--ics", "promises.ics")
    assert code == 0, err
    assert {json.loads(line)["section"] for line in out.splitlines()} > {"overdue", "theirs"}
    assert (tmp_path / "promises.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")


DATES = {
    "I'll send you the audit report by Friday.": "Thu, 01 Jan 1970 00:00:00 +0000",
    "I'll send you the price list by Friday.": "Fri, 01 May 2099 00:00:00 +0000",
    "I'll send you the drawings by Friday.": None,
    "I'll send you the sample by Friday.": "Wed, 04 Mar 2026 09:00:00 +9900",
    "I'll call the plumber tomorrow.": "not a date",
}


def test_mails_whose_date_cannot_be_true_are_told_of_and_never_overdue(tmp_path: Path) -> None:
    """From the mailbox to the morning's list; one thread answers itself, and reading it again changes nothing."""
    box = mailbox.mbox(tmp_path / "mail.mbox")
    for number, (text, date) in enumerate([*DATES.items(), ("Good morning.", "Mon, 16 Mar 2026 09:00:00 +0100")]):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "anna@firm.com", "bob@acme.com", "Pump"
        mail["Message-ID"] = mail["In-Reply-To"] = f"<m{number}@firm.com>"
        if date is not None:
            mail["Date"] = date
        mail.set_content(text)
        box.add(mail)
    box.close()
    with troth.open(settings=Settings(us=("anna@firm.com",), zone="Europe/Berlin")) as book:
        notes = book.read(tmp_path / "mail.mbox").notes
        assert sum(notes.values()) == len(DATES), notes
        listed = book.list_promises("2026-06-01").to_pylist()
        assert {row["text"] for row in listed} == DATES.keys()
        assert {(row["state"], row["due_latest"]) for row in listed} == {("open", None)}
        history = book.promise_history()
        book.read(tmp_path / "mail.mbox")
        assert book.list_promises("2026-06-01").to_pylist() == listed
        assert book.promise_history().equals(history)
