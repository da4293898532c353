"""How SHOWN and HELD went over time, with bands and what became of our promises."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from troth.charts.look import LOOKS, Chart, Look, Theme, dress, load_altair, trim

_OUTCOMES: Final = {"kept": "kept", "late": "kept late", "suspected": "overdue", "broken": "broken"}
_GAUGES: Final = {"SHOWN": "SHOWN: what we said and did", "HELD": "HELD: what they said, did and answered"}
_TRUSTED: Final = 0.5  # reliability under which the line is dashed: the band is meant, not the number


def draw_path(path: pa.Table, promises: pa.Table, *, title: str, zone: str, theme: Theme = "light") -> Chart:
    """Draw one relationship's path, one panel for each gauge.

    Args:
        path: PATH with one score of each gauge; times in rows rise.
        promises: PROMISES of this relationship; those of ours with an outcome are marked under SHOWN.
        title: the relationship.
        zone: whose clock the time axis shows.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed.
    """
    alt, look = load_altair(), LOOKS[theme]
    rows = path.to_pylist()
    whole = [_local(moment, zone) for moment in (rows[0]["at"], rows[-1]["at"])] if rows else []
    events = {"SHOWN": _list_events(promises, zone)}
    panels = [
        _draw_gauge(
            [_point(row, zone) for row in rows if row["gauge"] == gauge],
            events.get(gauge, []),
            look,
            heading=heading,
            colour={"SHOWN": look.shown, "HELD": look.held}[gauge],
            span=whole,
            zone=zone if gauge == "HELD" else None,
        )
        for gauge, heading in _GAUGES.items()
    ]
    note = "50 is typical; shaded: 80 % band; dotted: too little was read to name a number"
    return dress(alt.vconcat(*panels, spacing=14).resolve_scale(x="shared"), look, title=title, note=note)


def _point(row: dict[str, Any], zone: str) -> dict[str, Any]:
    percentile, is_clear = round(row["percentile"], 2), row["reliability"] >= _TRUSTED
    return {
        "at": _local(row["at"], zone),
        "gauge": row["gauge"],
        "percentile": percentile,
        "named": percentile if is_clear else None,
        "low": round(row["low"], 2),
        "high": round(row["high"], 2),
    }


def _draw_gauge(
    points: list[dict[str, Any]],
    events: list[dict[str, Any]],
    look: Look,
    *,
    heading: str,
    colour: str,
    span: list[str],
    zone: str | None,
) -> Any:
    """One panel: band, dotted line, the line where it may be named, and events. Only the last one has a time axis."""
    alt = load_altair()
    axis = alt.Axis(format="%-d %b %y", labelOverlap=True, grid=False, labels=zone is not None, ticks=zone is not None)
    when = alt.X("at:T", title=None if zone is None else f"day ({zone})", axis=axis, scale=alt.Scale(domain=span))
    scale = alt.Scale(domain=[0, 100])
    base = alt.Chart(alt.Data(values=points)).encode(x=when)
    tips = [alt.Tooltip("at:T", title="day", format="%-d %B %Y")]
    tips += [alt.Tooltip(f"{name}:Q", format=".0f") for name in ("percentile", "low", "high")]
    layers = [
        base.mark_area(opacity=0.25, color=colour).encode(
            y=alt.Y("low:Q", scale=scale, title="percentile", axis=alt.Axis(values=[0, 25, 50, 75, 100])), y2="high:Q"
        ),
        base.mark_line(strokeWidth=1.4, strokeDash=[2, 4], color=colour).encode(
            y=alt.Y("percentile:Q", scale=scale), tooltip=tips
        ),
        base.mark_line(strokeWidth=2.6, color=colour, invalid="break-paths-filter-domains").encode(
            y=alt.Y("named:Q", scale=scale), tooltip=tips
        ),
    ]
    if events:
        states = [state for state in _OUTCOMES.values() if any(event["state"] == state for event in events)]
        tints = {"kept": look.good, "kept late": look.held, "overdue": look.bad, "broken": look.bad}
        shapes = {"kept": "circle", "kept late": "triangle-up", "overdue": "diamond", "broken": "cross"}
        of_state = {"field": "state", "type": "nominal"}
        layers.append(
            alt.Chart(alt.Data(values=events))
            .mark_point(size=80, filled=True, opacity=1)
            .encode(
                x=when,
                y=alt.Y("level:Q", scale=scale),
                shape=alt.Shape(
                    **of_state, title="our promises", scale=alt.Scale(domain=states, range=[shapes[s] for s in states])
                ),
                color=alt.Color(
                    **of_state, title="our promises", scale=alt.Scale(domain=states, range=[tints[s] for s in states])
                ),
                tooltip=[alt.Tooltip("at:T", format="%-d %B %Y"), "state:N", "text:N"],
            )
        )
    title = alt.TitleParams(heading, anchor="start", color=colour, fontSize=13, fontWeight=500, offset=6)
    return alt.layer(*layers).properties(width=720, height=170, title=title)


def _list_events(promises: pa.Table, zone: str) -> list[dict[str, Any]]:
    return [
        {"at": _local(row["state_at"], zone), "state": _OUTCOMES[row["state"]], "text": trim(row["text"]), "level": 6}
        for row in promises.to_pylist()
        if row["side"] == "us" and row["state"] in _OUTCOMES and row["state_at"] is not None
    ]


def _local(moment: Any, zone: str) -> str:
    """A time as the clock in that zone shows it: Vega takes a time without zone for the reader's own."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat(timespec="seconds")
