"""Lay letters and notes of meetings into text files as people keep them: what it is, when, who, then the words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from troth.sample._source import Person, read_blocks

_TITLES: Final = {"letter": "Letter", "note": "Meeting note"}


def build_letters(people: Mapping[str, Person]) -> dict[str, bytes]:
    """File name to text."""
    return {fields["file"]: _lay(fields, words, people) for _, fields, words in read_blocks("letters")}


def _lay(fields: Mapping[str, str], words: str, people: Mapping[str, Person]) -> bytes:
    day, _, clock = fields["at"].partition(" ")
    receivers = ", ".join(people[short].name for short in fields["to"].split(", "))
    head = [
        f"{_TITLES[fields['kind']]}: {fields['subject']}",
        f"Date: {day} {clock}",
        f"From: {people[fields['from']].name}",
        f"To: {receivers}",
    ]
    return "\n".join([*head, "", words, ""]).encode()
