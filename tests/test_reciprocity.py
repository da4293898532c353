"""Whether open acts go with open acts: the fit, the pairs, and made-up worlds whose truth is known."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import troth
from troth.begetting import COLUMNS, measure_reciprocity
from troth.errors import InputError
from troth.pipeline import Understood
from troth.reciprocity.conditional import fit_conditional
from troth.reciprocity.measure import (
    LEAST_BLOCKS,
    Check,
    Ratio,
    estimate,
    judge,
    measure_answering,
    pool,
    shuffle_blocks,
)
from troth.reciprocity.pairs import DIRECTIONS, cut_blocks, find_pairs
from troth.reciprocity.says import gather_says
from troth.reciprocity.team import TeamSize, judge_weeks, link_weeks
from troth.reciprocity.worlds import DRIFTING_PAIRS, UNLIKE_PAIRS, World, make_world
from troth.schema import FINDINGS, READINGS, SENTENCES, TURNS, conform

NO_PRIOR = np.inf


def draw_strata(seed: int, *, rows: int = 400, strata: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    stratum, design = rng.integers(0, strata, rows), rng.normal(size=(rows, 3))
    level = 1.5 * rng.normal(size=strata)
    outcome = rng.random(rows) < 1 / (1 + np.exp(-(design @ [0.8, -0.4, 0.0] + level[stratum])))
    return design, outcome, stratum


def test_the_fit_agrees_with_statsmodels():
    """Its optimiser stops early, so its own slope and likelihood are taken at our solution, and Newton's step there."""
    models = pytest.importorskip("statsmodels.discrete.conditional_models")
    design, outcome, stratum = draw_strata(3)
    fitted = fit_conditional(design, outcome, stratum, prior_sd=np.full(3, NO_PRIOR))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of the strata that it drops, as we do
        theirs = models.ConditionalLogit(outcome.astype(float), design, groups=stratum)
        told = theirs.fit(method="newton", disp=0, start_params=fitted.coefficients)
    np.testing.assert_allclose(told.params, fitted.coefficients, atol=1e-6)
    np.testing.assert_allclose(told.bse, fitted.errors, rtol=1e-5)  # it takes the second derivative by differences
    assert theirs.loglike(fitted.coefficients) == pytest.approx(fitted.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(theirs.score(fitted.coefficients), 0.0, atol=1e-6)


@given(seed=st.integers(0, 10_000), size=st.integers(2, 8), theta=st.floats(-2, 2))
def test_the_fit_agrees_with_counting_every_placement(seed: int, size: int, theta: float):
    """Likelihood and chances of one stratum by listing all ways to place its ones."""
    rng = np.random.default_rng(seed)
    design, ones = rng.normal(size=(size, 1)), int(rng.integers(1, size))
    outcome = np.zeros(size, bool)
    outcome[rng.permutation(size)[:ones]] = True
    stratum = np.zeros(size, np.int64)
    # A prior so tight that the coefficient stays at zero; theta is put into the column instead.
    fitted = fit_conditional(design * theta, outcome, stratum, prior_sd=np.array([1e-9]))
    ways = [list(rows) for rows in combinations(range(size), ones)]
    assert fitted.log_likelihood == pytest.approx(-np.log(len(ways)))
    np.testing.assert_allclose(fitted.residuals, outcome - ones / size, atol=1e-9)
    free = fit_conditional(design, outcome, stratum, prior_sd=np.array([1.0]))
    weights = np.array([np.exp(design[rows, 0].sum() * free.coefficients[0]) for rows in ways])
    chance = np.array([sum(weights[at] for at, rows in enumerate(ways) if row in rows) for row in range(size)])
    np.testing.assert_allclose(outcome - free.residuals, chance / weights.sum(), atol=1e-9)
    pull = design[outcome, 0].sum() - (chance / weights.sum()) @ design[:, 0]
    assert pull == pytest.approx(free.coefficients[0], abs=1e-6)  # the slope equals the prior's pull at the top


def test_a_long_stratum_neither_over_nor_underflows():
    design, _, _ = draw_strata(5, rows=3000)
    outcome = np.random.default_rng(1).random(3000) < 0.01
    fitted = fit_conditional(design[:, :1], outcome, np.zeros(3000, np.int64), prior_sd=np.array([NO_PRIOR]))
    assert np.isfinite(fitted.log_likelihood)
    assert abs(fitted.residuals.sum()) < 1e-8
    # With a rare outcome in one long stratum, conditional and ordinary logit nearly agree.
    x, rate = design[:, 0], outcome.mean()
    first = float((x * (outcome - rate)).sum() / (rate * (1 - rate) * ((x - x.mean()) ** 2).sum()))
    assert fitted.coefficients[0] == pytest.approx(first, abs=0.05)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"outcome": np.zeros(3, bool)}, "one outcome and one stratum"),
        ({"prior_sd": np.zeros(3)}, "above zero"),
        ({"design": np.full((400, 3), np.nan)}, "not finite"),
        ({"design": np.zeros((400, 3))}, "no bound"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change: dict[str, np.ndarray], says: str):
    design, outcome, stratum = draw_strata(1)
    given_ = {"design": design, "outcome": outcome, "stratum": stratum, "prior_sd": np.full(3, NO_PRIOR)} | change
    with pytest.raises(InputError, match=says):
        fit_conditional(**given_)


def make_turns(script: str, *, home: str = "acme.example", talk: str = "c1") -> tuple[pa.Table, pa.Table, pa.Table]:
    """One turn for each letter: u or t for us and them, in capitals where it holds an open act."""
    turns, sentences, findings = [], [], []
    for number, letter in enumerate(script):
        turn_id, side = f"{home} {talk} {number}", "us" if letter.lower() == "u" else "them"
        text = "We will send 3 of them." if number % 3 == 0 else "We will send them soon."
        turns.append(
            {
                "turn_id": turn_id, "conversation_id": talk, "position": number, "speaker": side, "channel": "chat",
                "body": text, "automatic": False, "source": "test", "side": side, "circle": "customer",
                "relationship": home, "sent_at": None,
            }
        )  # fmt: skip
        span = {"turn_id": turn_id, "sentence": 0, "start": 0, "end": len(text)}
        sentences.append({**span, "text": text, "language": "en"})
        if letter.isupper():
            findings.append({**span, "signal": "apology", "probability": 0.5})
        findings.append({**span, "signal": "feeling", "probability": 0.49})
    return conform(turns, TURNS), conform(sentences, SENTENCES), conform(findings, FINDINGS)


def test_turns_in_a_row_are_one_say_and_pairs_stay_in_their_conversation():
    says = gather_says(*make_turns("uUtTtu"))
    assert says.is_us.tolist() == [True, False, True]
    assert says.is_open.tolist() == [True, True, False]
    np.testing.assert_allclose(says.words, np.log1p([11.0, 16.0, 6.0 - 1.0]), atol=0.2)
    tables = [pa.concat_tables(parts) for parts in zip(make_turns("U"), make_turns("T", talk="c2"), strict=True)]
    assert not len(find_pairs(gather_says(*tables), "us"))


def test_a_pair_knows_what_came_before_and_what_comes_later():
    pairs = find_pairs(gather_says(*make_turns("TUTuTut")), "us")
    assert pairs.opened.tolist() == [True, False, False]
    assert pairs.answered.tolist() == [True, True, False]
    assert pairs.own_before.tolist() == [True, True, True]
    # Ours after the next one: of the first pair that is the third of ours; the others have none.
    assert pairs.has_later.tolist() == [True, False, False]
    assert pairs.later.tolist() == [False, False, False]
    theirs = find_pairs(gather_says(*make_turns("TUTuTut")), "them")
    assert theirs.opened.tolist() == [True, True, True]
    assert theirs.answered.tolist() == [True, False, False]


@given(script=st.text("uUtT", min_size=1, max_size=30))
def test_pairs_are_what_a_plain_walk_finds(script: str):
    says = gather_says(*make_turns(script))
    runs: list[tuple[str, bool]] = []
    for letter in script:
        if runs and runs[-1][0] == letter.lower():
            runs[-1] = (letter.lower(), runs[-1][1] or letter.isupper())
        else:
            runs.append((letter.lower(), letter.isupper()))
    for first in DIRECTIONS:
        letter = first[0]
        walked = [(a[1], b[1]) for a, b in pairwise(runs) if a[0] == letter]
        pairs = find_pairs(says, first)
        assert list(zip(pairs.opened.tolist(), pairs.answered.tolist(), strict=True)) == walked
        back = find_pairs(says.turn_back(), first)  # turned back, what came after a say comes before it
        turned = [(b[1], a[1]) for a, b in pairwise(runs) if b[0] == letter]
        assert list(zip(back.opened.tolist(), back.answered.tolist(), strict=True)) == turned[::-1]


def test_blocks_are_so_many_pairs_of_one_relationship():
    world = make_world(World(relationships=3, says=21), np.random.default_rng(0))
    pairs = find_pairs(world, "us")
    blocks = cut_blocks(pairs, 4)
    for block in np.unique(blocks):
        rows = np.flatnonzero(blocks == block)
        assert len(rows) <= 4
        assert (np.diff(rows) == 1).all()
        assert len(set(pairs.relationship[rows])) == 1
    assert len(np.unique(cut_blocks(pairs, None))) == 3


def test_shuffling_in_blocks_keeps_to_chance_and_sees_a_link():
    rng = np.random.default_rng(0)
    stratum = np.repeat(np.arange(40), 6)
    exposure, noise = rng.random(240), rng.standard_normal(240)
    level = np.bincount(stratum, noise)[stratum] / 6
    assert shuffle_blocks(exposure - 0.5, exposure, stratum, rng, shuffles=199) == 1 / 200
    chances = [shuffle_blocks(noise - level, rng.random(240), stratum, rng, shuffles=99) for _ in range(100)]
    assert 0.35 < np.mean(chances) < 0.65
    assert np.mean(np.array(chances) < 0.1) < 0.2


RUNS = 24


def measure_world(world: World, *, width: int | None = 4, seed: int = 7) -> np.ndarray:
    """Log ratio and interval of each run, and the log ratio of one pot, shape (runs, 4)."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(RUNS):
        pairs = find_pairs(make_world(world, rng), "us")
        rows.append((*estimate(pairs, width), np.log(pool(pairs))))
    return np.array(rows)


@pytest.mark.simulated
def test_where_nobody_answers_one_pot_is_misled_and_blocks_are_not():
    for world, least_in_one_pot, most in ((UNLIKE_PAIRS, 1.7, 1.15), (DRIFTING_PAIRS, 3.5, 1.2)):
        log, low, high, pooled = measure_world(world).T
        assert np.exp(pooled.mean()) > least_in_one_pot
        assert 0.88 < np.exp(log.mean()) < most
        assert ((low <= 0) & (high >= 0)).mean() > 0.75
    whole = measure_world(replace(DRIFTING_PAIRS, relationships=10), width=None)[:, 0]
    assert np.exp(whole.mean()) > 1.4  # a relationship taken whole is not enough where it drifts


@pytest.mark.simulated
def test_an_answer_is_found_and_only_in_its_direction():
    effect = np.log(2)
    log, low, high, _ = measure_world(replace(UNLIKE_PAIRS, to_them=effect)).T
    assert log.mean() == pytest.approx(effect, abs=0.15)
    assert ((low <= effect) & (high >= effect)).mean() > 0.82
    assert (low > 0).mean() > 0.8
    log, low, high, _ = measure_world(replace(UNLIKE_PAIRS, to_us=effect)).T
    assert log.mean() == pytest.approx(0.0, abs=0.15)
    assert ((low <= 0) & (high >= 0)).mean() > 0.82


def test_every_check_of_a_known_world():
    """Ours is answered, theirs is not; what is to come and the neutral act show nothing."""
    says = make_world(replace(UNLIKE_PAIRS, relationships=100, to_them=1.2), np.random.default_rng(4))
    us = measure_answering(says, "us", np.random.default_rng(0), shuffles=99)
    them = measure_answering(says, "them", np.random.default_rng(0), shuffles=99)
    assert (us.verdict, us.reasons) == ("goes with", ())
    assert us.find("main").p == 0.01
    assert us.find("later act").low <= 1.0 <= us.find("later act").high
    assert us.find("neutral act").low <= 1.0 <= us.find("neutral act").high
    assert us.find("time reversed").ratio < us.find("main").ratio / 2
    assert them.verdict == "nothing found"
    assert them.find("time reversed").raised  # the other direction, seen backwards
    assert us.find("not split").ratio > us.find("main").ratio


def make_ratio(check: Check, ratio: float = 1.0, p: float = 0.5, *, enough: bool = True) -> Ratio:
    return Ratio(
        check=check, ratio=ratio, low=ratio * 0.8, high=ratio * 1.25, p=p, pairs=99, blocks=LEAST_BLOCKS,
        relationships=9, enough=enough,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "goes with"),
        ({"main": make_ratio("main", 2.0, 0.001, enough=False)}, "not enough to say"),
        ({"main": make_ratio("main", 1.1, 0.3)}, "nothing found"),
        ({"main": make_ratio("main", 0.4, 0.001)}, "goes against"),
        ({"later act": make_ratio("later act", 1.9, 0.01)}, "doubtful"),
        ({"neutral act": make_ratio("neutral act", 1.9, 0.01)}, "doubtful"),
        ({"neutral act": make_ratio("neutral act", 1.2, 0.04)}, "goes with"),
        ({"blocks of 8": make_ratio("blocks of 8", 0.9)}, "doubtful"),
        ({"one conversation": make_ratio("one conversation", 0.9, enough=False)}, "goes with"),
    ],
)
def test_a_figure_is_told_only_where_its_checks_hold(changes: dict[Check, Ratio], verdict: str):
    good: dict[Check, Ratio] = {
        "main": make_ratio("main", 2.0, 0.001), "blocks of 8": make_ratio("blocks of 8", 2.0, 0.001),
        "one conversation": make_ratio("one conversation", 2.0), "later act": make_ratio("later act"),
        "neutral act": make_ratio("neutral act"),
    }  # fmt: skip
    found, reasons = judge(list((good | changes).values()))
    assert found == verdict
    assert bool(reasons) == (verdict in {"doubtful", "not enough to say"})


def test_too_little_says_so():
    us = measure_answering(gather_says(*make_turns("UTutUt")), "us", np.random.default_rng(0), shuffles=9)
    assert us.verdict == "not enough to say"
    assert (us.pairs, us.opened, us.answered, us.both) == (3, 2, 1, 1)
    empty = gather_says(*(schema.empty_table() for schema in (TURNS, SENTENCES, FINDINGS)))
    assert measure_answering(empty, "us", np.random.default_rng(0)).verdict == "not enough to say"


@pytest.mark.parametrize("lag", [1, 2])
def test_a_team_s_weeks_are_found_where_they_go_before_customers_news(lag: int):
    rng = np.random.default_rng(2)
    inside = rng.standard_normal(104)
    news = 0.8 * np.roll(inside, lag) + rng.standard_normal(104) + np.sin(np.arange(104) / 12)
    found = {one.lag: one for one in link_weeks(inside, news, rng, shuffles=199)}
    assert found[lag].p < 0.02
    assert found[lag].low > 0
    assert all(found[other].p > 0.01 for other in found if other != lag)
    told = judge_weeks(list(found.values()))
    assert told.startswith("Warmer" if lag == 1 else "Nothing found")


def test_what_drifts_together_is_no_link_between_weeks():
    """Two series that only share a slow wave correlate strongly, and not within blocks."""
    rng = np.random.default_rng(6)
    wave = 3 * np.sin(np.arange(208) / 25)
    inside, news = wave + rng.standard_normal(208), wave + rng.standard_normal(208)
    assert np.corrcoef(inside, news)[0, 1] > 0.7
    assert link_weeks(inside, news, rng, shuffles=199)[0].p > 0.01


def test_a_small_team_is_refused_with_the_reason():
    size = TeamSize(people=7, with_evidence=5, relationships=20, weeks=26)
    assert "7 people who wrote inside the team where 8 are needed" in str(size.refuse())
    assert replace(size, people=8).refuse() is None


def test_a_book_of_twenty_customers_and_eight_colleagues(sample_book: troth.Book):
    """Both customers that open up in turn and a team large enough are told of; no colleague's name is anywhere."""
    rng = np.random.default_rng(0)
    parts = []
    for customer in range(24):
        script, before = "", False
        for at in range(80):
            letter = "ut"[at % 2]
            before = rng.random() < (0.7 if before else 0.25)
            script += letter.upper() if before else letter
        parts.append(make_turns(script, home=f"firm{customer}.example", talk=f"c{customer}"))
    tables = [pa.concat_tables(some) for some in zip(*parts, strict=True)]
    known = Understood(turns=tables[0], sentences=tables[1], findings=tables[2])
    found = measure_reciprocity(known, sample_book.readings(), main=str, segments={}, shuffles=99)
    assert [one.verdict for one in found.circles["customer"]] == ["goes with", "goes with"]
    assert "goes with" in found.say()[0]
    assert found.inside.refusal is not None
    assert {row["scope"] for row in found.list_rows()} <= {"customer", "team", *(f"firm{n}.example" for n in range(24))}
    svg = found.chart().to_dict()
    assert svg["vconcat"]


def test_the_sample_says_what_it_cannot_say(sample_book: troth.Book):
    found = sample_book.reciprocity()
    assert {one.verdict for both in found.circles.values() for one in both} == {"not enough to say"}
    assert "where 8 are needed" in found.inside.say()
    assert all(list(row) == list(COLUMNS) for row in found.list_rows())
    assert not [row for row in found.list_rows() if row["ratio"] is not None]
    people = {"gesa", "priya", "jorun", "mirek", "casper", "anna"}
    assert not [row for row in found.list_rows() if any(name in str(row).lower() for name in people)]
    with pytest.raises(InputError, match="not enough to say yet"):
        found.chart()


def test_a_large_team_s_warm_weeks_are_followed_by_customers_news():
    """From turns and readings on: eight people thank each other in some weeks, and customers' trust follows."""
    rng = np.random.default_rng(5)
    warm, turns, findings, readings = rng.random(60) < 0.5, [], [], []
    sentences: list[dict[str, object]] = []
    for week in range(60):
        monday = dt.datetime(2025, 1, 6, 9, tzinfo=dt.UTC) + dt.timedelta(weeks=week)
        for person in range(8):
            turn_id, text = f"{week} {person}", "The list of all the orders is done."
            turns.append(
                {
                    "turn_id": turn_id, "conversation_id": str(week), "position": person, "channel": "chat",
                    "speaker": f"p{person}@us.example", "body": text, "automatic": False, "source": "test",
                    "side": "us" if person else "them", "circle": "colleague", "relationship": "team",
                    "sent_at": monday + dt.timedelta(hours=person),
                }
            )  # fmt: skip
            span = {"turn_id": turn_id, "sentence": 0, "start": 0, "end": len(text)}
            sentences.append({**span, "text": text, "language": "en"})
            chance = 0.9 if warm[week] else 0.1 + 0.1 * rng.random()
            findings += [{**span, "signal": name, "probability": chance} for name in ("gratitude", "disclosure")]
        for customer in range(20):
            level = (1.5 if week and warm[week - 1] else -1.5) + rng.standard_normal()
            readings.append(
                {"relationship": f"c{customer}.example", "facet": "HI", "at": monday + dt.timedelta(days=3),
                 "signal": "turn", "lo": level, "hi": level, "v": 4.0, "slope": 1.0, "alpha": 0.0, "beta": 1.0,
                 "slow_only": False}
            )  # fmt: skip
    known = Understood(
        turns=conform(turns, TURNS), sentences=conform(sentences, SENTENCES), findings=conform(findings, FINDINGS)
    )
    segments = {f"c{customer}.example": "customer" for customer in range(20)}
    held = conform(readings, READINGS)
    inside = measure_reciprocity(known, held, main=str, segments=segments, shuffles=199).inside
    assert inside.refusal is None
    assert inside.size == TeamSize(people=8, with_evidence=8, relationships=20, weeks=60)
    assert inside.say().startswith("Warmer and more open weeks inside the team go with more trust")
    one = {"p0@us.example": "p1@us.example"}  # two addresses of one person make seven people
    fewer = measure_reciprocity(known, held, main=lambda who: one.get(who, who), segments=segments).inside
    assert "7 people" in str(fewer.refusal)
    assert not fewer.lagged
