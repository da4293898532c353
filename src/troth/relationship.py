"""One relationship as people ask about it: its path, what changed, what moved it, and pictures of these."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import InputError
from troth.explanation import explain_move, explain_score
from troth.lenses import LENSES, WHOLE, Lens, find_score
from troth.review import day_bounds
from troth.schema import ANSWERS, PROMISES, QUESTIONS, TRUST, TURNS, empty
from troth.settings import Watch
from troth.told import Told
from troth.trend import find_trends
from troth.trust import (
    DEFAULT_MODEL,
    Model,
    Ratio,
    Standing,
    Wobble,
    close_states,
    find_wobble,
    follow,
    trace_scores,
    trust_equation,
)

if TYPE_CHECKING:
    from troth.charts import Chart, Theme
    from troth.charts.look import Say, Spec

Gauge = Literal["SHOWN", "HELD"]

_SEED: Final = 20_261  # of draws for ratio and wobble: the same question gets the same answer
_POINTS: Final = 140  # of the path that a chart shows at even times, and as many again at readings


@dataclass(frozen=True, slots=True)
class RelationshipTrust:
    """One relationship's trust. `readings_at` gives what was known at a time: no answer before it came."""

    relationship: str
    readings: pa.Table  # as of now
    now: dt.datetime
    model: Model = DEFAULT_MODEL  # as it holds for the relationship's segment
    zone: str = "UTC"
    turns: pa.Table = field(default_factory=lambda: empty(TURNS))
    promises: pa.Table = field(default_factory=lambda: empty(PROMISES))
    questions: pa.Table = field(default_factory=lambda: empty(QUESTIONS))
    answers: pa.Table = field(default_factory=lambda: empty(ANSWERS))
    lenses: Mapping[str, Lens] = field(default_factory=lambda: LENSES)
    watch: Watch = field(default_factory=Watch)
    readings_at: Callable[[dt.datetime], pa.Table] | None = None
    _stood: dict[str, Standing] = field(default_factory=dict[str, "Standing"], init=False, repr=False, compare=False)

    def path(self) -> pa.Table:
        """TRUST: one row per facet and day with a reading."""
        return follow(self.readings, self.model) if self.readings.num_rows else empty(TRUST)

    def explain(
        self,
        day: str | dt.date | None = None,
        *,
        of: str = "shown",
        since: str | dt.date | None = None,
        most: int | None = None,
    ) -> pa.Table:
        """The ledger with its sentences: every reading's exact share in a score at the end of a day.

        Args:
            day: the day whose evening counts; the last one if not given.
            of: shown, held, a facet's code, or a lens and its pillar joined by a dot.
            since: explain what moved the score from the evening of this day.
            most: give the sentences of so many rows alone, those that weigh most.

        Returns: EXPLAINED: own, borrowed and prior parts that sum to the score, in standard deviations.
        Raises: SettingsError when there is no such score, InputError when `since` is not before `day`.
        """
        score, at = find_score(of, self.lenses), self._evening(day)
        if since is None:
            return explain_score(self._as_of(at), score, at, self.model, turns=self.turns, most=most)
        then = self._evening(since)
        if then >= at:
            raise InputError(
                Told(
                    "a change is explained from an earlier day to a later one; {since} is not before {day}.",
                    since=since,
                    day=day,
                )
            )
        return explain_move(
            (self._as_of(then), then), (self._as_of(at), at), score, self.model, turns=self.turns, most=most
        )

    def change(self, *, of: str = "shown", over: int | None = None, day: str | dt.date | None = None) -> dict[str, Any]:
        """How a score changed over so many days up to a day's evening: a row of CHANGES, or empty without a reading."""
        at = self._evening(day)
        days, score = over or self.watch.days, find_score(of, self.lenses)
        rows = find_trends(self._as_of(at), at, days=days, scores=[score], model=self.model).to_pylist()
        return rows[0] if rows else {}

    def trends(self, *, over: int | None = None) -> pa.Table:
        """CHANGES of SHOWN and HELD over so many days up to now."""
        return find_trends(self.readings, self.now, days=over or self.watch.days, model=self.model)

    def equation(self, gauge: Gauge = "SHOWN") -> Ratio | None:
        """The trust equation's value T with its band by draws; None where nothing was read of that gauge."""
        standing = self._stand().get(gauge)
        lens = self.lenses["equation" if gauge == "SHOWN" else "equation_held"]
        return None if standing is None else trust_equation(standing, lens, self.model, np.random.default_rng(_SEED))

    def wobble(self) -> Wobble | None:
        """Which of the six checkpoints is lowest, and how sure that is; None where nothing was read of SHOWN."""
        standing = self._stand().get("SHOWN")
        return None if standing is None else find_wobble(standing, self.model, np.random.default_rng(_SEED))

    def standing(self, gauge: Gauge) -> Standing | None:
        """The levels of a gauge as of now; None where nothing was read of it."""
        return self._stand().get(gauge)

    def _stand(self) -> Mapping[str, Standing]:
        if not self._stood and self.readings.num_rows:
            self._stood.update(close_states(self.readings, self.now, self.model).get(self.relationship, {}))
        return self._stood

    def chart(self, *, theme: Theme = "light") -> Chart:
        """The path: SHOWN and HELD with bands, what became of our promises, and what they asked and answered.

        Raises: InputError when the charts extra is not installed, or nothing was read yet.
        """
        from troth.charts import take_spec  # noqa: PLC0415  # heavy, and an extra

        return take_spec(self.describe_chart(theme=theme))

    def describe_chart(self, *, theme: Theme = "light", width: int | None = None, say: Say | None = None) -> Spec:
        """`chart` as a Vega-Lite specification, for a picture of this width in pixels, in a reader's language.

        Raises: InputError when nothing was read yet.
        """
        from troth.charts.look import as_it_is  # noqa: PLC0415  # only where something is drawn
        from troth.charts.path import describe_path  # noqa: PLC0415

        if not self.readings.num_rows:
            raise InputError(
                Told("there is nothing to draw: no reading of {relationship!r} yet.", relationship=self.relationship)
            )
        path = trace_scores(self.readings, tuple(WHOLE.values()), self._choose_times(), self.model)
        return describe_path(
            path, self.promises, title=self.relationship, zone=self.zone, questions=self.questions,
            answers=self.answers, theme=theme, width=width, say=say or as_it_is,
        )  # fmt: skip

    def chart_explained(
        self,
        day: str | dt.date | None = None,
        *,
        of: str = "shown",
        since: str | dt.date | None = None,
        theme: Theme = "light",
    ) -> Chart:
        """`explain` as a picture: which sentence moved the score, by how much, what faded, what is borrowed."""
        from troth.charts import take_spec  # noqa: PLC0415  # heavy, and an extra

        return take_spec(self.describe_explained(day, of=of, since=since, theme=theme))

    def describe_explained(
        self,
        day: str | dt.date | None = None,
        *,
        of: str = "shown",
        since: str | dt.date | None = None,
        theme: Theme = "light",
        width: int | None = None,
        say: Say | None = None,
    ) -> Spec:
        """`chart_explained` as a Vega-Lite specification, for a picture of this width, in a reader's language."""
        from troth.charts.ledger import LISTED, describe_ledger  # noqa: PLC0415  # only where something is drawn
        from troth.charts.look import as_it_is  # noqa: PLC0415

        score, at, told = find_score(of, self.lenses), self._evening(day), say or as_it_is
        return describe_ledger(
            self.explain(day, of=of, since=since, most=LISTED),
            title=f"{self.relationship}: {told(score.plain)}",
            day=_day_of(at),
            since=None if since is None else parse_day(since),
            theme=theme,
            width=width,
            say=told,
        )

    def _choose_times(self) -> list[dt.datetime]:
        """The times at which a chart of the path has its points: evenly from the first reading on, and at readings."""
        read = pc.unique(self.readings["at"]).sort()
        first, count = read[0].as_py(), len(read)
        step = max((self.now - first) / _POINTS, dt.timedelta(hours=1))
        times = {first + step * n for n in range(int((self.now - first) / step) + 1)} | {self.now}
        chosen = pa.array(range(0, count, max(-(-count // _POINTS), 1)))
        return sorted(times.union(read.take(chosen).to_pylist()))

    def _evening(self, day: str | dt.date | None) -> dt.datetime:
        return self.now if day is None else day_bounds(parse_day(day), self.zone)[1]

    def _as_of(self, at: dt.datetime) -> pa.Table:
        return self.readings if self.readings_at is None or at == self.now else self.readings_at(at)


def _day_of(evening: dt.datetime) -> dt.date:
    """The day that an evening closes: midnight belongs to the day before."""
    return (evening - dt.timedelta(minutes=1)).date()


def parse_day(day: str | dt.date) -> dt.date:
    """A day as people write it; a date stays as it is.

    Raises: InputError when it is no date.
    """
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(day)
    except ValueError as error:
        raise InputError(Told("{day!r} is not a date. Write it like 2026-11-20.", day=day)) from error
