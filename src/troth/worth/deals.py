"""OUTCOMES to deals that can be counted on: what cannot have happened is listed and left out."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.schema import OUTCOMES, conform
from troth.told import Told
from troth.worth.periods import Deals

ENDS: Final = {"open": 0, "won": 1, "lost": 2}

_FIRST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
_LONG_AGO: Final = np.iinfo(np.int64).min
_TIME: Final = pa.timestamp("us", tz="UTC")
_NO_END: Final = "its state is {state!r}, and not open, won or lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One outcome that no figure rests on."""

    outcome_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealBook:
    """The deals of one firm up to one day.

    Attributes:
        deals: times, ends and accounts, in order of opening.
        ids, relationships: of each deal; accounts are numbered by relationship.
        amounts: shape (deals,): NaN where none is stated or it is in another currency.
        currency: that of most amounts; None where no amount is stated.
        foreign: how many amounts are in other currencies.
        left_out: what was left out, each with the reason.
        seen: outcomes of these kinds in all.
    """

    deals: Deals
    ids: list[str]
    relationships: list[str]
    amounts: NDArray[np.float64]
    currency: str | None
    foreign: int
    left_out: tuple[LeftOut, ...]
    seen: int

    @property
    def share(self) -> float:
        """Share of the outcomes seen on which figures rest."""
        return len(self.ids) / self.seen if self.seen else 0.0


def take_deals(
    outcomes: object,
    *,
    as_of: dt.datetime,
    kinds: tuple[str, ...] = ("deal",),
    watched_from: dt.datetime | None = None,
    doubted: Mapping[str, str] | None = None,
) -> DealBook:
    """The deals of these kinds as they stood at `as_of`: what was opened later is not there, what closed later is open.

    Args:
        outcomes: OUTCOMES.
        as_of: until when deals were watched.
        kinds: values of OUTCOMES.kind.
        watched_from: from when on deals were watched; each from its beginning if not given.
        doubted: outcomes that cannot be counted on for what other tables say, with the reason.

    Raises: MissingColumns, BadColumn when it is no such table.
    """
    table = conform(outcomes, OUTCOMES)
    upto = pa.scalar(as_of, _TIME)
    table = table.filter(
        pc.and_(pc.is_in(table["kind"], pa.array(kinds, pa.string())), pc.less_equal(table["opened_at"], upto))
    ).sort_by([("opened_at", "ascending"), ("outcome_id", "ascending")])
    left_out = tuple(_list_doubtful(table, doubted or {}))
    good = table.filter(
        pc.invert(pc.is_in(table["outcome_id"], pa.array([one.outcome_id for one in left_out], pa.string())))
    )
    names = good["relationship"].combine_chunks().dictionary_encode()
    is_over = pc.fill_null(pc.and_(pc.not_equal(good["state"], "open"), pc.less_equal(good["closed_at"], upto)), False)
    opened = _micros(good["opened_at"])
    end = pc.if_else(is_over, pc.index_in(good["state"], pa.array(list(ENDS))), 0)
    currency, foreign = _main_currency(good)
    is_priced = pc.fill_null(pc.equal(good["currency"], pa.scalar(currency, pa.string())), False)
    start = _micros(pa.chunked_array([[watched_from]], _TIME))[0] if watched_from is not None else _LONG_AGO
    return DealBook(
        deals=Deals(
            opened=opened,
            ended=_micros(pc.if_else(is_over, good["closed_at"], upto)),
            end=end.to_numpy().astype(np.int64),
            account=names.indices.to_numpy().astype(np.int64),
            entered=np.maximum(opened, start),
        ),
        ids=good["outcome_id"].to_pylist(),
        relationships=good["relationship"].to_pylist(),
        amounts=pc.fill_null(pc.if_else(is_priced, good["amount"], None), math.nan).to_numpy().astype(np.float64),
        currency=currency,
        foreign=foreign,
        left_out=left_out,
        seen=len(table),
    )


def count_reasons(book: DealBook) -> Counter[str]:
    """How many were left out for each reason."""
    return Counter(one.reason for one in book.left_out)


def _list_doubtful(table: pa.Table, doubted: Mapping[str, str]) -> Iterator[LeftOut]:
    """Outcomes that cannot be counted on, each with the first reason why."""
    state, opened, closed, amount = (table[name] for name in ("state", "opened_at", "closed_at", "amount"))
    is_closed = pc.is_in(state, pa.array(["won", "lost"]))
    doubts: tuple[tuple[Any, str | None], ...] = (
        (pc.invert(pc.is_in(state, pa.array(list(ENDS)))), None),  # said with the state itself
        (pc.less(opened, pa.scalar(_FIRST, _TIME)), "opened before 1990"),
        (pc.and_(is_closed, pc.is_null(closed)), "won or lost without a day on which it closed"),
        (pc.and_(is_closed, pc.less(closed, opened)), "closed before it was opened"),
        (pc.invert(pc.greater_equal(amount, 0.0)), "a negative amount"),
        (pc.equal(table["relationship"], ""), "no account that the book knows"),
    )
    holds = np.array([pc.fill_null(of, fill_value=False).to_numpy() for of, _ in doubts])
    told = pc.is_in(table["outcome_id"], pa.array(list(doubted), pa.string())).to_numpy()
    for at in np.flatnonzero(holds.any(axis=0) | told).tolist():
        name = table["outcome_id"][at].as_py()
        reason = doubts[int(holds[:, at].argmax())][1] if holds[:, at].any() else doubted[name]
        yield LeftOut(outcome_id=name, reason=reason or Told(_NO_END, state=state[at].as_py()))


def _main_currency(table: pa.Table) -> tuple[str | None, int]:
    stated = table.filter(pc.and_(pc.is_valid(table["amount"]), pc.is_valid(table["currency"])))["currency"]
    counts = Counter({one["values"]: one["counts"] for one in stated.value_counts().to_pylist() if one["values"]})
    if not counts:
        return None, 0
    currency, count = max(counts.items(), key=lambda item: (item[1], item[0]))
    return currency, counts.total() - count


def _micros(moments: pa.ChunkedArray) -> NDArray[np.int64]:
    return moments.cast(pa.int64()).to_numpy()
