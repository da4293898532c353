"""A person taken out of a book: what they wrote, what was written to them alone, what is kept of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.book.erase import drop_turns, forget_names
from troth.keeping import clear_shelf
from troth.roster import find_person

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from troth.book import Store
    from troth.library import Book

_LISTS: Final = ("recipients", "cc")


def forget_person(book: Book, typed: str) -> dict[str, int]:
    """Take a person out of a book, under all their names.

    Turns that they wrote go, and those that were written to nobody else, with all that rests on them; so do their
    survey answers, and they leave the recipients of the turns that stay. Words in which others speak of them stay:
    those are the words of others. Nothing keeps exports from being read again.

    Args:
        book: it knows less than the store afterwards: open it anew.
        typed: an address, handle or phone in full, or a name that only one person has.

    Returns: how many rows went or changed, by table; `recipients` are turns that stay and name them no more.
    Raises: InputError when nobody or several are meant.
    Cost: a pass over the names in TURNS.
    """
    names = sorted(find_person(typed, book.people(), book.turns())[0])
    store, gone = book.store, Counter[str]()
    with store.transaction():
        turns = store.table("turns", columns=["turn_id", "speaker", *_LISTS])
        said = pc.is_in(turns["speaker"], pa.array(names, pa.string())).to_numpy()
        named, others = _find_heard(turns, names)
        gone.update(drop_turns(store, turns["turn_id"].filter(pa.array(said | (named & ~others))).to_pylist()))
        gone.update(_leave_recipients(store, names, turns["turn_id"].filter(pa.array(named & others & ~said))))
        gone.update(_forget_versions(store, names))
        answers = store.table("answers", where={"person": names})
        if answers.num_rows:
            store.replace("answers", answers.slice(0, 0), keys_column="person", keys=names)
            gone["answers"] += answers.num_rows
        gone.update(forget_names(store, names))
    clear_shelf(store.path)
    return dict(gone)


def _find_heard(turns: pa.Table, names: Collection[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which turns were written to one of these names, and which to anybody else."""
    named, others = np.zeros(turns.num_rows, np.bool_), np.zeros(turns.num_rows, np.bool_)
    for column in _LISTS:
        lists = turns[column].combine_chunks()
        parents = pc.list_parent_indices(lists).to_numpy()
        mine = pc.is_in(pc.list_flatten(lists), pa.array(names, pa.string())).to_numpy(zero_copy_only=False)
        named[parents[mine]] = True
        others[parents[~mine]] = True
    return named, others


def _forget_versions(store: Store, names: Collection[str]) -> dict[str, int]:
    """Drop earlier versions of turns that name one of these; what holds now stands in the turns."""
    versions = store.table("turn_versions")
    named, _ = _find_heard(versions, names)
    gone = named | pc.is_in(versions["speaker"], pa.array(names, pa.string())).to_numpy()
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
