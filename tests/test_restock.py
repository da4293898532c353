"""What is mended after a decision or an answer is what the whole would be, row by row."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from test_adding import tell

import troth
from troth.book import Store, open_store
from troth.contesting import Word, contest
from troth.deciding import decide, undo
from troth.desk import Desk
from troth.encoder import encoder_id
from troth.errors import InputError
from troth.mending import find_touched
from troth.pipeline import Standing, split_readings
from troth.promises.decided import DECIDABLE
from troth.schema import ANSWERS, READINGS, conform
from troth.surveys.sets import NAMES, load_set
from troth.web.view import make_view

CLOCK = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)


@pytest.fixture(name="store")
def _store(sample_book: troth.Book) -> Iterator[Store]:
    """A store of our own with all that the sample holds, signals too."""
    with open_store(":memory:") as store:
        for name in ("turns", "sentences", "findings", "contacts", "answers", "outcomes"):
            store.upsert(name, sample_book.store.table(name))
        store.set_setting("encoder", encoder_id())
        yield store


@pytest.fixture(name="desk")
def _desk(store: Store, sample_book: troth.Book) -> Desk:
    return Desk(store, sample_book.settings)


def whole(desk: Desk, moment: dt.datetime) -> Standing:
    """How it stands with nothing taken over."""
    other = desk.twin()
    other.forget_standings()
    return other.stock(moment)


def same(mended: Standing, other: Standing) -> bool:
    """Whether both are the same in every row."""
    return all(
        getattr(mended, name).equals(getattr(other, name)) for name in ("promises", "questions", "readings")
    ) and mended.all_readings.equals(other.all_readings)


def decide_one(desk: Desk, stock: Standing, dice: random.Random) -> str | None:
    """A word on some promise, or one taken back; its turn."""
    row = dice.choice(stock.promises.to_pylist())
    try:
        if row["decided_by"] == "person" and dice.random() < 0.6:
            return undo(desk.store, stock, row["promise_id"], by="a", note=None, clock=CLOCK)["turn_id"]
        state = dice.choice([*DECIDABLE, None])
        decide(desk.store, stock, row["promise_id"], state, by="a", note=None, clock=CLOCK, evening=desk.last_evening())
    except InputError:
        return None
    return row["turn_id"]


def answer_some(desk: Desk, dice: random.Random) -> None:
    """One sitting more, somewhere within the time of the book."""
    asked = load_set(dice.choice(NAMES))
    homes = sorted(set(desk.placed()["relationship"].drop_null().to_pylist()))
    sitting, home = f"s{dice.random()}", dice.choice(homes)
    at = desk.last_evening() - dt.timedelta(days=dice.randrange(1, 40), hours=1)
    rows = [
        {
            "answer_id": f"{sitting}/{item.id}", "relationship": home, "person": None, "item": item.id,
            "facet": item.facet, "value": dice.choice(asked.scale.points), "lowest": asked.scale.lowest,
            "highest": asked.scale.highest, "answered_at": at,
        }
        for item in asked.items
    ]  # fmt: skip
    desk.store.upsert("answers", pa.Table.from_pylist(rows, schema=ANSWERS))


@pytest.mark.parametrize("seed", range(3))
def test_mended_is_whole(desk: Desk, seed: int):
    dice = random.Random(seed)
    last = desk.last_evening()
    moments = [last, last - dt.timedelta(days=9)]
    before = {moment: desk.stock(moment) for moment in moments}
    for _ in range(8):
        stock = desk.stock(dice.choice(moments))
        if dice.random() < 0.75:
            turn_id = decide_one(desk, stock, dice)
            if turn_id is not None:
                desk.redecide([turn_id])
        else:
            answer_some(desk, dice)
            desk.reanswer()
    assert desk.last_evening() == last
    for moment in moments:
        mended, other = desk.stock(moment), whole(desk, moment)
        assert mended.origin is before[moment].origin  # it was mended, not made anew
        assert same(mended, other)
        assert not mended.promises.equals(before[moment].promises)


def test_what_is_named_as_touched_is_all_that_differs(desk: Desk):
    dice = random.Random(11)
    before = desk.stock()
    for _ in range(6):
        turn_id = decide_one(desk, desk.stock(), dice)
        if turn_id is not None:
            desk.redecide([turn_id])
    after = desk.stock()
    touched = find_touched(before, after)
    assert touched
    assert differing(before, after) <= touched
    homes = set(before.readings["relationship"].to_pylist())
    assert touched < homes  # and not simply everybody


def differing(before: Standing, after: Standing) -> set[str]:
    """The relationships with other promises or readings."""

    def by_home(table: pa.Table) -> dict[str, list[str]]:
        homes: dict[str, list[str]] = {}
        for row in table.to_pylist():
            homes.setdefault(row["relationship"], []).append(repr(row))
        return homes

    found: set[str] = set()
    choose: list[Callable[[Standing], pa.Table]] = [lambda one: one.promises, lambda one: one.readings]
    for table in choose:
        one, other = by_home(table(before)), by_home(table(after))
        found |= {home for home in {**one, **other} if sorted(one.get(home, [])) != sorted(other.get(home, []))}
    return found


def test_objections_stay_out_of_what_is_mended(desk: Desk):
    dice = random.Random(5)
    known, readings = desk.understand(), desk.stock().all_readings
    row = next(row for row in readings.to_pylist() if row["signal"] == "turn" and row["turn_id"])
    word = Word(by="a", at=CLOCK, note=None)
    contest(desk.store, known, readings, row["turn_id"], row["facet"], start=row["start"], word=word)
    first = desk.stock()
    desk.leave_out()
    contested = desk.stock()
    assert find_touched(first, contested) is None  # somewhere: nothing of it may be taken over
    turn_id = next(turn for _ in range(20) if (turn := decide_one(desk, contested, dice)) is not None)
    desk.redecide([turn_id])
    assert desk.stock().whole is not None
    assert same(desk.stock(), whole(desk, contested.now))


def test_an_answer_after_the_last_evening_makes_another_evening(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("troth.desk.clock", lambda: CLOCK + dt.timedelta(days=9))
    before = desk.stock()
    row = {
        "answer_id": "late/1", "relationship": before.readings["relationship"][0].as_py(), "person": None,
        "item": load_set(NAMES[0]).items[0].id, "facet": load_set(NAMES[0]).items[0].facet, "value": 2, "lowest": 1,
        "highest": 7, "answered_at": before.now + dt.timedelta(days=3),
    }  # fmt: skip
    desk.store.upsert("answers", pa.Table.from_pylist([row], schema=ANSWERS))
    desk.reanswer()
    after = desk.stock()
    assert after.now > before.now
    assert find_touched(before, after) is None
    assert same(desk.stock(before.now), whole(desk, before.now))


def test_readings_are_told_apart_wherever_they_stand():
    rows = [
        {
            "relationship": "a", "facet": "FT", "at": CLOCK, "signal": signal, "lo": 0.0, "hi": 1.0, "v": 1.0,
            "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False, "turn_id": None, "start": None, "end": None,
        }
        for signal in ("turn", "promise_outcome", "answer_time", "survey_answer")
    ]  # fmt: skip
    table = conform(rows, READINGS)
    for chosen in ([0, 2, 1, 3], [0, 1, 2, 3], [1, 3], [0, 2], []):
        of_turns, told = split_readings(table.take(pa.array(chosen, pa.int64())))
        assert of_turns["signal"].to_pylist() == [rows[place]["signal"] for place in chosen if place in {0, 2}]
        assert told["signal"].to_pylist() == [rows[place]["signal"] for place in chosen if place in {1, 3}]


def test_a_view_is_taken_over_but_for_what_changed(store: Store, sample_book: troth.Book):
    dice, settings = random.Random(3), sample_book.settings
    book = troth.Book(store, settings)
    view = make_view(book, settings)
    for _ in range(3):
        for _ in range(2):
            row = dice.choice(view.listed.to_pylist())
            if row["decided_by"] == "person":
                book.undo_promise(row["promise_id"])
            else:
                book.decide_promise(row["promise_id"], dice.choice(DECIDABLE))
        view = make_view(book, settings, last=view)
    assert view.standing.mended
    other = make_view(troth.Book(store, settings), settings)
    assert view.turns_of.rows("x").num_rows == 0
    for name in ("listed", "decisions", "history", "answers", "outcomes"):
        assert getattr(view, name).equals(getattr(other, name)), name
    assert tell(view.close) == tell(other.close)
    assert tell(view.rows) == tell(other.rows)
    assert same(view.standing, other.standing)
    homes = [*view.by_name, "nobody"]
    for index in ("turns_of", "readings_of", "promises_of", "questions_of", "answers_of", "talks_of"):
        one, two = getattr(view, index), getattr(other, index)
        assert all(one.rows(home).equals(two.rows(home)) for home in homes), index
        assert sorted(one.keys()) == sorted(two.keys())
        assert [home in one for home in homes] == [home in two for home in homes]
    assert view.turn is make_view(book, settings, last=view).turn
