"""Simulated worlds whose structure is known: it is found, or the verdict says that it cannot be told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm
from typer.testing import CliRunner

import troth
from troth.cli import app
from troth.errors import InputError
from troth.mapping import MAPPING, NOT_SEPARABLE, Mapping, judge_comparison, judge_mapping
from troth.schema import READINGS
from troth.trust import DEFAULT_MODEL, Model, log_likelihoods
from troth.trust._arrays import take_evidence
from troth.trust.halo_fit import fit_structure
from troth.trust.likelihood import weigh
from troth.trust.margins import fit_margins, make_dynamics, standardise, take_facets, take_relationships
from troth.trust.model import GAUGES, Floats
from troth.trust.shuffles import score_target, shuffle_lenses
from troth.trust.structure import Comparison, compare_structures
from troth.trust.structures import (
    Structure,
    candidate_structures,
    free_parameters,
    gather_pillars,
    group_facets,
    make_correlation,
)
from troth.trust.targets import Levels, centre_readings, gather_targets

pytestmark = pytest.mark.simulated

FACETS = ("RS", "CL", "CA", "FT", "AT", "OP", "OR")
WHOLE = tuple(code for code in GAUGES["SHOWN"] if code != "CO")
START = np.datetime64("2022-01-01", "us")


def table(columns: dict[str, Any]) -> pa.Table:
    count = len(columns["facet"])
    usual = {"signal": ["turn"] * count, "slope": np.ones(count), "alpha": np.zeros(count), "beta": np.ones(count)}
    return pa.table({**usual, "slow_only": np.zeros(count, bool), **columns}).select(READINGS.names[:11])


def simulate(
    correlation: Floats,
    facets: tuple[str, ...],
    *,
    relationships: int,
    moments: int = 8,
    noise: float = 0.4,
    mean: float = 0.0,
    spread: float = 1.0,
    seed: int = 1,
) -> pa.Table:
    """Exact readings of most facets at random moments of 400 days, from the model of MEASUREMENT 4.1 itself."""
    rng, root = np.random.default_rng(seed), np.linalg.cholesky(correlation)
    size = (relationships, len(facets))
    slow, fast = (rng.standard_normal(size) @ root.T for _ in range(2))
    days = np.sort(rng.uniform(0, 400, (relationships, moments)), axis=1)
    parts: list[dict[str, Any]] = []
    for moment in range(moments):
        if moment:
            gap = (days[:, moment] - days[:, moment - 1])[:, None]
            es, ef = 0.5 ** (gap / 720), 0.5 ** (gap / 30)
            slow = es * slow + np.sqrt(1 - es**2) * (rng.standard_normal(size) @ root.T)
            fast = ef * fast + np.sqrt(1 - ef**2) * (rng.standard_normal(size) @ root.T)
        level = mean + spread * np.sqrt(0.5) * (slow + fast)
        y = level + np.sqrt(noise) * rng.standard_normal(size)
        home, facet = np.nonzero(rng.random(size) < 0.8)
        parts.append({"home": home, "facet": facet, "day": days[home, moment], "y": y[home, facet]})
    home, facet, day, y = (np.concatenate([part[name] for part in parts]) for name in ("home", "facet", "day", "y"))
    return table(
        {
            "relationship": [f"r{number:04}" for number in home],
            "facet": [facets[number] for number in facet],
            "at": pa.array(START + (day * 86_400e6).astype("timedelta64[us]")).cast(READINGS.field("at").type),
            "lo": y,
            "hi": y,
            "v": np.full(len(y), noise),
        }
    )


def grouped(lens: str, facets: tuple[str, ...], *, loading: float = 0.9, halo: float = 0.25) -> Floats:
    """R of a world in which the pillars of a lens are what there is."""
    groups, _ = group_facets(facets, gather_pillars(lens))
    of = np.empty(len(facets), int)
    for number, group in enumerate(groups):
        of[list(group)] = number
    matrix = loading**2 * np.where(of[:, None] == of, 1.0, halo)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def one_factor(facets: tuple[str, ...]) -> Floats:
    loads = np.linspace(0.65, 0.9, len(facets))
    matrix = np.outer(loads, loads)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def ungrouped(facets: tuple[str, ...]) -> Floats:
    """R of a world in which each facet goes with the one half the list away, which no lens puts together."""
    half = len(facets) // 2
    matrix = np.full((len(facets), len(facets)), 0.15) + 0.85 * np.eye(len(facets))
    for i in range(half):
        matrix[i, i + half] = matrix[i + half, i] = 0.8
    return matrix


def compare(readings: pa.Table, gauge: str = "SHOWN") -> Comparison:
    return compare_structures(
        readings, gauge, DEFAULT_MODEL, folds=2, most_readings=20_000, rng=np.random.default_rng(0)
    )


@pytest.fixture(scope="module")
def triangle_world() -> pa.Table:
    """A company that differs from the reference: its mean and spread must not look like a halo."""
    return simulate(grouped("triangle", FACETS), FACETS, relationships=60, moments=6, mean=0.7, spread=1.4)


@pytest.fixture(scope="module")
def triangle(triangle_world: pa.Table) -> Comparison:
    return compare(triangle_world)


def test_the_true_lens_stands_and_no_other(triangle: Comparison) -> None:
    verdict = judge_comparison(triangle)
    assert verdict.is_separable
    assert verdict.lenses == ("triangle",)
    found = triangle.pillars["triangle", "logic", "empathy"]
    assert found.low < 0.25 < found.high < 0.85
    assert triangle.general is not None
    assert triangle.general.of_common.value < 0.8


@pytest.mark.parametrize(("lens", "facets"), [("cognition_affect", FACETS[:6]), ("equation", FACETS)])
def test_the_lens_follows_the_world(lens: str, facets: tuple[str, ...]) -> None:
    comparison = compare(simulate(grouped(lens, facets), facets, relationships=50, moments=5))
    verdict = judge_comparison(comparison)
    assert lens in verdict.lenses
    assert "triangle" not in verdict.lenses


def test_one_factor_is_not_separable() -> None:
    comparison = compare(simulate(one_factor(FACETS[:5]), FACETS[:5], relationships=60, moments=6))
    verdict = judge_comparison(comparison)
    assert verdict.is_separable is False
    assert NOT_SEPARABLE in verdict.words.lower()
    assert comparison.general is not None
    assert comparison.general.of_common.high > 0.8


def test_facets_without_grouping_fit_no_lens() -> None:
    verdict = judge_comparison(compare(simulate(ungrouped(FACETS[:6]), FACETS[:6], relationships=60, moments=6)))
    assert verdict.is_separable
    assert not verdict.lenses
    assert "no lens groups them" in verdict.words


def test_facets_that_do_not_go_together_have_nothing_to_gather() -> None:
    verdict = judge_comparison(compare(simulate(np.eye(4), FACETS[:4], relationships=100, moments=6)))
    assert verdict.is_separable is False
    assert "hardly go together" in verdict.words


def test_a_dominant_general_factor_leaves_one_number(triangle: Comparison) -> None:
    """Told apart with certainty, and still one number: the 80 % rule overrules a sure difference."""
    assert triangle.general is not None
    general = replace(triangle.general, of_common=replace(triangle.general.of_common, value=0.81), explained=0.9)
    verdict = judge_comparison(replace(triangle, general=general))
    assert verdict.is_separable is False
    assert judge_comparison(replace(triangle, general=replace(general, explained=0.5))).is_separable
    assert "81%" in verdict.words


def test_held_is_compared_by_itself(triangle_world: pa.Table) -> None:
    held = simulate(np.full((4, 4), 0.2) + 0.8 * np.eye(4) + _pairs(), GAUGES["HELD"], relationships=50, moments=6)
    comparison = compare(pa.concat_tables([triangle_world, held]), "HELD")
    assert [one.name for one in comparison.structures] == ["one", "free"]
    assert comparison.relationships == 50
    assert judge_comparison(comparison).is_separable


def _pairs() -> Floats:
    """Two pairs of facets that go together much more than with the others."""
    extra = np.zeros((4, 4))
    extra[0, 1] = extra[1, 0] = extra[2, 3] = extra[3, 2] = 0.65
    return extra


# Shuffled mappings


@pytest.mark.parametrize(("lens", "passes"), [("triangle", True), ("cognition_affect", False)])
def test_the_true_mapping_beats_its_shuffles_and_a_false_one_does_not(lens: str, passes: bool) -> None:
    readings = simulate(grouped("triangle", WHOLE), WHOLE, relationships=60)
    shuffled = shuffle_lenses(readings, DEFAULT_MODEL, shuffles=300, rng=np.random.default_rng(3))
    found = {one.lens: one for one in shuffled}[lens]
    assert found.passes is passes
    assert found.foretold == "the next reading of each facet"


def test_where_all_facets_are_one_thing_no_mapping_beats_its_shuffles_by_much() -> None:
    """Over several worlds a lens is no better than chance: its share of beaten shuffles is spread out."""
    shares = [
        one.beaten
        for seed in range(4)
        for one in shuffle_lenses(
            simulate(np.full((9, 9), 0.6) + 0.4 * np.eye(9), WHOLE, relationships=35, moments=5, seed=seed),
            DEFAULT_MODEL, shuffles=100, rng=np.random.default_rng(seed),
        )
    ]  # fmt: skip
    assert len(shares) == 12
    assert 0.2 < np.mean(shares) < 0.8
    assert np.mean(np.array(shares) >= 0.95) < 0.3


def test_survey_answers_are_foretold_where_there_are_enough() -> None:
    """Answers that follow the two facets of logic: the triangle has these together, most shuffles do not."""
    readings = simulate(np.eye(len(WHOLE)), WHOLE, relationships=100, moments=6, noise=0.1)
    evidence = take_evidence(readings)[1]["SHOWN"]
    levels = Levels.follow(evidence, len(GAUGES["SHOWN"]), DEFAULT_MODEL)
    rng, rows = np.random.default_rng(8), []
    at = int((START + np.timedelta64(401, "D")).astype(np.int64))
    for name in evidence.names.to_pylist():
        level = levels.before(name, np.array([at]))[0][0]
        for facet in GAUGES["HELD"]:
            y = level[0] + level[1] + 0.5 * rng.standard_normal()
            lo, hi = (0.0, np.inf) if y > 0 else (-np.inf, 0.0)
            rows.append({"relationship": name, "facet": facet, "at": at, "lo": lo, "hi": hi})
    answers = table(
        {
            **{name: [row[name] for row in rows] for name in ("relationship", "facet", "lo", "hi")},
            "at": pa.array([row["at"] for row in rows]).cast(READINGS.field("at").type),
            "signal": ["survey_answer"] * len(rows),
            "v": np.ones(len(rows)),
        }
    )
    shuffled = shuffle_lenses(
        pa.concat_tables([readings, answers]), DEFAULT_MODEL, shuffles=200, rng=np.random.default_rng(1)
    )
    found = {one.lens: one for one in shuffled}
    assert found["triangle"].foretold == "survey answers"
    assert found["triangle"].targets == 400
    assert found["triangle"].passes
    assert found["triangle"].gain > 0.02


def test_a_target_is_scored_as_by_hand() -> None:
    """The sums by fold give what least squares on the rows themselves gives."""
    readings = simulate(one_factor(FACETS), FACETS, relationships=40, moments=4)
    evidence = take_facets(take_evidence(readings)[1]["SHOWN"], [0, 1])
    levels = Levels.follow(evidence, 2, DEFAULT_MODEL)
    folds = 3
    target = gather_targets(evidence, levels, folds=folds, rng=np.random.default_rng(4)).targets[1]
    fold_of = np.random.default_rng(4).permutation(np.arange(len(evidence.names)) % folds)
    rows, fold = [], []
    for number, name in enumerate(evidence.names.to_pylist()):
        part = slice(int(evidence.start[number]), int(evidence.start[number + 1]))
        known, is_known = levels.before(name, evidence.at[part])
        keep = is_known & (evidence.facet[part] == 1)
        rows.append(np.column_stack([np.ones(int(keep.sum())), known[keep, 0], evidence.lo[part][keep]]))
        fold += [fold_of[number]] * int(keep.sum())
    whole, fold = np.concatenate(rows), np.array(fold)
    total = 0.0
    for number in range(folds):
        rest, here = whole[fold != number], whole[fold == number]
        slopes = np.linalg.lstsq(rest[:, :2], rest[:, 2], rcond=None)[0]
        sd = np.sqrt(np.mean((rest[:, 2] - rest[:, :2] @ slopes) ** 2))
        total += norm.logpdf(here[:, 2], here[:, :2] @ slopes, sd).sum()
    assert_allclose(score_target(target, np.array([[[1.0], [0.0]]])), total, rtol=1e-5)


def test_an_interval_is_centred_as_by_integration() -> None:
    ends = [(-np.inf, -1.0), (0.3, 0.9), (1.5, np.inf), (-0.2, 2.0), (6.0, np.inf), (0.7, 0.7)]
    columns = {
        "relationship": ["a"] * len(ends),
        "facet": ["FT"] * len(ends),
        "at": pa.array(START + np.arange(len(ends)).astype("timedelta64[D]")).cast(READINGS.field("at").type),
        "lo": [lo for lo, _ in ends],
        "hi": [hi for _, hi in ends],
        "v": np.full(len(ends), 0.8),
        "slope": np.full(len(ends), -1.2),
    }
    sd = np.sqrt(1.2**2 + 0.8)
    expected = [
        lo if lo == hi else quad(lambda y: y * norm.pdf(y, 0, sd), lo, hi)[0] / np.diff(norm.cdf([lo, hi], 0, sd))[0]
        for lo, hi in ends
    ]
    expected[4] = sd * norm.pdf(6 / sd) / norm.sf(6 / sd)  # far out the difference of two Phi is no check
    assert_allclose(centre_readings(take_evidence(table(columns))[1]["SHOWN"]), np.array(expected) / -1.2, rtol=1e-7)


# R and its fit


def test_every_structure_makes_a_correlation_matrix() -> None:
    rng = np.random.default_rng(2)
    for structure in candidate_structures(GAUGES["SHOWN"], gauge="SHOWN"):
        assert len(structure.start()) == structure.size
        for spread in (0.5, 3.0, 30.0):
            matrix = structure.correlation(spread * rng.standard_normal(structure.size))
            assert_allclose(np.diag(matrix), 1.0, rtol=0)
            assert_allclose(matrix, matrix.T, rtol=0)
            assert np.linalg.eigvalsh(matrix)[0] > (0 if spread < 10 else -1e-12)


def test_free_numbers_and_matrix_go_both_ways() -> None:
    wanted = ungrouped(FACETS)
    assert_allclose(make_correlation(np.arctanh(np.tanh(free_parameters(wanted)) / 0.995), 7), wanted, atol=1e-9)


def test_a_lens_of_ten_facets_has_its_pillars() -> None:
    by_name = {one.name: one for one in candidate_structures(GAUGES["SHOWN"], gauge="SHOWN")}
    assert list(by_name) == ["one", "cognition_affect", "triangle", "equation", "bifactor", "free"]
    assert by_name["triangle"].names == ("logic", "authenticity", "empathy", "RG", "PE")
    assert [len(group) for group in by_name["equation"].groups] == [3, 2, 3, 1, 1]
    assert (by_name["one"].size, by_name["free"].size, by_name["bifactor"].size) == (10, 45, 13)


def test_structures_that_come_out_alike_are_listed_once() -> None:
    names = [one.name for one in candidate_structures(("RS", "AT"), gauge="SHOWN")]
    assert names == ["one", "cognition_affect"]


def test_a_fit_climbs_to_where_no_direction_gains() -> None:
    """By another road: the fitted R beats the true one on its own data, and is near it."""
    truth = one_factor(FACETS[:4])
    evidence = take_facets(
        take_evidence(simulate(truth, FACETS[:4], relationships=150))[1]["SHOWN"],
        [GAUGES["SHOWN"].index(code) for code in FACETS[:4]],
    )
    structure = candidate_structures(FACETS[:4], gauge="SHOWN")[0]
    fit = fit_structure(evidence, structure, DEFAULT_MODEL)

    def total(matrix: Floats) -> float:
        dyn = make_dynamics(matrix, DEFAULT_MODEL)
        return float(weigh(evidence, lambda _: dyn).sum())

    assert total(fit.correlation) > total(truth)
    for direction in np.eye(structure.size) * 0.1:
        for sign in (1, -1):
            assert total(structure.correlation(fit.theta + sign * direction)) < total(fit.correlation) + 0.1
    assert_allclose(fit.correlation, truth, atol=0.15)


def test_margins_are_the_mean_and_spread_of_the_world() -> None:
    readings = simulate(np.eye(3), FACETS[:3], relationships=300, mean=-0.6, spread=1.5)
    evidence = take_facets(take_evidence(readings)[1]["SHOWN"], [0, 1, 2])
    margins = fit_margins(evidence, 3, DEFAULT_MODEL)
    assert_allclose(margins.mean, -0.6, atol=0.25)
    assert_allclose(margins.spread, 1.5, rtol=0.12)
    again = fit_margins(standardise(evidence, margins), 3, DEFAULT_MODEL)
    assert_allclose(again.mean, 0.0, atol=0.05)
    assert_allclose(again.spread, 1.0, atol=0.05)


def test_parts_of_the_relationships_weigh_what_they_weigh_together() -> None:
    readings = simulate(one_factor(FACETS), FACETS, relationships=20)
    evidence = take_evidence(readings)[1]["SHOWN"]
    together = log_likelihoods(readings, Model(halo=0.5))
    dyn = make_dynamics(np.full((10, 10), 0.5) + 0.5 * np.eye(10), DEFAULT_MODEL)
    some = take_relationships(evidence, np.array([3, 7, 19]))
    assert some.names.to_pylist() == ["r0003", "r0007", "r0019"]
    assert_allclose(weigh(some, lambda _: dyn), [together[name] for name in some.names.to_pylist()], rtol=1e-12)


# The command and the book


def test_too_little_says_so_and_what_is_needed(sample_book: troth.Book) -> None:
    found = sample_book.structure(shuffles=20)
    assert [one.is_separable for one in found.verdicts] == [None, None]
    assert all(one.words.startswith("Too little to say") and "40" in one.words for one in found.verdicts)
    assert found.to_table().schema == MAPPING


def test_the_same_seed_gives_the_same_answer_in_any_order_of_the_rows(triangle_world: pa.Table) -> None:
    steps: list[tuple[int, int]] = []
    few = triangle_world.filter(pc.is_in(triangle_world["facet"], pa.array(["RS", "CL", "AT", "OR"])))

    def judge(readings: pa.Table) -> Mapping:
        return judge_mapping(
            readings, folds=2, shuffles=20, most_readings=800,
            progress=lambda done, total: steps.append((done, total)),
        )  # fmt: skip

    one = judge(few)
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    mixed = few.take(pa.array(np.random.default_rng(0).permutation(len(few))))
    assert judge(mixed).to_table().equals(one.to_table())
    assert one.comparisons[0].relationships < 60
    parts = one.to_table()["part"].to_pylist()
    assert parts[:2] == ["verdict", "verdict"]
    assert {"structure", "general", "pillars", "shuffles"} <= set(parts)


def test_what_cannot_be_asked_is_refused(triangle_world: pa.Table) -> None:
    with pytest.raises(InputError, match="folds must be 2 or more"):
        judge_mapping(triangle_world, folds=1)


def test_nothing_at_all_is_too_little() -> None:
    found = judge_mapping(READINGS.empty_table(), shuffles=20)
    assert [one.is_separable for one in found.verdicts] == [None, None]
    assert not found.shuffled


@pytest.mark.usefixtures("sample_at_hand")
def test_the_command_answers_in_rows() -> None:
    done = CliRunner().invoke(app, ["structure", "--sample", "--format", "jsonl"])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["gauge"], row["part"]) for row in rows[:2]] == [("SHOWN", "verdict"), ("HELD", "verdict")]


def test_a_structure_is_a_plain_value() -> None:
    """Two structures with the same groups are equal, so that they can be found again in a list."""
    first, second = (candidate_structures(FACETS, gauge="SHOWN")[1] for _ in range(2))
    assert isinstance(first, Structure)
    assert first == second
