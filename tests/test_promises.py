"""Promises: found by the head and by speech-act rules, settled by later turns only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.promises import Calendar, find_promises, settle_promises
from troth.promises.acts import PREFILTER, read_act
from troth.schema import FINDINGS, PROMISES, SENTENCES, TURNS, conform

CALENDAR = Calendar()
US, THEM, COLLEAGUE = "anna@firm.com", "bob@acme.com", "carl@firm.com"


def day(number: int, hour: int = 9) -> datetime:
    """A day of March 2026; the 2nd is a Monday."""
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=number - 1)


class Said(NamedTuple):
    speaker: str
    sent_at: datetime | None
    text: str  # sentences divided by " | "
    attachments: Sequence[str] = ()
    signals: Sequence[tuple[int, str, float]] = ()  # sentence, signal, probability
    conversation: str = "c"
    recipients: Sequence[str] = ()
    automatic: bool = False


class Book(NamedTuple):
    turns: pa.Table
    sentences: pa.Table
    findings: pa.Table


def book(*said: Said) -> Book:
    """The tables of these turns; turn ids are t0, t1, ..."""
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for number, turn in enumerate(said):
        turn_id = f"t{number}"
        turns.append({
            "turn_id": turn_id, "conversation_id": turn.conversation, "position": number, "sent_at": turn.sent_at,
            "speaker": turn.speaker, "recipients": list(turn.recipients), "channel": "mail", "body": turn.text,
            "attachments": list(turn.attachments), "automatic": turn.automatic, "source": "test",
            "side": "us" if turn.speaker.endswith("firm.com") else "them", "circle": "customer",
            "relationship": "acme.com",
        })  # fmt: skip
        start = 0
        for place, text in enumerate(turn.text.split(" | ")):
            span = {"turn_id": turn_id, "sentence": place, "start": start, "end": start + len(text)}
            sentences.append({**span, "text": text})
            marks = [mark for mark in turn.signals if mark[0] == place]
            findings.extend({**span, "signal": signal, "probability": chance} for _, signal, chance in marks)
            start += len(text) + 3
    return Book(
        conform(pa.Table.from_pylist(turns, TURNS), TURNS),
        conform(pa.Table.from_pylist(sentences, SENTENCES), SENTENCES),
        conform(pa.Table.from_pylist(findings, FINDINGS), FINDINGS),
    )


def find(tables: Book) -> list[dict[str, Any]]:
    return find_promises(*tables, calendar=CALENDAR).to_pylist()


def settle(tables: Book, now: datetime) -> list[dict[str, Any]]:
    promises = find_promises(*tables, calendar=CALENDAR)
    return settle_promises(promises, *tables, now=now, calendar=CALENDAR).to_pylist()


PROMISING = [
    "I will send you the contract by Friday.",
    "We'll get back to you tomorrow.",
    "I’ll call you on Monday.",
    "I shall forward the minutes.",
    "I'm going to fix the pump today.",
    "Will do.",
    "Will send you the figures tonight.",
    "Let me check with our lawyers and confirm.",
    "You will hear from me by Tuesday.",
    "You'll have the draft on Thursday.",
    "I'll be in touch next week.",
    "I will be sending the invoice shortly.",
    "I promise to have it ready.",
    "Details to follow.",
    "The refund will be in your account by Friday.",
    "You get it by Friday.",
    "You'll know on Thursday evening either way.",
    "It will be fixed by Friday.",
    "I am in London and shall contact you on my return.",
    "I'll look into it right away.",
    "We will certainly refund the amount within five days.",
    "I'll let you know as soon as I hear from them.",
    "If they agree, I'll send you the new version.",
    "Ich melde mich morgen.",
    "Wir werden das bis Freitag liefern.",
]
NOT_PROMISING = [
    "I hope we will meet soon.",
    "I'll be honest with you.",
    "I will be on vacation next week.",
    "I think it will rain tomorrow.",
    "The market will recover by June.",
    "Will you send me the contract?",
    "Shall I send you the contract?",
    "We will always put customers first.",
    "I'll send it if you like.",
    "If you want, I will call him.",
    "Maybe I'll send it.",
    "I'll need the numbers by Friday.",
    "We will have to wait.",
    "I'll never understand that.",
    "I will not sign this.",
    "He said he will send it on Monday.",
    "She will send it on Monday.",
    '"I will send it on Monday."',
    "> I will send it on Monday.",
    "I would love to see you there.",
    "I'll admit that was a mistake.",
    "Let me know what you think.",
    "Please send me the contract by Friday.",
    "I sent you the contract on Friday.",
    "We'll see.",
    "I'm going to Paris on Friday.",
    "I look forward to your answer.",
    "You will love it.",
    "They will deliver on Tuesday.",
    "I don't think I will make it.",
    "I dread the public hit we will take.",
]


@pytest.mark.parametrize("text", PROMISING)
def test_the_rules_find_a_promise_the_head_missed(text: str) -> None:
    assert len(find(book(Said(US, day(2), text)))) == 1


@pytest.mark.parametrize("text", NOT_PROMISING)
def test_what_is_no_promise_is_not_found_by_the_rules(text: str) -> None:
    assert find(book(Said(US, day(2), text))) == []


def test_the_prefilter_lets_through_whatever_the_rules_would_find() -> None:
    texts = pa.array([*PROMISING, *NOT_PROMISING])
    passed = pc.match_substring_regex(texts, PREFILTER).to_pylist()
    judged = [read_act(text).probability > 0 for text in texts.to_pylist()]
    assert [text for text, ok, found in zip(texts.to_pylist(), passed, judged, strict=True) if found and not ok] == []


def test_the_head_finds_what_no_rule_knows_and_keeps_its_probability() -> None:
    (row,) = find(book(Said(US, day(2), "The date gets revised, count on me.", signals=[(0, "commitment", 0.9)])))
    assert row["probability"] == pytest.approx(0.9)


def test_a_rule_bars_a_question_that_the_head_took_for_a_promise() -> None:
    assert find(book(Said(US, day(2), "Will I see you there?", signals=[(0, "commitment", 0.9)]))) == []


def test_a_mark_below_one_half_counts_for_nothing() -> None:
    assert find(book(Said(US, day(2), "The date gets revised.", signals=[(0, "commitment", 0.49)]))) == []


def test_automatic_turns_promise_nothing() -> None:
    assert find(book(Said(US, day(2), "We will send you the invoice.", automatic=True))) == []


def test_a_promise_carries_actor_addressee_due_condition_and_place() -> None:
    text = "Once you have signed, I'll send the keys by Friday."
    (row,) = find(book(Said(US, day(2), f"Hi Bob, | {text}", recipients=[THEM])))
    assert (row["actor"], row["addressee"], row["side"], row["circle"]) == (US, THEM, "us", "customer")
    assert (row["condition"], row["due_words"], row["due_rule"]) == ("Once you have signed", "by Friday", "explicit")
    assert row["due_latest"] == datetime(2026, 3, 6, 23, 59, 59, tzinfo=UTC)
    assert (row["start"], row["end"], row["text"]) == (10, 10 + len(text), text)
    assert (row["specific"], row["state"], row["decided_by"], row["observability"]) == (True, "open", "machine", "O1")


def test_the_addressee_is_whoever_spoke_before_where_no_recipient_is_known() -> None:
    (row,) = find(book(Said(THEM, day(2), "Hello."), Said(US, day(2, 10), "I will send it.")))
    assert row["addressee"] == THEM


def test_their_promises_to_us_are_found_too() -> None:
    (row,) = find(book(Said(THEM, day(2), "We will pay the invoice by Friday.")))
    assert (row["side"], row["actor"], row["observability"]) == ("them", THEM, "O2")


def test_an_undated_turn_or_a_false_date_gives_no_due_time() -> None:
    for moment in (None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)):
        tables = book(Said(US, moment, "I will send it by Friday."))
        (row,) = find(tables)
        assert (row["due_latest"], row["due_rule"]) == (None, "none")
        states = {settled["state"] for settled in settle(tables, datetime(2100, 1, 1, tzinfo=UTC))}
        assert states <= {"open", "unknown"}


SEND = Said(US, day(2), "I'll send you the contract by Friday.")
FIX = Said(US, day(2), "We will fix the pump by Wednesday.")


class Case(NamedTuple):
    name: str
    turns: Sequence[Said]
    state: str
    proof: str | None  # turn id


CASES = [
    Case("attachment", [SEND, Said(US, day(5), "Please find it attached.", ["contract_v2.pdf"])], "kept", "t1"),
    Case("named delivery", [SEND, Said(US, day(4), "Here is the contract.")], "kept", "t1"),
    Case("within grace", [SEND, Said(US, day(7, 8), "Attached is the contract.")], "kept", "t1"),
    Case("after grace", [SEND, Said(US, day(9), "Attached is the contract.")], "late", "t1"),
    Case("by a colleague", [FIX, Said(COLLEAGUE, day(3), "The pump is fixed.")], "kept", "t1"),
    Case("by the head", [FIX, Said(US, day(3), "Pump runs.", signals=[(0, "done", 0.9)])], "kept", "t1"),
    Case("thanks that match", [FIX, Said(THEM, day(4), "Thank you for the pump repair.")], "kept", "t1"),
    Case("receipt", [SEND, Said(THEM, day(4), "Received the contract, all good.")], "kept", "t1"),
    Case("thanks for another thing", [SEND, Said(THEM, day(3), "Thanks for the lovely lunch.")], "suspected", None),
    Case("other matter done", [SEND, Said(US, day(3), "The brochure is done.")], "suspected", None),
    Case("anticipation", [SEND, Said(THEM, day(3), "Looking forward to the contract.")], "suspected", None),
    Case("another promise", [SEND, Said(US, day(3), "The contract will be sent soon.")], "suspected", None),
    Case("chased", [FIX, Said(THEM, day(9), "Any news on the pump?", signals=[(0, "chases", 0.8)])], "suspected", "t1"),
    Case("chased, then done", [FIX, Said(THEM, day(9), "Any news on the pump?"),
                               Said(US, day(10), "The pump is fixed now.")], "late", "t2"),
    Case("admitted", [SEND, Said(US, day(9), "I have not sent the contract yet.", signals=[(0, "not_done", 0.9)])],
         "suspected", "t1"),
    Case("moved in time", [SEND, Said(US, day(4), "I need until Tuesday for the contract.")], "withdrawn", "t1"),
    Case("silence on a visible act", [SEND], "suspected", None),
    Case("silence on an act of another system", [FIX], "unknown", None),
    Case("silence on an unseen act", [Said(US, day(2), "I'll talk to my boss by Friday.")], "unknown", None),
    Case("no due time, no evidence", [Said(US, day(2), "I will send you the contract.")], "open", None),
    Case("vague and silent", [Said(US, day(2), "I will send you the contract soon.")], "open", None),
    Case("answer", [Said(US, day(2), "I'll get back to you tomorrow."),
                    Said(US, day(3), "The tank holds two hundred litres and weighs ninety kilos.")], "kept", "t1"),
    Case("theirs, paid", [Said(THEM, day(2), "We will pay the invoice by Friday."),
                          Said(US, day(5), "We received your payment for the invoice.")], "kept", "t1"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_promise_ends_in_the_state_that_the_evidence_gives(case: Case) -> None:
    row = settle(book(*case.turns), day(30))[0]
    assert (row["state"], row["evidence_turn_id"]) == (case.state, case.proof)
    if case.proof is not None:
        turn = case.turns[int(case.proof[1:])]
        assert row["evidence_text"] == turn.text[row["evidence_start"] : row["evidence_end"]]
        assert row["state_at"] == turn.sent_at


def test_a_promise_is_open_until_due_grace_and_wait_have_passed() -> None:
    tables = book(SEND)
    due_latest = datetime(2026, 3, 6, 23, 59, 59, tzinfo=UTC)
    assert settle(tables, day(3))[0]["state"] == "open"
    assert settle(tables, due_latest + timedelta(days=8))[0]["state"] == "open"
    assert settle(tables, due_latest + timedelta(days=8, seconds=1))[0]["state"] == "suspected"


def test_what_was_sent_after_now_does_not_count() -> None:
    tables = book(SEND, Said(US, day(4), "Here is the contract."))
    assert settle(tables, day(3))[0]["state"] == "open"
    assert settle(tables, day(4))[0]["state"] == "kept"


def test_a_word_in_another_conversation_keeps_a_promise_or_takes_the_suspicion_away() -> None:
    elsewhere = Said(US, day(5), "Bob, the signed contract copy is in your inbox.", conversation="d")
    vague = Said(US, day(5), "The contract has three parts.", conversation="d")
    other = Said(US, day(5), "Lunch was lovely.", conversation="d")
    assert settle(book(SEND, elsewhere), day(30))[0]["state"] == "kept"
    assert settle(book(SEND, vague), day(30))[0]["state"] == "unknown"
    assert settle(book(SEND, other), day(30))[0]["state"] == "suspected"


def test_undated_turns_are_ordered_by_position_and_never_overdue() -> None:
    first = Said(US, None, "I'll send you the contract by Friday.")
    done = Said(US, None, "Here is the contract.")
    assert settle(book(first, done), day(30))[0]["state"] == "kept"
    assert settle(book(done, first), day(30))[0]["state"] == "open"
    assert settle(book(first), datetime(2090, 1, 1, tzinfo=UTC))[0]["state"] == "open"


def test_a_persons_decision_stands() -> None:
    tables = book(SEND, Said(US, day(4), "Here is the contract."))
    rows = find(tables)
    rows[0] |= {"state": "broken", "decided_by": "person", "state_at": day(20)}
    promises = pa.Table.from_pylist(rows, PROMISES)
    settled = settle_promises(promises, *tables, now=day(30), calendar=CALENDAR)
    assert settled.equals(promises)


def test_no_promises_and_no_turns_give_empty_tables() -> None:
    tables = Book(TURNS.empty_table(), SENTENCES.empty_table(), FINDINGS.empty_table())
    promises = find_promises(*tables, calendar=CALENDAR)
    assert promises.schema.equals(PROMISES)
    assert settle_promises(promises, *tables, now=day(30), calendar=CALENDAR).num_rows == 0


LINES = st.sampled_from([
    "I'll send you the contract by Friday.", "We will fix the pump by Wednesday.", "I'll get back to you tomorrow.",
    "Here is the contract.", "The pump is fixed.", "Thank you for the contract.", "Any news on the pump?",
    "I need until Tuesday for the contract.", "Good morning.", "I will send the pump drawings soon.",
    "We have talked to everybody in the house and they like the new plan.",
])  # fmt: skip
TURN = st.builds(
    Said,
    speaker=st.sampled_from([US, THEM, COLLEAGUE]),
    sent_at=st.one_of(st.none(), st.integers(0, 40 * 24).map(lambda hours: day(1, 0) + timedelta(hours=hours))),
    text=LINES,
    attachments=st.sampled_from([(), ("contract.pdf",)]),
    conversation=st.sampled_from(["c", "d"]),
)
TALKS = st.lists(TURN, max_size=12)
NOWS = st.integers(0, 60).map(day)


@given(said=TALKS, now=NOWS)
@settings(max_examples=60, deadline=None)
def test_no_promise_is_settled_by_an_earlier_turn_or_by_the_future(said: list[Said], now: datetime) -> None:
    tables = book(*said)
    sent = {f"t{number}": turn for number, turn in enumerate(said)}
    for row in settle(tables, now):
        if row["evidence_turn_id"] is None:
            continue
        promised, proof = sent[row["turn_id"]], sent[row["evidence_turn_id"]]
        if promised.sent_at is not None and proof.sent_at is not None:
            assert promised.sent_at <= proof.sent_at <= now
        else:
            assert int(row["turn_id"][1:]) < int(row["evidence_turn_id"][1:])


@given(said=TALKS, now=NOWS)
@settings(max_examples=60, deadline=None)
def test_settling_again_changes_nothing_and_a_machine_never_says_broken(said: list[Said], now: datetime) -> None:
    tables = book(*said)
    once = settle_promises(find_promises(*tables, calendar=CALENDAR), *tables, now=now, calendar=CALENDAR)
    again = settle_promises(once, *tables, now=now, calendar=CALENDAR)
    assert again.equals(once)
    assert "broken" not in once.column("state").to_pylist()
    assert once.schema.equals(PROMISES)


@given(said=TALKS, now=NOWS)
@settings(max_examples=30, deadline=None)
def test_without_the_turn_that_proves_it_a_state_does_not_stand_on_it(said: list[Said], now: datetime) -> None:
    tables = book(*said)
    promises = find_promises(*tables, calendar=CALENDAR)
    settled = settle_promises(promises, *tables, now=now, calendar=CALENDAR)
    for row in settled.to_pylist():
        gone = row["evidence_turn_id"]
        if gone is None:
            continue
        rest = [table.filter(pc.not_equal(table.column("turn_id"), gone)) for table in tables]
        kept = settled.filter(pc.not_equal(settled.column("turn_id"), gone))
        again = settle_promises(kept, *rest, now=now, calendar=CALENDAR)
        assert gone not in again.column("evidence_turn_id").to_pylist()
        afresh = settle_promises(find_promises(*rest, calendar=CALENDAR), *rest, now=now, calendar=CALENDAR)
        shown = ["promise_id", "state", "state_at", "evidence_turn_id", "evidence_text"]
        assert again.select(shown).equals(afresh.select(shown))


def test_deleting_the_only_evidence_opens_the_promise_again() -> None:
    tables = book(SEND, Said(US, day(4), "Here is the contract."))
    settled = settle_promises(find_promises(*tables, calendar=CALENDAR), *tables, now=day(5), calendar=CALENDAR)
    assert settled.column("state").to_pylist() == ["kept"]
    rest = [table.filter(pc.not_equal(table.column("turn_id"), "t1")) for table in tables]
    assert settle_promises(settled, *rest, now=day(5), calendar=CALENDAR).column("state").to_pylist() == ["open"]


def test_the_order_of_the_rows_does_not_matter() -> None:
    tables = book(*[case for each in CASES[:6] for case in each.turns])
    mixed = Book(*(table.take(list(range(table.num_rows))[::-1]) for table in tables))
    straight = {row["promise_id"]: row["state"] for row in settle(tables, day(30))}
    assert {row["promise_id"]: row["state"] for row in settle(mixed, day(30))} == straight


@pytest.mark.timed
@pytest.mark.parametrize("conversations", ["many", "one"])
def test_work_grows_in_step_with_the_book(conversations: str) -> None:
    """Four times the turns cost at most about six times as much, in many conversations and in one endless one."""

    def cost(turns: int) -> float:
        said = [
            Said(
                (US, THEM)[number % 2],
                day(1) + timedelta(hours=number),
                (f"I'll send you drawing {number} by Friday.", f"Here is part {number}.")[number % 3 == 0],
                conversation="c" if conversations == "one" else f"c{number // 6}",
            )
            for number in range(turns)
        ]
        tables = book(*said)
        begin = time.process_time()
        settle(tables, day(300))
        return time.process_time() - begin

    cost(100)
    small = cost(1000)
    assert cost(4000) < 6 * small + 0.3
