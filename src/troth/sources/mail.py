"""A scanned message to a turn: who, to whom, when, in which thread, what it says."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from troth.markup import html_to_text
from troth.sources.charsets import decode_base64, decode_bytes
from troth.sources.headers import (
    REFERENCE_LIMIT,
    Address,
    Fields,
    clean_id,
    field_string,
    file_name,
    first_text,
    read_addresses,
    read_date,
    read_ids,
)
from troth.sources.mbox import unquote_from
from troth.sources.mime import TEXT_CUT, MessageScanner, Part
from troth.sources.turns import Rejected, Turn

TEXT_LIMIT: Final = 1_000_000  # characters of one body
SUBJECT_LIMIT: Final = 2_000
ATTACHMENT_LIMIT: Final = 200  # names kept of one message
NO_DATE: Final = "no date that can be: sent_at left empty"

_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)  # RFC 5322's predecessors had hardly a business user before
_CLOCKS_DIFFER: Final = timedelta(days=1)
_AHEAD: Final = timedelta(days=366)  # without a Received field only a date far from the reader's clock is refused

WANTED: Final = frozenset(
    b"from sender to cc bcc date subject message-id in-reply-to references received auto-submitted precedence list-id "
    b"list-post list-unsubscribe list-unsubscribe-post feedback-id return-path x-autoreply x-gmail-labels".split()
)
_OF_A_MAIL: Final = (b"from", b"sender", b"to", b"date", b"subject", b"message-id", b"received")
_PROGRAMS: Final = ("no-reply", "noreply", "no_reply", "do-not-reply", "donotreply", "do_not_reply", "mailer-daemon")


def read_mail(
    message: MessageScanner, *, position: int, where: str, source: str, now: datetime, quoted_from: bool
) -> Turn | Rejected:
    """Take a closed scanner to a turn, or to the reason why it is none.

    Args:
        message: closed; its `notes` gain what had to be mended in this message.
        position: order of the message in its source.
        where: the place in the source, for a person who looks for it.
        source: name of the file.
        now: when the reading takes place; dates more than a year ahead of it cannot be.
        quoted_from: whether lines beginning "From " were quoted, as in an mbox.
    """
    fields = message.fields
    if not any(name in fields for name in _OF_A_MAIL):
        reason = "empty" if not message.size else "no sender, recipient, date, subject or id in its header: not a mail"
        return Rejected(position=where, reason=reason)
    labels = _labels(fields)
    if "drafts" in labels or "draft" in labels:
        return Rejected(position=where, reason="a draft, never sent")
    speaker = _speaker(fields)
    to, cc = (read_addresses(fields.get(name)) for name in (b"to", b"cc"))
    cc += read_addresses(fields.get(b"bcc"))
    subject = first_text(fields, b"subject")[:SUBJECT_LIMIT]
    body = _body(message, quoted_from=quoted_from)
    sent_at = _sent_at(fields, now)
    if sent_at is None:
        message.notes.add(NO_DATE)
    own_id = _own_id(fields) or _content_id(speaker.address, first_text(fields, b"date"), subject, body)
    references = _references(fields, own_id, {speaker.address, *(person.address for person in to)})
    return Turn(
        turn_id=own_id,
        conversation_id=references[0] if references else own_id,
        parent_id=references[-1] if references else None,
        position=position,
        sent_at=sent_at,
        speaker=speaker.address or "unknown",
        speaker_name=speaker.name or None,
        recipients=_handles(to),
        cc=_handles(cc),
        references=references,
        channel="chat" if "chat" in labels or "chats" in labels else "mail",
        stage=None,
        subject=subject or None,
        body=body,
        attachments=_attachments(message.root),
        automatic="spam" in labels or _is_automatic(fields, speaker.address, message.root),
        source=source,
        side=None,
        circle=None,
        relationship=None,
    )


def _labels(fields: Fields) -> frozenset[str]:
    return frozenset(label.strip().lower() for label in first_text(fields, b"x-gmail-labels").split(","))


def _speaker(fields: Fields) -> Address:
    named = read_addresses(fields.get(b"from")) + read_addresses(fields.get(b"sender"))
    return next((person for person in named if "@" in person.address), named[0] if named else Address("", ""))


def _handles(people: list[Address]) -> list[str]:
    return list(dict.fromkeys(person.address for person in people))


def _own_id(fields: Fields) -> str:
    values = fields.get(b"message-id")
    if not values:
        return ""
    return next(iter(read_ids(values[:1])), "") or clean_id(field_string(values[0]))


def _content_id(*parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"sha256:{digest}"


def _references(fields: Fields, own_id: str, people: set[str]) -> list[str]:
    """The ids this message answers, oldest first; what In-Reply-To names comes last.

    Old programs write `In-Reply-To: Your message of ... <sender@host>`: an address is no id and would join everything
    its owner wrote.
    """
    ids = read_ids(fields.get(b"references"))
    answered = read_ids(fields.get(b"in-reply-to"))[-1:]
    if answered and answered[0] not in ids:
        ids += answered
    ids = [name for name in ids if name != own_id and name.lower() not in people]
    return ids if len(ids) <= REFERENCE_LIMIT else [ids[0], *ids[-REFERENCE_LIMIT + 1 :]]


def _sent_at(fields: Fields, now: datetime) -> datetime | None:
    sent = read_date(first_text(fields, b"date"))
    if sent is None or sent < _EARLIEST:
        return None
    # The first Received field is the newest, and the only one that the reader's own server wrote.
    received = read_date(first_text(fields, b"received").rpartition(";")[2])
    if received is None or received < _EARLIEST:
        received = now + _AHEAD
    return sent if sent <= min(received + _CLOCKS_DIFFER, now + _AHEAD) else None


def _is_automatic(fields: Fields, address: str, root: Part) -> bool:
    submitted = first_text(fields, b"auto-submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    user = address.partition("@")[0]
    if user.startswith(_PROGRAMS) or user == "postmaster" or root.report or b"x-autoreply" in fields:
        return True
    if first_text(fields, b"return-path") == "<>":  # RFC 3834, section 2: bounces and automatic answers
        return True
    if _is_discussion(fields):
        return False
    precedence = first_text(fields, b"precedence").lower()
    return precedence in ("bulk", "junk", "auto_reply", "auto-reply") or b"list-unsubscribe" in fields


def _is_discussion(fields: Fields) -> bool:
    """A list that people write to. Newsletters carry List-Id too, but with the marks of a bulk sender (RFC 8058)."""
    if b"list-post" in fields:
        return first_text(fields, b"list-post").upper() != "NO"
    precedence = first_text(fields, b"precedence").lower()
    if precedence == "bulk" and b"list-unsubscribe" in fields:
        return False  # one may leave it and not write to it
    if precedence == "list":
        return True
    return b"list-id" in fields and b"list-unsubscribe-post" not in fields and b"feedback-id" not in fields


def _body(message: MessageScanner, *, quoted_from: bool) -> str:
    pieces = [text.strip("\n") for text in _texts(message, message.root, quoted_from=quoted_from, first=True)]
    body = "\n\n".join(piece for piece in pieces if piece.strip())
    if len(body) > TEXT_LIMIT:
        message.notes.add(TEXT_CUT)
    return body[:TEXT_LIMIT]


def _texts(message: MessageScanner, part: Part, *, quoted_from: bool, first: bool) -> Iterator[str]:
    if not part.children:
        if part.is_text and (first or not part.name):
            yield _text(message, part, quoted_from=quoted_from)
        return
    if part.kind == "multipart/alternative":
        yield from _best(message, part, quoted_from=quoted_from, first=first)
        return
    for child in part.children:
        for text in _texts(message, child, quoted_from=quoted_from, first=first):
            first = False
            yield text


def _best(message: MessageScanner, part: Part, *, quoted_from: bool, first: bool) -> list[str]:
    """The texts of the first alternative that says anything, plain ones before HTML."""
    for child in sorted(part.children, key=lambda child: not _has_plain(child)):
        texts = list(_texts(message, child, quoted_from=quoted_from, first=first))
        if any(text.strip() for text in texts):
            return texts
    return []


def _has_plain(part: Part) -> bool:
    return any(leaf.is_text and leaf.kind == "text/plain" for leaf in _leaves(part))


def _leaves(part: Part) -> Iterator[Part]:
    if not part.children:
        yield part
    for child in part.children:
        yield from _leaves(child)


def _text(message: MessageScanner, part: Part, *, quoted_from: bool) -> str:
    raw = b"".join(part.content)
    if quoted_from:
        raw = unquote_from(raw)
    if part.encoding == "base64":
        raw = decode_base64(raw)
    elif part.encoding == "quoted-printable":
        raw = binascii.a2b_qp(raw)
    decoded = decode_bytes(raw, part.charset)
    if decoded.mended:
        message.notes.add(decoded.mended)
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    return html_to_text(text) if part.kind == "text/html" else text


def _attachments(root: Part) -> list[str] | None:
    """Names of everything that is not body text; its kind where it has no name."""
    if not root.children and root.is_text:
        return None
    names: list[str] = []
    text_seen = False
    for leaf in _leaves(root):
        if leaf.is_text and (not text_seen or not leaf.name):
            text_seen = True
        elif not leaf.kind.startswith("multipart/"):
            names.append(file_name(leaf.name) or leaf.kind)
    return names[:ATTACHMENT_LIMIT] or None
