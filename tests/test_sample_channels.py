"""What the sample holds beside its mailbox: sound exports, and a key that speaks of what was really said."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from troth.sample import SAMPLE_DAY, SAMPLE_ME, Key, Promise, read_key, sample_files, write_sample
from troth.sample._source import read_mails, read_people
from troth.sample._talks import read_talks
from troth.surveys import load_set

ANDROID = re.compile(r"(\d\d\.\d\d\.\d{4}, \d\d:\d\d) - (?:([^:]+): )?(.*)")
IOS = re.compile(r"\[(\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d)\] ([^:]+): (.*)")
CUE = re.compile(r"(\d\d):(\d\d):(\d\d)\.(\d{3}) --> (\d\d):(\d\d):(\d\d)\.(\d{3})")
NAMES = {person.name for person in read_people().values()}
ADDRESSES = {person.address for person in read_people().values()}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return sample_files()


@pytest.fixture(scope="module")
def key() -> Key:
    return read_key()


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_every_export_has_the_same_bytes_every_time_and_lands_on_disk(files, tmp_path: Path):
    assert sample_files() == files
    box = write_sample(tmp_path / "new")
    assert box.read_bytes() == files["brimholt.mbox"]
    written = {
        str(p.relative_to(tmp_path / "new")): p.read_bytes() for p in (tmp_path / "new").rglob("*") if p.is_file()
    }
    assert written == files


def test_about_four_hundred_turns_over_all_channels(key):
    """253 mails and 194 turns elsewhere, over half a year; the last day belongs to the mailbox."""
    channels = Counter(turn.channel for turn in key.turns.values())
    assert channels == {"chat": 107, "call": 40, "ticket": 45, "letter": 1, "meeting": 1}
    days = sorted(turn.at.date() for turn in key.turns.values())
    assert date(2026, 5, 18) <= days[0]
    assert days[-1] < SAMPLE_DAY


def test_labels_are_used_once():
    talks = [said.label for folder in ("slack", "whatsapp", "calls", "tickets", "assistant")
             for talk in read_talks(folder) for said in talk.said]  # fmt: skip
    assert len(set(talks)) == len(talks)
    assert not set(talks) & set(read_mails())


# --- Slack -----------------------------------------------------------------------------------------------------------


def test_the_slack_export_opens_and_its_ids_link_up(files):
    with zipfile.ZipFile(io.BytesIO(files["slack.zip"])) as archive:
        assert archive.testzip() is None
        held = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    users = {user["id"]: user for user in held["users.json"]}
    assert len(users) == len(held["users.json"])
    assert {user["profile"]["email"] for user in users.values()} <= ADDRESSES
    rooms = {channel["name"]: channel for channel in held["channels.json"]} | {dm["id"]: dm for dm in held["dms.json"]}
    days = {name: messages for name, messages in held.items() if "/" in name}
    assert {name.partition("/")[0] for name in days} == set(rooms)
    stamps = set()
    for name, messages in days.items():
        room, _, day = name.removesuffix(".json").partition("/")
        for message in messages:
            at = datetime.fromtimestamp(float(message["ts"]), ZoneInfo("Europe/Copenhagen"))
            assert at.date().isoformat() == day
            assert message.get("user", rooms[room]["members"][0]) in rooms[room]["members"]
            assert set(re.findall(r"<@(\w+)>", message["text"])) <= set(users)
            for reaction in message.get("reactions", ()):
                assert reaction["count"] == len(set(reaction["users"]))
                assert set(reaction["users"]) <= set(users)
            stamps.add((room, message["ts"]))
    assert len(stamps) == sum(map(len, days.values())) == 69
    for name, messages in days.items():
        room = name.partition("/")[0]
        for message in messages:
            assert (room, message.get("thread_ts", message["ts"])) in stamps
            assert all((room, below["ts"]) in stamps for below in message.get("replies", ()))
    assert sum(message.get("subtype") == "bot_message" for messages in days.values() for message in messages) == 2


def test_guests_of_the_slack_export_are_the_customer(files):
    with zipfile.ZipFile(io.BytesIO(files["slack.zip"])) as archive:
        users = json.loads(archive.read("users.json"))
    guests = {user["profile"]["email"] for user in users if user["is_restricted"]}
    assert guests == {"ruben@oosterdijkflowers.example", "office@oosterdijkflowers.example"}


# --- WhatsApp --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form", "clock", "count"),
    [
        ("whatsapp/WhatsApp Chat with Declan Brannock.txt", ANDROID, "%d.%m.%Y, %H:%M", 14),
        ("whatsapp/WhatsApp Chat - Mila Kestrov/_chat.txt", IOS, "%d/%m/%Y, %H:%M:%S", 14),
    ],
)
def test_a_chat_reads_as_its_telephone_writes_it(files, name, form, clock, count):
    lines = files[name].decode().split("\n")
    read = [match for line in lines if (match := form.fullmatch(line))]
    assert "end-to-end encrypted" in read[0][3]
    assert len(read) == count + 1
    assert {match[2] for match in read[1:]} <= NAMES
    times = [datetime.strptime(match[1], clock) for match in read]  # noqa: DTZ007  # a telephone's clock has no zone
    assert times == sorted(times)
    assert len(lines) == len(read) + 2  # one message of two lines, one line end


# --- calls -----------------------------------------------------------------------------------------------------------


def test_the_calls_are_webvtt_and_say_what_was_written(files):
    """Cues follow each other in time, voices are people, and the cues of a call make up its words."""
    for talk in read_talks("calls"):
        head, *cues = files[f"calls/{talk.fields['file']}"].decode().strip().split("\n\n")
        assert head == "WEBVTT"
        words: list[tuple[str, str]] = []
        before = 0.0
        for cue in cues:
            _, times, text = cue.split("\n")
            match = CUE.fullmatch(times)
            assert match
            figures = [int(figure) for figure in match.groups()]
            start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (figures[:4], figures[4:]))
            assert before <= start < end
            before = end
            spoken = re.fullmatch(r"<v ([^>]+)>(.+)</v>|([^:]+): (.+)", text)
            assert spoken
            name, sentence = spoken[1] or spoken[3], spoken[2] or spoken[4]
            assert name in NAMES
            if words and words[-1][0] == name:
                words[-1] = (name, f"{words[-1][1]} {sentence}")
            else:
                words.append((name, sentence))
        assert words == [(read_people()[said.who].name, said.words) for said in talk.said]


# --- Zendesk ---------------------------------------------------------------------------------------------------------


def test_the_tickets_link_up_and_internal_notes_are_marked(files, key):
    pages = {name: json.loads(files[f"zendesk/{name}.json"]) for name in
             ("users", "organizations", "tickets", "ticket_events")}  # fmt: skip
    users = {user["id"]: user for user in pages["users"]["users"]}
    firms = {firm["id"] for firm in pages["organizations"]["organizations"]}
    tickets = {ticket["id"]: ticket for ticket in pages["tickets"]["tickets"]}
    assert len(tickets) == 9
    assert len(firms) == 8
    assert {user["email"] for user in users.values()} <= ADDRESSES
    assert {user["role"] for user in users.values()} == {"agent", "end-user"}
    for user in users.values():
        assert (user["role"] == "agent") == user["email"].endswith("@brimholt.example")
        assert user["role"] == "agent" or user["organization_id"] in firms
    for ticket in tickets.values():
        assert users[ticket["requester_id"]]["role"] == "end-user"
        assert users[ticket["assignee_id"]]["role"] == "agent"
        assert users[ticket["requester_id"]]["organization_id"] == ticket["organization_id"]
    events = pages["ticket_events"]["ticket_events"]
    ids = [event["id"] for event in events] + [child["id"] for event in events for child in event["child_events"]]
    assert len(set(ids)) == len(ids)
    comments = [
        (event, child) for event in events for child in event["child_events"] if child["event_type"] == "Comment"
    ]
    said = {(turn.words, turn.speaker.address, turn.at.astimezone(UTC), turn.internal)
            for turn in key.turns.values() if turn.channel == "ticket"}  # fmt: skip
    read = {
        (
            child["body"],
            users[child["author_id"]]["email"],
            datetime.fromisoformat(child["created_at"]),
            not child["public"],
        )
        for _, child in comments
    }
    assert read == said
    assert {event["ticket_id"] for event, _ in comments} == set(tickets)
    assert all(event["timestamp"] == datetime.fromisoformat(event["created_at"]).timestamp() for event in events)
    assert sum(not child["public"] for _, child in comments) == 7
    opened = [child["body"] for event, child in comments if len(event["child_events"]) == 2]
    assert sorted(opened) == sorted(ticket["description"] for ticket in tickets.values())


def test_an_internal_note_promises_nothing_to_the_customer(key):
    """What Gesa writes to her colleagues is their promise: her side is theirs, as among colleagues."""
    noted = [promise for promise in key.promises_elsewhere if key.turns[promise.mail].internal]
    assert [(promise.mail, promise.side) for promise in noted] == [("tic-44", "them")]


# --- the assistant ---------------------------------------------------------------------------------------------------


def test_the_assistants_log_has_an_answer_to_every_call(files, key):
    chats = [json.loads(line) for line in files["assistant.jsonl"].decode().splitlines()]
    assert len({chat["conversation_id"] for chat in chats}) == len(chats) == 2
    for chat in chats:
        called = [call["id"] for message in chat["messages"] for call in message.get("tool_calls", ())]
        answered = [message["tool_call_id"] for message in chat["messages"] if message["role"] == "tool"]
        assert called == answered
        assert len(set(called)) == len(called)
        assert {message["name"] for message in chat["messages"] if message["role"] == "user"} <= ADDRESSES
        for message in chat["messages"]:
            for call in message.get("tool_calls", ()):
                assert json.loads(call["function"]["arguments"])
    spoken = [message["content"] for chat in chats for message in chat["messages"]
              if message["role"] in {"user", "assistant"} and message["content"]]  # fmt: skip
    assert spoken == [turn.words for label, turn in key.turns.items() if label.startswith("agt-")]


# --- CRM and survey --------------------------------------------------------------------------------------------------


def test_the_crm_knows_the_customers_of_the_mailbox(files, key):
    companies = {row["hs_object_id"]: row for row in table(files["crm/companies.csv"])}
    assert {row["domain"] for row in companies.values()} == set(key.accounts)
    for contact in table(files["crm/contacts.csv"]):
        assert contact["email"] in key.accounts[companies[contact["associatedcompanyid"]]["domain"]]
        assert contact["company"] == companies[contact["associatedcompanyid"]]["name"]
        assert f"{contact['firstname']} {contact['lastname']}" in NAMES
    assert {c["email"] for c in table(files["crm/contacts.csv"])} == {
        a for people in key.accounts.values() for a in people
    }


def test_a_deal_stands_where_its_history_ends(files):
    companies = {row["hs_object_id"] for row in table(files["crm/companies.csv"])}
    history = table(files["crm/deal_property_history.csv"])
    deals = table(files["crm/deals.csv"])
    assert {row["deal_id"] for row in history} == {deal["hs_object_id"] for deal in deals}
    for deal in deals:
        steps = [row for row in history if row["deal_id"] == deal["hs_object_id"]]
        assert [row["timestamp"] for row in steps] == sorted(row["timestamp"] for row in steps)
        assert deal["createdate"] == steps[0]["timestamp"]
        last = {row["name"]: row["value"] for row in steps}
        assert deal["dealstage"] == last["dealstage"]
        assert deal["amount"] == last.get("amount", "")
        assert (deal["hs_is_closed_won"] == "true") == (deal["dealstage"] == "closedwon")
        assert deal["associatedcompanyid"] in companies
    amounts = [row["value"] for row in history if row["name"] == "amount"]
    assert {"38400", "41150", "52300", "6900"} <= set(amounts)  # figures that the mails name


def test_invoices_are_paid_after_they_are_issued(files):
    for row in table(files["crm/invoices.csv"]):
        dates = [row[name] for name in ("issued_at", "paid_at", "refunded_at") if row[name]]
        assert dates == sorted(dates)
        assert row["status"] == ("refunded" if row["refunded_at"] else "paid" if row["paid_at"] else "open")


def test_the_survey_asks_with_the_words_of_its_set(files):
    names, words, third, *answers = csv.reader(io.StringIO(files["survey.csv"].decode(), newline=""))
    assert all("ImportId" in json.loads(cell) for cell in third)
    asked = {item.id: item.text["en"] for item in load_set("questions").items}
    assert dict(zip(names[-8:], words[-8:], strict=True)) == asked
    assert {len(row) for row in answers} == {len(names)}
    assert {row[names.index("RecipientEmail")] for row in answers} <= ADDRESSES
    assert {value for row in answers for value in row[-8:]} <= {"", *"1234567"}


def test_letters_say_their_date_and_who_wrote_them(files, key):
    letters = {name: content.decode() for name, content in files.items() if name.startswith("letters/")}
    written = [turn for label, turn in key.turns.items() if label.startswith("let-")]
    assert len(letters) == len(written) == 2
    for turn in written:
        text = next(text for text in letters.values() if turn.words in text)
        assert f"Date: {turn.at:%Y-%m-%d}" in text
        assert f"From: {turn.speaker.name}\n" in text


# --- the key ---------------------------------------------------------------------------------------------------------


def said_on(key: Key, label: str) -> date:
    return key.turns[label].at.date() if label in key.turns else read_mails()[label].at.date()


def speaker_of(key: Key, label: str) -> str:
    return key.turns[label].speaker.address if label in key.turns else read_mails()[label].sender.address


def test_every_word_of_the_key_is_said_by_whom_it_names(key):
    for item in (*key.promises_elsewhere, *key.questions_elsewhere):
        assert item.words in key.turns[item.mail].words, item
    for promise in key.promises_elsewhere:
        assert promise.actor == speaker_of(key, promise.mail), promise
    for item in key.contradictions:
        assert item.words in (key.turns[item.said].words if item.said in key.turns else key.own_words[item.said])
        assert item.against_words in key.own_words[item.against]
        assert said_on(key, item.against) < said_on(key, item.said)


def test_states_elsewhere_agree_with_the_dates_of_their_evidence(key):
    def is_sound(promise: Promise) -> bool:
        seen = said_on(key, promise.evidence) if promise.evidence else None
        match promise.state:
            case "kept":
                return seen is not None and (promise.due is None or seen <= promise.due)
            case "late":
                return seen is not None and promise.due is not None and seen > promise.due
            case "broken":
                return seen is not None and seen >= said_on(key, promise.mail)
            case _:
                return promise.state == "unknown"

    assert [promise for promise in key.promises_elsewhere if not is_sound(promise)] == []
    assert all(p.due is None or p.due < SAMPLE_DAY - timedelta(days=4) for p in key.promises_elsewhere)


def test_promises_questions_and_repeats_cross_channels(key):
    """A promise made in a call and kept by mail, a question of a chat answered by mail, one promise told twice."""
    crossing = [p for p in key.promises_elsewhere if p.evidence in key.message_ids]
    assert {key.turns[p.mail].channel for p in crossing} == {"call", "chat", "ticket"}
    assert [q.mail for q in key.questions_elsewhere if q.answer in key.message_ids] == ["wap-01", "wap-05"]
    for question in key.questions_elsewhere:
        if question.answer:
            assert said_on(key, question.mail) <= said_on(key, question.answer)
            assert speaker_of(key, question.mail) != speaker_of(key, question.answer)
    for first, again in key.told_twice:
        assert first in key.message_ids
        assert again in key.turns
    for repeat in key.repeats:
        assert said_on(key, repeat.first) <= said_on(key, repeat.again)
        assert key.circles[speaker_of(key, repeat.again)] == "customer"
        assert repeat.relationship in key.accounts
    days = {turn.at.date() for turn in key.turns.values()}
    assert all(day in days for arc in key.arcs_elsewhere for day in (*arc.falls, *arc.rises))


def test_the_owner_takes_part_in_every_direct_chat():
    for folder in ("slack", "whatsapp"):
        for talk in read_talks(folder):
            assert SAMPLE_ME in {read_people()[short].address for short in talk.members}
            assert {said.who for said in talk.said} <= {*talk.members, "watchlamp"}
