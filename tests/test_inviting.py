"""Surveys sent by link: what a link takes, for how long, and what is kept of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import troth
from troth.book.erase import forget_names
from troth.errors import InputError
from troth.inviting import Invitation, find_invitation, find_marked
from troth.library import Book
from troth.surveys import load_set

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
UNTIL = dt.date(2026, 11, 30)


@pytest.fixture
def book() -> Iterator[Book]:
    with troth.open(None) as opened:
        yield opened


def invite(book: Book, **other: object) -> tuple[str, Invitation]:
    stated = {"asked": "questions", "language": "de", "asked_by": "Anna", "until": UNTIL, "now": NOW}
    return book.invitations.invite("acme.example", **stated | other)  # type: ignore[arg-type]  # as a form gives them


def test_answers_are_those_that_a_file_with_the_same_marks_gives(book: Book, tmp_path: Path) -> None:
    secret, _ = invite(book, person="Ruben@Acme.example")
    marked = {item.id: 1 + place % 7 for place, item in enumerate(load_set("questions").items)}
    book.invitations.answer(secret, marked, now=NOW)
    by_link = book.answers().to_pylist()
    file = tmp_path / "answers.csv"
    file.write_text(
        f"email,relationship,answered_at,{','.join(marked)}\n"
        f"ruben@acme.example,acme.example,{NOW.isoformat()},{','.join(map(str, marked.values()))}\n"
    )
    with troth.open(None) as other:
        other.read_survey(file)
        by_file = other.store.table("answers").to_pylist()
    names = set(by_link[0]) - {"answer_id", "relationship"}  # a book without turns has no account for the file
    assert [{name: row[name] for name in names} for row in by_link] == [
        {name: row[name] for name in names} for row in by_file
    ]


def test_a_link_takes_one_set_of_answers_that_can_be_corrected(book: Book) -> None:
    secret, kept = invite(book)
    book.invitations.answer(secret, {"questions_hc1": 2, "questions_hr1": 7}, now=NOW)
    later = NOW + dt.timedelta(days=2)
    book.invitations.answer(secret, {"questions_hc1": 6}, now=later)
    assert find_marked(book.store, kept) == {"questions_hc1": 6}
    assert book.answers()["answered_at"].to_pylist() == [later]
    other, _ = invite(book)
    book.invitations.answer(other, {"questions_hc1": 1}, now=later)
    assert sorted(book.answers()["value"].to_pylist()) == [1, 6]


def test_a_link_ends_with_its_day_or_when_it_is_closed(book: Book) -> None:
    secret, kept = invite(book)
    for late in (dt.datetime(2026, 12, 1, 0, 0, 1, tzinfo=dt.UTC), kept.until + dt.timedelta(days=40)):
        with pytest.raises(InputError, match="no answers any more"):
            book.invitations.answer(secret, {"questions_hc1": 2}, now=late)
    book.invitations.answer(secret, {"questions_hc1": 2}, now=dt.datetime(2026, 11, 30, 23, 59, tzinfo=dt.UTC))
    book.invitations.close(kept.invitation_id, now=NOW)
    with pytest.raises(InputError, match="no answers any more"):
        book.invitations.answer(secret, {"questions_hc1": 3}, now=NOW)
    assert book.answers()["value"].to_pylist() == [2]


def test_the_book_does_not_know_the_secret(book: Book) -> None:
    secret, kept = invite(book)
    assert secret not in str(book.invitations.list().to_pylist())
    assert find_invitation(book.store, secret) == kept
    assert find_invitation(book.store, kept.secret_hash) is None
    assert find_invitation(book.store, "\udc80") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"asked": "horoscope"}, {"language": "fr"}, {"until": dt.date(2026, 11, 21)}, {"until": dt.date(2028, 1, 1)},
        {"asked_by": " \u202e"}, {"asked_by": "x" * 201}, {"person": "no address"}, {"person": "@"},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(book: Book, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        invite(book, **wrong)
    assert not book.invitations.list().num_rows


@pytest.mark.parametrize("marked", [{}, {"anchor_1": 3}, {"questions_hc1": 8}, {"questions_hc1": 0}])
def test_what_is_no_answer_changes_nothing(book: Book, marked: dict[str, int]) -> None:
    secret, _ = invite(book)
    book.invitations.answer(secret, {"questions_hc1": 4}, now=NOW)
    with pytest.raises(InputError):
        book.invitations.answer(secret, marked, now=NOW)
    assert book.answers()["value"].to_pylist() == [4]


@pytest.mark.parametrize("name", ["ruben@acme.example", "acme.example"])
def test_a_link_goes_with_who_was_asked(book: Book, name: str) -> None:
    secret, _ = invite(book, person="ruben@acme.example")
    assert forget_names(book.store, [name])["invitations"] == 1
    assert find_invitation(book.store, secret) is None
