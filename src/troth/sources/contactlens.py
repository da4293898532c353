"""Contacts of Amazon Connect: calls and chats as Contact Lens analyses them, and chats as Connect itself keeps them.

Who took part has a role: AGENT is us, CUSTOMER is them; whatever else speaks is a program. A call gives milliseconds
since it began, and the file's name when that was; a chat gives the time of each message.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from troth.sources.cells import read_text
from troth.sources.documents import Fields, find_keys
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part, pick
from troth.sources.json_items import read_items
from troth.sources.reader import Context, Reader
from troth.sources.spoken import Said, Talk, Voice, find_start, name_talk, tell_talk
from troth.sources.turns import Piece, Rejected
from troth.times import read_time

_SIDES: Final = {"AGENT": "us", "SUPERVISOR": "us", "CUSTOMER": "them"}
_PARTICIPANTS: Final = frozenset({"Participants", "ParticipantId"})
_SIGNS: Final = frozenset({"Transcript", "ConversationCharacteristics", "JobStatus"})
_MESSAGES: Final = frozenset({"MESSAGE", ""})
_NO_MESSAGE: Final = "events of a chat that are no messages"
_MILLISECOND: Final = timedelta(milliseconds=1)


def _is_it(export: Export) -> bool:
    if export.kind == "folder" or not export.names:
        return False
    return all((keys := find_keys(export, name)) >= _PARTICIPANTS and keys & _SIGNS for name in export.names)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    for member in export.members:
        for found in read_items(export, member.name, context.meter):
            if isinstance(found, Rejected):
                yield found
            elif not isinstance(found[1].get("Transcript"), list):
                yield Rejected(position=found[0], reason="an analysis without a transcript")
            else:
                yield from _tell(found[1], member.name or export.path.name, found[0], context)


def _tell(contact: Fields, name: str, where: str, context: Context) -> Iterator[Piece]:
    roles = {pick(who, "ParticipantId"): pick(who, "ParticipantRole") for who in items(contact.get("Participants"))}
    lines: list[tuple[Fields, str, datetime | None]] = []
    for number, entry in enumerate(items(contact.get("Transcript")), start=1):
        if (pick(entry, "Type") or "").upper() not in _MESSAGES:
            context.notes[_NO_MESSAGE] += 1
        elif (text := pick(entry, "Content")) is None:
            yield Rejected(position=f"{where}, entry {number}", reason="no words")
        else:
            lines.append((entry, text, read_time(pick(entry, "AbsoluteTime"), zone=context.zone)))
    is_chat = (pick(contact, "Channel") or "").upper() == "CHAT" or any(at is not None for _, _, at in lines)
    began = min((at for _, _, at in lines if at is not None), default=None)
    voices: dict[str, Voice] = {}
    said: list[Said] = []
    for number, (entry, text, at) in enumerate(lines, start=1):
        label = pick(entry, "ParticipantId") or "unknown"
        role = (pick(entry, "ParticipantRole") or roles.get(label) or label).upper()
        voices[label] = _voice(role, pick(entry, "DisplayName"))
        begin = _offset(entry.get("BeginOffsetMillis")) if at is None or began is None else (at - began) // _MILLISECOND
        key = pick(entry, "Id") or str(number)
        said.append(Said(label, begin, _offset(entry.get("EndOffsetMillis")), text, key))
    given = pick(contact, "ContactId") or pick(part(contact, "CustomerMetadata"), "ContactId")
    start, subject = (began, None) if is_chat else find_start(None, name, context)
    talk = Talk(
        conversation=f"connect:{given}" if given else name_talk("connect", said),
        start=start,
        subject=None if given else subject,
        channel="chat" if is_chat else "call",
        voices=voices,
    )
    yield from tell_talk(talk, said, context, joins=not is_chat)


def _voice(role: str, name: str | None) -> Voice:
    """Who speaks in this role: a name stands for somebody else in the next contact, so it is no handle."""
    side = _SIDES.get(role)
    handle = {"us": "agent", "them": "customer"}.get(side or "", read_text(role.lower()) or "program")
    return Voice(handle, name, side or "us", is_named=False, is_machine=side is None)


def _offset(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < 10**12 else None


CONTACT_LENS: Final = Reader(
    format=Format(name="contact lens", description="calls and chats of Amazon Connect, as Contact Lens writes them"),
    is_it=_is_it,
    read=_read,
)
