"""Who is who in a book: where turns of several channels are placed, and what follows a merge, a split and an undo."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import troth
from troth.book import Store, open_store
from troth.book.erase import forget_names
from troth.errors import InputError
from troth.intake import take_turns
from troth.people import TEAM, read_us
from troth.persons import know_people, place_all
from troth.sample import SAMPLE_ME, SAMPLE_ZONE, read_key, write_sample
from troth.schema import ANSWERS, CONTACTS, PERSON_DECISIONS
from troth.settings import Settings, parse_settings

ME = "anna@firm.com"
MORNING = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
PLAIN = {"source": "crm.csv", "kind": "person"}
FOUND = ("sentences", "findings")
FOLLOWS = ("turns", "promises", "questions", "readings", "trust", "scores", "relationships", "answers", "people")
HANDLE = "slack:U7"

Said = tuple[str, str | None, list[str], str]
Row = dict[str, Any]

TALK: tuple[Said, ...] = (
    ("bo@acme.example", "Bo Berg", [ME], "Hello Anna. Can we rely on the delivery this time? What does it cost?"),
    (ME, "Anna Weber", ["bo@acme.example"], "Hello Bo. It costs 300 euros. I will send you the plan by Friday."),
    (HANDLE, "bobo", [ME], "Thank you, Anna! When does the second part arrive? We were worried last time."),
    (ME, "Anna Weber", [HANDLE], "I understand that you were worried. I'll call you tomorrow with the date."),
    ("lu@gmail.com", "Lu", [ME], "Are you coming on Sunday? I was quite sad yesterday."),
    (ME, "Anna Weber", ["lu@gmail.com"], "I am sorry. I promise to be there at six."),
    ("cy@zeta.example", "Cy Lund", [ME], "Your invoice is wrong again. Who checks these?"),
    (ME, "Anna Weber", ["cy@zeta.example"], "You are right, that was my mistake. I will send a new one by Monday."),
)


def rows(*said: Said) -> list[dict[str, Any]]:
    """Turns, two to a conversation, an hour apart."""
    return [
        {
            "turn_id": f"t{number}",
            "conversation_id": f"c{number // 2}",
            "position": number,
            "sent_at": MORNING + dt.timedelta(hours=number),
            "speaker": speaker,
            "speaker_name": name,
            "recipients": recipients,
            "body": body,
        }
        for number, (speaker, name, recipients, body) in enumerate(said)
    ]


def make_book(*said: Said, store: Store | None = None, contacts: Iterable[Row] = (), **stated: Any) -> troth.Book:
    kept = store or open_store(None)
    kept.upsert("turns", take_turns(rows(*said)))
    full = [PLAIN | {"contact_id": f"crm:{number}"} | row for number, row in enumerate(contacts)]
    kept.upsert("contacts", pa.Table.from_pylist(full, schema=CONTACTS))
    return troth.Book(kept, parse_settings({"us": (ME,)} | stated, "test"))


def places(book: troth.Book) -> list[tuple[str, str, str]]:
    placed = book.turns().sort_by("position")
    return list(zip(*(placed[name].to_pylist() for name in ("side", "circle", "relationship")), strict=True))


def snapshot(book: troth.Book, names: tuple[str, ...]) -> dict[str, list[str]]:
    """Tables row by row, free of their order; what a decision itself adds (why) is left out."""
    tables = {name: book.table(name).to_pylist() for name in names}
    for row in tables.get("people", []):
        row.pop("why")
    return {
        name: sorted(json.dumps(row, default=str, sort_keys=True) for row in listed) for name, listed in tables.items()
    }


def contacts_of(count: int) -> pa.Table:
    """So many people, each with a phone and an address, in a hundred accounts."""
    people = [
        PLAIN | {"contact_id": str(n), "address": f"p{n}@d{n % 97}.example", "phone": f"+4917{n:08}"}
        | {"account": f"A{n % 100}"}
        for n in range(count)
    ]  # fmt: skip
    return pa.Table.from_pylist(people, schema=CONTACTS)


def answer(person: str | None, home: str, number: int) -> dict[str, Any]:
    return {
        "answer_id": f"a{number}", "relationship": home, "person": person, "item": "questions_hc1", "facet": "HC",
        "value": 6, "lowest": 1, "highest": 7, "answered_at": MORNING + dt.timedelta(days=1),
    }  # fmt: skip


def with_answers() -> Store:
    """A store with answers as they were placed before anybody decided anything."""
    store = open_store(None)
    given = [answer(HANDLE, HANDLE, 1), answer(None, HANDLE, 2), answer("cy@zeta.example", "zeta.example", 3)]
    store.upsert("answers", pa.Table.from_pylist(given, schema=ANSWERS))
    return store


@pytest.fixture
def book() -> Iterator[troth.Book]:
    with make_book(*TALK, store=with_answers()) as made:
        yield made


def test_a_merge_gives_the_book_that_knew_it_from_the_start(book: troth.Book):
    """Row by row, in everything that is worked out from turns; sentences and findings are not even looked for again."""
    book.understand()
    found = snapshot(book, FOUND)
    before = snapshot(book, FOLLOWS)
    promise = next(row for row in book.promises().to_pylist() if row["turn_id"] == "t3")
    assert promise["relationship"] == HANDLE

    book.merge_people("Bo Berg", HANDLE, note="his chat")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("troth.library.load_encoder", lambda: pytest.fail("a merge asks for no encoder"))
        patch.setattr("troth.desk.understand_turns", lambda *_, **__: pytest.fail("nothing is to be understood"))
        merged = snapshot(book, FOLLOWS)
    assert snapshot(book, FOUND) == found
    with make_book(*TALK, store=with_answers(), people={"Bo": ("bo@acme.example", HANDLE)}) as known:
        assert snapshot(known, FOLLOWS) == merged
        assert snapshot(known, FOUND) == found
    assert {row["relationship"] for row in book.answers().to_pylist()} == {"acme.example", "zeta.example"}

    book.split_person(HANDLE)
    assert snapshot(book, FOLLOWS) == before
    book.undo_person()
    assert snapshot(book, FOLLOWS) == merged
    book.undo_person()
    assert snapshot(book, FOLLOWS) == before
    assert snapshot(book, FOUND) == found
    assert [row["kind"] for row in book.person_decisions().to_pylist()] == ["join", "part", "undo", "undo"]


def test_what_a_person_decided_of_a_promise_follows_its_turn(book: troth.Book):
    promise = next(row for row in book.promises().to_pylist() if row["turn_id"] == "t3")
    book.decide_promise(promise["promise_id"], "broken")
    book.merge_people("bo@acme.example", HANDLE)
    decided = [row for row in book.promises().to_pylist() if row["decided_by"] == "person"]
    assert [(row["relationship"], row["state"]) for row in decided] == [("acme.example", "broken")]


def test_the_same_person_over_mail_chat_ticket_and_crm_is_one_relationship():
    """A chat by telephone number, a ticket by its own id and a private address: all where the mails are."""
    said = (
        ("bo@acme.example", "Bo Berg", [ME], "one"),
        ("+491701234567", None, [ME], "two"),
        ("zendesk:4", "Bo", [], "three"),
        ("bo.berg@gmail.com", None, [ME], "four"),
        ("zendesk:5", "Di Dorn", [], "five"),
        ("lu@gmail.com", "Lu", [ME], "six"),
    )
    people = (
        {"kind": "account", "account": "Acme Ltd", "domain": "acme.example", "owner": "Anna", "segment": "large"},
        {"name": "Bo Berg", "address": "bo@acme.example", "phone": "+491701234567", "account_id": "crm:0"},
        {"name": "Bo B.", "handle": "zendesk:4", "address": "bo.berg@gmail.com", "source": "zendesk", "side": "them"},
        {"name": "Di Dorn", "handle": "zendesk:5", "account_id": "crm:0", "source": "zendesk", "side": "them"},
        {"name": "Lu", "address": "lu@gmail.com", "source": "zendesk", "side": "them"},
    )
    with make_book(*said, contacts=people) as book:
        acme, private = ("them", "customer", "acme.example"), ("them", "customer", "bo.berg@gmail.com")
        assert places(book) == [acme, acme, private, private, acme, ("them", "customer", "lu@gmail.com")]
        book.merge_people("bo@acme.example", "zendesk:4")
        assert set(places(book)[:5]) == {acme}
        bo = next(row for row in book.people().to_pylist() if row["person"] == "bo@acme.example")
        assert (bo["account"], bo["owner"], bo["segment"], bo["turns"]) == ("Acme Ltd", "Anna", "large", 4)
        accounts = {row["relationship"]: row for row in book.accounts().to_pylist()}
        assert accounts["acme.example"]["people"] == ["bo@acme.example", "zendesk:5"]
        assert accounts["acme.example"]["turns"] == 5


def test_what_several_people_use_joins_nobody_by_name():
    """A switchboard in the CRM, and a mailbox that a couple writes from."""
    said = (
        ("bo@acme.example", "Bo Berg", [ME], "one"),
        ("cy@zeta.example", "Cy Lund", [ME], "two"),
        ("both@gmail.com", "Bo Berg", [ME], "three"),
        ("both@gmail.com", "Cy Lund", [ME], "four"),
        ("+494012345", None, [ME], "five"),
    )
    people = (
        {"name": "Bo Berg", "address": "bo@acme.example", "phone": "+494012345"},
        {"name": "Cy Lund", "address": "cy@zeta.example", "phone": "+494012345"},
    )
    with make_book(*said, contacts=people) as book:
        homes = [place[2] for place in places(book)]
        assert homes == ["acme.example", "zeta.example", "both@gmail.com", "both@gmail.com", "+494012345"]
        assert not [row for row in book.people().to_pylist() if len(row["addresses"]) > 1]


def test_a_phone_with_one_address_needs_no_decision():
    said = (("bo@acme.example", "Bo Berg", [ME], "one"), ("+491701234567", None, [ME], "two"))
    people = ({"name": "Bo Berg", "address": "bo@acme.example", "phone": "+491701234567"},)
    with make_book(*said, contacts=people) as book:
        assert places(book) == [("them", "customer", "acme.example")] * 2


def test_the_name_of_a_chat_is_the_only_person_of_that_full_name_and_of_its_account():
    said = (
        ("bo@acme.example", "Bo Berg", [ME], "one"),
        ("Bo Berg", None, [ME], "two"),
        ("cy@zeta.example", "Cy Lund", [ME], "three"),
        ("cy@other.example", "Cy Lund", [ME], "four"),
        ("Cy Lund", None, [ME], "five"),
        ("Di", None, [ME], "six"),
    )
    with make_book(*said) as book:
        homes = [place[2] for place in places(book)]
        assert homes == ["acme.example", "acme.example", "zeta.example", "other.example", "Cy Lund", "Di"]
    people = ({"name": "Bo Berg", "handle": "Bo Berg", "account": "Another firm"},)
    with make_book(*said, contacts=people) as book:
        assert places(book)[1][2] == "Another firm"


def test_one_who_works_for_two_firms_speaks_for_the_one_whose_address_is_used():
    said = (("bo@acme.example", "Bo", [ME], "one"), ("bo@zeta.example", "Bo", [ME], "two"), ("Bo", None, [ME], "three"))
    with make_book(*said) as book:
        book.merge_people("bo@acme.example", "bo@zeta.example")
        book.merge_people("bo@zeta.example", "Bo")
        assert [place[2] for place in places(book)] == ["acme.example", "zeta.example", "acme.example"]


def test_the_owner_has_several_names():
    """A chat under one's own name, and one stated by a command, are our side."""
    said = (
        (ME, "Anna Weber", ["bo@acme.example"], "one"),
        ("Bo Berg", None, ["Anna Weber"], "two"),
        ("Anna Weber", None, ["Bo Berg"], "three"),
        ("anna_w", None, ["bo@acme.example"], "four"),
        ("cy@firm.com", "Cy Firm", ["anna_w"], "five"),
    )
    with make_book(*said) as book:
        book.merge_people(ME, "anna_w")
        assert [place[0] for place in places(book)] == ["us", "them", "us", "us", "them"]
        assert places(book)[4] == ("them", "colleague", "cy@firm.com")
        assert places(book)[2] == ("us", "customer", "Bo Berg")


def test_talk_of_colleagues_stays_the_teams_and_nobody_is_counted():
    """Without an own view, whatever is merged: nobody gets a person-level reading of others."""
    said = (("cy@firm.com", "Cy Lund", ["di@firm.com"], "one"), ("slack:U1", "Cy Lund", ["di@firm.com"], "two"))
    with make_book(
        *said, us=("firm.com",), contacts=({"name": "Cy Lund", "handle": "slack:U1", "side": "us"},)
    ) as book:
        assert places(book) == [("us", "colleague", TEAM)] * 2
        assert {(row["side"], row["relationship"], row["turns"]) for row in book.people().to_pylist()} == {
            ("us", None, None)
        }


def test_what_a_table_of_accounts_and_troth_toml_state_wins(tmp_path: Path):
    path = tmp_path / "accounts.csv"
    path.write_text("domain,account,circle,owner\nacme.example,Acme,,Di\nzeta.example,Zeta,friend,\n", "utf-8")
    people = ({"kind": "account", "account": "ACME Holding", "domain": "acme.example", "owner": "Anna"},)
    stated: dict[str, Any] = {"account_table": path, "accounts": {"zeta.example": "The Zetas"}}
    with make_book(*TALK, contacts=people, **stated) as book:
        assert places(book)[0] == ("them", "customer", "Acme")
        assert places(book)[6] == ("them", "friend", "The Zetas")
        assert next(row["owner"] for row in book.people().to_pylist() if row["person"] == "bo@acme.example") == "Di"


def test_who_is_meant_is_asked_where_several_could_be(book: troth.Book):
    with pytest.raises(InputError, match=r"could be 'bo@acme\.example', 'cy@zeta\.example'"):
        book.merge_people("example", ME)
    with pytest.raises(InputError, match="nobody called 'nobody'"):
        book.merge_people("nobody", ME)
    with pytest.raises(InputError, match="one person already"):
        book.merge_people("Bo Berg", "bo@acme.example")
    with pytest.raises(InputError, match="only name"):
        book.split_person("bo@acme.example")
    assert book.person_decisions().num_rows == 0


def test_two_that_look_alike_are_not_told_apart_by_how_they_look():
    """A stranger's address with something hidden in it is never taken for the one it imitates."""
    said = (
        ("bo@acme.example", None, [ME], "one"),
        ("bo@acme\u200b.example", None, [ME], "two"),
        ("Bo", None, [ME], "three"),
    )
    with make_book(*said) as book:
        row = book.merge_people("bo@acme.example", "Bo")
        assert (row["left"], row["right"]) == (["bo@acme.example"], ["Bo"])
        with pytest.raises(InputError, match=r"u200b"):
            book.merge_people("bo@acme", "Bo")


@pytest.mark.timed
def test_placing_grows_with_the_turns_and_no_faster():
    """Four times the turns and people cost less than seven times the processor time."""
    us, seconds = read_us([ME]), list[float]()
    for count in (5_000, 20_000):
        said = rows(*((f"p{n % (count // 20)}@d{n % 97}.example", f"Name{n} Last{n}", [ME], "x") for n in range(count)))
        people = contacts_of(count // 20)
        store = open_store(None)
        store.upsert("contacts", people)
        turns = take_turns(said)
        begun = time.process_time()
        place_all(turns, know_people(store, turns, Settings(us=(ME,)), us))
        seconds.append(time.process_time() - begun)
    assert seconds[1] < 7 * seconds[0]


def test_decisions_stay_in_order_when_the_clock_is_set_back(book: troth.Book, monkeypatch: pytest.MonkeyPatch):
    first = book.merge_people("bo@acme.example", HANDLE)
    monkeypatch.setattr("troth.library.clock", lambda: MORNING)
    second = book.split_person(HANDLE)
    assert second["at"] > first["at"]
    assert places(book)[2][2] == HANDLE


def test_erasing_forgets_who_is_who():
    """The decisions go with the last turn that names somebody; contacts go by name. No needle is left in either."""
    people = ({"name": "Bo Berg", "handle": "Bobo", "phone": "+491701234567"},)
    store = open_store(None)
    with make_book(*TALK, store=store, contacts=people) as book:
        book.merge_people("bo@acme.example", HANDLE)
        book.merge_people("bo@acme.example", "lu@gmail.com")
        book.drop_turns(["t4", "t5"])
        assert "lu@gmail.com" not in str(book.person_decisions().to_pylist())
        assert book.person_decisions()["right"].to_pylist() == [[HANDLE]]
        gone = book.drop_turns(["t2", "t3"])
        assert gone["person_decisions"] == 1
        assert book.person_decisions().num_rows == 0
        assert forget_names(store, ["Bobo"]) == {"contacts": 1}
        assert book.table("contacts").num_rows == 0


def test_a_decision_is_kept_with_its_time_and_by_whom(tmp_path: Path):
    path = tmp_path / "book.duckdb"
    with troth.open(path, settings=Settings(us=(ME,))) as book:
        book.add(rows(*TALK))
        made = book.merge_people("bo@acme.example", HANDLE, note="he said so", by="Anna")
    with troth.open(path, settings=Settings(us=(ME,))) as book:
        kept = book.person_decisions().to_pylist()
        assert [{**row, "at": made["at"]} for row in kept] == [made]
        assert kept[0]["left"] == ["bo@acme.example"]
        assert book.turns().schema == troth.open().turns().schema
        assert book.person_decisions().schema == PERSON_DECISIONS


def test_the_samples_people_are_one_over_every_channel(tmp_path: Path):
    """As the sample's key has it, and without `people` in the settings: contacts and full names are enough."""
    key = read_key()
    said = Counter(turn.speaker.address for turn in key.turns.values() if turn.speaker.circle in {"customer", "friend"})
    theirs = {turn.speaker.address: turn.speaker for turn in key.turns.values() if turn.speaker.address in said}
    with troth.open(settings=Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE)) as book:
        book.read(write_sample(tmp_path).parent)
        mails = Counter(book.turns().filter(pc.equal(book.turns()["channel"], "mail"))["speaker"].to_pylist())
        people = {row["person"]: row for row in book.people().to_pylist() if row["side"] == "them"}
        assert len(said) > 12
        for address, person in theirs.items():
            row = people[address]
            assert (row["circle"], row["relationship"]) == (person.circle, person.account or address)
            spoken = row["turns"] - mails[address]
            assert spoken - said[address] in {0, 1}  # the words beside a ticket's rating are a turn more
        homes = {row["relationship"] for row in people.values()}
        written = book.turns().filter(pc.invert(book.turns()["automatic"]))
        outside = written.filter(pc.is_in(written["circle"], pa.array(["customer", "friend"])))
        assert set(outside["relationship"].to_pylist()) == homes
