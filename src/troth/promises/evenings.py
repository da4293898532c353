"""The same promises settled evening by evening: one relationship after the other, which grows with its days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.calendar import Calendar
from troth.promises.match import Pledge, make_pledge
from troth.promises.records import read_records
from troth.promises.renewal import Renewals
from troth.promises.scope import Scope, Volume, grow, read_volumes, scope_keys
from troth.promises.settle import Judge, state_columns, true_due

_PART: Final = 50_000  # turns that are laid out together


@dataclass(slots=True)
class _Chapter:
    """A relationship as far as it has been told."""

    volume: Volume
    ahead: list[dict[str, Any]]  # its turns that are still to come, the next one last
    scope: Scope = field(default_factory=Scope)
    pledged: list[tuple[dict[str, Any], Pledge]] = field(default_factory=list[tuple[dict[str, Any], Pledge]])
    coming: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # promises that are not made yet

    @classmethod
    def of(cls, volume: Volume) -> _Chapter:
        if not volume.is_dated:
            return cls(volume, [])
        return cls(volume, sorted(volume.rows, key=lambda row: (row["sent_at"], row["turn_id"]), reverse=True))

    def tell(self, now: datetime, promises: Mapping[str, list[dict[str, Any]]]) -> None:
        """Take in the turns up to `now`. A turn without a time may stand anywhere: such a relationship begins anew."""
        new: list[dict[str, Any]] = []
        if self.volume.is_dated:
            while self.ahead and self.ahead[-1]["sent_at"] <= now:
                new.append(self.ahead.pop())
        else:
            self.scope, self.pledged, self.coming = Scope(), [], []
            new = [row for row in self.volume.rows if row["sent_at"] is None or row["sent_at"] <= now]
        grow(self.scope, new, self.volume.lines)
        self.coming += [row for turn in new for row in promises.get(turn["turn_id"], ())]
        made = [row for row in self.coming if row["since"] is None or row["since"] <= now]
        self.coming = [row for row in self.coming if row["since"] is not None and row["since"] > now]
        pledged = [(row, make_pledge(row, self.scope.spots[row["turn_id"]], true_due(row))) for row in made]
        every = [*self.pledged, *pledged]
        self.pledged = [pair for pair in every if pair[0]["until"] is None or pair[0]["until"] > now]


def scopes_of(promises: pa.Table, turns: pa.Table) -> list[str]:
    """The relationship of each promise, or its conversation where it has none."""
    place = pc.index_in(promises["turn_id"], turns["turn_id"].combine_chunks())
    return scope_keys(turns).take(place).to_pylist()


def settle_evenings(
    versions: pa.Table,
    turns: pa.Table,
    sentences: pa.Table,
    findings: pa.Table,
    *,
    due: Mapping[str, Sequence[datetime]],
    calendar: Calendar,
    outcomes: pa.Table | None = None,
) -> Iterator[tuple[str, datetime, list[dict[str, Any]]]]:
    """Our promises with their states, settled as of some evenings of each relationship.

    `versions` are FOUND (`find_versions`): a promise is there from the evening on that could find it, and reads as that
    evening could read it. Settling a relationship gives what `settle_promises` gives from the turns up to that evening.

    Args:
        due: the evenings of each relationship, rising.

    Returns: relationship, evening and rows; the relationships in order, the evenings of each one rising.
    Cost: of an evening, its new turns and its promises; in memory, some thousand turns at a time.
    """
    ours = versions.filter(pc.and_(pc.equal(versions["side"], "us"), pc.is_valid(versions["relationship"])))
    records, keys = read_records(outcomes), scope_keys(turns)
    promising = pc.unique(keys.filter(pc.is_in(turns["turn_id"], pc.unique(ours["turn_id"]))))
    wanted = promising.filter(pc.is_in(promising, pa.array(list(due), pa.string())))
    for part in _cut_parts(turns.filter(pc.is_in(keys, wanted))):
        ids = part["turn_id"].combine_chunks()
        some, lines, marks = (each.filter(pc.is_in(each["turn_id"], ids)) for each in (versions, sentences, findings))
        given: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in some.to_pylist():
            given[row["turn_id"]].append(row)
        said = ours.filter(pc.is_in(ours["turn_id"], ids))["turn_id"]
        last = max(due[key][-1] for key in pc.unique(scope_keys(part)).to_pylist())
        for volume in read_volumes(part, lines, marks, said=said, now=last):
            chapter = _Chapter.of(volume)
            for now in due[volume.key]:
                chapter.tell(now, given)
                starts = frozenset((row["turn_id"], row["start"]) for row, _ in chapter.pledged)
                renewals = Renewals(chapter.pledged, chapter.scope)
                judge = Judge(chapter.scope, renewals, records, now, calendar, starts)
                yield volume.key, now, [
                    row | state_columns(judge.decide(row, pledge))
                    for row, pledge in chapter.pledged if row["side"] == "us"
                ]  # fmt: skip


def _cut_parts(turns: pa.Table) -> Iterator[pa.Table]:
    """Some relationships at a time, each whole and in the order of their names."""
    rank = pc.rank(scope_keys(turns), tiebreaker="dense").to_numpy()
    part = (np.cumsum(np.bincount(rank)) // _PART)[rank]
    for number in np.unique(part).tolist():
        yield turns.filter(pa.array(part == number))
