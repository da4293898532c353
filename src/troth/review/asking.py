"""Who is asking for trust and waits: one line for each circle."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

WAITING: Final = frozenset({"open", "partly"})
"""States in which a question still waits for an answer, or for the rest of one."""

ACTS_ALONE: Final = frozenset({"goes_silent", "copies_boss"})
"""Acts without words of their own to answer: they are no lines in a list of what to answer."""

_WHETHER: Final = MappingProxyType(
    {
        "HC": "whether they can believe you",
        "HR": "whether they can depend on you",
        "HI": "whether you understand them",
        "HS": "whether it is fair",
    }
)
_COUNTS: Final = "no one two three four five six seven eight nine ten eleven twelve".split()
_NAMED: Final = 6  # relationships that one line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One circle's open questions of trust; `text` says them in one line."""

    circle: str
    text: str
    who: Mapping[str, tuple[str, ...]]  # kind to the relationships that ask it


def tell_asking(questions: pa.Table, circles: Sequence[str], *, since: dt.datetime, until: dt.datetime) -> list[Asking]:
    """A line for each circle in which questions of trust, asked between two moments, still wait for an answer."""
    found: dict[str, defaultdict[str, set[str]]] = {circle: defaultdict(set) for circle in circles}
    asked = questions["asked_at"]
    is_within = pc.fill_null(pc.and_(
        pc.greater_equal(asked, pa.scalar(since, asked.type)), pc.less(asked, pa.scalar(until, asked.type))
    ), False)  # fmt: skip
    for row in questions.filter(is_within).to_pylist():
        if row["circle"] in found and row["relationship"] and _is_waiting(row, since, until):
            found[row["circle"]][row["kind"]].add(row["relationship"])
    return [_say(circle, kinds) for circle, kinds in found.items() if kinds]


def _is_waiting(row: Mapping[str, Any], since: dt.datetime, until: dt.datetime) -> bool:
    return (
        row["kind"] in _WHETHER
        and row["state"] in WAITING
        and row["act"] != "goes_silent"
        and row["asked_at"] is not None
        and since <= row["asked_at"] < until
    )


def _say(circle: str, kinds: Mapping[str, set[str]]) -> Asking:
    order = sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind))
    text = "; ".join(_clauses(circle, kinds, order)) + "."
    return Asking(circle=circle, text=text, who={kind: tuple(sorted(kinds[kind])) for kind in order})


def _clauses(circle: str, kinds: Mapping[str, set[str]], order: Sequence[str]) -> Iterator[str]:
    for place, kind in enumerate(order):
        who = sorted(kinds[kind])
        number = _COUNTS[len(who)] if len(who) < len(_COUNTS) else str(len(who))
        names = ", ".join(who[:_NAMED]) + (", …" if len(who) > _NAMED else "")
        if place:
            yield f"{number} {_WHETHER[kind]} ({names})"
        else:
            noun, verb = (circle, "is") if len(who) == 1 else (f"{circle}s", "are")
            yield f"{number.capitalize()} {noun} {verb} asking {_WHETHER[kind]} ({names})"
