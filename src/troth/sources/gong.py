"""Calls from Gong: transcripts (/v2/calls/transcript) with who took part (/v2/calls/extensive), as JSON.

Both may stand in one file, or in several of a folder or a zip. Without the second, nobody has a name or a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from troth.sources.cells import read_text
from troth.sources.documents import Fields, find_keys, read_entries
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part, pick, read_address, read_phone
from troth.sources.reader import Context, Reader
from troth.sources.spoken import Said, Talk, Voice, list_contacts, tell_talk
from troth.sources.turns import Piece, Rejected
from troth.times import read_time

_SIDES: Final = {"internal": "us", "external": "them"}
_LISTS: Final = frozenset({"callTranscripts", "calls"})
_CALL: Final = frozenset({"callId", "transcript", "speakerId", "sentences"})
_PARTIES: Final = frozenset({"metaData", "parties", "affiliation"})


def _is_part(export: Export, name: str) -> bool:
    keys = find_keys(export, name)
    return keys >= _CALL or keys >= _PARTIES


def _is_it(export: Export) -> bool:
    return bool(export.names) and all(_is_part(export, name) for name in export.names)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    talks: dict[str, Talk] = {}
    for name in export.names:
        for entry in read_entries(export, name, _LISTS):
            if not isinstance(entry, Rejected) and "parties" in entry.fields:
                talk = _know(entry.fields, context)
                talks[talk.conversation] = talk
    told: set[str] = set()
    for name in export.names:
        for entry in read_entries(export, name, _LISTS, meter=context.meter):
            if isinstance(entry, Rejected):
                yield entry
                continue
            call = read_text(entry.fields.get("callId"))
            if call is not None and isinstance(entry.fields.get("transcript"), list):
                conversation = f"gong:{call}"
                told.add(conversation)
                yield from _tell(
                    entry.fields, talks.get(conversation) or Talk(conversation=conversation, start=None), context
                )
            elif "parties" not in entry.fields:
                yield Rejected(position=entry.where, reason="neither a transcript nor who took part in a call")
    for conversation, talk in talks.items():
        if conversation not in told:  # who took part is known all the same
            context.notes["a call without its transcript"] += 1
            yield from list_contacts(talk, talk.voices.values(), context)


def _know(call: Fields, context: Context) -> Talk:
    """What is known of a call beside its words."""
    data = part(call, "metaData")
    conversation = f"gong:{pick(data, 'id') or pick(call, 'id', 'callId') or 'unknown'}"
    voices = {
        label: _meet(party, f"{conversation}/{label}")
        for number, party in enumerate(items(call.get("parties")))
        for label in [pick(party, "speakerId") or f"silent {number}"]
    }
    start = read_time(pick(data, "started", "scheduled"), zone=context.zone)
    return Talk(conversation=conversation, start=start, subject=pick(data, "title"), voices=voices)


def _meet(party: Fields, unknown: str) -> Voice:
    name, address = pick(party, "name"), read_address(party.get("emailAddress"))
    side = _SIDES.get((pick(party, "affiliation") or "").lower())
    phone = read_phone(party.get("phoneNumber"))
    handle = address or phone or name
    return Voice(handle or unknown, name, side, is_named=handle is not None, phone=phone)


def _tell(call: Fields, talk: Talk, context: Context) -> Iterator[Piece]:
    said: list[Said] = []
    for monologue in items(call.get("transcript")):
        label = pick(monologue, "speakerId")
        for sentence in items(monologue.get("sentences")):
            text = pick(sentence, "text")
            if text is None:
                context.notes["sentences without words"] += 1
                continue
            begin, end = (sentence.get(name) for name in ("start", "end"))
            said.append(Said(label, _whole(begin), _whole(end), text, str(len(said) + 1)))
    labels = {line.label for line in said}
    silent = tuple(voice for label, voice in talk.voices.items() if label not in labels)
    yield from tell_talk(replace(talk, silent=silent), said, context)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < 10**12 else None


GONG: Final = Reader(
    format=Format(
        name="gong",
        description="calls from Gong: transcripts, and who took part in them",
        takes="turns, people with address and side",
    ),
    is_it=_is_it,
    read=_read,
)
