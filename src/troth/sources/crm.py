"""What the exports of CRMs have in common: one kind of object a file, told by the names of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from troth.sources.cells import read_amount
from troth.sources.documents import Fields, find_keys, read_entries
from troth.sources.export import Export
from troth.sources.helpdesk import pick
from troth.sources.outcomes import Ledger, Record
from troth.sources.reader import Context
from troth.sources.tables import UTF16, look_at_sheet, plain_name, read_rows
from troth.sources.turns import Piece, Rejected
from troth.times import DateOrder, DayTime, read_time

_Known = TypeVar("_Known")

Kinds = Sequence[tuple[str, Sequence[frozenset[str]]]]
"""Which object a file holds: one name of each group must be there. In the order in which they are asked."""

WAREHOUSE: Final = "property"
"""Stands among a file's names where its columns begin as a warehouse writes properties."""


class Found(NamedTuple):
    """One object of an export: where it stands, its values by plain name, and how they are written.

    `history` holds earlier values where the object itself has them: the field, the value, since when.
    """

    where: str
    cells: Mapping[str, Any]
    zone: str
    order: DateOrder
    comma: bool = False
    history: Sequence[tuple[str, str, object]] = ()

    def pick(self, *names: str) -> str | None:
        """The text of the first of these fields that has one."""
        return pick(self.cells, *names)

    def time(self, *names: str, day: DayTime = "begins") -> datetime | None:
        """The first of these fields that is a time; `day` says what of a day alone is meant."""
        moments = (read_time(self.cells.get(name), zone=self.zone, order=self.order, day=day) for name in names)
        return next((at for at in moments if at is not None), None)

    def moment(self, raw: object) -> datetime | None:
        """A time of this object's history."""
        return read_time(raw, zone=self.zone, order=self.order)


def tell_member(export: Export, name: str, kinds: Kinds) -> str | None:
    """Which kind of object a file holds; None where it holds none of these."""
    keys = find_keys(export, name)
    if keys:
        names = set(map(plain_name, keys))
    elif (sheet := look_at_sheet(export, name)) is not None:
        names = set(sheet.columns)
        names |= {WAREHOUSE} if any(column.lower().startswith("property_") for column in sheet.header) else set()
    else:
        return None
    return next((kind for kind, groups in kinds if all(group & names for group in groups)), None)


def read_kinds(
    export: Export,
    context: Context,
    *,
    kinds: Kinds,
    lists: frozenset[str],
    flatten: Callable[[str, Fields, Context], Found],
    readers: Sequence[tuple[str, Callable[[Found, _Known, Ledger, str], Iterator[Piece]]]],
    known: _Known,
) -> Iterator[Piece]:
    """The pieces of an export, kind by kind in the order of `readers`, and its outcomes at the end.

    Args:
        export, context: as a reader is given them.
        kinds: how a file's kind is told.
        lists: of an envelope around objects as JSON.
        flatten: an object as JSON to its fields.
        readers: how an object of each kind is read; a kind that stands there twice is read twice.
        known: what is learned on the way, handed to every reader.
    """
    ledger = Ledger(context.source, context.now)
    held = {name: tell_member(export, name, kinds) for name in export.names}
    for name, kind in held.items():
        if kind is None:
            is_wide = export.look(name, 2) in UTF16
            reason = "text in UTF-16: save it as UTF-8" if is_wide else "holds nothing that such an export has"
            yield Rejected(position=name or "the file", reason=reason)
    named: set[str] = set()  # files whose broken rows were named
    for wanted, read in readers:
        for name in (name for name, kind in held.items() if kind == wanted):
            for found in _read_objects(export, name, context, lists, flatten):
                if not isinstance(found, Rejected):
                    yield from read(found, known, ledger, wanted)
                elif name not in named:
                    yield found
            named.add(name)
    yield from ledger.pieces()


def _read_objects(
    export: Export,
    name: str,
    context: Context,
    lists: frozenset[str],
    flatten: Callable[[str, Fields, Context], Found],
) -> Iterator[Found | Rejected]:
    sheet = look_at_sheet(export, name)
    if sheet is None:
        for entry in read_entries(export, name, lists, meter=context.meter):
            yield entry if isinstance(entry, Rejected) else flatten(entry.where, entry.fields, context)
        return
    order = sheet.order or context.dates
    for row in read_rows(export, sheet, meter=context.meter, notes=context.notes):
        if isinstance(row, Rejected):
            yield row
        else:
            yield Found(row.where, row.cells, context.zone, order, sheet.has_commas)


def add_record(found: Found, ledger: Ledger, record: Record, *columns: str) -> Iterator[Rejected]:
    """Put a record into the ledger with the amount that stands in the first of these fields that has one."""
    raw = next((value for name in columns if (value := found.cells.get(name)) not in {None, ""}), None)
    try:
        amount, sign = read_amount(raw, comma=found.comma)
    except ValueError:
        reason = f"{str(raw)[:40]!r} is no amount"
        yield Rejected(position=f"{found.where}, {record.outcome_id}", reason=reason)
        return
    yield from ledger.add(record.with_amount(amount, sign))


def first_of(listed: str | None) -> str | None:
    """The first of values that stand in one cell with semicolons between them."""
    return next((one.strip() for one in (listed or "").split(";") if one.strip()), None)


def as_position(number: str) -> int:
    """An id that is a number as the order of what has it; 0 for any other."""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
