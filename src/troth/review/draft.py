"""A draft before it is sent: what each sentence does, what it promises, what this customer asked and it leaves open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa

from troth.signals import CATALOGUE, SHOWN

_COMMON: Final = frozenset(
    "about after again also and any are been but can could did does for from get give had has have here how just let "
    "like may more need not now one our out over please shall should some still tell than thank thanks that the their "
    "them then there they this was were what when where which who why will with would you your".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One act found in one sentence of the draft, and what it does to trust shown."""

    start: int
    end: int
    text: str
    signal: str
    facet: str | None  # None for an occasion, such as a request
    effect: int  # +1 raises, -1 costs, 0 neither
    probability: float
    question: str  # what a reader asks of the sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What to mind before the draft is sent.

    Attributes:
        kind: of a promise: it names no time to come, a vague one, or a day on which nobody works; or of sentences in
            another language.
        text: the sentence that promises; of languages their codes.
        words: how a promise names its time.
        due: the last moment of that time in the zone of the books; None where it names none.
        start: where the sentence begins in the draft.
        count, of: sentences in another language, of all.
    """

    kind: Literal["no time", "vague", "closed", "language"]
    text: str
    words: str | None = None
    due: dt.datetime | None = None
    start: int | None = None
    count: int = 0
    of: int = 0

    def say(self) -> str:
        """One line."""
        if self.kind == "language":
            return (
                f"Not in English ({self.text}): {self.count} of {self.of} sentences. "
                "No signal was shown to work there, so none is read in them."
            )
        if self.kind == "vague":
            return f"{self.text!r} says {self.words!r}: name a day, or it can be late and never kept on time."
        if self.kind == "closed":
            return f"{self.text!r} is due {self.due:%a %-d %b %Y}, when nobody works: name a working day, or mean it."
        return f"{self.text!r} promises without a time: say until when."


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCheck:
    """What a draft does before it is sent."""

    marks: tuple[Mark, ...]  # in the order of the text
    promises: tuple[Mapping[str, Any], ...]  # rows of PROMISES that the draft makes
    cautions: tuple[Caution, ...]  # what the calendar, a promise without a time, or another language calls for
    unanswered: tuple[Mapping[str, Any], ...]  # rows of QUESTIONS that this draft leaves open
    open_promises: tuple[Mapping[str, Any], ...]  # rows of PROMISES of ours to them that are due and not named here
    unread: tuple[str, ...] = ()  # sentences in a language in which no signal was shown to work

    @property
    def warnings(self) -> tuple[str, ...]:
        """`cautions` in words."""
        return tuple(caution.say() for caution in self.cautions)


def check_draft(
    sentences: pa.Table,
    findings: pa.Table,
    promises: pa.Table,
    *,
    questions: pa.Table,
    pledged: pa.Table,
    local: Callable[[dt.datetime], dt.datetime],
    is_open: Callable[[dt.date], bool],
) -> DraftCheck:
    """Check one draft.

    Args:
        sentences, findings: of the draft alone.
        promises: PROMISES that the draft makes.
        questions: QUESTIONS of this relationship, as they would stand after the draft was sent.
        pledged: PROMISES of ours in this relationship, as of now.
        local: a moment as the writer's clock shows it.
        is_open: whether people work on a day.
    """
    texts = {row["sentence"]: row["text"] for row in sentences.to_pylist()}
    words = frozenset().union(*(content_words(text) for text in texts.values())) if texts else frozenset[str]()
    made = promises.to_pylist()
    elsewhere = [row for row in sentences.to_pylist() if row["language"] not in {None, "en"}]
    return DraftCheck(
        marks=tuple(_mark(row, texts) for row in _in_order(findings)),
        promises=tuple(made),
        cautions=(
            *(one for row in made for one in _mind_promise(row, local=local, is_open=is_open)),
            *_mind_languages([row["language"] for row in elsewhere], of=sentences.num_rows),
        ),
        unanswered=tuple(row for row in questions.to_pylist() if row["state"] in {"open", "partly"}),
        open_promises=tuple(
            row
            for row in pledged.to_pylist()
            if row["side"] == "us" and row["state"] in {"open", "suspected"} and not _touches(words, row)
        ),
        unread=tuple(row["text"] for row in elsewhere),
    )


def content_words(text: str) -> frozenset[str]:
    """The words of a text that say what it is about: at least three letters or a digit, and not of the common ones."""
    cleaned = "".join(char if char.isalnum() else " " for char in text.casefold())
    return frozenset(
        word
        for word in cleaned.split()
        if word not in _COMMON and (len(word) > 2 or any(char.isdigit() for char in word))
    )


def _touches(words: frozenset[str], row: Mapping[str, Any]) -> bool:
    """Whether the draft speaks of the same thing: it shares a third of the content words."""
    asked = content_words(row["text"])
    return not asked or len(asked & words) * 3 >= len(asked)


def _in_order(findings: pa.Table) -> list[dict[str, Any]]:
    rows = [row for row in findings.to_pylist() if row["probability"] >= 0.5 and row["value"] is None]
    return sorted(rows, key=lambda row: (row["start"], -row["probability"], row["signal"]))


def _mark(row: Mapping[str, Any], texts: Mapping[int, str]) -> Mark:
    signal = CATALOGUE[row["signal"]]
    return Mark(
        start=row["start"],
        end=row["end"],
        text=texts.get(row["sentence"], ""),
        signal=signal.name,
        facet=None if signal.shown is None else SHOWN[signal.shown],
        effect=0 if signal.shown is None else signal.sign,
        probability=row["probability"],
        question=signal.question,
    )


def _mind_promise(
    promise: Mapping[str, Any], *, local: Callable[[dt.datetime], dt.datetime], is_open: Callable[[dt.date], bool]
) -> Iterator[Caution]:
    latest: dt.datetime | None = promise["due_latest"]
    due = None if latest is None else local(latest)
    kind: Literal["no time", "vague", "closed"] | None = None
    if promise["due_rule"] in {"none", "vague"}:
        kind = "vague" if promise["due_rule"] == "vague" else "no time"
    elif due is not None and not is_open(due.date()):
        kind = "closed"
    if kind is not None:
        yield Caution(kind=kind, text=promise["text"], words=promise["due_words"], due=due, start=promise["start"])


def _mind_languages(languages: Sequence[str], *, of: int) -> Iterator[Caution]:
    """Sentences in another language than English: their silence is no finding."""
    if languages:
        told = ", ".join(sorted(set(languages) - {"und"})) or "another language"
        yield Caution(kind="language", text=told, count=len(languages), of=of)
