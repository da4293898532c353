"""Zendesk: incremental exports (tickets, ticket_events with comment events, users, organizations), the full JSON
export with the comments in each ticket, ticket audits, and the same as the CSV tables of a warehouse.

Comments come in `ticket_events` only where they were asked for (`include=comment_events`). `public: false` is an
internal note: it is read as talk between colleagues, apart from what was said to the customer.
Field names: https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from troth.sources.blocks import Meter
from troth.sources.cells import read_flag, read_text
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
from troth.sources.tables import Row, look_at_sheet, read_rows
from troth.sources.tickets import record_ticket
from troth.sources.turns import Contact, Piece, Rejected, Turn
from troth.times import read_time

ZENDESK: Final = Format(
    name="zendesk",
    description="tickets of Zendesk, with comments, people and organizations",
    takes="comments and internal notes, people and organizations, tickets solved with the steps to it",
)

_LISTS: Final = frozenset(
    {
        "tickets",
        "ticket_events",
        "users",
        "organizations",
        "comments",
        "audits",
        "ticket_audits",
        "satisfaction_ratings",
    }
)
_SOLVED: Final = frozenset({"solved", "closed"})
_SIDES: Final = {"end-user": "them", "agent": "us", "admin": "us", "owner": "us"}
_RULES: Final = frozenset({"rule", "system", "automation", "trigger", "business rule"})
DELETED: Final = "of a ticket that was deleted in Zendesk"
NO_COMMENTS: Final = "ticket without its comments in the export: its description is read"
NO_WORDS: Final = "event of a ticket that is no comment"
RATED: Final = "satisfaction rating without words, kept nowhere"

_SINGLE: Final = ("ticket", "user", "organization", "comment", "audit")  # as the answer to a call for one alone
_SAME: Final = {"audits": "ticket_events", "ticket_audits": "ticket_events"}
_MARKS: Final = (
    (frozenset({"child_events"}), "ticket_events"),
    (frozenset({"events", "ticket_id"}), "ticket_events"),
    (frozenset({"requester_id"}), "tickets"),
    (frozenset({"requester", "comments"}), "tickets"),
    (frozenset({"author_id", "body"}), "comments"),
    (frozenset({"domain_names"}), "organizations"),
    (frozenset({"role", "email"}), "users"),
)
"""Fields that tell what an object in no list is."""

# The tables of a warehouse (Fivetran's names), told by columns that no other of them has.
_SHEETS: Final[Mapping[str, frozenset[str]]] = {
    "history": frozenset({"field_name", "ticket_id", "updated", "value"}),
    "comments": frozenset({"body", "public", "ticket_id", "user_id", "created"}),
    "tickets": frozenset({"requester_id", "submitter_id", "status", "subject"}),
    "users": frozenset({"role", "email", "organization_id", "ticket_restriction"}),
    "organizations": frozenset({"shared_tickets", "shared_comments", "name"}),
}


def _tell_member(export: Export, name: str) -> bool:
    """Whether one file is a part of such an export that no other help desk has."""
    keys = find_keys(export, name)
    if keys:
        return (
            {"ticket_events", "child_events"} <= keys
            or {"child_events", "ticket_id"} <= keys
            or {"requester_id", "submitter_id"} <= keys
            or {"organizations", "domain_names"} <= keys
            or {"users", "role", "organization_id"} <= keys
            or {"audits", "ticket_id", "events"} <= keys
            or {"ticket_audits", "ticket_id", "events"} <= keys
        )
    return _name_sheet(export, name) is not None


def _name_sheet(export: Export, name: str) -> str | None:
    sheet = look_at_sheet(export, name)
    if sheet is None:
        return None
    header = {column.strip().lower() for column in sheet.header}
    return next((kind for kind, columns in _SHEETS.items() if columns <= header), None)


def is_zendesk(export: Export) -> bool:
    """Whether most of an export is of Zendesk."""
    return holds_mostly(export, lambda name: _tell_member(export, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticket:
    """What is kept of a ticket until all was read; a million of them fit in memory."""

    where: str
    subject: str | None
    requester: str
    organization: str | None
    status: str
    copies: tuple[str, ...]
    created_at: datetime | None
    updated_at: datetime | None
    solved_at: datetime | None

    @property
    def is_deleted(self) -> bool:
        """Whether it lies in Zendesk's bin."""
        return self.status == "deleted"


@dataclass(slots=True)
class _Desk:
    """Everything of an export but the comments themselves."""

    context: Context
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    accounts: dict[str, Contact] = field(default_factory=dict[str, Contact])
    tickets: dict[str, _Ticket] = field(default_factory=dict[str, _Ticket])
    spoken: set[str] = field(default_factory=set[str])  # tickets of which there are comments
    solved: set[str] = field(default_factory=set[str])  # tickets of which is said when they were solved

    def learn(self, entry: Entry) -> Iterator[Rejected]:
        """Take in what one entry says of people and tickets; names what counts no more."""
        kind, fields = _tell(entry)
        if kind == "users":
            self._learn_member(fields)
        elif kind == "organizations":
            self._learn_account(fields)
        elif kind == "tickets":
            yield from self._learn_ticket(fields, entry.where)
        elif kind in {"ticket_events", "comments"}:
            ticket = pick(fields, "ticket_id")
            if ticket and (kind == "comments" or any(_is_comment(child) for child in _children(fields))):
                self.spoken.add(ticket)

    def member(self, number: str | None) -> Member:
        """A person by id; where the export has no line on the person, the handle is all that is known."""
        known = self.members.get(number or "")
        if known is not None:
            return known
        return Member(handle=f"zendesk:{number or 'unknown'}", is_program=number == "-1")

    def time(self, value: object) -> datetime | None:
        return read_time(value, zone=self.context.zone, order=self.context.dates)

    def _learn_member(self, fields: Fields) -> None:
        number = pick(fields, "id")
        if number is None:
            return
        home = pick(fields, "organization_id")
        self.members[number] = Member(
            handle=f"zendesk:{number}",
            name=pick(fields, "name"),
            address=read_address(fields.get("email")),
            phone=read_phone(fields.get("phone")),
            side=_SIDES.get((pick(fields, "role") or "").lower()),
            account=f"zendesk:organization:{home}" if home else None,
        )

    def _learn_account(self, fields: Fields) -> None:
        number = pick(fields, "id")
        if number is None:
            return
        listed = fields.get("domain_names")
        domains: Sequence[object] = listed if isinstance(listed, list) else str(listed or "").split()
        name = pick(fields, "name")
        self.accounts[number] = Contact(
            contact_id=f"zendesk:organization:{number}",
            source=self.context.source,
            kind="account",
            name=name,
            account=name,
            domain=next((domain for raw in domains if (domain := read_domain(raw))), None),
        )

    def _learn_ticket(self, fields: Fields, where: str) -> Iterator[Rejected]:
        number, requester = pick(fields, "id"), pick(fields, "requester_id")
        for role in ("requester", "submitter", "assignee"):  # in full, as the JSON export of an account has them
            person = part(fields, role)
            if person and pick(person, "id") not in self.members:
                self._learn_member(person)
            if role == "requester" and requester is None:
                requester = pick(person, "id")
        if number is None or requester is None:
            yield Rejected(position=where, reason="a ticket without an id or without a requester")
            return
        metrics = part(fields, "metric_set")
        ticket = _Ticket(
            where=where,
            subject=pick(fields, "subject", "raw_subject"),
            requester=requester,
            organization=pick(fields, "organization_id") or pick(part(fields, "organization"), "id"),
            status=(pick(fields, "status") or "").lower(),
            copies=tuple(_list_ids(fields.get("email_cc_ids")) or _list_ids(fields.get("collaborator_ids"))),
            created_at=self.time(fields.get("created_at")),
            updated_at=self.time(fields.get("updated_at")),
            solved_at=self.time(fields.get("solved_at") or metrics.get("solved_at")),
        )
        if items(fields.get("comments")):
            self.spoken.add(number)
        held = self.tickets.get(number)
        if held is None:
            self.tickets[number] = ticket
            return
        is_later = (ticket.updated_at or ticket.created_at) != (held.updated_at or held.created_at) and (
            held.updated_at is None or (ticket.updated_at is not None and ticket.updated_at > held.updated_at)
        )
        older, newer = (held, ticket) if is_later else (ticket, held)
        self.tickets[number] = newer
        yield Rejected(position=f"{older.where}, ticket {number}", reason=EARLIER)


def read_zendesk(export: Export, context: Context) -> Iterator[Piece]:
    """The pieces of an export: contacts, then turns, then tickets with their steps. Reads every file twice."""
    desk = _Desk(context)
    for entry in _read_all(export, None, context):
        if isinstance(entry, Entry):
            yield from desk.learn(entry)
    yield from desk.accounts.values()
    for member in desk.members.values():
        yield member.as_contact(context.source)
    ledger = Ledger(context.source, context.now)
    for entry in _read_all(export, context.meter, context):
        if isinstance(entry, Rejected):
            yield entry
        else:
            yield from _read_entry(entry, desk, ledger)
    for number, ticket in desk.tickets.items():
        if ticket.is_deleted:
            yield Rejected(position=f"{ticket.where}, ticket {number}", reason=DELETED)
        else:
            yield from ledger.add(_as_record(number, ticket, desk))
    yield from ledger.pieces()


def _read_all(export: Export, meter: Meter | None, context: Context) -> Iterator[Entry | Rejected]:
    """Every entry of every file."""
    for name in export.names:
        if is_json(export, name):
            yield from read_entries(export, name, _LISTS, meter=meter)
            continue
        kind, sheet = _name_sheet(export, name), look_at_sheet(export, name)
        if kind is None or sheet is None:
            yield Rejected(position=name or "the file", reason="no part of a Zendesk export")
            continue
        for row in read_rows(export, sheet, meter=meter, notes=context.notes if meter else None):
            yield row if isinstance(row, Rejected) else _from_row(row, kind, sheet.header)


def _from_row(row: Row, kind: str, header: Sequence[str]) -> Entry:
    """A row of a warehouse's table in the words of the JSON exports."""
    fields: dict[str, Any] = {
        name.strip().lower(): cell for name, cell in zip(header, row.cells.values(), strict=False) if cell.strip()
    }
    if kind == "comments":
        fields |= {"author_id": fields.get("user_id"), "created_at": fields.get("created")}
    return Entry(kind, row.where, fields)


def _tell(entry: Entry) -> tuple[str, Fields]:
    """What an entry is, and its fields."""
    if entry.list:
        return _SAME.get(entry.list, entry.list), entry.fields
    for single in _SINGLE:
        inner = entry.fields.get(single)
        if isinstance(inner, dict) and "id" in inner and len(entry.fields) == 1:
            return _SAME.get(f"{single}s", f"{single}s"), inner
    return next((kind for marks, kind in _MARKS if marks <= entry.fields.keys()), ""), entry.fields


def _read_entry(entry: Entry, desk: _Desk, ledger: Ledger) -> Iterator[Piece]:
    kind, fields = _tell(entry)
    if kind == "ticket_events":
        yield from _read_event(fields, entry.where, desk, ledger)
    elif kind == "comments":
        yield _read_comment(fields, pick(fields, "ticket_id"), entry.where, desk)
    elif kind == "tickets":
        yield from _read_ticket(fields, entry.where, desk)
    elif kind == "history":
        yield from _read_history(fields, entry.where, desk, ledger)
    elif kind == "satisfaction_ratings":
        yield from _read_rating(fields, pick(fields, "ticket_id"), fields.get("created_at"), desk)
    elif kind in {"users", "organizations"}:
        if pick(fields, "id") is None:
            yield Rejected(position=entry.where, reason="a person or organization without an id")
    else:
        yield Rejected(position=entry.where, reason="no ticket, event, comment, user or organization")


def _children(fields: Fields) -> list[Fields]:
    return items(fields.get("child_events")) or items(fields.get("events"))


def _is_comment(child: Fields) -> bool:
    return (pick(child, "event_type") or pick(child, "type")) in {"Comment", "VoiceComment"}


def _read_event(fields: Fields, where: str, desk: _Desk, ledger: Ledger) -> Iterator[Piece]:
    """What happened to a ticket at one time: comments, and changes of its status."""
    ticket = pick(fields, "ticket_id")
    if ticket is None:
        yield Rejected(position=where, reason="an event without its ticket")
        return
    at = fields.get("created_at") or fields.get("timestamp")
    for number, child in enumerate(_children(fields), start=1):
        spot = f"{where}, event {number}"
        if _is_comment(child):
            said = {"created_at": at, "author_id": fields.get("updater_id", fields.get("author_id"))} | {
                name: value for name, value in child.items() if value is not None
            }
            yield _read_comment(said, ticket, spot, desk)
            continue
        status = pick(child, "status") or (pick(child, "value") if child.get("field_name") == "status" else None)
        if status is not None:
            yield from _take_step(desk, ledger, ticket=ticket, status=status, at=at, where=spot)
        else:
            desk.context.notes[NO_WORDS] += 1


def _read_history(fields: Fields, where: str, desk: _Desk, ledger: Ledger) -> Iterator[Rejected]:
    ticket, value = pick(fields, "ticket_id"), pick(fields, "value")
    if fields.get("field_name") == "status" and ticket and value:
        yield from _take_step(desk, ledger, ticket=ticket, status=value, at=fields.get("updated"), where=where)
    else:
        desk.context.notes[NO_WORDS] += 1


def _take_step(desk: _Desk, ledger: Ledger, *, ticket: str, status: str, at: object, where: str) -> Iterator[Rejected]:
    moment, known = desk.time(at), desk.tickets.get(ticket)
    if moment is None:
        yield Rejected(position=f"{where}, ticket {ticket}", reason="a change of status without a time")
        return
    if known is not None and known.is_deleted:
        yield Rejected(position=f"{where}, ticket {ticket}", reason=DELETED)
        return
    is_solved = status.lower() in _SOLVED
    if is_solved:
        desk.solved.add(ticket)
    yield from ledger.add(
        Record(
            where=where,
            outcome_id=f"zendesk:{ticket}",
            kind="ticket",
            stage=status.lower(),
            state="won" if is_solved else "open",
            at=moment,
        )
    )


def _read_comment(fields: Fields, ticket: str | None, where: str, desk: _Desk) -> Turn | Rejected:
    """A comment, public or internal."""
    own, author = pick(fields, "id"), pick(fields, "author_id", "user_id")
    if ticket is None or own is None:
        return Rejected(position=where, reason="a comment without its ticket or without an id")
    known = desk.tickets.get(ticket)
    if known is not None and known.is_deleted:
        return Rejected(position=f"{where}, ticket {ticket}", reason=DELETED)
    data = part(fields, "data")  # of a call
    body = read_body(fields.get("body") or fields.get("plain_body"), fields.get("html_body"))
    body = body or read_body(data.get("transcription_text"))
    files = list_files_of(fields.get("attachments"), "file_name")
    if not body and not files:
        return Rejected(position=where, reason="a comment without words")
    return _make_turn(
        desk,
        ticket,
        turn_id=f"zendesk:{ticket}:{own}",
        position=int(own) if own.isascii() and own.isdigit() and len(own) < 19 else 0,
        author=author,
        body=body,
        files=files,
        at=desk.time(fields.get("created_at") or fields.get("created")),
        via=fields.get("via"),
        is_call=bool(data),
        is_internal=read_flag(fields.get("public", True)) is False,
    )


def _make_turn(
    desk: _Desk,
    ticket: str,
    *,
    turn_id: str,
    position: int,
    author: str | None,
    body: str,
    files: list[str] | None,
    at: datetime | None,
    via: object = None,
    is_call: bool = False,
    is_internal: bool = False,
) -> Turn:
    known = desk.tickets.get(ticket)
    requester = desk.member(known.requester) if known is not None else None
    speaker = desk.member(author)
    if speaker.side is None and known is not None and author == known.requester:
        speaker = replace(speaker, side="them")
    source = part({"via": via}, "via", "source")
    channel = (pick(part({"via": via}, "via"), "channel") or (read_text(via) or "")).lower()
    if speaker.side == "them":
        support = read_address(part(source, "to").get("address"))
        recipients, copies = [support] if support else [], list[str]()
    else:
        recipients = [requester.speaker] if requester is not None and requester != speaker else []
        copies = [desk.member(one).speaker for one in (known.copies if known is not None else ()) if one != author]
    return make_turn(
        turn_id=turn_id,
        conversation_id=f"zendesk:{ticket}",
        position=position,
        sent_at=at,
        speaker=speaker,
        body=body,
        source=desk.context.source,
        channel="call" if is_call else "ticket",
        recipients=recipients,
        cc=copies,
        subject=known.subject if known is not None else None,
        stage="service",
        attachments=files,
        automatic=channel in _RULES or source.get("rel") == "merge",
        circle="colleague" if requester is not None and requester.side == "us" else None,
        is_internal=is_internal,
    )


def _read_ticket(fields: Fields, where: str, desk: _Desk) -> Iterator[Piece]:
    """The words that a ticket holds itself: its comments in a full export, else its description, and a rating's."""
    number = pick(fields, "id")
    known = desk.tickets.get(number or "")
    if number is None or known is None or known.where != where:
        return  # named when it was learned
    for place, comment in enumerate(items(fields.get("comments")), start=1):
        yield _read_comment(comment, number, f"{where}, comment {place}", desk)
    if known.is_deleted:
        return
    description = read_body(fields.get("description"))
    if number not in desk.spoken and description:
        desk.context.notes[NO_COMMENTS] += 1
        yield _make_turn(
            desk, number, turn_id=f"zendesk:{number}:description", position=0, author=pick(fields, "submitter_id")
            or known.requester, body=description, files=None, at=known.created_at, via=fields.get("via"),
        )  # fmt: skip
    rating = part(fields, "satisfaction_rating")
    if pick(rating, "score") not in {None, "unoffered", "offered"}:
        yield from _read_rating(rating, number, fields.get("updated_at"), desk)


def _read_rating(rating: Fields, ticket: str | None, at: object, desk: _Desk) -> Iterator[Piece]:
    """The words beside a rating are the requester's; the mark alone has no place in a book."""
    words, known = read_body(rating.get("comment")), desk.tickets.get(ticket or "")
    if ticket is None or known is None or not words.strip():
        desk.context.notes[RATED] += 1
        return
    yield _make_turn(
        desk, ticket, turn_id=f"zendesk:{ticket}:rating", position=2**62, author=known.requester, body=words,
        files=None, at=desk.time(at),
    )  # fmt: skip


def _as_record(number: str, ticket: _Ticket, desk: _Desk) -> Record:
    return record_ticket(
        f"zendesk:{number}",
        where=ticket.where,
        requester=desk.member(ticket.requester),
        firm=desk.accounts.get(ticket.organization or ""),
        stage=ticket.status,
        is_solved=ticket.status in _SOLVED,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
        solved_at=ticket.solved_at,
        notes=desk.context.notes,
        has_history=number in desk.solved,
    )


def _list_ids(value: object) -> list[str]:
    return [text for one in value if (text := read_text(one))] if isinstance(value, list) else []


ZENDESK_READER: Final = Reader(format=ZENDESK, is_it=is_zendesk, read=read_zendesk)
