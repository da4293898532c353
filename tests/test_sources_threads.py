"""Threads: references before subjects, the same answer in any order, loops harmless, time near linear."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.errors import MissingColumns
from troth.schema import TURNS
from troth.sources import assign_threads

DAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
LIGHT = ["turn_id", "conversation_id", "parent_id", "sent_at", "speaker", "recipients", "cc", "references"]
SCHEMA = pa.schema([TURNS.field(name) for name in [*LIGHT, "channel", "subject"]])


def turn(name: str, **given: object) -> dict[str, object]:
    references = given.get("references", [])
    assert isinstance(references, list)
    row: dict[str, object] = {
        "turn_id": name,
        "conversation_id": references[0] if references else name,
        "parent_id": references[-1] if references else None,
        "sent_at": DAY,
        "speaker": "anna@firm.example",
        "recipients": ["bob@shop.example"],
        "cc": [],
        "references": references,
        "channel": "mail",
        "subject": None,
    }
    return row | given


def threads(rows: list[dict[str, object]]) -> dict[str, tuple[str, str | None]]:
    table = assign_threads(pa.Table.from_pylist(rows, schema=SCHEMA))
    assert table["turn_id"].to_pylist() == [row["turn_id"] for row in rows]
    return {row["turn_id"]: (row["conversation_id"], row["parent_id"]) for row in table.to_pylist()}


def test_references_join_even_where_the_middle_mail_is_missing() -> None:
    found = threads([turn("a"), turn("c", references=["a", "b"]), turn("d", references=["b"])])
    assert found == {"a": ("a", None), "c": ("a", "a"), "d": ("a", None)}


def test_an_answer_without_references_finds_its_mail_by_subject_and_people() -> None:
    asked = turn("a", subject="[list] Invoice 7")
    answer = turn(
        "b",
        subject="AW: Re[2]: invoice  7",
        speaker="bob@shop.example",
        recipients=["x@y.example"],
        sent_at=DAY + timedelta(days=29),
    )
    assert threads([answer, asked]) == {"a": ("a", None), "b": ("a", "a")}


def test_an_answer_to_a_mail_we_do_not_have_falls_back_on_its_subject() -> None:
    answer = turn("b", subject="Re: Invoice", references=["missing"], sent_at=DAY + timedelta(days=1))
    assert threads([turn("a", subject="Invoice"), answer]) == {"a": ("a", None), "b": ("a", "a")}


@pytest.mark.parametrize(
    "change",
    [
        {"sent_at": DAY + timedelta(days=31)},
        {"speaker": "c@d.example", "recipients": ["e@f.example"]},
        {"subject": "Re: another thing"},
        {"subject": "Invoice"},
        {"sent_at": None},
        {"references": ["other"]},
    ],
    ids=[
        "later than 30 days",
        "nobody in common",
        "other subject",
        "no answer mark",
        "no date",
        "answers another mail",
    ],
)
def test_a_subject_alone_joins_nothing_when(change: dict[str, object]) -> None:
    other = turn("other", speaker="x@y.example", recipients=["z@y.example"])
    found = threads([other, turn("a", subject="Invoice"), turn("b", **({"subject": "Re: Invoice"} | change))])
    assert found["b"][0] != found["a"][0]


def test_a_conversation_named_by_the_source_is_kept_and_takes_in_answers() -> None:
    chat = [turn(name, channel="chat", conversation_id="chat-9", references=[]) for name in ("1", "2")]
    found = threads([*chat, turn("m", references=["2"])])
    assert {conversation for conversation, _ in found.values()} == {"chat-9"}


def test_a_conversation_named_after_its_first_turn_stays_whole() -> None:
    rows = [turn("a"), turn("b", conversation_id="a"), turn("c", conversation_id="a")]
    assert {conversation for conversation, _ in threads(rows).values()} == {"a"}


def test_mails_that_answer_themselves_or_each_other_end_in_one_thread_without_a_ring() -> None:
    rows = [
        turn("a", references=["c"]),
        turn("b", references=["a"]),
        turn("c", references=["b"]),
        turn("s", references=["s"]),
    ]
    found = threads(rows)
    assert len({found[name][0] for name in "abc"}) == 1
    assert [found[name][1] for name in "abcs"] == [None, "a", "b", None]


def test_an_absent_column_is_named() -> None:
    with pytest.raises(MissingColumns, match="turn_id"):
        assign_threads(pa.table({"x": [1]}))


ids = st.sampled_from("abcdefghij")
made_up = st.lists(
    st.builds(
        lambda name, references, parent, subject, day, speaker: turn(
            name,
            references=references,
            parent_id=parent or (references[-1] if references else None),
            subject=subject,
            sent_at=None if day is None else DAY + timedelta(days=day),
            speaker=speaker,
        ),
        ids,
        st.lists(ids, max_size=3),
        st.none() | ids,
        st.sampled_from([None, "x", "Re: x", "Fwd: Re: y", "y"]),
        st.none() | st.integers(0, 60),
        st.sampled_from(["p@x.example", "q@x.example"]),
    ),
    unique_by=lambda row: row["turn_id"],
    max_size=10,
)


@settings(max_examples=200, deadline=None)
@given(rows=made_up, seed=st.integers(0, 99))
def test_the_order_of_rows_changes_nothing_and_parents_never_ring(rows: list[dict[str, object]], seed: int) -> None:
    found = threads(rows)
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    assert threads(shuffled) == found
    for name in found:
        steps, at = 0, name
        while (above := found[at][1]) is not None:
            assert found[above][0] == found[at][0]
            at, steps = above, steps + 1
            assert steps <= len(found)


@settings(max_examples=100, deadline=None)
@given(rows=made_up)
def test_references_join_what_a_search_through_the_graph_joins(rows: list[dict[str, object]]) -> None:
    """By another road: with no subjects, conversations are the connected components of the stated links."""
    rows = [row | {"subject": None} for row in rows]
    near: dict[object, set[object]] = defaultdict(set)
    for row in rows:
        links = [*row["references"], row["parent_id"], row["conversation_id"]]  # type: ignore[misc]
        for other in links:
            if other is not None:
                near[row["turn_id"]].add(other)
                near[other].add(row["turn_id"])
    found = threads(rows)
    for row in rows:
        reached, todo = set(), [row["turn_id"]]
        while todo:
            at = todo.pop()
            if at not in reached:
                reached.add(at)
                todo += near[at]
        for other in rows:
            joined = found[str(row["turn_id"])][0] == found[str(other["turn_id"])][0]
            assert joined == (other["turn_id"] in reached)


@settings(max_examples=100, deadline=None)
@given(rows=made_up)
def test_threading_again_what_was_threaded_changes_nothing(rows: list[dict[str, object]]) -> None:
    once = threads(rows)
    again = [row | {"conversation_id": once[str(row["turn_id"])][0]} for row in rows]
    assert threads(again) == once


@pytest.mark.timed
def test_time_grows_in_line_with_the_number_of_mails() -> None:
    def seconds(count: int) -> float:
        chain = [turn(f"m{n}", references=[f"m{n - 1}"], sent_at=DAY + timedelta(minutes=n)) for n in range(count)]
        topic = [turn(f"s{n}", subject="Re: x", sent_at=DAY + timedelta(minutes=n)) for n in range(count)]
        table = pa.Table.from_pylist(chain + topic, schema=SCHEMA)
        start = time.process_time()
        assert len(set(assign_threads(table)["conversation_id"].to_pylist())) == 2
        return time.process_time() - start

    seconds(1_000)
    assert seconds(8_000) < 8 * seconds(2_000) + 0.1
