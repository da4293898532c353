"""Freshdesk: a ticket's first words, what was answered, what was noted, and when it was solved."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import read_broken, read_whole

from troth.sources.freshdesk import FRESHDESK_READER

TICKET: dict[str, Any] = {
    "id": 20, "subject": "Roof", "description_text": "It leaks.", "description": "<div>It leaks.</div>",
    "requester_id": 12, "responder_id": 11, "company_id": 55, "source": 1, "status": 5, "priority": 1,
    "created_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-09T08:00:00Z", "fr_escalated": False,
    "stats": {"resolved_at": "2026-03-02T14:00:00Z", "closed_at": "2026-03-04T14:00:00Z"},
    "to_emails": ["Help <help@firm.example>"], "cc_emails": [], "attachments": [{"name": "roof.jpg"}],
}  # fmt: skip
MESSAGES: list[dict[str, Any]] = [
    {"id": 201, "ticket_id": 20, "body_text": "We come at two.", "body": "<div>We come at two.</div>",
     "incoming": False, "private": False, "user_id": 11, "from_email": "Help <help@firm.example>",
     "to_emails": ["cy@client.example"], "cc_emails": ["Di <di@client.example>"], "source": 0,
     "created_at": "2026-03-01T09:00:00Z", "attachments": []},
    {"id": 202, "ticket_id": 20, "body_text": "He is cross.", "body": "", "incoming": False, "private": True,
     "user_id": 11, "to_emails": ["bo@firm.example"], "source": 2, "created_at": "2026-03-01T09:30:00Z"},
    {"id": 203, "ticket_id": 20, "body_text": "Thanks", "body": "", "incoming": True, "private": False, "user_id": 12,
     "from_email": "Cy Client <cy@client.example>", "source": 0, "created_at": "2026-03-02T09:00:00Z"},
]  # fmt: skip
AGENTS = [{"id": 11, "occasional": False, "ticket_scope": 1, "contact": {"name": "Ann", "email": "Ann@firm.example"}}]
CONTACTS = [{"id": 12, "name": "Cy Client", "email": "cy@client.example", "company_id": 55, "phone": "+49305555",
             "view_all_tickets": False}]  # fmt: skip
COMPANIES = [
    {"id": 55, "name": "Client AG", "domains": ["client.example"], "health_score": None, "account_tier": "gold"}
]
FILES = {"tickets.json": [TICKET], "conversations.json": MESSAGES, "agents.json": AGENTS, "contacts.json": CONTACTS,
         "companies.json": COMPANIES}  # fmt: skip


def write(folder: Path, files: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def test_what_was_said_and_what_was_noted(tmp_path: Path) -> None:
    reading, rows = read_whole(write(tmp_path / "freshdesk", FILES))
    said = {row["turn_id"]: row for row in rows["turns"]}
    first, answer, note, thanks = (said[f"freshdesk:20:{name}"] for name in ("description", 201, 202, 203))
    assert reading.format.name == "freshdesk"
    assert not reading.rejected
    assert (first["speaker"], first["side"], first["recipients"]) == (
        "cy@client.example",
        "them",
        ["help@firm.example"],
    )
    assert (first["attachments"], first["subject"]) == (["roof.jpg"], "Roof")
    assert (answer["speaker"], answer["side"], answer["recipients"], answer["cc"]) == (
        "ann@firm.example", "us", ["cy@client.example"], ["di@client.example"],
    )  # fmt: skip
    assert (note["conversation_id"], note["circle"], note["recipients"]) == ("freshdesk:20:internal", "colleague", None)
    assert (thanks["side"], thanks["body"]) == ("them", "Thanks")
    (ticket,) = rows["outcomes"]
    assert (ticket["relationship"], ticket["state"], ticket["stage"]) == ("client.example", "won", "closed")
    assert ticket["closed_at"] == datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "tickets.json": [{**TICKET, "conversations": MESSAGES}], "conversations.json": []},
        {"tickets.json": {"results": [TICKET], "total": 1}, "conversations.json": {"conversations": MESSAGES},
         "agents.json": {"agents": AGENTS}, "contacts.json": CONTACTS, "companies.json": COMPANIES},
        {**FILES, "conversations.json": [], "tickets.json": [{"helpdesk_ticket": {
            **TICKET, "notes": [{"helpdesk_note": message} for message in MESSAGES]}}]},
    ],
    ids=["conversations within tickets", "envelopes", "account export"],
)  # fmt: skip
def test_every_shape_says_the_same(tmp_path: Path, files: dict[str, Any]) -> None:
    _, plain = read_whole(write(tmp_path / "freshdesk", FILES))
    (tmp_path / "other").mkdir()
    _, other = read_whole(write(tmp_path / "other/freshdesk", files))
    for rows in (plain, other):
        rows["turns"].sort(key=lambda row: row["turn_id"])
    assert other == plain


def test_by_phone_we_wrote_it_down_and_outbound_we_began(tmp_path: Path) -> None:
    tickets = [{**TICKET, "source": 3}, {**TICKET, "id": 21, "source": 10}]
    _, rows = read_whole(write(tmp_path / "freshdesk", {**FILES, "tickets.json": tickets, "conversations.json": []}))
    phone, outbound = rows["turns"]
    assert (phone["side"], phone["circle"]) == ("us", "colleague")
    assert (outbound["side"], outbound["circle"], outbound["recipients"]) == ("us", None, ["cy@client.example"])


def test_what_was_deleted_or_is_spam_is_left_out_and_named(tmp_path: Path) -> None:
    tickets = [{**TICKET, "deleted": True}, {**TICKET, "id": 21, "spam": True}]
    reading, rows = read_whole(
        write(tmp_path / "freshdesk", {**FILES, "tickets.json": tickets, "conversations.json": []})
    )
    assert rows["turns"] == []
    assert len(reading.rejected) == 2


@settings(max_examples=60)
@given(
    made=st.lists(
        st.tuples(
            st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40),
            st.sampled_from(("them", "us", "note")),
            st.datetimes(datetime(2001, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
        ),
        max_size=10,
    )
)
def test_made_up_tickets_come_back(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, str, datetime]]
) -> None:
    messages = [
        {**MESSAGES[0], "id": number, "body_text": body, "incoming": who == "them", "private": who == "note",
         "user_id": 12 if who == "them" else 11, "created_at": (at + timedelta(0)).isoformat() + "Z"}
        for number, (body, who, at) in enumerate(made)
    ]  # fmt: skip
    folder = write(tmp_path_factory.mktemp("made") / "freshdesk", {**FILES, "conversations.json": messages})
    _, rows = read_whole(folder)
    found = [row for row in rows["turns"] if not row["turn_id"].endswith("description")]
    assert [(row["body"], row["side"], row["circle"], row["sent_at"]) for row in found] == [
        (body, "them" if who == "them" else "us", "colleague" if who == "note" else None, at.replace(tzinfo=UTC))
        for body, who, at in made
    ]


def test_broken_exports_are_counted_and_never_fatal(tmp_path: Path) -> None:
    lists = {"tickets": [TICKET], "conversations": MESSAGES, "agents": AGENTS, "contacts": CONTACTS}
    files = {"": json.dumps(lists | {"companies": COMPANIES}).encode()}
    assert max(read_broken(FRESHDESK_READER, files, tmp_path, seed=5)) >= 8
