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

from troth.told import Told

WAITING: Final = frozenset({"open", "partly"})
"""States in which a question still waits for an answer, or for the rest of one."""

ACTS_ALONE: Final = frozenset({"goes_silent", "copies_boss"})
"""Acts without words of their own to answer: they are no lines in a list of what to answer."""

_WHETHER: Final = MappingProxyType(
    {
        "HC": Told("whether they can believe you"),
        "HR": Told("whether they can depend on you"),
        "HI": Told("whether you understand them"),
        "HS": Told("whether it is fair"),
    }
)
_COUNTS: Final = "no one two three four five six seven eight nine ten eleven twelve".split()
_ONE_ASKS: Final = MappingProxyType(
    {
        "customer": Told("One customer is asking"),
        "colleague": Told("One colleague is asking"),
        "friend": Told("One friend is asking"),
    }
)
_NAMED: Final = 6  # relationships that one line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One circle's open questions of trust; `text` says them in one line."""

    circle: str
    text: Told
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
    clauses = _clauses(circle, kinds, order)
    text = next(clauses)
    for clause in clauses:
        text = Told("{first}; {then}", first=text, then=clause)
    return Asking(
        circle=circle,
        text=Told("{sentence}.", sentence=text),
        who={kind: tuple(sorted(kinds[kind])) for kind in order},
    )


def _clauses(circle: str, kinds: Mapping[str, set[str]], order: Sequence[str]) -> Iterator[Told]:
    for place, kind in enumerate(order):
        who = sorted(kinds[kind])
        number = Told(_COUNTS[len(who)] if len(who) < len(_COUNTS) else str(len(who)))
        names = ", ".join(who[:_NAMED]) + (", …" if len(who) > _NAMED else "")
        if place:
            yield Told("{number} {whether} ({names})", number=number, whether=_WHETHER[kind], names=names)
        else:
            asks = _ONE_ASKS[circle] if len(who) == 1 else _several_ask(circle, Told(number.capitalize()))
            yield Told("{who} {whether} ({names})", who=asks, whether=_WHETHER[kind], names=names)


def _several_ask(circle: str, number: Told) -> Told:
    return {
        "customer": Told("{number} customers are asking", number=number),
        "colleague": Told("{number} colleagues are asking", number=number),
        "friend": Told("{number} friends are asking", number=number),
    }[circle]
