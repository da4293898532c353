"""HubSpot: deals with their stages, companies, contacts, mails, calls, notes, tickets and invoices, as CSV or JSON.

One object type a file, as its own exports, its interface (`results` with `properties`) and warehouses have them; told
by the names of properties: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
Notes, and what somebody of us wrote down of a call or a meeting, are ours alone and never said to the customer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from troth.sources.cells import read_flag
from troth.sources.crm import (
    WAREHOUSE,
    Found,
    Kinds,
    add_record,
    as_position,
    first_of,
    read_kinds,
    tell_member,
)
from troth.sources.documents import Fields
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.headers import clean_id
from troth.sources.helpdesk import (
    Member,
    holds_mostly,
    items,
    make_turn,
    part,
    pick,
    read_address,
    read_body,
    read_domain,
    read_phone,
)
from troth.sources.outcomes import Ledger, Record, read_state
from troth.sources.reader import Context, Reader
from troth.sources.tables import plain_name
from troth.sources.turns import Contact, Piece, Rejected, Turn

HUBSPOT: Final = Format(
    name="hubspot",
    description="objects of HubSpot, a file each: deals, companies, contacts, mails, notes, calls, invoices",
    takes="mails, internal notes, people and companies, deals, renewals, invoices and tickets with their stages",
)

_ID: Final = ("hsobjectid", "recordid", "id")
_COMPANY: Final = ("associatedcompanyid", "associatedcompanyidsprimary", "associatedcompanyids")
_OURS: Final = frozenset(
    {"hsobjectid", "recordid", "hubspotownerid", "lifecyclestage", "associatedcompanyid", "portalid"}
    | {"properties", WAREHOUSE}
)
"""Names that a plain list of addresses or firms does not have."""

_KINDS: Final[Kinds] = (
    ("emails", (frozenset({"hsemailtext", "hsemailhtml", "hsemailsubject", "hsemaildirection"}),)),
    ("notes", (frozenset({"hsnotebody"}),)),
    ("calls", (frozenset({"hscallbody", "hscalltitle", "hscalldirection", "hscalltranscript"}),)),
    ("meetings", (frozenset({"hsmeetingbody", "hsmeetingtitle", "meetingoutcome"}),)),
    ("communications", (frozenset({"hscommunicationbody"}),)),
    ("stages", (frozenset({"stageid", "stages"}), frozenset({"label"}), frozenset({"closedwon", "isclosed"}))),
    ("stage history", (frozenset({"dealid"}), frozenset({"dateentered"}), frozenset({"value"}))),
    (
        "history",
        (
            frozenset({"dealid", "objectid"}),
            frozenset({"timestamp", "changedate"}),
            frozenset({"name", "property"}),
            frozenset({"value"}),
        ),
    ),
    ("links", (frozenset({"dealid"}), frozenset({"contactid", "companyid"}))),
    ("deals", (frozenset({"dealname"}), frozenset({"dealid", *_ID}))),
    ("tickets", (frozenset({"hspipelinestage", "hsticketpriority", "hsticketid"}), frozenset({"subject", "content"}))),
    (
        "invoices",
        (
            frozenset({"invoiceid", "hsinvoicestatus", "hsamountbilled"}),
            frozenset({"amount", "hsamountbilled"}),
            frozenset({"associatedcompanyid", "hsobjectid", "recordid", WAREHOUSE}),
        ),
    ),
    ("contacts", (frozenset({"email"}), frozenset({"firstname", "lastname"}), _OURS | {"vid"})),
    ("companies", (frozenset({"domain", "companydomainname"}), frozenset({"name", "companyname"}), _OURS)),
    (
        "owners",
        (
            frozenset({"email"}),
            frozenset({"firstname", "lastname"}),
            frozenset({"userid", "ownerid"}),
            frozenset({"portalid", "archived", "activeuserid", "useridincludinginactive"}),
        ),
    ),
)
_ENTERED: Final = ("hsv2dateentered", "hsdateentered")
_LISTS: Final = frozenset({"results"})
_NO_WORDS: Final = "a mail, note or call without words"
_LOGGED: Final = {"notes": "letter", "calls": "call", "meetings": "meeting", "communications": "chat"}
_BODIES: Final = {
    "notes": ("hsnotebody", "hsbodypreview"),
    "calls": ("hscallbody", "hscalltranscript", "hscalltitle"),
    "meetings": ("hsinternalmeetingnotes", "hsmeetingbody", "body", "hsmeetingtitle", "title"),
    "communications": ("hscommunicationbody",),
}
_SIDES: Final = {"INCOMING_EMAIL": "them", "EMAIL": "us"}
_UNDELIVERED: Final = frozenset({"BOUNCED", "FAILED", "SCHEDULED", "SENDING"})

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Crm:
    """What is known of people, firms and stages before the talk is read."""

    context: Context
    owners: dict[str, Member] = field(default_factory=dict[str, Member])
    contacts: dict[str, Member] = field(default_factory=dict[str, Member])
    companies: dict[str, Contact] = field(default_factory=dict[str, Contact])
    stages: dict[str, tuple[str, str | None]] = field(default_factory=dict[str, tuple[str, str | None]])
    links: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])  # deal to kind and id

    def owner(self, found: Found) -> Member:
        """Who of us an object belongs to; by an address, a name, or a number that the list of owners may explain."""
        named = found.pick("hubspotownerid", "dealowner", "contactowner", "companyowner", "ownerid")
        if named is None:
            return Member(handle="hubspot:owner:unknown", side="us")
        address = read_address(named)
        if named in self.owners:
            return self.owners[named]
        handle = f"hubspot:owner:{named}" if named.isdigit() else named
        return Member(handle=handle, address=address, side="us")

    def stage(self, name: str | None) -> tuple[str | None, str | None]:
        """A stage's label and the state it stands for, where its name or the list of stages says it."""
        label, state = self.stages.get(name or "", (name, None))
        return label, state or read_state(label)

    def account(self, found: Found) -> str | None:
        """The key of the account that an object belongs to: a domain, else an id, else a name or an address."""
        named = pick(
            found.cells, "associatedcompanyid", "associatedcompanyids", "associatedcompanyidsprimary", "companyid"
        )
        number = first_of(named)
        if number is None and (linked := self.links.get(found.pick(*_ID) or "")) is not None:
            number = linked[1] if linked[0] == "company" else None
        if number is not None:
            firm = self.companies.get(number)
            return (firm.domain if firm is not None else None) or f"hubspot:company:{number}"
        name = first_of(found.pick("associatedcompany", "company", "companyname"))
        if name is not None:
            return name
        person = first_of(found.pick("associatedcontactids", "associatedcontactid", "contactid"))
        if person is None and (linked := self.links.get(found.pick(*_ID) or "")) is not None:
            person = linked[1]
        member = self.contacts.get(person or "")
        return member.speaker if member is not None else f"hubspot:contact:{person}" if person else None


def is_hubspot(export: Export) -> bool:
    """Whether most of an export is of HubSpot."""
    return holds_mostly(export, lambda name: tell_member(export, name, _KINDS) is not None)


def read_hubspot(export: Export, context: Context) -> Iterator[Piece]:
    """The pieces of an export: people and firms, then what was written, then outcomes with their steps."""
    yield from read_kinds(
        export, context, kinds=_KINDS, lists=_LISTS, flatten=_from_json, readers=_READ, known=_Crm(context)
    )  # fmt: skip


def _from_json(where: str, fields: Fields, context: Context) -> Found:
    """An object of the interface, its properties by plain name, and the first company and contact it is tied to."""
    properties = part(fields, "properties")
    cells: dict[str, Any] = {plain_name(name): value for name, value in (properties or fields).items()}
    cells["id"] = fields.get("id", cells.get("id"))
    for kind, column in (("companies", "associatedcompanyid"), ("contacts", "associatedcontactid")):
        tied = items(part(fields, "associations", kind).get("results"))
        if tied and not cells.get(column):
            cells[column] = tied[0].get("id")
    past = [
        (plain_name(name), str(entry.get("value") or ""), entry.get("timestamp"))
        for name, entries in part(fields, "propertiesWithHistory").items()
        for entry in items(entries)
    ]
    if fields.get("archived") is True:
        cells["isdeleted"] = True
    if "stages" in fields:
        cells["stages"] = fields["stages"]
    return Found(where, cells, context.zone, context.dates, history=past)


def _read_owner(found: Found, crm: _Crm, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("ownerid", *_ID)
    if number is None:
        yield Rejected(position=found.where, reason="an owner without an id")
        return
    crm.owners[number] = Member(
        handle=f"hubspot:owner:{number}",
        name=_full_name(found.cells),
        address=read_address(found.cells.get("email")),
        side="us",
    )
    yield crm.owners[number].as_contact(crm.context.source)


def _read_company(found: Found, crm: _Crm, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("companyid", *_ID)
    if number is None:
        yield Rejected(position=found.where, reason="a company without an id")
        return
    name = found.pick("name", "companyname")
    owner = crm.owner(found)
    crm.companies[number] = Contact(
        contact_id=f"hubspot:company:{number}",
        source=crm.context.source,
        kind="account",
        name=name,
        account=name,
        domain=read_domain(found.pick("domain", "companydomainname", "website", "websiteurl")),
        phone=read_phone(found.pick("phone", "phonenumber")),
        owner=_owner_name(owner),
        segment=found.pick("segment", "customersegment", "tier"),
    )
    yield crm.companies[number]


def _read_contact(found: Found, crm: _Crm, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("contactid", "vid", *_ID)
    if number is None:
        yield Rejected(position=found.where, reason="a contact without an id")
        return
    home = first_of(found.pick(*_COMPANY))
    crm.contacts[number] = Member(
        handle=f"hubspot:contact:{number}",
        name=_full_name(found.cells),
        address=read_address(found.cells.get("email")),
        phone=read_phone(found.pick("phone", "phonenumber", "mobilephone", "mobilephonenumber")),
        side="them",
        account=f"hubspot:company:{home}" if home else None,
        account_name=found.pick("company", "companyname", "associatedcompany"),
        owner=_owner_name(crm.owner(found)),
    )
    yield crm.contacts[number].as_contact(crm.context.source)


def _read_stage(found: Found, crm: _Crm, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """A stage of a pipeline, or a pipeline with its stages."""
    stages = items(found.cells.get("stages")) or [found.cells]
    for stage in stages:
        number = pick(stage, "stageid", "id")
        if number is None:
            yield Rejected(position=found.where, reason="a stage without an id")
            continue
        details = part(stage, "metadata")
        is_closed = read_flag(details.get("isClosed", stage.get("isclosed")))
        is_won = read_flag(stage.get("closedwon")) or str(details.get("probability")) in {"1.0", "1"}
        state = "won" if is_closed and is_won else "lost" if is_closed else "open"
        crm.stages[number] = (pick(stage, "label") or number, state)


def _read_link(found: Found, crm: _Crm, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """Which firm or person a deal belongs to; the first of each counts, a firm before a person."""
    deal, company, person = (found.pick(name) for name in ("dealid", "companyid", "contactid"))
    held = crm.links.get(deal or "")
    if deal is None or (company is None and person is None):
        yield Rejected(position=found.where, reason="a tie between a deal and nothing")
    elif company is not None and (held is None or held[0] == "person"):
        crm.links[deal] = ("company", company)
    elif held is None and person is not None:
        crm.links[deal] = ("person", person)


def _read_deal(found: Found, crm: _Crm, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("dealid", *_ID)
    if number is None:
        yield Rejected(position=found.where, reason="a deal without an id")
        return
    if read_flag(found.cells.get("isdeleted")):
        yield Rejected(position=f"{found.where}, deal {number}", reason="deleted in HubSpot")
        return
    found = found._replace(cells={**found.cells, "id": number})
    named = found.pick("dealstage", "dealpipelinestageid")
    label, state = crm.stage(named)
    if read_flag(found.cells.get("hsisclosedwon")) or read_flag(found.cells.get("isclosedwon")):
        state = "won"
    elif read_flag(found.cells.get("hsisclosed")) or read_flag(found.cells.get("isdealclosed")):
        state = state if state == "won" else "lost"
    if named is not None and state in {"won", "lost"}:
        crm.stages.setdefault(named, (label or named, state))
    words = " ".join(filter(None, (found.pick(name) for name in ("pipeline", "dealpipelineid", "dealtype"))))
    yield from add_record(
        found,
        ledger,
        Record(
            where=found.where,
            outcome_id=f"hubspot:deal:{number}",
            account=crm.account(found),
            kind="renewal" if "renew" in words.lower() else "deal",
            stage=label,
            state=state or "open",
            currency=_currency(found),
            opened_at=found.time("createdate", "createddate", "createdat"),
            closed_at=found.time("closedate", "closeddate", day="ends"),
            changed_at=found.time("hslastmodifieddate", "lastmodifieddate", "updatedat"),
        ),
        "amount",
    )
    for name, value, at in (*found.history, *_list_entered(found, crm)):
        if name in {"dealstage", "amount"}:
            yield from _add_change(found, crm, ledger, number, (name, value, at))


def _list_entered(found: Found, crm: _Crm) -> Iterator[tuple[str, str, object]]:
    """Stages whose first day stands in a column of its own, as in hs_v2_date_entered_closedwon."""
    for column, cell in found.cells.items():
        mark = next((mark for mark in _ENTERED if column.startswith(mark)), None)
        if mark is not None and isinstance(cell, str) and cell.strip():
            suffix = column.removeprefix(mark)
            yield "dealstage", next((name for name in crm.stages if plain_name(name) == suffix), suffix), cell


def _read_history(found: Found, crm: _Crm, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """A value that a property of a deal took at some time."""
    number, at = found.pick("dealid", "objectid"), found.pick("timestamp", "changedate", "dateentered")
    name = plain_name(found.pick("name", "property") or "dealstage")
    if number is None or at is None:
        yield Rejected(position=found.where, reason="a change without its deal or without a time")
    elif name in {"dealstage", "amount"}:
        yield from _add_change(found, crm, ledger, number, (name, found.pick("value") or "", at))
    else:
        crm.context.notes["change of a deal other than of its stage or amount"] += 1


def _add_change(
    found: Found, crm: _Crm, ledger: Ledger, number: str, change: tuple[str, str, object]
) -> Iterator[Rejected]:
    name, value, raw = change
    at = found.moment(raw)
    if at is None:
        reason = f"{str(raw)[:40]!r} is no time that can be"
        yield Rejected(position=f"{found.where}, deal {number}", reason=reason)
        return
    record = Record(where=found.where, outcome_id=f"hubspot:deal:{number}", at=at, is_change=True)
    if name == "amount":
        yield from add_record(found._replace(cells={"amount": value}), ledger, record, "amount")
        return
    label, state = crm.stage(value)
    yield from ledger.add(replace(record, stage=label, state=state or "open"))


def _read_ticket(found: Found, crm: _Crm, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("hsticketid", *_ID)
    if number is None or read_flag(found.cells.get("isdeleted")):
        what = "a ticket without an id" if number is None else "deleted in HubSpot"
        yield Rejected(position=found.where, reason=what)
        return
    label, state = crm.stage(found.pick("hspipelinestage"))
    closed_at = found.time("closeddate", "hscloseddate", day="ends")
    yield from ledger.add(
        Record(
            where=found.where,
            outcome_id=f"hubspot:ticket:{number}",
            account=crm.account(found),
            kind="ticket",
            stage=label,
            state="won" if closed_at is not None else state or "open",
            opened_at=found.time("createdate"),
            closed_at=closed_at,
            changed_at=found.time("hslastmodifieddate"),
        )
    )


def _read_invoice(found: Found, crm: _Crm, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("invoiceid", "hsnumber", *_ID)
    if number is None:
        yield Rejected(position=found.where, reason="an invoice without an id")
        return
    status = (found.pick("status", "hsinvoicestatus") or "").lower()
    opened = found.time("issuedat", "hsinvoicedate", "invoicedate", "createdate")
    paid = found.time("paidat", "hspaymentdate", "paymentdate", day="ends")
    undone = found.time("refundedat", "voidedat", "hsvoideddate", day="ends")
    state = read_state(status) or ("lost" if undone else "won" if paid else "open")
    record = Record(
        where=found.where,
        outcome_id=f"hubspot:invoice:{number}",
        account=crm.account(found),
        kind="invoice",
        stage=status or None,
        state=state,
        currency=_currency(found),
        opened_at=opened,
        closed_at=undone if state == "lost" else paid,
    )
    yield from add_record(found, ledger, record, "amount", "hsamountbilled")
    steps = ((opened, "issued", "open"), (paid, "paid", "won"), (undone, status or "undone", "lost"))
    for at, stage, came in steps:
        if at is not None:
            step = Record(where=found.where, outcome_id=record.outcome_id, at=at, stage=stage, state=came)
            yield from add_record(found, ledger, step, "amount", "hsamountbilled")


def _read_email(found: Found, crm: _Crm, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """A mail that was logged: by its own Message-ID where that is there, so that a mailbox says the same mail."""
    cells, number = found.cells, found.pick("engagementid", *_ID)
    direction, status = ((pick(cells, name) or "").upper() for name in ("hsemaildirection", "hsemailstatus"))
    if direction == "DRAFT_EMAIL" or status in _UNDELIVERED:
        reason = "a draft, never sent" if direction == "DRAFT_EMAIL" else f"never delivered: {status.lower()}"
        yield Rejected(position=found.where, reason=reason)
        return
    if number is None or _is_gone(cells):
        yield Rejected(position=found.where, reason="a mail without an id" if number is None else "deleted in HubSpot")
        return
    body = read_body(cells.get("hsemailtext"), cells.get("hsemailhtml"))
    subject = pick(cells, "hsemailsubject")
    if not body.strip() and not subject:
        yield Rejected(position=found.where, reason=_NO_WORDS)
        return
    headers = _read_headers(cells.get("hsemailheaders"))
    address = read_address(pick(cells, "hsemailfromemail") or part(headers, "from").get("email"))
    side = _SIDES.get(direction)
    person = Member(handle="unknown") if side != "us" else crm.owner(found)
    name = _full_name({"firstname": cells.get("hsemailfromfirstname"), "lastname": cells.get("hsemailfromlastname")})
    speaker = Member(handle=person.handle, name=name or person.name, address=address or person.address, side=side)
    message_id = clean_id(pick(cells, "hsemailmessageid") or "")
    turn_id = message_id or f"hubspot:email:{number}"
    thread = pick(cells, "hsemailthreadid")
    yield make_turn(
        turn_id=turn_id,
        conversation_id=f"hubspot:thread:{thread}" if thread else turn_id,
        position=as_position(number),
        sent_at=found.time("hstimestamp", "hscreatedate", "createdat"),
        speaker=speaker,
        body=body,
        source=crm.context.source,
        channel="mail",
        recipients=_addresses(pick(cells, "hsemailtoemail"), headers.get("to")),
        cc=_addresses(pick(cells, "hsemailccemail"), headers.get("cc")),
        subject=subject,
    )


def _read_logged(found: Found, crm: _Crm, _ledger: Ledger, kind: str) -> Iterator[Piece]:
    """What somebody of us wrote down: a note, or of a call, a meeting, a message elsewhere."""
    number = found.pick("engagementid", *_ID)
    body = next((text for name in _BODIES[kind] if (text := read_body(None, found.cells.get(name))).strip()), "")
    if number is None or not body or _is_gone(found.cells):
        yield Rejected(position=found.where, reason="deleted in HubSpot" if _is_gone(found.cells) else _NO_WORDS)
        return
    turn: Turn = make_turn(
        turn_id=f"hubspot:{kind.removesuffix('s')}:{number}",
        conversation_id=f"hubspot:{kind.removesuffix('s')}:{number}",
        position=as_position(number),
        sent_at=found.time("hstimestamp", "starttime", "hscreatedate", "createdat"),
        speaker=crm.owner(found),
        body=body,
        source=crm.context.source,
        channel=_LOGGED[kind],
        subject=found.pick("hscalltitle", "hsmeetingtitle", "title"),
        is_internal=True,
    )
    yield turn


_READ: Final[Sequence[tuple[str, Callable[[Found, _Crm, Ledger, str], Iterator[Piece]]]]] = (
    ("owners", _read_owner),
    ("companies", _read_company),
    ("contacts", _read_contact),
    ("stages", _read_stage),
    ("links", _read_link),
    ("deals", _read_deal),
    ("history", _read_history),
    ("stage history", _read_history),
    ("tickets", _read_ticket),
    ("invoices", _read_invoice),
    ("emails", _read_email),
    *((kind, _read_logged) for kind in _LOGGED),
)


def _full_name(cells: Row) -> str | None:
    return " ".join(filter(None, (pick(cells, "firstname"), pick(cells, "lastname")))) or None


def _owner_name(owner: Member) -> str | None:
    return None if owner.handle == "hubspot:owner:unknown" else owner.address or owner.name or owner.handle


def _currency(found: Found) -> str | None:
    return (found.pick("dealcurrencycode", "currency", "hscurrency", "hscurrencycode") or "").upper() or None


def _is_gone(cells: Row) -> bool:
    return bool(read_flag(cells.get("isdeleted")) or read_flag(cells.get("fivetrandeleted")))


def _read_headers(value: object) -> Row:
    """The mail's header as HubSpot keeps it, JSON within a property."""
    if isinstance(value, Mapping):
        return value
    try:
        found = json.loads(str(value)) if value else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _addresses(listed: str | None, entries: object) -> list[str]:
    plain = [address for one in (listed or "").split(";") if (address := read_address(one))]
    return plain or [address for one in items(entries) if (address := read_address(one.get("email")))]


HUBSPOT_READER: Final = Reader(format=HUBSPOT, is_it=is_hubspot, read=read_hubspot)
