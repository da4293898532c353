"""Settings: what can be changed is changed, secrets are shown once, and who is forgotten is gone."""

from __future__ import annotations

import html
import json
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from served import ADDRESS, SETTINGS, Door, enter, serve_copy

from troth.book import REWRITE_DUE
from troth.settings import Settings
from troth.web.access import Role, Visitor
from troth.web.app import Serving, make_app
from troth.web.pages.settings import write_lines
from troth.web.sessions import make_form_token


@pytest.fixture(scope="module")
def own(sample_file: Path) -> Iterator[Serving]:
    """A copy of the sample that this file writes to."""
    with serve_copy(sample_file) as served:
        yield served


@pytest.fixture
def mine(own: Serving) -> Iterator[Door]:
    with enter(own) as entered:
        yield entered


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page)).split())


def post(door: Door, path: str, **data: str | list[str]) -> str:
    answer = door.client.post(path, data={**data, "form_token": door.form_token})
    assert answer.status_code == 200, answer.text
    return answer.text


def people_page(door: Door, **asked: str) -> str:
    for _ in range(200):
        page = door.client.get("/settings/people", params=asked).text
        if 'class="working' not in page:
            return page
        time.sleep(0.05)
    raise AssertionError("people were not sorted")


def test_a_token_is_shown_once_and_good_until_it_is_taken_back(mine: Door) -> None:
    page = post(mine, "/settings/tokens", name="reports <b>", days="7", may=["own"])
    (secret,) = re.findall(r"troth_[\w-]+", page)
    assert secret not in mine.client.get("/settings").text
    assert "reports <b>" not in page
    assert "reports &lt;b&gt;" in page
    asking = TestClient(make_app(mine.serving), base_url=ADDRESS, headers={"authorization": f"Bearer {secret}"})
    assert asking.get("/api/v1/relationships").status_code == 200
    assert asking.post("/settings/forget", data={"who": "x@y.example", "sure": "true"}).status_code == 403
    (token_id,) = re.findall(r'name="token_id" value="(\w+)"', mine.client.get("/settings").text)
    post(mine, "/settings/tokens/revoke", token_id=token_id)
    assert "taken back" in words_of(mine.client.get("/settings").text)
    assert (
        mine.client.post(
            "/settings/tokens", data={"name": "x", "may": ["all"], "form_token": mine.form_token}
        ).status_code
        == 422
    )


def test_an_address_is_told_until_it_is_dropped_and_its_secret_is_shown_once(mine: Door) -> None:
    page = post(mine, "/settings/webhooks", address="https://hooks.firm.example/troth", kind=["promise.due"])
    (secret,) = re.findall(r"<code>([\w-]{20,})</code>", page)
    listed = mine.client.get("/settings").text
    assert secret not in listed
    assert "hooks.firm.example" in listed
    (hook_id,) = re.findall(r'name="hook_id" value="([^"]+)"', listed)
    post(mine, "/settings/webhooks/drop", hook_id=hook_id)
    assert "hooks.firm.example" not in mine.client.get("/settings").text
    sent = {"address": "http://elsewhere.example/", "form_token": mine.form_token}
    assert mine.client.post("/settings/webhooks", data=sent).status_code == 422


def test_lines_for_the_file_are_lines_that_it_takes() -> None:
    """By another road: read back, they are the settings that they were written from."""
    stated = SETTINGS.having(
        customers=("acme.com",), accounts={"acme.com": 'A "quoted" \\ name'}, country="DE", closed=("12-24..12-31",),
        touchpoints=({"stage": "billing", "address": "invoices@firm.com"},),
    )  # fmt: skip
    lines = write_lines(stated)
    read = Settings(
        **tomllib.loads(
            "\n\n".join(lines[name] for name in ("us", "calendar", "circles", "people", "touchpoints", "trend"))
        )
    )
    for name in ("us", "customers", "accounts", "people", "zone", "country", "dates", "closed", "touchpoints", "trend"):
        assert getattr(read, name) == getattr(stated, name)
    assert all(tomllib.loads(line) for line in write_lines(Settings()).values())


def test_two_become_one_and_come_apart_again(mine: Door) -> None:
    people = mine.serving.keeper.ask(lambda book: book.people()).to_pylist()
    one, other = [row["person"] for row in people if row["side"] == "them"][:2]
    assert one in people_page(mine, q=one)
    post(mine, "/settings/people/merge", first=one, second=other, note="she said so")
    joined = mine.serving.keeper.ask(lambda book: book.people()).to_pylist()
    assert [row for row in joined if {one, other} <= {*row["addresses"], *row["handles"]}]
    page = people_page(mine)
    assert "she said so" in page
    (decision,) = re.findall(r'name="decision" value="(\w+)"', page)
    post(mine, "/settings/people/undo", decision=decision)
    parted = mine.serving.keeper.ask(lambda book: book.people()).to_pylist()
    assert [row["addresses"] for row in parted] == [row["addresses"] for row in people]


def test_pages_of_people_hold_everybody_once(mine: Door) -> None:
    count = mine.serving.keeper.ask(lambda book: book.people()).num_rows
    seen, page = 0, people_page(mine)
    for _ in range(20):
        seen += page.count('<tr><th scope="row">')
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        page = mine.client.get(html.unescape(following[1])).text
    assert seen == count


def test_who_is_forgotten_is_gone(mine: Door) -> None:
    """By another road: nothing in any table of the book names them or holds a sentence of theirs, but others' words."""
    keeper = mine.serving.keeper
    turns = keeper.view().known.turns.to_pylist()
    who = "inger@hogsby.example"
    said = [row["turn_id"] for row in turns if row["speaker"] == who]
    assert said
    store = keeper.store
    shown = post(mine, "/settings/forget", who=who)
    assert "Nothing was changed yet" in words_of(shown)
    assert int(re.findall(r"Messages (\d+)", words_of(shown))[0]) >= len(said)
    assert store.table("turns").num_rows == len(turns)
    (once,) = re.findall(r'name="once" value="([^"]+)"', shown)
    assert mine.client.post("/settings/forget", data={"who": "@", "form_token": mine.form_token}).status_code == 422
    post(mine, "/settings/forget", who=who, sure="true", once=once)
    until = time.monotonic() + 120
    while mine.serving.worker.is_busy:
        assert time.monotonic() < until
        time.sleep(0.1)
    (job,) = [job for job in mine.serving.worker.jobs() if job.kind == "forget"]
    assert (job.state, job.asked, job.told["gone"]["answers"] > 0) == ("done", {}, True), job.problem
    assert "was written anew without them" in words_of(mine.client.get("/bring").text)
    assert not store.settings(REWRITE_DUE)
    assert all(who not in json.dumps(store.table(name).to_pylist(), default=str) for name in ("jobs", "settings"))
    left = store.table("turns").to_pylist()
    assert not [
        row
        for row in left
        if row["turn_id"] in said or who in {row["speaker"], *(row["recipients"] or ()), *(row["cc"] or ())}
    ]
    for name in ("sentences", "findings", "promises", "questions", "contacts", "answers", "person_decisions"):
        table = store.table(name)
        told = [
            row
            for row in table.to_pylist()
            if who in {row.get(each) for each in ("actor", "addressee", "person", "address", "handle")}
        ]
        assert not told, name
    assert len(left) > len(turns) * 0.8
    (still,) = [row for row in keeper.ask(lambda book: book.people()).to_pylist() if row["person"] == who]
    assert (still["turns"], still["why"]) == (0, "troth.toml")  # what the owner wrote there is no part of the book
    assert mine.client.get("/").status_code == 200


def test_members_choose_how_pages_look_and_no_more(own: Serving) -> None:
    client = TestClient(make_app(own), base_url=ADDRESS, follow_redirects=False)
    secret = own.sessions.begin(Visitor(name="x", role=Role.member, person="gesa@brimholt.example"))
    client.cookies.set(own.cookie, secret)
    page = client.get("/settings").text
    assert 'action="/look"' in page
    for closed in ("/settings/tokens", "/settings/forget", "/settings/people", "Leave with", own.keeper.store.path):
        assert closed not in page
    headers = {"x-form-token": make_form_token(secret)}
    assert (
        client.post("/settings/forget", data={"who": "a@b.example", "sure": "true"}, headers=headers).status_code == 403
    )
    assert client.post("/bring/leave", data={"once": "o" * 20}, headers=headers).status_code == 403
    assert client.get("/settings/people").status_code == 403
    assert client.post("/look", data={"language": "de", "theme": "dark"}, headers=headers).status_code == 303
    assert 'data-theme="dark"' in client.get("/settings").text


def test_german(mine: Door) -> None:
    page = words_of(mine.client.get("/settings", headers={"accept-language": "de"}).text)
    page += words_of(mine.client.get("/settings/people", headers={"accept-language": "de"}).text)
    for english in (
        "How pages look",
        "Tokens for",
        "Forget",
        "Leave with",
        "Who is who",
        "Everybody",
        "trust triangle",
    ):
        assert english not in page
