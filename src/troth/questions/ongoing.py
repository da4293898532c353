"""A book that goes on: turns come, and only the questions that these bear on are looked at again.

What a turn bears on is bounded: the questions that wait in its conversation, those whose next turns in other
conversations it is one of, the next questions of its relationship that may repeat one of these, and the turns behind
them that take somebody into copy. Each of these is kept with what it was made from.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.acts import LAST_ASKED, WAITED, copy_row, read_leads, read_prices, silence_row
from troth.questions.asked import find_asked
from troth.questions.find import await_answers, has_waited, mark_again, wish_of
from troth.questions.hints import REMEMBERED, Faces, Waits, Wish, domain_of, is_alike, repeated, was_waiting
from troth.questions.settle import (
    MOST_LATER,
    Spoken,
    Waiting,
    Walk,
    by_age,
    later_turns,
    speaks_of,
    take_elsewhere,
)
from troth.questions.threads import Turn, by_clock, known_turns, order_turns, read_turns
from troth.schema import QUESTIONS, SENTENCES
from troth.words import content_stems

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

Age = tuple[datetime, str, int, str]
Clock = tuple[float, int, str]
Row = dict[str, Any]
Tables = tuple[pa.Table, pa.Table, pa.Table]
"""TURNS, SENTENCES and FINDINGS of the same turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What new turns made of the questions."""

    rows: Sequence[Row]  # of QUESTIONS, new or changed, before an evening is looked at (`look_at`)
    gone: frozenset[str]  # ids of acts that turned out to be none


class Ongoing:
    """The questions of some turns, kept up to date turn by turn.

    At any moment they are what `find_questions` gives of all turns so far. Cost of one turn: its own sentences and a
    bounded number of earlier questions; nothing grows with the book. A turn that comes late into its conversation, or
    into one that holds a turn without a time, has that conversation walked through anew; one that is not the latest of
    its relationship has the faces and waits of the relationship gone through anew. Nothing here knows of an evening:
    `look_at` says how a row reads on one, and `list_lasting` which silences last by then.
    """

    def __init__(self, *, side: str = "them") -> None:
        """Keep the questions of one side, "them" or "us"."""
        self._side = side
        self._spoken = Spoken()
        self._stems: dict[str, set[str]] = {}  # of the turns that were laid beside a question
        self._waiting: dict[str, list[Waiting]] = {}  # by turn
        self._items: dict[str, list[_Item]] = {}  # the same, by turn
        self._talks: defaultdict[str, _Talk] = defaultdict(_Talk)
        self._homes: defaultdict[str, _Home] = defaultdict(_Home)
        self._ours: set[str] = set()
        self._domains: set[str] = set()  # of our people
        self._homes_with: defaultdict[str, set[str]] = defaultdict(set)  # by domain of who speaks for them
        self._made: dict[str, Row] = {}

    def add(
        self, turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, ours: Collection[str] | None = None
    ) -> Changes:
        """Take in turns that were not here before.

        Args:
            turns: TURNS, placed, sent by the evenings that are asked for.
            sentences, findings: SENTENCES and FINDINGS of these turns.
            ours: everybody who speaks for us, where these turns are only a part of all; see `list_ours`.
        """
        known = known_turns(turns, _LAST)
        made, gone = self._take(*_of_turns(known, sentences, findings), ours=ours)
        changed = [row for key, row in made.items() if self._made.get(key) != row]
        self._made |= made
        gone = {key for key in gone - made.keys() if self._made.pop(key, None) is not None}
        return Changes(rows=changed, gone=frozenset(gone))

    def list_lasting(self, now: datetime) -> list[Row]:
        """Rows of the silences that last on an evening."""
        return [row for home in self._homes.values() for row in home.lasting(now)]

    def questions(self, now: datetime) -> pa.Table:
        """QUESTIONS of an evening behind all turns, oldest first."""
        rows = [look_at(row, now) for row in (*self._made.values(), *self.list_lasting(now))]
        return pa.Table.from_pylist(sorted(rows, key=by_age), schema=QUESTIONS)

    def _take(
        self, turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, ours: Collection[str] | None
    ) -> tuple[dict[str, Row], set[str]]:
        """Read new turns; the rows that they bear on, and the ids of acts that are none any more."""
        fresh = sorted(read_turns(turns), key=by_clock)
        by_id = {turn.turn_id: turn for turn in fresh}
        self._spoken.add(turns, sentences, fresh)
        askers = turns.filter(pc.fill_null(pc.equal(turns.column("side"), self._side), False))
        asked = find_asked(sentences, askers, findings, trust=self._side == "them")
        waiting = await_answers(asked, by_id, self._spoken, self._side)
        items = {turn_id: [_Item(one) for one in ones] for turn_id, ones in waiting.items()}
        self._waiting |= waiting
        self._items |= items
        moved = {id(item): item for own in items.values() for item in own}
        for one in self._walk(fresh):
            moved |= {id(item): item for item in self._items[one.turn.turn_id] if item.base is one}
        by_home: defaultdict[str, list[Turn]] = defaultdict(list)
        for turn in fresh:
            if turn.relationship is not None:
                by_home[turn.relationship].append(turn)
        for name, own in by_home.items():
            for item in self._homes[name].reply(own, side=self._side, stems_of=self._stems_of):
                moved[id(item)] = item
        changed = [item for item in moved.values() if self._look_elsewhere(item)]
        done = self._look_back(changed, [item for own in items.values() for item in own])
        made = {item.key: item.made() for item in done}
        if self._side != "them":
            return made, set()
        prices = read_prices(turns, sentences)
        if ours is None:
            ours = {turn.speaker for turn in fresh if turn.side == "us"}
        acts, gone = self._act(fresh, by_home, prices, done, ours=ours)
        return made | acts, gone

    def _walk(self, fresh: Sequence[Turn]) -> Iterator[Waiting]:
        """Go on in the conversations of new turns; the questions that came to another state there."""
        by_talk: defaultdict[str, list[Turn]] = defaultdict(list)
        for turn in fresh:
            by_talk[turn.conversation_id].append(turn)
        for name, own in by_talk.items():
            talk = self._talks[name]
            if talk.follows(own):
                for turn in own:
                    yield from talk.step(turn, self._waiting, self._spoken, side=self._side)
            else:
                yield from talk.walk_anew(own, self._waiting, self._spoken, side=self._side)

    def _look_elsewhere(self, item: _Item) -> bool:
        """Lay a question beside the next turns in other conversations; whether it is new or its state changed."""
        one = replace(item.base, row=dict(item.base.row))
        name = one.turn.relationship
        if name is not None and one.is_waiting and one.asked.stems:
            for turn in later_turns(one, self._homes[name].replies):
                if speaks_of(one, self._stems_of(turn.turn_id)):
                    take_elsewhere(one, turn, self._spoken)
        is_changed = item.wish is None or one.row != item.settled.row or one.closed != item.settled.closed
        item.settled, item.wish = one, wish_of(one)
        return is_changed

    def _stems_of(self, turn_id: str) -> set[str]:
        stems = self._stems.get(turn_id)
        if stems is None:
            stems = {stem for _, _, text in self._spoken.rows(turn_id) for stem in content_stems(text)}
            self._stems[turn_id] = stems
        return stems

    def _look_back(self, changed: Sequence[_Item], new: Sequence[_Item]) -> list[_Item]:
        """See which questions ask again what was asked before; all that come to another row."""
        touched = {id(item): item for item in changed}
        for name, own in _by_home(new).items():
            touched |= {id(item): item for item in self._homes[name].ask(own)}
        if self._side != "them":
            return list(changed)
        pairing = dict(touched)
        for name, own in _by_home(changed).items():
            pairing |= {id(item): item for item in self._homes[name].followers(own)}
        done = {id(item): item for item in changed}
        for turn_id in {item.base.turn.turn_id for item in pairing.values() if item.pair()}:
            own = self._items[turn_id]
            again = repeated((item.sure(), item.before.sure()) for item in own if item.before is not None)
            for item in own:
                if item.is_again != (item.key in again):
                    item.is_again = not item.is_again
                    done[id(item)] = item
        return list(done.values())

    def _act(
        self,
        fresh: Sequence[Turn],
        by_home: dict[str, list[Turn]],
        prices: dict[str, Row],
        done: Sequence[_Item],
        *,
        ours: Collection[str],
    ) -> tuple[dict[str, Row], set[str]]:
        """Faces and silences: the rows of acts that are new or may be others, and the ids of those that are gone."""
        joined = set(ours) - self._ours
        self._ours |= joined
        domains = {domain_of(person) for person in joined}
        self._domains |= domains
        met_anew = {name for domain in domains - {""} for name in self._homes_with[domain]}
        made: dict[str, Row] = {}
        gone: set[str] = set()
        pressing: set[tuple[str, str]] = set()
        for name, own in by_home.items():
            home = self._homes[name]
            for turn in own:
                if turn.side == "them":
                    self._homes_with[domain_of(turn.speaker)].add(name)
            follows = home.lay(own, {turn.turn_id: prices[turn.turn_id] for turn in own if turn.turn_id in prices})
            silences, ended = home.listen(own if follows else None)
            made, gone = made | silences, gone | ended
            if not follows:
                met_anew.add(name)
            elif name not in met_anew:
                pressing |= {(name, turn_id) for turn_id in self._meet(home, own)}
        for name in met_anew:
            home = self._homes[name]
            old, home.faces, home.seen = home.faces, {}, Faces()
            home.faces_at = []
            pressing |= {(name, turn_id) for turn_id in {*old, *self._meet(home, home.turns)}}
        for turn in fresh:
            if turn.side == "us":
                pressing |= set(self._talks[turn.conversation_id].answer(turn))
        for name, own in _by_home(done).items():
            pressing |= {(name, turn_id) for turn_id in self._homes[name].copied_behind(own)}
        for name, turn_id in pressing:
            copies, dropped = self._copy(self._homes[name], turn_id)
            made, gone = made | copies, gone | dropped
        return made, gone

    def _meet(self, home: _Home, turns: Sequence[Turn]) -> list[str]:
        """Note who is new in the next turns of a home; the turns that bring somebody."""
        bringing: list[str] = []
        for turn in turns:
            person = home.seen.meet(turn, self._ours, self._domains)
            if person is not None and turn.relationship is not None:
                home.faces[turn.turn_id] = (turn, person)
                insort(home.faces_at, (turn.sent_at or _FIRST, turn.turn_id))
                self._talks[turn.conversation_id].face(turn, turn.relationship)
                bringing.append(turn.turn_id)
        return bringing

    def _copy(self, home: _Home, turn_id: str) -> tuple[dict[str, Row], set[str]]:
        """The row of a turn that brings somebody, by its id, and the id of the one it had if that is none any more."""
        old, row = home.copies.pop(turn_id, None), None
        if turn_id in home.faces:
            turn, person = home.faces[turn_id]
            said = [
                {"turn_id": turn_id, "start": start, "end": end, "text": text}
                for start, end, text in self._spoken.rows(turn_id)
            ]
            row = copy_row(
                turn,
                person,
                [item.row() for item in self._items.get(turn_id, ())],
                [item.row() for item in home.asked_before(turn.sent_at)],
                leads=read_leads(pa.Table.from_pylist(said, schema=_SAID)),
                answer=self._talks[turn.conversation_id].next_ours(turn),
            )
        if row is not None:
            home.copies[turn_id] = row["question_id"]
        gone = {old} if old is not None and (row is None or row["question_id"] != old) else set[str]()
        return ({row["question_id"]: row} if row is not None else {}), gone


def look_at(row: Row, now: datetime) -> Row:
    """A row as it reads on an evening: a question that waits for too long is stale."""
    return {**row, "state": "stale"} if has_waited(row, now) else row


_SAID: Final = pa.schema([SENTENCES.field(name) for name in ("turn_id", "start", "end", "text")])


@dataclass(slots=True, eq=False)
class _Item:
    """One question: as its conversation leaves it, as other conversations do, and what it repeats."""

    base: Waiting
    settled: Waiting = field(init=False)
    wish: Wish | None = None  # as it is settled
    alike: list[_Item] = field(default_factory=list["_Item"])  # earlier questions that ask the same
    before: _Item | None = None  # the first of them that had no answer when this was asked
    is_again: bool = False

    def __post_init__(self) -> None:
        self.settled = self.base

    @property
    def key(self) -> str:
        return self.base.row["question_id"]

    @property
    def age(self) -> Age:
        return by_age(self.base.row)

    def sure(self) -> Wish:
        """What it asks, as it is settled."""
        return self.wish or wish_of(self.settled)

    def pair(self) -> bool:
        """Find what it repeats; whether that is another one than before, or one that stands otherwise."""
        moment = self.base.row["asked_at"]
        old, self.before = self.before, next((one for one in self.alike if was_waiting(one.sure(), moment)), None)
        return old is not self.before

    def row(self) -> Row:
        """Its row of QUESTIONS before the asker's own end of the matter and the time are looked at."""
        row = dict(self.settled.row)
        if self.is_again:
            mark_again(row)
        return row

    def made(self) -> Row:
        """Its row before time is looked at."""
        row = self.row()
        if self.base.closed:
            row["state"] = "stale"
        return row


@dataclass(slots=True)
class _Talk:
    """One conversation: where the walk through it stands, and who of us spoke when."""

    turns: list[Turn] = field(default_factory=list[Turn])
    walk: Walk = field(default_factory=Walk)
    ours: list[tuple[Clock, Turn]] = field(default_factory=list[tuple[Clock, Turn]])
    faces: list[tuple[Clock, str]] = field(default_factory=list[tuple[Clock, str]])  # with their home
    is_dated: bool = True

    def follows(self, fresh: Sequence[Turn]) -> bool:
        """Whether these, in order of time, come after all that is here, every one with a time."""
        self.is_dated = self.is_dated and all(turn.sent_at is not None for turn in fresh)
        return self.is_dated and (not self.turns or by_clock(self.turns[-1]) < by_clock(fresh[0]))

    def step(self, turn: Turn, waiting: dict[str, list[Waiting]], spoken: Spoken, *, side: str) -> Iterator[Waiting]:
        """Go on by one turn; the earlier questions that changed."""
        self.turns.append(turn)
        bearing = {id(one): one for one in (*self.walk.pending, *self.walk.faced)}
        states = [(one, _state_of(one)) for one in bearing.values()]
        self.walk.step(turn, waiting, spoken, side=side)
        yield from (one for one, state in states if _state_of(one) != state)

    def walk_anew(
        self, fresh: Sequence[Turn], waiting: dict[str, list[Waiting]], spoken: Spoken, *, side: str
    ) -> Iterator[Waiting]:
        """Walk through all of it from the start; the questions that changed."""
        self.turns, self.walk = order_turns([*self.turns, *fresh]), Walk()
        everything = [one for turn in self.turns for one in waiting.get(turn.turn_id, ())]
        states = [(one, _state_of(one)) for one in everything]
        for one in everything:
            one.reopen()
            one.closed = False
        for turn in self.turns:
            self.walk.step(turn, waiting, spoken, side=side)
        yield from (one for one, state in states if _state_of(one) != state)

    def face(self, turn: Turn, home: str) -> None:
        """Note a turn that takes somebody into copy."""
        place = bisect_left(self.faces, (by_clock(turn), home))
        if self.faces[place : place + 1] != [(by_clock(turn), home)]:
            self.faces.insert(place, (by_clock(turn), home))

    def answer(self, turn: Turn) -> Iterator[tuple[str, str]]:
        """Note a turn of ours; the home and id of the turns with a face that it may answer."""
        clock = by_clock(turn)
        place = bisect_left(self.ours, (clock,))
        self.ours.insert(place, (clock, turn))
        since = self.ours[place - 1][0] if place else (-1.0, 0, "")
        begin, end = bisect_left(self.faces, (since, "")), bisect_left(self.faces, (clock, ""))
        yield from ((name, face[2]) for face, name in self.faces[begin:end])

    def next_ours(self, turn: Turn) -> Turn | None:
        """Our first turn here after this one."""
        place = bisect_left(self.ours, (by_clock(turn),))
        return self.ours[place][1] if place < len(self.ours) else None


@dataclass(slots=True)
class _Home:
    """One relationship: its turns and questions, who was seen in it, and how long they wait."""

    turns: list[Turn] = field(default_factory=list[Turn])
    replies: list[Turn] = field(default_factory=list[Turn])  # of the other side, with a time
    asked: list[tuple[Age, _Item]] = field(default_factory=list[tuple[Age, _Item]])
    wishes: list[tuple[Age, _Item]] = field(default_factory=list[tuple[Age, _Item]])  # those with words to compare
    seen: Faces = field(default_factory=Faces)
    faces: dict[str, tuple[Turn, str]] = field(default_factory=dict[str, tuple[Turn, str]])
    faces_at: list[tuple[datetime, str]] = field(default_factory=list[tuple[datetime, str]])
    copies: dict[str, str] = field(default_factory=dict[str, str])  # the act's id by turn
    waits: Waits = field(default_factory=Waits)
    priced: dict[str, Row] = field(default_factory=dict[str, Row])
    quiet: set[str] = field(default_factory=set[str])  # ids of silences that have ended

    def reply(self, fresh: Sequence[Turn], *, side: str, stems_of: Callable[[str], set[str]]) -> Iterator[_Item]:
        """Note turns of the other side; the questions that they may answer, or that may now look at others."""
        came = [turn for turn in fresh if turn.side not in {None, side} and turn.sent_at is not None]
        if not came:
            return
        follows = not self.replies or by_clock(self.replies[-1]) < by_clock(came[0])
        for turn in came:
            insort(self.replies, turn, key=by_clock)
        for turn in came:
            place = bisect_left(self.replies, by_clock(turn), key=by_clock)
            since = self.replies[place - MOST_LATER].sent_at if place >= MOST_LATER else None
            begin = bisect_left(self.asked, ((since or _FIRST,),))
            end = bisect_left(self.asked, ((turn.sent_at or _LAST,),))
            stems = stems_of(turn.turn_id)
            for _, item in self.asked[begin:end]:
                # A turn that comes last takes no other one's place among the next that a question looks at.
                if item.base.is_waiting and (not follows or speaks_of(item.base, stems)):
                    yield item

    def ask(self, new: Sequence[_Item]) -> Iterator[_Item]:
        """Note questions; those that stand beside others than before."""
        wishes = [item for item in new if len(item.sure().stems) >= 2]
        for item in new:
            insort(self.asked, (item.age, item))
        for item in wishes:
            insort(self.wishes, (item.age, item))
        firsts = [bisect_left(self.wishes, (item.age,)) for item in wishes]
        places = {place for first in firsts for place in range(first, min(first + REMEMBERED + 1, len(self.wishes)))}
        for place in places:
            item = self.wishes[place][1]
            earlier = self.wishes[max(0, place - REMEMBERED) : place]
            item.alike = [one for _, one in earlier if is_alike(item.sure(), one.sure())]
            yield item

    def followers(self, changed: Sequence[_Item]) -> Iterator[_Item]:
        """The questions that ask what one of these asks."""
        for item in changed:
            place = bisect_left(self.wishes, (item.age,))
            yield from (one for _, one in self.wishes[place : place + REMEMBERED + 1] if item in one.alike)

    def asked_before(self, moment: datetime | None) -> list[_Item]:
        """The last questions with a time before this one."""
        if moment is None:
            return []
        end = bisect_left(self.asked, ((moment,),))
        last = self.asked[max(0, end - LAST_ASKED) : end]
        return [item for _, item in last if item.base.row["asked_at"] is not None]

    def lay(self, fresh: Sequence[Turn], prices: dict[str, Row]) -> bool:
        """Note turns; whether they all come after those that are here."""
        follows = not self.turns or by_clock(self.turns[-1]) < by_clock(fresh[0])
        self.turns.extend(fresh)
        if not follows:
            self.turns.sort(key=by_clock)
        self.priced |= prices
        return follows

    def listen(self, fresh: Sequence[Turn] | None) -> tuple[dict[str, Row], set[str]]:
        """Rows of silences that new turns ended, or, where None, all anew; and the ids of those that are none."""
        old = set[str]()
        if fresh is None:
            old, self.waits, self.quiet = self.quiet, Waits(), set()
        rows: dict[str, Row] = {}
        for turn in self.turns if fresh is None else fresh:
            for silence in self.waits.step(turn, is_priced=turn.turn_id in self.priced):
                row = silence_row(silence, self.priced[silence.turn.turn_id])
                rows[row["question_id"]] = row
        self.quiet |= rows.keys()
        return rows, old - rows.keys()

    def lasting(self, now: datetime) -> Iterator[Row]:
        """The row of the silence that nothing has ended."""
        yield from (silence_row(one, self.priced[one.turn.turn_id]) for one in self.waits.lasting(now))

    def copied_behind(self, changed: Sequence[_Item]) -> Iterator[str]:
        """Turns with a face that one of these questions may press for: its own, and those while it may wait."""
        done = _FIRST
        for item in sorted(changed, key=lambda item: item.age):
            yield item.base.turn.turn_id
            moment = item.base.row["asked_at"]
            if moment is None:
                continue
            begin = bisect_left(self.faces_at, (max(done, moment), ""))
            end = bisect_left(self.faces_at, (moment + WAITED, "\U0010ffff"))
            yield from (turn_id for _, turn_id in self.faces_at[begin:end])
            done = moment + WAITED


def _state_of(one: Waiting) -> tuple[object, ...]:
    row = one.row
    return (row["state"], row["answer_turn_id"], row["answer_start"], one.closed)


def _by_home(items: Iterable[_Item]) -> dict[str, list[_Item]]:
    """Questions by their relationship; not those of none."""
    homes: defaultdict[str, list[_Item]] = defaultdict(list)
    for item in items:
        if item.base.turn.relationship is not None:
            homes[item.base.turn.relationship].append(item)
    return homes


def _of_turns(turns: pa.Table, sentences: pa.Table, findings: pa.Table) -> Tables:
    """These turns with the rows of the other tables that belong to them."""
    ids = turns.column("turn_id").combine_chunks()
    return (
        turns,
        sentences.filter(pc.is_in(sentences.column("turn_id"), ids)),
        findings.filter(pc.is_in(findings.column("turn_id"), ids)),
    )
