"""The states that a promise has been in, noted whenever one evening's books show another state than the last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.schema import PROMISE_HISTORY

_WATCHED: Final = ("state", "decided_by", "due_latest")
_TICK: Final = timedelta(microseconds=1)


def note_changes(promises: pa.Table, history: pa.Table, *, as_of: datetime, noted_at: datetime) -> pa.Table:
    """The rows that the history lacks.

    Args:
        promises: PROMISES as of that evening. Those said later are left out.
        history: PROMISE_HISTORY so far.
        as_of: the evening. One that lies before the last noted of a promise adds nothing to it.
        noted_at: the clock; where it has stepped back, rows are dated just after the last.

    Returns: PROMISE_HISTORY, one row for each promise whose state, decider or due time is another than last noted.
    Cost: a pass over promises and history, and more for those alone that changed.
    """
    columns = ["promise_id", "turn_id", "said_at", "state", "state_at", "decided_by", "due_latest", "evidence_turn_id"]
    noted_last = _last(history)
    changed = promises.select(columns).filter(_is_other(promises, noted_last))
    ids = changed["promise_id"].combine_chunks()
    known = noted_last.filter(pc.is_in(noted_last["promise_id"], ids)).to_pylist()
    last = {row["promise_id"]: row for row in known}
    rows: list[dict[str, Any]] = []
    for row in changed.to_pylist():
        said_at, before = row.pop("said_at"), last.get(row["promise_id"])
        if said_at is not None and said_at > as_of:
            continue
        if before is not None and (as_of < before["as_of"] or all(row[name] == before[name] for name in _WATCHED)):
            continue
        noted = noted_at if before is None else max(noted_at, before["noted_at"] + _TICK)
        rows.append({**row, "as_of": as_of, "noted_at": noted})
    return pa.Table.from_pylist(rows, schema=PROMISE_HISTORY)


def _is_other(promises: pa.Table, last: pa.Table) -> pa.ChunkedArray:
    """Which promises are not as they were noted last, or were not noted yet."""
    place = pc.index_in(promises["promise_id"], last["promise_id"].combine_chunks())
    is_other = pc.is_null(place)
    for name in _WATCHED:
        now, then = promises[name], last[name].take(place)
        is_same = pc.or_(pc.fill_null(pc.equal(now, then), False), pc.and_(pc.is_null(now), pc.is_null(then)))
        is_other = pc.or_(is_other, pc.invert(is_same))
    return is_other


def _last(history: pa.Table) -> pa.Table:
    """The row noted last of each promise."""
    newest = history.group_by("promise_id", use_threads=False).aggregate([("noted_at", "max")])
    return history.select(["promise_id", "noted_at", "as_of", *_WATCHED]).join(
        newest, ["promise_id", "noted_at"], ["promise_id", "noted_at_max"], join_type="inner"
    )


def count_revisions(history: pa.Table) -> dict[str, tuple[int, datetime]]:
    """How often each promise changed after it was first noted, and when it last did."""
    counted = history.group_by("promise_id", use_threads=False).aggregate([("noted_at", "count"), ("noted_at", "max")])
    return {row["promise_id"]: (row["noted_at_count"] - 1, row["noted_at_max"]) for row in counted.to_pylist()}


def history_of(history: pa.Table, promise_id: str) -> list[dict[str, Any]]:
    """The rows of one promise, the oldest first."""
    rows = history.filter(pc.equal(history["promise_id"], promise_id)).to_pylist()
    return sorted(rows, key=lambda row: row["noted_at"])
