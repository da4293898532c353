"""A promise given again with a later date, before the first date had passed: the new one stands in its place."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from troth.promises.match import Pledge
from troth.promises.scope import Rarity, Scope

_SHARE: Final = 0.6  # of the rarity of the first promise's words that must come back
AGAIN: Final = 6  # promises looked at behind one, for each of its rarest words
_WORDS: Final = 3


class Renewals:
    """The promises of one relationship by word and time."""

    def __init__(self, pledged: Iterable[tuple[dict[str, Any], Pledge]], scope: Scope) -> None:
        self._scope = scope
        self._pledged: dict[str, tuple[dict[str, Any], Pledge]] = {}
        self._by_word: dict[str, list[tuple[datetime, str]]] = {}
        self._by_turn: dict[str, list[dict[str, Any]]] = {}
        for row, pledge in pledged:
            self.add(row, pledge)

    def add(self, row: dict[str, Any], pledge: Pledge) -> None:
        """One more promise."""
        said, promise_id = pledge.spot.sent_at, row["promise_id"]
        if said is None:
            return
        self._pledged[promise_id] = (row, pledge)
        insort(self._by_turn.setdefault(row["turn_id"], []), row, key=lambda other: other["promise_id"])
        for stem in pledge.stems:
            insort(self._by_word.setdefault(stem, []), (said, promise_id))

    def remove(self, promise_id: str) -> None:
        """One promise less."""
        if promise_id not in self._pledged:
            return
        row, pledge = self._pledged.pop(promise_id)
        self._by_turn[row["turn_id"]].remove(row)
        for stem in pledge.stems:
            self._by_word[stem] = [entry for entry in self._by_word[stem] if entry[1] != promise_id]

    def find(self, row: Mapping[str, Any], pledge: Pledge) -> dict[str, Any] | None:
        """The first later promise of the same act by the same side with a later date, said before this one was due."""
        said, due = pledge.spot.sent_at, pledge.due
        if said is None or due is None or len(pledge.stems) == 0:
            return None
        rarity = Rarity(self._scope, said)
        near: set[tuple[datetime, str]] = set()
        for stem in rarity.rarest(pledge.stems, _WORDS):
            held = self._by_word[stem]
            at = bisect_right(held, said, key=_moment)
            near.update(held[at : at + AGAIN])
        for moment, promise_id in sorted(near):
            other, its = self._pledged[promise_id]
            if moment <= due and _is_later(its.due, due) and _renews(row, pledge, other, its, rarity):
                return other
        return None

    def since(self, stem: str, moment: datetime) -> datetime | None:
        """From when on a promise with this word looks as far as one of this moment; None: from the beginning."""
        held = self._by_word.get(stem, [])
        at = bisect_right(held, moment, key=_moment) - 1 - AGAIN
        return held[at][0] if at >= 0 else None

    def in_turn(self, turn_id: str, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """A promise by the same side in the turn that moved this one, with a date if there is one."""
        others = [other for other in self._by_turn.get(turn_id, ()) if other["side"] == row["side"]]
        dated = [other for other in others if other["due_latest"] is not None]
        return next(iter(dated or others), None)


def _moment(entry: tuple[datetime, str]) -> datetime:
    return entry[0]


def _renews(row: Mapping[str, Any], pledge: Pledge, other: Mapping[str, Any], its: Pledge, rarity: Rarity) -> bool:
    same_side = other["side"] == row["side"] and (row["side"] == "us" or other["actor"] == row["actor"])
    return same_side and rarity.of(pledge.stems & its.stems) >= _SHARE * rarity.of(pledge.stems)


def _is_later(due: datetime | None, before: datetime) -> bool:
    return due is not None and due > before
