"""Every page in a real browser: light and dark, phone and desktop, by keyboard, in English and German."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Watched, start_browser, watch
from crawling import ROUTES, crawl, outline, template_of
from playwright.sync_api import Browser, Page
from served import Door, enter, listen

from troth.review.html import render_close
from troth.web import rendering
from troth.web.app import Serving

LARGEST = 300_000
CHART = "figure.chart[data-spec]"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def entered(serving: Serving) -> Iterator[Door]:
    with enter(serving) as door:
        yield door


@pytest.fixture(scope="module")
def pages(entered: Door) -> dict[str, str]:
    """Pages that the navigation and other pages link to, by address."""
    return crawl(entered, "en").pages


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


def test_german_pages_are_sound_in_a_browser(browser: Browser, serving: Serving, address: str) -> None:
    """Longer words: axe is calm, and nothing scrolls sideways, of pages and of the close as it is mailed."""
    found: list[str] = []
    with watch(browser, address, viewport={"width": 1280, "height": 900}, locale="de-DE") as watched:
        come_in(watched, serving, address)
        for path in ("/", "/relationships", "/worth"):
            watched.page.set_viewport_size({"width": 1280, "height": 900})
            watched.page.goto(f"{address}{path}")
            settle(watched.page)
            found += breaches(watched.page)
            assert watched.page.get_attribute("html", "lang") == "de"
            watched.page.set_viewport_size({"width": 360, "height": 900})
            found += [wide for wide in [overflow(watched.page)] if wide]
        close = serving.keeper.view().close
        assert close is not None
        watched.page.goto("about:blank")  # no page of ours, whose policy would hold for what is put into it
        watched.page.set_content(render_close(close, whose="anna", made_with="troth", language="de"))
        found += [*breaches(watched.page), *(wide for wide in [overflow(watched.page)] if wide), *watched.wrong]
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
