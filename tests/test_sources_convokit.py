"""Corpora in the form of ConvoKit: the current and the older form, ours there and back, broken ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import read_broken, read_whole
from read_whole import write_files, write_zip

from troth.leaving.corpus import write_corpus
from troth.schema import TURNS
from troth.sources import list_exports, read_source, recognise
from troth.sources.convokit import CONVOKIT

UTTERANCES = [
    {
        "id": "u0",
        "conversation_id": "c0",
        "text": "Hello.",
        "speaker": "ada",
        "meta": {"score": 3},
        "reply-to": None,
        "timestamp": 1_500_000_000,
        "vectors": [],
    },
    {
        "id": "u1",
        "conversation_id": "c0",
        "text": "Hi Ada,\r\nwell?",
        "speaker": "bo@x.example",
        "meta": {},
        "reply-to": "u0",
        "timestamp": "1500000060",
        "vectors": [],
    },
    {
        "id": "u2",
        "conversation_id": "c0",
        "text": "",
        "speaker": "ada",
        "meta": {},
        "reply-to": "u1",
        "timestamp": None,
    },
    {
        "id": "u3",
        "conversation_id": "c1",
        "text": "Alone.",
        "speaker": "ada",
        "meta": {},
        "reply-to": None,
        "timestamp": None,
    },
]
OLDER = [
    {"id": one["id"], "root": one["conversation_id"], "text": one["text"], "user": one["speaker"], "meta": {},
     "reply_to": one["reply-to"], "timestamp": one["timestamp"]}
    for one in UTTERANCES
]  # fmt: skip
SPEAKERS = {"ada": {"meta": {"name": "Ada Lund"}, "vectors": []}, "bo@x.example": {"meta": {}, "vectors": []}}


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


CORPUS = {
    "utterances.jsonl": lines(UTTERANCES),
    "speakers.json": SPEAKERS,
    "conversations.json": {"c0": {"meta": {}}, "c1": {"meta": {}}},
    "corpus.json": {},
    "index.json": {"version": 1},
}


@pytest.mark.parametrize("shape", ["folder", "zip", "zip with a folder", "older"])
def test_a_corpus_is_read_in_every_shape(shape: str, tmp_path: Path):
    match shape:
        case "folder":
            path = write_files(tmp_path / "tiny-corpus", CORPUS)
        case "zip":
            path = write_zip(tmp_path / "tiny-corpus.zip", CORPUS)
        case "older":
            older = {"utterances.json": OLDER, "users.json": {"ada": {"name": "Ada Lund"}}, "corpus.json": {}}
            path = write_files(tmp_path / "tiny-corpus", older)
        case _:
            path = write_zip(tmp_path / "other.zip", {f"tiny-corpus/{name}": text for name, text in CORPUS.items()})
    assert recognise(path).name == "convokit"
    reading, tables = read_whole(path)
    assert [(turn["turn_id"], turn["conversation_id"], turn["parent_id"]) for turn in tables["turns"]] == [
        ("tiny-corpus/u0", "tiny-corpus/c0", None),
        ("tiny-corpus/u1", "tiny-corpus/c0", "tiny-corpus/u0"),
        ("tiny-corpus/u3", "tiny-corpus/c1", None),
    ]
    assert [turn["body"] for turn in tables["turns"]] == ["Hello.", "Hi Ada,\nwell?", "Alone."]
    assert [turn["sent_at"] for turn in tables["turns"]] == [
        datetime.fromtimestamp(1_500_000_000, UTC),
        datetime.fromtimestamp(1_500_000_060, UTC),
        None,
    ]
    assert {(who["handle"], who["address"], who["name"]) for who in tables["contacts"]} == {
        ("ada", None, "Ada Lund"),
        (None, "bo@x.example", None),
    }
    assert [each.reason for each in reading.rejected] == ["an utterance without id or words"]


def test_two_corpora_with_the_same_ids_stay_two(tmp_path: Path):
    for name in ("one", "two"):
        write_files(tmp_path / name, CORPUS)
    listing = list_exports(tmp_path)
    assert [(each.path.name, each.format.name) for each in listing.exports] == [
        ("one", "convokit"),
        ("two", "convokit"),
    ]
    ids = [set(read_source(each.path).__next__()["turn_id"].to_pylist()) for each in listing.exports]
    assert not ids[0] & ids[1]


def test_other_files_with_these_names_are_no_corpus(tmp_path: Path):
    path = write_files(tmp_path / "x", CORPUS | {"utterances.jsonl": lines([{"id": "a", "text": "b"}])})
    assert [each.format.name for each in list_exports(path).exports] == ["jsonl"]


NAMES = st.one_of(st.none(), st.lists(st.sampled_from(["a@x.example", "Bo"]), max_size=2))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=20).filter(str.strip)
ROWS = st.lists(
    st.fixed_dictionaries({
        "sent_at": st.one_of(st.none(), st.integers(800_000_000_000_000, 1_790_000_000_000_000)),
        "speaker": st.sampled_from(["a@x.example", "Bo", "SPEAKER_00"]),
        "recipients": NAMES, "cc": NAMES, "attachments": NAMES,
        "channel": st.sampled_from(["mail", "chat", "call", "letter"]),
        "stage": st.sampled_from([None, "sales"]),
        "body": TEXTS,
        "automatic": st.booleans(),
        "side": st.sampled_from([None, "us", "them"]),
        "circle": st.sampled_from([None, "customer", "friend"]),
    }),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=ROWS)
def test_what_troth_exports_comes_back_as_it_was(made: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory):
    base = dict.fromkeys(TURNS.names, None)
    rows = [
        {**base, **row, "turn_id": f"t{number}", "conversation_id": f"c{number % 2}", "position": number, "source": "s",
         "sent_at": None if row["sent_at"] is None else datetime.fromtimestamp(row["sent_at"] // 10**6, UTC)}
        for number, row in enumerate(made)
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(pa.Table.from_pylist(rows, TURNS), folder / "corpus")
    _, tables = read_whole(folder / "corpus")
    assert sorted(tables["turns"], key=lambda turn: turn["turn_id"]) == rows


def test_no_broken_corpus_stops_the_reading(tmp_path: Path):
    files = {name: (text if isinstance(text, str) else json.dumps(text)).encode() for name, text in CORPUS.items()}
    found = list(read_broken(CONVOKIT, files, tmp_path, seed=3))
    assert len(found) > 500
    assert sum(found) > 0
