"""Calls from Twilio Voice Intelligence: sentences of a transcript as JSON, with the transcript's page if it is there.

The pages of sentences of one transcript belong together, in one file or in several of a folder or a zip. Who speaks on
which channel stands in the transcript's page alone; without it the two have no names and no sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import re2

from troth.sources.cells import read_text
from troth.sources.documents import Fields, find_keys
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part, pick, read_address, read_phone
from troth.sources.json_items import read_items
from troth.sources.reader import Context, Reader
from troth.sources.spoken import Said, Talk, Voice, find_start, name_talk, tell_talk
from troth.sources.turns import Piece, Rejected
from troth.times import read_time

_SENTENCES: Final = frozenset({"media_channel", "transcript", "start_time", "end_time"})
_PAGE: Final = frozenset({"service_sid", "channel", "participants", "channel_participant"})
_NAME: Final = re2.compile(r"GT[0-9a-f]{32}")
_SIDES: Final = {"agent": "us", "customer": "them"}
_NUMBER: Final = re2.compile(r"^\d{1,7}(?:\.\d{1,9})?$")


def _is_part(export: Export, name: str) -> bool:
    keys = find_keys(export, name)
    return keys >= _SENTENCES or keys >= _PAGE


def _is_it(export: Export) -> bool:
    return bool(export.names) and all(_is_part(export, name) for name in export.names)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    pages: dict[str, Fields] = {}
    sentences: defaultdict[str, list[Fields]] = defaultdict(list)
    for name in export.names:
        for found in read_items(export, name, context.meter):
            if isinstance(found, Rejected):
                yield found
                continue
            where, entry = found
            if "channel" in entry and (sid := pick(entry, "sid")):
                pages[sid] = entry
            if (own := items(entry.get("sentences"))) or "media_channel" in entry:
                match = _NAME.search(pick(part(entry, "meta"), "url") or pick(entry, "url") or "")
                sentences[str(match[0]) if match else name or export.path.name] += own or [entry]
            elif "channel" not in entry:
                yield Rejected(position=where, reason="neither sentences nor a transcript's page")
    for sid, spoken in sentences.items():
        yield from _tell(sid, spoken, pages.get(sid) or {}, context)


def _tell(sid: str, sentences: list[Fields], page: Fields, context: Context) -> Iterator[Piece]:
    said: list[tuple[int, Said]] = []
    for number, sentence in enumerate(sentences, start=1):
        text = pick(sentence, "transcript")
        if text is None:
            yield Rejected(position=f"{sid}, sentence {number}", reason="no words")
            continue
        begin, end = (_milliseconds(sentence.get(name)) for name in ("start_time", "end_time"))
        label, index = pick(sentence, "media_channel"), sentence.get("sentence_index")
        key = pick(sentence, "sid") or str(number)
        line = Said(f"channel {label}" if label else None, begin, end, text, key)
        said.append((index if isinstance(index, int) else number, line))
    lines = [line for _, line in sorted(said, key=lambda one: one[0])]
    is_known = _NAME.fullmatch(sid) is not None
    began = pick(page, "media_start_time")
    start = read_time(began, zone="UTC") if began else None
    subject = None
    if start is None:
        start, subject = find_start(None, "" if is_known else sid, context)
    voices = {
        f"channel {channel}": _meet(who)
        for who in items(part(page, "channel").get("participants"))
        for channel in [pick(who, "channel_participant")]
    }
    conversation = f"twilio:{sid}" if is_known else name_talk("twilio", lines)
    yield from tell_talk(Talk(conversation=conversation, start=start, subject=subject, voices=voices), lines, context)


def _meet(who: Fields) -> Voice:
    name, role = pick(who, "full_name"), (pick(who, "role") or "").lower()
    address, phone = read_address(who.get("email")), read_phone(who.get("media_participant_id"))
    handle = address or name or phone
    is_named = handle is not None
    return Voice(handle or role or "unknown", name, _SIDES.get(role), is_named=is_named, phone=phone)


def _milliseconds(value: object) -> int | None:
    """Seconds, as a number or in quotes, to milliseconds."""
    text = f"{value:.3f}" if isinstance(value, float) else read_text(value)
    return round(float(text) * 1000) if text is not None and _NUMBER.match(text) else None


TWILIO: Final = Reader(
    format=Format(
        name="twilio",
        description="transcripts of calls from Twilio Voice Intelligence",
        takes="turns, and people where the transcript's page is there",
    ),
    is_it=_is_it,
    read=_read,
)
