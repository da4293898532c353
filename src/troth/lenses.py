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

_LONGEST_NAME: Final = 40


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


def read_sum(written: str) -> dict[str, float]:
    """A sum of facets as people write it: "FT + CO", "-OR", "AT - RS". Every facet counts alike.

    Raises: SettingsError naming what is no facet, stands twice, or is no sum.
    """
    parts = written.replace("+", " + ").replace("-", " - ").split()
    signs = [*(parts[:1] if parts[:1] in (["+"], ["-"]) else ["+", *parts[:1]]), *parts[1:]]
    codes = [code.upper() for code in signs[1::2]]
    if not codes or len(signs) % 2 or any(sign not in "+-" for sign in signs[::2]):
        raise SettingsError(f"{written!r} is no sum of facets. Write it like 'FT + CO', or '-OR' for a facet reversed.")
    unknown = [code for code in codes if code not in SHOWN and code not in HELD]
    if unknown:
        raise SettingsError(f"{unknown[0]!r} is no facet. The facets are {', '.join([*SHOWN, *HELD])}.")
    if len(set(codes)) < len(codes):
        raise SettingsError(f"{written!r} names a facet twice. Every facet counts alike; name each one once.")
    return {code: (-1.0 if sign == "-" else 1.0) / len(codes) for sign, code in zip(signs[::2], codes, strict=True)}


def make_lens(name: str, plain: str, sums: Mapping[str, tuple[str, str]]) -> Lens:
    """A lens of one's own: pillar name to its plain words and its sum, as `read_sum` takes it.

    Raises: SettingsError saying which pillar cannot be, and why.
    """
    for called in (name, *sums):
        if not called.replace("_", "").isalnum() or not called.isascii() or len(called) > _LONGEST_NAME:
            raise SettingsError(
                f"{called!r} cannot name a lens or pillar: use letters, digits and _, {_LONGEST_NAME} at most."
            )
    if name in LENSES:
        raise SettingsError(f"there is a lens {name!r} already; give yours another name.")
    if not sums:
        raise SettingsError(f'lens {name!r} has no pillars. Give it one at least, like keeps_its_word = "FT + CO".')
    pillars: list[Pillar] = []
    for pillar, (words, written) in sums.items():
        try:
            pillars.append(_pillar(pillar, words or pillar.replace("_", " "), read_sum(written)))
        except SettingsError as error:
            raise SettingsError(f"pillar {pillar!r}: {error}") from error
    return Lens(name=name, plain=plain or name.replace("_", " "), pillars=tuple(pillars))


LENSES: Final = MappingProxyType({lens.name: lens for lens in _LENSES})
"""Every lens by name."""

CHECKPOINTS: Final = LENSES["triangle"].pillars
"""The six checkpoints proved at the end of each day."""

WHOLE: Final = MappingProxyType(
    {
        "shown": _pillar("shown", "trustworthiness shown", _mean(*SHOWN)),
        "held": _pillar("held", "trust held", _mean(*HELD)),
    }
)
"""Each gauge as one pillar, all facets alike."""


def find_score(name: str, lenses: Mapping[str, Lens] = LENSES) -> Pillar:
    """The pillar meant by "shown", "held", a facet's code, or a lens and its pillar joined by a dot.

    Raises: SettingsError naming what there is instead.
    """
    if name.lower() in WHOLE:
        return WHOLE[name.lower()]
    code = name.upper()
    if code in SHOWN or code in HELD:
        return _pillar(code, {**SHOWN, **HELD}[code], {code: 1.0})
    lens, _, wanted = name.partition(".")
    if lens not in lenses:
        raise SettingsError(
            f"{name!r} is no score. Name shown, held, a facet ({', '.join([*SHOWN, *HELD])}), "
            f"or a lens and its pillar such as triangle.in_line. The lenses are {', '.join(lenses)}."
        )
    pillars = {pillar.name: pillar for pillar in lenses[lens].pillars}
    if wanted not in pillars:
        raise SettingsError(f"lens {lens!r} has no pillar {wanted!r}; it has {', '.join(pillars)}.")
    return pillars[wanted]
