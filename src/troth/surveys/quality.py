"""How good a scale is, as far as its answers can say: every figure waits until there are enough of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from troth.errors import InputError
from troth.surveys.curves import Curves, fit_curves
from troth.surveys.reliability import Floats, Interval, correlate_with_rest, find_alpha, find_omega
from troth.surveys.sheets import Sheets, lay_out

ENOUGH: Final[Mapping[str, int]] = MappingProxyType({"alpha": 30, "omega": 100, "curves": 200})
"""Complete sheets from which a figure is given.

30: a scale of four items with an alpha of .8 has a 95 % interval of .66 to .89. 100: a load of .7 has a standard error
of about .07. 200: simulated items with slopes of .7 to 1.4 had standard errors of .12 to .22 (tests/test_surveys.py).
"""

_STRAIGHT_FROM: Final = 3  # answers on a sheet from which all alike is called a straight line


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemQuality:
    """One item. None stands for what too few answers cannot say."""

    item: str
    facet: str
    answers: int
    missing: float  # share of sheets
    mean: float | None  # reversed items turned round, on the scale's own points
    sd: float | None
    with_rest: float | None  # correlation with the sum of the others
    slope: float | None  # of the graded response model in its normal form
    slope_error: float | None
    cuts: tuple[float, ...] | None
    cut_errors: tuple[float, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleQuality:
    """One set. None stands for what too few answers cannot say; `withheld` says why."""

    name: str
    sheets: int
    complete: int  # sheets with every item answered
    relationships: int
    missing: float  # share of all cells
    straight: float | None  # share of sheets with at least three answers that marked the same point throughout
    alpha: Interval | None
    omega: float | None
    items: tuple[ItemQuality, ...]
    withheld: tuple[str, ...]


def rate_scales(answers: object) -> dict[str, ScaleQuality]:
    """Rate every set that ANSWERS hold something of."""
    return {name: _rate(sheets) for name, sheets in lay_out(answers).items()}


def rate_scale(answers: object, *, name: str | None = None) -> ScaleQuality:
    """Rate one set; without a name, the only one there is.

    Args:
        answers: ANSWERS, or anything that speaks Arrow.
        name: of the set.

    Raises: InputError when there is no answer to it, or several sets and no name.
    """
    found = lay_out(answers)
    if name is None and len(found) == 1:
        return _rate(next(iter(found.values())))
    if name is None or name not in found:
        wanted = "no one set is named" if name is None else f"there is no answer to the set {name!r}"
        raise InputError(f"{wanted}. There are answers to: {', '.join(found) or 'none of the sets'}.")
    return _rate(found[name])


def _rate(sheets: Sheets) -> ScaleQuality:
    turned = sheets.turned
    whole = turned[(turned >= 0).all(axis=1)].astype(float)
    varies = len(whole) > 1 and float(whole.sum(axis=1).var()) > 0
    every = varies and bool((whole.var(axis=0) > 0).all())
    withheld = [
        f"{figure} waits for {least} complete sheets; there are {len(whole)}"
        for figure, least in ENOUGH.items()
        if len(whole) < least
    ]
    if len(whole) >= ENOUGH["alpha"] and not every:
        withheld.append(
            "everybody marked the same point on some item: nothing can be said of how the items go together"
        )
    can = {figure: len(whole) >= least and every for figure, least in ENOUGH.items()}
    curves = fit_curves(turned, points=len(sheets.asked.scale.points)) if can["curves"] else None
    if curves is not None and not curves.converged:
        withheld.append("the item curves did not settle and are left out")
        curves = None
    return ScaleQuality(
        name=sheets.asked.name,
        sheets=len(turned),
        complete=len(whole),
        relationships=sheets.relationships,
        missing=float((turned < 0).mean()),
        straight=_share_straight(sheets.given),
        alpha=find_alpha(whole) if can["alpha"] else None,
        omega=find_omega(whole) if can["omega"] else None,
        items=_rate_items(sheets, turned, correlate_with_rest(whole) if can["alpha"] else None, curves),
        withheld=tuple(withheld),
    )


def _rate_items(
    sheets: Sheets, turned: npt.NDArray[np.int64], with_rest: Floats | None, curves: Curves | None
) -> tuple[ItemQuality, ...]:
    rated: list[ItemQuality] = []
    for number, item in enumerate(sheets.asked.items):
        given = turned[turned[:, number] >= 0, number] + sheets.asked.scale.lowest
        rated.append(
            ItemQuality(
                item=item.id,
                facet=item.facet,
                answers=len(given),
                missing=1.0 - len(given) / len(turned),
                mean=float(given.mean()) if len(given) else None,
                sd=float(given.std(ddof=1)) if len(given) > 1 else None,
                with_rest=None if with_rest is None else float(with_rest[number]),
                slope=None if curves is None else float(curves.slopes[number]),
                slope_error=None if curves is None else float(curves.slope_errors[number]),
                cuts=None if curves is None else tuple(curves.cuts[number].tolist()),
                cut_errors=None if curves is None else tuple(curves.cut_errors[number].tolist()),
            )
        )
    return tuple(rated)


def _share_straight(given: npt.NDArray[np.int64]) -> float | None:
    """Share of sheets that marked one point throughout, as marked: with a reversed item that contradicts itself."""
    long = given[(given >= 0).sum(axis=1) >= _STRAIGHT_FROM]
    if not len(long):
        return None
    highest = long.max(axis=1)
    lowest = np.where(long < 0, np.iinfo(np.int64).max, long).min(axis=1)
    return float((highest == lowest).mean())
