"""A ticket of a help desk as an outcome: solved is won, and what is not solved is open."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

from troth.sources.helpdesk import Member
from troth.sources.outcomes import Record
from troth.sources.turns import Contact

NO_SOLVED_TIME: Final = "ticket solved, and not said when: its last update is taken"


def record_ticket(
    outcome_id: str,
    *,
    where: str,
    requester: Member,
    firm: Contact | None,
    stage: str,
    is_solved: bool,
    created_at: datetime | None,
    updated_at: datetime | None,
    solved_at: datetime | None,
    notes: Counter[str],
    has_history: bool = False,
) -> Record:
    """The record of a ticket.

    Args:
        outcome_id: with the name of the system before it.
        where: it stands in the export.
        requester, firm: whose ticket it is; the firm's, where the export knows one.
        stage: as the system calls it.
        is_solved: whether it is done.
        created_at, updated_at, solved_at: in UTC. A solved ticket without a time of it was solved when it last changed.
        notes: what could not be known is counted there.
        has_history: whether the export says elsewhere when it was solved.
    """
    if is_solved and solved_at is None and not has_history:
        notes[NO_SOLVED_TIME] += 1
        solved_at = updated_at
    return Record(
        where=where,
        outcome_id=outcome_id,
        account=(firm.domain or firm.contact_id) if firm is not None else requester.speaker,
        kind="ticket",
        stage=stage or None,
        state="won" if is_solved else "open",
        opened_at=created_at,
        closed_at=solved_at,
        changed_at=updated_at,
    )
