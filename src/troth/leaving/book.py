"""A whole book, written out as it is kept and as it was understood."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

from troth.book import Store
from troth.leaving.folder import Written, write_book
from troth.restoring import carried_settings
from troth.sources.ours import KEPT
from troth.sources.shapes import Shape

WORKED_OUT: Final = (
    *("sentences", "findings", "promises", "questions", "readings", "trust", "scores", "relationships"),
)
"""The tables that follow from the others, by the encoder and the constants of the day."""


def leave_book(
    store: Store,
    work_out: Callable[[str], pa.Table],
    folder: Path,
    *,
    shape: Shape,
    bare: bool,
    progress: Callable[[int, int], None] | None,
) -> Written:
    """Write every table of a book into a new folder; see `Book.leave`."""
    return write_book(
        folder,
        KEPT,
        () if bare or not store.table("turns", columns=["turn_id"]).num_rows else WORKED_OUT,
        fetch=store.table,
        work_out=work_out,
        shape=shape,
        settings=carried_settings(store),
        progress=progress,
    )
