"""How things stand after a decision, a few answers or new turns: what these bear on is worked out, the rest is kept.

A decision bears on promises of its own relationship (its conversation, where that has none), and on their readings:
settling looks at one relationship at a time. An answer bears on readings of answers alone, but on those of everybody:
what an answer is worth is learned from all of them. Neither bears on questions, or on what is read in turns.

New turns bear on the relationships of their conversations, and beyond these on what is told by all turns:

- how long answers take in a circle: waits of questions asked later than the new answers are measured against that;
- who speaks for us: somebody who turns up in copy is no new face on their side.

What is mended equals, row by row, what `pipeline.take_stock` gives of the same book.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.carrying import Step, ask_steps, list_reread, settle_step
from troth.pipeline import (
    Came,
    Standing,
    Understood,
    cut_down,
    find_open_hours,
    leave_out,
    list_made,
    read_answers,
    split_readings,
)
from troth.promises import Calendar, settle_promises
from troth.promises.scope import scope_keys
from troth.questions import find_questions, list_ours
from troth.readings import Reference, list_waits, read_all_waits, read_words, recall_waits, set_scene
from troth.readings.follow_through import read_promises
from troth.readings.surveys import SIGNAL as ANSWERED
from troth.readings.waits import SIGNAL as WAITED


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
    near = cut_down(known, _share_scope(known.turns, said))
    is_near = pc.is_in(made["turn_id"], pa.array({*said, *near.turns["turn_id"].to_pylist()}, pa.string()))
    settled = _settle(made.filter(is_near), near, now=now, calendar=calendar, outcomes=outcomes)
    promises = _lay_over(made, standing.promises, settled)
    if promises is None:
        return None
    of_turns, told = split_readings(standing.all_readings)
    answered = told.filter(pc.equal(told["signal"], ANSWERED))
    gone = standing.promises.filter(pc.is_in(standing.promises["turn_id"], pa.array(sorted(said), pa.string())))
    readings = pa.concat_tables([of_turns, read_promises(promises, now), answered])
    return _replace(standing, promises, readings, _homes_of(near.turns, settled, gone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a standing is worked out from beside the turns; see `take_stock`."""

    found: pa.Table
    decided: pa.Table
    reference: Reference
    calendar: Calendar
    outcomes: pa.Table | None = None


def mend_added(
    standing: Standing,
    before: Understood,
    known: Understood,
    *,
    scopes: Collection[str],
    grounds: Grounds,
    steps: Mapping[str, Step] = MappingProxyType({}),
) -> Standing | None:
    """The standing after turns came.

    Args:
        standing: before that.
        before, known: what was found in the turns before and after that.
        scopes: whose promises may read otherwise (`scope_keys`): those of the conversations that turns came into, and
            others in which a promise was found, or is no longer found, for them.
        grounds: after that.
        steps: what the turns bear on, by relationship; the others among `scopes` are worked out whole.

    Returns: None where what is known does not fit together, so that all of it is to be worked out anew.
    Cost: of these relationships, a look at every wait, and a few passes over ids.
    """
    now = standing.now
    ours = list_ours(known.turns, now)
    newly = ours - list_ours(before.turns, now)
    anew = {*scopes, *_find_firms(known.turns, newly)} - steps.keys()
    near = cut_down(known, _take_scopes(known.turns, anew))
    ids = near.turns["turn_id"].combine_chunks()
    made = list_made(grounds.found, grounds.decided, now)
    mine = made.filter(pc.is_in(made["turn_id"], ids))
    settled = _settle(mine, near, now=now, calendar=grounds.calendar, outcomes=grounds.outcomes)
    carried = [
        settle_step(
            step, standing.promises, made, now=now, calendar=grounds.calendar, outcomes=grounds.outcomes
        )
        for step in steps.values()
    ]  # fmt: skip
    settled = pa.concat_tables([settled, *carried])
    promises = _lay_over(made, standing.promises, settled)
    if promises is None:
        return None
    talks = cut_down(known, _take_talks(known.turns, near.turns))
    fresh = find_questions(talks.turns, talks.sentences, talks.findings, now=now, ours=ours)
    fresh = fresh.filter(pc.is_in(fresh["turn_id"], ids))
    asked, moved = ask_steps(steps, standing.questions, now)
    questions = _order_questions(pa.concat_tables([_without(asked, ids), fresh]))
    read = pa.concat_tables([near.turns, list_reread(known, steps, moved)])
    of_turns, told = split_readings(standing.all_readings)
    words, drifted = _read_near(of_turns, known, read, questions=questions, now=now, grounds=grounds)
    readings = pa.concat_tables([words, read_promises(promises, now), told.filter(pc.equal(told["signal"], ANSWERED))])
    gone = standing.promises.filter(pc.is_in(standing.promises["turn_id"], ids))
    touched = _homes_of(near.turns, settled, gone) | drifted | steps.keys()
    return _replace(replace(standing, questions=questions), promises, readings, touched)


def list_came(before: Understood, after: Understood) -> tuple[Came, ...] | None:
    """What came between two states of what is known; None where that is not told."""
    done = len(before.came)
    is_later = before.origin is after.origin and all(
        one is other for one, other in zip(before.came, after.came[:done], strict=False)
    )
    return after.came[done:] if is_later and len(after.came) >= done else None


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

    def copy(self) -> Mendable:
        """Another one with what was made so far; what either makes from now on the other does not have."""
        other = Mendable()
        other._made = dict(self._made)
        return other

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
        if last is not None and last[0].origin is known.origin and last[2] == how:
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


def _take_scopes(turns: pa.Table, scopes: Collection[str]) -> pa.Table:
    return turns.filter(pc.is_in(scope_keys(turns), pa.array(sorted(scopes), pa.string())))


def _take_talks(turns: pa.Table, some: pa.Table) -> pa.Table:
    """All turns of the conversations of some of them."""
    return turns.filter(pc.is_in(turns["conversation_id"], pc.unique(some["conversation_id"])))


def _find_firms(turns: pa.Table, people: Collection[str]) -> set[str]:
    """The relationships in which somebody writes from the house of one of these people, and not for us."""
    ends = {person.rpartition("@")[2] for person in people if "@" in person}
    theirs = turns.filter(pc.fill_null(pc.equal(turns["side"], "them"), False))
    found = set[str]()
    for end in ends:
        found |= set(pc.unique(theirs.filter(pc.ends_with(theirs["speaker"], f"@{end}"))["relationship"]).to_pylist())
    return found - {None}


def _settle(
    made: pa.Table, near: Understood, *, now: dt.datetime, calendar: Calendar, outcomes: pa.Table | None
) -> pa.Table:
    return settle_promises(
        made, near.turns, near.sentences, near.findings, now=now, calendar=calendar, outcomes=outcomes
    )  # fmt: skip


def _read_near(
    before: pa.Table, known: Understood, turns: pa.Table, *, questions: pa.Table, now: dt.datetime, grounds: Grounds
) -> tuple[pa.Table, frozenset[str]]:
    """READINGS of turns after some were read anew, and the relationships whose waits read otherwise.

    Args:
        before: READINGS of turns.
        known: all of it.
        turns: those that are read anew: of a conversation all that are of one relationship, or none.
        questions: QUESTIONS as they stand now.
    """
    ids = turns["turn_id"].combine_chunks()
    talks = cut_down(known, _take_talks(known.turns, _with_parents(known.turns, turns)))
    in_time = pc.less_equal(talks.turns["sent_at"], pa.scalar(now, talks.turns["sent_at"].type))
    scene = set_scene(talks.turns.filter(pc.fill_null(in_time, False)), talks.sentences, talks.findings)
    mine = questions.filter(pc.is_in(questions["turn_id"], ids))
    words = read_words(scene, grounds.reference, now=now, questions=mine)
    is_wait = pc.equal(before["signal"], WAITED)
    waited, said = before.filter(is_wait), before.filter(pc.invert(is_wait))
    is_mine = pc.is_in(waited["turn_id"], ids)
    waits = list_waits(scene)
    mine = waits.filter(pc.is_in(waits["turn_id"], ids))
    words = pa.concat_tables([_without(said, ids), words.filter(pc.is_in(words["turn_id"], ids))])
    if _by_turn(recall_waits(waited.filter(is_mine), known.turns)).equals(_by_turn(mine)):
        return pa.concat_tables([words, waited]), frozenset()
    others = recall_waits(waited.filter(pc.invert(is_mine)), known.turns)
    hours = find_open_hours(known.turns, grounds.calendar, now)
    read = read_all_waits(pa.concat_tables([others, mine]), grounds.reference, now, hours=hours)
    return pa.concat_tables([words, read]), _find_drifted(waited, read)


def _with_parents(turns: pa.Table, some: pa.Table) -> pa.Table:
    """Some turns and those that they say they answer, which may lie in another conversation."""
    parents = turns.filter(pc.is_in(turns["turn_id"], pc.unique(some["parent_id"]).drop_null()))
    return pa.concat_tables([some, parents])


def _find_drifted(before: pa.Table, after: pa.Table) -> frozenset[str]:
    """The relationships in which a wait reads otherwise than before, of turns that were read before."""
    place = pc.index_in(before["turn_id"], after["turn_id"].combine_chunks())
    then = before.filter(pc.is_valid(place))
    now = after.take(place.drop_null())
    is_other = pc.or_(pc.not_equal(then["hi"], now["hi"]), pc.not_equal(then["lo"], now["lo"]))
    return _homes_of(then.filter(is_other))


def _by_turn(waits: pa.Table) -> pa.Table:
    return waits.sort_by("turn_id").combine_chunks()


def _order_questions(questions: pa.Table) -> pa.Table:
    """QUESTIONS, the oldest first, those without a time before them; as `find_questions` has them."""
    asked = pc.fill_null(questions["asked_at"].cast(pa.int64()), int(np.iinfo(np.int64).min))
    keyed = questions.select(["turn_id", "start", "question_id"]).add_column(0, "asked", asked)
    return questions.take(pc.sort_indices(keyed, sort_keys=[(name, "ascending") for name in keyed.column_names]))


def _without(table: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows of other turns than these."""
    return table.filter(pc.fill_null(pc.invert(pc.is_in(table["turn_id"], ids)), True))


def _homes_of(*tables: pa.Table) -> frozenset[str]:
    """The relationships in these tables, "" for none."""
    return frozenset(home or "" for table in tables for home in pc.unique(table["relationship"]).to_pylist())


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
