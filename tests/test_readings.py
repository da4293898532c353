"""Opportunities, evidence and readings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm

from troth.errors import InputError
from troth.readings import Reference, gather_readings, weigh_findings
from troth.readings.clarity import rate_clarity
from troth.readings.held import RULES, find_law
from troth.readings.ordinal import cut_points
from troth.readings.reference import FacetReference, count_effective, estimate_components, estimate_run
from troth.readings.scene import set_scene
from troth.schema import FINDINGS, PROMISES, SENTENCES, TURNS, conform, empty
from troth.signals import SHOWN

MONDAY = dt.datetime(2026, 11, 16, 9, tzinfo=dt.UTC)
EVENING = MONDAY + dt.timedelta(hours=15)
REFERENCE = Reference(
    encoder="test",
    corpora="none",
    facets={
        facet: FacetReference(means={"mail": 0.1}, between_var=0.25, turn_var=0.5, sentence_var=1.0, turns=100)
        for facet in SHOWN
        if facet not in {"CO", "FT"}
    },
    rates={
        "HC": {"asks_proof": 0.1, "none": 0.9},
        "HR": {"chases": 0.1, "none": 0.6, "accepts": 0.3},
        "HI": {"none": 0.6, "one": 0.3, "several": 0.1},
        "HS": {"doubts_motive": 0.05, "none": 0.9, "good_faith": 0.05},
    },
    sensitivity={"HC": {"asks_proof": 0.6}},
    specificity={"HC": {"asks_proof": 0.97}},
    wait_mean=np.log(4.0),
    wait_between_var=0.25,
    wait_within_var=0.75,
)


def tables(*turns: tuple[str, list[tuple[str, dict[str, float]]]]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """TURNS, SENTENCES and FINDINGS of one conversation: (side, [(sentence, {signal: probability})]) an hour apart."""
    said: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for number, (side, sentences) in enumerate(turns):
        body = " ".join(text for text, _ in sentences)
        said.append(
            {"turn_id": f"t{number}", "conversation_id": "c", "position": number, "speaker": side, "channel": "mail",
             "sent_at": MONDAY + dt.timedelta(hours=number), "body": body, "automatic": False, "source": "test",
             "side": side, "circle": "customer", "relationship": "acme"}
        )  # fmt: skip
        start = 0
        for index, (text, signals) in enumerate(sentences):
            where = {"turn_id": f"t{number}", "sentence": index, "start": start, "end": start + len(text)}
            lines.append(where | {"text": text, "language": "en"})
            found += [where | {"signal": name, "probability": value} for name, value in signals.items()]
            start += len(text) + 1
    return (
        conform(said, TURNS) if said else empty(TURNS),
        conform(lines, SENTENCES) if lines else empty(SENTENCES),
        conform(found, FINDINGS) if found else empty(FINDINGS),
    )


def facets_of(*turns: tuple[str, list[tuple[str, dict[str, float]]]]) -> dict[str, list[float]]:
    rows = weigh_findings(*tables(*turns)).to_pylist()
    return {facet: [row["raw"] for row in rows if row["facet"] == facet] for facet in SHOWN}


def test_without_a_claim_there_is_no_evidence_on_reasoning():
    assert facets_of(("us", [("Thanks, see you on Tuesday then.", {"gratitude": 0.9})]))["RS"] == []


def test_a_claim_without_a_reason_is_evidence_of_none():
    assert facets_of(("us", [("The new pump is better for you.", {"claim": 0.9})]))["RS"] == [0.0]


def test_a_reason_beside_the_claim_serves_it():
    raw = facets_of(
        ("us", [("You should take the smaller pump.", {"claim": 0.9}), ("It uses half the power.", {"reason": 0.8})])
    )
    assert raw["RS"] == [pytest.approx(0.8)]


def test_a_worry_makes_the_next_answer_an_occasion_for_empathy_and_nothing_else_does():
    worry = ("them", [("I am really worried about the launch.", {"feeling": 0.9})])
    plain = ("them", [("The invoice number is four two one.", {"claim": 0.9})])
    answer = ("us", [("The parts ship on Monday morning.", {"claim": 0.9})])
    assert facets_of(worry, answer)["AT"] == [0.0]
    assert facets_of(plain, answer)["AT"] == []


def test_empathy_shown_counts():
    worry = ("them", [("I am really worried about the launch.", {"feeling": 0.9})])
    raw = facets_of(worry, ("us", [("That must be hard on all of you.", {"reaction": 0.95})]))
    assert raw["AT"] == [pytest.approx(0.95)]


def test_pressure_counts_against_orientation():
    raw = facets_of(("us", [("Sign today or the price is gone.", {"request": 0.9, "pressure": 0.8})]))
    assert raw["OR"] == [pytest.approx(-0.8)]


def test_their_words_are_no_evidence_of_what_we_show():
    assert weigh_findings(*tables(("them", [("You should take the pump.", {"claim": 0.9})]))).num_rows == 0


def test_a_long_turn_gives_one_reading_per_facet_and_a_surer_one():
    short = gather(("us", [("The pump is better for you now.", {"claim": 0.9, "reason": 0.8})]))
    lines = [(f"The pump number {n} is better for you.", {"claim": 0.9, "reason": 0.8}) for n in range(10)]
    long = gather(("us", lines))
    assert [row["facet"] for row in long].count("RS") == 1
    v = {name: next(row["v"] for row in rows if row["facet"] == "RS") for name, rows in (("s", short), ("l", long))}
    assert_allclose([v["s"], v["l"]], [(0.5 + 1.0) / 0.25, (0.5 + 0.1) / 0.25])


def gather(*turns: Any, promises: pa.Table | None = None, now: dt.datetime = EVENING) -> list[dict[str, Any]]:
    found = promises if promises is not None else empty(PROMISES)
    return gather_readings(*tables(*turns), found, reference=REFERENCE, now=now).to_pylist()


def test_asking_for_proof_is_read_as_low_credence():
    claim = ("us", [("The pump is better for you now.", {"claim": 0.9})])
    rows = gather(claim, ("them", [("Says who, and how do you know?", {"asks_proof": 0.9})]))
    credence = [row for row in rows if row["facet"] == "HC"]
    assert len(credence) == 1
    assert credence[0]["lo"] == -np.inf
    truly = (0.1 - 0.03) / (0.6 - 0.03)  # of 10 % found, 3 % of the others are false, and 60 % are seen
    assert credence[0]["hi"] == pytest.approx(norm.ppf(truly) * np.sqrt(10.0))
    assert (credence[0]["alpha"], credence[0]["beta"]) == pytest.approx((0.03, 0.57))
    assert credence[0]["start"] == 0


def test_silence_after_no_claim_is_no_reading_of_credence():
    rows = gather(("us", [("Hello there my dear old friend.", {})]), ("them", [("Nice to hear from you.", {})]))
    assert not [row for row in rows if row["facet"] == "HC"]


def test_a_quick_answer_is_a_high_reading_and_an_open_question_a_bound():
    question = ("them", [("When does the pump arrive here?", {"question": 0.9})])
    answer = ("us", [("It arrives on Friday this week.", {"claim": 0.9})])
    (answered,) = [row for row in gather(question, answer) if row["signal"] == "answer_time"]
    (waiting,) = [row for row in gather(question) if row["signal"] == "answer_time"]
    assert answered["lo"] == answered["hi"] == pytest.approx(np.log(4.0))
    assert waiting["lo"] == -np.inf
    assert waiting["hi"] == pytest.approx(np.log(4.0) - np.log(15.0))


def test_unknown_promises_are_never_readings_and_kept_ones_are():
    base = {"turn_id": "t0", "start": 0, "end": 5, "text": "x", "probability": 0.9, "relationship": "acme",
            "circle": "customer", "side": "us", "actor": "us", "specific": True, "due_rule": "explicit",
            "observability": "O1", "decided_by": "machine", "state_at": MONDAY}  # fmt: skip
    promises = conform(
        [base | {"promise_id": state, "state": state} for state in ("kept", "unknown", "open", "withdrawn")], PROMISES
    )
    rows = [row for row in gather(promises=promises) if row["signal"] == "promise_outcome"]
    assert len(rows) == 1
    assert rows[0]["hi"] == np.inf
    assert rows[0]["alpha"] + rows[0]["beta"] < 1.0 < rows[0]["alpha"] * 3 + rows[0]["beta"] + 1e-9


def test_a_match_that_is_less_sure_moves_follow_through_less():
    base = {"turn_id": "t0", "start": 0, "end": 5, "text": "x", "probability": 0.9, "relationship": "acme",
            "circle": "customer", "side": "us", "actor": "us", "specific": True, "due_rule": "explicit",
            "observability": "O1", "decided_by": "machine", "state_at": MONDAY, "state": "late"}  # fmt: skip
    sure = {"never": None, "barely": 0.4, "half": 0.6, "most": 0.99}
    cases = [base | {"promise_id": name, "start": at, "evidence_probability": chance}
             for at, (name, chance) in enumerate(sure.items())]  # fmt: skip
    said = base | {"promise_id": "said", "start": 9, "evidence_probability": 0.4, "decided_by": "person"}
    rows = [row for row in gather(promises=conform([*cases, said], PROMISES)) if row["signal"] == "promise_outcome"]
    weight = {row["start"]: row["beta"] for row in rows}
    assert weight == pytest.approx({0: 0.74, 1: 0.4, 2: 0.6, 3: 0.8, 9: 1.0})
    assert all(row["alpha"] * 3 + row["beta"] == pytest.approx(1.0) for row in rows)


def test_what_comes_later_than_the_evening_is_not_known_yet():
    question = ("them", [("When does the pump arrive here?", {"question": 0.9})])
    answer = ("us", [("It arrives on Friday this week.", {"claim": 0.9})])
    (row,) = [
        row for row in gather(question, answer, now=MONDAY + dt.timedelta(minutes=30)) if row["signal"] == "answer_time"
    ]
    assert row["lo"] == -np.inf


def test_a_stated_parent_goes_before_the_latest_turn():
    turns, sentences, findings = tables(("them", []), ("them", []), ("us", []))
    parents = pa.array([None, None, "t0"])
    turns = turns.set_column(turns.schema.get_field_index("parent_id"), TURNS.field("parent_id"), parents)
    scene = set_scene(turns, sentences, findings)
    assert scene.answered.tolist() == [-1, -1, 0]
    assert scene.answer.tolist() == [2, 2, -1]


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6), st.floats(0.1, 5.0))
def test_cut_points_give_the_shares_they_were_made_from(rates: list[float], noise: float):
    shares = np.array(rates) / np.sum(rates)
    cuts = cut_points(np.array(rates), noise)
    assert_allclose(np.diff(norm.cdf(cuts / np.sqrt(1.0 + noise))), shares, atol=1e-9)


def test_variance_components_come_back_from_made_up_relationships():
    """Truth 0.5, 0.3, 1.0; with 400 relationships of 6 turns of 5 sentences the estimates lie within 15 %."""
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(400), 30)
    turn = np.repeat(np.arange(2400), 5)
    raw = (
        2.0
        + rng.normal(0, np.sqrt(0.5), 400)[group]
        + rng.normal(0, np.sqrt(0.3), 2400)[turn]
        + rng.normal(0, 1.0, 12000)
    )
    found = estimate_components(raw, turn, group)
    assert_allclose([found.between_var, found.turn_var, found.sentence_var], [0.5, 0.3, 1.0], rtol=0.15)
    assert found.mean == pytest.approx(2.0, abs=0.12)


@pytest.mark.parametrize("facet", list(RULES))
def test_what_is_found_is_as_common_as_in_the_reference(facet: str):
    """Summed over what may truly be there, the law gives back the shares that were found."""
    law, rule, shares = find_law(facet, REFERENCE), RULES[facet], REFERENCE.rates[facet]
    true = law.rates / law.rates.sum()
    for number, name in enumerate(rule.categories):
        if name != rule.plain:
            assert law.alpha[number] + law.beta[number] * true[number] == pytest.approx(shares[name], rel=1e-9)
    assert (law.alpha + law.beta <= 1 + 1e-12).all()


def test_a_detector_of_known_quality_is_read_as_bayes_says():
    """Both answers of a binary detector: posterior odds of the act by counting cases, against the law's."""
    law = find_law("HC", REFERENCE)
    true, seen, false = law.rates[0], 0.6, 0.03
    found = true * seen / (true * seen + (1 - true) * false)
    assert true * (law.alpha[0] + law.beta[0]) / (law.alpha[0] + law.beta[0] * true) == pytest.approx(found)
    unseen = true * (1 - seen) / (true * (1 - seen) + (1 - true) * (1 - false))
    assert true * law.alpha[1] / (law.alpha[1] + law.beta[1] * (1 - true)) == pytest.approx(unseen)


@given(st.integers(1, 40), st.floats(0.0, 0.9))
def test_the_effective_number_of_sentences_is_that_of_the_whole_covariance(sentences: int, neighbour: float):
    place = np.arange(sentences)
    whole = neighbour ** np.abs(place[:, None] - place)
    told = count_effective(np.array([float(sentences)]), neighbour)[0]
    assert told == pytest.approx(sentences**2 / whole.sum())
    assert 1.0 - 1e-9 <= told <= sentences + 1e-9


def test_sentences_that_go_together_are_noticed():
    """Made up with .6 from one sentence to the next, and with none; 3,000 turns of 12 sentences."""
    rng = np.random.default_rng(3)
    turn, place = np.repeat(np.arange(3000), 12), np.tile(np.arange(12), 3000)
    for neighbour in (0.6, 0.0):
        noise = rng.normal(size=(3000, 12))
        for at in range(1, 12):
            noise[:, at] = neighbour * noise[:, at - 1] + np.sqrt(1 - neighbour**2) * noise[:, at]
        raw = (noise + rng.normal(0, np.sqrt(0.5), (3000, 1))).ravel()
        run = estimate_run(raw, turn, place, between_var=0.2)
        assert run.neighbour == pytest.approx(neighbour, abs=0.05)
        assert (run.turn_var, run.sentence_var) == pytest.approx((0.3, 1.0), abs=0.06)


def test_one_relationship_is_no_reference():
    with pytest.raises(InputError, match="two relationships"):
        estimate_components(np.zeros(4), np.arange(4), np.zeros(4, np.int64))


def test_plain_words_are_clearer_than_dense_ones():
    lofty = (
        "Notwithstanding aforementioned considerations regarding operational interdependencies, implementation "
        "timelines necessitate comprehensive reconsideration of contractual arrangements."
    )
    plain, dense = rate_clarity(pa.array(["The pump will be at your door on Friday.", lofty]))
    assert plain > 0 > dense
