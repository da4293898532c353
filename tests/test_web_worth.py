"""The page of worth: the figures of the command, worked out beside the requests, and trials that keep their word."""

from __future__ import annotations

import csv
import datetime as dt
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
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from served import ADDRESS, Door, enter, serve_copy

from troth.errors import InputError
from troth.schema import OUTCOMES, WORTH_FIGURES, conform
from troth.testing import DealRules, make_deal_world
from troth.web.access import Role, Visitor
from troth.web.app import Serving, make_app
from troth.web.editions import bare_influence, bare_reciprocity, bare_suggestions, bare_worth, mark_deals
from troth.web.freezing import freeze, thaw
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
        for ending, begins, language in (
            ("html", b'<!doctype html>\n<html lang="en"', "en"),
            ("html", b'<!doctype html>\n<html lang="de"', "de"),
            ("pdf", b"%PDF-", "en"),
        ):
            reader = {"accept-language": language}
            answer = door.client.get(f"/worth/report.{ending}", headers=reader)
            for _ in range(200):
                if "attachment" in answer.headers.get("content-disposition", ""):
                    break
                assert 'http-equiv="refresh"' in answer.text
                time.sleep(0.1)
                answer = door.client.get(f"/worth/report.{ending}", headers=reader)
            assert answer.content.startswith(begins)


def edition(part: str, found: Any, *, period: str = "2026-10") -> dict[str, Any]:
    as_of = dt.datetime(2026, int(period[-2:]) + 1, 1, tzinfo=dt.UTC)
    content = None if found is None else freeze(found)
    return {"period": period, "part": part, "as_of": as_of, "published_at": as_of, "content": content}


def test_what_is_frozen_comes_back_as_it_was_and_names_nobody(clear: Worth, door: Door) -> None:
    bare = bare_worth(clear)
    kept = freeze(bare)
    again = thaw(kept)
    assert again.list_rows() == bare.list_rows()
    told = [row for row in clear.list_rows() if row["part"] not in {"money", "left out"}]
    assert [row for row in again.list_rows() if row["part"] not in {"money", "left out"}] == told
    assert again.say_money() == clear.say_money()
    assert again.reasons == clear.reasons
    assert clear.money is not None
    for name in (*clear.money.relationships, *clear.money.ids, *clear.book.relationships, "secret deal"):
        assert f'"{name}"' not in kept
    for wrong in ("{", '{"of":"os:stat_result","held":{}}', '{"of":"troth.worthtold:Worth","held":{}}', '{"x":1}'):
        with pytest.raises(InputError, match="another version"):
            thaw(wrong)
    with pytest.raises(TypeError, match="no part of a result"):
        freeze(object())
    found = door.serving.keeper.ask(lambda book: (book.reciprocity(), book.influence(), book.trials.suggest()))
    for bare_one in (bare_reciprocity(found[0]), bare_influence(found[1]), bare_suggestions(found[2])):
        assert thaw(freeze(bare_one)).list_rows() == bare_one.list_rows()
    assert bare_reciprocity(found[0]).firms == {}
    assert bare_influence(found[1]).customers == ()
    assert bare_suggestions(found[2]).list_rows() == found[2].list_rows()


def test_two_editions_of_deals_differ_by_many_accounts_or_by_none() -> None:
    end, day = dt.datetime(2026, 11, 1, tzinfo=dt.UTC), dt.timedelta(days=1)

    def deals(count: int, *, won: int = 0, late: int = 0) -> pa.Table:
        rows = [
            {"outcome_id": f"o{n}", "kind": "deal", "relationship": f"home{n}.example", "opened_at": end - 90 * day,
             "state": "won" if n < won + late else "open", "amount": 10.0, "currency": "EUR",
             "closed_at": end - day if n < won else end + day if n < won + late else None, "source": "s"}
            for n in range(count)
        ]  # fmt: skip
        return conform(rows, OUTCOMES)

    first = mark_deals(deals(40), "deal", end, before=None)
    assert first is not None
    assert "home" not in first
    assert mark_deals(deals(40), "deal", end, before=first) == first
    assert mark_deals(deals(40, late=9), "deal", end, before=first) == first  # closed after it: not looked at
    for one in (deals(41), deals(40, won=1), deals(39), deals(40, won=9), deals(49)):
        assert mark_deals(one, "deal", end, before=first) is None
    assert mark_deals(deals(40, won=10), "deal", end, before=first) not in {None, first}
    assert mark_deals(deals(40, won=10), "renewal", end, before=None) != first


def test_an_analyst_sees_what_was_published_and_nothing_that_came_after(own: Serving, clear: Worth) -> None:
    """The live figures are there, and others; pages, files and pictures of an analyst are those of the edition."""
    view = own.keeper.view()
    view.later["worth", "deal"] = finish(replace(clear, won=clear.won + 1, notes=("a deal of today",)))
    client = TestClient(make_app(own), base_url=ADDRESS)
    bare = bare_worth(clear)
    found = own.keeper.ask(lambda book: (book.reciprocity(), book.influence(), book.trials.suggest()))
    parts = ("reciprocity", "influence", "suggestions")
    bared = (bare_reciprocity(found[0]), bare_influence(found[1]), bare_suggestions(found[2]))
    ways = [edition(part, one) for part, one in zip(parts, bared, strict=True)]
    paths = ("/worth", "/worth.csv", "/worth/chart.svg")
    who = Visitor(name="x", role=Role.analyst, person="nobody@brimholt.example")

    def ask(path: str, role: Role = Role.analyst) -> Response:
        client.cookies.set(own.cookie, own.sessions.begin(replace(who, role=role)))
        return client.get(path)

    for rows, statuses in (
        ([], (404, 404, 404)), ([edition("trial", bare)], (404, 404, 404)),
        ([*ways, edition("deal", None)], (200, 404, 404)), ([*ways, edition("deal", bare)], (200, 200, 200)),
    ):  # fmt: skip
        object.__setattr__(own.keeper.view(), "editions", pa.Table.from_pylist(rows, schema=WORTH_FIGURES))
        assert tuple(ask(path).status_code for path in paths) == statuses
        for role in (Role.member, Role.owner):
            assert [ask(path, role).status_code for path in paths] == [403] * 3
    page, file = ask("/worth").text, ask("/worth.csv").text
    assert "a deal of today" not in page + file
    assert "Known by the end of 2026-10" in page
    assert list(csv.DictReader(io.StringIO(file)))[4]["value"] == str(float(clear.won))
    assert clear.money is not None
    for name in (*clear.money.relationships[:5], "secret deal"):
        assert name not in page
        assert name not in file
    assert ask("/worth/report.html").status_code == 403
    older = edition("deal", replace(bare, notes=("of an earlier month",)), period="2026-09")
    object.__setattr__(own.keeper.view(), "editions", conform([*ways, older, edition("deal", bare)], WORTH_FIGURES))
    assert "of an earlier month" not in ask("/worth").text


def test_a_trial_is_drawn_by_a_form_and_read_on_its_day(own: Serving) -> None:
    with enter(own) as door:
        token = {"form_token": door.form_token}
        started = door.client.post("/worth/trials", data={"practice": "date-every-promise", **token})
        page = words_of(wait_for(door, str(started.url)))
        if not own.keeper.ask(lambda book: book.trials.list()):  # too few accounts in the sample: then that is said
            assert "accounts" in page
            return
        (trial,) = own.keeper.ask(lambda book: book.trials.list())
        page = words_of(wait_for(door))
        assert trial.trial_id in page
        assert "under way" in page
        early = door.client.post("/worth/trials/read", data={"trial": trial.trial_id, **token})
        assert early.status_code == 422
        looked = door.client.post("/worth/trials/read", data={"trial": trial.trial_id, "early": "true", **token})
        assert "too early" in words_of(wait_for(door, str(looked.url)))
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
