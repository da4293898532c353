"""A relationship that goes on: turns come, and only the promises that these bear on are settled again.

What settles a promise is weighed as of its own moment and looked for in a bounded stretch behind it, so a turn bears
on few promises: those it makes or changes, those of its conversation nearby, those with one of its words that have not
seen enough turns with that word yet, and those that a complaint in its conversation was about. Nothing here knows of
an evening: the same relationship is settled as of any that lies behind all of its turns.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from troth.promises.calendar import FIRST_YEAR, LAST_YEAR, Calendar
from troth.promises.evidence import Piece
from troth.promises.match import Pledge, make_pledge
from troth.promises.records import read_records
from troth.promises.renewal import Renewals
from troth.promises.scope import CALLS, NEAR, PER_WORD, WORDS, Rarity, Scope, Volume, grow, read_volumes
from troth.promises.settle import Judge, Verdict, far_from, state_columns, true_due
from troth.schema import PROMISES

_FINAL: Final = frozenset({"kept", "late", "withdrawn"})
_SILENT: Final = frozenset({"suspected", "unknown"})
_STATE: Final = frozenset(state_columns(Verdict(state="")))
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

Key = tuple[str, int]
"""Turn and start of a sentence that promises."""


@dataclass(slots=True)
class Bearing:
    """What new turns bear on."""

    since: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Promises, each with the moment of the first thing that may change it: one settled before that stays so."""
    talks: frozenset[str] = frozenset()  # conversations that turns came into
    is_owned_anew: bool = False  # others turn out to own the mailbox, so that silence tells something else

    def note(self, promise_ids: Iterable[str], moment: datetime | None) -> None:
        """Something of this moment may change these promises; whatever they are, where it has none."""
        at = moment or _FIRST
        for promise_id in promise_ids:
            self.since[promise_id] = min(at, self.since.get(promise_id, at))


class Ongoing:
    """One relationship laid out, its promises, and which of these a turn may bear on.

    After each addition `settle` gives what `settle_promises` gives of all turns so far. Cost of one turn: its own
    sentences and about as many promises as it shares words with; nothing grows with the relationship.
    """

    def __init__(self) -> None:
        self._scope = Scope()
        self._pledged: dict[str, tuple[dict[str, Any], Pledge]] = {}
        self._renewals = Renewals((), self._scope)
        self._keys: dict[Key, list[str]] = {}
        self._apart: dict[Key, list[dict[str, Any]]] = {}  # promises in turns that are not laid out
        self._promising: set[tuple[str, int | None]] = set()
        self._last: dict[str, tuple[datetime, int, str]] = {}  # what sorts the last turn of each conversation
        self._undated: set[str] = set()  # conversations with a turn without a time
        self._words: dict[str, list[str]] = {}  # that a promise is looked for by
        self._by_word: dict[str, list[tuple[datetime, str]]] = {}
        self._by_talk: dict[str, list[tuple[int, str]]] = {}
        self._by_time: list[tuple[datetime, str]] = []
        self._owners: frozenset[str] = frozenset()

    def add(
        self, turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, made: pa.Table, of: Iterable[str]
    ) -> Bearing | None:
        """Take in turns of this relationship that were not here before.

        Args:
            turns: TURNS, placed.
            sentences, findings: SENTENCES and FINDINGS of these turns, and perhaps of others.
            made: PROMISES made in some turns, these and earlier ones: all there are, whatever their state.
            of: ids of these some turns.

        Returns: what this bears on; None, and nothing is taken in, where a turn comes late into its conversation, or
            into one that holds a turn without a time.
        """
        bearing = Bearing()
        for volume in read_volumes(turns, sentences, findings, said=turns["turn_id"], now=_LAST):
            if self._scope.spots and not self._follows(volume):
                return None
            self._take(volume, bearing)
            bearing.talks |= {row["conversation_id"] for row in volume.rows}
        self._pledge(self._find_changed(made, set(of)), bearing)
        owners = self._scope.owners()
        bearing.is_owned_anew, self._owners = owners != self._owners, owners
        return bearing

    def settle(
        self, before: pa.Table, bearing: Bearing, *, now: datetime, calendar: Calendar, outcomes: pa.Table | None
    ) -> pa.Table:
        """The promises that new turns bear on, as of an evening behind all turns.

        Args:
            before: PROMISES of this relationship as they stood that evening without these turns.
            bearing: what `add` gave.
            now, calendar, outcomes: as for `settle_promises`.

        Returns: PROMISES that the machine settles, new or perhaps changed, in no particular order.
        """
        chosen = dict(bearing.since)
        names = ("promise_id", "state", "state_at", "evidence_turn_id")
        for promise_id, state, state_at, evidence in zip(*(before[name].to_pylist() for name in names), strict=True):
            is_accused = state == "suspected" and evidence is not None and self._talk_of(evidence) in bearing.talks
            if is_accused or (bearing.is_owned_anew and state in _SILENT):
                chosen.setdefault(promise_id, _FIRST)
            elif state in _FINAL and state_at is not None and state_at < chosen.get(promise_id, _FIRST):
                del chosen[promise_id]  # it was settled before
        judge = Judge(self._scope, self._renewals, read_records(outcomes), now, calendar, self._promising)
        pledged = [self._pledged[promise_id] for promise_id in sorted(chosen.keys() & self._pledged.keys())]
        judged = [(row, pledge) for row, pledge in pledged if row["decided_by"] != "person"]
        rows = [{**row, **state_columns(judge.decide(row, pledge))} for row, pledge in judged]
        rows += [{**row, **state_columns(Verdict(state="open"))} for own in self._apart.values() for row in own]
        return pa.Table.from_pylist(rows, schema=PROMISES)

    def _talk_of(self, turn_id: str) -> str | None:
        spot = self._scope.spots.get(turn_id)
        return None if spot is None else spot.talk

    def _follows(self, volume: Volume) -> bool:
        """Whether each of these turns comes after those of its conversation, by a time that can be true."""
        return all(
            row["conversation_id"] not in self._undated
            and (
                row["conversation_id"] not in self._last
                or (_can_be_true(row["sent_at"]) and self._last[row["conversation_id"]] <= _key(row))
            )
            for row in volume.rows
        )

    def _take(self, volume: Volume, bearing: Bearing) -> None:
        """Lay turns out."""
        starts = {row["conversation_id"]: len(self._scope.talks.get(row["conversation_id"], ())) for row in volume.rows}
        grow(self._scope, volume.rows, volume.lines)
        for row in volume.rows:
            talk = row["conversation_id"]
            if _can_be_true(row["sent_at"]):
                self._last[talk] = max(self._last.get(talk, _key(row)), _key(row))
            else:
                self._undated.add(talk)
                self._last.setdefault(talk, _key(row))
        first = min((row["sent_at"] for row in volume.rows if _can_be_true(row["sent_at"])), default=_LAST)
        later = [promise_id for _, promise_id in self._by_time[bisect_left(self._by_time, (first, "")) :]]
        for promise_id in later:  # words weigh something else for them, and other words may tell most
            self._unlist(promise_id)
            self._list(promise_id)
        bearing.note(later, None)
        self._look_near([piece for talk, start in starts.items() for piece in self._scope.talks[talk][start:]], bearing)

    def _find_changed(self, made: pa.Table, of: set[str]) -> dict[Key, list[dict[str, Any]]]:
        """What is made now in the sentences of these turns in which something else was made before."""
        rows: defaultdict[Key, list[dict[str, Any]]] = defaultdict(list)
        for row in made.to_pylist():
            rows[row["turn_id"], row["start"]].append(row)
        held = {key for key in (*self._keys, *self._apart) if key[0] in of}
        return {key: rows[key] for key in {*rows, *held} if not _says_the_same(rows[key], self._held(key))}

    def _held(self, key: Key) -> list[dict[str, Any]]:
        return self._apart.get(key) or [self._pledged[promise_id][0] for promise_id in self._keys.get(key, ())]

    def _pledge(self, rows: Mapping[Key, Sequence[dict[str, Any]]], bearing: Bearing) -> None:
        """Put the promises of these sentences in the place of what was read in them."""
        turns: set[str] = set()
        for key, promises in rows.items():
            for promise_id in self._keys.pop(key, ()):
                self._look_renewed(promise_id, bearing)
                self._unlist(promise_id)
                self._renewals.remove(promise_id)
                del self._pledged[promise_id]
            self._apart.pop(key, None)
            self._promising.discard(key)
            turns.add(key[0])
            if not promises:
                continue
            if key[0] not in self._scope.spots:
                self._apart[key] = list(promises)
                continue
            self._keys[key] = [row["promise_id"] for row in promises]
            self._promising.add(key)
            for row in promises:
                pledge = make_pledge(row, self._scope.spots[row["turn_id"]], true_due(row))
                self._pledged[row["promise_id"]] = (row, pledge)
                self._renewals.add(row, pledge)
                self._list(row["promise_id"])
                bearing.note([row["promise_id"]], None)
                self._look_renewed(row["promise_id"], bearing)
        self._look_near(
            [piece for turn in turns if turn in self._scope.spots for piece in self._pieces_of(turn)], bearing
        )

    def _list(self, promise_id: str) -> None:
        _, pledge = self._pledged[promise_id]
        spot = pledge.spot
        insort(self._by_talk.setdefault(spot.talk, []), (spot.order, promise_id))
        if spot.sent_at is None:
            return
        insort(self._by_time, (spot.sent_at, promise_id))
        self._words[promise_id] = Rarity(self._scope, spot.sent_at).rarest(pledge.stems, WORDS)
        for word in self._words[promise_id]:
            insort(self._by_word.setdefault(word, []), (spot.sent_at, promise_id))

    def _unlist(self, promise_id: str) -> None:
        _, pledge = self._pledged[promise_id]
        spot = pledge.spot
        self._by_talk[spot.talk].remove((spot.order, promise_id))
        if spot.sent_at is None:
            return
        del self._by_time[bisect_left(self._by_time, (spot.sent_at, promise_id))]
        for word in self._words.pop(promise_id):
            own = self._by_word[word]
            del own[bisect_left(own, (spot.sent_at, promise_id))]

    def _look_near(self, pieces: Iterable[Piece], bearing: Bearing) -> None:
        """Note the promises that these pieces may settle."""
        for piece in pieces:
            spot = piece.spot
            talk = self._scope.talks[spot.talk]
            place = bisect_left(talk, spot.order, key=lambda other: other.spot.order)
            least = talk[place - NEAR].spot.order if place >= NEAR else 0
            own = self._by_talk.get(spot.talk, [])
            begin, end = bisect_left(own, (least, "")), bisect_left(own, (spot.order, ""))
            self._note(bearing, own[begin:end], spot.sent_at)
            if spot.sent_at is None:
                continue
            for word in piece.stems | piece.documents | spot.subject:
                posted = self._scope.postings.get(word)
                if posted is not None and word in self._by_word:
                    self._look_behind(self._by_word[word], posted, spot.sent_at, PER_WORD, bearing)
            if piece.kind == "held":
                self._look_behind(self._by_time, self._scope.held, spot.sent_at, CALLS, bearing)

    def _look_behind(
        self,
        listed: Sequence[tuple[datetime, str]],
        posted: Sequence[Piece],
        moment: datetime,
        most: int,
        bearing: Bearing,
    ) -> None:
        """Note of the promises listed those that look as far as this moment along the pieces posted."""
        place = bisect_left(posted, moment, key=_sent_at)
        since = _sent_at(posted[place - most]) if place >= most else _FIRST
        begin, end = bisect_left(listed, (since, "")), bisect_left(listed, (moment, ""))
        self._note(bearing, listed[begin:end], moment)

    def _note(self, bearing: Bearing, listed: Iterable[tuple[Any, str]], moment: datetime | None) -> None:
        """Note those of the promises listed that what was said at this moment does not come too late for."""
        for _, promise_id in listed:
            end = far_from(self._pledged[promise_id][1])
            if moment is None or end is None or moment <= end:
                bearing.note([promise_id], moment)

    def _look_renewed(self, promise_id: str, bearing: Bearing) -> None:
        """Note earlier promises in whose place this one may stand, or stood."""
        _, pledge = self._pledged[promise_id]
        moment = pledge.spot.sent_at
        if moment is None:
            return
        for word in pledge.stems & self._by_word.keys():
            since = self._renewals.since(word, moment) or _FIRST
            listed = self._by_word[word]
            begin, end = bisect_left(listed, (since, "")), bisect_left(listed, (moment, ""))
            self._note(bearing, listed[begin:end], moment)

    def _pieces_of(self, turn_id: str) -> list[Piece]:
        spot = self._scope.spots[turn_id]
        talk = self._scope.talks[spot.talk]
        begin = bisect_left(talk, spot.order, key=lambda piece: piece.spot.order)
        end = bisect_right(talk, spot.order, key=lambda piece: piece.spot.order)
        return talk[begin:end]


def _says_the_same(rows: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the same was promised, whatever came of it."""
    return len(rows) == len(held) and all(
        row[name] == other[name] for row, other in zip(rows, held, strict=True) for name in row if name not in _STATE
    )


def _sent_at(piece: Piece) -> datetime:
    return piece.spot.sent_at or _FIRST


def _key(row: Mapping[str, Any]) -> tuple[datetime, int, str]:
    return (row["sent_at"] or _FIRST, row["position"], row["turn_id"])


def _can_be_true(moment: datetime | None) -> bool:
    return moment is not None and FIRST_YEAR <= moment.year <= LAST_YEAR
