"""The list of promises for one day: what is due when, in the words of that day, and what calls for a look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.promises.names import shorten_ids
from troth.schema import PROMISES
from troth.times import find_days

SECTIONS: Final[Mapping[str, str]] = {
    "overdue": "Overdue: yours, and not shown to be kept",
    "suspected": "Suspected: long past due, and nothing shows that you did it",
    "today": "Due today",
    "tomorrow": "Due tomorrow",
    "week": "Due within a week",
    "later": "Due later",
    "no_time": "Without a time",
    "theirs": "Theirs: what they owe you",
    "late": "Came late",
    "settled": "Settled",
}
"""The parts of the list, in order, with their headings. `settled` holds what is only shown when it is asked for."""

DUE: Final = ("overdue", "today", "tomorrow", "week")
"""What can be asked for by due time; a week holds today, tomorrow and the five days after."""

LISTED: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # short; enough to name the promise
        pa.field("section", pa.string(), nullable=False),  # a key of SECTIONS
        pa.field("person", pa.string()),  # who holds our promise, or who made theirs
        pa.field("due", pa.string(), nullable=False),  # in local words
        pa.field("age_days", pa.int32()),  # since it was said; null where that is not known
        pa.field("overdue_days", pa.int32()),  # 0 on the due day, less before; null without a due time
        pa.field("is_found", pa.bool_(), nullable=False),  # False: decided by a person, and its sentence is gone
        *PROMISES,
    ]
)

_ORDER: Final = {name: place for place, name in enumerate(SECTIONS)}
_WEEK: Final = 7  # days, today among them
_AHEAD: Final = {"today": range(1), "tomorrow": range(1, 2), "week": range(_WEEK)}
_WAITING: Final = frozenset({"open", "suspected"})
_FRESH: Final = 28  # days; what came late longer ago is listed only when it is asked for
_DUE_BY: Final = ("due_latest", "due_rule", "due_words", "condition")
_EPOCH: Final = date(1970, 1, 1)
_END_OF_DAY: Final = time(23, 59)
_NO_TIME: Final = 10**6


def list_promises(
    promises: pa.Table, *, day: date, zone: str, names: Mapping[str, str], lost: frozenset[str] = frozenset()
) -> pa.Table:
    """Every promise with its part of the list, in the order of the list.

    Args:
        promises: PROMISES as of the evening of `day`.
        day, zone: whose clock says what is today.
        names: addresses to names of people.
        lost: ids of promises that a person decided and that are no longer found.

    Returns: LISTED; within a part the earliest due comes first, without a time the newest.
    """
    ids, today = promises["promise_id"].to_pylist(), (day - _EPOCH).days
    short, ours = shorten_ids(ids), pc.fill_null(pc.not_equal(promises["side"], "them"), True)
    due, said, settled = (find_days(promises[name], zone) for name in ("due_latest", "said_at", "state_at"))
    overdue, is_ours = pc.subtract(today, due), ours.to_numpy()
    added = {
        "id": [short[name] for name in ids],
        "section": _find_sections(promises["state"], overdue, pc.subtract(today, settled), is_ours=is_ours),
        "person": _name_people(pc.if_else(ours, promises["addressee"], promises["actor"]), names),
        "due": _name_all_due(promises, day=day, zone=zone),
        "age_days": pc.subtract(today, said),
        "overdue_days": overdue,
        "is_found": [name not in lost for name in ids],
    }
    columns = {name: added[name] if name in added else promises[name] for name in LISTED.names}
    return _sort(pa.table(columns, schema=LISTED))


def join_listed(
    before: pa.Table, fresh: pa.Table, *, is_out: pa.ChunkedArray | pa.Array, names: Mapping[str, str]
) -> pa.Table:
    """A list in which these rows are in the place of some.

    Args:
        before: LISTED.
        fresh: LISTED, as `list_promises` gives them alone.
        is_out: the rows of `before` that they stand for.
        names: addresses to names of people.
    """
    whole = pa.concat_tables([before.filter(pc.invert(is_out)), fresh])
    known = dict(zip(before["promise_id"].to_pylist(), before["id"].to_pylist(), strict=True))
    ids = whole["promise_id"].to_pylist()
    short = known if len(ids) == len(known) and known.keys() == set(ids) else shorten_ids(ids)
    whole = _set(whole, "id", pa.array([short[name] for name in ids], pa.string()))
    whose = pc.if_else(pc.fill_null(pc.equal(whole["side"], "them"), False), whole["actor"], whole["addressee"])
    return _sort(_set(whole, "person", _name_people(whose, names)))


def _sort(listed: pa.Table) -> pa.Table:
    """In the order of `order_row`."""
    keys = pa.table(
        {
            "section": pc.index_in(listed["section"], pa.array(list(SECTIONS))),
            "due": listed["due_latest"].cast(pa.int64()),
            "newest": pc.fill_null(listed["age_days"], _NO_TIME),
            "id": listed["promise_id"],
        }
    )
    return listed.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]))


def _name_people(whose: pa.ChunkedArray, names: Mapping[str, str]) -> pa.Array:
    place = pc.index_in(whose, pa.array(list(names), pa.string()))
    named = pa.array(list(names.values()), pa.string()).take(place.combine_chunks())
    return pc.coalesce(named, whose.combine_chunks())


def _set(listed: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return listed.set_column(listed.schema.get_field_index(name), LISTED.field(name), column)


def order_row(row: Mapping[str, Any]) -> tuple[int, float, float, str]:
    """Where a row of LISTED stands among the others; no two rows stand at one place."""
    return (_ORDER[row["section"]], *_urgency(row), row["promise_id"])


def _find_sections(
    states: pa.ChunkedArray, overdue: pa.Array, since: pa.Array, *, is_ours: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """The part of the list that each promise belongs to; `overdue` and `since` it settled in days."""
    state = states.to_numpy()
    days = pc.fill_null(overdue, 0).to_numpy()
    is_fresh = pc.fill_null(pc.less_equal(since, _FRESH), False).to_numpy(zero_copy_only=False)
    came_late = (state == "late") & is_ours
    ahead = [days > 0, days == 0, days == -1, days > -_WEEK]
    choices = [
        (came_late & is_fresh, "late"),
        (came_late | ~np.isin(state, list(_WAITING)), "settled"),
        (~is_ours, "theirs"),
        (state == "suspected", "suspected"),
        (pc.is_null(overdue).to_numpy(zero_copy_only=False), "no_time"),
        *zip(ahead, ("overdue", "today", "tomorrow", "week"), strict=True),
    ]
    found = np.full(len(state), "later", dtype=object)
    for is_it, name in reversed(choices):  # the first that holds counts
        found[is_it] = name
    return found


def _name_all_due(promises: pa.Table, *, day: date, zone: str) -> list[str]:
    """`name_due` of every promise; of those that say the same once."""
    told: dict[tuple[object, ...], str] = {}
    columns = [promises[name].to_pylist() for name in _DUE_BY]
    for key in zip(*columns, strict=True):
        if key not in told:
            told[key] = name_due(dict(zip(_DUE_BY, key, strict=True)), day=day, zone=zone)
    return [told[key] for key in zip(*columns, strict=True)]


def _urgency(row: Mapping[str, Any]) -> tuple[float, float]:
    due = row["due_latest"]
    newest = row["age_days"] if row["age_days"] is not None else _NO_TIME
    return (_NO_TIME**2 if due is None else due.timestamp(), newest)


def is_due(row: Mapping[str, Any], wanted: str) -> bool:
    """Whether a row of LISTED falls under one of `DUE`. Overdue is what still waits; the rest goes by the day alone."""
    overdue = row["overdue_days"]
    if overdue is None:
        return False
    if wanted == "overdue":
        return overdue > 0 and row["state"] in _WAITING
    return -overdue in _AHEAD[wanted]


def mark_due(listed: pa.Table, wanted: str) -> pa.ChunkedArray:
    """`is_due` for every row of LISTED at once."""
    overdue = listed["overdue_days"]
    if wanted == "overdue":
        waits = pc.is_in(listed["state"], pa.array(sorted(_WAITING)))
        return pc.fill_null(pc.and_(pc.greater(overdue, 0), waits), False)
    ahead = pa.array([-days for days in _AHEAD[wanted]], pa.int32())
    return pc.is_in(overdue, ahead)


def name_due(row: Mapping[str, Any], *, day: date, zone: str) -> str:
    """When a promise is due, as somebody would say it on that day.

    >>> from datetime import UTC
    >>> row = {"due_latest": datetime(2026, 11, 19, 16, 0, tzinfo=UTC), "due_rule": "explicit"}
    >>> name_due(row, day=date(2026, 11, 20), zone="Europe/Rome")
    'yesterday 17:00'
    """
    latest: datetime | None = row["due_latest"]
    if latest is None:
        said = row["condition"] or row["due_words"]
        return f"“{said}”" if said else "no time"
    local = latest.astimezone(ZoneInfo(zone))
    nearby = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    ahead = (local.date() - day).days
    name = nearby.get(ahead) or local.strftime("%a %-d %b" if local.year == day.year else "%a %-d %b %Y")
    if row["due_rule"] == "vague":
        return f"“{row['due_words']}”, about {name}"
    return name if is_whole_day(local) else f"{name} {local:%H:%M}"


def is_whole_day(local: datetime) -> bool:
    """Whether a due time means the whole of its day: it ends with the day."""
    return local.time().replace(second=0, microsecond=0) == _END_OF_DAY
