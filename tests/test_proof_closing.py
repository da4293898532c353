"""Days closed one by one, in other processes, killed midway or by a review: the same chain as all at once."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import pickle
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import troth
from troth import proving
from troth.asof import Sources, recall
from troth.book import open_store
from troth.encoder import encoder_id
from troth.pipeline import find_open_hours, take_stock
from troth.promises import Calendar, settle_promises
from troth.proving import Constants, How, Proof, close_days, prove, write_wealth
from troth.readings import load_reference
from troth.sample import SAMPLE_ZONE
from troth.schema import ANSWERS, DECISIONS, OUTCOMES, PROMISES
from troth.settings import Settings
from troth.trust import DEFAULT_MODEL, Model
from troth.trust.rivals import LEARNED, Memory

AFTER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
UNTIL = dt.datetime(2026, 6, 14, tzinfo=dt.UTC)
AS_IT_IS = Constants(model=DEFAULT_MODEL, since=None)
HOW = How(zone=SAMPLE_ZONE, encoder="test", clock=lambda: AFTER)
ME = Settings(us=("anna@firm.example",), zone="UTC")
_KILLS = 4


def until(sources: Sources, last: dt.datetime) -> Sources:
    """The same firm before it wrote what came later."""
    known = sources.known
    turns = known.turns.filter(pc.less_equal(known.turns["sent_at"], pa.scalar(last, known.turns["sent_at"].type)))
    return replace(sources, known=replace(known, turns=turns))


def sources_of(book: troth.Book, zone: str) -> Sources:
    known, calendar = book.understand(), Calendar(zone=zone)
    return Sources(
        known=known,
        answers=ANSWERS.empty_table(),
        decided=PROMISES.empty_table(),
        decisions=DECISIONS.empty_table(),
        reference=load_reference(encoder_id()),
        calendar=calendar,
        hours=find_open_hours(known.turns, calendar, AFTER),
    )


@pytest.fixture(scope="module")
def sources(sample_book: troth.Book) -> Sources:
    """The sample's first four weeks."""
    return until(sources_of(sample_book, SAMPLE_ZONE), UNTIL)


@pytest.fixture(scope="module")
def whole(sources: Sources) -> Proof:
    """All of its days closed at once."""
    return prove(open_store(None), sources, constants=AS_IT_IS, segments={}, how=HOW)


def test_promises_settled_a_few_relationships_at_a_time_are_the_same(sources: Sources, monkeypatch: pytest.MonkeyPatch):
    at_once = recall(sources, last=AFTER)
    monkeypatch.setattr("troth.promises.evenings._PART", 5)
    again = recall(sources, last=AFTER)
    assert again.promises.equals(at_once.promises)
    assert again.versions.readings.equals(at_once.versions.readings)
    assert (again.versions.first == at_once.versions.first).all()
    assert (again.versions.last == at_once.versions.last).all()
    assert len(pc.unique(at_once.promises["relationship"])) == 3


@pytest.mark.parametrize(("is_reviewed", "model"), [(True, Model(fast_share=0.1)), (False, DEFAULT_MODEL)])
def test_days_closed_one_by_one_are_those_closed_at_once(
    sources: Sources, whole: Proof, is_reviewed: bool, model: Model
):
    """Each morning from the turns there are by then; with the books of a review at hand, and without."""
    evenings = whole.closings["evening"].to_pylist()
    learned = Constants(model=model, since=evenings[-3])  # the last three days stand on other constants
    wanted = prove(open_store(None), sources, constants=learned, segments={}, how=HOW)
    assert model is not DEFAULT_MODEL or wanted.closings.equals(whole.closings)
    store, closed = open_store(None), len(evenings) - 6
    store.upsert("closings", wanted.closings.slice(0, closed))
    days = wanted.closings["day"].slice(0, closed)
    store.upsert("forecasts", wanted.forecasts.filter(pc.is_in(wanted.forecasts["day"], days.combine_chunks())))
    for evening in evenings[closed:]:
        then, now = until(sources, evening), evening + dt.timedelta(hours=2)
        if is_reviewed:
            stock = take_stock(then.known, reference=then.reference, calendar=then.calendar, now=now)
            then = replace(then, standing=stock)
        assert close_days(store, then, since="", last=now, constants=learned, segments={}, how=HOW) == 1
    assert store.table("closings").sort_by("day").equals(wanted.closings)
    assert store.table("forecasts").sort_by([("day", "ascending"), ("number", "ascending")]).equals(wanted.forecasts)
    assert close_days(store, sources, since="", last=AFTER, constants=learned, segments={}, how=HOW) == 0


def test_what_rivals_learned_is_read_back_from_the_kept_forecasts(whole: Proof):
    memory, again = Memory(), Memory.of(whole.forecasts.select(list(LEARNED)))
    kinds: dict[str, int] = {}
    for row in whole.forecasts.sort_by(
        [("day", "ascending"), ("at", "ascending"), ("number", "ascending")]
    ).to_pylist():
        kinds[row["kind"]] = len(row["model"])
        memory.learn(row["kind"], row["relationship"], row["previous"], row["outcome"], len(row["model"]))
    homes = set(whole.forecasts["relationship"].to_pylist())
    for kind, count in kinds.items():
        assert {home: memory.previous(kind, home) for home in homes} == {
            home: again.previous(kind, home) for home in homes
        }
        for previous in (None, *range(count)):
            even = pa.array([1 / count] * count).to_numpy()
            for stated, wanted in zip(
                again.foretell(kind, previous, even).values(),
                memory.foretell(kind, previous, even).values(),
                strict=True,
            ):
                assert stated.tolist() == wanted.tolist()


def test_a_chain_may_begin_late_and_days_before_it_are_not_missing(sources: Sources, whole: Proof):
    names = whole.closings["day"].to_pylist()
    store = open_store(None)
    closed = close_days(store, sources, since=names[-4], last=AFTER, constants=AS_IT_IS, segments={}, how=HOW)
    assert closed == 3
    later = prove(store, sources, constants=AS_IT_IS, segments={}, how=HOW)
    assert later.closings["day"].to_pylist() == names[-3:]
    assert later.closings["previous"][0].as_py() == ""
    for name in ("news", "levels", "readings", "came", "went", "relationships"):
        assert later.closings[name].to_pylist() == whole.closings[name].to_pylist()[-3:], name
    assert not later.broken
    assert not later.changes


def close_in_child(path: str, book: str) -> None:
    """Close day by day, each in a transaction of its own."""
    proving._BATCH_FORECASTS = 1  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    with open_store(book) as store, Path(path).open("rb") as file:
        prove(store, pickle.load(file), constants=AS_IT_IS, segments={}, how=How(
            zone=SAMPLE_ZONE, encoder="test", clock=after
        ))  # fmt: skip


def after() -> dt.datetime:
    return AFTER


def test_kills_while_closing_leave_whole_days_and_the_rest_follows(sources: Sources, whole: Proof, tmp_path: Path):
    """Each kill comes at a random moment; another process goes on with the same book until one gets through."""
    given = tmp_path / "sources.pickle"
    given.write_bytes(pickle.dumps(sources))
    chance = random.Random(random.getrandbits(32))  # pytest-randomly seeds the module and prints the seed
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["troth.api", "troth.book.duckdb", "troth.proving"])
    kills, book, needed = 0, tmp_path / "book.duckdb", 1.5
    while kills < _KILLS:
        child = context.Process(target=close_in_child, args=(str(given), str(book)))
        began = time.monotonic()
        child.start()
        child.join(chance.uniform(0.3, 1.0) * needed)
        if child.exitcode is not None:
            assert child.exitcode == 0
            needed = time.monotonic() - began
            book = tmp_path / f"book-{kills}.duckdb"
            continue
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kills += 1
        with open_store(book) as store:
            kept = store.table("closings").sort_by("day")
            assert kept.equals(whole.closings.slice(0, kept.num_rows))
            scored = store.table("forecasts")
            assert scored.num_rows == pc.sum(kept["forecasts"]).as_py() if kept.num_rows else not scored.num_rows
    with open_store(book) as store:
        proof = prove(store, sources, constants=AS_IT_IS, segments={}, how=HOW)
    assert proof.closings.equals(whole.closings)
    assert proof.forecasts.equals(whole.forecasts)
    assert not proof.broken


def write_turns(days: int, text: str = "I think this is right. Could you send me the report by Friday?") -> list[Any]:
    people = ("anna@firm.example", "tom@acme.example")
    return [
        {
            "turn_id": f"t{number}",
            "conversation_id": f"c{number // 4}",
            "speaker": people[number % 2],
            "recipients": [people[1 - number % 2]],
            "sent_at": dt.datetime(2026, 5, 4, 9, tzinfo=dt.UTC) + dt.timedelta(days=number),
            "body": text,
        }
        for number in range(days)
    ]


def test_a_review_begins_four_weeks_back_and_goes_on_from_there(tmp_path: Path):
    turns = write_turns(60)
    with troth.open(tmp_path / "book.duckdb", settings=ME) as book:
        book.add(turns[:50])
        first = book.review()
        book.add(turns[50:])
        second = book.review()
        proof = book.proof()
    days = proof.closings["day"].to_pylist()
    assert second.proof == proof.say(second.day)
    assert write_wealth(proof.rivals[0].log_wealth) in second.proof
    assert "than the base rate" in first.proof
    assert "than the base rate" in second.proof
    assert days[0] == (first.day - dt.timedelta(days=27)).isoformat()
    assert days[-1] >= second.day.isoformat()
    with troth.open(settings=ME) as thrown_away:
        thrown_away.add(turns)
        assert thrown_away.review().proof == ""


def test_a_turn_taken_out_leaves_the_seals_whole_and_the_day_is_named(tmp_path: Path):
    with troth.open(tmp_path / "book.duckdb", settings=ME) as book:
        book.add(write_turns(12))
        before = book.proof()
        book.drop_turns(["t4"])
        proof = book.proof()
        assert proof.closings.equals(before.closings)
        assert proof.forecasts.equals(before.forecasts)
        assert not proof.broken
        assert "2026-05-08" in {change.day for change in proof.changes}
        assert not any(word in str(proof.forecasts.to_pylist()) for word in ("report", "Friday"))
        book.add(write_turns(13)[12:])
        assert not book.proof().broken


def test_a_record_closed_or_lost_later_says_nothing_of_the_evenings_before():
    with troth.open(settings=ME) as book:
        book.add(write_turns(1, text="I will fix the bug in ticket 4711 by Wednesday."))
        sources = sources_of(book, "UTC")
        promises = book.promises()
    assert promises.num_rows == 1
    closed = dt.datetime(2026, 5, 6, 12, tzinfo=dt.UTC)
    home = promises["relationship"][0].as_py()
    row = {
        "outcome_id": "4711", "relationship": home, "kind": "ticket", "state": "won",
        "opened_at": dt.datetime(2026, 5, 1, tzinfo=dt.UTC), "closed_at": closed,
    }  # fmt: skip
    ours = replace(sources, outcomes=pa.Table.from_pylist([row], schema=OUTCOMES))
    history = recall(ours, last=AFTER)
    states = [set(history.versions.alive(day)["signal"].to_pylist()) for day in range(len(history.days))]
    told = [history.days[day].isoformat() for day, found in enumerate(states) if "promise_outcome" in found]
    assert told[0] == closed.date().isoformat()
    assert told == [day.isoformat() for day in history.days if day >= closed.date()]
    for now, wanted in ((closed - dt.timedelta(hours=1), "open"), (closed, "kept")):
        assert settle(sources, promises, [row], now) == wanted
    lost = row | {"kind": "ticket", "state": "lost"}
    overdue = dt.datetime(2026, 6, 6, tzinfo=dt.UTC)
    still_open = settle(sources, promises, [row | {"state": "open", "closed_at": None}], overdue)
    assert settle(sources, promises, [lost | {"closed_at": overdue + dt.timedelta(days=1)}], overdue) == still_open


def settle(sources: Sources, promises: pa.Table, records: list[dict[str, Any]], now: dt.datetime) -> str:
    known = sources.known
    outcomes = pa.Table.from_pylist(records, schema=OUTCOMES)
    settled = settle_promises(
        promises, known.turns, known.sentences, known.findings, now=now, calendar=sources.calendar, outcomes=outcomes
    )
    return settled["state"][0].as_py()
