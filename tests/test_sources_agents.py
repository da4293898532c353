"""Logs of language models and AI agents: requests that repeat what was said, answers, runs, OpenTelemetry."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import read_broken, read_whole

from troth.sources import read_source, recognise
from troth.sources.model_logs import MODEL_LOGS
from troth.sources.otel import OTEL
from troth.sources.reader import Reader

SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))
NANO = 1_790_000_000_000_000_000
AT = datetime.fromtimestamp(NANO // 10**9, UTC)

USER = {"role": "user", "content": "Please cancel booking 42."}
CALLING = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "cancel", "arguments": '{"id": 42}'}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "Error: locked"}
DONE = {"role": "assistant", "content": "I have cancelled booking 42."}
THANKS = {"role": "user", "content": "Thanks!"}
BYE = {"role": "assistant", "content": "Bye."}
WHOLE = [USER, CALLING, RESULT, DONE, THANKS, BYE]
SAID = [
    ("them", "Please cancel booking 42."),
    ("us", "I have cancelled booking 42."),
    ("them", "Thanks!"),
    ("us", "Bye."),
]
Found = tuple[list[tuple[str | None, str]], list[tuple[str, str | None, bool]], dict[str, list[dict[str, Any]]]]


def completion(message: dict[str, Any], number: int) -> dict[str, Any]:
    choices = [{"index": 0, "message": message | {"refusal": None}, "finish_reason": "stop"}]
    created = 1_790_000_000 + number
    return {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": created, "choices": choices}


def read(folder: Path, content: object, *, lines: bool = False) -> Found:
    path = folder / "log.json"
    rows = content if lines and isinstance(content, list) else [content]
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    reading, tables = read_whole(path)
    assert reading.rejected == []
    said = [(turn["side"], turn["body"]) for turn in tables["turns"] if not turn["automatic"]]
    calls = [(call["tool"], call["arguments"], call["failed"]) for call in tables.get("calls", [])]
    return said, calls, tables


# The whole history with each request, as an interface is called; then only what is new; then answers alone.
REQUESTS = [
    {"conversation_id": "k", "request": {"messages": WHOLE[:end]}, "response": completion(WHOLE[end], end)}
    for end in (1, 3, 5)
]
RESPONSES = [
    {
        "object": "response",
        "id": f"r{end}",
        "created_at": 1_790_000_000 + end,
        "metadata": {"session_id": "k"},
        "instructions": "Be kind.",
        "input": asked,
        "output": answered,
    }
    for end, asked, answered in (
        (
            1,
            "Please cancel booking 42.",
            [
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "call_id": "c1", "name": "cancel", "arguments": '{"id": 42}'},
            ],
        ),
        (
            2,
            [
                {"role": "user", "content": [{"type": "input_text", "text": "Please cancel booking 42."}]},
                {"type": "function_call", "call_id": "c1", "name": "cancel", "arguments": '{"id": 42}'},
                {"type": "function_call_output", "call_id": "c1", "output": "Error: locked"},
            ],
            [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": DONE["content"]}]}],
        ),
        (3, [THANKS], [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Bye."}]}]),
    )
]
CLAUDE = [
    {
        "conversation_id": "k",
        "system": "Be kind.",
        "messages": [
            USER,
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "cancel", "input": {"id": 42}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "locked", "is_error": True}],
            },
            {"role": "assistant", "content": [{"type": "text", "text": DONE["content"]}]},
            THANKS,
            BYE,
        ],
    },
]


def attributes(**given: Any) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in given.items()]


def span(number: int, *, begin: int, **given: Any) -> dict[str, Any]:
    events = given.pop("events", [])
    return {
        "traceId": "t1",
        "spanId": f"s{number}",
        "name": f"chat {number}",
        "startTimeUnixNano": str(NANO + begin * 10**9),
        "endTimeUnixNano": str(NANO + (begin + 1) * 10**9),
        "attributes": attributes(**given),
        "events": events,
    }


def otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


def parts(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        response = {"type": "tool_call_response", "id": "c1", "response": message["content"]}
        return {"role": "tool", "parts": [response]}
    if message.get("tool_calls"):
        call = {"type": "tool_call", "id": "c1", "name": "cancel", "arguments": {"id": 42}}
        return {"role": "assistant", "parts": [call], "finish_reason": "tool_call"}
    return {"role": message["role"], "parts": [{"type": "text", "content": message["content"]}]}


def event(message: dict[str, Any], *, last: bool) -> dict[str, Any]:
    kind = {"user": "user.message", "assistant": "assistant.message", "tool": "tool.message"}[message["role"]]
    body: dict[str, Any] = {"content": message["content"]}
    if "tool_calls" in message:
        body["tool_calls"] = message["tool_calls"]
    if message["role"] == "tool":
        body["id"] = "c1"
    content = json.dumps({"message": body, "index": 0} if last else body)
    name = "gen_ai.choice" if last else f"gen_ai.{kind}"
    return {"timeUnixNano": str(NANO), "name": name, "attributes": attributes(**{"gen_ai.event.content": content})}


def numbered(messages: list[dict[str, Any]], side: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, message in enumerate(messages):
        stem = f"gen_ai.{side}.{number}"
        found |= {
            f"{stem}.{name}": message[name] or "" for name in ("role", "content", "tool_call_id") if name in message
        }
        for at, call in enumerate(message.get("tool_calls", ())):
            fields = {"id": call["id"], **call["function"]}
            found |= {f"{stem}.tool_calls.{at}.{name}": value for name, value in fields.items()}
    return found


ENDS = (1, 3, 5)
NAME = {"gen_ai.conversation.id": "k", "gen_ai.operation.name": "chat"}
LATEST = otlp(
    *(
        span(
            end,
            begin=end * 10,
            **NAME,
            **{
                "gen_ai.input.messages": json.dumps([parts(message) for message in WHOLE[:end]]),
                "gen_ai.output.messages": json.dumps([parts(WHOLE[end])]),
            },
        )
        for end in reversed(ENDS)  # spans are written as they end, the order of time is theirs
    )
)
EVENTS = otlp(
    *(
        span(
            end,
            begin=end * 10,
            **NAME,
            events=[event(message, last=at == end) for at, message in enumerate(WHOLE[: end + 1])],
        )
        for end in ENDS
    )
)
LOGGED = {
    "resourceLogs": [
        {
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            **event(message, last=at == end),
                            "eventName": event(message, last=at == end)["name"],
                            "traceId": "t1",
                            "spanId": f"s{end}",
                            "timeUnixNano": str(NANO + end * 10**10),
                        }
                        for end in ENDS
                        for at, message in enumerate(WHOLE[: end + 1])
                    ]
                }
            ]
        }
    ]
}
CONSOLE = [
    {
        "name": "chat",
        "context": {"trace_id": "0xt1", "span_id": f"0x{end}"},
        "start_time": f"2026-09-21T12:13:{end * 10}Z",
        "end_time": f"2026-09-21T12:13:{end * 10 + 1}Z",
        "attributes": NAME | numbered(WHOLE[:end], "prompt") | numbered(WHOLE[end : end + 1], "completion"),
        "events": [],
    }
    for end in ENDS
]

FORMS: dict[str, tuple[object, bool]] = {
    "an array of one chat": ([{"conversation_id": "k", "messages": WHOLE}], False),
    "a chat over many lines": ({"conversation_id": "k", "messages": WHOLE}, False),
    "an array of messages": (WHOLE, False),
    "runs of an agent": ([{"task_id": 1, "reward": 0.0, "traj": WHOLE}], False),
    "requests with answers": (REQUESTS, False),
    "requests with answers, a line each": (REQUESTS, True),
    "the responses interface": (RESPONSES, True),
    "anthropic": (CLAUDE, False),
    "spans with messages": (LATEST, False),
    "spans with events": (EVENTS, False),
    "events in the log": (LOGGED, False),
    "spans with numbered attributes": (CONSOLE, False),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_conversation_is_told_once_whatever_log_it_stands_in(form: str, tmp_path: Path):
    content, lines = FORMS[form]
    said, calls, tables = read(tmp_path, content, lines=lines)
    assert said == SAID
    assert [(tool, json.loads(arguments or "null"), failed) for tool, arguments, failed in calls] == [
        ("cancel", {"id": 42}, True)
    ]
    assert len({turn["conversation_id"] for turn in tables["turns"]}) == 1
    # The call stands behind the words of the customer that asked for it.
    assert tables["calls"][0]["turn_id"] == next(turn["turn_id"] for turn in tables["turns"] if turn["side"] == "them")


def test_an_array_gives_what_lines_give(tmp_path: Path):
    chats = [{"conversation_id": "k", "messages": WHOLE}, {"messages": [THANKS, BYE]}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    (tmp_path / "b.json").write_text(json.dumps(chats, indent=1))
    assert [recognise(tmp_path / name).name for name in ("a.jsonl", "b.json")] == ["jsonl", "model log"]
    both = [read_whole(tmp_path / name)[1] for name in ("a.jsonl", "b.json")]
    for table in ("turns", "calls"):
        first, second = ([{**row, "source": "", "position": 0} for row in tables[table]] for tables in both)
        assert first == second
    rows = [{"id": f"r{n}", "text": f"t{n}", "conversation_id": "c", "speaker": "x@y.example"} for n in range(3)]
    assert [turn["body"] for turn in read(tmp_path, rows)[2]["turns"]] == ["t0", "t1", "t2"]


def test_times_are_those_of_the_calls(tmp_path: Path):
    turns = read(tmp_path, LATEST)[2]["turns"]
    assert [(turn["sent_at"] - AT).total_seconds() for turn in turns] == [10, 31, 50, 51]
    turns = read(tmp_path, REQUESTS, lines=True)[2]["turns"]
    assert [(turn["sent_at"] - AT).total_seconds() for turn in turns] == [1, 3, 5, 5]


def test_requests_that_name_no_conversation_go_on_where_they_begin_with_all_of_one(tmp_path: Path):
    rows = [{name: value for name, value in row.items() if name != "conversation_id"} for row in REQUESTS]
    other = {"request": {"messages": [USER]}, "response": completion(BYE, 9)}
    said, _, tables = read(tmp_path, [rows[0], other, *rows[1:]], lines=True)
    talks = [turn["conversation_id"] for turn in tables["turns"]]
    assert len(set(talks)) == 2
    assert [words for talk, (_, words) in zip(talks, said, strict=True) if talk == talks[0]] == [
        words for _, words in SAID
    ]


def test_spans_of_tools_are_calls_where_no_message_tells_of_them(tmp_path: Path):
    tool = span(
        9,
        begin=12,
        **{"gen_ai.tool.name": "refund", "gen_ai.tool.call.arguments": '{"eur": 5}', "gen_ai.tool.call.id": "c9"},
    )
    failed = span(8, begin=13, **{"gen_ai.tool.name": "mail"}) | {"status": {"code": 2}}
    told = span(7, begin=14, **{"gen_ai.tool.name": "cancel"})
    silent = span(6, begin=15, **{"gen_ai.operation.name": "chat"})
    document = otlp(*LATEST["resourceSpans"][0]["scopeSpans"][0]["spans"], tool, failed, told, silent)
    path = tmp_path / "log.json"
    path.write_text(json.dumps(document))
    reading, tables = read_whole(path)
    assert {(call["conversation_id"], call["tool"], call["failed"]) for call in tables["calls"]} == {
        ("k", "cancel", True),
        ("k", "refund", False),
        ("k", "mail", True),
    }
    assert reading.notes["spans of a model without recorded content"] == 1
    assert reading.notes["spans of tools whose call stands in a message"] == 1


def test_reading_a_log_again_gives_the_same_ids(tmp_path: Path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(CONSOLE))
    first, second = ([batch["turn_id"].to_pylist() for batch in read_source(path)] for _ in range(2))
    assert first == second


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["user", "assistant"]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
            str.strip
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chat=MESSAGES, cuts=st.sets(st.integers(0, 7)))
def test_made_up_chats_come_back_from_requests_cut_anywhere(
    chat: list[tuple[str, str]], cuts: set[int], tmp_path: Path
):
    """Each request carries all before it, the answer the next message; what is asked for is every message once."""
    messages = [{"role": role, "content": text} for role, text in chat]
    ends = sorted({cut for cut in cuts if cut < len(messages)} | {len(messages) - 1})
    rows = [
        {"conversation_id": "k", "request": {"messages": messages[:end]}, "response": completion(messages[end], end)}
        for end in ends
    ]
    said, _, _ = read(tmp_path, rows)
    assert said == [({"user": "them", "assistant": "us"}[role], text) for role, text in chat]


@pytest.mark.parametrize(
    ("reader", "content"),
    [(MODEL_LOGS, REQUESTS), (MODEL_LOGS, CLAUDE), (OTEL, LATEST), (OTEL, CONSOLE)],
    ids=["requests", "anthropic", "otlp", "console"],
)
def test_no_broken_log_stops_the_reading(reader: Reader, content: object, tmp_path: Path):
    found = list(read_broken(reader, {"": json.dumps(content).encode()}, tmp_path, seed=5, share=0.25))
    assert len(found) > 50
    assert sum(found) > 0


def test_a_log_nested_too_deeply_is_refused_or_rejected(tmp_path: Path):
    deep = "[" * 30_000 + "]" * 30_000
    path = tmp_path / "log.json"
    path.write_text('[{"messages": [{"role": "user", "content": "hi"}]}, {"traj": ' + deep + "}]")
    reading, tables = read_whole(path)
    assert [turn["body"] for turn in tables["turns"]] == ["hi"]
    assert len(reading.rejected) == 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
def test_the_real_runs_of_an_agent_are_read_whole():
    path = SHARED / "samples/ai_agent_trajectory/two_trajectories.json"
    runs = json.loads(path.read_bytes())
    messages = [message for run in runs for message in run["traj"]]
    reading, tables = read_whole(path)
    assert reading.rejected == []
    assert len(tables["turns"]) == sum(1 for one in messages if one["role"] != "tool" and one["content"])
    assert len(tables["calls"]) == sum(len(one.get("tool_calls") or ()) for one in messages)
