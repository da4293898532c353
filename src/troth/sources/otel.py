"""Conversations of AI agents in OpenTelemetry: spans and events with the attributes `gen_ai.*`.

https://opentelemetry.io/docs/specs/semconv/gen-ai/ names them; content has stood in three places so far: in the
attributes gen_ai.input.messages and gen_ai.output.messages, in events gen_ai.user.message … gen_ai.choice of a span or
of the log, and in numbered attributes gen_ai.prompt.0.content of instrumentations before that. All are read, from OTLP
as JSON (a document or lines) and from lists of spans as the console exporter writes them. Content that the
instrumentation did not record is not there to be read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

import re2

from troth.sources.cells import read_text
from troth.sources.charsets import clean
from troth.sources.documents import find_keys
from troth.sources.exchanges import Conversations, Exchange, Row, list_plain
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part, pick
from troth.sources.json_items import read_items
from troth.sources.jsonl import TOO_DEEP
from troth.sources.reader import Context, Reader
from troth.sources.turns import Call, Piece, Rejected

_ENVELOPES: Final = frozenset({"resourceSpans", "resourceLogs", "scopeSpans", "scopeLogs", "trace_id", "traceId"})
_NO_CONTENT: Final = "spans of a model without recorded content"
_OTHER: Final = "spans that are no call of a model or a tool"
_TOLD: Final = "spans of tools whose call stands in a message"
_EVENTS: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}
_NUMBERED: Final = re2.compile(
    r"^gen_ai\.(prompt|completion)\.(\d{1,5})\.(role|content|tool_call_id|tool_calls\.(\d{1,4})\.(id|name|arguments))$"
)
_CONVERSATION: Final = (
    "gen_ai.conversation.id",
    "session.id",
    "gen_ai.thread.id",
    "thread.id",
    "traceloop.association.properties.session_id",
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_US: Final = 41 * 10**14  # microseconds: the year 2099


class _Span(NamedTuple):
    """A span or a record of the log, its attributes made plain."""

    where: str
    trace: str
    span: str
    name: str
    begun: datetime | None
    ended: datetime | None
    attributes: Row
    events: list[tuple[str, Row]]
    failed: bool


def _is_it(export: Export) -> bool:
    return export.kind != "folder" and all(
        find_keys(export, name) & _ENVELOPES and b"gen_ai." in export.look(name) for name in export.names
    )


def _read(export: Export, context: Context) -> Iterator[Piece]:
    spans: list[_Span] = []
    logged: defaultdict[tuple[str, str], list[tuple[str, Row]]] = defaultdict(list)
    for name in export.names:
        for found in read_items(export, name, context.meter):
            if isinstance(found, Rejected):
                yield found
                continue
            where, row = found
            try:
                for span in _list_spans(row, where):
                    if span.name in _EVENTS and not span.events:
                        logged[span.trace, span.span].append((span.name, span.attributes))
                        spans.append(
                            span._replace(name="", attributes={})
                        )  # keeps the time, where its span is not here
                    else:
                        spans.append(span)
            except RecursionError:
                yield Rejected(position=where, reason=TOO_DEEP)
    yield from _tell(spans, logged, context)


def _tell(
    spans: list[_Span], logged: Mapping[tuple[str, str], list[tuple[str, Row]]], context: Context
) -> Iterator[Piece]:
    """The exchanges in the order of time, then the calls of tools that stand in spans of their own."""
    conversations = Conversations(context.source)
    named: dict[str, str] = {}  # trace: conversation, for spans that do not say
    for span in spans:
        if stated := _stated(span):
            named.setdefault(span.trace, stated)
    called: set[tuple[str, str]] = set()
    tools: list[tuple[str, _Span]] = []
    waiting = dict(logged)
    for span in sorted(spans, key=lambda one: (one.begun is None, one.begun or _EPOCH)):
        conversation = clean(_stated(span) or named.get(span.trace) or f"trace:{span.trace}")
        asked, answered = _messages(span, [*span.events, *waiting.pop((span.trace, span.span), ())])
        if asked or answered:
            times = (_iso(span.begun), _iso(span.ended))
            for piece in conversations.tell(Exchange(conversation, conversation, asked, answered, *times, span.where)):
                called |= _names_of(piece)
                yield piece
        elif read_text(span.attributes.get("gen_ai.tool.name")):
            tools.append((conversation, span))
        elif span.name:
            context.notes[_NO_CONTENT if "gen_ai.operation.name" in span.attributes else _OTHER] += 1
    for piece in conversations.rest():
        called |= _names_of(piece)
        yield piece
    for position, (conversation, span) in enumerate(tools):
        call = _tool_call(span, conversation, position)
        if _names_of(call) <= called:
            context.notes[_TOLD] += 1
        else:
            yield call


def _stated(span: _Span) -> str | None:
    return next((text for name in _CONVERSATION if (text := read_text(span.attributes.get(name)))), None)


def _names_of(piece: Piece) -> set[tuple[str, str]]:
    return {(piece.conversation_id, piece.tool)} if isinstance(piece, Call) else set()


def _tool_call(span: _Span, conversation: str, position: int) -> Call:
    attributes = span.attributes
    given = attributes.get("gen_ai.tool.call.arguments")
    return Call(
        call_id=f"{conversation}/{read_text(attributes.get('gen_ai.tool.call.id')) or span.span}",
        conversation_id=conversation,
        turn_id=None,
        is_before=False,
        position=position,
        tool=read_text(attributes.get("gen_ai.tool.name")) or "unknown",
        arguments=given if given is None or isinstance(given, str) else clean(json.dumps(given, ensure_ascii=False)),
        failed=span.failed,
    )


def _messages(span: _Span, events: list[tuple[str, Row]]) -> tuple[list[Row], list[Row]]:
    """What was asked and answered in a span, wherever it stands."""
    found = span.attributes
    for name, attributes in events:  # the newest form of events carries the same attributes
        if "gen_ai.input.messages" in attributes or "gen_ai.output.messages" in attributes:
            found = {**found, **attributes}
        elif name == "gen_ai.content.prompt":
            found = {**found, "gen_ai.input.messages": attributes.get("gen_ai.prompt")}
        elif name == "gen_ai.content.completion":
            found = {**found, "gen_ai.output.messages": attributes.get("gen_ai.completion")}
    asked = list_plain(_parsed(found.get("gen_ai.input.messages")))
    answered = list_plain(_parsed(found.get("gen_ai.output.messages")))
    if not asked and not answered:
        asked, answered = _from_events(events)
    if not asked and not answered:
        asked, answered = _from_numbered(found)
    system = _parsed(found.get("gen_ai.system_instructions"))
    if isinstance(system, list) and asked:
        asked = [*list_plain([{"role": "system", "parts": system}]), *asked]
    return asked, answered


def _from_events(events: list[tuple[str, Row]]) -> tuple[list[Row], list[Row]]:
    asked: list[Row] = []
    answered: list[Row] = []
    for name, attributes in events:
        role = _EVENTS.get(name)
        if role is None:
            continue
        body = _parsed(attributes.get("gen_ai.event.content", attributes.get("body")))
        fields = cast("Row", body) if isinstance(body, dict) else attributes
        message = part(fields, "message") or fields
        inner = _parsed(message.get("message")) if isinstance(message.get("message"), str) else None
        message = {**(cast("Row", inner) if isinstance(inner, dict) else message)}
        plain = {
            "role": role,
            "content": message.get("content"),
            **({"tool_calls": calls} if (calls := _parsed(message.get("tool_calls"))) else {}),
            **({"tool_call_id": message.get("id")} if role == "tool" else {}),
        }
        (answered if name == "gen_ai.choice" else asked).extend(list_plain([plain]))
    return asked, answered


def _from_numbered(attributes: Row) -> tuple[list[Row], list[Row]]:
    """Messages whose parts are attributes of their own: gen_ai.prompt.0.content."""
    sides: dict[str, defaultdict[int, dict[str, Any]]] = {side: defaultdict(dict) for side in ("prompt", "completion")}
    for name, value in attributes.items():
        found = _NUMBERED.match(name)
        if found is None:
            continue
        side, number, field, call, what = found.groups()
        message = sides[str(side)][int(number or 0)]
        if call is None:
            message[str(field)] = value
        else:
            message.setdefault("calls", defaultdict[int, dict[str, Any]](dict))[int(call)][str(what)] = value
    asked, answered = ([_number(side[at]) for at in sorted(side)] for side in sides.values())
    return list_plain(asked), list_plain(
        [{**message, "role": message.get("role") or "assistant"} for message in answered]
    )


def _number(message: dict[str, Any]) -> Row:
    calls = message.pop("calls", {})
    return {"content": None, **message, **({"tool_calls": [calls[at] for at in sorted(calls)]} if calls else {})}


def _parsed(value: object) -> object:
    """What an attribute holds as text of JSON; other values, and text that is none, as they are."""
    if not isinstance(value, str) or value.lstrip()[:1] not in {"[", "{"}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _list_spans(row: Row, where: str) -> Iterator[_Span]:
    """The spans and log records of one document."""
    resources = (*items(row.get("resourceSpans")), *items(row.get("resourceLogs")))
    scopes = [
        scope
        for each in resources or (row,)
        for scope in (*items(each.get("scopeSpans")), *items(each.get("scopeLogs")))
    ]
    found = [span for scope in scopes for span in (*items(scope.get("spans")), *items(scope.get("logRecords")))]
    for number, span in enumerate(found or ([] if resources or scopes else [row]), start=1):
        yield _plain_span(span, f"{where}, span {number}" if found else where)


def _plain_span(span: Row, where: str) -> _Span:
    context = part(span, "context") or part(span, "spanContext")
    attributes = _attributes(span.get("attributes"))
    body = span.get("body")
    if isinstance(body, dict):
        attributes = {**attributes, "body": _value(body)}
    events = [
        (pick(event, "name", "eventName") or "", _attributes(event.get("attributes")))
        for event in items(span.get("events"))
    ]
    name = pick(span, "name", "eventName", "event_name") or read_text(attributes.get("event.name")) or "span"
    status = part(span, "status")
    return _Span(
        where=where,
        trace=pick(span, "traceId", "trace_id") or pick(context, "trace_id", "traceId") or "unknown",
        span=pick(span, "spanId", "span_id") or pick(context, "span_id", "spanId") or where,
        name=name,
        begun=_time(span, "startTimeUnixNano", "start_time", "timeUnixNano", "observedTimeUnixNano", "timestamp"),
        ended=_time(span, "endTimeUnixNano", "end_time", "timeUnixNano", "timestamp"),
        attributes=attributes,
        events=events,
        failed=str(pick(status, "code", "status_code")) in {"2", "STATUS_CODE_ERROR", "ERROR"}
        or "error.type" in attributes,
    )


def _attributes(given: object) -> Row:
    """Attributes as OTLP lists them, or as a plain object."""
    if isinstance(given, dict):
        return cast("Row", given)
    return {name: _value(part(each, "value")) for each in items(given) if (name := pick(each, "key")) is not None}


def _value(value: Row) -> Any:
    """A value of OTLP, which names its kind: {"stringValue": "x"}; a plain object as it is."""
    for kind in ("stringValue", "boolValue", "doubleValue", "intValue"):
        if kind in value:
            return value[kind]
    if "arrayValue" in value:
        return [_value(each) for each in items(part(value, "arrayValue").get("values"))]
    if "kvlistValue" in value:
        return _attributes(part(value, "kvlistValue").get("values"))
    return value


def _time(span: Row, *names: str) -> datetime | None:
    """Nanoseconds since 1970, or ISO 8601."""
    for name in names:
        text = read_text(span.get(name))
        if text is None:
            continue
        if text.isascii() and text.isdigit():
            microseconds = int(text[:25]) // 1_000
            return _EPOCH + timedelta(microseconds=microseconds) if 0 < microseconds < _LATEST_US else None
        try:
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    return None


def _iso(moment: datetime | None) -> str | None:
    return moment and moment.isoformat()


OTEL: Final = Reader(
    format=Format(
        name="otel",
        description="calls of language models and tools in OpenTelemetry (gen_ai.*), as JSON",
        takes="turns, tool calls of AI agents",
    ),
    is_it=_is_it,
    read=_read,
)
