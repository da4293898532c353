"""How trust moved lately, as a drawing the size of a word: SHOWN and HELD with their bands over the same weeks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from troth.lenses import WHOLE
from troth.signals import HELD
from troth.trust import trace_scores

if TYPE_CHECKING:
    from troth.web.view import View

_STEPS: Final = 16  # points of a line
_LONGEST: Final = dt.timedelta(weeks=26)
_SHORTEST: Final = dt.timedelta(weeks=4)
_WIDE: Final = 100.0  # units of the drawing; percentiles are its other side, upside down


Point = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One gauge over time: rows of (time from 0 to 100, percentile, low, high), from its first reading on."""

    gauge: str  # shown, held
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """Both gauges of one relationship over the weeks that a view draws; a gauge that was never read is not there."""

    lines: tuple[Line, ...]

    def draw(self, label: str) -> Markup:
        """The drawing, for eyes; `label` says the same to those who hear pages."""
        drawn = [line for line in self.lines if line.points]
        inside = Markup("").join([*map(_draw_band, drawn), *map(_draw_middle, drawn)])  # no band lies on a line
        return Markup(
            '<svg class="spark" viewBox="0 -100 100 100" preserveAspectRatio="none" role="img" aria-label="{}">'
            '<line class="mid" x1="0" y1="-50" x2="100" y2="-50"/>{}</svg>'
        ).format(label, inside)


def choose_times(view: View) -> list[dt.datetime]:
    """The times that drawings of a view show: the last weeks up to now, 4 to 26, as far back as there are readings."""
    now, first = view.standing.now, pc.min(view.standing.readings["at"]).as_py()
    span = _SHORTEST if first is None else min(max(now - first, _SHORTEST), _LONGEST)
    return [now - span * (_STEPS - 1 - step) / (_STEPS - 1) for step in range(_STEPS)]


def find_sparks(view: View, names: Sequence[str]) -> dict[str, Spark]:
    """The drawings of these relationships; kept with the view, so that each is worked out once.

    Cost: the filter over their readings, and tens of microseconds for each point.
    """
    missing = [name for name in names if name not in view.sparks]
    if missing:
        view.sparks.update(_trace(view, missing))
    return {name: view.sparks[name] for name in names}


def _trace(view: View, names: Sequence[str]) -> dict[str, Spark]:
    readings = pa.concat_tables([view.readings_of.rows(name) for name in names])
    times = choose_times(view)
    path = trace_scores(readings, tuple(WHOLE.values()), times, view.model, segments=view.segments)
    columns = {name: path[name].to_numpy() for name in ("percentile", "low", "high")}
    homes, gauges = path["relationship"].to_pylist(), path["gauge"].to_pylist()
    first = _first_times(readings)
    along = np.linspace(0.0, _WIDE, _STEPS)
    lines: dict[str, list[Line]] = {name: [] for name in names}
    for start in range(0, path.num_rows, _STEPS):
        home, gauge = homes[start], gauges[start]
        known = sum(time < first[home, gauge] for time in times)
        points = [(along[step], *(columns[name][start + step] for name in columns)) for step in range(known, _STEPS)]
        lines[home].append(Line(gauge=gauge.lower(), points=tuple(points)))
    return {name: Spark(lines=tuple(own)) for name, own in lines.items()}


def _first_times(readings: pa.Table) -> dict[tuple[str, str], dt.datetime]:
    """When each gauge of each relationship was first read."""
    is_held = pc.is_in(readings["facet"], value_set=pa.array(list(HELD)))
    named = readings.select(["relationship", "at"]).append_column("gauge", pc.if_else(is_held, "HELD", "SHOWN"))
    found = named.group_by(["relationship", "gauge"], use_threads=False).aggregate([("at", "min")])
    return {(row["relationship"], row["gauge"]): row["at_min"] for row in found.to_pylist()}


def _draw_band(line: Line) -> Markup:
    points = _widen(line.points)
    around = [(at, high) for at, _, _, high in points] + [(at, low) for at, _, low, _ in reversed(points)]
    return Markup('<path class="{} band" d="M{}Z"/>').format(line.gauge, _path(around))


def _draw_middle(line: Line) -> Markup:
    middle = [(at, percentile) for at, percentile, _, _ in _widen(line.points)]
    return Markup('<path class="{} line" d="M{}"/>').format(line.gauge, _path(middle))


def _widen(points: Sequence[Point]) -> Sequence[Point]:
    """A single point becomes a short line, so that it is seen."""
    if len(points) > 1:
        return points
    at, *levels = points[0]
    return [(at - 2.0, levels[0], levels[1], levels[2]), points[0]]


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "L".join(f"{x:.0f} {-y:.0f}" for x, y in points)
