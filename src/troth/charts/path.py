"""How SHOWN and HELD went over time, with bands and what became of our promises."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from troth.charts.look import LOOKS, Chart, Theme, dress, load_altair, trim

_OUTCOMES: Final = {"kept": "kept", "late": "kept late", "suspected": "overdue", "broken": "broken"}
_GAUGES: Final = {"SHOWN": "SHOWN: what we said and did", "HELD": "HELD: what they said, did and answered"}
_TRUSTED: Final = 0.5  # reliability under which the line is dashed: the band is meant, not the number


def draw_path(path: pa.Table, promises: pa.Table, *, title: str, zone: str, theme: Theme = "light") -> Chart:
    """Draw one relationship's path.

    Args:
        path: PATH with one score of each gauge; times in rows rise.
        promises: PROMISES of this relationship; those of ours with an outcome are marked.
        title: the relationship.
        zone: whose clock the time axis shows.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed.
    """
    alt, look = load_altair(), LOOKS[theme]
    points = [
        {
            "at": _local(row["at"], zone),
            "gauge": _GAUGES[row["gauge"]],
            "percentile": round(row["percentile"], 2),
            "low": round(row["low"], 2),
            "high": round(row["high"], 2),
            "clear": row["reliability"] >= _TRUSTED,
        }
        for row in path.to_pylist()
    ]
    gauge = alt.Color(
        "gauge:N",
        title=None,
        scale=alt.Scale(domain=list(_GAUGES.values()), range=[look.shown, look.held]),
        legend=alt.Legend(labelLimit=400, symbolType="stroke", columns=2),
    )
    when = alt.X("at:T", title=f"day ({zone})", axis=alt.Axis(format="%-d %b %y", labelOverlap=True, grid=False))
    scale = alt.Scale(domain=[0, 100])
    base = alt.Chart(alt.Data(values=points)).encode(x=when, color=gauge)
    band = base.mark_area(opacity=0.18, line=False).encode(
        y=alt.Y("low:Q", scale=scale, title="percentile of relationships"), y2="high:Q"
    )
    whole = base.mark_line(strokeWidth=1.2, strokeDash=[2, 4]).encode(y=alt.Y("percentile:Q", scale=scale))
    clear = (
        base.transform_calculate(known="datum.clear ? datum.percentile : null")
        .mark_line(strokeWidth=2.6, invalid="break-paths-filter-domains")
        .encode(
            y=alt.Y("known:Q", scale=scale),
            tooltip=[
                alt.Tooltip("at:T", title="day", format="%-d %B %Y"),
                alt.Tooltip("gauge:N"),
                alt.Tooltip("percentile:Q", format=".0f"),
                alt.Tooltip("low:Q", format=".0f"),
                alt.Tooltip("high:Q", format=".0f"),
            ],
        )
    )
    middle = (
        alt.Chart(alt.Data(values=[{"typical": 50}]))
        .mark_rule(color=look.soft, strokeDash=[1, 3])
        .encode(y="typical:Q")
    )
    layers = [band, middle, whole, clear]
    events = _list_events(promises, zone)
    if events:
        shapes = alt.Scale(domain=list(_OUTCOMES.values()), range=["circle", "triangle-up", "diamond", "cross"])
        tints = alt.Scale(domain=list(_OUTCOMES.values()), range=[look.good, look.held, look.bad, look.bad])
        layers.append(
            alt.Chart(alt.Data(values=events))
            .mark_point(size=90, filled=True, opacity=1)
            .encode(
                x="at:T",
                y=alt.Y("level:Q", scale=scale),
                shape=alt.Shape("state:N", scale=shapes, title="our promises:"),
                fill=alt.Fill("state:N", scale=tints, title="our promises:"),
                tooltip=[alt.Tooltip("at:T", format="%-d %B %Y"), "state:N", "text:N"],
            )
        )
    return dress(
        alt.layer(*layers).resolve_scale(color="independent").properties(width=720, height=300),
        look,
        title=title,
        note="50 is typical; shaded: 80 % band; dotted: too little was read to name a number",
    )


def _list_events(promises: pa.Table, zone: str) -> list[dict[str, Any]]:
    return [
        {"at": _local(row["state_at"], zone), "state": _OUTCOMES[row["state"]], "text": trim(row["text"]), "level": 3}
        for row in promises.to_pylist()
        if row["side"] == "us" and row["state"] in _OUTCOMES and row["state_at"] is not None
    ]


def _local(moment: Any, zone: str) -> str:
    """A time as the clock in that zone shows it: Vega takes a time without zone for the reader's own."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat(timespec="seconds")
