"""Intercom: what was said in a conversation, what was noted among colleagues, and when it was closed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import read_broken, read_whole

from troth.sources.intercom import INTERCOM_READER

ADMIN = {"type": "admin", "id": "8", "name": "Ann Agent", "email": "Ann@firm.example"}
USER = {"type": "user", "id": "c1", "name": "Cy Client", "email": "cy@client.example"}
FIN = {"type": "bot", "id": "9", "name": "Fin", "email": "fin@firm.example"}
START = 1_772_000_000  # 2026-02-25T06:13:20Z


def part(number: int, kind: str, body: str | None, author: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "conversation_part", "id": number, "part_type": kind, "body": body, "author": author,
            "created_at": START + 60 * number, "attachments": [], "redacted": False} | more  # fmt: skip


def conversation(number: str, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "type": "conversation", "id": number, "created_at": START, "updated_at": START + 10_000, "state": "closed",
        "source": {"type": "email", "id": "s1", "subject": "<p>Roof</p>", "body": "<p>It <i>leaks</i>.</p>",
                   "author": USER, "attachments": [{"name": "roof.jpg"}], "redacted": False},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "c1"}]},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": parts},
        "conversation_rating": {"rating": 5, "remark": "Quick!", "created_at": START + 900, "contact": {"id": "c1"}},
        "ai_agent_participated": False,
    } | more  # fmt: skip


PARTS = [
    part(1, "comment", "<p>We come<br>at two.</p>", ADMIN),
    part(2, "note", "<p>He is cross.</p>", ADMIN),
    part(3, "assignment", None, ADMIN),
    part(4, "comment", "<p>My card is 4111</p>", USER, redacted=True),
    part(5, "comment", "<p>Thanks</p>", USER),
    part(6, "close", None, ADMIN),
]
CONTACT = {"type": "contact", "id": "c1", "role": "user", "email": "cy@client.example", "name": "Cy Client",
           "phone": "+49305555", "external_id": "70", "workspace_id": "w",
           "companies": {"type": "list", "data": [{"id": "co1"}]}}  # fmt: skip
COMPANY = {"type": "company", "id": "co1", "company_id": "c-1", "name": "Client AG", "website": "client.example",
           "monthly_spend": 5, "plan": {"name": "gold"}}  # fmt: skip
FILES = {
    "conversations.json": {
        "type": "conversation.list",
        "conversations": [conversation("503", PARTS)],
        "total_count": 1,
    },
    "contacts.json": {"type": "list", "data": [CONTACT]},
    "companies.json": {"type": "list", "data": [COMPANY]},
}


def write(folder: Path, files: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_what_was_said_and_what_was_noted(tmp_path: Path) -> None:
    reading, rows = read_whole(write(tmp_path / "intercom", FILES))
    opening, answer, note, thanks, rating = rows["turns"]
    assert reading.format.name == "intercom"
    assert [row["body"] for row in rows["turns"]] == [
        "It leaks.", "We come\nat two.", "He is cross.", "Thanks", "Quick!",
    ]  # fmt: skip
    assert (opening["speaker"], opening["side"], opening["subject"], opening["attachments"]) == (
        "cy@client.example", "them", "Roof", ["roof.jpg"],
    )  # fmt: skip
    assert opening["channel"] == "mail"
    assert (answer["speaker"], answer["side"], answer["recipients"]) == (
        "ann@firm.example",
        "us",
        ["cy@client.example"],
    )
    assert answer["sent_at"] == datetime.fromtimestamp(START + 60, UTC)
    assert (note["conversation_id"], note["circle"], note["recipients"]) == ("intercom:503:internal", "colleague", None)
    assert (thanks["side"], rating["speaker"]) == ("them", "cy@client.example")
    assert [(piece.position, piece.reason) for piece in reading.rejected] == [
        ("conversations.json, conversations 1, part 4", "redacted")
    ]


def test_a_closed_conversation_is_an_outcome_of_its_firm(tmp_path: Path) -> None:
    _, rows = read_whole(write(tmp_path / "intercom", FILES))
    (outcome,) = rows["outcomes"]
    assert (outcome["relationship"], outcome["kind"], outcome["state"]) == ("client.example", "ticket", "won")
    assert outcome["closed_at"] == datetime.fromtimestamp(START + 360, UTC)  # when it was closed, not last touched
    people = {row["contact_id"]: row for row in rows["contacts"]}
    assert people["intercom:c1"]["account_id"] == "intercom:company:co1"
    assert people["intercom:company:co1"]["segment"] == "gold"
    assert people["intercom:8"]["side"] == "us"


@pytest.mark.parametrize(
    "content",
    [
        conversation("503", PARTS),
        [conversation("503", PARTS)],
        {"conversation found": {"value": conversation("503", PARTS)}},
        "\n".join(json.dumps(one) for one in (conversation("503", PARTS), conversation("504", []))),
    ],
    ids=["alone", "a list", "an example of the documentation", "JSON lines"],
)
def test_every_shape_says_the_same(tmp_path: Path, content: object) -> None:
    _, plain = read_whole(write(tmp_path / "intercom", FILES))
    (tmp_path / "one.json").write_text(content if isinstance(content, str) else json.dumps(content))
    _, rows = read_whole(tmp_path / "one.json")
    known = [{**row, "source": None} for row in plain["turns"]]
    assert [{**row, "source": None} for row in rows["turns"] if "503" in row["turn_id"]] == known


def test_an_ai_agents_answer_is_said_and_a_standing_text_is_automatic(tmp_path: Path) -> None:
    talk = [
        conversation("1", [part(1, "comment", "<p>Try this.</p>", {**FIN, "from_ai_agent": True})]),
        conversation("2", [part(1, "comment", "<p>We are closed.</p>", {**FIN, "from_ai_agent": False})]),
        conversation("3", [part(1, "comment", "<p>Try that.</p>", FIN)], ai_agent_participated=True),
    ]
    (tmp_path / "one.json").write_text(json.dumps({"conversations": talk}))
    _, rows = read_whole(tmp_path / "one.json")
    bots = {row["body"]: (row["automatic"], row["side"]) for row in rows["turns"] if row["speaker_name"] == "Fin"}
    assert bots == {"Try this.": (False, "us"), "We are closed.": (True, "us"), "Try that.": (False, "us")}


@settings(max_examples=60)
@given(
    made=st.lists(
        st.tuples(
            st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40),
            st.sampled_from(("them", "us", "note")),
            st.integers(0, 10**6),
        ),
        max_size=10,
    )
)
def test_made_up_conversations_come_back(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, str, int]]
) -> None:
    parts = [
        part(number, "note" if who == "note" else "comment", f"<p>{escape(body)}</p>", USER if who == "them" else ADMIN,
             created_at=START + seconds)
        for number, (body, who, seconds) in enumerate(made)
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("made") / "one.json"
    path.write_text(json.dumps(conversation("7", parts)))
    _, rows = read_whole(path)
    start = datetime.fromtimestamp(START, UTC)
    assert [(row["body"], row["side"], row["circle"], row["sent_at"]) for row in rows["turns"][1:-1]] == [
        (body, "them" if who == "them" else "us", "colleague" if who == "note" else None,
         start + timedelta(seconds=seconds))
        for body, who, seconds in made
    ]  # fmt: skip


def test_broken_exports_are_counted_and_never_fatal(tmp_path: Path) -> None:
    lists = {"conversations": [conversation("1", PARTS), conversation("2", [])], "contacts": [CONTACT]}
    files = {"": json.dumps(lists | {"companies": [COMPANY], "admins": [ADMIN]}).encode()}
    assert max(read_broken(INTERCOM_READER, files, tmp_path, seed=3)) >= 12


def test_the_example_of_the_documentation_is_read(shared: Path) -> None:
    reading, rows = read_whole(shared / "samples/intercom_json/conversation_example.json")
    assert [(row["body"], row["side"]) for row in rows["turns"]] == [
        ("this is the message body", "us"),
        ("Okay!", "us"),
    ]
    assert not reading.rejected


def test_the_tables_of_a_real_account_are_read(shared: Path) -> None:
    reading, rows = read_whole(shared / "samples/intercom_tables")
    assert reading.format.name == "intercom"
    assert {row["side"] for row in rows["turns"]} == {"us", "them"}
    assert len(rows["contacts"]) == 11
    assert {row["stage"] for row in rows["outcome_steps"]} == {"closed"}
