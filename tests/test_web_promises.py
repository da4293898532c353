"""The page of promises: what it lists, what it tells of one, and what a person's word does."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import icalendar
import numpy as np
import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from served import Door, enter, serve_copy

from troth.plain import clean_line
from troth.promises.listing import DUE, SECTIONS, is_due, mark_due, name_due
from troth.web.narrow import narrow
from troth.web.pages import ROUTERS
from troth.web.pages.promises import lead_back, say_due
from troth.web.paging import cut_page
from troth.web.roll import PAGE
from troth.web.visit import path_to


def rows_of(door: Door) -> list[dict[str, object]]:
    return door.serving.keeper.view().listed.to_pylist()


def test_the_list_holds_what_is_not_settled_and_the_rest_on_demand(door: Door) -> None:
    page, settled = (door.client.get(path).text for path in ("/promises", "/promises?section=settled"))
    rows = rows_of(door)
    assert {row["section"] for row in rows} > {"settled", "overdue", "theirs"}
    assert sum(row["section"] != "settled" for row in rows) <= PAGE
    for row in rows:
        words = f'id="{row["promise_id"]}"'
        assert (words in page) == (row["section"] != "settled")
        assert escape(clean_line(str(row["text"]))) in page + settled or row["section"] == "settled"


def test_the_file_of_any_filter_holds_the_rows_that_a_plain_loop_finds(door: Door) -> None:
    rows = rows_of(door)
    choices = itertools.product(
        ("", "settled", "theirs"), ("", "us"), ("", *DUE), ("", "friend"), ("", "HOGSBY", "ole ")
    )
    for section, side, due, circle, who in choices:
        asked = {"section": section, "side": side, "due": due, "circle": circle, "who": who}
        answer = door.client.get(f"/promises.csv?{urlencode(asked)}").text
        wanted = [
            row["promise_id"]
            for row in rows
            if (row["section"] == section if section else row["section"] != "settled")
            and side in {"", row["side"]}
            and (not due or is_due(row, due))
            and circle in {"", row["circle"]}
            and any(who.strip().lower() in str(row[name] or "").lower() for name in ("relationship", "person"))
        ]
        assert [row["promise_id"] for row in csv.DictReader(io.StringIO(answer))] == wanted, asked


def test_due_rows_are_marked_at_once_as_one_by_one(door: Door) -> None:
    listed = door.serving.keeper.view().listed
    for wanted in DUE:
        assert mark_due(listed, wanted).to_pylist() == [is_due(row, wanted) for row in listed.to_pylist()]


def test_due_times_are_told_as_the_command_tells_them(door: Door) -> None:
    view = door.serving.keeper.view()
    for row in view.listed.to_pylist():
        told = say_due(row, day=view.morning, zone=view.zone, language="en")
        assert told == name_due(row, day=view.morning, zone=view.zone)


@given(st.integers(0, 4 * PAGE), st.data())
def test_pages_together_are_the_list(length: int, data: st.DataObject) -> None:
    found = np.flatnonzero(data.draw(st.lists(st.booleans(), min_size=length, max_size=length)))
    seen: list[int] = []
    after = None
    while True:
        sheet = cut_page(found, key=lambda place: place, after=after, mark=str)
        assert sheet.first == len(seen) + 1
        seen += sheet.places
        if sheet.after is None:
            break
        after = int(sheet.after)
    assert seen == found.tolist()


def test_the_story_of_each_promise_is_the_one_that_the_book_tells(door: Door) -> None:
    keeper = door.serving.keeper
    for row in keeper.view().listed.to_pylist()[::9]:
        page = door.client.get(f"/promises/{row['promise_id']}").text
        story = keeper.ask(lambda book, row=row: book.explain_promise(row["promise_id"]))
        for words in (story.before, row["text"], story.after, story.act, row["evidence_text"], story.subject):
            assert words is None or escape(clean_line(words)) in page
        assert page.count("<li><span") == len(story.events)
    assert door.client.get("/promises/p-nothing").status_code == 404


@pytest.fixture(scope="module")
def writing(sample_file: Path) -> Iterator[Door]:
    with serve_copy(sample_file) as serving, enter(serving) as door:
        yield door


def test_a_word_counts_at_once_and_can_be_taken_back(writing: Door) -> None:
    view, post = writing.serving.keeper.view, writing.client.post
    promise_id = next(row["promise_id"] for row in view().listed.to_pylist() if row["section"] == "overdue")
    form = {"form_token": writing.form_token, "note": "<b>Saturday</b>", "back": f"/promises/{promise_id}"}

    answer = post(f"/promises/{promise_id}", data=form | {"state": "broken"}, follow_redirects=False)
    assert answer.headers["location"] == f"/promises/{promise_id}#{promise_id}"
    writing.serving.keeper.renew(fresh=False).result()
    story = writing.client.get(f"/promises/{promise_id}").text
    assert "&lt;b&gt;Saturday&lt;/b&gt;" in story
    assert view().promise.rows(promise_id)["state"].to_pylist() == ["broken"]

    row = post(
        f"/promises/{promise_id}", data={"state": "undo"},
        headers={"hx-request": "true", "x-form-token": writing.form_token},
    ).text  # fmt: skip
    assert row.startswith("<li")
    assert promise_id in row
    writing.serving.keeper.renew(fresh=False).result()
    assert view().promise.rows(promise_id)["decided_by"].to_pylist() == ["machine"]
    assert "machine’s reading counts" in writing.client.get(f"/promises/{promise_id}").text


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/promises?x=1#y", "/promisesx", "/promises/\\\\e"]
)
def test_a_form_leads_back_to_the_list_and_nowhere_else(back: str) -> None:
    assert lead_back(back, "p-1") == "/promises"
    assert lead_back("/promises?due=week", "p-1") == "/promises?due=week#p-1"


def test_nobody_decides_or_reads_a_promise_of_others(writing: Door) -> None:
    view = writing.serving.keeper.view()
    own = narrow(view, "casper@brimholt.example")
    ids = set(view.listed["promise_id"].to_pylist()) - set(own.listed["promise_id"].to_pylist())
    assert ids
    assert not any(own.promise.rows(one).num_rows or own.history_of.rows(one).num_rows for one in ids)


def test_the_machine_never_says_broken_and_the_list_says_why(door: Door) -> None:
    assert not [row for row in rows_of(door) if row["state"] == "broken" and row["decided_by"] == "machine"]
    assert "only a person says broken" in door.client.get("/promises").text


def test_the_calendar_holds_what_has_a_firm_due_time(door: Door) -> None:
    calendar = icalendar.Calendar.from_ical(door.client.get("/promises.ics").content)
    book = door.serving.keeper.ask(lambda one: one.promise_calendar(rows=one.list_promises().to_pylist()))
    assert calendar.to_ical() == book
    assert len(calendar.walk("VEVENT")) > 5


def test_german_has_words_for_every_part(door: Door) -> None:
    page = door.client.get("/promises", headers={"accept-language": "de"}).text
    assert not [heading for heading in SECTIONS.values() if heading in page]


@pytest.mark.parametrize("name", ["a\nb", "a/b", "\n", "a\n/b\n"])
def test_an_id_leads_to_its_page_whatever_it_holds(door: Door, name: str) -> None:
    """Also of conversations and relationships, in pages and in the API: a line break ends no path."""
    page = door.client.get(path_to("promises", name))
    assert page.status_code == 404
    assert "there is no such promise here" in page.text
    talk, api = "/relationships/{name:whole}/conversations/{conversation:whole}", "/api/v1/turns/{turn_id:whole}"
    routes = [one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)]
    for path, template in ((f"/relationships/{name}/conversations/{name}", talk), (f"/api/v1/turns/{name}", api)):
        first, met = next((one, met) for one in routes if (met := one.path_regex.match(path)))
        assert (first.path, set(met.groups())) == (template, {name})
