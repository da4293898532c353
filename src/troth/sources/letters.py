"""Letters and notes of meetings as text: offline touch points, kept by whoever wrote or received them.

A file opens with lines of a name and a value, a blank line follows, then the words:

    Letter: Thank you            or  Meeting: Visit in Høgsby  or  a markdown heading  or  nothing
    Date: 2026-08-27 12:00       the day alone will do
    From: Cornelius Abendrot     or By:, Author:
    To: Anna Tiedemark           or With:, Present:
    Subject: ...                 where the first line has none
    Where: ...

There must be a date, an author and somebody else, and no other names than these. A header of nothing but From, To,
Date and Subject is a mail's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import re2

from troth.sources.charsets import decode_bytes
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.headers import read_addresses
from troth.sources.moments import ONLY_DAY, Moment, read_moment
from troth.sources.reader import Context, Reader
from troth.sources.turns import Contact, Piece, Rejected, Turn

_MOST: Final = 4 << 20  # bytes of a letter
_LOOK: Final = 4_096
_LINES: Final = 20  # of a header
_CHANNELS: Final = {
    **dict.fromkeys(("letter", "brief", "fax", "postcard", "card"), "letter"),
    **dict.fromkeys(("meeting", "meeting note", "meeting notes", "note", "notes", "visit", "minutes"), "meeting"),
    **dict.fromkeys(("protokoll", "notiz", "besuch", "besprechung", "gesprächsnotiz"), "meeting"),
    **dict.fromkeys(("call", "phone call", "call note", "call notes", "telefonat"), "call"),
}
_MEANING: Final = {
    **dict.fromkeys(("date", "datum", "when"), "date"),
    **dict.fromkeys(("from", "by", "author", "von", "written by", "notes by"), "author"),
    **dict.fromkeys(("to", "with", "present", "attendees", "participants", "an", "mit", "teilnehmer"), "others"),
    **dict.fromkeys(("subject", "re", "betreff", "title", "topic", "thema"), "subject"),
    **dict.fromkeys(("where", "place", "location", "ort"), "where"),
    **dict.fromkeys(("type", "kind", "channel", "art"), "kind"),
}
_OF_MAIL: Final = frozenset({"from", "to", "date", "subject", "re", "betreff"})
_LONGEST_NAME: Final = 30
_HEADING: Final = re2.compile(r"^#{1,3}\s+(\S.*)$")


class Letter(NamedTuple):
    """The header of a letter or note, and where its words begin."""

    channel: str
    date: str
    author: str
    others: tuple[str, ...]
    subject: str | None
    body: str


def parse_letter(text: str) -> Letter | None:
    """A letter or a note of a meeting, or None where the text does not open like one."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").lstrip("\n").split("\n")
    fields: dict[str, list[str]] = {}
    names: set[str] = set()
    channel: str | None = None
    at = 1 if lines[0].strip() == "---" else 0
    heading = _HEADING.match(lines[at]) if at < len(lines) else None
    if heading is not None and _split_field(lines[at]) is None:
        fields["subject"] = [str(heading[1])]
        at += 1
    while at < len(lines) and (heading is not None or not names) and not lines[at].strip():
        at += 1
    for line in lines[at : at + _LINES]:
        if not line.strip() or line.strip() == "---":
            break
        at += 1
        field = _split_field(line)
        if field is None:
            return None
        name, value = field
        names.add(name)
        if name in _CHANNELS:
            channel = _CHANNELS[name]
            fields.setdefault("subject", []).append(value)
        elif (meaning := _MEANING.get(name)) is None:
            return None
        elif meaning == "kind":
            channel = _CHANNELS.get(value.lower())
        else:
            fields.setdefault(meaning, []).append(value)
    return _judge(fields, names, channel, "\n".join(lines[at:]).removeprefix("---").strip())


def _split_field(line: str) -> tuple[str, str] | None:
    """Name and value of a header's line, marks of markdown and quotes around them left out."""
    name, colon, value = line.partition(":")
    name, value = name.strip(" \t#*-").lower(), value.strip(" \t*").strip("\"'")
    is_name = 0 < len(name) <= _LONGEST_NAME and name.replace(" ", "").isalpha()
    return (name, value) if colon and value and is_name else None


def _judge(fields: dict[str, list[str]], names: set[str], channel: str | None, body: str) -> Letter | None:
    if channel is None:
        if names <= _OF_MAIL:
            return None
        channel = "letter" if "to" in names else "meeting"
    others = tuple(who for value in fields.get("others", ()) for who in _split_people(value))
    if not others or not body or any(len(fields.get(name, ())) != 1 for name in ("date", "author")):
        return None
    subject = next(iter(fields.get("subject", ())), None)
    return Letter(channel, fields["date"][0], fields["author"][0], others, subject, body)


def _split_people(value: str) -> Sequence[str]:
    mark = ";" if ";" in value else ","
    return [who for who in (part.strip() for part in value.split(mark)) if who]


class _Person(NamedTuple):
    handle: str
    name: str | None


def _person(text: str) -> _Person:
    """Somebody as the header names them: an address where there is one."""
    found = read_addresses([text.encode()]) if "@" in text else []
    if found and "@" in found[0].address:
        return _Person(found[0].address, found[0].name or None)
    return _Person(text, text)


def _is_letter(head: bytes) -> bool:
    # Looked at in part, a long first paragraph is words all the same.
    letter = None if b"\0" in head else parse_letter(decode_bytes(head, "utf-8").text)
    return letter is not None and any(mark.isdigit() for mark in letter.date)


def _is_it(export: Export) -> bool:
    return bool(export.names) and all(_is_letter(export.look(name, _LOOK)) for name in export.names)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    for position, member in enumerate(export.members):
        where = member.name or "the letter"
        if member.size > _MOST:
            yield Rejected(position=where, reason=f"longer than {_MOST >> 20} MiB")
            continue
        with export.open(member.name, meter=context.meter) as file:
            letter = parse_letter(decode_bytes(file.read(_MOST), "utf-8").text)
        moment = letter and read_moment(letter.date, zone=context.zone, dates=context.dates, now=context.now)
        if letter is None:
            yield Rejected(position=where, reason="no letter: its header has other lines")
        elif moment is None:
            yield Rejected(position=where, reason="a date that cannot be read")
        else:
            yield from _tell(letter, moment, position, context)


def _tell(letter: Letter, moment: Moment, position: int, context: Context) -> Iterator[Piece]:
    if not moment.exact:
        context.notes[ONLY_DAY] += 1
    author, *others = (_person(who) for who in (letter.author, *letter.others))
    others = [who for who in dict.fromkeys(others) if who.handle != author.handle]
    turn_id = _name(letter)
    for who in (author, *others):
        yield Contact(
            contact_id=f"{turn_id}/{who.handle}",
            source=context.source,
            kind="person",
            handle=None if "@" in who.handle else who.handle,
            name=who.name,
            address=who.handle if "@" in who.handle else None,
        )
    yield Turn(
        turn_id=turn_id,
        conversation_id=turn_id,
        parent_id=None,
        position=position,
        sent_at=moment.at,
        speaker=author.handle,
        speaker_name=author.name,
        recipients=[who.handle for who in others],
        cc=None,
        references=None,
        channel=letter.channel,
        stage=None,
        subject=letter.subject,
        body=letter.body,
        attachments=None,
        automatic=False,
        source=context.source,
        side=None,
        circle=None,
        relationship=None,
    )


def _name(letter: Letter) -> str:
    """An id that a mended letter keeps: from its header; from its words too where it has no subject."""
    parts = (letter.channel, letter.date, letter.author, *letter.others, letter.subject or letter.body)
    return f"{letter.channel}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


LETTERS: Final = Reader(
    format=Format(
        name="letters",
        description="letters or notes of meetings as text, with a date, an author and others in the first lines",
        takes="turns, names of author and others",
    ),
    is_it=_is_it,
    read=_read,
)
