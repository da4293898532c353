"""How the forecasts did against each rival: log and Brier scores, and a running wealth that may fall.

Wealth is a bet against the rival. Every day it is multiplied by the day's mean of p_model / p_rival over what came. If
the rival were right about every reading, each factor would be 1 on average whatever came before, so that wealth is a
fair game and reaches 20 with probability at most 1/20 at any time ever (Ville 1939; Shafer 2021). The mean within a day
keeps that true where readings of one day hang together, as those of one mail do. The plain product over all readings,
as MEASUREMENT section 7 writes it, is kept beside it: it needs in addition that the rival is right in taking the
readings of a day to be independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from troth.trust.model import Floats, Ints
from troth.trust.rivals import RIVALS

ENOUGH: Final = 20.0
"""Wealth that a rival who is right lets anyone reach with probability at most 5 %."""

DAILY: Final = pa.schema(
    [
        pa.field("day", pa.string(), nullable=False),
        pa.field("rival", pa.string(), nullable=False),
        pa.field("readings", pa.int64(), nullable=False),
        # Means over the day's readings; log scores in nats, higher is better; Brier from 0 (best) to 2.
        pa.field("log_score", pa.float64(), nullable=False),
        pa.field("rival_log_score", pa.float64(), nullable=False),
        pa.field("brier", pa.float64(), nullable=False),
        pa.field("rival_brier", pa.float64(), nullable=False),
        pa.field("factor", pa.float64(), nullable=False),  # mean of p_model / p_rival
        pa.field("log_wealth", pa.float64(), nullable=False),  # after the day, natural
        pa.field("log_product", pa.float64(), nullable=False),  # the same with all readings multiplied
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalScore:
    """The forecasts against one rival, over all scored readings."""

    rival: str
    days: int
    readings: int
    relationships: int
    log_score: float  # means, nats
    rival_log_score: float
    gain: float  # the difference
    gain_error: float | None  # standard error by relationship; None under two of them
    brier: float
    rival_brier: float
    log_wealth: float  # now, and the lowest and highest it ever was after a day; it starts at 0
    log_lowest: float
    log_highest: float
    log_product: float

    @property
    def has_won(self) -> bool:
        """Whether wealth ever reached what a rival who is right lets through once in twenty, and the gain is above 0.

        Wealth alone says that the rival is wrong; it may still be less wrong than we are.
        """
        return self.log_highest >= np.log(ENOUGH) and self.gain > 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chances:
    """The list columns of FORECASTS laid end to end."""

    values: Floats
    start: Ints  # (T,)
    which: Ints  # reading of each value
    happened: npt.NDArray[np.bool_]  # for each value

    @property
    def of_outcome(self) -> Floats:
        """The chance given to what came, shape (T,)."""
        return self.values[self.happened]

    @property
    def brier(self) -> Floats:
        """Sum of squared misses over the outcomes of each reading, shape (T,). Source: Brier 1950."""
        missed = (self.values - self.happened) ** 2
        return np.bincount(self.which, weights=missed, minlength=len(self.start)).astype(np.float64)


def lay_out(forecasts: pa.Table, column: str) -> Chances:
    """One column of chances with what came of each."""
    lists = forecasts[column].combine_chunks()
    lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
    count = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    happened = np.zeros(start[-1], bool)
    happened[start[:-1] + forecasts["outcome"].to_numpy().astype(np.int64)] = True
    return Chances(
        values=lists.flatten().to_numpy().astype(float),
        start=start[:-1],
        which=np.repeat(np.arange(len(count)), count),
        happened=happened,
    )


def score_days(forecasts: pa.Table, *, rivals: Sequence[str] = RIVALS) -> pa.Table:
    """FORECASTS to DAILY: one row for each rival and day, in order of rival and time."""
    if not forecasts.num_rows:
        return DAILY.empty_table()
    forecasts = forecasts.sort_by([("day", "ascending"), ("number", "ascending")])
    days, day = np.unique(np.array(forecasts["day"].to_pylist(), object), return_inverse=True)
    model, count = lay_out(forecasts, "model"), np.bincount(day).astype(float)
    tables: list[pa.Table] = []
    for rival in rivals:
        theirs = lay_out(forecasts, rival)
        ratio = np.log(model.of_outcome) - np.log(theirs.of_outcome)
        factor = np.bincount(day, weights=np.exp(ratio)) / count
        columns = {
            "day": pa.array(days.tolist(), pa.string()),
            "rival": pa.repeat(rival, len(days)),
            "readings": count.astype(np.int64),
            "log_score": np.bincount(day, weights=np.log(model.of_outcome)) / count,
            "rival_log_score": np.bincount(day, weights=np.log(theirs.of_outcome)) / count,
            "brier": np.bincount(day, weights=model.brier) / count,
            "rival_brier": np.bincount(day, weights=theirs.brier) / count,
            "factor": factor,
            "log_wealth": np.cumsum(np.log(factor)),
            "log_product": np.cumsum(np.bincount(day, weights=ratio)),
        }
        tables.append(pa.table(columns, schema=DAILY))
    return pa.concat_tables(tables)


def score_rivals(forecasts: pa.Table, daily: pa.Table) -> tuple[RivalScore, ...]:
    """The whole so far against each rival; none where nothing was scored."""
    if not forecasts.num_rows:
        return ()
    homes = np.unique(np.array(forecasts["relationship"].to_pylist(), object), return_inverse=True)[1]
    return tuple(_score(rival, forecasts, daily, homes) for rival in RIVALS)


def _score(rival: str, forecasts: pa.Table, daily: pa.Table, homes: Ints) -> RivalScore:
    ours, theirs = lay_out(forecasts, "model"), lay_out(forecasts, rival)
    ours_log, theirs_log = np.log(ours.of_outcome), np.log(theirs.of_outcome)
    rows = daily.filter(pa.array(np.array(daily["rival"].to_pylist(), object) == rival))
    path = np.concatenate([[0.0], rows["log_wealth"].to_numpy()])
    return RivalScore(
        rival=rival,
        days=rows.num_rows,
        readings=forecasts.num_rows,
        relationships=int(homes.max()) + 1,
        log_score=float(ours_log.mean()),
        rival_log_score=float(theirs_log.mean()),
        gain=float((ours_log - theirs_log).mean()),
        gain_error=cluster_error(ours_log - theirs_log, homes),
        brier=float(ours.brier.mean()),
        rival_brier=float(theirs.brier.mean()),
        log_wealth=float(path[-1]),
        log_lowest=float(path.min()),
        log_highest=float(path.max()),
        log_product=float(rows["log_product"].to_numpy()[-1]),
    )


def cluster_error(values: Floats, homes: Ints) -> float | None:
    """Standard error of the mean of values that go together within a relationship; None under two relationships.

    Source: Liang and Zeger 1986, with G / (G - 1) for few relationships.
    """
    present, codes = np.unique(homes, return_inverse=True)
    groups = len(present)
    if groups < 2:
        return None
    sums = np.bincount(codes, weights=values - values.mean())
    return float(np.sqrt(groups / (groups - 1) * (sums**2).sum()) / len(values))
