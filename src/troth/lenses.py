"""The visible table of sums: which facets each frame of trust is made of.

A lens is a list of pillars; a pillar is a weighted sum of facets with equal weights inside it. Overlap between
frames lives here and nowhere else. Source: MEASUREMENT.md section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from troth.errors import SettingsError
from troth.signals import HELD, SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Pillar:
    """One line of a lens: a weighted sum of facets of one gauge."""

    name: str
    plain: str  # the line as a user reads it
    weights: Mapping[str, float]  # facet code to weight; negative where the pillar is the facet reversed

    def __post_init__(self) -> None:
        unknown = [code for code in self.weights if code not in SHOWN and code not in HELD]
        if unknown or not self.weights:
            known = ", ".join([*SHOWN, *HELD])
            raise SettingsError(f"lens pillar {self.name!r} names facets {unknown}; the facets are {known}.")
        if len({code in SHOWN for code in self.weights}) > 1:
            raise SettingsError(f"lens pillar {self.name!r} mixes SHOWN and HELD; the two gauges are never mixed.")

    @property
    def gauge(self) -> str:
        """ "SHOWN" or "HELD"."""
        return "SHOWN" if next(iter(self.weights)) in SHOWN else "HELD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """One frame of trust."""

    name: str
    plain: str
    pillars: tuple[Pillar, ...]


def _mean(*codes: str) -> dict[str, float]:
    return {code: 1.0 / len(codes) for code in codes}


def _pillar(name: str, plain: str, weights: Mapping[str, float]) -> Pillar:
    return Pillar(name=name, plain=plain, weights=MappingProxyType(dict(weights)))


_LENSES: Final = (
    Lens(
        name="triangle",
        plain="trust triangle: logic, authenticity, empathy",
        pillars=(
            _pillar("logic_quality", "quality of logic", _mean("RS")),
            _pillar("logic_communication", "communication of logic", _mean("CL")),
            _pillar("not_pandering", "saying it as it is", _mean("CA")),
            _pillar("in_line", "thinking, speaking and acting in line", _mean("CO", "FT", "OP")),
            _pillar("orientation", "their interest before our own", _mean("OR")),
            _pillar("time_for_empathy", "time for empathy", _mean("AT")),
        ),
    ),
    Lens(name="vulnerability", plain="vulnerability", pillars=(_pillar("openness", "openness", _mean("OP")),)),
    Lens(
        name="experience",
        plain="experience: premium, connected, personalised",
        pillars=(
            _pillar("premium", "premium: respect", _mean("RG")),
            _pillar("connected", "connected: the same story everywhere", _mean("CO")),
            _pillar("personalised", "personalised: this customer", _mean("PE")),
        ),
    ),
    Lens(
        name="equation",
        plain="trust equation, as shown by us",
        pillars=(
            _pillar("credibility", "credibility", _mean("RS", "CL", "CA")),
            _pillar("reliability", "reliability", _mean("CO", "FT")),
            _pillar("intimacy", "intimacy", _mean("AT", "OP", "RG")),
            _pillar("self_orientation", "self-orientation (lower is better)", {"OR": -1.0}),
        ),
    ),
    Lens(
        name="equation_held",
        plain="trust equation, as held by them",
        pillars=(
            _pillar("credibility", "credibility", _mean("HC")),
            _pillar("reliability", "reliability", _mean("HR")),
            _pillar("intimacy", "intimacy", _mean("HI")),
            _pillar("self_orientation", "self-orientation (lower is better)", {"HS": -1.0}),
        ),
    ),
    Lens(
        name="abi",
        plain="ability, benevolence, integrity",
        pillars=(
            _pillar("ability", "ability", _mean("RS", "CL")),
            _pillar("benevolence", "benevolence", _mean("AT", "OR", "RG")),
            _pillar("integrity", "integrity", _mean("CA", "CO", "FT")),
        ),
    ),
    Lens(
        name="htcr",
        plain="humanity, transparency, capability, reliability",
        pillars=(
            _pillar("humanity", "humanity", _mean("AT", "OR", "RG")),
            _pillar("transparency", "transparency", _mean("CA", "CL")),
            _pillar("capability", "capability (partial: product quality is not in conversations)", _mean("RS")),
            _pillar("reliability", "reliability", _mean("CO", "FT")),
        ),
    ),
    Lens(
        name="cognition_affect",
        plain="cognition- and affect-based trust",
        pillars=(
            _pillar("cognition", "cognition-based", _mean("RS", "CL", "CA", "CO", "FT")),
            _pillar("affect", "affect-based", _mean("AT", "OP", "OR", "RG")),
        ),
    ),
)

LENSES: Final = MappingProxyType({lens.name: lens for lens in _LENSES})
"""Every lens by name."""

CHECKPOINTS: Final = LENSES["triangle"].pillars
"""The six checkpoints proved at the end of each day."""
