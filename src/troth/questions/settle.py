"""One walk through each conversation: which turn answered which question, and which left it open."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.forms import reply_forms
from troth.questions.formulas import CLOSES, CONTESTS, THANKS
from troth.questions.matching import hold
from troth.questions.replies import Asked, Line, Match, match_elsewhere, match_reply, read_lines
from troth.questions.threads import Turn
from troth.words import content_stems

_MOST_WAITING: Final = 60  # questions of one conversation that a reply is laid beside: keeps an endless one linear
MOST_LATER: Final = 40  # turns in other conversations that are looked at for one question
_WITHIN: Final = timedelta(days=60)  # how long a turn in another conversation may answer
_SHARED_ELSEWHERE: Final = 2  # content words that it must share at least, and ...
_SHARE_ELSEWHERE: Final = 0.65  # ... this share of those of the question

_REMINDER: Final = 2  # content words that a mere reminder has at most: "Any luck?"

_Rows = list[tuple[int, int, str]]


@dataclass(slots=True, kw_only=True)
class Waiting:
    """One question while the turns after it are walked through; `row` is its row of QUESTIONS."""

    row: dict[str, Any]
    asked: Asked
    turn: Turn
    closed: bool = False  # the asker ended the matter

    def take(self, match: Match, turn: Turn) -> None:
        """Note what a turn did to it: a part counts once, the whole always."""
        if match.verdict == "answered" or (match.verdict == "partly" and self.row["state"] == "open"):
            self.row.update(answer_columns(match, turn))

    def reopen(self) -> None:
        """Forget the answer."""
        self.row.update(state="open", **dict.fromkeys(ANSWER_COLUMNS))

    @property
    def is_waiting(self) -> bool:
        """Whether an answer, or the rest of one, is still awaited."""
        return self.row["state"] in {"open", "partly"} and not self.closed


ANSWER_COLUMNS: Final = ("answer_turn_id", "answered_at", "answer_start", "answer_end", "answer_text")


def answer_columns(match: Match, turn: Turn) -> dict[str, Any]:
    """The columns of QUESTIONS that say what answered."""
    line = match.line
    return {
        "state": match.verdict,
        "answer_turn_id": turn.turn_id,
        "answered_at": turn.sent_at,
        "answer_start": None if line is None else line.start,
        "answer_end": None if line is None else line.end,
        "answer_text": None if line is None else line.text,
    }


class Spoken:
    """The sentences of some turns, and what they say about earlier ones; made into lines when they are needed."""

    def __init__(self) -> None:
        self._rows: dict[str, _Rows] = {}
        self._forms: dict[str, list[int]] = {}
        self._bodies: dict[str, str] = {}
        self.thanks, self.closes, self.contests = set[str](), set[str](), set[str]()

    def add(self, turns: pa.Table, sentences: pa.Table, wanted: Iterable[Turn]) -> None:
        """Take in the wanted ones of these turns, with their sentences."""
        ids = pa.array([turn.turn_id for turn in wanted], pa.string())
        said = sentences.filter(pc.is_in(sentences.column("turn_id"), ids))
        bodies = turns.filter(pc.is_in(turns.column("turn_id"), ids))
        self._bodies.update(zip(*_columns(bodies, "turn_id", "body"), strict=True))
        names = ("turn_id", "sentence", "start", "end", "text")
        marks = _columns(said, *names)
        texts = said.column("text")
        flags = [hold(texts, pattern).to_pylist() for pattern in (THANKS, CLOSES, CONTESTS)]
        order = sorted(range(said.num_rows), key=lambda spot: (marks[0][spot], marks[1][spot]))
        forms = reply_forms(texts)
        for spot in order:
            turn_id, number, start, end, text = (column[spot] for column in marks)
            self._rows.setdefault(turn_id, []).append((start, end, text))
            self._forms.setdefault(turn_id, []).append(forms[spot])
            if flags[0][spot] and number <= 1:
                self.thanks.add(turn_id)
            if flags[1][spot]:
                self.closes.add(turn_id)
            if flags[2][spot]:
                self.contests.add(turn_id)

    def rows(self, turn_id: str) -> _Rows:
        """Start, end and text of each sentence, in order."""
        return self._rows.get(turn_id, [])

    def body(self, turn_id: str) -> str | None:
        """The whole text of a turn."""
        return self._bodies.get(turn_id)

    def lines(self, turn_id: str) -> list[Line]:
        """The sentences as the matching sees them."""
        return read_lines(self.rows(turn_id), self.body(turn_id), self._forms.get(turn_id, []))


def settle_conversation(
    turns: Sequence[Turn], waiting: Mapping[str, Sequence[Waiting]], spoken: Spoken, *, side: str
) -> None:
    """Give the questions of one conversation their state.

    A turn of the other side faces what was asked since its side spoke last, and what the turn it answers asked; to
    these it is an answer by its form or its matter. To older questions only its matter counts. The asker's next turn
    has a say: thanks close a lone question that the matching had left open, "that was not my question" opens it again.

    Args:
        turns: oldest first.
        waiting: the questions that each turn asks; changed in place.
        spoken: the sentences of these turns.
        side: who asks.
    """
    walk = Walk()
    for turn in turns:
        walk.step(turn, waiting, spoken, side=side)


@dataclass(slots=True)
class Walk:
    """Where the walk through one conversation stands."""

    pending: list[Waiting] = field(default_factory=list[Waiting])  # oldest first
    block: list[Waiting] = field(default_factory=list[Waiting])  # asked since the other side spoke last
    faced: list[Waiting] = field(default_factory=list[Waiting])  # what its latest turn faced
    replied: Turn | None = None  # its latest turn, while no turn of the asker's came after it
    has_spoken: bool = False  # the other side spoke since the block began

    def step(self, turn: Turn, waiting: Mapping[str, Sequence[Waiting]], spoken: Spoken, *, side: str) -> None:
        """Go on to the next turn; only what was pending or faced, or is asked here, changes."""
        if turn.side == side:
            self._hear(turn, waiting.get(turn.turn_id, ()), spoken)
        elif turn.side is not None:
            self._answer(turn, waiting, spoken)

    def _hear(self, turn: Turn, asked: Sequence[Waiting], spoken: Spoken) -> None:
        """A turn of the asker's."""
        if self.replied is not None:
            self._judge(turn, self.replied, spoken)
        if turn.turn_id in spoken.closes:
            for one in self.pending:
                one.closed = True
            self.pending = []
        if self.has_spoken and any(not _reminds(one) for one in asked):
            self.block = []
        self.has_spoken = False
        self.replied = None
        self.block.extend(asked)
        self.pending = [*self.pending, *asked][-_MOST_WAITING:]

    def _judge(self, turn: Turn, replied: Turn, spoken: Spoken) -> None:
        """What the asker thinks of the last reply."""
        if turn.turn_id in spoken.contests:
            for one in self.faced:
                if one.row["answer_turn_id"] == replied.turn_id:
                    one.reopen()
                    if one not in self.pending:
                        self.pending.append(one)
        elif turn.turn_id in spoken.thanks and len(self.faced) == 1 and self.faced[0].row["state"] == "open":
            self.faced[0].take(Match(verdict="answered"), replied)
            self.pending = [one for one in self.pending if one.is_waiting]

    def _answer(self, turn: Turn, waiting: Mapping[str, Sequence[Waiting]], spoken: Spoken) -> None:
        """A turn of the other side."""
        self.has_spoken, self.replied = True, turn
        if not self.pending:
            self.faced = []
            return
        stated = waiting.get(turn.parent_id or "", ())
        faced = [
            one for one in self.pending if _may_answer(turn, one) and (_is_in(one, self.block) or _is_in(one, stated))
        ]
        lines = spoken.lines(turn.turn_id)
        for one, match in zip(faced, match_reply([one.asked for one in faced], lines), strict=True):
            one.take(match, turn)
        for one in self.pending:
            if not _is_in(one, faced) and _may_answer(turn, one):
                one.take(match_elsewhere(one.asked, lines), turn)
        self.faced = faced
        self.pending = [one for one in self.pending if one.is_waiting]


def _reminds(one: Waiting) -> bool:
    """Whether a question has no matter of its own, so that what was asked before it still stands."""
    return one.row["kind"] == "HR" and len(one.asked.stems) <= _REMINDER


def _is_in(one: Waiting, others: Sequence[Waiting]) -> bool:
    return any(one is other for other in others)


def _may_answer(turn: Turn, one: Waiting) -> bool:
    """A turn whose clock says that it was sent before the question is no answer to it."""
    return turn.sent_at is None or one.turn.sent_at is None or turn.sent_at >= one.turn.sent_at


def look_elsewhere(waiting: Iterable[Waiting], turns: pa.Table, replies: Sequence[Turn], sentences: pa.Table) -> None:
    """Questions still waiting that a later turn, in another conversation with the asker, speaks of.

    Args:
        waiting: changed in place.
        turns: TURNS that hold the replies.
        replies: turns of the other side, oldest first.
        sentences: SENTENCES.

    Cost: linear; for one question at most 40 turns of its relationship are looked at.
    """
    by_relationship: defaultdict[str, list[Turn]] = defaultdict(list)
    for turn in replies:
        if turn.relationship is not None and turn.sent_at is not None:
            by_relationship[turn.relationship].append(turn)
    later = [
        (one, later_turns(one, by_relationship.get(one.turn.relationship or "", ())))
        for one in waiting
        if one.is_waiting and one.asked.stems
    ]
    needed = {turn.turn_id: turn for _, found in later for turn in found}
    if not needed:
        return
    said = sentences.filter(pc.is_in(sentences.column("turn_id"), pa.array(list(needed), pa.string())))
    stems: defaultdict[str, set[str]] = defaultdict(set)
    for turn_id, text in zip(*_columns(said, "turn_id", "text"), strict=True):
        stems[turn_id] |= content_stems(text)
    hits = [(one, turn) for one, found in later for turn in found if speaks_of(one, stems[turn.turn_id])]
    spoken = Spoken()
    spoken.add(turns, said, [turn for _, turn in hits])
    for one, turn in hits:
        take_elsewhere(one, turn, spoken)


def take_elsewhere(one: Waiting, turn: Turn, spoken: Spoken) -> None:
    """Note what a turn of another conversation did to a question that it speaks of."""
    if one.is_waiting:
        close = [line for line in spoken.lines(turn.turn_id) if speaks_of(one, line.stems)]
        one.take(match_elsewhere(one.asked, close), turn)


def speaks_of(one: Waiting, stems: frozenset[str] | set[str]) -> bool:
    """Whether words with these stems, of another conversation, are about what a question is about."""
    shared = len(one.asked.stems & stems)
    return shared >= _SHARED_ELSEWHERE and shared >= _SHARE_ELSEWHERE * len(one.asked.stems)


def later_turns(one: Waiting, own: Sequence[Turn]) -> list[Turn]:
    """Of the dated turns of the other side in its relationship, oldest first, the next in other conversations."""
    asked_at = one.turn.sent_at
    if asked_at is None or one.turn.relationship is None:
        return []
    first = bisect_right(own, asked_at, key=_sent_at)
    found: list[Turn] = []
    for turn in own[first : first + MOST_LATER]:
        if turn.sent_at is None or turn.sent_at - asked_at > _WITHIN:
            break
        if turn.conversation_id != one.turn.conversation_id and (not turn.people or one.turn.speaker in turn.people):
            found.append(turn)
    return found


def _sent_at(turn: Turn) -> datetime:
    return turn.sent_at or datetime.min.replace(tzinfo=UTC)


def by_age(row: Mapping[str, Any]) -> tuple[datetime, str, int, str]:
    """Sorts rows of QUESTIONS, the oldest first, those without a time before them."""
    return (row["asked_at"] or datetime.min.replace(tzinfo=UTC), row["turn_id"], row["start"], row["question_id"])


def _columns(table: pa.Table, *names: str) -> list[list[Any]]:
    return [table.column(name).to_pylist() for name in names]
