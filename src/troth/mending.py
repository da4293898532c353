"""How things stand after one decision or a few answers: what these bear on is worked out, all else is taken over.

A decision bears on promises of its own relationship (its conversation, where that has none), and on their readings:
settling looks at one relationship at a time. An answer bears on readings of answers alone, but on those of everybody:
what an answer is worth is learned from all of them. Neither bears on questions, or on what is read in turns. New turns
are not mended: the norms of waiting are those of a whole circle, who is who comes from all turns, and so everything is
worked out anew.

What is mended equals, row by row, what `pipeline.take_stock` gives of the same book.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.pipeline import Standing, Understood, leave_out, list_made, read_answers, split_readings
from troth.promises import Calendar, settle_promises
from troth.promises.scope import scope_keys
from troth.readings.follow_through import read_promises
from troth.readings.surveys import SIGNAL as ANSWERED


def mend_decided(
    standing: Standing,
    known: Understood,
    *,
    said: Collection[str],
    found: pa.Table,
    decided: pa.Table,
    calendar: Calendar,
    outcomes: pa.Table | None = None,
) -> Standing | None:
    """The standing after people decided promises, or took that back.

    Args:
        standing: before that.
        known: what was found in the turns, as it was then.
        said: turns of these promises.
        found, decided, calendar, outcomes: as for `take_stock`, `decided` after that.

    Returns: None where what is known does not fit together, so that all of it is to be worked out anew.
    Cost: the promises of these relationships, and a few passes over ids.
    """
    now = standing.now
    made = list_made(found, decided, now)
    near = _share_scope(known.turns, said)
    ids = near["turn_id"].combine_chunks()
    is_near = pc.is_in(made["turn_id"], pa.array({*said, *ids.to_pylist()}, pa.string()))
    settled = settle_promises(
        made.filter(is_near),
        near,
        known.sentences.filter(pc.is_in(known.sentences["turn_id"], ids)),
        known.findings.filter(pc.is_in(known.findings["turn_id"], ids)),
        now=now,
        calendar=calendar,
        outcomes=outcomes,
    )
    promises = _lay_over(made, standing.promises, settled)
    if promises is None:
        return None
    of_turns, told = split_readings(standing.all_readings)
    answered = told.filter(pc.equal(told["signal"], ANSWERED))
    gone = standing.promises.filter(pc.is_in(standing.promises["turn_id"], pa.array(sorted(said), pa.string())))
    touched = {home or "" for table in (near, settled, gone) for home in pc.unique(table["relationship"]).to_pylist()}
    readings = pa.concat_tables([of_turns, read_promises(promises, now), answered])
    return _replace(standing, promises, readings, frozenset(touched))


def mend_answered(standing: Standing, answers: pa.Table) -> Standing:
    """The standing after ANSWERS came, changed or went; these are all there are.

    Cost: of all answers, and a pass over the readings.
    """
    of_turns, told = split_readings(standing.all_readings)
    is_answer = pc.equal(told["signal"], ANSWERED)
    before, outcomes = told.filter(is_answer), told.filter(pc.invert(is_answer))
    after = read_answers(answers, standing.now)
    readings = pa.concat_tables([of_turns, outcomes, after])
    return _replace(standing, standing.promises, readings, _find_other(before, after))


def find_touched(before: Standing, after: Standing) -> frozenset[str] | None:
    """The relationships in which a standing may differ from an earlier one, "" for none; None: in any."""
    done = len(before.mended)
    if before.origin is not after.origin or before.mended != after.mended[:done]:
        return None
    return frozenset().union(*after.mended[done:])


_MOST_EVENINGS: Final = 3  # of which tables are kept


class Mendable:
    """A table made from a standing, each row of one relationship alone; after a change only touched rows are made."""

    def __init__(self) -> None:
        self._made: dict[dt.datetime, tuple[Understood, Standing, object, pa.Table]] = {}  # by evening, latest last

    def make(
        self, known: Understood, standing: Standing, how: object, make: Callable[[Understood, Standing], pa.Table]
    ) -> pa.Table:
        """The table as `make` gives it.

        Args:
            known, standing: what it is made from; where little of it is needed, `make` gets the rest of it cut down
                to the turns, promises, questions and readings of some relationships.
            how: all else that it depends on.

        Returns: where the relationships of the rows are the same as before, the rows in the same order, else those
            made anew last.
        """
        last, touched = self._made.pop(standing.now, None), None
        if last is not None and last[0] is known and last[2] == how:
            touched = find_touched(last[1], standing)
        if last is None or touched is None:
            table = make(known, standing)
        elif touched:
            table = _splice(last[3], make(*_cut(known, standing, touched)), touched)
        else:
            table = last[3]
        self._made[standing.now] = (known, standing, how, table)
        for evening in list(self._made)[:-_MOST_EVENINGS]:
            self._made.pop(evening, None)
        return table


def _cut(known: Understood, standing: Standing, homes: frozenset[str]) -> tuple[Understood, Standing]:
    names = pa.array(sorted(homes), pa.string())

    def cut(table: pa.Table) -> pa.Table:
        return table.filter(pc.is_in(table["relationship"], names))

    promises, questions, readings = (cut(getattr(standing, name)) for name in ("promises", "questions", "readings"))
    return (
        replace(known, turns=cut(known.turns)),
        replace(standing, promises=promises, questions=questions, readings=readings, whole=None),
    )


def _splice(before: pa.Table, fresh: pa.Table, homes: frozenset[str]) -> pa.Table:
    """The fresh rows in the place of those of their relationships."""
    is_out = pc.is_in(before["relationship"], pa.array(sorted(homes), pa.string()))
    if not before["relationship"].filter(is_out).equals(fresh["relationship"]):
        return pa.concat_tables([before.filter(pc.invert(is_out)), fresh])
    place = np.arange(before.num_rows)
    place[np.flatnonzero(is_out.to_numpy())] = before.num_rows + np.arange(fresh.num_rows)
    return pa.concat_tables([before, fresh]).take(pa.array(place))


def _replace(standing: Standing, promises: pa.Table, readings: pa.Table, touched: frozenset[str]) -> Standing:
    fresh = replace(
        standing, promises=promises, readings=readings, whole=None, mended=(*standing.mended, touched)
    )  # fmt: skip
    return leave_out(fresh, standing.objections)


def _share_scope(turns: pa.Table, ids: Collection[str]) -> pa.Table:
    """All turns of the relationships of these ones, or of their conversations where they have none."""
    scopes = scope_keys(turns)
    chosen = pc.unique(scopes.filter(pc.is_in(turns["turn_id"], pa.array(sorted(ids), pa.string()))))
    return turns.filter(pc.is_in(scopes, chosen))


def _lay_over(made: pa.Table, before: pa.Table, settled: pa.Table) -> pa.Table | None:
    """The promises that are made, in their order, as settled now or else before; None where one is in neither."""
    ids = made["promise_id"].combine_chunks()
    if pc.count_distinct(ids).as_py() != len(ids):
        return None
    fresh = pc.index_in(ids, settled["promise_id"].combine_chunks())
    kept = pc.index_in(ids, before["promise_id"].combine_chunks())
    place = pc.coalesce(fresh, pc.add(kept, settled.num_rows))
    if place.null_count:
        return None
    return pa.concat_tables([settled, before]).take(place)


def _find_other(before: pa.Table, after: pa.Table) -> frozenset[str]:
    """The relationships whose rows differ."""
    rows: tuple[defaultdict[str, list[dict[str, Any]]], ...] = (defaultdict(list), defaultdict(list))
    for table, homes in zip((before, after), rows, strict=True):
        for row in table.to_pylist():
            homes[row["relationship"] or ""].append(row)
    return frozenset(home for home in {**rows[0], **rows[1]} if rows[0][home] != rows[1][home])
