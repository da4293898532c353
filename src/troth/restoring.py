"""What an exported book brings back beside its turns, and what the book at hand keeps where both have something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import Store

CARRIED: Final = ("us", "trust_model")
"""The settings of a book that leave with it: who we are, and the constants learned."""
SEALED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "forecasts": "closings",  # sealed row upon row
        "closings": "closings",
        "resealed": "closings",
        "forgotten": "forgotten",  # hashes under the key of one book
        # What was done, which is done once.
        **{name: name for name in ("audit", "team_figures", "worth_figures", "digests")},
    }
)
"""Tables that are taken whole or not at all, each with the one that must hold nothing yet."""


def add_beside(store: Store, name: str, rows: pa.Table) -> int:
    """Add rows of a table beside TURNS; how many were new.

    A promise that was decided in this book stays as it was decided here; its decisions are all kept.
    """
    if name == "promises":
        there = store.table(name, columns=["promise_id"], where={"promise_id": rows["promise_id"].to_pylist()})
        rows = rows.filter(pc.invert(pc.is_in(rows["promise_id"], there["promise_id"].combine_chunks())))
    return store.upsert(name, rows).added


def add_sealed(store: Store, parts: Mapping[str, Sequence[pa.Table]]) -> dict[str, int]:
    """Take sealed tables at once, where the book has none; how many rows of each were new."""
    free = {name: tables for name, tables in parts.items() if not store.table(SEALED[name]).num_rows}
    with store.transaction():
        return {name: store.upsert(name, pa.concat_tables(tables)).added for name, tables in free.items()}


def restore_settings(store: Store, settings: Mapping[str, Any]) -> None:
    """Take over the settings of an exported book that this one lacks.

    Raises: SettingsError when the constants learned were altered; InputError when nobody can be us.
    """
    from troth.people import read_us  # noqa: PLC0415 - needed where an exported book is read, not before
    from troth.trust import read_model  # noqa: PLC0415

    checks = {"us": read_us, "trust_model": read_model}
    for name in CARRIED:
        value = settings.get(name)
        is_usable = isinstance(value, dict if name == "trust_model" else list)
        if is_usable and store.settings(name) is None:
            checks[name](value)
            store.set_setting(name, value)


def carried_settings(store: Store) -> dict[str, Any]:
    """The settings that leave with the book."""
    found = {name: store.settings(name) for name in CARRIED}
    return {name: value for name, value in found.items() if value is not None}
