"""Money that came in by month: which months count, and what goes with trust in made-up firms."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from troth.lenses import WHOLE
from troth.schema import OUTCOMES, empty
from troth.testing import DealRules, DealWorld, make_deal_world, make_invoices
from troth.trust import DEFAULT_MODEL, follow
from troth.worth.frozen import ScorePaths
from troth.worth.revenue import compare_revenue, gather_months
from troth.worthing import find_fading, gather_evidence, measure_worth

DAY = dt.datetime(2026, 6, 15, tzinfo=dt.UTC)
SCORE = WHOLE["held"]


def sum_of(name: str, home: str, at: dt.datetime, **said: Any) -> dict[str, Any]:
    return {
        "outcome_id": name, "relationship": home, "kind": "invoice", "stage": None, "state": "won", "amount": 100.0,
        "currency": "EUR", "opened_at": at, "closed_at": at,
    } | said  # fmt: skip


def day(year: int, month: int, number: int = 3) -> dt.datetime:
    return dt.datetime(year, month, number, tzinfo=dt.UTC)


def test_whole_months_after_the_first_sum_count_and_what_cannot_be_added_is_left_out():
    made = gather_months(
        [
            sum_of("1", "a", day(2025, 12)),
            sum_of("2", "a", day(2026, 2)),
            sum_of("3", "a", day(2026, 2, 20), state="open"),  # issued, not paid yet
            sum_of("4", "a", day(2026, 3), state="lost"),  # refunded
            sum_of("5", "a", day(2026, 6)),  # a month that is not over
            sum_of("6", "b", day(2026, 4), amount=-5.0),
            sum_of("7", "b", day(2026, 4), currency="USD"),
            sum_of("8", "b", day(2026, 4)),
            sum_of("9", "b", day(2026, 7)),  # later than what is looked at
        ],
        as_of=DAY,
    )
    assert made.relationships == ["a", "b"]
    assert made.account.tolist() == [0] * 5 + [1]
    assert made.amount.tolist() == [0.0, 200.0, 0.0, 0.0, 0.0, 0.0]
    assert made.age.tolist() == [1, 2, 3, 4, 5, 1]
    assert made.start[1] == int(day(2026, 2, 1).timestamp()) * 1_000_000
    assert (made.currency, made.source, made.left_out) == ("EUR", "invoice", 2)


def test_renewals_stand_in_where_a_book_holds_no_invoices():
    rows = [sum_of(str(at), "a", day(2026, at), kind="renewal", opened_at=day(2025, 1)) for at in (1, 3)]
    made = gather_months([*rows, sum_of("9", "a", day(2026, 4), kind="renewal", state="lost")], as_of=DAY)
    assert (made.source, made.amount.tolist()) == ("renewal", [0.0, 100.0, 0.0, 0.0])
    none = gather_months(empty(OUTCOMES), as_of=DAY)
    assert (len(none.account), none.currency) == (0, None)


def world_of(seed: int, effect: float) -> tuple[DealWorld, pa.Table]:
    rng = np.random.default_rng(seed)
    world = make_deal_world(rng, DealRules(accounts=100))
    return world, make_invoices(rng, world, effect=effect)


@pytest.mark.simulated
def test_over_accounts_what_lasts_is_taken_for_an_effect_and_within_accounts_it_is_not():
    found = {"over accounts": list[float](), "within accounts": list[float]()}
    covers = 0
    for seed in range(12):
        world, invoices = world_of(seed, 0.0)
        paths = ScorePaths(follow(world.readings), SCORE, find_fading(DEFAULT_MODEL, SCORE))
        ratios = compare_revenue(gather_months(invoices, as_of=world.as_of), paths)
        for one in ratios:
            assert one.enough
            found[one.way].append(math.log(one.ratio))
        covers += ratios[1].low <= 1.0 <= ratios[1].high
    assert np.mean(found["over accounts"]) > 0.2
    assert abs(np.mean(found["within accounts"])) < 0.06
    assert covers >= 10


def test_the_book_tells_money_by_month_or_that_it_is_not_enough():
    world, invoices = world_of(1, 0.4)
    gathered = gather_evidence(
        outcomes=pa.concat_tables([world.outcomes, invoices]), steps=world.steps, turns=world.turns,
        readings=world.readings, as_of=world.as_of,
    )  # fmt: skip
    found = measure_worth(gathered, draws=40)
    rows = [row for row in found.list_rows() if row["part"] == "revenue"]
    assert [row["name"] for row in rows] == ["over accounts", "within accounts"]
    assert rows[0]["low"] > 1.0
    assert "over accounts" in found.revenue.say()
    assert found.revenue.currency == "EUR"
    [inside] = [one for one in found.within if one.end == "won"]
    assert [row["value"] for row in found.list_rows() if row["part"] == "within" and row["end"] == "won"] == [
        inside.ratio
    ]
    assert found.doubly is not None
    assert found.doubly.agrees == ("the two agree" in found.doubly.say())
    without = measure_worth(
        gather_evidence(
            outcomes=world.outcomes, steps=world.steps, turns=world.turns, readings=world.readings, as_of=world.as_of
        ),
        draws=40,
    )
    assert without.revenue.say().startswith("Not enough")
    assert without.ratio("won") == found.ratio("won")  # invoices are no deals
