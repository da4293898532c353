"""Salesforce: mails and comments on cases, opportunities with their history, and what activities say among us."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import read_broken, read_whole

from troth.sources.salesforce import SALESFORCE_READER

ACCOUNT = "001000000000001AAA"
CONTACT = "003000000000001AAA"
USER = "005000000000001AAA"
CASE = "500000000000001AAA"
DEAL = "006000000000001AAA"
TABLES: dict[str, list[dict[str, str]]] = {
    "Account": [{"Id": ACCOUNT, "Name": "Client AG", "Website": "www.client.example", "OwnerId": USER,
                 "IsDeleted": "false", "BillingCity": ""}],
    "User": [{"Id": USER, "Username": "ann@firm.example.prod", "Email": "Ann@firm.example", "Name": "Ann Agent",
              "Alias": "ann", "UserType": "Standard", "IsActive": "true"}],
    "Contact": [{"Id": CONTACT, "AccountId": ACCOUNT, "LastName": "Client", "FirstName": "Cy",
                 "Email": "cy@client.example", "OwnerId": USER, "Phone": "", "IsDeleted": "0"}],
    "Case": [{"Id": CASE, "CaseNumber": "00001001", "ContactId": CONTACT, "AccountId": ACCOUNT, "Status": "Closed",
              "Origin": "Web", "Subject": "Roof", "Description": "It leaks.", "IsClosed": "true",
              "CreatedDate": "2026-03-01T08:00:00.000+0000", "ClosedDate": "2026-03-02T14:00:00.000Z",
              "SuppliedEmail": "", "SuppliedName": ""}],
    "CaseHistory": [
        {"CaseId": CASE, "Field": "Status", "OldValue": "New", "NewValue": "Working",
         "CreatedDate": "2026-03-01T09:00:00.000Z"},
        {"CaseId": CASE, "Field": "Status", "OldValue": "Working", "NewValue": "Closed",
         "CreatedDate": "2026-03-02T14:00:00.000Z"},
        {"CaseId": CASE, "Field": "Owner", "OldValue": "", "NewValue": USER, "CreatedDate": "2026-03-02T14:00:00.000Z"},
    ],
    "CaseComment": [
        {"Id": "00a000000000001AAA", "ParentId": CASE, "CommentBody": "We come, at two.\nOr three.",
         "IsPublished": "true", "CreatedById": USER, "CreatedDate": "2026-03-01T09:00:00.000Z"},
        {"Id": "00a000000000002AAA", "ParentId": CASE, "CommentBody": "He is cross.", "IsPublished": "false",
         "CreatedById": USER, "CreatedDate": "2026-03-01T09:30:00.000Z"},
    ],
    "EmailMessage": [
        {"Id": "02s000000000001AAA", "ParentId": "", "FromAddress": "cy@client.example", "FromName": "Cy Client",
         "ToAddress": "ann@firm.example; bo@firm.example", "CcAddress": "", "Incoming": "1",
         "MessageDate": "2026-03-03T08:00:00.000Z", "Subject": "Offer?", "TextBody": "", "HtmlBody": "<p>When?</p>",
         "Status": "0", "MessageIdentifier": "<m1@client.example>", "ThreadIdentifier": "th1", "CreatedById": USER},
        {"Id": "02s000000000002AAA", "ParentId": "", "FromAddress": "ann@firm.example", "FromName": "Ann",
         "ToAddress": "cy@client.example", "CcAddress": "di@client.example", "Incoming": "0",
         "MessageDate": "2026-03-03T09:00:00.000Z", "Subject": "Re: Offer?", "TextBody": "Tomorrow.", "HtmlBody": "",
         "Status": "3", "MessageIdentifier": "", "ThreadIdentifier": "th1", "CreatedById": USER},
        {"Id": "02s000000000003AAA", "ParentId": "", "FromAddress": "ann@firm.example", "FromName": "Ann",
         "ToAddress": "cy@client.example", "CcAddress": "", "Incoming": "0", "MessageDate": "",
         "Subject": "never sent", "TextBody": "x", "HtmlBody": "", "Status": "5", "MessageIdentifier": "",
         "ThreadIdentifier": "", "CreatedById": USER},
    ],
    "Task": [{"Id": "00T000000000001AAA", "Subject": "Call", "Description": "He wants it by May.", "WhoId": CONTACT,
              "WhatId": DEAL, "OwnerId": USER, "TaskSubtype": "Call", "ActivityDate": "2026-03-04", "Status":
              "Completed", "IsClosed": "true", "CreatedDate": "2026-03-04T10:00:00.000Z"}],
    "Opportunity": [{"Id": DEAL, "AccountId": ACCOUNT, "Name": "Roof", "StageName": "Closed Won", "Amount": "1200.50",
                     "CurrencyIsoCode": "EUR", "CreatedDate": "2026-01-05T08:00:00.000Z", "CloseDate": "2026-02-01",
                     "IsClosed": "true", "IsWon": "true", "Type": "New Business", "OwnerId": USER}],
    "OpportunityHistory": [
        {"Id": "008000000000001AAA", "OpportunityId": DEAL, "StageName": "Prospecting", "Amount": "1500",
         "CreatedDate": "2026-01-05T08:00:00.000Z", "CloseDate": "2026-03-01"},
        {"Id": "008000000000002AAA", "OpportunityId": DEAL, "StageName": "Closed Won", "Amount": "1200.50",
         "CreatedDate": "2026-02-01T16:00:00.000Z", "CloseDate": "2026-02-01"},
    ],
}  # fmt: skip


def as_csv(rows: Sequence[Mapping[str, str]], *, mark: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_json(kind: str, rows: Sequence[Mapping[str, str]]) -> bytes:
    """As the interface answers a query: flags and numbers are none in quotes, and every object says what it is."""
    plain = {"true": True, "false": False, "": None}
    objects = [
        {"attributes": {"type": kind}} | {name: plain.get(value, value) for name, value in row.items()} for row in rows
    ]
    return json.dumps({"totalSize": len(rows), "done": True, "records": objects}).encode()


def snake(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Columns as a warehouse names them: created_date for CreatedDate."""
    return [
        {"".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_"): value
         for name, value in row.items()}
        for row in rows
    ]  # fmt: skip


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


FILES = {f"{name}.csv": as_csv(rows) for name, rows in TABLES.items()}


def test_what_was_said_and_what_was_noted(tmp_path: Path) -> None:
    reading, rows = read_whole(write(tmp_path / "salesforce", FILES))
    said = {row["body"]: row for row in rows["turns"]}
    assert reading.format.name == "salesforce"
    question, answer, first, comment = (
        said[body] for body in ("When?", "Tomorrow.", "It leaks.", "We come, at two.\nOr three.")
    )
    assert (question["turn_id"], question["speaker"], question["side"]) == (
        "m1@client.example", "cy@client.example", "them",
    )  # fmt: skip
    assert question["recipients"] == ["ann@firm.example", "bo@firm.example"]
    assert (answer["side"], answer["cc"], answer["conversation_id"]) == (
        "us", ["di@client.example"], question["conversation_id"],
    )  # fmt: skip
    assert (first["speaker"], first["side"], first["conversation_id"]) == (
        "cy@client.example", "them", "salesforce:500000000000001",
    )  # fmt: skip
    assert (comment["speaker"], comment["recipients"]) == ("ann@firm.example", ["cy@client.example"])
    assert {body for body, row in said.items() if row["circle"] == "colleague"} == {
        "He is cross.",
        "He wants it by May.",
    }
    assert said["He wants it by May."]["channel"] == "call"
    assert [piece.reason for piece in reading.rejected] == ["a draft, never sent"]


def test_deals_and_cases_are_outcomes_with_their_steps(tmp_path: Path) -> None:
    _, rows = read_whole(write(tmp_path / "salesforce", FILES))
    outcomes = {row["outcome_id"]: row for row in rows["outcomes"]}
    deal, case = outcomes["salesforce:006000000000001"], outcomes["salesforce:500000000000001"]
    assert (deal["relationship"], deal["state"], deal["amount"], deal["currency"]) == (
        "client.example", "won", 1200.5, "EUR",
    )  # fmt: skip
    assert deal["closed_at"] == datetime(2026, 2, 1, 23, 59, 59, 999999, tzinfo=UTC)  # a day, known by its end
    assert (case["kind"], case["state"], case["relationship"]) == ("ticket", "won", "client.example")
    steps = [(row["outcome_id"][-15:-12], row["stage"], row["state"], row["amount"]) for row in rows["outcome_steps"]]
    assert steps == [
        ("500", "Working", "open", None), ("500", "Closed", "won", None),
        ("006", "Prospecting", "open", 1500.0), ("006", "Closed Won", "won", 1200.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [
        {f"{name}.csv": as_csv(snake(rows), mark="\t") for name, rows in TABLES.items()},
        {f"{name}.json": as_json(name, rows) for name, rows in TABLES.items()},
    ],
    ids=["a warehouse's tables", "the interface's JSON"],
)
def test_every_shape_says_the_same(tmp_path: Path, files: dict[str, bytes]) -> None:
    _, plain = read_whole(write(tmp_path / "one/salesforce", FILES))
    _, other = read_whole(write(tmp_path / "two/salesforce", files))
    assert other == plain


def test_changes_of_single_fields_are_steps_too(tmp_path: Path) -> None:
    changes = [
        {"OpportunityId": DEAL, "Field": field, "OldValue": "", "NewValue": value, "CreatedDate": at}
        for field, value, at in (
            ("StageName", "Prospecting", "2026-01-05T08:00:00.000Z"),
            ("Amount", "900", "2026-01-06T08:00:00.000Z"),
            ("NextStep", "call", "2026-01-06T08:00:00.000Z"),
            ("StageName", "Closed Won", "2026-02-01T08:00:00.000Z"),
        )
    ]
    files = {"Opportunity.csv": FILES["Opportunity.csv"], "OpportunityFieldHistory.csv": as_csv(changes)}
    _, rows = read_whole(write(tmp_path / "salesforce", files))
    assert [(row["stage"], row["amount"]) for row in rows["outcome_steps"]] == [
        ("Prospecting", None), ("Prospecting", 900.0), ("Closed Won", 900.0),
    ]  # fmt: skip
    assert rows["outcomes"][0]["relationship"] == "salesforce:001000000000001"  # no list of accounts: its id


def test_a_customer_with_a_login_writes_as_theirs(tmp_path: Path) -> None:
    portal = [{**TABLES["User"][0], "UserType": "PowerCustomerSuccess", "Email": "cy@client.example"}]
    _, rows = read_whole(write(tmp_path / "salesforce", {**FILES, "User.csv": as_csv(portal)}))
    comment = next(row for row in rows["turns"] if row["body"].startswith("We come"))
    assert (comment["side"], comment["recipients"]) == ("them", None)


def test_a_case_written_down_by_us_is_no_turn(tmp_path: Path) -> None:
    phone = [{**TABLES["Case"][0], "Origin": "Phone"}]
    reading, rows = read_whole(write(tmp_path / "salesforce", {**FILES, "Case.csv": as_csv(phone)}))
    assert "It leaks." not in {row["body"] for row in rows["turns"]}
    assert reading.notes["description of a case that came by phone or was written by us: no turn"] == 1


@settings(max_examples=60)
@given(
    made=st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1).filter(
                lambda said: bool(said.strip())
            ),
            st.booleans(),
            st.datetimes(datetime(2001, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
        ),
        min_size=1,
        max_size=8,
    )
)
def test_made_up_comments_come_back(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, bool, datetime]]
) -> None:
    comments: list[dict[str, Any]] = [
        {**TABLES["CaseComment"][0], "Id": f"00a{number:012}AAA", "CommentBody": body, "IsPublished": str(published),
         "CreatedDate": at.isoformat() + "Z"}
        for number, (body, published, at) in enumerate(made)
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("made") / "CaseComment.csv"
    path.write_bytes(as_csv(comments))
    _, rows = read_whole(path)
    assert [(row["body"], row["circle"], row["sent_at"]) for row in rows["turns"]] == [
        (body.strip("\n"), None if published else "colleague", at.replace(tzinfo=UTC)) for body, published, at in made
    ]


def test_broken_exports_are_counted_and_never_fatal(tmp_path: Path) -> None:
    files = {name: FILES[f"{name}.csv"] for name in ("Case", "CaseComment", "Opportunity", "OpportunityHistory")}
    assert max(read_broken(SALESFORCE_READER, files, tmp_path, seed=11)) >= 7


def test_the_tables_of_a_real_account_are_read(shared: Path) -> None:
    reading, rows = read_whole(shared / "samples/salesforce_tables")
    assert reading.format.name == "salesforce"
    assert {row["circle"] for row in rows["turns"]} == {"colleague"}  # activities alone: nothing was said to anybody
    assert sum("deleted in Salesforce" in piece.reason for piece in reading.rejected) >= 15
    assert len(rows["contacts"]) == 5
