"""A WhatsApp chat as its telephone exports it: text, alone or in a zip with the pictures.

The text has no ids, no zone and dates in the telephone's own manner. A message's id is a hash of the chat, the time,
the speaker and the words, and of its place among messages alike in all of these: an export that overlaps with an
earlier one adds nothing. What the program writes is known in English and German.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from troth.sources.blocks import Meter, read_blocks
from troth.sources.charsets import clean
from troth.sources.day_order import Evidence, Order, read_day
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.jsonl import read_lines
from troth.sources.mail import TEXT_LIMIT
from troth.sources.reader import Context, Reader
from troth.sources.talk import DIRECT_GAP, EDITED, LISTENERS, NOTICE, Runs, make_turn, possible
from troth.sources.turns import Contact, Piece, Rejected, Turn

OPEN: Final = (
    "dates such as 3/4 read {} first, and nothing in the chat says whether that is right: "
    'state dates = "{}" in troth.toml if it is not'
)

_FORMAT: Final = Format(
    name="whatsapp",
    description="a WhatsApp chat: the exported text, or the zip with its pictures",
    takes="messages, names and telephone numbers",
)

# Every repeat below is bounded and no two of them meet, so a line costs the same whatever stands in it.
_SPACE: Final = "[ \u00a0\u202f]"
_MARKS: Final = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff"
_HEAD: Final = re.compile(
    rf"[{_MARKS}]{{0,4}}(\[)?"
    rf"(\d{{1,4}})([./-]){_SPACE}?(\d{{1,2}})[./-]{_SPACE}?(\d{{1,4}})\.?,?{_SPACE}{{1,2}}"
    rf"(\d{{1,2}})[:.](\d{{2}})(?:[:.](\d{{2}}))?(?:{_SPACE}?([AaPp])\.?{_SPACE}?[Mm]\.?)?"
    rf"(?:\]{_SPACE}?|{_SPACE}[-–]{_SPACE})"
)
_TITLE: Final = re.compile(r"WhatsApp[ _-]Chat[ _](?:with|mit|avec|con|met|com|-|–)[ _](.{1,200})", re.IGNORECASE)
_COPY: Final = re.compile(r" ?\(\d{1,3}\)$")
_NAME_LENGTH: Final = 100
_NAMES: Final = 1_000  # people of one chat that are told apart; WhatsApp allows 1,024 in a group
_TOP_LINES: Final = 5  # within which the first message must begin
_LEVELS: Final = frozenset("debug info notice warning warn error critical fatal alert emergency trace".split())
"""What stands where a chat has its speakers in the log of a program, whose lines may begin as those of a chat do."""

_ACTS: Final = (
    " added ", " removed ", " left ", " joined ", " created group ", " created this group", " changed the ",
    " changed this group", " changed to ", " pinned a message", " turned on ", " turned off ", " deleted this group",
    " now an admin", " hat dich hinzugefügt", " hinzugefügt", " hat die Gruppe ", " hat diese Gruppe ",
    " hat den Betreff ", " hat das Gruppenbild ", " hat die Gruppenbeschreibung ", " ist beigetreten",
    " über den Einladungslink ", " wurde entfernt", " entfernt.",
)  # fmt: skip
_NOTICES: Final = (
    "messages and calls are end-to-end encrypted", "messages to this ", "messages you send to this ",
    "you created group", "you added ", "you were added", "you joined ", "you left", "your security code with ",
    "you changed ", "you removed ", "you're now an admin", "missed voice call", "missed video call", "missed group ",
    "voice call", "video call", "waiting for this message", "disappearing messages", "this business ",
    "this chat is with ", "tap to learn more", "you blocked ", "you unblocked ", "live location",
    "nachrichten und anrufe sind ende-zu-ende-verschlüsselt", "nachrichten an diese", "du hast die gruppe ",
    "du wurdest hinzugefügt", "deine sicherheitsnummer ", "dein sicherheitscode ", "verpasster sprachanruf",
    "verpasster videoanruf", "sprachanruf", "videoanruf", "warten auf diese nachricht", "du hast den betreff ",
    "selbstlöschende nachrichten", "dieses unternehmen ", "dieser chat ist mit ", "du hast diesen kontakt ",
)  # fmt: skip
_SEALED: Final = (
    "messages and calls are end-to-end encrypted",
    "nachrichten und anrufe sind ende-zu-ende-verschlüsselt",
)
_DELETED: Final = frozenset(
    {"this message was deleted", "you deleted this message", "this message was deleted by admin"}
    | {"diese nachricht wurde gelöscht", "du hast diese nachricht gelöscht"}
)
_EDITS: Final = (
    "<this message was edited>", "<diese nachricht wurde bearbeitet.>", "<diese nachricht wurde bearbeitet>",
)  # fmt: skip
_LEFT_OUT: Final = {
    **dict.fromkeys(("<media omitted>", "<medien ausgeschlossen>", "<medien weggelassen>", "null"), "media"),
    **dict.fromkeys(("image omitted", "bild weggelassen"), "image"),
    **dict.fromkeys(("video omitted", "video weggelassen", "video note omitted", "videonotiz weggelassen"), "video"),
    **dict.fromkeys(("audio omitted", "audio weggelassen"), "audio"),
    **dict.fromkeys(("gif omitted", "gif weggelassen"), "gif"),
    **dict.fromkeys(("sticker omitted", "sticker weggelassen"), "sticker"),
    **dict.fromkeys(("document omitted", "dokument weggelassen"), "document"),
    **dict.fromkeys(("contact card omitted", "kontaktkarte ausgelassen", "kontaktkarte weggelassen"), "contact card"),
}
_HANGING: Final = (" (file attached)", " (datei angehängt)")
_ATTACHED: Final = ("<attached: ", "<Anhang: ", "<angehängt: ")
_MEDIA: Final = frozenset(
    """
    jpg jpeg png webp gif heic mp4 mov 3gp opus ogg m4a mp3 aac amr wav pdf vcf doc docx xls xlsx ppt pptx odt ods
    """.split()
)


class _Head(NamedTuple):
    """What stands before a message: its form, day and time as written, and where its text begins."""

    bracketed: bool
    numbers: tuple[int, int, int]
    mark: str
    clock: time | None
    end: int


class _Chat(NamedTuple):
    """What a first look through a chat tells: how its dates are read, who speaks, what it is called."""

    bracketed: bool
    order: Order
    names: tuple[str, ...]
    title: str | None

    @property
    def key(self) -> str:
        """What tells this chat from others, whatever its file is called: the two who talk, else its title."""
        return " & ".join(sorted(self.names)) if len(self.names) <= 2 else self.title or ""

    def listeners(self, name: str) -> list[str]:
        """To whom this person speaks."""
        others = [other for other in self.names if other != name]
        if not others and self.title and self.title != name:
            others = [self.title]
        return list(map(_handle, others)) if len(others) <= LISTENERS else []


@dataclass(slots=True, kw_only=True)
class _Message:
    """A message in hand: further lines may belong to it."""

    where: str
    head: _Head
    name: str
    lines: list[str]
    size: int = 0


@dataclass(slots=True, kw_only=True)
class _State:
    """Where the reading of one export stands."""

    context: Context
    zone: ZoneInfo
    runs: Runs = field(default_factory=Runs)
    position: int = 0
    alike: Counter[bytes] = field(default_factory=Counter[bytes])
    day: date | None = None  # of the messages that `alike` counts


def is_whatsapp(export: Export) -> bool:
    """Whether this is a chat's text, a zip with one, or a folder with one beside nothing but pictures and documents."""
    if export.kind == "file":
        return _is_chat(export.look())
    texts = [name for name in export.names if name.lower().endswith(".txt") and "__MACOSX" not in name]
    if export.kind == "zip":
        return any(_is_chat(export.look(name)) for name in texts[:20])
    rest = (name.rpartition(".")[2].lower() for name in export.names if name not in texts)
    return len(texts) == 1 and _MEDIA.issuperset(rest) and _is_chat(export.look(texts[0]))


def _is_chat(start: bytes) -> bool:
    lines = [line for line in start.decode("utf-8", "replace").splitlines() if line.strip()][:200]
    heads = [(number, line, head) for number, line in enumerate(lines) if (head := _read_head(line.strip("\r")))]
    if not heads or heads[0][0] >= _TOP_LINES:
        return False
    names = {said[0] for _, line, head in heads if (said := _split_name(line[head.end :])) is not None}
    spoken = not all(name.rpartition(".")[2].lower() in _LEVELS for name in names)
    # Notes of a meeting may open with one dated line; a chat goes on.
    return spoken and (heads[0][2].bracketed or len(heads) > 1)


def read_whatsapp(export: Export, context: Context) -> Iterator[Piece]:
    """Who speaks, then what is said, chat by chat."""
    state = _State(context=context, zone=ZoneInfo(context.zone))
    for name in export.names:
        if export.kind != "file" and not (name.lower().endswith(".txt") and _is_chat(export.look(name))):
            context.meter.advance(export.size_of(name))  # pictures; the messages name them
            continue
        try:
            chat = _survey(export, name, context)
            for person in chat.names:
                yield _contact(person, context)
            yield from _read_chat(export, name, chat, state)
        except OSError as error:
            yield Rejected(position=name or "the chat", reason=f"cannot be read: {error.strerror or error}")


def _lines(export: Export, name: str, meter: Meter) -> Iterator[tuple[int, str | None]]:
    with export.open(name) as file:
        for number, line in enumerate(read_lines(read_blocks(file, meter)), start=1):
            yield number, None if line is None else clean(line.decode("utf-8", "replace"))


def _survey(export: Export, name: str, context: Context) -> _Chat:
    evidence = Evidence(context.now.date())
    names: dict[str, None] = {}
    bracketed: bool | None = None
    for _, line in _lines(export, name, Meter(0, None)):
        head = _read_head(line) if line else None
        if line is None or head is None or bracketed not in (None, head.bracketed):
            continue
        bracketed = head.bracketed
        evidence.add(*head.numbers, mark=head.mark)
        said = _split_name(line[head.end :])
        if said is not None and len(names) < _NAMES and not _is_notice(said[1]):
            names.setdefault(said[0])
    decision = evidence.decide(stated=context.dates)
    if not decision.is_sure:
        words = ("day", "mdy") if decision.order == "dmy" else ("month", "dmy")
        context.notes[OPEN.format(*words)] += 1
    return _Chat(bool(bracketed), decision.order, tuple(names), _title(export, name))


def _title(export: Export, name: str) -> str | None:
    """With whom, or in which group, where the name of the file, the zip or the folder around it tells."""
    places = [PurePosixPath(name).stem, export.path.stem, export.path.parent.name]
    if export.kind == "folder":
        places[1] = export.path.name
    for place in places:
        found = _TITLE.match(place)
        if found:
            return _COPY.sub("", found.group(1)).replace("_", " ").strip() or None
    return None


def _read_chat(export: Export, name: str, chat: _Chat, state: _State) -> Iterator[Turn | Rejected]:
    within = f"{name}, " if name else ""
    held: _Message | None = None
    for number, line in _lines(export, name, state.context.meter):
        where = f"{within}line {number}"
        if line is None:
            yield Rejected(position=where, reason="longer than 8 MiB")
            continue
        head = _read_head(line)
        if head is None or head.bracketed != chat.bracketed:
            if held is not None:
                _continue(held, line)
            elif line.strip():
                yield Rejected(position=where, reason="stands before the first message")
            continue
        if held is not None:
            yield from _finish(held, chat, state)
        said = _split_name(line[head.end :])
        held = None
        if said is None:
            state.context.notes[NOTICE] += 1
            held = _Message(where=where, head=head, name="", lines=[])  # takes the lines that go on with the notice
        else:
            held = _Message(where=where, head=head, name=said[0], lines=[said[1]], size=len(said[1]))
    if held is not None:
        yield from _finish(held, chat, state)


def _continue(held: _Message, line: str) -> None:
    """One more line of the message in hand; far beyond what a body may hold nothing is kept."""
    held.size += len(line) + 1
    if held.size <= 2 * TEXT_LIMIT:
        held.lines.append(line)


def _finish(held: _Message, chat: _Chat, state: _State) -> Iterator[Turn | Rejected]:
    if not held.name:
        return
    context = state.context
    if _is_notice("\n".join(held.lines)):
        context.notes[NOTICE] += 1
        return
    text = "\n".join(held.lines).strip(f"\n {_MARKS}")
    if text.lower().rstrip(". ") in _DELETED:
        yield Rejected(position=held.where, reason="deleted by its sender")
        return
    moment = _moment(held.head, chat.order)
    turn_id = _name_turn(moment, held.name, text, chat, state)
    words, attachments = _split_attachments(_without_edit(text, context))
    if not words and not attachments:
        yield Rejected(position=held.where, reason="a message without words")
        return
    local = moment.replace(tzinfo=state.zone).astimezone(UTC) if moment else None
    sent_at = possible(local, now=context.now, notes=context.notes)
    state.position += 1
    yield make_turn(
        turn_id,
        words,
        conversation=state.runs.place(chat.key, turn_id, sent_at, gap=DIRECT_GAP),
        parent=None,
        position=state.position - 1,
        sent_at=sent_at,
        speaker=_handle(held.name),
        name=held.name,
        recipients=chat.listeners(held.name),
        attachments=attachments,
        automatic=False,
        source=context.source,
        notes=context.notes,
    )


def _name_turn(moment: datetime | None, name: str, text: str, chat: _Chat, state: _State) -> str:
    """A hash of what the message is; the second of two that are alike is another."""
    day = moment.date() if moment else None
    if day != state.day:
        state.day = day
        state.alike.clear()
    parts = (chat.key, moment.isoformat() if moment else "", name, text)
    digest = hashlib.sha256("\0".join(parts).encode())
    repeat = state.alike[digest.digest()]
    state.alike[digest.digest()] += 1
    return f"whatsapp:{digest.hexdigest()[:32]}" + (f":{repeat}" if repeat else "")


def _read_head(line: str) -> _Head | None:
    found = _HEAD.match(line)
    if found is None:
        return None
    bracket, first, mark, second, third, hour, minute, secs, half = found.groups()
    if bool(bracket) != ("]" in found.group()):
        return None
    numbers = (int(first), int(second), int(third))
    return _Head(bool(bracket), numbers, mark, _clock(int(hour), int(minute), int(secs or 0), half), found.end())


def _clock(hour: int, minute: int, second: int, half: str | None) -> time | None:
    if half:
        hour = hour % 12 + 12 * (half in "Pp")
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def _moment(head: _Head, order: Order) -> datetime | None:
    """The time as the telephone showed it, without a zone."""
    day = read_day(*head.numbers, order=order)
    return datetime.combine(day, head.clock) if day and head.clock else None


def _split_name(rest: str) -> tuple[str, str] | None:
    """Speaker and words of a line; None where the program speaks."""
    name, colon, text = rest.partition(": ")
    if not colon:
        name, colon, text = rest.rstrip().removesuffix(":"), ":" if rest.rstrip().endswith(":") else "", ""
    plain = _plain_name(name) if colon and len(name) <= 2 * _NAME_LENGTH else ""
    return (plain, text) if plain else None


@lru_cache(maxsize=4_096)
def _plain_name(written: str) -> str:
    """A speaker's name as people write it; empty where it is none but words of the program."""
    name = written.strip(f" \u00a0\u202f{_MARKS}").removeprefix("~").strip(" \u00a0\u202f")
    is_none = len(name) > _NAME_LENGTH or name.lower().startswith(_NOTICES) or any(act in f"{name} " for act in _ACTS)
    return "" if is_none else name


def _is_notice(text: str) -> bool:
    """Whether the program wrote this under somebody's name: iPhones do so, with a mark in front."""
    plain = text.lstrip(_MARKS)
    low = plain.lower()
    if low.startswith(_SEALED):
        return True
    return plain != text and "\n" not in text and (low.startswith(_NOTICES) or any(act in f"{plain} " for act in _ACTS))


def _without_edit(text: str, context: Context) -> str:
    low = text.lower()
    mark = next((mark for mark in _EDITS if low.endswith(mark)), None)
    if mark is None:
        return text
    context.notes[EDITED] += 1
    return text[: -len(mark)].rstrip(f"\n {_MARKS}")


def _split_attachments(text: str) -> tuple[str, list[str]]:
    """Words, and what was sent with them: names of files, or what kind of thing was left out of the export."""
    first, _, caption = text.partition("\n")
    hanging = next((mark for mark in _HANGING if first.lower().endswith(mark)), None)
    if hanging:
        return caption.strip(), [first[: -len(hanging)].strip(f" {_MARKS}")]
    before, _, last = text.rpartition("\n")
    low = last.lower().strip(f" {_MARKS}")
    if low in _LEFT_OUT:
        return before.strip(f"\n {_MARKS}"), [_LEFT_OUT[low]]
    whole = last.strip(f" {_MARKS}")
    for mark in _ATTACHED if whole.endswith(">") else ():
        at = whole.rfind(mark)
        if at >= 0:
            return f"{before}\n{whole[:at]}".strip(f"\n {_MARKS}"), [whole[at + len(mark) : -1].strip()]
    marked = "\u200e" in last
    kind = next((kind for phrase, kind in _LEFT_OUT.items() if marked and low.endswith(f"\u200e{phrase}")), None)
    if kind is None:
        return text, []
    name, bullet, _ = last.partition(" • ")  # a document's name and its number of pages
    return before.strip(f"\n {_MARKS}"), [name.strip(f" {_MARKS}") if bullet else kind]


def _contact(name: str, context: Context) -> Contact:
    handle = _handle(name)
    is_number = handle != name or handle.startswith("+")
    return Contact(
        contact_id=f"whatsapp:{handle}",
        source=context.source,
        kind="person",
        handle=handle,
        name=None if is_number else name,
        phone=handle if is_number else None,
    )


@lru_cache(maxsize=4_096)
def _handle(name: str) -> str:
    """A telephone number as its digits; a name as it stands."""
    digits = "".join(char for char in name if char.isdecimal())
    is_number = (
        name.startswith("+") and 7 <= len(digits) <= 15 and all(char in "+0123456789 ()-\u00a0" for char in name)
    )
    return f"+{digits}" if is_number else name


WHATSAPP: Final = Reader(format=_FORMAT, is_it=is_whatsapp, read=read_whatsapp)
