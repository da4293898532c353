"""Real deals with made-up trust: what must come out is that nothing goes with it.

8,800 opportunities of a public table have outcomes and no text, so no trust can be read of them. Each account is given
readings made by chance, which have nothing to do with its deals; the ratio of `troth worth` should hold 1 in 95 of 100
such worlds, and the facts in the table alone say how far won and lost can be foretold at all. `bench/worth_real.py`
runs it.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from folds import compare, foretell, set_up

from troth.lenses import WHOLE
from troth.schema import OUTCOME_STEPS, READINGS, empty
from troth.signals import HELD
from troth.trust import DEFAULT_MODEL, follow
from troth.worth.deals import DealBook, count_reasons, take_deals
from troth.worth.facts import AccountFacts
from troth.worth.frozen import ScorePaths
from troth.worth.hazards import OPEN, WON
from troth.worth.ratios import LAGS, trace_curve
from troth.worthing import find_fading

SCORE = WHOLE["held"]
RUNS = 200
AS_OF = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)
BEGINNING = dt.datetime(2016, 1, 1, tzinfo=dt.UTC)
_DAYS = (AS_OF - BEGINNING).days
_STATES = {"Engaging": "open", "Won": "won", "Lost": "lost"}

Floats = npt.NDArray[np.float64]


def read_deals(folder: Path) -> tuple[DealBook, int, list[dict[str, str]]]:
    """The deals, how many rows the table has, and the rows of the deals counted on, in the book's order."""
    with (folder / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    outcomes = [
        {
            "outcome_id": row["opportunity_id"],
            "relationship": row["account"],
            "kind": "deal",
            "stage": row["deal_stage"],
            "state": _STATES[row["deal_stage"]],
            "amount": float(row["close_value"]) if row["close_value"] else None,
            "currency": "USD",
            "opened_at": _day(row["engage_date"]),
            "closed_at": _day(row["close_date"]),
        }
        for row in rows
        if row["engage_date"]
    ]
    book = take_deals(outcomes, as_of=AS_OF)
    by_id = {row["opportunity_id"]: row for row in rows}
    return book, len(rows), [by_id[name] for name in book.ids]


def _day(text: str) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) if text else None


def make_up_readings(accounts: list[str], rng: np.random.Generator) -> pa.Table:
    """READINGS of levels that move slowly by chance, about one a week of each account."""
    home = np.repeat(np.arange(len(accounts)), rng.poisson(_DAYS / 7, len(accounts)))
    day = rng.uniform(0, _DAYS, len(home))
    facet = rng.integers(0, len(HELD), len(home))
    weeks = np.arange(_DAYS // 7 + 2) * 7.0
    steps = rng.standard_normal((len(accounts), len(weeks)))
    keep = 0.5 ** (7.0 / 90.0)  # half of a level is forgotten in 90 days
    level = np.empty_like(steps)
    level[:, 0] = steps[:, 0]
    for week in range(1, len(weeks)):
        level[:, week] = keep * level[:, week - 1] + math.sqrt(1 - keep**2) * steps[:, week]
    value = level[home, (day // 7).astype(np.int64)] + rng.standard_normal(len(home))
    at = int(BEGINNING.timestamp() * 1e6) + (day * 86_400e6).astype(np.int64)
    count = len(home)
    columns: dict[str, Any] = {
        "relationship": pa.array(accounts).take(pa.array(home)),
        "facet": pa.array(list(HELD)).take(pa.array(facet)),
        "at": pa.array(at).cast(pa.timestamp("us", tz="UTC")),
        "signal": ["made up"] * count,
        "lo": value,
        "hi": value,
        "v": np.ones(count),
        "slope": np.ones(count),
        "alpha": np.zeros(count),
        "beta": np.ones(count),
        "slow_only": np.zeros(count, dtype=np.bool_),
        "turn_id": pa.nulls(count, pa.string()),
        "start": pa.nulls(count, pa.int32()),
        "end": pa.nulls(count, pa.int32()),
    }
    return pa.table(columns).cast(READINGS)


def run_placebo(data: Path, rng: np.random.Generator, *, runs: int = RUNS) -> dict[str, Any]:
    """What is left out, how far the facts foretell, and the ratio of made-up trust over many worlds."""
    folder = data / "interactions" / "crm_sales_pipeline"
    book, rows, kept = read_deals(folder)
    accounts = sorted(set(book.relationships))
    fading = find_fading(DEFAULT_MODEL, SCORE)
    ratios: dict[tuple[str, float], list[tuple[float, bool]]] = {}
    for _ in range(runs):
        readings = make_up_readings(accounts, rng)
        turns = pa.table({"relationship": readings["relationship"], "sent_at": readings["at"]})
        facts = AccountFacts(book, turns=turns, steps=empty(OUTCOME_STEPS))
        paths = ScorePaths(follow(readings), SCORE, fading)
        for one in trace_curve(book.deals, book.relationships, paths, facts=facts.of_weeks):
            ratios.setdefault((one.end, one.lag), []).append((math.log(one.ratio), one.low <= 1.0 <= one.high))
    return {
        "rows": rows,
        "opened": book.seen,
        "counted": len(book.ids),
        "accounts": len(accounts),
        "won": int((book.deals.end == WON).sum()),
        "open": int((book.deals.end == OPEN).sum()),
        "left_out": dict(count_reasons(book)),
        "runs": runs,
        "ratios": [
            {
                "end": end,
                "lag": lag,
                "mean": round(math.exp(float(np.mean([log for log, _ in found]))), 4),
                "error": round(float(np.std([log for log, _ in found], ddof=1)) / math.sqrt(len(found)), 4),
                "holds": round(float(np.mean([holds for _, holds in found])), 4),
            }
            for (end, lag), found in ratios.items()
        ],
        "facts": judge_facts(book, kept, folder, rng),
    }


def judge_facts(book: DealBook, kept: list[dict[str, str]], folder: Path, rng: np.random.Generator) -> dict[str, Any]:
    """How well won is told from lost by what the table knew when a deal opened; folds by account."""
    with (folder / "accounts.csv").open(encoding="utf-8", newline="") as file:
        firms = {row["account"]: row for row in csv.DictReader(file)}
    with (folder / "products.csv").open(encoding="utf-8", newline="") as file:
        prices = {row["product"].replace(" ", ""): float(row["sales_price"]) for row in csv.DictReader(file)}
    closed = np.flatnonzero(book.deals.end != OPEN)
    sectors = sorted({firms[row["account"]]["sector"] for row in kept})
    columns: list[list[float]] = []
    for at in closed.tolist():
        row, firm = kept[at], firms[kept[at]["account"]]
        before = (book.deals.account == book.deals.account[at]) & (book.deals.ended < book.deals.opened[at])
        before &= book.deals.end != OPEN
        earlier = int(before.sum())
        won = int((book.deals.end[before] == WON).sum())
        columns.append(
            [
                math.log(prices[row["product"].replace(" ", "")]),
                math.log1p(float(firm["revenue"])),
                math.log1p(float(firm["employees"])),
                float(firm["year_established"]),
                math.log1p(earlier),
                (won + 1.0) / (earlier + 2.0),
                *(float(firm["sector"] == sector) for sector in sectors),
            ]
        )
    outcome = (book.deals.end[closed] == WON).astype(np.float64)
    trial = set_up(outcome, [book.relationships[at] for at in closed.tolist()], rng)
    made = {"facts": foretell(trial, np.array(columns)), "price alone": foretell(trial, np.array(columns)[:, :1])}
    found = compare(trial, made, "price alone", draws=2000, rng=rng)
    return {"closed": len(closed), "AUC": found["score"]["facts"], "price alone": found["score"]["price alone"]}


def draw_placebo(found: dict[str, Any]) -> str:
    """The table of docs/worth-real.md."""
    lines = ["| trust frozen | won: mean ratio | intervals that hold 1 | lost: mean ratio | intervals that hold 1 |"]
    lines.append(f"|{'---|' * 5}")
    by = {(row["end"], row["lag"]): row for row in found["ratios"]}
    for lag in LAGS:
        cells = [f"{lag:.0f} days before"]
        for end in ("won", "lost"):
            row = by[end, lag]
            cells += [f"{row['mean']:.3f} ± {2 * row['error']:.3f}", f"{row['holds']:.1%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
