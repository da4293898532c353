"""Promises that two people make together, that a colleague is to keep, and that are said without "I will"."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.promises import Calendar, find_promises
from troth.promises.acts import read_act
from troth.promises.asks import PREFILTER as ASKING
from troth.promises.asks import read_ask, read_yes
from troth.promises.tokens import tokenise
from troth.schema import FINDINGS, PROMISES, SENTENCES, TURNS, conform

CALENDAR = Calendar()
ANNA, TOM, BOB, EVE = "anna@firm.com", "tom.hill@firm.com", "bob@acme.com", "eve@acme.com"


def day(number: int, hour: int = 9) -> datetime:
    """A day of March 2026; the 2nd is a Monday."""
    return datetime(2026, 3, number, hour, tzinfo=UTC)


class Said(NamedTuple):
    speaker: str
    text: str  # sentences divided by " | "
    sent_at: datetime | None = None
    conversation: str = "c"
    recipients: Sequence[str] = ()
    name: str | None = None
    is_dated: bool = True


def find(*said: Said) -> list[dict[str, Any]]:
    """Promises of these turns; turn ids are t0, t1, ..., a day apart from Monday 2 March where no time is given."""
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    for number, turn in enumerate(said):
        moment = turn.sent_at or day(2 + number)
        turns.append({
            "turn_id": f"t{number}", "conversation_id": turn.conversation, "position": number,
            "sent_at": moment if turn.is_dated else None, "speaker": turn.speaker, "speaker_name": turn.name,
            "recipients": list(turn.recipients), "channel": "mail", "body": turn.text, "automatic": False,
            "source": "test", "side": "us" if turn.speaker.endswith("firm.com") else "them", "circle": "customer",
            "relationship": "acme.com",
        })  # fmt: skip
        start = 0
        for place, text in enumerate(turn.text.split(" | ")):
            sentences.append({
                "turn_id": f"t{number}", "sentence": place, "start": start, "end": start + len(text), "text": text,
            })  # fmt: skip
            start += len(text) + 3
    found = find_promises(
        conform(pa.Table.from_pylist(turns, TURNS), TURNS),
        conform(pa.Table.from_pylist(sentences, SENTENCES), SENTENCES),
        FINDINGS.empty_table(),
        calendar=CALENDAR,
    )
    assert found.schema.equals(PROMISES)
    return found.to_pylist()


def test_an_accepted_request_is_the_accepters_with_the_requests_act_and_due() -> None:
    (row,) = find(Said(BOB, "Could you send us the figures by Friday?"), Said(ANNA, "Sure."))
    assert (row["actor"], row["addressee"], row["side"], row["origin"]) == (ANNA, BOB, "us", "request accepted")
    assert (row["turn_id"], row["text"], row["origin_turn_id"]) == ("t1", "Sure.", "t0")
    assert row["act"] == "Could you send us the figures by Friday?"
    assert (row["due_words"], row["due_latest"]) == ("by Friday", datetime(2026, 3, 6, 23, 59, 59, tzinfo=UTC))
    assert (row["said_at"], row["observability"], row["specific"]) == (day(3), "O1", True)


def test_will_do_takes_over_what_was_asked() -> None:
    (row,) = find(Said(BOB, "Please fix the pump tomorrow."), Said(ANNA, "Will do."))
    assert (row["text"], row["act"], row["origin"]) == ("Will do.", "Please fix the pump tomorrow.", "request accepted")
    # "tomorrow" was said on Monday the 2nd, and Anna answered on Tuesday the 3rd.
    assert row["due_latest"] == datetime(2026, 3, 3, 23, 59, 59, tzinfo=UTC)


def test_the_accepter_may_name_another_time() -> None:
    (row,) = find(Said(BOB, "Can you send the draft on Friday?"), Said(ANNA, "Ok, Monday then."))
    assert (row["due_words"], row["due_latest"]) == ("Monday", datetime(2026, 3, 9, 23, 59, 59, tzinfo=UTC))


def test_a_promise_in_words_of_its_own_names_the_request_it_answers() -> None:
    (row,) = find(
        Said(BOB, "Could you send the contract by Friday?"), Said(ANNA, "Yes, I will send you the contract tonight.")
    )
    assert (row["origin"], row["origin_turn_id"], row["due_words"]) == ("request accepted", "t0", "tonight")
    assert row["act"] == row["text"] == "Yes, I will send you the contract tonight."


def test_an_offer_becomes_a_promise_with_the_yes() -> None:
    offer = Said(ANNA, "I can send you the figures tomorrow.")
    assert find(offer) == []
    assert find(offer, Said(BOB, "No thanks, we have them.")) == []
    (row,) = find(offer, Said(BOB, "Yes please."))
    assert (row["actor"], row["addressee"], row["side"], row["origin"]) == (ANNA, BOB, "us", "offer accepted")
    assert (row["turn_id"], row["origin_turn_id"], row["text"]) == ("t0", "t1", "I can send you the figures tomorrow.")
    assert row["said_at"] == day(3)
    assert row["due_latest"] == datetime(2026, 3, 3, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "offer",
    [
        "Shall I call the insurance?",
        "Would you like me to book the hall?",
        "I'm happy to send you a sample.",
        "I'll send it if you like.",
        "If you want, I can drive over.",
        "Do you want me to ask him?",
    ],
)
@pytest.mark.parametrize("answer", ["Yes please!", "That would be great, thanks.", "Please do.", "Sounds good."])
def test_offers_and_the_ways_to_take_them(offer: str, answer: str) -> None:
    assert [row["origin"] for row in find(Said(ANNA, offer), Said(BOB, answer))] == ["offer accepted"]


@pytest.mark.parametrize(
    "answer",
    [
        "No, sorry.",
        "I am afraid we cannot.",
        "Sure?",
        "Okay but not this week.",
        "Yes, I already sent it.",
        "Why?",
        "Good people are hard to find these days in this town.",
        "Unfortunately not.",
        "Let me think about it for a while first.",
    ],
)
def test_what_is_no_yes_makes_no_promise_of_a_request(answer: str) -> None:
    found = find(Said(BOB, "Could you send us the figures by Friday?"), Said(ANNA, answer))
    assert [row for row in found if row["origin"] == "request accepted"] == []


def test_an_answer_to_a_question_is_no_promise() -> None:
    assert find(Said(BOB, "Could you tell me the price?"), Said(ANNA, "Sure, 40 euros.")) == []
    assert find(Said(BOB, "Is the pump red?"), Said(ANNA, "Yes.")) == []


PAIRS = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "test_promises_pairs.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
NOT_YET = {  # answers that the rules still read wrongly
    "That should be possible.",
    "Done by tonight.",
    "Yes, the sooner the better.",
    "That works.",
}


@pytest.mark.parametrize(("asked", "answered", "origin"), PAIRS)
def test_what_two_turns_make_together(asked: str, answered: str, origin: str, request: pytest.FixtureRequest) -> None:
    if answered in NOT_YET:
        request.applymarker(pytest.mark.xfail(strict=True, reason="a known gap of the rules"))
    found = [row["origin"] for row in find(Said(BOB, asked), Said(ANNA, answered)) if row["origin"] != "stated"]
    assert found == ([] if origin == "none" else [origin])


def test_one_yes_accepts_every_request_unless_it_names_one() -> None:
    asking = Said(BOB, "Please send the drawings. | Please book the crane for Friday.")
    both = find(asking, Said(ANNA, "Will do!"))
    assert [row["act"] for row in both] == ["Please send the drawings.", "Please book the crane for Friday."]
    assert len({row["promise_id"] for row in both}) == 2
    (one,) = find(asking, Said(ANNA, "Sure, the crane is easy."))
    assert one["act"] == "Please book the crane for Friday."


def test_the_nearest_request_is_the_one_accepted_and_only_once() -> None:
    rows = find(
        Said(BOB, "Please send the drawings."),
        Said(ANNA, "Which ones?"),
        Said(BOB, "Could you call me about that?"),
        Said(ANNA, "Sure."),
        Said(ANNA, "Sure."),
    )
    assert [row["act"] for row in rows] == ["Could you call me about that?"]


def test_a_yes_after_a_while_or_elsewhere_answers_nothing() -> None:
    asking = Said(BOB, "Please send the drawings.")
    chat = [Said((ANNA, BOB)[number % 2], "It rained.") for number in range(6)]
    assert find(asking, *chat, Said(ANNA, "Sure.")) == []
    assert find(asking, Said(ANNA, "Sure.", conversation="d")) == []
    assert find(asking, Said(ANNA, "Sure.", sent_at=day(25))) == []
    assert find(asking, Said(BOB, "Sure.")) == []
    assert find(asking, Said(EVE, "Sure.")) == []  # on the asking side


def test_colleagues_make_promises_to_each_other() -> None:
    (row,) = find(Said(ANNA, "Tom, can you check the valve?"), Said(TOM, "On it."))
    assert (row["actor"], row["addressee"], row["act"]) == (TOM, ANNA, "Tom, can you check the valve?")


def test_a_request_whose_time_had_passed_before_the_yes_leaves_no_due_time() -> None:
    (row,) = find(Said(BOB, "Please send it by Tuesday.", sent_at=day(2)), Said(ANNA, "Will do.", sent_at=day(6)))
    assert (row["origin"], row["due_rule"], row["due_latest"]) == ("request accepted", "none", None)


def test_a_named_colleague_is_the_actor() -> None:
    seen = Said(TOM, "Hello.", name="Tom Hill", conversation="x")
    (row,) = find(seen, Said(ANNA, "Tom will call you tomorrow.", recipients=[BOB]))
    assert (row["actor"], row["side"], row["addressee"]) == (TOM, "us", BOB)
    (row,) = find(seen, Said(ANNA, "Tom is awake, he'll ring you within ten minutes."))
    assert row["actor"] == TOM
    (row,) = find(seen, Said(ANNA, "Tom calls you this afternoon."))
    assert (row["actor"], row["due_rule"]) == (TOM, "relative")
    (row,) = find(Said(ANNA, "Our fitter will come on Monday."))
    assert row["actor"] == ANNA


def test_a_stranger_or_somebody_of_the_other_side_is_promised_for_by_nobody() -> None:
    assert find(Said(ANNA, "Tom will call you tomorrow.")) == []
    theirs = Said(EVE, "Hello.", name="Eve Stone", conversation="x")
    assert find(theirs, Said(ANNA, "Eve will call you tomorrow.")) == []


@pytest.mark.parametrize(
    "text",
    [
        "Installed by Friday 3 July.",
        "You should have the parts by Friday.",
        "The invoice will be paid on 20 March.",
        "Both envelopes are on your table by 15 March.",
        "Give us until Thursday.",
        "I call you tomorrow.",
        "We pay on Friday.",
        "I won't tell anyone.",
        "We will not charge you for this.",
        "I pledge to be there.",
    ],
)
def test_promises_in_other_words(text: str) -> None:
    assert [row["origin"] for row in find(Said(ANNA, text))] == ["stated"]


@pytest.mark.parametrize(
    "text",
    [
        "Installed by our own people.",
        "You should have the parts.",
        "Please pay by Friday.",
        "The form must be with us by Friday.",
        "If we pay on Friday, we save money.",
        "Shall we pay on Friday?",
        "I will not sign this.",
        "We won't accept that price.",
        "I can read German.",
        "I could eat a horse.",
        "We met on Friday.",
        "Did I call you today?",
        "Registration is open by Friday.",
    ],
)
def test_the_same_forms_without_a_promise(text: str) -> None:
    assert find(Said(ANNA, text)) == []


def test_a_false_or_missing_date_gives_an_accepted_promise_no_due_time() -> None:
    for moment in (datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 6, 1, tzinfo=UTC)):
        rows = find(Said(BOB, "Could you send it by Friday?", sent_at=moment), Said(ANNA, "Sure.", sent_at=moment))
        assert [(row["origin"], row["due_latest"]) for row in rows] == [("request accepted", None)]
    undated = find(Said(BOB, "Please send it by Friday.", is_dated=False), Said(ANNA, "Sure.", is_dated=False))
    assert [(row["origin"], row["said_at"], row["due_latest"]) for row in undated] == [("request accepted", None, None)]
    # A request that claims to come from the future of its answer is not answered by it.
    assert find(Said(BOB, "Please send it by Friday.", sent_at=day(20)), Said(ANNA, "Sure.", sent_at=day(3))) == []


def test_the_asking_prefilter_lets_through_whatever_the_rules_would_read() -> None:
    import pyarrow.compute as pc  # noqa: PLC0415

    asks = [
        "Could you send it?", "Please send it.", "Shall I call?", "Let's meet on Monday.", "Send me the file.",
        "I need you to sign it.", "Would you like me to go?", "Können Sie das schicken?", "How about Monday?",
    ]  # fmt: skip
    answers = ["Will do.", "Sure.", "Ok.", "Yes please.", "Monday it is.", "Go ahead.", "Mache ich.", "With pleasure."]
    for text in asks:
        assert read_ask(tokenise(text), request=0.0, offer=0.0) is not None, text
    for text in answers:
        assert read_yes(tokenise(text), to_offer=True, accepts=0.0) is not None, text
    passed = pc.match_substring_regex(pa.array([*asks, *answers]), ASKING).to_pylist()
    assert passed == [True] * len(passed)


WORDS = st.sampled_from(
    "could you please send it will do sure yes no ok i can call tomorrow shall we by friday ? . , the pump".split()
)
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
TALK = st.lists(st.tuples(st.sampled_from([ANNA, TOM, BOB]), TEXTS), max_size=8)


@given(talk=TALK)
@settings(max_examples=60, deadline=None)
def test_an_agreed_promise_rests_on_two_people_and_has_its_own_name(talk: list[tuple[str, str]]) -> None:
    rows = find(*(Said(who, text) for who, text in talk))
    speakers = {f"t{number}": who for number, (who, _) in enumerate(talk)}
    assert len({row["promise_id"] for row in rows}) == len(rows)
    for row in rows:
        assert row["probability"] >= 0.5
        assert row["actor"] == speakers[row["turn_id"]]
        if row["origin"] != "stated":
            assert speakers[row["origin_turn_id"]] != row["actor"]
            assert row["due_latest"] is None or row["due_latest"] >= row["said_at"]


@given(text=st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_is_judged_without_an_error(text: str) -> None:
    tokens = tokenise(text)
    read_act(text)
    read_ask(tokens, request=0.0, offer=0.0)
    read_yes(tokens, to_offer=True, accepts=0.0)
    find(Said(ANNA, text), Said(BOB, text))


@pytest.mark.timed
def test_finding_grows_in_step_with_the_book() -> None:
    """Eight times the turns cost at most about eleven times as much, in many conversations and in one endless one."""

    def cost(turns: int, *, one: bool) -> float:
        said = [
            Said(
                (ANNA, BOB)[number % 2],
                ("Could you send drawing %d by Friday? | I will call Tom.", "Sure, will do. | Thanks!")[number % 2]
                % (() if number % 2 else (number,)),
                sent_at=day(1) + timedelta(hours=number),
                conversation="c" if one else f"c{number // 6}",
            )
            for number in range(turns)
        ]
        begin = time.process_time()
        assert len(find(*said)) >= turns // 2
        return time.process_time() - begin

    for one in (True, False):
        cost(100, one=one)
        assert cost(8000, one=one) < 11 * cost(1000, one=one) + 0.5
