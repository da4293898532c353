"""The page of the day: what the close says, in both languages, of the last day and of earlier ones."""

from __future__ import annotations

import datetime as dt
import html
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from served import ADDRESS, Door, links

from troth.api import open as open_book
from troth.proving import say_scored
from troth.review import Close, Suggestion
from troth.review.close import CIRCLES, CircleClose
from troth.review.tomorrow import suggest
from troth.saying import load_words
from troth.schema import PROMISES, QUESTIONS
from troth.settings import Settings
from troth.web.access import Role, Visitor
from troth.web.app import Serving, make_app
from troth.web.sessions import COOKIE
from troth.web.start import make_serving

Rows = list[dict[str, object]]
GERMAN = {"accept-language": "de"}


def read(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def close(door: Door) -> Close:
    made = door.serving.keeper.view().close
    assert made is not None
    return made


def wait_for(door: Door, day: dt.date, **headers: str) -> str:
    """The page of a day once it is worked out."""
    for _ in range(100):
        page = door.client.get("/", params={"day": day.isoformat()}, headers=headers).text
        if "being worked out" not in page and "wird gerade berechnet" not in page:
            return page
        time.sleep(0.1)
    raise AssertionError(f"{day} was not worked out")


def test_the_page_says_in_english_what_the_terminal_says(door: Door, close: Close) -> None:
    words = read(door.client.get("/").text)
    assert close.tomorrow.text in words
    assert (close.tomorrow.quote or "") in words
    assert close.proof == say_scored(close.forecast, close.day)
    for one in close.asking:
        for names in one.who.values():
            assert all(name in words for name in names)


def test_every_checkpoint_and_sentence_is_there_with_its_conversation(door: Door, close: Close) -> None:
    page = door.client.get("/").text
    words, there = read(page), [unquote(html.unescape(address)) for address in links(page)]
    for circle in close.circles:
        for point in circle.checkpoints:
            assert point.plain in words
            for quote in (point.best, point.worst):
                if quote is not None:
                    assert quote.text in words
                    assert any(address.startswith(f"/relationships/{quote.relationship}") for address in there)


def test_what_is_open_is_listed_and_the_rest_is_counted(door: Door, close: Close) -> None:
    page = door.client.get("/").text
    assert len(re.findall(r'href="/promises/', page)) == min(len(close.promises), 6)
    for promise in close.promises[:6]:
        assert f'href="/promises/{promise["promise_id"]}"' in page
    assert f"{len(close.promises) - 6} more" in read(page)
    assert f"{close.questions_older} open for more than four weeks" in read(page)


def test_german_leaves_no_english_sentence(door: Door, close: Close) -> None:
    words = read(door.client.get("/", headers=GERMAN).text)
    for english, german in load_words("de").items():
        if len(english) > 30 and english != german and "{" not in english:
            assert english not in words
    assert "Eines für morgen" in words
    assert f"{close.day.day}. November" in words


def test_an_earlier_day_is_the_close_of_that_day(door: Door) -> None:
    days = door.serving.keeper.view().days
    day = days[-2]
    page = wait_for(door, day)
    close = door.serving.keeper.ask(lambda book: book.review(day))
    assert f"{day:%A} {day.day} {day:%B %Y}" in read(page)
    for circle in close.circles:
        for point in circle.checkpoints:
            for quote in (point.best, point.worst):
                assert quote is None or quote.text in read(page)
    assert f'rel="prev" href="/?day={days[-3]}"' in page
    assert f'rel="next" href="/?day={days[-1]}"' in page


def test_a_day_that_takes_long_is_waited_for_on_a_page(door: Door) -> None:
    view = door.serving.keeper.view()
    day = view.days[0]
    never: Future[Close] = Future()
    view.closes[day] = never
    try:
        page = door.client.get("/", params={"day": day.isoformat()}).text
        assert "being worked out" in read(page)
        assert f'hx-get="/?day={day}"' in page
        part = door.client.get("/", params={"day": day.isoformat()}, headers={"hx-request": "true"}).text
        assert "hx-trigger" in part
        assert "<html" not in part
        assert view.close is not None
        never.set_result(replace(view.close, day=day))
        assert "being worked out" not in door.client.get("/", params={"day": day.isoformat()}).text
    finally:
        view.closes.pop(day, None)


def show_instead(door: Door, close: Close, **headers: str) -> str:
    """The words of a page that shows this close, in place of an earlier day's."""
    view = door.serving.keeper.view()
    coming: Future[Close] = Future()
    coming.set_result(close)
    view.closes[view.days[1]] = coming
    try:
        return read(door.client.get("/", params={"day": view.days[1].isoformat()}, headers=headers).text)
    finally:
        view.closes.pop(view.days[1])


def test_many_days_asked_for_at_once_push_the_oldest_out(door: Door) -> None:
    view = door.serving.keeper.view()
    waiting: dict[dt.date, Future[Close]] = {day: Future() for day in view.days[:45]}
    view.closes.update(waiting)
    try:
        page = wait_for(door, view.days[50])
        assert f"{view.days[50]:%B %Y}" in read(page)
        assert len(view.closes) == 40
        gone = [day for day in waiting if day not in view.closes]
        assert gone == view.days[:6]
        assert all(waiting[day].cancelled() for day in gone)
        view.closes[view.days[0]] = waiting[view.days[0]]  # somebody still waits for what was pushed out
        assert "being worked out" in door.client.get("/", params={"day": view.days[0].isoformat()}).text
    finally:
        view.closes.clear()


QUIET = CircleClose(circle="friend", written=0, received=0, relationships=0, checkpoints=())
PROMISE = {
    "side": "us", "state": "open", "relationship": "a.example", "circle": "customer", "act": None, "turn_id": "t",
    "text": "I'll send it.", "probability": 1.0,
}  # fmt: skip
QUESTION = {
    "side": "them", "state": "open", "relationship": "a.example", "circle": "customer", "act": "asks", "turn_id": "t",
    "text": "And?", "probability": 1.0, "answered_at": None,
}  # fmt: skip
NOON = dt.datetime(2026, 5, 20, 12, tzinfo=dt.UTC)


def advise(promises: Rows, questions: Rows, falls: dict[str, float]) -> Suggestion:
    return suggest(
        NOON.date(), zone="UTC", circles=CIRCLES, falls=falls,
        promises=pa.Table.from_pylist(promises, schema=PROMISES),
        questions=pa.Table.from_pylist(questions, schema=QUESTIONS),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("nothing", {}),
        ("cooled", {"promises": [{**PROMISE, "state": "kept", "due_latest": None}], "falls": {"a.example": 0.5}}),
        ("promise_overdue", {"promises": [{**PROMISE, "due_latest": NOON - dt.timedelta(days=4)}]}),
        ("promise_due", {"promises": [{**PROMISE, "due_latest": NOON + dt.timedelta(days=1)}]}),
        *(
            ("question", {"questions": [{**QUESTION, "kind": kind, "asked_at": NOON - dt.timedelta(days=3)}] * number})
            for kind, number in (("HC", 1), ("HR", 2), ("HI", 3), ("HS", 1), ("direct", 1))
        ),
    ],
)
def test_every_suggestion_is_said_as_on_the_terminal_and_in_german(
    door: Door, close: Close, kind: str, found: dict[str, Any]
) -> None:
    one = advise(found.get("promises", []), found.get("questions", []), found.get("falls", {}))
    assert one.kind == kind
    made = replace(close, tomorrow=one)
    assert one.text in show_instead(door, made)
    german = show_instead(door, made, **GERMAN)
    assert one.text.split(" ")[0] not in german.split("Eines für morgen")[1].split("Versprechen")[0].split()
    assert (one.relationship or "Nichts wartet auf Sie.") in german


def test_a_warning_and_a_quiet_circle_are_said_calmly(door: Door, close: Close) -> None:
    gap = {"relationship": "a.example", "shown_rose": 0.993, "held_rose": 0.31, "text": ""}
    made = replace(close, circles=(QUIET,), gaps=(gap,), promises=(), questions=(), asking=(), forecast=None)
    words = show_instead(door, made)
    assert "SHOWN rose (P over 0.99) while HELD did not (P 0.31)" in words
    assert "Toward friends nothing was written on this day" in words
    assert "No promise is due." in words
    assert "forecast" not in words
    assert "GEZEIGT ist gestiegen (P über 0,99), GESCHENKT nicht (P 0,31)" in show_instead(door, made, **GERMAN)


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "1999-01-01", "2999-01-01", "<b>"])
def test_a_day_that_is_none_is_refused_in_words(door: Door, day: str) -> None:
    answer = door.client.get("/", params={"day": day})
    assert answer.status_code == 422
    assert "<b>" not in answer.text


def test_days_are_those_on_which_somebody_wrote(door: Door) -> None:
    view = door.serving.keeper.view()
    assert view.days == door.serving.keeper.ask(lambda book: book.days(dt.date(1971, 1, 1)))


def test_a_member_sees_an_earlier_day_of_theirs_alone(serving: Serving) -> None:
    view = serving.keeper.view()
    person = "mirek@brimholt.example"
    secret = serving.sessions.begin(Visitor(name="Mirek", role=Role.member, person=person))
    day = view.days[-2]
    with TestClient(make_app(serving), base_url=ADDRESS, cookies={COOKIE: secret}) as client:
        door = Door(serving=serving, client=client)
        page = wait_for(door, day)
    mine = view.own.find(person, lambda: pytest.fail("not made"))
    said = set(mine.known.turns["turn_id"].to_pylist())
    whole = serving.keeper.ask(lambda book: book.review(day))
    hidden = [
        quote.text
        for circle in whole.circles
        for point in circle.checkpoints
        for quote in (point.best, point.worst)
        if quote is not None and quote.turn_id not in said
    ]
    assert hidden
    assert not [text for text in hidden if text in read(page)]


@pytest.fixture(scope="module")
def bare() -> Iterator[Serving]:
    with open_book(":memory:", settings=Settings(us=("anna@brimholt.example",))) as book:
        served = make_serving(book.store, book.settings)
        try:
            served.keeper.view()
            yield served
        finally:
            served.keeper.close()


@pytest.mark.parametrize("role", [Role.sole, Role.member])
def test_an_empty_book_leads_whoever_may_fill_it_to_the_first_step(bare: Serving, role: Role) -> None:
    person = None if role is Role.sole else "anna@brimholt.example"
    secret = bare.sessions.begin(Visitor(name="Anna", role=role, person=person))
    app = make_app(bare)
    leads = role is Role.sole and "/welcome" in app.state.needs
    with TestClient(app, base_url=ADDRESS, cookies={COOKIE: secret}, follow_redirects=False) as client:
        answer = client.get("/")
        assert answer.headers.get("location") == ("/welcome" if leads else None)
        assert leads or "Nothing was read yet" in answer.text
        assert client.get("/relationships").status_code == 200
