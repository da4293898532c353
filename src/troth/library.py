"""The open book: a store joined with the stages of `pipeline`, as people use it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from troth.agents import AgentReport, check_book
from troth.asof import Sources
from troth.book import Store
from troth.book.erase import drop_turns
from troth.deciding import (
    Story,
    choose_day,
    decide,
    list_morning,
    note_states,
    revisions,
    tell_story,
    undo,
)
from troth.encoder import encoder_id, load_encoder
from troth.errors import InputError
from troth.foretold import forecast_answers
from troth.intake import ReadReport, add_to, read_into, take_turns
from troth.leaving import Written, leave_book
from troth.lenses import LENSES, Lens
from troth.mapping import Mapping as LensMapping
from troth.mapping import judge_mapping
from troth.overview import tabulate_relationships
from troth.people import Us, guess_us, place_names, read_us
from troth.persons import (
    Who,
    follow_people,
    know_people,
    list_accounts,
    list_people,
    merge_people,
    place_all,
    place_for_keeping,
    refresh_decided,
    split_person,
    suggest_people,
    undo_person,
)
from troth.pipeline import (
    Progress,
    Standing,
    Understood,
    check_text,
    close_books,
    find_open_hours,
    find_segments,
    score_relationships,
    take_stock,
    understand_turns,
)
from troth.promises import Calendar, find_versions
from troth.proving import Constants, How, Proof, close_days, prove, read_line
from troth.questions import find_questions
from troth.readings import load_reference
from troth.relationship import RelationshipTrust, parse_day
from troth.review import Close, DraftCheck, day_bounds, find_last_day
from troth.review.close import CIRCLES
from troth.schema import FINDINGS, PROMISES, QUESTIONS, SENTENCES, empty
from troth.settings import Settings
from troth.sources import Local
from troth.sources.imap import read_address
from troth.sources.ours import KEPT
from troth.sources.shapes import Shape
from troth.surveys import SurveyReading, read_answers
from troth.trust import DEFAULT_MODEL, Model, follow, read_model
from troth.watching import Take, Watch

if TYPE_CHECKING:
    from troth.touching import TouchMap
    from troth.tuning import Tuning

MODEL_SETTING: Final = "trust_model"
"""The setting of a book that holds its learned constants."""
_FIRST_CHAIN: Final = dt.timedelta(days=28)  # before the day under review, where no day was closed yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """What one survey export gave."""

    source: str
    reading: SurveyReading
    added: int  # answers that were not in the book
    changed: int  # were in it with another value; the later version won


@dataclass(slots=True)
class _Stock:
    """What was last understood, kept while the book does not change."""

    known: Understood | None = None
    us: Us | None = None
    grounds: str = ""
    standings: dict[dt.datetime, Standing] = field(default_factory=dict[dt.datetime, Standing])
    proof: Proof | None = None
    found: pa.Table | None = None
    who: Who | None = None
    followed: dict[str, pa.Table] = field(default_factory=dict[str, pa.Table])


class Book:
    """One firm's or one person's book. Use `troth.open`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings, self._stock = store, settings, _Stock()

    def __enter__(self) -> Self:
        """Use the book in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Hand the file back."""
        self._store.close()

    def read(
        self, source: str | Path, *, us: str | Iterable[str] | None = None, progress: Progress | None = None
    ) -> ReadReport:
        """Take an export into the book, one transaction a batch; reading the same export twice adds nothing.

        Args:
            source: a file or folder in any supported form, recognised by content.
            us: our addresses or domains, remembered in the book.
            progress: called with bytes read and bytes in all.

        Raises: SourceError when it is none of the forms; BookError when the store cannot serve.
        """
        if us is not None:
            stated = [us] if isinstance(us, str) else list(us)
            read_us(stated)  # refuses what cannot be before anything is written
            self._store.set_setting("us", stated)
        report = read_into(self._store, Path(source), progress=progress, local=self._local())
        self._stock = _Stock()
        return report

    def read_mailbox(self, address: str, password: str, *, progress: Progress | None = None) -> ReadReport:
        """Take the mails of imaps://user@host/FOLDER that are not in the book yet; nothing on the server changes."""
        from troth.mailboxes import read_mailbox  # noqa: PLC0415 - loads TLS

        report = read_mailbox(self._store, read_address(address), password, progress=progress)
        self._stock = _Stock()
        return report

    def take(self, watch: Watch, name: str, *, us: Sequence[str] | None = None) -> Take | None:
        """Take one export of a watched folder; None where the book has it already."""
        return watch.take(name, self._store, lambda path: self.read(path, us=us))

    def add(self, turns: object) -> int:
        """Take turns from anything that speaks Arrow, or a list of mappings; returns the rows added or changed."""
        written = add_to(self._store, take_turns(turns))
        self._stock = _Stock()
        return int(written)

    def read_survey(self, source: str | Path, *, relationship: str | None = None) -> SurveyReport:
        """Take a survey export into the book; reading it again adds nothing.

        Args:
            source: an export of Qualtrics, SurveyMonkey or Typeform, a file our form saved, or a plain CSV.
            relationship: whose answers all of them are; by address, account or reference if not given.

        Raises: SourceError when it is none of these; InputError when there is no such relationship.
        """
        turns = self._placed()
        read, who = self._store.table("turns"), self._who()
        if relationship is not None:
            homes = place_names([relationship.lower()], turns, us=who.us, circles=who.circles, known=who.known)
            if not homes:
                raise InputError(f"there is no relationship {relationship!r}. `troth relationships` lists them.")
            relationship = homes[relationship.lower()]
        reading = read_answers(
            source,
            place=lambda names: place_for_keeping(names, read, who),
            relationship=relationship,
            zone=self._settings.zone,
            dates=self._settings.dates,
            now=_now(),
        )
        with self._store.transaction():
            written = self._store.upsert("answers", reading.answers)
        self._stock.followed.clear()
        self._stock.standings.clear()
        self._stock.proof = None
        return SurveyReport(source=str(source), reading=reading, added=written.added, changed=written.changed)

    def answers(self) -> pa.Table:
        """ANSWERS of every survey that was read."""
        return self._follow("answers")

    def outcomes(self) -> pa.Table:
        """OUTCOMES: deals, renewals, invoices and tickets that were read."""
        return self._follow("outcomes")

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

    def drop_turns(self, turn_ids: Iterable[str]) -> dict[str, int]:
        """Take turns and all that rested on them out of the book; the rows that went, by table."""
        gone = drop_turns(self._store, turn_ids)
        self._stock = _Stock()
        return gone

    def understand(self, *, progress: Progress | None = None) -> Understood:
        """Find sentences and signals in every turn that lacks them; kept in the book, batch by batch."""
        if self._stock.known is not None:
            return self._stock.known
        turns = self._placed()
        self._drop_other_encoders()
        done = set(self._store.table("sentences", columns=["turn_id"])["turn_id"].unique().to_pylist())
        fresh = turns.filter(pc.invert(pc.is_in(turns["turn_id"], pa.array(sorted(done), pa.string()))))
        if fresh.num_rows:
            for sentences, findings in understand_turns(fresh, load_encoder(), progress=progress):
                with self._store.transaction():
                    self._store.upsert("sentences", sentences)
                    self._store.upsert("findings", findings)
        self._stock.known = Understood(
            turns=turns, sentences=self._store.table("sentences"), findings=self._store.table("findings")
        )
        return self._stock.known

    def stock(self, now: dt.datetime | None = None, *, progress: Progress | None = None) -> Standing:
        """Promises, questions and readings as of `now` (the end of the last day with a turn, if not given)."""
        known = self.understand(progress=progress)
        moment = now or self._last_evening(known)
        if moment not in self._stock.standings:
            self._stock.standings[moment] = take_stock(
                known,
                reference=load_reference(encoder_id()),
                calendar=self._calendar(),
                now=moment,
                decided=self._decided(),
                answers=self.answers(),
                outcomes=self.outcomes(),
                found=self._found(),
            )
        return self._stock.standings[moment]

    def review(
        self, day: str | dt.date | None = None, *, circle: str | None = None, progress: Progress | None = None
    ) -> Close:
        """Close the books of a day (the last one with a turn, if not given), for all circles or one.

        Raises: InputError when the book holds no dated turn, the day is not a date or the circle not a circle.
        """
        known = self.understand(progress=progress)
        chosen = parse_day(day) if day is not None else self._last_day(known)
        if circle is not None and circle not in CIRCLES:
            raise InputError(f"there is no circle {circle!r}; the circles are {', '.join(CIRCLES)}.")
        evening = day_bounds(chosen, self._settings.zone)[1]
        note_states(self._store, self.stock(evening), clock=_now())
        close = close_books(
            known,
            self.stock(evening),
            chosen,
            zone=self._settings.zone,
            circles=CIRCLES if circle is None else (circle,),
            model=self.model(),
            watch=self._settings.trend,
        )
        return replace(close, proof=self._say_proof(known, chosen, progress))

    def proof(self, *, now: dt.datetime | None = None, progress: Progress | None = None) -> Proof:
        """Close every day that is over, score what was forecast of it, and compare closed days with the book.

        Args:
            now: the time to write down as that of closing; this machine's if not given.
            progress: called with days done and days in all.
        """
        if self._stock.proof is None or now is not None:
            self._stock.proof = prove(
                self._store,
                self._sources(),
                constants=self._constants(),
                segments=self.segments(),
                how=How(zone=self.zone, encoder=encoder_id(), clock=_now if now is None else lambda: now),
                progress=progress,
            )
        return self._stock.proof

    def _say_proof(self, known: Understood, day: dt.date, progress: Progress | None) -> str:
        """How the last forecast did. The days up to the last one with a turn are closed on the way.

        A throw-away book keeps no forecasts, and closes none on the side. The first review begins four weeks back:
        `proof` closes a longer history where nothing is closed yet.
        """
        if self._store.path == ":memory:":
            return "" if self._stock.proof is None else self._stock.proof.say(day)
        if day == find_last_day(known.turns, self.zone):
            evening = day_bounds(day, self.zone)[1]
            closed = close_days(
                self._store,
                replace(self._sources(), standing=self.stock(evening)),
                since=(day - _FIRST_CHAIN).isoformat(),
                last=evening,
                constants=self._constants(),
                segments=self.segments(),
                how=How(zone=self.zone, encoder=encoder_id(), clock=_now),
                progress=progress,
            )
            if closed:
                self._stock.proof = None
        return read_line(self._store, day)

    def _constants(self) -> Constants:
        kept = self._store.settings(MODEL_SETTING)
        since = None if kept is None else day_bounds(read_model(kept).provenance.learned_on, self.zone)[1]
        return Constants(model=self.model(), since=since)

    def _sources(self) -> Sources:
        known = self.understand()
        return Sources(
            known=known,
            answers=self.answers(),
            decided=self._decided(),
            decisions=self._store.table("decisions"),
            reference=load_reference(encoder_id()),
            calendar=self._calendar(),
            hours=find_open_hours(known.turns, self._calendar(), max(_now(), self._last_evening(known))),
            outcomes=self.outcomes(),
            found=self._found(),
        )

    def _found(self) -> pa.Table:
        """FOUND: promises as they are found in the turns, evening by evening, before anything settles them."""
        if self._stock.found is None:
            known = self.understand()
            self._stock.found = find_versions(known.turns, known.sentences, known.findings, calendar=self._calendar())
        return self._stock.found

    def turns(self) -> pa.Table:
        """TURNS, placed."""
        return self._placed()

    def people(self) -> pa.Table:
        """PERSONS: who is who over all channels, with their addresses and handles, account, circle, side and turns."""
        return list_people(self._placed(), self._who())

    def accounts(self) -> pa.Table:
        """One row per customer account: its name, who looks after it, its segment, its people and turns."""
        return list_accounts(self._placed(), self._who())

    def suggest_people(self, *, least: float = 0.5) -> pa.Table:
        """Pairs that may be one person, with a probability from `least` on and the reasons; nothing is joined."""
        return suggest_people(self._placed(), self._who(), least=least)

    def merge_people(
        self, first: str, second: str, *, note: str | None = None, by: str | None = None
    ) -> dict[str, Any]:
        """Decide that two are one person, from the address, handle, phone or name of each; the row of the decision.

        Raises: InputError when nobody or several are meant, or both are one person already.
        """
        who, turns = self._who(), self._placed()
        row = merge_people(self._store, who, turns, first, second, by=by or self.whose, note=note, clock=_now())
        self._stock = _Stock()
        return row

    def split_person(self, who: str, *beside: str, note: str | None = None, by: str | None = None) -> dict[str, Any]:
        """Decide that a name, with those `beside` it, is not the same person's as the others; the row of the decision.

        Raises: InputError when nobody or several are meant, or there is nothing to part.
        """
        row = split_person(
            self._store, self._who(), self._placed(), who, beside, by=by or self.whose, note=note, clock=_now()
        )
        self._stock = _Stock()
        return row

    def undo_person(
        self, decision: str | None = None, *, note: str | None = None, by: str | None = None
    ) -> dict[str, Any]:
        """Take the latest decision of who is who back, or the one of this id; the row that was undone.

        Raises: InputError when there is none, or a later one speaks of the same names.
        """
        row = undo_person(self._store, self._who(), decision, by=by or self.whose, note=note, clock=_now())
        self._stock = _Stock()
        return row

    def person_decisions(self) -> pa.Table:
        """PERSON_DECISIONS: what people said of who is who, all of it, in order of time."""
        return self._store.table("person_decisions").sort_by([("at", "ascending"), ("decision_id", "ascending")])

    def promises(self, *, now: dt.datetime | None = None) -> pa.Table:
        """PROMISES as of `now`."""
        return self.stock(now).promises

    def list_promises(self, day: str | dt.date | None = None) -> pa.Table:
        """The promises of a morning, LISTED (see `troth.promises.listing`); notes in the book what changed.

        Args:
            day: whose evening counts; today while the book is in use, else the last day with a turn.
        """
        known = self.understand()
        chosen = self.choose_day(day)
        stock = self.stock(day_bounds(chosen, self.zone)[1])
        note_states(self._store, stock, clock=_now())
        return list_morning(self._store, known, stock, chosen, calendar=self._calendar())

    def choose_day(self, day: str | dt.date | None = None) -> dt.date:
        """The day named; else today, while the last turn is at most a week old; else the day of the last turn."""
        return choose_day(self.understand().turns, self.zone, clock=_now()) if day is None else parse_day(day)

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
        stock, clock = self._stock_of(day), _now()
        evening = min(self._last_evening(self.understand()), stock.now)
        by = by or self.whose
        row = decide(self._store, stock, promise, state, by=by, note=note, clock=clock, evening=evening)
        self._note_anew(day)
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
        undone = undo(self._store, stock, promise, by=by or self.whose, note=note, clock=_now())
        self._note_anew(day)
        promises = self._stock_of(day).promises
        rows = promises.filter(pc.equal(promises["promise_id"], undone)).to_pylist()
        return rows[0] if rows else None

    def explain_promise(self, promise: str, *, day: str | dt.date | None = None) -> Story:
        """The story of one promise: its sentence in context, its due time, the evidence and what it went through."""
        listed, evening = self.list_promises(day), self._stock_of(day).now
        return tell_story(self._store, self.understand(), listed, promise, evening=evening)

    def promise_calendar(self, day: str | dt.date | None = None, *, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """Rows of `list_promises` as an iCalendar file; the same promise keeps its UID from export to export."""
        from troth.promises.ics import make_calendar  # noqa: PLC0415  # a quarter of a second that few need

        chosen = self.choose_day(day)
        return make_calendar(rows, day=chosen, zone=self.zone, revisions=revisions(self._store))

    def decisions(self) -> pa.Table:
        """DECISIONS: what people said of promises, all of it."""
        return self._store.table("decisions")

    def promise_history(self) -> pa.Table:
        """PROMISE_HISTORY: the states that promises have been in."""
        return self._store.table("promise_history")

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
        turns = self._placed()
        name = None if relationship is None else self.find_relationship(relationship)
        return check_book(turns, self._store.table("calls"), relationship=name, conversation=conversation)

    def touchpoints(self, customer: str | None = None, *, now: dt.datetime | None = None) -> TouchMap:
        """Where customers, or one of them, meet us: what each touch point shows, and where it does not join up."""
        from troth.touching import map_touchpoints  # noqa: PLC0415  # grammars that nothing else here needs

        return map_touchpoints(
            self.understand(), self.stock(now), self.model(), settings=self._settings,
            outcomes=self.outcomes(), relationship=customer and self.find_relationship(customer),
        )  # fmt: skip

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
        return {**LENSES, **self._settings.lenses()}

    def relationships(self, *, now: dt.datetime | None = None, over: int | None = None) -> pa.Table:
        """One row per relationship: circle, turns, last contact, SHOWN and HELD with bands and trends, what is open.

        `over`: days that the trend looks back, 28 if troth.toml says nothing else.
        """
        watch = self._settings.trend
        return tabulate_relationships(self.understand(), self.stock(now), self.model(), over=over, watch=watch)

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
            lenses=self.lenses,
            watch=self._settings.trend,
            readings_at=readings_at,
        )

    def model(self) -> Model:
        """The constants of the trust filter: those learned from this book (`learn`), else the start values.

        Raises: SettingsError when the ones kept in the book were altered.
        """
        kept = self._store.settings(MODEL_SETTING)
        return DEFAULT_MODEL if kept is None else read_model(kept).model

    def learn(self, *, seed: int = 0, progress: Progress | None = None) -> Tuning:
        """Learn the constants of the trust filter from this book, and keep them where they foretell at least as well.

        A later learning takes the place of an earlier one, also where it finds that the start values hold. Stopped
        half-way, nothing changes.
        """
        from troth.tuning import tune  # noqa: PLC0415 - loads an optimiser that nothing else needs

        tuning = tune(self.readings(), self.segments(), day=_now().date(), seed=seed, progress=progress)
        self._store.set_setting(MODEL_SETTING, tuning.kept)
        return tuning

    def forget_learned(self) -> bool:
        """Go back to the start values; whether there was something to forget."""
        was_there = self._store.settings(MODEL_SETTING) is not None
        self._store.set_setting(MODEL_SETTING, None)
        return was_there

    def segments(self) -> dict[str, str]:
        """The segment of each relationship, whose means `model` may hold: its circle."""
        return find_segments(self.understand().turns)

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
        said = turns.filter(pc.invert(turns["automatic"]))["sent_at"].drop_null().to_pylist()
        return sorted({day for moment in said if (day := moment.astimezone(here).date()) >= first})

    def check(self, text: str, *, to: str | None = None, now: dt.datetime | None = None) -> DraftCheck:
        """Check a draft against what the heads know, the calendar, and what this relationship left open."""
        moment = now or (self._last_evening(self.understand()) if to is not None else _now())
        questions, pledged = empty(QUESTIONS), empty(PROMISES)
        if to is not None:
            name, stock = self.find_relationship(to), self.stock(now)
            questions = stock.questions.filter(pc.equal(stock.questions["relationship"], name))
            pledged = stock.promises.filter(pc.equal(stock.promises["relationship"], name))
        return check_text(
            text, load_encoder(), calendar=self._calendar(), now=moment, questions=questions, pledged=pledged
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
            "promise_history": self.promise_history,
            "questions": self.questions,
            "answers": self.answers,
            "outcomes": self.outcomes,
            "contacts": lambda: self._store.table("contacts"),
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
        return self._store.table(name)

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
        return leave_book(self._store, self.table, Path(folder), shape=shape, bare=bare, progress=progress)

    @property
    def whose(self) -> str:
        """Whose book this is, in words."""
        us = self._us(self._store.table("turns", columns=["speaker", "recipients", "cc"]))
        return ", ".join(sorted(us.addresses or us.domains)) or "us"

    @property
    def grounds(self) -> str:
        """Why we are taken to be us, where that was guessed; else empty."""
        self._placed()
        return self._stock.grounds

    @property
    def zone(self) -> str:
        """The zone whose midnight closes the books."""
        return self._settings.zone

    def _stock_of(self, day: str | dt.date | None) -> Standing:
        """The standing that a list of that day shows."""
        return self.stock(day_bounds(self.choose_day(day), self.zone)[1])

    def _note_anew(self, day: str | dt.date | None) -> None:
        """After a decision every standing is another one; what changed is noted."""
        self._stock.standings.clear()
        self._stock.proof = None
        note_states(self._store, self._stock_of(day), clock=_now())

    def _placed(self) -> pa.Table:
        if self._stock.known is not None:
            return self._stock.known.turns
        turns = self._store.table("turns")
        return place_all(turns, self._who(turns))

    def _who(self, turns: pa.Table | None = None) -> Who:
        if self._stock.who is None:
            read = self._store.table("turns") if turns is None else turns
            self._stock.who = know_people(self._store, read, self._settings, self._us(read))
        return self._stock.who

    def _follow(self, name: str) -> pa.Table:
        """A table whose rows were placed when they were read, with them where they belong now."""
        if name not in self._stock.followed:
            table = self._store.table(name)
            if table.num_rows:
                table = follow_people(table, self._store.table("turns"), self._placed(), self._who())
            self._stock.followed[name] = table
        return self._stock.followed[name]

    def _decided(self) -> pa.Table:
        """PROMISES as people decided, placed as their turns are now."""
        return refresh_decided(self._store.table("promises", where={"decided_by": "person"}), self.understand().turns)

    def _us(self, turns: pa.Table) -> Us:
        if self._stock.us is None:
            remembered = self._store.settings("us")
            stated = self._settings.our_side() or (read_us(remembered) if remembered else None)
            guess = guess_us(turns) if stated is None else None
            self._stock.us = stated or (guess.us if guess else Us())
            self._stock.grounds = guess.grounds if guess else ""
        return self._stock.us

    def _local(self) -> Local:
        ours = self._settings.our_side()
        remembered = self._store.settings("us") or ()
        us = frozenset(remembered) if ours is None else ours.addresses | ours.domains
        return Local(zone=self._settings.zone, dates=self._settings.dates, us=us, own=self._settings.source)

    def _calendar(self) -> Calendar:
        return self._settings.calendar()

    def _last_day(self, known: Understood) -> dt.date:
        day = find_last_day(known.turns, self._settings.zone)
        if day is None:
            raise InputError("there is no turn with a date to close a day with. Read a mailbox first, or name a --day.")
        return day

    def _last_evening(self, known: Understood) -> dt.datetime:
        """The end of the last day with a turn or an answer."""
        day = find_last_day(known.turns, self._settings.zone)
        answered = pc.max(self._store.table("answers", columns=["answered_at"])["answered_at"]).as_py()
        days = [day] if day is not None else []
        days += [answered.astimezone(ZoneInfo(self._settings.zone)).date()] if answered is not None else []
        return day_bounds(max(days), self._settings.zone)[1] if days else _now()

    def _drop_other_encoders(self) -> None:
        """Findings of another encoder mean something else; they are made anew."""
        if self._store.settings("encoder") not in {None, encoder_id()}:
            ids = self._store.table("sentences", columns=["turn_id"])["turn_id"].unique().to_pylist()
            with self._store.transaction():
                self._store.replace("findings", empty(FINDINGS), keys_column="turn_id", keys=ids)
                self._store.replace("sentences", empty(SENTENCES), keys_column="turn_id", keys=ids)
        self._store.set_setting("encoder", encoder_id())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
