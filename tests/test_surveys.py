"""Question sets out, answers in, how good the scale is, and what an answer is worth."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import io
import json
import os
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import commands
import numpy as np
import pyarrow as pa
import pytest
from commands import Done
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import f as f_distribution
from scipy.stats import norm

import troth
from troth.errors import InputError, SourceError
from troth.foretold import forecast_answers, sum_up
from troth.intake import take_turns
from troth.lenses import CHECKPOINTS
from troth.people import Circles, place_names, place_turns, read_us
from troth.readings import forecast_answer, read_survey
from troth.readings.surveys import soften_cuts
from troth.schema import ANSWERS, READINGS, conform
from troth.signals import HELD
from troth.surveys import (
    ENOUGH,
    LANGUAGES,
    NAMES,
    fit_curves,
    learn_items,
    load_set,
    make_survey,
    rate_scale,
    rate_scales,
    read_answers,
    set_of_lens,
)
from troth.surveys.curves import _climb, _Patterns, _start, category_chances
from troth.surveys.learning import START_SHARES
from troth.surveys.reliability import correlate_with_rest, find_alpha, find_omega, fit_loads
from troth.surveys.sets import all_items, load_scale
from troth.surveys.values import find_item, read_value, squeeze
from troth.times import read_time
from troth.trust import close_states, log_likelihood

SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))
T0 = dt.datetime(2024, 5, 2, 12, tzinfo=dt.UTC)


def write(path: Path, *rows: list[str], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))
    return path


# --- question sets ---------------------------------------------------------------------------------------------------


def test_every_set_asks_for_every_facet_of_trust_held():
    for name in NAMES:
        assert {item.facet for item in load_set(name).items} == set(HELD), name


def test_the_sets_have_the_sizes_that_were_promised():
    sizes = {name: len(load_set(name).items) for name in NAMES}
    assert sizes == {"questions": 8, "checkpoints": 6, "anchor": 4, "colleague": 6, "friend": 6}


def test_the_checkpoints_ask_for_all_six():
    assert [item.asks_about for item in load_set("checkpoints").items] == [pillar.name for pillar in CHECKPOINTS]


def test_an_item_is_found_again_by_its_id_and_by_its_words_in_every_language():
    words = [squeeze(text) for item in all_items().values() for text in item.text.values()]
    assert len(set(words)) == len(words)
    for item in all_items().values():
        assert find_item(item.id.upper()) is item
        for text in item.text.values():
            assert find_item(f"3. {text}") is item
            assert find_item(f"How far do you agree? - {text}") is item
            assert find_item(f"<p>{text.replace(' ', '&nbsp;')}</p>") is item


def test_an_item_says_one_short_thing_once():
    """Survey craft that can be counted: short, no joining of two claims, no double negative."""
    for item in all_items().values():
        for text in item.text.values():
            assert len(text.split()) <= 14, text
            assert text.endswith(".")
            assert len(re.findall(r"\b(not|no|never|nicht|kein\w*|nie)\b", text)) <= 1, text
            assert not (item.is_reversed and re.search(r"\b(not|no|never|nicht|kein\w*|nie)\b", text)), text


def test_ids_are_column_names_in_every_tool():
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{2,30}", item) for item in all_items())


def test_a_lens_leads_to_its_set():
    assert set_of_lens("equation").name == "questions"
    assert set_of_lens("triangle").name == "checkpoints"
    with pytest.raises(InputError, match="equation"):
        set_of_lens("abi")


def test_an_unknown_set_is_named_with_those_there_are():
    with pytest.raises(InputError, match="anchor"):
        load_set("nps")


# --- made files ------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: dict[str, str] = {}
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        if self._open in {"style", "script"} and self._open not in self.inline:
            self.inline[self._open] = data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_the_form_is_whole_and_needs_no_network(name: str, language):
    asked = load_set(name)
    html = make_survey(asked, language=language, shape="html")
    page = Page(html)
    radios = [(tag["name"], tag["value"]) for tag in page.named("input") if tag["type"] == "radio"]
    assert radios == [(item.id, str(point)) for item in asked.items for point in range(1, 8)]
    assert all(tag["aria-label"] for tag in page.named("input") if tag["type"] == "radio")
    assert len(page.named("fieldset")) == len(page.named("legend")) == len(asked.items)
    assert page.named("html")[0]["lang"] == language
    assert not re.search(r"https?:|//[a-z]|\bsrc=|\bhref=|url\(|@import", html)
    policy = next(tag["content"] for tag in page.named("meta") if tag.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.inline[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_a_relationship_in_the_form_is_data_not_markup():
    html = make_survey(load_set("anchor"), language="en", shape="html", relationship='"><script>alert(1)</script>')
    page = Page(html)
    assert len(page.named("script")) == 1
    assert page.named("form")[0]["data-relationship"] == '"><script>alert(1)</script>'
    assert not any("required" in tag for tag in page.named("input"))


def test_without_a_relationship_the_form_asks_for_an_address():
    page = Page(make_survey(load_set("anchor"), language="en", shape="html"))
    assert [tag["type"] for tag in page.named("input") if "required" in tag] == ["email"]


def test_the_qualtrics_file_holds_every_item_with_its_id_and_seven_choices():
    asked = load_set("questions")
    text = make_survey(asked, language="de", shape="qualtrics")
    assert text.startswith("[[AdvancedFormat]]\n")
    blocks = text.split("[[Question:MC:SingleAnswer:Horizontal]]\n")[1:]
    for item, block in zip(asked.items, blocks, strict=True):
        tag, words, choices, *points = block.strip().splitlines()
        assert (tag, words, choices) == (f"[[ID:{item.id}]]", item.text["de"], "[[Choices]]")
        assert [read_value(point, load_scale()) for point in points] == list(range(1, 8))


def test_the_typeform_file_is_a_form_with_seven_steps_from_one():
    asked = load_set("friend")
    form = json.loads(make_survey(asked, language="en", shape="typeform"))
    assert [field["ref"] for field in form["fields"]] == [item.id for item in asked.items]
    assert {field["properties"]["steps"] for field in form["fields"]} == {7}
    assert all(field["properties"]["start_at_one"] for field in form["fields"])
    assert form["hidden"] == ["email", "relationship"]


def test_the_csv_lists_items_with_facet_and_direction():
    rows = list(csv.DictReader(io.StringIO(make_survey(load_set("checkpoints"), language="en", shape="csv"))))
    assert [row["id"] for row in rows if row["reversed"] == "true"] == ["checkpoints_orientation"]
    assert {row["facet"] for row in rows} == set(HELD)


def test_only_a_form_can_be_for_one_relationship():
    with pytest.raises(InputError, match="html"):
        make_survey(load_set("anchor"), language="en", shape="csv", relationship="acme.com")


# --- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("7", 7), (" 7.0 ", 7), ("7 - Strongly agree", 7), ("7 – Stimme voll zu", 7), ("1 = Strongly disagree", 1),
        ("7 (completely)", 7),
        ("strongly agree", 7), ("Weder noch", 4), ("STIMME EHER ZU", 5), ("", None), ("-99", None), ("N/A", None),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_number_or_words(cell: str, value: int | None):
    assert read_value(cell, load_scale()) == value


@pytest.mark.parametrize("cell", ["0", "8", "5.5", "-1", "1e1", "7 apples", "2 - Strongly agree", "very", "١"])
def test_what_is_no_point_of_the_scale_is_refused(cell: str):
    with pytest.raises(ValueError, match=r"."):
        read_value(cell, load_scale())


@pytest.mark.parametrize(
    ("cell", "order", "moment"),
    [
        ("2024-05-02 14:00:00", "dmy", dt.datetime(2024, 5, 2, 12, tzinfo=dt.UTC)),
        ("2024-05-02T14:00:00Z", "dmy", dt.datetime(2024, 5, 2, 14, tzinfo=dt.UTC)),
        ("05/02/2024 02:00:00 PM", "mdy", dt.datetime(2024, 5, 2, 12, tzinfo=dt.UTC)),
        ("2/5/2024 14:00", "dmy", dt.datetime(2024, 5, 2, 12, tzinfo=dt.UTC)),
        ("02.05.2024 14:00", "mdy", dt.datetime(2024, 5, 2, 12, tzinfo=dt.UTC)),
        ("2024-05-02", "dmy", dt.datetime(2024, 5, 2, 10, tzinfo=dt.UTC)),
        ("0001-01-01", "dmy", None), ("9999-12-31", "dmy", None), ("soon", "dmy", None), ("", "dmy", None),
    ],
)  # fmt: skip
def test_a_time_is_read_in_the_zone_of_the_account(cell: str, order, moment: dt.datetime | None):
    assert read_time(cell, zone="Europe/Berlin", order=order, day="noon") == moment


# --- exports ---------------------------------------------------------------------------------------------------------

QUALTRICS = [
    ["StartDate", "EndDate", "Status", "Progress", "Finished", "RecordedDate", "ResponseId", "RecipientEmail",
     "ExternalReference", "DistributionChannel", "anchor_hc", "Q2", "Q3_1"],
    ["Anfangsdatum", "Enddatum", "Antworttyp", "Stand", "Beendet", "Erfassungsdatum", "Antwort-ID", "E-Mail",
     "Externe Datenreferenz", "Verteilungskanal", "whatever", "<b>I believe</b> what this team&nbsp;tells me.",
     "Wie sehr … - Dieses Team hält die Termine ein, die es mir nennt."],
    [json.dumps({"ImportId": name}) for name in ("startDate", "endDate", "status", "progress", "finished",
     "recordedDate", "_recordId", "recipientEmail", "externalDataReference", "distributionChannel", "QID1", "QID2",
     "QID3_1")],
]  # fmt: skip


def qualtrics(response: str, *answers: str, status="0", finished="1", progress="100", who="Ann@Acme.com", ref=""):
    when = "2024-05-02 12:00:00"
    return [when, when, status, progress, finished, when, response, who, ref, "email", *answers]


def test_qualtrics_with_three_headings(tmp_path: Path):
    """Items by export tag, by wording with markup, and by the row of a grid in German; codes and words."""
    path = write(
        tmp_path / "q.csv",
        *QUALTRICS,
        qualtrics("R_1", "7", "6 - Agree", "Stimme voll zu"),
        qualtrics("R_2", "3", "", "-99", status="Survey Preview"),
        qualtrics("R_3", "3", "4", "5", finished="False", progress="40"),
        qualtrics("R_4", "9", "4", "x", who="bob@beta.org"),
        qualtrics("R_5", "3", "4", "5", status="17"),
        qualtrics("R_1", "5", "6", ""),
    )
    reading = read_answers(path)
    assert reading.format == "qualtrics"
    assert (reading.responses, reading.duplicates) == (6, 1)
    got = {row["answer_id"]: row["value"] for row in reading.answers.to_pylist()}
    assert got == {
        "qualtrics:R_1/anchor_hc": 5,
        "qualtrics:R_1/questions_hc1": 6,
        "qualtrics:R_4/questions_hc1": 4,
    }
    assert [one.position for one in reading.rejected] == [
        "row 5", "row 6", "row 7, anchor_hc", "row 7, questions_hr2", "row 8",
    ]  # fmt: skip
    assert reading.answers["relationship"].to_pylist() == ["ann@acme.com", "ann@acme.com", "bob@beta.org"]
    assert reading.answers["answered_at"].to_pylist() == [T0] * 3


@pytest.mark.parametrize(("name", "kind"), [("sample.csv", "qualtrics"), ("sample_legacy.csv", "qualtrics legacy")])
def test_real_qualtrics_exports_are_recognised(name: str, kind: str, tmp_path: Path):
    source = SHARED / "samples/qualtrics_csv" / name
    if not source.exists():
        pytest.skip("the shared samples are not here")
    with pytest.raises(SourceError) as refused:
        read_answers(source)
    assert all(
        word in str(refused.value)
        for word in (kind, "any question of ours", "'Q1'" if kind == "qualtrics" else "EmailAddress", "questions_hc1")
    )
    asked = tmp_path / name
    words = load_set("questions").items[0].text["en"]
    asked.write_bytes(source.read_bytes().replace(b"This is a multiple choice question.", words.encode()))
    reading = read_answers(asked, relationship="acme.com", zone="Europe/Zurich")
    assert reading.answers.select(["answer_id", "relationship", "value", "answered_at"]).to_pylist() == [
        {
            "answer_id": "qualtrics:R_2YPOQ602ER1jkf1/questions_hc1",
            "relationship": "acme.com",
            "value": 2,
            "answered_at": dt.datetime(2017, 7, 18, 6, 28, 48, tzinfo=dt.UTC),
        }
    ]


def test_surveymonkey_with_two_headings(tmp_path: Path):
    """One question has its own column, a grid has its rows in the second heading; the month stands first."""
    words = {item.id: item.text["en"] for item in load_set("questions").items}
    path = write(
        tmp_path / "s.csv",
        ["Respondent ID", "Collector ID", "Start Date", "End Date", "IP Address", "Email Address", "Custom Data 1",
         words["questions_hc1"], "How far do you agree?", ""],
        ["", "", "", "", "", "", "", "Response", words["questions_hr1"], words["questions_hs2"]],
        ["118", "4", "05/02/2024 11:58:00 AM", "05/02/2024 12:00:00 PM", "", "ann@acme.com", "", "Strongly agree", "6",
         "2"],
    )  # fmt: skip
    reading = read_answers(path)
    assert reading.format == "surveymonkey"
    assert [(row["answer_id"], row["value"]) for row in reading.answers.to_pylist()] == [
        ("surveymonkey:118/questions_hc1", 7),
        ("surveymonkey:118/questions_hr1", 6),
        ("surveymonkey:118/questions_hs2", 2),
    ]
    assert set(reading.answers["answered_at"].to_pylist()) == {T0}


def test_typeform_with_whole_questions_in_one_heading(tmp_path: Path):
    words = [item.text["de"] for item in load_set("anchor").items]
    path = write(
        tmp_path / "t.csv",
        [
            "#",
            *words,
            "email",
            "Response Type",
            "Start Date (UTC)",
            "Stage Date (UTC)",
            "Submit Date (UTC)",
            "Network ID",
        ],
        ["k1", "7", "6", "", "5", "ann@acme.com", "completed", "2024-05-02 11:59:00", "", "2024-05-02 12:00:00", "n1"],
        ["k2", "7", "6", "", "", "bob@acme.com", "partial", "2024-05-02 11:59:00", "", "2024-05-02 12:00:00", "n2"],
    )
    reading = read_answers(path, zone="Asia/Tokyo")
    assert reading.format == "typeform"
    assert reading.answers["value"].to_pylist() == [7, 6, 5]
    assert reading.answers["answered_at"].to_pylist() == [T0] * 3
    assert [one.reason for one in reading.rejected] == ["not finished"]


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-16")])
def test_a_plain_table_in_the_forms_spreadsheets_save(delimiter: str, encoding: str, tmp_path: Path):
    words = load_set("questions").items[2].text["de"]
    path = write(
        tmp_path / "p.csv",
        ["Firma", "Datum", words, "anchor_hs", "Über uns"],
        ["Käserei Ost", "02.05.2024 12:00", "6", "Stimme voll zu", "schön"],
        delimiter=delimiter,
        encoding=encoding,
    )
    rows = read_answers(path).answers.to_pylist()
    assert [(row["relationship"], row["item"], row["value"], row["answered_at"]) for row in rows] == [
        ("käserei ost", "questions_hi1", 6, T0),
        ("käserei ost", "anchor_hs", 7, T0),
    ]


def test_what_our_form_saves_is_read(tmp_path: Path):
    """The form guards cells that a spreadsheet would run; the guard is taken off again."""
    items = [item.id for item in load_set("anchor").items]
    path = write(
        tmp_path / "f.csv",
        ["response_id", "answered_at", "email", "relationship", "set", "language", *items],
        ["ab12", "2024-05-02T12:00:00.000Z", "'+ann@acme.com", "", "anchor", "en", "7", "", "5", "4"],
    )
    reading = read_answers(path)
    assert reading.answers["person"].to_pylist() == ["+ann@acme.com"] * 3
    assert reading.answers["answer_id"][0].as_py() == "plain:ab12/anchor_hc"


def test_without_ids_a_person_answers_once_a_moment_and_strangers_stay_several(tmp_path: Path):
    head = ["email", "account", "date", "anchor_hc"]
    rows = [["ann@acme.com", "", "2024-05-02", "3"], ["ann@acme.com", "", "2024-05-02", "5"],
            ["", "acme.com", "2024-05-02", "6"], ["", "acme.com", "2024-05-02", "6"]]  # fmt: skip
    first = read_answers(write(tmp_path / "a.csv", head, *rows))
    assert sorted(first.answers["value"].to_pylist()) == [5, 6, 6]
    assert first.duplicates == 1
    longer = read_answers(write(tmp_path / "b.csv", head, *rows, ["", "acme.com", "2024-05-02", "1"]))
    assert set(first.answers["answer_id"].to_pylist()) < set(longer.answers["answer_id"].to_pylist())


def test_answers_join_the_relationships_that_are_known(tmp_path: Path):
    path = write(
        tmp_path / "p.csv",
        ["email", "ExternalReference", "date", "anchor_hc"],
        ["ann@acme.com", "", "2024-05-02", "3"],
        ["", "C-17", "2024-05-02", "4"],
        ["", "C-99", "2024-05-02", "5"],
        ["", "", "2024-05-02", "6"],
    )
    known = {"ann@acme.com": "Acme", "c-17": "Beta"}
    reading = read_answers(path, place=lambda names: {name: known[name] for name in names if name in known})
    assert reading.answers["relationship"].to_pylist() == ["Acme", "Beta"]
    assert [one.reason for one in reading.rejected] == [
        "'c-99' belongs to no relationship in the book",
        "no address or id",
    ]


def test_an_answer_from_the_future_is_left_out(tmp_path: Path):
    path = write(
        tmp_path / "p.csv", ["account", "date", "anchor_hc"], ["a", "2024-05-02", "3"], ["a", "2087-05-02", "3"]
    )
    reading = read_answers(path, now=T0)
    assert [one.reason for one in reading.rejected] == ["dated in the future"]
    assert reading.answers.num_rows == 1


def test_a_wrong_heading_names_what_was_found_and_what_is_needed(tmp_path: Path):
    with pytest.raises(SourceError) as refused:
        read_answers(write(tmp_path / "w.csv", ["Name", "How likely are you to recommend us?"], ["Ann", "9"]))
    message = str(refused.value)
    for part in ("plain", "any question of ours and a date", "'Name', 'How likely", "questions_hc1", "mail address"):
        assert part in message


def test_what_is_no_table_of_text_is_refused_in_plain_words(tmp_path: Path):
    book = tmp_path / "x.xlsx"
    with zipfile.ZipFile(book, "w") as packed:
        packed.writestr("xl/workbook.xml", "<x/>")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "long.csv").write_bytes(b'"' + b"a" * 200_000 + b'"')
    for name, words in (("x.xlsx", "spreadsheet"), ("empty.csv", "empty"), ("long.csv", "not a table"), ("no", "read")):
        with pytest.raises(SourceError, match=words):
            read_answers(tmp_path / name)
    with pytest.raises(SourceError, match="cannot be read"):
        read_answers(tmp_path)


_cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["7", "0", "Strongly agree", "2024-05-02", "R_1", "#", "email", "anchor_hc", '{"ImportId":"x"}', "{",
     "Respondent ID", "Collector ID", "V1", "V2", "ResponseID", "date", "a@b.c"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(_cells, max_size=6), max_size=6))
def test_any_table_is_read_or_refused_and_every_row_is_accounted_for(rows: list[list[str]], tmp_path: Path):
    path = write(tmp_path / "any.csv", ["email", "date", "anchor_hc"], *rows)
    reading = read_answers(path)
    answered = {answer_id.partition("/")[0] for answer_id in reading.answers["answer_id"].to_pylist()}
    whole = sum("," not in one.position for one in reading.rejected)
    assert len(answered) + reading.duplicates + whole == reading.responses
    for _ in range(2):
        assert read_answers(path).answers.equals(reading.answers)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes, tmp_path: Path):
    (tmp_path / "any").write_bytes(data)
    with pytest.raises(SourceError):
        read_answers(tmp_path / "any")


# --- how good the scale is -------------------------------------------------------------------------------------------


def test_alpha_by_hand():
    """Items 1 2 3 4 and 2 2 4 4 and 1 3 3 5: item variances 5/3, 4/3, 8/3; sums 4 7 10 13 with variance 15."""
    alpha = find_alpha(np.array([[1, 2, 1], [2, 2, 3], [3, 4, 3], [4, 4, 5]], float))
    assert_allclose(alpha.value, 3 / 2 * (1 - (17 / 3) / 15))


def test_alpha_has_the_interval_of_feldt():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 1)) + rng.normal(size=(40, 4))
    alpha = find_alpha(values)
    low = 1 - (1 - alpha.value) * f_distribution.ppf(0.975, 39, 117)
    high = 1 - (1 - alpha.value) * f_distribution.ppf(0.025, 39, 117)
    assert_allclose([alpha.low, alpha.high], [low, high])


def test_thirty_sheets_of_four_items_give_the_interval_that_is_stated():
    """The figure beside `ENOUGH`: an alpha of .8 from 30 people lies between .66 and .89."""
    ends = [1 - 0.2 * f_distribution.ppf(share, 29, 87) for share in (0.975, 0.025)]
    assert_allclose(ends, [0.66, 0.89], atol=0.01)
    assert ENOUGH["alpha"] == 30


def test_loads_come_back_from_the_covariances_they_make():
    loads = np.array([0.9, 1.4, 0.5, 1.1, 0.7])
    covariance = np.outer(loads, loads) + np.diag([1.0, 0.5, 2.0, 0.8, 1.2])
    assert_allclose(fit_loads(covariance), loads, atol=1e-7)


def test_omega_is_alpha_where_all_loads_are_equal():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(20_000, 1)) + rng.normal(size=(20_000, 4))
    assert_allclose(find_omega(values), find_alpha(values).value, atol=2e-3)
    assert_allclose(find_omega(values), 16 / (16 + 4), atol=0.01)


def test_the_rest_of_a_scale_is_without_the_item():
    values = np.random.default_rng(3).normal(size=(50, 1)) + np.random.default_rng(4).normal(size=(50, 3))
    expected = [np.corrcoef(values[:, i], np.delete(values, i, axis=1).sum(axis=1))[0, 1] for i in range(3)]
    assert_allclose(correlate_with_rest(values), expected)


SLOPES = np.array([0.7, 1.0, 1.4, 1.2])
CUTS = np.array([[-2.5, -2.0, -1.4, -0.9, 0.1, 1.0]]) * np.sqrt(1 + SLOPES**2)[:, None] * [[1.0], [0.8], [0.9], [1.1]]


def mark(people: int, seed: int, slopes=SLOPES, cuts=CUTS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(people, 1)) * slopes + rng.normal(size=(people, len(slopes)))
    return (y[:, :, None] > cuts).sum(axis=2)


def test_item_curves_find_the_items_that_made_the_answers():
    fitted = fit_curves(mark(1500, 5), points=7)
    assert fitted.converged
    assert (np.abs(fitted.slopes - SLOPES) < 4 * fitted.slope_errors).all()
    assert (np.abs(fitted.cuts - CUTS) < 4 * fitted.cut_errors).all()
    assert (fitted.slope_errors < 0.12).all()


def test_two_hundred_sheets_give_errors_as_stated_and_as_wide_as_the_estimates_scatter():
    """The figures beside `ENOUGH`: slopes of .7 to 1.4 have standard errors of about .12 to .22."""
    found = [fit_curves(mark(200, 100 + seed), points=7) for seed in range(4)]
    errors = np.mean([fitted.slope_errors for fitted in found], axis=0)
    assert 0.09 < errors.min() < 0.14
    assert 0.18 < errors.max() < 0.27
    assert ENOUGH["curves"] == 200
    z = [((fitted.slopes - SLOPES) / fitted.slope_errors) for fitted in found]
    z += [((fitted.cuts - CUTS) / fitted.cut_errors).ravel() for fitted in found]
    assert 0.88 < (np.abs(np.concatenate(z)) < 1.96).mean() < 0.99


def test_the_likelihood_of_a_sheet_is_the_integral_over_the_level():
    values = np.array([[6, 4, -1, 0]])
    patterns = _Patterns(values=values, counts=np.ones(1), points=7)
    parameters = np.concatenate([SLOPES[:, None], CUTS], axis=1)
    nothing = _Patterns(values=np.full((1, 4), -1), counts=np.ones(1), points=7)

    def joint(level: float) -> float:
        chances = [category_chances(SLOPES[i], CUTS[i], np.array([level]))[values[0, i], 0] for i in (0, 1, 3)]
        return float(np.prod(chances) * norm.pdf(level))

    expected = np.log(quad(joint, -8, 8, epsabs=1e-13)[0])
    assert_allclose(_climb(parameters, patterns)[0] - _climb(parameters, nothing)[0], expected, rtol=1e-6)


def test_the_gradient_is_the_slope_of_the_likelihood():
    rows, counts = np.unique(mark(80, 6), axis=0, return_counts=True)
    patterns = _Patterns(values=rows, counts=counts.astype(float), points=7)
    start = _start(patterns)
    numeric = approx_fprime(start.ravel(), lambda flat: _climb(flat.reshape(start.shape), patterns)[0], 1e-6)
    assert_allclose(_climb(start, patterns)[1].ravel(), numeric, rtol=1e-3, atol=1e-3)


def test_a_point_that_nobody_marked_keeps_finite_cuts():
    values = np.clip(mark(120, 7), 2, 5)
    fitted = fit_curves(values, points=7)
    assert np.isfinite(fitted.cuts).all()
    assert (np.diff(fitted.cuts, axis=1) > 0).all()


def sheets(values: np.ndarray, name: str, *, homes: int = 10) -> pa.Table:
    """ANSWERS in which each row of values, 1 to 7 or 0 for none, is a sheet."""
    items = load_set(name).items
    rows = [
        {
            "answer_id": f"test:{number}/{item.id}",
            "relationship": f"home{number % homes}",
            "item": item.id,
            "facet": item.facet,
            "value": int(value),
            "lowest": 1,
            "highest": 7,
            "answered_at": T0 + dt.timedelta(hours=number),
        }
        for number, row in enumerate(values)
        for item, value in zip(items, row, strict=True)
        if value
    ]
    return conform(rows, ANSWERS)


def test_few_answers_withhold_every_figure_and_say_why():
    rated = rate_scale(sheets(mark(20, 8) + 1, "anchor"))
    assert rated.alpha is None
    assert rated.omega is None
    assert all(item.slope is None and item.with_rest is None for item in rated.items)
    assert [reason.partition(" ")[0] for reason in rated.withheld] == ["alpha", "omega", "curves"]
    assert "there are 20" in rated.withheld[0]


def test_enough_answers_give_every_figure():
    rated = rate_scale(sheets(mark(220, 9) + 1, "anchor"))
    assert rated.withheld == ()
    assert rated.alpha is not None
    assert rated.alpha.low < rated.alpha.value < rated.alpha.high
    assert rated.omega is not None
    assert abs(rated.omega - rated.alpha.value) < 0.05
    assert (rated.sheets, rated.complete, rated.relationships, rated.missing) == (220, 220, 10, 0)
    assert all(item.slope and item.cuts and len(item.cuts) == 6 for item in rated.items)


def test_reversed_items_are_turned_round_before_they_are_rated():
    slopes, cuts = np.full(8, 1.2), np.tile(CUTS[0], (8, 1))
    marks = mark(120, 10, slopes, cuts) + 1
    is_reversed = np.array([item.is_reversed for item in load_set("questions").items])
    rated = rate_scale(sheets(np.where(is_reversed, 8 - marks, marks), "questions"))
    assert rated.alpha is not None
    assert rated.alpha.value > 0.85
    assert all(item.with_rest is not None and item.with_rest > 0.3 for item in rated.items)
    assert_allclose([item.mean for item in rated.items], marks.mean(axis=0))


def test_missing_answers_and_straight_lines_are_counted():
    marks = np.array([[4, 4, 4, 4], [7, 7, 7, 0], [1, 2, 3, 4], [5, 5, 0, 0]])
    rated = rate_scale(sheets(marks, "anchor"))
    assert_allclose(rated.missing, 3 / 16)
    assert_allclose(rated.straight, 2 / 3)  # of the sheets with at least three answers
    assert rated.items[3].answers == 2
    assert_allclose(rated.items[3].missing, 0.5)


def test_everybody_marking_the_same_says_nothing_of_the_scale():
    rated = rate_scale(sheets(np.full((40, 4), 6), "anchor"))
    assert rated.alpha is None
    assert any("same point" in reason for reason in rated.withheld)


def test_several_sets_are_rated_apart():
    both = pa.concat_tables([sheets(mark(5, 11) + 1, "anchor"), sheets(np.full((3, 6), 5), "friend")])
    assert {name: rated.sheets for name, rated in rate_scales(both).items()} == {"anchor": 5, "friend": 3}
    with pytest.raises(InputError, match="anchor, friend"):
        rate_scale(both)
    with pytest.raises(InputError, match="colleague"):
        rate_scale(both, name="colleague")


# --- what an answer is worth -----------------------------------------------------------------------------------------


def items_by_id(answers: object = None) -> dict:
    return {row["item"]: row for row in learn_items(answers).to_pylist()}


def test_at_the_start_an_unknown_relationship_is_foretold_the_start_shares():
    item = items_by_id()["anchor_hc"]
    chances = forecast_answer(0.0, 1.0, slope=item["slope"], cuts=item["cuts"])
    assert_allclose(chances, 0.05 / 7 + 0.95 * np.array(START_SHARES), atol=1e-12)


def test_answers_move_the_cuts_towards_the_shares_they_have():
    marks = np.where(np.arange(300)[:, None] % 3 == 0, 2, 3) * np.ones((1, 4), int)
    item = items_by_id(sheets(marks[:150], "anchor"))["anchor_hr"]
    shares = np.diff(norm.cdf(np.concatenate([[-np.inf], item["cuts"], [np.inf]]) / np.sqrt(2)))
    assert_allclose(shares, (np.array([0, 50, 100, 0, 0, 0, 0]) + 30 * np.array(START_SHARES)) / 180, atol=1e-9)
    assert item["answers"] == 150


def test_enough_sheets_bring_fitted_slopes():
    found = items_by_id(sheets(mark(260, 12) + 1, "anchor"))
    slopes = [found[item.id]["slope"] for item in load_set("anchor").items]
    assert_allclose(slopes, SLOPES, atol=0.6)
    assert len(set(slopes)) == 4
    assert found["friend_hc"]["answers"] == 0


def one(value: int, item: str = "anchor_hc", **other) -> dict:
    facet = all_items()[item].facet
    return {"answer_id": f"t:1/{item}", "relationship": "acme", "item": item, "facet": facet, "value": value,
            "lowest": 1, "highest": 7, "answered_at": T0} | other  # fmt: skip


def test_an_answer_lies_between_the_neighbouring_cuts():
    items = learn_items()
    cuts = [-np.inf, *items_by_id()["anchor_hc"]["cuts"], np.inf]
    for value in range(1, 8):
        row = read_survey([one(value)], items).to_pylist()[0]
        assert_allclose([row["lo"], row["hi"]], cuts[value - 1 : value + 1])
        assert (row["facet"], row["v"], row["slope"], row["signal"]) == ("HC", 1.0, 1.0, "survey_answer")
        assert_allclose(row["alpha"] * 7 + row["beta"], 1.0)


def test_the_forecast_is_the_law_by_which_the_filter_uses_the_answer():
    """By another road: the chance foretold is the filter's own likelihood of the reading."""
    items, known = learn_items(), items_by_id()
    for item in ("anchor_hr", "questions_hs2"):
        shape = {name: known[item][name] for name in ("slope", "cuts", "is_reversed")}
        chances = forecast_answer(0.0, 1.0, **shape)
        assert_allclose(chances.sum(), 1.0)
        readings = [read_survey([one(value, item)], items) for value in range(1, 8)]
        assert_allclose([np.exp(log_likelihood(reading)) for reading in readings], chances, rtol=1e-9)


def held(readings: pa.Table, facet: str) -> tuple[float, float]:
    standing = close_states(readings, T0)["acme"]["HELD"]
    place = standing.facets.index(facet)
    return float(standing.mean[place]), float(standing.cov[place, place])


def test_a_higher_mark_never_lowers_its_facet_and_a_reversed_one_never_raises_it():
    items = learn_items()
    for item, sign in (("questions_hs1", 1), ("questions_hs2", -1)):
        levels = [held(read_survey([one(value, item)], items), "HS")[0] for value in range(1, 8)]
        assert (np.diff(levels) * sign > 0).all()


def test_two_answers_of_one_sitting_tell_less_than_two_sittings():
    items = learn_items()
    both = [one(6, "questions_hr1"), one(6, "questions_hr2")]
    apart = [one(6, "questions_hr1"), one(6, "questions_hr2", answer_id="t:2/questions_hr2")]
    single, same, two = (held(read_survey(rows, items), "HR")[1] for rows in (both[:1], both, apart))
    assert two < same < single
    assert read_survey(both, items)["v"].to_pylist() == [1.5, 1.5]


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.8])
@pytest.mark.parametrize("v", [1.5, 4.5])
def test_softer_cuts_point_to_the_level_that_made_the_answers(slope: float, v: float):
    """By another road: the level at which the mean log likelihood is highest, found on a grid, is the true one."""
    cuts = np.array(items_by_id()["anchor_hc"]["cuts"]) * np.sqrt((1 + slope**2) / 2)
    softer = soften_cuts(cuts, slope=slope, v=v)
    assert (np.diff(softer) > 0).all()
    levels = np.linspace(-4, 4, 4001)
    ends = np.concatenate([[-np.inf], softer, [np.inf]])
    logs = np.log(np.diff(norm.cdf((ends[:, None] - slope * levels) / np.sqrt(v)), axis=0))
    for level in (-1.0, 1.0):
        chances = np.diff(norm.cdf(np.concatenate([[-np.inf], cuts, [np.inf]]) - slope * level))
        assert_allclose(levels[np.argmax(chances @ logs)], level, atol=0.004)


def test_with_variance_one_the_cuts_stay():
    cuts = np.array([-1.0, 0.0, 2.0])
    assert soften_cuts(cuts, slope=1.0, v=1.0) is cuts


@pytest.mark.parametrize("sittings", [1, 4])
def test_bands_hold_the_level_though_a_sitting_shares_a_mood(sittings: int):
    """400 relationships, half of each answer's noise common to its sheet: an 80 % band must not cover less."""
    rng, items = np.random.default_rng(15), learn_items()
    known, asked, facets = items_by_id(), load_set("questions").items, list(HELD)
    levels = rng.multivariate_normal(np.zeros(4), 0.5 * np.eye(4) + 0.5, size=400)
    rows = []
    for home, level in enumerate(levels):
        for sheet in range(sittings):
            mood = rng.normal()
            for item in asked:
                y = level[facets.index(item.facet)] + np.sqrt(0.5) * (mood + rng.normal())
                point = int((y > np.array(known[item.id]["cuts"])).sum())
                value = 7 - point if item.is_reversed else 1 + point
                rows.append(one(value, item.id, answer_id=f"t:{home}-{sheet}/{item.id}", relationship=f"r{home}"))
    states = close_states(read_survey(rows, items), T0)
    z = []
    for home, level in enumerate(levels):
        standing = states[f"r{home}"]["HELD"]
        order = [standing.facets.index(facet) for facet in facets]
        spread = standing.cov[np.ix_(order, order)].sum()
        z.append((level.sum() - standing.mean[order].sum()) / np.sqrt(spread))
    assert abs(np.mean(z)) < 0.15
    assert 0.77 < np.mean(np.abs(z) < norm.ppf(0.9)) < 0.93


def test_answers_that_are_not_ours_give_no_reading():
    items = learn_items()
    strangers = [one(3, item="anchor_hc", highest=5), one(3) | {"item": "nps"}, one(9)]
    assert read_survey(strangers, items).num_rows == 0
    assert read_survey(strangers, items).schema.equals(READINGS)


# --- first forecast, then used ---------------------------------------------------------------------------------------


def world(*, homes: int, rounds: int, seed: int, lasting: bool) -> pa.Table:
    """Relationships that differ, answering the anchor again and again; or, not lasting, drawn anew each time."""
    rng, known, rows = np.random.default_rng(seed), items_by_id(), []
    for home in range(homes):
        level = rng.normal()
        for number in range(rounds):
            at = T0 + dt.timedelta(days=30 * number, minutes=home)
            level = level if lasting else rng.normal()
            for item in load_set("anchor").items:
                value = 1 + int((level + rng.normal() > np.array(known[item.id]["cuts"])).sum())
                rows.append(
                    one(
                        value,
                        item.id,
                        answer_id=f"t:{home}-{number}/{item.id}",
                        relationship=f"r{home}",
                        answered_at=at,
                    )
                )
    return conform(rows, ANSWERS)


def test_lasting_differences_are_foretold_and_chance_is_not():
    for lasting in (True, False):
        answers = world(homes=25, rounds=4, seed=13, lasting=lasting)
        summed = sum_up(forecast_answers(answers, read_survey(answers, learn_items())))
        assert summed is not None
        assert (summed.answers, summed.relationships) == (400, 25)
        assert summed.gain_error is not None
        if lasting:
            assert summed.gain > 3 * summed.gain_error
        else:
            assert summed.gain < 2 * summed.gain_error


def test_a_forecast_knows_nothing_of_its_own_moment_or_later():
    answers = world(homes=3, rounds=3, seed=14, lasting=True)
    readings = read_survey(answers, learn_items())
    whole = forecast_answers(answers, readings)
    first = whole.slice(0, 12)
    assert first["log_score"].to_pylist() == first["base_log_score"].to_pylist()
    cut = pa.scalar(T0 + dt.timedelta(days=40), answers["answered_at"].type)
    early = forecast_answers(
        answers.filter(pa.compute.less(answers["answered_at"], cut)),
        readings.filter(pa.compute.less(readings["at"], cut)),
    )
    assert early["log_score"].to_pylist() == whole["log_score"].to_pylist()[: early.num_rows]


def test_no_answers_no_forecast():
    assert sum_up(forecast_answers(ANSWERS.empty_table(), READINGS.empty_table())) is None


# --- in the book and on the command line -----------------------------------------------------------------------------

TURNS = [
    {"turn_id": "1", "body": "Could you send the offer?", "speaker": "maria@acme.com", "recipients": ["anna@firm.com"],
     "sent_at": T0 - dt.timedelta(days=3)},
    {"turn_id": "2", "body": "Here it is.", "speaker": "anna@firm.com", "recipients": ["maria@acme.com"],
     "sent_at": T0 - dt.timedelta(days=2)},
]  # fmt: skip
FILE = (
    "email,account,date,anchor_hc,anchor_hr,anchor_hi,anchor_hs\n"
    "maria@acme.com,,2024-05-02,7,7,7,7\n,ACME.com,2024-05-03,6,7,8,7\n,nobody,2024-05-03,6,6,6,6\n"
)


def test_answers_in_the_book_raise_trust_held_and_reading_twice_adds_nothing(tmp_path: Path):
    path = tmp_path / "answers.csv"
    path.write_text(FILE, "utf-8")
    with troth.open(tmp_path / "b.duckdb", settings=troth.Settings(us=("anna@firm.com",))) as book:
        book.add(TURNS)
        before = book.readings().num_rows
        first = book.read_survey(path)
        assert (first.added, first.changed) == (7, 0)
        assert [rejected.position for rejected in first.reading.rejected] == ["row 3, anchor_hi", "row 4"]
        again = book.read_survey(path)
        assert (again.added, again.changed) == (0, 0)
        assert set(book.answers()["relationship"].to_pylist()) == {"acme.com"}
        readings = book.readings()
        assert readings.num_rows == before + 7
        assert set(
            readings.filter(pa.compute.equal(readings["signal"], "survey_answer"))["relationship"].to_pylist()
        ) == {"acme.com"}
        assert book.readings(now=T0 - dt.timedelta(days=1)).num_rows == before
        scores = {row["pillar"]: row for row in book.scores(lens="equation_held").to_pylist()}
        assert scores["credibility"]["readings"] >= 2
        assert scores["credibility"]["low"] + scores["credibility"]["high"] > 110
        assert book.forecast_answers().num_rows == 7
        assert book.explain("acme", "HC")
        with pytest.raises(InputError, match="no relationship 'beta'"):
            book.read_survey(path, relationship="beta")


def test_a_name_is_placed_where_a_turn_of_theirs_would_be():
    us = read_us(["anna@firm.com"])
    circles = Circles(accounts={"acme.co.uk": "Acme", "acme.com": "Acme"})
    turns = place_turns(take_turns(TURNS), us=us, circles=circles)
    found = place_names(
        ["maria@acme.com", "new@acme.co.uk", "jo@gmail.com", "ben@firm.com", "acme", "acme.com", "c-17"],
        turns,
        us=us,
        circles=circles,
    )
    assert found == {
        "maria@acme.com": "Acme",
        "new@acme.co.uk": "Acme",
        "jo@gmail.com": "jo@gmail.com",
        "ben@firm.com": "ben@firm.com",
        "acme": "Acme",
        "acme.com": "Acme",
    }


def test_the_three_commands(tmp_path: Path):
    def run(*arguments: str) -> Done:
        return commands.run("survey", *arguments, folder=tmp_path)

    (tmp_path / "answers.csv").write_text(FILE, "utf-8")
    made = run("make", "--lens", "equation", "--language", "de", "--format", "html", "--output", "f.html")
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert "Vier Fragen des Vertrauens" in (tmp_path / "f.html").read_text("utf-8")
    done = run("read", "answers.csv", "--of", "maria@acme.com", "--book", "b.duckdb", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["answers"] for line in done.stdout.splitlines()] == [3, 2, 3, 3]
    assert "plain, 3 responses, 11 answers, 11 new" in done.stderr
    assert "1 left out: '8' lies outside 1 to 7 (first at row 3, anchor_hi)" in done.stderr
    rated = run("quality", "--book", "b.duckdb", "--format", "csv")
    assert "alpha waits for 30 complete sheets; there are 2" in rated.stdout
    wrong = run("read", "f.html", "--book", "b.duckdb")
    assert wrong.returncode == 2
    assert "Found the columns" in wrong.stderr
    assert "Traceback" not in wrong.stderr
