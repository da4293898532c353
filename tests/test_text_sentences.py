"""Sentences of the sender's own words: where they end, where they lie in the body, what is left out."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.errors import MissingColumns
from troth.schema import SENTENCES
from troth.text import find_parts, find_sentences, split_sentences
from troth.text.sentences import LONGEST


def turns(*bodies: str, automatic: bool = False) -> pa.Table:
    return pa.table(
        {
            "turn_id": [f"t{number}" for number in range(len(bodies))],
            "body": pa.array(bodies, pa.string()),
            "automatic": [automatic] * len(bodies),
        }
    )


def sentences(body: str) -> list[str]:
    return split_sentences(turns(body))["text"].to_pylist()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Hi Anna,\nthe parts came today.", ["Hi Anna,", "the parts came today."]),
        ("Dear Dr. Smith,\n\nI agree.", ["Dear Dr. Smith,", "I agree."]),
        ("Hello!\nHow are you? Fine, I hope.", ["Hello!", "How are you?", "Fine, I hope."]),
        ("Hallo Herr Meier\n\nDie Ware kommt z.B. am Montag. Passt das?", None),
        (
            (
                "We have looked at the figures that you sent us last week and found\n"
                "that the third column does not add up. Could you look at it again\nbefore Friday, please?"
            ),
            [
                (
                    "We have looked at the figures that you sent us last week and found that the third column does not "
                    "add up."
                ),
                "Could you look at it again before Friday, please?",
            ],
        ),
        ("ok\nwill do\nsee you then", ["ok", "will do", "see you then"]),
        ("Open points:\n- the price\n- the date. It slipped\n* who pays", None),
        ("1. Price is fine\n2) Date is not", ["Price is fine", "Date is not"]),
        ("First paragraph without a stop\n\nSecond one", ["First paragraph without a stop", "Second one"]),
        ("It costs 3.5 % more. Call me at 5 p.m. on Monday.", ["It costs 3.5 % more.", "Call me at 5 p.m. on Monday."]),
        ("Yes!\n\n-----\n\n42\n\n😀😀\n\nNo.", ["Yes!", "No."]),
        ("> Are you there?\n\nYes.\n\n-- \nAnn", ["Yes."]),
        ("", []),
        ("  \n ", []),
        ("12:30", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(body: str, expected: list[str] | None):
    if expected is None:
        expected = {
            "H": ["Hallo Herr Meier", "Die Ware kommt z.B. am Montag.", "Passt das?"],
            "O": ["Open points:", "the price", "the date.", "It slipped", "who pays"],
        }[body[0]]
    assert sentences(body) == expected


def test_what_a_program_wrote_gives_no_sentence():
    table = split_sentences(turns("I am out of the office.", automatic=True))
    assert table.num_rows == 0
    assert table.schema == SENTENCES


def test_sentences_are_numbered_within_their_turn():
    table = split_sentences(turns("One. Two.", "", "Three."))
    assert table.select(["turn_id", "sentence", "text"]).to_pylist() == [
        {"turn_id": "t0", "sentence": 0, "text": "One."},
        {"turn_id": "t0", "sentence": 1, "text": "Two."},
        {"turn_id": "t2", "sentence": 0, "text": "Three."},
    ]


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ("Please send me the signed contract by Friday.", "en"),
        ("Bitte schicken Sie mir den Vertrag bis Freitag zurück.", "de"),
        ("Merci de nous renvoyer le contrat signé avant vendredi.", "fr"),
        ("Por favor, envíenos el contrato firmado antes del viernes.", "es"),
        ("Vi prego di inviarci il contratto firmato entro venerdì.", "it"),
        ("Wilt u ons het getekende contract voor vrijdag terugsturen?", "nl"),
        ("Skicka gärna tillbaka det undertecknade avtalet före fredag.", "sv"),
        ("Proszę odesłać podpisaną umowę do piątku.", "pl"),
        ("ok, will do", None),
        ("12345 67890 12345 67890", None),
    ],
)
def test_the_language_is_told_when_there_is_enough_to_tell(body: str, language: str | None):
    table = split_sentences(turns(body))
    assert set(table["language"].to_pylist()) <= {language}


def test_the_language_is_that_of_the_own_words_not_of_the_quote():
    body = (
        "Yes, Thursday is fine with me and my colleagues.\n\n" + "> Passt Ihnen der Donnerstag für die Abnahme?\n" * 9
    )
    assert split_sentences(turns(body))["language"].to_pylist() == ["en"]


def test_a_missing_column_is_named():
    with pytest.raises(MissingColumns, match="automatic"):
        split_sentences(pa.table({"turn_id": ["a"], "body": ["b"]}))


def test_a_very_long_sentence_is_cut_at_white_space():
    body = "word " * 2_000
    spans = list(find_sentences(body, 0, len(body)))
    assert all(end - start <= LONGEST for start, end in spans)
    assert [word for start, end in spans for word in body[start:end].split()] == ["word"] * 2_000
    assert all(end - start == LONGEST for start, end in find_sentences("x" * 10_000, 0, 10_000))


strange = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("abC.!?… \n\n\t-*1)('\"\x00\x07\x85\xa0\u2028\u200b\u200f\u202e\ufeff\u0301אש中。😀")),
        st.characters(codec="utf-8"),
    ),
    max_size=200,
)


@settings(deadline=None)
@given(st.lists(strange, min_size=1, max_size=3))
def test_offsets_reproduce_the_text_of_any_body(bodies: list[str]):
    table = split_sentences(turns(*bodies))
    last: dict[str, int] = {}
    for row in table.to_pylist():
        body = bodies[int(row["turn_id"][1:])]
        stretch = body[row["start"] : row["end"]]
        assert " ".join(stretch.split()) == row["text"]
        assert stretch == stretch.strip()
        assert any(char.isalpha() for char in row["text"])
        assert row["start"] >= last.get(row["turn_id"], 0)
        last[row["turn_id"]] = row["end"]
        assert any(
            part.kind == "own" and part.start <= row["start"] and row["end"] <= part.end for part in find_parts(body)
        )


@given(strange)
def test_no_letter_of_the_own_words_is_lost(body: str):
    """Only list markers such as "a)" are left out beside white space and signs."""
    kept = "".join(body[start:end] for start, end in find_sentences(body, 0, len(body)))
    letters = sum(char.isalpha() for char in body)
    lines = len(body.splitlines()) + 1
    assert letters - lines <= sum(char.isalpha() for char in kept) <= letters


def test_lone_surrogates_do_no_harm():
    body = "All \ud800 good. See \udfff you! Then"
    found = [body[start:end] for start, end in find_sentences(body, 0, len(body))]
    assert found == ["All \ud800 good.", "See \udfff you!", "Then"]
