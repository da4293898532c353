"""Calls and chats that machines wrote down as JSON: who spoke, on which side, when, and what was lost."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import read_broken
from read_whole import Whole, read_whole, write_files, write_zip

from troth.people import Us, place_turns
from troth.schema import TURNS
from troth.sources import list_exports
from troth.sources.reader import Reader
from troth.sources.speech import SPEECH

SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))
SID = "GT" + "0a" * 16
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
EPOCH_MS = int(START.timestamp()) * 1_000

WHISPER = {
    "text": " Good morning. How are you? Fine.",
    "language": "en",
    "segments": [
        {"id": 0, "start": 0.0, "end": 1.25, "text": " Good morning.", "avg_logprob": -0.2, "no_speech_prob": 0.01},
        {
            "id": 1,
            "start": 1.5,
            "end": 2.0,
            "text": " How are you?",
            "words": [{"word": " How", "start": 1.5, "end": 1.6}],
        },
        {"id": 2, "start": 5.0, "end": 6.0, "text": " Fine."},
    ],
}
WHISPERX = {
    "segments": [
        {"start": 0.1, "end": 1.2, "text": "Good morning.", "speaker": "SPEAKER_00", "words": []},
        {"start": 1.3, "end": 2.0, "text": "Hello.", "speaker": "SPEAKER_01", "words": []},
        {"start": 2.1, "end": 3.0, "text": "Shall we?", "speaker": "SPEAKER_01", "words": []},
    ],
    "language": "en",
}
WHISPER_CPP = {
    "transcription": [
        {
            "timestamps": {"from": "00:00:00,000", "to": "00:00:02,000"},
            "offsets": {"from": 0, "to": 2000},
            "text": " Hi.",
        },
    ]
}
GONG_TRANSCRIPT = {
    "callTranscripts": [
        {
            "callId": "77",
            "transcript": [
                {
                    "speakerId": "s1",
                    "topic": "Intro",
                    "sentences": [
                        {"start": 460, "end": 1700, "text": "Hey Bo."},
                        {"start": 1800, "end": 2500, "text": "How is it?"},
                    ],
                },
                {"speakerId": "s2", "topic": "Intro", "sentences": [{"start": 2600, "end": 3000, "text": "Good."}]},
            ],
        },
    ]
}
GONG_CALLS = {
    "calls": [
        {
            "metaData": {"id": "77", "title": "Renewal", "started": "2026-03-02T10:30:00+01:00", "duration": 600},
            "parties": [
                {
                    "id": "p1",
                    "speakerId": "s1",
                    "name": "Ada Lund",
                    "emailAddress": "Ada@Firm.example",
                    "affiliation": "Internal",
                },
                {
                    "id": "p2",
                    "speakerId": "s2",
                    "name": "Bo Øst",
                    "phoneNumber": "+45 12 34 56 78",
                    "affiliation": "External",
                },
                {"id": "p3", "name": "Cy", "emailAddress": "cy@cust.example", "affiliation": "External"},
            ],
        },
    ]
}
LENS_VOICE = {
    "Version": "1.1.0",
    "Channel": "VOICE",
    "JobStatus": "COMPLETED",
    "CustomerMetadata": {"ContactId": "c-1"},
    "Participants": [
        {"ParticipantId": "CUSTOMER", "ParticipantRole": "CUSTOMER"},
        {"ParticipantId": "AGENT", "ParticipantRole": "AGENT"},
    ],
    "Transcript": [
        {"BeginOffsetMillis": 0, "EndOffsetMillis": 90, "Content": "Okay.", "Id": "t1", "ParticipantId": "AGENT"},
        {
            "BeginOffsetMillis": 160,
            "EndOffsetMillis": 900,
            "Content": "I need help.",
            "Id": "t2",
            "ParticipantId": "CUSTOMER",
        },
    ],
}
LENS_CHAT = {
    "Version": "2019-08-26",
    "ContactId": "c-2",
    "Participants": [{"ParticipantId": "a-1"}, {"ParticipantId": "b-2"}],
    "Transcript": [
        {
            "Id": "m0",
            "Type": "EVENT",
            "ContentType": "application/vnd.amazonaws.connect.event.participant.joined",
            "AbsoluteTime": "2026-03-02T09:30:00.000Z",
            "ParticipantId": "a-1",
            "ParticipantRole": "CUSTOMER",
        },
        {
            "Id": "m1",
            "Type": "MESSAGE",
            "Content": "hello",
            "AbsoluteTime": "2026-03-02T09:30:01.500Z",
            "ParticipantId": "a-1",
            "ParticipantRole": "CUSTOMER",
            "DisplayName": "Bo",
        },
        {
            "Id": "m2",
            "Type": "MESSAGE",
            "Content": "again",
            "AbsoluteTime": "2026-03-02T09:30:02.500Z",
            "ParticipantId": "a-1",
            "ParticipantRole": "CUSTOMER",
            "DisplayName": "Bo",
        },
        {
            "Id": "m3",
            "Type": "MESSAGE",
            "Content": "Welcome.",
            "AbsoluteTime": "2026-03-02T09:30:03.000Z",
            "ParticipantId": "s-9",
            "ParticipantRole": "SYSTEM",
        },
        {
            "Id": "m4",
            "Type": "MESSAGE",
            "Content": "Hi Bo",
            "AbsoluteTime": "2026-03-02T09:31:00.000Z",
            "ParticipantId": "b-2",
            "ParticipantRole": "AGENT",
            "DisplayName": "Ada",
        },
    ],
}
GENESYS = {
    "organizationId": "o",
    "conversationId": "g-5",
    "mediaType": "call",
    "conversationStartTime": EPOCH_MS - 20_000,
    "transcripts": [
        {
            "transcriptId": "t",
            "phrases": [
                {
                    "participantPurpose": "external",
                    "text": "hello there",
                    "startTimeMs": EPOCH_MS,
                    "duration": {"milliseconds": 800},
                },
                {
                    "participantPurpose": "internal",
                    "text": "good day",
                    "startTimeMs": EPOCH_MS + 1_000,
                    "duration": {"milliseconds": 700},
                },
                {
                    "participantPurpose": "ivr",
                    "text": "this call is recorded",
                    "startTimeMs": EPOCH_MS - 9_000,
                    "duration": {"milliseconds": 50},
                },
            ],
        }
    ],
}
TWILIO = {
    "sentences": [
        {
            "media_channel": 2,
            "sentence_index": 1,
            "start_time": "2.5",
            "end_time": "3.1",
            "transcript": "my order",
            "sid": "GX2",
        },
        {
            "media_channel": 1,
            "sentence_index": 0,
            "start_time": 0.93,
            "end_time": 2.25,
            "transcript": "How can I help?",
            "sid": "GX1",
        },
    ],
    "meta": {"page": 0, "url": f"https://intelligence.twilio.com/v2/Transcripts/{SID}/Sentences?PageSize=50&Page=0"},
}
TWILIO_PAGE = {
    "sid": SID,
    "service_sid": "GA1",
    "media_start_time": "2026-03-02T09:30:00Z",
    "date_created": "2026-03-02T12:00:00Z",
    "channel": {
        "media_properties": {},
        "participants": [
            {"channel_participant": 1, "full_name": "Ada Lund", "email": "ada@firm.example", "role": "Agent"},
            {"channel_participant": 2, "media_participant_id": "+4512345678", "role": "Customer"},
        ],
    },
}
GRIDSPACE = [
    {
        "index": 1,
        "speaker_role": "agent",
        "start_timestamp_ms": EPOCH_MS,
        "duration_ms": 900,
        "human_transcript": "hello",
    },
    {
        "index": 2,
        "speaker_role": "caller",
        "start_timestamp_ms": EPOCH_MS + 2_000,
        "duration_ms": 900,
        "human_transcript": "hi",
    },
]
GRIDSPACE_ABOUT = {
    "agent": {"metadata": {"agent_name": "Elizabeth"}},
    "caller": {"metadata": {"first and last name": "Pat Brown"}},
    "sid": "c1",
    "start_time_ms": EPOCH_MS,
}
WRITTEN = {
    "ClientId": "1",
    "ConversationId": "w-1",
    "StartTime": "2026-03-02 09:30:00",
    "EndTime": "2026-03-02 09:40:00",
    "Content": "**Call**\n\n**Agent:** Good morning.\n\n**Customer:** It is **not** working.\n\n**Agent:** Oh.",
}
ABCD = [
    {
        "convo_id": 3,
        "scenario": {"personal": {"customer_name": "cy", "email": "Cy@mail.example", "phone": "(977) 625-2661"}},
        "original": [
            ["agent", "Hi!"],
            ["customer", "I want my money."],
            ["action", "Refund was made."],
            ["agent", "Done."],
        ],
        "delexed": [
            {"targets": []},
            {"targets": []},
            {"targets": ["r", "take_action", "offer-refund", ["10"], -1]},
            {},
        ],
    },
]


def read(folder: Path, content: object, name: str = "call-20260302_093000.json", **local: Any) -> Whole:
    write_files(folder, {name: content})
    return read_whole(folder / name, **local)


def lines(whole: Whole) -> list[tuple[str, str | None, str]]:
    return [(turn["speaker"].rpartition("/")[2], turn["side"], turn["body"]) for turn in whole.turns]


def seconds(whole: Whole) -> list[float]:
    return [(turn["sent_at"] - START).total_seconds() for turn in whole.turns]


def test_whisper_gives_words_and_times_and_no_names(tmp_path: Path):
    whole = read(tmp_path, WHISPER)
    assert whole.reading.format.name == "whisper"
    assert lines(whole) == [("unknown", None, "Good morning. How are you?"), ("unknown", None, "Fine.")]
    assert seconds(whole) == [0, 5]
    assert whole.note("no names") == 1


def test_whisper_with_an_hour_of_text_before_its_segments_is_recognised(tmp_path: Path):
    assert read(tmp_path, {**WHISPER, "text": "word " * 30_000}).turns == read(tmp_path, WHISPER).turns


def test_whisperx_tells_speakers_apart_within_the_call(tmp_path: Path):
    whole = read(tmp_path, WHISPERX)
    assert lines(whole) == [("SPEAKER_00", None, "Good morning."), ("SPEAKER_01", None, "Hello. Shall we?")]
    assert whole.turns[0]["speaker"].startswith(whole.turns[0]["conversation_id"])
    assert whole.contacts == []


def test_whisper_cpp_gives_milliseconds(tmp_path: Path):
    assert lines(read(tmp_path, WHISPER_CPP)) == [("unknown", None, "Hi.")]


@pytest.mark.parametrize("shape", ["folder", "zip", "one file"])
def test_gong_names_who_took_part_and_their_side(shape: str, tmp_path: Path):
    files: Mapping[str, object] = {"transcript.json": GONG_TRANSCRIPT, "extensive.json": GONG_CALLS}
    if shape == "folder":
        whole = read_whole(write_files(tmp_path / "gong", files))
    elif shape == "zip":
        whole = read_whole(write_zip(tmp_path / "gong.zip", files))
    else:
        whole = read(tmp_path, GONG_TRANSCRIPT | GONG_CALLS)
    assert lines(whole) == [("ada@firm.example", "us", "Hey Bo. How is it?"), ("+4512345678", "them", "Good.")]
    assert seconds(whole) == [0.46, 2.6]
    assert whole.turns[0]["recipients"] == ["+4512345678", "cy@cust.example"]  # who was there and said nothing too
    assert {turn["conversation_id"] for turn in whole.turns} == {"gong:77"}
    assert {turn["subject"] for turn in whole.turns} == {"Renewal"}
    assert {(who["name"], who["address"], who["phone"], who["side"]) for who in whole.contacts} == {
        ("Ada Lund", "ada@firm.example", None, "us"),
        ("Bo Øst", None, "+4512345678", "them"),
        ("Cy", "cy@cust.example", None, "them"),
    }


def test_a_call_of_our_own_people_alone_belongs_to_no_customer(tmp_path: Path):
    inside = json.loads(json.dumps(GONG_TRANSCRIPT | GONG_CALLS))
    inside["calls"][0]["parties"] = [
        {"speakerId": f"s{n}", "name": f"N{n}", "emailAddress": f"n{n}@firm.example", "affiliation": "Internal"}
        for n in (1, 2)
    ]
    turns = read(tmp_path, inside).turns
    assert {(turn["side"], turn["circle"]) for turn in turns} == {("us", "colleague")}


def test_gong_without_parties_has_neither_names_nor_sides_nor_times(tmp_path: Path):
    whole = read(tmp_path, GONG_TRANSCRIPT)
    assert lines(whole) == [("s1", None, "Hey Bo. How is it?"), ("s2", None, "Good.")]
    assert {turn["sent_at"] for turn in whole.turns} == {None}
    assert whole.note("does not say when") == 1


def test_contact_lens_gives_a_call_offsets_and_a_chat_times(tmp_path: Path):
    voice = read(tmp_path, LENS_VOICE, "analysis_2026-03-02T09_30_00Z.json", zone="Europe/Berlin")
    assert lines(voice) == [("agent", "us", "Okay."), ("customer", "them", "I need help.")]
    assert seconds(voice) == [0, 0.16]
    assert [turn["turn_id"] for turn in voice.turns] == ["connect:c-1/t1", "connect:c-1/t2"]
    chat = read(tmp_path, LENS_CHAT, "x.json")
    assert lines(chat) == [
        ("customer", "them", "hello"),
        ("customer", "them", "again"),
        ("system", "us", "Welcome."),
        ("agent", "us", "Hi Bo"),
    ]
    assert seconds(chat) == [1.5, 2.5, 3, 60]
    assert {turn["channel"] for turn in chat.turns} == {"chat"}
    assert [turn["automatic"] for turn in chat.turns] == [False, False, True, False]
    assert chat.note("no messages") == 1


def test_customers_of_two_contacts_are_two_relationships(tmp_path: Path):
    turns = [*read(tmp_path, LENS_VOICE).turns, *read(tmp_path, LENS_CHAT).turns]
    placed = place_turns(pa.Table.from_pylist(turns, TURNS), us=Us(addresses=frozenset(), domains=frozenset()))
    assert set(placed["relationship"].to_pylist()) == {"connect:c-1", "connect:c-2"}


def test_genesys_gives_epochs_and_sides_and_its_announcements_are_automatic(tmp_path: Path):
    whole = read(tmp_path, GENESYS, "x.json")
    assert lines(whole) == [
        ("ivr", "us", "this call is recorded"),
        ("customer", "them", "hello there"),
        ("agent", "us", "good day"),
    ]
    assert seconds(whole) == [-9, 0, 1]
    assert [turn["automatic"] for turn in whole.turns] == [True, False, False]
    assert {turn["conversation_id"] for turn in whole.turns} == {"genesys:g-5"}


def test_twilio_gives_sentences_in_their_order_and_people_where_the_page_is_there(tmp_path: Path):
    alone = read(tmp_path, TWILIO, "x.json")
    assert lines(alone) == [("channel 1", None, "How can I help?"), ("channel 2", None, "my order")]
    both = read_whole(write_files(tmp_path / "both", {"a.json": TWILIO, "b.json": TWILIO_PAGE}))
    assert lines(both) == [("ada@firm.example", "us", "How can I help?"), ("+4512345678", "them", "my order")]
    assert seconds(both) == [0.93, 2.5]
    assert [turn["turn_id"] for turn in both.turns] == [turn["turn_id"] for turn in alone.turns]
    assert both.turns[0]["turn_id"] == f"twilio:{SID}/GX1"


def test_gridspace_has_names_in_the_file_beside(tmp_path: Path):
    files = {"c1.transcript.json": GRIDSPACE, "c1.metadata.json": GRIDSPACE_ABOUT}
    whole = read_whole(write_files(tmp_path / "calls", files))
    assert lines(whole) == [("agent", "us", "hello"), ("caller", "them", "hi")]
    assert [turn["speaker_name"] for turn in whole.turns] == ["Elizabeth", "Pat Brown"]
    assert seconds(whole) == [0, 2]
    assert read(tmp_path, GRIDSPACE, "renamed.json").turns[0]["turn_id"] == whole.turns[0]["turn_id"]


def test_a_call_written_as_one_text_is_split_at_its_bold_names(tmp_path: Path):
    whole = read(tmp_path, WRITTEN, zone="UTC")
    assert lines(whole) == [
        ("agent", "us", "Good morning."),
        ("customer", "them", "It is **not** working."),
        ("agent", "us", "Oh."),
    ]
    assert seconds(whole) == [0, 0, 0]


def test_buttons_that_an_agent_pressed_are_calls_of_tools(tmp_path: Path):
    whole = read(tmp_path, ABCD)
    assert lines(whole) == [
        ("agent", "us", "Hi!"),
        ("cy@mail.example", "them", "I want my money."),
        ("agent", "us", "Done."),
    ]
    assert whole.reading.beside["calls"] == 1


FAMILY: Mapping[str, Mapping[str, object]] = {
    "whisper": {"": WHISPERX},
    "gong": {"transcript.json": GONG_TRANSCRIPT, "extensive.json": GONG_CALLS},
    "contact lens": {"": LENS_CHAT},
    "genesys": {"": GENESYS},
    "twilio": {"a.json": TWILIO, "b.json": TWILIO_PAGE},
    "gridspace": {"c1.transcript.json": GRIDSPACE, "c1.metadata.json": GRIDSPACE_ABOUT},
    "written calls": {"": WRITTEN},
    "abcd": {"": ABCD},
}


@pytest.mark.parametrize("reader", SPEECH, ids=lambda reader: reader.format.name)
def test_no_broken_transcript_stops_the_reading(reader: Reader, tmp_path: Path):
    files = {name: json.dumps(content).encode() for name, content in FAMILY[reader.format.name].items()}
    found = list(read_broken(reader, files, tmp_path, seed=7, share=0.25))
    assert len(found) > 50
    assert sum(found) > 0


@pytest.mark.parametrize("name", FAMILY)
def test_each_form_is_told_from_the_others(name: str, tmp_path: Path):
    folder = write_files(tmp_path / "x", {key or "alone.json": content for key, content in FAMILY[name].items()})
    assert [each.format.name for each in list_exports(folder).exports] == [name]


SENTENCES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=30
)
CALLS = st.lists(st.tuples(st.booleans(), SENTENCES, st.integers(1, 900)), min_size=1, max_size=8)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=CALLS)
def test_made_up_calls_come_back_from_three_vendors(call: list[tuple[bool, str, int]], tmp_path: Path):
    """Sides alternate as made up, so that each run of one side is one turn; words and times come back."""
    at, phrases, entries, monologues = 0, [], [], []
    runs: list[tuple[str, str, int]] = []
    for number, (ours, words, length) in enumerate(call):
        side = "us" if ours else "them"
        if runs and runs[-1][0] == side:
            runs[-1] = (side, f"{runs[-1][1]} {words}", runs[-1][2])
        else:
            runs.append((side, words, at))
        phrases.append({"participantPurpose": "internal" if ours else "external", "text": words,
                        "startTimeMs": EPOCH_MS + at, "duration": {"milliseconds": length}})  # fmt: skip
        entries.append({"Id": str(number), "ParticipantId": "AGENT" if ours else "CUSTOMER", "Content": words,
                        "BeginOffsetMillis": at, "EndOffsetMillis": at + length})  # fmt: skip
        monologues.append({"speakerId": "s1" if ours else "s2",
                           "sentences": [{"start": at, "end": at + length, "text": words}]})  # fmt: skip
        at += length + 10
    gong = GONG_CALLS | {"callTranscripts": [{"callId": "77", "transcript": monologues}]}
    for content in (GENESYS | {"transcripts": [{"phrases": phrases}]}, LENS_VOICE | {"Transcript": entries}, gong):
        whole = read(tmp_path, content)
        assert [(turn["side"], turn["body"]) for turn in whole.turns] == [(side, words) for side, words, _ in runs]
        assert [turn["sent_at"] for turn in whole.turns] == [
            START + timedelta(milliseconds=begin) for *_, begin in runs
        ]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
def test_the_real_samples_are_read_whole():
    samples = SHARED / "samples"
    found = {
        path.name[:12]: (len(whole.turns), whole.reasons)
        for pattern in (
            "call_json/*.json",
            "call_harper_valley/*.transcript.json",
            "amazon*/*.json",
            "agent_chat*/*.json",
        )
        for path in samples.glob(pattern)
        for whole in [read_whole(path)]
    }
    assert {reasons == [] for _, reasons in found.values()} == {True}
    counts = sorted(count for count, _ in found.values())
    contents = [json.loads(path.read_bytes()) for path in samples.glob("call_json/*.json")]
    bold = sorted(each["Content"].count(":**") for each in contents)
    assert len(counts) == len(bold) + 3
    assert set(bold) <= set(counts)
