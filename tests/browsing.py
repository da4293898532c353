"""A real browser that notes whatever a page does that no page of ours may do."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, sync_playwright

_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_VIOLATION = (
    "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A page in a browser, with what it did and should not have done.

    Attributes:
        page: the page.
        wrong: errors in its console, scripts that failed, breaches of the policy, dialogs.
        left: addresses elsewhere that it asked for; none is answered.
    """

    page: Page
    wrong: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])


@contextmanager
def start_browser() -> Generator[Browser]:
    """Debian's Chromium; the test is skipped where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs the browser chromium, which is not here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watch(browser: Browser, address: str, **how: Any) -> Generator[Watched]:
    """A page of a fresh visitor, which can reach nothing but `address`."""
    context = browser.new_context(**how)
    try:
        yield _watch(context, urlsplit(address).netloc)
    finally:
        context.close()


def _watch(context: BrowserContext, home: str) -> Watched:
    context.add_init_script(_VIOLATION)
    watched = Watched(page=context.new_page())

    def guard(route: Route) -> None:
        asked = urlsplit(route.request.url)
        if asked.netloc == home or asked.scheme in {"data", "blob"}:
            route.continue_()
        else:
            watched.left.append(route.request.url)
            route.abort()

    def close(dialog: Dialog) -> None:
        watched.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    context.route("**/*", guard)
    page = watched.page
    page.on("console", lambda said: watched.wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: watched.wrong.append(str(error)))
    page.on("dialog", close)
    context.on("page", lambda other: watched.wrong.append(f"opened {other.url}") if other is not page else None)
    return watched
