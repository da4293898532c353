"""Corpora in the form of ConvoKit: a folder or zip with utterances.jsonl and speakers.json.

https://convokit.cornell.edu/documentation/data_format.html, also with the older names (user, root, reply_to). An
utterance's meta gives what TURNS has and ConvoKit has no place for, where `troth export` wrote the corpus.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, cast

from troth.sources.cells import read_text
from troth.sources.charsets import clean
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.helpdesk import part, pick
from troth.sources.json_items import read_items, split_items
from troth.sources.jsonl import Row, parse_row
from troth.sources.mail import NO_DATE
from troth.sources.reader import Context, Reader
from troth.sources.turns import Contact, Piece, Rejected, Turn
from troth.times import read_time

_FILES: Final = ("utterances.jsonl", "utterances.json")
_OURS: Final = frozenset(
    {"channel", "source", "automatic", "position", "recipients"}
)  # meta that `troth export` writes
_CHANNELS: Final = frozenset({"mail", "chat", "call", "ticket", "meeting", "social", "shop", "letter"})
_SIDES: Final = frozenset({"us", "them"})
_CIRCLES: Final = frozenset({"customer", "colleague", "friend"})
_MOST_SPEAKERS: Final = 256 << 20  # bytes
_NO_SPEAKERS: Final = "a corpus whose speakers cannot be read: no names"


def _find_home(export: Export) -> str | None:
    """Where the corpus stands: "" or the one folder that holds all, with its slash; None where it is no corpus."""
    if export.kind == "file":
        return None
    tops = {name.partition("/")[0] + "/" if "/" in name else "" for name in export.names}
    for home in ("", *(tops if len(tops) == 1 else ())):
        if any(export.holds(home + name) and _is_utterance(export, home + name) for name in _FILES):
            return home
    return None


def _is_utterance(export: Export, name: str) -> bool:
    piece = next(islice(split_items([export.look(name)]), 1), None)
    row = parse_row(piece) if piece else ""
    return (
        not isinstance(row, str)
        and {"id", "text"} <= row.keys()
        and bool({"speaker", "user"} & row.keys())
        and bool({"reply-to", "reply_to", "conversation_id", "root"} & row.keys())
    )


def _is_it(export: Export) -> bool:
    return _find_home(export) is not None


def _read(export: Export, context: Context) -> Iterator[Piece]:
    home = _find_home(export) or ""
    corpus = home.rstrip("/") or export.path.name.removesuffix(".zip") or "corpus"
    name = next(home + name for name in _FILES if export.holds(home + name))
    speakers = _read_speakers(export, home, context)
    met: set[str] = set()
    for position, found in enumerate(read_items(export, name, context.meter)):
        if isinstance(found, Rejected):
            yield found
            continue
        where, row = found
        turn = _read_utterance(row, clean(corpus), position, speakers, context)
        if isinstance(turn, str):
            yield Rejected(position=where, reason=turn)
            continue
        if turn.speaker not in met:
            met.add(turn.speaker)
            yield _meet(turn, context)
        yield turn


def _read_speakers(export: Export, home: str, context: Context) -> Mapping[str, Any]:
    for name in (f"{home}speakers.json", f"{home}users.json"):
        if export.holds(name):
            try:
                with export.open(name, meter=context.meter) as file:
                    found: object = json.loads(file.read(_MOST_SPEAKERS))
            except (OSError, ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                return cast("Mapping[str, Any]", found)
            context.notes[_NO_SPEAKERS] += 1
    return {}


def _read_utterance(row: Row, corpus: str, position: int, speakers: Mapping[str, Any], context: Context) -> Turn | str:
    """An utterance as a turn, or why it is none."""
    given, text = pick(row, "id"), row.get("text")
    speaker = pick(row, "speaker", "user") or pick(part(row, "speaker"), "id") or pick(part(row, "user"), "id")
    if given is None or not isinstance(text, str) or not text.strip():
        return "an utterance without id or words"
    meta = part(row, "meta")
    is_ours = meta.keys() >= _OURS
    # A corpus counts its utterances from 0: they are told apart from the next corpus's by its name.
    scope = "" if is_ours else f"{corpus}/"
    conversation, parent = pick(row, "conversation_id", "root"), pick(row, "reply-to", "reply_to")
    sent_at = read_time(row.get("timestamp"), zone="UTC")
    if sent_at is None:
        context.notes[NO_DATE] += 1
    own = meta if is_ours else {}
    place = own.get("position")
    channel = pick(own, "channel")
    speaker = speaker or "unknown"
    about = own or part(speakers, speaker, "meta") or part(speakers, speaker)
    return Turn(
        turn_id=scope + given,
        conversation_id=scope + (conversation or given),
        parent_id=scope + parent if parent else None,
        position=place if isinstance(place, int) and 0 <= place < 2**63 else position,
        sent_at=sent_at,
        speaker=speaker,
        speaker_name=pick(about, "speaker_name" if is_ours else "name"),
        recipients=_names(own, "recipients"),
        cc=_names(own, "cc"),
        references=_names(own, "references"),
        channel=channel if channel in _CHANNELS else "chat",
        stage=pick(own, "stage"),
        subject=pick(own, "subject"),
        body=clean(text).replace("\r\n", "\n"),
        attachments=_names(own, "attachments"),
        automatic=own.get("automatic") is True,
        source=pick(own, "source") or context.source,
        side=_one_of(_SIDES, pick(about, "side")),
        circle=_one_of(_CIRCLES, pick(own, "circle")),
        relationship=pick(own, "relationship"),
    )


def _meet(turn: Turn, context: Context) -> Contact:
    is_address = "@" in turn.speaker
    return Contact(
        contact_id=f"convokit:{turn.speaker}",
        source=context.source,
        kind="person",
        handle=None if is_address else turn.speaker,
        name=turn.speaker_name,
        address=turn.speaker.lower() if is_address else None,
        side=turn.side,
    )


def _names(meta: Mapping[str, Any], name: str) -> list[str] | None:
    value = meta.get(name)
    return [text for each in cast("list[Any]", value) if (text := read_text(each))] if isinstance(value, list) else None


def _one_of(known: frozenset[str], value: str | None) -> str | None:
    return value if value in known else None


CONVOKIT: Final = Reader(
    format=Format(name="convokit", description="a corpus in the form of ConvoKit", takes="turns, names of who speaks"),
    is_it=_is_it,
    read=_read,
)
