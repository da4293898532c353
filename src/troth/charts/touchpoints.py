"""What each touch point shows, facet by facet, with bands."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from troth.charts.look import LOOKS, Chart, Look, Theme, dress, load_altair, trim
from troth.errors import InputError
from troth.signals import HELD, SHOWN

_ROW: Final = 17  # pixels of one touch point in a panel
_WIDTH: Final = 520


def draw_touchpoints(shown: pa.Table, *, title: str, theme: Theme = "light") -> Chart:
    """Draw what a typical customer meets at each touch point: a panel for each facet, a row for each touch point.

    Args:
        shown: SHOWN_THERE; each row becomes a band, and a dot where the evidence is enough for a number.
        title: of the chart.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed, or there is no row.
    """
    alt, look = load_altair(), LOOKS[theme]
    rows = shown.to_pylist()
    if not rows:
        raise InputError("there is nothing to draw: nothing was read at a touch point yet.")
    names = list(dict.fromkeys(name_point(row) for row in rows))
    facets = [code for code in (*SHOWN, *HELD) if any(row["facet"] == code for row in rows)]
    panels = [
        _draw_facet([row for row in rows if row["facet"] == code], code, names, look, is_last=code == facets[-1])
        for code in facets
    ]
    note = "50 is a typical relationship; bar: 80 % band; dot: number, where the evidence is enough for one"
    return dress(alt.vconcat(*panels, spacing=10).resolve_scale(x="shared"), look, title=title, note=note)


def name_point(row: dict[str, Any]) -> str:
    """A touch point in words."""
    return trim(f"{row['channel']}, {row['stage'] if row['stage'] != 'unknown' else 'stage unknown'}", 40)


def _draw_facet(rows: list[dict[str, Any]], code: str, names: list[str], look: Look, *, is_last: bool) -> Any:
    """One facet's panel; only the last one shows the scale."""
    alt = load_altair()
    gauge, plain = ("SHOWN", SHOWN[code]) if code in SHOWN else ("HELD", HELD[code])
    colour = look.shown if gauge == "SHOWN" else look.held
    values = [
        {
            "touchpoint": name_point(row),
            "facet": code,
            "percentile": None if row["percentile"] is None else round(row["percentile"], 1),
            "low": round(row["low"], 1),
            "high": round(row["high"], 1),
            "readings": row["readings"],
            "customers": row["customers"],
        }
        for row in rows
    ]
    here = [name for name in names if any(value["touchpoint"] == name for value in values)]
    axis = alt.Axis(values=[0, 25, 50, 75, 100], labels=is_last, ticks=is_last, domain=is_last)
    scale = alt.Scale(domain=[0, 100])
    title = "percentile among relationships" if is_last else None
    place = alt.Y("touchpoint:N", sort=here, title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False))
    tips = ["touchpoint:N", "percentile:Q", "low:Q", "high:Q", "readings:Q", "customers:Q"]
    base = alt.Chart(alt.Data(values=values)).encode(y=place, tooltip=tips)
    bar = base.mark_bar(height=6, opacity=0.3, color=colour, cornerRadius=3).encode(
        x=alt.X("low:Q", scale=scale, axis=axis, title=title), x2="high:Q"
    )
    dot = base.mark_point(size=60, filled=True, opacity=1, color=colour).encode(
        x=alt.X("percentile:Q", scale=scale, axis=axis, title=title)
    )
    heading = alt.TitleParams(
        f"{code}  {plain} ({gauge})", anchor="start", color=colour, fontSize=13, fontWeight=500, offset=4
    )
    return alt.layer(bar, dot).properties(width=_WIDTH, height=max(len(here), 1) * _ROW, title=heading)
