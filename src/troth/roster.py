"""The people of a book as a list that is read, searched and corrected."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import Store
from troth.errors import InputError
from troth.identity import (
    choose_leaving,
    decide_join,
    decide_part,
    find_undoable,
    is_address,
    suggest_joins,
    undo_decision,
    why_joined,
)
from troth.identity.links import KEYS
from troth.people import (
    FREE_MAIL,
    place_person,
)
from troth.persons import Who
from troth.plain import clean_line
from troth.schema import PERSON_DECISIONS
from troth.told import Told

_NAMES: Final = pa.list_(pa.string())
_TICK: Final = dt.timedelta(microseconds=1)
_LISTED: Final = 8

PERSONS: Final = pa.schema(
    [
        pa.field("person", pa.string(), nullable=False),  # the name under which the person is placed
        pa.field("name", pa.string()),  # as people write it
        pa.field("addresses", _NAMES, nullable=False),
        pa.field("handles", _NAMES, nullable=False),  # names in chats and phone numbers
        pa.field("side", pa.string(), nullable=False),
        pa.field("circle", pa.string(), nullable=False),
        pa.field("relationship", pa.string()),  # null for our own people
        pa.field("account", pa.string()),  # the firm's name, where one is known
        pa.field("owner", pa.string()),  # who of us looks after it
        pa.field("segment", pa.string()),
        pa.field("turns", pa.int64()),  # null for colleagues where nobody's own view is asked for
        pa.field("why", pa.string(), nullable=False),  # what says that these names are one person; empty for one name
    ]
)


def list_people(turns: pa.Table, who: Who) -> pa.Table:
    """PERSONS: everybody who wrote, is in a contact or was spoken of in a decision; sorted by side, account, name.

    Args:
        turns: TURNS, placed.
        who: who is who.
    """
    spoke = _count_turns(turns)
    titles = _name_people(turns, who.contacts)
    rows = [_describe(names, who, spoke, titles) for names in _list_names(spoke, who)]
    rows.sort(key=lambda row: (row["side"], row["circle"], row["relationship"] or "", row["name"], row["person"]))
    return pa.Table.from_pylist(rows, schema=PERSONS)


class _Spoke(NamedTuple):
    """How often somebody spoke, and how often on our side."""

    turns: int
    ours: int


def _count_turns(turns: pa.Table) -> dict[str, _Spoke]:
    """Turns by speaker, programs left out."""
    said = turns.filter(pc.invert(turns["automatic"])).group_by(["speaker", "side"], use_threads=False)
    spoke: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for row in said.aggregate([("position", "count")]).to_pylist():
        spoke[row["speaker"]][row["side"]] += row["position_count"]
    return {who: _Spoke(counts.total(), counts["us"]) for who, counts in spoke.items()}


def _list_names(spoke: Iterable[str], who: Who) -> list[tuple[str, ...]]:
    """The names of each person, the main one first."""
    people = who.contacts.filter(pc.equal(who.contacts["kind"], "person"))
    first = pc.coalesce(people["address"], people["handle"], people["phone"]).drop_null().to_pylist()
    known = who.known.names
    groups = {known.get(name, (name,)) for name in (*spoke, *first)} | set(known.values())
    decided = (name for row in who.decisions.to_pylist() for name in (*row["left"], *row["right"]))
    return sorted(groups | {known.get(name, (name,)) for name in decided})


def _name_people(turns: pa.Table, contacts: pa.Table) -> dict[str, list[str]]:
    """Every address, handle and phone to the full names given with it, the most frequent first."""
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    named = turns.select(["speaker", "speaker_name"]).filter(pc.is_valid(turns["speaker_name"]))
    counted = named.group_by(["speaker", "speaker_name"], use_threads=False).aggregate([("speaker", "count")])
    for row in counted.to_pylist():
        said[row["speaker"]][row["speaker_name"]] += row["speaker_count"]
    for row in contacts.filter(pc.equal(contacts["kind"], "person")).to_pylist():
        for key in KEYS:
            if row[key] and row["name"]:
                said[row[key]][row["name"]] += 1
    return {
        name: sorted((one for one in counts if one.strip()), key=lambda one: (-counts[one], one))
        for name, counts in said.items()
    }


def _describe(
    names: Sequence[str], who: Who, spoke: Mapping[str, _Spoke], titles: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    side, circle, relationship = place_person(names, us=who.us, circles=who.circles, known=who.known)
    counts = [spoke[name] for name in names if name in spoke]
    turns = sum(count.turns for count in counts)
    if side == "them" and 2 * sum(count.ours for count in counts) > turns:  # a source says so, as of an AI agent
        side, circle, relationship = "us", "colleague", None
    accounts = [who.accounts.homes[name] for name in names if name in who.accounts.homes]
    home = accounts[0] if accounts else relationship
    is_mine = any(name in who.us.addresses for name in names)
    is_hidden = side == "us" and not is_mine and not who.us.addresses  # nobody's own view: MEASUREMENT.md, section 8
    row = {
        "person": names[0],
        "name": next((title for name in names for title in titles.get(name, ())), names[0]),
        "addresses": [name for name in names if is_address(name)],
        "handles": [name for name in names if not is_address(name)],
        "side": side,
        "circle": circle,
        "relationship": relationship,
        "turns": None if is_hidden else turns,
        "why": why_joined(names, who.links),
    }
    if side == "us":
        return row
    keys = [*names, *(name.rpartition("@")[2] for name in names if is_address(name)), home or "", relationship or ""]
    return row | {
        "account": who.accounts.titles.get(home or "") or (home if accounts else None),
        "owner": _look_up(keys, who.table.owner, who.accounts.owners),
        "segment": _look_up(keys, who.table.segment, who.accounts.segments),
    }


def _look_up(keys: Sequence[str], stated: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """What the table of accounts says of a person, a domain or an account, else what systems of record say of these."""
    own = (stated[key.lower()] for key in keys if key.lower() in stated)
    return next(own, None) or next((found[key] for key in reversed(keys) if key in found), None)


def find_person(typed: str, people: pa.Table, turns: pa.Table) -> tuple[list[str], str | None]:
    """The person meant by an address, a handle, a phone or a name: all names of theirs, and the one that was typed.

    Args:
        typed: in any case; enough of it that no other person has.
        people: PERSONS.
        turns: TURNS, whose recipients are persons too.

    Returns: the names, and the one of them that was typed in full; None where it was the person's own name or a part.
    Raises: InputError naming the candidates when nobody or several are meant.
    """
    wanted = typed.strip().casefold()
    rows = people.select(["person", "name", "addresses", "handles"]).to_pylist()
    names_of = [(_main_first(row), row["name"]) for row in rows]
    exact = [(names, name) for names, _ in names_of for name in names if name.casefold() == wanted]
    # A table shows names without what hides in them; two that look alike are not told apart by how they look.
    shown = [(names, name) for names, _ in names_of for name in names if clean_line(name).casefold() == wanted]
    for found in (exact, shown):
        if len(found) == 1:
            return found[0]
    meant = [names for names, title in names_of if title.casefold() == wanted]
    meant = meant or [names for names, title in names_of if any(wanted in one.casefold() for one in (title, *names))]
    if len(meant) == 1:
        return meant[0], None
    if not meant and (heard := _find_recipient(wanted, turns)) is not None:
        return [heard], heard
    if not meant:
        raise InputError(
            Told(
                "there is nobody called {typed!r} in the book. `troth people` lists everybody.", typed=clean_line(typed)
            )
        )
    listed = ", ".join(repr(names[0]) for names in meant[:_LISTED])
    raise InputError(
        Told(
            "{typed!r} could be {listed}. Write the whole address, handle or phone.",
            typed=clean_line(typed),
            listed=listed,
        )
    )


def _main_first(row: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([row["person"], *row["addresses"], *row["handles"]]))


def _find_recipient(wanted: str, turns: pa.Table) -> str | None:
    """An address or handle that was written to and never wrote."""
    for column in ("recipients", "cc"):
        heard = pc.unique(pc.list_flatten(turns[column].combine_chunks()))
        found = heard.filter(pc.equal(pc.utf8_lower(heard), wanted))
        if len(found):
            return found[0].as_py()
    return None


def merge_people(
    store: Store, who: Who, turns: pa.Table, first: str, second: str, *, by: str, note: str | None, clock: dt.datetime
) -> dict[str, Any]:
    """Decide that two are one person.

    Args:
        store: the book.
        who, turns: who is who, and TURNS, placed.
        first, second: an address, handle, phone or name of each, or enough of it.
        by, note: who says so, and why.
        clock: when it is said.

    Returns: the row of PERSON_DECISIONS.
    Raises: InputError when nobody or several are meant, or both are one person already.
    """
    people = list_people(turns, who)
    left, right = (find_person(typed, people, turns)[0] for typed in (first, second))
    return _keep(store, decide_join(left, right, at=_after(who.decisions, clock), by=by, note=note))


def split_person(
    store: Store,
    who: Who,
    turns: pa.Table,
    typed: str,
    beside: Sequence[str] = (),
    *,
    by: str,
    note: str | None,
    clock: dt.datetime,
) -> dict[str, Any]:
    """Decide that a name is not the same person's as the others.

    What exports say of the name stays with it: split what was merged, and both are as they were before. Where exports
    say that all of these names are one person, the name leaves alone.

    Args:
        store, who, turns: as for `merge_people`.
        typed: an address, handle or phone in full; a person's name will do where there are but two names.
        beside: further names that leave together with it; exactly these then leave.
        by, note, clock: as for `merge_people`.

    Returns: the row of PERSON_DECISIONS.
    Raises: InputError when nobody or several are meant, or the person has one name alone.
    """
    people = list_people(turns, who)
    names, exact = find_person(typed, people, turns)
    together = {exact or names[0]}
    for other in beside:
        theirs, also = find_person(other, people, turns)
        if theirs != names or also is None:
            raise InputError(
                Told(
                    "{other!r} is no name of {names}. Write it in full.",
                    other=clean_line(other),
                    names=clean_line(names[0]),
                )
            )
        together.add(also)
    if exact is None and len(names) > 2:
        raise InputError(
            Told("which of the names leaves? Say one of {names}.", names=", ".join(map(clean_line, names)))
        )
    if not beside:
        together = choose_leaving(names, exact or names[0], set(who.base.names.get(exact or names[0], ())))
    left = [name for name in names if name in together]
    right = [name for name in names if name not in together]
    return _keep(store, decide_part(left, right, at=_after(who.decisions, clock), by=by, note=note))


def undo_person(
    store: Store, who: Who, typed: str | None, *, by: str, note: str | None, clock: dt.datetime
) -> dict[str, Any]:
    """Take the latest decision back, or the one whose id is given; returns the row that was undone.

    Raises: InputError when there is none, or a later decision speaks of the same names.
    """
    undone = find_undoable(who.decisions, typed)
    _keep(store, undo_decision(undone, at=_after(who.decisions, clock), by=by, note=note))
    return undone


def _keep(store: Store, row: dict[str, Any]) -> dict[str, Any]:
    store.upsert("person_decisions", pa.Table.from_pylist([row], schema=PERSON_DECISIONS))
    return row


def _after(decisions: pa.Table, clock: dt.datetime) -> dt.datetime:
    """Now, and after all that was decided, also where the clock was set back."""
    last = pc.max(decisions["at"]).as_py()
    return clock if last is None or clock > last else last + _TICK


def suggest_people(turns: pa.Table, who: Who, *, least: float) -> pa.Table:
    """SUGGESTIONS: pairs of persons that may be one, with the probability and what speaks for and against.

    Args:
        turns: TURNS, placed.
        who: who is who.
        least: probability from which a pair is named.
    """
    spoke = _count_turns(turns)
    return suggest_joins(
        _list_names(spoke, who),
        titles=_name_people(turns, who.contacts),
        homes=who.accounts.homes,
        free=FREE_MAIL,
        apart=who.verdicts.apart,
        turns=turns,
        least=least,
    )


def list_accounts(turns: pa.Table, who: Who) -> pa.Table:
    """One row for each account among the relationships: its name, people, turns, owner and segment."""
    people = list_people(turns, who).to_pylist()
    counted = Counter(turns["relationship"].drop_null().to_pylist())
    homes: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in people:
        if row["relationship"] and row["circle"] == "customer":
            homes[row["relationship"]].append(row)
    rows = [
        {
            "relationship": home,
            "account": next((row["account"] for row in members if row["account"]), None),
            "owner": next((row["owner"] for row in members if row["owner"]), None),
            "segment": next((row["segment"] for row in members if row["segment"]), None),
            "people": [row["person"] for row in members],
            "turns": counted[home],
        }
        for home, members in sorted(homes.items())
    ]
    return pa.Table.from_pylist(rows, schema=ACCOUNTS)


ACCOUNTS: Final = pa.schema(
    [
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("account", pa.string()),  # the firm's name, where one is known
        pa.field("owner", pa.string()),
        pa.field("segment", pa.string()),
        pa.field("people", _NAMES, nullable=False),
        pa.field("turns", pa.int64(), nullable=False),  # of both sides
    ]
)
