"""What records keep as English words joined in one column, taken apart again so that a page can tell them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from troth.fairness import AXES
from troth.told import Told

_SAID: Final[Mapping[str, Callable[[str], Told]]] = {
    "a contact in ": lambda rest: Told("a contact in {source}", source=rest),
    "both of ": lambda rest: Told("both of {firm}", firm=rest),
    "said by ": lambda rest: Told("said by {who} on {day}", **_cut(rest, " on ", "who", "day")),
}
_NAMED: Final = "both named "
_BESIDE: Final[Mapping[str, str]] = {
    ", and a form of ": ", and a form of {also}",
    ", with the initial ": ", with the initial {also}",
    ", one without another name": ", one without another name",
    ", one without a last name": ", one without a last name",
    ", with another initial": ", with another initial",
    ", with other names beside it": ", with other names beside it",
}
"""What follows a shared name in the ground of a suggestion."""


def tell_metric(row: Mapping[str, Any]) -> Told:
    """What a check measured."""
    metric: str = row["metric"]
    if row.get("axis") in AXES:
        return Told(
            "{what}, {axis}: {verdict}",
            what=Told(metric.partition(", ")[0]),
            axis=Told(AXES[row["axis"]]),
            verdict=Told(row["verdict"]),
        )
    head, _, rest = metric.partition(": ")
    facet, _, place = rest.partition(", ")
    where, _, acts = place.partition(" that holds ")
    if not acts:
        return Told(metric)
    held = tuple(Told(act.replace("_", " ")) for act in acts.split(", "))
    return Told(
        "{what}: {facet}, {where} that holds {acts}", what=Told(head), facet=Told(facet), where=Told(where), acts=held
    )


def tell_note(row: Mapping[str, Any]) -> Told:
    """What stands beside a check; of one of fairness, each pair of ways of writing and what became of its share."""
    note: str = row["note"] or ""
    if row.get("axis") not in AXES:
        return Told(note)
    pairs = [part.rpartition(" to ") for part in note.split("; ")]
    shares = [(*named.rpartition(" "), then) for named, _, then in pairs]
    told = tuple(
        Told("{group} {first} to {then}", group=Told(group), first=first, then=then) for group, _, first, then in shares
    )
    return Told("{groups}", groups=told)


def tell_rivals(row: Mapping[str, Any]) -> Told:
    """What other ways of finding it come to on the same texts."""
    figures = [part.rpartition(" ") for part in (row["rivals"] or "").split(", ")]
    return Told(
        "{rivals}",
        rivals=tuple(Told("{name} {value:.2f}", name=Told(name), value=float(value)) for name, _, value in figures),
    )


def tell_why(why: str) -> Told:
    """Why names are taken for one person's: each ground, and in a suggestion how many bits it weighs."""
    return Told("{grounds}", grounds=tuple(_tell_ground(part) for part in why.split("; ")))


def _tell_ground(part: str) -> Told:
    """One ground, without or with the bits that it weighs in brackets."""
    words, opened, bits = part.rpartition(" (")
    if opened:
        return Told("{ground} ({bits})", ground=Told(words), bits=bits.rstrip(")"))
    if part.startswith(_NAMED):
        shared, found, also = _cut_first(part.removeprefix(_NAMED), _BESIDE)
        return Told("both named {shared}" + _BESIDE.get(found, ""), shared=shared, also=also)
    for begin, tell in _SAID.items():
        if part.startswith(begin):
            return tell(part.removeprefix(begin))
    return Told(part)


def _cut_first(text: str, ends: Iterable[str]) -> tuple[str, str, str]:
    """A text cut at the first of these that it holds."""
    for end in ends:
        before, found, after = text.partition(end)
        if found:
            return before, found, after
    return text, "", ""


def _cut(text: str, at: str, first: str, second: str) -> dict[str, str]:
    before, _, after = text.rpartition(at)
    return {first: before, second: after}
