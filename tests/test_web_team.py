"""Figures of groups: what is published, and that nobody can be singled out by any sum or difference."""

from __future__ import annotations

import datetime as dt
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import troth
from troth.errors import InputError
from troth.schema import CONTACTS, conform
from troth.settings import Settings
from troth.web.access import Role, Visitor
from troth.web.app import make_app
from troth.web.editions import work_out_editions
from troth.web.sessions import make_form_token
from troth.web.start import make_serving
from troth.web.team import (
    MOST_SHARE,
    REASONS,
    WHOLE,
    Cell,
    choose_groups,
    cut_pieces,
    judge_group,
    list_periods,
    name_period,
    publish,
    read_period,
)

NOW = dt.datetime(2026, 11, 5, tzinfo=dt.UTC)


def team(people: int, homes: int, *, turns: int = 3, evidence: bool = True) -> list[Cell]:
    """Relationships dealt out among people in turn."""
    return [
        Cell(person=f"p{n % people}", relationship=f"home{n}", turns=turns, has_evidence=evidence) for n in range(homes)
    ]


def test_a_group_is_large_enough_or_its_figure_is_withheld_with_the_reason() -> None:
    assert judge_group(team(8, 20)) is None
    assert judge_group(team(7, 30)) == "people"
    assert judge_group(team(8, 19)) == "relationships"
    assert judge_group(team(8, 20, evidence=False)) == "evidence"
    big = Cell(person="p0", relationship="home0", turns=1000, has_evidence=True)
    assert judge_group([*team(8, 20), big]) == "one"
    assert judge_group([]) == "people"


def test_what_subtraction_would_leave_is_looked_at_before_it_is_asked_for() -> None:
    """The whole is 30 people; 25 of them are in one segment, and the 5 left would be too few."""
    cells = team(30, 120)
    most = {f"home{n}" for n in range(120) if n % 30 < 25}
    few = {f"home{n}" for n in range(120) if n % 30 >= 25}
    verdicts = choose_groups(cells, {"most": most, "few": few})
    assert verdicts == {WHOLE: None, "most": "subtraction", "few": "people"}
    half = {f"home{n}" for n in range(120) if n % 30 < 15}
    nearly = half | {"home15", "home45"}
    verdicts = choose_groups(cells, {"half": half, "nearly": nearly})
    assert sorted(map(str, verdicts.values())) == ["None", "None", "subtraction"]


def random_world(rng: random.Random) -> tuple[list[Cell], dict[str, set[str]]]:
    people, homes = rng.randint(5, 60), rng.randint(15, 200)
    cells = [
        Cell(person=f"p{rng.randrange(people)}", relationship=f"home{n}", turns=rng.randint(1, 9),
             has_evidence=rng.random() < 0.8)
        for n in range(homes) for _ in range(rng.choice([1, 1, 1, 2, 3]))
    ]  # fmt: skip
    groups: dict[str, set[str]] = {}
    for number in range(rng.randint(1, 6)):
        share = rng.random()
        groups[f"g{number}"] = {f"home{n}" for n in range(homes) if rng.random() < share}
    if groups and rng.random() < 0.5:  # one that differs from another by a hair
        near = set(groups["g0"])
        groups["near"] = near ^ {f"home{rng.randrange(homes)}" for _ in range(rng.randint(1, 4))}
    return cells, groups


def told_of(cells: Sequence[Cell], homes: set[str]) -> set[str]:
    return {cell.person for cell in cells if cell.relationship in homes}


def test_a_thousand_random_pairs_of_questions_isolate_nobody() -> None:
    """By brute force: the people behind every difference of two published figures, and behind what is left of it."""
    rng, pairs, refused = random.Random(20261122), 0, 0
    while pairs < 1000:
        cells, groups = random_world(rng)
        everywhere = {cell.relationship for cell in cells}
        verdicts = choose_groups(cells, groups)
        given_ = {WHOLE: everywhere} | {name: homes & everywhere for name, homes in groups.items()}
        published = [given_[name] for name, reason in verdicts.items() if reason is None]
        refused += sum(reason == "subtraction" for reason in verdicts.values())
        for _ in range(20 if published else 0):
            pairs += 1
            one, other = rng.choice(published), rng.choice(published)
            for left in (one - other, other - one, everywhere - (one | other), one & other):
                people = told_of(cells, left)
                assert not left or len(people) >= 8
                wrote = Counter(dict.fromkeys(people, 0))
                for cell in cells:
                    if cell.relationship in left:
                        wrote[cell.person] += cell.turns
                assert not left or max(wrote.values()) <= MOST_SHARE * wrote.total()
    assert refused > 20  # the worlds do try


@hypothesis_settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_no_linear_combination_of_published_figures_is_about_fewer_than_eight(seed: int) -> None:
    """Whatever weights: a sum of published figures weighs all cells of a piece alike, and pieces are large."""
    rng = random.Random(seed)
    cells, groups = random_world(rng)
    everywhere = {cell.relationship for cell in cells}
    names = [name for name, reason in choose_groups(cells, groups).items() if reason is None]
    if not names:
        return
    homes = {WHOLE: everywhere, **groups}
    design = np.array([[cell.relationship in homes[name] for cell in cells] for name in names], float)
    weights = np.random.default_rng(seed).normal(size=(20, len(names)))
    weights[0] = 0  # and the ones that somebody would try first
    weights[0, :2] = [1, -1][: len(names)]
    for combined in weights @ design:
        for value in np.unique(np.round(combined, 9)):
            if abs(value) > 1e-9:
                touched = {cells[n].person for n in np.flatnonzero(np.abs(combined - value) < 1e-6)}
                assert len(touched) >= 8
    assert all(judge_group(piece) is None for piece in cut_pieces(cells, {name: homes[name] for name in names}))


def test_a_team_too_small_gives_nothing_at_all() -> None:
    assert choose_groups(team(7, 40), {"a": {"home1"}}) == {WHOLE: "whole", "a": "whole"}


def test_periods_are_whole_and_follow_the_zone() -> None:
    assert read_period("2026-10", "month", "Europe/Berlin") == (
        dt.datetime(2026, 9, 30, 22, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC),
    )
    start, end = read_period("2026-W01", "week", "UTC")
    assert (start.date(), (end - start).days) == (dt.date(2025, 12, 29), 7)
    assert name_period(dt.date(2025, 12, 29), "week") == "2026-W01"
    assert list_periods(NOW, "month", "UTC", most=3) == ["2026-10", "2026-09", "2026-08"]
    assert list_periods(NOW, "week", "UTC", most=2) == ["2026-W44", "2026-W43"]
    for wrong in ("2026-10-01", "2026-13", "2026-1", "2026-W43", "last", "9999-99", "2026-10..2026-11", ""):
        with pytest.raises(InputError, match="write it like"):
            read_period(wrong, "month", "UTC")


# A book of ten people of ours, each with four accounts.

PEOPLE, HOMES = 10, 40


def turns_of(*, extra: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for n in range(HOMES):
        ours, theirs = f"p{n % PEOPLE}@firm.example", f"kim@home{n}.example"
        said = [
            (theirs, ours, "Could you tell us when the new part arrives? We have to plan the week.", 1),
            (
                ours,
                theirs,
                "I will send you the delivery date by tomorrow, because the factory confirms it tonight.",
                2,
            ),
            (ours, theirs, "Here is the delivery date that I promised: the part arrives on 20 October.", 3),
        ]
        rows += [
            {"turn_id": f"{n}.{day}", "conversation_id": f"c{n}", "position": day, "speaker": speaker,
             "recipients": [to], "sent_at": dt.datetime(2026, 10, 5 + day, 9, tzinfo=dt.UTC), "channel": "mail",
             "body": body, "automatic": False, "source": "s"}
            for speaker, to, body, day in said
        ]  # fmt: skip
    return [*rows, *map(dict, extra)]


@pytest.fixture
def book() -> Iterator[troth.Book]:
    """One for each test, since what is published stays."""
    with troth.open(settings=Settings(us=("firm.example",), zone="UTC")) as opened:
        opened.add(turns_of())
        contacts = [
            {
                "contact_id": f"{kind}{n}",
                "source": "crm",
                "kind": kind,
                "account": f"Home {n}",
                "account_id": f"account{n}",
                "domain": f"home{n}.example",
                "address": f"kim@home{n}.example" if kind == "person" else None,
                "segment": "north" if n % PEOPLE < 9 else "south",
            }
            for n in range(HOMES)
            for kind in ("account", "person")
        ]
        opened.store.upsert("contacts", conform(contacts, CONTACTS))
        yield opened


def test_figures_are_published_once_and_stay_as_they_were(book: troth.Book) -> None:
    with pytest.raises(InputError, match="not over"):
        publish(book, "2026-11", now=NOW)
    rows = {row["team"]: row for row in publish(book, "2026-10", now=NOW).to_pylist()}
    whole = rows[WHOLE]
    assert (whole["withheld"], whole["people"], whole["relationships"], whole["turns"]) == (None, 10, 40, 80)
    assert whole["shown_low"] < whole["shown_mid"] < whole["shown_high"]
    assert rows["north"]["withheld"] == "subtraction"  # nine people; the one left would stand alone
    assert rows["south"]["withheld"] == "people"
    assert {row["withheld"] for row in rows.values()} <= {None, *REASONS}
    text = repr(rows)
    assert "firm.example" not in text
    assert "home1" not in text
    editions = book.store.table("worth_figures").to_pylist()
    assert {row["part"] for row in editions} == {"deal", "renewal", "reciprocity", "influence", "suggestions"}
    assert {row["content"] is None for row in editions if row["part"] in {"deal", "renewal"}} == {True}  # no account
    assert not [row for row in editions if re.search(r"firm\.example|home\d|@", repr(row))]
    with pytest.raises(InputError, match="not worked out anew"):
        publish(book, "2026-10", now=NOW)
    earlier = work_out_editions(book, "2026-09", dt.datetime(2026, 10, 1, tzinfo=dt.UTC), now=NOW)
    assert not earlier.num_rows  # what lies before an edition could be held against it
    assert book.store.table("team_figures", where={"period": "2026-10"}).num_rows == len(rows)


def test_a_period_that_gave_nothing_may_be_published_when_there_is_more(book: troth.Book) -> None:
    assert set(publish(book, "2026-08", now=NOW)["withheld"].to_pylist()) == {"whole"}
    assert set(publish(book, "2026-08", now=NOW)["withheld"].to_pylist()) == {"whole"}


def test_two_addresses_of_one_person_and_shared_mailboxes_are_no_crowd() -> None:
    """Seven people with an alias each, and the support mailbox, are seven people."""
    people = {f"P{n}": (f"p{n}@firm.example", f"alias{n}@firm.example") for n in range(7)}
    rows: list[dict[str, Any]] = []
    for n in range(42):
        speaker = f"{'alias' if n >= 21 else 'p'}{n % 7}@firm.example"
        for who in (speaker, "support@firm.example"):
            rows.append({"turn_id": f"{who}{n}", "conversation_id": f"c{n}", "position": n, "speaker": who,
                         "recipients": [f"kim@home{n}.example"], "sent_at": dt.datetime(2026, 10, 5, 9, tzinfo=dt.UTC),
                         "channel": "mail", "body": "The part arrives on Monday, since the factory is open again.",
                         "automatic": False, "source": "s"})  # fmt: skip
    with troth.open(settings=Settings(us=("firm.example",), people=people)) as opened:
        opened.add(rows)
        assert publish(opened, "2026-10", now=NOW)["withheld"].to_pylist() == ["whole"]


def test_an_analyst_publishes_and_reads_and_nobody_else_does(book: troth.Book) -> None:
    serving = make_serving(book.store, book.settings)
    serving.keeper.view()
    asked: dict[str, int] = {}
    for role in (Role.member, Role.owner, Role.analyst):
        client = TestClient(make_app(serving), base_url="http://127.0.0.1", follow_redirects=False)
        secret = serving.sessions.begin(Visitor(name="x", role=role, person="p1@firm.example"))
        client.cookies.set(serving.cookie, secret)
        page = client.get("/team")
        posted = client.post("/team/publish", data={"period": "2026-09", "form_token": make_form_token(secret)})
        asked[role] = page.status_code
        assert posted.status_code == (303 if role is Role.analyst else 403)
    assert asked == {Role.member: 403, Role.owner: 403, Role.analyst: 200}
    page = client.get("/team").text
    for _ in range(600):
        if "are being worked out" not in page:
            break
        time.sleep(0.1)
        page = client.get("/team").text
    assert "the team as a whole is too small" in page
    publish(book, "2026-10", now=NOW)
    again = client.post("/team/publish", data={"period": "2026-10", "form_token": make_form_token(secret)})
    assert again.status_code == 422  # at once, without a job
    for person in range(PEOPLE):
        assert f"p{person}@firm.example" not in page
