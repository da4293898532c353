"""Trust questions that nobody words: a boss copied in, the same thing asked twice, silence after a price."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from troth.questions.threads import Turn

USUAL: Final = timedelta(days=7)
"""Until when a counterpart of whom fewer than five answers are known usually answers: a start value."""
SHORTEST: Final = timedelta(days=3)
"""Nobody's silence speaks before this, however quick they usually are: a weekend lies within it."""

_KNOWN_WAITS: Final = 5
_QUANTILE: Final = 0.9  # of their own waits, beyond which a silence is unusual
_ALIKE: Final = 0.6  # shared share of the content words of both, from which two questions ask the same
_REMEMBERED: Final = 50  # questions of one relationship that a new one is laid beside: keeps a long one linear
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
    our_domains = {_domain(person) for person in ours} - {""}
    seen: defaultdict[str, set[str]] = defaultdict(set)
    spoken: Counter[tuple[str, str]] = Counter()
    for turn in turns:
        if turn.relationship is None:
            continue
        known, home = seen[turn.relationship], _domain(turn.speaker)
        if turn.side == "them":
            if spoken[turn.relationship, turn.speaker] >= _SETTLED and home and home not in our_domains:
                fresh = [who for who in turn.people if who not in known and who not in ours and _domain(who) == home]
                if fresh:
                    yield turn, fresh[0]
            spoken[turn.relationship, turn.speaker] += 1
        known.add(turn.speaker)
        known.update(turn.people)


def _domain(person: str) -> str:
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
    memory: defaultdict[str, deque[Wish]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
    pairs: list[tuple[Wish, Wish]] = []
    for wish in wishes:
        if wish.relationship is None or len(wish.stems) < 2:
            continue
        earlier = memory[wish.relationship]
        pairs += [(wish, before) for before in earlier if _asks_again(wish, before)][:1]
        earlier.append(wish)
    same = Counter((wish.turn_id, before.turn_id) for wish, before in pairs if wish.text == before.text)
    return {wish.key for wish, before in pairs if same[wish.turn_id, before.turn_id] < _COPIED}


def _asks_again(wish: Wish, before: Wish) -> bool:
    shared = len(wish.stems & before.stems)
    if shared < 2 or before.turn_id == wish.turn_id or shared < _ALIKE * len(wish.stems | before.stems):
        return False
    if not before.is_answered:
        return True
    return before.answered_at is not None and wish.asked_at is not None and before.answered_at > wish.asked_at


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
            yield from _silences_in(own, priced, now)


def _silences_in(turns: Sequence[Turn], priced: Collection[str], now: datetime) -> Iterator[Silence]:
    """In one relationship. What is usual is taken from the waits that had ended when the price was named."""
    waits: list[timedelta] = []
    asked: datetime | None = None  # our first turn since their last one
    named: tuple[Turn, timedelta] | None = None  # our first price since their last turn, and what was usual then
    heard = False
    for turn in turns:
        if turn.sent_at is None:
            continue
        if turn.side == "them":
            if named is not None:
                yield from _silence(named, turn, turn.sent_at)
            if asked is not None:
                waits.append(turn.sent_at - asked)
            asked, named, heard = None, None, True
        else:
            asked = asked or turn.sent_at
            if named is None and heard and turn.turn_id in priced:
                named = turn, _usual(waits)
    if named is not None:
        yield from _silence(named, None, now)


def _silence(named: tuple[Turn, timedelta], ended: Turn | None, until: datetime) -> Iterator[Silence]:
    turn, usual = named
    if turn.sent_at is not None and until - turn.sent_at > usual:
        yield Silence(turn=turn, since=turn.sent_at + usual, ended=ended)


def _usual(waits: Sequence[timedelta]) -> timedelta:
    if len(waits) < _KNOWN_WAITS:
        return USUAL
    recent = sorted(waits[-_REMEMBERED:])
    return max(SHORTEST, recent[min(len(recent) - 1, int(_QUANTILE * len(recent)))])


def order_all(conversations: Mapping[str, Sequence[Turn]]) -> list[Turn]:
    """All turns, oldest first; undated ones come before the dated."""
    turns = [turn for members in conversations.values() for turn in members]
    return sorted(
        turns, key=lambda turn: (turn.sent_at.timestamp() if turn.sent_at else 0.0, turn.position, turn.turn_id)
    )
