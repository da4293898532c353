"""Where one customer was told one matter twice, by two of us or over two channels: alike, or otherwise."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from troth.touch.amounts import is_same, may_be_tax
from troth.touch.facts import Fact
from troth.touch.subjects import is_about_the_same
from troth.words import stem

_REMEMBERED: Final = 40  # statements of one sort to one customer that a new one is laid beside: keeps a long one linear
_OLDEST_DAYS: Final = 365.0
_EPOCH: Final = dt.date(1970, 1, 1)
_EVENTS: Final = frozenset(
    stem(word) for word in "meeting call visit appointment talk session training workshop review update".split()
)
"""Things that come again and again: two dates of them speak of one only within one thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who said a turn, where and when, as the comparison sees it."""

    relationship: str
    conversation: str
    speaker: str
    channel: str
    at_days: float  # days since 1970, UTC; NaN where not known
    order: int  # place among all turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two statements of one matter to one customer."""

    earlier: Fact
    later: Fact
    agrees: bool


def compare_facts(facts: Iterable[Fact], said: Sequence[Said]) -> list[Pair]:
    """Statements of one matter by two of us, or over two channels, and whether they agree.

    A statement is laid beside the latest earlier one of its matter, and is the later one of one pair at most; two
    sentences make one pair.

    Args:
        facts: in any order.
        said: of every turn, by its row.

    Cost: linear; each statement is laid beside the last 40 of its sort to its customer.
    """
    return Comparison().add(facts, said)


class Comparison:
    """The statements so far; more may come, each later than these."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], deque[tuple[Fact, Said]]] = {}

    def add(self, facts: Iterable[Fact], said: Mapping[int, Said] | Sequence[Said]) -> list[Pair]:
        """As `compare_facts`, the pairs of which one of these is the later."""
        fresh: defaultdict[tuple[str, str], list[Fact]] = defaultdict(list)
        for fact in sorted(facts, key=lambda fact: (said[fact.row].order, fact.start)):
            key = said[fact.row].relationship, _sort(fact)
            fresh[key].append(fact)
            self._groups.setdefault(key, deque(maxlen=_REMEMBERED))
        pairs: dict[tuple[int, int, int, int], Pair] = {}
        for key, members in self._groups.items():
            for later in fresh.get(key, ()):
                here = said[later.row]
                earlier = next(
                    (one for one, there in reversed(members) if _is_second_voice(one, there, later, here)), None
                )
                if earlier is not None:
                    place = earlier.row, earlier.start, later.row, later.start
                    pairs.setdefault(place, Pair(earlier=earlier, later=later, agrees=_agree(earlier, later)))
                members.append((later, here))
        return list(pairs.values())


def _sort(fact: Fact) -> str:
    """What may be laid beside what. A thing's price says that it is not included, so scope goes with prices."""
    if fact.amount is not None and fact.kind == "quantity":
        return f"quantity {fact.amount.unit}"
    return "price" if fact.kind == "scope" else fact.kind


def _is_second_voice(earlier: Fact, there: Said, later: Fact, here: Said) -> bool:
    """Whether another of us, or another channel, spoke of the matter before, in other words: a copy does not count."""
    if there.order == here.order or (there.speaker == here.speaker and there.channel == here.channel):
        return False
    if earlier.text == later.text or not here.at_days - there.at_days <= _OLDEST_DAYS:
        return False
    if earlier.day is not None and (earlier.day.last - _EPOCH).days < int(here.at_days):
        return False  # what was foretold is over: the later day is of something else
    return _is_one_matter(earlier, later, in_one_thread=here.conversation == there.conversation)


def _is_one_matter(one: Fact, other: Fact, *, in_one_thread: bool) -> bool:
    if one.kind != other.kind:
        return _is_price_of_included(one, other)
    if one.amount is not None and other.amount is not None:
        units = {one.amount.unit, other.amount.unit}
        if (len(units) > 1 and "" not in units) or may_be_tax(one.amount, other.amount):
            return False
    if one.kind == "date" and one.subject.own <= _EVENTS and not in_one_thread:
        return False
    must_say = one.kind in {"scope", "name", "date"}
    return is_about_the_same(one.subject, other.subject, in_one_thread=in_one_thread, must_say=must_say)


def _is_price_of_included(one: Fact, other: Fact) -> bool:
    """Whether one gives a price of the very thing that the other says is included."""
    scope, price = (one, other) if one.kind == "scope" else (other, one)
    return scope.is_included is True and scope.subject.own == price.subject.own


def _agree(one: Fact, other: Fact) -> bool:
    if one.kind != other.kind:
        return False
    if one.amount is not None and other.amount is not None:
        return is_same(one.amount, other.amount)
    if one.day is not None and other.day is not None:
        return one.day.first <= other.day.last and other.day.first <= one.day.last
    if one.name and other.name:
        return one.name[-1] == other.name[-1] or set(one.name) <= set(other.name) or set(other.name) <= set(one.name)
    return one.is_included == other.is_included
