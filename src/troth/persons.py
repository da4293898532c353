"""Persons of a book: who is who over all channels, what people decided of it, and what follows from that.

Everything here is worked out from CONTACTS, the names in TURNS, the settings and PERSON_DECISIONS whenever the book is
read. So a decision changes where turns are placed and all that comes after, sentences and findings stay as they are,
and taking a decision back leaves nothing behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import Store
from troth.identity import (
    Accounts,
    AccountTable,
    Link,
    Verdicts,
    find_accounts,
    group_names,
    link_contacts,
    link_stated,
    links_by_name,
    order_names,
    read_account_table,
    read_verdicts,
)
from troth.identity.groups import NAMESAKE, tie
from troth.identity.links import KEYS, find_shared
from troth.people import (
    CIRCLES,
    FREE_MAIL,
    Circles,
    Known,
    Us,
    find_namesakes,
    name_speakers,
    place_names,
    place_turns,
)
from troth.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who is who in a book."""

    us: Us
    circles: Circles  # settings and the table of accounts
    known: Known  # as it counts
    base: Known  # as it would be without any decision
    links: Mapping[str, Sequence[Link]]  # every name to what speaks for its person
    verdicts: Verdicts
    accounts: Accounts
    table: AccountTable
    contacts: pa.Table
    decisions: pa.Table


def know_people(store: Store, turns: pa.Table, settings: Settings, us: Us) -> Who:
    """Work out who is who.

    Args:
        store: CONTACTS and PERSON_DECISIONS are taken from it.
        turns: TURNS; speakers and their names.
        settings: people, accounts and circles that are stated.
        us: our side.

    Raises: SettingsError when the table of accounts cannot be used.
    """
    contacts, decisions = store.table("contacts"), store.table("person_decisions")
    path = settings.account_table
    table = AccountTable() if path is None else read_account_table(path, circles=CIRCLES)
    stated = settings.circles()
    accounts = find_accounts(contacts, free=FREE_MAIL, ours=us.domains)
    links = [
        *link_contacts(contacts),
        *link_stated(settings.named_people()),
        *_link_namesakes(turns, contacts, us, accounts),
    ]
    verdicts = read_verdicts(decisions)
    base = _know(links, Verdicts([], {}), us, accounts, contacts)
    return Who(
        us=us,
        circles=Circles(stated={**table.circle, **stated.stated}, accounts={**table.account, **stated.accounts}),
        known=_know(links, verdicts, us, accounts, contacts) if decisions.num_rows else base,
        base=base,
        links=links_by_name([*links, *verdicts.links]),
        verdicts=verdicts,
        accounts=accounts,
        table=table,
        contacts=contacts,
        decisions=decisions,
    )


def _link_namesakes(turns: pa.Table, contacts: pa.Table, us: Us, accounts: Accounts) -> Iterator[Link]:
    """Links by one full name; not where systems of record put the two into different accounts."""
    people = [row for row in contacts.to_pylist() if row["kind"] == "person"]
    shared = find_shared(people)
    named = [(row[key], row["name"]) for row in people for key in KEYS if row["name"] and row[key]]
    named = [(key, name) for key, name in named if key not in shared]
    for one, other, name in find_namesakes([*name_speakers(turns), *named], us):
        home = accounts.homes.get(one) or one.rpartition("@")[2]
        if accounts.homes.get(other, home) == home:
            yield tie(NAMESAKE, one, other, f"the same full name, {name}")


def _know(links: Sequence[Link], verdicts: Verdicts, us: Us, accounts: Accounts, contacts: pa.Table) -> Known:
    groups = group_names([*links, *verdicts.links], verdicts.apart)
    ordered = [tuple(order_names(group, own=us.addresses, firm=us.domains, free=FREE_MAIL)) for group in groups]
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for row in contacts.filter(pc.equal(contacts["kind"], "person")).to_pylist():
        for key in KEYS:
            if row[key] and row["side"]:
                sides[row[key]].add(row["side"])
    return Known(
        names={name: group for group in ordered for name in group},
        homes=accounts.homes,
        ours=frozenset(name for name, said in sides.items() if said == {"us"}),
        theirs=frozenset(name for name, said in sides.items() if said == {"them"}),
    )


def place_all(turns: pa.Table, who: Who) -> pa.Table:
    """TURNS, placed by who is who."""
    return place_turns(turns, us=who.us, circles=who.circles, known=who.known)


def place_for_keeping(names: Collection[str], turns: pa.Table, who: Who) -> dict[str, str]:
    """The relationships of addresses and account names as the exports alone say: what is kept of an answer or a deal.

    `follow_people` brings these to where people's decisions put them.

    Args:
        names: in lower case.
        turns: TURNS as they were read.
        who: who is who.
    """
    placed = place_turns(turns, us=who.us, circles=who.circles, known=who.base)
    return _place(names, placed, who, who.base)


def _place(names: Collection[str], placed: pa.Table, who: Who, known: Known) -> dict[str, str]:
    found = place_names(names, placed, us=who.us, circles=who.circles, known=known)
    homes = {name: who.accounts.names[name] for name in names if name not in found and name in who.accounts.names}
    return found | {name: who.circles.accounts.get(home.lower(), home) for name, home in homes.items()}


def follow_people(table: pa.Table, turns: pa.Table, placed: pa.Table, who: Who) -> pa.Table:
    """Rows that were placed when they were read (ANSWERS, OUTCOMES), in the relationships as they stand now.

    A row that was placed by its person goes where the person is; another goes with its relationship, where that
    became part of another one.

    Args:
        table: with `relationship`, and `person` where rows have one.
        turns, placed: TURNS as they were read, and placed.
        who: who is who.

    Cost: no more than a look at the relationships where nobody decided anything and all of them are there.
    """
    homes = set(placed["relationship"].drop_null().unique().to_pylist())
    stated = table["relationship"].to_pylist()
    is_decided = who.decisions.num_rows > 0 and "person" in table.column_names
    persons = table["person"].to_pylist() if is_decided else [None] * len(stated)
    by_person = {person.lower() for person in persons if person}
    wanted = by_person | {home.lower() for home in stated if home is not None and home not in homes}
    if not wanted:
        return table
    now = _place(wanted, placed, who, who.known)
    before = place_for_keeping(by_person, turns, who) if by_person else {}
    moved: list[str | None] = []
    for home, person in zip(stated, persons, strict=True):
        name = (person or "").lower()
        if home is not None and before.get(name) == home:
            moved.append(now.get(name, home))
        else:
            moved.append(home if home is None or home in homes else now.get(home.lower(), home))
    place = table.schema.get_field_index("relationship")
    return table.set_column(place, table.schema.field(place), pa.array(moved, pa.string()))


def refresh_decided(promises: pa.Table, turns: pa.Table) -> pa.Table:
    """PROMISES as decided, with side, circle and relationship as their turns are placed now."""
    if not promises.num_rows:
        return promises
    where = pc.index_in(promises["turn_id"], turns["turn_id"].combine_chunks())
    for name in ("side", "circle", "relationship"):
        found = pc.take(turns[name].combine_chunks(), where.combine_chunks())
        kept = pc.if_else(pc.is_valid(where), found, promises[name])
        promises = promises.set_column(promises.schema.get_field_index(name), promises.schema.field(name), kept)
    return promises
