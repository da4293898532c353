"""Who said what after whom: turns in the order of their conversation, whatever their clocks say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

FIRST_YEAR: Final = 1971
LAST_YEAR: Final = 2098
"""A turn dated outside these years has a false clock (1970 and 2099 are what broken programs write)."""

_COLUMNS: Final = (
    "turn_id", "conversation_id", "parent_id", "position", "sent_at", "speaker", "recipients", "cc", "side", "circle",
    "relationship",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn that a person wrote. `sent_at` is None where it is missing or cannot be true."""

    turn_id: str
    conversation_id: str
    parent_id: str | None
    position: int
    sent_at: datetime | None
    speaker: str
    people: tuple[str, ...]  # recipients and cc
    side: str | None
    circle: str | None
    relationship: str | None


def known_turns(turns: pa.Table, now: datetime) -> pa.Table:
    """The turns by people that were sent by `now`, or whose time is missing or cannot be true; TURNS in and out."""
    sent_at = turns.column("sent_at")
    year = pc.year(sent_at)
    is_false = pc.or_(pc.less(year, FIRST_YEAR), pc.greater(year, LAST_YEAR))
    known = pc.or_kleene(pc.is_null(sent_at), pc.or_kleene(is_false, pc.less_equal(sent_at, pa.scalar(now))))
    return turns.filter(pc.and_(known, pc.invert(turns.column("automatic"))))


def read_turns(turns: pa.Table) -> list[Turn]:
    """The rows of TURNS, in their order."""
    return [_turn(row) for row in turns.select(list(_COLUMNS)).to_pylist()]


def thread_turns(turns: Iterable[Turn]) -> dict[str, list[Turn]]:
    """The turns of each conversation, oldest first."""
    conversations: defaultdict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        conversations[turn.conversation_id].append(turn)
    return {name: order_turns(members) for name, members in conversations.items()}


def order_turns(turns: Sequence[Turn]) -> list[Turn]:
    """By time, then position in the source; a turn without a believable time stands where its source has it.

    That is right after the latest of the dated turns that lie before it in the source, or after the turn that it
    says it answers, whichever is later.
    """
    if all(turn.sent_at is not None for turn in turns):
        return sorted(turns, key=by_clock)
    rows = sorted(turns, key=lambda turn: (turn.position, turn.turn_id))
    when = {turn.turn_id: turn.sent_at for turn in rows}
    latest: datetime | None = None
    keys: list[tuple[bool, float, int, str]] = []
    for turn in rows:
        moment = turn.sent_at
        if moment is None:
            stated = when.get(turn.parent_id or "")
            moment = max(filter(None, (latest, stated)), default=None)
        else:
            latest = moment if latest is None else max(latest, moment)
        keys.append((moment is not None, moment.timestamp() if moment else 0.0, turn.position, turn.turn_id))
    return [turn for _, turn in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])]


def by_clock(turn: Turn) -> tuple[float, int, str]:
    """Sorts turns by time, those without one first."""
    return (turn.sent_at.timestamp() if turn.sent_at else 0.0, turn.position, turn.turn_id)


def _turn(row: Mapping[str, Any]) -> Turn:
    sent_at: datetime | None = row["sent_at"]
    return Turn(
        turn_id=row["turn_id"],
        conversation_id=row["conversation_id"],
        parent_id=row["parent_id"],
        position=row["position"],
        sent_at=sent_at if sent_at is not None and FIRST_YEAR <= sent_at.year <= LAST_YEAR else None,
        speaker=row["speaker"],
        people=(*(row["recipients"] or ()), *(row["cc"] or ())),
        side=row["side"],
        circle=row["circle"],
        relationship=row["relationship"],
    )
