"""Rules that lay turns beside each other: labelled cases, what they make of a score, and that they look back only."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import troth
from troth import ruled
from troth.intake import take_turns
from troth.promises import Calendar
from troth.readings import Reference, gather_readings, is_out, load_reference
from troth.readings.connected import RULES, find_join_law
from troth.ruled import find_all_ruled, find_ruled, remember_all, rule_anew
from troth.schema import OBJECTIONS, PROMISES, SENTENCES, empty
from troth.signals import CATALOGUE, RULED
from troth.text import split_sentences

pytestmark = pytest.mark.repository

if not (Path(__file__).parents[1] / "training").is_dir():
    pytest.skip("training is not part of the package", allow_module_level=True)
sys.path.insert(0, str(Path(__file__).parents[1]))
rules = __import__("training.rules", fromlist=["rules"])

MONDAY = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)


def count(part: str, rule: str) -> Counter[tuple[bool, bool]]:
    """Truth and finding."""
    cases = [case for case in rules.read_rule_cases(part) if case["rule"] == rule]
    return Counter((case["truth"] == "1", rules.judge_case(case)) for case in cases)


def find(turns: pa.Table) -> list[tuple[str, str, int]]:
    found = find_ruled(turns, split_sentences(turns), calendar=Calendar()).findings
    return sorted((row["turn_id"], row["signal"], row["start"]) for row in found.to_pylist())


def join_cases() -> pa.Table:
    """All cases as one book: every case has its own customers, and all days run side by side."""
    tables: list[dict[str, Any]] = []
    for number, case in enumerate(rules.read_rule_cases("dev") + rules.read_rule_cases("held")):
        for row in rules.lay_out_case(case["turns"]).to_pylist():
            home = f"{number}{row['relationship']}"
            tables.append(
                row
                | {"turn_id": f"{number}-{row['turn_id']}", "conversation_id": f"{number}{row['conversation_id']}",
                   "relationship": home}
            )  # fmt: skip
    return take_turns(tables)


@pytest.fixture(scope="module")
def whole() -> pa.Table:
    return join_cases()


def test_cases_that_rules_were_made_on_come_out_as_labelled_but_for_two():
    assert count("dev", "facts") == {(True, True): 12, (True, False): 2, (False, False): 14}
    assert set(count("dev", "template")) == set(count("dev", "repeat")) == {(True, True), (False, False)}


@pytest.mark.parametrize(
    ("rule", "hits", "positives", "others"), [("facts", 18, 18, 18), ("template", 9, 10, 13), ("repeat", 10, 14, 14)]
)
def test_held_out_cases_come_out_as_docs_say(rule: str, hits: int, positives: int, others: int):
    """First run of the frozen rules, on 22 November 2026: none taken for one. The author of the rules wrote them."""
    counted = count("held", rule)
    assert counted == Counter({(True, True): hits, (True, False): positives - hits, (False, False): others})
    row = next(row for row in json.loads(files("troth").joinpath("checks/rules.json").read_text("utf-8"))
               if row["signal"] == rules.SIGNALS[rule] and row["metric"] == "sensitivity")  # fmt: skip
    assert row["value"] == pytest.approx(hits / positives, abs=1e-4)


def test_what_is_found_of_a_turn_rests_on_earlier_ones_alone(whole: pa.Table):
    last = max(whole["sent_at"].to_pylist())
    for days in (1, 3):
        until = last - dt.timedelta(days=days)
        early = whole.filter(pc.less_equal(whole["sent_at"], pa.scalar(until, whole["sent_at"].type)))
        ids = set(early["turn_id"].to_pylist())
        assert find(early) == [one for one in find(whole) if one[0] in ids]


def test_turns_that_come_later_are_found_as_if_they_had_been_there(whole: pa.Table):
    last = max(whole["sent_at"].to_pylist())
    is_fresh = pc.equal(whole["sent_at"], pa.scalar(last - dt.timedelta(days=2), whole["sent_at"].type))
    until = pc.less_equal(whole["sent_at"], pa.scalar(last - dt.timedelta(days=2), whole["sent_at"].type))
    known, fresh = whole.filter(pc.and_(until, pc.invert(is_fresh))), whole.filter(is_fresh)
    before = find_ruled(known, split_sentences(known), calendar=Calendar())
    turns = pa.concat_tables([known, fresh])
    near = {"turns": turns, "sentences": split_sentences(turns), "memory": before.memory, "calendar": Calendar()}
    around = turns.filter(pc.is_in(turns["conversation_id"], fresh["conversation_id"].combine_chunks()))
    said_on = (last - dt.timedelta(days=2)).astimezone(dt.UTC).date()
    anew = rule_anew(before.findings, **near, around=around, fresh=fresh, last=said_on)
    assert anew is not None
    assert anew.findings.num_rows
    ids = set(fresh["turn_id"].to_pylist())
    mine = sorted((row["turn_id"], row["signal"], row["start"]) for row in anew.findings.to_pylist())
    assert mine == [one for one in find(turns) if one[0] in ids]
    older = fresh.set_column(
        fresh.schema.get_field_index("sent_at"), fresh.schema.field("sent_at"),
        pa.array([MONDAY - dt.timedelta(days=9)] * fresh.num_rows, fresh.schema.field("sent_at").type),
    )  # fmt: skip
    assert rule_anew(before.findings, **near, around=around, fresh=older, last=said_on) is None


def read(case: str, reference: Reference | None = None) -> list[dict[str, Any]]:
    turns = rules.lay_out_case(case)
    sentences = split_sentences(turns)
    found = find_ruled(turns, sentences, calendar=Calendar()).findings
    readings = gather_readings(
        turns, sentences, found, empty(PROMISES),
        reference=reference or load_reference(), now=MONDAY + dt.timedelta(days=30),
    )  # fmt: skip
    return [row for row in readings.to_pylist() if row["facet"] in {"CO", "PE"}]


OTHERWISE = "A>: The pump costs 300 euro. | A>2c: The pump costs 450 euro."
ALIKE = "A>: The pump costs 300 euro. | A>2c: As to the price, the pump costs 300 euro."
TOLD = "A>: The pump costs 300 euro. | A>2c: The price went up: the pump now costs 450 euro."
ALONE = "A>: The pump costs 300 euro. | A>: The pump costs 450 euro."


def test_each_occasion_gives_one_reading_that_points_to_its_sentence_and_none_gives_none():
    [against], [alike] = read(OTHERWISE), read(ALIKE)
    assert (against["signal"], alike["signal"]) == ("contradiction", "facts_agree")
    assert (against["facet"], against["turn_id"], against["start"], against["end"]) == ("CO", "1", 0, 24)
    assert (against["lo"], alike["hi"]) == (-np.inf, np.inf)
    assert against["hi"] == alike["lo"]
    assert [
        row for case in (TOLD, ALONE) for row in read(case) if row["facet"] == "CO"
    ] == []  # a change that was told is neither, one voice alone is no occasion
    again = read("A<: Which voltage does the pump need? | A<2c: Which voltage does our pump need?")
    assert [(row["facet"], row["signal"], row["turn_id"], row["start"]) for row in again] == [
        ("CO", "told_again", "1", 0)
    ]
    quiet = read("A<: Which voltage does the pump need? | A<2c: How long is the hose of it?")
    assert [(row["signal"], row["start"]) for row in quiet] == [("none", None)]


def test_a_template_lowers_what_own_words_raise_and_a_filled_in_form_does_neither():
    form = (
        "Thank you for your message about the delivery. We work through all requests in the order in which they come "
        "in, and one of our advisers will write to you within two working days."
    )
    cases = {
        "template": f"B>: {form} | A<: Our kiln 4471 is cold. | A>: {form}",
        "own": f"B>: {form} | A<: Our kiln 4471 is cold. | A>: For your kiln 4471 somebody comes tomorrow.",
        "both": f"B>: {form} | A<: Our kiln 4471 is cold. | A>: It is about kiln 4471. {form}",
    }
    found = {name: [row for row in read(case) if row["facet"] == "PE"][-1] for name, case in cases.items()}
    assert (found["template"]["lo"], found["own"]["hi"]) == (-np.inf, np.inf)
    assert np.isfinite([found["both"]["lo"], found["both"]["hi"]]).all()
    assert found["template"]["start"] is not None


def test_a_contested_reading_is_out_and_its_law_is_the_measured_one():
    [against] = read(OTHERWISE)
    objection = {
        "objection_id": "o-1", "turn_id": against["turn_id"], "facet": "CO", "signal": "contradiction",
        "start": against["start"], "end": against["end"], "text": None, "probability": None, "at": MONDAY,
        "state": "contested", "by": "anna", "note": None,
    }  # fmt: skip
    out = is_out(pa.Table.from_pylist([against]), pa.Table.from_pylist([objection], schema=OBJECTIONS))
    assert out.tolist() == [True]
    reference = load_reference()
    law = find_join_law("us", reference)
    assert law.alpha[0] == pytest.approx(1 - reference.specificity["CO"]["contradiction"])
    assert law.alpha[0] + law.beta[0] == pytest.approx(reference.sensitivity["CO"]["contradiction"])
    assert {name for rule in RULES.values() for name in rule.categories} - {"none"} <= set(RULED)
    assert all(CATALOGUE[name].is_finding for name in RULED)


strange = st.text(st.characters(codec="utf-8"), max_size=80) | st.sampled_from(
    [
        "",
        "\u202e4471 \u0000",
        "\ud800 4471",
        "18,00 18.00.00 1.2.3.4",
        "E-417 " * 30,
        "🙂🙂🙂 🙂",
        "مرحبا 4471 بكم",
        "您好 4471",
    ]
)


@settings(deadline=None, max_examples=25)
@given(texts=st.lists(strange, min_size=1, max_size=6))
def test_nothing_strangers_write_breaks_the_rules(texts: list[str]):
    case = " | ".join(f"{'AB'[n % 2]}{'<>'[n // 2 % 2]}: x" for n in range(len(texts)))
    turns = rules.lay_out_case(case)
    bodies = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
    turns = turns.set_column(turns.schema.get_field_index("body"), turns.schema.field("body"), bodies)
    sentences = split_sentences(turns)
    found = find_ruled(turns, sentences, calendar=Calendar()).findings
    known = set(zip(sentences["turn_id"].to_pylist(), sentences["start"].to_pylist(), strict=True))
    assert {(row["turn_id"], row["start"]) for row in found.to_pylist()} <= known


def test_no_words_and_a_megabyte_in_one_line_find_nothing():
    turns = rules.lay_out_case("A<: x | A>: y")
    assert find_ruled(turns, empty(SENTENCES), calendar=Calendar()).findings.num_rows == 0
    assert find(turns.slice(0, 0)) == []
    long = " ".join(f"kiln{number}" for number in range(120_000))
    bodies = pa.array([long, long], pa.string())
    turns = turns.set_column(turns.schema.get_field_index("body"), turns.schema.field("body"), bodies)
    assert find(turns) == []


@pytest.mark.timed
def test_twice_the_turns_cost_about_twice_the_time(whole: pa.Table):
    def took(times: int) -> float:
        rows = [
            row | {"turn_id": f"{n}/{row['turn_id']}", "conversation_id": f"{n}/{row['conversation_id']}",
                   "relationship": f"{n}/{row['relationship']}"}
            for n in range(times) for row in whole.to_pylist()
        ]  # fmt: skip
        turns = take_turns(rows)
        sentences = split_sentences(turns)
        begun = time.process_time()
        find_ruled(turns, sentences, calendar=Calendar())
        return time.process_time() - begun

    took(1)
    assert took(6) < 3.0 * took(3)


def test_a_large_book_is_looked_at_in_parts(
    sample_book: troth.Book, whole: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relationship by relationship nothing else is found, and nothing else remembered, than all at once."""
    known = sample_book.understand()
    for turns, sentences in ((known.turns, known.sentences), (whole, split_sentences(whole))):
        at_once = find_ruled(turns, sentences, calendar=Calendar())
        monkeypatch.setattr(ruled, "_PART", 30)
        in_parts = find_all_ruled(turns, sentences, calendar=Calendar())
        memory = remember_all(turns, sentences)
        names = [("turn_id", "ascending"), ("sentence", "ascending"), ("signal", "ascending")]
        assert at_once.findings.num_rows
        assert in_parts.sort_by(names).equals(at_once.findings.sort_by(names))
        assert len(memory.layers) > 5
        (layer,) = at_once.memory.layers
        day = np.full(len(layer.run), 40_000)
        for home in (layer.run_home, layer.run_home[::-1]):
            seen = [one.is_seen_elsewhere(layer.run, home, day).tolist() for one in (memory, at_once.memory)]
            assert seen[0] == seen[1]
        assert memory.count_homes(day[:1]) == at_once.memory.count_homes(day[:1])
        for name in ("tail", "spoken", "word", "pair", "home"):
            laid = np.sort(np.concatenate([getattr(one, name) for one in memory.layers]))
            assert laid.tolist() == getattr(layer, name).tolist(), name
