"""HubSpot: deals with the stages they went through, who they are with, and what was written, as CSV and as JSON."""

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

from troth.sample import sample_files
from troth.sources.hubspot import HUBSPOT_READER

COMPANIES = [{"hs_object_id": "1", "name": "Client AG", "domain": "https://www.Client.example/about",
              "hubspot_owner_id": "77", "segment": "food"}]  # fmt: skip
CONTACTS = [{"hs_object_id": "5", "firstname": "Cy", "lastname": "Client", "email": "Cy@client.example",
             "phone": "+49 (0)30 5555 01", "associatedcompanyid": "1", "hubspot_owner_id": "77"}]  # fmt: skip
DEALS = [
    {"hs_object_id": "9", "dealname": "Roof", "amount": "1200.50", "deal_currency_code": "EUR",
     "dealstage": "closedwon", "pipeline": "default", "createdate": "2026-01-05T08:00:00Z",
     "closedate": "2026-02-01T09:00:00Z", "hs_is_closed": "true", "hs_is_closed_won": "true",
     "associatedcompanyid": "1"},
    {"hs_object_id": "10", "dealname": "Roof again", "amount": "", "deal_currency_code": "", "dealstage": "4711",
     "pipeline": "Renewals", "createdate": "2026-03-05T08:00:00Z", "closedate": "2026-12-31T00:00:00Z",
     "hs_is_closed": "false", "hs_is_closed_won": "false", "associatedcompanyid": "1"},
]  # fmt: skip
HISTORY = [
    ("9", "2026-01-05T08:00:00Z", "dealstage", "qualifiedtobuy"),
    ("9", "2026-01-05T08:00:00Z", "amount", "1500"),
    ("9", "2026-01-20T08:00:00Z", "amount", "1200.50"),
    ("9", "2026-01-21T08:00:00Z", "dealname", "Roof"),
    ("9", "2026-02-01T09:00:00Z", "dealstage", "closedwon"),
    ("10", "2026-03-05T08:00:00Z", "dealstage", "4711"),
]
OWNERS = [{"id": "77", "email": "Ann@firm.example", "firstName": "Ann", "lastName": "Agent", "userId": 3,
           "archived": False}]  # fmt: skip
EMAILS = [
    {"hs_object_id": "21", "hs_email_direction": "INCOMING_EMAIL", "hs_email_from_email": "cy@client.example",
     "hs_email_to_email": "ann@firm.example;bo@firm.example", "hs_email_subject": "Roof", "hs_email_text": "It leaks.",
     "hs_timestamp": "2026-01-06T10:00:00Z", "hs_email_message_id": "<abc@client.example>", "hs_email_thread_id": "t1",
     "hubspot_owner_id": "77", "hs_email_status": "SENT", "hs_email_html": ""},
    {"hs_object_id": "22", "hs_email_direction": "EMAIL", "hs_email_from_email": "", "hs_email_to_email":
     "cy@client.example", "hs_email_subject": "Re: Roof", "hs_email_text": "", "hs_timestamp": "1767780000000",
     "hs_email_message_id": "", "hs_email_thread_id": "t1", "hubspot_owner_id": "77", "hs_email_status": "SENT",
     "hs_email_html": "<p>We <b>come</b>.</p>"},
    {"hs_object_id": "23", "hs_email_direction": "DRAFT_EMAIL", "hs_email_subject": "Never", "hs_email_text": "sent"},
    {"hs_object_id": "24", "hs_email_direction": "EMAIL", "hs_email_subject": "Lost", "hs_email_text": "mail",
     "hs_email_status": "BOUNCED"},
]  # fmt: skip
NOTES = [{"hs_object_id": "31", "hs_note_body": "<p>He is cross.</p>", "hs_timestamp": "2026-01-07T10:00:00Z",
          "hubspot_owner_id": "77"}]  # fmt: skip


def as_csv(rows: Sequence[Mapping[str, Any]], *, mark: str = ",", bom: bool = False) -> bytes:
    out = io.StringIO(newline="")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, columns, delimiter=mark, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return (b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode()


def as_json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    objects = [
        {"id": row["hs_object_id"], "createdAt": "2026-01-01T00:00:00Z", "archived": False,
         "properties": {name: value for name, value in row.items() if name != "associatedcompanyid"},
         "associations": {"companies": {"results": [{"id": row["associatedcompanyid"], "type": "deal_to_company"}]}}
         if "associatedcompanyid" in row else {}}
        for row in rows
    ]  # fmt: skip
    return json.dumps({"results": objects, "paging": {"next": {"after": "100"}}}).encode()


HISTORY_ROWS: list[dict[str, str]] = [
    dict(zip(("deal_id", "timestamp", "name", "value"), row, strict=True)) for row in HISTORY
]
TABLES = {"companies": COMPANIES, "contacts": CONTACTS, "deals": DEALS, "emails": EMAILS, "notes": NOTES}
CSV_FILES = {f"{name}.csv": as_csv(rows) for name, rows in TABLES.items()} | {
    "history.csv": as_csv(HISTORY_ROWS),
    "owners.json": json.dumps({"results": OWNERS}).encode(),
}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_deals_stand_with_their_account_and_the_stages_they_went_through(tmp_path: Path) -> None:
    reading, rows = read_whole(write(tmp_path / "crm", CSV_FILES))
    assert reading.format.name == "hubspot"
    won, renewal = rows["outcomes"]
    assert won == {
        "outcome_id": "hubspot:deal:9", "relationship": "client.example", "kind": "deal", "stage": "closedwon",
        "state": "won", "amount": 1200.5, "currency": "EUR", "opened_at": datetime(2026, 1, 5, 8, tzinfo=UTC),
        "closed_at": datetime(2026, 2, 1, 9, tzinfo=UTC),
    }  # fmt: skip
    # An open deal's closing day is a plan, not something that happened.
    assert (renewal["kind"], renewal["state"], renewal["closed_at"], renewal["amount"]) == (
        "renewal",
        "open",
        None,
        None,
    )
    steps = [
        (row["stage"], row["state"], row["amount"]) for row in rows["outcome_steps"] if row["outcome_id"][-1] == "9"
    ]
    assert steps == [
        ("qualifiedtobuy", "open", 1500.0), ("qualifiedtobuy", "open", 1200.5), ("closedwon", "won", 1200.5),
    ]  # fmt: skip
    assert reading.notes["change of a deal other than of its stage or amount"] == 1


def test_people_and_firms_have_owners(tmp_path: Path) -> None:
    _, rows = read_whole(write(tmp_path / "crm", CSV_FILES))
    people = {row["contact_id"]: row for row in rows["contacts"]}
    firm, person, owner = (people[f"hubspot:{name}"] for name in ("company:1", "contact:5", "owner:77"))
    assert (firm["domain"], firm["owner"], firm["segment"]) == ("client.example", "ann@firm.example", "food")
    assert (person["address"], person["phone"], person["account_id"]) == (
        "cy@client.example", "+4930555501", "hubspot:company:1",
    )  # fmt: skip
    assert (owner["side"], owner["address"], person["side"]) == ("us", "ann@firm.example", "them")


def test_mails_are_said_and_notes_are_not(tmp_path: Path) -> None:
    reading, rows = read_whole(write(tmp_path / "crm", CSV_FILES))
    asked, answered, note = rows["turns"]
    assert asked["turn_id"] == "abc@client.example"  # as a mailbox would name the same mail
    assert (asked["side"], asked["speaker"], asked["recipients"]) == (
        "them", "cy@client.example", ["ann@firm.example", "bo@firm.example"],
    )  # fmt: skip
    assert (answered["side"], answered["speaker"], answered["body"]) == ("us", "ann@firm.example", "We come.")
    assert answered["conversation_id"] == asked["conversation_id"] == "hubspot:thread:t1"
    assert answered["sent_at"] == datetime(2026, 1, 7, 10, tzinfo=UTC)  # milliseconds since 1970
    assert (note["circle"], note["recipients"], note["body"]) == ("colleague", None, "He is cross.")
    assert {piece.reason for piece in reading.rejected} == {"a draft, never sent", "never delivered: bounced"}


@pytest.mark.parametrize(
    "files",
    [
        {name: data if name.endswith("json") else as_csv(TABLES.get(name[:-4], HISTORY_ROWS), mark=";", bom=True)
         for name, data in CSV_FILES.items()},
        {f"{name}.json": as_json(rows) for name, rows in TABLES.items()}
        | {"history.csv": as_csv(HISTORY_ROWS, mark="\t"), "owners.json": CSV_FILES["owners.json"]},
    ],
    ids=["semicolons and a byte order mark", "the interface's JSON"],
)  # fmt: skip
def test_every_shape_says_the_same(tmp_path: Path, files: dict[str, bytes]) -> None:
    _, plain = read_whole(write(tmp_path / "crm", CSV_FILES))
    (tmp_path / "other").mkdir()
    _, other = read_whole(write(tmp_path / "other" / "crm", files))
    assert other == plain


def test_the_interface_tells_stages_with_the_deal(tmp_path: Path) -> None:
    deal = {"id": "9", "properties": {"dealname": "Roof", "dealstage": "4712", "amount": "5", "createdate":
            "2026-01-05T08:00:00Z", "closedate": "2026-02-01T09:00:00Z"},
            "propertiesWithHistory": {"dealstage": [
                {"value": "4712", "timestamp": "2026-02-01T09:00:00Z"},
                {"value": "4711", "timestamp": "2026-01-05T08:00:00Z"}]},
            "associations": {"contacts": {"results": [{"id": "5"}]}}}  # fmt: skip
    pipeline = {"id": "default", "label": "Sales", "displayOrder": 0, "stages": [
        {"id": "4711", "label": "Talking", "metadata": {"isClosed": "false", "probability": "0.2"}},
        {"id": "4712", "label": "Signed", "metadata": {"isClosed": "true", "probability": "1.0"}}]}  # fmt: skip
    files = {
        "deals.json": json.dumps({"results": [deal]}).encode(),
        "pipelines.json": json.dumps({"results": [pipeline]}).encode(),
        "contacts.csv": CSV_FILES["contacts.csv"],
    }
    _, rows = read_whole(write(tmp_path / "crm", files))
    assert [(row["stage"], row["state"]) for row in rows["outcome_steps"]] == [("Talking", "open"), ("Signed", "won")]
    assert rows["outcomes"][0]["relationship"] == "cy@client.example"  # no firm is known: its person stands for it


def test_stages_may_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    row = {**DEALS[0], "hs_v2_date_entered_qualifiedtobuy": "2026-01-05T08:00:00Z",
           "hs_v2_date_entered_closedwon": "2026-02-01T09:00:00Z"}  # fmt: skip
    (tmp_path / "deals.csv").write_bytes(as_csv([row]))
    _, rows = read_whole(tmp_path / "deals.csv")
    assert [row["stage"] for row in rows["outcome_steps"]] == ["qualifiedtobuy", "closedwon"]


def test_invoices_are_outcomes_paid_or_not(tmp_path: Path) -> None:
    invoice = {"invoice_id": "R-1", "associatedcompanyid": "1", "amount": "100,00", "currency": "EUR", "status": "paid",
               "issued_at": "2026-01-05", "due_at": "2026-02-05", "paid_at": "2026-01-20"}  # fmt: skip
    open_one = {**invoice, "invoice_id": "R-2", "status": "open", "paid_at": ""}
    files = {
        "invoices.csv": as_csv([invoice, open_one], mark=";"),
        "companies.csv": CSV_FILES["companies.csv"],
    }
    _, rows = read_whole(write(tmp_path / "crm", files))
    paid, owed = rows["outcomes"]
    assert (paid["kind"], paid["state"], paid["amount"]) == ("invoice", "won", 100.0)
    assert paid["closed_at"] == datetime(2026, 1, 20, 23, 59, 59, 999999, tzinfo=UTC)  # known by the end of that day
    assert (owed["state"], owed["closed_at"]) == ("open", None)


def test_what_cannot_be_is_named_and_left_out(tmp_path: Path) -> None:
    wrong = {
        "closed before it was opened": {"closedate": "2025-12-01T09:00:00Z"},
        "a negative amount": {"amount": "-5"},
        "'ten' is no amount": {"amount": "ten"},
        "unknown currency 'XYZ'": {"deal_currency_code": "XYZ"},
        "no account": {"associatedcompanyid": ""},
        "no opening time": {"createdate": "yesterday"},
        "opened more than a year ahead": {"createdate": "2031-01-01"},
    }
    deals = [{**DEALS[0], "hs_object_id": str(100 + number), **more} for number, more in enumerate(wrong.values())]
    (tmp_path / "deals.csv").write_bytes(as_csv([*deals, DEALS[1], DEALS[1]]))
    reading, rows = read_whole(tmp_path / "deals.csv", now=datetime(2026, 11, 20, tzinfo=UTC))
    assert [row["outcome_id"] for row in rows["outcomes"]] == ["hubspot:deal:10"]
    said = {piece.position.rpartition(":")[2]: piece.reason for piece in reading.rejected}
    expected = {str(100 + number): reason for number, reason in enumerate(wrong)}
    assert said == {**expected, "10": "an id that was there before"}


def test_a_table_in_utf_16_is_named_with_advice(tmp_path: Path) -> None:
    files = {**CSV_FILES, "notes.csv": CSV_FILES["notes.csv"].decode().encode("utf-16")}
    reading, _ = read_whole(write(tmp_path / "crm", files))
    assert ("notes.csv", "text in UTF-16: save it as UTF-8") in [
        (piece.position, piece.reason) for piece in reading.rejected
    ]


def test_a_plain_list_of_addresses_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("email,firstname,lastname\na@b.example,A,B\n")
    from troth.sources.export import Export  # noqa: PLC0415

    assert not HUBSPOT_READER.is_it(Export(tmp_path / "a.csv"))


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
        max_size=8,
    ),
    mark=st.sampled_from(",;\t|"),
)
def test_made_up_mails_come_back(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, bool, datetime]], mark: str
) -> None:
    emails = [
        {**EMAILS[0], "hs_object_id": str(number), "hs_email_message_id": "", "hs_email_text": body,
         "hs_timestamp": at.isoformat() + "Z", "hs_email_direction": "INCOMING_EMAIL" if incoming else "EMAIL"}
        for number, (body, incoming, at) in enumerate(made)
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("made") / "emails.csv"
    path.write_bytes(as_csv(emails or [dict.fromkeys(EMAILS[0], "")], mark=mark))
    _, rows = read_whole(path)
    assert [(row["body"], row["side"], row["sent_at"]) for row in rows["turns"]] == [
        (body.strip("\n"), "them" if incoming else "us", at.replace(tzinfo=UTC)) for body, incoming, at in made
    ]


@pytest.mark.parametrize("shape", ["csv", "json"])
def test_broken_exports_are_counted_and_never_fatal(tmp_path: Path, shape: str) -> None:
    tables = {"deals": DEALS, "emails": EMAILS} | ({"history": HISTORY_ROWS} if shape == "csv" else {})
    write_as = as_csv if shape == "csv" else as_json
    files = {f"{name}.{shape}": write_as(rows) for name, rows in tables.items()}
    assert max(read_broken(HUBSPOT_READER, files, tmp_path, seed=9, share=0.5)) >= 4


def test_the_sample_is_read_without_loss(tmp_path: Path) -> None:
    files = {name.partition("/")[2]: data for name, data in sample_files().items() if name.startswith("crm/")}
    reading, rows = read_whole(write(tmp_path / "crm", files))
    assert not reading.rejected
    assert len(rows["outcomes"]) == 20
    assert {row["kind"] for row in rows["outcomes"]} == {"deal", "renewal", "invoice"}


def test_the_tables_of_a_real_account_are_read(shared: Path) -> None:
    reading, rows = read_whole(shared / "samples/hubspot_tables")
    assert reading.format.name == "hubspot"
    assert {row["channel"] for row in rows["turns"]} == {"mail", "letter", "meeting"}
    # Its deals name no firm, so they are listed; the stages they went through are kept for when they do.
    assert sum(piece.reason == "no account" for piece in reading.rejected) >= 50
    assert len(rows["outcome_steps"]) == 14
