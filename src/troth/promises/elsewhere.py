"""Whether a silent promise may have been kept in another conversation."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.content import content_stems

_SHARED: Final = 2  # content words that both must hold, or all of them where the promise has but one
_MOST_TURNS: Final = 200  # looked at behind one promise: keeps a busy relationship linear


def said_elsewhere(
    silent: Sequence[dict[str, Any]], turns: pa.Table, sentences: pa.Table, *, now: datetime
) -> list[dict[str, Any]]:
    """The rows whose actor later spoke to the same relationship of the same matter, in another conversation.

    Cost: linear in the turns of these actors, and at most 200 turns looked at for each row.
    """
    if not silent:
        return []
    actors = pa.array({row["actor"] for row in silent}, pa.string())
    columns = ["turn_id", "conversation_id", "sent_at", "speaker", "relationship", "subject", "attachments"]
    theirs = turns.filter(
        pc.and_(pc.is_in(turns.column("speaker"), actors), pc.less_equal(turns.column("sent_at"), pa.scalar(now)))
    ).select(columns)
    told = _told(theirs.sort_by("sent_at").to_pylist(), _words(theirs, sentences))
    homes = dict(zip(theirs.column("turn_id").to_pylist(), theirs.column("conversation_id").to_pylist(), strict=True))
    nothing: _Told = ([], [], [])
    return [
        row
        for row in silent
        if _is_told(row, homes.get(row["turn_id"]), told.get((row["actor"], row["relationship"]), nothing))
    ]


_Told = tuple[list[datetime], list[str], list[frozenset[str]]]


def _words(theirs: pa.Table, sentences: pa.Table) -> Mapping[str, list[str]]:
    kept = sentences.filter(pc.is_in(sentences.column("turn_id"), theirs.column("turn_id").combine_chunks()))
    words: defaultdict[str, list[str]] = defaultdict(list)
    for turn_id, text in zip(kept.column("turn_id").to_pylist(), kept.column("text").to_pylist(), strict=True):
        words[turn_id].append(text)
    return words


def _told(rows: Sequence[Mapping[str, Any]], words: Mapping[str, list[str]]) -> dict[tuple[str, str | None], _Told]:
    """Times, conversations and content words of what each actor said to each relationship, oldest first."""
    told: dict[tuple[str, str | None], _Told] = {}
    for row in rows:
        times, conversations, stems = told.setdefault((row["speaker"], row["relationship"]), ([], [], []))
        text = " ".join([*words.get(row["turn_id"], []), row["subject"] or "", *(row["attachments"] or [])])
        times.append(row["sent_at"])
        conversations.append(row["conversation_id"])
        stems.append(content_stems(text))
    return told


def _is_told(row: Mapping[str, Any], home: str | None, told: _Told) -> bool:
    times, conversations, stems = told
    about = content_stems(row["text"])
    needed = min(_SHARED, len(about))
    first = bisect_right(times, row["said_at"])
    last = first + _MOST_TURNS
    later = zip(conversations[first:last], stems[first:last], strict=True)
    return needed > 0 and any(place != home and len(about & words) >= needed for place, words in later)
