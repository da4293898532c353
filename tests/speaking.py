"""What a reader reads of a page, mail, report or picture, and which words of it are English by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final

from babel.dates import get_day_names, get_month_names

from troth.saying import load_words
from troth.signals import HELD, SHOWN
from troth.surveys import NAMES, load_set
from troth.told import LANGUAGES
from troth.validity import checks_together, list_validity

WORD: Final = re.compile(r"[^\W\d_]{2,}")
ENGLISH: Final = frozenset(
    "the of and with their they this that these which from not are been were you your our for than what who when where"
    " whose there here only each every all any some more less most between over under until while because has have had"
    " is it its on or by as at be but to no one two half other others".split()
)
"""Words that no German sentence of ours needs, whatever it quotes."""
MADE: Final = frozenset(
    "troth encoder toml csv json png svg pdf txt html https http png tf idf macro own made crm zip sentiment mbox"
    " qualtrics typeform zendesk freshdesk intercom hubspot salesforce slack teams whatsapp graph api openapi mib"
    " europe berlin anna firm com example hooks gmail".split()
)
"""Names of things, of files and of forms."""
UNSAID: Final = frozenset({"script", "style", "code", "pre", "q", "bdi", "textarea"})
DRAWN: Final = re.compile(r'"(?:title|text|subtitle|label|kind|state|trust|end|name|touchpoint|figure)"')


class Missing(dict[str, str]):
    """Words of a language, which notes what was asked for and is not there."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__(words)
        self.asked = set[str]()

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self.asked.add(key)
        return super().get(key, default)


class Said(HTMLParser):
    """What a page says, to the eye and to a screen reader."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = {"aria-label", "title", "placeholder", "alt"}
        self.texts += [value for name, value in attrs if value and name in spoken]
        self._open.append("q" if ("class", "text") in attrs else tag)  # the text of a message or draft is theirs

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() not in {tag, "q" if tag == "div" else tag}:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not UNSAID & set(self._open):
            self.texts.append(data)


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """What others wrote: their names, and all their words as one text."""

    names: tuple[str, ...]
    words: str

    def leave_out(self, text: str) -> str:
        """A text in small letters without what is theirs: names, and quotes of some length."""
        rest = re.sub("[0-9a-f]{12}", " ", " ".join(text.lower().split()))  # an encoder's mark
        for quoted in re.findall('[„“"(]([^“”")]{12,}?)…?[“”")]', rest):
            rest = rest.replace(quoted, " ") if quoted.strip(" .") in self.words else rest
        if len(rest.split()) > 2 and rest.strip(" .…,·–←→") in self.words:
            return ""
        for name in self.names:
            rest = rest.replace(name, " ") if name in rest else rest
        return rest


@cache
def german_words() -> frozenset[str]:
    """Every word that a German sentence of ours has."""
    said = [*load_words("de").values(), *LANGUAGES.values()]
    for name in NAMES:
        asked = load_set(name)
        said += [asked.title["de"], *(item.text["de"] for item in asked.items)]
    for width in ("wide", "abbreviated"):
        said += [*get_month_names(width, locale="de").values(), *get_day_names(width, locale="de").values()]
    rows = [*list_validity(), *checks_together()]
    known = {word.lower() for text in said for word in WORD.findall(text)}
    data = {word.lower() for row in rows for word in WORD.findall(row.get("set") or "")}  # names of public data
    codes = {code.lower() for code in (*SHOWN, *HELD)}
    return frozenset((known - ENGLISH) | data | codes | MADE)


def find_english(texts: Iterable[str], strangers: Strangers) -> dict[str, list[str]]:
    """The texts with words that are neither German words of ours nor strangers', and those words."""
    found: dict[str, list[str]] = {}
    for text in texts:
        if strange := [word for word in WORD.findall(strangers.leave_out(text)) if word not in german_words()]:
            found[" ".join(text.split())[:160]] = strange
    return found


def say_all(page: str) -> list[str]:
    said = Said()
    said.feed(page)
    return said.texts


def labels_of(picture: Any) -> Iterator[str]:
    """What a picture shows as words: titles, and the words among its figures."""
    for key, value in picture.items() if isinstance(picture, dict) else enumerate(picture):
        if key in {"range", "data", "config"}:  # shapes and colours; the name of a table
            continue
        if isinstance(value, (dict, list)):
            yield from labels_of(value)
        elif isinstance(value, str) and (isinstance(key, int) or DRAWN.fullmatch(f'"{key}"')):
            yield value
