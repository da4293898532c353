"""The same promises settled evening by evening: each relationship is laid out once, and grows with the days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.calendar import Calendar
from troth.promises.match import Pledge, make_pledge
from troth.promises.records import read_records
from troth.promises.renewal import Renewals
from troth.promises.scope import Scope, Volume, grow, read_volumes, scope_keys
from troth.promises.settle import Judge, state_columns, true_due


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


class Evenings:
    """Our promises, settled as of one evening after the other; evenings must not go back.

    `versions` are FOUND (`find_versions`): a promise is there from the evening on that could find it, and reads as that
    evening could read it. Settling a relationship gives what `settle_promises` gives from the turns up to that evening.
    Cost of an evening: its new turns, and the promises of the relationships asked for; `only` these can be.
    """

    def __init__(
        self,
        versions: pa.Table,
        turns: pa.Table,
        sentences: pa.Table,
        findings: pa.Table,
        *,
        until: datetime,
        calendar: Calendar,
        outcomes: pa.Table | None = None,
        only: Iterable[str] | None = None,
    ) -> None:
        self._given: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in versions.to_pylist():
            self._given[row["turn_id"]].append(row)
        ours = versions.filter(pc.and_(pc.equal(versions["side"], "us"), pc.is_valid(versions["relationship"])))
        if only is not None:
            ours = ours.filter(pc.is_in(ours["relationship"], pa.array(sorted(only), pa.string())))
        self._chapters = {
            volume.key: _Chapter.of(volume)
            for volume in read_volumes(turns, sentences, findings, said=ours["turn_id"], now=until)
        }
        self._records, self._calendar = read_records(outcomes), calendar

    def settle(self, scopes: Iterable[str], now: datetime) -> Iterator[dict[str, Any]]:
        """Our promises of these relationships, as `now` finds them, with their states as of `now`."""
        for key in sorted(set(scopes) & self._chapters.keys()):
            chapter = self._chapters[key]
            chapter.tell(now, self._given)
            promising = frozenset((row["turn_id"], row["start"]) for row, _ in chapter.pledged)
            renewals = Renewals(chapter.pledged, chapter.scope)
            judge = Judge(chapter.scope, renewals, self._records, now, self._calendar, promising)
            for row, pledge in chapter.pledged:
                if row["side"] == "us":
                    yield row | state_columns(judge.decide(row, pledge))
