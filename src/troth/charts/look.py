"""How every chart looks, in light and in dark, and how strangers' words are put into one."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from troth.errors import InputError
from troth.plain import clean_line

if TYPE_CHECKING:
    import altair

    Chart: TypeAlias = altair.LayerChart | altair.VConcatChart | altair.HConcatChart | altair.Chart
else:
    Chart: TypeAlias = Any

Theme = Literal["light", "dark"]
Spec: TypeAlias = Mapping[str, Any]
"""A picture in Vega-Lite's own words, with its figures under "datasets"."""
Say: TypeAlias = Callable[[str], str]
"""Puts a sentence of ours into a reader's language."""

PADDING: Final = 18  # around a picture, pixels
_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"  # says which version is meant; nothing fetches it
_LETTER: Final = 0.56  # width of a letter, in sizes of the font: where a title is broken into lines
FONT: Final = "system-ui, Segoe UI, Roboto, Helvetica Neue, DejaVu Sans, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Colours of one theme. Blue and orange are told apart by people who see no red or no green."""

    paper: str
    ink: str
    soft: str  # axes, notes
    line: str  # grid
    shown: str
    held: str
    good: str
    bad: str
    prior: str


LOOKS: Final[dict[Theme, Look]] = {
    "light": Look(
        paper="#ffffff", ink="#1d2430", soft="#5b6675", line="#dfe3e8", shown="#1f5f8b", held="#b4581a", good="#2c6e49",
        bad="#a63d2f", prior="#8a93a0",
    ),
    "dark": Look(
        paper="#1b2027", ink="#e8eaee", soft="#a3adba", line="#333c48", shown="#86bfe4", held="#f0a868", good="#7fc79b",
        bad="#f0998c", prior="#7a8594",
    ),
}  # fmt: skip


def load_altair() -> Any:
    """The chart library.

    Raises: InputError naming the extra when it is not installed.
    """
    try:
        import altair  # noqa: PLC0415  # heavy, and an extra
    except ImportError as error:
        raise InputError('charts need an extra: install it with  pip install "troth[charts]".') from error
    return altair


def trim(text: str, longest: int = 76) -> str:
    """A stranger's words on one line of a chart: no control characters, cut at a word where that is near."""
    line = clean_line(text)
    if len(line) <= longest:
        return line
    cut = line[: longest - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > longest * 2 // 3 else cut).rstrip(" ,;:") + "…"


def write(value: float, form: str, say: Say) -> str:
    """A figure as the reader's language writes it.

    >>> write(1234.5, "+,.1f", as_it_is)
    '+1,234.5'
    """
    thousands, decimal = _points(say)
    return format(value, form).translate(str.maketrans(",.", thousands + decimal))


def _points(say: Say) -> tuple[str, str]:
    """What stands between thousands and before decimals."""
    sample = say("1,234.5")
    return sample[1], sample[-2]


def as_it_is(text: str) -> str:
    """Our words in English."""
    return text


def frame(body: Spec, look: Look, *, title: str, note: str, width: int, say: Say = as_it_is) -> Spec:
    """A whole specification: a picture's own parts with the fonts, colours and title that every chart has."""
    heading = _heading(title, note, look)
    for part, size in (("text", 16), ("subtitle", 12)):
        heading[part] = textwrap.wrap(heading[part], max(int(width / (size * _LETTER)), 12)) or [""]
    return {
        "$schema": _SCHEMA,
        "title": heading,
        "background": look.paper,
        "padding": PADDING,
        "config": _configure(look, say),
        **body,
    }


def take_spec(spec: Spec) -> Chart:
    """A specification of ours as an Altair chart.

    Raises: InputError when the charts extra is not installed.
    """
    alt = load_altair()
    kind = alt.VConcatChart if "vconcat" in spec else alt.LayerChart
    return kind.from_dict(dict(spec), validate=False)  # ours: a test checks it against the schema


def _heading(title: str, note: str, look: Look) -> dict[str, Any]:
    return {
        "text": trim(title, 90), "subtitle": note, "anchor": "start", "color": look.ink, "subtitleColor": look.soft,
        "fontSize": 16, "subtitleFontSize": 12, "fontWeight": 500, "offset": 14, "font": FONT, "subtitleFont": FONT,
    }  # fmt: skip


def _configure(look: Look, say: Say = as_it_is) -> dict[str, Any]:
    thousands, decimal = _points(say)
    figures = {"decimal": decimal, "thousands": thousands, "grouping": [3], "currency": ["", ""]}
    return {
        **({} if decimal == "." else {"locale": {"number": figures}}),
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": look.soft, "titleColor": look.soft, "gridColor": look.line, "domainColor": look.line,
            "tickColor": look.line, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
            "labelLimit": 560,
        },
        "legend": {
            "labelColor": look.ink, "titleColor": look.soft, "labelFontSize": 12, "titleFontSize": 12, "orient": "top",
        },
    }  # fmt: skip


def dress(chart: Any, look: Look, *, title: str, note: str, say: Say = as_it_is) -> Any:
    """The same fonts, colours and title for every chart; `note` says what the figures are."""
    alt = load_altair()
    return chart.properties(
        title=alt.TitleParams(**_heading(title, note, look)),
        background=look.paper,
        padding=PADDING,
        config=_configure(look, say),
    )
