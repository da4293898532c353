"""Salesforce: cases with their mails and comments, opportunities with their history, accounts, contacts, activities.

One object a file, as CSV from its own exports or a warehouse, or as JSON from its interface (`records`); told by the
names of fields: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/
A comment on a case that is not published, and what somebody of us wrote down of a call, a mail or a meeting (tasks and
events), are ours alone and never said to the customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from troth.sources.cells import read_flag
from troth.sources.crm import Found, Kinds, add_record, read_kinds, tell_member
from troth.sources.documents import Fields
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.headers import clean_id
from troth.sources.helpdesk import (
    Member,
    holds_mostly,
    make_turn,
    pick,
    read_address,
    read_body,
    read_domain,
    read_phone,
)
from troth.sources.outcomes import Ledger, Record, read_state
from troth.sources.reader import Context, Reader
from troth.sources.tables import plain_name
from troth.sources.turns import Contact, Piece, Rejected

SALESFORCE: Final = Format(
    name="salesforce",
    description="objects of Salesforce, a file each: cases, mails, opportunities, accounts, contacts, activities",
    takes="mails, comments and internal notes, people and accounts, opportunities and cases with their stages",
)

_FIELD_HISTORY: Final = frozenset({"newvalue"})
_ITS_OWN: Final = frozenset(
    """
    systemmodstamp isdeleted createdbyid lastmodifiedbyid lastmodifieddate lastvieweddate lastreferenceddate
    masterrecordid recordtypeid timezonesidkey localesidkey languagelocalekey emailencodingkey federationidentifier
    userroleid attributes accountsource billingcity jigsaw reportstoid
    """.split()
)
"""Names that Salesforce gives fields and a plain list of people, firms or appointments does not have."""
_KINDS: Final[Kinds] = (
    ("emails", (frozenset({"textbody", "htmlbody"}), frozenset({"fromaddress"}), frozenset({"toaddress"}))),
    ("comments", (frozenset({"commentbody"}), frozenset({"parentid"}))),
    ("case history", (frozenset({"caseid"}), frozenset({"field"}), _FIELD_HISTORY)),
    ("cases", (frozenset({"casenumber"}), frozenset({"status"}), frozenset({"createddate"}))),
    ("opportunity changes", (frozenset({"opportunityid"}), frozenset({"field"}), _FIELD_HISTORY)),
    ("opportunity history", (frozenset({"stagename"}), frozenset({"opportunityid", "fivetranstart"}))),
    ("opportunities", (frozenset({"stagename"}), frozenset({"closedate"}), frozenset({"isclosed", "iswon"}))),
    (
        "activities",
        (
            frozenset({"subject"}),
            frozenset({"whoid"}),
            frozenset({"whatid"}),
            frozenset({"tasksubtype", "calltype", "activitydate", "activitydatetime", "durationinminutes"}),
        ),
    ),
    ("contacts", (frozenset({"email"}), frozenset({"lastname"}), frozenset({"accountid"}), _ITS_OWN)),
    (
        "users",
        (
            frozenset({"email"}),
            frozenset({"username"}),
            frozenset({"profileid", "alias"}),
            _ITS_OWN | {"isactive"},
        ),
    ),
    ("accounts", (frozenset({"name"}), frozenset({"website", "billingcity"}), frozenset({"ownerid"}), _ITS_OWN)),
)
_LISTS: Final = frozenset({"records"})
_DRAFT: Final = frozenset({"5", "draft"})
_PORTAL: Final = ("csp", "power", "customer", "partner", "guest", "selfservice")
"""How the types of users begin who are customers or partners with a login."""
_OF_A_CASE: Final = ("contactid", "suppliedemail", "suppliedname", "subject")  # kept of each, for its comments
_WRITTEN_BY_THEM: Final = frozenset({"web", "email", "chat", "community", "portal", "customer portal"})
DESCRIBED_BY_US: Final = "description of a case that came by phone or was written by us: no turn"
OTHER_CHANGE: Final = "change other than of a status, a stage or an amount"


@dataclass(slots=True)
class _Org:
    """What is known of people and firms before the talk is read."""

    context: Context
    users: dict[str, Member] = field(default_factory=dict[str, Member])
    contacts: dict[str, Member] = field(default_factory=dict[str, Member])
    accounts: dict[str, Contact] = field(default_factory=dict[str, Contact])
    cases: dict[str, Found] = field(default_factory=dict[str, Found])
    mailed: set[str] = field(default_factory=set[str])  # cases of which there are mails

    def user(self, number: str | None) -> Member:
        """Somebody with a login, ours unless the list of users says otherwise."""
        known = self.users.get(_key(number))
        return known or Member(handle=f"salesforce:{_key(number) or 'unknown'}", side="us")

    def account(self, found: Found) -> str | None:
        """The key of the account that an object belongs to: a domain, else an id, else a name or an address."""
        number = found.pick("accountid")
        if number is not None:
            firm = self.accounts.get(_key(number))
            return (firm.domain if firm is not None else None) or f"salesforce:{_key(number)}"
        person = self.contacts.get(_key(found.pick("contactid")))
        if person is not None:
            firm = self.accounts.get(_key((person.account or "").removeprefix("salesforce:")))
            return (firm.domain if firm is not None else None) or person.account or person.speaker
        return found.pick("accountname") or read_address(found.pick("suppliedemail"))

    def requester(self, case: Found | None) -> Member | None:
        """Whose case it is."""
        if case is None:
            return None
        known = self.contacts.get(_key(case.pick("contactid")))
        address = read_address(case.pick("suppliedemail"))
        if known is not None or address is None:
            return known
        return Member(handle=address, name=case.pick("suppliedname"), address=address, side="them")


def is_salesforce(export: Export) -> bool:
    """Whether most of an export is of Salesforce."""
    return holds_mostly(export, lambda name: tell_member(export, name, _KINDS) is not None)


def read_salesforce(export: Export, context: Context) -> Iterator[Piece]:
    """The pieces of an export: people and firms, then what was written, then outcomes with their steps."""
    org = _Org(context)
    yield from read_kinds(
        export, context, kinds=_KINDS, lists=_LISTS, flatten=_from_json, readers=_READ, known=org
    )  # fmt: skip


def _from_json(where: str, fields: Fields, context: Context) -> Found:
    """An object of the interface; the name of an object that it points to stands beside its id."""
    cells: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            cells[f"{plain_name(name)}name"] = pick(value, "Name")
        else:
            cells[plain_name(name)] = value
    return Found(where, cells, context.zone, context.dates)


def _read_user(found: Found, org: _Org, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("id")
    if number is None:
        yield Rejected(position=found.where, reason="a user without an id")
        return
    is_theirs = (found.pick("usertype") or "").lower().startswith(_PORTAL)
    org.users[_key(number)] = Member(
        handle=f"salesforce:{_key(number)}",
        name=_full_name(found),
        address=read_address(found.pick("email")),
        phone=read_phone(found.pick("phone", "mobilephone")),
        side="them" if is_theirs else "us",
        is_program=(found.pick("usertype") or "").lower() in {"automatedprocess", "cloudintegrationuser"},
    )
    yield org.users[_key(number)].as_contact(org.context.source)


def _read_account(found: Found, org: _Org, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("id")
    if number is None or read_flag(found.cells.get("isdeleted")):
        what = "an account without an id" if number is None else "account deleted in Salesforce"
        yield Rejected(position=found.where, reason=what)
        return
    name = found.pick("name")
    org.accounts[_key(number)] = Contact(
        contact_id=f"salesforce:{_key(number)}",
        source=org.context.source,
        kind="account",
        name=name,
        account=name,
        domain=read_domain(found.pick("website")),
        phone=read_phone(found.pick("phone")),
        owner=_owner(found, org),
        segment=found.pick("segment", "segmentc", "customersegmentc", "tierc"),
    )
    yield org.accounts[_key(number)]


def _read_contact(found: Found, org: _Org, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number, home = found.pick("id"), found.pick("accountid")
    if number is None or read_flag(found.cells.get("isdeleted")):
        what = "a contact without an id" if number is None else "contact deleted in Salesforce"
        yield Rejected(position=found.where, reason=what)
        return
    firm = org.accounts.get(_key(home))
    org.contacts[_key(number)] = Member(
        handle=f"salesforce:{_key(number)}",
        name=_full_name(found),
        address=read_address(found.pick("email")),
        phone=read_phone(found.pick("phone", "mobilephone")),
        side="them",
        account=f"salesforce:{_key(home)}" if home else None,
        account_name=found.pick("accountname") or (firm.name if firm is not None else None),
        owner=_owner(found, org),
    )
    yield org.contacts[_key(number)].as_contact(org.context.source)


def _read_email(found: Found, org: _Org, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """A mail on a case or an account: by its own Message-ID where that is there, so that a mailbox says the same."""
    number, case = found.pick("id"), found.pick("parentid")
    if (found.pick("status") or "").lower() in _DRAFT or read_flag(found.cells.get("isdeleted")):
        is_gone = read_flag(found.cells.get("isdeleted"))
        yield Rejected(position=found.where, reason="deleted in Salesforce" if is_gone else "a draft, never sent")
        return
    subject, body = found.pick("subject"), read_body(found.cells.get("textbody"), found.cells.get("htmlbody"))
    if number is None or not (body.strip() or subject):
        yield Rejected(position=found.where, reason=f"a mail without {'an id' if number is None else 'words'}")
        return
    org.mailed.add(_key(case))
    is_incoming = None if found.cells.get("incoming") in {None, ""} else read_flag(found.cells.get("incoming"))
    address = read_address(found.pick("fromaddress", "validatedfromaddress"))
    speaker = Member(
        handle="unknown" if is_incoming else org.user(found.pick("createdbyid")).speaker,
        name=found.pick("fromname"),
        address=address,
        side=None if is_incoming is None else "them" if is_incoming else "us",
    )
    turn_id = clean_id(found.pick("messageidentifier") or "") or f"salesforce:{_key(number)}"
    thread = found.pick("threadidentifier")
    yield make_turn(
        turn_id=turn_id,
        conversation_id=f"salesforce:{_key(case)}" if case else f"salesforce:thread:{thread}" if thread else turn_id,
        position=0,
        sent_at=found.time("messagedate", "createddate"),
        speaker=speaker,
        body=body,
        source=org.context.source,
        channel="mail",
        recipients=_addresses(found.pick("toaddress")),
        cc=_addresses(found.pick("ccaddress")) + _addresses(found.pick("bccaddress")),
        subject=subject,
        stage="service" if case else None,
    )


def _read_comment(found: Found, org: _Org, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number, case = found.pick("id"), found.pick("parentid")
    body = read_body(found.cells.get("commentbody"))
    if number is None or case is None or not body.strip() or read_flag(found.cells.get("isdeleted")):
        yield Rejected(position=found.where, reason="a comment that was deleted, or without an id, its case or words")
        return
    known, speaker = org.cases.get(_key(case)), org.user(found.pick("createdbyid"))
    requester = org.requester(known)
    is_published = read_flag(found.cells.get("ispublished"))
    yield make_turn(
        turn_id=f"salesforce:{_key(number)}",
        conversation_id=f"salesforce:{_key(case)}",
        position=0,
        sent_at=found.time("createddate"),
        speaker=speaker,
        body=body,
        source=org.context.source,
        recipients=[requester.speaker] if requester is not None and speaker.side == "us" else None,
        subject=known.pick("subject") if known is not None else None,
        stage="service",
        is_internal=not is_published,
    )


def _keep_case(found: Found, org: _Org, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """A case as an outcome; its description waits for `_read_description`, which must know of its mails."""
    number = found.pick("id", "casenumber")
    if number is None or read_flag(found.cells.get("isdeleted")):
        what = "a case without an id" if number is None else "case deleted in Salesforce"
        yield Rejected(position=found.where, reason=what)
        return
    org.cases[_key(number)] = found._replace(cells={name: found.cells.get(name) for name in _OF_A_CASE})
    closed_at, status = found.time("closeddate", day="ends"), found.pick("status")
    is_closed = read_flag(found.cells.get("isclosed")) or closed_at is not None
    yield from ledger.add(
        Record(
            where=found.where,
            outcome_id=f"salesforce:{_key(number)}",
            account=org.account(found),
            kind="ticket",
            stage=status,
            state="won" if is_closed else read_state(status) or "open",
            opened_at=found.time("createddate"),
            closed_at=closed_at,
            changed_at=found.time("systemmodstamp", "lastmodifieddate"),
        )
    )


def _read_description(found: Found, org: _Org, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """What a customer wrote into the form that opened a case; a mail that did so is among the mails."""
    number, body = found.pick("id", "casenumber"), read_body(found.cells.get("description"))
    requester = org.requester(found)
    if _key(number) not in org.cases or not body.strip() or _key(number) in org.mailed:
        return
    if requester is None or (found.pick("origin") or "").lower() not in _WRITTEN_BY_THEM:
        org.context.notes[DESCRIBED_BY_US] += 1
        return
    yield make_turn(
        turn_id=f"salesforce:{_key(number)}:description",
        conversation_id=f"salesforce:{_key(number)}",
        position=0,
        sent_at=found.time("createddate"),
        speaker=requester,
        body=body,
        source=org.context.source,
        subject=found.pick("subject"),
        stage="service",
    )


def _read_case_history(found: Found, org: _Org, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number, at, status = found.pick("caseid"), found.time("createddate"), found.pick("newvalue")
    if (found.pick("field") or "").lower() != "status" or status is None:
        org.context.notes[OTHER_CHANGE] += 1
        return
    if number is None or at is None:
        yield Rejected(position=found.where, reason="a change without its case or without a time")
        return
    outcome_id, state = f"salesforce:{_key(number)}", read_state(status) or "open"
    yield from ledger.add(
        Record(where=found.where, outcome_id=outcome_id, kind="ticket", stage=status, state=state, at=at)
    )


def _read_opportunity(found: Found, org: _Org, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    number = found.pick("id", "opportunityid")
    if number is None or read_flag(found.cells.get("isdeleted")):
        what = "a deal without an id" if number is None else "deal deleted in Salesforce"
        yield Rejected(position=found.where, reason=what)
        return
    record = Record(
        where=found.where,
        outcome_id=f"salesforce:{_key(number)}",
        account=org.account(found),
        kind="renewal" if "renew" in f"{found.pick('type')} {found.pick('recordtypename')}".lower() else "deal",
        stage=found.pick("stagename"),
        state=_deal_state(found),
        currency=found.pick("currencyisocode"),
        opened_at=found.time("createddate"),
        closed_at=_close_day(found),
        changed_at=found.time("systemmodstamp", "lastmodifieddate"),
    )
    yield from add_record(found, ledger, record, "amount")


def _read_standing(found: Found, _org: _Org, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """A row of the history of an opportunity: how it stood from then on."""
    number = found.pick("opportunityid", "id")
    at = found.time("fivetranstart") if "fivetranstart" in found.cells else found.time("createddate", "systemmodstamp")
    if number is None or at is None:
        yield Rejected(position=found.where, reason="a stage without its deal or without a time")
        return
    if read_flag(found.cells.get("isdeleted")):
        yield Rejected(position=found.where, reason="deal deleted in Salesforce")
        return
    record = Record(
        where=found.where,
        outcome_id=f"salesforce:{_key(number)}",
        stage=found.pick("stagename"),
        state=_deal_state(found),
        at=at,
    )
    yield from add_record(found, ledger, record, "amount")


def _read_change(found: Found, org: _Org, ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """A change of one field of an opportunity."""
    number, at = found.pick("opportunityid"), found.time("createddate")
    name, value = plain_name(found.pick("field") or ""), found.pick("newvalue")
    if name not in {"stagename", "amount"}:
        org.context.notes[OTHER_CHANGE] += 1
    elif number is None or at is None or value is None:
        yield Rejected(position=found.where, reason="a change without its deal, a time or a value")
    else:
        record = Record(where=found.where, outcome_id=f"salesforce:{_key(number)}", at=at, is_change=True)
        if name == "amount":
            yield from add_record(found, ledger, record, "newvalue")
        else:
            yield from ledger.add(replace(record, stage=value, state=read_state(value) or "open"))


def _read_activity(found: Found, org: _Org, _ledger: Ledger, _kind: str) -> Iterator[Piece]:
    """What somebody of us wrote down of a call, a mail or a meeting."""
    number, body = found.pick("id"), read_body(None, found.cells.get("description"))
    if read_flag(found.cells.get("isdeleted")):
        yield Rejected(position=found.where, reason="deleted in Salesforce")
    elif number is None or not body.strip():
        reason = "an activity without an id" if number is None else "an activity without words"
        yield Rejected(position=found.where, reason=reason)
    elif found.cells.get("isclosed") is not None and not read_flag(found.cells.get("isclosed")):
        yield Rejected(position=found.where, reason="an activity that is still to be done")
    else:
        kind = f"{found.pick('tasksubtype')} {found.pick('type')} {found.pick('calltype')}".lower()
        is_meeting = found.pick("durationinminutes", "activitydatetime", "startdatetime") is not None
        yield make_turn(
            turn_id=f"salesforce:{_key(number)}",
            conversation_id=f"salesforce:{_key(number)}",
            position=0,
            sent_at=found.time("activitydatetime", "startdatetime", "completeddatetime", "createddate"),
            speaker=org.user(found.pick("ownerid", "createdbyid")),
            body=body,
            source=org.context.source,
            channel="call" if "call" in kind else "mail" if "email" in kind else "meeting" if is_meeting else "letter",
            subject=found.pick("subject"),
            is_internal=True,
        )


_READ: Final[Sequence[tuple[str, Callable[[Found, _Org, Ledger, str], Iterator[Piece]]]]] = (
    ("users", _read_user),
    ("accounts", _read_account),
    ("contacts", _read_contact),
    ("cases", _keep_case),
    ("case history", _read_case_history),
    ("emails", _read_email),
    ("cases", _read_description),
    ("comments", _read_comment),
    ("activities", _read_activity),
    ("opportunities", _read_opportunity),
    ("opportunity history", _read_standing),
    ("opportunity changes", _read_change),
)


def _key(number: str | None) -> str:
    """An id without the three letters that only guard its case: https://help.salesforce.com, article 000385585."""
    return (number or "")[:15] if len(number or "") == 18 else number or ""


def _deal_state(found: Found) -> str:
    if read_flag(found.cells.get("iswon")):
        return "won"
    if read_flag(found.cells.get("isclosed")):
        return "lost"
    return "open" if found.pick("isclosed", "iswon") else read_state(found.pick("stagename")) or "open"


def _close_day(found: Found) -> datetime | None:
    """CloseDate is a day; warehouses write midnight beside it."""
    day = (found.pick("closedate") or "").partition(" ")
    is_midnight = not day[2].strip("0:. ")
    return found._replace(cells={"day": day[0]}).time("day", day="ends") if is_midnight else found.time("closedate")


def _full_name(found: Found) -> str | None:
    parts = (found.pick("firstname"), found.pick("lastname"))
    return found.pick("name") or " ".join(filter(None, parts)) or None


def _owner(found: Found, org: _Org) -> str | None:
    number = found.pick("ownerid")
    known = org.users.get(_key(number))
    return found.pick("ownername") or ((known.address or known.name) if known is not None else None)


def _addresses(listed: str | None) -> list[str]:
    return [address for one in (listed or "").replace(",", ";").split(";") if (address := read_address(one))]


SALESFORCE_READER: Final = Reader(format=SALESFORCE, is_it=is_salesforce, read=read_salesforce)
