"""What goes with each facet, and what a trial came to: intervals beside a line at nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from troth.charts.look import LOOKS, Chart, Theme, dress, load_altair, trim
from troth.errors import InputError

_ROW: Final = 26  # pixels of one line
_WIDTH: Final = 460


def draw_suggestions(rows: Sequence[Mapping[str, Any]], *, theme: Theme = "light") -> Chart:
    """Draw what trust held four weeks later goes with, facet by facet, with 95 % intervals.

    Args:
        rows: of `trialsuggesting.COLUMNS`.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed, or no facet is told.
    """
    told = [row for row in rows if row["what"] == "trust held" and row["value"] is not None]
    if not told:
        raise InputError("there is nothing to draw: there is not enough to say yet. See `troth trial suggest`.")
    return _draw_forest(
        [{**row, "label": row["name"]} for row in told],
        axis="trust held four weeks later, standard deviations",
        title="What trust held goes with, facet by facet",
        note="bar: 95 % interval, facets drawn together; what goes together need not bring one another about",
        theme=theme,
    )


def draw_trial(rows: Sequence[Mapping[str, Any]], *, outcome: str, theme: Theme = "light") -> Chart:
    """Draw the difference between the arms of a trial with its 95 % interval.

    Args:
        rows: of `trial.told.COLUMNS`, of a reading.
        outcome: held, answers, won or renewed.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed, or there is no difference to draw.
    """
    told = [row for row in rows if row["part"] == "effect" and None not in (row["value"], row["low"], row["high"])]
    if not told:
        raise InputError("there is nothing to draw: too few accounts have an outcome.")
    verdict = next(row["name"] for row in rows if row["part"] == "result")
    unit = "standard deviations" if outcome in ("held", "answers") else "share of accounts"
    return _draw_forest(
        [{**row, "label": trim(str(row["name"]), 40)} for row in told],
        axis=f"practice less usual, {unit}",
        title=f"What the trial came to: {verdict}",
        note="bar: 95 % interval by dealing the lot anew; every account counts as it was drawn",
        theme=theme,
    )


def _draw_forest(rows: Sequence[Mapping[str, Any]], *, axis: str, title: str, note: str, theme: Theme) -> Chart:
    alt, look = load_altair(), LOOKS[theme]
    values = [{"label": row["label"], **{end: round(row[end], 4) for end in ("value", "low", "high")}} for row in rows]
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("label:N", sort=[value["label"] for value in values], title=None,
                axis=alt.Axis(labelLimit=260, ticks=False, domain=False)),
        tooltip=["label:N", "value:Q", "low:Q", "high:Q"],
    )  # fmt: skip
    none = alt.Chart(alt.Data(values=[{"none": 0}])).mark_rule(color=look.soft, strokeDash=[3, 3]).encode(x="none:Q")
    bar = base.mark_rule(size=3, opacity=0.45, color=look.held).encode(x=alt.X("low:Q"), x2="high:Q")
    dot = base.mark_point(size=70, filled=True, opacity=1, color=look.held).encode(x=alt.X("value:Q", title=axis))
    chart = alt.layer(none, bar, dot).properties(width=_WIDTH, height=len(values) * _ROW)
    return dress(chart, look, title=title, note=note)
