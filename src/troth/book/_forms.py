"""What each table of a book is made of: its schema, the key of a row, and the column that dates it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from troth.errors import InputError
from troth.schema import HOOK_EVENTS, HOOK_LEVELS, INVITATIONS, JOBS, TABLES, TOKENS

MARKS: Final = pa.schema(
    [
        pa.field("source_key", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
    ]
)

SETTINGS: Final = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),  # JSON
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One table of the book."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]  # names one row; empty where rows have no name of their own and are only replaced
    time: str | None  # the column `since` and `until` speak of; None: that of the row's turn

    def column(self, name: str) -> pa.Field:
        """The field of this name.

        Raises: InputError naming the columns that exist.
        """
        if name not in self.schema.names:
            raise InputError(f"{self.name} has no column {name!r}. It has {', '.join(self.schema.names)}.")
        return self.schema.field(name)


# A table that is not here has rows without a name: one turn may give several readings of a facet at one time.
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "turns": ("turn_id",),
    "turn_versions": ("turn_id", "replaced_at"),
    "sentences": ("turn_id", "sentence"),
    "findings": ("turn_id", "sentence", "signal"),
    "evidence": ("turn_id", "sentence", "facet"),
    "promises": ("promise_id",),
    "decisions": ("promise_id", "at"),
    "objections": ("objection_id", "at"),
    "promise_history": ("promise_id", "noted_at"),
    "questions": ("question_id",),
    "answers": ("answer_id",),
    "outcomes": ("outcome_id",),
    "outcome_steps": ("outcome_id", "at"),
    "contacts": ("contact_id",),
    "person_decisions": ("decision_id",),
    "calls": ("call_id",),
    "trust": ("relationship", "facet", "at"),
    "scores": ("scope", "at", "lens", "pillar"),
    "forecasts": ("day", "number"),
    "closings": ("day",),
    "resealed": ("day",),
    "forgotten": ("kind", "hash"),
    "trials": ("trial_id",),
    "trial_accounts": ("trial_id", "number"),
    "trial_looks": ("trial_id", "at"),
    "audit": ("number",),
    "team_figures": ("period", "team"),
    "worth_figures": ("period", "part"),
    "digests": ("person", "day"),
}

_TIMES: Final[Mapping[str, str]] = {
    "turns": "sent_at",
    "turn_versions": "replaced_at",
    "promises": "said_at",
    "decisions": "at",
    "objections": "at",
    "promise_history": "as_of",
    "questions": "asked_at",
    "answers": "answered_at",
    "outcomes": "opened_at",
    "outcome_steps": "at",
    "person_decisions": "at",
    "readings": "at",
    "trust": "at",
    "scores": "at",
    "forecasts": "at",
    "closings": "evening",
    "resealed": "at",
    "forgotten": "at",
    "trials": "started_at",
    "trial_looks": "at",
    "audit": "at",
    "team_figures": "published_at",
    "worth_figures": "published_at",
    "digests": "made_at",
}

FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        **{
            name: Form(name=name, schema=TABLES[name], key=_KEYS.get(name, ()), time=_TIMES.get(name))
            for name in TABLES
        },
        "marks": Form(name="marks", schema=MARKS, key=("source_key",), time=None),
        "settings": Form(name="settings", schema=SETTINGS, key=("name",), time=None),
        "tokens": Form(name="tokens", schema=TOKENS, key=("token_id",), time=None),
        "invitations": Form(name="invitations", schema=INVITATIONS, key=("invitation_id",), time="made_at"),
        "hook_events": Form(name="hook_events", schema=HOOK_EVENTS, key=("event_id", "hook_id"), time="at"),
        "hook_levels": Form(name="hook_levels", schema=HOOK_LEVELS, key=("relationship", "gauge"), time=None),
        "jobs": Form(name="jobs", schema=JOBS, key=("job_id",), time="made_at"),
    }
)
"""Every table of a book by name: those the stages hand to each other, and the book's own."""


def form_of(name: str) -> Form:
    """The form of the table of this name.

    Raises: InputError naming the tables that exist.
    """
    if name not in FORMS:
        raise InputError(f"there is no table {name!r}. The tables are {', '.join(FORMS)}.")
    return FORMS[name]
