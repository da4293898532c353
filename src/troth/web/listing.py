"""A table in one total order, read page by page from wherever a reader stopped."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.web.index import Picker

Key = tuple[int | str, ...]
"""Where a row stands: its time in microseconds since 1970 where rows have one, and the columns that name it."""

Keep = Callable[[pa.Table], pa.Table]
"""Takes rows and gives those that are wanted."""

_NEVER: Final = np.iinfo(np.int64).max  # rows without a time come last
_FIRST_BLOCK: Final = 256
_LARGEST_BLOCK: Final = 1 << 16
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK: Final = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some rows of a listing, and the key of the last one where more follow."""

    rows: pa.Table
    last: Key | None


class Listing:
    """A table in the order of a time and of the columns that name a row.

    Args:
        table: each row named once by `key`.
        key: columns without nulls.
        time: a column of times, or None. Rows whose time is not known come last.

    Cost: one sort when it is made; finding a place is a search by halving, and only rows of a page are copied.
    """

    def __init__(self, table: pa.Table, *, key: Sequence[str], time: str | None = None) -> None:
        columns = ([] if time is None else [time]) + list(key)
        self._table, self._key, self._time = table, list(key), time
        self._picker = Picker(table)
        order = pc.sort_indices(
            table.select(columns), sort_keys=[(name, "ascending") for name in columns]
        )  # nulls come last
        self._order = order.to_numpy(zero_copy_only=False).astype(np.int32)
        if time is not None:
            micros = pc.fill_null(table[time].cast(pa.int64()), int(_NEVER)).to_numpy()
            self._times = micros[self._order]

    def page(
        self,
        *,
        limit: int,
        after: Key | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        keep: Keep | None = None,
    ) -> Part:
        """The next rows.

        Args:
            limit: how many at most.
            after: the key of the last row of the page before.
            since, until: only rows with a time in [since, until).
            keep: only these rows.
        """
        start, end = 0 if after is None else self._place_after(after), len(self._order)
        if since is not None or until is not None:
            end = int(np.searchsorted(self._times, _NEVER if until is None else _micros(until)))
        if since is not None:
            start = max(start, int(np.searchsorted(self._times, _micros(since))))
        found = take_rows(self._blocks(start, end), limit=limit + 1, keep=keep) if start < end else None
        if found is None or found.num_rows <= limit:
            return Part(rows=self._table.slice(0, 0) if found is None else found, last=None)
        rows = found.slice(0, limit)
        return Part(rows=rows, last=self.key_of(rows, limit - 1))

    def key_of(self, rows: pa.Table, number: int) -> Key:
        """The key of one of these rows, which are of this listing."""
        names = tuple(rows[name][number].as_py() for name in self._key)
        if self._time is None:
            return names
        said = rows[self._time][number].cast(pa.int64()).as_py()
        return (int(_NEVER) if said is None else said, *names)

    def fits(self, key: Sequence[object]) -> bool:
        """Whether this could be a key of this listing."""
        kinds: list[type] = [] if self._time is None else [int]
        kinds += [int if pa.types.is_integer(self._table.schema.field(name).type) else str for name in self._key]
        return [type(part) for part in key] == kinds and all(
            -(2**63) <= part < 2**63 for part in key if isinstance(part, int)
        )

    def _blocks(self, start: int, end: int) -> Iterator[pa.Table]:
        size = _FIRST_BLOCK
        while start < end:
            stop = min(start + size, end)
            yield self._picker.take(self._order[start:stop])
            start, size = stop, min(size * 2, _LARGEST_BLOCK)

    def _place_after(self, key: Key) -> int:
        low, high, rest = 0, len(self._order), key
        if self._time is not None:
            low = int(np.searchsorted(self._times, key[0], side="left"))
            high = int(np.searchsorted(self._times, key[0], side="right"))
            rest = key[1:]
        return low + bisect_right(range(low, high), rest, key=self._names_at)

    def _names_at(self, place: int) -> Key:
        row = int(self._order[place])
        return tuple(self._table[name][row].as_py() for name in self._key)


def take_rows(blocks: Iterator[pa.Table], *, limit: int, keep: Keep | None = None) -> pa.Table | None:
    """The first rows of these blocks that are wanted, at most so many; None where there was no block."""
    found: list[pa.Table] = []
    count = 0
    for block in blocks:
        found.append(block if keep is None else keep(block))
        count += found[-1].num_rows
        if count >= limit:
            break
    return pa.concat_tables(found).slice(0, limit) if found else None


def _micros(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // _TICK
