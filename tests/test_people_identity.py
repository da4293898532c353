"""Who is who: names, explicit links, groups and decisions, each against another road."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import InputError, SettingsError
from troth.identity import (
    Link,
    choose_leaving,
    decide_join,
    decide_part,
    find_accounts,
    find_undoable,
    group_names,
    link_contacts,
    order_names,
    read_account_table,
    read_verdicts,
    undo_decision,
)
from troth.identity.groups import CONTACT, tie
from troth.identity.names import contradict, split_name
from troth.schema import CONTACTS, PERSON_DECISIONS, empty

NAMES = "abcdefgh"
FREE = frozenset({"gmail.com"})
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)

names = st.sampled_from(NAMES)
pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
links = st.lists(pairs.map(lambda pair: tie(CONTACT, *pair, why="a contact")), max_size=8)


def contacts(*rows: dict[str, Any]) -> pa.Table:
    plain = {"source": "crm.csv", "kind": "person"}
    full = [plain | {"contact_id": str(number)} | row for number, row in enumerate(rows)]
    return pa.Table.from_pylist(full, schema=CONTACTS)


def joined(table: pa.Table) -> list[list[str]]:
    return group_names(link_contacts(table), {})


def walk(pairs_: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Connected names by walking from each, which knows nothing of ranks or sizes."""
    near: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in pairs_:
        near[one].add(other)
        near[other].add(one)
    found: list[list[str]] = []
    while near:
        todo, seen = [next(iter(near))], set[str]()
        while todo:
            name = todo.pop()
            seen.add(name)
            todo += near.pop(name, set()) - seen
        found.append(sorted(seen))
    return sorted(found)


class Desk:
    """Somebody who decides over names, as `troth people` does, without a book."""

    def __init__(self, base: list[Link]) -> None:
        self.base, self.rows = base, list[dict[str, Any]]()

    @property
    def decisions(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows, schema=PERSON_DECISIONS)

    def groups(self) -> list[list[str]]:
        verdicts = read_verdicts(self.decisions)
        return group_names([*self.base, *verdicts.links], verdicts.apart)

    def of(self, name: str, groups: list[list[str]]) -> list[str]:
        return next((group for group in groups if name in group), [name])

    def merge(self, one: str, other: str) -> bool:
        groups = self.groups()
        left, right = self.of(one, groups), self.of(other, groups)
        return left != right and self._keep(decide_join(left, right, at=self._now(), by="anna", note=None))

    def split(self, name: str) -> bool:
        person = self.of(name, self.groups())
        leaving = choose_leaving(person, name, set(self.of(name, group_names(self.base, {}))))
        left, right = [one for one in person if one in leaving], [one for one in person if one not in leaving]
        return bool(right) and self._keep(decide_part(left, right, at=self._now(), by="anna", note=None))

    def undo(self) -> None:
        undone = find_undoable(self.decisions, None)
        self._keep(undo_decision(undone, at=self._now(), by="anna", note=None))

    def _now(self) -> dt.datetime:
        return NOON + dt.timedelta(seconds=len(self.rows))

    def _keep(self, row: dict[str, Any]) -> bool:
        self.rows.append(row)
        return True


@given(base=links)
def test_links_join_what_walking_them_joins(base: list[Link]):
    assert group_names(base, {}) == walk((link.first, link.second) for link in base)


@given(base=links, foes=st.lists(pairs, max_size=4), order=st.randoms())
def test_no_link_joins_what_was_set_apart_whatever_the_order(base: list[Link], foes: list[tuple[str, str]], order: Any):
    """A link that is passed over would have joined two that are apart."""
    apart = {
        name: frozenset({other for pair in foes if name in pair for other in pair if other != name}) for name in NAMES
    }
    groups = group_names(base, apart)
    home = {name: number for number, group in enumerate(groups) for name in group}
    for group in groups:
        assert not any(other in apart[one] for one, other in combinations(group, 2))
    for link in base:
        ours, theirs = (groups[home[name]] if name in home else [name] for name in (link.first, link.second))
        assert ours == theirs or any(other in apart[one] for one in ours for other in theirs)
    shuffled = list(base)
    order.shuffle(shuffled)
    assert group_names(shuffled, apart) == groups


@given(base=links, merges=st.lists(pairs, max_size=6), order=st.randoms())
def test_the_order_of_merges_does_not_matter(base: list[Link], merges: list[tuple[str, str]], order: Any):
    """And what comes out is what walking all links and merges gives."""
    desk, other = Desk(base), Desk(base)
    shuffled = list(merges)
    order.shuffle(shuffled)
    for pair in merges:
        desk.merge(*pair)
    for pair in shuffled:
        other.merge(*reversed(pair))
    assert desk.groups() == other.groups() == walk([*((link.first, link.second) for link in base), *merges])


@given(base=links, past=st.lists(st.tuples(st.booleans(), pairs), max_size=5), pair=pairs)
def test_a_split_takes_a_merge_back(base: list[Link], past: list[tuple[bool, tuple[str, str]]], pair: tuple[str, str]):
    """Where one side is what exports alone join; a merged side falls into what it was merged from."""
    desk = Desk(base)
    for is_merge, (one, other) in past:
        _ = desk.merge(one, other) if is_merge else desk.split(one)
    before = desk.groups()
    is_whole = desk.of(pair[1], before) == desk.of(pair[1], group_names(base, {}))
    if is_whole and desk.merge(*pair):
        assert desk.of(pair[0], desk.groups()) == desk.of(pair[1], desk.groups())
        assert desk.split(pair[1])
        assert desk.groups() == before


@given(base=links, past=st.lists(st.tuples(st.booleans(), pairs), max_size=5), is_merge=st.booleans(), pair=pairs)
def test_undo_leaves_nothing_behind(
    base: list[Link], past: list[tuple[bool, tuple[str, str]]], is_merge: bool, pair: tuple[str, str]
):
    desk = Desk(base)
    seen = [desk.groups()]
    for is_join, (one, other) in [*past, (is_merge, pair)]:
        if desk.merge(one, other) if is_join else desk.split(one):
            seen.append(desk.groups())
    while len(seen) > 1:
        assert desk.groups() == seen.pop()
        desk.undo()
    assert desk.groups() == seen[0]


@given(base=links, one=names)
def test_what_is_split_is_two_and_what_is_merged_again_is_one(base: list[Link], one: str):
    desk = Desk(base)
    if desk.split(one):
        left, rest = desk.rows[-1]["left"], desk.rows[-1]["right"]
        assert {tuple(desk.of(name, desk.groups())) for name in (*left, *rest)} == {tuple(left), tuple(rest)}
        assert desk.merge(one, rest[0])
        assert {one, *rest} <= set(desk.of(one, desk.groups()))


def test_only_the_last_word_on_a_name_can_be_undone():
    desk = Desk([])
    desk.merge("a", "b")
    desk.merge("c", "d")
    desk.merge("b", "e")
    first, second = desk.rows[0]["decision_id"], desk.rows[1]["decision_id"]
    with pytest.raises(InputError, match="decided later of the same names"):
        find_undoable(desk.decisions, first)
    assert find_undoable(desk.decisions, second[:8])["left"] == ["c"]
    with pytest.raises(InputError, match="no decision in force begins with 'zz'"):
        find_undoable(desk.decisions, "zz")
    with pytest.raises(InputError, match="no decision to undo"):
        find_undoable(empty(PERSON_DECISIONS), None)


def test_one_person_cannot_be_merged_nor_a_single_name_split():
    with pytest.raises(InputError, match="one person already"):
        decide_join(["a", "b"], ["b", "a"], at=NOON, by="anna", note=None)
    with pytest.raises(InputError, match="only name"):
        decide_part(["a"], [], at=NOON, by="anna", note=None)


def test_a_contacts_address_phone_and_handle_are_one_person():
    table = contacts(
        {"name": "Bo Berg", "address": "bo@acme.example", "phone": "+491701234567"},
        {"name": "Bo Berg", "handle": "U7", "address": "bo@acme.example", "source": "slack.zip"},
        {"name": "Bo", "handle": "Bo (Acme)", "phone": "+491701234567", "source": "chat.txt"},
    )
    assert joined(table) == [["+491701234567", "Bo (Acme)", "U7", "bo@acme.example"]]


def test_a_switchboard_joins_nobody():
    """Two addresses behind one phone: the phone is nobody's own."""
    table = contacts(
        {"name": "Bo Berg", "address": "bo@acme.example", "phone": "+4940123456"},
        {"name": "Cy Berg", "address": "cy@acme.example", "phone": "+4940123456"},
    )
    assert joined(table) == []


def test_a_shared_mailbox_joins_nobody():
    table = contacts(
        {"name": "Bo Berg", "address": "info@acme.example", "handle": "U1"},
        {"name": "Cy Lund", "address": "info@acme.example", "handle": "U2"},
    )
    assert joined(table) == []


def test_a_first_name_in_two_chats_joins_nobody():
    table = contacts(
        {"name": "Bo", "handle": "Bo", "phone": "+491111111", "address": "bo@acme.example"},
        {"name": "Bo", "handle": "Bo", "address": "bo@zeta.example"},
    )
    assert joined(table) == [["+491111111", "bo@acme.example"]]


def test_the_main_name_is_ours_then_a_firms_then_a_private_address_then_a_phone():
    mixed = ["Bo", "+491701234567", "bo@gmail.com", "bo@acme.example", "bo@firm.com", "bo@me.example"]
    ordered = order_names(mixed, own=frozenset({"bo@me.example"}), firm=frozenset({"firm.com"}), free=FREE)
    assert ordered == list(reversed(mixed))


@given(st.text(max_size=300))
def test_any_name_is_taken_apart(name: str):
    found = split_name(name)
    assert all(word.isalpha() and len(word) > 1 for word in found.words)
    assert len(found.words) <= 6


def test_names_that_share_no_word_contradict():
    assert contradict(["Bo Berg", "Cy Lund"])
    assert not contradict(["Bo Berg", "Berg, B.", "Dr. Bérg"])
    assert not contradict(["Bo Berg", "🙂"])


def test_an_accounts_home_is_its_domain_else_its_peoples_else_its_name():
    table = contacts(
        {"kind": "account", "contact_id": "a1", "account": "Acme Ltd", "domain": "acme.example", "owner": "Anna"},
        {"address": "bo@gmail.com", "account_id": "a1"},
        {"kind": "account", "contact_id": "a2", "account": "Zeta"},
        {"address": "cy@zeta.example", "account_id": "a2", "owner": "Di"},
        {"handle": "+491701234567", "phone": "+491701234567", "account": "zeta"},
        {"address": "lu@gmail.com", "account": "Lu's Bakery", "segment": "small"},
        {"address": "di@firm.com", "account": "Acme Ltd"},
    )
    found = find_accounts(table, free=FREE, ours=frozenset({"firm.com"}))
    assert found.homes == {
        "bo@gmail.com": "acme.example",
        "cy@zeta.example": "zeta.example",
        "+491701234567": "zeta.example",
        "lu@gmail.com": "Lu's Bakery",
    }
    assert found.names["acme ltd"] == "acme.example"
    assert found.owners["acme.example"] == "Anna"
    assert found.owners["zeta.example"] == "Di"
    assert found.segments["Lu's Bakery"] == "small"
    assert found.titles == {"acme.example": "Acme Ltd", "zeta.example": "Zeta"}


def test_somebody_in_two_accounts_is_left_to_the_domain():
    table = contacts(
        {"kind": "account", "contact_id": "a1", "account": "Acme", "domain": "acme.example"},
        {"address": "bo@law.example", "account": "Acme"},
        {"address": "bo@law.example", "account": "Zeta"},
    )
    assert "bo@law.example" not in find_accounts(table, free=FREE, ours=frozenset()).homes


def test_a_table_of_accounts_is_read(tmp_path: Path):
    path = tmp_path / "accounts.csv"
    path.write_text("Domain,Account,Circle,Owner\nAcme.example,Acme,customer,Anna\n@zeta.example,,friend,\n", "utf-8")
    found = read_account_table(path, circles=("customer", "friend"))
    assert found.account == {"acme.example": "Acme"}
    assert found.circle == {"acme.example": "customer", "zeta.example": "friend"}
    assert found.owner == {"acme.example": "Anna"}


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"a,b\n1,2\n", "needs a heading row"),
        (b"", "found nothing"),
        (b"domain,circle\nacme.example,enemy\n", "row 2: there is no circle 'enemy'"),
        (b"domain,account\nacme.example,A\nacme.example,B\n", "row 3: another row says another account"),
        (b"domain,account\n\xff\xfe,A\n", "no CSV file in UTF-8"),
    ],
)
def test_a_table_of_accounts_that_cannot_be_is_refused_with_its_row(content: bytes, wrong: str, tmp_path: Path):
    path = tmp_path / "accounts.csv"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=wrong):
        read_account_table(path, circles=("customer", "friend"))
    with pytest.raises(SettingsError, match="cannot be read"):
        read_account_table(tmp_path / "none.csv", circles=("customer",))
