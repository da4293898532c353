"""A body cut so that what was found in it can be marked: pieces of text, and the notes that belong to them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from troth.plain import clean_text
from troth.readings.held import RULES
from troth.signals import CATALOGUE, HELD, SHOWN
from troth.text import Part

LEAST: Final = 0.5
"""Least probability with which a signal is marked, as with which it counts."""

_HEARD: Final = frozenset(name for rule in RULES.values() for signals in rule.signals.values() for name in signals)
"""What is read of the counterpart's words; other signals of HELD are found, and no reading rests on them."""

_STRONG: Final = 0.9  # of a graded signal, on either side: every sentence has one, and most say nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One signal in one sentence, as a page says it."""

    signal: str
    question: str  # what a reader asks of the sentence
    facet: str
    facet_name: str
    raises: bool
    probability: float
    is_graded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is said beside the text of one span.

    Attributes:
        number: 1, 2, 3, ... within the turn, in order of the text.
        start, end: the span in the body.
        found: signals that move a score.
        promises, questions: rows of LISTED and QUESTIONS.
    """

    number: int
    start: int
    end: int
    found: tuple[Found, ...]
    promises: tuple[Mapping[str, Any], ...]
    questions: tuple[Mapping[str, Any], ...]

    @property
    def tone(self) -> str:
        """Which way it moves trust: up, down, both, or no way."""
        ways = {one.raises for one in self.found}
        return {(): "none", (True,): "up", (False,): "down"}.get(tuple(sorted(ways)), "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a body in which nothing begins or ends.

    Attributes:
        text: without characters that could mislead a reader.
        kind: own, quote, signature, disclaimer, forward, as `troth.text` has them.
        notes: those whose span covers it; `ending`: those among them whose span ends with it.
    """

    text: str
    kind: str
    notes: tuple[Note, ...]
    ending: tuple[Note, ...]


def list_found(findings: Sequence[Mapping[str, Any]], side: str) -> dict[tuple[int, int], list[Found]]:
    """The findings of one turn that move a score when this side writes them, by their span, the surest first."""
    spans: dict[tuple[int, int], list[Found]] = {}
    for row in sorted(findings, key=lambda row: -row["probability"]):
        signal = CATALOGUE.get(row["signal"])
        facet = None if signal is None else signal.facet(side)
        if signal is None or facet is None or not _is_told(row["probability"], signal.kind):
            continue
        if side != "us" and signal.name not in _HEARD:
            continue
        low = signal.kind == "graded" and row["probability"] < LEAST
        spans.setdefault((row["start"], row["end"]), []).append(
            Found(
                signal=signal.name, question=signal.question, facet=facet, facet_name={**SHOWN, **HELD}[facet],
                raises=(signal.direction(side) > 0) != low, is_graded=signal.kind == "graded",
                probability=1.0 - row["probability"] if low else row["probability"],
            )
        )  # fmt: skip
    return spans


def _is_told(probability: float, kind: str) -> bool:
    if kind == "graded":
        return not 1.0 - _STRONG < probability < _STRONG
    return probability >= LEAST


def make_notes(
    found: Mapping[tuple[int, int], Sequence[Found]],
    promises: Sequence[Mapping[str, Any]],
    questions: Sequence[Mapping[str, Any]],
) -> list[Note]:
    """One note for each span in which there is something to say, in the order of the text."""
    spans: dict[tuple[int, int], tuple[list[Found], list[Mapping[str, Any]], list[Mapping[str, Any]]]] = {
        span: (list(signals), [], []) for span, signals in found.items()
    }
    for row in promises:
        spans.setdefault((row["start"], row["end"]), ([], [], []))[1].append(row)
    for row in questions:
        spans.setdefault((row["start"], row["end"]), ([], [], []))[2].append(row)
    return [
        Note(number=number, start=start, end=end, found=tuple(signals), promises=tuple(said), questions=tuple(asked))
        for number, ((start, end), (signals, said, asked)) in enumerate(sorted(spans.items()), start=1)
    ]


def mark_body(body: str, parts: Sequence[Part], notes: Sequence[Note]) -> list[Piece]:
    """Cut a body wherever a part or a span begins or ends.

    Args:
        body: as received.
        parts: that cover it whole, in order.
        notes: of spans, which may overlap; what reaches beyond the body is cut off.

    Returns: pieces whose texts make up the body, but for characters that could mislead.
    Cost: linear in the body and the parts, and pieces times notes.
    """
    bounds = {0, len(body), *(part.end for part in parts)}
    notes = [replace(note, end=min(note.end, len(body))) for note in notes if note.start < min(note.end, len(body))]
    bounds |= {place for note in notes for place in (note.start, note.end)}
    ends = [part.end for part in parts]
    pieces: list[Piece] = []
    for start, end in pairwise(sorted(bounds)):
        here = tuple(note for note in notes if note.start <= start and end <= note.end)
        part = bisect_left(ends, end)
        pieces.append(
            Piece(
                text=clean_text(body[start:end]),
                kind=parts[part].kind if part < len(parts) else "own",
                notes=here,
                ending=tuple(note for note in here if note.end == end),
            )
        )
    return pieces
