"""The page of validity: every figure is one that was measured, and plain words follow from the figures."""

from __future__ import annotations

import csv
import html
import io
import re

from served import Door

from troth.encoder import card
from troth.fairness import list_comparable
from troth.signals import CATALOGUE, WORDED
from troth.validity import GRADES, list_validity, sum_up

OURS = {"own", "rule_cases", "touchpoint_pairs"}  # sets written for this project prove little of others' mail


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page)).split())


def test_every_signal_has_one_grade_that_its_own_figures_bear_out() -> None:
    """By another road: from the rows of the file, not from what was summed up."""
    signals = sum_up()
    assert list(signals) == list(CATALOGUE)
    rows = list_validity()
    for name, one in signals.items():
        assert one.grade in GRADES
        mine = [row for row in rows if row["signal"] == name and row.get("metric") in {"F1", "Pearson r"}]
        if one.grade == "well":
            assert any(row["low"] >= 0.5 and row["set"] not in OURS for row in mine)
        if one.grade in {"hardly", "not yet"}:
            assert not any(row["low"] >= 0.5 and row["set"] not in OURS for row in mine if one.grade == "hardly")
    assert not {name for name, one in signals.items() if one.grade == "not yet"} & {*card().signals, *WORDED}
    assert {*card().signals, *WORDED} >= {name for name, one in CATALOGUE.items() if "business_acts" in one.checked_on}


def test_the_page_groups_all_signals_and_the_file_holds_all_checks(door: Door) -> None:
    page = door.client.get("/validity").text
    groups = page.partition('class="reliance"')[2].partition("</section>")[0]
    assert sorted(re.findall(r"signal=(\w+)", groups)) == sorted(CATALOGUE)
    rows = list(csv.DictReader(io.StringIO(door.client.get("/validity.csv").text)))
    assert len(rows) == len(list_validity())
    assert all(f"signal={name}" in page for name in list_comparable())


def test_one_signal_shows_each_check_with_its_interval(door: Door) -> None:
    page = words_of(door.client.get("/validity", params={"signal": "gratitude"}).text)
    for row in sum_up()["gratitude"].checks:
        assert f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})" in page
    assert "many warm words against few fails" in page
    assert door.client.get("/validity", params={"signal": "mind_reading"}).status_code == 404


def test_a_grade_sifts_and_nonsense_shows_all(door: Door) -> None:
    def listed(**asked: str) -> int:
        return door.client.get("/validity", params=asked).text.count('<th scope="row"><a')

    assert listed(grade="not yet") == sum(one.grade == "not yet" for one in sum_up().values())
    assert listed(grade="<b>") == len(CATALOGUE)


def test_german(door: Door) -> None:
    for path in ("/validity", "/validity?signal=gratitude"):
        page = words_of(door.client.get(path, headers={"accept-language": "de"}).text)
        for english in ("Rely on", "All signals", "found well", "Every check", "What was varied", "Save:"):
            assert english not in page
