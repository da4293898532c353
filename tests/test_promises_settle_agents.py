"""What an AI agent said against the calls it made."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.promises.agents import AGENT_CHECKS, check_agent, deed_of_tool
from troth.schema import SENTENCES, TURNS, conform


def check(said: list[tuple[str, str]], calls: list[tuple[int, str, bool]]) -> list[dict[str, Any]]:
    """Turns as (side, text), calls as (place of the turn before, tool, failed)."""
    turns = [
        {
            "turn_id": f"t{place}", "conversation_id": "c", "position": place, "speaker": side, "channel": "chat",
            "body": text, "automatic": False, "source": "test", "side": side,
        }
        for place, (side, text) in enumerate(said)
    ]  # fmt: skip
    sentences = [
        {"turn_id": f"t{place}", "sentence": 0, "start": 0, "end": len(text), "text": text}
        for place, (_, text) in enumerate(said)
    ]
    made = [
        {"conversation_id": "c", "turn_id": f"t{after}" if after >= 0 else None, "tool": tool, "failed": failed}
        for after, tool, failed in calls
    ]
    return check_agent(
        conform(pa.Table.from_pylist(turns, TURNS), TURNS),
        conform(pa.Table.from_pylist(sentences, SENTENCES), SENTENCES),
        pa.table({name: [call[name] for call in made] for name in ("conversation_id", "turn_id", "tool", "failed")}),
    ).to_pylist()


ASK = ("them", "Please cancel my booking.")
DONE = ("us", "Your booking has been successfully cancelled.")
CANCEL = "cancel_reservation"


@pytest.mark.parametrize(
    ("said", "calls", "verdicts"),
    [
        ([ASK, DONE], [(0, CANCEL, False)], ["said and done"]),
        ([ASK, DONE], [(0, CANCEL, True)], ["said and not done"]),
        ([ASK, DONE], [(1, CANCEL, False)], ["said and not done"]),  # only then was it called, and not told
        ([ASK, ("us", "Anything else?")], [(0, CANCEL, False)], ["done and not said"]),
        ([ASK, ("us", "I will cancel it now."), ASK], [(2, CANCEL, False)], ["said and done"]),
        ([ASK, ("us", "I will cancel it now.")], [(0, CANCEL, True)], ["said and not done"]),
        ([ASK, ("us", "Once you confirm, I will cancel it.")], [(0, CANCEL, True)], []),
        ([ASK, ("us", "It has not been cancelled.")], [(0, CANCEL, True)], []),
        ([ASK, ("us", "It was booked in May.")], [(0, "book_flight", True)], []),
        ([("them", "I have cancelled it.")], [(0, CANCEL, True)], []),
        ([ASK, ("us", "I have refunded it.")], [(0, CANCEL, True)], []),  # no tool here can pay
        ([ASK, DONE, ("us", "As said, I have cancelled it.")], [(0, CANCEL, False)], ["said and done"] * 2),
        ([ASK, ("us", "One moment.")], [(0, "get_user", False)], []),
    ],
)
def test_each_sentence_and_call_finds_its_other_half(
    said: list[tuple[str, str]], calls: list[tuple[int, str, bool]], verdicts: list[str]
) -> None:
    assert [row["verdict"] for row in check(said, calls)] == verdicts


def test_the_sentence_stands_beside_the_call() -> None:
    (row,) = check([ASK, DONE], [(0, CANCEL, False)])
    assert (row["turn_id"], row["text"], row["tool"], row["kind"]) == ("t1", DONE[1], CANCEL, "cancel")
    assert row["is_pledge"] is False


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        ("cancel_reservation", "cancel"),
        ("update-baggage", "change"),
        ("sendMail", None),
        ("get_booking", None),
        ("", None),
    ],
)
def test_a_tool_is_known_by_its_verb(tool: str, kind: str | None) -> None:
    assert deed_of_tool(tool) == kind


TEXTS = st.sampled_from([
    "I have cancelled it.", "I will cancel it.", "Hello.", "Has it been cancelled?", "We booked the room.",
])  # fmt: skip


@given(
    said=st.lists(st.tuples(st.sampled_from(["us", "them"]), TEXTS), max_size=8),
    calls=st.lists(
        st.tuples(st.integers(-1, 9), st.sampled_from([CANCEL, "book_room", "find_room"]), st.booleans()), max_size=6
    ),
)
def test_every_told_deed_has_a_call_and_no_failed_call_counts(
    said: list[tuple[str, str]], calls: list[tuple[int, str, bool]]
) -> None:
    rows = check(said, calls)
    good = [tool for _, tool, failed in calls if not failed and tool != "find_room"]
    for row in rows:
        if row["verdict"] == "said and not done":
            assert row["tool"] is None
        else:
            assert row["tool"] in good
    untold = [row["tool"] for row in rows if row["verdict"] == "done and not said"]
    assert all(untold.count(tool) <= good.count(tool) for tool in untold)
    assert pa.Table.from_pylist(rows, AGENT_CHECKS).num_rows == len(rows)
