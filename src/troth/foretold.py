"""Each survey answer is first forecast, then used: how well the standing before it foretold what was marked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings import forecast_answer
from troth.schema import ANSWERS, READINGS, conform
from troth.surveys import learn_items
from troth.trust import DEFAULT_MODEL, Model, Standing, close_states

_RELEARN_AT: Final = 1.1  # items are learned anew when there are a tenth more answers

FORECASTS: Final = pa.schema(
    [
        pa.field("answer_id", pa.string(), nullable=False),
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("answered_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("value", pa.int32(), nullable=False),
        pa.field("chances", pa.list_(pa.float64()), nullable=False),  # of each point, lowest first, from the standing
        pa.field("log_score", pa.float64(), nullable=False),  # log of the chance given to what was marked
        pa.field("base_log_score", pa.float64(), nullable=False),  # the same without knowing the relationship
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """How much better than the base rate the answers were foretold. Log scores are natural, higher is better."""

    answers: int
    relationships: int
    log_score: float
    base_log_score: float
    gain: float  # mean difference
    gain_error: float | None  # standard error by relationship; None under two of them


def forecast_answers(
    answers: object, readings: object, model: Model = DEFAULT_MODEL, *, segments: Mapping[str, str] | None = None
) -> pa.Table:
    """Forecast every answer from what was known before its moment, and score the forecast.

    The level comes from the readings before that moment, the items from the answers before it; the base rate is the
    same item with a relationship of which nothing is known.

    Args:
        answers: ANSWERS.
        readings: READINGS of the same relationships, those of the answers among them.
        model: of the filter.
        segments: relationship to the segment whose means the model may hold.

    Returns: FORECASTS, in order of time. Answers to items or scales that are not ours are left out.
    """
    given, known = conform(answers, ANSWERS).sort_by("answered_at"), conform(readings, READINGS)
    own = {home: model.within((segments or {}).get(home, "")) for home in _names(given)}
    of_home = {home: known.filter(pc.equal(known["relationship"], home)) for home in _names(given)}
    items: dict[str, dict[str, Any]] = {}
    learned, before = 0, 0
    rows: list[dict[str, Any]] = []
    for at, moment in _moments(given.to_pylist()):
        if not items or before >= max(learned * _RELEARN_AT, learned + 1):
            earlier = given.filter(pc.less(given["answered_at"], pa.scalar(at, given["answered_at"].type)))
            items = {row["item"]: row for row in learn_items(earlier).to_pylist()}
            learned = before
        standings = {
            home: _stand(of_home[home], home, at, own[home]) for home in {row["relationship"] for row in moment}
        }
        rows += [
            scored
            for row in moment
            if (scored := _score(row, items, standings[row["relationship"]], own[row["relationship"]])) is not None
        ]
        before += len(moment)
    return conform(rows, FORECASTS) if rows else FORECASTS.empty_table()


def sum_up(forecasts: pa.Table) -> Foresight | None:
    """Mean scores over FORECASTS; None where there is none."""
    if not forecasts.num_rows:
        return None
    ours, base = (forecasts[name].to_numpy() for name in ("log_score", "base_log_score"))
    codes = np.unique(np.array(forecasts["relationship"].to_pylist(), object), return_inverse=True)[1]
    homes, gain = int(codes.max()) + 1, float((ours - base).mean())
    sums = np.bincount(codes, weights=ours - base - gain)  # answers of one relationship go together
    error = float(np.sqrt(homes / (homes - 1) * (sums**2).sum()) / len(ours)) if homes > 1 else None
    return Foresight(
        answers=len(ours),
        relationships=homes,
        log_score=float(ours.mean()),
        base_log_score=float(base.mean()),
        gain=gain,
        gain_error=error,
    )


def _names(table: pa.Table) -> list[str]:
    return table["relationship"].unique().to_pylist()


def _moments(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[dt.datetime, list[dict[str, Any]]]]:
    """Answers given at one moment, which cannot foretell each other."""
    together: list[dict[str, Any]] = []
    for row in rows:
        if together and row["answered_at"] != together[0]["answered_at"]:
            yield together[0]["answered_at"], together
            together = []
        together.append(row)
    if together:
        yield together[0]["answered_at"], together


def _stand(readings: pa.Table, home: str, at: dt.datetime, model: Model) -> Standing | None:
    """HELD just before a moment; None where nothing was read by then."""
    earlier = readings.filter(pc.less(readings["at"], pa.scalar(at, readings["at"].type)))
    return close_states(earlier, at, model).get(home, {}).get("HELD") if earlier.num_rows else None


def _score(
    row: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]], standing: Standing | None, model: Model
) -> dict[str, Any] | None:
    item = items.get(row["item"])
    if item is None or row["highest"] - row["lowest"] != len(item["cuts"]):
        return None
    prior_mean, prior_var = model.means.get(row["facet"], 0.0), 1.0
    mean, var = prior_mean, prior_var
    if standing is not None:
        place = standing.facets.index(row["facet"])
        mean, var = float(standing.mean[place]), float(standing.cov[place, place])
    shape = {"slope": item["slope"], "cuts": item["cuts"], "is_reversed": item["is_reversed"]}
    chances, base = forecast_answer(mean, var, **shape), forecast_answer(prior_mean, prior_var, **shape)
    marked = row["value"] - row["lowest"]
    if not 0 <= marked < len(chances):
        return None
    return {
        **{name: row[name] for name in ("answer_id", "relationship", "item", "answered_at", "value")},
        "chances": chances.tolist(),
        "log_score": float(np.log(chances[marked])),
        "base_log_score": float(np.log(base[marked])),
    }
