"""What nobody foresaw: a calm page with a number, the same number in the log, and not one word of a customer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from fastapi.testclient import TestClient
from served import ADDRESS

from troth.web.app import Serving, make_app
from troth.web.failing import Unforeseen, tell_error
from troth.web.visit import Nothing

PRIVATE = "Mrs Dalloway cannot pay <b>"
router = APIRouter()


def fail() -> None:
    try:
        {}[PRIVATE]
    except KeyError as error:
        raise ValueError(PRIVATE) from error


@router.get("/fails")
@router.get("/api/v1/fails/{name}")
def show_failing(visit: Nothing) -> Response:
    fail()
    raise AssertionError


@router.get("/breaks")
def show_broken(visit: Nothing) -> Response:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        fail()

    return StreamingResponse(pieces())


@pytest.fixture(scope="module")
def client(serving: Serving) -> Iterator[TestClient]:
    with TestClient(make_app(serving, routers=(router,)), base_url=ADDRESS) as client:
        yield client


def numbers(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage()[:8] for record in caplog.records if record.name == "troth.web"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_that_fails_stays_calm_and_names_the_number_in_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, language: str
) -> None:
    answer = client.get("/fails", headers={"accept-language": language})
    assert answer.status_code == 500
    assert f'<html lang="{language}"' in answer.text
    shown = re.search(r"<code>([0-9a-f]{8})</code>", answer.text)
    assert shown is not None
    assert [shown[1]] == numbers(caplog)
    for word in ("Dalloway", "ValueError", "Traceback", "fail"):
        assert word not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert ("What was saved before is safe" in answer.text) == (language == "en")


def test_htmx_gets_the_body_alone(client: TestClient) -> None:
    part = client.get("/fails", headers={"hx-request": "true"})
    assert part.status_code == 500
    assert "<html" not in part.text
    assert "<h1>" in part.text


def test_a_program_is_told_as_a_program_is(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/api/v1/fails/Dalloway")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [problem["reference"]] == numbers(caplog)
    assert problem["type"] == "urn:troth:problem:Unforeseen"
    assert "Dalloway" not in problem["detail"]


def test_the_log_says_what_and_where_and_nothing_that_the_error_says(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/api/v1/fails/Dalloway", params={"q": "Dalloway"})
    (record,) = [record for record in caplog.records if record.name == "troth.web"]
    assert record.levelno == logging.ERROR
    text = record.getMessage()
    assert "GET /api/v1/fails/{name}" in text
    assert "builtins.ValueError" in text
    assert "builtins.KeyError" in text
    assert re.search(r"test_web_failing\.py:\d+ fail\b", text)
    assert "Dalloway" not in caplog.text


def test_half_an_answer_does_not_look_whole(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unforeseen) as broken:
        client.get("/breaks")
    assert [broken.value.reference] == numbers(caplog)
    assert broken.value.__suppress_context__


def test_errors_behind_each_other_in_a_ring_are_told_once() -> None:
    one, other = ValueError(PRIVATE), KeyError(PRIVATE)
    one.__cause__, other.__cause__ = other, one
    assert list(tell_error(one)) == ["builtins.ValueError", "builtins.KeyError"]
