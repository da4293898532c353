"""Who looked at what: every entry sealed together with all before it, as the closed days are.

An entry is in a journal beside the book before the page goes out, and in the book itself a moment later; a process
that is killed loses none. A page whose entry cannot be written is not shown.

Erasing somebody takes their name, and what was looked at of them, out of the entries; the seal was made over the hash
of each name with a salt that goes along, so that the chain still holds and the hash tells nothing. Cutting off the end
is seen against the last seal, which the book keeps aside and whoever wants to be sure writes down elsewhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import secrets
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.book import Store
from troth.errors import BookError
from troth.schema import AUDIT
from troth.sealing import seal_row

END: Final = "audit_end"
"""The setting of a book that holds the number and seal of the last entry."""
_HIDDEN: Final = ("who", "object")
_SEALED: Final = tuple(
    name for name in AUDIT.names if name != "seal" and name not in _HIDDEN and not name.endswith("_salt")
)
_AGAIN: Final = dt.timedelta(minutes=1)  # the same look at the same thing within this is one
_MOST_KNOWN: Final = 10_000  # looks that are remembered for that
_EVERY_S: Final = 1.0  # that the journal is taken into the book
_PIECE: Final = 5_000  # entries that are looked through together
_CHECKED_FOR: Final = dt.timedelta(minutes=10)  # a look through the whole log is not done again sooner
_PATIENCE_S: Final = 0.3  # that a page waits for one: that of a small log is there by then
JOURNAL: Final = ".audit"
"""What the journal's name adds to that of the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a look through the log found.

    Attributes:
        entries, erased: how many there are, and of how many a name was erased.
        wrong: what is wrong with it, one plain line each.
        end: number and seal of the last entry, to be written down elsewhere; empty where there is none.
    """

    entries: int
    erased: int
    wrong: tuple[str, ...]
    end: str


def check_log(rows: Iterable[Mapping[str, Any]], *, end: str | None = None, noted: str | None = None) -> Checked:
    """Look through a log.

    Args:
        rows: of AUDIT, in the order of their numbers; gone through once.
        end: number and seal of an entry that must be there, as `Checked.end` gave it; None where none was kept.
        noted: another one.
    """
    wrong: list[str] = []
    previous, number, erased, entries = "", 0, 0, 0
    wanted = {_number_of(each): each for each in (end, noted) if each}
    found: dict[int, str] = {}
    for row in rows:
        number += 1
        entries += 1
        if row["number"] != number:
            wrong.append(f"entry {number}: is not there; the next one is {row['number']}.")
            number = row["number"]
        elif row["previous"] != previous:
            wrong.append(f"entry {number}: an entry before it was taken out, put in or moved.")
        if row["seal"] != seal_row(row, _SEALED):
            wrong.append(f"entry {number}: was altered.")
        for name in _HIDDEN:
            if row[name] is not None and row[f"{name}_hash"] != _hash(row[f"{name}_salt"], row[name]):
                wrong.append(f"entry {number}: {name} was altered.")
        erased += any(row[name] is None and row[f"{name}_hash"] for name in _HIDDEN)
        previous = row["seal"]
        if number in wanted:
            found[number] = previous
    wrong += [
        f"the log ends with entry {number}, and entry {each.partition(':')[0]} was there: the end was cut off or "
        "altered."
        for each in dict.fromkeys(one for one in (end, noted) if one)
        if found.get(_number_of(each)) != each.partition(":")[2]
    ]  # fmt: skip
    return Checked(
        entries=entries, erased=erased, wrong=tuple(dict.fromkeys(wrong)), end=f"{number}:{previous}" if entries else ""
    )


def walk_log(store: Store, *, go_on: Callable[[], bool] = lambda: True) -> Iterator[dict[str, Any]]:
    """The entries of a book in order, what is in its journal alone included; so many at a time are in memory.

    Args:
        store: the book.
        go_on: asked before each piece whether to go on.

    Raises: BookError, also where it is not to go on.
    """
    numbers = store.table("audit", columns=["number"])["number"].unique().sort()
    last = 0
    for place in range(0, len(numbers), _PIECE):
        if not go_on():
            raise BookError("the book is being closed")
        rows = store.table("audit", where={"number": numbers.slice(place, _PIECE)}).sort_by("number").to_pylist()
        yield from rows
        last = rows[-1]["number"] if rows else last
    yield from (row for row in _read_journal(_journal_of(store)) if row["number"] > last)


def read_log(store: Store) -> list[dict[str, Any]]:
    """The log of a book, what is in its journal alone included."""
    return list(walk_log(store))


def check_book(store: Store, *, end: str | None = None, go_on: Callable[[], bool] = lambda: True) -> Checked:
    """Look through the log of a book, against the end that it keeps aside and another one that somebody noted.

    Raises: BookError.
    """
    kept = store.settings(END)  # before the entries: those that come meanwhile are behind it
    return check_log(walk_log(store, go_on=go_on), end=kept, noted=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Some entries, the latest first. `before`: what the next leaf is asked with; None where nothing is before."""

    rows: list[dict[str, Any]]
    before: int | None


@dataclass(slots=True)
class _State:
    number: int = 0
    seal: str = ""
    waiting: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # in the journal, not in the book
    known: OrderedDict[tuple[str | None, ...], dt.datetime] = field(
        default_factory=OrderedDict[tuple[str | None, ...], dt.datetime]
    )


class Audit:
    """The log of a book that is served.

    Args:
        store: the book.
        clock: the time.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime]) -> None:
        self._store, self._clock = store, clock
        self._path = _journal_of(store)
        self._lock, self._folding = threading.Lock(), threading.Lock()
        self._over = threading.Event()
        self._looker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="troth-log")
        self._looked: tuple[dt.datetime, Future[Checked]] | None = None
        self._last: tuple[dt.datetime, Checked] | None = None
        kept = store.table("audit", columns=["number", "who"]).sort_by("number")
        self._of = _index(kept)
        last = kept["number"][-1].as_py() if kept.num_rows else 0
        waiting = [row for row in _read_journal(self._path) if row["number"] > last]
        for row in waiting:
            _add_to(self._of, row)
        end = waiting[-1:] or store.table("audit", where={"number": last}).to_pylist()[-1:]
        self._state = _State(
            number=end[0]["number"] if end else 0, seal=end[0]["seal"] if end else "", waiting=waiting
        )  # fmt: skip
        self._file = self._begin_journal()
        self._folder = threading.Thread(target=self._run, name="troth-audit", daemon=True)
        self._folder.start()

    def note(
        self, action: str, *, who: str | None, role: str | None, about: str | None = None, outcome: str = "allowed"
    ) -> None:
        """Write an entry; it is kept when this returns.

        Args:
            action: what was done; never a content.
            who, role: by whom.
            about: what was looked at, by name; several parts on a line each.
            outcome: allowed, refused.

        Raises: BookError when it cannot be written.
        """
        now, look = self._clock(), (who, action, about, outcome)
        with self._lock:
            if self._is_again(look, now):
                return
            row = _make(self._state, now, action, {"who": who, "object": about}, role=role, outcome=outcome)
            self._write(row)
            self._state.number, self._state.seal = row["number"], row["seal"]
            self._state.waiting.append(row)
            _add_to(self._of, row)
            self._remember(look, now)  # only now: a look whose entry could not be written was not noted

    def fold(self) -> None:
        """Take what is in the journal into the book.

        Raises: BookError when the book cannot be written; the journal then keeps it.
        """
        with self._folding:
            with self._lock:
                rows = list(self._state.waiting)
            if not rows:
                return
            with self._store.transaction():
                self._store.upsert("audit", pa.Table.from_pylist(rows, schema=AUDIT))
                self._store.set_setting(END, f"{rows[-1]['number']}:{rows[-1]['seal']}")
            with self._lock:
                self._state.waiting = self._state.waiting[len(rows) :]
                self._file = self._begin_journal()

    def leaf(self, *, before: int | None = None, who: str | None = None, most: int = 50) -> Leaf:
        """Entries, the latest first; no others are read.

        Args:
            before: only those before this number.
            who: only this person's.
            most: that many.

        Raises: BookError.
        """
        self.fold()
        with self._lock:
            last = self._state.number
            mine = None if who is None else self._of.get(who, array("q"))
            if mine is None:
                end = last if before is None else min(last, before - 1)
                numbers = list(range(max(end - most, 0) + 1, end + 1))
                is_more = bool(numbers) and numbers[0] > 1
            else:
                end = len(mine) if before is None else bisect_left(mine, before)
                numbers = mine[max(end - most, 0) : end].tolist()
                is_more = end > most
        rows = self._store.table("audit", where={"number": numbers}).sort_by([("number", "descending")]).to_pylist()
        named = [row for row in rows if who is None or row["who"] == who]  # who was erased has no entries any more
        return Leaf(rows=named, before=numbers[0] if is_more else None)

    def look_through(self) -> tuple[dt.datetime, Checked] | None:
        """What the last look through the whole log found, and when it was begun; None before the first one is done.

        It is done beside the requests, and again when the last one is some minutes old.

        Raises: BookError.
        """
        now = self._clock()
        with self._lock:
            is_old = self._looked is None or (self._looked[1].done() and now - self._looked[0] >= _CHECKED_FOR)
            if is_old:
                self._looked = now, self._looker.submit(self.check)
            begun, coming = self._looked or (now, Future[Checked]())
        with suppress(TimeoutError):
            found = coming.result(timeout=_PATIENCE_S)
            self._last = begun, found
        return self._last

    def check(self) -> Checked:
        """Look through the whole log.

        Raises: BookError.
        """
        self.fold()
        return check_book(self._store, go_on=lambda: not self._over.is_set())

    def close(self) -> None:
        """Take everything into the book and stop."""
        self._over.set()
        self._looker.shutdown(wait=True, cancel_futures=True)
        self._folder.join()
        try:
            self.fold()
        finally:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _run(self) -> None:
        while not self._over.wait(_EVERY_S):
            try:
                self.fold()
            except BookError:
                continue  # the journal keeps it, and the next round tries again

    def _is_again(self, look: tuple[str | None, ...], now: dt.datetime) -> bool:
        """Whether this was noted a moment ago: a page that draws itself anew is one look."""
        seen = self._state.known.get(look)
        return seen is not None and now - seen < _AGAIN

    def _remember(self, look: tuple[str | None, ...], now: dt.datetime) -> None:
        known = self._state.known
        known[look] = now
        known.move_to_end(look)
        while len(known) > _MOST_KNOWN:
            known.popitem(last=False)

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._file is None:
            return  # a book in memory ends with its process, and so does its log
        line, size = _to_line(row), os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(28, "there is no room")
        except OSError as error:
            os.ftruncate(self._file, size)  # a half-written line would spoil the next one
            raise BookError(
                f"{self._path} cannot be written: {error.strerror}. What is not logged is not shown."
            ) from error

    def _begin_journal(self) -> int | None:
        """A journal of what the book does not hold yet, in the place of the one before."""
        if self._path is None:
            return None
        new = self._path.with_name(self._path.name + ".new")
        try:
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            os.write(file, b"".join(map(_to_line, self._state.waiting)))
            new.replace(self._path)
        except OSError as error:
            raise BookError(f"{self._path} cannot be written: {error.strerror}.") from error
        if getattr(self, "_file", None) is not None:
            os.close(self._file)  # type: ignore[arg-type]  # just seen to be one
        return file


def _index(rows: pa.Table) -> dict[str, array[int]]:
    """The numbers of everybody's entries, in order: eight bytes each."""
    found: dict[str, array[int]] = {}
    coded = pc.dictionary_encode(rows["who"].combine_chunks())
    places = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    order, names = np.argsort(places, kind="stable"), coded.dictionary.to_pylist()
    ends = np.searchsorted(places[order], np.arange(len(names) + 1))
    numbers = rows["number"].to_numpy()[order]
    for place, name in enumerate(names):
        found[name] = array("q", numbers[ends[place] : ends[place + 1]].tobytes())
    return found


def _add_to(index: dict[str, array[int]], row: Mapping[str, Any]) -> None:
    if row["who"] is not None:
        index.setdefault(row["who"], array("q")).append(row["number"])


def _number_of(end: str) -> int:
    number = end.partition(":")[0]
    return int(number) if number.isdecimal() else 0


def _make(
    state: _State, now: dt.datetime, action: str, names: Mapping[str, str | None], *, role: str | None, outcome: str
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": state.number + 1, "at": now, "role": role, "action": action, "outcome": outcome,
        "previous": state.seal, **names,
    }  # fmt: skip
    for name, value in names.items():
        row[f"{name}_salt"] = None if value is None else secrets.token_hex(16)
        row[f"{name}_hash"] = "" if value is None else _hash(row[f"{name}_salt"], value)
    return {name: row[name] for name in AUDIT.names if name != "seal"} | {"seal": seal_row(row, _SEALED)}


def _hash(salt: str | None, name: str) -> str:
    return hashlib.sha256(f"{salt}\n{name}".encode()).hexdigest()


def _journal_of(store: Store) -> Path | None:
    return None if store.path == ":memory:" else Path(store.path + JOURNAL)


def _to_line(row: Mapping[str, Any]) -> bytes:
    return json.dumps({**row, "at": row["at"].isoformat()}, ensure_ascii=True).encode() + b"\n"


def _read_journal(path: Path | None) -> list[dict[str, Any]]:
    """Entries of a journal. A last line without its end was never acknowledged, and is none."""
    if path is None or not path.is_file():
        return []
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
        rows = [json.loads(line) for line in lines]
        return [{**row, "at": dt.datetime.fromisoformat(row["at"])} for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BookError(f"{path} cannot be read. Keep it aside under another name, and say so in the log.") from error
