"""What a trial is read by, for each account: trust held after the start, or a deal won; and how often we did it.

Trust held as the book shows it is a filter's estimate, drawn towards what is typical by as much as little was read.
Compared as it is, every effect would seem too small, and a practice that only made people write more would seem to move
trust where the typical level is set wrong. So the outcome is how far the readings after the start lie off what is
typical, without a prior. With Z_i the chance of reading i where nothing is known of the account (MEASUREMENT.md 4.2),
s_i the slope of log Z_i in the typical level and I_i its variance, what the reading tells,

    outcome = typical + sum s_i / sum I_i        weight = K / (K + 1 / V),  K = sum I_i,  V = variance of HELD

which is unbiased for a shift of all facets from the start on, however many readings there are: exactly so for exact
readings, near what is typical for others. It is an average over the time of the trial, each reading by what it tells.
What was known at the start is adjusted for and is in no outcome.

Source: the score estimate, Cox & Hinkley 1974, Theoretical Statistics, section 9.3.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import ndtr

from troth.lenses import WHOLE
from troth.readings import weigh_findings
from troth.signals import HELD
from troth.trial.practices import DATED
from troth.trial.told import ARMS, Doing
from troth.trust import Model, close_states, rescale, score_pillar
from troth.trust.model import dynamics
from troth.worth.deals import take_deals

Floats = NDArray[np.float64]

SURVEY: Final = "survey_answer"
_NOTHING: Final = 1e-9
_DATED_RULES: Final = ("explicit", "relative", "recurring")
_CUT: Final = 0.5
_KINDS: Final = {"won": "deal", "renewed": "renewal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The outcome of each account asked for; shape (accounts,).

    Attributes:
        outcome: anything where the weight is 0.
        weight: 0 where there is none.
    """

    outcome: Floats
    weight: Floats


def measure_outcome(
    outcome: str,
    homes: Sequence[str | None],
    *,
    since: dt.datetime,
    until: dt.datetime,
    readings: pa.Table,
    deals: pa.Table,
    model: Model,
    segments: Mapping[str, str],
) -> Measured:
    """The outcome of accounts over a time.

    Args:
        outcome: "held", "answers", "won" or "renewed".
        homes: relationships; None has no outcome.
        since, until: what came after `since` counts, up to `until`.
        readings: READINGS; deals: OUTCOMES.
        model, segments: of the trust filter.
    """
    if outcome in _KINDS:
        return _measure_won(homes, deals, kind=_KINDS[outcome], since=since, until=until)
    return measure_held(
        homes, readings, since=since, until=until, model=model, segments=segments, answers_only=outcome == "answers"
    )


def measure_held(
    homes: Sequence[str | None],
    readings: pa.Table,
    *,
    since: dt.datetime,
    until: dt.datetime,
    model: Model,
    segments: Mapping[str, str],
    answers_only: bool = False,
) -> Measured:
    """Trust held from `since` to `until` by what was read in that time alone; see the head of this module."""
    mine = rescale(_between(readings, since, until), model.yardsticks)
    mine = mine.filter(pc.is_in(mine["facet"], pa.array(list(HELD))))
    if answers_only:
        mine = mine.filter(pc.equal(mine["signal"], SURVEY))
    slope, information = _score_readings(mine, model, segments)
    names = {name: number for number, name in enumerate(sorted({home for home in homes if home is not None}))}
    row = pc.fill_null(pc.index_in(mine["relationship"], pa.array(list(names), pa.string())), -1)
    row, spread = row.to_numpy().astype(np.int64), _spread(model)
    pull, known = (np.bincount(row[row >= 0], of[row >= 0], len(names)) for of in (slope, information))
    value, weight = np.zeros(len(homes)), np.zeros(len(homes))
    for at, home in enumerate(homes):
        if home is not None and known[names[home]] > _NOTHING:
            tells = known[names[home]]
            value[at] = typical_held(model, segments.get(home, "")) + pull[names[home]] / tells / spread
            weight[at] = tells / (tells + 1.0 / spread**2)
    return Measured(outcome=value, weight=weight)


def _score_readings(readings: pa.Table, model: Model, segments: Mapping[str, str]) -> tuple[Floats, Floats]:
    """How far each reading speaks for a level above the typical one, and how much it tells; shape (readings,) each.

    A reading that only says on which side of a cut it lies has one other outcome. What one between two cuts tells is
    taken to be what an exact reading does: how many others there are, it does not say.
    """
    lo, hi, v, rise, alpha, beta = (
        readings[name].to_numpy().astype(np.float64) for name in ("lo", "hi", "v", "slope", "alpha", "beta")
    )
    means = {**dict.fromkeys(HELD, 0.0), **model.means}
    typical = np.array(
        [
            model.segment_means.get(segments.get(home, ""), {}).get(code, means[code])
            for home, code in zip(readings["relationship"].to_pylist(), readings["facet"].to_pylist(), strict=True)
        ],
        np.float64,
    )
    width = np.sqrt(rise**2 + v)  # accounts differ by one standard deviation
    below, above = (lo - rise * typical) / width, (hi - rise * typical) / width
    is_exact = lo == hi
    chance = np.where(is_exact, 0.5, alpha + beta * (ndtr(above) - ndtr(below)))
    chance = np.clip(chance, _NOTHING, 1.0 - _NOTHING)
    moved = beta * rise / width * (_density(below) - _density(above))
    is_cut = ~is_exact & (np.isinf(lo) | np.isinf(hi))
    slope = np.where(is_exact, rise * np.where(is_exact, below, 0.0) / width, moved / chance)
    information = np.where(is_cut, moved**2 / (chance * (1.0 - chance)), rise**2 / width**2)
    return slope, information


def _density(at: Floats) -> Floats:
    return np.exp(-0.5 * at**2) / np.sqrt(2.0 * np.pi)


def score_held(readings: pa.Table, at: dt.datetime, *, model: Model, segments: Mapping[str, str]) -> dict[str, float]:
    """HELD as a whole of each relationship with a reading, in standard deviations between relationships."""
    standings = close_states(readings, at, model, segments=segments)
    return {home: score_pillar(of["HELD"], WHOLE["held"], model).mean for home, of in standings.items() if "HELD" in of}


def typical_held(model: Model, segment: str) -> float:
    """The score of a relationship of which nothing is known."""
    means = {**model.means, **model.segment_means.get(segment, {})}
    return sum(share * means.get(code, 0.0) for code, share in WHOLE["held"].weights.items()) / _spread(model)


def _spread(model: Model) -> float:
    """Prior standard deviation of the weighted sum of HELD's facets: the score's unit."""
    made = dynamics(model, "HELD")
    size = made.facets
    weights = np.full(size, 1.0 / size)
    return float(weights @ (made.prior[:size, :size] + made.prior[size:, size:]) @ weights) ** 0.5


def _between(readings: pa.Table, since: dt.datetime, until: dt.datetime) -> pa.Table:
    kind = readings["at"].type
    after = pc.greater(readings["at"], pa.scalar(since, kind))
    return readings.filter(pc.and_(after, pc.less_equal(readings["at"], pa.scalar(until, kind))))


def _measure_won(
    homes: Sequence[str | None], outcomes: pa.Table, *, kind: str, since: dt.datetime, until: dt.datetime
) -> Measured:
    """Whether an account had one at least won in the time; an account that is gone has no outcome."""
    book = take_deals(outcomes, as_of=until, kinds=(kind,))
    start = int(since.timestamp() * 1_000_000)
    won = {
        home
        for home, end, ended in zip(book.relationships, book.deals.end.tolist(), book.deals.ended.tolist(), strict=True)
        if end == 1 and ended > start
    }
    return Measured(
        outcome=np.array([float(home in won) for home in homes], np.float64),
        weight=np.array([float(home is not None) for home in homes], np.float64),
    )


def find_open(outcomes: pa.Table, *, kind: str, at: dt.datetime) -> set[str]:
    """The accounts with an open deal or renewal at a moment."""
    book = take_deals(outcomes, as_of=at, kinds=(kind,))
    return {home for home, end in zip(book.relationships, book.deals.end.tolist(), strict=True) if end == 0}


def describe_doing(
    seen_by: str | None,
    homes: Mapping[str, Sequence[str]],
    *,
    facet: str | None,
    since: dt.datetime,
    until: dt.datetime,
    turns: pa.Table,
    sentences: pa.Table,
    findings: pa.Table,
    promises: pa.Table,
) -> tuple[tuple[Doing, ...], int | None]:
    """How often a practice was seen in our turns to each arm, before and after the start, and how many crossed.

    Told of arms and of customers; never of one of us.

    Args:
        seen_by: a signal, or DATED; None is seen nowhere.
        homes: relationships by arm.
        facet: of the signal: its occasions are those of the facet.
        since, until: of the trial; before it, a time as long counts.
        turns, sentences, findings: placed, with what was found in them.
        promises: PROMISES.

    Returns: by arm; and accounts of the usual arm in which it was seen at least as often as in half of the practice
        arm, None where that arm showed none.
    """
    if seen_by is None or (seen_by != DATED and facet is None):
        return (), None
    every = pa.array(sorted({home for some in homes.values() for home in some}), pa.string())
    if seen_by == DATED:
        seen = _see_promises(promises.filter(pc.is_in(promises["relationship"], every)))
    else:
        mine = turns.filter(pc.is_in(turns["relationship"], every))
        seen = _see_signal(seen_by, str(facet), mine, sentences, findings)
    start = since - (until - since)
    before = _share_by_home([one for one in seen if one.at is not None and start < one.at <= since])
    after = _share_by_home([one for one in seen if one.at is not None and since < one.at <= until])
    told = tuple(
        Doing(
            arm=arm,
            before=_mean([before[home][0] for home in homes[arm] if home in before]),
            after=_mean([after[home][0] for home in homes[arm] if home in after]),
            accounts=sum(home in after for home in homes[arm]),
            occasions=sum(after[home][1] for home in homes[arm] if home in after),
        )
        for arm in ARMS
    )
    done = [after[home][0] for home in homes["practice"] if home in after]
    edge = float(np.median(done)) if done else 0.0
    crossed = sum(after[home][0] >= edge for home in homes["usual"] if home in after) if edge > 0 else None
    return told, crossed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Occasion:
    home: str
    at: dt.datetime | None
    is_done: bool


def _see_promises(promises: pa.Table) -> list[_Occasion]:
    """Our promises, and whether each names a time."""
    return [
        _Occasion(home=row["relationship"], at=row["said_at"], is_done=row["due_rule"] in _DATED_RULES)
        for row in promises.select(["relationship", "said_at", "due_rule", "side"]).to_pylist()
        if row["side"] == "us"
    ]


def _see_signal(signal: str, facet: str, turns: pa.Table, sentences: pa.Table, findings: pa.Table) -> list[_Occasion]:
    """Our turns with an occasion for the facet, and whether one of their sentences holds the signal."""
    ids = turns["turn_id"].combine_chunks()
    here = [table.filter(pc.is_in(table["turn_id"], ids)) for table in (sentences, findings)]
    evidence = weigh_findings(turns, *here)
    evidence = evidence.filter(pc.equal(evidence["facet"], facet))
    found = here[1].filter(pc.and_(pc.equal(here[1]["signal"], signal), pc.greater_equal(here[1]["probability"], _CUT)))
    done = set(found["turn_id"].to_pylist())
    occasions = set(evidence["turn_id"].to_pylist())
    return [
        _Occasion(home=row["relationship"], at=row["sent_at"], is_done=row["turn_id"] in done)
        for row in turns.select(["turn_id", "relationship", "sent_at", "side"]).to_pylist()
        if row["turn_id"] in occasions and row["side"] == "us"
    ]


def _share_by_home(occasions: Sequence[_Occasion]) -> dict[str, tuple[float, int]]:
    """The share of occasions in which it was done, and how many there were, by account."""
    done: defaultdict[str, list[bool]] = defaultdict(list)
    for one in occasions:
        done[one.home].append(one.is_done)
    return {home: (float(np.mean(some)), len(some)) for home, some in done.items()}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
