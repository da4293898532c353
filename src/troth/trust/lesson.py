"""All constants of a model from one set of readings: facets, halo and pace in turn, and what is to be told of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
import pyarrow as pa

from troth.trust import pace_fit
from troth.trust._arrays import Evidence, take_evidence
from troth.trust.climb import Peak
from troth.trust.facet_fit import (
    FacetFit,
    Part,
    Scale,
    find_scales,
    fit_facet,
    fit_means,
    sift_facets,
    take_signals,
)
from troth.trust.halo_pairs import HaloFit, fit_halo
from troth.trust.margins import take_facets
from troth.trust.model import GAUGES, Model

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""

_ROUNDS: Final = 3  # later rounds see what earlier ones found


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One constant: where it started, where it is, how sure that is."""

    name: str  # for instance "slow_half_life_days", "halo HC-HR", "noise FT answer_time", "mean RS of customer"
    start: float
    learned: float | None  # None where it was left at its start
    error: float | None  # rough standard error: other constants taken as known, the prior included
    prior_share: float | None  # of what is known of it, the part the prior brought; near 1 the readings said nothing
    readings: int
    relationships: int
    note: str  # why it was left, else empty


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Facet:
    """One facet's readings as they came, and the scales they are on."""

    facet: str
    alone: Evidence
    scales: list[Scale]
    settled: list[Scale]  # learned elsewhere


def learn_constants(
    readings: pa.Table, start: Model, *, segments: Mapping[str, str], settled: Set[str], progress: Progress
) -> tuple[Model, tuple[Constant, ...]]:
    """Learn every constant of which these READINGS tell enough; the others keep their start values.

    Args:
        readings: READINGS to learn from.
        start: on which priors centre.
        segments: relationship to segment.
        settled: signals that are not measured anew.
        progress: called after every block.
    """
    raw = take_evidence(readings, segments=segments)[1]
    facets = [facet for evidence in raw.values() for facet in _part_facets(readings, evidence, settled)]
    total, done = _ROUNDS * (len(facets) + len(raw) + 1), 0
    fits: dict[str, FacetFit] = {}
    halos: dict[str, HaloFit | None] = {}
    model = start
    peak: Peak | None = None
    for _ in range(_ROUNDS):
        paced = replace(
            start,
            slow_half_life_days=model.slow_half_life_days,
            fast_half_life_days=model.fast_half_life_days,
            fast_share=model.fast_share,
        )
        climbed: list[FacetFit] = []
        for one in facets:
            climbed.append(fit_facet(one.facet, one.alone, one.scales, paced, before=fits.get(one.facet)))
            progress(done := done + 1, total)
        for one, fit in zip(facets, sift_facets(climbed), strict=True):
            fits[one.facet] = fit_means(fit, one.alone, paced)
        model = _put_facets(model, fits)
        measured = take_evidence(readings, yardsticks=model.yardsticks, segments=segments)[1]
        for gauge, evidence in measured.items():
            halos[gauge] = fit_halo(evidence, model, start)
            progress(done := done + 1, total)
        model = _put_halos(model, halos)
        model, peak = pace_fit.fit_pace(list(measured.values()), model, start)
        progress(done := done + 1, total)
    sizes = len(readings), len({name for evidence in raw.values() for name in evidence.names.to_pylist()})
    told = [*_tell_pace(start, model, peak, sizes)] if peak else []
    for gauge, halo in halos.items():
        told += _tell_halo(start, model, gauge, halo, raw[gauge])
    for one in facets:
        told += _tell_facet(start, one, fits[one.facet])
    return model, tuple(told)


def _part_facets(readings: pa.Table, evidence: Evidence, settled: Set[str]) -> Iterator[_Facet]:
    for k, facet in enumerate(GAUGES[evidence.gauge]):
        alone = take_facets(evidence, [k])
        if len(alone.at):
            scales = find_scales(facet, alone, take_signals(readings, alone))
            elsewhere = [scale for scale in scales if settled & set(scale.signals)]
            yield _Facet(
                facet=facet,
                alone=alone,
                scales=[scale for scale in scales if scale not in elsewhere],
                settled=elsewhere,
            )


def _put_facets(model: Model, fits: Mapping[str, FacetFit]) -> Model:
    means, own = dict(model.means), dict[str, dict[str, float]]()
    for facet, fit in fits.items():
        if fit.means is None:
            continue
        for segment, mean in zip(fit.segments, fit.means.values.tolist(), strict=True):
            own.setdefault(segment, {})[facet] = mean
        means[facet] = fit.means.centre
    everybody = own.pop("", {})  # relationships of no segment are the population where nobody has one
    return replace(
        model,
        means=means if own else {**means, **everybody},
        segment_means=own,
        yardsticks=tuple(stick for fit in fits.values() for stick in fit.yardsticks),
    )


def _put_halos(model: Model, halos: Mapping[str, HaloFit | None]) -> Model:
    learned = {gauge: tuple(map(tuple, halo.correlation.tolist())) for gauge, halo in halos.items() if halo is not None}
    return replace(model, correlations={**model.correlations, **learned})


def _tell_pace(start: Model, model: Model, peak: Peak, sizes: tuple[int, int]) -> Iterator[Constant]:
    for i, name in enumerate(pace_fit.NAMES):
        at = float(getattr(model, name))
        slope = at * (1.0 - at) if name == "fast_share" else at  # from logit or log back to the constant
        yield Constant(
            name=name,
            start=float(getattr(start, name)),
            learned=at,
            error=slope * float(peak.error[i]),
            prior_share=float(peak.prior_share[i]),
            readings=sizes[0],
            relationships=sizes[1],
            note="",
        )


def _tell_halo(start: Model, model: Model, gauge: str, halo: HaloFit | None, raw: Evidence) -> Iterator[Constant]:
    codes, first, now = GAUGES[gauge], start.correlation(gauge), model.correlation(gauge)
    errors = (
        dict(zip(halo.pairs, zip(halo.errors.tolist(), halo.relationships, strict=True), strict=True)) if halo else {}
    )
    if halo is not None:
        yield Constant(
            name=f"halo {gauge}",
            start=start.halo,
            learned=halo.common,
            error=halo.common_error,
            prior_share=None,
            readings=len(raw.at),
            relationships=len(raw.start) - 1,
            note="what the pairs have in common, and what pairs without readings take",
        )
    for pair in combinations(range(len(codes)), 2):
        error, relationships = errors.get(pair, (None, 0))
        yield Constant(
            name=f"halo {codes[pair[0]]}-{codes[pair[1]]}",
            start=float(first[pair]),
            learned=None if halo is None else float(now[pair]),
            error=error,
            prior_share=None,
            readings=int(np.isin(raw.facet, pair).sum()),
            relationships=relationships,
            note=""
            if error
            else "too few relationships with readings on both" + ("" if halo is None else ": the common"),
        )


def _tell_facet(start: Model, one: _Facet, fit: FacetFit) -> Iterator[Constant]:
    for scale in one.settled:
        yield _left(f"scale {_name(scale)}", 1.0, scale, "learned elsewhere")
    for scale in one.scales:
        if not scale.is_enough:
            yield _left(f"scale {_name(scale)}", 1.0, scale, "too few readings")
    for i, part in enumerate(fit.parts):
        if part.scale is not None:
            yield _tell_part(part, part.scale, fit, i)
    first = start.means.get(one.facet, 0.0)
    relationships = len(one.alone.start) - 1
    if fit.means is None:
        yield Constant(
            name=f"mean {one.facet}",
            start=first,
            learned=None,
            error=None,
            prior_share=None,
            readings=len(one.alone.at),
            relationships=relationships,
            note="too few readings",
        )
        return
    counts = np.bincount(one.alone.segment, minlength=len(one.alone.segments))
    for segment, mean, error in zip(fit.segments, fit.means.values, fit.means.errors, strict=True):
        place = one.alone.segments.index(segment)
        yield Constant(
            name=f"mean {one.facet}" + (f" of {segment}" if segment else ""),
            start=first,
            learned=float(mean),
            error=float(error),
            prior_share=None,
            readings=int(np.repeat(one.alone.segment == place, np.diff(one.alone.start)).sum()),
            relationships=int(counts[place]),
            note="",
        )


def _tell_part(part: Part, scale: Scale, fit: FacetFit, i: int) -> Constant:
    is_factor = part.kind != "shift"
    at = float(np.exp(fit.at[i])) if is_factor else float(fit.at[i])
    which = f" {part.number + 1}" if part.kind == "gap" else ""
    return Constant(
        name=f"{part.kind}{which} {_name(scale)}",
        start=1.0 if is_factor else 0.0,
        learned=at,
        error=float(fit.error[i]) * (at if is_factor else 1.0),
        prior_share=float(fit.peak.prior_share[i]),
        readings=len(scale.rows),
        relationships=scale.relationships,
        note="",
    )


def _left(name: str, start: float, scale: Scale, why: str) -> Constant:
    return Constant(
        name=name,
        start=start,
        learned=None,
        error=None,
        prior_share=None,
        readings=len(scale.rows),
        relationships=scale.relationships,
        note=why,
    )


def _name(scale: Scale) -> str:
    return f"{scale.facet} {'/'.join(scale.signals)}"
