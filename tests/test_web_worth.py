"""The page of worth: the figures of the command, worked out beside the requests, and trials that keep their word."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from served import ADDRESS, Door, enter, serve_copy

from troth.schema import TEAM_FIGURES, conform
from troth.testing import DealRules, make_deal_world
from troth.web.access import Role, Visitor
from troth.web.app import Serving, make_app
from troth.worth.deals import LeftOut
from troth.worthing import gather_evidence, measure_worth
from troth.worthtold import Worth

HOSTILE = "<script>alert(1)</script>=1+1"


@pytest.fixture(scope="module")
def clear() -> Worth:
    """A made-up firm with a clear link, and a name that would be a command."""
    world = make_deal_world(np.random.default_rng(1), DealRules(accounts=120, effect=0.9))
    found = measure_worth(
        gather_evidence(
            outcomes=world.outcomes, steps=world.steps, turns=world.turns, readings=world.readings, as_of=world.as_of
        ),
        draws=60,
    )
    assert found.money is not None
    named = (HOSTILE, *found.money.ids[1:])
    left = (LeftOut(outcome_id="secret deal", reason="a negative amount"),)
    return replace(found, money=replace(found.money, ids=named), book=replace(found.book, left_out=left))


@pytest.fixture(scope="module")
def own(sample_file: Path) -> Iterator[Serving]:
    with serve_copy(sample_file) as served:
        yield served


def finish(found: Any) -> Future[Any]:
    done = Future[Any]()
    done.set_result(found)
    return done


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page)).split())


def wait_for(door: Door, path: str = "/worth") -> str:
    for _ in range(300):
        page = door.client.get(path)
        if page.status_code == 200 and 'class="working' not in page.text:
            return page.text
        time.sleep(0.1)
    raise AssertionError(path)


def test_too_few_deals_get_a_sentence_and_no_figure(door: Door) -> None:
    page = words_of(wait_for(door))
    found = door.serving.keeper.view().later["worth", "deal"].result()
    won = found.ratio("won")
    assert not won.enough
    assert f"28 days before: {won.ends}; 10 are needed. Such accounts: {won.accounts}; 8 are needed." in page
    assert f"{len(found.book.ids)} of {found.book.seen}" in page
    assert "times the odds in a week" not in page
    assert door.serving.keeper.view().later["worth", "deal"].result() is found
    told, tried = (door.serving.keeper.view().later[name].result() for name in ("reciprocity", "what to try"))
    assert told.list_rows() == door.serving.keeper.ask(lambda book: book.reciprocity()).list_rows()
    assert tried.list_rows() == door.serving.keeper.ask(lambda book: book.trials.suggest()).list_rows()
    assert words_of(wait_for(door)) == page


def test_what_is_found_stands_there_with_its_interval(own: Serving, clear: Worth) -> None:
    own.keeper.view().later["worth", "deal"] = finish(clear)
    with enter(own) as door:
        page = wait_for(door)
        text = words_of(page)
        won, money = clear.ratio("won"), clear.money
        assert won is not None
        assert money is not None
        assert f"{won.ratio:.2f} times the odds in a week ({won.low:.2f} to {won.high:.2f}, 95 %)" in text
        for control in clear.controls:
            assert f"{control.ratio.low:.2f} to {control.ratio.high:.2f}" in text or not control.ratio.enough
        assert clear.tells_money
        assert f"{money.total.median:,.0f}" in text
        assert "<script>alert" not in page
        for of in ("incidence", "freeze", "forest"):
            spec = door.client.get("/worth/chart.json", params={"of": of})
            assert spec.json()["$schema"].startswith("https://vega.github.io")
            assert f"chart.json?kind=deal&amp;of={of}" in page
        rows = list(csv.DictReader(io.StringIO(door.client.get("/worth.csv").text)))
        assert [row["part"] for row in rows] == [row["part"] for row in clear.list_rows()]
        assert not [cell for row in rows for cell in row.values() if cell.startswith("=")]


def test_the_report_is_made_beside_and_then_saved(own: Serving, clear: Worth) -> None:
    own.keeper.view().later["worth", "deal"] = finish(clear)
    with enter(own) as door:
        for ending, begins in (("html", b"<!doctype html>"), ("pdf", b"%PDF-")):
            answer = door.client.get(f"/worth/report.{ending}")
            for _ in range(200):
                if "attachment" in answer.headers.get("content-disposition", ""):
                    break
                assert 'http-equiv="refresh"' in answer.text
                time.sleep(0.1)
                answer = door.client.get(f"/worth/report.{ending}")
            assert answer.content[:15].lower().startswith(begins.lower())


def test_an_analyst_sees_figures_and_no_account(own: Serving, clear: Worth) -> None:
    own.keeper.view().later["worth", "deal"] = finish(clear)
    client = TestClient(make_app(own), base_url=ADDRESS)
    view = own.keeper.view()
    published = {"period": "2026-10", "team": "all", "published_at": view.made_at}
    for withheld, seen in (("people", 404), (None, 200)):
        object.__setattr__(view, "figures", conform([published | {"withheld": withheld}], TEAM_FIGURES))
        for role, status in ((Role.analyst, seen), (Role.member, 403), (Role.owner, 403)):
            who = Visitor(name="x", role=role, person="nobody@brimholt.example")
            client.cookies.set(own.cookie, own.sessions.begin(who))
            for path in ("/worth", "/worth.csv", "/worth/chart.svg"):
                assert client.get(path).status_code == status
    client.cookies.set(own.cookie, own.sessions.begin(replace(who, role=Role.analyst)))
    page, file = client.get("/worth").text, client.get("/worth.csv").text
    assert clear.money is not None
    for name in (*clear.money.relationships[:5], "secret deal"):
        assert name not in page
        assert name not in file
    assert client.get("/worth/report.html").status_code == 403


def test_a_trial_is_drawn_by_a_form_and_read_on_its_day(own: Serving) -> None:
    with enter(own) as door:
        token = {"form_token": door.form_token}
        started = door.client.post("/worth/trials", data={"practice": "date-every-promise", **token})
        if started.status_code == 422:  # too few accounts in the sample: then that is said
            assert "accounts" in words_of(started.text)
            return
        (trial,) = own.keeper.ask(lambda book: book.trials.list())
        page = words_of(wait_for(door))
        assert trial.trial_id in page
        assert "under way" in page
        early = door.client.post("/worth/trials/read", data={"trial": trial.trial_id, **token})
        assert early.status_code == 422
        looked = door.client.post("/worth/trials/read", data={"trial": trial.trial_id, "early": "true", **token})
        assert "too early" in words_of(looked.text)
        (trial,) = own.keeper.ask(lambda book: book.trials.list())
        assert trial.looks == 1
        door.client.post("/worth/trials/stop", data={"trial": trial.trial_id, **token})
        assert own.keeper.ask(lambda book: book.trials.find()).stopped_at is not None


def test_german(own: Serving, clear: Worth) -> None:
    own.keeper.view().later["worth", "deal"] = finish(clear)
    with enter(own) as door:
        wait_for(door)
        page = words_of(door.client.get("/worth", headers={"accept-language": "de"}).text)
        for english in ("goes with", "Money", "Being worked out", "What it stands on", "Start a trial", "Adjusted for"):
            assert english not in page
