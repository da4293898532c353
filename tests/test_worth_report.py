"""Two pages for a meeting: the figures are those found, strangers' words stay words, and two pages are two pages."""

from __future__ import annotations

import datetime as dt
import html
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from speaking import Strangers, find_english, labels_of
from speaking import say_all as say_all_of
from typer.testing import CliRunner

import troth
from troth.cli import app
from troth.errors import InputError
from troth.saying import say
from troth.testing import DealRules, make_deal_world
from troth.worth.deals import LeftOut
from troth.worthing import gather_evidence, measure_worth
from troth.worthpages import NEVER, Pages, lay_out_pages
from troth.worthreport import render_report, typeset_pages, typeset_report, write_report
from troth.worthtold import Worth

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "</style><b>x", "#panic(1)",
    "*b* _i_ $x$", '#read("/etc/passwd")', '#import "@preview/x:1.0.0"', "= heading", "```", "\\u{202e}",
    "<label> @ref", "//comment", "#link(\"http://x.example\")", "javascript:alert(1)", "&amp;", "日本語", "مرحبا",
)  # fmt: skip


def measure(effect: float, **rules: float) -> Worth:
    world = make_deal_world(np.random.default_rng(1), DealRules(accounts=120, effect=effect, **rules))  # type: ignore[arg-type]
    return measure_worth(
        gather_evidence(
            outcomes=world.outcomes, steps=world.steps, turns=world.turns, readings=world.readings, as_of=world.as_of
        ),
        draws=60,
    )


@pytest.fixture(scope="module")
def clear() -> Worth:
    """A made-up firm with a clear link."""
    return measure(0.9)


@pytest.fixture(scope="module")
def hostile(clear: Worth) -> Worth:
    """The same firm, whose accounts and deals bear names that would be commands."""
    assert clear.money is not None
    count = len(clear.money.ids)
    names = tuple(HOSTILE[at % len(HOSTILE)] for at in range(count))
    left_out = tuple(LeftOut(outcome_id=name, reason=f"its state is {name!r}") for name in HOSTILE)
    return replace(
        clear,
        money=replace(clear.money, ids=names, relationships=names[::-1]),
        book=replace(clear.book, left_out=left_out),
        notes=HOSTILE[:3],
    )


class Reader(HTMLParser):
    """Tags, attributes and text of a page, as a browser would take them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def read_pdf(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(content) as found:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in found]


def say_all(text: str) -> str:
    """Without what a line break may have changed."""
    return re.sub(r"\s+", "", text)


def test_both_forms_say_what_was_found(clear: Worth):
    won = clear.ratio("won")
    assert won is not None
    assert won.low > 1
    assert clear.tells_money
    page = "".join(read_page(render_report(clear, whose="Anna", made_with="troth 1")).text)
    first, second = read_pdf(typeset_report(clear, whose="Anna", made_with="troth 1"))
    told = [row for row in clear.list_rows() if row["part"] == "money"]
    sums = sorted((row for row in told if row["name"] != "all open deals"), key=lambda row: -abs(row["value"]))[:8]
    for text, of in ((page, page), (first, second)):
        assert say_all(clear.say()) in say_all(text)
        assert say_all(clear.say_money()) in say_all(text)
        assert f"{won.ratio:.2f} times" in text
        for row in sums:
            assert say_all(f"{row['name']}") in say_all(text)
            assert say_all(f"{row['value']:+,.0f} EUR") in say_all(text)
        for one in clear.controls:
            ratio = one.ratio
            assert say_all(f"{ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f})") in say_all(of)
        assert say_all(clear.say_within()) in say_all(of)
        assert clear.doubly is not None
        assert say_all(clear.doubly.say()) in say_all(of)
        assert say_all(clear.revenue.say()) in say_all(text)
        assert "E-value" in of
        assert say_all(f"{len(clear.book.ids)} of {clear.book.seen}") in say_all(of)
        assert "What must not be concluded" in of


def test_a_page_runs_nothing_and_fetches_nothing(hostile: Worth):
    page = render_report(hostile, whose="<script>who</script>", made_with="troth 1")
    read = read_page(page)
    allowed = set(
        "html head meta title style body main section h1 h2 h3 p div strong span b small table thead tbody tr th td "
        "figure figcaption img ul ol li br".split()
    )
    assert {tag for tag, _ in read.tags} <= allowed
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "img":
            assert (attributes["src"] or "").startswith("data:image/svg+xml;base64,")
    assert not re.search(r"\bhref=|url\(|@import", html.unescape(page.partition("<body>")[0]))
    assert "default-src 'none'" in page
    assert "<script>who</script>" in "".join(read.text)


def test_names_that_are_commands_are_printed_as_they_are(hostile: Worth):
    assert hostile.money is not None
    pages = lay_out_pages(hostile, whose="#panic(2)", made_with="troth 1")
    assert len(pages.money_table) == 8
    whole = read_pdf(typeset_report(hostile, whose="#panic(2)", made_with="troth 1"))
    assert len(whole) == 2
    assert "#panic(2)" in whole[0]
    ascii_only = [line.name for line in pages.money_table if line.name.isascii()]
    assert len(ascii_only) >= 5
    for name in ascii_only:
        assert say_all(name) in say_all(whole[0])


def widen(pages: Pages, letter: str) -> Pages:
    """The longest of everything that strangers or bad books could bring."""
    name = letter * 31 + "…"
    line = pages.money_table[0]
    return replace(
        pages,
        about=f"{name}{letter * 12} · renewals · as of 30 September 2026",
        money_table=(replace(line, name=name, cells=(name, "+123,456,789 EUR", "+100,000,000 to +200,000,000")),) * 8,
        money_more="Not listed: " + "999 more and many words beside that; " * 4,
        left_out=(
            *(replace(line, name="12,345", cells=(letter * 80,), says=f"{letter * 17}…, " * 2 + "and 9,999 more"),) * 3,
            replace(line, name="12,345", cells=("for other reasons",), says="troth worth lists them"),
        ),
        notes=("n " * 90, "n " * 90, "99 more notes: troth worth"),
    )


def test_two_pages_stay_two_pages(clear: Worth):
    """At the limits that the layout itself keeps: eight deals, four reasons, two notes, names cut."""
    pages = lay_out_pages(clear, whose="Anna", made_with="troth 1")
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="376" height="300"/>'
    charts: dict[str, str] = dict.fromkeys(("incidence", "freeze", "forest"), picture)
    at = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    for some in (pages, widen(pages, "W"), widen(pages, "国")):
        assert len(typeset_pages(some, charts, at=at, form="svg")) == 2


def test_lists_are_cut_and_say_what_was_cut(clear: Worth):
    odd = tuple(
        LeftOut(outcome_id=f"d{number}" * 30, reason=f"reason {number % 7} {'x' * 300}") for number in range(30)
    )
    pages = lay_out_pages(replace(clear, book=replace(clear.book, left_out=odd)), whose="w" * 900, made_with="troth 1")
    assert sum(int(line.name) for line in pages.left_out) == 30
    assert len(pages.left_out) == 4
    assert all(len(line.cells[0]) <= 80 for line in pages.left_out)
    assert len(pages.about) < 120
    assert clear.money is not None
    told = sum(one.is_told for one in clear.money.deals)
    assert f"{told - 8} more" in pages.money_more


def test_where_there_is_no_link_no_two_numbers_stand_side_by_side(clear: Worth):
    won = clear.ratio("won")
    assert won is not None
    curve = tuple(replace(one, ratio=1.02, low=0.9, high=1.16) if one == won else one for one in clear.curve)
    pages = lay_out_pages(replace(clear, curve=curve), whose="Anna", made_with="troth 1")
    assert pages.answer.startswith("No link can be told")
    assert not [one for one in pages.figures if "→" in one.value]
    assert "whatever the trust" in pages.figures[1].says
    assert "chance alone" in pages.strength


def test_a_control_that_fails_is_said_and_no_money_is_told(clear: Worth):
    controls = tuple(
        replace(one, ratio=replace(one.ratio, ratio=1.5, low=1.2, high=1.9)) if "another" in one.name else one
        for one in clear.controls
    )
    pages = lay_out_pages(replace(clear, controls=controls), whose="Anna", made_with="troth 1")
    assert "something else is at work" in pages.controls[0].says
    assert pages.money_table == ()
    assert pages.money.startswith("No sum of money")


def test_too_few_deals_make_a_report_that_says_so(sample_book: troth.Book, tmp_path: Path):
    found = sample_book.worth()
    pages = lay_out_pages(found, whose="Anna", made_with="troth 1")
    assert (pages.is_told, pages.figures, pages.drawings, pages.forest) == (False, (), (), None)
    assert [line.cells for line in pages.missing] == [("1", "10"), ("4", "8")]
    write_report(found, tmp_path / "report.PDF", whose="Anna", made_with="troth 1")
    first, second = read_pdf((tmp_path / "report.PDF").read_bytes())
    assert "Not enough to say" in first
    assert "hubspot:deal:7203" in second
    write_report(found, tmp_path / "report.html", whose="Anna", made_with="troth 1")
    assert "<img" not in (tmp_path / "report.html").read_text("utf-8")


def list_texts(part: object) -> Iterator[str]:
    """Every text of laid out pages."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for each in part.values():
            yield from list_texts(each)
    elif isinstance(part, (tuple, list)):
        for each in part:
            yield from list_texts(each)


def test_a_german_report_is_told_in_german(clear: Worth, sample_book: troth.Book):
    """Also where there is no link, a control fails, models disagree, or there is too little; and its charts."""
    names = {name.lower() for name in (*clear.book.ids, *clear.book.relationships, "eur", "anna", "hubspot:deal:7203")}
    strangers = Strangers(names=tuple(sorted(names, key=len, reverse=True)), words="")
    won = clear.ratio("won")
    assert won is not None
    assert clear.doubly is not None
    page = render_report(clear, whose="Anna", made_with="troth 1", language="de")
    assert '<html lang="de">' in page
    pdf = read_pdf(typeset_report(clear, whose="Anna", made_with="troth 1", language="de"))
    assert len(pdf) == 2
    assert find_english([*say_all_of(page), *pdf], strangers) == {}
    decimal = f"{won.ratio:.2f}".replace(".", ",")
    for text in ("".join(read_page(page).text), pdf[0]):
        assert f"das {decimal}-Fache" in text
        assert "29. Juni 2026" in text
    assert clear.money is not None
    largest = max(abs(one.median) for one in clear.money.deals if one.is_told)
    assert f"+{largest:,.0f} EUR".replace(",", ".") in pdf[0]
    for picture in ("incidence", "freeze", "forest"):
        drawn = clear.chart(picture, say=partial(say, "de")).to_dict()
        assert find_english(labels_of(drawn), strangers) == {}
    level = tuple(replace(one, ratio=1.02, low=0.9, high=1.16) if one == won else one for one in clear.curve)
    lower = tuple(replace(one, ratio=0.5, low=0.4, high=0.6) if one == won else one for one in clear.curve)
    odd = tuple(replace(one, ratio=replace(one.ratio, low=1.2, high=1.9)) for one in clear.controls)
    apart = replace(clear.doubly, modelled=9.0, contrast=replace(clear.doubly.contrast, clipped=0.5, difference=-0.1))
    few = replace(clear.doubly, contrast=replace(clear.doubly.contrast, enough=False))
    left_out = tuple(LeftOut(outcome_id="anna", reason="a negative amount") for _ in range(5))
    found = (
        replace(clear, curve=level, within=level), replace(clear, curve=lower), replace(clear, controls=odd),
        replace(clear, doubly=apart, kind="renewal"), replace(clear, doubly=few, money=None),
        replace(clear, book=replace(clear.book, left_out=left_out)), sample_book.worth(), sample_book.worth("renewal"),
    )  # fmt: skip
    for one in found:
        pages = lay_out_pages(one, whose="Anna", made_with="troth 1", language="de")
        texts = list(list_texts({**asdict(pages), "language": "", "headings": (), "drawings": (), "forest": None}))
        assert find_english(texts, strangers) == {}
        assert not [text for text in texts if text.endswith("…")], "German is longer, and nothing of it is cut"
        assert not [text for text in texts if re.search(r"\d\.\d\d(?!\d)", text)], "a point before decimals"


def test_an_english_sentence_in_a_german_report_is_seen(clear: Worth):
    pages = lay_out_pages(clear, whose="Anna", made_with="troth 1", language="de")
    nobody = Strangers(names=("anna",), words="")
    assert find_english([pages.answer, *pages.never], nobody) == {}
    assert find_english([clear.say()], nobody)
    assert find_english([NEVER[1]], nobody)
    assert find_english(["Nichts here."], nobody)


def test_the_same_findings_make_the_same_bytes(clear: Worth):
    one, other = (typeset_report(clear, whose="Anna", made_with="troth 1") for _ in range(2))
    assert one == other


def test_an_ending_that_is_none_and_a_place_that_is_none(clear: Worth, tmp_path: Path):
    with pytest.raises(InputError, match=r"ends in \.html or \.pdf"):
        write_report(clear, tmp_path / "report.docx", whose="Anna", made_with="troth 1")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(clear, tmp_path / "none" / "report.html", whose="Anna", made_with="troth 1")


def test_a_pdf_without_its_extra_names_it(clear: Worth, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(InputError, match=r"troth\[report\]"):
        typeset_report(clear, whose="Anna", made_with="troth 1")


def test_the_command_writes_what_it_is_asked_for(tmp_path: Path):
    target = tmp_path / "report.html"
    told = CliRunner().invoke(app, ["worth", "--book", ":memory:", "--report", str(target)])
    assert told.exit_code == 0
    assert "Not enough to say" in target.read_text("utf-8")
    told = CliRunner().invoke(app, ["worth", "--book", ":memory:", "--report", str(target), "--language", "de"])
    assert told.exit_code == 0
    assert "Zu wenig, um zu sagen" in target.read_text("utf-8")
    refused = CliRunner().invoke(app, ["worth", "--book", ":memory:", "--report", str(tmp_path / "report.odt")])
    assert refused.exit_code != 0
