"""What a person says of a promise counts more than what the machine reads, now and after every new reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import InputError
from troth.promises.settle import GRACE
from troth.schema import PROMISES

DECIDABLE: Final = ("kept", "late", "broken", "withdrawn", "contested")
"""The states that a person can give a promise. Contested means: this is none, or it is read wrongly."""

_SAME: Final = {"kept": "kept", "late": "late", "withdrawn": "withdrawn", "suspected": "broken"}
"""What a person confirms who says no more than "yes" to a state of the machine."""
_EVIDENCE: Final = ("evidence_turn_id", "evidence_start", "evidence_end", "evidence_text", "evidence_probability")


def confirm_state(row: Mapping[str, Any], wanted: str | None) -> str:
    """The state to give a promise: the one wanted, or the machine's own where nothing else is said.

    Raises: InputError for a state that no person can give, or where the machine has no state to say yes to.
    """
    if wanted is None:
        if row["decided_by"] == "machine" and row["state"] in _SAME:
            return _SAME[row["state"]]
        raise InputError(
            f"the promise {row['text']!r} is {row['state']}, which is nothing to say yes to. "
            "Say --kept, --late or --broken."
        )
    if wanted not in DECIDABLE:
        raise InputError(f"a promise cannot be made {wanted!r}; a person can say {', '.join(DECIDABLE)}.")
    return wanted


def decide_row(row: Mapping[str, Any], state: str, *, evening: datetime) -> dict[str, Any]:
    """The row of PROMISES as a person decided it.

    Args:
        row: of PROMISES, as of that moment.
        state: one of `DECIDABLE`.
        evening: up to when the books reach; what is decided came about by then.

    Returns: the row with the state, the time it came about, and the machine's evidence where both say the same.
    """
    is_same = row["decided_by"] == "machine" and _SAME.get(row["state"]) == state
    evidence = {name: row[name] if is_same else None for name in _EVIDENCE}
    came_about = row["state_at"] if is_same and row["state_at"] is not None else _came_about(row, state, evening)
    said_at: datetime | None = row["said_at"]
    state_at = min(came_about, evening)
    if said_at is not None and state_at < said_at <= evening:
        state_at = said_at
    return {**row, **evidence, "state": state, "state_at": state_at, "decided_by": "person"}


def _came_about(row: Mapping[str, Any], state: str, evening: datetime) -> datetime:
    """Kept: by its due time at the latest. Broken: when due and grace had passed. Anything else: now."""
    due: datetime | None = row["due_latest"]
    if due is None or state not in {"kept", "broken"}:
        return evening
    return due + (GRACE if state == "broken" else timedelta())


def lay_decisions(promises: pa.Table, decided: pa.Table, *, now: datetime) -> pa.Table:
    """Give the promises that a person decided that person's state; what is no longer found comes back as it was.

    Args:
        promises: PROMISES as found.
        decided: PROMISES as decided, with the promise's own row of that time.
        now: the evening. Before the time that a state came about, the promise is open; a contested one is no promise
            at any time.

    Returns: PROMISES, those that nobody decided first. A decision stays with its sentence when a newer reading cuts
        it a little differently; the promise then keeps the id under which it was decided.
    """
    matches = match_decided(promises, decided)
    taken = pa.array(set(matches.values()), pa.string())
    touched = pc.is_in(promises["promise_id"], taken)
    found = {row["promise_id"]: row for row in promises.filter(touched).to_pylist()}
    laid = [_lay(row, found.get(matches.get(row["promise_id"], "")), now) for row in decided.to_pylist()]
    return pa.concat_tables([promises.filter(pc.invert(touched)), pa.Table.from_pylist(laid, schema=PROMISES)])


def _lay(decided: Mapping[str, Any], found: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    row = {**(decided if found is None else found), "promise_id": decided["promise_id"], "decided_by": "person"}
    names = ("state", "state_at", *_EVIDENCE)
    if decided["state"] == "contested" or decided["state_at"] is None or decided["state_at"] <= now:
        return {**row, **{name: decided[name] for name in names}}
    return {**row, **dict.fromkeys(names), "state": "open"}


def match_decided(promises: pa.Table, decided: pa.Table) -> dict[str, str]:
    """Decided promise to the promise found now: the same id, else one of the same turn over the same words.

    A decided promise that is not among the keys is no longer found.
    """
    nearby: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    in_turns = promises.filter(pc.is_in(promises["turn_id"], decided["turn_id"].combine_chunks()))
    for row in in_turns.select(["promise_id", "turn_id", "start", "end", "text"]).to_pylist():
        nearby[row["turn_id"]].append(row)
    rows = decided.select(["promise_id", "turn_id", "start", "end", "text"]).to_pylist()
    matches = {
        row["promise_id"]: row["promise_id"]
        for row in rows
        if any(row["promise_id"] == other["promise_id"] for other in nearby[row["turn_id"]])
    }
    taken = set(matches)
    for row in rows:
        if row["promise_id"] in matches:
            continue
        free = [other for other in nearby[row["turn_id"]] if other["promise_id"] not in taken]
        near = [other for other in free if other["text"] == row["text"]] or [
            other for other in free if other["start"] < row["end"] and row["start"] < other["end"]
        ]
        if near:
            matches[row["promise_id"]] = near[0]["promise_id"]
            taken.add(near[0]["promise_id"])
    return matches
