"""The close as one HTML page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

import datetime as dt
from functools import cache, partial
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined

from troth.plain import clean_line
from troth.review.close import Close, day_bounds, name_state
from troth.saying import say, write_day, write_number
from troth.signals import HELD
from troth.told import Told


@cache
def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["line"] = clean_line
    environment.filters["ask"] = _name_question
    return environment


def _name_question(kind: str) -> str:
    return HELD.get(kind, "question")


def render_close(close: Close, *, whose: str, made_with: str, is_mail: bool = False, language: str = "en") -> str:
    """Render the close.

    Args:
        close: what to show.
        whose: who the books belong to, for the heading.
        made_with: version and encoder, for the foot.
        is_mail: whether it is sent, so that it cannot say it stayed where it was made.
        language: of its reader, one of `told.LANGUAGES`.
    """
    here = ZoneInfo(close.zone)

    def local(moment: dt.datetime | None) -> str:
        return "" if moment is None else write_day(language, moment.astimezone(here).date(), "E d MMM y")

    def state(promise: dict[str, Any]) -> Told:
        return name_state(promise, day_bounds(close.day, close.zone)[1])

    template = files("troth.review").joinpath("close.html").read_text("utf-8")
    return (
        _environment()
        .from_string(template)
        .render(
            close=close,
            whose=whose,
            made_with=made_with,
            is_mail=is_mail,
            local=local,
            state=state,
            language=language,
            t=partial(say, language),
            day=partial(write_day, language),
            number=partial(write_number, language),
        )
    )
