"""What is usual: the reference population that turns raw evidence into standard deviations between relationships.

`estimate_reference` takes variance components from a corpus; the shipped values come from the public conversations
named in the file itself, measured with the shipped encoder. A reference belongs to one encoder: with another one the
numbers mean something else, so the file names it and `load_reference` is asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import nnls
from scipy.special import ndtr

from troth.errors import EncoderError, InputError

_FARTHEST_LAG = 6  # sentences apart; farther ones are too few to tell anything
PLACES = np.arange(-3.0, 3.01, 0.5)
"""Normal scores: the share of turns below each is its Phi. Beyond the outer two the reference has no turns to tell."""

_STEP = 1e-5  # between places that lie on one spot
_ROUNDS = 5  # of weighing; it settles in three
_LEAST_SHARE = 0.02  # of the variance that lies between relationships; below it a corpus cannot tell it from none


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetReference:
    """Raw evidence of one facet of SHOWN in the reference population. Raw units, and raw units squared.

    What is usual differs between a mail and a call, and so does how turns spread around it; the share of that spread
    that lies between relationships is taken to be the same in both.
    """

    means: Mapping[str, float]  # channel to the usual level; "mail" stands in for a channel that was not measured
    between_var: float  # of the level, between relationships
    turn_var: float  # tau^2: of a turn around its relationship's level
    sentence_var: float  # sigma^2: of a sentence around its turn
    turns: int
    neighbour: float = 0.0  # correlation of a sentence with the next one of its turn, beyond what the turn shares
    # Channel to where its turns lie: sd from the usual level at each of PLACES. None where it was not measured.
    spread: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])

    def __post_init__(self) -> None:
        if "mail" not in self.means:
            raise InputError(f"a reference needs the usual level in mail, got {self.means}")
        if not 0 <= self.neighbour < 1:
            raise InputError(f"neighbouring sentences correlate by 0 to below 1, got {self.neighbour}")
        if any(len(ends) != len(PLACES) or (np.diff(ends) <= 0).any() for ends in self.spread.values()):
            raise InputError(f"a spread needs {len(PLACES)} rising numbers, got {self.spread}")
        if self.between_var <= 0 or self.turn_var < 0 or self.sentence_var < 0:
            raise InputError(f"a reference needs between_var above 0 and no negative variance, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActReference:
    """How our turns spread over the categories of one facet of SHOWN, at their occasions."""

    rates: Mapping[str, Mapping[str, Mapping[str, float]]]  # channel to length of the turn to category to share
    share_between: float  # of the variance behind the categories, the part that lies between relationships
    turns: int

    def __post_init__(self) -> None:
        if "mail" not in self.rates:
            raise InputError(f"a reference needs the shares in mail, got those in {', '.join(self.rates) or 'nothing'}")
        if not 0 < self.share_between < 1:
            raise InputError(f"the share between relationships lies above 0 and below 1, got {self.share_between}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The reference population: `facets` and `acts` for SHOWN, `rates` of acts at their occasions for HELD."""

    encoder: str  # name and hash of the encoder that made the findings
    corpora: str  # what it was measured on
    facets: Mapping[str, FacetReference]
    rates: Mapping[str, Mapping[str, float]]  # HELD facet to category to share of occasions
    sensitivity: Mapping[str, Mapping[str, float]]  # facet to category: share found of the turns that hold it
    specificity: Mapping[str, Mapping[str, float]]  # the same: share left alone of the turns that do not
    wait_mean: float  # mean of log working hours until a question is answered
    wait_between_var: float  # its variance between relationships
    wait_within_var: float  # and within one
    acts: Mapping[str, ActReference] = field(default_factory=dict[str, ActReference])  # SHOWN facets with rare acts
    # Whether facts agree and what has to be told again, `connected.RULES`, to category to share of occasions.
    joins: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])

    def to_json(self) -> str:
        """The form `load_reference` reads."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def load_reference(encoder: str | None = None) -> Reference:
    """Read the shipped reference.

    Raises: EncoderError when it was measured with another encoder than the one named.
    """
    raw: dict[str, Any] = json.loads(files("troth.readings").joinpath("reference.json").read_text("utf-8"))
    if encoder is not None and raw["encoder"] != encoder:
        raise EncoderError(
            f"the reference population was measured with encoder {raw['encoder']}, not {encoder}. "
            "Measure it again (make reference), or install troth anew."
        )
    facets = {facet: FacetReference(**values) for facet, values in raw.pop("facets").items()}
    acts = {facet: ActReference(**values) for facet, values in raw.pop("acts").items()}
    return Reference(facets=facets, acts=acts, **raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Mean and variance components of a nested layout."""

    mean: float
    between_var: float
    turn_var: float
    sentence_var: float
    turns: int


def estimate_components(
    raw: npt.NDArray[np.float64], turn: npt.NDArray[np.int64], group: npt.NDArray[np.int64]
) -> Components:
    """Variance components of raw evidence by the method of moments for a nested, unbalanced layout.

    Args:
        raw: shape (n_sentences,).
        turn: shape (n_sentences,), number of the turn.
        group: shape (n_sentences,), number of the relationship; a turn lies in one of them.

    Returns: components; between_var is at least 2 % of the whole, since a corpus of short relationships cannot tell
        a small share from none.
    Raises: InputError with fewer than two relationships of two turns.
    Source: Searle, Casella and McCulloch, Variance Components (1992), section 5.3 (Henderson's method I).
    """
    turns, first, turn_of = np.unique(turn, return_index=True, return_inverse=True)
    size = np.bincount(turn_of).astype(float)
    turn_mean = np.bincount(turn_of, weights=raw) / size
    group_of = np.unique(group[first], return_inverse=True)[1]
    group_turns = np.bincount(group_of).astype(float)
    if (group_turns > 1).sum() < 2:
        raise InputError("a reference needs at least two relationships with two turns each.")
    within = raw - turn_mean[turn_of]
    freedom = max(1.0, len(raw) - len(turns))
    sentence_var = float(within @ within / freedom)
    # Means of turns carry sentence_var / size; what is left of their spread is turn and relationship.
    group_mean = np.bincount(group_of, weights=turn_mean) / group_turns
    noise = sentence_var * np.bincount(group_of, weights=1.0 / size) / group_turns
    spread = turn_mean - group_mean[group_of]
    many = group_turns > 1
    in_many = many[group_of]
    turn_total = float((spread[in_many] ** 2).sum() / (group_turns[many] - 1.0).sum())
    turn_var = max(0.0, turn_total - float(np.average(noise[many], weights=group_turns[many] - 1.0)))
    mean = float(np.average(group_mean, weights=group_turns))
    share = group_turns / group_turns.sum()
    between_total = float(share @ (group_mean - mean) ** 2)
    expected = float((share * (1.0 - share)) @ ((turn_var + noise) / group_turns))
    between_var = (between_total - expected) / float(1.0 - share @ share)
    whole = max(between_var, 0.0) + turn_var + sentence_var
    return Components(
        mean=mean,
        between_var=max(between_var, _LEAST_SHARE * whole, 1e-9),
        turn_var=turn_var,
        sentence_var=sentence_var,
        turns=len(turns),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How sentences of one turn go together."""

    turn_var: float  # what all sentences of a turn share, relationship left out
    sentence_var: float
    neighbour: float  # correlation of what is left, from one sentence to the next


def estimate_run(
    raw: npt.NDArray[np.float64],
    turn: npt.NDArray[np.int64],
    sentence: npt.NDArray[np.int64],
    *,
    between_var: float,
) -> Run:
    """Fit covariance at a distance of k sentences = shared + sentence_var neighbour^k, by least squares.

    Args:
        raw, turn: as in `estimate_components`.
        sentence: shape (n_sentences,), place in the turn.
        between_var: between relationships; what is shared beyond it belongs to the turn.

    Each distance weighs as many pairs as it has. Neighbour is 0 where the sentences of a turn are alike whatever
    their distance. Cost: one sort and a pass for each of the distances 0 to 6.
    """
    order = np.lexsort((sentence, turn))
    of_turn, place, deviation = turn[order], sentence[order], (raw - raw.mean())[order]
    products, pairs = np.zeros(_FARTHEST_LAG + 1), np.zeros(_FARTHEST_LAG + 1)
    for step in range(_FARTHEST_LAG + 1):  # places rise, so pairs k apart in place are at most k apart in order
        ahead = slice(step, None), slice(0, len(order) - step)
        apart = np.where(of_turn[ahead[0]] == of_turn[ahead[1]], place[ahead[0]] - place[ahead[1]], -1)
        near = (apart >= step) & (apart <= _FARTHEST_LAG)
        products += np.bincount(
            apart[near], (deviation[ahead[0]] * deviation[ahead[1]])[near], minlength=_FARTHEST_LAG + 1
        )
        pairs += np.bincount(apart[near], minlength=_FARTHEST_LAG + 1)
    seen = pairs > 0
    covariance, weight = products[seen] / pairs[seen], np.sqrt(pairs[seen])
    fits: list[tuple[float, Run]] = []
    for neighbour in np.arange(0.0, 0.91, 0.01):
        design = np.stack([np.ones(seen.sum()), neighbour ** np.arange(_FARTHEST_LAG + 1)[seen]], axis=1)
        (shared, own), *_ = np.linalg.lstsq(design * weight[:, None], covariance * weight, rcond=None)
        miss = float((((design @ [shared, own]) - covariance) ** 2 * weight**2).sum())
        run = Run(
            turn_var=max(float(shared) - between_var, 0.0),
            sentence_var=max(float(own), 0.0),
            neighbour=round(float(neighbour), 2),
        )
        fits.append((miss, run))
    return min(fits, key=lambda fit: fit[0])[1]


def count_effective(sentences: npt.NDArray[np.float64], neighbour: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """How many unconnected sentences tell as much as these, shape (n,): 1 to the number of sentences.

    1 / n_eff = (1/n) [ (1 + r) / (1 - r) - 2 r (1 - r^n) / (n (1 - r)^2) ] for a correlation r from one sentence to
    the next. Source: Bayley and Hammersley 1946.
    """
    n, r = sentences, np.asarray(neighbour, float)
    return n / ((1.0 + r) / (1.0 - r) - 2.0 * r * (1.0 - r**n) / (n * (1.0 - r) ** 2))


def estimate_noise(
    turn_mean: npt.NDArray[np.float64], told: npt.NDArray[np.float64], *, between_var: float
) -> tuple[float, float]:
    """tau^2 and sigma^2 such that the means of turns spread as they do: E mean^2 = between + tau^2 + sigma^2 / told.

    Least squares of the squares, none below 0, each weighed by what it is expected to be; every turn counts once,
    where sentence pairs would let the longest decide.

    Args:
        turn_mean: shape (n_turns,), mean of each turn, the usual level taken out.
        told: shape (n_turns,), effective number of sentences.
        between_var: between relationships.
    """
    design, found = np.stack([np.ones(len(told)), 1.0 / told], axis=1), np.array([1.0, 1.0])
    expected = np.full(len(told), max(float((turn_mean**2).mean()), 1e-12))
    for _ in range(_ROUNDS):
        found = nnls(design / expected[:, None], (turn_mean**2 - between_var) / expected)[0]
        expected = between_var + design @ found
    return float(found[0]), float(found[1])


def estimate_between(
    score: npt.NDArray[np.float64], whole: npt.NDArray[np.float64], group: npt.NDArray[np.int64]
) -> float:
    """Variance between relationships: the posterior mean of its share, Beta(1, 9) before (a start value, mean .1).

    Turns are score = sqrt(r) x + N(0, 1 - r) with r = between / whole and a level x ~ N(0, 1) for each relationship.
    Unlike moments, the likelihood lets neither the longest relationship nor the longest turn decide.

    Args:
        score: shape (n,), normal score of each turn.
        whole: shape (n,), variance of a turn's mean.
        group: shape (n,), number of the relationship.
    """
    shares = np.arange(0.005, 0.6, 0.005)
    told = np.empty(len(shares))
    for number, share in enumerate(shares):
        part = np.minimum(share * whole.mean() / whole, 0.95)
        weight = np.bincount(group, weights=part / (1.0 - part))
        pull = np.bincount(group, weights=np.sqrt(part) * score / (1.0 - part))
        told[number] = 0.5 * float((pull**2 / (1.0 + weight) - np.log1p(weight)).sum())
        told[number] -= 0.5 * float((score**2 / (1.0 - part) + np.log1p(-part)).sum())
    told += 8.0 * np.log1p(-shares)
    chance = np.exp(told - told.max())
    return float(whole.mean() * (chance @ shares) / chance.sum())


def _find_places(apart: npt.NDArray[np.float64]) -> list[float]:
    """Where turns lie at each of `PLACES`, rising."""
    ends = np.quantile(apart, ndtr(PLACES))
    return (np.maximum.accumulate(ends) + _STEP * np.arange(len(ends))).round(6).tolist()


def estimate_facets(
    evidence: pa.Table, relationship_of_turn: Mapping[str, str], channel_of_turn: Mapping[str, str]
) -> dict[str, FacetReference]:
    """The reference of each facet in an EVIDENCE table; the usual level of each channel is taken out first."""
    found: dict[str, FacetReference] = {}
    for facet in sorted(evidence["facet"].unique().to_pylist()):
        rows = evidence.filter(pc.equal(evidence["facet"], facet))
        turn = rows["turn_id"].combine_chunks().dictionary_encode()
        ids, number = turn.dictionary.to_pylist(), turn.indices.to_numpy().astype(np.int64)
        group = pa.array([relationship_of_turn[turn_id] for turn_id in ids]).dictionary_encode().indices.to_numpy()
        channel = np.array([channel_of_turn[turn_id] for turn_id in ids], object)[number]
        raw = rows["raw"].to_numpy().astype(float)
        means = {name: float(raw[channel == name].mean()) for name in sorted(set(channel))}
        usual = np.array([means[name] for name in channel])
        place = rows["sentence"].to_numpy().astype(np.int64)
        neighbour = estimate_run(raw - usual, number, place, between_var=0.0).neighbour
        size = np.bincount(number, minlength=len(ids)).astype(float)
        mean, told = (
            np.bincount(number, weights=raw - usual, minlength=len(ids)) / size,
            count_effective(size, neighbour),
        )
        of_turn = np.array([channel_of_turn[turn_id] for turn_id in ids], object)
        spread: dict[str, list[float]] = {}
        turn_var, sentence_var = estimate_noise(mean, told, between_var=0.0)
        between_var = 0.0
        for _ in range(2):  # the first round sees all spread as noise
            whole = between_var + turn_var + sentence_var / told
            apart = mean / np.sqrt(whole)
            spread = {name: _find_places(apart[of_turn == name]) for name in means}
            score = np.empty(len(ids))
            for name, ends in spread.items():
                score[of_turn == name] = np.interp(apart[of_turn == name], ends, PLACES)
            between_var = estimate_between(score, whole, group.astype(np.int64))
            turn_var, sentence_var = estimate_noise(mean, told, between_var=between_var)
        found[facet] = FacetReference(
            spread=spread,
            means={name: round(value, 6) for name, value in means.items()},
            between_var=between_var,
            turn_var=turn_var,
            sentence_var=sentence_var,
            turns=len(ids),
            neighbour=neighbour,
        )
    return found
