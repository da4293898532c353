"""How trust moved over the last weeks: SHOWN and HELD with the probability of a rise, and where the two part ways."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from troth.lenses import WHOLE, Pillar
from troth.settings import Watch
from troth.told import Told
from troth.trust import DEFAULT_MODEL, Gap, Model, find_gaps, measure_changes

_SEED = 20_261  # of the draws behind bands in percentiles: the same question gets the same answer


def find_trends(
    readings: pa.Table,
    at: dt.datetime,
    *,
    days: int,
    scores: Sequence[Pillar] = tuple(WHOLE.values()),
    model: Model = DEFAULT_MODEL,
    segments: Mapping[str, str] | None = None,
) -> pa.Table:
    """CHANGES of these scores over so many days up to `at`, in every relationship that has a reading."""
    rng = np.random.default_rng(_SEED)
    return measure_changes(readings, at - dt.timedelta(days=days), at, scores, model, rng=rng, segments=segments)


def name_trend(rose: float | None, readings: int, *, watch: Watch) -> str:
    """An arrow only where the direction is likely enough and something was read; else a dash.

    >>> name_trend(0.93, 5, watch=Watch()), name_trend(0.6, 5, watch=Watch()), name_trend(0.99, 0, watch=Watch())
    ('↑', '–', '–')
    """
    if rose is None or not readings or max(rose, 1.0 - rose) < watch.name_from:
        return "–"
    return "↑" if rose > 0.5 else "↓"


def list_gaps(trends: pa.Table, watch: Watch) -> list[dict[str, object]]:
    """Where SHOWN rose and HELD did not, as rows with the sentence that says so."""
    found = find_gaps(trends, shown_rose_from=watch.shown_rose_from, held_rose_below=watch.held_rose_below)
    return [
        {
            "relationship": gap.relationship,
            "shown_rose": gap.shown_rose,
            "held_rose": gap.held_rose,
            "text": say_gap(gap),
        }
        for gap in found
    ]


def say_gap(gap: Gap) -> Told:
    """The warning in words.

    >>> say_gap(Gap(relationship="acme", shown_rose=0.93, held_rose=0.31)).partition(":")[0]
    'SHOWN rose at acme (P .93) while HELD did not (P .31)'
    """
    return Told(
        "SHOWN rose at {name} (P {shown}) while HELD did not (P {held}): look whether measured signals are being gamed "
        "or the work is not noticed yet",
        name=gap.relationship,
        shown=say_chance(gap.shown_rose),
        held=say_chance(gap.held_rose),
    )


def say_chance(chance: float) -> Told:
    """A probability with two digits and no claim of certainty.

    >>> say_chance(0.931), say_chance(0.999), say_chance(0.0)
    ('.93', 'over .99', 'under .01')
    """
    if chance > 0.99:
        return Told("over .99")
    return Told("under .01") if chance < 0.01 else Told(".{n:02d}", n=int(f"{chance:.2f}".removeprefix("0.")))
