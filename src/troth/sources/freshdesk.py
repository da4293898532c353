"""Freshdesk: tickets with their conversations, contacts, agents and companies, as its interface hands them out, and
the tickets of its account export.

A ticket's description is its first message; `private` conversations are internal notes. Fields and numbers of states
and sources: https://developers.freshdesk.com/api/#tickets
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from troth.sources.blocks import Meter
from troth.sources.cells import read_flag
from troth.sources.crm import as_position
from troth.sources.documents import Entry, Fields, find_keys, is_json, read_entries
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
from troth.sources.outcomes import EARLIER, Ledger, Record
from troth.sources.reader import Context, Reader
from troth.sources.tickets import record_ticket
from troth.sources.turns import Contact, Piece, Rejected
from troth.times import read_time

FRESHDESK: Final = Format(
    name="freshdesk",
    description="tickets of Freshdesk, with conversations, contacts and agents",
    takes="messages and internal notes, people and companies, tickets solved",
)

_LISTS: Final = frozenset({"tickets", "results", "conversations", "contacts", "agents", "companies"})
_STATES: Final = {"2": "open", "3": "pending", "4": "resolved", "5": "closed"}
_SOLVED: Final = frozenset({"resolved", "closed"})
_PHONE, _OUTBOUND = "3", "10"  # numbers of sources
_CHANNELS: Final = {"5": "social", "6": "social", "7": "chat"}


def is_freshdesk(export: Export) -> bool:
    """Whether most of an export is of Freshdesk."""
    return holds_mostly(export, lambda name: _tell_member(export, name))


def _tell_member(export: Export, name: str) -> bool:
    keys = find_keys(export, name)
    return (
        {"requester_id", "responder_id"} <= keys
        or "helpdesk_ticket" in keys
        or {"incoming", "private", "user_id", "ticket_id"} <= keys
        or {"occasional", "ticket_scope", "contact"} <= keys
        or {"domains", "health_score", "account_tier"} <= keys
        or {"company_id", "email", "view_all_tickets"} <= keys
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticket:
    """What is kept of a ticket until all was read."""

    where: str
    subject: str | None
    requester: str
    company: str | None
    state: str
    channel: str
    created_at: datetime | None
    updated_at: datetime | None
    solved_at: datetime | None


@dataclass(slots=True)
class _Desk:
    """What is known of people, firms and tickets before the talk is read."""

    context: Context
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    companies: dict[str, Contact] = field(default_factory=dict[str, Contact])
    tickets: dict[str, _Ticket] = field(default_factory=dict[str, _Ticket])

    def time(self, value: object) -> datetime | None:
        return read_time(value, zone=self.context.zone, order=self.context.dates)

    def member(self, number: str | None) -> Member:
        return self.members.get(number or "") or Member(handle=f"freshdesk:{number or 'unknown'}")

    def learn(self, entry: Entry) -> Iterator[Rejected]:
        """Take in what one entry says of people, firms and tickets; names what counts no more."""
        kind, fields = _tell(entry)
        number = pick(fields, "id", "display_id")
        if kind in {"agents", "contacts"} and number is not None:
            self._learn_member(number, fields, side="us" if kind == "agents" else "them")
        elif kind == "companies" and number is not None:
            name, domains = pick(fields, "name"), fields.get("domains")
            listed: Sequence[object] = domains if isinstance(domains, list) else str(domains or "").split(",")
            self.companies[number] = Contact(
                contact_id=f"freshdesk:company:{number}",
                source=self.context.source,
                kind="account",
                name=name,
                account=name,
                domain=next((domain for raw in listed if (domain := read_domain(raw))), None),
                segment=pick(fields, "account_tier"),
            )
        elif kind == "tickets":
            yield from self._learn_ticket(fields, entry.where)

    def _learn_member(self, number: str, fields: Fields, side: str) -> None:
        said = {**fields, **part(fields, "contact")}  # an agent's own lines stand in an object within
        home = pick(fields, "company_id")
        self.members[number] = Member(
            handle=f"freshdesk:{number}",
            name=pick(said, "name"),
            address=read_address(said.get("email")),
            phone=read_phone(pick(said, "phone", "mobile")),
            side=side,
            account=f"freshdesk:company:{home}" if home else None,
        )

    def _learn_ticket(self, fields: Fields, where: str) -> Iterator[Rejected]:
        number, requester = pick(fields, "id", "display_id"), pick(fields, "requester_id")
        person = part(fields, "requester")
        if requester is not None and person and requester not in self.members:
            self._learn_member(requester, person, "them")
        if number is None or requester is None:
            yield Rejected(position=where, reason="a ticket without an id or without a requester")
            return
        if read_flag(fields.get("deleted")) or read_flag(fields.get("spam")):
            yield Rejected(position=f"{where}, ticket {number}", reason="deleted in Freshdesk, or spam")
            return
        if requester not in self.members:
            self.members[requester] = Member(
                handle=f"freshdesk:{requester}", name=pick(fields, "requester_name"), side="them"
            )
        status, stats = pick(fields, "status_name") or pick(fields, "status") or "", part(fields, "stats")
        ticket = _Ticket(
            where=where,
            subject=pick(fields, "subject"),
            requester=requester,
            company=pick(fields, "company_id"),
            state=_STATES.get(status, status.lower()),
            channel=_CHANNELS.get(pick(fields, "source") or "", "ticket"),
            created_at=self.time(fields.get("created_at")),
            updated_at=self.time(fields.get("updated_at")),
            solved_at=self.time(stats.get("resolved_at") or stats.get("closed_at")),
        )
        held = self.tickets.get(number)
        is_later = held is None or (ticket.updated_at or _never()) > (held.updated_at or _never())
        if is_later:
            self.tickets[number] = ticket
        if held is not None:
            older = held if is_later else ticket
            yield Rejected(position=f"{older.where}, ticket {number}", reason=EARLIER)


def _never() -> datetime:
    return datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def read_freshdesk(export: Export, context: Context) -> Iterator[Piece]:
    """The pieces of an export: contacts, then turns, then tickets. Reads every file twice."""
    desk, ledger = _Desk(context), Ledger(context.source, context.now)
    for entry in _read_all(export, None):
        if isinstance(entry, Entry):
            yield from desk.learn(entry)
    yield from desk.companies.values()
    for member in desk.members.values():
        yield member.as_contact(context.source)
    for entry in _read_all(export, context.meter):
        if isinstance(entry, Rejected):
            yield entry
        else:
            yield from _read_entry(entry, desk)
    for number, ticket in desk.tickets.items():
        yield from ledger.add(_as_record(number, ticket, desk))
    yield from ledger.pieces()


def _read_all(export: Export, meter: Meter | None) -> Iterator[Entry | Rejected]:
    for name in export.names:
        if is_json(export, name):
            yield from read_entries(export, name, _LISTS, meter=meter)
        else:
            yield Rejected(position=name or "the file", reason="no part of a Freshdesk export")


def _tell(entry: Entry) -> tuple[str, Fields]:
    """What an entry is, and its fields."""
    wrapped = part(entry.fields, "helpdesk_ticket")
    fields = wrapped or entry.fields
    if "requester_id" in fields:
        return "tickets", fields
    if "incoming" in fields and "user_id" in fields:
        return "conversations", fields
    if entry.list and entry.list != "results":
        return entry.list, fields
    if "contact" in fields or "occasional" in fields:
        return "agents", fields
    return ("companies" if "domains" in fields else "contacts" if "email" in fields else ""), fields


def _read_entry(entry: Entry, desk: _Desk) -> Iterator[Piece]:
    kind, fields = _tell(entry)
    if kind == "conversations":
        yield _read_message(fields, pick(fields, "ticket_id"), entry.where, desk)
    elif kind == "tickets":
        yield from _read_ticket(fields, entry.where, desk)
    elif kind not in {"agents", "contacts", "companies"} or pick(fields, "id") is None:
        yield Rejected(position=entry.where, reason="no ticket, conversation, contact, agent or company with an id")


def _read_ticket(fields: Fields, where: str, desk: _Desk) -> Iterator[Piece]:
    """A ticket's description and, where they stand in it, its conversations."""
    number = pick(fields, "id", "display_id")
    known = desk.tickets.get(number or "")
    if number is None or known is None or known.where != where:
        return  # named when it was learned
    body, source = read_body(fields.get("description_text"), fields.get("description")), pick(fields, "source")
    files = list_files_of(fields.get("attachments"), "name")
    requester = desk.member(known.requester)
    by_us = source in {_PHONE, _OUTBOUND}
    if body.strip() or files:
        yield make_turn(
            turn_id=f"freshdesk:{number}:description",
            conversation_id=f"freshdesk:{number}",
            position=0,
            sent_at=known.created_at,
            speaker=replace(desk.member(pick(fields, "responder_id")), side="us") if by_us else requester,
            body=body,
            source=desk.context.source,
            channel=known.channel,
            recipients=[requester.speaker] if by_us else _addresses(fields.get("to_emails")),
            cc=_addresses(fields.get("cc_emails")),
            subject=known.subject,
            stage="service",
            attachments=files,
            is_internal=source == _PHONE,
        )
    held = items(fields.get("conversations")) or items(fields.get("notes")) or items(fields.get("helpdesk_notes"))
    for place, message in enumerate(held, start=1):
        said = part(message, "helpdesk_note") or message
        yield _read_message(said, number, f"{where}, conversation {place}", desk)


def _read_message(fields: Fields, ticket: str | None, where: str, desk: _Desk) -> Piece:
    own, author = pick(fields, "id"), pick(fields, "user_id")
    if own is None or ticket is None:
        return Rejected(position=where, reason="a conversation without an id or its ticket")
    body = read_body(fields.get("body_text"), fields.get("body_html") or fields.get("body"))
    files = list_files_of(fields.get("attachments"), "name")
    if not body.strip() and not files:
        return Rejected(position=where, reason="a conversation without words")
    known, is_incoming = desk.tickets.get(ticket), read_flag(fields.get("incoming")) is True
    speaker = desk.member(author)
    address = _bare(pick(fields, "from_email")) if is_incoming else None
    speaker = replace(speaker, side="them" if is_incoming else "us", address=speaker.address or address)
    requester = desk.member(known.requester).speaker if known is not None else None
    return make_turn(
        turn_id=f"freshdesk:{ticket}:{own}",
        conversation_id=f"freshdesk:{ticket}",
        position=as_position(own),
        sent_at=desk.time(fields.get("created_at")),
        speaker=speaker,
        body=body,
        source=desk.context.source,
        channel=known.channel if known is not None else "ticket",
        recipients=_addresses(fields.get("to_emails")) or ([requester] if requester and not is_incoming else []),
        cc=_addresses(fields.get("cc_emails")) + _addresses(fields.get("bcc_emails")),
        subject=known.subject if known is not None else None,
        stage="service",
        attachments=files,
        is_internal=read_flag(fields.get("private")) is True,
    )


def _as_record(number: str, ticket: _Ticket, desk: _Desk) -> Record:
    requester = desk.member(ticket.requester)
    return record_ticket(
        f"freshdesk:{number}",
        where=ticket.where,
        requester=requester,
        firm=desk.companies.get(ticket.company or (requester.account or "").removeprefix("freshdesk:company:")),
        stage=ticket.state,
        is_solved=ticket.state in _SOLVED,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
        solved_at=ticket.solved_at,
        notes=desk.context.notes,
    )


def _bare(address: str | None) -> str | None:
    """The address in 'Cy Client <cy@client.example>'."""
    return read_address(address.rpartition("<")[2].rstrip("> ")) if address else None


def _addresses(listed: object) -> list[str]:
    """Addresses in lower case, out of a list in which names may stand before them in angle brackets."""
    entries = listed if isinstance(listed, list) else []
    return [address for one in entries if isinstance(one, str) and (address := _bare(one))]


FRESHDESK_READER: Final = Reader(format=FRESHDESK, is_it=is_freshdesk, read=read_freshdesk)
