"""Turns into a store: from an export, batch by batch, or from memory as people have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.answering import SurveyReport, part_surveys
from troth.book import Store, Upserted
from troth.errors import BadColumn, SourceError
from troth.forgotten import LEFT_OUT, LEFT_OUT_BESIDE, read_forgotten
from troth.restoring import SEALED, add_beside, add_sealed, restore_settings
from troth.schema import FINDINGS, SENTENCES, TURN_VERSIONS, TURNS, arrow_table, conform, empty
from troth.sources import Local, Rejected, assign_threads, look_through, read_source, refuse
from troth.sources.ours import OURS, read_settings
from troth.sources.threads import CONCERNED, find_concerned
from troth.times import YEARS
from troth.versions import find_replaced

_THREADING = (
    "turn_id", "conversation_id", "parent_id", "position", "sent_at", "speaker", "recipients", "cc", "references",
    "subject", "channel",
)  # fmt: skip
LISTED: Final = 10_000
"""Turns of the forgotten that a report lists one by one; further ones are counted."""
_THREADS_DUE: Final = "threads_due"
"""The setting of a book that names the turns that came in since it was last threaded, or says True where these are many
or some were corrected: a kill in between is made up for."""
_MOST_DUE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """What one export gave."""

    source: str
    format: str
    turns: int  # seen in the export
    added: int
    changed: int  # were in the book with other content; the later version won
    duplicates: int  # stood in the export more than once
    rejected: tuple[Rejected, ...]
    unlisted: int = 0  # rejected beyond those listed
    beside: Mapping[str, int] = field(default_factory=dict[str, int])  # rows seen of tables beside TURNS, by table
    beside_added: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: Mapping[str, int] = field(default_factory=dict[str, int])  # what was mended or could not be known, how often
    parts: tuple[ReadReport, ...] = ()  # of a folder that holds several exports: what each of them gave
    unknown: tuple[Rejected, ...] = ()  # of such a folder: what is no export; these are among `rejected` too
    surveys: tuple[Path, ...] = ()  # files with answers to our questions
    answered: tuple[SurveyReport | Rejected, ...] = ()  # what `Book.read` took of each of these


def read_into(
    store: Store,
    source: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    local: Local | None = None,
) -> ReadReport:
    """Take an export, or each export of a folder that holds several, into a store.

    One transaction a batch: a kill loses at most the batch in hand. An export of a folder that stops being readable
    does not keep the others from being read: it is among its own rejected.

    Returns: what was read; surveys are named and left for `Book.read`, for it takes a book to place them.

    Raises: SourceError when it is none of the known forms; BookError when the store cannot serve.
    """
    listing = look_through(source, () if local is None else local.own)
    surveys, unknown = part_surveys(source, listing.unknown)
    if not listing.exports and not surveys:
        refuse(source, unknown)
    if [each.path for each in listing.exports] == [source]:
        report = _read_one(store, source, progress=progress, local=local)
    else:
        done, whole = 0, sum(each.size for each in listing.exports)
        parts: list[ReadReport] = []
        for each in listing.exports:
            parts.append(_read_one(store, each.path, progress=_shift(progress, done, whole), local=local, goes_on=True))
            done += each.size
        report = replace(_join_reports(source, parts, unknown), surveys=surveys)
    thread_anew(store)
    return report


def take_batch(store: Store, batch: pa.Table, *, is_threaded: bool = False) -> Upserted:
    """Write turns that are not threaded yet, unless said otherwise; `thread_anew` has to follow, if need be later."""
    with store.transaction():
        written = add_to(store, _keep_threads(store, batch))
        if written and not is_threaded:
            due = store.settings(_THREADS_DUE) or []
            if due is not True:
                due = sorted({*due, *batch["turn_id"].to_pylist()})
            store.set_setting(_THREADS_DUE, True if due is True or written.changed or len(due) > _MOST_DUE else due)
    return written


def thread_anew(store: Store) -> frozenset[str]:
    """Work out the conversations that turns came into since that was last done; ids of the turns that moved for it."""
    due = store.settings(_THREADS_DUE)
    if not due:
        return frozenset()
    with store.transaction():
        moved = _assign_threads(store, None if due is True else due)
        store.set_setting(_THREADS_DUE, False)
    return moved


def _read_one(
    store: Store,
    source: Path,
    *,
    progress: Callable[[int, int], None] | None,
    local: Local | None,
    goes_on: bool = False,
) -> ReadReport:
    """One export into a store, not threaded yet. `goes_on`: what cannot be read further is reported, not raised."""
    reading = read_source(source, progress=progress, local=local)
    added = changed = refused = 0
    forgotten = read_forgotten(store)
    again: list[Rejected] = []  # what is of the forgotten
    left_out = beside_refused = 0
    beside: Counter[str] = Counter()
    sealed: dict[str, list[pa.Table]] = {}
    torn: list[Rejected] = []
    # An exported book is threaded already, and stays so where nothing else is in the book that takes it.
    is_threaded = reading.format == OURS.format and not store.table("turns", columns=["turn_id"]).num_rows
    try:
        for batch in reading:
            if forgotten is not None:
                batch, rejected, lost = forgotten.screen(batch)  # noqa: PLW2901 - nothing may use the other one
                again += rejected[: LISTED - len(again)]
                refused, left_out = refused + len(rejected), left_out + lost
            with store.transaction():
                written = take_batch(store, batch, is_threaded=is_threaded or bool(added or changed))
                for name, rows in reading.take_side().items():
                    if name in SEALED:
                        sealed.setdefault(name, []).append(rows)
                    else:
                        screened = rows if forgotten is None else forgotten.screen_beside(name, rows)
                        beside_refused += rows.num_rows - screened.num_rows
                        beside[name] += add_beside(store, name, screened)
            added, changed = added + written.added, changed + written.changed
    except SourceError as error:
        if not goes_on:
            raise
        torn.append(Rejected(position="the rest", reason=error.problem))
    beside.update(add_sealed(store, sealed))
    noted = {LEFT_OUT: left_out, LEFT_OUT_BESIDE: beside_refused}
    if reading.format == OURS.format:
        restore_settings(store, read_settings(source))
    return ReadReport(
        source=str(source),
        format=reading.format.name,
        turns=reading.turns - refused,
        added=added,
        changed=changed,
        duplicates=reading.duplicates,
        rejected=(*reading.rejected, *again, *torn),
        unlisted=reading.unlisted + refused - len(again),
        beside=dict(reading.beside),
        beside_added=dict(beside),
        notes=dict(reading.notes) | {note: count for note, count in noted.items() if count},
    )


def _join_reports(source: Path, parts: Sequence[ReadReport], unknown: tuple[Rejected, ...]) -> ReadReport:
    """What a folder of exports gave in all."""
    beside: Counter[str] = Counter()
    beside_added: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for part in parts:
        notes.update(part.notes)
        beside.update(part.beside)
        beside_added.update(part.beside_added)
    rejected = (
        Rejected(position=f"{Path(part.source).relative_to(source)}, {each.position}", reason=each.reason)
        for part in parts
        for each in part.rejected
    )
    return ReadReport(
        source=str(source),
        format="folder of exports",
        turns=sum(part.turns for part in parts),
        added=sum(part.added for part in parts),
        changed=sum(part.changed for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        rejected=(*unknown, *rejected),
        unlisted=sum(part.unlisted for part in parts),
        beside=dict(beside),
        beside_added=dict(beside_added),
        notes=dict(notes),
        parts=tuple(parts),
        unknown=unknown,
    )


def _shift(progress: Callable[[int, int], None] | None, before: int, whole: int) -> Callable[[int, int], None] | None:
    """Progress of one export as a part of that of all."""
    return progress and (lambda done, _: progress(min(before + done, whole), whole))


def add_to(store: Store, turns: pa.Table, *, now: datetime | None = None) -> Upserted:
    """Write TURNS in one transaction; the later version of a turn wins, and the earlier one is kept in TURN_VERSIONS.

    What was found in turns whose words changed is dropped and found anew.
    """
    ids = turns["turn_id"].to_pylist()
    with store.transaction():
        known = store.table("turns", where={"turn_id": ids})
        noted = store.table("turn_versions", where={"turn_id": ids}) if known.num_rows else empty(TURN_VERSIONS)
        replaced = find_replaced(known, turns, noted, now=now or datetime.now(UTC))
        _forget_changed(store, known, turns)
        if replaced.versions.num_rows:
            store.upsert("turn_versions", replaced.versions)
        return Upserted(added=store.upsert("turns", turns).added, changed=replaced.changed)


def _forget_changed(store: Store, known: pa.Table, batch: pa.Table) -> None:
    before = dict(zip(known["turn_id"].to_pylist(), known["body"].to_pylist(), strict=True))
    bodies = zip(batch["turn_id"].to_pylist(), batch["body"].to_pylist(), strict=True)
    changed = [turn_id for turn_id, body in bodies if before.get(turn_id, body) != body]
    if changed:
        store.replace("findings", empty(FINDINGS), keys_column="turn_id", keys=changed)
        store.replace("sentences", empty(SENTENCES), keys_column="turn_id", keys=changed)


def _keep_threads(store: Store, batch: pa.Table) -> pa.Table:
    """A batch whose provisional conversations give way to those already assigned, so that re-reading changes 0."""
    ids = batch["turn_id"].to_pylist()
    threads = store.table("turns", columns=["turn_id", "conversation_id", "parent_id"], where={"turn_id": ids})
    return _set_threads(batch, threads)


def _assign_threads(store: Store, new: Sequence[str] | None) -> frozenset[str]:
    """Thread what new turns concern, or the whole book: a mail may answer one that another export brought.

    Only what moved is written; its ids are returned.
    """
    where: dict[str, list[str]] = {}
    if new is not None:
        light = store.table("turns", columns=list(CONCERNED))
        where["conversation_id"] = sorted(find_concerned(light, new))
    turns = store.table("turns", columns=list(_THREADING), where=where)
    threads = assign_threads(turns)
    is_moved = pc.or_(
        pc.not_equal(threads["conversation_id"], turns["conversation_id"]),
        pc.not_equal(pc.fill_null(threads["parent_id"], ""), pc.fill_null(turns["parent_id"], "")),
    )
    moved = threads.filter(is_moved)
    ids: list[str] = moved["turn_id"].to_pylist()
    if ids:
        store.upsert("turns", _set_threads(store.table("turns", where={"turn_id": ids}), moved))
    return frozenset(ids)


def _set_threads(turns: pa.Table, threads: pa.Table) -> pa.Table:
    """Turns with the conversation and parent of `threads` where it names them."""
    where = pc.index_in(turns["turn_id"], threads["turn_id"].combine_chunks())
    if not threads.num_rows:
        return turns
    is_named = pc.is_valid(where)
    for name in ("conversation_id", "parent_id"):
        found = pc.if_else(is_named, pc.take(threads[name].combine_chunks(), where.combine_chunks()), turns[name])
        turns = turns.set_column(turns.schema.get_field_index(name), TURNS.field(name), found)
    return turns


def take_turns(data: object) -> pa.Table:
    """Take turns as people have them to TURNS, filling in what can be: only the words must be there.

    Raises: MissingColumns when there is neither `text` nor `body`; BadColumn when a column cannot be used, or times in
        it cannot be right.
    """
    table = arrow_table(data)
    if "body" not in table.column_names and "text" in table.column_names:
        table = table.rename_columns(["body" if name == "text" else name for name in table.column_names])
    count = table.num_rows
    ids = table["turn_id"] if "turn_id" in table.column_names else pa.array([str(row) for row in range(count)])
    defaults: Mapping[str, pa.Array | pa.ChunkedArray] = {
        "turn_id": ids,
        "conversation_id": ids,
        "position": pa.array(range(count), pa.int64()),
        "speaker": pa.repeat("unknown", count),
        "channel": pa.repeat("mail", count),
        "automatic": pa.repeat(False, count),
        "source": pa.repeat("memory", count),
    }
    for name, values in defaults.items():
        if name not in table.column_names:
            table = table.append_column(name, values)
        elif table[name].null_count and name not in {"turn_id", "conversation_id"}:
            filled = pc.coalesce(table[name], values if isinstance(values, pa.Array) else values.combine_chunks())
            table = table.set_column(table.column_names.index(name), name, filled)
    turns = conform(table, TURNS)
    years = pc.year(turns["sent_at"])
    wrong = pc.or_(pc.less(years, YEARS.start), pc.greater_equal(years, YEARS.stop))
    if pc.any(wrong).as_py():
        count = pc.sum(wrong).as_py()
        raise BadColumn("sent_at", f"{count} of {len(turns)} times are not between {YEARS.start} and {YEARS.stop - 1}")
    return turns
