"""Questions: what they asked, for trust or for a thing, and whether it was answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
from fastapi import APIRouter
from fastapi.responses import Response

from troth.schema import QUESTIONS
from troth.signals import HELD
from troth.web.askings import KINDS, SORTS, read_wanted
from troth.web.downloading import offer_csv
from troth.web.talks import find_talk
from troth.web.view import View
from troth.web.visit import Own

router = APIRouter()

MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "HC": "Can I believe this, or do I need to check? By whose authority do you say so?",
        "HR": "Can I depend on you? Will you do what you said?",
        "HI": "Do you see how I feel? Do you understand me?",
        "HS": "Is this fair to both of us, or only good for you?",
        "direct": "Any other question: for a fact, a file, a date, a yes.",
    }
)
"""What each kind of question asks, in plain words."""

ACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "asks": "in words",
        "asks_again": "asked again",
        "asks_confirmation": "asks for a confirmation",
        "asks_guarantee": "asks for a guarantee",
        "asks_reference": "asks for a reference",
        "double_checks": "checks once more",
        "copies_boss": "by putting somebody in copy",
        "goes_silent": "by going silent after a price",
    }
)
"""How it was asked."""

STATE_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "waiting": "waits for an answer",
        "open": "open",
        "partly": "answered in part",
        "answered": "answered",
        "stale": "passed over",
        "all": "in any state",
    }
)


@router.get("/questions")
def show_questions(
    visit: Own, kind: str = "", state: str = "waiting", circle: str = "", who: str = "",
    sort: str = "strength", after: str = "",
) -> Response:  # fmt: skip
    """Questions of theirs, those that ask for trust first."""
    view, wanted = visit.view, read_wanted(kind, state, circle, who, sort)
    sheet = view.askings.page(wanted, after)
    rows = view.askings.table.take(pa.array(sheet.places, pa.int64())).to_pylist()
    counts = view.askings.count_kinds(wanted)
    return visit.show(
        "questions.html", wanted=wanted, sheet=sheet, rows=[_tell(view, row) for row in rows], counts=counts,
        trust=sum(count for one, count in counts.items() if one != "direct"), kinds=KINDS, names=HELD,
        meanings=MEANINGS, acts=ACTS, states=STATE_NAMES, sorts=tuple(SORTS),
        evening=view.standing.now - dt.timedelta(seconds=1),
    )  # fmt: skip


@router.get("/questions.csv")
def save_questions(
    visit: Own, kind: str = "", state: str = "waiting", circle: str = "", who: str = "", sort: str = "strength"
) -> Response:
    """The same rows, all pages of them, as CSV."""
    askings = visit.view.askings
    found = askings.find(read_wanted(kind, state, circle, who, sort))
    return offer_csv(askings.table.take(pa.array(found)).to_pylist(), columns=QUESTIONS.names, name="questions.csv")


def _tell(view: View, row: dict[str, Any]) -> dict[str, Any]:
    """A question with who asked it, how many days it has waited, and where it and its answer stand."""
    turn = view.turn.rows(row["turn_id"]).slice(0, 1).to_pylist()
    asked_at = row["asked_at"]
    return {
        **row,
        "asker": (turn[0]["speaker_name"] or turn[0]["speaker"]) if turn else None,
        "age_days": None if asked_at is None else max((view.standing.now - asked_at).days, 0),
        "talk": find_talk(view, row["turn_id"]),
        "answer_talk": find_talk(view, row["answer_turn_id"]),
    }
