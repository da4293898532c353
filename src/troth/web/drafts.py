"""A draft against what a view knows: the same for the page, the API and assistants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from troth.encoder import load_encoder
from troth.pipeline import check_text
from troth.plain import clean_text
from troth.review import Caution, DraftCheck
from troth.review.draft import Mark
from troth.schema import PROMISES, QUESTIONS, conform, empty
from troth.web.talks import find_talk

if TYPE_CHECKING:
    from troth.web.view import View

LONGEST: Final = 20_000
"""Characters of a draft that are looked at."""

ANSWERED_BY: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "HC": frozenset({"reason", "hedge"}),
        "HR": frozenset({"commitment", "done"}),
        "HI": frozenset({"reaction", "interpretation", "exploration"}),
        "HS": frozenset({"their_interest"}),
    }
)
"""What a draft can hold that speaks to a question of trust; of signals that are found. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is said of one sentence of a draft.

    Attributes:
        number: 1, 2, 3, ... in order of the text.
        start, end: the sentence in the draft.
        marks: the surest first.
        promises: that it makes, each with what is to be minded of it.
    """

    number: int
    start: int
    end: int
    marks: tuple[Mark, ...]
    promises: tuple[tuple[Mapping[str, Any], tuple[Caution, ...]], ...]

    @property
    def tone(self) -> str:
        """Which way it moves what is shown: up, down, both, or no way."""
        ways = {mark.effect for mark in self.marks} - {0}
        return {(): "none", (1,): "up", (-1,): "down"}.get(tuple(sorted(ways)), "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of the draft: a sentence of which something is said, or what lies between."""

    text: str
    remark: Remark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A sentence of theirs, and where it was said.

    Attributes:
        row: of QUESTIONS.
        asker: who asked, as they write themselves.
        talk: the address of the conversation; None where the visitor has none.
    """

    row: Mapping[str, Any]
    asker: str | None
    talk: str | None


def check_draft(view: View, text: str, *, to: str | None = None) -> DraftCheck:
    """Check a text that is not sent yet; nothing of it is kept.

    Args:
        view: what the writer may see.
        text: the draft.
        to: the relationship that it goes to, as the view names it; what was asked there and promised is looked at.
    """
    questions, pledged = empty(QUESTIONS), empty(PROMISES)
    if to is not None:
        questions = view.questions_of.rows(to)
        pledged = conform(view.promises_of.rows(to), PROMISES)
    return check_text(
        text, load_encoder(), calendar=view.settings.calendar(), now=find_now(view), questions=questions,
        pledged=pledged,
    )  # fmt: skip


def find_now(view: View) -> dt.datetime:
    """When a draft would be sent: now while the book is in use, else as of the evening at which it ends."""
    now = dt.datetime.now(dt.UTC)
    return now if view.morning == now.astimezone(ZoneInfo(view.zone)).date() else view.standing.now


def remark_on(found: DraftCheck) -> list[Remark]:
    """What is found, one remark for each sentence, in the order of the text."""
    spans: dict[tuple[int, int], tuple[list[Mark], list[Mapping[str, Any]]]] = {}
    for mark in found.marks:
        spans.setdefault((mark.start, mark.end), ([], []))[0].append(mark)
    for promise in found.promises:
        spans.setdefault((promise["start"], promise["end"]), ([], []))[1].append(promise)
    return [
        Remark(
            number=number, start=start, end=end, marks=tuple(marks),
            promises=tuple(
                (row, tuple(one for one in found.cautions if one.start == row["start"] and one.text == row["text"]))
                for row in promises
            ),
        )
        for number, ((start, end), (marks, promises)) in enumerate(sorted(spans.items()), start=1)
    ]  # fmt: skip


def cut_text(text: str, remarks: Sequence[Remark]) -> list[Piece]:
    """The draft in pieces whose texts make it up, but for characters that could mislead."""
    pieces: list[Piece] = []
    done = 0
    for remark in remarks:
        if remark.start < done:
            continue  # a span within one that was told already
        pieces.append(Piece(text=clean_text(text[done : remark.start]), remark=None))
        pieces.append(Piece(text=clean_text(text[remark.start : remark.end]), remark=remark))
        done = remark.end
    pieces.append(Piece(text=clean_text(text[done:]), remark=None))
    return [piece for piece in pieces if piece.text]


def list_unanswered(view: View, found: DraftCheck) -> list[Asked]:
    """What they asked and the draft leaves open: questions of trust first, then the latest."""
    rows = sorted(found.unanswered, key=_freshness, reverse=True)
    return [_tell(view, row) for row in sorted(rows, key=lambda row: row["kind"] == "direct")]


def suggest(view: View, to: str, found: DraftCheck) -> list[Asked]:
    """The latest question of trust of each kind that they ever put, where the draft holds nothing that speaks to it.

    Kinds among what is unanswered are left out: those are told already.
    """
    held = {mark.signal for mark in found.marks}
    told = {row["kind"] for row in found.unanswered}
    questions = view.questions_of.rows(to)
    asked = questions.filter(pc.and_(pc.equal(questions["side"], "them"), questions["spoken"])).to_pylist()
    latest: dict[str, Mapping[str, Any]] = {}
    for row in sorted(asked, key=_freshness):
        latest[row["kind"]] = row
    return [
        _tell(view, latest[kind])
        for kind, signals in ANSWERED_BY.items()
        if kind in latest and kind not in told and not signals & held
    ]


def _freshness(row: Mapping[str, Any]) -> tuple[bool, float]:
    at: dt.datetime | None = row["asked_at"]
    return at is not None, 0.0 if at is None else at.timestamp()


def _tell(view: View, row: Mapping[str, Any]) -> Asked:
    turn = view.turn.rows(row["turn_id"]).slice(0, 1).to_pylist()
    return Asked(
        row=row,
        asker=(turn[0]["speaker_name"] or turn[0]["speaker"]) if turn else None,
        talk=find_talk(view, row["turn_id"]),
    )
