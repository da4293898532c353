"""What each touch point shows, facet by facet, with bands."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from troth.charts.look import LOOKS, Chart, Look, Say, Theme, as_it_is, dress, load_altair, trim
from troth.errors import InputError
from troth.signals import HELD, SHOWN

_ROW: Final = 17  # pixels of one touch point in a panel
_WIDTH: Final = 520
_FIGURES: Final = ("percentile", "low", "high", "readings", "customers")


def draw_touchpoints(shown: pa.Table, *, title: str, theme: Theme = "light", say: Say = as_it_is) -> Chart:
    """Draw what a typical customer meets at each touch point: a panel for each facet, a row for each touch point.

    Args:
        shown: SHOWN_THERE; each row becomes a band, and a dot where the evidence is enough for a number.
        title: of the chart.
        theme: light or dark.
        say: puts our own words into the reader's language.

    Raises: InputError when the charts extra is not installed, or there is no row.
    """
    alt, look = load_altair(), LOOKS[theme]
    rows = shown.to_pylist()
    if not rows:
        raise InputError("there is nothing to draw: nothing was read at a touch point yet.")
    names = list(dict.fromkeys(name_point(row, say) for row in rows))
    facets = [code for code in (*SHOWN, *HELD) if any(row["facet"] == code for row in rows)]
    panels = [
        _draw_facet([row for row in rows if row["facet"] == code], code, names, look, say, is_last=code == facets[-1])
        for code in facets
    ]
    note = say("50 is a typical relationship; bar: 80 % band; dot: number, where the evidence is enough for one")
    return dress(alt.vconcat(*panels, spacing=10).resolve_scale(x="shared"), look, title=title, note=note, say=say)


def name_point(row: dict[str, Any], say: Say = as_it_is) -> str:
    """A touch point in words."""
    stage = say(row["stage"]) if row["stage"] != "unknown" else say("stage unknown")
    return trim(f"{say(row['channel'])}, {stage}", 40)


def _draw_facet(rows: list[dict[str, Any]], code: str, names: list[str], look: Look, say: Say, *, is_last: bool) -> Any:
    """One facet's panel; only the last one shows the scale."""
    alt = load_altair()
    gauge, plain = ("SHOWN", SHOWN[code]) if code in SHOWN else ("HELD", HELD[code])
    colour = look.shown if gauge == "SHOWN" else look.held
    values = [
        {
            "touchpoint": name_point(row, say),
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
    title = say("percentile among relationships") if is_last else None
    place = alt.Y("touchpoint:N", sort=here, title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False))
    tips = [alt.Tooltip("touchpoint:N", title=say("touch point"))]
    tips += [alt.Tooltip(f"{name}:Q", title=say(name)) for name in _FIGURES]
    base = alt.Chart(alt.Data(values=values)).encode(y=place, tooltip=tips)
    bar = base.mark_bar(height=6, opacity=0.3, color=colour, cornerRadius=3).encode(
        x=alt.X("low:Q", scale=scale, axis=axis, title=title), x2="high:Q"
    )
    dot = base.mark_point(size=60, filled=True, opacity=1, color=colour).encode(
        x=alt.X("percentile:Q", scale=scale, axis=axis, title=title)
    )
    heading = alt.TitleParams(
        f"{code}  {say(plain)} ({say(gauge)})", anchor="start", color=colour, fontSize=13, fontWeight=500, offset=4
    )
    return alt.layer(bar, dot).properties(width=_WIDTH, height=max(len(here), 1) * _ROW, title=heading)
