"""The one thing to do tomorrow: where trust loses most if nothing happens.

Every open matter has a stake between 0 and 3. A relationship's need is its largest stake, half the second, a quarter
of the third and so on, so that ten small questions do not outweigh one broken word; times the weight of its circle,
times one and the fall of trust held there. The greatest need is named, with the matter that weighs most in it.

    question left open      s · w / (w + n)             w: waiting time; n: what answers usually take here;
                                                        s: 3 for one of the four trust questions, 2 for any other
    promise of ours, unkept 3 · (1 - 2^(-1 - d / 3))    d: days past due; nothing three days ahead, 1.5 on the day
    both                    · probability, and halved every week after the second: by then nobody waits

The numbers are a choice, made before they could be learned from what people did next.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.review.asking import ACTS_ALONE
from troth.told import Told

_CIRCLE_WEIGHT: Final = MappingProxyType({"customer": 3.0, "colleague": 1.5, "friend": 1.0})
_TRUST_QUESTION: Final = 3.0
_ANY_QUESTION: Final = 2.0
_PROMISE: Final = 3.0
_AHEAD_DAYS: Final = 3.0  # before its due day a promise weighs nothing yet
_WAITED_FOR: Final = dt.timedelta(days=14)
_FADES: Final = dt.timedelta(days=7)  # half as much for each of these after that
_LEAST: Final = 0.1  # a stake below this calls for nothing
_FORGOTTEN: Final = _WAITED_FOR + 5 * _FADES  # what has waited for longer has less than that, whatever it is
_FALL: Final = 0.3  # standard deviations in four weeks from which a fall alone calls for a word
_ENOUGH_ANSWERS: Final = 10  # to know what is usual
_USUAL: Final = dt.timedelta(hours=24)  # until then
_SHORTEST_USUAL: Final = dt.timedelta(hours=4)
_OPEN_QUESTION: Final = frozenset({"open", "partly"})
_WAITS_FOR: Final = MappingProxyType(
    {
        "HC": Told("to hear why they can believe it"),
        "HR": Told("to hear whether they can depend on you"),
        "HI": Told("to be understood"),
        "HS": Told("to hear whether it is fair"),
        "direct": Told("for an answer"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One thing to do, to whom, and the sentence that calls for it. `relationship` is None where nothing does."""

    text: Told
    relationship: str | None = None
    quote: str | None = None
    turn_id: str | None = None
    kind: str = "nothing"  # nothing, cooled, promise_overdue, promise_due, or question
    day: dt.date | None = None  # that a promise is due on, or a question was asked on
    asks: str | None = None  # of a question: HC, HR, HI, HS or direct
    others: int = 0  # further matters that are open in this relationship


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matter:
    """One open thing in a relationship."""

    relationship: str
    circle: str
    stake: float
    text: Told
    kind: str
    day: dt.date | None = None
    asks: str | None = None
    quote: str | None = None
    turn_id: str | None = None


def suggest(
    day: dt.date,
    *,
    zone: str,
    promises: pa.Table,
    questions: pa.Table,
    circles: Sequence[str],
    falls: Mapping[str, float] = MappingProxyType({}),
) -> Suggestion:
    """Choose what matters most on the morning after `day`, by the rule at the top of this module.

    Args:
        day, zone: the day that ends, and whose midnight ends it.
        promises, questions: as of that evening.
        circles: which to look at.
        falls: by how many standard deviations the last four weeks lowered trust held, by relationship.
    """
    here = ZoneInfo(zone)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), here).astimezone(dt.UTC)
    of_home: defaultdict[str, list[_Matter]] = defaultdict(list)
    for matter in (*_from_promises(promises, end, here), *_from_questions(questions, end, here)):
        if matter.circle in circles and matter.stake >= _LEAST:
            of_home[matter.relationship].append(matter)
    cooled = {home: fall for home, fall in falls.items() if fall >= _FALL and not of_home[home]}
    homes = _circles_of(cooled, promises, questions)
    for home, fall in cooled.items():
        if homes.get(home) in circles:
            text = Told(
                "Write to {name}: what comes back from them has cooled over four weeks, and nothing is open there.",
                name=home,
            )
            of_home[home].append(
                _Matter(relationship=home, circle=homes[home], stake=min(fall, 1.0), text=text, kind="cooled")
            )
    needs = [(_need(matters, falls.get(home, 0.0)), home) for home, matters in of_home.items() if matters]
    if not needs:
        return Suggestion(text=Told("Nothing waits for you."))
    return _word(of_home[max(needs)[1]])


def _need(matters: Sequence[_Matter], fall: float) -> float:
    stakes = sorted((matter.stake for matter in matters), reverse=True)
    joined = sum(stake * 0.5**place for place, stake in enumerate(stakes))
    return joined * _CIRCLE_WEIGHT[matters[0].circle] * (1.0 + max(fall, 0.0))


def _word(matters: Sequence[_Matter]) -> Suggestion:
    first = max(matters, key=lambda matter: (matter.stake, matter.turn_id or ""))
    others = len(matters) - 1
    more = Told("1 more matter is open there.") if others == 1 else Told("{n} more matters are open there.", n=others)
    return Suggestion(
        text=Told("{first} {more}", first=first.text, more=more) if others else first.text,
        relationship=first.relationship,
        quote=first.quote,
        turn_id=first.turn_id,
        kind=first.kind,
        day=first.day,
        asks=first.asks,
        others=others,
    )


def _from_promises(promises: pa.Table, end: dt.datetime, here: ZoneInfo) -> Iterator[_Matter]:
    for row in promises.filter(_is_since(promises["due_latest"], end - _FORGOTTEN)).to_pylist():
        due: dt.datetime | None = row["due_latest"]
        if row["side"] != "us" or row["state"] not in {"open", "suspected"} or due is None or not _is_placed(row):
            continue
        days = (end.astimezone(here).date() - due.astimezone(here).date()).days - 1
        if days <= -_AHEAD_DAYS:
            continue
        day = due.astimezone(here).date()
        due_then = Told("Write to {name}: your promise falls due {day:%A %-d %B}.", name=row["relationship"], day=day)
        overdue = Told(
            "Write to {name}: your promise was due {day:%A %-d %B}, and nothing here shows that it was kept.",
            name=row["relationship"],
            day=day,
        )
        stake = _PROMISE * (1.0 - 2.0 ** (-1.0 - days / _AHEAD_DAYS)) * _fade(end - due)
        kind, words = "promise_overdue" if days >= 0 else "promise_due", row["act"] or row["text"]
        text = overdue if days >= 0 else due_then
        yield _matter({**row, "text": words}, stake, text, kind=kind, day=day)  # "Sure." says nothing by itself


def _from_questions(questions: pa.Table, end: dt.datetime, here: ZoneInfo) -> Iterator[_Matter]:
    usual = _usual_wait(questions)
    is_open = pc.is_in(questions["state"], pa.array(sorted(_OPEN_QUESTION)))
    fresh = questions.filter(pc.and_(_is_since(questions["asked_at"], end - _FORGOTTEN), is_open))
    for row in fresh.to_pylist():
        asked: dt.datetime | None = row["asked_at"]
        if (
            row["state"] not in _OPEN_QUESTION
            or row["act"] in ACTS_ALONE
            or asked is None
            or asked > end
            or not _is_placed(row)
        ):
            continue
        if row["side"] == "us":
            continue  # theirs to answer
        day = asked.astimezone(here).date()
        what = _WAITS_FOR.get(row["kind"], _WAITS_FOR["direct"])
        text = Told(
            "Answer {name}, who has waited since {day:%A %-d %B} {what}.", name=row["relationship"], day=day, what=what
        )
        wait = end - asked
        most = _ANY_QUESTION if row["kind"] == "direct" else _TRUST_QUESTION
        stake = most * (wait / (wait + usual)) * _fade(wait)
        yield _matter(row, stake, text, kind="question", day=day, asks=row["kind"])


def _is_since(moments: pa.ChunkedArray, since: dt.datetime) -> pa.ChunkedArray:
    """Which of these are known and not before that moment."""
    return pc.fill_null(pc.greater_equal(moments, pa.scalar(since, moments.type)), False)


def _usual_wait(questions: pa.Table) -> dt.timedelta:
    """Within which three in four answers of ours came; a day until ten are known, four hours at least."""
    is_theirs = pc.fill_null(pc.not_equal(questions["side"], "us"), True)
    theirs = questions.select(["asked_at", "answered_at"]).filter(is_theirs)
    took = pc.subtract(theirs["answered_at"].cast(pa.int64()), theirs["asked_at"].cast(pa.int64())).drop_null()
    waits = took.filter(pc.greater_equal(took, 0)).to_numpy() / 1e6
    if len(waits) < _ENOUGH_ANSWERS:
        return _USUAL
    return max(dt.timedelta(seconds=float(np.quantile(waits, 0.75))), _SHORTEST_USUAL)


def _fade(age: dt.timedelta) -> float:
    """1 for two weeks, then half as much every week."""
    return 2.0 ** -(max(age - _WAITED_FOR, dt.timedelta()) / _FADES)


def _is_placed(row: Mapping[str, Any]) -> bool:
    return row["circle"] in _CIRCLE_WEIGHT and row["relationship"] is not None


def _circles_of(homes: Collection[str], *tables: pa.Table) -> dict[str, str]:
    """The circle of each of these relationships that ever promised or asked."""
    named = pa.array(sorted(homes), pa.string())
    tables = tuple(table.filter(pc.is_in(table["relationship"], named)) for table in tables)
    pairs = (zip(table["relationship"].to_pylist(), table["circle"].to_pylist(), strict=True) for table in tables)
    return {home: circle for rows in pairs for home, circle in rows if home is not None and circle in _CIRCLE_WEIGHT}


def _matter(
    row: Mapping[str, Any], stake: float, text: Told, *, kind: str, day: dt.date, asks: str | None = None
) -> _Matter:
    return _Matter(
        relationship=row["relationship"],
        circle=row["circle"],
        stake=stake * row["probability"],
        text=text,
        kind=kind,
        day=day,
        asks=asks,
        quote=row["text"],
        turn_id=row["turn_id"],
    )
