"""What goes with trust: the published ways to fool oneself and ours, in made-up firms whose truth is known; and speed.

    python bench/worth.py                 # speed and growth: 25,000, 50,000 and 100,000 deals of 26 weeks
    python bench/worth.py --runs 200      # the table in docs/worth.md
    python bench/worth.py --runs 400 --main --effect 0.3001    # how often intervals hold a true ratio of 1.35
    python bench/worth.py --runs 100 --beside                  # within accounts, doubly robust, money by month

A run is one made-up firm (`troth.testing.make_deal_world`): customers write more warmly in the ten days before they
sign, whatever their trust.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.lenses import WHOLE
from troth.schema import OUTCOME_STEPS, OUTCOMES
from troth.signals import HELD
from troth.testing import BEGINNING, DealRules, DealWorld, expect_money, make_deal_world, make_invoices
from troth.trust import DEFAULT_MODEL, follow
from troth.worth.baseline import place_knots
from troth.worth.deals import DealBook, take_deals
from troth.worth.facts import AccountFacts
from troth.worth.frozen import DAY_US, ScorePaths
from troth.worth.hazards import OPEN, WON, fit_hazards
from troth.worth.periods import WEEK_US, Deals, cut_weeks
from troth.worth.ratios import MAIN_LAG, fit_worth, tell_ratio
from troth.worth.timeline import Timeline
from troth.worthing import Evidence, find_fading, gather_evidence, measure_worth

SCORE = WHOLE["held"]
SWEPT = (0.0, 7.0, 14.0, 28.0, 56.0)
NAIVE = (
    "whole-deal average against won/lost",
    "score on the closing day",
    "count of warm turns over the deal",
    "score at the end of the same week",
)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """One made-up firm, ready to be analysed."""

    world: DealWorld
    book: DealBook
    paths: ScorePaths
    facts: AccountFacts


def prepare(seed: int, rules: DealRules) -> Prepared:
    """Make a firm and follow its trust."""
    world = make_deal_world(np.random.default_rng(seed), rules)
    book = take_deals(world.outcomes, as_of=world.as_of)
    paths = ScorePaths(follow(world.readings), SCORE, find_fading(DEFAULT_MODEL, SCORE))
    return Prepared(world=world, book=book, paths=paths, facts=AccountFacts(book, turns=world.turns, steps=world.steps))


def fool_oneself(made: Prepared) -> dict[str, float]:
    """The ratio for one standard deviation by each of the published ways that look at the end to explain it."""
    deals, homes = made.book.deals, made.book.relationships
    closed = deals.end != OPEN
    won = (deals.end[closed] == WON).astype(np.int64)
    weeks = np.maximum((deals.ended - deals.opened) // WEEK_US, 0) + 1
    deal = np.repeat(np.arange(len(deals)), weeks)
    nth = np.arange(len(deal)) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    moments = np.minimum(deals.opened[deal] + (nth + 1) * WEEK_US, deals.ended[deal])
    score = made.paths.freeze(homes, moments, days_before=0.0, whose=deal).value
    average = np.bincount(deal, score) / weeks
    closing = made.paths.freeze(homes, deals.ended, days_before=0.0).value
    same_week = tell_ratio(fit_worth(deals, homes, made.paths, lag=-7.0), "won").ratio
    return dict(
        zip(
            NAIVE,
            (
                logistic_ratio(average[closed], won),
                logistic_ratio(closing[closed], won),
                count_ratio(made, deals),
                same_week,
            ),
            strict=True,
        )
    )


def count_ratio(made: Prepared, deals: Deals) -> float:
    """Odds of winning a week for one standard deviation more warm turns over the whole deal, later ones too."""
    periods = cut_weeks(deals)
    readings = made.world.readings.filter(pc.greater(made.world.readings["lo"], 0.0))
    number = dict(zip(made.book.relationships, deals.account.tolist(), strict=True))
    home = np.array([number.get(name, -1) for name in readings["relationship"].to_pylist()])
    line = Timeline(home[home >= 0], readings["at"].cast(pa.int64()).to_numpy()[home >= 0])
    warm = line.count(deals.account, deals.opened, deals.ended).astype(np.float64)
    weeks = periods.week.astype(np.float64)
    baseline = place_knots(weeks[periods.event != OPEN])
    design = np.column_stack([baseline.expand(weeks), ((warm - warm.mean()) / warm.std())[periods.deal]])
    prior = np.full(design.shape[1], 10.0)
    fitted = fit_hazards(design, periods.event, periods.account, prior_sd=prior)
    return math.exp(fitted.coefficients[WON - 1, -1])


def logistic_ratio(values: np.ndarray, won: np.ndarray) -> float:
    """Odds of won against lost for one standard deviation, by plain logistic regression."""
    design = np.column_stack([np.ones(len(values)), (values - values.mean()) / values.std()])
    fitted = fit_hazards(design, won, np.arange(len(won)), prior_sd=np.array([10.0, 10.0]))
    return math.exp(fitted.coefficients[WON - 1, 1])


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one made-up firm gave: log ratios by way, whether the main intervals held the truth and left out 1."""

    logs: Mapping[str, float]
    covers: bool
    covers_lost: bool
    found: bool
    money_covers: bool | None = None  # whether the 80 % interval of the sum held the true sum
    money_told: bool | None = None


def try_money(seed: int, rules: DealRules) -> Trial:
    """The main ratio and the sum of money of one made-up firm, as `troth worth` gives them, beside the truth."""
    world = make_deal_world(np.random.default_rng(seed), rules)
    found = measure_worth(
        gather_evidence(
            outcomes=world.outcomes, steps=world.steps, turns=world.turns, readings=world.readings, as_of=world.as_of
        )
    )
    won, lost, money = found.ratio("won"), found.ratio("lost"), found.money
    if won is None or lost is None or money is None:
        raise SystemExit("a made-up firm without deals; make it larger.")
    return Trial(
        logs={"frozen 28 days before": math.log(won.ratio)},
        covers=won.low <= math.exp(rules.effect) <= won.high,
        covers_lost=lost.low <= 1.0 <= lost.high,
        found=won.low > 1.0,
        money_covers=money.total.low80 <= expect_money(world) <= money.total.high80,
        money_told=found.tells_money,
    )


def try_world(seed: int, rules: DealRules, *, naive: bool = True) -> Trial:
    """All ways on one made-up firm."""
    made = prepare(seed, rules)
    logs = {name: math.log(ratio) for name, ratio in fool_oneself(made).items()} if naive else {}
    main = None
    for lag in SWEPT if naive else (MAIN_LAG,):
        fitted = fit_worth(
            made.book.deals, made.book.relationships, made.paths, lag=lag, facts=made.facts.of_weeks, start=main
        )
        logs[f"frozen {lag:.0f} days before"] = math.log(tell_ratio(fitted, "won").ratio)
        main = fitted
        if lag == MAIN_LAG:
            won, lost = tell_ratio(fitted, "won"), tell_ratio(fitted, "lost")
    return Trial(
        logs=logs,
        covers=won.low <= math.exp(rules.effect) <= won.high,
        covers_lost=lost.low <= 1.0 <= lost.high,
        found=won.low > 1.0,
    )


def try_beside(seed: int, effect: float) -> list[tuple[str, float, bool, bool]]:
    """What is told beside the ratio, in one made-up firm: name, figure, whether it covers, whether it leaves none out.

    The truth of the doubly robust difference is known only where trust moves nothing.
    """
    rng = np.random.default_rng(seed)
    world = make_deal_world(rng, DealRules(effect=effect))
    invoices = make_invoices(rng, world, effect=effect)
    found = measure_worth(
        gather_evidence(
            outcomes=pa.concat_tables([world.outcomes, invoices]),
            steps=world.steps,
            turns=world.turns,
            readings=world.readings,
            as_of=world.as_of,
        ),
        draws=40,
    )
    won, doubly = next(one for one in found.within if one.end == "won"), found.doubly
    told = [("deals, within accounts", won.ratio, won.low, won.high)]
    told += [(f"money by month, {one.way}", one.ratio, one.low, one.high) for one in found.revenue.ratios]
    made = [
        (name, math.log(ratio), low <= math.exp(effect) <= high, not low <= 1.0 <= high)
        for name, ratio, low, high in told
    ]
    if doubly is not None:
        one = doubly.contrast
        made.append(("doubly robust (agrees)", one.difference, doubly.agrees, not one.low <= 0.0 <= one.high))
        made.append(("by the hazards", doubly.modelled, doubly.modelled_low <= 0.0 <= doubly.modelled_high, False))
    return made


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--effect", type=float, default=0.0)
    parser.add_argument("--frailty", type=float, default=0.0)
    parser.add_argument("--accounts", type=int, default=150)
    parser.add_argument("--main", action="store_true", help="only the ratio 28 days before")
    parser.add_argument("--money", action="store_true", help="the sum of money beside the truth")
    parser.add_argument("--deals", type=int, nargs="*", default=[25_000, 50_000, 100_000])
    parser.add_argument("--beside", action="store_true", help="within accounts, doubly robust, and money by month")
    told = parser.parse_args()
    if told.beside:
        tried = [try_beside(one, told.effect) for one in range(told.seed, told.seed + told.runs)]
        for rows in zip(*tried, strict=True):
            figures = np.array([row[1:] for row in rows], dtype=np.float64)
            mean, covers, found = figures.mean(axis=0)
            error = 1.96 * figures[:, 0].std(ddof=1) / math.sqrt(len(figures))
            sys.stdout.write(
                f"{rows[0][0]:34} mean {mean:+.3f} ± {error:.3f}, covers {covers:.3f}, leaves none out {found:.3f}\n"
            )
        return
    if told.runs:
        rules = DealRules(effect=told.effect, frailty=told.frailty, accounts=told.accounts)
        seeds = range(told.seed, told.seed + told.runs)
        tried = [try_money(one, rules) if told.money else try_world(one, rules, naive=not told.main) for one in seeds]
        show_trials(tried)
        return
    for count in told.deals:
        show_speed(count)


def show_speed(count: int) -> None:
    """Time of one fit, of the whole measurement, and the most memory so far."""
    evidence = make_large(count)
    book = take_deals(evidence.outcomes, as_of=evidence.as_of)
    started, busy = time.perf_counter(), time.process_time()
    facts = AccountFacts(book, turns=evidence.turns, steps=evidence.steps)
    paths = ScorePaths(evidence.trust, evidence.score, evidence.fading)
    fitted = fit_worth(book.deals, book.relationships, paths, facts=facts.of_weeks)
    one, one_busy = time.perf_counter() - started, time.process_time() - busy
    started, busy = time.perf_counter(), time.process_time()
    measure_worth(evidence)
    whole, whole_busy = time.perf_counter() - started, time.process_time() - busy
    weeks, memory = len(cut_weeks(book.deals)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{count:>8,} deals {weeks:>10,} weeks, {len(fitted.periods):,} fitted: one fit {one:.1f} s "
        f"(processor {one_busy:.1f}), everything {whole:.1f} s (processor {whole_busy:.1f}), {memory:,.0f} MB\n"
    )


def make_large(count: int, *, seed: int = 1) -> Evidence:
    """Deals that are watched for 26 weeks on average, nine in ten to their end; an account for five deals."""
    rng = np.random.default_rng(seed)
    accounts = count // 5
    account = rng.integers(0, accounts, count)
    start = int(BEGINNING.timestamp()) * 1_000_000
    end = rng.choice(3, count, p=[0.1, 0.5, 0.4])
    weeks = np.where(end == OPEN, 26, rng.integers(1, 52, count))
    opened = start + np.where(end == OPEN, 720, rng.integers(180, 540, count)) * DAY_US
    homes = pa.array([f"a{number}.example" for number in range(accounts)])
    stamp = pa.timestamp("us", tz="UTC")
    closed = pa.array(opened + weeks * WEEK_US - DAY_US, mask=end == OPEN).cast(stamp)
    names = pa.array([f"d{number}" for number in range(count)])
    amount = np.exp(rng.normal(9, 1, count))
    outcomes = pa.table({
        "outcome_id": names, "relationship": homes.take(pa.array(account)), "kind": pa.repeat("deal", count),
        "stage": pa.nulls(count, pa.string()), "state": pa.array(["open", "won", "lost"]).take(pa.array(end)),
        "amount": amount, "currency": pa.repeat("EUR", count), "opened_at": pa.array(opened).cast(stamp),
        "closed_at": closed,
    })  # fmt: skip
    steps = pa.table({
        "outcome_id": names, "at": pa.array(opened).cast(stamp), "stage": pa.nulls(count, pa.string()),
        "state": pa.repeat("open", count), "amount": amount, "source": pa.repeat("bench", count),
    })  # fmt: skip
    said = accounts * 50
    home = homes.take(pa.array(rng.integers(0, accounts, said)))
    sent = pa.array(start + rng.integers(0, 900 * 86_400, said) * 1_000_000).cast(stamp)
    level = rng.standard_normal(said)
    trust = pa.table({
        "relationship": home, "facet": pa.array(list(HELD)).take(pa.array(rng.integers(0, len(HELD), said))),
        "at": sent, "mean": level, "var": np.full(said, 0.3), "slow": level / 2, "fast": level / 2,
        "reliability": np.full(said, 0.7), "readings": np.ones(said, dtype=np.int64),
    })  # fmt: skip
    return Evidence(
        outcomes=outcomes.cast(OUTCOMES), steps=steps.cast(OUTCOME_STEPS),
        turns=pa.table({"relationship": home, "sent_at": sent}), trust=trust, standing={},
        fading=find_fading(DEFAULT_MODEL, SCORE), score=SCORE,
        as_of=BEGINNING + dt.timedelta(days=720 + 182),
    )  # fmt: skip


def show_trials(trials: list[Trial]) -> None:
    """Mean ratio of each way, and how often the intervals held the truth."""
    out = sys.stdout.write
    for name in trials[0].logs:
        logs = np.array([one.logs[name] for one in trials])
        error = logs.std(ddof=1) / math.sqrt(len(logs))
        out(f"{name:40} {math.exp(logs.mean()):.3f}  (± {1.96 * error * math.exp(logs.mean()):.3f})\n")
    for name in ("covers", "covers_lost", "found", "money_covers", "money_told"):
        if getattr(trials[0], name) is None:
            continue
        out(f"{name:40} {np.mean([getattr(one, name) for one in trials]):.3f}\n")


if __name__ == "__main__":
    main()
