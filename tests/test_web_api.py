"""The JSON API: what it answers is what the book says, page by page, and what cannot be used is refused in one form."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from served import SETTINGS, Door, enter, serve_copy

from troth.api import open as open_book
from troth.book import open_store
from troth.schema import PROMISES, TURNS
from troth.web.access import Role, Visitor
from troth.web.api.description import describe
from troth.web.api.idempotency import Kept, find_kept, keep_answer

BASE = "/api/v1"


def walk(door: Door, path: str, limit: int = 37, **asked: Any) -> list[dict[str, Any]]:
    """Every row of a resource, page after page."""
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        given = {"limit": limit, **asked} | ({} if cursor is None else {"cursor": cursor})
        page = door.client.get(BASE + path, params=given)
        assert page.status_code == 200, page.text
        rows += page.json()["items"]
        assert len(page.json()["items"]) <= limit
        cursor = page.json()["next"]
        if cursor is None:
            return rows


def names(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


@pytest.mark.parametrize(
    ("path", "table", "columns"),
    [
        ("/turns", lambda view: view.known.turns, ("turn_id",)),
        ("/findings", lambda view: view.known.findings, ("turn_id", "sentence", "signal")),
        ("/promises", lambda view: view.listed, ("promise_id",)),
        ("/questions", lambda view: view.standing.questions, ("question_id",)),
        ("/relationships", lambda view: view.relationships, ("relationship",)),
    ],
)
def test_pages_together_are_the_whole_table(door: Door, path: str, table: Any, columns: tuple[str, ...]) -> None:
    """Each row once, whatever the size of a page, and the same rows as the view holds."""
    whole = names(table(door.serving.keeper.view()).to_pylist(), *columns)
    assert len(whole) > 15
    limits = (200,) if path == "/findings" else (7, 200)
    for limit in limits:
        found = names(walk(door, path, limit), *columns)
        assert len(found) == len(whole)
        assert set(found) == set(whole)


def test_filters_give_what_filtering_the_whole_gives(door: Door) -> None:
    view = door.serving.keeper.view()
    who = view.rows[0]["relationship"]
    turns = [row for row in view.known.turns.to_pylist() if row["relationship"] == who]
    assert {row["turn_id"] for row in walk(door, "/turns", relationship=who)} == {row["turn_id"] for row in turns}
    ids = {row["turn_id"] for row in turns}
    found = [row for row in view.known.findings.to_pylist() if row["turn_id"] in ids and row["signal"] == "gratitude"]
    assert found
    assert names(walk(door, "/findings", 3, relationship=who, signal="gratitude"), "turn_id", "sentence") == sorted(
        (row["turn_id"], row["sentence"]) for row in found
    )
    start, end = "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+01:00"
    times = [row["sent_at"] for row in walk(door, "/turns", since=start, until=end)]
    assert times == sorted(times)
    between = [
        row for row in view.known.turns.to_pylist()
        if row["sent_at"] and "2026-10-01T00:00" <= row["sent_at"].isoformat() < "2026-10-31T23:00"
    ]  # fmt: skip
    assert len(times) == len(between) > 0
    kept = [row for row in view.listed.to_pylist() if row["state"] == "kept" and row["side"] == "us"]
    assert set(names(walk(door, "/promises", state="kept", side="us"), "promise_id")) == set(names(kept, "promise_id"))


@pytest.mark.parametrize("cursor", ["", "x", "A" * 4000, "W10", "bnVsbA", "é", "WzFd", "\x00", "////", "=" * 8])
@pytest.mark.parametrize("path", ["/turns", "/findings", "/relationships"])
def test_a_string_that_is_no_cursor_is_refused(door: Door, path: str, cursor: str) -> None:
    answer = door.client.get(BASE + path, params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_cursor_of_another_question_is_refused(door: Door) -> None:
    cursor = door.client.get(BASE + "/turns", params={"limit": 1}).json()["next"]
    assert door.client.get(BASE + "/turns", params={"cursor": cursor}).status_code == 200
    assert door.client.get(BASE + "/promises", params={"cursor": cursor}).status_code == 422
    asked = {"cursor": cursor, "conversation": "another"}
    assert door.client.get(BASE + "/turns", params=asked).status_code == 422


def test_one_thing_is_found_by_its_id_and_nothing_is_found_by_another(door: Door) -> None:
    view = door.serving.keeper.view()
    turn = view.known.turns.to_pylist()[3]
    found = door.client.get(f"{BASE}/turns/{turn['turn_id']}").json()
    assert found["body"] == turn["body"]
    who = view.rows[0]["relationship"]
    assert door.client.get(f"{BASE}/relationships/{who}").json()["turns"] == view.rows[0]["turns"]
    promise = view.listed["promise_id"][0].as_py()
    assert door.client.get(f"{BASE}/promises/{promise}").json()["promise_id"] == promise
    for path in ("turns/none", "relationships/none", "relationships/none/trust", "promises/p-0", "tables/none"):
        assert door.client.get(f"{BASE}/{path}").status_code in {404, 422}


def test_trust_is_what_the_book_says(door: Door) -> None:
    who = door.serving.keeper.view().rows[0]["relationship"]
    path = walk(door, f"/relationships/{who}/path")
    book = door.serving.keeper.ask(lambda book: book.trust(who).path()).to_pylist()
    assert sorted(names(path, "facet", "mean")) == sorted(names(book, "facet", "mean"))
    trust = door.client.get(f"{BASE}/relationships/{who}/trust", params={"lens": "triangle"}).json()
    scores = door.serving.keeper.ask(lambda book: book.scores(lens="triangle", of=who)).to_pylist()
    assert names(trust["scores"], "pillar", "percentile", "low") == names(scores, "pillar", "percentile", "low")
    row = door.serving.keeper.view().rows[0]
    gauges = {one["pillar"]: one for one in trust["gauges"]}
    assert gauges["held"]["low"] == row["held_low"]


def test_the_close_is_the_review_of_its_day(door: Door) -> None:
    view = door.serving.keeper.view()
    assert view.close is not None
    told = door.client.get(BASE + "/close").json()
    assert told["day"] == str(view.day)
    assert told["tomorrow"]["text"] == view.close.tomorrow.text
    assert len(told["promises"]) == len(view.close.promises)
    for day in ("1990-01-01", "2990-01-01", "no day"):
        assert door.client.get(BASE + "/close", params={"day": day}).status_code == 422


def test_nothing_new_is_not_sent_again(door: Door) -> None:
    first = door.client.get(BASE + "/turns", params={"limit": 1})
    tag = first.headers["etag"]
    again = door.client.get(BASE + "/turns", params={"limit": 1}, headers={"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert door.client.get(BASE + "/turns", params={"limit": 2}, headers={"if-none-match": tag}).status_code == 200
    door.client.cookies.clear()
    stranger = door.client.get(BASE + "/turns", params={"limit": 1}, headers={"if-none-match": tag})
    assert stranger.status_code == 401


def test_what_is_not_named_is_refused(door: Door) -> None:
    for path in ("/turns", "/close", "/health", "/tables/turns"):
        answer = door.client.get(BASE + path, params={"fields": "text"})
        assert answer.status_code == 422
        assert "fields" in answer.json()["detail"]
    token = {"x-form-token": door.form_token}
    draft = {"text": "Thank you.", "too": "acme.com"}
    assert door.client.post(BASE + "/check", json=draft, headers=token).status_code == 422


def test_a_table_leaves_in_three_forms_with_the_same_rows(door: Door) -> None:
    def fetch(accept: str) -> bytes:
        answer = door.client.get(BASE + "/tables/promises", headers={"accept": accept})
        assert answer.headers["content-type"].startswith(accept.partition(";")[0])
        return answer.content

    view = door.serving.keeper.view().standing.promises
    arrow = pa.ipc.open_stream(fetch("application/vnd.apache.arrow.stream")).read_all()
    assert arrow.schema == PROMISES
    assert arrow.equals(view)
    lines = [json.loads(line) for line in fetch("application/x-ndjson").splitlines()]
    rows = list(csv.DictReader(io.StringIO(fetch("text/csv").decode(), newline="")))
    assert names(lines, "promise_id", "text") == names(arrow.to_pylist(), "promise_id", "text")
    assert [row["promise_id"] for row in rows] == [row["promise_id"] for row in lines]
    refused = door.client.get(BASE + "/tables/promises", headers={"accept": "image/png"})
    assert (refused.status_code, refused.headers["content-type"]) == (406, "application/problem+json")


def test_a_draft_is_checked_as_the_book_checks_it(door: Door) -> None:
    view = door.serving.keeper.view()
    who = view.rows[0]["relationship"]
    text = "Thank you so much for your patience. We will send the new offer by Friday."
    token = {"x-form-token": door.form_token}
    told = door.client.post(BASE + "/check", json={"text": text, "to": who}, headers=token).json()
    found = door.serving.keeper.ask(lambda book: book.check(text, to=who))
    assert [mark["signal"] for mark in told["marks"]] == [mark.signal for mark in found.marks]
    assert names(told["promises"], "text") == names(list(found.promises), "text")
    assert names(told["unanswered"], "question_id") == names(list(found.unanswered), "question_id")
    assert door.client.post(BASE + "/check", json={"text": text}).status_code == 403  # no form token


def test_the_description_says_what_every_route_needs_and_how_it_fails(door: Door) -> None:
    found = door.client.get(BASE + "/openapi.json").json()
    assert found == describe()
    for path, item in found["paths"].items():
        for method, one in item.items():
            assert one["tags"]
            assert one["x-needs"]
            assert one["description"]
            for status, answer in one["responses"].items():
                if status[0] in "45":
                    assert list(answer["content"]) == ["application/problem+json"], (path, method, status)
    assert "HTTPValidationError" not in found["components"]["schemas"]
    page = door.client.get("/api")
    assert len(page.content) < 300_000
    for path in found["paths"]:
        assert path in page.text


def test_a_member_gets_his_own_rows_from_every_table(door: Door) -> None:
    serving = door.serving
    turns = serving.keeper.view().known.turns
    person = turns.filter(pa.compute.equal(turns["side"], "us"))["speaker"].value_counts().to_pylist()[-1]["values"]
    secret = serving.sessions.begin(Visitor(name="Ada", role=Role.member, person=person))
    door.client.cookies.clear()
    door.client.cookies.set(serving.cookie, secret)
    mine = walk(door, "/turns", 200)
    talks = {row["conversation_id"] for row in mine}
    assert 0 < len(mine) < turns.num_rows
    assert {row["conversation_id"] for row in turns.to_pylist() if person in {row["speaker"]}} <= talks
    ids = {row["turn_id"] for row in mine}
    for table in ("turns", "sentences", "findings", "promises", "questions"):
        lines = door.client.get(f"{BASE}/tables/{table}").text.splitlines()
        assert {json.loads(line)["turn_id"] for line in lines} <= ids
    other = next(row["turn_id"] for row in turns.to_pylist() if row["turn_id"] not in ids)
    assert door.client.get(f"{BASE}/turns/{other}").status_code == 404
    assert door.client.post(BASE + "/turns", json=[{"text": "x"}]).status_code == 403


# Writing: a small book, for these tests alone.


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    path = tmp_path_factory.mktemp("small") / "book.duckdb"
    with open_book(path, settings=SETTINGS) as book:
        book.add(
            [
                {"turn_id": f"s{n}", "conversation_id": "s", "speaker": SETTINGS.us[0], "recipients": ["jo@a.example"],
                 "sent_at": dt.datetime(2026, 11, 19, n, tzinfo=dt.UTC), "text": text}
                for n, text in enumerate(["We will send the offer by Friday.", "Thank you so much for your help!"])
            ]
        )  # fmt: skip
        book.understand()
    with serve_copy(path) as serving, enter(serving) as entered:
        entered.client.headers["x-form-token"] = entered.form_token
        yield entered


def bring(desk: Door, rows: Any, **headers: str) -> dict[str, Any]:
    answer = desk.client.post(BASE + "/turns", json=rows, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[name] for name in ("added", "changed", "unchanged", "rejected"))


def test_turns_are_taken_once_changed_and_refused_row_by_row(desk: Door) -> None:
    rows = [
        {"turn_id": "n1", "conversation_id": "n", "speaker": "ines@new.example", "text": "Can you do it by Friday?",
         "sent_at": "2026-11-20T09:00:00+01:00", "recipients": [SETTINGS.us[0]]},
        {"turn_id": "n2", "conversation_id": "n", "speaker": SETTINGS.us[0], "body": "Yes, we will send it by Friday.",
         "sent_at": "2026-11-20T10:00:00+01:00", "recipients": ["ines@new.example"]},
        {"text": "no time", "sent_at": "2026-11-20T10:00:00"},
        {"text": "too early", "sent_at": "0001-01-01T00:00:00Z"},
        {"text": "too late", "sent_at": "9999-12-31T23:59:00-14:00"},
        {"text": "one", "body": "two"},
        {"text": 5},
        "no object",
    ]  # fmt: skip
    first = bring(desk, rows)
    assert counts(first) == (2, 0, 0, 6)
    assert [one["position"] for one in first["rejections"]] == [f"row {number}" for number in range(3, 9)]
    assert {one["reason"] for one in first["rejections"][1:3]} == {"sent_at: no time between 1990 and 2100"}
    assert counts(bring(desk, rows)) == (0, 0, 2, 6)
    rows[0]["text"] = "Can you do it by Monday?"
    assert counts(bring(desk, rows[:2])) == (0, 1, 1, 0)
    desk.serving.keeper.renew().result()
    turn = desk.client.get(BASE + "/turns/n1").json()
    assert (turn["body"], turn["sent_at"]) == ("Can you do it by Monday?", "2026-11-20T08:00:00Z")
    assert turn["relationship"] == "new.example"
    promises = walk(desk, "/promises", relationship="new.example")
    assert [row["side"] for row in promises] == ["us"]


def test_the_same_key_gives_the_same_answer(desk: Door) -> None:
    key = {"idempotency-key": "batch 7"}
    first = bring(desk, [{"turn_id": "k1", "text": "hello"}], **key)
    assert bring(desk, [{"turn_id": "k1", "text": "hello"}], **key) == first
    other = desk.client.post(BASE + "/turns", json=[{"turn_id": "k2", "text": "hello"}], headers=key)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]


def test_answers_of_yesterday_are_forgotten_and_a_thousand_are_kept() -> None:
    start = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    times = [(start + dt.timedelta(minutes=number / 100)).isoformat() for number in range(1200)]
    rows = [
        {"name": f"api_request:{number:04x}", "value": json.dumps({"at": at, "content": "c", "answer": {"n": number}})}
        for number, at in enumerate(times)
    ]
    with open_store(None) as store:
        store.upsert("settings", rows)
        keep_answer(store, Kept(name="api_request:fff0", content="c"), {}, now=start + dt.timedelta(hours=1))
        assert store.table("settings").num_rows == 1000
        assert find_kept(store, Kept(name="api_request:04af", content="c")) == {"n": 1199}
        assert find_kept(store, Kept(name="api_request:0000", content="c")) is None
        late = Kept(name="api_request:0ff0", content="c")
        keep_answer(store, late, {}, now=start + dt.timedelta(days=2))
        assert store.table("settings")["name"].to_pylist() == [late.name]


def test_three_forms_say_the_same(desk: Door) -> None:
    """JSON, JSON lines and Arrow of the same rows: the second and the third change nothing."""
    rows = [
        {"turn_id": f"f{n}", "conversation_id": "f", "speaker": "a@b.example", "text": f"row {n}"} for n in range(5)
    ]
    assert counts(bring(desk, rows)) == (5, 0, 0, 0)
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    lines = "\n".join(map(json.dumps, rows))
    for kind, content in (("application/x-ndjson", lines), ("application/vnd.apache.arrow.stream", out.getvalue())):
        answer = desk.client.post(BASE + "/turns", content=content, headers={"content-type": kind})
        assert counts(answer.json()) == (0, 0, 5, 0)


def arrow_bytes(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return out.getvalue()


def test_what_is_small_to_send_and_huge_to_unfold_is_refused(desk: Door) -> None:
    long = "a" * (1 << 20)
    view = struct.pack("<i4sii", len(long), b"aaaa", 0, 0)  # a hundred views of one text
    shared = pa.Array.from_buffers(pa.string_view(), 100, [None, pa.py_buffer(view * 100), pa.py_buffer(long.encode())])
    bombs = [
        arrow_bytes(pa.table({"text": [long] * 20}), compression="zstd"),
        arrow_bytes(pa.table({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 9, pa.int8()), [long])})),
        arrow_bytes(pa.table({"text": shared})),
        arrow_bytes(pa.table({"text": pa.array(["x"] * 50_001)})),
        arrow_bytes(pa.table({"text": pa.array([{"a": 1}])})),
        arrow_bytes(TURNS.empty_table())[:-40],
        b"",
        b"\xff" * 400,
    ]
    for content in bombs:
        kind = {"content-type": "application/vnd.apache.arrow.stream"}
        answer = desk.client.post(BASE + "/turns", content=content, headers=kind)
        assert answer.status_code == 422, answer.text
    deep = "[" * 200_000
    for content in (deep, "{}", "[1e999", "nul", '["\\ud800"]', '[{"text":"\\ud800"}]'):
        answer = desk.client.post(BASE + "/turns", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 422, answer.text
    assert desk.client.post(BASE + "/turns", content="x").status_code == 415
    large = desk.client.post(
        BASE + "/turns", content=b" " * ((32 << 20) + 1), headers={"content-type": "application/json"}
    )
    assert large.status_code == 413


def test_a_person_decides_a_promise_and_takes_it_back(desk: Door) -> None:
    promise = next(row for row in walk(desk, "/promises", 200) if row["state"] == "open" and row["side"] == "us")
    where = f"{BASE}/promises/{promise['promise_id']}/decisions"
    decided = desk.client.post(where, json={"state": "kept", "note": "sent by hand"})
    assert (decided.status_code, decided.json()["state"], decided.json()["decided_by"]) == (200, "kept", "person")
    desk.serving.keeper.renew(fresh=False).result()
    assert desk.client.get(f"{BASE}/promises/{promise['promise_id']}").json()["state"] == "kept"
    assert desk.client.post(where, json={"state": "undone"}).json()["decided_by"] == "machine"
    assert desk.client.post(where, json={"state": "eaten"}).status_code == 422
    assert desk.client.post(f"{BASE}/promises/p-none/decisions", json={"state": "kept"}).status_code == 404


def test_what_came_while_a_view_was_made_is_in_the_next(desk: Door) -> None:
    """Changes of both kinds one after another: the last view holds all of them."""
    for number in range(3):
        bring(desk, [{"turn_id": f"w{number}", "text": "hello there"}])
        desk.serving.keeper.change(lambda _: None, patience_s=0)
    desk.serving.keeper.renew(fresh=False).result()
    found = {row["turn_id"] for row in walk(desk, "/turns", 200)}
    assert {"w0", "w1", "w2"} <= found
