"""Surveys over the page: making a link, answering by it without signing in, and what is then in the book."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from markupsafe import escape
from served import ADDRESS, Door, enter, serve_copy

from troth.surveys import NAMES, load_set
from troth.web.app import make_app
from troth.web.pages.surveys import list_reasons


@pytest.fixture(scope="module")
def writing(sample_file: Path) -> Iterator[Door]:
    with serve_copy(sample_file) as serving, enter(serving) as door:
        yield door


@pytest.fixture(scope="module")
def stranger(writing: Door) -> Iterator[TestClient]:
    """Somebody who has a link and nothing else."""
    with TestClient(make_app(writing.serving), base_url=ADDRESS) as client:
        yield client


def make_link(door: Door, **other: str) -> str:
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=9)).date().isoformat()
    form = {
        "form_token": door.form_token, "relationship": "hogsby", "asked": "questions", "language": "en",
        "asked_by": "Anna <i>Tiedemark</i>", "until": until, "person": "lars@hogsby.example",
    }  # fmt: skip
    answer = door.client.post("/surveys", data=form | other)
    assert answer.status_code == 200, answer.text
    found = re.search(r'value="[^"]*(/s/[\w-]{20,})"', answer.text)
    assert found is not None
    return found[1]


def test_answers_by_a_link_are_in_the_book_and_can_be_corrected(writing: Door, stranger: TestClient) -> None:
    link = make_link(writing)
    page = stranger.get(link)
    asked = load_set("questions")
    assert page.status_code == 200
    assert "Anna &lt;i&gt;Tiedemark&lt;/i&gt;" in page.text
    assert all(str(escape(item.text["en"])) in page.text for item in asked.items)
    assert "<script" not in page.text

    before = writing.serving.keeper.store.table("answers").num_rows
    sent = stranger.post(link, data={item.id: "5" for item in asked.items}, follow_redirects=False)
    assert sent.headers["location"] == f"{link}?done=1"
    assert "Thank you" in stranger.get(sent.headers["location"]).text
    stranger.post(link, data={"questions_hc1": "2", "questions_hr1": "", "more": "x"})
    rows = writing.serving.keeper.store.table("answers", where={"person": "lars@hogsby.example"}).to_pylist()
    mine = [row for row in rows if row["answer_id"].startswith("link:")]
    assert [(row["item"], row["value"], row["relationship"]) for row in mine] == [
        ("questions_hc1", 2, "hogsby.example")
    ]
    assert writing.serving.keeper.store.table("answers").num_rows == before + 1
    assert not stranger.cookies


def test_nothing_marked_changes_nothing(writing: Door, stranger: TestClient) -> None:
    link = make_link(writing)
    for data in ({}, {"questions_hc1": "9"}, {"anchor_1": "3"}):
        answer = stranger.post(link, data=data)
        assert answer.status_code == 422
        assert "Mark at least one line" in answer.text
    assert stranger.post(link, content=b"x" * 20_000).status_code == 413


def test_a_link_that_is_over_says_so_and_one_that_never_was_is_not_found(writing: Door, stranger: TestClient) -> None:
    link = make_link(writing)
    kept = writing.serving.keeper.store.table("invitations").sort_by([("made_at", "descending")]).to_pylist()[0]
    closing = {"form_token": writing.form_token}
    path = f"/surveys/links/{kept['invitation_id']}/close"
    assert stranger.post(path, data=closing).status_code == 401
    assert writing.client.post(path, data=closing, follow_redirects=False).status_code == 303
    assert stranger.get(link).status_code == 410
    assert stranger.post(link, data={"questions_hc1": "4"}).status_code == 410
    assert stranger.get("/s/" + "a" * 32).status_code == 404
    assert stranger.get(f"/s/{kept['secret_hash']}").status_code == 404


def test_answers_by_one_link_are_not_taken_without_end(writing: Door, stranger: TestClient) -> None:
    link = make_link(writing)
    kept = writing.serving.keeper.store.table("invitations").sort_by([("made_at", "descending")]).to_pylist()[0]
    while writing.serving.sheets.wait_s(kept["invitation_id"]) == 0:
        pass
    assert stranger.post(link, data={"questions_hc1": "4"}).status_code == 429
    assert stranger.get(link).status_code == 200


def test_the_form_speaks_the_language_of_the_link_or_the_other_one(writing: Door, stranger: TestClient) -> None:
    link = make_link(writing, language="de", person="")
    german = stranger.get(link, headers={"accept-language": "en"}).text
    assert '<html lang="de"' in german
    assert load_set("questions").items[0].text["de"] in html.unescape(german)
    assert "ohne Ihren Namen" in german
    assert '<html lang="en"' in stranger.get(f"{link}?language=en").text


def test_nobody_asks_without_signing_in_or_for_nobody(writing: Door, stranger: TestClient) -> None:
    form = {"relationship": "hogsby", "asked": "questions", "language": "en", "asked_by": "A", "until": "2026-12-01"}
    assert stranger.post("/surveys", data=form).status_code == 401
    for wrong in ({"relationship": "example"}, {"relationship": "nobody at all"}, {"until": "yesterday"}):
        data = form | wrong | {"form_token": writing.form_token}
        assert writing.client.post("/surveys", data=data).status_code == 422


def test_the_page_says_that_a_link_works_on_this_machine_alone(door: Door) -> None:
    page = door.client.get("/surveys").text
    assert "this machine alone" in page
    for name in NAMES:
        form = door.client.get(f"/surveys/form?asked={name}&language=de&relationship=hogsby.example")
        assert "hogsby.example" in form.text
        assert "default-src 'none'" in form.text
        assert "attachment" in form.headers["content-disposition"]
    for shape in ("csv", "qualtrics", "typeform"):
        assert "questions_hc1" in door.client.get(f"/surveys/form?asked=questions&shape={shape}").text
    assert door.client.get("/surveys/form?asked=horoscope").status_code == 422


def test_the_file_of_answers_holds_the_forecast_that_the_book_makes(door: Door) -> None:
    door.client.get("/surveys")
    view = door.serving.keeper.view()
    view.later["forecasts"].result()
    rows = list(csv.DictReader(io.StringIO(door.client.get("/surveys.csv").text)))
    told = door.serving.keeper.ask(lambda book: book.forecast_answers()).to_pylist()
    assert len(rows) == view.answers.num_rows
    chances = {row["answer_id"]: row["chances"][row["value"] - 1] for row in told}
    assert {row["answer_id"]: pytest.approx(float(row["chance"])) for row in rows} == chances
    page = door.client.get("/surveys").text
    assert "alpha waits for 30 complete sheets; there are 9" in page


def test_reasons_can_be_told_in_another_language(door: Door) -> None:
    door.client.get("/surveys")
    for scale in door.serving.keeper.view().later["scales"].result().values():
        assert [pattern.format(**parts) for pattern, parts in list_reasons(scale)] == list(scale.withheld)
