"""Lay a call into WebVTT, as Teams writes it (voice spans) or as Zoom does (the name before the words).

Both services write the numbers that they hear in figures, and so do the words in `calls/`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Final

from troth.sample._source import Person
from troth.sample._talks import Said, Talk

_SENTENCE: Final = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_WORD_S: Final = 0.33  # seconds that a spoken word takes
_SPACE: Final = uuid.UUID("6f2c1f0e-5a52-4d3c-9a55-0c2f5b1f7a10")


def build_call(talk: Talk, people: Mapping[str, Person]) -> bytes:
    """One call as WebVTT. It holds no date: the name of the file does, as with both services."""
    teams = talk.fields["form"] == "teams"
    call = uuid.uuid5(_SPACE, talk.name)
    cues: list[str] = []
    for number, (said, words, start, end) in enumerate(_cues(talk)):
        name = people[said.who].name
        head, text = (f"{call}/{number}-0", f"<v {name}>{words}</v>") if teams else (number + 1, f"{name}: {words}")
        cues.append(f"{head}\n{_clock(start)} --> {_clock(end)}\n{text}\n")
    return "\n".join(["WEBVTT\n", *cues]).encode()


def _cues(talk: Talk) -> Iterator[tuple[Said, str, float, float]]:
    """Each sentence with its start and end in seconds; a turn of several sentences is several cues."""
    starts = [(said.at - talk.begins_at).total_seconds() for said in talk.said]
    for said, start, limit in zip(talk.said, starts, [*starts[1:], starts[-1] + 60], strict=True):
        moment = start
        for sentence in _SENTENCE.split(said.words):
            end = min(moment + _WORD_S * len(sentence.split()), limit)
            yield said, sentence, moment, end
            moment = end


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"
