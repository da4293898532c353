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
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

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


def check_log(rows: Sequence[Mapping[str, Any]], *, end: str | None = None) -> Checked:
    """Look through a log.

    Args:
        rows: of AUDIT, in the order of their numbers.
        end: number and seal of an entry that must be there, as `Checked.end` gave it; None where none was kept.
    """
    wrong: list[str] = []
    previous, number, erased = "", 0, 0
    seals: dict[int, str] = {}
    for row in rows:
        number += 1
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
        previous = seals[number] = row["seal"]
    if end:
        last, _, seal = end.partition(":")
        if seals.get(int(last) if last.isdecimal() else 0) != seal:
            wrong.append(
                f"the log ends with entry {number}, and entry {last} was there: the end was cut off or altered."
            )
    return Checked(entries=len(rows), erased=erased, wrong=tuple(wrong), end=f"{number}:{previous}" if rows else "")


def read_log(store: Store) -> list[dict[str, Any]]:
    """The log of a book, what is in its journal alone included."""
    rows = store.table("audit").sort_by("number").to_pylist()
    last = rows[-1]["number"] if rows else 0
    return rows + [row for row in _read_journal(_journal_of(store)) if row["number"] > last]


def check_book(store: Store, *, end: str | None = None) -> Checked:
    """Look through the log of a book, against the end that it keeps aside and another one that somebody noted.

    Raises: BookError.
    """
    rows = read_log(store)
    found = check_log(rows, end=store.settings(END))
    noted = check_log(rows, end=end).wrong if end else ()
    wrong = dict.fromkeys((*found.wrong, *noted))
    return Checked(entries=found.entries, erased=found.erased, wrong=tuple(wrong), end=found.end)


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
        rows = read_log(store)
        kept = store.table("audit", columns=["number"]).num_rows
        self._state = _State(
            number=rows[-1]["number"] if rows else 0, seal=rows[-1]["seal"] if rows else "", waiting=rows[kept:]
        )
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

    def list(self, *, before: int | None = None, who: str | None = None, most: int = 50) -> list[dict[str, Any]]:
        """Entries, the latest first.

        Args:
            before: only those before this number.
            who: only this person's.
            most: that many.
        """
        self.fold()
        where = {} if who is None else {"who": who}
        table = self._store.table("audit", where=where).sort_by([("number", "descending")])
        if before is not None:
            table = table.filter(pa.array([number < before for number in table["number"].to_pylist()], pa.bool_()))
        return table.slice(0, most).to_pylist()

    def check(self) -> Checked:
        """Look through the whole log."""
        self.fold()
        return check_book(self._store)

    def close(self) -> None:
        """Take everything into the book and stop."""
        self._over.set()
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
