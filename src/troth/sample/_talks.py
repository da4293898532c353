"""Read the hand-written chats, calls, tickets and letters: what was said outside the mailbox.

A talk is a block whose words are entries, one a line: ``label | when | who | words``. Lines that begin with two spaces
go on with the entry above; of these, ``internal`` alone marks a note that the other side never sees, ``+ name: people``
is a reaction, ``# name`` a file and ``^ label`` the entry that a thread hangs on. Times are Anna's clock, in calls the
time since the call began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from troth.sample._source import Person, read_blocks, read_people

CLOCK: Final = ZoneInfo("Europe/Copenhagen")
"""The clock that chats, calls and tickets are written by."""

_CHANNELS: Final = {
    "slack": "chat", "whatsapp": "chat", "calls": "call", "tickets": "ticket", "assistant": "chat",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One entry of a talk."""

    label: str
    who: str  # short name
    at: datetime  # by Anna's clock
    words: str
    internal: bool = False
    reactions: Mapping[str, tuple[str, ...]]  # to the short names of who reacted
    attachments: tuple[str, ...] = ()
    thread: str | None = None  # label of the entry whose thread it is in


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One call of a tool by the assistant, and what came back."""

    tool: str
    arguments: str  # JSON
    result: str
    after: str  # label of the entry it follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One channel, chat, call or ticket."""

    name: str
    fields: Mapping[str, str]
    said: tuple[Said, ...]
    acts: tuple[Act, ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """Short names of who takes part."""
        return tuple(self.fields["members"].split(", "))

    @property
    def begins_at(self) -> datetime:
        """When a call began, by Anna's clock."""
        return _read_time(self.fields["at"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn outside the mailbox, as the key names it."""

    channel: str  # mail, chat, call, ticket, meeting, letter
    speaker: Person
    at: datetime
    words: str
    internal: bool


def read_talks(folder: str) -> tuple[Talk, ...]:
    """The talks of one folder: slack, whatsapp, calls, tickets or assistant."""
    return tuple(_read_talk(name, fields, words) for name, fields, words in read_blocks(folder))


def read_turns() -> Mapping[str, Turn]:
    """Every turn outside the mailbox by label."""
    people = read_people()
    turns = {
        said.label: Turn(
            channel=channel, speaker=people[said.who], at=said.at, words=said.words, internal=said.internal
        )
        for folder, channel in _CHANNELS.items()
        for talk in read_talks(folder)
        for said in talk.said
    }  # fmt: skip
    for label, fields, words in read_blocks("letters"):
        turns[label] = Turn(
            channel="letter" if fields["kind"] == "letter" else "meeting",
            speaker=people[fields["from"]],
            at=_read_time(fields["at"]),
            words=words,
            internal=False,
        )
    return turns


def _read_talk(name: str, fields: Mapping[str, str], words: str) -> Talk:
    said: list[Said] = []
    acts: list[Act] = []
    for line, more in _entries(words):
        label, *parts = line.split(" | ", 3)
        if label == "call":
            acts.append(Act(tool=parts[0], arguments=parts[1], result="", after=said[-1].label))
        elif label == "result":
            last = acts.pop()
            acts.append(Act(tool=last.tool, arguments=last.arguments, result=parts[0], after=last.after))
        else:
            said.append(_read_entry(label, parts, more, begins=fields.get("at")))
    return Talk(name=name, fields=fields, said=tuple(said), acts=tuple(acts))


def _entries(words: str) -> Iterator[tuple[str, list[str]]]:
    """Each entry's first line, and the lines that go on with it."""
    entry: tuple[str, list[str]] | None = None
    for line in words.split("\n"):
        if line.startswith("  ") and entry is not None:
            entry[1].append(line[2:])
            continue
        if entry is not None:
            yield entry
        entry = (line, [])
    if entry is not None:
        yield entry


def _read_entry(label: str, parts: list[str], more: list[str], *, begins: str | None) -> Said:
    when, who, *first = parts
    lines = [line for line in more if line != "internal" and line[:2] not in {"+ ", "# ", "^ "}]
    reactions = (line[2:].split(": ", 1) for line in more if line.startswith("+ "))
    return Said(
        label=label,
        who=who,
        at=_read_time(begins) + _read_offset(when) if begins else _read_time(when),
        words="\n".join([*first, *lines]),
        internal="internal" in more,
        reactions={name: tuple(people.split(", ")) for name, people in reactions},
        attachments=tuple(line[2:] for line in more if line.startswith("# ")),
        thread=next((line[2:] for line in more if line.startswith("^ ")), None),
    )


def _read_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CLOCK)


def _read_offset(text: str) -> timedelta:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
