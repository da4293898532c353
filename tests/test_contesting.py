"""What people contest: the reading is out until somebody decides, and nothing else changes."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import troth
from troth.asof import History, Sources, recall
from troth.book.erase import drop_turns
from troth.cli import app
from troth.contesting import name_objection
from troth.errors import InputError
from troth.pipeline import Standing, leave_out
from troth.readings import latest_objections
from troth.schema import OBJECTIONS
from troth.settings import Settings

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
OURS = (
    "Hi Lena, thank you so much for your patience. I am sorry that the report was late. "
    "You must sign today or the price doubles tomorrow."
)
THEIRS = (
    "Dear Tom, I do not trust these numbers. Can you prove where they come from? I have been waiting for two weeks."
)


def object_to(rows: list[dict[str, object]], state: str = "contested", at: dt.datetime = NOON) -> pa.Table:
    told = [
        {**{name: row[name] for name in ("turn_id", "facet", "signal", "start", "end")}, "at": at, "state": state,
         "by": "lena", "objection_id": name_objection(row)}
        for row in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(told, schema=OBJECTIONS)


@pytest.fixture
def book() -> Iterator[troth.Book]:
    with troth.open(settings=Settings(us=("firm.example",), zone="UTC")) as opened:
        texts = [("tom@firm.example", OURS), ("lena@acme.example", THEIRS), ("tom@firm.example", "Here is a source.")]
        opened.add(
            [
                {"turn_id": f"t{n}", "conversation_id": "c", "position": n, "speaker": who, "body": body,
                 "recipients": ["lena@acme.example" if "tom" in who else "tom@firm.example"], "channel": "mail",
                 "sent_at": NOON + dt.timedelta(hours=n)}
                for n, (who, body) in enumerate(texts)
            ]
        )  # fmt: skip
        yield opened


def found(book: troth.Book, signal: str) -> dict[str, object]:
    findings = book.table("findings")
    return findings.filter(pc.equal(findings["signal"], signal)).sort_by([("probability", "descending")]).to_pylist()[0]


@pytest.fixture(scope="module")
def stock(sample_book: troth.Book) -> Standing:
    return sample_book.stock()


def test_with_everything_contested_nothing_is_known(stock: Standing, sample_book: troth.Book) -> None:
    of_turns = stock.readings.filter(pc.is_valid(stock.readings["turn_id"]))
    none = leave_out(stock, object_to(of_turns.to_pylist()))
    assert set(none.readings["signal"].to_pylist()) <= {"survey_answer"}
    scores = troth.pipeline.score_relationships(none.readings, stock.now, model=sample_book.model())
    asked = set(none.readings["relationship"].to_pylist())
    assert set(scores["scope"].to_pylist()) <= asked
    assert none.promises is stock.promises


@given(data=st.data())
@settings(max_examples=20)
def test_a_subset_goes_out_and_comes_back_byte_for_byte(stock: Standing, data: st.DataObject) -> None:
    rows = stock.readings.filter(pc.is_valid(stock.readings["turn_id"])).to_pylist()
    chosen = data.draw(st.lists(st.sampled_from(range(len(rows))), min_size=1, max_size=12, unique=True))
    contested = object_to([rows[n] for n in chosen])
    out = leave_out(stock, contested)
    gone = {(rows[n]["turn_id"], rows[n]["facet"]) for n in chosen if rows[n]["facet"] != "FT"}
    left = {(row["turn_id"], row["facet"]) for row in out.readings.to_pylist()}
    assert not gone & left
    assert out.readings.num_rows <= stock.readings.num_rows - len(gone)
    upheld = pa.concat_tables([contested, object_to([rows[chosen[0]]], "upheld", NOON + dt.timedelta(1))])
    assert leave_out(out, upheld).readings.equals(out.readings)
    for state in ("undone", "rejected"):
        back = pa.concat_tables([upheld, object_to([rows[n] for n in chosen], state, NOON + dt.timedelta(2))])
        assert leave_out(out, back).readings.equals(stock.readings)


def test_earlier_evenings_keep_what_was_contested_later(sample_book: troth.Book, stock: Standing) -> None:
    sources = troth.library.Desk(sample_book.store, sample_book.settings).sources()
    plain = recall(sources, last=stock.now)
    rows = [row for row in stock.readings.to_pylist() if row["turn_id"] and row["signal"] != "answer_time"]
    chosen = [rows[0], rows[len(rows) // 3], rows[len(rows) // 2]]
    middle, late = (moment_of(plain, share) for share in (0.6, 0.8))
    told = pa.concat_tables([object_to(chosen, "contested", middle), object_to(chosen[:2], "rejected", late)])
    cut = recall(replace(sources, objections=told), last=stock.now)
    for day, evening in zip(cut.days, cut.evenings, strict=True):
        before = told.filter(pa.array(told["at"].cast(pa.int64()).to_numpy() <= evening))
        expected = alive_on(plain, day)
        if before.num_rows:
            expected = leave_out(replace(stock, readings=expected, whole=None), before).readings
        assert sorted(map(repr, alive_on(cut, day).to_pylist())) == sorted(map(repr, expected.to_pylist()))
    assert cut.promises.num_rows == int(cut.is_promise.sum())


def test_books_as_of_an_evening_give_the_same_history(sample_book: troth.Book, stock: Standing) -> None:
    told = object_to([row for row in stock.readings.to_pylist() if row["turn_id"]][:40], at=stock.now)
    desk = troth.library.Desk(sample_book.store, sample_book.settings)
    sources: Sources = replace(desk.sources(), objections=told)
    anew = recall(sources, last=stock.now)
    known = recall(replace(sources, standing=leave_out(stock, told)), last=stock.now)
    assert sorted(map(repr, anew.versions.readings.to_pylist())) == sorted(
        map(repr, known.versions.readings.to_pylist())
    )


def moment_of(history: History, share: float) -> dt.datetime:
    us = int(history.evenings[int(len(history.evenings) * share)]) - 3_600_000_000
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)


def alive_on(history: History, day: dt.date) -> pa.Table:
    earlier = [place for place, one in enumerate(history.days) if one <= day]
    return history.versions.alive(int(np.max(earlier)))


def test_a_contested_finding_moves_nothing_until_it_is_decided(book: troth.Book) -> None:
    before = book.scores(lens="triangle")
    pushed = found(book, "pressure")
    row = book.contest_finding(str(pushed["turn_id"]), "pressure", note="a joke between us", by="tom")
    assert (row["state"], row["facet"], row["text"]) == (
        "contested",
        "OR",
        "You must sign today or the price doubles tomorrow.",
    )
    readings = book.readings().to_pylist()
    assert not [one for one in readings if (one["turn_id"], one["facet"]) == (pushed["turn_id"], "OR")]
    assert not book.scores(lens="triangle").equals(before)
    close = book.review("2026-03-02")
    quoted = [point.worst.text for circle in close.circles for point in circle.checkpoints if point.worst]
    assert not [text for text in quoted if "sign today" in text]
    assert book.contest_finding(str(pushed["turn_id"]), "pressure") == row  # twice is once
    assert book.decide_finding(row["objection_id"], "upheld")["state"] == "upheld"
    assert not book.scores(lens="triangle").equals(before)
    book.decide_finding(row["objection_id"][:8], "rejected")
    assert book.scores(lens="triangle").equals(before)
    book.contest_finding(str(pushed["turn_id"]), "pressure")
    book.undo_finding(row["objection_id"])
    assert book.scores(lens="triangle").equals(before)
    states = book.table("objections").sort_by("at")["state"].to_pylist()
    assert states == ["contested", "upheld", "rejected", "contested", "undone"]
    assert latest_objections(book.table("objections"))["note"].to_pylist() == [None]


@pytest.mark.parametrize("of", ["FT", "CL", "RG"])
def test_a_reading_without_a_finding_can_be_contested_too(book: troth.Book, of: str) -> None:
    there = [row for row in book.readings().to_pylist() if row["facet"] == of]
    row = book.contest_finding(there[0]["turn_id"], of)
    left = [one for one in book.readings().to_pylist() if one["facet"] == of]
    assert row["facet"] == of
    assert len(left) == len(there) - 1


def test_the_command_line_contests_by_the_words_of_a_sentence(book: troth.Book, tmp_path: Path) -> None:
    file = tmp_path / "book.duckdb"
    with troth.open(file, settings=book.settings) as kept:
        kept.add(book.turns())
        kept.understand()
    at = ["--book", str(file)]
    run = CliRunner().invoke
    assert run(app, ["contest", *at]).exit_code == 0
    unclear = run(app, ["contest", "add", "acme", "do not trust", *at])
    assert isinstance(unclear.exception, InputError) or unclear.exit_code == 0
    made = run(
        app, ["contest", "add", "acme", "SIGN  today", "--of", "pressure", "--note", "=1+1", *at, "--format", "csv"]
    )
    assert made.exit_code == 0, made.output
    (row,) = list(csv.DictReader(io.StringIO(made.stdout)))
    assert (row["state"], row["facet"], row["note"]) == ("contested", "OR", "'=1+1")
    assert run(app, ["contest", "reject", row["objection_id"][:9], *at]).exit_code == 0
    listed = run(app, ["contest", *at, "--format", "jsonl"]).stdout.splitlines()
    assert [json.loads(line)["state"] for line in listed if row["objection_id"] in line] == ["rejected"]
    for words, of in (("no such words", "pressure"), ("", None), ("sign today", "chases")):
        nothing = run(app, ["contest", "add", "acme", words, *(["--of", of] if of else []), *at])
        assert isinstance(nothing.exception, InputError)


def test_what_cannot_be_contested_is_said_in_one_line(book: troth.Book) -> None:
    for turn_id, of in (("nowhere", "RG"), ("t0", "chases"), ("t0", "claim"), ("t0", "HC"), ("t0", "nonsense")):
        with pytest.raises(InputError):
            book.contest_finding(turn_id, of)
    with pytest.raises(InputError, match="at most"):
        book.contest_finding("t0", "RG", note="x" * 3000)
    with pytest.raises(InputError, match="no objection"):
        book.decide_finding("o-1234", "upheld")
    row = book.contest_finding("t0", "RG")
    with pytest.raises(InputError, match="cannot be"):
        book.decide_finding(row["objection_id"], "kept")
    book.undo_finding(row["objection_id"])
    with pytest.raises(InputError, match="undone already"):
        book.undo_finding(row["objection_id"])


def test_an_erased_turn_takes_its_objections_along(book: troth.Book) -> None:
    book.contest_finding("t0", "RG")
    assert drop_turns(book.store, ["t0"])["objections"] == 1
    assert book.objections().num_rows == 0
