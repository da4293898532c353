"""Calls as the JSON of Whisper, WhisperX and whisper.cpp: segments with times, with a speaker in WhisperX.

Times are seconds since the recording began (in whisper.cpp milliseconds); when that was, only the file's name may say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from troth.sources.cells import read_text
from troth.sources.documents import Fields, find_keys, read_entries
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part
from troth.sources.reader import Context, Reader
from troth.sources.spoken import Said, Talk, find_start, name_talk, tell_talk
from troth.sources.turns import Piece, Rejected

_LISTS: Final = frozenset({"segments", "transcription"})
_SEGMENT: Final = frozenset({"segments", "start", "end", "text"})
_CPP: Final = frozenset({"transcription", "offsets", "text"})
_MOST_S: Final = 1e9
_LONG: Final = 8 << 20  # bytes looked at where the whole text stands before the first segment


def _is_transcript(export: Export, name: str) -> bool:
    keys = find_keys(export, name)
    if keys == frozenset({"text"}):
        head = export.look(name, _LONG)
        return all(b'"%s"' % key.encode() in head for key in _SEGMENT)
    return keys >= _SEGMENT or keys >= _CPP


def _is_it(export: Export) -> bool:
    return export.kind != "folder" and all(_is_transcript(export, name) for name in export.names)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    for member in export.members:
        said: list[Said] = []
        for entry in read_entries(export, member.name, _LISTS, meter=context.meter):
            if isinstance(entry, Rejected):
                yield entry
                continue
            segments = (
                [entry.fields] if entry.list else [each for name in _LISTS for each in items(entry.fields.get(name))]
            )
            for number, segment in enumerate(segments, start=1):
                line = _say(segment, str(len(said) + 1))
                if isinstance(line, str):
                    yield Rejected(
                        position=entry.where if entry.list else f"{entry.where}, segment {number}", reason=line
                    )
                else:
                    said.append(line)
        start, subject = find_start(None, member.name or export.path.name, context)
        yield from tell_talk(
            Talk(conversation=name_talk("recording", said), start=start, subject=subject), said, context
        )


def _say(segment: Fields, key: str) -> Said | str:
    """A segment as a line, or why it is none."""
    text = read_text(segment.get("text"))
    if text is None:
        return "a segment without words"
    offsets = part(segment, "offsets")
    if offsets:
        begin, end = offsets.get("from"), offsets.get("to")
        times = (begin, end) if isinstance(begin, int) and isinstance(end, int) else (None, None)
    else:
        times = (_milliseconds(segment.get("start")), _milliseconds(segment.get("end")))
    return Said(read_text(segment.get("speaker")), *times, " ".join(text.split()), key)


def _milliseconds(value: object) -> int | None:
    """Seconds to milliseconds; None for what is no number, or one of no recording."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _MOST_S:
        return None
    return round(value * 1000)


WHISPER: Final = Reader(
    format=Format(
        name="whisper",
        description="the transcript of a recording as Whisper, WhisperX or whisper.cpp JSON",
        takes="turns, names of who speaks",
    ),
    is_it=_is_it,
    read=_read,
)
