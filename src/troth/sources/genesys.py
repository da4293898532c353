"""Calls from Genesys Cloud: the transcript of a conversation as JSON, phrases with the side that speaks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from troth.sources.documents import Fields, find_keys
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part, pick
from troth.sources.json_items import read_items
from troth.sources.reader import Context, Reader
from troth.sources.spoken import Said, Talk, Voice, find_start, name_talk, tell_talk
from troth.sources.turns import Piece, Rejected

_KEYS: Final = frozenset({"transcripts", "phrases", "participantPurpose", "text"})
_VOICES: Final = {
    **dict.fromkeys(("internal", "agent", "user"), Voice("agent", None, "us", is_named=False)),
    **dict.fromkeys(("external", "customer"), Voice("customer", None, "them", is_named=False)),
    **{
        name: Voice(name, None, "us", is_named=False, is_machine=True)
        for name in ("acd", "ivr", "bot", "botflow", "voicemail", "workflow")
    },
}
_CHATS: Final = frozenset({"message", "chat", "webmessaging"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_1970: Final = 10**11  # milliseconds from which a time is one since 1970, not since the call began


def _is_it(export: Export) -> bool:
    return export.kind != "folder" and all(find_keys(export, name) >= _KEYS for name in export.names)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    for member in export.members:
        for found in read_items(export, member.name, context.meter):
            if isinstance(found, Rejected):
                yield found
                continue
            where, call = found
            phrases = [phrase for each in items(call.get("transcripts")) for phrase in items(each.get("phrases"))]
            if not phrases:
                yield Rejected(position=where, reason="a conversation without phrases")
            else:
                yield from _tell(call, phrases, member.name or export.path.name, where, context)


def _tell(call: Fields, phrases: list[Fields], name: str, where: str, context: Context) -> Iterator[Piece]:
    said: list[Said] = []
    for number, phrase in enumerate(phrases, start=1):
        text = pick(phrase, "text", "decoratedText")
        if text is None:
            yield Rejected(position=f"{where}, phrase {number}", reason="no words")
            continue
        begin = _milliseconds(phrase.get("startTimeMs"))
        length = _milliseconds(part(phrase, "duration").get("milliseconds"))
        end = None if begin is None else begin + (length or 0)
        label = (pick(phrase, "participantPurpose") or "").lower()
        said.append(Said(label or None, begin, end, text, str(number)))
    said.sort(key=lambda line: (line.begin_ms is None, line.begin_ms or 0))
    first = next((line.begin_ms for line in said if line.begin_ms is not None), None)
    start = _stated(call)
    if first is not None and first >= _SINCE_1970:
        start = _EPOCH + timedelta(milliseconds=first)
        said = [_shift(line, first) for line in said]
    given = pick(call, "conversationId")
    found, subject = (start, None) if start else find_start(None, name, context)
    talk = Talk(
        conversation=f"genesys:{given}" if given else name_talk("genesys", said),
        start=found,
        subject=subject,
        channel="chat" if (pick(call, "mediaType") or "").lower() in _CHATS else "call",
        voices=_VOICES,
    )
    yield from tell_talk(talk, said, context, joins=talk.channel == "call")


def _stated(call: Fields) -> datetime | None:
    begun = _milliseconds(call.get("conversationStartTime")) or _milliseconds(call.get("startTime"))
    return _EPOCH + timedelta(milliseconds=begun) if begun is not None and begun >= _SINCE_1970 else None


def _shift(line: Said, by: int) -> Said:
    begin, end = (None if at is None else at - by for at in (line.begin_ms, line.end_ms))
    return line._replace(begin_ms=begin, end_ms=end)


def _milliseconds(value: object) -> int | None:
    """A number of milliseconds before the year 2100."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 41 * _SINCE_1970 else None


GENESYS: Final = Reader(
    format=Format(name="genesys", description="transcripts of calls and chats from Genesys Cloud"),
    is_it=_is_it,
    read=_read,
)
