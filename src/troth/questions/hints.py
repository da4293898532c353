"""Trust questions that nobody words: a boss copied in, the same thing asked twice, silence after a price."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from troth.questions.threads import Turn, by_clock

USUAL: Final = timedelta(days=7)
"""Until when a counterpart of whom fewer than five answers are known usually answers: a start value."""
SHORTEST: Final = timedelta(days=3)
"""Nobody's silence speaks before this, however quick they usually are: a weekend lies within it."""

_KNOWN_WAITS: Final = 5
_QUANTILE: Final = 0.9  # of their own waits, beyond which a silence is unusual
_ALIKE: Final = 0.6  # shared share of the content words of both, from which two questions ask the same
REMEMBERED: Final = 50  # questions of one relationship that a new one is laid beside: keeps a long one linear
_COPIED: Final = 2  # questions repeated word for word, from which a turn is a copy
_SETTLED: Final = 2  # turns of the speaker in this relationship before a new face in copy says anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Words of ours that named a price, and that no turn of theirs followed in their usual time."""

    turn: Turn
    since: datetime  # when the silence became unusual
    ended: Turn | None  # their next turn, where there is one


def find_new_faces(turns: Sequence[Turn], ours: Collection[str]) -> Iterator[tuple[Turn, str]]:
    """Turns of theirs that take in somebody of their own firm who is new to this relationship, with that person.

    The speaker must have written before, so that a first mail that names everybody says nothing.

    Args:
        turns: of all relationships, oldest first.
        ours: everybody who speaks for us.
    """
    domains = {domain_of(person) for person in ours}
    seen: defaultdict[str, Faces] = defaultdict(Faces)
    for turn in turns:
        if turn.relationship is not None:
            fresh = seen[turn.relationship].meet(turn, ours, domains)
            if fresh is not None:
                yield turn, fresh


@dataclass(slots=True)
class Faces:
    """Who has been seen in one relationship so far."""

    known: set[str] = field(default_factory=set[str])
    spoken: Counter[str] = field(default_factory=Counter[str])  # turns of theirs, by speaker

    def meet(self, turn: Turn, ours: Collection[str], domains: Collection[str]) -> str | None:
        """The first new face of their firm in the next turn, if it is theirs; `domains` are those of our people."""
        fresh: str | None = None
        if turn.side == "them":
            home = domain_of(turn.speaker)
            if self.spoken[turn.speaker] >= _SETTLED and home and home not in domains:
                new = (who for who in turn.people if who not in self.known and who not in ours)
                fresh = next((who for who in new if domain_of(who) == home), None)
            self.spoken[turn.speaker] += 1
        self.known.add(turn.speaker)
        self.known.update(turn.people)
        return fresh


def domain_of(person: str) -> str:
    """What stands behind the @ of an address; nothing of a name."""
    return person.rpartition("@")[2] if "@" in person else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One question as `find_repeats` sees it; times are None where they are not known."""

    key: str
    turn_id: str
    relationship: str | None
    stems: frozenset[str]
    answered_at: datetime | None
    asked_at: datetime | None
    is_answered: bool
    text: str


def find_repeats(wishes: Iterable[Wish]) -> set[str]:
    """Keys of questions that ask again what an earlier turn asked and nobody had answered by then.

    Where a turn repeats several questions of another word for word, the mail came twice or was passed on: none counts.

    Args:
        wishes: oldest first.

    Cost: linear; each is laid beside the last 50 of its relationship.
    """
    memory: defaultdict[str, deque[Wish]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
    pairs: list[tuple[Wish, Wish]] = []
    for wish in wishes:
        if wish.relationship is None or len(wish.stems) < 2:
            continue
        earlier = memory[wish.relationship]
        alike = (before for before in earlier if is_alike(wish, before))
        pairs += [(wish, before) for before in alike if was_waiting(before, wish.asked_at)][:1]
        earlier.append(wish)
    return repeated(pairs)


def repeated(pairs: Iterable[tuple[Wish, Wish]]) -> set[str]:
    """Keys of the later ones; not of those in a turn that repeats several of another turn word for word."""
    pairs = list(pairs)
    same = Counter((wish.turn_id, before.turn_id) for wish, before in pairs if wish.text == before.text)
    return {wish.key for wish, before in pairs if same[wish.turn_id, before.turn_id] < _COPIED}


def is_alike(wish: Wish, before: Wish) -> bool:
    """Whether a question asks what one of an earlier turn asked."""
    shared = len(wish.stems & before.stems)
    return shared >= 2 and before.turn_id != wish.turn_id and shared >= _ALIKE * len(wish.stems | before.stems)


def was_waiting(before: Wish, moment: datetime | None) -> bool:
    """Whether nobody had answered a question by a moment."""
    return not before.is_answered or (
        before.answered_at is not None and moment is not None and before.answered_at > moment
    )


def find_silences(turns: Sequence[Turn], *, priced: Collection[str], now: datetime) -> Iterator[Silence]:
    """Prices and proposals of ours that no turn of theirs, in this relationship, followed in their usual time.

    Args:
        turns: of all relationships, oldest first; those without a believable time are passed over.
        priced: ids of our turns that name a price or make a proposal.
        now: aware.
    """
    by_relationship: defaultdict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        if turn.relationship is not None and turn.sent_at is not None and turn.side is not None:
            by_relationship[turn.relationship].append(turn)
    for own in by_relationship.values():
        if any(turn.turn_id in priced for turn in own):
            waits = Waits()
            for turn in own:
                yield from waits.step(turn, is_priced=turn.turn_id in priced)
            yield from waits.lasting(now)


@dataclass(slots=True)
class Waits:
    """How long they wait before they write, in one relationship.

    What is usual is taken from the waits that had ended when the price was named.
    """

    ended: deque[timedelta] = field(default_factory=lambda: deque[timedelta](maxlen=REMEMBERED))
    asked: datetime | None = None  # our first turn since their last one
    named: tuple[Turn, timedelta] | None = None  # our first price since their last turn, and what was usual then
    heard: bool = False

    def step(self, turn: Turn, *, is_priced: bool) -> Iterator[Silence]:
        """Go on to the next turn; the silence that it ends."""
        if turn.sent_at is None or turn.side is None:
            return
        if turn.side == "them":
            yield from self._silence(turn, turn.sent_at)
            if self.asked is not None:
                self.ended.append(turn.sent_at - self.asked)
            self.asked, self.named, self.heard = None, None, True
        else:
            self.asked = self.asked or turn.sent_at
            if self.named is None and self.heard and is_priced:
                self.named = turn, _usual(self.ended)

    def due(self) -> datetime | None:
        """When the silence since a price becomes unusual."""
        if self.named is None or self.named[0].sent_at is None:
            return None
        return self.named[0].sent_at + self.named[1]

    def lasting(self, now: datetime) -> Iterator[Silence]:
        """The silence that nothing has ended yet."""
        yield from self._silence(None, now)

    def _silence(self, ended: Turn | None, until: datetime) -> Iterator[Silence]:
        if self.named is None:
            return
        turn, usual = self.named
        if turn.sent_at is not None and until - turn.sent_at > usual:
            yield Silence(turn=turn, since=turn.sent_at + usual, ended=ended)


def _usual(waits: Collection[timedelta]) -> timedelta:
    if len(waits) < _KNOWN_WAITS:
        return USUAL
    recent = sorted(waits)
    return max(SHORTEST, recent[min(len(recent) - 1, int(_QUANTILE * len(recent)))])


def order_all(conversations: Mapping[str, Sequence[Turn]]) -> list[Turn]:
    """All turns, oldest first; undated ones come before the dated."""
    turns = [turn for members in conversations.values() for turn in members]
    return sorted(turns, key=by_clock)
