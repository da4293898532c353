"""Whatever is asked of the API: no crash, every answer is one that the description names, and no lock stays held.

TROTH_FUZZ is how many calls are made, at most 50,000, then of the whole sample; CI makes 2,000 of a small book.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import random
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import SETTINGS, serve_copy

from troth.api import open as open_book
from troth.errors import InputError
from troth.web.access import Role, Visitor
from troth.web.api.bringing import ARROW, JSON, NDJSON, Body, read_turns
from troth.web.app import make_app
from troth.web.keeper import Keeper

NIGHTLY = "TROTH_FUZZ" in os.environ
CALLS = min(int(os.environ.get("TROTH_FUZZ", "2000")), 50_000)
ROUND = 500  # calls of one operation under one seed; whoever made more of them would wait for Hypothesis's memory
STEPS = 6  # of one walk along links
LINKED = 0.05  # the part of the calls that follow links from answers
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SEED = 20_261_122
SHARE = {
    "POST /api/v1/turns": 0.1, "POST /api/v1/promises/{promise_id}/decisions": 0.1, "GET /api/v1/health": 0.1,
    "GET /api/v1/tables/{table}": 0.3,
}  # fmt: skip
"""Each write makes a view, a table is long, and health asks nothing; the others have a share of one."""
WHO = {
    "whole": Visitor(name="me", role=Role.sole),
    "own": Visitor(name="me", role=Role.member, person=SETTINGS.us[0]),
}
QUIET = settings(
    database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
)  # fmt: skip


@pytest.fixture(scope="module")
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if NIGHTLY:
        return request.getfixturevalue("sample_file")
    path = tmp_path_factory.mktemp("fuzzed") / "book.duckdb"
    words = [
        "Could you send the offer by Friday?",
        "We will send the offer by Friday.",
        "Thank you so much for your help!",
    ]
    with open_book(path, settings=SETTINGS) as book:
        book.add(
            [
                {"turn_id": f"s{n}/{n}", "conversation_id": f"s{n % 4}", "text": words[n % 3],
                 "speaker": "jo@a.example" if n % 3 == 0 else SETTINGS.us[0],
                 "recipients": [SETTINGS.us[0] if n % 3 == 0 else "jo@a.example"],
                 "sent_at": dt.datetime(2026, 11, 10 + n, 9, tzinfo=dt.UTC)}
                for n in range(9)
            ]
        )  # fmt: skip
        book.understand()
    return path


@pytest.fixture(scope="module")
def app(path: Path) -> Iterator[FastAPI]:
    with serve_copy(path) as serving:
        hosts = (*serving.hosts, "testserver")
        yield make_app(replace(serving, find_token=WHO.get, hosts=hosts, rates=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Makes calls and keeps what came of them.

    Attributes:
        told: the latest values of each name in answers, so that later calls get past the first question.
        statuses: how often each operation answered so.
        wrong: the first report of each kind of failure.
    """

    told: dict[str, deque[str]] = field(default_factory=dict[str, "deque[str]"])
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    wrong: dict[str, str] = field(default_factory=dict[str, str])

    def call(self, case: Case[Any], **more: Any) -> Response:
        """Ask, as the whole firm or as a member, and judge the answer."""
        number = self.statuses.total()
        if number % 2:
            self.name_known(case, number)
        who = "own" if number % 4 == 3 else "whole"
        answer = self.ask(case, who, **more)
        self.judge(case, answer)
        self.learn(answer)
        return answer

    def ask(self, case: Case[Any], who: str, **more: Any) -> Response:
        headers = {**(more.get("headers") or {}), "authorization": f"Bearer {who}"}
        how: dict[str, Any] = more | {"headers": headers, "timeout": 120}
        return case.call(**how)

    def judge(self, case: Case[Any], answer: Response) -> None:
        label, status = case.operation.label, answer.status_code
        self.statuses[label, status] += 1
        # A close that is not worked out yet says so with 503; a made-up turn of the year 4947 makes many such days.
        waits = status == 503 and label == "GET /api/v1/close"
        try:
            case.validate_response(answer, checks=CHECKS[1:] if waits else CHECKS)
        except FailureGroup as found:
            for each in found.exceptions:
                self.wrong.setdefault(f"{label} {status} {each.title}", f"{each}\n{case.as_curl_command()}")

    def name_known(self, case: Case[Any], number: int) -> None:
        """Put names that answers told where a call has made-up ones."""
        for parts in (case.path_parameters, case.query):
            for name in parts:
                if known := self.told.get(name):
                    parts[name] = known[number % len(known)]

    def learn(self, answer: Response) -> None:
        if answer.status_code != 200 or answer.headers["content-type"] != ["application/json"]:
            return
        body = answer.json()
        if not isinstance(body, dict):
            return
        for row in [body, *(body.get("items") or [])[:5]]:
            for name, ours in KNOWN.items():
                if isinstance(value := row.get(name), str) and value:
                    self.told.setdefault(ours, deque(maxlen=40)).append(value)


KNOWN = {
    "relationship": "relationship", "turn_id": "turn_id", "promise_id": "promise_id", "next": "cursor",
    "conversation_id": "conversation", "signal": "signal", "state": "state",
}  # fmt: skip
"""Names in answers, and the parameters that take such a value."""


def test_no_call_crashes_or_is_answered_in_a_way_that_is_not_described(app: FastAPI) -> None:
    caller = Caller()
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers={"authorization": "Bearer whole"})
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    shares = [SHARE.get(each.label, 1.0) for each in operations]
    each_one = CALLS * (1 - LINKED) / sum(shares)
    for number in range(rounds := max(round(each_one / ROUND), 1)):
        for operation, share in zip(operations, shares, strict=True):
            make_calls(caller, operation, max(round(each_one * share / rounds), 1), number)
    follow_links(caller, schema, CALLS - caller.statuses.total())
    assert not caller.wrong, "\n\n".join(caller.wrong.values())
    assert caller.statuses.total() >= CALLS
    assert {label for label, _ in caller.statuses} == {each.label for each in operations}
    assert {200, 404, 422} <= {status for _, status in caller.statuses}
    assert_nothing_is_held(app.state.serving.keeper)


def make_calls(caller: Caller, operation: APIOperation[Any, Any, Any, Any], calls: int, number: int) -> None:
    """Ask one operation so often, half of it right and half of it wrong where it can be."""
    modes = [mode for mode in GenerationMode if mode is GenerationMode.POSITIVE or can_be_wrong(operation)]
    for place, mode in enumerate(modes):
        wanted, made = calls // len(modes) + (place < calls % len(modes)), 0
        while made < wanted:  # where little can be asked, Hypothesis ends early
            before = caller.statuses.total()

            @seed(SEED + 1000 * number + made)
            @settings(QUIET, max_examples=wanted - made)
            @given(case=operation.as_strategy(generation_mode=mode))
            def call(case: Case[Any]) -> None:
                caller.call(case)

            call()
            made += caller.statuses.total() - before


def assert_nothing_is_held(keeper: Keeper) -> None:
    """No lock is held: what changes the book and what asks it goes on."""
    assert keeper.change(lambda _: 7, patience_s=60) == keeper.ask(lambda _: 7) == 7


def follow_links(caller: Caller, schema: BaseSchema, calls: int) -> None:
    """Ask for what answers name, as schemathesis finds out by itself from the description."""

    class Links(schema.as_state_machine()):
        def call(self, case: Case[Any], **more: Any) -> Response:
            return caller.call(case, **more)

        def validate_response(self, response: Response, case: Case[Any], *_: Any, **__: Any) -> None:
            """Done where the call was made."""

    end = caller.statuses.total() + calls
    while caller.statuses.total() < end:
        with suppress(Flaky):  # an answer names what the calls before it left there, and so no run is like another
            run_state_machine_as_test(
                Links, settings=settings(QUIET, max_examples=max(calls // 6, 1), stateful_step_count=6)
            )


def can_be_wrong(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    return bool(list(operation.iter_parameters())) or bool(operation.body)


def test_broken_bodies_are_refused_or_read_and_never_more() -> None:
    """Arrow, JSON and JSON lines with bytes changed, cut and doubled: turns, rejections, or a plain refusal."""
    rows = [
        {"turn_id": f"b{n}", "text": f"words {n}", "speaker": "jo@a.example", "recipients": ["a@b.example", "c"],
         "sent_at": dt.datetime(2026, 11, 1, n, tzinfo=dt.UTC), "automatic": n % 2 == 0, "position": n}
        for n in range(6)
    ]  # fmt: skip
    table, out = pa.Table.from_pylist(rows), io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    lines = [json.dumps(row, default=str).encode() for row in rows]
    bodies = {ARROW: out.getvalue(), NDJSON: b"\n".join(lines), JSON: b"[" + b",".join(lines) + b"]"}
    rng, counts = random.Random(SEED), Counter[str]()
    for number in range(CALLS):
        kind = (ARROW, ARROW, NDJSON, JSON)[number % 4]
        try:
            turns, rejected = read_turns(Body(kind=kind, data=alter(bodies[kind], rng)))
        except InputError:
            counts[f"{kind} refused"] += 1
            continue
        counts[f"{kind} read"] += 1
        assert turns.num_rows + len(rejected) <= 200
        turns.validate(full=True)
    assert {f"{kind} {end}" for kind in (ARROW, JSON) for end in ("read", "refused")} <= set(counts), counts


def alter(data: bytes, rng: random.Random) -> bytes:
    """The same with one to four changes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(changed) + 1)
        end = start + rng.choice((1, 1, 1, 4, 40))
        match rng.randrange(4):
            case 0:
                changed[start:end] = rng.randbytes(end - start)
            case 1:
                changed[start:end] = b""
            case 2:
                changed[start:start] = changed[start:end]
            case _:
                changed[start : start + 1] = rng.choice((b"\x00", b"\xff", b"\x7f", b"\x80", b'"', b"{", b"\\"))
        if not changed:
            return b""
    return bytes(changed)
