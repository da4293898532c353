"""What goes with trust: chances by trust, the curve over lags, and all ratios beside their controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from troth.charts.look import LOOKS, Chart, Look, Say, Theme, as_it_is, dress, load_altair, trim
from troth.errors import InputError

_WIDTH: Final = 560
_LEVELS: Final = {"low": "low trust", "typical": "typical trust", "high": "high trust", "all": "whatever the trust"}
_TICKS: Final = (0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)

Rows = Sequence[Mapping[str, Any]]


def draw_incidence(rows: Rows, *, theme: Theme = "light", say: Say = as_it_is) -> Chart:
    """Draw how likely deals are won by day 30 to 180, at low, typical and high trust, with 80 % bands.

    Args:
        rows: those of `Worth.list_rows`.
        theme: light or dark.
        say: puts our own words into the reader's language.

    Raises: InputError when the charts extra is not installed, or there is not enough to say.
    """
    alt, look = load_altair(), LOOKS[theme]
    told = [row for row in rows if row["part"] == "chance" and row["enough"] and row["end"] == "won"]
    levels = [level for level in ("low", "typical", "high") if any(row["trust"] == level for row in told)] or ["all"]
    values = [
        {"days": row["days"], "trust": say(_LEVELS[row["trust"]])}
        | {name: round(row[name], 4) for name in ("value", "low", "high")}
        for row in told
        if row["trust"] in levels
    ]
    _check(values)
    begin = [{"days": 0, "trust": say(_LEVELS[level]), "value": 0.0, "low": 0.0, "high": 0.0} for level in levels]
    tints = {"low": look.held, "typical": look.prior, "high": look.shown, "all": look.shown}
    colour = alt.Color(
        "trust:N",
        title=None,
        sort=[say(_LEVELS[one]) for one in levels],
        scale=alt.Scale(domain=[say(_LEVELS[one]) for one in levels], range=[tints[one] for one in levels]),
    )
    base = alt.Chart(alt.Data(values=begin + values)).encode(
        x=alt.X("days:Q", title=say("days after opening"), axis=alt.Axis(values=[0, 30, 60, 90, 120, 150, 180])),
        color=colour,
        tooltip=[
            *(alt.Tooltip(name, title=say(words)) for name, words in (("trust:N", "trust"), ("days:Q", "days"))),
            *_figures(".0%", say),
        ],
    )
    share = alt.Axis(format=".0%")
    band = base.mark_area(opacity=0.18).encode(
        y=alt.Y("low:Q", title=say("won by then (share of deals)"), axis=share), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2.4, point=True).encode(y=alt.Y("value:Q", axis=share))
    note = say("shaded: 80 % band; adjusted; what goes with trust, not what it brings")
    chart = alt.layer(band, line).properties(width=_WIDTH, height=300)
    return dress(chart, look, title=say("How likely won, by trust"), note=note, say=say)


def draw_freeze(rows: Rows, *, theme: Theme = "light", say: Say = as_it_is) -> Chart:
    """Draw the ratio of winning and of losing over the days that trust is frozen before, with 95 % intervals."""
    alt, look = load_altair(), LOOKS[theme]
    values = _list_ratios(rows, "ratio", say)
    _check(values)
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X(
            "lag:Q", title=say("days that trust is frozen before the week"), axis=alt.Axis(values=[0, 7, 14, 28, 56])
        ),
        color=_colour_ends(look, say),
        tooltip=_tips(say),
    )
    bar = base.mark_rule(strokeWidth=2, opacity=0.6).encode(y=_ratio_axis(alt.Y, "low", values, say), y2="high:Q")
    line = base.mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=60)).encode(
        y=_ratio_axis(alt.Y, "value", values, say)
    )
    chart = alt.layer(_rule(look, "y"), bar, line).properties(width=_WIDTH, height=300)
    note = say("near 0 days a customer who has already decided warms up: only the flat part counts; bars: 95 %")
    return dress(chart, look, title=say("The same ratio, frozen earlier and earlier"), note=note, say=say)


def draw_forest(rows: Rows, *, theme: Theme = "light", say: Say = as_it_is) -> Chart:
    """Draw every ratio beside its controls, with 95 % intervals."""
    alt, look = load_altair(), LOOKS[theme]
    values = _list_ratios(rows, "ratio", say) + _list_ratios(rows, "control", say)
    _check(values)
    names = list(dict.fromkeys(value["name"] for value in values))
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=240, ticks=False, domain=False)),
        yOffset=alt.YOffset("end:N", sort=[say("won"), say("lost")]),
        color=_colour_ends(look, say),
        tooltip=_tips(say),
    )
    bar = base.mark_rule(strokeWidth=2).encode(x=_ratio_axis(alt.X, "low", values, say), x2="high:Q")
    dot = base.mark_point(size=60, filled=True, opacity=1).encode(x=_ratio_axis(alt.X, "value", values, say))
    chart = alt.layer(_rule(look, "x"), bar, dot).properties(width=_WIDTH, height=alt.Step(22))
    note = say("bars: 95 %; another account's trust must hold 1; later trust is moved by the close itself")
    return dress(chart, look, title=say("Trust and its controls"), note=note, say=say)


def _list_ratios(rows: Rows, part: str, say: Say) -> list[dict[str, Any]]:
    """Ratios that are told; a name that says the lag where it is swept."""
    return [
        {
            "name": trim(
                say("frozen {n:.0f} days before").format(n=row["lag_days"]) if part == "ratio" else say(row["name"]), 40
            ),
            "end": say(row["end"]),
            "lag": row["lag_days"],
            **{name: round(row[name], 4) for name in ("value", "low", "high")},
        }
        for row in rows
        if row["part"] == part and row["enough"]
    ]


def _colour_ends(look: Look, say: Say) -> Any:
    alt = load_altair()
    return alt.Color(
        "end:N",
        title=say("end"),
        sort=[say("won"), say("lost")],
        scale=alt.Scale(domain=[say("won"), say("lost")], range=[look.shown, look.held]),
    )


def _tips(say: Say) -> list[Any]:
    alt = load_altair()
    names = (("name:N", "name"), ("end:N", "end"))
    return [*(alt.Tooltip(name, title=say(words)) for name, words in names), *_figures(".2f", say)]


def _figures(form: str, say: Say) -> list[Any]:
    alt = load_altair()
    return [alt.Tooltip(f"{name}:Q", title=say(name), format=form) for name in ("value", "low", "high")]


def _ratio_axis(axis: Any, name: str, values: Rows, say: Say) -> Any:
    """A logarithmic axis: half and double lie equally far from 1."""
    alt = load_altair()
    ends = [min(value["low"] for value in values), max(value["high"] for value in values)]
    domain = [min(ends[0] / 1.05, 0.7), max(ends[1] * 1.05, 1.5)]  # a bar ends inside the picture
    return axis(
        f"{name}:Q",
        title=say("odds ratio per standard deviation of trust"),
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=[tick for tick in _TICKS if domain[0] <= tick <= domain[1]], format=".2~f"),
    )


def _rule(look: Look, along: str) -> Any:
    """Where nothing goes with trust."""
    alt = load_altair()
    place = {"x": alt.X("one:Q"), "y": alt.Y("one:Q")}[along]
    return alt.Chart(alt.Data(values=[{"one": 1.0}])).mark_rule(color=look.soft, strokeDash=[4, 3]).encode(place)


def _check(values: Sequence[object]) -> None:
    if not values:
        raise InputError("there is nothing to draw: not enough to say. `troth worth` tells what is missing.")
