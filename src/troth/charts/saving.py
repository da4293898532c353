"""A chart as a file that needs nothing else: SVG, PNG, an HTML page in light and dark, or its figures as CSV."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from troth.charts.look import LOOKS, Chart, Spec, Theme
from troth.errors import InputError

_SHARPNESS: Final = 2.0  # pixels for each unit of length: a picture for a screen of today
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>troth</title><style>:root { color-scheme: light dark; } body { margin: 0; background: light; }
img { max-width: 100%; display: block; margin: auto; } .dark { display: none; }
body { background: LIGHT; } @media (prefers-color-scheme: dark) { body { background: DARK; }
.dark { display: block; } .light { display: none; } }</style></head><body>
IMAGES
</body></html>
"""


def save_chart(draw: Callable[[Theme], Chart], path: Path, *, theme: Theme = "light") -> None:
    """Write a chart; the form follows the name's ending.

    Args:
        draw: makes the chart in a theme; a page holds both and shows the one its reader prefers.
        path: .svg, .png, .html, or .csv for the figures that the chart shows.

    Raises: InputError for another ending, a path that cannot be written, or when the charts extra is not installed.
    """
    make = _FORMS.get(path.suffix.lower())
    if make is None:
        raise InputError(f"{path}: a picture ends in {', '.join(_FORMS)}; name it so.")
    content = make(draw, theme)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}. Name another file.") from error


def to_json(chart: Chart | Spec) -> str:
    """A chart as the specification that draws it, without a space too many."""
    if isinstance(chart, Mapping):
        return json.dumps(chart, ensure_ascii=False, separators=(",", ":"))
    return chart.to_json(indent=None)


def to_svg(chart: Chart | Spec) -> str:
    """A chart as SVG. Nothing in it is fetched from anywhere."""
    return _converter().vegalite_to_svg(to_json(chart), allowed_base_urls=[])


def to_png(chart: Chart | Spec) -> bytes:
    """A chart as PNG. Nothing in it is fetched from anywhere."""
    return _converter().vegalite_to_png(to_json(chart), scale=_SHARPNESS, allowed_base_urls=[])


def to_page(draw: Callable[[Theme], Chart]) -> str:
    """An HTML page with the chart in light and dark: no script, nothing fetched. As images, no word of it is markup."""
    images = "\n".join(
        f'<img class="{theme}" alt="chart" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(to_svg(draw(theme)).encode()).decode()}">'
        for theme in LOOKS
    )
    page = _PAGE.replace("background: light; ", "").replace("LIGHT", LOOKS["light"].paper)
    return page.replace("DARK", LOOKS["dark"].paper).replace("IMAGES", images)


def to_csv(chart: Chart | Spec) -> str:
    """The rows that a chart shows, layer by layer; no cell is a formula."""
    spec: Mapping[str, Any] = json.loads(to_json(chart))
    tables: list[list[dict[str, Any]]] = []
    for values in spec.get("datasets", {}).values() or [layer["data"]["values"] for layer in _layers(spec)]:
        if len(values) > 1 or len(values[0]) > 1:
            tables.append(values)
    unique = [table for at, table in enumerate(tables) if table not in tables[:at]]
    out = io.StringIO()
    for table in unique:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(table[0])
        writer.writerows([_safe(row.get(column)) for column in table[0]] for row in table)
    return out.getvalue()


def _layers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inside = [layer for part in ("vconcat", "layer") for one in spec.get(part, []) for layer in _layers(one)]
    return [*([spec] if "values" in spec.get("data", {}) else []), *inside]


def _safe(cell: object) -> object:
    return "'" + cell if isinstance(cell, str) and cell.lstrip().startswith(_FORMULA) else cell


def _converter() -> Any:
    try:
        import vl_convert  # noqa: PLC0415  # heavy, and an extra
    except ImportError as error:
        raise InputError('pictures need an extra: install it with  pip install "troth[charts]".') from error
    return vl_convert


_FORMS: Final[Mapping[str, Callable[[Callable[[Theme], Chart], Theme], bytes]]] = {
    ".svg": lambda draw, theme: to_svg(draw(theme)).encode(),
    ".png": lambda draw, theme: to_png(draw(theme)),
    ".html": lambda draw, _: to_page(draw).encode(),
    ".csv": lambda draw, theme: to_csv(draw(theme)).encode(),
}
