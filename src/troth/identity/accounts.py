"""Accounts as systems of record state them: which firm a person belongs to, who looks after it, its segment.

An account's home is the id of its relationship: its domain, so that what a CRM says and what mail says meet; else the
one business domain of its people; else its name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from troth.identity.links import KEYS, find_shared
from troth.identity.names import is_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What contacts say of firms."""

    homes: Mapping[str, str] = field(default_factory=dict[str, str])  # address, phone or handle to its account's home
    names: Mapping[str, str] = field(default_factory=dict[str, str])  # account name or id, lower case, to its home
    owners: Mapping[str, str] = field(
        default_factory=dict[str, str]
    )  # home, or name of a person, to who looks after it
    segments: Mapping[str, str] = field(default_factory=dict[str, str])  # home, or name of a person, to the segment
    titles: Mapping[str, str] = field(default_factory=dict[str, str])  # home to the firm's name


def find_accounts(contacts: pa.Table, *, free: frozenset[str], ours: frozenset[str]) -> Accounts:
    """Take CONTACTS to accounts.

    Args:
        contacts: of any sources; two accounts with one domain have one home.
        free: domains of private mail, which are no firm's.
        ours: our own domains.

    Returns: accounts. A person whom contacts put into several is left to the domain of the address.
    Cost: linear in the contacts.
    """
    rows = contacts.to_pylist()
    people = [row for row in rows if row["kind"] == "person" and row["side"] != "us"]
    people = [row for row in people if _domain(row["address"]) not in ours]
    firms = {row["contact_id"]: row for row in rows if row["kind"] == "account"}
    by_name = _only(((row["account"] or row["name"] or "").casefold(), key) for key, row in firms.items())
    account_of = {row["contact_id"]: _account(row, firms, by_name) for row in people}
    domains: defaultdict[str, set[str]] = defaultdict(set)
    for row in people:
        if (domain := _domain(row["address"])) and domain not in free:
            domains[account_of[row["contact_id"]]].add(domain)
    titles = _titles(people, firms, account_of)
    homes = {key: _home(firms.get(key), domains.get(key, set()), free | ours, title) for key, title in titles.items()}
    shared = find_shared(people)
    belongs = _only(
        (row[key], homes[account_of[row["contact_id"]]])
        for row in people
        if account_of[row["contact_id"]] in homes
        for key in KEYS
        if row[key] and row[key] not in shared
    )
    return Accounts(
        homes=belongs,
        names=_only(_say_names(firms, homes, account_of, people)),
        owners=_say(rows, "owner", homes, account_of),
        segments=_say(rows, "segment", homes, account_of),
        titles={homes[key]: title for key, title in titles.items() if homes[key] != title},
    )


def _account(row: Mapping[str, Any], firms: Mapping[str, Any], by_name: Mapping[str, str]) -> str:
    """The account of a person: its id, else that of the only account of this name, else the name; empty for none."""
    if row["account_id"] in firms:
        return row["account_id"]
    name = (row["account"] or "").strip()
    return by_name.get(name.casefold(), name)


def _titles(
    people: Iterable[Mapping[str, Any]], firms: Mapping[str, Mapping[str, Any]], account_of: Mapping[str, str]
) -> dict[str, str]:
    """Each account to its name."""
    titles = {key: row["account"] or row["name"] or row["domain"] or key for key, row in firms.items()}
    for row in people:
        account = account_of[row["contact_id"]]
        if account:
            titles.setdefault(account, row["account"] or account)
    return titles


def _home(firm: Mapping[str, Any] | None, domains: set[str], not_theirs: frozenset[str], title: str) -> str:
    stated = (firm["domain"] or "").lower().removeprefix("www.") if firm is not None else ""
    if stated and stated not in not_theirs:
        return stated
    return next(iter(domains)) if len(domains) == 1 else title


def _say_names(
    firms: Mapping[str, Mapping[str, Any]],
    homes: Mapping[str, str],
    account_of: Mapping[str, str],
    people: Iterable[Mapping[str, Any]],
) -> Iterable[tuple[str, str]]:
    """Account names and ids in lower case, each with a home."""
    for key, row in firms.items():
        for name in {key, row["account"], row["name"]}:
            if name:
                yield name.lower(), homes[key]
    for row in people:
        account = account_of[row["contact_id"]]
        if account and row["account"]:
            yield row["account"].lower(), homes[account]


def _say(
    rows: Iterable[Mapping[str, Any]], what: str, homes: Mapping[str, str], account_of: Mapping[str, str]
) -> dict[str, str]:
    """Owner or segment of each home, and of each person: what is said most often, the alphabet between equals."""
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        value = (row[what] or "").strip()
        if not value:
            continue
        account = row["contact_id"] if row["kind"] == "account" else account_of.get(row["contact_id"], "")
        weight = 1_000_000 if row["kind"] == "account" else 1  # the account's own line says more than all its people's
        if account in homes:
            said[homes[account]][value] += weight
        for key in KEYS:
            if row["kind"] == "person" and row[key]:
                said[row[key]][value] += 1
    return {who: min(values, key=lambda value: (-values[value], value)) for who, values in said.items()}


def _only(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Keys that have one value alone."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for key, value in pairs:
        if key:
            found[key].add(value)
    return {key: next(iter(values)) for key, values in found.items() if len(values) == 1}


def _domain(address: str | None) -> str:
    return address.rpartition("@")[2] if address and is_address(address) else ""
