"""A promise given again with a later date, before the first date had passed: the new one stands in its place."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from troth.promises.match import Pledge
from troth.promises.scope import Rarity, Scope

_SHARE: Final = 0.6  # of the rarity of the first promise's words that must come back
_PER_WORD: Final = 6
_WORDS: Final = 3


class Renewals:
    """The promises of one relationship by word and time."""

    def __init__(self, pledged: Iterable[tuple[dict[str, Any], Pledge]], scope: Scope) -> None:
        dated = [pair for pair in pledged if pair[1].spot.sent_at is not None]
        self._pledged = sorted(dated, key=lambda pair: (pair[1].spot.sent_at, pair[0]["promise_id"]))
        self._scope = scope
        self._places: dict[str, list[int]] = {}
        self._by_turn: dict[str, list[dict[str, Any]]] = {}
        for place, (row, pledge) in enumerate(self._pledged):
            self._by_turn.setdefault(row["turn_id"], []).append(row)
            for stem in pledge.stems:
                self._places.setdefault(stem, []).append(place)
        self._times = [pledge.spot.sent_at for _, pledge in self._pledged if pledge.spot.sent_at is not None]

    def find(self, row: Mapping[str, Any], pledge: Pledge) -> dict[str, Any] | None:
        """The first later promise of the same act by the same side with a later date, said before this one was due."""
        said, due = pledge.spot.sent_at, pledge.due
        if said is None or due is None or len(pledge.stems) == 0:
            return None
        begin = bisect_right(self._times, said)
        rarity = Rarity(self._scope, said)
        rarest = rarity.rarest(pledge.stems, _WORDS)
        places: set[int] = set()
        for stem in rarest:
            held = self._places[stem]
            at = bisect_right(held, begin - 1)
            places.update(held[at : at + _PER_WORD])
        for place in sorted(places):
            other, its = self._pledged[place]
            if self._times[place] <= due and _is_later(its.due, due) and _renews(row, pledge, other, its, rarity):
                return other
        return None

    def in_turn(self, turn_id: str, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """A promise by the same side in the turn that moved this one, with a date if there is one."""
        others = [other for other in self._by_turn.get(turn_id, ()) if other["side"] == row["side"]]
        dated = [other for other in others if other["due_latest"] is not None]
        return next(iter(dated or others), None)


def _renews(row: Mapping[str, Any], pledge: Pledge, other: Mapping[str, Any], its: Pledge, rarity: Rarity) -> bool:
    same_side = other["side"] == row["side"] and (row["side"] == "us" or other["actor"] == row["actor"])
    return same_side and rarity.of(pledge.stems & its.stems) >= _SHARE * rarity.of(pledge.stems)


def _is_later(due: datetime | None, before: datetime) -> bool:
    return due is not None and due > before
