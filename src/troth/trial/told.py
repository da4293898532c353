"""What a trial says: beforehand, and when it is read."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from troth.trial.effect import Effect
from troth.trial.power import Power

Outcome = Literal["held", "answers", "won", "renewed"]

OUTCOME_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "held": "trust held, from what customers write, do and answer after the start (standard deviations)",
        "answers": "trust held, from survey answers after the start alone (standard deviations)",
        "won": "share of accounts with a deal won after the start",
        "renewed": "share of accounts with a renewal won after the start",
    }
)
"""What a trial can be read by."""
SHARES: Final = frozenset({"won", "renewed"})

ANALYSIS: Final = (
    "Every account counts in the arm that the lot gave it, whatever was done. Difference in the outcome between the "
    "arms, adjusted for trust held and size at the start; p and 95 % interval by dealing the lot anew within the pairs."
)
PEEKING: Final[tuple[tuple[int, float], ...]] = (
    (1, 0.05), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320),
)  # fmt: skip
"""Looks, and the chance of a p below .05 in one of them where there is no effect: Armitage, McPherson & Rowe 1969, JRSS
A 132:235, table 2, for looks evenly spaced."""

ARMS: Final = ("practice", "usual")
_HARDLY_SD: Final = 1.0
_HARDLY_SHARE: Final = 0.4
COLUMNS: Final = ("part", "name", "arm", "value", "low", "high", "level", "p", "accounts", "note")
"""Of `list_rows`: one shape for what is said beforehand and for what was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One account of a trial, as it was at the start.

    `relationship` is None once it was erased.
    """

    relationship: str | None
    arm: str
    block: int
    level: float
    size: int  # turns in the 90 days before


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial as it was stated before it began.

    Attributes:
        members: in order of their blocks.
        looks: how often it was read before its day.
        zone: whose midnights are its ends.
    """

    trial_id: str
    practice: str
    words: str
    facet: str | None
    seen_by: str | None
    circle: str
    outcome: str
    stated_at: dt.datetime
    started_at: dt.datetime
    until: dt.datetime
    seed: int
    power: Power | None
    analysis: str
    by: str
    stopped_at: dt.datetime | None
    note: str | None
    members: tuple[Member, ...]
    looks: int = 0
    zone: str = "UTC"

    @property
    def first_day(self) -> dt.date:
        """The first day that counts."""
        return self.started_at.astimezone(ZoneInfo(self.zone)).date()

    @property
    def last_day(self) -> dt.date:
        """The last day that counts; the trial is read when it is over."""
        return (self.until - dt.timedelta(microseconds=1)).astimezone(ZoneInfo(self.zone)).date()

    @property
    def length(self) -> dt.timedelta:
        """From the start to the day of reading."""
        return self.until - self.started_at

    def of_arm(self, arm: str) -> tuple[Member, ...]:
        """The accounts of one arm."""
        return tuple(member for member in self.members if member.arm == arm)

    def say(self) -> list[str]:
        """What was stated beforehand, a sentence each."""
        days = self.length.days
        lines = [
            f"Practice: {self.words}",
            f"Outcome: {OUTCOME_WORDS[self.outcome]}.",
            f"Counts from {self.first_day} to {self.last_day}, {days} days; read when they are over, and not before.",
            f"Analysis: {self.analysis}",
            say_power(self.power, self.outcome),
        ]
        if self.stopped_at is not None:
            day = self.stopped_at.astimezone(ZoneInfo(self.zone)).date()
            lines.append(f"Stopped on {day}" + (f": {self.note}." if self.note else "."))
        return lines

    def list_rows(self) -> list[dict[str, Any]]:
        """What was stated, and the accounts with their arms, as rows with COLUMNS."""
        rows: list[dict[str, Any]] = [{"part": "stated", "note": line} for line in self.say()]
        rows += [
            {
                "part": "account", "name": member.relationship or "(erased)", "arm": member.arm, "value": member.level,
                "accounts": member.size, "note": f"block {member.block}",
            }
            for member in self.members
        ]  # fmt: skip
        return [dict.fromkeys(COLUMNS) | row for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """How often the practice was seen in our own turns to one arm: a description, never the analysis.

    Attributes:
        before, after: mean over accounts of the share of occasions; NaN without one.
        accounts: with an occasion after the start.
        occasions: after the start.
    """

    arm: str
    before: float
    after: float
    accounts: int
    occasions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a trial came to.

    Attributes:
        effect: by intention to treat, the one figure.
        beside: the same as the book shows it, everybody counted; None for outcomes that are shares.
        drawn, told: accounts by arm, and how many of them have an outcome.
        levels: the arms' weighted means of the outcome.
        doing: by arm; empty where words do not show the practice.
        crossed: accounts of the usual arm in which it was seen as often as in half of the practice arm.
        read_at: until when evidence counts.
        is_early: before the day.
        looks: how often it was read early, this time included.
        notes: what happened to accounts since.
    """

    trial: Trial
    effect: Effect
    beside: Effect | None
    drawn: Mapping[str, int]
    told: Mapping[str, int]
    levels: Mapping[str, float]
    doing: tuple[Doing, ...]
    crossed: int | None
    read_at: dt.datetime
    is_early: bool
    looks: int
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """ "more", "less", "nothing found", "not enough to say", or "too early"."""
        if self.is_early:
            return "too early"
        one = self.effect
        if math.isnan(one.value):
            return "not enough to say"
        if one.p >= 0.05 or one.low <= 0 <= one.high:
            return "nothing found"
        return "more" if one.value > 0 else "less"

    def say(self) -> str:
        """The result in one or two sentences."""
        figures = say_effect(self.effect, self.trial.outcome)
        if self.verdict == "not enough to say":
            return "Not enough to say: too few accounts have an outcome to compare."
        if self.is_early:
            return (
                f"Too early: the result counts once {self.trial.last_day} is over. So far: {figures}. Who "
                f"looks {self.looks} times and stops at the first p below .05 sees an effect that is not there in "
                f"{say_alarm(self.looks)} of trials, not in 5 %."
            )
        if self.verdict == "nothing found":
            return f"No difference found between accounts with the practice and without: {figures}."
        return (
            f"Accounts drawn for the practice came to {self.verdict}: {figures}. The lot decided who got it, so the "
            "difference is put down to asking for the practice."
        )

    def list_rows(self) -> list[dict[str, Any]]:
        """Everything as rows with COLUMNS."""
        rows: list[dict[str, Any]] = [{"part": "result", "name": self.verdict, "note": self.say()}]
        rows.append(_row_of("effect", "by intention to treat", self.effect))
        if self.beside is not None:
            rows.append(_row_of("effect", "as the book shows it, everybody counted", self.beside))
        for arm in ARMS:
            rows.append(
                {
                    "part": "arm", "name": "accounts with an outcome", "arm": arm, "value": _known(self.levels[arm]),
                    "accounts": self.told[arm], "note": f"of {self.drawn[arm]} drawn",
                }
            )  # fmt: skip
        for one in self.doing:
            for name, value in (("before", one.before), ("after", one.after)):
                rows.append(
                    {
                        "part": "done", "name": f"share of occasions {name} the start", "arm": one.arm,
                        "value": _known(value), "accounts": one.accounts,
                        "note": "how often the practice was seen: a description, not the analysis",
                    }
                )  # fmt: skip
        rows += [{"part": "note", "note": line} for line in self.notes]
        return [dict.fromkeys(COLUMNS) | row for row in rows]


def say_power(power: Power | None, outcome: str) -> str:
    """What the trial could find, in one sentence."""
    if power is None:
        return "What it could find is not known: the book does not go back far enough to say how much chance moves."
    least = f"{100 * power.least:.0f} points" if outcome in SHARES else f"{power.least:.2f} standard deviations"
    told = f"It finds a difference of {least} or more with probability .8 ({power.basis}); smaller ones it may miss."
    if power.least > (_HARDLY_SHARE if outcome in SHARES else _HARDLY_SD):
        told += " That is more than most practices can move: take more accounts, or more time."
    return told


def say_effect(one: Effect, outcome: str) -> str:
    """A difference with its interval."""
    p = f"p {one.p:.3f}".replace("0.", ".", 1) if one.p >= 0.001 else "p under .001"
    if outcome in SHARES:
        return f"{100 * one.value:+.0f} points, 95 % {100 * one.low:+.0f} to {100 * one.high:+.0f}, {p}"
    return f"{one.value:+.2f} standard deviations, 95 % {one.low:+.2f} to {one.high:+.2f}, {p}"


def say_alarm(looks: int) -> str:
    """How often so many looks find what is not there.

    >>> say_alarm(1), say_alarm(5), say_alarm(7), say_alarm(80)
    ('5 %', '14 %', 'over 14 %', 'over 32 %')
    """
    at, share = next(pair for pair in reversed(PEEKING) if pair[0] <= max(looks, 1))
    return f"{'' if at == looks else 'over '}{100 * share:.0f} %"


def _row_of(part: str, name: str, one: Effect) -> dict[str, Any]:
    return {
        "part": part, "name": name, "value": _known(one.value), "low": _known(one.low), "high": _known(one.high),
        "level": 0.95, "p": _known(one.p), "accounts": one.accounts,
    }  # fmt: skip


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
