"""Settling over conversations and systems: who may settle what, what stays unproved, and what never changes a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.promises import Calendar, Ongoing, find_promises, find_versions, found_by, settle_after, settle_promises
from troth.schema import FINDINGS, OUTCOMES, PROMISES, SENTENCES, TURNS, conform

US, THEM, COLLEAGUE, STRANGER = "anna@firm.com", "bob@acme.com", "carl@firm.com", "eve@other.com"
CALENDAR = Calendar()


def day(number: int, hour: int = 9) -> datetime:
    """A day of March 2026; the 2nd is a Monday."""
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=number - 1)


class Said(NamedTuple):
    speaker: str
    sent_at: datetime | None
    text: str
    conversation: str = "c"
    attachments: Sequence[str] = ()
    channel: str = "mail"
    relationship: str = "acme.com"
    subject: str | None = None
    circle: str = "customer"
    recipients: Sequence[str] = ()
    signals: Mapping[str, float] = {}


class Tables(NamedTuple):
    turns: pa.Table
    sentences: pa.Table
    findings: pa.Table


def tables(*said: Said) -> Tables:
    """One sentence a turn; turn ids are t0, t1, ..."""
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for number, turn in enumerate(said):
        span = {"turn_id": f"t{number}", "sentence": 0, "start": 0, "end": len(turn.text)}
        turns.append({
            "turn_id": f"t{number}", "conversation_id": turn.conversation, "position": number,
            "sent_at": turn.sent_at, "speaker": turn.speaker, "recipients": list(turn.recipients),
            "channel": turn.channel, "body": turn.text, "attachments": list(turn.attachments), "automatic": False,
            "source": "test", "side": "us" if turn.speaker.endswith("firm.com") else "them", "circle": turn.circle,
            "relationship": turn.relationship, "subject": turn.subject,
        })  # fmt: skip
        sentences.append({**span, "text": turn.text})
        findings.extend({**span, "signal": name, "probability": chance} for name, chance in turn.signals.items())
    return Tables(
        conform(pa.Table.from_pylist(turns, TURNS), TURNS),
        conform(pa.Table.from_pylist(sentences, SENTENCES), SENTENCES),
        conform(pa.Table.from_pylist(findings, FINDINGS), FINDINGS),
    )


def settle(*said: Said, now: datetime | None = None, outcomes: pa.Table | None = None) -> list[dict[str, Any]]:
    book = tables(*said)
    promises = find_promises(*book, calendar=CALENDAR)
    moment = now or day(40)
    return settle_promises(promises, *book, now=moment, calendar=CALENDAR, outcomes=outcomes).to_pylist()


REPORT = Said(US, day(2), "I'll send you the audit report by Friday.")
PUMP = Said(US, day(2), "We will repair the pump by Wednesday.", subject="Pump 3")


class Case(NamedTuple):
    name: str
    turns: Sequence[Said]
    state: str
    proof: str | None


CASES = [
    Case("document in another conversation",
         [REPORT, Said(US, day(4), "Good morning, see file.", "d", ["audit_report.pdf"])], "kept", "t1"),
    Case("another document in another conversation",
         [REPORT, Said(US, day(4), "Good morning, see file.", "d", ["holiday_photos.zip"])], "suspected", None),
    Case("their thanks in another conversation",
         [REPORT, Said(THEM, day(5), "Thank you for the audit report.", "d")], "kept", "t1"),
    Case("their chat, days later", [PUMP, Said(THEM, day(4), "The pump works again, thanks!", "d", channel="chat")],
         "kept", "t1"),
    Case("done by a colleague elsewhere", [PUMP, Said(COLLEAGUE, day(3), "The pump was repaired today.", "d")],
         "kept", "t1"),
    Case("done late elsewhere", [PUMP, Said(COLLEAGUE, day(12), "The pump was repaired today.", "d")], "late", "t1"),
    Case("said to another customer",
         [PUMP, Said(US, day(3), "The pump was repaired today.", "d", relationship="other.com")], "unknown", None),
    Case("another number", [Said(THEM, day(2), "We will pay invoice 4711 by Friday."),
                            Said(US, day(4), "Payment for invoice 4711 received, thank you.", "d")], "kept", "t1"),
    Case("a call is held", [Said(US, day(2), "I'll call you about the pump on Thursday.", subject="Pump 3"),
                            Said(US, day(5), "Hello, it is me about the pump.", "call-1", channel="call")], "kept",
         "t1"),
    Case("a plan is no act", [REPORT, Said(US, day(4), "I am going to send the audit report on Monday.", "d")],
         "withdrawn", "t1"),
    Case("a promise is no act", [PUMP, Said(US, day(3), "The pump will be repaired soon.", "d")], "unknown", None),
    Case("a question is no act", [PUMP, Said(US, day(3), "Has the pump been repaired?", "d")], "unknown", None),
    Case("a denial is no act", [PUMP, Said(COLLEAGUE, day(3), "The pump has not been repaired.", "d")], "unknown",
         None),
    Case("they miss it elsewhere",
         [REPORT, Said(THEM, day(12), "The audit report has not arrived, still waiting.", "c",
                       signals={"not_done": 0.9})], "suspected", "t1"),
    Case("they miss it, we answer", [REPORT, Said(THEM, day(12), "We have not got the audit report.",
                                                  signals={"not_done": 0.9}),
                                     Said(US, day(13), "It lay in your spam folder, please look there.")], "unknown",
         None),
    Case("missed before it was due", [PUMP, Said(THEM, day(3), "The pump has not been repaired.",
                                                 signals={"not_done": 0.9})], "unknown", None),
    Case("a year later", [PUMP, Said(COLLEAGUE, day(300), "The pump was repaired today.", "d")], "unknown", None),
    Case("a thread that answers itself", [PUMP._replace(text="We will repair the pump by Wednesday."),
                                          PUMP._replace(sent_at=day(3))], "unknown", None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_evidence_comes_from_anywhere_in_the_relationship_and_from_nowhere_else(case: Case) -> None:
    row = settle(*case.turns, now=day(350))[0]
    assert (row["state"], row["evidence_turn_id"]) == (case.state, case.proof)
    if case.proof is not None:
        turn = case.turns[int(case.proof[1:])]
        assert (row["evidence_text"], row["state_at"]) == (turn.text, turn.sent_at)
        assert 0.4 <= row["evidence_probability"] <= 1
    else:
        assert row["evidence_probability"] is None


def test_a_promise_with_a_new_date_stands_in_the_place_of_the_old_one() -> None:
    """The old one is withdrawn and names the new one; only the new one can be late."""
    rows = settle(
        REPORT,
        Said(US, day(5), "You will get the audit report by next Wednesday.", "d"),
        Said(US, day(20), "Here is the audit report.", "d"),
    )
    assert [row["state"] for row in rows] == ["withdrawn", "late"]
    assert rows[0]["replaced_by"] == rows[1]["promise_id"]
    assert rows[0]["evidence_turn_id"] == "t1"


def test_a_new_date_after_the_old_one_passed_withdraws_nothing() -> None:
    rows = settle(REPORT, Said(US, day(10), "You will get the audit report by next Wednesday.", "d"))
    assert "withdrawn" not in [row["state"] for row in rows]


def test_among_colleagues_only_talk_between_the_two_counts() -> None:
    asked = Said(US, day(2), "I'll send you the audit report by Friday.", circle="colleague", relationship="team",
                 recipients=[COLLEAGUE])  # fmt: skip
    between = Said(US, day(4), "Here is the audit report.", "d", circle="colleague", relationship="team",
                   recipients=[COLLEAGUE])  # fmt: skip
    assert settle(asked, between)[0]["state"] == "kept"
    assert settle(asked, between._replace(recipients=["dora@firm.com"]))[0]["state"] == "suspected"


def outcome(**changes: Any) -> pa.Table:
    row = {"outcome_id": "T-17", "relationship": "acme.com", "kind": "ticket", "state": "open", "opened_at": day(1)}
    return conform(pa.Table.from_pylist([row | changes], OUTCOMES), OUTCOMES)


def test_a_ticket_closed_keeps_the_promise_to_fix_it() -> None:
    fix = Said(US, day(2), "We will fix this by Wednesday.")
    assert settle(fix)[0]["state"] == "unknown"
    kept = settle(fix, outcomes=outcome(state="won", closed_at=day(4)))[0]
    assert (kept["state"], kept["state_at"], kept["evidence_text"]) == ("kept", day(4), "ticket T-17 was closed")
    late = settle(fix, outcomes=outcome(state="won", closed_at=day(9)))[0]
    assert late["state"] == "late"
    assert settle(fix, outcomes=outcome(opened_at=day(3), closed_at=day(4)))[0]["state"] == "unknown"
    assert settle(fix, outcomes=outcome(relationship="other.com", closed_at=day(4)))[0]["state"] == "unknown"


def test_a_ticket_that_stays_open_is_suspected_after_the_wait_and_open_before() -> None:
    fix = Said(US, day(2), "We will fix this by Wednesday.")
    still = settle(fix, outcomes=outcome(), now=day(40))[0]
    assert (still["state"], still["evidence_text"]) == ("suspected", "ticket T-17 is open")
    assert settle(fix, outcomes=outcome(), now=day(10))[0]["state"] == "open"
    assert settle(fix, outcomes=outcome(state="won", closed_at=day(30)), now=day(20))[0]["state"] == "suspected"


def test_two_open_tickets_say_nothing_unless_one_is_named() -> None:
    both = pa.concat_tables([outcome(), outcome(outcome_id="T-18", state="won", closed_at=day(3))])
    assert settle(Said(US, day(2), "We will fix this by Wednesday."), outcomes=both)[0]["state"] == "unknown"
    assert settle(Said(US, day(2), "We will fix T-18 by Wednesday."), outcomes=both)[0]["state"] == "kept"


def test_in_one_persons_mailbox_the_acts_of_others_may_go_unseen() -> None:
    """Everything in this book went through anna; what carl sends to bob alone is not in it."""
    talk = [Said(f"person{number}@acme.com", day(1), "Hello there.", recipients=[US]) for number in range(6)]
    ours = Said(US, day(2), "I'll send you the audit report by Friday.", recipients=[THEM])
    theirs = Said(COLLEAGUE, day(2), "I'll send you the audit report by Friday.", recipients=[THEM, US])
    assert settle(*talk, ours)[0]["state"] == "suspected"
    assert settle(*talk, theirs)[0]["state"] == "unknown"


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC), None])
def test_a_false_date_never_makes_an_overdue_promise(moment: datetime | None) -> None:
    rows = settle(REPORT._replace(sent_at=moment), now=datetime(2150, 1, 1, tzinfo=UTC))
    assert {row["state"] for row in rows} <= {"open", "unknown"}


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), None])
def test_a_turn_with_a_false_date_settles_only_in_its_own_conversation(moment: datetime | None) -> None:
    done = Said(US, moment, "Here is the audit report.")
    assert settle(REPORT, done)[0]["state"] == "kept"
    assert settle(REPORT, done._replace(conversation="d"))[0]["evidence_turn_id"] is None


CLOCKS = [
    ("spring, Berlin", "Europe/Berlin", "2026-03-27T09:00:00Z", "2026-03-29T21:59:59Z"),
    ("autumn, Berlin", "Europe/Berlin", "2026-10-23T09:00:00Z", "2026-10-25T22:59:59Z"),
    ("year end, UTC", "UTC", "2026-12-30T09:00:00Z", "2027-01-03T23:59:59Z"),
    ("leap day, Auckland", "Pacific/Auckland", "2028-02-25T00:00:00Z", "2028-02-27T10:59:59Z"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "zone", "said_at", "due"), CLOCKS, ids=[clock[0] for clock in CLOCKS])
def test_grace_is_a_day_of_true_hours_whatever_the_clock_does(name: str, zone: str, said_at: str, due: str) -> None:
    """On Sunday the speaker's day ends; a day later to the second is in time, a second later is late."""
    ends = datetime.fromisoformat(due)
    book = tables(
        Said(US, datetime.fromisoformat(said_at), "I'll send you the audit report by Sunday."),
        Said(US, ends + timedelta(hours=24), "Here is the audit report."),
    )
    calendar = Calendar(zone=zone)
    promises = find_promises(*book, calendar=calendar)
    assert promises.column("due_latest")[0].as_py().replace(microsecond=0) == ends
    now = ends + timedelta(days=2)
    assert settle_promises(promises, *book, now=now, calendar=calendar).column("state").to_pylist() == ["kept"]
    later = book.turns.to_pylist()
    later[1]["sent_at"] += timedelta(seconds=1)
    moved = pa.Table.from_pylist(later, TURNS)
    settled = settle_promises(promises, moved, book.sentences, book.findings, now=now, calendar=calendar)
    assert settled.column("state").to_pylist() == ["late"]


LINES = st.sampled_from([
    "I'll send you the audit report by Friday.", "We will repair the pump by Wednesday.", "I'll call you tomorrow.",
    "Here is the audit report.", "The pump was repaired.", "Thank you for the audit report.", "Where is the pump?",
    "The audit report has not arrived.", "I need until Tuesday for the audit report.", "You get the pump by Monday.",
    "Good morning.", "Carl will send you the audit report tomorrow.", "Could you repair the pump?", "Yes, will do.",
    "I can send you the audit report and I'll call you.",
    "We talked to everybody in the house and they like the new plan.", "Got it, thanks.",
])  # fmt: skip
TURN = st.builds(
    Said,
    speaker=st.sampled_from([US, THEM, COLLEAGUE]),
    sent_at=st.one_of(
        st.integers(0, 40 * 24).map(lambda hours: day(1, 0) + timedelta(hours=hours)),
        st.sampled_from([None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 6, 1, tzinfo=UTC)]),
    ),
    text=LINES,
    conversation=st.sampled_from(["c", "d", "e"]),
    attachments=st.sampled_from([(), ("audit_report.pdf",)]),
    channel=st.sampled_from(["mail", "chat", "call"]),
    subject=st.sampled_from([None, "Pump 3"]),
    signals=st.sampled_from([{}, {"not_done": 0.9}, {"done": 0.8}]),
    relationship=st.just("acme.com"),
    circle=st.just("customer"),
    recipients=st.just(()),
)
TALKS = st.lists(TURN, max_size=12)
NOWS = st.integers(0, 120).map(day)
SHOWN = ["promise_id", "state", "state_at", "evidence_turn_id", "evidence_text", "evidence_probability", "replaced_by"]


def settled_of(book: Tables, now: datetime) -> pa.Table:
    return settle_promises(find_promises(*book, calendar=CALENDAR), *book, now=now, calendar=CALENDAR)


@given(said=TALKS, now=NOWS)
@settings(max_examples=60, deadline=None)
def test_evidence_is_later_true_and_before_now(said: list[Said], now: datetime) -> None:
    for row in settled_of(tables(*said), now).to_pylist():
        if row["evidence_turn_id"] is None:
            continue
        promised, proof = said[int(row["turn_id"][1:])], said[int(row["evidence_turn_id"][1:])]
        if promised.conversation != proof.conversation:
            assert promised.sent_at is not None
            assert proof.sent_at is not None
            assert promised.sent_at < proof.sent_at
        assert proof.sent_at is None or proof.sent_at <= now
        assert row["evidence_turn_id"] != row["turn_id"]
        assert proof.text[row["evidence_start"] : row["evidence_end"]] == row["evidence_text"]


@given(said=TALKS, now=NOWS, order=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_and_reading_again_change_nothing(said: list[Said], now: datetime, order: Any) -> None:
    book = tables(*said)
    once = settled_of(book, now)
    shuffled = (pa.array(order.sample(range(table.num_rows), table.num_rows), pa.int64()) for table in book)
    mixed = Tables(*(table.take(rows) for table, rows in zip(book, shuffled, strict=True)))
    assert settled_of(mixed, now).sort_by("promise_id").select(SHOWN).equals(once.sort_by("promise_id").select(SHOWN))
    assert settle_promises(once, *book, now=now, calendar=CALENDAR).equals(once)
    assert "broken" not in once.column("state").to_pylist()


@given(said=TALKS, now=NOWS, foreign=st.lists(TURN, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_turns_of_another_relationship_change_nothing(said: list[Said], now: datetime, foreign: list[Said]) -> None:
    others = [turn._replace(conversation=f"x{turn.conversation}", relationship="other.com") for turn in foreign]
    alone = settled_of(tables(*said), now)
    among = settled_of(tables(*said, *others), now)
    assert among.filter(pc.equal(among.column("relationship"), "acme.com")).equals(alone)


@given(said=TALKS, now=NOWS)
@settings(max_examples=40, deadline=None)
def test_what_rested_on_a_turn_goes_with_it(said: list[Said], now: datetime) -> None:
    book = tables(*said)
    settled = settled_of(book, now)
    for gone in sorted(set(settled.column("evidence_turn_id").drop_null().to_pylist())):
        rest = Tables(*(table.filter(pc.not_equal(table.column("turn_id"), gone)) for table in book))
        again = settled_of(rest, now)
        assert gone not in again.column("evidence_turn_id").to_pylist()
        kept = settled.filter(pc.not_equal(settled.column("turn_id"), gone))
        resettled = settle_promises(kept, *rest, now=now, calendar=CALENDAR)
        assert resettled.select(SHOWN).equals(again.select(SHOWN))


@given(said=TALKS, now=NOWS)
@settings(max_examples=60, deadline=None)
def test_only_a_firm_true_date_makes_a_promise_late_or_suspected(said: list[Said], now: datetime) -> None:
    for row in settled_of(tables(*said), now).to_pylist():
        if row["state"] in ("late", "suspected"):
            assert row["due_latest"] is not None
            assert row["due_latest"] < now
            assert 1970 < row["due_latest"].year < 2099
        if row["state"] == "withdrawn":
            assert row["state_at"] is None or row["state_at"] <= row["due_latest"]


@given(said=TALKS, new=TURN, now=NOWS)
@settings(max_examples=40, deadline=None)
def test_settling_behind_one_new_turn_gives_what_settling_everything_gives(
    said: list[Said], new: Said, now: datetime
) -> None:
    others = [turn._replace(conversation=f"x{turn.conversation}", relationship="other.com") for turn in said]
    book = tables(*said, *others, new)
    promises = find_promises(*book, calendar=CALENDAR)
    name = f"t{len(said) * 2}"
    some = settle_after(promises, *book, new=[name], now=now, calendar=CALENDAR)
    every = settle_promises(promises, *book, now=now, calendar=CALENDAR)
    assert set(some.column("relationship").to_pylist()) <= {"acme.com"}
    mine = pc.is_in(every.column("promise_id"), some.column("promise_id").combine_chunks())
    assert some.equals(every.filter(mine))


ARRIVALS = st.lists(TURN.filter(lambda turn: turn.sent_at is None or turn.sent_at.year < 2099), max_size=14)
EVENINGS = (day(50), day(58), day(100), day(500))


@given(said=ARRIVALS, at_once=st.integers(1, 4), decided=st.none() | st.integers(0, 13))
@settings(max_examples=30, deadline=None)
def test_turn_by_turn_gives_what_all_turns_at_once_give(said: list[Said], at_once: int, decided: int | None) -> None:
    """Row by row, as of any evening behind all turns; what comes late into its conversation is not taken in."""
    book, ongoing = tables(*said), Ongoing()
    before = {now: PROMISES.empty_table() for now in EVENINGS}
    nothing = TURNS.empty_table(), SENTENCES.empty_table(), FINDINGS.empty_table()
    so_far = Tables(*nothing)
    for first in range(0, len(said), at_once):
        some = pa.array([f"t{place}" for place in range(first, min(first + at_once, len(said)))], pa.string())
        part = Tables(*(table.filter(pc.is_in(table["turn_id"], some)) for table in book))
        whole = Tables(*(pa.concat_tables(pair) for pair in zip(so_far, part, strict=True)))
        made = decide_one(found_by(find_versions(*whole, calendar=CALENDAR), EVENINGS[0]), decided)
        near = whole.turns.filter(pc.is_in(whole.turns["conversation_id"], part.turns["conversation_id"].unique()))
        of = near["turn_id"].combine_chunks()
        ids: list[str] = of.to_pylist()
        bearing = ongoing.add(*part, made=made.filter(pc.is_in(made["turn_id"], of)), of=ids)
        if bearing is None:
            assert comes_late(said[: first + at_once], first)
            return
        so_far = whole
        for now in EVENINGS:
            fresh = ongoing.settle(before[now], bearing, now=now, calendar=CALENDAR, outcomes=None)
            told = {row["promise_id"]: row for row in (*before[now].to_pylist(), *fresh.to_pylist())}
            rows = [row if row["decided_by"] == "person" else told[row["promise_id"]] for row in made.to_pylist()]
            every = settle_promises(made, *whole, now=now, calendar=CALENDAR)
            assert rows == every.to_pylist()
            before[now] = every


def decide_one(promises: pa.Table, place: int | None) -> pa.Table:
    """One of these promises as a person decided."""
    rows = promises.to_pylist()
    for row in rows:
        if row["turn_id"] == f"t{place}":
            row |= {"state": "contested", "decided_by": "person"}
    return pa.Table.from_pylist(rows, PROMISES)


def comes_late(said: Sequence[Said], first: int) -> bool:
    """Whether one of the turns from the first on has no true time, or an earlier one than one in its conversation."""

    def key(turn: Said) -> datetime | None:
        return None if turn.sent_at is None or turn.sent_at.year < 1971 else turn.sent_at

    pairs = [(key(one), key(other)) for one in said[first:] for other in said[:first] if is_one_talk(one, other)]
    return any(one is None or other is None or other > one for one, other in pairs)


def is_one_talk(one: Said, other: Said) -> bool:
    return one.conversation == other.conversation
