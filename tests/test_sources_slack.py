"""Slack exports: what was written, by whom, to whom, in which thread; everything else is counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import read_broken
from read_whole import Whole, read_whole, write_files, write_zip

import troth
from troth.sample import SAMPLE_ME, sample_files
from troth.settings import Settings
from troth.sources import recognise
from troth.sources.slack import SLACK


def user(short: str, name: str, **more: Any) -> dict[str, Any]:
    profile = {"real_name": name, "display_name": short, "email": f"{short.capitalize()}@Firm.example"}
    return {"id": f"U{short.upper()}", "team_id": "T1", "name": short, "real_name": name, "is_bot": False,
            "is_restricted": False, "profile": profile} | more  # fmt: skip


def said(who: str, text: str, ts: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": f"U{who.upper()}", "text": text, "ts": ts} | more


def stamp(text: str, micro: int = 0) -> str:
    return f"{int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())}.{micro:06d}"


NINE = stamp("2026-11-02 09:00")
PEOPLE = [
    user("anna", "Anna Berg"),
    user("ben", "Ben Otter", profile={"real_name": "Ben Otter", "phone": "+49 (170) 12-34"}),
    user("guest", "Gail Guest", is_restricted=True, profile={"real_name": "Gail Guest"}),
    user("far", "Fay Farr", team_id="T2", is_stranger=True, profile={"real_name": "Fay Farr"}),
    user("bot", "Build", is_bot=True, profile={"real_name": "Build"}),
]
FILES: dict[str, Any] = {
    "users.json": PEOPLE,
    "channels.json": [{"id": "C1", "name": "general", "members": ["UANNA", "UBEN", "UFAR"]}],
    "groups.json": [{"id": "G1", "name": "board", "members": ["UANNA", "UBEN"]}],
    "dms.json": [{"id": "D1", "members": ["UANNA", "UBEN"]}],
    "mpims.json": [{"id": "G2", "name": "mpdm-anna--ben--guest-1", "members": ["UANNA", "UBEN", "UGUEST"]}],
    "integration_logs.json": [{"service": "x"}],
    "general/2026-11-02.json": [
        said("anna", "Hello &lt;all&gt; &amp;amp; <@UBEN>, see <https://a.example/?b&amp;c|the list> in <#C1>", NINE),
        said("ben", "<!here> <mailto:x@y.example|x@y.example> <https://b.example> <!subteam^S1|@sales>",
             stamp("2026-11-02 09:05"), edited={"user": "UBEN", "ts": NINE}),
        {"type": "message", "subtype": "channel_join", "user": "UFAR", "text": "<@UFAR> has joined", "ts": NINE},
        said("far", "root", stamp("2026-11-02 10:00"), thread_ts=stamp("2026-11-02 10:00"), reply_count=1),
        {"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "Deploy", "text": "",
         "attachments": [{"pretext": "Build 7", "title": "failed", "fallback": "never seen"}], "ts": NINE + "1"},
        said("bot", "I am a bot user", stamp("2026-11-02 11:00"), bot_id="B2"),
    ],
    "general/2026-11-03.json": [
        said("anna", "reply a day later", stamp("2026-11-03 10:30"), thread_ts=stamp("2026-11-02 10:00"),
             parent_user_id="UFAR", files=[{"name": "offer.pdf"}, {"title": "Sketch"}]),
        said("ben", "new day", stamp("2026-11-03 11:00"), subtype="me_message"),
        {"type": "message", "subtype": "tombstone", "user": "UBEN", "text": "This message was deleted.",
         "ts": stamp("2026-11-03 11:01")},
        said("ben", "", stamp("2026-11-03 11:02")),
        {"type": "message", "text": "nobody", "ts": stamp("2026-11-03 11:03")},
        said("ben", "no time", "soon"),
        said("ben", "odd", stamp("2026-11-03 11:04"), subtype="brand_new_kind"),
        said("new", "Hi from outside", stamp("2026-11-03 11:05"), user_team="T9",
             user_profile={"real_name": "Nea New", "team": "T9"}),
        "a string", 7,
    ],
    "D1/2026-11-02.json": [
        said("anna", "tonight?", stamp("2026-11-02 18:00")),
        said("ben", "in the morning", stamp("2026-11-03 08:00")),
        said("anna", "much later", stamp("2026-11-05 08:00")),
    ],
    "mpdm-anna--ben--guest-1/2026-11-02.json": [said("guest", "we three", NINE)],
    "board/2026-11-02.json": [
        said("anna", "<@UANNA> uploaded a file: <https://x|plan> and commented: please read", NINE,
             subtype="file_share", file={"name": "plan.pdf"}, upload=True, bot_id=None),
        said("ben", "", stamp("2026-11-02 09:01"), attachments=[{"is_share": True, "text": "one\ntwo"}]),
        said("ben", "look", stamp("2026-11-02 09:02"), attachments=[{"from_url": "https://x", "text": "preview"}]),
    ],
}  # fmt: skip


@pytest.fixture(scope="module", params=["zip", "wrapped zip", "folder"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    place = tmp_path_factory.mktemp("slack")
    if request.param == "folder":
        return read_whole(write_files(place / "export", FILES))
    wrap = "Firm Slack export/" if request.param == "wrapped zip" else ""
    files = {wrap + name: content for name, content in FILES.items()} | ({"__MACOSX/._x": b"\0"} if wrap else {})
    return read_whole(write_zip(place / "export.zip", files))


def turn(whole: Whole, words: str) -> dict[str, Any]:
    return next(turn for turn in whole.turns if words in turn["body"])


def test_it_is_recognised_by_what_is_in_it(whole: Whole):
    assert whole.reading.format.name == "slack"


def test_words_stand_as_a_reader_sees_them(whole: Whole):
    assert turn(whole, "Hello")["body"] == "Hello <all> &amp; @Ben Otter, see the list in #general"
    assert turn(whole, "@here")["body"] == "@here x@y.example https://b.example @sales"
    assert "please read" in whole.bodies
    assert "> one\n> two" in whole.bodies
    assert "look" in whole.bodies


def test_a_thread_is_a_conversation_and_a_silence_ends_the_others(whole: Whole):
    root, reply = turn(whole, "root"), turn(whole, "reply a day later")
    assert reply["conversation_id"] == root["conversation_id"] == reply["parent_id"] == root["turn_id"]
    assert root["parent_id"] is None
    assert turn(whole, "Hello")["conversation_id"] == turn(whole, "@here")["conversation_id"]
    assert turn(whole, "new day")["conversation_id"] not in {turn(whole, "Hello")["conversation_id"], root["turn_id"]}
    evening, morning, later = (turn(whole, words) for words in ("tonight?", "in the morning", "much later"))
    assert evening["conversation_id"] == morning["conversation_id"] != later["conversation_id"]


def test_speakers_are_addresses_where_the_export_has_them(whole: Whole):
    assert turn(whole, "Hello")["speaker"] == "anna@firm.example"
    assert turn(whole, "new day")["speaker"] == "slack:UBEN"
    by_handle = {contact["handle"]: contact for contact in whole.contacts}
    assert by_handle["slack:UANNA"]["address"] == "anna@firm.example"
    assert by_handle["slack:UBEN"]["phone"] == "+491701234"
    sides = {short: by_handle[f"slack:U{short}"]["side"] for short in ("ANNA", "BEN", "GUEST", "FAR", "NEW")}
    assert sides == {"ANNA": None, "BEN": "us", "GUEST": None, "FAR": "them", "NEW": "them"}
    assert turn(whole, "Hi from outside")["speaker_name"] == by_handle["slack:UNEW"]["name"] == "Nea New"
    assert "slack:UBOT" not in by_handle


def test_who_is_spoken_to(whole: Whole):
    assert turn(whole, "Hello")["recipients"] == ["slack:UBEN", "slack:UFAR"]
    assert turn(whole, "tonight?")["recipients"] == ["slack:UBEN"]
    assert turn(whole, "we three")["recipients"] == ["anna@firm.example", "slack:UBEN"]


def test_in_a_large_channel_only_those_named_are_spoken_to(tmp_path: Path):
    many = [user(f"p{n}", f"P {n}") for n in range(40)]
    files = {
        "users.json": many,
        "channels.json": [{"id": "C1", "name": "all", "members": [one["id"] for one in many]}],
        "all/2026-11-02.json": [said("p1", "ask <@UP7>", NINE), said("p1", "all of you", NINE + "1")],
    }
    whole = read_whole(write_zip(tmp_path / "x.zip", files))
    assert [turn["recipients"] for turn in whole.turns] == [["p7@firm.example"], None]


def test_programs_are_automatic(whole: Whole):
    automatic = {turn["body"] for turn in whole.turns if turn["automatic"]}
    assert automatic == {"Build 7\nfailed", "I am a bot user"}


def test_files_are_attachments(whole: Whole):
    assert turn(whole, "reply a day later")["attachments"] == ["offer.pdf", "Sketch"]
    assert turn(whole, "please read")["attachments"] == ["plan.pdf"]


def test_nothing_is_dropped_in_silence(whole: Whole):
    assert set(whole.reasons) == {
        "deleted by its sender",
        "a message without words",
        "nobody said it",
        "no JSON object",
        "no 'ts': a message needs its time, which is its name",
        "a message of a kind that is not known: brand_new_kind",
    }
    assert whole.note("notices") == 1
    assert whole.note("edited") == 1
    assert all(rejected.position.split(", ")[0].endswith(".json") for rejected in whole.reading.rejected)


def test_times_keep_every_microsecond(tmp_path: Path):
    files = {"general/2026-11-02.json": [said("anna", "now", "1793610000.123457")], "users.json": PEOPLE}
    moment = read_whole(write_zip(tmp_path / "x.zip", files)).turns[0]["sent_at"]
    assert moment == datetime(2026, 11, 2, 9, tzinfo=UTC) + timedelta(microseconds=123457)


def test_a_torn_day_loses_that_day_alone(tmp_path: Path):
    torn = json.dumps(FILES["general/2026-11-02.json"])[:-150]
    whole = read_whole(write_files(tmp_path / "x", FILES | {"general/2026-11-02.json": torn}))
    assert any("no JSON" in reason for reason in whole.reasons)
    assert {"new day", "tonight?", "root"} <= set(whole.bodies)


def test_overlapping_exports_add_nothing_and_a_corrected_one_changes(tmp_path: Path):
    first = write_zip(tmp_path / "first.zip", FILES)
    changed = json.loads(json.dumps(FILES))
    changed["general/2026-11-02.json"][1]["text"] = "corrected"
    del changed["D1/2026-11-02.json"]
    changed["general/2026-11-09.json"] = [said("anna", "a week on", stamp("2026-11-09 09:00"))]
    second = write_zip(tmp_path / "second.zip", changed)
    with troth.open() as book:
        book.read(first, us="firm.example")
        again, later = book.read(first), book.read(second)
    assert (again.added, again.changed) == (0, 0)
    assert later.added == 1


def test_a_folder_with_other_exports_is_not_taken_whole(tmp_path: Path):
    write_files(tmp_path, {f"slack/{name}": content for name, content in FILES.items()})
    (tmp_path / "mail.eml").write_bytes(b"From: a@b.example\nSubject: x\n\nhello\n")
    assert recognise(tmp_path / "slack").name == "slack"
    assert recognise(tmp_path).name != "slack"


_words = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=60).map(str.strip)
_messages = st.lists(
    st.tuples(st.sampled_from(["anna", "ben", "guest"]), _words.filter(bool), st.integers(0, 10**12), st.booleans()),
    min_size=1,
    max_size=12,
    unique_by=lambda made: made[2],
)


@settings(max_examples=60)
@given(_messages)
def test_made_up_conversations_come_back(tmp_path_factory: pytest.TempPathFactory, messages: list[Any]):
    """Whatever people write: escaped as Slack does, spread over days, some of it in one thread."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    root: str | None = None
    days: dict[str, list[dict[str, Any]]] = {}
    expected: dict[str, tuple[str, str, str | None]] = {}
    for who, words, micros, in_thread in sorted(messages, key=lambda made: made[2]):
        moment = start + timedelta(microseconds=micros)
        ts = f"{int(start.timestamp()) + micros // 10**6}.{micros % 10**6:06d}"
        message = said(who, words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), ts)
        if in_thread:
            root = root or ts
            message["thread_ts"] = root
        days.setdefault(f"{moment:%Y-%m-%d}", []).append(message)
        parent = f"slack:C1:{root}" if in_thread and ts != root else None
        expected[f"slack:C1:{ts}"] = (who, words, parent)
    files = {"users.json": PEOPLE, "channels.json": FILES["channels.json"]}
    files |= {f"general/{day}.json": rows for day, rows in days.items()}
    whole = read_whole(write_zip(tmp_path_factory.mktemp("made") / "x.zip", files))
    names = {"anna@firm.example": "anna", "slack:UBEN": "ben", "slack:UGUEST": "guest"}
    found = {turn["turn_id"]: (names[turn["speaker"]], turn["body"], turn["parent_id"]) for turn in whole.turns}
    assert found == expected
    for row in whole.turns:
        start_us = int(row["turn_id"].rpartition(":")[2].replace(".", ""))
        assert (row["sent_at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == start_us


def test_broken_exports_are_counted_or_refused(tmp_path: Path):
    names = ("users.json", "general/2026-11-02.json", "general/2026-11-03.json")
    files = {name: json.dumps(FILES[name]).encode() for name in names}
    (tmp_path / "general").mkdir()
    assert max(read_broken(SLACK, files, tmp_path, seed=1)) > 15


def test_the_real_sample_is_read_whole(shared: Path):
    whole = read_whole(shared / "samples/slack_export/testarchive.zip")
    assert (len(whole.turns), len(whole.contacts), whole.reading.rejected) == (147, 4, [])
    assert whole.note("notices") == 11
    assert "what should setup.py do? install dependencies for docker and install docker plus contain the executor?" in (
        whole.bodies
    )


def test_the_sample_firm_is_the_same_people_as_in_its_mailbox(tmp_path: Path):
    path = tmp_path / "slack.zip"
    path.write_bytes(sample_files()["slack.zip"])
    with troth.open(settings=Settings(us=(SAMPLE_ME,))) as book:
        report = book.read(path)
        placed = book.turns().select(["speaker", "side", "relationship", "channel"]).to_pylist()
    assert report.rejected == ()
    assert {row["channel"] for row in placed} == {"chat"}
    femke = [row for row in placed if row["speaker"] == "office@oosterdijkflowers.example"]
    assert {(row["side"], row["relationship"]) for row in femke} == {("them", "oosterdijkflowers.example")}
