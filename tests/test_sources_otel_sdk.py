"""What the OpenTelemetry SDK itself writes of an agent is read: its console exporter, pretty and as lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutations import read_whole

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

import troth
from troth.settings import Settings

ASKED = "Please cancel booking 42 and refund me."
SAID = "I have cancelled booking 42. I have refunded 80 euro to your card."


def message(role: str, text: str) -> dict[str, Any]:
    """As the semantic conventions have it since 1.37."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def trace(path: Path, form: Callable[[ReadableSpan], str] | None) -> None:
    """An agent's turn with two tools, the second of which fails, as its instrumentation would trace it."""
    with path.open("w", encoding="utf-8") as file:
        exporter = ConsoleSpanExporter(out=file) if form is None else ConsoleSpanExporter(out=file, formatter=form)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("agent")
        named = {"gen_ai.conversation.id": "talk-1", "gen_ai.provider.name": "acme"}
        with tracer.start_as_current_span(
            "invoke_agent", attributes={**named, "gen_ai.operation.name": "invoke_agent"}
        ):
            for number, (tool, error) in enumerate((("cancel_booking", ""), ("refund_payment", "card expired"))):
                attributes = named | {
                    "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool,
                    "gen_ai.tool.call.id": f"call-{number}",
                    "gen_ai.tool.call.arguments": json.dumps({"booking": 42}),
                }  # fmt: skip
                with tracer.start_as_current_span(f"execute_tool {tool}", attributes=attributes) as span:
                    if error:
                        span.set_status(Status(StatusCode.ERROR, error))
            talk = named | {
                "gen_ai.operation.name": "chat",
                "gen_ai.input.messages": json.dumps([message("user", ASKED)]),
                "gen_ai.output.messages": json.dumps([message("assistant", SAID)]),
            }
            with tracer.start_as_current_span("chat model", attributes=talk):
                pass
        provider.shutdown()


@pytest.mark.parametrize("form", [None, lambda span: span.to_json(indent=None) + "\n"], ids=["pretty", "lines"])
def test_spans_of_the_sdk_become_turns_and_calls(tmp_path: Path, form: Callable[[ReadableSpan], str] | None) -> None:
    path = tmp_path / "spans.json"
    trace(path, form)
    reading, rows = read_whole(path)
    assert reading.format.name == "otel"
    assert [(row["body"], row["conversation_id"]) for row in rows["turns"]] == [(ASKED, "talk-1"), (SAID, "talk-1")]
    assert [(row["tool"], json.loads(row["arguments"]), row["failed"]) for row in rows["calls"]] == [
        ("cancel_booking", {"booking": 42}, False), ("refund_payment", {"booking": 42}, True),
    ]  # fmt: skip
    with troth.open(settings=Settings()) as book:
        book.read(path)
        verdicts = {row["text"]: row["verdict"] for row in book.check_agents().checks.to_pylist()}
    assert verdicts == {
        "I have cancelled booking 42.": "said and done",
        "I have refunded 80 euro to your card.": "said and not done",
    }
