"""What is known of an open book at the moment: worked out when it is asked for, kept until the book changes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from troth.adding import find_anew, find_news, take_news
from troth.aside import give_back, lay_aside
from troth.asof import Sources
from troth.book import Store
from troth.carrying import Courses
from troth.deciding import list_morning, relist
from troth.encoder import encoder_id, load_encoder
from troth.errors import InputError
from troth.keeping import Shelf, open_shelf
from troth.mending import Grounds, Mendable, find_touched, mend_added, mend_answered, mend_decided
from troth.overview import tabulate_relationships
from troth.people import Us, guess_us, read_us
from troth.persons import Who, follow_people, know_people, place_all, refresh_decided
from troth.pipeline import (
    Progress,
    Standing,
    Understood,
    add_findings,
    find_falls,
    find_open_hours,
    find_segments,
    leave_out,
    take_stock,
    understand_turns,
)
from troth.promises import Calendar, People, find_versions, meet_people
from troth.proving import Constants, How, Proof
from troth.readings import load_reference
from troth.readings.memory import Memory
from troth.review import day_bounds, find_last_day
from troth.ruled import find_all_ruled, remember_all, rule_anew
from troth.schema import FINDINGS, SENTENCES, empty
from troth.settings import Settings
from troth.sources import Local
from troth.trend import find_trends
from troth.trust import DEFAULT_MODEL, Model, read_model

MODEL_SETTING: Final = "trust_model"
"""The setting of a book that holds its learned constants."""


def clock() -> dt.datetime:
    """This machine's time."""
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class _Stock:
    """What was last understood."""

    known: Understood | None = None
    us: Us | None = None
    grounds: str = ""
    standings: dict[dt.datetime, Standing] = field(default_factory=dict[dt.datetime, Standing])
    trends: Mendable = field(default_factory=Mendable)
    overview: Mendable = field(default_factory=Mendable)
    falls: Mendable = field(default_factory=Mendable)
    listed: tuple[Understood, Standing, dt.date, pa.Table] | None = None
    unkept: set[dt.datetime] = field(default_factory=set[dt.datetime])  # mended, and not laid beside the book yet
    proof: Proof | None = None
    found: pa.Table | None = None
    memory: Memory | None = None  # what turns said, for rules; from when they were looked at
    courses: Courses = field(default_factory=Courses)  # long relationships, which twins share
    people: People | None = None  # whom the turns tell of, from the first time on that turns are added
    who: Who | None = None
    followed: dict[str, pa.Table] = field(default_factory=dict[str, pa.Table])
    read_at: dict[str, str | None] = field(default_factory=dict["str", "str | None"])  # revisions of what was read


class Desk:
    """A store and settings with all that follows from them.

    Whoever writes to the store says so: `take_in` after turns came, `forget` after turns or people changed,
    `redecide`, `reanswer` or `leave_out` after decisions, answers or objections did, `forget_standings` after anything
    else.

    Attributes:
        store, settings: what everything follows from.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings, self._stock = store, settings, _Stock()

    def twin(self) -> Desk:
        """Another desk with what is known on this one."""
        twin, known = Desk(self.store, self.settings), self._stock
        twin._stock = replace(
            known,
            standings=dict(known.standings),
            trends=known.trends.copy(),
            overview=known.overview.copy(),
            falls=known.falls.copy(),
            unkept=set(known.unkept),
            followed=dict(known.followed),
            read_at=dict(known.read_at),
        )
        return twin

    def forget(self) -> None:
        """Everything is to be worked out anew."""
        self._stock = _Stock()

    def take_in(self, turn_ids: Collection[str], *, progress: Progress | None = None) -> bool:
        """Take up turns that came since; all else holds.

        Args:
            turn_ids: what was written, whether new or not.
            progress: called while signals are found in new turns.

        Returns: whether that was enough; where not, everything is to be worked out anew (see `adding`).
        """
        is_enough = self._take_in(turn_ids, progress)
        if not is_enough:
            self.forget()
        return is_enough

    def _take_in(self, turn_ids: Collection[str], progress: Progress | None) -> bool:
        stock, known = self._stock, self._stock.known
        if known is None or stock.who is None or not self._rests_on_the_same():
            return False
        revisions = self.store.revisions()
        news = find_news(self.store, known, turn_ids, who=stock.who, settings=self.settings)
        if news is None or _first_day(news.fresh) < _first_day(known.turns):
            return False
        if not news.fresh.num_rows and not news.moved.num_rows:
            return True
        found, people = self.found(), stock.people or meet_people(known.turns)
        memory = stock.memory or remember_all(known.turns, known.sentences)
        after = take_news(self.store, known, news, load_encoder(), progress=progress)
        ruled = None if news.moved.num_rows else rule_anew(
            known.findings, after.turns, after.sentences,
            around=news.around, fresh=news.fresh, memory=memory, calendar=self.calendar(),
            last=find_last_day(after.turns, "UTC", clock=clock()) or dt.date.min,
            heard=stock.courses.take_heard(known, after, news.around),
        )  # fmt: skip
        if ruled is None:
            return False
        after = add_findings(after, ruled.findings)
        stock.memory = ruled.memory
        stock.courses.put_heard(after, ruled.heard)
        was_found, (found, people, scopes) = found, find_anew(found, after, people=people, calendar=self.calendar())
        followed = dict(stock.followed)
        stock.known, stock.found, stock.people, stock.who, stock.followed = after, found, people, news.who, {}
        stock.read_at |= {name: revisions.get(name) for name in ("turns", "sentences", "findings")}
        if any(not self.follow(name).equals(table) for name, table in followed.items()):
            return False
        grounds = Grounds(
            found=found,
            decided=self._decided(),
            reference=load_reference(encoder_id()),
            calendar=self.calendar(),
            outcomes=self.follow("outcomes"),
        )
        steps = stock.courses.go_on(
            known, after,
            scopes=after.came[-1].scopes - scopes, found=(was_found, found), decided=grounds.decided,
            evenings=list(stock.standings),
        )  # fmt: skip
        scopes |= after.came[-1].scopes
        self._mend(lambda standing: mend_added(standing, known, after, scopes=scopes, grounds=grounds, steps=steps))
        return True

    def _rests_on_the_same(self) -> bool:
        """Whether our side, who is who and the encoder are what they were when the book was read."""
        remembered, revisions = self.store.settings("us"), self.store.revisions()
        stated = self.settings.our_side() or (read_us(remembered) if remembered else None)
        return (
            stated is not None
            and stated == self._stock.us
            and self.store.settings("encoder") == encoder_id()
            and all(revisions.get(name) == self._stock.read_at.get(name) for name in ("contacts", "person_decisions"))
        )

    def leave_out(self) -> None:
        """Take up what was contested or decided: readings go in and out, all else that is known holds."""
        objections = self.store.table("objections")
        kept = self._stock.standings
        self._stock.standings = {
            moment: replace(leave_out(standing, objections), origin=object(), mended=())
            for moment, standing in kept.items()
        }
        self._stock.proof = None

    def redecide(self, said: Collection[str]) -> None:
        """Take up what people decided of promises made in these turns, or took back; all else holds."""
        known, self._stock.courses = self.understand(), Courses()
        self._mend(
            lambda standing: mend_decided(
                standing,
                known,
                said=said,
                found=self.found(),
                decided=self._decided(),
                calendar=self.calendar(),
                outcomes=self.follow("outcomes"),
            )
        )

    def reanswer(self) -> None:
        """Take up answers that came, changed or went; all else holds. A later last evening is worked out when asked."""
        self._stock.followed.pop("answers", None)
        self._stock.read_at.pop("answers", None)
        self._mend(lambda standing: mend_answered(standing, self.follow("answers")))

    def _mend(self, mend: Callable[[Standing], Standing | None]) -> None:
        before, self._stock.standings, self._stock.proof = self._stock.standings, {}, None
        mended = {moment: mend(standing) for moment, standing in before.items()}
        whole = {moment: standing for moment, standing in mended.items() if standing is not None}
        self._stock.standings, self._stock.unkept = whole, set(whole)

    def keep_mended(self) -> Callable[[], None]:
        """What lays beside the book how it stands since it was last worked out whole: to be called in one's own time.

        After every change that would cost what the whole book does.
        """
        unkept, self._stock.unkept = self._stock.unkept, set()
        standings = [standing for moment in unkept if (standing := self._stock.standings.get(moment)) is not None]
        shelf = self.shelf() if standings else None
        found = self._stock.found if standings and self.understand().came else None

        def keep() -> None:
            if shelf is not None and found is not None:
                shelf.keep_found(found)
            for standing in standings:
                if shelf is not None:
                    shelf.keep_standing(replace(standing, readings=standing.all_readings))

        return keep

    def forget_standings(self) -> None:
        """How things stood is to be worked out anew; what was found in the turns holds."""
        for name in self._stock.followed:
            self._stock.read_at.pop(name, None)
        self._stock.followed.clear()
        self._stock.standings.clear()
        self._stock.courses = Courses()
        self._stock.proof = None

    @property
    def zone(self) -> str:
        """The zone whose midnight closes the books."""
        return self.settings.zone

    @property
    def proof(self) -> Proof | None:
        """The proof as last worked out, where nothing changed since."""
        return self._stock.proof

    @proof.setter
    def proof(self, proof: Proof | None) -> None:
        self._stock.proof = proof

    @property
    def grounds(self) -> str:
        """Why we are taken to be us, where that was guessed; else empty."""
        self.placed()
        return self._stock.grounds

    def placed(self) -> pa.Table:
        """TURNS with side, circle and relationship."""
        if self._stock.known is not None:
            return self._stock.known.turns
        turns = self.store.table("turns")
        return place_all(turns, self.who(turns))

    def us(self, turns: pa.Table | None = None) -> Us:
        """Our side: stated, remembered, or guessed from these turns (those of the store, if not given)."""
        if self._stock.us is None:
            remembered = self.store.settings("us")
            stated = self.settings.our_side() or (read_us(remembered) if remembered else None)
            guess = guess_us(self._speakers() if turns is None else turns) if stated is None else None
            self._stock.us = stated or (guess.us if guess else Us())
            self._stock.grounds = guess.grounds if guess else ""
        return self._stock.us

    def _speakers(self) -> pa.Table:
        return self.store.table("turns", columns=["speaker", "recipients", "cc"])

    def who(self, turns: pa.Table | None = None) -> Who:
        """Who is who, from the TURNS of the store, which may be handed in where they are at hand."""
        if self._stock.who is None:
            self._note_revisions("turns", "contacts", "person_decisions")
            read = self.store.table("turns") if turns is None else turns
            self._stock.who = know_people(self.store, read, self.settings, self.us(read))
        return self._stock.who

    def follow(self, name: str) -> pa.Table:
        """A table whose rows were placed when they were read, with them where they belong now."""
        if name not in self._stock.followed:
            self._note_revisions(name)
            table = self.store.table(name)
            if table.num_rows:
                placed, who = self.placed(), self.who()
                read = self.store.table("turns") if who.decisions.num_rows else placed  # looked at in that case alone
                table = follow_people(table, read, placed, who)
            self._stock.followed[name] = table
        return self._stock.followed[name]

    def understand(self, *, progress: Progress | None = None) -> Understood:
        """Find sentences and signals in every turn that lacks them; kept in the book, batch by batch."""
        if self._stock.known is not None:
            return self._stock.known
        self._note_revisions("turns")
        turns = self.placed()
        self._drop_other_encoders()
        done = pc.unique(self.store.table("sentences", columns=["turn_id"])["turn_id"])
        fresh = turns.filter(pc.invert(pc.is_in(turns["turn_id"], done)))
        if fresh.num_rows:
            for sentences, findings in understand_turns(fresh, load_encoder(), progress=progress):
                with self.store.transaction():
                    self.store.upsert("sentences", sentences)
                    self.store.upsert("findings", findings)
        self._note_revisions("sentences", "findings")
        turns = lay_aside(turns, self.store.path)
        sentences, findings = self._read_aside("sentences"), self._read_aside("findings")
        known = Understood(turns=turns, sentences=sentences, findings=findings)
        shelf = self._shelf_of(turns)
        ruled = shelf.ruled()
        if ruled is None:
            ruled = find_all_ruled(known.turns, known.sentences, calendar=self.calendar())
            shelf.keep_ruled(ruled)
        self._stock.known = add_findings(known, ruled)
        return self._stock.known

    def stock(self, now: dt.datetime | None = None, *, progress: Progress | None = None) -> Standing:
        """Promises, questions and readings as of `now` (the end of the last day with a turn, if not given)."""
        known = self.understand(progress=progress)
        moment = now or self.last_evening()
        if moment not in self._stock.standings:
            shelf = self.shelf()
            standing = shelf.standing(moment)
            if standing is None:
                standing = self._take_stock(known, moment)
                shelf.keep_standing(standing)
            standing = replace(standing, readings=lay_aside(standing.readings, self.store.path))
            self._stock.standings[moment] = leave_out(standing, self.store.table("objections"))
        return self._stock.standings[moment]

    def _take_stock(self, known: Understood, moment: dt.datetime) -> Standing:
        return take_stock(
            known,
            reference=load_reference(encoder_id()),
            calendar=self.calendar(),
            now=moment,
            decided=self._decided(),
            answers=self.follow("answers"),
            outcomes=self.follow("outcomes"),
            found=self.found(),
        )

    def sources(self) -> Sources:
        """All that the books of an earlier evening are made from."""
        known = self.understand()
        return Sources(
            known=known,
            answers=self.follow("answers"),
            decided=self._decided(),
            decisions=self.store.table("decisions"),
            reference=load_reference(encoder_id()),
            calendar=self.calendar(),
            hours=find_open_hours(known.turns, self.calendar(), max(clock(), self.last_evening())),
            outcomes=self.follow("outcomes"),
            found=self.found(),
            objections=self.store.table("objections"),
        )

    def model(self) -> Model:
        """The constants of the trust filter: those learned from this book, else the start values.

        Raises: SettingsError when the ones kept in the book were altered.
        """
        kept = self.store.settings(MODEL_SETTING)
        return DEFAULT_MODEL if kept is None else read_model(kept).model

    def constants(self) -> Constants:
        """The same, with the day from which on they were known."""
        kept = self.store.settings(MODEL_SETTING)
        since = None if kept is None else day_bounds(read_model(kept).provenance.learned_on, self.zone)[1]
        return Constants(model=self.model(), since=since)

    def trends(self, standing: Standing, days: int) -> pa.Table:
        """CHANGES over so many days, in no particular order."""
        return self._stock.trends.make(self.understand(), standing, (days, self._constants()), lambda known, stock:
            find_trends(stock.readings, stock.now, days=days, model=self.model(), segments=find_segments(known.turns))
        )  # fmt: skip

    def falls(self, standing: Standing) -> dict[str, float]:
        """By how much the last weeks lowered trust held, by relationship; see `pipeline.find_falls`."""

        def tabulate(known: Understood, stock: Standing) -> pa.Table:
            found = find_falls(stock.readings, stock.now, model=self.model(), segments=find_segments(known.turns))
            names, falls = pa.array(found.keys(), pa.string()), pa.array(found.values(), pa.float64())
            return pa.table({"relationship": names, "fall": falls})

        table = self._stock.falls.make(self.understand(), standing, self._constants(), tabulate)
        return dict(zip(table["relationship"].to_pylist(), table["fall"].to_pylist(), strict=True))

    def relationships(self, standing: Standing, *, over: int | None = None) -> pa.Table:
        """One row per relationship; see `overview.tabulate_relationships`."""
        watch = self.settings.trend
        trends = self.trends(standing, over or watch.days)
        table = self._stock.overview.make(self.understand(), standing, (over, self._constants()), lambda known, stock:
            tabulate_relationships(known, stock, self.model(), over=over, watch=watch, trends=trends)
        )  # fmt: skip
        return table.sort_by([("turns", "descending"), ("relationship", "ascending")])

    def list_promises(self, standing: Standing, day: dt.date) -> pa.Table:
        """LISTED of a morning."""
        known, last, calendar = self.understand(), self._stock.listed, self.calendar()
        listed: pa.Table | None = None
        if last is not None and last[0].origin is known.origin and last[2] == day:
            touched = find_touched(last[1], standing)
            if touched is not None:
                listed = relist(last[3], self.store, known, standing, day, touched=touched, calendar=calendar)
        if listed is None:
            listed = list_morning(self.store, known, standing, day, calendar=calendar)
        self._stock.listed = (known, standing, day, listed)
        return listed

    def _constants(self) -> object:
        """What the model was read from."""
        return self.store.settings(MODEL_SETTING)

    def segments(self) -> dict[str, str]:
        """The segment of each relationship, whose means `model` may hold: its circle."""
        return find_segments(self.understand().turns)

    def how(self, now: dt.datetime | None = None) -> How:
        """How days are closed here, by this machine's clock or at one moment."""
        return How(zone=self.zone, encoder=encoder_id(), clock=clock if now is None else lambda: now)

    def calendar(self) -> Calendar:
        """When the firm works."""
        return self.settings.calendar()

    def local(self) -> Local:
        """How exports mean what they leave open."""
        ours = self.settings.our_side()
        remembered = self.store.settings("us") or ()
        us = frozenset(remembered) if ours is None else ours.addresses | ours.domains
        return Local(zone=self.zone, dates=self.settings.dates, us=us, own=self.settings.source)

    def last_day(self) -> dt.date:
        """The last day with a turn.

        Raises: InputError when no turn has a date.
        """
        day = find_last_day(self.understand().turns, self.zone, clock=clock())
        if day is None:
            raise InputError("there is no turn with a date to close a day with. Read a mailbox first, or name a --day.")
        return day

    def last_evening(self) -> dt.datetime:
        """The end of the last day with a turn or an answer; this moment where there is none."""
        day = find_last_day(self.understand().turns, self.zone, clock=clock())
        answered = pc.max(self.store.table("answers", columns=["answered_at"])["answered_at"]).as_py()
        days = [day] if day is not None else []
        if answered is not None and (day is None or answered <= clock() + dt.timedelta(days=1)):
            days.append(answered.astimezone(ZoneInfo(self.zone)).date())
        return day_bounds(max(days), self.zone)[1] if days else clock()

    def found(self) -> pa.Table:
        """FOUND: promises as they are found in the turns, evening by evening, before anything settles them."""
        if self._stock.found is None:
            known, shelf = self.understand(), self.shelf()
            found = shelf.found()
            if found is None:
                found = find_versions(known.turns, known.sentences, known.findings, calendar=self.calendar())
                shelf.keep_found(found)
            self._stock.found = found
        return self._stock.found

    def shelf(self) -> Shelf:
        """What was worked out earlier of the book as it is now."""
        return self._shelf_of(self.understand().turns)

    def _shelf_of(self, turns: pa.Table) -> Shelf:
        us = self.us(turns)
        made_with = {
            "settings": self.settings.model_dump_json(), "encoder": encoder_id(),
            "us": json.dumps([sorted(us.addresses), sorted(us.domains)]),
        }  # fmt: skip
        return open_shelf(self.store, turns=turns.num_rows, made_with=made_with, read_at=self._stock.read_at)

    def _read_aside(self, name: str) -> pa.Table:
        """A table of the store, laid aside where it is large."""
        table = lay_aside(self.store.table(name), self.store.path)
        give_back()
        return table

    def _note_revisions(self, *names: str) -> None:
        """Note of which content these tables are about to be read: others may write while it is worked on."""
        revisions = self.store.revisions()
        for name in names:
            self._stock.read_at.setdefault(name, revisions.get(name))

    def _decided(self) -> pa.Table:
        """PROMISES as people decided, placed as their turns are now."""
        return refresh_decided(self.store.table("promises", where={"decided_by": "person"}), self.understand().turns)

    def _drop_other_encoders(self) -> None:
        """Findings of another encoder mean something else; they are made anew."""
        if self.store.settings("encoder") not in {None, encoder_id()}:
            ids = self.store.table("sentences", columns=["turn_id"])["turn_id"].unique().to_pylist()
            with self.store.transaction():
                self.store.replace("findings", empty(FINDINGS), keys_column="turn_id", keys=ids)
                self.store.replace("sentences", empty(SENTENCES), keys_column="turn_id", keys=ids)
        self.store.set_setting("encoder", encoder_id())


def _first_day(turns: pa.Table) -> dt.date:
    """The day, in UTC, on which the first dated turn was sent; the last there is where none is."""
    first: dt.datetime | None = pc.min(turns["sent_at"]).as_py()
    return dt.date.max if first is None else first.date()
