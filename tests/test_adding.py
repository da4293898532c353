"""Turns that come into a book at hand: what is known then is what a new book over the same store would know."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import serve_copy

import troth
import troth.carrying
import troth.mending
from troth.book import Store, open_store
from troth.desk import Desk
from troth.encoder import encoder_id
from troth.intake import take_batch, take_turns, thread_anew
from troth.schema import TURNS, conform
from troth.settings import Settings
from troth.sources import assign_threads
from troth.sources.threads import CONCERNED, find_concerned
from troth.web.index import Index
from troth.web.view import View, make_view

TABLES = ("listed", "decisions", "history", "relationships", "answers", "outcomes")
STARTED = 110  # turns of the sample from before its last day that a book begins with


def put(store: Store, sample: troth.Book, rows: Iterable[int]) -> list[str]:
    """Write some turns of the sample, with the signals in them, as if they had been found here; their ids."""
    turns = sample.store.table("turns").take(pa.array(list(rows), pa.int64()))
    ids = turns["turn_id"].combine_chunks()
    store.upsert("turns", turns)
    for name in ("sentences", "findings"):
        table = sample.store.table(name)
        store.upsert(name, table.filter(pc.is_in(table["turn_id"], ids)))
    return ids.to_pylist()


def begin(sample: troth.Book) -> Store:
    """A store with what the sample has beside turns."""
    store = open_store(":memory:")
    for name in ("contacts", "answers", "outcomes"):
        store.upsert(name, sample.store.table(name))
    store.set_setting("encoder", encoder_id())
    return store


def deal(sample: troth.Book, dice: random.Random) -> tuple[list[int], list[list[int]]]:
    """Some turns of the sample that a book begins with, the first and the last of all among them; and pieces of others.

    One piece is of any days, the others of the last one.
    """
    sent = sample.store.table("turns")["sent_at"]
    ends = [pc.index(sent, end).as_py() for end in (pc.min(sent), pc.max(sent))]
    last = pc.max(sent).as_py().date()
    days = [None if at is None else at.date() for at in sent.to_pylist()]
    rows = [row for row in range(len(days)) if row not in ends]
    late, early = ([row for row in rows if (days[row] == last) is is_late] for is_late in (True, False))
    dice.shuffle(late)
    dice.shuffle(early)
    half = len(late) // 2
    pieces = [late[half : half + 1], late[half + 1 :], early[STARTED : STARTED + 8]]
    dice.shuffle(pieces)
    return [*ends, *early[:STARTED], *late[:half]], pieces


def rows_of(table: pa.Table) -> list[str]:
    """Rows in an order that does not depend on the table's."""
    return sorted(map(tell, table.to_pylist()))


def tell(what: object) -> str:
    """In words, numbers with nine digits: what is worked out side by side is rounded by what it stands beside."""
    return re.sub(r"-?\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.9f}", repr(what))


def assert_same_view(view: View, other: View) -> None:
    """Table by table, row by row, and every index for every key."""
    for name in TABLES:
        assert rows_of(getattr(view, name)) == rows_of(getattr(other, name)), name
    for whole, names in (("known", ("turns", "sentences", "findings")), ("standing", ("promises", "questions"))):
        for name in names:
            assert rows_of(getattr(getattr(view, whole), name)) == rows_of(getattr(getattr(other, whole), name)), name
    assert rows_of(view.standing.all_readings) == rows_of(other.standing.all_readings)
    assert view.listed["promise_id"].equals(other.listed["promise_id"])
    assert view.relationships["relationship"].equals(other.relationships["relationship"])
    assert tell(view.close) == tell(other.close)
    assert (view.days, view.unread) == (other.days, other.unread)
    for name in ("turns_of", "turns_in", "turn", "sentences_of", "findings_of", "talks_of", "readings_of",
                 "questions_of", "promises_of", "promise"):  # fmt: skip
        one: Index = getattr(view, name)
        two: Index = getattr(other, name)
        assert sorted(one.keys()) == sorted(two.keys()), name
        for key in sorted(two.keys()):
            assert rows_of(one.rows(key)) == rows_of(two.rows(key)), (name, key)
    for home in other.by_name:
        assert view.turns_of.rows(home)["turn_id"].equals(other.turns_of.rows(home)["turn_id"])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_view_with_added_turns_is_that_of_a_new_book(sample_book: troth.Book, seed: int) -> None:
    dice, owner = random.Random(seed), sample_book.settings
    with begin(sample_book) as store:
        first, pieces = deal(sample_book, dice)
        put(store, sample_book, first)
        book, taken = troth.Book(store, owner), 0
        view = make_view(book, owner)
        for piece in pieces:
            taken += book.take_in(put(store, sample_book, piece))
            view = make_view(book, owner, last=view)
        assert taken, "nothing was taken in: all was worked out anew"
        assert_same_view(view, make_view(troth.Book(store, owner), owner))


@pytest.fixture(name="desk", scope="module")
def _desk(sample_book: troth.Book) -> Iterator[Desk]:
    """All of the sample, as of its last evening."""
    with begin(sample_book) as store:
        put(store, sample_book, range(sample_book.store.table("turns").num_rows))
        desk = Desk(store, sample_book.settings)
        desk.relationships(desk.stock())
        yield desk


def say(desk: Desk, of: str, **other: Any) -> dict[str, Any]:
    """One more turn of a customer in the latest of their conversations."""
    turns = desk.understand().turns
    own = turns.filter(pc.and_(pc.equal(turns["relationship"], of), pc.equal(turns["side"], "them")))
    last = (
        own.filter(pc.is_valid(own["sent_at"])).sort_by([("sent_at", "descending")]).select(TURNS.names).to_pylist()[0]
    )
    return {
        **last, "side": None, "circle": None, "relationship": None, "turn_id": f"new {other}",
        "body": "Can you send us the offer?", "sent_at": last["sent_at"] + dt.timedelta(minutes=1), **other,
    }  # fmt: skip


def test_relationships_that_nothing_came_into_are_not_worked_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    twin, seen = desk.twin(), list[set[str | None]]()

    def watch(name: str) -> None:
        stage: Callable[..., pa.Table] = getattr(troth.mending, name)

        def note(*tables: pa.Table, **how: Any) -> pa.Table:
            turns = next(table for table in tables if "conversation_id" in table.column_names)
            seen.append(set(turns["relationship"].to_pylist()))
            return stage(*tables, **how)

        monkeypatch.setattr(troth.mending, name, note)

    for name in ("settle_promises", "find_questions"):
        watch(name)
    overview = twin.relationships(twin.stock())
    home = overview["relationship"][3].as_py()
    turn = say(desk, home)
    desk.store.upsert("turns", conform([turn], TURNS))
    assert twin.take_in([turn["turn_id"]])
    came = twin.understand().came[-1]
    assert home in came.homes
    assert len(seen) == 2 * len(twin.stock().mended)
    assert set[str | None]().union(*seen) == came.homes
    assert len(came.homes) < overview.num_rows / 2
    after = twin.relationships(twin.stock())
    (before_row,), (row,) = (
        table.filter(pc.equal(table["relationship"], home)).to_pylist() for table in (overview, after)
    )
    assert row["turns"] == before_row["turns"] + 1


def correct(desk: Desk) -> list[str]:
    """Other words in a turn."""
    row = desk.store.table("turns").slice(5, 1).to_pylist()[0]
    desk.store.upsert("turns", conform([{**row, "body": row["body"] + " Or not."}], TURNS))
    return [row["turn_id"]]


def erase(desk: Desk) -> list[str]:
    """A turn less."""
    ids = desk.store.table("turns", columns=["turn_id"])["turn_id"].slice(7, 1).to_pylist()
    desk.store.replace("turns", TURNS.empty_table(), keys_column="turn_id", keys=ids)
    return ids


def begin_earlier(desk: Desk) -> list[str]:
    """A turn from before all others."""
    turn = say(desk, desk.relationships(desk.stock())["relationship"][0].as_py(),
               sent_at=dt.datetime(2001, 1, 1, tzinfo=dt.UTC))  # fmt: skip
    desk.store.upsert("turns", conform([turn], TURNS))
    return [turn["turn_id"]]


def join_two(desk: Desk) -> list[str]:
    """Somebody's full name on a private address, which joins the two."""
    known = desk.understand().turns.to_pylist()
    who = next(row for row in known if row["side"] == "them" and "@" in row["speaker"] and row["speaker_name"])
    turn = say(desk, who["relationship"], speaker="somebody.new@gmail.com", speaker_name=who["speaker_name"])
    desk.store.upsert("turns", conform([turn], TURNS))
    return [turn["turn_id"]]


def state_us(desk: Desk) -> list[str]:
    """Another firm's book."""
    desk.settings = Settings(us=("else.example",), zone=desk.zone)
    return []


@pytest.mark.parametrize("change", [correct, erase, begin_earlier, join_two, state_us])
def test_what_bears_on_all_is_worked_out_anew(desk: Desk, change: Callable[[Desk], list[str]]) -> None:
    with copy_of(desk) as store:
        other = desk.twin()
        other.store = store
        other._stock.read_at |= store.revisions()  # pyright: ignore[reportPrivateUsage]  # the same content
        assert other.take_in([]), "the copy is what the desk was worked out from"
        assert not other.take_in(change(other))


SAYINGS = (
    "Can you send us the drawing of the door by Friday?", "Yes, we can do that.", "I'll send you the drawing tomorrow.",
    "Here is the drawing of the door.", "We will repair the compressor by Wednesday.", "The compressor was repaired.",
    "Where is the drawing? You said that we would have it by now.", "That was not my question.", "Thanks, that works!",
    "Did the seals of the second room hold?", "The seals of the second room hold, I looked at them.", "Never mind.",
    "Our price for the second room is 4,200 euro.", "As I said before, the order is 88121.", "It costs 4,900 euro.",
    "My director is in copy. Who decided this?", "I will ask and get back to you.", "We need another week for that.",
    "Tom will call you on Monday.", "The second room will be ready on 14 December.", "The room is ready in January.",
)  # fmt: skip


def make_one(turns: pa.Table, listed: pa.Table, dice: random.Random, number: int) -> dict[str, Any]:
    """A turn of a customer or to one: now, earlier that day, or of an earlier day; in a talk of now or of long ago."""
    people = turns.filter(pc.and_(pc.equal(turns["circle"], "customer"), pc.equal(turns["side"], "them")))
    theirs = dice.choice(people.filter(pc.starts_with(people["relationship"], dice.choice("khm"))).to_pylist())
    ours = dice.choice(["anna@brimholt.example"] * 3 + ["casper@brimholt.example", f"new{number}@brimholt.example"])
    talk = dice.choice([theirs["conversation_id"]] * 3 + [f"talk {number}"])
    last = pc.max(turns["sent_at"]).as_py()
    day = last.replace(hour=0, minute=0, second=0, microsecond=0)
    late = dice.choice([last + dt.timedelta(minutes=1)] * 5 + [last, day + dt.timedelta(minutes=dice.randrange(1200))])
    sent_at = dice.choices([late, last - dt.timedelta(days=dice.randrange(1, 60)), None], weights=[30, 1, 1])[0]
    who = [theirs["speaker"], ours] if dice.random() < 0.5 else [ours, theirs["speaker"]]
    told = listed.filter(pc.equal(listed["relationship"], theirs["relationship"]))["text"].to_pylist() or [""]
    kept = [f"{dice.choice(told)} That is done now.", f"What became of this: {dice.choice(told)}"]
    return {
        "turn_id": f"made {number}", "conversation_id": talk, "parent_id": None, "position": 10_000 + number,
        "sent_at": sent_at, "speaker": who[0], "recipients": who[1:],
        "cc": dice.choice([[]] * 4 + [[f"boss{number}@{theirs['speaker'].rpartition('@')[2]}"]]),
        "channel": dice.choice([theirs["channel"]] * 3 + ["call", "chat"]), "automatic": dice.random() < 0.05,
        "body": " ".join(dice.sample([*SAYINGS, *kept], dice.randrange(1, 4))), "source": "made",
        "attachments": dice.choice([None] * 4 + [["drawing door.pdf"]]),
    }  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_a_long_relationship_with_added_turns_is_that_of_a_new_book(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Turn by turn: of now and of earlier, corrected ones, answers to what was promised or asked long ago."""
    monkeypatch.setattr(troth.carrying, "LONG", 1)
    dice, owner, taken = random.Random(seed), desk.settings, 0
    with copy_of(desk) as store:
        book = troth.Book(store, owner)
        view = make_view(book, owner)
        for number in range(12):
            rows = [
                make_one(book.understand().turns, view.listed, dice, 10 * number + place)
                for place in range(dice.choice([1, 1, 2]))
            ]
            if dice.random() < 0.05:
                row = dice.choice(store.table("turns").to_pylist())
                rows = [{**row, "body": f"{row['body']} I will call you on Friday."}]
            take_batch(store, conform(rows, TURNS))
            written = {*(row["turn_id"] for row in rows), *thread_anew(store)}
            if dice.random() < 0.1:
                book.twin().take_in(written)  # and is used no more
            is_in = book.take_in(written)
            taken += is_in
            if number % 4 == 3 or not is_in:
                view = make_view(book, owner, last=view)
        assert taken > 6
        assert_same_view(view, make_view(troth.Book(store, owner), owner))


@contextmanager
def copy_of(desk: Desk) -> Generator[Store]:
    """A store with the same content, which a test may change."""
    with open_store(":memory:") as store:
        for name in ("turns", "sentences", "findings", "contacts", "answers", "outcomes"):
            store.upsert(name, desk.store.table(name))
        store.set_setting("encoder", encoder_id())
        yield store


@given(seed=st.integers(0, 1_000_000))
@settings(max_examples=60)
def test_threads_of_what_is_concerned_are_those_of_the_whole(seed: int) -> None:
    """Whatever comes after what: links to turns that come later, or never; odd references, topics, given threads."""
    dice = random.Random(seed)
    book, coming = empty_turns(), make_turns(dice)
    while coming:
        size = dice.randrange(1, 6)
        piece, coming = coming[:size], coming[size:]
        book = pa.concat_tables([book, conform(piece, TURNS)])
        talks = find_concerned(book.select(list(CONCERNED)), [row["turn_id"] for row in piece])
        near = book.filter(pc.is_in(book["conversation_id"], pa.array(sorted(talks), pa.string())))
        found = {row["turn_id"]: row for row in assign_threads(near).to_pylist()}
        rows = [{**row, **found.get(row["turn_id"], {})} for row in book.to_pylist()]
        whole = threads_of(assign_threads(book).to_pylist())
        assert threads_of(rows) == whole
        book = conform(rows, TURNS)
        if threads_of(assign_threads(book).to_pylist()) != whole:
            return  # a mail that came into a given thread by its subject: threading it twice is not threading it once


def threads_of(rows: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """Which conversation each turn is in, and what it answers."""
    return [(row["turn_id"], row["conversation_id"], row["parent_id"]) for row in rows]


def empty_turns() -> pa.Table:
    """No turns."""
    return TURNS.empty_table()


def make_turns(dice: random.Random) -> list[dict[str, Any]]:
    """Mails and chats that refer to each other in every way."""
    count = dice.randrange(3, 25)
    ids = [*(f"m{number}" for number in range(count)), "gone 1", "gone 2"]
    subjects = ["Invoice 7", "Re: Invoice 7", "AW: INVOICE  7", "Plan", "Re: plan", "Äpfel", "Re: Äpfel", None, ""]
    rows: list[dict[str, Any]] = []
    for name in ids[:count]:
        references = [dice.choice(ids) for _ in range(dice.choice([0, 0, 0, 1, 2]))]
        sent_at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=dice.randrange(90))
        rows.append({
            "turn_id": name, "references": references or None, "subject": dice.choice(subjects), "body": "x",
            "conversation_id": dice.choice([name, name, references[0] if references else name, "C1"]),
            "parent_id": dice.choice([None, None, None, dice.choice(ids)]), "position": len(rows),
            "sent_at": None if dice.random() < 0.05 else sent_at, "speaker": dice.choice("abc"),
            "recipients": [dice.choice("abcd")], "cc": None, "channel": dice.choice(["mail", "mail", "mail", "chat"]),
            "automatic": False, "source": "made",
        })  # fmt: skip
    dice.shuffle(rows)
    return rows


def test_a_book_tells_which_turns_moved() -> None:
    first, answer = (
        {"turn_id": name, "conversation_id": name, "body": "Yes.", "speaker": f"{name}@x.example", "channel": "mail",
         "sent_at": dt.datetime(2026, 3, number, tzinfo=dt.UTC), "references": references}
        for number, (name, references) in enumerate([("a", None), ("b", ["a"])], start=1)
    )  # fmt: skip
    with open_store(":memory:") as store:
        take_batch(store, take_turns([answer]))
        assert thread_anew(store) == {"b"}  # its conversation is that of the mail that it names
        take_batch(store, take_turns([first]))
        assert thread_anew(store) == {"b"}  # and now it answers that mail
        assert thread_anew(store) == frozenset()
        assert store.table("turns").sort_by("turn_id")["parent_id"].to_pylist() == [None, "a"]


def test_a_served_book_takes_a_turn_in(sample_file: Path) -> None:
    with serve_copy(sample_file) as serving:
        keeper, view = serving.keeper, serving.keeper.view()
        turns = view.known.turns
        dated = turns.filter(pc.and_(pc.is_valid(turns["sent_at"]), pc.equal(turns["side"], "them")))
        last = dated.sort_by([("sent_at", "descending")]).slice(0, 1).to_pylist()[0]
        turn = {**last, "turn_id": "one more", "side": None, "circle": None, "relationship": None}
        batch = conform([turn], TURNS)
        written = keeper.change(lambda book: take_batch(book.store, batch), added=["one more"], patience_s=0.0)
        keeper.renew(fresh=False).result()
        after = keeper.view()
        assert written == 1
        assert "one more" not in view.turn
        assert after.turn.rows("one more")["relationship"].to_pylist() == [last["relationship"]]
        assert len(after.known.came) == 1, "everything was worked out anew for one turn"
        assert after.known.origin is view.known.origin
        assert after.by_name[last["relationship"]]["turns"] == view.by_name[last["relationship"]]["turns"] + 1
