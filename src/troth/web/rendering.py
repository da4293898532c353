"""Templates to pages: languages, numbers, days and gauges, every word of strangers escaped."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from troth.plain import clean_line
from troth.saying import say, write_day, write_form, write_number
from troth.signals import HELD
from troth.told import LANGUAGES

THEMES: Final = ("auto", "light", "dark")
_MARKS: Final = re.compile(r"([.@])")
LOOK_COOKIE: Final = "troth_look"

NAVIGATION: Final = (
    ("/", "Today"),
    ("/relationships", "Relationships"),
    ("/promises", "Promises"),
    ("/questions", "Questions"),
    ("/check", "Check"),
    ("/touchpoints", "Touch points"),
    ("/surveys", "Surveys"),
    ("/worth", "Worth"),
    ("/bring", "Bring in"),
    ("/validity", "Validity"),
    ("/settings", "Settings"),
)
"""Address and name of the pages that every page links to, for those who may open them."""

TEAM_NAVIGATION: Final = (("/team", "Team"), ("/log", "Log"), ("/account", "Account"))
"""Those that a team has beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a visitor wants pages: a language of LANGUAGES, a theme of THEMES."""

    language: str
    theme: str


def choose_look(request: Request) -> Look:
    """What the visitor chose, else what the browser asks for."""
    chosen_language, _, chosen_theme = request.cookies.get(LOOK_COOKIE, "").partition(".")
    theme = chosen_theme if chosen_theme in THEMES else "auto"
    if chosen_language in LANGUAGES:
        return Look(language=chosen_language, theme=theme)
    wanted = (part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(","))
    return Look(language=next((language for language in wanted if language in LANGUAGES), "en"), theme=theme)


class Pages:
    """The templates. In each one stand:

    t("text {n}", n=1)   the text in the visitor's language
    day(moment), clock(moment)   a day, or a day with the time, in the book's zone
    number(x, digits)    as the language writes it
    text|line            strangers' words on one line
    url("relationships", name)   an address with strangers' words quoted
    gauge(low, high, percentile)   a band on a scale from 0 to 100
    """

    def __init__(self, *, zone: str, foot: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("troth.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        self._environment.filters["line"] = _line
        self._environment.filters["ask"] = _ask
        self._environment.filters["breakable"] = _break_address
        shared: Any = self._environment.globals  # its type says what Jinja puts there
        shared.update(
            t=pass_context(_say_here), day=pass_context(_day), clock=pass_context(_clock),
            number=pass_context(_number), url=_url, gauge=pass_context(_draw_gauge), navigation=NAVIGATION,
            team_navigation=TEAM_NAVIGATION,
            languages=LANGUAGES, themes=THEMES, zone=ZoneInfo(zone), foot=foot,
        )  # fmt: skip

    def render(self, template: str, *, part: str | None = None, **what: Any) -> str:
        """A page, or one block of it."""
        chosen = self._environment.get_template(template)
        if part is None:
            return chosen.render(**what)
        return "".join(chosen.blocks[part](chosen.new_context(what)))


def _line(text: str | None) -> str:
    return clean_line(text or "")


def _break_address(text: str) -> Markup:
    """An address that may break before its dots and its @, and nowhere else where that is enough."""
    return Markup("").join(Markup("<wbr>") + part if part in {".", "@"} else part for part in _MARKS.split(text))


def _ask(kind: str) -> str:
    return HELD.get(kind, "question")


def _day(context: Context, moment: dt.datetime | dt.date | None, form: str = "E d MMM y") -> str:
    if moment is None:
        return ""
    local = moment.astimezone(context["zone"]).date() if isinstance(moment, dt.datetime) else moment
    return write_day(context["look"].language, local, form)


def _clock(context: Context, moment: dt.datetime | None, form: str = "E d MMM y, HH:mm") -> str:
    if moment is None:
        return ""
    local = moment.astimezone(context["zone"])
    return format_datetime(local, write_form(form, context["look"].language), locale=context["look"].language)


def _say_here(context: Context, text: str, **parts: object) -> str:
    return say(context["look"].language, text, **parts)


def _number(context: Context, value: float | None, digits: int = 0) -> str:
    if value is None:
        return "–"
    return write_number(context["look"].language, value, digits)


def _url(*parts: str, **query: object) -> str:
    path = "/" + "/".join(quote(str(part), safe="") for part in parts)
    asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items() if value is not None)
    return f"{path}?{asked}" if asked else path


def _draw_gauge(context: Context, low: float | None, high: float | None, percentile: float | None = None) -> Markup:
    """A band from low to high on a scale of percentiles, with its middle; a drawing that style rules colour."""
    if low is None or high is None:
        return Markup('<span class="gauge none">{}</span>').format(_say_here(context, "not read yet"))
    words = _say_here(context, "band {low} to {high}", low=f"{low:.0f}", high=f"{high:.0f}")
    first = _say_here(context, "number withheld") if percentile is None else f"{percentile:.0f}"
    dot = Markup("") if percentile is None else Markup(
        '<rect class="dot" x="{}" y="0" width="2" height="12" rx="1"/>'
    ).format(f"{percentile - 1:.1f}")  # fmt: skip
    return Markup(
        '<svg class="gauge" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label="{label}">'
        '<rect class="rail" x="0" y="3" width="100" height="6" rx="3"/>'
        '<rect class="band" x="{low}" y="3" width="{width}" height="6" rx="3"/>'
        '<rect class="mid" x="49.8" y="2" width=".4" height="8"/>{dot}</svg>'
    ).format(label=f"{first}, {words}", low=f"{low:.1f}", width=f"{max(high - low, 1):.1f}", dot=dot)
