"""Why a score is what it is, or moved: one bar for each sentence that weighs most."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import pyarrow as pa

from troth.charts.look import LOOKS, Chart, Theme, dress, load_altair, trim

_LISTED: Final = 12
_KINDS: Final = {
    "own": "own evidence",
    "borrowed": "borrowed from other facets",
    "prior": "what is typical",
}


def draw_ledger(
    explained: pa.Table, *, title: str, day: dt.date, since: dt.date | None = None, theme: Theme = "light"
) -> Chart:
    """Draw an EXPLAINED table: the strongest sentences as bars, what faded as an outline, the rest in sums.

    Args:
        explained: of one score; with `moved` where a change is explained.
        title: relationship and score.
        day, since: what is explained, for the words under the title.
        theme: light or dark.

    Raises: InputError when the charts extra is not installed.
    """
    alt, look = load_altair(), LOOKS[theme]
    by = "contribution" if since is None else "moved"
    bars = list_bars(explained, by)
    order = [bar["label"] for bar in bars]
    total = sum(row[by] for row in explained.to_pylist())
    base = alt.Chart(alt.Data(values=bars)).encode(
        y=alt.Y(
            "label:N", sort=order, title=None, axis=alt.Axis(labelLimit=560, ticks=False, domain=False, labelPadding=8)
        )
    )
    kinds = alt.Scale(domain=list(_KINDS.values()), range=[look.shown, look.held, look.prior])
    what = "what it adds to the score" if since is None else "what it moved the score by"
    along = alt.X("share:Q", title=f"{what} (standard deviations between relationships)", axis=alt.Axis(format="+.2f"))
    shares = base.mark_bar(height=14, cornerRadius=2).encode(
        x=along,
        color=alt.Color("kind:N", scale=kinds, title=None, legend=alt.Legend(columns=3, labelLimit=300)),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("label", "kind", "figure", "faded_by")],
    )
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=look.soft).encode(x="zero:Q")
    layers = [shares, zero]
    if since is None:  # a change has nothing to outline: what faded is in its bars
        layers.insert(
            0,
            base.mark_bar(height=14, cornerRadius=2, filled=False, stroke=look.soft, strokeDash=[3, 2]).encode(
                x=alt.X("first:Q")
            ),
        )
    note = f"as of {day:%-d %B %Y}: {total:+.2f} in all; dashed: what a sentence weighed before time took its part"
    if since is not None:
        note = f"from {since:%-d %B %Y} to {day:%-d %B %Y}: {total:+.2f} in all"
    height = 24 * len(bars) + 10
    return dress(alt.layer(*layers).properties(width=420, height=height), look, title=title, note=note)


def list_bars(explained: pa.Table, by: str) -> list[dict[str, Any]]:
    """The strongest readings with their sentences, then the others and the prior as one bar each; they sum to all.

    A label starts with its place, so that equal sentences stay two bars.
    """
    rows = explained.to_pylist()
    evidence = sorted((row for row in rows if row["kind"] != "prior"), key=lambda row: (-abs(row[by]), str(row["at"])))
    bars = [_bar(place, row, by) for place, row in enumerate(evidence[:_LISTED], start=1) if row[by]]
    for kind in ("own", "borrowed"):
        left = [row for row in evidence[_LISTED:] if row["kind"] == kind]
        if left:
            bars.append(_sum_bar(f"{len(left)} others, {kind}", kind, sum(row[by] for row in left)))
    prior = sum(row[by] for row in rows if row["kind"] == "prior")
    return [*bars, _sum_bar("what is typical, before any evidence", "prior", prior)]


def _bar(place: int, row: dict[str, Any], by: str) -> dict[str, Any]:
    day = f"{row['at']:%-d %b %y}" if row["at"] is not None else "replaced since"
    about = f"{row['facet']} {(row['signal'] or '').replace('_', ' ')}".replace(" turn", "")
    words = f"“{trim(row['text'], 62)}”" if row["text"] else about
    faded = row["faded"] or 0.0
    return {
        "label": f"{place}. {day} · {words}" + (f" ({row['facet']})" if row["text"] else ""),
        "kind": _KINDS[row["kind"]],
        "share": round(row[by], 5),
        "first": round(row[by] / (1.0 - faded), 5) if faded < 0.99 else None,
        "figure": f"{row[by]:+.3f} SD, {about}",
        "faded_by": f"{faded:.0%} faded",
    }


def _sum_bar(label: str, kind: str, share: float) -> dict[str, Any]:
    return {"label": label, "kind": _KINDS[kind], "share": round(share, 5), "first": None,
            "figure": f"{share:+.3f} SD", "faded_by": ""}  # fmt: skip
