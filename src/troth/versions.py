"""What a turn said before a later export corrected it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from troth.schema import TURN_VERSIONS, TURNS, conform, empty

# Where a turn stands and in which thread follows from the export at hand: two exports that overlap differ in it.
_PLACE: Final = frozenset({"conversation_id", "parent_id", "position", "source"})
_SAID: Final = [name for name in TURNS.names if name not in _PLACE]


class Replaced(NamedTuple):
    """What a batch replaces in a book."""

    changed: int  # turns that say something else in the batch
    versions: pa.Table  # TURN_VERSIONS to be kept of them


def find_replaced(known: pa.Table, batch: pa.Table, noted: pa.Table, *, now: datetime) -> Replaced:
    """The turns that a batch replaces by other content.

    Args:
        known: the TURNS of the book whose ids are in the batch.
        batch: TURNS about to be written; of two with one id the later counts.
        noted: the TURN_VERSIONS of the book for these ids. Two exports that disagree and are read in turn, night
            after night, leave one row for each wording and not one for each night.
        now: when the batch is written.
    """
    if not known.num_rows:  # as in most batches: nothing to take apart
        return Replaced(0, empty(TURN_VERSIONS))
    coming = dict(zip(batch["turn_id"].to_pylist(), _said(batch), strict=True))
    there = set(_said(noted))
    before = _said(known)
    differs = [said != coming[said[0]] for said in before]
    is_new = [differ and said not in there for differ, said in zip(differs, before, strict=True)]
    if not any(is_new):
        return Replaced(sum(differs), empty(TURN_VERSIONS))
    replaced = known.filter(pa.array(is_new))
    sources = dict(zip(batch["turn_id"].to_pylist(), batch["source"].to_pylist(), strict=True))
    by = pa.array([sources[turn_id] for turn_id in replaced["turn_id"].to_pylist()], pa.string())
    at = pa.array([now] * len(replaced), TURN_VERSIONS.field("replaced_at").type)
    versions = replaced.append_column("replaced_at", at).append_column("replaced_by", by)
    return Replaced(sum(differs), conform(versions, TURN_VERSIONS))


def _said(turns: pa.Table) -> list[tuple[Any, ...]]:
    """What each turn says, `turn_id` first, in a form that can be put into a set."""
    columns = (turns[name].to_pylist() for name in _SAID)
    return [tuple(map(_hashable, said)) for said in zip(*columns, strict=True)]


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
