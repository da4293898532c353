"""German chosen, a visitor reads no English: every page, picture and error, strangers' words excepted."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Final

import pytest
from crawling import Crawled, crawl
from jinja2 import Environment, nodes
from served import Door, enter
from speaking import Missing, Strangers, find_english, german_words, labels_of, say_all

import troth
from troth import saying
from troth.errors import InputError, SourceError
from troth.review import Close
from troth.review.html import render_close
from troth.sample import SAMPLE_ME
from troth.saying import load_words, say
from troth.surveys import NAMES
from troth.told import Told, pack, unpack
from troth.web.app import Serving
from troth.web.digest import write_mail
from troth.web.roll import SORTS

GERMAN: Final = {"accept-language": "de"}
SENT: Final = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
WAITS: Final = re.compile(r'hx-trigger="load|>wird ausgewertet|gerade berechnet|Wird berechnet')
WORKED_OUT: Final = ("/touchpoints", "/worth", "/worth?kind=renewal", "/surveys", "/settings/people")
DRAFT: Final = "Thank you. We will send it by Saturday. You know best, you are simply amazing. I'll get back to you."
BROKEN: Final = (
    "/nowhere", "/?day=2020-01-01", "/?day=tomorrow", "/promises/none", "/relationships/nobody", "/validity?signal=x",
    "/relationships?sort=x", "/surveys/form?asked=x", "/bring/jobs/x/file", "/log?before=x", "/s/none",
    "/relationships/nobody/path.json?width=3",
)  # fmt: skip
SAYING: Final = frozenset({"InputError", "Refused", "BookError", "HTTPException", "SourceError", "Told"})


@pytest.fixture(scope="module")
def entered(serving: Serving) -> Iterator[Door]:
    with enter(serving) as door:
        yield door


@pytest.fixture(scope="module")
def words() -> Iterator[Missing]:
    with pytest.MonkeyPatch.context() as patched:
        words = Missing(load_words("de"))
        patched.setattr(saying, "load_words", lambda language: words if language == "de" else {})
        yield words


@pytest.fixture(scope="module")
def german(entered: Door, words: Missing) -> Crawled:
    """Every page and picture, once all that is worked out beside the requests is there."""
    end = time.monotonic() + 120
    waiting = set(WORKED_OUT)
    while waiting and time.monotonic() < end:
        waiting = {path for path in waiting if WAITS.search(entered.client.get(path, headers=GERMAN).text)}
        time.sleep(0.2 if waiting else 0)
    return crawl(entered, "de")


@pytest.fixture(scope="module")
def strangers(entered: Door) -> Strangers:
    view = entered.serving.keeper.view()
    turns = view.known.turns
    parts = ("speaker", "speaker_name", "relationship", "conversation_id", "subject")
    names = {str(value) for part in parts for value in turns[part].to_pylist() if value}
    people = entered.serving.keeper.ask(lambda book: book.people()).to_pylist()
    for row in people:
        names |= {str(one) for value in row.values() for one in (value if isinstance(value, list) else [value]) if one}
    said = [str(value) for part in ("body", "subject") for value in turns[part].to_pylist() if value]
    listed = {" ".join(name.lower().split()) for name in names if len(name) > 2}
    return Strangers(
        names=tuple(sorted(listed - german_words(), key=len, reverse=True)),
        words=" ".join(" ".join(said).lower().split()),
    )


def test_every_word_of_a_page_is_german_or_a_strangers(german: Crawled, strangers: Strangers) -> None:
    assert len(german.pages) > 30
    assert all('<html lang="de"' in text for text in german.pages.values() if "<html" in text)
    english = {path: found for path, page in german.pages.items() if (found := find_english(say_all(page), strangers))}
    assert english == {}


def test_every_word_of_a_picture_is_german_or_a_strangers(german: Crawled, strangers: Strangers) -> None:
    assert len({path.partition("?")[0].rpartition("/")[2] for path in german.pictures}) > 2
    english = {
        path: found for path, one in german.pictures.items() if (found := find_english(labels_of(one), strangers))
    }
    assert english == {}


def test_a_checked_draft_is_told_in_german(entered: Door, words: Missing, strangers: Strangers) -> None:
    del words
    sent = {"text": DRAFT, "to": "hogsby.example", "form_token": entered.form_token}
    page = entered.client.post("/check", data=sent, headers=GERMAN).text
    assert 'class="note' in page
    assert find_english(say_all(page), strangers) == {}


def read_mail(close: Close) -> list[str]:
    """Every line of a close that was mailed in German, as words and as a page, quotes apart: these are theirs."""
    row = {"person": SAMPLE_ME, "made_at": SENT, "message_id": "<a@b.example>"}
    mail = write_mail(close, row, sender=SAMPLE_ME, language="de")
    words, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert words is not None
    assert page is not None
    assert '<html lang="de"' in page.get_content()
    lines = [re.sub("„.*“", " ", line) for line in words.get_content().splitlines()]
    return [str(mail["Subject"]), *lines, *say_all(page.get_content())]


def test_a_close_by_mail_is_told_in_german(entered: Door, words: Missing, strangers: Strangers) -> None:
    view = entered.serving.keeper.view()
    assert view.close is not None
    before = entered.serving.keeper.ask(lambda book: [book.review(day, keep=False) for day in view.days[-4:-1]])
    asked = set(words.asked)
    for close in (view.close, *before):
        assert find_english(read_mail(close), strangers) == {}
    assert words.asked - asked - set(strangers.names) - {""} == set()
    todo = replace(view.close.tomorrow, text=Told("{sentence}.", sentence="Nothing was read of their words"))
    assert len(find_english(read_mail(replace(view.close, tomorrow=todo)), strangers)) == 1
    page = render_close(view.close, whose=SAMPLE_ME, made_with="troth")
    assert len(find_english(say_all(page), strangers)) > 30


@pytest.mark.parametrize("path", BROKEN)
def test_an_error_is_told_in_german(entered: Door, words: Missing, strangers: Strangers, path: str) -> None:
    del words
    answer = entered.client.get(path, headers=GERMAN)
    assert answer.status_code in {404, 422}
    names = (*strangers.names, *SORTS, *NAMES, "tomorrow", "width", "before")
    typed = Strangers(names=tuple(sorted(names, key=len, reverse=True)), words=strangers.words)
    assert find_english(say_all(answer.text), typed) == {}


def test_an_english_sentence_is_seen_wherever_it_stands(german: Crawled, strangers: Strangers) -> None:
    """The tests above can fail: a word of English in a text, a label, a placeholder or a picture is found."""
    page = german.pages["/relationships"]
    for planted in (
        "<p>nothing was read of their words</p>",
        '<p aria-label="Settings"></p>',
        '<i title="Settings here"></i>',
    ):
        before, body, after = page.partition("</main>")
        assert find_english(say_all(before + planted + body + after), strangers), planted
    assert find_english(labels_of({"encoding": {"x": {"title": "our own relationships"}}}), strangers)
    assert find_english(labels_of({"datasets": {"bars": [{"kind": "own evidence"}]}}), strangers)


def test_german_pages_ask_for_no_sentence_that_is_not_there(
    german: Crawled, words: Missing, strangers: Strangers
) -> None:
    del german
    names = set(strangers.names)
    asked = {one for one in words.asked if one.lower() not in names and not one.startswith("questions_")}
    assert sorted(asked - {""}) == []


def test_every_sentence_of_the_templates_is_there_in_german() -> None:
    """Of branches, too, that no page of the sample takes."""
    environment, german = Environment(autoescape=True), load_words("de")
    said = {
        call.args[0].value
        for template in (*files("troth.web").joinpath("templates").iterdir(), files("troth.review") / "close.html")
        for call in environment.parse(template.read_text("utf-8")).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name == "t" and isinstance(call.args[0], nodes.Const)
    }
    assert len(said) > 300
    assert sorted(said - set(german)) == []


def test_every_sentence_with_parts_and_every_error_of_a_page_is_there_in_german() -> None:
    """Of errors, too, that no test brings about; what the JSON API alone says stays English."""
    root = Path(troth.__file__).parent
    pages = [*root.glob("web/*.py"), *root.glob("web/pages/*.py")]
    missing = [
        (path.name, said)
        for path in root.rglob("*.py")
        for said in _find_said(path, SAYING if path in pages else {"Told"})
        if said not in load_words("de")
    ]
    assert missing == []


def _find_said(path: Path, calls: Iterable[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls:
            for one in node.args[:1] if node.func.id == "Told" else node.args:
                branches = (one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,)
                values = [branch.value for branch in branches if isinstance(branch, ast.Constant)]
                yield from (value for value in values if isinstance(value, str) and " " in value.strip())


def test_german_sentences_have_the_parts_of_the_english_ones() -> None:
    for english, german in load_words("de").items():
        parts = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, german)]
        assert parts[0] == parts[1], english


def test_a_sentence_keeps_its_parts_over_json_and_writes_figures_as_germans_do() -> None:
    error = InputError(SourceError("a.zip", Told("is a zip archive of {size} GiB", size=3), "Check the name.").told)
    kept = unpack(json.loads(json.dumps(pack(error.told))))
    assert str(kept) == str(error) == "a.zip: is a zip archive of 3 GiB. Check the name."
    assert say("de", kept) == "a.zip: ist ein Zip-Archiv von 3 GiB. Prüfen Sie den Namen."
    size = Told("has {size:,} bytes; a survey export has at most {most:,}", size=1234567, most=1000)
    assert "1.234.567 Bytes" in say("de", size)
    assert "1,234,567 bytes" in size


def test_days_are_named_as_germans_name_them() -> None:
    for day in (dt.date(2026, 3, 5), dt.date(2026, 10, 31)):
        told = Told("trial until {day:%A %-d %B %Y}, {share:.1%} of it", day=day, share=0.125)
        assert say("en", told) == f"trial until {day:%A %-d %B %Y}, 12.5% of it"
    day = dt.date(2026, 3, 5)
    assert saying.write_day("de", day, "EEEE d MMMM y") == "Donnerstag, 5. März 2026"
    pattern = "Write to {name}: your promise falls due {day:%A %-d %B}."
    assert say("de", Told(pattern, name="%B {day}", day=day)).endswith("wird am Donnerstag, dem 5. März, fällig.")
    assert "%B {day}" in say("de", Told(pattern, name="%B {day}", day=day))
    assert "\N{NO-BREAK SPACE}%" in say("de", Told("Of {share:.0%} it was nearly sure on which side they would be: "
        "there is little to compare.", share=0.125))  # fmt: skip
