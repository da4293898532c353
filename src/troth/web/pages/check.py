"""Check: a draft before it is sent, with live marks; what is written here is never kept."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import Response

from troth.plain import clean_text
from troth.web import drafts
from troth.web.meant import find_meant
from troth.web.pages.promises import say_due
from troth.web.visit import Own, Visit

router = APIRouter()

ADVICE: Final = MappingProxyType(
    {
        "HC": "Say what makes it believable: the reason, where it comes from, or who else can confirm it.",
        "HR": "Say who does what until when, and what happens if it slips.",
        "HI": "Say first what you understood of their situation, then the matter.",
        "HS": "Say what each side gives and gets, and why that is fair.",
        "direct": "Answer it in a sentence of its own, or say until when you will.",
    }
)
"""What would speak to a question of each kind."""

ADVICE_FOR_ACTS: Final = MappingProxyType(
    {
        "asks_again": "They asked before: begin with the answer.",
        "asks_confirmation": "Confirm it, or say what is not settled yet.",
        "asks_guarantee": "Say what you can guarantee, and what you cannot.",
        "asks_reference": "Name somebody whom they can ask.",
        "double_checks": "Give them what they can check it by.",
        "goes_silent": "They went silent after a price: ask what holds them back.",
    }
)
"""The same, where the way in which it was asked says more."""

_NAMES: Final = 200  # in the list that the field for the relationship offers; those with most messages
_LISTED: Final = 6


@router.get("/check")
def show_check(visit: Own, to: str = "") -> Response:
    """An empty sheet; `to` presets whom it goes to."""
    return _show(visit, "", to)


@router.post("/check")
def check(visit: Own, text: Annotated[str, Form()] = "", to: Annotated[str, Form()] = "") -> Response:
    """The sheet with what was written, hidden characters apart, and what was found in it. Nothing of it is kept."""
    return _show(visit, clean_text(text), to)


def _show(visit: Visit, text: str, to: str) -> Response:
    view, wanted, language = visit.view, to.strip()[:500], visit.look.language
    name, like = find_meant(view, wanted)
    is_too_long = len(text) > drafts.LONGEST
    found = drafts.check_draft(view, text, to=name) if text.strip() and not is_too_long else None
    remarks = [] if found is None else drafts.remark_on(found)
    return visit.show(
        "check.html", part="checked", text=text, to=wanted, name=name, like=like, is_too_long=is_too_long,
        names=[row["relationship"] for row in view.rows[:_NAMES]], now=drafts.find_now(view), longest=drafts.LONGEST,
        found=found, remarks=remarks, pieces=drafts.cut_text(text, remarks),
        promises=[each for remark in remarks for each in remark.promises],
        unanswered=[] if found is None else drafts.list_unanswered(view, found),
        suggestions=[] if found is None or name is None else drafts.suggest(view, name, found),
        advice=_advise, listed=_LISTED,
        due=lambda row: say_due(row, day=view.morning, zone=view.zone, language=language),
    )  # fmt: skip


def _advise(row: dict[str, Any]) -> str:
    return ADVICE_FOR_ACTS.get(row["act"], ADVICE[row["kind"]])
