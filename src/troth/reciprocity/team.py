"""Colleagues first: whether weeks in which a team is warm and open inside go with customers' trust in later weeks.

    news[w + lag] = level of a block of weeks + b inside[w]

`news` is what the week's evidence moved trust held by, averaged over customers; `inside` is what the team showed each
other. One team is one series, so blocks of weeks stand in for what differs, and shuffling within them for chance. It is
never looked at for fewer than eight people (MEASUREMENT.md sections 6 and 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from troth.reciprocity.measure import SHUFFLES, shuffle_blocks

Floats = NDArray[np.float64]

LEAST_PEOPLE: Final = 8
LEAST_WITH_EVIDENCE: Final = 5
LEAST_RELATIONSHIPS: Final = 20
"""MEASUREMENT.md section 8: below, a team view would be one of a person."""
LEAST_WEEKS: Final = 26
BLOCK_WEEKS: Final = 8
LAGS: Final = (1, 2, 4)
"""Weeks from inside to customers; the first was chosen beforehand as the figure."""
PLACEBO_LAGS: Final = (-4, -2)
"""Customers' news before the weeks inside: these must show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamSize:
    """Who is there to look at.

    Attributes:
        people: of us who wrote inside the team.
        with_evidence: of these, of whose words something could be read.
        relationships: with customers whose trust could be read.
        weeks: in which both could.
    """

    people: int
    with_evidence: int
    relationships: int
    weeks: int

    def refuse(self) -> str | None:
        """Why nothing is said; None where it may be."""
        wanted = (
            (self.people, LEAST_PEOPLE, "people who wrote inside the team"),
            (self.with_evidence, LEAST_WITH_EVIDENCE, "of them with something to read"),
            (self.relationships, LEAST_RELATIONSHIPS, "customers with something to read"),
            (self.weeks, LEAST_WEEKS, "weeks with both"),
        )
        short = [f"{has} {what} where {least} are needed" for has, least, what in wanted if has < least]
        if not short:
            return None
        return f"Not looked at: {'; '.join(short)}. A smaller team would make this a view of single people."


@dataclass(frozen=True, slots=True, kw_only=True)
class Lagged:
    """What customers' news goes with, so many weeks after the team's.

    Attributes:
        lag: weeks; negative for a placebo.
        slope: standard deviations of trust held per within-block standard deviation of the team's weeks.
        low, high: 95 %.
        p: of shuffling weeks within blocks, two-sided.
        weeks: it rests on.
    """

    lag: int
    slope: float
    low: float
    high: float
    p: float
    weeks: int

    @property
    def is_placebo(self) -> bool:
        """Whether it must show nothing."""
        return self.lag < 0


def link_weeks(inside: Floats, news: Floats, rng: np.random.Generator, *, shuffles: int = SHUFFLES) -> list[Lagged]:
    """Every lag and placebo, from weekly series of shape (weeks,); NaN where a week holds nothing."""
    return [_link(inside, news, lag, rng, shuffles) for lag in (*LAGS, *PLACEBO_LAGS)]


def judge_weeks(lagged: list[Lagged]) -> str:
    """What may be said, in one sentence."""
    main, placebos = lagged[0], [one for one in lagged if one.is_placebo]
    if np.isnan(main.slope):
        return "Not enough weeks to say."
    if main.p >= 0.05 or main.low <= 0 <= main.high:
        return "Nothing found: weeks inside the team and customers' trust a week later do not go together measurably."
    if any(one.p < 0.05 for one in placebos):
        return "Doubtful: customers' trust goes with the team's later weeks as well, so both follow something else."
    way = "more" if main.slope > 0 else "less"
    return f"Warmer and more open weeks inside the team go with {way} trust held by customers a week later."


def _link(inside: Floats, news: Floats, lag: int, rng: np.random.Generator, shuffles: int) -> Lagged:
    weeks = np.arange(len(inside))
    later = weeks + lag
    kept = (later >= 0) & (later < len(news))
    kept[kept] &= np.isfinite(inside[kept]) & np.isfinite(news[later[kept]])
    x, y, block = inside[kept], news[later[kept]], weeks[kept] // BLOCK_WEEKS
    _, block = np.unique(block, return_inverse=True)
    blocks = int(block.max()) + 1 if len(block) else 0
    free = len(x) - blocks - 1
    x, y = _take_off_level(x, block, blocks), _take_off_level(y, block, blocks)
    if free < 1 or not (x**2).sum() > 1e-12:
        return Lagged(lag=lag, slope=np.nan, low=np.nan, high=np.nan, p=np.nan, weeks=len(x))
    x = x / np.sqrt((x**2).mean())
    slope = float(x @ y / (x @ x))
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / free / (x @ x)))
    reach = float(student.ppf(0.975, free)) * error
    p = shuffle_blocks(y, x, block, rng, shuffles=shuffles)
    return Lagged(lag=lag, slope=slope, low=slope - reach, high=slope + reach, p=p, weeks=len(x))


def _take_off_level(values: Floats, block: NDArray[np.int64], blocks: int) -> Floats:
    sizes = np.bincount(block, minlength=blocks)
    return values - (np.bincount(block, values, blocks) / np.maximum(sizes, 1))[block]
