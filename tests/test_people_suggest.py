"""Suggestions: what is weighed, what is never suggested, and how often a suggestion is right."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.identity import SUGGESTIONS, suggest_joins
from troth.identity.evidence import Census, Weights, compare_names, start_bits, to_probability
from troth.identity.names import split_address, split_name
from troth.people import FREE_MAIL

PAIRS = Path(__file__).with_name("test_people_pairs.tsv")
NOBODY = pa.table(
    {
        "speaker": pa.array([], pa.string()),
        "recipients": pa.array([], pa.list_(pa.string())),
        "cc": pa.array([], pa.list_(pa.string())),
    }
)


def suggest(
    people: Sequence[Sequence[str]],
    *,
    titles: Mapping[str, Sequence[str]] | None = None,
    apart: Mapping[str, frozenset[str]] | None = None,
    turns: pa.Table = NOBODY,
    least: float = 0.5,
    homes: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    table = suggest_joins(
        people, titles=titles or {}, homes=homes or {}, free=FREE_MAIL, apart=apart or {}, turns=turns, least=least
    )
    assert table.schema == SUGGESTIONS
    return table.to_pylist()


STRANGERS = [(f"{word}.{word}son@{word}.example",) for word in ("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr")]


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Bo Berg", "Berg, Bo", "same"),
        ("Bo Berg", "Dr. Bo J. Bérg", "same"),
        ("Robert Berg", "Bob Berg", "short"),
        ("Maximilian Berg", "Max Berg", "short"),
        ("B. Berg", "Bo Berg", "initial"),
        ("Berg", "Bo Berg", "missing"),
        ("Bo", "Bo Berg", "first"),
        ("J. Berg", "Bo Berg", "other"),
        ("Bo Berg", "Cy Berg", "contradiction"),
        ("desk berg 1", "desk berg 2", "contradiction"),
        ("Bo Berg", "Cy Lund", ""),
    ],
)
def test_two_names_compare_the_same_from_both_ends(one: str, other: str, kind: str):
    census = Census([[split_name(one)], [split_name(other)]], Weights())
    assert compare_names(split_name(one), split_name(other), census).kind == kind
    assert compare_names(split_name(other), split_name(one), census).kind == kind


@pytest.mark.parametrize(
    ("run", "kind"), [("bberg", "initial"), ("bobberg", "same"), ("bergb", "initial"), ("bxy", "")]
)
def test_a_run_of_letters_is_read_as_first_and_last_name(run: str, kind: str):
    census = Census([], Weights())
    assert compare_names(split_address(f"{run}@acme.example"), split_name("Bob Berg"), census).kind == kind


def test_the_bits_in_the_reasons_add_up_to_the_probability():
    """By another road: the reasons as people read them."""
    found = suggest([("bo.berg@acme.example",), ("b.berg@zeta.example",), *STRANGERS], least=0.0)
    assert len(found) == 1
    summed = sum(float(part.rpartition("(")[2].rstrip(")")) for part in found[0]["why"].split("; "))
    assert summed == pytest.approx(found[0]["bits"], abs=0.3)  # each is rounded to a tenth
    assert found[0]["probability"] == pytest.approx(1 / (1 + math.exp(-found[0]["bits"] * math.log(2))))


def test_a_rare_name_says_more_than_a_common_one():
    johns = [(f"john{number}@x{number}.example",) for number in range(40)]
    titles = {john[0]: [f"John Smith{chr(97 + number % 26)}"] for number, john in enumerate(johns)}

    def weigh_twins(name: str) -> float:
        twins = {"a@y.example": [name], "b@z.example": [name]}
        rows = suggest([*((who,) for who in twins), *johns], titles={**titles, **twins}, least=0.0)
        return next(row["bits"] for row in rows if {row["first"], row["second"]} == twins.keys())

    assert weigh_twins("Maribelle Oosterdijk") > weigh_twins("John Oosterdijk") + 1


def test_phones_that_end_alike_are_suggested_and_not_joined():
    found = suggest([("+491701234567",), ("01701234567",), *STRANGERS])
    assert [(row["first"], row["second"]) for row in found] == [("+491701234567", "01701234567")]
    assert "phones that end alike" in found[0]["why"]


def test_who_was_set_apart_is_never_suggested():
    twins = [("bo.berg@acme.example",), ("bo.berg@gmx.de", "U1"), *STRANGERS]
    assert len(suggest(twins)) == 1
    apart = {"U1": frozenset({"bo.berg@acme.example"}), "bo.berg@acme.example": frozenset({"U1"})}
    assert suggest(twins, apart=apart) == []


def test_two_who_stand_in_one_turn_are_less_likely_one():
    twins = [("bo.berg@acme.example",), ("bo.berg@gmx.de",), *STRANGERS]
    both = pa.table(
        {
            "speaker": ["anna@firm.com"],
            "recipients": pa.array([["bo.berg@acme.example"]], pa.list_(pa.string())),
            "cc": pa.array([["bo.berg@gmx.de"]], pa.list_(pa.string())),
        }
    )
    assert suggest(twins, turns=both)[0]["bits"] < suggest(twins)[0]["bits"]


def test_mailboxes_of_a_task_and_wrapped_addresses_name_nobody():
    assert suggest([("info@acme.example",), ("info@zeta.example",), *STRANGERS], least=0.0) == []
    assert suggest([("imceanotes-bo+20berg@x.example",), ("bo.berg@acme.example",)], least=0.0) == []


@given(people=st.lists(st.text(min_size=1, max_size=40), max_size=12, unique=True), order=st.randoms())
def test_any_names_are_weighed_alike_in_any_order(people: list[str], order: random.Random):
    listed = [(name,) for name in people]
    found = suggest(listed, titles={name: [name] for name in people}, least=0.0)
    order.shuffle(listed)
    again = suggest(listed, titles={name: [name] for name in people}, least=0.0)
    pairs = [
        {frozenset({row["first"], row["second"]}): round(row["bits"], 9) for row in rows} for rows in (found, again)
    ]
    assert pairs[0] == pairs[1]
    assert all(0 < row["probability"] < 1 for row in found)


def test_a_person_at_random_is_a_twin_as_often_as_the_start_says():
    for persons in (2, 50, 5000):
        assert to_probability(start_bits(persons, Weights())) == pytest.approx(min(0.16 / (persons - 1), 0.5))


@pytest.fixture(scope="module")
def enron(shared: Path) -> list[dict[str, Any]]:
    """Suggestions over the addresses of the labelled Enron mail, whatever their probability."""
    source = shared / "data/interactions/enron_email/messages.jsonl"
    if not source.exists():
        pytest.skip("needs the labelled Enron mail in ../shared/data, which is not here")
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    columns = {name: [[who.lower() for who in row[name]] for row in rows] for name in ("recipients", "cc")}
    lists = {name: pa.array(column, pa.list_(pa.string())) for name, column in columns.items()}
    turns = pa.table({"speaker": [row["sender"].lower() for row in rows], **lists})
    people = {who for row in turns.to_pylist() for who in (row["speaker"], *row["recipients"], *row["cc"])}
    return suggest([(who,) for who in sorted(people)], turns=turns, least=0.0)


@pytest.mark.parametrize(
    ("part", "least", "counts"),
    [("tune", 0.5, (40, 44, 60)), ("check", 0.5, (41, 56, 51)), ("check", 0.9, (19, 22, 51))],
)
def test_suggestions_are_right_as_often_as_the_page_says(
    enron: list[dict[str, Any]], part: str, least: float, counts: tuple[int, int, int]
):
    """Pairs of addresses labelled by hand, written down as hashes; the half `check` was looked at once, at the end."""
    table = [line.split("\t") for line in PAIRS.read_text("utf-8").splitlines()[1:]]
    labels = {pair: label for where, pair, label in table if where == part}
    chosen = {
        blake2b(f"{row['first']}|{row['second']}".encode(), digest_size=8).hexdigest()
        for row in enron
        if row["probability"] >= least
    }
    right = sum(labels.get(pair) == "same" for pair in chosen)
    assert (right, len(chosen & labels.keys()), list(labels.values()).count("same")) == counts
