"""What happened that another program may want to hear of: ids and relationships, and never a word of anybody."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from troth.web.view import View

KINDS: Final[Mapping[str, str]] = {
    "promise.due": "a promise of ours is due today, or overdue",
    "question.waits": "a question of theirs has waited for two days",
    "trust.fell": "the number of a gauge fell below the band that it had when it was last told",
}
"""What can be told, and when it is."""

_WAITS: Final = dt.timedelta(days=2)  # a start value, without a measurement
_FRESH: Final = dt.timedelta(days=28)  # what was asked longer ago is on the page, and no news
_DUE: Final = ("today", "overdue")
_WAITING: Final = ("open", "partly")
_GAUGES: Final = ("shown", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened; the same thing has the same id in every view."""

    event_id: str
    kind: str
    relationship: str | None
    subject: str | None  # id of the promise or question; the gauge that fell
    turn_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A gauge as it was when it was last told, or seen for the first time."""

    percentile: float
    low: float
    high: float
    at: dt.datetime


Levels = Mapping[tuple[str, str], Level]
"""By relationship and gauge."""


def find_happenings(view: View) -> list[Happening]:
    """Promises that are due and questions that wait, as of the view's evening."""
    return [*_due(view), *_waiting(view)]


def find_falls(view: View, levels: Levels) -> tuple[list[Happening], dict[tuple[str, str], Level]]:
    """Gauges whose number left the band of the level kept of them.

    Only numbers count: where one is withheld, there is not enough evidence to call anything a fall.

    Args:
        view: as of now.
        levels: those kept.

    Returns: the falls; and the levels to keep from now on, which are new, fell below their band or rose above it.
    """
    falls: list[Happening] = []
    fresh: dict[tuple[str, str], Level] = {}
    for row in view.rows:
        for gauge in _GAUGES:
            key, percentile = (row["relationship"], gauge), row[f"{gauge}_percentile"]
            if percentile is None:
                continue
            before = levels.get(key)
            if before is not None and before.low <= percentile <= before.high:
                continue
            fresh[key] = Level(
                percentile=percentile, low=row[f"{gauge}_low"], high=row[f"{gauge}_high"], at=view.standing.now
            )
            if before is not None and percentile < before.low:
                falls.append(
                    _happening(
                        "trust.fell", *key, f"{before.at} {before.percentile}", subject=gauge, relationship=key[0]
                    )
                )
    return falls, fresh


def _due(view: View) -> Iterator[Happening]:
    wanted = pc.and_(_is_among(view.listed, "section", _DUE), pc.equal(view.listed["side"], "us"))
    for row in view.listed.filter(wanted).to_pylist():
        yield _happening(
            "promise.due", row["promise_id"], str(row["due_latest"]), subject=row["promise_id"],
            relationship=row["relationship"], turn_id=row["turn_id"],
        )  # fmt: skip


def _waiting(view: View) -> Iterator[Happening]:
    questions, now = view.standing.questions, view.standing.now
    since, until = (pa.scalar(now - ago, questions.schema.field("asked_at").type) for ago in (_FRESH, _WAITS))
    asked = pc.and_(pc.greater_equal(questions["asked_at"], since), pc.less(questions["asked_at"], until))
    waits = pc.and_(_is_among(questions, "state", _WAITING), questions["spoken"])
    for row in questions.filter(pc.fill_null(pc.and_(asked, waits), False)).to_pylist():
        yield _happening(
            "question.waits", row["question_id"], subject=row["question_id"], relationship=row["relationship"],
            turn_id=row["turn_id"],
        )  # fmt: skip


def _is_among(table: pa.Table, column: str, values: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.is_in(table[column], pa.array(values))


def _happening(kind: str, *parts: str, subject: str, relationship: str | None, turn_id: str | None = None) -> Happening:
    digest = hashlib.sha256("\0".join((kind, *parts)).encode()).hexdigest()
    return Happening(
        event_id=f"e-{digest[:24]}", kind=kind, relationship=relationship, subject=subject, turn_id=turn_id
    )
