"""Explicit links between names: what contacts in exports and troth.toml say.

A contact's address, phone and handle are one person. An address, phone or handle that several contacts carry links
them too, unless they cannot be one person: a switchboard, a shared mailbox, a first name that two chats hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa

from troth.identity.groups import CONTACT, STATED, Link, tie
from troth.identity.names import contradict

KEYS: Final = ("address", "phone", "handle")
"""The columns of CONTACTS that name one person, the most telling first."""


def link_contacts(contacts: pa.Table) -> list[Link]:
    """Take CONTACTS to links between the names that each person in them has.

    Returns: links; a key that several people share makes none.
    Cost: one pass over the contacts, and one over those of each key that several carry.
    """
    rows = [row for row in contacts.to_pylist() if row["kind"] == "person"]
    shared = find_shared(rows)
    found: list[Link] = []
    for row in rows:
        names = [name for name in _names(row) if name not in shared]
        found += [tie(CONTACT, *pair, why=f"a contact in {row['source']}") for pair in pairwise(names)]
    return found


def find_shared(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Addresses, phones and handles that several people carry.

    A key is shared where the names of its contacts contradict each other, and a phone or handle also where its
    contacts have several addresses.
    """
    carriers: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        for name in _names(row):
            carriers[name].append(row)
    return {name for name, several in carriers.items() if len(several) > 1 and _is_shared(name, several)}


def _is_shared(name: str, rows: list[Mapping[str, Any]]) -> bool:
    addresses = {row["address"] for row in rows if row["address"]}
    return len(addresses - {name}) > 1 or contradict(row["name"] for row in rows if row["name"])


def _names(row: Mapping[str, Any]) -> Iterator[str]:
    yield from dict.fromkeys(row[key] for key in KEYS if row[key])


def link_stated(people: Mapping[str, Iterable[str]], where: str = "troth.toml") -> list[Link]:
    """Links that settings state: every name of a list belongs to one person."""
    return [
        tie(STATED, *pair, why=where) for names in people.values() for pair in pairwise(names) if pair[0] != pair[1]
    ]
