"""Every kind of page of a served book, found by its links."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from fastapi.routing import APIRoute
from served import ADDRESS, Door

from troth.web.pages import ROUTERS

EACH = 2  # pages of one template and one kind of query that the crawl looks at
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


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """What was reached: the texts of pages, and pictures as they are drawn, by address."""

    pages: dict[str, str] = field(default_factory=dict[str, str])
    pictures: dict[str, Any] = field(default_factory=dict[str, Any])


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    return found


def template_of(path: str) -> str:
    """The route that answers a path."""
    return next((route.path for route in ROUTES if route.path_regex.match(path)), path)


def crawl(door: Door, language: str) -> Crawled:
    """Every kind of page and file that is reached from the first page by links."""
    waiting, seen, kinds = ["/"], set[str](), Counter[Any]()
    found = Crawled()
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
        if not is_saved and answer.headers["content-type"].startswith("application/json"):
            found.pictures[path] = answer.json()
        if is_saved or not answer.headers["content-type"].startswith("text/html"):
            continue
        found.pages[path] = answer.text
        for link in outline(answer.text).links:
            target = urlsplit(urljoin(f"{ADDRESS}{path}", link))
            assert f"{target.scheme}://{target.netloc}" == ADDRESS, f"{path} links to {link}"
            waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    return found
