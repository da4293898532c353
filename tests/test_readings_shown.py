"""What our words show: categories where acts are rare, places in the reference where every sentence tells."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm

from troth.errors import InputError
from troth.readings import Reference, gather_readings, load_reference, weigh_findings
from troth.readings.ordinal import Scale, make_law, make_scale
from troth.readings.reference import (
    PLACES,
    ActReference,
    FacetReference,
    estimate_between,
    estimate_facets,
    estimate_noise,
)
from troth.readings.shown import ACTS, LENGTHS, SIGNAL
from troth.readings.spread import estimate_acts, estimate_share
from troth.schema import EVIDENCE, FINDINGS, PROMISES, SENTENCES, TURNS, conform, empty
from troth.trust import follow

MONDAY = dt.datetime(2026, 11, 16, 9, tzinfo=dt.UTC)
LEVELS = norm.ppf((np.arange(4000) + 0.5) / 4000)

Turn = tuple[str, list[tuple[str, dict[str, float]]]]


def say(*turns: Turn) -> tuple[pa.Table, pa.Table, pa.Table]:
    """TURNS, SENTENCES and FINDINGS of one conversation: (side, [(sentence, {signal: probability})]) an hour apart."""
    said, lines, found = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    for number, (side, sentences) in enumerate(turns):
        said.append(
            {"turn_id": f"t{number}", "conversation_id": "c", "position": number, "speaker": side, "channel": "mail",
             "sent_at": MONDAY + dt.timedelta(hours=number), "body": " ".join(text for text, _ in sentences),
             "automatic": False, "source": "test", "side": side, "circle": "customer", "relationship": "acme"}
        )  # fmt: skip
        start = 0
        for index, (text, signals) in enumerate(sentences):
            where = {"turn_id": f"t{number}", "sentence": index, "start": start, "end": start + len(text)}
            lines.append(where | {"text": text, "language": "en"})
            found += [where | {"signal": name, "probability": value} for name, value in signals.items()]
            start += len(text) + 1
    return conform(said, TURNS), conform(lines, SENTENCES), conform(found, FINDINGS) if found else empty(FINDINGS)


def read(facet: str, *turns: Turn) -> list[dict[str, Any]]:
    """Readings of a facet, on the shipped reference."""
    rows = gather_readings(
        *say(*turns), empty(PROMISES), reference=load_reference(), now=MONDAY + dt.timedelta(days=1)
    ).to_pylist()
    return [row for row in rows if row["facet"] == facet and row["signal"] == SIGNAL]


def move(row: dict[str, Any]) -> float:
    """How far one reading moves the level of its facet from typical, by the filter itself."""
    table = pa.Table.from_pylist([row])
    scores = follow(table).to_pylist()
    return float(next(one["mean"] for one in scores if one["facet"] == row["facet"]))


WORRY: Turn = ("them", [("I am really worried about the launch.", {"feeling": 0.9})])
PLAIN: Turn = ("them", [("The invoice number is four two one.", {"claim": 0.9})])


def ours(*signals: str) -> Turn:
    return ("us", [("We thought about that for a while now.", dict.fromkeys(signals, 0.9))])


@pytest.mark.parametrize(
    ("facet", "worst", "best"),
    [
        ("RS", ("claim",), ("claim", "reason")),
        ("CA", ("claim", "overclaim"), ("claim", "hedge")),
        ("AT", (), ("reaction", "interpretation")),
        ("OP", (), ("disclosure",)),
        ("OR", ("request", "pressure"), ("request", "their_interest")),
        ("PE", (), ("personal",)),
    ],
)
def test_the_best_turn_raises_its_facet_and_the_worst_lowers_it(
    facet: str, worst: tuple[str, ...], best: tuple[str, ...]
):
    low, high = (move(read(facet, WORRY, ours(*signals))[-1]) for signals in (worst, best))
    assert low < 0 < high < 1.0


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    """A facet's scale under shares, detection and slopes of all kinds."""
    rule = ACTS[draw(st.sampled_from(sorted(ACTS)))]
    some = st.floats(0.0, 1.0)
    weights = np.array([draw(some) for _ in rule.categories]) + 1e-9
    shares = dict(zip(rule.categories, (weights / weights.sum()).tolist(), strict=True))
    measured = {name: draw(some) for name in rule.categories if name != rule.plain and draw(st.booleans())}
    law = make_law(rule, shares, measured, {name: draw(some) for name in measured})
    return make_scale(law, v=1.0, slope=draw(st.floats(0.01, 3.0)))


@given(scales())
def test_the_best_outcome_never_lowers_and_the_worst_never_raises(scale: Scale):
    """The chance of the best rises with the level, that of the worst falls, whatever was measured."""
    below = norm.cdf(scale.cuts - scale.slope * np.linspace(-4, 4, 41)[:, None])
    chance = scale.law.alpha + scale.law.beta * np.diff(below, axis=1)
    assert (np.diff(chance[:, -1]) >= -1e-12).all()
    assert (np.diff(chance[:, 0]) <= 1e-12).all()
    assert (scale.law.beta > 0).all()
    assert (np.diff(scale.cuts) > 0).all()


@given(scales())
def test_cuts_give_back_the_shares_over_all_levels(scale: Scale):
    shares = np.diff(norm.cdf(scale.cuts - scale.slope * LEVELS[:, None]), axis=1).mean(axis=0)
    assert_allclose(shares, scale.law.rates / scale.law.rates.sum(), atol=2e-3)


def test_a_long_mail_is_no_better_for_having_more_room():
    """One reason among nine claims is less than one beside the only claim; of none, nine claims say more."""
    claims = [(f"The pump number {n} is the better one.", {"claim": 0.9}) for n in range(9)]
    short = [("The pump is better for you now.", {"claim": 0.9})]
    low_short, low_long = (move(read("RS", ("us", lines))[0]) for lines in (short, claims))
    assert low_long < low_short < 0
    backed = [(text, signals | {"reason": 0.9}) for text, signals in short]
    one_of_nine = [*claims[:4], (claims[4][0], {"claim": 0.9, "reason": 0.9}), *claims[5:]]
    assert move(read("RS", ("us", one_of_nine))[0]) < move(read("RS", ("us", backed))[0])


def test_empathy_nobody_called_for_is_evidence_and_no_reading():
    answer = ours("reaction")
    assert not read("AT", PLAIN, answer)
    assert len(read("AT", WORRY, answer)) == 1
    assert weigh_findings(*say(PLAIN, answer)).filter(pc.field("facet") == "AT").num_rows == 1


def test_the_sentence_that_put_it_there_rides_along():
    lines = [
        ("We will send it on Tuesday morning.", {"request": 0.9}),
        ("Sign today or the price is gone for good.", {"pressure": 0.9}),
    ]
    (row,) = read("OR", ("us", lines))
    assert row["start"] == len(lines[0][0]) + 1


def test_how_much_relationships_differ_comes_back_from_made_up_ones():
    """Truth .25 of the variance, 500 relationships of 12 turns, a third of the acts missed: within .05."""
    rng, rule = np.random.default_rng(11), ACTS["OR"]
    shares = {"pressure": 0.1, "none": 0.7, "theirs": 0.2}
    law = make_law(rule, shares, {"pressure": 0.67, "theirs": 0.67}, {"pressure": 0.98, "theirs": 0.98})
    scale = make_scale(law, v=1.0, slope=float(np.sqrt(0.25 / 0.75)))
    group = np.repeat(np.arange(500), 12)
    level = rng.normal(size=500)[group]
    chance = law.alpha + law.beta * np.diff(norm.cdf(scale.cuts - scale.slope * level[:, None]), axis=1)
    chance /= chance.sum(axis=1, keepdims=True)
    category = (rng.random(len(group))[:, None] > np.cumsum(chance, axis=1)[:, :-1]).sum(axis=1)
    assert estimate_share(category, [law] * len(group), group) == pytest.approx(0.25, abs=0.05)


def test_shares_of_few_turns_are_drawn_toward_those_of_all():
    category = np.array([0] * 90 + [1] * 10 + [1])
    part = estimate_acts(
        ACTS["OP"],
        category,
        length=np.array([0] * 100 + [3]),
        channel=["mail"] * 100 + ["chat"],
        group=np.arange(101) % 20,
        sensitivity={},
        specificity={},
    )
    assert part.rates["mail"][LENGTHS[0]]["opens"] == pytest.approx(0.1, abs=0.01)
    assert 0.1 < part.rates["chat"][LENGTHS[3]]["opens"] < 0.4
    assert all(sum(row.values()) == pytest.approx(1, abs=1e-5) for by in part.rates.values() for row in by.values())
    assert 0 < part.share_between < 0.3


def test_noise_and_share_come_back_from_made_up_turns():
    """Truth: .1 between, .2 of a turn, .9 of a sentence; 600 relationships of 8 turns of 1 to 9 sentences."""
    rng = np.random.default_rng(5)
    group, size = np.repeat(np.arange(600), 8), rng.integers(1, 10, 4800).astype(float)
    noise = rng.normal(size=4800) * np.sqrt(0.2 + 0.9 / size)
    mean = rng.normal(0, np.sqrt(0.1), 600)[group] + noise
    assert estimate_noise(mean, size, between_var=0.1) == pytest.approx((0.2, 0.9), abs=0.1)
    whole = 0.3 + 0.9 / size
    assert estimate_between(mean / np.sqrt(whole), whole, group) == pytest.approx(0.1, abs=0.03)


def test_the_reference_itself_spreads_as_the_filter_takes_it_to():
    """Made-up skewed sentences in two channels of unlike spread: their places are a normal law in both."""
    rng, rows, groups, channels = np.random.default_rng(2), list[dict[str, Any]](), dict[str, str](), dict[str, str]()
    for turn in range(3000):
        groups[f"t{turn}"], channels[f"t{turn}"] = f"r{turn % 200}", ("mail", "call")[turn % 2]
        for sentence in range(1 + turn % 4):
            raw = float(rng.exponential() * (1 + turn % 2))
            rows.append({"turn_id": f"t{turn}", "sentence": sentence, "start": 0, "end": 1, "facet": "CL", "raw": raw})
    part = estimate_facets(conform(rows, EVIDENCE), groups, channels)["CL"]
    for number, channel in enumerate(("mail", "call")):
        by_turn: dict[str, list[float]] = {}
        for row in rows:
            if channels[row["turn_id"]] == channel:
                by_turn.setdefault(row["turn_id"], []).append(row["raw"] - part.means[channel])
        whole = [part.between_var + part.turn_var + part.sentence_var / len(raw) for raw in by_turn.values()]
        apart = np.array([np.mean(raw) for raw in by_turn.values()]) / np.sqrt(whole)
        score = np.interp(apart, part.spread[channel], PLACES)
        assert abs(score.mean()) < 0.06, number
        assert score.std() == pytest.approx(1.0, abs=0.05)


def test_a_reference_that_makes_no_sense_is_refused():
    variances: dict[str, Any] = {"between_var": 0.1, "turn_var": 0.1, "sentence_var": 0.1, "turns": 9}
    with pytest.raises(InputError, match="rising"):
        FacetReference(means={"mail": 0.0}, spread={"mail": [0.0] * len(PLACES)}, **variances)
    with pytest.raises(InputError, match="mail"):
        ActReference(rates={}, share_between=0.1, turns=9)
    with pytest.raises(InputError, match="above 0"):
        ActReference(rates={"mail": {}}, share_between=0.0, turns=9)


def test_a_reference_without_shares_gives_no_readings_of_acts():
    shipped = load_reference()
    bare = Reference(
        encoder="test", corpora="none", facets=shipped.facets, rates=shipped.rates, sensitivity={}, specificity={},
        wait_mean=1.0, wait_between_var=1.0, wait_within_var=1.0,
    )  # fmt: skip
    rows = gather_readings(
        *say(PLAIN, ours("claim")), empty(PROMISES), reference=bare, now=MONDAY + dt.timedelta(days=1)
    )
    assert {row["facet"] for row in rows.to_pylist() if row["signal"] == SIGNAL} <= {"CL", "RG"}
