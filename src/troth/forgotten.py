"""What was forgotten, kept as hashes, so that an export which still holds it does not bring it back.

A hash is HMAC-SHA256 under a random key of the book's own. It cannot be turned back into a name; but whoever has the
book has the key, and can try whether a name that they guess is among the forgotten.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import REWRITE_DUE, Store
from troth.errors import InputError
from troth.plain import clean_line
from troth.schema import FORGOTTEN
from troth.sources import Rejected

LEFT_OUT: Final = "left a forgotten person out of the recipients"
LEFT_OUT_BESIDE: Final = "a contact, call, deal or other row of what was forgotten, left out"
"""Notes of a reading that say so."""

_KEY_BYTES: Final = 32
_LISTS: Final = ("recipients", "cc")
_TURN_COLUMNS: Final = ("turn_id", "origin_turn_id")
_NAME_COLUMNS: Final = ("speaker", "person", "relationship", "address", "phone", "handle")
_TALK_TABLES: Final = frozenset({"calls"})  # their conversations are told by the source, and are not threaded anew


class Screened(NamedTuple):
    """Turns of an export without what was forgotten."""

    turns: pa.Table
    rejected: tuple[Rejected, ...]
    left_out: int  # turns that lost a recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What a book was told to forget.

    Attributes:
        key: of the hashes.
        names, turns, talks, deals: hash to the day on which it was forgotten.
        before: turns from before this are forgotten; None where none are.
    """

    key: bytes
    names: Mapping[str, str]
    turns: Mapping[str, str]
    talks: Mapping[str, str]
    deals: Mapping[str, str]
    before: dt.datetime | None = None

    def day_of(self, name: str) -> str | None:
        """The day on which a person of this name was forgotten; None where nobody was."""
        return self.names.get(_hash(self.key, "name", name))

    def holds_turn(self, turn_id: str) -> bool:
        """Whether this turn was forgotten."""
        return _hash(self.key, "turn", turn_id) in self.turns

    def screen(self, turns: pa.Table) -> Screened:
        """TURNS of an export without those that were forgotten, and with nobody among the recipients who was.

        A turn goes that a forgotten person wrote, that was written to forgotten persons alone, or that was itself
        forgotten.
        """
        days = self._name_days(turns)
        ids, speakers = turns["turn_id"].to_pylist(), turns["speaker"].to_pylist()
        lists = [turns[column].to_pylist() for column in _LISTS] if days else []
        reasons: dict[int, str] = {}
        changed: dict[int, tuple[list[str] | None, ...]] = {}
        for place, (turn_id, speaker) in enumerate(zip(ids, speakers, strict=True)):
            day = self.turns.get(_hash(self.key, "turn", turn_id)) if self.turns else None
            if day is None and speaker not in days:
                named = [each[place] for each in lists]
                heard = [name for names in named for name in names or ()]
                if not any(name in days for name in heard):
                    continue
                if any(name not in days for name in heard):
                    changed[place] = tuple(
                        None if names is None else [name for name in names if name not in days] for names in named
                    )
                    continue
                reasons[place] = f"written only to a person who was forgotten on {min(days[name] for name in heard)}"
            elif speaker in days:
                reasons[place] = f"of a person who was forgotten on {days[speaker]}"
            else:
                reasons[place] = f"was itself forgotten on {day}"
        if self.before is not None:
            old = pc.fill_null(pc.less(turns["sent_at"], pa.scalar(self.before)), False).to_pylist()
            reason = f"from before {self.before.date()}, of which all was forgotten"
            reasons = {place: reason for place, is_old in enumerate(old) if is_old} | reasons
        return self._cut(turns, reasons, changed)

    def screen_beside(self, name: str, rows: pa.Table) -> pa.Table:
        """Rows of a table beside TURNS without those of a forgotten person, turn or conversation."""
        gone = pa.repeat(False, rows.num_rows)
        for column in rows.column_names:
            known = (
                self.turns if column in _TURN_COLUMNS
                else self.names if column in _NAME_COLUMNS
                else self.talks if column == "conversation_id" and name in _TALK_TABLES
                else self.deals if column == "outcome_id"
                else {}
            )  # fmt: skip
            kind = next((kind for kind, hashes in self._kinds() if hashes is known), "")
            if known:
                values = rows[column].unique().drop_null().to_pylist()
                found = [value for value in values if _hash(self.key, kind, value) in known]
                gone = pc.or_(gone, pc.is_in(rows[column].combine_chunks(), pa.array(found, pa.string())))
        return rows.filter(pc.invert(gone))

    def _kinds(self) -> tuple[tuple[str, Mapping[str, str]], ...]:
        return (("turn", self.turns), ("name", self.names), ("conversation", self.talks), ("outcome", self.deals))

    def _name_days(self, turns: pa.Table) -> dict[str, str]:
        """The forgotten among the names of turns, and the day of each."""
        if not self.names:
            return {}
        names = set(turns["speaker"].unique().to_pylist())
        for column in _LISTS:
            names.update(pc.list_flatten(turns[column].combine_chunks()).unique().to_pylist())
        return {name: day for name in names if name is not None and (day := self.day_of(name)) is not None}

    def _cut(
        self, turns: pa.Table, reasons: Mapping[int, str], changed: Mapping[int, tuple[list[str] | None, ...]]
    ) -> Screened:
        changed = {place: lists for place, lists in changed.items() if place not in reasons}
        positions = turns["position"].to_pylist() if reasons else []
        rejected = tuple(
            Rejected(position=f"number {positions[place] + 1}", reason=reasons[place]) for place in sorted(reasons)
        )
        if changed:
            for number, column in enumerate(_LISTS):
                lists = turns[column].to_pylist()
                for place, replaced in changed.items():
                    lists[place] = replaced[number]
                field = turns.schema.field(column)
                turns = turns.set_column(turns.schema.get_field_index(column), field, pa.array(lists, field.type))
        if reasons:
            turns = turns.filter(pa.array([place not in reasons for place in range(turns.num_rows)], pa.bool_()))
        return Screened(turns, rejected, len(changed))


def read_forgotten(store: Store) -> Forgotten | None:
    """What a book was told to forget; None where that is nothing."""
    rows = store.table("forgotten").to_pylist()
    key = _find_key(rows)
    known: dict[str, dict[str, str]] = {"name": {}, "turn": {}, "conversation": {}, "outcome": {}}
    times: list[dt.datetime] = []
    for row in rows:
        if row["kind"] in known:
            known[row["kind"]][row["hash"]] = row["at"].date().isoformat()
        elif row["kind"] == "before":
            times.append(dt.datetime.fromisoformat(row["hash"]))
    if key is None or not (times or any(known.values())):
        return None
    return Forgotten(
        key=key,
        names=known["name"],
        turns=known["turn"],
        talks=known["conversation"],
        deals=known["outcome"],
        before=max(times, default=None),
    )


def remember(
    store: Store, *, names: Iterable[str] = (), turn_ids: Iterable[str] = (), talks: Iterable[str] = (),
    deals: Iterable[str] = (), before: dt.datetime | None = None, now: dt.datetime,
) -> str:  # fmt: skip
    """Keep hashes of what was forgotten together; the id of all of it. Part of the transaction that erases."""
    erasure = secrets.token_hex(4)
    key = _find_key(store.table("forgotten", where={"kind": "key"}).to_pylist())
    rows: list[dict[str, Any]] = []
    if key is None:
        key = secrets.token_hex(_KEY_BYTES).encode()
        rows.append({"kind": "key", "hash": key.decode()})
    said = (("name", names), ("turn", turn_ids), ("conversation", talks), ("outcome", deals))
    rows += [{"kind": kind, "hash": _hash(key, kind, value)} for kind, values in said for value in set(values)]
    if before is not None:
        rows.append({"kind": "before", "hash": before.astimezone(dt.UTC).isoformat()})
    stamped = [{"erasure": "" if row["kind"] == "key" else erasure, "at": now, **row} for row in rows]
    store.upsert("forgotten", pa.Table.from_pylist(stamped, schema=FORGOTTEN))
    return erasure


def lift(store: Store, typed: str) -> dict[str, int]:
    """Let what was forgotten come back with the next reading of an export that holds it.

    Args:
        store: the book. Write it anew afterwards.
        typed: a name of the person in full, the id of a conversation, or that of the erasure.

    Returns: how many hashes were taken out, by kind.
    Raises: InputError where nothing of this name was forgotten.
    """
    rows = store.table("forgotten").to_pylist()
    key, wanted = _find_key(rows), typed.strip()
    meant = {row["erasure"] for row in rows if row["kind"] != "key" and row["erasure"] == wanted}
    if key is not None and not meant:
        hashes = {_hash(key, kind, wanted) for kind in ("name", "conversation", "turn")}
        meant = {row["erasure"] for row in rows if row["hash"] in hashes}
    if not meant:
        raise InputError(
            f"nobody called {clean_line(typed)!r} was forgotten. Write the address, handle or phone in full, or an id "
            "that `troth forget --list` shows."
        )
    gone = [row for row in rows if row["erasure"] in meant and row["kind"] != "key"]
    with store.transaction():
        store.replace("forgotten", FORGOTTEN.empty_table(), keys_column="erasure", keys=sorted(meant))
        if all(row["kind"] == "key" or row["erasure"] in meant for row in rows):
            store.replace("forgotten", FORGOTTEN.empty_table(), keys_column="kind", keys=["key"])
        store.set_setting(REWRITE_DUE, True)
    return dict(Counter(row["kind"] for row in gone))


def list_forgotten(store: Store) -> list[dict[str, Any]]:
    """What was forgotten together, oldest first: its id, when, and how many names, turns and conversations."""
    counted: dict[tuple[dt.datetime, str], Counter[str]] = {}
    before: dict[str, str] = {}
    for row in store.table("forgotten").to_pylist():
        if row["kind"] != "key":
            counted.setdefault((row["at"], row["erasure"]), Counter())[row["kind"]] += 1
        if row["kind"] == "before":
            before[row["erasure"]] = row["hash"]
    return [
        {
            "id": erasure, "at": at, "names": kinds["name"], "turns": kinds["turn"],
            "conversations": kinds["conversation"], "before": before.get(erasure),
        }
        for (at, erasure), kinds in sorted(counted.items())
    ]  # fmt: skip


def _find_key(rows: Iterable[Mapping[str, Any]]) -> bytes | None:
    for row in rows:
        if row["kind"] == "key":
            return row["hash"].encode()  # as it is written: 64 digits are a key as good as the 32 bytes
    return None


def _hash(key: bytes, kind: str, value: str) -> str:
    """What is kept of a name, which may be written in any case, or of an id."""
    plain = value.strip().casefold() if kind == "name" else value
    return hmac.digest(key, f"{kind}\0{plain}".encode("utf-8", "surrogatepass"), "sha256").hex()
