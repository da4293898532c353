"""What was said in a call, line by line, to turns of its speakers.

The rule by which lines become turns: lines of one speaker in a row are one turn, until somebody else speaks or nothing
is said for a minute. Where it is not known who speaks, two seconds of silence end a turn, for the next words may be
another's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import re2

from troth.sources.charsets import clean
from troth.sources.moments import ONLY_DAY, Moment, find_in_name
from troth.sources.reader import Context
from troth.sources.turns import Contact, Turn

NO_START: Final = "a call that does not say when it was: its turns have no times"
NO_NAMES: Final = "a call whose speakers have no names"
PAUSE_MS: Final = 60_000
PAUSE_UNKNOWN_MS: Final = 2_000
_ENOUGH: Final = 10  # lines from which on their times alone tell a call from every other
_GENERIC: Final = re2.compile(
    r"(?i)^(?:meeting|call|audio|video|recording|transcript|captions|subtitles|aufzeichnung|besprechung|zoom|teams|voice"
    r"|[\s_.-]|\d)*$"
)
_ANONYMOUS: Final = re2.compile(
    r"(?i)^(?:(?:unknown|unidentified|unbekannter?)(?: (?:speaker|user|participant|sprecher))?"
    r"|(?:speaker|spk|person|participant|channel|guest|sprecher|teilnehmer)[ _#-]?\w{0,3}|\w)$"
)
_MARKS: Final = re2.compile(
    r"(?i)\s*\((?:guest|gast|external|extern|unverified|host|co-host|you|organi[sz]er|presenter|\w+ \(guest\))\)\s*$"
)


class Said(NamedTuple):
    """One line: who spoke as the transcript labels it, milliseconds since the call began, and the words."""

    label: str | None
    begin_ms: int | None
    end_ms: int | None
    text: str
    key: str  # what no other line of the call has


class Voice(NamedTuple):
    """Who a label stands for."""

    handle: str  # for TURNS.speaker: an address in lower case where it is known
    name: str | None = None
    side: str | None = None
    is_named: bool = True  # False: a label such as "SPEAKER_00", another person in each call
    is_machine: bool = False  # a bot or an announcement: kept, never scored
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What is known of a call as a whole."""

    conversation: str
    start: datetime | None
    subject: str | None = None
    channel: str = "call"
    voices: Mapping[str, Voice] = field(default_factory=dict[str, Voice])  # by label; others are who the label says
    silent: tuple[Voice, ...] = ()  # who was there and said nothing


def tell_talk(talk: Talk, lines: Iterable[Said], context: Context, *, joins: bool = True) -> Iterator[Turn | Contact]:
    """The turns of one call, and a contact for each speaker with a name.

    Args:
        talk: the call.
        lines: what was said, in order.
        context: told what could not be known.
        joins: lines become turns by the rule above; False where each is one already, as in a chat.
    """
    spoken = list(join_lines(lines) if joins else lines)
    if not spoken:
        return
    voices = {said.label: talk.voices.get(said.label or "") or name_voice(said.label, talk) for said in spoken}
    if talk.start is None:
        context.notes[NO_START] += 1
    if not any(voice.is_named or voice.side for voice in voices.values()):
        context.notes[NO_NAMES] += 1
    yield from list_contacts(talk, (*voices.values(), *talk.silent), context)
    everybody = list(dict.fromkeys(voice.handle for voice in (*voices.values(), *talk.silent)))
    # All of them ours: said to no customer, whatever the call was about.
    is_inside = all(voice.side == "us" for voice in (*voices.values(), *talk.silent))
    for position, said in enumerate(spoken):
        voice = voices[said.label]
        yield Turn(
            turn_id=f"{talk.conversation}/{said.key}",
            conversation_id=talk.conversation,
            parent_id=None,
            position=position,
            sent_at=_later(talk.start, said.begin_ms),
            speaker=voice.handle,
            speaker_name=voice.name,
            recipients=[other for other in everybody if other != voice.handle],
            cc=None,
            references=None,
            channel=talk.channel,
            stage=None,
            subject=talk.subject,
            body=said.text,
            attachments=None,
            automatic=voice.is_machine,
            source=context.source,
            side=voice.side,
            circle="colleague" if is_inside else None,
            relationship=None,
        )


def join_lines(lines: Iterable[Said]) -> Iterator[Said]:
    """Lines of one speaker in a row as one, by the rule above; words are joined by a space."""
    words: list[str] = []
    first: Said | None = None
    end: int | None = None
    for said in lines:
        if first is not None and said.label == first.label and _goes_on(said, end):
            words.append(said.text)
        else:
            if first is not None:
                yield first._replace(text=" ".join(words), end_ms=end)
            first, words, end = said, [said.text], None
        if said.end_ms is not None:
            end = max(end or 0, said.end_ms)
    if first is not None:
        yield first._replace(text=" ".join(words), end_ms=end)


def _goes_on(said: Said, end: int | None) -> bool:
    if said.begin_ms is None or end is None:
        return said.label is not None
    return said.begin_ms - end < (PAUSE_UNKNOWN_MS if said.label is None else PAUSE_MS)


def name_voice(label: str | None, talk: Talk) -> Voice:
    """Who a bare label stands for: the name it is, or somebody known in this call alone."""
    name = tidy_name(label or "")
    if not name or _ANONYMOUS.match(name):
        return Voice(f"{talk.conversation}/{name or 'unknown'}", None, None, is_named=False)
    return Voice(name.lower() if _is_address(name) else name, None if _is_address(name) else name)


def tidy_name(label: str) -> str:
    """A speaker's name on one line, without the marks that meeting programs put behind it."""
    return _MARKS.sub("", clean(" ".join(label.split()))[:200])


def _is_address(name: str) -> bool:
    return "@" in name and " " not in name


def find_start(stated: Moment | None, name: str, context: Context) -> tuple[datetime | None, str | None]:
    """When a call began, by what it says itself or else by its file's name, and a subject from that name."""
    found = find_in_name(name, zone=context.zone, now=context.now)
    title = found[1] if found else ""
    moment = stated or (found[0] if found else None)
    if moment is not None and not moment.exact:
        context.notes[ONLY_DAY] += 1
    return moment and moment.at, None if not title or _GENERIC.match(title) else clean(title)


def name_talk(kind: str, lines: Sequence[Said]) -> str:
    """An id for a call that has none: from the times of its lines, which a corrected transcript keeps.

    A call of a few lines is told by its words too.
    """
    times = [f"{said.begin_ms} {said.end_ms}" for said in lines]
    if len(lines) < _ENOUGH or any(said.begin_ms is None for said in lines):
        times += [f"{said.label} {said.text}" for said in lines]
    return f"{kind}:{hashlib.sha256(chr(0).join(times).encode()).hexdigest()[:32]}"


def list_contacts(talk: Talk, voices: Iterable[Voice], context: Context) -> Iterator[Contact]:
    """A contact for each voice with a name or an address."""
    for voice in dict.fromkeys(voices):
        if voice.is_named and (voice.name or _is_address(voice.handle)):
            yield Contact(
                contact_id=f"{talk.conversation}/{voice.handle}",
                source=context.source,
                kind="person",
                handle=None if _is_address(voice.handle) else voice.handle,
                name=voice.name,
                address=voice.handle if _is_address(voice.handle) else None,
                phone=voice.phone,
                side=voice.side,
            )


def _later(start: datetime | None, offset_ms: int | None) -> datetime | None:
    if start is None:
        return None
    try:
        return start + timedelta(milliseconds=offset_ms or 0)
    except OverflowError:
        return None
