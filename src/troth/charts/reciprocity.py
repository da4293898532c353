"""Forest plots: open acts and their answers with every check, and how often what we ask is taken up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from troth.charts.look import LOOKS, Chart, Look, Theme, dress, load_altair, trim
from troth.errors import InputError

_ROW: Final = 22  # pixels of one line
_WIDTH: Final = 460
_NAMES: Final = {"us": "they answer us", "them": "we answer them"}
_PARTS: Final = {"whole": "all", "kind": "what was asked", "customer": "customer", "month": "month"}


def draw_reciprocity(rows: Sequence[Mapping[str, Any]], *, theme: Theme = "light") -> Chart:
    """Draw the ratio of each direction and check with its 95 % interval, on a log scale.

    Args:
        rows: of `begetting.COLUMNS`, of one circle, with `plain`: the check in words.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed, or no ratio is told.
    """
    alt, look = load_altair(), LOOKS[theme]
    told = [row for row in rows if row["ratio"] is not None]
    if not told:
        raise InputError("there is nothing to draw: there is not enough to say yet. See `troth reciprocity`.")
    values = [
        {
            "check": row["plain"],
            "direction": _NAMES[row["first"]],
            **{name: None if row[name] is None else round(row[name], 3) for name in ("ratio", "low", "high")},
        }
        for row in told
    ]
    ends = [float(row[name]) for row in told for name in ("ratio", "low", "high") if row[name] is not None]
    scale = alt.Scale(type="log", domain=[min([*ends, 0.5]), max([*ends, 2.0])], nice=False)
    place = alt.X("ratio:Q", scale=scale, title="times the odds of an open act in the next turn",
                  axis=alt.Axis(values=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20], format="~g"))  # fmt: skip
    panels = [
        _draw_panel(alt, [value for value in values if value["direction"] == name], name, place, look)
        for name in _NAMES.values()
        if any(value["direction"] == name for value in values)
    ]
    note = "bar: 95 % interval; 1: no link; what goes together need not bring one another about"
    title = f"Do open acts go with open acts? ({trim(str(rows[0]['scope']), 40)})"
    return dress(alt.vconcat(*panels, spacing=14).resolve_scale(x="shared"), look, title=title, note=note)


def _draw_panel(alt: Any, values: list[dict[str, Any]], name: str, place: Any, look: Look) -> Any:
    colour = look.held if name == _NAMES["us"] else look.shown
    order = list(dict.fromkeys(value["check"] for value in values))
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("check:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, ticks=False, domain=False)),
        tooltip=["check:N", "ratio:Q", "low:Q", "high:Q"],
    )
    one = alt.Chart(alt.Data(values=[{"one": 1}])).mark_rule(color=look.soft, strokeDash=[3, 3]).encode(x="one:Q")
    bar = base.mark_rule(size=3, opacity=0.45, color=colour).encode(x=alt.X("low:Q"), x2="high:Q")
    dot = base.mark_point(size=70, filled=True, opacity=1, color=colour).encode(x=place)
    heading = alt.TitleParams(name, anchor="start", color=colour, fontSize=13, fontWeight=500, offset=4)
    return alt.layer(one, bar, dot).properties(width=_WIDTH, height=max(len(order), 1) * _ROW, title=heading)


def draw_influence(rows: Sequence[Mapping[str, Any]], *, theme: Theme = "light") -> Chart:
    """Draw the share taken up, of the whole, each kind, customer and month, with its 95 % interval.

    Args:
        rows: of `swaying.COLUMNS`.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed, or no rate is told.
    """
    alt, look = load_altair(), LOOKS[theme]
    values = [
        {
            "name": trim(str(row["name"]), 40),
            "part": row["part"],
            **{end: round(100 * row[end], 1) for end in ("value", "low", "high")},
            "asks": row["asks"],
        }
        for row in rows
        if row["part"] in _PARTS and row["value"] is not None
    ]
    if not values:
        raise InputError("there is nothing to draw: there is not enough to say yet. See `troth influence`.")
    panels: list[Any] = []
    parts = [part for part in _PARTS if any(value["part"] == part for value in values)]
    for part in parts:
        mine = [value for value in values if value["part"] == part]
        axis = alt.Axis(labels=part == parts[-1], ticks=part == parts[-1], domain=part == parts[-1])
        place = alt.X("value:Q", scale=alt.Scale(domain=[0, 100]), axis=axis,
                      title="% taken up" if part == parts[-1] else None)  # fmt: skip
        base = alt.Chart(alt.Data(values=mine)).encode(
            y=alt.Y("name:N", sort=[value["name"] for value in mine], title=None,
                    axis=alt.Axis(labelLimit=260, ticks=False, domain=False)),
            tooltip=["name:N", "value:Q", "low:Q", "high:Q", "asks:Q"],
        )  # fmt: skip
        bar = base.mark_rule(size=3, opacity=0.45, color=look.shown).encode(x=alt.X("low:Q"), x2="high:Q")
        dot = base.mark_point(size=70, filled=True, opacity=1, color=look.shown).encode(x=place)
        heading = alt.TitleParams(_PARTS[part], anchor="start", color=look.shown, fontSize=13, fontWeight=500, offset=4)
        panels.append(alt.layer(bar, dot).properties(width=_WIDTH, height=len(mine) * _ROW, title=heading))
    note = "bar: 95 % interval; customers are drawn towards each other by as much as few asks deserve"
    chart = alt.vconcat(*panels, spacing=12).resolve_scale(x="shared")
    return dress(chart, look, title="How often what we ask, offer or recommend is taken up", note=note)
