"""The whole sample in one book: every turn of every channel is there, once, with the right person and relationship."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import troth
from troth.sample import SAMPLE_ME, SAMPLE_ZONE, Key, read_key, read_sample, sample_people
from troth.sample._source import read_people
from troth.sample._talks import read_talks
from troth.settings import Settings


@pytest.fixture(scope="module")
def key() -> Key:
    return read_key()


@pytest.fixture(scope="module")
def rows(sample_book: troth.Book) -> list[dict[str, Any]]:
    return sample_book.turns().to_pylist()


def squeeze(words: str) -> str:
    return "".join(letter for letter in words.casefold() if letter.isalnum())


def find(rows: list[dict[str, Any]], key: Key, label: str) -> dict[str, Any]:
    """The turn of a label: said within the minute, with its first or last words; a mention may be written otherwise."""
    said = key.turns[label]
    if said.channel in {"letter", "meeting"}:
        near = [row for row in rows if row["channel"] in {"letter", "meeting"}]
    else:
        near = [row for row in rows if row["sent_at"] and abs(row["sent_at"] - said.at) < dt.timedelta(minutes=1)]
    words = squeeze(said.words.removeprefix("<Media omitted>"))
    found = [
        row for row in near if {words[:20] in squeeze(row["body"]), words[-20:] in squeeze(row["body"])} != {False}
    ]
    found = found if words else [row for row in found if not squeeze(row["body"]) or row["attachments"]]
    assert len(found) == 1, (label, said, found)
    return found[0]


def customers() -> Mapping[str, str]:
    """Labels of calls, tickets and the assistant to the account that they are with."""
    people = read_people()
    homes: dict[str, str] = {}
    for folder in ("calls", "tickets", "assistant"):
        for talk in read_talks(folder):
            who = talk.fields.get("requester") or talk.fields.get("user")
            named = [who] if who else talk.members
            home = next(people[short].account for short in named if people[short].account)
            assert home
            homes |= {said.label: home for said in talk.said if not said.internal}
    return homes


def test_every_turn_of_every_channel_is_there_once(rows, key):
    assert len({find(rows, key, label)["turn_id"] for label in key.turns}) == len(key.turns)


def test_calls_tickets_and_the_assistant_belong_to_the_customers_account(rows, key):
    wrong = {
        label: (row["relationship"], row["side"], row["circle"])
        for label, home in customers().items()
        for row in [find(rows, key, label)]
        for side in ["us" if key.turns[label].speaker.circle in {"us", "automatic"} else "them"]
        if (row["relationship"], row["side"], row["circle"]) != (home, side, "customer")
    }
    assert wrong == {}


def test_chats_belong_to_whom_they_are_with(rows, key):
    """A shared channel to the customer, a telephone's chat to the account or the friend, the team's to colleagues."""
    wrong: dict[str, Any] = {}
    for talk in (*read_talks("whatsapp"), *read_talks("slack")):
        others = [read_people()[short] for short in talk.members if short not in {"anna", "anna-home"}]
        outside = [person for person in others if person.circle != "us"]
        for said in talk.said:
            row = find(rows, key, said.label)
            if said.who == "watchlamp":
                continue
            if outside:
                expected = {(outside[0].account or outside[0].address, outside[0].circle)}
            elif len(others) == 1:
                expected = {(others[0].address, "colleague")}
            elif said.who == "anna":
                expected = {(home, "colleague") for home in ("team", *(person.address for person in others))}
            else:
                expected = {(read_people()[said.who].address, "colleague")}
            if (row["relationship"], row["circle"]) not in expected:
                wrong[said.label] = (row["relationship"], row["circle"], expected)
    assert wrong == {}


def test_a_letter_is_the_writers_and_a_note_of_a_visit_the_customers(rows, key):
    assert find(rows, key, "let-01")["relationship"] == "lichtspeicher.example"
    assert find(rows, key, "let-02")["relationship"] == "hogsby.example"


def test_internal_notes_are_not_said_to_the_customer(sample_book, rows, key):
    """They give no promise, no question and no word that the customer is taken to have heard."""
    notes = {find(rows, key, label)["turn_id"] for label, turn in key.turns.items() if turn.internal}
    seen = [row for row in rows if row["turn_id"] in notes]
    assert [row for row in seen if row["circle"] == "customer" and not row["automatic"]] == []


def test_reading_everything_again_adds_nothing(rows, tmp_path: Path):
    with troth.open(settings=Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE, people=sample_people())) as book:
        for _ in range(2):
            read_sample(book, tmp_path)
            assert book.turns().num_rows == len(rows)


def test_the_outcomes_of_the_crm_and_the_answers_of_the_survey_are_there(sample_book, key):
    outcomes = sample_book.table("outcomes").to_pylist()
    assert {row["relationship"] for row in outcomes} <= set(key.accounts)
    assert {row["kind"] for row in outcomes} >= {"deal", "invoice", "renewal"}
    deals = {row["outcome_id"]: row for row in outcomes}
    assert len(deals) == len(outcomes)
    assert {row["relationship"] for row in sample_book.answers().to_pylist()} <= set(key.accounts)
    assert sample_book.answers().num_rows == 79  # ten sheets of eight, one answer left out


def test_the_assistant_is_caught_saying_what_it_did_not_do(sample_book):
    """What Nuria finds out with a hair dryer stands in the log."""
    verdicts = {row["text"]: row["verdict"] for row in sample_book.check_agents().checks.to_pylist()}
    assert verdicts["I have set the night alarms to your number."] == "said and not done"
    assert verdicts["I have sent the curve of August to sanni@pihlamaaice.example."] == "said and done"


def test_promises_and_questions_are_found_on_every_channel(sample_book, rows, key):
    """Loose floors under what `bench/sample.py` measured when the channels were written: 19 of 22 and 12 of 13."""
    labels = {find(rows, key, label)["turn_id"]: label for label in key.turns}

    def count(found: list[dict[str, Any]], wanted: list[tuple[str, str]]) -> int:
        texts = [(labels.get(row["turn_id"]), row["text"]) for row in found]
        return sum(
            any(mail == said and (words in text or text in words) for said, text in texts) for mail, words in wanted
        )

    promises = [(promise.mail, " ".join(promise.words.split())) for promise in key.promises_elsewhere]
    questions = [(question.mail, question.words) for question in key.questions_elsewhere]
    asked = sample_book.questions().to_pylist() + sample_book.questions(side="us").to_pylist()
    assert count(sample_book.list_promises("2026-11-20").to_pylist(), promises) >= 15
    assert count(asked, questions) >= 10


def test_a_promise_of_an_internal_note_is_never_one_to_the_customer(sample_book, rows, key):
    notes = {find(rows, key, label)["turn_id"] for label, turn in key.turns.items() if turn.internal}
    made = [row for row in sample_book.list_promises("2026-11-20").to_pylist() if row["turn_id"] in notes]
    assert made
    assert {row["circle"] for row in made} == {"colleague"}
