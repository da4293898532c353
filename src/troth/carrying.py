"""Long relationships laid out and kept so while turns come: what a turn costs there is what it brings.

A relationship of usual size is worked out whole each time (`mending`): that takes less than a tenth of a second. One of
many thousands of turns is laid out the first time that a turn comes, and kept (`promises.Ongoing`,
`questions.Ongoing`); each turn after that is laid beside what it bears on alone. Only the few last used are kept.

What is kept belongs to one state of what is known of the book. Several books may share it (`Book.twin`): whoever takes
a relationship out holds it alone, and puts it back for the state that it then is of. Who finds none, or one of another
state, lays it out anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from troth import promises, questions
from troth.pipeline import Understood, cut_down, list_made
from troth.ruled import Heard

T = TypeVar("T")
LONG = 1_000  # turns from which a relationship is kept
_MOST: Final = 4  # relationships that are kept, the last ones used
_MOST_TURNS: Final = 200_000  # of all of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What turns that came last into a long relationship bear on."""

    home: str
    of_promises: promises.Ongoing
    bearing: promises.Bearing
    of_questions: questions.Ongoing
    changes: questions.Changes


def settle_step(
    step: Step,
    before: pa.Table,
    made: pa.Table,
    *,
    now: dt.datetime,
    calendar: promises.Calendar,
    outcomes: pa.Table | None,
) -> pa.Table:
    """PROMISES of a long relationship that its last turns bear on, and those that people decided.

    Args:
        step: what the turns bear on.
        before: PROMISES as they stood that evening before these turns.
        made: PROMISES that are made now, with what people said of them.
        now, calendar, outcomes: as for `settle_promises`.
    """
    was, own = (table.filter(pc.equal(table["relationship"], step.home)) for table in (before, made))
    settled = step.of_promises.settle(was, step.bearing, now=now, calendar=calendar, outcomes=outcomes)
    return pa.concat_tables([settled, own.filter(pc.equal(own["decided_by"], "person"))])


def ask_steps(steps: Mapping[str, Step], before: pa.Table, now: dt.datetime) -> tuple[pa.Table, frozenset[str]]:
    """QUESTIONS of an evening with what the last turns changed in long relationships, and the turns that these are of.

    `before` are QUESTIONS as they stood that evening without these turns.
    """
    if not steps:
        return before, frozenset()
    homes = pa.array(sorted(steps), pa.string())
    rows = [
        questions.look_at(row, now)
        for step in steps.values()
        for row in (*step.changes.rows, *step.of_questions.list_lasting(now))
        if row["relationship"] == step.home
    ]
    stale = {row["question_id"] for row in rows}.union(*(step.changes.gone for step in steps.values()))
    is_lasting = pc.and_(pc.equal(before["act"], "goes_silent"), pc.not_equal(before["state"], "answered"))
    is_out = pc.or_(
        pc.is_in(before["question_id"], pa.array(sorted(stale), pa.string())),
        pc.and_(pc.is_in(before["relationship"], homes), is_lasting),
    )
    moved = {*(row["turn_id"] for row in rows), *before.filter(is_out)["turn_id"].to_pylist()}
    fresh = pa.Table.from_pylist(rows, schema=before.schema)
    return pa.concat_tables([before.filter(pc.invert(is_out)), fresh]), frozenset(moved)


def list_reread(known: Understood, homes: Collection[str], moved: Collection[str]) -> pa.Table:
    """Turns of some relationships whose readings the last turns may change: of the conversations that these came into,
    of those that they answer or that answer them, and of the turns of questions that `moved`."""
    came, turns = known.came[-1], known.turns
    ids = came.turns["turn_id"].combine_chunks()
    own = turns.filter(pc.is_in(turns["relationship"], pa.array(sorted(homes), pa.string())))
    is_near = pc.or_(
        pc.is_in(own["conversation_id"], pa.array(sorted(came.talks), pa.string())),
        pc.or_(pc.is_in(own["turn_id"], pa.array(sorted(moved), pa.string())), pc.is_in(own["parent_id"], ids)),
    )
    return _in_talks(own, own["conversation_id"].filter(is_near))


class Lent(Generic[T]):
    """What is kept of long relationships, each for one state of what is known."""

    def __init__(self) -> None:
        self._kept: dict[
            str, tuple[object, int, T]
        ] = {}  # by relationship, with the state and its turns; last used last

    def take(self, home: str, known: Understood) -> T | None:
        """What is kept of a relationship, where it is of this state; nobody else has it then."""
        state, _, what = self._kept.pop(home, (None, 0, None))
        return what if state is _state_of(known) else None

    def put(self, home: str, known: Understood, what: T) -> None:
        """Put it back as of a state, and let go of those unused for longest where there are too many."""
        turns = pc.sum(pc.equal(known.turns["relationship"], home)).as_py()
        self._kept[home] = _state_of(known), turns, what
        for place, (other, (_, size, _)) in enumerate(reversed(list(self._kept.items()))):
            turns += size if place else 0
            if place >= _MOST or (place and turns > _MOST_TURNS):
                self._kept.pop(other, None)


class Courses:
    """Long relationships as they were last laid out."""

    def __init__(self) -> None:
        self._steps = Lent[Step]()
        self._heard = Lent[Heard]()

    def take_heard(self, before: Understood, after: Understood, around: pa.Table) -> dict[str, Heard | None]:
        """What was heard and said before in the long relationships of these turns; None where nothing is kept."""
        homes = pc.unique(around["relationship"]).drop_null().to_pylist()
        return {home: self._heard.take(home, before) for home in find_long(after.turns, homes)}

    def put_heard(self, known: Understood, heard: Mapping[str, Heard]) -> None:
        """The same as it is now."""
        for home, one in heard.items():
            self._heard.put(home, known, one)

    def go_on(
        self,
        before: Understood,
        after: Understood,
        *,
        scopes: Collection[str],
        found: tuple[pa.Table, pa.Table],
        decided: pa.Table,
        evenings: Sequence[dt.datetime],
    ) -> Mapping[str, Step]:
        """Take the last turns into the long relationships that they came into.

        Args:
            before, after: what was found in the turns before and after that.
            scopes: whose turns came last; see `promises.scope.scope_keys`.
            found: FOUND before and after that.
            decided: PROMISES as people decided.
            evenings: as of which the relationships are asked for.

        Returns: by relationship; those that are to be worked out whole are not in it.
        """
        steps: dict[str, Step] = {}
        for home in find_long(after.turns, scopes):
            was = self._steps.take(home, before)
            if not evenings or not _is_behind(after.turns, home, min(evenings)):
                continue
            ours = {questions.list_ours(after.turns, evening) for evening in evenings}
            if len(ours) > 1:
                continue  # somebody of ours writes between these evenings
            if was is None:
                was = _lay_out(before, home, found=found[0], decided=decided, evening=min(evenings))
            step = _take(was, before, after, found=found[1], decided=decided, evening=min(evenings))
            if step is not None:
                steps[home] = step
                self._steps.put(home, after, step)
        return steps


def _state_of(known: Understood) -> object:
    """What tells one state of what is known from another."""
    return known.came[-1] if known.came else known.origin


def find_long(turns: pa.Table, scopes: Collection[str]) -> list[str]:
    """The relationships among these scopes that are kept."""
    own = turns["relationship"].filter(pc.is_in(turns["relationship"], pa.array(sorted(scopes), pa.string())))
    return sorted(pair["values"] for pair in own.value_counts().to_pylist() if pair["counts"] >= LONG)


def _is_behind(turns: pa.Table, home: str, evening: dt.datetime) -> bool:
    """Whether all of a relationship was said by an evening."""
    last: dt.datetime | None = pc.max(turns["sent_at"].filter(pc.equal(turns["relationship"], home))).as_py()
    return last is None or last <= evening


def _lay_out(known: Understood, home: str, *, found: pa.Table, decided: pa.Table, evening: dt.datetime) -> Step:
    own = _of_home(known.turns, home)
    part = cut_down(known, _in_talks(known.turns, own["conversation_id"]))
    of_promises, of_questions = promises.Ongoing(), questions.Ongoing()
    made = _list_made(found, decided, own, evening)
    bearing = of_promises.add(own, part.sentences, part.findings, made=made, of=own["turn_id"].to_pylist())
    changes = of_questions.add(
        part.turns, part.sentences, part.findings, ours=questions.list_ours(known.turns, evening)
    )  # fmt: skip
    return Step(
        home=home,
        of_promises=of_promises,
        bearing=bearing or promises.Bearing(),
        of_questions=of_questions,
        changes=changes,
    )


def _take(
    was: Step, before: Understood, after: Understood, *, found: pa.Table, decided: pa.Table, evening: dt.datetime
) -> Step | None:
    """The relationship with the turns that came last; None where one of them comes late into its conversation."""
    came, home = after.came[-1], was.home
    near = after.turns.filter(pc.is_in(after.turns["conversation_id"], pa.array(sorted(came.talks), pa.string())))
    own = _of_home(near, home)
    said = _in_talks(near, own["conversation_id"])
    met = _of_home(before.turns, home)["conversation_id"]  # of a conversation that is new here all turns are
    is_fresh = pc.or_(
        pc.is_in(said["turn_id"], came.turns["turn_id"].combine_chunks()),
        pc.invert(pc.is_in(said["conversation_id"], pc.unique(met))),
    )
    fresh = cut_down(after, said.filter(is_fresh))
    bearing = was.of_promises.add(
        _of_home(fresh.turns, home), fresh.sentences, fresh.findings,
        made=_list_made(found, decided, own, evening), of=own["turn_id"].to_pylist(),
    )  # fmt: skip
    if bearing is None:
        return None
    changes = was.of_questions.add(
        fresh.turns, fresh.sentences, fresh.findings, ours=questions.list_ours(after.turns, evening)
    )  # fmt: skip
    return replace(was, bearing=bearing, changes=changes)


def _of_home(turns: pa.Table, home: str) -> pa.Table:
    return turns.filter(pc.fill_null(pc.equal(turns["relationship"], home), False))


def _in_talks(turns: pa.Table, talks: pa.ChunkedArray) -> pa.Table:
    return turns.filter(pc.is_in(turns["conversation_id"], pc.unique(talks)))


def _list_made(found: pa.Table, decided: pa.Table, turns: pa.Table, evening: dt.datetime) -> pa.Table:
    """PROMISES made in these turns."""
    ids = turns["turn_id"].combine_chunks()
    near, word = (table.filter(pc.is_in(table["turn_id"], ids)) for table in (found, decided))
    return list_made(near, word, evening)
