"""What help desks and CRMs have in common: people who are ours or theirs, and a turn on one of their cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from troth.markup import html_to_text
from troth.sources.cells import read_text
from troth.sources.charsets import clean
from troth.sources.export import Export
from troth.sources.turns import Contact, Turn

TEXT_LIMIT: Final = 1_000_000  # characters of one body
TEXT_CUT: Final = "text longer than a million characters: cut"
_LOOKED: Final = 40  # members that are looked at to tell what a folder is
_ATTACHMENTS: Final = 200  # names kept of one turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person whom an export knows.

    Attributes:
        handle: the system and the id there, as in zendesk:17: what stands for the person where no address is known.
        side: us, them; None where the export leaves it open.
        account: the `contact_id` of the firm.
    """

    handle: str
    name: str | None = None
    address: str | None = None
    phone: str | None = None
    side: str | None = None
    account: str | None = None
    account_name: str | None = None
    owner: str | None = None
    is_program: bool = False

    @property
    def speaker(self) -> str:
        """What TURNS call this person."""
        return self.address or self.handle

    def as_contact(self, source: str) -> Contact:
        """The person as a row of CONTACTS."""
        return Contact(
            contact_id=self.handle,
            source=source,
            kind="person",
            handle=self.handle,
            name=self.name,
            address=self.address,
            phone=self.phone,
            account=self.account_name,
            account_id=self.account,
            owner=self.owner,
            side=self.side,
        )


def holds_mostly(export: Export, is_part: Callable[[str], bool]) -> bool:
    """Whether more than half of an export's files, of the first that are looked at, are parts of one kind of export.

    So a folder in which several exports lie is none of them, and is looked into.
    """
    looked = [name for name in export.names if not name.rpartition("/")[2].startswith(".")][:_LOOKED]
    return 2 * sum(is_part(name) for name in looked) > len(looked)


def read_address(value: object) -> str | None:
    """A mail address in lower case; None where it is none."""
    text = (read_text(value) or "").lower()
    user, _, host = text.rpartition("@")
    return text if user and host and len(text) <= 320 and not any(char.isspace() for char in text) else None


def read_phone(value: object) -> str | None:
    """Digits of a phone number, with a plus where the country is said."""
    text = read_text(value) or ""
    digits = "".join(char for char in text.replace("(0)", "") if char in "0123456789")
    return (f"+{digits}" if text.startswith("+") else digits) if len(digits) >= 5 else None


def read_domain(value: object) -> str | None:
    """The domain of a web address, a mail address or a bare domain, in lower case; None where it is none."""
    text = (read_text(value) or "").lower().partition("://")[2] or (read_text(value) or "").lower()
    host = text.rpartition("@")[2].partition("/")[0].partition(":")[0].removeprefix("www.")
    return host if "." in host.strip(".") and not any(char.isspace() for char in host) and len(host) < 254 else None


def read_body(text: object, html: object = None) -> str:
    """Plain text where it is given, else the text that an HTML body shows, at most `TEXT_LIMIT` characters."""
    plain = clean(text) if isinstance(text, str) else ""
    if not plain.strip() and isinstance(html, str):
        plain = html_to_text(clean(html))
    return plain.replace("\r\n", "\n").replace("\r", "\n").strip("\n")[:TEXT_LIMIT]


def list_files_of(entries: object, *names: str) -> list[str] | None:
    """The names of attached files, from a list of objects."""
    if not isinstance(entries, Sequence) or isinstance(entries, (str, bytes)):
        return None
    objects = [entry for entry in entries if isinstance(entry, Mapping)]
    found = [text for entry in objects if (text := next((t for n in names if (t := read_text(entry.get(n)))), None))]
    return found[:_ATTACHMENTS] or None


def make_turn(
    *,
    turn_id: str,
    conversation_id: str,
    position: int,
    sent_at: datetime | None,
    speaker: Member,
    body: str,
    source: str,
    channel: str = "ticket",
    recipients: Sequence[str] | None = None,
    cc: Sequence[str] | None = None,
    subject: str | None = None,
    stage: str | None = None,
    attachments: list[str] | None = None,
    references: list[str] | None = None,
    automatic: bool = False,
    circle: str | None = None,
    is_internal: bool = False,
) -> Turn:
    """A turn on a case.

    An internal note is kept apart: a conversation of its own, between colleagues, with nobody of theirs as recipient.
    """
    side = "us" if is_internal else speaker.side
    return Turn(
        turn_id=turn_id,
        conversation_id=f"{conversation_id}:internal" if is_internal else conversation_id,
        parent_id=None,
        position=position,
        sent_at=sent_at,
        speaker=speaker.speaker,
        speaker_name=speaker.name,
        recipients=None if is_internal else list(dict.fromkeys(recipients or ())) or None,
        cc=None if is_internal else list(dict.fromkeys(cc or ())) or None,
        references=references or None,
        channel=channel,
        stage=stage,
        subject=subject,
        body=body,
        attachments=attachments,
        automatic=automatic or speaker.is_program,
        source=source,
        side=side,
        circle="colleague" if is_internal else circle,
        relationship=None,
    )


def pick(fields: Mapping[str, Any], *names: str) -> str | None:
    """The text of the first of these fields that has one."""
    return next((text for name in names if (text := read_text(fields.get(name))) is not None), None)


def part(fields: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """An object within objects; empty where it is none."""
    found: Any = fields
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
