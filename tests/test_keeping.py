"""What was worked out is kept beside a book, and never outlives what it was worked out from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

import troth
from troth import keeping
from troth.book import Store, open_store
from troth.errors import InputError
from troth.keeping import FOUND_IN, STANDS_ON, folder_of, open_shelf
from troth.pipeline import Standing
from troth.schema import PROMISES, QUESTIONS, READINGS, TURNS, conform, empty
from troth.settings import Settings

NOW = dt.datetime(2026, 11, 20, 23, tzinfo=dt.UTC)
MADE = {"settings": "{}"}


def turn(number: int, body: str = "We will send it by Friday.") -> dict[str, object]:
    return {
        "turn_id": f"t{number}", "conversation_id": f"c{number}", "position": number, "speaker": "anna@firm.example",
        "recipients": ["bo@acme.example"], "channel": "mail", "body": body, "automatic": False, "source": "test",
        "sent_at": NOW - dt.timedelta(days=number % 40),
    }  # fmt: skip


def turns(*numbers: int) -> pa.Table:
    return conform([turn(number) for number in numbers], TURNS)


def standing(now: dt.datetime = NOW) -> Standing:
    reading = {
        "relationship": "acme.example", "facet": "RS", "at": now, "signal": "reason", "lo": 0.0, "hi": 1.0, "v": 1.0,
        "slope": 1.0, "alpha": 0.1, "beta": 0.8, "slow_only": False,
    }  # fmt: skip
    readings = conform([reading], READINGS)
    return Standing(now=now, promises=empty(PROMISES), questions=empty(QUESTIONS), readings=readings)


def write_halfway(store: Store) -> None:
    with store.transaction():
        store.upsert("turns", turns(3))
        store.upsert("nothing", turns(3))


def test_a_table_gets_another_revision_only_when_a_row_changed(tmp_path: Path) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        assert store.revisions() == {}
        store.upsert("turns", turns(1))
        first = store.revisions()
        assert set(first) == {"turns"}
        store.upsert("turns", turns(1))
        store.set_setting("us", ["firm.example"])
        assert store.revisions() == first
        store.upsert("turns", turns(2))
        second = store.revisions()["turns"]
        assert second != first["turns"]
        with pytest.raises(InputError):
            write_halfway(store)
        assert store.revisions()["turns"] == second
        store.replace("turns", empty(TURNS), keys_column="turn_id", keys=["t9"])
        assert store.revisions()["turns"] == second
        store.replace("turns", empty(TURNS), keys_column="turn_id", keys=["t2"])
        assert store.revisions()["turns"] not in {first["turns"], second}


def test_what_is_kept_comes_back_and_ends_with_what_it_stands_on(tmp_path: Path) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        store.upsert("turns", turns(1))

        def shelf(made: dict[str, str] = MADE) -> keeping.Shelf:
            return open_shelf(store, turns=1_000_000, made_with=made)

        shelf().keep_standing(standing())
        shelf().keep_found(turns(1))
        kept = shelf().standing(NOW)
        assert kept is not None
        assert kept.readings.equals(standing().readings)
        assert shelf().found() == turns(1)
        assert shelf().standing(NOW - dt.timedelta(days=1)) is None
        assert shelf({"settings": "other"}).standing(NOW) is None
        for table in STANDS_ON:
            assert table in store.revisions() or table != "turns"
        store.upsert("turns", turns(2))
        assert shelf().standing(NOW) is None
        assert shelf().found() is None


def test_found_outlives_an_answer_but_a_standing_does_not() -> None:
    assert set(FOUND_IN) < set(STANDS_ON)
    assert {"answers", "outcomes", "promises"} <= set(STANDS_ON) - set(FOUND_IN)


def test_a_torn_file_is_worked_out_anew(tmp_path: Path) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        shelf = open_shelf(store, turns=1_000_000, made_with=MADE)
        shelf.keep_standing(standing())
        assert shelf.folder is not None
        for path in shelf.folder.iterdir():
            assert path.stat().st_mode & 0o077 == 0
            path.write_bytes(path.read_bytes()[:-40])
        assert shelf.standing(NOW) is None


def test_the_latest_evenings_stay(tmp_path: Path) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        shelf = open_shelf(store, turns=1_000_000, made_with=MADE)
        for days in range(6):
            shelf.keep_standing(standing(NOW + dt.timedelta(days=days)))
        assert shelf.folder is not None
        assert len(list(shelf.folder.glob("readings-*.arrow"))) == 3
        assert shelf.standing(NOW + dt.timedelta(days=5)) is not None


def test_a_small_book_and_one_in_memory_keep_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        open_shelf(store, turns=10, made_with=MADE).keep_standing(standing())
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert folder_of(":memory:") is None


def test_a_large_book_opens_with_what_was_worked_out_and_forgets_it_with_the_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_LARGE", 1)
    path, settings = tmp_path / "book.duckdb", Settings(us=("firm.example",))
    folder = folder_of(str(path))
    assert folder is not None
    with troth.open(path, settings=settings) as book:
        book.add([turn(number) for number in range(20)])
        first = book.stock()
    assert len(list(folder.glob("*.arrow"))) == 5  # what was found, by rules too, and one evening's three tables
    with troth.open(path, settings=settings) as book:
        again = book.stock()
        assert again.now == first.now
        for table in ("promises", "questions", "readings"):
            assert getattr(again, table).equals(getattr(first, table))
        assert folder.is_dir()
        book.drop_turns(["t0"])
        assert not folder.exists()
        assert book.stock().promises.num_rows == first.promises.num_rows - 1


def test_turns_that_came_while_others_were_worked_on_are_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_LARGE", 1)
    settings = Settings(us=("firm.example",))
    with open_store(tmp_path / "book.duckdb") as store:
        slow = troth.Book(store, settings)
        store.upsert("turns", turns(1))
        slow.understand()
        store.upsert("turns", turns(2))  # by another program, or another request
        troth.Book(store, settings).understand()
        assert slow.stock().promises["turn_id"].to_pylist() == ["t1"]
        fresh = troth.Book(store, settings)
        assert sorted(fresh.stock().promises["turn_id"].to_pylist()) == ["t1", "t2"]


def test_who_we_are_said_in_the_book_is_no_earlier_standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_LARGE", 1)
    with open_store(tmp_path / "book.duckdb") as store:
        store.upsert("turns", turns(1))
        sides: list[list[str]] = []
        for us in ("firm.example", "acme.example"):
            store.set_setting("us", [us])
            sides.append(troth.Book(store, Settings()).stock().promises["side"].to_pylist())
        assert sides == [["us"], ["them"]]


def test_what_was_kept_of_an_earlier_content_goes(tmp_path: Path) -> None:
    with open_store(tmp_path / "book.duckdb") as store:
        open_shelf(store, turns=1_000_000, made_with=MADE).keep_standing(standing())
        store.upsert("turns", turns(1))
        shelf = open_shelf(store, turns=1_000_000, made_with=MADE)
        shelf.keep_standing(standing(NOW + dt.timedelta(days=1)))
        assert shelf.folder is not None
        assert {path.stem.partition("-")[2] for path in shelf.folder.iterdir()} == {"20261121T230000"}
        open_shelf(store, turns=10, made_with=MADE)
        assert not shelf.folder.exists()
