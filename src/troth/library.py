"""The open book: a store joined with the stages of `pipeline`, as people use it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from troth.agents import AgentReport, check_book
from troth.answering import SurveyReport, screen_answers
from troth.book import Store
from troth.book.erase import drop_turns
from troth.contesting import Word, contest, list_objections
from troth.contesting import decide as decide_objection
from troth.deciding import (
    Story,
    choose_day,
    decide,
    note_states,
    revisions,
    tell_story,
    undo,
)
from troth.desk import MODEL_SETTING, Desk, clock
from troth.encoder import load_encoder
from troth.errors import InputError, SourceError
from troth.foretold import forecast_answers
from troth.forgetting import forget_again, write_anew
from troth.forgotten import read_forgotten
from troth.intake import ReadReport, add_to, read_into, take_turns
from troth.inviting import Invitations
from troth.leaving import Written, leave_book
from troth.lenses import LENSES, Lens
from troth.mapping import Mapping as LensMapping
from troth.mapping import judge_mapping
from troth.people import place_names, read_us
from troth.persons import place_for_keeping
from troth.pipeline import (
    Progress,
    Standing,
    Understood,
    check_text,
    close_books,
    score_relationships,
)
from troth.proving import Proof, close_days, prove, read_scored, say_scored
from troth.questions import find_questions
from troth.relationship import RelationshipTrust, parse_day
from troth.review import Close, DraftCheck, ScoredForecast, day_bounds, find_last_day
from troth.review.close import CIRCLES
from troth.roster import list_accounts, list_people, merge_people, split_person, suggest_people, undo_person
from troth.schema import PROMISES, QUESTIONS, empty
from troth.settings import Settings
from troth.sources import Rejected
from troth.sources.imap import read_address
from troth.sources.ours import KEPT
from troth.sources.shapes import Shape
from troth.surveys import read_answers
from troth.trust import Model, follow
from troth.watching import Take, Watch

if TYPE_CHECKING:
    from troth.begetting import Reciprocity
    from troth.swaying import Influence
    from troth.touching import TouchMap
    from troth.trying import Trials
    from troth.tuning import Tuning
    from troth.worthtold import Kind, Worth

_FIRST_CHAIN: Final = dt.timedelta(days=28)  # before the day under review, where no day was closed yet


class Book:
    """One firm's or one person's book. Use `troth.open`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._desk = Desk(store, settings)

    def __enter__(self) -> Self:
        """Use the book in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def twin(self) -> Book:
        """Another book over the same store that knows what this one knows; what either learns the other does not."""
        twin = Book(self._desk.store, self._desk.settings)
        twin._desk = self._desk.twin()
        return twin

    def close(self) -> None:
        """Hand the file back."""
        self.keep_mended()()
        self._desk.store.close()

    def read(
        self, source: str | Path, *, us: str | Iterable[str] | None = None, progress: Progress | None = None
    ) -> ReadReport:
        """Take an export into the book, one transaction a batch; reading the same export twice adds nothing.

        Surveys with questions of ours, alone or among the files of a folder, are taken as `read_survey` takes them.

        Args:
            source: a file or folder in any supported form, recognised by content.
            us: our addresses or domains, remembered in the book.
            progress: called with bytes read and bytes in all.

        Raises: SourceError when it is none of the forms; BookError when the store cannot serve.
        """
        if us is not None:
            stated = [us] if isinstance(us, str) else list(us)
            read_us(stated)  # refuses what cannot be before anything is written
            self._desk.store.set_setting("us", stated)
        report = read_into(self._desk.store, Path(source), progress=progress, local=self._desk.local())
        forget_again(self._desk.store, now=clock())
        self._desk.forget()
        return replace(report, answered=tuple(self._answer(path) for path in report.surveys))

    def _answer(self, survey: Path) -> SurveyReport | Rejected:
        """Take a survey that lay among exports; one that cannot be read stops nothing."""
        try:
            return self.read_survey(survey)
        except SourceError as error:
            return Rejected(position=survey.name, reason=str(error))

    def read_mailbox(self, address: str, password: str, *, progress: Progress | None = None) -> ReadReport:
        """Take the mails of imaps://user@host/FOLDER that are not in the book yet; nothing on the server changes."""
        from troth.mailboxes import read_mailbox  # noqa: PLC0415 - loads TLS

        report = read_mailbox(self._desk.store, read_address(address), password, progress=progress)
        self._desk.forget()
        return report

    def take(self, watch: Watch, name: str, *, us: Sequence[str] | None = None) -> Take | None:
        """Take one export of a watched folder; None where the book has it already."""
        return watch.take(name, self._desk.store, lambda path: self.read(path, us=us))

    def add(self, turns: object) -> int:
        """Take turns from anything that speaks Arrow, or a list of mappings; returns the rows added or changed.

        What was forgotten stays out.
        """
        taken, forgotten = take_turns(turns), read_forgotten(self._desk.store)
        written = add_to(self._desk.store, taken if forgotten is None else forgotten.screen(taken).turns)
        self._desk.forget()
        return int(written)

    def read_survey(self, source: str | Path, *, relationship: str | None = None) -> SurveyReport:
        """Take a survey export into the book; reading it again adds nothing.

        Args:
            source: an export of Qualtrics, SurveyMonkey or Typeform, a file our form saved, or a plain CSV.
            relationship: whose answers all of them are; by address, account or reference if not given.

        Raises: SourceError when it is none of these; InputError when there is no such relationship.
        """
        turns = self._desk.placed()
        read, who = self._desk.store.table("turns"), self._desk.who()
        if relationship is not None:
            homes = place_names([relationship.lower()], turns, us=who.us, circles=who.circles, known=who.known)
            if not homes:
                raise InputError(f"there is no relationship {relationship!r}. `troth relationships` lists them.")
            relationship = homes[relationship.lower()]
        reading = read_answers(
            source,
            place=lambda names: place_for_keeping(names, read, who),
            relationship=relationship,
            zone=self._desk.settings.zone,
            dates=self._desk.settings.dates,
            now=clock(),
        )
        reading = screen_answers(reading, read_forgotten(self._desk.store))
        with self._desk.store.transaction():
            written = self._desk.store.upsert("answers", reading.answers)
        self._desk.reanswer()
        return SurveyReport(source=str(source), reading=reading, added=written.added, changed=written.changed)

    def take_in(self, turn_ids: Collection[str], *, progress: Progress | None = None) -> bool:
        """Take up turns that were written to the store; whether all else of what is known of the book still holds."""
        return self._desk.take_in(turn_ids, progress=progress)

    def answers(self) -> pa.Table:
        """ANSWERS of every survey that was read."""
        return self._desk.follow("answers")

    def outcomes(self) -> pa.Table:
        """OUTCOMES: deals, renewals, invoices and tickets that were read."""
        return self._desk.follow("outcomes")

    def understand(self, *, progress: Progress | None = None) -> Understood:
        """Find sentences and signals in every turn that lacks them; kept in the book, batch by batch."""
        return self._desk.understand(progress=progress)

    def stock(self, now: dt.datetime | None = None, *, progress: Progress | None = None) -> Standing:
        """Promises, questions and readings as of `now` (the end of the last day with a turn, if not given)."""
        return self._desk.stock(now, progress=progress)

    def model(self) -> Model:
        """The constants of the trust filter: those learned from this book (`learn`), else the start values.

        Raises: SettingsError when the ones kept in the book were altered.
        """
        return self._desk.model()

    def segments(self) -> dict[str, str]:
        """The segment of each relationship, whose means `model` may hold: its circle."""
        return self._desk.segments()

    def forecast_answers(self) -> pa.Table:
        """Every answer with the forecast made of it from what was known before, and how well it did."""
        return forecast_answers(self.answers(), self.readings(), self.model(), segments=self.segments())

    def structure(
        self,
        *,
        folds: int = 5,
        shuffles: int = 1000,
        most_readings: int = 20_000,
        seed: int = 1,
        progress: Progress | None = None,
    ) -> LensMapping:
        """Does the mapping of facets to lenses earn its place here? The verdict, with every figure it rests on."""
        return judge_mapping(
            self.readings(),
            self.model(),
            folds=folds,
            shuffles=shuffles,
            most_readings=most_readings,
            seed=seed,
            progress=progress,
        )

    def keep_mended(self) -> Callable[[], None]:
        """What lays the latest decisions, worked out, beside a large book; to be called when there is time."""
        return self._desk.keep_mended()

    def drop_turns(self, turn_ids: Iterable[str]) -> dict[str, int]:
        """Take turns and all that rested on them out of the book; the rows that went, by table."""
        gone = drop_turns(self._desk.store, turn_ids)
        write_anew(self._desk.store)
        self._desk.forget()
        return gone

    def review(
        self,
        day: str | dt.date | None = None,
        *,
        circle: str | None = None,
        keep: bool = True,
        progress: Progress | None = None,
    ) -> Close:
        """Close the books of a day (the last one with a turn, if not given), for all circles or one.

        Args:
            day, circle: which.
            keep: whether what is seen is written down: the states of promises, and the days that are over, sealed, with
                the forecasts of them scored, which takes minutes in a large book. Else nothing is written.
            progress: called with what is done and what there is to do.

        Raises: InputError when the book holds no dated turn, the day is not a date or the circle not a circle.
        """
        known = self.understand(progress=progress)
        chosen = parse_day(day) if day is not None else self._desk.last_day()
        if circle is not None and circle not in CIRCLES:
            raise InputError(f"there is no circle {circle!r}; the circles are {', '.join(CIRCLES)}.")
        evening = day_bounds(chosen, self._desk.settings.zone)[1]
        if keep:
            note_states(self._desk.store, self.stock(evening), clock=clock())
        stock = self.stock(evening)
        close = close_books(
            known,
            stock,
            chosen,
            zone=self._desk.settings.zone,
            circles=CIRCLES if circle is None else (circle,),
            model=self.model(),
            watch=self._desk.settings.trend,
            trends=self._desk.trends(stock, self._desk.settings.trend.days),
            falls=self._desk.falls(stock),
        )
        scored = self._score_forecast(known, chosen, progress) if keep else read_scored(self._desk.store, chosen)
        return replace(close, forecast=scored, proof=say_scored(scored, chosen))

    def proof(self, *, now: dt.datetime | None = None, progress: Progress | None = None) -> Proof:
        """Close every day that is over, score what was forecast of it, and compare closed days with the book.

        Args:
            now: the time to write down as that of closing; this machine's if not given.
            progress: called with days done and days in all.
        """
        if self._desk.proof is None or now is not None:
            self._desk.proof = prove(
                self._desk.store,
                self._desk.sources(),
                constants=self._desk.constants(),
                segments=self.segments(),
                how=self._desk.how(now),
                progress=progress,
            )
        return self._desk.proof

    def _score_forecast(self, known: Understood, day: dt.date, progress: Progress | None) -> ScoredForecast | None:
        """How the last forecast did. The days up to the last one with a turn are closed on the way.

        A throw-away book keeps no forecasts, and closes none on the side. The first review begins four weeks back:
        `proof` closes a longer history where nothing is closed yet.
        """
        if self._desk.store.path == ":memory:":
            return None if self._desk.proof is None else self._desk.proof.find(day)
        if day == find_last_day(known.turns, self.zone, clock=clock()):
            evening = day_bounds(day, self.zone)[1]
            closed = close_days(
                self._desk.store,
                replace(self._desk.sources(), standing=self.stock(evening)),
                since=(day - _FIRST_CHAIN).isoformat(),
                last=evening,
                constants=self._desk.constants(),
                segments=self.segments(),
                how=self._desk.how(),
                progress=progress,
            )
            if closed:
                self._desk.proof = None
        return read_scored(self._desk.store, day)

    def turns(self) -> pa.Table:
        """TURNS, placed."""
        return self._desk.placed()

    def people(self) -> pa.Table:
        """PERSONS: who is who over all channels, with their addresses and handles, account, circle, side and turns."""
        return list_people(self._desk.placed(), self._desk.who())

    def accounts(self) -> pa.Table:
        """One row per customer account: its name, who looks after it, its segment, its people and turns."""
        return list_accounts(self._desk.placed(), self._desk.who())

    def suggest_people(self, *, least: float = 0.5) -> pa.Table:
        """Pairs that may be one person, with a probability from `least` on and the reasons; nothing is joined."""
        return suggest_people(self._desk.placed(), self._desk.who(), least=least)

    def merge_people(
        self, first: str, second: str, *, note: str | None = None, by: str | None = None
    ) -> dict[str, Any]:
        """Decide that two are one person, from the address, handle, phone or name of each; the row of the decision.

        Raises: InputError when nobody or several are meant, or both are one person already.
        """
        who, turns = self._desk.who(), self._desk.placed()
        row = merge_people(self._desk.store, who, turns, first, second, by=by or self.whose, note=note, clock=clock())
        self._desk.forget()
        return row

    def split_person(self, who: str, *beside: str, note: str | None = None, by: str | None = None) -> dict[str, Any]:
        """Decide that a name, with those `beside` it, is not the same person's as the others; the row of the decision.

        Raises: InputError when nobody or several are meant, or there is nothing to part.
        """
        row = split_person(
            self._desk.store,
            self._desk.who(),
            self._desk.placed(),
            who,
            beside,
            by=by or self.whose,
            note=note,
            clock=clock(),
        )
        self._desk.forget()
        return row

    def undo_person(
        self, decision: str | None = None, *, note: str | None = None, by: str | None = None
    ) -> dict[str, Any]:
        """Take the latest decision of who is who back, or the one of this id; the row that was undone.

        Raises: InputError when there is none, or a later one speaks of the same names.
        """
        row = undo_person(self._desk.store, self._desk.who(), decision, by=by or self.whose, note=note, clock=clock())
        self._desk.forget()
        return row

    def person_decisions(self) -> pa.Table:
        """PERSON_DECISIONS: what people said of who is who, all of it, in order of time."""
        return self._desk.store.table("person_decisions").sort_by([("at", "ascending"), ("decision_id", "ascending")])

    def promises(self, *, now: dt.datetime | None = None) -> pa.Table:
        """PROMISES as of `now`."""
        return self.stock(now).promises

    def list_promises(self, day: str | dt.date | None = None) -> pa.Table:
        """The promises of a morning, LISTED (see `troth.promises.listing`); notes in the book what changed.

        Args:
            day: whose evening counts; today while the book is in use, else the last day with a turn.
        """
        chosen = self.choose_day(day)
        stock = self.stock(day_bounds(chosen, self.zone)[1])
        note_states(self._desk.store, stock, clock=clock())
        return self._desk.list_promises(stock, chosen)

    def choose_day(self, day: str | dt.date | None = None) -> dt.date:
        """The day named; else today, while the last turn is at most a week old; else the day of the last turn."""
        return choose_day(self.understand().turns, self.zone, clock=clock()) if day is None else parse_day(day)

    def decide_promise(
        self,
        promise: str,
        state: str | None = None,
        *,
        note: str | None = None,
        by: str | None = None,
        day: str | dt.date | None = None,
    ) -> dict[str, Any]:
        """Say what is true of a promise; it counts more than the machine, now and after every new reading.

        Args:
            promise: its id, or a beginning that no other has.
            state: kept, late, broken, withdrawn, or contested (no promise at all); None says yes to the machine.
            note: why, kept for people and for learning.
            by: who says so; the book's owner if not given.
            day: as of which evening the promise was looked at; as in `list_promises`.

        Returns: the row of PROMISES as decided.
        Raises: InputError when no single promise is meant or the state cannot be given; the book is then as it was.
        """
        stock = self._stock_of(day)
        evening = min(self._desk.last_evening(), stock.now)
        by = by or self.whose
        row = decide(self._desk.store, stock, promise, state, by=by, note=note, clock=clock(), evening=evening)
        self._note_anew(day, row["turn_id"])
        return row

    def undo_promise(
        self,
        promise: str,
        *,
        note: str | None = None,
        by: str | None = None,
        day: str | dt.date | None = None,
    ) -> dict[str, Any] | None:
        """Take a decision back, so that the machine's reading counts again; None where it finds no promise there."""
        stock = self._stock_of(day)
        undone = undo(self._desk.store, stock, promise, by=by or self.whose, note=note, clock=clock())
        self._note_anew(day, undone["turn_id"])
        promises = self._stock_of(day).promises
        rows = promises.filter(pc.equal(promises["promise_id"], undone["promise_id"])).to_pylist()
        return rows[0] if rows else None

    def contest_finding(
        self, turn_id: str, of: str, *, start: int | None = None, note: str | None = None, by: str | None = None
    ) -> dict[str, Any]:
        """Contest a signal found in a turn, or its reading on a facet: it is out until decided; see `contesting`."""
        known, readings, word = self.understand(), self.stock().all_readings, self._word(by, note)
        row = contest(self._desk.store, known, readings, turn_id, of, start=start, word=word)
        self._desk.leave_out()
        return row

    def decide_finding(
        self, objection: str, state: str, *, note: str | None = None, by: str | None = None
    ) -> dict[str, Any]:
        """Say that an objection is upheld (the reading stays out) or rejected (it counts); the row of OBJECTIONS."""
        row = decide_objection(self._desk.store, objection, state, word=self._word(by, note))
        self._desk.leave_out()
        return row

    def undo_finding(self, objection: str, *, note: str | None = None, by: str | None = None) -> dict[str, Any]:
        """Take an objection back, as if it had never been made; all that was said of it is kept."""
        return self.decide_finding(objection, "undone", note=note, by=by)

    def objections(self) -> pa.Table:
        """OBJECTIONS: the last word on everything that was contested."""
        return list_objections(self._desk.store)

    def _word(self, by: str | None, note: str | None) -> Word:
        return Word(by=by or self.whose, at=clock(), note=note)

    def explain_promise(self, promise: str, *, day: str | dt.date | None = None) -> Story:
        """The story of one promise: its sentence in context, its due time, the evidence and what it went through."""
        listed, evening = self.list_promises(day), self._stock_of(day).now
        return tell_story(self._desk.store, self.understand(), listed, promise, evening=evening)

    def promise_calendar(self, day: str | dt.date | None = None, *, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """Rows of `list_promises` as an iCalendar file; the same promise keeps its UID from export to export."""
        from troth.promises.ics import make_calendar  # noqa: PLC0415  # a quarter of a second that few need

        chosen = self.choose_day(day)
        return make_calendar(rows, day=chosen, zone=self.zone, revisions=revisions(self._desk.store))

    def decisions(self) -> pa.Table:
        """DECISIONS: what people said of promises, all of it."""
        return self._desk.store.table("decisions")

    def promise_history(self) -> pa.Table:
        """PROMISE_HISTORY: the states that promises have been in."""
        return self._desk.store.table("promise_history")

    def questions(self, *, now: dt.datetime | None = None, side: str = "them") -> pa.Table:
        """QUESTIONS as of `now`."""
        stock, known = self.stock(now), self.understand()
        if side == "them":
            return stock.questions
        return find_questions(known.turns, known.sentences, known.findings, now=stock.now, side=side)

    def check_agents(self, relationship: str | None = None, conversation: str | None = None) -> AgentReport:
        """What our AI agents said that they did or would do, beside the tool calls in their logs.

        Raises: InputError when there is no such relationship, or no agent speaks in it or in that conversation.
        """
        turns = self._desk.placed()
        name = None if relationship is None else self.find_relationship(relationship)
        return check_book(turns, self._desk.store.table("calls"), relationship=name, conversation=conversation)

    def touchpoints(self, customer: str | None = None, *, now: dt.datetime | None = None) -> TouchMap:
        """Where customers, or one of them, meet us: what each touch point shows, and where it does not join up."""
        from troth.touching import map_touchpoints  # noqa: PLC0415  # grammars that nothing else here needs

        return map_touchpoints(
            self.understand(), self.stock(now), self.model(), settings=self._desk.settings,
            outcomes=self.outcomes(), relationship=customer and self.find_relationship(customer),
        )  # fmt: skip

    def worth(self, kind: Kind = "deal", *, now: dt.datetime | None = None) -> Worth:
        """What goes with trust: how likely deals or renewals are won, how soon, and money; see `troth.worthing`."""
        from troth.worthing import gather_evidence, measure_worth  # noqa: PLC0415  # scipy that nothing else here needs

        stock, steps = self.stock(now), self._desk.store.table("outcome_steps")
        return measure_worth(
            gather_evidence(
                outcomes=self.outcomes(), steps=steps, turns=self.turns(), readings=stock.readings, as_of=stock.now,
                model=self.model(), segments=self.segments(),
            ),
            kind=kind,
        )  # fmt: skip

    def reciprocity(self, *, now: dt.datetime | None = None) -> Reciprocity:
        """Whether open acts go with open acts, both ways, and the team's weeks with customers'; `troth.begetting`."""
        from troth.begetting import measure_reciprocity  # noqa: PLC0415  # scipy that nothing else here needs

        return measure_reciprocity(
            self.understand(), self.readings(now=now), main=self._desk.who().known.main, model=self.model(),
            segments=self.segments(), until=self.stock(now).now,
        )  # fmt: skip

    def influence(self, *, now: dt.datetime | None = None) -> Influence:
        """How often requests, offers and recommendations of ours are taken up by customers; see `troth.swaying`."""
        from troth.swaying import measure_influence  # noqa: PLC0415  # scipy that nothing else here needs

        stock = self.stock(now)
        return measure_influence(
            self.understand(), stock.readings, stock.promises, now=stock.now, model=self.model(),
            segments=self.segments(),
        )  # fmt: skip

    @property
    def invitations(self) -> Invitations:
        """Surveys sent by link, and the answers that come by it; see `troth.inviting`."""
        return Invitations(self._desk)

    @property
    def trials(self) -> Trials:
        """Practices to try, drawn by lot among accounts, and what came of them; see `troth.trying`."""
        from troth.trying import Trials  # noqa: PLC0415  # scipy that nothing else here needs

        return Trials(self._desk, lambda: self.whose)

    def readings(self, *, now: dt.datetime | None = None) -> pa.Table:
        """READINGS as of `now`."""
        return self.stock(now).readings

    def scores(
        self,
        *,
        lens: str | Lens | Sequence[Lens] = "equation",
        of: str | None = None,
        now: dt.datetime | None = None,
    ) -> pa.Table:
        """SCORES on one lens or several, of every relationship or the one named, at `now`."""
        stock = self.stock(now)
        readings = stock.readings
        if of is not None:
            readings = readings.filter(pc.equal(readings["relationship"], self.find_relationship(of)))
        return score_relationships(
            readings, stock.now, lenses=self._choose_lenses(lens), model=self.model(), segments=self.segments()
        )

    @property
    def lenses(self) -> Mapping[str, Lens]:
        """Every lens by name: the ones that come with troth, and your own from troth.toml."""
        return {**LENSES, **self._desk.settings.lenses()}

    def relationships(self, *, now: dt.datetime | None = None, over: int | None = None) -> pa.Table:
        """One row per relationship: circle, turns, last contact, SHOWN and HELD with bands and trends, what is open.

        `over`: days that the trend looks back, 28 if troth.toml says nothing else.
        """
        return self._desk.relationships(self.stock(now), over=over)

    def trust(self, relationship: str) -> RelationshipTrust:
        """One relationship: its path, what changed, what moved it, and pictures of these.

        Raises: InputError naming those that exist when there is none of this name.
        """
        stock, known = self.stock(), self.understand()
        name = self.find_relationship(relationship)

        def readings_at(moment: dt.datetime) -> pa.Table:
            readings = self.stock(moment).readings
            return readings.filter(pc.equal(readings["relationship"], name))

        return RelationshipTrust(
            name,
            stock.readings.filter(pc.equal(stock.readings["relationship"], name)),
            stock.now,
            self.model().within(self.segments().get(name, "")),
            zone=self.zone,
            turns=known.turns.filter(pc.equal(known.turns["relationship"], name)),
            promises=stock.promises.filter(pc.equal(stock.promises["relationship"], name)),
            questions=stock.questions.filter(pc.equal(stock.questions["relationship"], name)),
            answers=self.answers().filter(pc.equal(self.answers()["relationship"], name)),
            lenses=self.lenses,
            watch=self._desk.settings.trend,
            readings_at=readings_at,
        )

    def learn(self, *, seed: int = 0, progress: Progress | None = None) -> Tuning:
        """Learn the constants of the trust filter from this book, and keep them where they foretell at least as well.

        A later learning takes the place of an earlier one, also where it finds that the start values hold. Stopped
        half-way, nothing changes.
        """
        from troth.tuning import tune  # noqa: PLC0415 - loads an optimiser that nothing else needs

        tuning = tune(self.readings(), self.segments(), day=clock().date(), seed=seed, progress=progress)
        self._desk.store.set_setting(MODEL_SETTING, tuning.kept)
        return tuning

    def forget_learned(self) -> bool:
        """Go back to the start values; whether there was something to forget."""
        was_there = self._desk.store.settings(MODEL_SETTING) is not None
        self._desk.store.set_setting(MODEL_SETTING, None)
        return was_there

    def _choose_lenses(self, lens: str | Lens | Sequence[Lens]) -> Sequence[Lens]:
        if isinstance(lens, Lens):
            return (lens,)
        if isinstance(lens, str):
            if lens not in self.lenses:
                raise InputError(f"there is no lens {lens!r}; there are {', '.join(self.lenses)}.")
            return (self.lenses[lens],)
        return lens

    def find_relationship(self, name: str) -> str:
        """The relationship meant by a name: its id, or the only one that contains it.

        Raises: InputError when none or several are meant.
        """
        known = sorted(set(self.turns()["relationship"].drop_null().to_pylist()))
        wanted = name.casefold()
        meant = [who for who in known if who.casefold() == wanted] or [who for who in known if wanted in who.casefold()]
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise InputError(f"{name!r} could be {', '.join(meant[:8])}. Write more of the name.")
        listed = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        raise InputError(f"there is no relationship {name!r}. There are: {listed or 'none yet; read a mailbox first'}.")

    def explain(self, relationship: str, facet: str, day: str | dt.date | None = None) -> list[dict[str, Any]]:
        """The ledger of a score with the sentences: what moved it, by how much, in standard deviations."""
        return self.trust(relationship).explain(day, of=facet).to_pylist()

    def days(self, since: str | dt.date) -> list[dt.date]:
        """The local days, from this one on, on which somebody wrote."""
        here, first = ZoneInfo(self.zone), parse_day(since)
        turns = self.understand().turns
        said = turns["sent_at"].filter(pc.invert(turns["automatic"])).drop_null().to_pylist()
        return sorted({day for moment in said if (day := moment.astimezone(here).date()) >= first})

    def check(self, text: str, *, to: str | None = None, now: dt.datetime | None = None) -> DraftCheck:
        """Check a draft against what the heads know, the calendar, and what this relationship left open."""
        moment = now or (self._desk.last_evening() if to is not None else clock())
        questions, pledged = empty(QUESTIONS), empty(PROMISES)
        if to is not None:
            name, stock = self.find_relationship(to), self.stock(now)
            questions = stock.questions.filter(pc.equal(stock.questions["relationship"], name))
            pledged = stock.promises.filter(pc.equal(stock.promises["relationship"], name))
        return check_text(
            text, load_encoder(), calendar=self._desk.calendar(), now=moment, questions=questions, pledged=pledged
        )

    def table(self, name: str) -> pa.Table:
        """Any table of DESIGN by its name: turns, sentences, findings, promises, questions, answers, readings, ...

        Raises: InputError for another name.
        """
        makers: Mapping[str, Callable[[], pa.Table]] = {
            "turns": self.turns,
            "sentences": lambda: self.understand().sentences,
            "findings": lambda: self.understand().findings,
            "promises": self.promises,
            "decisions": self.decisions,
            "objections": lambda: self._desk.store.table("objections"),
            "promise_history": self.promise_history,
            "questions": self.questions,
            "answers": self.answers,
            "outcomes": self.outcomes,
            "contacts": lambda: self._desk.store.table("contacts"),
            "people": self.people,
            "accounts": self.accounts,
            "person_decisions": self.person_decisions,
            "readings": self.readings,
            "trust": lambda: follow(self.readings(), self.model(), segments=self.segments()),
            "scores": lambda: self.scores(lens=list(self.lenses.values())),
            "relationships": self.relationships,
        }
        if name in makers:
            return makers[name]()
        if name not in KEPT:
            raise InputError(f"there is no table {name!r}; there are {', '.join(dict.fromkeys([*makers, *KEPT]))}.")
        return self._desk.store.table(name)

    def leave(
        self, folder: str | Path, *, shape: Shape = "parquet", bare: bool = False, progress: Progress | None = None
    ) -> Written:
        """Write the whole book into a new folder, to be read by other programs or back by `read`, without loss.

        Args:
            folder: absent or empty.
            shape: parquet, jsonl or csv, of every table.
            bare: leave out what can be worked out anew.
            progress: called with tables done and tables in all.

        Raises: InputError when the folder is not empty or cannot be written.
        """
        return leave_book(self._desk.store, self.table, Path(folder), shape=shape, bare=bare, progress=progress)

    @property
    def whose(self) -> str:
        """Whose book this is, in words."""
        us = self._desk.us()
        return ", ".join(sorted(us.addresses or us.domains)) or "us"

    @property
    def store(self) -> Store:
        """Where the book is kept. Whoever writes to it opens the book anew: what is known of it is not told."""
        return self._desk.store

    @property
    def settings(self) -> Settings:
        """What the owner stated."""
        return self._desk.settings

    @property
    def grounds(self) -> str:
        """Why we are taken to be us, where that was guessed; else empty."""
        return self._desk.grounds

    @property
    def zone(self) -> str:
        """The zone whose midnight closes the books."""
        return self._desk.zone

    def _stock_of(self, day: str | dt.date | None) -> Standing:
        """The standing that a list of that day shows."""
        return self.stock(day_bounds(self.choose_day(day), self.zone)[1])

    def _note_anew(self, day: str | dt.date | None, turn_id: str) -> None:
        """After a decision on a promise of this turn its relationship stands otherwise; what changed is noted."""
        self._desk.redecide([turn_id])
        note_states(self._desk.store, self._stock_of(day), clock=clock())
