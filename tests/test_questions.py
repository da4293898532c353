"""What the counterpart asked, its kind, and whether one of our later turns answered it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.questions import find_questions
from troth.schema import FINDINGS, QUESTIONS, SENTENCES, TURNS, conform

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
END = NOON + timedelta(days=30)


class Said(NamedTuple):
    side: str | None
    hours: float | None  # after NOON; None where the time is not known
    text: str
    signals: Sequence[tuple[str, float]] = ()
    conversation: str = "c"
    automatic: bool = False


def book(*said: Said) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The tables of these turns of one sentence each; turn ids are t0, t1, ..."""
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for number, turn in enumerate(said):
        sent_at = None if turn.hours is None else NOON + timedelta(hours=turn.hours)
        turns.append({
            "turn_id": f"t{number}", "conversation_id": turn.conversation, "position": number, "sent_at": sent_at,
            "speaker": str(turn.side), "channel": "mail", "body": turn.text, "automatic": turn.automatic,
            "source": "test", "side": turn.side, "circle": "customer", "relationship": "acme.com",
        })  # fmt: skip
        span = {"turn_id": f"t{number}", "sentence": 0, "start": 0, "end": len(turn.text)}
        sentences.append({**span, "text": turn.text})
        findings.extend({**span, "signal": signal, "probability": chance} for signal, chance in turn.signals)
    return (
        conform(pa.Table.from_pylist(turns, TURNS), TURNS),
        conform(pa.Table.from_pylist(sentences, SENTENCES), SENTENCES),
        conform(pa.Table.from_pylist(findings, FINDINGS), FINDINGS),
    )


def ask(*said: Said, now: datetime = END) -> list[dict[str, Any]]:
    return find_questions(*book(*said), now=now).to_pylist()


@pytest.mark.parametrize(
    ("signal", "kind"),
    [("asks_proof", "HC"), ("chases", "HR"), ("doubts_motive", "HS"), ("question", "direct"), ("request", "direct")],
)
def test_each_signal_gives_its_kind_and_probability(signal: str, kind: str) -> None:
    (row,) = ask(Said("them", 0, "The roof holds snow.", [(signal, 0.75)]))
    assert (row["kind"], row["probability"], row["state"]) == (kind, 0.75, "open")
    assert (row["relationship"], row["circle"], row["asked_at"]) == ("acme.com", "customer", NOON)


def test_the_trust_question_wins_over_the_direct_one() -> None:
    (row,) = ask(Said("them", 0, "Does it hold snow?", [("question", 0.99), ("asks_proof", 0.6)]))
    assert (row["kind"], row["probability"]) == ("HC", pytest.approx(0.6))


def test_a_weak_finding_counts_for_nothing() -> None:
    assert ask(Said("them", 0, "Send it on.", [("request", 0.4)])) == []


def test_a_question_mark_alone_is_a_direct_question() -> None:
    (row,) = ask(Said("them", 0, "Does the roof hold snow?"))
    assert (row["kind"], row["probability"]) == ("direct", pytest.approx(0.6))


@pytest.mark.parametrize(
    "text",
    ["How are you?", "Hi Anna, how are you doing today?", "How's it going?", "Did you have a nice weekend?", "Right?",
     "Please find attached the plan.", "Please do not hesitate to call.", "Thank you for your help.",
     "Wie geht es Ihnen?", "And how are things?", "Have a great day!", "Everything ok?", "What's up?"],
)  # fmt: skip
def test_a_courtesy_is_not_listed(text: str) -> None:
    assert ask(Said("them", 0, text, [("question", 0.9), ("request", 0.9)])) == []


@pytest.mark.parametrize(
    "text",
    ["How are you going to fix the roof?", "So the price is fixed, right?", "Are you well insured?",
     "What is new in it?", "Please send the plan.", "How is the project going to be paid?",
     "Is everything ok with our order?"],
)  # fmt: skip
def test_a_real_question_in_like_words_is_listed(text: str) -> None:
    assert len(ask(Said("them", 0, text, [("question", 0.9)]))) == 1


def test_our_own_questions_and_programs_are_not_listed() -> None:
    assert ask(Said("us", 0, "Can you sign?"), Said("them", 1, "Was this helpful?", automatic=True)) == []
    assert ask(Said(None, 0, "Can you sign?")) == []


def test_the_first_later_turn_of_ours_answers() -> None:
    (row,) = ask(
        Said("us", -1, "Good morning."),
        Said("them", 0, "Does it hold snow?"),
        Said("us", 2, "Out of office.", automatic=True),
        Said("them", 3, "Hello."),
        Said("us", 5, "It does."),
        Said("us", 6, "And wind."),
    )
    assert (row["state"], row["answer_turn_id"]) == ("answered", "t4")
    assert row["answered_at"] == NOON + timedelta(hours=5)


def test_a_turn_elsewhere_or_after_now_answers_nothing() -> None:
    asked = Said("them", 0, "Does it hold snow?")
    (row,) = ask(asked, Said("us", 1, "Hello.", conversation="d"))
    assert (row["state"], row["answer_turn_id"], row["answered_at"]) == ("open", None, None)
    (row,) = ask(asked, Said("us", 5, "It does."), now=NOON + timedelta(hours=4))
    assert row["state"] == "open"


def test_what_is_asked_after_now_is_not_listed() -> None:
    assert ask(Said("them", 5, "Does it hold snow?"), now=NOON) == []


def test_undated_turns_go_by_position() -> None:
    asked, answer = Said("them", None, "Does it hold snow?"), Said("us", None, "It does.")
    assert ask(asked, answer)[0]["state"] == "answered"
    assert ask(answer, asked)[0]["state"] == "open"


def test_empty_tables_give_an_empty_table() -> None:
    found = find_questions(TURNS.empty_table(), SENTENCES.empty_table(), FINDINGS.empty_table(), now=END)
    assert found.schema.equals(QUESTIONS)
    assert found.num_rows == 0


TURN = st.builds(
    Said,
    side=st.sampled_from(["us", "them"]),
    hours=st.one_of(st.none(), st.integers(-50, 50)),
    text=st.sampled_from(["Does it hold snow?", "It does.", "How are you?"]),
    signals=st.sampled_from([(), (("chases", 0.9),)]),
    conversation=st.sampled_from(["c", "d"]),
)


@given(said=st.lists(TURN, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_answer_precedes_its_question_and_deleting_it_gives_the_next_or_none(said: list[Said]) -> None:
    tables = book(*said)
    found = find_questions(*tables, now=END)
    assert found.equals(find_questions(*tables, now=END))
    for row in found.to_pylist():
        proof = row["answer_turn_id"]
        if proof is None:
            continue
        answer = said[int(proof[1:])]
        assert answer.side == "us"
        assert row["asked_at"] is None or row["answered_at"] is None or row["asked_at"] <= row["answered_at"]
        rest = [table.filter(pc.not_equal(table.column("turn_id"), proof)) for table in tables]
        assert proof not in find_questions(*rest, now=END).column("answer_turn_id").to_pylist()
