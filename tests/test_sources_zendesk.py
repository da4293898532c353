"""Zendesk: what was said on a ticket, by whom and to whom, and when it was solved, in every shape of its exports."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import read_broken, read_whole

from troth.sample import sample_files
from troth.sources import recognise
from troth.sources.zendesk import ZENDESK_READER

USERS = [
    {"id": 11, "name": "Ann Agent", "email": "Ann@firm.example", "role": "agent", "organization_id": None},
    {"id": 12, "name": "Cy Client", "email": "cy@client.example", "role": "end-user", "organization_id": 55,
     "phone": "+49 30 5555 01"},
    {"id": 13, "name": "Di Client", "email": None, "role": "end-user", "organization_id": 55},
]  # fmt: skip
ORGANIZATIONS = [{"id": 55, "name": "Client AG", "domain_names": ["Client.example", "other.example"]}]
TICKET: dict[str, Any] = {
    "id": 7, "subject": "Printer", "description": "It smokes.", "status": "solved", "requester_id": 12,
    "submitter_id": 12, "assignee_id": 11, "organization_id": 55, "email_cc_ids": [13],
    "created_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-09T08:00:00Z",
    "satisfaction_rating": {"score": "good", "comment": "Quick!"},
}  # fmt: skip


def comment(number: int, author: int, body: str, at: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "event_type": "Comment", "author_id": author, "body": body, "public": True,
            "created_at": at, "attachments": []} | more  # fmt: skip


EVENTS: list[dict[str, Any]] = [
    {"id": 1, "ticket_id": 7, "created_at": "2026-03-01T08:00:00Z", "updater_id": 12, "event_type": "Audit",
     "child_events": [
         comment(101, 12, "It smokes.", "2026-03-01T08:00:00Z", attachments=[{"file_name": "smoke.jpg"}]),
         {"id": 102, "event_type": "Create", "status": "new"},
     ]},
    {"id": 2, "ticket_id": 7, "created_at": "2026-03-01T09:00:00Z", "updater_id": 11, "event_type": "Audit",
     "child_events": [
         comment(103, 11, "He always says that.", "2026-03-01T09:00:00Z", public=False),
         comment(104, 11, "I come at two.", "2026-03-01T09:05:00Z"),
         {"id": 105, "event_type": "Change", "status": "pending", "previous_value": "new"},
         {"id": 106, "event_type": "Change", "priority": "high", "previous_value": None},
     ]},
    {"id": 3, "ticket_id": 7, "timestamp": 1772460000, "updater_id": 11, "event_type": "Audit",
     "child_events": [{"id": 107, "event_type": "Change", "status": "solved", "previous_value": "pending"}]},
]  # fmt: skip
PAGES = {
    "tickets.json": {"tickets": [TICKET], "count": 1, "next_page": None},
    "ticket_events.json": {"ticket_events": EVENTS, "count": 3, "end_time": 1772460000},
    "users.json": {"users": USERS, "count": 3},
    "organizations.json": {"organizations": ORGANIZATIONS, "count": 1},
}


def write_pages(folder: Path, pages: dict[str, Any]) -> Path:
    for name, page in pages.items():
        (folder / name).write_text(page if isinstance(page, str) else json.dumps(page))
    return folder


def test_an_incremental_export_gives_turns_people_and_the_ticket(tmp_path: Path) -> None:
    reading, rows = read_whole(write_pages(tmp_path, PAGES))
    said = {row["turn_id"]: row for row in rows["turns"]}
    assert reading.format.name == "zendesk"
    assert list(said) == ["zendesk:7:101", "zendesk:7:103", "zendesk:7:104", "zendesk:7:rating"]
    first, note, answer, rating = said.values()
    assert (first["speaker"], first["side"], first["attachments"]) == ("cy@client.example", "them", ["smoke.jpg"])
    assert (answer["speaker"], answer["side"], answer["recipients"]) == (
        "ann@firm.example",
        "us",
        ["cy@client.example"],
    )
    assert answer["cc"] == ["zendesk:13"]  # who has no address goes by the handle of the contact
    assert answer["sent_at"] == datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
    assert {first["conversation_id"], answer["conversation_id"]} == {"zendesk:7"}
    assert (note["conversation_id"], note["circle"], note["side"], note["recipients"]) == (
        "zendesk:7:internal", "colleague", "us", None,
    )  # fmt: skip
    assert (rating["body"], rating["speaker"]) == ("Quick!", "cy@client.example")
    contacts = {row["contact_id"]: row for row in rows["contacts"]}
    assert contacts["zendesk:12"]["account_id"] == "zendesk:organization:55"
    assert contacts["zendesk:12"]["phone"] == "+4930555501"
    assert contacts["zendesk:organization:55"]["domain"] == "client.example"
    assert {row["handle"]: row["side"] for row in rows["contacts"] if row["kind"] == "person"} == {
        "zendesk:11": "us", "zendesk:12": "them", "zendesk:13": "them",
    }  # fmt: skip
    (ticket,) = rows["outcomes"]
    assert (ticket["relationship"], ticket["kind"], ticket["state"]) == ("client.example", "ticket", "won")
    assert ticket["closed_at"] == datetime(2026, 3, 2, 14, 0, tzinfo=UTC)  # 1772460000, when it was solved
    assert [(row["stage"], row["state"]) for row in rows["outcome_steps"]] == [
        ("new", "open"), ("pending", "open"), ("solved", "won"),
    ]  # fmt: skip


def audits() -> list[dict[str, Any]]:
    """The same events in the words of the audits interface."""
    found = []
    for event in EVENTS:
        children = []
        for child in event["child_events"]:
            named = {"field_name": "status", "value": child["status"]} if "status" in child else {}
            said = {name: value for name, value in child.items() if name not in {"status", "event_type"}}
            children.append({**said, **named, "type": child["event_type"]})
        at = event.get("created_at", event.get("timestamp"))
        found.append({"id": event["id"], "ticket_id": 7, "created_at": at, "author_id": event["updater_id"],
                      "events": children})  # fmt: skip
    return found


def full_lines() -> str:
    """The same ticket as a line of the JSON export of an account."""
    comments = [child for event in EVENTS for child in event["child_events"] if child["event_type"] == "Comment"]
    people = {"requester": USERS[1], "submitter": USERS[1], "assignee": USERS[0]}
    return json.dumps({**TICKET, **people, "comments": comments, "metric_set": {"solved_at": "2026-03-02T14:00:00Z"}})


@pytest.mark.parametrize(
    "pages",
    [
        {**PAGES, "ticket_events.json": {"audits": audits()}},
        {"all.json": {"users": USERS, "organizations": ORGANIZATIONS, "tickets": [TICKET], "ticket_events": EVENTS}},
        {"all.jsonl": "\n".join(json.dumps(row) for row in (*ORGANIZATIONS, *USERS, *EVENTS, TICKET))},
        {"users.json": {"users": USERS}, "organizations.json": ORGANIZATIONS, "export.json": full_lines()},
    ],
    ids=["audits", "one file with all lists", "JSON lines", "full export"],
)
def test_every_shape_says_the_same(tmp_path: Path, pages: dict[str, Any]) -> None:
    _, plain = read_whole(write_pages(_made(tmp_path / "plain"), PAGES))
    folder = write_pages(_made(tmp_path / "other"), pages)
    reading, other = read_whole(folder if len(pages) > 1 else folder / next(iter(pages)))
    assert reading.format.name == "zendesk"
    for name in ("turns", "outcomes"):
        assert _without_source(other[name]) == _without_source(plain[name])
    assert {row["contact_id"] for row in other["contacts"]} == {row["contact_id"] for row in plain["contacts"]}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _without_source(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain = [{name: value for name, value in row.items() if name != "source"} for row in rows]
    return sorted(plain, key=lambda row: str(row.get("turn_id")))


def test_a_zip_is_read_as_its_folder(tmp_path: Path) -> None:
    folder = write_pages(_made(tmp_path / "zendesk"), PAGES)
    with zipfile.ZipFile(tmp_path / "zendesk.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"zendesk/{path.name}")
    assert _without_source(read_whole(tmp_path / "zendesk.zip")[1]["turns"]) == _without_source(
        read_whole(folder)[1]["turns"]
    )


def test_the_later_version_of_a_ticket_counts(tmp_path: Path) -> None:
    before = {**TICKET, "status": "open", "updated_at": "2026-03-01T09:30:00Z", "satisfaction_rating": None}
    pages = {**PAGES, "tickets.json": {"tickets": [TICKET, before]}, "tickets2.json": {"tickets": [before]}}
    reading, rows = read_whole(write_pages(tmp_path, pages))
    assert [row["state"] for row in rows["outcomes"]] == ["won"]
    reason = "an earlier version of what the export holds as it stands now"
    assert [piece.reason for piece in reading.rejected] == [reason] * 2


def test_without_comments_the_description_stands_for_the_first(tmp_path: Path) -> None:
    pages = {name: page for name, page in PAGES.items() if name != "ticket_events.json"}
    reading, rows = read_whole(write_pages(tmp_path, pages))
    assert [row["turn_id"] for row in rows["turns"]] == ["zendesk:7:description", "zendesk:7:rating"]
    assert rows["outcomes"][0]["closed_at"] == datetime(2026, 3, 9, 8, tzinfo=UTC)  # its last update
    assert set(reading.notes.values()) == {1}


def test_what_was_deleted_is_left_out_and_named(tmp_path: Path) -> None:
    pages = {**PAGES, "tickets.json": {"tickets": [{**TICKET, "status": "deleted"}]}}
    reading, rows = read_whole(write_pages(tmp_path, pages))
    assert rows["turns"] == []
    assert "outcomes" not in rows
    assert {piece.reason for piece in reading.rejected} == {"of a ticket that was deleted in Zendesk"}


def test_talk_on_a_ticket_of_a_colleague_stays_among_colleagues(tmp_path: Path) -> None:
    pages = {**PAGES, "tickets.json": {"tickets": [{**TICKET, "requester_id": 11}]}}
    _, rows = read_whole(write_pages(tmp_path, pages))
    assert {row["circle"] for row in rows["turns"]} == {"colleague"}


def test_without_the_list_of_people_authors_have_handles_and_no_side(tmp_path: Path) -> None:
    _, rows = read_whole(
        write_pages(tmp_path, {"ticket_events.json": PAGES["ticket_events.json"]}) / "ticket_events.json"
    )
    assert {(row["speaker"], row["side"]) for row in rows["turns"] if row["circle"] is None} == {
        ("zendesk:12", None), ("zendesk:11", None),
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_made_up_tickets_come_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = st.text(min_size=1, max_size=40).map(str.strip).filter(lambda said: said.strip("\n\0\r").strip())
    text = text.filter(lambda said: "\0" not in said and "\r" not in said)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    said: list[tuple[int, int, bool, str, datetime]] = data.draw(
        st.lists(
            st.tuples(
                st.integers(1, 5), st.sampled_from((11, 12, 13)), st.booleans(), text,
                st.integers(0, 10**7).map(lambda seconds: start + timedelta(seconds=seconds)),
            ),
            max_size=12,
        )
    )  # fmt: skip
    events = [
        {"id": number, "ticket_id": ticket, "created_at": at.isoformat(), "child_events": [
            comment(1000 + number, author, body, at.isoformat(), public=public)]}
        for number, (ticket, author, public, body, at) in enumerate(said)
    ]  # fmt: skip
    tickets = [{**TICKET, "id": number, "satisfaction_rating": None} for number in range(1, 6)]
    pages = {**PAGES, "ticket_events.json": {"ticket_events": events}, "tickets.json": {"tickets": tickets}}
    folder = write_pages(tmp_path_factory.mktemp("made"), pages)
    _, rows = read_whole(folder)
    found = [row for row in rows["turns"] if not row["turn_id"].endswith("description")]
    sides = {11: "us", 12: "them", 13: "them"}
    assert [(row["turn_id"], row["body"], row["sent_at"], row["side"]) for row in found] == [
        (f"zendesk:{ticket}:{1000 + number}", body.strip("\n"), at, sides[author] if public else "us")
        for number, (ticket, author, public, body, at) in enumerate(said)
    ]
    assert [row["conversation_id"].endswith(":internal") for row in found] == [
        not public for _, _, public, _, _ in said
    ]


def test_broken_exports_are_counted_and_never_fatal(tmp_path: Path) -> None:
    lists = {name: rows for page in PAGES.values() for name, rows in page.items() if isinstance(rows, list)}
    files = {"": json.dumps(lists).encode()}
    assert max(read_broken(ZENDESK_READER, files, tmp_path, seed=7)) >= 10


def test_the_sample_is_read_without_loss(tmp_path: Path) -> None:
    for name, content in sample_files().items():
        if name.startswith("zendesk/"):
            (tmp_path / name.partition("/")[2]).write_bytes(content)
    reading, rows = read_whole(tmp_path)
    assert not reading.rejected
    assert len(rows["outcomes"]) == 9
    assert {row["relationship"].endswith(".example") for row in rows["outcomes"]} == {True}


def test_the_tables_of_a_real_account_are_read(shared: Path) -> None:
    folder = shared / "samples/zendesk_tables"
    reading, rows = read_whole(folder)
    assert recognise(folder).name == "zendesk"
    steps = [row["stage"] for row in rows["outcome_steps"] if row["outcome_id"] == "zendesk:11071"]
    assert steps[0] == "open"
    assert steps[-2:] == ["solved", "closed"]
    assert len(rows["turns"]) == 28
    assert {piece.reason for piece in reading.rejected} == {
        "no part of a Zendesk export", "of a ticket that was deleted in Zendesk",
    }  # fmt: skip
