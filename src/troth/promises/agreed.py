"""Promises that two turns make together: an offer that was accepted, a request that was said yes to.

The promise is whose act it is. Its turn is the one in which that person spoke, the other turn is its origin:

- an accepted offer is the offerer's, stands in the offer's sentence, and was made at the moment of the yes;
- an accepted request is the accepter's, stands in the sentence of the yes, and its act and due words are the request's,
  read from the moment of the request, unless the yes names a time of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from troth.promises.asks import Ask, Yes, read_ask, read_yes
from troth.promises.calendar import Calendar
from troth.promises.content import content_stems
from troth.promises.resolve import FIRM, Due, due
from troth.promises.tokens import Tokens, tokenise

_WITHIN: Final = 3  # stretches of one speaker between the asking and the yes
_PATIENCE: Final = timedelta(days=14)
_FIRST: Final = 3  # sentences of a turn in which a bare "yes" can still answer another turn
_MOST_WAITING: Final = 12  # asks that wait at one time in one conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence that could ask or accept, with its turn."""

    turn: Mapping[str, Any]
    sentence: Mapping[str, Any]
    place: int  # of the sentence within its turn
    stretch: int  # of the turn: grows whenever the speaker changes
    request: float
    offer: float
    accepts: float


@dataclass(slots=True)
class Waiting:
    """An ask without its yes."""

    line: Line
    ask: Ask
    tokens: Tokens
    stems: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A promise made by two turns."""

    promiser: Line  # the sentence the promiser spoke
    other: Line  # the sentence of the other side
    act: str  # the words of what is to be done
    origin: str  # offer accepted, request accepted
    said_at: datetime | None
    due: Due | None
    probability: float
    salt: str  # tells several requests apart that one yes accepts


@dataclass(slots=True)
class Talk:
    """What waits for its yes in one conversation."""

    waiting: list[Waiting] = field(default_factory=list[Waiting])


def agree(
    talks: MutableMapping[str, Talk],
    lines: Sequence[Line],
    stated: Mapping[tuple[str, int], frozenset[str]],
    *,
    calendar: Calendar,
) -> Iterator[Agreed]:
    """Match every yes to what it answers, walking through each conversation once.

    Args:
        talks: what waits from earlier turns, by conversation; goes on to what waits after these lines.
        lines: sentences in the order of their conversation, turn and place.
        stated: content stems of the promises found in single sentences, by turn and start.
        calendar: the speakers' zone and working days.
    """
    number = 0
    while number < len(lines):
        turn_id = lines[number].turn["turn_id"]
        end = number
        while end < len(lines) and lines[end].turn["turn_id"] == turn_id:
            end += 1
        turn_lines = lines[number:end]
        talk = talks.setdefault(turn_lines[0].turn["conversation_id"], Talk())
        yield from _answer(talk, turn_lines, stated, calendar)
        talk.waiting += [waiting for line in turn_lines if (waiting := _wait(line)) is not None]
        del talk.waiting[:-_MOST_WAITING]
        number = end


def _wait(line: Line) -> Waiting | None:
    tokens = tokenise(line.sentence["text"][:1200])
    ask = read_ask(tokens, request=line.request, offer=line.offer)
    if ask is None:
        return None
    return Waiting(line, ask, tokens, content_stems(line.sentence["text"]))


def _answer(
    talk: Talk, turn_lines: Sequence[Line], stated: Mapping[tuple[str, int], frozenset[str]], calendar: Calendar
) -> Iterator[Agreed]:
    """The promises that this turn makes of what waits, the nearest asking turn first."""
    asked = _asked(talk, turn_lines[0])
    if not asked:
        return
    for line in turn_lines:
        promised = stated.get((line.turn["turn_id"], line.sentence["start"]))
        tokens = tokenise(line.sentence["text"][:1200])
        chosen: list[tuple[Waiting, float]] = []
        if promised:  # a promise in words of its own: of the request that it speaks of
            chosen = [(w, w.ask.probability) for w in asked if w.ask.kind != "offer" and promised & w.stems]
        else:
            chosen = [
                (w, min(yes.probability, w.ask.probability))
                for w in asked
                if (yes := _yes(line, tokens, w, promised=promised is not None)) is not None
            ]
            named = [(w, p) for w, p in chosen if w.stems & content_stems(line.sentence["text"])]
            chosen = named or chosen
        for waiting, probability in chosen:
            asked.remove(waiting)
            talk.waiting.remove(waiting)
            yield _make(waiting, line, probability, calendar)
        if chosen:  # what was asked before is left behind
            first = chosen[0][0].line.stretch
            talk.waiting[:] = [waiting for waiting in talk.waiting if waiting.line.stretch >= first]


def _asked(talk: Talk, line: Line) -> list[Waiting]:
    """What the nearest turn of somebody else asked or offered, if it is near enough."""
    turn = line.turn
    near = [
        waiting
        for waiting in talk.waiting
        if waiting.line.turn["speaker"] != turn["speaker"]
        and line.stretch - waiting.line.stretch <= _WITHIN
        and _is_soon(waiting.line.turn["sent_at"], turn["sent_at"])
        and (waiting.line.turn["side"] != turn["side"] or turn["side"] in {"us", None})
    ]
    if not near:
        return []
    parent = [waiting for waiting in near if waiting.line.turn["turn_id"] == turn["parent_id"]]
    nearest = max(waiting.line.stretch for waiting in near)
    return parent or [waiting for waiting in near if waiting.line.stretch == nearest]


def _is_soon(asked: datetime | None, answered: datetime | None) -> bool:
    return asked is None or answered is None or asked <= answered <= asked + _PATIENCE


def _yes(line: Line, tokens: Tokens, waiting: Waiting, *, promised: bool) -> Yes | None:
    """Whether this sentence says yes to that ask. A promise without an object ("Will do") does."""
    if promised and waiting.ask.kind != "offer":
        return Yes(3, 0.75)
    if line.place >= _FIRST:
        return None
    yes = read_yes(tokens, to_offer=waiting.ask.kind == "offer", accepts=line.accepts)
    if yes is None or yes.strength < (3 if waiting.ask.tells else 1 if waiting.ask.waits else 2):
        return None
    return yes


def _make(waiting: Waiting, line: Line, probability: float, calendar: Calendar) -> Agreed:
    """The promise that a yes makes."""
    is_offer = waiting.ask.kind == "offer"
    asked_at, said_at = waiting.line.turn["sent_at"], line.turn["sent_at"]
    own = _due(line.sentence["text"], said_at, calendar)
    when = own if own is not None and own.rule in FIRM else _due(waiting.line.sentence["text"], asked_at, calendar)
    if when is not None and when.latest is not None and said_at is not None and when.latest < said_at:
        when = None  # the time had passed before anybody said yes
    return Agreed(
        promiser=waiting.line if is_offer else line,
        other=line if is_offer else waiting.line,
        act=waiting.line.sentence["text"],
        origin="offer accepted" if is_offer else "request accepted",
        said_at=said_at,
        due=when,
        probability=probability,
        salt=f"{waiting.line.turn['turn_id']}\0{waiting.line.sentence['start']}",
    )


def _due(text: str, said_at: datetime | None, calendar: Calendar) -> Due | None:
    return None if said_at is None else due(text, said_at, calendar=calendar)
