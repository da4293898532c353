"""Outcomes: cells and tables as people write them, rows to outcomes, and what a book makes of them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import read_whole

import troth
from troth.errors import SourceError
from troth.promises.records import find_record, read_records
from troth.schema import OUTCOMES, conform
from troth.settings import Settings
from troth.sources import Local, read_source
from troth.sources.cells import read_amount, read_flag
from troth.sources.export import Export
from troth.sources.mapped import OwnSource
from troth.sources.outcomes import Ledger, Record, read_record
from troth.sources.tables import Row, look_at_sheet, read_rows
from troth.sources.turns import Outcome, Rejected, Step
from troth.times import find_date_order, read_time

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, number, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "comma", "amount", "currency"),
    [
        ("1234.5", False, 1234.5, None), ("1,234.50", False, 1234.5, None), ("1.234,50", True, 1234.5, None),
        ("1,234", False, 1234.0, None), ("1,234", True, 1.234, None), ("1.234", True, 1234.0, None),
        ("1.234", False, 1.234, None), ("0,125", True, 0.125, None), ("1.234.567", True, 1234567.0, None),
        ("(1,200.00)", False, -1200.0, None), ("-12", False, -12.0, None), ("1'200.50", False, 1200.5, None),
        ("€ 12,50", True, 12.5, "EUR"), ("USD 12", False, 12.0, "USD"), ("1 200,00 EUR", True, 1200.0, "EUR"),
        ("2e3", False, 2000.0, None), ("", False, None, None), (None, False, None, None), (7, False, 7.0, None),
    ],
)  # fmt: skip
def test_amounts_as_people_write_them(
    written: object, *, comma: bool, amount: float | None, currency: str | None
) -> None:
    assert read_amount(written, comma=comma) == (amount, currency)


@pytest.mark.parametrize("written", ["ten", "1-2", "--", "nan", "inf", "12 apples", "1" * 400, "$", float("inf")])
def test_what_is_no_amount_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="no amount"):
        read_amount(written)


@given(st.floats(-1e12, 1e12).map(lambda number: round(number, 2)))
def test_amounts_come_back_in_both_notations(amount: float) -> None:
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert read_amount(english)[0] == read_amount(german, comma=True)[0] == amount


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-05T08:30:00Z", day(5, 8) + timedelta(minutes=30)),
        ("2026-01-05T09:30:00.000+0100", day(5, 8) + timedelta(minutes=30)),
        ("2026-01-05 8:30:00", day(5, 7) + timedelta(minutes=30)),  # without a zone: Berlin, an hour ahead
        ("05.01.2026 09:30", day(5, 8) + timedelta(minutes=30)),
        ("5/1/2026, 9:30 AM", day(5, 8) + timedelta(minutes=30)),
        ("5/1/26 12:00 am", day(4, 23)),
        ("2026-01-05 08:30:00 UTC", day(5, 8) + timedelta(minutes=30)),
        (1767601800, day(5, 8) + timedelta(minutes=30)), ("1767601800000", day(5, 8) + timedelta(minutes=30)),
        ("2026-01-05", day(4, 23)), ("31/31/2026", None), ("", None), ("soon", None), ("0001-01-01", None),
        (True, None), ("12345", None), (float("nan"), None), ("9" * 30, None), ("2026-02-30", None),
    ],
)  # fmt: skip
def test_times_as_systems_write_them(written: object, meant: datetime | None) -> None:
    assert read_time(written, zone="Europe/Berlin") == meant


@given(st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1)), st.sampled_from(["dmy", "mdy"]))  # noqa: DTZ001
def test_times_come_back_however_they_are_written(at: datetime, order: Any) -> None:
    at = at.replace(microsecond=0, tzinfo=UTC)
    forms = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %I:%M:%S %p") if order == "dmy" else ("%m/%d/%Y %H:%M:%S",)
    for form in (*forms, "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S"):
        assert read_time(at.strftime(form), zone="UTC", order=order) == at
    assert read_time(str(int(at.timestamp()) * 1000), zone="UTC") == (at if at.timestamp() >= 1e9 else read_time(
        str(int(at.timestamp()) * 1000), zone="UTC"))  # fmt: skip


def test_a_day_ends_where_its_clock_says() -> None:
    ended = read_time("2026-03-29", zone="Europe/Berlin", day="ends")  # a day of 23 hours
    assert ended == datetime(2026, 3, 30, tzinfo=ZoneInfo("Europe/Berlin")) - timedelta(microseconds=1)


def test_the_order_of_dates_is_told_by_those_that_leave_no_choice() -> None:
    assert find_date_order(["3/4/2026", "25/4/2026"]) == "dmy"
    assert find_date_order(["3/4/2026", "4/25/2026 10:00"]) == "mdy"
    assert find_date_order(["3/4/2026", "2026-04-25", "x"]) is None
    assert find_date_order(["25/4/2026", "4/25/2026"]) is None


def test_yes_and_no() -> None:
    assert [read_flag(word) for word in ("TRUE", "1", "ja", True)] == [True] * 4
    assert [read_flag(word) for word in ("false", "0", "", None)] == [False] * 4
    assert read_flag("perhaps") is None


cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.lists(cells, min_size=3, max_size=3).filter(lambda row: any(cell.strip() for cell in row)), max_size=8),
    st.sampled_from(",;\t|"),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_tables_are_split_as_the_standard_library_splits_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], mark: str, bom: bool, end: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=mark, lineterminator=end).writerows([["one", "two", "three"], *rows])
    path = tmp_path_factory.mktemp("made") / "table.csv"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode())
    export = Export(path)
    sheet = look_at_sheet(export)
    assert sheet is not None
    assert (sheet.mark, sheet.columns) == (mark, ("one", "two", "three"))
    found = [row for row in read_rows(export, sheet) if isinstance(row, Row)]
    assert [list(row.cells.values()) for row in found] == [[cell.replace("\r\n", "\n") for cell in row] for row in rows]


def test_a_quote_never_closed_costs_its_own_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('id,name\n1,"two\nlines"\n4,5" pipe\n2,"open\n3,three\n')
    export = Export(path)
    sheet = look_at_sheet(export)
    assert sheet is not None
    found = list(read_rows(export, sheet))
    rows = [row for row in found if isinstance(row, Row)]
    assert [row.cells["name"] for row in rows] == ["two\nlines", '5" pipe', "three"]
    assert [row.number for row in rows] == [2, 4, 6]
    assert [row.position for row in found if isinstance(row, Rejected)] == ["line 5"]


def test_a_real_table_is_split_as_the_standard_library_splits_it(shared: Path) -> None:
    path = shared / "samples/cfpb_complaints/consumer_complaints.csv"
    export = Export(path)
    sheet = look_at_sheet(export)
    assert sheet is not None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [row for row in read_rows(export, sheet) if isinstance(row, Row)]
    assert len(rows) > 100
    assert [list(row.cells.values()) for row in found] == [list(row.values()) for row in rows]


def test_quotes_that_close_and_open_on_every_line_are_read_in_linear_time(tmp_path: Path) -> None:
    """Each line opens a quote and would go on one: read anew from each of them this would take the square."""
    path = tmp_path / "table.csv"
    path.write_text("id,name\n" + 'a"b,"c\n' * 50_000 + "1,last\n")
    export = Export(path)
    sheet = look_at_sheet(export)
    assert sheet is not None
    found = list(read_rows(export, sheet))
    assert len(found) == 50_001
    assert isinstance(found[-1], Row)
    assert dict(found[-1].cells) == {"id": "1", "name": "last"}


def test_utf_16_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_bytes("deal_id;dealname\n1;x\n".encode("utf-16"))
    with pytest.raises(SourceError, match=r"UTF-16\. Save it as UTF-8"):
        read_source(tmp_path / "deals.csv")


def enter(*records: Record) -> tuple[list[Outcome], list[Step], list[str]]:
    ledger = Ledger("crm", NOW)
    pieces: list[object] = [piece for record in records for piece in ledger.add(record)]
    pieces += ledger.pieces()
    assert len(pieces) >= len({(record.where, record.at) for record in records if record.at is None})
    return (
        [piece for piece in pieces if isinstance(piece, Outcome)],
        [piece for piece in pieces if isinstance(piece, Step)],
        [f"{piece.position}: {piece.reason}" for piece in pieces if isinstance(piece, Rejected)],
    )


def record(where: str, **more: Any) -> Record:
    usual: dict[str, Any] = {"outcome_id": "x:1", "account": "client.example", "opened_at": day(2)}
    return Record(where=where, **usual | more)


def test_rows_that_all_say_since_when_make_the_outcome_of_the_last() -> None:
    rows = [
        record("3", at=day(9), stage="Won", state="won", amount=90.0),
        record("1", at=day(2), stage="Asked", amount=100.0),
        record("2", at=day(5), stage="Offered", amount=100.0),
    ]
    (outcome,), steps, rejected = enter(*rows)
    assert (outcome.stage, outcome.state, outcome.amount, outcome.opened_at, outcome.closed_at) == (
        "Won", "won", 90.0, day(2), day(9),
    )  # fmt: skip
    assert [step.stage for step in steps] == ["Asked", "Offered", "Won"]
    assert rejected == []


def test_what_ended_twice_ended_when_it_came_to_stand_so_last() -> None:
    stages = [("won", 3), ("open", 4), ("won", 6), ("won", 7)]
    rows = [record(str(at), at=day(at), stage=f"{state}{at}", state=state, account=None) for state, at in stages]
    (outcome,), _, _ = enter(record("now", state="won"), *rows)
    assert outcome.closed_at == day(6)


def test_stages_out_of_order_are_named_and_left_out() -> None:
    (outcome,), steps, rejected = enter(
        record("now", state="won", closed_at=day(9)),
        record("1", at=day(2) - timedelta(days=2), stage="too early"),
        record("2", at=day(5), stage="fine"),
        record("3", at=day(5), stage="another at once"),
        record("4", at=day(12), stage="open after the end"),
        record("5", at=day(12, 1), stage="written down late", state="won"),
        record("6", at=day(6), stage="minus", amount=-1.0),
    )
    assert outcome.outcome_id == "x:1"
    assert [step.stage for step in steps] == ["fine", "written down late"]
    assert len(rejected) == 4


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"id": ""}, "an outcome without an id"),
        ({"kind": "dream"}, "kind 'dream' is none of deal, renewal, invoice, ticket"),
        ({"amount": "much"}, "'much' is no amount"),
        ({"opened_at": "soon"}, "'soon' is no time that can be"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(cells: dict[str, str], reason: str) -> None:
    row = {"id": "1", "account": "a", "opened_at": "2026-01-02"} | cells
    found = read_record(row, where="line 2", system="shop", zone="UTC", order="dmy")
    assert isinstance(found, Rejected)
    assert (found.position.startswith("line 2"), found.reason) == (True, reason)


def test_the_public_sales_pipeline_is_read_by_a_mapping(shared: Path) -> None:
    """8,800 made-up deals: what has no account or no day on which it began is listed, the rest adds up."""
    path = shared / "data/interactions/crm_sales_pipeline/sales_pipeline.csv"
    mapping = {"id": "opportunity_id", "account": "account", "stage": "deal_stage", "amount": "close_value",
               "opened_at": "engage_date", "closed_at": "close_date"}  # fmt: skip
    own = OwnSource(name="crm", kind="outcomes", columns=mapping, constants={"currency": "USD"})
    reading, found = read_whole(path, local=Local(own=(own,)))
    with path.open() as file:
        rows = list(csv.DictReader(file))
    taken = [row for row in rows if row["account"] and row["engage_date"]]
    assert len(rows) == 8_800
    assert len(found["outcomes"]) == len(taken)
    assert len(reading.rejected) == len(rows) - len(taken)
    for state in ("won", "lost"):
        stood = [row for row in found["outcomes"] if row["state"] == state]
        stated = [row for row in taken if row["deal_stage"].lower() == state]
        assert sum(row["amount"] or 0 for row in stood) == sum(float(row["close_value"] or 0) for row in stated)
        assert {row["closed_at"].date().isoformat() for row in stood} == {row["close_date"] for row in stated}


CRM = {
    "companies.csv": "hs_object_id,name,domain\n1,Client AG,client.example\n",
    "deals.csv": (
        "hs_object_id,dealname,dealstage,createdate,closedate,hs_is_closed_won,associatedcompanyid\n"
        "7,Roof,closedwon,2026-01-02T08:00:00Z,2026-01-09T08:00:00Z,true,1\n"
    ),
}
TALK = [
    {"turn_id": "a", "conversation_id": "c", "speaker": "cy@client.example", "recipients": ["ann@firm.example"],
     "sent_at": day(3, 9), "body": "When do we sign the contract?"},
    {"turn_id": "b", "conversation_id": "c", "speaker": "ann@firm.example", "recipients": ["cy@client.example"],
     "sent_at": day(3, 10), "body": "I will sign the contract by the 12th of January."},
]  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("books") / "crm"
    folder.mkdir()
    for name, text in CRM.items():
        (folder / name).write_text(text)
    with troth.open(settings=Settings(us=("ann@firm.example",), zone="UTC")) as opened:
        opened.read(folder)
        opened.add(TALK)
        yield opened


def test_a_deal_is_in_the_relationship_of_its_firm(book: Any) -> None:
    assert book.outcomes()["relationship"].to_pylist() == ["client.example"]
    assert set(book.turns()["relationship"].to_pylist()) == {"client.example"}
    assert book.table("outcomes").num_rows == 1


def test_an_account_known_by_its_id_is_found_by_it(tmp_path: Path) -> None:
    """The deal's export knows the firm by a number alone; another export says which firm that is."""
    (tmp_path / "deals.csv").write_text(CRM["deals.csv"])
    (tmp_path / "companies.csv").write_text(CRM["companies.csv"])
    with troth.open(settings=Settings(us=("ann@firm.example",), zone="UTC")) as opened:
        opened.add(TALK)
        opened.read(tmp_path / "deals.csv")
        assert opened.outcomes()["relationship"].to_pylist() == ["hubspot:company:1"]
        opened.read(tmp_path / "companies.csv")
        assert opened.outcomes()["relationship"].to_pylist() == ["client.example"]


def test_a_deal_that_was_won_keeps_the_promise_to_sign(book: Any) -> None:
    promises = {row["turn_id"]: row for row in book.promises(now=day(20)).to_pylist()}
    assert (promises["b"]["state"], promises["b"]["state_at"]) == ("kept", day(9, 8))
    assert promises["b"]["evidence_text"] == "deal 7 was closed"


def test_a_record_is_named_by_the_id_as_people_write_it() -> None:
    """The id in a book begins with the system's name, and 7 is not named by a 17."""
    rows = [
        {"outcome_id": f"zendesk:{number}", "relationship": "r", "kind": "ticket", "state": "open", "opened_at": day(1)}
        for number in (7, 17)
    ]
    records = read_records(conform(pa.Table.from_pylist(rows, OUTCOMES), OUTCOMES))
    said = {"said_at": day(2), "relationship": "r", "text": "I will fix #17 today."}
    found = find_record(said, frozenset({"mend"}), records, now=day(3))
    assert found is not None
    assert found.text == "ticket 17 is open"
    assert find_record({**said, "text": "I will fix it."}, frozenset({"mend"}), records, now=day(3)) is None
