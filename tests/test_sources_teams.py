"""Microsoft Graph: chat messages of Teams and mails, in every shape in which they are saved."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import read_broken
from read_whole import Whole, as_bytes, read_whole, write_files, write_zip

import troth
from troth.sources import recognise
from troth.sources.graph import GRAPH_MAIL, TEAMS
from troth.sources.reader import Reader

ANNA, BEN, FAR = (f"{digit * 8}-0000-0000-0000-000000000000" for digit in "123")
PAIR = f"19:{ANNA}_{BEN}@unq.gbl.spaces"
GROUP = "19:group@thread.v2"


def person(who: str, name: str, kind: str = "aadUser") -> dict[str, Any]:
    return {"application": None, "device": None, "user": {"id": who, "displayName": name, "userIdentityType": kind}}


def message(number: int, who: dict[str, Any] | None, words: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "id": str(number), "replyToId": None, "messageType": "message", "createdDateTime": at,
        "lastEditedDateTime": None, "deletedDateTime": None, "subject": None, "chatId": PAIR, "channelIdentity": None,
        "from": who, "body": {"contentType": "text", "content": words}, "attachments": [], "mentions": [],
    } | more  # fmt: skip


def html(words: str) -> dict[str, str]:
    return {"contentType": "html", "content": words}


CHANNEL = {"teamId": "T", "channelId": "19:ch@thread.tacv2"}
REFERENCE = {"id": "1", "contentType": "messageReference", "content": json.dumps({"messageId": "1"})}
CHAT = [  # Graph lists the newest first
    message(9, person(ANNA, "Anna"), "two days on", "2026-11-05T09:00:00Z"),
    message(8, None, "", "2026-11-03T09:00:00Z", messageType="systemEventMessage",
            body=html("<systemEventMessage/>"), eventDetail={"@odata.type": "#microsoft.graph.callEndedEvent"}),
    message(7, person(BEN, "Ben"), "", "2026-11-02T17:07:00Z", deletedDateTime="2026-11-02T18:00:00Z"),
    message(6, {"application": {"id": "app", "displayName": "Bot"}, "user": None}, "Ticket 5", "2026-11-02T17:06:00Z"),
    message(5, None, "who?", "2026-11-02T17:05:00Z", **{"from": None}),
    message(4, person(FAR, "Fay", "federatedUser"), "Hi", "2026-11-02T17:04:00Z", chatId=GROUP,
            mentions=[{"id": 0, "mentionText": "Ben", "mentioned": {"user": {"id": BEN, "displayName": "Ben"}}}]),
    message(3, person(BEN, "Ben"), "", "2026-11-02T17:03:00.1234567Z", chatId=PAIR,
            body=html('<p><at id="0">Anna</at>&nbsp;yes &amp; no <emoji alt="🙂"></emoji></p><attachment id="1" />'),
            attachments=[REFERENCE, {"id": "f", "contentType": "reference", "name": "plan.docx"}]),
    message(2, person(BEN, "Ben"), "", "2026-11-02T17:02:00Z"),
    message(1, person(ANNA, "Anna"), "Shall we?", "2026-11-02T17:01:00Z", lastEditedDateTime="2026-11-02T17:02:00Z"),
]  # fmt: skip
POSTS = [
    message(20, person(BEN, "Ben"), "first", "2026-11-02T10:00:00Z", chatId=None, channelIdentity=CHANNEL,
            subject="The plan", replies=[
                message(21, person(ANNA, "Anna"), "answer", "2026-11-09T10:00:00Z", chatId=None,
                        channelIdentity=CHANNEL, replyToId="20")]),
    message(22, person(BEN, "Ben"), "another post", "2026-11-02T10:01:00Z", chatId=None, channelIdentity=CHANNEL),
]  # fmt: skip
MEMBERS = [
    {"id": GROUP, "topic": "Plan", "chatType": "group", "members": [
        {"@odata.type": "#microsoft.graph.aadUserConversationMember", "userId": who, "displayName": name, "email": mail}
        for who, name, mail in [(ANNA, "Anna Berg", "Anna@Firm.example"), (BEN, "Ben Otter", None)]
    ]},
]  # fmt: skip


def shape(rows: list[dict[str, Any]], form: str) -> object:
    if form == "page":
        return {"@odata.context": "x", "@odata.count": 9, "value": rows, "@odata.nextLink": "https://graph"}
    return "\n".join(json.dumps(row) for row in rows) if form == "lines" else rows


@pytest.fixture(scope="module", params=["page", "list", "lines"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    files = {
        "messages/1.json": shape(CHAT, request.param),
        "messages/2.json": shape(POSTS, request.param),
        "chats.json": shape(MEMBERS, request.param),
    }
    place = tmp_path_factory.mktemp("teams")
    if request.param == "list":
        return read_whole(write_zip(place / "teams.zip", files))
    return read_whole(write_files(place / "export", files))


def turn(whole: Whole, words: str) -> dict[str, Any]:
    return next(turn for turn in whole.turns if words in turn["body"])


def test_it_is_recognised_by_what_is_in_it(whole: Whole):
    assert whole.reading.format.name == "teams"


def test_words_times_and_names(whole: Whole):
    yes = turn(whole, "yes & no")
    assert yes["body"] == "Anna yes & no 🙂"
    assert yes["sent_at"] == datetime(2026, 11, 2, 17, 3, 0, 123456, tzinfo=UTC)
    assert (yes["speaker"], yes["speaker_name"], yes["attachments"]) == (f"teams:{BEN}", "Ben", ["plan.docx"])
    assert turn(whole, "Shall we?")["speaker"] == "anna@firm.example"
    assert turn(whole, "first")["subject"] == "The plan"


def test_replies_and_silences_make_conversations(whole: Whole):
    asked, yes, later = (turn(whole, words) for words in ("Shall we?", "yes & no", "two days on"))
    assert asked["conversation_id"] == yes["conversation_id"] != later["conversation_id"]
    assert yes["parent_id"] == asked["turn_id"] == f"teams:{PAIR}:1"
    root, answer, other = (turn(whole, words) for words in ("first", "answer", "another post"))
    assert answer["parent_id"] == answer["conversation_id"] == root["turn_id"] == root["conversation_id"]
    assert other["conversation_id"] == other["turn_id"]


def test_who_is_spoken_to(whole: Whole):
    assert turn(whole, "Shall we?")["recipients"] == [f"teams:{BEN}"]
    assert turn(whole, "yes & no")["recipients"] == ["anna@firm.example"]
    assert turn(whole, "Hi")["recipients"] == [f"teams:{BEN}", "anna@firm.example"]


def test_people_become_contacts(whole: Whole):
    by_handle = {contact["handle"]: contact for contact in whole.contacts}
    assert by_handle[f"teams:{ANNA}"]["address"] == "anna@firm.example"
    assert by_handle[f"teams:{FAR}"]["side"] == "them"
    assert by_handle[f"teams:{BEN}"]["side"] is None
    assert len(whole.contacts) == 3


def test_programs_notices_and_what_is_gone(whole: Whole):
    assert [turn["body"] for turn in whole.turns if turn["automatic"]] == ["Ticket 5"]
    assert sorted(whole.reasons) == ["a message without words", "deleted by its sender", "nobody said it"]
    assert (whole.note("notices"), whole.note("edited")) == (1, 1)


def test_again_adds_nothing(tmp_path: Path):
    newest = write_files(tmp_path / "a", {"m.json": shape(CHAT[2:], "page"), "p.json": shape(POSTS, "page")})
    later = write_files(tmp_path / "b", {"m.json": shape(CHAT, "page")})
    with troth.open() as book:
        book.read(newest, us="firm.example")
        assert (book.read(newest).added, book.read(newest).changed) == (0, 0)
        assert book.read(later).added == 1
        conversations = {row["conversation_id"] for row in book.turns().to_pylist() if row["body"] != "two days on"}
    assert len(conversations) == 4


_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=50).map(str.strip)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([(ANNA, "Anna"), (BEN, "Ben")]), _words.filter(bool), st.integers(0, 10**10)),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from(["page", "list", "lines"]),
    st.booleans(),
)
def test_made_up_chats_come_back(tmp_path_factory: pytest.TempPathFactory, made: list[Any], form: str, backwards: bool):
    start = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        message(number, person(*who), words, (start + timedelta(milliseconds=at)).isoformat().replace("+00:00", "Z"))
        for number, (who, words, at) in enumerate(made)
    ]
    whole = read_whole(
        write_files(tmp_path_factory.mktemp("made"), {"m.json": shape(rows[::-1] if backwards else rows, form)})
    )
    found = {row["turn_id"]: (row["speaker"], row["body"], row["sent_at"]) for row in whole.turns}
    assert found == {
        f"teams:{PAIR}:{number}": (f"teams:{who[0]}", words, start + timedelta(milliseconds=at))
        for number, (who, words, at) in enumerate(made)
    }


# ------------------------------------------------------------------------------------------------------------ mail


def address(name: str, mail: str) -> dict[str, Any]:
    return {"emailAddress": {"name": name, "address": mail}}


def mail(number: int, words: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"AAA{number}", "internetMessageId": f"<m{number}@firm.example>", "conversationId": "AAQk",
        "subject": "Öffer, for you", "bodyPreview": words[:5], "isDraft": False, "receivedDateTime": at,
        "sentDateTime": at, "from": address('Berg, "Anna"', "Anna@Firm.example"),
        "toRecipients": [address("Cy", "cy@shop.example"), address("Ex", "/O=EXCHANGE/CN=EX")],
        "ccRecipients": [address("", "dee@shop.example")], "bccRecipients": [], "hasAttachments": True,
        "attachments": [{"name": "offer.pdf", "isInline": False}, {"name": "logo.png", "isInline": True}],
        "body": html(f"<p>{words}</p><blockquote type=cite>old</blockquote>"),
    } | more  # fmt: skip


def test_mails_of_graph(tmp_path: Path):
    headers = [
        {"name": "In-Reply-To", "value": "<m1@firm.example>"},
        {"name": "Auto-Submitted", "value": "auto-replied"},
    ]
    rows = [
        mail(1, "Hello &amp; welcome", "2026-11-02T10:00:00Z"),
        mail(2, "reply", "2026-11-02T11:00:00Z", internetMessageHeaders=headers),
        mail(3, "draft", "2026-11-02T12:00:00Z", isDraft=True),
        mail(4, "", "2026-11-02T13:00:00Z", body={"contentType": "text", "content": "plain\r\nlines"}),
    ]
    whole = read_whole(write_files(tmp_path, {"mail.json": shape(rows, "page")}) / "mail.json")
    assert whole.reading.format.name == "graph-mail"
    first, reply, plain = whole.turns
    assert first["turn_id"] == "m1@firm.example"
    assert first["conversation_id"] == plain["conversation_id"] == "outlook:AAQk"
    assert (first["speaker"], first["speaker_name"]) == ("anna@firm.example", "Berg, 'Anna'")
    assert (first["recipients"], first["cc"]) == (["cy@shop.example", "ex"], ["dee@shop.example"])
    assert first["subject"] == "Öffer, for you"
    assert first["body"] == "Hello & welcome\n\n> old"
    assert first["attachments"] == ["offer.pdf"]
    assert first["sent_at"] == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert (reply["parent_id"], reply["automatic"]) == ("m1@firm.example", True)
    assert plain["body"] == "plain\nlines"
    assert whole.reasons == ["a draft, never sent"]


def test_the_same_mail_as_a_file_is_the_same_turn(tmp_path: Path):
    at = datetime(2026, 11, 2, 10, tzinfo=UTC)
    eml = (
        f"From: Anna <anna@firm.example>\nTo: cy@shop.example\nSubject: Hi\nDate: {format_datetime(at)}\n"
        "Message-ID: <m7@firm.example>\n\nHello\n"
    )
    write_files(tmp_path, {"one.eml": eml, "graph.json": [mail(7, "Hello", "2026-11-02T10:00:00Z")]})
    with troth.open() as book:
        book.read(tmp_path / "one.eml", us="firm.example")
        assert book.read(tmp_path / "graph.json").added == 0
        assert book.turns().num_rows == 1


def test_other_json_is_none_of_these(tmp_path: Path):
    write_files(tmp_path, {"x.jsonl": '{"text": "hello", "speaker": "a", "messageType": "x"}\n'})
    assert recognise(tmp_path / "x.jsonl").name == "jsonl"


@pytest.mark.parametrize(
    ("reader", "rows"),
    [
        (TEAMS, [*CHAT[4:7], *POSTS[:1], *MEMBERS]),
        (GRAPH_MAIL, [mail(1, "Hello", "2026-11-02T10:00:00Z"), mail(2, "x", "soon")]),
    ],
    ids=["teams", "mail"],
)
@pytest.mark.parametrize("form", ["page", "lines"])
def test_broken_pages_are_counted_or_refused(reader: Reader, rows: list[dict[str, Any]], form: str, tmp_path: Path):
    data = as_bytes(shape(rows, form))
    assert max(read_broken(reader, {"": data}, tmp_path, seed=3, share=0.5)) >= 2
