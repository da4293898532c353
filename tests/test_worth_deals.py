"""OUTCOMES to deals: as they stood on a day, with everything that cannot have happened named."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from troth.schema import OUTCOMES, empty
from troth.worth.deals import count_reasons, take_deals

UTC = dt.UTC
DAY = dt.datetime(2026, 6, 1, tzinfo=UTC)


def deal(name: str, **said: Any) -> dict[str, Any]:
    row = {
        "outcome_id": name, "relationship": "acme.example", "kind": "deal", "stage": None, "state": "won",
        "amount": 100.0, "currency": "EUR", "opened_at": DAY - dt.timedelta(days=50),
        "closed_at": DAY - dt.timedelta(days=10),
    }  # fmt: skip
    return row | said


def test_deals_stand_as_they_stood_on_the_day():
    later = DAY + dt.timedelta(days=5)
    book = take_deals(
        [
            deal("a"),
            deal("b", closed_at=later, state="lost", relationship="b.example"),
            deal("c", opened_at=later, closed_at=None, state="open"),
            deal("d", state="open", closed_at=None, amount=None),
            deal("t", kind="ticket"),
        ],
        as_of=DAY,
    )
    assert book.ids == ["a", "b", "d"]
    assert book.deals.end.tolist() == [1, 0, 0]
    lasted = (book.deals.ended - book.deals.opened) / 86_400e6
    assert lasted.tolist() == [40.0, 50.0, 50.0]
    assert book.deals.account.tolist() == [0, 1, 0]
    assert (book.seen, book.share, book.left_out) == (3, 1.0, ())


def test_what_cannot_have_happened_is_named_and_left_out():
    book = take_deals(
        [
            deal("a"),
            deal("early", closed_at=DAY - dt.timedelta(days=60)),
            deal("minus", amount=-1.0),
            deal("nan", amount=float("nan")),
            deal("state", state="perhaps"),
            deal("never", closed_at=None),
            deal("1970", opened_at=dt.datetime(1970, 1, 1, tzinfo=UTC)),
            deal("nobody", relationship=""),
        ],
        as_of=DAY,
    )
    assert book.ids == ["a"]
    assert {one.outcome_id for one in book.left_out} == {"early", "minus", "nan", "state", "never", "1970", "nobody"}
    assert count_reasons(book)["a negative amount"] == 2
    assert book.share == 1 / 8


def test_amounts_of_other_currencies_are_counted_and_not_added():
    book = take_deals([deal("a"), deal("b"), deal("c", currency="USD"), deal("d", currency=None)], as_of=DAY)
    assert (book.currency, book.foreign) == ("EUR", 1)
    assert np.isnan(book.amounts).tolist() == [False, False, True, True]


def test_watching_from_a_day_on_enters_late():
    start = DAY - dt.timedelta(days=30)
    book = take_deals([deal("a"), deal("b", opened_at=DAY - dt.timedelta(days=20))], as_of=DAY, watched_from=start)
    late = (book.deals.entered - book.deals.opened) / 86_400e6
    assert late.tolist() == [20.0, 0.0]
    assert not len(take_deals(empty(OUTCOMES), as_of=DAY).ids)
