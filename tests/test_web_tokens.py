"""Tokens open what they were given for and nothing else, and nobody may ask without end."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from served import ADDRESS
from typer.testing import CliRunner

from troth.book import Store, open_store
from troth.book.erase import forget_names
from troth.cli import app
from troth.errors import BookError, InputError
from troth.web.access import Need, Role, Visitor
from troth.web.app import Serving, make_app
from troth.web.limits import Buckets, Rates
from troth.web.tokens import MOST_OF_ONE, Token, TokenDesk, list_tokens, make_token, revoke_token

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
SOLE = Visitor(name="me", role=Role.sole)
ADA = Visitor(name="Ada", role=Role.member, person="ada@firm.example")
DAY = dt.timedelta(days=1)


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(None) as opened:
        yield opened


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


def test_a_token_is_kept_as_a_hash_and_found_by_itself_alone(store: Store) -> None:
    secret, token = make_token(store, name="import", needs=[Need.bring], lasts=DAY, for_whom=SOLE, now=NOW)
    assert len(secret) > 43  # 256 bits
    assert secret not in str(store.table("tokens").to_pylist())
    desk = TokenDesk(store, Clock())
    found = desk.find(secret)
    assert found is not None
    assert found.may(Need.bring)
    assert not found.may(Need.own)
    for wrong in (secret[:-1], secret + "x", token.hash, token.token_id, "", "troth_", "é"):
        assert desk.find(wrong) is None


def test_a_token_ends_by_itself_and_when_it_is_taken_back(store: Store) -> None:
    clock = Clock()
    desk = TokenDesk(store, clock)
    short, _ = make_token(store, name="short", needs=[Need.own], lasts=DAY, for_whom=SOLE, now=NOW)
    long, kept = make_token(store, name="long", needs=[Need.own], lasts=2 * DAY, for_whom=SOLE, now=NOW)
    assert desk.find(short) is not None
    assert desk.find(long) is not None
    clock.now = NOW + DAY
    assert desk.find(short) is None
    assert desk.find(long) is not None
    revoke_token(store, kept.token_id[:6], now=clock.now)  # as another program would, without a word to this one
    clock.now += dt.timedelta(seconds=6)
    desk.find(long)  # sets the reading off
    for _ in range(200):
        if desk.find(long) is None:
            break
        time.sleep(0.01)
    assert desk.find(long) is None
    states = {token.name: token.state(clock.now) for token in list_tokens(store)}
    assert states == {"long": "revoked", "short": "expired"}


def test_what_is_revoked_here_is_refused_at_once(store: Store) -> None:
    desk = TokenDesk(store, Clock())  # time stands still: nothing is read anew by itself
    secret, kept = make_token(store, name="n", needs=[Need.own], lasts=DAY, for_whom=ADA, now=NOW)
    found = desk.find(secret)
    assert found is not None
    assert found.name == found.person == "ada@firm.example"  # whatever she calls it
    first, _ = make_token(store, name="n", needs=[Need.own], lasts=DAY, for_whom=ADA, now=NOW)
    revoke_token(store, kept.token_id, now=NOW)
    assert desk.find(secret) is not None
    desk.forget(kept.token_id)
    assert desk.find(secret) is None
    assert desk.find(first) is not None
    desk.forget("another")
    with store.transaction():  # nobody else waits for the book because one token was revoked
        assert desk.find(first) is not None
    assert desk.find("troth_unknown") is None  # waits until the book was asked
    other, _ = make_token(store, name="m", needs=[Need.own], lasts=DAY, for_whom=ADA, now=NOW)
    assert desk.find(other) is None  # not before somebody says so
    desk.forget()
    assert desk.find(other) is not None


def test_a_read_that_began_before_a_token_was_revoked_does_not_bring_it_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = TokenDesk(store, Clock())
    secret, kept = make_token(store, name="n", needs=[Need.own], lasts=DAY, for_whom=ADA, now=NOW)
    begun, go_on = threading.Event(), threading.Event()

    def list_slowly(store: Store) -> list[Token]:
        found = list_tokens(store)
        begun.set()
        assert go_on.wait(20)
        return found

    monkeypatch.setattr("troth.web.tokens.list_tokens", list_slowly)
    found: list[object] = []

    def ask() -> None:
        with suppress(BookError):
            found.append(desk.find(secret))

    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(20)
    monkeypatch.setattr("troth.web.tokens.list_tokens", list_tokens)
    revoke_token(store, kept.token_id, now=NOW)
    desk.forget()
    with pytest.raises(BookError, match="busy"):  # it is not said that the token is wrong, and it opens nothing
        desk.find(secret)
    go_on.set()
    asking.join()
    assert desk.find(secret) is None
    assert found in ([], [None])


def test_one_person_fills_no_book_with_tokens(store: Store) -> None:
    for number in range(MOST_OF_ONE * 2 + 5):
        _, kept = make_token(store, name=f"{number}", needs=[Need.own], lasts=DAY, for_whom=ADA, now=NOW)
        revoke_token(store, kept.token_id, now=NOW)
    assert len(list_tokens(store)) <= MOST_OF_ONE + 1
    for _ in range(MOST_OF_ONE):
        make_token(store, name="n", needs=[Need.own], lasts=DAY, for_whom=ADA, now=NOW)
    with pytest.raises(InputError, match="Revoke those"):
        make_token(store, name="n", needs=[Need.own], lasts=DAY, for_whom=ADA, now=NOW)
    make_token(store, name="n", needs=[Need.own], lasts=DAY, for_whom=replace(ADA, person="bob@x.example"), now=NOW)


def test_a_token_gives_no_more_than_it_may_itself(store: Store) -> None:
    narrow = replace(ADA, needs=frozenset({Need.own}))
    with pytest.raises(InputError, match="no more than you"):
        make_token(store, name="n", needs=[Need.decide], lasts=DAY, for_whom=narrow, now=NOW)


def test_when_a_token_was_last_used_is_kept(store: Store) -> None:
    clock = Clock()
    secret, _ = make_token(store, name="n", needs=[Need.own], lasts=DAY, for_whom=SOLE, now=NOW)
    desk = TokenDesk(store, clock)
    clock.now += dt.timedelta(hours=1)
    desk.find(secret)
    desk.close()
    assert [token.used_at for token in list_tokens(store)] == [clock.now]


def test_a_token_may_no_more_than_its_owner_and_goes_with_him(store: Store) -> None:
    for needs in ([Need.manage], [Need.own, Need.store], [Need.nothing], []):
        with pytest.raises(InputError):
            make_token(store, name="n", needs=needs, lasts=DAY, for_whom=ADA, now=NOW)
    for name, lasts in (("", DAY), ("n" * 101, DAY), ("n", DAY * 0), ("n", DAY * 400)):
        with pytest.raises(InputError):
            make_token(store, name=name, needs=[Need.own], lasts=lasts, for_whom=ADA, now=NOW)
    secret, token = make_token(store, name="n", needs=[Need.own, Need.decide], lasts=DAY, for_whom=ADA, now=NOW)
    roles: dict[str, Role | None] = {"ada@firm.example": Role.owner}
    desk = TokenDesk(store, Clock(), role_of=roles.get)
    found = desk.find(secret)
    assert found is not None
    assert (found.role, found.person, found.may(Need.manage)) == (Role.owner, "ada@firm.example", False)
    roles.clear()
    assert desk.find(secret) is None
    with pytest.raises(InputError):  # nobody else's
        revoke_token(store, token.token_id, now=NOW, of=replace(ADA, person="bob@firm.example"))
    both, _ = make_token(store, name="n", needs=[Need.own, Need.bring], lasts=DAY, for_whom=SOLE, now=NOW)
    of_nobody = TokenDesk(store, Clock(), role_of=roles.get).find(both)
    assert of_nobody is not None  # of whoever has the file: it brings turns into the book of a team, and reads nothing
    assert [need for need in Need if of_nobody.may(need)] == [Need.nothing, Need.bring]
    assert forget_names(store, ["ada@firm.example"]) == {"tokens": 1}
    assert [one.person for one in list_tokens(store)] == [None]


def test_a_request_with_a_token_needs_no_form_token_and_no_more_than_it_was_given(serving: Serving) -> None:
    visitors = {
        "own": Visitor(name="t", role=Role.sole, needs=frozenset({Need.own})),
        "bring": Visitor(name="t", role=Role.sole, needs=frozenset({Need.bring})),
    }
    with TestClient(make_app(replace(serving, find_token=visitors.get)), base_url=ADDRESS) as client:

        def ask(token: str, method: str, path: str, **more: object) -> int:
            headers = {"authorization": f"Bearer {token}"}
            return client.request(method, f"/api/v1{path}", headers=headers, **more).status_code  # type: ignore[arg-type]

        assert ask("own", "GET", "/turns") == 200
        assert ask("own", "POST", "/check", json={"text": "Thank you."}) == 200
        assert ask("own", "POST", "/turns", json=[]) == 403
        assert ask("bring", "POST", "/turns", json=[]) == 200
        assert ask("bring", "GET", "/turns") == 403
        assert ask("other", "GET", "/turns") == 401


def test_the_command_makes_lists_and_revokes(tmp_path: object) -> None:
    book = ["--book", f"{tmp_path}/book.duckdb"]
    run = CliRunner().invoke
    made = run(app, ["token", "make", "=import", "--may", "bring", "--days", "3", *book])
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("troth_")
    listed = run(app, ["token", "list", "--format", "csv", *book])
    assert made.stdout.strip() not in listed.stdout
    assert "'=import" in listed.stdout
    token_id = listed.stdout.splitlines()[1].split(",")[0]
    assert run(app, ["token", "revoke", token_id, *book]).exit_code == 0
    assert "revoked" in run(app, ["token", "list", *book]).stdout
    refused = run(app, ["token", "make", "x", "--may", "everything", *book])
    assert isinstance(refused.exception, InputError)


# How often somebody may ask.


def test_buckets_let_through_what_their_rate_says() -> None:
    """Beside an adding machine: over a minute of eager asking no more than what was there and what came."""
    now = [0.0]
    buckets = Buckets(per_s=2.0, size=5, clock=lambda: now[0])
    through = 0
    for step in range(6000):
        now[0] = step / 100
        through += buckets.wait_s("a") == 0.0
    assert through in {5 + 2 * 60 - 1, 5 + 2 * 60}


def client_of(serving: Serving, rates: Rates) -> TestClient:
    return TestClient(make_app(replace(serving, rates=rates)), base_url=ADDRESS, follow_redirects=False)


def test_who_asks_too_often_is_told_when_to_come_again(serving: Serving) -> None:
    with client_of(serving, Rates(per_s=0.01, burst=3)) as client:
        answers = [client.get("/api/v1/health") for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert answers[3].headers["content-type"] == "application/problem+json"
        assert 1 <= int(answers[3].headers["retry-after"]) <= 100
        assert "content-security-policy" in answers[3].headers
        assert client.get("/static/style.css").status_code == 200


def test_who_guesses_is_not_listened_to_and_who_is_known_still_is(serving: Serving) -> None:
    rates = Rates(guesses_per_min=0.01, guesses_burst=3)
    visitor = Visitor(name="t", role=Role.sole)
    known = replace(serving, find_token={"good": visitor, "late": visitor}.get)
    with client_of(known, rates) as client:

        def ask(token: str) -> int:
            return client.get("/api/v1/turns?limit=1", headers={"authorization": f"Bearer {token}"}).status_code

        assert ask("good") == 200
        assert [ask(f"guess {number}") for number in range(5)] == [401, 401, 401, 429, 429]
        assert client.get("/in", params={"token": "guess"}).status_code == 429
        assert ask("late") == 429  # also a right one, from an address that guesses
        assert ask("good") == 200
        assert client.get("/api/v1/health").status_code == 200  # without a secret nothing is guessed


def test_made_up_credentials_get_no_bucket_of_their_own(serving: Serving) -> None:
    rates = Rates(per_s=0.01, burst=5, guesses_burst=100)
    with client_of(serving, rates) as client:
        answers = [client.get("/api/v1/turns", headers={"authorization": f"Bearer {n}"}).status_code for n in range(8)]
    assert answers == [401] * 5 + [429] * 3


def test_a_made_up_secret_gets_no_bucket_where_nobody_is_asked_who_they_are(serving: Serving) -> None:
    with client_of(serving, Rates(per_s=0.01, burst=4, guesses_burst=100)) as client:
        for number in range(2):
            headers = {"cookie": f"{serving.cookie}=made-up-{number}"}
            assert client.get("/api/v1/health", headers=headers).status_code == 200
            assert client.get("/nowhere", headers=headers).status_code == 404
        for number in range(2):
            headers = {"cookie": f"{serving.cookie}=made-up-{number}"}
            assert client.get("/api/v1/health", headers=headers).status_code == 429
