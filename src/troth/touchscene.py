"""The turns between us and customers, as the touch-point map looks at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.pipeline import Standing, Understood
from troth.settings import Settings
from troth.touch import (
    Said,
    Staged,
    StageRule,
    tell_stages,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """The turns with customers, each conversation in order, and what the rules need of them."""

    turns: pa.Table
    sentences: pa.Table  # of these turns
    row: np.ndarray[Any, np.dtype[np.int64]]  # of each sentence's turn
    is_us: np.ndarray[Any, np.dtype[np.bool_]]
    is_automatic: np.ndarray[Any, np.dtype[np.bool_]]
    staged: Staged
    points: list[tuple[str, str]]  # channel and stage, by code
    point: np.ndarray[Any, np.dtype[np.int64]]  # code of each turn
    said: list[Said]


def set_scene(known: Understood, standing: Standing, settings: Settings, outcomes: pa.Table | None) -> Scene:
    """The turns of customers up to the time of a standing, with the stage of each."""
    turns = known.turns
    ours = pc.fill_null(pc.equal(turns["side"], "us"), False)
    keep = pc.fill_null(pc.equal(turns["circle"], "customer"), False)
    keep = pc.and_(keep, pc.and_(pc.is_valid(turns["relationship"]), pc.or_(ours, pc.invert(turns["automatic"]))))
    in_time = pc.fill_null(pc.less_equal(turns["sent_at"], pa.scalar(standing.now, pa.timestamp("us", tz="UTC"))), True)
    turns = turns.filter(pc.and_(keep, in_time)).sort_by(
        [
            ("conversation_id", "ascending"),
            ("sent_at", "ascending"),
            ("position", "ascending"),
            ("turn_id", "ascending"),
        ]
    )
    place = pc.index_in(known.sentences["turn_id"], turns["turn_id"].combine_chunks())
    here = pc.is_valid(place)
    sentences, row = known.sentences.filter(here), place.filter(here).to_numpy().astype(np.int64)
    words: list[list[str]] = [[] for _ in range(turns.num_rows)]
    for number, text in zip(row.tolist(), sentences["text"].to_pylist(), strict=True):
        words[number].append(text)
    rules = [StageRule(**rule.model_dump()) for rule in settings.touchpoints]
    staged = tell_stages(turns, [" ".join(some) for some in words], rules=rules, outcomes=outcomes)
    pairs = list(zip(turns["channel"].to_pylist(), staged.stage, strict=True))
    points = [pair for pair, _ in sorted(Counter(pairs).items(), key=lambda item: (-item[1], item[0]))]
    code = {pair: number for number, pair in enumerate(points)}
    return Scene(
        turns=turns,
        sentences=sentences,
        row=row,
        is_us=read_flags(pc.equal(turns["side"], "us")),
        is_automatic=read_flags(turns["automatic"]),
        staged=staged,
        points=points,
        point=np.array([code[pair] for pair in pairs], np.int64),
        said=_list_said(turns),
    )


def read_flags(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A column of truths as an array; null is no."""
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), bool)


def _list_said(turns: pa.Table) -> list[Said]:
    days = [float("nan") if at is None else at.timestamp() / 86_400 for at in turns["sent_at"].to_pylist()]
    order = np.lexsort((np.arange(len(days)), np.nan_to_num(np.array(days, float), nan=-np.inf)))
    place = np.empty(len(days), np.int64)
    place[order] = np.arange(len(days))
    names = ("relationship", "conversation_id", "speaker", "channel")
    return [
        Said(relationship=home, conversation=talk, speaker=who, channel=channel, at_days=at, order=number)
        for home, talk, who, channel, at, number in zip(
            *(turns[name].to_pylist() for name in names), days, place.tolist(), strict=True
        )
    ]


def code_names(names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Names as numbers from 0, alike for the same name."""
    codes = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([codes[name] for name in names], np.int64)
