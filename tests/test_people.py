"""Who is us and them, in which circle, facing whom."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from troth.errors import SettingsError
from troth.people import TEAM, Circles, guess_us, place_turns, read_us
from troth.schema import TURNS, conform


def turns(*rows: dict[str, Any]) -> pa.Table:
    """TURNS with what the test does not say filled in."""
    plain = {"conversation_id": "c", "channel": "mail", "body": "", "automatic": False, "source": "t"}
    full = [plain | {"turn_id": str(number), "position": number} | row for number, row in enumerate(rows)]
    return conform(full, TURNS)


def place(table: pa.Table, me: str = "anna@firm.com", circles: Circles | None = None) -> list[tuple[str, str, str]]:
    placed = place_turns(table, us=read_us([me]), circles=circles)
    return list(zip(*(placed[name].to_pylist() for name in ("side", "circle", "relationship")), strict=True))


def test_a_customers_account_is_the_domain_for_both_sides():
    mails = turns(
        {"speaker": "bo@acme.example", "recipients": ["anna@firm.com"]},
        {"speaker": "anna@firm.com", "recipients": ["bo@acme.example"], "cc": ["cy@firm.com"]},
        {"speaker": "cy@firm.com", "recipients": ["di@acme.example"], "cc": ["anna@firm.com"]},
    )
    assert place(mails) == [
        ("them", "customer", "acme.example"),
        ("us", "customer", "acme.example"),
        ("us", "customer", "acme.example"),
    ]


def test_a_private_address_is_a_friend_and_stays_a_person():
    mails = turns({"speaker": "lu@gmail.com", "recipients": ["anna@firm.com"]})
    assert place(mails) == [("them", "friend", "lu@gmail.com")]


def test_a_stated_circle_and_account_win():
    mails = turns({"speaker": "lu@gmail.com", "recipients": ["anna@firm.com"]})
    circles = Circles(stated={"lu@gmail.com": "customer"}, accounts={"lu@gmail.com": "Lu's bakery"})
    assert place(mails, circles=circles) == [("them", "customer", "Lu's bakery")]


def test_colleagues_face_me():
    mails = turns(
        {"speaker": "cy@firm.com", "recipients": ["anna@firm.com"]},
        {"speaker": "anna@firm.com", "recipients": ["cy@firm.com", "di@firm.com"]},
    )
    assert place(mails) == [("them", "colleague", "cy@firm.com"), ("us", "colleague", "cy@firm.com")]


def test_without_a_me_talk_inside_the_firm_is_the_teams():
    """Nobody gets a person-level reading of others."""
    mails = turns({"speaker": "cy@firm.com", "recipients": ["di@firm.com"]})
    assert place(mails, me="firm.com") == [("us", "colleague", TEAM)]


def test_a_reply_to_a_list_faces_whom_the_conversation_is_with():
    mails = turns({"speaker": "bo@acme.example"}, {"speaker": "anna@firm.com"})
    assert place(mails)[1] == ("us", "customer", "acme.example")


def test_a_private_address_with_a_customers_full_name_is_that_customer():
    mails = turns(
        {"speaker": "bo@acme.example", "speaker_name": "Bo Berg", "recipients": ["anna@firm.com"]},
        {"speaker": "bo.berg@gmail.com", "speaker_name": "Bo Berg", "recipients": ["anna@firm.com"]},
    )
    assert place(mails)[1] == ("them", "customer", "acme.example")


def test_two_business_addresses_with_one_name_stay_two():
    mails = turns(
        {"speaker": "j@acme.example", "speaker_name": "John Smith", "recipients": ["anna@firm.com"]},
        {"speaker": "j@zeta.example", "speaker_name": "John Smith", "recipients": ["anna@firm.com"]},
    )
    assert [row[2] for row in place(mails)] == ["acme.example", "zeta.example"]


def test_what_a_source_states_is_kept():
    rows = turns(
        {"speaker": "agent", "side": "us", "circle": "customer", "channel": "call"},
        {"speaker": "customer", "side": "them", "channel": "call"},
    )
    assert place(rows) == [("us", "customer", "c"), ("them", "customer", "c")]


def test_a_named_customer_of_a_source_keeps_one_relationship_over_conversations():
    rows = turns(
        {"speaker": "Mia Li", "side": "them", "conversation_id": "c1"},
        {"speaker": "agent", "side": "us", "conversation_id": "c1"},
        {"speaker": "Mia Li", "side": "them", "conversation_id": "c2"},
    )
    assert {row[2] for row in place(rows)} == {"Mia Li"}


def test_the_owner_of_a_mailbox_is_guessed_with_grounds():
    mails = turns(
        {"speaker": "bo@acme.example", "recipients": ["anna@firm.com"]},
        {"speaker": "anna@firm.com", "recipients": ["cy@zeta.example"]},
        {"speaker": "di@beta.example", "recipients": ["anna@firm.com"]},
    )
    guess = guess_us(mails)
    assert guess is not None
    assert guess.us == read_us(["anna@firm.com"])
    assert guess.grounds == "anna@firm.com takes part in 3 of 3 mails"


def test_nobody_is_guessed_in_a_list_archive():
    mails = turns(*({"speaker": f"p{number}@x.example"} for number in range(4)))
    assert guess_us(mails) is None


@pytest.mark.parametrize("wrong", ["anna", "", "anna firm.com"])
def test_what_is_neither_address_nor_domain_is_refused(wrong: str):
    with pytest.raises(SettingsError, match="neither a mail address nor a domain"):
        read_us([wrong])


def test_an_unknown_circle_is_refused():
    with pytest.raises(SettingsError, match="customer, colleague, friend"):
        Circles(stated={"x.com": "enemy"})


def test_a_bot_is_no_party_and_goes_where_its_talk_goes():
    """In the team's chat it is the team's; beside a customer it does not take the customer's place."""
    said = turns(
        {"speaker": "lamp", "automatic": True, "recipients": ["anna@firm.com", "cy@firm.com"], "side": None},
        {"speaker": "cy@firm.com", "recipients": ["anna@firm.com"]},
        {"speaker": "system", "automatic": True, "conversation_id": "d"},
        {"speaker": "bo@acme.example", "conversation_id": "d"},
        {"speaker": "assistant", "side": "us", "conversation_id": "d"},
    )
    assert place(said) == [
        ("us", "colleague", TEAM),
        ("them", "colleague", "cy@firm.com"),
        ("them", "customer", "acme.example"),
        ("them", "customer", "acme.example"),
        ("us", "customer", "acme.example"),
    ]
