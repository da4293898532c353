"""Where a customer must say or ask again what they said or asked before, elsewhere or to another of us."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import re2

from troth.touch.amounts import read_amounts, read_number
from troth.touch.compare import Said
from troth.touch.subjects import read_names
from troth.words import content_stems

_ALIKE: Final = 0.6  # shared share of the content words of both, from which two sentences say the same: a start value
_LEAST_TOLD: Final = 4  # content words of a statement that can be told again
_LEAST_ASKED: Final = 2
_RAREST: Final = 3  # words of a sentence under which it is looked up
_KEPT: Final = 4  # sentences remembered under one word of one customer
_OLDEST_DAYS: Final = 120.0
_FORMULA: Final = 2  # times that a sentence comes back word for word and is no formula yet
_SHORT: Final = 2  # digits of a number that says little by itself: a line, a room
_CENTS: Final = re2.compile(r"(?:^|[^\w.,])(\d{1,3}(?:[.,]\d{3})*[.,]\d{2})(?:$|[^\w.,]|[.,](?:\s|$))")
_FEWEST_NAMES: Final = 2  # numbers of invoices, orders and amounts that two turns share, from which one repeats
SAYS_SO: Final = (
    r"(?i)\b(as (i|we)( have)?( already)? (said|wrote|written|told|explained|mentioned|reported|described)"
    r"|(i|we)( have|['’]ve|had)? ?(already|twice|three times|repeatedly) (told|said|wrote|written|explained|mentioned"
    r"|sent|reported|described|given|gave|called|asked)"
    r"|(i|we)( have|['’]ve)? (told|explained|said|described|reported|given|gave) (this|that|it|all this|the same)\b"
    r".{0,40}\b(already|before|twice|again|three times|yesterday|last week|to your|to one of)"
    r"|(i|we) wrote (it|this|that|the same) to \w+|(a|the) (second|third|fourth|fifth) time to (you|him|her|them)"
    r"|(told|explained (this|that|it)? ?to|wrote to|said to|spoke (to|with)) (one of )?your (colleagues?|people|hotline"
    r"|support|sales\w*|chat|bot|team|service|office|technician)"
    r"|your (colleagues?|assistant|chat ?bot|bot|hotline|support|technician|sales\w*|website|office) (has |have )?(told"
    r"|said|promised|wrote|assured|confirmed)"
    r"|(have|having|need|had) to (explain|repeat|tell|say|start|describe)\b.{0,40}\b(again|all over|once more"
    r"|from (the|scratch))"
    r"|for the (second|third|fourth|fifth|umpteenth) time|(once more|again) from (the beginning|scratch)"
    r"|wie (bereits|schon) (gesagt|geschrieben|erklärt|mitgeteilt)|zum (zweiten|dritten) mal)\b"
)
"""They say of themselves that they said it before, or bring what another of us told them; RE2."""

_SAYS_SO_IN: Final = re2.compile(SAYS_SO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence of theirs."""

    row: int  # of its turn
    start: int
    end: int
    text: str
    is_question: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A sentence that says again what an earlier one said, or that says of itself that it does."""

    line: Line
    before: Line | None  # None where they only say that they said it before
    kind: str  # asked again, told again, says so
    where: str  # another touch point, another of us, both; empty where not known


def find_repeats(
    lines: Sequence[Line],
    said: Sequence[Said],
    *,
    touchpoint: Sequence[str],
    heard_by: Sequence[frozenset[str]],
    looks_ahead: bool = True,
) -> list[Repeat]:
    """What they said or asked again on another touch point, or to another of us.

    A sentence repeats an earlier one of the customer where they share two words (asked) or four (told) that carry
    content, and three fifths of all; what comes back word for word a third time is a formula, and does not count. A
    turn repeats an earlier one, too, where it gives two of its numbers again: of an invoice, an order, an amount.

    Args:
        lines: sentences of their turns, in any order.
        said: of every turn, by its row.
        touchpoint: of every turn.
        heard_by: who of us each turn of theirs went to, as far as that is known.
        looks_ahead: what comes back later is known to be a formula from the first time on; without it, every sentence
            is judged by what came before it alone.

    Cost: linear; each sentence is laid beside a dozen earlier ones at most, found by the words that this customer used
    least so far.
    """
    return Recall(looks_ahead=looks_ahead).add(lines, said, touchpoint=touchpoint, heard_by=heard_by)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Told:
    """One sentence of theirs with where it was said."""

    number: int  # of all, in order
    line: Line
    stems: frozenset[str]
    said: Said
    touchpoint: str
    heard: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """The numbers that a turn gives, each with the sentence that gives it first."""

    order: int
    names: dict[tuple[str, str], _Told] = field(default_factory=dict[tuple[str, str], _Told])


class Recall:
    """What they said so far; more may come, each turn later than these. See `find_repeats`."""

    def __init__(self, *, looks_ahead: bool = False) -> None:
        self._looks_ahead, self._count = looks_ahead, 0
        self._formula: Counter[tuple[str, str]] = Counter()
        self._common: Counter[tuple[str, str]] = Counter()
        self._memory: dict[tuple[str, bool, str], tuple[_Told, ...]] = {}
        self._given: defaultdict[tuple[str, tuple[str, str]], deque[_Given]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def add(
        self,
        lines: Sequence[Line],
        said: Mapping[int, Said] | Sequence[Said],
        *,
        touchpoint: Mapping[int, str] | Sequence[str],
        heard_by: Mapping[int, frozenset[str]] | Sequence[frozenset[str]],
    ) -> list[Repeat]:
        """Go on to more sentences; which of them repeat something. Rows are counted through all turns so far."""
        ordered = [
            _Told(
                number=self._count + place, line=line, stems=content_stems(line.text), said=said[line.row],
                touchpoint=touchpoint[line.row], heard=heard_by[line.row],
            )
            for place, line in enumerate(sorted(lines, key=lambda line: (said[line.row].order, line.start)))
        ]  # fmt: skip
        self._count += len(ordered)
        if self._looks_ahead:
            self._formula.update((one.said.relationship, one.line.text) for one in ordered)
        again = self._find_numbers(ordered)
        found: list[Repeat] = []
        turns_with: set[tuple[int, int]] = set()
        for one in ordered:
            line = one.line
            repeat = self._find_alike(one) or again.get(one.number)
            if repeat is None and _SAYS_SO_IN.search(line.text):
                repeat = Repeat(line=line, before=None, kind="says so", where="")
            if repeat is not None:
                key = line.row, -1 if repeat.before is None else repeat.before.row
                if key not in turns_with:  # a mail sent twice repeats every sentence: one is enough
                    turns_with.add(key)
                    found.append(repeat)
        return found

    def _find_alike(self, one: _Told) -> Repeat | None:
        """The latest sentence that says what this one does, of those found by its rarest words; it is remembered."""
        home, stems, is_question = one.said.relationship, one.stems, one.line.is_question
        least = _LEAST_ASKED if is_question else _LEAST_TOLD
        self._formula[home, one.line.text] += not self._looks_ahead
        self._common.update((home, stem) for stem in stems)
        if len(stems) < least or self._formula[home, one.line.text] > _FORMULA:
            return None
        keys = sorted(stems, key=lambda stem: (self._common[home, stem], stem))[:_RAREST]
        near = {other.number: other for key in keys for other in self._memory.get((home, is_question, key), ())}
        repeat: Repeat | None = None
        for _, other in sorted(near.items(), reverse=True):
            where = _where(other, one)
            if where and _is_alike(stems, other.stems, least):
                kind = "asked again" if is_question else "told again"
                repeat = Repeat(line=one.line, before=other.line, kind=kind, where=where)
                break
        for stem in stems:
            slot = home, is_question, stem
            self._memory[slot] = (*self._memory.get(slot, ()), one)[-_KEPT:]
        return repeat

    def _find_numbers(self, ordered: Sequence[_Told]) -> dict[int, Repeat]:
        """By number of the line: turns that give two numbers again which an earlier turn of theirs gave elsewhere."""
        given: dict[int, _Given] = {}
        for one in ordered:
            if any(char.isdigit() for char in one.line.text):
                for name in _list_numbers(one.line.text):
                    turn = given.setdefault(one.line.row, _Given(one.said.order))
                    turn.names.setdefault(name, one)
        found: dict[int, Repeat] = {}
        for turn in sorted(given.values(), key=lambda turn: turn.order):
            home = next(iter(turn.names.values())).said.relationship
            before = {other.order: other for name in turn.names for other in self._given[home, name]}
            shared = Counter(other.order for name in turn.names for other in self._given[home, name])
            for order in sorted(shared, reverse=True):
                common = [name for name in turn.names if name in before[order].names]
                if shared[order] < _FEWEST_NAMES or not any(len(number) > _SHORT for _, number in common):
                    continue
                line, earlier = turn.names[common[0]], before[order].names[common[0]]
                where = _where(earlier, line)
                if where:
                    found[line.number] = Repeat(line=line.line, before=earlier.line, kind="told again", where=where)
                    break
            for name in turn.names:
                self._given[home, name].append(turn)
        return found


def _list_numbers(text: str) -> list[tuple[str, str]]:
    """What a sentence names by number, and its amounts of money."""
    named = [name for name in read_names(text) if name[0] != "year"]
    prices = [("price", f"{one.value:.2f}") for one in read_amounts(text) if one.kind == "price"]
    bare = [("price", f"{read_number(str(match.group(1))):.2f}") for match in _CENTS.finditer(text)]
    return sorted({*named, *prices, *bare})


def _is_alike(one: frozenset[str], other: frozenset[str], least: int) -> bool:
    shared = len(one & other)
    return shared >= least and shared >= _ALIKE * len(one | other)


def _where(before: _Told, line: _Told) -> str:
    """What is another about the place or the hearer; empty where neither is, or it was too long ago."""
    there, here = before.said, line.said
    if there.order == here.order or not here.at_days - there.at_days <= _OLDEST_DAYS:
        return ""
    # Within one thread the stage may be told otherwise from turn to turn; it is one place all the same.
    is_elsewhere = before.touchpoint != line.touchpoint and there.conversation != here.conversation
    parts = ["another touch point"] if is_elsewhere else []
    parts += ["another of us"] if before.heard and line.heard and not before.heard & line.heard else []
    return " and ".join(parts)
