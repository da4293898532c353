"""A book that goes on: turns come, time passes, and only the promises that these bear on are settled again.

What settles a promise is weighed as of its own moment and looked for in a bounded stretch behind it, so a turn bears
on few promises: those it makes or changes, those of its conversation nearby, those with one of its words that have not
seen enough turns with that word yet, and those that a complaint in its conversation was about.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.calendar import FIRST_YEAR, LAST_YEAR, Calendar
from troth.promises.evidence import Piece
from troth.promises.find import Finder
from troth.promises.match import Pledge, make_pledge
from troth.promises.records import Records, read_records
from troth.promises.renewal import Renewals
from troth.promises.scope import CALLS, NEAR, PER_WORD, WORDS, Rarity, Scope, Volume, grow, read_volumes, scope_keys
from troth.promises.settle import Judge, Verdict, far_from, limit_of, silent_at, state_columns, true_due
from troth.schema import FINDINGS, PROMISES, SENTENCES, TURNS

_FINAL: Final = frozenset({"kept", "late", "withdrawn"})
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

Tables = tuple[pa.Table, pa.Table, pa.Table]
"""TURNS, SENTENCES and FINDINGS of the same turns."""


class Ongoing:
    """The promises of a book, kept up to date turn by turn.

    At any moment they are what `find_versions`, `found_by` and `settle_promises` give of all turns so far. Cost of one
    turn: its own sentences and about as many promises as it shares words with; nothing grows with the book. A turn
    that comes late into its conversation, or into one that holds a turn without a time, makes its relationship be laid
    out anew. A turn without a time behind one that is dated ahead is read before that one here, and with it there.
    """

    def __init__(self, *, calendar: Calendar, outcomes: pa.Table | None = None) -> None:
        self._calendar, self._records = calendar, read_records(outcomes)
        self._finder = Finder(calendar)
        self._homes: dict[str, _Home] = {}
        self._home_of: dict[str, str] = {}  # by turn
        self._parts: list[Tables] = [(TURNS.empty_table(), SENTENCES.empty_table(), FINDINGS.empty_table())]
        self._ahead: list[datetime] = []
        self._clock: list[tuple[datetime, str, str]] = []
        self._now, self._latest = _FIRST, _FIRST

    def add(self, turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, now: datetime) -> list[dict[str, Any]]:
        """Take in turns that were not in the book before.

        Args:
            turns: TURNS, placed; those sent after `now` wait until then.
            sentences, findings: SENTENCES and FINDINGS of these turns.
            now: aware; not before that of an earlier call.

        Returns: the rows of PROMISES that are new or changed.
        """
        touched = self._pass_time(now)
        self._parts.append((turns, sentences, findings))
        sent_at = turns.column("sent_at").to_pylist()
        ahead = [moment for moment in sent_at if moment is not None and moment > self._now]
        for moment in ahead:
            heapq.heappush(self._ahead, moment)
        here = turns.filter(_is_sent(turns, self._now)) if ahead else turns
        touched |= self._take((here, *(_of_turns(here, sentences, findings) if ahead else (sentences, findings))))
        return self._decide(touched)

    def wait(self, now: datetime) -> list[dict[str, Any]]:
        """Let time pass; the rows of PROMISES that changed."""
        return self._decide(self._pass_time(now))

    def promises(self) -> pa.Table:
        """PROMISES, by their turns' relationship and time."""
        rows = [row for home in self._homes.values() for row, _ in home.pledged.values()]
        return pa.Table.from_pylist(rows, schema=PROMISES)

    def _whole(self) -> Tables:
        """All turns so far."""
        if len(self._parts) > 1:
            turns, sentences, findings = (pa.concat_tables(tables) for tables in zip(*self._parts, strict=True))
            self._parts = [(turns, sentences, findings)]
        return self._parts[0]

    def _pass_time(self, now: datetime) -> set[tuple[str, str]]:
        """What comes due up to now, and the turns that were sent by then."""
        then, self._now = self._now, max(self._now, now)
        touched: set[tuple[str, str]] = set()
        while self._clock and self._clock[0][0] <= self._now:
            _, key, promise_id = heapq.heappop(self._clock)
            touched.add((key, promise_id))
        if self._ahead and self._ahead[0] <= self._now:
            while self._ahead and self._ahead[0] <= self._now:
                heapq.heappop(self._ahead)
            turns, *others = self._whole()
            sent = turns.column("sent_at")
            fresh = pc.and_(pc.greater(sent, pa.scalar(then)), pc.less_equal(sent, pa.scalar(self._now)))
            turns = turns.filter(pc.fill_null(fresh, False))
            turns = turns.filter(
                pc.invert(pc.is_in(turns.column("turn_id"), pa.array(list(self._home_of), pa.string())))
            )
            touched |= self._take((turns, *_of_turns(turns, *others)))
        return touched

    def _take(self, came: Tables) -> set[tuple[str, str]]:
        """Lay new turns out and read what they promise; the promises that they bear on, by home."""
        turns = came[0]
        if not turns.num_rows:
            return set()
        for turn_id, key in zip(turns.column("turn_id").to_pylist(), scope_keys(turns).to_pylist(), strict=True):
            self._home_of[turn_id] = key
        changed = self._read(came)
        touched: set[tuple[str, str]] = set()
        ids = turns.column("turn_id")
        for volume in read_volumes(*came, said=ids, now=self._now):
            home = self._homes.setdefault(volume.key, _Home())
            if home.follows(volume):
                touched |= {(volume.key, promise_id) for promise_id in home.take(volume)}
            else:
                changed |= self._lay_out(volume.key)
        by_home: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        for key in changed:
            by_home[self._home_of[key[0]]].add(key)
        for name, keys in by_home.items():
            rows = {key: self._finder.rows.get(key, []) for key in keys}
            touched |= {(name, promise_id) for promise_id in self._homes[name].pledge(rows)}
        return touched

    def _read(self, came: Tables) -> set[tuple[str, int]]:
        """Find the promises in new turns; conversations into which one comes late are read anew."""
        turns = came[0]
        latest = max((at for at in turns.column("sent_at").to_pylist() if _can_be_true(at)), default=_FIRST)
        known, self._latest = self._latest, max(self._latest, latest)
        if self._finder.follows(turns):
            changed, anew = self._finder.add(*came), set[str]()
        else:
            names = pc.unique(turns.column("conversation_id")).to_pylist()
            anew = {name for name in names if not self._finder.follows(_in_talks(turns, [name]))}
            rest = turns.filter(pc.invert(pc.is_in(turns.column("conversation_id"), pa.array(sorted(anew)))))
            changed = self._finder.add(rest, *_of_turns(rest, *came[1:])) if rest.num_rows else set()
        anew |= self._speaking_of({word: at for word, at in self._finder.met.items() if at <= known})
        while anew:
            turns, *others = self._whole()
            whole = _in_talks(turns.filter(_is_sent(turns, self._now)), sorted(anew))
            by_talk = whole.select(["conversation_id", "turn_id"]).to_pylist()
            for name in sorted(anew):
                ids = [row["turn_id"] for row in by_talk if row["conversation_id"] == name]
                changed |= self._finder.forget(name, ids)
            changed |= self._finder.add(whole, *_of_turns(whole, *others))
            anew = self._speaking_of({word: at for word, at in self._finder.met.items() if at <= known}) - anew
        return changed

    def _speaking_of(self, met: Mapping[str, datetime]) -> set[str]:
        """Conversations that name somebody who turns out to have been known by then."""
        if not met:
            return set()
        turns, sentences, _ = self._whole()
        text = sentences.column("text")
        names = [pc.match_substring(text, word, ignore_case=True) for word in sorted(met)]
        said = pc.unique(sentences.filter(_any(names)).column("turn_id"))
        named = turns.filter(pc.and_(pc.is_in(turns.column("turn_id"), said), _is_sent(turns, self._now)))
        return set(pc.unique(named.column("conversation_id")).to_pylist())

    def _lay_out(self, name: str) -> set[tuple[str, int]]:
        """Read a relationship anew; the sentences of it that promise."""
        turns, *others = self._whole()
        own = turns.filter(pc.equal(pc.fill_null(scope_keys(turns), ""), name))
        own = own.filter(_is_sent(own, self._now))
        old, self._homes[name] = self._homes.get(name, _Home()), _Home()
        for volume in read_volumes(own, *_of_turns(own, *others), said=own.column("turn_id"), now=self._now):
            self._homes[name].take(volume)
        ids = set(own.column("turn_id").to_pylist())
        return set(old.keys) | {key for key in self._finder.rows if key[0] in ids}

    def _decide(self, touched: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        by_home: defaultdict[str, set[str]] = defaultdict(set)
        for name, promise_id in touched:
            by_home[name].add(promise_id)
        changed: list[dict[str, Any]] = []
        for name in sorted(by_home):
            home = self._homes[name]
            for promise_id in sorted(home.with_silent(by_home[name])):
                row, was = home.decide(promise_id, self._now, calendar=self._calendar, records=self._records)
                if was != {column: row[column] for column in was}:
                    changed.append(row)
                for moment in home.moments(promise_id, calendar=self._calendar, records=self._records):
                    if moment >= self._now:
                        heapq.heappush(self._clock, (moment, name, promise_id))
        return changed


@dataclass(slots=True)
class _Home:
    """One relationship: its turns, its promises, and which of these a turn may bear on."""

    scope: Scope = field(default_factory=Scope)
    pledged: dict[str, tuple[dict[str, Any], Pledge]] = field(default_factory=dict[str, tuple[dict[str, Any], Pledge]])
    renewals: Renewals = field(init=False)
    keys: dict[tuple[str, int], list[str]] = field(default_factory=dict[tuple[str, int], list[str]])
    promising: set[tuple[str, int | None]] = field(default_factory=set[tuple[str, int | None]])
    last: dict[str, tuple[datetime, int, str]] = field(default_factory=dict[str, tuple[datetime, int, str]])
    undated: set[str] = field(default_factory=set[str])  # conversations with a turn without a time
    words: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # that a promise is looked for by
    by_word: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict[str, list[tuple[datetime, str]]])
    by_talk: dict[str, list[tuple[int, str]]] = field(default_factory=dict[str, list[tuple[int, str]]])
    by_time: list[tuple[datetime, str]] = field(default_factory=list[tuple[datetime, str]])
    accused: dict[str, set[str]] = field(default_factory=dict[str, set[str]])  # by conversation of the complaint
    accused_in: dict[str, str] = field(default_factory=dict[str, str])
    owners: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.renewals = Renewals((), self.scope)

    def follows(self, volume: Volume) -> bool:
        """Whether each of these turns comes after those of its conversation, by a time that can be true."""
        return all(
            row["conversation_id"] not in self.undated
            and (
                row["conversation_id"] not in self.last
                or (_can_be_true(row["sent_at"]) and self.last[row["conversation_id"]] <= _key(row))
            )
            for row in volume.rows
        )

    def take(self, volume: Volume) -> set[str]:
        """Lay turns out; the promises that they bear on."""
        starts = {row["conversation_id"]: len(self.scope.talks.get(row["conversation_id"], ())) for row in volume.rows}
        grow(self.scope, volume.rows, volume.lines)
        for row in volume.rows:
            talk = row["conversation_id"]
            if _can_be_true(row["sent_at"]):
                self.last[talk] = max(self.last.get(talk, _key(row)), _key(row))
            else:
                self.undated.add(talk)
                self.last.setdefault(talk, _key(row))
        first = min((row["sent_at"] for row in volume.rows if _can_be_true(row["sent_at"])), default=_LAST)
        later = [promise_id for _, promise_id in self.by_time[bisect_left(self.by_time, (first, "")) :]]
        for promise_id in later:  # words weigh something else for them, and other words may tell most
            self._unlist(promise_id)
            self._list(promise_id)
        fresh = [piece for talk, start in starts.items() for piece in self.scope.talks[talk][start:]]
        touched = set(later) | self._near(fresh)
        for talk in starts:
            touched |= self.accused.get(talk, set())
        return touched

    def pledge(self, rows: Mapping[tuple[str, int], Sequence[dict[str, Any]]]) -> set[str]:
        """Put the promises of these sentences in the place of what was read in them; those that this bears on."""
        touched: set[str] = set()
        turns: set[str] = set()
        for key, promises in rows.items():
            for promise_id in self.keys.pop(key, ()):
                touched |= self._renewing(promise_id)
                self._unlist(promise_id)
                self.renewals.remove(promise_id)
                del self.pledged[promise_id]
            self.promising.discard(key)
            turns.add(key[0])
            if not promises or key[0] not in self.scope.spots:
                continue
            self.keys[key] = [row["promise_id"] for row in promises]
            self.promising.add(key)
            for found in promises:
                row = {**found, **state_columns(Verdict(state=""))}  # no state yet, so that the first one is a change
                pledge = make_pledge(row, self.scope.spots[row["turn_id"]], true_due(row))
                self.pledged[row["promise_id"]] = (row, pledge)
                self.renewals.add(row, pledge)
                self._list(row["promise_id"])
                touched |= {row["promise_id"]} | self._renewing(row["promise_id"])
        pieces = [piece for turn in turns if turn in self.scope.spots for piece in self._pieces_of(turn)]
        return (touched | self._near(pieces)) & self.pledged.keys()

    def decide(
        self, promise_id: str, now: datetime, *, calendar: Calendar, records: Records
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Settle one promise; its row, and what its columns of state held before."""
        row, pledge = self.pledged[promise_id]
        judge = Judge(self.scope, self.renewals, records, now, calendar, self.promising)
        verdict = judge.decide(row, pledge)
        new = state_columns(verdict)
        was = {column: row[column] for column in new}
        row.update(new)
        before = self.accused_in.pop(promise_id, None)
        if before is not None:
            self.accused[before].discard(promise_id)
        if verdict.complaint is not None:
            self.accused_in[promise_id] = verdict.complaint
            self.accused.setdefault(verdict.complaint, set()).add(promise_id)
        return row, was

    def moments(self, promise_id: str, *, calendar: Calendar, records: Records) -> Iterator[datetime]:
        """When a promise may come to another state without a turn."""
        row, pledge = self.pledged[promise_id]
        limit = limit_of(pledge.due, calendar)
        given_up = silent_at(row, pledge.spot.sent_at, limit)
        yield from (moment for moment in (limit, given_up) if moment is not None)
        closed = (record["closed_at"] for record in records.get(row["relationship"] or "", ()))
        yield from (moment for moment in closed if moment is not None)

    def with_silent(self, touched: set[str]) -> set[str]:
        """These promises, and all that nothing told of where other people turn out to own the mailbox."""
        owners = self.scope.owners()
        if owners == self.owners:
            return touched & self.pledged.keys()
        self.owners = owners
        silent = {name for name, (row, _) in self.pledged.items() if row["state"] in ("suspected", "unknown")}
        return (touched | silent) & self.pledged.keys()

    def _list(self, promise_id: str) -> None:
        _, pledge = self.pledged[promise_id]
        spot = pledge.spot
        insort(self.by_talk.setdefault(spot.talk, []), (spot.order, promise_id))
        if spot.sent_at is None:
            return
        insort(self.by_time, (spot.sent_at, promise_id))
        self.words[promise_id] = Rarity(self.scope, spot.sent_at).rarest(pledge.stems, WORDS)
        for word in self.words[promise_id]:
            insort(self.by_word.setdefault(word, []), (spot.sent_at, promise_id))

    def _unlist(self, promise_id: str) -> None:
        _, pledge = self.pledged[promise_id]
        spot = pledge.spot
        self.by_talk[spot.talk].remove((spot.order, promise_id))
        if spot.sent_at is None:
            return
        del self.by_time[bisect_left(self.by_time, (spot.sent_at, promise_id))]
        for word in self.words.pop(promise_id):
            own = self.by_word[word]
            del own[bisect_left(own, (spot.sent_at, promise_id))]

    def _near(self, pieces: Iterable[Piece]) -> set[str]:
        """The promises that these pieces may settle."""
        found: set[str] = set()
        for piece in pieces:
            spot = piece.spot
            talk = self.scope.talks[spot.talk]
            place = bisect_left(talk, spot.order, key=lambda other: other.spot.order)
            least = talk[place - NEAR].spot.order if place >= NEAR else 0
            own = self.by_talk.get(spot.talk, [])
            begin, end = bisect_left(own, (least, "")), bisect_left(own, (spot.order, ""))
            found.update(name for _, name in own[begin:end] if self._bears(name, spot.sent_at))
            if spot.sent_at is None:
                continue
            for word in piece.stems | piece.documents | spot.subject:
                posted = self.scope.postings.get(word)
                if posted is not None and word in self.by_word:
                    found |= self._behind(self.by_word[word], posted, spot.sent_at, PER_WORD)
            if piece.kind == "held":
                found |= self._behind(self.by_time, self.scope.held, spot.sent_at, CALLS)
        return found

    def _behind(
        self, listed: Sequence[tuple[datetime, str]], posted: Sequence[Piece], moment: datetime, most: int
    ) -> set[str]:
        """Of the promises listed, those that look as far as this moment along the pieces posted."""
        place = bisect_left(posted, moment, key=_sent_at)
        since = _sent_at(posted[place - most]) if place >= most else _FIRST
        begin, end = bisect_left(listed, (since, "")), bisect_left(listed, (moment, ""))
        return {name for _, name in listed[begin:end] if self._bears(name, moment)}

    def _bears(self, promise_id: str, moment: datetime | None) -> bool:
        """Whether what was said at this moment may change a promise: not once it was settled before."""
        row, pledge = self.pledged[promise_id]
        if moment is None:
            return True
        end = far_from(pledge)
        if end is not None and moment > end:
            return False
        return row["state"] not in _FINAL or row["state_at"] is None or row["state_at"] >= moment

    def _renewing(self, promise_id: str) -> set[str]:
        """Earlier promises in whose place this one may stand."""
        _, pledge = self.pledged[promise_id]
        moment = pledge.spot.sent_at
        if moment is None:
            return set()
        found: set[str] = set()
        for word in pledge.stems & self.by_word.keys():
            since = self.renewals.since(word, moment) or _FIRST
            listed = self.by_word[word]
            begin, end = bisect_left(listed, (since, "")), bisect_left(listed, (moment, ""))
            found.update(name for _, name in listed[begin:end] if self._bears(name, moment))
        return found

    def _pieces_of(self, turn_id: str) -> list[Piece]:
        spot = self.scope.spots[turn_id]
        talk = self.scope.talks[spot.talk]
        begin = bisect_left(talk, spot.order, key=lambda piece: piece.spot.order)
        end = bisect_right(talk, spot.order, key=lambda piece: piece.spot.order)
        return talk[begin:end]


def _sent_at(piece: Piece) -> datetime:
    return piece.spot.sent_at or _FIRST


def _key(row: Mapping[str, Any]) -> tuple[datetime, int, str]:
    return (row["sent_at"] or _FIRST, row["position"], row["turn_id"])


def _can_be_true(moment: datetime | None) -> bool:
    return moment is not None and FIRST_YEAR <= moment.year <= LAST_YEAR


def _is_sent(turns: pa.Table, now: datetime) -> pa.ChunkedArray:
    return pc.fill_null(pc.less_equal(turns.column("sent_at"), pa.scalar(now)), True)


def _in_talks(turns: pa.Table, names: Sequence[str]) -> pa.Table:
    return turns.filter(pc.is_in(turns.column("conversation_id"), pa.array(names, pa.string())))


def _of_turns(turns: pa.Table, *others: pa.Table) -> list[pa.Table]:
    """The rows of other tables that belong to these turns."""
    ids = turns.column("turn_id").combine_chunks()
    return [table.filter(pc.is_in(table.column("turn_id"), ids)) for table in others]


def _any(masks: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    first, *rest = masks
    for mask in rest:
        first = pc.or_(first, mask)
    return first
