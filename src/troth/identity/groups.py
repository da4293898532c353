"""Names that belong together: links joined in order of their strength, never across what a person set apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from troth.identity.names import is_address, is_phone

DECIDED: Final = 0
STATED: Final = 1
CONTACT: Final = 2
NAMESAKE: Final = 3
"""Ranks of a link, strongest first: a person's decision, troth.toml, a contact in an export, one full name."""

Apart = Mapping[str, frozenset[str]]
"""A name to those that a person set apart from it; holds both ways."""


class Link(NamedTuple):
    """Two names of one person, and what says so."""

    rank: int
    first: str
    second: str
    why: str


def tie(rank: int, one: str, other: str, why: str) -> Link:
    """A link, written the same way from both ends."""
    return Link(rank, min(one, other), max(one, other), why)


def group_names(links: Iterable[Link], apart: Apart) -> list[list[str]]:
    """Join names into persons.

    Args:
        links: in any order; the answer does not depend on it.
        apart: names that are never in one person.

    Returns: the names of each person with more than one, rising; persons by their first name.
    Cost: links are sorted once; every name moves to a larger group at most log2(names) times.
    """
    home: dict[str, int] = {}
    members: list[list[str]] = []
    for link in sorted(set(links)):
        for name in (link.first, link.second):
            if name not in home:
                home[name] = len(members)
                members.append([name])
        one, other = home[link.first], home[link.second]
        if one == other:
            continue
        small, large = (one, other) if len(members[one]) <= len(members[other]) else (other, one)
        if any(home.get(foe) == large for name in members[small] for foe in apart.get(name, ())):
            continue
        for name in members[small]:
            home[name] = large
        members[large] += members[small]
        members[small] = []
    return sorted(sorted(group) for group in members if len(group) > 1)


def order_names(names: Iterable[str], *, own: frozenset[str], firm: frozenset[str], free: frozenset[str]) -> list[str]:
    """A person's names with the one first by which the person is placed.

    The owner's address, an address of ours, of a firm, a private one, a phone, anything else; the alphabet decides
    between equals, so that neither the order of decisions nor new turns rename a person.

    Args:
        names: of one person.
        own, firm: our side's own addresses and domains.
        free: domains of private mail.
    """

    def place(name: str) -> int:
        if not is_address(name):
            return 4 if is_phone(name) else 5
        domain = name.rpartition("@")[2]
        return 0 if name in own else 1 if domain in firm else 3 if domain in free else 2

    return sorted(names, key=lambda name: (place(name), name))


def why_joined(names: Iterable[str], links: Mapping[str, Sequence[Link]]) -> str:
    """What says that these names are one person, in words: the strongest first, and no more than joins them."""
    chosen = set(names)
    found = {link for name in chosen for link in links.get(name, ()) if {link.first, link.second} <= chosen}
    home = {name: name for name in chosen}
    said: dict[str, None] = {}
    for link in sorted(found):
        one, other = home[link.first], home[link.second]
        if one != other:
            said.setdefault(link.why)
            home |= {name: one for name in chosen if home[name] == other}
    return "; ".join(said)


def links_by_name(links: Iterable[Link]) -> dict[str, list[Link]]:
    """Each name to its links."""
    found: defaultdict[str, list[Link]] = defaultdict(list)
    for link in links:
        found[link.first].append(link)
        found[link.second].append(link)
    return dict(found)
