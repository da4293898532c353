"""Two pages for a management meeting on what goes with trust, as one HTML page or as PDF; nothing is fetched.

The PDF is set by Typst, a compiler in one wheel that needs nothing from the system. Words of strangers reach it as
values of a JSON text, and it never reads them as its markup.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import Environment, StrictUndefined

from troth.charts.look import FONT, Chart, Theme, load_altair
from troth.charts.saving import to_svg
from troth.errors import InputError
from troth.saying import say
from troth.worthpages import Drawing, Pages, lay_out_pages
from troth.worthtold import Worth

Form = Literal["pdf", "svg", "png"]

_SIZES: Final = {"incidence": (290, 210), "freeze": (290, 210), "forest": (250, 250)}
"""Width and height in units of the charts' own letters: two of them stand side by side on paper."""
_SERIF: Final = "Libertinus Serif"  # comes with the compiler, so a page looks the same on every machine


def write_report(found: Worth, path: Path, *, whose: str, made_with: str, language: str = "en") -> None:
    """Write the two pages; the form follows the name's ending.

    Args:
        found: what was measured.
        path: .html or .pdf.
        whose: who the books belong to.
        made_with: version and encoder, for the foot.
        language: of its reader, one of `told.LANGUAGES`.

    Raises: InputError for another ending, a path that cannot be written, or an extra that is not installed.
    """
    if name_form(path) == "html":
        content = render_report(found, whose=whose, made_with=made_with, language=language).encode()
    else:
        content = typeset_report(found, whose=whose, made_with=made_with, language=language)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}. Name another file with --report.") from error


def name_form(path: Path) -> Literal["html", "pdf"]:
    """The form that a report's name asks for.

    Raises: InputError for another ending than .html and .pdf.
    """
    ending = path.suffix.lower()
    if ending == ".html":
        return "html"
    if ending == ".pdf":
        return "pdf"
    raise InputError(f"{path}: a report ends in .html or .pdf; name it so.")


def render_report(found: Worth, *, whose: str, made_with: str, language: str = "en") -> str:
    """The two pages as one HTML page: no script, nothing fetched, charts as images in light and dark.

    Raises: InputError when there is something to draw and the charts extra is not installed.
    """
    pages = lay_out_pages(found, whose=whose, made_with=made_with, language=language)
    images = {
        drawing.picture: {theme: _encode(_draw(found, drawing, theme, language)) for theme in ("light", "dark")}
        for drawing in _drawings(pages)
    }
    template = files("troth").joinpath("worthreport.html").read_text("utf-8")
    return _environment().from_string(template).render(pages=pages, images=images)


def typeset_report(found: Worth, *, whose: str, made_with: str, language: str = "en") -> bytes:
    """The two pages as a tagged PDF, the same bytes for the same findings.

    Raises: InputError when the report extra is not installed, or the charts extra is not and there is a chart to draw.
    """
    pages = lay_out_pages(found, whose=whose, made_with=made_with, language=language)
    charts = {
        drawing.picture: _draw(found, drawing, "light", language).replace(FONT, _SERIF) for drawing in _drawings(pages)
    }
    return typeset_pages(pages, charts, at=found.as_of)


def typeset_pages(pages: Pages, charts: Mapping[str, str], *, at: dt.datetime, form: Form = "pdf") -> Any:
    """Set pages and their charts (SVG by picture) in one form of the compiler; a list of pages for "svg" and "png"."""
    try:
        import typst  # noqa: PLC0415  # large, and an extra
    except ImportError as error:
        raise InputError('a PDF needs an extra: install it with  pip install "troth[report]".') from error
    template = files("troth").joinpath("worthreport.typ").read_bytes()
    content = json.dumps(asdict(pages) | {"charts": dict(charts)}, ensure_ascii=False)
    # No PDF standard is asked for: PDF/UA refuses a letter for which the machine has no font, such as one of a name.
    compiler = typst.Compiler(template, sys_inputs={"content": content})
    return compiler.compile(format=form, timestamp=int(at.timestamp()))


def _drawings(pages: Pages) -> Iterator[Drawing]:
    yield from pages.drawings
    if pages.forest is not None:
        yield pages.forest


def _draw(found: Worth, drawing: Drawing, theme: Theme, language: str) -> str:
    """A chart as SVG at the size of the page; title and note stand beside it in the page's own letters."""
    alt = load_altair()
    chart: Chart = found.chart(drawing.picture, theme=theme, say=partial(say, language))
    chart.title = alt.Undefined
    width, height = _SIZES[drawing.picture]
    return to_svg(chart.properties(padding=2, width=width, height=height))


def _encode(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


@cache
def _environment() -> Environment:
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
