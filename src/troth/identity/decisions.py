"""What people decided of who is who: join, part, undo. Rows are only ever added; of two that speak of one pair of
names the later counts, and what was undone counts no more."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from hashlib import blake2b
from itertools import combinations, product
from typing import Any, NamedTuple

import pyarrow as pa

from troth.errors import InputError
from troth.identity.groups import DECIDED, Apart, Link
from troth.told import Told

Row = Mapping[str, Any]


class Verdicts(NamedTuple):
    """Decisions in force: names that belong together, and names that do not."""

    links: list[Link]
    apart: Apart


def in_force(decisions: pa.Table) -> list[dict[str, Any]]:
    """PERSON_DECISIONS that count: joins and parts in order of time, without those undone."""
    rows = sorted(decisions.to_pylist(), key=lambda row: (row["at"], row["decision_id"]))
    undone = {row["undoes"] for row in rows if row["kind"] == "undo"}
    return [row for row in rows if row["kind"] != "undo" and row["decision_id"] not in undone]


def read_verdicts(decisions: pa.Table) -> Verdicts:
    """Decisions to links and names apart."""
    said: dict[tuple[str, str], tuple[str, str]] = {}
    for row in in_force(decisions):
        why = f"said by {row['by']} on {row['at']:%Y-%m-%d}"
        if row["kind"] == "part":  # what leaves, and what stays, is each one person still
            for side in (row["left"], row["right"]):
                said |= {_pair(*pair): ("join", why) for pair in combinations(side, 2)}
        said |= {_pair(*pair): (row["kind"], why) for pair in product(row["left"], row["right"])}
    apart: defaultdict[str, set[str]] = defaultdict(set)
    links: list[Link] = []
    for (one, other), (kind, why) in said.items():
        if kind == "join":
            links.append(Link(DECIDED, one, other, why))
        else:
            apart[one].add(other)
            apart[other].add(one)
    return Verdicts(links, {name: frozenset(foes) for name, foes in apart.items()})


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def decide_join(
    left: Sequence[str], right: Sequence[str], *, at: dt.datetime, by: str, note: str | None
) -> dict[str, Any]:
    """A row of PERSON_DECISIONS: the names of two persons are one person's.

    Raises: InputError when they are one person already.
    """
    if set(left) & set(right):
        raise InputError(
            Told(
                "{left!r} and {right!r} are one person already. `troth people` lists who is who.",
                left=left[0],
                right=right[0],
            )
        )
    return _make("join", left, right, at=at, by=by, note=note)


def decide_part(
    left: Sequence[str], right: Sequence[str], *, at: dt.datetime, by: str, note: str | None
) -> dict[str, Any]:
    """A row of PERSON_DECISIONS: these names are not the same person's as those.

    Raises: InputError when there is nothing to part them from.
    """
    if not left or not right:
        raise InputError(
            Told(
                "{left!r} is the only name of this person; there is nothing to split.",
                left=(left or right or ["–"])[0],
            )
        )
    return _make("part", left, right, at=at, by=by, note=note)


def choose_leaving(names: Sequence[str], typed: str, piece: Set[str]) -> set[str]:
    """The names that leave a person together with one of them.

    Args:
        names: of the person.
        typed: the one that leaves.
        piece: the names that exports say are one person with it; they stay with it, so that what was merged falls
            into what it was before. Where they are the whole person, it leaves alone.

    >>> sorted(choose_leaving(["a", "b", "c"], "a", {"a", "b"})), sorted(choose_leaving(["a", "b"], "a", {"a", "b"}))
    (['a', 'b'], ['a'])
    """
    together = piece & set(names)
    return {typed} if len(together) == len(names) else {typed, *together}


def undo_decision(undone: Row, *, at: dt.datetime, by: str, note: str | None) -> dict[str, Any]:
    """A row of PERSON_DECISIONS that takes another back."""
    made = _make("undo", undone["left"], undone["right"], at=at, by=by, note=note)
    return {**made, "undoes": undone["decision_id"]}


def find_undoable(decisions: pa.Table, typed: str | None) -> dict[str, Any]:
    """The decision to take back: the latest in force, or the one whose id begins so.

    One may be taken back while no later one speaks of the same names, so that what stays is as if it had never been.

    Raises: InputError when there is none, several are meant, or a later one stands on it.
    """
    rows = in_force(decisions)
    if not rows:
        raise InputError("there is no decision to undo. `troth people history` lists all that were made.")
    if typed is None:
        return rows[-1]
    meant = [row for row in rows if row["decision_id"].startswith(typed)]
    if len(meant) != 1:
        listed = ", ".join(row["decision_id"] for row in (meant or rows)[-5:])
        several = "several decisions begin with {typed!r}; there are {listed}."
        none = "no decision in force begins with {typed!r}; there are {listed}."
        raise InputError(Told(several if meant else none, typed=typed, listed=listed))
    names = {*meant[0]["left"], *meant[0]["right"]}
    later = [row for row in rows[rows.index(meant[0]) + 1 :] if names & {*row["left"], *row["right"]}]
    if later:
        raise InputError(
            Told(
                "{decision_id} was decided later of the same names. Undo that first.",
                decision_id=later[-1]["decision_id"],
            )
        )
    return meant[0]


def _make(
    kind: str, left: Sequence[str], right: Sequence[str], *, at: dt.datetime, by: str, note: str | None
) -> dict[str, Any]:
    return {
        # No name goes into the id: it would still tell of a name that was forgotten. No two are made at one moment.
        "decision_id": blake2b(f"{kind}|{at.isoformat()}".encode(), digest_size=6).hexdigest(),
        "at": at,
        "kind": kind,
        "left": list(left),
        "right": list(right),
        "by": by,
        "note": note,
        "undoes": None,
    }
