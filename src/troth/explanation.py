"""Why a score is what it is on a day, or moved between two: every reading's exact share, with its sentence."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.lenses import Pillar
from troth.schema import TURNS, conform
from troth.trust import LEDGER, Model, ledger

EXPLAINED: Final = pa.schema(
    [
        *LEDGER,
        pa.field("before", pa.float64()),  # its share on the earlier day; null where one day alone is explained
        pa.field("moved", pa.float64()),  # share now less share then; all rows sum to what the score moved
        pa.field("text", pa.string()),  # the sentence that weighs most in the reading
    ]
)
"""One row per reading of the score's gauge, and one for the prior. A reading that has been replaced since the earlier
day (an open question, by its answer) stands there with what it says now."""


def explain_score(
    readings: pa.Table, score: Pillar, at: dt.datetime, model: Model, *, turns: pa.Table, most: int | None = None
) -> pa.Table:
    """EXPLAINED of one relationship's score at one time; `readings` as of that time, `turns` hold the sentences.

    With `most`, only so many of the rows that weigh most come with their sentence.
    """
    table = ledger(readings, score, at, model)
    nothing = pa.nulls(table.num_rows, pa.float64())
    table = table.append_column("before", nothing).append_column("moved", nothing)
    return _tell(table, turns, by="contribution", most=most)


def explain_move(
    then: tuple[pa.Table, dt.datetime],
    now: tuple[pa.Table, dt.datetime],
    score: Pillar,
    model: Model,
    *,
    turns: pa.Table,
    most: int | None = None,
) -> pa.Table:
    """EXPLAINED of what moved a score between two times; each is given with the readings as of that time.

    The difference of two ledgers: a reading that came in since adds its share, one from before adds what its share
    gained or lost, by fading or because later evidence took over. Both scores are what was known at their time.
    """
    earlier, later = (ledger(readings, score, at, model) for readings, at in (then, now))
    keys = pc.dictionary_encode(pa.concat_arrays([_keys(earlier), _keys(later)]))
    codes = keys.indices.to_numpy()
    codes_then, codes_now = codes[: earlier.num_rows], codes[earlier.num_rows :]
    held = np.bincount(codes_then, weights=earlier["contribution"].to_numpy(), minlength=len(keys.dictionary))
    before = np.zeros(later.num_rows)
    first = np.unique(codes_now, return_index=True)[1]  # what a reading held goes to the first row that is it now
    before[first] = held[codes_now[first]]
    gone_codes, gone = np.unique(codes_then, return_index=True)
    is_gone = ~np.isin(gone_codes, codes_now)  # read then, and neither read nor replaced now
    rows = np.sort(gone[is_gone])
    left = earlier.take(pa.array(rows))
    zero = pa.array(np.zeros(left.num_rows))
    left = left.set_column(left.schema.get_field_index("contribution"), LEDGER.field("contribution"), zero)
    for name in ("weight", "faded"):
        left = left.set_column(left.schema.get_field_index(name), name, pa.nulls(left.num_rows, pa.float64()))
    before = np.concatenate([before, held[codes_then[rows]]])
    table = pa.concat_tables([later, left.cast(LEDGER)])
    moved = table["contribution"].to_numpy() - before
    table = table.append_column("before", pa.array(before)).append_column("moved", pa.array(moved))
    return _tell(table, turns, by="moved", most=most)


def _keys(rows: pa.Table) -> pa.Array:
    """What makes a reading the same on two days: an answer has the place of the question that waited for it."""
    time = pc.if_else(pc.is_null(rows["turn_id"]), pc.cast(rows["at"].cast(pa.int64()), pa.string()), "")
    parts = [rows["kind"], rows["facet"], rows["signal"], rows["turn_id"], rows["start"], rows["end"], time]
    texts = [pc.fill_null(pc.cast(part, pa.string()), "-") for part in parts]
    return pc.binary_join_element_wise(*texts, "\x1f").combine_chunks()


def _tell(table: pa.Table, turns: pa.Table, *, by: str, most: int | None) -> pa.Table:
    """EXPLAINED with the sentences, or with those of the rows alone that weigh most."""
    told = np.arange(table.num_rows)
    if most is not None:
        told = np.argsort(-np.abs(table[by].to_numpy()), kind="stable")[:most]
    places = table.select(["turn_id", "start", "end"]).take(pa.array(told)).to_pylist()
    named = pa.array({place["turn_id"] for place in places} - {None}, pa.string())
    bodies = conform(turns, TURNS).select(["turn_id", "body"])
    rows = bodies.filter(pc.is_in(bodies["turn_id"], named)).to_pylist()
    words = {row["turn_id"]: row["body"] for row in rows}
    texts: list[str | None] = [None] * table.num_rows
    for at, place in zip(told.tolist(), places, strict=True):
        body = words.get(place["turn_id"])
        if body is not None and place["start"] is not None and place["end"] is not None:
            texts[at] = " ".join(body[place["start"] : place["end"]].split())
    return table.append_column("text", pa.array(texts, pa.string())).cast(EXPLAINED)
