"""Whether an open act of one side goes with one in the other's next say, and the checks that a figure must pass.

    logit P(answered) = level of a short block of one relationship + b opened + g own_before + k words

`exp(b)` is the ratio told. Source: MEASUREMENT.md section 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from troth.reciprocity.conditional import ConditionalFit, fit_conditional
from troth.reciprocity.pairs import DIRECTIONS, Direction, Pairs, cut_blocks, find_pairs
from troth.reciprocity.says import Says

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAIN_WIDTH: Final = 4
"""Pairs in a block, chosen on made-up worlds before any data: in one that drifts hard and in which nobody answers
anybody, blocks of 4, 8 and 16 pairs gave 1.09, 1.14 and 1.25, whole relationships 2.0 (`bench/reciprocity.py`)."""
LEAST_BLOCKS: Final = 20
"""Blocks in which both what is said first and what is answered vary, from which a ratio is told."""
LEAST_CLUSTERS: Final = 8
"""Relationships from which errors allow for each being different; below, blocks count as independent."""
SHUFFLES: Final = 999
SIGNIFICANT: Final = 0.05

_PRIOR_SD: Final = 2.0  # log odds: a ratio beyond 50 either way is held to be unlikely, and none is infinite

Check = Literal[
    "main", "blocks of 8", "blocks of 16", "whole relationships", "one conversation", "not split", "later act",
    "time reversed", "neutral act",
]  # fmt: skip
Verdict = Literal["goes with", "goes against", "nothing found", "doubtful", "not enough to say"]

PLAIN: Final[dict[Check, str]] = {
    "main": f"blocks of {MAIN_WIDTH} pairs (the figure)",
    "blocks of 8": "blocks of 8 pairs",
    "blocks of 16": "blocks of 16 pairs",
    "whole relationships": "whole relationships",
    "one conversation": "blocks within one conversation",
    "not split": "all pairs in one pot (misleading)",
    "later act": "an act still to come (must be 1)",
    "time reversed": "time turned back",
    "neutral act": "a figure named instead (should be 1)",
}
"""Each check as it reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How many times the odds of an open act in the next say are, where the say before held one.

    Attributes:
        low, high: 95 %; NaN where none is known.
        p: of the block permutation, two-sided; NaN where there is not enough for one.
        pairs: the figure rests on, in blocks with answers of both kinds.
        blocks: of these, in which what was said first varies too.
        relationships: among these pairs.
        enough: whether there are blocks enough to tell it.
    """

    check: Check
    ratio: float
    low: float
    high: float
    p: float
    pairs: int
    blocks: int
    relationships: int
    enough: bool

    @property
    def raised(self) -> bool:
        """Whether it lies above 1 beyond chance."""
        return self.enough and self.ratio > 1.0 and self.p < SIGNIFICANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """One direction: what was found, and how it stands up.

    Attributes:
        first: who spoke first, "us" or "them".
        pairs: in all.
        opened, answered: of these, with an open act in the first and in the second say.
        both: in both.
        relationships: among them.
        ratios: the figure, then its checks.
        verdict, reasons: what may be said, and why no more.
    """

    first: Direction
    pairs: int
    opened: int
    answered: int
    both: int
    relationships: int
    ratios: tuple[Ratio, ...]
    verdict: Verdict
    reasons: tuple[str, ...]

    def find(self, check: Check) -> Ratio:
        """The ratio of one check."""
        return next(ratio for ratio in self.ratios if ratio.check == check)


def measure_both(says: Says, rng: np.random.Generator, *, shuffles: int = SHUFFLES) -> tuple[Answering, Answering]:
    """Our open acts and their answers, and theirs and ours, each with all checks."""
    us, them = (measure_answering(says, first, rng, shuffles=shuffles) for first in DIRECTIONS)
    return us, them


def measure_answering(says: Says, first: Direction, rng: np.random.Generator, *, shuffles: int = SHUFFLES) -> Answering:
    """One direction with all checks. Cost: pairs x shuffles x log pairs, a few times."""
    pairs, back = find_pairs(says, first), find_pairs(says.turn_back(), first)
    ahead = pairs.take(pairs.has_later)
    blocks, plain = cut_blocks(pairs, MAIN_WIDTH), _columns(pairs.own_before, pairs.words)
    tests = (
        _Test("main", pairs, pairs.opened, plain, blocks),
        _Test("blocks of 8", pairs, pairs.opened, plain, cut_blocks(pairs, 8)),
        _Test("blocks of 16", pairs, pairs.opened, plain, cut_blocks(pairs, 16)),
        _Test("whole relationships", pairs, pairs.opened, plain, cut_blocks(pairs, None)),
        _Test("one conversation", pairs, pairs.opened, plain, cut_blocks(pairs, MAIN_WIDTH, within_conversation=True)),
        # Two of their own says later: the first one after the answer may answer that answer, which is the other
        # direction and no placebo. What comes through two more answers is next to nothing.
        _Test(
            "later act", ahead, ahead.later, _columns(ahead.opened, ahead.own_before, ahead.words),
            cut_blocks(ahead, MAIN_WIDTH),
        ),
        _Test(
            "time reversed", back, back.opened, _columns(back.own_before, back.words), cut_blocks(back, MAIN_WIDTH)
        ),
        _Test("neutral act", pairs, pairs.neutral, _columns(pairs.opened, pairs.own_before, pairs.words), blocks),
    )  # fmt: skip
    ratios = [_fit_ratio(test, rng, shuffles) for test in tests]
    ratios.insert(5, _pool(pairs, enough=ratios[0].enough))
    verdict, reasons = judge(ratios)
    return Answering(
        first=first,
        pairs=len(pairs),
        opened=int(pairs.opened.sum()),
        answered=int(pairs.answered.sum()),
        both=int((pairs.opened & pairs.answered).sum()),
        relationships=len(np.unique(pairs.relationship)),
        ratios=tuple(ratios),
        verdict=verdict,
        reasons=reasons,
    )


def judge(ratios: Sequence[Ratio]) -> tuple[Verdict, tuple[str, ...]]:
    """What may be said of the ratios of one direction, and why no more."""
    by = {ratio.check: ratio for ratio in ratios}
    main = by["main"]
    if not main.enough:
        return "not enough to say", (f"{main.blocks} blocks tell anything, and {LEAST_BLOCKS} are needed",)
    if main.p >= SIGNIFICANT or main.low <= 1.0 <= main.high:
        return "nothing found", ()
    if main.ratio < 1.0:
        return "goes against", ()
    reasons: list[str] = []
    if by["later act"].raised:
        reasons.append("an act still to come goes with it too, so both follow something else")
    # By chance alone one in forty is raised: it counts where it goes at least half as far.
    if by["neutral act"].raised and by["neutral act"].ratio > math.sqrt(main.ratio):
        reasons.append("naming a figure goes with it too, so it is not openness that matters")
    reasons += [
        f"{PLAIN[check]} say otherwise"
        for check in ("blocks of 8", "one conversation")
        if by[check].enough and by[check].ratio <= 1.0
    ]
    return ("doubtful", tuple(reasons)) if reasons else ("goes with", ())


def tells_enough(says: Says) -> bool:
    """Whether a figure may be told in either direction, without working it out."""
    some = (find_pairs(says, first) for first in DIRECTIONS)
    return any(
        _count_telling(cut_blocks(pairs, MAIN_WIDTH), pairs.answered, pairs.opened) >= LEAST_BLOCKS for pairs in some
    )


def estimate(
    pairs: Pairs, width: int | None = MAIN_WIDTH, *, prior_sd: float = _PRIOR_SD
) -> tuple[float, float, float]:
    """The log ratio of one width with its 95 % interval, without the checks: for simulations and comparisons."""
    design = _columns(pairs.opened, pairs.own_before, pairs.words)
    fitted = _fit(pairs, design, cut_blocks(pairs, width), prior_sd)
    return (float(fitted.coefficients[0]), *fitted.interval(0))


def pool(pairs: Pairs) -> float:
    """The odds ratio with all pairs in one pot, half a pair added to each cell: what a careless analysis finds."""
    counts = [
        ((pairs.opened == opened) & (pairs.answered == answered)).sum() + 0.5
        for opened, answered in ((1, 1), (0, 0), (1, 0), (0, 1))
    ]
    return float(counts[0] * counts[1] / (counts[2] * counts[3]))


def shuffle_blocks(
    pull: Floats, exposure: Floats, stratum: Ints, rng: np.random.Generator, *, shuffles: int = SHUFFLES
) -> float:
    """How often exposure dealt anew within blocks goes with what is pulled at least as strongly; two-sided.

    Args:
        pull: shape (rows,): what is left of the outcome without the exposure; sums to zero in every stratum.
        exposure: shape (rows,).
        stratum: shape (rows,).

    Source: score test under permutation; the count includes the data themselves (Phipson & Smyth 2010).
    """
    rows = np.flatnonzero(pull)
    if not len(rows):
        return 1.0
    rows = rows[np.argsort(stratum[rows], kind="stable")]
    whose, dealt, pulled = stratum[rows].astype(np.float64), exposure[rows], pull[rows]
    _, numbers = np.unique(whose, return_inverse=True)
    found = abs(float(pulled @ dealt)) - 1e-9
    reached = 1
    for _ in range(shuffles):
        reached += abs(float(pulled @ dealt[np.argsort(numbers + rng.random(len(rows)))])) >= found
    return reached / (shuffles + 1)


class _Test(NamedTuple):
    """One fit: does `exposure` go with the answers of `pairs` within `strata`, beside `others`?"""

    check: Check
    pairs: Pairs
    exposure: Bools
    others: Floats
    strata: Ints


def _fit_ratio(test: _Test, rng: np.random.Generator, shuffles: int) -> Ratio:
    check, pairs, exposure, others, strata = test
    telling = _count_telling(strata, pairs.answered, exposure)
    if not telling:
        return Ratio(
            check=check, ratio=math.nan, low=math.nan, high=math.nan, p=math.nan, pairs=0, blocks=0, relationships=0,
            enough=False,
        )  # fmt: skip
    fitted = _fit(pairs, np.column_stack([exposure.astype(np.float64), others]), strata, _PRIOR_SD)
    chance = math.nan
    if telling >= LEAST_BLOCKS:
        pull = _fit(pairs, others, strata, _PRIOR_SD).residuals
        chance = shuffle_blocks(pull, exposure.astype(np.float64), strata, rng, shuffles=shuffles)
    low, high = fitted.interval(0)
    return Ratio(
        check=check,
        ratio=math.exp(fitted.coefficients[0]),
        low=math.exp(low),
        high=math.exp(high),
        p=chance,
        pairs=fitted.rows,
        blocks=telling,
        relationships=len(np.unique(pairs.relationship[fitted.residuals != 0])),
        enough=telling >= LEAST_BLOCKS,
    )


def _fit(pairs: Pairs, design: Floats, strata: Ints, prior_sd: float) -> ConditionalFit:
    """Clustered by relationship where there are enough of them."""
    whose = pairs.relationship
    mixed = _mixed(strata, pairs.answered)
    clusters = len(np.unique(whose[mixed]))
    return fit_conditional(
        design,
        pairs.answered,
        strata,
        prior_sd=np.full(design.shape[1], prior_sd),
        cluster=whose if clusters >= LEAST_CLUSTERS else None,
    )


def _mixed(strata: Ints, values: Bools) -> Bools:
    """Per row: whether its stratum holds both values."""
    if not len(strata):
        return np.zeros(0, bool)
    sizes, ones = np.bincount(strata), np.bincount(strata, values)
    return ((ones > 0) & (ones < sizes))[strata]


def _count_telling(strata: Ints, answered: Bools, exposure: Bools) -> int:
    return len(np.unique(strata[_mixed(strata, answered) & _mixed(strata, exposure)]))


def _pool(pairs: Pairs, *, enough: bool) -> Ratio:
    return Ratio(
        check="not split", ratio=pool(pairs), low=math.nan, high=math.nan, p=math.nan, pairs=len(pairs), blocks=0,
        relationships=len(np.unique(pairs.relationship)), enough=enough,
    )  # fmt: skip


def _columns(*columns: Bools | Floats) -> Floats:
    return np.column_stack([np.asarray(column, np.float64) for column in columns])
