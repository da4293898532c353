"""Words of strangers do nothing: on pages, in a real browser, over the API, in files, in a terminal, by mail or MCP."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import html
import io
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from browsing import start_browser, watch
from icalendar import Calendar
from mcp.client import Client
from payloads import PAYLOADS
from served import ADDRESS, SETTINGS, Door, enter, listen, serve_copy

from troth.api import open as open_book
from troth.cli import main
from troth.desk import clock
from troth.errors import InputError
from troth.library import Book
from troth.mcp import make_server
from troth.plain import clean_line
from troth.schema import ANSWERS, OUTCOMES, conform
from troth.web.access import Need, Role, Visitor
from troth.web.audit import Audit
from troth.web.digest import write_mail, write_text
from troth.web.tokens import make_token
from troth.web.view import View

NOON = dt.datetime(2026, 11, 16, 12, tzinfo=dt.UTC)
US = SETTINGS.us[0]
HOVER = "document.querySelectorAll('main a, main b').forEach(e => e.dispatchEvent(new MouseEvent('mouseover')))"
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def one_line(payload: str) -> str:
    """Part of an address: a path of ours holds no line break, so what is named with one would not be found."""
    return payload.replace("\n", " ")


def name_of(number: int) -> str:
    """Whom the words of one payload are with: four of a kind share a customer of that name."""
    return one_line(PAYLOADS[number - number % 4])


def talk(number: int, payload: str) -> list[dict[str, Any]]:
    """A question and a promise with hostile words in every place that a source fills."""
    them, at = f"{payload}@x{number}.example", NOON + dt.timedelta(minutes=20 * number)
    usual = {
        "conversation_id": f"c{number % 20} {one_line(PAYLOADS[number % 20])}",
        "channel": ("mail", "chat", "ticket")[number % 3],
        "subject": payload, "attachments": [payload, f"{payload}.pdf"], "source": payload,
        "relationship": name_of(number), "circle": ("customer", "colleague", "friend")[number % 3],
    }  # fmt: skip
    asked = f"Could you please send us the {payload} offer by Friday?\n\n{payload}\n\nI am worried: can we rely on you?"
    promised = f"We will send you the {payload} offer by Wednesday.\n\n{payload}\n\nThank you so much for your help!"
    return [
        usual | {"turn_id": f"{number}q{payload}", "sent_at": at, "speaker": them, "speaker_name": payload,
                 "recipients": [US], "cc": [payload], "body": asked, "side": "them"},
        usual | {"turn_id": f"{number}a{payload}", "sent_at": at + dt.timedelta(minutes=9), "speaker": US,
                 "recipients": [them], "parent_id": f"{number}q{payload}", "body": promised, "side": "us"},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose every word of a stranger means harm."""
    book = tmp_path_factory.mktemp("hostile") / "book.duckdb"
    with open_book(book, settings=SETTINGS) as opened:
        opened.add([turn for number, payload in enumerate(PAYLOADS) for turn in talk(number, payload)])
        answers = [
            {"answer_id": payload, "relationship": name_of(number), "person": payload, "item": "questions_hc1",
             "facet": "HC", "value": 3, "lowest": 1, "highest": 5, "answered_at": NOON}
            for number, payload in enumerate(PAYLOADS)
        ]  # fmt: skip
        outcomes = [
            {"outcome_id": payload, "relationship": name_of(number), "kind": "deal", "stage": payload, "state": "open",
             "amount": 10.0, "currency": "EUR", "opened_at": NOON}
            for number, payload in enumerate(PAYLOADS)
        ]  # fmt: skip
        opened.store.replace("answers", conform(answers, ANSWERS), keys_column="answer_id", keys=PAYLOADS)
        opened.store.replace("outcomes", conform(outcomes, OUTCOMES), keys_column="outcome_id", keys=PAYLOADS)
        opened.understand()
        for row, payload in zip(opened.list_promises().to_pylist()[:9], PAYLOADS[::20], strict=False):
            opened.decide_promise(row["promise_id"], "kept", note=payload, by=payload)
        say_more(opened)
    return book


def say_more(book: Book) -> None:
    """Hostile words in what people of the firm write on pages: objections, who is who, invitations, trials, tokens."""
    read = [row for row in book.stock().all_readings.to_pylist() if row["signal"] == "turn" and row["turn_id"]]
    for row, payload in zip(read[::40], PAYLOADS[::50], strict=False):
        book.contest_finding(row["turn_id"], row["facet"], start=row["start"], note=payload, by=payload)
    customers = [row["relationship"] for row in book.relationships().to_pylist() if row["circle"] == "customer"]
    for name, payload in zip(customers, PAYLOADS[::20], strict=False):
        book.invitations.invite(
            name, asked="questions", language="de", asked_by=f"Anna {payload[:80]}",
            until=NOON.date() + dt.timedelta(days=30), now=NOON, person=None,
        )  # fmt: skip
    people = [row["person"] for row in book.people().to_pylist()]
    for one, other, payload in zip(people[2:18:2], people[3:19:2], PAYLOADS[::35], strict=False):
        with suppress(InputError):  # where a name means two people, nobody can say who is meant
            book.merge_people(one, other, note=payload, by=payload)
    for number, payload in enumerate(PAYLOADS[:4]):  # an account is in one trial at a time: all but the last end
        trial = book.trials.start(f"own-{number}", words=payload, seen_by="reason", by=payload, seed=number)
        if number < 3:
            book.trials.stop(trial.trial_id, note=payload)
    month, sole = dt.timedelta(days=30), Visitor(name="", role=Role.sole)
    for payload in PAYLOADS[::20]:
        make_token(book.store, name=payload, needs=[Need.own], lasts=month, for_whom=sole, now=clock())


@pytest.fixture(scope="module")
def hostile(path: Path) -> Iterator[Door]:
    """Entered by who sees the whole book, with a log as a team has one and payloads in it."""
    with serve_copy(path) as whole:
        audit = Audit(whole.keeper.store, clock=clock)
        serving = replace(whole, audit=audit)
        try:
            for payload in PAYLOADS:
                audit.note(f"GET {payload}", who=payload, role="member", about=payload, outcome="refused")
            with enter(serving) as door:
                yield door
        finally:
            audit.close()


@pytest.fixture(scope="module")
def view(hostile: Door) -> View:
    return hostile.serving.keeper.view()


def test_the_words_are_where_they_could_do_harm(view: View) -> None:
    assert len(PAYLOADS) >= 200
    assert view.known.turns.num_rows == 2 * len(PAYLOADS)
    assert view.listed.num_rows > 0.8 * len(PAYLOADS)
    assert view.standing.questions.num_rows > 0.8 * len(PAYLOADS)
    assert len(view.rows) > 60


class Structure(HTMLParser):
    """Elements and attributes of a page, and the text that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.names = set[str]()
        self.addresses: list[str] = []
        self.scripts: list[str | None] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        for name, value in attrs:
            if name in {"href", "src", "action", "data-spec", "hx-get", "hx-post", "formaction"}:
                self.addresses.append(value or "")
            is_key = name == "value" and dict(attrs).get("type") == "hidden"  # unseen, and must come back whole
            self.text.append("" if is_key else value or "")
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def structure(page: str) -> Structure:
    found = Structure()
    found.feed(page)
    found.close()
    return found


@pytest.fixture(scope="module")
def made() -> set[str]:
    """Elements and attributes that templates and drawings make, by their source."""
    room = files("troth.web")
    sources = [each.read_text("utf-8") for each in room.joinpath("templates").iterdir()]
    sources += [each.read_text("utf-8") for each in room.iterdir() if each.name.endswith(".py")]
    tags = {tag for text in sources for tag in re.findall(r"<([a-z][a-z0-9]*)", text)}
    names = {name for text in sources for name in re.findall(r"[\s\"}]([a-zA-Z][\w:-]*)(?=[=\s>{])", text)}
    return tags | {f"{tag} {name.lower()}" for tag in tags for name in names if not name.lower().startswith("on")}


PAGES = [
    "/", "/?day=2026-11-17", "/check", "/touchpoints", "/surveys", "/worth", "/validity", "/settings",
    "/settings/people", "/account", "/log", "/bring", "/welcome", "/api",
]  # fmt: skip


def addresses(view: View) -> list[str]:
    """Lists in full, and one of each kind of page for every fourth payload."""
    found = list(PAGES)
    found += [
        f"{path}?{kind}" for path in ("/relationships", "/promises", "/questions") for kind in ("", "sort=", "q=<b>")
    ]
    for row in view.rows[::2]:
        found.append("/relationships/" + quote(row["relationship"], safe=""))
    for row in view.known.turns.to_pylist()[::14]:
        one, other = (quote(row[name], safe="") for name in ("relationship", "conversation_id"))
        found.append(f"/relationships/{one}/conversations/{other}")
    return found + [f"/promises/{each}" for each in view.listed["promise_id"].to_pylist()[::12]]


def walk(door: Door, paths: Iterable[str], language: str = "en") -> Iterator[tuple[str, str]]:
    """Pages with their addresses, and those that follow them in a list."""
    waiting, seen = list(paths), set[str]()
    while waiting:
        path = waiting.pop(0)
        if path in seen or "%25" in path:  # the test's client, unlike a server, undoes the quoting of a per cent twice
            continue
        seen.add(path)
        answer = door.client.get(path, headers={"accept-language": language})
        if answer.status_code == 422 and "?" in path:
            continue  # a page that does not take this question
        assert f'<html lang="{language}"' in answer.text or "<html" not in answer.text, path
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-900:])
        yield path, answer.text
        waiting += re.findall(r'rel="next" href="([^"]+)"', answer.text.replace("&amp;", "&")) if "?" in path else []


def unseen(text: str) -> set[str]:
    """Characters that a reader does not see and a terminal or browser obeys."""
    return {char for char in text if unicodedata.category(char) in HIDDEN and char not in "\n\t"}


def judge(path: str, text: str, made: set[str]) -> None:
    """Whether a page has elements, attributes, scripts and addresses of ours alone, and no character that hides."""
    page = structure(text)
    assert page.names <= made, (path, page.names - made)
    assert set(page.scripts) <= {"/static/vendor/htmx.min.js", "/static/troth.js"}, path
    for address in page.addresses:
        target = urlsplit(urljoin(f"{ADDRESS}/", address))
        assert f"{target.scheme}://{target.netloc}" == ADDRESS, (path, address)
    assert unseen("".join(page.text)) == set(), path


def test_pages_hold_no_element_and_no_attribute_that_templates_do_not_make(
    hostile: Door, view: View, made: set[str]
) -> None:
    count = 0
    for path, text in walk(hostile, addresses(view)):
        count += 1
        judge(path, text, made)
    assert count > 100


def test_german_pages_do_not_either(hostile: Door, view: View, made: set[str]) -> None:
    """One of each kind, with other sentences around the same words."""
    paths = addresses(view)
    for path, text in walk(hostile, [*PAGES, *paths[len(PAGES) : -1 : 12]], "de"):
        judge(path, text, made)


def test_what_people_of_the_firm_wrote_is_on_the_pages(hostile: Door) -> None:
    """Who is who, invitations, trials, tokens and the log are there, or the walk would prove nothing."""
    told = {path: html.unescape(hostile.client.get(path).text) for path in PAGES}
    assert sum(clean_line(payload) in told["/log"] for payload in PAYLOADS) > 20
    assert sum(clean_line(payload) in told["/settings/people"] for payload in PAYLOADS[::35]) > 3
    assert sum(clean_line(payload) in told["/settings"] for payload in PAYLOADS[::20]) > 5
    assert sum(clean_line(payload[:80]) in told["/surveys"] for payload in PAYLOADS[::20]) > 5
    assert sum(clean_line(payload) in told["/worth"] for payload in PAYLOADS[:4]) == 4


def test_what_a_form_brings_is_answered_in_words(hostile: Door, view: View, made: set[str]) -> None:
    """Payloads in forms, most of them refused: the page that says so shows them as words."""
    token = {"form_token": hostile.form_token}
    wrong = {"asked": "questions", "language": "en", "asked_by": "Anna", "until": "2026-12-24"}
    for language, payload in zip(("en", "de") * 20, PAYLOADS[::31], strict=False):
        home = "/relationships/" + quote(payload, safe="")
        forms = [
            ("/check", {"text": payload, "to": payload}), ("/settings/tokens", {"name": payload, "may": "own"}),
            ("/settings/webhooks", {"address": payload, "kind": payload}), ("/settings/forget", {"who": payload}),
            ("/settings/people/merge", {"first": payload, "second": payload}),
            ("/surveys", wrong | {"relationship": payload, "until": payload}),
            ("/worth/trials", {"practice": payload, "until": payload}), ("/worth/trials/stop", {"trial": payload}),
            (f"{home}/findings", {"turn": payload, "of": payload, "act": "contest"}),
            ("/promises/" + quote(payload, safe=""), {"state": "kept", "note": payload}),
        ]  # fmt: skip
        for path, fields in forms:
            answer = hostile.client.post(path, data=fields | token, headers={"accept-language": language})
            assert answer.status_code in {200, 404, 422}, (path, answer.status_code)
            judge(f"{path} {payload!r}", answer.text.replace("\r", "\n"), made)  # so does whoever reads HTML


def test_a_real_browser_runs_nothing_and_asks_nobody(hostile: Door, view: View) -> None:
    paths = addresses(view)
    chosen = [*paths[:8], "/relationships", "/promises", "/questions", *paths[-140::9]]
    found: list[str] = []
    with listen(hostile.serving) as address, start_browser() as browser, watch(browser, address) as watched:
        page = watched.page
        page.goto(f"{address}/in?token={hostile.serving.keys.make()}")
        for path in chosen:
            answer = page.goto(f"{address}{path}", wait_until="load")
            assert answer is not None
            if answer.status == 404:
                watched.wrong.clear()
                continue
            page.evaluate("document.querySelectorAll('main details').forEach(folded => { folded.open = true; })")
            page.evaluate(HOVER)
            page.wait_for_timeout(60)
            found += [f"{path}: hit"] if page.evaluate("window.hit !== undefined") else []
            found += [f"{path}: {said}" for said in [*watched.wrong, *watched.left]]
            watched.wrong.clear()
            watched.left.clear()
    assert found == []


def test_the_api_answers_data_and_never_a_page(hostile: Door, view: View) -> None:
    name, turn = quote(PAYLOADS[0], safe=""), quote(view.known.turns["turn_id"][0].as_py(), safe="")
    paths = ["turns", "findings", "relationships", "promises", "questions", "close", f"relationships/{name}"]
    paths += [f"relationships/{name}/trust", f"relationships/{name}/path", f"turns/{turn}", "promises/<script>", "<b>"]
    paths += ["turns?relationship=<script>alert(1)</script>", "tables/turns", "tables/promises"]
    for path in paths:
        answer = hostile.client.get(f"/api/v1/{path}")
        kind = answer.headers["content-type"]
        assert kind.split(";")[0] in {"application/json", "application/problem+json", "application/x-ndjson"}, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.status_code < 500
        if kind.startswith("application/json"):
            assert answer.status_code == 200, (path, answer.text[:300])
            json.loads(answer.text)


def is_formula(cell: str) -> bool:
    """What a spreadsheet would run; a plain figure is none."""
    if re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell):
        return False
    return cell.startswith(("\t", "\r", "\n")) or cell.strip().startswith(tuple("=+-@＝＋－＠"))


def test_files_hold_no_formula(hostile: Door) -> None:
    name = quote(PAYLOADS[0], safe="")
    paths = ["/relationships.csv", "/promises.csv", "/questions.csv", "/surveys.csv", "/touchpoints/map.csv"]
    paths += [f"/relationships/{name}/path?form=csv", "/api/v1/tables/turns"]
    cells = 0
    for path in paths:
        answer = hostile.client.get(path, headers={"accept": "text/csv"})
        assert answer.headers["content-type"].startswith("text/csv"), (path, answer.status_code)
        for row in csv.reader(io.StringIO(answer.text, newline="")):
            cells += len(row)
            assert not [cell for cell in row if is_formula(cell)], path
    assert cells > 10_000


def test_the_calendar_has_the_entries_that_we_made_and_no_line_of_theirs(hostile: Door) -> None:
    text = hostile.client.get("/promises.ics").text
    calendar = Calendar.from_ical(text)
    assert calendar.name == "VCALENDAR"
    assert len(calendar.walk("VCALENDAR")) == 1
    assert unseen(text.replace("\r\n", "\n")) == set()


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        *((command, "table") for command in ("review --day 2026-11-17", "relationships", "promises", "people", "show")),
        *((command, "jsonl") for command in ("relationships", "questions", "people")),
    ],
)
def test_a_terminal_is_told_nothing_to_obey(
    path: Path, command: str, shape: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = path.with_name("troth.toml")
    settings.write_text(f'us = ["{US}"]\nzone = "Europe/Berlin"\n', "utf-8")
    words = [*command.split(), *(["--", PAYLOADS[0]] if command == "show" else [])]
    given = ["--book", str(path), "--settings", str(settings), "--format", shape]
    monkeypatch.setattr(sys, "argv", ["troth", words[0], *given, *words[1:]])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert not left.value.code, said.err
    assert unseen(said.out + said.err) == set()


def test_the_mail_of_the_close_is_words(view: View) -> None:
    close = view.close
    assert close is not None
    row = {"message_id": "<a@b.example>", "person": US, "day": close.day, "made_at": NOON}
    mail = write_mail(close, row, sender="troth@firm.example")
    assert unseen(write_text(close)) == set()
    page = mail.get_body(("html",))
    assert page is not None
    found = structure(page.get_content())
    assert not {"script", "img", "iframe", "form", "link", "base"} & found.names
    assert not [name for name in found.names if " on" in name]
    assert unseen("".join(found.text)) == set()
    assert mail["Bcc"] is None


def test_an_assistant_gets_data_without_hidden_characters(view: View) -> None:
    calls = [("find_relationships", {}), ("promises_due", {})]
    for payload in PAYLOADS[::24]:
        calls += [("what_is_open", {"relationship": payload}), ("explain_score", {"relationship": payload})]

    async def ask() -> list[Any]:
        async with Client(make_server(lambda: view)) as client:
            return [await client.call_tool(tool, arguments) for tool, arguments in calls]

    for (tool, arguments), answer in zip(calls, asyncio.run(ask()), strict=True):
        said = json.dumps(answer.structured_content, ensure_ascii=False) + " ".join(
            part.text for part in answer.content
        )
        assert unseen(said) == set(), (tool, arguments)
