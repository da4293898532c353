"""What happened is told once, signed, to nobody but whom the owner named, and without a word of anybody."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import SETTINGS
from typer.testing import CliRunner

from troth.api import open as open_book
from troth.book import Store, open_store
from troth.book.erase import drop_turns, forget_names
from troth.cli import app
from troth.errors import InputError
from troth.library import Book
from troth.teaming import Team
from troth.web.app import Serving
from troth.web.happenings import KINDS
from troth.web.keeper import Keeper
from troth.web.posting import post, read_target, sign
from troth.web.view import View
from troth.web.webhooks import (
    Hook,
    Teller,
    add_hook,
    check_alone,
    count_events,
    drop_hook,
    list_hooks,
    note_view,
    send_due,
)

NOW = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(None) as opened:
        yield opened


@pytest.fixture(scope="module")
def view(serving: Serving) -> View:
    return serving.keeper.view()


class Ear:
    """Hears messages; answers what it is told to."""

    def __init__(self, *answers: str | None) -> None:
        self.heard: list[dict[str, Any]] = []
        self._answers = list(answers)

    def __call__(self, hook: Hook, event_id: str, body: bytes) -> str | None:
        self.heard.append(json.loads(body) | {"to": hook.hook_id})
        assert self.heard[-1]["id"] == event_id
        return self._answers.pop(0) if self._answers else None


def test_what_stood_before_the_address_is_not_told_and_what_comes_is_told_once(store: Store, view: View) -> None:
    hook = add_hook(store, address="https://a.example/x", kinds=(), now=NOW)
    without = replace(view, listed=view.listed.slice(0, 0))
    assert note_view(store, without, now=NOW) == 0
    due = note_view(store, view, now=NOW)
    rows = [row for row in view.listed.to_pylist() if row["section"] in {"today", "overdue"} and row["side"] == "us"]
    assert due == len(rows) > 0
    ear = Ear()
    assert send_due(store, ear, now=NOW, base="https://t.example") is None
    assert sorted(one["subject"] for one in ear.heard) == sorted(row["promise_id"] for row in rows)
    assert {one["kind"] for one in ear.heard} == {"promise.due"}
    assert note_view(store, view, now=NOW + HOUR) == 0
    send_due(store, ear, now=NOW + HOUR)
    assert len(ear.heard) == len(rows)
    second = add_hook(store, address="https://b.example/x", kinds=["promise.due"], now=NOW)
    assert note_view(store, view, now=NOW) == 0
    assert count_events(store)[hook.hook_id, "sent"] == len(rows)
    assert count_events(store)[second.hook_id, "known"] == len(rows)


def test_a_message_says_ids_and_a_link_and_nothing_that_anybody_wrote(store: Store, view: View) -> None:
    add_hook(store, address="https://a.example/x", kinds=(), now=NOW)
    empty = replace(
        view,
        listed=view.listed.slice(0, 0),
        standing=replace(view.standing, questions=view.standing.questions.slice(0, 0)),
    )
    note_view(store, empty, now=NOW)
    note_view(store, view, now=NOW)
    ear = Ear()
    send_due(store, ear, now=NOW, base="https://t.example")
    assert {one["kind"] for one in ear.heard} == {"promise.due", "question.waits"}
    texts = [row["text"] for row in (*view.listed.to_pylist(), *view.standing.questions.to_pylist())]
    for one in ear.heard:
        assert set(one) == {"id", "kind", "at", "relationship", "subject", "link", "to"}
        assert one["link"].startswith("https://t.example/")
        assert not any(text in json.dumps(one) for text in texts)


def test_trust_that_falls_below_its_band_is_told_from_there_on(store: Store, view: View) -> None:
    """One made-up relationship through numbers: withheld ones say nothing, a rise moves the band along, falls count."""
    hook = add_hook(store, address="https://a.example/x", kinds=["trust.fell"], now=NOW)
    path: list[tuple[float | None, float, float]] = [
        (60.0, 50, 70), (52.0, 40, 65), (None, 0, 90), (75.0, 66, 85), (64.0, 55, 75), (63.0, 50, 70), (30.0, 20, 40)
    ]  # fmt: skip
    fell = [False, False, False, False, True, False, True]
    for step, ((percentile, low, high), expected) in enumerate(zip(path, fell, strict=True)):
        rows = [
            view.rows[0] | {"relationship": "a.example", "shown_percentile": None, "held_percentile": percentile,
                            "held_low": low, "held_high": high}
        ]  # fmt: skip
        assert note_view(store, replace(view, rows=rows), now=NOW + step * HOUR) == int(expected), step
    ear = Ear()
    send_due(store, ear, now=NOW + 10 * HOUR)
    assert [(one["relationship"], one["subject"], one["to"]) for one in ear.heard] == [
        ("a.example", "held", hook.hook_id)
    ] * 2


def test_what_fails_is_tried_again_ever_more_rarely_and_given_up(store: Store, view: View) -> None:
    hook = add_hook(store, address="https://a.example/x", kinds=["promise.due"], now=NOW)
    note_view(store, replace(view, listed=view.listed.slice(0, 0)), now=NOW)
    due = note_view(store, view, now=NOW)
    ear, now, waits = Ear(*["down"] * 1000), NOW, []
    for _ in range(8):
        after = send_due(store, ear, now=now)
        if after is not None:
            waits.append(after - now)
            now = after
    assert len(ear.heard) >= 8
    assert waits == sorted(waits)
    for _ in range(8 * due):
        now += dt.timedelta(days=2)
        send_due(store, ear, now=now)
    assert count_events(store) == {(hook.hook_id, "given up"): due}


def test_an_address_that_is_down_holds_up_no_other(store: Store, view: View) -> None:
    down = add_hook(store, address="https://a.example/x", kinds=["promise.due"], now=NOW)
    up = add_hook(store, address="https://b.example/x", kinds=["promise.due"], now=NOW)
    note_view(store, replace(view, listed=view.listed.slice(0, 0)), now=NOW)
    due = note_view(store, view, now=NOW) // 2

    def send(hook: Hook, event_id: str, body: bytes) -> str | None:
        tried.append(hook.hook_id)
        return "down" if hook.hook_id == down.hook_id else None

    tried: list[str] = []
    send_due(store, send, now=NOW)
    assert (tried.count(down.hook_id), tried.count(up.hook_id)) == (1, due)
    drop_hook(store, down.hook_id)
    assert send_due(store, send, now=NOW) is None
    assert [hook.hook_id for hook in list_hooks(store)] == [up.hook_id]


def test_erasing_reaches_what_was_told(store: Store, view: View) -> None:
    add_hook(store, address="https://a.example/x", kinds=(), now=NOW)
    note_view(store, view, now=NOW)
    rows = store.table("hook_events").to_pylist()
    turn = next(row["turn_id"] for row in rows if row["turn_id"])
    who = next(row["relationship"] for row in rows if row["turn_id"] != turn and row["relationship"])
    gone = drop_turns(store, [turn])
    assert gone["hook_events"] == sum(row["turn_id"] == turn for row in rows)
    forget_names(store, [who])
    left = store.table("hook_events").to_pylist() + store.table("hook_levels").to_pylist()
    assert who not in {row["relationship"] for row in left}


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example/x", "http://169.254.169.254/latest", "http://10.0.0.1/", "http://127.0.0.1.a.example/",
        "ftp://a.example/", "file:///etc/passwd", "https://", "https:///x", "https://me:word@a.example/",
        "https://a.example/#x", "https://a.example:99999/", "https://a.example/ x", "https://a.example/\r\nX: y",
        "https://ä.example/", "https://[::1", "x" * 3000, "", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_an_address_that_messages_may_not_go_to_is_refused(store: Store, address: str) -> None:
    with pytest.raises(InputError):
        add_hook(store, address=address, kinds=(), now=NOW)
    assert list_hooks(store) == []


@given(st.text(max_size=80).map(lambda text: "https://" + text) | st.text(max_size=80))
def test_any_string_is_an_address_or_is_refused(text: str) -> None:
    try:
        target = read_target(text)
    except InputError:
        return
    assert target.is_https or target.host in {"localhost", "::1"} or target.host.startswith("127.")
    assert re.fullmatch(r"[!-~]+", target.path)


class Receiver(BaseHTTPRequestHandler):
    """A program that is told something; `answer` and `heard` are set on its class by the test."""

    answer = 200
    heard: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(type(self).answer)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the class above
        """Say nothing."""


@contextmanager
def receive(status: int = 200) -> Generator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    handler = type("Here", (Receiver,), {"answer": status, "heard": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/troth?a=b", handler.heard
        finally:
            server.shutdown()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 500])
def test_no_redirect_is_followed_and_no_refusal_taken_for_a_yes(status: int) -> None:
    with receive(status) as (address, heard):
        assert post(address, b"{}", secret="s", event_id="e", now=NOW) == f"answered {status}"
    assert len(heard) == 1


def test_nobody_there_is_a_problem_and_no_crash() -> None:
    with receive() as (address, _):
        pass
    problem = post(address, b"{}", secret="s", event_id="e", now=NOW)
    assert problem is not None
    assert "refused" in problem.lower()


def test_a_message_is_signed_with_its_time() -> None:
    with receive() as (address, heard):
        assert post(address, b'{"a":1}', secret="s", event_id="e-1", now=NOW) is None
    headers, body = heard[0]
    assert headers["troth-id"] == "e-1"
    assert headers["troth-timestamp"] == str(int(NOW.timestamp()))
    assert headers["troth-signature"] == "v1=" + sign("s", int(NOW.timestamp()), body)
    # By another road: `printf '1795248000.{"a":1}' | openssl dgst -sha256 -hmac s`
    assert headers["troth-signature"] != "v1=" + sign("s", int(NOW.timestamp()) + 1, body)
    assert headers["troth-signature"] != "v1=" + sign("t", int(NOW.timestamp()), body)


def test_a_served_book_tells_what_is_new_also_after_a_restart(tmp_path: Path) -> None:
    """Over the network, through the keeper's own threads: nothing twice, nothing of before."""
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0)
    path = tmp_path / "book.duckdb"

    def turn(number: int, text: str) -> dict[str, Any]:
        return {
            "turn_id": f"t{number}", "conversation_id": f"c{number}", "speaker": SETTINGS.us[0], "text": text,
            "recipients": [f"jo{number}@old.example"], "sent_at": today - dt.timedelta(days=4 - number / 10),
        }  # fmt: skip

    def promises(heard: list[tuple[dict[str, str], bytes]]) -> list[str]:
        told = (json.loads(body) for _, body in heard)
        return [one["subject"] for one in told if one["kind"] == "promise.due"]

    def wait_for(count: int, heard: list[tuple[dict[str, str], bytes]]) -> None:
        for _ in range(1000):
            if len(promises(heard)) >= count:
                break
            time.sleep(0.01)
        assert len(promises(heard)) == count

    with receive() as (address, heard):
        for start in (1, 3):
            with open_book(path, settings=SETTINGS) as opened:
                if start == 1:
                    opened.add([turn(0, "We will send you the offer tomorrow.")])
                    add_hook(opened.store, address=address, kinds=(), now=today)
                keeper = Keeper(opened.store, SETTINGS, open_book=Book)
                teller = Teller(keeper, lambda: dt.datetime.now(dt.UTC))
                keeper.listen(teller.hear)
                keeper.view()
                for number in (start, start + 1):
                    words = turn(number, f"We will send you report {number} tomorrow.")
                    keeper.change(lambda book, words=words: book.add([words]), fresh=True, patience_s=30)
                wait_for(start + 1, heard)
                teller.close()
                keeper.close()
        assert len(set(promises(heard))) == 4
        secret = re.compile("report|offer")
        assert not any(secret.search(body.decode()) for _, body in heard)


def test_the_command_adds_lists_and_drops(tmp_path: Path) -> None:
    book = ["--book", str(tmp_path / "book.duckdb")]
    run = CliRunner().invoke
    added = run(app, ["webhook", "add", "https://a.example/x", "--on", "trust.fell", *book])
    assert added.exit_code == 0, added.output
    listed = run(app, ["webhook", "list", "--format", "jsonl", *book])
    row = json.loads(listed.stdout)
    assert (row["address"], row["told"], row["waiting"]) == ("https://a.example/x", "trust.fell", 0)
    assert added.stdout.strip() not in listed.stdout
    assert run(app, ["webhook", "drop", row["hook_id"], *book]).exit_code == 0
    assert run(app, ["webhook", "list", "--format", "jsonl", *book]).stdout == ""
    refused = run(app, ["webhook", "add", "https://a.example/x", "--on", "sun.rises", *book])
    assert isinstance(refused.exception, InputError)
    assert all(kind in str(refused.exception) for kind in KINDS)


@pytest.mark.repository
def test_the_receiver_in_the_docs_takes_our_messages_and_no_others() -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    known: dict[str, Any] = {}
    exec(compile(code, "docs/api.md", "exec"), known)
    body, now = b'{"a": 1}', int(time.time())
    for sent, secret, said, expected in (
        (now, "s", body, True), (now, "t", body, False), (now, "s", b"{}", False), (now - 1000, "s", body, False)
    ):  # fmt: skip
        headers = {"Troth-Timestamp": str(sent), "Troth-Signature": f"v1={sign('s', sent, body)}"}
        assert known["is_from_troth"](secret, headers, said) is expected


def test_a_book_that_a_team_shares_tells_nobody(store: Store, view: View) -> None:
    team = Team(
        issuer="https://id.example",
        client_id="troth",
        address="https://troth.example",
        behind_proxy=True,
        members={"anna@firm.example": "owner"},
    )
    keeper = Keeper(store, SETTINGS.model_copy(update={"team": team}), open_book=Book)
    add_hook(store, address="http://127.0.0.1:9/", kinds=(), now=NOW)  # before it was shared
    ear = Ear()
    teller = Teller(keeper, lambda: NOW, send=ear)
    for _ in range(2):
        teller.hear(view)
    teller.close()
    assert store.table("hook_events").num_rows == 0
    assert ear.heard == []
    with pytest.raises(InputError, match="team"):
        check_alone(keeper.settings)
    check_alone(SETTINGS)
