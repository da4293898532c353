"""Intercom: conversations with their parts, contacts, companies and teammates, as its interface hands them out.

A conversation begins with its `source`; then come its parts, of which comments are said, notes are internal, and the
others (assignments, closings, custom actions) are events. Bodies are HTML, times seconds since 1970. Warehouse tables
of conversations are read too. Fields: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from troth.sources.blocks import Meter
from troth.sources.cells import read_flag
from troth.sources.documents import Entry, Fields, find_keys, read_entries
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import (
    Member,
    holds_mostly,
    items,
    list_files_of,
    make_turn,
    part,
    pick,
    read_address,
    read_body,
    read_domain,
    read_phone,
)
from troth.sources.outcomes import Ledger, Record
from troth.sources.reader import Context, Reader
from troth.sources.tables import look_at_sheet, read_rows
from troth.sources.turns import Contact, Piece, Rejected
from troth.times import read_time

INTERCOM: Final = Format(
    name="intercom",
    description="conversations of Intercom, with contacts and teammates",
    takes="messages and internal notes, people and companies, conversations closed with the steps to it",
)

_LISTS: Final = frozenset({"conversations", "data", "contacts", "admins", "companies", "users"})
_SIDES: Final = {"admin": "us", "team": "us", "bot": "us", "user": "them", "lead": "them", "contact": "them"}
_CHANNELS: Final = {"email": "mail", "twitter": "social", "facebook": "social", "instagram": "social"} | {
    "phone_call": "call",
    "phone_switch": "call",
}
_INTERNAL: Final = frozenset({"note", "note_and_reopen"})
_STEPS: Final = {"close": ("closed", "won"), "open": ("open", "open"), "snoozed": ("snoozed", "open")}
EVENT: Final = "event of a conversation that nobody said"
REDACTED: Final = "redacted"
RATED: Final = "rating of a conversation without words, kept nowhere"

# The tables of a warehouse (Fivetran's names).
_SHEETS: Final[Mapping[str, frozenset[str]]] = {
    "part rows": frozenset({"part_type", "conversation_id", "author_id", "author_type"}),
    "conversation rows": frozenset({"source_author_id", "source_type", "source_body", "state"}),
    "contact rows": frozenset({"role", "email", "external_id", "workspace_id"}),
}


def is_intercom(export: Export) -> bool:
    """Whether most of an export is of Intercom."""
    return holds_mostly(export, lambda name: _tell_member(export, name) is not None)


def _tell_member(export: Export, name: str) -> str | None:
    keys = find_keys(export, name)
    if keys:
        is_talk = {"conversation_parts", "part_type"} <= keys or {"conversation_parts", "source", "contacts"} <= keys
        is_list = {"has_inbox_seat"} <= keys or {"workspace_id", "external_id", "role"} <= keys
        return "json" if is_talk or is_list or {"company_id", "monthly_spend"} <= keys else None
    sheet = look_at_sheet(export, name)
    if sheet is None:
        return None
    header = {column.strip().lower() for column in sheet.header}
    return next((kind for kind, columns in _SHEETS.items() if columns <= header), None)


@dataclass(slots=True)
class _Inbox:
    """What is known of people, firms and conversations before the talk is read."""

    context: Context
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    companies: dict[str, Contact] = field(default_factory=dict[str, Contact])
    openers: dict[str, Member] = field(default_factory=dict[str, Member])  # of warehouse tables: whose talk it is

    def time(self, value: object) -> datetime | None:
        return read_time(value, zone=self.context.zone, order=self.context.dates)

    def learn(self, entry: Entry) -> Iterator[Rejected]:
        """The people and firms that an entry tells of, in a line of their own or as authors."""
        kind, fields = _tell(entry)
        if kind in {"contacts", "admins", "companies"}:
            yield from self._learn_line(kind, fields, entry.where)
        elif kind == "conversation rows":
            author = {"id": fields.get("source_author_id"), "type": fields.get("source_author_type")}
            self.openers[pick(fields, "id") or ""] = self.author(author)
        elif kind == "conversation":
            for said in (part(fields, "source"), *_list_parts(fields)):
                self.author(part(said, "author"))

    def _learn_line(self, kind: str, fields: Fields, where: str) -> Iterator[Rejected]:
        number = pick(fields, "id", "contact_id")
        if number is None:
            yield Rejected(position=where, reason=f"one of the {kind} without an id")
        elif kind == "companies":
            name = pick(fields, "name")
            self.companies[number] = Contact(
                contact_id=f"intercom:company:{number}",
                source=self.context.source,
                kind="account",
                name=name,
                account=name,
                domain=read_domain(pick(fields, "website")),
                segment=pick(part(fields, "plan"), "name"),
            )
        else:
            held = items(part(fields, "companies").get("data")) or items(fields.get("companies"))
            home = pick(held[0], "id") if held else None
            self.members[number] = Member(
                handle=f"intercom:{number}",
                name=pick(fields, "name"),
                address=read_address(fields.get("email")),
                phone=read_phone(fields.get("phone")),
                side="us" if kind == "admins" else "them",
                account=f"intercom:company:{home}" if home else None,
            )

    def author(self, author: Mapping[str, Any]) -> Member:
        """Who wrote a part: as the list of people has it, else as the part itself says."""
        number, kind = pick(author, "id") or "unknown", (pick(author, "type") or "").lower()
        known = self.members.get(number)
        address = read_address(author.get("email"))
        told = Member(
            handle=f"intercom:{number}",
            name=pick(author, "name"),
            address=None if kind == "bot" else address,
            side=_SIDES.get(kind),
        )
        if known is None:
            if kind in _SIDES and number != "unknown" and kind not in {"bot", "team"}:
                self.members[number] = told
            return told
        if (known.name is None and told.name) or (known.address is None and told.address):
            self.members[number] = replace(known, name=known.name or told.name, address=known.address or told.address)
        return replace(self.members[number], side=told.side or known.side)


def read_intercom(export: Export, context: Context) -> Iterator[Piece]:
    """The pieces of an export: what was said, then people and firms, then closed conversations. Reads it twice."""
    inbox, ledger = _Inbox(context), Ledger(context.source, context.now)
    kinds = {name: _tell_member(export, name) for name in export.names}
    for name, kind in kinds.items():
        if kind is None:
            yield Rejected(position=name or "the file", reason="no part of an Intercom export")
            continue
        for entry in _read_member(export, name, kind, None, context):
            if isinstance(entry, Entry):
                yield from inbox.learn(entry)
    for name, kind in kinds.items():
        for entry in _read_member(export, name, kind, context.meter, context) if kind is not None else ():
            if isinstance(entry, Rejected):
                yield entry
            else:
                yield from _read_entry(entry, inbox, ledger)
    yield from inbox.companies.values()
    for member in inbox.members.values():
        yield member.as_contact(context.source)
    yield from ledger.pieces()


def _read_member(
    export: Export, name: str, kind: str, meter: Meter | None, context: Context
) -> Iterator[Entry | Rejected]:
    if kind == "json":
        yield from read_entries(export, name, _LISTS, meter=meter)
        return
    sheet = look_at_sheet(export, name)
    for row in read_rows(export, sheet, meter=meter, notes=context.notes if meter else None) if sheet else ():
        if isinstance(row, Rejected):
            yield row
        else:
            header = (column.strip().lower() for column in sheet.header) if sheet else ()
            cells = {name: cell for name, cell in zip(header, row.cells.values(), strict=False) if cell.strip()}
            yield Entry(kind, row.where, cells)


def _tell(entry: Entry) -> tuple[str, Fields]:
    """What an entry is, which a list's name says or else its fields, and its fields."""
    fields, said = entry.fields, (pick(entry.fields, "type") or "").removesuffix(".list")
    if entry.list.endswith("rows"):
        return ("contacts" if entry.list == "contact rows" else entry.list), fields
    if "conversation_parts" in fields or said == "conversation":
        return "conversation", fields
    if said in {"admin", "company"} or entry.list in {"admins", "companies"}:
        return ("admins" if said == "admin" or entry.list == "admins" else "companies"), fields
    if said in {"contact", "user", "lead"} or entry.list in {"contacts", "users"} or "workspace_id" in fields:
        return "contacts", fields
    # In examples of its documentation a conversation stands under a name and "value".
    values = (part({"of": value}, "of", "value") for value in fields.values())
    inner = next((value for value in values if "conversation_parts" in value), None)
    return ("", fields) if inner is None else ("conversation", inner)


def _read_entry(entry: Entry, inbox: _Inbox, ledger: Ledger) -> Iterator[Piece]:
    kind, fields = _tell(entry)
    if kind == "conversation":
        yield from _read_conversation(fields, entry.where, inbox, ledger)
    elif kind == "conversation rows":
        yield from _read_opening(fields, entry.where, inbox, ledger)
    elif kind == "part rows":
        yield from _read_part_row(fields, entry.where, inbox, ledger)
    elif not kind:
        yield Rejected(position=entry.where, reason="no conversation, person or company")


def _read_conversation(fields: Fields, where: str, inbox: _Inbox, ledger: Ledger) -> Iterator[Piece]:
    number = pick(fields, "id")
    if number is None:
        yield Rejected(position=where, reason="a conversation without an id")
        return
    source = part(fields, "source")
    contacts = items(part(fields, "contacts").get("contacts")) or items(fields.get("contacts"))
    theirs = [inbox.author({**contact, "type": "contact"}) for contact in contacts]
    opener = inbox.author(part(source, "author"))
    if not theirs and opener.side == "them":
        theirs = [opener]
    talk = _Talk(
        number=number,
        where=where,
        theirs=tuple(member.speaker for member in theirs),
        subject=read_body(None, source.get("subject")).strip() or pick(fields, "title"),
        channel=_CHANNELS.get((pick(source, "type") or "").lower(), "chat"),
        has_agent=read_flag(fields.get("ai_agent_participated")) is True,
    )
    opening = {**source, "part_type": "comment", "created_at": fields.get("created_at")}
    if read_body(None, source.get("body")).strip() or source.get("attachments") or read_flag(source.get("redacted")):
        yield from _read_part(opening, talk, "source", inbox, ledger)
    for place, entry in enumerate(_list_parts(fields), start=1):
        yield from _read_part(entry, talk, f"part {place}", inbox, ledger)
    yield from _read_rating(part(fields, "conversation_rating"), talk, theirs[0] if theirs else None, inbox)
    person = theirs[0] if theirs else None
    yield from _close(fields, talk, person, inbox, ledger)


def _list_parts(fields: Fields) -> list[Fields]:
    held = fields.get("conversation_parts")
    return items(part(fields, "conversation_parts").get("conversation_parts")) or items(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """What all turns of one conversation share."""

    number: str
    where: str
    theirs: tuple[str, ...]
    subject: str | None
    channel: str
    has_agent: bool = False  # an AI agent took part


def _read_part(entry: Fields, talk: _Talk, place: str, inbox: _Inbox, ledger: Ledger) -> Iterator[Piece]:
    """One part: words, or an event."""
    kind, where = (pick(entry, "part_type") or "").lower(), f"{talk.where}, {place}"
    at = inbox.time(entry.get("created_at"))
    if kind in _STEPS and at is not None:
        stage, state = _STEPS[kind]
        yield from ledger.add(
            Record(
                where=where,
                outcome_id=f"intercom:{talk.number}",
                kind="ticket",
                stage=stage,
                state=state,
                at=at,
            )
        )
    body, files = read_body(None, entry.get("body")), list_files_of(entry.get("attachments"), "name", "url")
    if read_flag(entry.get("redacted")):
        yield Rejected(position=where, reason=REDACTED)
        return
    if not body.strip() and not files:
        inbox.context.notes[EVENT] += 1
        return
    speaker = inbox.author(part(entry, "author"))
    own = pick(entry, "id") or place
    yield make_turn(
        turn_id=f"intercom:{talk.number}:{'source' if place == 'source' else own}",
        conversation_id=f"intercom:{talk.number}",
        position=int(place.removeprefix("part ")) if place.startswith("part ") else 0,
        sent_at=at,
        speaker=speaker,
        body=body,
        source=inbox.context.source,
        channel=talk.channel,
        recipients=[name for name in talk.theirs if name != speaker.speaker] if speaker.side == "us" else None,
        subject=talk.subject,
        attachments=files,
        automatic=_is_program(part(entry, "author"), talk),
        is_internal=kind in _INTERNAL,
    )


def _is_program(author: Fields, talk: _Talk) -> bool:
    """Whether a bot sent what it sends to all; an AI agent's answers to this customer are talk of ours."""
    if (pick(author, "type") or "").lower() != "bot":
        return False
    marks = [author[name] for name in ("from_ai_agent", "is_ai_answer") if author.get(name) is not None]
    return not any(map(read_flag, marks)) if marks else not talk.has_agent


def _read_rating(rating: Fields, talk: _Talk, person: Member | None, inbox: _Inbox) -> Iterator[Piece]:
    words = read_body(rating.get("remark"))
    if not words.strip() or person is None:
        if rating.get("rating") is not None:
            inbox.context.notes[RATED] += 1
        return
    yield make_turn(
        turn_id=f"intercom:{talk.number}:rating",
        conversation_id=f"intercom:{talk.number}",
        position=2**62,
        sent_at=inbox.time(rating.get("created_at")),
        speaker=replace(person, side="them"),
        body=words,
        source=inbox.context.source,
        channel=talk.channel,
        subject=talk.subject,
    )


def _close(fields: Fields, talk: _Talk, person: Member | None, inbox: _Inbox, ledger: Ledger) -> Iterator[Rejected]:
    """A conversation as a ticket: closed or not; one that nobody of theirs is in has no account, and is none."""
    if person is None:
        return
    state = pick(fields, "state") or ("open" if read_flag(fields.get("open")) else "closed")
    firm = inbox.companies.get((person.account or "").removeprefix("intercom:company:"))
    is_told = any((pick(entry, "part_type") or "").lower() == "close" for entry in _list_parts(fields))
    closed = part(fields, "statistics").get("last_close_at") or (None if is_told else fields.get("updated_at"))
    yield from ledger.add(
        Record(
            where=talk.where,
            outcome_id=f"intercom:{talk.number}",
            account=(firm.domain if firm is not None else None) or person.account or person.speaker,
            kind="ticket",
            stage=state,
            state="won" if state == "closed" else "open",
            opened_at=inbox.time(fields.get("created_at")),
            closed_at=inbox.time(closed) if state == "closed" else None,
            changed_at=inbox.time(fields.get("updated_at")),
        )
    )


def _read_opening(fields: Fields, where: str, inbox: _Inbox, ledger: Ledger) -> Iterator[Piece]:
    """A row of the warehouse's conversations: each of its states is one; the last counts."""
    number = pick(fields, "id")
    if number is None or read_flag(fields.get("_fivetran_active", True)) is False:
        yield Rejected(position=where, reason="a conversation as it once stood" if number else "one without an id")
        return
    source = {
        "author": {"id": fields.get("source_author_id"), "type": fields.get("source_author_type")},
        "body": fields.get("source_body"),
        "subject": fields.get("source_subject"),
        "type": fields.get("source_type"),
    }
    yield from _read_conversation({**fields, "source": source}, where, inbox, ledger)


def _read_part_row(fields: Fields, where: str, inbox: _Inbox, ledger: Ledger) -> Iterator[Piece]:
    number = pick(fields, "conversation_id")
    if number is None or pick(fields, "id") is None:
        yield Rejected(position=where, reason="a part without an id or its conversation")
        return
    person = inbox.openers.get(number)
    theirs = (person.speaker,) if person is not None and person.side == "them" else ()
    talk = _Talk(number=number, where=where, theirs=theirs, subject=None, channel="chat")
    entry = {**fields, "author": {"id": fields.get("author_id"), "type": fields.get("author_type")}}
    yield from _read_part(entry, talk, "row", inbox, ledger)


INTERCOM_READER: Final = Reader(format=INTERCOM, is_it=is_intercom, read=read_intercom)
