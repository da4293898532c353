"""Surveys sent by link: who is asked what until when, and the answers that come by the link.

The end of a link is a secret of which the book keeps a hash alone. A link takes one set of answers; sent again, they
take the place of the earlier ones, until the link is over.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import pyarrow as pa

from troth.book import Store
from troth.desk import Desk
from troth.errors import InputError
from troth.plain import clean_line
from troth.review import day_bounds
from troth.schema import ANSWERS, INVITATIONS
from troth.surveys import LANGUAGES, QuestionSet, load_set
from troth.told import Told

LONGEST_DAYS: Final = 366
_BYTES: Final = 24  # 192 bits: nobody guesses them
_LONGEST: Final = 200  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What is kept of one link: everything but its secret."""

    invitation_id: str
    secret_hash: str
    set: str
    language: str
    relationship: str
    person: str | None
    asked_by: str
    made_at: dt.datetime
    until: dt.datetime
    answered_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None

    def is_open(self, now: dt.datetime) -> bool:
        """Whether answers are still taken."""
        return self.closed_at is None and now <= self.until

    @property
    def asked(self) -> QuestionSet:
        """The questions."""
        return load_set(self.set)


class Invitations:
    """The surveys of a book that were sent by link.

    Args:
        desk: the book's.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(self) -> pa.Table:
        """INVITATIONS, in no promised order."""
        return self._desk.store.table("invitations")

    def invite(
        self,
        relationship: str,
        *,
        asked: str,
        language: str,
        asked_by: str,
        until: dt.date,
        now: dt.datetime,
        person: str | None = None,
    ) -> tuple[str, Invitation]:
        """Make a link.

        Args:
            relationship: whose answers they will be, as `Book.relationships` names it.
            asked: the question set.
            language: of its wording.
            asked_by: who asks, as the one who is asked reads it.
            until: the last day, by the book's zone.
            now: the time.
            person: the mail address of who is asked, where it is one person.

        Returns: the secret that ends the link, which nobody can tell again, and what is kept.
        Raises: InputError when there is no such set or wording, the day cannot be, or nobody asks.
        """
        load_set(asked)
        if language not in LANGUAGES:
            raise InputError(
                Told(
                    "there is no wording in {language!r}; there is {known}.",
                    language=language,
                    known=", ".join(LANGUAGES),
                )
            )
        end = day_bounds(until, self._desk.zone)[1]
        if not now < end <= now + dt.timedelta(days=LONGEST_DAYS):
            raise InputError(
                Told(
                    "a link is good until a day from today on, at most {days} days ahead.",
                    days=LONGEST_DAYS,
                )
            )
        who, whom = clean_line(asked_by), clean_line(person or "").lower()
        if not who or max(len(who), len(whom)) > _LONGEST:
            raise InputError(
                Told("say who asks, in at most {most} characters: whoever is asked wants to know.", most=_LONGEST)
            )
        if whom and (whom.count("@") != 1 or " " in whom or whom.startswith("@") or whom.endswith("@")):
            raise InputError(
                Told("{whom!r} is no mail address. Leave it empty to ask nobody in particular.", whom=whom)
            )
        secret = secrets.token_urlsafe(_BYTES)
        hashed = _hash(secret)
        kept = Invitation(
            invitation_id=hashed[:16], secret_hash=hashed, set=asked, language=language, relationship=relationship,
            person=whom or None, asked_by=who, made_at=now, until=end,
        )  # fmt: skip
        _keep(self._desk.store, kept)
        return secret, kept

    def close(self, invitation_id: str, *, now: dt.datetime) -> Invitation:
        """Take no more answers by a link.

        Raises: InputError when there is none of this id.
        """
        rows = self._desk.store.table("invitations", where={"invitation_id": invitation_id}).to_pylist()
        if not rows:
            raise InputError("there is no link of this id.")
        found = Invitation(**rows[0])
        closed = replace(found, closed_at=found.closed_at or now)
        _keep(self._desk.store, closed)
        return closed

    def answer(self, secret: str, marked: Mapping[str, int], *, now: dt.datetime) -> Invitation:
        """Take what was marked, in place of what the link had brought before.

        Args:
            secret: the end of the link.
            marked: item to the point of the scale.
            now: the time.

        Raises: InputError when the link is not known or over, nothing was marked, or something that is not asked.
        """
        store = self._desk.store
        with store.transaction():
            found = find_invitation(store, secret)
            if found is None or not found.is_open(now):
                raise InputError("this link takes no answers any more.")
            rows = _tabulate(found, marked, now)
            store.replace("answers", rows, keys_column="answer_id", keys=list(_ids(found).values()))
            answered = replace(found, answered_at=now)
            _keep(store, answered)
        self._desk.reanswer()
        return answered


def find_invitation(store: Store, secret: str) -> Invitation | None:
    """The one that a link opens, over or not; None where there is none."""
    rows = store.table("invitations", where={"secret_hash": _hash(secret)}).to_pylist()
    return Invitation(**rows[0]) if rows else None


def find_marked(store: Store, invitation: Invitation) -> dict[str, int]:
    """What was marked by a link so far: item to the point of the scale."""
    ids = list(_ids(invitation).values())
    rows = store.table("answers", columns=["item", "value"], where={"answer_id": ids}).to_pylist()
    return {row["item"]: row["value"] for row in rows}


def _tabulate(invitation: Invitation, marked: Mapping[str, int], now: dt.datetime) -> pa.Table:
    """ANSWERS as a survey file would give them."""
    asked, ids = invitation.asked, _ids(invitation)
    if unknown := sorted(marked.keys() - ids.keys()):
        raise InputError(Told("{unknown!r} is not asked here.", unknown=clean_line(unknown[0])))
    if not marked:
        raise InputError("nothing is marked yet. Mark at least one line.")
    if any(value not in asked.scale.points for value in marked.values()):
        raise InputError(
            Told(
                "an answer is a number from {lowest} to {highest}.",
                lowest=asked.scale.lowest,
                highest=asked.scale.highest,
            )
        )
    rows: list[dict[str, Any]] = [
        {
            "answer_id": ids[item.id],
            "relationship": invitation.relationship,
            "person": invitation.person,
            "item": item.id,
            "facet": item.facet,
            "value": marked[item.id],
            "lowest": asked.scale.lowest,
            "highest": asked.scale.highest,
            "answered_at": now,
        }
        for item in asked.items
        if item.id in marked
    ]
    return pa.Table.from_pylist(rows, schema=ANSWERS)


def _ids(invitation: Invitation) -> dict[str, str]:
    """Items to the ids of their answers."""
    return {item.id: f"link:{invitation.invitation_id}/{item.id}" for item in invitation.asked.items}


def _keep(store: Store, invitation: Invitation) -> None:
    store.upsert("invitations", pa.Table.from_pylist([asdict(invitation)], schema=INVITATIONS))


def _hash(secret: str) -> str:
    """What is kept of a secret. It is random and long, so that a plain hash hides it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
