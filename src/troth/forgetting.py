"""Forgetting: a person, a conversation or all before a day taken out of a book, its file and what lies beside it."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.book import REWRITE_DUE
from troth.book.erase import drop_strays, drop_turns, forget_names
from troth.errors import BookError, InputError
from troth.forgotten import read_forgotten, remember
from troth.keeping import clear_shelf
from troth.plain import clean_line
from troth.roster import find_person
from troth.schema import FORECASTS, JOBS, RESEALED
from troth.sealing import seal_forecasts
from troth.told import Told

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from troth.book import Store

_LISTS: Final = ("recipients", "cc")
_CARRYING: Final = ("address", "phone", "handle")
_MENTION: Final = 3  # characters of a name that is looked for in what others wrote


class Peopled(Protocol):
    """As much of a book as it takes to find somebody."""

    def people(self) -> pa.Table:
        """PERSONS."""
        ...

    def turns(self) -> pa.Table:
        """TURNS, placed."""
        ...

    @property
    def store(self) -> Store:
        """Where the book is kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What is to be forgotten: a person by all their names, a conversation, or every turn before a moment."""

    names: tuple[str, ...] = ()
    conversation: str | None = None
    before: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What forgetting would do."""

    gone: Mapping[str, int]  # table to rows that go or lose a name; `recipients` are turns that stay
    mentioned: int  # turns that stay and name the person in their words


def choose_person(book: Peopled, typed: str) -> Meant:
    """The person meant by an address, handle or phone in full, or by a name that only one has.

    Raises: InputError when nobody or several are meant.
    """
    names = find_person(typed, book.people(), book.turns())[0]
    folded = {name.casefold() for name in names}
    # However it is spelled: a source that keeps capitals makes another name of the same address.
    spelled = _values_in(book.store, "turns", ("speaker", *_LISTS)) | _values_in(book.store, "contacts", _CARRYING)
    return Meant(names=tuple(sorted({*names, *(name for name in spelled if name.casefold() in folded)})))


def choose_conversation(store: Store, conversation: str) -> Meant:
    """One conversation, by its id.

    Raises: InputError when there is none of this id.
    """
    if not store.table("turns", columns=["turn_id"], where={"conversation_id": conversation}).num_rows:
        raise InputError(
            Told(
                "there is no conversation {conversation!r}. `troth show` and `troth export turns` name them.",
                conversation=clean_line(conversation),
            )
        )
    return Meant(conversation=conversation)


def choose_before(store: Store, day: dt.date, *, zone: str) -> Meant:
    """Every turn before midnight of a day.

    Raises: InputError when there is none.
    """
    moment = dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    if not store.table("turns", columns=["turn_id"], until=moment).num_rows:
        raise InputError(Told("there is no turn before {day}. Nothing is to be forgotten.", day=day))
    return Meant(before=moment)


def forget_person(book: Peopled, typed: str) -> dict[str, int]:
    """Take a person out of a book, under all their names, and keep reading from bringing them back.

    Turns that they wrote go, and those that were written to nobody else, with all that rests on them; so do their
    survey answers, and they leave the recipients of the turns that stay. Words in which others speak of them stay:
    those are the words of others.

    Args:
        book: it knows less than the store afterwards: open it anew.
        typed: an address, handle or phone in full, or a name that only one person has.

    Returns: how many rows went or changed, by table; `recipients` are turns that stay and name them no more.
    Raises: InputError when nobody or several are meant; BookError as `forget`.
    """
    return forget(book.store, choose_person(book, typed), now=dt.datetime.now(dt.UTC))


def weigh(store: Store, meant: Meant) -> Weighed:
    """What forgetting would do, found by doing it in a transaction that is taken back."""
    found: list[Weighed] = []
    try:
        with store.transaction():
            gone, _ = erase(store, meant, now=dt.datetime.now(dt.UTC))
            found.append(Weighed(gone=gone, mentioned=_count_mentions(store, meant.names)))
            raise _TakenBack
    except _TakenBack:
        return found[0]


def forget(
    store: Store,
    meant: Meant,
    *,
    now: dt.datetime,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Take what is meant out of every table, keep hashes so that it stays out, and write the book anew without it.

    Args:
        store: the book.
        meant: what.
        now: the time to write down.
        progress: of writing anew: rows written, and rows in all.

    Returns: how many rows went or changed, by table.
    Raises: BookError when the file cannot be written anew. The tables are free of it then, and opening the book again
        writes it anew.
    """
    gone, _ = erase(store, meant, now=now)
    write_anew(store, progress=progress)
    return gone


def erase_behind(store: Store, meant: Meant, turn_ids: Iterable[str], *, now: dt.datetime) -> None:
    """Take out what others wrote of it meanwhile, who had begun before `erase`."""
    ids = list(turn_ids)
    with store.transaction():
        drop_turns(store, ids)
        forget_names(store, meant.names)
        _forget_forecasts(store, meant.names, ids, now=now)


def write_anew(store: Store, *, progress: Callable[[int, int], None] | None = None) -> None:
    """Free the book's file, and what troth keeps beside it, of what was taken out of the tables.

    Raises: BookError when there is no room; opening the book again then does it.
    """
    _clear_inbox(store)
    clear_shelf(store.path)
    drop_strays(store)
    try:
        store.rewrite(progress=progress)
    except BookError as error:
        raise BookError(
            Told(
                "it is out of every table, but the book's file may still hold its words: {error}. "
                "The file is written anew when the book is opened next",
                error=str(error).rstrip("."),
            )
        ) from error


def forget_again(store: Store, *, now: dt.datetime) -> dict[str, int]:
    """Take the forgotten out of what an exported book brought beside its turns; the rows that went, by table.

    What is read of turns, contacts, calls and deals is screened before it is written. Tables that point at turns or
    name people in passing are only whole once all of them are there.
    """
    forgotten = read_forgotten(store)
    if forgotten is None:
        return {}
    names: set[str] = set()
    ids: set[str] = set()
    for name, columns in _NAMING.items():
        names |= {each for each in _values_in(store, name, columns) if forgotten.day_of(each) is not None}
    for name, columns in _POINTING.items():
        ids |= {each for each in _values_in(store, name, columns) if forgotten.holds_turn(each)}
    gone: Counter[str] = Counter()
    if names or ids:
        with store.transaction():
            gone.update(drop_turns(store, ids))
            gone.update(_forget_versions(store, names))
            gone.update(forget_names(store, names))
            gone.update(_forget_forecasts(store, names, ids, now=now))
        write_anew(store)
    return dict(gone)


_NAMING: Final[Mapping[str, tuple[str, ...]]] = {
    "turn_versions": ("speaker", *_LISTS),
    "promises": ("actor", "addressee", "relationship"),
    "person_decisions": ("left", "right", "by"),
    **dict.fromkeys(("decisions", "objections", "trials"), ("by",)),
    **dict.fromkeys(("forecasts", "trial_accounts", "outcomes"), ("relationship",)),
    "audit": ("who", "object"),
    "digests": ("person",),
    "contacts": ("owner",),
}
"""Columns of an exported book that may name somebody."""

_POINTING: Final[Mapping[str, tuple[str, ...]]] = {
    "promises": ("evidence_turn_id", "origin_turn_id"),
    "decisions": ("machine_evidence_turn_id",),
    "promise_history": ("evidence_turn_id",),
    "forecasts": ("turn_id",),
}


class _TakenBack(Exception):
    """Said within a transaction, so that the store takes back what was done."""


def erase(store: Store, meant: Meant, *, now: dt.datetime) -> tuple[dict[str, int], list[str]]:
    """Take what is meant out of every table and keep hashes of it; the rows by table, and the turns that went.

    Its words still lie in the file until `write_anew`.
    """
    gone: Counter[str] = Counter()
    with store.transaction():
        turns = store.table("turns", columns=["turn_id", "conversation_id", "sent_at", "speaker", *_LISTS])
        chosen, passed = _choose_turns(turns, meant)
        ids = turns["turn_id"].filter(pa.array(chosen)).to_pylist()
        gone.update(drop_turns(store, ids))
        deals = store.table("outcomes", columns=["outcome_id"], where={"relationship": sorted(meant.names)})
        if meant.names:
            gone.update(_leave_recipients(store, meant.names, turns["turn_id"].filter(pa.array(passed))))
            gone.update(_forget_versions(store, meant.names))
            gone.update(forget_names(store, meant.names))
        gone.update(_forget_forecasts(store, meant.names, ids, now=now))
        gone.update(_drop_stopped_jobs(store))
        staying = pc.unique(turns["conversation_id"].filter(pa.array(~chosen)))
        over = pc.unique(turns["conversation_id"].filter(pa.array(chosen)))
        remember(
            store, names=meant.names, turn_ids=() if meant.before is not None else ids, before=meant.before, now=now,
            talks=over.filter(pc.invert(pc.is_in(over, staying))).to_pylist(),
            deals=deals["outcome_id"].to_pylist(),
        )  # fmt: skip
        store.set_setting(REWRITE_DUE, True)
    return dict(gone), ids


def _choose_turns(turns: pa.Table, meant: Meant) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which turns go, and which stay and only lose a recipient."""
    nothing = np.zeros(turns.num_rows, np.bool_)
    if meant.conversation is not None:
        return pc.equal(turns["conversation_id"], meant.conversation).to_numpy(), nothing
    if meant.before is not None:
        return pc.fill_null(pc.less(turns["sent_at"], pa.scalar(meant.before)), False).to_numpy(), nothing
    said = pc.is_in(turns["speaker"], pa.array(meant.names, pa.string())).to_numpy()
    named, others = _find_heard(turns, meant.names)
    return said | (named & ~others), named & others & ~said


def _find_heard(turns: pa.Table, names: Collection[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which turns were written to one of these names, and which to anybody else."""
    named, others = np.zeros(turns.num_rows, np.bool_), np.zeros(turns.num_rows, np.bool_)
    for column in _LISTS:
        lists = turns[column].combine_chunks()
        parents = pc.list_parent_indices(lists).to_numpy()
        mine = pc.is_in(pc.list_flatten(lists), pa.array(list(names), pa.string())).to_numpy(zero_copy_only=False)
        named[parents[mine]] = True
        others[parents[~mine]] = True
    return named, others


def _forget_versions(store: Store, names: Collection[str]) -> dict[str, int]:
    """Drop earlier versions of turns that name one of these; what holds now stands in the turns."""
    versions = store.table("turn_versions")
    named, _ = _find_heard(versions, names)
    gone = named | pc.is_in(versions["speaker"], pa.array(list(names), pa.string())).to_numpy()
    ids = versions["turn_id"].filter(pa.array(gone)).unique()
    if not len(ids):
        return {}
    kept = versions.filter(pc.and_(pa.array(~gone), pc.is_in(versions["turn_id"], ids)))
    store.replace("turn_versions", kept, keys_column="turn_id", keys=ids.to_pylist())
    return {"turn_versions": int(gone.sum())}


def _leave_recipients(store: Store, names: Collection[str], turn_ids: pa.ChunkedArray) -> dict[str, int]:
    """Take names out of the recipients of these turns."""
    if not len(turn_ids):
        return {}
    turns = store.table("turns", where={"turn_id": turn_ids.to_pylist()})
    rows = turns.to_pylist()
    for row in rows:
        row |= {
            each: None if row[each] is None else [name for name in row[each] if name not in names] for each in _LISTS
        }
    store.upsert("turns", pa.Table.from_pylist(rows, schema=turns.schema))
    return {"recipients": len(rows)}


def _forget_forecasts(store: Store, names: Collection[str], ids: Iterable[str], *, now: dt.datetime) -> dict[str, int]:
    """Take relationships of these names, and these turns, out of FORECASTS, and seal the days of them once more.

    The numbers stay, under a random name: what was foretold and came cannot be wished away. The chain of closings holds
    as it is; a day whose forecasts did not fit their seal before gets no new one.
    """
    rows = [
        *store.table("forecasts", where={"relationship": sorted(names)}).to_pylist(),
        *store.table("forecasts", where={"turn_id": sorted(set(ids))}).to_pylist(),
    ]
    if not rows:
        return {}
    days = sorted({row["day"] for row in rows})
    of_day: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in store.table("forecasts", where={"day": days}).to_pylist():
        of_day[row["day"]].append(row)
    stated = {row["day"]: row["scored"] for row in store.table("closings", where={"day": days}).to_pylist()}
    stated |= {row["day"]: row["scored"] for row in store.table("resealed", where={"day": days}).to_pylist()}
    aliases = {name: f"forgotten {secrets.token_hex(4)}" for name in names}
    dropped = {(row["day"], row["number"]) for row in rows}
    changed, sealed = list[dict[str, Any]](), list[dict[str, Any]]()
    for day in days:
        holds = seal_forecasts(of_day[day]) == stated.get(day)
        for row in of_day[day]:
            if (day, row["number"]) in dropped:
                row |= {"turn_id": None, "relationship": aliases.get(row["relationship"], row["relationship"])}
                changed.append(row)
        if holds:
            sealed.append({"day": day, "at": now, "scored": seal_forecasts(of_day[day])})
    store.upsert("forecasts", pa.Table.from_pylist(changed, schema=FORECASTS))
    store.upsert("resealed", pa.Table.from_pylist(sealed, schema=RESEALED))
    return {"forecasts": len(changed)}


def _drop_stopped_jobs(store: Store) -> dict[str, int]:
    """Throw away uploads that somebody stopped: the exports lie beside the book, and nobody knows what is in them."""
    ids = store.table("jobs", columns=["job_id"], where={"state": "stopped"})["job_id"].to_pylist()
    if not ids:
        return {}
    store.replace("jobs", JOBS.empty_table(), keys_column="job_id", keys=ids)
    return {"jobs": len(ids)}


def _clear_inbox(store: Store) -> None:
    """Delete what `troth serve` keeps beside the book for jobs that are over: exports, and the whole book as a zip."""
    if store.path == ":memory:" or "://" in store.path:
        return
    inbox = Path(store.path).with_name(f".{Path(store.path).name}.inbox")
    if not inbox.is_dir():
        return
    asked = [json.loads(text) for text in store.table("jobs", columns=["asked"])["asked"].to_pylist()]
    kept = {each.get("folder") for each in asked}
    for each in inbox.iterdir():
        if each.name not in kept:
            shutil.rmtree(each, ignore_errors=True)


def _count_mentions(store: Store, names: Iterable[str]) -> int:
    """Turns that have one of these names in their words or their subject."""
    wanted = [name for name in names if len(name) >= _MENTION]
    if not wanted:
        return 0
    turns = store.table("turns", columns=["subject", "body"])
    found = pa.chunked_array([pa.repeat(False, turns.num_rows)])
    for name in wanted:
        for column in ("subject", "body"):
            found = pc.or_(found, pc.fill_null(pc.match_substring(turns[column], name, ignore_case=True), False))
    return pc.sum(found).as_py() or 0


def _values_in(store: Store, name: str, columns: Collection[str]) -> set[str]:
    found: set[str] = set()
    table = store.table(name, columns=list(columns))
    for column in table.columns:
        flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
        found.update(flat.drop_null().unique().to_pylist())
    return found
