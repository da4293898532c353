"""A chart of ours as the page draws it, and as a file to save."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import JSONResponse, Response

from troth.charts.saving import to_csv, to_png, to_svg
from troth.web.downloading import offer_file

if TYPE_CHECKING:
    from troth.charts import Chart, Theme

ENDINGS: Final = ("json", "svg", "png", "csv")
_AXIS: Final = 210  # pixels beside a panel that its names take
_NARROWEST, _WIDEST = 140, 900  # pixels of a panel


def offer_chart(draw: Callable[[Theme], Chart], ending: str, *, name: str, theme: str, width: int) -> Response:
    """A chart in a form of ENDINGS.

    Args:
        draw: makes it in a theme.
        name: of the file, without its ending; letters of ours.
        theme: light or dark.
        width: pixels that the page has for it; json alone.

    Raises: InputError when the charts extra is not installed or there is nothing to draw.
    """
    chart = draw("dark" if theme == "dark" else "light")
    if ending == "json":
        return JSONResponse(fit(chart.to_dict(), width))
    if ending == "csv":
        return offer_file(to_csv(chart).encode(), name=f"{name}.csv", kind="text/csv; charset=utf-8")
    if ending == "png":
        return offer_file(to_png(chart), name=f"{name}.png", kind="image/png")
    return offer_file(to_svg(chart).encode(), name=f"{name}.svg", kind="image/svg+xml")


def fit(spec: dict[str, Any], width: int) -> dict[str, Any]:
    """A Vega-Lite description as wide as the page; its title is left to the page."""
    panel = max(_NARROWEST, min(_WIDEST, width - _AXIS))
    spec.pop("title", None)
    for one in [spec, *spec.get("vconcat", [])]:
        if "width" in one:
            one["width"] = panel
    return spec | {"background": None, "padding": 4}
