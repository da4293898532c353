"""OUTCOMES to deals that can be counted on: what cannot have happened is listed and left out."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from troth.schema import OUTCOMES, conform
from troth.worth.periods import Deals

ENDS: Final = {"open": 0, "won": 1, "lost": 2}

_FIRST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)


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
    table = conform(outcomes, OUTCOMES).sort_by([("opened_at", "ascending"), ("outcome_id", "ascending")])
    rows = [row for row in table.to_pylist() if row["kind"] in kinds and row["opened_at"] <= as_of]
    judged = [(row, _doubt(row) or (doubted or {}).get(row["outcome_id"])) for row in rows]
    good = [row for row, doubt in judged if doubt is None]
    accounts = {name: at for at, name in enumerate(dict.fromkeys(row["relationship"] for row in good))}
    ended = [row["closed_at"] if _is_over(row, as_of) else as_of for row in good]
    opened = _micros([row["opened_at"] for row in good])
    start = _micros([watched_from])[0] if watched_from is not None else np.iinfo(np.int64).min
    currency, foreign = _main_currency(good)
    return DealBook(
        deals=Deals(
            opened=opened,
            ended=_micros(ended),
            end=np.array([ENDS[row["state"]] if _is_over(row, as_of) else 0 for row in good], dtype=np.int64),
            account=np.array([accounts[row["relationship"]] for row in good], dtype=np.int64),
            entered=np.maximum(opened, start),
        ),
        ids=[row["outcome_id"] for row in good],
        relationships=[row["relationship"] for row in good],
        amounts=np.array(
            [np.nan if row["amount"] is None or row["currency"] != currency else row["amount"] for row in good],
            dtype=np.float64,
        ),
        currency=currency,
        foreign=foreign,
        left_out=tuple(LeftOut(outcome_id=row["outcome_id"], reason=doubt) for row, doubt in judged if doubt),
        seen=len(rows),
    )


def count_reasons(book: DealBook) -> Counter[str]:
    """How many were left out for each reason."""
    return Counter(one.reason for one in book.left_out)


def _is_over(row: dict[str, Any], as_of: dt.datetime) -> bool:
    return row["state"] != "open" and row["closed_at"] is not None and row["closed_at"] <= as_of


def _doubt(row: dict[str, Any]) -> str | None:
    """Why an outcome cannot be counted on; None when it can."""
    is_closed = row["state"] in ("won", "lost")
    doubts = (
        (row["state"] not in ENDS, f"its state is {row['state']!r}, and not open, won or lost"),
        (row["opened_at"] < _FIRST, "opened before 1990"),
        (is_closed and row["closed_at"] is None, "won or lost without a day on which it closed"),
        (is_closed and (row["closed_at"] or row["opened_at"]) < row["opened_at"], "closed before it was opened"),
        (row["amount"] is not None and not row["amount"] >= 0, "a negative amount"),
        (not row["relationship"], "no account that the book knows"),
    )
    return next((doubt for holds, doubt in doubts if holds), None)


def _main_currency(rows: list[dict[str, Any]]) -> tuple[str | None, int]:
    stated = Counter(row["currency"] for row in rows if row["amount"] is not None and row["currency"])
    if not stated:
        return None, 0
    currency, count = max(stated.items(), key=lambda item: (item[1], item[0]))
    return currency, stated.total() - count


def _micros(moments: list[Any]) -> NDArray[np.int64]:
    return pa.array(moments, pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
