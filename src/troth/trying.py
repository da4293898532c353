"""Trials in a book: suggest a practice, draw the lot, keep what was stated, and read the result on its day.

The tables of trials are written and read here alone. What readings and trust are worked out from does not know of them,
so that a score cannot tell which account was drawn for what.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.deciding import choose_day
from troth.desk import Desk, clock
from troth.errors import InputError
from troth.relationship import parse_day
from troth.review import day_bounds
from troth.schema import TRIAL_ACCOUNTS, TRIAL_LOOKS, TRIALS
from troth.told import Told
from troth.trial.effect import DEALS
from troth.trial.power import Power
from troth.trial.practices import choose_practice
from troth.trial.told import ANALYSIS, OUTCOME_WORDS, Member, Reading, Trial
from troth.trialmeasuring import LEAST_DAYS, Scene, measure_trial, plan_trial
from troth.trialsuggesting import Suggestions, suggest_practices
from troth.worth.deals import take_deals

CIRCLES: Final = ("customer", "friend")
"""Whose relationships may be drawn. Inside the firm a relationship may be one colleague."""
DAYS: Final = 91
"""How long a trial runs if nobody says."""

_BITS: Final = 31
_LONGEST_NOTE: Final = 500
_POWER: Final = frozenset({"least_effect", "error", "basis"})


class Trials:
    """The trials of a book.

    Args:
        desk: the book's.
        whose: says who is asking.
    """

    def __init__(self, desk: Desk, whose: Callable[[], str]) -> None:
        self._desk, self._whose = desk, whose

    def suggest(self, circle: str = "customer", *, now: dt.datetime | None = None) -> Suggestions:
        """What goes with each facet of what we show, and a practice for each.

        Raises: InputError for a circle that is not looked at.
        """
        _check_circle(circle)
        stock = self._desk.stock(now)
        return suggest_practices(
            readings=stock.readings, turns=self._desk.understand().turns, as_of=stock.now,
            deals=take_deals(self._desk.follow("outcomes"), as_of=stock.now),
            steps=self._desk.store.table("outcome_steps"), circle=circle, model=self._desk.model(),
            segments=self._desk.segments(),
        )  # fmt: skip

    def start(
        self,
        practice: str,
        *,
        until: str | dt.date | None = None,
        circle: str = "customer",
        outcome: str = "held",
        seed: int | None = None,
        words: str | None = None,
        seen_by: str | None = None,
        by: str | None = None,
        keep: bool = True,
    ) -> Trial:
        """Draw half of the accounts for a practice, and state beforehand how it will be read.

        It begins with the next midnight: of today while the book is in use, else of the last day with a turn.

        Args:
            practice: a name of `trial.practices.PRACTICES`, or your own with `words`.
            until: the last day that counts; 91 days if not given.
            circle: customer or friend.
            outcome: held, answers, won or renewed.
            seed: of the lot; drawn if not given, and kept.
            words, seen_by: of your own practice: what is to be done, and the signal that shows it.
            by: who starts it; the book's owner if not given.
            keep: False draws and states, and writes nothing.

        Raises: InputError when there are too few accounts, or something cannot be as stated.
        """
        chosen = choose_practice(practice, words=words, seen_by=seen_by)
        _check_circle(circle)
        if outcome not in OUTCOME_WORDS:
            raise InputError(
                Told(
                    "there is no outcome {outcome!r}; there are {known}.",
                    outcome=outcome,
                    known=", ".join(OUTCOME_WORDS),
                )
            )
        zone = self._desk.zone
        stated = clock()
        today = choose_day(self._desk.understand().turns, zone, clock=stated)
        last = today + dt.timedelta(days=DAYS) if until is None else parse_day(until)
        if (last - today).days < LEAST_DAYS:
            raise InputError(
                Told(
                    "a trial runs {days} days at least: until {day}.",
                    days=LEAST_DAYS,
                    day=today + dt.timedelta(days=LEAST_DAYS),
                )
            )
        if seed is not None and not 0 <= seed < 1 << _BITS:
            raise InputError(Told("a seed is a number from 0 to {most}.", most=(1 << _BITS) - 1))
        seed = secrets.randbelow(1 << _BITS) if seed is None else seed
        start, end = day_bounds(today, zone)[1], day_bounds(last, zone)[1]
        scene = self._scene(start)
        members, power = plan_trial(
            scene, start=start, until=end, circle=circle, outcome=outcome, busy=self._busy(start), seed=seed
        )
        named = f"{chosen.name}|{circle}|{outcome}|{start.isoformat()}|{end.isoformat()}|{seed}|{stated.isoformat()}"
        trial = Trial(
            trial_id=hashlib.sha256(named.encode()).hexdigest()[:8], practice=chosen.name, words=chosen.words,
            facet=chosen.facet, seen_by=chosen.seen_by, circle=circle, outcome=outcome, stated_at=stated,
            started_at=start, until=end, seed=seed, power=power, analysis=ANALYSIS, by=by or self._whose(),
            stopped_at=None, note=None, members=members, zone=zone,
        )  # fmt: skip
        if keep:
            _write_trial(self._desk, trial)
        return trial

    def list(self) -> tuple[Trial, ...]:
        """Every trial, in the order in which they were stated; accounts are named as they were then."""
        store = self._desk.store
        looks = store.table("trial_looks").to_pylist()
        drawn = store.table("trial_accounts").sort_by("number").to_pylist()
        rows = store.table("trials").sort_by([("stated_at", "ascending"), ("trial_id", "ascending")]).to_pylist()
        return tuple(_read_trial(row, drawn, looks, self._desk.zone) for row in rows)

    def find(self, trial: str | None = None) -> Trial:
        """The only trial of this id or practice, or of a beginning of either; the latest if not given.

        Raises: InputError when none or several are meant.
        """
        known = self.list()
        if trial is None and known:
            return known[-1]
        wanted = [one for one in known if trial is not None and trial in (one.trial_id, one.practice)]
        wanted = wanted or [
            one for one in known if trial and (one.trial_id.startswith(trial) or one.practice.startswith(trial))
        ]
        if len(wanted) == 1:
            return wanted[0]
        listed = ", ".join(f"{one.trial_id} ({one.practice})" for one in known) or "none; `troth trial start` makes one"
        if wanted:
            raise InputError(
                Told(
                    "{trial!r} could be several trials: {names}.",
                    trial=trial,
                    names=", ".join(one.trial_id for one in wanted),
                )
            )
        raise InputError(
            Told("there is no trial. There are: {listed}.", listed=listed)
            if trial is None
            else Told("there is no trial {trial!r}. There are: {listed}.", trial=trial, listed=listed)
        )

    def stop(self, trial: str | None = None, *, note: str | None = None) -> Trial:
        """Say that the practice is asked for no more. The result is still read on its day, and of every account.

        Raises: InputError when no single trial is meant, it was stopped already, or the note is too long.
        """
        found = self.find(trial)
        if found.stopped_at is not None:
            raise InputError(Told("trial {trial_id} was stopped already.", trial_id=found.trial_id))
        said = " ".join((note or "").split())
        if len(said) > _LONGEST_NOTE:
            raise InputError(Told("a note has {most} characters at most.", most=_LONGEST_NOTE))
        row = self._desk.store.table("trials", where={"trial_id": found.trial_id}).to_pylist()[0]
        row |= {"stopped_at": clock(), "note": said or None}
        self._desk.store.upsert("trials", pa.Table.from_pylist([row], schema=TRIALS))
        return self.find(found.trial_id)

    def read(
        self, trial: str | None = None, *, early: bool = False, now: dt.datetime | None = None, deals: int = DEALS
    ) -> Reading:
        """The result by intention to treat; that it was read is kept in the book.

        Args:
            trial: as in `find`.
            early: read before the day; no verdict is given then.
            now: the moment of reading; this machine's if not given.
            deals: lots drawn anew.

        Raises: InputError before the day without `early`, and where no single trial is meant.
        """
        found, moment = self.find(trial), now or clock()
        is_early = moment < found.until
        if is_early and not early:
            raise InputError(
                Told(
                    "trial {trial_id} is read on its day, after {days} days: its last day is {last_day}. --early reads "
                    "it before, and says what looking early does.",
                    trial_id=found.trial_id,
                    days=(found.until - found.started_at).days,
                    last_day=found.last_day,
                )
            )
        read_at = min(found.until, max(moment, found.started_at))
        reading = measure_trial(
            found, self._scene(read_at), now_homes=self._follow(found), read_at=read_at, is_early=is_early,
            promises=self._desk.stock(read_at).promises, notes=self._note(found, read_at), deals=deals,
        )  # fmt: skip
        look = {
            "trial_id": found.trial_id, "at": moment, "is_early": is_early,
            **{name: value if np.isfinite(value) else None for name, value in (
                ("effect", reading.effect.value), ("low", reading.effect.low), ("high", reading.effect.high),
                ("p", reading.effect.p),
            )},
        }  # fmt: skip
        self._desk.store.upsert("trial_looks", pa.Table.from_pylist([look], schema=TRIAL_LOOKS))
        return reading

    def _scene(self, at: dt.datetime) -> Scene:
        desk = self._desk
        return Scene(
            known=desk.understand(), readings=desk.stock(at).readings, deals=desk.follow("outcomes"),
            model=desk.model(), segments=desk.segments(),
        )  # fmt: skip

    def _busy(self, start: dt.datetime) -> set[str]:
        """Accounts of trials that are running, under the names that they have now."""
        running = {one.trial_id for one in self.list() if one.stopped_at is None and one.until > start}
        rows = self._desk.follow("trial_accounts").to_pylist()
        return {row["relationship"] for row in rows if row["trial_id"] in running and row["relationship"] is not None}

    def _follow(self, trial: Trial) -> tuple[str | None, ...]:
        """The relationships of a trial's members under the names that they have now; None where one is gone."""
        table = self._desk.follow("trial_accounts")
        rows = table.filter(pc.equal(table["trial_id"], trial.trial_id)).sort_by("number")["relationship"].to_pylist()
        there = set(self._desk.placed()["relationship"].drop_null().unique().to_pylist())
        return tuple(home if home in there else None for home in rows)

    def _note(self, trial: Trial, read_at: dt.datetime) -> list[str]:
        """What happened to the book since the start that a reader of the result should know."""
        notes: list[str] = []
        last = self._desk.last_evening()
        behind = (read_at - last).days
        if behind >= 7:
            notes.append(f"The book ends {behind} days before the day that is read: read newer exports first.")
        decided = self._desk.store.table("person_decisions", since=trial.started_at).num_rows
        if decided:
            notes.append(
                f"{decided} decisions of who is who came after the start; an account that was parted counts as what "
                "kept its name, and what left it is in no arm."
            )
        late = (trial.stated_at - trial.started_at).days
        if late >= 1:
            notes.append(f"It was stated {late} days after its start: what came in between may have been known.")
        if trial.stopped_at is not None:
            days = max((trial.until - trial.stopped_at).days, 0)
            notes.append(f"The practice was stopped {days} days before the end; every account counts all the same.")
        return notes


def _check_circle(circle: str) -> None:
    if circle not in CIRCLES:
        raise InputError(
            Told(
                "trials are made with {names} relationships, not with {circle!r}.",
                names=" or ".join(CIRCLES),
                circle=circle,
            )
        )


def _write_trial(desk: Desk, trial: Trial) -> None:
    power = trial.power
    row = {
        **{name: getattr(trial, name) for name in TRIALS.names if name not in _POWER},
        "least_effect": power and power.least, "error": power and power.error, "basis": power and power.basis,
    }  # fmt: skip
    drawn = [
        {
            "trial_id": trial.trial_id, "number": number, "relationship": member.relationship, "arm": member.arm,
            "block": member.block, "level": member.level, "size": member.size,
        }
        for number, member in enumerate(trial.members)
    ]  # fmt: skip
    with desk.store.transaction():
        desk.store.upsert("trials", pa.Table.from_pylist([row], schema=TRIALS))
        desk.store.upsert("trial_accounts", pa.Table.from_pylist(drawn, schema=TRIAL_ACCOUNTS))
    desk.forget_standings()


def _read_trial(
    row: dict[str, Any], drawn: Sequence[dict[str, Any]], looks: Sequence[dict[str, Any]], zone: str
) -> Trial:
    mine = [one for one in drawn if one["trial_id"] == row["trial_id"]]
    power = None
    if row["least_effect"] is not None:
        power = Power(least=row["least_effect"], error=row["error"], basis=row["basis"])
    stated = {name: row[name] for name in TRIALS.names if name not in _POWER}
    return Trial(
        **stated,
        power=power,
        members=tuple(
            Member(**{name: one[name] for name in ("relationship", "arm", "block", "level", "size")}) for one in mine
        ),
        looks=sum(one["is_early"] for one in looks if one["trial_id"] == row["trial_id"]),
        zone=zone,
    )
