"""The page that reads a draft: live, without a script, in both languages, and without keeping a word of it."""

from __future__ import annotations

import datetime as dt
import html
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import Door, enter, serve_copy

from troth.plain import clean_text
from troth.promises.calendar import Calendar
from troth.review import DraftCheck
from troth.settings import Settings
from troth.web import drafts

WHO = "hogsby.example"
DRAFT = (
    "Dear Inger,\n\nThank you for your patience. We will send the replacement by Saturday. "
    "You know best, you are simply amazing. I'll get back to you.\n\nAnna"
)


def ask(door: Door, text: str, to: str = "", **headers: str) -> str:
    sent = {"text": text, "to": to, "form_token": door.form_token}
    answer = door.client.post("/check", data=sent, headers=headers)
    assert answer.status_code == 200
    return answer.text


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page)).split())


def test_the_page_says_what_the_book_says(door: Door) -> None:
    """By another road: the library's own check of the same draft, mark by mark."""
    page = ask(door, DRAFT, WHO)
    found = door.serving.keeper.ask(
        lambda book: book.check(DRAFT, to=WHO, now=drafts.find_now(door.serving.keeper.view()))
    )
    assert found.marks
    marked = [html.unescape(text) for text in re.findall(r'<mark class="\w+">(.*?)</mark>', page, re.DOTALL)]
    assert marked == list(dict.fromkeys([mark.text for mark in found.marks]))
    for mark in found.marks:
        assert mark.question in words_of(page)
    for row in found.open_promises[:6]:
        assert row["promise_id"] in page
    assert f">{html.escape(DRAFT, quote=False).replace(chr(39), '&#39;')}</textarea>" in page.replace(
        "<textarea", "\n<textarea"
    ).replace('">\n', '">')


def test_what_they_asked_is_suggested_with_its_place(door: Door) -> None:
    view = door.serving.keeper.view()
    page = ask(door, "Hello.", WHO)
    asked = drafts.list_unanswered(view, drafts.check_draft(view, "Hello.", to=WHO))
    asked += drafts.suggest(view, WHO, drafts.check_draft(view, "Hello.", to=WHO))
    assert asked
    for one in asked:
        assert one.row["relationship"] == WHO
        assert one.talk is not None
        assert html.escape(one.talk) in page
        assert door.client.get(one.talk.partition("#")[0]).status_code == 200
    reasons = "We chose this because the last three deliveries came warm, so the boxes were opened too long."
    held = drafts.suggest(view, WHO, drafts.check_draft(view, reasons, to=WHO))
    assert "HC" in {one.row["kind"] for one in asked} - {one.row["kind"] for one in held} or not held


def test_a_script_gets_the_part_and_a_browser_without_one_the_page(door: Door) -> None:
    part = ask(door, DRAFT, **{"hx-request": "true"})
    whole = ask(door, DRAFT)
    assert "<html" not in part
    assert "<mark" in part
    assert part.strip() in whole


def test_markup_in_a_draft_is_text(door: Door) -> None:
    page = ask(door, "Thank you <script>alert(1)</script> so much.\n</textarea><img src=x>", "<b>nobody</b>")
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>nobody" not in page


def test_a_draft_that_is_too_long_is_not_lost(door: Door) -> None:
    page = ask(door, "word " * 5000)
    assert "more than 20,000 characters" in page
    assert page.count("word") >= 5000


def test_german(door: Door) -> None:
    page = words_of(ask(door, DRAFT, WHO, **{"accept-language": "de"}))
    for english in (
        "Check before sending",
        "Your draft",
        "Say until when",
        "They asked",
        "Marked is what",
        "Nobody works",
    ):
        assert english not in page


def test_nothing_of_a_draft_is_kept(sample_file: Path) -> None:
    with serve_copy(sample_file) as serving, enter(serving) as door:
        before = {**serving.keeper.store.revisions()}
        ask(door, "Zanzibar is where we will meet on Friday.", WHO)
        assert "Zanzibar" not in repr([door.client.get(path).text for path in ("/check", "/promises", "/")])
        assert serving.keeper.store.revisions() == before


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("We will send it by Saturday.", "closed"),
        ("You will have it by Sunday 6 December.", "closed"),
        ("We will send it by Friday.", None),
        ("We will send it soon.", "vague"),
        ("I will get back to you.", "no time"),
        ("I will send the contract on 2 November 2026.", "no time"),
    ],
)
def test_the_calendar_is_minded(sentence: str, kind: str | None) -> None:
    from troth.encoder import load_encoder  # noqa: PLC0415
    from troth.pipeline import check_text  # noqa: PLC0415
    from troth.schema import PROMISES, QUESTIONS, empty  # noqa: PLC0415

    found = check_text(
        sentence, load_encoder(), calendar=Settings(zone="Europe/Berlin", country="DE").calendar(),
        now=dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC), questions=empty(QUESTIONS), pledged=empty(PROMISES),
    )  # fmt: skip
    assert [one.kind for one in found.cautions] == ([kind] if kind else [])
    assert len(found.warnings) == len(found.cautions)
    if kind == "closed":
        assert found.cautions[0].due is not None
        assert not Calendar(zone="Europe/Berlin", country="DE").is_open(found.cautions[0].due.date())


@given(st.text(max_size=80), st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), max_size=6))
def test_pieces_make_up_the_draft(text: str, spans: list[tuple[int, int]]) -> None:
    ordered = sorted(
        {(min(span), min(max(span), len(text))) for span in spans if min(span) < min(max(span), len(text))}
    )
    remarks = [
        drafts.Remark(number=n, start=start, end=end, marks=(), promises=())
        for n, (start, end) in enumerate(ordered, 1)
    ]
    pieces = drafts.cut_text(text, remarks)
    assert "".join(piece.text for piece in pieces) == "".join(clean_text(char) for char in text)
    assert all(
        piece.text == clean_text(text[piece.remark.start : piece.remark.end]) for piece in pieces if piece.remark
    )


def test_an_empty_check_has_nothing_to_remark() -> None:
    nothing = DraftCheck(marks=(), promises=(), cautions=(), unanswered=(), open_promises=())
    assert drafts.remark_on(nothing) == []
