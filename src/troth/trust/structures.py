"""Candidate structures of the facets: how many things they measure, as families of the correlation R.

One number for all facets, a few that go with the pillars of a lens, or each facet for itself: each is a way to fill R
with fewer or more free numbers. Which one a company's data bear out is for `structure` to say (MEASUREMENT 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from troth.lenses import LENSES
from troth.trust.model import Floats

Groups = tuple[tuple[int, ...], ...]

_LARGEST: Final = 0.995  # a loading or partial correlation never reaches 1, so that R stays positive definite
_START_LOADING: Final = np.arctanh(0.6)
_START_HALO: Final = 0.35  # between factors, where the search begins

_TRIANGLE: Final = MappingProxyType(
    {
        "logic": ("logic_quality", "logic_communication"),
        "authenticity": ("not_pandering", "in_line"),
        "empathy": ("orientation", "time_for_empathy"),
    }
)
"""The triangle's three corners, each made of two checkpoints."""

TESTED_LENSES: Final = ("cognition_affect", "triangle", "equation")
"""The lenses whose pillars are candidates: two, three and four of them."""


def gather_pillars(lens: str) -> Mapping[str, tuple[str, ...]]:
    """Pillar to its facets; the triangle's six checkpoints are gathered into its three corners."""
    facets = {pillar.name: tuple(pillar.weights) for pillar in LENSES[lens].pillars}
    if lens != "triangle":
        return facets
    return {corner: tuple(code for name in names for code in facets[name]) for corner, names in _TRIANGLE.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """One way to fill R, over K facets.

    Grouped: each facet measures the factor of its group and something of its own, and factors go together freely:
    R_ij = l_i l_j F(group i, group j), where l = 1 for a facet that is alone in its group. All facets in one group is
    the one-factor model, each facet alone is a free R.

    With a general factor: R_ij = g_i g_j between groups, and g_i g_j + r (u_i u_j)^(1/2) within one, u = 1 - g^2 and r
    within 0 and 1, one for each group: members of a group share equally what the general factor leaves of them.
    """

    name: str
    plain: str
    facets: tuple[str, ...]
    groups: Groups  # a partition of 0..K-1
    names: tuple[str, ...]  # of the groups
    has_general: bool = False

    @property
    def size(self) -> int:
        """Free numbers in R."""
        if self.has_general:
            return len(self.facets) + len(self.shared)
        return self._loaded.size + len(self.groups) * (len(self.groups) - 1) // 2

    @property
    def _loaded(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Facets whose loading is free: those not alone in their group."""
        return np.array([i for group in self.shared for i in group], np.int64)

    @property
    def shared(self) -> list[tuple[int, ...]]:
        """Groups of two facets or more."""
        return [group for group in self.groups if len(group) > 1]

    @property
    def has_groups(self) -> bool:
        """Whether some facets are together and not all are."""
        return len(self.groups) > 1 and len(self.shared) > 0

    def start(self) -> Floats:
        """Where a search begins: loadings of .6, factors that go together by .35."""
        if self.has_general:
            return np.concatenate([np.full(len(self.facets), _START_LOADING), np.full(len(self.shared), -1.5)])
        factors = len(self.groups)
        alike = np.full((factors, factors), _START_HALO) + (1 - _START_HALO) * np.eye(factors)
        return np.concatenate([np.full(self._loaded.size, _START_LOADING), free_parameters(alike)])

    def correlation(self, theta: Floats) -> Floats:
        """R at unconstrained parameters: shape (K, K), unit diagonal, positive definite but for rounding."""
        if self.has_general:
            general, shared = self.split(theta)
            matrix = np.outer(general, general)
            for group, share in zip(self.shared, shared, strict=True):
                rest = np.sqrt(share * (1 - general[list(group)] ** 2))
                matrix[np.ix_(group, group)] += np.outer(rest, rest)
        else:
            loads, group_of = np.ones(len(self.facets)), np.empty(len(self.facets), np.int64)
            loads[self._loaded] = _bound(theta[: self._loaded.size])
            for number, group in enumerate(self.groups):
                group_of[list(group)] = number
            matrix = np.outer(loads, loads) * self.factors(theta)[np.ix_(group_of, group_of)]
        np.fill_diagonal(matrix, 1.0)
        return matrix

    def factors(self, theta: Floats) -> Floats:
        """Correlations between the factors of a grouped structure: what is left when the facets' own parts are off."""
        return make_correlation(theta[self._loaded.size :], len(self.groups))

    def split(self, theta: Floats) -> tuple[Floats, Floats]:
        """Loadings g on the general factor, shape (K,), and r of each group of two facets or more."""
        count = len(self.facets)
        return _bound(theta[:count]), _LARGEST / (1 + np.exp(-theta[count:]))


def candidate_structures(facets: Sequence[str], *, gauge: str) -> tuple[Structure, ...]:
    """One factor, the pillars of each tested lens, a general factor with the triangle's corners, each facet for itself.

    Facets that a lens does not name stand for themselves in it. HELD has no pillars of several facets, so there it is
    one factor or each for itself. Structures that come out alike for want of facets are listed once.
    """
    codes = tuple(facets)
    everything = (tuple(range(len(codes))),)
    alone = tuple((i,) for i in range(len(codes)))
    found = [_structure("one", "one factor: one number for all facets", codes, everything, ("all",))]
    if gauge == "SHOWN":
        for lens in TESTED_LENSES:
            groups, names = group_facets(codes, gather_pillars(lens))
            found.append(_structure(lens, LENSES[lens].plain, codes, groups, names))
        groups, names = group_facets(codes, gather_pillars("triangle"))
        plain = "a general factor, and the triangle's corners beside it"
        found.append(_structure("bifactor", plain, codes, groups, names, has_general=True))
    found.append(_structure("free", "each facet for itself, going together freely", codes, alone, codes))
    kept: list[Structure] = []
    for one in found:
        is_known = any((old.groups, old.has_general) == (one.groups, one.has_general) for old in kept)
        if not is_known and (one.has_groups or not one.has_general):
            kept.append(one)
    return tuple(kept)


def group_facets(facets: Sequence[str], pillars: Mapping[str, Sequence[str]]) -> tuple[Groups, tuple[str, ...]]:
    """The partition by pillar of the facets that are here, and its names; facets in no pillar stand alone, last."""
    place = {code: i for i, code in enumerate(facets)}
    named = {name: tuple(place[code] for code in codes if code in place) for name, codes in pillars.items()}
    named = {name: group for name, group in named.items() if group}
    taken = {i for group in named.values() for i in group}
    named |= {code: (i,) for code, i in place.items() if i not in taken}
    return tuple(named.values()), tuple(named)


def free_parameters(correlation: Floats) -> Floats:
    """The unconstrained numbers that `make_correlation` makes this matrix of."""
    root, size = np.linalg.cholesky(correlation), len(correlation)
    partial = [
        root[i, j] / np.sqrt(1.0 - root[i, :j] @ root[i, :j]) for i in range(1, size) for j in range(i)
    ]  # canonical partial correlations, row by row
    return np.arctanh(np.array(partial, np.float64))


def make_correlation(free: Floats, size: int) -> Floats:
    """A correlation matrix from size (size - 1) / 2 unconstrained numbers, by canonical partial correlations.

    Source: Lewandowski, Kurowicka and Joe 2009, Journal of Multivariate Analysis 100, section 2.
    """
    root, partial, k = np.zeros((size, size)), _bound(free), 0
    for i in range(size):
        left = 1.0
        for j in range(i):
            root[i, j] = partial[k] * np.sqrt(left)
            left -= root[i, j] ** 2
            k += 1
        root[i, i] = np.sqrt(left)
    matrix = root @ root.T
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _bound(free: Floats) -> Floats:
    return _LARGEST * np.tanh(free)


def _structure(
    name: str, plain: str, facets: tuple[str, ...], groups: Groups, names: tuple[str, ...], *, has_general: bool = False
) -> Structure:
    return Structure(name=name, plain=plain, facets=facets, groups=groups, names=names, has_general=has_general)
