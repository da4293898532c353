"""A big book for benchmarks: the sample firm many times over, each copy with customers, times and ids of its own.

    python -m bench.bigbook big.duckdb --turns 1000000

Signals are found once and copied with the turns, and so are promises, questions and readings: what these cost is
measured elsewhere (bench/encoder.py, promises_growth.py). The firm itself is not copied: it writes in all of it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import troth
from troth.desk import Desk
from troth.encoder import encoder_id
from troth.pipeline import Standing, Understood
from troth.review import day_bounds
from troth.sample import SAMPLE_ME, SAMPLE_ZONE, read_sample, sample_people
from troth.settings import Settings

SETTINGS = Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE, people=sample_people())
_OURS = "brimholt.example"
_AT_ONCE = 50  # copies that are written in one transaction
_SHIFT_S = 1_801  # seconds between two copies: their turns interleave
_IDS = ("turn_id", "conversation_id", "parent_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The sample with all that is known of it."""

    turns: pa.Table
    known: Understood
    standing: Standing
    found: pa.Table


def read_base() -> Base:
    """The sample, worked out."""
    with troth.open(settings=SETTINGS) as book, tempfile.TemporaryDirectory() as folder:
        read_sample(book, Path(folder))
        desk = Desk(book.store, SETTINGS)
        known = replace(desk.understand(), findings=book.store.table("findings"))  # what rules find is not kept
        return Base(turns=book.store.table("turns"), known=known, standing=desk.stock(), found=desk.found())


def copy_turns(turns: pa.Table, copy: int) -> pa.Table:
    """TURNS of one copy: other people outside the firm, other ids, other times."""
    mark = f"k{copy}."
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for field in turns.schema:
        column = turns[field.name].combine_chunks()
        if field.name in _IDS:
            columns[field.name] = pc.binary_join_element_wise(mark, column, "")
        elif field.name == "sent_at":
            shift = pa.scalar(copy % 4_000 * _SHIFT_S * 1_000_000, pa.duration("us"))
            columns[field.name] = pc.subtract(column, shift)
        elif field.name in {"speaker", "relationship"}:
            columns[field.name] = _rename(column, mark)
        elif field.name in {"recipients", "cc", "references"}:
            renamed = _rename(column.values, mark) if field.name != "references" else column.values
            columns[field.name] = pa.ListArray.from_arrays(column.offsets, renamed, mask=pc.is_null(column))
        else:
            columns[field.name] = column
    return pa.table(columns, schema=turns.schema)


def _rename(names: pa.Array, mark: str) -> pa.Array:
    """Addresses outside the firm get another domain; handles and names another name."""
    outside = pc.replace_substring_regex(names, r"^([^@]+)@(.+)$", rf"\1@{mark}\2")
    handle = pc.binary_join_element_wise(mark, names, "")
    renamed = pc.if_else(pc.match_substring(names, "@"), outside, handle)
    return pc.if_else(pc.match_substring(names, _OURS), names, renamed)


def copy_rest(table: pa.Table, copy: int) -> pa.Table:
    """Rows that rest on turns, of one copy."""
    mark, columns = f"k{copy}.", dict(zip(table.column_names, table.columns, strict=True))
    shift = pa.scalar(copy % 4_000 * _SHIFT_S * 1_000_000, pa.duration("us"))
    for field in table.schema:
        column = columns[field.name].combine_chunks()
        if field.name.endswith(("turn_id", "promise_id", "question_id")) or field.name == "replaced_by":
            columns[field.name] = pc.binary_join_element_wise(mark, column, "")
        elif field.name in {"relationship", "actor", "addressee"}:
            columns[field.name] = _rename(column, mark)
        elif pa.types.is_timestamp(field.type) and field.name != "noted_at":
            columns[field.name] = pc.subtract(column, shift)
    return pa.table(columns, schema=table.schema)


def write_big_book(path: Path, turns: int) -> Iterator[int]:
    """Write a book of at least so many turns; yields how many are there after each transaction."""
    base, written, copy = read_base(), 0, 0
    with troth.open(path, settings=SETTINGS) as book:
        book.store.set_setting("encoder", encoder_id())
        while written < turns:
            copies = range(copy, copy + _AT_ONCE)
            with book.store.transaction():
                book.store.upsert("turns", pa.concat_tables(copy_turns(base.turns, each) for each in copies))
                for name in ("sentences", "findings"):
                    table = getattr(base.known, name)
                    book.store.upsert(name, pa.concat_tables(copy_rest(table, each) for each in copies))
            copy, written = copy + _AT_ONCE, written + base.turns.num_rows * _AT_ONCE
            yield written
    write_settings(settings_of(path))
    keep_rest(path, base, copy)


def settings_of(book: Path) -> Path:
    """Where the settings of a big book lie, which whoever opens it must name: standings rest on them."""
    return book.with_suffix(".toml")


def write_settings(path: Path) -> None:
    """SETTINGS as a troth.toml."""
    lines = [f"us = {json.dumps(SETTINGS.us)}", f"zone = {json.dumps(SETTINGS.zone)}", "[people]"]
    lines += [f"{json.dumps(name)} = {json.dumps(names)}" for name, names in SETTINGS.people.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def keep_rest(path: Path, base: Base, copies: int) -> None:
    """Lay what a book would work out of these copies beside it, for the evenings that pages show.

    Again after troth's code has changed, since nothing that other code worked out is taken up.
    """

    def copy_all(table: pa.Table) -> pa.Table:
        return pa.concat_tables(copy_rest(table, each) for each in range(copies)).combine_chunks()

    tables = {name: copy_all(getattr(base.standing, name)) for name in ("promises", "questions", "readings")}
    with troth.open(path, settings=SETTINGS) as book:
        shelf = Desk(book.store, SETTINGS).shelf()
        shelf.keep_found(copy_all(base.found))
        for evening in {base.standing.now, day_bounds(book.choose_day(), book.zone)[1]}:
            shelf.keep_standing(Standing(now=evening, **tables))


def main() -> None:
    """Write the book."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("book", type=Path)
    parser.add_argument("--turns", type=int, default=1_000_000)
    asked = parser.parse_args()
    for written in write_big_book(asked.book, asked.turns):
        print(f"{written:,} turns", flush=True)


if __name__ == "__main__":
    main()
