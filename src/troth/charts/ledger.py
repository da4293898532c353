"""Why a score is what it is, or moved: one bar for each sentence that weighs most."""

from __future__ import annotations

import datetime as dt
import textwrap
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.charts.look import LOOKS, PADDING, Chart, Say, Spec, Theme, as_it_is, frame, take_spec, trim, write
from troth.signals import HELD, SHOWN

LISTED: Final = 12
"""Sentences that have a bar of their own."""
_WIDTH: Final = 420  # of the bars, units of length
_LABELS: Final = 560  # of the words beside them
_NARROW: Final = 560  # pixels of a picture in which the key is a column
_KINDS: Final = {
    "own": "own evidence",
    "borrowed": "borrowed from other facets",
    "prior": "what is typical",
}
_TIPS: Final = {"label": "reading", "kind": "kind", "figure": "share", "faded_by": "faded"}
_FACETS: Final = {**SHOWN, **HELD}


def describe_ledger(
    explained: pa.Table,
    *,
    title: str,
    day: dt.date,
    since: dt.date | None = None,
    theme: Theme = "light",
    width: int | None = None,
    say: Say = as_it_is,
) -> Spec:
    """Describe an EXPLAINED table: the strongest sentences as bars, what faded as an outline, the rest in sums.

    Args:
        explained: of one score; with `moved` where a change is explained.
        title: relationship and score.
        day, since: what is explained, for the words under the title.
        theme: light or dark.
        width: of the whole picture in pixels; that of a report's page if not given.
        say: puts our own words into the reader's language.

    Returns: a Vega-Lite specification.
    """
    look, by = LOOKS[theme], "contribution" if since is None else "moved"
    bars = list_bars(explained, by, say)
    total = pc.sum(explained[by]).as_py() or 0.0
    inner = None if width is None else max(width - 2 * PADDING, 200)
    labels = _LABELS if inner is None else inner // 2
    long = _WIDTH if inner is None else inner - labels - 8
    colours = zip(_KINDS.values(), (look.shown, look.held, look.prior), strict=True)
    tints = {say(kind): tint for kind, tint in colours if any(bar["kind"] == say(kind) for bar in bars)}
    label = {
        "field": "label",
        "type": "nominal",
        "sort": [bar["label"] for bar in bars],
        "title": None,
        "axis": {"labelLimit": labels, "ticks": False, "domain": False, "labelPadding": 8},
    }
    what = "what it adds to the score" if since is None else "what it moved the score by"
    shares = {
        "mark": {"type": "bar", "height": 14, "cornerRadius": 2},
        "encoding": {
            "y": label,
            "x": {
                "field": "share",
                "type": "quantitative",
                "title": textwrap.wrap(say(f"{what} (standard deviations between relationships)"), max(long // 6, 20)),
                "axis": {"format": "+.2f", "tickCount": max(long // 60, 2)},
            },
            "color": {
                "field": "kind",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(tints), "range": list(tints.values())},
                "legend": {"columns": 3 if inner is None or inner > _NARROW else 1, "labelLimit": max(long - 16, 80)},
            },
            "tooltip": [{"field": name, "type": "nominal", "title": say(words)} for name, words in _TIPS.items()],
        },
    }  # fmt: skip
    zero = {"mark": {"type": "rule", "color": look.soft}, "encoding": {"x": {"datum": 0, "type": "quantitative"}}}
    layers: list[dict[str, Any]] = [shares, zero]
    when = say("%-d %b %y")
    told = {"day": day.strftime(when), "since": since and since.strftime(when), "total": write(total, "+.2f", say)}
    note = say("from {since} to {day}: {total} in all").format(**told)
    if since is None:  # a change has nothing to outline: what faded is in its bars
        outline = {"type": "bar", "height": 14, "cornerRadius": 2, "filled": False, "stroke": look.soft,
                   "strokeDash": [3, 2]}  # fmt: skip
        first = {"y": label, "x": {"field": "first", "type": "quantitative"}}
        layers.insert(0, {"mark": outline, "encoding": first})
        note = say("as of {day}: {total} in all; dashed: what a sentence weighed before time took its part").format(
            **told
        )
    body = {
        "data": {"name": "bars"},
        "datasets": {"bars": bars},
        "layer": layers,
        "width": long,
        "height": 24 * len(bars) + 10,
    }
    if width is not None:  # the words beside the bars take what they need of the width, and the bars the rest
        body |= {"autosize": {"type": "fit-x", "contains": "padding"}, "width": width}
    return frame(body, look, title=title, note=note, width=long + labels, say=say)


def draw_ledger(
    explained: pa.Table, *, title: str, day: dt.date, since: dt.date | None = None, theme: Theme = "light"
) -> Chart:
    """`describe_ledger` as an Altair chart.

    Raises: InputError when the charts extra is not installed.
    """
    return take_spec(describe_ledger(explained, title=title, day=day, since=since, theme=theme))


def list_bars(explained: pa.Table, by: str, say: Say = as_it_is) -> list[dict[str, Any]]:
    """The strongest readings with their sentences, then the others and the prior as one bar each; they sum to all.

    A label starts with its place, so that equal sentences stay two bars.
    """
    is_prior = pc.equal(explained["kind"], "prior")
    prior = pc.sum(explained.filter(is_prior)[by]).as_py() or 0.0
    evidence = explained.filter(pc.invert(is_prior))
    weight = evidence.select([by, "at"]).append_column("weight", pc.abs(evidence[by]))
    order = pc.sort_indices(weight, sort_keys=[("weight", "descending"), ("at", "ascending")])
    chosen = evidence.take(order.slice(0, LISTED)).to_pylist()
    bars = [_bar(place, row, by, say) for place, row in enumerate(chosen, start=1) if row[by]]
    rest = evidence.take(order.slice(LISTED))
    for kind in ("own", "borrowed"):
        left = rest.filter(pc.equal(rest["kind"], kind))
        if left.num_rows:
            others = say("{n} others, " + kind).format(n=left.num_rows)
            bars.append(_sum_bar(others, say(_KINDS[kind]), pc.sum(left[by]).as_py(), say))
    return [*bars, _sum_bar(say("what is typical, before any evidence"), say(_KINDS["prior"]), prior, say)]


def _bar(place: int, row: dict[str, Any], by: str, say: Say) -> dict[str, Any]:
    day = row["at"].strftime(say("%-d %b %y")) if row["at"] is not None else say("replaced since")
    signal = row["signal"] if row["signal"] != "turn" else None  # several signals of a turn, joined
    facet = say(_FACETS[row["facet"]])
    about = f"{facet}, {say(signal.replace('_', ' '))}" if signal else facet
    words = say("“{words}”").format(words=trim(row["text"], 62)) if row["text"] else about
    faded = row["faded"] or 0.0
    return {
        "label": f"{place}. {day} · {words}" + (f" ({facet})" if row["text"] else ""),
        "kind": say(_KINDS[row["kind"]]),
        "share": round(row[by], 5),
        "first": round(row[by] / (1.0 - faded), 5) if faded < 0.99 else None,
        "figure": f"{write(row[by], '+.3f', say)} {say('SD')}, {about}",
        "faded_by": write(faded, ".0%", say),
    }


def _sum_bar(label: str, kind: str, share: float, say: Say) -> dict[str, Any]:
    return {"label": label, "kind": kind, "share": round(share, 5), "first": None,
            "figure": f"{write(share, '+.3f', say)} {say('SD')}", "faded_by": ""}  # fmt: skip
