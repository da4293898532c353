"""The page of touch points: the same figures as the command, worked out once for each view."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest
from markupsafe import escape
from served import Door

from troth.plain import clean_line
from troth.touching import TouchMap
from troth.web.meant import find_meant


def wait_for(door: Door, path: str) -> str:
    """The answer once the map is there."""
    for _ in range(200):
        answer = door.client.get(path)
        if answer.status_code == 200 and "is being worked out; this takes" not in answer.text:
            return answer.text
        assert answer.status_code in {200, 503}
        time.sleep(0.1)
    raise AssertionError(path)


@pytest.fixture
def found(door: Door) -> TouchMap:
    return door.serving.keeper.ask(lambda book: book.touchpoints())


def test_the_page_shows_both_sentences_of_what_does_not_join_up(door: Door, found: TouchMap) -> None:
    page = wait_for(door, "/touchpoints")
    assert found.suspected.num_rows
    for row in [*found.suspected.to_pylist(), *found.repeated.to_pylist()]:
        for part in ("earlier", "later"):
            assert row[f"{part}_text"] is None or escape(clean_line(row[f"{part}_text"])) in page
    assert page.count("/conversations/") >= 2 * found.suspected.num_rows
    assert all(escape(note) in page for note in found.notes)
    assert 'role="alert"' not in page


def test_the_file_holds_every_row_of_the_map(door: Door, found: TouchMap) -> None:
    rows = list(csv.DictReader(io.StringIO(wait_for(door, "/touchpoints/map.csv"))))
    assert [row["part"] for row in rows] == [row["part"] for row in found.list_rows()]
    assert [row["turns_us"] for row in rows if row["part"] == "touch point"] == [
        str(count) for count in found.points["turns_us"].to_pylist()
    ]


def test_the_map_is_worked_out_once_for_a_view(door: Door) -> None:
    wait_for(door, "/touchpoints")
    view = door.serving.keeper.view()
    kept = view.later["touch map", None]
    wait_for(door, "/touchpoints?every=1")
    assert view.later["touch map", None] is kept


def test_one_customer_is_found_by_a_part_of_the_name(door: Door) -> None:
    page = wait_for(door, "/touchpoints?customer=HOGSBY")
    mine = door.serving.keeper.ask(lambda book: book.touchpoints("hogsby"))
    assert f"Where {mine.customer} meets you" in page
    assert page.count('<th scope="row">') >= mine.points.num_rows
    view = door.serving.keeper.view()
    name, like = find_meant(view, "example")
    assert name is None
    assert len(like) > 1
    assert "Did you mean" in door.client.get("/touchpoints?customer=example").text
    assert door.client.get("/touchpoints/map.csv?customer=nobody").status_code == 404


def test_a_chart_has_the_figures_of_its_table_in_every_form(door: Door, found: TouchMap) -> None:
    wait_for(door, "/touchpoints")
    facet = found.shown["facet"][0].as_py()
    bands = {round(row["low"], 1) for row in found.shown.to_pylist() if row["facet"] == facet}
    spec = json.loads(wait_for(door, f"/touchpoints/chart.json?facet={facet}&width=320&theme=dark"))
    assert "title" not in spec
    assert spec["vconcat"][0]["width"] < 320
    saved = csv.DictReader(io.StringIO(wait_for(door, f"/touchpoints/chart.csv?facet={facet}")))
    assert {float(row["low"]) for row in saved} == bands
    assert wait_for(door, f"/touchpoints/chart.svg?facet={facet}").startswith("<svg")
    assert door.client.get(f"/touchpoints/chart.png?facet={facet}").content.startswith(b"\x89PNG")
    assert door.client.get("/touchpoints/chart.html").status_code == 422


def test_notes_are_told_in_german(door: Door) -> None:
    wait_for(door, "/touchpoints")
    page = door.client.get("/touchpoints", headers={"accept-language": "de"}).text
    assert "ist die Phase unbekannt" in page
    assert "is unknown" not in page
