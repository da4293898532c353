"""The sample mailbox is sound mail, and its key speaks of what the mails really say."""

from __future__ import annotations

import email.policy
import mailbox
import time
from collections.abc import Mapping
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from troth.sample import SAMPLE_DAY, SAMPLE_ME, Key, read_key, sample_mailbox, write_sample
from troth.sample._source import read_mails

FREE_MAIL = {"gmail.com", "web.de"}
SIX = {f"{name}@brimholt.example" for name in ("anna", "jorun", "casper", "mirek", "priya", "gesa")}
ACCOUNTS = {
    "oosterdijkflowers.example",
    "kerrinbay.example",
    "maribelle.example",
    "hogsby.example",
    "albandepot.example",
    "pihlamaaice.example",
    "morandello.example",
    "lichtspeicher.example",
}


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, EmailMessage]:
    """The written mailbox, read back by the standard library, by Message-ID."""
    path = write_sample(tmp_path_factory.mktemp("sample"))
    box = mailbox.mbox(path, factory=None, create=False)
    read = [email.message_from_bytes(box.get_bytes(name), policy=email.policy.default) for name in box.keys()]  # noqa: SIM118
    box.close()
    assert len({message["Message-ID"] for message in read}) == len(read), "a Message-ID occurs twice"
    return {str(message["Message-ID"]): message for message in read}


@pytest.fixture(scope="module")
def key() -> Key:
    return read_key()


def addresses(message: EmailMessage, *headers: str) -> set[str]:
    return {address.addr_spec for header in headers if message[header] for address in message[header].addresses}


def sent_at(message: EmailMessage) -> datetime:
    return parsedate_to_datetime(str(message["Date"]))


def text_of(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    assert part is not None
    return " ".join(part.get_content().split())


def test_the_mailbox_holds_every_mail_that_was_written(messages):
    """253 mails went in and 253 come out."""
    assert len(messages) == len(read_mails()) == 253


@pytest.mark.timed
def test_the_same_bytes_every_time_in_under_a_second():
    started = time.process_time()
    first = sample_mailbox()
    assert time.process_time() - started < 1
    assert sample_mailbox() == first


def test_the_folder_is_made_and_writing_twice_changes_nothing(tmp_path: Path):
    path = write_sample(tmp_path / "new")
    before = path.read_bytes()
    assert write_sample(tmp_path / "new") == path
    assert path.read_bytes() == before


def test_no_mail_is_malformed(messages):
    """The standard parser finds no defect in any part of any mail."""
    broken = {name: part.defects for name, message in messages.items() for part in message.walk() if part.defects}
    assert broken == {}


def test_every_answer_answers_a_mail_that_is_there_and_is_older(messages):
    for message in messages.values():
        if message["In-Reply-To"]:
            parent = messages[str(message["In-Reply-To"])]
            assert sent_at(parent) < sent_at(message), message["Message-ID"]
            assert str(message["References"]).split()[-1] == parent["Message-ID"]


def test_the_owner_writes_or_receives_every_mail(messages):
    assert [name for name, message in messages.items() if SAMPLE_ME not in addresses(message, "From", "To", "Cc")] == []


def test_the_half_year_ends_on_its_last_day_and_that_day_is_full(messages):
    days = sorted(sent_at(message).date() for message in messages.values())
    assert (days[0], days[-1]) == (date(2026, 5, 18), SAMPLE_DAY)
    assert days.count(SAMPLE_DAY) >= 20
    assert SAMPLE_DAY.strftime("%A") == "Friday"


def test_clocks_change_on_25_october(messages):
    """Danish mails carry +0200 in summer time and +0100 after it."""
    for message in messages.values():
        if addresses(message, "From") == {SAMPLE_ME}:
            summer = sent_at(message).date() < date(2026, 10, 25)
            assert str(message["Date"]).endswith("+0200" if summer else "+0100")


def test_six_people_eight_accounts_and_every_address_has_its_circle(messages, key):
    seen = set().union(*(addresses(message, "From", "To", "Cc") for message in messages.values()))
    assert seen == set(key.circles)
    assert {address for address, circle in key.circles.items() if circle == "us"} == SIX
    assert set(key.accounts) == ACCOUNTS
    customers = {address for address, circle in key.circles.items() if circle == "customer"}
    assert {address for people in key.accounts.values() for address in people} == customers


def test_no_domain_is_real_but_the_free_mail_ones(messages):
    """Addresses, message ids and links lie under .example, which nobody can own."""
    domains = {address.partition("@")[2] for m in messages.values() for address in addresses(m, "From", "To", "Cc")}
    assert {domain for domain in domains if not domain.endswith(".example")} == FREE_MAIL
    texts = [
        part.get_content() for m in messages.values() for part in m.walk() if part.get_content_maintype() == "text"
    ]
    links = [rest.split("/")[0] for text in texts for rest in text.split("https://")[1:]]
    assert links
    assert all(link.endswith(".example") for link in links)


def test_the_forms_of_real_mail_are_there(messages):
    """HTML only, two forms at once, attachments, automatic mails, a newsletter, a forwarded mail, a disclaimer."""
    kinds = [message.get_content_type() for message in messages.values()]
    assert kinds.count("text/html") >= 6
    assert kinds.count("multipart/alternative") >= 10
    assert kinds.count("multipart/mixed") >= 15
    assert sum(message["Auto-Submitted"] == "auto-replied" for message in messages.values()) == 2
    assert sum(bool(message["List-Unsubscribe"]) for message in messages.values()) == 2
    texts = [text_of(message) for message in messages.values()]
    for mark in (
        "Forwarded message",
        "privileged information",
        " schrieb ",
        "a écrit :",
        " skrev ",
        "Gesendet:",
        "Sent:",
    ):
        assert any(mark in text for text in texts), mark


def test_every_word_of_the_key_is_in_the_own_words_of_its_mail(messages, key):
    """Checked twice: in what the writer wrote, and in the mail as it arrives."""
    for item in (*key.promises, *key.questions):
        assert item.words in key.own_words[item.mail], item
        if messages[key.message_ids[item.mail]].get_content_type() != "text/html":
            assert " ".join(item.words.split()) in text_of(messages[key.message_ids[item.mail]]), item


def test_the_key_names_the_right_speaker_and_side(messages, key):
    """Toward outsiders the firm is us; between colleagues only the owner of the mailbox is."""
    for promise in key.promises:
        message = messages[key.message_ids[promise.mail]]
        assert addresses(message, "From") == {promise.actor}, promise
        among_us = all(key.circles[address] == "us" for address in addresses(message, "From", "To", "Cc"))
        ours = promise.actor == SAMPLE_ME if among_us else key.circles[promise.actor] == "us"
        assert promise.side == ("us" if ours else "them"), promise


def test_states_agree_with_the_dates_of_their_evidence(messages, key):
    """Kept by its day, late after it; open ones lie ahead or have no day; broken ones have passed it."""
    for promise in key.promises:
        seen = sent_at(messages[key.message_ids[promise.evidence]]).date() if promise.evidence else None
        said = sent_at(messages[key.message_ids[promise.mail]]).date()
        assert seen is None or seen >= said, promise
        match promise.state:
            case "kept":
                assert seen is not None, promise
            case "late":
                assert seen is not None, promise
                assert promise.due is not None, promise
                assert seen > promise.due, promise
            case "broken":
                assert seen is not None, promise
                assert promise.due is None or promise.due < SAMPLE_DAY, promise
            case "open":
                assert promise.due is None or promise.due > SAMPLE_DAY, promise
            case _:
                assert promise.state in {"withdrawn", "unknown"}, promise
    assert {promise.state for promise in key.promises} == {"kept", "late", "broken", "open", "withdrawn", "unknown"}


def test_questions_are_answered_by_a_later_mail_of_the_other_party(messages, key):
    for question in key.questions:
        assert question.kind in {"HC", "HR", "HI", "HS"}
        if question.answer:
            asked, answer = (messages[key.message_ids[label]] for label in (question.mail, question.answer))
            assert sent_at(asked) < sent_at(answer), question
            assert addresses(asked, "From") != addresses(answer, "From"), question


def test_the_last_day_of_the_key_follows_from_its_promises_and_questions(key):
    last = key.last_day
    assert {promise.mail for promise in key.promises if promise.due == SAMPLE_DAY} == set(last.due)
    overdue = {p.mail for p in key.promises if p.state == "broken" and p.due and (SAMPLE_DAY - p.due).days <= 7}
    assert overdue == set(last.overdue)
    late = {p.mail for p in key.promises if p.state == "late" and p.evidence and p.evidence.startswith("last-")}
    assert late == set(last.arrived_late)
    customers = {q.mail for q in key.questions if q.answer is None and not q.mail.startswith("team-")}
    assert customers == set(last.unanswered)
    assert last.tomorrow_relationship in key.accounts


def test_no_two_mails_open_alike(messages):
    """Real people differ: no first sentence of own words occurs twice."""
    firsts = [mail.words.split("\n")[-1] for mail in read_mails().values()]
    longer = [line for line in firsts if len(line.split()) > 3]
    assert len(set(longer)) == len(longer)
