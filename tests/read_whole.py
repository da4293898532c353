"""An export read to its end, with the counts held against each other; exports written from names and contents."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from troth.sources import Local, Reading, read_source

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Whole(NamedTuple):
    turns: list[dict[str, Any]]
    contacts: list[dict[str, Any]]
    reading: Reading

    @property
    def bodies(self) -> list[str]:
        return [turn["body"] for turn in self.turns]

    @property
    def reasons(self) -> list[str]:
        return [rejected.reason for rejected in self.reading.rejected]

    def note(self, words: str) -> int:
        """How often a note with these words was made."""
        return sum(count for note, count in self.reading.notes.items() if words in note)


def read_whole(path: Path, **local: Any) -> Whole:
    reading = read_source(path, now=NOW, local=Local(**local))
    turns: list[dict[str, Any]] = []
    contacts: list[dict[str, Any]] = []
    for batch in reading:
        turns += batch.to_pylist()
        side = reading.take_side()
        contacts += side["contacts"].to_pylist() if "contacts" in side else []
    left_out = reading.duplicates + len(reading.rejected) + reading.unlisted
    assert reading.turns == len(turns)
    assert reading.seen == len(turns) + reading.beside.total() + left_out
    return Whole(turns, contacts, reading)


def as_bytes(content: object) -> bytes:
    if isinstance(content, bytes):
        return content
    return content.encode() if isinstance(content, str) else json.dumps(content, ensure_ascii=False).encode()


def write_files(folder: Path, files: Mapping[str, object]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(content))
    return folder


def write_zip(path: Path, files: Mapping[str, object], *, packed: int = zipfile.ZIP_DEFLATED) -> Path:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", packed) as archive:
        for name, content in files.items():
            archive.writestr(name, as_bytes(content))
    path.write_bytes(data.getvalue())
    return path
