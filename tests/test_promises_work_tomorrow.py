"""The one thing to do tomorrow: where trust loses most if nothing happens."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import troth
from troth.pipeline import find_falls
from troth.review.tomorrow import Suggestion, suggest
from troth.sample import read_key
from troth.schema import PROMISES, QUESTIONS, READINGS

DAY = dt.date(2026, 3, 20)
END = dt.datetime(2026, 3, 21, tzinfo=dt.UTC)
CIRCLES = ("customer", "colleague", "friend")


def promise(home: str, due_in: float, **columns: Any) -> dict[str, Any]:
    """A promise of ours due so many days after the close of the day."""
    return {
        "promise_id": f"p-{home}{due_in}", "turn_id": f"promise {home} {due_in}", "start": 0, "end": 10,
        "text": f"promise to {home}", "probability": 1.0, "relationship": home, "circle": "customer", "side": "us",
        "actor": "anna", "specific": True, "due_rule": "explicit", "observability": "O1", "state": "open",
        "decided_by": "machine", "due_latest": END + dt.timedelta(days=due_in, seconds=-1),
    } | columns  # fmt: skip


def question(home: str, days_ago: float, **columns: Any) -> dict[str, Any]:
    return {
        "question_id": f"q-{home}{days_ago}", "turn_id": f"question {home} {days_ago}", "start": 0, "end": 10,
        "text": f"question of {home}?", "kind": "direct", "probability": 1.0, "relationship": home,
        "circle": "customer", "state": "open", "asked_at": END - dt.timedelta(days=days_ago),
        "side": "them", "spoken": True, "act": "asks", "strength": 0.5,
    } | columns  # fmt: skip


def ask(*rows: dict[str, Any], falls: dict[str, float] | None = None) -> Suggestion:
    promises = [row for row in rows if "promise_id" in row]
    questions = [row for row in rows if "question_id" in row]
    return suggest(
        DAY, zone="UTC", circles=CIRCLES, falls=falls or {},
        promises=pa.Table.from_pylist(promises, schema=PROMISES),
        questions=pa.Table.from_pylist(questions, schema=QUESTIONS),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (question("a", 8), promise("b", 0)),  # a customer left waiting weighs more than what fell due today
        (promise("a", -7), promise("b", 1)),
        (promise("a", -4), question("b", 0.3)),
        (question("a", 3, kind="HR"), question("b", 3)),
        (question("a", 5), question("b", 1)),  # longer waiting, not fresher asking
        (question("a", 3), question("b", 40)),  # but nobody waits for ever
        (promise("a", -2, circle="customer"), promise("b", -2, circle="colleague")),
        (promise("a", 1, circle="colleague"), promise("b", 1, circle="friend")),
        (promise("a", -2), promise("b", -2, probability=0.5)),
        (promise("a", 1), promise("b", 2)),
        (question("a", 0.5), question("b", 5, side="us")),  # what we asked is theirs to answer
        (question("a", 2, state="partly"), question("b", 5, state="stale")),
    ],
)
def test_what_weighs_more_comes_first(first: dict[str, Any], second: dict[str, Any]):
    assert ask(first, second).relationship == "a"
    assert ask(second, first).relationship == "a"


def test_matters_of_one_relationship_add_up_and_are_counted():
    found = ask(promise("b", -4), question("a", 4), question("a", 5), question("a", 6))
    assert found.relationship == "a"
    assert found.turn_id == "question a 6"
    assert found.text.endswith("2 more matters are open there.")


def test_many_small_questions_do_not_outweigh_a_broken_word():
    small = [question("a", 0.05 + n / 100) for n in range(30)]
    assert ask(promise("b", -6), *small).relationship == "b"


def test_a_fall_of_trust_lifts_what_is_open_and_alone_calls_for_a_word():
    assert ask(promise("a", -2), promise("b", -3), falls={"a": 0.6}).relationship == "a"
    quiet = ask(question("a", 2, state="answered", answered_at=END), falls={"a": 0.6})
    assert quiet.relationship == "a"
    assert "cooled" in quiet.text
    assert ask(question("a", 2, state="answered", answered_at=END), falls={"a": 0.1}).relationship is None


@pytest.mark.parametrize("state", ["kept", "late", "broken", "withdrawn", "contested", "unknown"])
def test_what_is_settled_or_contested_calls_for_nothing(state: str):
    assert ask(promise("a", -2, state=state)).text == "Nothing waits for you."


@settings(max_examples=50, deadline=None)
@given(st.floats(-40, 10), st.floats(0, 100), st.sampled_from(CIRCLES))
def test_there_is_a_thing_to_do_only_where_something_is_open(due_in: float, days_ago: float, circle: str):
    found = ask(promise("a", due_in, circle=circle), question("b", days_ago, circle=circle))
    assert found.relationship in {"a", "b", None}
    assert (found.quote is None) == (found.relationship is None)
    alone = ask(promise("a", due_in, circle=circle))
    assert (alone.relationship is None) or due_in < 3


def test_the_sample_asks_for_what_its_author_would_do(sample_book: troth.Book):
    key = read_key()
    found = sample_book.review().tomorrow
    assert found.relationship == key.last_day.tomorrow_relationship
    assert found.turn_id in {key.message_ids[label].strip("<>") for label in key.last_day.tomorrow_evidence}


def reading(home: str, days_ago: float, level: float) -> dict[str, Any]:
    return {
        "relationship": home, "facet": "HR", "at": END - dt.timedelta(days=days_ago), "signal": "turn", "lo": level,
        "hi": level, "v": 0.5, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False,
    }  # fmt: skip


def test_silence_is_no_fall_and_bad_news_is():
    rows = [reading(home, 60, 1.5) for home in ("silent", "warm", "cold")]
    rows += [reading("warm", 5, 1.5), reading("cold", 5, -1.5), reading("new", 5, -1.5)]
    falls = find_falls(pa.Table.from_pylist(rows, schema=READINGS), END)
    assert set(falls) == {"cold"}
    assert falls["cold"] > 0.1


def test_a_relationship_in_which_thousands_of_matters_are_open_is_no_trouble() -> None:
    rows = [question("a", 1 + number / 1000) for number in range(2500)]
    chosen = ask(*rows, question("b", 1))
    assert chosen.relationship == "a"
    assert chosen.others == 2499
