"""A mail whose parts stand apart, as Outlook and Graph keep it, read by the same rules as one that came as a file.

Its fields are written as a header again, so that who spoke, what it answers and whether a program wrote it are decided
in one place: a mail in an mbox and the same mail in Outlook's files are one turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from troth.sources.charsets import clean
from troth.sources.headers import Address, file_name, split_header
from troth.sources.mail import ATTACHMENT_LIMIT, WANTED, read_mail
from troth.sources.mime import HEADER_LIMIT, MessageScanner
from troth.sources.reader import Context
from troth.sources.turns import Rejected, Turn

_PEOPLE: Final = 1_000  # of one field
_NOBODY: Final = Address("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One mail in parts.

    Attributes:
        headers: the fields as they travelled, where they were kept; what they lack is filled in from the rest.
        thread: the program's own name for the conversation.
        answers: ids of the mails it answers, oldest first.
        text: the plain body; None where there is only `html`.
        attachments: their names.
        is_draft: never sent.
    """

    headers: bytes = b""
    message_id: str = ""
    thread: str = ""
    answers: str = ""
    subject: str = ""
    sender: Address = _NOBODY
    to: Sequence[Address] = ()
    cc: Sequence[Address] = ()
    sent_at: datetime | None = None
    text: str | None = None
    html: str | None = None
    attachments: Sequence[str] = ()
    is_draft: bool = False


def read_envelope(envelope: Envelope, *, position: int, where: str, context: Context) -> Turn | Rejected:
    """A mail in parts as a turn, or the reason why it is none."""
    if envelope.is_draft:
        return Rejected(position=where, reason="a draft, never sent")
    message = MessageScanner(WANTED)
    message.feed(b"\n".join(_header(envelope)) + b"\n\n")
    body = envelope.text if envelope.text is not None and envelope.text.strip() else envelope.html or ""
    message.feed(body.encode("utf-8", "replace"))
    message.close()
    turn = read_mail(message, position=position, where=where, source=context.source, now=context.now, quoted_from=False)
    context.notes.update(message.notes)
    if isinstance(turn, Rejected):
        return turn
    names = [file_name(name) or "a file" for name in envelope.attachments[:ATTACHMENT_LIMIT]]
    if envelope.thread:
        # As one more mail that it answers: so a mail that states its answers and one that does not are still joined.
        thread = clean(envelope.thread)
        turn = turn._replace(conversation_id=thread, references=[thread, *(turn.references or ())])
    return turn._replace(attachments=names or None)


def _header(envelope: Envelope) -> Iterator[bytes]:
    kept = split_header(envelope.headers.replace(b"\r\n", b"\n")[:HEADER_LIMIT].strip(b"\n"), WANTED).fields
    for name, values in kept.items():
        for value in values:
            yield name + b":" + value
    made = {
        b"from": _people([envelope.sender]),
        b"to": _people(envelope.to),
        b"cc": _people(envelope.cc),
        b"subject": envelope.subject,
        b"date": format_datetime(envelope.sent_at) if envelope.sent_at else "",
        b"message-id": envelope.message_id,
        b"references": envelope.answers,
    }
    for name, value in made.items():
        if value and name not in kept:
            yield name + b": " + " ".join(value.split()).encode("utf-8", "replace")
    is_html = envelope.text is None or not envelope.text.strip()
    yield b"content-type: text/%s; charset=utf-8" % (b"html" if is_html and envelope.html else b"plain")


def _people(people: Sequence[Address]) -> str:
    return ", ".join(written for person in people[:_PEOPLE] if (written := _person(person)))


def _person(person: Address) -> str:
    """A name in quotes and the address; the name alone where the address is one of Exchange's own."""
    plain = person.name.replace("\\", "").replace('"', "'")
    name = f'"{plain}"' if plain else ""
    address = person.address.strip().strip("<>") if "@" in person.address else ""
    return f"{name} <{address}>" if address else name
