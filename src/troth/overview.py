"""One row per relationship: who trusts us how much, and what is open between us."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from troth.lenses import WHOLE, Lens
from troth.pipeline import Standing, Understood, find_segments, score_relationships
from troth.settings import Watch
from troth.trend import find_trends, list_gaps
from troth.trust import DEFAULT_MODEL, Model

GAUGES = tuple(Lens(name=name, plain=pillar.plain, pillars=(pillar,)) for name, pillar in WHOLE.items())
"""Each gauge as a lens of one pillar, all facets alike."""


def tabulate_relationships(
    known: Understood,
    standing: Standing,
    model: Model = DEFAULT_MODEL,
    *,
    over: int | None = None,
    watch: Watch | None = None,
    trends: pa.Table | None = None,
) -> pa.Table:
    """Circle, turns, last contact, both gauges with bands and trends, open promises and questions; most turns first.

    A gauge's number is null where it is withheld, its band where there was no reading at all, its trend where there was
    none within the last `over` days (those of `watch` if not given); `trends` are these, where they are at hand.
    """
    watch = watch or Watch()
    segments = find_segments(known.turns)
    moved = trends
    if moved is None:
        moved = find_trends(standing.readings, standing.now, days=over or watch.days, model=model, segments=segments)
    trend = {(row["relationship"], row["pillar"]): row for row in moved.to_pylist() if row["readings"]}
    gaps = {row["relationship"]: row["text"] for row in list_gaps(moved, watch)}
    turns = known.turns.select(["relationship", "circle", "turn_id", "sent_at", "automatic"])
    said = turns.filter(pc.and_(pc.invert(turns["automatic"]), pc.is_valid(turns["relationship"])))
    counted = said.group_by(["relationship", "circle"], use_threads=False).aggregate(
        [("turn_id", "count"), ("sent_at", "max")]
    )
    scored = score_relationships(standing.readings, standing.now, lenses=GAUGES, model=model, segments=segments)
    scores = {(row["scope"], row["lens"]): row for row in scored.to_pylist()}
    ours = _count(standing.promises, side="us", states=("open", "suspected"))
    theirs = _count(standing.promises, side="them", states=("open", "suspected"))
    asked = _count(standing.questions, side=None, states=("open",))
    rows: list[dict[str, Any]] = [
        {
            "relationship": row["relationship"],
            "circle": row["circle"],
            "turns": row["turn_id_count"],
            "last_contact": row["sent_at_max"],
            **_gauge("shown", scores.get((row["relationship"], "shown"))),
            **_gauge("held", scores.get((row["relationship"], "held"))),
            **_trend("shown", trend.get((row["relationship"], "shown"))),
            **_trend("held", trend.get((row["relationship"], "held"))),
            "warning": gaps.get(row["relationship"]),
            "promises_of_ours": ours.get(row["relationship"], 0),
            "promises_of_theirs": theirs.get(row["relationship"], 0),
            "questions_open": asked.get(row["relationship"], 0),
        }
        for row in counted.to_pylist()
    ]
    rows.sort(key=lambda row: (-row["turns"], row["relationship"]))
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


_SCHEMA = pa.schema(
    [
        ("relationship", pa.string()),
        ("circle", pa.string()),
        ("turns", pa.int64()),
        ("last_contact", pa.timestamp("us", tz="UTC")),
        *((f"{gauge}_{part}", pa.float64()) for gauge in ("shown", "held") for part in ("percentile", "low", "high")),
        *((f"{gauge}_{part}", pa.float64()) for gauge in ("shown", "held") for part in ("rose", "change")),
        ("warning", pa.string()),
        ("promises_of_ours", pa.int64()),
        ("promises_of_theirs", pa.int64()),
        ("questions_open", pa.int64()),
    ]
)


def _gauge(name: str, score: dict[str, Any] | None) -> dict[str, float | None]:
    parts = ("percentile", "low", "high")
    is_known = score is not None and score["readings"] > 0
    return {f"{name}_{part}": score[part] if is_known and score is not None else None for part in parts}


def _trend(name: str, change: dict[str, Any] | None) -> dict[str, float | None]:
    return {f"{name}_{part}": change[part] if change is not None else None for part in ("rose", "change")}


def _count(table: pa.Table, *, side: str | None, states: tuple[str, ...]) -> dict[str, int]:
    chosen = pc.is_in(table["state"], pa.array(states))
    if side is not None:
        chosen = pc.and_(chosen, pc.equal(table["side"], side))
    counts = table.filter(pc.fill_null(chosen, False))["relationship"].drop_null().value_counts()
    return {pair["values"]: pair["counts"] for pair in counts.to_pylist()}
