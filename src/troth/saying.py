"""Our sentences, figures and days in a reader's language: the one road from English, for pages, mails and reports."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from string import Formatter
from typing import Any, Final

from babel.dates import format_date
from babel.numbers import format_decimal

from troth.told import Told, join


@cache
def load_words(language: str) -> Mapping[str, str]:
    """English to another language, from web/words/<language>.json; a sentence that is not there stays English."""
    if language == "en":
        return {}
    return json.loads(files("troth").joinpath("web", "words", f"{language}.json").read_text("utf-8"))


def say(language: str, text: str, **parts: object) -> str:
    """A sentence in a language, with its {parts} filled in; parts that are sentences of ours are told in it as well.

    >>> say("en", "{n} open", n=3)
    '3 open'
    """
    if isinstance(text, Told):
        text, parts = text.pattern, {**text.parts, **parts}
    sentence = load_words(language).get(text, text)
    if not parts:
        return sentence
    told = {name: _say_part(language, part) for name, part in parts.items()}
    if language in _FILLERS and any(isinstance(part, (int, float, dt.date)) for part in told.values()):
        return _FILLERS[language].vformat(sentence, (), told)
    return sentence.format(**told)


def _say_part(language: str, part: object) -> object:
    if isinstance(part, tuple):
        return join(part, lambda one: str(_say_part(language, one)))
    return say(language, part) if isinstance(part, Told) else part


class _German(Formatter):
    """Writes figures with a comma before their decimals and points between thousands, and names days and months."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """One part, in its format."""
        if isinstance(value, dt.date) and format_spec:
            return _DIRECTIVE.sub(lambda found: _write_directive(value, found[0]), format_spec)
        written = format(value, format_spec)
        return written.translate(_GERMAN_POINTS) if isinstance(value, (int, float)) else written


def _write_directive(day: dt.date, directive: str) -> str:
    named = {"%A": "EEEE", "%B": "MMMM"}.get(directive)
    return format_date(day, named, locale="de") if named else format(day, directive)


_DIRECTIVE: Final = re.compile("%-?[A-Za-z]")
_GERMAN_POINTS: Final = str.maketrans({",": ".", ".": ",", "%": "\N{NO-BREAK SPACE}%"})
_FILLERS: Final[Mapping[str, Formatter]] = {"de": _German()}


@lru_cache(maxsize=4096)
def write_day(language: str, day: dt.date, form: str) -> str:
    """A day in a form of dates such as "E d MMM y", with the points and commas that the language puts into it."""
    return format_date(day, write_form(form, language), locale=language)


def write_form(form: str, language: str) -> str:
    """A form of dates as the language writes it: German has a comma behind the day's name, a point behind the day."""
    return form.replace("E d", "E, d").replace("d MMM", "d. MMM") if language == "de" else form


def write_number(language: str, value: float, digits: int = 0) -> str:
    """A figure with so many digits behind its point.

    >>> write_number("de", 1234.56, 1)
    '1.234,6'
    """
    return _write_rounded(language, round(value, digits), digits)


@lru_cache(maxsize=8192)  # a page writes hundreds, most of them again and again
def _write_rounded(language: str, value: float, digits: int) -> str:
    return format_decimal(value, f"#,##0.{'0' * digits}" if digits else "#,##0", locale=language)
