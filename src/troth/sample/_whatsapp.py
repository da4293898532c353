"""Lay a chat into the text that WhatsApp exports, in the form of an Android telephone or of an iPhone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from troth.sample._source import Person
from troth.sample._talks import CLOCK, Said, Talk

_SEALED: Final = (
    "Messages and calls are end-to-end encrypted. "
    "Only people in this chat can read, listen to, or share them. Learn more"
)
_MARK: Final = "\u200e"  # iPhones put it before what the program itself says


def build_whatsapp(talk: Talk, people: Mapping[str, Person]) -> bytes:
    """One chat as text; times stand as the clock of the telephone that exported it shows them."""
    first = talk.said[0]
    if talk.fields["form"] == "ios":
        opening = f"{_ios_time(first, 0)} {talk.name}: {_MARK}{_SEALED}."
        lines = [f"{_ios_time(said, n)} {people[said.who].name}: {said.words}" for n, said in enumerate(talk.said, 1)]
    else:
        opening = f"{_android_time(first)} - {_SEALED}."
        lines = [f"{_android_time(said)} - {people[said.who].name}: {said.words}" for said in talk.said]
    return "\n".join([opening, *lines, ""]).encode()


def _android_time(said: Said) -> str:
    return f"{said.at.astimezone(CLOCK):%d.%m.%Y, %H:%M}"


def _ios_time(said: Said, number: int) -> str:
    seconds = number * 17 % 60  # the words are dated to the minute; an iPhone writes seconds too
    return f"[{said.at.astimezone(CLOCK):%d/%m/%Y, %H:%M}:{seconds:02d}]"
