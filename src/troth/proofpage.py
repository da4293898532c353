"""The daily proof as one HTML page that needs nothing else, and in the sentences that page and terminal share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from jinja2 import Environment, StrictUndefined

from troth.plain import clean_line
from troth.proving import Proof, write_wealth
from troth.trust.calibration import Bin
from troth.trust.wealth import ENOUGH

RIVAL_NAMES: Final = MappingProxyType(
    {
        "base": "base rate",
        "last": "last value",
        "markov": "what followed last time",
        "typical": "the same filter, knowing no relationship",
    }
)

SHORT_NAMES: Final = MappingProxyType(
    {"base": "base rate", "last": "last value", "markov": "what followed", "typical": "nothing known"}
)

_LISTED: Final = 5
_WIDTH, _HEIGHT, _LEFT, _TOP = 640.0, 300.0, 76.0, 22.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A straight map of values to a line of the drawing."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies, in units of the drawing."""
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def list_remarks(found: Proof) -> Iterator[tuple[bool, str]]:
    """What to know before the figures, one line each, and whether it is an alarm."""
    days, readings = found.closings.num_rows, found.forecasts.num_rows
    if not days:
        yield False, "No day has been closed yet: a day is closed once it is over."
        return
    first, last = (found.closings["day"][place].as_py() for place in (0, days - 1))
    yield False, f"Days closed: {days}, {first} to {last}. Readings forecast and scored: {readings}."
    kept = (
        f"Closed before the next day was over: {found.on_time}; later: {days - found.on_time}. Forecasts sealed before "
        f"what they speak of happened: {found.ahead}; worked out afterwards, from what had been written by then: "
        f"{readings - found.ahead}."
    )
    yield False, kept
    for line in found.broken[:_LISTED]:
        yield True, f"Sealed books were altered. {line}"
    if len(found.broken) > _LISTED:
        yield True, f"and {len(found.broken) - _LISTED} more."
    if found.resealed:
        text = (
            f"Forecasts of {found.resealed} days named somebody who was forgotten since. The name was taken out and "
            "the days sealed once more; what they said before, nobody can check any more."
        )
        yield False, text
    causes = [change for change in found.changes if change.why != "levels"]
    for change in causes[:_LISTED]:
        yield True, f"History changed. {change.text}"
    others = len(found.changes) - min(len(causes), _LISTED)
    if others:
        yield (
            True,
            f"{others} more closed days stand differently now. What was stated then is kept and is what is scored.",
        )
    if found.remade:
        other = f"{found.remade} days were closed with another encoder or other constants"
        yield False, f"{other}, and cannot be compared with the book as it is now."


@cache
def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["line"] = clean_line
    environment.filters["wealth"] = write_wealth
    return environment


def render_proof(found: Proof, *, whose: str, made_with: str) -> str:
    """Render the page.

    Args:
        found: what to show.
        whose: who the books belong to, for the heading.
        made_with: version and encoder, for the foot.
    """
    template = files("troth.review").joinpath("proof.html").read_text("utf-8")
    return (
        _environment()
        .from_string(template)
        .render(
            found=found,
            whose=whose,
            made_with=made_with,
            names=RIVAL_NAMES,
            remarks=list(list_remarks(found)),
            enough=ENOUGH,
            lead=_lead(found),
            reliability=_draw_bins(found.reliability),
            pit=_draw_pit(found),
            wealth=_draw_wealth(found),
            kinds=_list_kinds(found),
        )
    )


def _lead(found: Proof) -> str:
    """The first sentence: who wins."""
    if not found.rivals:
        return "Nothing was scored yet."
    won = [RIVAL_NAMES[one.rival] for one in found.rivals if one.has_won]
    if not won:
        return "So far the forecasts have beaten none of their rivals."
    rest = [RIVAL_NAMES[one.rival] for one in found.rivals if not one.has_won]
    return f"The forecasts have beaten: {', '.join(won)}." + (f" Not beaten: {', '.join(rest)}." if rest else "")


def _list_kinds(found: Proof) -> list[dict[str, Any]]:
    """Gain over the base rate and over knowing nothing, kind by kind."""
    from troth.trust.wealth import lay_out  # noqa: PLC0415 - only a page that has readings needs it

    if not found.forecasts.num_rows:
        return []
    kinds = np.array(found.forecasts["kind"].to_pylist(), object)
    logs = {name: np.log(lay_out(found.forecasts, name).of_outcome) for name in ("model", "base", "typical")}
    rows: list[dict[str, Any]] = []
    for kind in sorted(set(kinds.tolist())):
        here = kinds == kind
        gains = {name: float((logs["model"] - logs[name])[here].mean()) for name in ("base", "typical")}
        rows.append({"kind": kind, "readings": int(here.sum()), **gains})
    return sorted(rows, key=lambda row: -row["readings"])


def _draw_bins(bins: Sequence[Bin]) -> dict[str, Any]:
    """Coordinates of the reliability diagram: a square with its diagonal."""
    across, up = Scale(low=0, high=1, begin=60, end=360), Scale(low=0, high=1, begin=314, end=14)
    most = max((one.count for one in bins), default=1)
    dots = [
        {
            "x": across.at(one.stated),
            "y": up.at(one.share),
            "low": up.at(one.share_low),
            "high": up.at(one.share_high),
            "r": 3.0 + 5.0 * math.sqrt(one.count / most),
            "off": one.is_off,
        }
        for one in bins
    ]
    ticks = [{"x": across.at(t), "y": up.at(t), "label": f"{t:.0%}"} for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return {"dots": dots, "ticks": ticks, "left": across.begin, "right": across.end, "top": up.end, "floor": up.begin}


def _draw_pit(found: Proof) -> dict[str, Any] | None:
    """Coordinates of the PIT histogram."""
    if found.pit is None:
        return None
    highest = max(0.2, *(one.share_high for one in found.pit.bins))
    step = next(step for step in (0.05, 0.1, 0.2, 0.5) if highest / step <= 6)
    top = math.ceil(highest / step) * step
    across, up = Scale(low=0, high=1, begin=_LEFT, end=_WIDTH - 12), Scale(low=0, high=top, begin=_HEIGHT, end=_TOP)
    bars = [
        {
            "x": across.at(one.low) + 2,
            "width": across.at(one.high) - across.at(one.low) - 4,
            "y": up.at(one.share),
            "height": up.begin - up.at(one.share),
            "middle": across.at((one.low + one.high) / 2),
            "low": up.at(one.share_low),
            "high": up.at(one.share_high),
            "off": one.is_off,
        }
        for one in found.pit.bins
    ]
    marks = [{"y": up.at(step * place), "label": f"{step * place:.0%}"} for place in range(round(top / step) + 1)]
    ticks = [{"x": across.at(t), "label": f"{t:.1f}"} for t in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    return {"bars": bars, "marks": marks, "ticks": ticks, "even": up.at(0.1), "left": _LEFT, "right": across.end,
            "floor": up.begin}  # fmt: skip


def _draw_wealth(found: Proof) -> dict[str, Any] | None:
    """Coordinates of the wealth paths, on a scale of powers of ten."""
    if not found.rivals:
        return None
    rows = found.daily.to_pylist()
    paths = {one.rival: [row for row in rows if row["rival"] == one.rival] for one in found.rivals}
    logs = [row["log_wealth"] / math.log(10) for row in rows]
    low, high = math.floor(min(-1.0, *logs)), math.ceil(max(math.log10(ENOUGH), *logs))
    days = [row["day"] for row in next(iter(paths.values()))]
    right = _WIDTH - 12
    across = Scale(low=0, high=max(len(days), 1), begin=_LEFT, end=right)
    up = Scale(low=low, high=high, begin=_HEIGHT, end=_TOP)
    step = max(1, math.ceil((high - low) / 7))
    lines = []
    for place, one in enumerate(found.rivals):
        points = [(across.at(0), up.at(0.0))]
        points += [
            (across.at(number + 1), up.at(row["log_wealth"] / math.log(10)))
            for number, row in enumerate(paths[one.rival])
        ]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append({"points": drawn, "name": RIVAL_NAMES[one.rival], "style": place, "end": points[-1]})
    marks = [{"y": up.at(power), "label": _power(power)} for power in range(low, high + 1, step)]
    shown = sorted({0, (len(days) - 1) // 2, len(days) - 1})
    anchors = ("start", "middle", "end") if len(shown) == 3 else ("start", "end")
    ticks = [
        {"x": across.at(day + 0.5), "label": days[day], "anchor": anchor}
        for day, anchor in zip(shown, anchors, strict=False)
    ]
    return {"lines": lines, "marks": marks, "ticks": ticks, "one": up.at(0.0), "enough": up.at(math.log10(ENOUGH)),
            "left": _LEFT, "right": right, "floor": up.begin, "top": _TOP}  # fmt: skip


def _power(power: int) -> str:
    """A power of ten as people read it, and beyond a thousand as one."""
    if 0 <= power <= 3:
        return f"{10**power}"
    if -3 <= power < 0:
        return f"1/{10**-power}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
