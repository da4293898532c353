"""Every page in a real browser: light and dark, phone and desktop, by keyboard, in English and German."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from importlib.resources import files
from string import Formatter
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Watched, start_browser, watch
from fastapi.routing import APIRoute
from jinja2 import Environment, nodes
from playwright.sync_api import Browser, Page
from served import ADDRESS, Door, enter, listen

from troth.validity import checks_together, list_validity
from troth.web import rendering
from troth.web.app import Serving
from troth.web.pages import ROUTERS

LARGEST = 300_000
EACH = 2  # pages of one template and one kind of query that the crawl looks at
CHART = "figure.chart[data-spec]"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
ROUTES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and not route.path.startswith("/api/")
]


class Outline(HTMLParser):
    """What a page links to, and what of it could be wrong for whoever does not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: Counter[str] = Counter()
        self.headings: list[int] = []
        self._form: tuple[str, dict[str, str]] | None = None  # a form that asks, and what it asks with
        self._field = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (found := given.get("id")) is not None:
            self.ids[found] += 1
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name in ("href", "src", "data-spec", "hx-get"):
            if (link := given.get(name)) and not link.startswith(("#", "mailto:", "data:")):
                self.links.append(link)
        if tag == "form" and given.get("method", "get") == "get":
            self._form = (given.get("action") or "/", {})
        elif self._form and tag == "select":
            self._field = given.get("name") or ""
        elif self._form and tag == "option" and ("selected" in given or self._field not in self._form[1]):
            self._form[1][self._field] = given.get("value") or ""
        elif self._form and tag == "input" and given.get("name") and given.get("type") not in {"checkbox", "radio"}:
            self._form[1][given["name"] or ""] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form:
            action, fields = self._form
            self.links.append(f"{action}?{urlencode(fields)}" if fields else action)
            self._form = None


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    return found


def template_of(path: str) -> str:
    """The route that answers a path."""
    return next((route.path for route in ROUTES if route.path_regex.match(path)), path)


def crawl(door: Door, language: str) -> dict[str, str]:
    """Every kind of page and file that is reached from the first page by links; the texts of the pages."""
    waiting, seen, kinds = ["/"], set[str](), Counter[Any]()
    pages: dict[str, str] = {}
    while waiting:
        path = waiting.pop(0)
        parts = urlsplit(path)
        kind = (template_of(parts.path), tuple(sorted(name for name, _ in parse_qsl(parts.query))))
        kinds[kind] += 1
        if path in seen or kinds[kind] > EACH:
            continue
        seen.add(path)
        answer = door.client.get(path, headers={"accept-language": language})
        assert answer.status_code == 200, (path, answer.status_code)
        is_saved = "content-disposition" in answer.headers
        if is_saved or not answer.headers["content-type"].startswith("text/html"):
            continue
        pages[path] = answer.text
        for link in outline(answer.text).links:
            target = urlsplit(urljoin(f"{ADDRESS}{path}", link))
            assert f"{target.scheme}://{target.netloc}" == ADDRESS, f"{path} links to {link}"
            waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    return pages


class Missing(dict[str, str]):
    """Words of a language, which notes what was asked for and is not there."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__(words)
        self.asked = set[str]()

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self.asked.add(key)
        return super().get(key, default)


@pytest.fixture(scope="module")
def entered(serving: Serving) -> Iterator[Door]:
    with enter(serving) as door:
        yield door


@pytest.fixture(scope="module")
def pages(entered: Door) -> dict[str, str]:
    """Pages that the navigation and other pages link to, by address."""
    return crawl(entered, "en")


def test_every_page_is_reached_and_small(pages: dict[str, str]) -> None:
    named = {path for path, _ in rendering.NAVIGATION} & {route.path for route in ROUTES}
    assert named <= set(pages)
    assert {path: len(text.encode()) for path, text in pages.items() if len(text.encode()) > LARGEST} == {}
    assert len({template_of(urlsplit(path).path) for path in pages}) > 10


def test_every_page_has_one_heading_no_step_left_out_and_no_name_twice(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        if "<html" not in text:
            continue
        found = outline(text)
        assert found.headings.count(1) == 1, path
        assert all(b <= a + 1 for a, b in zip(found.headings, found.headings[1:], strict=False)), (path, found.headings)
        assert not [name for name, times in found.ids.items() if times > 1], path


def test_german_pages_leave_nothing_in_english(entered: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    words = Missing(rendering.load_words("de"))
    monkeypatch.setattr(rendering, "load_words", lambda language: words if language == "de" else {})
    found = crawl(entered, "de")
    assert all('<html lang="de"' in text for text in found.values() if "<html" in text)
    recorded = {row.get(name) for row in [*list_validity(), *checks_together()] for name in ("metric", "note")}
    assert sorted(words.asked - recorded) == []  # a record of a check stays as it was written, and says so by its lang


def test_every_sentence_of_the_templates_is_there_in_german() -> None:
    """Of branches, too, that no page of the sample takes."""
    environment, german = Environment(autoescape=True), rendering.load_words("de")
    said = {
        call.args[0].value
        for template in files("troth.web").joinpath("templates").iterdir()
        for call in environment.parse(template.read_text("utf-8")).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name == "t" and isinstance(call.args[0], nodes.Const)
    }
    assert len(said) > 300
    assert sorted(said - set(german)) == []


def test_german_sentences_have_the_parts_of_the_english_ones() -> None:
    for english, german in rendering.load_words("de").items():
        parts = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, german)]
        assert parts[0] == parts[1], english


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(serving: Serving) -> Iterator[str]:
    with listen(serving) as address:
        yield address


@pytest.fixture(scope="module")
def templates(pages: dict[str, str]) -> list[str]:
    """One address for each template, and for each kind of query that makes another page of it."""
    first: dict[str, str] = {}
    for path in sorted(pages, key=lambda path: "?" in path):
        if "<html" in pages[path]:
            first.setdefault(template_of(urlsplit(path).path), path)
    return list(first.values())


def come_in(watched: Watched, serving: Serving, address: str) -> None:
    watched.page.goto(f"{address}/in?token={serving.keys.make()}")


def settle(page: Page) -> None:
    """Until what is folded is open, what htmx asked for is there, and every chart is drawn."""
    page.wait_for_selector("main [hx-trigger^='load']", state="detached")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('main details').forEach(folded => { folded.open = true; })")
    for number in range(page.locator(CHART).count()):
        page.locator(CHART).nth(number).scroll_into_view_if_needed()
        page.wait_for_selector(f"{CHART}[data-drawn] >> nth={number}")


def breaches(page: Page) -> list[str]:
    """What axe-core finds of serious or critical breaches."""
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{page.url} {one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"][:3]
    ]


def overflow(page: Page) -> str:
    """The element that makes a page wider than its window; empty where none does."""
    return page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return "";
          const isWide = (element) => element.getBoundingClientRect().right > width + 1;
          const last = [...document.body.querySelectorAll("*")].filter(isWide).at(-1) ?? document.body;
          return `${innerWidth}: ${location.pathname} ${last.outerHTML.slice(0, 160)}`;
        }"""
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_sound_in_a_browser(
    browser: Browser, serving: Serving, address: str, templates: list[str], theme: Any
) -> None:
    """No error, no breach of the policy, nothing asked of elsewhere, charts drawn, no sideways scrolling, axe calm."""
    found: list[str] = []
    with watch(browser, address, viewport={"width": 1280, "height": 900}, color_scheme=theme) as watched:
        come_in(watched, serving, address)
        for path in templates:
            watched.page.set_viewport_size({"width": 1280, "height": 900})
            watched.page.goto(f"{address}{path}")
            settle(watched.page)
            found += [f"{path}: {said}" for said in watched.wrong]
            watched.wrong.clear()
            found += [f"{path} not drawn" for _ in watched.page.query_selector_all("figure[data-drawn=no]")]
            found += breaches(watched.page)
            for width in (360, 3840) if theme == "light" else (360,):
                watched.page.set_viewport_size({"width": width, "height": 900})
                found += [wide for wide in [overflow(watched.page)] if wide]
        found += [f"asked for {left}" for left in watched.left]
    assert found == []


def test_a_keyboard_is_enough(browser: Browser, serving: Serving, address: str) -> None:
    """The first stop leads past the navigation, each stop after it is seen to be one, and Enter goes there."""
    with watch(browser, address, viewport={"width": 1280, "height": 900}) as watched:
        come_in(watched, serving, address)
        page = watched.page
        page.keyboard.press("Tab")
        skip = page.locator("a.skip")
        assert skip.evaluate("e => e === document.activeElement && e.getBoundingClientRect().left >= 0")
        stops: list[str] = []
        for _ in range(20):
            page.keyboard.press("Tab")
            stop = page.evaluate(
                """() => {
                  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
                  const seen = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && r.width > 0;
                  return [e.getAttribute("href") ?? e.tagName, seen || e.type === "date"]; // it marks its own parts
                }"""
            )
            assert stop[1], f"nobody sees that {stop[0]} is focused"
            stops.append(stop[0])
        shown = [path for path, _ in rendering.NAVIGATION if page.query_selector(f'.menu a[href="{path}"]')]
        assert [stop for stop in stops if stop in shown[1:]] == shown[1:]
        page.reload()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_the_menu_of_a_phone_opens_by_keyboard(browser: Browser, serving: Serving, address: str) -> None:
    with watch(browser, address, viewport={"width": 360, "height": 740}) as watched:
        come_in(watched, serving, address)
        page, link = watched.page, watched.page.locator('.menu a[href="/promises"]')
        assert not link.is_visible()
        page.locator(".menu summary").focus()
        page.keyboard.press("Enter")
        assert link.is_visible()
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/promises")


def test_pages_work_without_scripts(browser: Browser, serving: Serving, address: str) -> None:
    """Plain links and forms do; the menu is open, and nothing waits for a script."""
    with watch(browser, address, viewport={"width": 360, "height": 740}, java_script_enabled=False) as watched:
        come_in(watched, serving, address)
        page = watched.page
        page.locator('.menu a[href="/relationships"]').click()
        page.locator("input[name=q]").fill("maribelle")
        page.locator("form.sift button[type=submit]").click()
        assert page.locator("tbody tr").count() == 1
        page.locator("tbody th a").first.click()
        assert page.url.startswith(f"{address}/relationships/maribelle")
        assert watched.wrong == []
