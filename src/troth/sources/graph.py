"""Microsoft Graph as JSON: chat messages of Teams, and mail messages.

A file is a page as Graph answers (the objects in "value"), a list, or one object a line; an export is such a file, or a
folder or zip of them. Lists of people and of chats with their members, where they stand beside the messages, give the
addresses that chat messages lack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import re2

from troth.markup import html_to_text
from troth.sources.envelope import Envelope, read_envelope
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.headers import Address
from troth.sources.json_items import read_items
from troth.sources.jsonl import Row
from troth.sources.reader import Context, Reader
from troth.sources.talk import (
    DIRECT_GAP,
    EDITED,
    LISTENERS,
    NOTICE,
    Runs,
    make_turn,
    possible,
    take_object,
    take_objects,
    take_text,
    take_words,
)
from troth.sources.turns import Contact, Piece, Rejected, Turn
from troth.times import read_time

_TEAMS: Final = Format(
    name="teams",
    description="chat messages of Microsoft Teams, as Graph gives them (JSON)",
    takes="messages and replies, people and their addresses",
)
_MAIL: Final = Format(
    name="graph-mail",
    description="mails of Microsoft 365, as Graph gives them (JSON)",
    takes="mails",
)
_LOOKED: Final = 200  # members of a folder or zip that are looked at to tell what it is

# A page of Graph: notes of the protocol and counts, then the list.
_PAGE: Final = re2.compile(
    rb'^[\xef\xbb\xbf\s]*\{\s*(?:"[^"]*"\s*:\s*(?:"[^"]*"|-?\d+|true|false|null)\s*,\s*)*"value"\s*:\s*\['
)
_OUTSIDE: Final = frozenset({"federatedUser", "personalMicrosoftAccountUser", "skypeUser", "anonymousGuest"})
_ONE_ON_ONE: Final = re2.compile(r"^19:([0-9a-fA-F-]{36})_([0-9a-fA-F-]{36})@unq\.gbl\.spaces$")


class _Person(NamedTuple):
    """Somebody whom a list of people or of members names."""

    name: str
    address: str


@dataclass(slots=True, kw_only=True)
class _State:
    """What was met so far of one export."""

    context: Context
    people: dict[str, _Person] = field(default_factory=dict[str, _Person])
    members: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # of a chat, by its id
    met: set[str] = field(default_factory=set[str])  # whose contact was handed out
    runs: Runs = field(default_factory=Runs)
    position: int = 0


def is_teams(export: Export) -> bool:
    """Whether there are chat messages, and beside them nothing but lists of people and chats."""
    kinds = _kinds(export)
    return "message" in kinds and kinds <= {"message", "people"}


def is_graph_mail(export: Export) -> bool:
    """Whether there are mail messages and nothing else."""
    return _kinds(export) == {"mail"}


def _kinds(export: Export) -> set[str]:
    kinds: set[str] = set()
    for name in export.names[:_LOOKED]:
        kinds.add(_kind(export.look(name)))
        if "" in kinds:
            break
    return kinds


def _kind(head: bytes) -> str:
    """What a member holds: message, mail, people; empty where it is none of these."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return ""
    if b'"messageType"' in head and (b'"chatId"' in head or b'"channelIdentity"' in head):
        return "message"
    if b'"internetMessageId"' in head or (b'"emailAddress"' in head and b'"receivedDateTime"' in head):
        return "mail"
    if b'"userPrincipalName"' in head or b"onversationMember" in head or b'"chatType"' in head:
        return "people"
    return ""


def _items(export: Export, name: str, context: Context) -> Iterator[tuple[str, Row] | Rejected]:
    under = "value" if _PAGE.match(export.look(name)) else None
    return read_items(export, name, context.meter, under=under)


def read_teams(export: Export, context: Context) -> Iterator[Piece]:
    """People first, then the messages."""
    state = _State(context=context)
    kinds = {name: _kind(export.look(name)) for name in export.names}
    for name in sorted(kinds, key=lambda name: kinds[name] != "people"):
        for item in _items(export, name, context):
            if isinstance(item, Rejected):
                yield item
            else:
                yield from _read(*item, state)


def _read(where: str, row: Row, state: _State) -> Iterator[Piece]:
    if "messageType" in row:
        yield from _read_message(where, row, state)
    elif "chatType" in row:
        members = take_objects(row.get("members"))
        state.members[take_text(row.get("id"))] = [user for one in members if (user := take_text(one.get("userId")))]
        for one in members:
            yield from _meet_member(one, state)
    elif take_text(row.get("userId")) or take_text(row.get("userPrincipalName")):
        yield from _meet_member(row, state)
    else:
        yield Rejected(position=where, reason="no message of Teams, nobody and no chat")


def _meet_member(row: Row, state: _State) -> Iterator[Contact]:
    """A member of a chat, or a user of the directory."""
    user = take_text(row.get("userId")) or take_text(row.get("id"))
    given = (take_text(row.get(name)) for name in ("email", "mail", "userPrincipalName"))
    # Guests carry their own address in a name made up for this directory: cy_shop.example#EXT#@firm.example
    address = next((one.lower() for one in given if "@" in one and "#EXT#" not in one.upper()), "")
    if user and user not in state.met:
        name = take_text(row.get("displayName"))
        state.people[user] = _Person(name, address)
        yield _contact(user, name, address, None, state)


def _contact(user: str, name: str, address: str, side: str | None, state: _State) -> Contact:
    state.met.add(user)
    return Contact(
        contact_id=_handle(user),
        source=state.context.source,
        kind="person",
        handle=_handle(user),
        name=name or None,
        address=address or None,
        side=side,
    )


def _handle(user: str) -> str:
    return f"teams:{user}"


def _speaker(user: str, state: _State) -> str:
    known = state.people.get(user)
    return known.address if known and known.address else _handle(user)


def _read_message(where: str, row: Row, state: _State) -> Iterator[Piece]:
    context = state.context
    sender = take_object(row.get("from"))
    if row.get("messageType") != "message":
        context.notes[NOTICE] += 1
    elif row.get("deletedDateTime"):
        yield Rejected(position=where, reason="deleted by its sender")
    elif not take_text(row.get("id")):
        yield Rejected(position=where, reason="a message without an id")
    elif not any(take_object(value) for value in sender.values()):
        yield Rejected(position=where, reason="nobody said it")
    else:
        user = take_object(sender.get("user"))
        if (who := take_text(user.get("id"))) and who not in state.met:
            side = "them" if user.get("userIdentityType") in _OUTSIDE else None
            yield _contact(who, take_text(user.get("displayName")), "", side, state)
        turn = _turn(row, sender, state)
        if turn.body or turn.attachments or turn.automatic:
            yield turn
        else:
            yield Rejected(position=where, reason="a message without words")
    for number, reply in enumerate(take_objects(row.get("replies")), start=1):
        if "replies" in reply or "messageType" not in reply:
            yield Rejected(position=f"{where}, reply {number}", reason="no reply as Teams writes one")
        else:
            yield from _read_message(f"{where}, reply {number}", reply, state)


def _turn(row: Row, sender: Row, state: _State) -> Turn:
    context = state.context
    user = take_object(sender.get("user"))
    program = take_object(sender.get("application")) or take_object(sender.get("device"))
    who = user or program
    own, place = take_text(row.get("id")), take_object(row.get("channelIdentity"))
    chat = take_text(row.get("chatId"))
    room = chat or take_text(place.get("channelId")) or "unknown"
    turn_id = f"teams:{room}:{own}"
    sent_at = possible(read_time(row.get("createdDateTime"), zone=context.zone), now=context.now, notes=context.notes)
    if row.get("lastEditedDateTime"):
        context.notes[EDITED] += 1
    answered = take_text(row.get("replyToId"))
    root = f"teams:{room}:{answered}" if answered and answered != own else None
    conversation = root or turn_id  # in a channel every post begins a thread
    if chat:
        quoted = _quoted(row)
        root = root or (f"teams:{room}:{quoted}" if quoted else None)
        conversation = state.runs.place(room, turn_id, sent_at, gap=DIRECT_GAP)
    known = state.people.get(take_text(user.get("id")))
    state.position += 1
    turn = make_turn(
        turn_id,
        _body(row),
        conversation=conversation,
        parent=root,
        position=state.position - 1,
        sent_at=sent_at,
        speaker=_speaker(take_text(who.get("id")) or "unknown", state),
        name=take_text(who.get("displayName")) or (known.name if known else None),
        recipients=_listeners(row, room, take_text(user.get("id")), state),
        attachments=[
            take_text(one.get("name")) or "a file"
            for one in take_objects(row.get("attachments"))
            if one.get("contentType") not in {"messageReference", "application/vnd.microsoft.card.codesnippet"}
        ],
        automatic=not user,
        source=context.source,
        notes=context.notes,
    )
    return turn._replace(subject=take_text(row.get("subject")) or None)


def _body(row: Row) -> str:
    body = take_object(row.get("body"))
    content = take_words(body.get("content"))
    if take_text(body.get("contentType")).lower() != "html":
        return content.replace("\r\n", "\n").strip()
    # An emoji is an element of Teams' own with the character in its alternative text, as a picture has it.
    return html_to_text(content.replace("<emoji ", "<img ")).strip()


def _quoted(row: Row) -> str:
    """The message that one in a chat answers, which stands among its attachments."""
    for one in take_objects(row.get("attachments")):
        if one.get("contentType") == "messageReference":
            try:
                inner: object = json.loads(take_words(one.get("content")))
            except (ValueError, RecursionError):
                inner = None
            return take_text(take_object(inner).get("messageId")) or take_text(one.get("id"))
    return ""


def _listeners(row: Row, room: str, user: str, state: _State) -> list[str]:
    """Who is named, then the others of a chat where its members are known and few."""
    mentioned = [
        take_text(take_object(take_object(one.get("mentioned")).get("user")).get("id"))
        for one in take_objects(row.get("mentions"))
    ]
    members = state.members.get(room, [])
    if not members and (pair := _ONE_ON_ONE.match(room)):
        members = [str(one) for one in pair.groups()]
    others = members if len(members) <= LISTENERS + 1 else []
    return list(dict.fromkeys(_speaker(one, state) for one in (*mentioned, *others) if one and one != user))


def read_graph_mail(export: Export, context: Context) -> Iterator[Turn | Rejected]:
    """The mails, in the order in which they stand."""
    position = 0
    for name in export.names:
        for item in _items(export, name, context):
            if isinstance(item, Rejected):
                yield item
                continue
            where, row = item
            yield read_envelope(_envelope(row, context), position=position, where=where, context=context)
            position += 1


def _envelope(row: Row, context: Context) -> Envelope:
    travelled = take_objects(row.get("internetMessageHeaders"))
    lines = (f"{take_text(one.get('name'))}: {' '.join(take_text(one.get('value')).split())}" for one in travelled)
    body = take_object(row.get("body")) or take_object(row.get("uniqueBody"))
    content = take_words(body.get("content")) or take_words(row.get("bodyPreview"))
    is_html = take_text(body.get("contentType")).lower() == "html" and bool(body.get("content"))
    thread = take_text(row.get("conversationId"))
    attached = (one for one in take_objects(row.get("attachments")) if not one.get("isInline"))
    moments = (read_time(row.get(name), zone=context.zone) for name in ("sentDateTime", "receivedDateTime"))
    return Envelope(
        headers="\n".join(lines).encode("utf-8", "replace"),
        message_id=take_text(row.get("internetMessageId")) or _named("graph", take_text(row.get("id"))),
        thread=_named("outlook", thread),
        subject=take_text(row.get("subject")),
        sender=_address(row.get("from")) or _address(row.get("sender")) or Address("", ""),
        to=_addresses(row.get("toRecipients")),
        cc=[*_addresses(row.get("ccRecipients")), *_addresses(row.get("bccRecipients"))],
        sent_at=next((moment for moment in moments if moment), None),
        text=None if is_html else content,
        html=content if is_html else None,
        attachments=[take_text(one.get("name")) for one in attached],
        is_draft=row.get("isDraft") is True,
    )


def _named(kind: str, name: str) -> str:
    return f"{kind}:{name}" if name else ""


def _address(value: object) -> Address | None:
    inner = take_object(take_object(value).get("emailAddress"))
    found = Address(take_text(inner.get("name")), take_text(inner.get("address")))
    return found if found.name or found.address else None


def _addresses(value: object) -> list[Address]:
    return [found for one in take_objects(value) if (found := _address(one))]


TEAMS: Final = Reader(format=_TEAMS, is_it=is_teams, read=read_teams)
GRAPH_MAIL: Final = Reader(format=_MAIL, is_it=is_graph_mail, read=read_graph_mail)
