"""Who gets in, and what every answer carries."""

from __future__ import annotations

import threading
import time

import pytest
from anyio import create_task_group, to_thread
from fastapi.testclient import TestClient
from served import ADDRESS, Door, enter

from troth.web.app import Serving, make_app


def test_nobody_gets_in_without_the_address(serving: Serving) -> None:
    with TestClient(make_app(serving), base_url=ADDRESS) as stranger:
        assert stranger.get("/").status_code == 401
        assert stranger.get("/in", params={"token": "guess"}).status_code == 401


def test_the_address_opens_the_page_once(serving: Serving) -> None:
    token = serving.keys.make()
    for expected in (200, 401):
        with TestClient(make_app(serving), base_url=ADDRESS) as client:
            assert client.get("/in", params={"token": token}).status_code == expected


def test_the_cookie_is_sent_by_no_other_site_and_read_by_no_script(serving: Serving) -> None:
    with TestClient(make_app(serving), base_url=ADDRESS, follow_redirects=False) as client:
        cookie = client.get("/in", params={"token": serving.keys.make()}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/style.css"])
def test_every_answer_shuts_scripts_out(door: Door, path: str) -> None:
    policy = door.client.get(path).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "["])
def test_a_foreign_name_for_this_machine_is_refused(door: Door, host: str) -> None:
    assert door.client.get("/", headers={"host": host}).status_code == 421


def test_a_form_of_another_site_is_refused(door: Door) -> None:
    look = {"language": "en", "theme": "auto"}
    post = door.client.post
    assert post("/look", data=look).status_code == 403
    assert post("/look", data=look, headers={"x-form-token": "0" * 64}).status_code == 403
    right = {"x-form-token": door.form_token}
    assert post("/look", data=look, headers={**right, "origin": "https://evil.example"}).status_code == 403
    assert post("/look", data=look, headers=right, follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/look", "x-www-form-urlencoded"), ("POST", "/check", "x-www-form-urlencoded"),
        ("POST", "/api/v1/check", "json"), ("PUT", "/api/v1/store/marks?source_key=a", "json"),
        ("POST", "/s/guess", "x-www-form-urlencoded"),
    ],
)  # fmt: skip
def test_a_stranger_fills_no_memory(serving: Serving, method: str, path: str, kind: str) -> None:
    pieces = (b"x" * (1 << 16) for _ in range(20))  # without a length that could be looked at
    with TestClient(make_app(serving), base_url=ADDRESS) as stranger:
        answer = stranger.request(method, path, content=pieces, headers={"content-type": f"application/{kind}"})
    assert answer.status_code == 413
    assert answer.headers["x-frame-options"] == "DENY"


def test_who_may_send_much_is_asked_before_it_is_taken_in(serving: Serving) -> None:
    with TestClient(make_app(serving), base_url=ADDRESS) as stranger:
        for path in ("/api/v1/store/tables/turns", "/api/v1/store/tables/turns/rows", "/api/v1/turns", "/bring"):
            answer = stranger.post(path, content=b"x" * (3 << 20), headers={"content-type": "application/json"})
            assert answer.status_code == 401, path


@pytest.mark.parametrize("origin", ["null", "http://[", "https://127.0.0.1.evil.example", "//", ""])
def test_an_origin_that_is_none_is_another_site(door: Door, origin: str) -> None:
    headers = {"x-form-token": door.form_token, "origin": origin}
    assert door.client.post("/look", data={"language": "en", "theme": "auto"}, headers=headers).status_code == 403


def test_signed_out_is_out(serving: Serving) -> None:
    with enter(serving) as leaving:
        assert leaving.client.post("/out", headers={"x-form-token": leaving.form_token}).status_code == 200
        assert leaving.client.get("/").status_code == 401


def test_today_is_the_close_of_the_last_day(door: Door) -> None:
    page = door.client.get("/")
    close = door.serving.keeper.view().close
    assert page.status_code == 200
    assert close is not None
    assert close.tomorrow.relationship is not None
    assert close.tomorrow.relationship in page.text
    german = door.client.get("/", headers={"accept-language": "de-DE,de;q=0.9"}).text
    assert '<html lang="de"' in german


def test_few_requests_are_worked_on_at_once(door: Door) -> None:
    """They share one interpreter: forty at once would each take as long as all of them."""
    guard, under_way, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal under_way, most
        with guard:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with guard:
            under_way -= 1

    async def ask_often() -> None:
        async with create_task_group() as group:
            for _ in range(30):
                group.start_soon(to_thread.run_sync, work)

    assert door.client.portal is not None
    door.client.portal.call(ask_often)
    assert 1 < most <= 8
