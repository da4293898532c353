"""Calls as Gridspace writes them: a list of utterances with role and time, who spoke in a second file beside it.

The form of the Stanford Harper Valley corpus: `X.transcript.json`, and `X.metadata.json` with the names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from troth.sources.documents import Fields, find_keys
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import part, pick
from troth.sources.json_items import read_items
from troth.sources.reader import Context, Reader
from troth.sources.spoken import Said, Talk, Voice, name_talk, tell_talk
from troth.sources.turns import Piece, Rejected

_UTTERANCE: Final = frozenset({"speaker_role", "human_transcript", "start_timestamp_ms"})
_ABOUT: Final = frozenset({"agent", "caller", "sid", "start_time_ms"})
_SIDES: Final = {"agent": "us", "caller": "them"}
_NAMES: Final = {"agent": "agent_name", "caller": "first and last name"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 41 * 10**11  # milliseconds: the year 2099


def _is_it(export: Export) -> bool:
    keys = [find_keys(export, name) for name in export.names]
    return any(each >= _UTTERANCE for each in keys) and all(each >= _UTTERANCE or each >= _ABOUT for each in keys)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    about = {
        name.rpartition(".metadata")[0]: found[1]
        for name in export.names
        if find_keys(export, name) >= _ABOUT
        for found in read_items(export, name, context.meter)
        if not isinstance(found, Rejected)
    }
    for name in export.names:
        if find_keys(export, name) >= _UTTERANCE:
            yield from _tell(export, name, about.get(name.rpartition(".transcript")[0], {}), context)


def _tell(export: Export, name: str, about: Fields, context: Context) -> Iterator[Piece]:
    lines: list[tuple[int, Said]] = []
    for number, found in enumerate(read_items(export, name, context.meter), start=1):
        if isinstance(found, Rejected):
            yield found
            continue
        where, utterance = found
        text, at = pick(utterance, "human_transcript", "transcript"), utterance.get("start_timestamp_ms")
        if text is None or not isinstance(at, int) or not 0 <= at < _LATEST:
            yield Rejected(position=where, reason="an utterance without words or time")
            continue
        length = utterance.get("duration_ms")
        end = at + (length if isinstance(length, int) and 0 <= length < _LATEST else 0)
        lines.append((number, Said(pick(utterance, "speaker_role"), at, end, text, str(number))))
    said = [line for _, line in sorted(lines, key=lambda one: (one[1].begin_ms or 0, one[0]))]
    first = next((line.begin_ms for line in said if line.begin_ms is not None), 0)
    talk = Talk(
        conversation=name_talk("gridspace", said),
        start=_EPOCH + timedelta(milliseconds=first),
        voices={role: Voice(role, _find_name(about, role), side, is_named=False) for role, side in _SIDES.items()},
    )
    shifted = [line._replace(begin_ms=(line.begin_ms or 0) - first, end_ms=(line.end_ms or 0) - first) for line in said]
    yield from tell_talk(talk, shifted, context)


def _find_name(about: Fields, role: str) -> str | None:
    return pick(part(about, role, "metadata"), _NAMES[role])


GRIDSPACE: Final = Reader(
    format=Format(name="gridspace", description="transcripts of calls as Gridspace writes them (Harper Valley)"),
    is_it=_is_it,
    read=_read,
)
