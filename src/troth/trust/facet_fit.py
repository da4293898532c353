"""What one facet's readings say of themselves: their noise, slope and cuts, and where the segments' means lie.

Each facet is followed alone, so that a halo that is not known yet cannot bend it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa

from troth.trust._arrays import Evidence
from troth.trust.climb import Peak, Pooled, climb, pool, sift
from troth.trust.likelihood import weigh
from troth.trust.margins import make_dynamics, take_relationships
from troth.trust.model import Dynamics, Floats, Ints, Model
from troth.trust.yardstick import Yardstick

WIDE: Final[Mapping[str, float]] = MappingProxyType(
    {
        "noise": 0.7,  # log of the factor on v
        "slope": 0.4,  # log of the factor on the slope
        "gap": 0.5,  # log of the factor on a gap between two cuts
        "shift": 0.7,  # of all cuts of a scale together
        "mean": 0.5,  # of a facet, all segments together
    }
)
"""Prior of a constant that has moved from its start value: its standard deviation, by kind."""
SEGMENTS_SPREAD: Final = 0.25  # half-normal, of how far a facet's segments differ

LEAST_READINGS: Final = 100
LEAST_RELATIONSHIPS: Final = 20
_MOST_CUTS: Final = 8  # more distinct ends than that are no categories


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scale:
    """Readings of one facet that share their categories, or come from one signal."""

    facet: str
    signals: tuple[str, ...]
    rows: Ints  # places in the facet's evidence
    relationships: int
    cuts: tuple[float, ...]  # rising; empty for measured readings

    @property
    def is_enough(self) -> bool:
        """Whether there are enough readings to learn anything from."""
        return len(self.rows) >= LEAST_READINGS and self.relationships >= LEAST_RELATIONSHIPS


def find_scales(facet: str, alone: Evidence, signal: Sequence[str]) -> list[Scale]:
    """Sort one facet's readings into scales: signals whose intervals meet at a cut are categories of one scale.

    Args:
        facet: its code.
        alone: evidence of this facet alone, as it came.
        signal: the signal of each reading.
    """
    names = np.array(signal, object)
    lo, hi, is_exact = alone.lo, alone.hi, alone.lo == alone.hi
    group = np.repeat(np.arange(len(alone.start) - 1), np.diff(alone.start))
    clusters: list[tuple[set[str], set[float]]] = []
    for name in sorted(set(signal)):
        own = names == name
        ends = np.unique(np.concatenate([lo[own & ~is_exact], hi[own & ~is_exact]]))
        ends = set(ends[np.isfinite(ends)].tolist())
        if is_exact[own].any() or not 1 <= len(ends) <= _MOST_CUTS:
            clusters.append(({name}, set()))
            continue
        meeting = [cluster for cluster in clusters if cluster[1] & ends]
        clusters = [cluster for cluster in clusters if not cluster[1] & ends]
        clusters.append(({name}.union(*(c[0] for c in meeting)), ends.union(*(c[1] for c in meeting))))
    scales: list[Scale] = []
    for found, ends in clusters:
        rows = np.flatnonzero(np.isin(names, np.array(sorted(found), object)))
        cuts = tuple(sorted(ends)) if len(ends) <= _MOST_CUTS else ()
        scales.append(
            Scale(
                facet=facet,
                signals=tuple(sorted(found)),
                rows=rows,
                relationships=len(np.unique(group[rows])),
                cuts=cuts,
            )
        )
    return sorted(scales, key=lambda scale: scale.signals)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Part:
    """One number of theta: which constant it is, and its prior."""

    scale: Scale | None  # None for the facet's mean
    kind: str  # a name in WIDE
    number: int  # of the gap
    start: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FacetFit:
    """What was learned of one facet."""

    facet: str
    parts: list[Part]
    peak: Peak
    at: Floats  # (p,) the peak, after all constants of a kind were sifted
    error: Floats  # (p,)
    segments: tuple[str, ...] = ()  # with enough relationships for a mean of their own
    means: Pooled | None = None

    @property
    def yardsticks(self) -> list[Yardstick]:
        """One for each scale of which there were enough readings."""
        return _make_yardsticks(self.parts, self.at)


def fit_facet(
    facet: str, alone: Evidence, scales: list[Scale], model: Model, *, before: FacetFit | None = None
) -> FacetFit:
    """Climb one facet's own likelihood over its yardsticks and its mean, half-lives and shares as the model has them.

    Args:
        facet: its code.
        alone: evidence of this facet alone, as it came.
        scales: of this evidence (`find_scales`).
        model: rates, and the means that priors centre on.
        before: an earlier round, from which the climb goes on.

    Cost: some forty runs of a one-facet filter.
    """
    parts = _list_parts(scales, model.means.get(facet, 0.0), is_enough=_is_enough(alone))
    dyn = make_dynamics(np.ones((1, 1)), model)
    centre, sd = _wide(parts)

    def score(theta: Floats) -> Floats:
        mean = _mean_of(parts, theta, model.means.get(facet, 0.0))
        return weigh(_lay_on(alone, parts, theta), _always(dyn, mean))

    peak = climb(score, centre=centre, sd=sd, start=before.peak.at if before else None)
    return FacetFit(facet=facet, parts=parts, peak=peak, at=peak.at, error=peak.error)


def sift_facets(fits: Sequence[FacetFit]) -> list[FacetFit]:
    """Sift the constants of each kind over all facets: those that moved by chance alone go back to their start."""
    every = [(number, i, part) for number, fit in enumerate(fits) for i, part in enumerate(fit.parts)]
    at, error = [fit.at.copy() for fit in fits], [fit.error.copy() for fit in fits]
    own = [fit.peak.without_prior(*_wide(fit.parts)) for fit in fits]
    for kind, wide in WIDE.items():
        chosen = [(number, i, part.start) for number, i, part in every if part.kind == kind]
        values = np.array([own[number][0][i] - start for number, i, start in chosen])
        errors = np.array([own[number][1][i] for number, i, _ in chosen])
        sifted = sift(values, errors, wide=wide)
        for (number, i, start), value, sd in zip(chosen, sifted.values, sifted.errors, strict=True):
            at[number][i], error[number][i] = start + value, sd
    return [replace(fit, at=at[number], error=error[number]) for number, fit in enumerate(fits)]


def _wide(parts: Sequence[Part]) -> tuple[Floats, Floats]:
    """Centre and standard deviation of each constant's prior, taken alone."""
    return np.array([part.start for part in parts]), np.array([WIDE[part.kind] for part in parts])


def _is_enough(alone: Evidence) -> bool:
    return len(alone.at) >= LEAST_READINGS and len(alone.start) - 1 >= LEAST_RELATIONSHIPS


def _list_parts(scales: Sequence[Scale], mean: float, *, is_enough: bool) -> list[Part]:
    parts: list[Part] = []
    for scale in scales:
        if not scale.is_enough:
            continue
        if not scale.cuts:
            parts.append(Part(scale=scale, kind="noise", number=0, start=0.0))
        parts.append(Part(scale=scale, kind="slope", number=0, start=0.0))
        if not scale.cuts:
            continue
        parts += [Part(scale=scale, kind="gap", number=i, start=0.0) for i in range(len(scale.cuts) - 1)]
        if len(scales) > 1:  # a scale that stands alone cannot tell its cuts from the facet's mean: the mean moves
            parts.append(Part(scale=scale, kind="shift", number=0, start=0.0))
    if is_enough:
        parts.append(Part(scale=None, kind="mean", number=0, start=mean))
    return parts


def _mean_of(parts: Sequence[Part], theta: Floats, start: float) -> float:
    return float(theta[-1]) if parts and parts[-1].scale is None else start


def _always(dyn: Dynamics, mean: float) -> Callable[[str], Dynamics]:
    moved = replace(dyn, mean=np.array([mean, 0.0]))
    return lambda _: moved


def _make_yardsticks(parts: Sequence[Part], theta: Floats) -> list[Yardstick]:
    """One yardstick for each scale that has parts."""
    found: list[Yardstick] = []
    scales = list(dict.fromkeys(part.scale for part in parts if part.scale is not None))
    for scale in scales:
        own = [(part, float(at)) for part, at in zip(parts, theta, strict=True) if part.scale is scale]
        shape = {(part.kind, part.number): at for part, at in own}
        found.append(
            Yardstick(
                facet=scale.facet,
                signals=scale.signals,
                noise=float(np.exp(shape.get(("noise", 0), 0.0))),
                slope=float(np.exp(shape.get(("slope", 0), 0.0))),
                cuts=scale.cuts,
                moved=_move_cuts(scale.cuts, shape),
            )
        )
    return found


def _move_cuts(cuts: tuple[float, ...], shape: Mapping[tuple[str, int], float]) -> tuple[float, ...]:
    """Gaps by their factors about the middle of the cuts, then all of them by the shift."""
    if not cuts:
        return ()
    gaps = np.diff(cuts) * np.exp([shape.get(("gap", i), 0.0) for i in range(len(cuts) - 1)])
    places = np.concatenate([[0.0], np.cumsum(gaps)])
    moved = places - places.mean() + float(np.mean(cuts)) + shape.get(("shift", 0), 0.0)
    return tuple(moved.tolist())


def _lay_on(alone: Evidence, parts: Sequence[Part], theta: Floats) -> Evidence:
    """The evidence as these values take it."""
    sticks = _make_yardsticks(parts, theta)
    if not sticks:
        return alone
    scales = list(dict.fromkeys(part.scale for part in parts if part.scale is not None))
    lo, hi, v, slope = alone.lo.copy(), alone.hi.copy(), alone.v.copy(), alone.slope.copy()
    for scale, stick in zip(scales, sticks, strict=True):
        rows = scale.rows
        v[rows] *= stick.noise
        slope[rows] *= stick.slope
        lo[rows], hi[rows] = stick.move(lo[rows]), stick.move(hi[rows])
    return replace(alone, lo=lo, hi=hi, v=v, slope=slope)


def fit_means(fit: FacetFit, alone: Evidence, model: Model) -> FacetFit:
    """Each segment's mean from its own relationships, drawn towards the facet's as far as segments agree."""
    counts = np.bincount(alone.segment, minlength=len(alone.segments))
    chosen = [i for i, count in enumerate(counts) if count >= LEAST_RELATIONSHIPS]
    if not chosen or not fit.parts or fit.parts[-1].kind != "mean":
        return fit
    dyn, measured = make_dynamics(np.ones((1, 1)), model), _lay_on(alone, fit.parts, fit.at)
    centre, sd = np.array([fit.at[-1]]), np.array([WIDE["mean"]])
    values, errors = np.empty(len(chosen)), np.empty(len(chosen))
    for place, i in enumerate(chosen):
        own = take_relationships(measured, np.flatnonzero(measured.segment == i))

        def score(theta: Floats, own: Evidence = own) -> Floats:
            return weigh(own, _always(dyn, float(theta[0])))

        estimate, error = climb(score, centre=centre, sd=sd).without_prior(centre, sd)
        values[place], errors[place] = estimate[0], error[0]
    pooled = pool(values, errors, centre=float(fit.at[-1]), centre_sd=float(fit.error[-1]), spread_sd=SEGMENTS_SPREAD)
    return replace(fit, segments=tuple(alone.segments[i] for i in chosen), means=pooled)


def take_signals(table: pa.Table, evidence: Evidence) -> list[str]:
    """The signal of each reading of the evidence, which came from this table."""
    return table["signal"].take(pa.array(evidence.row)).to_pylist()
