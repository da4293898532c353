"""What pages and the API read: a book as of one moment, worked out, indexed, and never changed again."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.encoder import count_unread
from troth.mending import find_touched, list_came
from troth.pipeline import Came, Standing, Understood
from troth.readings import latest_objections
from troth.relationship import RelationshipTrust
from troth.review import Close
from troth.times import find_days
from troth.trust import Model
from troth.web.askings import Askings
from troth.web.codes import Codes
from troth.web.index import Index
from troth.web.kept import Kept
from troth.web.listing import Listing
from troth.web.narrow import BETWEEN, OwnViews
from troth.web.roll import PAGE, Roll
from troth.web.sparks import Spark, find_sparks
from troth.web.talks import list_talks

if TYPE_CHECKING:
    from troth.lenses import Lens
    from troth.library import Book
    from troth.settings import Settings

_FIRST: Final = dt.date(1970, 1, 1)
_IN_USE: Final = 64  # relationships that people look at


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What moved a score, as far as a page shows it.

    Attributes:
        strongest: rows of EXPLAINED.
        others, rest: how many there are beside, and what they moved together.
        total: what all of them did.
    """

    strongest: Sequence[Mapping[str, Any]]
    others: int
    rest: float
    total: float


@dataclass(frozen=True, kw_only=True)
class View:
    """A book as of one moment.

    Attributes:
        made_at: when, by this machine's clock.
        day: the day under review, and `morning` the one that the list of promises is of.
        whose, zone: whose book it is, and whose midnight closes its days.
        close: that day's close; None where no turn has a date.
        known, standing: turns with what was found in them, and promises, questions and readings as of the last evening.
        listed: LISTED, the promises of `morning`.
        decisions, history: DECISIONS and PROMISE_HISTORY, of these promises.
        relationships: rows of `Book.relationships`, those with most turns first.
        outcomes, answers, contacts: as read.
        figures: TEAM_FIGURES, of groups of the team; editions: WORTH_FIGURES, what goes with trust in it.
        invitations: INVITATIONS, surveys sent by link.
        model, segments, settings: the constants that trust is followed by, and for whom.
        rows: `relationships` as mappings.
    """

    made_at: dt.datetime
    day: dt.date | None
    morning: dt.date
    whose: str
    grounds: str
    zone: str
    close: Close | None
    known: Understood
    standing: Standing
    listed: pa.Table
    decisions: pa.Table
    history: pa.Table
    relationships: pa.Table
    outcomes: pa.Table
    answers: pa.Table
    contacts: pa.Table
    figures: pa.Table
    editions: pa.Table
    invitations: pa.Table
    model: Model
    segments: Mapping[str, str]
    lenses: Mapping[str, Lens]
    settings: Settings
    rows: list[dict[str, Any]]
    counted: pa.Array | None = None  # ids of the turns that are read; None: all of them
    between: pa.Table = field(default_factory=BETWEEN.empty_table)  # turns of one's conversations that one sees not
    own: OwnViews = field(default_factory=OwnViews)
    # Made when one asks, too. No part of what a view is made of, so that a view made from another starts without.
    trusts: Kept[RelationshipTrust] = field(init=False, default_factory=lambda: Kept[RelationshipTrust](_IN_USE))
    moves: Kept[Move] = field(init=False, default_factory=lambda: Kept[Move](_IN_USE))
    sparks: dict[str, Spark] = field(init=False, default_factory=dict[str, Spark])
    closes: dict[dt.date, Future[Close]] = field(init=False, default_factory=dict["dt.date", "Future[Close]"])
    later: dict[Hashable, Future[Any]] = field(init=False, default_factory=dict["Hashable", "Future[Any]"])

    @property
    def is_empty(self) -> bool:
        """Whether no turn was read yet."""
        return self.known.turns.num_rows == 0

    @cached_property
    def by_name(self) -> Mapping[str, dict[str, Any]]:
        """Rows of `relationships` by relationship."""
        return {row["relationship"]: row for row in self.rows}

    @cached_property
    def roll(self) -> Roll:
        """`relationships`, ready to be sorted and sifted."""
        return Roll(self.relationships, name_from=self.settings.trend.name_from)

    @cached_property
    def days(self) -> list[dt.date]:
        """The local days on which somebody wrote, the earliest first."""
        turns = self.known.turns
        said = turns["sent_at"].filter(pc.invert(turns["automatic"])).drop_null()
        days: list[int] = pc.unique(find_days(said, self.zone)).to_pylist()
        return sorted(_FIRST + dt.timedelta(days=day) for day in days)

    @cached_property
    def unread(self) -> int:
        """How many sentences are in a language in which nothing is found."""
        return count_unread(self.known.sentences)

    @cached_property
    def turns_of(self) -> Index:
        """TURNS by relationship, in order of time."""
        return Index(self.known.turns, "relationship", order=self._by_time)

    @cached_property
    def turns_in(self) -> Index:
        """TURNS by conversation, in order of time."""
        return Index(self.known.turns, "conversation_id", order=self._by_time)

    @cached_property
    def between_in(self) -> Index:
        """BETWEEN by conversation, in order of days."""
        return Index(self.between, "conversation_id")

    @cached_property
    def turn(self) -> Index:
        """TURNS by turn_id."""
        return Index(self.known.turns, "turn_id")

    @cached_property
    def sentences_of(self) -> Index:
        """SENTENCES by turn."""
        return Index(self.known.sentences, "turn_id")

    @cached_property
    def findings_of(self) -> Index:
        """FINDINGS by turn."""
        return Index(self.known.findings, "turn_id")

    @cached_property
    def talks_of(self) -> Index:
        """Conversations by relationship, the latest first; see `talks.list_talks`."""
        return Index(list_talks(self.known.turns, self._by_time), "relationship")

    @cached_property
    def answers_of(self) -> Index:
        """ANSWERS by relationship."""
        return Index(self.answers, "relationship")

    @cached_property
    def answers_newest(self) -> pa.Table:
        """ANSWERS, the newest first; those of one sheet together."""
        return self.answers.sort_by([("answered_at", "descending"), ("answer_id", "ascending")])

    @cached_property
    def objections_of(self) -> Index:
        """The last word on every OBJECTION, by turn."""
        return Index(latest_objections(self.standing.objections), "turn_id")

    @cached_property
    def readings_of(self) -> Index:
        """READINGS by relationship."""
        return Index(self.standing.readings, "relationship")

    @cached_property
    def promises_of(self) -> Index:
        """LISTED by relationship."""
        return Index(self.listed, "relationship")

    @cached_property
    def questions_of(self) -> Index:
        """QUESTIONS by relationship."""
        return Index(self.standing.questions, "relationship")

    @cached_property
    def coded(self) -> Mapping[str, Codes]:
        """The columns of LISTED that promises are sifted by."""
        return {name: Codes(self.listed[name]) for name in ("section", "side", "circle", "relationship", "person")}

    @cached_property
    def askings(self) -> Askings:
        """QUESTIONS, ready to be sorted and sifted."""
        return Askings(self.standing.questions)

    @cached_property
    def promise(self) -> Index:
        """LISTED by promise_id."""
        return Index(self.listed, "promise_id")

    @cached_property
    def decisions_of(self) -> Index:
        """DECISIONS by promise_id."""
        return Index(self.decisions, "promise_id")

    @cached_property
    def history_of(self) -> Index:
        """PROMISE_HISTORY by promise_id."""
        return Index(self.history, "promise_id")

    @cached_property
    def turns_listed(self) -> Listing:
        """TURNS in order of time, for the API."""
        return Listing(self.known.turns, key=("turn_id",), time="sent_at")

    @cached_property
    def findings_listed(self) -> Listing:
        """FINDINGS in the order of their names, for the API."""
        return Listing(self.known.findings, key=("turn_id", "sentence", "signal"))

    @cached_property
    def promises_listed(self) -> Listing:
        """LISTED in the order in which promises were made, for the API."""
        return Listing(self.listed, key=("promise_id",), time="said_at")

    @cached_property
    def questions_listed(self) -> Listing:
        """QUESTIONS in the order in which they were asked, for the API."""
        return Listing(self.standing.questions, key=("question_id",), time="asked_at")

    @cached_property
    def _by_time(self) -> NDArray[np.int32]:
        when = self.known.turns.select(["sent_at", "position"])
        order = pc.sort_indices(when, sort_keys=[("sent_at", "ascending"), ("position", "ascending")])
        return order.to_numpy().astype(np.int32)

    def take_over(self, last: View) -> None:
        """Take what was made of an earlier view, as far as it is the same here."""
        taken: list[str] = []
        came = list_came(last.known, self.known) if last.zone == self.zone else None
        if came == ():
            taken += _OF_TURNS
        if last.standing.questions is self.standing.questions:
            taken += ["questions_of", "questions_listed", "askings"]
        if last.answers is self.answers:
            taken += ["answers_of", "answers_newest"]
        made = {name: vars(last)[name] for name in taken if name in vars(last)}
        touched = find_touched(last.standing, self.standing)
        if touched is not None and "readings_of" in vars(last):
            made["readings_of"] = last.readings_of.mended(self.standing.readings, touched - {""})
        if touched is not None and "questions_of" in vars(last) and "questions_of" not in made:
            made["questions_of"] = last.questions_of.mended(self.standing.questions, touched - {""})
        if came and "talks_of" in vars(last):
            made |= self._mend_turns(last, came)
        vars(self).update(made)

    def _mend_turns(self, last: View, came: Sequence[Came]) -> dict[str, object]:
        """What is made of turns alone, after some came."""
        turns, zone = self.known.turns, ZoneInfo(self.zone)
        talks, homes = (frozenset[str]().union(*(getattr(one, name) for one in came)) for name in ("talks", "homes"))
        near = pc.or_(
            pc.is_in(turns["relationship"], pa.array(sorted(homes - {""}), pa.string())),
            pc.is_in(turns["conversation_id"], pa.array(sorted(talks), pa.string())),
        )
        found = turns.filter(near).sort_by([("sent_at", "ascending"), ("position", "ascending")])
        ids = {turn_id for one in came for turn_id in one.turns["turn_id"].to_pylist()}
        theirs = found.filter(pc.is_in(found["turn_id"], pa.array(sorted(ids), pa.string())))
        said = theirs["sent_at"].filter(pc.invert(theirs["automatic"])).drop_null().to_pylist()
        sentences, findings = (
            pa.concat_tables([getattr(one, name) for one in came]) for name in ("sentences", "findings")
        )
        fresh = [turn_id for turn_id in ids if turn_id not in last.turn]
        return {
            "days": sorted({*last.days, *(moment.astimezone(zone).date() for moment in said)}),
            "unread": last.unread + count_unread(sentences),
            "turn": last.turn.mended(theirs, ids),
            "turns_of": last.turns_of.mended(found, homes - {""}),
            "turns_in": last.turns_in.mended(found, talks),
            "talks_of": last.talks_of.mended(list_talks(found, np.arange(found.num_rows)), homes - {""}),
            "sentences_of": last.sentences_of.mended(sentences, fresh),
            "findings_of": last.findings_of.mended(findings, fresh),
        }

    def having(self, close: Close) -> View:
        """The same view with another close; what was indexed stays so."""
        other = copy.copy(self)
        object.__setattr__(other, "close", close)
        return other

    def trust(self, relationship: str) -> RelationshipTrust:
        """One relationship's trust, as `Book.trust` gives it, but as of this view alone."""
        return self.trusts.find(relationship, lambda: self._trust(relationship))

    def _trust(self, relationship: str) -> RelationshipTrust:
        return RelationshipTrust(
            relationship,
            self.readings_of.rows(relationship),
            self.standing.now,
            self.model.within(self.segments.get(relationship, "")),
            zone=self.zone,
            turns=self.turns_of.rows(relationship),
            promises=self.promises_of.rows(relationship),
            questions=self.questions_of.rows(relationship),
            answers=self.answers_of.rows(relationship),
            lenses=self.lenses,
            watch=self.settings.trend,
        )

    def warm(self) -> None:
        """Make every index now, so that no visitor waits for one."""
        for name in ("by_name", "roll", "days", "unread", "turns_of", "turns_in", "turn", "sentences_of",
                     "findings_of", "readings_of", "promises_of", "questions_of", "promise", "decisions_of",
                     "history_of", "talks_of", "answers_of", "objections_of", "askings", "coded"):  # fmt: skip
            getattr(self, name)
        find_sparks(self, self.roll.names[:PAGE])  # the page that most people see


_OF_TURNS: Final = (
    "days", "unread", "turns_of", "turns_in", "turn", "sentences_of", "findings_of", "talks_of", "turns_listed",
    "findings_listed", "_by_time",
)  # fmt: skip
"""What a view makes of turns and of what was found in them alone."""


def make_view(book: Book, settings: Settings, *, last: View | None = None) -> View:
    """Everything that pages read of a book, as of now; what is as it was in the `last` view is taken over."""
    known = book.understand()
    standing = book.stock()
    relationships, close = book.relationships(), _close(book)
    view = View(
        made_at=dt.datetime.now(dt.UTC),
        close=close,
        day=close.day if close else None,
        morning=book.choose_day(),
        whose=book.whose,
        grounds=book.grounds,
        zone=book.zone,
        known=known,
        standing=standing,
        listed=book.list_promises(),
        decisions=book.decisions(),
        history=book.promise_history(),
        relationships=relationships,
        rows=relationships.to_pylist(),
        outcomes=book.outcomes(),
        answers=book.answers(),
        contacts=book.table("contacts"),
        figures=book.table("team_figures"),
        editions=book.table("worth_figures"),
        invitations=book.invitations.list(),
        model=book.model(),
        segments=book.segments(),
        lenses=book.lenses,
        settings=settings,
    )
    if last is not None:
        view.take_over(last)
    view.warm()
    return view


def _close(book: Book) -> Close | None:
    turns = book.understand().turns
    dated = pc.any(pc.and_(pc.is_valid(turns["sent_at"]), pc.invert(turns["automatic"]))).as_py()
    return book.review(keep=False) if dated else None
