"""How SHOWN and HELD went over time, with bands, what became of our promises, and what the other side asked and said.

The picture is described in Vega-Lite's own words, so that a page needs no chart library to send it; a notebook gets
the same description as an Altair chart.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from troth.charts.look import LOOKS, PADDING, Chart, Look, Say, Spec, Theme, as_it_is, frame, take_spec, trim
from troth.schema import ANSWERS, QUESTIONS, empty

_HEADINGS: Final = {"SHOWN": "SHOWN: what we said and did", "HELD": "HELD: what they said, did and answered"}
_NOTE: Final = "50 is typical; shaded: 80 % band; dotted: too little was read to name a number"
_TRUSTED: Final = 0.5  # reliability under which the line is dotted: the band is meant, not the number
_WIDTH: Final = 720  # of a panel without its axis, units of length
_AXIS: Final = 54  # what the vertical axis takes beside it
_HEIGHT: Final = 170
_MARKED: Final = 120  # events of each kind, the latest; more would hide each other
_LEVEL: Final = 6  # percentile at which events are marked
_KEY: Final = 130  # of one entry of the key
_PROMISES: Final = {
    "kept": "promise kept", "late": "promise kept late", "suspected": "promise overdue", "broken": "promise broken",
}  # fmt: skip
_SHAPES: Final = {
    "promise kept": "circle", "promise kept late": "triangle-up", "promise overdue": "diamond",
    "promise broken": "cross", "open question": "triangle-down", "survey answer": "square",
}  # fmt: skip


def describe_path(
    path: pa.Table,
    promises: pa.Table,
    *,
    title: str,
    zone: str,
    questions: pa.Table | None = None,
    answers: pa.Table | None = None,
    theme: Theme = "light",
    width: int | None = None,
    say: Say = as_it_is,
) -> Spec:
    """Describe one relationship's path, one panel for each gauge.

    Args:
        path: PATH with one score of each gauge; times in rows rise.
        promises: PROMISES of this relationship; those of ours with an outcome are marked under SHOWN. Of each kind
            of event the latest 120 are marked.
        title: the relationship.
        zone: whose clock the time axis shows.
        questions: QUESTIONS of this relationship; theirs that are open are marked under HELD.
        answers: ANSWERS of this relationship, marked under HELD.
        theme: light or dark.
        width: of the whole picture in pixels; that of a report's page if not given.
        say: puts our own words into the reader's language.

    Returns: a Vega-Lite specification.
    """
    look = LOOKS[theme]
    points = _list_points(path, zone)
    span = [points[0]["at"], points[-1]["at"]] if points else []
    marks = {
        "SHOWN": _list_promises(promises, span, zone),
        "HELD": [
            *_list_questions(empty(QUESTIONS) if questions is None else questions, span, zone),
            *_list_answers(empty(ANSWERS) if answers is None else answers, span, zone, say),
        ],
    }
    long = _WIDTH if width is None else max(width - 2 * PADDING - _AXIS, 120)
    kinds = _kinds([mark for rows in marks.values() for mark in rows], look, width=long, say=say)
    panels = [
        _panel(
            gauge, look, kinds if marks[gauge] else None, span=span, width=long, say=say,
            zone=zone if gauge == "HELD" else None,
        )
        for gauge in _HEADINGS
    ]  # fmt: skip
    body = {
        "vconcat": panels,
        "spacing": 14,
        "resolve": {"scale": {"x": "shared"}},
        "datasets": {"points": points, **{f"marks_{gauge}": rows for gauge, rows in marks.items() if rows}},
    }
    return frame(body, look, title=title, note=say(_NOTE), width=long + _AXIS, say=say)


def draw_path(
    path: pa.Table,
    promises: pa.Table,
    *,
    title: str,
    zone: str,
    questions: pa.Table | None = None,
    answers: pa.Table | None = None,
    theme: Theme = "light",
) -> Chart:
    """`describe_path` as an Altair chart.

    Raises: InputError when the charts extra is not installed.
    """
    spec = describe_path(path, promises, title=title, zone=zone, questions=questions, answers=answers, theme=theme)
    return take_spec(spec)


def _panel(
    gauge: str, look: Look, kinds: dict[str, Any] | None, *, span: list[str], width: int, say: Say, zone: str | None
) -> dict[str, Any]:
    """One panel: band, dotted line, the line where it may be named, and events. Only the last one has a time axis.

    `kinds`: shape and colour of each kind of event, where there are any.
    """
    name = gauge.lower()
    colour = {"SHOWN": look.shown, "HELD": look.held}[gauge]
    day, shows_days = say("%-d %b %y"), zone is not None
    when = {
        "field": "at",
        "type": "temporal",
        "title": None if zone is None else say("day ({zone})").format(zone=zone),
        "axis": {
            "format": day, "labelOverlap": True, "labelFlush": True, "labelBound": True,
            "grid": False, "labels": shows_days, "ticks": shows_days,
            "tickCount": max(width // 90, 2),
        },
        "scale": {"domain": span} if span else {},
    }  # fmt: skip
    scale = {"domain": [0, 100]}
    axis = {"values": [0, 25, 50, 75, 100]}
    tips = [
        {"field": "at", "type": "temporal", "format": day, "title": say("day")},
        *(
            {"field": name + part, "type": "quantitative", "format": ".0f", "title": say(word)}
            for part, word in (("", "percentile"), ("_low", "low"), ("_high", "high"))
        ),
    ]
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "opacity": 0.25, "color": colour},
            "encoding": {
                "x": when,
                "y": _level(f"{name}_low", scale, axis=axis, title=say("percentile")),
                "y2": {"field": f"{name}_high"},
            },
        },
        {
            "mark": {"type": "line", "strokeWidth": 1.4, "strokeDash": [2, 4], "color": colour},
            "encoding": {"x": when, "y": _level(name, scale), "tooltip": tips},
        },
        {
            "mark": {"type": "line", "strokeWidth": 2.6, "color": colour, "invalid": "break-paths-filter-domains"},
            "encoding": {"x": when, "y": _level(f"{name}_named", scale), "tooltip": tips},
        },
    ]
    if kinds is not None:
        tips = [
            {"field": "at", "type": "temporal", "format": day, "title": say("day")},
            {"field": "state", "type": "nominal", "title": say("event")},
            {"field": "text", "type": "nominal", "title": say("words")},
        ]
        level = {"datum": _LEVEL, "type": "quantitative", "scale": scale}
        layers.append(
            {
                "data": {"name": f"marks_{gauge}"},
                "mark": {"type": "point", "size": 80, "filled": True, "opacity": 1},
                "encoding": {"x": when, "y": level, "tooltip": tips, **kinds},
            }
        )
    return {
        "data": {"name": "points"},
        "layer": layers,
        "width": width,
        "height": _HEIGHT,
        "title": {
            "text": textwrap.wrap(say(_HEADINGS[gauge]), max(width // 7, 20)),
            "anchor": "start", "color": colour, "fontSize": 13, "fontWeight": 500,
            "offset": 6,
        },
    }  # fmt: skip


def _level(
    name: str, scale: dict[str, Any], *, axis: dict[str, Any] | None = None, title: str | None = None
) -> dict[str, Any]:
    level: dict[str, Any] = {"field": name, "type": "quantitative", "scale": scale}
    return level if axis is None else level | {"axis": axis, "title": title}


def _kinds(marks: list[dict[str, Any]], look: Look, *, width: int, say: Say) -> dict[str, Any]:
    """How kinds of events look, the same in both panels, and one key to them; puts their names into words."""
    tints = {
        "promise kept": look.good, "promise kept late": look.held, "promise overdue": look.bad,
        "promise broken": look.bad, "open question": look.bad, "survey answer": look.held,
    }  # fmt: skip
    present = {mark["state"] for mark in marks}
    states = [state for state in _SHAPES if state in present]
    for mark in marks:
        mark["state"] = say(mark["state"])
    key = {"columns": max(width // _KEY, 1), "labelLimit": 240}
    of_state = {"field": "state", "type": "nominal", "title": None, "legend": key}
    names = [say(state) for state in states]
    return {
        "shape": of_state | {"scale": {"domain": names, "range": [_SHAPES[state] for state in states]}},
        "color": of_state | {"scale": {"domain": names, "range": [tints[state] for state in states]}},
    }


def _list_points(path: pa.Table, zone: str) -> list[dict[str, Any]]:
    """One row for each time, with both gauges; what may not be named as a number is null under `_named`."""
    here = ZoneInfo(zone)
    rows: dict[dt.datetime, dict[str, Any]] = {}
    for row in path.select(["at", "gauge", "percentile", "low", "high", "reliability"]).to_pylist():
        point = rows.setdefault(row["at"], {"at": _local(row["at"], here)})
        name, level = row["gauge"].lower(), round(row["percentile"], 1)
        point[name], point[f"{name}_low"], point[f"{name}_high"] = level, round(row["low"], 1), round(row["high"], 1)
        point[f"{name}_named"] = level if row["reliability"] >= _TRUSTED else None
    return [rows[moment] for moment in sorted(rows)]


def _list_promises(promises: pa.Table, span: list[str], zone: str) -> list[dict[str, Any]]:
    return _within(
        span,
        [
            {"at": _local(row["state_at"], ZoneInfo(zone)), "state": _PROMISES[row["state"]], "text": trim(row["text"])}
            for row in promises.select(["side", "state", "state_at", "text"])
            .filter(pc.is_in(promises["state"], pa.array(list(_PROMISES))))
            .to_pylist()
            if row["side"] == "us" and row["state_at"] is not None
        ],
    )


def _list_questions(questions: pa.Table, span: list[str], zone: str) -> list[dict[str, Any]]:
    return _within(
        span,
        [
            {"at": _local(row["asked_at"], ZoneInfo(zone)), "state": "open question", "text": trim(row["text"])}
            for row in questions.select(["side", "state", "asked_at", "text"]).to_pylist()
            if row["side"] != "us" and row["state"] in ("open", "partly") and row["asked_at"] is not None
        ],
    )


def _list_answers(answers: pa.Table, span: list[str], zone: str, say: Say) -> list[dict[str, Any]]:
    return _within(
        span,
        [
            {
                "at": _local(row["answered_at"], ZoneInfo(zone)),
                "state": "survey answer",
                "text": trim(f"{say(row['item'])}: {row['value']} ({row['lowest']}–{row['highest']})"),
            }
            for row in answers.select(["answered_at", "item", "value", "lowest", "highest"]).to_pylist()
        ],
    )


def _within(span: list[str], marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    inside = [mark for mark in marks if span and span[0] <= mark["at"] <= span[1]]
    return sorted(inside, key=lambda mark: mark["at"])[-_MARKED:]


def _local(moment: dt.datetime, here: ZoneInfo) -> str:
    """A time as the clock in that zone shows it: Vega takes a time without zone for the reader's own."""
    return moment.astimezone(here).replace(tzinfo=None).isoformat(timespec="seconds")
