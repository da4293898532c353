"""How our turns spread over the categories of a facet in a population, and how much relationships differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from troth.readings.ordinal import ActRule, Law, make_law
from troth.readings.reference import ActReference
from troth.readings.scene import Floats, Ints
from troth.readings.shown import LENGTHS

_STEADY: Final = 10.0  # turns that the wider population weighs as much as: a start value
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_GRID: Final = np.arange(0.005, 0.8, 0.005)
_START: Final = (1.0, 9.0)  # Beta prior of the share between relationships, mean .1, as measured for clarity


def estimate_acts(
    rule: ActRule,
    category: Ints,
    *,
    length: Ints,
    channel: Sequence[str],
    group: Ints,
    sensitivity: Mapping[str, float],
    specificity: Mapping[str, float],
) -> ActReference:
    """Shares of the categories by channel and length, and the share of the variance between relationships.

    The shares of a channel and length are drawn toward those of the length over all channels, and these toward the
    whole, by `_STEADY` turns.

    Args:
        rule: the facet's.
        category, length, group: shape (n,), of each turn; group is its relationship's number.
        channel: n names.
        sensitivity, specificity: of the detection of each category, where they were measured.
    """
    shares = count_shares(category, length, np.array(channel, object), len(rule.categories))
    named = {
        name: {
            LENGTHS[number]: dict(zip(rule.categories, row.tolist(), strict=True)) for number, row in enumerate(rows)
        }
        for name, rows in shares.items()
    }
    laws = {
        (name, number): make_law(rule, by_length[LENGTHS[number]], sensitivity, specificity)
        for name, by_length in named.items()
        for number in range(len(LENGTHS))
    }
    share = estimate_share(category, [laws[key] for key in zip(channel, length.tolist(), strict=True)], group)
    return ActReference(rates=named, share_between=round(share, 4), turns=len(category))


def count_shares(category: Ints, length: Ints, channel: np.ndarray, categories: int) -> dict[str, Floats]:
    """Channel to shape (lengths, categories): smoothed shares, each row summing to 1."""
    whole = np.bincount(category, minlength=categories) / max(len(category), 1)
    found: dict[str, Floats] = {}
    for name in sorted({*channel.tolist(), "mail"}):
        rows: list[Floats] = []
        for number in range(len(LENGTHS)):
            wide = np.bincount(category[length == number], minlength=categories)
            wide = (wide + _STEADY * whole) / (wide.sum() + _STEADY)
            own = np.bincount(category[(length == number) & (channel == name)], minlength=categories)
            rows.append(np.round((own + _STEADY * wide) / (own.sum() + _STEADY), 6))
        found[name] = np.stack(rows)
    return found


def estimate_share(category: Ints, laws: Sequence[Law], group: Ints) -> float:
    """Share of the variance behind the categories that lies between relationships: its posterior mean.

    An ordinal probit with one random level for each relationship, x ~ N(0, 1): with slope^2 / (slope^2 + 1) the share,
    P(category | x) = alpha + beta [Phi(c_hi S - slope x) - Phi(c_lo S - slope x)], S^2 = slope^2 + 1, where the cuts c
    give the shares of the law. Start values of the share: Beta(1, 9). Cost: one pass for each of 159 shares.

    Args:
        category: shape (n,).
        laws: n laws, with which each turn was found.
        group: shape (n,).
    """
    cuts = np.array([[-np.inf, *ndtri(np.cumsum(law.rates / law.rates.sum())[:-1]), np.inf] for law in laws])
    place = np.arange(len(category))
    lo, hi = cuts[place, category][:, None], cuts[place, category + 1][:, None]
    alpha, beta = (
        np.array([getattr(law, name) for law in laws])[place, category][:, None] for name in ("alpha", "beta")
    )
    # Turns that are alike are gone through once: few kinds, many turns.
    kinds, kind = np.unique(np.hstack([lo, hi, alpha, beta]), axis=0, return_inverse=True)
    lo, hi, alpha, beta = (column[:, None] for column in kinds.T)
    home = np.unique(group, return_inverse=True)[1]
    counts = np.zeros((int(home.max()) + 1, len(kinds)))
    np.add.at(counts, (home, kind.ravel()), 1.0)
    told = np.empty(len(_GRID))
    for number, share in enumerate(_GRID):
        slope = np.sqrt(share / (1.0 - share))
        spread, level = np.sqrt(1.0 + slope**2), slope * _NODES
        chance = alpha + beta * (ndtr(hi * spread - level) - ndtr(lo * spread - level))
        at_nodes = counts @ np.log(np.maximum(chance, 1e-300))
        top = at_nodes.max(axis=1, keepdims=True)
        told[number] = (top[:, 0] + np.log(np.exp(at_nodes - top) @ (_WEIGHTS / _WEIGHTS.sum()))).sum()
    told += (_START[0] - 1.0) * np.log(_GRID) + (_START[1] - 1.0) * np.log(1.0 - _GRID)
    weight = np.exp(told - told.max())
    return float(weight @ _GRID / weight.sum())
