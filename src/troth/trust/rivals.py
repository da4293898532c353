"""What the filter has to beat: forecasts that know no relationship, or no theory.

- base: how common each outcome of this kind of reading has been, over all relationships;
- last: what it was last time in this relationship, trusted as often as last times have come again;
- markov: what has followed such a last time, over all relationships;
- typical: what the filter itself says of a relationship of which nothing is known. Beating this one means that
  knowing the relationship helps; beating the others means in addition that the filter's laws fit the readings.

The first three start from the fourth, so that none is beaten for want of a start, and none ever gives an outcome no
chance. They learn only from days that are closed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.trust.model import Floats

RIVALS: Final = ("base", "last", "markov", "typical")

LEARNED: Final = ("day", "number", "at", "kind", "relationship", "previous", "outcome", "model")
"""Columns of FORECASTS that rivals learn from."""

_START_WORTH: Final = 4.0  # readings that the start weighs as much as: an assumption
_REPEATS: Final = (1.0, 2.0)  # of last times that came again, before any was seen: one in two


class Memory:
    """Counts of outcomes up to the last closed day."""

    def __init__(self) -> None:
        self._seen: dict[str, Floats] = {}
        self._after: dict[tuple[str, int], Floats] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._again: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    @classmethod
    def of(cls, forecasts: pa.Table) -> Memory:
        """What `learn` leaves behind, from the columns `LEARNED` of the FORECASTS of all closed days at once."""
        memory = cls()
        outcomes = pc.list_value_length(forecasts["model"])
        told = forecasts.drop_columns(["model"]).append_column("outcomes", outcomes)
        names = ["kind", "previous", "outcome", "outcomes"]
        for row in told.group_by(names, use_threads=False).aggregate([([], "count_all")]).to_pylist():
            kind, previous, outcome, times = row["kind"], row["previous"], row["outcome"], float(row["count_all"])
            memory._seen.setdefault(kind, np.zeros(row["outcomes"]))[outcome] += times
            if previous is not None:
                memory._after.setdefault((kind, previous), np.zeros(row["outcomes"]))[outcome] += times
                memory._again[kind][0] += times * (outcome == previous)
                memory._again[kind][1] += times
        told = told.sort_by([(name, "ascending") for name in ("day", "at", "number")])
        lasts = told.group_by(["kind", "relationship"], use_threads=False).aggregate([("outcome", "last")])
        columns = (lasts[name].to_pylist() for name in ("kind", "relationship", "outcome_last"))
        memory._last = {(kind, home): outcome for kind, home, outcome in zip(*columns, strict=True)}
        return memory

    def previous(self, kind: str, home: str) -> int | None:
        """The latest outcome of this kind in this relationship; None where there was none."""
        return self._last.get((kind, home))

    def foretell(self, kind: str, previous: int | None, start: Floats) -> dict[str, Floats]:
        """Chances of every outcome by each rival.

        Args:
            kind: of the reading; every reading of a kind has the same outcomes.
            previous: as from `previous`.
            start: shape (outcomes,), chances for a relationship of which nothing is known.
        """
        base = self._seen.get(kind, np.zeros(len(start))) + _START_WORTH * start
        base = base / base.sum()
        if previous is None:
            return {"base": base, "last": base, "markov": base, "typical": start}
        hits, tries = self._again[kind]
        again = (hits + _REPEATS[0]) / (tries + _REPEATS[1])
        last = (1.0 - again) * base / (1.0 - base[previous])
        last[previous] = again
        markov = self._after.get((kind, previous), np.zeros(len(start))) + _START_WORTH * base
        return {"base": base, "last": last, "markov": markov / markov.sum(), "typical": start}

    def learn(self, kind: str, home: str, previous: int | None, outcome: int, outcomes: int) -> None:
        """Take in what came; after the whole day has been foretold."""
        self._seen.setdefault(kind, np.zeros(outcomes))[outcome] += 1.0
        if previous is not None:
            self._after.setdefault((kind, previous), np.zeros(outcomes))[outcome] += 1.0
            self._again[kind][0] += float(outcome == previous)
            self._again[kind][1] += 1.0
        self._last[kind, home] = outcome
