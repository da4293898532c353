"""The page of questions: every filter and order, with the sentence that answers."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
from urllib.parse import urlencode

from markupsafe import escape
from served import Door

from troth.plain import clean_line
from troth.questions import ACTS as ACT_CODES
from troth.questions import STATES
from troth.web.askings import KINDS, SORTS, Askings, Wanted
from troth.web.pages.questions import ACTS, MEANINGS, STATE_NAMES

NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)
ORDERS = {
    "strength": lambda row: (row["kind"] == "direct", -round(row["strength"], 3), row["asked_at"] or NEVER),
    "oldest": lambda row: row["asked_at"] or NEVER,
    "newest": lambda row: -(row["asked_at"].timestamp() if row["asked_at"] else -1e12),
}


def test_the_file_of_any_filter_holds_the_rows_that_a_plain_loop_finds(door: Door) -> None:
    rows = door.serving.keeper.view().standing.questions.to_pylist()
    kinds = {"": set(KINDS), "trust": set(KINDS) - {"direct"}, "HR": {"HR"}}
    states = {"waiting": {"open", "partly"}, "all": {"open", "partly", "answered", "stale"}, "stale": {"stale"}}
    for kind, state, circle, who, sort in itertools.product(kinds, states, ("", "colleague"), ("", "ALBAN"), SORTS):
        asked = {"kind": kind, "state": state, "circle": circle, "who": who, "sort": sort}
        answer = door.client.get(f"/questions.csv?{urlencode(asked)}").text
        wanted = [
            row
            for row in rows
            if row["kind"] in kinds[kind]
            and row["state"] in states[state]
            and circle in {"", row["circle"]}
            and who.lower() in (row["relationship"] or "")
        ]
        wanted.sort(key=lambda row: row["question_id"])
        wanted.sort(key=ORDERS[sort])
        got = [row["question_id"] for row in csv.DictReader(io.StringIO(answer))]
        assert got == [row["question_id"] for row in wanted], asked


def test_pages_together_are_the_list(door: Door) -> None:
    askings, wanted = Askings(door.serving.keeper.view().standing.questions), Wanted(state="all")
    seen: list[int] = []
    after: str | None = ""
    while after is not None:
        sheet = askings.page(wanted, after)
        seen, after = seen + sheet.places, sheet.after
    assert seen == askings.find(wanted).tolist()
    assert askings.page(wanted, "no such question").first == 1


def test_a_question_opens_its_conversation_and_shows_its_answer(door: Door) -> None:
    view = door.serving.keeper.view()
    page = door.client.get("/questions?kind=HC&state=answered").text
    answered = [
        row for row in view.standing.questions.to_pylist() if row["kind"] == "HC" and row["state"] == "answered"
    ]
    assert answered
    assert page.count("/conversations/") >= len(answered)
    for row in answered:
        assert escape(clean_line(row["text"])) in page
        assert escape(clean_line(row["answer_text"] or "")) in page


def test_every_kind_act_and_state_has_words(door: Door) -> None:

    page = door.client.get("/questions").text
    assert set(ACTS) == set(ACT_CODES)
    assert set(STATES) < set(STATE_NAMES)
    assert all(str(escape(MEANINGS[kind])) in page for kind in KINDS)
