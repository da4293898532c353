"""Whether 3/4 is the third of April or the fourth of March, from all the dates of one file.

A file that was written in the order of time decides for itself: a day above 12, a date that would lie ahead of its
reader, a step back in time. Only where nothing of that tells the orders apart is it left open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

Order = Literal["dmy", "mdy", "ymd"]

_ORDERS: Final[tuple[Order, ...]] = ("dmy", "mdy", "ymd")  # the likelier first; the last is rare with a short year
_YEARS: Final = range(1900, 2200)
_STEP_BACK: Final = timedelta(days=1)  # messages that arrive late stand out of order by less
_CLOCKS_DIFFER: Final = timedelta(days=1)


class Decision(NamedTuple):
    """How dates are read, and whether the dates themselves say so."""

    order: Order
    is_sure: bool


@dataclass(slots=True)
class _Trial:
    """How one order fares."""

    impossible: int = 0
    back: int = 0  # steps back in time
    last: date | None = None

    @property
    def score(self) -> tuple[int, int]:
        return self.impossible, self.back


@dataclass(slots=True)
class Evidence:
    """What the dates of a file, taken in their order, say of how they are to be read.

    Attributes:
        today: of the reader; a date more than a day after it is impossible.
    """

    today: date
    _trials: dict[Order, _Trial] = field(default_factory=lambda: {order: _Trial() for order in _ORDERS})
    _dotted: bool = False
    _differ: bool = False  # there is a date without a year in front whose day is not its month

    def add(self, first: int, second: int, third: int, *, mark: str) -> None:
        """The three numbers of the next date and what stands between them."""
        self._dotted = self._dotted or mark == "."
        self._differ = self._differ or (first != second and first <= 31)
        for order, trial in self._trials.items():
            day = read_day(first, second, third, order=order)
            if day is None or day > self.today + _CLOCKS_DIFFER:
                trial.impossible += 1
                continue
            if trial.last is not None and day < trial.last - _STEP_BACK:
                trial.back += 1
            trial.last = day

    def decide(self, *, stated: Literal["dmy", "mdy"]) -> Decision:
        """The order that fits best; where day and month fit alike, dots mean the day first, else what is stated."""
        scores = {order: trial.score for order, trial in self._trials.items()}
        best = min(_ORDERS, key=lambda order: scores[order])
        if best == "ymd" or scores["dmy"] != scores["mdy"] or not self._differ:
            return Decision(best, is_sure=True)
        return Decision("dmy", is_sure=True) if self._dotted else Decision(stated, is_sure=False)


def read_day(first: int, second: int, third: int, *, order: Order) -> date | None:
    """Three numbers as a date, a year above 31 in front always read as one; None where that cannot be."""
    if first > 31:
        order = "ymd"
    year, month, day = {
        "dmy": (third, second, first),
        "mdy": (third, first, second),
        "ymd": (first, second, third),
    }[order]
    year += 2000 * (year < 100)
    if year not in _YEARS:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None
