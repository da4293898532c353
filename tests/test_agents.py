"""From a log with tool calls, or a yes to a request, to what is shown of it."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import troth
from troth.agents import CHECKED, COUNTED, VERDICTS
from troth.cli import app
from troth.errors import InputError
from troth.review.html import render_close
from troth.schema import CALLS, empty
from troth.sources import Reading, Rejected, read_source

SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))
AIRLINE = SHARED / "data/interactions/ai_agent_airline"


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def message(role: str, content: Any = None, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def call(number: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}


CHAT = [
    message("system", "You may cancel bookings."),
    message("user", "Please cancel booking 42 and refund me."),
    message("assistant", tool_calls=[call("1", "cancel_booking", '{"booking": 42}'), call("2", "refund_payment")]),
    message("tool", '{"status": "ok"}', tool_call_id="1"),
    message("tool", "Error: card expired", tool_call_id="2"),
    message("assistant", "I have cancelled booking 42. I have refunded 80 euro to your card."),
]
VERDICT_OF = {
    "I have cancelled booking 42.": "said and done",
    "I have refunded 80 euro to your card.": "said and not done",
}
ROWS = [
    {"conversation_id": "a", "id": "a1", "sender": "Bo", "sender_side": "customer", "text": "Cancel it, please."},
    {"conversation_id": "a", "id": "a2", "sender": "bot", "sender_side": "company", "text": "I have cancelled it.",
     "tool_calls": [{"tool": "cancel_order", "arguments": {"order": 7}, "result": "ok"}]},
    {"conversation_id": "b", "id": "b1", "sender": "Cy", "sender_side": "customer", "text": "Cancel mine too."},
    {"conversation_id": "b", "id": "b2", "sender": "bot", "sender_side": "company", "text": "I have cancelled it."},
]  # fmt: skip


def read_all(path: Path) -> tuple[Reading, list[dict[str, Any]], list[dict[str, Any]]]:
    reading = read_source(path)
    turns, calls = list[dict[str, Any]](), list[dict[str, Any]]()
    for batch in reading:
        turns += batch.to_pylist()
        taken = reading.take_side().get("calls", empty(CALLS))
        assert taken.schema == CALLS
        calls += taken.to_pylist()
    assert reading.seen == len(turns) + len(calls) + reading.duplicates + len(reading.rejected)
    return reading, turns, calls


def verdicts_of(*paths: Path) -> dict[str, str]:
    with troth.open() as book:
        for path in paths:
            book.read(path)
        return {row["text"]: row["verdict"] for row in book.check_agents().checks.to_pylist()}


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_chat_is_read_whole_or_message_by_message(tmp_path: Path, is_whole: bool):
    rows = [{"id": "c", "messages": CHAT}] if is_whole else [one | {"conversation_id": "c"} for one in CHAT]
    path = write(tmp_path / "chat.jsonl", rows)
    reading, turns, calls = read_all(path)
    assert not reading.rejected
    assert [(turn["speaker"], turn["side"], turn["automatic"]) for turn in turns] == [
        ("system", None, True), ("user", "them", False), ("assistant", "us", False),
    ]  # fmt: skip
    assert [(one["call_id"], one["turn_id"], one["tool"], one["failed"]) for one in calls] == [
        ("c/1", turns[1]["turn_id"], "cancel_booking", False),
        ("c/2", turns[1]["turn_id"], "refund_payment", True),
    ]
    assert calls[0]["arguments"] == '{"booking": 42}'
    assert verdicts_of(path) == VERDICT_OF


def test_messages_without_a_conversation_are_one_chat(tmp_path: Path):
    assert verdicts_of(write(tmp_path / "chat.jsonl", CHAT)) == VERDICT_OF


def test_parts_of_a_message_are_joined_and_a_picture_is_named(tmp_path: Path):
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url"}, {"type": "text", "text": "broken."}]
    _, (turn,), _ = read_all(write(tmp_path / "chat.jsonl", [{"messages": [message("user", parts)]}]))
    assert (turn["body"], turn["attachments"]) == ("Look:\nbroken.", ["image_url"])


def test_a_call_beside_a_text_was_made_before_it_only_with_its_result(tmp_path: Path):
    late = json.loads(json.dumps(ROWS[1]))
    del late["tool_calls"][0]["result"]
    done, promised = (write(tmp_path / name, [ROWS[0], row]) for name, row in (("1", ROWS[1]), ("2", late)))
    assert verdicts_of(done) == {"I have cancelled it.": "said and done"}
    assert verdicts_of(promised) == {"I have cancelled it.": "said and not done"}


def test_a_conversation_without_any_call_is_checked_too_and_mail_is_not(tmp_path: Path):
    mail = {"from": "me@firm.example", "to": ["x@acme.example"], "text": "I have cancelled it.", "id": "m"}
    with troth.open() as book:
        book.read(write(tmp_path / "log.jsonl", ROWS))
        book.read(write(tmp_path / "mail.jsonl", [mail]), us="firm.example")
        report = book.check_agents()
        assert report.agents == ("bot",)
        assert report.checks.schema == CHECKED
        assert report.conversations.schema == COUNTED
        counts = {row.pop("conversation_id"): row for row in report.conversations.to_pylist()}
        assert counts["a"] | {"relationship": ""} == {
            "relationship": "", "turns": 2, "calls": 1, "failed": 0,
            "said_and_not_done": 0, "done_and_not_said": 0, "said_and_done": 1,
        }  # fmt: skip
        assert list(counts) == ["b", "a"]
        assert counts["b"]["said_and_not_done"] == 1
        (row,) = book.check_agents(conversation="a").checks.to_pylist()
        assert (row["arguments"], row["call_turn_id"]) == ('{"order": 7}', "a2")
        home = counts["b"]["relationship"]
        assert book.check_agents(relationship=home).conversations["conversation_id"].to_pylist() == ["b"]
        with pytest.raises(InputError, match="no agent whose tool calls"):
            book.check_agents(conversation="m")


def test_malformed_calls_are_listed_with_their_turn(tmp_path: Path):
    row = ROWS[1] | {"tool_calls": ["x", {"arguments": "{}"}, {"tool": "cancel_order"}]}
    alone = {"agent_actions": [{"tool": "cancel_order"}]}
    orphan = {"messages": [message("tool", "ok", tool_call_id="9"), message("assistant"), "nothing"]}
    reading, turns, calls = read_all(write(tmp_path / "log.jsonl", [row, alone, orphan]))
    assert (len(turns), len(calls)) == (1, 1)
    assert reading.rejected == [
        Rejected(position="line 1, call 1 with turn a2", reason="a tool call that is no object"),
        Rejected(position="line 1, call 2 with turn a2", reason="a tool call without the name of a tool"),
        Rejected(position="line 2, call 1", reason="a tool call without a conversation"),
        Rejected(position="line 3, message 1", reason="the result of a tool call that is not there"),
        Rejected(position="line 3, message 2", reason="a message without words"),
        Rejected(position="line 3, message 3", reason="no message: it needs a 'role' and a 'content'"),
    ]


def test_reading_again_adds_nothing_and_dropped_turns_take_their_calls(tmp_path: Path):
    first = {"conversation_id": "a", "agent_actions": [{"tool": "open_case"}, {"after": "a1", "tool": "get_order"}]}
    log, early = write(tmp_path / "log.jsonl", ROWS), write(tmp_path / "early.jsonl", [first])
    with troth.open(tmp_path / "book.duckdb") as book:
        reports = [book.read(path) for path in (log, early, log, early)]
        assert [(one.beside["calls"], one.beside_added["calls"], one.added) for one in reports] == [
            (1, 1, 4), (2, 2, 0), (1, 0, 0), (2, 0, 0),
        ]  # fmt: skip
        assert book.drop_turns(["a1"])["calls"] == 1
        assert sorted(book.table("calls")["tool"].to_pylist()) == ["cancel_order", "open_case"]
        assert book.drop_turns(["b1", "b2"]).get("calls") is None
        assert book.drop_turns(["a2"])["calls"] == 2  # the one before the first turn has nothing left to stand with
        assert not book.table("calls").num_rows


def test_what_the_book_exports_can_be_read_again(tmp_path: Path):
    with troth.open() as book:
        book.read(write(tmp_path / "log.jsonl", ROWS))
        paths = [write(tmp_path / name, book.table(name).to_pylist()) for name in ("turns", "calls")]
        before = book.check_agents().checks
    with troth.open() as book:
        for path in paths:
            book.read(path)
        assert book.check_agents().checks.equals(before)


def test_json_at_the_limit_of_its_depth_is_read_or_rejected(tmp_path: Path):
    """What can just be parsed can be too deep to be written down again."""
    outcomes, path = set[int](), tmp_path / "deep.jsonl"
    for depth in (100, *range(860, 1000)):
        nested = "[" * depth + "]" * depth
        row = f'{{"text": "a", "tool_calls": [{{"tool": "t", "arguments": {{"a": {nested}}}}}]}}\n'
        path.write_text('{"text": "Hello."}\n' + 2 * row, "utf-8")
        reading, _, calls = read_all(path)
        assert all(one.reason == "JSON nested too deeply" for one in reading.rejected)
        outcomes.add(len(calls))
    assert outcomes >= {0, 2}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["role", "content", "tool_calls", "function", "name", "arguments", "id", "text", "type",
                         "messages", "agent_actions", "after", "tool", "result", "conversation_id", "call_id"]),
        inner | st.sampled_from(["user", "assistant", "tool", "text"]), max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(rows=st.lists(st.dictionaries(st.sampled_from(["messages", "role", "content", "tool_calls", "text", "tool",
                                                      "agent_actions", "conversation_id", "call_id"]), JSON,
                                     max_size=4), max_size=4))  # fmt: skip
def test_no_row_stops_the_reading(rows: list[Any], tmp_path_factory: pytest.TempPathFactory):
    path = write(tmp_path_factory.getbasetemp() / "any.jsonl", [{"text": "Hello."}, *rows])
    _, turns, calls = read_all(path)
    assert turns[0]["body"] == "Hello."
    assert len({one["call_id"] for one in calls}) == len(calls)


def test_the_command_shows_sentence_and_call_in_every_shape(tmp_path: Path):
    log, run = str(write(tmp_path / "log.jsonl", [*ROWS, {"id": "=c", "messages": CHAT}])), CliRunner()
    shown = run.invoke(app, ["agents", log])
    assert shown.exit_code == 0
    assert "3 conversations: 2 said and not done, 0 done and not said, 2 said and done" in shown.stdout
    assert '→ cancel_booking {"booking": 42}' in shown.stdout
    lines = run.invoke(app, ["agents", log, "--format", "jsonl", "--verdict", "said and not done"]).stdout.splitlines()
    assert {json.loads(line)["text"] for line in lines} == {
        "I have cancelled it.",
        "I have refunded 80 euro to your card.",
    }
    cells = list(csv.DictReader(run.invoke(app, ["agents", log, "--counts", "--format", "csv"]).stdout.splitlines()))
    assert {row["conversation_id"]: row["failed"] for row in cells} == {"a": "0", "b": "0", "'=c": "1"}


def test_the_command_works_on_a_book_and_says_what_is_missing(tmp_path: Path):
    book, log, run = str(tmp_path / "book.duckdb"), str(write(tmp_path / "log.jsonl", ROWS)), CliRunner()
    nothing = run.invoke(app, ["agents", "--book", book])
    assert (nothing.exit_code, "No tool call of an agent" in nothing.stderr) == (0, True)
    assert run.invoke(app, ["read", log, "--book", book]).exit_code == 0
    assert "1 said and not done" in run.invoke(app, ["agents", "--book", book]).stdout
    for wrong in (["--verdict", "done"], [log, "--book", book]):
        assert isinstance(run.invoke(app, ["agents", *wrong]).exception, InputError)


@pytest.mark.skipif(not AIRLINE.is_dir(), reason="the airline agent's runs are not here")
def test_the_airline_agent_told_of_nearly_all_it_did():
    with troth.open() as book:
        reports = [book.read(AIRLINE / f"{name}.jsonl") for name in ("messages", "outcomes")]
        told = [(one.turns, one.beside.get("calls", 0), one.rejected) for one in reports]
        assert told == [(2841, 0, ()), (0, 1164, ())]
        report = book.check_agents()
    counts = Counter(report.checks["verdict"].to_pylist())
    assert dict(zip(VERDICTS, (7, 11, 164), strict=True)) == counts
    with (AIRLINE / "outcomes.jsonl").open(encoding="utf-8") as file:
        made = {run["conversation_id"]: len(run["agent_actions"]) for run in map(json.loads, file)}
    told = report.conversations.to_pylist()
    assert {row["conversation_id"]: row["calls"] for row in told} == made


ASKED = "Could you send me the offer by Friday, 20 November?"
MAIL = [
    {"id": "1", "conversation_id": "k", "from": "bo@acme.example", "to": ["anna@firm.example"], "subject": "Offer",
     "sent_at": "2026-11-18T09:00:00+00:00", "text": f"Hello Anna,\n\n{ASKED}\n\nBo"},
    {"id": "2", "conversation_id": "k", "from": "anna@firm.example", "to": ["bo@acme.example"], "subject": "Re: Offer",
     "sent_at": "2026-11-19T10:00:00+00:00", "parent_id": "1", "text": "Hello Bo,\n\nSure, will do.\n\nAnna"},
]  # fmt: skip


def test_a_yes_is_shown_with_what_it_says_yes_to(tmp_path: Path):
    path, run = str(tmp_path / "book.duckdb"), CliRunner(env={"COLUMNS": "240"})
    with troth.open(path) as book:
        book.read(write(tmp_path / "mail.jsonl", MAIL), us="anna@firm.example")
        (row,) = book.promises().to_pylist()
        assert (row["origin"], row["text"], row["act"]) == ("request accepted", "Sure, will do.", ASKED)
        listed = book.list_promises("2026-11-19").to_pylist()
        assert book.explain_promise(row["promise_id"], day="2026-11-19").act == ASKED
        calendar = book.promise_calendar("2026-11-19", rows=listed).decode().replace("\r\n ", "")
        page = render_close(book.review("2026-11-19"), whose="us", made_with="this")
    assert f"SUMMARY:Promised to bo@acme.example: {ASKED}".replace(",", "\\,") in calendar
    shapes = (["promises", "--day"], ["promises", "why", row["promise_id"], "--day"], ["review", "--day"])
    for words in shapes:
        shown = run.invoke(app, [*words, "2026-11-19", "--book", path])
        assert shown.exit_code == 0, shown.stderr
        assert ASKED in " ".join(shown.stdout.split()), words
    assert ASKED in " ".join(run.invoke(app, ["show", "acme.example", "--book", path]).stdout.split())
    assert f"<q>Sure, will do.</q> → <q>{ASKED}</q>" in page


def test_a_story_of_an_earlier_day_leaves_out_what_came_later(tmp_path: Path):
    sent = {"id": "3", "sent_at": "2026-11-20T09:00:00+00:00", "text": "Bo, here is the offer.",
            "attachments": ["offer.pdf"]}  # fmt: skip
    with troth.open() as book:
        book.read(write(tmp_path / "mail.jsonl", [*MAIL, MAIL[1] | sent]), us="anna@firm.example")
        (row,) = book.list_promises("2026-11-19").to_pylist()
        assert book.list_promises("2026-11-20")["state"].to_pylist() == ["kept"]
        states = [
            [event.state for event in book.explain_promise(row["promise_id"], day=day).events if event.kind == "state"]
            for day in ("2026-11-19", "2026-11-20")
        ]
    assert states == [[], ["kept"]]


def test_an_evening_before_the_yes_knows_no_promise(tmp_path: Path):
    with troth.open() as book:
        book.read(write(tmp_path / "mail.jsonl", MAIL), us="anna@firm.example")
        assert not book.list_promises("2026-11-18").num_rows
        assert not book.review("2026-11-18").promises
        assert not book.promise_history().num_rows
        assert book.review("2026-11-19").promises
