"""Made-up worlds whose truth is known, for trying out what troth measures.

Nothing in them comes from a real firm. A world is made by an explicit random generator, so that the same seed gives the
same world.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from troth.schema import OUTCOME_STEPS, OUTCOMES, READINGS
from troth.signals import HELD
from troth.worth.hazards import OPEN, WON, hazards
from troth.worth.incidence import follow_course

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BEGINNING: Final = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
"""When every made-up world begins."""

_DAY_US: Final = 86_400 * 1_000_000
_WEEK_US: Final = 7 * _DAY_US
_HALF_LIVES: Final = (720.0, 30.0)  # days, of the slow and the fast part: those of `troth.trust.Model`
_HALO: Final = 0.5
_STATES: Final = ("open", "won", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class DealRules:
    """How a made-up firm sells.

    Attributes:
        accounts, deals, weeks: how many accounts, how many deals each opens on average, how long all of it is watched.
        effect: log odds of winning a week for one standard deviation more trust: the truth to be found.
        warming: standard deviations by which what customers write is warmer in the `warm_days` before they sign,
            though they trust no more than before.
        selection: correlation of an account's trust with its size; larger accounts open larger deals, and larger
            deals are won less often and lost more often.
        reps: sellers, who differ in how often they win and write.
        frailty: standard deviation between accounts in the log odds of winning and of losing, beside everything else.
        quiet, busy: turns a week of a customer without and with a deal open.
        noise: variance of one reading around the level.
    """

    accounts: int = 150
    deals: float = 3.0
    weeks: int = 130
    effect: float = 0.0
    warming: float = 1.5
    warm_days: float = 10.0
    selection: float = 0.3
    reps: int = 6
    frailty: float = 0.0
    quiet: float = 0.4
    busy: float = 1.2
    noise: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DealWorld:
    """A made-up firm: tables as troth reads them, and the truth behind them.

    Attributes:
        rules: what it was made by.
        outcomes, steps, readings: OUTCOMES, OUTCOME_STEPS, READINGS.
        turns: columns relationship and sent_at, one row for each turn of a customer.
        is_warm: shape (turns,), whether a turn fell into the days of warming.
        as_of: until when it is watched.
        level: shape (accounts, weeks): trust held at the start of each week, in standard deviations.
        account: shape (deals,): of each deal, in the order of `outcomes`.
        rep: shape (deals,): its seller.
        log_odds: shape (2, deals): of winning and of losing a week, without trust and age.
    """

    rules: DealRules
    outcomes: pa.Table
    steps: pa.Table
    readings: pa.Table
    turns: pa.Table
    is_warm: NDArray[np.bool_]
    as_of: dt.datetime
    level: Floats
    account: Ints
    rep: Ints
    log_odds: Floats


def make_deal_world(rng: np.random.Generator, rules: DealRules | None = None) -> DealWorld:
    """Make a firm's accounts, deals, turns and readings.

    Trust moves as the filter holds it to move: each facet a slow and a fast part, facets correlated. A deal can be won
    or lost in every week; readings are taken of what customers write, more often while a deal is open, and what they
    write in the days before they sign is warmer than their trust.

    Cost: linear in accounts x weeks and in the turns made.
    """
    rules = rules or DealRules()
    size = rng.standard_normal(rules.accounts)
    facets = _move_levels(rng, rules, size)  # (facets, accounts, weeks)
    level = facets.mean(axis=0) / _spread()
    deals = _play_deals(rng, rules, level, size)
    turns = _write_turns(rng, rules, deals)
    noise = math.sqrt(rules.noise) * rng.standard_normal(len(turns.at))
    week = turns.at // _WEEK_US
    value = facets[turns.facet, turns.account, week] + noise + rules.warming * turns.is_warm
    start = int(BEGINNING.timestamp()) * 1_000_000
    home = pa.array([f"account{number}.example" for number in range(rules.accounts)])
    relationship = home.take(pa.array(turns.account))
    sent_at = pa.array(start + turns.at).cast(pa.timestamp("us", tz="UTC"))
    return DealWorld(
        rules=rules,
        outcomes=_list_outcomes(deals, start, home),
        steps=_list_steps(deals, start),
        readings=_list_readings(relationship, sent_at, turns.facet, value, rules),
        turns=pa.table({"relationship": relationship, "sent_at": sent_at}),
        is_warm=turns.is_warm,
        as_of=BEGINNING + dt.timedelta(weeks=rules.weeks),
        level=level,
        account=deals.account,
        rep=deals.rep,
        log_odds=deals.log_odds,
    )


def expect_money(world: DealWorld, *, step: float = 0.5, days: int = 180) -> float:
    """The true sum that open deals bring within the days beyond what they would, if trust were higher by `step`.

    Trust of each account is held where it stands at the end of the world, or that much above it.
    """
    is_open = np.array([state == "open" for state in world.outcomes["state"].to_pylist()])
    start = int(BEGINNING.timestamp()) * 1_000_000 + world.rules.weeks * _WEEK_US
    opened = world.outcomes["opened_at"].cast(pa.int64()).to_numpy()[is_open]
    ages = ((start - opened) // _WEEK_US)[:, None] + np.arange(-(-days // 7))
    level = world.level[world.account[is_open], -1]
    won_by: list[Floats] = []
    for more in (0.0, step):
        won = world.log_odds[0, is_open] + world.rules.effect * (level + more)
        odds = _age_course(ages)[..., None] + np.stack([won, world.log_odds[1, is_open]], axis=-1)[:, None, :]
        won_by.append(follow_course(odds, np.eye(2)).won_by(float(days)))
    return float(((won_by[1] - won_by[0]) * world.outcomes["amount"].to_numpy()[is_open]).sum())


def make_invoices(rng: np.random.Generator, world: DealWorld, *, effect: float = 0.0, lasting: float = 0.5) -> pa.Table:
    """OUTCOMES: invoices of every account, more by `effect` in logs for one standard deviation more trust.

    Accounts differ by a lasting standard deviation of `lasting` that goes with how much they trust on average.
    """
    rules = world.rules
    usual = world.level.mean(axis=1)
    bent = lasting * (0.6 * usual / usual.std() + 0.8 * rng.standard_normal(rules.accounts))
    many = rng.poisson(np.exp(-2.0 + bent[:, None] + effect * world.level))
    account, week = (np.repeat(index.ravel(), many.ravel()) for index in np.indices(many.shape))
    start = int(BEGINNING.timestamp()) * 1_000_000
    at = pa.array(start + week * _WEEK_US + rng.integers(0, _WEEK_US, len(week))).cast(pa.timestamp("us", tz="UTC"))
    count = len(account)
    columns: dict[str, Any] = {
        "outcome_id": [f"i{number}" for number in range(count)],
        "relationship": [f"account{number}.example" for number in account],
        "kind": ["invoice"] * count,
        "stage": pa.nulls(count, pa.string()),
        "state": ["won"] * count,
        "amount": np.exp(6.0 + 0.5 * rng.standard_normal(count)).round(2),
        "currency": ["EUR"] * count,
        "opened_at": at,
        "closed_at": at,
    }
    return pa.table(columns).cast(OUTCOMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deals:
    """Times in microseconds after the beginning."""

    account: Ints
    rep: Ints
    amount: Floats
    opened: Ints
    ended: Ints
    end: Ints
    log_odds: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turns:
    account: Ints
    at: Ints
    facet: Ints
    is_warm: NDArray[np.bool_]


def _spread() -> float:
    """Standard deviation of the mean of the facets of HELD."""
    return math.sqrt((1 + (len(HELD) - 1) * _HALO) / len(HELD))


def _move_levels(rng: np.random.Generator, rules: DealRules, size: Floats) -> Floats:
    """Every facet of every account over the weeks, shape (facets, accounts, weeks), variance 1."""
    shape = (len(HELD), rules.accounts)
    made = np.empty((*shape, rules.weeks))
    parts = [math.sqrt(0.5) * _draw_facets(rng, shape) for _ in _HALF_LIVES]
    keep = [0.5 ** (7.0 / days) for days in _HALF_LIVES]
    for week in range(rules.weeks):
        made[:, :, week] = parts[0] + parts[1]
        parts = [
            share * part + math.sqrt(0.5 * (1 - share**2)) * _draw_facets(rng, shape)
            for share, part in zip(keep, parts, strict=True)
        ]
    return math.sqrt(1 - rules.selection**2) * made + rules.selection * _spread() * size[:, None]


def _draw_facets(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    common, own = rng.standard_normal(shape[1]), rng.standard_normal(shape)
    return math.sqrt(_HALO) * common + math.sqrt(1 - _HALO) * own


def _play_deals(rng: np.random.Generator, rules: DealRules, level: Floats, size: Floats) -> _Deals:
    """Deals opened at random from the second half year on, and played week by week until they end or are left open."""
    count = int(rng.poisson(rules.accounts * rules.deals))
    account = rng.integers(0, rules.accounts, count)
    rep = rng.integers(0, rules.reps, count)
    volume = (1.5 * size[account] + rng.standard_normal(count)) / math.sqrt(3.25)  # of the deal, variance 1
    skill = 0.2 * rng.standard_normal(rules.reps)
    frailty = rules.frailty * rng.standard_normal((2, rules.accounts))
    log_odds = np.stack([skill[rep] - 0.3 * volume, 0.2 * volume]) + frailty[:, account] - 3.4
    opened = (rng.uniform(min(26, rules.weeks / 2), rules.weeks - 1, count) * _WEEK_US).astype(np.int64)
    ended = np.full(count, rules.weeks * _WEEK_US)
    end = np.zeros(count, dtype=np.int64)
    for age in range(rules.weeks):
        begins = opened + age * _WEEK_US
        at = np.flatnonzero((end == OPEN) & (begins + _WEEK_US <= rules.weeks * _WEEK_US))
        if not len(at):
            break
        trust = level[account[at], begins[at] // _WEEK_US]
        odds = _age_course(np.array(age)) + log_odds[:, at]
        odds[0] += rules.effect * trust
        chance = hazards(odds.T, np.eye(2)).cumsum(axis=-1)
        how = (rng.random((len(at), 1)) > chance).sum(axis=-1)
        over = at[how != OPEN]
        end[over] = how[how != OPEN]
        ended[over] = begins[over] + rng.integers(0, _WEEK_US, len(over))
    amount = np.exp(9.0 + 0.7 * volume).round(2)
    return _Deals(account=account, rep=rep, amount=amount, opened=opened, ended=ended, end=end, log_odds=log_odds)


def _age_course(age: Ints) -> Floats:
    """Log odds of an end over the age of a deal in weeks: rising at first, then falling."""
    return 0.5 * np.log1p(age) - 0.06 * age


def _write_turns(rng: np.random.Generator, rules: DealRules, deals: _Deals) -> _Turns:
    """When customers write: more while a deal is open, and twice as much in the days before they sign."""
    horizon = rules.weeks * _WEEK_US
    accounts = [np.repeat(np.arange(rules.accounts), rng.poisson(rules.quiet * rules.weeks, rules.accounts))]
    times = [rng.integers(0, horizon, len(accounts[0]))]
    won = deals.end == WON
    warm_us = int(rules.warm_days * _DAY_US)
    warm_from = np.maximum(deals.ended[won] - warm_us, 0)
    for whose, since, until in (
        (deals.account, deals.opened, deals.ended),
        (deals.account[won], warm_from, deals.ended[won]),
    ):
        many = rng.poisson(rules.busy * (until - since) / _WEEK_US)
        accounts.append(np.repeat(whose, many))
        reach = np.repeat(until - since, many)
        times.append(np.repeat(since, many) + (rng.random(len(reach)) * reach).astype(np.int64))
    account, at = np.concatenate(accounts), np.minimum(np.concatenate(times), horizon - 1)
    # The next win of the same account: keys rise with account, then with time.
    keys = np.sort(deals.account[won] * 2 * horizon + deals.ended[won])
    following = np.append(keys, np.iinfo(np.int64).max)[np.searchsorted(keys, account * 2 * horizon + at)]
    is_warm = following - (account * 2 * horizon + at) <= warm_us
    return _Turns(account=account, at=at, facet=rng.integers(0, len(HELD), len(at)), is_warm=is_warm)


def _list_outcomes(deals: _Deals, start: int, home: pa.Array) -> pa.Table:
    count = len(deals.end)
    closed = pa.array(start + deals.ended, mask=deals.end == OPEN)
    columns: dict[str, Any] = {
        "outcome_id": [f"d{number}" for number in range(count)],
        "relationship": home.take(pa.array(deals.account)),
        "kind": ["deal"] * count,
        "stage": pa.nulls(count, pa.string()),
        "state": [_STATES[how] for how in deals.end],
        "amount": deals.amount,
        "currency": ["EUR"] * count,
        "opened_at": pa.array(start + deals.opened).cast(pa.timestamp("us", tz="UTC")),
        "closed_at": closed.cast(pa.timestamp("us", tz="UTC")),
    }
    return pa.table(columns).cast(OUTCOMES)


def _list_steps(deals: _Deals, start: int) -> pa.Table:
    """One step for each opening, which states the amount."""
    count = len(deals.end)
    columns: dict[str, Any] = {
        "outcome_id": [f"d{number}" for number in range(count)],
        "at": pa.array(start + deals.opened).cast(pa.timestamp("us", tz="UTC")),
        "stage": pa.nulls(count, pa.string()),
        "state": ["open"] * count,
        "amount": deals.amount,
        "source": ["made up"] * count,
    }
    return pa.table(columns).cast(OUTCOME_STEPS)


def _list_readings(relationship: pa.Array, sent_at: pa.Array, facet: Ints, value: Floats, rules: DealRules) -> pa.Table:
    count = len(value)
    columns: dict[str, Any] = {
        "relationship": relationship,
        "facet": pa.array(list(HELD)).take(pa.array(facet)),
        "at": sent_at,
        "signal": ["turn"] * count,
        "lo": value,
        "hi": value,
        "v": np.full(count, rules.noise),
        "slope": np.ones(count),
        "alpha": np.zeros(count),
        "beta": np.ones(count),
        "slow_only": np.zeros(count, dtype=np.bool_),
        "turn_id": pa.nulls(count, pa.string()),
        "start": pa.nulls(count, pa.int32()),
        "end": pa.nulls(count, pa.int32()),
    }
    return pa.table(columns).cast(READINGS)
