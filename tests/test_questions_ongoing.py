"""Questions kept turn by turn are those of the whole book, whenever and in whatever order the turns come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.questions import Changes, Ongoing, find_questions, look_at
from troth.questions.settle import by_age
from troth.schema import FINDINGS, QUESTIONS, SENTENCES, TURNS

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

LINES = (
    "Does the roof hold the snow load?",
    "Could you tell me whether the roof holds the snow load?",
    "Who decided that the roof holds the snow?",
    "Can we rely on the delivery of the pump?",
    "When will the drawings of hall 7 be ready?",
    "The drawings of hall 7 will be ready on Friday.",
    "The roof holds the snow load, Mr Lund decided that.",
    "Yes, it does.",
    "I will ask and get back to you.",
    "You asked about the roof and the snow: it holds the load.",
    "That was not my question.",
    "Never mind, it is solved.",
    "Thanks!",
    "Our price for the pump is 300 euro.",
    "My director is in copy.",
    "The pump of line 3 runs well.",
)
PEOPLE = ("boss@acme.com", "head@acme.com", "anna@firm.com", "carl@acme.com")

Told = dict[str, dict[str, Any]]
Tables = tuple[pa.Table, pa.Table, pa.Table]

TURN = st.fixed_dictionaries({
    "side": st.sampled_from(["us", "us", "them", "them", "them", None]),
    "days": st.one_of(st.none(), st.integers(0, 90), st.integers(0, 90), st.integers(0, 90)),
    "year": st.sampled_from([None] * 8 + [1970, 2099]),
    "lines": st.lists(st.sampled_from(LINES), max_size=3),
    "talk": st.sampled_from(["c", "d", "e"]),
    "home": st.sampled_from(["acme.com", "acme.com", "acme.com", "other.com", None]),
    "split": st.booleans(),  # whether its conversation is that of its relationship alone
    "cc": st.lists(st.sampled_from(PEOPLE), max_size=2),
    "speaker": st.sampled_from(["ben@acme.com", "ben@acme.com", "carl@acme.com", "anna@firm.com", "Dora"]),
    "parent": st.one_of(st.none(), st.integers(0, 12)),
    "automatic": st.sampled_from([False] * 9 + [True]),
    "signal": st.sampled_from([None, None, "chases"]),
})  # fmt: skip


def tables(said: list[dict[str, Any]]) -> Tables:
    """TURNS, SENTENCES and FINDINGS; the number of a turn is its id and its position."""
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for number, turn in enumerate(said):
        sent_at = None if turn["days"] is None else NOON + timedelta(days=turn["days"], minutes=number)
        if turn["year"] is not None:
            sent_at = datetime(turn["year"], 1, 1, tzinfo=UTC)
        turns.append({
            "turn_id": f"t{number}", "conversation_id": turn["talk"] + (turn["home"] or "") * turn["split"],
            "parent_id": None if turn["parent"] is None else f"t{turn['parent']}", "position": number,
            "sent_at": sent_at, "speaker": turn["speaker"], "cc": turn["cc"], "channel": "mail",
            "body": " ".join(turn["lines"]), "automatic": turn["automatic"], "source": "test", "side": turn["side"],
            "circle": "customer", "relationship": turn["home"],
        })  # fmt: skip
        start = 0
        for place, text in enumerate(turn["lines"]):
            span = {"turn_id": f"t{number}", "sentence": place, "start": start, "end": start + len(text)}
            sentences.append({**span, "text": text})
            if turn["signal"] is not None and place == 0:
                findings.append({**span, "signal": turn["signal"], "probability": 0.9})
            start += len(text) + 1
    return (
        pa.Table.from_pylist(turns, TURNS),
        pa.Table.from_pylist(sentences, SENTENCES),
        pa.Table.from_pylist(findings, FINDINGS),
    )


def of_turns(book: Tables, first: int, end: int) -> Tables:
    ids = pa.array([f"t{number}" for number in range(first, end)], pa.string())
    turns, sentences, findings = (table.filter(pc.is_in(table["turn_id"], ids)) for table in book)
    return turns, sentences, findings


EVENINGS = tuple(NOON + timedelta(days=days) for days in (91, 99, 400))


def assert_same(ongoing: Ongoing, book: Tables, told: Told, *, side: str) -> None:
    """On every evening, what was told among it."""
    for now in EVENINGS:
        whole = find_questions(*book, now=now, side=side)
        assert ongoing.questions(now).to_pylist() == whole.to_pylist()
        heard = [look_at(row, now) for row in (*told.values(), *ongoing.list_lasting(now))]
        rows = pa.Table.from_pylist(sorted(heard, key=by_age), QUESTIONS).to_pylist()
        assert rows == whole.to_pylist(), "what was told is not all that changed"


def tell(told: Told, changes: Changes) -> Told:
    """What was told so far, with what changed."""
    after = told | {row["question_id"]: row for row in pa.Table.from_pylist(list(changes.rows), QUESTIONS).to_pylist()}
    return {key: row for key, row in after.items() if key not in changes.gone}


def follow(said: list[dict[str, Any]], *, at_once: int, side: str = "them") -> None:
    """Hand the turns over in the order given, and hold every state against that of the whole."""
    book, ongoing, told = tables(said), Ongoing(side=side), Told()
    for first in range(0, len(said), at_once):
        told = tell(told, ongoing.add(*of_turns(book, first, first + at_once)))
        assert_same(ongoing, of_turns(book, 0, first + at_once), told, side=side)


@given(
    said=st.lists(TURN, max_size=13),
    at_once=st.integers(1, 4),
    side=st.sampled_from(["them", "them", "them", "us"]),
)
@settings(max_examples=40, deadline=None)
def test_turn_by_turn_gives_what_all_turns_at_once_give(said: list[dict[str, Any]], at_once: int, side: str) -> None:
    """Row by row, whenever a turn comes: in time, late, without a time; as of any evening behind all of them."""
    follow(said, at_once=at_once, side=side)


@given(chance=st.randoms(use_true_random=False), late=st.integers(0, 3))
@settings(max_examples=2, deadline=None)
def test_many_turns_of_few_relationships_come_one_by_one(chance: Any, late: int) -> None:
    """Long enough that every bounded look back is full: questions remembered, waiting, and turns elsewhere."""
    said = [
        {"side": chance.choice(["us", "them", "them"]), "days": number // 8, "year": None,
         "lines": chance.sample(LINES, 2), "talk": chance.choice("cdefgh"), "split": True,
         "home": chance.choice(["acme.com", "acme.com", "other.com"]), "cc": chance.sample(PEOPLE, number % 7 == 0),
         "speaker": chance.choice(["ben@acme.com", "carl@acme.com"]), "parent": None, "automatic": False,
         "signal": None}
        for number in range(160)
    ]  # fmt: skip
    for _ in range(late):
        said.insert(chance.randrange(100, 160), said.pop(chance.randrange(100)))
    book, ongoing, told = tables(said), Ongoing(), Told()
    for first, end in ((0, 100), *((number, number + 1) for number in range(100, 160))):
        told = tell(told, ongoing.add(*of_turns(book, first, end)))
        if end % 20 == 0:
            assert_same(ongoing, of_turns(book, 0, end), told, side="them")
