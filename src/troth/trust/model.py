"""What the filter assumes, and what it remembers of one relationship.

Every constant is a start value of MEASUREMENT 4.1 until it has been learned from a company's own readings (4.5).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from troth.errors import InputError, SettingsError
from troth.signals import HELD, SHOWN
from troth.trust.yardstick import Yardstick

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GAUGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"SHOWN": tuple(SHOWN), "HELD": tuple(HELD)})
"""The two gauges and their facets, in catalogue order. They are separate blocks and never inform each other."""

START_HALO: Final = 0.5
"""Assumed correlation between any two facets of one gauge. With .5 to .6 true and independence assumed, a composite's
95 % interval was found to cover 69 to 76 % (MEASUREMENT 4.8), so a wrong guess here is cheaper than none."""

EARLIEST_US: Final = -62_135_596_800_000_000  # year 1
LATEST_US: Final = 253_402_300_799_999_999  # year 9999

_MAGIC: Final = b"T1"
_EXACT: Final = b"T8"
_CORRELATION_STEP: Final = 2**23 - 1  # correlations travel as 24-bit fixed point, good to 6e-8


def gauge_of(facet: str) -> str:
    """ "SHOWN" or "HELD"."""
    return "SHOWN" if facet in SHOWN else "HELD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The constants of the state-space model, and the rules by which a number is shown or withheld.

    Levels are in standard deviations between relationships: stationary variance is 1 and 0 is typical.
    """

    slow_half_life_days: float = 720.0
    fast_half_life_days: float = 30.0
    fast_share: float = 0.5  # phi: share of a level's variance that lies in its fast part
    halo: float = START_HALO  # correlation between facets of one gauge, where `correlations` says nothing else
    correlations: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)  # gauge to its R
    means: Mapping[str, float] = field(default_factory=dict)  # facet to mu, the population's mean; 0 where absent
    segment_means: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # segment to facet to its own mu
    yardsticks: tuple[Yardstick, ...] = ()  # how some signals' readings are to be taken; the others as they come
    band: float = 0.8  # probability inside the band that is shown
    withhold_below: float = 0.5  # reliability under which the band is shown and the number is not
    name_wobble_from: float = 0.8  # probability from which the lowest pillar is named
    draws: int = 4000  # for ratios and rankings, which have no closed form

    def __post_init__(self) -> None:
        lives = (self.slow_half_life_days, self.fast_half_life_days)
        if not all(math.isfinite(days) and days > 0 for days in lives):
            raise SettingsError(f"half-lives must be above 0 days, got {lives}.")
        shares = (self.fast_share, self.withhold_below, self.name_wobble_from)
        if not all(0 <= share <= 1 for share in shares) or not 0 < self.band < 1:
            raise SettingsError(f"fast_share, withhold_below, name_wobble_from and band are shares, got {self}.")
        if self.draws < 100:
            raise SettingsError(f"draws must be at least 100 for a band to mean anything, got {self.draws}.")
        means = [self.means, *self.segment_means.values()]
        unknown = [code for some in means for code in some if code not in SHOWN and code not in HELD]
        unknown += [name for name in self.correlations if name not in GAUGES]
        if unknown or not all(math.isfinite(mean) for some in means for mean in some.values()):
            raise SettingsError(f"means must be finite and for known facets, correlations by gauge; see {unknown}.")
        measured = [(stick.facet, signal) for stick in self.yardsticks for signal in stick.signals]
        if len(set(measured)) < len(measured):
            raise SettingsError("two yardsticks measure one signal of one facet.")
        for gauge in GAUGES:
            self.correlation(gauge)

    def within(self, segment: str) -> Model:
        """The same model as it holds for one segment: `means` are the segment's own."""
        return replace(self, means={**self.means, **self.segment_means.get(segment, {})}, segment_means={})

    def correlation(self, gauge: str) -> Floats:
        """R of one gauge: shape (K, K), unit diagonal, positive definite.

        Raises: SettingsError when the numbers given do not make such a matrix.
        """
        size = len(GAUGES[gauge])
        if gauge not in self.correlations:
            matrix = np.full((size, size), float(self.halo))
            np.fill_diagonal(matrix, 1.0)
        else:
            matrix = np.array(self.correlations[gauge], dtype=np.float64)
        good = matrix.shape == (size, size) and bool(np.isfinite(matrix).all())
        good = good and bool((matrix == matrix.T).all()) and bool((np.diag(matrix) == 1.0).all())
        if not good or float(np.linalg.eigvalsh(matrix)[0]) < 1e-9:
            raise SettingsError(
                f"the correlation between facets of {gauge} must be a symmetric, positive definite {size} x {size} "
                "matrix with ones on its diagonal (for a single halo: above -1/9 and below 1)."
            )
        return matrix


DEFAULT_MODEL: Final = Model()


@dataclass(frozen=True, slots=True, eq=False)
class Dynamics:
    """A Model as one gauge's kernel takes it; K facets, state (slow 1..K, fast 1..K)."""

    facets: int  # K
    slow_rate: float  # per day
    fast_rate: float  # per day
    mean: Floats  # (2K,) stationary mean of the state
    prior: Floats  # (2K, 2K) stationary covariance of the state

    def decay(self, gap_us: int) -> Floats:
        """es for the slow and ef for the fast coordinates over a gap in microseconds: shape (2K,)."""
        days = gap_us / 86_400e6
        return np.repeat([math.exp(-self.slow_rate * days), math.exp(-self.fast_rate * days)], self.facets)


def dynamics(model: Model, gauge: str) -> Dynamics:
    """The rates, stationary mean and covariance of one gauge's state (MEASUREMENT 4.1)."""
    facets = GAUGES[gauge]
    size, correlation = len(facets), model.correlation(gauge)
    prior = np.zeros((2 * size, 2 * size))
    prior[:size, :size] = (1.0 - model.fast_share) * correlation
    prior[size:, size:] = model.fast_share * correlation
    mean = np.zeros(2 * size)
    mean[:size] = [model.means.get(code, 0.0) for code in facets]
    return Dynamics(
        facets=size,
        slow_rate=math.log(2.0) / model.slow_half_life_days,
        fast_rate=math.log(2.0) / model.fast_half_life_days,
        mean=mean,
        prior=prior,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Block:
    """What the filter knows of one gauge of one relationship at the time of its last reading."""

    at_us: int  # microseconds since 1970, UTC
    mean: Floats  # (2K,) slow parts, then fast parts
    cov: Floats  # (2K, 2K)
    readings: Ints  # (K,) readings so far, per facet


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All that the filter remembers of one relationship: nothing else is needed to go on.

    In memory everything is float64 and going on gives the same bits as starting over. `pack` keeps that in about
    2.4 kB with ``exact=True``; the short form takes under 1 kB for both gauges together, holds means and standard
    deviations as float32 and correlations to 6e-8, and goes on to about six digits.
    """

    blocks: Mapping[str, Block]  # gauge to block; a gauge without readings is absent

    def pack(self, *, exact: bool = False) -> bytes:
        """This state as bytes, little-endian."""
        parts = [_EXACT if exact else _MAGIC, bytes([sum(1 << i for i, g in enumerate(GAUGES) if g in self.blocks)])]
        for gauge in GAUGES:
            if gauge in self.blocks:
                parts.append(_pack_block(self.blocks[gauge], exact=exact))
        return b"".join(parts)

    @classmethod
    def unpack(cls, packed: bytes) -> State:
        """The state that `pack` made these bytes of.

        Raises: InputError when the bytes are no packed state.
        """
        if len(packed) < 3 or packed[:2] not in (_MAGIC, _EXACT) or packed[2] > 3:
            raise InputError("these bytes are not a packed trust state; follow the readings from the start.")
        exact, present, blocks, offset = packed[:2] == _EXACT, packed[2], dict[str, Block](), 3
        for i, (gauge, facets) in enumerate(GAUGES.items()):
            if present & (1 << i):
                size = _packed_size(len(facets), exact=exact)
                if len(packed) < offset + size:
                    raise InputError("a packed trust state is cut short; follow the readings from the start.")
                blocks[gauge] = _unpack_block(packed[offset : offset + size], len(facets), exact=exact)
                offset += size
        if offset != len(packed):
            raise InputError("a packed trust state has bytes too many; follow the readings from the start.")
        return cls(blocks)


def _packed_size(facets: int, *, exact: bool) -> int:
    size = 2 * facets
    pairs = size * (size - 1) // 2
    return 8 + 4 * facets + (8 * (size + size + pairs) if exact else 4 * (size + size) + 3 * pairs)


def _pack_block(block: Block, *, exact: bool) -> bytes:
    lower = np.tril_indices(len(block.mean), -1)
    head = struct.pack("<q", block.at_us) + np.minimum(block.readings, 2**32 - 1).astype("<u4").tobytes()
    var = np.diag(block.cov)
    if exact:
        return head + block.mean.astype("<f8").tobytes() + var.astype("<f8").tobytes() + block.cov[lower].tobytes()
    sd = np.sqrt(np.maximum(var, 1e-30))
    correlation = np.clip(block.cov[lower] / (sd[lower[0]] * sd[lower[1]]), -1, 1)
    steps = np.rint(correlation * _CORRELATION_STEP).astype("<i4")
    three = steps.view(np.uint8).reshape(-1, 4)[:, :3]  # the fourth byte only repeats the sign
    return head + block.mean.astype("<f4").tobytes() + sd.astype("<f4").tobytes() + three.tobytes()


def _unpack_block(packed: bytes, facets: int, *, exact: bool) -> Block:
    size = 2 * facets
    (at_us,) = struct.unpack_from("<q", packed)
    readings = np.frombuffer(packed, "<u4", facets, 8).astype(np.int64)
    offset, kind = 8 + 4 * facets, "<f8" if exact else "<f4"
    width = 8 if exact else 4
    mean = np.frombuffer(packed, kind, size, offset).astype(np.float64)
    spread = np.frombuffer(packed, kind, size, offset + width * size).astype(np.float64)
    rest, lower, cov = offset + 2 * width * size, np.tril_indices(size, -1), np.zeros((size, size))
    if exact:
        cov[lower] = np.frombuffer(packed, "<f8", offset=rest)
        cov += cov.T
        np.fill_diagonal(cov, spread)
    else:
        three = np.frombuffer(packed, np.uint8, offset=rest).reshape(-1, 3)
        four = np.zeros((len(three), 4), np.uint8)
        four[:, 1:] = three  # shifted up by a byte, so that dividing back down carries the sign
        cov[lower] = (four.view("<i4")[:, 0] >> 8) / _CORRELATION_STEP * spread[lower[0]] * spread[lower[1]]
        cov += cov.T
        np.fill_diagonal(cov, spread**2)
    good = (
        EARLIEST_US <= at_us <= LATEST_US and np.isfinite(mean).all() and np.isfinite(cov).all() and (spread >= 0).all()
    )
    if not good:
        raise InputError("a packed trust state holds impossible numbers; follow the readings from the start.")
    return Block(at_us=at_us, mean=mean, cov=cov, readings=readings)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Standing:
    """Levels of one gauge of one relationship at one time, in standard deviations between relationships."""

    gauge: str
    at_us: int  # microseconds since 1970, UTC
    facets: tuple[str, ...]
    mean: Floats  # (K,) levels, slow plus fast
    cov: Floats  # (K, K)
    prior_cov: Floats  # (K, K): R, what is believed without evidence
    readings: Ints  # (K,) readings so far, per facet
