"""Rules on the words of one sentence: labelled cases, what they make of a score, and what they leave alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from troth.encoder import Head, card, find_signals
from troth.encoder.phrases import find_phrases, load_rules
from troth.intake import take_turns
from troth.readings.evidence import answers_a_feeling, weigh_scene
from troth.readings.held import categorise_turns
from troth.readings.scene import Scene, set_scene
from troth.readings.shown import ACTS, sort_turns
from troth.signals import CATALOGUE, WORDED
from troth.text import split_sentences

CASES = Path(__file__).parent / "test_worded_cases.tsv"
SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))


class NoHeads:
    """An encoder that finds nothing, so that only rules do."""

    heads: Sequence[Head] = ()

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), len(self.heads)), np.float32)


class OneHead(NoHeads):
    heads: Sequence[Head] = (Head(signal="admission", kind="binary"),)


def says(text: str) -> set[str]:
    return {act for act, found in find_phrases([text]).items() if found[0]}


def test_every_act_without_a_head_has_a_rule():
    assert set(load_rules()) == set(WORDED) == set(card().not_yet)
    assert all(CATALOGUE[act].found_by == "rule" and CATALOGUE[act].is_finding for act in WORDED)


@pytest.mark.repository
@pytest.mark.parametrize(
    ("act", "hits", "positives", "alarms", "others"),
    [
        ("admission", 39, 42, 0, 67),
        ("bad_news", 35, 42, 2, 66),
        ("own_interest", 33, 42, 1, 65),
        ("discourtesy", 38, 43, 1, 64),
    ],
)
def test_cases_written_before_the_rules_come_out_as_docs_say(
    act: str, hits: int, positives: int, alarms: int, others: int
):
    lines = [line for line in CASES.read_text("utf-8").splitlines() if not line.startswith("#")]
    cases = [case for case in (line.split("\t") for line in lines) if case[0] == act]
    counted = Counter((truth == "1", act in says(sentence)) for _, truth, _, sentence in cases)
    assert (counted[True, True], counted[True, True] + counted[True, False]) == (hits, positives)
    assert (counted[False, True], counted[False, True] + counted[False, False]) == (alarms, others)


@pytest.mark.repository
def test_no_rule_is_under_the_bar_on_the_mail_it_was_made_on():
    from training.phrases import check_mail, find_failing  # noqa: PLC0415
    from training.sets import read_acts  # noqa: PLC0415

    folder = SHARED / "data/business_acts"
    if not folder.exists():
        pytest.skip("no labelled mail at hand: set TROTH_SHARED")
    rows = [row for part in ("train", "dev") for row in read_acts(folder / f"{part}.jsonl")]
    checks = check_mail(rows, "train and dev")
    assert find_failing(checks) == {}
    worse = [{**checks[0], "value": 0.1}]
    assert find_failing(worse) == {checks[0]["signal"]: "sensitivity 0.1"}


def test_what_is_quoted_is_not_said_and_what_stands_beside_it_is():
    assert says('You wrote "it was our mistake" on the form.') == set()
    assert says('It was our mistake that the form said "paid".') == {"admission"}
    assert says("It was our mistake, I’m afraid.") == {"admission", "bad_news"}
    assert says("We wrote to you. " * 300 + "It was our mistake.") == set()  # behind what the encoder looks at too
    assert says("I DIDN’T KNOW THAT") == says("I didn't know that") == {"admission"}


def test_wordings_are_linear_patterns_none_of_which_fits_nothing():
    for rule in load_rules().values():
        for pattern in (*rule.says, *rule.unless, rule.shouts or "never"):
            assert re2.search(pattern, "") is None


TALK = st.text() | st.sampled_from(
    ['"I don\'t know" ' * 50, "our our our " * 400, "I I'm really so very " * 300, "¿🙂\x00"]
)


@given(st.lists(TALK, max_size=20))
def test_a_sentence_says_the_same_alone_and_among_others(texts: list[str]):
    together = find_phrases(texts)
    for number, text in enumerate(texts):
        assert {act for act, found in together.items() if found[number]} == says(text)


def test_other_languages_give_nothing_and_a_head_goes_before_a_rule():
    turns = take_turns([{"text": "I forgot to send it.", "turn_id": "a"}])
    sentences = split_sentences(turns)
    [row] = find_signals(sentences, NoHeads()).to_pylist()
    assert (row["signal"], row["value"]) == ("admission", None)
    assert row["probability"] == pytest.approx(load_rules()["admission"].precision)
    place = sentences.schema.get_field_index("language")
    german = sentences.set_column(place, sentences.schema.field(place), pa.array(["de"]))
    assert find_signals(german, NoHeads()).num_rows == 0
    assert find_signals(sentences, OneHead()).num_rows == 0


class Unsure(NoHeads):
    heads: Sequence[Head] = (Head(signal="gratitude", kind="binary"),)


def test_a_bare_thanks_counts_where_it_opens_its_turn_and_more_follows():
    said = {
        "Thank you, Jürgen. The file opens now and the figures are right.": 0,
        "Hi Anna,\nThanks!\nWe have seen the papers that you mentioned.": 1,
        "The file opens now and the figures are right. Thanks, Eric": None,
        "Thanks.\nEric": None,
        "Thanks, no. We will do it ourselves then.": None,
        "Thanks to the rain we could not pour the floor. We will try again soon.": None,
    }
    for text, place in said.items():
        sentences = split_sentences(take_turns([{"text": text, "turn_id": "a"}]))
        found = find_signals(sentences, Unsure())
        found = found.filter(pc.equal(found["signal"], "gratitude"))
        assert found["sentence"].to_pylist() == ([] if place is None else [place]), text


def lay_scene(*said: str) -> Scene:
    """A conversation, each turn with > for ours or < for theirs before it."""
    rows = [
        {"turn_id": str(number), "conversation_id": "c", "position": number, "body": text[1:], "circle": "customer",
         "side": "us" if text[0] == ">" else "them", "relationship": "acme", "speaker": text[0], "source": "t"}
        for number, text in enumerate(said)
    ]  # fmt: skip
    turns = take_turns(rows)
    sentences = split_sentences(turns)
    return set_scene(turns, sentences, find_signals(sentences, NoHeads()))


def test_what_is_found_counts_as_the_catalogue_says():
    plain = lay_scene("<We would like to have the pump on Monday.", ">The pump comes on Monday with the driver.")
    told = lay_scene(
        "<Unfortunately we have lost our biggest order.",
        ">We need the revenue to meet our target, and it was our mistake. Stop wasting my time.",
    )
    for scene, opens, pushes in ((plain, "none", None), (told, "opens", "pressure")):
        sorted_turns = sort_turns(weigh_scene(scene), scene)
        rank = int(sorted_turns["OP"].category[0])
        assert ACTS["OP"].categories[rank] == opens
        kinds = [ACTS["OR"].categories[rank] for rank in sorted_turns["OR"].category.tolist()]
        assert kinds == ([] if pushes is None else [pushes])
        assert bool(answers_a_feeling(scene)[1]) == (scene is told)
    regard = [
        pc.min(rows["raw"]).as_py()
        for rows in (evidence.filter(pc.equal(evidence["facet"], "RG")) for evidence in map(weigh_scene, (plain, told)))
    ]
    assert regard[0] == 0
    assert regard[1] == pytest.approx(-load_rules()["discourtesy"].precision)
    theirs = lay_scene(">The pump comes on Monday.", "<We forgot to order the pump.")
    rows, category = categorise_turns(theirs)["HI"]
    assert category[rows == 1].tolist() == [1]
