"""Turns as a ConvoKit corpus: the folder that `convokit.Corpus(filename=...)` loads.

Form: utterances.jsonl, one utterance a line; speakers.json and conversations.json, by id; corpus.json; index.json with
the types of every meta field (ConvoKit 3 and 4, convokit/model/corpusUtils.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from troth.leaving.folder import new_folder

_OWN: Final = frozenset({"turn_id", "conversation_id", "parent_id", "sent_at", "speaker", "body"})
_TYPES: Final = {str: "<class 'str'>", int: "<class 'int'>", bool: "<class 'bool'>", list: "<class 'list'>"}


def write_corpus(turns: pa.Table, folder: Path) -> None:
    """Write TURNS as a corpus into a new folder.

    What ConvoKit has a place for stands there: id, conversation, speaker, text, time in seconds since 1970 and the
    turn that is answered, where that is in the same conversation. All else stands in an utterance's meta.

    Raises: InputError when the folder is not empty or cannot be written.
    """
    rows = turns.sort_by([("conversation_id", "ascending"), ("sent_at", "ascending"), ("position", "ascending")])
    talks = dict(zip(rows["turn_id"].to_pylist(), rows["conversation_id"].to_pylist(), strict=True))
    speakers: dict[str, dict[str, Any]] = {}
    conversations: dict[str, dict[str, Any]] = {}
    meta: dict[str, set[str]] = {}
    with new_folder(folder) as place:
        with (place / "utterances.jsonl").open("w", encoding="utf-8") as file:
            for row in _rows(rows):
                utterance = _utterance(row, talks)
                for name, value in utterance["meta"].items():
                    meta.setdefault(name, set()).update([_TYPES[type(value)]] if value is not None else [])
                file.write(json.dumps(utterance, ensure_ascii=False) + "\n")
                known = speakers.setdefault(row["speaker"], {"name": None, "side": None})
                known["name"], known["side"] = known["name"] or row["speaker_name"], known["side"] or row["side"]
                conversations.setdefault(row["conversation_id"], {"subject": row["subject"], "channel": row["channel"]})
        _write(place / "speakers.json", {name: {"meta": known, "vectors": []} for name, known in speakers.items()})
        _write(
            place / "conversations.json", {name: {"meta": one, "vectors": []} for name, one in conversations.items()}
        )
        _write(place / "corpus.json", {})
        text = [_TYPES[str]]
        index = {
            "utterances-index": {name: sorted(kinds) for name, kinds in meta.items()},
            "speakers-index": {"name": text, "side": text},
            "conversations-index": {"subject": text, "channel": text},
            "overall-index": {}, "version": 1, "vectors": [],
        }  # fmt: skip
        _write(place / "index.json", index)


def _rows(turns: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in turns.to_batches(max_chunksize=1_000):
        yield from batch.to_pylist()


def _utterance(row: Mapping[str, Any], talks: Mapping[str, str]) -> dict[str, Any]:
    parent, sent_at = row["parent_id"], row["sent_at"]
    return {
        "id": row["turn_id"],
        "conversation_id": row["conversation_id"],
        "text": row["body"],
        "speaker": row["speaker"],
        "meta": {name: value for name, value in row.items() if name not in _OWN},
        "reply-to": parent if talks.get(parent) == row["conversation_id"] and parent != row["turn_id"] else None,
        "timestamp": None if sent_at is None else sent_at.timestamp(),
        "vectors": [],
    }


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
