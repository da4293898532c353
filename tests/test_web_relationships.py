"""The list of relationships: every order against a sort in plain Python, pages that leave nothing out, and the file."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import Door

from troth.lenses import WHOLE
from troth.trust import trace_scores
from troth.web.pages.relationships import NAMES, SHOWS
from troth.web.roll import PAGE, SORTS, Asked, Roll
from troth.web.sparks import choose_times, find_sparks

HOSTILE = '=HYPERLINK("http://evil.example")<script>alert(1)</script>"&\u202e'


def make_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=ROLL)


ROLL = pa.schema(
    [
        ("relationship", pa.string()), ("circle", pa.string()), ("turns", pa.int64()),
        ("last_contact", pa.timestamp("us", tz="UTC")),
        *((f"{gauge}_{part}", pa.float64()) for gauge in ("shown", "held")
          for part in ("percentile", "low", "high", "rose", "change")),
        ("warning", pa.string()), ("promises_of_ours", pa.int64()), ("promises_of_theirs", pa.int64()),
        ("questions_open", pa.int64()),
    ]
)  # fmt: skip

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PART = st.one_of(st.none(), st.integers(0, 4).map(lambda n: n / 4))
ROW = st.fixed_dictionaries(
    {
        "relationship": st.text("abÄ%_.\\", min_size=1, max_size=4),
        "circle": st.sampled_from(["customer", "colleague", "friend", None]),
        "turns": st.integers(0, 3),
        "last_contact": st.one_of(st.none(), st.integers(0, 3).map(lambda days: START + dt.timedelta(days=days))),
        "warning": st.sampled_from([None, "look"]),
        **{f"{gauge}_{part}": PART for gauge in ("shown", "held") for part in ("percentile", "low", "high", "rose")},
        **dict.fromkeys(("promises_of_ours", "promises_of_theirs", "questions_open"), st.integers(0, 2)),
    }
)
ROWS = st.lists(ROW, max_size=12, unique_by=lambda row: row["relationship"])
ASKED = st.builds(
    Asked, search=st.sampled_from(["", "a", "ä", "%", "_", "\\", "b."]), circle=st.sampled_from(["", "customer"]),
    show=st.sampled_from(sorted(SHOWS)), sort=st.sampled_from(sorted(SORTS)), down=st.booleans(),
)  # fmt: skip


def is_wanted(row: dict[str, Any], asked: Asked) -> bool:
    rose = [row[f"{gauge}_rose"] for gauge in ("shown", "held")]
    shows = {
        "": True,
        "promises": row["promises_of_ours"] or row["promises_of_theirs"],
        "questions": row["questions_open"],
        "falling": any(chance is not None and chance <= 0.25 for chance in rose),
        "warning": row["warning"],
        "unsure": row["shown_percentile"] is None and row["held_percentile"] is None,
    }
    return (
        bool(shows[asked.show])
        and asked.circle in {"", row["circle"]}
        and asked.search.lower() in row["relationship"].lower()
    )


@given(rows=ROWS, asked=ASKED)
def test_an_order_is_that_of_a_plain_sort(rows: list[dict[str, Any]], asked: Asked) -> None:
    table = make_table(rows)
    rows = table.to_pylist()
    column = SORTS[asked.sort][asked.down]
    wanted = [place for place, row in enumerate(rows) if is_wanted(row, asked)]
    known = [place for place in wanted if rows[place][column] is not None]
    unknown = [place for place in wanted if rows[place][column] is None]
    value = {place: rows[place][column] for place in known}
    lowered = {place: key.lower() if isinstance(key, str) else key for place, key in value.items()}
    expected = sorted(known, key=lowered.__getitem__, reverse=asked.down)
    if asked.down:  # a reversed sort keeps equals in their order, as ours does
        assert [lowered[place] for place in expected] == sorted(lowered.values(), reverse=True)
    assert Roll(table, name_from=0.75).find(asked).tolist() == expected + unknown


@given(rows=ROWS, asked=ASKED, size=st.integers(1, 4))
def test_pages_forward_and_back_are_the_whole_list(rows: list[dict[str, Any]], asked: Asked, size: int) -> None:
    roll = Roll(make_table(rows), name_from=0.75)
    whole, after, starts, seen = roll.find(asked).tolist(), "", [], []
    for _ in range(len(rows) + 1):
        sheet = roll.page(_at(asked, after), size=size)
        assert sheet.before == (starts[-1] if starts else None)
        assert (sheet.first, sheet.total) == (len(seen) + 1, len(whole))
        starts.append(after)
        seen += sheet.places
        if sheet.after is None:
            break
        after = sheet.after
    assert seen == whole


def _at(asked: Asked, after: str) -> Asked:
    return Asked(
        search=asked.search, circle=asked.circle, show=asked.show, sort=asked.sort, down=asked.down, after=after
    )


def test_every_relationship_of_the_sample_is_told_with_its_band(door: Door) -> None:
    page = door.client.get("/relationships").text
    for row in door.serving.keeper.view().rows:
        assert f">{row['relationship']}</a>" in page
        if row["held_low"] is not None:
            assert f"{row['held_low']:.0f}–{row['held_high']:.0f}" in page
    assert "Comparing people is not what scores are for" in page


@pytest.mark.parametrize("sort", [*NAMES, *(f"{name}-" for name in NAMES)])
def test_a_heading_says_how_the_table_is_sorted(door: Door, sort: str) -> None:
    page = door.client.get("/relationships", params={"sort": sort}).text
    headed = {"turns", "circle"}
    expected = 0 if sort.rstrip("-") in headed else 1
    assert page.count('aria-sort="descending"' if sort.endswith("-") else 'aria-sort="ascending"') == expected
    assert re.search(rf'value="{sort}" selected', page)


@pytest.mark.parametrize("query", ["sort=trust", "circle=enemy", "show=best", "q=" + "x" * 201])
def test_what_cannot_be_asked_for_is_refused_in_words(door: Door, query: str) -> None:
    answer = door.client.get(f"/relationships?{query}")
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


def test_a_search_for_markup_is_text(door: Door) -> None:
    answer = door.client.get("/relationships", params={"q": HOSTILE, "after": HOSTILE})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "No relationship is like that" in answer.text


def test_htmx_gets_the_list_alone(door: Door) -> None:
    part = door.client.get("/relationships", headers={"hx-request": "true"}, params={"circle": "friend"}).text
    assert part.lstrip().startswith('<div id="list">')
    assert "<nav" not in part
    friends = [row["relationship"] for row in door.serving.keeper.view().rows if row["circle"] == "friend"]
    assert part.count('scope="row"') == len(friends) > 0


def test_the_file_holds_what_the_page_holds(door: Door) -> None:
    answer = door.client.get("/relationships.csv", params={"show": "promises", "sort": "ours-"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    expected = [row for row in door.serving.keeper.view().rows if row["promises_of_ours"] or row["promises_of_theirs"]]
    assert {row["relationship"] for row in rows} == {row["relationship"] for row in expected}
    owed = [int(row["promises_of_ours"]) for row in rows]
    assert owed == sorted(owed, reverse=True)


def test_a_small_chart_is_the_path_of_trust(door: Door) -> None:
    view = door.serving.keeper.view()
    name = view.rows[0]["relationship"]
    times = choose_times(view)
    path = trace_scores(
        view.readings_of.rows(name), (WHOLE["held"],), times[-1:], view.model.within(view.segments[name])
    ).to_pylist()[0]
    line = next(line for line in find_sparks(view, [name])[name].lines if line.gauge == "held")
    assert line.points[-1][1:] == pytest.approx((path["percentile"], path["low"], path["high"]))
    assert times[-1] == view.standing.now
    assert all(0 <= value <= 100 for point in line.points for value in point)
    assert [point[0] for point in line.points] == sorted(point[0] for point in line.points)


def test_a_chart_begins_with_the_first_reading(door: Door) -> None:
    view = door.serving.keeper.view()
    times = choose_times(view)
    for name, spark in find_sparks(view, view.roll.names).items():
        readings = view.readings_of.rows(name).to_pylist()
        for line in spark.lines:
            first = min(row["at"] for row in readings if row["facet"].startswith("H") == (line.gauge == "held"))
            assert len(line.points) == sum(time >= first for time in times)


def test_a_page_stays_small(door: Door) -> None:
    page = door.client.get("/relationships").text
    rows = min(len(door.serving.keeper.view().rows), PAGE)
    assert math.ceil(len(page.encode()) / rows) * PAGE < 300_000
